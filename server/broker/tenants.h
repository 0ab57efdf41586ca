/* The registry: one tenant per (uid, namespace), with its code segments, method and class table, arena, compiled units,
 * names of published objects, and the rows of roots of clients that died. */
#pragma once
#include "protocol/spec.h"
#include "server/broker/config.h"
#include "server/broker/ledger.h"
#include "server/broker/map.h"
#include "shared-mem/arena.h"
#include "shared-mem/segment.h"
#include <sys/types.h>

#define TENANT_MAX_SEGMENTS 31
#define TENANT_MAX_NAMESPACE 64
#define TENANT_MAX_UNITS 65536
#define TENANT_MAX_UNIT_BYTES ((uint64_t)64 << 20) /* of descriptions kept in the daemon's memory */
#define TENANT_MAX_NAMES ARENA_MAX_NAMES
#define TENANT_MAX_NAME 1024
#define TENANTS_MAX 256
#define TENANTS_MAX_PER_UID 32

/* A published unit. */
typedef struct Unit {
    Key fingerprint, content;
    char *name;
    uint32_t slot, nentries;
    uint32_t ndefs;
    uint32_t *class_ids; /* of each def; 0: a function */
    Key *class_keys;
    char *meta;
    size_t meta_size;
    char *source; /* the unit description, packed by zstd: dumps need it */
    size_t source_packed, source_size;
    uint64_t code_bytes, compile_us, hits;
    struct Unit *next, *prev; /* of the same root class */
    UT_hash_handle hh;
} Unit;

typedef struct Class {
    Key key;
    uint32_t id, size;
    char *name, *file;
    char *fields; /* msgpack, as CLASSES gives it */
    size_t fields_size;
    Unit *units; /* with this class as definition 0 */
    UT_hash_handle hh;
} Class;

typedef struct PublishedName {
    char *name;
    uint64_t object;
    uint32_t place; /* in the arena: arena_owner_name */
    UT_hash_handle hh;
} PublishedName;

typedef struct DeadRow {
    uint32_t row;
    uint64_t number;  /* of the tenant's deaths: counts up */
    const void *told; /* the peer that was asked to reap it when it died; NULL: nobody yet */
    struct DeadRow *next, *prev;
} DeadRow;

/* What a publication was answered: who lost the answer with the daemon asks again. */
typedef struct Published {
    uint64_t nonce, old, ms; /* of the machine's monotonic clock, the same in every process */
} Published;
#define TENANT_PUBLISHED 1024

typedef struct Tenant {
    uid_t uid;
    char namespace_[TENANT_MAX_NAMESPACE + 1];
    Table table;
    ArenaOwner arena;
    Segment segments[TENANT_MAX_SEGMENTS];
    unsigned nsegments;
    Unit *units;
    Class *classes;
    PublishedName *names;
    Published published[TENANT_PUBLISHED]; /* a ring */
    unsigned npublished;
    uint8_t name_places[TENANT_MAX_NAMES]; /* 1: taken */
    uint32_t next_place;                   /* where to look for a free one */
    DeadRow *dead;
    Ledger ledger;
    unsigned peers;
    uint64_t removals;   /* of units, so far */
    bool full;           /* something found no room in it */
    uint64_t code_limit; /* bytes */
    uint64_t deaths;     /* so far */
    uint64_t unit_bytes, used_ms;
    uint64_t said_ms; /* when the log was told of a limit that its clients met */
    struct Tenant *next, *prev;
} Tenant;

typedef struct Tenants {
    Tenant *list;
    uint64_t segment_size, arena_size, arena_quota;
    uint64_t memory;      /* of the machine; 0: not known. A user's arenas have half of what the others' leave */
    const Config *config; /* NULL: arena_quota is the only limit */
} Tenants;

void tenants_deinit(Tenants *tenants);
Tenant *tenants_find(const Tenants *tenants, uid_t uid, Str namespace_); /* NULL: there is none */
/* Finds or makes it. 0; 1: too many of this uid (or in all), and all in use; or a negative errno. */
int tenants_open(Tenants *tenants, uid_t uid, Str namespace_, Tenant **ret_tenant);
bool tenants_make_room(Tenants *tenants, uid_t uid); /* for one more: false: all are in use */
Tenant *tenant_alloc(uid_t uid, Str namespace_);     /* with an empty table; NULL: it cannot be made */
void tenants_add(Tenants *tenants, Tenant *tenant);
void tenants_forget(Tenants *tenants, Tenant *tenant); /* nobody uses it: it is not handed over either */
void tenant_free(Tenant *tenant);

/* Nobody uses it and nothing in it has a name, and what only ever grows (classes, methods, code) has come to seven eighths of what there
 * may be, or something found no room: who comes next is better off with a new one, which takes what it uses from the disk cache. */
bool tenant_is_worn_out(Tenant *tenant);

/* Chunks that the tenant's user may have beyond those that its arenas have, whatever the namespace's own quota leaves. */
uint32_t tenants_arena_left(const Tenants *tenants, const Tenant *tenant);
void tenant_set_limits(const Tenants *tenants, Tenant *tenant); /* what the configuration says now */

/* Makes room for `size` bytes of code: *ret_segment is where they fit, behind `used` rounded up to IMAGE_ALIGN. 1: a
 * new segment was opened for it (the tenant's peers must hear of it), 0: an old one has room; -ENOSPC: the window is
 * full. */
int tenant_reserve_code(const Tenants *tenants, Tenant *tenant, uint64_t size, Segment **ret_segment);
uint64_t tenant_code_used(const Tenant *tenant);

Unit *tenant_find_unit(const Tenant *tenant, const Key *fingerprint);
Unit *tenant_find_unit_by_name(const Tenant *tenant, Str name); /* a class's own one first */
/* Registers it (the tenant owns it then), in the place of an older one with the same fingerprint. */
void tenant_add_unit(Tenant *tenant, Unit *unit);
void tenant_remove_unit(Tenant *tenant, Unit *unit);
void unit_free(Unit *unit);

/* The class ids of all definitions, registered where they are new; ret_ids has ndefs places. 0, -ENOSPC, -ENOMEM, or
 * -EEXIST: a key that already stands for another layout. */
int tenant_register_classes(Tenant *tenant, const UnitSpec *unit, uint32_t *ret_ids);

/* Gives a name to an object (0: removes it), for the client of `row` that noted it there under `note` (NULL: it did not). *ret_old: what it
 * stood for before, 0: nothing. 0, -ENOSPC, -ENAMETOOLONG, -ENOMEM; -ECANCELED: there is no such note. */
int tenant_publish_name(Tenant *tenant, Str name, uint64_t object, uint32_t row, const uint64_t *note,
                        uint64_t *ret_old);
/* A nonce (not 0) is a publication's own: whether it was made before, and what it was answered. */
void tenant_note_published(Tenant *tenant, uint64_t nonce, uint64_t old, uint64_t ms);
bool tenant_was_published(const Tenant *tenant, uint64_t nonce, uint64_t *ret_old);
bool tenant_knows_published(const Tenant *tenant, uint64_t ms); /* all that were made from then on */
uint64_t tenant_find_name(const Tenant *tenant, Str name);

/* Rows of roots of peers that left. */
int tenant_row_died(Tenant *tenant, uint32_t row);
bool tenant_row_reaped(Tenant *tenant, uint32_t row); /* whether it was a dead one */
void tenant_forget_objects(Tenant *tenant); /* no client is left: unless a name holds an object, all are gone */
