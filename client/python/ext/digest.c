/* The inner loops of fingerprints (link.py): the hash of many parts, and the names that code loads from outside of it. */
#include "client/python/ext/ext.h"
#include <opcode.h>

/* ---- digest(parts) ---- */

/* Each part with its length in front of it: no two lists of parts are one row of bytes. */
static int add_part(Hash *hash, PyObject *part) {
    PyObject *bytes =
        PyUnicode_Check(part) ? PyUnicode_AsEncodedString(part, "utf-8", "surrogatepass") : Py_NewRef(part);
    if (!bytes)
        return -1;
    int ok = PyBytes_Check(bytes);
    if (ok)
        hash_add_str(hash, (Str){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)});
    else
        PyErr_Format(PyExc_TypeError, "str or bytes are hashed, not %s", Py_TYPE(bytes)->tp_name);
    Py_DECREF(bytes);
    return ok ? 0 : -1;
}

PyObject *digest_call(PyObject *module, PyObject *parts) {
    (void)module;
    Hash hash;
    Key key;
    if (!PyList_Check(parts))
        return PyErr_Format(PyExc_TypeError, "a list is needed");
    hash_init(&hash);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++)
        if (add_part(&hash, PyList_GET_ITEM(parts, i)) < 0)
            return NULL;
    hash_final(&hash, &key);
    return PyBytes_FromStringAndSize((const char *)key.b, KEY_SIZE);
}

/* ---- names(code) ---- */

#define NAMES_MAX 127 /* with more, arguments are longer than a byte */
#if PY_VERSION_HEX >= 0x030b0000
#define NAME_SHIFT 1 /* the argument of LOAD_GLOBAL has a flag in its lowest bit */
#else
#define NAME_SHIFT 0
#endif

static int add_named(PyObject *names, PyObject *instructions, int opcode, int shift, PyObject *found) {
    const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(instructions);
    Py_ssize_t n = PyTuple_GET_SIZE(names), size = PyBytes_GET_SIZE(instructions);
    for (Py_ssize_t i = 0; i + 1 < size; i += 2) {
        Py_ssize_t name = at[i + 1] >> shift;
        if (at[i] == opcode && name < n && PyDict_SetItem(found, PyTuple_GET_ITEM(names, name), Py_None) < 0)
            return -1;
    }
    return 0;
}

static int add_all(PyObject *names, PyObject *found) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++)
        if (PyDict_SetItem(found, PyTuple_GET_ITEM(names, i), Py_None) < 0)
            return -1;
    return 0;
}

/* Reading the instructions tells a global from an attribute of the same name, which share co_names. */
static int add_names(PyObject *code, PyObject *found) {
    PyObject *names = PyObject_GetAttrString(code, "co_names"), *instructions = PyObject_GetAttrString(code, "co_code"),
             *consts = ((PyCodeObject *)code)->co_consts;
    int r = names && instructions ? 0 : -1;
    if (r == 0)
        r = PyTuple_GET_SIZE(names) > NAMES_MAX ? add_all(names, found)
                                                : add_named(names, instructions, LOAD_GLOBAL, NAME_SHIFT, found);
    Py_XDECREF(names);
    Py_XDECREF(instructions);
    for (Py_ssize_t i = 0; r == 0 && i < PyTuple_GET_SIZE(consts); i++)
        if (PyCode_Check(PyTuple_GET_ITEM(consts, i)))
            r = add_names(PyTuple_GET_ITEM(consts, i), found);
    return r;
}

/* A dict whose keys are the names, in the order in which they are first loaded. */
PyObject *digest_names(PyObject *module, PyObject *code) {
    (void)module;
    PyObject *found = PyCode_Check(code) ? PyDict_New() : PyErr_Format(PyExc_TypeError, "a code object is needed");
    if (found && add_names(code, found) < 0)
        Py_CLEAR(found);
    return found;
}

/* Whether an instruction loads None. */
static int loads_none(PyCodeObject *code, const unsigned char *at) {
#if PY_VERSION_HEX >= 0x030f0000
    if (at[0] == LOAD_COMMON_CONSTANT && at[1] == 7) /* CONSTANT_NONE of CPython's pycore_opcode_utils.h */
        return 1;
#endif
    return at[0] == LOAD_CONST && at[1] < PyTuple_GET_SIZE(code->co_consts) &&
           PyTuple_GET_ITEM(code->co_consts, at[1]) == Py_None;
}

enum { STORES_NONE = 1, STORES_WIDE = 2 };

/* Whether an int is more than 64 bits hold. 2**63 is not: what is computed modulo that fits. */
static int is_wide(PyObject *value) {
    int over = 0, wide = 0;
    for (Py_ssize_t i = 0; PyTuple_CheckExact(value) && i < PyTuple_GET_SIZE(value) && !wide; i++)
        wide = is_wide(PyTuple_GET_ITEM(value, i));
    if (!PyLong_CheckExact(value))
        return wide;
    (void)PyLong_AsLongLongAndOverflow(value, &over);
    if (over <= 0)
        return over < 0;
    PyObject *limit = PyLong_FromUnsignedLongLong(1ULL << 63);
    int more = limit ? PyObject_RichCompareBool(value, limit, Py_GT) : -1;
    Py_XDECREF(limit);
    return more;
}

