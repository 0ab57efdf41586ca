/* Lower, built-in functions, conversions and the math module. */
#include "server/compiler/builtin.h"
#include "server/compiler/lower.h"

static Val arg(Lower *l, const Node *n, size_t i) {
    return lower_expr(l, n->Call.args.at[i]);
}

static bool is_float(const Type *t) {
    return t->kind == TYPE_FLOAT || t->kind == TYPE_FLOAT32;
}

/* status = rt_name(args..., &result), checked as operation `op`. */
static Val call_traps(Lower *l, const Node *n, const char *name, Str op, const Type *result, const Val *args,
                      size_t nargs) {
    LLVMValueRef values[8], out = lower_alloca(l, lower_type(l->m, result), "");
    for (size_t i = 0; i < nargs; i++)
        values[i] = args[i].at[0];
    values[nargs] = out;
    LLVMValueRef status = lower_rt(l, name, values, (unsigned)nargs + 1);
    lower_status_check(l, n, status, op, args, nargs);
    return val_one(l, result, LLVMBuildLoad2(l->b, lower_type(l->m, result), out, ""));
}

static LLVMValueRef intrinsic1(Lower *l, const char *name, LLVMValueRef v) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMTypeRef type = LLVMTypeOf(v);
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(l->m->module, id, &type, 1);
    return LLVMBuildCall2(l->b, LLVMIntrinsicGetType(l->m->ctx, id, &type, 1), f, &v, 1, "");
}

static LLVMValueRef is_min_int(Lower *l, LLVMValueRef v) {
    return LLVMBuildICmp(l->b, LLVMIntEQ, v, lower_i64(l, INT64_MIN), "");
}

static Val lower_abs(Lower *l, const Node *n) {
    Val v = arg(l, n, 0);
    const Node *node = n->Call.args.at[0];
    if (l->info[node->id].test) {
        size_t mark = val_hold(l, v);
        Val r = lower_special(l, node, l->info[node->id].test, v, NULL);
        val_release(l, mark);
        return r;
    }
    if (is_float(v.type))
        return val_one(l, v.type, intrinsic1(l, "llvm.fabs", v.at[0]));
    if (v.type->kind == TYPE_BOOL)
        return val_convert(l, n, v, &type_int);
    if (!type_is_signed(v.type))
        return v;
    if (type_is_sized(v.type))
        lower_wrapped(l, NULL);
    if (v.type->kind == TYPE_INT && !l->lang->unit->wrap)
        lower_check(l, n, is_min_int(l, v.at[0]),
                    (FailSpec){.kind = SITE_OVERFLOW, .text = lower_overflow_text(l, STR("abs"))});
    LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(v.at[0]));
    LLVMValueRef negative = LLVMBuildICmp(l->b, LLVMIntSLT, v.at[0], zero, "");
    return val_one(l, v.type, LLVMBuildSelect(l->b, negative, LLVMBuildNeg(l->b, v.at[0], ""), v.at[0], ""));
}

/* ---- the interpreter's own functions ---- */

/* The arguments of such a call: numbers, and the text that says what they are (protocol/imports.def). */
typedef struct PythonArgs {
    Val at[JITD_PYMATH_VALUES];
    size_t n;
    Str types;
} PythonArgs;

static void add_types(Lower *l, PythonArgs *args, const char *more) {
    args->types = pool_printf(l->pool, "%.*s%s", STR_FMT(args->types), more);
}

static void add_number(Lower *l, PythonArgs *args, Val v) {
    args->at[args->n++] = v;
    add_types(l, args, v.type->kind == TYPE_FLOAT ? "f" : v.type->kind == TYPE_BOOL ? "b" : "i");
}

static void add_argument(Lower *l, PythonArgs *args, const Node *n) {
    if (n->kind == NODE_List) {
        add_types(l, args, "[");
        for (size_t i = 0; i < n->List.elts.len; i++)
            add_number(l, args, lower_expr(l, n->List.elts.at[i]));
        add_types(l, args, "]");
        return;
    }
    Val v = lower_expr(l, n);
    if (v.type->kind != TYPE_TUPLE) {
        add_number(l, args, v);
        return;
    }
    add_types(l, args, "(");
    for (size_t i = 0; i < v.type->nitems; i++)
        add_number(l, args, (Val){.type = v.type->items[i], .at = v.at + i});
    add_types(l, args, ")");
}

