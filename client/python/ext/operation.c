/* Operations on Python objects in the middle of compiled code (server/compiler/infer_object.c). What C code does is done here and now. Where
 * Python code may run it is done by a function that jitd/resume.py makes of the source, so that whoever looks at who called it, as logging and
 * warnings do, finds the method and its line. */
#include "client/python/ext/resume.h"

static PyObject *compare_lt(PyObject *a, PyObject *b) {
    return PyObject_RichCompare(a, b, Py_LT);
}

static PyObject *compare_le(PyObject *a, PyObject *b) {
    return PyObject_RichCompare(a, b, Py_LE);
}

static PyObject *compare_eq(PyObject *a, PyObject *b) {
    return PyObject_RichCompare(a, b, Py_EQ);
}

static PyObject *compare_ne(PyObject *a, PyObject *b) {
    return PyObject_RichCompare(a, b, Py_NE);
}

static PyObject *compare_gt(PyObject *a, PyObject *b) {
    return PyObject_RichCompare(a, b, Py_GT);
}

static PyObject *compare_ge(PyObject *a, PyObject *b) {
    return PyObject_RichCompare(a, b, Py_GE);
}

static PyObject *power(PyObject *a, PyObject *b) {
    return PyNumber_Power(a, b, Py_None);
}

static PyObject *power_in_place(PyObject *a, PyObject *b) {
    return PyNumber_InPlacePower(a, b, Py_None);
}

static const struct {
    const char *name;
    BinaryOperation function;
} binary[] = {{"[]", PyObject_GetItem},
              {"==", compare_eq},
              {"!=", compare_ne},
              {"<", compare_lt},
              {"<=", compare_le},
              {">", compare_gt},
              {">=", compare_ge},
              {"+", PyNumber_Add},
              {"-", PyNumber_Subtract},
              {"*", PyNumber_Multiply},
              {"/", PyNumber_TrueDivide},
              {"//", PyNumber_FloorDivide},
              {"%", PyNumber_Remainder},
              {"**", power},
              {"@", PyNumber_MatrixMultiply},
              {"<<", PyNumber_Lshift},
              {">>", PyNumber_Rshift},
              {"&", PyNumber_And},
              {"|", PyNumber_Or},
              {"^", PyNumber_Xor},
              {"+=", PyNumber_InPlaceAdd},
              {"-=", PyNumber_InPlaceSubtract},
              {"*=", PyNumber_InPlaceMultiply},
              {"/=", PyNumber_InPlaceTrueDivide},
              {"//=", PyNumber_InPlaceFloorDivide},
              {"%=", PyNumber_InPlaceRemainder},
              {"**=", power_in_place},
              {"@=", PyNumber_InPlaceMatrixMultiply},
              {"<<=", PyNumber_InPlaceLshift},
              {">>=", PyNumber_InPlaceRshift},
              {"&=", PyNumber_InPlaceAnd},
              {"|=", PyNumber_InPlaceOr},
              {"^=", PyNumber_InPlaceXor}};

static bool is_one_of(PyObject *name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0)
            return true;
    return false;
}

static void method_set(Resume *r) {
    static const char *const stores[] = {"append", "appendleft"}, *const looks[] = {"count", "index", "remove", "sort"};
    r->only_stores = is_one_of(r->name, stores, sizeof stores / sizeof *stores);
    r->asks_items = PyUnicode_READ_CHAR(r->name, 0) == '_' || is_one_of(r->name, looks, sizeof looks / sizeof *looks);
}

