/* Build, resume: where the interpreter goes on if an operation fails past effects, and with what: the operands that CPython
 * would have evaluated by then, and the locals that the rest of the call may still read. */
#include "server/compiler/builtin.h"
#include "server/compiler/flow/build.h"

#define MAX_VALUES 1024 /* that are handed over */

static bool is_within(const Node *n, const Node *of) {
    return bound_place(n->span.line, n->span.col) >= bound_place(of->span.line, of->span.col) &&
           bound_place(n->span.end_line, n->span.end_col) <= bound_place(of->span.end_line, of->span.end_col);
}

/* ---- what is evaluated ---- */

static FlowOperand *push(Build *b, FlowOperandKind kind, const Node *n) {
    FlowOperand *o = &(pool_push(b->pool, b->operands, b->noperands, b->cap_operands));
    *o = (FlowOperand){.kind = kind, .node = n};
    return o;
}

void build_evaluated(Build *b, const Node *n, FlowOp *v) {
    push(b, FLOW_OPERAND_VALUE, n)->value = v;
}

void build_loaded(Build *b, const Node *n, FlowOp *v) {
    push(b, FLOW_OPERAND_LOADED, n)->value = v;
}

void build_held(Build *b, FlowOperandKind kind, const Node *n, FlowOp *v) {
    push(b, kind, n)->value = v;
}

void build_held_var(Build *b, const Node *n, FlowVar *var) {
    push(b, FLOW_OPERAND_LIST, n)->var = var;
}

void build_iterates(Build *b, const FlowLoop *loop, FlowOp *start, FlowOp *step) {
    FlowOperand *o = push(b, FLOW_OPERAND_ITERATOR, loop->node);
    o->start = start;
    o->step = step;
    o->turns = loop->turns;
    o->done = loop->done;
    o->begun = true;
}

void build_iterates_object(Build *b, const FlowLoop *loop, FlowOp *iterator) {
    push(b, FLOW_OPERAND_ITERATOR, loop->node)->value = iterator;
}

void build_iterates_list(Build *b, const FlowLoop *loop, FlowOp *list, FlowVar *done) {
    FlowOperand *o = push(b, FLOW_OPERAND_ITERATOR, loop->node);
    o->value = list;
    o->done = done;
    o->begun = true;
}

/* ---- what is still read ---- */

static void note_walrus(void *arg, const char *field, const Node *n) {
    Build *b = arg;
    (void)field;
    if (!n)
        return;
    b->walrus |= n->kind == NODE_NamedExpr;
    node_each_child(n, note_walrus, arg);
}

void build_note_walrus(Build *b) {
    Nodes body = b->bound->function->FunctionDef.body;
    for (size_t i = 0; i < body.len; i++)
        note_walrus(b, NULL, body.at[i]);
}

/* A statement begins: what is in front of it is not come to again, but for the turns of the loops that it is in. */
void build_begins(Build *b, const Node *n) {
    b->stmt = n;
    if (!b->bound->inside[n->id])
        b->begun_with = b->noperands;
    if (!b->flow_loop)
        b->from = bound_place(n->span.line, n->span.col);
}

/* False: nobody knows which of its variables has it. */
static bool add_local(Build *b, FlowResume *r, uint32_t local, const LocalState *s) {
    bool read = bound_may_be_read(b->bound, r->node, local, b->from);
    if (!read || !s->type) /* of a class method's class there is no value: the client has it */
        return true;
    if (s->conflict)
        return false;
    FlowLocal *l = &r->locals[r->nlocals++];
    *l = (FlowLocal){.local = local, .type = build_var_type(b, local, s->type)};
    if (l->type->kind != TYPE_NONE)
        l->var = build_var(b, local, s->type);
    if (s->maybe_unbound && b->locals[local].checked)
        l->bound = build_bound_flag(b, local);
    return true;
}

static bool add_locals(Build *b, FlowResume *r, const LocalState *locals) {
    r->locals = pool_array(b->pool, FlowLocal, b->bound->nlocals + 1);
    for (uint32_t i = 0; i < b->bound->nlocals; i++)
        if (!add_local(b, r, i, &locals[i]))
            return false;
    return true;
}

/* ---- both ---- */

static const Node *top_of(const Build *b, size_t n) {
    return n && b->operands[n - 1].kind == FLOW_OPERAND_VALUE ? b->operands[n - 1].node : NULL;
}

/* The interpreter can read it again: nobody has changed it since. */
static bool is_lasting(const Build *b, const FlowOperand *o, const LocalState *locals) {
    const CallInfo *call = o->kind == FLOW_OPERAND_VALUE ? b->info[o->node->id].call : NULL;
    if (call && o->node->kind == NODE_Call && call->kind == CALL_SUPER)
        return true;
    if (o->kind != FLOW_OPERAND_VALUE || o->node->kind != NODE_Name)
        return o->kind == FLOW_OPERAND_VALUE && o->node->kind == NODE_Constant;
    const Binding *name = &b->bound->binding[o->node->id];
    if (b->info[o->node->id].region == REGION_OPERATION) /* nobody looks whether it changes */
        return false;
    return name->kind != BIND_LOCAL || (!b->walrus && !locals[name->local].maybe_unbound);
}

