/* Writing the unit description of a Python file; see unit_from_py.h. */
#include "server/tool/unit_from_py.h"
#include "base/hash.h"
#include "protocol/wire.h"
#include "protocol/types.h"
#include "server/tool/module.h"

typedef struct UnitWriter {
    Module module;
    Compilation *c;
    msgpack_packer pk;
    char *data;
    size_t len, cap;
    Key text; /* of the file */
    int line; /* where unit_lines was last: what is looked for next is mostly behind it */
    size_t line_at;
} UnitWriter;

static int unit_write(void *arg, const char *bytes, size_t n) {
    UnitWriter *w = arg;
    while (w->cap - w->len < n)
        w->data = pool_grow(w->c->pool, w->data, 1, w->len, &w->cap);
    memcpy(w->data + w->len, bytes, n);
    w->len += n;
    return 0;
}

static void unit_array(UnitWriter *w, size_t n) {
    msgpack_pack_array(&w->pk, n);
}

static void unit_map(UnitWriter *w, size_t n) {
    msgpack_pack_map(&w->pk, n);
}

static void unit_word(UnitWriter *w, const char *s) {
    wire_put_cstr(&w->pk, s);
}

static void unit_str(UnitWriter *w, Str s) {
    wire_put_str(&w->pk, s);
}

static void unit_nil(UnitWriter *w) {
    msgpack_pack_nil(&w->pk);
}

static void unit_bool(UnitWriter *w, bool b) {
    (b ? msgpack_pack_true : msgpack_pack_false)(&w->pk);
}

static void unit_int(UnitWriter *w, int64_t i) {
    msgpack_pack_int64(&w->pk, i);
}

static Key key_of(Str name, Str text) {
    Hash h;
    Key key;
    hash_init(&h);
    hash_add_str(&h, name);
    hash_add_str(&h, text);
    hash_final(&h, &key);
    return key;
}

static void unit_key(UnitWriter *w, Str name) {
    Key key = key_of(name, (Str){(const char *)w->text.b, KEY_SIZE});
    wire_put_bin(&w->pk, (Str){(const char *)key.b, KEY_SIZE});
}

static void unit_constant(UnitWriter *w, const Binding *b) {
    static const char *const words[] = {[CONST_NONE] = "none", [CONST_TRUE] = "bool",   [CONST_FALSE] = "bool",
                                        [CONST_INT] = "int",   [CONST_FLOAT] = "float", [CONST_STR] = "str"};
    unit_array(w, b->value.kind == CONST_NONE ? 1 : 2);
    unit_word(w, words[b->value.kind]);
    if (b->value.kind == CONST_TRUE || b->value.kind == CONST_FALSE)
        (b->value.kind == CONST_TRUE ? msgpack_pack_true : msgpack_pack_false)(&w->pk);
    else if (b->value.kind == CONST_INT)
        unit_int(w, b->negative ? -b->value.i : b->value.i);
    else if (b->value.kind == CONST_FLOAT)
        msgpack_pack_double(&w->pk, b->negative ? -b->value.f : b->value.f);
    else if (b->value.kind == CONST_STR)
        unit_str(w, b->value.s);
}

static void unit_other(UnitWriter *w, const char *why) {
    unit_array(w, 2);
    unit_word(w, "other");
    unit_word(w, why);
}

/* A default value, or nil where there is none. */
static void unit_default(UnitWriter *w, const Node *value) {
    Binding b = {0};
    if (!value)
        unit_nil(w);
    else if (module_constant(value, &b))
        unit_constant(w, &b);
    else
        unit_other(w, "a default that is no constant");
}

typedef struct TypeText {
    const Module *module;
    const Node *annotation;
    Str text;
} TypeText;

static void type_pass(Compilation *c, void *arg) {
    TypeText *t = arg;
    (void)c;
    t->text = module_type(t->module, t->annotation);
}

/* What compiled code has no type for is the interpreter's. */
static Str type_text_of(UnitWriter *w, const Node *annotation) {
    TypeText t = {.module = &w->module, .annotation = annotation};
    return pass_ends(w->c, type_pass, &t) ? t.text : STR("py");
}

