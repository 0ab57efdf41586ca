/* A unit's functions, from text to one LLVM module: the loop over entries around parse, resolve, infer, flow and emit. */
#include "protocol/abi.h"
#include "server/compiler/assigned.h"
#include "server/compiler/stage.h"
#include "server/compiler/dump.h"
#include "server/compiler/flow/flow.h"
#include "server/compiler/parse.h"
#include "server/compiler/typed.h"
#include "server/compiler/typed_dump.h"

typedef struct EntryPlan {
    const EntrySpec *spec;
    Instance *inst; /* NULL: refused */
    Diag diag;      /* why */
} EntryPlan;

/* The argument types of an entry, self included; NULL when one is not known. */
static const Type **entry_params(Lang *lang, const EntrySpec *e, uint32_t *ret_n, Str *ret_missing) {
    const FuncSpec *f = &lang->unit->defs[e->def].funcs[e->func];
    bool has_self = f->kind == FUNC_METHOD || f->kind == FUNC_PROPERTY || f->kind == FUNC_SETTER;
    const Type **params = pool_array(lang->pool, const Type *, f->nparams + 2);
    uint32_t n = 0;
    if (has_self)
        params[n++] = lang_exact(lang, e->def);
    for (size_t i = 0; i < f->nparams; i++) {
        const Type *t = e->args ? e->args[i] : f->params[i].type;
        if (!t) {
            *ret_missing = f->params[i].name;
            return NULL;
        }
        params[n++] = t;
    }
    *ret_n = n;
    return params;
}

static EntryPlan plan_entry(Lang *lang, const EntrySpec *e) {
    EntryPlan plan = {.spec = e};
    FuncState *f = lang_func(lang, e->def, e->func);
    uint32_t n;
    Str missing = STR_NULL;
    if (!f->bound) {
        plan.diag = f->diag;
        return plan;
    }
    const Type **params = entry_params(lang, e, &n, &missing);
    if (!params) {
        plan.diag.span = f->bound->function->span;
        plan.diag.message = pool_printf(lang->pool, "parameter '%.*s' has no annotation", STR_FMT(missing));
        return plan;
    }
    uint32_t def = e->def, func = e->func;
    if (lang_find_common(lang, &def, &func)) {
        params[0] = type_ref(lang->pool, def, false);
        f = lang_func(lang, def, func);
    }
    plan.inst = instance_get(lang, f, params, n, false, EFFECT_NONE, NULL);
    return plan;
}

/* ---- one body for all callers ---- */

/* What is called where there have been effects is another instance than what Python calls: that would be nearly all functions twice. An entry that has
 * effects itself uses the one for after effects, too: where it cannot go on, Python does from there, and not from the call's beginning. That must be
 * possible everywhere. */
static Instance *shared_of(Lang *lang, const Instance *inst) {
    bool may_be = inst && inst->state != INSTANCE_REFUSED && inst->commits && !inst->sized;
    return may_be ? instance_get(lang, inst->func, inst->params, inst->nparams, false, EFFECT_COMMITTED, NULL) : NULL;
}

typedef struct Reached {
    Instance **at;
    size_t n;
    bool *seen; /* by Instance.index */
} Reached;

static void reach(Reached *r, Instance *inst) {
    if (r->seen[inst->index] || inst->state == INSTANCE_REFUSED)
        return;
    r->seen[inst->index] = true;
    r->at[r->n++] = inst;
}

/* By Instance.index: whether it, or what it calls, comes to where Python would have to go on and cannot. Known when it is built. */
static bool *find_stuck(Lang *lang, Instance *const *entries, size_t nentries) {
    Reached r = {.at = pool_array(lang->pool, Instance *, lang->ninstances + 1),
                 .seen = pool_array(lang->pool, bool, lang->ninstances + 1)};
    for (size_t i = 0; i < nentries; i++)
        if (entries[i])
            reach(&r, entries[i]);
    for (size_t i = 0; i < r.n; i++) {
        flow_make(lang, r.at[i]);
        for (size_t k = 0; k < r.at[i]->ncallees; k++)
            reach(&r, r.at[i]->callees[k]);
    }
    bool *stuck = pool_array(lang->pool, bool, lang->ninstances + 1);
    for (size_t i = 0; i < lang->ninstances; i++)
        stuck[lang->instances[i]->index] = lang->instances[i]->stuck;
    calls_spread(lang, stuck);
    return stuck;
}

static bool is_as_good(const Instance *shared, const Instance *inst) {
    bool same = shared->result && inst->result ? type_eq(shared->result, inst->result) : shared->result == inst->result;
    return shared->state != INSTANCE_REFUSED && same && !shared->slight.message.len;
}

static void share_entries(Lang *lang, EntryPlan *plans, Instance **shared) {
    for (size_t i = 0; i < lang->unit->nentries; i++)
        if (shared[i] && !(plans[i].inst && is_as_good(shared[i], plans[i].inst)))
            shared[i] = NULL;
    bool *stuck = find_stuck(lang, shared, lang->unit->nentries);
    for (size_t i = 0; i < lang->unit->nentries; i++)
        if (shared[i] && !stuck[shared[i]->index])
            plans[i].inst = shared[i];
}

