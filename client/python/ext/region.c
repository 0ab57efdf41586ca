/* Regions: parts of a compiled function that the interpreter carries out, each by a function that jitd/resume.py makes of the source,
 * once for each place that is come to. It takes the locals that the part reads, and returns its value, or what it leaves in locals.
 *
 * Compiled code counts what it borrows across it, as across any call: Python code may drop every other reference. */
#include "client/python/ext/resume.h"

#define MAX_VALUES 33 /* server/compiler/region.h, and a place for vectorcall */

static int give_all(JitdFrame *frame, const Resume *r, const JitdValue *slot, PyObject **args) {
    resume_count_all(frame, r, slot);
    for (Py_ssize_t i = 0; i < r->nvalues; i++)
        if (!(args[i] = resume_value(r, &r->values[i], &slot)))
            return -1; /* what is not made yet keeps a count too many: better than one too few */
    return 0;
}

/* Where it is in the frame's traceback, which an operation's function adds itself; UINT32_MAX. */
static PyObject *result_of(const Plan *plan, Resume *r, uint32_t *site, PyObject *const *args) {
    bool by_function = false;
    PyObject *result = NULL;
    if (r->operation)
        result = operation_do(plan, r, *site, args, &by_function);
    else if (r->function)
        result = PyObject_Vectorcall(r->function, args, (size_t)r->nvalues | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    else
        result = Py_NewRef(args[0]); /* a box */
    if (by_function || !r->operation)
        *site = UINT32_MAX;
    return result;
}

/* What compiled code has given up since Python code ran last goes first: its finalisers are Python code, too. What compiled code has in hand is
 * counted by then. */
static void settle(void) {
    proxy_settle();
    import_put_off &= ~(uint32_t)IMPORT_MANY; /* where that is not possible yet, the next many ask again */
}

static PyObject *call(JitdFrame *frame, const Plan *plan, Resume *r, uint32_t *site, const JitdValue *values,
                      bool settles) {
    PyObject *args[MAX_VALUES + 1] = {NULL}, *result = NULL;
    if (r->nvalues > MAX_VALUES - 1)
        return PyErr_Format(PyExc_SystemError, "jitd: compiled code gives %zd values to Python", r->nvalues);
    int given = give_all(frame, r, values, args + 1);
    if (given == 0 && settles)
        settle();
    if (given == 0)
        result = result_of(plan, r, site, args + 1);
    for (Py_ssize_t i = 1; i <= r->nvalues; i++)
        Py_XDECREF(args[i]);
    return result;
}

static void take_written(const Resume *r, PyObject *const *objects, JitdValue **slot) {
    for (Py_ssize_t i = 0; i < r->nwritten; i++) {
        bool bound = objects[i] != r->unbound;
        if (r->written[i].flagged)
            (*slot)++->i = bound;
        (*slot)++->ref = bound ? (uint64_t)(uintptr_t)Py_NewRef(objects[i]) : 0;
    }
}

/* A statement's function returns what it leaves in its locals: None, an object, or a tuple. */
static int32_t finish_statement(const Resume *r, PyObject *result, JitdValue **slot) {
    if (r->nwritten == 1)
        take_written(r, &result, slot);
    else if (r->nwritten)
        take_written(r, &PyTuple_GET_ITEM(result, 0), slot);
    Py_DECREF(result);
    return JITD_TRAP_NONE;
}

static int32_t finish_value(JitdFrame *frame, const Plan *plan, const Resume *r, PyObject *result, JitdValue **slot) {
    const JitdValue *given = *slot;
    if (r->result->kind == TYPE_PY) {
        (*slot)++->ref = (uint64_t)(uintptr_t)result;
        return JITD_TRAP_NONE;
    }
    if (convert_value(r->result, plan->defs, result, slot) != CONVERT_OK) {
        PyErr_Clear();
        frame->object = result;
        return JITD_TRAP_OBJECT;
    }
    resume_count(frame, r->result, &given);
    Py_DECREF(result);
    return JITD_TRAP_NONE;
}

/* ---- is it worth it? ---- */

#define FIRST_LOOK 1024  /* parts; then after twice as many */
#define LEAST_BETWEEN 16 /* of the time in the parts so much must be spent between them */

/* Without a loop a call is worth no more than a part costs; a loop may be. */
static bool is_mostly_python(const Plan *plan) {
    if (plan->flags & PLAN_LOOPS)
        return plan->between < plan->inside / LEAST_BETWEEN;
    return plan->regions > plan->method_of->native_calls / 2;
}

/* The method is Python's from its next call on. */
static void give_up(const Plan *plan, uint32_t site) {
    PyObject *place = PyList_GET_ITEM(PyTuple_GET_ITEM(plan->unit, 0), site); /* counts_redone has looked */
    PyObject *module = PyImport_ImportModule("jitd.flight");
    PyObject *done = module ? PyObject_CallMethod(module, "give_up", "OO", plan->method_of, place) : NULL;
    if (!done)
        PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(module);
}

static void count_region(Plan *plan, uint32_t site, uint64_t begun) {
    uint64_t now = __builtin_ia32_rdtsc();
    counts_redone(plan, site);
    plan->inside += now - begun;
    plan->between += plan->left_at ? begun - plan->left_at : 0;
    plan->left_at = now;
    if (likely(++plan->regions < plan->looks_at))
        return;
    if (plan->looks_at && is_mostly_python(plan) && !PyErr_Occurred())
        give_up(plan, site);
    plan->looks_at = plan->looks_at ? plan->looks_at * 2 : FIRST_LOOK;
    plan->inside = plan->between = plan->left_at = 0;
}

/* Operations are not timed, which would take as long as they do. When there have been FIRST_LOOK, and each time that there have been 16 times as
 * many, the whole method is: that costs calls in Python, which are long where parts come to so many soon. */
static inline void count_part(Plan *plan, uint32_t site) {
    uint64_t n = ++plan->parts;
    bool is_time = !(n & (n - 1)) && n >= FIRST_LOOK && __builtin_ctzll(n / FIRST_LOOK) % 4 == 0;
    if (unlikely(is_time) && site < plan->nresumes) /* it has been made: the site is one */
        worth_try(plan->method_of, PyList_GET_ITEM(PyTuple_GET_ITEM(plan->unit, 0), site));
}

static int32_t failed(JitdFrame *frame, uint32_t site) {
    frame->trap = (JitdTrap){.kind = JITD_TRAP_PYTHON, .site = site};
    return JITD_TRAP_PYTHON;
}

static int32_t finish(JitdFrame *frame, const Plan *plan, const Resume *r, PyObject *result, uint64_t changes,
                      JitdValue *values) {
    JitdValue *slot = values;
    int32_t status = r->result ? finish_value(frame, plan, r, result, &slot) : finish_statement(r, result, &slot);
    if (status == JITD_TRAP_NONE && (r->function || r->operation))
        slot->i = import_note_broken(plan, changes);
    return status;
}

/* Containers of the interpreter's own run Python code for little but comparisons. */
static bool is_short(const Resume *r, const JitdValue *values) {
    Py_ssize_t at = r->operation == OPERATION_IN || r->operation == OPERATION_NOT_IN;
    if (at >= r->nvalues || r->values[at].type->kind != TYPE_PY)
        return false;
    return operation_is_builtin((PyObject *)(uintptr_t)values[at ? type_slots(r->values[0].type) : 0].ref);
}

static int32_t operate(JitdFrame *frame, const Plan *plan, Resume *r, uint32_t site, JitdValue *values) {
    bool is_brief = !(import_put_off & IMPORT_LONG_WAY) && is_short(r, values);
    uint64_t changes = import_changes();
    ImportOpen open = is_brief ? import_open_shortly() : import_open();
    PyObject *result = call(frame, plan, r, &site, values, !is_brief);
    int32_t status = result ? finish(frame, plan, r, result, changes, values) : failed(frame, site);
    import_close(open);
    return status;
}

int32_t import_region(JitdFrame *frame, uint32_t site, JitdValue *values) {
    Plan *plan = frame->running;
    Resume *known = likely(site < plan->nresumes) ? plan->resumes[site] : NULL;
    int32_t quick;
    count_part(plan, site);
    if (likely(known && known->quick && !(import_put_off & IMPORT_LONG_WAY) &&
               operation_quick(frame, known, site, values, &quick)))
        return quick;
    if (likely(known && known->operation))
        return operate(frame, plan, known, site, values);
    uint64_t begun = __builtin_ia32_rdtsc(), changes = import_changes();
    ImportOpen open = import_open();
    Resume *r = resume_of(plan, site);
    uint32_t place = r ? site : UINT32_MAX;
    PyObject *result = r ? call(frame, plan, r, &place, values, true) : NULL;
    int32_t status = result ? finish(frame, plan, r, result, changes, values) : failed(frame, place);
    if (r && r->function && !r->operation)
        count_region(plan, site, begun);
    import_close(open);
    return status;
}

void import_py_incref(JitdFrame *frame, uint64_t object) {
    (void)frame;
    Py_XINCREF((PyObject *)(uintptr_t)object);
}

void import_py_decref(JitdFrame *frame, uint64_t object) {
    PyObject *op = (PyObject *)(uintptr_t)object;
    if (op && (Py_REFCNT(op) > 1 || PyFloat_CheckExact(op) || PyLong_CheckExact(op) || PyUnicode_CheckExact(op))) {
        Py_DECREF(op);
        return;
    }
    bool is_brief = !import_put_off && op && operation_is_builtin(op);
    ImportOpen open = is_brief ? import_open_shortly() : import_open();
    uint64_t changes = class_changes;
    settle();
    Py_XDECREF(op);
    import_ran_unseen(frame->running, changes);
    import_close(open);
}
