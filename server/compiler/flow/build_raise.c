/* Build, raise and assert: the exception's arguments become a template in the site table, their values go into the trap. */
#include "server/compiler/flow/build.h"

typedef struct RaiseArgs {
    FlowOp *values[JITD_TRAP_VALUES];
    size_t nvalues;
    bool ended; /* an argument never gets a value */
} RaiseArgs;

/* Puts a value into the trap; None has no slot. */
static uint32_t add_value(Build *b, RaiseArgs *r, const Node *n, const Type **ret_type) {
    FlowOp *v = r->ended ? NULL : build_expr(b, n);
    r->ended = !v;
    *ret_type = v ? v->type : &type_none;
    if (!v || !type_is_scalar(v->type))
        return 0;
    if (r->nvalues < JITD_TRAP_VALUES)
        r->values[r->nvalues] = v;
    return (uint32_t)r->nvalues++;
}

static SiteArg const_arg(Build *b, Global g) {
    Global *constant = pool_new(b->pool, Global);
    *constant = g;
    return (SiteArg){.kind = SITE_ARG_CONST, .constant = constant};
}

static Str spec_text(Build *b, const Node *spec) {
    Str s = STR("");
    for (size_t i = 0; spec && i < spec->JoinedStr.values.len; i++)
        s = pool_printf(b->pool, "%.*s%.*s", STR_FMT(s), STR_FMT(spec->JoinedStr.values.at[i]->Constant.value.s));
    return s;
}

static SitePiece format_piece(Build *b, RaiseArgs *r, const Node *n) {
    if (n->kind == NODE_Constant)
        return (SitePiece){.text = n->Constant.value.s};
    SitePiece p = {.is_value = true,
                   .conversion = n->FormattedValue.conversion,
                   .text = spec_text(b, n->FormattedValue.format_spec)};
    p.slot = add_value(b, r, n->FormattedValue.value, &p.type);
    if (p.type->kind == TYPE_NONE)
        return (SitePiece){.text = STR("None")};
    return p;
}

static SiteArg format_arg(Build *b, RaiseArgs *r, const Node *n) {
    Nodes values = n->JoinedStr.values;
    SiteArg a = {.kind = SITE_ARG_FORMAT, .npieces = values.len};
    a.pieces = pool_array(b->pool, SitePiece, values.len + 1);
    for (size_t i = 0; i < values.len; i++)
        a.pieces[i] = format_piece(b, r, values.at[i]);
    return a;
}

static SiteArg raise_arg(Build *b, RaiseArgs *r, const Node *n) {
    if (n->kind == NODE_JoinedStr)
        return format_arg(b, r, n);
    if (n->kind == NODE_Constant && n->Constant.value.kind == CONST_STR)
        return const_arg(b, (Global){.kind = GLOBAL_STR, .s = n->Constant.value.s});
    if (n->kind == NODE_Name && b->bound->binding[n->id].kind == BIND_GLOBAL)
        return const_arg(b, *b->bound->binding[n->id].global);
    SiteArg a = {.kind = SITE_ARG_VALUE};
    a.slot = add_value(b, r, n, &a.type);
    return a.type->kind == TYPE_NONE ? const_arg(b, (Global){.kind = GLOBAL_NONE}) : a;
}

static void raise_here(Build *b, const Node *n, Str exception, bool named, const Node *const *args, size_t nargs) {
    RaiseArgs r = {.nvalues = 0};
    Site site = {.kind = SITE_RAISE, .text = exception, .named = named, .nargs = nargs};
    site.args = pool_array(b->pool, SiteArg, nargs + 1);
    for (size_t i = 0; i < nargs && !r.ended; i++)
        site.args[i] = raise_arg(b, &r, args[i]);
    if (r.ended)
        return;
    FlowFail *fail = build_failing(b, n, site);
    fail->always = true;
    fail->nvalues = r.nvalues < JITD_TRAP_VALUES ? r.nvalues : JITD_TRAP_VALUES;
    fail->values = pool_array(b->pool, FlowOp *, fail->nvalues + 1);
    memcpy(fail->values, r.values, fail->nvalues * sizeof *r.values);
    build_fail(b, fail);
}

void build_raise(Build *b, const Node *n) {
    const Node *exc = n->Raise.exc;
    bool is_call = exc->kind == NODE_Call;
    const Node *name = is_call ? exc->Call.func : exc;
    const Global *g = b->bound->binding[name->id].global;
    bool named = g->kind == GLOBAL_EXCEPTION;
    raise_here(b, n, named ? g->name : g->s, named, is_call ? (const Node *const *)exc->Call.args.at : NULL,
               is_call ? exc->Call.args.len : 0);
}

void build_assert(Build *b, const Node *n) {
    FlowBlock *yes = build_block(b, "holds"), *no = build_block(b, "assert");
    const Node *msg = n->Assert.msg;
    build_cond(b, n->Assert.test, yes, no);
    build_start(b, no);
    if (msg && !b->info[msg->id].live)
        build_dead(b);
    else
        raise_here(b, n, STR("AssertionError"), false, &msg, msg ? 1 : 0);
    build_start(b, yes);
}