static bool takes_too_much(const Instance *inst) {
    uint32_t in = 0;
    for (uint32_t i = inst->nparams - (uint32_t)inst->bound->func->nparams; i < inst->nparams; i++)
        in += type_slots(inst->params[i]);
    return in > JITD_CALL_SLOTS || (inst->result && type_slots(inst->result) > JITD_CALL_SLOTS);
}

/* After everything has settled. */
static void plan_finish(Lang *lang, EntryPlan *plan) {
    if (!plan->inst)
        return;
    plan->diag = plan->inst->diag;
    if (plan->inst->state != INSTANCE_REFUSED && takes_too_much(plan->inst)) {
        plan->inst->state = INSTANCE_REFUSED;
        plan->diag = (Diag){.span = plan->inst->bound->function->span};
        plan->diag.message = pool_printf(lang->pool, "more than %d values in a call are not compiled", JITD_CALL_SLOTS);
    }
    bool is_slight = plan->inst->state != INSTANCE_REFUSED && plan->inst->slight.message.len;
    if (is_slight) /* for callers in compiled code it is there */
        plan->diag = plan->inst->slight;
    if (plan->inst->state == INSTANCE_REFUSED || is_slight)
        plan->inst = NULL;
}

/* Each function once. */
static void add_refusal(Lang *lang, const EntrySpec *entry, const Diag *diag, Refusal **list, size_t *n, size_t *cap) {
    for (size_t i = 0; i < *n; i++)
        if ((*list)[i].def == entry->def && (*list)[i].func == entry->func)
            return;
    FuncState *f = lang_func(lang, entry->def, entry->func);
    Refusal r = {.def = entry->def,
                 .func = entry->func,
                 .line = diag->span.line,
                 .col = diag->span.col,
                 .message = diag->message};
    r.rendered = diag_render(lang->pool, &f->source, diag);
    pool_push(lang->pool, *list, *n, *cap) = r;
}

static uint32_t entry_flags(const Instance *inst) {
    FuncKind kind = inst->bound->func->kind;
    bool no_self = kind == FUNC_FUNCTION || kind == FUNC_STATIC || kind == FUNC_CLASS;
    return (inst->loops ? PROGRAM_FLAG_LOOPS : 0) | (inst->python ? PROGRAM_FLAG_PYTHON : 0) |
           (inst->sized ? PROGRAM_FLAG_SIZED : 0) | (no_self ? PROGRAM_FLAG_NO_SELF : 0);
}

static void add_entry(Lang *lang, const EntryPlan *plan, Program *p, size_t *cap) {
    Instance *inst = plan->inst;
    uint32_t has_self = inst->nparams - (uint32_t)inst->bound->func->nparams;
    ProgramEntry e = {.def = plan->spec->def,
                      .func = plan->spec->func,
                      .params = inst->params + has_self,
                      .nparams = inst->nparams - has_self,
                      .result = inst->result ? inst->result : &type_none,
                      .flags = entry_flags(inst)};
    pool_push(lang->pool, p->entries, p->nentries, *cap) = e;
}

/* Known when all is built: such code calls the interpreter, as that of the math module does. */
static void flag_resumes(Lang *lang, const EntryPlan *plans, Program *p) {
    bool *marked = pool_array(lang->pool, bool, lang->ninstances + 1);
    for (size_t i = 0; i < lang->ninstances; i++)
        marked[lang->instances[i]->index] = lang->instances[i]->resumes;
    calls_spread(lang, marked);
    for (size_t i = 0, k = 0; i < lang->unit->nentries; i++) {
        if (!plans[i].inst)
            continue;
        if (marked[plans[i].inst->index])
            p->entries[k].flags |= PROGRAM_FLAG_PYTHON;
        k++;
    }
}

typedef struct Entries {
    Instance **at; /* those that were not refused */
    uint32_t n;
    unsigned *part; /* per entry: the module it is in */
} Entries;

static Entries entries_of(Lang *lang, const EntryPlan *plans) {
    size_t max = lang->unit->nentries + 1;
    Entries e = {.at = pool_array(lang->pool, Instance *, max), .part = pool_array(lang->pool, unsigned, max)};
    for (size_t i = 0; i < lang->unit->nentries; i++)
        if (plans[i].inst)
            e.at[e.n++] = plans[i].inst;
    return e;
}

static EmitModule *emit_part(Lang *lang, const Entries *e, unsigned part, const ProgramPart *in,
                             const EmitModule *before, LLVMModuleRef *ret_module) {
    LLVMModuleRef module = *ret_module = LLVMModuleCreateWithNameInContext("jitd", in->context);
    LLVMSetTarget(module, LLVMGetTarget(in->runtime));
    LLVMSetDataLayout(module, LLVMGetDataLayoutStr(in->runtime));
    EmitModule *m = emit_begin(lang, module, in->runtime, before);
    Instance **own = pool_array(lang->pool, Instance *, e->n + 1);
    size_t nown = 0;
    for (uint32_t i = 0; i < e->n; i++)
        if (e->part[i] == part) {
            own[nown++] = e->at[i];
            emit_declare(m, e->at[i]);
            emit_entry(m, e->at[i], i);
        }
    emit_rest(m, own, nown);
    return m;
}

