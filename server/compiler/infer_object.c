/* Infer, objects: operations on Python objects that are no lists. Compiled code evaluates their operands, the interpreter's own functions do
 * them. What their value is nobody knows, but often it is likely: where it is another, the interpreter goes on. */
#include "server/compiler/infer.h"

#define LONGEST_TEXT 4096

/* The operation's name in the site table (client/python/ext/operation.c). */
static const char *with_name(Infer *in, char what, Str written) {
    return pool_printf(in->pool, "%c%.*s", what, STR_FMT(bound_mangle(in->pool, in->bound, written))).ptr;
}

/* Evaluated it can neither fail nor have an effect: when, in the middle of an operation, is no matter. */
bool infer_is_simple(const Infer *in, const Node *n) {
    const NodeInfo *info = &in->info[n->id];
    if (n->kind == NODE_Tuple) {
        for (size_t i = 0; i < n->Tuple.elts.len; i++)
            if (!infer_is_simple(in, n->Tuple.elts.at[i]))
                return false;
        return true;
    }
    if (n->kind == NODE_Attribute) /* a number of an instance that is there */
        return info->member && info->member->kind == MEMBER_FIELD && type_is_scalar(info->type) &&
               n->Attribute.value->kind == NODE_Name && infer_is_simple(in, n->Attribute.value) &&
               !(info->flags & NODE_CHECK_NONE);
    int64_t value;
    if (n->kind == NODE_UnaryOp) /* -1 */
        return infer_const_int(in, n, &value);
    return n->kind == NODE_Constant || (n->kind == NODE_Name && !(info->flags & NODE_MAYBE_UNBOUND));
}

static void simple_operand(Infer *in, const Node *n) {
    infer_expr(in, n);
    if (!infer_is_simple(in, n))
        fail(in->c, n->span, "only names, constants and numbers of self are compiled here");
}

/* What methods of these names give, of whatever object they are. */
static const Type *likely_result(Infer *in, Str name, const Type *object) {
    static const struct {
        const char *name;
        const Type *type;
    } known[] = {
        {"random", &type_float},    {"uniform", &type_float}, {"gauss", &type_float},   {"perf_counter", &type_float},
        {"monotonic", &type_float}, {"randint", &type_int},   {"randrange", &type_int}, {"getrandbits", &type_int},
        {"count", &type_int},       {"index", &type_int},     {"find", &type_int},      {"rfind", &type_int},
        {"startswith", &type_bool}, {"endswith", &type_bool}, {"isdigit", &type_bool},  {"isalpha", &type_bool},
        {"isspace", &type_bool},    {"isupper", &type_bool},  {"islower", &type_bool},  {"isalnum", &type_bool},
        {"append", &type_none},     {"extend", &type_none},   {"insert", &type_none},   {"remove", &type_none},
        {"clear", &type_none},      {"reverse", &type_none},  {"sort", &type_none}};
    if (type_is_list(object) && str_eq_c(name, "copy"))
        return object;
    if (object->likely == PY_SET && (str_eq_c(name, "add") || str_eq_c(name, "discard")))
        return &type_none;
    if (str_eq_c(name, "split") || str_eq_c(name, "splitlines"))
        return type_list_of(in->pool, &type_py);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq_c(name, known[i].name))
            return known[i].type;
    return &type_py;
}

/* What is called is looked up, then the arguments are evaluated, then it is called. */
const Type *infer_object_call(Infer *in, const Node *n, const Type *likely) {
    if (n->Call.keywords.len)
        fail(in->c, n->span, "keyword arguments of what is not compiled are not compiled");
    const Type *what = infer_expr(in, n->Call.func);
    if (what->kind != TYPE_PY)
        fail(in->c, n->span, "%s is not called", type_words(in, what));
    for (size_t i = 0; i < n->Call.args.len; i++)
        infer_expr(in, n->Call.args.at[i]);
    return infer_operation(in, n, "call", likely);
}

