/* Runs: a block that is larger than every size class is a row of whole chunks, with one object in it.
 *
 * The first chunk has class SHM_CLASS_RUN, the row's length, and an owner; the others have class SHM_CLASS_REST and none. What an object's
 * head is to a block, the state of the first chunk is to the run: whoever may free the object (its owner while it is private, then the one
 * who has it in limbo) first makes the run his, by one compare-and-swap that meets with no other than that of an owner who gives it up.
 * Then he clears the head, and the chunks are free again at once, for anybody: an 80-megabyte list must not wait for its owner to look.
 *
 *   making        chunks of ours, state (0, row), one by one; length, head 0; first = (RUN, row); each other = (REST, 0); the object
 *   giving up     the owner leaves or is dead, the object lives: (RUN, row) -> (RUN, 0)
 *   freeing       (RUN, any) -> (RUN, row); head 0; each other = (0, row); first = (0, row); each = 0
 *
 * A death anywhere. Chunks that are (0, row) are given back with the row, as all such are. A run (RUN, row) whose head is 0 was on its way into
 * use or out of it: whoever reaps the row takes it apart, from the beginning; its other chunks are then REST, or (0, row), and nobody
 * else's. That head and that state belong together if the state is read after the head: for who frees changes the state first.
 *
 * Chunks in a row are found among the free ones, first fit; when there are none such, the broker is asked for new ones, to go with those
 * that are free at the end. */
#include "shared-mem/arena_private.h"
#include <errno.h>

static void set_state(Arena *a, uint32_t chunk, uint32_t state) {
    atomic_store_explicit(&arena_chunk(a, chunk)->state, state, memory_order_release);
    SHM_STEP();
}

uint64_t run_form(Arena *a, uint32_t first, uint32_t chunks) {
    ShmChunk *c = arena_chunk(a, first);
    atomic_store_explicit(&arena_object(a, arena_chunk_at(a, first))->head, 0, memory_order_relaxed);
    atomic_store_explicit(&c->run, chunks, memory_order_relaxed);
    atomic_store_explicit(&c->bump, 1, memory_order_relaxed);
    chunk_begins(a, first);
    arena_order();
    set_state(a, first, SHM_CHUNK_STATE(SHM_CLASS_RUN, a->row));
    for (uint32_t i = 1; i < chunks; i++)
        set_state(a, first + i, SHM_CHUNK_STATE(SHM_CLASS_REST, 0));
    return arena_chunk_at(a, first);
}

/* The run is (RUN, row), and nothing lies in it. */
static void take_apart(Arena *a, uint32_t first, uint32_t row) {
    uint32_t n = (uint32_t)run_length(a, first);
    for (uint32_t i = 1; i < n; i++)
        set_state(a, first + i, SHM_CHUNK_STATE(0, row));
    arena_order();
    set_state(a, first, SHM_CHUNK_STATE(0, row));
    for (uint32_t i = 0; i < n; i++)
        chunk_retire(a, first + i);
}

void run_free(Arena *a, uint32_t chunk) {
    _Atomic uint32_t *place = &arena_chunk(a, chunk)->state;
    uint32_t state = atomic_load_explicit(place, memory_order_acquire), own = SHM_CHUNK_STATE(SHM_CLASS_RUN, a->row);
    while (state != own) { /* partner: run_retire */
        if (SHM_CHUNK_CLASS(state) != SHM_CLASS_RUN)
            return;
        if (atomic_compare_exchange_weak_explicit(place, &state, own, memory_order_acq_rel, memory_order_acquire))
            break;
    }
    arena_order();
    atomic_store_explicit(&arena_object(a, arena_chunk_at(a, chunk))->head, 0, memory_order_release);
    arena_order();
    take_apart(a, chunk, a->row);
}

