/* Emit: flow -> LLVM IR. One internal function per instance, {status, result slots} f(frame, self, slots...), and per
 * entry the two wrappers of protocol/abi.h. This file: modules and functions. */
#include "server/compiler/emit/emit.h"
#include <llvm-c/Linker.h>

/* ---- small tools ---- */

LLVMTypeRef emit_type(EmitModule *m, const Type *t) {
    switch (t->kind) {
    case TYPE_FLOAT:
        return m->f64;
    case TYPE_FLOAT32:
        return m->f32;
    case TYPE_BOOL:
        return m->i1;
    case TYPE_REF:
    case TYPE_PY:
        return m->i64;
    default:
        return LLVMIntTypeInContext(m->ctx, type_layout(t).size * 8);
    }
}

static LLVMAttributeRef attribute(EmitModule *m, const char *name) {
    return LLVMCreateEnumAttribute(m->ctx, LLVMGetEnumAttributeKindForName(name, strlen(name)), 0);
}

static void add_attribute(EmitModule *m, LLVMValueRef fn, LLVMAttributeIndex at, const char *name) {
    LLVMAddAttributeAtIndex(fn, at, attribute(m, name));
}

/* A function's first so many makings and counts of objects are inlined, the others are calls: LLVM's time grows faster than what it is given, and a
 * function of a thousand lines that each make an object is not one that is run all the time. */
#define INLINED 64

