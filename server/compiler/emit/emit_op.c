/* Emit, operations: each by itself, as it says. */
#include "server/compiler/emit/emit.h"

static LLVMValueRef arg(const Emit *e, const FlowOp *op, uint32_t i) {
    return e->values[op->args[i]->id][0];
}

static LLVMValueRef *new_value(Emit *e, const FlowOp *op) {
    return e->values[op->id] = pool_array(e->pool, LLVMValueRef, type_slots(op->type) + 1);
}

void emit_failing(Emit *e, LLVMValueRef condition, const FlowBlock *to) {
    LLVMBasicBlockRef next = LLVMAppendBasicBlockInContext(e->m->ctx, e->fn, "");
    emit_branch_rarely(e, condition, emit_block(e, to), next);
    LLVMPositionBuilderAtEnd(e->b, next);
}

static void fails_with(Emit *e, const FlowOp *op, LLVMValueRef status) {
    e->statuses[op->id] = status;
    emit_failing(e, LLVMBuildICmp(e->b, LLVMIntNE, status, emit_i32(e, 0), ""), op->fails[0]);
}

LLVMValueRef emit_bits(Emit *e, const Type *type, LLVMValueRef v) {
    if (type->kind == TYPE_REF)
        return v;
    if (type->kind == TYPE_FLOAT)
        return LLVMBuildBitCast(e->b, v, e->m->i64, "");
    if (type->kind == TYPE_FLOAT32)
        return LLVMBuildZExt(e->b, LLVMBuildBitCast(e->b, v, e->m->i32, ""), e->m->i64, "");
    return LLVMBuildIntCast2(e->b, v, e->m->i64, type_is_signed(type), "");
}

/* ---- values and variables ---- */

static LLVMValueRef constant(Emit *e, const FlowOp *op) {
    LLVMTypeRef type = emit_type(e->m, op->type);
    if (op->type->kind == TYPE_FLOAT || op->type->kind == TYPE_FLOAT32)
        return LLVMConstReal(type, op->constant.f);
    return LLVMConstInt(type, (uint64_t)op->constant.i, 1);
}

static void param(Emit *e, const FlowOp *op) {
    LLVMValueRef *v = new_value(e, op);
    uint32_t slot = 1;
    for (uint32_t i = 0; i < op->index; i++)
        slot += type_slots(e->inst->params[i]);
    for (uint32_t i = 0; i < type_slots(op->type); i++)
        v[i] = LLVMGetParam(e->fn, slot + i);
}

static void load(Emit *e, const FlowOp *op) {
    LLVMValueRef *v = new_value(e, op), *at = e->vars[op->var->id];
    for (uint32_t i = 0; i < type_slots(op->type); i++)
        v[i] = LLVMBuildLoad2(e->b, LLVMGetAllocatedType(at[i]), at[i], "");
}

static void store(Emit *e, const FlowOp *op) {
    LLVMValueRef *v = e->values[op->args[0]->id], *at = e->vars[op->var->id];
    for (uint32_t i = 0; i < type_slots(op->var->type); i++)
        LLVMBuildStore(e->b, v[i], at[i]);
}

static void tuple(Emit *e, const FlowOp *op) {
    LLVMValueRef *v = new_value(e, op);
    for (uint32_t i = 0; i < op->nargs; i++)
        for (uint32_t k = 0; k < type_slots(op->args[i]->type); k++)
            *v++ = e->values[op->args[i]->id][k];
}

static void item(Emit *e, const FlowOp *op) {
    const FlowOp *t = op->args[0];
    uint32_t at = 0;
    for (uint32_t i = 0; i < op->index; i++)
        at += type_slots(t->type->items[i]);
    e->values[op->id] = e->values[t->id] + at;
}

/* ---- the runtime and the interpreter ---- */