static void unit_type(UnitWriter *w, const Node *annotation) {
    if (annotation)
        unit_str(w, type_text_of(w, annotation));
    else
        unit_nil(w);
}

static bool is_python(UnitWriter *w, const Node *annotation) {
    const Type *t = type_parse(w->c->pool, type_text_of(w, annotation), (uint32_t)w->module.ndefs);
    return t && t->kind == TYPE_PY;
}

static bool is_field(UnitWriter *w, const Node *s) {
    return s->kind == NODE_AnnAssign && !is_python(w, s->AnnAssign.annotation);
}

/* ---- the globals of a function ---- */

typedef struct Names {
    UnitWriter *w;
    Str *used;
    size_t nused, used_cap;
    Str *local;
    size_t nlocal, local_cap;
} Names;

static bool names_has(const Str *names, size_t n, Str name) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

static void names_collect(Names *n, const Node *node);

static void names_collect_list(Names *n, const Nodes *list) {
    for (size_t i = 0; i < list->len; i++)
        names_collect(n, list->at[i]);
}

static void names_collect_children(Names *n, const Node *node) {
    switch (node->kind) {
#define N(name) names_collect(n, f->name);
#define O(name) names_collect(n, f->name);
#define L(name) names_collect_list(n, &f->name);
#define S(name)
#define Q(name)
#define I(name)
#define P(name)
#define PL(name)
#define C(name)
#define SL(name)
#define X(name)
#define NODE(kind, fields)                                                                                             \
    case NODE_##kind: {                                                                                                \
        const Node##kind *f = &node->kind;                                                                             \
        (void)f;                                                                                                       \
        fields break;                                                                                                  \
    }
#include "server/compiler/nodes.def"
#undef NODE
#undef N
#undef O
#undef L
#undef S
#undef Q
#undef I
#undef P
#undef PL
#undef C
#undef SL
#undef X
    default:
        break;
    }
}

static void names_collect(Names *n, const Node *node) {
    Pool *pool = n->w->c->pool;
    if (!node)
        return;
    if (node->kind == NODE_arg) {
        pool_push(pool, n->local, n->nlocal, n->local_cap) = node->arg.arg;
        return;
    }
    if (node->kind == NODE_Name && node->Name.ctx != CTX_Load)
        pool_push(pool, n->local, n->nlocal, n->local_cap) = node->Name.id;
    else if (node->kind == NODE_Name && !names_has(n->used, n->nused, node->Name.id))
        pool_push(pool, n->used, n->nused, n->used_cap) = node->Name.id;
    names_collect_children(n, node);
}

static void unit_pair(UnitWriter *w, const char *word, Str value) {
    unit_array(w, 2);
    unit_word(w, word);
    unit_str(w, value);
}

static void unit_binding(UnitWriter *w, const Binding *b) {
    switch (b->kind) {
    case BINDING_DEF:
        unit_array(w, 2);
        unit_word(w, "def");
        unit_int(w, b->def);
        break;
    case BINDING_CONST:
        unit_constant(w, b);
        break;
    case BINDING_MODULE:
        unit_pair(w, "module", b->module);
        break;
    case BINDING_MEMBER:
        if (str_eq_c(b->module, "jitd")) {
            unit_pair(w, "type", b->other);
            break;
        }
        unit_array(w, 3);
        unit_word(w, "member");
        unit_str(w, b->module);
        unit_str(w, b->other);
        break;
    default:
        unit_pair(w, "other", b->other);
    }
}

/* A name that the file does not bind is taken for a builtin: the compiler knows which there are. */
static void unit_globals(UnitWriter *w, const NodeFunctionDef *f) {
    Names names = {.w = w};
    size_t n = 0;
    names_collect(&names, f->args);
    names_collect_list(&names, &f->body);
    for (size_t i = 0; i < names.nused; i++)
        n += !names_has(names.local, names.nlocal, names.used[i]);
    unit_map(w, n);
    for (size_t i = 0; i < names.nused; i++) {
        if (names_has(names.local, names.nlocal, names.used[i]))
            continue;
        const Binding *b = module_find(&w->module, names.used[i]);
        unit_str(w, names.used[i]);
        if (b)
            unit_binding(w, b);
        else
            unit_pair(w, "builtin", names.used[i]);
    }
}

