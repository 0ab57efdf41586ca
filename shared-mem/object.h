/* The header of every object in the arena, and the parts of its life that generated code does inline. Included by the
 * compiler's runtime (as bitcode) and by the client; the out-of-line rest is the `alloc`, `release` and `share` imports.
 *
 * An object is private to the process that made it (row == that process's) until it is shared; private counts are plain,
 * shared ones atomic. Invariant: a shared object refers to shared objects only. Why that is safe, and what a death at any
 * point leaves behind, is argued in arena.c. */
#pragma once
#include "protocol/abi.h"
#include <stddef.h>
#include <stdatomic.h>

#define SHM_STATE_FREE 0
#define SHM_STATE_PRIVATE 1
#define SHM_STATE_SHARED 2

/* head = class id | state << 32 | flags << 40 | row << 48, one word so that it changes at once. A free block has head 0
 * and the next free block's offset in bytes 8..15. */
typedef struct ShmObject {
    _Atomic uint64_t head;
    _Atomic uint32_t refs; /* the count; in a shared object also the SHM_REFS_* bits */
    _Atomic uint32_t
        link; /* private: 1 + index in the owner's table of proxies, 0 = none; shared: the arena's (who has it in limbo) */
} ShmObject;
_Static_assert(sizeof(ShmObject) == 16, "object header");

#define SHM_HEAD(class_id, state, row) ((uint64_t)(class_id) | (uint64_t)(state) << 32 | (uint64_t)(row) << 48)
#define SHM_HEAD_CLASS(head) ((uint32_t)(head))
#define SHM_HEAD_STATE(head) ((uint8_t)((head) >> 32))
#define SHM_HEAD_ROW(head) ((uint16_t)((head) >> 48))

#define SHM_REFS_LIMBO 0x80000000u   /* fell to zero, waits for the end of every epoch that may have seen it */
#define SHM_REFS_REVIVED 0x40000000u /* was counted up while in limbo */
#define SHM_REFS_DEAD 0x20000000u    /* nothing referred to it when limbo began, or what alone did has been freed */
#define SHM_REFS_COUNT 0x1fffffffu

#define SHM_OBJECT_HEADER 16
/* In an object with a tail (table.h), the place of its length word: how many elements the tail has. It is written before the object can be
 * found, and does not change. */
#define SHM_TAIL_LENGTH 16
#define SHM_MAX_OBJECT 65536

/* Size class of an object of `size` bytes (header included): steps of 16 up to 512, then four steps to each doubling. */
static inline uint32_t shm_size_class(uint32_t size) {
    if (size <= 512)
        return size <= 32 ? 2 : (size + 15) / 16;
    uint32_t shift = 31 - (uint32_t)__builtin_clz(size - 1); /* size - 1 in [2^shift, 2^(shift+1)) */
    uint32_t quarter = (size - 1 - (1u << shift)) >> (shift - 2);
    return 33 + (shift - 9) * 4 + quarter;
}

static inline uint32_t shm_class_block_size(uint32_t size_class) {
    if (size_class <= 32)
        return size_class * 16;
    uint32_t shift = 9 + (size_class - 33) / 4, quarter = (size_class - 33) % 4;
    return (1u << shift) + ((quarter + 1) << (shift - 2));
}

/* In the fault tests' build, a place where the process may be made to die. */
#ifdef ARENA_STEPS
void arena_step(void);
#define SHM_STEP() arena_step()
#else
#define SHM_STEP() ((void)0)
#endif

#define SHM_RUNTIME static inline __attribute__((always_inline, unused))

typedef uint64_t (*ShmAllocFn)(JitdFrame *, uint32_t);
typedef void (*ShmReleaseFn)(JitdFrame *, uint64_t);

SHM_RUNTIME ShmObject *shm_object(const JitdFrame *frame, uint64_t offset) {
    return (ShmObject *)(frame->arena + offset);
}

SHM_RUNTIME int shm_is_object(uint64_t ref) {
    return ref > JITD_NONE;
}

/* A new private object with one count, fields zeroed; 0 when the arena is full (the trap is set). `alloc_slow` is the alloc import. Not of
 * a class with a tail: arena_new_tail. */
