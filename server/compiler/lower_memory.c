/* Lower, memory: fields of objects in the arena, with type-based alias facts per field; locals in stack slots. */
#include "server/compiler/lower.h"

static LLVMMetadataRef md_i64(LowerModule *m, uint64_t v) {
    return LLVMValueAsMetadata(LLVMConstInt(m->i64, v, 0));
}

/* Two fields of one class never overlap, nor do fields of two classes: each is its own scalar type under one root. */
static LLVMValueRef tbaa_tag(LowerModule *m, uint32_t def, uint32_t field) {
    const DefSpec *d = &m->lang->unit->defs[def];
    if (!m->tbaa_root) {
        LLVMMetadataRef name = LLVMMDStringInContext2(m->ctx, "jitd", 4);
        m->tbaa_root = LLVMMDNodeInContext2(m->ctx, &name, 1);
        m->tbaa = pool_array(m->pool, LLVMMetadataRef *, m->lang->unit->ndefs);
    }
    if (!m->tbaa[def])
        m->tbaa[def] = pool_array(m->pool, LLVMMetadataRef, d->nfields + 1);
    if (!m->tbaa[def][field]) {
        Str text = pool_printf(m->pool, "%u.%.*s", def, STR_FMT(d->fields[field].name));
        LLVMMetadataRef name = LLVMMDStringInContext2(m->ctx, text.ptr, text.len);
        LLVMMetadataRef type = LLVMMDNodeInContext2(m->ctx, (LLVMMetadataRef[]){name, m->tbaa_root, md_i64(m, 0)}, 3);
        m->tbaa[def][field] = LLVMMDNodeInContext2(m->ctx, (LLVMMetadataRef[]){type, type, md_i64(m, 0)}, 3);
    }
    return LLVMMetadataAsValue(m->ctx, m->tbaa[def][field]);
}

static LLVMValueRef field_address(Lower *l, LLVMValueRef object, uint32_t def, uint32_t field) {
    uint32_t offset = l->lang->unit->defs[def].fields[field].offset;
    LLVMValueRef base = LLVMBuildGEP2(l->b, l->m->i8, l->arena, &object, 1, "");
    LLVMValueRef at = lower_i64(l, offset);
    return LLVMBuildInBoundsGEP2(l->b, l->m->i8, base, &at, 1, "");
}

static LLVMTypeRef memory_type(LowerModule *m, const Type *t) {
    return t->kind == TYPE_BOOL ? m->i8 : lower_type(m, t);
}

static LLVMValueRef access_mark(Lower *l, LLVMValueRef access, uint32_t def, uint32_t field) {
    LLVMSetAlignment(access, type_layout(l->lang->unit->defs[def].fields[field].type).align);
    LLVMSetMetadata(access, l->m->md_tbaa, tbaa_tag(l->m, def, field));
    return access;
}

LLVMValueRef lower_field_load(Lower *l, LLVMValueRef object, uint32_t def, uint32_t field) {
    const Type *t = l->lang->unit->defs[def].fields[field].type;
    LLVMValueRef at = field_address(l, object, def, field);
    LLVMValueRef v = access_mark(l, LLVMBuildLoad2(l->b, memory_type(l->m, t), at, ""), def, field);
    /* Any byte but 0 is true: the arena is other processes' too. */
    return t->kind == TYPE_BOOL ? LLVMBuildICmp(l->b, LLVMIntNE, v, LLVMConstInt(l->m->i8, 0, 0), "") : v;
}

void lower_field_store(Lower *l, LLVMValueRef object, uint32_t def, uint32_t field, LLVMValueRef v) {
    const Type *t = l->lang->unit->defs[def].fields[field].type;
    LLVMValueRef at = field_address(l, object, def, field);
    if (t->kind == TYPE_BOOL)
        v = LLVMBuildZExt(l->b, v, l->m->i8, "");
    access_mark(l, LLVMBuildStore(l->b, v, at), def, field);
}

/* ---- locals ---- */

/* A slot for a reference, owned in functions that count; of a parameter that nobody assigns the caller has the count. */
static LLVMValueRef ref_alloca(Lower *l, bool is_param) {
    LLVMValueRef at = lower_alloca(l, l->m->i64, "ref");
    if (is_param)
        return at;
    LLVMBuildStore(l->entry_b, LLVMConstInt(l->m->i64, JITD_UNSET, 0), at);
    if (l->inst->manages)
        pool_push(l->pool, l->owned_slots, l->nowned, l->cap_owned) = at;
    else
        pool_push(l->pool, l->borrowed_slots, l->nborrowed, l->cap_borrowed) = at;
    return at;
}

static LLVMValueRef ref_slot(Lower *l, uint32_t local) {
    LocalVar *var = &l->locals[local];
    if (!var->ref)
        var->ref = ref_alloca(l, var->borrowed);
    return var->ref;
}

