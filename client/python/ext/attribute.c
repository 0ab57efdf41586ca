/* Python fields that compiled code reads: attributes that an instance has in this process. No Python code runs: compiled code reads only what the
 * class has no hook for.
 *
 * Most instances have what is asked for, and their class has nothing of the name that goes before it. Until 3.11 that is looked up once for each
 * place and version of the class; then it is a look at the instance (3.11, where instances keep their attributes beside them) or at its dict.
 * Whatever is not so is CPython's to find, or to say why it is not there. */
#include <patchlevel.h>
#define QUICK (PY_VERSION_HEX < 0x030c0000)
#define VALUES_BESIDE (QUICK && PY_VERSION_HEX >= 0x030b0000)
#if VALUES_BESIDE
#define Py_BUILD_CORE 1
#endif
#include "client/python/ext/ext.h"
#if VALUES_BESIDE
#include <internal/pycore_dict.h>
#include <internal/pycore_object.h>
#endif

/* ---- where CPython finds it ---- */

/* As CPython's compiler does with constants. */
static bool is_interned(PyObject *text) {
    const char *ascii = PyUnicode_IS_COMPACT_ASCII(text) ? PyUnicode_DATA(text) : NULL;
    for (Py_ssize_t i = 0; ascii && i < PyUnicode_GET_LENGTH(text); i++)
        if (!Py_ISALNUM(ascii[i]) && ascii[i] != '_')
            return false;
    return ascii;
}

PlanRead *attribute_find(Plan *plan, uint32_t site) {
    PyObject *sites = PyTuple_Check(plan->unit) ? PyTuple_GET_ITEM(plan->unit, 0) : NULL;
    Py_ssize_t n = sites && PyList_Check(sites) ? PyList_GET_SIZE(sites) : 0;
    if (!plan->reads && (plan->reads = PyMem_Calloc((size_t)n + 1, sizeof *plan->reads)))
        plan->nreads = (uint32_t)n;
    if (site < plan->nreads && plan->reads[site].name)
        return &plan->reads[site];
    PyObject *payload = site < plan->nreads ? PySequence_GetItem(PyList_GET_ITEM(sites, site), 4) : NULL;
    PyObject *name = payload ? PySequence_GetItem(payload, 0) : NULL;
    Py_XDECREF(payload);
    if (!name || !PyUnicode_CheckExact(name)) {
        Py_XDECREF(name);
        PyErr_Format(PyExc_SystemError, "jitd: compiled code knows no name %u", site);
        return NULL;
    }
    if (is_interned(name))
        PyUnicode_InternInPlace(&name);
    plan->reads[site].name = name;
    return &plan->reads[site];
}

#if QUICK
/* Whether nothing of the class goes before what an instance has, nor will while the class has this version: what a class says of
 * its instances' attributes (a descriptor's __set__) is fixed where that is C code's. */
static bool is_instance_first(PyTypeObject *type, PyObject *name) {
    PyObject *found = _PyType_Lookup(type, name);
    return !found || (!Py_TYPE(found)->tp_descr_set && !(Py_TYPE(found)->tp_flags & Py_TPFLAGS_HEAPTYPE));
}

/* Instances that have their attributes beside them have each in a place that is the same for all of the class, for ever. -1: unknown. */
static int32_t index_of(PyTypeObject *type, PyObject *name) {
#if VALUES_BESIDE
    PyDictKeysObject *keys = ((PyHeapTypeObject *)type)->ht_cached_keys;
    bool has = type->tp_flags & Py_TPFLAGS_MANAGED_DICT && keys && DK_IS_UNICODE(keys);
    for (Py_ssize_t i = 0; has && i < keys->dk_nentries; i++)
        if (DK_UNICODE_ENTRIES(keys)[i].me_key == name)
            return (int32_t)i;
    return -1;
#else
    (void)type, (void)name;
    return 0;
#endif
}

/* Until the class has another version. */
static void learn(PlanRead *read, PyTypeObject *type) {
    bool is_plain = type->tp_flags & Py_TPFLAGS_HEAPTYPE && is_instance_first(type, read->name);
    read->index = is_plain ? index_of(type, read->name) : -1;
    read->version = type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG ? type->tp_version_tag : 0;
}
#endif

/* ---- reading ---- */

#if QUICK
/* Borrowed; NULL, perhaps with an exception: it is not to be found here. */
static inline PyObject *find(const PlanRead *read, PyObject *op) {
#if VALUES_BESIDE
    const PyDictValues *values = *_PyObject_ValuesPointer(op);
    if (likely(values != NULL))
        return values->values[read->index];
    PyObject *dict = *_PyObject_ManagedDictPointer(op);
#else
    PyObject **place = _PyObject_GetDictPtr(op), *dict = place ? *place : NULL;
#endif
    return dict ? PyDict_GetItemWithError(dict, read->name) : NULL;
}

static inline bool is_learned(const PlanRead *read, const PyTypeObject *type) {
    return type->tp_flags & Py_TPFLAGS_VALID_VERSION_TAG && type->tp_version_tag == read->version;
}
#endif

/* Borrowed, of an instance that this process has a proxy of, and whose class is as it was learned; NULL, perhaps with an exception. */
static inline PyObject *known(const Plan *plan, uint64_t ref, uint32_t site) {
#if QUICK
    const PlanRead *read = site < plan->nreads ? &plan->reads[site] : NULL;
    PyObject *op = ref < jitd_context.size ? *proxy_place(ref) : NULL;
    if (likely(read && op) && likely(is_learned(read, Py_TYPE(op)) && read->index >= 0))
        return find(read, op);
#else
    (void)plan, (void)ref, (void)site;
#endif
    return NULL;
}

/* As CPython does it. Where there is no proxy yet one is made. */
static PyObject *look_up(Plan *plan, uint64_t ref, uint32_t site) {
    PlanRead *read = attribute_at(plan, site);
    PyObject *proxy = read ? instance_try_proxy(ref) : NULL;
    PyObject *value = proxy ? PyObject_GenericGetAttr(proxy, read->name) : NULL;
#if QUICK
    if (value && !is_learned(read, Py_TYPE(proxy)))
        learn(read, Py_TYPE(proxy));
#endif
    Py_XDECREF(proxy);
    return value;
}

/* Nothing is collected meanwhile: that would run finalisers. From 3.12 on the collector waits for the interpreter. */
static PyObject *other(Plan *plan, uint64_t ref, uint32_t site) {
#if QUICK
    int collects = PyGC_Disable();
    PyObject *value = look_up(plan, ref, site);
    if (collects)
        PyGC_Enable();
    return value;
#else
    return look_up(plan, ref, site);
#endif
}

int32_t attribute_read(JitdFrame *frame, uint64_t ref, uint32_t site, uint64_t *out) {
    PyObject *value = known(frame->running, ref, site);
    if (likely(value != NULL))
        Py_INCREF(value);
    else if (unlikely(PyErr_Occurred()) || !(value = other(frame->running, ref, site))) {
        frame->trap = (JitdTrap){.kind = JITD_TRAP_PYTHON, .site = site};
        *out = 0;
        return JITD_TRAP_PYTHON;
    }
    *out = (uint64_t)(uintptr_t)value;
    return JITD_TRAP_NONE;
}
