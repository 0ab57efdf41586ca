/* Infer, expressions: names, constants, members, conditions and what they narrow. Operators are in infer_op.c, calls in
 * infer_call.c. */
#include "server/compiler/infer.h"

const char *type_words(Infer *in, const Type *t) {
    if (t->kind == TYPE_REF) {
        Str name = lang_short_name(&in->lang->unit->defs[t->def]);
        return pool_printf(in->pool, t->optional ? "Optional[%.*s]" : "%.*s", STR_FMT(name)).ptr;
    }
    if (type_is_list(t))
        return pool_printf(in->pool, "list[%s]", type_words(in, t->items[0])).ptr;
    if (t->kind == TYPE_PY && t->likely == PY_SET)
        return pool_printf(in->pool, "set[%s]", type_words(in, t->items[0])).ptr;
    if (t->kind == TYPE_PY && t->likely == PY_DICT)
        return pool_printf(in->pool, "dict[%s, %s]", type_words(in, t->items[0]), type_words(in, t->items[1])).ptr;
    if (type_is_maybe(t))
        return pool_printf(in->pool, "Optional[%s]", type_words(in, t->items[1])).ptr;
    if (t->kind != TYPE_TUPLE)
        return t->kind == TYPE_NONE ? "None" : t->kind == TYPE_PY ? "a Python object" : type_scalar_name(t->kind);
    Str s = STR("tuple[");
    for (size_t i = 0; i < t->nitems; i++)
        s = pool_printf(in->pool, "%.*s%s%s", STR_FMT(s), i ? ", " : "", type_words(in, t->items[i]));
    return pool_printf(in->pool, "%.*s]", STR_FMT(s)).ptr;
}

static const Type *infer_constant(Infer *in, const Node *n) {
    const Const *c = &n->Constant.value;
    switch (c->kind) {
    case CONST_NONE:
        return &type_none;
    case CONST_TRUE:
    case CONST_FALSE:
        return &type_bool;
    case CONST_INT:
        if (c->big)
            fail(in->c, n->span, "this int does not fit in 64 bits");
        return &type_int;
    case CONST_FLOAT:
        return &type_float;
    case CONST_COMPLEX:
        fail(in->c, n->span, "complex is not compiled yet");
    case CONST_STR:
        return infer_object_text(in, n, c->s);
    case CONST_BYTES:
        fail(in->c, n->span, "bytes is not compiled yet");
    default:
        fail(in->c, n->span, "Ellipsis is not compiled");
    }
}

const Type *global_const_type(Infer *in, const Node *n, const Global *g) {
    switch (g->kind) {
    case GLOBAL_INT:
        return &type_int;
    case GLOBAL_FLOAT:
        return &type_float;
    case GLOBAL_BOOL:
        return &type_bool;
    case GLOBAL_NONE:
        return &type_none;
    case GLOBAL_STR:
        fail(in->c, n->span, "str is not compiled yet, but in the arguments of exceptions");
    case GLOBAL_OTHER:
    case GLOBAL_EXCEPTION:
        fail(in->c, n->span, "'%.*s' is not compiled: %.*s", STR_FMT(g->name), STR_FMT(g->s));
    default:
        fail(in->c, n->span, "'%.*s' is compiled only where it is called", STR_FMT(g->name));
    }
}

bool infer_const_int(const Infer *in, const Node *n, int64_t *ret_value) {
    int64_t value;
    if (n->kind == NODE_UnaryOp && n->UnaryOp.op == OP_USub)
        return infer_const_int(in, n->UnaryOp.operand, &value) && !__builtin_sub_overflow(0, value, ret_value);
    if (n->kind == NODE_Constant && n->Constant.value.kind == CONST_INT && !n->Constant.value.big) {
        *ret_value = n->Constant.value.i;
        return true;
    }
    if (n->kind != NODE_Name)
        return false;
    const Binding *b = &in->bound->binding[n->id];
    if (b->kind != BIND_GLOBAL || b->global->kind != GLOBAL_INT)
        return false;
    *ret_value = b->global->i;
    return true;
}

