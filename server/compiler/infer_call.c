/* Infer, calls: who is called, with which arguments in which order, as which instance, and what the call commits. */
#include "server/compiler/infer.h"

#define LONG_REASON 600 /* bytes */

CallInfo *infer_call_info(Infer *in, const Node *n, CallKind kind) {
    CallInfo *call = pool_new(in->pool, CallInfo);
    call->kind = kind;
    in->info[n->id].call = call;
    return call;
}

/* ---- matching arguments to parameters ---- */

typedef struct Signature {
    Str name;
    const ParamSpec *params;
    size_t nparams;
} Signature;

static size_t find_param(Infer *in, const Node *keyword, const Signature *sig) {
    for (size_t i = 0; i < sig->nparams; i++)
        if (str_eq(sig->params[i].name, keyword->keyword.arg) && sig->params[i].kind != PARAM_POS)
            return i;
    fail(in->c, keyword->span, "%.*s() got an unexpected keyword argument '%.*s'", STR_FMT(sig->name),
         STR_FMT(keyword->keyword.arg));
}

static void match_default(Infer *in, const Node *n, const Signature *sig, CallInfo *call, size_t param) {
    const Global *value = sig->params[param].default_value;
    if (!value)
        fail(in->c, n->span, "%.*s() missing argument '%.*s'", STR_FMT(sig->name), STR_FMT(sig->params[param].name));
    call->args[call->nargs++] =
        (CallArg){.constant = value, .param = (uint32_t)param, .type = global_const_type(in, n, value)};
}

static void match_args(Infer *in, const Node *n, const Signature *sig, Nodes positional, CallInfo *call) {
    size_t total = positional.len + n->Call.keywords.len;
    bool *given = pool_array(in->pool, bool, sig->nparams + 1);
    call->args = pool_array(in->pool, CallArg, sig->nparams + total + 1);
    for (size_t i = 0; i < total; i++) {
        const Node *keyword = i < positional.len ? NULL : n->Call.keywords.at[i - positional.len];
        if (keyword && !keyword->keyword.arg.ptr)
            fail(in->c, keyword->span, "** in a call is not compiled");
        const Node *expr = keyword ? keyword->keyword.value : positional.at[i];
        if (!keyword && (i >= sig->nparams || sig->params[i].kind == PARAM_KW))
            fail(in->c, expr->span, "%.*s() takes fewer positional arguments", STR_FMT(sig->name));
        size_t param = keyword ? find_param(in, keyword, sig) : i;
        if (given[param])
            fail(in->c, expr->span, "%.*s() got multiple values for argument '%.*s'", STR_FMT(sig->name),
                 STR_FMT(sig->params[param].name));
        given[param] = true;
        const Type *type = infer_expr(in, expr);
        call->args[call->nargs++] = (CallArg){.expr = expr, .param = (uint32_t)param, .type = type};
    }
    for (size_t i = 0; i < sig->nparams; i++)
        if (!given[i])
            match_default(in, n, sig, call, i);
}

/* A sized parameter takes what fits, as it does of callers in Python. */
static bool takes_as_sized(const Type *param, const Type *type) {
    bool is_number = type_is_int(type) || type->kind == TYPE_BOOL;
    return type_is_sized(param) &&
           (is_number || (param->kind == TYPE_FLOAT32 && (type->kind == TYPE_FLOAT || type->kind == TYPE_FLOAT32)));
}

/* References are passed as the annotated type where that is wider, so that None and Node need not be two instances. */
const Type *infer_param_type(const Infer *in, const ParamSpec *param, const Type *type) {
    const Type *a = param->type;
    if (a && takes_as_sized(a, type))
        return a;
    if (a && a->kind == TYPE_PY && type->kind == TYPE_PY)
        return a->likely == PY_ANY ? type : a;
    if (!a || a->kind != TYPE_REF)
        return type;
    return infer_takes_ref(in, a, type) ? a : type;
}

