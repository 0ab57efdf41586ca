/* Refs: reference counts. A value's references are counted for the value itself (owned), or for somebody else who keeps them
 * meanwhile (borrowed): a variable, a field, the caller. An owned value is taken over by what it is stored to, or given back
 * behind its last use; on every way, also where an operation fails. A borrowed value is counted, and owned from then on, if
 * something may drop it while it is still used: a store to its variable; for a field's all that may run other code or give
 * references back.
 *
 * A function that only looks at objects counts nothing but what it returns: its caller keeps them. Other code may run where
 * it polls, though, and drop the last count of what its variables borrow: from there on they are kept.
 *
 * Needs: fails[], FlowFail.outs and caught. Leaves: INCREF, DECREF, SET_FIELD.steals. Breaks: that a value's last use is its last. */
#include "server/compiler/flow/flow.h"

typedef uint64_t Word;

typedef struct Value {
    FlowOp *op;
    bool owned, pinned; /* pinned: borrowed first */
} Value;

/* Facts about one operation. */
typedef struct Uses {
    FlowOp *op;
    bool *dies;   /* by operand: it is the last use; NULL: no operand holds references */
    bool unused;  /* its own value is not used at all */
    Word *before; /* of an operation that can fail: what is alive before it */
    Word *only;   /* what only the handlers use that it goes to then; NULL: nothing */
} Uses;

/* Gives a value back, then what `rest` does. */
typedef struct Release {
    FlowBlock *block, *rest;
    struct Release *next;
} Release;

typedef struct Refs {
    FlowFunc *f;
    Value *values;
    uint32_t nvalues, nwords;
    uint32_t *index;  /* by FlowOp.id: of values, plus 1 */
    uint32_t nindex;  /* operations that were there before this pass */
    Word **in, **out; /* by place in f->blocks */
    size_t *place;    /* by FlowBlock.id */
    Word *live;
    Release **releases; /* by value */
    bool manages, changed;
} Refs;

static bool has(const Word *set, uint32_t i) {
    return set[i / 64] >> i % 64 & 1;
}

static void put(Word *set, uint32_t i) {
    set[i / 64] |= (Word)1 << i % 64;
}

static void drop(Word *set, uint32_t i) {
    set[i / 64] &= ~((Word)1 << i % 64);
}

static Word *new_set(const Refs *r) {
    return pool_array(r->f->pool, Word, r->nwords + 1);
}

static Value *value_of(const Refs *r, const FlowOp *op) {
    uint32_t i = op->id < r->nindex ? r->index[op->id] : 0;
    return i ? &r->values[i - 1] : NULL;
}

static bool is_counted(const FlowVar *var) {
    return type_has_refs(var->type) && var->count == FLOW_COUNT_OWN;
}

/* ---- what there is ---- */

/* Constants are None or unset: not counted. */
static bool holds_refs(const FlowOp *op) {
    return op->type && flow_kinds[op->kind].value != FLOW_VALUE_PLAIN && type_has_refs(op->type);
}

static bool is_owned(const FlowOp *op) {
    return flow_kinds[op->kind].value == FLOW_VALUE_OWNED ||
           (op->kind == FLOW_LOAD && op->var->count == FLOW_COUNT_MOVE);
}

static void find_values(Refs *r) {
    uint32_t cap = 0;
    for (size_t i = 0; i < r->f->nblocks; i++)
        for (size_t k = 0; k < r->f->blocks[i]->nops; k++)
            cap += holds_refs(r->f->blocks[i]->ops[k]);
    r->values = pool_array(r->f->pool, Value, cap + 1);
    r->nindex = r->f->nops;
    r->index = pool_array(r->f->pool, uint32_t, r->nindex + 1);
    r->manages = r->f->inst->manages;
    for (size_t i = 0; i < r->f->nblocks; i++)
        for (size_t k = 0; k < r->f->blocks[i]->nops; k++) {
            FlowOp *op = r->f->blocks[i]->ops[k];
            if (!holds_refs(op))
                continue;
            r->manages |= op->kind == FLOW_CALL || op->kind == FLOW_NEW || op->kind == FLOW_REGION ||
                          op->kind == FLOW_MAKE || op->kind == FLOW_ATTRIBUTE || op->kind == FLOW_METHOD ||
                          op->kind == FLOW_GET || op->kind == FLOW_GET_NAMED;
            r->values[r->nvalues++] = (Value){.op = op, .owned = is_owned(op)};
            r->index[op->id] = r->nvalues;
        }
    r->nwords = (r->nvalues + 63) / 64;
    r->releases = pool_array(r->f->pool, Release *, r->nvalues + 1);
}

