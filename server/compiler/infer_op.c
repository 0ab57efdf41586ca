/* Infer, operators: picks the rule (rules.def) for each operation, and checks what is stored into fields. */
#include "server/compiler/infer.h"

static _Noreturn void no_rule(Infer *in, const Node *n, Operator op, const Type *a, const Type *b) {
    fail(in->c, n->span, "operator %s of %s and %s is not compiled", operator_text(op), type_words(in, a),
         type_words(in, b));
}

static bool fits(int64_t value, const Type *t) {
    if (!type_is_int(t) || type_bits(t) == 64)
        return type_is_signed(t) || value >= 0;
    int64_t top = (int64_t)1 << (type_bits(t) - (type_is_signed(t) ? 1 : 0));
    return value < top && value >= (type_is_signed(t) ? -top : 0);
}

static void check_weak_constant(Infer *in, const Node *expr, const Type *from, const Type *to) {
    int64_t value;
    if (from->kind == TYPE_INT && type_is_sized(to) && type_is_int(to) && infer_const_int(in, expr, &value) &&
        !fits(value, to))
        fail(in->c, expr->span, "Python integer %lld out of bounds for %s", (long long)value,
             type_scalar_name(to->kind));
}

static const Type *rule_result(const Rule *rule, const Type *common) {
    switch (rule->result) {
    case RESULT_BOOL:
        return &type_bool;
    case RESULT_INT:
        return &type_int;
    case RESULT_FLOAT:
        return &type_float;
    case RESULT_SAME:
        return common;
    }
    return common;
}

static const Type *binary_common(Infer *in, const Node *n, Operator op, const Node *right, const Type *a,
                                 const Type *b) {
    const Type *common = type_common(a, b);
    int64_t exponent;
    if (!common)
        no_rule(in, n, op, a, b);
    if (common->kind == TYPE_BOOL && !rule_find(op, ON_BOOL))
        common = &type_int;
    if (op == OP_Pow && common->kind == TYPE_INT && infer_const_int(in, right, &exponent) && exponent < 0)
        return &type_float;
    if (op == OP_Div && type_rule_on(common) == ON_SIZED)
        return &type_float; /* NumPy divides sized integers of every size as float64 */
    return common;
}

const Type *infer_binary(Infer *in, const Node *n, Operator op, const Node *left, const Node *right, const Type *a,
                         const Type *b) {
    if (a->kind == TYPE_PY || b->kind == TYPE_PY)
        no_rule(in, n, op, a, b);
    if (a->kind == TYPE_REF || b->kind == TYPE_REF) {
        SpecialCall *call = infer_special_binary(in, n, op, a, b);
        if (!call)
            no_rule(in, n, op, a, b);
        in->info[n->id].special = call;
        in->info[n->id].common = NULL;
        return infer_special_call(in, n, call, left, right);
    }
    const Type *common = binary_common(in, n, op, right, a, b);
    const Rule *rule = rule_find(op, type_rule_on(common));
    if (!rule)
        no_rule(in, n, op, a, b);
    check_weak_constant(in, left, a, common);
    check_weak_constant(in, right, b, common);
    in->inst->sized |= type_is_sized(a) || type_is_sized(b);
    infer_mark(in, n);
    in->info[n->id].rule = rule;
    in->info[n->id].common = common;
    return rule_result(rule, common);
}

const Type *infer_unary(Infer *in, const Node *n) {
    Operator op = n->UnaryOp.op;
    if (op == OP_Not) {
        Env yes, no;
        infer_cond(in, n, &yes, &no);
        infer_once_tested(in, n);
        env_join(in, &yes, &no);
        in->env = yes;
        return &type_bool;
    }
    const Type *t = infer_operand(in, n->UnaryOp.operand);
    SpecialCall *call = infer_special_unary(in, n, infer_unary_name(op), t);
    in->info[n->id].special = call;
    if (call)
        return infer_special_call(in, n, call, n->UnaryOp.operand, NULL);
    bool is_float = t->kind == TYPE_FLOAT || t->kind == TYPE_FLOAT32;
    if (!type_is_scalar(t) || (is_float && op == OP_Invert) || (op == OP_Invert && t->kind == TYPE_BOOL))
        fail(in->c, n->span, "unary %s of %s is not compiled", operator_text(op), type_words(in, t));
    infer_mark(in, n);
    if (type_is_sized(t) && op != OP_UAdd)
        in->inst->sized = true;
    return t->kind == TYPE_BOOL ? &type_int : t;
}

