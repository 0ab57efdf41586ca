/* Lower, calls of compiled functions, methods and classes. */
#include "server/compiler/lower.h"

/* Appends v's slots as arguments. */
static void push_slots(LLVMValueRef *args, unsigned *n, Val v) {
    for (uint32_t i = 0; i < type_slots(v.type); i++)
        args[(*n)++] = v.at[i];
}

/* A call whose arguments are ready: args[0] is left for the frame. */
Val lower_invoke(Lower *l, const Node *n, Instance *callee, LLVMValueRef *args) {
    lower_declare(l->m, callee);
    args[0] = l->frame;
    unsigned nargs = LLVMCountParamTypes(callee->fn_type);
    LLVMValueRef r = LLVMBuildCall2(l->b, callee->fn_type, callee->fn, args, nargs, "");
    if (callee->loops && callee->outer == EFFECT_NONE && l->info[n->id].effect == EFFECT_NONE)
        lower_fresh_start(l, r);
    lower_call_check(l, n, LLVMBuildExtractValue(l->b, r, 0, ""));
    if (!callee->result) {
        LLVMBuildUnreachable(l->b);
        longjmp(*l->bottom, 1);
    }
    FuncKind kind = callee->bound->func->kind;
    if (callee->sized &&
        (kind == FUNC_FUNCTION || kind == FUNC_CLASS)) /* the interpreter would call the Python function */
        lower_wrapped(l, NULL);
    Val v = val_new(l, callee->result);
    for (uint32_t i = 0; i < type_slots(v.type); i++)
        v.at[i] = LLVMBuildExtractValue(l->b, r, i + 1, "");
    v.owned = type_has_refs(v.type);
    return v;
}

Val lower_property(Lower *l, const Node *n, Instance *callee, Val self) {
    LLVMValueRef args[2] = {NULL, self.at[0]};
    return lower_invoke(l, n, callee, args);
}

void lower_setter(Lower *l, const Node *n, Instance *callee, LLVMValueRef self, Val v) {
    const Type *to = callee->params[1];
    LLVMValueRef *args = pool_array(l->pool, LLVMValueRef, type_slots(to) + 3);
    unsigned nargs = 1;
    args[nargs++] = self;
    push_slots(args, &nargs, val_store(l, n, v, to, val_param_place(l, callee->func, 0)));
    Val r = lower_invoke(l, n, callee, args);
    val_release(l, val_hold(l, r));
}

Val lower_special(Lower *l, const Node *n, const SpecialCall *call, Val left, const Val *right) {
    Val self = call->reflected ? *right : left;
    LLVMValueRef *args = pool_array(l->pool, LLVMValueRef, (call->arg ? type_slots(call->arg) : 0) + 3);
    unsigned nargs = 1;
    args[nargs++] = self.at[0];
    if (call->arg)
        push_slots(
            args, &nargs,
            val_store(l, n, call->reflected ? left : *right, call->arg, val_param_place(l, call->callee->func, 0)));
    return lower_invoke(l, n, call->callee, args);
}

LLVMValueRef lower_special_len(Lower *l, const Node *n, const SpecialCall *call, Val v) {
    Global *text = pool_new(l->pool, Global);
    *text = (Global){.kind = GLOBAL_STR, .s = STR("__len__() should return >= 0")};
    SiteArg *arg = pool_new(l->pool, SiteArg);
    *arg = (SiteArg){.kind = SITE_ARG_CONST, .constant = text};
    LLVMValueRef len = lower_special(l, n, call, v, NULL).at[0];
    LLVMBasicBlockRef bad = lower_block(l, "trap"), next = lower_block(l, "");
    lower_branch_rarely(l, LLVMBuildICmp(l->b, LLVMIntSLT, len, lower_i64(l, 0), ""), bad, next);
    lower_at(l, bad);
    lower_raise_site(l, n, (Site){.kind = SITE_RAISE, .text = STR("ValueError"), .args = arg, .nargs = 1}, NULL, 0);
    lower_at(l, next);
    return len;
}