void run_retire(Arena *a, uint32_t chunk, uint32_t row) {
    SHM_STEP();
    uint64_t head = shm_head(arena_object(a, arena_chunk_at(a, chunk)));
    uint32_t owned = SHM_CHUNK_STATE(SHM_CLASS_RUN, row);
    SHM_STEP();
    if (head)
        atomic_compare_exchange_strong_explicit(&arena_chunk(a, chunk)->state, &owned,
                                                SHM_CHUNK_STATE(SHM_CLASS_RUN, 0), memory_order_acq_rel,
                                                memory_order_relaxed); /* partner: run_free */
    else if (arena_chunk_state(a, chunk) == owned)
        take_apart(a, chunk, row);
}

/* ---- chunks in a row ---- */

/* Those from `first` on, as far as they are still free. */
static uint32_t take_each(Arena *a, uint32_t first, uint32_t chunks) {
    for (uint32_t i = 0; i < chunks; i++)
        if (!chunk_take(a, first + i))
            return i;
    return chunks;
}

static void give_back(Arena *a, uint32_t first, uint32_t chunks) {
    for (uint32_t i = 0; i < chunks; i++)
        chunk_retire(a, first + i);
}

static int take_free(Arena *a, uint32_t chunks, uint32_t *ret_first) {
    for (uint32_t i = 0, found = 0, n = arena_committed(a); i < n; i++) {
        found = arena_chunk_state(a, i) == 0 ? found + 1 : 0;
        if (found < chunks)
            continue;
        uint32_t first = i + 1 - chunks, taken = take_each(a, first, chunks);
        if (taken == chunks) {
            *ret_first = first;
            return 0;
        }
        give_back(a, first, taken); /* somebody was faster */
        found = 0;
        i = first + taken;
    }
    return -ENOENT;
}

/* Others may take of what we commit, or commit less, at the same time. */
static int grow_alone(Arena *a, uint32_t chunks, uint32_t *ret_first) {
    for (uint32_t first;;) {
        int r = chunk_commit(a, chunks, chunks, &first);
        if (r < 0)
            return r;
        if (arena_committed(a) - first < chunks)
            continue;
        uint32_t taken = take_each(a, first, chunks);
        if (taken == chunks) {
            *ret_first = first;
            return 0;
        }
        give_back(a, first, taken);
    }
}

static int grow(Arena *a, uint32_t chunks, uint32_t *ret_first) {
    uint32_t first, count;
    int r = a->ops.grow ? a->ops.grow(a->ops.arg, chunks, 1, &first, &count) : -ENOMEM;
    if (r < 0)
        return r == -ENOTCONN ? grow_alone(a, chunks, ret_first) : r;
    uint32_t n = arena_committed(a);
    if (count != chunks || first > n || count > n - first)
        return -EPROTO;
    for (uint32_t i = 0; i < chunks; i++)
        if (arena_chunk_state(a, first + i) != SHM_CHUNK_STATE(0, a->row))
            return -EPROTO;
    *ret_first = first;
    return 0;
}

/* The last ones that there are, as far as they are free, and new ones behind them. */
static int extend(Arena *a, uint32_t chunks, uint32_t *ret_first) {
    uint32_t end = arena_committed(a), first = end, new;
    while (first && end - first < chunks - 1 && chunk_take(a, first - 1))
        first--;
    int r = first < end ? grow(a, chunks - (end - first), &new) : -ENOMEM;
    if (r == 0 && new == end) {
        *ret_first = first;
        return 0;
    }
    give_back(a, first, end - first);
    if (r == 0)
        give_back(a, new, chunks - (end - first)); /* others have some in between */
    return -ENOMEM;
}

int run_take(Arena *a, uint32_t chunks, uint32_t *ret_first) {
    chunk_give_back_spares(a);
    int32_t unowned = atomic_load_explicit(&a->header->unowned, memory_order_relaxed);
    if (unowned > 0)
        chunk_free_orphans(a, 0);
    if (unowned >= (int64_t)chunks && take_free(a, chunks, ret_first) == 0)
        return 0;
    if (extend(a, chunks, ret_first) == 0 || grow(a, chunks, ret_first) == 0)
        return 0;
    chunk_empty_all(a);
    return take_free(a, chunks, ret_first) == 0 ? 0 : extend(a, chunks, ret_first);
}
