/* The registry of tenants; see tenants.h. Classes are in classes.c. */
#include "server/broker/tenants.h"
#include "base/cleanup.h"
#include "server/broker/handover.h"
#include "server/broker/image.h"
#include <errno.h>

/* ---- units ---- */

void unit_free(Unit *unit) {
    if (!unit)
        return;
    free(unit->name);
    free(unit->class_ids);
    free(unit->class_keys);
    free(unit->meta);
    free(unit->source);
    free(unit);
}

Unit *tenant_find_unit(const Tenant *tenant, const Key *fingerprint) {
    Unit *unit;
    HASH_FIND(hh, tenant->units, fingerprint, sizeof *fingerprint, unit);
    return unit;
}

Unit *tenant_find_unit_by_name(const Tenant *tenant, Str name) {
    for (Class *c = tenant->classes; c; c = c->hh.next)
        if (c->units && str_eq_c(name, c->name))
            return c->units;
    for (Unit *unit = tenant->units; unit; unit = unit->hh.next)
        if (str_eq_c(name, unit->name))
            return unit;
    return NULL;
}

static Class *tenant_root_class(const Tenant *tenant, const Unit *unit) {
    Class *c = NULL;
    if (unit->ndefs && unit->class_ids[0])
        HASH_FIND(hh, tenant->classes, &unit->class_keys[0], sizeof(Key), c);
    return c;
}

static uint64_t unit_bytes(const Unit *unit) {
    return sizeof *unit + unit->meta_size + unit->source_packed + unit->ndefs * (sizeof(Key) + sizeof(uint32_t));
}

void tenant_remove_unit(Tenant *tenant, Unit *unit) {
    Class *c = tenant_root_class(tenant, unit);
    if (c)
        DL_DELETE(c->units, unit);
    HASH_DEL(tenant->units, unit);
    tenant->removals++;
    tenant->unit_bytes -= unit_bytes(unit);
    unit_free(unit);
}

void tenant_add_unit(Tenant *tenant, Unit *unit) {
    Unit *old = tenant_find_unit(tenant, &unit->fingerprint);
    if (old)
        tenant_remove_unit(tenant, old);
    HASH_ADD(hh, tenant->units, fingerprint, sizeof unit->fingerprint, unit);
    tenant->unit_bytes += unit_bytes(unit);
    Class *c = tenant_root_class(tenant, unit);
    if (c && key_eq(&unit->fingerprint, &c->key))
        DL_PREPEND(c->units, unit);
    else if (c)
        DL_APPEND(c->units, unit);
}

/* ---- names ---- */

static void tenant_remove_name(Tenant *tenant, PublishedName *entry) {
    tenant->name_places[entry->place] = 0;
    HASH_DEL(tenant->names, entry);
    free(entry->name);
    free(entry);
}

/* There is a free one: the caller counts the names. */
static uint32_t tenant_take_place(Tenant *tenant) {
    uint32_t place = tenant->next_place;
    while (tenant->name_places[place])
        place = (place + 1) % TENANT_MAX_NAMES;
    tenant->name_places[place] = 1;
    tenant->next_place = (place + 1) % TENANT_MAX_NAMES;
    return place;
}

static int tenant_add_name(Tenant *tenant, Str name, PublishedName **ret_entry) {
    if (HASH_COUNT(tenant->names) >= TENANT_MAX_NAMES)
        return -ENOSPC;
    PublishedName *entry = calloc(1, sizeof *entry);
    char *copy = malloc(name.len + 1);
    if (!entry || !copy) {
        free(entry);
        free(copy);
        return -ENOMEM;
    }
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = 0;
    *entry = (PublishedName){.name = copy, .place = tenant_take_place(tenant)};
    HASH_ADD_KEYPTR(hh, tenant->names, entry->name, name.len, entry);
    *ret_entry = entry;
    return 0;
}