void operation_set(Resume *r, PyObject *why) {
    static const struct {
        const char *name;
        Operation operation;
    } others[] = {{"in", OPERATION_IN},           {"not in", OPERATION_NOT_IN},
                  {"in(", OPERATION_AMONG},       {"not in(", OPERATION_NOT_AMONG},
                  {"[]=", OPERATION_SET_ITEM},    {"[:]", OPERATION_SLICE},
                  {"call", OPERATION_CALL_VALUE}, {"enter", OPERATION_ENTER},
                  {"leave", OPERATION_LEAVE}};
    Py_UCS4 first = r->name && PyUnicode_GetLength(why) ? PyUnicode_READ_CHAR(why, 0) : 0;
    r->operation = first == '.'   ? OPERATION_METHOD
                   : first == '@' ? OPERATION_ATTRIBUTE
                   : first == ':' ? OPERATION_SET_ATTRIBUTE
                   : first == '$' ? OPERATION_GLOBAL
                                  : OPERATION_CALL;
    if (r->name)
        PyUnicode_InternInPlace(&r->name);
    if (r->operation == OPERATION_METHOD && r->name)
        method_set(r);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (PyUnicode_CompareWithASCIIString(why, others[i].name) == 0)
            r->operation = others[i].operation;
    for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
        if (PyUnicode_CompareWithASCIIString(why, binary[i].name) == 0) {
            r->operation = OPERATION_BINARY;
            r->binary = binary[i].function;
        }
}

/* ---- whether it runs Python code ---- */

static bool is_static(const PyTypeObject *type) {
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE);
}

/* Containers and values of the interpreter's own. */
bool operation_is_builtin(const PyObject *op) {
    static const unsigned long kinds = Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS |
                                       Py_TPFLAGS_UNICODE_SUBCLASS | Py_TPFLAGS_DICT_SUBCLASS |
                                       Py_TPFLAGS_LONG_SUBCLASS | Py_TPFLAGS_BYTES_SUBCLASS;
    const PyTypeObject *type = Py_TYPE(op);
    if (!is_static(type))
        return false;
    return (type->tp_flags & kinds) || type == &PyFloat_Type || type == &PySet_Type || type == &PyFrozenSet_Type ||
           op == Py_None;
}

#define MOST_ITEMS 32 /* that are looked at: with more it takes so long that a frame costs little beside it */
#define DEEPEST 3

static bool is_quiet_in(PyObject *op, int depth);

static bool are_quiet(PyObject *const *items, Py_ssize_t n, int depth) {
    if (n > MOST_ITEMS || depth > DEEPEST)
        return false;
    for (Py_ssize_t i = 0; i < n; i++)
        if (!is_quiet_in(items[i], depth))
            return false;
    return true;
}

static bool is_quiet_dict(PyObject *op, int depth) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    if (PyDict_GET_SIZE(op) > MOST_ITEMS || depth > DEEPEST)
        return false;
    while (PyDict_Next(op, &at, &key, &value))
        if (!is_quiet_in(key, depth) || !is_quiet_in(value, depth))
            return false;
    return true;
}

static bool is_quiet_set(PyObject *op, int depth) {
    const PySetObject *set = (const PySetObject *)op;
    if (set->used > MOST_ITEMS || set->mask > 8 * MOST_ITEMS || depth > DEEPEST)
        return false;
    for (Py_ssize_t i = 0; i <= set->mask; i++)
        if (set->table[i].key && set->table[i].hash != -1 && !is_quiet_in(set->table[i].key, depth)) /* -1: gone */
            return false;
    return true;
}

static bool is_quiet_in(PyObject *op, int depth) {
    if (PyList_CheckExact(op) || PyTuple_CheckExact(op))
        return are_quiet(PySequence_Fast_ITEMS(op), Py_SIZE(op), depth + 1);
    if (PyDict_CheckExact(op))
        return is_quiet_dict(op, depth + 1);
    if (PyAnySet_CheckExact(op))
        return is_quiet_set(op, depth + 1);
    return operation_is_builtin(op);
}

bool operation_is_quiet(PyObject *op) {
    return is_quiet_in(op, 0);
}

bool operation_is_quiet_key(PyObject *op) {
    const PyTypeObject *type = Py_TYPE(op), *object = &PyBaseObject_Type;
    return operation_is_quiet(op) ||
           (type->tp_hash == object->tp_hash && type->tp_richcompare == object->tp_richcompare);
}

bool operation_is_plain_descriptor(PyObject *found) {
    static PyTypeObject *const types[] = {&PyFunction_Type,     &PyMethodDescr_Type,  &PyMemberDescr_Type,
                                          &PyStaticMethod_Type, &PyWrapperDescr_Type, &FieldDescr_Type,
                                          &Extra_Type,          &Method_Type};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (Py_IS_TYPE(found, types[i]))
            return true;
    return false;
}

