/* Infer, handlers: compiled code has those that need nothing of the exception but its class. Nothing in them may raise, or ask Python code: nobody sees
 * then that there was one. They store to locals and numbers of instances, return, break and continue, by the arithmetic that an int is always the result of. All
 * others, and what comes to them, are the interpreter's (infer_try.c). */
#include "server/compiler/infer.h"

/* ---- as it is written ---- */

/* What is caught is looked up when an exception comes. */
static bool is_name(const Infer *in, const Node *n) {
    return n->kind == NODE_Name && in->bound->binding[n->id].kind == BIND_GLOBAL;
}

static bool is_of_names(const Infer *in, const Node *type) {
    if (!type || is_name(in, type))
        return true;
    Nodes elts = type->kind == NODE_Tuple ? type->Tuple.elts : (Nodes){0};
    for (size_t i = 0; i < elts.len; i++)
        if (!is_name(in, elts.at[i]))
            return false;
    return elts.len > 0;
}

static bool is_quiet_operator(Operator op) {
    return op == OP_Add || op == OP_Sub || op == OP_Mult;
}

static bool is_quiet_constant(const Node *n) {
    return n->Constant.value.kind == CONST_INT || n->Constant.value.kind == CONST_FLOAT ||
           n->Constant.value.kind == CONST_TRUE || n->Constant.value.kind == CONST_FALSE ||
           n->Constant.value.kind == CONST_NONE;
}

static bool is_local(const Infer *in, const Node *n) {
    return n->kind == NODE_Name && in->bound->binding[n->id].kind == BIND_LOCAL;
}

static bool is_field(const Infer *in, const Node *n) {
    return n->kind == NODE_Attribute && is_local(in, n->Attribute.value);
}

static bool is_quiet_comparison(const Node *n) {
    for (size_t i = 0; i < n->Compare.ops.len; i++)
        if (n->Compare.ops.at[i] == OP_In || n->Compare.ops.at[i] == OP_NotIn)
            return false;
    return true;
}

static bool is_quiet_value(const Infer *in, const Node *n);

static bool are_quiet(const Infer *in, Nodes values) {
    for (size_t i = 0; i < values.len; i++)
        if (!is_quiet_value(in, values.at[i]))
            return false;
    return true;
}

static bool is_quiet_value(const Infer *in, const Node *n) {
    switch (n->kind) {
    case NODE_Constant:
        return is_quiet_constant(n);
    case NODE_Name:
    case NODE_Attribute:
        return is_local(in, n) || is_field(in, n);
    case NODE_UnaryOp:
        return n->UnaryOp.op != OP_Invert && is_quiet_value(in, n->UnaryOp.operand);
    case NODE_BinOp:
        return is_quiet_operator(n->BinOp.op) && is_quiet_value(in, n->BinOp.left) &&
               is_quiet_value(in, n->BinOp.right);
    case NODE_Compare:
        return is_quiet_comparison(n) && is_quiet_value(in, n->Compare.left) && are_quiet(in, n->Compare.comparators);
    case NODE_BoolOp:
        return are_quiet(in, n->BoolOp.values);
    default:
        return false;
    }
}

static bool is_quiet_target(const Infer *in, const Node *n) {
    return is_local(in, n) || is_field(in, n);
}

static bool is_quiet_body(const Infer *in, Nodes body);

static bool is_quiet_stmt(const Infer *in, const Node *n) {
    switch (n->kind) {
    case NODE_Pass:
    case NODE_Break:
    case NODE_Continue:
        return true;
    case NODE_Return:
        return !n->Return.value || is_quiet_value(in, n->Return.value);
    case NODE_Assign:
        return n->Assign.targets.len == 1 && is_quiet_target(in, n->Assign.targets.at[0]) &&
               is_quiet_value(in, n->Assign.value);
    case NODE_AugAssign:
        return is_quiet_operator(n->AugAssign.op) && is_quiet_target(in, n->AugAssign.target) &&
               is_quiet_value(in, n->AugAssign.value);
    case NODE_If:
        return is_quiet_value(in, n->If.test) && is_quiet_body(in, n->If.body) && is_quiet_body(in, n->If.orelse);
    default:
        return false;
    }
}

static bool is_quiet_body(const Infer *in, Nodes body) {
    for (size_t i = 0; i < body.len; i++)
        if (!is_quiet_stmt(in, body.at[i]))
            return false;
    return true;
}

static bool is_quiet_handler(const Infer *in, const Node *handler) {
    return !handler->ExceptHandler.name.len && is_of_names(in, handler->ExceptHandler.type) &&
           is_quiet_body(in, handler->ExceptHandler.body);
}

/* ---- with its types ---- */

