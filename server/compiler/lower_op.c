/* Lower, operators: carries out the rule (rules.def) that infer chose. */
#include "server/compiler/lower.h"

static LLVMOpcode opcode_of(const char *name) {
    static const struct {
        const char *name;
        LLVMOpcode op;
    } ops[] = {{"Add", LLVMAdd}, {"Sub", LLVMSub},   {"Mul", LLVMMul},   {"And", LLVMAnd},   {"Or", LLVMOr},
               {"Xor", LLVMXor}, {"FAdd", LLVMFAdd}, {"FSub", LLVMFSub}, {"FMul", LLVMFMul}, {"FDiv", LLVMFDiv}};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (!strcmp(name, ops[i].name))
            return ops[i].op;
    return LLVMAdd;
}

static LLVMValueRef fast(Lower *l, LLVMValueRef v) {
    if (l->lang->unit->fastmath && LLVMCanValueUseFastMathFlags(v))
        LLVMSetFastMathFlags(v, LLVMFastMathAll);
    return v;
}

static LLVMValueRef wrapping(Lower *l, const char *name, LLVMValueRef a, LLVMValueRef b) {
    LLVMOpcode op = !strcmp(name, "sadd") ? LLVMAdd : !strcmp(name, "ssub") ? LLVMSub : LLVMMul;
    return LLVMBuildBinOp(l->b, op, a, b, "");
}

static LLVMValueRef checked(Lower *l, const Node *n, Operator op, const char *name, LLVMValueRef a, LLVMValueRef b) {
    if (l->lang->unit->wrap)
        return wrapping(l, name, a, b);
    Str full = pool_printf(l->pool, "llvm.%s.with.overflow", name);
    unsigned id = LLVMLookupIntrinsicID(full.ptr, full.len);
    LLVMTypeRef type = l->m->i64;
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(l->m->module, id, &type, 1);
    LLVMTypeRef fn_type = LLVMIntrinsicGetType(l->m->ctx, id, &type, 1);
    LLVMValueRef r = LLVMBuildCall2(l->b, fn_type, f, (LLVMValueRef[]){a, b}, 2, "");
    LLVMValueRef over = LLVMBuildExtractValue(l->b, r, 1, "");
    Str text = lower_overflow_text(l, str_from_cstr(operator_text(op)));
    lower_check(l, n, over, (FailSpec){.kind = SITE_OVERFLOW, .text = text});
    return LLVMBuildExtractValue(l->b, r, 0, "");
}

static const char *helper_name(Lower *l, const char *name) {
    Str wrap = pool_printf(l->pool, "rt_wrap_%s", name);
    if (l->lang->unit->wrap && LLVMGetNamedFunction(l->m->runtime, wrap.ptr))
        return wrap.ptr;
    return pool_printf(l->pool, "rt_%s", name).ptr;
}

static Val traps(Lower *l, const Node *n, Str op, const char *name, const Type *result, Val a, Val b) {
    LLVMValueRef out = lower_alloca(l, lower_type(l->m, result), "");
    LLVMValueRef status = lower_rt(l, helper_name(l, name), (LLVMValueRef[]){a.at[0], b.at[0], out}, 3);
    Val operands[] = {a, b};
    lower_status_check(l, n, status, op, operands, 2);
    return val_one(l, result, LLVMBuildLoad2(l->b, lower_type(l->m, result), out, ""));
}

/* Small sized integers are computed in 64 bits and cut. */
static Val sized(Lower *l, const Node *n, Operator op, const Rule *rule, const Type *common, Val a, Val b) {
    bool is_signed = type_is_signed(common);
    LLVMValueRef out = lower_alloca(l, l->m->i64, "");
    LLVMValueRef args[] = {LLVMBuildIntCast2(l->b, a.at[0], l->m->i64, is_signed, ""),
                           LLVMBuildIntCast2(l->b, b.at[0], l->m->i64, is_signed, ""), lower_i32(l, type_bits(common)),
                           out};
    Str name = pool_printf(l->pool, "rt_%c_%s", is_signed ? 's' : 'u', rule->name);
    LLVMValueRef status = lower_rt(l, name.ptr, args, 4);
    Val operands[] = {a, b};
    lower_status_check(l, n, status, str_from_cstr(operator_text(op)), operands, 2);
    LLVMValueRef wide = LLVMBuildLoad2(l->b, l->m->i64, out, "");
    return val_one(l, common, LLVMBuildIntCast2(l->b, wide, lower_type(l->m, common), is_signed, ""));
}

