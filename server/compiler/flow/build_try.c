/* Build, try and with: an exception is where the interpreter goes on, with the handlers and all that follows (FlowFail.raised), but for those of handlers
 * that need no exception (infer_handler.c): to these control goes from each place that fails (FlowFail.catch). `finally` is built for each way that leaves
 * without an exception: its end, and each return, break and continue in it. */
#include "server/compiler/flow/build.h"

FlowCatch *build_catch(const Build *b) {
    const BuildTry *t = b->tries;
    while (t && !t->catches)
        t = t->outer;
    return t ? t->catch : NULL;
}

static bool is_caught(const Build *b) {
    const BuildTry *t = b->tries;
    while (t && !t->catches)
        t = t->outer;
    return t != NULL;
}

static FlowCatch *catch_of(Build *b, const Node *n) {
    Nodes handlers = n->Try.handlers;
    FlowCatch *catch = pool_new(b->pool, FlowCatch);
    *catch = (FlowCatch){.outer = n->Try.finalbody.len ? NULL : build_catch(b), .node = n, .n = handlers.len};
    catch->handlers = pool_array(b->pool, FlowBlock *, handlers.len + 1);
    catch->last = !n->Try.finalbody.len && !is_caught(b);
    bool is_compiled = catch->outer != NULL;
    for (size_t i = 0; i < handlers.len; i++) {
        bool live = b->info[handlers.at[i]->id].live;
        catch->handlers[i] = live ? build_block(b, "handler") : NULL;
        is_compiled |= live;
    }
    return is_compiled ? catch : NULL;
}

/* Nothing in a handler may fail but what only has no 64-bit result. */
static bool is_quiet(const FlowBlock *block) {
    for (size_t k = 0; k < block->nops; k++) {
        const FlowFail *fail = block->ops[k]->fail;
        bool is_limit = fail && (fail->site.kind == SITE_OVERFLOW || fail->site.kind == SITE_REDO);
        if (fail && !(is_limit && fail->resume && !fail->always))
            return false;
    }
    return true;
}

/* Behind the body and `else`. */
static void build_handlers(Build *b, const BuildTry *t, FlowCatch *catch) {
    FlowBlock *meet = build_block(b, "tried");
    size_t first = b->f->nblocks;
    bool meets = b->at != NULL;
    build_go(b, meet);
    for (size_t i = 0; i < catch->n; i++) {
        if (!catch->handlers[i])
            continue;
        b->noperands = t->noperands;
        build_start(b, catch->handlers[i]);
        build_body(b, catch->node->Try.handlers.at[i]->ExceptHandler.body);
        if (!is_quiet(catch->handlers[i]))
            catch->broken = true;
        meets |= b->at != NULL;
        build_go(b, meet);
    }
    for (size_t i = first; i < b->f->nblocks; i++)
        catch->broken |= !is_quiet(b->f->blocks[i]);
    build_start(b, meets ? meet : NULL);
}

void build_try(Build *b, const Node *n) {
    BuildTry t = {.outer = b->tries,
                  .node = n,
                  .catches = true,
                  .catch = catch_of(b, n),
                  .noperands = b->noperands,
                  .loop = b->loop,
                  .flow_loop = b->flow_loop};
    FlowCatch *catch = t.catch;
    b->tries = &t;
    build_body(b, n->Try.body);
    t.catches = n->Try.finalbody.len > 0;
    t.catch = NULL;
    if (b->at)
        build_body(b, n->Try.orelse);
    if (catch)
        build_handlers(b, &t, catch);
    b->tries = t.outer;
    if (b->at && n->Try.finalbody.len) {
        build_held(b, FLOW_OPERAND_LEAVING, n, build_none(b));
        build_body(b, n->Try.finalbody);
        b->noperands = t.noperands;
    }
}

void build_with(Build *b, const Node *n) {
    const Node *item = n->With.items.at[0];
    size_t operands = b->noperands;
    FlowOp *manager = build_expr(b, item->withitem.context_expr);
    b->noperands = operands;
    if (!manager)
        return;
    FlowOp *both = build_enter(b, n, manager);
    FlowOp *object = build_op(b, FLOW_ITEM, &type_py, OPS(both));
    FlowOp **items = build_object_items(b, n, object, 2, NULL);
    BuildTry t = {.outer = b->tries,
                  .node = n,
                  .catches = true,
                  .entered = items[0],
                  .noperands = operands,
                  .loop = b->loop,
                  .flow_loop = b->flow_loop};
    build_held(b, FLOW_OPERAND_ENTERED, n, t.entered);
    b->tries = &t;
    if (item->withitem.optional_vars)
        build_target(b, item->withitem.optional_vars, items[1]);
    build_entered(b, n, both);
    build_body(b, n->With.body);
    b->tries = t.outer;
    b->noperands = operands;
    if (b->at)
        build_exit(b, n, t.entered);
}

/* What the interpreter would have evaluated when it comes to the try again. */
typedef struct Around {
    size_t noperands, begun_with;
    uint64_t from;
    const Node *stmt;
    BuildLoop *loop;
    FlowLoop *flow_loop;
    BuildTry *tries;
} Around;

static Around around(const Build *b) {
    return (Around){b->noperands, b->begun_with, b->from, b->stmt, b->loop, b->flow_loop, b->tries};
}

static void go_back(Build *b, const Around *to) {
    b->noperands = to->noperands;
    b->begun_with = to->begun_with;
    b->from = to->from;
    b->stmt = to->stmt;
    b->loop = to->loop;
    b->flow_loop = to->flow_loop;
    b->tries = to->tries;
}

static void leave_one(Build *b, const BuildTry *t, const Node *n, FlowOp *v) {
    b->noperands = t->noperands;
    b->loop = t->loop;
    b->flow_loop = t->flow_loop;
    b->tries = t->outer;
    FlowBlock *block = build_block(b, "finally");
    build_go(b, block);
    build_start(b, block);
    b->begun_with = b->noperands;
    build_held(b, FLOW_OPERAND_LEAVING, n, v);
    if (t->entered)
        build_exit(b, t->node, t->entered);
    else
        build_body(b, t->node->Try.finalbody);
}

static void copy_operands(FlowOperand *to, const FlowOperand *from, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

void build_leave_tries(Build *b, const BuildTry *to, const Node *n, FlowOp *v) {
    Around before = around(b);
    FlowOperand *operands = pool_array(b->pool, FlowOperand, b->noperands + 1);
    copy_operands(operands, b->operands, b->noperands);
    for (const BuildTry *t = b->tries; t != to && b->at; t = t->outer)
        if (t->entered || t->node->Try.finalbody.len)
            leave_one(b, t, n, v);
    go_back(b, &before);
    copy_operands(b->operands, operands, b->noperands);
}
