/* Resume: compiled code has come to where it cannot go on (an int beyond 64 bits, a value of another type, a name that means
 * something else now) and has had effects already. The interpreter does the rest of the call, from that very place: by a
 * function that jitd/resume.py makes of the source, once for each place that is come to.
 *
 * What it is given are new references: Python code may drop every object that the suspended compiled code, or its callers,
 * borrow. Private objects' release is put off meanwhile (imports.c), shared ones are kept by the epoch, which does not pause. */
#include "client/python/ext/resume.h"

static void resume_free(Resume *r) {
    if (!r)
        return;
    Py_XDECREF(r->function);
    Py_XDECREF(r->name);
    Py_XDECREF(r->callable);
    Py_XDECREF(r->trusted);
    Py_XDECREF(r->unbound);
    Py_XDECREF(r->why);
    PyMem_Free(r->values);
    PyMem_Free(r->written);
    PyMem_Free(r);
}

void resume_free_all(Plan *plan) {
    for (uint32_t i = 0; i < plan->nresumes; i++)
        resume_free(plan->resumes[i]);
    PyMem_Free(plan->resumes);
}

int resume_traverse(const Plan *plan, visitproc visit, void *arg) {
    for (uint32_t i = 0; i < plan->nresumes; i++)
        if (plan->resumes[i])
            Py_VISIT(plan->resumes[i]->function);
    return 0;
}

PyObject *resume_take(JitdFrame *frame) {
    PyObject *object = frame->object;
    frame->object = NULL;
    if (!object)
        PyErr_SetString(PyExc_SystemError, "jitd: compiled code ended with an object that is not there");
    return object;
}

/* ---- a place's function, and what it takes ---- */

static int set_type(Plan *plan, PyObject *text, const Type **ret) {
    *ret = PyUnicode_Check(text) && PyUnicode_GetLength(text) ? plan_type(plan, text) : NULL;
    return PyErr_Occurred() ? -1 : 0;
}

static int set_value(Plan *plan, PyObject *text, Value *value) {
    static const char *const kinds[] = {
        [LIST] = "*list", [LIST_ENUMERATE] = "*enumerate", [LIST_ZIP] = "*zip", [ITEM_FIRST] = "*item"};
    for (int i = LIST; i <= ITEM_FIRST; i++)
        if (PyUnicode_CompareWithASCIIString(text, kinds[i]) == 0)
            value->of_list = i;
    if (value->of_list)
        return 0;
    if (PyUnicode_GET_LENGTH(text) < 2 || PyUnicode_READ_CHAR(text, 0) != '*')
        return set_type(plan, text, &value->type);
    PyObject *type = PyUnicode_Substring(text, 1, PyUnicode_GET_LENGTH(text));
    value->of_list = TUPLE;
    int r = type ? set_type(plan, type, &value->type) : -1;
    Py_XDECREF(type);
    return r;
}

static Value *values_new(Plan *plan, PyObject *from) {
    Py_ssize_t n = PyTuple_GET_SIZE(from);
    Value *values = PyMem_Calloc((size_t)n + 1, sizeof *values);
    if (!values)
        return PyErr_NoMemory(), NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *text;
        int flagged;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(from, i), "pU", &flagged, &text) ||
            set_value(plan, text, &values[i]) < 0) {
            PyMem_Free(values);
            return NULL;
        }
        values[i].flagged = flagged;
    }
    return values;
}

/* prepare(unit, site) -> (function or None, UNBOUND, why, ((flagged, type), ...), written: the same, what, result, name or None) */
enum { TAKES_OBJECT = 1, OPERATES, RAISES, RAISES_CALLED };

/* A class is a definition of the plan's. */
static int set_own(Plan *plan, Resume *r, PyObject *number) {
    size_t i = PyLong_Check(number) ? PyLong_AsSize_t(number) : 0;
    if (!PyLong_Check(number))
        return 0;
    r->own = i < plan->ndefs ? (PyObject *)plan->defs[i] : NULL;
    return r->own ? 0 : (PyErr_Format(PyExc_SystemError, "jitd: a class method of no class"), -1);
}

