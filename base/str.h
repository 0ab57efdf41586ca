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

/* Bytes of the UTF-8 sequence at the start of s, which is not empty; 0: it is none (RFC 3629: no surrogates, nothing overlong). */
static inline size_t str_utf8_length(Str s) {
    const unsigned char *b = (const unsigned char *)s.ptr;
    size_t n = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
    if (n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] >= 0xa0) || (b[0] == 0xf0 && b[1] < 0x90) ||
               (b[0] == 0xf4 && b[1] >= 0x90);
    return bad ? 0 : n;
}

/* The part of s from byte `from` to (not including) byte `to`, both clipped to s. */
static inline Str str_slice(Str s, size_t from, size_t to) {
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (Str){from ? s.ptr + from : s.ptr, to - from};
}
