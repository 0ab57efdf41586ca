/* Resolve: binds every name of a function to a local or a global, and refuses by name what is not compiled.
 * Needs: the function's tree and spec. Leaves: Bound. */
#include "server/compiler/bound.h"

typedef struct Resolver {
    Compilation *c;
    Bound *bound;
    size_t cap;
} Resolver;

static const char *const refused_words[N_NODE_KINDS] = {
#define REFUSED(kind, words) [NODE_##kind] = words,
#include "server/compiler/refused.def"
#undef REFUSED
};

static bool is_private(Str name) {
    return name.len > 2 && name.ptr[0] == '_' && name.ptr[1] == '_' &&
           !(name.len > 3 && name.ptr[name.len - 1] == '_' && name.ptr[name.len - 2] == '_');
}

Str bound_mangle(Pool *pool, const Bound *bound, Str name) {
    if (!bound->def->is_class || !is_private(name))
        return name;
    Str cls = bound->def->name;
    for (size_t i = cls.len; i > 0; i--)
        if (cls.ptr[i - 1] == '.') {
            cls = str_slice(cls, i, cls.len);
            break;
        }
    while (cls.len && cls.ptr[0] == '_')
        cls = str_slice(cls, 1, cls.len);
    return cls.len ? pool_printf(pool, "_%.*s%.*s", STR_FMT(cls), STR_FMT(name)) : name;
}

static int find_local(const Bound *b, Str name) {
    for (uint32_t i = 0; i < b->nlocals; i++)
        if (str_eq(b->locals[i], name))
            return (int)i;
    return -1;
}

static uint32_t add_local(Resolver *r, Str name) {
    int at = find_local(r->bound, name);
    if (at >= 0)
        return (uint32_t)at;
    size_t len = r->bound->nlocals;
    pool_push(r->c->pool, r->bound->locals, len, r->cap) = name;
    r->bound->nlocals = (uint32_t)len;
    return r->bound->nlocals - 1;
}

static void check_supported(Resolver *r, const Node *n) {
    const char *words = refused_words[n->kind];
    if (words)
        fail(r->c, n->span, "%s is not compiled yet", words);
}

/* First walk: what is assigned in a function is local in all of it. */
static void collect_locals(void *arg, const char *field, const Node *n) {
    Resolver *r = arg;
    (void)field;
    if (!n)
        return;
    check_supported(r, n);
    if (n->kind == NODE_Name && n->Name.ctx != CTX_Load)
        add_local(r, bound_mangle(r->c->pool, r->bound, n->Name.id));
    if (n->kind == NODE_AnnAssign) {
        collect_locals(r, NULL, n->AnnAssign.target);
        if (n->AnnAssign.value)
            collect_locals(r, NULL, n->AnnAssign.value);
    } else {
        node_each_child(n, collect_locals, r);
    }
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

static void bind_name(Resolver *r, const Node *n) {
    Str name = bound_mangle(r->c->pool, r->bound, n->Name.id);
    Binding *b = &r->bound->binding[n->id];
    int local = find_local(r->bound, name);
    if (local >= 0) {
        *b = (Binding){.kind = BIND_LOCAL, .local = (uint32_t)local};
        if (n->Name.ctx != CTX_Load)
            r->bound->assigned[local] = true;
        return;
    }
    const Global *global = find_global(&r->bound->func->globals, name);
    *b = (Binding){.kind = BIND_GLOBAL, .global = global ? global : unknown_global(r, name)};
}

static void bind_names(void *arg, const char *field, const Node *n) {
    Resolver *r = arg;
    (void)field;
    if (!n)
        return;
    if (n->kind == NODE_Name)
        bind_name(r, n);
    if (n->kind == NODE_AnnAssign) {
        bind_names(r, NULL, n->AnnAssign.target);
        if (n->AnnAssign.value)
            bind_names(r, NULL, n->AnnAssign.value);
        return;
    }
    node_each_child(n, bind_names, r);
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

Bound *resolve(Compilation *c, const UnitSpec *unit, uint32_t def, uint32_t func, const Node *function,
               uint32_t nnodes) {
    if (function->kind == NODE_AsyncFunctionDef)
        fail(c, function->span, "async def is not compiled yet");
    if (function->kind != NODE_FunctionDef)
        fail(c, function->span, "this is not a function definition");
    if (nnodes > BOUND_MAX_NODES)
        fail(c, function->span, "this function is too long to be compiled (%u nodes of syntax, at most %d)", nnodes,
             BOUND_MAX_NODES);
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
    for (size_t i = 0; i < body.len; i++)
        collect_locals(&r, NULL, body.at[i]);
    b->binding = pool_array(c->pool, Binding, nnodes);
    b->assigned = pool_array(c->pool, bool, b->nlocals + 1);
    for (size_t i = 0; i < body.len; i++)
        bind_names(&r, NULL, body.at[i]);
    return b;
}
