/* Build, loops: plain ones, described by a FlowLoop for the passes that poll and count (poll.c, counter.c). */
#include "server/compiler/flow/build.h"

#define SHORT_LOOP 1024 /* a loop of constantly fewer turns does not poll at all */

/* Starts the loop's own blocks. */
static FlowLoop *loop_begin(Build *b, const Node *n) {
    FlowLoop *loop = pool_new(b->pool, FlowLoop);
    *loop = (FlowLoop){.outer = b->flow_loop,
                       .node = n,
                       .before = b->at,
                       .always = b->info[n->id].flags & NODE_POLL_ALWAYS,
                       .effect = b->info[n->id].effect,
                       .undo = b->info[n->id].undo,
                       .raised = build_resume_raised(b, n)};
    pool_push(b->pool, b->f->loops, b->f->nloops, b->f->cap_loops) = loop;
    b->flow_loop = loop;
    loop->head = build_block(b, "head");
    loop->body = build_block(b, "body");
    loop->latch = build_block(b, "latch");
    build_go(b, loop->head);
    build_start(b, loop->head);
    return loop;
}

/* From the loop's body to its end, and what follows. */
static void loop_body(Build *b, FlowLoop *loop, Nodes body, FlowBlock *on_break) {
    BuildLoop state = {.outer = b->loop, .on_break = on_break, .on_continue = loop->latch, .tries = b->tries};
    b->loop = &state;
    build_turn_begins(b, loop->node);
    build_body(b, body);
    b->loop = state.outer;
    build_go(b, loop->latch);
    build_start(b, loop->latch);
}

static void loop_end(Build *b, FlowLoop *loop, Nodes orelse, FlowBlock *on_else, FlowBlock *end) {
    build_go(b, loop->head);
    b->flow_loop = loop->outer;
    build_start(b, on_else);
    build_body(b, orelse);
    build_go(b, end);
    build_start(b, end);
}

void build_while(Build *b, const Node *n) {
    FlowBlock *orelse = build_block(b, "else"), *end = build_block(b, "end");
    FlowLoop *loop = loop_begin(b, n);
    loop->resume = build_resume_loop(b, n);
    build_cond(b, n->While.test, loop->body, orelse);
    build_start(b, loop->body);
    loop_body(b, loop, n->While.body, end);
    loop_end(b, loop, n->While.orelse, orelse, end);
}

/* ---- for ... in range ---- */

typedef struct Range {
    FlowOp *start, *step, *turns;
} Range;

/* False: an argument never gets a value. */
static bool range_of(Build *b, const Node *n, Range *ret_range) {
    FlowOp *args[3] = {NULL};
    size_t len = n->Call.args.len, first = len == 1;
    for (size_t i = 0; i < len; i++) {
        FlowOp *v = build_expr(b, n->Call.args.at[i]);
        if (!v)
            return false;
        args[i + first] = build_convert(b, n, v, &type_int);
    }
    args[0] = args[0] ? args[0] : build_int(b, 0);
    args[2] = args[2] ? args[2] : build_int(b, 1);
    int64_t step;
    if (!flow_is_const(args[2], &step) || !step)
        build_guard(b, build_compare_ops(b, FLOW_EQ, args[2], build_int(b, 0)),
                    build_failing_op(b, n, STR("range"), args, 3));
    FlowOp *turns = build_runtime(b, "rt_range_len", FLOW_PURE, type_of_kind(TYPE_UINT64), args, 3);
    *ret_range = (Range){args[0], args[2], turns};
    return true;
}

/* A constant number of turns below SHORT_LOOP? */
static bool is_short(const Node *range) {
    for (size_t i = 0; i < range->Call.args.len; i++) {
        const Node *a = range->Call.args.at[i];
        if (a->kind != NODE_Constant || a->Constant.value.kind != CONST_INT || a->Constant.value.big ||
            a->Constant.value.i > SHORT_LOOP)
            return false;
    }
    return true;
}

static FlowOp *arith(Build *b, FlowArith kind, FlowOp *x, FlowOp *y) {
    FlowOp *op = build_op(b, FLOW_BINARY, x->type, OPS(x, y));
    op->arith = kind;
    return op;
}

static FlowVar *turns_done(Build *b) {
    const Type *count = type_of_kind(TYPE_UINT64);
    FlowVar *done = flow_var(b->f, count, STR("done"), FLOW_COUNT_OWN);
    build_store(b, done, build_add(b, flow_const_int(b->f, count, 0)));
    return done;
}