static PublishedName *tenant_name(const Tenant *tenant, Str name) {
    PublishedName *entry = NULL;
    HASH_FIND(hh, tenant->names, name.ptr, name.len, entry);
    return entry;
}

int tenant_publish_name(Tenant *tenant, Str name, uint64_t object, uint32_t row, const uint64_t *note,
                        uint64_t *ret_old) {
    if (!name.len || name.len > TENANT_MAX_NAME)
        return -ENAMETOOLONG;
    PublishedName *entry = tenant_name(tenant, name);
    int r = entry || (!object && !note) ? 0 : tenant_add_name(tenant, name, &entry);
    if (r < 0)
        return r;
    *ret_old = entry ? entry->object : 0;
    if (note)
        r = arena_owner_publish(&tenant->arena, row, (uint32_t)*note, entry->place, object, entry->object);
    else if (entry)
        arena_owner_name(&tenant->arena, entry->place, object);
    if (entry && r == 0)
        entry->object = object;
    if (entry && !entry->object)
        tenant_remove_name(tenant, entry);
    return r;
}

void tenant_note_published(Tenant *tenant, uint64_t nonce, uint64_t old, uint64_t ms) {
    tenant->published[tenant->npublished++ % TENANT_PUBLISHED] = (Published){nonce, old, ms};
}

bool tenant_knows_published(const Tenant *tenant, uint64_t ms) {
    return tenant->npublished < TENANT_PUBLISHED || tenant->published[tenant->npublished % TENANT_PUBLISHED].ms < ms;
}

bool tenant_was_published(const Tenant *tenant, uint64_t nonce, uint64_t *ret_old) {
    for (unsigned i = 0; nonce && i < TENANT_PUBLISHED; i++)
        if (tenant->published[i].nonce == nonce) {
            *ret_old = tenant->published[i].old;
            return true;
        }
    return false;
}

uint64_t tenant_find_name(const Tenant *tenant, Str name) {
    if (!name.len || name.len > TENANT_MAX_NAME)
        return 0;
    PublishedName *entry = tenant_name(tenant, name);
    return entry ? entry->object : 0;
}

/* ---- code ---- */

