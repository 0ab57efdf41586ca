/* Unwind: where an operation goes that fails. Nothing committed: the interpreter does the whole call again (REDO). Only
 * fields of self stored: they are put back first. Else the interpreter goes on from there (RESUME), or, where Python would
 * raise, the exception that it would, by the site table.
 *
 * Needs: FlowFail of every operation that can fail, polls. Leaves: fails[], FlowFail.outs and caught; FAIL becomes JUMP. Breaks nothing:
 * a failure's blocks belong to one operation. */
#include "protocol/abi.h"
#include "server/compiler/flow/flow.h"

typedef struct Unwind {
    FlowFunc *f;
    FlowVar *saved[64]; /* fields of self as they were before the first store that may be taken back */
} Unwind;

static FlowOp *add(Unwind *u, FlowBlock *at, FlowKind kind, const Type *type, FlowOp *const *args, size_t nargs) {
    FlowOp *op = flow_op(u->f, kind, type, args, (uint32_t)nargs);
    flow_append(u->f, at, op);
    return op;
}

static FlowOp *self_of(Unwind *u) {
    FlowOp *self = flow_op(u->f, FLOW_PARAM, u->f->inst->params[0], NULL, 0);
    self->index = 0;
    return self;
}

static void of_self(Unwind *u, FlowOp *op, uint32_t field) {
    op->def = u->f->inst->bound->def_index;
    op->field = field;
}

static void restore(Unwind *u, FlowBlock *at, uint64_t undo) {
    const DefSpec *d = &u->f->lang->unit->defs[u->f->inst->bound->def_index];
    for (uint32_t i = 0; i < 64; i++) {
        if (!(undo >> i & 1))
            continue;
        if (!u->saved[i])
            u->saved[i] = flow_var(u->f, d->fields[i].type, STR("saved"), FLOW_COUNT_OWN);
        FlowOp *self = self_of(u), *old = flow_load(u->f, u->saved[i]);
        flow_append(u->f, at, self);
        flow_append(u->f, at, old);
        of_self(u, add(u, at, FLOW_SET_FIELD, NULL, (FlowOp *[]){self, old}, 2), i);
    }
}

/* Saves the fields that a failure restores, before ops[at]. */
static void save(Unwind *u, FlowBlock *block, size_t at) {
    const DefSpec *d = &u->f->lang->unit->defs[u->f->inst->bound->def_index];
    for (uint32_t i = 0; i < 64; i++) {
        if (!u->saved[i])
            continue;
        FlowOp *self = self_of(u), *now = flow_op(u->f, FLOW_FIELD, d->fields[i].type, &self, 1);
        of_self(u, now, i);
        flow_insert(u->f, block, at++, self);
        flow_insert(u->f, block, at++, now);
        flow_insert(u->f, block, at++, flow_store(u->f, u->saved[i], now));
    }
}

/* Leaves the function with a status. */
static void leave(Unwind *u, FlowBlock *at, FlowOp *status, FlowFail *fail) {
    flow_append(u->f, at, flow_store(u->f, u->f->status, status));
    flow_append(u->f, at, flow_jump(u->f, u->f->exit));
    if (fail->nouts == sizeof fail->outs / sizeof *fail->outs)
        internal_error("an operation that fails in too many ways: %s", node_kind_name(fail->node->kind));
    fail->outs[fail->nouts++] = at;
}

static FlowOp *trap(Unwind *u, FlowBlock *at, JitdTrapKind kind, const FlowFail *reason) {
    bool raises = kind == JITD_TRAP_RAISE;
    FlowOp *op = add(u, at, FLOW_TRAP, u->f->status->type, reason->values, raises ? reason->nvalues : 0);
    op->trap = kind;
    op->reason = reason;
    return op;
}

static void redo(Unwind *u, FlowBlock *at, const FlowFail *reason, uint64_t undo, FlowFail *fail) {
    restore(u, at, undo);
    leave(u, at, trap(u, at, JITD_TRAP_REDO, reason), fail);
}

