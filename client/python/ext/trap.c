/* Traps: a status other than zero becomes the Python exception, with a traceback entry at the user's own file and line for
 * the place itself and for each compiled caller on the way out. What exception it is, the unit's site table says
 * (docs/protocol.md, "The meta"), which jitd/trap.py reads: this is the cold path. */
#include "client/python/ext/ext.h"
#include <frameobject.h>

/* Puts a line on top of the current exception's traceback. */
static void add_line(const char *file, const char *function, int line, PyObject *globals) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyCodeObject *code = PyCode_NewEmpty(file, function, line);
    PyFrameObject *frame = code ? PyFrame_New(PyThreadState_Get(), code, globals, NULL) : NULL;
    if (!frame)
        PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    if (frame) {
#if PY_VERSION_HEX < 0x030b0000
        frame->f_lineno = line;
#endif
        PyTraceBack_Here(frame);
    }
    Py_XDECREF(frame);
    Py_XDECREF(code);
}

/* A function of jitd/trap.py on the plan's unit. */
static PyObject *ask_unit(const char *function, const Plan *plan, uint32_t site, PyObject *values) {
    PyObject *module = PyImport_ImportModule("jitd.trap");
    PyObject *result =
        module ? PyObject_CallMethod(module, function, values ? "OIO" : "OI", plan->unit, site, values) : NULL;
    Py_XDECREF(module);
    return result;
}

/* What leaves a generator is no StopIteration. */
static void leave_generator(void) {
    PyObject *type, *value, *traceback;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    PyErr_SetString(PyExc_RuntimeError, "generator raised StopIteration");
    PyObject *new_type, *error, *new_traceback;
    PyErr_Fetch(&new_type, &error, &new_traceback);
    PyErr_NormalizeException(&new_type, &error, &new_traceback);
    PyException_SetCause(error, Py_NewRef(value));
    PyException_SetContext(error, value);
    PyErr_Restore(new_type, error, new_traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
}

/* place: (file, function, line). */
static void add_place(PyObject *place, PyObject *globals) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    const char *file = NULL, *function;
    int line;
    if (!PyArg_ParseTuple(place, "ssi", &file, &function, &line)) {
        file = NULL;
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
    if (!file)
        return;
    add_line(file, function, line, globals);
    if (strcmp(function, "<genexpr>") == 0)
        leave_generator();
}

/* places(unit, site) -> [place, ...]; a missing one leaves the traceback shorter. inner: but for the last, which is the function. */
static void add_places(Plan *plan, uint32_t site, PyObject *globals, bool inner) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *places = ask_unit("places", plan, site, NULL);
    if (!places)
        PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    for (Py_ssize_t i = 0; places && PyList_Check(places) && i < PyList_GET_SIZE(places) - inner; i++)
        add_place(PyList_GET_ITEM(places, i), globals);
    Py_XDECREF(places);
}

static PyObject *globals_of(const Method *m) {
    return PyFunction_Check(m->func) ? PyFunction_GET_GLOBALS(m->func) : PyEval_GetGlobals();
}

static void add_traceback(Plan *plan, const JitdTrap *trap, PyObject *globals) {
    if (trap->site != UINT32_MAX) /* else the exception was raised in Python, where the call went on */
        add_places(plan, trap->site, globals, false);
    for (uint32_t i = 0; i < trap->ntrace && i < JITD_TRACE_MAX; i++)
        add_places(plan, trap->trace[i], globals, false);
}

static PyObject *trap_values(const JitdTrap *trap) {
    uint32_t n = trap->nvalues < JITD_TRAP_VALUES ? trap->nvalues : JITD_TRAP_VALUES;
    PyObject *values = PyTuple_New(JITD_TRAP_VALUES);
    for (uint32_t i = 0; values && i < JITD_TRAP_VALUES; i++)
        PyTuple_SET_ITEM(values, i, PyLong_FromUnsignedLongLong(i < n ? trap->values[i].u : 0));
    return values;
}

