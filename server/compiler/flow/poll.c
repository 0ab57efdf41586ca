/* Polls: every loop asks now and then whether it is time to look at frame->interrupt: on every turn where the body has loops or calls of
 * its own; else the loop is cut into strips and only a strip's begin asks, so that the inner loop has no call in it and vectorises and
 * keeps fields in registers. Recursive functions ask where they begin. The turns of all that runs are counted together (rt_turned).
 *
 *   while    spent = 0   strip: poll(spent), fuel = spent = STRIP   head: test   body   latch: --fuel ? head : strip
 *   for      head: done < turns ? strip : else   strip: poll(turns - done), stop = min(done + STRIP, turns)   body
 *            latch: ++done < stop ? body : head
 *
 * Where turns may take long the strips are shorter.
 *
 * Needs: FlowLoop as built, counters. Leaves: POLL in blocks of their own, reached rarely. Breaks: FlowLoop. */
#include "server/compiler/flow/flow.h"

#define STRIP 16384 /* turns without looking; some 10 microseconds */
#define SLOWER 64   /* so many of them are one that may take microseconds */
#define HEADROOM ((int64_t)1 << 62)

static FlowOp *add(FlowFunc *f, FlowBlock *at, FlowKind kind, const Type *type, FlowOp *x, FlowOp *y) {
    FlowOp *op = flow_op(f, kind, type, (FlowOp *[]){x, y}, y ? 2 : x ? 1 : 0);
    flow_append(f, at, op);
    return op;
}

static FlowOp *add_int(FlowFunc *f, FlowBlock *at, const Type *type, int64_t value) {
    FlowOp *op = flow_const_int(f, type, value);
    flow_append(f, at, op);
    return op;
}

static FlowOp *add_load(FlowFunc *f, FlowBlock *at, FlowVar *var) {
    FlowOp *op = flow_load(f, var);
    flow_append(f, at, op);
    return op;
}

static FlowOp *add_arith(FlowFunc *f, FlowBlock *at, FlowArith arith, FlowOp *x, FlowOp *y) {
    FlowOp *op = add(f, at, FLOW_BINARY, x->type, x, y);
    op->arith = arith;
    return op;
}

static FlowOp *add_compare(FlowFunc *f, FlowBlock *at, FlowOrder order, FlowOp *x, FlowOp *y) {
    FlowOp *op = add(f, at, FLOW_COMPARE, &type_bool, x, y);
    op->order = order;
    return op;
}

/* A remainder of floats of far exponents takes 8 microseconds. */
static bool is_slow(const FlowOp *op) {
    return op->kind == FLOW_RUNTIME && (!strncmp(op->name, "rt_float_", 9) || !strncmp(op->name, "rt_math_", 8));
}

/* How many turns of the loop are one of those that STRIP counts. */
static int64_t slowness(const FlowFunc *f, const FlowLoop *loop) {
    for (size_t i = 0; i < f->nblocks; i++)
        for (size_t k = 0; f->blocks[i]->loop == loop && k < f->blocks[i]->nops; k++)
            if (is_slow(f->blocks[i]->ops[k]))
                return SLOWER;
    return 1;
}

static FlowFail failing(const FlowLoop *loop) {
    return (FlowFail){
        .node = loop->node, .effect = loop->effect, .undo = loop->undo, .resume = loop->resume, .raised = loop->raised};
}

static FlowFail *fail_new(FlowFunc *f, FlowFail fail, Site site) {
    FlowFail *made = pool_new(f->pool, FlowFail);
    *made = fail;
    made->site = site;
    return made;
}

/* Polls at the end of a block, before or after so many turns; returns where it goes on. */
static FlowBlock *add_poll(FlowFunc *f, FlowBlock *at, FlowFail fail, FlowOp *turns) {
    FlowBlock *pending = flow_block(f, "pending"), *polled = flow_block(f, "polled");
    FlowOp *is_time = add(f, at, FLOW_TURNED, &type_bool, turns, NULL);
    flow_append(f, at, flow_branch(f, is_time, pending, polled, true));
    FlowOp *poll = add(f, pending, FLOW_POLL, NULL, NULL, NULL);
    poll->effect = fail.effect;
    poll->fresh = fail.effect == EFFECT_NONE;
    poll->fail = fail_new(f, fail, (Site){.kind = SITE_CALL});
    flow_append(f, pending, flow_jump(f, polled));
    return polled;
}

static void check_counters(FlowFunc *f, FlowBlock *at, const FlowLoop *loop) {
    Site site = {.kind = SITE_REDO, .text = STR("a counter beyond 2**62")};
    for (size_t i = 0; i < loop->ncounters; i++) {
        FlowOp *moved =
            add_arith(f, at, FLOW_ADD, add_load(f, at, loop->counters[i]), add_int(f, at, &type_int, HEADROOM));
        FlowOp *cast = add(f, at, FLOW_CAST, type_of_kind(TYPE_UINT64), moved, NULL);
        FlowOp *far = add_compare(f, at, FLOW_GT, cast, add_int(f, at, cast->type, INT64_MIN));
        add(f, at, FLOW_GUARD, NULL, far, NULL)->fail = fail_new(f, failing(loop), site);
    }
}

