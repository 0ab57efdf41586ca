/* Lower, raise and assert: the exception's arguments become a template in the site table, their values go into the trap. */
#include "server/compiler/lower.h"

typedef struct RaiseArgs {
    LLVMValueRef values[JITD_TRAP_VALUES];
    size_t nvalues;
} RaiseArgs;

/* Puts a value into the trap; -1: it has no slot (None). */
static uint32_t add_value(Lower *l, RaiseArgs *r, const Node *n, const Type **ret_type) {
    Val v = lower_expr(l, n);
    *ret_type = v.type;
    if (!type_is_scalar(v.type))
        return 0;
    if (r->nvalues < JITD_TRAP_VALUES)
        r->values[r->nvalues] = val_bits(l, v.type, v.at[0]);
    return (uint32_t)r->nvalues++;
}

static SiteArg const_arg(Lower *l, Global g) {
    Global *constant = pool_new(l->pool, Global);
    *constant = g;
    return (SiteArg){.kind = SITE_ARG_CONST, .constant = constant};
}

static Str spec_text(Lower *l, const Node *spec) {
    Str s = STR("");
    for (size_t i = 0; spec && i < spec->JoinedStr.values.len; i++)
        s = pool_printf(l->pool, "%.*s%.*s", STR_FMT(s), STR_FMT(spec->JoinedStr.values.at[i]->Constant.value.s));
    return s;
}

static SitePiece format_piece(Lower *l, RaiseArgs *r, const Node *n) {
    if (n->kind == NODE_Constant)
        return (SitePiece){.text = n->Constant.value.s};
    SitePiece p = {.is_value = true,
                   .conversion = n->FormattedValue.conversion,
                   .text = spec_text(l, n->FormattedValue.format_spec)};
    p.slot = add_value(l, r, n->FormattedValue.value, &p.type);
    if (p.type->kind == TYPE_NONE)
        return (SitePiece){.text = STR("None")};
    return p;
}

static SiteArg format_arg(Lower *l, RaiseArgs *r, const Node *n) {
    Nodes values = n->JoinedStr.values;
    SiteArg a = {.kind = SITE_ARG_FORMAT, .npieces = values.len};
    a.pieces = pool_array(l->pool, SitePiece, values.len + 1);
    for (size_t i = 0; i < values.len; i++)
        a.pieces[i] = format_piece(l, r, values.at[i]);
    return a;
}

static SiteArg raise_arg(Lower *l, RaiseArgs *r, const Node *n) {
    if (n->kind == NODE_JoinedStr)
        return format_arg(l, r, n);
    if (n->kind == NODE_Constant && n->Constant.value.kind == CONST_STR)
        return const_arg(l, (Global){.kind = GLOBAL_STR, .s = n->Constant.value.s});
    if (n->kind == NODE_Name && l->bound->binding[n->id].kind == BIND_GLOBAL)
        return const_arg(l, *l->bound->binding[n->id].global);
    SiteArg a = {.kind = SITE_ARG_VALUE};
    a.slot = add_value(l, r, n, &a.type);
    return a.type->kind == TYPE_NONE ? const_arg(l, (Global){.kind = GLOBAL_NONE}) : a;
}

static void raise_site(Lower *l, const Node *n, Str exception, const Node *const *args, size_t nargs) {
    RaiseArgs r = {.nvalues = 0};
    Site site = {.kind = SITE_RAISE, .text = exception, .nargs = nargs};
    site.args = pool_array(l->pool, SiteArg, nargs + 1);
    for (size_t i = 0; i < nargs; i++)
        site.args[i] = raise_arg(l, &r, args[i]);
    lower_raise_site(l, n, site, r.values, r.nvalues < JITD_TRAP_VALUES ? r.nvalues : JITD_TRAP_VALUES);
}

void lower_raise(Lower *l, const Node *n) {
    const Node *exc = n->Raise.exc;
    bool is_call = exc->kind == NODE_Call;
    const Node *name = is_call ? exc->Call.func : exc;
    Str exception = l->bound->binding[name->id].global->s;
    raise_site(l, n, exception, is_call ? (const Node *const *)exc->Call.args.at : NULL,
               is_call ? exc->Call.args.len : 0);
}

/* The message may never get a value. */
static void assert_site(Lower *l, const Node *n) {
    const Node *msg = n->Assert.msg;
    jmp_buf bottom, *outer = l->bottom;
    size_t mark = l->ntemps;
    l->bottom = &bottom;
    if (setjmp(bottom) == 0)
        raise_site(l, n, STR("AssertionError"), &msg, msg ? 1 : 0);
    l->bottom = outer;
    l->ntemps = mark;
}

void lower_assert(Lower *l, const Node *n) {
    LLVMBasicBlockRef yes = lower_block(l, ""), no = lower_block(l, "assert");
    const Node *msg = n->Assert.msg;
    lower_cond(l, n->Assert.test, yes, no);
    lower_at(l, no);
    if (msg && !l->info[msg->id].live)
        lower_dead_end(l);
    else
        assert_site(l, n);
    lower_at(l, yes);
}
