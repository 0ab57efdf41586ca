/* Methods that an instance shadows (obj.method = other), in classes that keep their instances' attributes in a dict as CPython does: all but the
 * fast ones. Compiled callers have the method built in, and CPython puts the attribute into the dict without asking anybody but the class's attribute of
 * that name, if that has a tp_descr_set. So these methods are of a type that has one. That costs calls from Python 5 ns, so the type is
 * Method's again once the class's code is not used any more. A constant cannot do so: it is the number itself that the class's dict has. */
#include "client/python/ext/ext.h"

static void set_types(PyTypeObject *type, PyTypeObject *from, PyTypeObject *to) {
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(type->tp_dict, &at, &name, &value))
        if (Py_IS_TYPE(value, from) && ((Method *)value)->type == type)
            Py_SET_TYPE(value, to);
    PyType_Modified(type);
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

/* Nothing is in the instance's dict yet. */
static int watched_set(PyObject *op, PyObject *obj, PyObject *value) {
    PyTypeObject *type = ((Method *)op)->type;
    PyObject *name = name_in(type, op);
    if (!name || !value) {
        PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%S'", Py_TYPE(obj)->tp_name,
                     name ? name : op);
        return -1;
    }
    Py_INCREF(name);
    int r = watch_changed(type, name, "it was set on an instance");
    if (r == 0) {
        set_types(type, &Watched_Type, &Method_Type);
        r = PyObject_GenericSetAttr(obj, name, value);
    }
    Py_DECREF(name);
    return r;
}

PyTypeObject Watched_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd.Method",
    .tp_basicsize = sizeof(Method),
    .tp_base = &Method_Type,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR, /* and the base's GC */
    .tp_descr_set = watched_set,
};

/* shadow(type): before its first instance. */
PyObject *shadow_watch(PyObject *module, PyObject *op) {
    (void)module;
    ClassInfo *info = PyType_Check(op) ? class_of_type((PyTypeObject *)op) : NULL;
    if (info && info->open && !info->fast)
        set_types(info->type, &Method_Type, &Watched_Type);
    Py_RETURN_NONE;
}
