/* The walk over foreign msgpack, and typed reads of what was unpacked; see wire.h.
 *
 * msgpack-c believes an array's element count and allocates for it before it has seen the elements: five bytes can ask
 * for gigabytes. So the encoding is walked first: every element must be there, and their number is limited. */
#include "protocol/wire.h"
#include <errno.h>

typedef struct WireWalk {
    const uint8_t *at, *end;
    uint64_t elements;
    uint64_t open[WIRE_MAX_DEPTH]; /* elements still to come in each open container */
    int depth;
} WireWalk;

static bool wire_skip(WireWalk *w, uint64_t n) {
    if ((uint64_t)(w->end - w->at) < n)
        return false;
    w->at += n;
    return true;
}

/* Reads a big-endian number of `size` bytes. */
static bool wire_number(WireWalk *w, int size, uint64_t *ret) {
    const uint8_t *from = w->at;
    if (!wire_skip(w, (uint64_t)size))
        return false;
    *ret = 0;
    for (int i = 0; i < size; i++)
        *ret = *ret << 8 | from[i];
    return true;
}

static bool wire_enter(WireWalk *w, uint64_t n) {
    w->elements += n;
    if (w->depth == WIRE_MAX_DEPTH || w->elements > WIRE_MAX_ELEMENTS)
        return false;
    w->open[w->depth++] = n;
    return true;
}

/* A length of `size` bytes, then that many bytes and `extra`. */
static bool wire_skip_counted(WireWalk *w, int size, uint64_t extra) {
    uint64_t n;
    return wire_number(w, size, &n) && wire_skip(w, n + extra);
}

static bool wire_enter_counted(WireWalk *w, int size, uint64_t per_element) {
    uint64_t n;
    return wire_number(w, size, &n) && wire_enter(w, n * per_element);
}

/* The formats of the msgpack specification from 0xc0 to 0xdf. */
static bool wire_walk_long(WireWalk *w, uint8_t head) {
    static const uint8_t fixed[] = {
        [0xc0 - 0xc0] = 0, [0xc2 - 0xc0] = 0, [0xc3 - 0xc0] = 0,                    /* nil, false, true */
        [0xca - 0xc0] = 4, [0xcb - 0xc0] = 8,                                       /* float */
        [0xcc - 0xc0] = 1, [0xcd - 0xc0] = 2, [0xce - 0xc0] = 4, [0xcf - 0xc0] = 8, /* uint */
        [0xd0 - 0xc0] = 1, [0xd1 - 0xc0] = 2, [0xd2 - 0xc0] = 4, [0xd3 - 0xc0] = 8, /* int */
        [0xd4 - 0xc0] = 2, [0xd5 - 0xc0] = 3, [0xd6 - 0xc0] = 5, [0xd7 - 0xc0] = 9, [0xd8 - 0xc0] = 17, /* fixext */
    };
    switch (head) {
    case 0xc1:
        return false;
    case 0xc4 ... 0xc6: /* bin */
        return wire_skip_counted(w, 1 << (head - 0xc4), 0);
    case 0xc7 ... 0xc9: /* ext */
        return wire_skip_counted(w, 1 << (head - 0xc7), 1);
    case 0xd9 ... 0xdb: /* str */
        return wire_skip_counted(w, 1 << (head - 0xd9), 0);
    case 0xdc ... 0xdd: /* array */
        return wire_enter_counted(w, 2 << (head - 0xdc), 1);
    case 0xde ... 0xdf: /* map */
        return wire_enter_counted(w, 2 << (head - 0xde), 2);
    default:
        return wire_skip(w, fixed[head - 0xc0]);
    }
}

static bool wire_walk_one(WireWalk *w) {
    uint64_t head;
    if (!wire_number(w, 1, &head))
        return false;
    if (head < 0x80 || head >= 0xe0) /* fixint */
        return true;
    if (head < 0x90)
        return wire_enter(w, (head & 15) * 2);
    if (head < 0xa0)
        return wire_enter(w, head & 15);
    if (head < 0xc0)
        return wire_skip(w, head & 31);
    return wire_walk_long(w, (uint8_t)head);
}