/* ---- comparisons ---- */

static bool has_method(const Infer *in, uint32_t def, const char *name) {
    const DefSpec *d = &in->lang->unit->defs[def];
    if (lang_find_func(in->lang, def, str_from_cstr(name)) >= 0)
        return true;
    for (size_t i = 0; i < d->other.len; i++)
        if (str_eq_c(d->other.at[i].name, name))
            return true;
    return false;
}

bool infer_has_method(Infer *in, uint32_t def, const char *name) {
    const DefSpec *d = &in->lang->unit->defs[def];
    bool found = has_method(in, def, name);
    for (size_t i = 0; !found && i < d->nheirs; i++) /* those of heirs are among them */
        found = has_method(in, d->heirs[i], name);
    return found;
}

static bool is_identity(const Type *t) {
    return t->kind == TYPE_REF || t->kind == TYPE_NONE;
}

static bool compares_itself(Infer *in, const Type *t) {
    return t->kind == TYPE_REF && (infer_has_method(in, t->def, "__eq__") || infer_has_method(in, t->def, "__ne__"));
}

/* `is`, and == of instances that define no __eq__. */
static CompareStep identity_step(Infer *in, const Node *n, Operator op, const Type *a, const Type *b) {
    bool eq = op == OP_Eq || op == OP_NotEq;
    if (eq && (compares_itself(in, a) || compares_itself(in, b)))
        fail_hint(in->c, n->span, "test it for None first", "%s of %s and %s may call a method", operator_text(op),
                  type_words(in, a), type_words(in, b));
    CompareStep s = {.known = -1, .negate = op == OP_IsNot || op == OP_NotEq};
    bool a_none = a->kind == TYPE_NONE, b_none = b->kind == TYPE_NONE;
    if (a_none && b_none)
        s.known = !s.negate;
    else if (!a_none && !b_none && !(a->optional && b->optional) && !lang_extends(in->lang, a->def, b->def) &&
             !lang_extends(in->lang, b->def, a->def)) /* there is no class of both */
        s.known = s.negate;
    return s;
}

static bool is_exact_int(const Type *t) {
    return t->kind == TYPE_INT || t->kind == TYPE_BOOL;
}

static Operator swapped(Operator op) {
    switch (op) {
    case OP_Lt:
        return OP_Gt;
    case OP_LtE:
        return OP_GtE;
    case OP_Gt:
        return OP_Lt;
    case OP_GtE:
        return OP_LtE;
    default:
        return op;
    }
}

/* An int constant that a float holds exactly. */
static bool is_small_constant(Infer *in, const Node *n) {
    int64_t value;
    return infer_const_int(in, n, &value) && value >= -((int64_t)1 << 53) && value <= ((int64_t)1 << 53);
}

static CompareStep mixed_step(Infer *in, Operator op, const Node *left, const Node *right, const Type *a,
                              const Type *b) {
    bool swap = b->kind != TYPE_FLOAT;
    const Type *i = swap ? b : a;
    if (i->kind == TYPE_BOOL || is_small_constant(in, swap ? right : left))
        return (CompareStep){.rule = rule_find(op, ON_FLOAT), .common = &type_float, .known = -1};
    return (CompareStep){.rule = rule_find(swap ? swapped(op) : op, ON_MIXED), .swap = swap, .known = -1};
}