/* ---- what is alive where ---- */

/* What a failed operation hands over it has kept itself, until it leaves the function. */
static uint32_t nuses(const FlowOp *op) {
    return op->kind == FLOW_RESUME || op->failed ? 0 : flow_nuses(op);
}

/* What the handlers use that it goes to where it fails. */
static void add_caught(const Refs *r, const FlowOp *op, Word *live) {
    for (size_t i = 0; op->fail && i < op->fail->ncaught; i++)
        for (uint32_t w = 0; w < r->nwords; w++)
            live[w] |= r->in[r->place[op->fail->caught[i].handler->id]][w];
}

/* From behind an operation to before it. */
static void step_back(const Refs *r, const FlowOp *op, Word *live) {
    const Value *v = value_of(r, op);
    if (v)
        drop(live, (uint32_t)(v - r->values));
    add_caught(r, op, live);
    for (uint32_t i = 0, n = nuses(op); i < n; i++)
        if ((v = value_of(r, flow_use(op, i))))
            put(live, (uint32_t)(v - r->values));
}

/* What is alive behind a block, to walk back from; until the next call. */
static Word *live_behind(Refs *r, size_t block) {
    memcpy(r->live, r->out[block], r->nwords * sizeof *r->live);
    return r->live;
}

static bool flow_back(Refs *r, size_t block) {
    FlowBlock *b = r->f->blocks[block];
    FlowOp *end = flow_end(b);
    for (int e = 0; e < 2; e++)
        for (uint32_t w = 0; end->to[e] && w < r->nwords; w++)
            r->out[block][w] |= r->in[r->place[end->to[e]->id]][w];
    Word *live = live_behind(r, block);
    for (size_t k = b->nops; k > 0; k--)
        step_back(r, b->ops[k - 1], live);
    if (!memcmp(live, r->in[block], r->nwords * sizeof *live))
        return false;
    memcpy(r->in[block], live, r->nwords * sizeof *live);
    return true;
}

static size_t *places_of(const FlowFunc *f) {
    size_t *place = pool_array(f->pool, size_t, f->block_ids);
    for (size_t i = 0; i < f->nblocks; i++)
        place[f->blocks[i]->id] = i;
    return place;
}

static void find_live(Refs *r) {
    r->place = places_of(r->f);
    r->in = pool_array(r->f->pool, Word *, r->f->nblocks);
    r->out = pool_array(r->f->pool, Word *, r->f->nblocks);
    r->live = new_set(r);
    for (size_t i = 0; i < r->f->nblocks; i++) {
        r->in[i] = new_set(r);
        r->out[i] = new_set(r);
    }
    for (bool again = true; again;) {
        again = false;
        for (size_t i = r->f->nblocks; i > 0; i--)
            again |= flow_back(r, i - 1);
    }
}

/* ---- what must be counted although it is borrowed ---- */

/* It is counted for another object. */
static bool is_of_object(const FlowOp *op) {
    return op->kind == FLOW_FIELD || op->kind == FLOW_ITEM || op->kind == FLOW_READ || op->kind == FLOW_FIND;
}

static void pin(Refs *r, Value *v) {
    if (v->owned)
        return;
    v->owned = v->pinned = r->changed = true;
}

/* What is alive and kept by something that changes now: `var`, or NULL: any field. */
static void pin_borrowed(Refs *r, const Word *live, const FlowVar *var) {
    for (uint32_t i = 0; i < r->nvalues; i++) {
        FlowOp *op = r->values[i].op;
        if (has(live, i) && (var ? op->kind == FLOW_LOAD && op->var == var : is_of_object(op)))
            pin(r, &r->values[i]);
    }
}

static bool runs(const FlowFunc *f, const FlowOp *op) {
    FlowDoes does = flow_kinds[op->kind].does;
    if (op->kind == FLOW_STORE)
        return is_counted(op->var);
    if (op->kind == FLOW_SET_FIELD)
        return type_has_refs(f->lang->unit->defs[op->def].fields[op->field].type);
    return does == FLOW_DOES_RUNS || does == FLOW_DOES_CALLS;
}

static void pin_args(Refs *r, const FlowOp *op) {
    for (uint32_t i = 0; i < op->nargs; i++) {
        Value *v = value_of(r, op->args[i]);
        if (v && is_of_object(v->op))
            pin(r, v);
    }
}

/* Does an owned value end with this operation? `live` is behind it. */
static bool gives_back(const Refs *r, const FlowOp *op, const Word *live) {
    for (uint32_t i = 0, n = nuses(op); i < n; i++) {
        const Value *v = value_of(r, flow_use(op, i));
        if (v && v->owned && !has(live, (uint32_t)(v - r->values)))
            return true;
    }
    return false;
}

