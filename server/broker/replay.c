/* Reading ledgers: the head, then everything a tenant had, in the order in which it came to have it. The file is this user's own, and
 * is checked nevertheless: a number out of its bounds makes the whole ledger useless. */
#include "base/cleanup.h"
#include "server/broker/image.h"
#include "server/broker/ledger.h"
#include "server/broker/record.h"
#include "server/broker/step.h"
#include "server/broker/tenants.h"
#include <fcntl.h>
#include <sys/stat.h>

static const msgpack_object *value(const MsgRecord *r, uint32_t i) {
    return i + 1 < r->values.size ? &r->values.ptr[i + 1] : NULL;
}

static bool number(const MsgRecord *r, uint32_t i, uint64_t max, uint64_t *ret) {
    return wire_uint(value(r, i), max, ret);
}

static char *text(const MsgRecord *r, uint32_t i) {
    Str s;
    return wire_str(value(r, i), &s) ? strndup(s.ptr, s.len) : NULL;
}

static bool bytes(const MsgRecord *r, uint32_t i, char **ret, size_t *ret_size) {
    Str s;
    if (!wire_bin(value(r, i), &s) || !(*ret = malloc(s.len + 1)))
        return false;
    if (s.len)
        memcpy(*ret, s.ptr, s.len);
    *ret_size = s.len;
    return true;
}

/* ---- the file ---- */

static bool read_head(int dir, const MsgRecord *r, LedgerHead *head) {
    char boot[RECORD_BOOT];
    uint64_t version, uid;
    Str said, namespace_;
    if (r->kind != RECORD_HEAD || record_boot(dir, boot) < 0 || !number(r, 0, UINT64_MAX, &version) ||
        version != RECORD_VERSION || !wire_str(value(r, 1), &said) || !str_eq_c(said, boot) ||
        !number(r, 2, UINT32_MAX, &uid) || !wire_str(value(r, 3), &namespace_) ||
        namespace_.len > TENANT_MAX_NAMESPACE || !number(r, 4, UINT64_MAX, &head->device) ||
        !number(r, 5, UINT64_MAX, &head->inode) || !number(r, 6, UINT64_MAX, &head->arena_size))
        return false;
    head->uid = (uid_t)uid;
    memcpy(head->namespace_, namespace_.ptr, namespace_.len);
    head->namespace_[namespace_.len] = 0;
    return true;
}

static bool read_file(int dir, const char *name, char **ret_data, size_t *ret_size) {
    struct stat st;
    cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) ||
        (uint64_t)st.st_size > LEDGER_MAX_BYTES)
        return false;
    cleanup_free char *data = malloc((size_t)st.st_size + 1);
    size_t size = 0;
    for (ssize_t n = 1; data && n > 0 && size < (size_t)st.st_size; size += n > 0 ? (size_t)n : 0)
        n = read(fd, data + size, (size_t)st.st_size - size);
    if (!data)
        return false;
    *ret_data = steal_ptr(data);
    *ret_size = size;
    return true;
}

int ledger_load(int dir, const char *name, LedgerHead *ret_head, char **ret_data, size_t *ret_size) {
    MsgRecord record;
    cleanup_free char *data = NULL;
    if (dir < 0 || !read_file(dir, name, &data, ret_size))
        return 1;
    RecordReader reader = {.data = {data, *ret_size}};
    if (record_next(&reader, &record) != 1)
        return 1;
    bool good = read_head(dir, &record, ret_head);
    record_free(&record);
    if (!good)
        return 1;
    *ret_data = steal_ptr(data);
    return 0;
}

/* ---- the records ---- */

static bool replay_segment(Tenant *t, const MsgRecord *r) {
    uint64_t offset, size;
    if (!number(r, 0, JITD_WINDOW_SIZE, &offset) || !number(r, 1, JITD_WINDOW_SIZE, &size) ||
        t->nsegments == TENANT_MAX_SEGMENTS)
        return false;
    const Segment *last = t->nsegments ? &t->segments[t->nsegments - 1] : NULL;
    if ((last && offset < last->offset + last->size) || segment_create(offset, size, &t->segments[t->nsegments]) < 0)
        return false;
    t->nsegments++;
    return true;
}

