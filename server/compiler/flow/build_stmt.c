/* Build, statements. */
#include "server/compiler/flow/build.h"

static void stmt(Build *b, const Node *n);

void build_body(Build *b, Nodes body) {
    for (size_t i = 0; i < body.len && b->at; i++) {
        if (b->info[body.at[i]->id].live)
            stmt(b, body.at[i]);
        else
            build_dead(b);
    }
}

/* ---- assignment ---- */

static void unpack(Build *b, Nodes elts, FlowOp *v) {
    for (size_t i = 0; i < elts.len && b->at; i++) {
        FlowOp *item = build_op(b, FLOW_ITEM, v->type->items[i], OPS(v));
        item->index = (uint32_t)i;
        build_target(b, elts.at[i], item);
    }
}

static void store_attribute(Build *b, const Node *target, FlowOp *v) {
    const MemberInfo *m = b->info[target->id].member;
    FlowOp *object = build_expr(b, target->Attribute.value);
    if (!object)
        return;
    build_object(b, target, object, true);
    if (m->kind == MEMBER_PROPERTY)
        build_setter(b, target, m->callee, object, v);
    else
        build_set_field(b, target, object, m->def, m->field, v);
}

static void target_of(Build *b, const Node *target, FlowOp *v) {
    switch (target->kind) {
    case NODE_Name:
        build_local_store(b, b->bound->binding[target->id].local, v);
        return;
    case NODE_Tuple:
        unpack(b, target->Tuple.elts, v);
        return;
    case NODE_List:
        unpack(b, target->List.elts, v);
        return;
    default:
        store_attribute(b, target, v);
    }
}

void build_target(Build *b, const Node *target, FlowOp *v) {
    bool outer = b->in_target;
    b->in_target = true;
    target_of(b, target, v);
    b->in_target = outer;
}

static Nodes *target_elts(const Node *target) {
    return target->kind == NODE_Tuple  ? (Nodes *)&target->Tuple.elts
           : target->kind == NODE_List ? (Nodes *)&target->List.elts
                                       : NULL;
}

static bool has_operation(const Build *b, const Nodes *targets) {
    for (size_t i = 0; i < targets->len; i++)
        if (b->info[targets->at[i]->id].region == REGION_OPERATION)
            return true;
    return false;
}

static void store_each(Build *b, const Node *n, const Nodes *targets, FlowOp *const *v) {
    bool is_several = has_operation(b, targets);
    size_t operands = b->noperands;
    if (is_several)
        build_begin_several(b);
    for (size_t i = 0; i < targets->len && b->at; i++) {
        if (b->info[targets->at[i]->id].region == REGION_OPERATION)
            build_operation_store(b, n, targets->at[i], v[i]);
        else
            build_target(b, targets->at[i], v[i]);
        b->noperands = operands;
    }
    if (is_several)
        build_end_several(b, n);
}

/* a, b = b, a: no tuple is made. */
static void assign_each(Build *b, const Node *n, const Nodes *targets, Nodes values) {
    FlowOp **v = pool_array(b->pool, FlowOp *, values.len + 1);
    bool is_list = values.len && targets->at[0]->kind == NODE_Subscript; /* then all are, as infer found */
    for (size_t i = 0; i < values.len; i++)
        if (!(v[i] = (is_list ? build_list_value : build_expr)(b, values.at[i])))
            return;
    if (is_list) {
        build_list_assign(b, n, (const Node *const *)targets->at, v, values.len);
        return;
    }
    for (size_t i = 0; i < values.len; i++) {
        const Type *type = b->info[targets->at[i]->id].type; /* of a tuple of objects it may be one */
        v[i] = type && type->kind == TYPE_PY ? build_convert(b, n, v[i], &type_py) : v[i];
    }
    store_each(b, n, targets, v);
}

