/* Dicts and sets that compiled code looks into and changes in place (server/compiler/flow/build_table.c). Keys are ints and text. No Python code runs
 * while a key is looked for: where one that is there has the hash of the one looked for, and asks Python code whether it is the same, the
 * operation is done in the usual way (operation.c), as where the container is none of the interpreter's own, or something fails. */
#include <patchlevel.h>
#if PY_VERSION_HEX >= 0x030b0000
#define Py_BUILD_CORE 1
#endif
#include "client/python/ext/resume.h"
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_dict.h>
#endif

enum { MISSING, FOUND, USUAL, DONE = 0, BROKEN };

/* ---- keys ---- */

typedef struct TableKey {
    Py_hash_t hash;
    int64_t number;
    PyObject *text; /* NULL: the number */
} TableKey;

#define HASH_BITS 61 /* Python's hash of an int: modulo a prime, with its sign */
#define HASH_MODULUS (((uint64_t)1 << HASH_BITS) - 1)

_Static_assert(_PyHASH_BITS == HASH_BITS, "an int's hash");

static inline TableKey key_of_int(int64_t number) {
    uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
    size = (size & HASH_MODULUS) + (size >> HASH_BITS);
    size -= size >= HASH_MODULUS ? HASH_MODULUS : 0;
    Py_hash_t hash = number < 0 ? -(Py_hash_t)size : (Py_hash_t)size;
    return (TableKey){.hash = hash == -1 ? -2 : hash, .number = number};
}

/* Until 3.11 text may still have no form to be compared in. */
static inline bool is_ready(PyObject *text) {
#if PY_VERSION_HEX < 0x030c0000
    return PyUnicode_IS_READY(text);
#else
    (void)text;
    return true;
#endif
}

/* False: it is another kind of key. */
static inline bool key_of(PyObject *op, TableKey *ret) {
    int64_t number;
    if (op && PyUnicode_CheckExact(op) && is_ready(op)) {
        Py_hash_t known = ((PyASCIIObject *)op)->hash;
        *ret = (TableKey){.hash = known != -1 ? known : PyObject_Hash(op), .text = op};
        return true;
    }
    if (!op || !PyLong_CheckExact(op) || convert_int(op, &number) != CONVERT_OK)
        return false;
    *ret = key_of_int(number);
    return true;
}

/* A new reference; NULL: no memory. */
static PyObject *object_of_key(const TableKey *key) {
    PyObject *object = key->text ? Py_NewRef(key->text) : PyLong_FromLongLong(key->number);
    if (!object)
        PyErr_Clear();
    return object;
}

static bool is_same_text(PyObject *a, PyObject *b) {
    Py_ssize_t n = PyUnicode_GET_LENGTH(a);
    int kind = PyUnicode_KIND(a);
    return n == PyUnicode_GET_LENGTH(b) && kind == (int)PyUnicode_KIND(b) &&
           memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b), (size_t)n * (size_t)kind) == 0;
}

/* Of a stored key with the same hash: FOUND, MISSING: it is another; USUAL: who knows. */
static int compare(PyObject *stored, const TableKey *key) {
    int64_t number;
    if (key->text) {
        if (stored == key->text)
            return FOUND;
        return !PyUnicode_CheckExact(stored) || !is_ready(stored) ? USUAL : is_same_text(stored, key->text);
    }
    if (PyLong_CheckExact(stored))
        return convert_int(stored, &number) == CONVERT_OK && number == key->number;
    return PyBool_Check(stored) ? (stored == Py_True) == key->number : USUAL;
}

/* ---- sets ---- */

#define PROBES_IN_A_ROW 9 /* as in CPython's setobject.c */
#define SHIFT 5           /* and in its dictobject.c */

static int set_find(const PySetObject *set, const TableKey *key) {
    size_t mask = (size_t)set->mask, rest = (size_t)key->hash, i = rest & mask;
    for (;;) {
        const setentry *entry = &set->table[i], *last = entry + (i + PROBES_IN_A_ROW <= mask ? PROBES_IN_A_ROW : 0);
        for (; entry <= last; entry++) {
            if (!entry->key)
                return MISSING;
            int found = entry->hash == key->hash ? compare(entry->key, key) : MISSING;
            if (found != MISSING)
                return found;
        }
        rest >>= SHIFT;
        i = (i * 5 + 1 + rest) & mask;
    }
}

/* ---- dicts ---- */

#if PY_VERSION_HEX < 0x030b0000
/* 3.10's Objects/dict-common.h, which is not installed. */
#define DKIX_EMPTY (-1)
typedef struct Entry {
    Py_hash_t hash;
    PyObject *key, *value;
} Entry;
struct _dictkeysobject {
    Py_ssize_t dk_refcnt, dk_size;
    void *dk_lookup;
    Py_ssize_t dk_usable, dk_nentries;
    char dk_indices[];
};