static CompareStep scalar_step(Infer *in, const Node *n, Operator op, const Node *left, const Node *right,
                               const Type *a, const Type *b) {
    if ((is_exact_int(a) && b->kind == TYPE_FLOAT) || (is_exact_int(b) && a->kind == TYPE_FLOAT))
        return mixed_step(in, op, left, right, a, b);
    const Type *common = type_common(a, b);
    if (!common)
        no_rule(in, n, op, a, b);
    if (common->kind == TYPE_BOOL)
        common = &type_int;
    if (type_is_int(a) && type_is_int(b) && (type_is_sized(a) || type_is_sized(b)))
        return (CompareStep){.rule = rule_find(op, ON_SIZED), .known = -1};
    in->inst->sized |= type_is_sized(a) || type_is_sized(b);
    return (CompareStep){.rule = rule_find(op, type_rule_on(common)), .common = common, .known = -1};
}

/* An operator that is a method's business: true, and the step is filled. */
static bool special_step(Infer *in, const Node *n, CompareStep *s, Operator op, const Node *left, const Node *right,
                         const Type *a, const Type *b) {
    if (op == OP_Is || op == OP_IsNot || (a->kind != TYPE_REF && b->kind != TYPE_REF))
        return false;
    SpecialCall *call = infer_special_binary(in, n, op, a, b);
    bool negate = !call && op == OP_NotEq; /* != is not == unless the class says otherwise */
    if (negate)
        call = infer_special_binary(in, n, OP_Eq, a, b);
    if (!call)
        return false;
    *s = (CompareStep){.known = -1, .special = call, .negate = negate};
    const Type *result = infer_special_call(in, n, call, left, right);
    if (result->kind != TYPE_BOOL)
        fail(in->c, n->span, "a comparison that gives %s is not compiled", type_words(in, result));
    return true;
}

static CompareStep plain_step(Infer *in, const Node *n, Operator op, const Node *left, const Node *right, const Type *a,
                              const Type *b) {
    if (is_identity(a) && is_identity(b)) {
        if (op == OP_Is || op == OP_IsNot || op == OP_Eq || op == OP_NotEq)
            return identity_step(in, n, op, a, b);
        no_rule(in, n, op, a, b);
    }
    if ((op == OP_Is || op == OP_IsNot) &&
        ((type_is_maybe(a) && b->kind == TYPE_NONE) || (a->kind == TYPE_NONE && type_is_maybe(b))))
        return (CompareStep){.known = -1, .negate = op == OP_IsNot};
    if (op == OP_Is || op == OP_IsNot) {
        if (a->kind == TYPE_NONE || b->kind == TYPE_NONE)
            return (CompareStep){.known = op == OP_IsNot};
        fail(in->c, n->span, "%s is compiled for instances and None only", operator_text(op));
    }
    if ((a->kind == TYPE_NONE || b->kind == TYPE_NONE) && (op == OP_Eq || op == OP_NotEq))
        return (CompareStep){.known = op == OP_NotEq};
    return scalar_step(in, n, op, left, right, a, b);
}

CompareStep infer_equality(Infer *in, const Node *n, const Node *left, const Node *right, const Type *a,
                           const Type *b) {
    return plain_step(in, n, OP_Eq, left, right, a, b);
}

/* A number of compiled code is another object each time that it is made one; True, False and None are not. */
static CompareStep same_object_step(Infer *in, const Node *n, Operator op, const Type *a, const Type *b) {
    const Type *other = a->kind == TYPE_PY ? b : a;
    bool is_object =
        other->kind == TYPE_PY || other->kind == TYPE_NONE || other->kind == TYPE_BOOL || other->kind == TYPE_REF;
    if ((op != OP_Is && op != OP_IsNot) || !is_object)
        no_rule(in, n, op, a, b);
    infer_mark(in, n);
    in->inst->python = in->inst->manages = true;
    return (CompareStep){.known = -1, .negate = op == OP_IsNot};
}

static bool is_same(Operator op) {
    return op == OP_Is || op == OP_IsNot;
}

