/* Units: LOOKUP, COMPILE and DUMP, and what comes back from the compiler processes.
 *
 * A unit is looked for in the tenant (by fingerprint, with the same content), then on the disk (by content), then
 * compiled. The content key needs the compiler's identity; until the first compiler process has said it, requests that
 * need it are held. */
#include "server/broker/broker.h"
#include "base/cleanup.h"
#include "server/broker/log.h"
#include "server/broker/publish.h"
#include <errno.h>
#include <stdio.h>
#include <zstd.h>

#define UNIT_MAX_BYTES ((size_t)8 << 20)
#define LOOKUP_MAX_KEYS 1024
#define LOOKUP_MAX_BYTES ((size_t)12 << 20) /* what does not fit is answered as a miss */

static void pool_cleanup(Pool *pool) {
    pool_deinit(pool);
}

/* ---- answers ---- */

static void put_unit(msgpack_packer *pk, const Unit *unit) {
    msgpack_pack_map(pk, 4);
    wire_put_cstr(pk, "slot");
    msgpack_pack_uint32(pk, unit->slot);
    wire_put_cstr(pk, "class_id");
    msgpack_pack_uint32(pk, unit->ndefs ? unit->class_ids[0] : 0);
    wire_put_cstr(pk, "classes");
    msgpack_pack_array(pk, unit->ndefs);
    for (uint32_t i = 0; i < unit->ndefs; i++) {
        if (!unit->class_ids[i]) {
            msgpack_pack_nil(pk);
            continue;
        }
        msgpack_pack_array(pk, 2);
        wire_put_bin(pk, (Str){(const char *)unit->class_keys[i].b, KEY_SIZE});
        msgpack_pack_uint32(pk, unit->class_ids[i]);
    }
    wire_put_cstr(pk, "meta");
    wire_put_bin(pk, (Str){unit->meta, unit->meta_size});
}

static void reply_unit(Peer *peer, uint64_t id, const Unit *unit) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_REPLY, id);
    put_unit(&w.packer, unit);
    peer_reply(peer, id, &w, NULL, 0);
}

static void reply_text(Peer *peer, uint64_t id, Str text) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_REPLY, id);
    msgpack_pack_map(&w.packer, 1);
    wire_put_cstr(&w.packer, "text");
    wire_put_str(&w.packer, text);
    peer_reply(peer, id, &w, NULL, 0);
}

/* ---- publishing ---- */

static void tell_segment(const Broker *broker, const Tenant *tenant, const Segment *segment) {
    for (Peer *p = broker->peers.list; p; p = p->next) {
        MessageWriter w;
        if (p->tenant != tenant || p->observer)
            continue;
        message_writer_init(&w);
        message_begin(&w, MESSAGE_SEGMENT, 0);
        msgpack_pack_map(&w.packer, 2);
        wire_put_cstr(&w.packer, "offset");
        msgpack_pack_uint64(&w.packer, segment->offset);
        wire_put_cstr(&w.packer, "size");
        msgpack_pack_uint64(&w.packer, segment->size);
        if (message_end(&w) == 0) {
            peer_send(p, &w, &segment->fd, 1);
        } else {
            message_writer_deinit(&w);
            peer_doom(p, "there is no memory to tell it of a segment");
        }
    }
}

typedef struct Outcome {
    Unit *unit;                 /* NULL: refused */
    const char *code, *message; /* of the protocol's error */
} Outcome;

static Outcome broker_publish(Broker *broker, Tenant *tenant, const Publication *publication) {
    const Segment *segment = NULL;
    Outcome out = {0};
    publish_unit(&broker->tenants, tenant, publication, &out.unit, &segment, &out.code, &out.message);
    if (segment)
        tell_segment(broker, tenant, segment);
    return out;
}

/* Decodes a unit and its image (the body of a DONE message) and checks them against each other. NULL, or what is wrong.
 */
