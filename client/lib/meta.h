/* The compiler's description of a unit's image (docs/protocol.md, "The meta"), decoded and bounds-checked. */
#pragma once
#include "protocol/types.h"
#include "protocol/wire.h"

#define META_NO_SELF 4

typedef struct MetaDef {
    Str name, file;
} MetaDef;

typedef struct MetaEntry {
    uint32_t def, flags;
    Str name;
    const Type **params;
    size_t nparams;
    const Type *result;
} MetaEntry;

typedef struct MetaSite {
    int line;
    uint32_t def;
    Str function, kind;
    const msgpack_object *payload; /* an array; its parts are checked by who reads them */
} MetaSite;

typedef struct Meta {
    MetaDef *defs;
    size_t ndefs;
    MetaEntry *entries;
    size_t nentries;
    MetaSite *sites;
    size_t nsites;
    msgpack_unpacked owner;
} Meta;

#define META_NULL ((Meta){0})

/* 0; 1: the bytes are no meta of a unit with `ndefs` definitions; -ENOMEM. Arrays are the pool's, strings point into
 * `bytes`, payloads live until meta_deinit. */
int meta_decode(Pool *pool, Str bytes, uint32_t ndefs, Meta *ret_meta);
void meta_deinit(Meta *meta);