static inline int log_size(const PyDictKeysObject *keys) {
    return __builtin_ctzll((uint64_t)keys->dk_size);
}

static inline Entry entry_at(const PyDictKeysObject *keys, Py_ssize_t i) {
    size_t width = keys->dk_size <= 0xff ? 1 : keys->dk_size <= 0xffff ? 2 : keys->dk_size <= 0xffffffff ? 4 : 8;
    return ((const Entry *)&keys->dk_indices[(size_t)keys->dk_size * width])[i];
}
#else
typedef struct Entry {
    Py_hash_t hash;
    PyObject *key, *value;
} Entry;

static inline int log_size(const PyDictKeysObject *keys) {
    return keys->dk_log2_size;
}

static inline Entry entry_at(PyDictKeysObject *keys, Py_ssize_t i) {
    if (DK_IS_UNICODE(keys)) {
        const PyDictUnicodeEntry *entry = &DK_UNICODE_ENTRIES(keys)[i];
        return (Entry){((PyASCIIObject *)entry->me_key)->hash, entry->me_key, entry->me_value};
    }
    const PyDictKeyEntry *entry = &DK_ENTRIES(keys)[i];
    return (Entry){entry->me_hash, entry->me_key, entry->me_value};
}
#endif

static inline Py_ssize_t index_at(const PyDictKeysObject *keys, size_t i) {
    int size = log_size(keys);
    const void *indices = keys->dk_indices;
    return size < 8    ? ((const int8_t *)indices)[i]
           : size < 16 ? ((const int16_t *)indices)[i]
           : size < 32 ? ((const int32_t *)indices)[i]
                       : (Py_ssize_t)((const int64_t *)indices)[i];
}

/* The entry only where it is FOUND. Dicts of instances, which share their keys, are left alone. */
static inline int dict_find(PyObject *op, const TableKey *key, Entry *ret) {
    PyDictObject *dict = (PyDictObject *)op;
    PyDictKeysObject *keys = dict->ma_keys;
    size_t mask = ((size_t)1 << log_size(keys)) - 1, rest = (size_t)key->hash, i = rest & mask;
    if (dict->ma_values)
        return USUAL;
    for (;;) {
        Py_ssize_t at = index_at(keys, i);
        if (at == DKIX_EMPTY)
            return MISSING;
        if (at >= 0) {
            *ret = entry_at(keys, at);
            int found = ret->hash == key->hash ? compare(ret->key, key) : MISSING;
            if (found != MISSING)
                return found;
        }
        rest >>= SHIFT;
        i = (i * 5 + rest + 1) & mask;
    }
}

/* ---- what compiled code calls ---- */

static PyObject *object_of(uint64_t address) {
    return (PyObject *)(uintptr_t)address;
}

static inline int32_t has(PyObject *op, const TableKey *key) {
    Entry entry;
    if (PyAnySet_CheckExact(op))
        return set_find((PySetObject *)op, key);
    return PyDict_CheckExact(op) ? dict_find(op, key, &entry) : USUAL;
}

static int32_t has_int(uint64_t object, int64_t number) {
    TableKey key = key_of_int(number);
    return has(object_of(object), &key);
}

static int32_t has_text(PyObject *op, PyObject *part) {
    int found = part && PyUnicode_CheckExact(part) ? PyUnicode_Contains(op, part) : -1;
    if (found < 0)
        PyErr_Clear();
    return found < 0 ? USUAL : found;
}

static int32_t has_object(uint64_t object, uint64_t of) {
    TableKey key;
    if (PyUnicode_CheckExact(object_of(object)))
        return has_text(object_of(object), object_of(of));
    return key_of(object_of(of), &key) ? has(object_of(object), &key) : USUAL;
}

/* Borrowed; 0: the key is not there; py_end: to be done in the usual way. */
static inline uint64_t find(PyObject *op, const TableKey *key) {
    Entry entry;
    int found = PyDict_CheckExact(op) ? dict_find(op, key, &entry) : USUAL;
    return found == MISSING ? 0 : (uint64_t)(uintptr_t)(found == FOUND ? entry.value : jitd_missing);
}

/* Of Latin-1 each character is one object, which the interpreter has for ever. */
static PyObject *character(PyObject *text, int64_t index) {
    if (!is_ready(text) || PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND)
        return NULL;
    PyObject *one = PyUnicode_FromOrdinal(PyUnicode_1BYTE_DATA(text)[index]);
    Py_XDECREF(one);
    return one;
}

