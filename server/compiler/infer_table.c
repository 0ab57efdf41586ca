/* Infer, tables: dicts and sets with keys that are ints or text, and text. An operation on one is an operation on objects (infer_object.c), which compiled
 * code tries itself first, by a function that runs no Python code (client/python/ext/tables.c). */
#include "server/compiler/infer.h"

const Type *type_set_of(Pool *pool, const Type *item) {
    Type *t = pool_new(pool, Type);
    *t = (Type){.kind = TYPE_PY, .likely = PY_SET, .nitems = 1, .items = pool_array(pool, const Type *, 1)};
    t->items[0] = item;
    return t;
}

const Type *type_dict_of(Pool *pool, const Type *key, const Type *value) {
    Type *t = pool_new(pool, Type);
    *t = (Type){.kind = TYPE_PY, .likely = PY_DICT, .nitems = 2, .items = pool_array(pool, const Type *, 2)};
    t->items[0] = key;
    t->items[1] = value;
    return t;
}

/* What may take long: then signals are asked for in each turn of a loop, as behind a call. */
static bool takes_long(const Node *n, TableOperation what) {
    return what == TABLE_ARITHMETIC || (what == TABLE_METHOD && n->Call.args.len);
}

static void try_itself(Infer *in, const Node *n, TableOperation what) {
    in->info[n->id].table = (uint8_t)what;
    in->info[n->id].is_table = true;
    if (in->loop && !takes_long(n, what))
        in->loop->inner = in->was_inner;
}

/* Few others have such methods, and most of what has items or a size is text, a tuple or one of these. */
static bool is_likely(TableOperation what, const Type *table) {
    return table->likely == PY_DICT || table->likely == PY_SET || what != TABLE_GET;
}

void infer_table(Infer *in, const Node *n, TableOperation what, const Type *table, const Type *key) {
    bool is_key = !key || key->kind == TYPE_INT || (key->kind == TYPE_PY && key->likely == PY_ANY);
    if (!is_key || table->kind != TYPE_PY || type_is_list(table) || !effect_can_resume(in))
        return;
    try_itself(in, n, what);
    in->info[n->id].is_table = is_likely(what, table);
}

static const Type *optional_of(Pool *pool, const Type *ref) {
    Type *t = pool_new(pool, Type);
    *t = *ref;
    t->optional = true;
    return t;
}

const Type *infer_table_get(Infer *in, const Node *n, const Type *table) {
    const Type *value = table->likely == PY_DICT ? table->items[1] : &type_py;
    if (value->kind == TYPE_REF && n->Call.args.len < 2)
        return optional_of(in->pool, value);
    bool is_other = n->Call.args.len < 2 || !type_eq(in->info[n->Call.args.at[1]->id].type, value);
    return is_other || !type_is_scalar(value) ? &type_py : value;
}

