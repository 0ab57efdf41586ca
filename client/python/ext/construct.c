/* Construction: Point(1.0, 2.0). The short way (all fields given by position) stores straight into the new object;
 * keywords, defaults, a user's __init__ and __post_init__ take the longer ones. */
#include "client/python/ext/resume.h"

/* Makes the class ready (its layout, its id, its code) when this is its first use. */
int construct_ready(ClassInfo *info) {
    if (likely(info->init != INIT_PENDING))
        return 0;
    PyObject *finish = info->finish;
    Py_INCREF(finish);
    PyObject *done = PyObject_CallOneArg(finish, (PyObject *)info->type);
    Py_DECREF(finish);
    if (done && info->init == INIT_PENDING) {
        PyErr_Format(PyExc_RuntimeError, "%s could not be made ready", info->type->tp_name);
        Py_CLEAR(done);
    }
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* The arguments do not fit the generated __init__: let a function of that signature raise what CPython raises. */
static int refuse_arguments(ClassInfo *info, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    PyObject *module = PyImport_ImportModule("jitd.members");
    PyObject *init = module ? PyObject_CallMethod(module, "init_function", "O", info->type) : NULL;
    PyObject **all = init ? PyMem_New(PyObject *, n + 1 + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0)) : NULL;
    if (all) {
        all[0] = Py_None;
        memcpy(all + 1, args, (size_t)(n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0)) * sizeof *all);
        PyObject *result = PyObject_Vectorcall(init, all, (size_t)n + 1, kwnames);
        if (result)
            PyErr_Format(PyExc_TypeError, "%s() got unfit arguments", info->type->tp_name);
        Py_XDECREF(result);
    }
    PyMem_Free(all);
    Py_XDECREF(init);
    Py_XDECREF(module);
    return -1;
}

static Py_ssize_t field_index(ClassInfo *info, PyObject *name) {
    for (Py_ssize_t i = 0; i < info->nargs; i++)
        if (info->fields[i].name == name)
            return i;
    for (Py_ssize_t i = 0; i < info->nargs; i++)
        if (PyUnicode_Compare(info->fields[i].name, name) == 0)
            return i;
    return -1;
}

/* Sorts the arguments into values[nfields] (borrowed). */
static int bind_fields(ClassInfo *info, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, PyObject **values) {
    if (n > info->nargs)
        return -1;
    memcpy(values, args, (size_t)n * sizeof *values);
    memset(values + n, 0, (size_t)(info->nargs - n) * sizeof *values);
    for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); k++) {
        Py_ssize_t i = field_index(info, PyTuple_GET_ITEM(kwnames, k));
        if (i < 0 || values[i])
            return -1;
        values[i] = args[n + k];
    }
    for (Py_ssize_t i = 0; i < info->nargs; i++)
        if (!values[i] && !info->fields[i].default_value)
            return -1;
    return 0;
}

/* A value for one field that was not given: its default. */
static int store_default(Field *field, PyObject *self) {
    if (likely(!field->factory))
        return field_store(field, self, field->default_value);
    PyObject *value = PyObject_CallNoArgs(field->default_value);
    int r = value ? field_store(field, self, value) : -1;
    Py_XDECREF(value);
    return r;
}

/* In the fields' order, as a dataclass does it; values[i] NULL: the default. */
static int store_fields(ClassInfo *info, PyObject *self, PyObject *const *values) {
    for (Py_ssize_t i = 0; i < info->nargs; i++) {
        Field *field = &info->fields[i];
        if (unlikely((values[i] ? field_store(field, self, values[i]) : store_default(field, self)) < 0))
            return -1;
    }
    return 0;
}

