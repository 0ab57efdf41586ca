/* Build, operators: carries out the rule (rules.def) that infer chose. */
#include "server/compiler/flow/build.h"

/* By the names in rules.def. */
static FlowArith arith_of(const char *rule) {
    static const struct {
        const char *name;
        FlowArith arith;
    } names[] = {{"Add", FLOW_ADD},  {"Sub", FLOW_SUB},  {"Mul", FLOW_MUL},  {"And", FLOW_AND},  {"Or", FLOW_OR},
                 {"Xor", FLOW_XOR},  {"FAdd", FLOW_ADD}, {"FSub", FLOW_SUB}, {"FMul", FLOW_MUL}, {"FDiv", FLOW_DIV},
                 {"sadd", FLOW_ADD}, {"ssub", FLOW_SUB}, {"smul", FLOW_MUL}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(rule, names[i].name))
            return names[i].arith;
    internal_error("no such operation: %s", rule);
}

static FlowOrder order_of(const char *rule) {
    static const char *const names[] = {"EQ", "NE", "LT", "LE", "GT", "GE"};
    for (int i = 0; i < 6; i++)
        if (!strcmp(rule, names[i]))
            return (FlowOrder)i;
    internal_error("no such order: %s", rule);
}

static FlowOp *fast(Build *b, FlowOp *op) {
    op->fast = b->lang->unit->fastmath && build_is_float(op->args[0]->type);
    return op;
}

static FlowOp *binary(Build *b, FlowArith arith, const Type *type, FlowOp *x, FlowOp *y) {
    FlowOp *op = build_op(b, FLOW_BINARY, type, OPS(x, y));
    op->arith = arith;
    return fast(b, op);
}

static FlowOp *checked(Build *b, const Node *n, Operator op, FlowArith arith, FlowOp *x, FlowOp *y) {
    if (b->lang->unit->wrap || b->info[n->id].flags & NODE_WRAPS)
        return binary(b, arith, &type_int, x, y);
    FlowOp *r = build_op(b, FLOW_CHECKED, &type_int, OPS(x, y));
    r->arith = arith;
    r->fail = build_overflowing(b, n, str_from_cstr(operator_text(op)));
    return r;
}

static const Type *result_type(const Rule *rule, const Type *common) {
    return rule->result == RESULT_BOOL    ? &type_bool
           : rule->result == RESULT_INT   ? &type_int
           : rule->result == RESULT_FLOAT ? &type_float
                                          : common;
}

static FlowOp *pure(Build *b, const Rule *rule, const Type *result, FlowOp *x, FlowOp *y) {
    return build_runtime(b, pool_printf(b->pool, "rt_%s", rule->name).ptr, FLOW_PURE, result, OPS(x, y));
}

/* Whether an operation of sized types gives what the interpreter's does. In a loop a look at each turn would cost more than
 * it is worth. */
static void note_sized(Build *b, Operator op, const Type *common, FlowOp *x, FlowOp *y) {
    bool seen = op == OP_Add || op == OP_Sub || op == OP_Mult;
    if (!seen || b->loop || !type_is_int(common) || !type_is_sized(common)) {
        build_wrapped(b, NULL);
        return;
    }
    FlowOp *overflows = build_op(b, FLOW_OVERFLOWS, &type_bool, OPS(x, y));
    overflows->arith = op == OP_Add ? FLOW_ADD : op == OP_Sub ? FLOW_SUB : FLOW_MUL;
    build_wrapped(b, overflows);
}

static bool is_square(Operator op, const Type *common, const FlowOp *y) {
    int64_t power;
    return op == OP_Pow && common->kind == TYPE_INT && flow_is_const(y, &power) && power == 2;
}

