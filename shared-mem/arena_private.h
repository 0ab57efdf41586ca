/* One process's view of an arena: private memory, and what the arena's own files offer each other. */
#pragma once
#include "shared-mem/arena_layout.h"
#include <stddef.h>

typedef struct ArenaClass {
    Shape shape;                /* base 0: not looked up yet */
    uint32_t size_class, block; /* bytes of a block of the size class; 0: with a tail, each object has its own */
} ArenaClass;

typedef struct ArenaList { /* of chunk numbers or entries */
    uint32_t *v, n, cap, next;
} ArenaList;

typedef struct ArenaBatch { /* of objects in limbo, with their eras */
    uint64_t *v;
    size_t n, cap;
} ArenaBatch;

typedef struct ArenaSleeper { /* what was noted of a row's process */
    uint64_t active, used;    /* its epoch, and its processor time */
    uint32_t era;             /* that began after that */
} ArenaSleeper;

typedef struct ArenaRoots {
    uint64_t *keys;         /* open addressing: object, 0 = empty */
    uint32_t *entries;      /* its entry in the row */
    size_t mask;            /* slots - 1 */
    uint32_t used, proxies; /* entries in use; proxies of private objects, each of which may come to need one */
    uint32_t next, room;    /* entries never used yet start at `next`; `room` in all */
    uint32_t *free, nfree;  /* returned ones; as large as `room` */
    ArenaList chunks;
} ArenaRoots;

struct Arena {
    ArenaEpoch epoch; /* first: arena_inline.h */
    uint8_t *base;
    uint64_t size;
    ShmArena *header;
    ShmRow *rows, *me;
    ShmChunk *directory;
    _Atomic uint64_t *bits, *names;
    uint64_t chunks_at;
    uint32_t nchunks;
    uint32_t row;
    uint32_t deaths;       /* of the header, when we last looked for dead rows */
    uint32_t garbage;      /* somebody died: there may be some */
    int64_t collect_after; /* ms: not earlier */
    uint32_t cycles_at;    /* chunks of ours: then cycles of private objects are looked for */
    int fd;
    JitdAlloc alloc;
    const Table *table;
    ArenaOps ops;
    ArenaClass *classes;                 /* cache by class id */
    ArenaList own[JITD_SIZE_CLASSES];    /* chunks of this row by size class; own[0]: not used for anything yet */
    uint32_t carving[JITD_SIZE_CLASSES]; /* chunk + 1 that has blocks never carved; 0 = none */
    ArenaList uncarved;                  /* further such chunks, of any class */
    uint32_t nown;
    uint64_t freed_bytes;               /* since the last look for empty chunks */
    ArenaBatch filling, waiting, held;  /* limbo.c */
    uint64_t seen[ARENA_MAX_ROWS];      /* of each row, when `waiting` began to wait: its odd epoch, or 0 */
    uint64_t held_seen[ARENA_MAX_ROWS]; /* the same of the sleepers that `held` waits for */
    ArenaSleeper asleep[ARENA_MAX_ROWS];
    int64_t waits_since, looked; /* when `waiting` began to; when it was last looked into */
    uint32_t nseen;
    uint64_t *queue; /* of arena_share: address space for every block there can be */
    size_t queue_size;
    ArenaRoots roots;
};

/* ---- places; offsets must have been checked ---- */
static inline ShmRow *arena_row(const Arena *a, uint32_t row) {
    return a->rows + row;
}
static inline ShmChunk *arena_chunk(const Arena *a, uint32_t chunk) {
    return a->directory + chunk;
}
static inline _Atomic uint64_t *arena_bits(const Arena *a, uint32_t chunk) {
    return a->bits + (size_t)chunk * SHM_BITS_WORDS;
}
static inline uint64_t arena_chunk_at(const Arena *a, uint32_t chunk) {
    return a->chunks_at + (uint64_t)chunk * ARENA_CHUNK_SIZE;
}
static inline uint32_t arena_chunk_of(const Arena *a, uint64_t offset) {
    return (uint32_t)((offset - a->chunks_at) / ARENA_CHUNK_SIZE);
}
static inline uint32_t arena_committed(const Arena *a) {
    uint32_t n =
        atomic_load_explicit(&a->header->committed, memory_order_acquire); /* partners: arena_owner.c, chunk.c */
    return n < a->nchunks ? n : a->nchunks;
}
static inline ShmObject *arena_object(const Arena *a, uint64_t offset) {
    return (ShmObject *)(a->base + offset);
}
static inline _Atomic uint64_t *arena_field(const Arena *a, uint64_t object, uint32_t field) {
    return (_Atomic uint64_t *)(a->base + object + field);
}
static inline uint32_t arena_chunk_state(const Arena *a, uint32_t chunk) {
    return atomic_load_explicit(&arena_chunk(a, chunk)->state, memory_order_acquire);
}
static inline uint64_t shm_head(ShmObject *object) {
    return atomic_load_explicit(&object->head, memory_order_acquire);
}
/* How many chunks the run has that begins with this one: never more than there are. */
static inline uint64_t run_length(const Arena *a, uint32_t chunk) {
    uint32_t n = atomic_load_explicit(&arena_chunk(a, chunk)->run, memory_order_relaxed), end = arena_committed(a);
    return chunk >= end ? 0 : n < end - chunk ? n : end - chunk;
}

