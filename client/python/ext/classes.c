/* Jitclasses: what is known of one (ClassInfo), and finding that by type and by class id. */
#include "client/python/ext/ext.h"

/* type -> ClassInfo, open addressing, power of two; entries are borrowed and removed by ClassInfo's dealloc. */
static ClassInfo **by_type;
static size_t by_type_size, by_type_used;
static ClassInfo *by_id[TABLE_MAX_CLASSES];

static inline size_t type_hash(const PyTypeObject *type) {
    return (size_t)(((uintptr_t)type >> 4) * 0x9E3779B97F4A7C15ULL >> 20);
}

uint64_t class_changes;
ClassInfo *class_last;

ClassInfo *class_find(PyTypeObject *type) {
    if (unlikely(!by_type_size))
        return NULL;
    for (size_t i = type_hash(type) & (by_type_size - 1); by_type[i]; i = (i + 1) & (by_type_size - 1))
        if (likely(by_type[i]->type == type))
            return class_last = by_type[i];
    return NULL;
}

PyTypeObject *class_of_id(uint32_t class_id) {
    return class_id && class_id < TABLE_MAX_CLASSES && by_id[class_id] ? by_id[class_id]->type : NULL;
}

static void by_type_put(ClassInfo **table, size_t size, ClassInfo *info) {
    size_t i = type_hash(info->type) & (size - 1);
    while (table[i])
        i = (i + 1) & (size - 1);
    table[i] = info;
}

static int by_type_rebuild(size_t size, const ClassInfo *without) {
    ClassInfo **table = PyMem_Calloc(size, sizeof *table);
    if (!table) {
        PyErr_NoMemory();
        return -1;
    }
    by_type_used = 0;
    for (size_t i = 0; i < by_type_size; i++)
        if (by_type[i] && by_type[i] != without) {
            by_type_put(table, size, by_type[i]);
            by_type_used++;
        }
    PyMem_Free(by_type);
    by_type = table;
    by_type_size = size;
    return 0;
}

static int by_type_add(ClassInfo *info) {
    if (by_type_used * 2 >= by_type_size && by_type_rebuild(by_type_size ? by_type_size * 2 : 64, NULL) < 0)
        return -1;
    by_type_put(by_type, by_type_size, info);
    by_type_used++;
    return 0;
}

/* ---- ClassInfo ---- */

static void pool_failed(void *arg) {
    (void)arg;
    Py_FatalError("jitd: out of memory");
}

static void fields_clear(ClassInfo *info) {
    for (Py_ssize_t i = 0; i < info->nfields; i++) {
        Py_CLEAR(info->fields[i].target);
        Py_CLEAR(info->fields[i].default_value);
        Py_CLEAR(info->fields[i].class_value);
    }
}

static int info_clear(PyObject *op) {
    ClassInfo *info = (ClassInfo *)op;
    fields_clear(info);
    Py_CLEAR(info->init_method);
    Py_CLEAR(info->post_init);
    Py_CLEAR(info->finish);
    Py_CLEAR(info->family);
    return 0;
}

static int info_traverse(PyObject *op, visitproc visit, void *arg) {
    ClassInfo *info = (ClassInfo *)op;
    for (Py_ssize_t i = 0; i < info->nfields; i++) {
        Py_VISIT(info->fields[i].target);
        Py_VISIT(info->fields[i].default_value);
        Py_VISIT(info->fields[i].class_value);
    }
    Py_VISIT(info->init_method);
    Py_VISIT(info->post_init);
    Py_VISIT(info->finish);
    Py_VISIT(info->above);
    Py_VISIT(info->family);
    return 0;
}

