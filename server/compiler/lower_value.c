/* Lower, values: making, converting, and counting what they refer to. */
#include "server/compiler/lower.h"

bool type_has_refs(const Type *t) {
    if (t->kind == TYPE_REF)
        return true;
    for (size_t i = 0; t->kind == TYPE_TUPLE && i < t->nitems; i++)
        if (type_has_refs(t->items[i]))
            return true;
    return false;
}

Val val_new(Lower *l, const Type *type) {
    return (Val){.type = type, .at = pool_array(l->pool, LLVMValueRef, type_slots(type) + 1)};
}

Val val_one(Lower *l, const Type *type, LLVMValueRef v) {
    Val val = val_new(l, type);
    val.at[0] = v;
    return val;
}

Val val_none(void) {
    return (Val){.type = &type_none};
}

Val val_const(Lower *l, const Global *g) {
    switch (g->kind) {
    case GLOBAL_INT:
        return val_one(l, &type_int, lower_i64(l, g->i));
    case GLOBAL_FLOAT:
        return val_one(l, &type_float, LLVMConstReal(l->m->f64, g->f));
    case GLOBAL_BOOL:
        return val_one(l, &type_bool, lower_bool(l, g->i != 0));
    default:
        return val_none();
    }
}

/* ---- references ---- */

/* The kind of each slot, in order: is it a reference? */
static void slot_refs(const Type *t, bool *is_ref, size_t *n) {
    if (t->kind == TYPE_TUPLE)
        for (size_t i = 0; i < t->nitems; i++)
            slot_refs(t->items[i], is_ref, n);
    else if (t->kind != TYPE_NONE)
        is_ref[(*n)++] = t->kind == TYPE_REF;
}

static bool *refs_of(Lower *l, const Type *t, size_t *ret_n) {
    bool *is_ref = pool_array(l->pool, bool, type_slots(t) + 1);
    *ret_n = 0;
    slot_refs(t, is_ref, ret_n);
    return is_ref;
}

void val_own(Lower *l, Val *v) {
    size_t n;
    if (v->owned || !type_has_refs(v->type))
        return;
    const bool *is_ref = refs_of(l, v->type, &n);
    for (size_t i = 0; i < n; i++)
        if (is_ref[i])
            lower_rt(l, "rt_incref", (LLVMValueRef[]){l->frame, v->at[i]}, 2);
    v->owned = true;
}

size_t val_hold(Lower *l, Val v) {
    size_t mark = l->ntemps, n;
    if (!v.owned || !type_has_refs(v.type))
        return mark;
    const bool *is_ref = refs_of(l, v.type, &n);
    for (size_t i = 0; i < n; i++)
        if (is_ref[i])
            pool_push(l->pool, l->temps, l->ntemps, l->cap_temps) = v.at[i];
    return mark;
}

void val_forget(Lower *l, size_t mark) {
    l->ntemps = mark;
}

void val_release(Lower *l, size_t mark) {
    while (l->ntemps > mark)
        lower_rt(l, "rt_decref", (LLVMValueRef[]){l->frame, l->temps[--l->ntemps]}, 2);
}

/* ---- conversion ---- */

static bool is_float(const Type *t) {
    return t->kind == TYPE_FLOAT || t->kind == TYPE_FLOAT32;
}

static LLVMValueRef cast_to_float(Lower *l, const Type *from, LLVMValueRef v, LLVMTypeRef to) {
    if (is_float(from))
        return LLVMBuildFPCast(l->b, v, to, "");
    bool is_signed = type_is_signed(from);
    LLVMTypeRef f64 = l->m->f64; /* also on the way to a float32, as Python and NumPy do */
    v = is_signed ? LLVMBuildSIToFP(l->b, v, f64, "") : LLVMBuildUIToFP(l->b, v, f64, "");
    return to == f64 ? v : LLVMBuildFPCast(l->b, v, to, "");
}

static LLVMValueRef cast_int(Lower *l, const Type *from, LLVMValueRef v, const Type *to) {
    return LLVMBuildIntCast2(l->b, v, lower_type(l->m, to), type_is_signed(from), "");
}

/* Is v (of `from`) outside of `to`? NULL: never. */
static LLVMValueRef out_of_range(Lower *l, const Type *from, LLVMValueRef v, const Type *to) {
    bool fs = type_is_signed(from), ts = type_is_signed(to);
    uint32_t fb = type_bits(from), tb = type_bits(to);
    if (from->kind == TYPE_BOOL || (fs == ts && fb <= tb) || (!fs && ts && fb < tb))
        return NULL;
    if (fs && !ts && fb <= tb)
        return LLVMBuildICmp(l->b, LLVMIntSLT, v, LLVMConstInt(LLVMTypeOf(v), 0, 0), "");
    if (!fs && ts && fb == tb)
        return LLVMBuildICmp(l->b, LLVMIntSLT, v, LLVMConstInt(LLVMTypeOf(v), 0, 0), "");
    LLVMValueRef cut = cast_int(l, from, v, to);
    LLVMValueRef back = LLVMBuildIntCast2(l->b, cut, LLVMTypeOf(v), ts, "");
    LLVMValueRef differs = LLVMBuildICmp(l->b, LLVMIntNE, back, v, "");
    if (fs == ts)
        return differs;
    LLVMValueRef negative =
        LLVMBuildICmp(l->b, LLVMIntSLT, fs ? v : cut, LLVMConstInt(fs ? LLVMTypeOf(v) : LLVMTypeOf(cut), 0, 0), "");
    return LLVMBuildOr(l->b, differs, negative, "");
}

