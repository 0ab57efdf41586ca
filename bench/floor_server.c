/* What ./dev bench service holds the daemon's floods against: the least that serves a socket. One thread, epoll; each frame is answered at once
 * with the same short answer, and what is no message ends its connection. It knows no users, no turns and no limits: what another client
 * waits beside a flood of it is the machine's.
 *
 *     floor_server SOCKET */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_FDS 65536
#define ROOM (1 << 16) /* the floods' largest frame has half of it */
#define READ 16384

typedef struct Connection {
    char *data;
    size_t size;
} Connection;

static Connection connections[MAX_FDS];

static void drop(int fd) {
    close(fd);
    free(connections[fd].data);
    connections[fd] = (Connection){0};
}

/* [64, id, {"units": [], "machine": {"pid": ...}}]; the id as it was sent. */
static int answer(int fd, const unsigned char *frame) {
    unsigned char out[64];
    uint32_t pid = (uint32_t)getpid(), size = 4;
    size_t id = frame[2] < 0x80 ? 1 : frame[2] == 0xcc ? 2 : frame[2] == 0xcd ? 3 : 5;
    out[size++] = 0x93, out[size++] = 64;
    memcpy(out + size, frame + 2, id), size += (uint32_t)id;
    memcpy(out + size, "\x82\xa5units\x90\xa7machine\x81\xa3pid\xce", 22), size += 22;
    for (int i = 24; i >= 0; i -= 8)
        out[size++] = (unsigned char)(pid >> i);
    uint32_t body = size - 4;
    memcpy(out, &body, 4);
    return send(fd, out, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN ? -1 : 0;
}

/* -1: what came is nonsense, or nobody takes the answer. */
static int answer_all(int fd, Connection *c) {
    size_t at = 0;
    uint32_t body;
    for (; c->size - at >= 4; at += 4 + body) {
        memcpy(&body, c->data + at, 4);
        if (body > ROOM - READ - 4 || body < 4)
            return -1;
        if (c->size - at < 4 + body)
            break;
        const unsigned char *frame = (const unsigned char *)c->data + at + 4;
        if (frame[0] != 0x93 || answer(fd, frame) < 0)
            return -1;
    }
    memmove(c->data, c->data + at, c->size - at);
    c->size -= at;
    return 0;
}

static void serve(int fd) {
    Connection *c = &connections[fd];
    if (!c->data && !(c->data = malloc(ROOM)))
        abort();
    ssize_t n = recv(fd, c->data + c->size, READ, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        c->size += (size_t)n;
    if (n <= 0 || answer_all(fd, c) < 0)
        drop(fd);
}

static int listening(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void watch(int epoll, int fd) {
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= MAX_FDS || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
        close(fd);
}

int main(int argc, char **argv) {
    struct epoll_event events[64];
    int listener = argc == 2 ? listening(argv[1]) : -1, epoll = epoll_create1(0);
    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd != listener)
                serve(fd);
            else if ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
                watch(epoll, fd);
        }
    }
}
