/* Chunks and blocks: refilling the free lists, taking and giving back chunks.
 *
 * A chunk holds blocks of one size class and has one owner, the only one who allocates in it. Its blocks are carved lazily (`bump`), so that a
 * new chunk touches only the pages that are used. A block whose head is 0 belongs to the owner: it is in the owner's private list, or on
 * its way into or out of it. A block that somebody else frees keeps its head and gets its bit set in the chunk's bits, in one atomic
 * step after which the freer touches it no more; the owner clears the head first and the bit then. So at any instant a block is
 * in use, or bit set, or head 0, and whoever finds the chunk after its owner's death can tell which: no list has to be believed.
 *
 * What is larger than every size class is a run of chunks (run.c).
 *
 * Chunks without an owner are orphans (objects in them live on) or free (no size class). Taking one is one compare-and-swap of its
 * state; what its former owner left is put in order by a sweep after that, and as often as necessary (tests/models/freelist.pml). */
#include "shared-mem/arena_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define CARVE_BYTES 4096
#define GROW_MAX 16
#define COLLECT_CHUNKS 8 /* looked at for remote frees, per refill */
#define SCAVENGE_BYTES                                                                                                 \
    (4 * ARENA_CHUNK_SIZE) /* freed since the last time that make looking for empty chunks worth it */

int arena_list_push(ArenaList *list, uint32_t value) {
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 16;
        uint32_t *v = realloc(list->v, cap * sizeof *v);
        if (!v)
            return -ENOMEM;
        list->v = v;
        list->cap = cap;
    }
    list->v[list->n++] = value;
    return 0;
}

static void list_remove(ArenaList *list, uint32_t value) {
    for (uint32_t i = 0; i < list->n; i++)
        if (list->v[i] == value) {
            list->v[i] = list->v[--list->n];
            return;
        }
}

static uint32_t bump_of(const Arena *a, uint32_t chunk, uint32_t class) {
    uint32_t bump = atomic_load_explicit(&arena_chunk(a, chunk)->bump, memory_order_acquire);
    uint32_t blocks = class == SHM_CLASS_RUN ? 1 : shm_chunk_blocks(class);
    return bump < blocks ? bump : blocks;
}

/* ---- blocks ---- */

/* In a chunk of ours. */
static void free_local(Arena *a, uint64_t object, uint32_t size_class) {
    atomic_store_explicit(&arena_object(a, object)->head, 0, memory_order_relaxed);
    arena_order();
    arena_push_free(a, object, size_class);
    a->freed_bytes += shm_class_block_size(size_class);
}

void chunk_free(Arena *a, uint64_t object) {
    uint32_t chunk = arena_chunk_of(a, object);
    ShmChunk *place = arena_chunk(a, chunk);
    uint32_t state = atomic_load_explicit(&place->state, memory_order_relaxed), size_class = SHM_CHUNK_CLASS(state);
    if (size_class == SHM_CLASS_RUN)
        run_free(a, chunk);
    if (!arena_is_size_class(size_class))
        return;
    if (SHM_CHUNK_ROW(state) == a->row) {
        free_local(a, object, size_class);
        return;
    }
    uint32_t block = (uint32_t)(object - arena_chunk_at(a, chunk)) / shm_class_block_size(size_class);
    atomic_fetch_or_explicit(&arena_bits(a, chunk)[block / 64], 1ull << block % 64,
                             memory_order_release); /* partner: take_word */
    arena_order();
    atomic_fetch_add_explicit(&place->remote, 1, memory_order_relaxed);
}

int chunk_bit(const Arena *a, uint32_t chunk, uint32_t block) {
    return atomic_load_explicit(&arena_bits(a, chunk)[block / 64], memory_order_acquire) >> block % 64 & 1;
}