static const char *decode_both(const Broker *broker, Pool *pool, Str source, const msgpack_object *body,
                               UnitSpec *ret_spec, MsgImage *ret_image) {
    Str error;
    const char *wrong;
    if (unit_decode(pool, source, ret_spec, &error))
        return "the unit is malformed";
    if (image_decode(pool, body, ret_image, &wrong))
        return wrong;
    return image_check(ret_image, (uint32_t)ret_spec->ndefs, broker->tenants.segment_size);
}

static Unit *publish_entry(Broker *broker, Tenant *tenant, const CacheEntry *entry, const Key *content,
                           const Key *fingerprint) {
    cleanup(pool_cleanup) Pool pool = POOL_NULL;
    cleanup(msgpack_unpacked_destroy) msgpack_unpacked owner;
    MsgMessage m;
    UnitSpec spec;
    MsgImage image;
    Key again;
    msgpack_unpacked_init(&owner);
    jobs_content_key(entry->unit, tenant->uid, &broker->workers.identity, &again);
    if (!key_eq(&again, content) || message_read(entry->image, &owner, &m) ||
        decode_both(broker, &pool, entry->unit, &m.body, &spec, &image) || !key_eq(&spec.key, fingerprint))
        return NULL;
    return broker_publish(broker, tenant,
                          &(Publication){.unit = &spec, .source = entry->unit, .content = content, .image = &image})
        .unit;
}

/* From the disk cache. NULL: it is not there, or is of no use. */
static Unit *broker_publish_cached(Broker *broker, Tenant *tenant, const Key *content, const Key *fingerprint) {
    CacheEntry entry;
    if (cache_load(&broker->cache, content, &entry))
        return NULL;
    Unit *unit = publish_entry(broker, tenant, &entry, content, fingerprint);
    cache_entry_deinit(&entry);
    broker->stats.disk_hits += unit != NULL;
    return unit;
}

/* ---- LOOKUP ---- */

static Unit *lookup_on_disk(Broker *broker, Tenant *tenant, uid_t uid, const Key *fingerprint) {
    Key index, content;
    if (!broker->workers.have_identity)
        return NULL;
    cache_index_key(fingerprint, uid, &broker->workers.identity, &index);
    if (cache_find(&broker->cache, &index, &content))
        return NULL;
    return broker_publish_cached(broker, tenant, &content, fingerprint);
}

static bool lookup_key(const msgpack_object *o, Key *ret_key) {
    Str bytes;
    if (!wire_bin(o, &bytes) || bytes.len != KEY_SIZE)
        return false;
    memcpy(ret_key->b, bytes.ptr, KEY_SIZE);
    return true;
}

/* Whether the disk has to be asked, and can be only after the compiler has said who it is. */
static bool lookup_must_wait(Broker *broker, const Peer *peer, const Key *keys, uint32_t n) {
    bool miss = false;
    if (peer->observer || broker->cache.dir < 0 || broker->workers.have_identity)
        return false;
    for (uint32_t i = 0; i < n; i++)
        miss = miss || !tenant_find_unit(peer->tenant, &keys[i]);
    return miss && workers_want_identity(&broker->workers);
}

/* Looks on the disk for what the tenant has not got. A file is opened for each: when the peer's turn is over before all are looked for,
 * it goes on in the next one. False: it is not through. */
static bool lookup_all_on_disk(Broker *broker, Peer *peer, const Key *keys, uint32_t n) {
    if (!peer->tenant || peer->observer)
        return true;
    while (peer->looked < n) {
        const Key *key = &keys[peer->looked++];
        if (tenant_find_unit(peer->tenant, key))
            continue;
        peer->found += lookup_on_disk(broker, peer->tenant, peer->uid, key) != NULL;
        if (peer->looked < n && peer_turn_is_over(peer))
            return false;
    }
    return true;
}

static Unit *lookup_one(Broker *broker, Peer *peer, const Key *key) {
    Unit *unit = peer->tenant ? tenant_find_unit(peer->tenant, key) : NULL;
    broker->stats.lookups++;
    if (!unit)
        return NULL;
    if (peer->found)
        peer->found--; /* it came from the disk just now */
    else
        broker->stats.cache_hits++;
    unit->hits++;
    return unit;
}

