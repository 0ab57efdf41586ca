/* Resolve: binds every name of a function to a local or a global, and refuses by name what is not compiled.
 * Needs: the function's tree and spec. Leaves: Bound. */
#include "server/compiler/bound.h"

/* A name of an inner scope; its local, of a comprehension. */
typedef struct Hidden {
    Str name;
    int local; /* -1: nothing compiled reads it */
} Hidden;

/* The names of an inner scope, of a comprehension or lambda, which hide the function's. */
typedef struct Scope {
    const struct Scope *outer;
    Hidden *names;
    size_t len, cap;
} Scope;

typedef struct Resolver {
    Compilation *c;
    Bound *bound;
    size_t cap, cap_hidden;
    uint32_t next_hidden; /* the next local of a comprehension, in the second walk */
    const Scope *scope;
    const Node *inside; /* Bound.inside */
    unsigned lasting;   /* inside so many functions that may outlive the statement they are in */
    const Node **seen;  /* names of the function that such ones read */
    size_t nseen, cap_seen;
    void (*visit)(struct Resolver *r, const Node *n);
} Resolver;

static const char *const refused_words[N_NODE_KINDS] = {
#define REFUSED(kind, words) [NODE_##kind] = words,
#define PYTHON(kind, words)
#include "server/compiler/refused.def"
#undef REFUSED
#undef PYTHON
};

static bool is_private(Str name) {
    return name.len > 2 && name.ptr[0] == '_' && name.ptr[1] == '_' &&
           !(name.len > 3 && name.ptr[name.len - 1] == '_' && name.ptr[name.len - 2] == '_');
}

Str bound_mangle(Pool *pool, const Bound *bound, Str name) {
    if (!bound->def->is_class || !is_private(name))
        return name;
    Str cls = bound->func->owner.level ? bound->func->owner.name : bound->def->name;
    for (size_t i = cls.len; i > 0; i--)
        if (cls.ptr[i - 1] == '.') {
            cls = str_slice(cls, i, cls.len);
            break;
        }
    while (cls.len && cls.ptr[0] == '_')
        cls = str_slice(cls, 1, cls.len);
    return cls.len ? pool_printf(pool, "_%.*s%.*s", STR_FMT(cls), STR_FMT(name)) : name;
}

typedef struct Mention {
    const Bound *bound;
    uint32_t local;
    bool found;
} Mention;

static void find_mention(void *arg, const char *field, const Node *n) {
    Mention *m = arg;
    (void)field;
    if (!n || m->found)
        return;
    m->found = n->kind == NODE_Name && m->bound->binding[n->id].kind == BIND_LOCAL &&
               m->bound->binding[n->id].local == m->local;
    node_each_child(n, find_mention, arg);
}

/* The loop sets it in each turn, and what is done without a turn, or before the first, does not read it. */
static bool is_set_by_loop(const Bound *bound, const Node *n, uint32_t local) {
    Mention m = {.bound = bound, .local = local};
    if (n->kind != NODE_For || n->For.target->kind != NODE_Name)
        return false;
    find_mention(&m, NULL, n->For.target);
    if (!m.found)
        return false;
    m.found = false;
    find_mention(&m, NULL, n->For.iter);
    for (size_t i = 0; i < n->For.orelse.len; i++)
        find_mention(&m, NULL, n->For.orelse.at[i]);
    return !m.found;
}

bool bound_may_be_read(const Bound *bound, const Node *n, uint32_t local, uint64_t from) {
    if (from == bound_place(n->span.line, n->span.col) && is_set_by_loop(bound, n, local))
        from = bound_place(n->span.end_line, n->span.end_col);
    return bound->last_read[local] >= from;
}

static int find_local(const Bound *b, Str name) {
    for (uint32_t i = 0; i < b->nlocals; i++)
        if (!b->hidden[i] && str_eq(b->locals[i], name))
            return (int)i;
    return -1;
}

