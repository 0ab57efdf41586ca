/* Code segments and the window they are mapped into.
 *
 * Who may do what is enforced by the kernel, not by agreement: the creator maps the memfd writable first and then adds
 * F_SEAL_FUTURE_WRITE, after which every new writable mapping fails with EPERM, an mprotect of a read-only one with EACCES,
 * and a write() with EPERM, while the creator's own mapping goes on writing. F_SEAL_SEAL makes that final. Nobody ever holds a page
 * both writable and executable, so all this works under PR_SET_MDWE, too. The memfd can't be given to exec (MFD_NOEXEC_SEAL);
 * that says nothing about mmap(PROT_EXEC), which clients need. */
#include "shared-mem/segment.h"
#include "shared-mem/memfd.h"
#include "base/cleanup.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

_Static_assert(JITD_N_IMPORTS * sizeof(void *) <= JITD_IMPORTS_SIZE, "the import table fits its pages");

static int range_ok(uint64_t offset, uint64_t size) {
    return offset >= JITD_SEGMENTS_OFFSET && offset % 4096 == 0 && size && size % 4096 == 0 &&
           size <= JITD_WINDOW_SIZE && offset <= JITD_WINDOW_SIZE - size;
}

int segment_create(uint64_t offset, uint64_t size, Segment *ret_segment) {
    if (!range_ok(offset, size))
        return -EINVAL;
    cleanup_close int fd = memfd_new("jitd-code", size);
    if (fd < 0)
        return fd;
    uint8_t *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    int r = madvise(base, size, MADV_DONTFORK) < 0 ? -errno : memfd_seal(fd, MEMFD_SEALS_READERS);
    if (r < 0) {
        munmap(base, size);
        return r;
    }
    *ret_segment = (Segment){.fd = steal_fd(fd), .base = base, .offset = offset, .size = size};
    return 0;
}

void segment_deinit(Segment *segment) {
    if (segment->base)
        munmap(segment->base, segment->size);
    if (segment->fd >= 0)
        close(segment->fd);
    *segment = SEGMENT_NULL;
}

/* Private pages in front of the code, filled once and then read-only for good. */
static int imports_map(uint8_t *base, const void *const *imports) {
    const void **slots = mmap(base + JITD_IMPORTS_OFFSET, JITD_IMPORTS_SIZE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (slots == MAP_FAILED)
        return -errno;
    for (size_t i = 0; i < JITD_N_IMPORTS; i++)
        slots[i] = imports[i];
    return mprotect(slots, JITD_IMPORTS_SIZE, PROT_READ) < 0 ? -errno : 0;
}

int window_init(Window *window, const void *const *imports) {
    uint8_t *base = mmap(NULL, JITD_WINDOW_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    int r = imports_map(base, imports);
    if (r < 0) {
        munmap(base, JITD_WINDOW_SIZE);
        return r;
    }
    window->base = base;
    return 0;
}

void window_deinit(Window *window) {
    if (window->base)
        munmap(window->base, JITD_WINDOW_SIZE);
    window->base = NULL;
}

int window_map(Window *window, int fd, uint64_t offset, uint64_t size) {
    if (!window->base || !range_ok(offset, size))
        return -EINVAL;
    int r = memfd_verify(fd, size, MEMFD_SEALS_READERS);
    if (r < 0)
        return r;
    void *at = mmap(window->base + offset, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0);
    return at == MAP_FAILED ? -errno : 0;
}
