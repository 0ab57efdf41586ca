/* with in compiled code: the object is entered here, and what leaves it again is kept in an object of its own, until compiled code comes to the
 * end. Where Python goes on in the middle it does so in a with statement of that object (jitd/resume.py). */
#include "client/python/ext/resume.h"

/* A method, and the object that it is of; NULL: it is bound already. */
typedef struct Special {
    PyObject *function, *self;
} Special;

typedef struct Entered {
    PyObject_HEAD;
    Special exit;
} Entered;

PyObject *entered_name;
static PyObject *exit_name;

static int traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(((Entered *)op)->exit.function);
    Py_VISIT(((Entered *)op)->exit.self);
    return 0;
}

static int clear(PyObject *op) {
    Py_CLEAR(((Entered *)op)->exit.function);
    Py_CLEAR(((Entered *)op)->exit.self);
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

/* args[-1] may be written to. */
static PyObject *call(const Special *s, PyObject **args, size_t n) {
    Special held = {Py_NewRef(s->function), Py_XNewRef(s->self)};
    args[-1] = held.self;
    PyObject *result = PyObject_Vectorcall(held.function, held.self ? args - 1 : args, n + (held.self != NULL), NULL);
    Py_DECREF(held.function);
    Py_XDECREF(held.self);
    return result;
}

static PyObject *exit_at_last(PyObject *op, PyObject *const *args, Py_ssize_t n) {
    if (n != 3)
        return PyErr_Format(PyExc_TypeError, "__exit__() takes 3 arguments (%zd given)", n);
    PyObject *all[] = {NULL, args[0], args[1], args[2]};
    return call(&((Entered *)op)->exit, all + 1, 3);
}

static PyMethodDef entered_methods[] = {{"__enter__", enter_again, METH_NOARGS, NULL},
                                        {"__exit__", (PyCFunction)(void (*)(void))exit_at_last, METH_FASTCALL, NULL},
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

/* As a with statement looks for it: in the class. False: it is not there, or an exception is set. */
static bool special(PyObject *op, PyObject *name, Special *ret) {
    PyObject *found = _PyType_Lookup(Py_TYPE(op), name);
    descrgetfunc get = found ? Py_TYPE(found)->tp_descr_get : NULL;
    bool is_method = found && PyType_HasFeature(Py_TYPE(found), Py_TPFLAGS_METHOD_DESCRIPTOR);
    *ret = (Special){Py_XNewRef(found), is_method ? Py_NewRef(op) : NULL};
    if (get && !is_method)
        Py_SETREF(ret->function, get(found, op, (PyObject *)Py_TYPE(op)));
    return ret->function;
}

static void drop(const Special *s) {
    Py_XDECREF(s->function);
    Py_XDECREF(s->self);
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

/* Takes the counts over. */
static PyObject *entered_new(Special exit) {
    Entered *e = PyObject_GC_New(Entered, &Entered_Type);
    if (!e) {
        drop(&exit);
        return NULL;
    }
    e->exit = exit;
    PyObject_GC_Track((PyObject *)e);
    return (PyObject *)e;
}

PyObject *entered_enter(PyObject *manager) {
    Special enter = {NULL, NULL}, exit = {NULL, NULL};
    if (!special(manager, entered_name, &enter) || !special(manager, exit_name, &exit)) {
        drop(&enter);
        return PyErr_Occurred() ? NULL : refuse(manager);
    }
    PyObject *none[1], *value = call(&enter, none + 1, 0), *entered = NULL;
    drop(&enter);
    if (value)
        entered = entered_new(exit);
    else
        drop(&exit);
    PyObject *both = entered ? PyTuple_Pack(2, entered, value) : NULL;
    Py_XDECREF(entered);
    Py_XDECREF(value);
    return both;
}

bool entered_is_builtin(PyObject *entered) {
    PyObject *exit = Py_IS_TYPE(entered, &Entered_Type) ? ((Entered *)entered)->exit.function : NULL;
    return exit && (Py_IS_TYPE(exit, &PyMethodDescr_Type) || PyCFunction_CheckExact(exit));
}

PyObject *entered_leave(PyObject *entered) {
    if (!Py_IS_TYPE(entered, &Entered_Type))
        return PyErr_Format(PyExc_SystemError, "jitd: what is left was never entered");
    PyObject *nothing[] = {NULL, Py_None, Py_None, Py_None};
    PyObject *result = call(&((Entered *)entered)->exit, nothing + 1, 3);
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
