/* Lower, traps: what happens where an operation fails. Nothing committed: the interpreter does the whole call again
 * (REDO). Only fields of self stored: they are put back first. Else the exception that CPython would raise, from the
 * site table. Blocks of traps are marked as rare, so they end up out of the way. */
#include "server/compiler/lower.h"

/* Is the line of a call that of the attribute that is called? CPython 3.11 changed which are. */
static bool is_method_call(const Lower *l, const Node *n) {
    if (n->kind != NODE_Call || n->Call.func->kind != NODE_Attribute)
        return false;
    bool of_module = !l->info[n->Call.func->Attribute.value->id].live;
    return l->lang->unit->python_minor < 11 ? !n->Call.keywords.len : !of_module;
}

/* As in CPython's tracebacks: an attribute over several lines is where its name ends. */
static int site_line(const Lower *l, const Node *n) {
    if (is_method_call(l, n))
        n = n->Call.func;
    return n->kind == NODE_Attribute ? n->span.end_line : n->span.line;
}

uint32_t lower_site(Lower *l, const Node *n, Site site) {
    site.line = site_line(l, n);
    site.def = l->bound->def_index;
    site.func = l->bound->func_index;
    pool_push(l->pool, l->lang->sites, l->lang->nsites, l->lang->cap_sites) = site;
    return (uint32_t)l->lang->nsites - 1;
}

/* Leaves by the trap exit with the temporaries given back; compile-time state stays as it is for the other paths. */
void lower_trap_exit(Lower *l, LLVMValueRef status) {
    for (size_t i = l->ntemps; i > 0; i--)
        lower_rt(l, "rt_decref", (LLVMValueRef[]){l->frame, l->temps[i - 1]}, 2);
    LLVMBuildStore(l->b, status, l->status);
    lower_go(l, l->on_exit);
}

static LLVMValueRef emit_trap(Lower *l, JitdTrapKind kind, uint32_t site) {
    LLVMValueRef args[] = {l->frame, lower_i32(l, kind), lower_i32(l, site)};
    return lower_rt(l, "rt_trap", args, 3);
}

/* The alloca with field i of self as it was before the first store that may be taken back. */
static LLVMValueRef saved_field(Lower *l, uint32_t i) {
    if (l->saved[i])
        return l->saved[i];
    LLVMBuilderRef b = l->b;
    l->b = l->entry_b;
    LLVMValueRef now = lower_field_load(l, l->self, l->bound->def_index, i);
    l->b = b;
    l->saved[i] = lower_alloca(l, LLVMTypeOf(now), "saved");
    LLVMBuildStore(l->entry_b, now, l->saved[i]);
    return l->saved[i];
}

static void restore(Lower *l, uint64_t undo) {
    for (uint32_t i = 0; i < 64; i++) {
        if (!(undo >> i & 1))
            continue;
        LLVMValueRef at = saved_field(l, i);
        lower_field_store(l, l->self, l->bound->def_index, i, LLVMBuildLoad2(l->b, LLVMGetAllocatedType(at), at, ""));
    }
}

/* `call` comes before all stores, and may have let other code store. */
void lower_fresh_start(Lower *l, LLVMValueRef call) {
    pool_push(l->pool, l->fresh_starts, l->nfresh_starts, l->cap_fresh_starts) = call;
}

/* What a redo takes back is not what others have stored since the entry. Done last, when it is known which fields are saved. */
void lower_save_again(Lower *l) {
    for (size_t k = 0; k < l->nfresh_starts; k++) {
        LLVMPositionBuilderBefore(l->b, LLVMGetNextInstruction(l->fresh_starts[k]));
        for (uint32_t i = 0; i < 64; i++)
            if (l->saved[i])
                LLVMBuildStore(l->b, lower_field_load(l, l->self, l->bound->def_index, i), l->saved[i]);
    }
}

void lower_redo(Lower *l, const Node *n, uint64_t undo, Str reason) {
    restore(l, undo);
    lower_trap_exit(l, emit_trap(l, JITD_TRAP_REDO, lower_site(l, n, (Site){.kind = SITE_REDO, .text = reason})));
}

