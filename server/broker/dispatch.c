/* From a message to its handler; the handlers of a connection's life and of the arena: HELLO, GROW, PUBLISH, FIND,
 * REAP. */
#include "base/cleanup.h"
#include "server/broker/broker.h"
#include "server/broker/handover.h"
#include "server/broker/log.h"
#include "server/broker/step.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define SAY_LIMIT_MS 10000
#define GROW_MAX 64 /* chunks at once: what committing them takes, the other peers wait */

/* Whoever meets a limit meets it again at once: an operator wants to read of it now and then. */
static void say_limit(const Peer *peer, const char *message) {
    Tenant *tenant = peer->tenant;
    uint64_t now = uv_now(peer->peers->loop);
    if (!tenant || (tenant->said_ms && now - tenant->said_ms < SAY_LIMIT_MS))
        return;
    tenant->said_ms = now ? now : 1;
    log_about(LOG_WARNING, peer->uid, "uid %u, namespace %s, pid %d: refused: %s", (unsigned)peer->uid,
              tenant->namespace_, (int)peer->pid, message);
}

void dispatch_refuse(Peer *peer, const MsgMessage *m, const char *code, const char *message) {
    if (!strcmp(code, "quota") || !strcmp(code, "full") || !strcmp(code, "busy"))
        say_limit(peer, message);
    peer_reply_error(peer, m->id, code, str_from_cstr(message));
}

bool broker_is_idle(const Broker *broker) {
    for (Peer *p = broker->peers.list; p; p = p->next)
        if (!p->observer)
            return false;
    return true;
}

static void reply_begin(MessageWriter *w, const MsgMessage *m, uint32_t pairs) {
    message_writer_init(w);
    message_begin(w, MESSAGE_REPLY, m->id);
    msgpack_pack_map(&w->packer, pairs);
}

static void put_uint(MessageWriter *w, const char *key, uint64_t value) {
    wire_put_cstr(&w->packer, key);
    msgpack_pack_uint64(&w->packer, value);
}

/* ---- deaths ---- */

/* To one client between its requests: unread events fill its socket, and it would be dropped. */
#define DEATHS_TOLD_MAX 32

static Peer *tenant_any_client(const Broker *broker, const Tenant *tenant) {
    for (Peer *p = broker->peers.list; p; p = p->next)
        if (p->tenant == tenant && !p->observer && !p->doomed)
            return p;
    return NULL;
}

static Peer *tenant_wakeful_client(const Broker *broker, const Tenant *tenant) {
    for (Peer *p = broker->peers.list; p; p = p->next)
        if (p->tenant == tenant && !p->observer && !p->doomed && p->deaths_told < DEATHS_TOLD_MAX)
            return p;
    return NULL;
}

static void tell_death(Peer *peer, DeadRow *dead) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_DEATH, 0);
    msgpack_pack_map(&w.packer, 1);
    put_uint(&w, "row", dead->row);
    dead->told = peer;
    peer->deaths_told++;
    if (message_end(&w) == 0)
        peer_send(peer, &w, NULL, 0);
    else
        message_writer_deinit(&w);
}

/* Every dead row is one live client's business, as long as there is one. */
static void tell_deaths(const Broker *broker, const Tenant *tenant) {
    for (DeadRow *dead = tenant->dead; dead; dead = dead->next) {
        Peer *peer = dead->told ? NULL : tenant_wakeful_client(broker, tenant);
        if (peer)
            tell_death(peer, dead);
    }
}

/* A client that sleeps for long reads no events. So who asks something, and is awake, is told of all the dead that still lie about,
 * each once: a row that two are told of is reaped by one of them. */
static void tell_awake(Peer *peer) {
    for (DeadRow *dead = peer->tenant->dead; dead && peer->deaths_told < DEATHS_TOLD_MAX; dead = dead->next)
        if (dead->number > peer->last_death) {
            peer->last_death = dead->number;
            if (dead->told != peer)
                tell_death(peer, dead);
        }
}

/* Nobody uses the row any more: its process has left in good order, or is gone. */
static void row_ended(Broker *broker, Tenant *tenant, uint32_t row) {
    if (arena_owner_mark_dead(&tenant->arena, row))
        tenant_row_died(tenant, row);
    tell_deaths(broker, tenant);
    if (!tenant_any_client(broker, tenant))
        tenant_forget_objects(tenant);
}

void dispatch_gone(void *arg, void *tenant_, uint32_t row) {
    Tenant *tenant = tenant_;
    tenant->peers--;
    row_ended(arg, tenant, row);
}

