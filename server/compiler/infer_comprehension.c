/* Infer, comprehensions: a list comprehension is the loops that it stands for (Bound.loops), which give their elements to a new list. What is
 * in its scope has no parts that are left to the interpreter: where it is not compiled, the comprehension as a whole is the interpreter's. */
#include "server/compiler/infer.h"

const Node *infer_yield(const Node *n) {
    while (n->kind != NODE_Yield)
        n = n->kind == NODE_For ? n->For.body.at[0] : n->kind == NODE_If ? n->If.body.at[0] : n->Expr.value;
    return n;
}

const Type *infer_element(Infer *in, const Node *n) {
    if (in->bound->inside[n->id]->kind == NODE_Call)
        return infer_taken(in, n);
    const Type *t = infer_expr(in, n->Yield.value);
    if (type_is_sized(t))
        fail(in->c, n->span, "a list of %s is not compiled", type_words(in, t));
    infer_mark(in, n);
    return t;
}

static void forget_names(Infer *in, const Node *target) {
    const Binding *b = &in->bound->binding[target->id];
    Nodes elts = target->kind == NODE_Tuple  ? target->Tuple.elts
                 : target->kind == NODE_List ? target->List.elts
                                             : (Nodes){0};
    if (target->kind == NODE_Name)
        in->env.locals[b->local] = (LocalState){0};
    for (size_t i = 0; i < elts.len; i++)
        forget_names(in, elts.at[i]);
}

void infer_forget(Infer *in, Nodes generators) {
    for (size_t i = 0; i < generators.len; i++)
        forget_names(in, generators.at[i]->comprehension.target);
}

const Type *infer_comprehension(Infer *in, const Node *n) {
    const Node *loop = in->bound->loops[n->id];
    if (!loop)
        fail(in->c, n->span, "%s is not compiled yet", infer_syntax_words(n->kind));
    in->inst->python = in->inst->manages = true;
    in->info[loop->id].live = true;
    infer_mark(in, n);
    infer_one_stmt(in, loop);
    infer_forget(in, n->ListComp.generators);
    const Type *item = in->info[infer_yield(loop)->id].type;
    return type_list_of(in->pool, item && type_is_seen(item) ? item : &type_py);
}
