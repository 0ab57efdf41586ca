/* Code segments and the window. The broker creates a segment (memfd), maps it read-write (MADV_DONTFORK), then seals it so that nobody
 * can map it writable again; clients reserve the window, put the import table at its start and map segments read-execute. */
#pragma once
#include "protocol/abi.h"
#include <stddef.h>

typedef struct Segment {
    int fd;
    uint8_t *base;   /* the creator's writable mapping; NULL in a client */
    uint64_t offset; /* in the window */
    uint64_t size, used;
} Segment;

#define SEGMENT_NULL ((Segment){.fd = -1})

/* All return 0 or a negative errno. */
int segment_create(uint64_t offset, uint64_t size, Segment *ret_segment);
void segment_deinit(Segment *segment);

typedef struct Window {
    uint8_t *base; /* of JITD_WINDOW_SIZE bytes of reserved address space; NULL: none */
} Window;

/* `imports`: JITD_N_IMPORTS pointers to functions of this process. */
int window_init(Window *window, const void *const *imports);
void window_deinit(Window *window);
int window_map(Window *window, int fd, uint64_t offset,
               uint64_t size); /* checks offset and size, and the file's seals and size */
