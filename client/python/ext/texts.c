/* Text in compiled code: constants, which are made once for each place, and what is asked of the interpreter's own text. It cannot change, so that
 * whatever fails is done again in the usual way (operation.c), where it fails again. No Python code runs. */
#include "client/python/ext/resume.h"

#define MOST_OBJECTS 4 /* of a method: itself and its arguments */

static PyObject *object_of(uint64_t address) {
    return (PyObject *)(uintptr_t)address;
}

static uint64_t address_of(const void *object) {
    return (uint64_t)(uintptr_t)object;
}

/* ---- constants ---- */

#define DEEPEST 8 /* functions in each other */

/* The very object, borrowed, that the function's code has for the text, or a function's in it; NULL: none. */
static PyObject *constant_in(PyObject *code, PyObject *text, int depth) {
    PyObject *constants = PyCode_Check(code) ? ((PyCodeObject *)code)->co_consts : NULL, *found = NULL;
    for (Py_ssize_t i = 0; constants && depth < DEEPEST && !found && i < PyTuple_GET_SIZE(constants); i++) {
        PyObject *one = PyTuple_GET_ITEM(constants, i);
        if (PyUnicode_CheckExact(one) && PyUnicode_Compare(one, text) == 0)
            found = one;
        else if (PyCode_Check(one))
            found = constant_in(one, text, depth + 1);
    }
    return found;
}

/* Of a list of Funcs (jitd/declare.py) the one that an entry of a unit names. */
static PyObject *constant_of(PyObject *funcs, PyObject *entry, PyObject *text) {
    PyObject *all = funcs ? PySequence_Fast(funcs, "functions") : NULL, *found = NULL;
    for (Py_ssize_t i = 0; all && !found && i < PySequence_Fast_GET_SIZE(all); i++) {
        PyObject *func = PySequence_Fast_GET_ITEM(all, i);
        PyObject *name = PyObject_GetAttrString(func, "entry"), *code = PyObject_GetAttrString(func, "code");
        if (name && code && PyUnicode_Check(name) && PyUnicode_Compare(name, entry) == 0)
            found = constant_in(code, text, 0);
        Py_XDECREF(name);
        Py_XDECREF(code);
    }
    Py_XDECREF(all);
    return found;
}

/* As CPython has it: one for all places of a function. A row of the site table is (line, definition, entry, ...). */
static PyObject *constant_at(const Plan *plan, uint32_t site, PyObject *text) {
    static const char *const kinds[] = {"funcs", "above"};
    PyObject *row = PySequence_GetItem(PyTuple_GET_ITEM(plan->unit, 0), site), *found = NULL;
    PyObject *def = row ? PySequence_GetItem(row, 1) : NULL, *entry = row ? PySequence_GetItem(row, 2) : NULL;
    PyObject *record = def && entry ? PyObject_GetItem(PyTuple_GET_ITEM(plan->unit, 1), def) : NULL;
    for (size_t i = 0; record && !found && i < sizeof kinds / sizeof *kinds; i++) {
        PyObject *funcs = PyObject_GetAttrString(record, kinds[i]);
        found = constant_of(funcs, entry, text);
        Py_XDECREF(funcs);
    }
    Py_XDECREF(record);
    Py_XDECREF(entry);
    Py_XDECREF(def);
    Py_XDECREF(row);
    PyErr_Clear();
    return found ? found : text;
}

static uint64_t text(JitdFrame *frame, uint32_t site) {
    PlanRead *read = attribute_at(frame->running, site);
    if (read && !read->value) {
        int collects = PyGC_Disable();
        read->value = constant_at(frame->running, site, read->name);
        if (collects)
            PyGC_Enable();
    }
    return address_of(read ? read->value : NULL);
}

/* Until 3.11 one may have no form yet to be compared in. */
static int32_t equal(uint64_t text, uint64_t other) {
    PyObject *a = object_of(text), *b = object_of(other);
    Py_ssize_t n = PyUnicode_GET_LENGTH(a);
#if PY_VERSION_HEX < 0x030c0000
    if (PyUnicode_READY(a) < 0 || PyUnicode_READY(b) < 0)
        return PyErr_Clear(), 2;
#endif
    int kind = (int)PyUnicode_KIND(a);
    if (n != PyUnicode_GET_LENGTH(b) || kind != (int)PyUnicode_KIND(b))
        return 0;
    const char *x = PyUnicode_DATA(a), *y = PyUnicode_DATA(b);
    return !n || (*x == *y && (n * kind == 1 || memcmp(x, y, (size_t)n * (size_t)kind) == 0)); /* most differ at once */
}

