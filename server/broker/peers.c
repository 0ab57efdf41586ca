/* The connections; see peers.h. A peer is never freed under somebody's feet: sending only dooms it, and in its next
 * turn it is dropped. What comes from a peer only makes it ready; its messages are handled when it is its turn (turns.h). */
#include "server/broker/peers.h"
#include "base/cleanup.h"
#include "server/broker/log.h"
#include "server/broker/step.h"
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define PEER_READ 16384
#define PEER_READ_MAX ((size_t)256 * 1024)
#define PEERS_OTHER_FDS 256
#define PEERS_TURNS_NS 25000 /* after which the loop looks who else has sent something */
#define PEERS_RELISTEN_MS 100
#define PEERS_REST_MS 1
#define PEERS_ACCEPT_NS 12500 /* at once */
#define PEERS_SAY_FULL_MS 10000
#define PEERS_SAY_DROPPED_NS 10000000000

/* A thousand processes may start at once. */
static const AllowanceRule accept_rule = {.part = 40, .most = 20000000, .debt = 1000000};

struct PeerOut {
    size_t size, sent, nfds;
    int *fds;
    PeerOut *next, *prev;
    char data[];
};

static void peer_update(Peer *p);
static void peer_ready(Peer *p);
static void peers_do_not_wait(uv_idle_t *idle);

/* ---- the end of a peer ---- */

static void peer_out_free(Peer *p, PeerOut *out) {
    DL_DELETE(p->out, out);
    p->out_bytes -= out->size - out->sent;
    free(out->fds);
    free(out);
}

static void peer_forget_message(Peer *p) {
    if (p->goes_on)
        msgpack_unpacked_destroy(&p->message_owner);
    p->goes_on = false;
}

static void peer_closed(uv_handle_t *handle) {
    Peer *p = handle->data;
    if (--p->handles)
        return;
    if (p->handed >= 0)
        close(p->handed);
    close(p->fd);
    free(p);
}

static void peer_drop(Peer *p) {
    Peers *peers = p->peers;
    if (p->dropped)
        return;
    p->dropped = true;
    DL_DELETE(peers->list, p);
    turns_remove(&peers->turns, p);
    peers->count--;
    peers->ops.left(peers->ops.arg, p);
    while (p->out)
        peer_out_free(p, p->out);
    peer_forget_message(p);
    frame_buffer_deinit(&p->in);
    shutdown(p->fd, SHUT_RDWR);
    uv_close((uv_handle_t *)&p->poll, peer_closed);
    uv_close((uv_handle_t *)&p->timer, peer_closed);
}

/* Of a user's once in a while: who sends nonsense without end is not to fill the log. */
static void peer_say_dropped(const Peer *p, const char *why) {
    uint64_t now = uv_hrtime();
    TurnUser *user = p->turn.user;
    if (user->said && now - user->said < PEERS_SAY_DROPPED_NS)
        return;
    user->said = now;
    log_about(LOG_WARNING, p->uid, "dropped peer pid %d uid %u: %s", (int)p->pid, (unsigned)p->uid, why);
}

void peer_doom(Peer *p, const char *why) {
    if (p->doomed || p->dropped)
        return;
    p->doomed = why;
    if (*why) {
        p->peers->dropped++;
        peer_say_dropped(p, why);
    }
    uv_poll_stop(&p->poll);
    peer_ready(p);
}

bool peer_drop_if_over(Peer *p) {
    struct pollfd f = {.fd = p->fd, .events = POLLRDHUP};
    if (!p->doomed && poll(&f, 1, 0) <= 0)
        return false;
    peer_doom(p, "");
    peer_drop(p);
    return true;
}

/* ---- time limits ---- */

static void peer_overdue(uv_timer_t *timer) {
    Peer *p = timer->data;
    uint64_t now = uv_now(p->peers->loop);
    if (p->hello_by && now >= p->hello_by)
        peer_doom(p, "it did not say hello in time");
    else if (p->frame_by && now >= p->frame_by)
        peer_doom(p, "it did not finish a message in time");
    else if (p->stall_by && now >= p->stall_by)
        peer_doom(p, "it does not read its answers");
    else
        peer_update(p);
}