static uint32_t push_local(Resolver *r, Str name, bool hidden) {
    size_t len = r->bound->nlocals, same = len;
    pool_push(r->c->pool, r->bound->locals, len, r->cap) = name;
    pool_push(r->c->pool, r->bound->hidden, same, r->cap_hidden) = hidden;
    r->bound->nlocals = (uint32_t)len;
    return r->bound->nlocals - 1;
}

static uint32_t add_local(Resolver *r, Str name) {
    int at = find_local(r->bound, name);
    return at >= 0 ? (uint32_t)at : push_local(r, name, false);
}

/* Both walks come to a comprehension's own names in the same order. */
static uint32_t add_hidden(Resolver *r, Str name) {
    if (!r->bound->binding)
        return push_local(r, name, true);
    while (!r->bound->hidden[r->next_hidden])
        r->next_hidden++;
    return r->next_hidden++;
}

static void check_supported(Resolver *r, const Node *n) {
    const char *words = refused_words[n->kind];
    if (words)
        fail(r->c, n->span, "%s is not compiled yet", words);
}

/* ---- scopes ---- */

/* NULL: it is the function's. */
static const Hidden *find_hidden(const Resolver *r, Str name) {
    for (const Scope *scope = r->scope; scope; scope = scope->outer)
        for (size_t i = 0; i < scope->len; i++)
            if (str_eq(scope->names[i].name, name))
                return &scope->names[i];
    return NULL;
}

static void walk(Resolver *r, const Node *n);

static void walk_all(Resolver *r, Nodes nodes) {
    for (size_t i = 0; i < nodes.len; i++)
        walk(r, nodes.at[i]);
}

static void walk_child(void *arg, const char *field, const Node *n) {
    (void)field;
    walk(arg, n);
}

typedef struct Targets {
    Resolver *r;
    Scope *scope;
} Targets;

static void add_name(Resolver *r, Scope *scope, Str written, bool is_local) {
    Str name = bound_mangle(r->c->pool, r->bound, written);
    for (size_t i = 0; i < scope->len; i++)
        if (str_eq(scope->names[i].name, name))
            return;
    pool_push(r->c->pool, scope->names, scope->len, scope->cap) =
        (Hidden){name, is_local ? (int)add_hidden(r, name) : -1};
}

static void add_target(void *arg, const char *field, const Node *n) {
    Targets *t = arg;
    (void)field;
    if (n && n->kind == NODE_Name)
        add_name(t->r, t->scope, n->Name.id, true);
    else if (n)
        node_each_child(n, add_target, arg);
}

/* ---- comprehensions as loops ---- */

static Node *made(Resolver *r, NodeKind kind, Span span) {
    Node *n = pool_new(r->c->pool, Node);
    *n = (Node){.kind = kind, .id = r->bound->nnodes++, .span = span};
    r->bound->inside[n->id] = r->inside;
    return n;
}

static Nodes block_of(Resolver *r, Node *statement) {
    Nodes body = {.at = pool_array(r->c->pool, Node *, 1), .len = 1};
    body.at[0] = statement;
    return body;
}

static bool has_names_only(const Node *target) {
    if (target->kind != NODE_Tuple && target->kind != NODE_List)
        return target->kind == NODE_Name;
    Nodes elts = target->kind == NODE_Tuple ? target->Tuple.elts : target->List.elts;
    for (size_t i = 0; i < elts.len; i++)
        if (!has_names_only(elts.at[i]))
            return false;
    return true;
}

/* From its first target to the end of its iterable: no node of the source has that place. */
static Span span_of(const Nodecomprehension *c) {
    return (Span){c->target->span.line, c->target->span.col, c->iter->span.end_line, c->iter->span.end_col};
}

