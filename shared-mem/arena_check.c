/* Looking at an arena without trusting it: references from outside, statistics, and the full check for tests and after deaths. */
#include "shared-mem/trace.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int check_block(const Arena *a, uint64_t offset, uint32_t *ret_chunk, uint32_t *ret_class) {
    if (offset < a->chunks_at || offset % 16)
        return -EINVAL;
    uint64_t chunk = (offset - a->chunks_at) / ARENA_CHUNK_SIZE, in = (offset - a->chunks_at) % ARENA_CHUNK_SIZE;
    if (chunk >= arena_committed(a))
        return -EINVAL;
    uint32_t class = SHM_CHUNK_CLASS(arena_chunk_state(a, (uint32_t)chunk));
    uint64_t block = arena_block_size(a, (uint32_t)chunk, class);
    if (!block || in % block || in + block > (class == SHM_CLASS_RUN ? block : ARENA_CHUNK_SIZE))
        return -EINVAL;
    if (in / block >= atomic_load_explicit(&arena_chunk(a, (uint32_t)chunk)->bump, memory_order_acquire))
        return -EINVAL;
    *ret_chunk = (uint32_t)chunk;
    *ret_class = class;
    return 0;
}

int arena_check_ref(Arena *a, uint64_t object, uint32_t *ret_class_id) {
    uint32_t chunk, size_class;
    int r = check_block(a, object, &chunk, &size_class);
    if (r < 0)
        return r;
    uint64_t head = shm_head(arena_object(a, object));
    uint8_t state = SHM_HEAD_STATE(head);
    if (state != SHM_STATE_SHARED && !(state == SHM_STATE_PRIVATE && SHM_HEAD_ROW(head) == a->row))
        return -ENOENT;
    const ArenaClass *c = arena_class(a, head);
    if (!c || !tail_fits(a, object, c, size_class))
        return -ENOENT;
    if (!(atomic_load_explicit(&arena_object(a, object)->refs, memory_order_acquire) & SHM_REFS_COUNT))
        return -ENOENT;
    *ret_class_id = SHM_HEAD_CLASS(head);
    return 0;
}

/* ---- statistics ---- */

static void count_object(Arena *a, uint64_t object, uint64_t head, void *arg) {
    ArenaStats *s = arg;
    s->objects++;
    s->shared_objects += SHM_HEAD_STATE(head) == SHM_STATE_SHARED;
    s->bytes_used += arena_block_of(a, object);
}

void arena_stats(Arena *a, ArenaStats *ret_stats) {
    ArenaStats s = {.bytes_committed = arena_committed(a) * ARENA_CHUNK_SIZE};
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        chunk_each_object(a, i, count_object, &s);
    for (uint32_t i = 1; i < ARENA_MAX_ROWS; i++) {
        uint32_t kind = SHM_ROW_KIND(atomic_load_explicit(&arena_row(a, i)->state, memory_order_acquire));
        s.rows += kind == SHM_ROW_LIVE;
        s.dead_rows += kind == SHM_ROW_DEAD || kind == SHM_ROW_REAPING;
    }
    *ret_stats = s;
}

/* ---- the full check ---- */

typedef struct Check {
    char *text;
    size_t size;
    int errors;
    uint32_t *expected; /* per 16 bytes of the arena: references found */
    uint64_t too_high;
    uint64_t run_end; /* the chunk behind the last run that was looked at */
} Check;

__attribute__((format(printf, 2, 3))) static void error(Check *c, const char *format, ...) {
    if (c->errors++ == 0 && c->size) {
        va_list args;
        va_start(args, format);
        vsnprintf(c->text, c->size, format, args);
        va_end(args);
    }
}

typedef struct CheckedObject {
    Check *c;
    uint64_t object, head;
} CheckedObject;

