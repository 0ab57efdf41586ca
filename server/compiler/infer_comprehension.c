/* Infer, comprehensions: one is the loops that it stands for (Bound.loops), which give their elements to a new list, set or dict. What is
 * in its scope has no parts that are left to the interpreter: where it is not compiled, the comprehension as a whole is the interpreter's. */
#include "server/compiler/infer.h"

const Node *infer_yield(const Node *n) {
    while (n->kind != NODE_Yield)
        n = n->kind == NODE_For ? n->For.body.at[0] : n->kind == NODE_If ? n->If.body.at[0] : n->Expr.value;
    return n;
}

static const Type *infer_item(Infer *in, const Node *n) {
    const Type *t = infer_expr(in, n);
    if (type_is_sized(t))
        fail(in->c, n->span, "a list of %s is not compiled", type_words(in, t));
    return t;
}

/* A pair of types: of a key, and of its value. */
static const Type *infer_pair(Infer *in, const Node *n, Nodes pair) {
    Type *t = pool_new(in->pool, Type);
    *t = (Type){.kind = TYPE_TUPLE, .nitems = 2, .items = pool_array(in->pool, const Type *, 2)};
    in->info[n->Yield.value->id].live = true;
    t->items[0] = infer_key(in, pair.at[0], in->bound->inside[n->id]);
    t->items[1] = infer_item(in, pair.at[1]);
    infer_mark(in, n);
    return t;
}

const Type *infer_element(Infer *in, const Node *n) {
    if (in->bound->inside[n->id]->kind == NODE_Call)
        return infer_taken(in, n);
    const Node *value = n->Yield.value, *of = in->bound->inside[n->id];
    if (of->kind == NODE_DictComp)
        return infer_pair(in, n, value->Tuple.elts);
    const Type *t = of->kind == NODE_SetComp ? infer_key(in, value, of) : infer_item(in, value);
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

static const Type *seen(const Type *item) {
    return item && type_is_seen(item) ? item : &type_py;
}

const Type *infer_comprehension(Infer *in, const Node *n) {
    const Node *loop = in->bound->loops[n->id];
    if (!loop)
        fail(in->c, n->span, "%s is not compiled yet", infer_syntax_words(n->kind));
    if (n->kind != NODE_ListComp && !effect_can_resume(in))
        fail(in->c, n->span, "%s is compiled only where Python can go on", infer_syntax_words(n->kind));
    in->inst->python = in->inst->manages = true;
    in->info[loop->id].live = true;
    infer_mark(in, n);
    infer_one_stmt(in, loop);
    infer_forget(in, *node_generators(n));
    const Type *item = in->info[infer_yield(loop)->id].type;
    if (n->kind == NODE_DictComp)
        return type_dict_of(in->pool, seen(item ? item->items[0] : NULL), seen(item ? item->items[1] : NULL));
    return (n->kind == NODE_SetComp ? type_set_of : type_list_of)(in->pool, seen(item));
}
