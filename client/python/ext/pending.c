/* What the interpreter would do between two of its instructions: CPython has no public function that says so. Asking costs two loads;
 * that is what makes polls of compiled loops cheap, and what lets them know before any Python code runs that some is going to. */
#include <patchlevel.h>
#if PY_VERSION_HEX < 0x030d0000
#define Py_BUILD_CORE 1
#endif
#include "client/python/ext/ext.h"
#include <unistd.h>

#if PY_VERSION_HEX < 0x030d0000
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>

/* Since 3.12 the collector's turn is among it. */
static bool only_collector(const struct _ceval_state *ceval) {
#if PY_VERSION_HEX >= 0x030c0000
    return _Py_atomic_load_relaxed(&ceval->gc_scheduled) && !_Py_atomic_load_relaxed(&_PyRuntime.ceval.signals_pending);
#else
    (void)ceval;
    return false;
#endif
}

uint32_t pending_work(void) {
    struct _ceval_state *ceval = &PyThreadState_Get()->interp->ceval;
    if (likely(!_Py_atomic_load_relaxed(&ceval->eval_breaker)))
        return 0;
    if (_Py_atomic_load_relaxed(&ceval->gil_drop_request))
        return PENDING_SWITCH;
    return only_collector(ceval) ? PENDING_COLLECTOR : PENDING_OTHER;
}
#else
/* 3.13's pycore_ceval.h */
#define GIL_DROP_REQUEST 1
#define GC_SCHEDULED 16

uint32_t pending_work(void) {
    uintptr_t breaker = __atomic_load_n(&PyThreadState_Get()->eval_breaker, __ATOMIC_RELAXED);
    uintptr_t work = breaker & 0xff; /* above: a version */
    if (likely(!work))
        return 0;
    return work & GIL_DROP_REQUEST ? PENDING_SWITCH : work == GC_SCHEDULED ? PENDING_COLLECTOR : PENDING_OTHER;
}
#endif

bool pending_is_ours(void) {
    return getpid() == gettid();
}