static Val call_python(Lower *l, const Node *n, const MathFn *f, const Type *result, const PythonArgs *args) {
    LLVMTypeRef array = LLVMArrayType2(l->m->i64, args->n ? args->n : 1);
    LLVMValueRef in = lower_alloca(l, array, ""), out = lower_alloca(l, l->m->i64, "");
    for (size_t i = 0; i < args->n; i++) {
        LLVMValueRef index[] = {lower_i64(l, 0), lower_i64(l, (int64_t)i)};
        LLVMValueRef at = LLVMBuildInBoundsGEP2(l->b, array, in, index, 2, "");
        LLVMBuildStore(l->b, val_bits(l, args->at[i].type, args->at[i].at[0]), at);
    }
    LLVMValueRef text = LLVMBuildGlobalStringPtr(l->b, args->types.ptr, "types");
    LLVMValueRef all[] = {l->frame, lower_i32(l, f->pymath), lower_i32(l, (int64_t)args->n), text, in, out};
    lower_import_status(l, n, lower_rt(l, "rt_pymath", all, 6));
    LLVMValueRef bits = LLVMBuildLoad2(l->b, l->m->i64, out, "");
    if (result->kind == TYPE_FLOAT)
        bits = LLVMBuildBitCast(l->b, bits, l->m->f64, "");
    else if (result->kind == TYPE_BOOL)
        bits = LLVMBuildICmp(l->b, LLVMIntNE, bits, lower_i64(l, 0), "");
    return val_one(l, result, bits);
}

static Val lower_python_call(Lower *l, const Node *n, const MathFn *f, const Type *result) {
    PythonArgs args = {.types = pool_printf(l->pool, "%s", "")};
    for (size_t i = 0; i < n->Call.args.len; i++)
        add_argument(l, &args, n->Call.args.at[i]);
    for (size_t i = 0; i < n->Call.keywords.len; i++) {
        const Node *keyword = n->Call.keywords.at[i];
        add_types(l, &args, pool_printf(l->pool, ";%.*s=", STR_FMT(keyword->keyword.arg)).ptr);
        add_argument(l, &args, keyword->keyword.value);
    }
    return call_python(l, n, f, result, &args);
}

/* ---- built-in functions ---- */

/* The best so far of ints and floats. */
typedef struct Mixed {
    LLVMValueRef is_int, i, f;
} Mixed;

/* Is v less (more) than the best? Exactly, as CPython compares ints with floats. */
static LLVMValueRef mixed_better(Lower *l, const Mixed *best, Val v, bool is_max) {
    LLVMValueRef to_int, to_float, x = v.at[0];
    if (v.type->kind == TYPE_INT) {
        to_int = LLVMBuildICmp(l->b, is_max ? LLVMIntSGT : LLVMIntSLT, x, best->i, "");
        to_float = lower_rt(l, is_max ? "rt_int_float_gt" : "rt_int_float_lt", (LLVMValueRef[]){x, best->f}, 2);
    } else {
        to_int = lower_rt(l, is_max ? "rt_int_float_lt" : "rt_int_float_gt", (LLVMValueRef[]){best->i, x}, 2);
        to_float = LLVMBuildFCmp(l->b, is_max ? LLVMRealOGT : LLVMRealOLT, x, best->f, "");
    }
    return LLVMBuildSelect(l->b, best->is_int, to_int, to_float, "");
}

static Mixed mixed_value(Lower *l, Val v) {
    if (v.type->kind == TYPE_INT)
        return (Mixed){lower_bool(l, true), v.at[0], LLVMConstNull(l->m->f64)};
    return (Mixed){lower_bool(l, false), lower_i64(l, 0), v.at[0]};
}

static Val minmax_mixed(Lower *l, const Node *n, const Val *vals, bool is_max) {
    Mixed best = mixed_value(l, vals[0]);
    for (size_t k = 1; k < n->Call.args.len; k++) {
        LLVMValueRef better = mixed_better(l, &best, vals[k], is_max);
        Mixed v = mixed_value(l, vals[k]);
        best = (Mixed){LLVMBuildSelect(l->b, better, v.is_int, best.is_int, ""),
                       LLVMBuildSelect(l->b, better, v.i, best.i, ""), LLVMBuildSelect(l->b, better, v.f, best.f, "")};
    }
    if (l->info[n->id].flags & NODE_TO_FLOAT) {
        LLVMValueRef converted = LLVMBuildSIToFP(l->b, best.i, l->m->f64, "");
        return val_one(l, &type_float, LLVMBuildSelect(l->b, best.is_int, converted, best.f, ""));
    }
    LLVMBasicBlockRef is_int = lower_block(l, ""), next = lower_block(l, "");
    lower_branch_rarely(l, best.is_int, is_int, next);
    lower_at(l, is_int);
    lower_int_instead(l, n);
    lower_at(l, next);
    return val_one(l, &type_float, best.f);
}

