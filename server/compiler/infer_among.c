/* Infer, membership: `x in (a, b)` with the items written there. Of numbers it is their comparisons; of an object and constants it is an
 * operation with one operand, whose container is made once of the source, as CPython's compiler does. */
#include "server/compiler/infer.h"

static bool is_constant(const Node *item) {
    bool is_negative = item->kind == NODE_UnaryOp && item->UnaryOp.op == OP_USub &&
                       item->UnaryOp.operand->kind == NODE_Constant &&
                       item->UnaryOp.operand->Constant.value.kind <= CONST_COMPLEX &&
                       item->UnaryOp.operand->Constant.value.kind >= CONST_INT;
    return item->kind == NODE_Constant || is_negative;
}

/* Of numbers identity is no matter, but for a nan: of two floats the item must be one that is none. */
static bool is_compared(const Node *item, const Type *x, const Type *t, bool is_hashed) {
    bool is_number = (type_is_scalar(t) && !type_is_sized(t)) || t->kind == TYPE_NONE;
    bool is_other = type_is_scalar(x) ? !type_is_sized(x) : x->kind == TYPE_REF || x->kind == TYPE_NONE;
    if (x->kind == TYPE_REF && is_hashed)
        return false;
    if (t->kind == TYPE_REF)
        return !is_hashed && (x->kind == TYPE_REF || x->kind == TYPE_NONE);
    bool may_be_nan = t->kind == TYPE_FLOAT && x->kind == TYPE_FLOAT && !is_constant(item);
    return is_number && is_other && !may_be_nan && (type_is_scalar(x) || t->kind == TYPE_NONE);
}

static bool are_constants(Nodes items) {
    for (size_t i = 0; i < items.len; i++)
        if (!is_constant(items.at[i]))
            return false;
    return items.len > 0;
}

static bool among_constants(Infer *in, const Node *n, Nodes items) {
    if (!are_constants(items))
        return false;
    bool is_in = n->Compare.ops.at[0] == OP_In;
    infer_operation(in, n, is_in ? "in(" : "not in(", &type_bool);
    return true;
}

static bool among_values(Infer *in, const Node *n, Nodes items) {
    CompareStep *steps = pool_array(in->pool, CompareStep, items.len + 1);
    const Type *x = infer_operand(in, n->Compare.left);
    const Node *container = n->Compare.comparators.at[0];
    in->info[container->id].live = true;
    for (size_t i = 0; i < items.len; i++) {
        const Type *t = infer_operand(in, items.at[i]);
        if (!is_compared(items.at[i], x, t, container->kind == NODE_Set))
            return false;
        steps[i] = infer_equality(in, n, n->Compare.left, items.at[i], x, t);
    }
    infer_mark(in, n);
    in->info[n->id].steps = steps;
    return true;
}

bool infer_among(Infer *in, const Node *n) {
    Operator op = n->Compare.ops.at[0];
    const Nodes *items = node_elts(n->Compare.comparators.at[0]);
    if (n->Compare.ops.len != 1 || (op != OP_In && op != OP_NotIn) || !items)
        return false;
    const Type *x = infer_expr(in, n->Compare.left);
    return x->kind == TYPE_PY ? among_constants(in, n, *items) : among_values(in, n, *items);
}
