/* Infer: gives every expression a type, every operation what had been committed before it, every call its callee. Functions
 * are inferred per tuple of argument types, on demand; a function is inferred again when the summary of one it calls
 * changes, until nothing changes. Summaries only grow, but for the choice of a result type among unequal returns, which
 * is bounded by MAX_VISITS. Needs: Bound. Leaves: Instance (typed.h). */
#include "server/compiler/infer.h"
#include "server/compiler/parse.h"
#include "server/compiler/stage.h"
#include <limits.h>
#include <time.h>

#define MAX_VISITS 30   /* passes over one instance before giving up */
#define MAX_DEPTH 100   /* callees that are inferred within their callers: each takes some KiB of the stack */
#define MAX_VARIANTS 64 /* instances of one function */

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The client sends an __init__ that it leaves to Python, too, for its text. */
static void check_not_left_out(Lang *lang, Compilation *c, const FuncState *f, const Node *tree) {
    const DefSpec *d = &lang->unit->defs[f->def];
    for (size_t i = 0; i < d->other.len; i++)
        if (d->funcs[f->func].kind != FUNC_SETTER && str_eq(d->other.at[i].name, d->funcs[f->func].name))
            fail(c, tree->span, "%.*s", STR_FMT(d->other.at[i].s));
}

static Bound *func_bind(Lang *lang, Compilation *c, FuncState *f) {
    uint64_t start = now_us();
    stage_enter("lex");
    Tokens tokens = lex(c, &f->source, LEX_STATEMENT);
    uint64_t lexed = now_us();
    stage_enter("parse");
    Ast ast = parse_tokens_function(c, tokens);
    uint64_t parsed = now_us();
    f->tree = ast.nnodes <= BOUND_MAX_NODES ? ast.root : NULL;
    check_not_left_out(lang, c, f, ast.root);
    stage_enter("resolve");
    Bound *bound = resolve(c, lang->unit, f->def, f->func, ast.root, ast.nnodes);
    lang->lex_us += lexed - start;
    lang->parse_us += parsed - lexed;
    lang->resolve_us += now_us() - parsed;
    return bound;
}

typedef struct FuncPass {
    Lang *lang;
    FuncState *f;
} FuncPass;

static void func_pass(Compilation *c, void *arg) {
    const FuncPass *p = arg;
    p->f->bound = func_bind(p->lang, c, p->f);
}

FuncState *lang_func(Lang *lang, uint32_t def, uint32_t func) {
    FuncState *f = &lang->funcs[def][func];
    if (f->tried)
        return f;
    f->tried = true;
    const DefSpec *d = &lang->unit->defs[def];
    f->def = def;
    f->func = func;
    const FuncOwner *owner = &d->funcs[func].owner;
    f->source = (Source){
        .file = owner->level ? owner->file : d->file, .text = d->funcs[func].source, .first_line = d->funcs[func].line};
    Compilation c = {.pool = lang->pool, .source = &f->source};
    if (!pass_ends(&c, func_pass, &(FuncPass){lang, f}))
        f->diag = c.diag;
    stage_enter("infer"); /* which asked for it */
    return f;
}

Str lang_short_name(const DefSpec *d) {
    Str s = d->name;
    for (size_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == '.')
            return str_slice(s, i, s.len);
    return s;
}

int lang_find_func(const Lang *lang, uint32_t def, Str name) {
    const DefSpec *d = &lang->unit->defs[def];
    for (size_t i = 0; i < d->nfuncs; i++)
        if (d->funcs[i].kind != FUNC_SETTER && !d->funcs[i].owner.hidden && str_eq(d->funcs[i].name, name))
            return (int)i;
    return -1;
}

int lang_find_above(const Lang *lang, uint32_t def, Str name, uint32_t level) {
    const DefSpec *d = &lang->unit->defs[def];
    int found = -1;
    for (size_t i = 0; i < d->nfuncs; i++)
        if (d->funcs[i].kind != FUNC_SETTER && d->funcs[i].owner.level > level && str_eq(d->funcs[i].name, name) &&
            (found < 0 || d->funcs[i].owner.level < d->funcs[found].owner.level))
            found = (int)i;
    return found;
}

