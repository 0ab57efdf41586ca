/* The arena of a namespace, from a client: attaching, detaching, the allocator's slow path, fork.
 *
 * ESSAY. One memfd holds all objects of a namespace. Every process that maps it is an equal: there is no lock that a dead one could hold, and no
 * message to the broker except for more memory. Four ideas carry it, each argued where its code is:
 *
 *   owned chunks (chunk.c)      A chunk has one owner, the only one who allocates there, from private lists. Blocks that others free come back by
 *                               one atomic bit. What the chunk holds can be told from the chunk alone. So it is with a run of chunks, in which
 *                               lies one object that is too large for a chunk's blocks; only who frees it takes it over first (run.c).
 *   private and shared          An object belongs to the process that made it, with plain counts, until it is made shared together with all it
 *   (share.c)                   refers to. Nobody else can have a reference to a private object, so after a death all of them go, uncounted.
 *   epochs and limbo (limbo.c)  Compiled code reads references without counting. A shared object whose count is zero waits until every process
 *                               that was inside an epoch has left it.
 *   rows (roots.c, reap.c)      What a process holds besides is in its row: roots, limbo, chunks. A dead row is given back by any live process.
 *
 * On what a death leaves. SIGKILL stops a process between two instructions; its stores up to there become visible, in program order as the compiler
 * emitted them, and none after. So each change of shared structure is either one store, or a sequence of which each prefix is
 * harmless; arena_order() stands between stores whose order matters. Counts of shared objects err to the high side: counted up before the reference is
 * stored, wiped before it is counted down. What leaks by that is listed in reap.c.
 *
 * On trust. Compiled code trusts the fields of objects as threads of one program trust each other's; the broker trusts nothing
 * here; offsets that come from outside (a published name, a pickle) go through arena_check_ref. */
#include "shared-mem/arena_private.h"
#include "shared-mem/memfd.h"
#include "base/cleanup.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define FULL_COLLECT_MS 500
#define FULL_WAIT_STEPS 500
#define FULL_WAIT_NS 2000000

static int map_arena(Arena *a) {
    ShmArena want;
    int r = shm_arena_layout(a->size, &want);
    if (r < 0)
        return r;
    r = memfd_verify(a->fd, a->size, MEMFD_SEALS_SIZE);
    if (r < 0)
        return r;
    a->base = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, a->fd, 0);
    if (a->base == MAP_FAILED) {
        a->base = NULL;
        return -errno;
    }
    const ShmArena *h = a->header = (ShmArena *)a->base;
    if (h->magic != ARENA_MAGIC || h->layout != want.layout || h->size != want.size || h->nchunks != want.nchunks ||
        h->chunks_at != want.chunks_at)
        return -EPROTO;
    a->rows = (ShmRow *)(a->base + want.rows_at);
    a->directory = (ShmChunk *)(a->base + want.directory_at);
    a->bits = (_Atomic uint64_t *)(a->base + want.bits_at);
    a->names = (_Atomic uint64_t *)(a->base + want.names_at);
    a->chunks_at = want.chunks_at;
    a->nchunks = want.nchunks;
    return 0;
}

static int take_row(Arena *a, uint32_t row, const ArenaOps *ops) {
    if (!row || row >= ARENA_MAX_ROWS)
        return -EINVAL;
    a->row = row;
    a->me = arena_row(a, row);
    a->ops = ops ? *ops : (ArenaOps){0};
    a->alloc = (JitdAlloc){.row = row, .owner = a};
    a->deaths = atomic_load_explicit(&a->header->deaths, memory_order_relaxed);
    limbo_init(a);
    proof_introduce(a);
    return roots_init(a);
}

void arena_unmap(Arena *a) {
    for (uint32_t i = 0; i < JITD_SIZE_CLASSES; i++)
        free(a->own[i].v);
    free(a->uncarved.v);
    limbo_deinit(a);
    roots_deinit(a);
    if (a->queue)
        munmap(a->queue, a->queue_size);
    if (a->base)
        munmap(a->base, a->size);
    free(a->classes);
    free(a);
}

