/* Out: text that grows at its end, in a pool. */
#pragma once
#include "base/pool.h"
#include <stdio.h>

typedef struct Out {
    Pool *pool;
    char *ptr;
    size_t len, cap;
} Out;

static inline char *out_room(Out *o, size_t n) {
    while (o->cap - o->len < n)
        o->ptr = pool_grow(o->pool, o->ptr, 1, o->len, &o->cap);
    return o->ptr + o->len;
}

static inline void out_str(Out *o, Str s) {
    if (s.len)
        memcpy(out_room(o, s.len), s.ptr, s.len);
    o->len += s.len;
}

static inline void out_char(Out *o, char c) {
    *out_room(o, 1) = c;
    o->len++;
}

static inline void out_cstr(Out *o, const char *s) {
    out_str(o, str_from_cstr(s));
}

static inline void out_fill(Out *o, char c, size_t n) {
    if (n)
        memset(out_room(o, n), c, n);
    o->len += n;
}

/* Short pieces only: longer ones than the buffer are cut. */
__attribute__((format(printf, 2, 3))) static inline void out_printf(Out *o, const char *format, ...) {
    char buffer[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    out_str(o, (Str){buffer, n < (int)sizeof buffer ? (size_t)n : sizeof buffer - 1});
}

static inline Str out_text(const Out *o) {
    return (Str){o->ptr, o->len};
}
