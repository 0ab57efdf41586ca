/* Cleanup attributes: an owner on the stack releases what it holds when it leaves its scope. */
#pragma once
#include <stdlib.h>
#include <unistd.h>

#define cleanup(fn) __attribute__((cleanup(fn)))

static inline void cleanup_freep(void *p) {
    free(*(void **)p);
}

static inline void cleanup_closep(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

#define cleanup_free cleanup(cleanup_freep)
#define cleanup_close cleanup(cleanup_closep)

/* Hands over ownership: yields the old value and leaves the empty one behind. */
#define steal_ptr(p)                                                                                                   \
    ({                                                                                                                 \
        __auto_type steal_old = (p);                                                                                   \
        (p) = NULL;                                                                                                    \
        steal_old;                                                                                                     \
    })
#define steal_fd(fd)                                                                                                   \
    ({                                                                                                                 \
        int steal_old = (fd);                                                                                          \
        (fd) = -1;                                                                                                     \
        steal_old;                                                                                                     \
    })
