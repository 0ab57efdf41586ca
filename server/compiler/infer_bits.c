/* Infer, low bits: (a * x + c) % 2**63 or & 0xffff of ints is exact whatever the numbers in between are, as its bits depend on no higher ones. So these
 * are not looked at for whether they fit into 64 bits. Nobody may see them: behind the first of them nothing is evaluated where the interpreter
 * might have to go on. */
#include "server/compiler/infer.h"

static bool is_operation(const Infer *in, const Node *n) {
    const NodeInfo *info = &in->info[n->id];
    if (n->kind != NODE_BinOp || info->region || info->special || !info->common || info->common->kind != TYPE_INT)
        return false;
    return n->BinOp.op == OP_Add || n->BinOp.op == OP_Sub || n->BinOp.op == OP_Mult;
}

static bool is_local(const Infer *in, const Node *n) {
    return n->kind == NODE_Name && in->bound->binding[n->id].kind == BIND_LOCAL &&
           !(in->info[n->id].flags & NODE_MAYBE_UNBOUND);
}

/* Evaluating it raises nothing, and asks nobody. */
static bool is_quiet(const Infer *in, const Node *n) {
    const NodeInfo *info = &in->info[n->id];
    int64_t value;
    if (info->region || !info->type || info->type->kind != TYPE_INT)
        return false;
    bool is_field = n->kind == NODE_Attribute && info->member && info->member->kind == MEMBER_FIELD &&
                    !(info->flags & NODE_CHECK_NONE) && is_local(in, n->Attribute.value);
    return bound_int(in->bound, n, &value) || is_local(in, n) || is_field;
}

/* In the order of evaluation. *begun: one of the operations is behind us. */
static bool may_wrap(const Infer *in, const Node *n, bool *begun) {
    if (!is_operation(in, n))
        return in->info[n->id].type && in->info[n->id].type->kind == TYPE_INT && (!*begun || is_quiet(in, n));
    if (!may_wrap(in, n->BinOp.left, begun) || !may_wrap(in, n->BinOp.right, begun))
        return false;
    *begun = true;
    return true;
}

static void mark(Infer *in, const Node *n, bool wraps) {
    if (!is_operation(in, n))
        return;
    uint8_t *flags = &in->info[n->id].flags;
    *flags = (uint8_t)(wraps ? *flags | NODE_WRAPS : *flags & ~NODE_WRAPS);
    mark(in, n->BinOp.left, wraps);
    mark(in, n->BinOp.right, wraps);
}

bool infer_low_bits(Infer *in, const Node *n) {
    int64_t mask;
    bool begun = false;
    if (!bound_mask(in->bound, n, &mask) || !is_operation(in, n->BinOp.left))
        return false;
    bool wraps = !in->inst->sized && !in->lang->unit->wrap && may_wrap(in, n->BinOp.left, &begun);
    mark(in, n->BinOp.left, wraps);
    in->info[n->id].flags = (uint8_t)(in->info[n->id].flags & ~NODE_LOW_BITS) | (wraps ? NODE_LOW_BITS : 0);
    return wraps;
}
