/* Calls off the hot path: keyword and default arguments, the choice among specialisations by the arguments' types. An annotation is a
 * hint: what it excludes runs in a version for its types or in Python, and is refused by sized types and with strict=True only. */
#include "client/python/ext/ext.h"

#define MAX_KEY_DEPTH 8

static Py_ssize_t name_index(Method *m, PyObject *name) {
    Py_ssize_t n = PyTuple_GET_SIZE(m->names);
    for (Py_ssize_t i = m->nposonly; i < n; i++)
        if (PyTuple_GET_ITEM(m->names, i) == name)
            return i;
    for (Py_ssize_t i = m->nposonly; i < n; i++)
        if (PyUnicode_Compare(PyTuple_GET_ITEM(m->names, i), name) == 0)
            return i;
    return -1;
}

int bind_arguments(Method *m, PyObject *const *args, Py_ssize_t n, PyObject *kwnames, PyObject **values) {
    Py_ssize_t total = PyTuple_GET_SIZE(m->names);
    if (total > BIND_MAX_PARAMS || n > m->npositional)
        return 1;
    memcpy(values, args, (size_t)n * sizeof *values);
    memset(values + n, 0, (size_t)(total - n) * sizeof *values);
    for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); k++) {
        Py_ssize_t i = name_index(m, PyTuple_GET_ITEM(kwnames, k));
        if (i < 0 || values[i])
            return 1;
        values[i] = args[n + k];
    }
    for (Py_ssize_t i = 0; i < total; i++)
        if (!values[i] && (values[i] = PyTuple_GET_ITEM(m->defaults, i)) == jitd_missing)
            return 1;
    return 0;
}

/* Whether compiled code has a type of its own for the value: types.of_value gives it one. */
static bool is_native(PyObject *v, int depth) {
    if (PyLong_CheckExact(v) || PyFloat_CheckExact(v) || PyBool_Check(v) || v == Py_None)
        return true;
    if (!PyTuple_CheckExact(v) || depth == MAX_KEY_DEPTH)
        return class_of_type(Py_TYPE(v)) != NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(v); i++)
        if (!is_native(PyTuple_GET_ITEM(v, i), depth + 1))
            return false;
    return true;
}

static ConvertResult convert_all(const Plan *plan, PyObject *const *values, JitdValue *in, uint32_t *ret_param) {
    JitdValue *next = in;
    for (uint32_t i = 0; i < plan->nparams; i++) {
        const Type *t = plan->params[ *ret_param = i];
        ConvertResult r = t->kind == TYPE_PY && is_native(values[i], 0)
                              ? CONVERT_TYPE
                              : convert_value(t, plan->defs, values[i], &next);
        if (r != CONVERT_OK)
            return r;
    }
    return CONVERT_OK;
}

/* ---- the arguments' types as a key ---- */

static PyObject *type_key(PyObject *v, int depth) {
    if (!is_native(v, depth))
        return Py_NewRef(Py_Ellipsis);
    if (!PyTuple_CheckExact(v) || depth == MAX_KEY_DEPTH || PyTuple_GET_SIZE(v) > BIND_MAX_PARAMS)
        return Py_NewRef(Py_TYPE(v));
    PyObject *key = PyTuple_New(PyTuple_GET_SIZE(v));
    for (Py_ssize_t i = 0; key && i < PyTuple_GET_SIZE(v); i++) {
        PyObject *part = type_key(PyTuple_GET_ITEM(v, i), depth + 1);
        if (part)
            PyTuple_SET_ITEM(key, i, part);
        else
            Py_CLEAR(key);
    }
    return key;
}

static PyObject *values_tuple(PyObject *const *values, Py_ssize_t n) {
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple && i < n; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(values[i]));
    return tuple;
}

/* ---- what an annotation excludes ---- */

int bind_refuse(Method *m, Py_ssize_t i, const char *wanted, PyObject *v) {
    PyObject *name = PyObject_GetAttrString(m->func, "__qualname__");
    if (name)
        PyErr_Format(PyExc_TypeError, "%U() argument '%U' must be %s, not %s", name, PyTuple_GET_ITEM(m->names, i),
                     wanted, Py_TYPE(v)->tp_name);
    Py_XDECREF(name);
    return -1;
}

