/* Native fields: data descriptors (one getter and setter per type) that read and write the arena directly. On a store int and bool
 * become float, bool becomes int; everything else that is not of the field's type is refused, and the old value stays. Asked of the
 * class, a field is its default, as the class attribute is in CPython. */
#include "client/python/ext/ext.h"

COLD static void *field_wake(PyObject *self, const Field *field) {
    return instance_wake(self) < 0 ? NULL : ((Instance *)self)->data + field->offset;
}

/* NULL with an exception set: the instance was released. */
static inline void *field_place(PyObject *self, const Field *field) {
    uint8_t *data = ((Instance *)self)->data;
    return likely(data != NULL) ? data + field->offset : field_wake(self, field);
}

/* ---- getters ---- */

#define GETTER(NAME, ctype, make)                                                                                      \
    static PyObject *get_##NAME(PyObject *self, Field *field) {                                                        \
        ctype *place = field_place(self, field);                                                                       \
        return likely(place != NULL) ? make(*place) : NULL;                                                            \
    }
GETTER(INT, int64_t, PyLong_FromLongLong)
GETTER(BOOL, uint8_t, PyBool_FromLong)
GETTER(INT8, int8_t, PyLong_FromLong)
GETTER(INT16, int16_t, PyLong_FromLong)
GETTER(INT32, int32_t, PyLong_FromLong)
GETTER(INT64, int64_t, PyLong_FromLongLong)
GETTER(UINT8, uint8_t, PyLong_FromLong)
GETTER(UINT16, uint16_t, PyLong_FromLong)
GETTER(UINT32, uint32_t, PyLong_FromUnsignedLong)
GETTER(UINT64, uint64_t, PyLong_FromUnsignedLongLong)

/* Which nan it is matters to hash() and to comparisons of tuples: spill.c. */
#define FLOAT_GETTER(NAME, ctype)                                                                                      \
    static PyObject *get_##NAME(PyObject *self, Field *field) {                                                        \
        ctype *place = field_place(self, field);                                                                       \
        if (unlikely(!place || *place != *place))                                                                      \
            return place ? spill_get_nan(self, field, *place) : NULL;                                                  \
        return PyFloat_FromDouble(*place);                                                                             \
    }
FLOAT_GETTER(FLOAT, double)
FLOAT_GETTER(FLOAT32, float)

PyObject *field_unset(PyObject *self, const Field *field) {
    return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'", Py_TYPE(self)->tp_name, field->name);
}

int field_not_there(PyObject *self, const Field *field) {
#if PY_VERSION_HEX < 0x030b0000 /* as CPython words it */
    (void)self;
    PyErr_SetObject(PyExc_AttributeError, field->name);
#else
    field_unset(self, field);
#endif
    return -1;
}

/* What a reference that is not set shows: as any attribute, its class's. */
PyObject *field_of_class(PyObject *self, const Field *field) {
    PyObject *value = field_class_value(field_shown(field, Py_TYPE(self)));
    return value ? Py_NewRef(value) : field_unset(self, field);
}

PyObject *field_class_value(const Field *field) {
    PyObject *order = field->owner->tp_mro, *found = NULL;
    for (const Field *at = field; at; at = at->above)
        if (at->class_value)
            return at->class_value;
    for (Py_ssize_t i = 1; !found && i < PyTuple_GET_SIZE(order); i++) { /* of a base that is no jitclass */
        PyObject *names = ((PyTypeObject *)PyTuple_GET_ITEM(order, i))->tp_dict;
        found =
            names ? PyDict_GetItemWithError(names, field->name) : NULL; /* the interpreter's own: from 3.12 elsewhere */
    }
    return found && !Py_TYPE(found)->tp_descr_get ? found : NULL;
}

/* Another process may replace the reference while we read it: then its object may be going away, and there is a new one. */
COLD static PyObject *get_shared_ref(PyObject *self, const Field *field, uint64_t *place) {
    PyObject *proxy;
    uint64_t ref;
    arena_enter(jitd_context.arena); /* what is read here is not reused before we have counted it */
    do {
        ref = atomic_load_explicit((_Atomic uint64_t *)place, memory_order_acquire);
        proxy = shm_is_object(ref) ? instance_try_proxy(ref) : Py_None;
    } while (!proxy && !PyErr_Occurred());
    arena_leave(jitd_context.arena);
    if (proxy == Py_None)
        return ref == JITD_NONE ? Py_NewRef(Py_None) : field_of_class(self, field);
    return proxy;
}