/* The operation that fails when a value does not fit (docs/protocol.md). */
static Str store_op(Lower *l, const Type *to, Str place) {
    return pool_printf(l->pool, "store:%s%.*s", type_scalar_name(to->kind), STR_FMT(place));
}

/* A Python int meets a sized type in an operation, or a sized field: OverflowError when it does not fit. */
static void check_range(Lower *l, const Node *n, Val v, const Type *to, Str place) {
    LLVMValueRef out = out_of_range(l, v.type, v.at[0], to);
    if (!out || LLVMIsAConstantInt(out))
        if (!out || !LLVMConstIntGetZExtValue(out))
            return;
    Str op = store_op(l, to, place);
    lower_check(l, n, out, (FailSpec){.kind = SITE_OP, .text = op, .operands = &v, .noperands = 1});
}

static Val convert_ref(Lower *l, Val v, const Type *to) {
    if (v.type->kind == TYPE_NONE)
        return val_one(l, to, lower_i64(l, JITD_NONE));
    v.type = to;
    return v;
}

static Val convert(Lower *l, const Node *n, Val v, const Type *to, Str place) {
    if (to->kind == TYPE_REF)
        return convert_ref(l, v, to);
    if (!type_is_scalar(to) || type_eq(v.type, to))
        return v;
    if (is_float(to))
        return val_one(l, to, cast_to_float(l, v.type, v.at[0], lower_type(l->m, to)));
    check_range(l, n, v, to, place);
    return val_one(l, to, cast_int(l, v.type, v.at[0], to));
}

Val val_convert(Lower *l, const Node *n, Val v, const Type *to) {
    return convert(l, n, v, to, STR(""));
}

static LLVMValueRef is_infinite(Lower *l, LLVMValueRef v) {
    LLVMTypeRef type = LLVMTypeOf(v);
    LLVMValueRef inf = LLVMConstReal(type, __builtin_inf());
    return LLVMBuildOr(l->b, LLVMBuildFCmp(l->b, LLVMRealOEQ, v, inf, ""),
                       LLVMBuildFCmp(l->b, LLVMRealOEQ, v, LLVMConstReal(type, -__builtin_inf()), ""), "");
}

Str val_field_place(Lower *l, uint32_t def, uint32_t field) {
    return pool_printf(l->pool, ":%u::%.*s", def, STR_FMT(l->lang->unit->defs[def].fields[field].name));
}

Str val_param_place(Lower *l, const FuncState *func, uint32_t param) {
    const FuncSpec *f = &l->lang->unit->defs[func->def].funcs[func->func];
    Str entry = func_entry_name(l->pool, f);
    return pool_printf(l->pool, ":%u:%.*s:%.*s", func->def, STR_FMT(entry), STR_FMT(f->params[param].name));
}

Val val_store(Lower *l, const Node *n, Val v, const Type *to, Str place) {
    Val stored = convert(l, n, v, to, place);
    if (to->kind != TYPE_FLOAT32 || v.type->kind != TYPE_FLOAT)
        return stored;
    LLVMValueRef was_finite = LLVMBuildNot(l->b, is_infinite(l, v.at[0]), "");
    LLVMValueRef out = LLVMBuildAnd(l->b, is_infinite(l, stored.at[0]), was_finite, "");
    lower_check(l, n, out, (FailSpec){.kind = SITE_OP, .text = store_op(l, to, place), .operands = &v, .noperands = 1});
    return stored;
}

LLVMValueRef val_bits(Lower *l, const Type *type, LLVMValueRef v) {
    if (type->kind == TYPE_REF)
        return v;
    if (type->kind == TYPE_FLOAT)
        return LLVMBuildBitCast(l->b, v, l->m->i64, "");
    if (type->kind == TYPE_FLOAT32)
        return LLVMBuildZExt(l->b, LLVMBuildBitCast(l->b, v, l->m->i32, ""), l->m->i64, "");
    return LLVMBuildIntCast2(l->b, v, l->m->i64, type_is_signed(type), "");
}

LLVMValueRef val_truth(Lower *l, Val v) {
    if (v.type->kind == TYPE_BOOL)
        return v.at[0];
    if (v.type->kind == TYPE_NONE)
        return lower_bool(l, false);
    if (v.type->kind == TYPE_TUPLE)
        return lower_bool(l, v.type->nitems > 0);
    if (v.type->kind == TYPE_REF)
        return LLVMBuildICmp(l->b, LLVMIntNE, v.at[0], lower_i64(l, JITD_NONE), "");
    if (is_float(v.type))
        return LLVMBuildFCmp(l->b, LLVMRealUNE, v.at[0], LLVMConstReal(lower_type(l->m, v.type), 0.0), "");
    return LLVMBuildICmp(l->b, LLVMIntNE, v.at[0], LLVMConstInt(lower_type(l->m, v.type), 0, 0), "");
}