/* CPython keeps the first and replaces it by a later one that is less (more): so with a nan, too. */
static Val lower_minmax(Lower *l, const Node *n, bool is_max) {
    size_t len = n->Call.args.len;
    Val *vals = pool_array(l->pool, Val, len);
    for (size_t i = 0; i < len; i++)
        vals[i] = arg(l, n, i);
    if (l->info[n->id].flags & NODE_MAYBE_INT)
        return minmax_mixed(l, n, vals, is_max);
    Val best = vals[0];
    for (size_t i = 1; i < len; i++) {
        LLVMValueRef x = vals[i].at[0], y = best.at[0], better;
        bool is_signed = type_is_signed(best.type) && best.type->kind != TYPE_BOOL;
        if (is_float(best.type))
            better = LLVMBuildFCmp(l->b, is_max ? LLVMRealOGT : LLVMRealOLT, x, y, "");
        else
            better = LLVMBuildICmp(l->b,
                                   is_signed ? (is_max ? LLVMIntSGT : LLVMIntSLT)
                                   : is_max  ? LLVMIntUGT
                                             : LLVMIntULT,
                                   x, y, "");
        best = val_one(l, best.type, LLVMBuildSelect(l->b, better, x, y, ""));
    }
    return best;
}

static Val lower_to(Lower *l, const Node *n, const Type *to) {
    if (!n->Call.args.len)
        return val_one(l, to, LLVMConstNull(lower_type(l->m, to)));
    Val v = arg(l, n, 0);
    if (!is_float(v.type) || is_float(to))
        return val_store(l, n, v, to, STR(""));
    v = val_convert(l, n, v, &type_float);
    return call_traps(l, n, "rt_float_to_int", STR("int"), &type_int, &v, 1);
}

static Val lower_bool_of(Lower *l, const Node *n) {
    if (!n->Call.args.len)
        return val_one(l, &type_bool, lower_bool(l, false));
    LLVMBasicBlockRef yes = lower_block(l, ""), no = lower_block(l, ""), end = lower_block(l, "");
    lower_cond(l, n->Call.args.at[0], yes, no);
    lower_at(l, yes);
    lower_go(l, end);
    lower_at(l, no);
    lower_go(l, end);
    lower_at(l, end);
    LLVMValueRef phi = LLVMBuildPhi(l->b, l->m->i1, "");
    LLVMAddIncoming(phi, (LLVMValueRef[]){lower_bool(l, true), lower_bool(l, false)}, (LLVMBasicBlockRef[]){yes, no},
                    2);
    return val_one(l, &type_bool, phi);
}

/* Digits and sizes that the native rounding does not know are the interpreter's. */
static Val round_float(Lower *l, const Node *n, const MathFn *python, const Val *args) {
    LLVMValueRef out = lower_alloca(l, l->m->f64, ""), values[] = {args[0].at[0], args[1].at[0], out};
    LLVMValueRef status = lower_rt(l, "rt_float_round_to", values, 3);
    LLVMBasicBlockRef rare = lower_block(l, ""), next = lower_block(l, "");
    lower_branch_rarely(l, LLVMBuildICmp(l->b, LLVMIntNE, status, lower_i32(l, 0), ""), rare, next);
    lower_at(l, rare);
    PythonArgs both = {.at = {args[0], args[1]}, .n = 2, .types = STR("fi")};
    LLVMBuildStore(l->b, call_python(l, n, python, &type_float, &both).at[0], out);
    lower_go(l, next);
    lower_at(l, next);
    return val_one(l, &type_float, LLVMBuildLoad2(l->b, l->m->f64, out, ""));
}

static Val lower_round(Lower *l, const Node *n, const CallInfo *call) {
    if (call->math && l->info[n->id].type->kind == TYPE_INT)
        return lower_python_call(l, n, call->math, &type_int);
    Val args[2] = {arg(l, n, 0)};
    if (n->Call.args.len == 2)
        args[1] = arg(l, n, 1);
    if (!is_float(args[0].type))
        return val_convert(l, n, args[0], &type_int);
    if (n->Call.args.len == 1)
        return call_traps(l, n, "rt_float_round", STR("round"), &type_int, args, 1);
    return round_float(l, n, call->math, args);
}

