/* A call plan: one specialisation of a method, with everything its calls need computed once: types, conversions, the
 * method table's entry, libffi's cif when that path is chosen. */
#include "client/python/ext/ext.h"

static void pool_failed(void *arg) {
    (void)arg;
    Py_FatalError("jitd: out of memory");
}

static PlanCode code_of(const Type *t) {
    switch (t->kind) {
    case TYPE_INT:
        return CODE_INT;
    case TYPE_FLOAT:
        return CODE_FLOAT;
    case TYPE_BOOL:
        return CODE_BOOL;
    case TYPE_NONE:
        return CODE_NONE;
    case TYPE_REF:
        return CODE_REF;
    case TYPE_PY:
        return CODE_PY;
    default:
        return CODE_SLOW;
    }
}

const Type *plan_type(Plan *plan, PyObject *text) {
    Py_ssize_t size;
    const char *s = PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    const Type *t = s ? type_parse(&plan->pool, (Str){s, (size_t)size}, plan->ndefs) : NULL;
    if (!t && !PyErr_Occurred())
        PyErr_Format(PyExc_ValueError, "%R is no type", text);
    return t;
}

/* A reference's definition must be a class that this process has. */
static int check_refs(const Plan *plan, const Type *t) {
    if (t->kind == TYPE_REF && !plan->defs[t->def]) {
        PyErr_Format(PyExc_ValueError, "definition %u is no class", t->def);
        return -1;
    }
    for (size_t i = 0; t->kind == TYPE_TUPLE && i < t->nitems; i++)
        if (check_refs(plan, t->items[i]) < 0)
            return -1;
    return 0;
}

/* Code of a unit whose classes have no reference fields reads no reference from memory: what it gets is held by the caller. */
static int has_references(const ClassInfo *info) {
    for (Py_ssize_t i = 0; i < info->nfields; i++)
        if (info->fields[i].target)
            return 1;
    return 0;
}

/* What was taken lately, by any plan. The definitions are a plan's own, which holds them and their classes. */
static struct {
    PyTypeObject *const *defs;
    const PyTypeObject *type;
    uint32_t def;
} taken[64];

bool plan_takes(PyTypeObject *const *defs, uint32_t def, PyTypeObject *type) {
    size_t at = (((uintptr_t)defs ^ (uintptr_t)type) >> 4 ^ def) % (sizeof taken / sizeof *taken);
    if (likely(taken[at].defs == defs && taken[at].type == type && taken[at].def == def))
        return true;
    if (!class_takes(defs[def], type))
        return false;
    PyTypeObject *const *known = defs;
    while (*known != type && *known != PLAN_DEFS_END)
        known++;
    if (*known != type)
        return false;
    taken[at].defs = defs, taken[at].type = type, taken[at].def = def;
    return true;
}

void plan_forget_taken(void) {
    memset(taken, 0, sizeof taken);
}

static int plan_set_defs(Plan *plan, PyObject *defs) {
    plan->ndefs = (uint32_t)PyTuple_GET_SIZE(defs);
    plan->defs = pool_array(&plan->pool, PyTypeObject *, plan->ndefs + 1);
    plan->defs[plan->ndefs] = PLAN_DEFS_END;
    for (uint32_t i = 0; i < plan->ndefs; i++) {
        PyObject *def = PyTuple_GET_ITEM(defs, i);
        if (!PyType_Check(def) || !class_of_type((PyTypeObject *)def))
            continue;
        Py_INCREF(def);
        plan->defs[i] = (PyTypeObject *)def;
        plan->epoch |= has_references(class_of_type((PyTypeObject *)def));
    }
    return 0;
}

