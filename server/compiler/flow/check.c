/* The verifier of flow: runs after every pass. What it finds is an error of the compiler's own. */
#include "server/compiler/flow/flow.h"

typedef struct Check {
    FlowFunc *f;
    const char *after;
    bool unwound, counted; /* which passes have run */
    bool *defined;         /* by FlowOp.id */
    const FlowBlock **home;
    size_t *order; /* by FlowOp.id: place in its block */
    size_t *place; /* by FlowBlock.id */
    size_t *idom;  /* by place: that of the nearest block that every way there goes through */
} Check;

#define wrong(c, what, ...)                                                                                            \
    internal_error("flow after %s: " what "\n%.*s", (c)->after __VA_OPT__(, ) __VA_ARGS__,                             \
                   STR_FMT(flow_dump((c)->f->pool, (c)->f)))

/* ---- operations ---- */

static int args_of(FlowKind kind) {
    switch (kind) {
    case FLOW_CONST:
    case FLOW_PARAM:
    case FLOW_LOAD:
    case FLOW_NEW:
    case FLOW_STATUS:
    case FLOW_STACK_LOW:
    case FLOW_POLL:
    case FLOW_TEXT:
    case FLOW_GLOBAL:
    case FLOW_RESUMED:
    case FLOW_DROP:
    case FLOW_TRACE:
    case FLOW_JUMP:
    case FLOW_FAIL:
    case FLOW_LEAVE:
    case FLOW_DEAD:
        return 0;
    case FLOW_STORE:
    case FLOW_TURNED:
    case FLOW_ITEM:
    case FLOW_NEGATE:
    case FLOW_INVERT:
    case FLOW_FABS:
    case FLOW_CAST:
    case FLOW_TRUTH:
    case FLOW_IS_CLASS:
    case FLOW_FIELD:
    case FLOW_GUARD:
    case FLOW_ATTRIBUTE:
    case FLOW_GET_NAMED:
    case FLOW_INCREF:
    case FLOW_DECREF:
    case FLOW_TRAP_AS:
    case FLOW_CATCH:
    case FLOW_BRANCH:
        return 1;
    case FLOW_BINARY:
    case FLOW_CHECKED:
    case FLOW_OVERFLOWS:
    case FLOW_COMPARE:
    case FLOW_SET_FIELD:
    case FLOW_INIT_FIELD:
    case FLOW_SET_NAMED:
        return 2;
    case FLOW_SELECT:
        return 3;
    case FLOW_KEEP:
    case FLOW_TUPLE:
    case FLOW_RUNTIME:
    case FLOW_CALL:
    case FLOW_PYTHON:
    case FLOW_TRAP:
    case FLOW_RESUME:
    case FLOW_REGION:
    case FLOW_READ:
    case FLOW_MAKE:
    case FLOW_CHANGE:
    case FLOW_FIND:
    case FLOW_ATTEMPT:
    case FLOW_METHOD:
    case FLOW_GET:
        return -1;
    case N_FLOW_KINDS:
        break;
    }
    internal_error("an operation of no known kind: %d", (int)kind);
}

static bool same(const Type *a, const Type *b) {
    bool is_object = a->kind == TYPE_REF || a->kind == TYPE_PY;
    return type_eq(a, b) || (is_object && a->kind == b->kind);
}

static bool fits_field(const Check *c, const FlowOp *op) {
    const DefSpec *d = &c->f->lang->unit->defs[op->def];
    return op->def < c->f->lang->unit->ndefs && op->field < d->nfields && op->args[0]->type->kind == TYPE_REF &&
           same(d->fields[op->field].type, op->kind == FLOW_FIELD ? op->type : op->args[1]->type);
}

