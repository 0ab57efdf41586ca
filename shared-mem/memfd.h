/* memfds: made, sealed, and verified by whoever receives one. */
#pragma once
#include <stdint.h>

/* Bits of F_SEAL_*, spelled out here so that only memfd.c needs <fcntl.h> with its GNU extensions. */
#define MEMFD_SEALS_READERS                                                                                            \
    (0x0001 | 0x0002 | 0x0004 | 0x0010) /* SEAL, SHRINK, GROW, FUTURE_WRITE: read-only for all but the maker */
#define MEMFD_SEALS_SIZE (0x0001 | 0x0002 | 0x0004) /* SEAL, SHRINK, GROW: the size is final */

int memfd_new(const char *name,
              uint64_t size); /* a file descriptor or a negative errno; sparse, sealable, not executable by exec */
int memfd_seal(int fd, int seals);
/* 0 if fd is a memfd of at least these seals and exactly this size (so that no access through a mapping can be a SIGBUS), else -EPERM, -EINVAL. */
int memfd_verify(int fd, uint64_t size, int seals);