const Type *lang_exact(const Lang *lang, uint32_t def) {
    Type *t = pool_new(lang->pool, Type);
    *t = (Type){.kind = TYPE_REF, .def = def, .exact = lang->unit->defs[def].nheirs > 0};
    return t;
}

bool lang_is_open(const Lang *lang, const Type *t) {
    return t->kind == TYPE_REF && !t->exact && lang->unit->defs[t->def].nheirs > 0;
}

bool lang_extends(const Lang *lang, uint32_t def, uint32_t base) {
    const DefSpec *d = &lang->unit->defs[base];
    bool found = def == base;
    for (size_t i = 0; !found && i < d->nheirs; i++)
        found = d->heirs[i] == def;
    return found;
}

uint32_t lang_level_of(const Lang *lang, uint32_t def, uint32_t base) {
    const DefSpec *d = &lang->unit->defs[def];
    for (size_t i = 0; i < d->nfuncs; i++)
        if (d->funcs[i].owner.is_def && d->funcs[i].owner.def == base)
            return d->funcs[i].owner.level;
    return 0;
}

static bool params_eq(const Instance *inst, const Type **params, uint32_t nparams) {
    if (inst->nparams != nparams)
        return false;
    for (uint32_t i = 0; i < nparams; i++)
        if (!type_eq(inst->params[i], params[i]))
            return false;
    return true;
}

static Instance *instance_find(Lang *lang, FuncState *f, const Type **params, uint32_t nparams, bool fresh,
                               Effect outer) {
    for (size_t i = 0; i < lang->ninstances; i++) {
        Instance *inst = lang->instances[i];
        if (inst->func == f && inst->fresh == fresh && inst->outer == outer && params_eq(inst, params, nparams))
            return inst;
    }
    return NULL;
}

static Instance *instance_new(Lang *lang, FuncState *f, const Type **params, uint32_t nparams, bool fresh,
                              Effect outer) {
    Instance *inst = pool_new(lang->pool, Instance);
    *inst = (Instance){.index = (uint32_t)lang->ninstances,
                       .bound = f->bound,
                       .func = f,
                       .params = params,
                       .nparams = nparams,
                       .fresh = fresh,
                       .outer = outer};
    pool_push(lang->pool, lang->instances, lang->ninstances, lang->cap_instances) = inst;
    if (!f->bound) {
        inst->state = INSTANCE_REFUSED;
        inst->diag = f->diag;
    } else if (++f->variants > MAX_VARIANTS) {
        inst->state = INSTANCE_REFUSED;
        inst->diag = (Diag){.span = f->bound->function->span, .message = STR("called with too many different types")};
    }
    return inst;
}

static void enqueue(Lang *lang, Instance *inst) {
    if (inst->queued || inst->state == INSTANCE_REFUSED)
        return;
    inst->queued = true;
    pool_push(lang->pool, lang->queue, lang->nqueue, lang->cap_queue) = inst;
}

typedef struct Summary {
    InstanceState state;
    const Type *result;
    bool commits, stores_self_refs, manages, loops, python, sized;
    uint64_t self_stores;
} Summary;

static Summary summary_of(const Instance *i) {
    return (Summary){i->state, i->result, i->commits, i->stores_self_refs, i->manages,
                     i->loops, i->python, i->sized,   i->self_stores};
}

static bool summary_eq(const Summary *a, const Summary *b) {
    if (!a->result != !b->result || (a->result && !type_eq(a->result, b->result)))
        return false;
    return a->state == b->state && a->commits == b->commits && a->stores_self_refs == b->stores_self_refs &&
           a->manages == b->manages && a->loops == b->loops && a->python == b->python && a->sized == b->sized &&
           a->self_stores == b->self_stores;
}

typedef struct InferPass {
    Lang *lang;
    Instance *inst;
} InferPass;