static void one_more_done(Build *b, FlowVar *done) {
    build_store(b, done, arith(b, FLOW_ADD, build_load(b, done), build_add(b, flow_const_int(b->f, done->type, 1))));
}

/* As CPython's iterator of a list: each turn looks whether there is an item left. */
static void for_list(Build *b, const Node *n) {
    FlowBlock *orelse = build_block(b, "else"), *end = build_block(b, "end");
    size_t operands = b->noperands;
    FlowOp *list = build_expr(b, n->For.iter);
    if (!list)
        return;
    build_list_len(b, n, list);
    FlowVar *done = turns_done(b);
    FlowLoop *loop = loop_begin(b, n);
    b->noperands = operands;
    build_iterates_list(b, loop, list, done);
    loop->resume = build_resume_loop(b, n);
    FlowOp *len = build_runtime(b, "rt_list_size", FLOW_PURE, done->type, OPS(list));
    build_branch(b, build_compare_ops(b, FLOW_LT, build_load(b, done), len), loop->body, orelse, false);
    build_start(b, loop->body);
    build_turn_target(b, n, n->For.target, build_list_turn(b, n, list, build_cast(b, build_load(b, done), &type_int)));
    build_note_item(b, n);
    loop_body(b, loop, n->For.body, end);
    b->noperands = operands;
    one_more_done(b, done);
    loop_end(b, loop, n->For.orelse, orelse, end);
}

/* The item of this turn. */
static FlowOp *item_of_tuple(Build *b, FlowOp *tuple, FlowVar *done, const Type *type) {
    FlowVar *item = build_temp(b, type, "item");
    FlowBlock *meet = build_block(b, "meet");
    for (uint32_t i = 0; i < tuple->type->nitems; i++) {
        FlowBlock *here = build_block(b, "here"), *behind = build_block(b, "behind");
        if (i + 1 == tuple->type->nitems)
            build_go(b, here);
        else
            build_branch(
                b,
                build_compare_ops(b, FLOW_EQ, build_load(b, done), build_add(b, flow_const_int(b->f, done->type, i))),
                here, behind, false);
        build_start(b, here);
        FlowOp *v = build_op(b, FLOW_ITEM, tuple->type->items[i], OPS(tuple));
        v->index = i;
        build_store(b, item, v);
        build_go(b, meet);
        if (i + 1 < tuple->type->nitems)
            build_start(b, behind);
    }
    build_start(b, meet);
    return build_load(b, item);
}

static void for_tuple(Build *b, const Node *n) {
    FlowBlock *orelse = build_block(b, "else"), *end = build_block(b, "end");
    size_t operands = b->noperands;
    FlowOp *tuple = build_expr(b, n->For.iter);
    if (!tuple)
        return;
    FlowVar *done = turns_done(b);
    FlowLoop *loop = loop_begin(b, n);
    b->noperands = operands;
    build_iterates_list(b, loop, tuple, done);
    loop->resume = build_resume_loop(b, n);
    loop->quick = !loop->always;
    FlowOp *len = build_add(b, flow_const_int(b->f, done->type, (int64_t)tuple->type->nitems));
    build_branch(b, build_compare_ops(b, FLOW_LT, build_load(b, done), len), loop->body, orelse, false);
    build_start(b, loop->body);
    build_target(b, n->For.target, item_of_tuple(b, tuple, done, b->info[n->id].type));
    loop_body(b, loop, n->For.body, end);
    b->noperands = operands;
    one_more_done(b, done);
    loop_end(b, loop, n->For.orelse, orelse, end);
}

/* Each turn takes what the iterator gives; where that is of another type, the interpreter is given it again. */
static void for_object(Build *b, const Node *n) {
    FlowBlock *orelse = build_block(b, "else"), *end = build_block(b, "end");
    size_t operands = b->noperands;
    FlowOp *object = build_expr(b, n->For.iter);
    if (!object)
        return;
    FlowOp *iterator = build_object_iterator(b, n->For.iter, object);
    FlowLoop *loop = loop_begin(b, n);
    b->noperands = operands;
    build_iterates_object(b, loop, iterator);
    loop->resume = build_resume_loop(b, n);
    FlowOp *item = build_object_next(b, n, iterator);
    build_branch(b, build_runtime(b, "rt_py_is_end", FLOW_PURE, &type_bool, OPS(item)), orelse, loop->body, false);
    build_start(b, loop->body);
    FlowOperand *o = &b->operands[b->noperands - 1];
    o->value = build_op(b, FLOW_TUPLE, b->info[n->For.iter->id].common, OPS(iterator, item));
    build_turn_target(b, n, n->For.target, build_object_turn(b, n, item));
    b->operands[operands].value = iterator;
    build_note_item(b, n);
    loop_body(b, loop, n->For.body, end);
    b->noperands = operands;
    loop_end(b, loop, n->For.orelse, orelse, end);
}

