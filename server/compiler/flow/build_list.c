/* Build, lists: Python lists that are worked on in place, and what is looked at and made of Python objects for them. An item is no more than
 * likely what the list's type says: where it is another, or the list is none, the interpreter goes on. */
#include "server/compiler/flow/build.h"

/* A helper that looks at an object. `fail` is copied: a failure's blocks are one operation's. */
static FlowOp *look(Build *b, const char *name, const Type *type, FlowOp *const *args, size_t nargs,
                    const FlowFail *fail) {
    FlowOp *op = build_op(b, FLOW_READ, type, args, nargs);
    op->name = name;
    op->fail = pool_new(b->pool, FlowFail);
    *op->fail = *fail;
    return op;
}

static FlowFail *not_so(Build *b, const Node *n) {
    return build_failing(b, n, (Site){.kind = SITE_REDO, .text = STR("a list, or an item of it, is of another type")});
}

static FlowFail *raising(Build *b, const Node *n) {
    return build_failing(b, n, (Site){.kind = SITE_CALL});
}

/* ---- objects to values ---- */

static FlowOp *unbox(Build *b, FlowOp *object, const Type *to, const FlowFail *fail);

/* Behind the tuple's hash. */
static size_t first_of_tuple(const Build *b) {
    return b->lang->unit->python_minor >= 14;
}

static FlowOp *unbox_tuple(Build *b, FlowOp *object, const Type *to, const FlowFail *fail) {
    FlowOp **items = pool_array(b->pool, FlowOp *, to->nitems + 1);
    FlowOp *n = build_int(b, (int64_t)to->nitems);
    size_t first = first_of_tuple(b);
    for (size_t i = 0; i < to->nitems; i++)
        items[i] = look(b, "rt_py_tuple_item", &type_py, OPS(object, build_int(b, (int64_t)(first + i)), n), fail);
    for (size_t i = 0; i < to->nitems; i++)
        items[i] = unbox(b, items[i], to->items[i], fail);
    if (!to->nitems)
        look(b, "rt_py_empty_tuple", &type_py, OPS(object), fail);
    return build_op(b, FLOW_TUPLE, to, items, to->nitems);
}

static FlowOp *unbox_ref(Build *b, FlowOp *object, const Type *to, const FlowFail *fail) {
    FlowOp *def = build_add(b, flow_const_int(b->f, type_of_kind(TYPE_UINT32), to->def));
    return look(b, to->optional ? "rt_py_ref_or_none" : "rt_py_ref", to, OPS(object, def), fail);
}

static FlowOp *unbox(Build *b, FlowOp *object, const Type *to, const FlowFail *fail) {
    switch (to->kind) {
    case TYPE_INT:
        return look(b, b->lang->unit->python_minor < 12 ? "rt_py_int_11" : "rt_py_int_12", to, OPS(object), fail);
    case TYPE_FLOAT:
        return look(b, "rt_py_float", to, OPS(object), fail);
    case TYPE_BOOL:
        return look(b, "rt_py_bool", to, OPS(object), fail);
    case TYPE_NONE:
        look(b, "rt_py_none", &type_py, OPS(object), fail);
        return build_none(b);
    case TYPE_REF:
        return unbox_ref(b, object, to, fail);
    case TYPE_TUPLE:
        return unbox_tuple(b, object, to, fail);
    default:
        object->type = to; /* which is py, too */
        return object;
    }
}

/* ---- values to objects ---- */

static FlowOp *make(Build *b, const Node *n, const char *name, const Type *type, FlowOp *const *args, size_t nargs) {
    FlowOp *op = build_op(b, FLOW_MAKE, type, args, nargs);
    op->name = name;
    op->fail = raising(b, n);
    return op;
}

static void change(Build *b, const Node *n, const char *name, FlowOp *const *args, size_t nargs) {
    FlowOp *op = build_op(b, FLOW_CHANGE, NULL, args, nargs);
    op->name = name;
    op->fail = raising(b, n);
}

/* The items are objects before there is a tuple. */
FlowOp *build_object_tuple(Build *b, const Node *n, FlowOp **items, size_t len) {
    for (size_t i = 0; i < len; i++)
        items[i] = build_convert(b, n, items[i], &type_py);
    FlowOp *tuple = make(b, n, "rt_tuple_new", &type_py, OPS(build_int(b, (int64_t)len)));
    for (size_t i = 0; i < len; i++)
        change(b, n, "rt_tuple_put", OPS(tuple, build_int(b, (int64_t)i), items[i]));
    return tuple;
}