/* The shape's references go into `refs`, which has room for TABLE_MAX_REFS. */
static bool read_class(const MsgRecord *r, Class *c, uint32_t *refs, Shape *ret_shape) {
    uint64_t id, size, at, tail, element;
    msgpack_object_array list;
    if (!number(r, 0, TABLE_MAX_CLASSES, &id) || !record_key(value(r, 1), &c->key) ||
        !number(r, 2, UINT32_MAX, &size) || !wire_array(value(r, 3), &list) || list.size > TABLE_MAX_REFS ||
        !number(r, 4, UINT32_MAX, &tail) || !number(r, 5, UINT32_MAX, &element))
        return false;
    for (uint32_t i = 0; i < list.size; i++) {
        if (!wire_uint(&list.ptr[i], UINT32_MAX, &at))
            return false;
        refs[i] = (uint32_t)at;
    }
    *ret_shape = (Shape){(uint32_t)size, list.size, refs, (ShmTail)tail, (uint32_t)element};
    c->id = (uint32_t)id;
    c->size = (uint32_t)size;
    return (c->name = text(r, 6)) && (c->file = text(r, 7)) && bytes(r, 8, &c->fields, &c->fields_size);
}

static bool replay_class(Tenant *t, const MsgRecord *r) {
    uint32_t refs[TABLE_MAX_REFS];
    Shape shape;
    Class *c = calloc(1, sizeof *c);
    if (c && read_class(r, c, refs, &shape) && table_restore_class(&t->table, c->id, &c->key, &shape) == 0) {
        HASH_ADD(hh, t->classes, key, sizeof c->key, c);
        return true;
    }
    if (c) {
        free(c->name);
        free(c->file);
        free(c->fields);
        free(c);
    }
    return false;
}

static bool replay_code(Tenant *t, uint64_t offset, Str code) {
    for (unsigned i = 0; i < t->nsegments; i++) {
        Segment *s = &t->segments[i];
        if (offset < s->offset || offset - s->offset > s->size || code.len > s->size - (offset - s->offset))
            continue;
        if (code.len)
            memcpy(s->base + (offset - s->offset), code.ptr, code.len);
        uint64_t end = offset - s->offset + code.len;
        s->used = end > s->used ? end : s->used;
        return true;
    }
    return false;
}

static bool replay_entries(Tenant *t, Unit *unit, const msgpack_object *o, uint64_t code, uint64_t size) {
    msgpack_object_array list;
    uint64_t at[2];
    uint32_t first, used = table_nmethods(&t->table);
    if (!wire_array(o, &list) || list.size % 2 || unit->slot > TABLE_MAX_METHODS)
        return false;
    unit->nentries = list.size / 2;
    uint64_t end = (uint64_t)unit->slot + unit->nentries;
    if (end > used && table_reserve_methods(&t->table, (uint32_t)(end - used), &first) < 0)
        return false;
    for (uint32_t i = 0; i < unit->nentries; i++) {
        for (uint32_t k = 0; k < 2; k++)
            if (!wire_uint(&list.ptr[2 * i + k], JITD_WINDOW_SIZE, &at[k]) || at[k] < code || at[k] - code >= size)
                return false;
        table_set_method(&t->table, unit->slot + i, at[0], at[1]);
    }
    return true;
}

static bool read_defs(Unit *unit, const msgpack_object *o) {
    msgpack_object_array list;
    uint64_t id;
    if (!wire_array(o, &list) || list.size % 2)
        return false;
    unit->ndefs = list.size / 2;
    unit->class_ids = calloc(unit->ndefs + 1, sizeof *unit->class_ids);
    unit->class_keys = calloc(unit->ndefs + 1, sizeof *unit->class_keys);
    for (uint32_t i = 0; unit->class_ids && unit->class_keys && i < unit->ndefs; i++) {
        if (!wire_uint(&list.ptr[2 * i], TABLE_MAX_CLASSES, &id) ||
            !record_key(&list.ptr[2 * i + 1], &unit->class_keys[i]))
            return false;
        unit->class_ids[i] = (uint32_t)id;
    }
    return unit->class_ids && unit->class_keys;
}