typedef struct Quiet {
    const Infer *in;
    bool is_quiet;
    bool counts,
        mixes; /* has an int that may grow beyond 64 bits, which as a float would raise; makes floats of ints */
} Quiet;

static bool is_plain(const Type *t) {
    return t->kind == TYPE_INT || t->kind == TYPE_FLOAT || t->kind == TYPE_BOOL || t->kind == TYPE_NONE ||
           t->kind == TYPE_REF;
}

static bool has_special_step(const NodeInfo *info, const Node *n) {
    for (size_t i = 0; info->steps && i < n->Compare.ops.len; i++)
        if (info->steps[i].special)
            return true;
    return false;
}

static bool is_native_field(const Infer *in, const Node *n) {
    const MemberInfo *m = in->info[n->id].member;
    const Type *base = in->info[n->Attribute.value->id].type;
    return m && m->kind == MEMBER_FIELD && base && base->kind == TYPE_REF && !base->optional;
}

static bool is_mixed(const Infer *in, const Node *a, const Node *b) {
    const Type *x = in->info[a->id].type, *y = in->info[b->id].type;
    return x && y && (x->kind == TYPE_FLOAT) != (y->kind == TYPE_FLOAT);
}

static void note_numbers(Quiet *q, const Node *n) {
    const Type *t = q->in->info[n->id].type;
    bool is_operation = n->kind == NODE_BinOp || n->kind == NODE_UnaryOp || n->kind == NODE_AugAssign;
    q->counts |= is_operation && t && t->kind == TYPE_INT;
    if (n->kind == NODE_BinOp)
        q->mixes |= is_mixed(q->in, n->BinOp.left, n->BinOp.right);
    else if (n->kind == NODE_AugAssign)
        q->mixes |= is_mixed(q->in, n->AugAssign.target, n->AugAssign.value);
    else if (n->kind == NODE_Assign)
        q->mixes |= is_mixed(q->in, n->Assign.targets.at[0], n->Assign.value);
}

static void check_node(void *arg, const char *field, const Node *n) {
    Quiet *q = arg;
    (void)field;
    const NodeInfo *info = n ? &q->in->info[n->id] : NULL;
    if (!n || !info->live || !q->is_quiet)
        return;
    bool is_own_way = info->region || info->special || info->call || info->test || info->unboxed || info->looked ||
                      (info->flags & NODE_MAYBE_UNBOUND) || (n->kind == NODE_Compare && has_special_step(info, n));
    q->is_quiet = !is_own_way && (n->kind != NODE_Attribute || is_native_field(q->in, n)) &&
                  (!info->type || is_plain(info->type));
    note_numbers(q, n);
    node_each_child(n, check_node, arg);
}

static void work_handler(Infer *in, const Node *handler, void *arg) {
    (void)arg;
    infer_body(in, handler->ExceptHandler.body);
}

/* Whether nothing that may still be read is of more types for it than it would be without it. */
static bool joins(Infer *in, const Env *after) {
    Env both = env_copy(in, after);
    if (after->dead || in->env.dead)
        return true;
    env_join(in, &both, &in->env);
    for (uint32_t i = 0; i < in->bound->nlocals; i++)
        if (both.locals[i].conflict && !after->locals[i].conflict && in->bound->last_read[i] >= in->from)
            return false;
    return true;
}

/* From in->env, which is what comes to it; leaves what it does. */
static bool infer_handler(Infer *in, const Node *handler, const Env *after) {
    bool regions = in->regions;
    Diag left = in->left;
    Quiet q = {.in = in, .is_quiet = true};
    if (in->env.dead || !effect_can_resume(in) || !is_quiet_handler(in, handler))
        return false;
    bool is_inferred = infer_try(in, handler, work_handler, NULL);
    for (size_t i = 0; is_inferred && i < handler->ExceptHandler.body.len; i++)
        check_node(&q, NULL, handler->ExceptHandler.body.at[i]);
    in->regions = regions;
    in->left = left;
    return is_inferred && q.is_quiet && !(q.counts && q.mixes) && joins(in, after);
}

void infer_handlers(Infer *in, const Node *n, TryMemory *memory) {
    Nodes handlers = n->Try.handlers;
    Env after = in->env;
    if (!memory->python)
        memory->python = pool_array(in->pool, bool, handlers.len + 1);
    for (size_t i = 0; i < handlers.len; i++) {
        NodeInfo *info = &in->info[handlers.at[i]->id];
        in->env = env_copy(in, &memory->raised);
        in->env.effect = EFFECT_COMMITTED;
        info->live = !memory->python[i] && infer_handler(in, handlers.at[i], &after);
        memory->python[i] = !info->live && !memory->raised.dead;
        if (info->live)
            env_join(in, &after, &in->env);
    }
    in->env = after;
}
