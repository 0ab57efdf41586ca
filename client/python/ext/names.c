/* Names in compiled code: globals, attributes of objects, and attributes that are set. Each place remembers where it has found what it names, as long
 * as the class has the same version. No Python code runs: what would ask some is done in the usual way (operation.c). */
#include <patchlevel.h>
#define VALUES_BESIDE (PY_VERSION_HEX >= 0x030b0000 && PY_VERSION_HEX < 0x030c0000)
#if VALUES_BESIDE
#define Py_BUILD_CORE 1
#endif
#include "client/python/ext/resume.h"
#include <structmember.h>
#if VALUES_BESIDE
#include <internal/pycore_dict.h>
#include <internal/pycore_object.h>
#endif

enum { DONE, BROKEN, USUAL }; /* as tables.c */

static PyObject *object_of(uint64_t address) {
    return (PyObject *)(uintptr_t)address;
}

static uint64_t address_of(const void *object) {
    return (uint64_t)(uintptr_t)object;
}

/* ---- globals ---- */

static bool is_named(PyObject *text, PyObject *name) {
    return PyUnicode_Check(text) && PyUnicode_Compare(text, name) == 0;
}

/* In one of the functions it is a name of the function around it. */
static bool is_in_cell(const Guard *guard, PyObject *name) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(guard->cells); i++)
        if (is_named(PyTuple_GET_ITEM(PyTuple_GET_ITEM(guard->cells, i), 2), name))
            return true;
    return false;
}

/* What the guard has under the name, if in all modules that it looks at it is the same; borrowed of it. NULL: who knows. */
static PyObject *guarded(const Guard *guard, PyObject *name) {
    PyObject *found = NULL;
    if (!guard || is_in_cell(guard, name))
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(guard->bindings); i++) {
        PyObject *binding = PyTuple_GET_ITEM(guard->bindings, i), *value = PyTuple_GET_ITEM(binding, 2);
        if (value == jitd_missing || !is_named(PyTuple_GET_ITEM(binding, 1), name))
            continue;
        if (found && found != value)
            return NULL;
        found = value;
    }
    return found;
}

static uint64_t global(JitdFrame *frame, uint32_t site) {
    const Plan *plan = frame->running;
    PlanRead *read = attribute_at(frame->running, site);
    if (read && !read->value)
        read->value = guarded(plan->guard, read->name);
    PyErr_Clear();
    return address_of(read && read->value ? read->value : jitd_missing);
}

/* ---- classes ---- */

/* 0: it has none. */
static inline uint32_t version_of(const PyTypeObject *type) {
#if PY_VERSION_HEX < 0x030c0000
    return type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG ? type->tp_version_tag : 0;
#else
    return type->tp_version_tag;
#endif
}

static inline bool is_learned(const PlanRead *read, const PyTypeObject *type) {
    return read->version && version_of(type) == read->version;
}

static void forget(PlanRead *read) {
    read->version = 0;
    read->index = -1;
    read->slot = 0;
    read->value = NULL;
}

/* Enumerations' metaclass: borrowed, for ever; NULL: nobody has imported it. Its __getattr__ is asked only for what the class has not. */
static PyTypeObject *enum_type(void) {
    static PyObject *enum_meta;
    PyObject *modules = enum_meta ? NULL : PyImport_GetModuleDict();
    PyObject *module = modules ? PyDict_GetItemString(modules, "enum") : NULL;
    if (module && PyModule_Check(module))
        enum_meta = Py_XNewRef(PyDict_GetItemString(PyModule_GetDict(module), "EnumMeta"));
    return (PyTypeObject *)enum_meta;
}

/* An attribute of a class that is just an object in it: nothing of the metaclass goes before it, and it is no descriptor. */
static void learn_class(PlanRead *read, PyTypeObject *of) {
    PyTypeObject *type = Py_TYPE(of);
    bool is_usual = type == &PyType_Type || type == enum_type();
    PyObject *found = is_usual && !_PyType_Lookup(type, read->name) ? _PyType_Lookup(of, read->name) : NULL;
    forget(read);
    if (!found || Py_TYPE(found)->tp_descr_get)
        return;
    read->value = found;
    read->version = version_of(of);
    read->meta = type;
    read->meta_version = version_of(type);
}