static bool is_of_objects(const char *name) {
    static const char *const names[] = {"rt_new",       "rt_incref",    "rt_decref",  "rt_store_ref",
                                        "rt_py_incref", "rt_py_decref", "rt_list_set"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* The runtime is linked after all has been emitted; until then its functions are declared here by the first call. */
LLVMValueRef emit_rt(Emit *e, const char *name, LLVMValueRef *args, unsigned n) {
    LLVMValueRef f = LLVMGetNamedFunction(e->m->module, name);
    if (!f)
        f = LLVMAddFunction(e->m->module, name, LLVMGlobalGetValueType(LLVMGetNamedFunction(e->m->runtime, name)));
    LLVMValueRef call = LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, n, "");
    if (is_of_objects(name) && ++e->nobjects > INLINED)
        LLVMAddCallSiteAttribute(call, LLVMAttributeFunctionIndex, attribute(e->m, "noinline"));
    return call;
}

LLVMValueRef emit_i64(Emit *e, int64_t value) {
    return LLVMConstInt(e->m->i64, (uint64_t)value, 1);
}

LLVMValueRef emit_i32(Emit *e, int64_t value) {
    return LLVMConstInt(e->m->i32, (uint64_t)value, 1);
}

LLVMValueRef emit_alloca(Emit *e, LLVMTypeRef type, const char *name) {
    return LLVMBuildAlloca(e->entry_b, type, name);
}

void emit_branch_rarely(Emit *e, LLVMValueRef condition, LLVMBasicBlockRef rare, LLVMBasicBlockRef usual) {
    LLVMSetMetadata(LLVMBuildCondBr(e->b, condition, rare, usual), e->m->md_prof, e->m->rarely);
}

/* ---- modules ---- */

static LLVMValueRef make_rarely(EmitModule *m) {
    LLVMMetadataRef parts[] = {LLVMMDStringInContext2(m->ctx, "branch_weights", 14),
                               LLVMValueAsMetadata(LLVMConstInt(m->i32, 1, 0)),
                               LLVMValueAsMetadata(LLVMConstInt(m->i32, 1 << 20, 0))};
    return LLVMMetadataAsValue(m->ctx, LLVMMDNodeInContext2(m->ctx, parts, 3));
}

EmitModule *emit_begin(Lang *lang, LLVMModuleRef module, LLVMModuleRef runtime, const EmitModule *before) {
    EmitModule *m = pool_new(lang->pool, EmitModule);
    m->lang = lang;
    m->before = before;
    m->pool = lang->pool;
    m->module = module;
    m->runtime = runtime;
    m->ctx = LLVMGetModuleContext(module);
    m->i1 = LLVMInt1TypeInContext(m->ctx);
    m->i8 = LLVMInt8TypeInContext(m->ctx);
    m->i32 = LLVMInt32TypeInContext(m->ctx);
    m->i64 = LLVMInt64TypeInContext(m->ctx);
    m->f32 = LLVMFloatTypeInContext(m->ctx);
    m->f64 = LLVMDoubleTypeInContext(m->ctx);
    m->ptr = LLVMPointerTypeInContext(m->ctx, 0);
    m->void_ = LLVMVoidTypeInContext(m->ctx);
    m->md_tbaa = LLVMGetMDKindIDInContext(m->ctx, "tbaa", 4);
    m->md_prof = LLVMGetMDKindIDInContext(m->ctx, "prof", 4);
    m->md_invariant = LLVMGetMDKindIDInContext(m->ctx, "invariant.load", 14);
    m->rarely = make_rarely(m);
    m->empty_node = LLVMMetadataAsValue(m->ctx, LLVMMDNodeInContext2(m->ctx, NULL, 0));
    return m;
}

void emit_slot_types(const Type *t, const Type **types, unsigned *n) {
    if (t->kind == TYPE_TUPLE)
        for (size_t i = 0; i < t->nitems; i++)
            emit_slot_types(t->items[i], types, n);
    else if (t->kind != TYPE_NONE)
        types[(*n)++] = t;
}

static void slot_types(EmitModule *m, const Type *t, LLVMTypeRef *types, unsigned *n) {
    const Type **slots = pool_array(m->pool, const Type *, type_slots(t) + 1);
    unsigned nslots = 0;
    emit_slot_types(t, slots, &nslots);
    for (unsigned i = 0; i < nslots; i++)
        types[(*n)++] = emit_type(m, slots[i]);
}

static const Type *instance_result(const Instance *inst) {
    return inst->result ? inst->result : &type_none;
}

static unsigned instance_slots(const Instance *inst) {
    unsigned n = 0;
    for (uint32_t i = 0; i < inst->nparams; i++)
        n += type_slots(inst->params[i]);
    return n;
}

void emit_declare(EmitModule *m, Instance *inst) {
    if (inst->fn)
        return;
    unsigned n = 0, nret = 0;
    const Type *result = instance_result(inst);
    LLVMTypeRef *types = pool_array(m->pool, LLVMTypeRef, instance_slots(inst) + 1);
    LLVMTypeRef *ret = pool_array(m->pool, LLVMTypeRef, type_slots(result) + 1);
    types[n++] = m->ptr;
    for (uint32_t i = 0; i < inst->nparams; i++)
        slot_types(m, inst->params[i], types, &n);
    ret[nret++] = m->i32;
    slot_types(m, result, ret, &nret);
    inst->ret_type = LLVMStructTypeInContext(m->ctx, ret, nret, 0);
    inst->fn_type = LLVMFunctionType(inst->ret_type, types, n, 0);
    Str name = pool_printf(m->pool, "%.*s.%.*s.%u", STR_FMT(inst->bound->def->name), STR_FMT(inst->bound->func->name),
                           inst->index);
    inst->fn = LLVMAddFunction(m->module, name.ptr, inst->fn_type);
    LLVMSetLinkage(inst->fn, LLVMInternalLinkage);
    add_attribute(m, inst->fn, LLVMAttributeFunctionIndex, "nounwind");
    add_attribute(m, inst->fn, 1, "noalias");
    add_attribute(m, inst->fn, 1, "noundef");
    pool_push(m->pool, m->work, m->nwork, m->cap_work) = inst;
}

/* ---- one function ---- */

static LLVMValueRef load_arena(Emit *e) {
    LLVMValueRef arena = LLVMBuildLoad2(e->entry_b, e->m->ptr, e->frame, "arena");
    LLVMSetMetadata(arena, e->m->md_invariant, e->m->empty_node);
    return arena;
}

/* The variables' places: stack slots, which LLVM makes registers. */
static void make_var(Emit *e, const FlowVar *var) {
    const Type **types = pool_array(e->pool, const Type *, type_slots(var->type) + 1);
    Str name = pool_printf(e->pool, "%.*s", STR_FMT(var->name));
    unsigned n = 0;
    emit_slot_types(var->type, types, &n);
    e->vars[var->id] = pool_array(e->pool, LLVMValueRef, n + 1);
    for (unsigned i = 0; i < n; i++) {
        LLVMTypeRef type = emit_type(e->m, types[i]);
        LLVMValueRef at = e->vars[var->id][i] = emit_alloca(e, type, name.ptr);
        if (var->init)
            LLVMBuildStore(e->entry_b, LLVMConstNull(type), at);
    }
}

LLVMBasicBlockRef emit_block(Emit *e, const FlowBlock *block) {
    if (!e->blocks[block->id]) {
        e->blocks[block->id] = LLVMAppendBasicBlockInContext(e->m->ctx, e->fn, block->name);
        e->queue[e->nqueue++] = block;
    }
    return e->blocks[block->id];
}

static void make_tables(Emit *e) {
    e->blocks = pool_array(e->pool, LLVMBasicBlockRef, e->f->block_ids);
    e->queue = pool_array(e->pool, const FlowBlock *, e->f->nblocks + 1);
    e->values = pool_array(e->pool, LLVMValueRef *, e->f->nops + 1);
    e->statuses = pool_array(e->pool, LLVMValueRef, e->f->nops + 1);
    e->vars = pool_array(e->pool, LLVMValueRef *, e->f->nvars + 1);
}

static void begin(Emit *e) {
    make_tables(e);
    e->b = LLVMCreateBuilderInContext(e->m->ctx);
    e->entry_b = LLVMCreateBuilderInContext(e->m->ctx);
    LLVMPositionBuilderAtEnd(e->entry_b, LLVMAppendBasicBlockInContext(e->m->ctx, e->fn, "vars"));
    LLVMPositionBuilderBefore(e->entry_b, LLVMBuildBr(e->entry_b, emit_block(e, e->f->blocks[0])));
    e->frame = LLVMGetParam(e->fn, 0);
    e->arena = load_arena(e);
    for (size_t i = 0; i < e->f->nvars; i++)
        make_var(e, e->f->vars[i]);
}

/* In the order in which they are come to: an operation's block is then before those of its users. */
static void emit_blocks(Emit *e) {
    for (size_t i = 0; i < e->nqueue; i++) {
        const FlowBlock *block = e->queue[i];
        LLVMPositionBuilderAtEnd(e->b, e->blocks[block->id]);
        for (size_t k = 0; k < block->nops; k++)
            emit_op(e, block->ops[k]);
    }
}

static void emit_function(EmitModule *m, Instance *inst) {
    Emit e = {.m = m, .pool = m->pool, .inst = inst, .f = flow_make(m->lang, inst), .fn = inst->fn};
    begin(&e);
    emit_blocks(&e);
    LLVMDisposeBuilder(e.b);
    LLVMDisposeBuilder(e.entry_b);
}

/* Reads and links only what was called, and what that calls: the linker takes nothing else of this linkage. */
static void link_runtime(EmitModule *m) {
    for (LLVMValueRef f = LLVMGetFirstFunction(m->runtime); f; f = LLVMGetNextFunction(f))
        if (!LLVMIsDeclaration(f) && LLVMGetLinkage(f) == LLVMExternalLinkage)
            LLVMSetLinkage(f, LLVMLinkOnceODRLinkage);
    LLVMLinkModules2(m->module, m->runtime);
    m->runtime = NULL;
}

/* A body that only its own entry calls is optimised there, not first on its own as well. */
static void inline_sole_bodies(EmitModule *m, Instance *const *entries, size_t nentries) {
    for (size_t i = 0; i < nentries; i++) {
        LLVMUseRef use = LLVMGetFirstUse(entries[i]->fn);
        if (use && !LLVMGetNextUse(use))
            add_attribute(m, entries[i]->fn, LLVMAttributeFunctionIndex, "alwaysinline");
    }
}

void emit_rest(EmitModule *m, Instance *const *entries, size_t nentries) {
    while (m->nwork)
        emit_function(m, m->work[--m->nwork]);
    link_runtime(m);
    inline_sole_bodies(m, entries, nentries);
    for (size_t i = 0; i < m->lang->ninstances; i++)
        m->lang->instances[i]->fn = NULL;
}