static void make_slots(Lower *l, const Type *t, LLVMValueRef *at, size_t *n) {
    if (t->kind == TYPE_TUPLE)
        for (size_t i = 0; i < t->nitems; i++)
            make_slots(l, t->items[i], at, n);
    else if (t->kind == TYPE_REF)
        at[(*n)++] = ref_alloca(l, false);
    else if (t->kind != TYPE_NONE)
        at[(*n)++] = lower_alloca(l, lower_type(l->m, t), "");
}

static LLVMValueRef *storage(Lower *l, uint32_t local, const Type *type) {
    LocalVar *var = &l->locals[local];
    if (type->kind == TYPE_REF || type->kind == TYPE_NONE) {
        LLVMValueRef *at = pool_array(l->pool, LLVMValueRef, 1);
        at[0] = ref_slot(l, local);
        return at;
    }
    for (size_t i = 0; i < var->nstorages; i++)
        if (type_eq(var->storages[i].type, type))
            return var->storages[i].at;
    Storage s = {.type = type, .at = pool_array(l->pool, LLVMValueRef, type_slots(type) + 1)};
    size_t n = 0;
    make_slots(l, type, s.at, &n);
    pool_push(l->pool, var->storages, var->nstorages, var->cap) = s;
    return s.at;
}

static LLVMValueRef bound_flag(Lower *l, uint32_t local) {
    LocalVar *var = &l->locals[local];
    if (!var->bound) {
        var->bound = lower_alloca(l, l->m->i1, "bound");
        LLVMBuildStore(l->entry_b, lower_bool(l, false), var->bound);
    }
    return var->bound;
}

static LLVMTypeRef slot_type(LLVMValueRef alloca_) {
    return LLVMGetAllocatedType(alloca_);
}

Val local_load(Lower *l, const Node *n, uint32_t local, const Type *type) {
    if (l->info[n->id].flags & NODE_MAYBE_UNBOUND) {
        LLVMValueRef bound = LLVMBuildLoad2(l->b, l->m->i1, bound_flag(l, local), "");
        lower_check(l, n, LLVMBuildNot(l->b, bound, ""), (FailSpec){.kind = SITE_REDO, .text = STR("unbound local")});
    }
    if (type->kind == TYPE_NONE)
        return val_none();
    LLVMValueRef *at = storage(l, local, type);
    Val v = val_new(l, type);
    for (uint32_t i = 0; i < type_slots(type); i++)
        v.at[i] = LLVMBuildLoad2(l->b, slot_type(at[i]), at[i], "");
    if (l->inst->manages && l->inst->walrus_refs)
        val_own(l, &v);
    return v;
}

/* Takes over the counts of v; what the local held before is released after the store. */
void local_store(Lower *l, uint32_t local, Val v) {
    if (v.type->kind == TYPE_NONE)
        v = val_one(l, &type_none, lower_i64(l, JITD_NONE));
    LLVMValueRef *at = storage(l, local, v.type);
    bool counted =
        l->inst->manages && !l->locals[local].borrowed && (v.type->kind == TYPE_NONE || type_has_refs(v.type));
    if (counted && v.type->kind != TYPE_NONE)
        val_own(l, &v);
    uint32_t n = v.type->kind == TYPE_NONE ? 1 : type_slots(v.type);
    LLVMValueRef *old = pool_array(l->pool, LLVMValueRef, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        old[i] = counted && slot_type(at[i]) == l->m->i64 ? LLVMBuildLoad2(l->b, l->m->i64, at[i], "") : NULL;
        LLVMBuildStore(l->b, v.at[i], at[i]);
    }
    LLVMBuildStore(l->b, lower_bool(l, true), bound_flag(l, local));
    for (uint32_t i = 0; i < n; i++)
        for (size_t k = 0; old[i] && k < l->nowned; k++)
            if (l->owned_slots[k] == at[i])
                lower_rt(l, "rt_decref", (LLVMValueRef[]){l->frame, old[i]}, 2);
}

void local_init_params(Lower *l) {
    uint32_t first = l->bound->func->kind == FUNC_CLASS ? 1 : 0, slot = 1;
    for (uint32_t i = 0; i < l->inst->nparams; i++) {
        const Type *t = l->inst->params[i];
        Val v = val_new(l, t);
        for (uint32_t k = 0; k < type_slots(t); k++)
            v.at[k] = LLVMGetParam(l->fn, slot++);
        l->locals[i + first].borrowed = t->kind == TYPE_REF && !l->bound->assigned[i + first];
        if (l->locals[i + first].borrowed)
            v.owned = true; /* not counted: nothing to do */
        local_store(l, i + first, v);
    }
}