static const Type *simple_method(Infer *in, const Node *n, const Type *object) {
    const Node *f = n->Call.func;
    for (size_t i = 0; i < n->Call.args.len; i++)
        simple_operand(in, n->Call.args.at[i]);
    Str name = bound_mangle(in->pool, in->bound, f->Attribute.attr);
    TableOperation table = infer_table_method(n);
    const Type *likely = table == TABLE_GET ? infer_table_get(in, n, object) : likely_result(in, name, object);
    infer_operation(in, n, with_name(in, '.', f->Attribute.attr), likely);
    if (table)
        infer_table(in, n, table, object, in->info[n->Call.args.at[0]->id].type);
    else
        infer_text_method(in, n, object);
    return likely;
}

typedef struct MethodWork {
    const Type *object, *type;
} MethodWork;

static void work_method(Infer *in, const Node *n, void *arg) {
    MethodWork *w = arg;
    w->type = simple_method(in, n, w->object);
}

/* Where the arguments may have effects, or fail, the method is looked up before them. */
const Type *infer_object_method(Infer *in, const Node *n, const Type *object) {
    const Node *f = n->Call.func;
    MethodWork w = {.object = object};
    if (type_is_list(object) && str_eq_c(f->Attribute.attr, "pop") && n->Call.args.len < 2 && !n->Call.keywords.len)
        return infer_list_pop(in, n, object);
    if (n->Call.keywords.len)
        fail(in->c, n->span, "keyword arguments of an object's method are not compiled");
    if (infer_try(in, n, work_method, &w))
        return w.type;
    Str name = bound_mangle(in->pool, in->bound, f->Attribute.attr);
    return infer_object_call(in, n, likely_result(in, name, object));
}

const Type *infer_object_item(Infer *in, const Node *n, const Type *object) {
    const Type *key = infer_expr(in, n->Subscript.slice);
    const Type *likely = object->likely == PY_DICT ? object->items[1] : &type_py;
    infer_operation(in, n, "[]", likely);
    infer_table(in, n, TABLE_ITEM, object, key);
    return likely;
}

/* ---- calls of built-in functions ---- */

/* They look at the frame that calls them, or at the identity of what they are given. */
static bool is_of_frame(Str name) {
    static const char *const names[] = {"globals", "locals",  "vars",       "dir",        "eval", "exec",
                                        "super",   "compile", "breakpoint", "__import__", "id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_c(name, names[i]))
            return true;
    return false;
}

/* What it gives, whatever it is given. */
static const Type *likely_of(Infer *in, Str name, const Type *first) {
    static const struct {
        const char *name;
        const Type *type;
    } known[] = {{"len", &type_int},         {"int", &type_int},      {"ord", &type_int},
                 {"hash", &type_int},        {"float", &type_float},  {"bool", &type_bool},
                 {"isinstance", &type_bool}, {"hasattr", &type_bool}, {"callable", &type_bool},
                 {"issubclass", &type_bool}, {"any", &type_bool},     {"all", &type_bool},
                 {"print", &type_none}};
    bool is_item = str_eq_c(name, "sum") || str_eq_c(name, "min") || str_eq_c(name, "max");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq_c(name, known[i].name))
            return known[i].type;
    if (str_eq_c(name, "sorted") || str_eq_c(name, "list"))
        return type_list_of(in->pool, first && type_is_list(first) ? first->items[0] : &type_py);
    if (str_eq_c(name, "set"))
        return type_set_of(in->pool, first && type_is_list(first) ? first->items[0] : &type_py);
    return is_item && first && type_is_list(first) ? first->items[0] : &type_py;
}

