/* Attributes that nobody declared, of instances of fast classes. CPython calls methods fastest where instances have no dict that it knows of. So these
 * are in a dict that only we know (Instance.dict), and the first time that some instance of a class gets an attribute of a name, the class gets a
 * descriptor of that name, which looks there. What the class had under the name itself goes on being the class's. */
#include "client/python/ext/ext.h"

typedef struct Extra {
    PyObject_HEAD PyObject *name;
    PyTypeObject *type; /* borrowed: its dict has this */
    PyObject *value;    /* the class's own attribute of that name, NULL: none */
} Extra;

PyObject **extra_dict(PyObject *op, bool create) {
    Instance *self = (Instance *)op;
    if (!self->dict && create && (self->dict = PyDict_New()) && !PyObject_GC_IsTracked(op)) {
        self->flags |= INSTANCE_TRACKED;
        PyObject_GC_Track(op);
    }
    return &self->dict;
}

PyObject *extra_attributes(PyObject *op, bool create) {
    if (Py_TYPE(op)->tp_dictoffset)
        return PyObject_GenericGetDict(op, NULL);
    return Py_XNewRef(*extra_dict(op, create));
}

void extra_missing(PyObject *op, PyObject *name) {
#if PY_VERSION_HEX < 0x030b0000
    (void)op;
    PyErr_SetObject(PyExc_AttributeError, name);
#else
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'", Py_TYPE(op)->tp_name, name);
#endif
}

/* The class's own, or what it inherits; borrowed, NULL: neither. */
static PyObject *inherited(const Extra *self) {
    PyObject *value = self->value, *mro = self->type->tp_mro;
    for (Py_ssize_t i = 1; !value && mro && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *above = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        value = above->tp_dict ? PyDict_GetItemWithError(above->tp_dict, self->name) : NULL;
        if (value && Py_IS_TYPE(value, &Extra_Type))
            value = ((Extra *)value)->value;
    }
    return value;
}

int extra_not_of_class(const PyTypeObject *type, PyObject *name) {
#if PY_VERSION_HEX < 0x030b0000
    (void)type;
    PyErr_SetObject(PyExc_AttributeError, name);
#else
    PyErr_Format(PyExc_AttributeError, "type object '%s' has no attribute '%U'", type->tp_name, name);
#endif
    return -1;
}

static PyObject *of_class(Extra *self, PyObject *obj, PyObject *type) {
    PyObject *value = inherited(self);
    descrgetfunc get = value ? Py_TYPE(value)->tp_descr_get : NULL;
    if (get)
        return get(value, obj, type);
    if (value)
        return Py_NewRef(value);
    if (obj)
        return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'", Py_TYPE(obj)->tp_name,
                            self->name);
    return PyErr_Format(PyExc_AttributeError, "type object '%s' has no attribute '%U'",
                        type && PyType_Check(type) ? ((PyTypeObject *)type)->tp_name : "?", self->name);
}

PyObject *extra_read(PyObject *op, PyObject *name) {
    if (((Instance *)op)->flags & INSTANCE_RELEASED)
        return instance_released(op);
    PyObject *attributes = extra_attributes(op, false);
    PyObject *value = attributes ? PyDict_GetItemWithError(attributes, name) : NULL;
    Py_XINCREF(value);
    Py_XDECREF(attributes);
    return value;
}

int extra_write(PyObject *op, PyObject *name, PyObject *value) {
    if (((Instance *)op)->flags & INSTANCE_RELEASED)
        return instance_released(op), -1;
    PyObject *attributes = extra_attributes(op, true);
    int r = !attributes ? -1 : value ? PyDict_SetItem(attributes, name, value) : 0;
    if (attributes && !value && (r = PyDict_DelItem(attributes, name)) < 0 && PyErr_ExceptionMatches(PyExc_KeyError))
        extra_missing(op, name);
    Py_XDECREF(attributes);
    return r;
}

static PyObject *extra_get(PyObject *op, PyObject *obj, PyObject *type) {
    Extra *self = (Extra *)op;
    if (!obj || !PyObject_TypeCheck(obj, &Instance_Type))
        return of_class(self, NULL, type);
    PyObject *value = extra_read(obj, self->name);
    return value || PyErr_Occurred() ? value : of_class(self, obj, type);
}

