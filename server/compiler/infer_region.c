/* Infer, regions: what has no native code is carried out by the interpreter, in the middle of the function. Where the expression of a
 * value or a test cannot be compiled, that is the region; else the innermost statement. It is an effect: from there on only the interpreter
 * can go on where compiled code cannot.
 *
 * Each region costs a call. So a loop that would come to one in each turn is a region as a whole, unless it has a loop in it that needs
 * none; and a function that comes to one whatever happens, and has no loop of its own, is the interpreter's as a whole. */
#include "server/compiler/infer.h"

/* ---- trying ---- */

typedef struct Try {
    Infer *in;
    const Node *n;
    InferWork work;
    void *arg;
    jmp_buf *outer;
    bool never;
} Try;

static void try_pass(Compilation *c, void *arg) {
    Try *t = arg;
    jmp_buf bottom;
    (void)c;
    t->in->bottom = &bottom;
    if (setjmp(bottom) == 0)
        t->work(t->in, t->n, t->arg);
    else
        t->never = true;
    t->in->bottom = t->outer;
}

bool infer_try(Infer *in, const Node *n, InferWork work, void *arg) {
    Env before = env_copy(in, &in->env);
    LoopState *loop = in->loop;
    TryState *tries = in->tries;
    Try t = {.in = in, .n = n, .work = work, .arg = arg, .outer = in->bottom};
    if (pass_ends(in->c, try_pass, &t)) {
        if (t.never)
            longjmp(*in->bottom, 1);
        return true;
    }
    in->bottom = t.outer;
    in->loop = loop;
    in->tries = tries;
    in->env = before;
    return false;
}

/* ---- what can be a region ---- */

_Noreturn void infer_fail_again(Infer *in, const Diag *why) {
    in->c->diag = *why;
    longjmp(*in->c->on_fail, 1);
}

/* A local that has two types here is an object from now on: everything is inferred again. */
static void settle_locals(Infer *in, const RegionNames *names, const Diag *why) {
    for (uint32_t i = 0; i < in->bound->nlocals; i++)
        if (in->env.locals[i].conflict && (names->reads[i] || names->compound))
            infer_box(in, i, why);
}

static uint32_t count(const Infer *in, const bool *set) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->bound->nlocals; i++)
        n += set[i];
    return n;
}

static bool is_class_local(const Infer *in, const RegionNames *names) {
    return in->bound->func->kind == FUNC_CLASS && (names->reads[0] || names->writes[0]);
}

/* A number of compiled code is another object each time that the interpreter is given it. */
static void check_identity(Infer *in, const RegionNames *names, const Diag *why) {
    for (uint32_t i = 0; i < in->bound->nlocals; i++) {
        const LocalState *s = &in->env.locals[i];
        if (names->same[i] && s->type && (type_is_scalar(s->type) || s->type->kind == TYPE_TUPLE))
            infer_fail_again(in, why);
    }
}

static RegionNames region_begin(Infer *in, const Node *n, const Diag *why) {
    RegionNames names = region_names(in->pool, in->bound, n);
    bool fits = count(in, names.reads) + count(in, names.writes) <= REGION_MAX_LOCALS;
    if (in->bound->own_frame || in->inst->sized || in->lang->unit->wrap || is_class_local(in, &names) || names.super ||
        !fits)
        infer_fail_again(in, why);
    check_identity(in, &names, why);
    settle_locals(in, &names, why);
    return names;
}

static NodeInfo *region_note(Infer *in, const Node *n, RegionKind kind, const Diag *why) {
    NodeInfo *info = &in->info[n->id];
    Diag *left = pool_new(in->pool, Diag);
    *left = *why;
    if (!in->left.message.len)
        in->left = *why;
    in->regions |= kind != REGION_REST;
    effect_commit(in);
    *info = (NodeInfo){.live = true, .truth = -1, .region = (uint8_t)kind, .left = left};
    infer_mark(in, n);
    if (in->loop && kind != REGION_REST)
        in->loop->inner = true;
    return info;
}

/* ---- values and tests ---- */

static void work_expr(Infer *in, const Node *n, void *arg) {
    *(const Type **)arg = infer_expr(in, n);
}

