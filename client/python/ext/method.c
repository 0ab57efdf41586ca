/* Methods and functions: descriptors with vectorcall and Py_TPFLAGS_METHOD_DESCRIPTOR, so that obj.method(x) makes no bound
 * method. The hot path: the last plan fits the arguments exactly, convert, call the thunk, make the result. Everything
 * else (keywords, defaults, other types, a trap) leaves it for bind.c and trap.c. */
#include "client/python/ext/ext.h"
#include <structmember.h>

static inline int convert_ints(const Plan *plan, PyObject *const *args, JitdValue *in) {
    for (uint32_t i = 0; i < plan->nparams; i++)
        if (unlikely(convert_int(args[i], &in[i].i) != CONVERT_OK))
            return 1;
    return 0;
}

static inline int convert_floats(const Plan *plan, PyObject *const *args, JitdValue *in) {
    for (uint32_t i = 0; i < plan->nparams; i++) {
        if (unlikely(!PyFloat_CheckExact(args[i])))
            return 1;
        in[i].f = PyFloat_AS_DOUBLE(args[i]);
    }
    return 0;
}

static inline int convert_mixed(const Plan *plan, PyObject *const *args, JitdValue *in) {
    for (uint32_t i = 0; i < plan->nparams; i++) {
        PyObject *v = args[i];
        switch (plan->codes[i]) {
        case CODE_FLOAT:
            if (unlikely(!PyFloat_CheckExact(v)))
                return 1;
            in[i].f = PyFloat_AS_DOUBLE(v);
            break;
        case CODE_INT:
            if (unlikely(convert_int(v, &in[i].i) != CONVERT_OK))
                return 1;
            break;
        case CODE_BOOL:
            if (unlikely(!PyBool_Check(v)))
                return 1;
            in[i].i = v == Py_True;
            break;
        case CODE_PY:
            if (unlikely(method_is_native(v)))
                return 1;
            in[i].ref = (uint64_t)(uintptr_t)v;
            break;
        default: /* CODE_REF */
            if (unlikely(Py_TYPE(v) != plan->types[i]) && !plan_takes(plan->defs, plan->params[i]->def, Py_TYPE(v)))
                return 1;
            if (unlikely(!((Instance *)v)->data))
                return 1;
            in[i].ref = instance_ref(v);
        }
    }
    return 0;
}

/* Simple parameters to slots; 0 when they fit exactly. */
static inline int convert_fast(const Plan *plan, PyObject *const *args, JitdValue *in) {
    switch (plan->uniform) {
    case CODE_INT:
        return convert_ints(plan, args, in);
    case CODE_FLOAT:
        return convert_floats(plan, args, in);
    default:
        return convert_mixed(plan, args, in);
    }
}

static PyObject *result_held(const Plan *plan, const JitdValue *out) {
    PyObject *result = convert_result(plan->result, &out);
    if (plan->holds) {
        arena_leave(jitd_context.arena);
        if (unlikely(import_put_off))
            import_drop_proxies();
    }
    return result;
}

static inline PyObject *result_fast(const Plan *plan, const JitdValue *out) {
    switch (plan->result_code) {
    case CODE_FLOAT:
        return PyFloat_FromDouble(out->f);
    case CODE_INT:
        return PyLong_FromLongLong(out->i);
    case CODE_BOOL:
        return PyBool_FromLong(out->i & 1);
    case CODE_NONE:
        Py_RETURN_NONE;
    default:
        return result_held(plan, out);
    }
}

/* After the call: the result, or what the trap asks for. */
PyObject *method_finish(Method *m, Plan *plan, int32_t status, const JitdValue *out, PyObject *const *args,
                        size_t nargsf, PyObject *kwnames) {
    if (likely(status == JITD_TRAP_NONE)) {
        m->native_calls++;
        return result_fast(plan, out);
    }
    if (status == JITD_TRAP_REDO || status == -1) {
        m->fallbacks += status == JITD_TRAP_REDO;
        m->guard_misses += status == -1;
        if (sized_tell(m) < 0)
            return NULL;
        if (status == JITD_TRAP_REDO) {
            counts_redone(plan, jitd_frame->trap.site);
            worth_note(m);
        }
        return method_call_python(m, status == -1 ? WHY_NAMES : WHY_REDONE, args, nargsf, kwnames);
    }
    m->native_calls++;
    if (status == JITD_TRAP_OBJECT)
        return resume_take(jitd_frame);
    return trap_raise(m, plan, status);
}