/* Takes in what others freed among 64 blocks; with `all`, also the blocks with head 0, which nobody can have in a list. */
static uint32_t take_word(Arena *a, uint32_t chunk, uint32_t size_class, uint32_t word, int all) {
    uint64_t bits = atomic_load_explicit(&arena_bits(a, chunk)[word], memory_order_acquire); /* partner: chunk_free */
    if (!bits && !all)
        return 0;
    uint32_t size = shm_class_block_size(size_class), bump = bump_of(a, chunk, size_class), taken = 0;
    for (uint32_t i = 64; i-- > 0;) {
        uint64_t at = arena_chunk_at(a, chunk) + (uint64_t)(word * 64 + i) * size;
        if (word * 64 + i >= bump)
            continue;
        if (bits >> i & 1)
            atomic_store_explicit(&arena_object(a, at)->head, 0, memory_order_relaxed);
        else if (!all || shm_head(arena_object(a, at)))
            continue;
        arena_order();
        arena_push_free(a, at, size_class);
        taken++;
    }
    if (bits)
        atomic_fetch_and_explicit(&arena_bits(a, chunk)[word], ~bits, memory_order_release); /* partner: limbo_adopt */
    return taken;
}

static uint32_t take_blocks(Arena *a, uint32_t chunk, uint32_t size_class, int all) {
    uint32_t taken = 0, words = (bump_of(a, chunk, size_class) + 63) / 64;
    atomic_store_explicit(&arena_chunk(a, chunk)->remote, 0, memory_order_relaxed);
    for (uint32_t word = words; word-- > 0;)
        taken += take_word(a, chunk, size_class, word, all);
    return taken;
}

/* Looks into a few of our chunks of the class, each time further on. */
static uint32_t collect(Arena *a, uint32_t size_class) {
    ArenaList *own = &a->own[size_class];
    uint32_t taken = 0, look = own->n < COLLECT_CHUNKS ? own->n : COLLECT_CHUNKS;
    for (uint32_t i = 0; i < look && !taken; i++) {
        own->next = own->next + 1 < own->n ? own->next + 1 : 0;
        if (atomic_load_explicit(&arena_chunk(a, own->v[own->next])->remote, memory_order_relaxed))
            taken = take_blocks(a, own->v[own->next], size_class, 0);
    }
    return taken;
}

static void next_uncarved(Arena *a, uint32_t size_class) {
    a->carving[size_class] = 0;
    for (uint32_t i = 0; i < a->uncarved.n; i++)
        if (SHM_CHUNK_CLASS(arena_chunk_state(a, a->uncarved.v[i])) == size_class) {
            a->carving[size_class] = a->uncarved.v[i] + 1;
            a->uncarved.v[i] = a->uncarved.v[--a->uncarved.n];
            return;
        }
}

static uint32_t carve(Arena *a, uint32_t size_class) {
    if (!a->carving[size_class])
        return 0;
    uint32_t chunk = a->carving[size_class] - 1, size = shm_class_block_size(size_class);
    uint32_t bump = bump_of(a, chunk, size_class), left = shm_chunk_blocks(size_class) - bump;
    uint32_t n = size < CARVE_BYTES ? CARVE_BYTES / size : 1;
    n = n < left ? n : left;
    for (uint32_t i = n; i-- > 0;) {
        uint64_t at = arena_chunk_at(a, chunk) + (uint64_t)(bump + i) * size;
        atomic_store_explicit(&arena_object(a, at)->head, 0, memory_order_relaxed);
        arena_push_free(a, at, size_class);
    }
    arena_order(); /* heads first: what bump covers has a valid head */
    atomic_store_explicit(&arena_chunk(a, chunk)->bump, bump + n, memory_order_release);
    if (n == left)
        next_uncarved(a, size_class);
    return n;
}

/* ---- chunks ---- */

