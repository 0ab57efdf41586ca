/* Build, sets and dicts that are made: displays, and what comprehensions add. No Python code runs where a key is added: a key that would have to be
 * asked for its hash, or whether it is the same as another, is where the interpreter goes on, behind what is evaluated. */
#include "server/compiler/flow/build.h"

/* An item of a list, or what a loop's target holds, is the object that it is. */
FlowOp *build_kept(Build *b, const Node *n) {
    size_t operands = b->noperands;
    FlowOp *v = build_list_value(b, n);
    if (v && b->noperands == operands)
        build_evaluated(b, n, v);
    return v;
}

static void unless_asked(Build *b, const Node *n, FlowOp *status) {
    Site site = {.kind = SITE_REDO, .text = STR("Python code says what a key's hash is, and what it is equal to")};
    build_guard(b, build_compare_ops(b, FLOW_NE, status, build_int(b, 0)), build_failing(b, n, site));
}

static FlowOp *attempt(Build *b, const char *name, FlowOp *const *args, size_t nargs) {
    FlowOp *status = build_op(b, FLOW_ATTEMPT, &type_int, args, nargs);
    status->name = name;
    return status;
}

void build_set_add(Build *b, const Node *n, FlowOp *set, FlowOp *v) {
    if (v->type->kind == TYPE_INT) /* so are all others, or compared in C code */
        build_change(b, n, "rt_set_put_int", OPS(set, v));
    else
        unless_asked(b, n, attempt(b, "rt_set_put", OPS(set, build_convert(b, n, v, &type_py))));
}

void build_map_put(Build *b, const Node *n, FlowOp *dict, FlowOp *key, FlowOp *v) {
    bool is_int = key->type->kind == TYPE_INT;
    v = build_convert(b, n, v, &type_py);
    key = is_int ? key : build_convert(b, n, key, &type_py);
    unless_asked(b, n, attempt(b, is_int ? "rt_map_put_int" : "rt_map_put", OPS(dict, key, v)));
}

FlowOp *build_set_display(Build *b, const Node *n) {
    Nodes elts = n->Set.elts;
    FlowOp **v = pool_array(b->pool, FlowOp *, elts.len + 1);
    for (size_t i = 0; i < elts.len; i++)
        if (!(v[i] = build_kept(b, elts.at[i])))
            return NULL;
    FlowOp *set = build_new(b, n, "rt_set_new", NULL, 0);
    for (size_t i = 0; i < elts.len; i++)
        build_set_add(b, n, set, v[i]);
    return set;
}

FlowOp *build_dict_display(Build *b, const Node *n) {
    Nodes keys = n->Dict.keys;
    FlowOp **k = pool_array(b->pool, FlowOp *, keys.len + 1), **v = pool_array(b->pool, FlowOp *, keys.len + 1);
    for (size_t i = 0; i < keys.len; i++)
        if (!(k[i] = build_kept(b, keys.at[i])) || !(v[i] = build_kept(b, n->Dict.values.at[i])))
            return NULL;
    FlowOp *dict = build_new(b, n, "rt_dict_new", NULL, 0);
    for (size_t i = 0; i < keys.len; i++)
        build_map_put(b, n, dict, k[i], v[i]);
    return dict;
}