/* The program order of stores is what a death leaves behind: keep the compiler from changing it. */
static inline void arena_order(void) {
    atomic_thread_fence(memory_order_acq_rel); /* no instruction on x86; elsewhere others must see that order, too */
    SHM_STEP();
}

/* Chunks that the namespace may have. */
static inline uint32_t arena_limit(const Arena *a) {
    return a->header->limit < a->nchunks ? a->header->limit : a->nchunks;
}

static inline uint32_t arena_rows_used(const Arena *a) {
    uint32_t top = atomic_load_explicit(&a->header->top_row, memory_order_acquire);
    return top < ARENA_MAX_ROWS ? top : ARENA_MAX_ROWS;
}

/* ---- blocks ---- */
static inline void arena_push_free(Arena *a, uint64_t block, uint32_t size_class) {
    *(uint64_t *)(a->base + block + 8) = a->alloc.free[size_class];
    a->alloc.free[size_class] = block;
}
static inline int arena_is_size_class(uint32_t class) {
    return class >= SHM_CLASS_FIRST && class <= SHM_CLASS_LAST;
}
/* Bytes of each block in a chunk of that class; 0: there is none. */
static inline uint64_t arena_block_size(const Arena *a, uint32_t chunk, uint32_t class) {
    if (class == SHM_CLASS_RUN)
        return run_length(a, chunk) * ARENA_CHUNK_SIZE;
    return arena_is_size_class(class) ? shm_class_block_size(class) : 0;
}
/* Of the one in which an object lies. */
static inline uint64_t arena_block_of(const Arena *a, uint64_t object) {
    uint32_t chunk = arena_chunk_of(a, object);
    return arena_block_size(a, chunk, SHM_CHUNK_CLASS(arena_chunk_state(a, chunk)));
}

/* ---- tail.c ---- */
/* Bytes of an object with a tail of so many elements; UINT64_MAX: more than there can be. */
uint64_t tail_object_size(const Shape *shape, uint64_t length);
/* How many elements may be looked at: never more than its block has room for, whatever the length word says. */
uint64_t tail_length(const Arena *a, uint64_t object, const ArenaClass *c);
/* Whether an object of class c may lie in a chunk of that class. */
int tail_fits(const Arena *a, uint64_t object, const ArenaClass *c, uint32_t chunk_class);

/* ---- run.c ---- */
int run_take(Arena *a, uint32_t chunks,
             uint32_t *ret_first); /* chunks of ours in a row, used for nothing yet: 0, or -ENOMEM */
uint64_t run_form(Arena *a, uint32_t first, uint32_t chunks); /* makes a run of them: its block, with head 0 */
void run_free(Arena *a, uint32_t chunk);                      /* its object is ours to free */
void run_retire(Arena *a, uint32_t chunk, uint32_t row);      /* its owner, a dead row or ours, gives it up */
static inline uint64_t run_chunks(uint64_t size) {
    return (size + ARENA_CHUNK_SIZE - 1) / ARENA_CHUNK_SIZE;
}

/* ---- arena.c ---- */
/* A block with head 0, in nobody's list; 0: the arena is full. Of a size class, or a run of chunks. */
uint64_t arena_take_block(Arena *a, uint32_t size_class);
uint64_t arena_take_run(Arena *a, uint64_t chunks);
void arena_unmap(Arena *a); /* the private side of detaching, all but the file descriptor; the arena is not told */

