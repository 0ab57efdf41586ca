/* What the daemon tells of itself: STATS and CLASSES. */
#include "server/broker/broker.h"
#include "base/cleanup.h"

typedef struct Figure {
    const char *name;
    uint64_t value;
} Figure;

typedef struct Totals {
    uint64_t tenants, units, classes, code_bytes, code_capacity, arena_bytes;
} Totals;

static Totals report_totals(const Broker *broker) {
    Totals t = {0};
    for (const Tenant *tenant = broker->tenants.list; tenant; tenant = tenant->next) {
        t.tenants++;
        t.units += HASH_COUNT(tenant->units);
        t.classes += HASH_COUNT(tenant->classes);
        t.code_bytes += tenant_code_used(tenant);
        t.code_capacity += tenant->nsegments * broker->tenants.segment_size;
        t.arena_bytes += tenant->arena.next_chunk * ARENA_CHUNK_SIZE;
    }
    return t;
}

static unsigned report_clients(const Broker *broker) {
    unsigned n = 0;
    for (const Peer *p = broker->peers.list; p; p = p->next)
        n += p->greeted && !p->observer;
    return n;
}

static void report_put_machine(Broker *broker, msgpack_packer *pk) {
    const Stats *s = &broker->stats;
    Totals t = report_totals(broker);
    const Figure figures[] = {
        {"pid", (uint64_t)getpid()},
        {"uptime_ms", uv_now(&broker->loop) - s->started_ms},
        {"clients", report_clients(broker)},
        {"tenants", t.tenants},
        {"units", t.units},
        {"classes", t.classes},
        {"compilations", s->compilations},
        {"cache_hits", s->cache_hits},
        {"disk_hits", s->disk_hits},
        {"lookups", s->lookups},
        {"single_flight_joins", broker->jobs.joins},
        {"jobs_failed", s->jobs_failed},
        {"units_refused", s->units_refused},
        {"jobs_waiting", HASH_COUNT(broker->jobs.table)},
        {"code_bytes", t.code_bytes},
        {"code_capacity", t.code_capacity},
        {"arena_bytes", t.arena_bytes},
        {"workers", broker->workers.count},
        {"worker_restarts", broker->workers.restarts},
        {"peers_dropped", broker->peers.dropped},
        {"disk_bytes", broker->cache.used},
        {"disk_corrupt", broker->cache.corrupt},
        {"resident_bytes", stats_resident(getpid())},
        {"workers_resident_bytes", workers_resident(&broker->workers)},
    };
    size_t n = sizeof figures / sizeof figures[0];
    msgpack_pack_map(pk, n);
    for (size_t i = 0; i < n; i++) {
        wire_put_cstr(pk, figures[i].name);
        msgpack_pack_uint64(pk, figures[i].value);
    }
}

PeerHandled report_stats(Broker *broker, Peer *peer, const MsgMessage *m) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_REPLY, m->id);
    msgpack_pack_map(&w.packer, 2);
    wire_put_cstr(&w.packer, "machine");
    report_put_machine(broker, &w.packer);
    wire_put_cstr(&w.packer, "passes");
    stats_put_passes(&broker->stats, &w.packer);
    peer_reply(peer, m->id, &w, NULL, 0);
    return PEER_HANDLED;
}

/* ---- CLASSES ---- */

static void put_figures(msgpack_packer *pk, uint64_t entries, uint64_t code, uint64_t us, uint64_t hits) {
    const Figure figures[] = {{"entries", entries}, {"code_bytes", code}, {"compile_us", us}, {"hits", hits}};
    for (size_t i = 0; i < 4; i++) {
        wire_put_cstr(pk, figures[i].name);
        msgpack_pack_uint64(pk, figures[i].value);
    }
}

static void put_key(msgpack_packer *pk, const Key *key) {
    wire_put_bin(pk, (Str){(const char *)key->b, KEY_SIZE});
}

static void report_put_class(msgpack_packer *pk, const Class *c) {
    uint64_t entries = 0, code = 0, us = 0, hits = 0;
    size_t n = 0;
    for (const Unit *unit = c->units; unit; unit = unit->next, n++) {
        entries += unit->nentries;
        code += unit->code_bytes;
        us += unit->compile_us;
        hits += unit->hits;
    }
    msgpack_pack_map(pk, 11);
    wire_put_cstr(pk, "name");
    wire_put_cstr(pk, c->name);
    wire_put_cstr(pk, "file");
    wire_put_cstr(pk, c->file);
    wire_put_cstr(pk, "key");
    put_key(pk, &c->key);
    wire_put_cstr(pk, "class_id");
    msgpack_pack_uint32(pk, c->id);
    wire_put_cstr(pk, "size");
    msgpack_pack_uint32(pk, c->size);
    put_figures(pk, entries, code, us, hits);
    wire_put_cstr(pk, "fields");
    msgpack_pack_str_body(pk, c->fields, c->fields_size); /* packed already */
    wire_put_cstr(pk, "units");
    msgpack_pack_array(pk, n);
    for (const Unit *unit = c->units; unit; unit = unit->next)
        put_key(pk, &unit->fingerprint);
}