/* for ... in ...: if ...: yield element, where yield gives it to the comprehension. */
static const Node *write_out(Resolver *r, const Node *elt, const Nodes *generators) {
    Node *yield = made(r, NODE_Yield, elt->span), *inner = made(r, NODE_Expr, elt->span);
    yield->Yield.value = (Node *)elt;
    inner->Expr.value = yield;
    for (size_t i = generators->len; i--;) {
        const Nodecomprehension *c = &generators->at[i]->comprehension;
        if (c->is_async || !has_names_only(c->target))
            return NULL;
        for (size_t k = c->ifs.len; k--;) {
            Node *test = made(r, NODE_If, c->ifs.at[k]->span);
            test->If.test = c->ifs.at[k];
            test->If.body = block_of(r, inner);
            inner = test;
        }
        Node *loop = made(r, NODE_For, span_of(c));
        loop->For.target = c->target;
        loop->For.iter = c->iter;
        loop->For.body = block_of(r, inner);
        inner = loop;
    }
    return inner;
}

static bool is_looped(const Node *n, const Node *as) {
    static const char *const takers[] = {"all", "any", "sum", "min", "max"};
    for (size_t i = 0; as != n && i < sizeof takers / sizeof *takers; i++)
        if (as->Call.func->kind == NODE_Name && str_eq_c(as->Call.func->Name.id, takers[i]))
            return true;
    return n->kind != NODE_GeneratorExp;
}

/* What is given for each turn: of a dict a pair. */
static const Node *element_of(Resolver *r, const Node *n) {
    if (n->kind != NODE_DictComp)
        return n->kind == NODE_ListComp  ? n->ListComp.elt
               : n->kind == NODE_SetComp ? n->SetComp.elt
                                         : n->GeneratorExp.elt;
    const Span *key = &n->DictComp.key->span, *value = &n->DictComp.value->span;
    Node *pair = made(r, NODE_Tuple, (Span){key->line, key->col, value->end_line, value->end_col});
    pair->Tuple.elts = (Nodes){.at = pool_array(r->c->pool, Node *, 2), .len = 2};
    pair->Tuple.elts.at[0] = n->DictComp.key;
    pair->Tuple.elts.at[1] = n->DictComp.value;
    return pair;
}

/* Its first iterable is evaluated outside of it. `as` stands for its scope: n itself, or the call that takes it at once. */
static void walk_comprehension(Resolver *r, const Node *n, const Node *as, const Nodes *generators) {
    Scope scope = {.outer = r->scope};
    const Node *inside = r->inside;
    walk(r, generators->at[0]->comprehension.iter);
    for (size_t i = 0; i < generators->len; i++)
        add_target(&(Targets){r, &scope}, NULL, generators->at[i]->comprehension.target);
    r->scope = &scope;
    r->inside = as;
    for (size_t i = 0; i < generators->len; i++) {
        const Nodecomprehension *c = &generators->at[i]->comprehension;
        walk(r, c->target);
        if (i)
            walk(r, c->iter);
        walk_all(r, c->ifs);
    }
    if (n->kind == NODE_DictComp) {
        walk(r, n->DictComp.key);
        walk(r, n->DictComp.value);
    } else {
        walk(r, n->kind == NODE_ListComp  ? n->ListComp.elt
                : n->kind == NODE_SetComp ? n->SetComp.elt
                                          : n->GeneratorExp.elt);
    }
    if (r->bound->binding && is_looped(n, as))
        r->bound->loops[as->id] = write_out(r, element_of(r, n), generators);
    r->scope = scope.outer;
    r->inside = inside;
}

static void add_parameter(Resolver *r, Scope *scope, const Node *arg) {
    if (arg)
        add_name(r, scope, arg->arg.arg, false);
}

static void add_parameters(Resolver *r, Scope *scope, Nodes args) {
    for (size_t i = 0; i < args.len; i++)
        add_parameter(r, scope, args.at[i]);
}

static void walk_lambda(Resolver *r, const Node *n) {
    const Nodearguments *args = &n->Lambda.args->arguments;
    Scope scope = {.outer = r->scope};
    walk_all(r, args->defaults);
    walk_all(r, args->kw_defaults);
    add_parameters(r, &scope, args->posonlyargs);
    add_parameters(r, &scope, args->args);
    add_parameters(r, &scope, args->kwonlyargs);
    add_parameter(r, &scope, args->vararg);
    add_parameter(r, &scope, args->kwarg);
    r->scope = &scope;
    r->lasting++;
    walk(r, n->Lambda.body);
    r->lasting--;
    r->scope = scope.outer;
}

