/* Waiting for the end of processes whose connection ended; see linger.h. */
#include "server/broker/linger.h"
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

struct Linger {
    Lingers *lingers;
    LingerOf of;
    int pidfd;
    uv_poll_t poll;
    Linger *next, *prev;
};

int linger_pidfd(int socket, pid_t pid) {
    int fd = -1;
    socklen_t size = sizeof fd;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
        return fd;
    if (errno == EINVAL ||
        errno == ESRCH) /* it speaks of the very process, not of a number: before Linux 6.16, EINVAL or ESRCH */
        return -ESRCH;
    if (errno != ENOPROTOOPT)
        return -errno;
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

static bool has_ended(int pidfd) {
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    return poll(&p, 1, 0) == 1; /* an error is no end */
}

static void linger_closed(uv_handle_t *handle) {
    Linger *l = handle->data;
    close(l->pidfd);
    free(l);
}

static void linger_end(Linger *l) {
    DL_DELETE(l->lingers->list, l);
    uv_close((uv_handle_t *)&l->poll, linger_closed);
}

static void linger_polled(uv_poll_t *poll_, int status, int events) {
    Linger *l = poll_->data;
    Lingers *lingers = l->lingers;
    (void)status, (void)events;
    linger_end(l);
    lingers->gone(lingers->arg, l->of.tenant, l->of.row);
}

static int linger_watch(Linger *l) {
    int r = uv_poll_init(l->lingers->loop, &l->poll, l->pidfd);
    if (r < 0)
        return r;
    l->poll.data = l;
    DL_APPEND(l->lingers->list, l);
    r = uv_poll_start(&l->poll, UV_READABLE, linger_polled);
    return r;
}

int linger_start(Lingers *lingers, int pidfd, const LingerOf *of) {
    if (has_ended(pidfd)) {
        close(pidfd);
        return 1;
    }
    Linger *l = calloc(1, sizeof *l);
    int r = -ENOMEM;
    if (l) {
        *l = (Linger){.lingers = lingers, .of = *of, .pidfd = pidfd};
        r = linger_watch(l);
        if (r == 0)
            return 0;
    }
    if (l && l->poll.data) {
        linger_end(l);
    } else {
        close(pidfd);
        free(l);
    }
    return r;
}

bool linger_back(Lingers *lingers, const void *tenant, uint32_t row) {
    for (Linger *l = lingers->list; l; l = l->next) {
        if (l->of.tenant != tenant || l->of.row != row)
            continue;
        linger_end(l);
        return true;
    }
    return false;
}

unsigned lingers_of_process(const Lingers *lingers, pid_t pid) {
    unsigned n = 0;
    for (const Linger *l = lingers->list; l; l = l->next)
        n += l->of.pid == pid;
    return n;
}

unsigned lingers_of_others(const Lingers *lingers, pid_t pid, const uid_t *uid) {
    unsigned n = 0;
    for (const Linger *l = lingers->list; l; l = l->next)
        n += l->of.pid != pid && (!uid || l->of.uid == *uid);
    return n;
}

void lingers_stop(Lingers *lingers) {
    while (lingers->list)
        linger_end(lingers->list);
}