static const Type *infer_local(Infer *in, const Node *n, uint32_t local) {
    const LocalState *s = &in->env.locals[local];
    Str name = in->bound->locals[local];
    if (local == 0 && in->bound->nleading && in->bound->func->kind == FUNC_CLASS && !s->type)
        fail(in->c, n->span, "a class as a value is not compiled, only calls of it");
    if (s->conflict)
        fail_hint(in->c, n->span,
                  s->type->kind == TYPE_INT && s->conflict->kind == TYPE_FLOAT ? "start with 0.0 instead of 0"
                                                                               : "use one name for each type",
                  "'%.*s' is %s from line %d and %s from line %d", STR_FMT(name), type_words(in, s->type), s->line,
                  type_words(in, s->conflict), s->conflict_line);
    if (!s->type || s->maybe_unbound) {
        if (in->bound->inside[n->id]) /* CPython says so in other words there */
            fail(in->c, n->span, "'%.*s' may be used before it is assigned", STR_FMT(name));
        infer_mark(in, n);
        if (!s->type)
            fail(in->c, n->span, "'%.*s' may be used before it is assigned", STR_FMT(name));
        in->info[n->id].flags |= NODE_MAYBE_UNBOUND;
    }
    return s->type;
}

static const Type *infer_name(Infer *in, const Node *n) {
    const Binding *b = &in->bound->binding[n->id];
    if (b->kind == BIND_LOCAL)
        return infer_local(in, n, b->local);
    switch (b->global->kind) {
    case GLOBAL_INT:
    case GLOBAL_FLOAT:
    case GLOBAL_BOOL:
    case GLOBAL_NONE:
        return global_const_type(in, n, b->global);
    default:
        return infer_object_global(in, n);
    }
}

/* ---- members ---- */

bool infer_is_own_float(Infer *in, const Node *target) {
    if (target->kind != NODE_Attribute || !is_own_self(in, target->Attribute.value))
        return false;
    const DefSpec *d = &in->lang->unit->defs[in->bound->def_index];
    int at = d->is_class ? def_find_field(d, bound_mangle(in->pool, in->bound, target->Attribute.attr)) : -1;
    return at >= 0 && d->fields[at].type->kind == TYPE_FLOAT;
}

static MemberInfo *member_new(Infer *in, const Node *n, MemberInfo m) {
    MemberInfo *copy = pool_new(in->pool, MemberInfo);
    *copy = m;
    in->info[n->id].member = copy;
    return copy;
}

static _Noreturn void no_member(Infer *in, const Node *n, uint32_t def, Str name) {
    const DefSpec *d = &in->lang->unit->defs[def];
    const Global *other = def_find_const(&d->other, name);
    if (other)
        fail(in->c, n->span, "'%.*s' is not compiled: %.*s", STR_FMT(name), STR_FMT(other->s));
    if (lang_find_func(in->lang, def, name) >= 0)
        fail(in->c, n->span, "a method as a value is not compiled, only calls of it");
    Str cls = lang_short_name(d);
    fail(in->c, n->span, "'%.*s' object has no attribute '%.*s'", STR_FMT(cls), STR_FMT(name));
}

static const MemberInfo *property_member(Infer *in, const Node *n, uint32_t def, int func, bool store) {
    const Type **params = pool_array(in->pool, const Type *, 2);
    params[0] = lang_exact(in->lang, def);
    if (store)
        params[1] = infer_param_type(in, &in->lang->unit->defs[def].funcs[func].params[0], in->info[n->id].type);
    Instance *callee = infer_instance(in, n, def, (uint32_t)func, params, store ? 2 : 1, false);
    return member_new(in, n, (MemberInfo){.kind = MEMBER_PROPERTY, .def = def, .callee = callee});
}

/* An object that the instance has in this process. */
static const MemberInfo *python_member(Infer *in, const Node *n, uint32_t def, const Type *type) {
    in->inst->python = in->inst->manages = true;
    return member_new(in, n, (MemberInfo){.kind = MEMBER_PYTHON, .def = def, .type = type});
}