bool bind_is_like_default(Method *m, Py_ssize_t i, PyObject *v) {
    PyObject *given = PyTuple_GET_ITEM(m->defaults, i);
    return given != jitd_missing && Py_TYPE(v) == Py_TYPE(given);
}

/* For strict methods. An annotation is None or (words, classes of what it takes; none for a sized type, which sized.c refuses). */
static int check_annotations(Method *m, PyObject *const *values) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(m->annotated); i++) {
        PyObject *annotation = PyTuple_GET_ITEM(m->annotated, i);
        if (annotation == Py_None || bind_is_like_default(m, i, values[i]))
            continue;
        PyObject *classes = PyTuple_GET_ITEM(annotation, 1);
        bool fits = PyTuple_GET_SIZE(classes) == 0;
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(classes); k++)
            fits |= PyType_IsSubtype(Py_TYPE(values[i]), (PyTypeObject *)PyTuple_GET_ITEM(classes, k));
        if (!fits)
            return bind_refuse(m, i, PyUnicode_AsUTF8(PyTuple_GET_ITEM(annotation, 0)), values[i]);
    }
    return 0;
}

/* ---- choosing ---- */

typedef enum Choice { CHOICE_NONE, CHOICE_DONE, CHOICE_PYTHON } Choice;

/* One call's facts, passed around. */
typedef struct Call {
    Method *m;
    PyObject *const *args;
    size_t nargsf;
    PyObject *kwnames;
    PyObject *values[BIND_MAX_PARAMS];
    PyObject *result;
} Call;

static PyObject *run(Call *call, Plan *plan, const JitdValue *in) {
    Method *m = call->m;
    JitdValue out[PLAN_MAX_SLOTS];
    JitdFrame *frame = context_frame();
    if (!frame)
        return NULL;
    if (m->type && !((Instance *)call->args[0])->data)
        return instance_released(call->args[0]); /* since the call began */
    if (!plan->objects || plan == m->plans[0])   /* what others are given comes here each time: worth_note */
        method_use(m, plan);
    int32_t status = plan_run(plan, frame, m->type ? instance_ref(call->args[0]) : 0, in, out);
    return method_finish(m, plan, status, out, call->args, call->nargsf, call->kwnames);
}

static PyObject *released_among(PyObject *const *values, Py_ssize_t n) {
    PyObject *found = NULL;
    for (Py_ssize_t i = 0; i < n && !found; i++)
        if (PyTuple_CheckExact(values[i]))
            found = released_among(&PyTuple_GET_ITEM(values[i], 0), PyTuple_GET_SIZE(values[i]));
        else if (PyObject_TypeCheck(values[i], &Instance_Type) && !((Instance *)values[i])->data)
            found = values[i];
    return found;
}

/* The values are converted; the __index__ of one may have closed another, whose place is then somebody else's. */
static PyObject *run_converted(Call *call, Plan *plan, const JitdValue *in, uint64_t closed_before) {
    PyObject *released = NULL;
    if (instance_closed != closed_before)
        released = released_among(call->values, PyTuple_GET_SIZE(call->m->names));
    return released ? instance_released(released) : run(call, plan, in);
}

/* Runs the first specialisation whose types fit exactly. */
static Choice choose(Call *call) {
    JitdValue in[PLAN_MAX_SLOTS];
    uint64_t closed = instance_closed;
    for (uint32_t i = 0; i < call->m->nplans; i++) {
        Plan *plan = call->m->plans[i];
        uint32_t param;
        switch (convert_all(plan, call->values, in, &param)) {
        case CONVERT_OK:
            call->result = run_converted(call, plan, in, closed);
            if (i && (!plan->fast || plan->objects)) /* not what the annotations say, and long on its way */
                worth_note(call->m);
            return CHOICE_DONE;
        case CONVERT_BIG:
            return CHOICE_PYTHON; /* an int of more than 64 bits */
        case CONVERT_RANGE:
            call->result = sized_refuse(call->m, param, plan->params[param]->kind, call->values[param]);
            return CHOICE_DONE;
        case CONVERT_ERROR:
            return CHOICE_DONE;
        case CONVERT_TYPE:
            break;
        }
    }
    return CHOICE_NONE;
}

