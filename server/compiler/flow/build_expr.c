/* Build, expressions: names, members, conditions and branches. Operators are in build_op.c, calls in build_call.c. */
#include "server/compiler/flow/build.h"

static FlowOp *text(Build *b, const Node *n) {
    FlowOp *op = build_op(b, FLOW_TEXT, &type_py, NULL, 0);
    op->fail = build_failing(b, n, (Site){.kind = SITE_OBJECT, .text = n->Constant.value.s});
    return op;
}

static FlowOp *constant(Build *b, const Node *n) {
    const Const *c = &n->Constant.value;
    switch (c->kind) {
    case CONST_STR:
        return text(b, n);
    case CONST_INT:
        return build_int(b, c->i);
    case CONST_FLOAT:
        return build_float(b, &type_float, c->f);
    case CONST_TRUE:
    case CONST_FALSE:
        return build_bool(b, c->kind == CONST_TRUE);
    default:
        return build_none(b);
    }
}

static FlowOp *name(Build *b, const Node *n) {
    const Binding *binding = &b->bound->binding[n->id];
    return binding->kind == BIND_LOCAL ? build_local_load(b, n, binding->local, b->info[n->id].type)
                                       : build_const(b, binding->global);
}

/* ---- members ---- */

FlowOp *build_object(Build *b, const Node *n, FlowOp *base, bool store) {
    Site site = {.kind = SITE_NONE, .text = n->Attribute.attr, .store = store};
    if (b->info[n->id].flags & NODE_CHECK_NONE)
        build_guard(b, build_compare_ops(b, FLOW_EQ, base, build_reserved(b, JITD_NONE)), build_failing(b, n, site));
    return base;
}

static FlowOp *field(Build *b, const Node *n, const MemberInfo *m, FlowOp *object) {
    const FieldSpec *f = &b->lang->unit->defs[m->def].fields[m->field];
    FlowOp *v = build_op(b, FLOW_FIELD, f->type, OPS(object));
    v->def = m->def;
    v->field = m->field;
    if (f->type->kind == TYPE_REF)
        build_guard(b, build_compare_ops(b, FLOW_EQ, v, build_reserved(b, JITD_UNSET)),
                    build_failing(b, n, (Site){.kind = SITE_ATTR, .text = f->name, .cls = m->def}));
    return v;
}

static FlowOp *math_constant(Build *b, Str text) {
    static const struct {
        const char *name;
        double value;
    } constants[] = {{"pi", 3.141592653589793},
                     {"e", 2.718281828459045},
                     {"tau", 6.283185307179586},
                     {"inf", __builtin_inf()},
                     {"nan", __builtin_nan("")}};
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (str_eq_c(text, constants[i].name))
            return build_float(b, &type_float, constants[i].value);
    return build_none(b);
}

static FlowOp *attribute(Build *b, const Node *n) {
    const MemberInfo *m = b->info[n->id].member;
    if (!m)
        return math_constant(b, n->Attribute.attr);
    if (m->kind == MEMBER_CONST && !b->info[n->Attribute.value->id].type)
        return build_const(b, m->constant); /* of a class */
    FlowOp *base = build_expr(b, n->Attribute.value);
    if (!base)
        return NULL;
    build_object(b, n, base, false);
    return m->kind == MEMBER_PROPERTY ? build_invoke(b, n, m->callee, OPS(base))
           : m->kind == MEMBER_OPEN   ? build_open(b, n, (FlowOp *[]){base})
           : m->kind == MEMBER_PYTHON ? build_python_field(b, n, base, m->type)
           : m->kind == MEMBER_CONST  ? build_const(b, m->constant)
                                      : field(b, n, m, base);
}

/* ---- conditions ---- */

/* In a part that infer found dead: nothing to build, control never comes here. */
static bool skip_dead(Build *b, const Node *n) {
    if (!b->info[n->id].live)
        build_dead(b);
    return !b->info[n->id].live;
}

