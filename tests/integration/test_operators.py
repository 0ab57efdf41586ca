"""Every operator, built-in function and function of math, on every pair of awkward values: bit for bit CPython's."""

import itertools
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
    "int": ["~a", "a << 3", "a >> 70", "a << 70", "2 ** (a % 70)", "max(a, 2)", "min(3, a, 1)", "round(a, 2)", "a * 0.5"],
    "float": ["max(a, 2.0)", "min(2.0, a, 1.0)", "round(a, 2)", "round(a, 0)", "round(a, 5)", "round(a, -1)", "2.0 ** a"],
    "bool": ["a << 3", "a & True", "a ^ a", "a | 2"],
}
MATH1 = "acos acosh asin asinh atan atanh cos cosh exp expm1 log log1p log10 log2 sin sinh sqrt tan tanh fabs degrees".split()
MATH1 += "frexp modf radians isnan isinf isfinite floor ceil trunc gamma lgamma erf erfc ulp".split()
MATH2 = "atan2 fmod pow copysign nextafter hypot remainder log isclose".split()
MATH_INTS = ["factorial(abs(a) % 20)", "isqrt(a)", "gcd(a, 12)", "lcm(a % 50, 7)", "comb(a % 40, 3)", "perm(a % 20, 2)"]


class Cases:
    def __init__(self):
        self.text = ["import math\n"]
        self.kinds = []

    def add(self, expression, *kinds):
        names = "ab"[: len(kinds)]
        self.text.append(f"def f{len(self.kinds)}({', '.join(names)}):\n    return {expression}\n")
        self.kinds.append((expression, kinds))


def operators():
    cases = Cases()
    for a, b in itertools.product(KINDS, KINDS):
        for op in ARITHMETIC + COMPARISONS + (BITWISE if "float" not in (a, b) else []):
            cases.add(f"a {op} b", a, b)
    return cases


def functions():
    cases = Cases()
    for kind in KINDS:
        for expression in ONE + MORE[kind]:
            cases.add(expression, kind)
    return cases


def mathematics():
    cases = Cases()
    for kind in ("int", "float"):
        for name in MATH1:
            cases.add(f"math.{name}(a)", kind)
        for name in MATH2:
            cases.add(f"math.{name}(a, b)", kind, "float")
    for expression in MATH_INTS:
        cases.add(f"math.{expression}", "int")
    cases.add("math.ldexp(a, b)", "float", "int")
    cases.add("math.pi + math.e + math.tau + math.inf + math.nan + a", "float")
    return cases


def too_long(expression, args):
    """Powers and shifts whose exact result CPython itself would need minutes for."""
    return ("**" in expression or "<<" in expression) and any(isinstance(a, int) and abs(a) > 2000 for a in args)


@pytest.mark.parametrize("make", [operators, functions, mathematics])
def test_same_as_cpython(make, tmp_path):
    cases = make()
    twins = Twins(tmp_path, f"operators_{make.__name__}", "\n".join(cases.text))
    warnings.simplefilter("ignore")
    for i, (expression, kinds) in enumerate(cases.kinds):
        for args in itertools.product(*(KINDS[k] for k in kinds)):
            if not too_long(expression, args):
                twins.same(f"f{i}", *args)
        assert any(fallbacks(getattr(twins.compiled, f"f{i}"))), f"{expression} of {kinds} was never compiled"