static FlowOp *box_tuple(Build *b, const Node *n, FlowOp *v) {
    FlowOp **items = pool_array(b->pool, FlowOp *, v->type->nitems + 1);
    for (size_t i = 0; i < v->type->nitems; i++) {
        items[i] = build_op(b, FLOW_ITEM, v->type->items[i], OPS(v));
        items[i]->index = (uint32_t)i;
    }
    return build_object_tuple(b, n, items, v->type->nitems);
}

static FlowOp *box_maybe(Build *b, const Node *n, FlowOp *v) {
    FlowBlock *value = build_block(b, "value"), *none = build_block(b, "none"), *meet = build_block(b, "meet");
    FlowVar *var = build_temp(b, &type_py, "object");
    build_branch(b, build_part(b, v, 0), value, none, false);
    build_start(b, value);
    build_store(b, var, build_box(b, n, build_part(b, v, 1)));
    build_go(b, meet);
    build_start(b, none);
    build_store(b, var, build_box(b, n, build_none(b)));
    build_go(b, meet);
    build_start(b, meet);
    return build_load(b, var);
}

FlowOp *build_box(Build *b, const Node *n, FlowOp *v) {
    if (type_is_maybe(v->type))
        return box_maybe(b, n, v);
    if (v->type->kind == TYPE_TUPLE)
        return box_tuple(b, n, v);
    const char *name = v->type->kind == TYPE_FLOAT  ? "rt_box_float"
                       : v->type->kind == TYPE_INT  ? "rt_box_int"
                       : v->type->kind == TYPE_BOOL ? "rt_box_bool"
                       : v->type->kind == TYPE_NONE ? "rt_box_none"
                       : v->type->kind == TYPE_REF  ? "rt_box_ref"
                                                    : NULL;
    if (!name)
        return build_region_box(b, n, v);
    FlowOp *op = build_op(b, FLOW_MAKE, &type_py, &v, type_slots(v->type));
    op->name = name;
    op->fail = raising(b, n);
    return op;
}

/* ---- Python fields ---- */

FlowOp *build_python_field(Build *b, const Node *n, FlowOp *object, const Type *type) {
    FlowOp *op = build_op(b, FLOW_ATTRIBUTE, type, OPS(object));
    Str name = bound_mangle(b->pool, b->bound, n->Attribute.attr);
    op->fail = build_failing(b, n, (Site){.kind = SITE_OBJECT, .text = name});
    return op;
}

/* ---- reading ---- */

FlowOp *build_object_float(Build *b, const Node *n, FlowOp *object) {
    FlowFail *fail = build_failing(b, n, (Site){.kind = SITE_REDO, .text = STR("this object is no int or float")});
    fail->resume = build_resume(b, n);
    return look(b, b->lang->unit->python_minor < 12 ? "rt_py_number_11" : "rt_py_number_12", &type_float, OPS(object),
                fail);
}

FlowOp *build_object_truth(Build *b, const Node *n, FlowOp *object) {
    if (type_is_list(object->type))
        return build_compare_ops(b, FLOW_NE, build_list_len(b, n, object), build_int(b, 0));
    FlowFail *fail = build_failing(b, n, (Site){.kind = SITE_REDO, .text = STR("Python code says whether it is true")});
    fail->resume = build_resume(b, n);
    return look(b, "rt_py_truth", &type_bool, OPS(object), fail);
}

/* Of a tuple or list of so many. */
FlowOp **build_object_items(Build *b, const Node *n, FlowOp *object, size_t len, FlowResume *resume) {
    FlowOp **items = pool_array(b->pool, FlowOp *, len + 1);
    const Type *item = type_is_list(object->type) ? object->type->items[0] : &type_py;
    FlowFail *fail =
        build_failing(b, n, (Site){.kind = SITE_REDO, .text = STR("what is unpacked has another length or type")});
    fail->resume = resume ? resume : fail->resume;
    for (size_t i = 0; i < len; i++) {
        FlowOp *in_list = build_int(b, (int64_t)i), *in_tuple = build_int(b, (int64_t)(first_of_tuple(b) + i));
        FlowOp *v =
            look(b, "rt_py_unpacked", &type_py, OPS(object, in_list, in_tuple, build_int(b, (int64_t)len)), fail);
        items[i] = unbox(b, v, type_is_seen(item) ? item : &type_py, fail);
    }
    return items;
}

FlowOp *build_object_value(Build *b, const Node *n, FlowOp *object, const Type *type) {
    size_t operands = b->noperands;
    build_evaluated(b, n, object);
    FlowFail *fail = build_failing(b, n, (Site){.kind = SITE_REDO, .text = STR("the value is of another type")});
    FlowOp *v = unbox(b, object, type, fail);
    b->noperands = operands;
    return v;
}

