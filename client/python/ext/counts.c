/* What a method's calls came to, for jitd.stats and jitd.explain: how many ran as machine code, how many in Python and why, and at
 * which places of the code a call was given back to be redone. */
#include "client/python/ext/ext.h"

static const char *const why_names[WHY_N] = {
    [WHY_REFUSED] = "refused", [WHY_TYPES] = "types",    [WHY_BIG] = "big_int",         [WHY_NAMES] = "names",
    [WHY_REDONE] = "redone",   [WHY_CLASS] = "subclass", [WHY_ARGUMENTS] = "arguments", [WHY_TRIED] = "tried",
};

/* Off the way of calls that stay native: a place is counted from its first redone call on. */
void counts_redone(Plan *plan, uint32_t site) {
    if (!plan->redone) {
        PyObject *sites = PyTuple_Check(plan->unit) ? PyTuple_GET_ITEM(plan->unit, 0) : NULL;
        Py_ssize_t n = sites && PyList_Check(sites) ? PyList_GET_SIZE(sites) : 0;
        plan->redone = n ? PyMem_Calloc((size_t)n, sizeof *plan->redone) : NULL;
        plan->nredone = plan->redone ? (uint32_t)n : 0;
    }
    if (site < plan->nredone)
        plan->redone[site]++;
}

static PyObject *reasons(const Method *m) {
    PyObject *found = PyDict_New();
    for (int why = 0; found && why < WHY_N; why++) {
        PyObject *count = m->why[why] ? PyLong_FromUnsignedLongLong(m->why[why]) : NULL;
        if (m->why[why] && (!count || PyDict_SetItemString(found, why_names[why], count) < 0))
            Py_CLEAR(found);
        Py_XDECREF(count);
    }
    return found;
}

static int add_redone(PyObject *found, const Plan *plan) {
    for (uint32_t i = 0; i < plan->nredone; i++) {
        if (!plan->redone[i])
            continue;
        PyObject *sites = PyTuple_GET_ITEM(plan->unit, 0);
        PyObject *item = Py_BuildValue("OK", PyList_GetItem(sites, i), (unsigned long long)plan->redone[i]);
        int r = item ? PyList_Append(found, item) : -1;
        Py_XDECREF(item);
        if (r < 0)
            return -1;
    }
    return 0;
}

/* [(site, how often)] */
static PyObject *redone(const Method *m) {
    PyObject *found = PyList_New(0);
    for (uint32_t i = 0; found && i < m->nplans; i++)
        if (add_redone(found, m->plans[i]) < 0)
            Py_CLEAR(found);
    return found;
}

/* A method that has not been used yet is counted among none: its mode says so. */
PyObject *counts_of(PyObject *op, PyObject *ignored) {
    (void)ignored;
    static const char *const modes[] = {
        [METHOD_PENDING] = "pending", [METHOD_NATIVE] = "native", [METHOD_PYTHON] = "python"};
    Method *m = (Method *)op;
    unsigned long long resumes = 0, regions = 0;
    for (uint32_t i = 0; i < m->nplans; i++)
        resumes += m->plans[i]->resumed, regions += m->plans[i]->regions;
    return Py_BuildValue("{sKsKsKsKsKsKsIsssNsN}", "resumes", resumes, "regions", regions, "native_calls",
                         m->native_calls, "python_calls", m->python_calls, "fallbacks", m->fallbacks, "guard_misses",
                         m->guard_misses, "specialisations", m->nplans, "mode", modes[m->mode], "python_reasons",
                         reasons(m), "redone", redone(m));
}
