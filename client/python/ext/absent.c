/* What is said of a Python field that an instance does not have. Usually the instance's dict decides, and the words are CPython's; nothing here is
 * in the way. Once an instance of a class was closed, or came from another process, its class gets an Absent for each Python field: no data descriptor,
 * so the dict still comes first, and who reads what is not there learns why. */
#include "client/python/ext/ext.h"

typedef struct Absent {
    PyObject_HEAD PyObject *name;
    PyObject *value; /* the class attribute that it stands for: the field's default; NULL: none */
} Absent;

static PyObject *get_of_class(Absent *self, PyObject *type) {
    if (self->value)
        return Py_NewRef(self->value);
    return PyErr_Format(PyExc_AttributeError, "type object '%s' has no attribute '%U'",
                        type && PyType_Check(type) ? ((PyTypeObject *)type)->tp_name : "?", self->name);
}

static PyObject *absent_get(PyObject *op, PyObject *obj, PyObject *type) {
    Absent *self = (Absent *)op;
    if (!obj || !PyObject_TypeCheck(obj, &Instance_Type))
        return get_of_class(self, type);
    uint32_t flags = ((Instance *)obj)->flags;
    if (flags & INSTANCE_RELEASED)
        return instance_released(obj);
    if (flags & INSTANCE_FOREIGN)
        return PyErr_Format(
            PyExc_AttributeError,
            "'%s' object has no attribute '%U' here: it is a Python field of another process, where the object "
            "was made; only native fields are shared",
            Py_TYPE(obj)->tp_name, self->name);
    if (self->value)
        return Py_NewRef(self->value);
    return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'", Py_TYPE(obj)->tp_name, self->name);
}

static int absent_traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(((Absent *)op)->value);
    return 0;
}

static int absent_clear(PyObject *op) {
    Py_CLEAR(((Absent *)op)->value);
    return 0;
}

static void absent_dealloc(PyObject *op) {
    PyObject_GC_UnTrack(op);
    Py_CLEAR(((Absent *)op)->name);
    absent_clear(op);
    PyObject_GC_Del(op);
}

/* Of the __slots__ that jitd.Instance has: none. */
static PyObject *absent_iter(PyObject *op) {
    (void)op;
    PyObject *none = PyTuple_New(0), *iterator = none ? PyObject_GetIter(none) : NULL;
    Py_XDECREF(none);
    return iterator;
}

PyTypeObject Absent_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.Absent",
    .tp_basicsize = sizeof(Absent),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = absent_dealloc,
    .tp_traverse = absent_traverse,
    .tp_clear = absent_clear,
    .tp_descr_get = absent_get,
    .tp_iter = absent_iter,
};

PyObject *absent_in_class(PyObject *op) {
    return ((Absent *)op)->value;
}

static int stand_in(PyTypeObject *type, PyObject *name) {
    PyObject *value = PyDict_GetItemWithError(type->tp_dict, name);
    if ((!value && PyErr_Occurred()) || (value && Py_TYPE(value)->tp_descr_set))
        return PyErr_Occurred() ? -1 : 0; /* a slot: what it says is CPython's */
    Absent *self = PyObject_GC_New(Absent, &Absent_Type);
    if (!self)
        return -1;
    self->name = Py_NewRef(name);
    self->value = Py_XNewRef(value);
    PyObject_GC_Track(self);
    int r = PyDict_SetItem(type->tp_dict, name, (PyObject *)self);
    Py_DECREF(self);
    return r;
}

/* dataclass(slots=True) looks for __slots__ in the dicts of all bases, and where a base has none, it takes __weakref__ for inherited:
 * its copy of a jitclass, which has not this base, could not be referred to weakly. For all who read it, it is not there. */
int absent_slots(void) {
    PyObject *name = PyUnicode_InternFromString("__slots__");
    int r = name ? stand_in(&Instance_Type, name) : -1;
    Py_XDECREF(name);
    return r;
}

int absent_explain(ClassInfo *info) {
    int r = 0;
    if (info->explained)
        return 0;
    for (Py_ssize_t i = 0; r == 0 && i < info->nfields; i++)
        if (!info->fields[i].type)
            r = stand_in(info->type, info->fields[i].name);
    info->explained = true;
    PyType_Modified(info->type);
    return r;
}

/* Of a class of which an instance was closed: nothing can be set on that one. */
static int setattro_checked(PyObject *op, PyObject *name, PyObject *value) {
    if (((Instance *)op)->flags & INSTANCE_RELEASED)
        return instance_released(op), -1;
    return PyObject_GenericSetAttr(op, name, value);
}

int absent_close(ClassInfo *info, PyObject *op) {
    int r = absent_explain(info);
    if (info->type->tp_setattro == PyObject_GenericSetAttr) {
        info->type->tp_setattro = setattro_checked;
        PyType_Modified(info->type);
    }
    PyObject *attributes = extra_attributes(op, false);
    if (attributes)
        PyDict_Clear(attributes);
    Py_XDECREF(attributes);
    return PyErr_Occurred() ? -1 : r;
}