TableOperation infer_table_method(const Node *call) {
    static const struct {
        const char *name;
        TableOperation what;
        size_t most;
    } methods[] = {{"get", TABLE_GET, 2}, {"add", TABLE_ADD, 1}, {"discard", TABLE_DISCARD, 1}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (str_eq_c(call->Call.func->Attribute.attr, methods[i].name) && call->Call.args.len &&
            call->Call.args.len <= methods[i].most)
            return methods[i].what;
    return TABLE_NONE;
}

void infer_by_name(Infer *in, const Node *n, TableOperation what) {
    if (!effect_can_resume(in))
        return;
    try_itself(in, n, what);
}

/* ---- text ---- */

#define MOST_ARGUMENTS 3 /* client/python/ext/texts.c */

static bool may_be_text(const Type *t) {
    return t->kind == TYPE_PY && t->likely == PY_ANY;
}

void infer_text_equal(Infer *in, const Node *compare) {
    const Type *a = in->info[compare->Compare.left->id].type,
               *b = in->info[compare->Compare.comparators.at[0]->id].type;
    if (!may_be_text(a) || !may_be_text(b) || !effect_can_resume(in))
        return;
    try_itself(in, compare, TABLE_EQUAL);
}

static bool is_number(const Type *t) {
    return t->kind == TYPE_INT || t->kind == TYPE_FLOAT;
}

void infer_number_compare(Infer *in, const Node *compare) {
    const Type *a = in->info[compare->Compare.left->id].type,
               *b = in->info[compare->Compare.comparators.at[0]->id].type;
    bool is_one = (may_be_text(a) && is_number(b)) || (is_number(a) && may_be_text(b));
    if (!is_one || !effect_can_resume(in))
        return;
    try_itself(in, compare, TABLE_COMPARE);
}

static bool may_be_number(const Type *t) {
    return t->kind == TYPE_INT || t->kind == TYPE_FLOAT || may_be_text(t);
}

void infer_arithmetic(Infer *in, const Node *n, Operator op, const Type *a, const Type *b) {
    bool is_known = op == OP_Add || op == OP_Sub || op == OP_Mult;
    if (!is_known || !may_be_number(a) || !may_be_number(b) || !effect_can_resume(in))
        return;
    try_itself(in, n, TABLE_ARITHMETIC);
}

static bool is_end(const Infer *in, const Node *part) {
    return !part || in->info[part->id].type->kind == TYPE_INT;
}

void infer_text_slice(Infer *in, const Node *subscript, const Type *object) {
    const NodeSlice *slice = &subscript->Subscript.slice->Slice;
    bool is_known = !slice->step && is_end(in, slice->lower) && is_end(in, slice->upper);
    if (!may_be_text(object) || !is_known || !effect_can_resume(in))
        return;
    try_itself(in, subscript, TABLE_SLICE);
}

/* Those that text has, and not everything else. */
static bool is_of_text(Str name) {
    static const char *const names[] = {
        "capitalize",  "casefold",   "center",       "endswith",     "expandtabs",   "find",       "isalnum",
        "isalpha",     "isascii",    "isdecimal",    "isdigit",      "isidentifier", "islower",    "isnumeric",
        "isprintable", "isspace",    "istitle",      "isupper",      "join",         "ljust",      "lower",
        "lstrip",      "partition",  "removeprefix", "removesuffix", "replace",      "rfind",      "rindex",
        "rjust",       "rpartition", "rsplit",       "rstrip",       "split",        "splitlines", "startswith",
        "strip",       "swapcase",   "title",        "upper",        "zfill"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_c(name, names[i]))
            return true;
    return false;
}

/* What is given must be an object at little cost. */
static bool are_objects(const Infer *in, Nodes args) {
    for (size_t i = 0; i < args.len; i++) {
        const Type *t = in->info[args.at[i]->id].type;
        if (t->kind != TYPE_PY && t->kind != TYPE_INT && t->kind != TYPE_BOOL && t->kind != TYPE_NONE)
            return false;
    }
    return args.len <= MOST_ARGUMENTS;
}

static bool is_view(Str name) {
    return str_eq_c(name, "items") || str_eq_c(name, "keys") || str_eq_c(name, "values");
}

void infer_text_method(Infer *in, const Node *call, const Type *object) {
    Str name = call->Call.func->Attribute.attr;
    bool is_known = (may_be_text(object) && is_of_text(name)) ||
                    (object->kind == TYPE_PY && !type_is_list(object) && is_view(name) && !call->Call.args.len);
    if (!is_known || !are_objects(in, call->Call.args) || !effect_can_resume(in))
        return;
    try_itself(in, call, TABLE_METHOD);
}

/* ---- new ones ---- */

#define MOST_IN_DISPLAY 15 /* longer ones are made in several steps */

static bool has_floats(const Type *t) {
    bool found = t->kind == TYPE_FLOAT;
    for (size_t i = 0; (t->kind == TYPE_TUPLE || type_is_maybe(t)) && i < t->nitems && !found; i++)
        found = has_floats(t->items[i]);
    return found;
}

/* A nan is found by its identity, which a float of compiled code has not. */
const Type *infer_key(Infer *in, const Node *n, const Node *of) {
    const Type *t = infer_expr(in, n);
    if (has_floats(t) || type_is_sized(t))
        fail(in->c, of->span, "%s is not compiled yet", infer_syntax_words(of->kind));
    return t;
}

static const Type *of_both(const Type *a, const Type *b) {
    b = type_is_seen(b) ? b : &type_py;
    return !a || type_eq(a, b) ? b : &type_py;
}

/* CPython makes sets of constants at once, in another order. */
static bool are_constants(Nodes elts) {
    for (size_t i = 0; i < elts.len; i++)
        if (elts.at[i]->kind != NODE_Constant)
            return false;
    return elts.len > 2;
}

static void check_display(Infer *in, const Node *n, size_t len) {
    if (len > MOST_IN_DISPLAY || !effect_can_resume(in))
        fail(in->c, n->span, "%s is not compiled yet", infer_syntax_words(n->kind));
    in->inst->python = in->inst->manages = true;
}

const Type *infer_set_display(Infer *in, const Node *n) {
    Nodes elts = n->Set.elts;
    const Type *item = NULL;
    check_display(in, n, are_constants(elts) ? SIZE_MAX : elts.len);
    for (size_t i = 0; i < elts.len; i++)
        item = of_both(item, infer_key(in, elts.at[i], n));
    infer_mark(in, n);
    return type_set_of(in->pool, item);
}

const Type *infer_dict_display(Infer *in, const Node *n) {
    Nodes keys = n->Dict.keys, values = n->Dict.values;
    const Type *key = NULL, *value = NULL;
    in->inst->python = in->inst->manages = true;
    if (!keys.len)
        return type_dict_of(in->pool, &type_py, &type_py);
    check_display(in, n, keys.len);
    for (size_t i = 0; i < keys.len; i++) {
        if (!keys.at[i])
            fail(in->c, n->span, "** in a dict is not compiled");
        key = of_both(key, infer_key(in, keys.at[i], n));
        const Type *t = infer_expr(in, values.at[i]);
        if (type_is_sized(t))
            fail(in->c, n->span, "a dict of %s is not compiled", type_words(in, t));
        value = of_both(value, t);
    }
    infer_mark(in, n);
    return type_dict_of(in->pool, key, value);
}