static uint64_t or_usual(PyObject *result) {
    if (!result)
        PyErr_Clear();
    return address_of(result ? result : Py_NewRef(jitd_missing));
}

/* ---- methods ---- */

/* Whether it makes containers, which the collector looks at: that may run finalisers, until 3.11 in the middle of it. */
static bool makes_containers(PyObject *name) {
    static const char *const names[] = {"split", "rsplit", "splitlines", "partition", "rpartition",
                                        "join",  "items",  "keys",       "values"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0)
            return PY_VERSION_HEX < 0x030c0000;
    return false;
}

/* What gives a view of a dict; whatever else dicts have may change them. */
static bool is_view(PyObject *name) {
    return PyUnicode_CompareWithASCIIString(name, "items") == 0 ||
           PyUnicode_CompareWithASCIIString(name, "keys") == 0 || PyUnicode_CompareWithASCIIString(name, "values") == 0;
}

/* Borrowed of the type, text's or a dict's, which nobody changes; NULL: there is none. No text has a view's name. */
static PyObject *method_at(PlanRead *read, PyTypeObject *type) {
    if (unlikely(read->method && PyDescr_TYPE(read->method) != type))
        return NULL;
    if (!read->method) {
        PyObject *found = type == &PyUnicode_Type || is_view(read->name) ? _PyType_Lookup(type, read->name) : NULL;
        read->method = found && Py_IS_TYPE(found, &PyMethodDescr_Type) ? found : NULL;
        read->collects = makes_containers(read->name);
    }
    return read->method;
}

static PyObject *call(const PlanRead *read, PyObject *const *objects, uint32_t n) {
    if (likely(!read->collects))
        return PyObject_Vectorcall(read->method, objects, n, NULL);
    int collects = PyGC_Disable();
    PyObject *result = PyObject_Vectorcall(read->method, objects, n, NULL);
    if (collects)
        PyGC_Enable();
    return result;
}

static uint64_t method(JitdFrame *frame, uint32_t site, uint32_t n, const uint64_t *given) {
    PlanRead *read = attribute_at(frame->running, site);
    PyObject *objects[MOST_OBJECTS] = {NULL};
    bool is_quiet = read && n <= MOST_OBJECTS && method_at(read, Py_TYPE(object_of(given[0])));
    for (uint32_t i = 0; is_quiet && i < n; i++) {
        objects[i] = object_of(given[i]);
        is_quiet = objects[i] && (!i || operation_is_quiet(objects[i]));
    }
    return or_usual(is_quiet ? call(read, objects, n) : NULL);
}

/* ---- operators ---- */

static Py_ssize_t end_of(int64_t end, Py_ssize_t n) {
    end += end < 0 ? n : 0;
    return end < 0 ? 0 : end > n ? n : (Py_ssize_t)end;
}

static uint64_t slice(JitdFrame *frame, uint64_t text, int64_t lower, int64_t upper) {
    PyObject *op = object_of(text);
    Py_ssize_t n = PyUnicode_GET_LENGTH(op);
    (void)frame;
    return or_usual(PyUnicode_Substring(op, end_of(lower, n), end_of(upper, n)));
}

static uint64_t join(JitdFrame *frame, uint64_t text, uint64_t other) {
    (void)frame;
    return or_usual(PyUnicode_Concat(object_of(text), object_of(other)));
}

void texts_imports(const void **imports) {
    imports[JITD_IMPORT_py_str_type] = &PyUnicode_Type;
    imports[JITD_IMPORT_py_text] = (const void *)text;
    imports[JITD_IMPORT_py_text_equal] = (const void *)equal;
    imports[JITD_IMPORT_py_text_method] = (const void *)method;
    imports[JITD_IMPORT_py_text_slice] = (const void *)slice;
    imports[JITD_IMPORT_py_text_join] = (const void *)join;
}