/* Class constants of `cls.X` and `Class.X`. */
static const Global *class_const(Infer *in, const Node *n) {
    const Node *base = n->Attribute.value;
    if (base->kind != NODE_Name)
        return NULL;
    const Binding *b = &in->bound->binding[base->id];
    uint32_t def;
    if (b->kind == BIND_GLOBAL && b->global->kind == GLOBAL_DEF && in->lang->unit->defs[b->global->def].is_class)
        def = b->global->def;
    else if (b->kind == BIND_LOCAL && b->local == 0 && in->bound->nleading && in->bound->func->kind == FUNC_CLASS)
        def = in->bound->def_index;
    else
        return NULL;
    Str name = bound_mangle(in->pool, in->bound, n->Attribute.attr);
    const Global *g = def_find_const(&in->lang->unit->defs[def].consts, name);
    if (!g)
        no_member(in, n, def, name);
    return g;
}

/* __getattr__ too, for a field that may be unset. */
void infer_access(Infer *in, const Node *n, const DefSpec *d, bool store) {
    static const char *const hooks[][3] = {{"__getattribute__", "__getattr__", NULL}, {"__setattr__", NULL}};
    for (size_t i = 0; hooks[store][i]; i++) {
        const Global *hook = def_find_const(&d->other, (Str){hooks[store][i], strlen(hooks[store][i])});
        if (hook)
            fail(in->c, n->span, "%s '%.*s' is not compiled: %.*s", store ? "setting" : "reading",
                 STR_FMT(n->Attribute.attr), STR_FMT(hook->s));
    }
}

bool infer_is_python_attribute(const DefSpec *d, Str name) {
    const Global *other = def_find_field(d, name) < 0 ? def_find_const(&d->other, name) : NULL;
    return other && other->type;
}

const MemberInfo *infer_member(Infer *in, const Node *n, bool store) {
    const Type *base = infer_expr(in, n->Attribute.value);
    Str name = bound_mangle(in->pool, in->bound, n->Attribute.attr);
    if (base->kind == TYPE_PY && !store)
        return member_new(in, n, (MemberInfo){.kind = MEMBER_OBJECT, .type = infer_object_attribute(in, n)});
    if (base->kind != TYPE_REF)
        fail(in->c, n->span, "attribute '%.*s' of %s is not compiled", STR_FMT(name), type_words(in, base));
    infer_mark(in, n);
    if (base->optional)
        in->info[n->id].flags |= NODE_CHECK_NONE;
    const DefSpec *d = &in->lang->unit->defs[base->def];
    if (!store && infer_is_open_property(in, base, name))
        return member_new(in, n, (MemberInfo){.kind = MEMBER_OPEN, .type = infer_open_property(in, n, base, name)});
    infer_access(in, n, d, store);
    infer_heirs_agree(in, n, base, name, store);
    int at = def_find_field(d, name);
    if (at >= 0)
        return member_new(in, n, (MemberInfo){.kind = MEMBER_FIELD, .def = base->def, .field = (uint32_t)at});
    at = def_find_property(d, name, store ? FUNC_SETTER : FUNC_PROPERTY);
    if (at >= 0)
        return property_member(in, n, base->def, at, store);
    const Global *other = store ? NULL : def_find_const(&d->other, name);
    if (other && other->type)
        return python_member(in, n, base->def, other->type);
    const Global *constant = def_find_const(&d->consts, name);
    if (!constant || store)
        no_member(in, n, base->def, name);
    return member_new(in, n, (MemberInfo){.kind = MEMBER_CONST, .def = base->def, .constant = constant});
}

static const Type *math_constant(Infer *in, const Node *n, Str name) {
    static const char *const names[] = {"pi", "e", "tau", "inf", "nan"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_eq_c(name, names[i]))
            return &type_float;
    fail(in->c, n->span, "math.%.*s is not compiled as a value", STR_FMT(name));
}

