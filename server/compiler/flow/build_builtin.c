/* Build, built-in functions, conversions and the math module. */
#include "server/compiler/builtin.h"
#include "server/compiler/flow/build.h"

/* Evaluates all positional arguments; false: one never gets a value. */
static bool args_of(Build *b, const Node *n, FlowOp **ret_vals) {
    for (size_t i = 0; i < n->Call.args.len; i++)
        if (!(ret_vals[i] = build_expr(b, n->Call.args.at[i])))
            return false;
    return true;
}

static FlowOp *select_of(Build *b, FlowOp *condition, FlowOp *x, FlowOp *y) {
    return build_op(b, FLOW_SELECT, x->type, OPS(condition, x, y));
}

static FlowOp *abs_of(Build *b, const Node *n, FlowOp *v) {
    const Node *node = n->Call.args.at[0];
    if (b->info[node->id].test)
        return build_special(b, n, b->info[node->id].test, v, NULL);
    if (build_is_float(v->type))
        return build_op(b, FLOW_FABS, v->type, OPS(v));
    if (v->type->kind == TYPE_BOOL)
        return build_convert(b, n, v, &type_int);
    if (!type_is_signed(v->type))
        return v;
    if (type_is_sized(v->type))
        build_wrapped(b, NULL);
    if (v->type->kind == TYPE_INT && !b->lang->unit->wrap)
        build_guard(b, build_compare_ops(b, FLOW_EQ, v, build_int(b, INT64_MIN)), build_overflowing(b, n, STR("abs")));
    FlowOp *zero = build_add(b, flow_const_int(b->f, v->type, 0)), *negative = build_compare_ops(b, FLOW_LT, v, zero);
    return select_of(b, negative, build_op(b, FLOW_NEGATE, v->type, OPS(v)), v);
}

/* ---- min and max ---- */

/* The best so far of ints and floats. */
typedef struct Mixed {
    FlowOp *is_int, *i, *f;
} Mixed;

static FlowOp *int_float(Build *b, bool greater, FlowOp *i, FlowOp *f) {
    return build_runtime(b, greater ? "rt_int_float_gt" : "rt_int_float_lt", FLOW_PURE, &type_bool, OPS(i, f));
}

/* Is v less (more) than the best? Exactly, as CPython compares ints with floats. */
static FlowOp *mixed_better(Build *b, const Mixed *best, FlowOp *v, bool is_max) {
    FlowOrder order = is_max ? FLOW_GT : FLOW_LT;
    bool is_int = v->type->kind == TYPE_INT;
    FlowOp *to_int = is_int ? build_compare_ops(b, order, v, best->i) : int_float(b, !is_max, best->i, v);
    FlowOp *to_float = is_int ? int_float(b, is_max, v, best->f) : build_compare_ops(b, order, v, best->f);
    return select_of(b, best->is_int, to_int, to_float);
}

static Mixed mixed_value(Build *b, FlowOp *v) {
    if (v->type->kind == TYPE_INT)
        return (Mixed){build_bool(b, true), v, build_float(b, &type_float, 0.0)};
    return (Mixed){build_bool(b, false), build_int(b, 0), v};
}

static FlowOp *minmax_mixed(Build *b, const Node *n, FlowOp *const *vals, bool is_max) {
    Mixed best = mixed_value(b, vals[0]);
    for (size_t k = 1; k < n->Call.args.len; k++) {
        FlowOp *better = mixed_better(b, &best, vals[k], is_max);
        Mixed v = mixed_value(b, vals[k]);
        best = (Mixed){select_of(b, better, v.is_int, best.is_int), select_of(b, better, v.i, best.i),
                       select_of(b, better, v.f, best.f)};
    }
    if (b->info[n->id].flags & NODE_TO_FLOAT)
        return select_of(b, best.is_int, build_cast(b, best.i, &type_float), best.f);
    FlowBlock *is_int = build_block(b, "int"), *next = build_block(b, "float");
    build_branch(b, best.is_int, is_int, next, true);
    build_start(b, is_int);
    build_int_instead(b, n);
    build_start(b, next);
    return best.f;
}

/* CPython keeps the first and replaces it by a later one that is less (more): so with a nan, too. */
static FlowOp *minmax(Build *b, const Node *n, FlowOp *const *vals, bool is_max) {
    if (b->info[n->id].flags & NODE_MAYBE_INT)
        return minmax_mixed(b, n, vals, is_max);
    FlowOp *best = vals[0];
    for (size_t i = 1; i < n->Call.args.len; i++)
        best = select_of(b, build_compare_ops(b, is_max ? FLOW_GT : FLOW_LT, vals[i], best), vals[i], best);
    return best;
}

/* ---- the others ---- */

static FlowOp *zero_of(Build *b, const Type *t) {
    return build_is_float(t) ? build_float(b, t, 0.0) : build_add(b, flow_const_int(b->f, t, 0));
}

static FlowOp *to_type(Build *b, const Node *n, FlowOp *v, const Type *to) {
    if (!n->Call.args.len)
        return zero_of(b, to);
    if (!build_is_float(v->type) || build_is_float(to))
        return build_fit(b, n, v, to, STR(""));
    v = build_convert(b, n, v, &type_float);
    return build_traps(b, n, "rt_float_to_int", FLOW_TRAPS, STR("int"), &type_int, &v, 1);
}