/* ---- functions ---- */

static bool unit_has_decorator(const NodeFunctionDef *f, const char *name) {
    for (size_t i = 0; i < f->decorator_list.len; i++) {
        const Node *d = f->decorator_list.at[i];
        Str text = d->kind == NODE_Name ? d->Name.id : d->kind == NODE_Attribute ? d->Attribute.attr : STR_NULL;
        if (str_eq_c(text, name))
            return true;
    }
    return false;
}

static const char *unit_func_kind(const NodeFunctionDef *f, bool in_class) {
    static const char *const words[][2] = {
        {"staticmethod", "static"}, {"classmethod", "class"}, {"property", "property"}, {"setter", "setter"}};
    if (!in_class)
        return "function";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (unit_has_decorator(f, words[i][0]))
            return words[i][1];
    return "method";
}

static void unit_param(UnitWriter *w, const Node *arg, const Node *default_value, const char *kind) {
    unit_array(w, 4);
    unit_str(w, arg->arg.arg);
    unit_type(w, arg->arg.annotation);
    unit_default(w, default_value);
    unit_word(w, kind);
}

/* The parameters without the first `skip` (self). Defaults belong to the last of the positional ones. */
static void unit_params(UnitWriter *w, const Nodearguments *a, size_t skip) {
    size_t npos = a->posonlyargs.len, nargs = npos + a->args.len;
    unit_array(w, (nargs > skip ? nargs - skip : 0) + a->kwonlyargs.len);
    for (size_t i = skip; i < nargs; i++) {
        const Node *arg = i < npos ? a->posonlyargs.at[i] : a->args.at[i - npos];
        size_t without = nargs - a->defaults.len;
        unit_param(w, arg, i >= without ? a->defaults.at[i - without] : NULL, i < npos ? "pos" : "any");
    }
    for (size_t i = 0; i < a->kwonlyargs.len; i++)
        unit_param(w, a->kwonlyargs.at[i], a->kw_defaults.at[i], "kw");
}

/* The whole lines from `first` to `last` of the file. */
static Str unit_lines(UnitWriter *w, int first, int last) {
    Str text = w->c->source->text;
    bool behind = w->line && w->line <= first;
    size_t start = 0, at = behind ? w->line_at : 0;
    for (int line = behind ? w->line : w->c->source->first_line; line <= last && at < text.len; line++) {
        const char *end = memchr(text.ptr + at, '\n', text.len - at);
        if (line == first) {
            start = w->line_at = at;
            w->line = line;
        }
        at = end ? (size_t)(end - text.ptr) + 1 : text.len;
    }
    return str_slice(text, start, at);
}

/* ---- classes that extend classes of the file: the first base of each is followed ---- */

#define MAX_LEVELS 16

static int def_of(const UnitWriter *w, const Node *at) {
    for (size_t i = 0; i < w->module.ndefs; i++)
        if (w->module.defs[i] == at)
            return (int)i;
    return -1;
}

static const Node *class_above(const UnitWriter *w, const Node *at) {
    const Nodes *bases = &at->ClassDef.bases;
    for (size_t i = 0; bases->len && bases->at[0]->kind == NODE_Name && i < w->module.ndefs; i++) {
        const Node *def = w->module.defs[i];
        if (def != at && def->kind == NODE_ClassDef && str_eq(def->ClassDef.name, bases->at[0]->Name.id))
            return def;
    }
    return NULL;
}

/* The class and those above it. */
static size_t classes_of(const UnitWriter *w, const Node *at, const Node *ret[MAX_LEVELS]) {
    size_t n = 0;
    for (; at && n < MAX_LEVELS; at = class_above(w, at))
        ret[n++] = at;
    return n;
}

