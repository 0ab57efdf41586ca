/* Garbage: shared objects whose counts are too high, because somebody died between counting and storing (reap.c), and cycles.
 *
 * They are found from the roots, while everybody goes on working. Memory can be read at any time, but not what processes have in hand. Two
 * rules make that enough: (1) whoever has a reference to a shared object in hand, counted or not, is inside a call: in an epoch, or in a
 * pause of one; (2) who makes a new reference to an object counts it up, and counting up an object that is marked as being in limbo leaves
 * SHM_REFS_REVIVED (object.h). The steps:
 *   1. mark    what can be reached from the roots: rows, names, publications under way, private objects. The rest is suspect.
 *   2. flag    suspects get the mark of limbo, with their counts as they are.
 *   3. rest    wait until every process has been outside of calls once: what it had in hand at 2 it has stored, or given up.
 *   4. scan    all of memory, reachable or not: a suspect that something refers to which is no suspect is rescued, with all it refers
 *              to; so is one that was counted up since 2.
 *   5. rest    again.
 *   6. free    the suspects that have not been counted up by now.
 * Why. Between 3 and 6 a new reference to a suspect can only be made by counting it up (what was counted before 2 had found its place
 * by 3), and is noticed. So if nobody was, references to it only go away in that time. If 4 found none, then there is none in
 * memory from then on, and only who read one before it went away still has one in hand: he is inside a call, and 5 waits for him. It
 * does not matter that 1 misses what moves while it looks: that costs a rescue. 4 misses nothing that moves without being counted up, but
 * for names and publications, between which the broker moves objects: it counts that (`publications`), and they are looked at again.
 *
 * An object of a class that only another process knows (table_make_own) is no suspect, and each of its words is taken for a reference.
 * A count that travels, in a message to another process say, must be noted in the arena, or it is in nobody's hand.
 * Death of who collects: flagged objects are in its limbo, and whoever adopts them puts them back. */
#include "shared-mem/trace.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define SHORT_WAIT_MS 5
#define RETRY_MS 50
#define NAMES_TRIES 100

enum { UNSEEN = 0, SEEN, SUSPECT, RESCUED };

typedef struct Collect {
    Arena *a;
    uint8_t *state; /* per 16 bytes of the arena */
    size_t n;       /* in a->queue: objects whose references are still to be looked at */
    ArenaBatch found;
} Collect;

typedef void Refer(Collect *c, uint64_t child);

/* ---- what refers to what ---- */

static uint8_t *state_of(Collect *c, uint64_t object) {
    return &c->state[object / 16];
}

static void refer(Collect *c, uint64_t child, Refer *fn) {
    uint32_t chunk, size_class;
    if (shm_is_object(child) && check_block(c->a, child, &chunk, &size_class) == 0 &&
        SHM_HEAD_STATE(shm_head(arena_object(c->a, child))) == SHM_STATE_SHARED)
        fn(c, child);
}

typedef struct Referrer {
    Collect *c;
    Refer *fn;
} Referrer;

static void refer_from(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    const Referrer *r = arg;
    (void)a, (void)place;
    refer(r->c, child, r->fn);
}

static void each_ref(Collect *c, uint64_t object, uint64_t head, Refer *fn) {
    Arena *a = c->a;
    Referrer referrer = {.c = c, .fn = fn};
    const ArenaClass *class = arena_class(a, head);
    uint32_t chunk, size_class;
    if (check_block(a, object, &chunk, &size_class) < 0)
        return;
    if (class && tail_fits(a, object, class, size_class))
        arena_each_ref(a, object, class, refer_from, &referrer);
    else
        arena_each_word(a, object, arena_block_size(a, chunk, size_class), refer_from, &referrer);
}

static void drain(Collect *c, Refer *fn) {
    while (c->n) {
        uint64_t object = c->a->queue[--c->n];
        each_ref(c, object, shm_head(arena_object(c->a, object)), fn);
    }
}

/* ---- roots ---- */

static void each_entry(Collect *c, const _Atomic uint64_t *entries, uint32_t n, Refer *fn) {
    for (uint32_t i = 0; i < n; i++)
        refer(c, atomic_load_explicit(&entries[i], memory_order_acquire), fn);
}

static void each_noted(Collect *c, ShmNote *note, Refer *fn) {
    uint64_t object = atomic_load_explicit(&note->object, memory_order_acquire);
    if (!object || (object & 15) == SHM_NOTE_CANCELLED)
        return; /* it is free, whatever its `old` was */
    refer(c, object & ~(uint64_t)15, fn);
    refer(c, atomic_load_explicit(&note->old, memory_order_acquire), fn);
}

