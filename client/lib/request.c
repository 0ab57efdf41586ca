/* Requests: one frame out, events handled on the way, until the answer with the same id is there.
 *
 * Requests nest: `interrupted` may run a signal handler that makes one of its own. And threads make them at the same time: the
 * callers' one lock is given up while client_request waits (`unlock`), but not while the arena asks for memory. So several may poll the
 * socket. Whoever reads a frame gives it to the waiter it belongs to, and wakes that up, which may sleep in poll() over a socket that has
 * nothing to read any more; an answer that nobody waits for any more (given up, timed out) is dropped. What is to be sent is in one buffer,
 * which whoever waits sends on: frames are never torn.
 *
 * A request that is known to be made soon can be posted: it is sent ahead, with others in one piece, and when it is made its
 * answer has come while the caller did something else. */
#include "base/cleanup.h"
#include "client/lib/internal.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct Waiter {
    uint64_t id;
    uint32_t connection; /* on which it was sent */
    bool done;
    bool yields;    /* the callers' lock may be given up meanwhile */
    int sign_ms;    /* how long a daemon may give no sign of life that was asked for one; 0: till the deadline */
    int64_t from;   /* ms of clock_ms: when waiting began */
    bool abandoned; /* `interrupted` said so */
    int wake;       /* an eventfd beside which it polls; -1: it holds the lock, or has not waited yet */
    MsgMessage answer;
    msgpack_unpacked owner;
    Waiter *outer; /* of a posted one: the next */
    int message;   /* what follows: of a posted one only */
    size_t size;
    char body[];
};

#define READ_SIZE 16384
#define REQUEST_TRIES 3 /* more, on new connections */

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

/* The loops of others look again. */
static void wake(const Waiter *w) {
    if (w->wake >= 0)
        eventfd_write(w->wake, 1);
}

static void drop_posted(Client *client) {
    for (Waiter *w; (w = client->posted);) {
        client->posted = w->outer;
        waiter_free(w);
    }
}

static void drop_out(Client *client) {
    msgpack_sbuffer_destroy(&client->out);
    msgpack_sbuffer_init(&client->out);
    client->out_sent = 0;
}

void request_disconnect(Client *client) {
    struct stat st; /* a program that closes all descriptors may have another file under that number */
    if (client->socket >= 0 && fstat(client->socket, &st) == 0 && S_ISSOCK(st.st_mode))
        close(client->socket);
    client->socket = -1;
    for (const Waiter *w = client->waiters; w; w = w->outer)
        wake(w);
    request_drop_fds(client);
    drop_posted(client);
    drop_out(client);
    frame_buffer_deinit(&client->in);
    client->in = FRAME_BUFFER_NULL;
}

void request_connected(Client *client) {
    client->connection++;
    client->silent = client->held = false;
    client->heard_at = client->probed_at = 0;
    client->turned_away[0] = 0;
    memset(client->late, 0, sizeof client->late);
}

void request_forget(Client *client) {
    for (Waiter *w = client->waiters; w; w = w->outer)
        if (w->wake >= 0) {
            close(w->wake);
            w->wake = -1;
        }
    client->waiters = NULL;
}

int request_take_fd(Client *client) {
    if (!client->nfds)
        return -1;
    int fd = client->fds[0];
    memmove(client->fds, client->fds + 1, --client->nfds * sizeof client->fds[0]);
    return fd;
}

static bool has_out(const Client *client) {
    return client->out.size > client->out_sent;
}