static const Type *result_type(const Rule *rule, const Type *common) {
    return rule->result == RESULT_BOOL    ? &type_bool
           : rule->result == RESULT_INT   ? &type_int
           : rule->result == RESULT_FLOAT ? &type_float
                                          : common;
}

static LLVMValueRef pure(Lower *l, const Rule *rule, LLVMValueRef a, LLVMValueRef b) {
    return lower_rt(l, pool_printf(l->pool, "rt_%s", rule->name).ptr, (LLVMValueRef[]){a, b}, 2);
}

/* Whether an operation of sized types gives what the interpreter's does. In a loop a look at each turn would cost more than it is worth. */
static void note_sized(Lower *l, Operator op, const Type *common, Val a, Val b) {
    const char *name = op == OP_Add ? "add" : op == OP_Sub ? "sub" : op == OP_Mult ? "mul" : NULL;
    if (!name || l->loop || !type_is_int(common) || !type_is_sized(common)) {
        lower_wrapped(l, NULL);
        return;
    }
    Str full = pool_printf(l->pool, "llvm.%c%s.with.overflow", type_is_signed(common) ? 's' : 'u', name);
    unsigned id = LLVMLookupIntrinsicID(full.ptr, full.len);
    LLVMTypeRef type = lower_type(l->m, common);
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(l->m->module, id, &type, 1);
    LLVMValueRef args[] = {a.at[0], b.at[0]};
    LLVMValueRef r = LLVMBuildCall2(l->b, LLVMIntrinsicGetType(l->m->ctx, id, &type, 1), f, args, 2, "");
    lower_wrapped(l, LLVMBuildExtractValue(l->b, r, 1, ""));
}

Val lower_binary(Lower *l, const Node *n, Operator op, const Rule *rule, const Type *common, Val a, Val b) {
    bool sized_operands = type_is_sized(a.type) || type_is_sized(b.type);
    a = val_convert(l, n, a, common);
    b = val_convert(l, n, b, common);
    if (sized_operands)
        note_sized(l, op, common, a, b);
    const Type *result = result_type(rule, common);
    switch (rule->how) {
    case HOW_CHECKED:
        return val_one(l, result, checked(l, n, op, rule->name, a.at[0], b.at[0]));
    case HOW_INSTR:
        return val_one(l, result, fast(l, LLVMBuildBinOp(l->b, opcode_of(rule->name), a.at[0], b.at[0], "")));
    case HOW_PURE:
        return val_one(l, result, pure(l, rule, a.at[0], b.at[0]));
    case HOW_SIZED:
        return sized(l, n, op, rule, common, a, b);
    case HOW_TRAPS:
    case HOW_CMP:
        break;
    }
    if (op == OP_Pow && common->kind == TYPE_INT && LLVMIsAConstantInt(b.at[0]) &&
        LLVMConstIntGetSExtValue(b.at[0]) == 2)
        return val_one(l, result, checked(l, n, op, "smul", a.at[0], a.at[0]));
    return traps(l, n, str_from_cstr(operator_text(op)), rule->name, result, a, b);
}

Val lower_half_of_divmod(Lower *l, const Node *n, Operator op, const Type *common, Val a, Val b) {
    const Rule *rule = rule_find(op, type_rule_on(common));
    return traps(l, n, STR("divmod"), rule->name, result_type(rule, common), a, b);
}

Val lower_operator(Lower *l, const Node *n, Operator op, Val left, const Node *right) {
    const NodeInfo *info = &l->info[n->id];
    size_t mark = val_hold(l, left);
    Val b = lower_expr(l, right), v;
    val_hold(l, b);
    if (info->common)
        v = lower_binary(l, n, op, info->what, info->common, left, b);
    else
        v = lower_special(l, n, info->what, left, &b);
    val_release(l, mark);
    return v;
}

static Val special_unary(Lower *l, const Node *n, Val v) {
    size_t mark = val_hold(l, v);
    Val r = lower_special(l, n, l->info[n->id].what, v, NULL);
    val_release(l, mark);
    return r;
}

