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
static __thread uint32_t suspended_here __attribute__((tls_model("initial-exec"))); /* those of this thread */
uint32_t import_put_off; /* IMPORT_OBJECTS, IMPORT_PROXIES: what waits */
static uint64_t *waiting;
static uint32_t waiting_for, waiting_room;

static int put_off(uint64_t object) {
    if (waiting_for == waiting_room) {
        uint32_t room = waiting_room ? waiting_room * 2 : 64;
        uint64_t *grown = PyMem_RawRealloc(waiting, room * sizeof *grown);
        if (!grown)
            return -1;
        waiting = grown;
        waiting_room = room;
    }
    waiting[waiting_for++] = object;
    import_put_off |= IMPORT_OBJECTS;
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
    for (uint32_t i = 0; i < waiting_for; i++) {
        ShmObject *object = shm_object(frame, waiting[i]);
        if (SHM_HEAD_STATE(atomic_load_explicit(&object->head, memory_order_relaxed)) == SHM_STATE_PRIVATE &&
            !atomic_load_explicit(&object->refs, memory_order_relaxed))
            arena_release(frame, waiting[i]);
    }
    waiting_for = 0;
    import_put_off &= ~(uint32_t)IMPORT_OBJECTS;
    if (import_put_off)
        proxy_drop_leaving();
}

/* The child has this thread only, and what waits to be released is its parent's. */
void import_after_fork(void) {
    suspended = suspended_here;
    waiting_for = 0;
    import_put_off &= ~(uint32_t)IMPORT_OBJECTS;
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
    suspended++, suspended_here++;
    uint32_t inside = context_suspend();
    yield_lock();
    int r = PyErr_CheckSignals();
    context_resume(inside);
    suspended--, suspended_here--;
    return r < 0 ? JITD_TRAP_INTERRUPT : JITD_TRAP_NONE;
}

static const struct {
    const char *module, *name;
    char result;
} pymath[] = {
#define PYMATH(module, name, least, most, result) {#module, #name, result},
#include "protocol/pymath.def"
#undef PYMATH
};
#define N_PYMATH (sizeof pymath / sizeof *pymath)

static PyObject *pymath_function(uint32_t fn) {
    static PyObject *functions[N_PYMATH];
    if (fn >= N_PYMATH)
        return PyErr_Format(PyExc_SystemError, "jitd: math function %u is not known", fn);
    if (!functions[fn]) {
        PyObject *module = PyImport_ImportModule(pymath[fn].module);
        functions[fn] = module ? PyObject_GetAttrString(module, pymath[fn].name) : NULL;
        Py_XDECREF(module);
    }
    return functions[fn];
}

/* The arguments of one call, read from left to right. */
typedef struct PymathArgs {
    const char *types;
    const JitdValue *values;
    uint32_t left; /* values that there still are */
} PymathArgs;

static PyObject *pymath_number(PymathArgs *a) {
    if (!a->left)
        return PyErr_Format(PyExc_SystemError, "jitd: too few arguments of a math function");
    a->left--;
    JitdValue v = *a->values++;
    char type = *a->types++;
    return type == 'f' ? PyFloat_FromDouble(v.f) : type == 'b' ? PyBool_FromLong(v.i & 1) : PyLong_FromLongLong(v.i);
}

static PyObject *pymath_sequence(PymathArgs *a, char end) {
    PyObject *list = PyList_New(0), *item = list;
    a->types++;
    while (item && *a->types && *a->types != end) {
        item = pymath_number(a);
        if (item && PyList_Append(list, item) < 0)
            Py_CLEAR(item);
        else
            Py_XDECREF(item);
    }
    if (item && *a->types)
        a->types++;
    PyObject *result = !item ? NULL : end == ')' ? PyList_AsTuple(list) : Py_NewRef(list);
    Py_XDECREF(list);
    return result;
}

static PyObject *pymath_argument(PymathArgs *a) {
    if (*a->types == '(' || *a->types == '[')
        return pymath_sequence(a, *a->types == '(' ? ')' : ']');
    return pymath_number(a);
}

/* The name in ";name=", appended to *names, which is made when there is none. */
static int pymath_keyword(PymathArgs *a, PyObject **names) {
    const char *end = strchr(++a->types, '=');
    if (!*names && !(*names = PyList_New(0)))
        return -1;
    PyObject *name = end ? PyUnicode_FromStringAndSize(a->types, end - a->types) : NULL;
    int r = name ? PyList_Append(*names, name) : -1;
    Py_XDECREF(name);
    if (end)
        a->types = end + 1;
    return r;
}

/* Appends the arguments to `args`, which has room for all, and says how many; -1: exception. */
static int pymath_arguments(PymathArgs *a, PyObject **args, PyObject **names) {
    int n = 0;
    while (*a->types) {
        if (*a->types == ';' && pymath_keyword(a, names) < 0)
            return -1;
        if (n == 2 * JITD_PYMATH_VALUES || !(args[n] = pymath_argument(a)))
            return -1;
        n++;
    }
    return n;
}

/* An int that is too large for 64 bits: the call can be redone in Python if nothing was committed, which the generated code
 * knows; so it gets REDO and decides. */
static int32_t pymath_result(char type, PyObject *result, JitdValue *out) {
    if (type == 'f' || (type == 'n' && PyFloat_Check(result))) {
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

static PyObject *pymath_call(PyObject *function, PymathArgs *a) {
    PyObject *args[2 * JITD_PYMATH_VALUES] = {NULL}, *names = NULL, *kwnames = NULL, *result = NULL;
    int n = pymath_arguments(a, args, &names);
    if (n >= 0 && (!names || (kwnames = PyList_AsTuple(names)))) {
        Py_ssize_t nkeywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
        result = PyObject_Vectorcall(function, args, (size_t)(n - nkeywords), kwnames);
    }
    for (int i = 0; i < 2 * JITD_PYMATH_VALUES && args[i]; i++)
        Py_DECREF(args[i]);
    Py_XDECREF(names);
    Py_XDECREF(kwnames);
    return result;
}

int32_t import_pymath(JitdFrame *frame, uint32_t fn, uint32_t n, const char *types, const JitdValue *in,
                      JitdValue *out) {
    (void)frame;
    PymathArgs args = {types, in, n};
    PyObject *function = pymath_function(fn), *result = function ? pymath_call(function, &args) : NULL;
    int32_t status = result ? pymath_result(pymath[fn].result, result, out) : JITD_TRAP_PYTHON;
    Py_XDECREF(result);
    return status;
}
