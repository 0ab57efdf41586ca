"""Every operator, built-in function and function of math, on every pair of awkward values: bit for bit CPython's."""

import itertools
import math
import warnings

import pytest

from twins import Twins, fallbacks

INTS = [0, 1, -1, 2, -2, 3, -3, 7, -7, 10, 63, 64, 65, 100, -100, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**62]
INTS += [2**63 - 1, -(2**63), 2**63 - 2, -(2**63) + 1, 12345678901234567]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 3.7, -3.7, 1e308, -1e308, 1e-308, 5e-324, 1e16, 1e-5]
FLOATS += [float("inf"), float("-inf"), float("nan"), 2.0**53, 2.0**63, -(2.0**63), 123456.789, 2.675, 1.005]
BOOLS = [True, False]
KINDS = {"int": INTS, "float": FLOATS, "bool": BOOLS}
ARITHMETIC = ["+", "-", "*", "/", "//", "%", "**"]
COMPARISONS = ["<", "<=", ">", ">=", "==", "!="]
BITWISE = ["<<", ">>", "&", "|", "^"]
ONE = "-a|+a|abs(a)|not a|int(a)|float(a)|bool(a)|round(a)|a and a|a or a|a*a*a|a**2|a**3|1/a|a//3|a%3|a%-3|a//-7".split("|")
ONE += ["divmod(a, 3)", "divmod(a, -3)", "divmod(a, 0)", "a % 1.0", "a // 1.0", "3 < a < 7", "0 <= a <= 1 <= a"]
ONE += ["a == 2**53", "a < 9007199254740993", "a ** -1", "a ** 0.5", "min(a, a)", "(a, 1.5, True)", "(a, (a, 2))[1][0]"]
ONE += ["int(a) + 1", "a if a else a", "1 if a else 2", "a is None", "a != None", "pow(a, 2)"]
MORE = {
    "int": ["~a", "a << 3", "a >> 70", "a << 70", "2 ** (a % 70)", "max(a, 2)", "min(3, a, 1)", "round(a, 2)", "a * 0.5"]
    + ["round(a, -1)", "round(a, a % 9 - 5)", "pow(a, 3, 7)", "pow(3, a, 11)", "pow(a, 5, a)", "pow(a, -1, 10)", "pow(7, 5, a)"],
    "float": ["max(a, 2.0)", "min(2.0, a, 1.0)", "round(a, 2)", "round(a, 0)", "round(a, 5)", "round(a, -1)", "round(a, 23)", "round(a, -400)", "2.0 ** a"],
    "bool": ["a << 3", "a & True", "a ^ a", "a | 2", "pow(a, 2, 3)", "round(a, -1)"],
}

# math.name: the calls that are compared, a and b of each of the kinds. Every function of the running Python is here.
FIRST = {"int": "i", "float": "f", "bool": "b"}
UNARY = "acos acosh asin asinh atan atanh cbrt ceil cos cosh degrees erf erfc exp exp2 expm1 fabs floor frexp gamma isfinite"
UNARY += " isinf isnan lgamma log log10 log1p log2 modf radians sin sinh sqrt tan tanh trunc ulp"
MATH = {name: {"": ["(a)"]} for name in UNARY.split()}
MATH |= {name: {"ff": ["(a, b)"], "if": ["(a, b)"]} for name in "atan2 copysign fmod log nextafter pow remainder".split()}
MATH["log"] |= {"i": ["(a)"], "f": ["(a)"], "b": ["(a)"], "ii": ["(a, b)"]}
MATH["nextafter"] |= {"fi": ["(a, 2.0, steps=b)"], "f": ["(a, 1.0, steps=3)"]}
MATH |= {
    "comb": {"i": ["(a % 40, 3)", "(a, 2)"], "ii": ["(a, b % 5)"], "bi": ["(a, b)"]},
    "dist": {"ff": ["((a, b), (1.5, a))", "([a, b], [b, 2])", "((a, 1.0), (b,))", "((), ())"], "if": ["((a, b), (b, a))"]},
    "factorial": {"i": ["(abs(a) % 25)", "(-abs(a))"], "b": ["(a)"]},
    "fma": {"ff": ["(a, b, a)", "(a, a, b)"], "if": ["(a, b, 2)"]},
    "fsum": {"ff": ["((a, b, a))", "([a, 1e100, b, -1e100])", "(())"], "if": ["((a, b))"], "i": ["([a, True])"]},
    "fmax": {"ff": ["(a, b)"], "if": ["(a, b)"]},
    "fmin": {"ff": ["(a, b)"], "bi": ["(a, b)"]},
    "gcd": {"ii": ["(a, b)", "(a, b, 12)", "()"], "b": ["(a)"]},
    "hypot": {"ff": ["(a, b)", "(a, b, 3, a)", "()"], "if": ["(a, b)"]},
    "isclose": {"ff": ["(a, b)", "(a, b, rel_tol=0.5)", "(a, b, abs_tol=b)", "(a, b, abs_tol=1, rel_tol=0)"], "if": ["(a, b)"]},
    "isnormal": {"": ["(a)"]},
    "isqrt": {"i": ["(a)"], "b": ["(a)"]},
    "issubnormal": {"": ["(a)"]},
    "lcm": {"ii": ["(a, b)", "(a % 9, b % 8, 7)", "()"]},
    "ldexp": {"fi": ["(a, b)"], "ii": ["(a, b)"], "fb": ["(a, b)"]},
    "perm": {"i": ["(a % 20, 2)", "(a % 21)"], "ii": ["(a, b % 5)"]},
    "prod": {"ff": ["((a, b, a))", "([a, b], start=2)", "(())"], "ii": ["((a, b))", "([a, b, a])", "((a,), start=b)"]}
    | {"if": ["((a, b, a))", "((a, a), start=b)"], "b": ["([a])"], "bi": ["((a, b, True))"]},
    "signbit": {"": ["(a)"]},
    "sumprod": {"ff": ["((a, b), (b, a))", "([a, 2], [b, 3])", "((a,), (a, b))", "((), ())"]}
    | {"ii": ["((a, b), (b, a))"], "if": ["((a, b), (a, 2))"], "bi": ["((a, b), (a, a))"]},
}
CONSTANTS = "pi e tau inf nan".split()


