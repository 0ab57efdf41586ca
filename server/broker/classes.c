/* The classes of a tenant: ids, layouts for the arena's tracing, and what CLASSES tells of them. Declared in tenants.h.
 */
#include "base/cleanup.h"
#include "protocol/wire.h"
#include "server/broker/tenants.h"
#include <errno.h>
#include <stdio.h>

/* Its references go into `refs`, which has room for TABLE_MAX_REFS. */
static int class_shape(const DefSpec *def, uint32_t *refs, Shape *ret_shape) {
    *ret_shape = (Shape){.base = def->size, .refs = refs};
    for (size_t i = 0; i < def->nfields; i++) {
        if (def->fields[i].type->kind != TYPE_REF)
            continue;
        if (ret_shape->nrefs == TABLE_MAX_REFS)
            return -E2BIG;
        refs[ret_shape->nrefs++] = def->fields[i].offset;
    }
    return 0;
}

static bool class_has_shape(const Table *table, uint32_t id, const Shape *shape) {
    Shape known;
    return table_shape(table, id, &known) == 0 && known.base == shape->base && known.nrefs == shape->nrefs &&
           known.tail == shape->tail && known.element == shape->element &&
           memcmp(known.refs, shape->refs, shape->nrefs * sizeof *shape->refs) == 0;
}

static int class_id(Tenant *tenant, const DefSpec *def, uint32_t *ret_id) {
    uint32_t refs[TABLE_MAX_REFS];
    Shape shape;
    int r = class_shape(def, refs, &shape);
    if (r < 0)
        return r;
    uint32_t id = table_find_class(&tenant->table, &def->key);
    if (!id)
        return table_add_class(&tenant->table, &def->key, &shape, ret_id);
    if (!class_has_shape(&tenant->table, id, &shape))
        return -EEXIST;
    *ret_id = id;
    return 0;
}

/* A field's type, with the class id in the place of the definition's index. */
static void class_put_type(msgpack_packer *pk, const Type *type, const uint32_t *ids) {
    char text[16];
    if (type->kind == TYPE_REF)
        snprintf(text, sizeof text, "@%u%s", ids[type->def], type->optional ? "?" : "");
    else
        snprintf(text, sizeof text, "%s", type_scalar_name(type->kind));
    wire_put_cstr(pk, text);
}

static int class_pack_fields(Class *c, const DefSpec *def, const uint32_t *ids) {
    msgpack_sbuffer buffer;
    msgpack_packer pk;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&pk, &buffer, msgpack_sbuffer_write);
    msgpack_pack_array(&pk, def->nfields);
    for (size_t i = 0; i < def->nfields; i++) {
        msgpack_pack_array(&pk, 3);
        wire_put_str(&pk, def->fields[i].name);
        class_put_type(&pk, def->fields[i].type, ids);
        msgpack_pack_uint32(&pk, def->fields[i].offset);
    }
    c->fields_size = buffer.size;
    c->fields = msgpack_sbuffer_release(&buffer);
    return c->fields ? 0 : -ENOMEM;
}

static int class_note(Tenant *tenant, const DefSpec *def, uint32_t id, const uint32_t *ids) {
    Class *c;
    HASH_FIND(hh, tenant->classes, &def->key, sizeof def->key, c);
    if (c)
        return 0;
    c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    *c = (Class){.key = def->key, .id = id, .size = def->size};
    c->name = strndup(def->name.ptr, def->name.len);
    c->file = strndup(def->file.ptr, def->file.len);
    if (!c->name || !c->file || class_pack_fields(c, def, ids) < 0) {
        free(c->name);
        free(c->file);
        free(c);
        return -ENOMEM;
    }
    HASH_ADD(hh, tenant->classes, key, sizeof c->key, c);
    ledger_put_class(tenant, c);
    return 0;
}

int tenant_register_classes(Tenant *tenant, const UnitSpec *unit, uint32_t *ret_ids) {
    int r = 0;
    for (size_t i = 0; i < unit->ndefs && r == 0; i++) {
        ret_ids[i] = 0;
        if (unit->defs[i].is_class)
            r = class_id(tenant, &unit->defs[i], &ret_ids[i]);
    }
    for (size_t i = 0; i < unit->ndefs && r == 0; i++)
        if (unit->defs[i].is_class)
            r = class_note(tenant, &unit->defs[i], ret_ids[i], ret_ids);
    return r;
}
