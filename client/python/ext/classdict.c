/* The two __dict__ of a jitclass. vars(Cls) shows what the class of the class statement has: in the class's own dict are the descriptors of native
 * fields and what else stands for an attribute (extra.c, absent.c, shadow.c), and a field without a default is in no class's dict in CPython. So for
 * jitclasses the function behind type.__dict__ gives a view; the interpreter itself goes on looking into the real one. And vars(obj) has native
 * fields, too (members.py). */
#include "client/python/ext/ext.h"

typedef struct ClassDict {
    PyObject_HEAD PyTypeObject *type;
} ClassDict;

/* What CPython has in the place of a value of the class's dict; borrowed, NULL: nothing. */
static PyObject *shown(PyObject *op, PyObject *value) {
    if (Py_IS_TYPE(value, &OfClass_Type))
        return NULL;
    if (((ClassDict *)op)->type == &Instance_Type)
        return value; /* for those who read it (absent_slots) */
    if (Py_IS_TYPE(value, &FieldDescr_Type))
        return field_in_class(value);
    if (Py_IS_TYPE(value, &Absent_Type))
        return absent_in_class(value);
    if (Py_IS_TYPE(value, &Extra_Type))
        return extra_in_class(value);
    return Py_IS_TYPE(value, &Constant_Type) ? constant_in_class(value) : value;
}

/* All of it, as a dict of the caller's own. */
static PyObject *plain(PyObject *op) {
    PyObject *dict = PyDict_New(), *name, *value;
    Py_ssize_t at = 0;
    while (dict && PyDict_Next(((ClassDict *)op)->type->tp_dict, &at, &name, &value))
        if ((value = shown(op, value)) && PyDict_SetItem(dict, name, value) < 0)
            Py_CLEAR(dict);
    return dict;
}

/* Borrowed; NULL without an exception: it is not there. */
static PyObject *item(PyObject *op, PyObject *name) {
    PyObject *value = PyDict_GetItemWithError(((ClassDict *)op)->type->tp_dict, name);
    return value ? shown(op, value) : NULL;
}

static PyObject *dict_subscript(PyObject *op, PyObject *name) {
    PyObject *value = item(op, name);
    if (!value && !PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, name);
    return Py_XNewRef(value);
}

static int dict_contains(PyObject *op, PyObject *name) {
    PyObject *value = item(op, name);
    return value ? 1 : PyErr_Occurred() ? -1 : 0;
}

static Py_ssize_t dict_length(PyObject *op) {
    PyObject *dict = plain(op);
    Py_ssize_t n = dict ? PyDict_GET_SIZE(dict) : -1;
    Py_XDECREF(dict);
    return n;
}

static PyObject *dict_iter(PyObject *op) {
    PyObject *dict = plain(op), *iterator = dict ? PyObject_GetIter(dict) : NULL;
    Py_XDECREF(dict);
    return iterator;
}

static PyObject *dict_repr(PyObject *op) {
    PyObject *dict = plain(op), *text = dict ? PyObject_Repr(dict) : NULL;
    Py_XDECREF(dict);
    return text;
}

static PyObject *dict_compare(PyObject *op, PyObject *other, int how) {
    PyObject *dict = plain(op), *result = dict ? PyObject_RichCompare(dict, other, how) : NULL;
    Py_XDECREF(dict);
    return result;
}

/* A new reference. */
static PyObject *operand(PyObject *op) {
    return Py_IS_TYPE(op, &ClassDict_Type) ? plain(op) : Py_NewRef(op);
}

static PyObject *dict_or(PyObject *left, PyObject *right) {
    PyObject *a = operand(left), *b = a ? operand(right) : NULL, *result = b ? PyNumber_Or(a, b) : NULL;
    Py_XDECREF(a);
    Py_XDECREF(b);
    return result;
}

static PyObject *dict_get(PyObject *op, PyObject *args) {
    PyObject *name, *otherwise = Py_None;
    if (!PyArg_ParseTuple(args, "O|O:get", &name, &otherwise))
        return NULL;
    PyObject *value = item(op, name);
    return value ? Py_NewRef(value) : PyErr_Occurred() ? NULL : Py_NewRef(otherwise);
}

static PyObject *of_plain(PyObject *op, const char *method) {
    PyObject *dict = plain(op), *result = dict ? PyObject_CallMethod(dict, method, NULL) : NULL;
    Py_XDECREF(dict);
    return result;
}

static PyObject *dict_keys(PyObject *op, PyObject *ignored) {
    (void)ignored;
    return of_plain(op, "keys");
}

static PyObject *dict_values(PyObject *op, PyObject *ignored) {
    (void)ignored;
    return of_plain(op, "values");
}