static int prepare(Plan *plan, Resume *r, PyObject *made) {
    PyObject *function, *unbound, *why, *values, *written, *result, *name;
    int what;
    if (!PyArg_ParseTuple(made, "OOUO!O!iUO", &function, &unbound, &why, &PyTuple_Type, &values, &PyTuple_Type,
                          &written, &what, &result, &name))
        return -1;
    bool is_operation = what == OPERATES;
    r->name = PyUnicode_Check(name) ? Py_NewRef(name) : NULL;
    r->asks_class = PyUnicode_CompareWithASCIIString(why, "(isinstance") == 0;
    r->asks_size = PyUnicode_CompareWithASCIIString(why, "(len") == 0;
    r->prints = PyUnicode_CompareWithASCIIString(why, "(print") == 0;
    *(is_operation ? &r->callable : &r->function) = function == Py_None ? NULL : Py_NewRef(function);
    if (is_operation)
        operation_set(r, why);
    r->unbound = Py_NewRef(unbound);
    r->why = Py_NewRef(why);
    r->object = what == TAKES_OBJECT;
    r->raises = what == RAISES || what == RAISES_CALLED;
    r->called = what == RAISES_CALLED;
    r->nvalues = PyTuple_GET_SIZE(values);
    r->nwritten = PyTuple_GET_SIZE(written);
    if (!(r->values = values_new(plan, values)) || !(r->written = values_new(plan, written)))
        return -1;
    if (set_type(plan, result, &r->result) < 0 || set_own(plan, r, name) < 0)
        return -1;
    r->quick = operation_can_be_quick(r);
    return 0;
}

static Resume *resume_new(Plan *plan, uint32_t site, int line) {
    PyObject *module = PyImport_ImportModule("jitd.flight");
    PyObject *made = module ? PyObject_CallMethod(module, "prepare_resume", "OIi", plan->unit, site, line) : NULL;
    Resume *r = made ? PyMem_Calloc(1, sizeof *r) : NULL;
    if (made && !r)
        PyErr_NoMemory();
    if (r && prepare(plan, r, made) < 0) {
        resume_free(r);
        r = NULL;
    }
    Py_XDECREF(made);
    Py_XDECREF(module);
    return r;
}

static int make_room(Plan *plan, uint32_t site) {
    PyObject *sites = PyTuple_Check(plan->unit) ? PyTuple_GET_ITEM(plan->unit, 0) : NULL;
    Py_ssize_t n = sites && PyList_Check(sites) ? PyList_GET_SIZE(sites) : 0;
    if (site < plan->nresumes)
        return 0;
    if (site >= (size_t)n) {
        PyErr_Format(PyExc_SystemError, "jitd: compiled code knows no site %u", site);
        return -1;
    }
    plan->resumes = PyMem_Calloc((size_t)n, sizeof *plan->resumes);
    plan->nresumes = plan->resumes ? (uint32_t)n : 0;
    return plan->resumes ? 0 : (PyErr_NoMemory(), -1);
}

/* Python code that runs meanwhile may come here for the same place: the first one made stays. */
Resume *resume_of(Plan *plan, uint32_t site) {
    if (make_room(plan, site) < 0)
        return NULL;
    if (likely(plan->resumes[site] != NULL))
        return plan->resumes[site];
    Resume *made = resume_new(plan, site, 0);
    if (plan->resumes[site]) {
        resume_free(made);
        PyErr_Clear();
    } else {
        plan->resumes[site] = made;
    }
    return plan->resumes[site];
}

/* ---- values ---- */

void resume_count(JitdFrame *frame, const Type *t, const JitdValue **slot) {
    if (t->kind == TYPE_TUPLE) {
        for (size_t i = 0; i < t->nitems; i++)
            resume_count(frame, t->items[i], slot);
    } else if (t->kind != TYPE_NONE) {
        if (t->kind == TYPE_PY)
            Py_XINCREF((PyObject *)(uintptr_t)(*slot)->ref);
        else if (t->kind == TYPE_REF && (*slot)->ref > JITD_NONE)
            shm_incref(frame, (*slot)->ref);
        (*slot)++;
    }
}

static bool fits_int64(__int128 v) {
    return v == (int64_t)v;
}

