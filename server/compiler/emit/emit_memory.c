/* Emit, memory: fields of objects in the arena, with type-based alias facts per field. */
#include "server/compiler/emit/emit.h"

static LLVMMetadataRef md_i64(EmitModule *m, uint64_t v) {
    return LLVMValueAsMetadata(LLVMConstInt(m->i64, v, 0));
}

/* The uppermost class that has the field: what is a reference to one of its instances may be one to the very object that is looked at as
 * of a class that extends it. */
static uint32_t first_with(const Lang *lang, uint32_t def, uint32_t field) {
    uint32_t found = def;
    for (uint32_t i = 0; i < lang->unit->ndefs; i++)
        if (field < lang->unit->defs[i].nfields && lang_extends(lang, found, i))
            found = i;
    return found;
}

/* Two fields of one class never overlap, nor do fields of two classes that have them of their own: each is its own scalar type under one
 * root. */
static LLVMValueRef tbaa_tag(EmitModule *m, uint32_t def, uint32_t field) {
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

static LLVMValueRef field_address(Emit *e, LLVMValueRef object, uint32_t def, uint32_t field) {
    uint32_t offset = e->m->lang->unit->defs[def].fields[field].offset;
    LLVMValueRef base = LLVMBuildGEP2(e->b, e->m->i8, e->arena, &object, 1, "");
    LLVMValueRef at = emit_i64(e, offset);
    return LLVMBuildInBoundsGEP2(e->b, e->m->i8, base, &at, 1, "");
}

static LLVMTypeRef memory_type(EmitModule *m, const Type *t) {
    return t->kind == TYPE_BOOL ? m->i8 : emit_type(m, t);
}

static LLVMValueRef access_mark(Emit *e, LLVMValueRef access, uint32_t def, uint32_t field) {
    LLVMSetAlignment(access, type_layout(e->m->lang->unit->defs[def].fields[field].type).align);
    LLVMSetMetadata(access, e->m->md_tbaa, tbaa_tag(e->m, first_with(e->m->lang, def, field), field));
    return access;
}

LLVMValueRef emit_field_load(Emit *e, LLVMValueRef object, uint32_t def, uint32_t field) {
    const Type *t = e->m->lang->unit->defs[def].fields[field].type;
    LLVMValueRef at = field_address(e, object, def, field);
    LLVMValueRef v = access_mark(e, LLVMBuildLoad2(e->b, memory_type(e->m, t), at, ""), def, field);
    /* Any byte but 0 is true: the arena is other processes' too. */
    return t->kind == TYPE_BOOL ? LLVMBuildICmp(e->b, LLVMIntNE, v, LLVMConstInt(e->m->i8, 0, 0), "") : v;
}

void emit_field_store(Emit *e, LLVMValueRef object, uint32_t def, uint32_t field, LLVMValueRef v) {
    const Type *t = e->m->lang->unit->defs[def].fields[field].type;
    LLVMValueRef at = field_address(e, object, def, field);
    if (t->kind == TYPE_BOOL)
        v = LLVMBuildZExt(e->b, v, e->m->i8, "");
    access_mark(e, LLVMBuildStore(e->b, v, at), def, field);
}