static bool types_fit(const Check *c, const FlowOp *op) {
    const Type *x = op->nargs ? op->args[0]->type : NULL;
    switch (op->kind) {
    case FLOW_LOAD:
        return same(op->type, op->var->type);
    case FLOW_STORE:
        return same(x, op->var->type);
    case FLOW_BINARY:
    case FLOW_CHECKED:
        return type_eq(x, op->args[1]->type) && type_eq(x, op->type);
    case FLOW_OVERFLOWS:
        return type_eq(x, op->args[1]->type) && type_is_int(x);
    case FLOW_COMPARE:
        return same(x, op->args[1]->type) || (type_is_int(x) && type_is_int(op->args[1]->type));
    case FLOW_SELECT:
        return x->kind == TYPE_BOOL && type_eq(op->args[1]->type, op->type) && type_eq(op->args[2]->type, op->type);
    case FLOW_GUARD:
    case FLOW_BRANCH:
        return x->kind == TYPE_BOOL;
    case FLOW_ITEM:
        return x->kind == TYPE_TUPLE && op->index < x->nitems && same(x->items[op->index], op->type);
    case FLOW_PARAM:
        return op->index < c->f->inst->nparams && same(c->f->inst->params[op->index], op->type);
    case FLOW_FIELD:
    case FLOW_SET_FIELD:
    case FLOW_INIT_FIELD:
        return fits_field(c, op);
    case FLOW_CALL:
        if (op->nargs != op->callee->nparams)
            return false;
        for (uint32_t i = 0; i < op->nargs; i++)
            if (!same(op->args[i]->type, op->callee->params[i]))
                return false;
        return true;
    default:
        return true;
    }
}

static bool can_fail(const FlowOp *op) {
    switch (op->kind) {
    case FLOW_CHECKED:
    case FLOW_CALL:
    case FLOW_NEW:
    case FLOW_PYTHON:
    case FLOW_REGION:
    case FLOW_READ:
    case FLOW_ATTRIBUTE:
    case FLOW_TEXT:
    case FLOW_MAKE:
    case FLOW_CHANGE:
    case FLOW_GUARD:
    case FLOW_POLL:
    case FLOW_FAIL:
        return true;
    case FLOW_RUNTIME:
        return op->how == FLOW_TRAPS || op->how == FLOW_SIZED;
    default:
        return false;
    }
}

/* Is x, at its place, before op at `at` of block? */
static bool dominates(const Check *c, const FlowOp *x, const FlowBlock *block, size_t at) {
    const FlowBlock *home = c->home[x->id];
    if (!home)
        return false;
    if (home == block)
        return c->order[x->id] < at;
    size_t b = c->place[block->id], target = c->place[home->id];
    while (b != target && c->idom[b] != b)
        b = c->idom[b];
    return b == target;
}

static void check_op(const Check *c, const FlowBlock *block, size_t at) {
    const FlowOp *op = block->ops[at];
    const char *text = flow_kinds[op->kind].text;
    int nargs = args_of(op->kind);
    if (nargs >= 0 && op->nargs != (uint32_t)nargs)
        wrong(c, "%s has %u operands", text, op->nargs);
    for (uint32_t i = 0; i < op->nargs; i++) {
        if (!op->args[i]->type)
            wrong(c, "operand %u of %s has no value", i, text);
        if (!dominates(c, op->args[i], block, at))
            wrong(c, "operand %u of %s in %s%u is not there yet", i, text, block->name, block->id);
    }
    if (!op->type != (flow_kinds[op->kind].value == FLOW_VALUE_NONE))
        wrong(c, "%s has a value, or none", text);
    if (!types_fit(c, op))
        wrong(c, "the types of %s (%u) do not fit", text, op->id);
    if (!op->fail != !can_fail(op) && !(op->kind == FLOW_JUMP && c->unwound))
        wrong(c, "%s cannot fail, or can", text);
    if (c->unwound && can_fail(op) && !op->fails[0])
        wrong(c, "%s fails to nowhere", text);
    if ((flow_kinds[op->kind].does == FLOW_DOES_ENDS) != (at + 1 == block->nops))
        wrong(c, "%s in the middle of a block, or at its end", text);
}

/* ---- blocks ---- */