static uint64_t sooner(uint64_t a, uint64_t b) {
    return !a || (b && b < a) ? b : a;
}

static void peer_update_timer(Peer *p) {
    uint64_t now = uv_now(p->peers->loop);
    uint64_t by = sooner(p->hello_by, sooner(p->frame_by, p->stall_by));
    if (!by)
        uv_timer_stop(&p->timer);
    else
        uv_timer_start(&p->timer, peer_overdue, by > now ? by - now : 0, 0);
}

static bool peer_wants_input(const Peer *p) {
    return !p->held && p->out_bytes < PEER_QUEUE_SOFT;
}

static void peer_ready(Peer *p) {
    Peers *peers = p->peers;
    turns_ready(&peers->turns, p);
    uv_idle_start(&peers->idle, peers_do_not_wait);
}

static void peer_event(uv_poll_t *poll, int status, int events);

/* Brings time limits and what is asked of the loop up to the peer's state. */
static void peer_update(Peer *p) {
    uint64_t now = uv_now(p->peers->loop);
    if (p->doomed || p->dropped)
        return;
    bool partial = !p->turn.ready && peer_wants_input(p) && frame_buffer_partial(&p->in);
    if (!partial)
        p->frame_by = 0;
    else if (!p->frame_by)
        p->frame_by = now + PEER_FRAME_MS;
    if (!p->out)
        p->stall_by = 0;
    else if (!p->stall_by)
        p->stall_by = now + PEER_STALL_MS;
    peer_update_timer(p);
    int input = p->turn.ready         ? 0
                : peer_wants_input(p) ? UV_READABLE
                                      : UV_DISCONNECT; /* what it sent before it left counts */
    int events = input | (p->out ? UV_WRITABLE : 0);
    if (events == p->events)
        return;
    p->events = events;
    if (uv_poll_start(&p->poll, events, peer_event) < 0)
        peer_doom(p, "it cannot be polled");
}

/* ---- output ---- */

static long peer_send_some(Peer *p, PeerOut *out) {
    long n = fdpass_send(p->fd, out->data + out->sent, out->size - out->sent, out->fds, out->nfds, MSG_DONTWAIT);
    if (n > 0) {
        out->nfds = 0;
        out->sent += (size_t)n;
        p->out_bytes -= (size_t)n;
        p->stall_by = 0;
    }
    return n;
}

static void peer_flush(Peer *p) {
    while (p->out && !p->doomed) {
        PeerOut *out = p->out;
        long n = peer_send_some(p, out);
        if (n == -EAGAIN || n == -ETOOMANYREFS) /* too many fds in flight: as if its buffer were full */
            break;
        if (n < 0)
            peer_doom(p, "");
        else if (out->sent == out->size)
            peer_out_free(p, out);
    }
    peer_update(p);
}

static PeerOut *peer_out_new(const MessageWriter *w, const int *fds, size_t nfds) {
    PeerOut *out = malloc(sizeof *out + w->buffer.size);
    if (!out)
        return NULL;
    *out = (PeerOut){.size = w->buffer.size, .nfds = nfds};
    memcpy(out->data, w->buffer.data, w->buffer.size);
    if (nfds && !(out->fds = malloc(nfds * sizeof *fds))) {
        free(out);
        return NULL;
    }
    if (nfds)
        memcpy(out->fds, fds, nfds * sizeof *fds);
    return out;
}

/* Behind what waits, in one piece with it where that is small: the peer is woken once. Descriptors go with a piece's first byte. */
static int peer_queue(Peer *p, const MessageWriter *w, const int *fds, size_t nfds) {
    PeerOut *tail = p->out ? p->out->prev : NULL, *out;
    size_t size = w->buffer.size;
    if (!tail || tail->sent || nfds || tail->size + size > PEER_PIECE_MAX) {
        out = peer_out_new(w, fds, nfds);
    } else {
        DL_DELETE(p->out, tail);
        out = realloc(tail, sizeof *out + tail->size + size);
        if (out) {
            memcpy(out->data + out->size, w->buffer.data, size);
            out->size += size;
        } else {
            DL_APPEND(p->out, tail);
        }
    }
    if (!out)
        return -ENOMEM;
    DL_APPEND(p->out, out);
    p->out_bytes += size;
    return 0;
}