static int extra_set(PyObject *op, PyObject *obj, PyObject *value) {
    if (!PyObject_TypeCheck(obj, &Instance_Type))
        return PyErr_SetString(PyExc_TypeError, "not an instance of a jitclass"), -1;
    return extra_write(obj, ((Extra *)op)->name, value);
}

static int extra_traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(((Extra *)op)->value);
    return 0;
}

static int extra_clear(PyObject *op) {
    Py_CLEAR(((Extra *)op)->value);
    return 0;
}

static void extra_dealloc(PyObject *op) {
    PyObject_GC_UnTrack(op);
    Py_CLEAR(((Extra *)op)->name);
    extra_clear(op);
    PyObject_GC_Del(op);
}

PyTypeObject Extra_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.Extra",
    .tp_basicsize = sizeof(Extra),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = extra_dealloc,
    .tp_traverse = extra_traverse,
    .tp_clear = extra_clear,
    .tp_descr_get = extra_get,
    .tp_descr_set = extra_set,
};

PyObject *extra_in_class(PyObject *op) {
    return ((Extra *)op)->value;
}

/* Whatever the class has under the name, from now on instances may have their own. */
static PyObject *extra_install(PyTypeObject *type, PyObject *name) {
    Extra *self = PyObject_GC_New(Extra, &Extra_Type);
    if (!self)
        return NULL;
    self->name = Py_NewRef(name);
    self->type = type;
    self->value = Py_XNewRef(PyDict_GetItemWithError(type->tp_dict, name));
    PyObject_GC_Track(self);
    int r = PyDict_SetItem(type->tp_dict, name, (PyObject *)self);
    PyType_Modified(type);
    Py_DECREF(self); /* the class has it */
    return r < 0 ? NULL : (PyObject *)self;
}

/* ---- names under which type itself looks into a class's dict, past all descriptors: nothing of ours can be there ---- */

static int is_of_type(PyObject *name) {
    static const char *const names[] = {"__module__", "__abstractmethods__", "__type_params__"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0)
            return 1;
    return 0;
}

/* tp_getattro of a class some instance of which has an attribute of such a name. */
static PyObject *getattro_of_type(PyObject *op, PyObject *name) {
    PyObject *attributes = PyUnicode_Check(name) && is_of_type(name) ? *extra_dict(op, false) : NULL;
    PyObject *value = attributes ? PyDict_GetItemWithError(attributes, name) : NULL;
    return value ? Py_NewRef(value) : PyErr_Occurred() ? NULL : PyObject_GenericGetAttr(op, name);
}

static int set_of_type(PyTypeObject *type, PyObject *op, PyObject *name, PyObject *value) {
    PyObject *attributes = *extra_dict(op, true);
    if (!attributes || (!value && !PyDict_Contains(attributes, name)))
        return attributes ? PyObject_GenericSetAttr(op, name, NULL) : -1; /* which says what is wrong */
    if (type->tp_getattro == PyObject_GenericGetAttr) {
        type->tp_getattro = getattro_of_type;
        PyType_Modified(type);
    }
    return value ? PyDict_SetItem(attributes, name, value) : PyDict_DelItem(attributes, name);
}

int extra_new(ClassInfo *info, PyObject *op, PyObject *name, PyObject *value) {
    if (info->open && unlikely(is_of_type(name)))
        return set_of_type(Py_TYPE(op), op, name, value);
    if (!info->open)
        return PyObject_GenericSetAttr(op, name, value); /* which says what is wrong */
    if (!value) {
        extra_missing(op, name);
        return -1;
    }
    if (_PyType_Lookup(Py_TYPE(op), name) && watch_changed(info->type, name, "it was set on an instance") < 0)
        return -1;
    PyObject *extra = extra_install(Py_TYPE(op), name);
    return extra ? extra_set(extra, op, value) : -1;
}

int extra_set_class(PyObject *extra, PyObject *type, PyObject *value) {
    Extra *self = (Extra *)extra;
    if (!value && !self->value)
        return extra_not_of_class((PyTypeObject *)type, self->name);
    Py_XSETREF(self->value, Py_XNewRef(value));
    return 0;
}