static void info_dealloc(PyObject *op) {
    ClassInfo *info = (ClassInfo *)op;
    PyObject_GC_UnTrack(op);
    if (info->type && class_of_type(info->type) == info && by_type_rebuild(by_type_size, info) < 0)
        PyErr_Clear();
    if (info->class_id && by_id[info->class_id] == info)
        by_id[info->class_id] = NULL;
    if (info->own_id && by_id[info->own_id] == info)
        by_id[info->own_id] = NULL;
    if (class_last == info)
        class_last = NULL;
    info_clear(op);
    for (Py_ssize_t i = 0; i < info->nfields; i++)
        Py_CLEAR(info->fields[i].name);
    PyMem_Free(info->fields);
    pool_deinit(&info->pool);
    Py_CLEAR(info->above); /* not before: the fields refer to its own */
    PyObject_GC_Del(op);
}

/* Reached only when a class is pickled by value, attribute by attribute. */
static PyObject *info_reduce(PyObject *op, PyObject *ignored) {
    (void)ignored;
    PyTypeObject *type = ((ClassInfo *)op)->type;
    PyObject *module = type ? PyObject_GetAttrString((PyObject *)type, "__module__") : NULL;
    if (module)
        PyErr_Format(PyExc_TypeError,
                     "the jitclass %s of %S cannot be pickled by value: move it to a module that the other process can "
                     "import, then it is pickled by its name",
                     type->tp_name, module);
    Py_XDECREF(module);
    return NULL;
}

static PyMethodDef info_methods[] = {
    {"__reduce__", info_reduce, METH_NOARGS, NULL},
    {0},
};

PyTypeObject ClassInfo_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.ClassInfo",
    .tp_basicsize = sizeof(ClassInfo),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = info_dealloc,
    .tp_traverse = info_traverse,
    .tp_clear = info_clear,
    .tp_methods = info_methods,
};

static ClassInfo *info_new(PyTypeObject *type, PyObject *finish) {
    ClassInfo *info = PyObject_GC_New(ClassInfo, &ClassInfo_Type);
    if (!info)
        return NULL;
    memset((char *)info + sizeof(PyObject), 0, sizeof *info - sizeof(PyObject));
    info->pool.fail = pool_failed;
    info->type = type;
    Py_INCREF(finish);
    info->finish = finish;
    if (by_type_add(info) < 0)
        info->type = NULL;
    PyObject_GC_Track(info);
    return info;
}

/* ---- making one: adapt.c changes the type, this is what is known of it ---- */

/* convert(type, fast, whether its code mentions __new__, finish, the jitclass whose fields its instances begin with or None): makes a plain class a
 * jitclass. finish(type) is called before its first instance. */
PyObject *class_convert(PyObject *module, PyObject *args) {
    (void)module;
    PyTypeObject *type;
    PyObject *finish, *above;
    int fast, calls_new;
    if (context_check_interpreter() < 0 ||
        !PyArg_ParseTuple(args, "O!ppOO", &PyType_Type, &type, &fast, &calls_new, &finish, &above))
        return NULL;
    if (class_of_type(type))
        return PyErr_Format(PyExc_ValueError, "%s is a jitclass already", type->tp_name);
    ClassInfo *info = info_new(type, finish);
    if (!info || !info->type || PyDict_SetItemString(type->tp_dict, "__jitd__", (PyObject *)info) < 0) {
        Py_XDECREF(info);
        return NULL;
    }
    Py_DECREF(info);
    info->fast = fast;
    if (adapt_type(info, calls_new, above == Py_None ? NULL : (PyTypeObject *)above) == 0)
        Py_RETURN_NONE;
    if (PyDict_DelItemString(type->tp_dict, "__jitd__") < 0)
        PyErr_Clear();
    return NULL;
}

bool class_takes(PyTypeObject *cls, const PyTypeObject *type) {
    const ClassInfo *info = class_of_type(cls);
    if (!info || !info->family)
        return info && class_of_type((PyTypeObject *)type) && PyType_IsSubtype((PyTypeObject *)type, cls);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(info->family); i++)
        if (weak_target(PyTuple_GET_ITEM(info->family, i)) == (PyObject *)type)
            return true;
    return false;
}