static int init_fields(ClassInfo *info, PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
    PyObject *few[16], **values = few;
    if (info->nargs > 16 && !(values = PyMem_New(PyObject *, info->nargs)))
        return PyErr_NoMemory(), -1;
    int r = bind_fields(info, args, n, kwnames, values);
    if (r < 0)
        refuse_arguments(info, args, n, kwnames);
    else
        r = store_fields(info, self, values);
    if (values != few)
        PyMem_Free(values);
    if (r < 0 || !info->post_init)
        return r;
    PyObject *result = Py_TYPE(self) == info->type ? PyObject_CallOneArg(info->post_init, self)
                                                   : PyObject_CallMethod(self, "__post_init__", NULL);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* Calls callable(self, *args). */
static PyObject *call_with_self(PyObject *callable, PyObject *self, PyObject *const *args, size_t nargsf,
                                PyObject *kwnames) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    if (nargsf & PY_VECTORCALL_ARGUMENTS_OFFSET) {
        PyObject **from = (PyObject **)args - 1, *saved = from[0];
        from[0] = self;
        PyObject *result = PyObject_Vectorcall(callable, from, (size_t)n + 1, kwnames);
        from[0] = saved;
        return result;
    }
    size_t total = (size_t)n + (kwnames ? (size_t)PyTuple_GET_SIZE(kwnames) : 0);
    PyObject **all = PyMem_New(PyObject *, total + 1);
    if (!all)
        return PyErr_NoMemory();
    all[0] = self;
    memcpy(all + 1, args, total * sizeof *all);
    PyObject *result = PyObject_Vectorcall(callable, all, (size_t)n + 1, kwnames);
    PyMem_Free(all);
    return result;
}

/* A default is what the class attribute would be to an __init__ that does not assign the field. */
int construct_defaults(ClassInfo *info, PyObject *self) {
    for (Py_ssize_t i = info->nrequired; i < info->nfields; i++) {
        Field *field = &info->fields[i];
        bool has_default =
            field->type && !field_described(field)->described && (field_class_value(field) || field->late);
        if (!has_default || field_is_shadowed(field, Py_TYPE(self)))
            continue;
        if (default_store(field, self) < 0)
            return -1;
    }
    return 0;
}

/* Of a Python subclass. */
static PyObject *construct_subclass(PyTypeObject *type) {
    PyObject *self = instance_alloc_ordinary(type);
    if (self && instance_wake(self) < 0)
        Py_CLEAR(self);
    return self;
}

PyObject *construct_empty(PyTypeObject *type) {
    ClassInfo *info = class_of_type(type);
    if (!info && PyType_IsSubtype(type, &Instance_Type))
        return construct_subclass(type);
    if (!info)
        return PyErr_Format(PyExc_TypeError, "%s is no jitclass", type->tp_name);
    PyObject *self = construct_ready(info) < 0 ? NULL : instance_make(info);
    if (self && construct_defaults(info, self) < 0)
        Py_CLEAR(self);
    return self;
}