/* NULL: compiled code does it, or nobody. */
const Type *infer_object_builtin(Infer *in, const Node *n, Str name, bool is_known) {
    Nodes args = n->Call.args;
    const Type *first = NULL;
    bool has_objects = !is_known;
    if (is_of_frame(name) || n->Call.keywords.len)
        return NULL;
    for (size_t i = 0; i < args.len; i++) {
        if (args.at[i]->kind == NODE_Starred)
            return NULL;
        const Type *t = infer_expr(in, args.at[i]);
        has_objects |= t->kind == TYPE_PY;
        first = first ? first : t;
    }
    if (!has_objects || (args.len == 1 && type_is_list(first) && str_eq_c(name, "len")))
        return NULL;
    const Type *likely = likely_of(in, name, first);
    infer_operation(in, n, with_name(in, '(', name), likely);
    if (args.len == 1 && str_eq_c(name, "len"))
        infer_table(in, n, TABLE_SIZE, first, NULL);
    return likely;
}

/* ---- what is no value of compiled code ---- */

static bool is_utf8(Str s) {
    for (size_t i = 0; i < s.len; i++) /* a lone surrogate is ED A0 .. ED BF */
        if (!s.ptr[i] || ((unsigned char)s.ptr[i] == 0xED && i + 1 < s.len && (unsigned char)s.ptr[i + 1] >= 0xA0))
            return false;
    return true;
}

const Type *infer_object_text(Infer *in, const Node *n, Str text) {
    if (!is_utf8(text) || text.len > LONGEST_TEXT || in->bound->own_frame || in->inst->sized || in->lang->unit->wrap)
        fail(in->c, n->span, "this text is not compiled");
    infer_mark(in, n);
    in->lists = in->inst->python = in->inst->manages = true;
    return &type_py;
}

/* A class, a function, whatever is compiled only where it is called, or not at all. */
const Type *infer_object_global(Infer *in, const Node *n) {
    const Global *g = in->bound->binding[n->id].global;
    if (g->kind == GLOBAL_OTHER && str_eq_c(g->s, "it is not defined")) /* when it is, all is compiled again */
        fail(in->c, n->span, "'%.*s' is not compiled: %.*s", STR_FMT(g->name), STR_FMT(g->s));
    infer_operation(in, n, with_name(in, '$', n->Name.id), &type_py);
    infer_by_name(in, n, TABLE_GLOBAL);
    return &type_py;
}

/* ---- operators ---- */

static bool is_text(const Node *n) {
    return n->kind == NODE_JoinedStr || (n->kind == NODE_Constant && n->Constant.value.kind == CONST_STR);
}

/* Behind n's value an object can be looked at: n has no call of compiled code, which fails as its callee says. */
bool infer_can_look(const Infer *in, const Node *n) {
    const NodeInfo *info = &in->info[n->id];
    bool is_field = n->kind == NODE_Attribute && info->member && info->member->kind != MEMBER_PROPERTY &&
                    info->member->kind != MEMBER_OPEN;
    bool is_number = (n->kind == NODE_BinOp || n->kind == NODE_UnaryOp) && !info->special;
    bool is_free =
        n->kind == NODE_Name || n->kind == NODE_Constant || n->kind == NODE_NamedExpr || n->kind == NODE_Subscript;
    bool is_made = node_generators(n) || n->kind == NODE_Set || n->kind == NODE_Dict;
    return (is_field || is_number || is_free || is_made || info->region == REGION_OPERATION) && effect_can_resume(in);
}

static void look(Infer *in, const Node *n) {
    infer_mark(in, n);
    in->lists = in->inst->python = in->inst->manages = true;
}

const Type *infer_unboxed(Infer *in, const Node *n, const Type *type, const Type *wanted) {
    bool is_number = wanted && (wanted->kind == TYPE_INT || wanted->kind == TYPE_FLOAT || wanted->kind == TYPE_BOOL);
    bool is_seen_as = is_number || (wanted && wanted->kind == TYPE_REF);
    if (type->kind != TYPE_PY || type->likely != PY_ANY || !is_seen_as || !infer_can_look(in, n))
        return type;
    look(in, n);
    return in->info[n->id].unboxed = wanted;
}

/* With a float it is a number, which becomes one as it does in CPython's arithmetic; where it is none the interpreter goes on. */
const Type *infer_object_number(Infer *in, const Node *right, const Type *type, const Type *other) {
    if (type->kind != TYPE_PY || type->likely != PY_ANY || other->kind != TYPE_FLOAT || !infer_can_look(in, right))
        return type;
    look(in, right);
    return &type_float;
}