/* overflow="wrap" has helpers of its own for some. */
static const char *helper_name(Emit *e, const FlowOp *op) {
    Str wrap = pool_printf(e->pool, "rt_wrap_%s", op->name + strlen("rt_"));
    bool wraps = op->how == FLOW_TRAPS && e->m->lang->unit->wrap && LLVMGetNamedFunction(e->m->runtime, wrap.ptr);
    return wraps ? wrap.ptr : op->name;
}

static void check_status(Emit *e, const FlowOp *op, LLVMValueRef status) {
    if (op->fails[1] == op->fails[0]) {
        emit_failing(e, LLVMBuildICmp(e->b, LLVMIntNE, status, emit_i32(e, 0), ""), op->fails[0]);
        return;
    }
    for (int i = 0; i < 2; i++)
        emit_failing(e, LLVMBuildICmp(e->b, LLVMIntEQ, status, emit_i32(e, i + 1), ""), op->fails[i]);
}

static LLVMValueRef traps(Emit *e, const FlowOp *op) {
    LLVMValueRef *args = pool_array(e->pool, LLVMValueRef, op->nargs + 1);
    LLVMTypeRef type = emit_type(e->m, op->type);
    LLVMValueRef out = args[op->nargs] = emit_alloca(e, type, "out");
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i] = arg(e, op, i);
    check_status(e, op, emit_rt(e, helper_name(e, op), args, op->nargs + 1));
    return LLVMBuildLoad2(e->b, type, out, "");
}

/* Small sized integers are computed in 64 bits and cut. */
static LLVMValueRef sized(Emit *e, const FlowOp *op) {
    bool is_signed = type_is_signed(op->type);
    LLVMValueRef out = emit_alloca(e, e->m->i64, "out");
    LLVMValueRef args[] = {LLVMBuildIntCast2(e->b, arg(e, op, 0), e->m->i64, is_signed, ""),
                           LLVMBuildIntCast2(e->b, arg(e, op, 1), e->m->i64, is_signed, ""),
                           emit_i32(e, type_bits(op->type)), out};
    Str name = pool_printf(e->pool, "rt_%c_%s", is_signed ? 's' : 'u', op->name);
    check_status(e, op, emit_rt(e, name.ptr, args, 4));
    LLVMValueRef wide = LLVMBuildLoad2(e->b, e->m->i64, out, "");
    return LLVMBuildIntCast2(e->b, wide, emit_type(e->m, op->type), is_signed, "");
}

static void pair(Emit *e, const FlowOp *op) {
    LLVMValueRef *v = new_value(e, op), out[2];
    LLVMTypeRef types[2];
    for (int i = 0; i < 2; i++) {
        types[i] = emit_type(e->m, op->type->items[i]);
        out[i] = emit_alloca(e, types[i], "out");
    }
    emit_rt(e, op->name, (LLVMValueRef[]){arg(e, op, 0), out[0], out[1]}, 3);
    for (int i = 0; i < 2; i++)
        v[i] = LLVMBuildLoad2(e->b, types[i], out[i], "");
}

static void runtime(Emit *e, const FlowOp *op) {
    LLVMValueRef *args = pool_array(e->pool, LLVMValueRef, op->nargs + 2);
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i] = arg(e, op, i);
    switch (op->how) {
    case FLOW_PURE:
        new_value(e, op)[0] = emit_rt(e, op->name, args, op->nargs);
        return;
    case FLOW_OUT:
        args[op->nargs] = e->vars[op->var->id][0];
        new_value(e, op)[0] = emit_rt(e, op->name, args, op->nargs + 1);
        return;
    case FLOW_TRAPS:
        new_value(e, op)[0] = traps(e, op);
        return;
    case FLOW_SIZED:
        new_value(e, op)[0] = sized(e, op);
        return;
    case FLOW_PAIR:
        pair(e, op);
        return;
    }
    internal_error("a helper of no known kind: %s", op->name);
}

