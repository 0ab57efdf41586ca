/* Classes by name: the daemon's CLASSES gives layouts and units, LOOKUP the entries of a unit. Everything decoded
 * lives in the session's pool; what is known once stays where it is, since the program holds pointers to it. */
#include "client/lib/session.h"
#include <errno.h>
#include <setjmp.h>

typedef struct Work {
    jitd_session *session;
    const msgpack_object *map;
    const Key *key;
} Work;

static void no_memory(void *jump) {
    longjmp(*(jmp_buf *)jump, 1);
}

/* Runs what takes memory from the pool: -ENOMEM when there is none, else what `work` returned. */
static int with_pool(int (*work)(const Work *), const Work *w) {
    jmp_buf jump;
    w->session->pool.fail = no_memory;
    w->session->pool.fail_arg = &jump;
    return setjmp(jump) ? -ENOMEM : work(w);
}

int request_map(jitd_session *session, int message, const msgpack_sbuffer *body, msgpack_unpacked *ret_owner,
                msgpack_object *ret_map, jitd_error *error) {
    ClientError refusal = {.code = ""};
    const char *bytes = body ? body->data : "\x80";
    int r = client_request(session->client, message, bytes, body ? body->size : 1, -1, ret_owner, ret_map, &refusal);
    return error_request(error, r, &refusal);
}

/* ---- layouts ---- */

static jitd_class *known_class(const jitd_session *session, uint32_t id) {
    for (jitd_class *c = session->classes; c; c = c->next)
        if (c->id == id)
            return c;
    return NULL;
}

static const char *slot_text(jitd_session *session, const Slot *slot) {
    if (slot->type->kind == TYPE_PY)
        return "object";
    if (slot->type->kind != TYPE_REF)
        return type_scalar_name(slot->type->kind);
    const jitd_class *c = known_class(session, slot->class_id);
    const char *optional = slot->type->optional ? "?" : "";
    return c ? pool_printf(&session->pool, "%s%s", c->name, optional).ptr
             : pool_printf(&session->pool, "@%u%s", slot->class_id, optional).ptr;
}

/* [name, type text with class ids, offset]: inside the instance, or it is not believed. */
static bool decode_field(jitd_session *session, const msgpack_object *o, const jitd_class *cls, jitd_field *ret,
                         Slot *ret_slot) {
    msgpack_object_array a;
    Str name, text;
    uint64_t offset;
    if (!wire_array(o, &a) || a.size < 3 || !wire_str(&a.ptr[0], &name) || !wire_str(&a.ptr[1], &text) ||
        !wire_uint(&a.ptr[2], SHM_MAX_OBJECT, &offset))
        return false;
    const Type *type = type_parse(&session->pool, text, TABLE_MAX_CLASSES);
    TypeLayout layout = type ? type_layout(type) : (TypeLayout){0, 0};
    if (!layout.size || offset < SHM_OBJECT_HEADER || offset % layout.align || offset + layout.size > cls->size)
        return false;
    *ret_slot = (Slot){type, type->kind == TYPE_REF ? type->def : 0};
    *ret = (jitd_field){.name = pool_strdup(&session->pool, name).ptr, .offset = (uint32_t)offset, .size = layout.size};
    return true;
}

static bool decode_fields(jitd_session *session, const msgpack_object *o, jitd_class *cls) {
    msgpack_object_array a;
    if (!wire_array(o, &a))
        return false;
    cls->fields = pool_array(&session->pool, jitd_field, a.size);
    cls->field_slots = pool_array(&session->pool, Slot, a.size);
    for (cls->nfields = 0; cls->nfields < a.size; cls->nfields++)
        if (!decode_field(session, &a.ptr[cls->nfields], cls, &cls->fields[cls->nfields],
                          &cls->field_slots[cls->nfields]))
            return false;
    return true;
}

static bool decode_key(const msgpack_object *o, Key *ret) {
    Str bytes;
    if (!wire_bin(o, &bytes) || bytes.len != KEY_SIZE)
        return false;
    memcpy(ret->b, bytes.ptr, KEY_SIZE);
    return true;
}

