/* Build, calls of compiled functions, methods and classes. */
#include "server/compiler/flow/build.h"

static FlowOp *invoke(Build *b, const Node *n, Instance *callee, FlowOp *const *args, size_t nargs,
                      FlowResume *resume) {
    FlowOp *call = build_op(b, FLOW_CALL, callee->result ? callee->result : &type_none, args, nargs);
    FuncKind kind = callee->bound->func->kind;
    call->callee = callee;
    call->fail = build_failing(b, n, (Site){.kind = SITE_CALL});
    call->fail->resume = resume;
    call->fresh = callee->loops && callee->outer == EFFECT_NONE && call->fail->effect == EFFECT_NONE;
    if (!callee->result) {
        build_dead(b);
        return NULL;
    }
    if (callee->sized &&
        (kind == FUNC_FUNCTION || kind == FUNC_CLASS)) /* the interpreter would call the Python function */
        build_wrapped(b, NULL);
    return call;
}

/* A call whose arguments are ready. */
FlowOp *build_invoke(Build *b, const Node *n, Instance *callee, FlowOp *const *args, size_t nargs) {
    return invoke(b, n, callee, args, nargs, build_resume_call(b, n, callee));
}

FlowOp *build_setter(Build *b, const Node *n, Instance *callee, FlowOp *self, FlowOp *v) {
    v = build_fit(b, n, v, callee->params[1], build_param_place(b, callee->func, 0));
    return invoke(b, n, callee, OPS(self, v), build_resume_setter(b, n, callee));
}

FlowOp *build_special(Build *b, const Node *n, const SpecialCall *call, FlowOp *left, FlowOp *right) {
    FlowOp *args[2] = {call->reflected ? right : left};
    if (call->arg)
        args[1] =
            build_fit(b, n, call->reflected ? left : right, call->arg, build_param_place(b, call->callee->func, 0));
    return build_invoke(b, n, call->callee, args, call->arg ? 2 : 1);
}

static FlowFail *negative_len(Build *b, const Node *n) {
    return build_raising(b, n, STR("ValueError"), STR("__len__() should return >= 0"));
}

FlowOp *build_special_len(Build *b, const Node *n, const SpecialCall *call, FlowOp *v) {
    FlowOp *len = build_special(b, n, call, v, NULL);
    if (len)
        build_guard(b, build_compare_ops(b, FLOW_LT, len, build_int(b, 0)), negative_len(b, n));
    return len;
}

/* Evaluates the arguments in order; ret_vals[param]. False: one never gets a value. */
static bool eval_args(Build *b, const CallInfo *call, FlowOp **ret_vals) {
    for (size_t i = 0; i < call->nargs; i++) {
        const CallArg *arg = &call->args[i];
        FlowOp *v = arg->expr ? build_expr(b, arg->expr) : build_const(b, arg->constant);
        if (!v)
            return false;
        ret_vals[arg->param] = v;
    }
    return true;
}

/* Only when all are evaluated are they converted, in the order of the parameters, as in a call from Python: one that is out
 * of range must not keep the others from being evaluated. */
static bool args_of(Build *b, const Node *n, const CallInfo *call, FlowOp **ret_vals) {
    const Type **to = pool_array(b->pool, const Type *, call->nargs + 1);
    if (!eval_args(b, call, ret_vals))
        return false;
    for (size_t i = 0; i < call->nargs; i++)
        to[call->args[i].param] = call->args[i].type;
    for (size_t i = 0; i < call->nargs; i++)
        ret_vals[i] = build_fit(b, n, ret_vals[i], to[i], build_param_place(b, call->callee->func, (uint32_t)i));
    return true;
}

/* The receiver: of obj.method() checked for None; of Class.method(obj) as it is. False: it never gets a value. */
static bool receiver_of(Build *b, const Node *n, const CallInfo *call, FlowOp **ret_self) {
    const Node *f = n->Call.func;
    if (call->base) {
        FlowOp *base = build_expr(b, call->base);
        if (!base)
            return false;
        build_object(b, f, base, false);
    }
    *ret_self = NULL;
    if (!call->receiver)
        return true;
    *ret_self = build_expr(b, call->receiver);
    if (*ret_self && f->kind == NODE_Attribute && f->Attribute.value == call->receiver)
        build_object(b, f, *ret_self, false);
    return *ret_self;
}

static FlowOp *call_instance(Build *b, const Node *n, const CallInfo *call) {
    FlowOp **args = pool_array(b->pool, FlowOp *, call->nargs + 2), *self;
    if (!receiver_of(b, n, call, &self) || !args_of(b, n, call, args + 1))
        return NULL;
    args[0] = self;
    return self ? build_invoke(b, n, call->callee, args, call->nargs + 1)
                : build_invoke(b, n, call->callee, args + 1, call->nargs);
}

static FlowOp *is_class(Build *b, FlowOp *object, uint32_t def) {
    FlowOp *op = build_op(b, FLOW_IS_CLASS, &type_bool, OPS(object));
    op->def = def;
    return op;
}

/* Of a class that nobody here has heard of the interpreter calls the method. */
static void last_way(Build *b, const Node *n, FlowOp *is) {
    Site site = {.kind = SITE_REDO, .text = STR("an instance is of a class that was not known")};
    build_guard(b, build_not(b, is), build_failing(b, n, site));
}