static void python(Emit *e, const FlowOp *op) {
    LLVMTypeRef array = LLVMArrayType2(e->m->i64, op->nargs ? op->nargs : 1);
    LLVMValueRef in = emit_alloca(e, array, "in"), out = emit_alloca(e, e->m->i64, "out");
    for (uint32_t i = 0; i < op->nargs; i++) {
        LLVMValueRef index[] = {emit_i64(e, 0), emit_i64(e, i)};
        LLVMValueRef at = LLVMBuildInBoundsGEP2(e->b, array, in, index, 2, "");
        LLVMBuildStore(e->b, emit_bits(e, op->args[i]->type, arg(e, op, i)), at);
    }
    LLVMValueRef text = LLVMBuildGlobalStringPtr(e->b, op->name, "types");
    LLVMValueRef all[] = {e->frame, emit_i32(e, op->math->pymath), emit_i32(e, op->nargs), text, in, out};
    fails_with(e, op, emit_rt(e, "rt_pymath", all, 6));
    LLVMValueRef bits = LLVMBuildLoad2(e->b, e->m->i64, out, "");
    if (op->type->kind == TYPE_FLOAT)
        bits = LLVMBuildBitCast(e->b, bits, e->m->f64, "");
    else if (op->type->kind == TYPE_BOOL)
        bits = LLVMBuildICmp(e->b, LLVMIntNE, bits, emit_i64(e, 0), "");
    new_value(e, op)[0] = bits;
}

/* ---- Python objects ---- */

static LLVMValueRef helper(Emit *e, const FlowOp *op, LLVMValueRef out) {
    LLVMValueRef *args = pool_array(e->pool, LLVMValueRef, op->nargs + 3);
    args[0] = e->frame;
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i + 1] = arg(e, op, i);
    args[op->nargs + 1] = out;
    return emit_rt(e, op->name, args, op->nargs + (out ? 2 : 1));
}

static void read_object(Emit *e, const FlowOp *op) {
    LLVMTypeRef type = emit_type(e->m, op->type);
    LLVMValueRef out = emit_alloca(e, type, "out");
    LLVMValueRef status = helper(e, op, out);
    emit_failing(e, LLVMBuildICmp(e->b, LLVMIntNE, status, emit_i32(e, 0), ""), op->fails[0]);
    new_value(e, op)[0] = LLVMBuildLoad2(e->b, type, out, "");
}

/* Where it was read last in this call; none yet. */
static LLVMValueRef last_read(Emit *e, LLVMTypeRef type) {
    LLVMValueRef last = emit_alloca(e, type, "last");
    LLVMBuildStore(e->entry_b, LLVMConstNull(type), last);
    return last;
}

static void attribute_of(Emit *e, const FlowOp *op) {
    LLVMTypeRef type = LLVMArrayType2(e->m->i64, sizeof(JitdRead) / 8);
    LLVMValueRef out = emit_alloca(e, e->m->i64, "out"), last = last_read(e, type);
    LLVMValueRef args[] = {e->frame, arg(e, op, 0), emit_i32(e, emit_site(e, op)), last, out};
    fails_with(e, op, emit_rt(e, "rt_py_attribute", args, 5));
    new_value(e, op)[0] = LLVMBuildLoad2(e->b, e->m->i64, out, "");
}

static void text(Emit *e, const FlowOp *op) {
    LLVMValueRef args[] = {e->frame, emit_i32(e, emit_site(e, op)), last_read(e, e->m->i64)};
    LLVMValueRef object = new_value(e, op)[0] = emit_rt(e, "rt_py_text", args, 3);
    emit_failing(e, LLVMBuildICmp(e->b, LLVMIntEQ, object, emit_i64(e, 0), ""), op->fails[0]);
}

static void global(Emit *e, const FlowOp *op) {
    LLVMValueRef args[] = {e->frame, emit_i32(e, emit_site(e, op)), last_read(e, e->m->i64)};
    new_value(e, op)[0] = emit_rt(e, "rt_py_global", args, 3);
}

static void by_name(Emit *e, const FlowOp *op) {
    LLVMValueRef args[4] = {e->frame, emit_i32(e, emit_site(e, op))};
    for (uint32_t i = 0; i < op->nargs; i++)
        args[i + 2] = arg(e, op, i);
    new_value(e, op)[0] = emit_rt(e, op->name, args, op->nargs + 2);
}