typedef struct Instructions {
    PyObject *globals; /* or NULL */
    PyObject *consts, *names;
    const unsigned char *at;
    Py_ssize_t size;
} Instructions;

static bool loads_int(const Instructions *in, Py_ssize_t i) {
#ifdef LOAD_SMALL_INT
    if (in->at[i] == LOAD_SMALL_INT)
        return true;
#endif
    bool is_const = in->at[i] == LOAD_CONST && in->at[i + 1] < PyTuple_GET_SIZE(in->consts);
    return is_const && PyLong_CheckExact(PyTuple_GET_ITEM(in->consts, in->at[i + 1]));
}

/* What CPython does not compute itself beforehand of two ints, such as 2**65, is long. */
static bool is_long_constant(const Instructions *in, Py_ssize_t i) {
#ifdef BINARY_POWER
    bool is_binary = in->at[i] == BINARY_POWER || in->at[i] == BINARY_LSHIFT;
#else
    bool is_binary = in->at[i] == BINARY_OP;
#endif
    return is_binary && i >= 4 && loads_int(in, i - 2) && loads_int(in, i - 4);
}

/* Whether an instruction loads such a one, a constant or a module's, and not to be compared. */
static int loads_wide(const Instructions *in, Py_ssize_t i) {
    Py_ssize_t index = in->at[i + 1], name = index >> NAME_SHIFT, next = i + 2;
    PyObject *value = NULL;
    while (in->at[i] == LOAD_GLOBAL && next < in->size && !in->at[next]) /* its cache */
        next += 2;
    if ((i >= 2 && in->at[i - 2] == EXTENDED_ARG) || (next < in->size && in->at[next] == COMPARE_OP))
        return 0;
    if (in->at[i] == LOAD_CONST && index < PyTuple_GET_SIZE(in->consts))
        value = PyTuple_GET_ITEM(in->consts, index);
    else if (in->at[i] == LOAD_GLOBAL && in->globals && name < PyTuple_GET_SIZE(in->names))
        value = PyDict_GetItemWithError(in->globals, PyTuple_GET_ITEM(in->names, name));
    return value ? is_wide(value) : is_long_constant(in, i);
}

static int ends_statement(int opcode) {
    return opcode == STORE_ATTR || opcode == STORE_FAST || opcode == STORE_SUBSCR || opcode == POP_TOP;
}

static int add_store(PyObject *name, long what, PyObject *found) {
    PyObject *old = PyDict_GetItemWithError(found, name), *all;
    if (PyErr_Occurred())
        return -1;
    all = PyLong_FromLong(what | (old ? PyLong_AsLong(old) : 0));
    int r = all ? PyDict_SetItem(found, name, all) : -1;
    Py_XDECREF(all);
    return r;
}

static int add_stores(PyCodeObject *code, const Instructions *in, PyObject *found) {
    int r = 0, wide = 0;
    for (Py_ssize_t i = 0; r == 0 && i + 1 < in->size; i += 2) {
        int none = i >= 4 && loads_none(code, in->at + i - 4);
        if (in->at[i] == STORE_ATTR && in->at[i + 1] < PyTuple_GET_SIZE(in->names))
            r = add_store(PyTuple_GET_ITEM(in->names, in->at[i + 1]),
                          (none ? STORES_NONE : 0) | (wide ? STORES_WIDE : 0), found);
        wide = ends_statement(in->at[i]) ? 0 : wide | loads_wide(in, i);
        if (wide < 0 || PyErr_Occurred())
            r = -1;
    }
    return r;
}

/* stores(function or code): a dict whose keys are the names of the attributes that it stores, of whatever object; 1: None is among the values, 2: there are
 * ints beyond 64 bits in what is stored. */
PyObject *digest_stores(PyObject *module, PyObject *op) {
    (void)module;
    PyObject *globals = PyFunction_Check(op) ? PyFunction_GET_GLOBALS(op) : NULL,
             *code = globals ? PyFunction_GET_CODE(op) : op;
    PyObject *found = PyCode_Check(code) ? PyDict_New() : PyErr_Format(PyExc_TypeError, "a code object is needed");
    PyObject *names = found ? PyObject_GetAttrString(code, "co_names") : NULL;
    PyObject *instructions = names ? PyObject_GetAttrString(code, "co_code") : NULL;
    int r = instructions ? 0 : -1;
    bool is_read = r == 0 && PyTuple_GET_SIZE(names) <= UINT8_MAX + 1;
    for (Py_ssize_t i = 0; r == 0 && !is_read && i < PyTuple_GET_SIZE(names); i++)
        r = add_store(PyTuple_GET_ITEM(names, i), 0, found);
    if (is_read)
        r = add_stores((PyCodeObject *)code,
                       &(Instructions){globals, ((PyCodeObject *)code)->co_consts, names,
                                       (const unsigned char *)PyBytes_AS_STRING(instructions),
                                       PyBytes_GET_SIZE(instructions)},
                       found);
    if (r < 0)
        Py_CLEAR(found);
    Py_XDECREF(names);
    Py_XDECREF(instructions);
    return found;
}
