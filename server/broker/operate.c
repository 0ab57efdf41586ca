/* What operators ask: NAMES, CLIENTS, NAMESPACES, LOG, PURGE. A user sees what is its own; root, and the daemon's own user, everything. */
#include "base/cleanup.h"
#include "server/broker/broker.h"
#include "server/broker/log.h"
#include <dirent.h>
#include <fcntl.h>

#define NAMES_MAX 1024 /* in one answer: the next ones are asked for by the last one's number */
#define LOG_LINES_MAX 64

static bool sees_all(const Peer *peer) {
    return peer->uid == 0 || peer->uid == geteuid();
}

static bool sees(const Peer *peer, uid_t uid) {
    return sees_all(peer) || peer->uid == uid;
}

static void begin(MessageWriter *w, const MsgMessage *m, uint32_t pairs) {
    message_writer_init(w);
    message_begin(w, MESSAGE_REPLY, m->id);
    msgpack_pack_map(&w->packer, pairs);
}

static void put_uint(MessageWriter *w, const char *key, uint64_t value) {
    wire_put_cstr(&w->packer, key);
    msgpack_pack_uint64(&w->packer, value);
}

static void put_text(MessageWriter *w, const char *key, const char *text) {
    wire_put_cstr(&w->packer, key);
    wire_put_cstr(&w->packer, text);
}

/* ---- NAMES ---- */

PeerHandled operate_names(Broker *broker, Peer *peer, const MsgMessage *m) {
    MessageWriter w;
    uint64_t from = 0, n = 0;
    const Tenant *t = peer->tenant;
    (void)broker;
    wire_uint(wire_find(&m->body, "from"), UINT32_MAX, &from);
    uint64_t all = t ? HASH_COUNT(t->names) : 0, left = all > from ? all - from : 0;
    begin(&w, m, 2);
    put_uint(&w, "all", all);
    wire_put_cstr(&w.packer, "names");
    msgpack_pack_array(&w.packer, left < NAMES_MAX ? left : NAMES_MAX);
    for (const PublishedName *name = t ? t->names : NULL; name && n < from + NAMES_MAX; name = name->hh.next, n++) {
        if (n < from)
            continue;
        msgpack_pack_array(&w.packer, 2);
        wire_put_cstr(&w.packer, name->name);
        msgpack_pack_uint64(&w.packer, name->object);
    }
    peer_reply(peer, m->id, &w, NULL, 0);
    return PEER_HANDLED;
}

/* ---- CLIENTS ---- */

static void put_client(MessageWriter *w, const Peer *p) {
    msgpack_pack_map(&w->packer, 7);
    put_uint(w, "pid", (uint64_t)p->pid);
    put_uint(w, "uid", p->uid);
    put_text(w, "namespace", p->tenant ? p->tenant->namespace_ : "");
    put_uint(w, "row", p->observer ? 0 : p->row);
    put_text(w, "state", !p->greeted ? "new" : p->observer ? "observer" : p->held ? "waiting" : "attached");
    put_uint(w, "requests", p->outstanding);
    put_uint(w, "owed_bytes", p->out_bytes);
}

PeerHandled operate_clients(Broker *broker, Peer *peer, const MsgMessage *m) {
    MessageWriter w;
    uint32_t n = 0;
    for (const Peer *p = broker->peers.list; p; p = p->next)
        n += sees(peer, p->uid);
    begin(&w, m, 1);
    wire_put_cstr(&w.packer, "clients");
    msgpack_pack_array(&w.packer, n);
    for (const Peer *p = broker->peers.list; p; p = p->next)
        if (sees(peer, p->uid))
            put_client(&w, p);
    peer_reply(peer, m->id, &w, NULL, 0);
    return PEER_HANDLED;
}

/* ---- NAMESPACES ---- */

static unsigned clients_of(const Broker *broker, const Tenant *t) {
    unsigned n = 0;
    for (const Peer *p = broker->peers.list; p; p = p->next)
        n += p->tenant == t && !p->observer;
    return n;
}

static unsigned dead_of(const Tenant *t) {
    unsigned n = 0;
    for (const DeadRow *dead = t->dead; dead; dead = dead->next)
        n++;
    return n;
}

static void put_namespace(MessageWriter *w, const Broker *broker, const Tenant *t) {
    msgpack_pack_map(&w->packer, 11);
    put_uint(w, "uid", t->uid);
    put_text(w, "namespace", t->namespace_);
    put_uint(w, "clients", clients_of(broker, t));
    put_uint(w, "dead", dead_of(t));
    put_uint(w, "names", HASH_COUNT(t->names));
    put_uint(w, "classes", HASH_COUNT(t->classes));
    put_uint(w, "units", HASH_COUNT(t->units));
    put_uint(w, "code_bytes", tenant_code_used(t));
    put_uint(w, "code_quota", t->code_limit);
    put_uint(w, "arena_bytes", t->arena.next_chunk * ARENA_CHUNK_SIZE);
    put_uint(w, "arena_quota", t->arena.quota);
}

