/* What generated code calls in this process besides libm and the arena: the interpreter's signal handlers and its math
 * module, under the interpreter lock, which compiled code holds; and the release of objects.
 *
 * Polling. CPython has no public flag that says "a signal came" or "another thread wants the lock", so the flag that loops look
 * at is always set. Generated code looks at it seldom (every few thousand iterations), and asking costs some nanoseconds.
 *
 * Whatever Python code runs in a poll (a handler, or another thread that got the lock) may drop objects that the suspended
 * compiled code borrows: it counts only what it stores. For shared objects its epoch keeps them. For private ones the
 * release is put off while any compiled code is suspended, and made up for when no compiled code runs at all: everything
 * that can borrow is inside an epoch, so that is when the arena's epoch is left. An object whose release was put off may
 * have been counted up again meanwhile (returned by the code that borrowed it), and may be in the list twice. */
#include "client/python/ext/ext.h"
#include <time.h>

#define SWITCH_NS 5000000 /* other threads get the lock that often, as from interpreted code */

const volatile uint32_t import_interrupt_flag = 1;
static uint32_t suspended; /* polls that are running Python code */
uint32_t import_put_off;   /* releases that wait */
static uint64_t *waiting;
static uint32_t waiting_room;

static int put_off(uint64_t object) {
    if (import_put_off == waiting_room) {
        uint32_t room = waiting_room ? waiting_room * 2 : 64;
        uint64_t *grown = PyMem_RawRealloc(waiting, room * sizeof *grown);
        if (!grown)
            return -1;
        waiting = grown;
        waiting_room = room;
    }
    waiting[import_put_off++] = object;
    return 0;
}

void import_release(JitdFrame *frame, uint64_t object) {
    if (unlikely(suspended) && !shm_is_shared(shm_object(frame, object))) {
        put_off(object); /* without memory for the list it leaks: the only safe thing */
        return;
    }
    arena_release(frame, object);
}

void import_release_waiting(JitdFrame *frame) {
    if (suspended || ((ArenaEpoch *)jitd_context.arena)->nest)
        return;
    for (uint32_t i = 0; i < import_put_off; i++) {
        ShmObject *object = shm_object(frame, waiting[i]);
        if (SHM_HEAD_STATE(atomic_load_explicit(&object->head, memory_order_relaxed)) == SHM_STATE_PRIVATE &&
            !atomic_load_explicit(&object->refs, memory_order_relaxed))
            arena_release(frame, waiting[i]);
    }
    import_put_off = 0;
}

static void yield_lock(void) {
    static int64_t last;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int64_t ns = now.tv_sec * 1000000000LL + now.tv_nsec;
    if (ns - last < SWITCH_NS)
        return;
    last = ns;
    PyThreadState *state = PyEval_SaveThread();
    PyEval_RestoreThread(state);
}

int32_t import_poll(JitdFrame *frame) {
    (void)frame;
    suspended++;
    yield_lock();
    int r = PyErr_CheckSignals();
    suspended--;
    return r < 0 ? JITD_TRAP_INTERRUPT : JITD_TRAP_NONE;
}

static const struct {
    const char *name;
    char result;
} pymath[] = {
#define PYMATH(name, least, most, result) {#name, result},
#include "protocol/pymath.def"
#undef PYMATH
};
#define N_PYMATH (sizeof pymath / sizeof *pymath)

static PyObject *pymath_function(uint32_t fn) {
    static PyObject *functions[N_PYMATH];
    if (fn >= N_PYMATH)
        return PyErr_Format(PyExc_SystemError, "jitd: math function %u is not known", fn);
    if (!functions[fn]) {
        PyObject *math = PyImport_ImportModule("math");
        functions[fn] = math ? PyObject_GetAttrString(math, pymath[fn].name) : NULL;
        Py_XDECREF(math);
    }
    return functions[fn];
}

static PyObject *pymath_argument(char type, JitdValue v) {
    return type == 'f' ? PyFloat_FromDouble(v.f) : type == 'b' ? PyBool_FromLong(v.i & 1) : PyLong_FromLongLong(v.i);
}

/* An int that is too large for 64 bits: the call can be redone in Python if nothing was committed, which the generated code
 * knows; so it gets REDO and decides. */
static int32_t pymath_result(char type, PyObject *result, JitdValue *out) {
    if (type == 'f') {
        out->f = PyFloat_AsDouble(result);
    } else if (type == 'b') {
        out->i = result == Py_True;
    } else {
        int overflow;
        out->i = PyLong_AsLongLongAndOverflow(result, &overflow);
        if (overflow)
            return JITD_TRAP_REDO;
    }
    return PyErr_Occurred() ? JITD_TRAP_PYTHON : JITD_TRAP_NONE;
}

int32_t import_pymath(JitdFrame *frame, uint32_t fn, uint32_t n, const char *types, const JitdValue *in,
                      JitdValue *out) {
    (void)frame;
    PyObject *function = pymath_function(fn), *args[JITD_TRAP_VALUES] = {NULL}, *result = NULL;
    uint32_t made = 0;
    while (function && made < n && made < JITD_TRAP_VALUES && (args[made] = pymath_argument(types[made], in[made])))
        made++;
    if (function && made == n)
        result = PyObject_Vectorcall(function, args, n, NULL);
    int32_t status = result ? pymath_result(pymath[fn].result, result, out) : JITD_TRAP_PYTHON;
    Py_XDECREF(result);
    while (made)
        Py_DECREF(args[--made]);
    return status;
}