static size_t meet(const Check *c, size_t a, size_t b, const size_t *rank) {
    while (a != b) {
        while (rank[a] > rank[b])
            a = c->idom[a];
        while (rank[b] > rank[a])
            b = c->idom[b];
    }
    return a;
}

typedef struct Visit {
    const FlowBlock *block;
    size_t op;
    int edge;
} Visit;

/* The next way out of a block: jumps, and where its operations fail. */
static const FlowBlock *next_edge(Visit *v) {
    for (; v->op < v->block->nops; v->op++, v->edge = 0) {
        const FlowOp *op = v->block->ops[v->op];
        while (v->edge < 4) {
            const FlowBlock *to = v->edge < 2 ? op->to[v->edge] : op->fails[v->edge - 2];
            v->edge++;
            if (to)
                return to;
        }
        const FlowBlock *handler = flow_handler(op, (size_t)v->edge++ - 4);
        if (handler)
            return handler;
    }
    return NULL;
}

/* Blocks in postorder, without recursion. */
static size_t *postorder(const Check *c, size_t *ret_n) {
    size_t n = c->f->nblocks, depth = 0, done = 0;
    Visit *stack = pool_array(c->f->pool, Visit, n + 1);
    bool *seen = pool_array(c->f->pool, bool, n + 1);
    size_t *order = pool_array(c->f->pool, size_t, n + 1);
    stack[depth++] = (Visit){.block = c->f->blocks[0]};
    seen[0] = true;
    while (depth) {
        const FlowBlock *to = next_edge(&stack[depth - 1]);
        if (!to) {
            order[done++] = c->place[stack[--depth].block->id];
        } else if (!seen[c->place[to->id]]) {
            seen[c->place[to->id]] = true;
            stack[depth++] = (Visit){.block = to};
        }
    }
    *ret_n = done;
    return order;
}

/* Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm". */
static void find_dominators(Check *c) {
    size_t n, *order = postorder(c, &n), *rank = pool_array(c->f->pool, size_t, c->f->nblocks + 1);
    bool *known = pool_array(c->f->pool, bool, c->f->nblocks + 1);
    for (size_t i = 0; i < n; i++)
        rank[order[i]] = n - i;
    known[0] = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = n; i > 0; i--) {
            Visit v = {.block = c->f->blocks[order[i - 1]]};
            for (const FlowBlock *to; known[order[i - 1]] && (to = next_edge(&v));) {
                size_t at = c->place[to->id], dom = known[at] ? meet(c, c->idom[at], order[i - 1], rank) : order[i - 1];
                changed |= !known[at] || dom != c->idom[at];
                c->idom[at] = dom;
                known[at] = true;
            }
        }
    }
}

static void find_homes(Check *c) {
    c->place = pool_array(c->f->pool, size_t, c->f->block_ids);
    c->home = pool_array(c->f->pool, const FlowBlock *, c->f->nops + 1);
    c->order = pool_array(c->f->pool, size_t, c->f->nops + 1);
    c->idom = pool_array(c->f->pool, size_t, c->f->nblocks + 1);
    for (size_t i = 0; i < c->f->nblocks; i++) {
        FlowBlock *b = c->f->blocks[i];
        c->place[b->id] = i;
        if (!flow_end(b))
            wrong(c, "block %u has no end", b->id);
        for (size_t k = 0; k < b->nops; k++) {
            if (c->home[b->ops[k]->id])
                wrong(c, "operation %u is twice there", b->ops[k]->id);
            c->home[b->ops[k]->id] = b;
            c->order[b->ops[k]->id] = k;
        }
    }
}

void flow_check(FlowFunc *f, const char *after) {
    Check c = {.f = f, .after = after};
    c.counted = !strcmp(after, "refs");
    c.unwound = c.counted || !strcmp(after, "unwind");
    find_homes(&c);
    find_dominators(&c);
    for (size_t i = 0; i < f->nblocks; i++)
        for (size_t k = 0; k < f->blocks[i]->nops; k++)
            check_op(&c, f->blocks[i], k);
    if (c.counted)
        flow_check_counts(f);
}
