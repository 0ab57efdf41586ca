/* Guards on what a function's names mean. Compiled code has the module's constants and functions built in; when one of those
 * names is given another value, calls go to Python from then on (and back when the old value is back). Looking at that costs a
 * call one comparison of a number that changes with the dict (dictwatch.h). */
#include "client/python/ext/ext.h"

/* The same constant or the same object. */
static int same(PyObject *now, PyObject *then) {
    if (now == then || !now || !then || Py_TYPE(now) != Py_TYPE(then))
        return now == then;
    if (PyFloat_CheckExact(now)) {
        double a = PyFloat_AS_DOUBLE(now), b = PyFloat_AS_DOUBLE(then);
        return !memcmp(&a, &b, sizeof a); /* -0.0 is not 0.0 */
    }
    if (!PyLong_CheckExact(now) && !PyUnicode_CheckExact(now))
        return 0;
    int r = PyObject_RichCompareBool(now, then, Py_EQ);
    if (r < 0)
        PyErr_Clear();
    return r > 0;
}

static int binding_holds(PyObject *binding) {
    PyObject *then = PyTuple_GET_ITEM(binding, 2);
    PyObject *now = PyDict_GetItemWithError(PyTuple_GET_ITEM(binding, 0), PyTuple_GET_ITEM(binding, 1));
    if (!now && PyErr_Occurred())
        PyErr_Clear();
    return same(now ? now : jitd_missing, then);
}

/* The cell that holds something else now. */
static PyObject *cells_broken(const Guard *guard) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(guard->cells); i++) {
        PyObject *pair = PyTuple_GET_ITEM(guard->cells, i);
        if (!same(PyCell_GET(PyTuple_GET_ITEM(pair, 0)), PyTuple_GET_ITEM(pair, 1)))
            return PyTuple_GET_ITEM(pair, 0);
    }
    return NULL;
}

static int function_holds(PyObject *then) {
    PyObject *function = PyTuple_GET_ITEM(then, 0);
    PyObject *defaults = PyFunction_GET_DEFAULTS(function), *kwdefaults = PyFunction_GET_KW_DEFAULTS(function);
    return PyFunction_GET_CODE(function) == PyTuple_GET_ITEM(then, 1) &&
           (defaults ? defaults : Py_None) == PyTuple_GET_ITEM(then, 2) &&
           (kwdefaults ? kwdefaults : Py_None) == PyTuple_GET_ITEM(then, 3);
}

/* Are the plain functions that compiled code has built in still what they were? Reloaders put other code into living ones. */
static PyObject *functions_broken(const Guard *guard) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(guard->functions); i++)
        if (!function_holds(PyTuple_GET_ITEM(guard->functions, i)))
            return PyTuple_GET_ITEM(PyTuple_GET_ITEM(guard->functions, i), 0);
    return NULL;
}

/* Looks at every name. */
static PyObject *look(Guard *guard) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(guard->bindings); i++)
        if (!binding_holds(PyTuple_GET_ITEM(guard->bindings, i)))
            return PyTuple_GET_ITEM(PyTuple_GET_ITEM(guard->bindings, i), 1);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(guard->dicts); i++)
        guard->versions[i] = watch_seen(guard->watches[i]);
    return NULL;
}

PyObject *guard_broken(Guard *guard) {
    PyObject *broken = NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(guard->dicts) && !broken; i++)
        if (unlikely(watch_version(guard->watches[i]) != guard->versions[i]))
            broken = look(guard);
    if (!broken)
        broken = cells_broken(guard);
    return broken ? broken : functions_broken(guard);
}

int guard_holds(Guard *guard) {
    return !guard_broken(guard);
}

static int well_formed(PyObject *tuple, Py_ssize_t size, PyTypeObject *first) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *item = PyTuple_GET_ITEM(tuple, i);
        if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != size || Py_TYPE(PyTuple_GET_ITEM(item, 0)) != first) {
            PyErr_SetString(PyExc_TypeError, "a malformed guard");
            return 0;
        }
    }
    return 1;
}

/* -1 with an exception set. */
static int watch_dicts(Guard *guard) {
    Py_ssize_t n = PyTuple_GET_SIZE(guard->dicts);
    guard->versions = PyMem_Calloc((size_t)n + 1, sizeof *guard->versions);
    guard->watches = PyMem_Calloc((size_t)n + 1, sizeof(Watch *));
    if (!guard->versions || !guard->watches) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!(guard->watches[i] = watch_acquire(PyTuple_GET_ITEM(guard->dicts, i))))
            return -1;
        guard->versions[i] = watch_version(guard->watches[i]) - 1; /* all names are looked at once */
    }
    return 0;
}

/* Guard((dict, ...), ((dict, name, value or MISSING), ...), ((cell, value, name), ...), ((function, code, defaults, kwdefaults), ...)) */
static PyObject *guard_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *dicts, *bindings, *cells, *functions;
    if (kwargs || !PyArg_ParseTuple(args, "O!O!O!O!", &PyTuple_Type, &dicts, &PyTuple_Type, &bindings, &PyTuple_Type,
                                    &cells, &PyTuple_Type, &functions))
        return NULL;
    if (!well_formed(bindings, 3, &PyDict_Type) || !well_formed(cells, 3, &PyCell_Type) ||
        !well_formed(functions, 4, &PyFunction_Type))
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dicts); i++)
        if (!PyDict_CheckExact(PyTuple_GET_ITEM(dicts, i)))
            return PyErr_Format(PyExc_TypeError, "a malformed guard");
    Guard *guard = (Guard *)type->tp_alloc(type, 0);
    if (!guard)
        return NULL;
    guard->dicts = Py_NewRef(dicts);
    guard->bindings = Py_NewRef(bindings);
    guard->cells = Py_NewRef(cells);
    guard->functions = Py_NewRef(functions);
    if (watch_dicts(guard) < 0)
        Py_CLEAR(guard);
    return (PyObject *)guard;
}

static int guard_traverse(PyObject *op, visitproc visit, void *arg) {
    Guard *guard = (Guard *)op;
    Py_VISIT(guard->dicts);
    Py_VISIT(guard->bindings);
    Py_VISIT(guard->cells);
    Py_VISIT(guard->functions);
    return 0;
}

static void guard_dealloc(PyObject *op) {
    Guard *guard = (Guard *)op;
    PyObject_GC_UnTrack(op);
    for (Py_ssize_t i = 0; guard->watches && i < PyTuple_GET_SIZE(guard->dicts); i++)
        watch_release(guard->watches[i]);
    PyMem_Free(guard->watches);
    Py_XDECREF(guard->dicts);
    Py_XDECREF(guard->bindings);
    Py_XDECREF(guard->cells);
    Py_XDECREF(guard->functions);
    PyMem_Free(guard->versions);
    Py_TYPE(op)->tp_free(op);
}

PyTypeObject Guard_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.Guard",
    .tp_basicsize = sizeof(Guard),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = guard_new,
    .tp_dealloc = guard_dealloc,
    .tp_traverse = guard_traverse,
};
