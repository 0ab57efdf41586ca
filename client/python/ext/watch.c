/* What happens to a class after it was compiled. Compiled code has the class's methods and constants built in, and the native fields' descriptors must
 * stay in their places. CPython (up to 3.11 at all, later reliably) tells nobody when an attribute of a class is set, so type.__setattr__ itself
 * is looked over: for classes that are no jitclasses it does what it always did.
 *
 * A field's name set on the class is the field's new class attribute. What compiled code has built in and is set to something else sends the
 * code that may have it back to Python (changed.py), before anybody can see the new value. */
#include "client/python/ext/ext.h"

static setattrofunc type_setattro; /* CPython's own */

static void note_change(ClassInfo *info, uint64_t at) {
    info->changed_at = at;
}

int watch_changed(PyTypeObject *type, PyObject *name, const char *how) {
    PyObject *module = PyImport_ImportModule("jitd.changed");
    PyObject *done = module ? PyObject_CallMethod(module, "changed", "OOs", type, name, how) : NULL;
    if (done != Py_False)
        class_each_below(type, note_change, ++class_changes);
    Py_XDECREF(module);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *get_described(PyObject *self, Field *field) {
    return Py_TYPE(field->class_value)->tp_descr_get(field->class_value, self, (PyObject *)Py_TYPE(self));
}

static int set_described(PyObject *self, PyObject *value, Field *field) {
    return Py_TYPE(field->class_value)->tp_descr_set(field->class_value, self, value);
}

static void undescribe(Field *field) {
    if (field->described) {
        field->get = field->own_get;
        field->set = field->own_set;
    }
    field->described = false;
}

/* A property, as any descriptor that takes what is set, goes before what instances have. */
static void describe(Field *field) {
    const PyTypeObject *type = field->class_value ? Py_TYPE(field->class_value) : NULL;
    if (!type || !type->tp_descr_get || !type->tp_descr_set)
        return;
    field->own_get = field->get;
    field->own_set = field->set;
    field->get = get_described;
    field->set = set_described;
    field->quick = FIELD_SLOW;
    field->described = true;
}

static int set_field(ClassInfo *info, Field *field, PyObject *value) {
    if (!value && !field->class_value)
        return extra_not_of_class(info->type, field->name);
    if (watch_changed(info->type, field->name, "the class attribute was set") < 0)
        return -1;
    undescribe(field);
    if (field->late)
        default_changed(field);
    Py_XSETREF(field->class_value, Py_XNewRef(value));
    describe(field);
    if (!field->origin)
        return 0;
    int r = field_describe(info, field); /* from now on the class has an attribute of its own */
    PyType_Modified(info->type);
    return r;
}

/* How instances are made has changed: the interpreter makes them, by the slots, which are as the class says now. */
static void remake_one(ClassInfo *info, uint64_t arg) {
    PyObject *name = (PyObject *)(uintptr_t)arg;
    if (PyUnicode_CompareWithASCIIString(name, "__init__") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "__new__") == 0) {
        info->type->tp_vectorcall = NULL;
    } else if (info->init == INIT_FIELDS && PyUnicode_CompareWithASCIIString(name, "__post_init__") == 0) {
        Py_XSETREF(info->post_init, Py_XNewRef(_PyType_Lookup(info->type, name)));
    }
}

/* Classes that extend it may inherit that. */
static void remake(ClassInfo *info, PyObject *name) {
    class_each_below(info->type, remake_one, (uint64_t)(uintptr_t)name);
}

/* A Python class above a jitclass is given what it has for one of its native fields: its instances keep what is theirs. */
static int set_above(PyTypeObject *type, PyObject *name, PyObject *value) {
    ClassInfo *info = class_above(type);
    Field *field = info ? class_field(info, name) : NULL;
    if (field && field_is_given(type, field, value))
        return field_give(type, info, field, value);
    return type_setattro((PyObject *)type, name, value);
}