static void infer_pass(Compilation *c, void *arg) {
    const InferPass *p = arg;
    if (++p->inst->visits > MAX_VISITS)
        fail(c, p->inst->bound->function->span, "the types of this function do not settle");
    infer_function(p->lang, c, p->inst);
    p->inst->state = INSTANCE_DONE;
}

static void infer_guarded(Lang *lang, Instance *inst) {
    Compilation c = {.pool = lang->pool, .source = &inst->func->source};
    if (!pass_ends(&c, infer_pass, &(InferPass){lang, inst})) {
        inst->state = INSTANCE_REFUSED;
        inst->diag = c.diag;
    }
}

static void instance_infer(Lang *lang, Instance *inst) {
    Summary before = summary_of(inst);
    before.state = INSTANCE_DONE;
    bool again;
    do {
        inst->state = INSTANCE_RUNNING;
        inst->queued = false;
        bool sized = inst->sized;
        infer_guarded(lang, inst);
        again = inst->state == INSTANCE_DONE && inst->sized && !sized;
    } while (again);
    Summary after = summary_of(inst);
    if (!summary_eq(&before, &after))
        for (size_t i = 0; i < inst->ncallers; i++)
            enqueue(lang, inst->callers[i]);
}

static void link_caller(Lang *lang, Instance *callee, Instance *caller) {
    for (size_t i = 0; i < caller->ncallees; i++)
        if (caller->callees[i] == callee)
            return;
    pool_push(lang->pool, caller->callees, caller->ncallees, caller->cap_callees) = callee;
    pool_push(lang->pool, callee->callers, callee->ncallers, callee->cap_callers) = caller;
}

/* Deep down a chain of calls it is left for later: until then its callers know as little of it as of a recursive call. */
static void infer_new(Lang *lang, Instance *inst) {
    if (lang->depth == MAX_DEPTH) {
        enqueue(lang, inst);
        return;
    }
    lang->depth++;
    instance_infer(lang, inst);
    lang->depth--;
}

Instance *instance_get(Lang *lang, FuncState *func, const Type **params, uint32_t nparams, bool fresh, Effect outer,
                       Instance *caller) {
    Instance *inst = instance_find(lang, func, params, nparams, fresh, outer);
    bool is_new = !inst;
    if (is_new)
        inst = instance_new(lang, func, params, nparams, fresh, outer);
    if (caller)
        link_caller(lang, inst, caller);
    if (is_new && inst->state == INSTANCE_NEW)
        infer_new(lang, inst);
    return inst;
}

void instances_settle(Lang *lang) {
    while (lang->nqueue) {
        Instance *inst = lang->queue[--lang->nqueue];
        inst->queued = false;
        if (inst->state != INSTANCE_REFUSED)
            instance_infer(lang, inst);
    }
}

/* Among unequal return types: the one with most floats in it (so that `return 0` is the odd one out in a float function),
 * then the most frequent, then the first. */
static int count_floats(const Type *t) {
    if (t->kind != TYPE_TUPLE)
        return t->kind == TYPE_FLOAT || t->kind == TYPE_FLOAT32;
    int n = 0;
    for (size_t i = 0; i < t->nitems; i++)
        n += count_floats(t->items[i]);
    return n;
}

static int return_weight(Infer *in, const Type *t) {
    int same = 0;
    if (t->kind == TYPE_PY && t->likely == PY_ANY) /* which holds all others */
        return INT_MAX;
    for (size_t i = 0; i < in->nreturns; i++)
        same += type_eq(in->info[in->returns[i]->id].type, t);
    return t->kind == TYPE_NONE ? 0 : (1 + count_floats(t)) * 1000 + (same > 999 ? 999 : same);
}

static const Type *choose_result(Infer *in) {
    const Type *joined = NULL, *best = NULL;
    bool joins = true;
    int weight = -1;
    for (size_t i = 0; i < in->nreturns; i++) {
        const Type *t = in->info[in->returns[i]->id].type;
        joined = !joined ? t : joins ? type_join(in->lang, joined, t) : joined;
        joins = joins && joined;
        if (return_weight(in, t) > weight) {
            weight = return_weight(in, t);
            best = t;
        }
    }
    return joins ? joined : best;
}