static void row_left(Broker *broker, Peer *peer) {
    Tenant *tenant = peer->tenant;
    for (DeadRow *dead = tenant->dead; dead; dead = dead->next)
        if (dead->told == peer)
            dead->told = NULL;
    cleanup_close int pidfd = steal_fd(peer->pidfd);
    int r = 1;
    if (pidfd >= 0 && arena_owner_in_use(&tenant->arena, peer->row))
        r = linger_start(&broker->lingers, steal_fd(pidfd), &(LingerOf){tenant, peer->row, peer->uid, peer->pid});
    if (r == 1)
        row_ended(broker, tenant, peer->row);
    else if (r == 0)
        tenant->peers++; /* it keeps the tenant, as its connection did */
    tell_deaths(broker, tenant);
}

unsigned dispatch_kept(void *arg, const struct ucred *who, bool all) {
    const Broker *broker = arg;
    return lingers_of_others(&broker->lingers, who->pid, all ? NULL : &who->uid);
}

void dispatch_left(void *arg, Peer *peer) {
    Broker *broker = arg;
    jobs_forget(&broker->jobs, peer);
    report_forget(peer);
    if (broker->stopping) { /* its process lives: what it holds is the next daemon's business */
        if (peer->pidfd >= 0)
            close(peer->pidfd);
        return;
    }
    if (peer->tenant) {
        if (!peer->observer)
            row_left(broker, peer);
        peer->tenant->peers--;
        peer->tenant->used_ms = uv_now(&broker->loop);
    }
    if (broker->idle_exit_s && broker_is_idle(broker) && !uv_is_closing((uv_handle_t *)&broker->idle))
        uv_timer_start(&broker->idle, broker->idle.timer_cb, broker->idle_exit_s * (uint64_t)1000, 0);
}

/* ---- HELLO ---- */

static void hello_put_segments(MessageWriter *w, const Tenant *tenant) {
    wire_put_cstr(&w->packer, "segments");
    msgpack_pack_array(&w->packer, tenant->nsegments);
    for (unsigned i = 0; i < tenant->nsegments; i++) {
        msgpack_pack_array(&w->packer, 2);
        msgpack_pack_uint64(&w->packer, tenant->segments[i].offset);
        msgpack_pack_uint64(&w->packer, tenant->segments[i].size);
    }
}

/* The memory for a newcomer's first objects, so that it need not ask: unless some is lying about, or it would be more than a
 * fair part of the quota, which clients that never make an object must not use up. */
static uint32_t hello_grant(const Broker *broker, Peer *peer, uint64_t wish, uint32_t *ret_first) {
    uint32_t count = 0;
    if (!wish || !arena_owner_generous(&peer->tenant->arena) || !tenants_arena_left(&broker->tenants, peer->tenant) ||
        arena_owner_grow(&peer->tenant->arena, peer->row, 1, ret_first, &count) < 0)
        return 0;
    return count;
}

static void hello_reply(const Broker *broker, Peer *peer, const MsgMessage *m, uint64_t wish) {
    const Tenant *tenant = peer->tenant;
    uint32_t first, count = hello_grant(broker, peer, wish, &first);
    int fds[2 + TENANT_MAX_SEGMENTS];
    size_t nfds = 0;
    MessageWriter w;
    fds[nfds++] = tenant->arena.fd;
    fds[nfds++] = tenant->table.fd;
    for (unsigned i = 0; i < tenant->nsegments; i++)
        fds[nfds++] = tenant->segments[i].fd;
    reply_begin(&w, m, count ? 8 : 6);
    put_uint(&w, "version", PROTOCOL_VERSION);
    put_uint(&w, "row", peer->row);
    if (count) {
        put_uint(&w, "first", first);
        put_uint(&w, "count", count);
    }
    put_uint(&w, "arena_size", tenant->arena.size);
    put_uint(&w, "table_size", tenant->table.size);
    put_uint(&w, "chunk_size", ARENA_CHUNK_SIZE);
    hello_put_segments(&w, tenant);
    peer_reply(peer, m->id, &w, fds, nfds);
}

static void hello_reply_observer(Peer *peer, const MsgMessage *m) {
    MessageWriter w;
    reply_begin(&w, m, 6);
    put_uint(&w, "version", PROTOCOL_VERSION);
    put_uint(&w, "row", 0);
    put_uint(&w, "arena_size", 0);
    put_uint(&w, "table_size", 0);
    put_uint(&w, "chunk_size", ARENA_CHUNK_SIZE);
    wire_put_cstr(&w.packer, "segments");
    msgpack_pack_array(&w.packer, 0);
    peer_reply(peer, m->id, &w, NULL, 0);
}