/* Built-in functions whose result's type is known, whatever they are given. */
static const Type *type_of_call(Infer *in, const Node *n) {
    static const struct {
        const char *name;
        const Type *type;
    } known[] = {{"len", &type_int},      {"int", &type_int},       {"ord", &type_int},
                 {"float", &type_float},  {"bool", &type_bool},     {"isinstance", &type_bool},
                 {"hasattr", &type_bool}, {"callable", &type_bool}, {"issubclass", &type_bool},
                 {"any", &type_bool},     {"all", &type_bool}};
    const Node *f = n->Call.func;
    const Binding *b = f->kind == NODE_Name ? &in->bound->binding[f->id] : NULL;
    if (!b || b->kind != BIND_GLOBAL || b->global->kind != GLOBAL_BUILTIN)
        return NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq_c(b->global->s, known[i].name))
            return known[i].type;
    return NULL;
}

static const Type *guess(Infer *in, const Node *n);

static const Type *guess_binary(Infer *in, const Node *n) {
    const Type *a = guess(in, n->BinOp.left), *b = guess(in, n->BinOp.right);
    if (!a || !b || type_is_sized(a) || type_is_sized(b))
        return NULL;
    bool is_float = a->kind == TYPE_FLOAT || b->kind == TYPE_FLOAT || n->BinOp.op == OP_Div;
    return is_float ? &type_float : &type_int;
}

static const Type *guess_local(Infer *in, const Node *n) {
    const Binding *b = &in->bound->binding[n->id];
    const LocalState *s = b->kind == BIND_LOCAL ? &in->env.locals[b->local] : NULL;
    return s && s->type && !s->conflict && type_is_scalar(s->type) ? s->type : NULL;
}

static const Type *guess_constant(const Node *n) {
    switch (n->Constant.value.kind) {
    case CONST_INT:
        return &type_int;
    case CONST_FLOAT:
        return &type_float;
    case CONST_TRUE:
    case CONST_FALSE:
        return &type_bool;
    default:
        return NULL;
    }
}

/* The number that an expression most likely is; NULL: who knows. */
static const Type *guess(Infer *in, const Node *n) {
    switch (n->kind) {
    case NODE_Constant:
        return guess_constant(n);
    case NODE_Name:
        return guess_local(in, n);
    case NODE_Call:
        return type_of_call(in, n);
    case NODE_Compare:
        return &type_bool;
    case NODE_BinOp:
        return guess_binary(in, n);
    case NODE_UnaryOp:
        return n->UnaryOp.op == OP_Not ? &type_bool : guess(in, n->UnaryOp.operand);
    default:
        return NULL;
    }
}

static bool is_wanted(const Type *t) {
    return t && (type_is_scalar(t) || t->kind == TYPE_REF) && !type_is_sized(t);
}

/* If the value turns out to have another type, the interpreter does the rest. */
static const Type *region_value(Infer *in, const Node *n, const Type *type, const Diag *why) {
    if (region_begin(in, n, why).walrus || n->kind == NODE_Starred)
        infer_fail_again(in, why);
    region_note(in, n, REGION_VALUE, why)->type = type;
    return type;
}

const Type *infer_value(Infer *in, const Node *n, const Type *wanted) {
    const Type *t = NULL;
    if (in->bound->inside[n->id])
        return infer_expr(in, n);
    Env before = env_copy(in, &in->env);
    in->info[n->id].region = REGION_NONE;
    bool is_compiled = infer_try(in, n, work_expr, &t);
    if (is_compiled && (t->kind != TYPE_PY || !is_wanted(wanted)))
        return t;
    if (is_compiled && in->info[n->id].region == REGION_OPERATION)
        return in->info[n->id].type = wanted;
    if (is_compiled && infer_unboxed(in, n, t, wanted) == wanted)
        return wanted;
    Diag why = in->c->diag;
    if (is_compiled) {
        why = (Diag){.span = n->span, .message = STR("this is a Python object")};
        in->env = before;
    }
    const Type *likely = guess(in, n);
    return region_value(in, n, likely ? likely : is_wanted(wanted) ? wanted : &type_py, &why);
}

