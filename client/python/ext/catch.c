/* Exceptions that compiled code catches itself: its handlers need nothing of them but their class, so that there need not be any. What is caught is
 * looked up by name each time, as CPython does. No Python code runs: where some would, or where it is seen that an exception is given up, it is
 * raised again for the interpreter. */
#include "client/python/ext/resume.h"

/* By site; both are asked for where Python goes on the first time (trap.c). */
PlanSite *plan_site(Plan *plan, uint32_t site) {
    PyObject *sites = PyTuple_Check(plan->unit) ? PyTuple_GET_ITEM(plan->unit, 0) : NULL;
    Py_ssize_t n = sites && PyList_Check(sites) ? PyList_GET_SIZE(sites) : 0;
    if (!plan->sites && (plan->sites = PyMem_Calloc((size_t)n + 1, sizeof *plan->sites)))
        plan->nsites = (uint32_t)n;
    return site < plan->nsites ? &plan->sites[site] : NULL;
}

/* names: (globals, builtins, ...); of: a name, or a cell that has it. Borrowed; NULL: no class of exceptions is there. */
static PyTypeObject *look_up(PyObject *names, PyObject *of) {
    PyObject *found = PyCell_Check(of) ? PyCell_GET(of) : NULL;
    for (Py_ssize_t i = 0; !found && !PyCell_Check(of) && i < 2; i++)
        found = PyDict_GetItemWithError(PyTuple_GET_ITEM(names, i), of);
    PyErr_Clear();
    return found && PyExceptionClass_Check(found) ? (PyTypeObject *)found : NULL;
}

static const PyTypeObject *type_of(PyObject *exception) {
    return (const PyTypeObject *)exception;
}

/* Any arguments make an instance of it, and neither that nor giving it up runs Python code. */
static bool is_plain_class(const PyTypeObject *type) {
    const PyTypeObject *base = type_of(PyExc_BaseException);
    initproc init = type->tp_init;
    bool is_simple = init == base->tp_init || init == type_of(PyExc_AttributeError)->tp_init ||
                     init == type_of(PyExc_NameError)->tp_init || init == type_of(PyExc_StopIteration)->tp_init;
    return is_simple && type->tp_new == base->tp_new && !type->tp_finalize && !type->tp_del &&
           Py_IS_TYPE(type, &PyType_Type);
}

PyTypeObject *catch_class(PyObject *raised) {
    if (raised == Py_None)
        return NULL;
    return PyType_Check(raised) ? (PyTypeObject *)raised : look_up(raised, PyTuple_GET_ITEM(raised, 2));
}

/* Of an exception that compiled code has raised. */
static PyTypeObject *raised_at(Plan *plan, uint32_t site) {
    const PlanSite *at = plan_site(plan, site);
    if (at && !at->raised)
        plan->unknown_raised = site + 1;
    PyTypeObject *type = at && at->raised ? catch_class(at->raised) : NULL;
    return type && is_plain_class(type) ? type : NULL;
}

/* Nobody sees that it is given up: it holds nothing but its arguments, and these are the interpreter's own. */
static bool is_quiet(PyObject *type, PyObject *value, PyObject *traceback) {
    bool is_builtin = PyType_Check(type) && !(((PyTypeObject *)type)->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
                      ((PyTypeObject *)type)->tp_basicsize == (Py_ssize_t)sizeof(PyBaseExceptionObject);
    if (!is_builtin || traceback)
        return false;
    if (!value || !Py_IS_TYPE(value, (PyTypeObject *)type))
        return !value || operation_is_quiet(value);
    const PyBaseExceptionObject *exception = (const PyBaseExceptionObject *)value;
    return !exception->dict && !exception->traceback && !exception->context && !exception->cause &&
           Py_REFCNT(value) == 1 && operation_is_quiet(exception->args);
}

/* CPython looks whether all of a tuple are classes of exceptions before it looks for one that fits. */
static bool is_for(PyObject *handlers, PyObject *names, const PyTypeObject *raised, bool *ret_unknown) {
    bool found = PyTuple_GET_SIZE(names) == 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyTypeObject *type = look_up(handlers, PyTuple_GET_ITEM(names, i));
        *ret_unknown |= !type;
        found |= !type || PyType_IsSubtype((PyTypeObject *)raised, type);
    }
    return found;
}

/* handlers: (globals, builtins, ((names, is compiled), ...)), see jitd/trap.py */
static int32_t number_of(PyObject *handlers, const PyTypeObject *raised) {
    PyObject *all = PyTuple_GET_ITEM(handlers, 2);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all); i++) {
        PyObject *handler = PyTuple_GET_ITEM(all, i);
        bool is_unknown = false;
        if (is_for(handlers, PyTuple_GET_ITEM(handler, 0), raised, &is_unknown))
            return !is_unknown && PyTuple_GET_ITEM(handler, 1) == Py_True ? (int32_t)i : JITD_CATCH_PYTHON;
    }
    return JITD_CATCH_NOBODY;
}

static int32_t catch_raised(Plan *plan, PyObject *handlers, uint32_t site) {
    const PyTypeObject *raised = raised_at(plan, site);
    return raised ? number_of(handlers, raised) : JITD_CATCH_PYTHON;
}

/* The interpreter's exception. */
static int32_t catch_set(PyObject *handlers) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int32_t number =
        type && is_quiet(type, value, traceback) ? number_of(handlers, (PyTypeObject *)type) : JITD_CATCH_PYTHON;
    if (number < 0) {
        PyErr_Restore(type, value, traceback);
        return number;
    }
    Py_DECREF(type);
    Py_XDECREF(value);
    return number;
}

static int32_t catch (JitdFrame *frame, int32_t status, uint32_t site) {
    Plan *plan = frame->running;
    const PlanSite *at = plan_site(plan, site);
    plan->unknown_handlers = at && !at->handlers ? site + 1 : 0;
    plan->unknown_raised = 0;
    if (!at)
        return JITD_CATCH_PYTHON;
    if (!at->handlers) {
        if (status == JITD_TRAP_RAISE)
            raised_at(plan, frame->trap.site);
        return JITD_CATCH_PYTHON;
    }
    if (status == JITD_TRAP_RAISE)
        return catch_raised(plan, at->handlers, frame->trap.site);
    return status == JITD_TRAP_PYTHON && frame->trap.site != UINT32_MAX ? catch_set(at->handlers) : JITD_CATCH_PYTHON;
}

/* Borrowed of the plan from then on. */
void catch_learn(Plan *plan, uint32_t site, PyObject *handlers, PyObject *raised) {
    PlanSite *at = plan_site(plan, site);
    if (at && handlers && !at->handlers)
        at->handlers = Py_NewRef(handlers);
    if (at && raised && !at->raised)
        at->raised = Py_NewRef(raised);
}

int catch_traverse(const Plan *plan, visitproc visit, void *arg) {
    for (uint32_t i = 0; i < plan->nsites; i++) {
        Py_VISIT(plan->sites[i].handlers);
        Py_VISIT(plan->sites[i].raised);
        Py_VISIT(plan->sites[i].args);
        Py_VISIT(plan->sites[i].places);
    }
    return 0;
}

void catch_free(Plan *plan) {
    for (uint32_t i = 0; i < plan->nsites; i++) {
        Py_XDECREF(plan->sites[i].handlers);
        Py_XDECREF(plan->sites[i].raised);
        Py_XDECREF(plan->sites[i].args);
        Py_XDECREF(plan->sites[i].places);
    }
    PyMem_Free(plan->sites);
}

void catch_imports(const void **imports) {
    imports[JITD_IMPORT_py_catch] = (const void *)catch;
}
