/* Entering and leaving an epoch, inline: the part of struct Arena that is public for speed. See limbo.c. */
#pragma once

typedef struct ArenaEpoch {
    _Atomic uint64_t *active; /* in this process's row: odd = inside; only grows. Partner: limbo.c */
    uint32_t nest;
    uint32_t pins;  /* of those, how many must not be paused */
    uint32_t fence; /* no membarrier here: order the store by a fence of our own */
} ArenaEpoch;

static inline void arena_enter(Arena *arena) {
    ArenaEpoch *epoch = (ArenaEpoch *)arena;
    if (epoch->nest++)
        return;
    atomic_store_explicit(epoch->active, atomic_load_explicit(epoch->active, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    if (__builtin_expect(epoch->fence, 0))
        atomic_thread_fence(memory_order_seq_cst);
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void arena_leave(Arena *arena) {
    ArenaEpoch *epoch = (ArenaEpoch *)arena;
    if (--epoch->nest == 0)
        atomic_store_explicit(epoch->active, atomic_load_explicit(epoch->active, memory_order_relaxed) + 1,
                              memory_order_release);
}

/* Another number whenever somebody in this process has entered or left since. */
static inline uint64_t arena_entered(const Arena *arena) {
    return atomic_load_explicit(((const ArenaEpoch *)arena)->active, memory_order_relaxed);
}

/* A pause: a native call that is about to run other code, or to sleep, leaves the epoch meanwhile. What it has in hand must be counted; who
 * has something uncounted in hand all the same pins the epoch. Pauses nest: the other code may call, and pause in its turn. Returns what
 * arena_resume wants. The two words that are written say that there still is a call (collect.c). */
static inline void arena_count_pause(ArenaEpoch *epoch, uint32_t word, uint64_t n) {
    _Atomic uint64_t *place = epoch->active + word; /* ShmRow: pauses is 1, depth 2 */
    atomic_store_explicit(place, atomic_load_explicit(place, memory_order_relaxed) + n, memory_order_release);
}

static inline uint32_t arena_pause(Arena *arena) {
    ArenaEpoch *epoch = (ArenaEpoch *)arena;
    uint32_t nest = epoch->pins ? 0 : epoch->nest;
    if (!nest)
        return 0;
    arena_count_pause(epoch, 1, 1);
    arena_count_pause(epoch, 2, 1);
    epoch->nest = 1;
    arena_leave(arena);
    return nest;
}

static inline void arena_resume(Arena *arena, uint32_t nest) {
    ArenaEpoch *epoch = (ArenaEpoch *)arena;
    if (!nest)
        return;
    arena_enter(arena);
    epoch->nest += nest - 1; /* another thread may be inside by now */
    arena_count_pause(epoch, 2, (uint64_t)-1);
}

/* In a child of fork(), whose row is new: so many pauses are this thread's. */
static inline void arena_set_pauses(Arena *arena, uint32_t n) {
    atomic_store_explicit(((ArenaEpoch *)arena)->active + 2, n, memory_order_release);
}

static inline uint64_t arena_pauses(Arena *arena) { /* under way */
    return atomic_load_explicit(((ArenaEpoch *)arena)->active + 2, memory_order_relaxed);
}

static inline void arena_pin(Arena *arena) {
    arena_enter(arena);
    ((ArenaEpoch *)arena)->pins++;
}

static inline void arena_unpin(Arena *arena) {
    ((ArenaEpoch *)arena)->pins--;
    arena_leave(arena);
}

/* One count less, of any object, from outside native calls. */
static inline void arena_decref(Arena *arena, JitdFrame *frame, uint64_t object) {
    arena_enter(arena);
    shm_decref(frame, object, arena_release);
    arena_leave(arena);
}
