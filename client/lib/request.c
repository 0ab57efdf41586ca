/* Requests: one frame out, events handled on the way, until the answer with the same id is there.
 *
 * Requests nest: `interrupted` may run a signal handler that makes one of its own. Whoever reads a frame gives it to
 * the waiter it belongs to; an answer that nobody waits for any more (given up, timed out) is dropped.
 *
 * A request that is known to be made soon can be posted: it is sent ahead, with others in one piece, and when it is made its
 * answer has come while the caller did something else. */
#include "base/cleanup.h"
#include "client/lib/internal.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

struct Waiter {
    uint64_t id;
    bool done;
    MsgMessage answer;
    msgpack_unpacked owner;
    Waiter *outer; /* of a posted one: the next */
    int message;   /* what follows: of a posted one only */
    size_t size;
    char body[];
};

#define READ_SIZE 16384

void request_drop_fds(Client *client) {
    for (size_t i = 0; i < client->nfds; i++)
        close(client->fds[i]);
    client->nfds = 0;
}

static void waiter_free(Waiter *w) {
    if (w->done)
        msgpack_unpacked_destroy(&w->owner);
    free(w);
}

static void drop_posted(Client *client) {
    for (Waiter *w; (w = client->posted);) {
        client->posted = w->outer;
        waiter_free(w);
    }
}

void request_disconnect(Client *client) {
    struct stat st; /* a program that closes all descriptors may have another file under that number */
    if (client->socket >= 0 && fstat(client->socket, &st) == 0 && S_ISSOCK(st.st_mode))
        close(client->socket);
    client->socket = -1;
    request_drop_fds(client);
    drop_posted(client);
    msgpack_sbuffer_destroy(&client->out);
    msgpack_sbuffer_init(&client->out);
    frame_buffer_deinit(&client->in);
    client->in = FRAME_BUFFER_NULL;
}

int request_take_fd(Client *client) {
    if (!client->nfds)
        return -1;
    int fd = client->fds[0];
    memmove(client->fds, client->fds + 1, --client->nfds * sizeof client->fds[0]);
    return fd;
}

/* 1: ready; 0: not yet, but there is time; negative errno. The time that a signal handler takes does not count. */
static int wait_for(Client *client, short events, int64_t *deadline) {
    int64_t now = clock_ms(), left = *deadline - now;
    if (left <= 0)
        return -ETIMEDOUT;
    struct pollfd p = {.fd = client->socket, .events = events};
    int n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
    if (n >= 0)
        return n;
    if (errno != EINTR)
        return -errno;
    /* Only while waiting for an answer: in the middle of a frame that is being sent, a nested request would tear it. */
    now = clock_ms();
    if (events == POLLIN && client->options.interrupted && client->options.interrupted(client->options.interrupted_arg))
        return -EINTR;
    *deadline += clock_ms() - now;
    return client->socket < 0 ? -ENOTCONN : 0;
}

