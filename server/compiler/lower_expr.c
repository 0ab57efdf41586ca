/* Lower, expressions: names, members, conditions and branches. Operators are in lower_op.c, calls in lower_call.c. */
#include "server/compiler/lower.h"

static Val lower_constant(Lower *l, const Node *n) {
    const Const *c = &n->Constant.value;
    switch (c->kind) {
    case CONST_INT:
        return val_one(l, &type_int, lower_i64(l, c->i));
    case CONST_FLOAT:
        return val_one(l, &type_float, LLVMConstReal(l->m->f64, c->f));
    case CONST_TRUE:
    case CONST_FALSE:
        return val_one(l, &type_bool, lower_bool(l, c->kind == CONST_TRUE));
    default:
        return val_none();
    }
}

static Val lower_name(Lower *l, const Node *n) {
    const Binding *b = &l->bound->binding[n->id];
    return b->kind == BIND_LOCAL ? local_load(l, n, b->local, l->info[n->id].type) : val_const(l, b->global);
}

/* ---- members ---- */

LLVMValueRef lower_object_for(Lower *l, const Node *n, Val base, bool store) {
    if (l->info[n->id].flags & NODE_CHECK_NONE) {
        LLVMValueRef is_none = LLVMBuildICmp(l->b, LLVMIntEQ, base.at[0], lower_i64(l, JITD_NONE), "");
        lower_check(l, n, is_none, (FailSpec){.kind = SITE_NONE, .text = n->Attribute.attr, .store = store});
    }
    return base.at[0];
}

LLVMValueRef lower_object(Lower *l, const Node *n, Val base) {
    return lower_object_for(l, n, base, false);
}

static Val load_field(Lower *l, const Node *n, const MemberInfo *m, LLVMValueRef object) {
    const FieldSpec *field = &l->lang->unit->defs[m->def].fields[m->field];
    Val v = val_one(l, field->type, lower_field_load(l, object, m->def, m->field));
    if (field->type->kind == TYPE_REF) {
        LLVMValueRef unset = LLVMBuildICmp(l->b, LLVMIntEQ, v.at[0], lower_i64(l, JITD_UNSET), "");
        lower_check(l, n, unset, (FailSpec){.kind = SITE_ATTR, .text = field->name, .cls = m->def});
    }
    return v;
}

static Val math_constant(Lower *l, Str name) {
    static const struct {
        const char *name;
        double value;
    } constants[] = {{"pi", 3.141592653589793},
                     {"e", 2.718281828459045},
                     {"tau", 6.283185307179586},
                     {"inf", __builtin_inf()},
                     {"nan", __builtin_nan("")}};
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (str_eq_c(name, constants[i].name))
            return val_one(l, &type_float, LLVMConstReal(l->m->f64, constants[i].value));
    return val_none();
}

static Val lower_attribute(Lower *l, const Node *n, bool borrow) {
    const MemberInfo *m = l->info[n->id].what;
    if (!m)
        return math_constant(l, n->Attribute.attr);
    if (m->kind == MEMBER_CONST && !l->info[n->Attribute.value->id].type)
        return val_const(l, m->constant);    /* of a class */
    bool keeps = m->kind == MEMBER_PROPERTY; /* self must live as long as the call */
    Val base = keeps ? lower_expr(l, n->Attribute.value) : lower_expr_borrowed(l, n->Attribute.value);
    size_t mark = val_hold(l, base);
    LLVMValueRef object = lower_object(l, n, base);
    Val v = keeps                     ? lower_property(l, n, m->callee, base)
            : m->kind == MEMBER_CONST ? val_const(l, m->constant)
                                      : load_field(l, n, m, object);
    if (l->inst->manages && !borrow)
        val_own(l, &v);
    if (borrow && l->ntemps > mark && !v.owned)
        val_own(l, &v);
    val_release(l, mark);
    return v;
}

/* ---- conditions ---- */

/* In a part that infer found dead: nothing to emit, control never comes here. */
static bool skip_dead(Lower *l, const Node *n) {
    if (l->info[n->id].live)
        return false;
    lower_dead_end(l);
    return true;
}

/* A condition that may not be come to: when it never gets a value, that path ends. */
static void cond_maybe(Lower *l, const Node *n, LLVMBasicBlockRef yes, LLVMBasicBlockRef no) {
    jmp_buf bottom, *outer = l->bottom;
    size_t mark = l->ntemps;
    l->bottom = &bottom;
    if (setjmp(bottom) == 0)
        lower_cond(l, n, yes, no);
    l->bottom = outer;
    l->ntemps = mark;
}

