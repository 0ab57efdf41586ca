/* with in compiled code: the object is entered here, and what leaves it again is kept in an object of its own, until compiled code comes to the
 * end. Where Python goes on in the middle it does so in a with statement of that object (jitd/resume.py). */
#include "client/python/ext/resume.h"

typedef struct Entered {
    PyObject_HEAD;
    PyObject *exit; /* the bound __exit__ */
    bool is_builtin;
} Entered;

PyObject *entered_name;
static PyObject *exit_name;

static int traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(((Entered *)op)->exit);
    return 0;
}

static int clear(PyObject *op) {
    Py_CLEAR(((Entered *)op)->exit);
    return 0;
}

static void dealloc(PyObject *op) {
    PyObject_GC_UnTrack(op);
    clear(op);
    PyObject_GC_Del(op);
}

static PyObject *enter_again(PyObject *op, PyObject *ignored) {
    (void)op, (void)ignored;
    Py_RETURN_NONE;
}

static PyObject *exit_at_last(PyObject *op, PyObject *args) {
    return PyObject_Call(((Entered *)op)->exit, args, NULL);
}

static PyMethodDef entered_methods[] = {{"__enter__", enter_again, METH_NOARGS, NULL},
                                        {"__exit__", exit_at_last, METH_VARARGS, NULL},
                                        {NULL, NULL, 0, NULL}};

PyTypeObject Entered_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd._jitd.Entered",
    .tp_basicsize = sizeof(Entered),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = dealloc,
    .tp_traverse = traverse,
    .tp_clear = clear,
    .tp_methods = entered_methods,
};

/* As a with statement looks for it: in the class. */
static PyObject *special(PyObject *op, PyObject *name) {
    PyObject *found = _PyType_Lookup(Py_TYPE(op), name);
    descrgetfunc get = found ? Py_TYPE(found)->tp_descr_get : NULL;
    if (!get)
        return Py_XNewRef(found);
    Py_INCREF(found);
    PyObject *bound = get(found, op, (PyObject *)Py_TYPE(op));
    Py_DECREF(found);
    return bound;
}

/* A with statement says what is missing, in the words of this version. */
static PyObject *refuse(PyObject *manager) {
    PyObject *names = Py_BuildValue("{sOsO}", "__builtins__", PyEval_GetBuiltins(), "manager", manager);
    PyObject *done = names ? PyRun_String("with manager: pass", Py_file_input, names, names) : NULL;
    Py_XDECREF(names);
    if (done) {
        Py_DECREF(done);
        return PyErr_Format(PyExc_SystemError, "jitd: %R can be entered, and could not before", manager);
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_CLEAR(traceback);
    PyException_SetTraceback(value, Py_None);
    PyErr_Restore(type, value, NULL);
    return NULL;
}

/* Takes the count of `exit` over. */
static PyObject *entered_new(PyObject *exit) {
    Entered *e = PyObject_GC_New(Entered, &Entered_Type);
    if (!e) {
        Py_DECREF(exit);
        return NULL;
    }
    e->exit = exit;
    e->is_builtin = PyCFunction_CheckExact(exit);
    PyObject_GC_Track((PyObject *)e);
    return (PyObject *)e;
}

PyObject *entered_enter(PyObject *manager) {
    PyObject *enter = special(manager, entered_name), *exit = enter ? special(manager, exit_name) : NULL;
    if (!exit) {
        Py_XDECREF(enter);
        return PyErr_Occurred() ? NULL : refuse(manager);
    }
    PyObject *value = PyObject_CallNoArgs(enter), *entered = NULL;
    Py_DECREF(enter);
    if (value)
        entered = entered_new(exit);
    else
        Py_DECREF(exit);
    PyObject *both = entered ? PyTuple_Pack(2, entered, value) : NULL;
    Py_XDECREF(entered);
    Py_XDECREF(value);
    return both;
}

bool entered_is_builtin(PyObject *entered) {
    return Py_IS_TYPE(entered, &Entered_Type) && ((Entered *)entered)->is_builtin;
}

PyObject *entered_leave(PyObject *entered) {
    if (!Py_IS_TYPE(entered, &Entered_Type))
        return PyErr_Format(PyExc_SystemError, "jitd: what is left was never entered");
    PyObject *nothing[] = {NULL, Py_None, Py_None, Py_None};
    PyObject *exit = Py_NewRef(((Entered *)entered)->exit);
    PyObject *result = PyObject_Vectorcall(exit, nothing + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(exit);
    Py_XDECREF(result);
    return result ? Py_NewRef(Py_None) : NULL;
}

PyObject *entered_enter_call(PyObject *module, PyObject *manager) {
    (void)module;
    return entered_enter(manager);
}

PyObject *entered_leave_call(PyObject *module, PyObject *entered) {
    (void)module;
    return entered_leave(entered);
}

int entered_init(void) {
    entered_name = PyUnicode_InternFromString("__enter__");
    exit_name = PyUnicode_InternFromString("__exit__");
    return entered_name && exit_name ? PyType_Ready(&Entered_Type) : -1;
}