static PyObject *get_ref(PyObject *self, Field *field) {
    uint64_t *place = field_place(self, field);
    if (unlikely(!place))
        return NULL;
    if (unlikely(shm_is_shared((ShmObject *)((Instance *)self)->data)))
        return get_shared_ref(self, field, place);
    uint64_t ref = *place;
    if (ref == JITD_NONE)
        Py_RETURN_NONE;
    if (unlikely(ref == JITD_UNSET))
        return field_of_class(self, field);
    PyObject *proxy = instance_try_proxy(ref);
    if (unlikely(!proxy && !PyErr_Occurred()))
        PyErr_Format(PyExc_SystemError, "a field refers to offset %llu, which is no live object",
                     (unsigned long long)ref);
    return proxy;
}

/* ---- setters ---- */

COLD static int refuse_type(PyObject *self, Field *field, PyObject *value) {
    int spilled = spill_value(self, field, value);
    if (spilled <= 0)
        return spilled;
    const char *wanted = field->target ? field->target->tp_name : type_scalar_name(field->type->kind);
    PyErr_Format(PyExc_TypeError, "%s.%U must be %s%s, not %s", Py_TYPE(self)->tp_name, field->name, wanted,
                 field->target && field->type->optional ? " or None" : "", Py_TYPE(value)->tp_name);
    return -1;
}

COLD static int refuse_range(PyObject *self, Field *field, PyObject *value) {
    char range[64];
    int spilled = spill_value(self, field, value);
    if (spilled <= 0)
        return spilled;
    convert_range(field->type->kind, range, sizeof range);
    PyErr_Format(
        PyExc_OverflowError, "%s.%U: %S is out of range for %s (%s)%s", Py_TYPE(self)->tp_name, field->name, value,
        type_scalar_name(field->type->kind), range,
        field->type->kind == TYPE_INT ? ": for others declare it jitd.uint64, float or jitd.Py (a Python field)" : "");
    return -1;
}

#define CHECK_PLACE(ctype)                                                                                             \
    ctype *place = field_place(self, field);                                                                           \
    if (unlikely(!place))                                                                                              \
        return -1;                                                                                                     \
    if (unlikely(!value))                                                                                              \
        return spill_delete(self, field);

/* What a field without an annotation is given is what it gives back: True is no 1 and 1 no 1.0 there. */
static inline int spills(Field *field) {
    return unlikely(field->inferred);
}

COLD static int set_FLOAT_other(PyObject *self, PyObject *value, Field *field, double *place) {
    if (spills(field))
        return refuse_type(self, field, value);
    if (!PyFloat_Check(value) && !PyLong_Check(value))
        return refuse_type(self, field, value);
    double x = PyFloat_Check(value) ? PyFloat_AS_DOUBLE(value) : PyLong_AsDouble(value);
    if (x == -1.0 && PyErr_Occurred())
        return -1;
    *place = x;
    return 0;
}

static int set_FLOAT(PyObject *self, PyObject *value, Field *field) {
    CHECK_PLACE(double)
    if (unlikely(!PyFloat_CheckExact(value)))
        return set_FLOAT_other(self, value, field, place);
    *place = PyFloat_AS_DOUBLE(value);
    return likely(*place == *place) ? 0 : spill_set_nan(self, field, value);
}

static int set_BOOL(PyObject *self, PyObject *value, Field *field) {
    CHECK_PLACE(uint8_t)
    if (!PyBool_Check(value))
        return refuse_type(self, field, value);
    *place = value == Py_True;
    return 0;
}

static void store_scalar(TypeKind kind, void *place, JitdValue v) {
    switch (kind) {
#define SCALAR(NAME, text, size, ctype, member, sign, exact)                                                           \
    case TYPE_##NAME:                                                                                                  \
        *(ctype *)place = (ctype)v.member;                                                                             \
        break;
#include "protocol/types.def"
#undef SCALAR
    default:
        break;
    }
}

