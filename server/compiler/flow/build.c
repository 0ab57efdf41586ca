/* Build: typed tree -> flow. This file: blocks, and the way in and out of a function. */
#include "server/compiler/flow/build.h"

FlowBlock *build_block(Build *b, const char *name) {
    FlowBlock *block = flow_block(b->f, name);
    block->loop = b->flow_loop;
    return block;
}

void build_start(Build *b, FlowBlock *block) {
    b->at = block;
}

FlowOp *build_add(Build *b, FlowOp *op) {
    if (!b->at) /* pruned */
        b->at = build_block(b, "dead");
    flow_append(b->f, b->at, op);
    return op;
}

FlowOp *build_op(Build *b, FlowKind kind, const Type *type, FlowOp *const *args, size_t nargs) {
    return build_add(b, flow_op(b->f, kind, type, args, (uint32_t)nargs));
}

void build_go(Build *b, FlowBlock *to) {
    if (b->at)
        build_add(b, flow_jump(b->f, to));
    b->at = NULL;
}

void build_branch(Build *b, FlowOp *condition, FlowBlock *yes, FlowBlock *no, bool rare) {
    int64_t known;
    if (flow_is_const(condition, &known))
        build_go(b, known ? yes : no);
    else
        build_add(b, flow_branch(b->f, condition, yes, no, rare));
    b->at = NULL;
}

void build_dead(Build *b) {
    if (b->at)
        build_op(b, FLOW_DEAD, NULL, NULL, 0);
    b->at = NULL;
}

FlowOp *build_runtime(Build *b, const char *name, FlowHow how, const Type *type, FlowOp *const *args, size_t nargs) {
    FlowOp *op = build_op(b, FLOW_RUNTIME, type, args, nargs);
    op->name = name;
    op->how = how;
    return op;
}

FlowVar *build_temp(Build *b, const Type *type, const char *name) {
    return flow_var(b->f, type, str_from_cstr(name), FLOW_COUNT_MOVE);
}

FlowOp *build_load(Build *b, FlowVar *var) {
    return build_add(b, flow_load(b->f, var));
}

void build_store(Build *b, FlowVar *var, FlowOp *v) {
    build_add(b, flow_store(b->f, var, v));
}

/* ---- one function ---- */

static bool reaches(const Instance *from, const Instance *to, bool *seen) {
    for (size_t i = 0; i < from->ncallees; i++) {
        const Instance *next = from->callees[i];
        if (next == to)
            return true;
        if (seen[next->index])
            continue;
        seen[next->index] = true;
        if (reaches(next, to, seen))
            return true;
    }
    return false;
}

/* Recursive functions look whether the stack has room, and for interrupts (flow_poll): they may run as long as a loop. */
static void check_stack(Build *b) {
    b->f->recursive = !b->inst->straight && reaches(b->inst, b->inst, pool_array(b->pool, bool, b->lang->ninstances));
    if (!b->f->recursive)
        return;
    FlowFail *fail = build_failing(b, b->bound->function, (Site){.kind = SITE_RECURSION});
    fail->always = true;
    build_guard(b, build_op(b, FLOW_STACK_LOW, &type_bool, NULL, 0), fail);
}

/* Where the interpreter may go on behind effects, what it reads must be known to be bound or not. */
static void check_handed_over(Build *b, const NodeInfo *info) {
    for (uint32_t i = 0; info->locals && info->effect == EFFECT_COMMITTED && i < b->bound->nlocals; i++)
        if (info->locals[i].maybe_unbound && b->bound->last_read[i])
            b->locals[i].checked = true;
}

static void find_checked(Build *b) {
    for (uint32_t i = 0; i < b->bound->nnodes; i++) {
        const Binding *name = &b->bound->binding[i];
        if (name->kind == BIND_LOCAL && (b->info[i].flags & NODE_MAYBE_UNBOUND))
            b->locals[name->local].checked = true;
        check_handed_over(b, &b->info[i]);
    }
}

static void begin(Build *b) {
    const Type *result = b->inst->result;
    build_start(b, build_block(b, "entry"));
    b->f->exit = build_block(b, "exit");
    b->f->status = flow_var(b->f, type_of_kind(TYPE_INT32), STR("status"), FLOW_COUNT_OWN);
    if (result && type_slots(result))
        b->f->result = flow_var(b->f, result, STR("result"), FLOW_COUNT_RESULT);
    if (b->inst->sized) {
        b->f->wrapped = flow_var(b->f, &type_bool, STR("wrapped"), FLOW_COUNT_OWN);
        b->f->wrapped->init = true;
    }
    b->f->start = build_block(b, "start");
    check_stack(b);
    build_go(b, b->f->start);
    build_start(b, b->f->start);
}

/* The end of the function is its last return, of None. */
static void end(Build *b) {
    const Node *f = b->bound->function;
    if (b->at && b->info[f->id].live)
        build_return(b, f, build_none(b));
    else
        build_dead(b);
    build_start(b, b->f->exit);
    build_op(b, FLOW_LEAVE, NULL, NULL, 0);
}

FlowFunc *flow_build(Lang *lang, Instance *inst) {
    FlowFunc *f = pool_new(lang->pool, FlowFunc);
    *f = (FlowFunc){.pool = lang->pool, .lang = lang, .inst = inst};
    Build b = {.f = f, .lang = lang, .pool = lang->pool, .inst = inst, .bound = inst->bound, .info = inst->info};
    b.locals = pool_array(b.pool, BuildLocal, b.bound->nlocals + 1);
    build_note_walrus(&b);
    find_checked(&b);
    b.stmt = b.bound->function;
    begin(&b);
    build_params(&b);
    f->resume_start = f->recursive ? build_resume_start(&b) : NULL;
    build_body(&b, b.bound->function->FunctionDef.body);
    end(&b);
    build_give_up(&b);
    return f;
}
