/* Build, regions: what the interpreter carries out in the middle of the function. It is given the locals that it reads, as values, and
 * gives what it leaves in others. Afterwards it is looked whether what the code has built in still holds: if not, the interpreter does the rest. */
#include "server/compiler/flow/build.h"

static FlowRegion *region_new(Build *b, RegionKind kind, const Node *n) {
    FlowRegion *r = pool_new(b->pool, FlowRegion);
    *r = (FlowRegion){.kind = kind, .node = n};
    r->locals = pool_array(b->pool, FlowLocal, b->bound->nlocals + 1);
    r->written = pool_array(b->pool, FlowLocal, b->bound->nlocals + 1);
    return r;
}

/* The items, and whether what the code has built in does not hold any more. */
static const Type *result_type(Build *b, const Type *const *items, size_t n) {
    Type *t = pool_new(b->pool, Type);
    *t = (Type){.kind = TYPE_TUPLE, .nitems = n + 1, .items = pool_array(b->pool, const Type *, n + 1)};
    memcpy(t->items, items, n * sizeof *items);
    t->items[n] = &type_bool;
    return t;
}

/* ---- what it is given ---- */

typedef struct Given {
    FlowOp **ops;
    size_t n;
} Given;

static void give_local(Build *b, FlowRegion *r, Given *given, uint32_t local, const LocalState *s) {
    FlowLocal *l = &r->locals[r->nlocals++];
    *l = (FlowLocal){.local = local, .type = build_var_type(b, local, s->type)};
    if (s->maybe_unbound && b->locals[local].checked) {
        l->bound = build_bound_flag(b, local);
        given->ops[given->n++] = build_load(b, l->bound);
    }
    if (l->type->kind == TYPE_NONE)
        return;
    FlowOp *v = build_load(b, build_var(b, local, s->type));
    v->type = l->type;
    given->ops[given->n++] = v;
}

static Given give_locals(Build *b, FlowRegion *r, const RegionNames *names, const LocalState *locals) {
    Given given = {.ops = pool_array(b->pool, FlowOp *, 2 * b->bound->nlocals + 1)};
    for (uint32_t i = 0; i < b->bound->nlocals; i++)
        if (locals[i].type && (names->reads[i] || (names->writes[i] && names->compound)))
            give_local(b, r, &given, i, &locals[i]);
    return given;
}

/* ---- the operation ---- */

static FlowOp *region_op(Build *b, FlowRegion *r, const Type *type, const Given *given) {
    FlowOp *op = build_op(b, FLOW_REGION, type, given->ops, given->n);
    const Diag *left = b->info[r->node->id].left;
    op->region = r;
    const char *operation = r->operation ? r->operation : b->info[r->node->id].operation;
    Str text = r->kind == REGION_OPERATION ? (Str){operation, strlen(operation)} : left ? left->message : STR("");
    op->fail = build_failing(b, r->node, (Site){.kind = SITE_REGION, .text = text});
    b->inst->resumes = true;
    return op;
}

static FlowOp *item(Build *b, FlowOp *tuple, size_t i) {
    FlowOp *v = build_op(b, FLOW_ITEM, tuple->type->items[i], OPS(tuple));
    v->index = (uint32_t)i;
    return v;
}

FlowFail *build_broken(Build *b, const Node *n, FlowResume *resume) {
    FlowFail *fail = build_failing(b, n, (Site){.kind = SITE_CALL});
    fail->site = (Site){.kind = SITE_REDO, .text = STR("a name that it uses means something else now")};
    fail->resume = resume;
    return fail;
}

static void note_broken(Build *b, FlowOp *broken) {
    FlowOp *both = build_op(b, FLOW_BINARY, &type_bool, OPS(build_load(b, b->broken), broken));
    both->arith = FLOW_OR;
    build_store(b, b->broken, both);
}

static void check_unbroken(Build *b, const Node *n, FlowOp *op, FlowResume *resume) {
    FlowOp *broken = item(b, op, op->type->nitems - 1);
    if (b->broken)
        note_broken(b, broken);
    else
        build_guard(b, broken, build_broken(b, n, resume));
}

void build_begin_several(Build *b) {
    b->broken = flow_var(b->f, &type_bool, STR("broken"), FLOW_COUNT_OWN);
    build_store(b, b->broken, build_bool(b, false));
}

/* Nothing has read a name in between. */
void build_end_several(Build *b, const Node *n) {
    FlowVar *broken = b->broken;
    b->broken = NULL;
    if (b->at)
        build_guard(b, build_load(b, broken), build_broken(b, n, build_resume_behind(b, n, b->info[n->id].locals)));
}

