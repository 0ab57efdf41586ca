/* Lower, statements. */
#include "server/compiler/lower.h"

static void lower_stmt(Lower *l, const Node *n);

static void lower_stmt_guarded(Lower *l, const Node *n) {
    jmp_buf bottom, *outer = l->bottom;
    LowerLoop *loop = l->loop;
    size_t mark = l->ntemps;
    l->bottom = &bottom;
    if (setjmp(bottom) == 0)
        lower_stmt(l, n);
    l->bottom = outer;
    l->loop = loop;
    l->ntemps = mark;
}

void lower_body(Lower *l, Nodes body) {
    for (size_t i = 0; i < body.len && !lower_ended(l); i++) {
        if (!l->info[body.at[i]->id].live) {
            lower_dead_end(l);
            return;
        }
        lower_stmt_guarded(l, body.at[i]);
    }
}

/* ---- assignment ---- */

static void unpack(Lower *l, Nodes elts, Val v) {
    uint32_t at = 0;
    if (l->inst->manages)
        val_own(l, &v);
    for (size_t i = 0; i < elts.len; i++) {
        Val item = {.type = v.type->items[i], .at = v.at + at, .owned = v.owned};
        at += type_slots(item.type);
        size_t mark = l->ntemps;
        for (size_t k = elts.len - 1; k > i; k--) { /* the later ones are ours while this one is stored */
            uint32_t later = 0;
            for (size_t j = 0; j < k; j++)
                later += type_slots(v.type->items[j]);
            val_hold(l, (Val){.type = v.type->items[k], .at = v.at + later, .owned = v.owned});
        }
        lower_target(l, elts.at[i], item);
        val_forget(l, mark);
    }
}

static void store_attribute(Lower *l, const Node *target, Val v) {
    const MemberInfo *m = l->info[target->id].what;
    if (!m) /* what it is a member of never gets a value */
        lower_expr(l, target->Attribute.value);
    if (m->kind == MEMBER_FIELD && l->inst->manages && type_has_refs(v.type))
        val_own(l, &v);
    size_t mark = val_hold(l, v);
    bool setter = m->kind == MEMBER_PROPERTY;
    Val base = setter ? lower_expr(l, target->Attribute.value) : lower_expr_borrowed(l, target->Attribute.value);
    val_hold(l, base);
    LLVMValueRef object = lower_object_for(l, target, base, true);
    if (setter) {
        lower_setter(l, target, m->callee, object, v);
        val_release(l, mark);
        return;
    }
    store_field_value(l, target, object, m->def, m->field, v);
    /* The field has v's count now; base's is given back. */
    if (v.owned && type_has_refs(v.type)) {
        size_t base_mark = mark + 1;
        val_release(l, base_mark);
        val_forget(l, mark);
    } else {
        val_release(l, mark);
    }
}

void lower_target(Lower *l, const Node *target, Val v) {
    switch (target->kind) {
    case NODE_Name:
        local_store(l, l->bound->binding[target->id].local, v);
        return;
    case NODE_Tuple:
        unpack(l, target->Tuple.elts, v);
        return;
    case NODE_List:
        unpack(l, target->List.elts, v);
        return;
    default:
        store_attribute(l, target, v);
    }
}

/* a = b = value: each target gets a count of its own. */
static void lower_assign(Lower *l, const Node *n) {
    Nodes targets = n->Assign.targets;
    Val v = lower_expr(l, n->Assign.value);
    if (l->inst->manages)
        val_own(l, &v);
    for (size_t i = 0; i < targets.len; i++) {
        Val copy = v;
        size_t mark = l->ntemps;
        if (i + 1 < targets.len && v.owned && type_has_refs(v.type)) {
            copy.owned = false;
            val_hold(l, v);
            val_own(l, &copy);
        }
        lower_target(l, targets.at[i], copy);
        val_forget(l, mark);
    }
}

/* n += small constant, where the loop has checked that it cannot overflow. */
static Val counter_next(Lower *l, const Node *n, Val old) {
    LLVMValueRef step = lower_i64(l, n->AugAssign.value->Constant.value.i);
    bool add = n->AugAssign.op == OP_Add;
    return val_one(l, old.type,
                   add ? LLVMBuildNSWAdd(l->b, old.at[0], step, "") : LLVMBuildNSWSub(l->b, old.at[0], step, ""));
}