bool wire_check(Str bytes) {
    WireWalk w = {.at = (const uint8_t *)bytes.ptr, .end = (const uint8_t *)bytes.ptr + bytes.len};
    if (!wire_walk_one(&w))
        return false;
    while (w.depth > 0) {
        if (w.open[w.depth - 1] == 0) {
            w.depth--;
            continue;
        }
        w.open[w.depth - 1]--;
        if (!wire_walk_one(&w))
            return false;
    }
    return w.at == w.end;
}

int wire_unpack(Str bytes, msgpack_unpacked *ret_object) {
    if (!wire_check(bytes))
        return 1;
    msgpack_unpacked_init(ret_object);
    size_t off = 0;
    msgpack_unpack_return r = msgpack_unpack_next(ret_object, bytes.ptr, bytes.len, &off);
    if (r == MSGPACK_UNPACK_SUCCESS && off == bytes.len)
        return 0;
    msgpack_unpacked_destroy(ret_object);
    return r == MSGPACK_UNPACK_NOMEM_ERROR ? -ENOMEM : 1;
}

const msgpack_object *wire_find(const msgpack_object *map, const char *key) {
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        Str s;
        if (wire_str(&map->via.map.ptr[i].key, &s) && str_eq_c(s, key))
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

bool wire_str(const msgpack_object *o, Str *ret) {
    if (!o || o->type != MSGPACK_OBJECT_STR)
        return false;
    *ret = (Str){o->via.str.ptr, o->via.str.size};
    return true;
}

bool wire_bin(const msgpack_object *o, Str *ret) {
    if (!o || o->type != MSGPACK_OBJECT_BIN)
        return false;
    *ret = (Str){o->via.bin.ptr, o->via.bin.size};
    return true;
}

bool wire_bool(const msgpack_object *o, bool *ret) {
    if (!o || o->type != MSGPACK_OBJECT_BOOLEAN)
        return false;
    *ret = o->via.boolean;
    return true;
}

bool wire_float(const msgpack_object *o, double *ret) {
    if (!o || o->type != MSGPACK_OBJECT_FLOAT64)
        return false;
    *ret = o->via.f64;
    return true;
}

bool wire_int(const msgpack_object *o, int64_t min, int64_t max, int64_t *ret) {
    int64_t i;
    if (o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= INT64_MAX)
        i = (int64_t)o->via.u64;
    else if (o && o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        i = o->via.i64;
    else
        return false;
    if (i < min || i > max)
        return false;
    *ret = i;
    return true;
}

bool wire_uint(const msgpack_object *o, uint64_t max, uint64_t *ret) {
    if (!o || o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > max)
        return false;
    *ret = o->via.u64;
    return true;
}

bool wire_array(const msgpack_object *o, msgpack_object_array *ret) {
    if (!o || o->type != MSGPACK_OBJECT_ARRAY)
        return false;
    *ret = o->via.array;
    return true;
}

bool wire_map(const msgpack_object *o, msgpack_object_map *ret) {
    if (!o || o->type != MSGPACK_OBJECT_MAP)
        return false;
    *ret = o->via.map;
    return true;
}

void wire_put_str(msgpack_packer *pk, Str s) {
    msgpack_pack_str(pk, s.len);
    if (s.len)
        msgpack_pack_str_body(pk, s.ptr, s.len);
}

void wire_put_cstr(msgpack_packer *pk, const char *s) {
    wire_put_str(pk, str_from_cstr(s));
}

void wire_put_bin(msgpack_packer *pk, Str s) {
    msgpack_pack_bin(pk, s.len);
    if (s.len)
        msgpack_pack_bin_body(pk, s.ptr, s.len);
}
