/* What generated code calls in this process besides libm and the arena: the interpreter's signal handlers and its math
 * module, under the interpreter lock, which compiled code holds; and the release of objects.
 *
 * Polling. The flag that loops look at is always set: generated code looks at it seldom (every few thousand iterations), and asking what
 * there is to do costs little (pending.c). What that means for the running call depends on what it has done (JitdEffects):
 *   nothing   Python code runs. If the names that the call uses mean something else then, the interpreter does the call from its
 *             beginning, which is after that.
 *   undo      the call has stored what it may take back: nobody may see that, or store over it. So no Python code runs; where some
 *             wants to, the stores are taken back and the interpreter does the call, with that code at its place. Another thread that
 *             only wants its turn waits for a while first, because most calls are over by then; and Ctrl-C ends the call as it is.
 *   kept      Python code runs. Names that mean something else then are an error, as there is no way back, or
 *   resumed   let the interpreter go on from there (resume.c).
 *
 * Whatever Python code runs in a poll (a handler, or another thread that got the lock) may drop objects that the suspended
 * compiled code borrows. What it has in hand itself it counts for the poll; what its caller gave it, the caller's proxies count, which
 * close() may take away. So the release of private objects, and the counts of shared ones' proxies, are put off while any compiled code is
 * suspended, and made up for when no compiled code runs at all: everything that can borrow is inside an epoch, so that is when the arena's
 * epoch is left. An object whose release was put off may have been counted up again meanwhile (returned by the code that borrowed it), and
 * may be in the list twice. The epoch itself pauses in a poll: a call may go on for hours, and what dies elsewhere would wait for it. */
#include "client/python/ext/ext.h"
#include <signal.h>
#include <time.h>

#define HOLD_NS 50000000 /* so long may a call keep the lock whose stores nobody may see */

const volatile uint32_t import_interrupt_flag = 1;
#define COUNT_OF ((uint64_t)1) /* of a shared object, in a list's entry: a count; else a private object's release */

static uint32_t suspended; /* polls that are running Python code */
static __thread uint32_t suspended_here __attribute__((tls_model("initial-exec"))); /* those of this thread */
static uint32_t opened; /* epochs of compiled code that has counted all that it needs, while Python code runs */
static __thread uint32_t opened_here __attribute__((tls_model("initial-exec")));
uint32_t import_put_off; /* IMPORT_*: what waits */
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

void import_drop_shared(JitdFrame *frame, uint64_t object) {
    const ArenaEpoch *epoch = (const ArenaEpoch *)jitd_context.arena;
    if (likely(!suspended) ||
        (epoch->nest == 1 && !arena_pauses(jitd_context.arena))) /* what is suspended has no references */
        arena_decref(jitd_context.arena, frame, object);
    else
        put_off(object | COUNT_OF);
}

static bool compiled_code_runs(uint32_t own_epochs) {
    return suspended || ((ArenaEpoch *)jitd_context.arena)->nest - opened != own_epochs;
}

void import_release_waiting(JitdFrame *frame, uint32_t own_epochs) {
    if (compiled_code_runs(own_epochs))
        return;
    for (uint32_t i = 0; i < waiting_for; i++) {
        ShmObject *object = shm_object(frame, waiting[i] & ~COUNT_OF);
        if (waiting[i] & COUNT_OF)
            arena_decref(jitd_context.arena, frame, waiting[i] & ~COUNT_OF);
        else if (SHM_HEAD_STATE(atomic_load_explicit(&object->head, memory_order_relaxed)) == SHM_STATE_PRIVATE &&
                 !atomic_load_explicit(&object->refs, memory_order_relaxed))
            arena_release(frame, waiting[i]);
    }
    waiting_for = 0;
    import_put_off &= ~(uint32_t)(IMPORT_OBJECTS | IMPORT_UNSEEN);
}

bool import_is_idle(void) {
    if (!jitd_context.arena || !jitd_frame || compiled_code_runs(0))
        return false;
    import_release_waiting(jitd_frame, 0);
    return true;
}