/* set_family(class, (weak references to the classes that extend it)): once, before there is a native field that refers to it. */
PyObject *class_set_family(PyObject *module, PyObject *args) {
    (void)module;
    PyTypeObject *type;
    PyObject *family;
    if (!PyArg_ParseTuple(args, "O!O!", &PyType_Type, &type, &PyTuple_Type, &family))
        return NULL;
    ClassInfo *info = class_of_type(type);
    if (!info)
        return PyErr_Format(PyExc_ValueError, "%s is no jitclass", type->tp_name);
    plan_forget_taken();
    Py_XSETREF(info->family, Py_NewRef(family));
    Py_RETURN_NONE;
}

Field *class_field(const ClassInfo *info, PyObject *name) {
    for (Py_ssize_t i = 0; i < info->nfields; i++)
        if (info->fields[i].type && PyUnicode_Compare(info->fields[i].name, name) == 0)
            return &info->fields[i];
    return NULL;
}

void class_each_below(PyTypeObject *type, void (*visit)(ClassInfo *info, uint64_t arg), uint64_t arg) {
    for (size_t i = 0; i < by_type_size; i++)
        if (by_type[i] && PyType_IsSubtype(by_type[i]->type, type))
            visit(by_type[i], arg);
}

/* A field that a class above has declared has that one's descriptor. */
static int find_origin(ClassInfo *info, Field *field) {
    ClassInfo *above = class_above(info->type->tp_base);
    Field *origin = above ? class_field(above, field->name) : NULL;
    if (!origin && !field->type)
        return 0;
    if (!info->above && above)
        info->above = Py_NewRef((PyObject *)above);
    if (!origin || !field->type || !type_eq(origin->type, field->type)) {
        PyErr_Format(PyExc_ValueError, "%s does not inherit a field %U of this type", info->type->tp_name, field->name);
        return -1;
    }
    field->above = origin;
    field->origin = origin->origin ? origin->origin : origin;
    return 0;
}

static int parse_field(ClassInfo *info, Field *field, PyObject *item) {
    const char *text;
    Py_ssize_t size;
    PyObject *target, *default_value, *class_value;
    int factory, inferred, late, slot, inherited;
    if (!PyArg_ParseTuple(item, "Uz#OOpppppO", &field->name, &text, &size, &target, &default_value, &factory, &inferred,
                          &late, &slot, &inherited, &class_value)) {
        field->name = NULL;
        return -1;
    }
    Py_INCREF(field->name);
    PyUnicode_InternInPlace(&field->name);
    field->factory = factory;
    field->inferred = inferred;
    field->late = late;
    field->slot = slot;
    field->type = text ? type_parse(&info->pool, (Str){text, (size_t)size}, 1) : NULL;
    if (text && (!field->type || !type_layout(field->type).size)) {
        PyErr_Format(PyExc_ValueError, "%s is no type of a field", text);
        return -1;
    }
    if (PyType_Check(target)) {
        Py_INCREF(target);
        field->target = (PyTypeObject *)target;
    }
    if (default_value != jitd_missing) {
        Py_INCREF(default_value);
        field->default_value = default_value;
    }
    field->class_value = class_value == jitd_missing ? NULL : Py_NewRef(class_value);
    field->owner = info->type;
    return inherited ? find_origin(info, field) : 0;
}

/* Offsets in declared order at natural alignment, as the broker does it (docs/protocol.md). */
static void lay_out(ClassInfo *info) {
    uint32_t at = SHM_OBJECT_HEADER;
    for (Py_ssize_t i = 0; i < info->nfields; i++) {
        if (!info->fields[i].type)
            continue;
        TypeLayout layout = type_layout(info->fields[i].type);
        at = (at + layout.align - 1) / layout.align * layout.align;
        info->fields[i].offset = at;
        at += layout.size;
    }
    info->size = (at + 7) / 8 * 8;
}

/* They could not be laid out: the next use tries, and says so, again. */
static void forget_fields(ClassInfo *info) {
    fields_clear(info);
    for (Py_ssize_t i = 0; i < info->nfields; i++)
        Py_CLEAR(info->fields[i].name);
    PyMem_Free(info->fields);
    info->fields = NULL;
    info->nfields = info->nrequired = 0;
}

