/* rules.def as a table. */
#pragma once
#include "server/compiler/typed.h"

typedef enum RuleOn { ON_BOOL, ON_INT, ON_FLOAT, ON_SIZED, ON_F32, ON_MIXED } RuleOn;
typedef enum RuleResult { RESULT_BOOL, RESULT_INT, RESULT_FLOAT, RESULT_SAME } RuleResult;
typedef enum RuleHow { HOW_CHECKED, HOW_INSTR, HOW_CMP, HOW_PURE, HOW_TRAPS, HOW_SIZED } RuleHow;

struct Rule {
    Operator op;
    RuleOn on;
    RuleResult result;
    RuleHow how;
    const char *name;
};

const Rule *rule_find(Operator op, RuleOn on); /* NULL: not in the language */

/* What the operands of a binary operator are converted to (NumPy's promotion where a sized type is among them; a Python int,
 * float or bool is "weak" there). NULL: no such thing. */
const Type *type_common(const Type *a, const Type *b);
RuleOn type_rule_on(const Type *common);
bool type_has_refs(const Type *t); /* of any class, in a tuple too */
uint32_t type_bits(const Type *t); /* of a scalar; 1 for bool */

/* math.def as a table. */
typedef enum MathHow { MATH_PURE, MATH_TRAPS, MATH_PAIR, MATH_PYMATH } MathHow;

struct MathFn {
    const char *name, *params;
    char result;
    MathHow how;
    int minor;
    int pymath, least, most; /* PYMATH: its number and how many positional arguments it takes */
    const char *module;      /* PYMATH */
};

const MathFn *math_find(Str name);
const MathFn *pymath_find(const char *module, Str name); /* the interpreter's own; NULL */