const Type *infer_object_binary(Infer *in, const Node *n, const Type *a, const Type *b) {
    Operator op = n->BinOp.op;
    bool is_float = !is_text(n->BinOp.left) && !is_text(n->BinOp.right);
    const Type *x = is_float ? infer_object_number(in, n->BinOp.right, a, b) : a;
    const Type *y = is_float ? infer_object_number(in, n->BinOp.right, b, a) : b;
    if (x->kind != TYPE_PY && y->kind != TYPE_PY)
        return infer_binary(in, n, op, n->BinOp.left, n->BinOp.right, x, y);
    bool is_list = type_is_list(a) && (op == OP_Add || op == OP_Mult);
    const Type *result = infer_operation(in, n, operator_text(op), is_list ? a : &type_py);
    infer_arithmetic(in, n, op, a, b);
    return result;
}

bool infer_object_compare(Infer *in, const Node *n) {
    Operator op = n->Compare.ops.at[0];
    if (n->Compare.ops.len != 1)
        return false;
    const Type *a = infer_expr(in, n->Compare.left), *b = infer_expr(in, n->Compare.comparators.at[0]);
    if (op == OP_Is || op == OP_IsNot)
        return false;
    return b->kind == TYPE_PY || (a->kind == TYPE_PY && op != OP_In && op != OP_NotIn);
}

/* Objects whose truth is asked of Python code are the interpreter's, which goes on from there. */
void infer_object_truth(Infer *in, const Node *n) {
    if (!infer_can_look(in, n))
        fail(in->c, n->span, "the truth of this Python object is not compiled");
    look(in, n);
}

/* ---- loops ---- */

static const Type *type_tuple_of(Pool *pool, const Type **items, size_t n) {
    Type *t = pool_new(pool, Type);
    *t = (Type){.kind = TYPE_TUPLE, .nitems = n, .items = items};
    return t;
}

/* The items of such a tuple are all that is asked for. */
static bool is_pair(const Node *target) {
    return target->kind == NODE_Tuple && target->Tuple.elts.len == 2;
}

/* A dict's keys, or what its views are of, of which nothing more is likely than the dict's type says. */
static const Type *item_of(const Infer *in, const Node *n, const Type *object) {
    const Node *iter = n->For.iter;
    const Type *found = &type_py;
    if (object->likely == PY_DICT || object->likely == PY_SET)
        found = object->items[0];
    if (iter->kind == NODE_Call && iter->Call.func->kind == NODE_Attribute) {
        const Type *of = in->info[iter->Call.func->Attribute.value->id].type;
        bool is_dict = of && of->kind == TYPE_PY && of->likely == PY_DICT;
        Str name = iter->Call.func->Attribute.attr;
        found = !is_dict                   ? found
                : str_eq_c(name, "values") ? of->items[1]
                : str_eq_c(name, "keys")   ? of->items[0]
                                           : found;
        if (is_dict && str_eq_c(name, "items") && is_pair(n->For.target))
            return type_tuple_of(in->pool, of->items, 2);
    }
    return type_is_seen(found) ? found : &type_py;
}

const Type *infer_object_turns(Infer *in, const Node *n, const Type *object) {
    if (!infer_can_look(in, n->For.iter))
        fail(in->c, n->For.iter->span, "for over this object is not compiled");
    look(in, n->For.iter);
    return item_of(in, n, object);
}

/* ---- attributes, and what is stored to ---- */

const Type *infer_object_attribute(Infer *in, const Node *n) {
    infer_operation(in, n, with_name(in, '@', n->Attribute.attr), &type_py);
    infer_by_name(in, n, TABLE_ATTRIBUTE);
    return &type_py;
}

