/* Calls with sized parameters that run in Python: the arguments are refused or converted as compiled code takes them (a float32 is
 * rounded, what does not fit is an OverflowError), so that it does not show on entry which of the two runs. */
#include "client/python/ext/ext.h"

static int sized_kind(PyObject *annotation) {
    if (annotation == Py_None)
        return -1;
    const char *words = PyUnicode_AsUTF8(PyTuple_GET_ITEM(annotation, 0));
    for (int kind = 0; words && kind < TYPE_NONE; kind++) {
        Type t = {.kind = (TypeKind)kind};
        if (type_is_sized(&t) && strcmp(words, type_scalar_name(t.kind)) == 0)
            return kind;
    }
    return -1;
}

int sized_note(Method *m) {
    Py_ssize_t n = PyTuple_GET_SIZE(m->annotated);
    int8_t *kinds = PyMem_New(int8_t, n + 1);
    if (!kinds)
        return PyErr_NoMemory(), -1;
    bool any = false;
    for (Py_ssize_t i = 0; i < n; i++) {
        kinds[i] = (int8_t)sized_kind(PyTuple_GET_ITEM(m->annotated, i));
        any |= kinds[i] >= 0;
    }
    PyMem_Free(m->sized);
    m->sized = any ? kinds : NULL;
    if (!any)
        PyMem_Free(kinds);
    return PyErr_Occurred() ? -1 : 0;
}

PyObject *sized_refuse(Method *m, Py_ssize_t param, TypeKind kind, PyObject *value) {
    char range[64];
    convert_range(kind, range, sizeof range);
    PyObject *name = PyObject_GetAttrString(m->func, "__qualname__");
    if (name)
        PyErr_Format(PyExc_OverflowError, "%U() argument '%U': %S is out of range for %s (%s)", name,
                     PyTuple_GET_ITEM(m->names, param), value, type_scalar_name(kind), range);
    Py_XDECREF(name);
    return NULL;
}

/* A new reference to what compiled code would see. */
static PyObject *sized_value(Method *m, Py_ssize_t param, PyObject *value) {
    TypeKind kind = (TypeKind)m->sized[param];
    Type t = {.kind = kind};
    JitdValue v;
    const JitdValue *next = &v;
    switch (convert_sized(kind, value, &v)) {
    case CONVERT_OK:
        return convert_result(&t, &next);
    case CONVERT_RANGE:
        return sized_refuse(m, param, kind, value);
    case CONVERT_TYPE:
        if (bind_is_like_default(m, param, value))
            return Py_NewRef(value);
        bind_refuse(m, param, type_scalar_name(kind), value);
        return NULL;
    default:
        return NULL;
    }
}

int sized_tell(Method *m) {
    if (!m->wraps)
        return 0;
    PyObject *module = PyImport_ImportModule("jitd.warn");
    PyObject *told = module ? PyObject_CallMethod(module, "warn_unwrapped", "O", m) : NULL;
    m->wraps = !told;
    Py_XDECREF(told);
    Py_XDECREF(module);
    return told ? 0 : -1;
}

/* all[0] is self, if there is one; then every parameter, the last by name. */
static PyObject *sized_call_all(Method *m, PyObject **all, Py_ssize_t skip) {
    Py_ssize_t total = PyTuple_GET_SIZE(m->names);
    PyObject *by_name = m->npositional < total ? PyTuple_GetSlice(m->names, m->npositional, total) : NULL;
    if (!by_name && m->npositional < total)
        return NULL;
    PyObject *result = PyObject_Vectorcall(m->func, all, (size_t)(skip + m->npositional), by_name);
    Py_XDECREF(by_name);
    return result;
}

PyObject *sized_call(Method *m, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf), skip = m->type != NULL, total = PyTuple_GET_SIZE(m->names), done = 0;
    PyObject *all[BIND_MAX_PARAMS + 1], *result = NULL;
    if (n < skip || bind_arguments(m, args + skip, n - skip, kwnames, all + skip))
        return PyObject_Vectorcall(m->func, args, nargsf, kwnames); /* raises what CPython raises */
    if (skip)
        all[0] = args[0];
    for (; done < total; done++) {
        PyObject *value = all[skip + done];
        value = m->sized[done] < 0 ? Py_NewRef(value) : sized_value(m, done, value);
        if (!value)
            break;
        all[skip + done] = value;
    }
    if (done == total)
        result = sized_call_all(m, all, skip);
    while (done > 0)
        Py_DECREF(all[skip + --done]);
    return result;
}

/* ---- arguments with __index__ ----
 * They are asked once, before anything looks at the types: not again by the next specialisation, nor by a call that is redone. */

static bool asks_index(Method *m, Py_ssize_t param, PyObject *value) {
    return param >= 0 && m->sized[param] >= 0 && m->sized[param] != TYPE_FLOAT32 && !PyLong_Check(value) &&
           !PyFloat_Check(value) && PyIndex_Check(value);
}

/* Which parameter the i-th argument (self left out, keywords behind the others) is for. */
static Py_ssize_t param_of(Method *m, Py_ssize_t i, Py_ssize_t npositional, PyObject *kwnames) {
    if (i < npositional)
        return i;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(m->names); k++)
        if (PyUnicode_Compare(PyTuple_GET_ITEM(m->names, k), PyTuple_GET_ITEM(kwnames, i - npositional)) == 0)
            return k;
    return -1;
}

static bool any_asks_index(Method *m, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    PyObject *values[BIND_MAX_PARAMS];
    for (Py_ssize_t i = 0; i < all; i++)
        if (PyIndex_Check(args[i]) && !PyLong_Check(args[i])) /* else there is nothing to look at */
            return bind_arguments(m, args, n, kwnames, values) == 0;
    return false;
}

PyObject *sized_call_slow(Method *m, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf), skip = m->type != NULL, done = 0;
    if (!m->sized || n < skip || !any_asks_index(m, args + skip, n - skip, kwnames))
        return method_call_slow(m, args, nargsf, kwnames);
    PyObject *all[BIND_MAX_PARAMS + 1], *result = NULL;
    Py_ssize_t total = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    for (; done < total; done++) {
        Py_ssize_t param = done < skip ? -1 : param_of(m, done - skip, n - skip, kwnames);
        all[done] = asks_index(m, param, args[done]) ? PyNumber_Index(args[done]) : Py_NewRef(args[done]);
        if (!all[done])
            break;
    }
    if (done == total)
        result = method_call_slow(m, all, (size_t)n, kwnames);
    while (done > 0)
        Py_DECREF(all[--done]);
    return result;
}