/* Evaluates the arguments in order; vals[param] is held among the temporaries. */
static Val *eval_args(Lower *l, const CallInfo *call) {
    const DefSpec *d = &l->lang->unit->defs[call->def];
    bool to_fields = call->kind == CALL_NEW && d->init == INIT_GENERATED;
    Val *vals = pool_array(l->pool, Val, call->nargs + 1);
    for (size_t i = 0; i < call->nargs; i++) {
        const CallArg *arg = &call->args[i];
        Val v = arg->expr ? lower_expr(l, arg->expr) : val_const(l, arg->constant);
        if (to_fields && v.type->kind == TYPE_REF)
            val_own(l, &v); /* the object takes this count over */
        val_hold(l, v);
        vals[arg->param] = v;
    }
    return vals;
}

/* Only when all are evaluated are they converted, in the order of the parameters, as in a call from Python: one that is out of
 * range must not keep the others from being evaluated. */
static Val *lower_args(Lower *l, const Node *n, const CallInfo *call) {
    Val *vals = eval_args(l, call);
    const Type **to = pool_array(l->pool, const Type *, call->nargs + 1);
    for (size_t i = 0; i < call->nargs; i++)
        to[call->args[i].param] = call->args[i].type;
    for (size_t i = 0; i < call->nargs; i++)
        vals[i] = val_store(l, n, vals[i], to[i], val_param_place(l, call->callee->func, (uint32_t)i));
    return vals;
}

static unsigned arg_slots(const CallInfo *call) {
    unsigned n = 0;
    for (size_t i = 0; i < call->nargs; i++)
        n += type_slots(call->args[i].type);
    return n;
}

static LLVMValueRef *pack_args(Lower *l, const CallInfo *call, LLVMValueRef self, const Val *vals) {
    LLVMValueRef *args = pool_array(l->pool, LLVMValueRef, arg_slots(call) + 3);
    unsigned n = 1;
    if (self)
        args[n++] = self;
    for (size_t i = 0; i < call->nargs; i++)
        push_slots(args, &n, vals[i]);
    return args;
}

/* The receiver: of obj.method() checked for None; of Class.method(obj) as it is. */
static LLVMValueRef lower_receiver(Lower *l, const Node *n, const CallInfo *call) {
    const Node *f = n->Call.func;
    if (call->base) {
        Val base = lower_expr(l, call->base);
        val_hold(l, base);
        lower_object(l, f, base);
    }
    if (!call->receiver)
        return NULL;
    Val v = lower_expr(l, call->receiver);
    val_hold(l, v);
    return f->kind == NODE_Attribute && f->Attribute.value == call->receiver ? lower_object(l, f, v) : v.at[0];
}

static Val call_instance(Lower *l, const Node *n, const CallInfo *call) {
    size_t mark = l->ntemps;
    LLVMValueRef self = lower_receiver(l, n, call);
    Val *vals = lower_args(l, n, call);
    Val v = lower_invoke(l, n, call->callee, pack_args(l, call, self, vals));
    val_release(l, mark);
    return v;
}

/* ---- construction ---- */

/* Stores a value into a field, with the conversions of a field (int -> float ...); takes the value's counts. */
void store_field_value(Lower *l, const Node *n, LLVMValueRef object, uint32_t def, uint32_t field, Val v) {
    const FieldSpec *f = &l->lang->unit->defs[def].fields[field];
    bool owned = v.owned && v.type->kind == TYPE_REF;
    v = val_store(l, n, v, f->type, val_field_place(l, def, field));
    if (f->type->kind != TYPE_REF) {
        lower_field_store(l, object, def, field, v.at[0]);
        return;
    }
    LLVMValueRef args[] = {l->frame, object, lower_i32(l, f->offset), v.at[0], lower_bool(l, owned)};
    lower_rt(l, "rt_store_ref", args, 5);
}

/* One table for all of the program's modules: the first that uses it has it. */
static void make_class_ids(LowerModule *m, LLVMTypeRef type) {
    m->class_ids = LLVMAddGlobal(m->module, type, "jitd_class_ids");
    LLVMSetGlobalConstant(m->class_ids, 1);
    LLVMSetVisibility(m->class_ids, LLVMHiddenVisibility);
    LLVMSetExternallyInitialized(m->class_ids, 1);
    if (m->before && m->before->class_ids)
        return;
    LLVMSetInitializer(m->class_ids, LLVMConstNull(type));
    LLVMSetSection(m->class_ids, ".rodata.jitd_class_ids");
}