static void cond_boolop(Build *b, const Node *n, FlowBlock *yes, FlowBlock *no) {
    bool is_and = n->BoolOp.op == OP_And;
    Nodes values = n->BoolOp.values;
    for (size_t i = 0; i < values.len; i++) {
        FlowBlock *next = i + 1 == values.len ? NULL : build_block(b, is_and ? "and" : "or");
        build_cond(b, values.at[i], is_and && next ? next : yes, !is_and && next ? next : no);
        build_start(b, next);
    }
}

/* The truth of n's value, by __bool__ or __len__ where its class has them. */
static FlowOp *truth_of(Build *b, const Node *n, FlowOp *v) {
    const SpecialCall *test = b->info[n->id].test;
    if (v->type->kind == TYPE_PY)
        return build_object_truth(b, n, v);
    if (!test)
        return build_truth(b, v);
    if (!test->result || test->result->kind == TYPE_BOOL)
        return build_special(b, n, test, v, NULL);
    FlowOp *len = build_special_len(b, n, test, v);
    return len ? build_compare_ops(b, FLOW_NE, len, build_int(b, 0)) : NULL;
}

/* The same, where infer may know it. NULL: its method never returns. */
static FlowOp *known_truth(Build *b, const Node *n, FlowOp *v) {
    FlowOp *truth = truth_of(b, n, v);
    int8_t known = b->info[n->id].truth;
    return truth && known >= 0 ? build_bool(b, known) : truth;
}

void build_cond(Build *b, const Node *n, FlowBlock *yes, FlowBlock *no) {
    if (skip_dead(b, n))
        return;
    if (n->kind == NODE_BoolOp) {
        cond_boolop(b, n, yes, no);
        return;
    }
    if (n->kind == NODE_UnaryOp && n->UnaryOp.op == OP_Not) {
        build_cond(b, n->UnaryOp.operand, no, yes);
        return;
    }
    size_t operands = b->noperands;
    FlowOp *v = b->info[n->id].region == REGION_TEST ? build_region_value(b, n) : build_expr(b, n);
    b->in_test = true;
    FlowOp *truth = v ? known_truth(b, n, v) : NULL;
    b->in_test = false;
    if (truth)
        build_branch(b, truth, yes, no, false);
    b->noperands = operands;
}

/* n's value, from what comes to `meet`; NULL: nothing does. */
FlowOp *build_meeting(Build *b, const Node *n, FlowVar *var, FlowBlock *meet) {
    build_start(b, meet);
    if (b->info[n->id].type)
        return type_slots(var->type) ? build_load(b, var) : build_none(b);
    build_dead(b);
    return NULL;
}

FlowOp *build_cond_value(Build *b, const Node *n, const Node *condition) {
    FlowBlock *yes = build_block(b, "true"), *no = build_block(b, "false"), *meet = build_block(b, "meet");
    FlowVar *var = build_temp(b, &type_bool, "truth");
    build_cond(b, condition, yes, no);
    for (int known = 1; known >= 0; known--) {
        build_start(b, known ? yes : no);
        build_store(b, var, build_bool(b, known));
        build_go(b, meet);
    }
    return build_meeting(b, n, var, meet);
}

/* ---- values from branches ---- */

typedef struct Merge {
    const Node *n;
    FlowVar *var;
    FlowBlock *meet;
} Merge;

/* There is no type for an expression that never gets a value, such as a choice that begins with a call which always raises. */
static Merge merge_begin(Build *b, const Node *n) {
    const Type *type = b->info[n->id].type;
    return (Merge){n, build_temp(b, type ? type : &type_none, "value"), build_block(b, "meet")};
}

static bool is_int_instead(Build *b, const Node *n, const Type *t) {
    return t->kind == TYPE_INT && (b->info[n->id].flags & (NODE_MAYBE_INT | NODE_TO_FLOAT)) == NODE_MAYBE_INT;
}

/* v is what a branch gives, by n. */
static void merge_value(Build *b, const Node *n, const Merge *m, FlowOp *v) {
    if (!v)
        return;
    if (is_int_instead(b, m->n, v->type)) {
        build_int_instead(b, m->n);
        return;
    }
    v = build_convert(b, n, v, m->var->type);
    if (type_slots(m->var->type))
        build_store(b, m->var, v);
    build_go(b, m->meet);
}

