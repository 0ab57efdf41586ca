/* The module jitd._jitd: everything of jitd that must be C. Process-wide state (one arena), so one interpreter. */
#include "client/python/ext/ext.h"

PyObject *jitd_missing;

static PyObject *module_new(PyObject *module, PyObject *type) {
    (void)module;
    return PyType_Check(type) ? construct_empty((PyTypeObject *)type)
                              : PyErr_Format(PyExc_TypeError, "a class is needed");
}

static PyMethodDef functions[] = {
    {"connect", context_connect, METH_VARARGS,
     "connect(socket, namespace, daemon, the same for later, message, body, makes_objects)"},
    {"connect_local", context_connect_local, METH_NOARGS, "use an arena of this process, without a daemon"},
    {"connected", context_connected, METH_NOARGS, "None: not yet; True: to a daemon; False: a local arena"},
    {"local_class", context_local_class, METH_VARARGS, "register a class in the local arena"},
    {"fork_prepare", context_fork_prepare, METH_NOARGS, NULL},
    {"fork_parent", context_fork_parent, METH_NOARGS, NULL},
    {"fork_child", context_fork_child, METH_NOARGS, NULL},
    {"check", context_check, METH_NOARGS, "(number of inconsistencies of the arena, the first one in words)"},
    {"collect", context_collect, METH_VARARGS,
     "collect(ms): frees shared objects that nothing holds; how many, or a negative errno"},
    {"collect_private", context_collect_private, METH_NOARGS,
     "frees private objects that only hold each other; how many"},
    {"expect_garbage", garbage_expect, METH_NOARGS,
     "before gc.collect(): it takes instances into account, however long that takes"},
    {"enter", entered_enter_call, METH_O,
     "enter(object): (what leaves it, what its __enter__ gave), as a with statement"},
    {"leave", entered_leave_call, METH_O, "leave(what leaves it): without an exception"},
    {"reap", context_reap, METH_NOARGS, "take back what dead processes held"},
    {"arena_stats", context_arena_stats, METH_NOARGS, NULL},
    {"convert", class_convert, METH_VARARGS, NULL},
    {"setup_fields", class_setup_fields, METH_VARARGS, NULL},
    {"set_family", class_set_family, METH_VARARGS, NULL},
    {"setup", class_setup, METH_VARARGS, NULL},
    {"renumber", class_renumber, METH_VARARGS, NULL},
    {"replace", class_replace, METH_VARARGS, NULL},
    {"shadow", shadow_watch, METH_VARARGS, NULL},
    {"show_fields", classdict_show_fields, METH_O,
     "show_fields(class): its instances' __dict__ has the native fields, too"},
    {"class_info", class_info, METH_O, "(class id, size, [(field, offset)]) or None"},
    {"digest", digest_call, METH_O, "32 bytes, of a list of str and bytes"},
    {"names", digest_names, METH_O, "what a code object, and those inside it, load from outside"},
    {"stores", digest_stores, METH_O, "the attributes that a code object stores"},
    {"request", request_call, METH_VARARGS, NULL},
    {"unlocked", request_unlocked, METH_VARARGS,
     "unlocked(lock, function, ...): its result, the RLock given up meanwhile"},
    {"locked", request_locked, METH_VARARGS, "locked(lock, function, ...): its result, the RLock taken meanwhile"},
    {"pack", request_pack, METH_O, NULL},
    {"unpack", request_unpack, METH_O, NULL},
    {"publish", request_publish, METH_VARARGS, NULL},
    {"lookup", request_lookup, METH_VARARGS, NULL},
    {"beside", beside_names, METH_O, "the names of what an instance has in this process only"},
    {"bytes_of", state_bytes, METH_VARARGS, "bytes_of(instance, n): the first n bytes of its native fields"},
    {"new", module_new, METH_O, "an instance with no field set"},
    {0},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "jitd._jitd", .m_doc = "The C part of jitd.", .m_size = -1, .m_methods = functions,
};

static int add_object(PyObject *module, const char *name, PyObject *object) {
    return object ? PyModule_AddObjectRef(module, name, object) : -1;
}

/* Static types: made by PyErr_NewException they would take a third of the time of loading this module. */
static PyTypeObject ReleasedError_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd.ReleasedError",
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "The object was released with close().",
};

static PyObject *remote_str(PyObject *op) {
    PyObject *args = ((PyBaseExceptionObject *)op)->args;
    Py_ssize_t n = args ? PyTuple_GET_SIZE(args) : 0;
    return n ? PyObject_Str(PyTuple_GET_ITEM(args, n - 1)) : PyUnicode_FromString("");
}

static PyTypeObject RemoteError_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd.RemoteError",
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "The daemon refused: (code, message).",
    .tp_str = remote_str,
};

static PyObject *ready_exception(PyTypeObject *type) {
    type->tp_base = (PyTypeObject *)PyExc_RuntimeError;
    return PyType_Ready(type) < 0 ? NULL : Py_NewRef((PyObject *)type);
}

/* CPython's wrapper of tp_new would refuse to make instances of classes that have another one. */
static int replace_new(void) {
    static PyMethodDef definition_new = {"__new__", (PyCFunction)(void (*)(void))instance_new_method,
                                         METH_VARARGS | METH_KEYWORDS, "Create and return a new object."};
    PyObject *function = PyCFunction_New(&definition_new, NULL),
             *method = function ? PyStaticMethod_New(function) : NULL;
    int r = method ? PyDict_SetItemString(Instance_Type.tp_dict, "__new__", method) : -1;
    PyType_Modified(&Instance_Type);
    Py_XDECREF(method);
    Py_XDECREF(function);
    return r;
}

static int add_types(PyObject *module) {
    Instance_Type.tp_new = PyBaseObject_Type.tp_new; /* so that object.__new__(cls) is allowed, too */
    if (PyType_Ready(&ClassInfo_Type) < 0 || PyType_Ready(&Instance_Type) < 0 || PyType_Ready(&Method_Type) < 0 ||
        PyType_Ready(&Watched_Type) < 0 || PyType_Ready(&Guard_Type) < 0 || PyType_Ready(&FieldDescr_Type) < 0 ||
        PyType_Ready(&Absent_Type) < 0 || PyType_Ready(&Extra_Type) < 0 || PyType_Ready(&ClassDict_Type) < 0 ||
        shadow_ready() < 0 || entered_init() < 0)
        return -1;
    if (absent_slots() < 0 || ofclass_add() < 0 || replace_new() < 0 || watch_start() < 0)
        return -1;
    jitd_missing = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
    default_own = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
    jitd_ReleasedError = ready_exception(&ReleasedError_Type);
    jitd_RemoteError = ready_exception(&RemoteError_Type);
    return add_object(module, "MISSING", jitd_missing) < 0 ||
                   add_object(module, "Instance", (PyObject *)&Instance_Type) < 0 ||
                   add_object(module, "Method", (PyObject *)&Method_Type) < 0 ||
                   add_object(module, "Guard", (PyObject *)&Guard_Type) < 0 ||
                   add_object(module, "ReleasedError", jitd_ReleasedError) < 0 ||
                   add_object(module, "RemoteError", jitd_RemoteError) < 0
               ? -1
               : 0;
}

PyMODINIT_FUNC PyInit__jitd(void) {
#ifdef Py_GIL_DISABLED
    PyErr_SetString(PyExc_ImportError, "jitd runs in a CPython that has its GIL, and this is a free-threaded build");
    return NULL;
#endif
    PyObject *module = PyModule_Create(&definition);
    if (module && add_types(module) < 0)
        Py_CLEAR(module);
    return module;
}
