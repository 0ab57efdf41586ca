/* Build, values: constants, conversions, locals. */
#include "server/compiler/flow/build.h"

FlowOp *build_int(Build *b, int64_t value) {
    return build_add(b, flow_const_int(b->f, &type_int, value));
}

FlowOp *build_bool(Build *b, bool value) {
    return build_add(b, flow_const_int(b->f, &type_bool, value));
}

FlowOp *build_float(Build *b, const Type *type, double value) {
    FlowOp *op = build_op(b, FLOW_CONST, type, NULL, 0);
    op->constant.f = value;
    return op;
}

FlowOp *build_none(Build *b) {
    return build_op(b, FLOW_CONST, &type_none, NULL, 0);
}

FlowOp *build_reserved(Build *b, int64_t offset) {
    return build_add(b, flow_const_int(b->f, &flow_any_ref, offset));
}

FlowOp *build_const(Build *b, const Global *g) {
    switch (g->kind) {
    case GLOBAL_INT:
        return build_int(b, g->i);
    case GLOBAL_FLOAT:
        return build_float(b, &type_float, g->f);
    case GLOBAL_BOOL:
        return build_bool(b, g->i != 0);
    default:
        return build_none(b);
    }
}

FlowOp *build_compare_ops(Build *b, FlowOrder order, FlowOp *x, FlowOp *y) {
    FlowOp *op = build_op(b, FLOW_COMPARE, &type_bool, OPS(x, y));
    op->order = order;
    return op;
}

FlowOp *build_not(Build *b, FlowOp *v) {
    return build_op(b, FLOW_INVERT, &type_bool, OPS(v));
}

FlowOp *build_cast(Build *b, FlowOp *v, const Type *to) {
    return type_eq(v->type, to) ? v : build_op(b, FLOW_CAST, to, OPS(v));
}

bool build_is_float(const Type *t) {
    return t->kind == TYPE_FLOAT || t->kind == TYPE_FLOAT32;
}

/* ---- conversion ---- */

static FlowOp *is_negative(Build *b, FlowOp *v) {
    return build_compare_ops(b, FLOW_LT, v, build_add(b, flow_const_int(b->f, v->type, 0)));
}

/* Is v outside of `to`? NULL: never. */
static FlowOp *out_of_range(Build *b, FlowOp *v, const Type *to) {
    bool fs = type_is_signed(v->type), ts = type_is_signed(to);
    uint32_t fb = type_bits(v->type), tb = type_bits(to);
    if (v->type->kind == TYPE_BOOL || (fs == ts && fb <= tb) || (!fs && ts && fb < tb))
        return NULL;
    if (fs && !ts && fb <= tb)
        return is_negative(b, v);
    if (!fs && ts && fb == tb)
        return is_negative(b, build_cast(b, v, to));
    FlowOp *cut = build_cast(b, v, to);
    FlowOp *differs = build_compare_ops(b, FLOW_NE, build_cast(b, cut, v->type), v);
    if (fs == ts)
        return differs;
    FlowOp *both = build_op(b, FLOW_BINARY, &type_bool, OPS(differs, is_negative(b, fs ? v : cut)));
    both->arith = FLOW_OR;
    return both;
}

/* The operation that fails when a value does not fit (docs/protocol.md). */
static FlowFail *does_not_fit(Build *b, const Node *n, FlowOp *v, const Type *to, Str place) {
    Str op = pool_printf(b->pool, "store:%s%.*s", type_scalar_name(to->kind), STR_FMT(place));
    return build_failing_op(b, n, op, &v, 1);
}

/* A known int that fits needs no look. */
static bool fits(const FlowOp *v, const Type *to) {
    int64_t known;
    if (!flow_is_const(v, &known))
        return false;
    uint32_t bits = type_bits(to);
    if (!type_is_signed(to))
        return known >= 0 && (bits >= 63 || known < (int64_t)1 << bits);
    return bits == 64 || (known >= -((int64_t)1 << (bits - 1)) && known < (int64_t)1 << (bits - 1));
}

/* What stands for a value that is not there. */
static FlowOp *nothing(Build *b, const Type *t) {
    if (t->kind == TYPE_FLOAT)
        return build_float(b, t, 0.0);
    if (t->kind == TYPE_REF)
        return build_reserved(b, JITD_NONE);
    if (t->kind != TYPE_TUPLE)
        return build_add(b, flow_const_int(b->f, t, 0));
    FlowOp **items = pool_array(b->pool, FlowOp *, t->nitems + 1);
    for (size_t i = 0; i < t->nitems; i++)
        items[i] = nothing(b, t->items[i]);
    return build_op(b, FLOW_TUPLE, t, items, t->nitems);
}

