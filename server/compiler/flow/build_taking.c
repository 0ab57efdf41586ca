/* Build, takers: all(), any(), sum(), min(), max() of a generator expression: its loops (Bound.loops), which give their elements to what there is
 * so far. Where the interpreter goes on within them it is given that, the iterators, and what the targets hold. */
#include "server/compiler/flow/build.h"

static Taking taking_of(const Build *b, const Node *n) {
    return (Taking)b->info[n->id].call->builtin;
}

static bool is_test(Taking taking) {
    return taking == TAKING_ALL || taking == TAKING_ANY;
}

static const Node *given_first(const Node *n) {
    return n->Call.args.len > 1   ? n->Call.args.at[1]
           : n->Call.keywords.len ? n->Call.keywords.at[0]->keyword.value
                                  : NULL;
}

/* sum()'s start and default= are names and constants: when they are evaluated is no matter. */
static FlowOp *first_value(Build *b, const Node *n) {
    size_t operands = b->noperands;
    FlowOp *v = given_first(n) ? build_expr(b, given_first(n)) : NULL;
    b->noperands = operands;
    return v;
}

/* ---- what there is so far ---- */

static FlowOp *none_yet(Build *b, const Type *type) {
    return build_convert(b, NULL, build_none(b), type);
}

/* Of numbers that are compared, and of floats, there may be none yet. */
static const Type *so_far_type(Build *b, const Node *n, const FlowOp *first) {
    const Type *type = b->info[n->id].type;
    bool is_sum = taking_of(b, n) == TAKING_SUM;
    if (is_test(taking_of(b, n)) || type_is_maybe(type) ||
        (is_sum && (type->kind == TYPE_INT || (first && first->type->kind == TYPE_FLOAT))))
        return type;
    return type_maybe(b->pool, type);
}

static void begin(Build *b, const Node *n) {
    Taking taking = taking_of(b, n);
    FlowOp *first = taking == TAKING_SUM ? first_value(b, n) : NULL;
    const Type *type = so_far_type(b, n, first);
    b->so_far = flow_var(b->f, type, STR("so_far"), FLOW_COUNT_OWN);
    FlowOp *v = is_test(taking)       ? build_bool(b, taking == TAKING_ALL)
                : type_is_maybe(type) ? none_yet(b, type)
                : first               ? build_convert(b, n, first, type)
                                      : build_int(b, 0);
    build_store(b, b->so_far, v);
    if (!is_test(taking))
        build_held_var(b, n->Call.args.at[0], b->so_far);
}

/* ---- an element ---- */

static void test(Build *b, const Node *n, bool is_all) {
    FlowBlock *stop = build_block(b, "stop"), *next = build_block(b, "next");
    build_cond(b, n->Yield.value, is_all ? next : stop, is_all ? stop : next);
    build_start(b, stop);
    build_store(b, b->so_far, build_bool(b, !is_all));
    build_go(b, b->taken);
    build_start(b, next);
}

static FlowOp *value_so_far(Build *b, FlowOp *so_far) {
    return type_is_maybe(so_far->type) ? build_part(b, so_far, 1) : so_far;
}

static void add(Build *b, const Node *n, FlowOp *v) {
    FlowOp *so_far = value_so_far(b, build_load(b, b->so_far));
    v = build_convert(b, n, v, so_far->type);
    bool is_int = so_far->type->kind == TYPE_INT;
    FlowOp *sum = build_op(b, is_int ? FLOW_CHECKED : FLOW_BINARY, so_far->type, OPS(so_far, v));
    sum->arith = FLOW_ADD;
    if (is_int)
        sum->fail = build_overflowing(b, n, STR("sum"));
    build_store(b, b->so_far, build_convert(b, n, sum, b->so_far->type));
}

static FlowOp *compared(Build *b, FlowOp *v) {
    return v->type->kind == TYPE_BOOL ? build_cast(b, v, &type_int) : v;
}

/* CPython keeps the first and replaces it by a later one that is less (more): so with a nan, too. */
static void compare(Build *b, const Node *n, FlowOp *v, bool is_max) {
    FlowOp *so_far = build_load(b, b->so_far), *best = build_part(b, so_far, 1);
    FlowOp *better = build_compare_ops(b, is_max ? FLOW_GT : FLOW_LT, compared(b, v), compared(b, best));
    FlowOp *is_taken = build_op(b, FLOW_BINARY, &type_bool, OPS(build_not(b, build_part(b, so_far, 0)), better));
    is_taken->arith = FLOW_OR;
    best = build_op(b, FLOW_SELECT, best->type, OPS(is_taken, v, best));
    build_store(b, b->so_far, build_convert(b, n, best, so_far->type));
}

void build_taken(Build *b, const Node *n) {
    Taking taking = taking_of(b, b->bound->inside[n->id]);
    if (is_test(taking)) {
        test(b, n, taking == TAKING_ALL);
        return;
    }
    FlowOp *v = build_expr(b, n->Yield.value);
    if (v && taking == TAKING_SUM)
        add(b, n, v);
    else if (v)
        compare(b, n, v, taking == TAKING_MAX);
}

/* ---- the result ---- */

/* What it is of nothing: sum() gives an int, min() and max() their default, or raise. */
static FlowOp *of_nothing(Build *b, const Node *n) {
    if (taking_of(b, n) != TAKING_SUM)
        return given_first(n) ? first_value(b, n) : build_operation_of_nothing(b, n);
    if (b->info[n->id].flags & NODE_TO_FLOAT)
        return build_float(b, &type_float, 0.0);
    build_evaluated(b, n, build_int(b, 0));
    build_int_instead(b, n);
    return NULL;
}

static FlowOp *result(Build *b, const Node *n, FlowOp *so_far) {
    const Type *type = b->info[n->id].type;
    size_t operands = b->noperands;
    if (type_eq(so_far->type, type))
        return so_far;
    FlowBlock *nothing = build_block(b, "nothing"), *some = build_block(b, "some"), *meet = build_block(b, "meet");
    FlowVar *var = build_temp(b, type, "taken");
    build_branch(b, build_part(b, so_far, 0), some, nothing, false);
    build_start(b, nothing);
    FlowOp *v = of_nothing(b, n);
    if (v)
        build_store(b, var, v);
    build_go(b, meet);
    b->noperands = operands;
    build_start(b, some);
    build_store(b, var, build_part(b, so_far, 1));
    build_go(b, meet);
    build_start(b, meet);
    return build_load(b, var);
}

FlowOp *build_taking(Build *b, const Node *n) {
    size_t operands = b->noperands;
    const Node *stmt = b->stmt;
    FlowVar *outer = b->so_far;
    FlowBlock *outer_taken = b->taken, *taken = build_block(b, "taken");
    if (!b->info[n->id].type) { /* its first iterable never gets a value */
        build_expr(b, n->Call.args.at[0]->GeneratorExp.generators.at[0]->comprehension.iter);
        build_dead(b);
        return NULL;
    }
    begin(b, n);
    b->taken = taken;
    FlowVar *so_far = b->so_far;
    build_for(b, b->bound->loops[n->id]);
    b->so_far = outer;
    b->taken = outer_taken;
    b->stmt = stmt;
    b->noperands = operands;
    build_go(b, taken);
    build_start(b, taken);
    build_forget(b, n->Call.args.at[0]->GeneratorExp.generators);
    return result(b, n, build_load(b, so_far));
}
