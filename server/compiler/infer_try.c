/* Infer, try and with: compiled code does what happens without an exception. One is where the interpreter goes on, with the handlers and all that follows
 * (flow/build_try.c), but for handlers that need no exception (infer_handler.c). So behind the statement is what the way without an exception leaves, and
 * what these handlers do. `finally` is inferred once, for all that come to it: the end, and what returns, breaks and continues. An exception may come at
 * any place, so the whole statement stands behind effects. */
#include "server/compiler/infer.h"

#define MOST_LOCALS 64 /* each exception hands them over */

/* A number that compiled code hands over is another object each time. */
static void check_handlers(Infer *in, Nodes handlers) {
    for (size_t i = 0; i < handlers.len; i++) {
        RegionNames names = region_names(in->pool, in->bound, handlers.at[i]);
        for (uint32_t k = 0; k < in->bound->nlocals; k++)
            if (names.same[k])
                fail(in->c, handlers.at[i]->span, "a handler that asks which object a local is is not compiled");
    }
}

static void check_possible(Infer *in, const Node *n) {
    if (in->bound->own_frame || in->bound->nlocals > MOST_LOCALS || !effect_can_resume(in))
        fail(in->c, n->span, "%s is not compiled here", infer_syntax_words(n->kind));
    if (n->kind == NODE_Try)
        check_handlers(in, n->Try.handlers);
}

/* Nothing in it is come to again. */
static void infer_left_with(Infer *in, const Node *n) {
    if (!in->loop)
        in->from = bound_place(n->span.end_line, n->span.end_col);
    infer_mark(in, n->With.items.at[0]);
}

/* What comes to `finally`, and what is behind it. */
static void infer_finally(Infer *in, const Node *n, TryMemory *memory) {
    bool ends = in->env.dead;
    env_join(in, &in->env, &memory->leaves);
    if (n->kind == NODE_With)
        infer_left_with(in, n);
    else
        infer_body(in, n->Try.finalbody);
    if (!in->env.dead && !memory->leaves.dead) {
        bool passed = infer_leaves_try(in, memory->breaks, memory->continues);
        if (!passed && memory->breaks)
            env_join(in, &in->loop->on_break, &in->env);
        if (!passed && memory->continues)
            env_join(in, &in->loop->on_continue, &in->env);
        if (!passed)
            infer_leaves_try(in, false, false);
    }
    in->env.dead |= ends;
}

void infer_attempt(Infer *in, const Node *n) {
    TryMemory *memory = &in->left_tries[n->id];
    TryState state = {.outer = in->tries,
                      .loop = in->loop,
                      .memory = memory,
                      .catches = true,
                      .finally = n->Try.finalbody.len > 0,
                      .handles = n->Try.handlers.len > 0};
    if (!memory->leaves.locals)
        memory->leaves = env_dead();
    if (!memory->raised.locals)
        memory->raised = env_dead();
    check_possible(in, n);
    effect_commit(in);
    infer_mark(in, n);
    in->lists = true;
    in->tries = &state;
    infer_note_raised(in);
    infer_body(in, n->Try.body);
    state.catches = state.finally;
    state.handles = false;
    if (!in->env.dead)
        infer_body(in, n->Try.orelse);
    infer_handlers(in, n, memory);
    in->tries = state.outer;
    if (state.finally)
        infer_finally(in, n, memory);
}

/* Its object is entered and left by operations of the interpreter's. */
void infer_with(Infer *in, const Node *n) {
    const Node *item = n->With.items.at[0], *target = item->withitem.optional_vars;
    TryMemory *memory = &in->left_tries[n->id];
    TryState state = {.outer = in->tries, .loop = in->loop, .memory = memory, .catches = true, .finally = true};
    if (n->With.items.len != 1 || (target && target->kind != NODE_Name))
        fail(in->c, n->span, "with is compiled with one object and a name");
    check_possible(in, n);
    const Type *type = infer_value(in, item->withitem.context_expr, NULL);
    if (type->kind != TYPE_PY && type->kind != TYPE_REF)
        fail(in->c, n->span, "with of %s is not compiled", type_words(in, type));
    if (!memory->leaves.locals)
        memory->leaves = env_dead();
    in->lists = in->inst->python = in->inst->manages = true;
    if (in->loop)
        in->loop->inner = true;
    effect_commit(in);
    infer_mark(in, n);
    Diag *left = pool_new(in->pool, Diag);
    *left = (Diag){.span = n->span, .message = STR("this is entered and left by Python")};
    in->info[n->id].left = left;
    in->tries = &state;
    if (target)
        infer_target(in, target, &type_py);
    infer_body(in, n->With.body);
    in->tries = state.outer;
    infer_finally(in, n, memory);
}

void infer_note_raised(Infer *in) {
    for (TryState *t = in->tries; t; t = t->outer)
        if (t->handles)
            env_join(in, &t->memory->raised, &in->env);
}

/* In the same loop, where something breaks or continues it. */
bool infer_leaves_try(Infer *in, bool breaks, bool continues) {
    for (TryState *t = in->tries; t && (t->loop == in->loop || !(breaks || continues)); t = t->outer) {
        if (!t->finally)
            continue;
        t->memory->breaks |= breaks;
        t->memory->continues |= continues;
        env_join(in, &t->memory->leaves, &in->env);
        return true;
    }
    return false;
}

void infer_check_caught(Infer *in, const Node *n, const RegionNames *names, const Diag *why) {
    const TryState *t = in->tries;
    while (t && !t->catches)
        t = t->outer;
    bool single = n->kind == NODE_AugAssign || n->kind == NODE_AnnAssign || n->kind == NODE_Expr ||
                  (n->kind == NODE_Assign && n->Assign.targets.len == 1 && n->Assign.targets.at[0]->kind == NODE_Name);
    for (uint32_t i = 0; t && i < in->bound->nlocals; i++)
        if (names->writes[i] && (names->compound || !single))
            infer_fail_again(in, why);
}