static bool can_resume_at(Infer *in, const NodeInfo *info) {
    in->env.locals = (LocalState *)info->locals;
    return info->locals && effect_can_resume(in);
}

static void check_return(Infer *in, const Node *n, const Type *result) {
    NodeInfo *info = &in->info[n->id];
    const Type *joined = type_join(in->lang, info->type, result);
    if (result->kind == TYPE_PY || (joined && type_eq(joined, result)))
        return;
    if ((info->effect != EFFECT_COMMITTED && !in->inst->sized) || can_resume_at(in, info))
        return;
    if (n == in->bound->function)
        fail_hint(in->c, n->span, "end it with a return or a raise",
                  "this can reach its end, which gives None, other returns are %s", type_words(in, result));
    fail_hint(in->c, n->span, "make them one type, for instance 0.0 for 0", "this returns %s, other returns are %s",
              type_words(in, info->type), type_words(in, result));
}

static void infer_result(Infer *in) {
    in->inst->result = choose_result(in);
    if (!in->inst->result)
        return;
    for (size_t i = 0; i < in->nreturns; i++)
        check_return(in, in->returns[i], in->inst->result);
}

static void bind_params(Infer *in) {
    uint32_t first = in->bound->func->kind == FUNC_CLASS ? 1 : 0;
    for (uint32_t i = 0; i < in->inst->nparams; i++)
        env_bind(in, i + first, in->inst->params[i], in->bound->func->line);
}

_Noreturn void infer_box(Infer *in, uint32_t local, const Diag *why) {
    Instance *inst = in->inst;
    if (!inst->boxed)
        inst->boxed = pool_array(in->pool, bool, in->bound->nlocals + 1);
    if (!inst->boxed_why.message.len)
        inst->boxed_why = *why;
    inst->boxed[local] = true;
    longjmp(*in->again, 1);
}

/* The interpreter's part must never end in what it cannot go on from. */
static void check_split(Infer *in) {
    for (uint32_t i = 0; (in->regions || in->lists) && i < in->bound->nlocals; i++)
        if (in->split[i])
            infer_box(in, i, &in->left);
}

static void infer_once(Lang *lang, Compilation *c, Instance *inst, jmp_buf *again) {
    Infer in = {.lang = lang, .c = c, .pool = lang->pool, .inst = inst, .bound = inst->bound, .again = again};
    in.info = pool_array(in.pool, NodeInfo, in.bound->nnodes);
    in.memory = pool_array(in.pool, LoopMemory, in.bound->nnodes);
    in.left_tries = pool_array(in.pool, TryMemory, in.bound->nnodes);
    in.split = pool_array(in.pool, bool, in.bound->nlocals + 1);
    inst->info = in.info;
    /* The summary is not reset: a recursive call reads what the last pass found, and it only grows. */
    in.env = env_copy(&in, &(Env){0});
    in.env.effect = inst->outer;
    bind_params(&in);
    infer_body(&in, in.bound->function->FunctionDef.body);
    if (!in.env.dead) {
        NodeInfo *end = &in.info[in.bound->function->id];
        end->type = &type_none;
        end->live = true;
        infer_mark(&in, in.bound->function);
        pool_push(in.pool, in.returns, in.nreturns, in.cap_returns) = in.bound->function;
    }
    check_split(&in);
    infer_result(&in);
    infer_check_worth(&in, in.bound->function);
    inst->partly = in.regions ? in.left : (Diag){0};
    if (in.left.message.len && inst->sized) /* Python's numbers do not wrap */
        fail(c, in.left.span, "%.*s", STR_FMT(in.left.message));
}

void infer_function(Lang *lang, Compilation *c, Instance *inst) {
    jmp_buf again, *on_fail = c->on_fail;
    setjmp(again); /* each time one more local is an object */
    c->on_fail = on_fail;
    infer_once(lang, c, inst, &again);
}