/* That of range(start + step * over, start + step * turns, step). */
static PyObject *iterator(const JitdValue **slot) {
    const JitdValue *v = *slot;
    *slot += 4;
    __int128 from = v[0].i + (__int128)v[1].i * v[3].u, to = v[0].i + (__int128)v[1].i * v[2].u;
    if (fits_int64(from) && fits_int64(to)) {
        PyObject *range =
            PyObject_CallFunction((PyObject *)&PyRange_Type, "LLL", (long long)from, (long long)to, (long long)v[1].i);
        PyObject *iterator = range ? PyObject_GetIter(range) : NULL;
        Py_XDECREF(range);
        return iterator;
    }
    PyObject *module = PyImport_ImportModule("jitd.resume");
    PyObject *iterator = module ? PyObject_CallMethod(module, "iterator", "LLKK", (long long)v[0].i, (long long)v[1].i,
                                                      (unsigned long long)v[2].u, (unsigned long long)v[3].u)
                                : NULL;
    Py_XDECREF(module);
    return iterator;
}

/* Behind the items of a list or tuple that are over. Takes its count over. */
static PyObject *behind(PyObject *list, long long done) {
    PyObject *iterator = PyObject_GetIter(list);
    PyObject *set = iterator ? PyObject_CallMethod(iterator, "__setstate__", "L", done) : NULL;
    if (!set)
        Py_CLEAR(iterator);
    Py_XDECREF(set);
    Py_DECREF(list);
    return iterator;
}

/* chain((item,), iterator). Takes both over. */
static PyObject *item_first(PyObject *iterator, PyObject *item) {
    PyObject *module = PyImport_ImportModule("itertools");
    PyObject *both = module ? PyObject_CallMethod(module, "chain", "(O)O", item, iterator) : NULL;
    Py_XDECREF(module);
    Py_DECREF(iterator);
    Py_DECREF(item);
    return both;
}

static PyObject *list_iterator(int kind, const JitdValue **slot) {
    const JitdValue *v = *slot;
    if (kind == ITEM_FIRST) {
        *slot += 2;
        return item_first((PyObject *)(uintptr_t)v[0].ref, (PyObject *)(uintptr_t)v[1].ref);
    }
    long long done = v[kind == LIST ? 1 : 2].i;
    *slot += kind == LIST ? 2 : 3;
    PyObject *first = behind((PyObject *)(uintptr_t)v[0].ref, done), *second, *both;
    if (kind == LIST)
        return first;
    if (kind == LIST_ZIP)
        second = behind((PyObject *)(uintptr_t)v[1].ref, done);
    else if ((second = PyLong_FromLongLong(v[1].i)) && done) {
        PyObject *over = PyLong_FromLongLong(done);
        Py_SETREF(second, over ? PyNumber_Add(second, over) : NULL);
        Py_XDECREF(over);
    }
    PyTypeObject *type = kind == LIST_ZIP ? &PyZip_Type : &PyEnum_Type;
    both = first && second ? PyObject_CallFunctionObjArgs((PyObject *)type, first, second, NULL) : NULL;
    Py_XDECREF(first);
    Py_XDECREF(second);
    return both;
}

PyObject *resume_value(const Resume *r, const Value *value, const JitdValue **slot) {
    bool bound = !value->flagged || (*slot)++->i & 1;
    if (value->of_list == TUPLE) {
        PyObject *tuple = convert_result(value->type, slot);
        long long done = (*slot)++->i;
        return tuple ? behind(tuple, done) : NULL;
    }
    if (value->of_list)
        return list_iterator(value->of_list, slot);
    if (!value->type)
        return iterator(slot);
    if (value->type->kind == TYPE_PY && !(*slot)->ref)
        bound = false;
    if (bound)
        return convert_result(value->type, slot);
    *slot += type_slots(value->type);
    return Py_NewRef(r->unbound);
}

/* All references are counted before the first object is made, which may run Python code. */
void resume_count_all(JitdFrame *frame, const Resume *r, const JitdValue *slot) {
    for (Py_ssize_t i = 0; i < r->nvalues; i++) {
        const Value *value = &r->values[i];
        bool bound = !value->flagged || slot++->i & 1;
        if (value->of_list && value->of_list != TUPLE)
            Py_INCREF((PyObject *)(uintptr_t)slot->ref);
        if (value->of_list == LIST_ZIP || value->of_list == ITEM_FIRST)
            Py_INCREF((PyObject *)(uintptr_t)slot[1].ref);
        if (value->type && bound)
            resume_count(frame, value->type, &slot);
        else
            slot += value->type                                              ? type_slots(value->type)
                    : value->of_list == LIST || value->of_list == ITEM_FIRST ? 2
                    : value->of_list                                         ? 3
                                                                             : 4;
        slot += value->of_list == TUPLE; /* how many are over */
    }
}