static int parse_fields(ClassInfo *info, PyObject *fields) {
    info->fields = PyMem_Calloc((size_t)PyTuple_GET_SIZE(fields) + 1, sizeof(Field));
    if (!info->fields) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields); i++, info->nfields++)
        if (parse_field(info, &info->fields[i], PyTuple_GET_ITEM(fields, i)) < 0)
            return -1;
    while (info->nrequired < info->nfields && !info->fields[info->nrequired].default_value)
        info->nrequired++;
    lay_out(info);
    for (Py_ssize_t i = 0; i < info->nfields; i++)
        if (info->fields[i].origin && info->fields[i].origin->offset != info->fields[i].offset)
            return PyErr_Format(PyExc_ValueError, "%s is not laid out like its base", info->type->tp_name), -1;
    if (info->size > SHM_MAX_OBJECT) {
        PyErr_Format(PyExc_TypeError, "an instance of %s would take %u bytes; at most %d are possible",
                     info->type->tp_name, info->size, SHM_MAX_OBJECT);
        return -1;
    }
    return 0;
}

static int install_fields(ClassInfo *info) {
    for (Py_ssize_t i = 0; i < info->nfields; i++)
        if (field_install(info, &info->fields[i]) < 0)
            return -1;
    PyType_Modified(info->type);
    return 0;
}

static bool has_native_reference(const ClassInfo *info) {
    for (Py_ssize_t i = 0; i < info->nfields; i++)
        if (info->fields[i].target)
            return true;
    return false;
}

static int add_offset(PyObject *offsets, uint32_t offset) {
    PyObject *number = PyLong_FromUnsignedLong(offset);
    int r = number ? PyList_Append(offsets, number) : -1;
    Py_XDECREF(number);
    return r;
}

static PyObject *field_offsets(const ClassInfo *info) {
    PyObject *offsets = PyList_New(0);
    for (Py_ssize_t i = 0; offsets && i < info->nfields; i++)
        if (info->fields[i].type && add_offset(offsets, info->fields[i].offset) < 0)
            Py_CLEAR(offsets);
    return offsets ? Py_BuildValue("IN", info->size, offsets) : NULL;
}

/* setup_fields(type, ((name, type text or None, target class or None, default or MISSING, whether that is a factory, whether the
 * type was inferred, whether instances have it only once it is set, whether it is one of the __slots__, whether a class above declares it, the class's
 * own attribute of that name or MISSING), ...), number of fields that the generated __init__ takes: the first ones) -> (size, [offset]). No type: a
 * Python field, which has no offset. Done before, as what a signal handler interrupted: the same again. */
PyObject *class_setup_fields(PyObject *module, PyObject *args) {
    (void)module;
    PyTypeObject *type;
    PyObject *fields;
    Py_ssize_t nargs;
    if (!PyArg_ParseTuple(args, "O!O!n", &PyType_Type, &type, &PyTuple_Type, &fields, &nargs))
        return NULL;
    ClassInfo *info = class_of_type(type);
    if (!info)
        return PyErr_Format(PyExc_ValueError, "%s is no jitclass", type->tp_name);
    if (info->fields)
        return field_offsets(info);
    if (parse_fields(info, fields) < 0) {
        forget_fields(info);
        return NULL;
    }
    info->nargs = nargs < info->nfields ? nargs : info->nfields;
    if (install_fields(info) < 0 || (has_native_reference(info) && garbage_watch() < 0))
        return NULL;
    return field_offsets(info);
}

static int set_init(ClassInfo *info, const char *init, PyObject *method) {
    if (method != Py_None)
        Py_INCREF(method);
    PyObject *held = method != Py_None ? method : NULL;
    if (!strcmp(init, "user")) {
        info->init = INIT_METHOD;
        info->init_method = held;
    } else if (!strcmp(init, "generated")) {
        info->init = INIT_FIELDS;
        info->post_init = held;
    } else {
        info->init = INIT_EMPTY;
        Py_XDECREF(held);
    }
    Py_CLEAR(info->finish);
    return 0;
}