/* ---- resume ---- */

typedef struct Values {
    Unwind *u;
    FlowBlock *at;
    FlowOp **ops;
    uint32_t n;
} Values;

static FlowOp *hand_over(Values *v, FlowOp *op) {
    return v->ops[v->n++] = op;
}

static void hand_over_var(Values *v, FlowVar *var, const Type *type) {
    FlowOp *load = hand_over(v, flow_load(v->u->f, var));
    load->type = type;
    flow_append(v->u->f, v->at, load);
}

static void hand_over_iterator(Values *v, const FlowOperand *o) {
    if (o->value) {
        hand_over(v, o->value);
    } else {
        hand_over(v, o->start);
        hand_over(v, o->step);
        hand_over(v, o->turns);
    }
    if (!o->done)
        return;
    hand_over_var(v, o->done, o->done->type);
    if (!o->begun)
        return;
    FlowOp *one = flow_const_int(v->u->f, o->done->type, 1), *done = v->ops[--v->n];
    flow_append(v->u->f, v->at, one);
    hand_over(v, add(v->u, v->at, FLOW_BINARY, done->type, (FlowOp *[]){done, one}, 2))->arith = FLOW_ADD;
}

static Values values_of(Unwind *u, FlowBlock *at, const FlowResume *r) {
    Values v = {.u = u, .at = at};
    v.ops = pool_array(u->f->pool, FlowOp *, 2 * r->nlocals + 4 * r->noperands + 1);
    for (size_t i = 0; i < r->nlocals; i++) {
        if (r->locals[i].bound)
            hand_over_var(&v, r->locals[i].bound, &type_bool);
        if (r->locals[i].var)
            hand_over_var(&v, r->locals[i].var, r->locals[i].type);
    }
    for (size_t i = 0; i < r->noperands; i++)
        if (r->operands[i].kind == FLOW_OPERAND_ITERATOR)
            hand_over_iterator(&v, &r->operands[i]);
        else if (r->operands[i].var)
            hand_over_var(&v, r->operands[i].var, r->operands[i].var->type);
        else
            hand_over(&v, r->operands[i].value);
    return v;
}

static void note_slots(Unwind *u, FlowOp *const *ops, uint32_t nops, const Type *result) {
    uint32_t n = result ? type_slots(result) : 0, values = 0;
    for (uint32_t i = 0; i < nops; i++)
        values += type_slots(ops[i]->type);
    n = n > values ? n : values;
    u->f->nresume = n > u->f->nresume ? n : u->f->nresume;
}

/* The interpreter does the rest of this call, whose result is what it gives; with another status that is nothing, and nobody looks. */
static void resume(Unwind *u, FlowBlock *at, const FlowFail *reason, FlowFail *fail) {
    Values v = values_of(u, at, reason->resume);
    u->f->inst->stuck |= reason->resume->where == FLOW_WHERE_NONE;
    note_slots(u, v.ops, v.n, u->f->result ? u->f->result->type : NULL);
    FlowOp *status = add(u, at, FLOW_RESUME, u->f->status->type, v.ops, v.n);
    status->reason = reason;
    if (u->f->result) {
        FlowOp *result = add(u, at, FLOW_RESUMED, u->f->result->type, NULL, 0);
        result->of = status;
        flow_append(u->f, at, flow_store(u->f, u->f->result, result));
    }
    leave(u, at, status, fail);
}

/* Ends a block: to the first of two new ones where it is this one. */
static void branch_on(Unwind *u, FlowBlock *at, FlowOp *status, int64_t value, FlowBlock *yes, FlowBlock *no) {
    FlowOp *kind = flow_const_int(u->f, status->type, value);
    flow_append(u->f, at, kind);
    FlowOp *is_it = add(u, at, FLOW_COMPARE, &type_bool, (FlowOp *[]){status, kind}, 2);
    is_it->order = FLOW_EQ;
    flow_append(u->f, at, flow_branch(u->f, is_it, yes, no, false));
}