/* The value of the region, which is an expression's, or what goes on in Python with another one. */
static FlowOp *value_of(Build *b, FlowRegion *r, const Given *given, bool may_be_other) {
    const Node *n = r->node;
    const NodeInfo *info = &b->info[n->id];
    r->type = info->type;
    FlowOp *op = region_op(b, r, result_type(b, &info->type, 1), given);
    if (may_be_other)
        op->fail->resume = build_resume_object(b, n);
    FlowOp *v = item(b, op, 0);
    build_evaluated(b, n, v);
    check_unbroken(b, n, op, build_resume(b, n));
    return v;
}

/* ---- one operation ---- */

/* False: it never gets a value. */
static bool give_operand(Build *b, FlowRegion *r, Given *given, const Node *n) {
    FlowOp *v = build_expr(b, n);
    if (!v)
        return false;
    r->locals[r->nlocals++] = (FlowLocal){.local = UINT32_MAX, .type = v->type};
    if (type_slots(v->type))
        given->ops[given->n++] = v;
    return true;
}

static bool give_all(Build *b, FlowRegion *r, Given *given, Nodes nodes) {
    for (size_t i = 0; i < nodes.len; i++)
        if (!give_operand(b, r, given, nodes.at[i]))
            return false;
    return true;
}

/* None where there is nothing. */
static bool give_slice(Build *b, FlowRegion *r, Given *given, const Node *n) {
    const Node *parts[] = {n->Slice.lower, n->Slice.upper, n->Slice.step};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!parts[i])
            r->locals[r->nlocals++] = (FlowLocal){.local = UINT32_MAX, .type = &type_none};
        else if (!give_operand(b, r, given, parts[i]))
            return false;
    return true;
}

/* Its container is in the source. */
static bool is_among(const Build *b, const Node *n) {
    const char *operation = b->info[n->id].operation;
    return operation[strlen(operation) - 1] == '(';
}

static bool give_operands(Build *b, FlowRegion *r, Given *given, const Node *n) {
    const Node *f = n->kind == NODE_Call ? n->Call.func : NULL;
    switch (n->kind) {
    case NODE_Name:
    case NODE_Constant:
        return true;
    case NODE_Attribute:
        return give_operand(b, r, given, n->Attribute.value);
    case NODE_Subscript:
        return give_operand(b, r, given, n->Subscript.value) &&
               (n->Subscript.slice->kind == NODE_Slice ? give_slice : give_operand)(b, r, given, n->Subscript.slice);
    case NODE_BinOp:
        return give_operand(b, r, given, n->BinOp.left) && give_operand(b, r, given, n->BinOp.right);
    case NODE_Compare:
        return give_operand(b, r, given, n->Compare.left) &&
               (is_among(b, n) || give_operand(b, r, given, n->Compare.comparators.at[0]));
    case NODE_List:
        return give_all(b, r, given, n->List.elts);
    default:
        if (strcmp(b->info[n->id].operation, "call") == 0)
            return give_operand(b, r, given, f) && give_all(b, r, given, n->Call.args);
        return (f->kind != NODE_Attribute || give_operand(b, r, given, f->Attribute.value)) &&
               give_all(b, r, given, n->Call.args);
    }
}

static FlowRegion *operation_new(Build *b, const Node *n, Given *given) {
    size_t most = n->kind == NODE_Call ? n->Call.args.len + 1 : n->kind == NODE_List ? n->List.elts.len + 1 : 4;
    FlowRegion *r = region_new(b, REGION_OPERATION, n);
    r->locals = pool_array(b->pool, FlowLocal, most);
    *given = (Given){.ops = pool_array(b->pool, FlowOp *, most)};
    return r;
}

/* What is given is stored, in the place that the target's operation says. */
static void store_by(Build *b, const Node *n, FlowRegion *r, Given *given, FlowOp *v) {
    bool is_table = b->info[r->node->id].table;
    if (is_table) /* an object, for either way */
        v = build_convert(b, n, v, &type_py);
    r->locals[r->nlocals++] = (FlowLocal){.local = UINT32_MAX, .type = v->type};
    if (type_slots(v->type))
        given->ops[given->n++] = v;
    r->type = &type_none;
    FlowBlock *meet = is_table ? build_table_put(b, n, r->node, given->ops) : NULL;
    FlowOp *op = region_op(b, r, result_type(b, &r->type, 1), given);
    check_unbroken(b, n, op, build_resume_behind(b, n, b->info[n->id].locals));
    if (meet) {
        build_go(b, meet);
        build_start(b, meet);
    }
}

