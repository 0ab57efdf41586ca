/* Epochs and limbo: when the memory of a shared object may be used again.
 *
 * Readers follow references without counting them, inside an epoch (arena_enter). When a shared object's count falls to zero, nothing
 * refers to it any more, but readers that are inside an epoch at that time may still have it in hand. So it goes to limbo, and is freed
 * when each of them has left. "Each" is found out by the one who frees: a membarrier makes every process's entries visible (readers pay
 * for no fence), then the rows' `active` words are noted, and limbo ends when each odd one has changed or its row is no longer live.
 *
 * Revival. A reader may store what it has in hand, so counting the object up from zero. Counting up an object in limbo leaves
 * SHM_REFS_REVIVED behind (shm_incref_shared). Claim: if the mark is missing at the end of limbo and the count is zero, nobody can reach
 * the object. For the *first* one to count it up must have had it in hand since before limbo began (there was no reference to read it
 * from), so it was inside an epoch that has ended by now, and so its mark is visible. It does not matter who else read it, stored it, or
 * dropped it in the meantime, nor that the count may be zero again. An object that was revived and has fallen to zero again is marked
 * unrevived and waits a second time: the same claim from then on. If the first reviver is killed between count and mark, its count stays
 * for ever, and a count above zero keeps the object.
 *
 * Families. An object whose only reference comes from an object that enters limbo can be reached only through that one, so the claim holds
 * for it, too: it enters limbo at the same time, with a count of 1 (otherwise a shared list of a million nodes would take a
 * million epochs to free). That its one reference is the parent's is seen by looking at the parent's field again afterwards: who moved it
 * elsewhere before had counted it up and emptied the field, who does it later leaves the mark. At the end parents are judged before their children (the order in the batch): a dead parent's
 * reference is counted down, and a child whose count is then zero and which was not revived is dead as well. If the parent was revived, the
 * child has count 1 and simply leaves limbo.
 *
 * Entering limbo is one compare-and-swap of refs and link together: it decides between two that saw the count fall to zero, and names the
 * row that has the object. The list itself is private memory: if its process dies, the objects are found by that name, in the chunks that
 * the row's bitmap names (set before, limbo_adopt). What is freed twice over by such a finder is excluded by `bit set`, see there. */
#include "shared-mem/arena_private.h"
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FAMILY_MAX 65536 /* members that enter limbo at once */

static int membarrier(int command) {
    return (int)syscall(SYS_membarrier, command, 0, 0);
}

void limbo_init(Arena *a) {
    a->epoch.active = &a->me->active;
    a->epoch.nest = 0;
    a->epoch.fence = membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) < 0;
}

/* Every store that any process made before now is visible to us afterwards. Without membarrier (an old kernel, a strict seccomp filter) the
 * readers that know of it use fences; for others we wait far longer than a store can stay in a processor's buffer. */
static void barrier_all(void) {
    if (membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) < 0 && membarrier(MEMBARRIER_CMD_GLOBAL) < 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    atomic_thread_fence(memory_order_seq_cst);
}

/* ---- entering ---- */

static void batch_push(ArenaBatch *batch, uint64_t object) {
    if (batch->n == batch->cap) {
        size_t cap = batch->cap ? batch->cap * 2 : 1024;
        uint64_t *v = realloc(batch->v, cap * sizeof *v);
        if (!v)
            return; /* it stays named in the arena and comes back when this process ends */
        batch->v = v;
        batch->cap = cap;
    }
    batch->v[batch->n++] = object;
}

static void note_chunk(Arena *a, uint64_t object) {
    uint32_t bit = arena_chunk_of(a, object) % SHM_ROW_LIMBO_BITS;
    _Atomic uint64_t *word = &a->me->limbo[bit / 64];
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    if (!(old >> bit % 64 & 1))
        atomic_store_explicit(word, old | 1ull << bit % 64, memory_order_relaxed);
    arena_order();
}

/* From count `count`, not in limbo, to limbo; 0 if it is not in that state (any more). */
static int enter_limbo(Arena *a, uint64_t object, uint32_t count) {
    _Atomic uint64_t *word = shm_count_word(arena_object(a, object));
    uint64_t old = SHM_COUNT(count, 0), new = SHM_COUNT(count | SHM_REFS_LIMBO, SHM_LINK_LIMBO(a->row));
    if (atomic_load_explicit(word, memory_order_relaxed) != old)
        return 0;
    note_chunk(a, object);
    if (!atomic_compare_exchange_strong_explicit(word, &old, new, memory_order_seq_cst, memory_order_relaxed))
        return 0;
    arena_order();
    batch_push(&a->filling, object);
    return 1;
}

static void enter_children(Arena *a, uint64_t object) {
    const ArenaClass *c = arena_class(a, shm_head(arena_object(a, object)));
    for (uint32_t i = 0; c && i < c->nrefs; i++) {
        _Atomic uint64_t *field = arena_field(a, object, c->refs[i]);
        uint64_t child = atomic_load_explicit(field, memory_order_acquire);
        if (!shm_is_object(child) || !enter_limbo(a, child, 1))
            continue;
        if (atomic_load_explicit(field, memory_order_seq_cst) !=
            child) /* its one reference is elsewhere: anybody may find it */
            atomic_fetch_or_explicit(&arena_object(a, child)->refs, SHM_REFS_REVIVED, memory_order_relaxed);
    }
}

void limbo_retire(Arena *a, uint64_t object) {
    size_t first = a->filling.n;
    if (!enter_limbo(a, object, 0))
        return;
    for (size_t i = first; i < a->filling.n && i - first < FAMILY_MAX; i++)
        enter_children(a, a->filling.v[i]);
}

