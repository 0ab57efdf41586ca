/* Writing ledgers; see ledger.h. Reading them is replay.c's. A record is {length, checksum, body}; the first one is the head. */
#include "server/broker/ledger.h"
#include "base/cleanup.h"
#include "server/broker/log.h"
#include "server/broker/record.h"
#include "server/broker/step.h"
#include "server/broker/tenants.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define GARBAGE_MIN                                                                                                    \
    4096 /* records of names given again or taken away, from which on writing the file anew is worth it */

int ledger_open_dir(const char *path) {
    struct stat st;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (st.st_uid != geteuid() || (st.st_mode & 077))
        return -EPERM;
    return steal_fd(fd);
}

void ledger_name(uid_t uid, Str namespace_, char ret_name[LEDGER_NAME_SIZE]) {
    Hash h;
    Key key;
    char hex[KEY_HEX_SIZE];
    hash_init(&h);
    hash_add_str(&h, namespace_);
    hash_final(&h, &key);
    key_hex(&key, hex);
    snprintf(ret_name, LEDGER_NAME_SIZE, "%u-%.32s", (unsigned)uid, hex);
}

/* ---- the file ---- */

void ledger_close(Ledger *ledger) {
    cleanup_closep(&ledger->fd);
    ledger->fd = -1;
}

void ledger_remove(Ledger *ledger) {
    BROKER_STEP();
    if (ledger->fd >= 0)
        unlinkat(ledger->dir, ledger->name, 0);
    BROKER_STEP();
    ledger_close(ledger);
}

/* A ledger with a hole would make the next daemon put other code where old clients have theirs. */
static void ledger_break(Ledger *ledger, int r) {
    log_at(LOG_WARNING, "what the next daemon has to know cannot be written down (%s): it will begin anew",
           strerror(-r));
    ledger_remove(ledger);
}

static void ledger_append(Ledger *ledger, Record *record) {
    RecordHead head;
    int r = record_end(record, &head);
    if (ledger->fd >= 0 && r == 0) {
        struct iovec parts[] = {{&head, sizeof head}, {record->buffer.data, record->buffer.size}};
        ssize_t size = (ssize_t)(sizeof head + record->buffer.size);
        BROKER_STEP();
        BROKER_STEP_TORN(ledger->fd, ((Str){(const char *)&head, sizeof head}));
        ssize_t n = ledger->size > LEDGER_MAX_BYTES ? (errno = EFBIG, -1) : writev(ledger->fd, parts, 2);
        r = n == size ? 0 : n < 0 ? -errno : -ENOSPC;
        BROKER_STEP();
        ledger->size += (uint64_t)size;
    }
    if (ledger->fd >= 0 && r < 0)
        ledger_break(ledger, r);
    record_deinit(record);
}

