/* Methods and constants that an instance shadows (obj.method = other, obj.LIMIT = 3), in classes that keep their instances' attributes in a dict as
 * CPython does: all but the fast ones. Compiled code has what the class has built in, and CPython puts the attribute into the dict without asking
 * anybody but the class's attribute of that name, if that has a tp_descr_set. So these methods are of a type that has one, and in the place of a
 * number, a text or None is a Constant, which gives it. That costs calls and reads from Python some nanoseconds, so each is as it was again once it
 * was shadowed, which sends the code that mentions it back to Python. */
#include "client/python/ext/ext.h"

typedef struct Constant {
    PyObject_HEAD PyObject *value; /* of a type that refers to nothing */
} Constant;

static void watch_methods(PyTypeObject *type) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(type->tp_dict, &at, &name, &value))
        if (Py_IS_TYPE(value, &Method_Type) && ((Method *)value)->type == type && !((Method *)value)->aliased)
            Py_SET_TYPE(value, &Watched_Type);
}

/* As it was before it was watched. */
static int unwatch(PyTypeObject *type, PyObject *name) {
    PyObject *value = PyDict_GetItemWithError(type->tp_dict, name);
    int r = value ? 0 : -1;
    if (value && Py_IS_TYPE(value, &Watched_Type))
        Py_SET_TYPE(value, &Method_Type);
    else if (value && Py_IS_TYPE(value, &Constant_Type))
        r = PyDict_SetItem(type->tp_dict, name, ((Constant *)value)->value);
    PyType_Modified(type);
    return r;
}

/* Borrowed; the function's __name__ may be another one. */
static PyObject *name_in(PyTypeObject *type, PyObject *method) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(type->tp_dict, &at, &name, &value))
        if (value == method)
            return name;
    return NULL;
}

/* The class that has it. */
static PyTypeObject *owner_of(PyObject *op, PyObject *obj) {
    PyObject *mro = Py_TYPE(obj)->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *type = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if (class_of_type(type) && name_in(type, op))
            return type;
    }
    return NULL;
}

static int shadowed(PyTypeObject *type, PyObject *name, PyObject *obj, PyObject *value) {
    if (watch_changed(type, name, "it was set on an instance") < 0 || unwatch(type, name) < 0)
        return -1;
    return instance_setattro(obj, name, value);
}

/* Nothing is in the instance's dict yet. */
static int watched_set(PyObject *op, PyObject *obj, PyObject *value) {
    PyTypeObject *type = owner_of(op, obj);
    PyObject *name = type ? name_in(type, op) : NULL;
    if (!name || !value) {
        PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%S'", Py_TYPE(obj)->tp_name,
                     name ? name : op);
        return -1;
    }
    Py_INCREF(name);
    int r = shadowed(type, name, obj, value);
    Py_DECREF(name);
    return r;
}

/* A method under two names (Cls.a = Cls.b, or in a class statement) is not watched: which of them is set on an instance it would not be told. */
int shadow_alias(PyObject *method, PyTypeObject *type, PyObject *name) {
    Method *m = PyObject_TypeCheck(method, &Method_Type) ? (Method *)method : NULL;
    const ClassInfo *info = m && m->type ? class_of_type(m->type) : NULL;
    if (!info || info->fast || m->aliased)
        return 0;
    PyObject *known = name_in(m->type, method);
    if (!known || (type == m->type && PyUnicode_Compare(known, name) == 0))
        return PyErr_Occurred() ? -1 : 0;
    m->aliased = true;
    Py_INCREF(known);
    int r = watch_changed(m->type, known, "it was given another name");
    Py_DECREF(known);
    Py_SET_TYPE(method, &Method_Type);
    PyType_Modified(m->type);
    return r;
}

PyTypeObject Watched_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd.Method",
    .tp_basicsize = sizeof(Method),
    .tp_base = &Method_Type,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR, /* and the base's GC */
    .tp_descr_set = watched_set,
};

static PyObject *constant_get(PyObject *op, PyObject *obj, PyObject *type) {
    (void)obj, (void)type;
    return Py_NewRef(((Constant *)op)->value);
}

static PyObject *constant_repr(PyObject *op) {
    return PyObject_Repr(((Constant *)op)->value);
}

static PyObject *constant_reduce(PyObject *op, PyObject *ignored) {
    (void)ignored; /* where a class is pickled by value: it is the value there */
    return Py_BuildValue("O(O)", (PyObject *)Py_TYPE(op), ((Constant *)op)->value);
}

static PyObject *constant_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *value;
    (void)type, (void)kwargs;
    return PyArg_ParseTuple(args, "O", &value) ? Py_NewRef(value) : NULL;
}

static void constant_dealloc(PyObject *op) {
    Py_CLEAR(((Constant *)op)->value);
    PyObject_Free(op);
}

static PyMethodDef constant_methods[] = {
    {"__reduce__", constant_reduce, METH_NOARGS, NULL},
    {0},
};

PyTypeObject Constant_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.Constant",
    .tp_basicsize = sizeof(Constant),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = constant_new,
    .tp_dealloc = constant_dealloc,
    .tp_repr = constant_repr,
    .tp_descr_get = constant_get,
    .tp_descr_set = watched_set,
    .tp_methods = constant_methods,
};

PyObject *constant_in_class(PyObject *op) {
    return ((Constant *)op)->value;
}

static int watch_constant(PyTypeObject *type, PyObject *name) {
    PyObject *value = PyDict_GetItemWithError(type->tp_dict, name);
    if (!value || Py_IS_TYPE(value, &Constant_Type) || Py_TYPE(value)->tp_descr_get)
        return PyErr_Occurred() ? -1 : 0; /* it is something else by now */
    Constant *self = PyObject_New(Constant, &Constant_Type);
    if (!self)
        return -1;
    self->value = Py_NewRef(value);
    int r = PyDict_SetItem(type->tp_dict, name, (PyObject *)self);
    Py_DECREF(self);
    return r;
}

static int watch_class(PyTypeObject *type, PyObject *names) {
    int r = 0;
    watch_methods(type);
    for (Py_ssize_t i = 0; r == 0 && i < PyTuple_GET_SIZE(names); i++)
        r = watch_constant(type, PyTuple_GET_ITEM(names, i));
    PyType_Modified(type);
    return r;
}

/* shadow(type, (names of its constants)): before its first instance. What it inherits is watched where it stands. */
PyObject *shadow_watch(PyObject *module, PyObject *args) {
    (void)module;
    PyTypeObject *type;
    PyObject *names;
    if (!PyArg_ParseTuple(args, "O!O!", &PyType_Type, &type, &PyTuple_Type, &names))
        return NULL;
    ClassInfo *info = class_of_type(type);
    if (!info || !info->open || info->fast)
        Py_RETURN_NONE;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_mro); i++) {
        PyTypeObject *above = (PyTypeObject *)PyTuple_GET_ITEM(type->tp_mro, i);
        if (class_of_type(above) && watch_class(above, names) < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

int shadow_ready(void) {
    return PyType_Ready(&Constant_Type);
}