/* As much of what is to be sent as the socket takes. 0 or a negative errno. */
int request_flush(Client *client) {
    while (has_out(client)) {
        ssize_t sent = send(client->socket, client->out.data + client->out_sent, client->out.size - client->out_sent,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        client->out_sent += (size_t)sent;
    }
    if (client->out.size)
        drop_out(client);
    return 0;
}

static bool may_yield(const Client *client, Waiter *w) {
    if (!w->yields || !client->options.unlock)
        return false;
    if (w->wake < 0)
        w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->wake >= 0; /* without a descriptor to be had, others wait, too */
}

/* poll(), without the lock if that may be. -EINTR: a signal came. */
static int poll_once(Client *client, Waiter *w, int timeout_ms, bool *ret_readable) {
    short events = has_out(client) ? POLLIN | POLLOUT : POLLIN;
    struct pollfd p[] = {{.fd = client->socket, .events = events}, {.fd = -1, .events = POLLIN}};
    bool yields = may_yield(client, w);
    ClientPause pause;
    if (yields) {
        p[1].fd = w->wake;
        client->options.unlock(client->options.lock_arg, &pause);
    }
    int n = poll(p, 2, timeout_ms), e = errno;
    if (yields)
        client->options.lock(client->options.lock_arg, &pause);
    *ret_readable = n > 0 && p[0].revents & ~POLLOUT;
    return n < 0 ? -e : n;
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

/* Appends it to what is to be sent. */
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

static uint64_t new_id(Client *client) {
    client->next_id += client->next_id == UINT32_MAX ? 2 : 1;
    return client->next_id;
}

/* A question that is answered at once, and whose answer nobody waits for. */
static int probe(Client *client) {
    static const char no_keys[] = "\x81\xa4keys\x90";
    client->probed_at = clock_ms();
    return write_request(client, MESSAGE_LOOKUP, new_id(client), no_keys, sizeof no_keys - 1);
}

/* When a daemon from which nothing comes is to be asked for a sign of life, or has given none; at most the deadline. */
static int64_t next_look(const Client *client, const Waiter *w, int64_t deadline) {
    if (!w->sign_ms || client->held)
        return deadline;
    int64_t since = client->heard_at > w->from ? client->heard_at : w->from;
    int64_t look = client->probed_at ? client->probed_at + w->sign_ms : since + CLIENT_QUIET_MS;
    return look < deadline ? look : deadline;
}

/* Until something may have changed: 0, or a negative errno. The time that a signal handler takes does not count. What has come is seen before
 * the time is looked at: this process may have been stopped itself. */
static int wait_for(Client *client, Waiter *w, int64_t *deadline, bool *ret_readable) {
    int64_t look = next_look(client, w, *deadline), left = look - clock_ms();
    int n = poll_once(client, w, left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left, ret_readable);
    if (n == 0 && left <= 0)
        return look == *deadline || client->probed_at ? -ETIMEDOUT : probe(client);
    if (n != -EINTR)
        return n < 0 ? n : 0;
    int64_t before = clock_ms();
    bool ask = !w->abandoned && !client->reconnecting; /* nobody else uses a connection before it is ours */
    if (ask && client->options.interrupted && client->options.interrupted(client->options.interrupted_arg))
        w->abandoned = true;
    *deadline += clock_ms() - before;
    return 0;
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
    client->silent = false;
    client->probed_at = 0;
    client->heard_at = clock_ms();
    frame_buffer_commit(&client->in, (size_t)n);
    return 0;
}

static void copy_str(const msgpack_object *o, char *ret, size_t size) {
    Str s = STR("");
    wire_str(o, &s);
    snprintf(ret, size, "%.*s", (int)(s.len < size ? s.len : size - 1), s.ptr);
}

static int take_event(Client *client, const MsgMessage *m) {
    uint64_t offset, size;
    if (m->number == MESSAGE_DEATH)
        client->deaths = true;
    if (m->number == MESSAGE_HELD)
        client->held = true;
    if (m->number == MESSAGE_ERROR) /* before it closes the connection */
        copy_str(wire_find(&m->body, "message"), client->turned_away, sizeof client->turned_away);
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

static uint64_t *late_place(Client *client, uint64_t id) {
    for (size_t i = 0; i < CLIENT_LATE_MAX; i++)
        if (client->late[i] == id)
            return &client->late[i];
    return NULL;
}

/* Where there is no place any more, what comes is lost to this process until its end. */
static void note_late(Client *client, uint64_t id) {
    uint64_t *place = late_place(client, 0);
    if (place)
        *place = id;
}

/* An answer that nobody waits for. */
static int take_late(Client *client, const MsgMessage *m) {
    uint64_t *place = late_place(client, m->id);
    if (!place)
        return 0;
    *place = 0;
    if (m->number == MESSAGE_REPLY && client->arena)
        attach_late_grant(client, &m->body);
    return 0;
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
    client->held = client->held && !m.id;
    if (!w) {
        r = m.id ? take_late(client, &m) : take_event(client, &m);
        msgpack_unpacked_destroy(&owner);
        return r;
    }
    w->done = true;
    w->answer = m;
    w->owner = owner;
    wake(w);
    return 0;
}

void request_look(Client *client) {
    int r = 0;
    struct pollfd p = {.events = POLLIN};
    while (r >= 0 && (p.fd = client->socket) >= 0 && client->pid == getpid() && poll(&p, 1, 0) > 0) {
        Str frame;
        r = receive(client);
        while (r >= 0 && (r = frame_buffer_next(&client->in, &frame)) == 1)
            r = take_frame(client, frame);
    }
    if (r < 0)
        request_disconnect(client);
}

/* One step towards w's answer: a frame that is there, or what comes next. */
static int step(Client *client, Waiter *w, int64_t *deadline) {
    Str frame;
    bool readable;
    int r = request_flush(client);
    if (r == 0)
        r = frame_buffer_next(&client->in, &frame);
    if (r > 0)
        return take_frame(client, frame);
    if (r < 0)
        return r;
    if (w->abandoned && !has_out(client)) /* not in the middle of a frame: others would be torn */
        return -EINTR;
    r = wait_for(client, w, deadline, &readable);
    bool ours = client->socket >= 0 && w->connection == client->connection && find_waiter(client, w->id) == w;
    return r == 0 && readable && ours ? receive(client) : r;
}

/* Until w is done: 0, or a negative errno. */
static int serve(Client *client, Waiter *w, int64_t deadline) {
    while (!w->done) {
        if (client->pid != getpid() ||
            find_waiter(client, w->id) != w) /* a signal handler forked: it was the parent's */
            return -ECHILD;
        if (client->socket < 0 || w->connection != client->connection) /* or somebody has connected again meanwhile */
            return -ENOTCONN;
        int r = step(client, w, &deadline);
        if (r < 0 && w->connection != client->connection) /* it was the old one's */
            continue;
        if (r == -EINTR || (r == -ETIMEDOUT && !has_out(client)))
            return r;
        if (r < 0) {
            if (r == -EPIPE)
                request_look(client); /* it may have said why */
            request_disconnect(client);
            return r;
        }
    }
    return 0;
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
    if (w->connection == client->connection)
        request_disconnect(client);
    return -EPROTO;
}

static int check_usable(const Client *client) {
    if (client->pid !=
        getpid()) /* a child of a fork() that client_fork_* knows nothing of: the stream is its parent's */
        return -ECHILD;
    return client->socket >= 0 && client->usable ? 0 : -ENOTCONN;
}

static void stop_waiting(Client *client, Waiter *w) {
    for (Waiter **place = &client->waiters; *place; place = &(*place)->outer)
        if (*place == w) {
            *place = w->outer;
            break;
        }
    if (w->wake >= 0)
        close(w->wake);
    w->wake = -1;
}

static int wait_answer(Client *client, Waiter *w, int64_t deadline, msgpack_unpacked *ret_owner,
                       msgpack_object *ret_body, ClientError *ret_error) {
    w->wake = -1;
    w->outer = client->waiters;
    client->waiters = w;
    int r = serve(client, w, deadline);
    stop_waiting(client, w);
    if (r == 0)
        return read_answer(client, w, ret_owner, ret_body, ret_error);
    if (w->done)
        msgpack_unpacked_destroy(&w->owner);
    return r;
}

int request_post(Client *client, int message, const char *body, size_t size) {
    int r = check_usable(client);
    Waiter *w = r == 0 ? calloc(1, sizeof *w + size) : NULL;
    if (!w)
        return r < 0 ? r : -ENOMEM;
    *w = (Waiter){.id = new_id(client),
                  .connection = client->connection,
                  .message = message,
                  .size = size,
                  .outer = client->posted,
                  .wake = -1};
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

/* A small one, on a connection that nothing else is to be sent on: it goes in one piece. */
static int send_with_fd(Client *client, const Request *q, uint64_t id, int fd) {
    MessageWriter w;
    int r = has_out(client) ? -EPIPE : write_head(&w, q->message, id, q->size);
    if (r < 0)
        return r;
    r = msgpack_sbuffer_write(&w.buffer, q->body, q->size) < 0 ? -ENOMEM : 0;
    long n = r == 0 ? fdpass_send(client->socket, w.buffer.data, w.buffer.size, &fd, 1, 0) : r;
    r = n == (long)w.buffer.size ? 0 : n < 0 ? (int)n : -EPIPE;
    message_writer_deinit(&w);
    return r;
}

/* When it fails it was not sent whole, and so nobody carries it out. */
static int send_request(Client *client, const Request *q, uint64_t id, int fd) {
    int r = fd >= 0 ? send_with_fd(client, q, id, fd) : write_request(client, q->message, id, q->body, q->size);
    if (r < 0)
        return r;
    r = request_flush(client);
    if (r < 0)
        request_disconnect(client);
    return r;
}

/* One that hangs is waited for once. */
static int patience(Client *client, const Request *q) {
    if (q->timeout_ms >= 0)
        return q->timeout_ms;
    if (client->silent)
        request_look(client);
    return client->silent ? CLIENT_AGAIN_MS : CLIENT_TIMEOUT_MS;
}

/* What is not compiled now runs as Python; that a name is not there the program has to handle. */
static int sign_ms(const Request *q) {
    if (q->timeout_ms >= 0)
        return 0;
    return q->message == MESSAGE_LOOKUP || q->message == MESSAGE_COMPILE ? CLIENT_SIGN_MS : CLIENT_LONG_SIGN_MS;
}

static int exchange(Client *client, Request *q, int fd, msgpack_unpacked *ret_owner, msgpack_object *ret_body,
                    ClientError *ret_error) {
    int r = check_usable(client);
    if (r < 0)
        return r;
    int64_t deadline = clock_ms() + patience(client, q);
    Waiter own = {.connection = client->connection, .wake = -1},
           *posted = take_posted(client, q->message, q->body, q->size), *w = posted ? posted : &own;
    w->yields = q->yields;
    w->sign_ms = sign_ms(q);
    w->from = clock_ms();
    if (!posted) {
        own.id = new_id(client);
        r = send_request(client, q, own.id, fd);
    }
    if (r == 0) {
        r = wait_answer(client, w, deadline, ret_owner, ret_body, ret_error);
        q->unsure = q->unsure || r < 0;
        client->silent = client->silent || r == -ETIMEDOUT;
        if (r == -ETIMEDOUT && q->message == MESSAGE_GROW)
            note_late(client, w->id);
    }
    free(posted);
    return r;
}

int request_exchange_once(Client *client, int message, const char *body, size_t size, int fd, int timeout_ms,
                          msgpack_unpacked *ret_owner, msgpack_object *ret_body, ClientError *ret_error) {
    Request q = {.message = message, .body = body, .size = size, .timeout_ms = timeout_ms};
    return exchange(client, &q, fd, ret_owner, ret_body, ret_error);
}

/* Whether the request can be made again: on the connection of a child that we are, on the one that a signal handler or another thread made
 * meanwhile, or on a new one. */
static bool again(Client *client, const Request *q, int r) {
    if (r == -ECHILD)
        return !q->once && check_usable(client) == 0;
    if (r != -ECONNRESET && r != -EPIPE && r != -ENOTCONN && r != -EBADF && r != -ENOTSOCK) /* the program closed it */
        return false;
    return check_usable(client) == 0 || reconnect(client) == 0;
}

int request_make(Client *client, Request *q, msgpack_unpacked *ret_owner, msgpack_object *ret_body,
                 ClientError *ret_error) {
    int r, tries = 0;
    do {
        r = exchange(client, q, -1, ret_owner, ret_body, ret_error);
        tries += r != -ECHILD;
    } while (tries <= REQUEST_TRIES && again(client, q, r));
    return r;
}

int request_exchange(Client *client, int message, const char *body, size_t size, int timeout_ms, bool yields,
                     msgpack_unpacked *ret_owner, msgpack_object *ret_body, ClientError *ret_error) {
    Request q = {.message = message, .body = body, .size = size, .timeout_ms = timeout_ms, .yields = yields};
    return request_make(client, &q, ret_owner, ret_body, ret_error);
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

int request_and_after(Client *client, Request *q, msgpack_unpacked *ret_owner, msgpack_object *ret_body,
                      ClientError *ret_error) {
    int r = request_make(client, q, ret_owner, ret_body, ret_error);
    if (client->deaths)
        client_reap(client);
    if (client->nunsettled && r >= 0)
        publish_settle(client);
    return r;
}

int client_request(Client *client, int message, const char *body, size_t size, int timeout_ms,
                   msgpack_unpacked *ret_owner, msgpack_object *ret_body, ClientError *ret_error) {
    Request q = {.message = message, .body = body, .size = size, .timeout_ms = timeout_ms, .yields = true};
    return request_and_after(client, &q, ret_owner, ret_body, ret_error);
}

int client_request_fd(Client *client) {
    return client->socket;
}

int client_connected(Client *client) {
    return client->socket >= 0;
}

int client_silent(Client *client) {
    return client->silent;
}

int client_usable(Client *client) {
    return client->usable;
}

/* ---- CLASSES ---- */

static uint64_t count(const msgpack_object *answer, const char *key) {
    msgpack_object_array a = {0};
    wire_array(wire_find(answer, key), &a);
    return a.size;
}

bool client_classes_body(ClientTold *told, const msgpack_object *answer, msgpack_sbuffer *ret_body) {
    bool more = !answer;
    msgpack_packer pk;
    if (answer) {
        told->classes += count(answer, "classes");
        told->functions += count(answer, "functions");
        wire_bool(wire_find(answer, "more"), &more);
    }
    if (!more)
        return false;
    msgpack_sbuffer_init(ret_body);
    msgpack_packer_init(&pk, ret_body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 2);
    wire_put_cstr(&pk, "classes");
    msgpack_pack_uint64(&pk, told->classes);
    wire_put_cstr(&pk, "functions");
    msgpack_pack_uint64(&pk, told->functions);
    return true;
}
