/* What happens when a count reaches zero. Private objects are freed at once, shared ones go to limbo (limbo.c).
 *
 * Nothing here recurses: a list of ten million nodes is freed in constant stack. Dead private objects form their own work list, linked
 * through the place of their counts. A reference to a shared object is wiped out of its field before it is counted down, so that a
 * death in between leaves the count too high, never too low. */
#include "shared-mem/arena_private.h"

const ArenaClass *arena_class(Arena *a, uint64_t head) {
    uint32_t id = SHM_HEAD_CLASS(head);
    if (id - 1 >= TABLE_MAX_CLASSES)
        return NULL;
    ArenaClass *known = &a->classes[id];
    if (known->size_class)
        return known;
    const ShmClass *c = table_class(a->table, id);
    const uint32_t *refs = c ? table_class_refs(a->table, c) : NULL;
    if (!refs)
        return NULL;
    *known = (ArenaClass){.refs = refs, .nrefs = c->nrefs, .size_class = shm_size_class(c->size)};
    return known;
}

void release_shared(Arena *a, uint64_t object) {
    limbo_retire(a, object);
}

void release_count(Arena *a, uint64_t object) {
    arena_order();
    if (atomic_fetch_sub_explicit(&arena_object(a, object)->refs, 1, memory_order_acq_rel) == 1) {
        SHM_STEP();
        release_shared(a, object);
    }
}

void release_fields(Arena *a, uint64_t object, uint64_t head, uint32_t row) {
    const ArenaClass *c = arena_class(a, head);
    for (uint32_t i = 0; c && i < c->nrefs; i++) {
        _Atomic uint64_t *field = arena_field(a, object, c->refs[i]);
        uint64_t child = atomic_load_explicit(field, memory_order_relaxed);
        if (!shm_is_object(child))
            continue;
        uint64_t child_head = shm_head(arena_object(a, child));
        if (row && (!child_head || share_counts_as_private(a, child_head, row)))
            continue;
        atomic_store_explicit(field, JITD_UNSET, memory_order_relaxed);
        release_count(a, child);
    }
}

/* ---- private objects ---- */

static uint64_t *work_link(Arena *a, uint64_t object) {
    return (uint64_t *)(a->base + object + 8);
}

static void release_child(Arena *a, _Atomic uint64_t *field, uint64_t child, uint64_t *work) {
    ShmObject *object = arena_object(a, child);
    if (shm_is_shared(object)) {
        atomic_store_explicit(field, JITD_UNSET, memory_order_relaxed);
        release_count(a, child);
        return;
    }
    uint32_t left = atomic_load_explicit(&object->refs, memory_order_relaxed) - 1;
    atomic_store_explicit(&object->refs, left, memory_order_relaxed);
    if (!left) {
        *work_link(a, child) = *work;
        *work = child;
    }
}

static void release_private(Arena *a, uint64_t object) {
    uint64_t work = object;
    *work_link(a, object) = 0;
    while (work) {
        object = work;
        work = *work_link(a, object);
        const ArenaClass *c = arena_class(a, shm_head(arena_object(a, object)));
        for (uint32_t i = 0; c && i < c->nrefs; i++) {
            _Atomic uint64_t *field = arena_field(a, object, c->refs[i]);
            uint64_t child = atomic_load_explicit(field, memory_order_relaxed);
            if (shm_is_object(child))
                release_child(a, field, child, &work);
        }
        if (c) /* of an unknown class: stays until the row is given back */
            chunk_free_local(a, object, c->size_class);
    }
}

void arena_release(JitdFrame *frame, uint64_t object) {
    Arena *a = frame->alloc->owner;
    if (shm_is_shared(arena_object(a, object)))
        release_shared(a, object);
    else
        release_private(a, object);
}