class Cases:
    def __init__(self):
        self.text = ["import math\n"]
        self.kinds = []

    def add(self, expression, *kinds):
        names = "abc"[: len(kinds)]
        self.text.append(f"def f{len(self.kinds)}({', '.join(names)}):\n    return {expression}\n")
        self.kinds.append((expression, kinds))


def operators():
    cases = Cases()
    for a, b in itertools.product(KINDS, KINDS):
        for op in ARITHMETIC + COMPARISONS + (BITWISE if "float" not in (a, b) else []):
            cases.add(f"a {op} b", a, b)
    return cases


MIXED = ["max(0, a)", "min(1, a)", "max(a, 0)", "min(a, 1)", "max(0.0, min(1, a))", "max(0, min(1.0, a))", "min(a, 2**53 + 1)"]
MIXED += ["max(a, 3, a + 1)", "max(0, min(a, 9007199254740993))", "a if a > 1 else 0", "1 if a != a else a", "a and 1", "a or 2"]
MIXED += ["a and a - 1 or 3", "(0 if a < 2 else a) * 0.5", "float(max(0, a))", "math.fabs(min(-1, a))", "-max(0, a)"]
MIXED += ["math.sqrt(a if a > 0 else 0)", "float(a or 1)", "float(max(0, min(1, a)))", "max(0, a) + max(a, 5)"]
NESTED = ["a and b or c", "(a or b) and c", "c and (a and b)", "(c or a) and b or a", "(a and b and c) or b"]


def mixtures():
    """An int or a float, depending on values."""
    cases = Cases()
    for expression in MIXED:
        cases.add(expression, "float")
    for expression in ("max(a, b)", "min(b, a, 0.5)", "a if b > a else b", "a and b", "b or a", "float(max(a, b))"):
        cases.add(expression, "int", "float")
    for expression in NESTED:
        for kind in KINDS:
            cases.add(expression, kind, kind, kind)
    return cases


def functions():
    cases = Cases()
    for kind in KINDS:
        for expression in ONE + MORE[kind]:
            cases.add(expression, kind)
    return cases


def mathematics():
    cases = Cases()
    kinds = {short: kind for kind, short in FIRST.items()}
    for name in [n for n in dir(math) if not n.startswith("_") and callable(getattr(math, n))]:
        for letters, calls in MATH[name].items():
            for these, call in itertools.product([letters] if letters else FIRST.values(), calls):
                cases.add(f"math.{name}{call}", *(kinds[letter] for letter in these))
    cases.add(" + ".join(f"math.{name}" for name in CONSTANTS) + " + a", "float")
    return cases


def too_long(expression, args):
    """Powers and shifts whose exact result CPython itself would need minutes for."""
    return ("**" in expression or "<<" in expression) and any(isinstance(a, int) and abs(a) > 2000 for a in args)


@pytest.mark.parametrize("make", [operators, functions, mixtures, mathematics])
def test_same_as_cpython(make, tmp_path):
    cases = make()
    twins = Twins(tmp_path, f"operators_{make.__name__}", "\n".join(cases.text))
    warnings.simplefilter("ignore")
    for i, (expression, kinds) in enumerate(cases.kinds):
        for args in itertools.product(*(KINDS[k] for k in kinds)):
            if not too_long(expression, args):
                twins.same(f"f{i}", *args)
        assert any(fallbacks(getattr(twins.compiled, f"f{i}"))), f"{expression} of {kinds} was never compiled"


def test_and_or_of_other_types_inside(tmp_path):
    text = "\n".join(f"def f{i}(a, b, c):\n    return {expression}\n" for i, expression in enumerate(NESTED))
    twins = Twins(tmp_path, "nested", text)
    for i in range(len(NESTED)):
        for args in itertools.product([1.5, 0.0], [2.5, 0.0, 3], [True, False, 0]):
            twins.same(f"f{i}", *args)
