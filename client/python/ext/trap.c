/* Traps: a status other than zero becomes the Python exception, with a traceback entry at the user's own file and line for
 * the place itself and for each compiled caller on the way out. What exception it is, the unit's site table says
 * (docs/protocol.md, "The meta"), which jitd/trap.py reads: this is the cold path. */
#include "client/python/ext/ext.h"
#include <frameobject.h>

/* Puts the first line of the code on top of the current exception's traceback. */
static void add_line(PyCodeObject *code, PyObject *globals) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyFrameObject *frame = PyFrame_New(PyThreadState_Get(), code, globals, NULL);
    if (!frame)
        PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    if (frame) {
#if PY_VERSION_HEX < 0x030b0000
        frame->f_lineno = code->co_firstlineno;
#endif
        PyTraceBack_Here(frame);
    }
    Py_XDECREF(frame);
}

/* A function of jitd/trap.py on the plan's unit. */
static PyObject *ask_unit(const char *function, const Plan *plan, uint32_t site, PyObject *values) {
    static PyObject *module;
    if (!module && !(module = PyImport_ImportModule("jitd.trap")))
        return NULL;
    return PyObject_CallMethod(module, function, values ? "OIO" : "OI", plan->unit, site, values);
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

/* place: (file, function, line) */
static PyObject *code_of_place(PyObject *place) {
    const char *file, *function;
    int line;
    return PyArg_ParseTuple(place, "ssi", &file, &function, &line) ? (PyObject *)PyCode_NewEmpty(file, function, line)
                                                                   : NULL;
}

/* places(unit, site) -> [place, ...] */
static PyObject *find_places(const Plan *plan, uint32_t site) {
    PyObject *places = ask_unit("places", plan, site, NULL);
    PyObject *found = places && PyList_Check(places) ? PyTuple_New(PyList_GET_SIZE(places)) : NULL;
    for (Py_ssize_t i = 0; found && i < PyList_GET_SIZE(places); i++) {
        PyObject *code = code_of_place(PyList_GET_ITEM(places, i));
        if (code)
            PyTuple_SET_ITEM(found, i, code);
        else
            Py_CLEAR(found);
    }
    Py_XDECREF(places);
    return found;
}

/* Borrowed; NULL, without an exception: nobody knows. What exception is set stays. */
static PyObject *places_of(Plan *plan, uint32_t site) {
    PlanSite *at = plan_site(plan, site);
    if (!at || at->places)
        return at ? at->places : NULL;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *places = find_places(plan, site);
    if (!places)
        PyErr_Clear();
    else if (at->places)
        Py_DECREF(places);
    else
        at->places = places;
    PyErr_Restore(type, value, traceback);
    return at->places;
}

/* Where they are not known the traceback is shorter. inner: but for the last, which is the function. */
static void add_places(Plan *plan, uint32_t site, PyObject *globals, bool inner) {
    PyObject *places = Py_XNewRef(places_of(plan, site));
    for (Py_ssize_t i = 0; places && i < PyTuple_GET_SIZE(places) - inner; i++) {
        PyCodeObject *code = (PyCodeObject *)PyTuple_GET_ITEM(places, i);
        add_line(code, globals);
        if (PyUnicode_CompareWithASCIIString(code->co_name, "<genexpr>") == 0)
            leave_generator();
    }
    Py_XDECREF(places);
}

static PyObject *globals_of(const Method *m) {
    return PyFunction_Check(m->func) ? PyFunction_GET_GLOBALS(m->func) : PyEval_GetGlobals();
}

/* The sites of callers beyond those that the trap has. Copied before anything else: what follows may run compiled code. */
typedef struct More {
    uint32_t n, sites[JITD_TRACE_MORE];
} More;

static void take_more(More *ret, const JitdTrap *trap) {
    uint32_t n = trap->ntrace > JITD_TRACE_MAX ? trap->ntrace - JITD_TRACE_MAX : 0;
    ret->n = n < JITD_TRACE_MORE ? n : JITD_TRACE_MORE;
    memcpy(ret->sites, jitd_frame->more, ret->n * sizeof *ret->sites);
}

static void add_traceback(Plan *plan, const JitdTrap *trap, const More *more, PyObject *globals) {
    if (trap->site != UINT32_MAX) /* else the exception was raised in Python, where the call went on */
        add_places(plan, trap->site, globals, false);
    for (uint32_t i = 0; i < trap->ntrace && i < JITD_TRACE_MAX; i++)
        add_places(plan, trap->trace[i], globals, false);
    for (uint32_t i = 0; i < more->n; i++)
        add_places(plan, more->sites[i], globals, false);
}

static PyObject *trap_values(const JitdTrap *trap, uint32_t most) {
    uint32_t n = trap->nvalues < JITD_TRAP_VALUES ? trap->nvalues : JITD_TRAP_VALUES;
    PyObject *values = PyTuple_New(most);
    for (uint32_t i = 0; values && i < most; i++)
        PyTuple_SET_ITEM(values, i, PyLong_FromUnsignedLongLong(i < n ? trap->values[i].u : 0));
    return values;
}

/* Borrowed; None: who knows. */
static PyObject *args_of(Plan *plan, uint32_t site) {
    PlanSite *at = plan_site(plan, site);
    if (at && !at->raised) {
        PyObject *raised = ask_unit("raised", plan, site, NULL);
        if (raised)
            catch_learn(plan, site, NULL, raised);
        Py_XDECREF(raised);
    }
    if (at && at->raised && !at->args) {
        PyObject *args = ask_unit("arguments", plan, site, NULL);
        at->args = at->args ? at->args : Py_XNewRef(args);
        Py_XDECREF(args);
    }
    PyErr_Clear();
    return at && at->args ? at->args : Py_None;
}

/* Its own frames do not belong into the traceback. */
static void drop_traceback(void) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Py_CLEAR(traceback);
    if (value && PyExceptionInstance_Check(value))
        PyException_SetTraceback(value, Py_None);
    PyErr_Restore(type, value, NULL);
}