PyObject *method_call_python(Method *m, PythonWhy why, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    m->python_calls++;
    m->why[why]++;
    if (m->sized)
        return sized_call(m, args, nargsf, kwnames);
    return PyObject_Vectorcall(m->func, args, nargsf, kwnames);
}

/* Which way a method's calls take; method_use chooses it with the plan. */
typedef enum Path {
    PATH_ANY,  /* whatever there is to mind: no plan, a guard, an epoch, polls */
    PATH_BARE, /* a bare plan's thunk */
    PATH_FFI,  /* a bare plan through libffi */
} Path;

static ALWAYS_INLINE PyObject *method_call(Method *m, PyObject *const *args, size_t nargsf, PyObject *kwnames,
                                           Path path) {
    Plan *plan = m->plan;
    if (unlikely((path == PATH_ANY && (!plan || !plan->fast)) || kwnames ||
                 PyVectorcall_NARGS(nargsf) != (Py_ssize_t)plan->nparams + 1))
        return sized_call_slow(m, args, nargsf, kwnames);
    PyObject *self = args[0];
    JitdValue in[PLAN_FAST_SLOTS], out[PLAN_FAST_SLOTS];
    if (unlikely(Py_TYPE(self) != m->type || !((Instance *)self)->data || convert_fast(plan, args + 1, in)))
        return sized_call_slow(m, args, nargsf, kwnames);
    JitdFrame *frame = context_frame();
    if (unlikely(!frame))
        return NULL;
    int32_t status = path == PATH_BARE  ? code_run(m->code, frame, instance_ref(self), in, out)
                     : path == PATH_FFI ? plan_run_ffi(plan, frame, instance_ref(self), in, out)
                                        : plan_run(plan, frame, instance_ref(self), in, out);
    if (likely(status == JITD_TRAP_NONE)) {
        m->native_calls++;
        return result_fast(plan, out);
    }
    return method_finish(m, plan, status, out, args, nargsf, kwnames);
}

static PyObject *method_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    return method_call((Method *)callable, args, nargsf, kwnames, PATH_ANY);
}

static PyObject *method_vectorcall_bare(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    return method_call((Method *)callable, args, nargsf, kwnames, PATH_BARE);
}

static PyObject *method_vectorcall_ffi(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    return method_call((Method *)callable, args, nargsf, kwnames, PATH_FFI);
}

static PyObject *function_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Method *m = (Method *)callable;
    Plan *plan = m->plan;
    JitdValue in[PLAN_FAST_SLOTS], out[PLAN_FAST_SLOTS];
    if (unlikely(!plan || kwnames || !plan->fast || PyVectorcall_NARGS(nargsf) != (Py_ssize_t)plan->nparams ||
                 convert_fast(plan, args, in)))
        return sized_call_slow(m, args, nargsf, kwnames);
    JitdFrame *frame = context_frame();
    if (unlikely(!frame))
        return NULL;
    int32_t status = plan_run(plan, frame, 0, in, out);
    return method_finish(m, plan, status, out, args, nargsf, kwnames);
}

/* What a call that traps needs again. In memory and not in registers, which the call would have to save. */
typedef struct BareCall {
    Method *method;
    JitdValue out;
    PyObject *self;
} BareCall;

COLD static PyObject *bare_trapped(BareCall *call, int32_t status) {
    Method *m = call->method;
    m->native_calls--;
    return method_finish(m, m->plan, status, NULL, &call->self, 1, NULL);
}

