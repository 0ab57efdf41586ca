/* Infer, heirs: what a class has under a name, and whether the classes that extend it have the same. Where they do, one function is compiled for the
 * instances of all of them. */
#include "server/compiler/infer.h"

/* ---- what a class has under a name ---- */

const Global *def_find_const(const Globals *globals, Str name) {
    for (size_t i = 0; i < globals->len; i++)
        if (str_eq(globals->at[i].name, name))
            return &globals->at[i];
    return NULL;
}

int def_find_field(const DefSpec *d, Str name) {
    for (size_t i = 0; i < d->nfields; i++)
        if (str_eq(d->fields[i].name, name))
            return (int)i;
    return -1;
}

int def_find_property(const DefSpec *d, Str name, FuncKind kind) {
    for (size_t i = 0; i < d->nfuncs; i++)
        if (d->funcs[i].kind == kind && !d->funcs[i].owner.hidden && str_eq(d->funcs[i].name, name))
            return (int)i;
    return -1;
}

bool def_is_abstract(const DefSpec *d) {
    const Global *made = def_find_const(&d->other, STR("__new__"));
    return made && str_eq_c(made->s, "the class is abstract"); /* client/python/jitd/link.py */
}

/* ---- attributes ---- */

bool def_same_const(const Global *a, const Global *b) {
    if (!a || !b || a->kind != b->kind)
        return a == b;
    return a->i == b->i && !memcmp(&a->f, &b->f, sizeof a->f) && str_eq(a->s, b->s);
}

/* Whether an attribute of the two is one and the same thing, and no method or property. */
static bool is_same_attribute(const DefSpec *a, const DefSpec *b, Str name) {
    const Global *x = def_find_const(&a->other, name), *y = def_find_const(&b->other, name);
    bool is_field = def_find_field(a, name) >= 0;
    if (is_field || def_find_field(b, name) >= 0)
        return is_field;
    if ((x && x->type) || (y && y->type))
        return x && x->type && y && y->type && type_eq(x->type, y->type);
    return !x && !y && def_find_property(a, name, FUNC_PROPERTY) < 0 && def_find_property(b, name, FUNC_PROPERTY) < 0 &&
           def_same_const(def_find_const(&a->consts, name), def_find_const(&b->consts, name));
}

void infer_heirs_agree(Infer *in, const Node *n, const Type *t, Str name, bool store) {
    const DefSpec *defs = in->lang->unit->defs, *d = &defs[t->def];
    for (size_t i = 0; lang_is_open(in->lang, t) && i < d->nheirs; i++) {
        infer_access(in, n, &defs[d->heirs[i]], store);
        if (!is_same_attribute(d, &defs[d->heirs[i]], name))
            fail(in->c, n->span, "'%.*s' is not the same thing in all classes that extend %.*s", STR_FMT(name),
                 STR_FMT(d->name));
    }
}

/* ---- functions that do the same for all ---- */

typedef struct Common {
    Lang *lang;
    uint32_t def;
    const Bound *bound;
    bool same; /* so far */
} Common;

static bool is_self(const Common *c, const Node *n) {
    const Binding *b = &c->bound->binding[n->id];
    return n->kind == NODE_Name && b->kind == BIND_LOCAL && b->local == 0;
}

static bool is_hooked(const DefSpec *d) {
    static const char *const hooks[] = {"__getattribute__", "__getattr__", "__setattr__"};
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        if (def_find_const(&d->other, str_from_cstr(hooks[i])))
            return true;
    return false;
}

/* The method that all of them inherit; -1: there is none, or one has its own. */
static int common_method(const Lang *lang, uint32_t def, Str name) {
    const DefSpec *d = &lang->unit->defs[def];
    int func = lang_find_func(lang, def, name);
    bool same = func >= 0 && d->funcs[func].kind == FUNC_METHOD;
    for (size_t i = 0; same && i < d->nheirs; i++) {
        const DefSpec *heir = &lang->unit->defs[d->heirs[i]];
        int other = lang_find_func(lang, d->heirs[i], name);
        const FuncOwner *owner = other < 0 ? NULL : &heir->funcs[other].owner;
        same = owner && owner->level && owner->is_def && heir->funcs[other].line == d->funcs[func].line &&
               owner->def == (d->funcs[func].owner.level ? d->funcs[func].owner.def : def);
    }
    return same ? func : -1;
}

static bool uses_the_same(const Common *c, const Node *attribute, bool is_called) {
    const DefSpec *defs = c->lang->unit->defs, *d = &defs[c->def];
    Str name = bound_mangle(c->lang->pool, c->bound, attribute->Attribute.attr);
    int method = is_called ? common_method(c->lang, c->def, name) : -1;
    if (method >= 0)
        return lang_is_common(c->lang, c->def, (uint32_t)method);
    for (size_t i = 0; i < d->nheirs; i++)
        if (is_called || is_hooked(&defs[d->heirs[i]]) || !is_same_attribute(d, &defs[d->heirs[i]], name))
            return false;
    return !is_called;
}

static void look_child(void *arg, const char *field, const Node *n);

static void look(Common *c, const Node *n) {
    const Node *called = n->kind == NODE_Call && n->Call.func->kind == NODE_Attribute ? n->Call.func : NULL;
    if (called && is_self(c, called->Attribute.value)) {
        c->same = c->same && uses_the_same(c, called, true);
        for (size_t i = 0; i < n->Call.args.len; i++)
            look(c, n->Call.args.at[i]);
        for (size_t i = 0; i < n->Call.keywords.len; i++)
            look(c, n->Call.keywords.at[i]->keyword.value);
    } else if (n->kind == NODE_Attribute && is_self(c, n->Attribute.value)) {
        c->same = c->same && uses_the_same(c, n, false);
    } else {
        c->same = c->same && !is_self(c, n) && !bound_is_super(c->bound, n);
        node_each_child(n, look_child, c);
    }
}

static void look_child(void *arg, const char *field, const Node *n) {
    Common *c = arg;
    (void)field;
    if (n && c->same)
        look(c, n);
}

/* One that calls itself is none: what it calls would have been judged before it is. */
bool lang_is_common(Lang *lang, uint32_t def, uint32_t func) {
    FuncState *f = lang_func(lang, def, func);
    if (f->common != COMMON_UNKNOWN)
        return f->common == COMMON_YES;
    f->common = COMMON_NO;
    Common c = {lang, def, f->bound, f->bound && f->bound->func->kind == FUNC_METHOD && !f->bound->assigned[0]};
    Nodes body = f->bound ? f->bound->function->FunctionDef.body : (Nodes){0};
    for (size_t i = 0; c.same && i < body.len; i++)
        look(&c, body.at[i]);
    f->common = c.same ? COMMON_YES : COMMON_NO;
    return c.same;
}

bool lang_find_common(Lang *lang, uint32_t *def, uint32_t *func) {
    const FuncSpec *f = &lang->unit->defs[*def].funcs[*func];
    const FuncOwner *owner = &f->owner;
    if (f->kind != FUNC_METHOD || (owner->level && !owner->is_def))
        return false;
    uint32_t base = owner->level ? owner->def : *def;
    int own = base == *def ? (int)*func : lang_find_func(lang, base, f->name);
    bool found = own >= 0 && lang_extends(lang, *def, base) && lang->unit->defs[base].nheirs &&
                 !lang->unit->defs[base].funcs[own].owner.level && lang->unit->defs[base].funcs[own].line == f->line &&
                 lang_is_common(lang, base, (uint32_t)own);
    if (found)
        *def = base, *func = (uint32_t)own;
    return found;
}