/* Borrowed; NULL: to be done in the usual way. */
static inline PyObject *item(PyObject *op, int64_t index) {
    bool is_text = PyUnicode_CheckExact(op), is_known = is_text || PyTuple_CheckExact(op) || PyList_CheckExact(op);
    int64_t size = !is_known ? 0 : is_text ? PyUnicode_GET_LENGTH(op) : Py_SIZE(op);
    index += index < 0 ? size : 0;
    if ((uint64_t)index >= (uint64_t)size)
        return NULL;
    return is_text ? character(op, index) : PySequence_Fast_ITEMS(op)[index];
}

static uint64_t item_of(JitdFrame *frame, uint64_t sequence, int64_t index) {
    PyObject *found = item(object_of(sequence), index);
    (void)frame;
    return (uint64_t)(uintptr_t)(found ? found : jitd_missing);
}

static uint64_t find_int(JitdFrame *frame, uint64_t object, int64_t number) {
    TableKey key = key_of_int(number);
    (void)frame;
    return find(object_of(object), &key);
}

static uint64_t find_object(JitdFrame *frame, uint64_t object, uint64_t of) {
    TableKey key;
    (void)frame;
    return key_of(object_of(of), &key) ? find(object_of(object), &key) : (uint64_t)(uintptr_t)jitd_missing;
}

static bool is_plain(PyObject *op) {
    return !op || Py_REFCNT(op) > 1 || PyLong_CheckExact(op) || PyFloat_CheckExact(op) || PyUnicode_CheckExact(op);
}

bool tables_give_up(JitdFrame *frame, PyObject *op) {
    uint64_t changes = class_changes;
    if (likely(is_plain(op))) {
        Py_XDECREF(op);
        return false;
    }
    import_py_decref(frame, (uint64_t)(uintptr_t)op);
    return import_note_broken(frame->running, changes);
}

/* Names that the code has built in are in the dict. */
static bool is_of_names(const Plan *plan, PyObject *dict) {
    PyObject *dicts = plan && plan->guard ? plan->guard->dicts : NULL;
    for (Py_ssize_t i = 0; dicts && i < PyTuple_GET_SIZE(dicts); i++)
        if (PyTuple_GET_ITEM(dicts, i) == dict)
            return true;
    return false;
}

/* The old value is given up when the new one is there: that may run Python code. */
static int32_t put(JitdFrame *frame, PyObject *op, const TableKey *key, PyObject *value) {
    Entry entry;
    int found = PyDict_CheckExact(op) ? dict_find(op, key, &entry) : USUAL;
    if (found == USUAL)
        return USUAL;
    frame->ran++; /* it may be the attributes of something */
    PyObject *name = found == FOUND ? Py_NewRef(entry.key) : object_of_key(key);
    PyObject *old = found == FOUND ? Py_NewRef(entry.value) : NULL;
    int failed = name ? PyDict_SetItem(op, name, value) : -1;
    if (failed)
        PyErr_Clear();
    Py_XDECREF(name);
    bool is_broken = tables_give_up(frame, old); /* where it failed the dict still has it */
    if (unlikely(is_of_names(frame->running, op)))
        is_broken |= import_note_broken(frame->running, class_changes);
    return failed ? USUAL : is_broken ? BROKEN : DONE;
}

static int32_t put_int(JitdFrame *frame, uint64_t object, int64_t number, uint64_t value) {
    TableKey key = key_of_int(number);
    return put(frame, object_of(object), &key, object_of(value));
}

static int32_t put_object(JitdFrame *frame, uint64_t object, uint64_t of, uint64_t value) {
    TableKey key;
    return key_of(object_of(of), &key) ? put(frame, object_of(object), &key, object_of(value)) : USUAL;
}

/* Adds it where it is missing, or takes it out where it is found. */
static int32_t change(PyObject *op, const TableKey *key, int where, int (*changes)(PyObject *, PyObject *)) {
    int found = PySet_CheckExact(op) ? set_find((PySetObject *)op, key) : USUAL;
    if (found != where)
        return found == USUAL ? USUAL : DONE;
    PyObject *name = object_of_key(key);
    int failed = !name || changes(op, name) < 0;
    if (failed)
        PyErr_Clear();
    Py_XDECREF(name);
    return failed ? USUAL : DONE;
}

static int32_t add_int(JitdFrame *frame, uint64_t object, int64_t number) {
    TableKey key = key_of_int(number);
    (void)frame;
    return change(object_of(object), &key, MISSING, PySet_Add);
}

static int32_t add_object(JitdFrame *frame, uint64_t object, uint64_t of) {
    TableKey key;
    (void)frame;
    return key_of(object_of(of), &key) ? change(object_of(object), &key, MISSING, PySet_Add) : USUAL;
}

static int32_t discard_int(JitdFrame *frame, uint64_t object, int64_t number) {
    TableKey key = key_of_int(number);
    (void)frame;
    return change(object_of(object), &key, FOUND, PySet_Discard);
}