/* "".join(...) */
static bool is_join(const Node *call) {
    const Node *f = call->Call.func, *text = f->kind == NODE_Attribute ? f->Attribute.value : NULL;
    return text && text->kind == NODE_Constant && text->Constant.value.kind == CONST_STR &&
           str_eq_c(f->Attribute.attr, "join") && call->Call.args.len == 1;
}

/* Built-in functions that are done with an iterable when they return. */
static bool takes_at_once(const Resolver *r, const Node *call) {
    static const char *const names[] = {"sum",  "any",   "all", "min",  "max",      "sorted",
                                        "list", "tuple", "set", "dict", "frozenset"};
    const Node *f = call->Call.func;
    Nodes args = call->Call.args;
    bool has_start = args.len == 2 && f->kind == NODE_Name && str_eq_c(f->Name.id, "sum");
    if (is_join(call) && args.at[0]->kind == NODE_GeneratorExp)
        return true;
    if ((args.len != 1 && !has_start) || args.at[0]->kind != NODE_GeneratorExp || f->kind != NODE_Name)
        return false;
    const Binding *b = r->bound->binding ? &r->bound->binding[f->id] : NULL;
    bool is_builtin = b && b->kind == BIND_GLOBAL && b->global->kind == GLOBAL_BUILTIN;
    for (size_t i = 0; is_builtin && i < sizeof names / sizeof *names; i++)
        if (str_eq_c(b->global->s, names[i]))
            return true;
    return false;
}

static void walk_call(Resolver *r, const Node *n) {
    walk(r, n->Call.func);
    bool at_once = takes_at_once(r, n);
    if (at_once) /* it is not counted as one that lasts */
        walk_comprehension(r, n->Call.args.at[0], n, node_generators(n->Call.args.at[0]));
    for (size_t i = at_once; i < n->Call.args.len; i++)
        walk(r, n->Call.args.at[i]);
    walk_all(r, n->Call.keywords);
}

static void walk(Resolver *r, const Node *n) {
    if (!n)
        return;
    r->visit(r, n);
    if (r->bound->inside)
        r->bound->inside[n->id] = r->inside;
    const Nodes *generators = node_generators(n);
    bool lasts = n->kind == NODE_GeneratorExp;
    r->lasting += lasts;
    if (n->kind == NODE_Lambda) {
        walk_lambda(r, n);
    } else if (n->kind == NODE_Call) {
        walk_call(r, n);
    } else if (generators) {
        walk_comprehension(r, n, n, generators);
    } else if (n->kind == NODE_AnnAssign) {
        walk(r, n->AnnAssign.target);
        walk(r, n->AnnAssign.value);
    } else {
        node_each_child(n, walk_child, r);
    }
    r->lasting -= lasts;
}

/* ---- names ---- */

/* What the node binds, but for a Name and NamedExpr's; empty: nothing. */
static Str bound_by(const Node *n) {
    switch (n->kind) {
    case NODE_ExceptHandler:
        return n->ExceptHandler.name;
    case NODE_MatchAs:
        return n->MatchAs.name;
    case NODE_MatchStar:
        return n->MatchStar.name;
    case NODE_MatchMapping:
        return n->MatchMapping.rest;
    case NODE_alias: {
        Str name = n->alias.asname.len ? n->alias.asname : n->alias.name;
        const char *dot = name.len ? memchr(name.ptr, '.', name.len) : NULL;
        return dot ? str_slice(name, 0, (size_t)(dot - name.ptr)) : name;
    }
    default:
        return STR_NULL;
    }
}