static void method_of_text(Emit *e, const FlowOp *op) {
    LLVMTypeRef array = LLVMArrayType2(e->m->i64, op->nargs);
    LLVMValueRef objects = emit_alloca(e, array, "objects");
    for (uint32_t i = 0; i < op->nargs; i++) {
        LLVMValueRef index[] = {emit_i64(e, 0), emit_i64(e, i)};
        LLVMBuildStore(e->b, arg(e, op, i), LLVMBuildInBoundsGEP2(e->b, array, objects, index, 2, ""));
    }
    LLVMValueRef args[] = {e->frame, emit_i32(e, emit_site(e, op)), emit_i32(e, op->nargs), objects};
    new_value(e, op)[0] = emit_rt(e, "rt_py_text_method", args, 4);
}

/* The places of one try have one site. */
static void catch (Emit *e, const FlowOp *op) {
    if (!op->catch->first) {
        op->catch->first = op;
        op->catch->site = emit_site(e, op);
    }
    LLVMValueRef args[] = {e->frame, arg(e, op, 0), emit_i32(e, op->catch->site)};
    new_value(e, op)[0] = emit_rt(e, "rt_py_catch", args, 3);
}

static void make_object(Emit *e, const FlowOp *op) {
    LLVMValueRef object = new_value(e, op)[0] = helper(e, op, NULL);
    emit_failing(e, LLVMBuildICmp(e->b, LLVMIntEQ, object, emit_i64(e, 0), ""), op->fails[0]);
}

static void change_object(Emit *e, const FlowOp *op) {
    emit_failing(e, LLVMBuildICmp(e->b, LLVMIntNE, helper(e, op, NULL), emit_i32(e, 0), ""), op->fails[0]);
}

static void of_object(Emit *e, const FlowOp *op) {
    if (op->kind == FLOW_READ)
        read_object(e, op);
    else if (op->kind == FLOW_ATTRIBUTE)
        attribute_of(e, op);
    else if (op->kind == FLOW_MAKE)
        make_object(e, op);
    else if (op->kind == FLOW_TEXT)
        text(e, op);
    else if (op->kind == FLOW_GLOBAL)
        global(e, op);
    else if (op->kind == FLOW_GET_NAMED || op->kind == FLOW_SET_NAMED)
        by_name(e, op);
    else if (op->kind == FLOW_METHOD)
        method_of_text(e, op);
    else if (op->kind == FLOW_CHANGE)
        change_object(e, op);
    else
        new_value(e, op)[0] = helper(e, op, NULL);
}

/* ---- objects and calls ---- */

static void call(Emit *e, const FlowOp *op) {
    Instance *callee = op->callee;
    emit_declare(e->m, callee);
    unsigned n = 0;
    LLVMValueRef *args = pool_array(e->pool, LLVMValueRef, LLVMCountParamTypes(callee->fn_type) + 1);
    args[n++] = e->frame;
    for (uint32_t i = 0; i < op->nargs; i++)
        for (uint32_t k = 0; k < type_slots(op->args[i]->type); k++)
            args[n++] = e->values[op->args[i]->id][k];
    LLVMValueRef r = LLVMBuildCall2(e->b, callee->fn_type, callee->fn, args, n, "");
    fails_with(e, op, LLVMBuildExtractValue(e->b, r, 0, ""));
    LLVMValueRef *v = new_value(e, op);
    for (uint32_t i = 0; i < type_slots(op->type); i++)
        v[i] = LLVMBuildExtractValue(e->b, r, i + 1, "");
}