static FlowOp *list_size(Build *b, FlowOp *list, const Type *type) {
    return build_runtime(b, "rt_list_size", FLOW_PURE, type, OPS(list));
}

/* The first target's value: an item, or the number of the turn. */
static FlowOp *first_of_pair(Build *b, const Node *n, FlowOp *list, FlowOp *start, FlowOp *turn, bool is_zip) {
    return is_zip ? build_list_turn(b, n, list, turn) : build_list_number(b, n, start, turn);
}

/* enumerate and zip; the values of the second target are in the list `last`. */
static void for_pairs(Build *b, const Node *n) {
    FlowBlock *orelse = build_block(b, "else"), *end = build_block(b, "end");
    Nodes args = n->For.iter->Call.args;
    size_t operands = b->noperands;
    FlowOp *first = build_expr(b, args.at[0]), *other = args.len > 1 ? build_expr(b, args.at[1]) : build_int(b, 0);
    if (!first || !other)
        return;
    bool is_zip = other->type->kind == TYPE_PY;
    build_list_len(b, n, first);
    if (is_zip)
        build_list_len(b, n, other);
    FlowOp *over = build_op(b, FLOW_TUPLE, b->info[n->For.iter->id].type, OPS(first, other));
    FlowVar *done = turns_done(b);
    FlowLoop *loop = loop_begin(b, n);
    b->noperands = operands;
    build_iterates_list(b, loop, over, done);
    loop->resume = build_resume_loop(b, n);
    FlowOp *more = build_compare_ops(b, FLOW_LT, build_load(b, done), list_size(b, first, done->type));
    if (is_zip)
        more = build_op(b, FLOW_BINARY, &type_bool,
                        OPS(more, build_compare_ops(b, FLOW_LT, build_load(b, done), list_size(b, other, done->type))));
    more->arith = is_zip ? FLOW_AND : more->arith;
    build_branch(b, more, loop->body, orelse, false);
    build_start(b, loop->body);
    FlowOp *turn = build_cast(b, build_load(b, done), &type_int);
    FlowOp *a = first_of_pair(b, n, first, other, turn, is_zip);
    FlowOp *c = build_list_turn(b, n, is_zip ? other : first, turn);
    build_turn_target(b, n, n->For.target->Tuple.elts.at[0], a);
    build_turn_target(b, n, n->For.target->Tuple.elts.at[1], c);
    loop_body(b, loop, n->For.body, end);
    b->noperands = operands;
    one_more_done(b, done);
    loop_end(b, loop, n->For.orelse, orelse, end);
}

static void for_range(Build *b, const Node *n) {
    FlowBlock *orelse = build_block(b, "else"), *end = build_block(b, "end");
    size_t operands = b->noperands;
    Range r;
    if (!range_of(b, n->For.iter, &r))
        return;
    FlowVar *done = turns_done(b);
    FlowLoop *loop = loop_begin(b, n);
    loop->done = done;
    loop->turns = r.turns;
    b->noperands = operands;
    build_iterates(b, loop, r.start, r.step);
    loop->resume = build_resume_loop(b, n);
    loop->quick = !loop->always && is_short(n->For.iter);
    build_branch(b, build_compare_ops(b, FLOW_LT, build_load(b, done), r.turns), loop->body, orelse, false);
    build_start(b, loop->body);
    FlowOp *i = build_cast(b, build_load(b, done), &type_int);
    build_target(b, n->For.target, arith(b, FLOW_ADD, r.start, arith(b, FLOW_MUL, i, r.step)));
    loop_body(b, loop, n->For.body, end);
    b->noperands = operands;
    one_more_done(b, done);
    loop_end(b, loop, n->For.orelse, orelse, end);
}

void build_for(Build *b, const Node *n) {
    const Type *iter = b->info[n->For.iter->id].type;
    bool is_object = iter && iter->kind == TYPE_PY && !type_is_list(iter);
    (!iter                      ? for_range
     : is_object                ? for_object
     : iter->kind == TYPE_PY    ? for_list
     : iter->kind == TYPE_TUPLE ? (iter->items[0]->kind == TYPE_PY ? for_pairs : for_tuple)
                                : for_range)(b, n);
}