static void peer_greeted(Peer *peer) {
    peer->greeted = true;
    peer->hello_by = 0;
}

static void hello_observe(Broker *broker, Peer *peer, const MsgMessage *m, Str namespace_) {
    peer_greeted(peer);
    peer->observer = true;
    peer->tenant = tenants_find(&broker->tenants, peer->uid, namespace_);
    if (peer->tenant)
        peer->tenant->peers++;
    hello_reply_observer(peer, m);
}

/* What a client that was here before asks for: its arena, and (but for a forked child) its row. */
typedef struct HelloBack {
    bool asked, row_asked,
        handed; /* handed: it was asked for the arena's descriptor, and gives it or says that it cannot */
    uint64_t device, inode, row;
} HelloBack;

static bool hello_read_back(const MsgMessage *m, HelloBack *ret) {
    msgpack_object_array pair;
    const msgpack_object *arena = wire_find(&m->body, "arena"), *row = wire_find(&m->body, "row"),
                         *handed = wire_find(&m->body, "handed");
    *ret = (HelloBack){.asked = arena != NULL, .row_asked = row != NULL};
    return (!arena ||
            (wire_array(arena, &pair) && pair.size == 2 && wire_uint(&pair.ptr[0], UINT64_MAX, &ret->device) &&
             wire_uint(&pair.ptr[1], UINT64_MAX, &ret->inode))) &&
           (!row || (arena && wire_uint(row, ARENA_MAX_ROWS - 1, &ret->row))) &&
           (!handed || wire_bool(handed, &ret->handed));
}

static bool is_arena_of(const Tenant *tenant, const HelloBack *back) {
    struct stat st;
    return fstat(tenant->arena.fd, &st) == 0 && st.st_dev == back->device && st.st_ino == back->inode;
}

static void refuse_open(Peer *peer, const MsgMessage *m, int r) {
    dispatch_refuse(peer, m, "quota",
                    r == 1         ? "too many namespaces in use"
                    : r == -ENOSPC ? "too many clients in this namespace"
                                   : "the daemon cannot make the namespace's memory");
}

static void forget_worn_out(Broker *broker, const Peer *peer, Str namespace_) {
    Tenant *t = tenants_find(&broker->tenants, peer->uid, namespace_);
    if (!t || !tenant_is_worn_out(t))
        return;
    log_about(LOG_INFO, peer->uid, "namespace %s of uid %u begins anew: it was nearly full, and nobody used it",
              t->namespace_, (unsigned)peer->uid);
    tenants_forget(&broker->tenants, t);
}

/* The tenant, also one that the daemon before had. 0; 1: the peer was answered, or has to wait (*ret_handled says which). */
static int hello_find_tenant(Broker *broker, Peer *peer, const MsgMessage *m, Str namespace_, const HelloBack *back,
                             Tenant **ret_tenant, PeerHandled *ret_handled) {
    Handover found = HANDOVER_NOTHING;
    *ret_handled = PEER_HANDLED;
    forget_worn_out(broker, peer, namespace_);
    if ((*ret_tenant = tenants_find(&broker->tenants, peer->uid, namespace_)))
        return 0;
    if (tenants_make_room(&broker->tenants, peer->uid))
        found = handover_adopt(broker, peer->uid, namespace_, peer->handed, ret_tenant);
    if (found == HANDOVER_DONE)
        return 0;
    if (found == HANDOVER_MISSING && back->asked && !back->handed &&
        handover_expects(broker, peer->uid, namespace_, back->device, back->inode)) {
        peer->takes_fd = true;
        dispatch_refuse(peer, m, "handback", "hand over the arena's descriptor with the next hello");
        return 1;
    }
    if (found == HANDOVER_MISSING && handover_waits(broker) && !back->asked) {
        *ret_handled = PEER_HOLD;
        return 1;
    }
    if (back->asked) { /* a new one is of no use to it */
        dispatch_refuse(peer, m, "stale", "this daemon does not have the arena of the one before");
        return 1;
    }
    int r = tenants_open(&broker->tenants, peer->uid, namespace_, ret_tenant);
    if (r) {
        refuse_open(peer, m, r);
        return 1;
    }
    handover_keep(broker, *ret_tenant);
    return 0;
}