SHM_RUNTIME uint64_t shm_new(JitdFrame *frame, uint32_t class_id, uint32_t size, ShmAllocFn alloc_slow) {
    uint32_t size_class = shm_size_class(size);
    JitdAlloc *alloc = frame->alloc;
    uint64_t offset = alloc->free[size_class];
    if (__builtin_expect(!offset, 0)) {
        offset = alloc_slow(frame, size_class);
        if (!offset)
            return 0;
    } else {
        alloc->free[size_class] = *(uint64_t *)(frame->arena + offset + 8);
    }
    ShmObject *object = shm_object(frame, offset);
    atomic_store_explicit(&object->refs, 1, memory_order_relaxed);
    atomic_store_explicit(&object->link, 0, memory_order_relaxed);
    __builtin_memset((uint8_t *)object + SHM_OBJECT_HEADER, 0, size - SHM_OBJECT_HEADER);
    SHM_STEP();
    /* Last, and in this order for the reclaimer's eyes: a block with a state has only valid references in it. */
    atomic_store_explicit(&object->head, SHM_HEAD(class_id, SHM_STATE_PRIVATE, alloc->row), memory_order_release);
    return offset;
}

SHM_RUNTIME int shm_is_shared(const ShmObject *object) {
    return SHM_HEAD_STATE(atomic_load_explicit(&object->head, memory_order_relaxed)) == SHM_STATE_SHARED;
}

/* A reader that borrowed a dying object may store it again: the mark tells whoever has it in limbo (partner: limbo.c). Not after it has left
 * limbo, which the new count alone may bring about: a mark that nobody looks for would hide from all that the count falls to zero. */
SHM_RUNTIME void shm_incref_shared(ShmObject *object) {
    uint32_t refs = atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed) + 1;
    SHM_STEP();
    while (__builtin_expect(refs & SHM_REFS_LIMBO, 0) &&
           !atomic_compare_exchange_weak_explicit(&object->refs, &refs, refs | SHM_REFS_REVIVED, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

/* One more count. ref may be JITD_NONE or JITD_UNSET. */
SHM_RUNTIME void shm_incref(JitdFrame *frame, uint64_t ref) {
    if (!shm_is_object(ref))
        return;
    ShmObject *object = shm_object(frame, ref);
    if (__builtin_expect(shm_is_shared(object), 0))
        shm_incref_shared(object);
    else
        atomic_store_explicit(&object->refs, atomic_load_explicit(&object->refs, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

/* One count less (inside an epoch, if the object may be shared); the last one hands the object to `release_slow` (the release import). */
SHM_RUNTIME void shm_decref(JitdFrame *frame, uint64_t ref, ShmReleaseFn release_slow) {
    if (!shm_is_object(ref))
        return;
    ShmObject *object = shm_object(frame, ref);
    uint32_t left;
    if (__builtin_expect(shm_is_shared(object), 0)) {
        left = atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel) - 1;
    } else {
        left = atomic_load_explicit(&object->refs, memory_order_relaxed) - 1;
        atomic_store_explicit(&object->refs, left, memory_order_relaxed);
    }
    SHM_STEP();
    if (!left)
        release_slow(frame, ref);
}

/* Stores reference `ref` into the field at byte `field` of object `self`: counts the new value (unless its count is given
 * away: `steal`), shares it when self is shared, releases the old value. */
SHM_RUNTIME void shm_store_ref(JitdFrame *frame, uint64_t self, uint32_t field, uint64_t ref, int steal,
                               ShmReleaseFn share, ShmReleaseFn release_slow) {
    _Atomic uint64_t *place = (_Atomic uint64_t *)(frame->arena + self + field);
    uint64_t old;
    if (__builtin_expect(shm_is_shared(shm_object(frame, self)), 0)) {
        if (shm_is_object(ref) && !shm_is_shared(shm_object(frame, ref)))
            share(frame, ref);
        if (!steal)
            shm_incref(frame, ref);
        SHM_STEP();
        old = atomic_exchange_explicit(place, ref, memory_order_acq_rel);
    } else {
        if (!steal)
            shm_incref(frame, ref);
        old = atomic_load_explicit(place, memory_order_relaxed);
        atomic_store_explicit(place, ref, memory_order_relaxed);
    }
    SHM_STEP();
    shm_decref(frame, old, release_slow);
}