void peer_send(Peer *p, MessageWriter *w, const int *fds, size_t nfds) {
    int r = p->doomed || p->dropped || !w->buffer.size ? -ENOMEM : peer_queue(p, w, fds, nfds);
    message_writer_deinit(w);
    if (r < 0)
        peer_doom(p, "there is no memory for its answer");
    else if (!p->corked || p->out_bytes > PEER_PIECE_MAX)
        peer_flush(p);
}

void peer_reply(Peer *p, uint64_t id, MessageWriter *w, const int *fds, size_t nfds) {
    if (message_end(w) < 0) {
        message_writer_deinit(w);
        peer_reply_error(p, id, "quota", STR("the answer is too large for one message"));
        return;
    }
    if (p->outstanding)
        p->outstanding--;
    BROKER_STEP();
    peer_send(p, w, fds, nfds);
    BROKER_STEP();
}

/* As message_end. */
static int write_error(MessageWriter *w, uint64_t id, const char *code, Str message) {
    message_writer_init(w);
    message_begin(w, MESSAGE_ERROR, id);
    msgpack_pack_map(&w->packer, 2);
    wire_put_cstr(&w->packer, "code");
    wire_put_cstr(&w->packer, code);
    wire_put_cstr(&w->packer, "message");
    wire_put_str(&w->packer, str_slice(message, 0, 65536));
    return message_end(w);
}

void peer_reply_error(Peer *p, uint64_t id, const char *code, Str message) {
    MessageWriter w;
    if (write_error(&w, id, code, message) < 0) {
        message_writer_deinit(&w);
        peer_doom(p, "there is no memory for its answer");
        return;
    }
    if (p->outstanding)
        p->outstanding--;
    peer_send(p, &w, NULL, 0);
}

/* It waits for an answer that will not come soon: not because nobody is there. */
static void say_held(Peer *p) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_HELD, 0);
    msgpack_pack_map(&w.packer, 0);
    if (message_end(&w) == 0)
        peer_send(p, &w, NULL, 0);
    else
        message_writer_deinit(&w);
}

/* ---- input ---- */

/* Of a message that takes several turns once. */
static bool peer_read_message(Peer *p, Str frame) {
    if (p->goes_on)
        return true;
    p->goes_on = !message_read(frame, &p->message_owner, &p->message) && message_sender(p->message.number) == 'c' &&
                 p->message.id;
    if (!p->goes_on)
        msgpack_unpacked_destroy(&p->message_owner);
    return p->goes_on;
}

/* It is the next one again. */
static void peer_put_off(Peer *p, Str frame, bool held) {
    p->outstanding--;
    p->held = held;
    frame_buffer_unget(&p->in, frame);
    if (held && p->greeted)
        say_held(p);
}

static void peer_message(Peer *p, Str frame) {
    PeerHandled r = PEER_HANDLED;
    if (!peer_read_message(p, frame)) {
        peer_doom(p, "it sent no message of the protocol");
        return;
    }
    p->outstanding++; /* the answer takes it off again */
    if (p->outstanding > PEER_MAX_OUTSTANDING)
        peer_reply_error(p, p->message.id, "busy", STR("too many requests outstanding"));
    else
        r = p->peers->ops.message(p->peers->ops.arg, p, &p->message);
    if (r == PEER_HANDLED)
        peer_forget_message(p);
    else
        peer_put_off(p, frame, r == PEER_HOLD);
}

bool peer_turn_is_over(const Peer *p) {
    return uv_hrtime() >= p->turn.until;
}

/* Handles what has come, one message at least, as long as the peer takes its answers and its turn is not over. Answers to requests that
 * came together go together. */
