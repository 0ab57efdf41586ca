/* Dumps of Bound and Typed. */
#include "server/compiler/typed_dump.h"

typedef struct Dumper {
    Lang *lang;
    Pool *pool;
    const Bound *bound;
    const NodeInfo *info; /* NULL: names only */
    Str *lines;
    size_t nlines, cap;
} Dumper;

static void line(Dumper *d, Str s) {
    pool_push(d->pool, d->lines, d->nlines, d->cap) = s;
}

static Str joined(Dumper *d) {
    size_t total = 0, at = 0;
    for (size_t i = 0; i < d->nlines; i++)
        total += d->lines[i].len + 1;
    char *text = pool_array(d->pool, char, total + 1);
    for (size_t i = 0; i < d->nlines; i++) {
        memcpy(text + at, d->lines[i].ptr, d->lines[i].len);
        at += d->lines[i].len;
        text[at++] = '\n';
    }
    return (Str){text, total};
}

static Str binding_text(Dumper *d, const Node *n) {
    static const char *const kinds[] = {"int",    "float",  "bool",    "None", "str",   "def",
                                        "module", "member", "builtin", "type", "other", "exception"};
    const Binding *b = &d->bound->binding[n->id];
    if (b->kind == BIND_LOCAL)
        return pool_printf(d->pool, "%s %u",
                           b->local < d->bound->nleading + d->bound->func->nparams ? "parameter" : "local", b->local);
    return pool_printf(d->pool, "global %s", kinds[b->global->kind]);
}

static Str fact_text(Dumper *d, const Node *n) {
    static const char *const effects[] = {"", " undo", " committed"};
    const NodeInfo *info = &d->info[n->id];
    bool operation = n->kind == NODE_BinOp || n->kind == NODE_Call || n->kind == NODE_Attribute ||
                     n->kind == NODE_AugAssign || n->kind == NODE_Return || n->kind == NODE_UnaryOp;
    Str type = info->type ? type_text(d->pool, info->type) : STR("-");
    return pool_printf(d->pool, "%.*s%s%s%s%s", STR_FMT(type), operation ? effects[info->effect] : "",
                       info->flags & NODE_MAYBE_UNBOUND ? " maybe-unbound" : "",
                       info->flags & NODE_CHECK_NONE ? " check-none" : "", info->truth == 1 ? " true" : "");
}

static void visit(void *arg, const char *field, const Node *n) {
    Dumper *d = arg;
    (void)field;
    if (!n)
        return;
    if (!d->info) {
        if (n->kind == NODE_Name && d->bound->binding[n->id].kind != BIND_NONE)
            line(d, pool_printf(d->pool, "%d:%d %.*s %.*s", n->span.line, n->span.col, STR_FMT(n->Name.id),
                                STR_FMT(binding_text(d, n))));
    } else if (d->info[n->id].live && d->info[n->id].type) {
        line(d, pool_printf(d->pool, "%d:%d-%d:%d %s %.*s", n->span.line, n->span.col, n->span.end_line,
                            n->span.end_col, node_kind_name(n->kind), STR_FMT(fact_text(d, n))));
    }
    node_each_child(n, visit, d);
}

static void body(Dumper *d) {
    Nodes nodes = d->bound->function->FunctionDef.body;
    for (size_t i = 0; i < nodes.len; i++)
        visit(d, NULL, nodes.at[i]);
}

Str bound_dump(Pool *pool, const Bound *bound) {
    Dumper d = {.pool = pool, .bound = bound};
    line(&d, pool_printf(pool, "def %.*s", STR_FMT(bound->func->name)));
    body(&d);
    return joined(&d);
}

Str typed_dump(Lang *lang, const Instance *inst) {
    Dumper d = {.lang = lang, .pool = lang->pool, .bound = inst->bound, .info = inst->info};
    Str params = STR("");
    for (uint32_t i = 0; i < inst->nparams; i++)
        params = pool_printf(d.pool, "%.*s%s%.*s", STR_FMT(params), i ? ", " : "",
                             STR_FMT(type_text(d.pool, inst->params[i])));
    Str result = inst->result ? type_text(d.pool, inst->result) : STR("never returns");
    line(&d, pool_printf(d.pool, "def %.*s(%.*s) -> %.*s%s%s%s%s%s", STR_FMT(inst->bound->func->name), STR_FMT(params),
                         STR_FMT(result), inst->commits || inst->stores_self_refs ? " commits" : "",
                         inst->self_stores ? " stores" : "", inst->manages ? " counts" : "",
                         inst->loops ? " loops" : "", inst->python ? " python" : ""));
    body(&d);
    return joined(&d);
}
