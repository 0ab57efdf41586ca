/* What the next daemon has to know of a tenant, in a file that only this user can read or write: which arena is its (device and
 * inode), and all that the daemon itself knows by heart: segments with their code, slots of methods, classes, units, names. A
 * file is written by appending records, each with its checksum, so that a death in the middle leaves all that was promised to
 * anybody. The arena itself comes from elsewhere (handover.h); the ledger says which one to believe. */
#pragma once
#include "base/hash.h"
#include "base/str.h"
#include <stdint.h>
#include <sys/types.h>

struct Tenant;
struct Unit;
struct Class;

#define LEDGER_NAME_SIZE 64
#define LEDGER_MAX_BYTES ((uint64_t)512 << 20) /* a tenant with more is not handed over */

typedef struct Ledger {
    int dir, fd; /* fd -1: there is none, nothing is written down */
    char name[LEDGER_NAME_SIZE];
    uint64_t size, garbage; /* bytes; records that later ones have made useless */
} Ledger;
#define LEDGER_NULL ((Ledger){.dir = -1, .fd = -1})

/* What the head of a ledger says. */
typedef struct LedgerHead {
    uid_t uid;
    char namespace_[65];
    uint64_t device, inode, arena_size;
} LedgerHead;

int ledger_open_dir(
    const char *path); /* makes it; a descriptor, or a negative errno: -EPERM: it is not this user's alone */
void ledger_name(uid_t uid, Str namespace_, char ret_name[LEDGER_NAME_SIZE]);

/* Begins a tenant's ledger, in the place of an older one. What cannot be written makes it end: then nothing is handed over. */
void ledger_create(int dir, struct Tenant *tenant);
/* 0; or 1: there is none that can be used (another boot, another version, damaged). *ret_data is the whole file, the caller's. */
int ledger_load(int dir, const char *name, LedgerHead *ret_head, char **ret_data, size_t *ret_size);
/* Gives the tenant (of an arena, an empty table and nothing else) what the data says. 0; or 1: it contradicts itself. */
int ledger_replay(int dir, const char *name, Str data, struct Tenant *tenant);
void ledger_close(Ledger *ledger);
void ledger_remove(Ledger *ledger); /* and closes it */

/* Each before anybody is told of the thing. */
void ledger_put_segment(struct Tenant *tenant, uint64_t offset, uint64_t size);
void ledger_put_class(struct Tenant *tenant, const struct Class *c);
void ledger_put_unit(struct Tenant *tenant, const struct Unit *unit, uint64_t offset, Str code);
void ledger_put_unit_gone(struct Tenant *tenant, const Key *fingerprint);
void ledger_put_name(struct Tenant *tenant, Str name, uint64_t object, uint64_t old, uint64_t nonce, uint64_t ms);