/* Digits and sizes that the native rounding does not know are the interpreter's. */
static FlowOp *round_to(Build *b, const Node *n, const MathFn *python, FlowOp *const *args) {
    FlowVar *out = flow_var(b->f, &type_float, STR("rounded"), FLOW_COUNT_OWN);
    FlowBlock *rare = build_block(b, "round"), *next = build_block(b, "rounded");
    FlowOp *status = build_runtime(b, "rt_float_round_to", FLOW_OUT, type_of_kind(TYPE_INT32), args, 2);
    status->var = out;
    FlowOp *ok = build_add(b, flow_const_int(b->f, status->type, 0));
    build_branch(b, build_compare_ops(b, FLOW_NE, status, ok), rare, next, true);
    build_start(b, rare);
    build_store(b, out, build_python(b, n, python, &type_float, "fi", args, 2));
    build_go(b, next);
    build_start(b, next);
    return build_load(b, out);
}

static FlowOp *round_of(Build *b, const Node *n, const CallInfo *call, FlowOp *const *args) {
    if (!build_is_float(args[0]->type))
        return build_convert(b, n, args[0], &type_int);
    if (n->Call.args.len == 1)
        return build_traps(b, n, "rt_float_round", FLOW_TRAPS, STR("round"), &type_int, args, 1);
    return round_to(b, n, call->math, args);
}

static FlowOp *divmod_of(Build *b, const Node *n, FlowOp *x, FlowOp *y) {
    const Type *common = b->info[n->id].common;
    x = build_convert(b, n, x, common);
    y = build_convert(b, n, y, common);
    FlowOp *quotient = build_half_of_divmod(b, n, OP_FloorDiv, common, x, y);
    FlowOp *rest = build_half_of_divmod(b, n, OP_Mod, common, x, y);
    return build_op(b, FLOW_TUPLE, b->info[n->id].type, OPS(quotient, rest));
}

static FlowOp *pow_of(Build *b, const Node *n, FlowOp *x, FlowOp *y) {
    const Type *common = b->info[n->id].common;
    return build_binary(b, n, OP_Pow, rule_find(OP_Pow, type_rule_on(common)), common, x, y);
}

static FlowOp *len_of(Build *b, const Node *n, FlowOp *v) {
    const Node *node = n->Call.args.at[0];
    const SpecialCall *test = b->info[node->id].test;
    if (v->type->kind == TYPE_PY)
        return build_list_len(b, n, v);
    return test ? build_special_len(b, n, test, v) : build_int(b, (int64_t)v->type->nitems);
}

/* Those that the interpreter does, and bool, evaluate their arguments themselves. */
FlowOp *build_builtin(Build *b, const Node *n, const CallInfo *call) {
    const Type *type = b->info[n->id].type;
    FlowOp **v = pool_array(b->pool, FlowOp *, n->Call.args.len + 1);
    Builtin builtin = (Builtin)call->builtin;
    if (builtin == BUILTIN_bool)
        return n->Call.args.len ? build_cond_value(b, n, n->Call.args.at[0]) : build_bool(b, false);
    if (call->math && (builtin == BUILTIN_pow || (builtin == BUILTIN_round && type->kind == TYPE_INT)))
        return build_python_call(b, n, call->math, &type_int);
    if (!args_of(b, n, v))
        return NULL;
    switch (builtin) {
    case BUILTIN_abs:
        return abs_of(b, n, v[0]);
    case BUILTIN_min:
    case BUILTIN_max:
        return minmax(b, n, v, builtin == BUILTIN_max);
    case BUILTIN_int:
    case BUILTIN_float:
        return to_type(b, n, v[0], type);
    case BUILTIN_round:
        return round_of(b, n, call, v);
    case BUILTIN_divmod:
        return divmod_of(b, n, v[0], v[1]);
    case BUILTIN_pow:
        return pow_of(b, n, v[0], v[1]);
    case BUILTIN_len:
        return len_of(b, n, v[0]);
    case BUILTIN_bool:
    case N_BUILTINS:
        break;
    }
    internal_error("a built-in function of no known kind");
}

/* ---- math ---- */

static bool rounds_int(const MathFn *f, const Type *t) {
    return f->result == 'i' && (t->kind == TYPE_INT || t->kind == TYPE_BOOL);
}

/* The exception is what Python's function raises for the ints that were given: CPython 3.14's log(0) says another thing than its log(0.0). */
static void fail_with_ints(FlowFail *fail, FlowOp *const *given, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (given[i]->type->kind == TYPE_INT || given[i]->type->kind == TYPE_BOOL) {
            fail->values[i] = given[i];
            fail->site.args[i].type = given[i]->type;
        }
}

FlowOp *build_math(Build *b, const Node *n, const CallInfo *call) {
    const MathFn *f = call->math;
    const Type *result = b->info[n->id].type;
    FlowOp *args[4], *given[4];
    size_t nargs = n->Call.args.len;
    if (f->how == MATH_PYMATH)
        return build_python_call(b, n, f, result);
    for (size_t i = 0; i < nargs; i++) {
        if (!(args[i] = build_expr(b, n->Call.args.at[i])))
            return NULL;
        if (rounds_int(f, args[i]->type)) /* floor(3) is 3 */
            return build_convert(b, n, args[i], &type_int);
        given[i] = args[i];
        args[i] = build_convert(b, n, args[i], f->params[i] == 'i' ? &type_int : &type_float);
    }
    const char *name = pool_printf(b->pool, "rt_math_%s", f->name).ptr;
    if (f->how != MATH_TRAPS)
        return build_runtime(b, name, f->how == MATH_PAIR ? FLOW_PAIR : FLOW_PURE, result, args, nargs);
    FlowOp *r = build_traps(b, n, name, FLOW_TRAPS, pool_printf(b->pool, "math.%s", f->name), result, args, nargs);
    fail_with_ints(r->fail, given, nargs);
    return r;
}
