/* The arena: the shared instances of one namespace. The essay on ownership, sharing, epochs and deaths is in arena.c.
 *
 * Thread safety: an Arena belongs to one process and is used by one thread at a time (in Python: under the interpreter lock). */
#pragma once
#include "shared-mem/object.h"
#include "shared-mem/table.h"

#define ARENA_CHUNK_SIZE ((uint64_t)256 * 1024)
#define ARENA_MAX_ROWS 1024
#define ARENA_MAX_NAMES 65536
#define ARENA_DEFAULT_SIZE ((uint64_t)4 << 30) /* sparse; the broker commits chunks on request, within the quota */

typedef struct Arena Arena;

/* ---- the broker's side: creates, hands out rows and chunks, marks the dead; follows no offset ---- */
typedef struct ArenaOwner {
    int fd;
    uint8_t *base; /* maps the header, rows and chunk directory only */
    uint64_t size, quota, mapped;
    uint32_t
        next_chunk; /* chunks are handed out in order; those that become free again are taken by clients among themselves */
    uint32_t prepared; /* chunks below this one have memory already */
    uint8_t restoring; /* names are being given again, as the broker before had them */
    /* Rows that were handed out and whose end nobody told us of: what clients write is not believed. */
    uint8_t lent[ARENA_MAX_ROWS];
} ArenaOwner;
#define ARENA_OWNER_NULL ((ArenaOwner){.fd = -1})

int arena_create(uint64_t size, uint64_t quota, ArenaOwner *ret_owner);
/* Takes over the arena that a broker before this one made: its size must be known. -EPROTO, -EPERM, -EINVAL: it is none. What clients
 * wrote into it is believed as little as ever. Takes the fd on success. */
int arena_owner_adopt(int fd, uint64_t size, uint64_t quota, ArenaOwner *ret_owner);
typedef enum ArenaRowUse { ARENA_ROW_FREE, ARENA_ROW_LIVE, ARENA_ROW_DEAD, ARENA_ROW_LEFT } ArenaRowUse;
/* Rows from this one on were never used, and looking at one takes memory for it. */
uint32_t arena_owner_rows(const ArenaOwner *owner);
ArenaRowUse arena_owner_row(ArenaOwner *owner, uint32_t row,
                            uint32_t *ret_pid);                /* dead: somebody has to give it back */
void arena_owner_set_quota(ArenaOwner *owner, uint64_t quota); /* what is over it already stays */
void arena_owner_deinit(ArenaOwner *owner);
int arena_owner_take_row(ArenaOwner *owner, uint32_t pid,
                         uint32_t *ret_row); /* 1..;  -ENOSPC: none free (dead rows wait for reap) */
/* -ENOSPC; -EINVAL: also when the row's client has died meanwhile, and another may have given back what it had. */
int arena_owner_grow(ArenaOwner *owner, uint32_t row, uint32_t chunks, uint32_t *ret_first, uint32_t *ret_count);
/* As many as that in a row. -EAGAIN: there is memory for some of them now; ask again, for the others. */
int arena_owner_grow_whole(ArenaOwner *owner, uint32_t row, uint32_t chunks, uint32_t *ret_first);
/* What ArenaOps.grow is to do where the owner is in the client's own process. */
int arena_owner_grow_here(ArenaOwner *owner, uint32_t row, uint32_t chunks, int whole, uint32_t *ret_first,
                          uint32_t *ret_count);
int arena_owner_prepare(ArenaOwner *owner,
                        uint32_t chunks); /* gives the next ones memory ahead: 0, or a negative errno */
/* Whether a client may have a chunk that it has not come to need: none is free, and less than an eighth of the quota is
 * handed out. */
int arena_owner_generous(const ArenaOwner *owner);
int arena_owner_in_use(ArenaOwner *owner, uint32_t row);    /* its client has not left */
int arena_owner_any_in_use(ArenaOwner *owner);              /* any row */
int arena_owner_mark_dead(ArenaOwner *owner, uint32_t row); /* 1: it has to be reaped; 0: it left in good order */
void arena_owner_free_row(ArenaOwner *owner,
                          uint32_t row); /* after REAP; ignored unless the row is reaped in the arena, too */

