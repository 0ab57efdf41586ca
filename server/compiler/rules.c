/* The operator table, and NumPy's promotion of sized scalars (NEP 50). */
#include "server/compiler/rules.h"

static const Rule rules[] = {
#define RULE(op, on, result, how, name) {OP_##op, ON_##on, RESULT_##result, HOW_##how, #name},
#include "server/compiler/rules.def"
#undef RULE
};

const Rule *rule_find(Operator op, RuleOn on) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].op == op && rules[i].on == on)
            return &rules[i];
    return NULL;
}

const Type type_int = {.kind = TYPE_INT}, type_float = {.kind = TYPE_FLOAT}, type_bool = {.kind = TYPE_BOOL},
           type_none = {.kind = TYPE_NONE}, type_float32 = {.kind = TYPE_FLOAT32}, type_py = {.kind = TYPE_PY};

static const Type scalar_types[] = {
#define SCALAR(name, text, size, ctype, member, sign, exact) {.kind = TYPE_##name},
#include "protocol/types.def"
#undef SCALAR
};

const Type *type_of_kind(TypeKind kind) {
    return &scalar_types[kind];
}

const Type *type_ref(Pool *pool, uint32_t def, bool optional) {
    Type *t = pool_new(pool, Type);
    *t = (Type){.kind = TYPE_REF, .def = def, .optional = optional};
    return t;
}

const Type *type_or_none(Pool *pool, const Type *t, bool optional) {
    if (t->optional == optional)
        return t;
    Type *copy = pool_new(pool, Type);
    *copy = *t;
    copy->optional = optional;
    return copy;
}

const Type *type_not_exact(Pool *pool, const Type *t) {
    bool is_tuple = t->kind == TYPE_TUPLE;
    if (!is_tuple && !(t->kind == TYPE_REF && t->exact))
        return t;
    Type *copy = pool_new(pool, Type);
    *copy = *t;
    copy->exact = false;
    copy->items = is_tuple ? pool_array(pool, const Type *, t->nitems + 1) : NULL;
    for (size_t i = 0; is_tuple && i < t->nitems; i++)
        copy->items[i] = type_not_exact(pool, t->items[i]);
    return copy;
}

bool type_has_refs(const Type *t) {
    if (t->kind == TYPE_REF || t->kind == TYPE_PY)
        return true;
    for (size_t i = 0; t->kind == TYPE_TUPLE && i < t->nitems; i++)
        if (type_has_refs(t->items[i]))
            return true;
    return false;
}

uint32_t type_bits(const Type *t) {
    return t->kind == TYPE_BOOL ? 1 : type_layout(t).size * 8;
}

static bool is_plain(const Type *t) {
    return t->kind == TYPE_INT || t->kind == TYPE_FLOAT || t->kind == TYPE_BOOL;
}

static const Type *int_of(uint32_t bits, bool is_signed) {
    for (size_t i = 0; i < sizeof scalar_types / sizeof scalar_types[0]; i++) {
        const Type *t = &scalar_types[i];
        if (type_is_sized(t) && type_is_int(t) && type_bits(t) == bits && type_is_signed(t) == is_signed)
            return t;
    }
    return &type_float; /* int64 with uint64: float64, as NumPy has it */
}

static const Type *common_sized_ints(const Type *a, const Type *b) {
    uint32_t na = type_bits(a), nb = type_bits(b);
    if (type_is_signed(a) == type_is_signed(b))
        return na >= nb ? a : b;
    uint32_t n_signed = type_is_signed(a) ? na : nb, n_unsigned = type_is_signed(a) ? nb : na;
    return int_of(n_unsigned < n_signed ? n_signed : n_unsigned * 2, true);
}

static const Type *common_sized(const Type *a, const Type *b) {
    bool fa = a->kind == TYPE_FLOAT32, fb = b->kind == TYPE_FLOAT32;
    if (fa && fb)
        return a;
    if (fa || fb)
        return type_bits(fa ? b : a) <= 16 ? &type_float32 : &type_float;
    return common_sized_ints(a, b);
}

const Type *type_common(const Type *a, const Type *b) {
    if (!type_is_scalar(a) || !type_is_scalar(b))
        return NULL;
    if (is_plain(a) && is_plain(b)) {
        if (a->kind == TYPE_FLOAT || b->kind == TYPE_FLOAT)
            return &type_float;
        return a->kind == TYPE_BOOL && b->kind == TYPE_BOOL ? &type_bool : &type_int;
    }
    if (!is_plain(a) && !is_plain(b))
        return common_sized(a, b);
    const Type *sized = is_plain(a) ? b : a, *plain = is_plain(a) ? a : b;
    return plain->kind == TYPE_FLOAT && sized->kind != TYPE_FLOAT32 ? &type_float : sized;
}

RuleOn type_rule_on(const Type *common) {
    switch (common->kind) {
    case TYPE_BOOL:
        return ON_BOOL;
    case TYPE_INT:
        return ON_INT;
    case TYPE_FLOAT:
        return ON_FLOAT;
    case TYPE_FLOAT32:
        return ON_F32;
    default:
        return ON_SIZED;
    }
}

static const MathFn math_fns[] = {
#define MATH(name, params, result, how, minor) {#name, params, result, MATH_##how, minor, 0, 0, 0, NULL},
#include "server/compiler/math.def"
#undef MATH
};

enum {
#define PYMATH(module, name, least, most, result) PYMATH_NUMBER_##module##_##name,
#include "protocol/pymath.def"
#undef PYMATH
};

static const MathFn pymath_fns[] = {
#define PYMATH(module, name, least, most, result)                                                                      \
    {#name, "", result, MATH_PYMATH, 0, PYMATH_NUMBER_##module##_##name, least, most, #module},
#include "protocol/pymath.def"
#undef PYMATH
};

const MathFn *pymath_find(const char *module, Str name) {
    for (size_t i = 0; i < sizeof pymath_fns / sizeof pymath_fns[0]; i++)
        if (str_eq_c(name, pymath_fns[i].name) && !strcmp(module, pymath_fns[i].module))
            return &pymath_fns[i];
    return NULL;
}

const MathFn *math_find(Str name) {
    for (size_t i = 0; i < sizeof math_fns / sizeof math_fns[0]; i++)
        if (str_eq_c(name, math_fns[i].name))
            return &math_fns[i];
    return NULL;
}
