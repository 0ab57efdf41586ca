/* The operator table and NumPy's promotion of scalars. */
#include "server/compiler/builtin.h"
#include "server/compiler/rules.h"
#include <criterion/criterion.h>

static TypeKind kind_of(const char *text) {
    Pool pool = POOL_NULL;
    const Type *t = type_parse(&pool, str_from_cstr(text), 1);
    cr_assert(t, "%s", text);
    TypeKind kind = t->kind;
    pool_deinit(&pool);
    return kind;
}

static void check_common(const char *a, const char *b, const char *expected) {
    const Type *one = type_common(type_of_kind(kind_of(a)), type_of_kind(kind_of(b)));
    const Type *two = type_common(type_of_kind(kind_of(b)), type_of_kind(kind_of(a)));
    cr_assert(one && two);
    cr_expect_str_eq(type_scalar_name(one->kind), expected, "%s with %s", a, b);
    cr_expect_str_eq(type_scalar_name(two->kind), expected, "%s with %s", b, a);
}

Test(rules, python_scalars) {
    check_common("int", "int", "int");
    check_common("int", "float", "float");
    check_common("bool", "int", "int");
    check_common("bool", "bool", "bool");
    check_common("bool", "float", "float");
}

/* numpy.promote_types of two scalars, NumPy 2. */
Test(rules, sized_promotion) {
    check_common("int8", "int8", "int8");
    check_common("int8", "int16", "int16");
    check_common("int8", "uint8", "int16");
    check_common("int16", "uint8", "int16");
    check_common("int8", "uint16", "int32");
    check_common("int32", "uint32", "int64");
    check_common("int64", "uint32", "int64");
    check_common("int8", "uint64", "float");
    check_common("uint16", "uint64", "uint64");
    check_common("float32", "int16", "float32");
    check_common("float32", "uint16", "float32");
    check_common("float32", "int32", "float");
    check_common("float32", "float32", "float32");
}

/* Python's own scalars are weak beside sized ones (NEP 50). */
Test(rules, weak_promotion) {
    check_common("int8", "int", "int8");
    check_common("uint64", "int", "uint64");
    check_common("uint8", "bool", "uint8");
    check_common("int8", "float", "float");
    check_common("float32", "float", "float32");
    check_common("float32", "int", "float32");
}

Test(rules, no_common_type) {
    cr_expect_null(type_common(&type_none, &type_int));
    Pool pool = POOL_NULL;
    cr_expect_null(type_common(type_ref(&pool, 0, false), &type_int));
    pool_deinit(&pool);
}

Test(rules, what_python_has_not) {
    cr_expect_null(rule_find(OP_BitAnd, ON_FLOAT));
    cr_expect_null(rule_find(OP_LShift, ON_FLOAT));
    cr_expect_null(rule_find(OP_MatMult, ON_INT));
    cr_expect_null(rule_find(OP_Pow, ON_SIZED));
    cr_expect_not_null(rule_find(OP_FloorDiv, ON_FLOAT));
}

Test(rules, every_comparison_has_its_types) {
    const RuleOn kinds[] = {ON_INT, ON_FLOAT, ON_F32, ON_SIZED, ON_MIXED};
    for (Operator op = OP_Eq; op <= OP_GtE; op++)
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            cr_expect_not_null(rule_find(op, kinds[i]), "%s", operator_name(op));
}

Test(rules, math) {
    cr_expect_eq(math_find(STR("sqrt"))->how, MATH_TRAPS);
    cr_expect_eq(math_find(STR("gcd"))->how, MATH_PYMATH);
    cr_expect_eq(pymath_find("math", STR("gcd"))->most, 64);
    cr_expect_eq(pymath_find("builtins", STR("pow"))->least, 3);
    cr_expect_null(math_find(STR("cbrtt")));
    cr_expect_eq(builtin_find(STR("divmod")), BUILTIN_divmod);
    cr_expect_eq(builtin_find(STR("print")), -1);
}
