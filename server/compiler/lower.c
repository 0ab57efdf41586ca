/* Lower: Typed -> LLVM IR. One internal function per instance, {status, result slots} f(frame, self, slots...), and per
 * entry the two wrappers of protocol/abi.h. This file: modules, functions, the way in and out of them. */
#include "server/compiler/lower.h"
#include <llvm-c/Linker.h>

/* ---- small tools ---- */

LLVMTypeRef lower_type(LowerModule *m, const Type *t) {
    switch (t->kind) {
    case TYPE_FLOAT:
        return m->f64;
    case TYPE_FLOAT32:
        return m->f32;
    case TYPE_BOOL:
        return m->i1;
    case TYPE_REF:
        return m->i64;
    default:
        return LLVMIntTypeInContext(m->ctx, type_layout(t).size * 8);
    }
}

/* The runtime is linked after lowering; until then its functions are declared here by the first call. */
LLVMValueRef lower_rt(Lower *l, const char *name, LLVMValueRef *args, unsigned n) {
    LLVMValueRef f = LLVMGetNamedFunction(l->m->module, name);
    if (!f)
        f = LLVMAddFunction(l->m->module, name, LLVMGlobalGetValueType(LLVMGetNamedFunction(l->m->runtime, name)));
    return LLVMBuildCall2(l->b, LLVMGlobalGetValueType(f), f, args, n, "");
}

LLVMValueRef lower_i64(Lower *l, int64_t value) {
    return LLVMConstInt(l->m->i64, (uint64_t)value, 1);
}

LLVMValueRef lower_i32(Lower *l, int64_t value) {
    return LLVMConstInt(l->m->i32, (uint64_t)value, 1);
}

LLVMValueRef lower_bool(Lower *l, bool value) {
    return LLVMConstInt(l->m->i1, value, 0);
}

LLVMBasicBlockRef lower_block(Lower *l, const char *name) {
    return LLVMAppendBasicBlockInContext(l->m->ctx, l->fn, name);
}

bool lower_ended(Lower *l) {
    return LLVMGetBasicBlockTerminator(LLVMGetInsertBlock(l->b)) != NULL;
}

void lower_go(Lower *l, LLVMBasicBlockRef to) {
    if (!lower_ended(l))
        LLVMBuildBr(l->b, to);
}

void lower_at(Lower *l, LLVMBasicBlockRef at) {
    LLVMPositionBuilderAtEnd(l->b, at);
}

LLVMValueRef lower_alloca(Lower *l, LLVMTypeRef type, const char *name) {
    return LLVMBuildAlloca(l->entry_b, type, name);
}

void lower_dead_end(Lower *l) {
    if (lower_ended(l))
        return;
    LLVMValueRef trap = LLVMGetIntrinsicDeclaration(l->m->module, LLVMLookupIntrinsicID("llvm.trap", 9), NULL, 0);
    LLVMBuildCall2(l->b, LLVMGlobalGetValueType(trap), trap, NULL, 0, "");
    LLVMBuildUnreachable(l->b);
}

void lower_branch_rarely(Lower *l, LLVMValueRef cond, LLVMBasicBlockRef rare, LLVMBasicBlockRef usual) {
    LLVMSetMetadata(LLVMBuildCondBr(l->b, cond, rare, usual), l->m->md_prof, l->m->rarely);
}

/* ---- modules ---- */

static LLVMValueRef make_rarely(LowerModule *m) {
    LLVMMetadataRef parts[] = {LLVMMDStringInContext2(m->ctx, "branch_weights", 14),
                               LLVMValueAsMetadata(LLVMConstInt(m->i32, 1, 0)),
                               LLVMValueAsMetadata(LLVMConstInt(m->i32, 1 << 20, 0))};
    return LLVMMetadataAsValue(m->ctx, LLVMMDNodeInContext2(m->ctx, parts, 3));
}