static int map_private(Arena *a) {
    a->classes = calloc(TABLE_MAX_CLASSES + 1, sizeof *a->classes);
    a->queue_size = (size_t)a->nchunks * (ARENA_CHUNK_SIZE / 32) * sizeof *a->queue;
    void *queue = mmap(NULL, a->queue_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    a->queue = queue == MAP_FAILED ? NULL : queue;
    return a->classes && a->queue ? 0 : -ENOMEM;
}

/* From the mapping, not from the file: a program that closes all descriptors has another file under that number. */
int arena_copy_for_child(Arena *a) {
    uint8_t *own = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (own == MAP_FAILED)
        return -errno;
    memcpy(own, a->base, arena_chunk_at(a, arena_committed(a)));
    if (mremap(own, a->size, a->size, MREMAP_MAYMOVE | MREMAP_FIXED, a->base) != MAP_FAILED)
        return 0;
    int r = -errno;
    munmap(own, a->size);
    return r;
}

int arena_attach(int fd, uint64_t size, uint32_t row, const Table *table, const ArenaOps *ops, Arena **ret_arena) {
    Arena *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    a->fd = fd;
    a->size = size;
    a->table = table;
    int r = map_arena(a);
    if (r == 0)
        r = map_private(a);
    if (r == 0)
        r = take_row(a, row, ops);
    if (r < 0) {
        arena_unmap(a);
        return r;
    }
    *ret_arena = a;
    return 0;
}

void arena_detach(Arena *a) {
    if (!a)
        return;
    arena_poll(a);
    reap_row(a, a->row);
    if (limbo_empty(a)) /* else the broker marks the row dead, and a reaper takes over what waits */
        atomic_store_explicit(&a->me->state, SHM_ROW_STATE(SHM_ROW_LEFT, 0), memory_order_release);
    close(a->fd);
    arena_unmap(a);
}

uint8_t *arena_base(Arena *a) {
    return a->base;
}

int arena_fd(const Arena *a) {
    return a->fd;
}

JitdAlloc *arena_alloc_state(Arena *a) {
    return &a->alloc;
}

_Atomic uint32_t *arena_own_classes(Arena *a) {
    return &a->header->own_classes;
}

static uint64_t no_memory(JitdFrame *frame) {
    frame->trap.kind = JITD_TRAP_MEMORY;
    frame->trap.ntrace = frame->trap.nvalues = 0;
    return 0;
}

/* A block of a size class in our list, or so many chunks in a row. */
typedef struct Want {
    uint32_t size_class, chunks, first;
} Want;

static int look_for(Arena *a, Want *want) {
    if (want->chunks)
        return run_take(a, want->chunks, &want->first);
    return a->alloc.free[want->size_class] ? 0 : chunk_refill(a, want->size_class);
}

/* The arena is full, and something of ours waits for epochs to end: so do we, if it is not for our own. */
static int wait_for_limbo(Arena *a, Want *want) {
    for (int i = 0; i < FULL_WAIT_STEPS && !limbo_empty(a) && !a->epoch.nest; i++) {
        nanosleep(&(struct timespec){.tv_nsec = FULL_WAIT_NS}, NULL);
        arena_poll(a);
        if (look_for(a, want) == 0)
            return 0;
    }
    return -ENOMEM;
}

static int refill(Arena *a, Want *want) {
    limbo_poll(a, want->chunks ? 1 : LIMBO_BATCH);
    if (look_for(a, want) == 0)
        return 0;
    if (proof_bury_all(a)) /* no daemon may be there to do it */
        arena_reap(a);
    arena_poll(a); /* wait for no batch */
    if (look_for(a, want) == 0)
        return 0;
    if (wait_for_limbo(a, want) == 0)
        return 0;
    return arena_collect(a, FULL_COLLECT_MS) > 0 ? look_for(a, want) : -ENOMEM;
}

void arena_breathe(Arena *a) {
    if (a->waiting.n || a->held.n || a->filling.n >= LIMBO_BATCH)
        limbo_poll(a, LIMBO_BATCH);
}

uint64_t arena_take_block(Arena *a, uint32_t size_class) {
    if (!a->alloc.free[size_class] && refill(a, &(Want){.size_class = size_class}) < 0)
        return 0;
    uint64_t block = a->alloc.free[size_class];
    a->alloc.free[size_class] = *(uint64_t *)(a->base + block + 8);
    return block;
}

uint64_t arena_take_run(Arena *a, uint64_t chunks) {
    Want want = {.chunks = (uint32_t)chunks};
    return chunks > arena_limit(a) || refill(a, &want) < 0 ? 0 : run_form(a, want.first, want.chunks);
}

uint64_t arena_alloc(JitdFrame *frame, uint32_t size_class) {
    uint64_t block = 0;
    if (size_class >= SHM_CLASS_FIRST && size_class <= SHM_CLASS_LAST)
        block = arena_take_block(frame->alloc->owner, size_class);
    return block ? block : no_memory(frame);
}

int arena_incref_live(Arena *a, uint64_t object) {
    ShmObject *o = arena_object(a, object);
    uint32_t refs = atomic_load_explicit(&o->refs, memory_order_relaxed), more;
    if (!shm_is_shared(o)) {
        atomic_store_explicit(&o->refs, refs + 1, memory_order_relaxed);
        return 0;
    }
    do {
        if (!(refs & SHM_REFS_COUNT))
            return -ENOENT;
        more = refs & SHM_REFS_LIMBO ? (refs + 1) | SHM_REFS_REVIVED : refs + 1; /* at once: shm_incref_shared */
    } while (!atomic_compare_exchange_weak_explicit(&o->refs, &refs, more, memory_order_acq_rel, memory_order_relaxed));
    return 0;
}

int arena_after_fork_child(Arena *a, uint32_t new_row, const ArenaOps *ops) {
    ArenaRoots parents = a->roots;
    a->roots = (ArenaRoots){0};
    for (uint32_t i = 0; i < JITD_SIZE_CLASSES; i++)
        a->own[i].n = a->own[i].next = a->carving[i] = 0;
    a->uncarved.n = a->nown = 0;
    a->freed_bytes = 0;
    a->cycles_at = 0;
    a->filling.n = a->waiting.n = a->held.n = 0; /* the parent's */
    memset(a->held_seen, 0, sizeof a->held_seen);
    int r = take_row(a, new_row, ops);
    if (r == 0)
        r = roots_copy(a, &parents);
    free(parents.keys);
    free(parents.entries);
    free(parents.free);
    free(parents.chunks.v);
    return r;
}
