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

uint32_t pending_work(void) {
    struct _ceval_state *ceval = &PyThreadState_Get()->interp->ceval;
    if (likely(!_Py_atomic_load_relaxed(&ceval->eval_breaker)))
        return 0;
    return _Py_atomic_load_relaxed(&ceval->gil_drop_request) ? PENDING_SWITCH : PENDING_OTHER;
}
#else
#define GIL_DROP_REQUEST 1 /* the same bit in 3.13's pycore_ceval.h */

uint32_t pending_work(void) {
    uintptr_t work =
        __atomic_load_n(&PyThreadState_Get()->eval_breaker, __ATOMIC_RELAXED) & 0xff; /* above: a version */
    return !work ? 0 : work & GIL_DROP_REQUEST ? PENDING_SWITCH : PENDING_OTHER;
}
#endif

bool pending_is_ours(void) {
    return getpid() == gettid();
}