/* First walk: what is assigned in a function is local in all of it. */
static void collect_local(Resolver *r, const Node *n) {
    check_supported(r, n);
    Str name = n->kind == NODE_Name && n->Name.ctx != CTX_Load ? n->Name.id : bound_by(n);
    if (n->kind == NODE_NamedExpr) /* in the function, also from within a comprehension */
        add_local(r, bound_mangle(r->c->pool, r->bound, n->NamedExpr.target->Name.id));
    else if (name.len && !find_hidden(r, bound_mangle(r->c->pool, r->bound, name)))
        add_local(r, bound_mangle(r->c->pool, r->bound, name));
}

static const Global *find_global(const Globals *globals, Str name) {
    for (size_t i = 0; i < globals->len; i++)
        if (str_eq(globals->at[i].name, name))
            return &globals->at[i];
    return NULL;
}

/* CPython's code does not mention the names of statements that it left out (`if False:`), so the client did not look them
 * up: such a name is refused only where the compiler, too, comes by. */
static const Global *unknown_global(Resolver *r, Str name) {
    Global *g = pool_new(r->c->pool, Global);
    *g = (Global){.name = name, .kind = GLOBAL_OTHER, .s = STR("it is not defined")};
    return g;
}

/* These read the frame that they are called in, or the names in it. */
static bool is_of_frame(Str name) {
    static const char *const names[] = {"locals", "vars", "dir", "eval", "exec"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eq_c(name, names[i]))
            return true;
    return false;
}

bool bound_is_super(const Bound *bound, const Node *n) {
    const Binding *b = &bound->binding[n->id];
    return n->kind == NODE_Name && b->kind == BIND_GLOBAL &&
           (str_eq_c(b->global->name, "__class__") ||
            (b->global->kind == GLOBAL_BUILTIN && str_eq_c(b->global->s, "super")));
}

static void bind_local(Resolver *r, const Node *n, int local, bool is_load) {
    uint64_t place = bound_place(n->span.line, n->span.col), *last = &r->bound->last_read[local];
    r->bound->binding[n->id] = (Binding){.kind = BIND_LOCAL, .local = (uint32_t)local};
    if (r->bound->hidden[local])
        return;
    if (n->kind == NODE_Name && place > *last)
        *last = place;
    if (!is_load)
        r->bound->assigned[local] = true;
    else if (r->lasting)
        pool_push(r->c->pool, r->seen, r->nseen, r->cap_seen) = n;
}

static void bind_name(Resolver *r, const Node *n) {
    Str written = n->kind == NODE_Name ? n->Name.id : bound_by(n);
    Str name = written.len ? bound_mangle(r->c->pool, r->bound, written) : written;
    bool is_load = n->kind == NODE_Name && n->Name.ctx == CTX_Load;
    const Hidden *hidden = written.len ? find_hidden(r, name) : NULL;
    if (!written.len || r->bound->binding[n->id].kind != BIND_NONE || (hidden && hidden->local < 0))
        return;
    int local = hidden ? hidden->local : find_local(r->bound, name);
    if (local >= 0) {
        bind_local(r, n, local, is_load);
        return;
    }
    const Global *global = find_global(&r->bound->func->globals, name);
    r->bound->binding[n->id] = (Binding){.kind = BIND_GLOBAL, .global = global ? global : unknown_global(r, name)};
    if (is_of_frame(name))
        r->bound->own_frame = pool_printf(r->c->pool, "%.*s", STR_FMT(name)).ptr;
    if (bound_is_super(r->bound, n) && r->bound->nleading) /* whoever goes on behind it must have self */
        r->bound->last_read[0] = bound_place(n->span.line, n->span.col);
}

static void bind_node(Resolver *r, const Node *n) {
    if (n->kind == NODE_NamedExpr && r->bound->binding[n->NamedExpr.target->id].kind == BIND_NONE) {
        const Node *target = n->NamedExpr.target;
        bind_local(r, target, find_local(r->bound, bound_mangle(r->c->pool, r->bound, target->Name.id)), false);
    }
    bind_name(r, n);
}