static bool decode_units(jitd_session *session, const msgpack_object *o, jitd_class *cls) {
    msgpack_object_array a;
    if (!wire_array(o, &a))
        return false;
    Key *keys = pool_array(&session->pool, Key, a.size);
    for (size_t i = 0; i < a.size; i++)
        if (!decode_key(&a.ptr[i], &keys[i]))
            return false;
    cls->units = keys;
    cls->nunits = a.size;
    return true;
}

/* A new class, or new units of one that is known. The table region has the last word on the size. */
static int merge_class(jitd_session *session, const msgpack_object *o) {
    uint64_t id;
    Str name;
    if (!wire_uint(wire_find(o, "class_id"), TABLE_MAX_CLASSES, &id) || !wire_str(wire_find(o, "name"), &name))
        return -EPROTO;
    jitd_class *cls = known_class(session, (uint32_t)id);
    if (cls)
        return decode_units(session, wire_find(o, "units"), cls) ? 0 : -EPROTO;
    Shape shape;
    if (table_shape(client_table(session->client), (uint32_t)id, &shape) < 0)
        return 0; /* not of this tenant any more */
    cls = pool_new(&session->pool, jitd_class);
    cls->name = pool_strdup(&session->pool, name).ptr;
    cls->id = (uint32_t)id;
    cls->size = shape.base;
    if (!decode_fields(session, wire_find(o, "fields"), cls) || !decode_units(session, wire_find(o, "units"), cls))
        return -EPROTO;
    cls->next = session->classes;
    session->classes = cls;
    return 0;
}

/* When all names are known. */
static void name_types(jitd_session *session) {
    for (jitd_class *c = session->classes; c; c = c->next)
        for (size_t i = 0; i < c->nfields; i++)
            if (!c->fields[i].type)
                c->fields[i].type = slot_text(session, &c->field_slots[i]);
}

/* Those before a malformed one stay known. */
static int merge_classes(const Work *w) {
    msgpack_object_array a;
    int r = 0;
    if (!wire_array(wire_find(w->map, "classes"), &a))
        return -EPROTO;
    for (size_t i = 0; r == 0 && i < a.size; i++)
        r = merge_class(w->session, &a.ptr[i]);
    return r;
}

static int name_all(const Work *w) {
    name_types(w->session);
    return 0;
}

static int refresh(jitd_session *session, jitd_error *error) {
    ClientTold told = {0};
    msgpack_sbuffer body;
    int r = 0;
    for (bool more = client_classes_body(&told, NULL, &body); more && r == 0;) {
        msgpack_unpacked owner;
        msgpack_object map;
        r = request_map(session, MESSAGE_CLASSES, &body, &owner, &map, error);
        msgpack_sbuffer_destroy(&body);
        if (r < 0)
            return r;
        r = with_pool(merge_classes, &(Work){.session = session, .map = &map});
        more = r == 0 && client_classes_body(&told, &map, &body);
        msgpack_unpacked_destroy(&owner);
    }
    int named = with_pool(name_all, &(Work){.session = session});
    r = r < 0 ? r : named;
    return r < 0 ? error_errno(error, r) : 0;
}

/* ---- units and their methods ---- */

static size_t flatten(const Type *t, const Unit *unit, Slot *ret) {
    if (t->kind == TYPE_NONE)
        return 0;
    if (t->kind != TYPE_TUPLE) {
        *ret = (Slot){t, t->kind == TYPE_REF ? unit->class_ids[t->def] : 0};
        return 1;
    }
    size_t n = 0;
    for (size_t i = 0; i < t->nitems; i++)
        n += flatten(t->items[i], unit, ret + n);
    return n;
}

static const char **slot_texts(jitd_session *session, const Slot *slots, size_t n) {
    const char **texts = pool_array(&session->pool, const char *, n);
    for (size_t i = 0; i < n; i++)
        texts[i] = slot_text(session, &slots[i]);
    return texts;
}

static void method_slots(jitd_session *session, jitd_method *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->entry->nparams; i++)
        n += type_slots(m->entry->params[i]);
    m->params = pool_array(&session->pool, Slot, n);
    for (size_t i = 0; i < m->entry->nparams; i++)
        m->nparams += flatten(m->entry->params[i], m->unit, m->params + m->nparams);
    m->results = pool_array(&session->pool, Slot, type_slots(m->entry->result));
    m->nresults = flatten(m->entry->result, m->unit, m->results);
    m->param_texts = slot_texts(session, m->params, m->nparams);
    m->result_texts = slot_texts(session, m->results, m->nresults);
}

