/* An instance's state as a dict, fields by name, as CPython has it in __dict__: a __getstate__ or __setstate__ of the user's own fits. Copying and
 * pickling by value rest on it. And the methods that every jitclass has unless it defines its own. */
#include "client/python/ext/ext.h"

static PyObject *method_close(PyObject *op, PyObject *ignored) {
    (void)ignored;
    return instance_close(op) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *method_enter(PyObject *op, PyObject *ignored) {
    (void)ignored;
    if (!((Instance *)op)->data && instance_wake(op) < 0)
        return NULL;
    return Py_NewRef(op);
}

static PyObject *method_exit(PyObject *op, PyObject *const *args, Py_ssize_t n) {
    (void)args, (void)n;
    return method_close(op, NULL);
}

/* Puts a native field's value into a dict, if it has one. */
static int put_native(PyObject *op, Field *field, PyObject *state) {
    int gone = spill_deleted(op, field);
    if (gone || (gone = default_shows(op, field)))
        return gone > 0 ? 0 : -1;
    Field *place = field_described(field);
    PyObject *value = (place->described ? place->own_get : place->get)(op, place); /* vars() asks no property */
    int r = value ? PyDict_SetItem(state, field->name, value) : -1;
    Py_XDECREF(value);
    return r;
}

static int put_python(Field *field, PyObject *attributes, PyObject *state) {
    PyObject *value = attributes ? PyDict_GetItemWithError(attributes, field->name) : NULL;
    return value ? PyDict_SetItem(state, field->name, value) : PyErr_Occurred() ? -1 : 0;
}

/* The Python fields of a class with __slots__ are no dict's. */
static int put_slots(PyTypeObject *type, PyObject *op, PyObject *state) {
    int r = 0;
    for (; r == 0 && type && type != &Instance_Type; type = type->tp_base) {
        PyObject *name, *member;
        Py_ssize_t at = 0;
        while (r == 0 && PyDict_Next(type->tp_dict, &at, &name, &member)) {
            if (!Py_IS_TYPE(member, &PyMemberDescr_Type) || PyDict_Contains(state, name))
                continue;
            PyObject *value = Py_TYPE(member)->tp_descr_get(member, op, (PyObject *)Py_TYPE(op));
            if (value)
                r = PyDict_SetItem(state, name, value);
            else
                PyErr_Clear(); /* it is not set */
            Py_XDECREF(value);
        }
    }
    return r;
}

/* The other attributes; that a field was deleted (spill.c), or is the instance's own (default.c), is none. */
static int put_others(PyObject *attributes, PyObject *state) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    int r = 0;
    while (r == 0 && PyDict_Next(attributes, &at, &name, &value))
        if (value != jitd_missing && value != default_own && !PyDict_Contains(state, name))
            r = PyDict_SetItem(state, name, value);
    return r;
}

/* The declared fields in their order, then the other attributes. */
static int fill(PyObject *op, ClassInfo *info, PyObject *attributes, PyObject *state) {
    for (Py_ssize_t i = 0; i < info->nfields; i++) {
        Field *field = &info->fields[i];
        int is_native = field->type && !field_is_shadowed(field, Py_TYPE(op));
        if ((is_native ? put_native(op, field, state) : put_python(field, attributes, state)) < 0)
            return -1;
    }
    if (attributes && put_others(attributes, state) < 0)
        return -1;
    return put_slots(Py_TYPE(op), op, state);
}

static PyObject *instance_getstate(PyObject *op, PyObject *ignored) {
    (void)ignored;
    ClassInfo *info = class_above(Py_TYPE(op));
    if (!info || (!((Instance *)op)->data && instance_wake(op) < 0))
        return info ? NULL : instance_released(op);
    PyObject *attributes = extra_attributes(op, false), *state = PyErr_Occurred() ? NULL : PyDict_New();
    if (state && fill(op, info, attributes, state) < 0)
        Py_CLEAR(state);
    Py_XDECREF(attributes);
    return state;
}

/* (class, names of the native fields that have no value here): what jitd._new makes a new one of. */
static PyObject *made_of(PyObject *op) {
    ClassInfo *info = class_above(Py_TYPE(op));
    PyObject *list = Py_BuildValue("[O]", (PyObject *)Py_TYPE(op)), *arguments = NULL;
    int r = list ? 0 : -1;
    for (Py_ssize_t i = 0; r == 0 && info && i < info->nfields; i++) {
        Field *field = &info->fields[i];
        int gone = field->type && !field_is_shadowed(field, Py_TYPE(op)) ? spill_deleted(op, field) : 0;
        r = gone < 0                                                           ? -1
            : gone && (!field_is_unset(op, field) || field_class_value(field)) ? PyList_Append(list, field->name)
                                                                               : 0;
    }
    if (r == 0)
        arguments = PyList_AsTuple(list);
    Py_XDECREF(list);
    return arguments;
}