static bool has_name(const Node *cls, Str name) {
    const Nodes *body = &cls->ClassDef.body;
    for (size_t i = 0; i < body->len; i++) {
        const Node *s = body->at[i];
        Str bound = s->kind == NODE_FunctionDef ? s->FunctionDef.name
                    : s->kind == NODE_Assign && s->Assign.targets.at[0]->kind == NODE_Name
                        ? s->Assign.targets.at[0]->Name.id
                        : STR_NULL;
        if (str_eq(bound, name))
            return true;
    }
    return false;
}

/* Whether a class in front of that level has something else under the name. */
static bool is_hidden(const Node *const *classes, size_t level, Str name) {
    for (size_t i = 0; i < level; i++)
        if (has_name(classes[i], name))
            return true;
    return false;
}

static void unit_owner(UnitWriter *w, const Node *const *classes, size_t level, Str name) {
    unit_word(w, "owner");
    unit_array(w, 5);
    unit_int(w, (int64_t)level);
    unit_bool(w, is_hidden(classes, level, name));
    unit_int(w, def_of(w, classes[level]));
    unit_str(w, classes[level]->ClassDef.name);
    unit_str(w, w->c->source->file);
}

static void unit_func(UnitWriter *w, const Node *at, bool in_class, const Node *const *classes, size_t level) {
    const NodeFunctionDef *f = &at->FunctionDef;
    const char *kind = unit_func_kind(f, in_class);
    int first = f->decorator_list.len ? f->decorator_list.at[0]->span.line : at->span.line;
    unit_map(w, level ? 7 : 6);
    if (level)
        unit_owner(w, classes, level, f->name);
    unit_word(w, "name");
    unit_str(w, f->name);
    unit_word(w, "kind");
    unit_word(w, kind);
    unit_word(w, "line");
    unit_int(w, first);
    unit_word(w, "source");
    unit_str(w, unit_lines(w, first, at->span.end_line));
    unit_word(w, "params");
    unit_params(w, &f->args->arguments, in_class && strcmp(kind, "static") != 0);
    unit_word(w, "globals");
    unit_globals(w, f);
}

/* ---- definitions ---- */

static void unit_head(UnitWriter *w, size_t nkeys, const char *kind, Str name) {
    unit_map(w, nkeys);
    unit_word(w, "kind");
    unit_word(w, kind);
    unit_word(w, "key");
    unit_key(w, name);
    unit_word(w, "name");
    unit_str(w, pool_printf(w->c->pool, "__main__.%.*s", STR_FMT(name)));
    unit_word(w, "file");
    unit_str(w, w->c->source->file);
}

static size_t unit_count(const Nodes *body, NodeKind kind) {
    size_t n = 0;
    for (size_t i = 0; i < body->len; i++)
        n += body->at[i]->kind == kind;
    return n;
}

static size_t count_fields(UnitWriter *w, const Nodes *body) {
    size_t n = 0;
    for (size_t i = 0; i < body->len; i++)
        n += is_field(w, body->at[i]);
    return n;
}

static void unit_field(UnitWriter *w, const Node *s) {
    if (s->AnnAssign.target->kind != NODE_Name)
        fail(w->c, s->span, "not a field");
    unit_array(w, 3);
    unit_str(w, s->AnnAssign.target->Name.id);
    unit_type(w, s->AnnAssign.annotation);
    unit_default(w, s->AnnAssign.value);
}

/* Those of the class above come first. */
static void unit_fields(UnitWriter *w, const Node *const *classes, size_t n) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += count_fields(w, &classes[i]->ClassDef.body);
    unit_word(w, "fields");
    unit_array(w, total);
    while (n-- > 0)
        for (size_t i = 0; i < classes[n]->ClassDef.body.len; i++)
            if (is_field(w, classes[n]->ClassDef.body.at[i]))
                unit_field(w, classes[n]->ClassDef.body.at[i]);
}

/* Called for each, as often as is counted, and then written. */
static size_t consts_of(UnitWriter *w, const Node *const *classes, size_t level, bool write) {
    const Nodes *body = &classes[level]->ClassDef.body;
    size_t n = 0;
    for (size_t i = 0; i < body->len; i++) {
        const Node *s = body->at[i];
        if (s->kind != NODE_Assign)
            continue;
        if (s->Assign.targets.at[0]->kind != NODE_Name)
            fail(w->c, s->span, "not a class variable");
        Str name = s->Assign.targets.at[0]->Name.id;
        if (is_hidden(classes, level, name))
            continue;
        n++;
        if (write)
            unit_str(w, name), unit_default(w, s->Assign.value);
    }
    return n;
}