static uint64_t segment_next(const Segment *segment) {
    return (segment->used + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
}

static int tenant_add_segment(const Tenants *tenants, Tenant *tenant) {
    const Segment *last = tenant->nsegments ? &tenant->segments[tenant->nsegments - 1] : NULL;
    uint64_t offset = last ? last->offset + last->size : JITD_SEGMENTS_OFFSET;
    if (tenant->nsegments == TENANT_MAX_SEGMENTS ||
        offset + tenants->segment_size > JITD_WINDOW_SIZE - 2 * IMAGE_MAX_ADDEND)
        return -ENOSPC;
    int r = segment_create(offset, tenants->segment_size, &tenant->segments[tenant->nsegments]);
    if (r < 0)
        return r;
    tenant->nsegments++;
    ledger_put_segment(tenant, offset, tenants->segment_size);
    return 0;
}

int tenant_reserve_code(const Tenants *tenants, Tenant *tenant, uint64_t size, Segment **ret_segment) {
    Segment *last = &tenant->segments[tenant->nsegments - 1];
    uint64_t at = segment_next(last);
    if (tenant_code_used(tenant) + size > tenant->code_limit)
        return -ENOSPC;
    if (at <= last->size && last->size - at >= size) {
        *ret_segment = last;
        return 0;
    }
    int r = tenant_add_segment(tenants, tenant);
    if (r < 0)
        return r;
    *ret_segment = &tenant->segments[tenant->nsegments - 1];
    return 1;
}

uint64_t tenant_code_used(const Tenant *tenant) {
    uint64_t used = 0;
    for (unsigned i = 0; i < tenant->nsegments; i++)
        used += tenant->segments[i].used;
    return used;
}

/* ---- the dead ---- */

int tenant_row_died(Tenant *tenant, uint32_t row) {
    DeadRow *dead = calloc(1, sizeof *dead);
    if (!dead)
        return -ENOMEM;
    dead->row = row;
    dead->number = ++tenant->deaths;
    DL_APPEND(tenant->dead, dead);
    return 0;
}

bool tenant_row_reaped(Tenant *tenant, uint32_t row) {
    DeadRow *dead;
    DL_SEARCH_SCALAR(tenant->dead, dead, row, row);
    if (!dead)
        return false;
    DL_DELETE(tenant->dead, dead);
    free(dead);
    return true;
}

void tenant_forget_objects(Tenant *tenant) {
    if (tenant->names || arena_owner_reset(&tenant->arena) < 0)
        return;
    arena_owner_prepare(&tenant->arena, 1); /* nobody waits now, and the next client would */
    while (tenant->dead)
        tenant_row_reaped(tenant, tenant->dead->row);
}

/* ---- tenants ---- */

void tenant_free(Tenant *tenant) {
    while (tenant->units)
        tenant_remove_unit(tenant, tenant->units);
    for (Class *c, *next = tenant->classes; (c = next);) {
        next = c->hh.next;
        HASH_DEL(tenant->classes, c);
        free(c->name);
        free(c->file);
        free(c->fields);
        free(c);
    }
    while (tenant->names)
        tenant_remove_name(tenant, tenant->names);
    while (tenant->dead)
        tenant_row_reaped(tenant, tenant->dead->row);
    for (unsigned i = 0; i < tenant->nsegments; i++)
        segment_deinit(&tenant->segments[i]);
    ledger_close(&tenant->ledger);
    table_deinit(&tenant->table);
    arena_owner_deinit(&tenant->arena);
    free(tenant);
}

void tenants_deinit(Tenants *tenants) {
    for (Tenant *t, *next = tenants->list; (t = next);) {
        next = t->next;
        tenant_free(t);
    }
    tenants->list = NULL;
}

Tenant *tenants_find(const Tenants *tenants, uid_t uid, Str namespace_) {
    for (Tenant *t = tenants->list; t; t = t->next)
        if (t->uid == uid && str_eq_c(namespace_, t->namespace_))
            return t;
    return NULL;
}

Tenant *tenant_alloc(uid_t uid, Str namespace_) {
    Tenant *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->uid = uid;
    memcpy(t->namespace_, namespace_.ptr, namespace_.len);
    t->table = TABLE_NULL;
    t->arena = ARENA_OWNER_NULL;
    t->ledger = LEDGER_NULL;
    if (table_create(&t->table) == 0)
        return t;
    tenant_free(t);
    return NULL;
}

static int tenant_new(const Tenants *tenants, uid_t uid, Str namespace_, Tenant **ret_tenant) {
    Tenant *t = tenant_alloc(uid, namespace_);
    int r = t ? arena_create(tenants->arena_size, tenants->arena_size, &t->arena) : -ENOMEM;
    if (r == 0)
        r = tenant_add_segment(tenants, t);
    if (r < 0) {
        if (t)
            tenant_free(t);
        return r;
    }
    *ret_tenant = t;
    return 0;
}

void tenant_set_limits(const Tenants *tenants, Tenant *tenant) {
    Limits limits = {.arena = tenants->arena_quota, .code = JITD_WINDOW_SIZE};
    if (tenants->config)
        limits = config_limits(tenants->config, tenant->uid, str_from_cstr(tenant->namespace_));
    arena_owner_set_quota(&tenant->arena, limits.arena);
    tenant->code_limit = limits.code;
}

uint32_t tenants_arena_left(const Tenants *tenants, const Tenant *tenant) {
    uint64_t own = 0, others = 0, limit = UINT64_MAX;
    for (const Tenant *t = tenants->list; t; t = t->next)
        *(t->uid == tenant->uid ? &own : &others) += t->arena.next_chunk * ARENA_CHUNK_SIZE;
    if (tenants->config)
        limit = config_limits(tenants->config, tenant->uid, STR_NULL).arena_total;
    uint64_t share = !tenants->memory ? UINT64_MAX : others < tenants->memory ? (tenants->memory - others) / 2 : 0;
    limit = share < limit ? share : limit;
    uint64_t left = own < limit ? (limit - own) / ARENA_CHUNK_SIZE : 0;
    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

void tenants_add(Tenants *tenants, Tenant *tenant) {
    tenant_set_limits(tenants, tenant);
    DL_APPEND(tenants->list, tenant);
}

void tenants_forget(Tenants *tenants, Tenant *tenant) {
    DL_DELETE(tenants->list, tenant);
    handover_drop(tenant);
    tenant_free(tenant);
}

static bool is_most(uint64_t used, uint64_t limit) {
    return used >= limit / 8 * 7;
}

bool tenant_is_worn_out(Tenant *tenant) {
    bool used =
        tenant->full || is_most(HASH_COUNT(tenant->classes), TABLE_OWN_CLASSES) ||
        is_most(table_nmethods(&tenant->table), TABLE_MAX_METHODS) ||
        is_most(HASH_COUNT(tenant->units), TENANT_MAX_UNITS) || is_most(tenant->unit_bytes, TENANT_MAX_UNIT_BYTES) ||
        is_most(tenant_code_used(tenant), tenant->code_limit) || is_most(tenant->nsegments, TENANT_MAX_SEGMENTS);
    return used && !tenant->peers && !tenant->names && !arena_owner_any_in_use(&tenant->arena);
}

static unsigned tenants_of(const Tenants *tenants, uid_t uid) {
    unsigned n = 0;
    for (const Tenant *t = tenants->list; t; t = t->next)
        n += t->uid == uid;
    return n;
}

/* The one without peers that was used longest ago, of those whose uid has the most: NULL, there is none. `only`: of this uid. `in_use`: also
 * one of whose rows is in use, though nobody hears of its client. */
static Tenant *tenants_oldest(const Tenants *tenants, const uid_t *only, bool in_use) {
    Tenant *oldest = NULL;
    unsigned most = 0;
    for (Tenant *t = tenants->list; t; t = t->next) {
        bool stays = t->peers || (only && t->uid != *only) || (!in_use && arena_owner_any_in_use(&t->arena));
        unsigned n = stays ? 0 : tenants_of(tenants, t->uid);
        if (n > most || (n && n == most && t->used_ms < oldest->used_ms)) {
            oldest = t;
            most = n;
        }
    }
    return oldest;
}

/* Room for one more: over a limit, a tenant without peers goes, the uid's own where it is the uid's limit. False: all are in use. */
bool tenants_make_room(Tenants *tenants, uid_t uid) {
    unsigned all = 0;
    for (const Tenant *t = tenants->list; t; t = t->next)
        all++;
    bool own = tenants_of(tenants, uid) >= TENANTS_MAX_PER_UID;
    if (all < TENANTS_MAX && !own)
        return true;
    Tenant *oldest = tenants_oldest(tenants, own ? &uid : NULL, false);
    if (!oldest) /* what is in its rows its clients write: no more is to come of it than this */
        oldest = tenants_oldest(tenants, own ? &uid : NULL, true);
    if (!oldest)
        return false;
    tenants_forget(tenants, oldest);
    return true;
}

int tenants_open(Tenants *tenants, uid_t uid, Str namespace_, Tenant **ret_tenant) {
    Tenant *t = tenants_find(tenants, uid, namespace_);
    if (!t) {
        if (!tenants_make_room(tenants, uid))
            return 1;
        int r = tenant_new(tenants, uid, namespace_, &t);
        if (r < 0)
            return r;
        tenants_add(tenants, t);
    }
    *ret_tenant = t;
    return 0;
}