/* The i-th comparison of a chain, whose left operand has type a; the type of its right one. */
static const Type *infer_step(Infer *in, const Node *n, CompareStep *steps, size_t i, const Type *a) {
    Operator op = n->Compare.ops.at[i];
    const Node *left = i ? n->Compare.comparators.at[i - 1] : n->Compare.left, *right = n->Compare.comparators.at[i];
    const Type *b = (is_same(op) ? infer_expr : infer_operand)(in, right);
    if (op == OP_In || op == OP_NotIn)
        fail(in->c, n->span, "%s is not compiled yet", operator_text(op));
    if (a->kind == TYPE_PY || b->kind == TYPE_PY) {
        steps[i] = same_object_step(in, n, op, a, b);
        return b;
    }
    if (!special_step(in, n, &steps[i], op, left, right, a, b))
        steps[i] = plain_step(in, n, op, left, right, a, b);
    return b;
}

static void infer_steps(Infer *in, const Node *n, CompareStep *steps, const Type *a, Env *after) {
    for (size_t i = 1; i < n->Compare.ops.len; i++) {
        a = infer_step(in, n, steps, i, a);
        env_join(in, after, &in->env);
    }
}

/* The rest of a chain, which may not be come to: where it never gets a value, only the paths that left before go on. */
static void infer_more_steps(Infer *in, const Node *n, CompareStep *steps, const Type *a, Env *after) {
    jmp_buf bottom, *outer = in->bottom;
    in->bottom = &bottom;
    if (setjmp(bottom) == 0)
        infer_steps(in, n, steps, a, after);
    in->bottom = outer;
}

const Type *infer_compare(Infer *in, const Node *n) {
    if (infer_among(in, n))
        return &type_bool;
    if (infer_object_compare(in, n)) {
        Operator op = n->Compare.ops.at[0];
        infer_operation(in, n, operator_text(op), &type_bool);
        if (op == OP_In || op == OP_NotIn)
            infer_table(in, n, TABLE_HAS, in->info[n->Compare.comparators.at[0]->id].type,
                        in->info[n->Compare.left->id].type);
        else if (op == OP_Eq || op == OP_NotEq)
            infer_text_equal(in, n);
        if (op != OP_In && op != OP_NotIn)
            infer_number_compare(in, n);
        return &type_bool;
    }
    CompareStep *steps = pool_array(in->pool, CompareStep, n->Compare.ops.len);
    in->info[n->id].steps = steps;
    const Type *left = (is_same(n->Compare.ops.at[0]) ? infer_expr : infer_operand)(in, n->Compare.left);
    const Type *a = infer_step(in, n, steps, 0, left);
    Env *after = pool_new(in->pool, Env);
    *after = env_copy(in, &in->env);
    infer_more_steps(in, n, steps, a, after);
    in->env = *after;
    return &type_bool;
}

/* ---- stores into fields ---- */

bool infer_takes_ref(const Infer *in, const Type *to, const Type *t) {
    if (to->kind != TYPE_REF || t->kind != TYPE_REF)
        return to->kind == TYPE_REF && t->kind == TYPE_NONE && to->optional;
    bool is_class = to->exact ? t->exact && t->def == to->def : lang_extends(in->lang, t->def, to->def);
    return is_class && (to->optional || !t->optional);
}

static bool can_store(const Infer *in, const Type *field, const Type *value) {
    if (type_eq(field, value))
        return true;
    if (field->kind == TYPE_REF)
        return infer_takes_ref(in, field, value);
    if (!type_is_scalar(value) || field->kind == TYPE_BOOL)
        return false;
    if (field->kind == TYPE_FLOAT || field->kind == TYPE_FLOAT32)
        return true;
    return type_is_int(value);
}

void infer_store_check(Infer *in, const Node *n, const Type *field, const Type *value) {
    if (can_store(in, field, value))
        return;
    const char *hint = field->kind == TYPE_REF && value->kind == TYPE_REF && value->def == field->def
                           ? "test it for None first"
                       : field->kind == TYPE_INT && value->kind == TYPE_FLOAT ? "convert with int()"
                                                                              : "";
    fail_hint(in->c, n->span, hint, "a field of type %s cannot hold %s", type_words(in, field), type_words(in, value));
}
