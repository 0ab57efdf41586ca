/* Objects: shared-mem/object.h with this side's imports. */
#include "server/compiler/runtime/rt.h"

RT uint64_t rt_new(JitdFrame *frame, uint32_t class_id, uint32_t size) {
    return shm_new(frame, class_id, size, jitd_import_alloc);
}

RT bool rt_is_class(JitdFrame *frame, uint64_t ref, uint32_t class_id) {
    return SHM_HEAD_CLASS(atomic_load_explicit(&shm_object(frame, ref)->head, memory_order_relaxed)) == class_id;
}

RT void rt_incref(JitdFrame *frame, uint64_t ref) {
    shm_incref(frame, ref);
}

RT void rt_decref(JitdFrame *frame, uint64_t ref) {
    shm_decref(frame, ref, jitd_import_release);
}

RT void rt_store_ref(JitdFrame *frame, uint64_t self, uint32_t field, uint64_t ref, bool steal) {
    shm_store_ref(frame, self, field, ref, steal, jitd_import_share, jitd_import_release);
}

/* What a function that counts nothing refers to, while other code runs and after it: counts `now` instead of `kept`. */
RT_SLOW void rt_keep(JitdFrame *frame, const uint64_t *now, uint64_t *kept, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        rt_incref(frame, now[i]);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t old = kept[i];
        kept[i] = now[i];
        rt_decref(frame, old);
    }
}

RT_SLOW void rt_drop(JitdFrame *frame, const uint64_t *kept, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        rt_decref(frame, kept[i]);
}
