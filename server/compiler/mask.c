/* Constants of a function by its names, and the masks that are made of them: % 2**k, & 0xff. */
#include "server/compiler/bound.h"

bool bound_int(const Bound *bound, const Node *n, int64_t *ret) {
    const Binding *b = n->kind == NODE_Name ? &bound->binding[n->id] : NULL;
    bool is_global = b && b->kind == BIND_GLOBAL && b->global->kind == GLOBAL_INT;
    bool is_constant = n->kind == NODE_Constant && n->Constant.value.kind == CONST_INT && !n->Constant.value.big;
    *ret = is_global ? b->global->i : is_constant ? n->Constant.value.i : 0;
    return is_global || is_constant;
}

/* 2**k or 1 << k, of which the interpreter's compiler makes a constant, too. */
static bool power_of_two(const Bound *bound, const Node *n, int *ret_bits) {
    int64_t base, bits;
    bool is_operator = n->kind == NODE_BinOp && (n->BinOp.op == OP_Pow || n->BinOp.op == OP_LShift);
    if (is_operator) {
        if (!bound_int(bound, n->BinOp.left, &base) || !bound_int(bound, n->BinOp.right, &bits) || bits < 0 ||
            bits > 63)
            return false;
        *ret_bits = (int)bits;
        return base == (n->BinOp.op == OP_Pow ? 2 : 1) && n->BinOp.left->kind == NODE_Constant &&
               n->BinOp.right->kind == NODE_Constant;
    }
    if (!bound_int(bound, n, &base) || base <= 0 || base & (base - 1))
        return false;
    *ret_bits = __builtin_ctzll((uint64_t)base);
    return true;
}

bool bound_mask(const Bound *bound, const Node *n, int64_t *ret_mask) {
    int bits;
    if (n->BinOp.op == OP_BitAnd)
        return bound_int(bound, n->BinOp.right, ret_mask) && *ret_mask >= 0;
    if (n->BinOp.op != OP_Mod || !power_of_two(bound, n->BinOp.right, &bits))
        return false;
    *ret_mask = (int64_t)(((uint64_t)1 << bits) - 1);
    return true;
}
