/* What happens when a count reaches zero. Private objects are freed at once, shared ones go to limbo (limbo.c).
 *
 * Nothing here recurses: a list of ten million nodes is freed in constant stack. Dead private objects form their own work list, linked
 * through the place of their counts. A reference to a shared object is wiped out of its field before it is counted down, so that a
 * death in between leaves the count too high, never too low. */
#include "shared-mem/trace.h"

const ArenaClass *arena_class_load(Arena *a, uint32_t class_id) {
    Shape shape;
    if (table_shape(a->table, class_id, &shape) < 0)
        return NULL;
    ArenaClass c = {.shape = shape};
    if (!shape.tail) {
        c.size_class = shm_size_class(shape.base);
        c.block = shm_class_block_size(c.size_class);
    }
    a->classes[class_id] = c;
    return &a->classes[class_id];
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

/* The same for a dead object: what waits in limbo with it, and has no other count, is dead now as well (limbo.c). */
static void release_with_parent(Arena *a, uint64_t child) {
    uint32_t last = SHM_REFS_LIMBO | 1;
    arena_order();
    if (!atomic_compare_exchange_strong_explicit(&arena_object(a, child)->refs, &last, SHM_REFS_LIMBO | SHM_REFS_DEAD,
                                                 memory_order_acq_rel, memory_order_relaxed))
        release_count(a, child);
}

static void release_ref(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    uint32_t row = *(uint32_t *)arg;
    uint64_t head = shm_head(arena_object(a, child));
    if (row && (!head || share_counts_as_private(a, head, row)))
        return;
    atomic_store_explicit(place, JITD_UNSET, memory_order_relaxed);
    if (row)
        release_count(a, child);
    else
        release_with_parent(a, child);
}

int release_refs(Arena *a, uint64_t object, uint64_t head, uint32_t row) {
    const ArenaClass *c = arena_class(a, head);
    if (!c)
        return 0;
    arena_each_ref(a, object, c, release_ref, &row);
    return 1;
}

/* ---- private objects ---- */

static uint64_t *link_of(Arena *a, uint64_t object) {
    return (uint64_t *)(a->base + object + 8);
}

/* Its proxy outlives the last count: it does the releasing. */
static inline int is_held(const ShmObject *object) {
    return atomic_load_explicit(&object->link, memory_order_relaxed) == ARENA_LINK_HELD;
}

/* What is being released. The free list of the class at hand is kept here while objects of one class follow each other. */
typedef struct Release {
    uint64_t work;           /* dead objects to come */
    uint64_t next;           /* and one more: a list's next node never touches memory for it */
    const ArenaClass *class; /* of the last one; NULL: it has a tail, or is not known */
    uint32_t class_id;
    uint64_t freed, nfreed;
} Release;

static void flush(Arena *a, Release *r) {
    if (!r->nfreed)
        return;
    a->alloc.free[r->class->size_class] = r->freed;
    a->freed_bytes += r->nfreed * r->class->block;
    r->nfreed = 0;
}

/* NULL: the class has a tail, or is not known. */
static const ArenaClass *class_without_tail(Arena *a, uint32_t class_id) {
    const ArenaClass *c = arena_class_load(a, class_id);
    return c && c->size_class ? c : NULL;
}

static void change_class(Arena *a, Release *r, uint64_t head) {
    uint32_t id = SHM_HEAD_CLASS(head);
    flush(a, r);
    r->class_id = id;
    r->class = id <= TABLE_MAX_CLASSES && a->classes[id].size_class ? &a->classes[id] : class_without_tail(a, id);
    r->freed = r->class ? a->alloc.free[r->class->size_class] : 0;
}

static void drop_shared(Arena *a, _Atomic uint64_t *place, uint64_t child) {
    arena_enter(
        a); /* our caller need not be inside: it has a private object. From here we have the count in hand (collect.c) */
    atomic_store_explicit(place, JITD_UNSET, memory_order_relaxed);
    release_count(a, child);
    arena_leave(a);
}

static inline void drop_private(Arena *a, Release *r, uint64_t child) {
    ShmObject *object = arena_object(a, child);
    uint32_t left = atomic_load_explicit(&object->refs, memory_order_relaxed) - 1;
    if (left) {
        atomic_store_explicit(&object->refs, left, memory_order_relaxed);
    } else if (__builtin_expect(is_held(object), 0)) {
        a->ops.held(a->ops.arg, child);
    } else if (!r->next) {
        r->next = child;
    } else {
        *link_of(a, child) = r->work;
        r->work = child;
    }
}

static inline void drop_ref(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    if (__builtin_expect(shm_is_shared(arena_object(a, child)), 0))
        drop_shared(a, place, child);
    else
        drop_private(a, arg, child);
}

static inline void free_block(Arena *a, Release *r, uint64_t object) {
    atomic_store_explicit(&arena_object(a, object)->head, 0, memory_order_relaxed);
    arena_order();
    *link_of(a, object) = r->freed;
    r->freed = object;
    r->nfreed++;
}

/* One with a tail, or of an unknown class: that stays until the row is given back. `work` and what is dead by now. */
static __attribute__((noinline)) uint64_t release_other(Arena *a, uint64_t object, uint64_t head, uint64_t work) {
    const ArenaClass *c = arena_class(a, head);
    Release r = {.work = work};
    if (!c)
        return work;
    arena_each_ref(a, object, c, drop_ref, &r);
    chunk_free(a, object);
    if (!r.next)
        return r.work;
    *link_of(a, r.next) = r.work;
    return r.next;
}

static void release_private(Arena *a, uint64_t object) {
    Release r = {0};
    for (;;) {
        uint64_t head = shm_head(arena_object(a, object));
        if (SHM_HEAD_CLASS(head) != r.class_id)
            change_class(a, &r, head);
        if (__builtin_expect(r.class != NULL, 1)) {
            trace_fields(a, object, r.class, drop_ref, &r);
            free_block(a, &r, object);
        } else {
            r.work = release_other(a, object, head, r.work);
        }
        object = r.next;
        r.next = 0;
        if (object)
            continue;
        if (!(object = r.work))
            break;
        r.work = *link_of(a, object);
    }
    flush(a, &r);
}

void release_last(Arena *a, uint64_t object) {
    if (shm_is_shared(arena_object(a, object)))
        release_shared(a, object);
    else if (is_held(arena_object(a, object)))
        a->ops.held(a->ops.arg, object);
    else
        release_private(a, object);
}

void arena_release(JitdFrame *frame, uint64_t object) {
    release_last(frame->alloc->owner, object);
}