static void cond_boolop(Lower *l, const Node *n, LLVMBasicBlockRef yes, LLVMBasicBlockRef no) {
    bool is_and = n->BoolOp.op == OP_And;
    Nodes values = n->BoolOp.values;
    for (size_t i = 0; i < values.len; i++) {
        LLVMBasicBlockRef next = i + 1 == values.len ? NULL : lower_block(l, "");
        LLVMBasicBlockRef on_yes = !is_and || !next ? yes : next, on_no = is_and || !next ? no : next;
        (i ? cond_maybe : lower_cond)(l, values.at[i], on_yes, on_no);
        if (next)
            lower_at(l, next);
    }
    if (!l->info[n->id].type) { /* no path has a value */
        lower_dead_end(l);
        longjmp(*l->bottom, 1);
    }
}

/* The truth of n's value, by __bool__ or __len__ where its class has them. */
static LLVMValueRef instance_truth(Lower *l, const Node *n, Val v) {
    const SpecialCall *test = l->info[n->id].test;
    if (!test)
        return val_truth(l, v);
    if (!test->result || test->result->kind == TYPE_BOOL)
        return lower_special(l, n, test, v, NULL).at[0];
    return LLVMBuildICmp(l->b, LLVMIntNE, lower_special_len(l, n, test, v), lower_i64(l, 0), "");
}

void lower_cond(Lower *l, const Node *n, LLVMBasicBlockRef yes, LLVMBasicBlockRef no) {
    if (skip_dead(l, n))
        return;
    if (n->kind == NODE_BoolOp) {
        cond_boolop(l, n, yes, no);
        return;
    }
    if (n->kind == NODE_UnaryOp && n->UnaryOp.op == OP_Not) {
        lower_cond(l, n->UnaryOp.operand, no, yes);
        return;
    }
    Val v = lower_expr(l, n);
    size_t mark = val_hold(l, v);
    LLVMValueRef truth = instance_truth(l, n, v);
    val_release(l, mark);
    if (l->info[n->id].truth >= 0)
        truth = lower_bool(l, l->info[n->id].truth);
    LLVMBuildCondBr(l->b, truth, yes, no);
}

/* A condition as a value. */
static Val cond_value(Lower *l, const Node *n) {
    LLVMBasicBlockRef yes = lower_block(l, ""), no = lower_block(l, ""), end = lower_block(l, "");
    lower_cond(l, n, yes, no);
    lower_at(l, yes);
    lower_go(l, end);
    lower_at(l, no);
    lower_go(l, end);
    lower_at(l, end);
    LLVMValueRef phi = LLVMBuildPhi(l->b, l->m->i1, "");
    LLVMAddIncoming(phi, (LLVMValueRef[]){lower_bool(l, true), lower_bool(l, false)}, (LLVMBasicBlockRef[]){yes, no},
                    2);
    return val_one(l, &type_bool, phi);
}

/* ---- values from branches: through stack slots ---- */

typedef struct Merge {
    const Node *n;
    Val into; /* at: allocas */
    LLVMBasicBlockRef end;
} Merge;

static void slot_allocas(Lower *l, const Type *t, LLVMValueRef *at, size_t *n) {
    if (t->kind == TYPE_TUPLE)
        for (size_t i = 0; i < t->nitems; i++)
            slot_allocas(l, t->items[i], at, n);
    else if (t->kind != TYPE_NONE)
        at[(*n)++] = lower_alloca(l, lower_type(l->m, t), "");
}

/* There is no type for an expression that never gets a value, such as a choice that begins with a call which always raises. */
static Merge merge_begin(Lower *l, const Node *node) {
    const Type *type = l->info[node->id].type;
    if (!type)
        type = &type_none;
    Merge m = {.n = node, .into = val_new(l, type), .end = lower_block(l, "")};
    size_t n = 0;
    slot_allocas(l, type, m.into.at, &n);
    return m;
}

static bool is_int_instead(Lower *l, const Node *n, const Type *t) {
    return t->kind == TYPE_INT && (l->info[n->id].flags & (NODE_MAYBE_INT | NODE_TO_FLOAT)) == NODE_MAYBE_INT;
}

