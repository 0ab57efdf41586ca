/* Python objects that compiled code looks at and changes itself (server/compiler/runtime/py.c): where they are, what of them it leaves to
 * us. All of it runs under the interpreter's lock. Only the release of what a list gives up runs Python code. */
#include "client/python/ext/resume.h"

/* What runtime/py.c knows of CPython's objects. */
_Static_assert(offsetof(PyObject, ob_type) == 8, "an object's type");
_Static_assert(offsetof(PyVarObject, ob_size) == 16, "an object's size");
_Static_assert(offsetof(PyFloatObject, ob_fval) == 16, "a float's value");
_Static_assert(offsetof(PyListObject, ob_item) == 24, "a list's items");
_Static_assert(offsetof(PyListObject, allocated) == 32, "a list's room");
_Static_assert(offsetof(PyDictObject, ma_used) == 16, "a dict's size");
_Static_assert(offsetof(PyASCIIObject, length) == 16, "a text's size");
_Static_assert(offsetof(PySetObject, used) == 24, "a set's size");
_Static_assert(offsetof(PyTupleObject, ob_item) == (PY_VERSION_HEX < 0x030e0000 ? 24 : 32), "a tuple's items");
_Static_assert(PyLong_SHIFT == 30 && sizeof(digit) == 4, "an int's digits");
#if PY_VERSION_HEX < 0x030c0000
_Static_assert(offsetof(struct _longobject, ob_digit) == 24, "an int's digits");
#else
_Static_assert(offsetof(struct _longobject, long_value.lv_tag) == 16, "an int's size and sign");
_Static_assert(offsetof(struct _longobject, long_value.ob_digit) == 24, "an int's digits");
#endif

static PyObject *object_of(uint64_t address) {
    return (PyObject *)(uintptr_t)address;
}

static uint64_t address_of(const void *object) {
    return (uint64_t)(uintptr_t)object;
}

static int32_t take_int(JitdFrame *frame, uint64_t object, int64_t *out) {
    (void)frame;
    return convert_int(object_of(object), out) != CONVERT_OK;
}

/* Whether what says if the object is true is C code, which runs no Python code but by error. */
static bool is_quiet(const PyTypeObject *type) {
    const PyNumberMethods *number = type->tp_as_number;
    const PySequenceMethods *sequence = type->tp_as_sequence;
    const PyMappingMethods *mapping = type->tp_as_mapping;
    bool asks = (number && number->nb_bool) || (mapping && mapping->mp_length) || (sequence && sequence->sq_length);
    return !asks || !(type->tp_flags & Py_TPFLAGS_HEAPTYPE);
}

static int32_t truth_of(JitdFrame *frame, uint64_t object, bool *out) {
    int truth = is_quiet(Py_TYPE(object_of(object))) ? PyObject_IsTrue(object_of(object)) : -1;
    (void)frame;
    PyErr_Clear();
    *out = truth > 0;
    return truth < 0;
}

/* Containers whose iterators are C code, and run no Python code. */
static int32_t is_iterable(JitdFrame *frame, uint64_t object) {
    static PyTypeObject *const types[] = {&PyList_Type,      &PyTuple_Type,      &PyDict_Type,     &PySet_Type,
                                          &PyFrozenSet_Type, &PyUnicode_Type,    &PyBytes_Type,    &PyRange_Type,
                                          &PyDictKeys_Type,  &PyDictValues_Type, &PyDictItems_Type};
    const PyTypeObject *type = Py_TYPE(object_of(object));
    (void)frame;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (type == types[i])
            return 0;
    return 1;
}

static uint64_t iterator_of(JitdFrame *frame, uint64_t object) {
    (void)frame;
    int collects = PyGC_Disable();
    PyObject *iterator = PyObject_GetIter(object_of(object));
    if (collects)
        PyGC_Enable();
    return address_of(iterator);
}

static uint64_t next_of(JitdFrame *frame, uint64_t iterator) {
    PyObject *op = object_of(iterator);
    (void)frame;
    bool makes_tuples = PY_VERSION_HEX < 0x030c0000 && Py_IS_TYPE(op, &PyDictIterItem_Type);
    int collects = makes_tuples && PyGC_Disable();
    PyObject *item = Py_TYPE(op)->tp_iternext(op);
    if (collects)
        PyGC_Enable();
    return address_of(item || PyErr_Occurred() ? item : Py_NewRef(jitd_missing));
}

static int32_t take_ref(JitdFrame *frame, uint64_t object, uint32_t def, uint64_t *out) {
    const Plan *plan = frame->running;
    PyObject *op = object_of(object);
    if (def >= plan->ndefs || !plan->defs[def])
        return 1;
    if (Py_TYPE(op) != plan->defs[def] && !plan_takes(plan->defs, def, Py_TYPE(op)))
        return 1;
    if (!((Instance *)op)->data)
        return 1;
    *out = instance_ref(op);
    return 0;
}

/* ---- */

static uint64_t box_int(JitdFrame *frame, int64_t value) {
    (void)frame;
    return address_of(PyLong_FromLongLong(value));
}