static Val augmented(Lower *l, const Node *n, Val old) {
    return lower_operator(l, n, n->AugAssign.op, old, n->AugAssign.value);
}

/* self.x += v evaluates self once. */
static void lower_augassign(Lower *l, const Node *n) {
    const Node *target = n->AugAssign.target;
    if (target->kind == NODE_Name) {
        uint32_t local = l->bound->binding[target->id].local;
        Val old = lower_expr(l, target);
        bool counts = l->counters && l->counters[local] && counter_step(l, n);
        local_store(l, local, counts ? counter_next(l, n, old) : augmented(l, n, old));
        return;
    }
    if (!l->info[target->id].type) /* it never gets a value */
        lower_expr(l, target);
    const MemberInfo *m = l->info[target->id].what;
    Val base = lower_expr(l, target->Attribute.value);
    size_t mark = val_hold(l, base);
    LLVMValueRef object = lower_object(l, target, base);
    const Type *type = l->lang->unit->defs[m->def].fields[m->field].type;
    Val old = val_one(l, type, lower_field_load(l, object, m->def, m->field));
    store_field_value(l, n, object, m->def, m->field, augmented(l, n, old));
    val_release(l, mark);
}

/* ---- control ---- */

static void lower_if(Lower *l, const Node *n) {
    LLVMBasicBlockRef yes = lower_block(l, "then"), no = lower_block(l, "else"), end = lower_block(l, "endif");
    lower_cond(l, n->If.test, yes, no);
    lower_at(l, yes);
    lower_body(l, n->If.body);
    lower_go(l, end);
    lower_at(l, no);
    lower_body(l, n->If.orelse);
    lower_go(l, end);
    lower_at(l, end);
}

static bool returns_as(Lower *l, const Type *type) {
    const Type *joined = type_eq(type, l->inst->result) ? type : NULL;
    if (joined)
        return true;
    return l->inst->result->kind == TYPE_REF &&
           (type->kind == TYPE_NONE || (type->kind == TYPE_REF && type->def == l->inst->result->def));
}

void lower_return(Lower *l, const Node *n, Val v) {
    size_t mark = l->ntemps;
    if (!returns_as(l, v.type)) {
        val_hold(l, v);
        lower_fail(
            l, n,
            (FailSpec){.kind = SITE_REDO, .text = STR("a return of another type")}); /* infer refused it past effects */
        l->ntemps = mark;
        return;
    }
    v = val_convert(l, n, v, l->inst->result);
    val_own(l, &v);
    for (uint32_t i = 0; i < type_slots(v.type); i++)
        LLVMBuildStore(l->b, v.at[i], l->results[i]);
    LLVMBuildStore(l->b, lower_i32(l, 0), l->status);
    lower_go(l, l->on_exit);
}

static void lower_stmt(Lower *l, const Node *n) {
    Val v;
    switch (n->kind) {
    case NODE_Expr:
        if (!l->info[n->Expr.value->id].live)
            return; /* a docstring */
        v = lower_expr(l, n->Expr.value);
        val_release(l, val_hold(l, v));
        return;
    case NODE_Assign:
        lower_assign(l, n);
        return;
    case NODE_AugAssign:
        lower_augassign(l, n);
        return;
    case NODE_AnnAssign:
        if (n->AnnAssign.value)
            lower_target(l, n->AnnAssign.target, lower_expr(l, n->AnnAssign.value));
        return;
    case NODE_If:
        lower_if(l, n);
        return;
    case NODE_While:
        lower_while(l, n);
        return;
    case NODE_For:
        lower_for(l, n);
        return;
    case NODE_Return:
        lower_return(l, n, n->Return.value ? lower_expr(l, n->Return.value) : val_none());
        return;
    case NODE_Break:
        lower_go(l, l->loop->on_break);
        return;
    case NODE_Continue:
        lower_go(l, l->loop->on_continue);
        return;
    case NODE_Assert:
        lower_assert(l, n);
        return;
    case NODE_Raise:
        lower_raise(l, n);
        return;
    default:
        return;
    }
}