/* called: the trap is a callee's, and one line of traceback longer here. */
static void leave_called(Unwind *u, FlowBlock *at, FlowOp *status, FlowFail *fail, bool called) {
    if (called)
        add(u, at, FLOW_TRACE, NULL, NULL, 0)->reason = fail;
    leave(u, at, status, fail);
}

/* To those of one try that are compiled. Returns where nobody has caught it; what else is the interpreter's goes to `python`. */
static FlowBlock *catch_by(Unwind *u, FlowBlock *at, FlowOp *status, FlowCatch *catch, FlowFail *fail,
                           FlowBlock *python) {
    FlowFail *reason = pool_new(u->f->pool, FlowFail);
    *reason = (FlowFail){.node = catch->node, .site = {.kind = SITE_CATCH}};
    FlowOp *found = add(u, at, FLOW_CATCH, status->type, &status, 1);
    found->catch = catch;
    found->reason = reason;
    for (size_t i = 0; i < catch->n; i++) {
        if (!catch->handlers[i])
            continue;
        FlowBlock *from = flow_block(u->f, "caught"), *other = flow_block(u->f, "other");
        branch_on(u, at, found, (int64_t)i, from, other);
        flow_append(u->f, from, flow_jump(u->f, catch->handlers[i]));
        pool_push(u->f->pool, fail->caught, fail->ncaught, fail->cap_caught) = (FlowCaught){from, catch->handlers[i]};
        at = other;
    }
    FlowBlock *nobody = flow_block(u->f, "uncaught");
    branch_on(u, at, found, JITD_CATCH_NOBODY, nobody, python);
    return nobody;
}

/* Returns where the interpreter goes on. */
static FlowBlock *catch (Unwind *u, FlowBlock *at, FlowOp *status, FlowFail *fail, bool called) {
    bool is_last = false;
    if (!fail->catch || fail->catch->broken)
        return at;
    FlowBlock *python = flow_block(u->f, "python");
    for (FlowCatch *catch = fail->catch; catch && !catch->broken; catch = catch->outer) {
        at = catch_by(u, at, status, catch, fail, python);
        is_last = catch->last;
    }
    if (!is_last)
        flow_append(u->f, at, flow_jump(u->f, python));
    else
        leave_called(u, at, status, fail, called);
    return python;
}

/* A try's other handlers are the interpreter's, with all that follows. called: the trap is a callee's. */
static void leave_raised(Unwind *u, FlowBlock *at, FlowOp *status, const FlowFail *reason, FlowFail *fail,
                         bool called) {
    if (!reason->raised) {
        leave(u, at, status, fail);
        return;
    }
    FlowFail *caught = pool_new(u->f->pool, FlowFail);
    FlowResume *raised = pool_new(u->f->pool, FlowResume);
    *caught = *reason;
    *raised = *reason->raised;
    raised->where = called ? FLOW_WHERE_CALLED : FLOW_WHERE_RAISED;
    caught->resume = raised;
    caught->site = (Site){.kind = SITE_REDO, .text = STR("an exception is raised in a try")};
    resume(u, catch (u, at, status, fail, called), caught, fail);
}

/* An int beyond 64 bits is no exception of the program's: no handler of it may see that. */
static bool is_limit(const FlowFail *reason) {
    return !reason->always && (reason->site.kind == SITE_OVERFLOW || reason->site.kind == SITE_REDO);
}

static bool resumes_here(const FlowFail *reason) {
    return reason->resume && !reason->always && reason->effect == EFFECT_COMMITTED &&
           (reason->site.kind == SITE_OVERFLOW || reason->site.kind == SITE_REDO);
}

/* Whether a failure raises, instead of leaving the call to the interpreter. With sized arithmetic the interpreter is asked
 * only for what there is no other result of, an int beyond 64 bits, and only where it has not wrapped so far. */
static bool raises_here(const Unwind *u, const FlowFail *reason) {
    return reason->always || reason->effect == EFFECT_COMMITTED ||
           (u->f->inst->sized && reason->site.kind != SITE_OVERFLOW);
}