static void pin_block(Refs *r, size_t block) {
    FlowBlock *b = r->f->blocks[block];
    Word *live = live_behind(r, block);
    for (size_t k = b->nops; k > 0; k--) {
        const FlowOp *op = b->ops[k - 1];
        add_caught(r, op, live);
        if (runs(r->f, op) || gives_back(r, op, live))
            pin_borrowed(r, live, NULL);
        if (op->kind == FLOW_STORE)
            pin_borrowed(r, live, op->var);
        if (flow_kinds[op->kind].does == FLOW_DOES_CALLS)
            pin_args(r, op);
        step_back(r, op, live);
    }
    /* what ends on one of the ways here is given back at its begin */
    pin_borrowed(r, r->in[block], NULL);
}

static void find_pins(Refs *r) {
    do {
        r->changed = false;
        for (size_t i = 0; i < r->f->nblocks; i++)
            pin_block(r, i);
    } while (r->changed);
}

/* ---- counting ---- */

typedef struct Writer {
    Refs *r;
    FlowBlock *block;
    FlowOp **pending; /* pinned values that are not counted yet: while they are only looked at */
    size_t npending;
    bool *is_pending; /* by value */
} Writer;

static void emit(Writer *w, FlowOp *op) {
    flow_append(w->r->f, w->block, op);
}

static void count(Writer *w, FlowKind kind, FlowOp *v) {
    emit(w, flow_op(w->r->f, kind, NULL, &v, 1));
}

static void flush(Writer *w) {
    for (size_t i = 0; i < w->npending; i++) {
        count(w, FLOW_INCREF, w->pending[i]);
        w->is_pending[value_of(w->r, w->pending[i]) - w->r->values] = false;
    }
    w->npending = 0;
}

/* Which operands' counts it takes over. */
static bool takes(const Refs *r, const FlowOp *op, uint32_t arg) {
    FlowUses uses = flow_kinds[op->kind].uses;
    bool counts = r->manages || (op->kind == FLOW_STORE && op->var->count == FLOW_COUNT_RESULT);
    if (op->kind == FLOW_STORE && op->var->count == FLOW_COUNT_CALLER)
        return false;
    return counts && (uses == FLOW_USES_TAKES_ALL || (uses == FLOW_USES_TAKES && arg + 1 == op->nargs));
}

/* What the interpreter gives is counted, in a function that counts nothing, too. */
static bool is_given(const Refs *r, const Value *v) {
    return v->op->kind == FLOW_RESUMED && !r->manages;
}

/* Hands the operands over that it takes: values whose last use it is do not die then. */
static void hand_over(Writer *w, const Uses *u) {
    for (uint32_t i = 0; i < u->op->nargs; i++) {
        const Value *v = value_of(w->r, u->op->args[i]);
        if (!v || !takes(w->r, u->op, i) || is_given(w->r, v))
            continue;
        bool own = v->owned && u->dies && u->dies[i];
        if (own)
            u->dies[i] = false;
        if (u->op->kind == FLOW_SET_FIELD)
            u->op->steals = own;
        else if (!own)
            count(w, FLOW_INCREF, u->op->args[i]);
    }
}

/* A block that gives a value back and goes on to `rest`. */
static FlowBlock *giving_back(Refs *r, uint32_t value, FlowBlock *rest) {
    for (Release *known = r->releases[value]; known; known = known->next)
        if (known->rest == rest)
            return known->block;
    Release *release = pool_new(r->f->pool, Release);
    *release = (Release){.block = flow_block(r->f, "release"), .rest = rest, .next = r->releases[value]};
    r->releases[value] = release;
    flow_append(r->f, release->block, flow_op(r->f, FLOW_DECREF, NULL, &r->values[value].op, 1));
    flow_append(r->f, release->block, flow_jump(r->f, rest));
    return release->block;
}

/* The same on the way to a handler, but for what is used there. */
static void release_caught(Writer *w, const Uses *u, const FlowCaught *caught) {
    Refs *r = w->r;
    const Word *used = r->in[r->place[caught->handler->id]];
    FlowBlock *to = caught->handler;
    for (uint32_t v = 0; v < r->nvalues; v++)
        if (has(u->before, v) && r->values[v].owned && !w->is_pending[v] && !has(used, v))
            to = giving_back(r, v, to);
    flow_end(caught->from)->to[0] = to;
}

/* On the ways out where it fails: what is owned before it, the youngest first. Operations that follow each other own much
 * the same: they share the blocks. */