FlowOp *build_binary(Build *b, const Node *n, Operator op, const Rule *rule, const Type *common, FlowOp *x, FlowOp *y) {
    bool sized_operands = type_is_sized(x->type) || type_is_sized(y->type);
    Str text = str_from_cstr(operator_text(op));
    const Type *result = result_type(rule, common);
    x = build_convert(b, n, x, common);
    y = build_convert(b, n, y, common);
    if (sized_operands)
        note_sized(b, op, common, x, y);
    switch (rule->how) {
    case HOW_CHECKED:
        return checked(b, n, op, arith_of(rule->name), x, y);
    case HOW_INSTR:
        return binary(b, arith_of(rule->name), result, x, y);
    case HOW_PURE:
        return pure(b, rule, result, x, y);
    case HOW_SIZED:
        return build_traps(b, n, rule->name, FLOW_SIZED, text, common, OPS(x, y));
    case HOW_TRAPS:
        if (is_square(op, common, y))
            return checked(b, n, op, FLOW_MUL, x, x);
        return build_traps(b, n, pool_printf(b->pool, "rt_%s", rule->name).ptr, FLOW_TRAPS, text, result, OPS(x, y));
    case HOW_CMP:
        break;
    }
    internal_error("an operator that compares: %s", rule->name);
}

FlowOp *build_half_of_divmod(Build *b, const Node *n, Operator op, const Type *common, FlowOp *x, FlowOp *y) {
    const Rule *rule = rule_find(op, type_rule_on(common));
    const char *name = pool_printf(b->pool, "rt_%s", rule->name).ptr;
    return build_traps(b, n, name, FLOW_TRAPS, STR("divmod"), result_type(rule, common), OPS(x, y));
}

FlowOp *build_operator(Build *b, const Node *n, Operator op, FlowOp *left, const Node *right) {
    const NodeInfo *info = &b->info[n->id];
    FlowOp *y = build_expr(b, right);
    if (!y)
        return NULL;
    if (info->common && left->type->kind == TYPE_PY)
        left = build_object_float(b, right, left);
    if (info->common && y->type->kind == TYPE_PY)
        y = build_object_float(b, right, y);
    return info->common ? build_binary(b, n, op, info->rule, info->common, left, y)
                        : build_special(b, n, info->special, left, y);
}

FlowOp *build_low_bits(Build *b, const Node *n, FlowOp *left) {
    int64_t mask;
    bound_mask(b->bound, n, &mask);
    return binary(b, FLOW_AND, &type_int, left, build_int(b, mask));
}

FlowOp *build_unary(Build *b, const Node *n) {
    FlowOp *v = build_expr(b, n->UnaryOp.operand);
    Operator op = n->UnaryOp.op;
    if (!v)
        return NULL;
    if (b->info[n->id].special)
        return build_special(b, n, b->info[n->id].special, v, NULL);
    if (v->type->kind == TYPE_BOOL)
        v = build_convert(b, n, v, &type_int);
    if (op == OP_UAdd)
        return v;
    if (type_is_sized(v->type))
        build_wrapped(b, NULL);
    if (op == OP_Invert)
        return build_op(b, FLOW_INVERT, v->type, OPS(v));
    if (v->type->kind == TYPE_INT)
        return checked(b, n, OP_Sub, FLOW_SUB, build_int(b, 0), v);
    return fast(b, build_op(b, FLOW_NEGATE, v->type, OPS(v)));
}

/* ---- comparisons ---- */

static FlowOp *compare_objects(Build *b, const Node *n, bool negate, FlowOp *x, FlowOp *y) {
    FlowOp *object = x->type->kind == TYPE_PY ? x : y, *other = object == x ? y : x;
    FlowOp *same = other->type->kind == TYPE_NONE
                       ? build_runtime(b, "rt_py_is_none", FLOW_PURE, &type_bool, OPS(object))
                       : build_compare_ops(b, FLOW_EQ, object, build_convert(b, n, other, &type_py));
    return negate ? build_not(b, same) : same;
}

static FlowOp *compare_refs(Build *b, bool negate, FlowOp *x, FlowOp *y) {
    FlowOp *none = x->type->kind == TYPE_NONE || y->type->kind == TYPE_NONE ? build_reserved(b, JITD_NONE) : NULL;
    return build_compare_ops(b, negate ? FLOW_NE : FLOW_EQ, x->type->kind == TYPE_NONE ? none : x,
                             y->type->kind == TYPE_NONE ? none : y);
}

