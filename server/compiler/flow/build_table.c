/* Build, tables: operations on dicts and sets that compiled code does by calling a function of the client's (client/python/ext/tables.c). It says
 * where it cannot: there the operation is done in the usual way (build_region.c), with the operands that are evaluated. */
#include "server/compiler/flow/build.h"

#define USUAL 2 /* client/python/ext/tables.c */

static const char *helper(const NodeInfo *info, const FlowOp *key) {
    static const char *const names[][2] = {
        [TABLE_HAS] = {"rt_py_has", "rt_py_has_int"},   [TABLE_ITEM] = {"rt_py_item", "rt_py_item_int"},
        [TABLE_GET] = {"rt_py_find", "rt_py_find_int"}, [TABLE_PUT] = {"rt_py_put", "rt_py_put_int"},
        [TABLE_ADD] = {"rt_py_add", "rt_py_add_int"},   [TABLE_DISCARD] = {"rt_py_discard", "rt_py_discard_int"}};
    return names[info->table][key->type->kind == TYPE_INT];
}

static void unless_usual(Build *b, FlowOp *is_usual, FlowBlock *usual) {
    FlowBlock *done = build_block(b, "done");
    build_branch(b, is_usual, usual, done, true);
    build_start(b, done);
}

static FlowOp *is_negative(Build *b, FlowOp *v) {
    return build_compare_ops(b, FLOW_LT, v, build_int(b, 0));
}

static FlowOp *has(Build *b, const Node *n, FlowOp *const *given, FlowBlock *usual) {
    bool is_in = n->Compare.ops.at[0] == OP_In;
    FlowOp *found = build_runtime(b, helper(&b->info[n->id], given[0]), FLOW_PURE, &type_int, OPS(given[1], given[0]));
    unless_usual(b, build_compare_ops(b, FLOW_EQ, found, build_int(b, USUAL)), usual);
    return build_compare_ops(b, FLOW_EQ, found, build_int(b, is_in));
}

static FlowOp *equal(Build *b, const Node *n, FlowOp *const *given, FlowBlock *usual) {
    bool is_equal = n->Compare.ops.at[0] == OP_Eq;
    FlowOp *found = build_runtime(b, "rt_py_equal", FLOW_PURE, &type_int, OPS(given[0], given[1]));
    unless_usual(b, build_compare_ops(b, FLOW_EQ, found, build_int(b, USUAL)), usual);
    return build_compare_ops(b, FLOW_EQ, found, build_int(b, is_equal));
}

static FlowFail *named(Build *b, const Node *n, Str name) {
    FlowFail *reason = pool_new(b->pool, FlowFail);
    *reason = (FlowFail){.node = n, .site = {.kind = SITE_OBJECT, .text = name}};
    return reason;
}

static FlowOp *by_name(Build *b, const Node *n, FlowKind kind, FlowOp *const *args, size_t nargs, FlowBlock *usual) {
    Str name = bound_mangle(b->pool, b->bound, n->kind == NODE_Name ? n->Name.id : n->Attribute.attr);
    FlowOp *object = build_op(b, kind, &type_py, args, nargs);
    object->name = "rt_py_attribute_of";
    object->reason = named(b, n, name);
    unless_usual(b, build_runtime(b, "rt_py_is_end", FLOW_PURE, &type_bool, OPS(object)), usual);
    return object;
}

/* What it is called on, and the arguments, as objects. */
static FlowOp *method(Build *b, const Node *n, FlowOp *const *given, FlowBlock *usual) {
    FlowOp **objects = pool_array(b->pool, FlowOp *, n->Call.args.len + 1);
    size_t at = 1;
    objects[0] = given[0];
    for (size_t i = 0; i < n->Call.args.len; i++) {
        const Type *t = b->info[n->Call.args.at[i]->id].type;
        FlowOp *v = type_slots(t) ? given[at++] : build_none(b);
        objects[i + 1] = build_convert(b, n, v, &type_py);
    }
    FlowOp *result = build_op(b, FLOW_METHOD, &type_py, objects, n->Call.args.len + 1);
    result->reason = named(b, n, n->Call.func->Attribute.attr);
    unless_usual(b, build_runtime(b, "rt_py_is_end", FLOW_PURE, &type_bool, OPS(result)), usual);
    return result;
}

static FlowOp *new_object_of(Build *b, const char *name, FlowOp *const *args, size_t nargs, FlowBlock *usual) {
    FlowOp *object = build_op(b, FLOW_GET, &type_py, args, nargs);
    object->name = name;
    unless_usual(b, build_runtime(b, "rt_py_is_end", FLOW_PURE, &type_bool, OPS(object)), usual);
    return object;
}