uint64_t field_bits(const Field *field, PyObject *value) {
    TypeKind kind = field->type->kind;
    uint64_t bits = 0;
    JitdValue v = {0};
    if (kind == TYPE_REF)
        return JITD_NONE;
    if (kind == TYPE_FLOAT)
        v.f = PyFloat_AsDouble(value);
    else if (kind == TYPE_BOOL)
        v.i = value == Py_True;
    else
        convert_sized(kind, value, &v);
    store_scalar(kind, &bits, v);
    return bits;
}

static int set_sized(PyObject *self, PyObject *value, Field *field) {
    CHECK_PLACE(void)
    if (spills(field) && !PyLong_CheckExact(value))
        return refuse_type(self, field, value);
    JitdValue v;
    switch (convert_sized(field->type->kind, value, &v)) {
    case CONVERT_OK:
        if (!(place = field_place(self, field))) /* the value's __index__ may have closed it */
            return -1;
        store_scalar(field->type->kind, place, v);
        return 0;
    case CONVERT_TYPE:
        return refuse_type(self, field, value);
    case CONVERT_ERROR:
        return -1;
    default:
        return refuse_range(self, field, value);
    }
}

static int set_INT(PyObject *self, PyObject *value, Field *field) {
    CHECK_PLACE(int64_t)
    int64_t i;
    if (unlikely(convert_int(value, &i) != CONVERT_OK))
        return set_sized(self, value, field);
    *place = i;
    return 0;
}

static int store_ref(PyObject *self, const Field *field, uint64_t ref) {
    JitdFrame *frame = context_frame();
    if (unlikely(!frame))
        return -1;
    arena_enter(jitd_context.arena);
    shm_store_ref(frame, instance_ref(self), field->offset, ref, 0, arena_share, import_release);
    arena_leave(jitd_context.arena);
    proxy_settle();
    return 0;
}

int field_clear(PyObject *self, Field *field) {
    return store_ref(self, field, JITD_UNSET);
}

int field_is_unset(PyObject *self, const Field *field) {
    const uint8_t *data = ((Instance *)self)->data;
    return field->target &&
           atomic_load_explicit((const _Atomic uint64_t *)(data + field->offset), memory_order_relaxed) == JITD_UNSET;
}

static int set_ref(PyObject *self, PyObject *value, Field *field) {
    CHECK_PLACE(uint64_t)
    uint64_t ref = JITD_NONE;
    if (Py_TYPE(value) == field->target || class_takes(field->target, Py_TYPE(value))) {
        if (!((Instance *)value)->data && instance_wake(value) < 0)
            return -1;
        place = field_place(self, field); /* what waking ran may have closed it */
        if (!place)
            return -1;
        ref = instance_ref(value);
    } else if (value != Py_None || !field->type->optional) {
        return refuse_type(self, field, value);
    }
    return store_ref(self, field, ref);
}

/* ---- */

typedef int (*FieldSetter)(PyObject *, PyObject *, Field *);

static const struct {
    PyObject *(*get)(PyObject *, Field *);
    FieldSetter set;
} scalar_access[] = {
#define SCALAR(NAME, text, size, ctype, member, sign, exact) [TYPE_##NAME] = {get_##NAME, set_sized},
#include "protocol/types.def"
#undef SCALAR
};

static FieldSetter field_setter(TypeKind kind) {
    switch (kind) {
    case TYPE_REF:
        return set_ref;
    case TYPE_INT:
        return set_INT;
    case TYPE_FLOAT:
        return set_FLOAT;
    case TYPE_BOOL:
        return set_BOOL;
    default:
        return scalar_access[kind].set;
    }
}

/* ---- the descriptor ---- */

typedef struct FieldDescr {
    PyObject_HEAD Field *field;
    PyObject *info; /* holds the field, or what that is of */
    bool own;       /* the field is this descriptor's alone: of a Python class */
} FieldDescr;

/* Whether its instances have the field in the arena. Of two bases that are jitclasses only the first has its fields there: those of the other are
 * attributes, or they would lie over each other. */
static int has_place(PyTypeObject *type, PyTypeObject *owner) {
    while (type && type != owner)
        type = type->tp_base;
    return type != NULL;
}