/* One table for all of the program's modules: the first that uses it has it. */
static void make_class_ids(EmitModule *m, LLVMTypeRef type) {
    m->class_ids = LLVMAddGlobal(m->module, type, "jitd_class_ids");
    LLVMSetGlobalConstant(m->class_ids, 1);
    LLVMSetVisibility(m->class_ids, LLVMHiddenVisibility);
    LLVMSetExternallyInitialized(m->class_ids, 1);
    if (m->before && m->before->class_ids)
        return;
    LLVMSetInitializer(m->class_ids, LLVMConstNull(type));
    LLVMSetSection(m->class_ids, ".rodata.jitd_class_ids");
}

static LLVMValueRef class_id(Emit *e, uint32_t def) {
    EmitModule *m = e->m;
    LLVMTypeRef type = LLVMArrayType2(m->i32, m->lang->unit->ndefs);
    if (!m->class_ids)
        make_class_ids(m, type);
    LLVMValueRef index[] = {emit_i64(e, 0), emit_i64(e, def)};
    LLVMValueRef at = LLVMBuildInBoundsGEP2(e->b, type, m->class_ids, index, 2, "");
    LLVMValueRef id = LLVMBuildLoad2(e->b, m->i32, at, "");
    LLVMSetMetadata(id, m->md_invariant, m->empty_node);
    return id;
}

static void new_object(Emit *e, const FlowOp *op) {
    LLVMValueRef args[] = {e->frame, class_id(e, op->def), emit_i32(e, e->m->lang->unit->defs[op->def].size)};
    LLVMValueRef object = new_value(e, op)[0] = emit_rt(e, "rt_new", args, 3);
    emit_failing(e, LLVMBuildICmp(e->b, LLVMIntEQ, object, emit_i64(e, 0), ""), op->fails[0]);
}

static void is_class(Emit *e, const FlowOp *op) {
    LLVMValueRef args[] = {e->frame, arg(e, op, 0), class_id(e, op->def)};
    new_value(e, op)[0] = emit_rt(e, "rt_is_class", args, 3);
}

static void set_field(Emit *e, const FlowOp *op) {
    const FieldSpec *f = &e->m->lang->unit->defs[op->def].fields[op->field];
    LLVMValueRef object = arg(e, op, 0), v = arg(e, op, 1);
    if (f->type->kind != TYPE_REF || op->kind == FLOW_INIT_FIELD) {
        emit_field_store(e, object, op->def, op->field, v);
        return;
    }
    LLVMValueRef steals = LLVMConstInt(e->m->i1, op->steals, 0);
    emit_rt(e, "rt_store_ref", (LLVMValueRef[]){e->frame, object, emit_i32(e, f->offset), v, steals}, 5);
}

/* Of each reference in the value. */
static void count(Emit *e, const FlowOp *op) {
    const FlowOp *v = op->args[0];
    const Type **types = pool_array(e->pool, const Type *, type_slots(v->type) + 1);
    const char *name = op->kind == FLOW_INCREF ? "rt_incref" : "rt_decref";
    const char *py_name = op->kind == FLOW_INCREF ? "rt_py_incref" : "rt_py_decref";
    unsigned n = 0;
    emit_slot_types(v->type, types, &n);
    for (unsigned i = 0; i < n; i++)
        if (types[i]->kind == TYPE_REF || types[i]->kind == TYPE_PY)
            emit_rt(e, types[i]->kind == TYPE_PY ? py_name : name, (LLVMValueRef[]){e->frame, e->values[v->id][i]}, 2);
}

static LLVMTypeRef kept_type(Emit *e) {
    return LLVMArrayType2(e->m->i64, e->f->nkept);
}

static LLVMValueRef kept_array(Emit *e) {
    if (!e->kept) {
        e->kept = emit_alloca(e, kept_type(e), "kept");
        LLVMBuildStore(e->entry_b, LLVMConstNull(kept_type(e)), e->kept);
    }
    return e->kept;
}