static bool is_module(Infer *in, const Node *n) {
    if (n->kind != NODE_Name)
        return false;
    const Binding *b = &in->bound->binding[n->id];
    return b->kind == BIND_GLOBAL && b->global->kind == GLOBAL_MODULE;
}

static const Type *infer_attribute(Infer *in, const Node *n) {
    if (is_module(in, n->Attribute.value) && str_eq_c(in->bound->binding[n->Attribute.value->id].global->s, "math"))
        return math_constant(in, n, n->Attribute.attr);
    const Global *constant = class_const(in, n);
    if (constant) {
        member_new(in, n, (MemberInfo){.kind = MEMBER_CONST, .constant = constant});
        return global_const_type(in, n, constant);
    }
    const MemberInfo *m = infer_member(in, n, false);
    if (m->kind == MEMBER_CONST)
        return global_const_type(in, n, m->constant);
    if (m->kind == MEMBER_PROPERTY)
        return infer_callee(in, n, m->callee, n->Attribute.value, false);
    if (m->kind == MEMBER_PYTHON || m->kind == MEMBER_OBJECT || m->kind == MEMBER_OPEN)
        return m->type;
    const Type *t = in->lang->unit->defs[m->def].fields[m->field].type;
    return t;
}

/* ---- conditions ---- */

static const Type *infer_truth(Infer *in, const Node *n) {
    const Type *t = infer_expr(in, n);
    if (type_is_list(t) && n->kind == NODE_Name)
        infer_list_len(in, n, t);
    else if (t->kind == TYPE_PY)
        infer_object_truth(in, n);
    if (t->kind != TYPE_REF)
        return t;
    if (t->optional && (infer_has_method(in, t->def, "__bool__") || infer_has_method(in, t->def, "__len__")))
        fail_hint(in->c, n->span, "test it for None first", "the truth of %s may call a method", type_words(in, t));
    infer_special_truth(in, n, t);
    return t;
}

static int truth_of_type(const Type *t) {
    if (t->kind == TYPE_NONE)
        return 0;
    if (t->kind == TYPE_TUPLE && !t->optional)
        return t->nitems > 0;
    return t->kind == TYPE_REF && !t->optional ? 1 : -1;
}

/* The local whose type a test of n's value tells about; -1. */
static int narrowed_local(Infer *in, const Node *n) {
    if (n->kind == NODE_NamedExpr)
        n = n->NamedExpr.target;
    if (n->kind != NODE_Name || in->bound->binding[n->id].kind != BIND_LOCAL)
        return -1;
    return (int)in->bound->binding[n->id].local;
}

static void narrow(Infer *in, Env *env, const Node *n, bool is_none) {
    int local = narrowed_local(in, n);
    if (local < 0 || env->dead)
        return;
    LocalState *s = &env->locals[local];
    if (!s->type || s->conflict)
        return;
    if (type_is_maybe(s->type))
        s->type = is_none ? &type_none : s->type->items[1];
    else if (s->type->kind == TYPE_REF)
        s->type = is_none ? &type_none : type_or_none(in->pool, s->type, false);
}

static void cond_split(Infer *in, const Node *n, int truth, Env *yes, Env *no) {
    in->info[n->id].truth = (int8_t)truth;
    *yes = truth == 0 ? env_dead() : env_copy(in, &in->env);
    *no = truth == 1 ? env_dead() : env_copy(in, &in->env);
}

typedef void (*InferCond)(Infer *in, const Node *n, Env *yes, Env *no);

static void cond_now(Infer *in, const Node *n, InferCond cond, Env *yes, Env *no) {
    cond(in, n, yes, no);
}

/* A condition that may not be come to: when it never gets a value, only the other paths go on. */
static void cond_maybe(Infer *in, const Node *n, InferCond cond, Env *yes, Env *no) {
    jmp_buf bottom, *outer = in->bottom;
    in->bottom = &bottom;
    if (setjmp(bottom) == 0)
        cond(in, n, yes, no);
    else
        *yes = *no = env_dead();
    in->bottom = outer;
}