Val lower_unary(Lower *l, const Node *n) {
    Val v = lower_expr(l, n->UnaryOp.operand);
    if (l->info[n->id].what)
        return special_unary(l, n, v);
    Operator op = n->UnaryOp.op;
    if (v.type->kind == TYPE_BOOL)
        v = val_convert(l, n, v, &type_int);
    LLVMValueRef x = v.at[0], zero = LLVMConstNull(LLVMTypeOf(x));
    if (op == OP_UAdd)
        return v;
    if (type_is_sized(v.type))
        lower_wrapped(l, NULL);
    if (op == OP_Invert)
        return val_one(l, v.type, LLVMBuildNot(l->b, x, ""));
    if (v.type->kind == TYPE_FLOAT || v.type->kind == TYPE_FLOAT32)
        return val_one(l, v.type, fast(l, LLVMBuildFNeg(l->b, x, "")));
    if (v.type->kind == TYPE_INT)
        return val_one(l, v.type, checked(l, n, OP_Sub, "ssub", zero, x));
    return val_one(l, v.type, LLVMBuildNeg(l->b, x, ""));
}

/* ---- comparisons ---- */

static LLVMValueRef compare_ints(Lower *l, const char *name, bool is_signed, LLVMValueRef a, LLVMValueRef b) {
    LLVMIntPredicate p = !strcmp(name, "EQ")   ? LLVMIntEQ
                         : !strcmp(name, "NE") ? LLVMIntNE
                         : !strcmp(name, "LT") ? (is_signed ? LLVMIntSLT : LLVMIntULT)
                         : !strcmp(name, "LE") ? (is_signed ? LLVMIntSLE : LLVMIntULE)
                         : !strcmp(name, "GT") ? (is_signed ? LLVMIntSGT : LLVMIntUGT)
                                               : (is_signed ? LLVMIntSGE : LLVMIntUGE);
    return LLVMBuildICmp(l->b, p, a, b, "");
}

static LLVMValueRef compare_floats(Lower *l, const char *name, LLVMValueRef a, LLVMValueRef b) {
    LLVMRealPredicate p = !strcmp(name, "EQ")   ? LLVMRealOEQ
                          : !strcmp(name, "NE") ? LLVMRealUNE
                          : !strcmp(name, "LT") ? LLVMRealOLT
                          : !strcmp(name, "LE") ? LLVMRealOLE
                          : !strcmp(name, "GT") ? LLVMRealOGT
                                                : LLVMRealOGE;
    return fast(l, LLVMBuildFCmp(l->b, p, a, b, ""));
}

/* Ints of different types are compared exactly: in a type that holds both. */
static LLVMValueRef compare_wide(Lower *l, const Rule *rule, Val a, Val b) {
    if (type_eq(a.type, b.type))
        return compare_ints(l, rule->name, type_is_signed(a.type), a.at[0], b.at[0]);
    LLVMTypeRef wide = LLVMIntTypeInContext(l->m->ctx, 72);
    LLVMValueRef x = LLVMBuildIntCast2(l->b, a.at[0], wide, type_is_signed(a.type), "");
    LLVMValueRef y = LLVMBuildIntCast2(l->b, b.at[0], wide, type_is_signed(b.type), "");
    return compare_ints(l, rule->name, true, x, y);
}

static LLVMValueRef ref_bits(Lower *l, Val v) {
    return v.type->kind == TYPE_NONE ? lower_i64(l, JITD_NONE) : v.at[0];
}