/* New reference; NULL: exception. */
static PyObject *args_now(PyObject *args, const JitdTrap *trap) {
    if (PyTuple_Check(args))
        return Py_NewRef(args);
    PyObject *values = trap_values(trap, trap->nvalues);
    PyObject *made = values ? PyObject_CallOneArg(args, values) : NULL;
    Py_XDECREF(values);
    return made;
}

/* What a raise statement says. False: it is none. */
static bool raise_known(Plan *plan, const JitdTrap *trap) {
    PyObject *args = Py_NewRef(args_of(plan, trap->site));
    PyTypeObject *class = args != Py_None ? catch_class(plan_site(plan, trap->site)->raised) : NULL;
    PyObject *now = class ? args_now(args, trap) : NULL,
             *made = now ? PyObject_Call((PyObject *)class, now, NULL) : NULL;
    if (made && PyExceptionInstance_Check(made))
        PyErr_SetObject((PyObject *)Py_TYPE(made), made);
    bool is_raised = PyErr_Occurred() != NULL;
    if (class && !made)
        drop_traceback();
    Py_XDECREF(made);
    Py_XDECREF(now);
    Py_DECREF(args);
    return is_raised;
}

/* Lets raise_site(unit, site, values) raise; its own frames do not belong into the traceback. */
static void raise_site(Plan *plan, const JitdTrap *trap) {
    if (raise_known(plan, trap))
        return;
    PyObject *values = trap_values(trap, JITD_TRAP_VALUES);
    PyObject *result = values ? ask_unit("raise_site", plan, trap->site, values) : NULL;
    Py_XDECREF(values);
    if (result) {
        PyErr_Format(PyExc_SystemError, "jitd: the operation at site %u did not raise", trap->site);
        Py_DECREF(result);
        return;
    }
    drop_traceback();
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
    More more;
    take_more(&more, &trap);
    raise_trap(plan, &trap, status);
    if (globals)
        add_traceback(plan, &trap, &more, globals);
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

/* The next one compiled code catches itself, if its handlers are compiled (catch.c). */
static void learn(Plan *plan) {
    uint32_t handlers = plan->unknown_handlers, raised = plan->unknown_raised;
    PyObject *type, *value, *traceback;
    plan->unknown_handlers = plan->unknown_raised = 0;
    if (!handlers && !raised)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *found = handlers ? ask_unit("handlers", plan, handlers - 1, NULL) : NULL;
    PyObject *class = raised ? ask_unit("raised", plan, raised - 1, NULL) : NULL;
    PyErr_Clear();
    if (found)
        catch_learn(plan, handlers - 1, found, NULL);
    if (class)
        catch_learn(plan, raised - 1, NULL, class);
    Py_XDECREF(found);
    Py_XDECREF(class);
    PyErr_Restore(type, value, traceback);
}

PyObject *trap_catch(Plan *plan, const JitdTrap *trap, uint32_t site, bool called, int *ret_line) {
    static PyMethodDef again = {"raise_again", raise_again, METH_NOARGS, NULL};
    PyObject *type, *exception, *traceback, *globals = globals_of(plan->method_of);
    bool has_frames = !called && trap->site == UINT32_MAX; /* its own, from where the interpreter did something */
    More more;
    take_more(&more, trap);
    learn(plan);
    raise_trap(plan, trap, (int32_t)trap->kind);
    if (called && globals)
        add_traceback(plan, trap, &more, globals);
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