static PyObject *instance_reduce(PyObject *op, PyObject *ignored) {
    (void)ignored;
    if (!((Instance *)op)->data && instance_wake(op) < 0)
        return NULL;
    PyObject *module = PyImport_ImportModule("jitd"), *result = NULL;
    PyObject *make = module ? PyObject_GetAttrString(module, "_new") : NULL;
    PyObject *state = make ? PyObject_CallMethod(op, "__getstate__", NULL) : NULL;
    PyObject *arguments = state ? made_of(op) : NULL;
    if (arguments)
        result = Py_BuildValue("OOO", make, arguments, state);
    Py_XDECREF(arguments);
    Py_XDECREF(state);
    Py_XDECREF(make);
    Py_XDECREF(module);
    return result;
}

/* What of the class would take an attribute of that name: a property, a descriptor of the user's. */
static int is_users(PyTypeObject *type, PyObject *name) {
    PyObject *found = PyUnicode_Check(name) ? _PyType_Lookup(type, name) : NULL;
    return found && Py_TYPE(found)->tp_descr_set &&
           (Py_TYPE(found)->tp_flags & Py_TPFLAGS_HEAPTYPE || Py_IS_TYPE(found, &PyProperty_Type));
}

/* Not through the class's own __setattr__ and descriptors, as CPython fills a __dict__. MISSING deletes. */
static int set_item(PyObject *op, PyObject *name, PyObject *value) {
    value = value == jitd_missing ? NULL : value;
    if (is_users(Py_TYPE(op), name)) {
        PyObject *attributes = extra_attributes(op, true);
        int r = !attributes ? -1 : value ? PyDict_SetItem(attributes, name, value) : PyDict_DelItem(attributes, name);
        Py_XDECREF(attributes);
        return r;
    }
    return instance_setattro(op, name, value);
}

static int set_items(PyObject *op, PyObject *state) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    if (!PyDict_Check(state)) {
        PyErr_Format(PyExc_TypeError, "the state of a %s is a dict of its fields, not %s", Py_TYPE(op)->tp_name,
                     Py_TYPE(state)->tp_name);
        return -1;
    }
    int r = (state = PyDict_Copy(state)) ? 0 : -1; /* what setting an attribute runs could change it */
    while (r == 0 && PyDict_Next(state, &at, &name, &value))
        r = set_item(op, name, value);
    Py_XDECREF(state);
    return r;
}

/* A dict, or two: what CPython has in the __dict__ and in the __slots__ of an instance. None is no attributes. */
static PyObject *instance_setstate(PyObject *op, PyObject *state) {
    PyObject *parts[2] = {state, Py_None};
    if (PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 2) {
        parts[0] = PyTuple_GET_ITEM(state, 0);
        parts[1] = PyTuple_GET_ITEM(state, 1);
    }
    for (int i = 0; i < 2; i++)
        if (parts[i] != Py_None && set_items(op, parts[i]) < 0)
            return NULL;
    Py_RETURN_NONE;
}

/* bytes_of(instance, n): the bytes behind the header, as they are now. */
PyObject *state_bytes(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *op;
    Py_ssize_t n;
    if (!PyArg_ParseTuple(args, "O!n", &Instance_Type, &op, &n) || (!((Instance *)op)->data && instance_wake(op) < 0))
        return NULL;
    const ClassInfo *info = class_above(Py_TYPE(op));
    if (!info || n < 0 || n > (Py_ssize_t)info->size - SHM_OBJECT_HEADER)
        return PyErr_Format(PyExc_ValueError, "an instance has not so many bytes");
    return PyBytes_FromStringAndSize((const char *)((Instance *)op)->data + SHM_OBJECT_HEADER, n);
}

PyMethodDef state_methods[] = {
    {"close", method_close, METH_NOARGS, "Release the object now; using it afterwards raises jitd.ReleasedError."},
    {"__enter__", method_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))method_exit, METH_FASTCALL, NULL},
    {"__init_subclass__", (PyCFunction)(void (*)(void))classdict_init_subclass,
     METH_VARARGS | METH_KEYWORDS | METH_CLASS, NULL},
    {"__setattr__", (PyCFunction)(void (*)(void))instance_set, METH_FASTCALL, NULL},
    {"__delattr__", instance_delete, METH_O, NULL},
    {"__reduce__", instance_reduce, METH_NOARGS, "Copy and pickle by value."},
    {"__getstate__", instance_getstate, METH_NOARGS, NULL},
    {"__setstate__", instance_setstate, METH_O, NULL},
    {0},
};