static void release_on_failure(Writer *w, const Uses *u) {
    Refs *r = w->r;
    FlowBlock *to = r->f->exit;
    for (uint32_t v = 0; v < r->nvalues; v++)
        if (has(u->before, v) && r->values[v].owned && !w->is_pending[v])
            to = giving_back(r, v, to);
    for (unsigned i = 0; i < u->op->fail->nouts; i++)
        flow_end(u->op->fail->outs[i])->to[0] = to;
    for (size_t i = 0; i < u->op->fail->ncaught; i++)
        release_caught(w, u, &u->op->fail->caught[i]);
}

/* A block that ends in a failure gives back on that way what it owns. */
static bool always_fails(const FlowOp *op) {
    return op->fail && flow_kinds[op->kind].does == FLOW_DOES_ENDS;
}

static void drop_dead(Writer *w, const Uses *u) {
    for (uint32_t i = 0, n = nuses(u->op); i < n; i++) {
        const Value *v = value_of(w->r, flow_use(u->op, i));
        if (!v || !v->owned || !u->dies[i])
            continue;
        flush(w);
        count(w, FLOW_DECREF, v->op);
    }
}

/* It has not failed: nobody uses that any more. */
static void drop_caught(Writer *w, const Uses *u) {
    for (uint32_t v = 0; v < w->r->nvalues; v++) {
        if (!has(u->only, v) || !w->r->values[v].owned)
            continue;
        flush(w);
        count(w, FLOW_DECREF, w->r->values[v].op);
    }
}

static void write_op(Writer *w, const Uses *u) {
    Refs *r = w->r;
    FlowOp *op = u->op, *old = NULL;
    if (op->kind != FLOW_CONST && op->kind != FLOW_COMPARE && op->kind != FLOW_GUARD)
        flush(w);
    if (op->fail && u->before)
        release_on_failure(w, u);
    hand_over(w, u);
    if (op->kind == FLOW_STORE && r->manages && is_counted(op->var))
        emit(w, old = flow_load(r->f, op->var));
    emit(w, op);
    if (old)
        count(w, FLOW_DECREF, old);
    const Value *own = value_of(r, op);
    if (own && own->pinned && !u->unused) {
        w->is_pending[own - r->values] = true;
        w->pending[w->npending++] = op;
    }
    if (u->dies && !always_fails(op))
        drop_dead(w, u);
    if (u->only && !always_fails(op))
        drop_caught(w, u);
    if (own && own->owned && !own->pinned && u->unused)
        count(w, FLOW_DECREF, op);
}

/* live: behind the operation */
static Word *only_caught(const Refs *r, const FlowOp *op, const Word *live) {
    Word *only = op->fail && op->fail->ncaught ? new_set(r) : NULL;
    if (only)
        add_caught(r, op, only);
    for (uint32_t w = 0; only && w < r->nwords; w++)
        only[w] &= ~live[w];
    return only;
}

/* Walks backwards and notes what each operation uses last. */
static Uses *uses_of(Refs *r, size_t block) {
    FlowBlock *b = r->f->blocks[block];
    Uses *uses = pool_array(r->f->pool, Uses, b->nops + 1);
    Word *live = live_behind(r, block);
    for (size_t k = b->nops; k > 0; k--) {
        FlowOp *op = b->ops[k - 1];
        const Value *own = value_of(r, op);
        uses[k - 1] = (Uses){.op = op, .unused = own && !has(live, (uint32_t)(own - r->values))};
        uses[k - 1].only = only_caught(r, op, live);
        add_caught(r, op, live);
        for (uint32_t i = nuses(op), n = i; i > 0; i--) {
            const Value *v = value_of(r, flow_use(op, i - 1));
            if (!v || has(live, (uint32_t)(v - r->values)))
                continue;
            if (!uses[k - 1].dies)
                uses[k - 1].dies = pool_array(r->f->pool, bool, n);
            uses[k - 1].dies[i - 1] = true;
            put(live, (uint32_t)(v - r->values));
        }
        step_back(r, op, live);
        if (op->fail) {
            uses[k - 1].before = new_set(r);
            memcpy(uses[k - 1].before, live, r->nwords * sizeof *live);
        }
    }
    return uses;
}

static void write_block(Writer *w, size_t block) {
    Refs *r = w->r;
    FlowBlock *b = r->f->blocks[block];
    size_t n = b->nops;
    Uses *uses = uses_of(r, block);
    w->block = b;
    b->ops = NULL;
    b->nops = b->cap = 0;
    for (size_t k = 0; k < n; k++)
        write_op(w, &uses[k]);
}