static void cond_boolop(Infer *in, const Node *n, Env *yes, Env *no) {
    bool is_and = n->BoolOp.op == OP_And;
    Nodes values = n->BoolOp.values;
    Env out = env_dead(), through, other;
    for (size_t i = 0; i < values.len && !in->env.dead; i++) {
        (i ? cond_maybe : cond_now)(in, values.at[i], infer_cond, is_and ? &through : &other,
                                    is_and ? &other : &through);
        env_join(in, &out, &other);
        in->env = through;
    }
    *yes = is_and ? in->env : out;
    *no = is_and ? out : in->env;
    if (yes->dead && no->dead)
        longjmp(*in->bottom, 1);
    in->info[n->id].type = &type_bool;
    in->info[n->id].truth = yes->dead ? 0 : no->dead ? 1 : -1;
}

static bool is_none_test(const Node *n) {
    if (n->kind != NODE_Compare || n->Compare.ops.len != 1)
        return false;
    Operator op = n->Compare.ops.at[0];
    const Node *right = n->Compare.comparators.at[0];
    return (op == OP_Is || op == OP_IsNot) && right->kind == NODE_Constant && right->Constant.value.kind == CONST_NONE;
}

static void cond_none_test(Infer *in, const Node *n, Env *yes, Env *no) {
    bool is = n->Compare.ops.at[0] == OP_Is;
    CompareStep *step = pool_new(in->pool, CompareStep);
    in->info[n->id].steps = step; /* build looks at it before the operand ends the path */
    const Type *t = infer_expr(in, n->Compare.left);
    in->info[n->Compare.comparators.at[0]->id].type = &type_none;
    in->info[n->Compare.comparators.at[0]->id].live = true;
    bool may_be = (t->kind == TYPE_REF && t->optional) || t->kind == TYPE_PY || type_is_maybe(t);
    int truth = t->kind == TYPE_NONE ? is : may_be ? -1 : !is;
    in->info[n->id].type = &type_bool;
    *step = (CompareStep){.known = (int8_t)truth, .negate = !is};
    cond_split(in, n, truth, yes, no);
    narrow(in, yes, n->Compare.left, is);
    narrow(in, no, n->Compare.left, !is);
}

/* Being called once more shows. */
static bool shows(const SpecialCall *test) {
    const Instance *i = test ? test->callee : NULL;
    return i && (i->commits || i->stores_self_refs || i->self_stores || i->loops || i->python ||
                 i->state == INSTANCE_RUNNING);
}

/* n's value is an operand of an `and`, `or` in it that a method with effects has tested already. */
static bool is_tested_before(Infer *in, const Node *n) {
    if (n->kind == NODE_IfExp)
        return is_tested_before(in, n->IfExp.body) || is_tested_before(in, n->IfExp.orelse);
    bool found = false;
    for (size_t i = 0; n->kind == NODE_BoolOp && i < n->BoolOp.values.len && !found; i++) {
        const Node *v = n->BoolOp.values.at[i];
        found = (i + 1 < n->BoolOp.values.len && shows(in->info[v->id].test)) || is_tested_before(in, v);
    }
    return found;
}

void infer_once_tested(Infer *in, const Node *n) {
    while (n->kind == NODE_UnaryOp && n->UnaryOp.op == OP_Not)
        n = n->UnaryOp.operand;
    if (is_tested_before(in, n))
        fail_hint(in->c, n->span, "assign it to a name first",
                  "the method that says whether this is true has effects, and may be called twice for one object");
}

/* A value that is a condition too. */
static void cond_of_value(Infer *in, const Node *n, Env *yes, Env *no) {
    const Type *t = infer_truth(in, n);
    infer_once_tested(in, n);
    int truth = in->info[n->id].test ? -1 : truth_of_type(t);
    if (n->kind == NODE_Constant && t->kind == TYPE_BOOL)
        truth = n->Constant.value.kind == CONST_TRUE;
    if (n->kind == NODE_Constant && t->kind == TYPE_INT)
        truth = n->Constant.value.i != 0;
    cond_split(in, n, truth, yes, no);
    if (type_is_maybe(t)) /* 0 is false, too */
        narrow(in, yes, n, false);
    if (t->kind == TYPE_REF && !in->info[n->id].test)
        narrow(in, yes, n, false), narrow(in, no, n, true);
}

