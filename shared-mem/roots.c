/* Roots: which shared objects a process holds, written down in its row so that they can be let go after its death. One entry per object with a
 * proxy; the entry stands for one count. Private objects need none (they die with the row), but each that has a proxy may be shared
 * at any time, when failing is not possible any more: room for its entry is kept free (`proxies`).
 *
 * The entries are the first SHM_ROW_ROOTS in the row itself, then those of chunks of class SHM_CLASS_ROOTS owned by the row. Private memory
 * knows the entry of each object. An entry is written after its count was taken and wiped before it is given up: a death in between leaves a
 * count too high. */
#include "shared-mem/arena_private.h"
#include "base/cleanup.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t *entry_at(Arena *a, uint32_t entry) {
    if (entry < SHM_ROW_ROOTS)
        return &a->me->roots[entry];
    entry -= SHM_ROW_ROOTS;
    uint32_t chunk = a->roots.chunks.v[entry / SHM_CHUNK_ROOTS];
    return (_Atomic uint64_t *)(a->base + arena_chunk_at(a, chunk)) + entry % SHM_CHUNK_ROOTS;
}

/* ---- object -> entry, open addressing with backward shift ---- */

/* Neighbours in memory, which mostly come one after the other, are in one cache line: 8 slots for 128 bytes. */
static size_t slot_of(const ArenaRoots *r, uint64_t object) {
    size_t slot = ((object >> 7) * 0x9e3779b97f4a7c15ull >> 20 << 3 | (object >> 4 & 7)) & r->mask;
    while (r->keys[slot] && r->keys[slot] != object)
        slot = (slot + 1) & r->mask;
    return slot;
}

static void map_remove(ArenaRoots *r, size_t hole) {
    r->keys[hole] = 0;
    for (size_t i = (hole + 1) & r->mask; r->keys[i]; i = (i + 1) & r->mask) {
        uint64_t key = r->keys[i];
        uint32_t entry = r->entries[i];
        r->keys[i] = 0;
        size_t slot = slot_of(r, key);
        r->keys[slot] = key;
        r->entries[slot] = entry;
    }
}

static int map_resize(ArenaRoots *r, size_t slots) {
    ArenaRoots old = *r;
    uint64_t *keys =
        calloc(slots, sizeof *keys); /* large ones are untouched pages: room that is only reserved costs nothing */
    uint32_t *entries = calloc(slots, sizeof *entries);
    if (!keys || !entries) {
        free(keys);
        free(entries);
        return -ENOMEM;
    }
    r->keys = keys;
    r->entries = entries;
    r->mask = slots - 1;
    for (size_t i = 0; old.keys && i <= old.mask; i++)
        if (old.keys[i]) {
            size_t slot = slot_of(r, old.keys[i]);
            keys[slot] = old.keys[i];
            entries[slot] = old.entries[i];
        }
    free(old.keys);
    free(old.entries);
    return 0;
}

/* Room comes a chunk at a time, the map doubles: so that the work for an entry does not grow with their number. At most two thirds of it are used. */
static int make_room(ArenaRoots *r, uint32_t room) {
    size_t slots = r->keys ? r->mask + 1 : 512;
    while (slots < (size_t)room + room / 2)
        slots *= 2;
    uint32_t *ends = realloc(r->free, room * sizeof *ends);
    if (!ends)
        return -ENOMEM;
    r->free = ends;
    if ((!r->keys || slots > r->mask + 1) && map_resize(r, slots) < 0)
        return -ENOMEM;
    r->room = room;
    return 0;
}

int roots_init(Arena *a) {
    return make_room(&a->roots, SHM_ROW_ROOTS);
}

void roots_deinit(Arena *a) {
    free(a->roots.keys);
    free(a->roots.entries);
    free(a->roots.free);
    free(a->roots.chunks.v);
    a->roots = (ArenaRoots){0};
}

/* ---- entries ---- */

static uint32_t room_of(const ArenaRoots *r) {
    return SHM_ROW_ROOTS + r->chunks.n * (uint32_t)SHM_CHUNK_ROOTS;
}

static int reserve(Arena *a) {
    ArenaRoots *r = &a->roots;
    if (r->used + r->proxies < r->room)
        return 0;
    uint32_t chunk;
    int res = chunk_take_roots(a, &chunk);
    if (res < 0)
        return res;
    res = arena_list_push(&r->chunks, chunk);
    return res < 0 ? res : make_room(r, room_of(r));
}

static void insert(Arena *a, uint64_t object) {
    ArenaRoots *r = &a->roots;
    size_t slot = slot_of(r, object);
    if (r->keys[slot])
        return;
    uint32_t entry = r->nfree ? r->free[--r->nfree] : r->next++;
    r->keys[slot] = object;
    r->entries[slot] = entry;
    r->used++;
    arena_order();
    atomic_store_explicit(entry_at(a, entry), object, memory_order_release);
}

void roots_insert_reserved(Arena *a, uint64_t object) {
    a->roots.proxies--;
    insert(a, object);
}

int arena_root_add(Arena *a, uint64_t object) {
    ShmObject *o = arena_object(a, object);
    int r = reserve(a);
    if (r < 0)
        return r;
    if (shm_is_shared(o)) {
        insert(a, object);
        return 0;
    }
    a->roots.proxies++;
    if (!atomic_load_explicit(&o->link, memory_order_relaxed)) /* a caller without a table of proxies */
        atomic_store_explicit(&o->link, ARENA_LINK_PROXY, memory_order_relaxed);
    return 0;
}

