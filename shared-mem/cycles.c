/* Garbage among private objects: cycles, and what hangs on them.
 *
 * Only this process refers to a private object, only private objects do, and all that has one in hand where no compiled code runs has counted it.
 * So where none runs, the counts tell: what has more of them than there are references to it in private objects is held by something else (a
 * proxy, a suspended function), and so is all that can be reached from there. The rest is garbage. A proxy that stays although Python has let it
 * go (ARENA_LINK_HELD) holds no count: whether it has something to lose says ArenaOps.keeps.
 *
 * It takes the time that all private memory of the process takes. So it is done when that has doubled since (arena_wants_cycles), or when it is
 * asked for. Cycles of shared objects are found in another way (collect.c). */
#include "shared-mem/trace.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LEAST_CHUNKS 64
#define MARKED 0x80000000u

typedef struct ArenaGraph {
    Arena *a;
    uint32_t *
        inside; /* per 32 bytes of the arena: references in private objects, and MARKED; then, the round in which it was reached */
    size_t bytes;  /* of it */
    size_t n;      /* in a->queue: objects whose references are still to be looked at; then, the garbage */
    uint64_t live; /* bytes */
    ArenaFoundFn *found;
    void *arg;
} Cycles;

static int start(Arena *a, Cycles *ret) {
    *ret = (Cycles){.a = a, .bytes = a->size / 32 * sizeof *ret->inside};
    ret->inside = mmap(NULL, ret->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return ret->inside == MAP_FAILED ? -ENOMEM : 0;
}

static uint32_t *inside_of(const Cycles *c, uint64_t object) {
    return &c->inside[object / 32];
}

static uint32_t count_of(const Arena *a, uint64_t object) {
    return atomic_load_explicit(&arena_object(a, object)->refs, memory_order_relaxed);
}

static void set_count(const Arena *a, uint64_t object, uint32_t refs) {
    atomic_store_explicit(&arena_object(a, object)->refs, refs, memory_order_relaxed);
}

static int is_private(const Arena *a, uint64_t object) {
    return SHM_HEAD_STATE(shm_head(arena_object(a, object))) == SHM_STATE_PRIVATE;
}

static void each_own(Cycles *c, ChunkVisit *fn) {
    Arena *a = c->a;
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        if (SHM_CHUNK_ROW(arena_chunk_state(a, i)) == a->row)
            chunk_each_object(a, i, fn, c);
}

static void each_ref(Arena *a, uint64_t object, uint64_t head, ArenaRefFn *fn, void *arg) {
    const ArenaClass *class = arena_class(a, head);
    if (class)
        arena_each_ref(a, object, class, fn, arg);
}

/* ---- counting ---- */

static void count_ref(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    (void)place;
    if (is_private(a, child))
        ++*inside_of(arg, child);
}

static void count_refs(Arena *a, uint64_t object, uint64_t head, void *arg) {
    if (SHM_HEAD_STATE(head) == SHM_STATE_PRIVATE)
        each_ref(a, object, head, count_ref, arg);
}

/* ---- marking ---- */

static void mark(Cycles *c, uint64_t object) {
    uint32_t *inside = inside_of(c, object);
    if (*inside & MARKED)
        return;
    *inside |= MARKED;
    c->a->queue[c->n++] = object;
}

static void mark_ref(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    (void)place;
    if (is_private(a, child))
        mark(arg, child);
}

static void drain(Cycles *c) {
    while (c->n) {
        uint64_t object = c->a->queue[--c->n];
        each_ref(c->a, object, shm_head(arena_object(c->a, object)), mark_ref, c);
    }
}

/* By something that is no private object. (One without a count waits to be released.) */
static int is_held(const Cycles *c, uint64_t object) {
    Arena *a = c->a;
    uint32_t refs = count_of(a, object);
    if (!refs || refs != (*inside_of(c, object) & ~MARKED))
        return 1;
    return atomic_load_explicit(&arena_object(a, object)->link, memory_order_relaxed) == ARENA_LINK_HELD &&
           (!a->ops.keeps || a->ops.keeps(a->ops.arg, object));
}

static void mark_from(Arena *a, uint64_t object, uint64_t head, void *arg) {
    (void)a;
    if (SHM_HEAD_STATE(head) == SHM_STATE_PRIVATE && is_held(arg, object))
        mark(arg, object);
    drain(arg);
}

static void list_unmarked(Arena *a, uint64_t object, uint64_t head, void *arg) {
    Cycles *c = arg;
    if (SHM_HEAD_STATE(head) == SHM_STATE_PRIVATE && !(*inside_of(c, object) & MARKED))
        a->queue[c->n++] = object;
    else
        c->live += arena_block_of(a, object);
}

/* ---- freeing ---- */

static void let_go(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    (void)arg;
    atomic_store_explicit(place, JITD_UNSET, memory_order_relaxed);
    if (!is_private(a, child)) {
        release_count(a, child);
        return;
    }
    uint32_t left = count_of(a, child) - 1;
    set_count(a, child, left);
    if (!left)
        release_last(a, child);
}

/* Each piece of garbage gets a count, so that none goes before all have let go of the others. */
static void free_listed(Cycles *c) {
    Arena *a = c->a;
    arena_enter(a);
    for (size_t i = 0; i < c->n; i++)
        set_count(a, a->queue[i], count_of(a, a->queue[i]) + 1);
    for (size_t i = 0; i < c->n; i++)
        each_ref(a, a->queue[i], shm_head(arena_object(a, a->queue[i])), let_go, NULL);
    for (size_t i = 0; i < c->n; i++) {
        set_count(a, a->queue[i], 0);
        release_last(a, a->queue[i]);
    }
    arena_leave(a);
}

void arena_let_go(Arena *a, uint64_t object) {
    arena_enter(a);
    if (is_private(a, object))
        each_ref(a, object, shm_head(arena_object(a, object)), let_go, NULL);
    arena_leave(a);
}

/* That objects may have. */
static uint32_t most_chunks(const Arena *a) {
    return arena_limit(a) - (a->roots.chunks.n < arena_limit(a) ? a->roots.chunks.n : arena_limit(a));
}

static uint32_t least_chunks(const Arena *a) {
    uint32_t half = most_chunks(a) / 2;
    return half < LEAST_CHUNKS ? half : LEAST_CHUNKS;
}

/* After a search that found little the next one waits longer: chunks may be in use, and many of their blocks free. But not until there is no memory
 * left. */
static void plan_next(Cycles *c, uint32_t before) {
    Arena *a = c->a;
    uint32_t live = (uint32_t)(c->live / ARENA_CHUNK_SIZE), most = most_chunks(a) / 8 * 7;
    int was_worth_it = live < before / 4 * 3;
    uint32_t next = was_worth_it ? 2 * live : before + before / 2;
    next = next < least_chunks(a) ? least_chunks(a) : next > most ? most : next;
    a->cycles_at = next < live + live / 8 ? live + live / 8 : next;
}

int arena_wants_cycles(const Arena *a) {
    return a->nown >= (a->cycles_at ? a->cycles_at : least_chunks(a));
}

int arena_collect_private(Arena *a) {
    Cycles c;
    uint32_t before = a->nown;
    if (start(a, &c) < 0)
        return -ENOMEM;
    each_own(&c, count_refs);
    each_own(&c, mark_from);
    each_own(&c, list_unmarked);
    plan_next(&c, before);
    free_listed(&c);
    if (before - c.live / ARENA_CHUNK_SIZE > LEAST_CHUNKS + c.live / ARENA_CHUNK_SIZE)
        chunk_empty_all(a); /* most of it is empty: others may need it */
    munmap(c.inside, c.bytes);
    return (int)c.n;
}

/* ---- for a search in which proxies take part ---- */

static uint32_t link_of(const Arena *a, uint64_t object) {
    return atomic_load_explicit(&arena_object(a, object)->link, memory_order_relaxed);
}

/* By something that is no private object and no proxy. */
static int is_pinned(const Cycles *c, uint64_t object) {
    uint32_t refs = count_of(c->a, object), link = link_of(c->a, object);
    return !refs || refs != (*inside_of(c, object) & ~MARKED) + (link && link != ARENA_LINK_HELD);
}

static void mark_from_pinned(Arena *a, uint64_t object, uint64_t head, void *arg) {
    (void)a;
    if (SHM_HEAD_STATE(head) == SHM_STATE_PRIVATE && is_pinned(arg, object))
        mark(arg, object);
    drain(arg);
}

static void tell_found(Arena *a, uint64_t object, uint64_t head, void *arg) {
    Cycles *c = arg;
    uint32_t *inside = inside_of(c, object);
    if (SHM_HEAD_STATE(head) != SHM_STATE_PRIVATE || *inside & MARKED)
        return;
    if (link_of(a, object))
        c->found(c->arg, object, *inside != 0);
    *inside = 0;
}

int arena_graph_new(Arena *a, ArenaFoundFn *found, void *arg, ArenaGraph **ret_graph) {
    Cycles *c = malloc(sizeof *c);
    if (!c || start(a, c) < 0) {
        free(c);
        return -ENOMEM;
    }
    c->found = found;
    c->arg = arg;
    each_own(c, count_refs);
    each_own(c, mark_from_pinned);
    each_own(c, tell_found);
    *ret_graph = c;
    return 0;
}

typedef struct Reach {
    Cycles *c;
    uint32_t round;
    ArenaReachFn *fn;
    void *arg;
    int status;
} Reach;

static void reach_ref(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    Reach *r = arg;
    uint32_t *inside = inside_of(r->c, child);
    (void)place;
    if (r->status < 0 || !is_private(a, child) || *inside & MARKED || *inside == r->round)
        return;
    *inside = r->round;
    if (link_of(a, child) && (r->status = r->fn(r->arg, child)))
        return;
    a->queue[r->c->n++] = child;
}

void arena_graph_reach(ArenaGraph *c, uint64_t object, uint32_t round, ArenaReachFn *fn, void *arg) {
    Reach r = {.c = c, .round = round, .fn = fn, .arg = arg};
    c->a->queue[c->n++] = object;
    while (c->n && r.status >= 0) {
        uint64_t at = c->a->queue[--c->n];
        each_ref(c->a, at, shm_head(arena_object(c->a, at)), reach_ref, &r);
    }
    c->n = 0;
}

void arena_graph_free(ArenaGraph *c) {
    if (c)
        munmap(c->inside, c->bytes);
    free(c);
}
