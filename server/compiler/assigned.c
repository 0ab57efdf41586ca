/* Definite assignment: which numbers among the fields an __init__ may leave unset, and which it reads before they are set. That is an
 * AttributeError in CPython and a zero in the arena, so it is said when the class is compiled. A field counts as set only
 * where that is certain whatever the values: not after a loop's body, a `with`, a `try` that has a handler, or a function that got self.
 * Works on trees, so that an __init__ that is not compiled is looked at too. Needs: lang_func. Leaves: warnings. */
#include "server/compiler/assigned.h"

/* The fields set on every path that comes to a point; on a dead one there are no paths. */
typedef struct Flow {
    bool dead;
    uint64_t *set;
} Flow;

typedef struct Facts {
    bool begun; /* what a recursive call sets is not known: nothing */
    bool returns;
    const uint64_t *set; /* when it returns */
    const Node **read;   /* per field: where it is read and may not have been set before; NULL: nowhere */
} Facts;

typedef struct Assigned {
    Lang *lang;
    uint32_t def;
    const DefSpec *spec;
    size_t nwords;
    Facts *facts; /* per function of the definition */
} Assigned;

typedef struct Walk {
    Assigned *a;
    const Bound *bound; /* for mangling */
    Str self;           /* empty: something else is assigned to it */
    Flow now, end;
    Flow *on_break;
    const Node **read;
    const Node *walked; /* the first iterable of the comprehension at hand */
} Walk;

static void walk_expr(Walk *w, const Node *n);
static void walk_body(Walk *w, Nodes body);
static const Facts *facts_of(Assigned *a, uint32_t func);

/* ---- flows ---- */

static uint64_t *set_new(Assigned *a) {
    return pool_array(a->lang->pool, uint64_t, a->nwords);
}

static bool set_has(const uint64_t *set, uint32_t field) {
    return set[field / 64] >> field % 64 & 1;
}

static Flow flow_copy(Walk *w, Flow flow) {
    uint64_t *set = set_new(w->a);
    memcpy(set, flow.set, w->a->nwords * sizeof *set);
    return (Flow){flow.dead, set};
}

static Flow flow_dead(Walk *w) {
    return (Flow){true, set_new(w->a)};
}

static void flow_join(Walk *w, Flow *into, Flow from) {
    if (from.dead)
        return;
    for (size_t i = 0; i < w->a->nwords; i++)
        into->set[i] = into->dead ? from.set[i] : into->set[i] & from.set[i];
    into->dead = false;
}

/* ---- fields and methods of self ---- */

static bool is_self(const Walk *w, const Node *n) {
    return w->self.len && n->kind == NODE_Name && str_eq(n->Name.id, w->self);
}

/* A number's field without a default: the others are never unset, or say so. */
static bool is_tracked(const FieldSpec *f) {
    return type_is_scalar(f->type) && !f->default_value;
}

static void note_set(Walk *w, Str name) {
    for (uint32_t i = 0; i < w->a->spec->nfields; i++)
        if (str_eq(w->a->spec->fields[i].name, name))
            w->now.set[i / 64] |= (uint64_t)1 << i % 64;
}

static void note_read(Walk *w, uint32_t field, const Node *n) {
    if (!w->now.dead && is_tracked(&w->a->spec->fields[field]) && !set_has(w->now.set, field) && !w->read[field])
        w->read[field] = n;
}

static void read_attribute(Walk *w, const Node *n) {
    Str name = bound_mangle(w->a->lang->pool, w->bound, n->Attribute.attr);
    for (uint32_t i = 0; is_self(w, n->Attribute.value) && i < w->a->spec->nfields; i++)
        if (str_eq(w->a->spec->fields[i].name, name))
            note_read(w, i, n);
}

/* A method or property of self: what it does to self's fields happens here. */
static void run(Walk *w, int func, FuncKind kind, const Node *n) {
    const DefSpec *d = w->a->spec;
    if (func < 0 || d->funcs[func].kind != kind)
        return;
    const Facts *facts = facts_of(w->a, (uint32_t)func);
    for (uint32_t k = 0; facts && k < d->nfields; k++)
        if (facts->read[k])
            note_read(w, k, n);
    for (size_t k = 0; facts && k < w->a->nwords; k++)
        w->now.set[k] |= facts->set[k];
    w->now.dead |= facts && !facts->returns;
}

