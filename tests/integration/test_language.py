"""Statements, calls, classes and exceptions of compiled code, against CPython on the same source."""

import colorsys
import itertools
import traceback
from pathlib import Path

import jitd
import pytest

from twins import Twins, bits, fallbacks, outcome

SOURCES = Path(__file__).parent / "language"
CALLS = {
    "fib": [(10,), (20,)],
    "even": [(10,), (7,)],
    "gcd": [(12, 18), (-7, 21), (0, 0), (2**62, 6)],
    "collatz": [(1,), (27,), (97,)],
    "primes": [(2,), (100,), (3,)],
    "loopvar": [(3,), (0,), (100000,)],
    "steps": [(0, 10, 1), (0, 10, 3), (10, 0, -1), (5, 5, 1), (0, 10, 0), (-(2**63), 2**63 - 1, 2**62), (0, 200000, 1)]
    + [(2**63 - 1, -(2**63), -(2**62))],
    "mandel": [(0.1, 0.2, 1000), (0.5, 0.5, 1000), (-1.0, 0.0, 50000)],
    "tup": [(1, 2.5), (-1, 0.5)],
    "ret_other": [(5,), (2,), (1,)],
    "walrus": [(3,), (6,), (9,)],
    "cond": [(0, 5, 1.5), (3, 5, 1.5), (3, 0, 2.5)],
    "consts": [(2.0,), (-3.7,)],
    "strength": [(10,), (100000,)],
    "sumints": [(100,), (60000,), (200000,)],
    "nested": [(30,)],
    "unbound": [(4,), (2,)],
    "floatsum": [(1000,)],
    "docs": [(1,)],
    "chained": [(5,), (-9,)],
    "left_out": [(5,)],
}


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("language"), "control", (SOURCES / "control.py").read_text())


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("language"), "objects", (SOURCES / "objects.py").read_text())


@pytest.mark.parametrize("name", CALLS)
def test_function(control, name):
    for args in CALLS[name]:
        control.same(name, *args)
    assert fallbacks(getattr(control.compiled, name))[0]


def scenario(twins, make, *calls):
    """The same calls on a plain and a compiled object: same outcomes, same fields after each."""
    plain, compiled = make(twins.plain), make(twins.compiled)
    for name, *args in calls:
        a, b = (
            outcome(getattr(obj, name), *(obj if arg is SELF else arg for arg in args)) for obj in (plain, compiled)
        )
        assert b == a, (name, args)
        fields = [f for f in ("n", "f", "b", "size", "state", "hits", "x", "vx") if hasattr(plain, f)]
        assert [bits(getattr(compiled, f)) for f in fields] == [bits(getattr(plain, f)) for f in fields], (name, args)


SELF = object()


def test_linked_list(objects):
    calls = [("total",), ("pop",), ("bad_none",), ("push", 4), ("bad_none",), ("push", 5), ("total",), ("build", 100)]
    calls += [("total",), ("bad_none",), ("find", 7), ("find", 1000), ("reverse",), ("total",), ("pop",), ("total",)]
    scenario(objects, lambda m: m.LinkedList(), *calls, ("drop",), ("total",), ("reverse",))


def test_state_in_fields(objects):
    scenario(objects, lambda m: m.Lcg(42), ("next",), ("pi", 1000), ("next",))


def test_float_fields(objects):
    scenario(objects, lambda m: m.Body(1.0, 2.0, 3.0, 4.0, 5.0), ("energy",), ("dist", SELF), ("kick", SELF, 0.01))


def test_methods_of_all_kinds(objects):
    scenario(objects, lambda m: m.Acc(5), ("use", 7), ("fresh", 4))


def test_overflow_undoes_the_stores_and_redoes_in_python(objects):
    scenario(objects, lambda m: m.Acc(5), ("over", 3), ("over", 2**40), ("over", 2**60))


def test_exceptions(objects):
    calls = [("div", 0), ("div", 2), ("div2", SELF, 3), ("div2", SELF, 0), ("check", 5), ("check", 0), ("check", 101)]
    scenario(objects, lambda m: m.Acc(5), *calls, ("check", 60), ("check", 42), ("storebig", 1e18), ("storebig", 2.5))


def test_overflow_after_effects(objects):
    other = objects.compiled.Acc(2)
    assert objects.compiled.Acc(1).over2(other, 2**40) == 2**80
    assert other.n == 3


def test_traceback_shows_the_users_line(objects):
    with pytest.raises(AssertionError) as caught:
        objects.compiled.Acc(1).check(0)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.name, last.line.split()[0]) == ("check", "assert")


def test_special_methods(tmp_path):
    twins = Twins(tmp_path, "special", (SOURCES / "operators.py").read_text())
    values = [(0.0, 0.0), (1.0, 2.0), (-3.0, 4.0), (5.0, 0.0)]
    for a, b in itertools.product(values, values):
        for name, *more in (("algebra", 1.5), ("relations",)):
            plain, compiled = (getattr(m, name)(m.Vec(*a), m.Vec(*b), *more) for m in (twins.plain, twins.compiled))
            assert bits(compiled) == bits(plain), (name, a, b)
    for n in (0, 3, -1):
        twins.same("lengths", n)
    for name in ("algebra", "relations", "lengths"):
        assert fallbacks(getattr(twins.compiled, name))[0], name


@pytest.mark.parametrize("name", [n for n in dir(colorsys) if "_to_" in n])
def test_colorsys(name):
    function = getattr(colorsys, name)
    compiled = jitd.jit(function)
    levels = [0.0, 0.1, 0.25, 1 / 3, 0.5, 2 / 3, 0.9, 1.0]
    for colour in itertools.product(levels, levels, levels):
        assert outcome(compiled, *colour) == outcome(function, *colour), colour
    assert fallbacks(compiled)[1] == 0