/* An old connection of the same client may be over without our having seen to it. */
static bool row_is_anothers(Broker *broker, const Peer *peer, const Tenant *tenant, uint32_t row) {
    for (Peer *p = broker->peers.list; p; p = p->next)
        if (p != peer && p->tenant == tenant && !p->observer && p->row == row)
            return !peer_drop_if_over(p);
    return false;
}

/* Its old row, if it is that process's and nobody has declared it dead. 0, or -ESTALE. */
static int take_back_row(Broker *broker, Peer *peer, Tenant *tenant, uint32_t row) {
    uint32_t pid;
    if (row_is_anothers(broker, peer, tenant, row) || arena_owner_row(&tenant->arena, row, &pid) != ARENA_ROW_LIVE ||
        pid != (uint32_t)peer->pid)
        return -ESTALE;
    if (linger_back(&broker->lingers, tenant, row))
        tenant->peers--;
    peer->row = row;
    return 0;
}

/* Who cannot be watched gets no row: it would have to be kept for ever, or be given away while its process uses it. */
static void refuse_unwatched(Peer *peer, const MsgMessage *m, int error) {
    char text[128];
    snprintf(text, sizeof text, "the daemon cannot watch process %d, and so cannot lend it memory: %s", (int)peer->pid,
             strerror(error));
    dispatch_refuse(peer, m, "quota", text);
}

static PeerHandled hello_enter(Broker *broker, Peer *peer, const MsgMessage *m, Str namespace_, uint64_t wish,
                               const HelloBack *back) {
    Tenant *tenant;
    PeerHandled handled;
    cleanup_close int pidfd = linger_pidfd(peer->fd, peer->pid);
    if (pidfd < 0 && pidfd != -ESRCH) {
        refuse_unwatched(peer, m, -pidfd);
        return PEER_HANDLED;
    }
    if (!back->row_asked && lingers_of_process(&broker->lingers, peer->pid) >= LINGERS_MAX_OF_PROCESS) {
        dispatch_refuse(peer, m, "quota",
                        "this process has connected again and again, and has given nothing back that it was lent");
        return PEER_HANDLED;
    }
    if (hello_find_tenant(broker, peer, m, namespace_, back, &tenant, &handled))
        return handled;
    if (back->asked && !is_arena_of(tenant, back)) {
        dispatch_refuse(peer, m, "stale", "the namespace has another arena now");
        return PEER_HANDLED;
    }
    int r = back->row_asked ? take_back_row(broker, peer, tenant, (uint32_t)back->row)
                            : arena_owner_take_row(&tenant->arena, (uint32_t)peer->pid, &peer->row);
    if (r == -ESTALE) {
        dispatch_refuse(peer, m, "stale", "what this process held has been given back");
        return PEER_HANDLED;
    }
    if (r) {
        refuse_open(peer, m, r);
        return PEER_HANDLED;
    }
    peer_greeted(peer);
    peer->takes_fd = false;
    peer->tenant = tenant;
    peer->pidfd = pidfd < 0 ? -1 : steal_fd(pidfd);
    tenant->peers++;
    tenant_row_reaped(tenant, peer->row); /* it was a dead one's, if a client reaped it and died before saying so */
    hello_reply(broker, peer, m, wish);
    tell_awake(peer);
    workers_want_identity(&broker->workers);
    return PEER_HANDLED;
}

static PeerHandled dispatch_hello(Broker *broker, Peer *peer, const MsgMessage *m) {
    uint64_t version, wish = 0;
    Str namespace_;
    bool observe = false;
    HelloBack back;
    const msgpack_object *o = wire_find(&m->body, "observe"), *chunks = wire_find(&m->body, "chunks");
    if (!wire_uint(wire_find(&m->body, "version"), UINT32_MAX, &version) ||
        !wire_str(wire_find(&m->body, "namespace"), &namespace_) || !namespace_.len ||
        namespace_.len > TENANT_MAX_NAMESPACE || memchr(namespace_.ptr, 0, namespace_.len) ||
        (o && !wire_bool(o, &observe)) || (chunks && !wire_uint(chunks, UINT32_MAX, &wish)) ||
        !hello_read_back(m, &back)) {
        dispatch_refuse(peer, m, "malformed", "a hello without version or namespace (1 to 64 bytes)");
    } else if (version != PROTOCOL_VERSION) {
        char text[96];
        snprintf(text, sizeof text, "the daemon speaks version %d of the protocol: restart the older of the two",
                 PROTOCOL_VERSION);
        dispatch_refuse(peer, m, "version", text);
    } else if (observe) {
        hello_observe(broker, peer, m, namespace_);
    } else {
        return hello_enter(broker, peer, m, namespace_, wish, &back);
    }
    return PEER_HANDLED;
}