static void check_ref(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    const CheckedObject *from = arg;
    Check *c = from->c;
    uint64_t object = from->object, head = from->head;
    uint32_t chunk, size_class;
    (void)place;
    if (check_block(a, child, &chunk, &size_class) < 0) {
        error(c, "object %#lx refers to %#lx, which is no block", (long)object, (long)child);
        return;
    }
    uint64_t child_head = shm_head(arena_object(a, child));
    uint8_t state = SHM_HEAD_STATE(child_head);
    if (state != SHM_STATE_SHARED && state != SHM_STATE_PRIVATE)
        error(c, "object %#lx refers to %#lx, which is free", (long)object, (long)child);
    else if (state == SHM_STATE_PRIVATE && SHM_HEAD_STATE(head) == SHM_STATE_SHARED)
        error(c, "shared object %#lx refers to the private %#lx", (long)object, (long)child);
    else if (state == SHM_STATE_PRIVATE && SHM_HEAD_ROW(child_head) != SHM_HEAD_ROW(head))
        error(c, "object %#lx refers to another row's private %#lx", (long)object, (long)child);
    c->expected[child / 16]++;
}

static void check_object(Arena *a, uint64_t object, uint64_t head, void *arg) {
    Check *c = arg;
    uint32_t chunk = arena_chunk_of(a, object), state = arena_chunk_state(a, chunk);
    const ArenaClass *class = arena_class(a, head);
    if (SHM_HEAD_STATE(head) != SHM_STATE_PRIVATE && SHM_HEAD_STATE(head) != SHM_STATE_SHARED)
        error(c, "block %#lx has state %u", (long)object, SHM_HEAD_STATE(head));
    else if (!class && SHM_HEAD_CLASS(head) > TABLE_OWN_CLASSES)
        return; /* only its process knows what it refers to */
    else if (!class || !tail_fits(a, object, class, SHM_CHUNK_CLASS(state)))
        error(c, "object %#lx is of class %u in a chunk of size class %u", (long)object, SHM_HEAD_CLASS(head),
              SHM_CHUNK_CLASS(state));
    else if (SHM_HEAD_STATE(head) == SHM_STATE_PRIVATE && SHM_HEAD_ROW(head) != SHM_CHUNK_ROW(state))
        error(c, "private object %#lx of row %u in a chunk of row %u", (long)object, SHM_HEAD_ROW(head),
              SHM_CHUNK_ROW(state));
    else
        arena_each_ref(a, object, class, check_ref, &(CheckedObject){.c = c, .object = object, .head = head});
}

/* Of a class that only its process knows: table_make_own. */
static bool is_of_own_class(const Arena *a, uint64_t object) {
    uint32_t chunk, size_class;
    if (check_block(a, object, &chunk, &size_class) < 0)
        return false;
    uint64_t head = shm_head(arena_object(a, object));
    return SHM_HEAD_STATE(head) == SHM_STATE_SHARED && SHM_HEAD_CLASS(head) > TABLE_OWN_CLASSES;
}

static void check_root(Arena *a, Check *c, uint32_t row, uint64_t object) {
    uint32_t class_id;
    if (!object)
        return;
    if (arena_check_ref(a, object, &class_id) < 0 && !is_of_own_class(a, object))
        error(c, "row %u holds %#lx, which is no live object", row, (long)object);
    else
        c->expected[object / 16]++;
}

static void check_rows(Arena *a, Check *c) {
    for (uint32_t i = 1; i < ARENA_MAX_ROWS; i++)
        for (uint32_t j = 0; j < SHM_ROW_ROOTS; j++)
            check_root(a, c, i, atomic_load_explicit(&arena_row(a, i)->roots[j], memory_order_relaxed));
}

/* Of a dead one's chunks somebody will see to it; nobody would of those of a row that holds nothing. */
static bool owns_chunks(const Arena *a, uint32_t row) {
    uint32_t kind = SHM_ROW_KIND(atomic_load_explicit(&arena_row(a, row)->state, memory_order_acquire));
    return kind == SHM_ROW_LIVE || kind == SHM_ROW_DEAD || kind == SHM_ROW_REAPING;
}