static void unit_consts(UnitWriter *w, const Node *const *classes, size_t n) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += consts_of(w, classes, i, false);
    unit_word(w, "consts");
    unit_map(w, total);
    for (size_t i = 0; i < n; i++)
        consts_of(w, classes, i, true);
}

static bool unit_has_init(const Node *const *classes, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (has_name(classes[i], STR("__init__")))
            return true;
    return false;
}

static void unit_python_fields(UnitWriter *w, const Node *const *classes, size_t n) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += unit_count(&classes[i]->ClassDef.body, NODE_AnnAssign) - count_fields(w, &classes[i]->ClassDef.body);
    unit_word(w, "other");
    unit_map(w, total);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < classes[k]->ClassDef.body.len; i++) {
            const Node *s = classes[k]->ClassDef.body.at[i];
            if (s->kind != NODE_AnnAssign || is_field(w, s))
                continue;
            unit_str(w, s->AnnAssign.target->kind == NODE_Name ? s->AnnAssign.target->Name.id : STR(""));
            unit_array(w, 2);
            unit_word(w, "it is a Python field");
            unit_type(w, s->AnnAssign.annotation);
        }
}

static void unit_funcs(UnitWriter *w, const Node *const *classes, size_t n) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += unit_count(&classes[i]->ClassDef.body, NODE_FunctionDef);
    unit_word(w, "funcs");
    unit_array(w, total);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < classes[k]->ClassDef.body.len; i++)
            if (classes[k]->ClassDef.body.at[i]->kind == NODE_FunctionDef)
                unit_func(w, classes[k]->ClassDef.body.at[i], true, classes, k);
}

static bool extends(const UnitWriter *w, const Node *at, const Node *base) {
    const Node *classes[MAX_LEVELS];
    size_t n = at->kind == NODE_ClassDef ? classes_of(w, at, classes) : 0;
    for (size_t i = 1; i < n; i++)
        if (classes[i] == base)
            return true;
    return false;
}

static void unit_heirs(UnitWriter *w, const Node *at, size_t n) {
    unit_word(w, "heirs");
    unit_array(w, n);
    for (size_t i = 0; i < w->module.ndefs; i++)
        if (extends(w, w->module.defs[i], at))
            unit_int(w, (int64_t)i);
}

static void unit_class(UnitWriter *w, const Node *at) {
    const Node *classes[MAX_LEVELS];
    size_t n = classes_of(w, at, classes), heirs = 0;
    for (size_t i = 0; i < w->module.ndefs; i++)
        heirs += extends(w, w->module.defs[i], at);
    unit_head(w, heirs ? 10 : 9, "class", at->ClassDef.name);
    if (heirs)
        unit_heirs(w, at, heirs);
    unit_fields(w, classes, n);
    unit_word(w, "init");
    unit_word(w, unit_has_init(classes, n) ? "user" : "generated");
    unit_consts(w, classes, n);
    unit_funcs(w, classes, n);
    unit_python_fields(w, classes, n);
}

static void unit_def(UnitWriter *w, const Node *at) {
    if (at->kind == NODE_ClassDef) {
        unit_class(w, at);
        return;
    }
    unit_head(w, 5, "function", at->FunctionDef.name);
    unit_word(w, "funcs");
    unit_array(w, 1);
    unit_func(w, at, false, NULL, 0);
}

/* ---- entries ---- */

typedef struct EntryList {
    UnitWriter *w;
    size_t n;
    bool write; /* or only count */
} EntryList;

static void entries_add(EntryList *e, size_t def, const NodeFunctionDef *f, bool in_class) {
    bool setter = in_class && unit_has_decorator(f, "setter");
    e->n++;
    if (!e->write)
        return;
    unit_array(e->w, 3);
    unit_int(e->w, (int64_t)def);
    unit_str(e->w, setter ? pool_printf(e->w->c->pool, "%.*s.setter", STR_FMT(f->name)) : f->name);
    unit_nil(e->w);
}

