/* Build, comprehensions: a new list, set or dict, and the loops that give it its elements (Bound.loops). Where the interpreter goes on within one,
 * it is given that so far, the iterators, and what the targets hold. */
#include "server/compiler/flow/build.h"

/* The names of a comprehension's target. */
static void each_name(Build *b, const Node *target, void (*visit)(Build *b, const Node *name)) {
    Nodes elts = target->kind == NODE_Tuple  ? target->Tuple.elts
                 : target->kind == NODE_List ? target->List.elts
                                             : (Nodes){0};
    if (target->kind == NODE_Name)
        visit(b, target);
    for (size_t i = 0; i < elts.len; i++)
        each_name(b, elts.at[i], visit);
}

static void note_target(Build *b, const Node *name) {
    const Type *type = b->info[name->id].type;
    FlowOp *v = build_local_load(b, name, b->bound->binding[name->id].local, type);
    build_held(b, FLOW_OPERAND_TARGET, name, v);
}

void build_turn_begins(Build *b, const Node *loop) {
    if (loop->kind == NODE_For && b->bound->inside[loop->id])
        each_name(b, loop->For.target, note_target);
}

void build_note_item(Build *b, const Node *loop) {
    if (loop->For.target->kind == NODE_Name && b->bound->inside[loop->id])
        b->locals[b->bound->binding[loop->For.target->id].local].object = b->turned;
}

static void forget(Build *b, const Node *name) {
    const Type *type = b->info[name->id].type;
    b->locals[b->bound->binding[name->id].local].object = NULL;
    if (!type || (type->kind != TYPE_REF && type->kind != TYPE_PY))
        return;
    FlowOp *nothing =
        type->kind == TYPE_PY ? build_add(b, flow_const_int(b->f, &type_py, 0)) : build_reserved(b, JITD_UNSET);
    build_store(b, build_var(b, b->bound->binding[name->id].local, type), nothing);
}

void build_forget(Build *b, Nodes generators) {
    for (size_t i = 0; i < generators.len; i++)
        each_name(b, generators.at[i]->comprehension.target, forget);
}

void build_element(Build *b, const Node *n) {
    if (b->bound->inside[n->id]->kind == NODE_Call) {
        build_taken(b, n);
        return;
    }
    const Node *value = n->Yield.value, *of = b->bound->inside[n->id];
    if (of->kind == NODE_ListComp) {
        FlowOp *v = build_list_value(b, value);
        if (v)
            build_list_add(b, n, b->collected, v);
        return;
    }
    bool is_dict = of->kind == NODE_DictComp;
    FlowOp *key = build_kept(b, is_dict ? value->Tuple.elts.at[0] : value);
    FlowOp *v = key && is_dict ? build_kept(b, value->Tuple.elts.at[1]) : NULL;
    if (key && is_dict && v)
        build_map_put(b, n, b->collected, key, v);
    else if (key && !is_dict)
        build_set_add(b, n, b->collected, key);
}

static FlowOp *collection(Build *b, const Node *n) {
    return n->kind == NODE_ListComp  ? build_list_new(b, n)
           : n->kind == NODE_SetComp ? build_new(b, n, "rt_set_new", NULL, 0)
                                     : build_new(b, n, "rt_dict_new", NULL, 0);
}

FlowOp *build_comprehension(Build *b, const Node *n) {
    size_t operands = b->noperands;
    const Node *stmt = b->stmt;
    FlowOp *outer = b->collected, *list = collection(b, n);
    build_held(b, FLOW_OPERAND_LIST, n, list);
    b->collected = list;
    build_for(b, b->bound->loops[n->id]);
    b->collected = outer;
    b->stmt = stmt;
    b->noperands = operands;
    build_forget(b, *node_generators(n));
    return list;
}