const Type *infer_operation(Infer *in, const Node *n, const char *operation, const Type *type) {
    Diag *left = pool_new(in->pool, Diag);
    if (in->bound->own_frame || in->inst->sized || in->lang->unit->wrap)
        fail(in->c, n->span, "an operation on Python objects is not compiled here");
    *left = (Diag){.span = n->span, .message = STR("this is an operation on Python objects")};
    in->lists = in->inst->python = in->inst->manages = true;
    in->was_inner = in->loop && in->loop->inner;
    if (in->loop)
        in->loop->inner = true;
    effect_commit(in);
    in->info[n->id].region = REGION_OPERATION;
    in->info[n->id].left = left;
    in->info[n->id].operation = operation;
    in->info[n->id].table = TABLE_NONE;
    in->info[n->id].is_table = false;
    infer_mark(in, n);
    return type;
}

typedef struct CondWork {
    Env *yes, *no;
} CondWork;

static void work_cond(Infer *in, const Node *n, void *arg) {
    CondWork *w = arg;
    infer_cond_leaf(in, n, w->yes, w->no);
}

void infer_test(Infer *in, const Node *n, Env *yes, Env *no) {
    in->info[n->id].region = REGION_NONE;
    if (in->bound->inside[n->id]) {
        infer_cond_leaf(in, n, yes, no);
        return;
    }
    if (infer_try(in, n, work_cond, &(CondWork){yes, no}))
        return;
    Diag why = in->c->diag;
    if (region_begin(in, n, &why).walrus)
        infer_fail_again(in, &why);
    region_note(in, n, REGION_TEST, &why)->type = &type_bool;
    *yes = env_copy(in, &in->env);
    *no = env_copy(in, &in->env);
}

/* ---- statements ---- */

/* What a region leaves in the locals. */
static void bind_written(Infer *in, const Node *n, const RegionNames *names) {
    for (uint32_t i = 0; i < in->bound->nlocals; i++) {
        LocalState before = in->env.locals[i];
        if (!names->writes[i])
            continue;
        env_bind(in, i, &type_py, n->span.line);
        bool may_stay = names->compound && (!before.type || before.maybe_unbound);
        in->env.locals[i].maybe_unbound = names->deletes[i] || may_stay;
        infer_note_raised(in);
    }
}

/* From here on the call is the interpreter's. */
static void leave_rest(Infer *in, const Node *n, const Diag *why) {
    if (!effect_can_resume(in))
        infer_fail_again(in, why);
    region_note(in, n, REGION_REST, why);
    in->env.dead = true;
}

static void work_stmt(Infer *in, const Node *n, void *arg) {
    (void)arg;
    infer_one_stmt(in, n);
}

void infer_stmt(Infer *in, const Node *n) {
    in->info[n->id].region = REGION_NONE;
    if (in->tries)
        infer_mark(in, n);
    if (in->bound->inside[n->id]) {
        infer_one_stmt(in, n);
        return;
    }
    if (infer_try(in, n, work_stmt, NULL))
        return;
    Diag why = in->c->diag;
    RegionNames names = region_begin(in, n, &why);
    if (names.leaves || n->kind == NODE_Raise) {
        leave_rest(in, n, &why);
        return;
    }
    infer_check_caught(in, n, &names, &why);
    region_note(in, n, REGION_STATEMENT, &why);
    bind_written(in, n, &names);
}

/* ---- what is worth it ---- */

/* What an operation on objects costs more here than in the interpreter, and a region, each counted in operations of numbers, which cost
 * that much less. */
#define WORTH_OPERATION 4
#define WORTH_REGION 14
#define WITH_OPERATIONS 4 /* so many is a with that is compiled */
#define WORTH_TABLE 1     /* an operation on a dict or set, in a call: it takes no longer here */
#define WORTH_READ 4      /* of an attribute, where it is the first time in a call */

typedef struct Worth {
    const Infer *in;
    const Diag *found; /* the first region or operation that control always comes to */
    const Node *read;  /* the first such attribute */
    unsigned regions, operations, tables, reads, numbers;
} Worth;

typedef struct Loops {
    const Infer *in;
    bool found;
} Loops;

static void find_loop(void *arg, const char *field, const Node *n) {
    Loops *l = arg;
    const NodeInfo *info = n ? &l->in->info[n->id] : NULL;
    (void)field;
    if (!n || l->found || !info->live || (info->region && info->region != REGION_OPERATION))
        return;
    bool is_comprehension = node_generators(n) && n->kind != NODE_GeneratorExp;
    l->found = n->kind == NODE_For || n->kind == NODE_While || is_comprehension ||
               (info->call && info->call->kind == CALL_TAKING);
    node_each_child(n, find_loop, arg);
}