static FlowOp *slice(Build *b, const Node *n, FlowOp *const *given, FlowBlock *usual) {
    const NodeSlice *slice = &n->Subscript.slice->Slice;
    FlowOp *lower = slice->lower ? given[1] : build_int(b, 0);
    FlowOp *upper = slice->upper ? given[slice->lower ? 2 : 1] : build_int(b, INT64_MAX);
    return new_object_of(b, "rt_py_text_slice", OPS(given[0], lower, upper), usual);
}

/* In the order of runtime/py.c, as if the object were on the left. */
static int64_t order_of(Operator op, bool is_left) {
    switch (op) {
    case OP_Eq:
        return 0;
    case OP_NotEq:
        return 1;
    case OP_Lt:
        return is_left ? 2 : 4;
    case OP_LtE:
        return is_left ? 3 : 5;
    case OP_Gt:
        return is_left ? 4 : 2;
    default:
        return is_left ? 5 : 3;
    }
}

static FlowOp *compare(Build *b, const Node *n, FlowOp *const *given, FlowBlock *usual) {
    static const char *const names[][2] = {{"rt_py_compare_int_11", "rt_py_compare_int_12"},
                                           {"rt_py_compare_float_11", "rt_py_compare_float_12"}};
    bool is_left = given[0]->type->kind == TYPE_PY;
    FlowOp *object = given[!is_left], *number = given[is_left];
    const char *name = names[number->type->kind == TYPE_FLOAT][b->lang->unit->python_minor >= 12];
    FlowOp *order = build_int(b, order_of(n->Compare.ops.at[0], is_left));
    FlowOp *found = build_runtime(b, name, FLOW_PURE, &type_int, OPS(object, number, order));
    unless_usual(b, build_compare_ops(b, FLOW_EQ, found, build_int(b, USUAL)), usual);
    return build_compare_ops(b, FLOW_EQ, found, build_int(b, 1));
}

/* Of two objects + is also that of text. */
static FlowOp *arithmetic(Build *b, const Node *n, FlowOp *const *given, FlowBlock *usual) {
    bool has_number = given[0]->type->kind != TYPE_PY || given[1]->type->kind != TYPE_PY;
    bool is_add = n->BinOp.op == OP_Add;
    FlowOp *x = build_convert(b, n, given[0], &type_py), *y = build_convert(b, n, given[1], &type_py);
    FlowOp *operation = build_int(b, is_add ? '+' : n->BinOp.op == OP_Sub ? '-' : '*');
    if (has_number || !is_add)
        return new_object_of(b, "rt_py_arithmetic", OPS(x, y, operation), usual);
    return new_object_of(b, "rt_py_plus", OPS(x, y), usual);
}

static FlowOp *size(Build *b, FlowOp *table, FlowBlock *usual) {
    FlowOp *n = build_runtime(b, "rt_py_size", FLOW_PURE, &type_int, OPS(table));
    unless_usual(b, is_negative(b, n), usual);
    return n;
}

static FlowOp *find(Build *b, const Node *n, FlowOp *const *given, FlowBlock *usual) {
    FlowOp *object = build_op(b, FLOW_FIND, &type_py, OPS(given[0], given[1]));
    object->name = helper(&b->info[n->id], given[1]);
    unless_usual(b, build_runtime(b, "rt_py_is_end", FLOW_PURE, &type_bool, OPS(object)), usual);
    return object;
}

/* A dict without such an int raises here; what else does not find it does as usual. */
static FlowOp *find_or_raise(Build *b, const Node *n, FlowOp *const *given, FlowBlock *usual) {
    if (given[1]->type->kind != TYPE_INT)
        return find(b, n, given, usual);
    FlowBlock *none = build_block(b, "none"), *missing = build_block(b, "missing"), *found;
    FlowOp *object = find(b, n, given, none);
    found = b->at;
    build_start(b, none);
    FlowOp *lacks = build_runtime(b, "rt_py_lacks_int", FLOW_PURE, &type_bool, OPS(given[0], given[1]));
    build_branch(b, lacks, missing, usual, false);
    build_start(b, missing);
    build_fail(b, build_raising_value(b, n, STR("KeyError"), given[1]));
    build_start(b, found);
    return object;
}

static FlowOp *attempt(Build *b, const Node *n, FlowOp *const *given, size_t ngiven) {
    FlowOp *status = build_op(b, FLOW_ATTEMPT, &type_int, given, ngiven);
    status->name = helper(&b->info[n->id], given[1]);
    return status;
}