/* A bare plan without parameters: nothing to convert. */
static ALWAYS_INLINE PyObject *method_call_0(PyObject *callable, PyObject *const *args, size_t nargsf,
                                             PyObject *kwnames, PlanCode result) {
    Method *m = (Method *)callable;
    if (unlikely(kwnames || nargsf << 1 != 1 << 1 /* the flag is the top bit */))
        return method_vectorcall_bare(callable, args, nargsf, kwnames);
    PyObject *self = args[0]; /* without arguments args may be NULL */
    if (unlikely(Py_TYPE(self) != m->type || !((Instance *)self)->data || !jitd_frame))
        return method_vectorcall_bare(callable, args, nargsf, kwnames);
    BareCall call;
    call.method = m;
    call.self = self;
    m->native_calls++;
    int32_t status = code_run(m->code, jitd_frame, instance_ref(self), NULL, &call.out);
    if (unlikely(status != JITD_TRAP_NONE))
        return bare_trapped(&call, status);
    return result == CODE_FLOAT  ? PyFloat_FromDouble(call.out.f)
           : result == CODE_INT  ? PyLong_FromLongLong(call.out.i)
           : result == CODE_BOOL ? PyBool_FromLong(call.out.i & 1)
                                 : Py_NewRef(Py_None);
}

#define METHOD_CALL_0(name, code)                                                                                      \
    static PyObject *name(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) {               \
        return method_call_0(callable, args, nargsf, kwnames, code);                                                   \
    }
METHOD_CALL_0(method_vectorcall_float, CODE_FLOAT)
METHOD_CALL_0(method_vectorcall_int, CODE_INT)
METHOD_CALL_0(method_vectorcall_bool, CODE_BOOL)
METHOD_CALL_0(method_vectorcall_none, CODE_NONE)

static vectorcallfunc path_of(const Plan *plan) {
    if (!plan || !plan->bare || !plan->fast)
        return method_vectorcall;
    if (plan->ffi)
        return method_vectorcall_ffi;
    switch (plan->nparams ? CODE_SLOW : plan->result_code) {
    case CODE_FLOAT:
        return method_vectorcall_float;
    case CODE_INT:
        return method_vectorcall_int;
    case CODE_BOOL:
        return method_vectorcall_bool;
    case CODE_NONE:
        return method_vectorcall_none;
    default:
        return method_vectorcall_bare;
    }
}

vectorcallfunc method_way(const Method *m) {
    return m->type ? path_of(m->plan) : function_vectorcall;
}

void method_use(Method *m, Plan *plan) {
    m->plan = plan;
    m->code = plan ? plan->method : NULL;
    if (m->type)
        m->vectorcall = path_of(plan);
}

/* ---- the Python object ---- */

/* Method(func, class or None, names, npositional, nposonly, defaults, annotated, resolve): see ext.h. */
static PyObject *method_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *func, *cls, *names, *defaults, *annotated, *resolve;
    unsigned npositional, nposonly;
    if (context_check_interpreter() < 0 || kwargs ||
        !PyArg_ParseTuple(args, "OOO!IIO!O!O", &func, &cls, &PyTuple_Type, &names, &npositional, &nposonly,
                          &PyTuple_Type, &defaults, &PyTuple_Type, &annotated, &resolve))
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(names);
    if (PyTuple_GET_SIZE(defaults) != n || PyTuple_GET_SIZE(annotated) != n || npositional > n ||
        nposonly > npositional)
        return PyErr_Format(PyExc_ValueError, "the parameters' tuples differ in length");
    Method *m = (Method *)type->tp_alloc(type, 0);
    if (!m)
        return NULL;
    m->type = PyType_Check(cls) ? (PyTypeObject *)cls : NULL;
    m->vectorcall = m->type ? method_vectorcall : function_vectorcall;
    m->func = Py_NewRef(func);
    m->names = Py_NewRef(names);
    m->npositional = npositional;
    m->nposonly = nposonly;
    m->defaults = Py_NewRef(defaults);
    m->annotated = Py_NewRef(annotated);
    m->resolve = Py_NewRef(resolve);
    m->mode = METHOD_PENDING;
    m->rejected = PySet_New(NULL);
    m->dict = PyDict_New();
    if (!m->rejected || !m->dict)
        Py_CLEAR(m);
    return (PyObject *)m;
}

