/* Str: a length-counted, unowned, immutable byte string passed by value. May contain NUL bytes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct Str {
    const char *ptr;
    size_t len;
} Str;

#define STR_NULL ((Str){0})
#define STR(literal) ((Str){(literal), sizeof(literal) - 1})
#define STR_FMT(s) (int)(s).len, (s).ptr /* for "%.*s" */

static inline Str str_from_cstr(const char *s) {
    return s ? (Str){s, strlen(s)} : STR_NULL;
}

static inline bool str_eq(Str a, Str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_eq_c(Str a, const char *b) {
    return str_eq(a, str_from_cstr(b));
}

/* The part of s from byte `from` to (not including) byte `to`, both clipped to s. */
static inline Str str_slice(Str s, size_t from, size_t to) {
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (Str){from ? s.ptr + from : s.ptr, to - from};
}