static void keep(Emit *e, const FlowOp *op) {
    LLVMValueRef now = emit_alloca(e, kept_type(e), "now");
    const Type **types = pool_array(e->pool, const Type *, e->f->nkept + 1);
    unsigned n = 0, nslots;
    for (uint32_t i = 0; i < op->nargs; i++) {
        nslots = 0;
        emit_slot_types(op->args[i]->type, types, &nslots);
        for (unsigned k = 0; k < nslots; k++) {
            if (types[k]->kind != TYPE_REF)
                continue;
            LLVMValueRef index[] = {emit_i64(e, 0), emit_i64(e, n++)};
            LLVMValueRef at = LLVMBuildInBoundsGEP2(e->b, kept_type(e), now, index, 2, "");
            LLVMBuildStore(e->b, e->values[op->args[i]->id][k], at);
        }
    }
    emit_rt(e, "rt_keep", (LLVMValueRef[]){e->frame, now, kept_array(e), emit_i32(e, n)}, 4);
}

/* ---- traps and the way out ---- */

static void trap(Emit *e, const FlowOp *op) {
    LLVMValueRef kind = op->kind == FLOW_TRAP ? emit_i32(e, op->trap) : arg(e, op, 0);
    LLVMValueRef status = emit_rt(e, "rt_trap", (LLVMValueRef[]){e->frame, kind, emit_i32(e, emit_site(e, op))}, 3);
    for (uint32_t i = 0; i < op->nargs && op->kind == FLOW_TRAP; i++)
        emit_rt(e, "rt_trap_value", (LLVMValueRef[]){e->frame, emit_bits(e, op->args[i]->type, arg(e, op, i))}, 2);
    new_value(e, op)[0] = status;
}

static LLVMValueRef stack_low(Emit *e) {
    unsigned id = LLVMLookupIntrinsicID("llvm.stacksave", 14);
    LLVMTypeRef type = e->m->ptr;
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(e->m->module, id, &type, 1);
    LLVMValueRef sp = LLVMBuildCall2(e->b, LLVMIntrinsicGetType(e->m->ctx, id, &type, 1), f, NULL, 0, "");
    LLVMValueRef offset = emit_i64(e, offsetof(JitdFrame, stack_limit));
    LLVMValueRef at = LLVMBuildInBoundsGEP2(e->b, e->m->i8, e->frame, &offset, 1, "");
    LLVMValueRef limit = LLVMBuildLoad2(e->b, e->m->i64, at, "");
    LLVMSetMetadata(limit, e->m->md_invariant, e->m->empty_node);
    return LLVMBuildICmp(e->b, LLVMIntULT, LLVMBuildPtrToInt(e->b, sp, e->m->i64, ""), limit, "");
}

/* A register for each part of the result: after inlining LLVM threads the caller's test of the status through the return,
 * which it does not through a whole struct. */
static void leave(Emit *e) {
    LLVMTypeRef type = e->inst->ret_type;
    LLVMValueRef status = e->vars[e->f->status->id][0];
    LLVMValueRef v = LLVMBuildLoad2(e->b, e->m->i32, status, "");
    LLVMValueRef r = LLVMBuildInsertValue(e->b, LLVMGetPoison(type), v, 0, "");
    for (unsigned i = 1; i < LLVMCountStructElementTypes(type); i++) {
        v = LLVMBuildLoad2(e->b, LLVMStructGetTypeAtIndex(type, i), e->vars[e->f->result->id][i - 1], "");
        r = LLVMBuildInsertValue(e->b, r, v, i, "");
    }
    LLVMBuildRet(e->b, r);
}

static void dead(Emit *e) {
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(e->m->module, LLVMLookupIntrinsicID("llvm.trap", 9), NULL, 0);
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, NULL, 0, "");
    LLVMBuildUnreachable(e->b);
}

static int64_t effects_of(const FlowOp *poll) {
    return poll->effect == EFFECT_COMMITTED && poll->fail->resume ? JITD_EFFECTS_RESUMED : poll->effect;
}

static void branch(Emit *e, const FlowOp *op) {
    LLVMBasicBlockRef yes = emit_block(e, op->to[0]), no = emit_block(e, op->to[1]);
    if (op->rare)
        emit_branch_rarely(e, arg(e, op, 0), yes, no);
    else
        LLVMBuildCondBr(e->b, arg(e, op, 0), yes, no);
}

