/* Epochs and limbo: when the memory of a shared object may be used again.
 *
 * Readers follow references without counting them, inside an epoch (arena_enter). When a shared object's count falls to zero, nothing
 * refers to it any more, but readers that are inside an epoch at that time may still have it in hand. So it goes to limbo, and is freed
 * when each of them has left. "Each" is found out by the one who frees: a membarrier makes every process's entries visible (readers pay
 * for no fence), then the rows' `active` words are noted, and limbo ends when each odd one has changed or its row is no longer live.
 *
 * Revival. A reader may store what it has in hand, so counting the object up from zero. Counting up an object in limbo leaves
 * SHM_REFS_REVIVED behind (shm_incref_shared). Claim: if its count was zero when limbo began (SHM_REFS_DEAD), is zero at the end, and the mark
 * is missing, nobody can reach the object. For the *first* one to count it up must have had it in hand since before limbo began (there was no reference to read it
 * from), so it was inside an epoch that has ended by now, and so its mark is visible. It does not matter who else read it, stored it, or
 * dropped it in the meantime, nor that the count may be zero again. An object that was revived and has fallen to zero again is marked
 * unrevived and waits a second time: the same claim from then on. If the first reviver is killed between count and mark, its count stays
 * for ever, and a count above zero keeps the object.
 *
 * Families. An object whose only reference comes from an object that enters limbo can be reached only through that one, so the claim holds
 * for it, too: it enters limbo at the same time, with a count of 1 (otherwise a shared list of a million nodes would take a
 * million epochs to free). That its one reference is the parent's is seen by looking at the parent's field again afterwards: who moved it
 * elsewhere before had counted it up and emptied the field, who does it later leaves the mark. At the end parents are judged before their children (the order in the batch): a dead parent's
 * reference is counted down, and a child whose count falls to zero by that, and which was not revived, is dead as well. If the parent was revived, the
 * child has count 1 and simply leaves limbo.
 *
 * Zero is not dead. A revived parent can be read again, by some who came when we waited already, and its child be taken off it under their eyes:
 * that leaves a count of zero and no mark. Nor has everything in limbo a count of zero from the beginning: what a collector flagged and then
 * rescued can be reached all the time (limbo_put_back), and who adopts what a dead one had there cannot tell (limbo_adopt). So only what is
 * SHM_REFS_DEAD is freed. What is found with a count of zero and without that waits anew, from an instant when nothing referred to it
 * (tests/models/limbo.pml).
 *
 * Sleepers. A process that is stopped inside an epoch, or sleeps there, would keep all that dies from being freed, for ever. But what
 * became shared after it ran last it cannot have in hand: it has not read anything since. So objects know the era in which they became
 * shared (in `link`). Who waits for long notes how much processor time each process that it waits for has used, and begins a new era
 * then: whoever shares an object in that era or a later one does it after the noting. If LONG_MS after the objects entered limbo such a
 * process has still used no more, and runs on no processor, then it has not run between the noting and the objects' end, and those
 * of its era or later are judged without it. The others are kept apart until it moves (`held`), so that it costs what was alive when it
 * fell asleep, at most. (Processor time is brought up to date when a process leaves the processor, and by the clock's ticks: hence
 * LONG_MS.) A judged child whose parent is held has its parent's count and merely leaves limbo.
 *
 * Entering limbo is one compare-and-swap of refs and link together: it decides between two that saw the count fall to zero, and names the
 * row that has the object. The list itself is private memory: if its process dies, the objects are found by that name, in the chunks that
 * the row's bitmap names (set before, limbo_adopt). What is freed twice over by such a finder is excluded by `bit set`, see there. */
#include "shared-mem/trace.h"
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FAMILY_MAX 65536 /* members that enter limbo at once */
#define SOON_MS 3        /* a wait that takes longer is looked into, */
#define LONG_MS                                                                                                        \
    100 /* and after that long who has not run since is passed by: processor time is counted at least that often */

static int membarrier(int command) {
    return (int)syscall(SYS_membarrier, command, 0, 0);
}