static void merge_branch(Build *b, const Node *n, const Merge *m) {
    size_t operands = b->noperands;
    if (!skip_dead(b, n))
        merge_value(b, n, m, build_expr(b, n));
    b->noperands = operands;
}

static FlowOp *ifexp(Build *b, const Node *n) {
    Merge m = merge_begin(b, n);
    FlowBlock *yes = build_block(b, "then"), *no = build_block(b, "else");
    build_cond(b, n->IfExp.test, yes, no);
    build_start(b, yes);
    merge_branch(b, n->IfExp.body, &m);
    build_start(b, no);
    merge_branch(b, n->IfExp.orelse, &m);
    return build_meeting(b, n, m.var, m.meet);
}

/* One operand of `and`/`or` but the last: its value is the result, or the next is looked at. */
static void boolop_value(Build *b, const Node *operand, bool is_and, const Merge *m) {
    FlowBlock *next = build_block(b, is_and ? "and" : "or"), *leave = build_block(b, "leave");
    size_t operands = b->noperands;
    FlowOp *v = build_expr(b, operand);
    FlowOp *truth = v ? known_truth(b, operand, v) : NULL;
    if (truth) {
        build_branch(b, truth, is_and ? next : leave, is_and ? leave : next, false);
        build_start(b, leave);
        if (b->info[operand->id].truth == is_and)
            build_dead(b);
        else
            merge_value(b, operand, m, v);
    }
    b->noperands = operands;
    build_start(b, next);
}

static FlowOp *boolop(Build *b, const Node *n) {
    Nodes values = n->BoolOp.values;
    if (b->info[n->id].type && b->info[n->id].type->kind == TYPE_BOOL)
        return build_cond_value(b, n, n);
    Merge m = merge_begin(b, n);
    for (size_t i = 0; i + 1 < values.len; i++) {
        if (skip_dead(b, values.at[i]))
            return build_meeting(b, n, m.var, m.meet);
        boolop_value(b, values.at[i], n->BoolOp.op == OP_And, &m);
    }
    merge_branch(b, values.at[values.len - 1], &m);
    return build_meeting(b, n, m.var, m.meet);
}

/* ---- the rest ---- */

static FlowOp *tuple(Build *b, const Node *n) {
    Nodes elts = n->Tuple.elts;
    FlowOp **items = pool_array(b->pool, FlowOp *, elts.len + 1);
    for (size_t i = 0; i < elts.len; i++)
        if (!(items[i] = build_expr(b, elts.at[i])))
            return NULL;
    if (b->info[n->id].type->kind == TYPE_PY)
        return build_object_tuple(b, n, items, elts.len);
    return build_op(b, FLOW_TUPLE, b->info[n->id].type, items, elts.len);
}

static FlowOp *subscript(Build *b, const Node *n) {
    FlowOp *t = build_expr(b, n->Subscript.value);
    uint32_t i = b->info[n->id].item;
    if (!t)
        return NULL;
    if (t->type->kind == TYPE_PY)
        return build_list_subscript(b, n, t);
    FlowOp *item = build_op(b, FLOW_ITEM, t->type->items[i], OPS(t));
    item->index = i;
    return item;
}

static FlowOp *named(Build *b, const Node *n) {
    FlowOp *v = build_expr(b, n->NamedExpr.value);
    if (v)
        build_target(b, n->NamedExpr.target, v);
    return v;
}