static const Type **instance_params(Infer *in, const Signature *sig, CallInfo *call, const Type *self) {
    size_t first = self ? 1 : 0;
    const Type **params = pool_array(in->pool, const Type *, sig->nparams + 2);
    if (self)
        params[0] = self;
    for (size_t i = 0; i < call->nargs; i++) {
        CallArg *arg = &call->args[i];
        const ParamSpec *param = &sig->params[arg->param];
        if (arg->type->kind == TYPE_PY && param->type && type_is_sized(param->type))
            fail(in->c, arg->expr->span, "a Python object as the sized argument '%.*s' is not compiled",
                 STR_FMT(param->name));
        arg->type = infer_param_type(in, param, arg->type);
        params[arg->param + first] = arg->type;
    }
    return params;
}

/* ---- what a call does to its caller ---- */

/* Python code that runs while the callee polls must not see stores that may be taken back: what was stored before the call, and
 * what the callee stores itself, if the caller may take it back later. */
static bool must_hide_stores(const Infer *in, const Instance *callee) {
    bool polls = callee->loops || callee->state == INSTANCE_RUNNING;
    return polls && (in->env.effect == EFFECT_UNDO || (callee->self_stores && !callee->fresh));
}

/* Down a chain of calls each reason is in its caller's: beyond LONG_REASON bytes the place has to do. */
static _Noreturn void fail_with_callee(Infer *in, const Node *n, Str name, const Diag *why) {
    if (why->message.len > LONG_REASON)
        fail(in->c, n->span, "this calls %.*s, which is not compiled (line %d)", STR_FMT(name), why->span.line);
    fail(in->c, n->span, "this calls %.*s, which is not compiled: %.*s (line %d)", STR_FMT(name), STR_FMT(why->message),
         why->span.line);
}

Instance *infer_instance(Infer *in, const Node *n, uint32_t def, uint32_t func, const Type **params, uint32_t nparams,
                         bool fresh) {
    if (!fresh && nparams && params[0]->kind == TYPE_REF && lang_find_common(in->lang, &def, &func))
        params[0] = type_ref(in->pool, def, false);
    FuncState *f = lang_func(in->lang, def, func);
    Effect outer = effect_is_final(in) ? EFFECT_COMMITTED : EFFECT_NONE;
    Instance *callee = instance_get(in->lang, f, params, nparams, fresh, outer, in->inst);
    if (outer == EFFECT_NONE && must_hide_stores(in, callee))
        callee = instance_get(in->lang, f, params, nparams, fresh, EFFECT_UNDO, in->inst);
    if (callee->state == INSTANCE_REFUSED)
        fail_with_callee(in, n, in->lang->unit->defs[def].funcs[func].name, &callee->diag);
    return callee;
}

static void callee_effects(Infer *in, const Instance *callee, const Node *receiver, bool fresh_receiver) {
    if (callee->commits)
        effect_commit(in);
    if (fresh_receiver || (!callee->self_stores && !callee->stores_self_refs))
        return;
    if (!receiver || !is_own_self(in, receiver)) {
        effect_commit(in);
        return;
    }
    if (callee->stores_self_refs)
        effect_store_self(in, 0, true);
    for (uint32_t i = 0; i < 64; i++)
        if (callee->self_stores >> i & 1)
            effect_store_self(in, i, false);
}

static void note_callee(Infer *in, const Instance *callee, const Node *receiver, bool fresh_receiver) {
    Instance *inst = in->inst;
    callee_effects(in, callee, receiver, fresh_receiver);
    inst->loops |= callee->loops || callee->state == INSTANCE_RUNNING; /* recursion polls like a loop */
    /* A callee that polls may run code that drops what we borrow. */
    inst->manages |= callee->manages || callee->loops || callee->state == INSTANCE_RUNNING ||
                     (callee->result && type_has_refs(callee->result));
    inst->python |= callee->python;
    FuncKind kind = callee->bound->func->kind;
    if (kind == FUNC_FUNCTION || kind == FUNC_CLASS) /* the interpreter would call the Python function */
        inst->sized |= callee->sized;
    if (in->loop && (callee->loops || callee->python))
        in->loop->inner = true;
}

static _Noreturn void never_returns(Infer *in, const Node *n) {
    in->info[n->id].flags |= NODE_NEVER;
    longjmp(*in->bottom, 1);
}