static size_t values_of(const FlowResume *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->nlocals; i++)
        n += type_slots(r->locals[i].type) + 1;
    for (size_t i = 0; i < r->noperands; i++)
        n += r->operands[i].kind == FLOW_OPERAND_ITERATOR ? 4
             : r->operands[i].var                         ? type_slots(r->operands[i].var->type)
                                                          : type_slots(r->operands[i].value->type);
    return n;
}

static FlowResume *nowhere(Build *b, const Node *n) {
    FlowResume *r = pool_new(b->pool, FlowResume);
    *r = (FlowResume){.where = FLOW_WHERE_NONE, .node = n};
    return r;
}

/* With the first n operands. NULL: not possible. */
static FlowResume *resume_with(Build *b, FlowWhere where, const Node *n, const LocalState *locals, size_t noperands) {
    FlowResume *r = nowhere(b, n);
    r->where = where;
    if (b->inst->sized || b->lang->unit->wrap || !locals)
        return NULL;
    r->operands = pool_array(b->pool, FlowOperand, noperands + 1);
    for (size_t i = 0; i < noperands; i++)
        if (!is_lasting(b, &b->operands[i], locals) || (where == FLOW_WHERE_VALUE && i + 1 == noperands))
            r->operands[r->noperands++] = b->operands[i];
    if (!add_locals(b, r, locals) || values_of(r) > MAX_VALUES)
        return NULL;
    b->inst->resumes = true;
    return r;
}

/* Behind the value of an assignment, whose targets' operands are evaluated once more. */
static FlowResume *resume_assigned(Build *b) {
    const LocalState *locals = b->info[b->assigned->id].locals;
    return resume_with(b, FLOW_WHERE_VALUE, top_of(b, b->nassigned), locals, b->nassigned);
}

FlowResume *build_resume(Build *b, const Node *n) {
    const Node *top = top_of(b, b->noperands);
    const NodeInfo *info = &b->info[n->id];
    if (info->effect == EFFECT_COMMITTED && b->assigned)
        return resume_assigned(b);
    if (info->effect != EFFECT_COMMITTED || b->in_target)
        return NULL;
    bool returns_none = n->kind == NODE_Return && !n->Return.value;
    if (returns_none && b->tries) /* what it leaves is still to be done */
        return resume_with(b, FLOW_WHERE_STATEMENT, n, info->locals, b->noperands);
    if (n == b->bound->function || returns_none)
        return resume_with(b, FLOW_WHERE_END, n, info->locals, 0);
    if (!top || !is_within(top, n))
        return NULL;
    return resume_with(b, FLOW_WHERE_VALUE, top, info->locals, b->noperands);
}

FlowResume *build_resume_loop(Build *b, const Node *n) {
    const NodeInfo *info = &b->info[n->id];
    FlowResume *r =
        info->effect == EFFECT_COMMITTED ? resume_with(b, FLOW_WHERE_LOOP, n, info->locals, b->noperands) : NULL;
    if (r && n->kind == NODE_For)
        r->operands[r->noperands - 1].begun = false;
    return r;
}

FlowResume *build_resume_statement(Build *b, const Node *n) {
    FlowResume *r = resume_with(b, FLOW_WHERE_STATEMENT, n, b->info[n->id].locals, b->noperands);
    b->inst->resumes = true;
    return r ? r : nowhere(b, n);
}

FlowResume *build_resume_start(Build *b) {
    LocalState *locals = pool_array(b->pool, LocalState, b->bound->nlocals + 1);
    for (uint32_t i = 0; i < b->inst->nparams; i++)
        locals[i].type = b->inst->params[i];
    return b->inst->outer == EFFECT_COMMITTED ? resume_with(b, FLOW_WHERE_START, b->bound->function, locals, 0) : NULL;
}

/* Nothing that the statement has evaluated is needed any more. */
FlowResume *build_resume_raised(Build *b, const Node *n) {
    const BuildTry *t = b->tries;
    while (t && !t->catches)
        t = t->outer;
    if (!t)
        return NULL;
    const LocalState *locals = b->info[n->id].locals;
    if (!locals && !(locals = b->info[b->stmt->id].locals)) /* nothing comes here */
        return NULL;
    FlowResume *r = resume_with(b, FLOW_WHERE_RAISED, n, locals, b->begun_with);
    if (!r)
        internal_error("an exception in a try that Python cannot go on from: %s", node_kind_name(n->kind));
    return r;
}