void build_operation_store(Build *b, const Node *n, const Node *target, FlowOp *v) {
    Given given;
    FlowRegion *r = operation_new(b, target, &given);
    if (give_operands(b, r, &given, target))
        store_by(b, n, r, &given, v);
}

static FlowOp *table_value(Build *b, FlowRegion *r, const Given *given) {
    const Type *type = b->info[r->node->id].type;
    FlowBlock *usual = build_block(b, "usual"), *meet = build_block(b, "meet");
    FlowVar *result = type->kind == TYPE_NONE ? NULL : build_temp(b, type, "result");
    size_t operands = b->noperands;
    build_table(b, r->node, given->ops, result, usual, meet);
    build_start(b, usual);
    FlowOp *v = value_of(b, r, given, true);
    if (result)
        build_store(b, result, v);
    b->noperands = operands;
    build_go(b, meet);
    build_start(b, meet);
    return result ? build_load(b, result) : build_none(b);
}

/* ---- augmented assignment ---- */

typedef struct Augmented {
    FlowRegion *item; /* an item's container and key; NULL: it is a local */
    Given given;      /* these */
    FlowOp *old, *broken;
} Augmented;

static bool load_old(Build *b, const Node *target, Augmented *a) {
    if (target->kind == NODE_Name) {
        a->old = build_expr(b, target);
        b->noperands--;
        return a->old;
    }
    a->item = operation_new(b, target, &a->given);
    if (!give_operands(b, a->item, &a->given, target))
        return false;
    size_t operands = b->noperands;
    a->old = b->info[target->id].table ? table_value(b, a->item, &a->given) : value_of(b, a->item, &a->given, true);
    b->noperands = operands;
    return true;
}

/* The operation in place. Whether a name means something else behind it is asked when its result is stored. */
static FlowOp *change_old(Build *b, const Node *n, Augmented *a) {
    Given given;
    FlowRegion *r = operation_new(b, n, &given);
    r->locals[r->nlocals++] = (FlowLocal){.local = UINT32_MAX, .type = a->old->type};
    if (type_slots(a->old->type))
        given.ops[given.n++] = a->old;
    if (!give_operand(b, r, &given, n->AugAssign.value))
        return NULL;
    r->type = b->info[n->id].type;
    FlowOp *op = region_op(b, r, result_type(b, &r->type, 1), &given);
    a->broken = item(b, op, 1);
    return item(b, op, 0);
}

static void store_item(Build *b, const Node *n, const Augmented *a, FlowOp *v) {
    const Node *target = n->AugAssign.target;
    NodeInfo *info = &b->info[target->id], before = *info;
    Given given;
    FlowRegion *r = operation_new(b, target, &given);
    memcpy(r->locals, a->item->locals, a->item->nlocals * sizeof *r->locals);
    memcpy(given.ops, a->given.ops, a->given.n * sizeof *given.ops);
    r->nlocals = a->item->nlocals;
    given.n = a->given.n;
    info->operation = "[]=";
    info->table = before.table ? TABLE_PUT : TABLE_NONE;
    store_by(b, n, r, &given, v);
    *info = before;
}

void build_object_augassign(Build *b, const Node *n) {
    const Node *target = n->AugAssign.target;
    size_t operands = b->noperands;
    Augmented a = {0};
    if (!load_old(b, target, &a))
        return;
    build_loaded(b, n, a.old);
    FlowOp *v = b->info[n->id].region == REGION_OPERATION
                    ? change_old(b, n, &a)
                    : build_operator(b, n, n->AugAssign.op, a.old, n->AugAssign.value);
    b->noperands = operands;
    if (!v)
        return;
    if (a.item)
        store_item(b, n, &a, v);
    else
        build_local_store(b, b->bound->binding[target->id].local, v);
    if (a.broken)
        build_guard(b, a.broken, build_broken(b, n, build_resume_behind(b, n, b->info[n->id].locals)));
}

FlowOp *build_operation(Build *b, const Node *n) {
    size_t operands = b->noperands;
    Given given;
    FlowRegion *r = operation_new(b, n, &given);
    if (!give_operands(b, r, &given, n))
        return NULL;
    b->noperands = operands;
    bool tries = b->info[n->id].table && !b->in_target; /* from where Python cannot go on */
    FlowOp *v = tries ? table_value(b, r, &given) : value_of(b, r, &given, true);
    b->noperands = operands;
    return v;
}

FlowOp *build_operation_of_nothing(Build *b, const Node *n) {
    static const Type nothing = {.kind = TYPE_TUPLE};
    Given given;
    FlowRegion *r = operation_new(b, n, &given);
    r->locals[r->nlocals++] = (FlowLocal){.local = UINT32_MAX, .type = &nothing};
    return value_of(b, r, &given, true);
}

