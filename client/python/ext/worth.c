/* Is compiled code worth it to a method's callers in Python? Where most calls do not stay in it (they are redone or gone on with in Python, or
 * have arguments that it does not take as they come), or where the interpreter has done many parts of them and operations on objects in the middle
 * (region.c), it is put to the trial: every other call runs in Python, and if that takes less time the method is Python from then on. Callers in
 * compiled code are not asked: what they call stays as it is.
 *
 * None of this is on the way of a call that stays in compiled code. */
#include "client/python/ext/ext.h"

#define LOOKS_AT 1000           /* calls, the first time; after a trial that compiled code has won twice as many */
#define LOOKS_AT_MOST (1 << 24) /* so that it is never the last one */
#define WARMED 16               /* calls of either kind before they are timed, and */
#define TIMED 64                /* while they are: */
#define PAIRS (WARMED + TIMED)  /* fewer, */
#define FEW 4                   /* but so many, where they take */
#define LONG (1 << 30)          /* cycles together */
#define OUTLIER 16              /* the longest, one of so many, may have waited for something else */
#define LOST_BY 8               /* a pair is lost for Python if that takes so many times as long, */
#define LOST 5                  /* and the trial if so many are: it is not to cost much */

enum { COMPILED, PYTHON };

struct Trial {
    uint32_t calls;
    PyObject
        *part; /* the site of one that Python does, and that it is about; NULL: it is about calls that do not stay */
    bool is_running; /* a call is being timed: those in it go the same way, */
    int way;         /* which is this */
    int lost;
    uint64_t spent, cycles[2][PAIRS];
};

/* ---- whether there is a reason to ask ---- */

static void begin(Method *m, PyObject *part) {
    m->trial = PyMem_Calloc(1, sizeof *m->trial);
    if (!m->trial)
        return;
    m->trial->part = Py_XNewRef(part);
    m->vectorcall = worth_trial;
}

static bool can_be_python(const Method *m) {
    return !m->keeps && !m->sized && !m->wraps && m->mode == METHOD_NATIVE;
}

void worth_try(Method *m, PyObject *part) {
    if (m->trial)
        m->vectorcall = worth_trial; /* as below */
    else if (can_be_python(m))
        begin(m, part);
}

void worth_note(Method *m) {
    uint64_t calls = m->native_calls + m->python_calls + 1; /* with this one */
    if (m->trial)
        m->vectorcall = worth_trial; /* a new specialisation has taken its place */
    if (m->trial || !can_be_python(m) || m->noted_at == calls)
        return;
    m->noted_at = calls;
    m->noted++;
    m->looks_at = m->looks_at ? m->looks_at : LOOKS_AT;
    if (calls - m->looked_at <= m->looks_at)
        return;
    if (m->noted > (calls - m->looked_at) / 2)
        begin(m, NULL);
    m->looked_at = calls;
    m->noted = 0;
}

/* ---- the trial ---- */

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t cycles_of(Trial *t, int way) {
    uint32_t pairs = t->calls / 2, warmed = pairs / 4 < WARMED ? pairs / 4 : WARMED, n = pairs - warmed;
    uint64_t *cycles = t->cycles[way] + warmed, sum = 0;
    qsort(cycles, n, sizeof *cycles, compare);
    for (uint32_t i = 0; i < n - n / OUTLIER; i++)
        sum += cycles[i];
    return sum;
}

/* Of each pair of calls one, and not always the same: the program may have a rhythm of its own (the sequence of Thue and Morse has none). */
static int way_of(uint32_t call) {
    return __builtin_popcount(call) & 1 ? PYTHON : COMPILED;
}

static void add(Trial *t, uint64_t cycles) {
    uint32_t pair = t->calls / 2;
    t->cycles[t->way][pair] = cycles;
    t->spent += cycles;
    if (t->calls++ % 2 && t->cycles[PYTHON][pair] / LOST_BY > t->cycles[COMPILED][pair])
        t->lost++;
}

static bool is_over(const Trial *t) {
    uint32_t pairs = t->calls / 2;
    bool is_enough = pairs == PAIRS || (pairs >= FEW && t->spent > LONG);
    return t->lost == LOST || (is_enough && t->calls % 2 == 0);
}

/* -1 with an exception: a signal handler's. */
static int give_up(Method *m, PyObject *part) {
    PyObject *module = PyImport_ImportModule("jitd.flight");
    PyObject *done = module ? PyObject_CallMethod(module, "give_up", "OOi", m, part ? part : Py_None, 1) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(module);
    return done ? 0 : -1;
}

void worth_free(Trial *t) {
    if (t)
        Py_XDECREF(t->part);
    PyMem_Free(t);
}

static int judge(Method *m) {
    Trial *t = m->trial;
    bool is_python = t->lost < LOST && cycles_of(t, PYTHON) < cycles_of(t, COMPILED);
    m->trial = NULL;
    m->vectorcall = method_way(m);
    m->looks_at = m->looks_at < LOOKS_AT_MOST ? 2 * m->looks_at : m->looks_at;
    m->looked_at = m->native_calls + m->python_calls;
    int r = is_python && m->mode == METHOD_NATIVE ? give_up(m, t->part) : 0;
    worth_free(t);
    return r;
}

/* Behind the call that was the last one. Its exception stays. */
static PyObject *end(Method *m, PyObject *result) {
    PyObject *error[3] = {NULL};
    if (!result)
        PyErr_Fetch(&error[0], &error[1], &error[2]);
    if (judge(m) == 0) {
        if (!result)
            PyErr_Restore(error[0], error[1], error[2]);
        return result;
    }
    Py_XDECREF(result);
    for (int i = 0; i < 3; i++)
        Py_XDECREF(error[i]);
    return NULL;
}

static PyObject *run(Method *m, int way, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    if (way == PYTHON)
        return method_call_python(m, WHY_TRIED, args, nargsf, kwnames);
    return method_way(m)((PyObject *)m, args, nargsf, kwnames);
}

static PyObject *run_timed(Method *m, Trial *t, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Py_INCREF(m);
    t->is_running = true;
    t->way = way_of(t->calls);
    uint64_t begun = __builtin_ia32_rdtsc();
    PyObject *result = run(m, t->way, args, nargsf, kwnames);
    add(t, __builtin_ia32_rdtsc() - begun);
    t->is_running = false;
    if (is_over(t))
        result = end(m, result);
    else if (m->mode == METHOD_NATIVE)
        m->vectorcall = worth_trial; /* choosing a specialisation has set it to that one's */
    Py_DECREF(m);
    return result;
}

PyObject *worth_trial(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Method *m = (Method *)callable;
    Trial *t = m->trial;
    bool is_its_own = !m->type || (PyVectorcall_NARGS(nargsf) && Py_TYPE(args[0]) == m->type);
    if (!t || m->mode != METHOD_NATIVE || !is_its_own)
        return method_way(m)(callable, args, nargsf, kwnames);
    if (t->is_running)
        return run(m, t->way, args, nargsf, kwnames);
    return run_timed(m, t, args, nargsf, kwnames);
}