static void lookup_reply(Broker *broker, Peer *peer, uint64_t id, const Key *keys, uint32_t n) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_REPLY, id);
    msgpack_pack_map(&w.packer, 1);
    wire_put_cstr(&w.packer, "units");
    msgpack_pack_array(&w.packer, n);
    bool miss = false;
    for (uint32_t i = 0; i < n; i++) {
        const Unit *unit = lookup_one(broker, peer, &keys[i]);
        miss = miss || !unit;
        if (unit && w.buffer.size + unit->meta_size < LOOKUP_MAX_BYTES)
            put_unit(&w.packer, unit);
        else
            msgpack_pack_nil(&w.packer);
    }
    peer->looked = peer->found = 0;
    peer_reply(peer, id, &w, NULL, 0);
    if (miss && !peer->observer)
        workers_prepare(&broker->workers, peer->uid); /* while the client looks for the source */
}

PeerHandled compile_lookup(Broker *broker, Peer *peer, const MsgMessage *m) {
    msgpack_object_array list;
    Key keys[LOOKUP_MAX_KEYS];
    bool good = wire_array(wire_find(&m->body, "keys"), &list) && list.size <= LOOKUP_MAX_KEYS;
    for (uint32_t i = 0; good && i < list.size; i++)
        good = lookup_key(&list.ptr[i], &keys[i]);
    if (!good)
        dispatch_refuse(peer, m, "malformed", "keys must be at most 1024 byte strings of 32 bytes");
    else if (lookup_must_wait(broker, peer, keys, list.size))
        return PEER_HOLD;
    else if (!lookup_all_on_disk(broker, peer, keys, list.size))
        return PEER_AGAIN;
    else
        lookup_reply(broker, peer, m->id, keys, list.size);
    return PEER_HANDLED;
}

/* ---- COMPILE ---- */

static void request_job(Broker *broker, Peer *peer, const MsgMessage *m, const JobRequest *request) {
    int r = jobs_request(&broker->jobs, request, peer, m->id);
    if (r)
        dispatch_refuse(peer, m, r == 1 ? "busy" : "quota",
                        r == 1 ? "too much of this user's is waiting to be compiled"
                        : r == 2
                            ? "this user's compilations have taken all of their time (compile-seconds) of this hour"
                            : "out of memory");
}

static void remember_fingerprint(Broker *broker, const Peer *peer, const Key *fingerprint, const Key *content) {
    Key index;
    cache_index_key(fingerprint, peer->uid, &broker->workers.identity, &index);
    cache_index(&broker->cache, &index, content);
}

static void compile_unit(Broker *broker, Peer *peer, const MsgMessage *m, Str source, const Key *fingerprint) {
    Key content;
    jobs_content_key(source, peer->uid, &broker->workers.identity, &content);
    Unit *unit = tenant_find_unit(peer->tenant, fingerprint);
    if (unit && key_eq(&unit->content, &content)) {
        broker->stats.cache_hits++;
    } else if ((unit = broker_publish_cached(broker, peer->tenant, &content, fingerprint))) {
        remember_fingerprint(broker, peer, fingerprint, &content);
    } else {
        request_job(broker, peer, m,
                    &(JobRequest){.unit = source,
                                  .content = &content,
                                  .what = "image",
                                  .owner = peer->uid,
                                  .client = (uint32_t)peer->pid});
        return;
    }
    unit->hits++;
    reply_unit(peer, m->id, unit);
}

/* The compiler's description of a unit that has no code. */
static int layout_meta(const UnitSpec *spec, msgpack_sbuffer *ret_meta) {
    static const char *const empty[] = {"entries", "refused", "parts", "warnings", "sites"};
    msgpack_packer pk;
    msgpack_packer_init(&pk, ret_meta, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 1 + sizeof empty / sizeof empty[0]);
    wire_put_cstr(&pk, "defs");
    msgpack_pack_array(&pk, spec->ndefs);
    for (size_t i = 0; i < spec->ndefs; i++) {
        msgpack_pack_array(&pk, 2);
        wire_put_str(&pk, spec->defs[i].name);
        wire_put_str(&pk, spec->defs[i].file);
    }
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        wire_put_cstr(&pk, empty[i]);
        msgpack_pack_array(&pk, 0);
    }
    return ret_meta->data ? 0 : -ENOMEM;
}