/* ---- the arena ---- */

/* Of those that are wanted whole there are none as long as memory for them is made ready. */
static int grow_whole(Peer *peer, uint32_t chunks, uint32_t *ret_first, uint32_t *ret_count) {
    int r = arena_owner_grow_whole(&peer->tenant->arena, peer->row, chunks, ret_first);
    *ret_count = r == 0 ? chunks : 0;
    return r == -EAGAIN ? 0 : r;
}

static PeerHandled dispatch_grow(Broker *broker, Peer *peer, const MsgMessage *m) {
    uint64_t chunks;
    uint32_t first = 0, count;
    bool whole = false;
    const msgpack_object *o = wire_find(&m->body, "whole");
    MessageWriter w;
    if (!wire_uint(wire_find(&m->body, "chunks"), UINT32_MAX, &chunks) || !chunks || (o && !wire_bool(o, &whole))) {
        dispatch_refuse(peer, m, "malformed", "how many chunks?");
        return PEER_HANDLED;
    }
    if (chunks > GROW_MAX && !whole)
        chunks = GROW_MAX;
    uint32_t left = tenants_arena_left(&broker->tenants, peer->tenant);
    if (!left || (whole && chunks > left)) {
        dispatch_refuse(peer, m, "full",
                        "the arenas of this user have all that it may have in them together (arena-total)");
        return PEER_HANDLED;
    }
    if (chunks > left)
        chunks = left;
    int r = whole ? grow_whole(peer, (uint32_t)chunks, &first, &count)
                  : arena_owner_grow(&peer->tenant->arena, peer->row, (uint32_t)chunks, &first, &count);
    if (r < 0) {
        dispatch_refuse(peer, m, "full", "the arena is full");
        return PEER_HANDLED;
    }
    reply_begin(&w, m, 2);
    put_uint(&w, "first", first);
    put_uint(&w, "count", count);
    peer_reply(peer, m->id, &w, NULL, 0);
    return PEER_HANDLED;
}

static uint64_t monotonic_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

typedef struct Publish {
    uint64_t object, nonce;
    uint32_t row;
    const uint64_t *note; /* NULL: the client has none of it */
} Publish;

/* Who lost the answer with the daemon before, or with its connection, asks again. */
static int publish_once(Tenant *tenant, Str name, const Publish *p, uint64_t *ret_old) {
    if (tenant_was_published(tenant, p->nonce, ret_old)) {
        if (p->note)
            arena_owner_published(&tenant->arena, p->row, (uint32_t)*p->note, p->object, *ret_old);
        return 0;
    }
    int r = tenant_publish_name(tenant, name, p->object, p->row, p->note, ret_old);
    if (r == 0) {
        uint64_t ms = monotonic_ms();
        BROKER_STEP();
        tenant_note_published(tenant, p->nonce, *ret_old, ms);
        ledger_put_name(tenant, name, p->object, *ret_old, p->nonce, ms);
    }
    return r;
}

static PeerHandled dispatch_publish(Broker *broker, Peer *peer, const MsgMessage *m) {
    Str name;
    uint64_t note;
    Publish p = {.row = peer->row};
    MessageWriter w;
    const msgpack_object *once = wire_find(&m->body, "nonce"), *noted = wire_find(&m->body, "note");
    (void)broker;
    if (!wire_str(wire_find(&m->body, "name"), &name) ||
        !wire_uint(wire_find(&m->body, "object"), peer->tenant->arena.size, &p.object) || p.object % 16 ||
        (once && !wire_uint(once, UINT64_MAX, &p.nonce)) || (noted && !wire_uint(noted, UINT32_MAX, &note))) {
        dispatch_refuse(peer, m, "malformed", "a name and an object's offset are needed");
        return PEER_HANDLED;
    }
    p.note = noted ? &note : NULL;
    uint64_t old = 0;
    int r = publish_once(peer->tenant, name, &p, &old);
    if (r == -ENAMETOOLONG) {
        dispatch_refuse(peer, m, "malformed", "a name has 1 to 1024 bytes");
    } else if (r == -ECANCELED || r == -EINVAL) {
        dispatch_refuse(peer, m, "note", "the publication is not noted in the client's row");
    } else if (r < 0) {
        dispatch_refuse(peer, m, "quota", "too many names");
    } else {
        reply_begin(&w, m, 1);
        put_uint(&w, "old", old);
        peer_reply(peer, m->id, &w, NULL, 0);
    }
    return PEER_HANDLED;
}