/* The names, and all that is on its way to or from one, as they were at one instant; -EAGAIN: no broker brings that about. */
static int each_name(Collect *c, Refer *fn) {
    Arena *a = c->a;
    for (int i = 0; i < NAMES_TRIES; i++) {
        uint64_t version = atomic_load_explicit(&a->header->publications, memory_order_acquire);
        uint32_t top = atomic_load_explicit(&a->header->top_name, memory_order_acquire);
        each_entry(c, a->names, top < ARENA_MAX_NAMES ? top : ARENA_MAX_NAMES, fn);
        for (uint32_t row = 1, rows = arena_rows_used(a); row < rows; row++)
            for (uint32_t k = 0; k < SHM_ROW_NOTES; k++)
                each_noted(c, &arena_row(a, row)->notes[k], fn);
        atomic_thread_fence(memory_order_acquire);
        if (!(version & 1) && atomic_load_explicit(&a->header->publications, memory_order_relaxed) == version)
            return 0;
        if (version & 1)
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return -EAGAIN;
}

static int each_root(Collect *c, Refer *fn) {
    Arena *a = c->a;
    for (uint32_t row = 1, rows = arena_rows_used(a); row < rows; row++)
        each_entry(c, arena_row(a, row)->roots, SHM_ROW_ROOTS, fn);
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        if (SHM_CHUNK_CLASS(arena_chunk_state(a, i)) == SHM_CLASS_ROOTS)
            each_entry(c, (_Atomic uint64_t *)(a->base + arena_chunk_at(a, i)), SHM_CHUNK_ROOTS, fn);
    return each_name(c, fn);
}

static void each_object(Collect *c, ChunkVisit *fn) {
    for (uint32_t i = 0, n = arena_committed(c->a); i < n; i++)
        chunk_each_object(c->a, i, fn, c);
}

/* ---- 1. mark ---- */

static void mark(Collect *c, uint64_t object) {
    if (*state_of(c, object) != UNSEEN)
        return;
    *state_of(c, object) = SEEN;
    c->a->queue[c->n++] = object;
}

static void mark_of_private(Arena *a, uint64_t object, uint64_t head, void *arg) {
    (void)a;
    if (SHM_HEAD_STATE(head) == SHM_STATE_PRIVATE)
        each_ref(arg, object, head, mark);
    drain(arg, mark);
}

static void mark_all(Collect *c) {
    (void)each_root(c, mark); /* what it misses is rescued */
    drain(c, mark);
    each_object(c, mark_of_private);
}

/* ---- 2. flag ---- */

static void flag(Arena *a, uint64_t object, uint64_t head, void *arg) {
    Collect *c = arg;
    uint64_t entry;
    if (SHM_HEAD_STATE(head) != SHM_STATE_SHARED || (head & SHM_SHARING) || *state_of(c, object) != UNSEEN ||
        !arena_class(a, head) || !limbo_flag(a, object, head, &entry))
        return;
    *state_of(c, object) = SUSPECT;
    limbo_push(&c->found, entry);
}

/* ---- 3., 5. rest ---- */

typedef struct Rest {
    uint64_t active, pauses;
    int waits, paused;
} Rest;

/* Outside of calls at this instant. */
static int is_at_rest(const ShmRow *row) {
    uint64_t active = atomic_load_explicit(&row->active, memory_order_acquire);
    uint64_t depth = atomic_load_explicit(&row->depth, memory_order_acquire);
    return !(active & 1) && !depth && atomic_load_explicit(&row->active, memory_order_acquire) == active;
}

/* It was inside, and has come out since. What pauses in between may be the same call still. */
static int has_rested(const ShmRow *row, const Rest *r) {
    return !r->paused && atomic_load_explicit(&row->active, memory_order_acquire) != r->active &&
           atomic_load_explicit(&row->pauses, memory_order_acquire) == r->pauses;
}

static int still_waits(Arena *a, uint32_t i, const Rest *r) {
    const ShmRow *row = arena_row(a, i);
    return SHM_ROW_KIND(atomic_load_explicit(&row->state, memory_order_acquire)) == SHM_ROW_LIVE && !is_at_rest(row) &&
           !has_rested(row, r);
}

static void note_all(Arena *a, Rest *rest, uint32_t n) {
    limbo_barrier();
    for (uint32_t i = 1; i < n; i++) {
        const ShmRow *row = arena_row(a, i);
        uint64_t pauses = atomic_load_explicit(&row->pauses, memory_order_acquire);
        int paused = atomic_load_explicit(&row->depth, memory_order_acquire) != 0;
        uint64_t active = atomic_load_explicit(&row->active, memory_order_acquire);
        rest[i] = (Rest){
            .active = active, .pauses = pauses, .paused = paused, .waits = i != a->row && (paused || (active & 1))};
    }
}

/* 0, or -EAGAIN: somebody has not come out in time. */
static int everybody_rests(Arena *a, int milliseconds) {
    Rest rest[ARENA_MAX_ROWS];
    uint32_t n = arena_rows_used(a);
    int64_t end = limbo_now_ms() + milliseconds;
    note_all(a, rest, n);
    for (uint32_t i = 1; i < n; i++)
        while (rest[i].waits && (rest[i].waits = still_waits(a, i, &rest[i]))) {
            if (limbo_now_ms() > end)
                return -EAGAIN;
            nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
            proof_bury(a, i);
        }
    return 0;
}

/* ---- 4. scan ---- */

static void rescue(Collect *c, uint64_t object) {
    if (*state_of(c, object) != SUSPECT)
        return;
    *state_of(c, object) = RESCUED;
    c->a->queue[c->n++] = object;
}

static void rescue_referred(Arena *a, uint64_t object, uint64_t head, void *arg) {
    (void)a;
    if (*state_of(arg, object) != SUSPECT)
        each_ref(arg, object, head, rescue);
    drain(arg, rescue);
}

static void rescue_revived(Collect *c) {
    for (size_t i = 0; i < c->found.n; i++) {
        uint64_t object = limbo_entry_object(c->found.v[i]);
        if (atomic_load_explicit(&arena_object(c->a, object)->refs, memory_order_acquire) & SHM_REFS_REVIVED)
            rescue(c, object);
    }
    drain(c, rescue);
}

static int scan(Collect *c) {
    each_object(c, rescue_referred);
    int r = each_root(c, rescue);
    rescue_revived(c);
    return r;
}

/* ---- 6. free ---- */

/* What refers to garbage is garbage; what garbage refers to need not be. */
static void let_go(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    atomic_store_explicit(place, JITD_UNSET, memory_order_relaxed);
    if (*state_of(arg, child) != SUSPECT)
        release_count(a, child);
}

static void let_go_of_all(Collect *c, uint64_t object) {
    arena_each_ref(c->a, object, arena_class(c->a, shm_head(arena_object(c->a, object))), let_go, c);
}

static int free_suspects(Collect *c) {
    Arena *a = c->a;
    int freed = 0;
    for (size_t i = 0; i < c->found.n; i++)
        if (*state_of(c, limbo_entry_object(c->found.v[i])) == SUSPECT)
            let_go_of_all(c, limbo_entry_object(c->found.v[i]));
        else
            limbo_put_back(a, c->found.v[i]);
    arena_order();
    for (size_t i = 0; i < c->found.n; i++) {
        uint64_t object = limbo_entry_object(c->found.v[i]);
        if (*state_of(c, object) != SUSPECT)
            continue;
        chunk_free(a, object);
        freed++;
        SHM_STEP();
    }
    return freed;
}

static int judge_found(Collect *c, int milliseconds) {
    Arena *a = c->a;
    int r = everybody_rests(a, milliseconds);
    if (r == 0) {
        arena_enter(a);
        r = scan(c);
        arena_leave(a);
    }
    if (r == 0)
        r = everybody_rests(a, milliseconds);
    arena_enter(a);
    if (r == 0)
        rescue_revived(c);
    for (size_t i = 0; r < 0 && i < c->found.n; i++)
        *state_of(c, limbo_entry_object(c->found.v[i])) = RESCUED;
    int freed = free_suspects(c);
    arena_leave(a);
    return r < 0 ? r : freed;
}

int arena_collect(Arena *a, int milliseconds) {
    if (a->epoch.nest || atomic_load_explicit(&a->me->depth, memory_order_relaxed))
        return -EBUSY;
    Collect c = {.a = a};
    size_t bytes = a->size / 16;
    c.state = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c.state == MAP_FAILED)
        return -ENOMEM;
    arena_enter(a);
    mark_all(&c);
    each_object(&c, flag);
    arena_leave(a);
    int r = c.found.n ? judge_found(&c, milliseconds) : 0;
    munmap(c.state, bytes);
    free(c.found.v);
    return r;
}

/* What the dead left behind is looked for at once, but it takes the time that all of memory takes: so a tenth of ours at most. */
void collect_now_and_then(Arena *a) {
    int64_t begin = limbo_now_ms();
    if (begin < a->collect_after)
        return;
    int r = arena_collect(a, SHORT_WAIT_MS);
    int64_t end = limbo_now_ms();
    a->collect_after = end + 10 * (end - begin);
    if (r >= 0)
        a->garbage = 0;
    else if (a->collect_after < end + RETRY_MS)
        a->collect_after = end + RETRY_MS;
}