static void merge_value(Lower *l, const Node *n, Merge *m, Val v) {
    if (is_int_instead(l, m->n, v.type)) {
        lower_int_instead(l, m->n);
        return;
    }
    v = val_convert(l, n, v, m->into.type);
    if (l->inst->manages)
        val_own(l, &v);
    for (uint32_t i = 0; i < type_slots(m->into.type); i++)
        LLVMBuildStore(l->b, v.at[i], m->into.at[i]);
    lower_go(l, m->end);
}

/* Lowers n as one of the branches; an expression that never gets a value ends there. */
static void merge_branch(Lower *l, const Node *n, Merge *m) {
    jmp_buf bottom, *outer = l->bottom;
    size_t mark = l->ntemps;
    if (skip_dead(l, n))
        return;
    l->bottom = &bottom;
    if (setjmp(bottom) == 0)
        merge_value(l, n, m, lower_expr(l, n));
    l->bottom = outer;
    l->ntemps = mark;
}

static Val merge_end(Lower *l, const Node *n, Merge *m) {
    Val v = val_new(l, m->into.type);
    lower_at(l, m->end);
    if (!l->info[n->id].type) {
        lower_dead_end(l);
        longjmp(*l->bottom, 1);
    }
    for (uint32_t i = 0; i < type_slots(v.type); i++)
        v.at[i] = LLVMBuildLoad2(l->b, LLVMGetAllocatedType(m->into.at[i]), m->into.at[i], "");
    v.owned = l->inst->manages && type_has_refs(v.type);
    return v;
}

static Val lower_ifexp(Lower *l, const Node *n) {
    Merge m = merge_begin(l, n);
    LLVMBasicBlockRef yes = lower_block(l, ""), no = lower_block(l, "");
    lower_cond(l, n->IfExp.test, yes, no);
    lower_at(l, yes);
    merge_branch(l, n->IfExp.body, &m);
    lower_at(l, no);
    merge_branch(l, n->IfExp.orelse, &m);
    return merge_end(l, n, &m);
}

/* One operand of `and`/`or` but the last: its value is the result, or the next is looked at. */
static void boolop_value(Lower *l, const Node *v, bool is_and, Merge *m, LLVMBasicBlockRef next) {
    Val val = lower_expr(l, v);
    size_t mark = val_hold(l, val);
    LLVMValueRef truth = l->info[v->id].truth >= 0 ? lower_bool(l, l->info[v->id].truth) : instance_truth(l, v, val);
    LLVMBasicBlockRef leave = lower_block(l, ""), drop = lower_block(l, "");
    val_forget(l, mark);
    LLVMBuildCondBr(l->b, truth, is_and ? drop : leave, is_and ? leave : drop);
    lower_at(l, leave);
    if (l->info[v->id].truth == is_and)
        lower_dead_end(l);
    else
        merge_value(l, v, m, val);
    lower_at(l, drop);
    val_release(l, val_hold(l, val));
    lower_go(l, next);
    lower_at(l, next);
}

/* One that may not be come to: when it never gets a value, that path ends. */
static void boolop_maybe(Lower *l, const Node *v, bool is_and, Merge *m, LLVMBasicBlockRef next) {
    jmp_buf bottom, *outer = l->bottom;
    size_t mark = l->ntemps;
    l->bottom = &bottom;
    if (setjmp(bottom) == 0)
        boolop_value(l, v, is_and, m, next);
    else
        lower_at(l, next);
    l->bottom = outer;
    l->ntemps = mark;
}

static Val lower_boolop(Lower *l, const Node *n) {
    Nodes values = n->BoolOp.values;
    if (l->info[n->id].type && l->info[n->id].type->kind == TYPE_BOOL)
        return cond_value(l, n);
    Merge m = merge_begin(l, n);
    for (size_t i = 0; i + 1 < values.len; i++) {
        if (skip_dead(l, values.at[i]))
            return merge_end(l, n, &m);
        (i ? boolop_maybe : boolop_value)(l, values.at[i], n->BoolOp.op == OP_And, &m, lower_block(l, ""));
    }
    merge_branch(l, values.at[values.len - 1], &m);
    return merge_end(l, n, &m);
}

/* ---- the rest ---- */