static PyObject *dict_items(PyObject *op, PyObject *ignored) {
    (void)ignored;
    return of_plain(op, "items");
}

static PyObject *dict_reversed(PyObject *op, PyObject *ignored) {
    (void)ignored;
    return of_plain(op, "__reversed__");
}

static PyObject *dict_copy(PyObject *op, PyObject *ignored) {
    (void)ignored;
    return plain(op);
}

static void dict_dealloc(PyObject *op) {
    PyObject_GC_UnTrack(op);
    Py_CLEAR(((ClassDict *)op)->type);
    PyObject_GC_Del(op);
}

static int dict_traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(((ClassDict *)op)->type);
    return 0;
}

static PyMethodDef dict_methods[] = {
    {"get", dict_get, METH_VARARGS, NULL},
    {"keys", dict_keys, METH_NOARGS, NULL},
    {"values", dict_values, METH_NOARGS, NULL},
    {"items", dict_items, METH_NOARGS, NULL},
    {"copy", dict_copy, METH_NOARGS, NULL},
    {"__reversed__", dict_reversed, METH_NOARGS, NULL},
    {0},
};

PyTypeObject ClassDict_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.ClassDict",
    .tp_basicsize = sizeof(ClassDict),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = dict_dealloc,
    .tp_traverse = dict_traverse,
    .tp_iter = dict_iter,
    .tp_repr = dict_repr,
    .tp_richcompare = dict_compare,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_methods = dict_methods,
    .tp_as_mapping = &(PyMappingMethods){.mp_length = dict_length, .mp_subscript = dict_subscript},
    .tp_as_sequence = &(PySequenceMethods){.sq_contains = dict_contains},
    .tp_as_number = &(PyNumberMethods){.nb_or = dict_or},
};

/* ---- type.__dict__ ---- */

static getter dict_of_class; /* CPython's own */

/* A Python class above a jitclass may have some of ours in its dict, too: where CPython gives its instances no dict (extra.c), or what it was given
 * has the name of a native field. */
static int has_ours(PyTypeObject *type) {
    return PyType_IsSubtype(type, &Instance_Type);
}

static PyObject *get_dict_of_class(PyObject *op, void *closure) {
    if (likely(!has_ours((PyTypeObject *)op)))
        return dict_of_class(op, closure);
    ClassDict *self = PyObject_GC_New(ClassDict, &ClassDict_Type);
    if (!self)
        return NULL;
    self->type = (PyTypeObject *)Py_NewRef(op);
    PyObject_GC_Track(self);
    PyObject *proxy = PyDictProxy_New((PyObject *)self);
    Py_DECREF(self);
    return proxy;
}

int classdict_start(PyObject *attributes_of_type) {
    static PyGetSetDef ours;
    PyObject *descriptor = PyDict_GetItemString(attributes_of_type, "__dict__");
    if (!descriptor || !Py_IS_TYPE(descriptor, &PyGetSetDescr_Type))
        return -1;
    PyGetSetDescrObject *found = (PyGetSetDescrObject *)descriptor;
    ours = *found->d_getset;
    dict_of_class = ours.get;
    ours.get = get_dict_of_class;
    found->d_getset = &ours;
    return 0;
}

/* ---- obj.__dict__ ---- */

static PyObject *get_dict(PyObject *op, void *ignored) {
    (void)ignored;
    PyObject *module = PyImport_ImportModule("jitd.members");
    PyObject *found = module ? PyObject_CallMethod(module, "namespace", "O", op) : NULL;
    Py_XDECREF(module);
    return found;
}

