/* Emit, entries: the thunk of protocol/abi.h around an internal function, and the native function, which puts its
 * arguments into slots and calls the thunk: one body to optimise, in the entry that calls from Python go through. */
#include "server/compiler/emit/emit.h"

typedef struct Slots {
    const Type **types;
    unsigned len;
} Slots;

typedef struct Entry {
    EmitModule *m;
    Instance *inst;
    Slots params, results; /* without self */
    bool has_self;
    LLVMBuilderRef b;
    LLVMValueRef fn;
} Entry;

static LLVMTypeRef c_type(EmitModule *m, const Type *t) {
    return t->kind == TYPE_BOOL ? m->i8 : emit_type(m, t);
}

static LLVMValueRef from_c(Entry *e, const Type *t, LLVMValueRef v) {
    return t->kind == TYPE_BOOL ? LLVMBuildICmp(e->b, LLVMIntNE, v, LLVMConstInt(e->m->i8, 0, 0), "") : v;
}

static LLVMValueRef slot_address(Entry *e, LLVMValueRef array, unsigned i) {
    LLVMValueRef at = LLVMConstInt(e->m->i64, i, 0);
    return LLVMBuildInBoundsGEP2(e->b, e->m->i64, array, &at, 1, "");
}

static LLVMValueRef load_value(Entry *e, const Type *t, LLVMValueRef at) {
    if (t->kind == TYPE_FLOAT || t->kind == TYPE_FLOAT32)
        return LLVMBuildLoad2(e->b, emit_type(e->m, t), at, "");
    LLVMValueRef v = LLVMBuildLoad2(e->b, e->m->i64, at, "");
    if (t->kind == TYPE_BOOL)
        return LLVMBuildICmp(e->b, LLVMIntNE, v, LLVMConstInt(e->m->i64, 0, 0), "");
    return LLVMBuildIntCast2(e->b, v, emit_type(e->m, t), 0, "");
}

static void store_value(Entry *e, const Type *t, LLVMValueRef v, LLVMValueRef at) {
    if (t->kind == TYPE_FLOAT32)
        v = LLVMBuildZExt(e->b, LLVMBuildBitCast(e->b, v, e->m->i32, ""), e->m->i64, "");
    else if (t->kind != TYPE_FLOAT && t->kind != TYPE_REF)
        v = LLVMBuildIntCast2(e->b, v, e->m->i64, type_is_signed(t), "");
    LLVMBuildStore(e->b, v, at);
}

/* Returns a status that is not 0; leaves the builder where there are results. */
static void branch_on_status(Entry *e, LLVMValueRef status) {
    EmitModule *m = e->m;
    LLVMBasicBlockRef ok = LLVMAppendBasicBlockInContext(m->ctx, e->fn, "ok");
    LLVMBasicBlockRef trapped = LLVMAppendBasicBlockInContext(m->ctx, e->fn, "trapped");
    LLVMValueRef failed = LLVMBuildICmp(e->b, LLVMIntNE, status, LLVMConstInt(m->i32, 0, 0), "");
    LLVMSetMetadata(LLVMBuildCondBr(e->b, failed, trapped, ok), m->md_prof, m->rarely);
    LLVMPositionBuilderAtEnd(e->b, trapped);
    LLVMBuildRet(e->b, status);
    LLVMPositionBuilderAtEnd(e->b, ok);
}

static LLVMValueRef call_inner(Entry *e, LLVMValueRef *args) {
    LLVMValueRef r =
        LLVMBuildCall2(e->b, e->inst->fn_type, e->inst->fn, args, LLVMCountParamTypes(e->inst->fn_type), "");
    branch_on_status(e, LLVMBuildExtractValue(e->b, r, 0, ""));
    return r;
}

static void start(Entry *e, const char *kind, uint32_t index, LLVMTypeRef *params, unsigned n) {
    Str name = pool_printf(e->m->pool, "jitd_%s_%u", kind, index);
    e->fn = LLVMAddFunction(e->m->module, name.ptr, LLVMFunctionType(e->m->i32, params, n, 0));
    LLVMPositionBuilderAtEnd(e->b, LLVMAppendBasicBlockInContext(e->m->ctx, e->fn, "entry"));
}