void infer_cond_leaf(Infer *in, const Node *n, Env *yes, Env *no) {
    in->info[n->id].live = true;
    (is_none_test(n) ? cond_none_test : cond_of_value)(in, n, yes, no);
}

void infer_cond(Infer *in, const Node *n, Env *yes, Env *no) {
    in->info[n->id].live = true;
    if (n->kind == NODE_BoolOp) {
        cond_boolop(in, n, yes, no);
        return;
    }
    if (n->kind == NODE_UnaryOp && n->UnaryOp.op == OP_Not) {
        infer_cond(in, n->UnaryOp.operand, no, yes);
        in->info[n->id].type = &type_bool;
        int8_t truth = in->info[n->UnaryOp.operand->id].truth;
        in->info[n->id].truth = truth < 0 ? truth : !truth;
        return;
    }
    infer_test(in, n, yes, no);
}

/* ---- expressions with branches ---- */

const Type *infer_branch(Infer *in, const Node *n) {
    jmp_buf bottom, *outer = in->bottom;
    const Type *volatile t = NULL;
    in->bottom = &bottom;
    if (!in->env.dead) {
        if (setjmp(bottom) == 0)
            t = infer_expr(in, n);
        else
            in->env.dead = true;
    }
    in->bottom = outer;
    return t;
}

const Type *infer_mix(Infer *in, const Node *n, const Type *a, const Type *b) {
    bool mixed = (a->kind == TYPE_INT && b->kind == TYPE_FLOAT) || (a->kind == TYPE_FLOAT && b->kind == TYPE_INT);
    if (!mixed)
        return NULL;
    in->info[n->id].flags |= NODE_MAYBE_INT;
    return &type_float;
}

/* The interpreter, which has the int, does the call again before effects, and goes on behind them. */
void infer_mixed(Infer *in, const Node *n) {
    uint8_t flags = in->info[n->id].flags;
    if (!(flags & NODE_MAYBE_INT) || flags & NODE_TO_FLOAT || in->env.dead)
        return;
    if (in->lang->unit->wrap || (effect_is_final(in) && !effect_can_resume(in)))
        fail_hint(in->c, n->span, "make all one type", "this is int or float, depending on values%s",
                  in->lang->unit->wrap ? "" : ", and the call may have had effects already");
    infer_mark(in, n);
}

void infer_to_float(Infer *in, const Node *n) {
    in->info[n->id].flags |= NODE_TO_FLOAT;
}

static const Type *join_values(Infer *in, const Node *n, const Type *a, const Type *b) {
    if (!a && !b)
        longjmp(*in->bottom, 1);
    if (!a || !b)
        return a ? a : b;
    const Type *t = type_join(in->lang, a, b);
    if (!t && (a->kind == TYPE_PY || b->kind == TYPE_PY) && !type_is_sized(a) && !type_is_sized(b))
        t = &type_py;
    if (!t)
        t = infer_mix(in, n, a, b);
    if (!t)
        fail_hint(in->c, n->span, "make both one type", "this is %s or %s", type_words(in, a), type_words(in, b));
    return t;
}

static const Type *infer_ifexp(Infer *in, const Node *n) {
    Env yes, no;
    infer_cond(in, n->IfExp.test, &yes, &no);
    in->env = yes;
    const Type *a = infer_branch(in, n->IfExp.body);
    yes = in->env;
    in->env = no;
    const Type *b = infer_branch(in, n->IfExp.orelse);
    env_join(in, &yes, &in->env);
    in->env = yes;
    const Type *t = join_values(in, n, a, b);
    infer_mixed(in, n);
    return t;
}

/* `a or b` as a value: a's value is the result only where it is true, so a None there does not count. */
static const Type *boolop_kept(Infer *in, const Type *t, bool is_and) {
    return !is_and && t->kind == TYPE_REF ? type_or_none(in->pool, t, false) : t;
}

