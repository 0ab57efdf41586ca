/* Counters: `n += 1` in a loop without an overflow check of its own, so that it needs no branch and the loop can be
 * vectorised. A counter of a loop is a variable that the loop changes by small constants only. Where the loop polls (poll.c)
 * it is checked to lie within +-2^62: until it polls again it moves by less than STRIP * MAX_STEP per place that changes it,
 * which is far from another 2^62. Outside of +-2^62 the interpreter does the call; so this is for functions that can still
 * be redone at the loop.
 * Needs: the loops as built. Leaves: BINARY with `exact` instead of CHECKED, FlowLoop.counters. Breaks nothing. */
#include "server/compiler/flow/flow.h"

#define MAX_STEP (1 << 20)
#define MAX_PLACES (1 << 20)

typedef struct Places {
    uint32_t steps, others;
} Places;

/* Is it a store of the variable's own value plus or minus a small constant? */
static bool is_step(const FlowOp *store) {
    const FlowOp *sum = store->args[0];
    int64_t step;
    if (store->var->type->kind != TYPE_INT || store->var->unbound || sum->kind != FLOW_CHECKED ||
        sum->arith == FLOW_MUL)
        return false;
    const FlowOp *old = sum->args[0];
    return old->kind == FLOW_LOAD && old->var == store->var && flow_is_const(sum->args[1], &step) && step >= 0 &&
           step <= MAX_STEP;
}

static bool is_in(const FlowBlock *block, const FlowLoop *loop) {
    for (const FlowLoop *l = block->loop; l; l = l->outer)
        if (l == loop)
            return true;
    return false;
}

static void count_places(const FlowFunc *f, const FlowLoop *loop, Places *places) {
    for (size_t i = 0; i < f->nblocks; i++)
        for (size_t k = 0; k < f->blocks[i]->nops && is_in(f->blocks[i], loop); k++) {
            const FlowOp *op = f->blocks[i]->ops[k];
            if (op->kind != FLOW_STORE)
                continue;
            if (is_step(op))
                places[op->var->id].steps++;
            else
                places[op->var->id].others++;
        }
}

/* The steps of a counter in the loop's own blocks, not those of a loop in it. */
static uint32_t take_steps(FlowFunc *f, const FlowLoop *loop, const FlowVar *var) {
    uint32_t taken = 0;
    for (size_t i = 0; i < f->nblocks; i++)
        for (size_t k = 0; k < f->blocks[i]->nops && f->blocks[i]->loop == loop; k++) {
            FlowOp *op = f->blocks[i]->ops[k];
            if (op->kind != FLOW_STORE || op->var != var)
                continue;
            FlowOp *sum = op->args[0];
            sum->kind = FLOW_BINARY;
            sum->exact = true;
            sum->fail = NULL;
            taken++;
        }
    return taken;
}

static bool has_counters(const FlowFunc *f, const FlowLoop *loop) {
    return loop->head->reached && loop->effect != EFFECT_COMMITTED && !f->inst->sized && !f->lang->unit->wrap;
}

void flow_counter(FlowFunc *f) {
    for (size_t i = 0; i < f->nloops; i++) {
        FlowLoop *loop = f->loops[i];
        if (!has_counters(f, loop))
            continue;
        Places *places = pool_array(f->pool, Places, f->nvars + 1);
        count_places(f, loop, places);
        for (uint32_t v = 0; v < f->nvars; v++)
            if (places[v].steps && places[v].steps <= MAX_PLACES && !places[v].others &&
                take_steps(f, loop, f->vars[v]))
                pool_push(f->pool, loop->counters, loop->ncounters, loop->cap_counters) = f->vars[v];
    }
}