static uint64_t box_float(JitdFrame *frame, double value) {
    (void)frame;
    return address_of(PyFloat_FromDouble(value));
}

static const Type any_ref = {.kind = TYPE_REF};

static uint64_t box_ref(JitdFrame *frame, uint64_t ref) {
    JitdValue value = {.ref = ref};
    const JitdValue *next = &value;
    if (shm_is_object(ref))
        shm_incref(frame, ref);
    ImportOpen open = import_open();
    PyObject *proxy = convert_result(&any_ref, &next);
    import_close(open);
    return address_of(proxy);
}

static int32_t list_set(JitdFrame *frame, uint64_t list, int64_t index, uint64_t item) {
    PyObject *op = object_of(list), *old;
    if (index < 0 || index >= PyList_GET_SIZE(op)) {
        PyErr_SetString(PyExc_IndexError, "list assignment index out of range");
        return 1;
    }
    old = PyList_GET_ITEM(op, index);
    PyList_SET_ITEM(op, index, Py_NewRef(object_of(item)));
    import_py_decref(frame, address_of(old));
    return 0;
}

static int32_t list_append(JitdFrame *frame, uint64_t list, uint64_t item) {
    (void)frame;
    return PyList_Append(object_of(list), object_of(item)) < 0;
}

static uint64_t tuple_new(JitdFrame *frame, int64_t n) {
    (void)frame;
    int collects = PyGC_Disable();
    PyObject *tuple = PyTuple_New(n);
    if (collects)
        PyGC_Enable();
    return address_of(tuple);
}

static int32_t tuple_put(JitdFrame *frame, uint64_t tuple, int64_t i, uint64_t item) {
    (void)frame;
    PyTuple_SET_ITEM(object_of(tuple), i, Py_NewRef(object_of(item)));
    return 0;
}

/* The list's own size does not show yet. Nothing is collected meanwhile: that would run finalisers. */
static uint64_t list_new(JitdFrame *frame, int64_t room) {
    (void)frame;
    int collects = PyGC_Disable();
    PyObject *list = PyList_New(room);
    if (collects)
        PyGC_Enable();
    if (list)
        Py_SET_SIZE(list, 0);
    return address_of(list);
}

static uint64_t list_pop(JitdFrame *frame, uint64_t list, int64_t index) {
    PyObject *op = object_of(list);
    (void)frame;
    if (index < 0 || index >= PyList_GET_SIZE(op)) {
        PyErr_SetString(PyExc_IndexError, "pop index out of range");
        return 0;
    }
    PyObject *item = Py_NewRef(PyList_GET_ITEM(op, index));
    if (PyList_SetSlice(op, index, index + 1, NULL) < 0)
        Py_CLEAR(item);
    return address_of(item);
}

static uint64_t arithmetic(JitdFrame *frame, uint64_t a, uint64_t b, uint32_t operation) {
    BinaryOperation function = operation == '+'   ? PyNumber_Add
                               : operation == '-' ? PyNumber_Subtract
                                                  : PyNumber_Multiply;
    PyObject *result = function(object_of(a), object_of(b));
    (void)frame;
    if (!result)
        PyErr_Clear();
    return address_of(result ? result : Py_NewRef(jitd_missing));
}

void objects_imports(const void **imports) {
    imports[JITD_IMPORT_py_none] = Py_None;
    imports[JITD_IMPORT_py_true] = Py_True;
    imports[JITD_IMPORT_py_false] = Py_False;
    imports[JITD_IMPORT_py_int_type] = &PyLong_Type;
    imports[JITD_IMPORT_py_float_type] = &PyFloat_Type;
    imports[JITD_IMPORT_py_tuple_type] = &PyTuple_Type;
    imports[JITD_IMPORT_py_list_type] = &PyList_Type;
    imports[JITD_IMPORT_py_int] = (const void *)take_int;
    imports[JITD_IMPORT_py_truth] = (const void *)truth_of;
    imports[JITD_IMPORT_py_iterable] = (const void *)is_iterable;
    imports[JITD_IMPORT_py_iter] = (const void *)iterator_of;
    imports[JITD_IMPORT_py_next] = (const void *)next_of;
    imports[JITD_IMPORT_py_end] = jitd_missing;
    imports[JITD_IMPORT_py_ref] = (const void *)take_ref;
    imports[JITD_IMPORT_py_attribute] = (const void *)attribute_read;
    imports[JITD_IMPORT_py_box_int] = (const void *)box_int;
    imports[JITD_IMPORT_py_box_float] = (const void *)box_float;
    imports[JITD_IMPORT_py_box_ref] = (const void *)box_ref;
    imports[JITD_IMPORT_py_list_set] = (const void *)list_set;
    imports[JITD_IMPORT_py_list_new] = (const void *)list_new;
    imports[JITD_IMPORT_py_tuple_new] = (const void *)tuple_new;
    imports[JITD_IMPORT_py_tuple_put] = (const void *)tuple_put;
    imports[JITD_IMPORT_py_list_pop] = (const void *)list_pop;
    imports[JITD_IMPORT_py_arithmetic] = (const void *)arithmetic;
    imports[JITD_IMPORT_py_list_append] = (const void *)list_append;
}
