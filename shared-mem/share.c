/* Making objects shared: an object, and every private object that can be reached from it.
 *
 * While an object is private, only its process refers to it, so its count may be plain. The rule that keeps it so is
 * that a shared object refers to shared objects only: before a reference is stored into a shared object, handed to another
 * process, or published, what it refers to goes through here. Setting the state is the last thing that happens to an object as a private one;
 * the reference is made visible to others after that, by an operation with release order, so whoever finds the object finds
 * it shared. Going back is impossible: nobody could tell that no other process has it.
 *
 * A death in the middle. Nobody outside the dead process can have a reference to any object of the closure before arena_share
 * returns, so the closure can be treated as all private or all shared, as long as it is all the same. One word of the row decides:
 * while `sharing` is 1, objects marked SHM_SHARING count as private whatever their state says (the reaper frees them with
 * the rest of the row). The steps: mark and list the closure; roots for those that have a proxy; sharing = 1; state = shared,
 * mark kept; sharing = 0 (from here on all are shared); marks off. A single object needs no such word: its head changes at once. */
#include "shared-mem/trace.h"

static _Atomic uint64_t *head_of(Arena *a, uint64_t object) {
    return &arena_object(a, object)->head;
}

int share_counts_as_private(const Arena *a, uint64_t head, uint32_t row) {
    if (SHM_HEAD_ROW(head) != row)
        return 0;
    if (SHM_HEAD_STATE(head) == SHM_STATE_PRIVATE)
        return 1;
    return SHM_HEAD_STATE(head) == SHM_STATE_SHARED && (head & SHM_SHARING) &&
           atomic_load_explicit(&arena_row(a, row)->sharing, memory_order_relaxed);
}

/* Marks a private object that has no mark yet and puts it into the queue, as the *n-th. */
static void list_one(Arena *a, uint64_t object, size_t *n) {
    uint64_t head = shm_head(arena_object(a, object));
    if (SHM_HEAD_STATE(head) != SHM_STATE_PRIVATE || (head & SHM_SHARING))
        return;
    atomic_store_explicit(head_of(a, object), head | SHM_SHARING, memory_order_relaxed);
    a->queue[(*n)++] = object;
}

static void list_ref(Arena *a, _Atomic uint64_t *place, uint64_t child, void *arg) {
    (void)place;
    list_one(a, child, arg);
}

static size_t list_closure(Arena *a, uint64_t object) {
    size_t n = 0;
    list_one(a, object, &n);
    for (size_t i = 0; i < n; i++) {
        const ArenaClass *c = arena_class(a, shm_head(arena_object(a, a->queue[i])));
        if (c)
            arena_each_ref(a, a->queue[i], c, list_ref, &n);
    }
    return n;
}

static void set_head(Arena *a, uint64_t object, uint64_t flags) {
    uint64_t head = shm_head(arena_object(a, object));
    arena_order();
    atomic_store_explicit(head_of(a, object), SHM_HEAD(SHM_HEAD_CLASS(head), SHM_STATE_SHARED, a->row) | flags,
                          memory_order_release);
}

/* The link of a shared object belongs to the arena, which keeps the era there; whoever used it as the proxy's index is told. */
static void take_link(Arena *a, uint64_t object, uint32_t era) {
    _Atomic uint32_t *place = &arena_object(a, object)->link;
    uint32_t link = atomic_load_explicit(place, memory_order_relaxed);
    if (link) {
        roots_insert_reserved(a, object);
        arena_order();
    }
    atomic_store_explicit(place, era, memory_order_relaxed);
    if (link && a->ops.shared)
        a->ops.shared(a->ops.arg, object, link);
}

static void set_sharing(Arena *a, uint32_t on) {
    arena_order();
    atomic_store_explicit(&a->me->sharing, on, memory_order_release);
    arena_order();
}

void share_object(Arena *a, uint64_t object) {
    size_t n = list_closure(a, object);
    uint32_t era = atomic_load_explicit(&a->header->era, memory_order_acquire); /* partner: limbo.c, sleeps */
    for (size_t i = 0; i < n; i++)
        take_link(a, a->queue[i], era < SHM_ERA_MAX ? era : SHM_ERA_MAX);
    if (n == 1) {
        set_head(a, object, 0);
        return;
    }
    set_sharing(a, 1);
    for (size_t i = 0; i < n; i++)
        set_head(a, a->queue[i], SHM_SHARING);
    set_sharing(a, 0);
    for (size_t i = 0; i < n; i++)
        set_head(a, a->queue[i], 0);
}

void arena_share(JitdFrame *frame, uint64_t object) {
    Arena *a = frame->alloc->owner;
    if (!shm_is_shared(arena_object(a, object)))
        share_object(a, object);
}