static FlowOp *expr(Build *b, const Node *n) {
    FlowOp *left;
    switch (n->kind) {
    case NODE_Name:
        return name(b, n);
    case NODE_Attribute:
        return attribute(b, n);
    case NODE_BinOp:
        left = build_expr(b, n->BinOp.left);
        if (left && b->info[n->id].flags & NODE_LOW_BITS)
            return build_low_bits(b, n, left);
        return left ? build_operator(b, n, n->BinOp.op, left, n->BinOp.right) : NULL;
    case NODE_UnaryOp:
        return n->UnaryOp.op == OP_Not ? build_cond_value(b, n, n) : build_unary(b, n);
    case NODE_Compare:
        return build_compare(b, n);
    case NODE_BoolOp:
        return boolop(b, n);
    case NODE_IfExp:
        return ifexp(b, n);
    case NODE_NamedExpr:
        return named(b, n);
    case NODE_Call:
        return build_call(b, n);
    case NODE_Tuple:
        return tuple(b, n);
    case NODE_Subscript:
        return subscript(b, n);
    case NODE_Set:
        return build_set_display(b, n);
    case NODE_Dict:
        return build_dict_display(b, n);
    case NODE_List:
        return build_display(b, n);
    case NODE_ListComp:
    case NODE_SetComp:
    case NODE_DictComp:
        return build_comprehension(b, n);
    case NODE_Yield:
        build_element(b, n);
        return b->at ? build_none(b) : NULL;
    default:
        return constant(b, n);
    }
}

/* ---- expressions that are cut short: they have no value because a part of them never returns ---- */

typedef struct Parts {
    Build *b;
    bool ended;
} Parts;

static void part(void *arg, const char *field, const Node *n) {
    Parts *p = arg;
    (void)field;
    if (n && !p->ended && p->b->info[n->id].live)
        p->ended = !build_expr(p->b, n);
}

static void call_parts(Parts *p, const Node *n) {
    const Node *f = n->Call.func, *base = f->kind == NODE_Attribute ? f->Attribute.value : NULL;
    if (base && p->b->info[base->id].live) {
        FlowOp *v = build_expr(p->b, base);
        p->ended = !v;
        if (v)
            build_object(p->b, f, v, false);
    }
    for (size_t i = 0; i < n->Call.args.len; i++)
        part(p, NULL, n->Call.args.at[i]);
    for (size_t i = 0; i < n->Call.keywords.len; i++)
        part(p, NULL, n->Call.keywords.at[i]->keyword.value);
}

static bool is_cut_short(const Build *b, const Node *n) {
    const NodeInfo *info = &b->info[n->id];
    bool is_cond = n->kind == NODE_IfExp || n->kind == NODE_BoolOp || n->kind == NODE_Compare ||
                   (n->kind == NODE_UnaryOp && n->UnaryOp.op == OP_Not);
    return !info->type && !(info->flags & NODE_NEVER) && !is_cond;
}

static void cut_short(Build *b, const Node *n) {
    Parts p = {.b = b};
    if (n->kind == NODE_Call)
        call_parts(&p, n);
    else if (node_generators(n)) /* nothing else is evaluated outside of it */
        part(&p, NULL, node_generators(n)->at[0]->comprehension.iter);
    else
        node_each_child(n, part, &p);
    build_dead(b);
}

static FlowOp *not_none(Build *b, const Node *n, FlowOp *v) {
    NodeInfo *info = &b->info[n->id], before = *info;
    Site site = {.kind = SITE_REDO, .text = STR("this is None, where a number is wanted")};
    info->effect = before.looked->effect;
    info->undo = before.looked->undo;
    info->locals = before.looked->locals;
    build_guard(b, build_not(b, build_part(b, v, 0)), build_failing(b, n, site));
    *info = before;
    return build_part(b, v, 1);
}

FlowOp *build_expr(Build *b, const Node *n) {
    size_t operands = b->noperands;
    FlowOp *v = NULL;
    if (b->info[n->id].region == REGION_VALUE)
        v = build_region_value(b, n);
    else if (b->info[n->id].region == REGION_OPERATION)
        v = build_operation(b, n);
    else if (is_cut_short(b, n))
        cut_short(b, n);
    else
        v = expr(b, n);
    b->noperands = operands;
    if (v)
        build_evaluated(b, n, v);
    if (v && b->info[n->id].unboxed) {
        b->noperands = operands;
        v = build_object_value(b, n, v, b->info[n->id].unboxed);
        b->noperands = operands;
        build_evaluated(b, n, v);
    }
    if (v && type_is_maybe(v->type) && b->info[n->id].looked) {
        v = not_none(b, n, v);
        b->noperands = operands;
        build_evaluated(b, n, v);
    }
    return v;
}