static int new_file(int dir, const char *name) {
    char path[LEDGER_NAME_SIZE + 8];
    snprintf(path, sizeof path, "%s.new", name);
    BROKER_STEP();
    int fd = openat(dir, path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -errno : fd;
}

static int commit_file(const Ledger *ledger) {
    char path[LEDGER_NAME_SIZE + 8];
    snprintf(path, sizeof path, "%s.new", ledger->name);
    return ledger->fd >= 0 && renameat(ledger->dir, path, ledger->dir, ledger->name) < 0 ? -errno : 0;
}

static void put_head(Ledger *ledger, const Tenant *tenant) {
    struct stat st;
    char boot[RECORD_BOOT];
    Record r;
    if (fstat(tenant->arena.fd, &st) < 0 || record_boot(ledger->dir, boot) < 0) {
        ledger_break(ledger, -ENOTSUP);
        return;
    }
    record_begin(&r, RECORD_HEAD, 8);
    msgpack_pack_uint64(&r.packer, RECORD_VERSION);
    wire_put_cstr(&r.packer, boot);
    msgpack_pack_uint64(&r.packer, tenant->uid);
    wire_put_cstr(&r.packer, tenant->namespace_);
    msgpack_pack_uint64(&r.packer, st.st_dev);
    msgpack_pack_uint64(&r.packer, st.st_ino);
    msgpack_pack_uint64(&r.packer, tenant->arena.size);
    msgpack_pack_uint64(&r.packer, (uint64_t)getpid()); /* for people */
    ledger_append(ledger, &r);
}

void ledger_create(int dir, Tenant *tenant) {
    Ledger *ledger = &tenant->ledger;
    *ledger = LEDGER_NULL;
    ledger->dir = dir;
    if (dir < 0)
        return;
    ledger_name(tenant->uid, str_from_cstr(tenant->namespace_), ledger->name);
    ledger->fd = new_file(dir, ledger->name);
    if (ledger->fd < 0) {
        log_at(LOG_WARNING, "what the next daemon has to know cannot be written down: %s", strerror(-ledger->fd));
        ledger->fd = -1;
        return;
    }
    put_head(ledger, tenant);
    for (unsigned i = 0; i < tenant->nsegments; i++)
        ledger_put_segment(tenant, tenant->segments[i].offset, tenant->segments[i].size);
    int r = commit_file(ledger);
    BROKER_STEP();
    if (r < 0)
        ledger_break(ledger, r);
}

/* ---- what is written down ---- */

void ledger_put_segment(Tenant *tenant, uint64_t offset, uint64_t size) {
    Record r;
    record_begin(&r, RECORD_SEGMENT, 2);
    msgpack_pack_uint64(&r.packer, offset);
    msgpack_pack_uint64(&r.packer, size);
    ledger_append(&tenant->ledger, &r);
}

void ledger_put_class(Tenant *tenant, const Class *c) {
    Shape shape;
    Record r;
    if (table_shape(&tenant->table, c->id, &shape) < 0)
        return;
    record_begin(&r, RECORD_CLASS, 9);
    msgpack_pack_uint64(&r.packer, c->id);
    record_put_key(&r, &c->key);
    msgpack_pack_uint64(&r.packer, shape.base);
    msgpack_pack_array(&r.packer, shape.nrefs);
    for (uint32_t i = 0; i < shape.nrefs; i++)
        msgpack_pack_uint64(&r.packer, shape.refs[i]);
    msgpack_pack_uint64(&r.packer, shape.tail);
    msgpack_pack_uint64(&r.packer, shape.element);
    wire_put_cstr(&r.packer, c->name);
    wire_put_cstr(&r.packer, c->file);
    wire_put_bin(&r.packer, (Str){c->fields, c->fields_size});
    ledger_append(&tenant->ledger, &r);
}

static void put_entries(Record *r, const Tenant *tenant, const Unit *unit) {
    msgpack_pack_array(&r->packer, (size_t)unit->nentries * 2);
    for (uint32_t i = 0; i < unit->nentries; i++) {
        const ShmMethod *m = table_method(&tenant->table, unit->slot + i);
        msgpack_pack_uint64(&r->packer, m ? atomic_load_explicit(&m->thunk, memory_order_relaxed) : 0);
        msgpack_pack_uint64(&r->packer, m ? atomic_load_explicit(&m->native, memory_order_relaxed) : 0);
    }
}

static void put_defs(Record *r, const Unit *unit) {
    msgpack_pack_array(&r->packer, (size_t)unit->ndefs * 2);
    for (uint32_t i = 0; i < unit->ndefs; i++) {
        msgpack_pack_uint64(&r->packer, unit->class_ids[i]);
        record_put_key(r, &unit->class_keys[i]);
    }
}

void ledger_put_unit(Tenant *tenant, const Unit *unit, uint64_t offset, Str code) {
    Record r;
    record_begin(&r, RECORD_UNIT, 12);
    record_put_key(&r, &unit->fingerprint);
    record_put_key(&r, &unit->content);
    wire_put_cstr(&r.packer, unit->name);
    msgpack_pack_uint64(&r.packer, unit->slot);
    put_entries(&r, tenant, unit);
    put_defs(&r, unit);
    wire_put_bin(&r.packer, (Str){unit->meta, unit->meta_size});
    wire_put_bin(&r.packer, (Str){unit->source, unit->source_packed});
    msgpack_pack_uint64(&r.packer, unit->source_size);
    msgpack_pack_uint64(&r.packer, unit->compile_us);
    msgpack_pack_uint64(&r.packer, offset);
    wire_put_bin(&r.packer, code);
    ledger_append(&tenant->ledger, &r);
}

void ledger_put_unit_gone(Tenant *tenant, const Key *fingerprint) {
    Record r;
    record_begin(&r, RECORD_GONE, 1);
    record_put_key(&r, fingerprint);
    ledger_append(&tenant->ledger, &r);
}

/* ---- names ---- */

static void append_name(Ledger *ledger, Str name, uint64_t object, const Published *made) {
    Record r;
    record_begin(&r, RECORD_NAME, 5);
    wire_put_str(&r.packer, name);
    msgpack_pack_uint64(&r.packer, object);
    msgpack_pack_uint64(&r.packer, made->old);
    msgpack_pack_uint64(&r.packer, made->nonce);
    msgpack_pack_uint64(&r.packer, made->ms);
    ledger_append(ledger, &r);
}

static int copy_all_but_names(Str data, int to) {
    RecordReader reader = {.data = data};
    MsgRecord record;
    while (record_next(&reader, &record) == 1) {
        Str whole = record.whole;
        bool keep = record.kind != RECORD_NAME;
        record_free(&record);
        BROKER_STEP();
        if (keep && write(to, whole.ptr, whole.len) != (ssize_t)whole.len)
            return -ENOSPC;
    }
    return 0;
}

/* The same without the records of names that later ones have made useless. */
static void ledger_compact(Tenant *tenant) {
    Ledger *old = &tenant->ledger, ledger = *old;
    LedgerHead head;
    cleanup_free char *data = NULL;
    size_t size;
    if (ledger_load(old->dir, old->name, &head, &data, &size) || (ledger.fd = new_file(old->dir, old->name)) < 0)
        return;
    ledger.garbage = ledger.size = 0;
    int r = copy_all_but_names((Str){data, size}, ledger.fd);
    if (r < 0) {
        close(ledger.fd);
        return;
    }
    ledger.size = (uint64_t)lseek(ledger.fd, 0, SEEK_END);
    for (PublishedName *n = tenant->names; n; n = n->hh.next)
        append_name(&ledger, str_from_cstr(n->name), n->object, &(Published){.ms = UINT64_MAX});
    for (unsigned i = 0; i < TENANT_PUBLISHED; i++) /* the oldest first */
        if (tenant->published[(tenant->npublished + i) % TENANT_PUBLISHED].ms)
            append_name(&ledger, STR(""), 0, &tenant->published[(tenant->npublished + i) % TENANT_PUBLISHED]);
    if (ledger.fd >= 0 && commit_file(&ledger) < 0)
        ledger_break(&ledger, -EIO);
    BROKER_STEP();
    close(old->fd);
    *old = ledger;
}

void ledger_put_name(Tenant *tenant, Str name, uint64_t object, uint64_t old, uint64_t nonce, uint64_t ms) {
    if (tenant->ledger.fd < 0)
        return;
    append_name(&tenant->ledger, name, object, &(Published){nonce, old, ms});
    tenant->ledger.garbage += old || !object;
    if (tenant->ledger.garbage > GARBAGE_MIN && tenant->ledger.garbage > 4 * (uint64_t)HASH_COUNT(tenant->names))
        ledger_compact(tenant);
}