static int setattro_watched(PyObject *op, PyObject *name, PyObject *value) {
    ClassInfo *info = class_of_type((PyTypeObject *)op);
    if (unlikely(value && PyUnicode_Check(name) && shadow_alias(value, (PyTypeObject *)op, name) < 0))
        return -1;
    if (!info && PyUnicode_Check(name) && PyType_IsSubtype((PyTypeObject *)op, &Instance_Type))
        return set_above((PyTypeObject *)op, name, value);
    if (likely(!info) || !PyUnicode_Check(name))
        return type_setattro(op, name, value);
    Field *field = class_field(info, name);
    if (field)
        return set_field(info, field, value);
    if (watch_changed(info->type, name, "it was set on the class") < 0)
        return -1;
    PyObject *extra = PyDict_GetItemWithError(info->type->tp_dict, name);
    if (extra && Py_IS_TYPE(extra, &Extra_Type))
        return extra_set_class(extra, op, value);
    /* Immutable is what the interpreter takes it for, to call it faster and to refuse other classes for its instances (__class__). */
    info->type->tp_flags &= ~Py_TPFLAGS_IMMUTABLETYPE;
    int r = type_setattro(op, name, value);
    info->type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    if (r == 0)
        remake(info, name);
    return r;
}

/* A new reference: since 3.12 a built-in type's dict is the interpreter's. */
static PyObject *dict_of_type(void) {
#if PY_VERSION_HEX >= 0x030c0000
    return PyType_GetDict(&PyType_Type);
#else
    return Py_NewRef(PyType_Type.tp_dict);
#endif
}

/* The wrapper in type's dict calls the C function that it was made for, if that is (still) the slot's. */
static int patch_wrapper(PyObject *attributes, const char *name) {
    PyObject *wrapper = PyDict_GetItemString(attributes, name);
    if (!wrapper || !Py_IS_TYPE(wrapper, &PyWrapperDescr_Type) ||
        ((PyWrapperDescrObject *)wrapper)->d_wrapped != (void *)type_setattro)
        return -1;
    ((PyWrapperDescrObject *)wrapper)->d_wrapped = (void *)setattro_watched;
    return 0;
}

/* A metaclass without a __setattr__ of its own has type's. */
static int patch_metaclasses(PyTypeObject *metatype) {
    if (metatype->tp_setattro == type_setattro)
        metatype->tp_setattro = setattro_watched;
    PyObject *list = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", metatype);
    int r = list ? 0 : -1;
    for (Py_ssize_t i = 0; r == 0 && i < PyList_GET_SIZE(list); i++)
        r = patch_metaclasses((PyTypeObject *)PyList_GET_ITEM(list, i));
    Py_XDECREF(list);
    return r;
}

static PyObject *clear_descriptors; /* CPython's own */

/* dataclass(slots=True) of CPython 3.14 takes __dict__ and __weakref__ from the class that it copies, where that is not immutable. */
static PyObject *clear_descriptors_watched(PyObject *module, PyObject *type) {
    (void)module;
    ClassInfo *info = PyType_Check(type) ? class_of_type((PyTypeObject *)type) : NULL;
    if (info)
        info->type->tp_flags &= ~Py_TPFLAGS_IMMUTABLETYPE;
    PyObject *done = PyObject_CallOneArg(clear_descriptors, type);
    if (info)
        info->type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
    return done;
}

static int patch_clear_descriptors(void) {
    static PyMethodDef watched = {"_clear_type_descriptors", clear_descriptors_watched, METH_O, NULL};
    clear_descriptors = Py_XNewRef(PySys_GetObject(watched.ml_name));
    PyObject *function = clear_descriptors ? PyCFunction_New(&watched, NULL) : NULL;
    int r = clear_descriptors ? (function ? PySys_SetObject(watched.ml_name, function) : -1) : 0;
    Py_XDECREF(function);
    return r;
}

int watch_start(void) {
    type_setattro = PyType_Type.tp_setattro;
    PyObject *attributes = dict_of_type();
    int r = attributes && patch_wrapper(attributes, "__setattr__") == 0 && patch_wrapper(attributes, "__delattr__") == 0
                ? classdict_start(attributes)
                : -1;
    Py_XDECREF(attributes); /* type has it */
    if (r < 0) {
        PyErr_SetString(PyExc_ImportError,
                        "this Python's type.__setattr__ or type.__dict__ is not one that jitd knows");
        return -1;
    }
    return patch_metaclasses(&PyType_Type) < 0 ? -1 : patch_clear_descriptors();
}