static void retarget(FlowBlock *block, FlowBlock *from, FlowBlock *to) {
    FlowOp *end = flow_end(block);
    for (int i = 0; i < 2; i++)
        if (end->to[i] == from)
            end->to[i] = to;
}

/* The latch comes back to the strip when so many turns are over. */
static void refuel(FlowFunc *f, FlowBlock *at, const FlowLoop *loop, FlowBlock *strip) {
    const Type *count = type_of_kind(TYPE_INT32);
    FlowVar *fuel = flow_var(f, count, STR("fuel"), FLOW_COUNT_OWN);
    flow_append(f, at, flow_store(f, fuel, add_int(f, at, count, STRIP / slowness(f, loop))));
    loop->latch->nops--;
    FlowOp *left =
        add_arith(f, loop->latch, FLOW_SUB, add_load(f, loop->latch, fuel), add_int(f, loop->latch, count, 1));
    flow_append(f, loop->latch, flow_store(f, fuel, left));
    FlowOp *empty = add_compare(f, loop->latch, FLOW_EQ, left, add_int(f, loop->latch, count, 0));
    flow_append(f, loop->latch, flow_branch(f, empty, strip, loop->head, true));
}

static void poll_while(FlowFunc *f, FlowLoop *loop) {
    FlowBlock *first = flow_block(f, "first"), *strip = flow_block(f, "strip");
    FlowVar *spent = flow_var(f, &type_int, STR("spent"), FLOW_COUNT_OWN);
    retarget(loop->before, loop->head, first);
    flow_append(f, first, flow_store(f, spent, add_int(f, first, &type_int, 0)));
    flow_append(f, first, flow_jump(f, strip));
    FlowBlock *at = add_poll(f, strip, failing(loop), add_load(f, strip, spent));
    check_counters(f, at, loop);
    if (loop->always) {
        retarget(loop->latch, loop->head, strip);
    } else {
        flow_append(f, at, flow_store(f, spent, add_int(f, at, &type_int, STRIP)));
        refuel(f, at, loop, strip);
    }
    flow_append(f, at, flow_jump(f, loop->head));
}

static FlowOp *turns_left(FlowFunc *f, FlowBlock *at, const FlowLoop *loop) {
    return add_arith(f, at, FLOW_SUB, loop->turns, add_load(f, at, loop->done));
}

/* As many as they count for. */
static FlowOp *turns_counted(FlowFunc *f, FlowBlock *at, const FlowLoop *loop) {
    FlowOp *left = turns_left(f, at, loop);
    int64_t each = slowness(f, loop);
    return each == 1 ? left : add_arith(f, at, FLOW_MUL, left, add_int(f, at, left->type, each));
}

/* The number of turns after which to look again. */
static FlowOp *strip_end(FlowFunc *f, FlowBlock *at, const FlowLoop *loop) {
    if (loop->quick)
        return loop->turns;
    FlowOp *done = add_load(f, at, loop->done), *left = turns_left(f, at, loop);
    FlowOp *most = add_int(f, at, left->type, STRIP / slowness(f, loop)),
           *few = add_compare(f, at, FLOW_LT, left, most);
    FlowOp *turns = flow_op(f, FLOW_SELECT, left->type, (FlowOp *[]){few, left, most}, 3);
    flow_append(f, at, turns);
    return add_arith(f, at, FLOW_ADD, done, turns);
}

static void poll_for(FlowFunc *f, FlowLoop *loop) {
    FlowBlock *strip = flow_block(f, "strip"), *latch = loop->latch;
    retarget(loop->head, loop->body, strip);
    FlowBlock *at = strip;
    if (!loop->quick)
        at = add_poll(f, strip, failing(loop),
                      loop->always ? add_int(f, strip, &type_int, 0) : turns_counted(f, strip, loop));
    check_counters(f, at, loop);
    if (!loop->always) {
        FlowVar *stop = flow_var(f, loop->done->type, STR("stop"), FLOW_COUNT_OWN);
        flow_append(f, at, flow_store(f, stop, strip_end(f, at, loop)));
        FlowOp *done = latch->ops[latch->nops - 2]->args[0];
        latch->nops--;
        FlowOp *more = add_compare(f, latch, FLOW_LT, done, add_load(f, latch, stop));
        flow_append(f, latch, flow_branch(f, more, loop->body, loop->head, false));
    }
    flow_append(f, at, flow_jump(f, loop->body));
}

void flow_poll(FlowFunc *f) {
    for (size_t i = 0; i < f->nloops; i++)
        if (f->loops[i]->head->reached)
            (f->loops[i]->done ? poll_for : poll_while)(f, f->loops[i]);
    if (!f->recursive || !f->start->reached)
        return;
    FlowBlock *poll = flow_block(f, "recursion");
    retarget(f->blocks[0], f->start, poll);
    FlowFail fail = {.node = f->inst->bound->function, .effect = f->inst->outer, .resume = f->resume_start};
    FlowBlock *at = add_poll(f, poll, fail, add_int(f, poll, &type_int, 0));
    flow_append(f, at, flow_jump(f, f->start));
}
