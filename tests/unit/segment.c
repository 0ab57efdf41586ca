/* Code segments: what the kernel refuses, and that a client under PR_SET_MDWE can use them. */
#include "shared-mem/segment.h"
#include "shared-mem/memfd.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE ((uint64_t)1 << 20)
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

static const void *imports[JITD_N_IMPORTS];

static void open_both(Segment *segment, Window *window) {
    for (size_t i = 0; i < JITD_N_IMPORTS; i++)
        imports[i] = (const uint8_t *)0x1000 + i;
    cr_assert_eq(segment_create(JITD_SEGMENTS_OFFSET, SIZE, segment), 0);
    cr_assert_eq(window_init(window, imports), 0);
    cr_assert_eq(window_map(window, segment->fd, segment->offset, segment->size), 0);
}

Test(segment, client_sees_what_the_broker_writes_later) {
    Segment segment;
    Window window;
    open_both(&segment, &window);
    memcpy(segment.base + 100, "hello", 6);
    cr_assert_str_eq((char *)window.base + JITD_SEGMENTS_OFFSET + 100, "hello");
    window_deinit(&window);
    segment_deinit(&segment);
    cr_assert_null(segment.base);
}

Test(segment, runs_code) {
    Segment segment;
    Window window;
    open_both(&segment, &window);
    memcpy(segment.base, "\xb8\x2a\x00\x00\x00\xc3", 6); /* mov eax, 42; ret */
    int (*f)(void) = (int (*)(void))(window.base + JITD_SEGMENTS_OFFSET);
    cr_assert_eq(f(), 42);
}

Test(segment, cannot_be_made_writable) {
    Segment segment;
    Window window;
    open_both(&segment, &window);
    void *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, segment.fd, 0);
    cr_assert_eq(at, MAP_FAILED);
    cr_assert_eq(errno, EPERM);
    cr_assert_eq(mprotect(window.base + JITD_SEGMENTS_OFFSET, SIZE, PROT_READ | PROT_WRITE), -1);
    cr_assert_eq(errno, EACCES);
    cr_assert_eq(pwrite(segment.fd, "x", 1, 0), -1);
    cr_assert_eq(errno, EPERM);
    cr_assert_eq(ftruncate(segment.fd, 4096), -1);
    cr_assert_eq(memfd_seal(segment.fd, 0x0008), -EPERM);
}

Test(segment, imports_are_filled_and_read_only) {
    Window window;
    Segment segment;
    int fds[2];
    open_both(&segment, &window);
    void **slots = (void **)(window.base + JITD_IMPORTS_OFFSET);
    for (size_t i = 0; i < JITD_N_IMPORTS; i++)
        cr_assert_eq(slots[i], imports[i]);
    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(write(fds[1], "12345678", 8), 8);
    cr_assert_eq(read(fds[0], slots, 8), -1, "the kernel may not write there for us");
    cr_assert_eq(errno, EFAULT);
}

Test(segment, window_refuses_bad_places) {
    Segment segment;
    Window window;
    open_both(&segment, &window);
    cr_assert_eq(window_map(&window, segment.fd, 0, SIZE), -EINVAL);
    cr_assert_eq(window_map(&window, segment.fd, JITD_SEGMENTS_OFFSET + 1, SIZE), -EINVAL);
    cr_assert_eq(window_map(&window, segment.fd, JITD_WINDOW_SIZE - SIZE + 4096, SIZE), -EINVAL);
    cr_assert_eq(window_map(&window, segment.fd, UINT64_MAX - 4095, SIZE), -EINVAL);
    cr_assert_eq(window_map(&window, segment.fd, JITD_SEGMENTS_OFFSET, 2 * SIZE), -EINVAL, "larger than the file");
    cr_assert_eq(segment_create(4096, SIZE, &segment), -EINVAL);
    cr_assert_eq(segment_create(JITD_SEGMENTS_OFFSET, JITD_WINDOW_SIZE, &segment), -EINVAL);
}

Test(segment, window_refuses_what_is_not_sealed) {
    Window window;
    Segment segment;
    open_both(&segment, &window);
    int fd = memfd_new("not-sealed", SIZE);
    cr_assert_eq(window_map(&window, fd, JITD_SEGMENTS_OFFSET, SIZE), -EPERM);
    cr_assert_eq(memfd_seal(fd, MEMFD_SEALS_SIZE), 0);
    cr_assert_eq(window_map(&window, fd, JITD_SEGMENTS_OFFSET, SIZE), -EPERM, "still writable for others");
}

/* In a child, because there is no way back. Exit 0: all well; 77: this kernel has no PR_SET_MDWE. */
static int use_under_mdwe(int fd) {
    Window window;
    if (prctl(PR_SET_MDWE, 1, 0, 0, 0) < 0)
        return errno == EINVAL ? 77 : 1;
    if (mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 2;
    if (window_init(&window, imports) < 0 || window_map(&window, fd, JITD_SEGMENTS_OFFSET, SIZE) < 0)
        return 3;
    int (*f)(void) = (int (*)(void))(window.base + JITD_SEGMENTS_OFFSET);
    return f() == 42 ? 0 : 4;
}

Test(segment, works_under_mdwe) {
    Segment segment;
    int status;
    cr_assert_eq(segment_create(JITD_SEGMENTS_OFFSET, SIZE, &segment), 0);
    memcpy(segment.base, "\xb8\x2a\x00\x00\x00\xc3", 6);
    pid_t pid = fork();
    if (pid == 0)
        _exit(use_under_mdwe(segment.fd));
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        cr_skip_test("PR_SET_MDWE needs Linux 6.3");
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
}
