/* Fields: data descriptors (getset, one getter and setter per type) that read and write the arena directly. On a store
 * int and bool become float, bool becomes int; everything else that is not of the field's type is refused, and the old
 * value stays. */
#include "client/python/ext/ext.h"

static inline void *field_place(PyObject *self, const Field *field) {
    uint8_t *data = ((Instance *)self)->data;
    return likely(data != NULL) ? data + field->offset : NULL;
}

/* ---- getters ---- */

#define GETTER(NAME, ctype, make)                                                                                      \
    static PyObject *get_##NAME(PyObject *self, void *closure) {                                                       \
        ctype *place = field_place(self, closure);                                                                     \
        return likely(place != NULL) ? make(*place) : instance_released(self);                                         \
    }
GETTER(INT, int64_t, PyLong_FromLongLong)
GETTER(FLOAT, double, PyFloat_FromDouble)
GETTER(BOOL, uint8_t, PyBool_FromLong)
GETTER(INT8, int8_t, PyLong_FromLong)
GETTER(INT16, int16_t, PyLong_FromLong)
GETTER(INT32, int32_t, PyLong_FromLong)
GETTER(INT64, int64_t, PyLong_FromLongLong)
GETTER(UINT8, uint8_t, PyLong_FromLong)
GETTER(UINT16, uint16_t, PyLong_FromLong)
GETTER(UINT32, uint32_t, PyLong_FromUnsignedLong)
GETTER(UINT64, uint64_t, PyLong_FromUnsignedLongLong)
GETTER(FLOAT32, float, PyFloat_FromDouble)

COLD static PyObject *unset(PyObject *self, const Field *field) {
    return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '%U'", Py_TYPE(self)->tp_name, field->name);
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
        return ref == JITD_NONE ? Py_NewRef(Py_None) : unset(self, field);
    return proxy;
}

static PyObject *get_ref(PyObject *self, void *closure) {
    uint64_t *place = field_place(self, closure);
    if (unlikely(!place))
        return instance_released(self);
    if (unlikely(shm_is_shared((ShmObject *)((Instance *)self)->data)))
        return get_shared_ref(self, closure, place);
    uint64_t ref = *place;
    if (ref == JITD_NONE)
        Py_RETURN_NONE;
    if (unlikely(ref == JITD_UNSET))
        return unset(self, closure);
    PyObject *proxy = instance_try_proxy(ref);
    if (unlikely(!proxy && !PyErr_Occurred()))
        PyErr_Format(PyExc_SystemError, "a field refers to offset %llu, which is no live object",
                     (unsigned long long)ref);
    return proxy;
}

/* ---- setters ---- */

COLD static int refuse_type(PyObject *self, const Field *field, PyObject *value) {
    const char *wanted = field->target ? field->target->tp_name : type_scalar_name(field->type->kind);
    PyErr_Format(PyExc_TypeError, "%s.%U must be %s%s, not %s", Py_TYPE(self)->tp_name, field->name, wanted,
                 field->target && field->type->optional ? " or None" : "", Py_TYPE(value)->tp_name);
    return -1;
}

COLD static int refuse_range(PyObject *self, const Field *field, PyObject *value) {
    char range[64];
    convert_range(field->type->kind, range, sizeof range);
    PyErr_Format(PyExc_OverflowError, "%s.%U: %S is out of range for %s (%s)", Py_TYPE(self)->tp_name, field->name,
                 value, type_scalar_name(field->type->kind), range);
    return -1;
}

COLD static int refuse_delete(PyObject *self, const Field *field) {
    PyErr_Format(PyExc_AttributeError, "field '%U' of %s cannot be deleted", field->name, Py_TYPE(self)->tp_name);
    return -1;
}

#define CHECK_PLACE(ctype)                                                                                             \
    ctype *place = field_place(self, closure);                                                                         \
    if (unlikely(!place))                                                                                              \
        return instance_released(self), -1;                                                                            \
    if (unlikely(!value))                                                                                              \
        return refuse_delete(self, closure);

COLD static int set_FLOAT_other(PyObject *self, PyObject *value, Field *field, double *place) {
    if (!PyFloat_Check(value) && !PyLong_Check(value))
        return refuse_type(self, field, value);
    double x = PyFloat_Check(value) ? PyFloat_AS_DOUBLE(value) : PyLong_AsDouble(value);
    if (x == -1.0 && PyErr_Occurred())
        return -1;
    *place = x;
    return 0;
}

static int set_FLOAT(PyObject *self, PyObject *value, void *closure) {
    CHECK_PLACE(double)
    if (unlikely(!PyFloat_CheckExact(value)))
        return set_FLOAT_other(self, value, closure, place);
    *place = PyFloat_AS_DOUBLE(value);
    return 0;
}

static int set_BOOL(PyObject *self, PyObject *value, void *closure) {
    CHECK_PLACE(uint8_t)
    if (!PyBool_Check(value))
        return refuse_type(self, closure, value);
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

static int set_sized(PyObject *self, PyObject *value, void *closure) {
    Field *field = closure;
    CHECK_PLACE(void)
    JitdValue v;
    switch (convert_sized(field->type->kind, value, &v)) {
    case CONVERT_OK:
        if (!(place = field_place(self, field))) /* the value's __index__ may have closed it */
            return instance_released(self), -1;
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

static int set_INT(PyObject *self, PyObject *value, void *closure) {
    CHECK_PLACE(int64_t)
    int64_t i;
    if (unlikely(convert_int(value, &i) != CONVERT_OK))
        return set_sized(self, value, closure);
    *place = i;
    return 0;
}

static int set_ref(PyObject *self, PyObject *value, void *closure) {
    Field *field = closure;
    CHECK_PLACE(uint64_t)
    uint64_t ref = JITD_NONE;
    if (Py_TYPE(value) == field->target) {
        if (!((Instance *)value)->data)
            return instance_released(value), -1;
        ref = instance_ref(value);
    } else if (value != Py_None || !field->type->optional) {
        return refuse_type(self, field, value);
    }
    JitdFrame *frame = context_frame();
    if (unlikely(!frame))
        return -1;
    arena_enter(jitd_context.arena);
    shm_store_ref(frame, instance_ref(self), field->offset, ref, 0, arena_share, import_release);
    arena_leave(jitd_context.arena);
    return 0;
}

/* ---- */

static const struct {
    getter get;
    setter set;
} scalar_access[] = {
#define SCALAR(NAME, text, size, ctype, member, sign, exact) [TYPE_##NAME] = {get_##NAME, set_sized},
#include "protocol/types.def"
#undef SCALAR
};

static setter field_setter(TypeKind kind) {
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

int field_install(ClassInfo *info, Field *field) {
    field->def.name = PyUnicode_AsUTF8(field->name);
    field->def.get = field->type->kind == TYPE_REF ? get_ref : scalar_access[field->type->kind].get;
    field->def.set = field_setter(field->type->kind);
    field->def.closure = field;
    PyObject *descriptor = field->def.name ? PyDescr_NewGetSet(info->type, &field->def) : NULL;
    int r = descriptor ? PyDict_SetItem(info->type->tp_dict, field->name, descriptor) : -1;
    Py_XDECREF(descriptor);
    return r;
}

int field_store(Field *field, PyObject *self, PyObject *value) {
    switch (field->type->kind) {
    case TYPE_FLOAT:
        return set_FLOAT(self, value, field);
    case TYPE_INT:
        return set_INT(self, value, field);
    default:
        return field->def.set(self, value, field);
    }
}