/* Who has just died may have been making it, or taking it apart: then nothing lies in it, and its chunks are still, or again, his. */
static void check_run(Arena *a, Check *c, uint32_t chunk, uint32_t row) {
    uint64_t n = run_length(a, chunk);
    int empty = !shm_head(arena_object(a, arena_chunk_at(a, chunk)));
    if (!n || n != atomic_load_explicit(&arena_chunk(a, chunk)->run, memory_order_relaxed))
        error(c, "chunk %u begins a run that has an impossible length", chunk);
    if (empty && !row)
        error(c, "chunk %u begins an empty run that nobody has", chunk);
    for (uint32_t i = 1; i < n; i++) {
        uint32_t state = arena_chunk_state(a, chunk + i);
        if (state != SHM_CHUNK_STATE(SHM_CLASS_REST, 0) && !(empty && state == SHM_CHUNK_STATE(0, row)))
            error(c, "chunk %u, in the run from %u on, has state %#x", chunk + i, chunk, state);
    }
    c->run_end = chunk + n;
}

static void check_chunk(Arena *a, Check *c, uint32_t chunk) {
    uint32_t state = arena_chunk_state(a, chunk), size_class = SHM_CHUNK_CLASS(state), row = SHM_CHUNK_ROW(state);
    if (size_class > SHM_CLASS_REST || row >= ARENA_MAX_ROWS)
        error(c, "chunk %u has state %#x", chunk, state);
    else if (size_class == SHM_CLASS_REST && chunk >= c->run_end)
        error(c, "chunk %u is part of no run", chunk);
    else if (row && !owns_chunks(a, row))
        error(c, "chunk %u belongs to row %u, which nobody has", chunk, row);
    else if (size_class == SHM_CLASS_ROOTS)
        for (uint32_t i = 0; i < SHM_CHUNK_ROOTS; i++)
            check_root(a, c, row, ((uint64_t *)(a->base + arena_chunk_at(a, chunk)))[i]);
    else if (size_class == SHM_CLASS_RUN)
        check_run(a, c, chunk, row);
    chunk_each_object(a, chunk, check_object, c);
}

/* Counts: too low is an error; too high may be a proxy of a private object, a name, a register, or what a death left behind. */
static void check_count(Arena *a, uint64_t object, uint64_t head, void *arg) {
    Check *c = arg;
    (void)head;
    uint32_t refs = atomic_load_explicit(&arena_object(a, object)->refs, memory_order_relaxed) & SHM_REFS_COUNT;
    if (refs < c->expected[object / 16])
        error(c, "object %#lx has count %u, but %u references to it exist", (long)object, refs,
              c->expected[object / 16]);
    c->too_high += refs > c->expected[object / 16];
}

static void check_free_list(Arena *a, Check *c, uint32_t size_class) {
    uint64_t limit = arena_committed(a) * (ARENA_CHUNK_SIZE / 32);
    for (uint64_t at = a->alloc.free[size_class]; at; at = *(uint64_t *)(a->base + at + 8)) {
        uint32_t chunk, class;
        if (check_block(a, at, &chunk, &class) < 0 || class != size_class || shm_head(arena_object(a, at)) ||
            SHM_CHUNK_ROW(arena_chunk_state(a, chunk)) != a->row) {
            error(c, "the free list of size class %u has %#lx in it", size_class, (long)at);
            return;
        }
        if (c->expected[at / 16]++ || !limit--) {
            error(c, "block %#lx is twice in the free list", (long)at);
            return;
        }
    }
}

int check_all(Arena *a, char *text, size_t size, uint64_t *ret_too_high) {
    Check c = {.text = text, .size = size};
    size_t bytes = a->size / 16 * sizeof *c.expected;
    c.expected = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c.expected == MAP_FAILED)
        return -ENOMEM;
    check_rows(a, &c);
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        check_chunk(a, &c, i);
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        chunk_each_object(a, i, check_count, &c);
    for (uint32_t i = SHM_CLASS_FIRST; i <= SHM_CLASS_LAST; i++)
        check_free_list(a, &c, i);
    munmap(c.expected, bytes);
    *ret_too_high = c.too_high;
    return c.errors;
}

int arena_check(Arena *a, char *text, size_t size) {
    uint64_t too_high;
    return check_all(a, text, size, &too_high);
}