/* What is alive at a branch but not on one of its ways is given back on that way. */
static void release_on_edges(Refs *r, size_t block) {
    FlowOp *end = flow_end(r->f->blocks[block]);
    for (int e = 0; e < 2 && end->to[1]; e++) {
        const Word *in = r->in[r->place[end->to[e]->id]];
        FlowBlock *edge = NULL;
        for (uint32_t v = 0; v < r->nvalues; v++) {
            if (!r->values[v].owned || !has(r->out[block], v) || has(in, v))
                continue;
            if (!edge)
                edge = flow_block(r->f, "drop");
            flow_append(r->f, edge, flow_op(r->f, FLOW_DECREF, NULL, &r->values[v].op, 1));
        }
        if (!edge)
            continue;
        flow_append(r->f, edge, flow_jump(r->f, end->to[e]));
        end->to[e] = edge;
    }
}

/* The function's end gives back what its variables hold. */
static void release_vars(Refs *r) {
    size_t n = r->f->nvars;
    for (size_t i = 0; i < n; i++) {
        if (!is_counted(r->f->vars[i]))
            continue;
        FlowOp *held = flow_load(r->f, r->f->vars[i]);
        flow_insert(r->f, r->f->exit, r->f->exit->nops - 1, held);
        flow_insert(r->f, r->f->exit, r->f->exit->nops - 1, flow_op(r->f, FLOW_DECREF, NULL, &held, 1));
    }
}

/* ---- functions that count nothing ---- */

/* Before a poll at ops[at]: keeps what the variables refer to. */
static size_t keep(Refs *r, FlowBlock *block, size_t at, FlowVar *const *vars, uint32_t n, FlowVar *polled) {
    FlowOp **now = pool_array(r->f->pool, FlowOp *, n + 1), *yes = flow_const_int(r->f, &type_bool, true);
    for (uint32_t i = 0; i < n; i++)
        flow_insert(r->f, block, at++, now[i] = flow_load(r->f, vars[i]));
    flow_insert(r->f, block, at++, flow_op(r->f, FLOW_KEEP, NULL, now, n));
    flow_insert(r->f, block, at++, yes);
    flow_insert(r->f, block, at++, flow_store(r->f, polled, yes));
    return at;
}

/* At the end what is kept is given back, if there was such a poll. */
static void drop_kept(Refs *r, FlowVar *polled) {
    FlowBlock *exit = r->f->exit, *rare = flow_block(r->f, "drop"), *out = flow_block(r->f, "out");
    flow_append(r->f, out, exit->ops[--exit->nops]);
    flow_append(r->f, rare, flow_op(r->f, FLOW_DROP, NULL, NULL, 0));
    flow_append(r->f, rare, flow_jump(r->f, out));
    FlowOp *any = flow_load(r->f, polled);
    flow_append(r->f, exit, any);
    flow_append(r->f, exit, flow_branch(r->f, any, rare, out, true));
}

static void keep_at_polls(Refs *r) {
    FlowVar **vars = pool_array(r->f->pool, FlowVar *, r->f->nvars + 1), *polled;
    uint32_t n = 0, polls = 0;
    for (size_t i = 0; i < r->f->nvars; i++)
        if (is_counted(r->f->vars[i])) {
            vars[n++] = r->f->vars[i];
            r->f->nkept += type_slots(r->f->vars[i]->type);
        }
    if (!n)
        return;
    polled = flow_var(r->f, &type_bool, STR("polled"), FLOW_COUNT_OWN);
    polled->init = true;
    for (size_t i = 0; i < r->f->nblocks; i++)
        for (size_t k = 0; k < r->f->blocks[i]->nops; k++)
            if (r->f->blocks[i]->ops[k]->kind == FLOW_POLL) {
                k = keep(r, r->f->blocks[i], k, vars, n, polled);
                polls++;
            }
    if (polls)
        drop_kept(r, polled);
}

void flow_refs(FlowFunc *f) {
    Refs r = {.f = f};
    find_values(&r);
    find_live(&r);
    for (uint32_t i = 0; !r.manages && i < r.nvalues; i++)
        r.values[i].owned = false;
    f->manages = r.manages;
    if (r.manages)
        find_pins(&r);
    size_t n = f->nblocks;
    Writer w = {.r = &r};
    w.pending = pool_array(f->pool, FlowOp *, r.nvalues + 1);
    w.is_pending = pool_array(f->pool, bool, r.nvalues + 1);
    for (size_t i = 0; i < n; i++)
        write_block(&w, i);
    for (size_t i = 0; r.manages && i < n; i++)
        if (!f->blocks[i]->failed)
            release_on_edges(&r, i);
    if (r.manages)
        release_vars(&r);
    else
        keep_at_polls(&r);
}