/* A name, known by its place, stands for `object` now (0: none): for those who look for what is held. */
void arena_owner_name(ArenaOwner *owner, uint32_t place, uint64_t object);
/* The same, asked for by the client of `row`, who noted it (arena_publish_begin). `old` is its count to give back. 0; -ECANCELED: it, or
 * whoever reaps it, thinks no more of it. */
int arena_owner_publish(ArenaOwner *owner, uint32_t row, uint32_t note, uint32_t place, uint64_t object, uint64_t old);
/* It had been done before, by another broker perhaps: only the note is brought up to it. */
void arena_owner_published(ArenaOwner *owner, uint32_t row, uint32_t note, uint64_t object, uint64_t old);
/* After arena_owner_adopt: all names have been given again. Until then nobody may think that he sees what they hold. */
void arena_owner_names_are_back(ArenaOwner *owner);

/* When no client is left and no name holds an object: forgets everything and gives the memory back to the system. */
int arena_owner_reset(ArenaOwner *owner);

/* ---- a client's side ---- */
typedef struct ArenaOps {
    /* asks the broker for chunks (GROW), all of which, or (not `whole`) the first of which, are in a row; 0, or negative errno.
     * -ENOTCONN: it is gone for good, clients help themselves */
    int (*grow)(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count);
    void (*reaped)(void *arg, uint32_t row); /* tells it (REAP) */
    /* `object`, which had a proxy, has just become shared; its link was `link` and is 0 now. May be NULL. */
    void (*shared)(void *arg, uint64_t object, uint32_t link);
    /* The count of a private object with link ARENA_LINK_HELD has fallen to 0. It is not released: whoever has its proxy now holds
     * the one count (sets it) and does so later. Runs in the middle of a release: may change this object's header, no more. May be NULL
     * if nobody sets that link. */
    void (*held)(void *arg, uint64_t object);
    /* Whether the proxy of a private object with link ARENA_LINK_HELD is more than a place to find it: somebody has it, or would miss it. May be
     * NULL: each is. */
    int (*keeps)(void *arg, uint64_t object);
    void *arg;
} ArenaOps;

int arena_attach(int fd, uint64_t size, uint32_t row, const Table *table, const ArenaOps *ops,
                 Arena **ret_arena); /* takes the fd */
void arena_detach(Arena *arena); /* gives back the row in good order: everything private is freed, roots are released */
int arena_grant(Arena *arena, uint32_t first, uint32_t count); /* chunks that the broker gave unasked: 0, or -EPROTO */
uint8_t *arena_base(Arena *arena);
int arena_fd(const Arena *arena); /* a program that closes all descriptors has another file under that number */
JitdAlloc *arena_alloc_state(Arena *arena);
_Atomic uint32_t *arena_own_classes(Arena *arena); /* counts the ids of table_make_own's classes */

/* The three imports' bodies. frame->alloc->owner must be the Arena. */
uint64_t arena_alloc(JitdFrame *frame, uint32_t size_class);
void arena_release(JitdFrame *frame, uint64_t object);
void arena_share(JitdFrame *frame, uint64_t object);

/* A new private object of a class with a tail of `length` elements, with one count and zeros in it. 0; -EINVAL: the class has no tail, or is
 * not known; -ENOMEM: the arena is full, or can hold no object that long. */
int arena_new_tail(Arena *arena, uint32_t class_id, uint64_t length, uint64_t *ret_object);
/* Where the tail of an object begins, and how many elements it has, all of it within the object's block. 0; -EINVAL: it is no object with a
 * tail; -EPROTO: its length says more than its block has room for. */
int arena_tail(Arena *arena, uint64_t object, uint64_t *ret_tail, uint64_t *ret_length);

/* Epochs: between enter and leave no block of a shared object is reused that was reachable at some time in between. Nests. Cheap (two plain stores);
 * every native call and every read of a reference out of a shared object happens inside one. */
static inline void arena_enter(Arena *arena);
static inline void arena_leave(Arena *arena);
/* A call that runs other code meanwhile; see arena_inline.h. */
static inline uint32_t arena_pause(Arena *arena);
static inline void arena_resume(Arena *arena, uint32_t nest);
/* Frees what waited for epochs to end, as far as they have; never blocks. Call it now and then, outside native calls. */
void arena_poll(Arena *arena);    /* after a death also collects garbage, a tenth of the time at most */
void arena_breathe(Arena *arena); /* the same at next to no cost where there is nothing to do: in a pause */