static int32_t discard_object(JitdFrame *frame, uint64_t object, uint64_t of) {
    TableKey key;
    (void)frame;
    return key_of(object_of(of), &key) ? change(object_of(object), &key, FOUND, PySet_Discard) : USUAL;
}

/* Nothing is collected meanwhile: that would run finalisers. */
static uint64_t dict_new(JitdFrame *frame) {
    (void)frame;
    int collects = PyGC_Disable();
    PyObject *dict = PyDict_New();
    if (collects)
        PyGC_Enable();
    return (uint64_t)(uintptr_t)dict;
}

static uint64_t set_new(JitdFrame *frame) {
    (void)frame;
    int collects = PyGC_Disable();
    PyObject *set = PySet_New(NULL);
    if (collects)
        PyGC_Enable();
    return (uint64_t)(uintptr_t)set;
}

static int32_t set_put_int(JitdFrame *frame, uint64_t set, int64_t item) {
    (void)frame;
    PyObject *object = PyLong_FromLongLong(item);
    int32_t failed = !object || PySet_Add(object_of(set), object) < 0;
    Py_XDECREF(object);
    return failed;
}

static int32_t set_put(JitdFrame *frame, uint64_t set, uint64_t item) {
    PyObject *op = object_of(item);
    (void)frame;
    if (!operation_is_quiet_key(op))
        return USUAL;
    if (PySet_Add(object_of(set), op) == 0)
        return DONE;
    PyErr_Clear(); /* it is raised where the interpreter goes on */
    return USUAL;
}

#define MOST_GIVEN_UP 32

/* Whether giving it up runs no Python code. */
static bool is_given_up_quietly(PyObject *op) {
    bool is_quiet = is_plain(op);
    if (is_quiet || !(PyList_CheckExact(op) || PyTuple_CheckExact(op)) || Py_SIZE(op) > MOST_GIVEN_UP)
        return is_quiet;
    for (Py_ssize_t i = 0; i < Py_SIZE(op); i++)
        if (!is_plain(PySequence_Fast_ITEMS(op)[i]))
            return false;
    return true;
}

static int32_t map_put_object(PyObject *dict, PyObject *key, PyObject *value) {
    PyObject *old = PyDict_GetItemWithError(dict, key);
    if (!PyErr_Occurred() && is_given_up_quietly(old) && PyDict_SetItem(dict, key, value) == 0)
        return DONE;
    PyErr_Clear();
    return USUAL;
}

static int32_t map_put(JitdFrame *frame, uint64_t dict, uint64_t key, uint64_t value) {
    PyObject *op = object_of(key);
    (void)frame;
    return operation_is_quiet_key(op) ? map_put_object(object_of(dict), op, object_of(value)) : USUAL;
}

static int32_t map_put_int(JitdFrame *frame, uint64_t dict, int64_t key, uint64_t value) {
    PyObject *op = PyLong_FromLongLong(key);
    int32_t status = op ? map_put_object(object_of(dict), op, object_of(value)) : USUAL;
    (void)frame;
    PyErr_Clear();
    Py_XDECREF(op);
    return status;
}

void tables_imports(const void **imports) {
    imports[JITD_IMPORT_py_dict_type] = &PyDict_Type;
    imports[JITD_IMPORT_py_set_type] = &PySet_Type;
    imports[JITD_IMPORT_py_has_int] = (const void *)has_int;
    imports[JITD_IMPORT_py_has] = (const void *)has_object;
    imports[JITD_IMPORT_py_find_int] = (const void *)find_int;
    imports[JITD_IMPORT_py_item] = (const void *)item_of;
    imports[JITD_IMPORT_py_find] = (const void *)find_object;
    imports[JITD_IMPORT_py_put_int] = (const void *)put_int;
    imports[JITD_IMPORT_py_put] = (const void *)put_object;
    imports[JITD_IMPORT_py_add_int] = (const void *)add_int;
    imports[JITD_IMPORT_py_add] = (const void *)add_object;
    imports[JITD_IMPORT_py_discard_int] = (const void *)discard_int;
    imports[JITD_IMPORT_py_discard] = (const void *)discard_object;
    imports[JITD_IMPORT_py_dict_new] = (const void *)dict_new;
    imports[JITD_IMPORT_py_set_new] = (const void *)set_new;
    imports[JITD_IMPORT_py_set_put_int] = (const void *)set_put_int;
    imports[JITD_IMPORT_py_set_put] = (const void *)set_put;
    imports[JITD_IMPORT_py_map_put_int] = (const void *)map_put_int;
    imports[JITD_IMPORT_py_map_put] = (const void *)map_put;
}
