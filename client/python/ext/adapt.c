/* Turning a plain class into a jitclass: the very class object that the class statement made, so that whatever has it already (__class__ of its
 * methods, registries filled by __init_subclass__, the subclasses of its bases) has the jitclass. Only while it has no instances.
 *
 * What type() would have done with Instance as the last base is made up for: method resolution order, the place of what an
 * instance holds, and the slots that were inherited from object. */
#include "client/python/ext/ext.h"

/* The bases, object left out, and Instance. */
static PyObject *bases_with_instance(PyTypeObject *type) {
    PyObject *list = PyList_New(0), *bases = NULL;
    int r = list ? 0 : -1;
    for (Py_ssize_t i = 0; r == 0 && i < PyTuple_GET_SIZE(type->tp_bases); i++)
        if (PyTuple_GET_ITEM(type->tp_bases, i) != (PyObject *)&PyBaseObject_Type)
            r = PyList_Append(list, PyTuple_GET_ITEM(type->tp_bases, i));
    if (r == 0 && PyList_Append(list, (PyObject *)&Instance_Type) == 0)
        bases = PyList_AsTuple(list);
    Py_XDECREF(list);
    return bases;
}

static PyObject *new_mro(PyTypeObject *type) {
    PyObject *order = PyObject_CallMethod((PyObject *)type, "mro", NULL);
    PyObject *mro = order ? PySequence_Tuple(order) : NULL;
    Py_XDECREF(order);
    return mro;
}

/* __bases__ stays as it was written: who copies the class (dataclasses and attrs, to give it __slots__) makes a plain one of it. */
static int set_bases(PyTypeObject *type) {
    PyObject *old = type->tp_bases, *bases = bases_with_instance(type);
    if (!bases)
        return -1;
    type->tp_bases = bases;
    PyObject *mro = new_mro(type);
    type->tp_bases = old;
    Py_DECREF(bases);
    if (!mro)
        return -1;
    Py_SETREF(type->tp_mro, mro);
    Py_INCREF(&Instance_Type);
    Py_SETREF(type->tp_base, &Instance_Type);
    return 0;
}

/* What an instance of a class without Python fields and jitclass's own layout holds: nothing but dict and weak references. */
static int holds_nothing(const PyTypeObject *type) {
    Py_ssize_t size = type->tp_basicsize;
    size -= type->tp_dictoffset > 0 ? (Py_ssize_t)sizeof(PyObject *) : 0;
    size -= type->tp_weaklistoffset > 0 ? (Py_ssize_t)sizeof(PyObject *) : 0;
    return size == sizeof(PyObject) && !type->tp_itemsize;
}

static int has_managed_dict(const PyTypeObject *type) {
#ifdef Py_TPFLAGS_MANAGED_DICT
    return (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) != 0;
#else
    (void)type;
    return 0;
#endif
}

static void drop_flags(PyTypeObject *type, int dict) {
    (void)dict;
#ifdef Py_TPFLAGS_MANAGED_WEAKREF
    type->tp_flags &= ~Py_TPFLAGS_MANAGED_WEAKREF;
#endif
#ifdef Py_TPFLAGS_MANAGED_DICT
    if (dict)
        type->tp_flags &= ~Py_TPFLAGS_MANAGED_DICT;
#endif
#ifdef Py_TPFLAGS_INLINE_VALUES
    type->tp_flags &= ~Py_TPFLAGS_INLINE_VALUES; /* 3.13 and later: they would be where a proxy's own begins */
#endif
    (void)type;
}

/* A dict in front of the object (3.11 and later) stays where it is; one behind it, and the weak references, move. */
static void lay_out(PyTypeObject *type, int fast) {
    int dict = type->tp_dictoffset != 0;
    type->tp_basicsize = sizeof(Instance);
    type->tp_weaklistoffset = offsetof(Instance, weakrefs);
    if (fast) {
        type->tp_dictoffset = 0; /* extra.c */
    } else if (dict && !has_managed_dict(type)) {
        type->tp_dictoffset = sizeof(Instance);
        type->tp_basicsize += sizeof(PyObject *);
    }
    drop_flags(type, fast);
}

/* Which slots a class without a definition of its own has from object, and now has from Instance. */
static void inherit(PyTypeObject *type) {
#define INHERIT(slot)                                                                                                  \
    if (!type->slot || type->slot == PyBaseObject_Type.slot)                                                           \
    type->slot = Instance_Type.slot
    INHERIT(tp_init);
    INHERIT(tp_new);
    INHERIT(tp_hash);
#undef INHERIT
}

static void make_fast(PyTypeObject *type) {
    type->tp_alloc = instance_alloc_fast;
    type->tp_dealloc = instance_dealloc_fast;
    type->tp_traverse = instance_traverse_fast;
    type->tp_clear = instance_clear;
    type->tp_free = PyObject_GC_Del;
    type->tp_flags |= Py_TPFLAGS_HAVE_GC;
    if (type->tp_setattro == PyObject_GenericSetAttr)
        type->tp_setattro = instance_setattro_fast;
}

/* Without a __new__ of the user's. A class that was made below a jitclass has CPython's slot for Instance's, which is a method. */
static bool is_made_as_instance(PyTypeObject *type) {
    PyObject *name = PyUnicode_InternFromString("__new__");
    PyObject *found = name ? _PyType_Lookup(type, name) : NULL;
    bool is_ours = found && found == PyDict_GetItemWithError(Instance_Type.tp_dict, name);
    Py_XDECREF(name);
    PyErr_Clear();
    return is_ours || type->tp_new == Instance_Type.tp_new || type->tp_new == instance_new;
}

/* Of several jitclasses among the bases one has fields. CPython has taken the first for the one that is extended: they hold the same. */
static void extend(PyTypeObject *type, PyTypeObject *above) {
    if (above && !PyType_IsSubtype(type->tp_base, above))
        Py_SETREF(type->tp_base, (PyTypeObject *)Py_NewRef((PyObject *)above));
}

int adapt_type(ClassInfo *info, int calls_new, PyTypeObject *above) {
    PyTypeObject *type = info->type;
    extend(type, above);
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || (!holds_nothing(type) && !PyType_IsSubtype(type, &Instance_Type))) {
        PyErr_Format(PyExc_TypeError, "%s keeps state of its own, which a jitclass cannot hold", type->tp_name);
        return -1;
    }
    info->open = type->tp_dictoffset != 0;
    if (!PyType_IsSubtype(type, &Instance_Type)) {
        if (set_bases(type) < 0)
            return -1;
        lay_out(type, info->fast);
        inherit(type);
    } else if (info->fast) {
        lay_out(type, true);
    }
    if (info->fast)
        make_fast(type);
    else if (type->tp_setattro == instance_setattro_fast)
        type->tp_setattro = PyObject_GenericSetAttr; /* of a fast class above */
    info->finalize = type->tp_finalize == Instance_Type.tp_finalize ? NULL : type->tp_finalize;
    type->tp_finalize = Instance_Type.tp_finalize;
    if (is_made_as_instance(type)) {
        type->tp_vectorcall = construct_vectorcall;
        if (!calls_new)
            type->tp_new = instance_new; /* the interpreter calls classes faster that are not made by object.__new__ */
    }
    type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE; /* watch.c */
    PyType_Modified(type);
    return 0;
}