static bool has_loop(const Infer *in, Nodes body) {
    Loops l = {.in = in};
    for (size_t i = 0; i < body.len; i++)
        find_loop(&l, NULL, body.at[i]);
    return l.found;
}

static unsigned numbers_of(const Infer *in, const Node *n) {
    switch (n->kind) {
    case NODE_BinOp:
    case NODE_UnaryOp:
    case NODE_Compare:
    case NODE_Attribute:
    case NODE_Subscript:
    case NODE_AugAssign:
    case NODE_For:
    case NODE_Yield:
        return 1;
    case NODE_Call:
        return in->info[n->id].call && in->info[n->id].call->kind == CALL_INSTANCE ? 4 : 2;
    default:
        return 0;
    }
}

static bool is_read(const Infer *in, const Node *n) {
    const NodeInfo *info = &in->info[n->id];
    bool is_attribute = n->kind == NODE_Attribute && info->member && info->member->kind == MEMBER_PYTHON;
    bool is_display = n->kind == NODE_List || n->kind == NODE_Set || n->kind == NODE_Dict;
    return is_attribute || (is_display && info->type && info->type->kind == TYPE_PY);
}

static void weigh(void *arg, const char *field, const Node *n) {
    Worth *w = arg;
    (void)field;
    if (!n || !w->in->info[n->id].live)
        return;
    const NodeInfo *info = &w->in->info[n->id];
    bool seldom = info->region == REGION_REST && n->kind == NODE_Raise;
    if (info->region == REGION_OPERATION && info->is_table)
        w->tables++;
    else if (info->region == REGION_OPERATION)
        w->operations++;
    else if (info->region && !seldom)
        w->regions++;
    else if (!info->region && is_read(w->in, n))
        w->reads++, w->read = w->read ? w->read : n;
    else if (!info->region)
        w->numbers += numbers_of(w->in, n);
    if (info->region && !seldom && !w->found)
        w->found = info->left;
    if (n->kind == NODE_With && !info->region) {
        w->operations += WITH_OPERATIONS;
        w->found = w->found ? w->found : info->left;
    }
    if (!info->region || info->region == REGION_OPERATION)
        node_each_child(n, weigh, arg);
}

static void weigh_always(Worth *w, Nodes body);

/* What control comes to whenever it comes to n. Of the branches of an `if` the numbers count, too. */
static void weigh_one(Worth *w, const Node *n) {
    const NodeInfo *info = &w->in->info[n->id];
    if (!info->live)
        return;
    if (n->kind != NODE_If || info->region) {
        weigh(w, NULL, n);
        return;
    }
    weigh(w, NULL, n->If.test);
    Worth branches = {.in = w->in};
    weigh_always(&branches, n->If.body);
    weigh_always(&branches, n->If.orelse);
    w->numbers += branches.numbers;
}

static void weigh_always(Worth *w, Nodes body) {
    for (size_t i = 0; i < body.len; i++)
        weigh_one(w, body.at[i]);
}

/* A function without a loop costs its callers in Python a call; in compiled code it is what lets their loops be compiled. */
static void check_function(Infer *in, const Worth *w) {
    unsigned costs = w->operations * WORTH_OPERATION + w->tables * WORTH_TABLE + w->reads * WORTH_READ;
    in->inst->slight = (Diag){0};
    if (w->regions)
        infer_fail_again(in, in->inst->boxed_why.message.len ? &in->inst->boxed_why : w->found);
    if (w->numbers >= costs)
        return;
    Span span = w->found ? w->found->span : w->read->span;
    in->inst->slight =
        (Diag){.span = span, .message = STR("it does little else than what Python does with this object")};
}

void infer_check_worth(Infer *in, const Node *n) {
    bool is_for = n->kind == NODE_For, is_while = n->kind == NODE_While;
    Nodes body = is_for ? n->For.body : is_while ? n->While.body : n->FunctionDef.body;
    Worth w = {.in = in};
    in->inst->slight = (Diag){0};
    if (has_loop(in, body))
        return;
    if (is_while)
        weigh(&w, NULL, n->While.test);
    weigh_always(&w, body);
    if (!is_for && !is_while)
        check_function(in, &w);
    else if (w.found && w.numbers < w.regions * WORTH_REGION + w.operations * WORTH_OPERATION)
        infer_fail_again(in, in->inst->boxed_why.message.len ? &in->inst->boxed_why : w.found);
}
