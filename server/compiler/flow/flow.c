/* Flow's parts: blocks, variables, operations. */
#include "server/compiler/flow/flow.h"

const FlowKindInfo flow_kinds[N_FLOW_KINDS] = {
#define OP(name, text, value, uses, does)                                                                              \
    [FLOW_##name] = {text, FLOW_VALUE_##value, FLOW_USES_##uses, FLOW_DOES_##does},
#include "server/compiler/flow/ops.def"
#undef OP
};

const char *const flow_wheres[] = {"value",  "object", "negated", "length", "loop",   "statement",
                                   "behind", "start",  "end",     "raised", "called", "none"};

const Type flow_any_ref = {.kind = TYPE_REF, .def = UINT32_MAX, .optional = true};

FlowBlock *flow_block(FlowFunc *f, const char *name) {
    FlowBlock *b = pool_new(f->pool, FlowBlock);
    b->id = f->block_ids++;
    b->name = name;
    pool_push(f->pool, f->blocks, f->nblocks, f->cap_blocks) = b;
    return b;
}

FlowVar *flow_var(FlowFunc *f, const Type *type, Str name, FlowCount count) {
    FlowVar *v = pool_new(f->pool, FlowVar);
    *v = (FlowVar){.id = (uint32_t)f->nvars, .type = type, .name = name, .count = count};
    pool_push(f->pool, f->vars, f->nvars, f->cap_vars) = v;
    return v;
}

FlowOp *flow_op(FlowFunc *f, FlowKind kind, const Type *type, FlowOp *const *args, uint32_t nargs) {
    FlowOp *op = pool_new(f->pool, FlowOp);
    *op = (FlowOp){.kind = kind, .id = f->nops++, .type = type, .nargs = nargs};
    op->args = pool_array(f->pool, FlowOp *, nargs + 1);
    for (uint32_t i = 0; i < nargs; i++)
        op->args[i] = args[i];
    return op;
}

void flow_append(FlowFunc *f, FlowBlock *block, FlowOp *op) {
    pool_push(f->pool, block->ops, block->nops, block->cap) = op;
}

void flow_insert(FlowFunc *f, FlowBlock *block, size_t at, FlowOp *op) {
    flow_append(f, block, op);
    memmove(block->ops + at + 1, block->ops + at, (block->nops - 1 - at) * sizeof *block->ops);
    block->ops[at] = op;
}

FlowOp *flow_end(const FlowBlock *block) {
    FlowOp *last = block->nops ? block->ops[block->nops - 1] : NULL;
    return last && flow_kinds[last->kind].does == FLOW_DOES_ENDS ? last : NULL;
}

FlowOp *flow_const_int(FlowFunc *f, const Type *type, int64_t value) {
    FlowOp *op = flow_op(f, FLOW_CONST, type, NULL, 0);
    op->constant.i = value;
    return op;
}

FlowOp *flow_load(FlowFunc *f, FlowVar *var) {
    FlowOp *op = flow_op(f, FLOW_LOAD, var->type, NULL, 0);
    op->var = var;
    return op;
}

FlowOp *flow_store(FlowFunc *f, FlowVar *var, FlowOp *value) {
    FlowOp *op = flow_op(f, FLOW_STORE, NULL, &value, 1);
    op->var = var;
    return op;
}

FlowOp *flow_jump(FlowFunc *f, FlowBlock *to) {
    FlowOp *op = flow_op(f, FLOW_JUMP, NULL, NULL, 0);
    op->to[0] = to;
    return op;
}

FlowOp *flow_branch(FlowFunc *f, FlowOp *condition, FlowBlock *yes, FlowBlock *no, bool rare) {
    FlowOp *op = flow_op(f, FLOW_BRANCH, NULL, &condition, 1);
    op->to[0] = yes;
    op->to[1] = no;
    op->rare = rare;
    return op;
}

bool flow_is_const(const FlowOp *op, int64_t *ret_value) {
    *ret_value = op->constant.i;
    return op->kind == FLOW_CONST && type_is_int(op->type);
}

static const FlowResume *resume_of(const FlowOp *op) {
    return op->fail ? op->fail->resume : NULL;
}

/* The i-th that has a value; NULL, and i is less by their number. */
static FlowOp *handed(const FlowResume *r, uint32_t *i) {
    for (size_t k = 0; r && k < r->noperands; k++)
        if (r->operands[k].value && !(*i)--)
            return r->operands[k].value;
    return NULL;
}

static uint32_t count_handed(const FlowResume *r) {
    uint32_t n = 0;
    for (size_t i = 0; r && i < r->noperands; i++)
        n += r->operands[i].value != NULL;
    return n;
}

uint32_t flow_nuses(const FlowOp *op) {
    return op->nargs + count_handed(resume_of(op)) + count_handed(op->fail ? op->fail->raised : NULL);
}

FlowOp *flow_use(const FlowOp *op, uint32_t i) {
    if (i < op->nargs)
        return op->args[i];
    i -= op->nargs;
    FlowOp *value = handed(resume_of(op), &i);
    return value ? value : handed(op->fail->raised, &i);
}

FlowBlock *flow_handler(const FlowOp *op, size_t i) {
    bool is_unwound = op->fails[0] || op->kind == FLOW_JUMP;
    const FlowCatch *catch = op->fail && !is_unwound ? op->fail->catch : NULL;
    for (; catch && !catch->broken; catch = catch->outer)
        for (size_t k = 0; k < catch->n; k++)
            if (catch->handlers[k] && i-- == 0)
                return catch->handlers[k];
    return NULL;
}

typedef struct Reach {
    FlowBlock **work;
    size_t n;
} Reach;

static void reach(Reach *r, FlowBlock *block) {
    if (!block || block->reached)
        return;
    block->reached = true;
    r->work[r->n++] = block;
}

static void reach_from(Reach *r, const FlowOp *op) {
    FlowBlock *handler;
    for (int i = 0; i < 2; i++) {
        reach(r, op->to[i]);
        reach(r, op->fails[i]);
    }
    for (size_t i = 0; (handler = flow_handler(op, i)); i++)
        reach(r, handler);
}

/* Only forward: a block may be reached through a million others. */
void flow_prune(FlowFunc *f) {
    Reach r = {.work = pool_array(f->pool, FlowBlock *, f->nblocks + 1)};
    size_t kept = 0;
    for (size_t i = 0; i < f->nblocks; i++)
        f->blocks[i]->reached = false;
    reach(&r, f->blocks[0]);
    reach(&r, f->exit);
    while (r.n) {
        const FlowBlock *block = r.work[--r.n];
        for (size_t k = 0; k < block->nops; k++)
            reach_from(&r, block->ops[k]);
    }
    for (size_t i = 0; i < f->nblocks; i++)
        if (f->blocks[i]->reached)
            f->blocks[kept++] = f->blocks[i];
    f->nblocks = kept;
}

/* In tests and fuzzers every pass is verified. */
static void verify(FlowFunc *f, const char *after) {
#ifdef JITD_VERIFY_FLOW
    flow_check(f, after);
#else
    (void)f, (void)after;
#endif
}

FlowFunc *flow_make(Lang *lang, Instance *inst) {
    FlowFunc *f = flow_build(lang, inst);
    flow_prune(f);
    verify(f, "build");
    flow_counter(f);
    flow_poll(f);
    verify(f, "poll");
    flow_unwind(f);
    flow_prune(f); /* of handlers that nothing is left for */
    verify(f, "unwind");
    flow_refs(f);
    verify(f, "refs");
    flow_share(f);
    return f;
}