/* Its value is wanted, too: a BoolOp as a condition would be a bool. */
static InferCond cond_of_operand(const Node *v) {
    if (v->kind == NODE_BoolOp)
        return cond_of_value;
    return v->kind == NODE_UnaryOp && v->UnaryOp.op == OP_Not ? infer_cond : infer_cond_leaf;
}

static const Type *infer_boolop(Infer *in, const Node *n) {
    bool is_and = n->BoolOp.op == OP_And;
    Nodes values = n->BoolOp.values;
    Env out = env_dead(), yes, no;
    const Type *result = NULL;
    for (size_t i = 0; i < values.len && !in->env.dead; i++) {
        const Node *v = values.at[i];
        if (i + 1 == values.len) {
            const Type *last = infer_branch(in, v);
            result = join_values(in, n, result, last);
            break;
        }
        (i ? cond_maybe : cond_now)(in, v, cond_of_operand(v), &yes, &no);
        if (v->kind == NODE_UnaryOp)
            infer_once_tested(in, v);
        Env *leaves = is_and ? &no : &yes;
        if (!leaves->dead)
            result = join_values(in, n, boolop_kept(in, in->info[v->id].type, is_and), result);
        env_join(in, &out, leaves);
        in->env = is_and ? yes : no;
    }
    env_join(in, &out, &in->env);
    in->env = out;
    if (!result)
        longjmp(*in->bottom, 1);
    infer_mixed(in, n);
    return result;
}

static size_t type_parts(const Type *t) {
    size_t n = 1;
    for (size_t i = 0; t->kind == TYPE_TUPLE && i < t->nitems; i++)
        n += type_parts(t->items[i]);
    return n;
}

