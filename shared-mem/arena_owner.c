/* The broker's side of an arena: it makes the file, hands out rows and chunks, and marks the dead. It follows no offset and
 * believes nothing it reads here: what clients write into rows and directory can at worst harm their own namespace. */
#include "shared-mem/arena_layout.h"
#include "shared-mem/memfd.h"
#include "base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/* Clients take chunks behind `committed` only, so that a second try is rare. A directory that is all taken was written by a
 * liar: its chunks must not be committed one by one while other peers wait. */
#define GROW_TRIES 16
#define WHOLE_TRIES 3   /* of these each takes as many */
#define PREPARE_STEP 64 /* chunks that are given memory at once: what that takes, all peers wait */
#define BITS_BYTES ((uint64_t)SHM_BITS_WORDS * 8)

int shm_arena_layout(uint64_t size, ShmArena *ret_header) {
    uint64_t fixed =
        sizeof(ShmArena) + (uint64_t)ARENA_MAX_ROWS * sizeof(ShmRow) + ARENA_MAX_NAMES * 8 + ARENA_CHUNK_SIZE + 4096;
    if (size % 4096 || size <= fixed + 2 * ARENA_CHUNK_SIZE || size > (uint64_t)1 << 40)
        return -EINVAL;
    uint64_t n = (size - fixed) / (ARENA_CHUNK_SIZE + sizeof(ShmChunk) + BITS_BYTES);
    *ret_header = (ShmArena){.layout = ARENA_LAYOUT, .nchunks = (uint32_t)n, .size = size, .rows_at = sizeof(ShmArena)};
    ret_header->names_at = ret_header->rows_at + (uint64_t)ARENA_MAX_ROWS * sizeof(ShmRow);
    ret_header->directory_at = ret_header->names_at + ARENA_MAX_NAMES * 8;
    ret_header->bits_at = (ret_header->directory_at + n * sizeof(ShmChunk) + 4095) & ~(uint64_t)4095;
    ret_header->chunks_at = (ret_header->bits_at + n * BITS_BYTES + ARENA_CHUNK_SIZE - 1) & ~(ARENA_CHUNK_SIZE - 1);
    return 0;
}

static ShmArena *header(const ArenaOwner *owner) {
    return (ShmArena *)owner->base;
}

/* The layout again from the size: what is in the file is the clients' to write. */
static ShmArena layout_of(const ArenaOwner *owner) {
    ShmArena layout = {0};
    shm_arena_layout(owner->size, &layout);
    return layout;
}

static uint32_t chunk_limit(const ArenaOwner *owner) {
    uint64_t limit = owner->quota / ARENA_CHUNK_SIZE;
    ShmArena layout = layout_of(owner);
    return limit < layout.nchunks ? (uint32_t)limit : layout.nchunks;
}

static ShmRow *row_at(const ArenaOwner *owner, uint32_t row) {
    return (ShmRow *)(owner->base + sizeof(ShmArena)) + row;
}

static void write_header(ArenaOwner *owner) {
    ShmArena *h = header(owner);
    *h = layout_of(owner);
    h->limit = chunk_limit(owner);
    SHM_STEP();
    atomic_store_explicit(&h->top_row, 1, memory_order_relaxed); /* 0 means nobody */
    h->magic = ARENA_MAGIC;
}

