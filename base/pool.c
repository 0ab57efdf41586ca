/* Pool: the private bump allocator; see pool.h. */
#include "base/pool.h"
#include <stdio.h>
#include <stdlib.h>

#define POOL_BLOCK ((size_t)64 * 1024)

struct PoolBlock {
    PoolBlock *next;
    size_t size;
};

static void pool_fail(Pool *pool) {
    if (pool->fail)
        pool->fail(pool->fail_arg);
    abort();
}

void pool_deinit(Pool *pool) {
    for (PoolBlock *b = pool->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    pool->blocks = NULL;
    pool->next = pool->end = NULL;
    pool->used = 0;
}

static void pool_add_block(Pool *pool, size_t size) {
    size_t header = (sizeof(PoolBlock) + 15) & ~(size_t)15;
    if (size > SIZE_MAX / 2)
        pool_fail(pool);
    size_t want = header + (size > POOL_BLOCK ? size : POOL_BLOCK);
    if (pool->limit && pool->used + want > pool->limit)
        pool_fail(pool);
    PoolBlock *b = malloc(want);
    if (!b)
        pool_fail(pool);
    *b = (PoolBlock){.next = pool->blocks, .size = want};
    pool->blocks = b;
    pool->used += want;
    pool->next = (char *)b + header;
    pool->end = (char *)b + want;
}

void *pool_alloc(Pool *pool, size_t size) {
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size)
        pool_fail(pool);
    if ((size_t)(pool->end - pool->next) < rounded || !pool->next)
        pool_add_block(pool, rounded);
    void *p = pool->next;
    pool->next += rounded;
    return memset(p, 0, size);
}

void *pool_alloc_array(Pool *pool, size_t size, size_t n) {
    size_t bytes;
    if (__builtin_mul_overflow(size, n, &bytes))
        pool_fail(pool);
    return pool_alloc(pool, bytes);
}

void *pool_grow(Pool *pool, void *old, size_t size, size_t len, size_t *cap) {
    size_t more = *cap ? *cap * 2 : 8;
    void *p = pool_alloc_array(pool, size, more);
    if (len)
        memcpy(p, old, size * len);
    *cap = more;
    return p;
}

Str pool_strdup(Pool *pool, Str s) {
    char *p = pool_alloc(pool, s.len + 1);
    if (s.len)
        memcpy(p, s.ptr, s.len);
    return (Str){p, s.len};
}

Str pool_vprintf(Pool *pool, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *p = pool_alloc(pool, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return (Str){p, (size_t)n};
}

Str pool_printf(Pool *pool, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Str s = pool_vprintf(pool, format, args);
    va_end(args);
    return s;
}