/* All of the parts. A frame that was begun must be ended, or the stream is of no use: then the connection is given up. */
static int send_parts(Client *client, struct iovec *part, size_t n, int64_t deadline) {
    while (n) {
        struct msghdr message = {.msg_iov = part, .msg_iovlen = n};
        ssize_t sent = sendmsg(client->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        int r = sent >= 0 ? 0 : errno == EAGAIN || errno == EINTR ? wait_for(client, POLLOUT, &deadline) : -errno;
        if (r < 0) {
            request_disconnect(client);
            return r;
        }
        for (; n && sent >= (ssize_t)part->iov_len; part++, n--)
            sent -= (ssize_t)part->iov_len;
        if (n && sent > 0) {
            part->iov_base = (char *)part->iov_base + sent;
            part->iov_len -= (size_t)sent;
        }
    }
    msgpack_sbuffer_clear(&client->out);
    return 0;
}

int request_flush(Client *client) {
    struct iovec part = {client->out.data, client->out.size};
    return client->out.size ? send_parts(client, &part, 1, clock_ms() + CLIENT_TIMEOUT_MS) : 0;
}

/* The head of [message, id, body], whose body was packed by the caller. */
static int write_head(MessageWriter *w, int message, uint64_t id, size_t size) {
    message_writer_init(w);
    message_begin(w, message, id);
    size_t head = w->buffer.size;
    if (!head || head + size - FRAME_HEADER > FRAME_MAX) {
        message_writer_deinit(w);
        return head ? -EMSGSIZE : -ENOMEM;
    }
    frame_put_header(w->buffer.data, (uint32_t)(head + size - FRAME_HEADER));
    return 0;
}

static int send_request(Client *client, int message, uint64_t id, const char *body, size_t size, int64_t deadline) {
    MessageWriter w;
    int r = write_head(&w, message, id, size);
    if (r < 0)
        return r;
    struct iovec parts[] = {
        {client->out.data, client->out.size}, {w.buffer.data, w.buffer.size}, {(char *)(uintptr_t)body, size}};
    r = send_parts(client, parts, 3, deadline);
    message_writer_deinit(&w);
    return r;
}

static int receive(Client *client) {
    char *at;
    size_t room, nfds = 0;
    int r = frame_buffer_reserve(&client->in, READ_SIZE, &at, &room);
    if (r < 0)
        return r;
    if (client->nfds > CLIENT_MAX_FDS - FDPASS_MAX)
        return -EPROTO;
    long n = fdpass_recv(client->socket, at, room, client->fds + client->nfds, &nfds, MSG_DONTWAIT);
    if (n == -EAGAIN || n == -EINTR)
        return 0;
    if (n <= 0)
        return n < 0 ? (int)n : -ECONNRESET;
    client->nfds += nfds;
    frame_buffer_commit(&client->in, (size_t)n);
    return 0;
}

static int take_event(Client *client, const MsgMessage *m) {
    uint64_t offset, size;
    if (m->number == MESSAGE_DEATH)
        client->deaths = true;
    if (m->number != MESSAGE_SEGMENT)
        return 0; /* later versions may have events that this one can do without */
    int fd = request_take_fd(client);
    if (fd < 0 || !wire_uint(wire_find(&m->body, "offset"), JITD_WINDOW_SIZE, &offset) ||
        !wire_uint(wire_find(&m->body, "size"), JITD_WINDOW_SIZE, &size)) {
        if (fd >= 0)
            close(fd);
        return -EPROTO;
    }
    return attach_map_segment(client, fd, offset, size);
}

static Waiter *find_in(Waiter *list, uint64_t id) {
    for (Waiter *w = list; w; w = w->outer)
        if (w->id == id && !w->done)
            return w;
    return NULL;
}

static Waiter *find_waiter(Client *client, uint64_t id) {
    Waiter *w = find_in(client->waiters, id);
    return w ? w : find_in(client->posted, id);
}

/* The frame is copied for its waiter: the buffer moves on. */
static int take_frame(Client *client, Str frame) {
    char *copy = malloc(frame.len ? frame.len : 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, frame.ptr, frame.len);
    msgpack_unpacked owner;
    MsgMessage m;
    int r = message_read((Str){copy, frame.len}, &owner, &m);
    if (r == 0 && (!owner.zone && !(owner.zone = msgpack_zone_new(512))))
        r = -ENOMEM;
    if (r != 0 || !msgpack_zone_push_finalizer(owner.zone, free, copy)) {
        msgpack_unpacked_destroy(&owner);
        free(copy);
        return r == 1 ? -EPROTO : -ENOMEM;
    }
    Waiter *w = m.id ? find_waiter(client, m.id) : NULL;
    if (!w) {
        r = m.id ? 0 : take_event(client, &m);
        msgpack_unpacked_destroy(&owner);
        return r;
    }
    w->done = true;
    w->answer = m;
    w->owner = owner;
    return 0;
}

/* Until w is done: 0, or a negative errno. */
static int serve(Client *client, Waiter *w, int64_t deadline) {
    while (!w->done) {
        Str frame;
        if (client->pid != getpid() || client->waiters != w) /* a signal handler forked: it was the parent's request */
            return -ECHILD;
        if (client->socket < 0)
            return -ENOTCONN;
        int r = frame_buffer_next(&client->in, &frame);
        if (r > 0)
            r = take_frame(client, frame);
        else if (r == 0 && (r = wait_for(client, POLLIN, &deadline)) > 0)
            r = receive(client);
        if (r == -ETIMEDOUT || r == -EINTR || r == -ENOTCONN)
            return r;
        if (r < 0) {
            request_disconnect(client);
            return r;
        }
    }
    return 0;
}

static void copy_str(const msgpack_object *o, char *ret, size_t size) {
    Str s = STR("");
    wire_str(o, &s);
    snprintf(ret, size, "%.*s", (int)(s.len < size ? s.len : size - 1), s.ptr);
}

static int read_answer(Client *client, Waiter *w, msgpack_unpacked *ret_owner, msgpack_object *ret_body,
                       ClientError *ret_error) {
    if (w->answer.number == MESSAGE_REPLY) {
        *ret_owner = w->owner;
        *ret_body = w->answer.body;
        return 0;
    }
    bool error = w->answer.number == MESSAGE_ERROR;
    if (error && ret_error) {
        copy_str(wire_find(&w->answer.body, "code"), ret_error->code, sizeof ret_error->code);
        copy_str(wire_find(&w->answer.body, "message"), ret_error->message, sizeof ret_error->message);
    }
    msgpack_unpacked_destroy(&w->owner);
    if (error)
        return 1;
    request_disconnect(client);
    return -EPROTO;
}

static int check_usable(const Client *client) {
    if (client->pid !=
        getpid()) /* a child of a fork() that client_fork_* knows nothing of: the stream is its parent's */
        return -ECHILD;
    return client->socket >= 0 && client->usable ? 0 : -ENOTCONN;
}

static uint64_t new_id(Client *client) {
    client->next_id += client->next_id == UINT32_MAX ? 2 : 1;
    return client->next_id;
}

static int wait_answer(Client *client, Waiter *w, int64_t deadline, msgpack_unpacked *ret_owner,
                       msgpack_object *ret_body, ClientError *ret_error) {
    w->outer = client->waiters;
    client->waiters = w;
    int r = serve(client, w, deadline);
    if (client->waiters == w)
        client->waiters = w->outer;
    if (r == 0)
        return read_answer(client, w, ret_owner, ret_body, ret_error);
    if (w->done)
        msgpack_unpacked_destroy(&w->owner);
    return r;
}

static int write_request(Client *client, int message, uint64_t id, const char *body, size_t size) {
    MessageWriter w;
    size_t before = client->out.size;
    int r = write_head(&w, message, id, size);
    if (r < 0)
        return r;
    r = msgpack_sbuffer_write(&client->out, w.buffer.data, w.buffer.size);
    if (r == 0)
        r = msgpack_sbuffer_write(&client->out, body, size);
    message_writer_deinit(&w);
    if (r == 0)
        return 0;
    client->out.size = before;
    return -ENOMEM;
}

int request_post(Client *client, int message, const char *body, size_t size) {
    int r = check_usable(client);
    Waiter *w = r == 0 ? calloc(1, sizeof *w + size) : NULL;
    if (!w)
        return r < 0 ? r : -ENOMEM;
    *w = (Waiter){.id = new_id(client), .message = message, .size = size, .outer = client->posted};
    memcpy(w->body, body, size);
    r = write_request(client, message, w->id, body, size);
    if (r == 0)
        client->posted = w;
    else
        free(w);
    return r;
}

static Waiter *take_posted(Client *client, int message, const char *body, size_t size) {
    for (Waiter **place = &client->posted, *w; (w = *place); place = &w->outer)
        if (w->message == message && w->size == size && !memcmp(w->body, body, size)) {
            *place = w->outer;
            return w;
        }
    return NULL;
}

int request_exchange(Client *client, int message, const char *body, size_t size, int timeout_ms,
                     msgpack_unpacked *ret_owner, msgpack_object *ret_body, ClientError *ret_error) {
    int r = check_usable(client);
    if (r < 0)
        return r;
    int64_t deadline = clock_ms() + (timeout_ms < 0 ? CLIENT_TIMEOUT_MS : timeout_ms);
    Waiter own = {0}, *posted = take_posted(client, message, body, size);
    if (!posted)
        own.id = new_id(client);
    r = posted ? request_flush(client) : send_request(client, message, own.id, body, size, deadline);
    if (r == 0)
        r = wait_answer(client, posted ? posted : &own, deadline, ret_owner, ret_body, ret_error);
    free(posted);
    if (r == -ECHILD && check_usable(client) == 0) /* we are that child, and have our own connection */
        return request_exchange(client, message, body, size, timeout_ms, ret_owner, ret_body, ret_error);
    return r;
}

/* Not while the arena itself is asking, nor inside an epoch, whose end the freeing would wait for: then at a later
 * request. */
int client_reap(Client *client) {
    if (!client->arena || client->in_arena || !client->usable || ((const ArenaEpoch *)client->arena)->nest)
        return 0;
    client->deaths = false;
    client->in_arena++;
    int rows = arena_reap(client->arena); /* what cannot be done now is done by somebody later */
    client->in_arena--;
    return rows > 0;
}

int client_request(Client *client, int message, const char *body, size_t size, int timeout_ms,
                   msgpack_unpacked *ret_owner, msgpack_object *ret_body, ClientError *ret_error) {
    int r = request_exchange(client, message, body, size, timeout_ms, ret_owner, ret_body, ret_error);
    if (client->deaths)
        client_reap(client);
    return r;
}

int client_request_fd(Client *client) {
    return client->socket;
}

int client_connected(Client *client) {
    return client->socket >= 0;
}

int client_usable(Client *client) {
    return client->usable;
}
