/* UTF-8 one code point at a time, for text whose validity is not yet known, and WTF-8 (lone surrogates allowed) for
 * literals. */
#pragma once
#include "base/str.h"
#include <stdint.h>

#define UTF8_BAD UINT32_MAX

/* The code point at the start of s (not empty) and its length in bytes; UTF8_BAD with length 1 when there is none. */
static inline uint32_t utf8_next(Str s, size_t *ret_len) {
    const unsigned char *p = (const unsigned char *)s.ptr;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *ret_len = 1;
    if (p[0] < 0x80)
        return p[0];
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || s.len < n)
        return UTF8_BAD;
    uint32_t code = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return UTF8_BAD;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least[n] || code > 0x10ffff)
        return UTF8_BAD;
    *ret_len = n;
    return code;
}

/* Writes at most 4 bytes, returns how many. */
static inline size_t utf8_put(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf00u >> n & 0xf0) | code);
    return n;
}