static bool read_unit(Tenant *t, const MsgRecord *r, Unit *unit) {
    uint64_t slot, offset;
    Str code;
    if (!record_key(value(r, 0), &unit->fingerprint) || !record_key(value(r, 1), &unit->content) ||
        !(unit->name = text(r, 2)) || !number(r, 3, UINT32_MAX, &slot) || !read_defs(unit, value(r, 5)) ||
        !bytes(r, 6, &unit->meta, &unit->meta_size) || !bytes(r, 7, &unit->source, &unit->source_packed) ||
        !number(r, 8, SIZE_MAX, &unit->source_size) || !number(r, 9, UINT64_MAX, &unit->compile_us) ||
        !number(r, 10, JITD_WINDOW_SIZE, &offset) || !wire_bin(value(r, 11), &code))
        return false;
    unit->slot = (uint32_t)slot;
    unit->code_bytes = code.len;
    return replay_code(t, offset, code) && replay_entries(t, unit, value(r, 4), offset, code.len);
}

static bool replay_unit(Tenant *t, const MsgRecord *r) {
    Unit *unit = calloc(1, sizeof *unit);
    if (!unit || !read_unit(t, r, unit)) {
        unit_free(unit);
        return false;
    }
    tenant_add_unit(t, unit);
    return true;
}

static bool replay_gone(Tenant *t, const MsgRecord *r) {
    Key fingerprint;
    if (!record_key(value(r, 0), &fingerprint))
        return false;
    Unit *unit = tenant_find_unit(t, &fingerprint);
    if (unit)
        tenant_remove_unit(t, unit);
    return true;
}

/* Without a name: only a nonce, of a publication that later ones have made useless. */
static bool replay_name(Tenant *t, const MsgRecord *r) {
    Str name;
    uint64_t object, old, nonce, ms, ignored;
    if (!wire_str(value(r, 0), &name) || !number(r, 1, t->arena.size, &object) || !number(r, 2, UINT64_MAX, &old) ||
        !number(r, 3, UINT64_MAX, &nonce) || !number(r, 4, UINT64_MAX, &ms) ||
        (name.len && tenant_publish_name(t, name, object, 0, NULL, &ignored) < 0))
        return false;
    if (ms != UINT64_MAX)
        tenant_note_published(t, nonce, old, ms);
    t->ledger.garbage += old || !object;
    return true;
}

static bool replay_one(Tenant *t, const MsgRecord *r) {
    switch (r->kind) {
    case RECORD_HEAD:
        return true;
    case RECORD_SEGMENT:
        return replay_segment(t, r);
    case RECORD_CLASS:
        return replay_class(t, r);
    case RECORD_UNIT:
        return replay_unit(t, r);
    case RECORD_GONE:
        return replay_gone(t, r);
    case RECORD_NAME:
        return replay_name(t, r);
    }
    return false;
}

/* What was written down while replaying would be written twice: the ledger is given to the tenant at the end. */
int ledger_replay(int dir, const char *name, Str data, Tenant *t) {
    RecordReader reader = {.data = data};
    MsgRecord record;
    bool good = true;
    while (good && record_next(&reader, &record) == 1) {
        BROKER_STEP();
        good = replay_one(t, &record);
        record_free(&record);
    }
    cleanup_close int fd = good ? openat(dir, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW) : -1;
    BROKER_STEP();
    if (fd < 0 || ftruncate(fd, (off_t)reader.at) < 0) /* what a death in the middle left */
        return 1;
    BROKER_STEP();
    t->ledger.dir = dir;
    t->ledger.size = reader.at;
    memcpy(t->ledger.name, name, strnlen(name, LEDGER_NAME_SIZE - 1) + 1);
    t->ledger.fd = steal_fd(fd);
    return 0;
}