FlowOp *build_open(Build *b, const Node *n, FlowOp **args) {
    const CallInfo *call = b->info[n->id].call;
    size_t self = call->receiver ? 1 : 0;
    if (call->kind != CALL_OPEN) /* one function for all of them */
        return build_invoke(b, n, call->callee, args, call->nargs + 1);
    const Type *type = b->info[n->id].type;
    FlowVar *var = build_temp(b, type ? type : &type_none, "value");
    FlowBlock *meet = build_block(b, "meet");
    for (size_t i = 0; i < call->nways; i++) {
        bool is_last = i + 1 == call->nways;
        FlowOp *is = is_class(b, args[0], call->ways[i].def);
        FlowBlock *way = is_last ? NULL : build_block(b, "class"), *next = is_last ? NULL : build_block(b, "other");
        if (is_last)
            last_way(b, n, is);
        else
            build_branch(b, is, way, next, false), build_start(b, way);
        FlowOp *v = build_invoke(b, n, call->ways[i].callee, args + 1 - self, call->nargs + self);
        v = v ? build_convert(b, n, v, var->type) : NULL;
        if (v && type_slots(var->type))
            build_store(b, var, v);
        if (v)
            build_go(b, meet);
        if (next)
            build_start(b, next);
    }
    return build_meeting(b, n, var, meet);
}

static FlowOp *call_open(Build *b, const Node *n, const CallInfo *call) {
    FlowOp **args = pool_array(b->pool, FlowOp *, call->nargs + 2);
    args[0] = build_expr(b, n->Call.func->Attribute.value);
    if (args[0])
        build_object(b, n->Call.func, args[0], false);
    if (!args[0] || !args_of(b, n, call, args + 1))
        return NULL;
    return build_open(b, n, args);
}

/* ---- construction ---- */

/* Stores a value into a field, with the conversions of a field (int -> float ...). */
void build_set_field(Build *b, const Node *n, FlowOp *object, uint32_t def, uint32_t field, FlowOp *v) {
    const FieldSpec *f = &b->lang->unit->defs[def].fields[field];
    v = build_fit(b, n, v, f->type, build_field_place(b, def, field));
    FlowOp *set = build_op(b, FLOW_SET_FIELD, NULL, OPS(object, v));
    set->def = def;
    set->field = field;
}

static FlowOp *new_object(Build *b, const Node *n, uint32_t def) {
    FlowOp *object = build_op(b, FLOW_NEW, lang_exact(b->lang, def), NULL, 0);
    object->def = def;
    object->fail = build_failing(b, n, (Site){.kind = SITE_CALL});
    return object;
}

/* A field of an object that nobody has seen and that is zeroed: nothing to give back, nothing to share. */
static void init_field(Build *b, const Node *n, FlowOp *object, uint32_t def, uint32_t field, FlowOp *v) {
    const FieldSpec *f = &b->lang->unit->defs[def].fields[field];
    v = build_fit(b, n, v, f->type, build_field_place(b, def, field));
    FlowOp *init = build_op(b, FLOW_INIT_FIELD, NULL, OPS(object, v));
    init->def = def;
    init->field = field;
}

/* The fields of a generated __init__, converted before the object exists, so that a failure leaves nothing behind. */
static bool field_args(Build *b, const Node *n, const CallInfo *call, FlowOp **ret_vals) {
    const DefSpec *d = &b->lang->unit->defs[call->def];
    if (!eval_args(b, call, ret_vals))
        return false;
    for (size_t i = 0; i < call->nargs; i++)
        if (d->fields[i].type->kind != TYPE_REF)
            ret_vals[i] = build_fit(b, n, ret_vals[i], d->fields[i].type, build_field_place(b, call->def, (uint32_t)i));
    return true;
}

static void init_defaults(Build *b, const Node *n, uint32_t def, FlowOp *object) {
    const DefSpec *d = &b->lang->unit->defs[def];
    for (uint32_t i = 0; i < d->nfields; i++)
        if (d->fields[i].default_value)
            init_field(b, n, object, def, i, build_const(b, d->fields[i].default_value));
}

static bool init(Build *b, const Node *n, Instance *callee, FlowOp *const *args, size_t nargs) {
    return invoke(b, n, callee, args, nargs, build_resume_new(b, n, callee, args[0]));
}

static FlowOp *call_new(Build *b, const Node *n, const CallInfo *call) {
    bool generated = b->lang->unit->defs[call->def].init == INIT_GENERATED;
    FlowOp **args = pool_array(b->pool, FlowOp *, call->nargs + 2);
    if (!(generated ? field_args : args_of)(b, n, call, args + 1))
        return NULL;
    args[0] = new_object(b, n, call->def);
    for (size_t i = 0; generated && i < call->nargs; i++)
        init_field(b, n, args[0], call->def, (uint32_t)i, args[i + 1]);
    if (!generated)
        init_defaults(b, n, call->def, args[0]);
    bool is_made = !call->callee || init(b, n, call->callee, args, generated ? 1 : call->nargs + 1);
    return is_made ? args[0] : NULL;
}

FlowOp *build_call(Build *b, const Node *n) {
    const CallInfo *call = b->info[n->id].call;
    switch (call->kind) {
    case CALL_INSTANCE:
        return call_instance(b, n, call);
    case CALL_NEW:
        return call_new(b, n, call);
    case CALL_BUILTIN:
        return build_builtin(b, n, call);
    case CALL_MATH:
        return build_math(b, n, call);
    case CALL_APPEND:
        return build_list_append(b, n);
    case CALL_POP:
        return build_list_pop(b, n);
    case CALL_TAKING:
        return build_taking(b, n);
    case CALL_OPEN:
        return call_open(b, n, call);
    case CALL_SUPER:
        return build_local_load(b, n, 0, b->info[n->id].type);
    }
    internal_error("a call of no known kind");
}
