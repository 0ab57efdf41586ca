/* Publishing; see publish.h. Order matters: everything that can fail comes first, then the code is written where nobody
 * calls it yet, and the method table's release stores come last (their partner is the client's load of a thunk). */
#include "server/broker/publish.h"
#include "server/broker/step.h"
#include "base/cleanup.h"
#include <errno.h>
#include <zstd.h>

static int publish_refuse(int error, const char **ret_code, const char **ret_message) {
    *ret_code = error == -EEXIST ? "malformed" : "quota";
    switch (error) {
    case -EEXIST:
        *ret_message = "a class key that already stands for another layout";
        break;
    case -ENOSPC:
        *ret_message = "the namespace is full: no room for further code, methods or classes";
        break;
    case -E2BIG:
        *ret_message = "a class with more than 512 fields that are references";
        break;
    default:
        *ret_message = "the daemon is out of memory";
    }
    return 1;
}

static int unit_keep_source(Unit *unit, Str source) {
    size_t bound = ZSTD_compressBound(source.len);
    cleanup_free char *packed = malloc(bound);
    if (!packed)
        return -ENOMEM;
    size_t size = ZSTD_compress(packed, bound, source.ptr, source.len, 1);
    if (ZSTD_isError(size))
        return -ENOMEM;
    char *fitting = realloc(packed, size);
    unit->source = fitting ? fitting : packed;
    packed = NULL;
    unit->source_packed = size;
    unit->source_size = source.len;
    return 0;
}

/* The registry's record, but for its slot. */
static Unit *unit_new(const Publication *p) {
    Unit *unit = calloc(1, sizeof *unit);
    if (!unit)
        return NULL;
    *unit = (Unit){.fingerprint = p->unit->key,
                   .content = *p->content,
                   .nentries = p->image->nentries,
                   .ndefs = (uint32_t)p->unit->ndefs,
                   .meta_size = p->image->meta.len,
                   .code_bytes = p->image->code.len,
                   .compile_us = p->compile_us};
    unit->name = strndup(p->unit->name.ptr, p->unit->name.len);
    unit->class_ids = calloc(unit->ndefs + 1, sizeof *unit->class_ids);
    unit->class_keys = calloc(unit->ndefs + 1, sizeof *unit->class_keys);
    unit->meta = malloc(unit->meta_size + 1);
    if (!unit->name || !unit->class_ids || !unit->class_keys || !unit->meta || unit_keep_source(unit, p->source) < 0) {
        unit_free(unit);
        return NULL;
    }
    memcpy(unit->meta, p->image->meta.ptr, unit->meta_size);
    for (uint32_t i = 0; i < unit->ndefs; i++)
        unit->class_keys[i] = p->unit->defs[i].key;
    return unit;
}

static int publish_reserve(const Tenants *tenants, Tenant *tenant, Unit *unit, Segment **ret_segment,
                           const Segment **ret_new_segment) {
    if (HASH_COUNT(tenant->units) >= TENANT_MAX_UNITS || tenant->unit_bytes >= TENANT_MAX_UNIT_BYTES)
        return -ENOSPC;
    int r = tenant_reserve_code(tenants, tenant, unit->code_bytes, ret_segment);
    if (r < 0)
        return r;
    *ret_new_segment = r ? *ret_segment : NULL;
    return unit->nentries ? table_reserve_methods(&tenant->table, unit->nentries, &unit->slot) : 0;
}

static void publish_place(Tenant *tenant, Segment *segment, const Unit *unit, const MsgImage *image) {
    uint64_t at = (segment->used + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
    uint64_t offset = segment->offset + at;
    image_place(image, segment->base + at, offset, unit->class_ids);
    segment->used = at + image->code.len;
    for (uint32_t i = 0; i < image->nentries; i++)
        table_set_method(&tenant->table, unit->slot + i, offset + image->entries[i].thunk,
                         offset + image->entries[i].native);
    BROKER_STEP();
    ledger_put_unit(tenant, unit, offset, (Str){(const char *)segment->base + at, image->code.len});
}

int publish_unit(const Tenants *tenants, Tenant *tenant, const Publication *publication, Unit **ret_unit,
                 const Segment **ret_new_segment, const char **ret_code, const char **ret_message) {
    Segment *segment;
    *ret_new_segment = NULL;
    const char *wrong = image_check(publication->image, (uint32_t)publication->unit->ndefs, tenants->segment_size);
    if (wrong) {
        *ret_code = "worker";
        *ret_message = wrong;
        return 1;
    }
    Unit *unit = unit_new(publication);
    if (!unit)
        return publish_refuse(-ENOMEM, ret_code, ret_message);
    int r = tenant_register_classes(tenant, publication->unit, unit->class_ids);
    if (r == 0)
        r = publish_reserve(tenants, tenant, unit, &segment, ret_new_segment);
    if (r < 0) {
        tenant->full |= r == -ENOSPC;
        unit_free(unit);
        return publish_refuse(r, ret_code, ret_message);
    }
    publish_place(tenant, segment, unit, publication->image);
    tenant_add_unit(tenant, unit);
    *ret_unit = unit;
    return 0;
}