/* The block of a failure; `fail` is the operation's. */
static FlowBlock *failure(Unwind *u, const FlowFail *reason, FlowFail *fail) {
    FlowBlock *at = flow_block(u->f, "fail");
    uint64_t undo = reason->effect == EFFECT_UNDO ? reason->undo : 0;
    if (resumes_here(reason)) {
        resume(u, at, reason, fail);
    } else if (raises_here(u, reason)) {
        u->f->inst->stuck |= is_limit(reason);
        FlowOp *status = trap(u, at, JITD_TRAP_RAISE, reason);
        if (is_limit(reason))
            leave(u, at, status, fail);
        else
            leave_raised(u, at, status, reason, fail, false);
    } else if (u->f->wrapped) {
        FlowBlock *raise = flow_block(u->f, "raise"), *again = flow_block(u->f, "redo");
        FlowOp *wrapped = flow_load(u->f, u->f->wrapped);
        flow_append(u->f, at, wrapped);
        flow_append(u->f, at, flow_branch(u->f, wrapped, raise, again, false));
        leave(u, raise, trap(u, raise, JITD_TRAP_RAISE, reason), fail);
        redo(u, again, reason, undo, fail);
    } else {
        redo(u, at, reason, undo, fail);
    }
    return at;
}

static FlowOp *status_of(Unwind *u, FlowBlock *at, FlowOp *op) {
    FlowOp *status = add(u, at, FLOW_STATUS, u->f->status->type, NULL, 0);
    status->of = op;
    return status;
}

/* A callee that the interpreter has finished may have given an object that is not of its result's type: then the interpreter
 * goes on here, too. Returns where all else goes. */
static FlowBlock *take_object(Unwind *u, FlowBlock *at, FlowOp *status, FlowFail *fail) {
    if (!fail->resume)
        return at;
    FlowBlock *object = flow_block(u->f, "object"), *other = flow_block(u->f, "trap");
    branch_on(u, at, status, JITD_TRAP_OBJECT, object, other);
    resume(u, object, fail, fail);
    return other;
}

/* A callee's trap goes on to our caller, one line of traceback longer; its REDO takes back what we did. */
static FlowBlock *call_failure(Unwind *u, FlowOp *call) {
    FlowBlock *first = flow_block(u->f, "fail");
    FlowFail *fail = call->fail;
    FlowOp *status = status_of(u, first, call);
    FlowBlock *at = take_object(u, first, status, fail), *out = at;
    if (fail->raised) {
        leave_raised(u, at, status, fail, fail, true);
        return first;
    }
    add(u, at, FLOW_TRACE, NULL, NULL, 0)->reason = fail;
    if (fail->effect == EFFECT_UNDO && fail->undo) {
        FlowBlock *undo = flow_block(u->f, "undo");
        out = flow_block(u->f, "out");
        branch_on(u, at, status, JITD_TRAP_REDO, undo, out);
        restore(u, undo, fail->undo);
        flow_append(u->f, undo, flow_jump(u->f, out));
    }
    leave(u, out, status, fail);
    return first;
}

/* The import has filled in the trap: the exception is Python's. */
static FlowBlock *region_failure(Unwind *u, FlowOp *op) {
    FlowBlock *at = flow_block(u->f, "fail");
    FlowOp *status = status_of(u, at, op);
    note_slots(u, op->args, op->nargs, op->type);
    leave_raised(u, take_object(u, at, status, op->fail), status, op->fail, op->fail, false);
    return at;
}

static void leave_as(Unwind *u, FlowBlock *at, FlowOp *status, FlowFail *fail) {
    FlowFail *reason = pool_new(u->f->pool, FlowFail);
    *reason = (FlowFail){.node = fail->node, .site = {.kind = SITE_CALL}};
    FlowOp *as = add(u, at, FLOW_TRAP_AS, status->type, &status, 1);
    as->reason = reason;
    leave_raised(u, at, as, fail, fail, false);
}