static int method_traverse(PyObject *op, visitproc visit, void *arg) {
    Method *m = (Method *)op;
    for (uint32_t i = 0; i < m->nplans; i++)
        if (plan_traverse(m->plans[i], visit, arg))
            return 1;
    Py_VISIT(m->func);
    Py_VISIT(m->defaults);
    Py_VISIT(m->annotated);
    Py_VISIT(m->resolve);
    Py_VISIT(m->rejected);
    Py_VISIT(m->dict);
    return 0;
}

static int method_clear(PyObject *op) {
    Method *m = (Method *)op;
    method_use(m, NULL);
    m->mode = METHOD_PYTHON;
    while (m->nplans)
        plan_free(m->plans[--m->nplans]);
    Py_CLEAR(m->resolve);
    Py_CLEAR(m->rejected);
    Py_CLEAR(m->dict);
    return 0;
}

/* ---- classes that inherit it ---- */

Method *heir_of(const Method *m, const PyTypeObject *type) {
    for (const Heir *heir = m->heirs; heir; heir = heir->next)
        if (heir->type == type)
            return (Method *)weak_target(heir->method);
    return NULL;
}

static void heir_free(Heir **place) {
    Heir *heir = *place;
    *place = heir->next;
    Py_DECREF(heir->method);
    PyMem_Free(heir);
}

static void heirs_clear(Method *m, const PyTypeObject *type) {
    for (Heir **place = &m->heirs; *place;)
        if (!type || (*place)->type == type || !weak_target((*place)->method))
            heir_free(place);
        else
            place = &(*place)->next;
}

static void method_dealloc(PyObject *op) {
    Method *m = (Method *)op;
    PyObject_GC_UnTrack(op);
    if (m->weakrefs)
        PyObject_ClearWeakRefs(op);
    method_clear(op);
    Py_CLEAR(m->func);
    Py_CLEAR(m->names);
    Py_CLEAR(m->defaults);
    Py_CLEAR(m->annotated);
    PyMem_Free(m->sized);
    heirs_clear(m, NULL);
    worth_free(m->trial);
    Py_TYPE(op)->tp_free(op);
}

static PyObject *method_get(PyObject *op, PyObject *obj, PyObject *type) {
    (void)type;
    return obj && obj != Py_None ? PyMethod_New(op, obj) : Py_NewRef(op);
}

static PyObject *method_repr(PyObject *op) {
    PyObject *name = PyObject_GetAttrString(((Method *)op)->func, "__qualname__");
    PyObject *text =
        name ? PyUnicode_FromFormat("<jitd %s %U>", ((Method *)op)->type ? "method" : "function", name) : NULL;
    Py_XDECREF(name);
    return text;
}

static Plan *plan_of_slot(const Method *m, unsigned slot) {
    const ShmMethod *method = jitd_context.client ? table_method(jitd_context.table, slot) : NULL;
    for (uint32_t i = 0; method && i < m->nplans; i++)
        if (m->plans[i]->method == method)
            return m->plans[i];
    return NULL;
}

/* add_plan(unit, guard or None, slot, (param types), result type, (definitions), flags) -> whether there was room for it. A signal handler
 * that interrupted the making of a plan may have made it itself. */
static PyObject *method_add_plan(PyObject *op, PyObject *args) {
    Method *m = (Method *)op;
    PyObject *unit, *guard, *params, *result, *defs;
    unsigned slot, flags;
    if (!PyArg_ParseTuple(args, "OOIO!OO!I", &unit, &guard, &slot, &PyTuple_Type, &params, &result, &PyTuple_Type,
                          &defs, &flags))
        return NULL;
    if (PyTuple_GET_SIZE(params) != PyTuple_GET_SIZE(m->names))
        return PyErr_Format(PyExc_ValueError, "another number of parameters");
    if (plan_of_slot(m, slot))
        Py_RETURN_TRUE;
    if (m->nplans == METHOD_MAX_PLANS)
        Py_RETURN_FALSE;
    Plan *plan = plan_new(unit, guard, slot, params, result, defs, flags);
    if (!plan)
        return NULL;
    m->wraps |= (flags & PLAN_SIZED) != 0;
    plan->fast &= plan->nparams == m->npositional; /* keyword-only ones come by name */
    plan->method_of = m;
    m->plans[m->nplans++] = plan;
    method_use(m, plan);
    m->vectorcall = method_way(m);
    m->mode = METHOD_NATIVE;
    Py_RETURN_TRUE;
}

