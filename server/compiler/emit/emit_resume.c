/* Emit, resume: values to the array that the import takes, and the result from there. */
#include "server/compiler/emit/emit.h"

static LLVMTypeRef array_type(Emit *e) {
    return LLVMArrayType2(e->m->i64, e->f->nresume + 1);
}

/* One for all places of the function: only one is come to. */
static LLVMValueRef array(Emit *e) {
    if (!e->handed) {
        e->handed = emit_alloca(e, array_type(e), "handed");
        e->handed_at = pool_array(e->pool, LLVMValueRef, e->f->nresume + 1);
    }
    return e->handed;
}

/* Computed once for all places: there are many. */
static LLVMValueRef slot(Emit *e, uint32_t i) {
    LLVMValueRef index[] = {emit_i64(e, 0), emit_i64(e, i)}, handed = array(e);
    if (!e->handed_at[i])
        e->handed_at[i] = LLVMBuildInBoundsGEP2(e->entry_b, array_type(e), handed, index, 2, "");
    return e->handed_at[i];
}

static LLVMValueRef from_bits(Emit *e, const Type *type, LLVMValueRef bits) {
    switch (type->kind) {
    case TYPE_REF:
    case TYPE_PY:
        return bits;
    case TYPE_FLOAT:
        return LLVMBuildBitCast(e->b, bits, e->m->f64, "");
    case TYPE_FLOAT32:
        return LLVMBuildBitCast(e->b, LLVMBuildTrunc(e->b, bits, e->m->i32, ""), e->m->f32, "");
    case TYPE_BOOL:
        return LLVMBuildICmp(e->b, LLVMIntNE, bits, emit_i64(e, 0), "");
    default:
        return LLVMBuildIntCast2(e->b, bits, emit_type(e->m, type), 0, "");
    }
}

static LLVMValueRef hand_over(Emit *e, const FlowOp *op, const char *name) {
    const Type **types = pool_array(e->pool, const Type *, e->f->nresume + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < op->nargs; i++) {
        unsigned nslots = 0;
        emit_slot_types(op->args[i]->type, types, &nslots);
        for (unsigned k = 0; k < nslots; k++)
            LLVMBuildStore(e->b, emit_bits(e, types[k], e->values[op->args[i]->id][k]), slot(e, n++));
    }
    return emit_rt(e, name, (LLVMValueRef[]){e->frame, emit_i32(e, emit_site(e, op)), array(e)}, 3);
}

void emit_resume(Emit *e, FlowOp *op) {
    LLVMValueRef status = hand_over(e, op, "rt_resume");
    e->values[op->id] = pool_array(e->pool, LLVMValueRef, 1);
    e->values[op->id][0] = status;
}

LLVMValueRef emit_region(Emit *e, const FlowOp *op) {
    return hand_over(e, op, "rt_region");
}

void emit_given(Emit *e, const FlowOp *op) {
    const Type **types = pool_array(e->pool, const Type *, type_slots(op->type) + 1);
    unsigned n = 0;
    emit_slot_types(op->type, types, &n);
    e->values[op->id] = pool_array(e->pool, LLVMValueRef, n + 1);
    for (unsigned i = 0; i < n; i++)
        e->values[op->id][i] = from_bits(e, types[i], LLVMBuildLoad2(e->b, e->m->i64, slot(e, i), ""));
}