/* While stores may still be taken back nobody else may see them: the import then answers REDO where it would run Python code. */
static FlowBlock *poll_failure(Unwind *u, FlowOp *poll) {
    FlowBlock *at = flow_block(u->f, "fail"), *other = at;
    FlowFail *fail = poll->fail, *reason = pool_new(u->f->pool, FlowFail);
    *reason = *fail;
    reason->site = (Site){.kind = SITE_REDO, .text = STR("other code ran, or wants to")};
    FlowOp *status = status_of(u, at, poll);
    if (fail->effect != EFFECT_COMMITTED || fail->resume) {
        FlowBlock *again = flow_block(u->f, "redo");
        other = flow_block(u->f, "other");
        branch_on(u, at, status, JITD_TRAP_REDO, again, other);
        if (fail->effect == EFFECT_COMMITTED)
            resume(u, again, reason, fail);
        else
            redo(u, again, reason, fail->undo, fail);
    }
    leave_as(u, other, status, fail);
    return at;
}

/* The interpreter's exception is set, or its result does not fit, which is a redo. */
static FlowBlock *python_failure(Unwind *u, FlowOp *call) {
    FlowBlock *at = flow_block(u->f, "fail"), *other = flow_block(u->f, "other");
    FlowOp *status = status_of(u, at, call);
    branch_on(u, at, status, JITD_TRAP_REDO, failure(u, call->fail, call->fail), other);
    leave_as(u, other, status, call->fail);
    return at;
}

/* The import has filled in the trap, which has the place. */
static FlowBlock *attribute_failure(Unwind *u, FlowOp *op) {
    FlowBlock *at = flow_block(u->f, "fail");
    leave_raised(u, at, status_of(u, at, op), op->fail, op->fail, false);
    return at;
}

/* The interpreter's exception is set. */
static FlowBlock *object_failure(Unwind *u, FlowFail *fail) {
    FlowBlock *at = flow_block(u->f, "fail");
    FlowOp *status = flow_const_int(u->f, u->f->status->type, JITD_TRAP_PYTHON);
    flow_append(u->f, at, status);
    leave_as(u, at, status, fail);
    return at;
}

static FlowBlock *memory_failure(Unwind *u, FlowFail *fail) {
    FlowBlock *at = flow_block(u->f, "full");
    leave_raised(u, at, trap(u, at, JITD_TRAP_MEMORY, fail), fail, fail, false);
    return at;
}

/* A status of 1: the operation raises in Python; 2: its result does not fit. */
static void runtime_failure(Unwind *u, FlowOp *op) {
    op->fails[0] = op->fails[1] = failure(u, op->fail, op->fail);
    if (!op->fail->inexact || !raises_here(u, op->fail))
        return;
    FlowFail *overflow = pool_new(u->f->pool, FlowFail);
    *overflow = (FlowFail){.node = op->fail->node,
                           .site = {.kind = SITE_OVERFLOW, .text = op->fail->overflow},
                           .effect = op->fail->effect,
                           .undo = op->fail->undo,
                           .resume = op->fail->resume,
                           .raised = op->fail->raised};
    op->fails[1] = failure(u, overflow, op->fail);
}

/* Of a list, with an index. */
static FlowBlock *outside_failure(Unwind *u, FlowOp *op) {
    FlowBlock *at = flow_block(u->f, "fail");
    FlowOp *outside = add(u, at, FLOW_RUNTIME, &type_bool, op->args, op->nargs);
    outside->name = "rt_list_is_outside";
    outside->how = FLOW_PURE;
    outside->failed = true;
    FlowBlock *raise = failure(u, op->fail->outside, op->fail), *other = failure(u, op->fail, op->fail);
    flow_append(u->f, at, flow_branch(u->f, outside, raise, other, false));
    return at;
}

