/* memfds: made, sealed, and verified by whoever receives one. */
#include "shared-mem/memfd.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif
_Static_assert((F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE) == MEMFD_SEALS_READERS,
               "seals of readers");
_Static_assert((F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) == MEMFD_SEALS_SIZE, "seals of the size");

int memfd_new(const char *name, uint64_t size) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

int memfd_seal(int fd, int seals) {
    return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

int memfd_verify(int fd, uint64_t size, int seals) {
    struct stat st;
    int have = fcntl(fd, F_GET_SEALS);
    if (have < 0)
        return -errno;
    if ((have & seals) != seals)
        return -EPERM;
    if (fstat(fd, &st) < 0)
        return -errno;
    return (uint64_t)st.st_size == size ? 0 : -EINVAL;
}
