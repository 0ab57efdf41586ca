/* Entering and leaving an epoch, inline: the part of struct Arena that is public for speed. See limbo.c. */
#pragma once

typedef struct ArenaEpoch {
    _Atomic uint64_t *active; /* in this process's row: odd = inside; only grows. Partner: limbo.c */
    uint32_t nest;
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

/* One count less, of any object, from outside native calls. */
static inline void arena_decref(Arena *arena, JitdFrame *frame, uint64_t object) {
    arena_enter(arena);
    shm_decref(frame, object, arena_release);
    arena_leave(arena);
}
