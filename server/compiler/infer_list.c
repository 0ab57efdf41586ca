/* Infer, lists: Python lists, of arguments and of Python fields, that compiled code works on in place. A list's type says what its items
 * most likely are: each is looked at where it is read, and where it is another the interpreter goes on. So there must be a way to go on. */
#include "server/compiler/infer.h"

bool type_is_list(const Type *t) {
    return t->kind == TYPE_PY && t->likely == PY_LIST;
}

const Type *type_list_of(Pool *pool, const Type *item) {
    Type *t = pool_new(pool, Type);
    *t = (Type){.kind = TYPE_PY, .likely = PY_LIST, .nitems = 1, .items = pool_array(pool, const Type *, 1)};
    t->items[0] = type_not_exact(pool, item);
    return t;
}

/* Has a value of the type a native form that an object can be looked at for? */
static bool is_seen(const Type *t, bool in_tuple) {
    if (t->kind == TYPE_PY || type_is_maybe(t))
        return !in_tuple && t->kind == TYPE_PY;
    for (size_t i = 0; t->kind == TYPE_TUPLE && i < t->nitems; i++)
        if (!is_seen(t->items[i], true))
            return false;
    return !type_is_sized(t);
}

bool type_is_seen(const Type *item) {
    return item->kind != TYPE_NONE && is_seen(item, false);
}

const Type *infer_list_turns(Infer *in, const Node *n, const Type *list) {
    const Type *item = list->items[0];
    if (!is_seen(item, false))
        fail(in->c, n->span, "a list of %s is not compiled", type_words(in, item));
    if (!effect_can_resume(in))
        fail(in->c, n->span, "a list is compiled only where Python can go on");
    in->lists = in->inst->python = in->inst->manages = true;
    return item;
}

/* The list's items, in the operation at n, whose operands are evaluated. */
static const Type *items_of(Infer *in, const Node *n, const Type *list) {
    infer_mark(in, n);
    in->info[n->id].region = REGION_NONE;
    return infer_list_turns(in, n, list);
}

static void check_index(Infer *in, const Node *index) {
    const Type *t = infer_unboxed(in, index, infer_operand(in, index), &type_int);
    if (t->kind != TYPE_INT && t->kind != TYPE_BOOL)
        fail(in->c, index->span, "%s as a list's index is not compiled", type_words(in, t));
}

const Type *infer_list_item(Infer *in, const Node *n, const Type *list) {
    check_index(in, n->Subscript.slice);
    return items_of(in, n, list);
}

const Type *infer_list_len(Infer *in, const Node *n, const Type *list) {
    items_of(in, n, list);
    return &type_int;
}

/* ---- changes ---- */

bool infer_is_steady(const Infer *in, const Node *n) {
    switch (n->kind) {
    case NODE_Constant:
        return true;
    case NODE_Name:
        return in->bound->binding[n->id].kind == BIND_LOCAL;
    case NODE_BinOp:
        return infer_is_steady(in, n->BinOp.left) && infer_is_steady(in, n->BinOp.right);
    case NODE_UnaryOp:
        return n->UnaryOp.op != OP_Not && infer_is_steady(in, n->UnaryOp.operand);
    case NODE_Attribute:
        return infer_is_steady(in, n->Attribute.value) && in->info[n->id].member &&
               in->info[n->id].member->kind != MEMBER_PROPERTY && in->info[n->id].member->kind != MEMBER_OPEN;
    default:
        return false;
    }
}

static bool is_stored(const Infer *in, const Type *item, const Type *value) {
    if (item->kind == TYPE_PY || value->kind == TYPE_PY)
        return true;
    if (item->kind == TYPE_REF)
        return infer_takes_ref(in, type_or_none(in->pool, item, true), value) &&
               (value->kind != TYPE_NONE || item->optional);
    return type_eq(item, value);
}

void infer_list_target(Infer *in, const Node *n, const Node *target) {
    in->info[target->id].live = true;
    const Type *list = infer_expr(in, target->Subscript.value);
    if (!type_is_list(list))
        fail(in->c, target->span, "assignment to an item of %s is not compiled yet", type_words(in, list));
    check_index(in, target->Subscript.slice);
    if (!infer_is_steady(in, target->Subscript.value) || !infer_is_steady(in, target->Subscript.slice))
        fail(in->c, target->span, "assignment to an item is compiled with names and fields in it only");
    in->info[target->id].type = items_of(in, n, list);
}

const Type *infer_list_augmented(Infer *in, const Node *target) {
    const Type *list = infer_expr(in, target->Subscript.value);
    if (!type_is_list(list))
        fail(in->c, target->span, "assignment to an item of %s is not compiled yet", type_words(in, list));
    const Type *item = in->info[target->id].type = infer_list_item(in, target, list);
    if (!type_is_scalar(item))
        fail(in->c, target->span, "augmented assignment of a list's items is compiled for numbers only");
    return item;
}

void infer_list_store(Infer *in, const Node *target, const Type *value) {
    const Type *item = in->info[target->id].type;
    if (!is_stored(in, item, value))
        fail(in->c, target->span, "%s in a list of %s is not compiled", type_words(in, value), type_words(in, item));
    effect_commit(in);
}

