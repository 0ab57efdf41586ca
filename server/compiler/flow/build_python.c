/* Build, calls of the interpreter's own functions of numbers (import `pymath`). */
#include "server/compiler/flow/build.h"

/* The arguments: numbers, and the text that says what they are (protocol/imports.def). */
typedef struct PythonArgs {
    FlowOp *at[JITD_PYMATH_VALUES];
    size_t n;
    Str types;
} PythonArgs;

FlowOp *build_python(Build *b, const Node *n, const MathFn *f, const Type *result, const char *types,
                     FlowOp *const *args, size_t nargs) {
    FlowOp *call = build_op(b, FLOW_PYTHON, result, args, nargs);
    call->math = f;
    call->name = types;
    call->fail = build_overflowing(b, n, STR("this call"));
    return call;
}

static void add_types(Build *b, PythonArgs *args, const char *more) {
    args->types = pool_printf(b->pool, "%.*s%s", STR_FMT(args->types), more);
}

static bool add_number(Build *b, PythonArgs *args, FlowOp *v) {
    if (!v)
        return false;
    args->at[args->n++] = v;
    add_types(b, args, v->type->kind == TYPE_FLOAT ? "f" : v->type->kind == TYPE_BOOL ? "b" : "i");
    return true;
}

static bool add_list(Build *b, PythonArgs *args, const Node *n) {
    add_types(b, args, "[");
    for (size_t i = 0; i < n->List.elts.len; i++)
        if (!add_number(b, args, build_expr(b, n->List.elts.at[i])))
            return false;
    add_types(b, args, "]");
    return true;
}

static bool add_argument(Build *b, PythonArgs *args, const Node *n) {
    if (n->kind == NODE_List)
        return add_list(b, args, n);
    FlowOp *v = build_expr(b, n);
    if (!v || v->type->kind != TYPE_TUPLE)
        return add_number(b, args, v);
    add_types(b, args, "(");
    for (size_t i = 0; i < v->type->nitems; i++) {
        FlowOp *item = build_op(b, FLOW_ITEM, v->type->items[i], OPS(v));
        item->index = (uint32_t)i;
        add_number(b, args, item);
    }
    add_types(b, args, ")");
    return true;
}

FlowOp *build_python_call(Build *b, const Node *n, const MathFn *f, const Type *result) {
    PythonArgs args = {.types = pool_printf(b->pool, "%s", "")};
    for (size_t i = 0; i < n->Call.args.len; i++)
        if (!add_argument(b, &args, n->Call.args.at[i]))
            return NULL;
    for (size_t i = 0; i < n->Call.keywords.len; i++) {
        const Node *keyword = n->Call.keywords.at[i];
        add_types(b, &args, pool_printf(b->pool, ";%.*s=", STR_FMT(keyword->keyword.arg)).ptr);
        if (!add_argument(b, &args, keyword->keyword.value))
            return NULL;
    }
    return build_python(b, n, f, result, args.types.ptr, args.at, args.n);
}