/* Classes without code: their layouts take no compiler. */
static void layout_unit(Broker *broker, Peer *peer, const MsgMessage *m, Str source, const UnitSpec *spec) {
    static const Key no_compiler;
    cleanup(msgpack_sbuffer_destroy) msgpack_sbuffer meta = {0};
    Key content;
    jobs_content_key(source, peer->uid, &no_compiler, &content);
    Outcome out = {.unit = tenant_find_unit(peer->tenant, &spec->key), .code = "quota", .message = "out of memory"};
    if (out.unit && !key_eq(&out.unit->content, &content))
        out.unit = NULL;
    if (!out.unit && layout_meta(spec, &meta) == 0) {
        MsgImage image = {.meta = {meta.data, meta.size}};
        out = broker_publish(broker, peer->tenant,
                             &(Publication){.unit = spec, .source = source, .content = &content, .image = &image});
    }
    if (!out.unit)
        dispatch_refuse(peer, m, out.code, out.message);
    else
        reply_unit(peer, m->id, out.unit);
}

static bool wants_layout(const MsgMessage *m) {
    bool layout;
    return wire_bool(wire_find(&m->body, "layout"), &layout) && layout;
}

PeerHandled compile_compile(Broker *broker, Peer *peer, const MsgMessage *m) {
    cleanup(pool_cleanup) Pool pool = POOL_NULL;
    UnitSpec spec;
    Str source, error;
    if (!wire_bin(wire_find(&m->body, "unit"), &source)) {
        dispatch_refuse(peer, m, "malformed", "which unit?");
    } else if (source.len > UNIT_MAX_BYTES) {
        dispatch_refuse(peer, m, "quota", "the unit is larger than 8 MiB");
    } else if (wants_layout(m)) {
        if (unit_decode(&pool, source, &spec, &error))
            peer_reply_error(peer, m->id, "malformed", error);
        else if (spec.nentries)
            dispatch_refuse(peer, m, "malformed", "a layout has no entries");
        else
            layout_unit(broker, peer, m, source, &spec);
    } else if (!broker->workers.have_identity && workers_want_identity(&broker->workers)) {
        return PEER_HOLD;
    } else if (!broker->workers.have_identity) {
        dispatch_refuse(peer, m, "absent", broker->workers.why);
    } else if (unit_decode(&pool, source, &spec, &error)) {
        peer_reply_error(peer, m->id, "malformed", error);
    } else {
        Key fingerprint = spec.key;
        pool_deinit(&pool); /* it may be large, and what follows decodes again */
        compile_unit(broker, peer, m, source, &fingerprint);
    }
    return PEER_HANDLED;
}

/* ---- DUMP ---- */

static const char *dump_kind(Str what) {
    static const char *const kinds[] = {"ast", "bound", "typed", "flow", "ir", "iropt", "asm"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_eq_c(what, kinds[i]))
            return kinds[i];
    return NULL;
}

static Unit *dump_unit(const Peer *peer, const MsgMessage *m) {
    Str name;
    Key key;
    if (!peer->tenant)
        return NULL;
    if (lookup_key(wire_find(&m->body, "key"), &key))
        return tenant_find_unit(peer->tenant, &key);
    return wire_str(wire_find(&m->body, "name"), &name) ? tenant_find_unit_by_name(peer->tenant, name) : NULL;
}

static void dump_request(Broker *broker, Peer *peer, const MsgMessage *m, const Unit *unit, const char *what) {
    Key content;
    Str method = STR_NULL;
    cleanup_free char *source = malloc(unit->source_size + 1);
    const msgpack_object *o = wire_find(&m->body, "method");
    if (!source || ZSTD_decompress(source, unit->source_size, unit->source, unit->source_packed) != unit->source_size) {
        dispatch_refuse(peer, m, "quota", "out of memory");
        return;
    }
    if (o && !wire_is_nil(o) && (!wire_str(o, &method) || memchr(method.ptr, 0, method.len))) {
        dispatch_refuse(peer, m, "malformed", "which method?");
        return;
    }
    Str bytes = {source, unit->source_size};
    jobs_content_key(bytes, peer->uid, &broker->workers.identity, &content);
    request_job(broker, peer, m,
                &(JobRequest){.unit = bytes,
                              .content = &content,
                              .what = what,
                              .method = method,
                              .owner = peer->uid,
                              .client = (uint32_t)peer->pid});
}

