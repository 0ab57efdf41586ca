/* What lies where in an arena's memfd, seen by all processes: offsets and fixed-width integers only.
 *
 *   header, one page | rows, one page each | what names stand for | chunk directory | bits: 1 KiB per chunk | chunks of 256 KiB
 */
#pragma once
#include "shared-mem/object.h"
#include "shared-mem/arena.h"

#define ARENA_MAGIC 0x616e6572616474ULL
#define ARENA_LAYOUT 5

typedef struct ShmArena {
    uint64_t magic;
    uint32_t layout, nchunks;
    uint64_t size, rows_at, names_at, directory_at, bits_at, chunks_at;
    uint32_t limit;                /* chunks that the namespace may have */
    _Atomic uint32_t committed;    /* chunks below this one are backed by memory; only grows (but for a reset) */
    _Atomic uint32_t top_row;      /* rows from this one on were never used */
    _Atomic int32_t unowned;       /* chunks without an owner: a hint where looking is worth it */
    _Atomic uint32_t own_classes;  /* ids given out to classes that only their process knows: table_make_own */
    _Atomic uint32_t deaths;       /* rows that were marked dead so far: who sees it change reaps */
    _Atomic uint32_t era;          /* counts up; an object knows in which it became shared (limbo.c) */
    _Atomic uint32_t top_name;     /* places of names from this one on were never used */
    _Atomic uint64_t publications; /* counts up when names or notes change at the broker's hand; odd while they do */
    uint8_t pad[4096 - 104];
} ShmArena;
_Static_assert(sizeof(ShmArena) == 4096, "arena header");

/* A client's row. */
enum {
    SHM_ROW_FREE = 0,
    SHM_ROW_LIVE = 1,    /* a client has it; the upper half tells it from those before it */
    SHM_ROW_DEAD = 2,    /* its client died; nobody looks after it yet */
    SHM_ROW_REAPING = 3, /* the row in the upper half, as SHM_ROW_CLAIM, is giving back what it held */
    SHM_ROW_REAPED = 4,  /* holds nothing; the broker may hand it out again */
    SHM_ROW_LEFT = 5,    /* the same, but its client gave it back itself and may still be connected */
};
#define SHM_ROW_STATE(kind, reaper) ((uint64_t)(kind) | (uint64_t)(reaper) << 32)
#define SHM_ROW_KIND(state) ((uint32_t)(state))
#define SHM_ROW_REAPER(state) ((uint32_t)((state) >> 32))
/* Which row, and by what the upper half of its LIVE tells this client from those before it: who has looked at a dead reaper and then swaps must
 * not take the claim of the next client of that row for the dead one's (tests/models/rows.pml). */
#define SHM_ROW_CLAIM(row, live) ((uint32_t)(row) | SHM_ROW_REAPER(live) << 10)
#define SHM_ROW_CLAIMANT(claim) ((claim) % ARENA_MAX_ROWS)
_Static_assert(ARENA_MAX_ROWS == 1 << 10, "a claim has ten bits for the row");

#define SHM_ROW_LIMBO_WORDS 256
#define SHM_ROW_LIMBO_BITS (SHM_ROW_LIMBO_WORDS * 64)
#define SHM_ROW_ROOTS 240
#define SHM_ROW_NOTES 2

/* A publication under way (publish.c). object: its offset and one of these; 0: none. */
#define SHM_NOTE_ASKED 1     /* the row has a count of it, which is the name's when the broker has done it */
#define SHM_NOTE_DONE 2      /* the name has it; the row has one of `old` */
#define SHM_NOTE_CANCELLED 3 /* the broker must not do it any more */
typedef struct ShmNote {
    _Atomic uint64_t object, old;
} ShmNote;
_Static_assert(sizeof(ShmNote) == 16, "note");

