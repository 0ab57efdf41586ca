/* Giving back what a dead client held.
 *
 * The broker marks the row dead; any client may then claim it (one compare-and-swap) and reap it. A reaper that dies itself is recognised by
 * its own row, and the next one begins from the start, so every step can be repeated:
 *   1. roots: each entry is wiped, then counted down (a private object's entry is only wiped); publications under way (publish.c);
 *   2. the row's chunks are swept: private objects let go of the shared ones they refer to (each field is wiped first), and their heads
 *      become 0. Private objects among themselves need no counting, they all go;
 *   3. what the row had in limbo becomes the reaper's (limbo_adopt);
 *   4. only then the chunks become orphans or free: before that no block of them can be in use again, so an offset that step 2
 *      finds in a dead object still means what it meant;
 *   5. claims that the dead row had on others are lifted, and the row is done.
 * What can be left too high: a count whose process, or reaper, was killed between counting up and storing, or wiping and counting down; an object whose
 * last count was given up but which had not entered limbo. Those objects are found by the collection that follows (collect.c); nothing is
 * ever counted too low. */
#include "shared-mem/arena_private.h"

static void sweep_one(Arena *a, uint64_t object, uint64_t head, void *arg) {
    uint32_t row = *(uint32_t *)arg;
    _Atomic uint64_t *place = &arena_object(a, object)->head;
    if (share_counts_as_private(a, head, row)) {
        release_refs(a, object, head, row);
        arena_order();
        atomic_store_explicit(place, 0, memory_order_release);
    } else if (head & SHM_SHARING) { /* others have it, and may free it meanwhile */
        atomic_compare_exchange_strong_explicit(place, &head, head & ~SHM_SHARING, memory_order_acq_rel,
                                                memory_order_relaxed);
    }
}

static void sweep(Arena *a, uint32_t row) {
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        if (SHM_CHUNK_ROW(arena_chunk_state(a, i)) == row)
            chunk_each_object(a, i, sweep_one, &row);
}

static void retire_chunks(Arena *a, uint32_t row) {
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        if (SHM_CHUNK_ROW(arena_chunk_state(a, i)) == row)
            chunk_retire(a, i);
}

static void lift_claims(Arena *a, uint32_t row, uint32_t top) {
    for (uint32_t i = 1; i < top; i++) {
        uint64_t state = atomic_load_explicit(&arena_row(a, i)->state, memory_order_acquire);
        if (SHM_ROW_KIND(state) == SHM_ROW_REAPING && SHM_ROW_CLAIMANT(SHM_ROW_REAPER(state)) == row)
            atomic_compare_exchange_strong_explicit(&arena_row(a, i)->state, &state, SHM_ROW_STATE(SHM_ROW_DEAD, 0),
                                                    memory_order_acq_rel, memory_order_relaxed);
    }
}

void reap_row(Arena *a, uint32_t row) {
    arena_enter(a);
    roots_drop_row(a, row);
    publish_drop_row(a, row);
    sweep(a, row);
    arena_leave(a);
    arena_order();
    if (row != a->row)
        limbo_adopt(a, row);
    else
        for (int i = 0; i < 4 && !limbo_empty(a); i++)
            arena_poll(a);
    arena_order();
    atomic_store_explicit(&arena_row(a, row)->sharing, 0, memory_order_relaxed);
    retire_chunks(a, row);
    lift_claims(a, row, arena_rows_used(a));
}

static int is_alive(Arena *a, uint32_t claim) {
    uint32_t row = SHM_ROW_CLAIMANT(claim);
    uint64_t state = atomic_load_explicit(&arena_row(a, row)->state, memory_order_acquire);
    return SHM_ROW_KIND(state) == SHM_ROW_LIVE && SHM_ROW_CLAIM(row, state) == claim;
}

/* Dead, or claimed by one who is no longer alive. */
static int claim(Arena *a, uint32_t row) {
    _Atomic uint64_t *place = &arena_row(a, row)->state;
    uint64_t state = atomic_load_explicit(place, memory_order_acquire);
    if (SHM_ROW_KIND(state) == SHM_ROW_REAPING ? is_alive(a, SHM_ROW_REAPER(state))
                                               : SHM_ROW_KIND(state) != SHM_ROW_DEAD)
        return 0;
    uint64_t own = atomic_load_explicit(&a->me->state, memory_order_relaxed);
    SHM_STEP();
    return atomic_compare_exchange_strong_explicit(place, &state,
                                                   SHM_ROW_STATE(SHM_ROW_REAPING, SHM_ROW_CLAIM(a->row, own)),
                                                   memory_order_acq_rel, memory_order_relaxed);
}

int arena_reap(Arena *a) {
    int reaped = 0;
    a->deaths = atomic_load_explicit(&a->header->deaths, memory_order_acquire); /* partner: arena_owner_mark_dead */
    for (uint32_t row = 1, top = arena_rows_used(a); row < top; row++) {
        if (row == a->row || !claim(a, row))
            continue;
        reap_row(a, row);
        atomic_store_explicit(&arena_row(a, row)->state, SHM_ROW_STATE(SHM_ROW_REAPED, 0),
                              memory_order_release); /* partner: arena_owner_take_row */
        reaped++;
        a->garbage = 1;
        if (a->ops.reaped)
            a->ops.reaped(a->ops.arg, row);
    }
    arena_poll(a);
    return reaped;
}