/* NULL: never gets a value. */
static FlowOp *compare_one(Build *b, const Node *n, const CompareStep *s, FlowOp *x, FlowOp *y) {
    if (s->known >= 0)
        return build_bool(b, s->known);
    if (s->special) {
        FlowOp *v = build_special(b, n, s->special, x, y);
        return v && s->negate ? build_not(b, v) : v;
    }
    if (!s->rule && (type_is_maybe(x->type) || type_is_maybe(y->type))) {
        FlowOp *is_value = build_part(b, type_is_maybe(x->type) ? x : y, 0);
        return s->negate ? is_value : build_not(b, is_value);
    }
    if (!s->rule && (x->type->kind == TYPE_PY || y->type->kind == TYPE_PY))
        return compare_objects(b, n, s->negate, x, y);
    if (!s->rule)
        return compare_refs(b, s->negate, x, y);
    if (s->rule->on == ON_MIXED)
        return s->swap ? pure(b, s->rule, &type_bool, build_convert(b, n, y, &type_int), x)
                       : pure(b, s->rule, &type_bool, build_convert(b, n, x, &type_int), y);
    if (s->rule->on == ON_SIZED)
        return build_compare_ops(b, order_of(s->rule->name), x, y);
    if (type_is_sized(x->type) || type_is_sized(y->type))
        build_wrapped(b, NULL);
    x = build_convert(b, n, x, s->common);
    y = build_convert(b, n, y, s->common);
    return fast(b, build_compare_ops(b, order_of(s->rule->name), x, y));
}

/* a < b < c: b is evaluated once, c only if a < b. */
static FlowOp *chain(Build *b, const Node *n, const CompareStep *steps, FlowOp *x) {
    FlowVar *result = build_temp(b, &type_bool, "truth");
    FlowBlock *meet = build_block(b, "meet");
    size_t len = n->Compare.ops.len, operands = b->noperands - 1; /* without the left one */
    for (size_t i = 0; i < len; i++) {
        FlowOp *y = build_expr(b, n->Compare.comparators.at[i]);
        FlowOp *truth = y ? compare_one(b, n, &steps[i], x, y) : NULL;
        if (!truth && !i)
            return NULL;
        if (!truth)
            break; /* that path ends */
        build_store(b, result, truth);
        x = y;
        b->noperands = operands;
        build_evaluated(b, n->Compare.comparators.at[i], y);
        if (i + 1 == len)
            break;
        FlowBlock *next = build_block(b, "and");
        build_branch(b, truth, next, meet, false);
        build_start(b, next);
    }
    build_go(b, meet);
    build_start(b, meet);
    return build_load(b, result);
}

/* x in (a, b): all items are evaluated first. */
static FlowOp *among(Build *b, const Node *n, const CompareStep *steps) {
    Nodes items = *node_elts(n->Compare.comparators.at[0]);
    FlowOp **v = pool_array(b->pool, FlowOp *, items.len + 1), *x = build_expr(b, n->Compare.left);
    for (size_t i = 0; x && i < items.len; i++)
        if (!(v[i] = build_expr(b, items.at[i])))
            return NULL;
    FlowOp *found = x ? build_bool(b, false) : NULL;
    for (size_t i = 0; x && i < items.len; i++) {
        found = build_op(b, FLOW_BINARY, &type_bool, OPS(found, compare_one(b, n, &steps[i], x, v[i])));
        found->arith = FLOW_OR;
    }
    return found && n->Compare.ops.at[0] == OP_NotIn ? build_not(b, found) : found;
}

FlowOp *build_compare(Build *b, const Node *n) {
    const CompareStep *steps = b->info[n->id].steps;
    if (n->Compare.ops.at[0] == OP_In || n->Compare.ops.at[0] == OP_NotIn) /* else it is an operation on an object */
        return among(b, n, steps);
    FlowOp *x = build_expr(b, n->Compare.left);
    if (!x)
        return NULL;
    if (n->Compare.ops.len > 1)
        return chain(b, n, steps, x);
    FlowOp *y = build_expr(b, n->Compare.comparators.at[0]);
    return y ? compare_one(b, n, &steps[0], x, y) : NULL;
}