COLD static PyObject *get_attribute(PyObject *obj, Field *field) {
    PyObject *value = extra_read(obj, field->name);
    return value || PyErr_Occurred() ? value : field_of_class(obj, field);
}

COLD static PyObject *descr_get_other(Field *field, PyObject *obj, PyObject *type) {
    if (obj && obj != Py_None && has_place(Py_TYPE(obj), field->owner))
        return field->get(obj, field);
    if (obj && obj != Py_None && PyObject_TypeCheck(obj, field->owner))
        return get_attribute(obj, field);
    if (obj && obj != Py_None)
        return PyErr_Format(PyExc_TypeError, "descriptor '%U' for '%s' objects doesn't apply to a '%s' object",
                            field->name, field->owner->tp_name, Py_TYPE(obj)->tp_name);
    PyObject *value = field_class_value(field);
    if (value)
        return Py_NewRef(value);
    const char *name = type && PyType_Check(type) ? ((PyTypeObject *)type)->tp_name : field->owner->tp_name;
    return PyErr_Format(PyExc_AttributeError, "type object '%s' has no attribute '%U'", name, field->name);
}

static PyObject *descr_get(PyObject *op, PyObject *obj, PyObject *type) {
    Field *field = ((FieldDescr *)op)->field;
    if (likely(obj != NULL) && likely(Py_TYPE(obj) == field->owner))
        return field->get(obj, field);
    if (field->slot && (!obj || obj == Py_None))
        return Py_NewRef(op);
    return descr_get_other(field, obj, type);
}

static int descr_set(PyObject *op, PyObject *obj, PyObject *value) {
    Field *field = ((FieldDescr *)op)->field;
    if (likely(Py_TYPE(obj) == field->owner) || has_place(Py_TYPE(obj), field->owner))
        return field->set(obj, value, field);
    if (PyObject_TypeCheck(obj, field->owner))
        return extra_write(obj, field->name, value);
    PyErr_Format(PyExc_TypeError, "descriptor '%U' for '%s' objects doesn't apply to a '%s' object", field->name,
                 field->owner->tp_name, Py_TYPE(obj)->tp_name);
    return -1;
}

static PyObject *descr_repr(PyObject *op) {
    Field *field = ((FieldDescr *)op)->field;
    return PyUnicode_FromFormat("<jitd field '%U' of '%s' objects>", field->name, field->owner->tp_name);
}

static PyObject *descr_name(PyObject *op, void *ignored) {
    (void)ignored;
    return Py_NewRef(((FieldDescr *)op)->field->name);
}

static PyObject *descr_objclass(PyObject *op, void *ignored) {
    (void)ignored;
    return Py_NewRef((PyObject *)((FieldDescr *)op)->field->owner);
}

static int descr_traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(((FieldDescr *)op)->info);
    if (((FieldDescr *)op)->own)
        Py_VISIT(((FieldDescr *)op)->field->class_value);
    return 0;
}

static void descr_dealloc(PyObject *op) {
    FieldDescr *self = (FieldDescr *)op;
    PyObject_GC_UnTrack(op);
    Py_CLEAR(self->info);
    if (self->own) {
        Py_CLEAR(self->field->class_value);
        PyMem_Free(self->field);
    }
    PyObject_GC_Del(op);
}

static PyGetSetDef descr_getset[] = {
    {"__name__", descr_name, NULL, NULL, NULL},
    {"__objclass__", descr_objclass, NULL, NULL, NULL},
    {0},
};

PyTypeObject FieldDescr_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd.Field",
    .tp_doc = "A native field of a jitclass.",
    .tp_basicsize = sizeof(FieldDescr),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = descr_dealloc,
    .tp_traverse = descr_traverse,
    .tp_repr = descr_repr,
    .tp_getset = descr_getset,
    .tp_descr_get = descr_get,
    .tp_descr_set = descr_set,
};

const Field *field_shown(const Field *field, PyTypeObject *type) {
    PyObject *found = type == field->owner ? NULL : _PyType_Lookup(type, field->name);
    return found && Py_IS_TYPE(found, &FieldDescr_Type) ? ((FieldDescr *)found)->field : field;
}

PyObject *field_in_class(PyObject *descriptor) {
    const Field *field = ((FieldDescr *)descriptor)->field;
    return field->slot ? descriptor : field->class_value;
}