const Type *infer_callee(Infer *in, const Node *n, Instance *callee, const Node *receiver, bool fresh_receiver) {
    infer_mark(in, n);
    note_callee(in, callee, receiver, fresh_receiver);
    if (!callee->result)
        never_returns(in, n);
    return callee->result;
}

/* ---- functions and methods ---- */

static Signature func_signature(const FuncSpec *f) {
    return (Signature){f->name, f->params, f->nparams};
}

/* `on` is the node of self's expression, or of the instance that a static or class method is called on; NULL: none. */
static const Type *call_func(Infer *in, const Node *n, uint32_t def, uint32_t func, Nodes args, const Node *on) {
    const FuncSpec *f = &in->lang->unit->defs[def].funcs[func];
    Signature sig = func_signature(f);
    CallInfo *call = infer_call_info(in, n, CALL_INSTANCE);
    const Node *receiver = call->receiver = f->kind == FUNC_METHOD ? on : NULL;
    call->base = receiver ? NULL : on;
    match_args(in, n, &sig, args, call);
    const Type **params = instance_params(in, &sig, call, receiver ? lang_exact(in->lang, def) : NULL);
    uint32_t nparams = (uint32_t)sig.nparams + (receiver ? 1 : 0);
    call->callee = infer_instance(in, n, def, func, params, nparams, false);
    return infer_callee(in, n, call->callee, receiver, false);
}

static _Noreturn void no_method(Infer *in, const Node *n, const DefSpec *d, Str name) {
    for (size_t i = 0; i < d->other.len; i++)
        if (str_eq(d->other.at[i].name, name))
            fail(in->c, n->span, "this calls %.*s, which is not compiled: %.*s", STR_FMT(name),
                 STR_FMT(d->other.at[i].s));
    fail(in->c, n->span, "'%.*s' has no method '%.*s'", STR_FMT(d->name), STR_FMT(name));
}

#define MAX_WAYS 8 /* more are found faster by the interpreter's own look at the class */

static bool same_params(const FuncSpec *a, const FuncSpec *b) {
    bool same = a->nparams == b->nparams;
    for (size_t i = 0; same && i < a->nparams; i++)
        same = str_eq(a->params[i].name, b->params[i].name) && a->params[i].kind == b->params[i].kind;
    return same;
}

static bool same_defaults(const FuncSpec *f, const CallInfo *call) {
    bool same = true;
    for (size_t i = 0; same && i < call->nargs; i++)
        same =
            call->args[i].expr || def_same_const(call->args[i].constant, f->params[call->args[i].param].default_value);
    return same;
}

/* The function of that class; its parameters are called as the first class's are. */
static const FuncSpec *way_of(Infer *in, const Node *n, uint32_t def, Str name, const FuncSpec *first, int *ret_func) {
    const DefSpec *d = &in->lang->unit->defs[def];
    int func = *ret_func = lang_find_func(in->lang, def, name);
    if (func < 0)
        no_method(in, n, d, name);
    FuncKind kind = d->funcs[func].kind;
    bool is_called = kind == FUNC_METHOD || kind == FUNC_STATIC || kind == FUNC_CLASS;
    if (!is_called || (first && (first->kind != kind || !same_params(first, &d->funcs[func]))))
        fail(in->c, n->span, "%.*s takes other arguments in a class that extends this one", STR_FMT(name));
    return &d->funcs[func];
}

static const Type *join_results(Infer *in, const Node *n, const CallInfo *call) {
    const Type *result = NULL;
    for (size_t i = 0; i < call->nways; i++) {
        const Type *t = call->ways[i].callee->result;
        const Type *both = !result || !t                                   ? (result ? result : t)
                           : result->kind == TYPE_PY || t->kind == TYPE_PY ? (type_eq(result, t) ? t : &type_py)
                                                                           : type_join(in->lang, result, t);
        if (!both && t)
            fail(in->c, n->span, "the methods of several classes give %s and %s", type_words(in, result),
                 type_words(in, t));
        result = both;
    }
    return result;
}

static bool is_one(const Infer *in, const CallInfo *call, const Type *t) {
    if (call->nways <= in->lang->unit->defs[t->def].nheirs)
        return false;
    for (size_t i = 1; i < call->nways; i++)
        if (call->ways[i].callee != call->ways[0].callee)
            return false;
    return true;
}

