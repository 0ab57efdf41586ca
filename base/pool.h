/* Pool: a private bump allocator. Everything taken from it lives until pool_deinit; nothing is freed singly.
 * Out of memory (or over `limit` bytes in all) calls pool->fail(pool->fail_arg), which must not return. */
#pragma once
#include "base/str.h"
#include <stdarg.h>
#include <stdint.h>

typedef struct PoolBlock PoolBlock;

typedef struct Pool {
    PoolBlock *blocks;
    char *next, *end;
    size_t used, limit; /* bytes taken from malloc; limit 0 = none */
    void (*fail)(void *arg);
    void *fail_arg;
} Pool;

#define POOL_NULL ((Pool){0})

void pool_deinit(Pool *pool);
void *pool_alloc(Pool *pool, size_t size); /* zeroed, 16-byte aligned; never NULL */
Str pool_strdup(Pool *pool, Str s);        /* with a NUL behind it */
Str pool_vprintf(Pool *pool, const char *format, va_list args);
Str pool_printf(Pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define pool_new(pool, type) ((type *)pool_alloc((pool), sizeof(type)))
#define pool_array(pool, type, n) ((type *)pool_alloc_array((pool), sizeof(type), (n)))
void *pool_alloc_array(Pool *pool, size_t size, size_t n); /* checks size * n */

/* Grows a pool array held as (ptr, len, cap): makes room for one more element. */
#define pool_push(pool, ptr, len, cap)                                                                                 \
    (*((len) == (cap) ? ((ptr) = pool_grow((pool), (ptr), sizeof *(ptr), (len), &(cap))) : (ptr), &(ptr)[(len)++]))
void *pool_grow(Pool *pool, void *old, size_t size, size_t len, size_t *cap);