static LLVMValueRef compare_one(Lower *l, const Node *n, const CompareStep *s, Val a, Val b) {
    if (s->known >= 0)
        return lower_bool(l, s->known);
    if (s->special) {
        LLVMValueRef v = lower_special(l, n, s->special, a, &b).at[0];
        return s->negate ? LLVMBuildNot(l->b, v, "") : v;
    }
    if (!s->rule)
        return LLVMBuildICmp(l->b, s->negate ? LLVMIntNE : LLVMIntEQ, ref_bits(l, a), ref_bits(l, b), "");
    if (s->rule->on == ON_MIXED)
        return s->swap ? pure(l, s->rule, val_convert(l, n, b, &type_int).at[0], a.at[0])
                       : pure(l, s->rule, val_convert(l, n, a, &type_int).at[0], b.at[0]);
    if (s->rule->on == ON_SIZED)
        return compare_wide(l, s->rule, a, b);
    if (type_is_sized(a.type) || type_is_sized(b.type))
        lower_wrapped(l, NULL);
    a = val_convert(l, n, a, s->common);
    b = val_convert(l, n, b, s->common);
    if (s->rule->on == ON_INT)
        return compare_ints(l, s->rule->name, true, a.at[0], b.at[0]);
    return compare_floats(l, s->rule->name, a.at[0], b.at[0]);
}

static void give_back(Lower *l, Val v) {
    val_release(l, val_hold(l, v));
}

/* One step of a chain: compares a with what `right` gives and gives a back; *ret_b is still held by nobody. */
static LLVMValueRef compare_next(Lower *l, const Node *n, const CompareStep *step, Val a, const Node *right,
                                 bool borrow, Val *ret_b) {
    size_t mark = val_hold(l, a);
    Val b = borrow ? lower_expr_borrowed(l, right) : lower_expr(l, right);
    val_hold(l, b);
    LLVMValueRef truth = compare_one(l, n, step, a, b);
    val_forget(l, mark);
    give_back(l, a);
    *ret_b = b;
    return truth;
}

/* a < b < c: b is evaluated once, c only if a < b. */
typedef struct Chain {
    const Node *n;
    const CompareStep *steps;
    LLVMValueRef result;
    LLVMBasicBlockRef end;
} Chain;

/* The i-th comparison of a chain; *ret_b is held by nobody, and there is none after the last. */
static void chain_step(Lower *l, const Chain *c, size_t i, Val a, Val *ret_b) {
    Val b;
    LLVMValueRef truth = compare_next(l, c->n, &c->steps[i], a, c->n->Compare.comparators.at[i], false, &b);
    LLVMBuildStore(l->b, truth, c->result);
    if (i + 1 == c->n->Compare.ops.len) {
        give_back(l, b);
        lower_go(l, c->end);
        return;
    }
    LLVMBasicBlockRef next = lower_block(l, ""), leave = lower_block(l, "");
    LLVMBuildCondBr(l->b, truth, next, leave);
    lower_at(l, leave);
    give_back(l, b);
    lower_go(l, c->end);
    lower_at(l, next);
    *ret_b = b;
}

/* From the second on: where one never gets a value, that path ends. */
static void chain_rest(Lower *l, const Chain *c, Val b) {
    jmp_buf bottom, *outer = l->bottom;
    size_t mark = l->ntemps;
    l->bottom = &bottom;
    if (setjmp(bottom) == 0)
        for (size_t i = 1; i < c->n->Compare.ops.len; i++)
            chain_step(l, c, i, b, &b);
    l->bottom = outer;
    l->ntemps = mark;
}

static Val compare_chain(Lower *l, const Node *n, const CompareStep *steps, Val a) {
    Chain c = {.n = n, .steps = steps, .end = lower_block(l, ""), .result = lower_alloca(l, l->m->i1, "")};
    Val b;
    chain_step(l, &c, 0, a, &b);
    chain_rest(l, &c, b);
    lower_at(l, c.end);
    return val_one(l, &type_bool, LLVMBuildLoad2(l->b, l->m->i1, c.result, ""));
}

Val lower_compare(Lower *l, const Node *n) {
    const CompareStep *steps = l->info[n->id].what;
    Val b;
    if (n->Compare.ops.len > 1)
        return compare_chain(l, n, steps, lower_expr(l, n->Compare.left));
    /* What a method compares must live as long as its call; and nothing else may run between the two operands. */
    NodeKind kind = n->Compare.comparators.at[0]->kind;
    bool borrow = !steps[0].special && (kind == NODE_Name || kind == NODE_Constant);
    Val a = borrow ? lower_expr_borrowed(l, n->Compare.left) : lower_expr(l, n->Compare.left);
    LLVMValueRef truth = compare_next(l, n, &steps[0], a, n->Compare.comparators.at[0], borrow, &b);
    give_back(l, b);
    return val_one(l, &type_bool, truth);
}