/* No object is exactly of an abstract class; a test of its class fails for one that is. */
static bool is_no_way(const Infer *in, const Type *t, uint32_t def) {
    const DefSpec *defs = in->lang->unit->defs, *d = &defs[t->def];
    bool others = !def_is_abstract(d);
    for (size_t i = 0; !others && i < d->nheirs; i++)
        others = !def_is_abstract(&defs[d->heirs[i]]);
    return others && def_is_abstract(&defs[def]);
}

static const Type *open_result(Infer *in, const Node *n, CallInfo *call, const Node *base, const Type *t) {
    call->callee = call->ways[0].callee;
    if (is_one(in, call, t)) { /* whatever the class */
        call->kind = CALL_INSTANCE;
        return infer_callee(in, n, call->callee, base, false);
    }
    infer_mark(in, n);
    in->lists = true; /* the class may be one that nobody here has heard of */
    for (size_t i = 0; i < call->nways; i++)
        note_callee(in, call->ways[i].callee, base, false);
    const Type *result = join_results(in, n, call);
    if (!result)
        never_returns(in, n);
    return result;
}

/* A method of an instance whose class is one of several: each class's own function. */
static const Type *call_open(Infer *in, const Node *n, const Type *t, Str name, const Node *base) {
    const DefSpec *d = &in->lang->unit->defs[t->def];
    if (d->nheirs >= MAX_WAYS)
        fail(in->c, n->span, "over %d classes extend %.*s", MAX_WAYS - 1, STR_FMT(d->name));
    int func;
    const FuncSpec *first = NULL;
    CallInfo *call = infer_call_info(in, n, CALL_OPEN);
    call->ways = pool_array(in->pool, CallWay, d->nheirs + 1);
    const Type **params = NULL;
    for (size_t i = 0; i <= d->nheirs; i++) {
        uint32_t def = i ? d->heirs[i - 1] : t->def;
        if (is_no_way(in, t, def))
            continue;
        const FuncSpec *f = way_of(in, n, def, name, first, &func);
        Signature own = func_signature(f);
        if (!first)
            match_args(in, n, &own, n->Call.args, call);
        first = first ? first : f;
        uint32_t self = f->kind == FUNC_METHOD ? 1 : 0;
        call->receiver = self ? base : NULL;
        call->base = self ? NULL : base;
        if (!same_defaults(f, call))
            fail(in->c, n->span, "%.*s has other defaults in a class that extends this one", STR_FMT(name));
        const Type **other = instance_params(in, &own, call, self ? lang_exact(in->lang, def) : NULL);
        for (size_t k = self; params && k < own.nparams + self; k++)
            if (!type_eq(params[k], other[k]))
                fail(in->c, n->span, "%.*s takes other types in a class that extends this one", STR_FMT(name));
        params = other;
        Instance *callee = infer_instance(in, n, def, (uint32_t)func, params, (uint32_t)own.nparams + self, false);
        call->ways[call->nways++] = (CallWay){def, callee};
    }
    return open_result(in, n, call, call->receiver, t);
}

/* Whether each class that counts has a property of that name. */
bool infer_is_open_property(const Infer *in, const Type *t, Str name) {
    const DefSpec *defs = in->lang->unit->defs, *d = &defs[t->def];
    bool is = lang_is_open(in->lang, t) && d->nheirs < MAX_WAYS;
    for (size_t i = 0; is && i <= d->nheirs; i++) {
        uint32_t def = i ? d->heirs[i - 1] : t->def;
        is = is_no_way(in, t, def) || def_find_property(&defs[def], name, FUNC_PROPERTY) >= 0;
    }
    return is;
}