/* What became of a publication whose answer was lost: 1: it was made; 0: it was not; 2: nobody knows any more. */
static void reply_nonce(Peer *peer, const MsgMessage *m, uint64_t nonce, uint64_t since) {
    uint64_t old = 0;
    bool made = tenant_was_published(peer->tenant, nonce, &old);
    MessageWriter w;
    reply_begin(&w, m, 2);
    put_uint(&w, "made", made ? 1 : tenant_knows_published(peer->tenant, since) ? 0 : 2);
    put_uint(&w, "old", old);
    peer_reply(peer, m->id, &w, NULL, 0);
}

static PeerHandled dispatch_find(Broker *broker, Peer *peer, const MsgMessage *m) {
    Str name;
    uint64_t nonce, since;
    MessageWriter w;
    (void)broker;
    if (wire_str(wire_find(&m->body, "name"), &name)) {
        reply_begin(&w, m, 1);
        put_uint(&w, "object", tenant_find_name(peer->tenant, name));
        peer_reply(peer, m->id, &w, NULL, 0);
    } else if (wire_uint(wire_find(&m->body, "nonce"), UINT64_MAX, &nonce) && nonce &&
               wire_uint(wire_find(&m->body, "since"), UINT64_MAX, &since)) {
        reply_nonce(peer, m, nonce, since);
    } else {
        dispatch_refuse(peer, m, "malformed", "which name?");
    }
    return PEER_HANDLED;
}

static PeerHandled dispatch_reap(Broker *broker, Peer *peer, const MsgMessage *m) {
    uint64_t row;
    MessageWriter w;
    (void)broker;
    if (!wire_uint(wire_find(&m->body, "row"), UINT32_MAX, &row)) {
        dispatch_refuse(peer, m, "malformed", "which row?");
        return PEER_HANDLED;
    }
    BROKER_STEP();
    if (tenant_row_reaped(peer->tenant, (uint32_t)row)) /* two clients may have done it; the second is late */
        arena_owner_free_row(&peer->tenant->arena, (uint32_t)row);
    reply_begin(&w, m, 0);
    peer_reply(peer, m->id, &w, NULL, 0);
    return PEER_HANDLED;
}

/* ---- which ---- */

typedef struct Handler {
    int number;
    bool observers; /* may they ask it */
    PeerHandled (*handle)(Broker *, Peer *, const MsgMessage *);
} Handler;

static const Handler handlers[] = {
    {MESSAGE_LOOKUP, true, compile_lookup},   {MESSAGE_COMPILE, false, compile_compile},
    {MESSAGE_GROW, false, dispatch_grow},     {MESSAGE_PUBLISH, false, dispatch_publish},
    {MESSAGE_FIND, false, dispatch_find},     {MESSAGE_DUMP, true, compile_dump},
    {MESSAGE_STATS, true, report_stats},      {MESSAGE_CLASSES, true, report_classes},
    {MESSAGE_REAP, false, dispatch_reap},     {MESSAGE_NAMES, true, operate_names},
    {MESSAGE_CLIENTS, true, operate_clients}, {MESSAGE_NAMESPACES, true, operate_namespaces},
    {MESSAGE_LOG, true, operate_log},         {MESSAGE_PURGE, true, operate_purge},
};

PeerHandled dispatch_message(void *arg, Peer *peer, const MsgMessage *m) {
    Broker *broker = arg;
    peer->deaths_told = 0;
    BROKER_STEP();
    if (peer->tenant && !peer->observer && m->number != MESSAGE_REAP)
        tell_awake(peer);
    if (!peer->greeted && m->number == MESSAGE_HELLO)
        return dispatch_hello(broker, peer, m);
    for (size_t i = 0; peer->greeted && i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].number != m->number)
            continue;
        if (!peer->observer || handlers[i].observers)
            return handlers[i].handle(broker, peer, m);
        dispatch_refuse(peer, m, "malformed", "an observer may not ask this");
        return PEER_HANDLED;
    }
    dispatch_refuse(peer, m, "malformed", peer->greeted ? "unknown request" : "HELLO comes first");
    return PEER_HANDLED;
}