PeerHandled operate_namespaces(Broker *broker, Peer *peer, const MsgMessage *m) {
    MessageWriter w;
    uint32_t n = 0;
    for (const Tenant *t = broker->tenants.list; t; t = t->next)
        n += sees(peer, t->uid);
    begin(&w, m, 1);
    wire_put_cstr(&w.packer, "namespaces");
    msgpack_pack_array(&w.packer, n);
    for (const Tenant *t = broker->tenants.list; t; t = t->next)
        if (sees(peer, t->uid))
            put_namespace(&w, broker, t);
    peer_reply(peer, m->id, &w, NULL, 0);
    return PEER_HANDLED;
}

/* ---- LOG ---- */

static bool sees_line(const Peer *peer, const LogEntry *entry) {
    return sees_all(peer) || (entry->uid != LOG_OF_ALL && entry->uid == peer->uid);
}

PeerHandled operate_log(Broker *broker, Peer *peer, const MsgMessage *m) {
    MessageWriter w;
    uint64_t at = 0, first, end, n = 0, stop;
    (void)broker;
    wire_uint(wire_find(&m->body, "from"), UINT64_MAX, &at);
    log_entry(0, &first, &end);
    at = at < first ? first : at;
    for (stop = at; stop < end && n < LOG_LINES_MAX; stop++)
        n += sees_line(peer, log_entry(stop, &first, &end));
    begin(&w, m, 2);
    put_uint(&w, "next", stop > at ? stop : end);
    wire_put_cstr(&w.packer, "lines");
    msgpack_pack_array(&w.packer, n);
    for (; at < stop; at++) {
        const LogEntry *entry = log_entry(at, &first, &end);
        if (!sees_line(peer, entry))
            continue;
        msgpack_pack_array(&w.packer, 3);
        msgpack_pack_uint64(&w.packer, entry->ms);
        wire_put_cstr(&w.packer, log_level_name(entry->level));
        wire_put_cstr(&w.packer, entry->text);
    }
    peer_reply(peer, m->id, &w, NULL, 0);
    return PEER_HANDLED;
}

/* ---- PURGE ---- */

static uint64_t purge_cache(Cache *cache) {
    int fd = cache->dir < 0 ? -1 : openat(cache->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    uint64_t n = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        const char *tail = strrchr(e->d_name, '.');
        if (tail && (!strcmp(tail, ".img") || !strcmp(tail, ".idx")))
            n += unlinkat(cache->dir, e->d_name, 0) == 0;
    }
    if (dir)
        closedir(dir);
    cache->used = 0;
    return n;
}

/* The namespace of the one who asks: its names, code and memory, if nobody uses it. */
static const char *purge_namespace(Broker *broker, Peer *peer) {
    Tenant *t = peer->tenant;
    if (!t)
        return "there is no such namespace";
    if (t->peers > 1 || arena_owner_any_in_use(&t->arena))
        return "the namespace is in use: `jitctl clients` says by whom";
    log_about(LOG_NOTICE, peer->uid, "namespace %s of uid %u is purged, with %u names, by pid %d", t->namespace_,
              (unsigned)t->uid, HASH_COUNT(t->names), (int)peer->pid);
    peer->tenant = NULL;
    tenants_forget(&broker->tenants, t);
    return NULL;
}

PeerHandled operate_purge(Broker *broker, Peer *peer, const MsgMessage *m) {
    MessageWriter w;
    Str what = STR_NULL;
    const char *wrong = NULL;
    uint64_t files = 0;
    wire_str(wire_find(&m->body, "what"), &what);
    if (str_eq_c(what, "namespace"))
        wrong = peer->observer ? purge_namespace(broker, peer) : "only an observer may purge";
    else if (!str_eq_c(what, "cache"))
        wrong = "what to purge: namespace or cache";
    else if (!sees_all(peer))
        wrong = "the disk cache is everybody's: only root and the daemon's own user may purge it";
    else
        files = purge_cache(&broker->cache);
    if (wrong) {
        dispatch_refuse(peer, m, "refused", wrong);
        return PEER_HANDLED;
    }
    begin(&w, m, 1);
    put_uint(&w, "files", files);
    peer_reply(peer, m->id, &w, NULL, 0);
    return PEER_HANDLED;
}