static int set_dict(PyObject *op, PyObject *attributes, void *ignored) {
    (void)ignored;
    PyObject *module = PyImport_ImportModule("jitd.members"),
             *wanted = attributes ? Py_NewRef(attributes) : PyDict_New();
    PyObject *done = module && wanted ? PyObject_CallMethod(module, "set_namespace", "OO", op, wanted) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(wanted);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static int show_fields(PyTypeObject *type) {
    static PyGetSetDef definition = {"__dict__", get_dict, set_dict, "dictionary for instance variables", NULL};
    PyObject *descriptor = PyDescr_NewGetSet(type, &definition);
    int r = descriptor ? PyDict_SetItemString(type->tp_dict, "__dict__", descriptor) : -1;
    Py_XDECREF(descriptor);
    PyType_Modified(type);
    return r;
}

/* show_fields(type): its instances' __dict__ has the native fields, too. */
PyObject *classdict_show_fields(PyObject *module, PyObject *op) {
    (void)module;
    if (!PyType_Check(op) || !class_of_type((PyTypeObject *)op))
        return PyErr_Format(PyExc_ValueError, "%R is no jitclass", op);
    return show_fields((PyTypeObject *)op) < 0 ? NULL : Py_NewRef(Py_None);
}

/* Whether its instances' __dict__ is that of a plain base, before the one that shows the fields. */
static int hides_fields(PyTypeObject *type) {
    int plain_first = 0, shown = 0;
    for (Py_ssize_t i = 0; !shown && i < PyTuple_GET_SIZE(type->tp_mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(type->tp_mro, i);
        int is_made = PyType_HasFeature(base, Py_TPFLAGS_HEAPTYPE);
        PyObject *found = is_made ? PyDict_GetItemString(base->tp_dict, "__dict__") : NULL;
        shown = found && Py_IS_TYPE(found, &PyGetSetDescr_Type) &&
                ((PyGetSetDescrObject *)found)->d_getset->get == get_dict;
        plain_first |= found && !shown;
    }
    return plain_first && shown;
}

static bool sets_as_instance(PyTypeObject *type, const char *text) {
    PyObject *name = PyUnicode_FromString(text);
    PyObject *found = name ? _PyType_Lookup(type, name) : NULL;
    Py_XDECREF(name);
    PyErr_Clear();
    return found && Py_IS_TYPE(found, &PyMethodDescr_Type) && PyDescr_TYPE(found) == &Instance_Type;
}

/* How attributes are set in a new class. With a __setattr__ or __delattr__ of Python's, the classes above have CPython's slot for such, too: object's own
 * __setattr__, which that one may call, refuses an object between whose class and object another C function is in the slot. */
static void choose_setter(PyTypeObject *type) {
    if (sets_as_instance(type, "__setattr__") && sets_as_instance(type, "__delattr__")) {
        type->tp_setattro = type->tp_dictoffset ? PyObject_GenericSetAttr : instance_setattro_fast;
        return;
    }
    for (PyTypeObject *base = type->tp_base; base && base != &Instance_Type; base = base->tp_base) {
        base->tp_setattro = type->tp_setattro;
        PyType_Modified(base);
    }
}

/* The class that has the name for the type, if it is one from `at` on. */
static const PyTypeObject *owner_from(const PyTypeObject *type, const char *name, Py_ssize_t at) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_mro) - 2; i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(type->tp_mro, i);
        if (PyDict_GetItemString(base->tp_dict, name))
            return i < at ? NULL : base;
    }
    return NULL;
}

/* The slots that Instance fills. */
static void take_slots(PyTypeObject *type, Py_ssize_t at) {
    const PyTypeObject *hashes = owner_from(type, "__hash__", at), *inits = owner_from(type, "__init__", at);
    if (hashes)
        type->tp_hash = hashes->tp_hash;
    if (inits)
        type->tp_init = inits->tp_init;
}

/* Instance stands for object's part, and comes last before it: not before a mixin that stands behind the jitclass among the bases. */
static int put_instance_last(PyTypeObject *type) {
    Py_ssize_t n = PyTuple_GET_SIZE(type->tp_mro), at = 0;
    while (at < n && PyTuple_GET_ITEM(type->tp_mro, at) != (PyObject *)&Instance_Type)
        at++;
    if (at >= n - 2)
        return 0;
    PyObject *mro = PyTuple_New(n);
    if (!mro)
        return -1;
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_ssize_t from = i < at || i == n - 1 ? i : i == n - 2 ? at : i + 1;
        PyTuple_SET_ITEM(mro, i, Py_NewRef(PyTuple_GET_ITEM(type->tp_mro, from)));
    }
    Py_SETREF(type->tp_mro, mro);
    take_slots(type, at);
    PyType_Modified(type);
    return 0;
}

/* Instance.__init_subclass__: a Python class above a fast one has a __dict__ of its own, which would have the other attributes only; one with
 * __slots__ has none, and its attributes are in ours. */
PyObject *classdict_init_subclass(PyObject *op, PyObject *args, PyObject *kwargs) {
    PyTypeObject *type = (PyTypeObject *)op;
    if ((PyDict_GetItemString(type->tp_dict, "__dict__") || hides_fields(type)) && show_fields(type) < 0)
        return NULL;
    PyObject *next = PyObject_CallFunction((PyObject *)&PySuper_Type, "OO", (PyObject *)&Instance_Type, op);
    PyObject *method = next ? PyObject_GetAttrString(next, "__init_subclass__") : NULL;
    PyObject *done = method ? PyObject_Call(method, args, kwargs) : NULL;
    Py_XDECREF(method);
    Py_XDECREF(next);
    if (done && put_instance_last(type) < 0) /* after the mixins' hooks, which come behind this one until then */
        Py_CLEAR(done);
    if (done)
        choose_setter(type);
    return done;
}
