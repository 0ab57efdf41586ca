/* Messages as bytes: msgpack that came from somebody else. Nothing is unpacked before wire_check has walked it. */
#pragma once
#include "base/str.h"
#include <msgpack.h>
#include <stdint.h>

#define WIRE_MAX_DEPTH 32 /* arrays and maps inside each other */
#define WIRE_MAX_ELEMENTS                                                                                              \
    (1 << 18) /* array elements, keys and values in all: what unpacking may allocate (24 bytes each) */

/* Whether `bytes` are exactly one whole msgpack object within the limits. Allocates nothing. */
bool wire_check(Str bytes);

/* Checks, then unpacks; strings point into `bytes`. 0, or 1 when the bytes are malformed, or -ENOMEM. */
int wire_unpack(Str bytes, msgpack_unpacked *ret_object);

/* The first value of `key` in a map; NULL when there is none or `map` is no map. */
const msgpack_object *wire_find(const msgpack_object *map, const char *key);

/* Typed reads: false when `o` is NULL, of another type, or out of range. */
bool wire_str(const msgpack_object *o, Str *ret);
bool wire_bin(const msgpack_object *o, Str *ret);
bool wire_bool(const msgpack_object *o, bool *ret);
bool wire_float(const msgpack_object *o, double *ret);
bool wire_int(const msgpack_object *o, int64_t min, int64_t max, int64_t *ret);
bool wire_uint(const msgpack_object *o, uint64_t max, uint64_t *ret);
bool wire_array(const msgpack_object *o, msgpack_object_array *ret);
bool wire_map(const msgpack_object *o, msgpack_object_map *ret);

static inline bool wire_is_nil(const msgpack_object *o) {
    return o && o->type == MSGPACK_OBJECT_NIL;
}

void wire_put_str(msgpack_packer *pk, Str s);
void wire_put_cstr(msgpack_packer *pk, const char *s);
void wire_put_bin(msgpack_packer *pk, Str s);