LowerModule *lower_begin(Lang *lang, LLVMModuleRef module, LLVMModuleRef runtime, const LowerModule *before) {
    LowerModule *m = pool_new(lang->pool, LowerModule);
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

static void slot_types(LowerModule *m, const Type *t, LLVMTypeRef *types, unsigned *n) {
    if (t->kind == TYPE_TUPLE)
        for (size_t i = 0; i < t->nitems; i++)
            slot_types(m, t->items[i], types, n);
    else if (t->kind != TYPE_NONE)
        types[(*n)++] = lower_type(m, t);
}

static void add_attribute(LowerModule *m, LLVMValueRef fn, LLVMAttributeIndex at, const char *name) {
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(fn, at, LLVMCreateEnumAttribute(m->ctx, kind, 0));
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

void lower_declare(LowerModule *m, Instance *inst) {
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

static LLVMValueRef load_arena(Lower *l) {
    LLVMValueRef arena = LLVMBuildLoad2(l->entry_b, l->m->ptr, l->frame, "arena");
    LLVMSetMetadata(arena, l->m->md_invariant, l->m->empty_node);
    return arena;
}

static void begin(Lower *l) {
    LLVMBasicBlockRef entry = lower_block(l, "entry"), body = lower_block(l, "body");
    l->b = LLVMCreateBuilderInContext(l->m->ctx);
    l->entry_b = LLVMCreateBuilderInContext(l->m->ctx);
    LLVMPositionBuilderAtEnd(l->entry_b, entry);
    LLVMPositionBuilderBefore(l->entry_b, LLVMBuildBr(l->entry_b, body));
    lower_at(l, body);
    l->frame = LLVMGetParam(l->fn, 0);
    l->self = l->inst->nparams && instance_slots(l->inst) ? LLVMGetParam(l->fn, 1) : NULL;
    l->arena = load_arena(l);
    l->status = lower_alloca(l, l->m->i32, "status");
    if (l->inst->sized) {
        l->wrapped = lower_alloca(l, l->m->i1, "wrapped");
        LLVMBuildStore(l->entry_b, lower_bool(l, false), l->wrapped);
    }
    l->on_exit = lower_block(l, "exit");
    LLVMTypeRef *types = pool_array(l->pool, LLVMTypeRef, type_slots(instance_result(l->inst)) + 1);
    unsigned n = 0;
    slot_types(l->m, instance_result(l->inst), types, &n);
    l->results = pool_array(l->pool, LLVMValueRef, n + 1);
    for (unsigned i = 0; i < n; i++)
        l->results[i] = lower_alloca(l, types[i], "result");
}

static void release_owned(Lower *l) {
    for (size_t i = 0; i < l->nowned; i++) {
        LLVMValueRef v = LLVMBuildLoad2(l->b, l->m->i64, l->owned_slots[i], "");
        lower_rt(l, "rt_decref", (LLVMValueRef[]){l->frame, v}, 2);
    }
}

/* One way out for results and traps, with a register for each part of the result: after inlining LLVM threads the
 * caller's test of the status through it, which it does not through a whole struct. */
static void finish(Lower *l) {
    unsigned n = LLVMCountStructElementTypes(l->inst->ret_type);
    lower_guard_polls(l);
    lower_save_again(l);
    lower_at(l, l->on_exit);
    release_owned(l);
    LLVMValueRef status = LLVMBuildLoad2(l->b, l->m->i32, l->status, "");
    LLVMValueRef r = LLVMBuildInsertValue(l->b, LLVMGetPoison(l->inst->ret_type), status, 0, "");
    for (unsigned i = 1; i < n; i++) {
        LLVMValueRef v = LLVMBuildLoad2(l->b, LLVMStructGetTypeAtIndex(l->inst->ret_type, i), l->results[i - 1], "");
        r = LLVMBuildInsertValue(l->b, r, v, i, "");
    }
    LLVMBuildRet(l->b, r);
    /* What was begun on the way to a call that never returns is not reached. */
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(l->fn); b; b = LLVMGetNextBasicBlock(b))
        if (!LLVMGetBasicBlockTerminator(b)) {
            lower_at(l, b);
            LLVMBuildUnreachable(l->b);
        }
    LLVMDisposeBuilder(l->b);
    LLVMDisposeBuilder(l->entry_b);
}

static bool reaches(Lang *lang, const Instance *from, const Instance *to, bool *seen) {
    (void)lang;
    for (size_t i = 0; i < from->ncallees; i++) {
        const Instance *next = from->callees[i];
        if (next == to)
            return true;
        if (seen[next->index])
            continue;
        seen[next->index] = true;
        if (reaches(lang, next, to, seen))
            return true;
    }
    return false;
}

/* Recursive functions look whether the stack has room, and for interrupts: they may run as long as a loop. */
static void check_stack(Lower *l) {
    bool *seen = pool_array(l->pool, bool, l->lang->ninstances);
    if (!reaches(l->lang, l->inst, l->inst, seen))
        return;
    unsigned id = LLVMLookupIntrinsicID("llvm.stacksave", 14);
    LLVMTypeRef type = l->m->ptr;
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(l->m->module, id, &type, 1);
    LLVMValueRef sp = LLVMBuildCall2(l->b, LLVMIntrinsicGetType(l->m->ctx, id, &type, 1), f, NULL, 0, "");
    LLVMValueRef offset = lower_i64(l, offsetof(JitdFrame, stack_limit));
    LLVMValueRef at = LLVMBuildInBoundsGEP2(l->b, l->m->i8, l->frame, &offset, 1, "");
    LLVMValueRef limit = LLVMBuildLoad2(l->b, l->m->i64, at, "");
    LLVMSetMetadata(limit, l->m->md_invariant, l->m->empty_node);
    LLVMValueRef low = LLVMBuildICmp(l->b, LLVMIntULT, LLVMBuildPtrToInt(l->b, sp, l->m->i64, ""), limit, "");
    lower_check(l, l->bound->function, low, (FailSpec){.kind = SITE_RECURSION, .always = true});
    lower_poll(l, l->bound->function, l->inst->outer, 0);
}

/* The end of the function is its last return, of None. */
static void lower_end(Lower *l) {
    const Node *f = l->bound->function;
    if (lower_ended(l))
        return;
    if (!l->info[f->id].live)
        LLVMBuildUnreachable(l->b);
    else
        lower_return(l, f, val_none());
}

static void lower_instance(LowerModule *m, Instance *inst) {
    Lower l = {.m = m,
               .lang = m->lang,
               .pool = m->pool,
               .inst = inst,
               .bound = inst->bound,
               .info = inst->info,
               .fn = inst->fn};
    l.locals = pool_array(l.pool, LocalVar, l.bound->nlocals + 1);
    begin(&l);
    check_stack(&l);
    local_init_params(&l);
    lower_body(&l, l.bound->function->FunctionDef.body);
    lower_end(&l);
    finish(&l);
}

/* Reads and links only what was called, and what that calls: the linker takes nothing else of this linkage. */
static void link_runtime(LowerModule *m) {
    for (LLVMValueRef f = LLVMGetFirstFunction(m->runtime); f; f = LLVMGetNextFunction(f))
        if (!LLVMIsDeclaration(f) && LLVMGetLinkage(f) == LLVMExternalLinkage)
            LLVMSetLinkage(f, LLVMLinkOnceODRLinkage);
    LLVMLinkModules2(m->module, m->runtime);
    m->runtime = NULL;
}

/* A body that only its own entry calls is optimised there, not first on its own as well. */
static void inline_sole_bodies(LowerModule *m, Instance *const *entries, size_t nentries) {
    for (size_t i = 0; i < nentries; i++) {
        LLVMUseRef use = LLVMGetFirstUse(entries[i]->fn);
        if (use && !LLVMGetNextUse(use))
            add_attribute(m, entries[i]->fn, LLVMAttributeFunctionIndex, "alwaysinline");
    }
}

void lower_rest(LowerModule *m, Instance *const *entries, size_t nentries) {
    while (m->nwork)
        lower_instance(m, m->work[--m->nwork]);
    link_runtime(m);
    inline_sole_bodies(m, entries, nentries);
    for (size_t i = 0; i < m->lang->ninstances; i++)
        m->lang->instances[i]->fn = NULL;
}