/* Most functions have many places that redo and nothing to put back: one block for all of them. */
static LLVMBasicBlockRef shared_redo(Lower *l, const Node *n, Str reason) {
    if (l->redo)
        return l->redo;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(l->b);
    l->redo = lower_block(l, "redo");
    lower_at(l, l->redo);
    lower_redo(l, n, 0, reason);
    lower_at(l, here);
    return l->redo;
}

static void emit_raise(Lower *l, const Node *n, const FailSpec *spec) {
    Site site = {
        .kind = spec->kind, .text = spec->text, .cls = spec->cls, .store = spec->store, .nargs = spec->noperands};
    site.args = pool_array(l->pool, SiteArg, spec->noperands + 1);
    for (size_t i = 0; i < spec->noperands; i++)
        site.args[i] = (SiteArg){.kind = SITE_ARG_VALUE, .slot = (uint32_t)i, .type = spec->operands[i].type};
    LLVMValueRef status = emit_trap(l, JITD_TRAP_RAISE, lower_site(l, n, site));
    for (size_t i = 0; i < spec->noperands; i++) {
        LLVMValueRef bits = val_bits(l, spec->operands[i].type, spec->operands[i].at[0]);
        lower_rt(l, "rt_trap_value", (LLVMValueRef[]){l->frame, bits}, 2);
    }
    lower_trap_exit(l, status);
}

/* Whether a failure raises, instead of leaving the call to the interpreter. With sized arithmetic the interpreter is asked only for
 * what there is no other result of, an int beyond 64 bits, and only where it has not wrapped so far. */
static bool fails_here(Lower *l, const Node *n, const FailSpec *spec) {
    return spec->always || l->info[n->id].effect == EFFECT_COMMITTED || (l->inst->sized && spec->kind != SITE_OVERFLOW);
}

void lower_wrapped(Lower *l, LLVMValueRef cond) {
    if (!l->wrapped)
        return;
    LLVMValueRef before = LLVMBuildLoad2(l->b, l->m->i1, l->wrapped, "");
    LLVMBuildStore(l->b, cond ? LLVMBuildOr(l->b, before, cond, "") : lower_bool(l, true), l->wrapped);
}

/* An int beyond 64 bits in a function with sized arithmetic. */
static void fail_unless_wrapped(Lower *l, const Node *n, FailSpec spec) {
    LLVMBasicBlockRef raise = lower_block(l, "trap"), redo = lower_block(l, "redo");
    LLVMBuildCondBr(l->b, LLVMBuildLoad2(l->b, l->m->i1, l->wrapped, ""), raise, redo);
    lower_at(l, raise);
    emit_raise(l, n, &spec);
    lower_at(l, redo);
    lower_redo(l, n, l->info[n->id].effect == EFFECT_UNDO ? l->info[n->id].undo : 0, spec.text);
}

void lower_fail(Lower *l, const Node *n, FailSpec spec) {
    const NodeInfo *info = &l->info[n->id];
    if (fails_here(l, n, &spec))
        emit_raise(l, n, &spec);
    else if (l->wrapped)
        fail_unless_wrapped(l, n, spec);
    else
        lower_redo(l, n, info->effect == EFFECT_UNDO ? info->undo : 0, spec.text);
}

void lower_check(Lower *l, const Node *n, LLVMValueRef fails, FailSpec spec) {
    const NodeInfo *info = &l->info[n->id];
    LLVMBasicBlockRef next = lower_block(l, "");
    if (!fails_here(l, n, &spec) && !info->undo && !l->ntemps && !l->wrapped) {
        lower_branch_rarely(l, fails, shared_redo(l, n, spec.text), next);
    } else {
        LLVMBasicBlockRef trap = lower_block(l, "trap");
        lower_branch_rarely(l, fails, trap, next);
        lower_at(l, trap);
        lower_fail(l, n, spec);
    }
    lower_at(l, next);
}

Str lower_overflow_text(Lower *l, Str op) {
    bool sized = l->inst->sized || l->inst->outer == EFFECT_COMMITTED; /* or its caller */
    return pool_printf(l->pool, "the exact result of %.*s is not a 64-bit value, and the call had effects already%s",
                       STR_FMT(op), sized ? ", or results of sized types that Python has not" : "");
}