/* An attribute of an object, or one of an instance that is none of its fields, is set as by the interpreter. */
bool infer_is_object_attribute(Infer *in, const Node *target) {
    const Type *base = infer_expr(in, target->Attribute.value);
    if (base->kind != TYPE_REF || base->optional || lang_is_open(in->lang, base))
        return base->kind == TYPE_PY;
    const DefSpec *d = &in->lang->unit->defs[base->def];
    Str name = bound_mangle(in->pool, in->bound, target->Attribute.attr);
    infer_access(in, target, d, true);
    return infer_is_python_attribute(d, name);
}

bool infer_object_target(Infer *in, const Node *n, const Node *target) {
    const char *operation = "[]=";
    const Type *table = NULL, *key = NULL;
    in->info[target->id].live = true;
    if (target->kind == NODE_Attribute) {
        if (!infer_is_object_attribute(in, target))
            return false;
        operation = with_name(in, ':', target->Attribute.attr);
    } else {
        table = infer_expr(in, target->Subscript.value);
        if (table->kind != TYPE_PY || type_is_list(table))
            return false;
        key = infer_expr(in, target->Subscript.slice);
    }
    in->info[target->id].type = infer_operation(in, target, operation, &type_none);
    if (table)
        infer_table(in, target, TABLE_PUT, table, key);
    else
        infer_by_name(in, target, TABLE_SET_ATTRIBUTE);
    infer_mark(in, n);
    return true;
}

/* ---- augmented assignment ---- */

/* Numbers are added, and so on, as numbers; what is done in place only the object knows. */
static const Type *augmented(Infer *in, const Node *n, const Type *old) {
    const Node *target = n->AugAssign.target, *right = n->AugAssign.value;
    const Type *value = infer_object_number(in, right, infer_operand(in, right), old);
    const Type *number = infer_object_number(in, right, old, value);
    if (number->kind != TYPE_PY && value->kind != TYPE_PY)
        return infer_binary(in, n, n->AugAssign.op, target, right, number, value);
    if (type_is_list(old) && type_is_list(value) && n->AugAssign.op == OP_Add)
        infer_note_appended(in, target, value->items[0]);
    if (type_is_sized(value))
        fail(in->c, n->span, "augmented assignment of an object and %s is not compiled", type_words(in, value));
    const char *operation = pool_printf(in->pool, "%s=", operator_text(n->AugAssign.op)).ptr;
    return infer_operation(in, n, operation, type_is_list(old) && n->AugAssign.op == OP_Add ? old : &type_py);
}

/* It would be of two types: what is said about that is of more use than an object. */
static bool is_boxed(const Infer *in, const Node *name) {
    return in->inst->boxed && in->inst->boxed[in->bound->binding[name->id].local];
}

bool infer_object_augmented(Infer *in, const Node *n) {
    const Node *target = n->AugAssign.target;
    bool is_item = target->kind == NODE_Subscript;
    if (!is_item && (target->kind != NODE_Name || is_boxed(in, target)))
        return false;
    in->info[target->id].live = true;
    const Type *object = infer_expr(in, is_item ? target->Subscript.value : target);
    if (object->kind != TYPE_PY || (is_item && (type_is_list(object) || target->Subscript.slice->kind == NODE_Slice)))
        return false;
    const Type *old = is_item ? infer_object_item(in, target, object) : object;
    in->info[target->id].type = old;
    const Type *result = in->info[n->id].type = augmented(in, n, old);
    if (is_item)
        effect_commit(in);
    else
        env_bind(in, in->bound->binding[target->id].local, result, n->span.line);
    return true;
}

/* ---- slices ---- */

const Type *infer_object_slice(Infer *in, const Node *n, const Type *object) {
    const NodeSlice *slice = &n->Subscript.slice->Slice;
    const Node *parts[] = {slice->lower, slice->upper, slice->step};
    in->info[n->Subscript.slice->id].live = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i] && type_is_sized(infer_expr(in, parts[i])))
            fail(in->c, parts[i]->span, "%s in a slice is not compiled", type_words(in, in->info[parts[i]->id].type));
    const Type *result = infer_operation(in, n, "[:]", type_is_list(object) ? object : &type_py);
    infer_text_slice(in, n, object);
    return result;
}
