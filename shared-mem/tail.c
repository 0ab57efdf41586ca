/* Objects with a tail: as many elements behind the fields as the length word says. That word is in shared memory, so nobody follows it before
 * it has been held against the block in which the object lies, whose size the chunk directory knows. */
#include "shared-mem/arena_private.h"
#include <errno.h>
#include <string.h>

static uint64_t length_word(const Arena *a, uint64_t object) {
    return atomic_load_explicit(arena_field(a, object, SHM_TAIL_LENGTH), memory_order_relaxed);
}

uint64_t tail_object_size(const Shape *shape, uint64_t length) {
    uint64_t room = (uint64_t)1 << LIMBO_ERA_BIT; /* more than an arena has */
    return length <= (room - shape->base) / shape->element ? shape->base + length * shape->element : UINT64_MAX;
}

uint64_t tail_length(const Arena *a, uint64_t object, const ArenaClass *c) {
    uint64_t block = arena_block_of(a, object), length = length_word(a, object);
    uint64_t room = block > c->shape.base ? (block - c->shape.base) / c->shape.element : 0;
    return length < room ? length : room;
}

int tail_fits(const Arena *a, uint64_t object, const ArenaClass *c, uint32_t chunk_class) {
    if (!c->shape.tail)
        return c->size_class == chunk_class;
    uint64_t size = tail_object_size(&c->shape, length_word(a, object));
    if (chunk_class == SHM_CLASS_RUN)
        return size > SHM_MAX_OBJECT && size <= a->size && run_chunks(size) == run_length(a, arena_chunk_of(a, object));
    return size <= SHM_MAX_OBJECT && shm_size_class((uint32_t)size) == chunk_class;
}

int arena_tail(Arena *a, uint64_t object, uint64_t *ret_tail, uint64_t *ret_length) {
    uint32_t chunk, size_class;
    int r = check_block(a, object, &chunk, &size_class);
    if (r < 0)
        return r;
    const ArenaClass *c = arena_class(a, shm_head(arena_object(a, object)));
    if (!c || !c->shape.tail)
        return -EINVAL;
    if (!tail_fits(a, object, c, size_class))
        return -EPROTO;
    *ret_tail = object + c->shape.base;
    *ret_length = tail_length(a, object, c);
    return 0;
}

/* As shm_new does. */
static void make(Arena *a, uint64_t object, uint32_t class_id, uint64_t size, uint64_t length) {
    ShmObject *o = arena_object(a, object);
    atomic_store_explicit(&o->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&o->link, 0, memory_order_relaxed);
    memset((uint8_t *)o + SHM_OBJECT_HEADER, 0, size - SHM_OBJECT_HEADER);
    atomic_store_explicit(arena_field(a, object, SHM_TAIL_LENGTH), length, memory_order_relaxed);
    arena_order();
    atomic_store_explicit(&o->head, SHM_HEAD(class_id, SHM_STATE_PRIVATE, a->row), memory_order_release);
}

int arena_new_tail(Arena *a, uint32_t class_id, uint64_t length, uint64_t *ret_object) {
    const ArenaClass *c = arena_class(a, class_id);
    if (!c || !c->shape.tail)
        return -EINVAL;
    uint64_t size = tail_object_size(&c->shape, length), object = 0;
    if (size <= SHM_MAX_OBJECT)
        object = arena_take_block(a, shm_size_class((uint32_t)size));
    else if (size <= a->size)
        object = arena_take_run(a, run_chunks(size));
    if (!object)
        return -ENOMEM;
    make(a, object, class_id, size, length);
    *ret_object = object;
    return 0;
}