/* Borrowed, as it is now; NULL: there is none, perhaps because the values are beside the instance, and have text for names. */
static PyObject *dict_of(PyObject *op) {
#if PY_VERSION_HEX >= 0x030b0000
    if (Py_TYPE(op)->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
        uintptr_t dict = ((const uintptr_t *)op)[-3]; /* 3.12: or the values, with a one in the lowest bit */
        return dict & 1 ? NULL : (PyObject *)dict;
    }
#endif
    PyObject **place = _PyObject_GetDictPtr(op);
    return place ? *place : NULL;
}

bool operation_has_plain_names(PyObject *op) {
    PyObject *dict = dict_of(op), *key;
    Py_ssize_t at = 0;
    if (dict && (!PyDict_CheckExact(dict) || PyDict_GET_SIZE(dict) > MOST_ITEMS))
        return false;
    while (dict && PyDict_Next(dict, &at, &key, NULL))
        if (!PyUnicode_CheckExact(key))
            return false;
    return true;
}

/* What the class has of that name, and whether looking it up and binding it is C code's. What C code computes (a file's name) may ask Python code. */
static PyObject *class_attribute(PyObject *op, PyObject *name, bool *ret_is_plain) {
    PyTypeObject *type = Py_TYPE(op);
    *ret_is_plain = type->tp_getattro == PyObject_GenericGetAttr && operation_has_plain_names(op);
    PyObject *found = *ret_is_plain ? _PyType_Lookup(type, name) : NULL;
    *ret_is_plain &= !found || (is_static(Py_TYPE(found)) &&
                                (!Py_TYPE(found)->tp_descr_get || operation_is_plain_descriptor(found)));
    return found;
}

static bool is_plain_store(PyObject *op, PyObject *name) {
    PyTypeObject *type = Py_TYPE(op);
    if (type->tp_setattro != PyObject_GenericSetAttr || !operation_has_plain_names(op))
        return false;
    PyObject *found = _PyType_Lookup(type, name);
    return !found || !Py_TYPE(found)->tp_descr_set || Py_IS_TYPE(found, &PyMemberDescr_Type);
}

/* ---- doing it: NULL with an exception, or without one where Python code may run ---- */

/* A key that is there has the hash of the one that is looked for: it is compared, and hardly ever one that has its hash by chance. */
static PyObject *contains(const Resume *r, PyObject *const *args) {
    bool is_hashed = PyDict_Check(args[1]) || PyAnySet_Check(args[1]);
    if (!operation_is_builtin(args[1]) || !operation_is_quiet(args[0]) || !(is_hashed || operation_is_quiet(args[1])))
        return NULL;
    int found = PySequence_Contains(args[1], args[0]);
    return found < 0 ? NULL : PyBool_FromLong(found == (r->operation == OPERATION_IN));
}

/* The container is a tuple or frozenset of constants. */
static PyObject *among(const Resume *r, PyObject *const *args) {
    if (!operation_is_quiet(args[0]))
        return NULL;
    int found = PySequence_Contains(r->callable, args[0]);
    return found < 0 ? NULL : PyBool_FromLong(found == (r->operation == OPERATION_AMONG));
}

/* A missing key of a defaultdict is its function's. */
static PyObject *get_item(PyObject *op, PyObject *key) {
    if (!operation_is_builtin(op) || !operation_is_quiet(key))
        return NULL;
    if (PyDict_Check(op) && !PyDict_CheckExact(op))
        return Py_XNewRef(PyDict_GetItemWithError(op, key));
    return PyObject_GetItem(op, key);
}

static bool is_end_of_slice(const PyObject *op) {
    return op == Py_None || PyLong_CheckExact(op) || PyBool_Check(op);
}

static PyObject *get_slice(PyObject *const *args) {
    bool is_sequence = operation_is_builtin(args[0]) && !PyDict_Check(args[0]);
    if (!is_sequence || !is_end_of_slice(args[1]) || !is_end_of_slice(args[2]) || !is_end_of_slice(args[3]))
        return NULL;
    PyObject *slice = PySlice_New(args[1], args[2], args[3]);
    PyObject *result = slice ? PyObject_GetItem(args[0], slice) : NULL;
    Py_XDECREF(slice);
    return result;
}