static int find_own(const Walk *w, const Node *attribute, FuncKind kind) {
    Str name = bound_mangle(w->a->lang->pool, w->bound, attribute->Attribute.attr);
    const DefSpec *d = w->a->spec;
    for (size_t i = 0; i < d->nfuncs; i++)
        if (d->funcs[i].kind == kind && !d->funcs[i].owner.hidden && str_eq(d->funcs[i].name, name))
            return (int)i;
    return -1;
}

static void walk_attribute(Walk *w, const Node *n) {
    walk_expr(w, n->Attribute.value);
    read_attribute(w, n);
    if (is_self(w, n->Attribute.value))
        run(w, find_own(w, n, FUNC_PROPERTY), FUNC_PROPERTY, n);
}

/* The class's own name, or that of one above it: from which level of the method resolution order on it is looked for; -1: neither. */
static int level_of(const Walk *w, Str name) {
    const DefSpec *d = w->a->spec;
    if (str_eq(name, lang_short_name(d)))
        return 0;
    for (size_t i = 0; i < d->nfuncs; i++)
        if (d->funcs[i].owner.level && str_eq(d->funcs[i].owner.name, name))
            return (int)d->funcs[i].owner.level;
    return -1;
}

/* Which function self.method(...), super().method(...) or Class.method(self, ...) calls; -1: it is something else. */
static int called_own(const Walk *w, const Node *n) {
    const Node *f = n->Call.func, *base = f->kind == NODE_Attribute ? f->Attribute.value : NULL;
    const Lang *lang = w->a->lang;
    if (!base)
        return -1;
    Str name = bound_mangle(lang->pool, w->bound, f->Attribute.attr);
    if (is_self(w, base))
        return find_own(w, f, FUNC_METHOD);
    if (base->kind == NODE_Call && base->Call.func->kind == NODE_Name && str_eq_c(base->Call.func->Name.id, "super"))
        return lang_find_above(lang, w->a->def, name, w->bound->func->owner.level);
    int level =
        base->kind == NODE_Name && n->Call.args.len && is_self(w, n->Call.args.at[0]) ? level_of(w, base->Name.id) : -1;
    return level > 0    ? lang_find_above(lang, w->a->def, name, (uint32_t)level - 1)
           : level == 0 ? find_own(w, f, FUNC_METHOD)
                        : -1;
}

static void walk_call(Walk *w, const Node *n) {
    walk_expr(w, n->Call.func);
    for (size_t i = 0; i < n->Call.args.len; i++)
        walk_expr(w, n->Call.args.at[i]);
    for (size_t i = 0; i < n->Call.keywords.len; i++)
        walk_expr(w, n->Call.keywords.at[i]->keyword.value);
    run(w, called_own(w, n), FUNC_METHOD, n);
}

/* ---- expressions ---- */

static void walk_child(void *arg, const char *field, const Node *n) {
    (void)field;
    if (n)
        walk_expr(arg, n);
}

/* Parts that may or may not be evaluated, one after the other: what they set does not count. */
static void walk_maybe(Walk *w, const Node *const *parts, size_t n) {
    Flow before = flow_copy(w, w->now);
    for (size_t i = 0; i < n; i++)
        walk_expr(w, parts[i]);
    w->now = before;
}

static void walk_ifexp(Walk *w, const Node *n) {
    walk_expr(w, n->IfExp.test);
    Flow no = flow_copy(w, w->now);
    walk_expr(w, n->IfExp.body);
    Flow yes = w->now;
    w->now = no;
    walk_expr(w, n->IfExp.orelse);
    flow_join(w, &w->now, yes);
}

/* The first iterable is evaluated once, the rest any number of times. */
static void walk_comprehension(Walk *w, const Node *n, Nodes generators) {
    const Node *first = generators.at[0]->comprehension.iter, *outer = w->walked;
    walk_expr(w, first);
    Flow before = flow_copy(w, w->now);
    w->walked = first; /* once is enough: it may be a comprehension, too, and so on */
    node_each_child(n, walk_child, w);
    w->walked = outer;
    w->now = before;
}