/* Checks and roots. */
int arena_check_ref(Arena *arena, uint64_t object,
                    uint32_t *ret_class_id); /* 0 if it is in bounds, aligned, live and of a known class */
/* A proxy for `object` was made / is gone. For a private object nothing is recorded in shared memory; sharing an object
 * that has a proxy (link != 0) adds its root. add/drop do not change counts; add sets a link of 0 to ARENA_LINK_PROXY, drop clears it. */
#define ARENA_LINK_PROXY 0x7fffffff
/* A link for a private object whose proxy stays although nobody in this process uses it: the proxy has given its count back, and is told
 * when the last of the others goes (ArenaOps.held). */
#define ARENA_LINK_HELD 0x7ffffffe
int arena_root_add(Arena *arena, uint64_t object);
void arena_root_drop(Arena *arena, uint64_t object);
int arena_incref_live(Arena *arena, uint64_t object); /* one count more unless it is dying: 0, or -ENOENT */

/* Deaths: gives back everything that dead rows held. Any client may do it at any time; it is done by one at a time and
 * survives the death of whoever does it. Returns how many rows were reaped, or a negative errno. */
int arena_reap(Arena *arena);

/* Frees shared objects that nothing holds though their counts say so: what deaths leave behind, and cycles (collect.c). Waits up to so
 * long (twice) for other processes' calls to end. How many it freed; -EAGAIN: somebody was in a call all the time; -EBUSY: we are. */
int arena_collect(Arena *arena, int milliseconds);

/* Frees private objects that only hold each other (cycles.c). Not where anybody in this process has one in hand that he has not counted. How many it
 * freed, or -ENOMEM. */
int arena_collect_private(Arena *arena);
/* The same for who has a search of his own for what proxies are held by. The graph tells, first, of each private object with a proxy (a link) that
 * nothing but proxies and private objects hold, and whether a private object does; then, which of them can be reached from one, by way of others
 * where fn says so (0; 1: not from that one on; negative: it is enough). Each is told once in a round (1, 2, ...). */
typedef struct ArenaGraph ArenaGraph;
typedef void ArenaFoundFn(void *arg, uint64_t object, int is_referred);
typedef int ArenaReachFn(void *arg, uint64_t object);
int arena_graph_new(Arena *arena, ArenaFoundFn *found, void *arg, ArenaGraph **ret_graph); /* 0, or -ENOMEM */
void arena_graph_reach(ArenaGraph *graph, uint64_t object, uint32_t round, ArenaReachFn *fn, void *arg);
void arena_graph_free(ArenaGraph *graph);
void arena_let_go(Arena *arena, uint64_t object); /* of all that the private object refers to */
int arena_wants_cycles(const Arena *arena);       /* whether there is much more memory of ours than at the last time */

/* A name is about to be given to the object by a request to the broker (0: taken away from it): shares and counts it, and notes that in the
 * row, so that a death in the middle loses no count. Which note; -1: none is free, and only a death is not provided for. */
int arena_publish_begin(Arena *arena, JitdFrame *frame, uint64_t object);
typedef enum PublishOutcome { PUBLISH_DONE, PUBLISH_REFUSED, PUBLISH_UNKNOWN } PublishOutcome;
/* The request ended so; `old` is what it was answered. Gives back the count that is nobody's now. */
void arena_publish_end(Arena *arena, int note, uint64_t object, PublishOutcome outcome, uint64_t old);

/* fork(): in the parent before, shares every object with a proxy; in the child, after it has a new row. */
int arena_before_fork(Arena *arena);
int arena_after_fork_child(Arena *arena, uint32_t new_row, const ArenaOps *ops);
/* In a child that gets no row: from now on it works on a copy of its own, as fork() does with any other memory. The parent must stand
 * still meanwhile. 0 or a negative errno. */
int arena_copy_for_child(Arena *arena);

typedef struct ArenaStats {
    uint64_t bytes_committed, bytes_used, objects, shared_objects, rows, dead_rows;
} ArenaStats;
void arena_stats(Arena *arena, ArenaStats *ret_stats);

/* Walks everything; for tests, `jitctl` and after a death. 0, or the number of inconsistencies, the first described in text. Only exact
 * while nobody mutates; expects every other client to be stopped or dead and reaped. */
int arena_check(Arena *arena, char *text, size_t size);

#include "shared-mem/arena_inline.h"
