/* The verifier of reference counts: on every way through a function, what is counted for a value is given back or taken over
 * once. The counts of variables are not looked at: they are released at the one way out. */
#include "server/compiler/flow/flow.h"

typedef struct Counts {
    FlowFunc *f;
    uint32_t *index; /* by FlowOp.id: of the values that hold references, plus 1 */
    const FlowOp **values;
    uint32_t n;
    int8_t **at; /* by FlowBlock.id: what is counted for each of them where the block begins; NULL: not come to */
    FlowBlock **work;
    size_t nwork, cap_work;
} Counts;

#define wrong(c, op, what)                                                                                             \
    internal_error("flow: operation %u (%s): " what "\n%.*s", (op)->id, flow_kinds[(op)->kind].text,                   \
                   STR_FMT(flow_dump((c)->f->pool, (c)->f)))

static bool has_refs(const FlowOp *op) {
    return op->type && op->kind != FLOW_CONST && type_has_refs(op->type);
}

static void arrive(Counts *c, const FlowBlock *from, FlowBlock *to, const int8_t *counts) {
    int8_t *known = c->at[to->id];
    if (!known) {
        c->at[to->id] = known = pool_array(c->f->pool, int8_t, c->n + 1);
        memcpy(known, counts, c->n);
        pool_push(c->f->pool, c->work, c->nwork, c->cap_work) = to;
    } else if (memcmp(known, counts, c->n) != 0) {
        internal_error("flow of %.*s: block %u from %u with other counts than before",
                       STR_FMT(c->f->inst->bound->func->name), to->id, from->id);
    }
}

static void change(const Counts *c, int8_t *counts, const FlowOp *v, int by) {
    uint32_t i = c->index[v->id];
    if (!i)
        return;
    counts[i - 1] = (int8_t)(counts[i - 1] + by);
    if (counts[i - 1] < 0)
        wrong(c, v, "given back more often than counted");
}

static bool takes(const FlowOp *op, uint32_t arg) {
    FlowUses uses = flow_kinds[op->kind].uses;
    if (op->kind == FLOW_SET_FIELD)
        return op->steals && arg == 1;
    if (op->kind == FLOW_STORE && op->var->count == FLOW_COUNT_CALLER)
        return false;
    return uses == FLOW_USES_TAKES_ALL || (uses == FLOW_USES_TAKES && arg + 1 == op->nargs);
}

static void run_op(Counts *c, const FlowBlock *b, FlowOp *op, int8_t *counts) {
    for (int e = 0; e < 2; e++)
        if (op->fails[e])
            arrive(c, b, op->fails[e], counts);
    if (op->kind == FLOW_INCREF || op->kind == FLOW_DECREF) {
        bool of_var = op->args[0]->kind == FLOW_LOAD && !counts[c->index[op->args[0]->id] - 1];
        if (op->kind == FLOW_INCREF || !of_var)
            change(c, counts, op->args[0], op->kind == FLOW_INCREF ? 1 : -1);
        return;
    }
    for (uint32_t i = 0; i < op->nargs; i++)
        if (takes(op, i))
            change(c, counts, op->args[i], -1);
    bool moved = op->kind == FLOW_LOAD && op->var->count == FLOW_COUNT_MOVE;
    if (flow_kinds[op->kind].value == FLOW_VALUE_OWNED || moved)
        change(c, counts, op, 1);
    if (op->kind == FLOW_LEAVE)
        for (uint32_t i = 0; i < c->n; i++)
            if (counts[i])
                wrong(c, c->values[i], "never given back");
    for (int e = 0; e < 2; e++)
        if (op->to[e])
            arrive(c, b, op->to[e], counts);
}

static void find_values(Counts *c) {
    c->index = pool_array(c->f->pool, uint32_t, c->f->nops + 1);
    c->values = pool_array(c->f->pool, const FlowOp *, c->f->nops + 1);
    for (size_t i = 0; i < c->f->nblocks; i++) {
        FlowBlock *b = c->f->blocks[i];
        for (size_t k = 0; k < b->nops; k++)
            if (has_refs(b->ops[k])) {
                c->values[c->n] = b->ops[k];
                c->index[b->ops[k]->id] = ++c->n;
            }
    }
    c->at = pool_array(c->f->pool, int8_t *, c->f->block_ids);
}

void flow_check_counts(FlowFunc *f) {
    Counts c = {.f = f};
    if (!f->manages)
        return;
    find_values(&c);
    int8_t *counts = pool_array(f->pool, int8_t, c.n + 1);
    arrive(&c, f->blocks[0], f->blocks[0], counts);
    while (c.nwork) {
        FlowBlock *b = c.work[--c.nwork];
        memcpy(counts, c.at[b->id], c.n);
        for (size_t k = 0; k < b->nops; k++)
            run_op(&c, b, b->ops[k], counts);
    }
}