int import_collect(void) {
    if (!import_is_idle())
        return 0;
    import_put_off &= ~(uint32_t)IMPORT_CYCLES;
    int n = arena_collect_private(jitd_context.arena);
    if (import_put_off & IMPORT_PROXIES)
        proxy_drop_leaving();
    return n;
}

void import_drop_proxies(void) {
    if (compiled_code_runs(0))
        return;
    if (import_put_off & IMPORT_CYCLES)
        import_collect();
    if (import_put_off & IMPORT_PROXIES)
        proxy_drop_leaving();
}

/* The child has this thread only, and what waits to be released is its parent's. */
void import_after_fork(void) {
    suspended = suspended_here;
    opened = opened_here;
    waiting_for = 0;
    import_put_off &= ~(uint32_t)(IMPORT_OBJECTS | IMPORT_CYCLES);
}

/* Whether another thread has waited long enough for a call that hides its stores. Polls come often, so a pause between two is a new
 * beginning. */
static bool hold_is_over(void) {
    static int64_t first, latest;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int64_t ns = now.tv_sec * 1000000000LL + now.tv_nsec;
    if (ns - latest > HOLD_NS)
        first = ns;
    latest = ns;
    return ns - first >= HOLD_NS;
}

/* Whether Ctrl-C is the signal that came and means what it means by default: nothing but an exception comes of it. */
static bool take_keyboard_interrupt(void) {
    if (!PyOS_InterruptOccurred())
        return false;
    PyObject *module = PyImport_ImportModule("_signal");
    PyObject *handler = module ? PyObject_CallMethod(module, "getsignal", "i", SIGINT) : NULL;
    PyObject *usual = handler ? PyObject_GetAttrString(module, "default_int_handler") : NULL;
    bool is_usual = usual && handler == usual;
    Py_XDECREF(usual);
    Py_XDECREF(handler);
    Py_XDECREF(module);
    PyErr_Clear();
    if (is_usual)
        PyErr_SetNone(PyExc_KeyboardInterrupt);
    else
        PyErr_SetInterrupt(); /* it came all the same */
    return is_usual;
}

static int32_t poll_hidden(uint32_t work) {
    if (work == PENDING_SWITCH)
        return hold_is_over() ? JITD_TRAP_REDO : JITD_TRAP_NONE;
    if (work == PENDING_COLLECTOR || !pending_is_ours())
        return JITD_TRAP_NONE; /* the main thread will want the lock for a signal */
    return take_keyboard_interrupt() ? JITD_TRAP_INTERRUPT : JITD_TRAP_REDO;
}

static int32_t raise_broken(PyObject *what) {
    PyErr_Format(PyExc_RuntimeError,
                 "%S was given another value while compiled code ran that has the old one built in, and that has had "
                 "effects: mark "
                 "the method with jitd.jit_ignore, or pass the value as a field",
                 what);
    return JITD_TRAP_PYTHON;
}

/* What compiled code has read of objects may be another by then. */
static void note_ran(void) {
    if (jitd_frame)
        jitd_frame->ran++;
}

uint32_t import_suspend(void) {
    note_ran();
    suspended++, suspended_here++;
    return context_suspend();
}

void import_go_on(uint32_t inside) {
    context_resume(inside);
    suspended--, suspended_here--;
}

ImportOpen import_open(void) {
    note_ran();
    if (jitd_frame)
        jitd_frame->turns = 0; /* what comes may take long: a loop's next turn looks */
    ImportOpen open = {.nest = context_pause()};
    if (open.nest)
        arena_breathe(jitd_context.arena);
    open.inside = context_suspend();
    opened += open.inside, opened_here += open.inside;
    return open;
}

ImportOpen import_open_shortly(void) {
    note_ran();
    ImportOpen open = {.inside = context_suspend()};
    opened += open.inside, opened_here += open.inside;
    return open;
}

void import_close(ImportOpen open) {
    opened -= open.inside, opened_here -= open.inside;
    context_resume(open.inside);
    if (open.nest)
        context_end_pause(open.nest);
}

