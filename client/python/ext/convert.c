/* Python values to the slots of a call and back, by the type of the protocol (protocol/types.h). Exact types only: what is
 * merely convertible is another specialisation's, or Python's, business, because CPython would see the difference. */
#include "client/python/ext/ext.h"

ConvertResult convert_int_large(PyObject *v, int64_t *ret) {
    int overflow;
    *ret = PyLong_AsLongLongAndOverflow(v, &overflow);
    return overflow ? CONVERT_BIG : CONVERT_OK;
}

/* Python int (or bool) in [low, high] of the kind; CONVERT_RANGE outside. */
static ConvertResult convert_signed(PyObject *v, unsigned bits, JitdValue *ret) {
    int overflow;
    long long i = PyLong_AsLongLongAndOverflow(v, &overflow);
    if (overflow || (bits < 64 && (i < -(1LL << (bits - 1)) || i >= 1LL << (bits - 1))))
        return CONVERT_RANGE;
    ret->i = i;
    return CONVERT_OK;
}

static ConvertResult convert_unsigned(PyObject *v, unsigned bits, JitdValue *ret) {
    unsigned long long u = PyLong_AsUnsignedLongLong(v);
    if (u == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear(); /* negative or too large */
        return CONVERT_RANGE;
    }
    if (bits < 64 && u >> bits)
        return CONVERT_RANGE;
    ret->u = u;
    return CONVERT_OK;
}

static ConvertResult convert_float32(PyObject *v, JitdValue *ret) {
    if (!PyFloat_Check(v) && !PyLong_Check(v))
        return CONVERT_TYPE;
    double x = PyFloat_AsDouble(v);
    if (x == -1.0 && PyErr_Occurred())
        return CONVERT_ERROR;
    ret->u = 0;
    ret->f32 = (float)x;
    return __builtin_isinf(ret->f32) && !__builtin_isinf(x) ? CONVERT_RANGE : CONVERT_OK;
}

ConvertResult convert_sized(TypeKind kind, PyObject *v, JitdValue *ret) {
    if (kind == TYPE_FLOAT32)
        return convert_float32(v, ret);
    PyObject *number = NULL;
    if (!PyLong_Check(v)) {
        if (PyFloat_Check(v) || !PyIndex_Check(v))
            return CONVERT_TYPE;
        if (!(v = number = PyNumber_Index(v)))
            return CONVERT_ERROR;
    }
    Type t = {.kind = kind};
    unsigned bits = type_layout(&t).size * 8;
    ConvertResult r = type_is_signed(&t) ? convert_signed(v, bits, ret) : convert_unsigned(v, bits, ret);
    Py_XDECREF(number);
    return r;
}

void convert_range(TypeKind kind, char *text, size_t size) {
    Type t = {.kind = kind};
    unsigned bits = type_layout(&t).size * 8;
    if (kind == TYPE_FLOAT32)
        snprintf(text, size, "at most 3.4028235e+38");
    else if (type_is_signed(&t))
        snprintf(text, size, "%lld..%lld", (long long)(-1ULL << (bits - 1)), (long long)((1ULL << (bits - 1)) - 1));
    else
        snprintf(text, size, "0..%llu", bits == 64 ? ~0ULL : (1ULL << bits) - 1);
}

static ConvertResult convert_ref(const Type *t, PyTypeObject *const *defs, PyObject *v, JitdValue *ret) {
    if (v == Py_None && t->optional) {
        ret->ref = JITD_NONE;
        return CONVERT_OK;
    }
    if (Py_TYPE(v) != defs[t->def] && (t->exact || !plan_takes(defs, t->def, Py_TYPE(v))))
        return CONVERT_TYPE;
    if (!((Instance *)v)->data && instance_wake(v) < 0)
        return CONVERT_ERROR;
    ret->ref = instance_ref(v);
    return CONVERT_OK;
}

/* What None has in the value's slots means nothing. */
static ConvertResult convert_maybe(const Type *t, PyTypeObject *const *defs, PyObject *v, JitdValue **next) {
    bool is_value = v != Py_None;
    (*next)++->i = is_value;
    if (is_value)
        return convert_value(t->items[1], defs, v, next);
    memset(*next, 0, type_slots(t->items[1]) * sizeof **next);
    *next += type_slots(t->items[1]);
    return CONVERT_OK;
}

static ConvertResult convert_tuple(const Type *t, PyTypeObject *const *defs, PyObject *v, JitdValue **next) {
    if (!PyTuple_CheckExact(v) || (size_t)PyTuple_GET_SIZE(v) != t->nitems)
        return CONVERT_TYPE;
    ConvertResult r = CONVERT_OK;
    for (size_t i = 0; i < t->nitems && r == CONVERT_OK; i++)
        r = convert_value(t->items[i], defs, PyTuple_GET_ITEM(v, (Py_ssize_t)i), next);
    return r;
}

/* Fills type_slots(t) slots and moves *next behind them. */
ConvertResult convert_value(const Type *t, PyTypeObject *const *defs, PyObject *v, JitdValue **next) {
    switch (t->kind) {
    case TYPE_NONE:
        return v == Py_None ? CONVERT_OK : CONVERT_TYPE;
    case TYPE_TUPLE:
        return (t->optional ? convert_maybe : convert_tuple)(t, defs, v, next);
    case TYPE_PY:
        (*next)++->ref = (uint64_t)(uintptr_t)v;
        return CONVERT_OK;
    case TYPE_REF:
        return convert_ref(t, defs, v, (*next)++);
    case TYPE_INT:
        return convert_int(v, &(*next)++->i);
    case TYPE_FLOAT:
        if (!PyFloat_CheckExact(v))
            return CONVERT_TYPE;
        (*next)++->f = PyFloat_AS_DOUBLE(v);
        return CONVERT_OK;
    case TYPE_BOOL:
        if (!PyBool_Check(v))
            return CONVERT_TYPE;
        (*next)++->i = v == Py_True;
        return CONVERT_OK;
    default:
        return convert_sized(t->kind, v, (*next)++);
    }
}

static PyObject *maybe_result(const Type *t, const JitdValue **next) {
    if ((*next)++->i & 1)
        return convert_result(t->items[1], next);
    *next += type_slots(t->items[1]);
    Py_RETURN_NONE;
}

static PyObject *tuple_result(const Type *t, const JitdValue **next) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)t->nitems);
    for (size_t i = 0; tuple && i < t->nitems; i++) {
        PyObject *item = convert_result(t->items[i], next);
        if (item)
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *ref_result(uint64_t ref) {
    if (ref == JITD_NONE)
        Py_RETURN_NONE;
    if (ref == JITD_UNSET)
        return PyErr_Format(PyExc_SystemError, "jitd: compiled code returned an unset reference");
    return instance_adopt(ref);
}

PyObject *convert_result(const Type *t, const JitdValue **next) {
    switch (t->kind) {
    case TYPE_NONE:
        Py_RETURN_NONE;
    case TYPE_TUPLE:
        return (t->optional ? maybe_result : tuple_result)(t, next);
    case TYPE_PY:
        return (PyObject *)(uintptr_t)(*next)++->ref;
    case TYPE_REF:
        return ref_result((*next)++->ref);
    case TYPE_FLOAT:
        return PyFloat_FromDouble((*next)++->f);
    case TYPE_FLOAT32:
        return PyFloat_FromDouble((*next)++->f32);
    case TYPE_BOOL:
        return PyBool_FromLong((*next)++->i & 1);
    default:
        return type_is_signed(t) ? PyLong_FromLongLong((*next)++->i) : PyLong_FromUnsignedLongLong((*next)++->u);
    }
}