static int describe(ClassInfo *info, Field *field, bool own) {
    FieldDescr *descriptor = PyObject_GC_New(FieldDescr, &FieldDescr_Type);
    if (!descriptor)
        return -1;
    descriptor->field = field;
    descriptor->own = own;
    descriptor->info = Py_NewRef((PyObject *)info);
    PyObject_GC_Track(descriptor);
    int r = PyDict_SetItem(field->owner->tp_dict, field->name, (PyObject *)descriptor);
    Py_DECREF(descriptor);
    return r;
}

int field_describe(ClassInfo *info, Field *field) {
    return describe(info, field, false);
}

/* Which of its classes' defaults an instance shows is not the origin's to say. */
static PyObject *get_inherited(PyObject *self, Field *field) {
    return default_get_place(self, field->origin);
}

static int set_inherited(PyObject *self, PyObject *value, Field *field) {
    return value ? default_set_place(self, value, field->origin) : spill_delete(self, field);
}

int field_install(ClassInfo *info, Field *field) {
    if (!field->type)
        return 0; /* the instance's dict, or its slot, is all there is to it */
    field->get = field->type->kind == TYPE_REF ? get_ref : scalar_access[field->type->kind].get;
    field->set = field_setter(field->type->kind);
    field->quick = field->set == set_FLOAT ? FIELD_FLOAT : field->set == set_INT ? FIELD_INT : FIELD_SLOW;
    if (field->origin) {
        field->get = get_inherited;
        field->set = set_inherited;
    }
    default_install(field);
    bool is_other = !field->above || field->class_value || field->late != field->above->late;
    return is_other ? field_describe(info, field) : 0;
}

/* That an instance has none is noted where it stays, whatever becomes of the class's attribute. */
static int set_below(PyObject *self, PyObject *value, Field *field) {
    return value ? default_set_place(self, value, field->origin) : field->above->set(self, NULL, field->above);
}

/* A new field of a Python class that is the one of the jitclass above, with another attribute of the class. */
static Field *field_below(PyTypeObject *type, Field *above, PyObject *value) {
    Field *field = PyMem_Malloc(sizeof *field);
    if (!field) {
        PyErr_NoMemory();
        return NULL;
    }
    *field = *above;
    field->owner = type;
    field->above = above;
    field->origin = above->origin ? above->origin : above;
    field->class_value = Py_NewRef(value);
    field->get = get_inherited;
    field->set = set_below;
    default_install(field);
    return field;
}

int field_give(PyTypeObject *type, ClassInfo *info, Field *above, PyObject *value) {
    PyObject *found = PyDict_GetItemWithError(type->tp_dict, above->name);
    int r = 0;
    if (found && !value)
        r = PyDict_DelItem(type->tp_dict, above->name);
    else if (found)
        Py_XSETREF(((FieldDescr *)found)->field->class_value, Py_NewRef(value));
    else {
        Field *field = field_below(type, above, value);
        r = field ? describe(info, field, true) : -1;
    }
    PyType_Modified(type);
    return r;
}

bool field_is_given(PyTypeObject *type, const Field *above, PyObject *value) {
    PyObject *found = PyDict_GetItemWithError(type->tp_dict, above->name);
    if (found)
        return Py_IS_TYPE(found, &FieldDescr_Type);
    return value && !above->slot && !Py_TYPE(value)->tp_descr_get && !field_is_shadowed(above, type);
}

static const Field *root(const Field *field) {
    return field->origin ? field->origin : field;
}

int field_is_shadowed(const Field *field, PyTypeObject *type) {
    PyObject *found = field->type && type != field->owner ? _PyType_Lookup(type, field->name) : NULL;
    const Field *shown = found && Py_IS_TYPE(found, &FieldDescr_Type) ? ((FieldDescr *)found)->field : NULL;
    return found && (!shown || root(shown) != root(field));
}

int field_store(Field *field, PyObject *self, PyObject *value) {
    if (unlikely(field_is_shadowed(field, Py_TYPE(self))))
        return PyObject_SetAttr(self, field->name, value);
    if (unlikely(!field->type))
        return PyObject_GenericSetAttr(self, field->name, value);
    return field->set(self, value, field);
}