/* The status of an rt_ helper: 1 the operation raises in Python, 2 its result does not fit. */
void lower_status_check(Lower *l, const Node *n, LLVMValueRef status, Str op, const Val *operands, size_t noperands) {
    FailSpec raises = {.kind = SITE_OP, .text = op, .operands = operands, .noperands = noperands};
    FailSpec inexact = {.kind = SITE_OVERFLOW, .text = lower_overflow_text(l, op)};
    if (!fails_here(l, n, &raises)) {
        LLVMValueRef failed = LLVMBuildICmp(l->b, LLVMIntNE, status, lower_i32(l, 0), "");
        lower_check(l, n, failed, raises);
        return;
    }
    lower_check(l, n, LLVMBuildICmp(l->b, LLVMIntEQ, status, lower_i32(l, 1), ""), raises);
    lower_check(l, n, LLVMBuildICmp(l->b, LLVMIntEQ, status, lower_i32(l, 2), ""), inexact);
}

/* A callee's trap goes on to our caller, one line of traceback longer; its REDO takes back what we did. */
void lower_call_check(Lower *l, const Node *n, LLVMValueRef status) {
    const NodeInfo *info = &l->info[n->id];
    LLVMBasicBlockRef trap = lower_block(l, "trap"), next = lower_block(l, "");
    lower_branch_rarely(l, LLVMBuildICmp(l->b, LLVMIntNE, status, lower_i32(l, 0), ""), trap, next);
    lower_at(l, trap);
    uint32_t site = lower_site(l, n, (Site){.kind = SITE_CALL});
    lower_rt(l, "rt_trace", (LLVMValueRef[]){l->frame, lower_i32(l, site)}, 2);
    if (info->effect == EFFECT_UNDO && info->undo) {
        LLVMBasicBlockRef undo = lower_block(l, "undo"), out = lower_block(l, "");
        LLVMValueRef is_redo = LLVMBuildICmp(l->b, LLVMIntEQ, status, lower_i32(l, JITD_TRAP_REDO), "");
        LLVMBuildCondBr(l->b, is_redo, undo, out);
        lower_at(l, undo);
        restore(l, info->undo);
        lower_go(l, out);
        lower_at(l, out);
    }
    lower_trap_exit(l, status);
    lower_at(l, next);
}

/* An import's status (poll, pymath): the trap is recorded here. The interpreter's exception is already set, or the result
 * does not fit, which is a redo. */
void lower_import_status(Lower *l, const Node *n, LLVMValueRef status) {
    LLVMBasicBlockRef trap = lower_block(l, "trap"), next = lower_block(l, "");
    lower_branch_rarely(l, LLVMBuildICmp(l->b, LLVMIntNE, status, lower_i32(l, 0), ""), trap, next);
    lower_at(l, trap);
    LLVMBasicBlockRef redo = lower_block(l, ""), other = lower_block(l, "");
    LLVMBuildCondBr(l->b, LLVMBuildICmp(l->b, LLVMIntEQ, status, lower_i32(l, JITD_TRAP_REDO), ""), redo, other);
    lower_at(l, redo);
    lower_fail(l, n, (FailSpec){.kind = SITE_OVERFLOW, .text = lower_overflow_text(l, STR("this call"))});
    lower_at(l, other);
    uint32_t site = lower_site(l, n, (Site){.kind = SITE_CALL});
    LLVMValueRef args[] = {l->frame, status, lower_i32(l, site)};
    lower_trap_exit(l, lower_rt(l, "rt_trap", args, 3));
    lower_at(l, next);
}

void lower_int_instead(Lower *l, const Node *n) {
    lower_fail(l, n, (FailSpec){.kind = SITE_REDO, .text = STR("the value is an int here, elsewhere a float")});
}

void lower_raise_site(Lower *l, const Node *n, Site site, LLVMValueRef *values, size_t nvalues) {
    LLVMValueRef status = emit_trap(l, JITD_TRAP_RAISE, lower_site(l, n, site));
    for (size_t i = 0; i < nvalues; i++)
        lower_rt(l, "rt_trap_value", (LLVMValueRef[]){l->frame, values[i]}, 2);
    lower_trap_exit(l, status);
}