/* Lets raise_site(unit, site, values) raise; its own frames do not belong into the traceback. */
static void raise_site(Plan *plan, const JitdTrap *trap) {
    PyObject *values = trap_values(trap);
    PyObject *result = values ? ask_unit("raise_site", plan, trap->site, values) : NULL;
    Py_XDECREF(values);
    if (result) {
        PyErr_Format(PyExc_SystemError, "jitd: the operation at site %u did not raise", trap->site);
        Py_DECREF(result);
        return;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_CLEAR(traceback);
    if (value && PyExceptionInstance_Check(value))
        PyException_SetTraceback(value, Py_None);
    PyErr_Restore(type, value, NULL);
}

/* The exception itself. */
static void raise_trap(Plan *plan, const JitdTrap *trap, int32_t status) {
    switch (status) {
    case JITD_TRAP_RAISE:
        raise_site(plan, trap);
        break;
    case JITD_TRAP_INTERRUPT:
        if (!PyErr_Occurred())
            PyErr_CheckSignals();
        break;
    case JITD_TRAP_MEMORY:
        context_no_memory();
        break;
    default:
        break;
    }
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_SystemError, "jitd: compiled code ended with status %d and no exception", (int)status);
}

PyObject *trap_raise(Method *m, Plan *plan, int32_t status) {
    JitdTrap trap = jitd_frame->trap; /* what follows may run compiled code */
    PyObject *globals = globals_of(m);
    raise_trap(plan, &trap, status);
    if (globals)
        add_traceback(plan, &trap, globals);
    return NULL;
}

/* ---- in a try ---- */

/* As it was raised, with the traceback that it has: nothing is said of where it is raised again. */
static PyObject *raise_again(PyObject *exception, PyObject *ignored) {
    (void)ignored;
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exception)), Py_NewRef(exception), PyException_GetTraceback(exception));
    return NULL;
}

/* What the interpreter did at a place has a frame of its own, which stands for the function's. */
static void drop_frame(PyObject **traceback, int *ret_line) {
    const PyTracebackObject *outer = (const PyTracebackObject *)*traceback;
    if (!outer || !PyTraceBack_Check(outer))
        return;
    PyObject *line = PyObject_GetAttrString(*traceback, "tb_lineno"), *inner = Py_XNewRef((PyObject *)outer->tb_next);
    *ret_line = line ? (int)PyLong_AsLong(line) : 0;
    Py_XDECREF(line);
    PyErr_Clear();
    Py_SETREF(*traceback, inner);
}

/* A row of the site table has the frames inside of the function's behind the rest (jitd/trap.py, places). */
static bool is_in_comprehension(const Plan *plan, uint32_t site) {
    PyObject *sites = PyTuple_Check(plan->unit) ? PyTuple_GET_ITEM(plan->unit, 0) : NULL;
    bool is_there = sites && PyList_Check(sites) && site < (size_t)PyList_GET_SIZE(sites);
    PyObject *row = is_there ? PyList_GET_ITEM(sites, site) : NULL;
    return row && (PyList_Check(row) ? PyList_GET_SIZE(row) : PyTuple_Check(row) ? PyTuple_GET_SIZE(row) : 0) > 5;
}

PyObject *trap_catch(Plan *plan, const JitdTrap *trap, uint32_t site, bool called, int *ret_line) {
    static PyMethodDef again = {"raise_again", raise_again, METH_NOARGS, NULL};
    PyObject *type, *exception, *traceback, *globals = globals_of(plan->method_of);
    bool has_frames = !called && trap->site == UINT32_MAX; /* its own, from where the interpreter did something */
    raise_trap(plan, trap, (int32_t)trap->kind);
    if (called && globals)
        add_traceback(plan, trap, globals);
    if (globals && !has_frames && is_in_comprehension(plan, site))
        add_places(plan, site, globals, true);
    PyErr_Fetch(&type, &exception, &traceback);
    PyErr_NormalizeException(&type, &exception, &traceback);
    *ret_line = 0;
    if (has_frames)
        drop_frame(&traceback, ret_line);
    PyException_SetTraceback(exception, traceback ? traceback : Py_None);
    PyObject *raises = PyCFunction_New(&again, exception);
    Py_XDECREF(type);
    Py_XDECREF(exception);
    Py_XDECREF(traceback);
    return raises;
}