int arena_create(uint64_t size, uint64_t quota, ArenaOwner *ret_owner) {
    ShmArena layout = {0};
    int r = shm_arena_layout(size, &layout);
    if (r < 0)
        return r;
    cleanup_close int fd = memfd_new("jitd-arena", size);
    if (fd < 0)
        return fd;
    r = memfd_seal(fd, MEMFD_SEALS_SIZE);
    if (r < 0)
        return r;
    uint8_t *base = mmap(NULL, layout.bits_at, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    *ret_owner = (ArenaOwner){.fd = steal_fd(fd), .base = base, .size = size, .quota = quota, .mapped = layout.bits_at};
    write_header(ret_owner);
    return 0;
}

static int header_is_ours(const ArenaOwner *owner) {
    ShmArena want = layout_of(owner);
    const ShmArena *h = header(owner);
    return h->magic == ARENA_MAGIC && h->layout == want.layout && h->size == want.size && h->nchunks == want.nchunks &&
           h->rows_at == want.rows_at && h->names_at == want.names_at && h->directory_at == want.directory_at &&
           h->bits_at == want.bits_at && h->chunks_at == want.chunks_at;
}

uint32_t arena_owner_rows(const ArenaOwner *owner) {
    uint32_t top = atomic_load_explicit(&header(owner)->top_row, memory_order_acquire);
    return top < ARENA_MAX_ROWS ? top : ARENA_MAX_ROWS;
}

ArenaRowUse arena_owner_row(ArenaOwner *owner, uint32_t row, uint32_t *ret_pid) {
    ShmRow *r = row_at(owner, row);
    *ret_pid = atomic_load_explicit(&r->pid, memory_order_relaxed);
    switch (SHM_ROW_KIND(atomic_load_explicit(&r->state, memory_order_acquire))) {
    case SHM_ROW_LIVE:
        return ARENA_ROW_LIVE;
    case SHM_ROW_DEAD:
    case SHM_ROW_REAPING:
    case SHM_ROW_REAPED:
        return ARENA_ROW_DEAD;
    case SHM_ROW_LEFT:
        return ARENA_ROW_LEFT;
    default:
        return ARENA_ROW_FREE;
    }
}

void arena_owner_set_quota(ArenaOwner *owner, uint64_t quota) {
    owner->quota = quota;
    header(owner)->limit = chunk_limit(owner);
}

void arena_owner_deinit(ArenaOwner *owner) {
    if (owner->base)
        munmap(owner->base, owner->mapped);
    if (owner->fd >= 0)
        close(owner->fd);
    *owner = ARENA_OWNER_NULL;
}

static void init_row(ShmRow *row, uint32_t pid) {
    uint64_t active = atomic_load_explicit(&row->active, memory_order_relaxed);
    memset(row->limbo, 0, sizeof row->limbo);
    memset(row->roots, 0, sizeof row->roots);
    memset(row->notes, 0, sizeof row->notes);
    SHM_STEP();
    atomic_store_explicit(&row->pid, pid, memory_order_relaxed);
    atomic_store_explicit(&row->sharing, 0, memory_order_relaxed);
    atomic_store_explicit(&row->self, 0, memory_order_relaxed);
    atomic_store_explicit(&row->pid_space, 0, memory_order_relaxed);
    atomic_store_explicit(&row->depth, 0, memory_order_relaxed);
    atomic_store_explicit(&row->active, (active | 1) + 1,
                          memory_order_relaxed); /* outside, and never seen before: limbo.c */
    atomic_store_explicit(&row->state, SHM_ROW_STATE(SHM_ROW_LIVE, (uint64_t)(uint32_t)(active >> 1)),
                          memory_order_release);
    SHM_STEP();
}

int arena_owner_take_row(ArenaOwner *owner, uint32_t pid, uint32_t *ret_row) {
    for (uint32_t i = 1; i < ARENA_MAX_ROWS; i++) {
        uint32_t kind = SHM_ROW_KIND(
            atomic_load_explicit(&row_at(owner, i)->state, memory_order_acquire)); /* partner: arena_reap */
        if (owner->lent[i] || (kind != SHM_ROW_FREE && kind != SHM_ROW_REAPED))
            continue;
        if (atomic_load_explicit(&header(owner)->top_row, memory_order_relaxed) <= i)
            atomic_store_explicit(&header(owner)->top_row, i + 1, memory_order_release);
        init_row(row_at(owner, i), pid);
        owner->lent[i] = 1;
        *ret_row = i;
        return 0;
    }
    return -ENOSPC;
}

static int commit(ArenaOwner *owner, uint32_t first, uint32_t count) {
    ShmArena layout = layout_of(owner);
    off_t at = (off_t)(layout.chunks_at + first * ARENA_CHUNK_SIZE);
    off_t bits = (off_t)(layout.bits_at + first * BITS_BYTES);
    if (fallocate(owner->fd, FALLOC_FL_KEEP_SIZE, at, (off_t)(count * ARENA_CHUNK_SIZE)) < 0 ||
        fallocate(owner->fd, FALLOC_FL_KEEP_SIZE, bits, (off_t)(count * BITS_BYTES)) < 0)
        return errno == EINTR ? -EAGAIN : -ENOSPC;
    return 0;
}

int arena_owner_generous(const ArenaOwner *owner) {
    return atomic_load_explicit(&header(owner)->unowned, memory_order_relaxed) <= 0 &&
           owner->next_chunk < chunk_limit(owner) / 8;
}

int arena_owner_prepare(ArenaOwner *owner, uint32_t chunks) {
    uint32_t limit = chunk_limit(owner);
    if (owner->next_chunk >= limit) /* the quota may have been made smaller */
        return 0;
    uint32_t want = limit - owner->next_chunk < chunks ? limit : owner->next_chunk + chunks;
    if (want <= owner->prepared)
        return 0;
    uint32_t first = owner->prepared > owner->next_chunk ? owner->prepared : owner->next_chunk;
    int r = commit(owner, first, want - first);
    if (r == 0)
        owner->prepared = want;
    return r;
}

/* Clients that believe us dead take chunks themselves (chunk.c): theirs are left out. */
static void pass_by_committed(ArenaOwner *owner, uint32_t limit) {
    uint32_t committed = atomic_load_explicit(&header(owner)->committed, memory_order_acquire); /* partner: chunk.c */
    if (committed > owner->next_chunk && committed <= limit)
        owner->next_chunk = committed;
}

static void raise_committed(ArenaOwner *owner, uint32_t to) {
    uint32_t committed = atomic_load_explicit(&header(owner)->committed, memory_order_relaxed);
    while (committed < to && !atomic_compare_exchange_weak_explicit(&header(owner)->committed, &committed, to,
                                                                    memory_order_release, /* partner: arena_committed */
                                                                    memory_order_relaxed))
        ;
}

static uint32_t take_each(ShmChunk *chunk, uint32_t row, uint32_t count) {
    for (uint32_t i = 0, none = 0; i < count; i++, none = 0) {
        SHM_STEP();
        if (!atomic_compare_exchange_strong_explicit(&chunk[i].state, &none, SHM_CHUNK_STATE(0, row),
                                                     memory_order_acq_rel, memory_order_relaxed))
            return i;
    }
    return count;
}

/* The chunks from next_chunk on that nobody is faster to take; the rest of `count` is for anybody. Who says first that they are there, and is
 * killed then, leaves free chunks, or the row's; the other way round they would be nobody's until the arena is empty
 * (tests/models/freelist.pml). */
static uint32_t give_chunks(ArenaOwner *owner, uint32_t row, uint32_t count) {
    ShmArena layout = layout_of(owner);
    raise_committed(owner, owner->next_chunk + count);
    uint32_t given = take_each((ShmChunk *)(owner->base + layout.directory_at) + owner->next_chunk, row, count);
    SHM_STEP();
    atomic_fetch_add_explicit(&header(owner)->unowned, (int32_t)(count - given), memory_order_relaxed);
    owner->next_chunk += count;
    return given;
}

int arena_owner_in_use(ArenaOwner *owner, uint32_t row) {
    return row && row < ARENA_MAX_ROWS &&
           SHM_ROW_KIND(atomic_load_explicit(&row_at(owner, row)->state, memory_order_acquire)) == SHM_ROW_LIVE;
}

int arena_owner_grow(ArenaOwner *owner, uint32_t row, uint32_t chunks, uint32_t *ret_first, uint32_t *ret_count) {
    if (!chunks || !arena_owner_in_use(owner, row))
        return -EINVAL;
    uint32_t limit = chunk_limit(owner), given = 0;
    for (int tries = 0; !given; tries++, chunks = 1) {
        pass_by_committed(owner, limit);
        if (tries == GROW_TRIES || owner->next_chunk >= limit)
            return -ENOSPC;
        uint32_t left = limit - owner->next_chunk, count = chunks < left ? chunks : left;
        int r = arena_owner_prepare(owner, count);
        if (r < 0)
            return r;
        *ret_first = owner->next_chunk;
        given = give_chunks(owner, row, count);
    }
    *ret_count = given;
    return 0;
}

/* Memory for the next `chunks`, a step of it at a time: 0; -EAGAIN: not all of it is there yet. */
static int prepare_step(ArenaOwner *owner, uint32_t chunks) {
    uint32_t ahead = owner->prepared > owner->next_chunk ? owner->prepared - owner->next_chunk : 0;
    if (ahead >= chunks)
        return 0;
    int last = chunks - ahead <= PREPARE_STEP, r = arena_owner_prepare(owner, last ? chunks : ahead + PREPARE_STEP);
    return r < 0 ? r : last ? 0 : -EAGAIN;
}

/* Some that were given, but are not in the row that was wanted, are for anybody. */
static void set_free(ArenaOwner *owner, uint32_t first, uint32_t count) {
    ShmArena layout = layout_of(owner);
    ShmChunk *chunk = (ShmChunk *)(owner->base + layout.directory_at) + first;
    for (uint32_t i = 0; i < count; i++)
        atomic_store_explicit(&chunk[i].state, 0, memory_order_release);
    atomic_fetch_add_explicit(&header(owner)->unowned, (int32_t)count, memory_order_relaxed);
}

int arena_owner_grow_whole(ArenaOwner *owner, uint32_t row, uint32_t chunks, uint32_t *ret_first) {
    if (!chunks || !arena_owner_in_use(owner, row))
        return -EINVAL;
    uint32_t limit = chunk_limit(owner);
    for (int tries = 0; tries < WHOLE_TRIES; tries++) {
        pass_by_committed(owner, limit);
        if (owner->next_chunk >= limit || chunks > limit - owner->next_chunk)
            return -ENOSPC;
        int r = prepare_step(owner, chunks);
        if (r < 0)
            return r;
        uint32_t first = owner->next_chunk, given = give_chunks(owner, row, chunks);
        if (given == chunks) {
            *ret_first = first;
            return 0;
        }
        set_free(owner, first, given);
    }
    return -ENOSPC;
}

int arena_owner_grow_here(ArenaOwner *owner, uint32_t row, uint32_t chunks, int whole, uint32_t *ret_first,
                          uint32_t *ret_count) {
    int r = -EAGAIN;
    if (!whole)
        return arena_owner_grow(owner, row, chunks, ret_first, ret_count);
    while (r == -EAGAIN)
        r = arena_owner_grow_whole(owner, row, chunks, ret_first);
    *ret_count = chunks;
    return r;
}

static int change(ArenaOwner *owner, uint32_t row, uint32_t from, uint32_t to) {
    uint64_t old = atomic_load_explicit(&row_at(owner, row)->state, memory_order_relaxed);
    return SHM_ROW_KIND(old) == from &&
           atomic_compare_exchange_strong_explicit(&row_at(owner, row)->state, &old, SHM_ROW_STATE(to, 0),
                                                   memory_order_acq_rel, memory_order_relaxed);
}

int arena_owner_mark_dead(ArenaOwner *owner, uint32_t row) {
    if (!row || row >= ARENA_MAX_ROWS)
        return 0;
    owner->lent[row] = 0;
    SHM_STEP();
    if (change(owner, row, SHM_ROW_LIVE, SHM_ROW_DEAD))
        atomic_fetch_add_explicit(&header(owner)->deaths, 1, memory_order_release); /* partner: arena_poll */
    change(owner, row, SHM_ROW_LEFT, SHM_ROW_FREE);
    uint32_t kind = SHM_ROW_KIND(atomic_load_explicit(&row_at(owner, row)->state, memory_order_relaxed));
    return kind == SHM_ROW_DEAD || kind == SHM_ROW_REAPING; /* a client may have found it dead before us */
}

void arena_owner_free_row(ArenaOwner *owner, uint32_t row) {
    if (row && row < ARENA_MAX_ROWS)
        change(owner, row, SHM_ROW_REAPED, SHM_ROW_FREE);
}

/* While names and notes change at our hand `publications` is odd: who looks at them then looks again (collect.c). A broker that
 * dies in between leaves it odd, until the next one has seen to the names. */
static void begin_names(ArenaOwner *owner) {
    uint64_t n = atomic_load_explicit(&header(owner)->publications, memory_order_relaxed);
    atomic_store_explicit(&header(owner)->publications, n | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    SHM_STEP();
}

static void end_names(ArenaOwner *owner) {
    uint64_t n = atomic_load_explicit(&header(owner)->publications, memory_order_relaxed);
    SHM_STEP();
    if (!owner->restoring)
        atomic_store_explicit(&header(owner)->publications, (n | 1) + 1, memory_order_release);
    SHM_STEP();
}

static _Atomic uint64_t *names_of(const ArenaOwner *owner) {
    ShmArena layout = layout_of(owner);
    return (_Atomic uint64_t *)(owner->base + layout.names_at);
}

static void set_name(ArenaOwner *owner, uint32_t place, uint64_t object) {
    if (atomic_load_explicit(&header(owner)->top_name, memory_order_relaxed) <= place)
        atomic_store_explicit(&header(owner)->top_name, place + 1, memory_order_release);
    atomic_store_explicit(&names_of(owner)[place], object, memory_order_release); /* partner: collect.c */
}

void arena_owner_name(ArenaOwner *owner, uint32_t place, uint64_t object) {
    if (place >= ARENA_MAX_NAMES)
        return;
    begin_names(owner);
    set_name(owner, place, object);
    end_names(owner);
}

static void forget_names(ArenaOwner *owner) {
    owner->restoring = 1;
    begin_names(owner);
    uint32_t top = atomic_load_explicit(&header(owner)->top_name, memory_order_relaxed);
    for (uint32_t i = 0; i < top && i < ARENA_MAX_NAMES; i++)
        if (atomic_load_explicit(&names_of(owner)[i], memory_order_relaxed))
            atomic_store_explicit(&names_of(owner)[i], 0, memory_order_relaxed);
}

void arena_owner_names_are_back(ArenaOwner *owner) {
    owner->restoring = 0;
    end_names(owner);
}

static ShmNote *note_at(const ArenaOwner *owner, uint32_t row, uint32_t note) {
    return row && row < ARENA_MAX_ROWS && note < SHM_ROW_NOTES ? &row_at(owner, row)->notes[note] : NULL;
}

static int note_is_of(const ShmNote *note, uint64_t object) {
    uint64_t word = atomic_load_explicit(&note->object, memory_order_acquire); /* partner: arena_publish_begin */
    return word == (object | SHM_NOTE_ASKED) || word == (object | SHM_NOTE_DONE);
}

static int set_done(ShmNote *note, uint64_t object, uint64_t old) {
    uint64_t asked = object | SHM_NOTE_ASKED;
    atomic_store_explicit(&note->old, old, memory_order_release);
    SHM_STEP();
    return atomic_compare_exchange_strong_explicit(&note->object, &asked, object | SHM_NOTE_DONE, memory_order_acq_rel,
                                                   memory_order_relaxed) ||
           asked == (object | SHM_NOTE_DONE); /* by a broker that died before it could tell its successor */
}

int arena_owner_publish(ArenaOwner *owner, uint32_t row, uint32_t note, uint32_t place, uint64_t object, uint64_t old) {
    ShmNote *n = note_at(owner, row, note);
    if (!n || place >= ARENA_MAX_NAMES)
        return -EINVAL;
    if (!note_is_of(n, object))
        return -ECANCELED;
    begin_names(owner);
    int done = set_done(n, object, old);
    SHM_STEP();
    if (done)
        set_name(owner, place, object);
    end_names(owner);
    return done ? 0 : -ECANCELED;
}

void arena_owner_published(ArenaOwner *owner, uint32_t row, uint32_t note, uint64_t object, uint64_t old) {
    ShmNote *n = note_at(owner, row, note);
    if (!n || !note_is_of(n, object))
        return;
    begin_names(owner);
    set_done(n, object, old);
    end_names(owner);
}

int arena_owner_adopt(int fd, uint64_t size, uint64_t quota, ArenaOwner *ret_owner) {
    ShmArena layout = {0};
    int r = shm_arena_layout(size, &layout);
    if (r == 0)
        r = memfd_verify(fd, size, MEMFD_SEALS_SIZE);
    if (r < 0)
        return r;
    uint8_t *base = mmap(NULL, layout.bits_at, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    ArenaOwner owner = {.fd = fd, .base = base, .size = size, .quota = quota, .mapped = layout.bits_at};
    if (!header_is_ours(&owner)) {
        munmap(base, layout.bits_at);
        return -EPROTO;
    }
    pass_by_committed(&owner, chunk_limit(&owner));
    for (uint32_t i = 1, n = arena_owner_rows(&owner); i < n; i++) {
        uint32_t kind = SHM_ROW_KIND(atomic_load_explicit(&row_at(&owner, i)->state, memory_order_acquire));
        owner.lent[i] = kind == SHM_ROW_LIVE || kind == SHM_ROW_LEFT;
    }
    forget_names(&owner);
    *ret_owner = owner;
    return 0;
}

int arena_owner_any_in_use(ArenaOwner *owner) {
    for (uint32_t i = 1, n = arena_owner_rows(owner); i < n; i++)
        if (arena_owner_in_use(owner, i))
            return 1;
    return 0;
}

int arena_owner_reset(ArenaOwner *owner) {
    if (arena_owner_any_in_use(owner))
        return -EBUSY;
    if (fallocate(owner->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)owner->size) < 0)
        return -errno;
    owner->next_chunk = owner->prepared = 0;
    memset(owner->lent, 0, sizeof owner->lent);
    write_header(owner);
    return 0;
}