/* What is in them is not asked. */
static bool joins(const Resume *r, PyObject *a, PyObject *b) {
    bool adds = r->binary == PyNumber_Add || r->binary == PyNumber_InPlaceAdd;
    return adds && ((PyList_CheckExact(a) && PyList_CheckExact(b)) || (PyTuple_CheckExact(a) && PyTuple_CheckExact(b)));
}

static PyObject *do_binary(const Resume *r, PyObject *const *args) {
    if (r->binary == PyObject_GetItem)
        return get_item(args[0], args[1]);
    bool is_plain = joins(r, args[0], args[1]) || (operation_is_quiet(args[0]) && operation_is_quiet(args[1]));
    return is_plain ? r->binary(args[0], args[1]) : NULL;
}

static PyObject *set_item(PyObject *const *args) {
    if (!operation_is_builtin(args[0]) || !operation_is_quiet(args[1]))
        return NULL;
    return PyObject_SetItem(args[0], args[1], args[2]) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *none_if(int failed) {
    return failed < 0 ? NULL : Py_NewRef(Py_None);
}

/* Functions of these modules look at the frame that calls them. */
static bool looks_at_frame(PyObject *function) {
    PyObject *module = ((PyCFunctionObject *)function)->m_module;
    static const char *const names[] = {"sys", "_warnings", "builtins"};
    for (size_t i = 0; module && PyUnicode_Check(module) && i < sizeof names / sizeof *names; i++)
        if (PyUnicode_CompareWithASCIIString(module, names[i]) == 0)
            return true;
    return false;
}

/* Whether the module, to the first dot, is of the standard library. Others warn in C code, of the line of their caller: numpy does. */
static bool is_standard(const char *module) {
    PyObject *names = PySys_GetObject("stdlib_module_names");
    size_t n = strcspn(module, ".");
    PyObject *name = names ? PyUnicode_FromStringAndSize(module, (Py_ssize_t)n) : NULL;
    int found = name ? PySequence_Contains(names, name) : 0;
    Py_XDECREF(name);
    return found > 0;
}

/* What was trusted last is known again. */
static bool is_trusted(Resume *r, PyObject *what, const char *module) {
    if (likely(r->trusted == what))
        return true;
    bool is_standard_one = module && is_standard(module);
    PyErr_Clear(); /* of a module without a name */
    if (!is_standard_one)
        return false;
    Py_XSETREF(r->trusted, Py_NewRef(what));
    return true;
}

static PyObject *module_function(Resume *r, PyObject *module, PyObject *name) {
    PyObject *function = PyDict_GetItemWithError(PyModule_GetDict(module), name);
    if (!function || !PyCFunction_CheckExact(function) || looks_at_frame(function))
        return NULL;
    PyObject *of = ((PyCFunctionObject *)function)->m_module;
    PyObject *self = PyCFunction_GET_SELF(function); /* random.random is a method of an object */
    const char *where = of && PyUnicode_Check(of) ? PyUnicode_AsUTF8(of) : self ? Py_TYPE(self)->tp_name : NULL;
    if (self && !of && strchr(where, '.') == NULL)
        where = PyModule_GetName(module);
    return is_trusted(r, function, where) ? Py_NewRef(function) : NULL;
}

/* A function of C code, new reference; NULL, perhaps with an exception: there is none that can be found without Python code. */
static PyObject *c_function(Resume *r, PyObject *op, PyObject *name) {
    bool is_plain;
    if (PyModule_CheckExact(op))
        return module_function(r, op, name);
    PyObject *found = class_attribute(op, name, &is_plain);
    if (!is_plain || !found || !Py_IS_TYPE(found, &PyMethodDescr_Type) ||
        !is_trusted(r, found, PyDescr_TYPE(found)->tp_name))
        return NULL;
    PyObject *function = PyObject_GenericGetAttr(op, name);
    if (function && !PyCFunction_CheckExact(function))
        Py_CLEAR(function);
    return function;
}

/* Whether a method of C code asks no Python code of what it is given or has. A dict's second argument is a value. */
static bool is_quiet_method(const Resume *r, PyObject *const *args) {
    Py_ssize_t n = PyDict_Check(args[0]) && r->nvalues > 2 ? 2 : r->nvalues;
    if (r->asks_items && !operation_is_quiet(args[0]))
        return false;
    for (Py_ssize_t i = 1; i < n && !r->only_stores; i++)
        if (!operation_is_quiet(args[i]))
            return false;
    return true;
}

static PyObject *call_method(Resume *r, PyObject *const *args) {
    if (!is_quiet_method(r, args))
        return NULL;
    if (operation_is_builtin(args[0]))
        return PyObject_VectorcallMethod(r->name, args, (size_t)r->nvalues | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    PyObject *function = c_function(r, args[0], r->name);
    PyObject *result = function ? PyObject_Vectorcall(function, args + 1, (size_t)(r->nvalues - 1), NULL) : NULL;
    Py_XDECREF(function);
    return result;
}

/* isinstance() of a class without a metaclass asks nobody. */
static bool is_quiet_argument(const Resume *r, PyObject *const *args, Py_ssize_t i) {
    if (r->asks_class)
        return !i || Py_IS_TYPE(args[i], &PyType_Type) || operation_is_builtin(args[i]);
    return operation_is_builtin(args[i]) && (r->asks_size || operation_is_quiet(args[i]));
}

/* A built-in function or class. sys.stdout may be anybody's. */
static PyObject *call_builtin(const Resume *r, PyObject *const *args) {
    if (r->prints)
        return NULL;
    for (Py_ssize_t i = 0; i < r->nvalues; i++)
        if (!is_quiet_argument(r, args, i))
            return NULL;
    return PyObject_Vectorcall(r->callable, args, (size_t)r->nvalues | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}

/* A function of C code of the standard library, or a jitclass. */
static PyObject *call_value(Resume *r, PyObject *const *args) {
    size_t given = (size_t)(r->nvalues - 1) | PY_VECTORCALL_ARGUMENTS_OFFSET;
    if (PyType_Check(args[0]))
        return construct_is_quiet(args[0], args + 1, r->nvalues - 1)
                   ? PyObject_Vectorcall(args[0], args + 1, given, NULL)
                   : NULL;
    PyObject *of = PyCFunction_CheckExact(args[0]) ? ((PyCFunctionObject *)args[0])->m_module : NULL;
    const char *module = of && PyUnicode_Check(of) ? PyUnicode_AsUTF8(of) : NULL;
    if (!module || looks_at_frame(args[0]) || !is_trusted(r, args[0], module))
        return NULL;
    for (Py_ssize_t i = 1; i < r->nvalues; i++)
        if (!operation_is_quiet(args[i]))
            return NULL;
    return PyObject_Vectorcall(args[0], args + 1, given, NULL);
}

/* As LOAD_GLOBAL does, or LOAD_DEREF; NULL without an exception: there is nothing in the cell. */
static PyObject *global(PyObject *globals, PyObject *name) {
    if (PyCell_Check(globals))
        return PyCell_Get(globals);
    PyObject *value = PyDict_GetItemWithError(globals, name);
    if (!value && !PyErr_Occurred())
        value = PyDict_GetItemWithError(PyEval_GetBuiltins(), name);
    if (!value && !PyErr_Occurred())
        PyErr_Format(PyExc_NameError, "name '%U' is not defined", name);
    return Py_XNewRef(value);
}

/* A lock of the standard library, a file. */
static PyObject *enter(Resume *r, PyObject *op) {
    bool is_plain;
    PyObject *found = class_attribute(op, entered_name, &is_plain);
    bool is_method = is_plain && found && Py_IS_TYPE(found, &PyMethodDescr_Type);
    return is_method && is_trusted(r, found, PyDescr_TYPE(found)->tp_name) ? entered_enter(op) : NULL;
}

static PyObject *do_it(Resume *r, PyObject *const *args) {
    bool is_plain;
    switch (r->operation) {
    case OPERATION_BINARY:
        return do_binary(r, args);
    case OPERATION_IN:
    case OPERATION_NOT_IN:
        return contains(r, args);
    case OPERATION_AMONG:
    case OPERATION_NOT_AMONG:
        return among(r, args);
    case OPERATION_SET_ITEM:
        return set_item(args);
    case OPERATION_SLICE:
        return get_slice(args);
    case OPERATION_ATTRIBUTE:
        class_attribute(args[0], r->name, &is_plain);
        return is_plain ? PyObject_GenericGetAttr(args[0], r->name) : NULL;
    case OPERATION_SET_ATTRIBUTE:
        return is_plain_store(args[0], r->name) ? none_if(PyObject_GenericSetAttr(args[0], r->name, args[1])) : NULL;
    case OPERATION_METHOD:
        return call_method(r, args);
    case OPERATION_CALL_VALUE:
        return call_value(r, args);
    case OPERATION_GLOBAL:
        return global(r->callable, r->name);
    case OPERATION_ENTER:
        return enter(r, args[0]);
    case OPERATION_LEAVE:
        return entered_is_builtin(args[0]) ? entered_leave(args[0]) : NULL;
    default:
        return call_builtin(r, args);
    }
}

static bool has_operands(const Resume *r) {
    static const Py_ssize_t least[] = {
        [OPERATION_BINARY] = 2,        [OPERATION_IN] = 2,     [OPERATION_NOT_IN] = 2,   [OPERATION_AMONG] = 1,
        [OPERATION_NOT_AMONG] = 1,     [OPERATION_SLICE] = 4,  [OPERATION_SET_ITEM] = 3, [OPERATION_ATTRIBUTE] = 1,
        [OPERATION_SET_ATTRIBUTE] = 2, [OPERATION_METHOD] = 1, [OPERATION_CALL] = 0,     [OPERATION_CALL_VALUE] = 1,
        [OPERATION_GLOBAL] = 0,        [OPERATION_ENTER] = 1,  [OPERATION_LEAVE] = 1};
    if (r->operation == OPERATION_GLOBAL && !(r->callable && (PyDict_Check(r->callable) || PyCell_Check(r->callable))))
        return false;
    bool wants_callable =
        r->operation == OPERATION_CALL || r->operation == OPERATION_AMONG || r->operation == OPERATION_NOT_AMONG;
    return r->nvalues >= least[r->operation] && (!wants_callable || r->callable);
}

/* The function of the source, which is made the first time. */
static PyObject *by_function(const Plan *plan, Resume *r, uint32_t site, PyObject *const *args) {
    if (!r->function) {
        PyObject *module = PyImport_ImportModule("jitd.flight");
        PyObject *made = module ? PyObject_CallMethod(module, "prepare_operation", "OI", plan->unit, site) : NULL;
        Py_XDECREF(module);
        if (!made)
            return NULL;
        Py_XSETREF(r->function, made);
    }
    PyObject *function = Py_NewRef(r->function);
    PyObject *result = PyObject_Vectorcall(function, args, (size_t)r->nvalues | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(function);
    return result;
}

PyObject *operation_do(const Plan *plan, Resume *r, uint32_t site, PyObject *const *args, bool *ret_by_function) {
    if (!has_operands(r))
        return PyErr_Format(PyExc_SystemError, "jitd: an operation without operands");
    PyObject *result = do_it(r, args);
    *ret_by_function = !result && !PyErr_Occurred();
    return *ret_by_function ? by_function(plan, r, site, args) : result;
}

/* ---- the quick way: without a count of what compiled code holds, and where no Python code runs ---- */

static bool is_number_or_object(const Value *v) {
    return v->type && !v->flagged && !v->of_list &&
           (v->type->kind == TYPE_PY || v->type->kind == TYPE_INT || v->type->kind == TYPE_FLOAT ||
            v->type->kind == TYPE_BOOL || v->type->kind == TYPE_NONE);
}

bool operation_can_be_quick(const Resume *r) {
    if (!r->operation || r->nvalues > QUICK_OPERANDS || !has_operands(r) || !r->result)
        return false;
    for (Py_ssize_t i = 0; i < r->nvalues; i++)
        if (!is_number_or_object(&r->values[i]))
            return false;
    return is_number_or_object(&(Value){.type = r->result});
}

/* A new reference, but for objects. */
static PyObject *operand(const Type *type, const JitdValue **slot) {
    switch (type->kind) {
    case TYPE_PY:
        return (PyObject *)(uintptr_t)(*slot)++->ref;
    case TYPE_INT:
        return PyLong_FromLongLong((*slot)++->i);
    case TYPE_FLOAT:
        return PyFloat_FromDouble((*slot)++->f);
    case TYPE_BOOL:
        return Py_NewRef((*slot)++->i & 1 ? Py_True : Py_False);
    default:
        return Py_NewRef(Py_None);
    }
}

/* Whether the container that it is done by is the interpreter's own. */
static bool is_quick_now(const Resume *r, const JitdValue *slot) {
    const Type *first = r->nvalues ? r->values[0].type : NULL;
    bool is_in = r->operation == OPERATION_IN || r->operation == OPERATION_NOT_IN;
    if (r->operation == OPERATION_ATTRIBUTE || r->operation == OPERATION_SET_ATTRIBUTE)
        return first->kind == TYPE_PY && slot->ref;
    if (r->operation == OPERATION_GLOBAL)
        return true;
    if (is_in)
        slot += first->kind != TYPE_NONE;
    const Type *type = is_in ? r->values[1].type : first;
    if (!type || type->kind != TYPE_PY)
        return type != NULL;
    return slot->ref && operation_is_builtin((PyObject *)(uintptr_t)slot->ref);
}

/* False: it is of another type. The object is the result's, or given up. */
static bool give_result(const Type *type, PyObject *object, JitdValue *slot) {
    bool fits = true;
    switch (type->kind) {
    case TYPE_PY:
        slot->ref = (uint64_t)(uintptr_t)object;
        return true;
    case TYPE_INT:
        fits = PyLong_CheckExact(object) && convert_int(object, &slot->i) == CONVERT_OK;
        break;
    case TYPE_FLOAT:
        fits = PyFloat_CheckExact(object);
        slot->f = fits ? PyFloat_AS_DOUBLE(object) : 0.0;
        break;
    case TYPE_BOOL:
        fits = PyBool_Check(object);
        slot->i = object == Py_True;
        break;
    default:
        fits = object == Py_None;
    }
    if (fits)
        Py_DECREF(object);
    return fits;
}

/* What it takes the last reference to may have a finaliser. */
static bool gives_up_objects(const Resume *r) {
    return r->operation == OPERATION_SET_ITEM || r->operation == OPERATION_SET_ATTRIBUTE ||
           r->operation == OPERATION_METHOD;
}

bool operation_quick(JitdFrame *frame, Resume *r, uint32_t site, JitdValue *values, int32_t *ret_status) {
    PyObject *args[QUICK_OPERANDS + 1] = {NULL}, *result = NULL;
    const JitdValue *slot = values;
    uint64_t changes = class_changes;
    if (!is_quick_now(r, values))
        return false;
    ImportOpen open = import_open_shortly();
    for (Py_ssize_t i = 0; i < r->nvalues; i++)
        if (!(args[i + 1] = operand(r->values[i].type, &slot)))
            goto done;
    result = do_it(r, args + 1);
done:
    for (Py_ssize_t i = 0; i < r->nvalues; i++)
        if (r->values[i].type->kind != TYPE_PY)
            Py_XDECREF(args[i + 1]);
    import_close(open);
    if (!result && !PyErr_Occurred())
        return false;
    *ret_status = JITD_TRAP_NONE;
    if (!result) {
        frame->trap = (JitdTrap){.kind = *ret_status = JITD_TRAP_PYTHON, .site = site};
    } else if (give_result(r->result, result, values)) {
        values[r->result->kind != TYPE_NONE].i = gives_up_objects(r) && import_note_broken(frame->running, changes);
    } else {
        PyErr_Clear();
        frame->object = result;
        *ret_status = JITD_TRAP_OBJECT;
    }
    return true;
}
