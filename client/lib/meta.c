/* Decodes the meta; see meta.h. */
#include "client/lib/meta.h"
#include <errno.h>

static bool decode_def(const msgpack_object *o, MetaDef *ret) {
    msgpack_object_array a;
    return wire_array(o, &a) && a.size >= 2 && wire_str(&a.ptr[0], &ret->name) && wire_str(&a.ptr[1], &ret->file);
}

static const Type *decode_type(Pool *pool, const msgpack_object *o, uint32_t ndefs) {
    Str text;
    return wire_str(o, &text) ? type_parse(pool, text, ndefs) : NULL;
}

static bool decode_index(const msgpack_object *o, uint32_t n, uint32_t *ret) {
    uint64_t value;
    if (!n || !wire_uint(o, n - 1, &value))
        return false;
    *ret = (uint32_t)value;
    return true;
}

/* [def, function name, [param type text], result type text, flags] */
static bool decode_entry(Pool *pool, const msgpack_object *o, uint32_t ndefs, MetaEntry *ret) {
    msgpack_object_array a, params;
    uint64_t flags;
    if (!wire_array(o, &a) || a.size < 5 || !decode_index(&a.ptr[0], ndefs, &ret->def) ||
        !wire_str(&a.ptr[1], &ret->name) || !wire_array(&a.ptr[2], &params) ||
        !wire_uint(&a.ptr[4], UINT32_MAX, &flags))
        return false;
    ret->flags = (uint32_t)flags;
    ret->nparams = params.size;
    ret->params = pool_array(pool, const Type *, params.size);
    for (size_t i = 0; i < params.size; i++)
        if (!(ret->params[i] = decode_type(pool, &params.ptr[i], ndefs)))
            return false;
    ret->result = decode_type(pool, &a.ptr[3], ndefs);
    return ret->result != NULL;
}

/* [line, def, function name, kind, payload] */
static bool decode_site(const msgpack_object *o, uint32_t ndefs, MetaSite *ret) {
    msgpack_object_array a, payload;
    int64_t line;
    if (!wire_array(o, &a) || a.size < 5 || !wire_int(&a.ptr[0], 0, INT32_MAX, &line) ||
        !decode_index(&a.ptr[1], ndefs, &ret->def) || !wire_str(&a.ptr[2], &ret->function) ||
        !wire_str(&a.ptr[3], &ret->kind) || !wire_array(&a.ptr[4], &payload))
        return false;
    ret->line = (int)line;
    ret->payload = &a.ptr[4];
    return true;
}

static bool decode(Pool *pool, const msgpack_object *map, uint32_t ndefs, Meta *ret) {
    msgpack_object_array defs, entries, sites;
    if (!wire_array(wire_find(map, "defs"), &defs) || defs.size != ndefs ||
        !wire_array(wire_find(map, "entries"), &entries) || !wire_array(wire_find(map, "sites"), &sites))
        return false;
    ret->defs = pool_array(pool, MetaDef, ret->ndefs = defs.size);
    ret->entries = pool_array(pool, MetaEntry, ret->nentries = entries.size);
    ret->sites = pool_array(pool, MetaSite, ret->nsites = sites.size);
    for (size_t i = 0; i < defs.size; i++)
        if (!decode_def(&defs.ptr[i], &ret->defs[i]))
            return false;
    for (size_t i = 0; i < entries.size; i++)
        if (!decode_entry(pool, &entries.ptr[i], ndefs, &ret->entries[i]))
            return false;
    for (size_t i = 0; i < sites.size; i++)
        if (!decode_site(&sites.ptr[i], ndefs, &ret->sites[i]))
            return false;
    return true;
}

int meta_decode(Pool *pool, Str bytes, uint32_t ndefs, Meta *ret_meta) {
    Meta meta = META_NULL;
    int r = wire_unpack(bytes, &meta.owner);
    if (r != 0)
        return r;
    if (!decode(pool, &meta.owner.data, ndefs, &meta)) {
        meta_deinit(&meta);
        return 1;
    }
    *ret_meta = meta;
    return 0;
}

void meta_deinit(Meta *meta) {
    if (meta->owner.zone)
        msgpack_unpacked_destroy(&meta->owner);
    *meta = META_NULL;
}