/* A function that is made before a local changes sees the change: there is no cell for that in compiled code. */
static void check_seen(Resolver *r) {
    for (size_t i = 0; i < r->nseen; i++)
        if (r->bound->assigned[r->bound->binding[r->seen[i]->id].local])
            fail(r->c, r->seen[i]->span, "a function in it sees the local '%.*s', which is assigned to: not compiled",
                 STR_FMT(r->seen[i]->Name.id));
}

static void add_args(Resolver *r, Nodes args) {
    for (size_t i = 0; i < args.len; i++) {
        uint32_t before = r->bound->nlocals;
        if (add_local(r, bound_mangle(r->c->pool, r->bound, args.at[i]->arg.arg)) != before)
            fail(r->c, args.at[i]->span, "duplicate parameter '%.*s'", STR_FMT(args.at[i]->arg.arg));
    }
}

/* The parameters of the tree must be those of the spec: a decorator may have replaced the function. */
static void check_params(Resolver *r) {
    Bound *b = r->bound;
    if (b->nlocals != b->nleading + b->func->nparams)
        fail(r->c, b->function->span, "the source does not have the parameters of the function");
    for (uint32_t i = b->nleading; i < b->nlocals; i++)
        if (!str_eq(b->locals[i], bound_mangle(r->c->pool, b, b->func->params[i - b->nleading].name)))
            fail(r->c, b->function->span, "the source does not have the parameters of the function");
}

static void check_length(Compilation *c, const Node *function, uint32_t nnodes) {
    if (nnodes > BOUND_MAX_NODES)
        fail(c, function->span, "this function is too long to be compiled (%u nodes of syntax, at most %d)", nnodes,
             BOUND_MAX_NODES);
    if (node_count_with_copies(function) > BOUND_MAX_COPIES)
        fail(c, function->span,
             "this function has too many ways out of its tries: with what each finally does on each of them it has "
             "more than %d nodes of syntax",
             BOUND_MAX_COPIES);
}

/* Infer knows something of every local at every place. */
static void check_locals(Compilation *c, const Bound *b) {
    if ((uint64_t)b->nlocals * b->nnodes > BOUND_MAX_KNOWN)
        fail(c, b->function->span, "this function is too long to be compiled with %u local variables", b->nlocals);
}

Bound *resolve(Compilation *c, const UnitSpec *unit, uint32_t def, uint32_t func, const Node *function,
               uint32_t nnodes) {
    if (function->kind == NODE_AsyncFunctionDef)
        fail(c, function->span, "async def is not compiled yet");
    if (function->kind != NODE_FunctionDef)
        fail(c, function->span, "this is not a function definition");
    check_length(c, function, nnodes);
    Bound *b = pool_new(c->pool, Bound);
    *b = (Bound){.def = &unit->defs[def],
                 .func = &unit->defs[def].funcs[func],
                 .def_index = def,
                 .func_index = func,
                 .function = function,
                 .nnodes = nnodes};
    b->nleading = b->func->kind != FUNC_FUNCTION && b->func->kind != FUNC_STATIC;
    Resolver r = {.c = c, .bound = b};
    const Nodearguments *args = &function->FunctionDef.args->arguments;
    if (args->vararg || args->kwarg)
        fail(c, (args->vararg ? args->vararg : args->kwarg)->span, "*args and **kwargs are not compiled yet");
    add_args(&r, args->posonlyargs);
    add_args(&r, args->args);
    add_args(&r, args->kwonlyargs);
    check_params(&r);
    Nodes body = function->FunctionDef.body;
    r.visit = collect_local;
    walk_all(&r, body);
    b->binding =
        pool_array(c->pool, Binding, 2 * (size_t)nnodes); /* a comprehension's loop has no more nodes than it */
    b->inside = pool_array(c->pool, const Node *, 2 * (size_t)nnodes);
    b->loops = pool_array(c->pool, const Node *, 2 * (size_t)nnodes);
    b->assigned = pool_array(c->pool, bool, b->nlocals + 1);
    b->last_read = pool_array(c->pool, uint64_t, b->nlocals + 1);
    r.visit = bind_node;
    walk_all(&r, body);
    check_seen(&r);
    check_locals(c, b);
    return b;
}