/* Where it is no tuple or list of so many, the interpreter goes on behind the value. */
static void unpack_object(Build *b, const Node *n, const Node *target, Nodes elts, FlowOp *v) {
    b->assigned = n;
    b->nassigned = b->noperands;
    FlowOp **items = build_object_items(b, target, v, elts.len, NULL);
    b->assigned = NULL;
    for (size_t i = 0; i < elts.len && b->at; i++)
        build_target(b, elts.at[i], items[i]);
}

static void assign(Build *b, const Node *n) {
    Nodes targets = n->Assign.targets;
    const Node *value = n->Assign.value;
    const Nodes *elts = targets.len == 1 ? target_elts(targets.at[0]) : NULL;
    bool is_swap = elts && elts->len && elts->at[0]->kind == NODE_Subscript && value->kind == NODE_Tuple;
    bool is_region = b->info[value->id].region != REGION_NONE;
    if (elts && value->kind == NODE_Tuple && !is_region && (b->info[value->id].type || is_swap) &&
        value->Tuple.elts.len == elts->len) {
        assign_each(b, n, elts, value->Tuple.elts);
        return;
    }
    bool is_list = targets.at[0]->kind == NODE_Subscript;
    FlowOp *v = (is_list ? build_list_value : build_expr)(b, value);
    if (v && targets.len == 1 && b->info[targets.at[0]->id].region == REGION_OPERATION) {
        build_operation_store(b, n, targets.at[0], v);
        return;
    }
    if (v && elts && v->type->kind == TYPE_PY) {
        unpack_object(b, n, targets.at[0], *elts, v);
        return;
    }
    if (v && is_list) {
        build_list_assign(b, n, (const Node *const *)targets.at, &v, 1);
        return;
    }
    bool is_attribute =
        targets.len == 1 && targets.at[0]->kind == NODE_Attribute; /* from which the interpreter can go on */
    for (size_t i = 0; v && i < targets.len && b->at; i++)
        (is_attribute ? store_attribute : build_target)(b, targets.at[i], v);
}

/* self.x += v evaluates self once. */
static void augassign(Build *b, const Node *n) {
    const Node *target = n->AugAssign.target;
    if (target->kind == NODE_Subscript || b->info[n->id].region == REGION_OPERATION) {
        (target->kind == NODE_Subscript ? build_list_augassign : build_object_augassign)(b, n);
        return;
    }
    const MemberInfo *m = b->info[target->id].member;
    bool is_name = target->kind == NODE_Name, has_value = b->info[target->id].type;
    FlowOp *object = is_name || !has_value ? NULL : build_expr(b, target->Attribute.value), *old;
    if (is_name || !has_value) {
        old = build_expr(b, target);
    } else if (object) {
        build_object(b, target, object, false);
        old = build_op(b, FLOW_FIELD, b->lang->unit->defs[m->def].fields[m->field].type, OPS(object));
        old->def = m->def;
        old->field = m->field;
    } else {
        return;
    }
    if (is_name && old)
        b->noperands--;
    if (old)
        build_loaded(b, n, old);
    FlowOp *v = old ? build_operator(b, n, n->AugAssign.op, old, n->AugAssign.value) : NULL;
    if (v && is_name)
        build_local_store(b, b->bound->binding[target->id].local, v);
    else if (v)
        build_set_field(b, n, object, m->def, m->field, v);
}

/* ---- control ---- */

static void if_stmt(Build *b, const Node *n) {
    FlowBlock *yes = build_block(b, "then"), *no = build_block(b, "else"), *end = build_block(b, "endif");
    build_cond(b, n->If.test, yes, no);
    build_start(b, yes);
    build_body(b, n->If.body);
    build_go(b, end);
    build_start(b, no);
    build_body(b, n->If.orelse);
    build_go(b, end);
    build_start(b, end);
}

static bool returns_as(Build *b, const Type *type) {
    const Type *result = b->inst->result;
    bool is_maybe = type_is_maybe(result) && (type->kind == TYPE_NONE || type_eq(type, result->items[1]));
    return result->kind == TYPE_PY || type_eq(type, result) || is_maybe ||
           (result->kind == TYPE_REF &&
            (type->kind == TYPE_NONE || (type->kind == TYPE_REF && lang_extends(b->lang, type->def, result->def))));
}