static int take_state(Arena *a, uint32_t chunk, uint32_t from, uint32_t to) {
    if (!atomic_compare_exchange_strong_explicit(&arena_chunk(a, chunk)->state, &from, to, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return 0;
    atomic_fetch_sub_explicit(&a->header->unowned, 1, memory_order_relaxed);
    SHM_STEP();
    return 1;
}

static int own_chunk(Arena *a, uint32_t chunk, uint32_t size_class) {
    int r = arena_list_push(&a->own[size_class], chunk);
    a->nown += r == 0;
    return r;
}

/* An orphan of this class is ours now: its free blocks go into our list. */
static int adopt(Arena *a, uint32_t chunk, uint32_t size_class) {
    if (own_chunk(a, chunk, size_class) < 0)
        return -ENOMEM;
    take_blocks(a, chunk, size_class, 1);
    if (bump_of(a, chunk, size_class) == shm_chunk_blocks(size_class))
        return 0;
    if (!a->carving[size_class])
        a->carving[size_class] = chunk + 1;
    else
        arena_list_push(&a->uncarved, chunk); /* failing only wastes the uncarved rest */
    return 0;
}

static int take_orphan(Arena *a, uint32_t size_class) {
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        if (arena_chunk_state(a, i) == SHM_CHUNK_STATE(size_class, 0) &&
            take_state(a, i, SHM_CHUNK_STATE(size_class, 0), SHM_CHUNK_STATE(size_class, a->row)))
            return adopt(a, i, size_class);
    return -ENOENT;
}

int chunk_take(Arena *a, uint32_t chunk) {
    return arena_chunk_state(a, chunk) == 0 && take_state(a, chunk, 0, SHM_CHUNK_STATE(0, a->row));
}

static int take_free(Arena *a, uint32_t *ret_chunk) {
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        if (chunk_take(a, i)) {
            *ret_chunk = i;
            return 0;
        }
    return -ENOENT;
}

void chunk_free_orphans(Arena *a, int all) {
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++) {
        ShmChunk *c = arena_chunk(a, i);
        uint32_t state = arena_chunk_state(a, i), size_class = SHM_CHUNK_CLASS(state);
        if (!arena_is_size_class(size_class) || SHM_CHUNK_ROW(state))
            continue;
        if (!all && atomic_load_explicit(&c->remote, memory_order_relaxed) <
                        atomic_load_explicit(&c->live, memory_order_relaxed))
            continue;
        if (take_state(a, i, state, SHM_CHUNK_STATE(size_class, a->row)))
            chunk_retire(a, i);
    }
}

int arena_grant(Arena *a, uint32_t first, uint32_t count) {
    uint32_t n = arena_committed(a);
    if (first > n || count > n - first || !count)
        return -EPROTO;
    for (uint32_t i = count; i-- > 0;)
        if (arena_chunk_state(a, first + i) == SHM_CHUNK_STATE(0, a->row) && arena_list_push(&a->own[0], first + i) < 0)
            return -ENOMEM;
    return 0;
}

/* Memory for chunks that nobody has yet; allocated now, so that a lack of it is an error and not a SIGBUS. Kernels before 5.14 cannot:
 * there it is allocated when it is touched. */
static int populate(Arena *a, uint32_t first, uint32_t count) {
    int r = madvise(a->base + arena_chunk_at(a, first), count * ARENA_CHUNK_SIZE, MADV_POPULATE_WRITE);
    return r < 0 && errno != EINVAL ? -ENOMEM : 0;
}

/* When the broker is gone, clients commit chunks themselves, within the quota that it left in the header. The new ones are free chunks:
 * whoever is first to change the state has one. A broker that lives after all takes them in the same way (arena_owner_grow). A death in
 * between leaves free chunks. */
int chunk_commit(Arena *a, uint32_t want, uint32_t least, uint32_t *ret_first) {
    uint32_t n = arena_committed(a), found = n, limit = arena_limit(a), left = n < limit ? limit - n : 0;
    uint32_t count = want < left ? want : left;
    if (count < least || populate(a, n, count) < 0)
        return -ENOMEM;
    SHM_STEP();
    if (atomic_compare_exchange_strong_explicit(&a->header->committed, &found, n + count, memory_order_acq_rel,
                                                memory_order_relaxed))
        atomic_fetch_add_explicit(&a->header->unowned, (int32_t)count, memory_order_relaxed);
    SHM_STEP();
    *ret_first = n;
    return (int)count;
}

static int grow_alone(Arena *a, uint32_t want) {
    for (uint32_t first, taken = 0; !taken;) {
        int count = chunk_commit(a, want, 1, &first);
        if (count < 0)
            return count;
        for (uint32_t i = first + (uint32_t)count; i-- > first;)
            if (i < arena_committed(a) && chunk_take(a, i))
                taken += arena_list_push(&a->own[0], i) == 0;
    }
    return 0;
}

static int grow(Arena *a) {
    uint32_t want = a->nown / 2 + 1, first, count;
    want = want < GROW_MAX ? want : GROW_MAX;
    if (!a->ops.grow)
        return -ENOMEM;
    int r = a->ops.grow(a->ops.arg, want, 0, &first, &count);
    if (r == -ENOTCONN)
        return grow_alone(a, want);
    return r < 0 || arena_grant(a, first, count) < 0 ? -ENOMEM : 0;
}

static uint32_t pop_spare(Arena *a, uint32_t *ret_chunk) {
    if (!a->own[0].n)
        return 0;
    *ret_chunk = a->own[0].v[--a->own[0].n];
    return 1;
}

void chunk_give_back_spares(Arena *a) {
    for (uint32_t chunk; pop_spare(a, &chunk);)
        chunk_retire(a, chunk);
}

static void scavenge(Arena *a);

/* Everything that others have freed in our chunks, wherever it is. */
static void collect_all(Arena *a) {
    for (uint32_t size_class = SHM_CLASS_FIRST; size_class <= SHM_CLASS_LAST; size_class++)
        for (uint32_t i = 0; i < a->own[size_class].n; i++)
            take_blocks(a, a->own[size_class].v[i], size_class, 0);
}

void chunk_empty_all(Arena *a) {
    collect_all(a);
    scavenge(a);
    chunk_free_orphans(a, 1);
}

/* A chunk of ours that is used for nothing yet: at hand, free, or new; when there is none, whatever can be emptied. */
static int take_any(Arena *a, uint32_t *ret_chunk) {
    if (pop_spare(a, ret_chunk))
        return 0;
    if (a->freed_bytes >= SCAVENGE_BYTES)
        scavenge(a);
    if (atomic_load_explicit(&a->header->unowned, memory_order_relaxed) > 0) {
        chunk_free_orphans(a, 0);
        if (take_free(a, ret_chunk) == 0)
            return 0;
    }
    if (grow(a) == 0 && pop_spare(a, ret_chunk))
        return 0;
    chunk_empty_all(a);
    return take_free(a, ret_chunk) == 0 ? 0 : -ENOMEM;
}

uint64_t chunk_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec;
}

