/* What is known at a point of a function: types of locals, whether they are bound, effects so far. Environments form a
 * lattice; joins only go up it, which is why loops settle. */
#include "server/compiler/infer.h"

Env env_copy(Infer *in, const Env *env) {
    Env copy = *env;
    size_t n = in->bound->nlocals;
    copy.locals = pool_array(in->pool, LocalState, n + 1);
    if (n && env->locals)
        memcpy(copy.locals, env->locals, n * sizeof *copy.locals);
    return copy;
}

Env env_dead(void) {
    return (Env){.dead = true};
}

/* A number, or a tuple of such and of references: a reference alone has a value for None. */
static bool has_a_none(const Type *t, bool in_tuple) {
    for (size_t i = 0; t->kind == TYPE_TUPLE && i < t->nitems; i++)
        if (!has_a_none(t->items[i], true))
            return false;
    bool is_plain = (type_is_scalar(t) && !type_is_sized(t)) || (in_tuple && t->kind == TYPE_REF);
    return !type_is_maybe(t) && (t->kind == TYPE_TUPLE || is_plain);
}

const Type *type_maybe(Pool *pool, const Type *item) {
    if (type_is_maybe(item) || !has_a_none(item, false))
        return type_is_maybe(item) ? item : NULL;
    Type *t = pool_new(pool, Type);
    *t = (Type){.kind = TYPE_TUPLE, .optional = true, .nitems = 2, .items = pool_array(pool, const Type *, 2)};
    t->items[0] = &type_bool;
    t->items[1] = item;
    return t;
}

/* NULL, too: neither of the two is, or may be, None. */
static const Type *join_maybe(Pool *pool, const Type *a, const Type *b) {
    const Type *x = a->kind == TYPE_NONE ? b : a, *y = x == a ? b : a;
    const Type *both = type_maybe(pool, x);
    if (y->kind == TYPE_NONE)
        return both;
    const Type *other = type_maybe(pool, y);
    bool is_maybe = type_is_maybe(x) || type_is_maybe(y);
    return is_maybe && both && other && type_eq(both, other) ? both : NULL;
}

/* The nearest class that both are, or extend; -1: there is none. */
static int64_t common_class(const Lang *lang, uint32_t a, uint32_t b) {
    int64_t found = a == b ? (int64_t)a : -1;
    for (uint32_t i = 0; a != b && i < lang->unit->ndefs; i++)
        if (lang_extends(lang, a, i) && lang_extends(lang, b, i) &&
            (found < 0 || lang->unit->defs[i].nheirs < lang->unit->defs[found].nheirs))
            found = i;
    return found;
}

static const Type *join_refs(const Lang *lang, const Type *a, const Type *b) {
    int64_t def = common_class(lang, a->def, b->def);
    Type *t = pool_new(lang->pool, Type);
    *t = (Type){.kind = TYPE_REF, .def = (uint32_t)def, .optional = a->optional || b->optional};
    t->exact = a->exact && b->exact && a->def == b->def;
    return def < 0 ? NULL : t;
}

const Type *type_join(const Lang *lang, const Type *a, const Type *b) {
    Pool *pool = lang->pool;
    if (type_eq(a, b))
        return a;
    if (a->kind == TYPE_PY && b->kind == TYPE_PY)
        return &type_py;
    if (a->kind == TYPE_NONE && b->kind == TYPE_REF)
        return type_or_none(pool, b, true);
    if (b->kind == TYPE_NONE && a->kind == TYPE_REF)
        return type_or_none(pool, a, true);
    if (a->kind == TYPE_REF && b->kind == TYPE_REF)
        return join_refs(lang, a, b);
    return join_maybe(pool, a, b);
}

/* From now on the local has one variable for None and for that. False: it has one for another type. */
static bool note_maybe(Infer *in, uint32_t local, const Type *type) {
    Instance *inst = in->inst;
    if (!inst->maybe)
        inst->maybe = pool_array(in->pool, const Type *, in->bound->nlocals + 1);
    if (inst->maybe[local])
        return type_eq(inst->maybe[local], type);
    inst->maybe[local] = type;
    return true;
}

static void local_join(Infer *in, uint32_t local, LocalState *into, const LocalState *from) {
    if (!into->type || !from->type) {
        if (!into->type)
            *into = *from;
        into->maybe_unbound = into->type != NULL;
        return;
    }
    into->maybe_unbound |= from->maybe_unbound;
    if (into->conflict)
        return;
    const Type *both = type_join(in->lang, into->type, from->type);
    if (both && type_is_maybe(both) && !note_maybe(in, local, both))
        both = NULL;
    if (both)
        into->type = both;
    into->conflict = both ? from->conflict : from->type;
    into->conflict_line = both ? from->conflict_line : from->line;
}

