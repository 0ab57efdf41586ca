/* The tracer: the one place that knows where an object's references are. Sharing, release, what is given back after a death, the search for
 * garbage and the checker go through it. Inline, so that the loop is part of whoever runs it. */
#pragma once
#include "shared-mem/arena_private.h"

/* `child` was read from `place`, a word of the object that is traced. It is an object's offset if that one is to be believed. */
typedef void ArenaRefFn(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg);

static inline __attribute__((always_inline)) void trace_word(Arena *a, _Atomic uint64_t *place, ArenaRefFn *fn,
                                                             void *arg) {
    /* Partner: shm_store_ref. Whoever looks at the child gets there by its offset, which orders that behind this load. */
    uint64_t child = atomic_load_explicit(place, memory_order_relaxed);
    if (shm_is_object(child))
        fn(a, place, child, arg);
}

/* The part of arena_each_ref for who knows that the class has no tail. */
static inline __attribute__((always_inline)) void trace_fields(Arena *a, uint64_t object, const ArenaClass *c,
                                                               ArenaRefFn *fn, void *arg) {
    for (uint32_t i = 0; i < c->shape.nrefs; i++)
        trace_word(a, arena_field(a, object, c->shape.refs[i]), fn, arg);
}

static inline void trace_tail(Arena *a, uint64_t object, const ArenaClass *c, ArenaRefFn *fn, void *arg) {
    _Atomic uint64_t *tail = arena_field(a, object, c->shape.base);
    for (uint64_t i = 0, n = tail_length(a, object, c); i < n; i++)
        trace_word(a, &tail[i], fn, arg);
}

/* Each reference to an object that the object, of class c, has. fn may change the place. */
static inline __attribute__((always_inline)) void arena_each_ref(Arena *a, uint64_t object, const ArenaClass *c,
                                                                 ArenaRefFn *fn, void *arg) {
    trace_fields(a, object, c, fn, arg);
    if (c->shape.tail == SHM_TAIL_REFS)
        trace_tail(a, object, c, fn, arg);
}

/* The same where nobody here knows the class: every word of the block may be a reference. */
static inline void arena_each_word(Arena *a, uint64_t object, uint64_t block, ArenaRefFn *fn, void *arg) {
    for (uint64_t at = SHM_OBJECT_HEADER; at + 8 <= block; at += 8)
        trace_word(a, arena_field(a, object + at, 0), fn, arg);
}