void limbo_init(Arena *a) {
    a->epoch.active = &a->me->active;
    a->epoch.nest = a->epoch.pins = 0;
    memset(a->asleep, 0, sizeof a->asleep);
    a->epoch.fence = membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) < 0;
}

/* Every store that any process made before now is visible to us afterwards. Without membarrier (an old kernel, a strict seccomp filter) the
 * readers that know of it use fences; for others we wait far longer than a store can stay in a processor's buffer. */
void limbo_barrier(void) {
    if (membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) < 0 && membarrier(MEMBARRIER_CMD_GLOBAL) < 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    atomic_thread_fence(memory_order_seq_cst);
}

/* ---- entering ---- */

static inline uint32_t entry_era(uint64_t entry) {
    return (uint32_t)(entry >> LIMBO_ERA_BIT);
}

void limbo_push(ArenaBatch *batch, uint64_t entry) {
    if (batch->n == batch->cap) {
        size_t cap = batch->cap ? batch->cap * 2 : 1024;
        uint64_t *v = realloc(batch->v, cap * sizeof *v);
        if (!v)
            return; /* it stays named in the arena and comes back when this process ends */
        batch->v = v;
        batch->cap = cap;
    }
    batch->v[batch->n++] = entry;
}

static void note_chunk(Arena *a, uint64_t object) {
    uint32_t bit = arena_chunk_of(a, object) % SHM_ROW_LIMBO_BITS;
    _Atomic uint64_t *word = &a->me->limbo[bit / 64];
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    if (!(old >> bit % 64 & 1))
        atomic_store_explicit(word, old | 1ull << bit % 64, memory_order_relaxed);
    arena_order();
}

/* From a count of `count`, or whatever (ANY_COUNT), and not in limbo, to limbo; 0 if it is not in that state (any more). */
#define ANY_COUNT UINT32_MAX

static int mark_limbo(Arena *a, uint64_t object, uint32_t count, uint64_t *ret_entry) {
    _Atomic uint64_t *word = shm_count_word(arena_object(a, object));
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed), era;
    uint32_t dead;
    int noted = 0;
    do {
        era = old >> 32;
        if ((count != ANY_COUNT && (uint32_t)old != count) || ((uint32_t)old & ~SHM_REFS_COUNT) || era > SHM_ERA_MAX)
            return 0;
        if (!noted++)
            note_chunk(a, object);
        dead = (uint32_t)old ? 0 : SHM_REFS_DEAD;
    } while (!atomic_compare_exchange_weak_explicit(
        word, &old, SHM_COUNT((uint32_t)old | dead | SHM_REFS_LIMBO, SHM_LINK_LIMBO(a->row)), memory_order_seq_cst,
        memory_order_relaxed));
    arena_order();
    *ret_entry = object | era << LIMBO_ERA_BIT;
    return 1;
}

static int enter_limbo(Arena *a, uint64_t object, uint32_t count) {
    uint64_t entry;
    if (!mark_limbo(a, object, count, &entry))
        return 0;
    limbo_push(&a->filling, entry);
    return 1;
}

/* What has been in limbo since before our epoch may be freed at any time, and then the word is a link of somebody's free list. If the head
 * is the same after the word was seen without limbo's mark, it was an object then, and none that is freed before our epoch ends. */
int limbo_flag(Arena *a, uint64_t object, uint64_t head, uint64_t *ret_entry) {
    uint64_t word = atomic_load_explicit(shm_count_word(arena_object(a, object)), memory_order_acquire);
    if (((uint32_t)word & ~SHM_REFS_COUNT) || word >> 32 > SHM_ERA_MAX || shm_head(arena_object(a, object)) != head)
        return 0;
    return mark_limbo(a, object, ANY_COUNT, ret_entry);
}

/* What was not found to be garbage leaves limbo as others do, but it may have been in everybody's hands all the time. */
void limbo_put_back(Arena *a, uint64_t entry) {
    atomic_fetch_or_explicit(&arena_object(a, limbo_entry_object(entry))->refs, SHM_REFS_REVIVED, memory_order_relaxed);
    limbo_push(&a->filling, entry);
}