static int init_method(ClassInfo *info, PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    if (construct_defaults(info, self) < 0)
        return -1;
    PyObject *result = call_with_self(info->init_method, self, args, nargsf, kwnames);
    if (result && result != Py_None) {
        PyErr_Format(PyExc_TypeError, "__init__() should return None, not '%.200s'", Py_TYPE(result)->tp_name);
        Py_CLEAR(result);
    }
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int construct_init(ClassInfo *info, PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    if (info->init == INIT_METHOD)
        return init_method(info, self, args, nargsf, kwnames);
    if (info->init == INIT_FIELDS)
        return init_fields(info, self, args, n, kwnames);
    if (!n && !(kwnames && PyTuple_GET_SIZE(kwnames)))
        return construct_defaults(info, self);
    PyErr_Format(PyExc_TypeError, "%s() takes no arguments", Py_TYPE(self)->tp_name);
    return -1;
}

COLD static PyObject *construct_slow(ClassInfo *info, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    if (construct_ready(info) < 0)
        return NULL;
    PyObject *self = instance_make(info);
    if (self && construct_init(info, self, args, nargsf, kwnames) < 0)
        Py_CLEAR(self);
    return self;
}

/* The keywords' names and, behind the positional ones in all[], their values (borrowed). */
static PyObject *spread_keywords(PyObject *kwargs, PyObject **all) {
    PyObject *names = PyTuple_New(PyDict_GET_SIZE(kwargs)), *name, *value;
    for (Py_ssize_t at = 0, i = 0; names && PyDict_Next(kwargs, &at, &name, &value); i++) {
        PyTuple_SET_ITEM(names, i, Py_NewRef(name));
        all[i] = value;
    }
    return names;
}

/* As object.__init__ has it. */
static int refuse_any(ClassInfo *info, PyObject *self, Py_ssize_t given) {
    if (given && info->init == INIT_METHOD)
        PyErr_SetString(PyExc_TypeError, "object.__init__() takes exactly one argument (the instance to initialize)");
    else if (given)
        PyErr_Format(PyExc_TypeError, "%s() takes no arguments", Py_TYPE(self)->tp_name);
    return given ? -1 : 0;
}

int construct_again(ClassInfo *info, PyObject *self, PyObject *args, PyObject *kwargs) {
    Py_ssize_t n = PyTuple_GET_SIZE(args), named = kwargs ? PyDict_GET_SIZE(kwargs) : 0;
    /* Of a class with a metaclass, whose calls come by here, it may have been made of the fields after the slots were filled. */
    bool is_made = info->init == INIT_METHOD && Py_TYPE(self)->tp_init == Instance_Type.tp_init;
    if (info->init != INIT_FIELDS && !is_made) /* the user's own has called super().__init__(), or there is none */
        return refuse_any(info, self, n + named);
    PyObject **all = PyMem_New(PyObject *, n + named + 1), *kwnames = NULL;
    if (!all)
        return PyErr_NoMemory(), -1;
    memcpy(all, &PyTuple_GET_ITEM(args, 0), (size_t)n * sizeof *all);
    int r = named && !(kwnames = spread_keywords(kwargs, all + n)) ? -1 : 0;
    if (r == 0)
        r = is_made ? init_method(info, self, all, (size_t)n, kwnames) : init_fields(info, self, all, n, kwnames);
    Py_XDECREF(kwnames);
    PyMem_Free(all);
    return r;
}

/* Floats and ints without a detour: nobody else has the object yet. */
static inline int store_given(Field *field, PyObject *self, PyObject *value) {
    uint8_t *place = ((Instance *)self)->data + field->offset;
    if (field->quick == FIELD_FLOAT && likely(PyFloat_CheckExact(value))) {
        double x = *(double *)place = PyFloat_AS_DOUBLE(value);
        return likely(x == x) ? 0 : spill_set_nan(self, field, value);
    }
    if (field->quick == FIELD_INT && likely(convert_int(value, (int64_t *)place) == CONVERT_OK))
        return 0;
    return field_store(field, self, value);
}

PyObject *construct_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    ClassInfo *info = class_of_type((PyTypeObject *)type);
    if (unlikely(info->init != INIT_FIELDS || kwnames || PyVectorcall_NARGS(nargsf) != info->nargs || info->post_init))
        return construct_slow(info, args, nargsf, kwnames);
    PyObject *self = instance_make(info);
    for (Py_ssize_t i = 0; likely(self != NULL) && i < info->nargs; i++)
        if (unlikely(store_given(&info->fields[i], self, args[i]) < 0))
            Py_CLEAR(self);
    return self;
}

/* A default that no Python code makes. */
static bool is_quiet_default(const Field *field) {
    const PyObject *made_by = field->default_value;
    if (!field->factory)
        return made_by;
    return made_by == (PyObject *)&PyList_Type || made_by == (PyObject *)&PyDict_Type ||
           made_by == (PyObject *)&PySet_Type;
}

bool construct_is_quiet(PyObject *type, PyObject *const *args, Py_ssize_t n) {
    const ClassInfo *info = class_of_type((PyTypeObject *)type);
    bool is_plain = info && info->init == INIT_FIELDS && !info->post_init && n <= info->nargs;
    if (!is_plain || ((PyTypeObject *)type)->tp_vectorcall != construct_vectorcall)
        return false;
    for (Py_ssize_t i = 0; i < info->nargs; i++) {
        const Field *field = &info->fields[i];
        bool fits = i >= n
                        ? is_quiet_default(field)
                        : !field->type || operation_is_builtin(args[i]) || PyObject_TypeCheck(args[i], &Instance_Type);
        if (!fits)
            return false;
    }
    return true;
}