/* setup(type, class id, "generated" | "user" | "none", __post_init__, __init__ or None): instances can be made from now on. */
PyObject *class_setup(PyObject *module, PyObject *args) {
    (void)module;
    PyTypeObject *type;
    unsigned class_id;
    const char *init;
    PyObject *method;
    if (!PyArg_ParseTuple(args, "O!IsO", &PyType_Type, &type, &class_id, &init, &method))
        return NULL;
    ClassInfo *info = class_of_type(type);
    Shape shape;
    bool known = jitd_context.arena && table_shape(jitd_context.table, class_id, &shape) == 0;
    if (info && info->class_id && info->class_id == class_id) /* done before it was interrupted */
        Py_RETURN_NONE;
    if (!info || !info->fields || info->init != INIT_PENDING)
        return PyErr_Format(PyExc_ValueError, "%s is not ready to be set up", type->tp_name);
    if (!known || shape.base != info->size)
        return PyErr_Format(PyExc_RuntimeError, "the daemon's class %u is not laid out like %s", class_id,
                            type->tp_name);
    if (by_id[class_id])
        return PyErr_Format(PyExc_RuntimeError, "class id %u is %s already", class_id, by_id[class_id]->type->tp_name);
    info->class_id = class_id;
    by_id[class_id] = info;
    set_init(info, init, method);
    Py_RETURN_NONE;
}

/* renumber(type, class id): the daemon has numbered a class that had a number of this process's own. Instances from now on have the new one; those that
 * there are keep theirs, which stands for the class, too. */
PyObject *class_renumber(PyObject *module, PyObject *args) {
    (void)module;
    PyTypeObject *type;
    unsigned class_id;
    Shape shape;
    if (!PyArg_ParseTuple(args, "O!I", &PyType_Type, &type, &class_id))
        return NULL;
    ClassInfo *info = class_of_type(type);
    if (!info || info->class_id <= TABLE_OWN_CLASSES || class_id > TABLE_OWN_CLASSES || by_id[class_id] ||
        info->own_id || table_shape(jitd_context.table, class_id, &shape) || shape.base != info->size)
        return PyErr_Format(PyExc_RuntimeError, "class id %u is not one for %s", class_id, type->tp_name);
    info->own_id = info->class_id;
    info->class_id = class_id;
    by_id[class_id] = info;
    Py_RETURN_NONE;
}

/* replace(type, name, value): changes an attribute of a jitclass (for jitd itself; users cannot). */
PyObject *class_replace(PyObject *module, PyObject *args) {
    (void)module;
    PyTypeObject *type;
    PyObject *name, *value;
    if (!PyArg_ParseTuple(args, "O!UO", &PyType_Type, &type, &name, &value))
        return NULL;
    ClassInfo *info = class_of_type(type);
    if (!info)
        return PyErr_Format(PyExc_ValueError, "%s is no jitclass", type->tp_name);
    if (info->init_method && info->init_method == PyDict_GetItemWithError(type->tp_dict, name))
        Py_SETREF(info->init_method, Py_NewRef(value));
    if (PyDict_SetItem(type->tp_dict, name, value) < 0)
        return NULL;
    PyType_Modified(type);
    Py_RETURN_NONE;
}

/* class_info(type) -> (class id, size, [(name, offset)]) or None */
PyObject *class_info(PyObject *module, PyObject *op) {
    (void)module;
    ClassInfo *info = PyType_Check(op) ? class_of_type((PyTypeObject *)op) : NULL;
    if (!info)
        Py_RETURN_NONE;
    PyObject *fields = PyList_New(0);
    for (Py_ssize_t i = 0; fields && i < info->nfields; i++) {
        Field *field = &info->fields[i];
        PyObject *item = field->type ? Py_BuildValue("OI", field->name, field->offset) : NULL;
        if (field->type && (!item || PyList_Append(fields, item) < 0))
            Py_CLEAR(fields);
        Py_XDECREF(item);
    }
    return fields ? Py_BuildValue("IIN", info->class_id, info->size, fields) : NULL;
}