void emit_op(Emit *e, FlowOp *op) {
    LLVMValueRef number;
    if (emit_arith(e, op, &number)) {
        new_value(e, op)[0] = number;
        return;
    }
    switch (op->kind) {
    case FLOW_CONST:
        if (type_slots(op->type))
            new_value(e, op)[0] = constant(e, op);
        return;
    case FLOW_PARAM:
        param(e, op);
        return;
    case FLOW_LOAD:
        load(e, op);
        return;
    case FLOW_STORE:
        store(e, op);
        return;
    case FLOW_TUPLE:
        tuple(e, op);
        return;
    case FLOW_ITEM:
        item(e, op);
        return;
    case FLOW_RUNTIME:
        runtime(e, op);
        return;
    case FLOW_FIELD:
        new_value(e, op)[0] = emit_field_load(e, arg(e, op, 0), op->def, op->field);
        return;
    case FLOW_SET_FIELD:
    case FLOW_INIT_FIELD:
        set_field(e, op);
        return;
    case FLOW_CALL:
        call(e, op);
        return;
    case FLOW_IS_CLASS:
        is_class(e, op);
        return;
    case FLOW_NEW:
        new_object(e, op);
        return;
    case FLOW_PYTHON:
        python(e, op);
        return;
    case FLOW_REGION:
        fails_with(e, op, emit_region(e, op));
        emit_given(e, op);
        return;
    case FLOW_READ:
    case FLOW_ATTRIBUTE:
    case FLOW_MAKE:
    case FLOW_CHANGE:
    case FLOW_FIND:
    case FLOW_GET:
    case FLOW_ATTEMPT:
    case FLOW_TEXT:
    case FLOW_METHOD:
    case FLOW_GLOBAL:
    case FLOW_GET_NAMED:
    case FLOW_SET_NAMED:
        of_object(e, op);
        return;
    case FLOW_STATUS:
        new_value(e, op)[0] = e->statuses[op->of->id];
        return;
    case FLOW_GUARD:
        emit_failing(e, arg(e, op, 0), op->fails[0]);
        return;
    case FLOW_TURNED:
        new_value(e, op)[0] = emit_rt(e, "rt_turned", (LLVMValueRef[]){e->frame, arg(e, op, 0)}, 2);
        return;
    case FLOW_STACK_LOW:
        new_value(e, op)[0] = stack_low(e);
        return;
    case FLOW_POLL:
        fails_with(e, op, emit_rt(e, "rt_poll", (LLVMValueRef[]){e->frame, emit_i32(e, effects_of(op))}, 2));
        return;
    case FLOW_INCREF:
    case FLOW_DECREF:
        count(e, op);
        return;
    case FLOW_KEEP:
        keep(e, op);
        return;
    case FLOW_DROP:
        emit_rt(e, "rt_drop", (LLVMValueRef[]){e->frame, kept_array(e), emit_i32(e, e->f->nkept)}, 3);
        return;
    case FLOW_TRACE:
        emit_rt(e, "rt_trace", (LLVMValueRef[]){e->frame, emit_i32(e, emit_site(e, op))}, 2);
        return;
    case FLOW_TRAP:
    case FLOW_TRAP_AS:
        trap(e, op);
        return;
    case FLOW_CATCH:
        catch (e, op);
        return;
    case FLOW_RESUME:
        emit_resume(e, op);
        return;
    case FLOW_RESUMED:
        emit_given(e, op);
        return;
    case FLOW_JUMP:
        LLVMBuildBr(e->b, emit_block(e, op->to[0]));
        return;
    case FLOW_BRANCH:
        branch(e, op);
        return;
    case FLOW_LEAVE:
        leave(e);
        return;
    case FLOW_DEAD:
        dead(e);
        return;
    default:
        internal_error("an operation that cannot be emitted: %s", flow_kinds[op->kind].text);
    }
}
