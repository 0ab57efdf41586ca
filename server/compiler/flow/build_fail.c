/* Build, failures: what an operation's failure means in Python, and what had happened before it. What is done about it is
 * decided in unwind.c. */
#include "server/compiler/flow/build.h"

FlowFail *build_failing(Build *b, const Node *n, Site site) {
    FlowFail *fail = pool_new(b->pool, FlowFail);
    *fail = (FlowFail){.node = n, .site = site, .effect = b->info[n->id].effect, .undo = b->info[n->id].undo};
    if (site.kind == SITE_OVERFLOW || site.kind == SITE_REDO)
        fail->resume = build_resume(b, n);
    fail->raised = build_resume_raised(b, n);
    fail->catch = fail->raised ? build_catch(b) : NULL;
    return fail;
}

FlowFail *build_failing_op(Build *b, const Node *n, Str op, FlowOp *const *values, size_t nvalues) {
    FlowFail *fail = build_failing(b, n, (Site){.kind = SITE_OP, .text = op, .nargs = nvalues});
    fail->site.args = pool_array(b->pool, SiteArg, nvalues + 1);
    fail->values = pool_array(b->pool, FlowOp *, nvalues + 1);
    fail->nvalues = nvalues;
    for (size_t i = 0; i < nvalues; i++) {
        fail->site.args[i] = (SiteArg){.kind = SITE_ARG_VALUE, .slot = (uint32_t)i, .type = values[i]->type};
        fail->values[i] = values[i];
    }
    return fail;
}

FlowFail *build_raising(Build *b, const Node *n, Str exception, Str text) {
    Global *constant = pool_new(b->pool, Global);
    SiteArg *arg = pool_new(b->pool, SiteArg);
    *constant = (Global){.kind = GLOBAL_STR, .s = text};
    *arg = (SiteArg){.kind = SITE_ARG_CONST, .constant = constant};
    FlowFail *fail = build_failing(b, n, (Site){.kind = SITE_RAISE, .text = exception, .args = arg, .nargs = 1});
    fail->always = true;
    return fail;
}

FlowFail *build_raising_value(Build *b, const Node *n, Str exception, FlowOp *v) {
    SiteArg *arg = pool_new(b->pool, SiteArg);
    *arg = (SiteArg){.kind = SITE_ARG_VALUE, .type = v->type};
    FlowFail *fail = build_failing(b, n, (Site){.kind = SITE_RAISE, .text = exception, .args = arg, .nargs = 1});
    fail->always = true;
    fail->values = pool_array(b->pool, FlowOp *, 1);
    fail->values[fail->nvalues++] = v;
    return fail;
}

static Str overflow_text(Build *b, Str op) {
    return pool_printf(b->pool, "the exact result of %.*s is not a 64-bit value", STR_FMT(op));
}

FlowFail *build_overflowing(Build *b, const Node *n, Str op) {
    return build_failing(b, n, (Site){.kind = SITE_OVERFLOW, .text = overflow_text(b, op)});
}

FlowOp *build_traps(Build *b, const Node *n, const char *name, FlowHow how, Str op, const Type *result,
                    FlowOp *const *args, size_t nargs) {
    FlowOp *r = build_runtime(b, name, how, result, args, nargs);
    r->fail = build_failing_op(b, n, op, args, nargs);
    r->fail->inexact = true;
    r->fail->overflow = overflow_text(b, op);
    r->fail->resume = build_resume(b, n);
    return r;
}

void build_guard(Build *b, FlowOp *fails, FlowFail *fail) {
    int64_t known;
    if (flow_is_const(fails, &known) && !known)
        return;
    build_op(b, FLOW_GUARD, NULL, OPS(fails))->fail = fail;
}

void build_fail(Build *b, FlowFail *fail) {
    build_op(b, FLOW_FAIL, NULL, NULL, 0)->fail = fail;
    b->at = NULL;
}

void build_int_instead(Build *b, const Node *n) {
    Str text = STR("the value is an int here, elsewhere a float");
    build_fail(b, build_failing(b, n, (Site){.kind = SITE_REDO, .text = text}));
}

void build_wrapped(Build *b, FlowOp *condition) {
    FlowVar *wrapped = b->f->wrapped;
    if (!wrapped)
        return;
    FlowOp *now =
        condition ? build_op(b, FLOW_BINARY, &type_bool, OPS(build_load(b, wrapped), condition)) : build_bool(b, true);
    if (condition)
        now->arith = FLOW_OR;
    build_store(b, wrapped, now);
}