void chunk_begins(Arena *a, uint32_t chunk) {
    atomic_store_explicit(&arena_chunk(a, chunk)->since, (uint32_t)chunk_now_s() + 1, memory_order_relaxed);
}

uint64_t chunk_age(const Arena *a, uint32_t chunk, uint64_t now_s) {
    uint32_t since = atomic_load_explicit(&arena_chunk(a, chunk)->since, memory_order_relaxed);
    return since && since <= now_s + 1 ? now_s + 1 - since : UINT64_MAX;
}

static int take_chunk(Arena *a, uint32_t size_class) {
    uint32_t chunk;
    if (atomic_load_explicit(&a->header->unowned, memory_order_relaxed) > 0) {
        int r = take_orphan(a, size_class);
        if (r != -ENOENT)
            return r;
    }
    if (take_any(a, &chunk) < 0)
        return take_orphan(a, size_class) == 0 ? 0 : -ENOMEM; /* the hint may have been wrong */
    atomic_store_explicit(&arena_chunk(a, chunk)->bump, 0, memory_order_relaxed);
    chunk_begins(a, chunk);
    arena_order();
    atomic_store_explicit(&arena_chunk(a, chunk)->state, SHM_CHUNK_STATE(size_class, a->row), memory_order_release);
    a->carving[size_class] = chunk + 1;
    return own_chunk(a, chunk, size_class);
}

int chunk_take_roots(Arena *a, uint32_t *ret_chunk) {
    int r = take_any(a, ret_chunk);
    if (r < 0)
        return r;
    memset(a->base + arena_chunk_at(a, *ret_chunk), 0, ARENA_CHUNK_SIZE);
    arena_order();
    atomic_store_explicit(&arena_chunk(a, *ret_chunk)->state, SHM_CHUNK_STATE(SHM_CLASS_ROOTS, a->row),
                          memory_order_release);
    return 0;
}

int chunk_refill(Arena *a, uint32_t size_class) {
    if (collect(a, size_class) || carve(a, size_class))
        return 0;
    int r = take_chunk(a, size_class);
    while (r == 0 && !a->alloc.free[size_class] && !carve(a, size_class))
        r = take_chunk(a, size_class);        /* an orphan may turn out to be full */
    return a->alloc.free[size_class] ? 0 : r; /* looking for a chunk may have found blocks */
}

/* ---- giving back ---- */