static LLVMValueRef thunk(Entry *e, uint32_t index) {
    EmitModule *m = e->m;
    LLVMValueRef *args = pool_array(m->pool, LLVMValueRef, e->params.len + 2);
    start(e, "thunk", index, (LLVMTypeRef[]){m->ptr, m->i64, m->ptr, m->ptr}, 4);
    unsigned n = 0;
    args[n++] = LLVMGetParam(e->fn, 0);
    if (e->has_self)
        args[n++] = LLVMGetParam(e->fn, 1);
    for (unsigned i = 0; i < e->params.len; i++)
        args[n++] = load_value(e, e->params.types[i], slot_address(e, LLVMGetParam(e->fn, 2), i));
    LLVMValueRef r = call_inner(e, args);
    for (unsigned i = 0; i < e->results.len; i++)
        store_value(e, e->results.types[i], LLVMBuildExtractValue(e->b, r, i + 1, ""),
                    slot_address(e, LLVMGetParam(e->fn, 3), i));
    LLVMBuildRet(e->b, LLVMConstInt(m->i32, 0, 0));
    return e->fn;
}

static void add_attribute(Entry *e, LLVMAttributeIndex at, const char *name) {
    LLVMAttributeRef a = LLVMCreateEnumAttribute(e->m->ctx, LLVMGetEnumAttributeKindForName(name, strlen(name)), 0);
    LLVMAddAttributeAtIndex(e->fn, at, a);
}

/* A word of the JitdCall, which the static chain register points at. */
static LLVMValueRef of_call(Entry *e, LLVMTypeRef type, unsigned word) {
    return LLVMBuildLoad2(e->b, type, slot_address(e, LLVMGetParam(e->fn, 0), word), "");
}

static void native(Entry *e, uint32_t index, LLVMValueRef thunk_fn) {
    EmitModule *m = e->m;
    unsigned n = e->params.len, noinline_kind = LLVMGetEnumAttributeKindForName("noinline", 8);
    LLVMTypeRef *types = pool_array(m->pool, LLVMTypeRef, n + 1);
    types[0] = m->ptr;
    for (unsigned i = 0; i < n; i++)
        types[i + 1] = c_type(m, e->params.types[i]);
    start(e, "native", index, types, n + 1);
    add_attribute(e, 1, "nest");
    add_attribute(e, LLVMAttributeFunctionIndex, "noinline");
    add_attribute(e, LLVMAttributeFunctionIndex, "optnone"); /* only libffi goes through it: not worth optimising */
    LLVMValueRef in = n ? LLVMBuildAlloca(e->b, LLVMArrayType2(m->i64, n), "") : LLVMConstNull(m->ptr);
    for (unsigned i = 0; i < n; i++)
        store_value(e, e->params.types[i], from_c(e, e->params.types[i], LLVMGetParam(e->fn, i + 1)),
                    slot_address(e, in, i));
    LLVMValueRef args[] = {of_call(e, m->ptr, 0), of_call(e, m->i64, 1), in, of_call(e, m->ptr, 2)};
    LLVMValueRef status = LLVMBuildCall2(e->b, LLVMGlobalGetValueType(thunk_fn), thunk_fn, args, 4, "");
    LLVMAddCallSiteAttribute(status, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(m->ctx, noinline_kind, 0));
    LLVMBuildRet(e->b, status);
}

void emit_entry(EmitModule *m, Instance *inst, uint32_t index) {
    FuncKind kind = inst->bound->func->kind;
    Entry e = {.m = m, .inst = inst, .has_self = kind != FUNC_FUNCTION && kind != FUNC_STATIC && kind != FUNC_CLASS};
    unsigned total = 0;
    const Type *result = inst->result ? inst->result : &type_none;
    for (uint32_t i = 0; i < inst->nparams; i++)
        total += type_slots(inst->params[i]);
    e.params.types = pool_array(m->pool, const Type *, total + 1);
    e.results.types = pool_array(m->pool, const Type *, type_slots(result) + 1);
    for (uint32_t i = e.has_self; i < inst->nparams; i++)
        emit_slot_types(inst->params[i], e.params.types, &e.params.len);
    emit_slot_types(result, e.results.types, &e.results.len);
    e.b = LLVMCreateBuilderInContext(m->ctx);
    LLVMValueRef thunk_fn = thunk(&e, index);
    native(&e, index, thunk_fn);
    LLVMDisposeBuilder(e.b);
}
