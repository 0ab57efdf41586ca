/* Infer, raise and assert: an exception that is made by C code, with constant, scalar or formatted arguments. Any other raise is Python's: it happens
 * seldom, and the rest of the call has no result. */
#include "protocol/abi.h"
#include "server/compiler/infer.h"

static const char *const exceptions[] = {
#define EXCEPTION(name) #name,
#include "server/compiler/exceptions.def"
#undef EXCEPTION
};

static void check_exception(Infer *in, const Node *n) {
    in->info[n->id].live = true;
    if (n->kind != NODE_Name || in->bound->binding[n->id].kind != BIND_GLOBAL)
        fail(in->c, n->span, "raise is compiled of classes by name only");
    const Global *g = in->bound->binding[n->id].global;
    if (g->kind == GLOBAL_EXCEPTION)
        return;
    if (g->kind == GLOBAL_BUILTIN)
        for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
            if (str_eq_c(g->s, exceptions[i]))
                return;
    fail(in->c, n->span, "raise of '%.*s' is not compiled, only of classes of exceptions without an __init__",
         STR_FMT(g->name));
}

static void check_format_spec(Infer *in, const Node *spec) {
    if (spec->kind != NODE_JoinedStr)
        fail(in->c, spec->span, "this format is not compiled");
    for (size_t i = 0; i < spec->JoinedStr.values.len; i++)
        if (spec->JoinedStr.values.at[i]->kind != NODE_Constant)
            fail(in->c, spec->span, "a format that is not constant is not compiled");
}

static void infer_scalar_arg(Infer *in, const Node *n) {
    const Type *t = infer_expr(in, n);
    if (!type_is_scalar(t) && t->kind != TYPE_NONE)
        fail(in->c, n->span, "%s in an exception is not compiled", type_words(in, t));
}

static void infer_formatted(Infer *in, const Node *n) {
    for (size_t i = 0; i < n->JoinedStr.values.len; i++) {
        const Node *v = n->JoinedStr.values.at[i];
        if (v->kind != NODE_FormattedValue)
            continue;
        infer_scalar_arg(in, v->FormattedValue.value);
        bool is_shaped = v->FormattedValue.format_spec || v->FormattedValue.conversion > 0;
        if (is_shaped && in->info[v->FormattedValue.value->id].type->kind == TYPE_NONE)
            fail(in->c, v->span, "a format of None is not compiled");
        if (v->FormattedValue.format_spec)
            check_format_spec(in, v->FormattedValue.format_spec);
    }
}

static size_t count_values(const Node *n) {
    size_t count = 0;
    if (n->kind != NODE_JoinedStr)
        return n->kind != NODE_Constant;
    for (size_t i = 0; i < n->JoinedStr.values.len; i++)
        count += n->JoinedStr.values.at[i]->kind == NODE_FormattedValue;
    return count;
}

static void check_values(Infer *in, const Node *n, size_t count) {
    if (count > JITD_TRAP_VALUES)
        fail(in->c, n->span, "more than %d values in an exception are not compiled", JITD_TRAP_VALUES);
}

void infer_raise_arg(Infer *in, const Node *n) {
    in->info[n->id].live = true;
    check_values(in, n, count_values(n));
    bool is_str = n->kind == NODE_Name && in->bound->binding[n->id].kind == BIND_GLOBAL &&
                  in->bound->binding[n->id].global->kind == GLOBAL_STR;
    if (n->kind == NODE_JoinedStr)
        infer_formatted(in, n);
    else if (!is_str && (n->kind != NODE_Constant || n->Constant.value.kind != CONST_STR))
        infer_scalar_arg(in, n);
}

static void infer_exception(Infer *in, const Node *exc) {
    in->info[exc->id].live = true;
    if (exc->kind != NODE_Call) {
        check_exception(in, exc);
        return;
    }
    check_exception(in, exc->Call.func);
    if (exc->Call.keywords.len)
        fail(in->c, exc->span, "keyword arguments of exceptions are not compiled");
    size_t count = 0;
    for (size_t i = 0; i < exc->Call.args.len; i++) {
        infer_raise_arg(in, exc->Call.args.at[i]);
        count += count_values(exc->Call.args.at[i]);
    }
    check_values(in, exc, count);
}

void infer_raise(Infer *in, const Node *n) {
    if (!n->Raise.exc)
        fail(in->c, n->span, "raise without an exception is not compiled");
    if (n->Raise.cause)
        fail(in->c, n->Raise.cause->span, "raise ... from is not compiled yet");
    infer_exception(in, n->Raise.exc);
}