/* ---- leaving ---- */

static void begin_wait(Arena *a) {
    ArenaBatch empty = a->waiting;
    a->waiting = a->filling;
    a->filling = empty;
    barrier_all();
    uint32_t n = atomic_load_explicit(&a->header->top_row, memory_order_acquire);
    a->nseen = n < ARENA_MAX_ROWS ? n : ARENA_MAX_ROWS;
    for (uint32_t i = 0; i < a->nseen; i++) {
        uint64_t active =
            atomic_load_explicit(&arena_row(a, i)->active, memory_order_acquire); /* partner: arena_leave */
        a->seen[i] = active & 1 ? active : 0;
    }
}

static int wait_is_over(Arena *a) {
    for (uint32_t i = 0; i < a->nseen; i++) {
        ShmRow *row = arena_row(a, i);
        if (!a->seen[i])
            continue;
        if (SHM_ROW_KIND(atomic_load_explicit(&row->state, memory_order_acquire)) == SHM_ROW_LIVE &&
            atomic_load_explicit(&row->active, memory_order_acquire) == a->seen[i])
            return 0;
        a->seen[i] = 0;
    }
    return 1;
}

static void destroy(Arena *a, uint64_t object) {
    uint64_t head = shm_head(arena_object(a, object));
    const ArenaClass *c = arena_class(a, head);
    release_fields(a, object, head, 0);
    arena_order();
    if (c)
        chunk_free_shared(a, object, c);
}

static void judge(Arena *a, uint64_t object) {
    _Atomic uint64_t *word = shm_count_word(arena_object(a, object));
    uint64_t old = atomic_load_explicit(word, memory_order_acquire), new;
    for (;;) {
        uint32_t refs = (uint32_t)old, count = refs & SHM_REFS_COUNT;
        if (refs == SHM_REFS_LIMBO) {
            destroy(a, object);
            return;
        }
        new = count ? SHM_COUNT(count, 0) : SHM_COUNT(SHM_REFS_LIMBO, SHM_LINK_LIMBO(a->row));
        if (!atomic_compare_exchange_weak_explicit(word, &old, new, memory_order_acq_rel, memory_order_acquire))
            continue;
        if (!count)
            batch_push(&a->filling, object);
        return;
    }
}

static void end_wait(Arena *a) {
    for (size_t i = 0; i < a->waiting.n; i++)
        judge(a, a->waiting.v[i]); /* what falls to zero by that goes into the other batch */
    a->waiting.n = 0;
    if (a->waiting.cap > 4 * FAMILY_MAX) { /* an unusual day */
        free(a->waiting.v);
        a->waiting = (ArenaBatch){0};
    }
}

int limbo_empty(const Arena *a) {
    return !a->filling.n && !a->waiting.n;
}

void limbo_poll(Arena *a, size_t batch) {
    arena_enter(a); /* freeing follows references, too; what began to wait before does not wait for this */
    if (a->waiting.n && wait_is_over(a)) {
        end_wait(a);
        if (limbo_empty(a))
            for (uint32_t i = 0; i < SHM_ROW_LIMBO_WORDS; i++)
                atomic_store_explicit(&a->me->limbo[i], 0, memory_order_relaxed);
    }
    arena_leave(a);
    if (!a->waiting.n && a->filling.n >= batch)
        begin_wait(a);
}

void limbo_deinit(Arena *a) {
    free(a->filling.v);
    free(a->waiting.v);
    a->filling = a->waiting = (ArenaBatch){0};
}

void arena_poll(Arena *a) {
    limbo_poll(a, 1);
    if (a->waiting.n && !a->epoch.nest)
        limbo_poll(a, 1); /* nobody inside: no need to wait for the next time */
}

/* ---- deaths ---- */

/* The object is in the limbo of the dead row arg: make it ours, by one compare-and-swap of the name. The dead one may have freed it in a
 * foreign chunk already: then its bit was set before we came, and chunk_each_object passes over it. If the bit is clear, either it
 * was never set, or the owner took the block in since, and then the name is gone, because an owner overwrites it before it clears the bit. */
static void adopt_one(Arena *a, uint64_t object, uint64_t head, void *arg) {
    uint32_t row = *(uint32_t *)arg;
    _Atomic uint64_t *word = shm_count_word(arena_object(a, object));
    uint64_t old = atomic_load_explicit(word, memory_order_acquire);
    if (SHM_HEAD_STATE(head) != SHM_STATE_SHARED || old >> 32 != SHM_LINK_LIMBO(row))
        return;
    note_chunk(a, object);
    while (old >> 32 == SHM_LINK_LIMBO(row))
        if (atomic_compare_exchange_weak_explicit(word, &old, SHM_COUNT((uint32_t)old, SHM_LINK_LIMBO(a->row)),
                                                  memory_order_acq_rel, memory_order_acquire)) {
            batch_push(&a->filling, object);
            return;
        }
}

void limbo_adopt(Arena *a, uint32_t row) {
    uint32_t n = arena_committed(a);
    for (uint32_t bit = 0; bit < SHM_ROW_LIMBO_BITS; bit++) {
        _Atomic uint64_t *word = &arena_row(a, row)->limbo[bit / 64];
        if (!(atomic_load_explicit(word, memory_order_relaxed) >> bit % 64 & 1))
            continue;
        for (uint32_t chunk = bit; chunk < n; chunk += SHM_ROW_LIMBO_BITS)
            chunk_each_object(a, chunk, adopt_one, &row);
        atomic_fetch_and_explicit(word, ~(1ull << bit % 64), memory_order_relaxed);
        SHM_STEP();
    }
}