/* Nobody changes type itself. */
static bool is_class_learned(const PlanRead *read, PyTypeObject *of) {
    const PyTypeObject *meta = Py_TYPE(of);
    return is_learned(read, of) && read->value && meta == read->meta &&
           (meta == &PyType_Type || (read->meta_version && version_of(meta) == read->meta_version)) &&
           !Py_TYPE(read->value)->tp_descr_get;
}

/* ---- instances ---- */

/* Where instances have it beside them (3.11). -1: unknown. */
static int32_t index_of(PyTypeObject *type, PyObject *name) {
#if VALUES_BESIDE
    PyDictKeysObject *keys = ((PyHeapTypeObject *)type)->ht_cached_keys;
    bool has = type->tp_flags & Py_TPFLAGS_MANAGED_DICT && keys && DK_IS_UNICODE(keys);
    for (Py_ssize_t i = 0; has && i < keys->dk_nentries; i++)
        if (DK_UNICODE_ENTRIES(keys)[i].me_key == name)
            return (int32_t)i;
#else
    (void)type, (void)name;
#endif
    return -1;
}

/* The object's place beside it; NULL: it has none. */
static inline PyObject **place_of(const PlanRead *read, PyObject *op) {
#if VALUES_BESIDE
    PyDictValues *values = read->index >= 0 ? *_PyObject_ValuesPointer(op) : NULL;
    if (values)
        return &values->values[read->index];
#endif
    return read->slot ? (PyObject **)(void *)((char *)op + read->slot) : NULL;
}

/* Of the class's own, or of one above it: any class can have another's descriptor. */
static Py_ssize_t slot_of(PyTypeObject *type, PyObject *found) {
    bool is_own = found && Py_IS_TYPE(found, &PyMemberDescr_Type) && PyType_IsSubtype(type, PyDescr_TYPE(found));
    const PyMemberDef *member = is_own ? ((PyMemberDescrObject *)found)->d_member : NULL;
    bool is_slot = member && member->type == T_OBJECT_EX && !(member->flags & READONLY);
    return is_slot ? member->offset : 0;
}

/* False: it is not to be read, or set, without Python code. */
static bool learn(PlanRead *read, PyTypeObject *type, bool sets) {
    PyObject *found = _PyType_Lookup(type, read->name);
    const PyTypeObject *kind = found ? Py_TYPE(found) : NULL;
    bool is_static = !kind || !(kind->tp_flags & Py_TPFLAGS_HEAPTYPE);
    bool is_plain = is_static && (!kind || !kind->tp_descr_get || operation_is_plain_descriptor(found));
    bool is_heap = type->tp_flags & Py_TPFLAGS_HEAPTYPE, is_first = !kind || (!kind->tp_descr_set && is_static);
    Py_ssize_t slot = is_heap ? slot_of(type, found) : 0;
    forget(read);
    if (type->tp_getattro != PyObject_GenericGetAttr || (sets && type->tp_setattro != PyObject_GenericSetAttr))
        return false;
    if (!(sets ? slot || (is_first && is_plain) : is_plain))
        return false;
    read->index = is_heap && is_first ? index_of(type, read->name) : -1;
    read->slot = slot;
    if (read->index >= 0 || read->slot)
        read->version = version_of(type);
    return true;
}

/* New reference; NULL, without an exception: in the usual way. */
static PyObject *look_up(PyObject *op, PyObject *name) {
    if (!operation_has_plain_names(op))
        return NULL;
    int collects = PyGC_Disable(); /* until 3.11 what is made may start it */
    PyObject *value = PyObject_GenericGetAttr(op, name);
    if (collects)
        PyGC_Enable();
    PyErr_Clear();
    return value;
}

static PyObject *of_class(PlanRead *read, PyTypeObject *type) {
    if (unlikely(!is_class_learned(read, type)))
        learn_class(read, type);
    return Py_XNewRef(read->value);
}

static PyObject *of_object(PlanRead *read, PyObject *op) {
    if (PyType_Check(op))
        return of_class(read, (PyTypeObject *)op);
    bool is_known = likely(is_learned(read, Py_TYPE(op)) && !read->value);
    if (!is_known && !learn(read, Py_TYPE(op), false))
        return NULL;
    PyObject **place = place_of(read, op);
    if (likely(place && *place))
        return Py_NewRef(*place);
    bool is_asleep = PyObject_TypeCheck(op, &Instance_Type) && !((Instance *)op)->data;
    return is_asleep ? NULL : look_up(op, read->name); /* that makes it ready first */
}