static FlowOp *maybe(Build *b, FlowOp *v, const Type *to) {
    if (type_is_maybe(v->type))
        return v;
    bool is_none = v->type->kind == TYPE_NONE;
    return build_op(b, FLOW_TUPLE, to, OPS(build_bool(b, !is_none), is_none ? nothing(b, to->items[1]) : v));
}

FlowOp *build_part(Build *b, FlowOp *v, uint32_t i) {
    FlowOp *item = build_op(b, FLOW_ITEM, v->type->items[i], OPS(v));
    item->index = i;
    return item;
}

static FlowOp *convert(Build *b, const Node *n, FlowOp *v, const Type *to, Str place) {
    if (type_is_maybe(to))
        return maybe(b, v, to);
    if (to->kind == TYPE_PY)
        return v->type->kind == TYPE_PY ? v : build_box(b, n, v);
    if (to->kind == TYPE_REF)
        return v->type->kind == TYPE_NONE ? build_reserved(b, JITD_NONE) : v;
    if (!type_is_scalar(to) || type_eq(v->type, to))
        return v;
    if (!build_is_float(to) && !fits(v, to)) { /* a Python int meets a sized type: OverflowError when it does not fit */
        FlowOp *out = out_of_range(b, v, to);
        if (out)
            build_guard(b, out, does_not_fit(b, n, v, to, place));
    }
    return build_cast(b, v, to);
}

FlowOp *build_convert(Build *b, const Node *n, FlowOp *v, const Type *to) {
    return convert(b, n, v, to, STR(""));
}

static FlowOp *is_infinite(Build *b, FlowOp *v) {
    FlowOp *size = build_op(b, FLOW_FABS, v->type, OPS(v));
    return build_compare_ops(b, FLOW_EQ, size, build_float(b, v->type, __builtin_inf()));
}

FlowOp *build_fit(Build *b, const Node *n, FlowOp *v, const Type *to, Str place) {
    FlowOp *stored = convert(b, n, v, to, place);
    if (to->kind != TYPE_FLOAT32 || v->type->kind != TYPE_FLOAT)
        return stored;
    FlowOp *was_finite = build_not(b, is_infinite(b, v));
    FlowOp *out = build_op(b, FLOW_BINARY, &type_bool, OPS(is_infinite(b, stored), was_finite));
    out->arith = FLOW_AND;
    build_guard(b, out, does_not_fit(b, n, v, to, place));
    return stored;
}

Str build_field_place(Build *b, uint32_t def, uint32_t field) {
    return pool_printf(b->pool, ":%u::%.*s", def, STR_FMT(b->lang->unit->defs[def].fields[field].name));
}

Str build_param_place(Build *b, const FuncState *func, uint32_t param) {
    const FuncSpec *f = &b->lang->unit->defs[func->def].funcs[func->func];
    Str entry = func_entry_name(b->pool, f);
    return pool_printf(b->pool, ":%u:%.*s:%.*s", func->def, STR_FMT(entry), STR_FMT(f->params[param].name));
}

FlowOp *build_truth(Build *b, FlowOp *v) {
    if (v->type->kind == TYPE_BOOL)
        return v;
    if (v->type->kind == TYPE_NONE)
        return build_bool(b, false);
    if (type_is_maybe(v->type)) {
        FlowOp *both =
            build_op(b, FLOW_BINARY, &type_bool, OPS(build_part(b, v, 0), build_truth(b, build_part(b, v, 1))));
        both->arith = FLOW_AND;
        return both;
    }
    if (v->type->kind == TYPE_TUPLE)
        return build_bool(b, v->type->nitems > 0);
    return build_op(b, FLOW_TRUTH, &type_bool, OPS(v));
}

/* ---- locals ---- */

static bool is_ref_like(const Type *t) {
    return t->kind == TYPE_REF || t->kind == TYPE_NONE;
}

static FlowVar *new_var(Build *b, uint32_t local, const Type *type) {
    FlowCount count = b->locals[local].borrowed ? FLOW_COUNT_CALLER : FLOW_COUNT_OWN;
    FlowVar *var = flow_var(b->f, type, b->bound->locals[local], count);
    var->init = type_has_refs(type) && count == FLOW_COUNT_OWN;
    var->unbound = b->locals[local].checked;
    return var;
}

/* Of what a local's variable for values of this type is. */
const Type *build_var_type(const Build *b, uint32_t local, const Type *type) {
    const Type *t = b->inst->maybe ? b->inst->maybe[local] : NULL;
    return t && (type->kind == TYPE_NONE || type_eq(type, t) || type_eq(type, t->items[1])) ? t : type;
}

