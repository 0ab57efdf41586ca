/* Emit, operations of numbers. */
#include "server/compiler/emit/emit.h"

static bool is_float(const Type *t) {
    return t->kind == TYPE_FLOAT || t->kind == TYPE_FLOAT32;
}

static LLVMValueRef arg(const Emit *e, const FlowOp *op, uint32_t i) {
    return e->values[op->args[i]->id][0];
}

static LLVMValueRef fast(const FlowOp *op, LLVMValueRef v) {
    if (op->fast && LLVMCanValueUseFastMathFlags(v))
        LLVMSetFastMathFlags(v, LLVMFastMathAll);
    return v;
}

static LLVMValueRef intrinsic(Emit *e, const char *name, LLVMTypeRef type, LLVMValueRef *args, unsigned n) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(e->m->module, id, &type, 1);
    return LLVMBuildCall2(e->b, LLVMIntrinsicGetType(e->m->ctx, id, &type, 1), f, args, n, "");
}

static LLVMValueRef binary(Emit *e, const FlowOp *op) {
    static const LLVMOpcode of_ints[] = {LLVMAdd, LLVMSub, LLVMMul, LLVMSDiv, LLVMAnd, LLVMOr, LLVMXor};
    static const LLVMOpcode of_floats[] = {LLVMFAdd, LLVMFSub, LLVMFMul, LLVMFDiv};
    LLVMValueRef x = arg(e, op, 0), y = arg(e, op, 1);
    if (op->exact)
        return op->arith == FLOW_ADD ? LLVMBuildNSWAdd(e->b, x, y, "") : LLVMBuildNSWSub(e->b, x, y, "");
    LLVMOpcode code = is_float(op->type) ? of_floats[op->arith] : of_ints[op->arith];
    return fast(op, LLVMBuildBinOp(e->b, code, x, y, ""));
}

/* The result and whether it overflows. */
static LLVMValueRef with_overflow(Emit *e, const FlowOp *op) {
    static const char *const names[] = {"add", "sub", "mul"};
    const Type *t = op->args[0]->type;
    Str name = pool_printf(e->pool, "llvm.%c%s.with.overflow", type_is_signed(t) ? 's' : 'u', names[op->arith]);
    return intrinsic(e, name.ptr, emit_type(e->m, t), (LLVMValueRef[]){arg(e, op, 0), arg(e, op, 1)}, 2);
}

static LLVMValueRef checked(Emit *e, const FlowOp *op) {
    LLVMValueRef r = with_overflow(e, op);
    emit_failing(e, LLVMBuildExtractValue(e->b, r, 1, ""), op->fails[0]);
    return LLVMBuildExtractValue(e->b, r, 0, "");
}

static LLVMValueRef compare_ints(Emit *e, FlowOrder order, bool is_signed, LLVMValueRef x, LLVMValueRef y) {
    static const LLVMIntPredicate of_signed[] = {LLVMIntEQ, LLVMIntNE, LLVMIntSLT, LLVMIntSLE, LLVMIntSGT, LLVMIntSGE};
    static const LLVMIntPredicate of_unsigned[] = {LLVMIntEQ,  LLVMIntNE,  LLVMIntULT,
                                                   LLVMIntULE, LLVMIntUGT, LLVMIntUGE};
    return LLVMBuildICmp(e->b, (is_signed ? of_signed : of_unsigned)[order], x, y, "");
}

/* Ints of different types are compared exactly: in a type that holds both. */
static LLVMValueRef compare_wide(Emit *e, const FlowOp *op) {
    LLVMTypeRef wide = LLVMIntTypeInContext(e->m->ctx, 72);
    LLVMValueRef x = LLVMBuildIntCast2(e->b, arg(e, op, 0), wide, type_is_signed(op->args[0]->type), "");
    LLVMValueRef y = LLVMBuildIntCast2(e->b, arg(e, op, 1), wide, type_is_signed(op->args[1]->type), "");
    return compare_ints(e, op->order, true, x, y);
}

static LLVMValueRef compare(Emit *e, const FlowOp *op) {
    static const LLVMRealPredicate of_floats[] = {LLVMRealOEQ, LLVMRealUNE, LLVMRealOLT,
                                                  LLVMRealOLE, LLVMRealOGT, LLVMRealOGE};
    const Type *t = op->args[0]->type;
    if (is_float(t))
        return fast(op, LLVMBuildFCmp(e->b, of_floats[op->order], arg(e, op, 0), arg(e, op, 1), ""));
    if (t->kind != TYPE_REF && !type_eq(t, op->args[1]->type))
        return compare_wide(e, op);
    return compare_ints(e, op->order, t->kind != TYPE_REF && type_is_signed(t), arg(e, op, 0), arg(e, op, 1));
}

/* An int's way to a float32 is through a float64, as Python and NumPy do it. */
static LLVMValueRef cast(Emit *e, const FlowOp *op) {
    const Type *from = op->args[0]->type;
    LLVMTypeRef to = emit_type(e->m, op->type);
    LLVMValueRef v = arg(e, op, 0);
    if (!is_float(op->type))
        return LLVMBuildIntCast2(e->b, v, to, type_is_signed(from), "");
    if (!is_float(from))
        v = type_is_signed(from) ? LLVMBuildSIToFP(e->b, v, e->m->f64, "") : LLVMBuildUIToFP(e->b, v, e->m->f64, "");
    return LLVMTypeOf(v) == to ? v : LLVMBuildFPCast(e->b, v, to, "");
}

static LLVMValueRef truth(Emit *e, const FlowOp *op) {
    const Type *t = op->args[0]->type;
    LLVMValueRef v = arg(e, op, 0), zero = LLVMConstNull(LLVMTypeOf(v));
    if (t->kind == TYPE_REF)
        return LLVMBuildICmp(e->b, LLVMIntNE, v, emit_i64(e, JITD_NONE), "");
    return is_float(t) ? LLVMBuildFCmp(e->b, LLVMRealUNE, v, zero, "") : LLVMBuildICmp(e->b, LLVMIntNE, v, zero, "");
}

bool emit_arith(Emit *e, FlowOp *op, LLVMValueRef *ret_value) {
    LLVMValueRef v;
    switch (op->kind) {
    case FLOW_BINARY:
        *ret_value = binary(e, op);
        return true;
    case FLOW_CHECKED:
        *ret_value = checked(e, op);
        return true;
    case FLOW_OVERFLOWS:
        *ret_value = LLVMBuildExtractValue(e->b, with_overflow(e, op), 1, "");
        return true;
    case FLOW_COMPARE:
        *ret_value = compare(e, op);
        return true;
    case FLOW_NEGATE:
        v = arg(e, op, 0);
        *ret_value = is_float(op->type) ? fast(op, LLVMBuildFNeg(e->b, v, "")) : LLVMBuildNeg(e->b, v, "");
        return true;
    case FLOW_INVERT:
        *ret_value = LLVMBuildNot(e->b, arg(e, op, 0), "");
        return true;
    case FLOW_FABS:
        v = arg(e, op, 0);
        *ret_value = intrinsic(e, "llvm.fabs", LLVMTypeOf(v), &v, 1);
        return true;
    case FLOW_CAST:
        *ret_value = cast(e, op);
        return true;
    case FLOW_TRUTH:
        *ret_value = truth(e, op);
        return true;
    case FLOW_SELECT:
        *ret_value = LLVMBuildSelect(e->b, arg(e, op, 0), arg(e, op, 1), arg(e, op, 2), "");
        return true;
    default:
        return false;
    }
}