void build_return(Build *b, const Node *n, FlowOp *v) {
    if (!returns_as(b, v->type)) { /* infer refused it past effects */
        build_fail(b, build_failing(b, n, (Site){.kind = SITE_REDO, .text = STR("a return of another type")}));
        return;
    }
    FlowOp *result = b->f->result ? build_convert(b, n, v, b->inst->result) : v;
    build_leave_tries(b, NULL, n, result);
    if (!b->at)
        return;
    if (b->f->result)
        build_store(b, b->f->result, result);
    build_store(b, b->f->status, build_add(b, flow_const_int(b->f, b->f->status->type, JITD_TRAP_NONE)));
    build_go(b, b->f->exit);
}

static void return_stmt(Build *b, const Node *n) {
    FlowOp *v = n->Return.value ? build_expr(b, n->Return.value) : build_none(b);
    if (v)
        build_return(b, n, v);
}

void build_turn_target(Build *b, const Node *loop, const Node *target, FlowOp *v) {
    Nodes *elts = target_elts(target);
    if (!elts || v->type->kind != TYPE_PY) {
        build_target(b, target, v);
        return;
    }
    FlowOp **items = build_object_items(b, target, v, elts->len, build_resume_loop(b, loop));
    for (size_t i = 0; i < elts->len && b->at; i++)
        build_target(b, elts->at[i], items[i]);
}

static void ann_assign(Build *b, const Node *n) {
    FlowOp *v = n->AnnAssign.value ? build_expr(b, n->AnnAssign.value) : NULL;
    if (v && b->info[n->AnnAssign.target->id].region == REGION_OPERATION)
        build_operation_store(b, n, n->AnnAssign.target, v);
    else if (v)
        build_target(b, n->AnnAssign.target, v);
}

static void jump(Build *b, const Node *n) {
    BuildLoop *loop = b->loop;
    build_leave_tries(b, loop->tries, n, build_none(b));
    if (b->at)
        build_go(b, n->kind == NODE_Break ? loop->on_break : loop->on_continue);
}

static void one_stmt(Build *b, const Node *n) {
    switch (n->kind) {
    case NODE_Expr:
        if (b->info[n->Expr.value->id].live) /* not a docstring */
            build_expr(b, n->Expr.value);
        return;
    case NODE_Assign:
        assign(b, n);
        return;
    case NODE_AugAssign:
        augassign(b, n);
        return;
    case NODE_AnnAssign:
        ann_assign(b, n);
        return;
    case NODE_If:
        if_stmt(b, n);
        return;
    case NODE_While:
        build_while(b, n);
        return;
    case NODE_For:
        build_for(b, n);
        return;
    case NODE_Return:
        return_stmt(b, n);
        return;
    case NODE_Break:
    case NODE_Continue:
        jump(b, n);
        return;
    case NODE_Assert:
        build_assert(b, n);
        return;
    case NODE_Raise:
        build_raise(b, n);
        return;
    case NODE_Try:
        build_try(b, n);
        return;
    case NODE_With:
        build_with(b, n);
        return;
    case NODE_Pass:
        return;
    default:
        internal_error("a statement that infer has not refused: %s", node_kind_name(n->kind));
    }
}

static void stmt(Build *b, const Node *n) {
    size_t operands = b->noperands, begun_with = b->begun_with;
    const Node *outer = b->stmt;
    build_begins(b, n);
    if (b->info[n->id].region == REGION_STATEMENT)
        build_region_statement(b, n);
    else if (b->info[n->id].region == REGION_REST)
        build_region_rest(b, n);
    else
        one_stmt(b, n);
    b->noperands = operands;
    b->begun_with = begun_with;
    b->stmt = outer;
}
