/* File descriptors over a socket: they arrive with their bytes, are close-on-exec, and none is left behind. */
#include "protocol/fdpass.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int pair[2];

static int open_fds(void) {
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void setup(void) {
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

TestSuite(fdpass, .init = setup);

Test(fdpass, arrive_with_their_bytes) {
    int before = open_fds(), fds[FDPASS_MAX], p[2];
    size_t n = 99;
    char buffer[64];
    cr_assert_eq(pipe(p), 0);
    cr_assert_eq(fdpass_send(pair[0], "plain", 5, NULL, 0, 0), 5);
    cr_assert_eq(fdpass_send(pair[0], "with", 4, p, 2, 0), 4);
    cr_assert_eq(fdpass_send(pair[0], "after", 5, NULL, 0, 0), 5);
    size_t got = 0, nfds = 0;
    while (got < 14) {
        long r = fdpass_recv(pair[1], buffer, sizeof buffer, fds + nfds, &n, 0);
        cr_assert_gt(r, 0);
        got += (size_t)r;
        nfds += n;
    }
    cr_assert_eq(nfds, 2);
    cr_assert(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    cr_assert_eq(read(p[0], buffer, 1), 1);
    for (int i = 0; i < 2; i++) {
        close(fds[i]);
        close(p[i]);
    }
    cr_assert_eq(open_fds(), before);
}

Test(fdpass, most_at_once) {
    int before = open_fds(), out[FDPASS_MAX], in[FDPASS_MAX];
    size_t n;
    char c;
    for (int i = 0; i < FDPASS_MAX; i++)
        out[i] = 0;
    cr_assert_eq(fdpass_send(pair[0], "m", 1, out, FDPASS_MAX, 0), 1);
    cr_assert_eq(fdpass_recv(pair[1], &c, 1, in, &n, 0), 1);
    cr_assert_eq(n, FDPASS_MAX);
    for (size_t i = 0; i < n; i++)
        close(in[i]);
    cr_assert_eq(open_fds(), before);
}

Test(fdpass, refuses_what_cannot_travel) {
    int fds[FDPASS_MAX + 1] = {0};
    cr_assert_eq(fdpass_send(pair[0], "m", 1, fds, FDPASS_MAX + 1, 0), -EINVAL);
    cr_assert_eq(fdpass_send(pair[0], "", 0, fds, 1, 0), -EINVAL);
    int bad = 9999;
    cr_assert_eq(fdpass_send(pair[0], "m", 1, &bad, 1, 0), -EBADF);
}

/* Somebody sends more than we take: an error, and nothing leaks. */
Test(fdpass, too_many_are_closed) {
    int before = open_fds(), in[FDPASS_MAX];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE((FDPASS_MAX + 10) * sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {"m", 1};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    *c = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN((FDPASS_MAX + 10) * sizeof(int))};
    cr_assert_eq(sendmsg(pair[0], &msg, 0), 1);
    size_t n;
    char byte;
    cr_assert_eq(fdpass_recv(pair[1], &byte, 1, in, &n, 0), -EMSGSIZE);
    cr_assert_eq(open_fds(), before);
}

Test(fdpass, closed_and_would_block) {
    int in[FDPASS_MAX];
    size_t n;
    char c;
    cr_assert_eq(fdpass_recv(pair[1], &c, 1, in, &n, MSG_DONTWAIT), -EAGAIN);
    close(pair[0]);
    cr_assert_eq(fdpass_recv(pair[1], &c, 1, in, &n, 0), 0);
    cr_assert_eq(n, 0);
    cr_assert_eq(fdpass_send(pair[1], "x", 1, NULL, 0, 0), -EPIPE);
}