static void walk_expr(Walk *w, const Node *n) {
    if (n == w->walked)
        return;
    switch (n->kind) {
    case NODE_Lambda:
        return; /* not run here */
    case NODE_Attribute:
        walk_attribute(w, n);
        return;
    case NODE_Call:
        walk_call(w, n);
        return;
    case NODE_IfExp:
        walk_ifexp(w, n);
        return;
    case NODE_BoolOp:
        walk_expr(w, n->BoolOp.values.at[0]);
        walk_maybe(w, (const Node *const *)n->BoolOp.values.at + 1, n->BoolOp.values.len - 1);
        return;
    case NODE_Compare:
        walk_expr(w, n->Compare.left);
        walk_expr(w, n->Compare.comparators.at[0]);
        walk_maybe(w, (const Node *const *)n->Compare.comparators.at + 1, n->Compare.comparators.len - 1);
        return;
    case NODE_ListComp:
        walk_comprehension(w, n, n->ListComp.generators);
        return;
    case NODE_SetComp:
        walk_comprehension(w, n, n->SetComp.generators);
        return;
    case NODE_DictComp:
        walk_comprehension(w, n, n->DictComp.generators);
        return;
    case NODE_GeneratorExp:
        walk_comprehension(w, n, n->GeneratorExp.generators);
        return;
    default:
        node_each_child(n, walk_child, w);
    }
}

static void walk_target(Walk *w, const Node *n);

static void walk_targets(Walk *w, Nodes targets) {
    for (size_t i = 0; i < targets.len; i++)
        walk_target(w, targets.at[i]);
}

static void walk_target(Walk *w, const Node *n) {
    switch (n->kind) {
    case NODE_Attribute:
        walk_expr(w, n->Attribute.value);
        if (!is_self(w, n->Attribute.value))
            return;
        note_set(w, bound_mangle(w->a->lang->pool, w->bound, n->Attribute.attr));
        run(w, find_own(w, n, FUNC_SETTER), FUNC_SETTER, n);
        return;
    case NODE_Subscript:
        walk_expr(w, n->Subscript.value);
        walk_expr(w, n->Subscript.slice);
        return;
    case NODE_Tuple:
        walk_targets(w, n->Tuple.elts);
        return;
    case NODE_List:
        walk_targets(w, n->List.elts);
        return;
    case NODE_Starred:
        walk_target(w, n->Starred.value);
        return;
    default:
        return;
    }
}

/* ---- statements ---- */

static void walk_if(Walk *w, const Node *n) {
    walk_expr(w, n->If.test);
    Flow no = flow_copy(w, w->now);
    walk_body(w, n->If.body);
    Flow yes = w->now;
    w->now = no;
    walk_body(w, n->If.orelse);
    flow_join(w, &w->now, yes);
}

static bool is_true(const Node *n) {
    return n->kind == NODE_Constant &&
           (n->Constant.value.kind == CONST_TRUE || (n->Constant.value.kind == CONST_INT && n->Constant.value.i != 0));
}

/* From the test on, which has been walked; the body may run no time at all. */
static void walk_loop(Walk *w, const Node *target, Nodes body, Nodes orelse, bool endless) {
    Flow out = flow_dead(w), *outer = w->on_break, head = flow_copy(w, w->now);
    w->on_break = &out;
    if (target)
        walk_target(w, target);
    walk_body(w, body);
    w->on_break = outer;
    w->now = head;
    w->now.dead |= endless;
    walk_body(w, orelse);
    flow_join(w, &w->now, out);
}

static void walk_with(Walk *w, Nodes items, Nodes body) {
    for (size_t i = 0; i < items.len; i++) {
        walk_expr(w, items.at[i]->withitem.context_expr);
        if (items.at[i]->withitem.optional_vars)
            walk_target(w, items.at[i]->withitem.optional_vars);
    }
    Flow before = flow_copy(w, w->now); /* it may swallow an exception */
    walk_body(w, body);
    flow_join(w, &w->now, before);
}

/* What comes to a handler has what was set before the try; so has `finally`, whose own sets count for all. */
static void walk_try(Walk *w, Nodes body, Nodes handlers, Nodes orelse, Nodes finalbody) {
    Flow before = flow_copy(w, w->now);
    walk_body(w, body);
    walk_body(w, orelse);
    Flow after = w->now;
    for (size_t i = 0; i < handlers.len; i++) {
        w->now = flow_copy(w, before);
        walk_body(w, handlers.at[i]->ExceptHandler.body);
        flow_join(w, &after, w->now);
    }
    w->now = before;
    walk_body(w, finalbody);
    for (size_t i = 0; i < w->a->nwords; i++)
        w->now.set[i] |= after.set[i];
    w->now.dead |= after.dead;
}