/* A property of such an instance: each class's own getter. */
const Type *infer_open_property(Infer *in, const Node *n, const Type *t, Str name) {
    const DefSpec *defs = in->lang->unit->defs, *d = &defs[t->def];
    CallInfo *call = infer_call_info(in, n, CALL_OPEN);
    call->receiver = n->Attribute.value;
    call->ways = pool_array(in->pool, CallWay, d->nheirs + 1);
    for (size_t i = 0; i <= d->nheirs; i++) {
        uint32_t def = i ? d->heirs[i - 1] : t->def;
        infer_access(in, n, &defs[def], false);
        if (is_no_way(in, t, def))
            continue;
        const Type **self = pool_array(in->pool, const Type *, 1);
        self[0] = lang_exact(in->lang, def);
        uint32_t func = (uint32_t)def_find_property(&defs[def], name, FUNC_PROPERTY);
        call->ways[call->nways++] = (CallWay){def, infer_instance(in, n, def, func, self, 1, false)};
    }
    return open_result(in, n, call, call->receiver, t);
}

/* Whether an instance of `own` is one of `def`, whose method of that name is then *ret_func of own. */
static bool is_of_class(Infer *in, uint32_t own, uint32_t def, Str name, int *ret_func) {
    if (own == def)
        return true;
    uint32_t level = lang_level_of(in->lang, own, def);
    *ret_func = level ? lang_find_above(in->lang, own, name, level - 1) : -1;
    return *ret_func >= 0;
}

static const Type *call_method(Infer *in, const Node *n, uint32_t def, Str name, const Node *receiver) {
    int func = lang_find_func(in->lang, def, name);
    const DefSpec *d = &in->lang->unit->defs[def];
    if (func < 0)
        no_method(in, n, d, name);
    FuncKind kind = d->funcs[func].kind;
    if (kind == FUNC_PROPERTY)
        fail(in->c, n->span, "a call of a property's value is not compiled");
    Nodes args = n->Call.args;
    if (kind == FUNC_METHOD && !receiver) { /* Class.method(obj, ...) */
        if (!args.len)
            fail(in->c, n->span, "%.*s() missing argument 'self'", STR_FMT(name));
        receiver = args.at[0];
        const Type *t = infer_expr(in, receiver);
        if (t->kind != TYPE_REF || t->optional || lang_is_open(in->lang, t) ||
            !is_of_class(in, t->def, def, name, &func))
            fail(in->c, receiver->span, "self is %s", type_words(in, t));
        def = t->def;
        args = (Nodes){args.at + 1, args.len - 1};
    }
    return call_func(in, n, def, (uint32_t)func, args, receiver);
}

/* ---- construction ---- */

static Signature fields_signature(Infer *in, const DefSpec *d) {
    ParamSpec *params = pool_array(in->pool, ParamSpec, d->nfields + 1);
    for (size_t i = 0; i < d->nfields; i++)
        params[i] = (ParamSpec){.name = d->fields[i].name,
                                .type = d->fields[i].type,
                                .default_value = d->fields[i].default_value,
                                .kind = PARAM_ANY};
    return (Signature){d->name, params, d->nfields};
}

static void new_generated(Infer *in, const Node *n, uint32_t def, CallInfo *call) {
    const DefSpec *d = &in->lang->unit->defs[def];
    Signature sig = fields_signature(in, d);
    match_args(in, n, &sig, n->Call.args, call);
    infer_mark(in, n);
    for (size_t i = 0; i < call->nargs; i++)
        infer_store_check(in, call->args[i].expr ? call->args[i].expr : n, d->fields[call->args[i].param].type,
                          call->args[i].type);
    int post = lang_find_func(in->lang, def, STR("__post_init__"));
    if (post < 0)
        return;
    const Type **params = pool_array(in->pool, const Type *, 1);
    params[0] = lang_exact(in->lang, def);
    call->callee = infer_instance(in, n, def, (uint32_t)post, params, 1, true);
    infer_callee(in, n, call->callee, NULL, true);
}

/* Without a generated __init__ a default is what a class attribute would be: the value of a field that nobody assigns. */
static void check_defaults(Infer *in, const Node *n, const DefSpec *d) {
    for (size_t i = 0; i < d->nfields; i++)
        if (d->fields[i].default_value)
            infer_store_check(in, n, d->fields[i].type, global_const_type(in, n, d->fields[i].default_value));
}