/* Nobody is asked yet again. */
static bool waits(const Method *m) {
    return m->asks_at && method_clock() < m->asks_at;
}

/* Asks for a specialisation to these types: 1 there is one now, 0 these are Python's, -1 exception. */
static int specialise(Call *call) {
    Method *m = call->m;
    if (waits(m))
        return 0;
    PyObject *values = values_tuple(call->values, PyTuple_GET_SIZE(m->names));
    PyObject *key = values ? type_key(values, 0) : NULL;
    int known = key ? PySet_Contains(m->rejected, key) : -1, r = known < 0 ? -1 : 0;
    if (!known && m->nplans < METHOD_MAX_PLANS) {
        PyObject *resolve = Py_NewRef(m->resolve);
        PyObject *made = PyObject_CallFunctionObjArgs(resolve, (PyObject *)m, values, NULL);
        r = made ? PyObject_IsTrue(made) : -1;
        bool fits = made != Py_None; /* else it may come to fit: a name is not there yet */
        Py_DECREF(resolve);
        Py_XDECREF(made);
        if (r == 0 && fits)
            r = PySet_Add(m->rejected, key);
    }
    Py_XDECREF(key);
    Py_XDECREF(values);
    return r;
}

static PyObject *call_bound(Call *call) {
    Choice choice = choose(call);
    PythonWhy why = choice == CHOICE_NONE ? WHY_TYPES : WHY_BIG;
    if (choice == CHOICE_NONE) {
        call->m->guard_misses++;
        if (call->m->strict && check_annotations(call->m, call->values) < 0)
            return NULL;
        int r = specialise(call);
        if (r < 0)
            return NULL;
        choice = r ? choose(call) : CHOICE_PYTHON;
        if (call->m->mode == METHOD_PYTHON)
            why = WHY_REFUSED;
    }
    if (choice == CHOICE_DONE)
        return call->result;
    if (!waits(call->m))
        worth_note(call->m);
    return sized_tell(call->m) < 0 ? NULL : method_call_python(call->m, why, call->args, call->nargsf, call->kwnames);
}

static PyObject *resolve_and_retry(Method *m, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    PyObject *resolve = Py_NewRef(m->resolve);
    PyObject *done = PyObject_CallFunctionObjArgs(resolve, (PyObject *)m, Py_None, NULL);
    Py_DECREF(resolve);
    if (!done)
        return NULL;
    Py_DECREF(done);
    if (m->mode == METHOD_PENDING)
        return method_call_python(m, WHY_REFUSED, args, nargsf, kwnames);
    return PyObject_Vectorcall((PyObject *)m, args, nargsf, kwnames);
}

PyObject *method_call_slow(Method *m, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf), skip = m->type != NULL;
    Method *heir = m->heirs && n && Py_TYPE(args[0]) != m->type ? heir_of(m, Py_TYPE(args[0])) : NULL;
    if (heir)
        return PyObject_Vectorcall((PyObject *)heir, args, nargsf, kwnames);
    if (m->mode == METHOD_PENDING && !waits(m))
        return resolve_and_retry(m, args, nargsf, kwnames);
    bool python = m->mode == METHOD_PYTHON || m->mode == METHOD_PENDING;
    if ((python && !m->strict) || n < skip || (skip && Py_TYPE(args[0]) != m->type))
        return method_call_python(m, python ? WHY_REFUSED : WHY_CLASS, args, nargsf, kwnames);
    if (skip && !((Instance *)args[0])->data && instance_wake(args[0]) < 0)
        return NULL;
    Call call = {.m = m, .args = args, .nargsf = nargsf, .kwnames = kwnames};
    if (bind_arguments(m, args + skip, n - skip, kwnames, call.values))
        return method_call_python(m, WHY_ARGUMENTS, args, nargsf, kwnames); /* raises what CPython raises */
    if (!python)
        return call_bound(&call);
    return check_annotations(m, call.values) < 0 ? NULL : method_call_python(m, WHY_REFUSED, args, nargsf, kwnames);
}