static void unwind_op(Unwind *u, FlowOp *op) {
    switch (op->kind) {
    case FLOW_CALL:
        op->fails[0] = call_failure(u, op);
        return;
    case FLOW_REGION:
        op->fails[0] = region_failure(u, op);
        return;
    case FLOW_POLL:
        op->fails[0] = poll_failure(u, op);
        return;
    case FLOW_PYTHON:
        op->fails[0] = python_failure(u, op);
        return;
    case FLOW_ATTRIBUTE:
        op->fails[0] = attribute_failure(u, op);
        return;
    case FLOW_MAKE:
    case FLOW_TEXT:
    case FLOW_CHANGE:
        op->fails[0] = object_failure(u, op->fail);
        return;
    case FLOW_NEW:
        op->fails[0] = memory_failure(u, op->fail);
        return;
    case FLOW_RUNTIME:
        runtime_failure(u, op);
        return;
    case FLOW_FAIL:
        op->to[0] = failure(u, op->fail, op->fail);
        op->kind = FLOW_JUMP;
        return;
    default:
        op->fails[0] = op->fail->outside ? outside_failure(u, op) : failure(u, op->fail, op->fail);
    }
}

/* What a redo takes back is not what others have stored since the entry: where other code may have run, before all stores,
 * the fields are saved again. */
static void save_all(Unwind *u) {
    for (size_t i = 0; i < u->f->nblocks; i++) {
        FlowBlock *block = u->f->blocks[i];
        for (size_t k = block->nops; k > 0; k--)
            if (block->ops[k - 1]->fresh)
                save(u, block, k);
    }
    save(u, u->f->blocks[0], 0);
}

void flow_unwind(FlowFunc *f) {
    Unwind u = {.f = f};
    size_t n = f->nblocks; /* those of failures do not fail */
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < f->blocks[i]->nops; k++)
            if (f->blocks[i]->ops[k]->fail)
                unwind_op(&u, f->blocks[i]->ops[k]);
    for (size_t i = n; i < f->nblocks; i++)
        f->blocks[i]->failed = true;
    save_all(&u);
}

/* ---- share ---- */

static bool is_plain_redo(const FlowFunc *f, const FlowBlock *b) {
    return b->nops == 3 && b->ops[0]->kind == FLOW_TRAP && b->ops[0]->trap == JITD_TRAP_REDO &&
           b->ops[1]->kind == FLOW_STORE && b->ops[2]->kind == FLOW_JUMP && b->ops[2]->to[0] == f->exit;
}

/* The one block of a source line, from its first line on. */
static FlowBlock **redo_of(const FlowFunc *f, FlowBlock **redos, const FlowBlock *b) {
    Span span = f->inst->bound->function->span;
    int line = b->ops[0]->reason->node->span.line - span.line, most = span.end_line - span.line;
    return &redos[line < 0 ? 0 : line > most ? most : line];
}

static FlowBlock *shared(const FlowFunc *f, FlowBlock **redos, FlowBlock *b) {
    return b && is_plain_redo(f, b) ? *redo_of(f, redos, b) : b;
}

/* Most functions have many places that redo and nothing to put back: one block for all of a line.
 * Needs: refs. Breaks: that a failure's blocks are one operation's. */
void flow_share(FlowFunc *f) {
    Span span = f->inst->bound->function->span;
    FlowBlock **redos = pool_array(f->pool, FlowBlock *, (size_t)(span.end_line - span.line + 1));
    size_t kept = 0;
    for (size_t i = 0; i < f->nblocks; i++) {
        FlowBlock *b = f->blocks[i], **redo = is_plain_redo(f, b) ? redo_of(f, redos, b) : NULL;
        if (redo && *redo)
            continue;
        if (redo)
            *redo = b;
        f->blocks[kept++] = b;
    }
    f->nblocks = kept;
    for (size_t i = 0; i < f->nblocks; i++)
        for (size_t k = 0; k < f->blocks[i]->nops; k++)
            for (int e = 0; e < 2; e++) {
                FlowOp *op = f->blocks[i]->ops[k];
                op->fails[e] = shared(f, redos, op->fails[e]);
                op->to[e] = shared(f, redos, op->to[e]);
            }
}