/* Behind the class's others: an earlier unit's method goes first. */
static void add_method(jitd_session *session, jitd_class *cls, const Unit *unit, size_t i) {
    jitd_method *m = pool_new(&session->pool, jitd_method), **end = &cls->methods;
    m->unit = unit;
    m->entry = &unit->meta.entries[i];
    m->name = pool_strdup(&session->pool, m->entry->name).ptr;
    m->slot = unit->slot + (uint32_t)i;
    m->has_self = !(m->entry->flags & META_NO_SELF);
    m->class_id = cls->id;
    method_slots(session, m);
    while (*end)
        end = &(*end)->next;
    *end = m;
}

/* [[key, class id] or nil, ...], one for each definition. */
static bool decode_class_ids(jitd_session *session, const msgpack_object *o, Unit *unit, uint32_t *ret_n) {
    msgpack_object_array a, pair;
    uint64_t id;
    if (!wire_array(o, &a))
        return false;
    unit->class_ids = pool_array(&session->pool, uint32_t, a.size);
    for (size_t i = 0; i < a.size; i++) {
        if (wire_is_nil(&a.ptr[i]))
            continue;
        if (!wire_array(&a.ptr[i], &pair) || pair.size != 2 || !wire_uint(&pair.ptr[1], TABLE_MAX_CLASSES, &id))
            return false;
        unit->class_ids[i] = (uint32_t)id;
    }
    *ret_n = a.size;
    return true;
}

static int add_unit(const Work *w) {
    jitd_session *session = w->session;
    Unit *unit = pool_new(&session->pool, Unit);
    uint64_t slot;
    uint32_t ndefs;
    Str meta;
    if (!wire_uint(wire_find(w->map, "slot"), TABLE_MAX_METHODS - 1, &slot) ||
        !wire_bin(wire_find(w->map, "meta"), &meta) ||
        !decode_class_ids(session, wire_find(w->map, "classes"), unit, &ndefs))
        return -EPROTO;
    int r = meta_decode(&session->pool, pool_strdup(&session->pool, meta), ndefs, &unit->meta);
    if (r != 0)
        return r < 0 ? r : -EPROTO;
    unit->key = *w->key;
    unit->slot = (uint32_t)slot;
    unit->next = session->units;
    session->units = unit;
    jitd_class *cls = ndefs ? known_class(session, unit->class_ids[0]) : NULL;
    for (size_t i = 0; cls && i < unit->meta.nentries; i++)
        if (unit->meta.entries[i].def == 0)
            add_method(session, cls, unit, i);
    return 0;
}

static bool unit_known(const jitd_session *session, const Key *key) {
    for (const Unit *u = session->units; u; u = u->next)
        if (key_eq(&u->key, key))
            return true;
    return false;
}

static void pack_lookup(msgpack_sbuffer *body, const Key *keys, size_t n) {
    msgpack_packer pk;
    msgpack_sbuffer_init(body);
    msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 1);
    wire_put_cstr(&pk, "keys");
    msgpack_pack_array(&pk, n);
    for (size_t i = 0; i < n; i++)
        wire_put_bin(&pk, (Str){(const char *)keys[i].b, KEY_SIZE});
}

static int take_units(jitd_session *session, const jitd_class *cls, const msgpack_object *map, jitd_error *error) {
    msgpack_object_array a;
    int r = wire_array(wire_find(map, "units"), &a) && a.size == cls->nunits ? 0 : -EPROTO;
    for (size_t i = 0; r == 0 && i < cls->nunits; i++)
        if (!wire_is_nil(&a.ptr[i]) && !unit_known(session, &cls->units[i]))
            r = with_pool(add_unit, &(Work){.session = session, .map = &a.ptr[i], .key = &cls->units[i]});
    return r < 0 ? error_errno(error, r) : 0;
}