/* ---- chunk.c ---- */
int chunk_refill(Arena *a, uint32_t size_class);     /* 0, or -ENOMEM */
int chunk_take_roots(Arena *a, uint32_t *ret_chunk); /* a zeroed chunk of class SHM_CLASS_ROOTS */
int chunk_take(Arena *a, uint32_t chunk);            /* a free one is ours now; 0: it was not free */
void chunk_give_back_spares(Arena *a);
void chunk_empty_all(Arena *a);             /* frees whatever chunks of ours, or of nobody, have become empty */
void chunk_free_orphans(Arena *a, int all); /* those of nobody's that have become empty (or may have: `all`) */
/* Where no broker is: how many free chunks there are more, from *ret_first on (somebody else's it may be); -ENOMEM: less than `least`. */
int chunk_commit(Arena *a, uint32_t want, uint32_t least, uint32_t *ret_first);
void chunk_free(Arena *a, uint64_t object); /* a block of anybody's chunk */
int chunk_bit(const Arena *a, uint32_t chunk, uint32_t block);
void chunk_begins(Arena *a, uint32_t chunk);                        /* to be used, from now on */
uint64_t chunk_age(const Arena *a, uint32_t chunk, uint64_t now_s); /* s; UINT64_MAX: nobody knows */
uint64_t chunk_now_s(void);
void chunk_retire(Arena *a, uint32_t chunk); /* nobody's any more: an orphan, or free */
/* Calls fn for each block that has been carved and is in use; fn takes care of what concurrent owners do. */
typedef void ChunkVisit(Arena *a, uint64_t object, uint64_t head, void *arg);
void chunk_each_object(Arena *a, uint32_t chunk, ChunkVisit *fn, void *arg);

/* ---- release.c ---- */
const ArenaClass *arena_class_load(Arena *a, uint32_t class_id);
static inline const ArenaClass *arena_class(Arena *a, uint64_t head) { /* NULL: unknown */
    uint32_t id = SHM_HEAD_CLASS(head);
    return id <= TABLE_MAX_CLASSES && a->classes[id].shape.base ? &a->classes[id] : arena_class_load(a, id);
}
void release_last(Arena *a, uint64_t object);   /* its count has fallen to zero */
void release_shared(Arena *a, uint64_t object); /* the same of a shared one */
void release_count(Arena *a, uint64_t object);  /* one count of a shared object less */
/* Lets go of every shared object that a dead object refers to; `row` is the dead owner of a private one, else 0. 0: nobody here knows to
 * what it refers. */
int release_refs(Arena *a, uint64_t object, uint64_t head, uint32_t row);

/* ---- limbo.c ---- */
#define LIMBO_BATCH 256  /* objects that make a membarrier worth while */
#define LIMBO_ERA_BIT 40 /* in a batch's entries: offsets are below it (shm_arena_layout) */
void limbo_init(Arena *a);
void limbo_poll(Arena *a, size_t batch); /* arena_poll, but begins to wait only when there are `batch` objects */
void limbo_deinit(Arena *a);
void limbo_retire(Arena *a, uint64_t object);
void limbo_adopt(Arena *a, uint32_t row); /* takes over what a dead row has in limbo */
int limbo_empty(const Arena *a);

/* ---- roots.c ---- */
int roots_init(Arena *a);
void roots_deinit(Arena *a);
void roots_insert_reserved(Arena *a, uint64_t object); /* for a proxy of a private object that is being shared */
int roots_copy(Arena *a, ArenaRoots *parents);         /* fork */
void roots_drop_row(Arena *a, uint32_t row);

/* ---- collect.c ---- */
void collect_now_and_then(Arena *a);

/* ---- publish.c ---- */
void publish_drop_row(Arena *a, uint32_t row);

/* ---- share.c ---- */
void share_object(Arena *a, uint64_t object);
int share_counts_as_private(const Arena *a, uint64_t head, uint32_t row);

/* ---- arena_check.c ---- */
/* 0 if offset is a block of a committed chunk of a size class, or of a run; -EINVAL otherwise. */
int check_block(const Arena *a, uint64_t offset, uint32_t *ret_chunk, uint32_t *ret_class);

/* arena_check; and how many objects have a count that nothing in the arena accounts for. */
int check_all(Arena *a, char *text, size_t size, uint64_t *ret_too_high);

void limbo_barrier(void); /* every store that any process made before now is visible afterwards */
int64_t limbo_now_ms(void);
void limbo_push(ArenaBatch *batch, uint64_t entry);
static inline uint64_t limbo_entry_object(uint64_t entry) {
    return entry & (((uint64_t)1 << LIMBO_ERA_BIT) - 1);
}
/* In an epoch: marks a shared object that is not in limbo as being in ours, whatever its count: 1, and its entry for a batch; or 0. */
int limbo_flag(Arena *a, uint64_t object, uint64_t head, uint64_t *ret_entry);
void limbo_put_back(Arena *a, uint64_t entry); /* what limbo_flag gave */

/* ---- proof.c ---- */
void proof_introduce(Arena *a);         /* writes down who we are */
int proof_bury(Arena *a, uint32_t row); /* 1: its process is dead, and it is marked so now */
int proof_bury_all(Arena *a);           /* how many */

uint64_t proof_processor_time(const Arena *a, uint32_t row); /* ns; 0: not known */
int proof_runs(const Arena *a, uint32_t row);                /* 0: no thread of its is on a processor or wants to be */

/* ---- reap.c ---- */
void reap_row(Arena *a, uint32_t row);

/* ---- lists ---- */
int arena_list_push(ArenaList *list, uint32_t value);