static Val lower_divmod(Lower *l, const Node *n) {
    const Type *common = l->info[n->id].common;
    Val a = val_convert(l, n, arg(l, n, 0), common), b = val_convert(l, n, arg(l, n, 1), common);
    Val t = val_new(l, l->info[n->id].type);
    t.at[0] = lower_half_of_divmod(l, n, OP_FloorDiv, common, a, b).at[0];
    t.at[1] = lower_half_of_divmod(l, n, OP_Mod, common, a, b).at[0];
    return t;
}

static Val lower_pow(Lower *l, const Node *n, const CallInfo *call) {
    if (call->math)
        return lower_python_call(l, n, call->math, &type_int);
    const Type *common = l->info[n->id].common;
    Val a = arg(l, n, 0), b = arg(l, n, 1);
    return lower_binary(l, n, OP_Pow, rule_find(OP_Pow, type_rule_on(common)), common, a, b);
}

static Val lower_len(Lower *l, const Node *n) {
    Val v = arg(l, n, 0);
    const Node *node = n->Call.args.at[0];
    const SpecialCall *test = l->info[node->id].test;
    size_t mark = val_hold(l, v);
    LLVMValueRef len = test ? lower_special_len(l, node, test, v) : lower_i64(l, (int64_t)v.type->nitems);
    val_release(l, mark);
    return val_one(l, &type_int, len);
}

Val lower_builtin(Lower *l, const Node *n, const CallInfo *call) {
    switch ((Builtin)call->builtin) {
    case BUILTIN_abs:
        return lower_abs(l, n);
    case BUILTIN_min:
    case BUILTIN_max:
        return lower_minmax(l, n, call->builtin == BUILTIN_max);
    case BUILTIN_int:
    case BUILTIN_float:
        return lower_to(l, n, l->info[n->id].type);
    case BUILTIN_bool:
        return lower_bool_of(l, n);
    case BUILTIN_round:
        return lower_round(l, n, call);
    case BUILTIN_divmod:
        return lower_divmod(l, n);
    case BUILTIN_pow:
        return lower_pow(l, n, call);
    case BUILTIN_len:
        return lower_len(l, n);
    case N_BUILTINS:
        break;
    }
    return val_none();
}

/* ---- math ---- */

static Val call_pair(Lower *l, const char *name, const Type *result, Val x) {
    Val v = val_new(l, result);
    LLVMValueRef out[2];
    for (int i = 0; i < 2; i++)
        out[i] = lower_alloca(l, lower_type(l->m, result->items[i]), "");
    lower_rt(l, name, (LLVMValueRef[]){x.at[0], out[0], out[1]}, 3);
    for (int i = 0; i < 2; i++)
        v.at[i] = LLVMBuildLoad2(l->b, lower_type(l->m, result->items[i]), out[i], "");
    return v;
}

static bool rounds_int(const MathFn *f, const Type *t) {
    return f->result == 'i' && (t->kind == TYPE_INT || t->kind == TYPE_BOOL);
}

Val lower_math(Lower *l, const Node *n, const CallInfo *call) {
    const MathFn *f = call->math;
    const Type *result = l->info[n->id].type;
    Val args[4];
    if (f->how == MATH_PYMATH)
        return lower_python_call(l, n, f, result);
    size_t nargs = n->Call.args.len;
    for (size_t i = 0; i < nargs; i++) {
        args[i] = arg(l, n, i);
        if (rounds_int(f, args[i].type)) /* floor(3) is 3 */
            return val_convert(l, n, args[i], &type_int);
        args[i] = val_convert(l, n, args[i], f->params[i] == 'i' ? &type_int : &type_float);
    }
    const char *name = pool_printf(l->pool, "rt_math_%s", f->name).ptr;
    if (f->how == MATH_TRAPS)
        return call_traps(l, n, name, pool_printf(l->pool, "math.%s", f->name), result, args, nargs);
    if (f->how == MATH_PAIR)
        return call_pair(l, name, result, args[0]);
    LLVMValueRef values[4];
    for (size_t i = 0; i < nargs; i++)
        values[i] = args[i].at[0];
    return val_one(l, result, lower_rt(l, name, values, (unsigned)nargs));
}