/* ---- with ---- */

static FlowOp *of_with(Build *b, const Node *n, const char *operation, FlowOp *operand, const Type *type) {
    FlowRegion *r = region_new(b, REGION_OPERATION, n);
    r->operation = operation;
    r->locals[r->nlocals++] = (FlowLocal){.local = UINT32_MAX, .type = operand->type};
    r->type = type;
    return region_op(b, r, result_type(b, &type, 1), &(Given){.ops = &operand, .n = 1});
}

FlowOp *build_enter(Build *b, const Node *n, FlowOp *manager) {
    return of_with(b, n, "enter", build_convert(b, n, manager, &type_py), &type_py);
}

void build_entered(Build *b, const Node *n, FlowOp *both) {
    const Node *first = n->With.body.at[0];
    check_unbroken(b, first, both, build_resume_statement(b, first));
}

/* On the line of the with. What the locals are at its end is known of its item. */
void build_exit(Build *b, const Node *n, FlowOp *entered) {
    const Node *item = n->With.items.at[0];
    if (!b->flow_loop)
        b->from = bound_place(n->span.end_line, n->span.end_col);
    FlowOp *op = of_with(b, item, "leave", entered, &type_none);
    op->fail->node = n;
    FlowResume *behind = build_resume_behind(b, n, b->info[item->id].locals);
    check_unbroken(b, item, op, behind);
}

FlowOp *build_region_value(Build *b, const Node *n) {
    const NodeInfo *info = &b->info[n->id];
    RegionNames names = region_names(b->pool, b->bound, n);
    FlowRegion *r = region_new(b, info->region, n);
    Given given = give_locals(b, r, &names, info->locals);
    size_t operands = b->noperands;
    FlowOp *v = value_of(b, r, &given, info->region != REGION_TEST);
    b->noperands = operands;
    return v;
}

FlowOp *build_region_box(Build *b, const Node *n, FlowOp *v) {
    FlowRegion *r = region_new(b, REGION_BOX, n);
    r->locals[r->nlocals++] = (FlowLocal){.local = UINT32_MAX, .type = v->type};
    r->type = &type_py;
    Given given = {.ops = &v, .n = type_slots(v->type) > 0};
    return region_op(b, r, &type_py, &given);
}

/* ---- statements ---- */

static LocalState *locals_behind(Build *b, const FlowRegion *r, const LocalState *before) {
    LocalState *after = pool_array(b->pool, LocalState, b->bound->nlocals + 1);
    memcpy(after, before, b->bound->nlocals * sizeof *after);
    for (size_t i = 0; i < r->nwritten; i++)
        after[r->written[i].local] = (LocalState){.type = &type_py, .maybe_unbound = r->written[i].flagged};
    return after;
}

static void take_written(Build *b, const FlowRegion *r, FlowOp *op) {
    size_t at = 0;
    for (size_t i = 0; i < r->nwritten; i++) {
        const FlowLocal *l = &r->written[i];
        FlowOp *flag = l->flagged ? item(b, op, at++) : NULL;
        build_local_store(b, l->local, item(b, op, at++));
        if (flag && b->locals[l->local].checked)
            build_store(b, build_bound_flag(b, l->local), flag);
    }
}

void build_region_statement(Build *b, const Node *n) {
    const NodeInfo *info = &b->info[n->id];
    RegionNames names = region_names(b->pool, b->bound, n);
    FlowRegion *r = region_new(b, REGION_STATEMENT, n);
    Given given = give_locals(b, r, &names, info->locals);
    const Type **items = pool_array(b->pool, const Type *, 2 * b->bound->nlocals + 1);
    size_t nitems = 0;
    for (uint32_t i = 0; i < b->bound->nlocals; i++) {
        const LocalState *s = &info->locals[i];
        if (!names.writes[i])
            continue;
        bool flagged = names.deletes[i] || (names.compound && (!s->type || s->maybe_unbound));
        r->written[r->nwritten++] = (FlowLocal){.local = i, .type = &type_py, .flagged = flagged};
        if (flagged)
            items[nitems++] = &type_bool;
        items[nitems++] = &type_py;
    }
    FlowOp *op = region_op(b, r, result_type(b, items, nitems), &given);
    take_written(b, r, op);
    check_unbroken(b, n, op, build_resume_behind(b, n, locals_behind(b, r, info->locals)));
}

void build_region_rest(Build *b, const Node *n) {
    FlowFail *fail = build_failing(b, n, (Site){.kind = SITE_CALL});
    fail->site = (Site){.kind = SITE_REDO, .text = b->info[n->id].left->message};
    fail->resume = build_resume_statement(b, n);
    build_fail(b, fail);
}
