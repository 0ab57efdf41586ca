"""Ways to call and be called, decorators and special methods of all kinds, ranges and counters at the edges: as CPython, or refused."""

import enum
import functools
import itertools
import math
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from twins import Twins

SOURCE = Path(__file__).parent / "language/mixed.py"
TOP = 2**63


class SubInt(int):
    pass


class SubFloat(float):
    pass


class Enum(enum.IntEnum):
    X = 3


class Index:
    def __index__(self):
        return 4

    def __add__(self, other):
        return "added"

    def __mul__(self, other):
        return "multiplied"

    def __repr__(self):
        return "Index()"


class Float(Index):
    def __float__(self):
        return 4.5


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    warnings.simplefilter("ignore")
    return Twins(tmp_path_factory.mktemp("language"), "mixed", SOURCE.read_text())


def outcome(scenario, module):
    try:
        result = scenario(module)
        return repr(result), type(result).__name__
    except Exception as error:
        return type(error).__name__, repr(error.args)


def same(twins, scenario, label=None):
    assert outcome(scenario, twins.compiled) == outcome(scenario, twins.plain), label


SPECIAL = {
    "inherited __eq__": lambda m: m.A(1).same(m.A(2)),
    "inherited __eq__, !=": lambda m: m.A(1).differ(m.A(2)),
    "inherited __bool__": lambda m: m.A(1).truth(m.A(2)),
    "inherited __bool__ of Optional": lambda m: m.A(1, m.A(2)).truth2(),
    "inherited __bool__, not": lambda m: m.A(1).truth3(),
    "inherited method": lambda m: m.A(1).walk(),
    "inherited __len__": lambda m: m.L(1).truth(m.L(2)),
    "__ne__ alone": lambda m: (m.N(1).differ(m.N(1)), m.N(1).differ(m.N(2)), m.N(1).same(m.N(1))),
    "__ne__ of Optional": lambda m: (m.N2(1, m.N2(2)).opt(), m.N2(1, m.N2(2)).opt2()),
    "generator": lambda m: (m.D(2).use_gen(), list(m.D(1).gen())),
    "large default": lambda m: (m.D(1).use_big(), m.D(1).default_big()),
    "list default": lambda m: m.D(1).default_list(),
    "mangled": lambda m: m.D(1).mangled(),
    "of the class": lambda m: m.D.anyarg(m.D(1), 2),
    "of the class, of no instance": lambda m: m.D.anyarg(5, 2),
    "closure": lambda m: m.closure_maker(2)(3),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special(twins, name):
    same(twins, SPECIAL[name])


@pytest.mark.parametrize("name", "a b c use use_b use_c use_lam lam use_kw".split())
def test_decorated_methods(twins, name):
    same(twins, lambda m: getattr(m.D(2), name)(5))


ARGUMENTS = [((1,), {}), ((), {}), ((1, 2), {}), ((1,), dict(c=2)), ((1,), dict(b=2, c=3)), ((), dict(a=1, c=2)), ((1,), dict(a=1, c=2))]
ARGUMENTS += [((1,), dict(c=2, z=3)), ((1, 2, 3, 4), {}), ((1, 2), dict(c=5)), ((1, 2), dict(b=5)), ((1, 2, 3), dict(c=5))]


@pytest.mark.parametrize("args, kwargs", ARGUMENTS, ids=str)
def test_arguments(twins, args, kwargs):
    for name in ("kwonly", "posonly", "many"):
        same(twins, lambda m: getattr(m.D(2), name)(*args, **kwargs), name)
        same(twins, lambda m: getattr(m.D, name)(m.D(2), *args, **kwargs), name)
        same(twins, lambda m: functools.partial(getattr(m.D(3), name), *args)(**kwargs), name)
    same(twins, lambda m: m.deep_default(*args, **kwargs))


NUMBERS = [True, False, 3, 2.5, SubInt(5), SubFloat(2.5), Enum.X, Index(), Float(), TOP, TOP - 1, -TOP, 2**100, -(2**70), 1j, math.nan, -0.0]


@pytest.mark.parametrize("value", NUMBERS + ["ab", None, (1, 2), [1]], ids=repr)
def test_values(twins, value):
    same(twins, lambda m: m.D(1).anyarg(value))
    same(twins, lambda m: m.D(1).default_none(value))
    for name in ("boolarg", "ann", "default_big"):  # whose annotations are hints
        same(twins, lambda m: getattr(m.D(1), name)(value), name)


CALLS = dict(
    shadow_abs=[(3,)], shadow_call=[(1, 2)], globaldecl=[(4,)], rec_default=[(5,), (5, 2.5), (0,)], assertion=[(1,), (0,)], debug_flag=[()],
    fmt=[(5, 2.5, True), (-1234567, 1e300, False), (0, -0.0, True), (3, math.nan, True)], fmt_bad=[(1,)], fmt_none=[(1,)],
    fmt_none_bad=[(1,)], fmt_nested=[(1, 5)], raise_kinds=[(i,) for i in range(10)], only_raises=[(1,)], calls_only_raises=[(1,), (0,)],
    unreachable=[(1,)], chain_walrus=[(3,), (50,), (-1,), (-5,)], cond_nested=[(1, 2), (-1, 2), (-1, -2), (3, 2)],
    loop_mod=[(3,), (100,), (0,)], loop_nested=[(0,), (1,), (5,), (20,)], rng_change=[(5,), (0,)],
    bools=[(True, False), (True, True), (False, False)], tuples=[(1, 2.5)], swap3=[(1, 2, 3)], aug_all=[(5, 7), (-5, 9), (2**40, 3)],
    aug_div=[(5, 2), (5, 0), (2**62 + 1, 3)], while_true=[(50,)], while_one=[(5,)],
)  # fmt: skip
CALLS["rng"] = [(0, 10, 3), (10, 0, -3), (-TOP, TOP - 1, 2**62), (TOP - 1, -TOP, -(2**62)), (TOP - 3, TOP - 1, 1), (-TOP + 2, -TOP, -1)]
CALLS["rng"] += [(0, 5, 0), (5, 5, 1), (TOP - 2, TOP - 1, 5), (0, TOP - 1, TOP - 1), (0, -TOP, -TOP), (-TOP, TOP - 1, TOP - 1)]
CALLS["rng"] += [(TOP, TOP, 1), (0, 3, TOP), (-TOP, -TOP, -1)]
STARTS = [0, 2**62 - 5, 2**62, 2**62 + 10, TOP - 1, TOP - 1000, -TOP + 5, -(2**62)]
CALLS["counter_far"] = CALLS["counter_down"] = list(itertools.product([0, 1, 5, 1000, 20000, 40000], STARTS))
REALS = [0.0, -0.0, 0.5, 1.5, -2.5, 1e18, 9.3e18, 1e300, math.inf, math.nan, -9223372036854775808.0, 9223372036854774784.0, 4503599627370497.5]
CALLS["try_int"] = [(x,) for x in REALS]
DIGITS = [0, 1, 2, 5, 15, 16, 17, 22, 23, 300, -1, -2, -20, 2**62, -(2**62)]
CALLS["rnd"] = list(itertools.product(REALS + [2.675, 1e22, 5e-324, 1234.5, 1.0000000000000002e15, 0.125, 1e-310], DIGITS))


@pytest.mark.parametrize("name", CALLS)
def test_functions(twins, name):
    for args in CALLS[name]:
        same(twins, lambda m: getattr(m, name)(*args), args)


def test_generated_eq(program):
    source = """
        import warnings, jitd
        warnings.simplefilter("ignore")
        @jitd.jitclass(eq=True)
        class P:
            x: int
            def same(self, o: "P") -> bool:
                return self == o
        print(P(1).same(P(1)), P(1).same(P(2)))
    """
    assert program(source).run().stdout == "True False\n"


def test_asserts_are_dropped_under_O(program):
    source = """
        import warnings, jitd
        warnings.simplefilter("ignore")
        @jitd.jit
        def f(x: int) -> int:
            assert x > 0
            return x
        print(f(-1))
    """
    path = program(source).path
    done = subprocess.run([sys.executable, "-O", path], capture_output=True, text=True)
    assert done.stdout == "-1\n", done.stderr