PyObject *import_broken(const Plan *plan, uint64_t since) {
    PyObject *broken = plan && plan->guard ? guard_broken(plan->guard) : NULL;
    if (broken || since == class_changes)
        return broken;
    for (uint32_t i = 0; plan && i < plan->ndefs && !broken; i++)
        if (plan->defs[i] && class_of_type(plan->defs[i])->changed_at > since) /* not all are classes */
            broken = (PyObject *)plan->defs[i];
    return broken;
}

/* class_changes before the Python code that changed something; what goes on in Python next, and each of its compiled callers in turn, is to know.
 * Nothing else runs in between. */
static uint64_t stale_since;
static bool is_stale;

bool import_note_broken(const Plan *plan, uint64_t since) {
    if (likely(!import_broken(plan, since)))
        return false;
    stale_since = since;
    return is_stale = true;
}

uint64_t import_take_changes(void) {
    uint64_t since = is_stale && stale_since < class_changes ? stale_since : class_changes;
    is_stale = false;
    return since;
}

static uint64_t unseen_since; /* with IMPORT_UNSEEN */

void import_ran_unseen(const Plan *plan, uint64_t since) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback); /* with which the call ends, perhaps */
    PyObject *broken = import_broken(plan, since);
    PyErr_Restore(type, value, traceback);
    if (likely(!broken))
        return;
    if (!(import_put_off & IMPORT_UNSEEN))
        unseen_since = since;
    import_put_off |= IMPORT_UNSEEN;
}

uint64_t import_changes(void) {
    if (likely(!(import_put_off & IMPORT_UNSEEN)))
        return class_changes;
    import_put_off &= ~(uint32_t)IMPORT_UNSEEN;
    return unseen_since;
}

static int32_t poll_open(JitdFrame *frame, uint32_t effects, uint32_t work) {
    const Plan *plan = frame->running;
    uint64_t changes = class_changes;
    uint32_t inside = import_suspend();
    if (work == PENDING_SWITCH) {
        PyThreadState *state = PyEval_SaveThread();
        PyEval_RestoreThread(state);
    }
    int r = PyErr_CheckSignals();
    import_go_on(inside);
    if (r < 0)
        return JITD_TRAP_INTERRUPT;
    PyObject *broken = import_broken(plan, changes);
    if (likely(!broken))
        return JITD_TRAP_NONE;
    return effects == JITD_EFFECTS_KEPT ? raise_broken(broken) : JITD_TRAP_REDO;
}

int32_t import_poll(JitdFrame *frame, uint32_t effects) {
    uint32_t nest = context_pause();
    arena_breathe(jitd_context.arena);
    uint32_t work = pending_work();
    int32_t status = likely(!work)                  ? JITD_TRAP_NONE
                     : effects == JITD_EFFECTS_UNDO ? poll_hidden(work)
                                                    : poll_open(frame, effects, work);
    context_end_pause(nest);
    return status;
}

/* Where the daemon must be asked for more memory, signal handlers wait, too: the next poll, or the end of the call, is the place. */
uint32_t import_allocating;

uint64_t import_alloc(JitdFrame *frame, uint32_t size_class) {
    import_allocating++;
    uint64_t object = arena_alloc(frame, size_class);
    import_allocating--;
    if (unlikely(arena_wants_cycles(jitd_context.arena)))
        import_put_off |= IMPORT_CYCLES;
    return object;
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

/* The interpreter's own functions of numbers run no Python code but by way of the collector, which (until 3.11) any new tuple or list
 * may start, and with it finalisers. It gets its turn at the next object that somebody else makes. */
int32_t import_pymath(JitdFrame *frame, uint32_t fn, uint32_t n, const char *types, const JitdValue *in,
                      JitdValue *out) {
    (void)frame;
    PymathArgs args = {types, in, n};
    int collects = PyGC_Disable();
    PyObject *function = pymath_function(fn), *result = function ? pymath_call(function, &args) : NULL;
    int32_t status = result ? pymath_result(pymath[fn].result, result, out) : JITD_TRAP_PYTHON;
    Py_XDECREF(result);
    if (collects)
        PyGC_Enable();
    return status;
}