static void enter_child(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    (void)arg;
    if (!enter_limbo(a, child, 1))
        return;
    if (atomic_load_explicit(place, memory_order_seq_cst) !=
        child) /* its one reference is elsewhere: anybody may find it */
        atomic_fetch_or_explicit(&arena_object(a, child)->refs, SHM_REFS_REVIVED, memory_order_relaxed);
}

static void enter_children(Arena *a, uint64_t object) {
    const ArenaClass *c = arena_class(a, shm_head(arena_object(a, object)));
    if (c)
        arena_each_ref(a, object, c, enter_child, NULL);
}

void limbo_retire(Arena *a, uint64_t object) {
    size_t first = a->filling.n;
    if (!enter_limbo(a, object, 0))
        return;
    for (size_t i = first; i < a->filling.n && i - first < FAMILY_MAX; i++)
        enter_children(a, limbo_entry_object(a->filling.v[i]));
}

/* ---- waiting ---- */

int64_t limbo_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void begin_wait(Arena *a) {
    ArenaBatch empty = a->waiting;
    a->waiting = a->filling;
    a->filling = empty;
    a->waits_since = limbo_now_ms();
    limbo_barrier();
    a->nseen = arena_rows_used(a);
    for (uint32_t i = 0; i < a->nseen; i++) {
        uint64_t active =
            atomic_load_explicit(&arena_row(a, i)->active, memory_order_acquire); /* partner: arena_leave */
        a->seen[i] = active & 1 ? active : 0;
    }
}

/* Whether all rows have left that were seen inside. */
static int is_over(Arena *a, uint64_t *seen, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        ShmRow *row = arena_row(a, i);
        if (!seen[i])
            continue;
        if (SHM_ROW_KIND(atomic_load_explicit(&row->state, memory_order_acquire)) == SHM_ROW_LIVE &&
            atomic_load_explicit(&row->active, memory_order_acquire) == seen[i])
            return 0;
        seen[i] = 0;
    }
    return 1;
}

/* ---- leaving ---- */

static void destroy(Arena *a, uint64_t object) {
    if (!release_refs(a, object, shm_head(arena_object(a, object)), 0))
        return;
    arena_order();
    chunk_free(a, object);
}

static void judge(Arena *a, uint64_t entry) {
    uint64_t object = limbo_entry_object(entry);
    _Atomic uint64_t *word = shm_count_word(arena_object(a, object));
    uint64_t old = atomic_load_explicit(word, memory_order_acquire), new;
    for (;;) {
        uint32_t refs = (uint32_t)old, count = refs & SHM_REFS_COUNT;
        if (refs == (SHM_REFS_LIMBO | SHM_REFS_DEAD)) {
            destroy(a, object);
            return;
        }
        new = count ? SHM_COUNT(count, entry_era(entry))
                    : SHM_COUNT(SHM_REFS_LIMBO | SHM_REFS_DEAD, SHM_LINK_LIMBO(a->row));
        if (!atomic_compare_exchange_weak_explicit(word, &old, new, memory_order_acq_rel, memory_order_acquire))
            continue;
        if (!count)
            limbo_push(&a->filling, entry);
        return;
    }
}

static void empty_batch(ArenaBatch *batch) {
    batch->n = 0;
    if (batch->cap > 4 * FAMILY_MAX) { /* an unusual day */
        free(batch->v);
        *batch = (ArenaBatch){0};
    }
}

static void judge_all(Arena *a, ArenaBatch *batch) {
    for (size_t i = 0; i < batch->n; i++)
        judge(a, batch->v[i]); /* what falls to zero by that goes into the filling one */
    empty_batch(batch);
}

/* ---- sleepers ---- */

/* The row's process has not run since the era that is noted for it; else it is noted anew, in the next era. */
static int sleeps(Arena *a, uint32_t row, uint32_t *new_era) {
    ArenaSleeper *s = &a->asleep[row];
    uint64_t used = proof_processor_time(a, row);
    if (used && s->active == a->seen[row] && s->used == used && !proof_runs(a, row))
        return 1;
    if (!*new_era) {
        uint32_t era = atomic_load_explicit(&a->header->era, memory_order_relaxed);
        if (era < SHM_ERA_MAX)
            era = atomic_fetch_add_explicit(&a->header->era, 1, memory_order_seq_cst) + 1; /* partner: share_object */
        *new_era = era;
    }
    *s = (ArenaSleeper){.active = a->seen[row], .used = used, .era = *new_era < SHM_ERA_MAX ? *new_era : UINT32_MAX};
    return 0;
}