static LLVMValueRef class_id(Lower *l, uint32_t def) {
    LowerModule *m = l->m;
    LLVMTypeRef type = LLVMArrayType2(m->i32, m->lang->unit->ndefs);
    if (!m->class_ids)
        make_class_ids(m, type);
    LLVMValueRef at =
        LLVMBuildInBoundsGEP2(l->b, type, m->class_ids, (LLVMValueRef[]){lower_i64(l, 0), lower_i64(l, def)}, 2, "");
    LLVMValueRef id = LLVMBuildLoad2(l->b, m->i32, at, "");
    LLVMSetMetadata(id, m->md_invariant, m->empty_node);
    return id;
}

static Val new_object(Lower *l, const Node *n, uint32_t def) {
    LLVMValueRef args[] = {l->frame, class_id(l, def), lower_i32(l, l->lang->unit->defs[def].size)};
    LLVMValueRef object = lower_rt(l, "rt_new", args, 3);
    LLVMBasicBlockRef full = lower_block(l, "full"), next = lower_block(l, "");
    lower_branch_rarely(l, LLVMBuildICmp(l->b, LLVMIntEQ, object, lower_i64(l, 0), ""), full, next);
    lower_at(l, full);
    LLVMValueRef trap[] = {l->frame, lower_i32(l, JITD_TRAP_MEMORY),
                           lower_i32(l, lower_site(l, n, (Site){.kind = SITE_CALL}))};
    lower_trap_exit(l, lower_rt(l, "rt_trap", trap, 3));
    lower_at(l, next);
    Val v = val_one(l, type_ref(l->pool, def, false), object);
    v.owned = true;
    return v;
}

/* A field of an object that nobody has seen and that is zeroed: nothing to release, nothing to share. */
static void init_field(Lower *l, const Node *n, LLVMValueRef object, uint32_t def, uint32_t field, Val v) {
    const FieldSpec *f = &l->lang->unit->defs[def].fields[field];
    if (f->type->kind == TYPE_REF && v.type->kind == TYPE_REF)
        val_own(l, &v);
    v = val_store(l, n, v, f->type, val_field_place(l, def, field));
    lower_field_store(l, object, def, field, v.at[0]);
}

/* The fields of a generated __init__, converted before the object exists, so that a failure leaves nothing behind. */
static Val *lower_field_args(Lower *l, const Node *n, const CallInfo *call) {
    const DefSpec *d = &l->lang->unit->defs[call->def];
    Val *vals = eval_args(l, call);
    for (size_t i = 0; i < call->nargs; i++)
        if (d->fields[i].type->kind != TYPE_REF)
            vals[i] = val_store(l, n, vals[i], d->fields[i].type, val_field_place(l, call->def, (uint32_t)i));
    return vals;
}

static void init_defaults(Lower *l, const Node *n, uint32_t def, LLVMValueRef object) {
    const DefSpec *d = &l->lang->unit->defs[def];
    for (uint32_t i = 0; i < d->nfields; i++)
        if (d->fields[i].default_value)
            init_field(l, n, object, def, i, val_const(l, d->fields[i].default_value));
}

static Val call_new(Lower *l, const Node *n, const CallInfo *call) {
    size_t mark = l->ntemps;
    bool generated = l->lang->unit->defs[call->def].init == INIT_GENERATED;
    Val *vals = generated ? lower_field_args(l, n, call) : lower_args(l, n, call);
    Val object = new_object(l, n, call->def);
    if (generated) {
        for (size_t i = 0; i < call->nargs; i++)
            init_field(l, n, object.at[0], call->def, (uint32_t)i, vals[i]);
        val_forget(l, mark);
    }
    size_t with_object = val_hold(l, object);
    if (!generated)
        init_defaults(l, n, call->def, object.at[0]);
    if (call->callee) {
        LLVMValueRef *args = generated ? pool_array(l->pool, LLVMValueRef, 2) : pack_args(l, call, object.at[0], vals);
        args[1] = object.at[0];
        Val r = lower_invoke(l, n, call->callee, args);
        val_release(l, val_hold(l, r));
    }
    val_forget(l, with_object);
    val_release(l, mark);
    return object;
}

Val lower_call(Lower *l, const Node *n) {
    const CallInfo *call = l->info[n->id].what;
    switch (call->kind) {
    case CALL_INSTANCE:
        return call_instance(l, n, call);
    case CALL_NEW:
        return call_new(l, n, call);
    case CALL_BUILTIN:
        return lower_builtin(l, n, call);
    case CALL_MATH:
        return lower_math(l, n, call);
    }
    return val_none();
}