static void walk_match(Walk *w, const Node *n) {
    walk_expr(w, n->Match.subject);
    Flow after = flow_dead(w), before = flow_copy(w, w->now);
    for (size_t i = 0; i < n->Match.cases.len; i++) {
        const Node *one = n->Match.cases.at[i], *pattern = one->match_case.pattern, *guard = one->match_case.guard;
        w->now = flow_copy(w, before);
        if (guard)
            walk_expr(w, guard);
        walk_body(w, one->match_case.body);
        flow_join(w, &after, w->now);
        before.dead |= !guard && pattern->kind == NODE_MatchAs && !pattern->MatchAs.pattern;
    }
    w->now = before;
    flow_join(w, &w->now, after);
}

static void walk_leave(Walk *w, const Node *value, Flow *to) {
    if (value)
        walk_expr(w, value);
    if (to)
        flow_join(w, to, w->now);
    w->now.dead = true;
}

static void walk_assign(Walk *w, const Node *n) {
    walk_expr(w, n->Assign.value);
    walk_targets(w, n->Assign.targets);
}

static void walk_augassign(Walk *w, const Node *n) {
    walk_expr(w, n->AugAssign.target);
    walk_expr(w, n->AugAssign.value);
    walk_target(w, n->AugAssign.target);
}

static void walk_stmt(Walk *w, const Node *n) {
    switch (n->kind) {
    case NODE_Assign:
        walk_assign(w, n);
        return;
    case NODE_AugAssign:
        walk_augassign(w, n);
        return;
    case NODE_AnnAssign:
        if (n->AnnAssign.value) {
            walk_expr(w, n->AnnAssign.value);
            walk_target(w, n->AnnAssign.target);
        }
        return;
    case NODE_If:
        walk_if(w, n);
        return;
    case NODE_For:
        walk_expr(w, n->For.iter);
        walk_loop(w, n->For.target, n->For.body, n->For.orelse, false);
        return;
    case NODE_While:
        walk_expr(w, n->While.test);
        walk_loop(w, NULL, n->While.body, n->While.orelse, is_true(n->While.test));
        return;
    case NODE_With:
        walk_with(w, n->With.items, n->With.body);
        return;
    case NODE_Try:
        walk_try(w, n->Try.body, n->Try.handlers, n->Try.orelse, n->Try.finalbody);
        return;
    case NODE_TryStar:
        walk_try(w, n->TryStar.body, n->TryStar.handlers, n->TryStar.orelse, n->TryStar.finalbody);
        return;
    case NODE_Match:
        walk_match(w, n);
        return;
    case NODE_Return:
        walk_leave(w, n->Return.value, &w->end);
        return;
    case NODE_Raise:
        walk_leave(w, n->Raise.exc, NULL);
        return;
    case NODE_Break:
        walk_leave(w, NULL, w->on_break);
        return;
    case NODE_Continue:
        walk_leave(w, NULL, NULL);
        return;
    case NODE_Assert:
        walk_expr(w, n->Assert.test);
        walk_maybe(w, (const Node *const *)&n->Assert.msg, n->Assert.msg != NULL);
        return;
    case NODE_Expr:
        walk_expr(w, n->Expr.value);
        return;
    default:
        return; /* nested functions and classes, imports: nothing of self's */
    }
}

static void walk_body(Walk *w, Nodes body) {
    for (size_t i = 0; i < body.len && !w->now.dead; i++)
        walk_stmt(w, body.at[i]);
}

/* ---- functions ---- */

/* A generator does nothing when it is called; a self that is assigned to is not self. */
static void look_inside(void *arg, const char *field, const Node *n) {
    Str *self = arg;
    (void)field;
    if (!n)
        return;
    bool rebinds = n->kind == NODE_Name && n->Name.ctx != CTX_Load && str_eq(n->Name.id, *self);
    if (rebinds || n->kind == NODE_Yield || n->kind == NODE_YieldFrom)
        *self = STR_NULL;
    node_each_child(n, look_inside, arg);
}

static Str self_name(const Node *function) {
    const Nodearguments *args = &function->FunctionDef.args->arguments;
    Nodes first = args->posonlyargs.len ? args->posonlyargs : args->args;
    Str self = first.len ? first.at[0]->arg.arg : STR_NULL;
    node_each_child(function, look_inside, &self);
    return self;
}