/* The list's item; `index` is inside of the list. */
static FlowOp *item_at(Build *b, FlowOp *list, FlowOp *index, const FlowFail *fail) {
    FlowOp *object = look(b, "rt_list_item", &type_py, OPS(list, index), fail);
    b->turned = object;
    return unbox(b, object, list->type->items[0], fail);
}

static FlowOp *index_in(Build *b, const Node *n, FlowOp *list, FlowOp *index, const FlowFail *fail) {
    return look(b, "rt_list_index", &type_int, OPS(list, build_convert(b, n, index, &type_int)), fail);
}

/* The same where the item is read: an index that is outside raises. */
static FlowOp *index_read(Build *b, const Node *n, FlowOp *list, FlowOp *index, const FlowFail *fail) {
    FlowOp *op = index_in(b, n, list, index, fail);
    op->fail->outside = build_raising(b, n, STR("IndexError"), STR("list index out of range"));
    return op;
}

FlowOp *build_list_len(Build *b, const Node *n, FlowOp *list) {
    return look(b, "rt_list_len", &type_int, OPS(list), not_so(b, n));
}

FlowOp *build_list_subscript(Build *b, const Node *n, FlowOp *list) {
    FlowOp *index = build_expr(b, n->Subscript.slice);
    if (!index)
        return NULL;
    FlowFail *fail = not_so(b, n);
    return item_at(b, list, index_read(b, n, list, index, fail), fail);
}

/* A value that goes to a list: an item of one does so as the object that it is. */
FlowOp *build_list_value(Build *b, const Node *n) {
    const Binding *name = &b->bound->binding[n->id];
    if (n->kind == NODE_Name && name->kind == BIND_LOCAL && b->locals[name->local].object)
        return b->locals[name->local].object;
    bool is_item = n->kind == NODE_Subscript && b->info[n->id].type && b->info[n->id].region == REGION_NONE &&
                   b->info[n->Subscript.value->id].type->kind == TYPE_PY &&
                   b->info[n->Subscript.slice->id].type->kind == TYPE_INT;
    size_t operands = b->noperands;
    FlowOp *list = is_item ? build_expr(b, n->Subscript.value) : NULL;
    FlowOp *index = list ? build_expr(b, n->Subscript.slice) : NULL;
    if (!index)
        return is_item ? NULL : build_expr(b, n);
    FlowFail *fail = not_so(b, n);
    FlowOp *item = look(b, "rt_list_item", &type_py, OPS(list, index_read(b, n, list, index, fail)), fail);
    b->noperands = operands;
    build_evaluated(b, n, item);
    return item;
}

/* ---- changing ---- */

static void set_item(Build *b, const Node *n, FlowOp *list, FlowOp *index, FlowOp *v) {
    if (v->type->kind == TYPE_FLOAT)
        change(b, n, "rt_list_set_float", OPS(list, index, v));
    else
        change(b, n, "rt_list_set", OPS(list, index, build_convert(b, n, v, &type_py)));
}

/* All are looked at before the first is set: the interpreter would go on in front of that. A negative index is counted from the end again
 * where it is set: objects are made of values meanwhile, which may run finalisers. */
void build_list_assign(Build *b, const Node *n, const Node *const *targets, FlowOp *const *values, size_t len) {
    FlowOp **lists = pool_array(b->pool, FlowOp *, len + 1), **indexes = pool_array(b->pool, FlowOp *, len + 1);
    b->assigned = n;
    b->nassigned = b->noperands;
    FlowFail *fail = not_so(b, n);
    for (size_t i = 0; i < len; i++) {
        lists[i] = build_expr(b, targets[i]->Subscript.value);
        indexes[i] = build_convert(b, n, build_expr(b, targets[i]->Subscript.slice), &type_int);
        index_in(b, n, lists[i], indexes[i], fail);
    }
    b->noperands = b->nassigned;
    b->assigned = NULL;
    for (size_t i = 0; i < len; i++)
        set_item(b, targets[i], lists[i], indexes[i], values[i]);
}

/* What is added may change the list's size: a negative index means another place then. */
void build_list_augassign(Build *b, const Node *n) {
    const Node *target = n->AugAssign.target;
    if (b->info[target->id].region == REGION_OPERATION) {
        build_object_augassign(b, n);
        return;
    }
    FlowOp *list = build_expr(b, target->Subscript.value), *index = build_expr(b, target->Subscript.slice);
    FlowFail *fail = not_so(b, target);
    index = build_convert(b, target, index, &type_int);
    FlowOp *old = item_at(b, list, index_read(b, target, list, index, fail), fail);
    build_loaded(b, n, old);
    FlowOp *v = build_operator(b, n, n->AugAssign.op, old, n->AugAssign.value);
    if (v)
        set_item(b, target, list, index, v);
}