int64_t method_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* set_waiting(ms, whether it has not been compiled at all): who compiles is not there, and is not asked for so long. */
static PyObject *method_set_waiting(PyObject *op, PyObject *args) {
    Method *m = (Method *)op;
    long long ms;
    int pending;
    if (!PyArg_ParseTuple(args, "Lp", &ms, &pending))
        return NULL;
    m->asks_at = method_clock() + ms;
    if (pending) {
        method_use(m, NULL);
        m->vectorcall = method_way(m);
        m->mode = METHOD_PENDING;
    }
    Py_RETURN_NONE;
}

static PyObject *python_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    Method *m = (Method *)callable;
    if (unlikely(m->strict || m->sized || m->heirs)) /* there is something to look at */
        return sized_call_slow(m, args, nargsf, kwnames);
    return method_call_python(m, WHY_REFUSED, args, nargsf, kwnames);
}

/* From now on every call runs in Python. */
static PyObject *method_set_python(PyObject *op, PyObject *ignored) {
    (void)ignored;
    Method *m = (Method *)op;
    method_use(m, NULL);
    m->mode = METHOD_PYTHON;
    m->vectorcall = python_vectorcall;
    Py_RETURN_NONE;
}

/* Compiled, but all specialisations are made at the calls. */
static PyObject *method_set_native(PyObject *op, PyObject *ignored) {
    (void)ignored;
    Method *m = (Method *)op;
    m->vectorcall = method_way(m);
    m->mode = METHOD_NATIVE;
    m->asks_at = 0;
    Py_RETURN_NONE;
}

/* set_heir(class, its Method or None) */
static PyObject *method_set_heir(PyObject *op, PyObject *args) {
    Method *m = (Method *)op;
    PyTypeObject *type;
    PyObject *method;
    if (!PyArg_ParseTuple(args, "O!O", &PyType_Type, &type, &method))
        return NULL;
    heirs_clear(m, type);
    if (method == Py_None)
        Py_RETURN_NONE;
    if (!PyObject_TypeCheck(method, &Method_Type) || method == op)
        return PyErr_Format(PyExc_TypeError, "another Method is needed");
    PyObject *weak = PyWeakref_NewRef(method, NULL);
    Heir *heir = weak ? PyMem_Malloc(sizeof *heir) : NULL;
    if (!heir) {
        Py_XDECREF(weak);
        return weak ? PyErr_NoMemory() : NULL;
    }
    *heir = (Heir){.type = type, .method = weak, .next = m->heirs};
    m->heirs = heir;
    Py_RETURN_NONE;
}