static void entries_all(EntryList *e) {
    for (size_t i = 0; i < e->w->module.ndefs; i++) {
        const Node *def = e->w->module.defs[i];
        if (def->kind == NODE_FunctionDef)
            entries_add(e, i, &def->FunctionDef, false);
        for (size_t k = 0; def->kind == NODE_ClassDef && k < def->ClassDef.body.len; k++)
            if (def->ClassDef.body.at[k]->kind == NODE_FunctionDef)
                entries_add(e, i, &def->ClassDef.body.at[k]->FunctionDef, true);
    }
}

/* "int,(float,bool)" -> types. */
static void unit_entry_types(UnitWriter *w, Str types) {
    size_t n = types.len > 0, depth = 0, start = 0;
    for (size_t i = 0; i < types.len; i++) {
        depth += types.ptr[i] == '(';
        depth -= types.ptr[i] == ')';
        n += types.ptr[i] == ',' && depth == 0;
    }
    unit_array(w, n);
    for (size_t i = 0; n > 0 && i <= types.len; i++) {
        char ch = i < types.len ? types.ptr[i] : ',';
        depth += ch == '(';
        depth -= ch == ')';
        if (ch == ',' && depth == 0) {
            unit_str(w, str_slice(types, start, i));
            start = i + 1;
        }
    }
}

static Str entry_until(Str s, char c) {
    const char *at = memchr(s.ptr, c, s.len);
    return at ? str_slice(s, 0, (size_t)(at - s.ptr)) : s;
}

static void unit_entry(UnitWriter *w, Str text) {
    Str name = entry_until(text, '('), head = entry_until(name, '.');
    const Binding *b = module_find(&w->module, head);
    if (!b || b->kind != BINDING_DEF)
        fail(w->c, (Span){0}, "entry %.*s: the file has no %.*s", STR_FMT(text), STR_FMT(head));
    unit_array(w, 3);
    unit_int(w, b->def);
    unit_str(w, head.len < name.len ? str_slice(name, head.len + 1, name.len) : name);
    if (name.len < text.len)
        unit_entry_types(w, str_slice(text, name.len + 1, text.len - 1));
    else
        unit_nil(w);
}

static void unit_entries(UnitWriter *w, const char *const *entries, size_t nentries) {
    EntryList all = {.w = w};
    unit_word(w, "entries");
    if (nentries == 0) {
        entries_all(&all);
        unit_array(w, all.n);
        all.write = true;
        entries_all(&all);
        return;
    }
    unit_array(w, nentries);
    for (size_t i = 0; i < nentries; i++)
        unit_entry(w, str_from_cstr(entries[i]));
}

static void unit_options(UnitWriter *w) {
    unit_word(w, "options");
    unit_map(w, 3);
    unit_word(w, "overflow");
    unit_word(w, "python");
    unit_word(w, "fastmath");
    msgpack_pack_false(&w->pk);
    unit_word(w, "boundscheck");
    msgpack_pack_true(&w->pk);
}

Str unit_from_py(Compilation *c, const Ast *file, const char *const *entries, size_t nentries) {
    UnitWriter w = {.module = {.c = c}, .c = c, .text = key_of(STR(""), c->source->text)};
    msgpack_packer_init(&w.pk, &w, unit_write);
    module_read(&w.module, file->root);
    unit_map(&w, 6);
    unit_word(&w, "name");
    unit_str(&w, c->source->file);
    unit_word(&w, "key");
    unit_key(&w, c->source->file);
    unit_word(&w, "python");
    unit_array(&w, 2);
    unit_int(&w, 3);
    unit_int(&w, 13);
    unit_options(&w);
    unit_word(&w, "defs");
    unit_array(&w, w.module.ndefs);
    for (size_t i = 0; i < w.module.ndefs; i++)
        unit_def(&w, w.module.defs[i]);
    unit_entries(&w, entries, nentries);
    return (Str){w.data, w.len};
}