static void new_user(Infer *in, const Node *n, uint32_t def, CallInfo *call) {
    int func = lang_find_func(in->lang, def, STR("__init__"));
    if (func < 0)
        fail(in->c, n->span, "the class's __init__ is not compiled");
    Signature sig = func_signature(&in->lang->unit->defs[def].funcs[func]);
    match_args(in, n, &sig, n->Call.args, call);
    const Type **params = instance_params(in, &sig, call, lang_exact(in->lang, def));
    call->callee = infer_instance(in, n, def, (uint32_t)func, params, (uint32_t)sig.nparams + 1, true);
    infer_callee(in, n, call->callee, NULL, true);
}

/* What the class makes is most likely an instance of it. */
static const Type *made_by_python(Infer *in, const Node *n, uint32_t def, Str why) {
    if (n->Call.keywords.len || n->Call.func->kind != NODE_Name)
        fail(in->c, n->span, "making a %.*s is not compiled: %.*s", STR_FMT(in->lang->unit->defs[def].name),
             STR_FMT(why));
    return infer_object_call(in, n, type_not_exact(in->pool, lang_exact(in->lang, def)));
}

static const Type *call_class(Infer *in, const Node *n, uint32_t def) {
    const DefSpec *d = &in->lang->unit->defs[def];
    for (size_t i = 0; i < d->other.len; i++)
        if (str_eq_c(d->other.at[i].name, "__new__"))
            return made_by_python(in, n, def, d->other.at[i].s);
    CallInfo *call = infer_call_info(in, n, CALL_NEW);
    call->def = def;
    in->inst->manages = true;
    if (d->init != INIT_GENERATED)
        check_defaults(in, n, d);
    if (d->init == INIT_GENERATED)
        new_generated(in, n, def, call);
    else if (d->init == INIT_USER)
        new_user(in, n, def, call);
    else if (n->Call.args.len || n->Call.keywords.len)
        fail(in->c, n->span, "%.*s() takes no arguments", STR_FMT(d->name));
    else
        infer_mark(in, n);
    return lang_exact(in->lang, def);
}

/* ---- finding the callee ---- */

static const Type *call_global(Infer *in, const Node *n, const Global *g) {
    switch (g->kind) {
    case GLOBAL_DEF:
        if (in->lang->unit->defs[g->def].is_class)
            return call_class(in, n, g->def);
        if (!in->lang->unit->defs[g->def].nfuncs)
            fail(in->c, n->span, "%.*s has no source", STR_FMT(g->name));
        return call_func(in, n, g->def, 0, n->Call.args, NULL);
    case GLOBAL_BUILTIN:
        return infer_builtin_call(in, n, g->s);
    case GLOBAL_MEMBER:
        if (str_eq_c(g->s, "math"))
            return infer_math_call(in, n, g->t);
        fail(in->c, n->span, "%.*s.%.*s is not compiled", STR_FMT(g->s), STR_FMT(g->t));
    case GLOBAL_TYPE:
        return infer_conversion_call(in, n, g->type);
    case GLOBAL_OTHER:
    case GLOBAL_EXCEPTION:
        fail(in->c, n->span, "this calls %.*s, which is not compiled: %.*s", STR_FMT(g->name), STR_FMT(g->s));
    default:
        fail(in->c, n->span, "'%.*s' is not callable", STR_FMT(g->name));
    }
}

/* The class that a name stands for: a global, or cls of a class method; -1. */
static int named_class(Infer *in, const Node *n) {
    if (n->kind != NODE_Name)
        return -1;
    const Binding *b = &in->bound->binding[n->id];
    if (b->kind == BIND_GLOBAL)
        return b->global->kind == GLOBAL_DEF && in->lang->unit->defs[b->global->def].is_class ? (int)b->global->def
                                                                                              : -1;
    bool is_cls = b->local == 0 && in->bound->nleading && in->bound->func->kind == FUNC_CLASS;
    return is_cls && !in->bound->assigned[0] ? (int)in->bound->def_index : -1;
}