/* NULL: not known, or no function that runs when it is called. */
static const Facts *facts_of(Assigned *a, uint32_t func) {
    Facts *facts = &a->facts[func];
    if (facts->begun)
        return facts->set ? facts : NULL;
    facts->begun = true;
    const Node *function = lang_func(a->lang, a->def, func)->tree;
    if (!function || function->kind != NODE_FunctionDef)
        return NULL;
    if (!str_eq(function->FunctionDef.name, a->spec->funcs[func].name)) /* a decorator's */
        return NULL;
    Pool *pool = a->lang->pool;
    Bound bound = {.def = a->spec, .func = &a->spec->funcs[func]};
    Walk w = {.a = a, .bound = &bound, .self = self_name(function)};
    w.read = pool_array(pool, const Node *, a->spec->nfields + 1);
    w.now = (Flow){false, set_new(a)};
    w.end = flow_dead(&w);
    walk_body(&w, function->FunctionDef.body);
    flow_join(&w, &w.end, w.now);
    *facts = (Facts){.begun = true, .returns = !w.end.dead, .set = w.end.set, .read = w.read};
    return facts;
}

/* ---- what is said ---- */

typedef struct Said {
    Assigned *a;
    Warning *at;
    size_t len, cap;
} Said;

#define HINT "give it a default or set it"

static void say(Said *s, const FuncState *f, Span span, Str message) {
    Source none = {.file = s->a->spec->file};
    Diag diag = {.span = span, .message = message, .hint = STR_NULL};
    Warning warning = {.line = span.line, .col = span.col, .message = message};
    warning.rendered = diag_render(s->a->lang->pool, f ? &f->source : &none, &diag);
    pool_push(s->a->lang->pool, s->at, s->len, s->cap) = warning;
}

/* `def __init__`, not the whole of it. */
static Span name_span(const Node *function) {
    Span span = function->span;
    span.end_line = span.line;
    span.end_col = span.col + (int)strlen("def ") + (int)function->FunctionDef.name.len;
    return span;
}

static void say_of_field(Said *s, FuncState *init, const Facts *facts, uint32_t field) {
    Pool *pool = s->a->lang->pool;
    Str name = s->a->spec->fields[field].name;
    if (!init)
        say(s, NULL, (Span){0},
            pool_printf(pool,
                        "field '%.*s' has no default and the class no __init__: it reads 0 until it is set, where "
                        "Python raises AttributeError; " HINT,
                        STR_FMT(name)));
    else if (facts->returns && !set_has(facts->set, field))
        say(s, init, name_span(init->tree),
            pool_printf(pool,
                        "field '%.*s' is not set on every path of __init__: it reads 0 until it is set, where Python "
                        "raises AttributeError; " HINT,
                        STR_FMT(name)));
    else if (facts->read[field])
        say(s, init, facts->read[field]->span,
            pool_printf(pool,
                        "field '%.*s' may not have been set when it is read here: it reads 0 then, where Python raises "
                        "AttributeError; " HINT " before",
                        STR_FMT(name)));
}

static void say_unknown(Said *s, const FuncState *init) {
    Span span = init && init->tree ? name_span(init->tree) : (Span){0};
    say(s, init, span,
        STR("what this __init__ does cannot be seen: a number's field that it does not set reads 0, where Python "
            "raises "
            "AttributeError"));
}

static bool has_tracked(const DefSpec *d) {
    for (size_t i = 0; i < d->nfields; i++)
        if (is_tracked(&d->fields[i]))
            return true;
    return false;
}

void assigned_check(Lang *lang, uint32_t def, Warning **ret_warnings, size_t *ret_n) {
    const DefSpec *d = &lang->unit->defs[def];
    Assigned a = {.lang = lang, .def = def, .spec = d, .nwords = d->nfields / 64 + 1};
    Said said = {.a = &a};
    a.facts = pool_array(lang->pool, Facts, d->nfuncs + 1);
    int init = d->init == INIT_USER ? lang_find_func(lang, def, STR("__init__")) : -1;
    const Facts *facts = init >= 0 ? facts_of(&a, (uint32_t)init) : NULL;
    FuncState *f = init >= 0 ? lang_func(lang, def, (uint32_t)init) : NULL;
    if (d->is_class && d->init == INIT_USER && !facts && has_tracked(d))
        say_unknown(&said, f);
    bool known = d->is_class && (d->init == INIT_NONE || facts);
    for (uint32_t i = 0; known && i < d->nfields; i++)
        if (is_tracked(&d->fields[i]))
            say_of_field(&said, f, facts, i);
    *ret_warnings = said.at;
    *ret_n = said.len;
}