void env_join(Infer *in, Env *into, const Env *from) {
    if (from->dead)
        return;
    if (into->dead) {
        *into = env_copy(in, from);
        return;
    }
    into->effect = into->effect > from->effect ? into->effect : from->effect;
    into->undo |= from->undo;
    for (uint32_t i = 0; i < in->bound->nlocals; i++)
        local_join(in, i, &into->locals[i], &from->locals[i]);
}

static bool local_equal(const LocalState *a, const LocalState *b) {
    if (!a->type || !b->type)
        return a->type == b->type;
    return type_eq(a->type, b->type) && a->maybe_unbound == b->maybe_unbound && !a->conflict == !b->conflict;
}

bool env_equal(Infer *in, const Env *a, const Env *b) {
    if (a->dead != b->dead)
        return false;
    if (a->dead)
        return true;
    if (a->effect != b->effect || a->undo != b->undo)
        return false;
    for (uint32_t i = 0; i < in->bound->nlocals; i++)
        if (!local_equal(&a->locals[i], &b->locals[i]))
            return false;
    return true;
}

void env_bind(Infer *in, uint32_t local, const Type *type, int line) {
    bool boxed = in->inst->boxed && in->inst->boxed[local];
    if (!boxed && type_is_maybe(type) && !note_maybe(in, local, type))
        infer_box(in, local, &(Diag){.span = in->bound->function->span, .message = STR("a local is of several types")});
    in->env.locals[local] = (LocalState){.type = boxed ? &type_py : type, .line = line};
    infer_note_raised(in);
}

bool is_own_self(const Infer *in, const Node *n) {
    const CallInfo *call = n->kind == NODE_Call ? in->info[n->id].call : NULL;
    if (call && call->kind == CALL_SUPER)
        return true;
    if (n->kind != NODE_Name || !in->bound->nleading)
        return false;
    const Binding *b = &in->bound->binding[n->id];
    return b->kind == BIND_LOCAL && b->local == 0 && !in->bound->assigned[0];
}

void effect_commit(Infer *in) {
    in->env.effect = EFFECT_COMMITTED;
    in->inst->commits = true;
}

/* What sized arithmetic has wrapped, the interpreter would not. */
bool effect_is_final(const Infer *in) {
    return in->env.effect == EFFECT_COMMITTED || in->inst->sized;
}

void effect_store_self(Infer *in, uint32_t field, bool is_ref) {
    if (is_ref || field >= 64) {
        in->inst->stores_self_refs = true;
        if (!in->inst->fresh)
            in->env.effect = EFFECT_COMMITTED;
        return;
    }
    in->inst->self_stores |= (uint64_t)1 << field;
    if (in->inst->fresh)
        return;
    in->env.undo |= (uint64_t)1 << field;
    if (in->env.effect == EFFECT_NONE)
        in->env.effect = EFFECT_UNDO;
}

bool effect_can_resume(const Infer *in) {
    if (in->inst->sized || in->lang->unit->wrap)
        return false;
    for (uint32_t i = 0; i < in->bound->nlocals; i++)
        if (in->env.locals[i].conflict && in->bound->last_read[i] >= in->from)
            return false;
    return true;
}

/* Most operations find the locals as the one before them did. */
static const LocalState *note_locals(Infer *in) {
    bool same = in->noted != NULL;
    for (uint32_t i = 0; same && i < in->bound->nlocals; i++)
        same = local_equal(&in->noted[i], &in->env.locals[i]);
    return in->noted = same ? in->noted : env_copy(in, &in->env).locals;
}

/* Where the interpreter may have to go on it must be known which of a local's variables has it. */
static void note_split(Infer *in, const Node *n) {
    for (uint32_t i = 0; i < in->bound->nlocals; i++)
        if (in->env.locals[i].conflict && bound_may_be_read(in->bound, n, i, in->from))
            in->split[i] = true;
}

void infer_mark(Infer *in, const Node *n) {
    NodeInfo *info = &in->info[n->id];
    if (!in->env.dead && in->env.effect == EFFECT_COMMITTED)
        note_split(in, n);
    info->locals = in->env.dead ? NULL : note_locals(in);
    info->effect = (uint8_t)in->env.effect;
    info->undo = in->env.undo;
}