/* Its exception is raised there once more, on the line on which it was. Of several lines the last one is kept. */
static PyObject *caught(Plan *plan, Resume *r, uint32_t site, const JitdTrap *trap) {
    int line;
    PyObject *raises = trap_catch(plan, trap, site, r->called, &line);
    if (!raises || !line || line == r->line)
        return raises;
    Resume *made = resume_new(plan, site, line);
    if (!made) {
        Py_DECREF(raises);
        return NULL;
    }
    r->line = line;
    Py_XSETREF(r->function, Py_XNewRef(made->function));
    resume_free(made);
    return raises;
}

static PyObject *arguments(JitdFrame *frame, Plan *plan, Resume *r, uint32_t site, const JitdTrap *trap,
                           const JitdValue *values) {
    bool one_more = r->object || r->raises;
    resume_count_all(frame, r,
                     values); /* of what is not handed over there is a count too many: better than one too few */
    PyObject *object = r->object ? resume_take(frame) : r->raises ? caught(plan, r, site, trap) : NULL;
    Py_ssize_t first = r->own != NULL;
    PyObject *list = one_more && !object ? NULL : PyList_New(first + r->nvalues + one_more);
    if (list && first)
        PyList_SET_ITEM(list, 0, Py_NewRef(r->own));
    for (Py_ssize_t i = 0; list && i < r->nvalues; i++) {
        PyObject *value = resume_value(r, &r->values[i], &values);
        if (value)
            PyList_SET_ITEM(list, first + i, value);
        else
            Py_CLEAR(list); /* what is not made yet keeps a count too many: better than one too few */
    }
    if (list && object)
        PyList_SET_ITEM(list, first + r->nvalues, object);
    else
        Py_XDECREF(object);
    return list;
}

/* ---- the call ---- */

static PyObject *cannot(JitdFrame *frame, const Resume *r) {
    if (r->object)
        Py_XDECREF(resume_take(frame));
    PyErr_SetObject(PyExc_OverflowError, r->why);
    return NULL;
}

static PyObject *go_on(JitdFrame *frame, Plan *plan, Resume *r, uint32_t site, const JitdTrap *trap,
                       const JitdValue *values) {
    if (!r->function)
        return cannot(frame, r);
    PyObject *list = arguments(frame, plan, r, site, trap, values);
    PyObject *result = list ? PyObject_CallOneArg(r->function, list) : NULL;
    Py_XDECREF(list);
    return result;
}

static bool fits(const Plan *plan, const Resume *r, PyObject *result, JitdValue *values) {
    if (!r->result || convert_value(r->result, plan->defs, result, &values) != CONVERT_OK) {
        PyErr_Clear();
        return false;
    }
    return true;
}

/* What compiled callers have built in may have changed while Python code ran: then they are to go on in Python, too. */
static int32_t finish(JitdFrame *frame, const Plan *plan, const Resume *r, PyObject *result, uint64_t changes,
                      JitdValue *values) {
    if (import_note_broken(plan, changes) || !fits(plan, r, result, values)) {
        frame->object = result;
        return JITD_TRAP_OBJECT;
    }
    const JitdValue *slot = values;
    resume_count(frame, r->result, &slot);
    Py_DECREF(result);
    return JITD_TRAP_NONE;
}

/* A traceback has the place's own line from the function that went on, if there is one. */
static int32_t failed(JitdFrame *frame, const Resume *r, uint32_t site) {
    frame->trap = (JitdTrap){.kind = JITD_TRAP_PYTHON, .site = r && r->function ? UINT32_MAX : site};
    return JITD_TRAP_PYTHON;
}

int32_t import_resume(JitdFrame *frame, uint32_t site, JitdValue *values) {
    Plan *plan = frame->running;
    uint64_t changes = import_take_changes();
    JitdTrap trap = frame->trap; /* what follows may run compiled code */
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback); /* the trap's, if there is one */
    ImportOpen open = import_open();
    Resume *r = resume_of(plan, site);
    if (r && !r->object)
        Py_CLEAR(frame->object); /* the None of an __init__ */
    if (r && r->raises)
        PyErr_Restore(type, value, traceback);
    PyObject *result = r ? go_on(frame, plan, r, site, &trap, values) : NULL;
    if (r && r->function) {
        plan->resumed++;
        counts_redone(plan, site);
        worth_note(plan->method_of);
    }
    int32_t status = result ? finish(frame, plan, r, result, changes, values) : failed(frame, r, site);
    import_close(open);
    return status;
}