void arena_root_drop(Arena *a, uint64_t object) {
    ArenaRoots *r = &a->roots;
    ShmObject *o = arena_object(a, object);
    if (!shm_is_shared(o)) {
        r->proxies--;
        atomic_store_explicit(&o->link, 0, memory_order_relaxed);
        return;
    }
    size_t slot = slot_of(r, object);
    if (!r->keys[slot])
        return;
    uint32_t entry = r->entries[slot];
    atomic_store_explicit(entry_at(a, entry), 0, memory_order_release);
    arena_order();
    r->free[r->nfree++] = entry;
    r->used--;
    map_remove(r, slot);
}

/* ---- fork ---- */

#define MANY 4096 /* objects: below that, it is no use */

/* All of it at once: a fault for each page, and one more for each that was read before, takes longer than what is then done with them. Kernels
 * before 5.14 cannot. */
static void touch(void *at, size_t size) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)at + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)at + size) / page * page;
    if (to > from)
        madvise((void *)from, to - from, MADV_POPULATE_WRITE);
}

/* Of a map that was only reserved. */
static void touch_map(const ArenaRoots *r) {
    if (r->proxies < MANY)
        return;
    touch(r->keys, (r->mask + 1) * sizeof *r->keys);
    touch(r->entries, (r->mask + 1) * sizeof *r->entries);
}

static void share_one(Arena *a, uint64_t object, uint64_t head, void *arg) {
    (void)arg;
    if (SHM_HEAD_STATE(head) == SHM_STATE_PRIVATE && SHM_HEAD_ROW(head) == a->row &&
        atomic_load_explicit(&arena_object(a, object)->link, memory_order_relaxed))
        share_object(a, object);
}

int arena_before_fork(Arena *a) {
    touch_map(&a->roots);
    for (uint32_t c = SHM_CLASS_FIRST; c <= SHM_CLASS_LAST; c++)
        for (uint32_t i = 0; i < a->own[c].n; i++)
            chunk_each_object(a, a->own[c].v[i], share_one, NULL);
    for (uint32_t i = 0, n = arena_committed(a); i < n; i++)
        if (arena_chunk_state(a, i) == SHM_CHUNK_STATE(SHM_CLASS_RUN, a->row))
            chunk_each_object(a, i, share_one, NULL);
    return 0;
}

static int take_room(Arena *a, uint32_t entries) {
    while (room_of(&a->roots) < entries) {
        uint32_t chunk;
        int r = chunk_take_roots(a, &chunk);
        if (r == 0)
            r = arena_list_push(&a->roots.chunks, chunk);
        if (r < 0)
            return r;
    }
    return 0;
}

/* *ret_objects: the object of each entry. */
static int objects_by_entry(const ArenaRoots *r, uint64_t **ret_objects) {
    uint64_t *objects = calloc(r->next + 1, sizeof *objects);
    if (!objects)
        return -ENOMEM;
    for (size_t i = 0; i <= r->mask; i++)
        if (r->keys[i])
            objects[r->entries[i]] = r->keys[i];
    *ret_objects = objects;
    return 0;
}

static int count_all(Arena *a, const uint64_t *objects) {
    for (uint32_t entry = 0; entry < a->roots.next; entry++) {
        if (!objects[entry])
            continue;
        int r = arena_incref_live(a, objects[entry]);
        if (r < 0)
            return r;
        arena_order();
        atomic_store_explicit(entry_at(a, entry), objects[entry], memory_order_release);
    }
    return 0;
}

/* The child holds what the parent held: a count and an entry of its own for each. The entries have the parent's numbers, so that the map that
 * fork() has copied is the child's; they are written in their order, which is about that of the objects in memory. */
int roots_copy(Arena *a, ArenaRoots *parents) {
    cleanup_free uint64_t *objects = NULL;
    int r = take_room(a, parents->next);
    if (r == 0)
        r = objects_by_entry(parents, &objects);
    if (r < 0)
        return r;
    ArenaRoots own = a->roots;
    a->roots = *parents;
    a->roots.chunks = own.chunks;
    a->roots.room = room_of(&a->roots);
    a->roots.proxies = 0; /* what has one is shared */
    own.chunks = parents->chunks;
    *parents = own;
    return count_all(a, objects);
}

/* ---- deaths ---- */

static void drop_entry(Arena *a, _Atomic uint64_t *entry, uint32_t row) {
    uint64_t object = atomic_load_explicit(entry, memory_order_acquire);
    uint32_t chunk, size_class;
    if (!object)
        return;
    uint64_t head = check_block(a, object, &chunk, &size_class) == 0 ? shm_head(arena_object(a, object)) : 0;
    atomic_store_explicit(entry, 0, memory_order_release);
    arena_order();
    if (SHM_HEAD_STATE(head) == SHM_STATE_SHARED && !share_counts_as_private(a, head, row))
        release_count(a, object);
}

void roots_drop_row(Arena *a, uint32_t row) {
    for (uint32_t i = 0; i < SHM_ROW_ROOTS; i++)
        drop_entry(a, &arena_row(a, row)->roots[i], row);
    for (uint32_t chunk = 0, n = arena_committed(a); chunk < n; chunk++)
        if (arena_chunk_state(a, chunk) == SHM_CHUNK_STATE(SHM_CLASS_ROOTS, row)) {
            _Atomic uint64_t *entries = (_Atomic uint64_t *)(a->base + arena_chunk_at(a, chunk));
            for (uint32_t i = 0; i < SHM_CHUNK_ROOTS; i++)
                drop_entry(a, &entries[i], row);
        }
}