static size_t type_depth(const Type *t) {
    size_t deepest = 0;
    for (size_t i = 0; t->kind == TYPE_TUPLE && i < t->nitems; i++) {
        size_t depth = type_depth(t->items[i]);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (t->kind == TYPE_TUPLE);
}

/* With objects in it, it is one itself. */
static const Type *infer_object_tuple(Infer *in, const Node *n) {
    in->inst->python = in->inst->manages = true;
    infer_mark(in, n);
    return &type_py;
}

/* No larger than type text: it may be an argument or a result. */
static const Type *infer_tuple(Infer *in, const Node *n) {
    Type *t = pool_new(in->pool, Type);
    bool has_objects = false;
    *t = (Type){.kind = TYPE_TUPLE, .nitems = n->Tuple.elts.len};
    t->items = pool_array(in->pool, const Type *, t->nitems + 1);
    for (size_t i = 0; i < t->nitems; i++) {
        t->items[i] = type_not_exact(in->pool, infer_expr(in, n->Tuple.elts.at[i])); /* a tuple type has no joins */
        has_objects |= t->items[i]->kind == TYPE_PY;
    }
    if (has_objects)
        return infer_object_tuple(in, n);
    if (type_parts(t) > TYPE_MAX_PARTS)
        fail(in->c, n->span, "a tuple of more than %d parts is not compiled", TYPE_MAX_PARTS);
    if (type_depth(t) > TYPE_MAX_DEPTH)
        fail(in->c, n->span, "a tuple nested deeper than %d is not compiled", TYPE_MAX_DEPTH);
    return t;
}

static const Type *infer_subscript(Infer *in, const Node *n) {
    const Type *t = infer_expr(in, n->Subscript.value);
    int64_t i;
    if (t->kind == TYPE_PY && n->Subscript.slice->kind == NODE_Slice)
        return infer_object_slice(in, n, t);
    if (type_is_list(t))
        return infer_list_item(in, n, t);
    if (t->kind == TYPE_PY)
        return infer_object_item(in, n, t);
    if (t->kind != TYPE_TUPLE || t->optional)
        fail(in->c, n->span, "an item of %s is not compiled yet", type_words(in, t));
    if (!infer_const_int(in, n->Subscript.slice, &i))
        fail(in->c, n->Subscript.slice->span, "an item of a tuple is compiled with a constant index only");
    if (i < 0)
        i += (int64_t)t->nitems;
    if (i < 0 || i >= (int64_t)t->nitems)
        fail(in->c, n->Subscript.slice->span, "tuple index out of range");
    in->info[n->id].item = (uint32_t)i;
    return t->items[i];
}

static const Type *infer_named(Infer *in, const Node *n) {
    const Type *t = infer_expr(in, n->NamedExpr.value);
    infer_target(in, n->NamedExpr.target, t);
    in->inst->walrus_refs |= type_slots(t) > 0 && t->kind != TYPE_NONE && !type_is_scalar(t);
    return t;
}

const char *infer_syntax_words(NodeKind kind) {
    static const char *const words[N_NODE_KINDS] = {
#define REFUSED(kind, words)
#define PYTHON(kind, words) [NODE_##kind] = words,
#include "server/compiler/refused.def"
#undef REFUSED
#undef PYTHON
    };
    return words[kind] ? words[kind] : node_kind_name(kind);
}

static const Type *infer_kind(Infer *in, const Node *n) {
    switch (n->kind) {
    case NODE_Constant:
        return infer_constant(in, n);
    case NODE_Name:
        return infer_name(in, n);
    case NODE_Attribute:
        return infer_attribute(in, n);
    case NODE_BinOp: {
        const Type *a = infer_operand(in, n->BinOp.left);
        if (infer_low_bits(in, n))
            return &type_int;
        const Type *b = infer_operand(in, n->BinOp.right);
        if (a->kind == TYPE_PY || b->kind == TYPE_PY)
            return infer_object_binary(in, n, a, b);
        return infer_binary(in, n, n->BinOp.op, n->BinOp.left, n->BinOp.right, a, b);
    }
    case NODE_UnaryOp:
        return infer_unary(in, n);
    case NODE_Compare:
        return infer_compare(in, n);
    case NODE_BoolOp:
        return infer_boolop(in, n);
    case NODE_IfExp:
        return infer_ifexp(in, n);
    case NODE_NamedExpr:
        return infer_named(in, n);
    case NODE_Call:
        return infer_call(in, n);
    case NODE_Tuple:
        return infer_tuple(in, n);
    case NODE_Subscript:
        return infer_subscript(in, n);
    case NODE_List:
        return infer_display(in, n);
    case NODE_Set:
        return infer_set_display(in, n);
    case NODE_Dict:
        return infer_dict_display(in, n);
    case NODE_ListComp:
    case NODE_SetComp:
    case NODE_DictComp:
        return infer_comprehension(in, n);
    case NODE_Yield:
        return infer_element(in, n);
    case NODE_JoinedStr:
        fail(in->c, n->span, "an f-string is compiled in the arguments of exceptions only");
    default:
        fail(in->c, n->span, "%s is not compiled yet", infer_syntax_words(n->kind));
    }
}

/* n's value, which may be None, is looked at behind n's own operation: where it is None, the interpreter goes on, and raises what it does. */
const Type *infer_not_none(Infer *in, const Node *n, const Type *t) {
    NodeInfo *info = &in->info[n->id], before = *info, *looked = pool_new(in->pool, NodeInfo);
    if (!type_is_maybe(t) || (effect_is_final(in) && !effect_can_resume(in)))
        return t;
    infer_mark(in, n);
    *looked = *info;
    *info = before;
    info->looked = looked;
    in->lists = true;
    return t->items[1];
}

const Type *infer_operand(Infer *in, const Node *n) {
    const Type *t = infer_expr(in, n);
    return type_is_maybe(t) && type_is_scalar(t->items[1]) ? infer_not_none(in, n, t) : t;
}

const Type *infer_expr(Infer *in, const Node *n) {
    in->info[n->id].live = true;
    in->info[n->id].looked = NULL;
    in->info[n->id].unboxed = NULL;
    in->info[n->id].truth = -1;
    in->info[n->id].region = REGION_NONE;
    const Type *t = infer_kind(in, n);
    in->info[n->id].type = t;
    return t;
}