static int load_units(jitd_session *session, const jitd_class *cls, jitd_error *error) {
    bool all = true;
    for (size_t i = 0; i < cls->nunits; i++)
        all = all && unit_known(session, &cls->units[i]);
    if (all)
        return 0;
    msgpack_sbuffer body;
    msgpack_unpacked owner;
    msgpack_object map;
    pack_lookup(&body, cls->units, cls->nunits);
    int r = request_map(session, MESSAGE_LOOKUP, &body, &owner, &map, error);
    msgpack_sbuffer_destroy(&body);
    if (r < 0)
        return r;
    r = take_units(session, cls, &map, error);
    msgpack_unpacked_destroy(&owner);
    return r;
}

/* ---- jitd.h ---- */

/* The one compiled last: ids grow. */
static jitd_class *class_named(const jitd_session *session, const char *name) {
    jitd_class *best = NULL;
    for (jitd_class *c = session->classes; c; c = c->next)
        if (!strcmp(c->name, name) && (!best || c->id > best->id))
            best = c;
    return best;
}

int jitd_class_find(jitd_session *session, const char *name, const jitd_class **ret_class, jitd_error *error) {
    int r = refresh(session, error); /* always: it may have been compiled again since */
    if (r < 0)
        return r;
    const jitd_class *cls = class_named(session, name);
    if (!cls)
        return error_set(error, JITD_E_NOT_FOUND, "LookupError", "no class '%s' is compiled in this namespace", name);
    *ret_class = cls;
    return 0;
}

jitd_class *class_by_id(jitd_session *session, uint32_t id, jitd_error *error) {
    jitd_class *cls = known_class(session, id);
    if (cls || refresh(session, error) < 0)
        return cls;
    cls = known_class(session, id);
    if (!cls)
        error_set(error, JITD_E_NOT_FOUND, "LookupError", "the daemon does not know class %u", id);
    return cls;
}

int jitd_class_of(jitd_session *session, jitd_ref object, const jitd_class **ret_class, jitd_error *error) {
    uint32_t id;
    jitd_error own;
    error = error ? error : &own;
    int r = check_object(session, object, &id, error);
    if (r < 0)
        return r;
    const jitd_class *cls = class_by_id(session, id, error);
    if (!cls)
        return error->code;
    *ret_class = cls;
    return 0;
}

const char *jitd_class_name(const jitd_class *cls) {
    return cls->name;
}

size_t jitd_class_size(const jitd_class *cls) {
    return cls->size;
}

const jitd_field *jitd_class_fields(const jitd_class *cls, size_t *ret_n) {
    *ret_n = cls->nfields;
    return cls->fields;
}

const jitd_field *class_field(const jitd_class *cls, const char *name, const Slot **ret_slot) {
    for (size_t i = 0; i < cls->nfields; i++)
        if (!strcmp(cls->fields[i].name, name)) {
            *ret_slot = &cls->field_slots[i];
            return &cls->fields[i];
        }
    return NULL;
}

static const jitd_method *method_named(const jitd_class *cls, const char *name) {
    for (const jitd_method *m = cls->methods; m; m = m->next)
        if (!strcmp(m->name, name))
            return m;
    return NULL;
}

int jitd_method_find(jitd_session *session, const jitd_class *cls, const char *name, const jitd_method **ret_method,
                     jitd_error *error) {
    const jitd_method *m = method_named(cls, name);
    int r = m ? 0 : load_units(session, cls, error);
    if (r == 0 && !m && !(m = method_named(cls, name))) { /* a specialisation that is new? */
        r = refresh(session, error);
        if (r == 0)
            r = load_units(session, cls, error);
        m = method_named(cls, name);
    }
    if (r < 0)
        return r;
    if (!m)
        return error_set(error, JITD_E_NOT_FOUND, "AttributeError", "'%s' has no compiled method '%s'", cls->name,
                         name);
    *ret_method = m;
    return 0;
}

void classes_deinit(jitd_session *session) {
    for (jitd_class *c = session->classes; c; c = c->next)
        for (jitd_method *m = c->methods; m; m = m->next)
            call_plan_free(m->plan);
    for (Unit *u = session->units; u; u = u->next)
        meta_deinit(&u->meta);
    pool_deinit(&session->pool);
}