static int plan_set_params(Plan *plan, PyObject *params) {
    plan->nparams = (uint32_t)PyTuple_GET_SIZE(params);
    plan->params = pool_array(&plan->pool, const Type *, plan->nparams);
    plan->codes = pool_array(&plan->pool, uint8_t, plan->nparams);
    plan->types = pool_array(&plan->pool, PyTypeObject *, plan->nparams);
    plan->fast = plan->nparams <= PLAN_FAST_SLOTS;
    plan->uniform = CODE_SLOW;
    for (uint32_t i = 0; i < plan->nparams; i++) {
        const Type *t = plan->params[i] = plan_type(plan, PyTuple_GET_ITEM(params, i));
        if (!t || check_refs(plan, t) < 0)
            return -1;
        plan->nin += type_slots(t);
        plan->codes[i] = (uint8_t)code_of(t);
        plan->uniform = !i || plan->uniform == plan->codes[i] ? plan->codes[i] : CODE_SLOW;
        plan->types[i] = t->kind == TYPE_REF ? plan->defs[t->def] : NULL;
        plan->objects |= plan->codes[i] == CODE_PY;
        if (plan->codes[i] == CODE_SLOW || plan->codes[i] == CODE_NONE)
            plan->fast = 0;
    }
    return 0;
}

static int plan_set_result(Plan *plan, PyObject *result) {
    plan->result = plan_type(plan, result);
    if (!plan->result || check_refs(plan, plan->result) < 0)
        return -1;
    plan->result_code = (uint8_t)code_of(plan->result);
    plan->nout = type_slots(plan->result);
    plan->fast &= plan->nout <= PLAN_FAST_SLOTS;
    if (plan->nin > PLAN_MAX_SLOTS || plan->nout > PLAN_MAX_SLOTS) {
        PyErr_SetString(PyExc_ValueError, "more than 64 values in a call");
        return -1;
    }
    return 0;
}

static int plan_set_ffi(Plan *plan) {
    if (!jitd_context.use_ffi)
        return 0;
    int r = call_plan_new(plan->params, plan->nparams, &plan->ffi);
    if (r < 0)
        PyErr_Format(PyExc_ValueError, "libffi cannot call this signature: %s", strerror(-r));
    return r;
}

Plan *plan_new(PyObject *unit, PyObject *guard, uint32_t slot, PyObject *params, PyObject *result, PyObject *defs,
               uint32_t flags) {
    Plan *plan = PyMem_Calloc(1, sizeof *plan);
    if (!plan)
        return (Plan *)PyErr_NoMemory();
    plan->pool.fail = pool_failed;
    plan->flags = flags;
    Py_INCREF(unit);
    plan->unit = unit;
    plan->guard = Py_IS_TYPE(guard, &Guard_Type) ? (Guard *)Py_NewRef(guard) : NULL;
    plan->method = jitd_context.client ? table_method(jitd_context.table, slot) : NULL;
    if (!plan->method) {
        PyErr_Format(PyExc_ValueError, "no slot %u in the method table", slot);
    } else if (plan_set_defs(plan, defs) == 0 && plan_set_params(plan, params) == 0 &&
               plan_set_result(plan, result) == 0 && plan_set_ffi(plan) == 0) {
        plan->holds = plan->epoch && (plan->result_code == CODE_REF || plan->result_code == CODE_SLOW);
        plan->bare = !plan->guard && !plan->epoch && !(flags & (PLAN_LOOPS | PLAN_PYTHON));
        return plan;
    }
    plan_free(plan);
    return NULL;
}

void plan_free(Plan *plan) {
    if (!plan)
        return;
    plan_forget_taken();
    for (uint32_t i = 0; i < plan->ndefs; i++)
        Py_XDECREF(plan->defs[i]);
    if (plan->ffi)
        call_plan_free(plan->ffi);
    Py_XDECREF(plan->unit);
    Py_XDECREF(plan->guard);
    resume_free_all(plan);
    catch_free(plan);
    for (uint32_t i = 0; i < plan->nreads; i++)
        Py_XDECREF(plan->reads[i].name);
    PyMem_Free(plan->reads);
    pool_deinit(&plan->pool);
    PyMem_Free(plan->redone);
    PyMem_Free(plan);
}

int plan_traverse(Plan *plan, visitproc visit, void *arg) {
    for (uint32_t i = 0; i < plan->ndefs; i++)
        Py_VISIT(plan->defs[i]);
    Py_VISIT(plan->unit);
    Py_VISIT(plan->guard);
    int r = catch_traverse(plan, visit, arg);
    return r ? r : resume_traverse(plan, visit, arg);
}