PeerHandled compile_dump(Broker *broker, Peer *peer, const MsgMessage *m) {
    Str text;
    const char *what = wire_str(wire_find(&m->body, "what"), &text) ? dump_kind(text) : NULL;
    const Unit *unit = dump_unit(peer, m);
    if (!what)
        dispatch_refuse(peer, m, "malformed", "what to dump: ast, bound, typed, ir, iropt or asm");
    else if (!unit)
        dispatch_refuse(peer, m, "unknown", "no such class or function has been compiled in this namespace");
    else
        dump_request(broker, peer, m, unit, what);
    return PEER_HANDLED;
}

/* ---- what the compiler processes answer ---- */

static void answer_waiters(const Job *job, const char *code, Str message) {
    for (Waiter *w = job->waiters; w; w = w->next)
        peer_reply_error(w->peer, w->id, code, message);
}

static void done_waiter(Broker *broker, const Waiter *w, const Publication *publication, bool keep) {
    Peer *peer = w->peer;
    const Key *fingerprint = &publication->unit->key;
    Outcome out = {.unit = tenant_find_unit(peer->tenant, fingerprint)};
    if (!out.unit || !key_eq(&out.unit->content, publication->content)) /* not there yet for an earlier waiter */
        out = broker_publish(broker, peer->tenant, publication);
    if (!out.unit) {
        peer_reply_error(peer, w->id, out.code, str_from_cstr(out.message));
        return;
    }
    if (keep)
        remember_fingerprint(broker, peer, fingerprint, publication->content);
    out.unit->hits++;
    reply_unit(peer, w->id, out.unit);
}

static void done_image(Broker *broker, const Job *job, const msgpack_object *body, Str frame, const Key *identity) {
    cleanup(pool_cleanup) Pool pool = POOL_NULL;
    UnitSpec spec;
    MsgImage image;
    Key content;
    Str source = {job->unit, job->unit_size};
    const char *wrong = decode_both(broker, &pool, source, body, &spec, &image);
    if (wrong) {
        broker->stats.jobs_failed++;
        log_at(LOG_ERROR, "the compiler process gave %s", wrong);
        answer_waiters(job, "worker", pool_printf(&pool, "the compiler process gave %s", wrong));
        return;
    }
    broker->stats.compilations++;
    Publication publication = {.unit = &spec, .source = source, .content = &job->content, .image = &image};
    publication.compile_us = stats_add_timings(&broker->stats, wire_find(body, "timings"));
    jobs_content_key(source, job->task.owner, identity,
                     &content); /* was it made by the compiler that the key speaks of? */
    bool keep = key_eq(&content, &job->content);
    for (Waiter *w = job->waiters; w; w = w->next)
        done_waiter(broker, w, &publication, keep);
    if (keep)
        cache_store(&broker->cache, &job->content, source, frame);
}

void compile_done(void *arg, Job *job, const MsgMessage *done, Str frame, const Key *identity, const char *failure) {
    Broker *broker = arg;
    Str text;
    if (!done) {
        broker->stats.jobs_failed++;
        log_at(LOG_WARNING, "job failed: %s", failure);
        answer_waiters(job, "worker", str_from_cstr(failure));
    } else if (wire_str(wire_find(&done->body, "error"), &text)) {
        broker->stats.units_refused += !job->dump;
        answer_waiters(job, "compile", text);
    } else if (!job->dump) {
        done_image(broker, job, &done->body, frame, identity);
    } else if (wire_str(wire_find(&done->body, "text"), &text)) {
        for (Waiter *w = job->waiters; w; w = w->next)
            reply_text(w->peer, w->id, text);
    } else {
        answer_waiters(job, "worker", STR("the compiler process gave no text"));
    }
}