static Val lower_tuple(Lower *l, const Node *n) {
    Val t = val_new(l, l->info[n->id].type);
    size_t mark = l->ntemps, at = 0;
    for (size_t i = 0; i < n->Tuple.elts.len; i++) {
        Val v = lower_expr(l, n->Tuple.elts.at[i]);
        if (l->inst->manages)
            val_own(l, &v);
        val_hold(l, v);
        for (uint32_t k = 0; k < type_slots(v.type); k++)
            t.at[at++] = v.at[k];
    }
    val_forget(l, mark);
    t.owned = l->inst->manages && type_has_refs(t.type);
    return t;
}

static Val lower_subscript(Lower *l, const Node *n) {
    Val t = lower_expr(l, n->Subscript.value);
    uint32_t i = ((const MemberInfo *)l->info[n->id].what)->field;
    uint32_t at = 0;
    for (uint32_t k = 0; k < i; k++)
        at += type_slots(t.type->items[k]);
    Val v = {.type = t.type->items[i], .at = t.at + at};
    size_t mark = val_hold(l, t);
    if (t.owned)
        val_own(l, &v);
    val_release(l, mark);
    return v;
}

static Val lower_named(Lower *l, const Node *n) {
    Val v = lower_expr(l, n->NamedExpr.value);
    Val copy = v;
    if (l->inst->manages) {
        val_own(l, &v);
        copy.owned = false;
        val_own(l, &copy);
    }
    size_t mark = val_hold(l, copy);
    lower_target(l, n->NamedExpr.target, v);
    val_forget(l, mark);
    return copy;
}

static Val lower_kind(Lower *l, const Node *n, bool borrow) {
    switch (n->kind) {
    case NODE_Name:
        return lower_name(l, n);
    case NODE_Attribute:
        return lower_attribute(l, n, borrow);
    case NODE_BinOp:
        return lower_operator(l, n, n->BinOp.op, lower_expr(l, n->BinOp.left), n->BinOp.right);
    case NODE_UnaryOp:
        return n->UnaryOp.op == OP_Not ? cond_value(l, n) : lower_unary(l, n);
    case NODE_Compare:
        return lower_compare(l, n);
    case NODE_BoolOp:
        return lower_boolop(l, n);
    case NODE_IfExp:
        return lower_ifexp(l, n);
    case NODE_NamedExpr:
        return lower_named(l, n);
    case NODE_Call:
        return lower_call(l, n);
    case NODE_Tuple:
        return lower_tuple(l, n);
    case NODE_Subscript:
        return lower_subscript(l, n);
    default:
        return lower_constant(l, n);
    }
}

/* The parts of an expression that has no value because one of them never returns. */
static void lower_part(void *arg, const char *field, const Node *n) {
    Lower *l = arg;
    (void)field;
    if (n && l->info[n->id].live)
        val_hold(l, lower_expr(l, n));
}

static void lower_call_parts(Lower *l, const Node *n) {
    const Node *f = n->Call.func, *base = f->kind == NODE_Attribute ? f->Attribute.value : NULL;
    if (base && l->info[base->id].live) {
        Val v = lower_expr(l, base);
        val_hold(l, v);
        lower_object(l, f, v);
    }
    for (size_t i = 0; i < n->Call.args.len; i++)
        lower_part(l, NULL, n->Call.args.at[i]);
    for (size_t i = 0; i < n->Call.keywords.len; i++)
        lower_part(l, NULL, n->Call.keywords.at[i]->keyword.value);
}

static bool is_cut_short(const Lower *l, const Node *n) {
    const NodeInfo *info = &l->info[n->id];
    bool is_cond = n->kind == NODE_IfExp || n->kind == NODE_BoolOp || n->kind == NODE_Compare ||
                   (n->kind == NODE_UnaryOp && n->UnaryOp.op == OP_Not);
    return !info->type && !(info->flags & NODE_NEVER) && !is_cond;
}

static Val lower_value(Lower *l, const Node *n, bool borrow) {
    if (!is_cut_short(l, n))
        return lower_kind(l, n, borrow);
    if (n->kind == NODE_Call)
        lower_call_parts(l, n);
    else
        node_each_child(n, lower_part, l);
    lower_dead_end(l);
    longjmp(*l->bottom, 1);
}

Val lower_expr(Lower *l, const Node *n) {
    return lower_value(l, n, false);
}

Val lower_expr_borrowed(Lower *l, const Node *n) {
    return lower_value(l, n, true);
}