/* set_annotated((annotation of each parameter), strict, keeps) */
static PyObject *method_set_annotated(PyObject *op, PyObject *args) {
    Method *m = (Method *)op;
    PyObject *annotated;
    int strict, keeps;
    if (!PyArg_ParseTuple(args, "O!pp", &PyTuple_Type, &annotated, &strict, &keeps))
        return NULL;
    m->strict = strict;
    m->keeps = keeps;
    if (PyTuple_GET_SIZE(annotated) != PyTuple_GET_SIZE(m->names))
        return PyErr_Format(PyExc_ValueError, "one annotation for each parameter");
    Py_SETREF(m->annotated, Py_NewRef(annotated));
    if (sized_note(m) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* The class is made after its methods. */
static PyObject *method_set_class(PyObject *op, PyObject *type) {
    Method *m = (Method *)op;
    if (!PyType_Check(type))
        return PyErr_Format(PyExc_TypeError, "a class is needed");
    m->type = (PyTypeObject *)type;
    m->vectorcall = method_vectorcall;
    Py_RETURN_NONE;
}

static PyObject *method_reduce(PyObject *op, PyObject *ignored) {
    (void)ignored;
    PyObject *module = PyImport_ImportModule("jitd.pickled");
    PyObject *reduced = module ? PyObject_CallMethod(module, "reduce", "O", op) : NULL;
    Py_XDECREF(module);
    return reduced;
}

static PyObject *method_getattro(PyObject *op, PyObject *name) {
    PyObject *value = PyObject_GenericGetAttr(op, name);
    if (value || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return value;
    PyErr_Clear(); /* __name__, __doc__, __code__, __annotations__ …: the function's */
    return PyObject_GetAttr(((Method *)op)->func, name);
}

/* What calls use is fixed when the method is made: a change would not be seen. */
static int method_setattro(PyObject *op, PyObject *name, PyObject *value) {
    static const char *const fixed[] = {"__code__", "__defaults__", "__kwdefaults__"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (PyUnicode_CompareWithASCIIString(name, fixed[i]) == 0) {
            PyErr_Format(PyExc_AttributeError, "%U of a compiled method cannot be changed", name);
            return -1;
        }
    return PyObject_GenericSetAttr(op, name, value);
}

static PyObject *method_doc(PyObject *op, void *closure) {
    return PyObject_GetAttrString(((Method *)op)->func, (const char *)closure);
}

static PyObject *inspect(PyObject *op, const char *how) {
    PyObject *module = PyImport_ImportModule("jitd.insight");
    PyObject *text = module ? PyObject_CallMethod(module, how, "O", op) : NULL;
    Py_XDECREF(module);
    return text;
}

static PyObject *method_inspect_llvm(PyObject *op, PyObject *ignored) {
    (void)ignored;
    return inspect(op, "inspect_llvm");
}

static PyObject *method_inspect_asm(PyObject *op, PyObject *ignored) {
    (void)ignored;
    return inspect(op, "inspect_asm");
}

/* Of a class statement that has it. */
static PyObject *method_set_name(PyObject *op, PyObject *args) {
    PyTypeObject *type;
    PyObject *name;
    if (!PyArg_ParseTuple(args, "O!U", &PyType_Type, &type, &name) || shadow_alias(op, type, name) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef method_methods[] = {
    {"__set_name__", method_set_name, METH_VARARGS, NULL},
    {"inspect_llvm", method_inspect_llvm, METH_NOARGS, "The optimised LLVM IR."},
    {"inspect_asm", method_inspect_asm, METH_NOARGS, "The machine code as assembly text."},
    {"_add_plan", method_add_plan, METH_VARARGS, NULL},
    {"_set_python", method_set_python, METH_NOARGS, NULL},
    {"_set_waiting", method_set_waiting, METH_VARARGS, NULL},
    {"_set_native", method_set_native, METH_NOARGS, NULL},
    {"_set_annotated", method_set_annotated, METH_VARARGS, NULL},
    {"_set_class", method_set_class, METH_O, NULL},
    {"_set_heir", method_set_heir, METH_VARARGS, NULL},
    {"_counters", counts_of, METH_NOARGS, NULL},
    {"__reduce__", method_reduce, METH_NOARGS, NULL},
    {0},
};

static PyMemberDef method_members[] = {
    {"__wrapped__", T_OBJECT, offsetof(Method, func), READONLY, NULL},
    {"__dict__", T_OBJECT, offsetof(Method, dict), READONLY, NULL},
    {0},
};

static PyGetSetDef method_getset[] = {
    {"__doc__", method_doc, NULL, NULL, "__doc__"},
    {"__module__", method_doc, NULL, NULL, "__module__"},
    {"__name__", method_doc, NULL, NULL, "__name__"},
    {"__qualname__", method_doc, NULL, NULL, "__qualname__"},
    {0},
};

PyTypeObject Method_Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "jitd.Method",
    .tp_doc = "A method or function that jitd compiles; __wrapped__ is the Python one.",
    .tp_basicsize = sizeof(Method),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_vectorcall_offset = offsetof(Method, vectorcall),
    .tp_weaklistoffset = offsetof(Method, weakrefs),
    .tp_dictoffset = offsetof(Method, dict),
    .tp_new = method_new,
    .tp_dealloc = method_dealloc,
    .tp_traverse = method_traverse,
    .tp_clear = method_clear,
    .tp_call = PyVectorcall_Call,
    .tp_descr_get = method_get,
    .tp_repr = method_repr,
    .tp_getattro = method_getattro,
    .tp_setattro = method_setattro,
    .tp_methods = method_methods,
    .tp_members = method_members,
    .tp_getset = method_getset,
};