void chunk_each_object(Arena *a, uint32_t chunk, ChunkVisit *fn, void *arg) {
    uint32_t class = SHM_CHUNK_CLASS(arena_chunk_state(a, chunk));
    uint64_t size = arena_block_size(a, chunk, class);
    for (uint32_t i = 0, bump = size ? bump_of(a, chunk, class) : 0; i < bump; i++) {
        uint64_t at = arena_chunk_at(a, chunk) + i * size, head = shm_head(arena_object(a, at));
        if (head && !chunk_bit(a, chunk, i))
            fn(a, at, head, arg);
    }
}

static void count_one(Arena *a, uint64_t object, uint64_t head, void *arg) {
    (void)a, (void)object, (void)head;
    ++*(uint32_t *)arg;
}

/* Nothing lives in it: nobody can set a bit any more. What others freed still has its head, and the name of who freed it: as in take_word, the
 * bit is the last of it to go, for who dies in between, and for who looks meanwhile for what a dead one had in limbo (limbo_adopt). */
static void forget_freed(Arena *a, uint32_t chunk, uint32_t size_class) {
    uint32_t size = shm_class_block_size(size_class), bump = bump_of(a, chunk, size_class);
    for (uint32_t i = 0; i < bump; i++)
        if (chunk_bit(a, chunk, i)) {
            ShmObject *block = arena_object(a, arena_chunk_at(a, chunk) + (uint64_t)i * size);
            atomic_store_explicit(&block->head, 0, memory_order_relaxed);
            arena_order();
            atomic_store_explicit(shm_count_word(block), 0, memory_order_relaxed);
        }
    for (uint32_t i = 0; i < SHM_BITS_WORDS; i++)
        atomic_store_explicit(&arena_bits(a, chunk)[i], 0, memory_order_release); /* partner: chunk_bit */
    arena_order();
}

void chunk_retire(Arena *a, uint32_t chunk) {
    ShmChunk *c = arena_chunk(a, chunk);
    uint32_t state = arena_chunk_state(a, chunk), size_class = SHM_CHUNK_CLASS(state), live = 0;
    if (size_class == SHM_CLASS_RUN) {
        run_retire(a, chunk, SHM_CHUNK_ROW(state));
        return;
    }
    atomic_store_explicit(&c->remote, 0, memory_order_relaxed);
    chunk_each_object(a, chunk, count_one, &live);
    atomic_store_explicit(&c->live, live, memory_order_relaxed);
    if (!live && arena_is_size_class(size_class))
        forget_freed(a, chunk, size_class);
    if (!live)
        atomic_store_explicit(&c->bump, 0, memory_order_relaxed);
    arena_order();
    atomic_store_explicit(&c->state, SHM_CHUNK_STATE(live ? size_class : 0, 0), memory_order_release);
    SHM_STEP();
    atomic_fetch_add_explicit(&a->header->unowned, 1, memory_order_relaxed);
}

/* Takes the blocks of chunks that are wholly in the list out of the list, and gives those chunks back. */
static void scavenge_class(Arena *a, uint32_t size_class, uint32_t *counts) {
    uint64_t *place = &a->alloc.free[size_class];
    for (uint64_t at = *place; at; at = *(uint64_t *)(a->base + at + 8))
        counts[arena_chunk_of(a, at)]++;
    while (*place) {
        uint32_t chunk = arena_chunk_of(a, *place);
        if (counts[chunk] == bump_of(a, chunk, size_class))
            *place = *(uint64_t *)(a->base + *place + 8);
        else
            place = (uint64_t *)(a->base + *place + 8);
    }
    ArenaList *own = &a->own[size_class];
    for (uint32_t i = own->n; i-- > 0;) {
        uint32_t chunk = own->v[i];
        if (!counts[chunk] || counts[chunk] != bump_of(a, chunk, size_class))
            continue;
        own->v[i] = own->v[--own->n];
        a->nown--;
        list_remove(&a->uncarved, chunk);
        if (a->carving[size_class] == chunk + 1)
            next_uncarved(a, size_class);
        chunk_retire(a, chunk);
    }
    own->next = 0;
}

static void scavenge(Arena *a) {
    a->freed_bytes = 0;
    uint32_t *counts = calloc(arena_committed(a) + 1, sizeof *counts);
    if (!counts)
        return;
    for (uint32_t size_class = SHM_CLASS_FIRST; size_class <= SHM_CLASS_LAST; size_class++)
        if (a->alloc.free[size_class])
            scavenge_class(a, size_class, counts);
    free(counts);
}