typedef struct ShmRow {
    _Atomic uint64_t state;
    _Atomic uint32_t pid; /* as the broker sees it: for people */
    _Atomic uint32_t
        sharing;           /* 1 while a closure is being made shared: objects with SHM_SHARING still count as private */
    _Atomic uint32_t self; /* the process's own number, */
    uint8_t pad0[4];       /* */
    _Atomic uint64_t pid_space; /* in the pid namespace with this inode (proof.c); 0: not known */
    ShmNote notes[SHM_ROW_NOTES];
    _Atomic uint64_t active; /* odd inside an epoch; own cache line */
    _Atomic uint64_t pauses; /* so far */
    _Atomic uint64_t depth;  /* of pauses now: that many calls go on though their epochs have ended */
    uint8_t pad2[40];
    _Atomic uint64_t limbo[SHM_ROW_LIMBO_WORDS]; /* bit (chunk mod 16384): an object in it may be in this row's limbo */
    _Atomic uint64_t
        roots[SHM_ROW_ROOTS]; /* objects that a proxy holds; more of them in chunks of class SHM_CLASS_ROOTS */
} ShmRow;
_Static_assert(sizeof(ShmRow) == 4096, "row");
_Static_assert(offsetof(ShmRow, active) == 64 && offsetof(ShmRow, depth) == 80, "arena_pause knows where they are");

/* A chunk's state is one word: size class | owner's row << 8. Owner 0: an orphan, or free when the class is 0, too. */
typedef struct ShmChunk {
    _Atomic uint32_t state;
    _Atomic uint32_t bump;   /* blocks carved so far; what lies behind is not to be looked at */
    _Atomic uint32_t remote; /* blocks freed by others since the owner last looked: a hint */
    _Atomic uint32_t live;   /* blocks in use when it became an orphan: a hint */
    _Atomic uint32_t run;    /* of class SHM_CLASS_RUN: how many chunks the run has */
    _Atomic uint32_t
        since; /* seconds of CLOCK_MONOTONIC, and 1: when it came to be used as it is; for people. 0: not known */
    uint8_t pad[40];
} ShmChunk;
_Static_assert(sizeof(ShmChunk) == 64, "chunk directory entry");

#define SHM_CHUNK_STATE(size_class, row) ((uint32_t)(size_class) | (uint32_t)(row) << 8)
#define SHM_CHUNK_CLASS(state) ((state) & 0xff)
#define SHM_CHUNK_ROW(state) ((state) >> 8)
#define SHM_CLASS_ROOTS 1 /* not a size class: an array of roots */
#define SHM_CLASS_FIRST 2
#define SHM_CLASS_LAST 60
#define SHM_CLASS_RUN 61  /* not one either: the first chunk of a run, which is one block (run.c) */
#define SHM_CLASS_REST 62 /* a further chunk of a run; of no owner */
#define SHM_CHUNK_ROOTS (ARENA_CHUNK_SIZE / 8)

#define SHM_BITS_WORDS                                                                                                 \
    128 /* per chunk, one bit per block (at most 8192): freed by a process that does not own the chunk */

/* A flag of the head: part of a closure that is on its way to being shared. */
#define SHM_SHARING ((uint64_t)1 << 40)

/* link of a shared object that is not in limbo: the era in which it became shared; 0 when that has been forgotten. */
#define SHM_ERA_MAX 0xffffffu

/* link of an object in limbo: whose. The top bit keeps it apart from every link of a free block, which lies in the same place. */
#define SHM_LINK_LIMBO(row) (0x80000000u | (row))

/* refs and link are changed together where that matters. */
#define SHM_COUNT(refs, link) ((uint64_t)(refs) | (uint64_t)(link) << 32)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "refs is the lower half of the count word");

static inline _Atomic uint64_t *shm_count_word(ShmObject *object) {
    return (_Atomic uint64_t *)&object->refs;
}

/* The layout of an arena of `size` bytes: fills in everything but magic and the atomics. -EINVAL if it makes no sense. */
int shm_arena_layout(uint64_t size, ShmArena *ret_header);

static inline uint32_t shm_chunk_blocks(uint32_t size_class) {
    return (uint32_t)(ARENA_CHUNK_SIZE / shm_class_block_size(size_class));
}
