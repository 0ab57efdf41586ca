/* sendmsg and recvmsg with SCM_RIGHTS; see fdpass.h. */
#include "protocol/fdpass.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union FdControl {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
} FdControl;

long fdpass_send(int socket, const void *data, size_t size, const int *fds, size_t nfds, int flags) {
    FdControl control = {0};
    struct iovec iov = {(void *)data, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (nfds > FDPASS_MAX || (nfds && !size))
        return -EINVAL;
    if (nfds) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    long n;
    do
        n = sendmsg(socket, &msg, flags | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static size_t fdpass_take(struct msghdr *msg, int *fds) {
    size_t n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); /* the buffer has room for FDPASS_MAX in all */
        memcpy(fds + n, CMSG_DATA(c), count * sizeof(int));
        n += count;
    }
    return n;
}

long fdpass_recv(int socket, void *data, size_t size, int *fds, size_t *ret_nfds, int flags) {
    FdControl control;
    struct iovec iov = {data, size};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    long n;
    do
        n = recvmsg(socket, &msg, flags | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    size_t nfds = fdpass_take(&msg, fds);
    if (msg.msg_flags & MSG_CTRUNC) {
        while (nfds)
            close(fds[--nfds]);
        return -EMSGSIZE;
    }
    *ret_nfds = nfds;
    return n;
}