static void peer_messages(Peer *p) {
    Str frame;
    int r = 1;
    bool over = false;
    while (r == 1 && !over && !p->doomed && peer_wants_input(p)) { /* again: sending may have made room */
        p->corked = true;
        while (!over && !p->doomed && peer_wants_input(p) && (r = frame_buffer_next(&p->in, &frame)) == 1) {
            p->frame_by = 0;
            peer_message(p, frame);
            over = peer_turn_is_over(p);
        }
        p->corked = false;
        peer_flush(p);
    }
    if (r < 0)
        peer_doom(p, "its message is too large");
    else if (over && !p->doomed && peer_wants_input(p))
        peer_ready(p);
    if (!frame_buffer_partial(&p->in))
        frame_buffer_deinit(&p->in); /* an idle peer takes no memory */
}

/* Unless it was asked for a descriptor it takes none: the kernel closes those that come. */
static ssize_t peer_receive(Peer *p, char *at, size_t room) {
    int fds[FDPASS_MAX];
    size_t n = 0;
    if (!p->takes_fd)
        return recv(p->fd, at, room, MSG_DONTWAIT);
    long r = fdpass_recv(p->fd, at, room, fds, &n, MSG_DONTWAIT);
    if (r < 0) {
        errno = (int)-r;
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        if (p->handed < 0)
            p->handed = fds[i];
        else
            close(fds[i]);
    return r;
}

static void peer_read(Peer *p) {
    char *at;
    size_t room;
    if (frame_buffer_reserve(&p->in, PEER_READ, &at, &room) < 0) {
        peer_doom(p, "there is no memory for its message");
        return;
    }
    if (room > PEER_READ_MAX)
        room = PEER_READ_MAX;
    ssize_t n = peer_receive(p, at, room);
    if (n > 0) {
        frame_buffer_commit(&p->in, (size_t)n);
        peer_messages(p);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        peer_doom(p, "");
    } else if (!frame_buffer_partial(&p->in)) {
        frame_buffer_deinit(&p->in);
    }
}

static bool peer_has_a_frame(const Peer *p) {
    FrameBuffer in = p->in;
    Str frame;
    return frame_buffer_next(&in, &frame) != 0;
}

/* What it has sent already comes first: more is read when that is done. */
static void peer_turn(Peer *p) {
    if (p->doomed)
        peer_drop(p);
    else if (!peer_wants_input(p))
        return;
    else if (peer_has_a_frame(p))
        peer_messages(p);
    else
        peer_read(p);
}

static void peer_event(uv_poll_t *poll, int status, int events) {
    Peer *p = poll->data;
    if (p->doomed)
        return;
    if (status < 0 || (events & UV_DISCONNECT)) {
        peer_doom(p, "");
        return;
    }
    if (events & UV_WRITABLE) {
        bool waited = !peer_wants_input(p);
        peer_flush(p);
        if (waited && !p->doomed && peer_wants_input(p))
            peer_ready(p);
    }
    if ((events & UV_READABLE) && !p->doomed && peer_wants_input(p))
        peer_ready(p);
    else
        peer_update(p);
}

void peers_resume(Peers *peers) {
    for (Peer *p = peers->list; p; p = p->next) {
        if (!p->held || p->doomed)
            continue;
        p->held = false;
        peer_ready(p);
    }
}

/* ---- turns ---- */

static void peers_do_not_wait(uv_idle_t *idle) {
    (void)idle;
}

static void peers_have_rested(uv_timer_t *timer) {
    Peers *peers = timer->data;
    uv_idle_start(&peers->idle, peers_do_not_wait);
}

/* Who is not served before the loop looks again is not asked about in between. */
static void peers_set_aside(Peers *peers) {
    for (TurnUser *u = peers->turns.users; u; u = u->next)
        for (Peer *p = u->ready; p; p = p->turn.next)
            if (p->events & UV_READABLE)
                peer_update(p);
}

static void peers_go_on(Peers *peers, uint64_t now) {
    bool any_now = turns_any_now(&peers->turns, now);
    if (peers->turns.any)
        peers_set_aside(peers);
    if (!any_now)
        uv_idle_stop(&peers->idle);
    if (peers->turns.any && !any_now)
        uv_timer_start(&peers->rest, peers_have_rested, PEERS_REST_MS, 0);
}

static void peers_take_turns(uv_check_t *check) {
    Peers *peers = check->data;
    uint64_t began = uv_hrtime(), now = began;
    Peer *p;
    while (now - began < PEERS_TURNS_NS && (p = turns_begin(&peers->turns, now))) {
        uint64_t turn_began = now;
        TurnUser *user = p->turn.user;
        peer_turn(p);
        now = uv_hrtime();
        turns_end(&peers->turns, p, user, turn_began, now);
        peer_update(p);
    }
    peers_go_on(peers, now);
}

/* ---- accepting ---- */

/* Of one kind said once in a while: who is turned away comes again. */
static void peers_say_full(Peers *peers, const struct ucred *who, const char *what, uint64_t limit) {
    uint64_t now = uv_now(peers->loop);
    if (peers->said_full && now - peers->said_full < PEERS_SAY_FULL_MS)
        return;
    peers->said_full = now ? now : 1;
    log_about(LOG_WARNING, who->uid, "turned away pid %d uid %u: %s (the limit is %llu)", (int)who->pid,
              (unsigned)who->uid, what, (unsigned long long)limit);
}

static uint64_t peers_limit(const Peers *peers, uid_t uid) {
    return peers->config ? config_limits(peers->config, uid, STR_NULL).connections : PEERS_MAX_PER_UID;
}

static unsigned peers_kept(const Peers *peers, const struct ucred *who, bool all) {
    return peers->ops.kept ? peers->ops.kept(peers->ops.arg, who, all) : 0;
}

/* So that whoever is turned away can tell its user; its socket is new, and has room. */
static void peers_tell_full(int fd, const char *text) {
    MessageWriter w;
    if (write_error(&w, 0, "quota", str_from_cstr(text)) == 0)
        (void)!send(fd, w.buffer.data, w.buffer.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    message_writer_deinit(&w);
}

static void peers_turn_away(Peers *peers, int fd, const struct ucred *who, uint64_t limit, uint64_t share) {
    char text[256];
    bool own = limit <= share;
    peers_say_full(peers, who,
                   own ? "its user has too many connections"
                       : "its user has half of the connections that the others leave",
                   own ? limit : share);
    snprintf(text, sizeof text,
             own ? "%llu processes of this user use the daemon already, which is the most that one user may have: end "
                   "some, or raise `connections` in the daemon's jitd.conf and reload it"
                 : "%llu processes of this user use the daemon already, which is half of what other users leave: end "
                   "some, or raise the daemon's limit of open files (LimitNOFILE)",
             (unsigned long long)(own ? limit : share));
    peers_tell_full(fd, text);
}

/* Half of what the others leave: whoever comes, there is room. */
static bool peers_admit(Peers *peers, int fd, const struct ucred *who) {
    uint64_t limit = peers_limit(peers, who->uid);
    if (!peers->any_uid && who->uid != geteuid() && who->uid != 0)
        return false;
    uint64_t own = turns_of(&peers->turns, who->uid) + peers_kept(peers, who, false);
    uint64_t others = peers->count + peers_kept(peers, who, true) - own;
    uint64_t share = others < peers->most ? (peers->most - others) / 2 : 0;
    if (own < limit && own < share)
        return true;
    peers_turn_away(peers, fd, who, limit, share);
    return false;
}

static int peer_new(Peers *peers, int fd, const struct ucred *who) {
    Peer *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    *p = (Peer){.peers = peers, .fd = fd, .uid = who->uid, .pid = who->pid, .pidfd = -1, .handed = -1, .handles = 2};
    int r = turns_add(&peers->turns, p, who->uid);
    if (r == 0 && (r = uv_poll_init(peers->loop, &p->poll, fd)) < 0)
        turns_remove(&peers->turns, p);
    if (r < 0) {
        free(p);
        return r;
    }
    uv_timer_init(peers->loop, &p->timer);
    p->poll.data = p->timer.data = p;
    DL_APPEND(peers->list, p);
    peers->count++;
    p->hello_by = uv_now(peers->loop) + PEER_HELLO_MS;
    peer_ready(p); /* its hello may be there already */
    return 0;
}

static void peers_relisten(uv_timer_t *timer);

static void peers_listen_after(Peers *peers, uint64_t ms) {
    uv_poll_stop(&peers->listener); /* else the loop would spin */
    uv_timer_start(&peers->relisten, peers_relisten, ms, 0);
}

/* It has connected and left, and has sent nothing. */
static bool has_left(int fd) {
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* 0, also when it was turned away; or a negative errno. */
static int peers_accept_one(Peers *peers) {
    struct ucred who;
    socklen_t size = sizeof who;
    cleanup_close int fd = accept4(peers->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (!has_left(fd) && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && peers_admit(peers, fd, &who) &&
        peer_new(peers, fd, &who) == 0)
        fd = -1;
    return 0;
}

/* Some per turn of the loop: the others get theirs in between. Who waits at a socket is not known before it is accepted, so that it is all of
 * them whom a flood delays; but who connects without end gets no further either, and leaves the processors alone. */
static void peers_accept(uv_poll_t *poll, int status, int events) {
    Peers *peers = poll->data;
    uint64_t began = uv_hrtime(), now = began;
    int r = 0;
    (void)status;
    (void)events;
    for (; r == 0 && now - began < PEERS_ACCEPT_NS; now = uv_hrtime())
        r = peers_accept_one(peers);
    allowance_take(&peers->accepting, &accept_rule, now, now - began);
    if (r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS)
        peers_listen_after(peers, PEERS_RELISTEN_MS);
    else if (peers->accepting.left < 0)
        peers_listen_after(peers, PEERS_REST_MS);
}

static void peers_relisten(uv_timer_t *timer) {
    peers_listen(timer->data);
}

void peers_listen(Peers *peers) {
    uv_poll_start(&peers->listener, UV_READABLE, peers_accept);
}

bool peers_take_last(Peers *peers) {
    unsigned before = peers->count;
    for (int r = 0; r == 0 || r == -ECONNABORTED || r == -EINTR;)
        r = peers_accept_one(peers);
    if (peers->count == before)
        return false;
    uv_poll_stop(&peers->listener);
    return true;
}

/* Each takes two descriptors, itself and its process; what the namespaces and the compiler processes need is left. */
static unsigned peers_most(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= 2 * PEERS_MAX + PEERS_OTHER_FDS)
        return PEERS_MAX;
    return limit.rlim_cur > PEERS_OTHER_FDS ? (unsigned)(limit.rlim_cur - PEERS_OTHER_FDS) / 2 : 2;
}

int peers_init(Peers *peers, uv_loop_t *loop, int listen_fd) {
    peers->loop = loop;
    peers->fd = listen_fd;
    peers->most = peers_most();
    int r = uv_timer_init(loop, &peers->relisten);
    if (r == 0)
        r = uv_idle_init(loop, &peers->idle);
    if (r == 0)
        r = uv_timer_init(loop, &peers->rest);
    if (r == 0)
        r = uv_check_init(loop, &peers->check);
    if (r == 0)
        r = uv_poll_init(loop, &peers->listener, listen_fd);
    if (r < 0)
        return r;
    peers->listener.data = peers->relisten.data = peers->check.data = peers->rest.data = peers;
    uv_check_start(&peers->check, peers_take_turns);
    return uv_poll_start(&peers->listener, UV_READABLE, peers_accept);
}

void peers_stop(Peers *peers) {
    uv_close((uv_handle_t *)&peers->listener, NULL);
    uv_close((uv_handle_t *)&peers->relisten, NULL);
    uv_close((uv_handle_t *)&peers->check, NULL);
    uv_close((uv_handle_t *)&peers->idle, NULL);
    uv_close((uv_handle_t *)&peers->rest, NULL);
    while (peers->list)
        peer_drop(peers->list);
    turns_deinit(&peers->turns);
}
