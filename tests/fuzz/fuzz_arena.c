/* An arena in which somebody wrote what he liked: whoever only looks (the checker, the statistics, references from outside, tails) does not go
 * beyond the memory that there is. Three bytes are a place and one that is written there; what was never given out cannot be read. */
#include "shared-mem/arena_private.h"
#include "fuzz.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_SIZE ((uint64_t)16 << 20)
#define OBJECTS 40

static Table table;
static ArenaOwner owner;
static Arena *arena;
static uint64_t made[OBJECTS + 1], start, end; /* of the chunks that are given out */
static uint8_t *before;                        /* all up to `end`, as it was */

static int grow(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    (void)arg;
    return arena_owner_grow_here(&owner, 1, whole ? chunks : 1, whole, ret_first, ret_count);
}

static void make_classes(void) {
    uint32_t id, refs[] = {24, 32};
    Shape shapes[] = {{.base = 40, .nrefs = 2, .refs = refs},
                      {.base = 32, .tail = SHM_TAIL_BYTES, .element = 2},
                      {.base = 24, .tail = SHM_TAIL_SLOTS, .element = 8},
                      {.base = 32, .nrefs = 1, .refs = refs, .tail = SHM_TAIL_REFS, .element = 8}};
    need(table_create(&table) == 0);
    for (uint8_t i = 1; i <= 4; i++)
        need(table_add_class(&table, &(Key){{i}}, &shapes[i - 1], &id) == 0 && id == i);
}

static void make_objects(void) {
    JitdFrame frame = {.arena = arena_base(arena), .alloc = arena_alloc_state(arena)};
    for (uint32_t i = 0; i < OBJECTS; i++) {
        if (i % 4 == 0)
            need((made[i] = shm_new(&frame, 1, 40, arena_alloc)));
        else
            need(arena_new_tail(arena, i % 4 + 1, i, &made[i]) == 0);
        if (i % 4 == 3 && i > 4)
            shm_store_ref(&frame, made[i], 32 + 8 * (i % 3), made[i - 4], 0, arena_share, arena_release);
    }
    need(arena_new_tail(arena, 4, 2 * ARENA_CHUNK_SIZE / 8, &made[OBJECTS]) == 0); /* a run of three chunks */
    shm_store_ref(&frame, made[OBJECTS], 32 + ARENA_CHUNK_SIZE, made[0], 0, arena_share, arena_release);
    arena_share(&frame, made[OBJECTS - 1]);
}

static void make_arena(void) {
    uint32_t row;
    ArenaOps ops = {.grow = grow};
    make_classes();
    need(arena_create(ARENA_SIZE, ARENA_SIZE, &owner) == 0);
    need(arena_owner_take_row(&owner, 1, &row) == 0 && row == 1);
    need(arena_attach(dup(owner.fd), owner.size, row, &table, &ops, &arena) == 0);
    make_objects();
    start = arena->chunks_at;
    end = arena_chunk_at(arena, arena_committed(arena));
    need((before = malloc(end)));
    memcpy(before, arena->base, end);
    need(mprotect(arena->base + end, owner.size - end, PROT_NONE) == 0);
}

/* Three bytes: which object or chunk's entry, which byte of it, and what it becomes. */
static void lie(const uint8_t *data) {
    uint8_t *directory = (uint8_t *)arena->directory, *object = arena->base + made[data[0] % (OBJECTS + 1)];
    uint8_t *place =
        data[0] < 200 ? object + data[1] % 64 : directory + (data[0] % 32 * sizeof(ShmChunk) + data[1] % 20);
    *place = data[2];
}

static void look(uint64_t object) {
    uint64_t at, length, size = UINT64_MAX;
    uint32_t id;
    Shape shape;
    need(arena_check_ref(arena, object, &id) < 0 || table_shape(&table, id, &shape) == 0);
    if (arena_tail(arena, object, &at, &length) < 0)
        return;
    need(table_shape(&table, SHM_HEAD_CLASS(shm_head(arena_object(arena, object))), &shape) == 0 && shape.tail);
    size = length * shape.element;
    need(at == object + shape.base && at >= start && at <= end && length <= ARENA_SIZE && size <= end - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[256];
    ArenaStats s;
    if (!arena)
        make_arena();
    for (; size >= 3; data += 3, size -= 3)
        lie(data);
    arena_check(arena, text, sizeof text);
    arena_stats(arena, &s);
    for (uint32_t i = 0; i <= OBJECTS; i++) {
        look(made[i]);
        look(made[i] + 16);
        look(atomic_load(arena_field(arena, made[i], 32)));
    }
    memcpy(arena->base + start, before + start, end - start);
    memcpy(arena->directory, before + ((uint8_t *)arena->directory - arena->base), arena->nchunks * sizeof(ShmChunk));
    return 0;
}