FlowOp *build_list_append(Build *b, const Node *n) {
    const Node *f = n->Call.func;
    FlowOp *list = build_expr(b, f->Attribute.value);
    look(b, "rt_list_len", &type_int, OPS(list), not_so(b, f));
    FlowOp *v = build_expr(b, n->Call.args.at[0]);
    if (!v)
        return NULL;
    change(b, n, "rt_list_append", OPS(list, build_convert(b, n, v, &type_py)));
    return build_none(b);
}

FlowOp *build_list_pop(Build *b, const Node *n) {
    const Node *f = n->Call.func;
    size_t operands = b->noperands;
    FlowOp *list = build_expr(b, f->Attribute.value);
    size_t with_list = b->noperands;
    FlowFail *fail = not_so(b, f);
    look(b, "rt_list_len", &type_int, OPS(list), fail);
    FlowOp *index = n->Call.args.len ? build_expr(b, n->Call.args.at[0]) : build_int(b, -1);
    b->noperands = with_list;
    index = index_in(b, n, list, index, fail);
    FlowOp *object = make(b, n, "rt_list_pop", &type_py, OPS(list, index));
    b->noperands = operands;
    return build_object_value(b, n, object, b->info[n->id].type);
}

/* The items are evaluated before there is a list. */
FlowOp *build_display(Build *b, const Node *n) {
    Nodes elts = n->List.elts;
    FlowOp **v = pool_array(b->pool, FlowOp *, elts.len + 1);
    for (size_t i = 0; i < elts.len; i++)
        if (!(v[i] = build_expr(b, elts.at[i])))
            return NULL;
    for (size_t i = 0; i < elts.len; i++)
        v[i] = build_convert(b, n, v[i], &type_py);
    FlowOp *list = make(b, n, "rt_list_new", b->info[n->id].type, OPS(build_int(b, (int64_t)elts.len)));
    for (size_t i = 0; i < elts.len; i++)
        change(b, n, "rt_list_append", OPS(list, v[i]));
    return list;
}

void build_change(Build *b, const Node *n, const char *name, FlowOp *const *args, size_t nargs) {
    change(b, n, name, args, nargs);
}

FlowOp *build_new(Build *b, const Node *n, const char *name, FlowOp *const *args, size_t nargs) {
    return make(b, n, name, b->info[n->id].type, args, nargs);
}

FlowOp *build_list_new(Build *b, const Node *n) {
    return make(b, n, "rt_list_new", b->info[n->id].type, OPS(build_int(b, 0)));
}

void build_list_add(Build *b, const Node *n, FlowOp *list, FlowOp *v) {
    change(b, n, "rt_list_append", OPS(list, build_convert(b, n, v, &type_py)));
}

/* ---- loops ---- */

FlowOp *build_list_number(Build *b, const Node *n, FlowOp *start, FlowOp *turn) {
    int64_t known;
    if (flow_is_const(start, &known) && known == 0)
        return turn;
    FlowOp *sum = build_op(b, FLOW_CHECKED, &type_int, OPS(start, turn));
    sum->arith = FLOW_ADD;
    sum->fail = not_so(b, n);
    sum->fail->resume = build_resume_loop(b, n);
    return sum;
}

FlowOp *build_object_iterator(Build *b, const Node *n, FlowOp *object) {
    FlowFail *fail =
        build_failing(b, n,
                      (Site){.kind = SITE_REDO,
                             .text = STR("a loop over another object than a list, tuple, dict, set, str or range")});
    fail->resume = build_resume(b, n);
    look(b, "rt_py_iterable", &type_py, OPS(object), fail);
    return make(b, n, "rt_py_iter", &type_py, OPS(object));
}

FlowOp *build_object_next(Build *b, const Node *n, FlowOp *iterator) {
    return make(b, n, "rt_py_next", &type_py, OPS(iterator));
}

FlowOp *build_object_turn(Build *b, const Node *n, FlowOp *item) {
    FlowFail *fail = not_so(b, n);
    fail->resume = build_resume_loop(b, n);
    b->turned = item;
    return unbox(b, item, b->info[n->id].type, fail);
}

FlowOp *build_list_turn(Build *b, const Node *n, FlowOp *list, FlowOp *index) {
    FlowFail *fail = not_so(b, n);
    fail->resume = build_resume_loop(b, n);
    return item_at(b, list, index, fail);
}