const Type *infer_list_method(Infer *in, const Node *n, const Type *list) {
    const Node *f = n->Call.func;
    Nodes args = n->Call.args;
    if (args.len != 1 || n->Call.keywords.len)
        fail(in->c, n->span, "append() takes one argument");
    in->info[f->id].live = true;
    const Type *item = items_of(in, f, list);
    const Type *value = infer_expr(in, args.at[0]);
    if (type_is_maybe(value) && type_eq(value->items[1], item))
        value = infer_not_none(in, args.at[0], value);
    infer_note_appended(in, f->Attribute.value, value);
    if (!is_stored(in, item, value))
        fail(in->c, n->span, "%s in a list of %s is not compiled", type_words(in, value), type_words(in, item));
    infer_call_info(in, n, CALL_APPEND);
    effect_commit(in);
    return &type_none;
}

/* It is looked at first: what is popped is an effect. */
const Type *infer_list_pop(Infer *in, const Node *n, const Type *list) {
    const Node *f = n->Call.func;
    in->info[f->id].live = true;
    const Type *item = items_of(in, f, list);
    if (n->Call.args.len) {
        check_index(in, n->Call.args.at[0]);
        if (!infer_is_simple(in, n->Call.args.at[0]) && !infer_is_steady(in, n->Call.args.at[0]))
            fail(in->c, n->Call.args.at[0]->span, "only names and constants are compiled here");
    }
    infer_call_info(in, n, CALL_POP);
    effect_commit(in);
    infer_mark(in, n);
    return item;
}

#define MOST_IN_DISPLAY 30

/* A new list. Its items are of one type, or objects. */
const Type *infer_display(Infer *in, const Node *n) {
    Nodes elts = n->List.elts;
    const Type *item = NULL;
    if (elts.len > MOST_IN_DISPLAY)
        fail(in->c, n->span, "a list of so many items is not compiled");
    for (size_t i = 0; i < elts.len; i++) {
        const Type *t = infer_expr(in, elts.at[i]);
        item = !item ? t : type_eq(item, t) ? item : &type_py;
    }
    item = item && type_is_seen(item) ? item : &type_py;
    in->inst->python = in->inst->manages = true;
    return type_list_of(in->pool, item);
}

/* ---- lists that begin empty ---- */

static int local_of(const Infer *in, const Node *n) {
    const Binding *b = &in->bound->binding[n->id];
    return n->kind == NODE_Name && b->kind == BIND_LOCAL ? (int)b->local : -1;
}

/* What an empty list is that the local is given: one of what is appended to it later. */
const Type *infer_list_begins(Infer *in, const Node *target, const Node *value, const Type *type) {
    Instance *inst = in->inst;
    int local = local_of(in, target);
    if (local < 0 || value->kind != NODE_List || value->List.elts.len)
        return type;
    if (!inst->listed)
        inst->listed = pool_array(in->pool, const Type *, in->bound->nlocals + 1);
    if (!inst->listed[local])
        inst->listed[local] = &type_none; /* nothing so far */
    return inst->listed[local]->kind == TYPE_NONE ? type : type_list_of(in->pool, inst->listed[local]);
}

/* The first value that is appended says what the list is of; another one, that nothing is known. */
void infer_note_appended(Infer *in, const Node *list, const Type *value) {
    const Type **listed = in->inst->listed;
    int local = local_of(in, list);
    if (!listed || local < 0 || !listed[local] || listed[local]->kind == TYPE_PY || type_eq(listed[local], value))
        return;
    bool is_first = listed[local]->kind == TYPE_NONE && value->kind != TYPE_NONE && is_seen(value, false);
    listed[local] = is_first && value->kind != TYPE_PY ? value : &type_py;
    longjmp(*in->again, 1);
}

/* ---- annotations of locals ---- */

static const Type *annotated_item(Infer *in, const Node *item) {
    const Type *t = infer_named_type(item), *inner = infer_annotated_object(in, item);
    const Binding *b = &in->bound->binding[item->id];
    if (!t && item->kind == NODE_Name && b->kind == BIND_GLOBAL && b->global->kind == GLOBAL_DEF &&
        in->lang->unit->defs[b->global->def].is_class)
        t = type_ref(in->pool, b->global->def, false);
    return t ? t : inner ? inner : &type_py;
}

static bool is_named(const Node *annotation, const char *name, const char *old_name) {
    const Node *value = annotation->Subscript.value;
    return value->kind == NODE_Name && (str_eq_c(value->Name.id, name) || str_eq_c(value->Name.id, old_name));
}

/* What a local's annotation says that has no native type. NULL: nothing. */
const Type *infer_annotated_object(Infer *in, const Node *annotation) {
    if (!annotation || annotation->kind != NODE_Subscript)
        return NULL;
    const Node *item = annotation->Subscript.slice;
    if (is_named(annotation, "list", "List"))
        return type_list_of(in->pool, annotated_item(in, item));
    if (is_named(annotation, "set", "Set"))
        return type_set_of(in->pool, annotated_item(in, item));
    bool is_dict = is_named(annotation, "dict", "Dict") && item->kind == NODE_Tuple && item->Tuple.elts.len == 2;
    return is_dict ? type_dict_of(in->pool, annotated_item(in, item->Tuple.elts.at[0]),
                                  annotated_item(in, item->Tuple.elts.at[1]))
                   : NULL;
}