static void emit_all(Lang *lang, const EntryPlan *plans, ProgramPart *parts, Program *p) {
    Entries e = entries_of(lang, plans);
    EmitModule *before = NULL;
    p->nmodules = parts_choose(lang, e.at, e.n, e.part);
    for (unsigned i = 0; i < p->nmodules; i++) {
        before = emit_part(lang, &e, i, &parts[i], before, &p->modules[i]);
        parts[i].runtime = NULL;
    }
    flag_resumes(lang, plans, p);
    p->sites = lang->sites;
    p->nsites = lang->nsites;
}

static bool dump_wants(const UnitSpec *unit, const EntrySpec *e, Str method) {
    return !method.ptr || str_eq(unit->defs[e->def].funcs[e->func].name, method);
}

static Str dump_function(Lang *lang, const EntryPlan *plan, ProgramDump dump) {
    FuncState *f = lang_func(lang, plan->spec->def, plan->spec->func);
    if (dump == PROGRAM_DUMP_TYPED || dump == PROGRAM_DUMP_FLOW ? !plan->inst : !f->bound)
        return diag_render(lang->pool, &f->source, &plan->diag);
    if (dump == PROGRAM_DUMP_AST)
        return ast_dump(lang->pool, f->bound->function);
    if (dump == PROGRAM_DUMP_FLOW)
        return flow_dump(lang->pool, flow_make(lang, plan->inst));
    return dump == PROGRAM_DUMP_BOUND ? bound_dump(lang->pool, f->bound) : typed_dump(lang, plan->inst);
}

static void dump_all(Lang *lang, EntryPlan *plans, ProgramDump dump, Str method, Program *p) {
    Str s = STR("");
    for (size_t i = 0; i < p->nwarnings && dump == PROGRAM_DUMP_TYPED && !method.ptr; i++)
        s = pool_printf(lang->pool, "%.*s%.*s\n", STR_FMT(s), STR_FMT(p->warnings[i].rendered));
    for (size_t i = 0; i < lang->unit->nentries; i++) {
        if (!dump_wants(lang->unit, plans[i].spec, method))
            continue;
        Str one = dump_function(lang, &plans[i], dump);
        s = pool_printf(lang->pool, "%.*s%.*s%s", STR_FMT(s), STR_FMT(one),
                        one.len && one.ptr[one.len - 1] == '\n' ? "" : "\n");
    }
    p->dump = s;
}

static Lang *lang_new(Pool *pool, const UnitSpec *unit) {
    Lang *lang = pool_new(pool, Lang);
    lang->pool = pool;
    lang->unit = unit;
    lang->funcs = pool_array(pool, FuncState *, unit->ndefs + 1);
    for (size_t i = 0; i < unit->ndefs; i++)
        lang->funcs[i] = pool_array(pool, FuncState, unit->defs[i].nfuncs + 1);
    return lang;
}

void program_compile(Pool *pool, const UnitSpec *unit, ProgramPart *parts, ProgramDump dump, Str method,
                     Program *ret_program) {
    Lang *lang = lang_new(pool, unit);
    Program p = {0};
    EntryPlan *plans = pool_array(pool, EntryPlan, unit->nentries + 1);
    size_t cap_entries = 0, cap_refused = 0, cap_parts = 0;
    uint64_t start = stage_now_us();
    stage_enter("infer");
    for (size_t i = 0; i < unit->nentries; i++)
        plans[i] = plan_entry(lang, &unit->entries[i]);
    instances_settle(lang);
    Instance **shared = pool_array(pool, Instance *, unit->nentries + 1);
    for (size_t i = 0; i < unit->nentries; i++)
        shared[i] = shared_of(lang, plans[i].inst);
    instances_settle(lang);
    for (size_t i = 0; i < unit->nentries; i++)
        plan_finish(lang, &plans[i]);
    calls_settle(lang);
    share_entries(lang, plans, shared);
    for (size_t i = 0; i < unit->nentries; i++) {
        const Diag *partly = plans[i].inst ? &plans[i].inst->partly : NULL;
        if (plans[i].inst)
            add_entry(lang, &plans[i], &p, &cap_entries);
        else
            add_refusal(lang, plans[i].spec, &plans[i].diag, &p.refused, &p.nrefused, &cap_refused);
        if (partly && partly->message.len)
            add_refusal(lang, plans[i].spec, partly, &p.parts, &p.nparts, &cap_parts);
    }
    assigned_check(lang, 0, &p.warnings, &p.nwarnings);
    p.lex_us = lang->lex_us;
    p.parse_us = lang->parse_us;
    p.resolve_us = lang->resolve_us;
    uint64_t inferred = stage_now_us();
    p.infer_us = inferred - start - p.lex_us - p.parse_us - p.resolve_us;
    stage_enter("emit");
    if (dump)
        dump_all(lang, plans, dump, method, &p);
    else
        emit_all(lang, plans, parts, &p);
    p.emit_us = stage_now_us() - inferred;
    *ret_program = p;
}