static void give(Build *b, const Node *n, FlowVar *result, FlowOp *v) {
    if (!result)
        return;
    bool is_it = v->type->kind != TYPE_PY && type_eq(v->type, result->type);
    build_store(b, result, is_it ? v : build_object_value(b, n, build_convert(b, n, v, &type_py), result->type));
}

/* What d.get() gives of a key that is not there. */
static void get(Build *b, const Node *n, FlowOp *const *given, FlowVar *result, FlowBlock *usual, FlowBlock *meet) {
    bool has_default = n->Call.args.len > 1 && b->info[n->Call.args.at[1]->id].type->kind != TYPE_NONE;
    FlowBlock *missing = build_block(b, "missing"), *found = build_block(b, "found");
    FlowOp *object = find(b, n, given, usual);
    build_branch(b, build_runtime(b, "rt_py_is_missing", FLOW_PURE, &type_bool, OPS(object)), missing, found, false);
    build_start(b, missing);
    give(b, n, result, has_default ? given[2] : build_none(b));
    build_go(b, meet);
    build_start(b, found);
    give(b, n, result, object);
}

void build_table(Build *b, const Node *n, FlowOp *const *given, FlowVar *result, FlowBlock *usual, FlowBlock *meet) {
    switch ((TableOperation)b->info[n->id].table) {
    case TABLE_HAS:
        give(b, n, result, has(b, n, given, usual));
        break;
    case TABLE_SIZE:
        give(b, n, result, size(b, given[0], usual));
        break;
    case TABLE_ITEM:
        give(b, n, result, find_or_raise(b, n, given, usual));
        break;
    case TABLE_GET:
        get(b, n, given, result, usual, meet);
        break;
    case TABLE_ADD:
    case TABLE_DISCARD:
        unless_usual(b, build_compare_ops(b, FLOW_NE, attempt(b, n, given, 2), build_int(b, 0)), usual);
        give(b, n, result, build_none(b));
        break;
    case TABLE_EQUAL:
        give(b, n, result, equal(b, n, given, usual));
        break;
    case TABLE_METHOD:
        give(b, n, result, method(b, n, given, usual));
        break;
    case TABLE_SLICE:
        give(b, n, result, slice(b, n, given, usual));
        break;
    case TABLE_COMPARE:
        give(b, n, result, compare(b, n, given, usual));
        break;
    case TABLE_ARITHMETIC:
        give(b, n, result, arithmetic(b, n, given, usual));
        break;
    case TABLE_GLOBAL:
        give(b, n, result, by_name(b, n, FLOW_GLOBAL, NULL, 0, usual));
        break;
    case TABLE_ATTRIBUTE:
        give(b, n, result, by_name(b, n, FLOW_GET_NAMED, given, 1, usual));
        break;
    case TABLE_SET_ATTRIBUTE:
    case TABLE_PUT:
    case TABLE_NONE:
        internal_error("an operation on no table");
    }
    build_go(b, meet);
}

/* What the dict gives up may have had a finaliser that gives a name another value. */
static FlowOp *set_by_name(Build *b, const Node *target, FlowOp *const *given) {
    FlowOp *status = build_op(b, FLOW_SET_NAMED, &type_int, given, 2);
    status->name = given[0]->type->kind == TYPE_REF ? "rt_py_set_attribute" : "rt_py_set_attribute_of";
    status->reason = named(b, target, bound_mangle(b->pool, b->bound, target->Attribute.attr));
    return status;
}

FlowBlock *build_table_put(Build *b, const Node *n, const Node *target, FlowOp *const *given) {
    bool is_attribute = b->info[target->id].table == TABLE_SET_ATTRIBUTE;
    FlowBlock *other = build_block(b, "other"), *broken = build_block(b, "broken"), *usual = build_block(b, "usual"),
              *meet = build_block(b, "meet");
    FlowOp *status = is_attribute ? set_by_name(b, target, given) : attempt(b, target, given, 3);
    build_branch(b, build_compare_ops(b, FLOW_NE, status, build_int(b, 0)), other, meet, true);
    build_start(b, other);
    build_branch(b, build_compare_ops(b, FLOW_EQ, status, build_int(b, USUAL)), usual, broken, false);
    build_start(b, broken);
    if (b->broken) {
        build_store(b, b->broken, build_bool(b, true));
        build_go(b, meet);
    } else {
        build_fail(b, build_broken(b, n, build_resume_behind(b, n, b->info[n->id].locals)));
    }
    build_start(b, usual);
    return meet;
}