/* How many operands wait for what is around the node. */
static size_t operands_outside(const Build *b, const Node *n) {
    size_t outside = b->noperands;
    while (top_of(b, outside) && is_within(top_of(b, outside), n))
        outside--;
    return outside;
}

/* What the statement itself has evaluated nobody needs any more. */
FlowResume *build_resume_behind(Build *b, const Node *n, const LocalState *locals) {
    FlowResume *r = resume_with(b, FLOW_WHERE_BEHIND, n, locals, operands_outside(b, n));
    return r ? r : nowhere(b, n);
}

FlowResume *build_resume_object(Build *b, const Node *n) {
    FlowResume *r = resume_with(b, FLOW_WHERE_OBJECT, n, b->info[n->id].locals, b->noperands);
    return r ? r : nowhere(b, n);
}

static FlowWhere object_if(bool is_it) {
    return is_it ? FLOW_WHERE_OBJECT : FLOW_WHERE_NONE;
}

static FlowWhere called_as(const CallInfo *call) {
    if (call && call->kind == CALL_BUILTIN && call->builtin == BUILTIN_len)
        return FLOW_WHERE_LENGTH;
    return object_if(call && (call->kind == CALL_INSTANCE || call->kind == CALL_OPEN ||
                              (call->kind == CALL_BUILTIN && call->builtin == BUILTIN_abs)));
}

static FlowWhere tested_as(const Build *b, const Instance *callee) {
    bool is_test = b->in_test && callee->result;
    return is_test && callee->result->kind == TYPE_INT ? FLOW_WHERE_LENGTH
                                                       : object_if(is_test && callee->result->kind == TYPE_BOOL);
}

static FlowWhere compared_as(const Node *n, const CompareStep *step) {
    bool is_one = n->Compare.ops.len == 1 && step && step->special;
    return is_one && step->negate ? FLOW_WHERE_NEGATED : object_if(is_one);
}

/* How the node's value, or, in a test, what is as good, is what the callee returns. */
static FlowWhere gives_result(const Build *b, const Node *n, const Instance *callee) {
    const NodeInfo *info = &b->info[n->id];
    if (info->test && info->test->callee == callee)
        return tested_as(b, callee);
    switch (n->kind) {
    case NODE_Call:
        return called_as(info->call);
    case NODE_Attribute:
        return object_if(info->member && (info->member->kind == MEMBER_PROPERTY || info->member->kind == MEMBER_OPEN));
    case NODE_BinOp:
    case NODE_UnaryOp:
        return object_if(info->special);
    case NODE_Compare:
        return compared_as(n, info->steps);
    default:
        return FLOW_WHERE_NONE;
    }
}

/* Whether a call of it may give an object instead of its result, because the interpreter has done a part of it. */
static bool may_resume(const Instance *callee) {
    return callee->outer == EFFECT_COMMITTED || callee->commits || callee->stores_self_refs;
}

FlowResume *build_resume_call(Build *b, const Node *n, const Instance *callee) {
    size_t outside = operands_outside(b, n);
    if (!may_resume(callee))
        return NULL;
    FlowWhere where = b->in_target ? FLOW_WHERE_NONE : gives_result(b, n, callee);
    FlowResume *r = where == FLOW_WHERE_NONE ? NULL : resume_with(b, where, n, b->info[n->id].locals, outside);
    b->inst->resumes = true;
    return r ? r : nowhere(b, n);
}

static bool is_all_of(const Node *stmt, const Node *target) {
    switch (stmt->kind) {
    case NODE_Assign:
        return stmt->Assign.targets.len == 1 && stmt->Assign.targets.at[0] == target;
    case NODE_AnnAssign:
        return stmt->AnnAssign.target == target;
    default:
        return false;
    }
}

/* A setter has done its work, which is the last of the statement's. */
FlowResume *build_resume_setter(Build *b, const Node *target, const Instance *callee) {
    if (!may_resume(callee))
        return NULL;
    b->inst->resumes = true;
    return is_all_of(b->stmt, target) ? build_resume_behind(b, b->stmt, b->info[target->id].locals)
                                      : nowhere(b, target);
}

/* __init__ has done its part of the object, with the interpreter: what is built in may mean something else now. */
FlowResume *build_resume_new(Build *b, const Node *n, const Instance *callee, FlowOp *object) {
    size_t outside = operands_outside(b, n), noperands = b->noperands;
    if (!may_resume(callee))
        return NULL;
    build_evaluated(b, n, object);
    FlowOperand made = b->operands[noperands], first = b->operands[outside];
    b->operands[outside] = made;
    FlowResume *r =
        b->in_target || b->assigned ? NULL : resume_with(b, FLOW_WHERE_VALUE, n, b->info[n->id].locals, outside + 1);
    b->operands[outside] = first;
    b->noperands = noperands;
    b->inst->resumes = true;
    return r ? r : nowhere(b, n);
}