/* Looks at all that are waited for: 0, or the era from which on none of them can have anything in hand. */
static uint32_t all_sleep_since(Arena *a) {
    uint32_t era = 0, new_era = 0;
    int all = 1;
    for (uint32_t i = 0; i < a->nseen; i++) {
        if (!a->seen[i])
            continue;
        if (i == a->row || proof_bury(a, i) || !sleeps(a, i, &new_era))
            all = 0;
        else if (a->asleep[i].era > era)
            era = a->asleep[i].era;
    }
    return all ? era : 0;
}

static void pass_by(Arena *a, uint32_t era) {
    for (uint32_t i = 0; i < ARENA_MAX_ROWS; i++)
        if (i < a->nseen && a->seen[i])
            a->held_seen[i] = a->seen[i];
    for (size_t i = 0; i < a->waiting.n; i++)
        if (entry_era(a->waiting.v[i]) >= era)
            judge(a, a->waiting.v[i]);
        else
            limbo_push(&a->held, a->waiting.v[i]);
    empty_batch(&a->waiting);
}

/* A wait that takes long: are we waiting for the dead, or for a sleeper? */
static void look_into_it(Arena *a) {
    int64_t now = limbo_now_ms(), waited = now - a->waits_since;
    int64_t next = a->looked < a->waits_since ? a->waits_since + SOON_MS : a->looked + LONG_MS;
    if (now < next)
        return;
    a->looked = now;
    uint32_t era = all_sleep_since(a);
    if (era && waited >= LONG_MS)
        pass_by(a, era);
}

/* ---- */

int limbo_empty(const Arena *a) {
    return !a->filling.n && !a->waiting.n && !a->held.n;
}

void limbo_poll(Arena *a, size_t batch) {
    arena_enter(a); /* freeing follows references, too; what began to wait before does not wait for this */
    size_t before = a->waiting.n + a->held.n;
    if (a->waiting.n && is_over(a, a->seen, a->nseen))
        judge_all(a, &a->waiting);
    else if (a->waiting.n)
        look_into_it(a);
    if (a->held.n && is_over(a, a->held_seen, ARENA_MAX_ROWS))
        judge_all(a, &a->held);
    if (before && limbo_empty(a))
        for (uint32_t i = 0; i < SHM_ROW_LIMBO_WORDS; i++)
            atomic_store_explicit(&a->me->limbo[i], 0, memory_order_relaxed);
    arena_leave(a);
    if (!a->waiting.n && a->filling.n >= batch)
        begin_wait(a);
}

void limbo_deinit(Arena *a) {
    free(a->filling.v);
    free(a->waiting.v);
    free(a->held.v);
    a->filling = a->waiting = a->held = (ArenaBatch){0};
}

void arena_poll(Arena *a) {
    if (!a->epoch.nest && atomic_load_explicit(&a->header->deaths, memory_order_relaxed) != a->deaths)
        arena_reap(a); /* somebody died: nobody else may be awake to be told of it */
    else if (a->garbage && !a->epoch.nest)
        collect_now_and_then(a);
    limbo_poll(a, 1);
    if (a->waiting.n && !a->epoch.nest)
        limbo_poll(a, 1); /* nobody inside: no need to wait for the next time */
}

/* ---- deaths ---- */

/* The object is in the limbo of the dead row arg: make it ours, by one compare-and-swap of the name, and wait anew: it may have been there as a
 * suspect, or as the child of one that was revived. The dead one may have freed it in a
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
        if (atomic_compare_exchange_weak_explicit(word, &old,
                                                  SHM_COUNT((uint32_t)old | SHM_REFS_REVIVED, SHM_LINK_LIMBO(a->row)),
                                                  memory_order_acq_rel, memory_order_acquire)) {
            limbo_push(&a->filling, object);
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