/* super() without arguments, or with the class and self. */
static bool is_super(Infer *in, const Node *n) {
    if (n->kind != NODE_Call || !bound_is_super(in->bound, n->Call.func) || n->Call.keywords.len)
        return false;
    Nodes args = n->Call.args;
    const FuncOwner *owner = &in->bound->func->owner;
    if (args.len == 0)
        return str_eq_c(n->Call.func->Name.id, "super") && !in->bound->inside[n->id];
    const Binding *b = args.len == 2 && args.at[0]->kind == NODE_Name ? &in->bound->binding[args.at[0]->id] : NULL;
    if (!b || b->kind != BIND_GLOBAL || b->global->kind != GLOBAL_DEF || !is_own_self(in, args.at[1]))
        return false;
    return b->global->def == (owner->level ? owner->def : in->bound->def_index) && (owner->is_def || !owner->level);
}

/* A method of the next class that has one, with this self. */
static const Type *call_super(Infer *in, const Node *n, const Node *base, Str name) {
    const Bound *bound = in->bound;
    FuncKind kind = bound->func->kind;
    if (!bound->nleading || kind == FUNC_CLASS || bound->assigned[0])
        fail(in->c, base->span, "super() is not compiled here");
    int func = lang_find_above(in->lang, bound->def_index, name, bound->func->owner.level);
    if (func < 0 || in->lang->unit->defs[bound->def_index].funcs[func].kind != FUNC_METHOD)
        fail(in->c, n->span, "super().%.*s is no method that is compiled", STR_FMT(name));
    infer_call_info(in, base, CALL_SUPER);
    in->info[base->id].type = lang_exact(in->lang, bound->def_index);
    in->info[base->id].live = in->info[n->Call.func->id].live = true;
    infer_mark(in, base);
    infer_mark(in, n->Call.func);
    return call_func(in, n, bound->def_index, (uint32_t)func, n->Call.args, base);
}

static const Type *call_attribute(Infer *in, const Node *n) {
    const Node *f = n->Call.func, *base = f->Attribute.value;
    Str name = bound_mangle(in->pool, in->bound, f->Attribute.attr);
    if (is_super(in, base))
        return call_super(in, n, base, name);
    int cls = named_class(in, base);
    if (cls >= 0)
        return call_method(in, n, (uint32_t)cls, name, NULL);
    if (base->kind == NODE_Name && in->bound->binding[base->id].kind == BIND_GLOBAL) {
        const Global *g = in->bound->binding[base->id].global;
        if (g->kind == GLOBAL_MODULE && str_eq_c(g->s, "math"))
            return infer_math_call(in, n, name);
    }
    const Type *t = infer_expr(in, base);
    if (t->kind == TYPE_PY)
        return (type_is_list(t) && str_eq_c(name, "append") ? infer_list_method : infer_object_method)(in, n, t);
    if (t->kind != TYPE_REF)
        fail(in->c, n->span, "methods of %s are not compiled", type_words(in, t));
    in->info[f->id].live = true;
    infer_mark(in, f);
    if (t->optional)
        in->info[f->id].flags |= NODE_CHECK_NONE;
    return lang_is_open(in->lang, t) ? call_open(in, n, t, name, base) : call_method(in, n, t->def, name, base);
}

/* An instance whose class has a __call__. */
static const Type *call_local(Infer *in, const Node *n, const Node *f) {
    const Type *t = infer_expr(in, f);
    if (t->kind == TYPE_PY)
        return infer_object_call(in, n, &type_py);
    bool is_known = t->kind == TYPE_REF && !t->optional && !lang_is_open(in->lang, t);
    if (!is_known || lang_find_func(in->lang, t->def, STR("__call__")) < 0)
        fail(in->c, f->span, "a call of a local is not compiled");
    infer_mark(in, f);
    return call_method(in, n, t->def, STR("__call__"), f);
}

const Type *infer_call(Infer *in, const Node *n) {
    const Node *f = n->Call.func;
    if (f->kind == NODE_Attribute)
        return call_attribute(in, n);
    if (f->kind != NODE_Name)
        fail(in->c, f->span, "a call of this is not compiled");
    int cls = named_class(in, f);
    if (cls >= 0)
        return call_class(in, n, (uint32_t)cls);
    const Binding *b = &in->bound->binding[f->id];
    if (b->kind != BIND_GLOBAL)
        return call_local(in, n, f);
    return call_global(in, n, b->global);
}