static bool unit_is_function(const Unit *unit) {
    return !unit->ndefs || !unit->class_ids[0];
}

static void report_put_function(msgpack_packer *pk, const Unit *unit) {
    msgpack_pack_map(pk, 6);
    wire_put_cstr(pk, "name");
    wire_put_cstr(pk, unit->name);
    wire_put_cstr(pk, "key");
    put_key(pk, &unit->fingerprint);
    put_figures(pk, unit->nentries, unit->code_bytes, unit->compile_us, unit->hits);
}

/* An answer that may take several turns, and tells a part: a namespace has up to 16,384 classes and 65,536 units, and others wait meanwhile.
 * Classes only ever come to a tenant, and the peer keeps its tenant; units may go: then those that are functions are listed again. */
#define REPORT_BYTES (192 * 1024) /* of one answer: some more, and far fewer elements than a message may have */

typedef struct Report {
    const Class *class;
    const Unit *unit;
    uint64_t removals; /* of the tenant's, when `unit` was its first one */
    uint64_t had;      /* functions that the peer knows already */
    msgpack_sbuffer classes, functions;
    uint32_t nclasses, nfunctions;
} Report;

static void list_functions(Report *r, const Tenant *tenant) {
    uint64_t had = r->had;
    msgpack_sbuffer_clear(&r->functions);
    r->nfunctions = 0;
    r->removals = tenant ? tenant->removals : 0;
    for (r->unit = tenant ? tenant->units : NULL; r->unit && had; r->unit = r->unit->hh.next)
        had -= unit_is_function(r->unit);
}

static Report *report_begin(const Tenant *tenant, const MsgMessage *m) {
    Report *r = calloc(1, sizeof *r);
    uint64_t had = 0;
    if (!r)
        return NULL;
    wire_uint(wire_find(&m->body, "classes"), UINT32_MAX, &had);
    wire_uint(wire_find(&m->body, "functions"), UINT32_MAX, &r->had);
    for (r->class = tenant ? tenant->classes : NULL; r->class && had; had--)
        r->class = r->class->hh.next;
    list_functions(r, tenant);
    return r;
}

void report_forget(Peer *peer) {
    if (!peer->report)
        return;
    msgpack_sbuffer_destroy(&peer->report->classes);
    msgpack_sbuffer_destroy(&peer->report->functions);
    free(peer->report);
    peer->report = NULL;
}

static bool report_is_full(const Report *r) {
    return r->classes.size + r->functions.size >= REPORT_BYTES;
}

static bool report_is_through(const Report *r) {
    return !r->class && !r->unit;
}

static void report_one(Report *r) {
    msgpack_packer pk;
    if (r->class) {
        msgpack_packer_init(&pk, &r->classes, msgpack_sbuffer_write);
        report_put_class(&pk, r->class);
        r->nclasses++;
        r->class = r->class->hh.next;
        return;
    }
    if (unit_is_function(r->unit)) {
        msgpack_packer_init(&pk, &r->functions, msgpack_sbuffer_write);
        report_put_function(&pk, r->unit);
        r->nfunctions++;
    }
    r->unit = r->unit->hh.next;
}

static void report_reply(Peer *peer, uint64_t id, const Report *r) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_REPLY, id);
    msgpack_pack_map(&w.packer, 3);
    wire_put_cstr(&w.packer, "classes");
    msgpack_pack_array(&w.packer, r->nclasses);
    msgpack_pack_str_body(&w.packer, r->classes.data, r->classes.size); /* packed already */
    wire_put_cstr(&w.packer, "functions");
    msgpack_pack_array(&w.packer, r->nfunctions);
    msgpack_pack_str_body(&w.packer, r->functions.data, r->functions.size);
    wire_put_cstr(&w.packer, "more");
    report_is_through(r) ? msgpack_pack_false(&w.packer) : msgpack_pack_true(&w.packer);
    peer_reply(peer, id, &w, NULL, 0);
}

PeerHandled report_classes(Broker *broker, Peer *peer, const MsgMessage *m) {
    (void)broker;
    if (!peer->report && !(peer->report = report_begin(peer->tenant, m))) {
        dispatch_refuse(peer, m, "quota", "the daemon is out of memory");
        return PEER_HANDLED;
    }
    Report *r = peer->report;
    if (peer->tenant && r->removals != peer->tenant->removals)
        list_functions(r, peer->tenant);
    while (!report_is_through(r) && !report_is_full(r)) {
        report_one(r);
        if (peer_turn_is_over(peer) && !report_is_through(r) && !report_is_full(r))
            return PEER_AGAIN;
    }
    report_reply(peer, m->id, r);
    report_forget(peer);
    return PEER_HANDLED;
}