static uint64_t attribute_of(JitdFrame *frame, uint32_t site, uint64_t object) {
    PlanRead *read = attribute_at(frame->running, site);
    PyObject *value = read && object ? of_object(read, object_of(object)) : NULL;
    if (!value)
        PyErr_Clear();
    return address_of(value ? value : Py_NewRef(jitd_missing));
}

/* ---- setting ---- */

/* New reference to what an object has under the name, or would show; NULL: nothing. */
static PyObject *before(PyObject *op, PyObject *name) {
    PyObject *value = NULL;
#if PY_VERSION_HEX < 0x030d0000
    int r = _PyObject_LookupAttr(op, name, &value);
#else
    int r = PyObject_GetOptionalAttr(op, name, &value);
#endif
    if (r < 0)
        PyErr_Clear();
    return value;
}

static int32_t set_slowly(JitdFrame *frame, PyObject *op, PyObject *name, PyObject *value) {
    uint64_t changes = class_changes;
    if (!operation_has_plain_names(op))
        return USUAL;
    int collects = PyGC_Disable();
    PyObject *old = before(op, name);
    int failed = PyObject_GenericSetAttr(op, name, value) < 0;
    if (collects)
        PyGC_Enable();
    if (failed)
        PyErr_Clear();
    bool is_broken = tables_give_up(frame, old); /* where it failed the object still has it */
    if (failed)
        return USUAL;
    return is_broken || import_note_broken(frame->running, changes) ? BROKEN : DONE; /* it may be a module */
}

/* The first value of an attribute that others of the class have, too (3.11). False: it is none. */
static inline bool set_first(const PlanRead *read, PyObject *op, PyObject *value) {
#if VALUES_BESIDE
    PyDictValues *values = read->index >= 0 ? *_PyObject_ValuesPointer(op) : NULL;
    if (values && !values->values[read->index]) {
        values->values[read->index] = Py_NewRef(value);
        _PyDictValues_AddToInsertionOrder(values, read->index);
        return true;
    }
#else
    (void)read, (void)op, (void)value;
#endif
    return false;
}

/* The old value is given up when the new one is there: that may run Python code. */
static int32_t set_on(JitdFrame *frame, PlanRead *read, PyObject *op, PyObject *value) {
    bool is_known = likely(is_learned(read, Py_TYPE(op)));
    frame->ran++; /* what was read of it may be another now */
    if (PyType_Check(op) || (!is_known && !learn(read, Py_TYPE(op), true)))
        return USUAL;
    PyObject **place = place_of(read, op), *old = place ? *place : NULL;
    if (!old && set_first(read, op, value))
        return DONE;
    if (!old)
        return set_slowly(frame, op, read->name, value);
    *place = Py_NewRef(value);
    return tables_give_up(frame, old) ? BROKEN : DONE;
}

static int32_t set_attribute_of(JitdFrame *frame, uint32_t site, uint64_t object, uint64_t value) {
    PlanRead *read = attribute_at(frame->running, site);
    int32_t status = read && object && value ? set_on(frame, read, object_of(object), object_of(value)) : USUAL;
    if (status == USUAL)
        PyErr_Clear();
    return status;
}

static int32_t set_attribute(JitdFrame *frame, uint32_t site, uint64_t ref, uint64_t value) {
    PyObject *proxy = unlikely(import_put_off & IMPORT_LONG_WAY) ? NULL : instance_try_proxy(ref);
    int32_t status = proxy ? set_attribute_of(frame, site, address_of(proxy), value) : USUAL;
    Py_XDECREF(proxy);
    return status;
}

void names_imports(const void **imports) {
    imports[JITD_IMPORT_py_global] = (const void *)global;
    imports[JITD_IMPORT_py_attribute_of] = (const void *)attribute_of;
    imports[JITD_IMPORT_py_set_attribute] = (const void *)set_attribute;
    imports[JITD_IMPORT_py_set_attribute_of] = (const void *)set_attribute_of;
}