FlowVar *build_var(Build *b, uint32_t local, const Type *type) {
    BuildLocal *l = &b->locals[local];
    type = build_var_type(b, local, type);
    if (type->kind == TYPE_PY)
        type = &type_py; /* whatever is likely of it */
    if (is_ref_like(type)) {
        if (!l->ref)
            l->ref = new_var(b, local, &flow_any_ref);
        return l->ref;
    }
    for (size_t i = 0; i < l->nvars; i++)
        if (type_eq(l->vars[i]->type, type))
            return l->vars[i];
    FlowVar *var = new_var(b, local, type);
    pool_push(b->pool, l->vars, l->nvars, l->cap) = var;
    return var;
}

FlowVar *build_bound_flag(Build *b, uint32_t local) {
    BuildLocal *l = &b->locals[local];
    if (!l->bound) {
        Str name = pool_printf(b->pool, "%.*s?", STR_FMT(b->bound->locals[local]));
        l->bound = flow_var(b->f, &type_bool, name, FLOW_COUNT_OWN);
        l->bound->init = true;
    }
    return l->bound;
}

/* What CPython raises behind effects; before them it is asked to do so. */
static FlowFail *unbound(Build *b, const Node *n, uint32_t local) {
    if (b->info[n->id].effect != EFFECT_COMMITTED)
        return build_failing(b, n, (Site){.kind = SITE_REDO, .text = STR("unbound local")});
    const char *words = b->lang->unit->python_minor < 11
                            ? "local variable '%.*s' referenced before assignment"
                            : "cannot access local variable '%.*s' where it is not associated with a value";
    Str text = pool_printf(b->pool, words, STR_FMT(b->bound->locals[local]));
    return build_raising(b, n, STR("UnboundLocalError"), text);
}

FlowOp *build_local_load(Build *b, const Node *n, uint32_t local, const Type *type) {
    if (b->info[n->id].flags & NODE_MAYBE_UNBOUND)
        build_guard(b, build_not(b, build_load(b, build_bound_flag(b, local))), unbound(b, n, local));
    if (type->kind == TYPE_NONE)
        return build_none(b);
    FlowOp *v = build_load(b, build_var(b, local, type));
    if (type_is_maybe(v->type) && !type_is_maybe(type))
        return build_part(b, v, 1);
    v->type = type;
    return v;
}

void build_local_store(Build *b, uint32_t local, FlowOp *v) {
    if (b->inst->boxed && b->inst->boxed[local])
        v = build_convert(b, b->stmt, v, &type_py);
    FlowVar *var = build_var(b, local, v->type);
    if (type_is_maybe(var->type))
        v = maybe(b, v, var->type);
    build_store(b, var, v->type->kind == TYPE_NONE ? build_reserved(b, JITD_NONE) : v);
    BuildStored stored = {.block = b->at, .store = b->at->ops[b->at->nops - 1], .local = local};
    pool_push(b->pool, b->stored, b->nstored, b->cap_stored) = stored;
    if (b->locals[local].checked)
        build_store(b, build_bound_flag(b, local), build_bool(b, true));
}

static FlowVar *python_var(const BuildLocal *l) {
    for (size_t i = 0; i < l->nvars; i++)
        if (l->vars[i]->type->kind == TYPE_PY && l->vars[i]->count == FLOW_COUNT_OWN)
            return l->vars[i];
    return NULL;
}

/* A local that held an object and gets a value of another type gives the object up now, as in CPython: its finaliser shows when. */
void build_give_up(Build *b) {
    for (size_t i = 0; i < b->nstored; i++) {
        const BuildStored *s = &b->stored[i];
        FlowVar *var = python_var(&b->locals[s->local]);
        if (!var || var == s->store->var)
            continue;
        size_t at = s->block->nops;
        while (s->block->ops[at - 1] != s->store)
            at--;
        FlowOp *nothing = flow_const_int(b->f, &type_py, 0);
        flow_insert(b->f, s->block, at, flow_store(b->f, var, nothing));
        flow_insert(b->f, s->block, at, nothing);
    }
}

void build_params(Build *b) {
    uint32_t first = b->bound->func->kind == FUNC_CLASS ? 1 : 0;
    for (uint32_t i = 0; i < b->inst->nparams; i++) {
        const Type *t = b->inst->params[i];
        FlowOp *v = build_op(b, FLOW_PARAM, t, NULL, 0);
        v->index = i;
        bool is_held = t->kind == TYPE_PY || (t->kind == TYPE_REF && !b->inst->runs_python);
        b->locals[i + first].borrowed = is_held && !b->bound->assigned[i + first];
        build_local_store(b, i + first, v);
    }
}
