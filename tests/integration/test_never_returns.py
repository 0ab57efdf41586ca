"""Calls that always raise, in every place where an expression may stand: what comes before them is done, what comes after is not, and the
other way of a condition that ends before them goes on. Against CPython on the same source, and run by the compiled code."""

import pytest

from twins import Twins, fallbacks, outcome

CLASS = """
import math
from typing import Optional

@jitclass
class V:
    x: float
    n: Optional["V"] = None

    def made(self) -> "V":
        raise ValueError(1)

    def sum(self, a: int, b: int) -> int:
        self.x += 1.0
        return a + b

    @property
    def p(self) -> int:
        raise ValueError(3)

    @p.setter
    def p(self, v: int):
        raise ValueError(v)
"""
SPECIAL = """
    def __{0}__(self{1}) -> {2}:
        raise ValueError("{0}")
"""
METHODS = {
    "neg": ("", "'V'"), "eq": (", o: 'V'", "bool"), "lt": (", o: 'V'", "bool"), "add": (", o: 'V'", "'V'"), "iadd": (", o: float", "'V'"),
    "bool": ("", "bool"), "abs": ("", "float"), "len": ("", "int"),
}  # fmt: skip
FUNCTIONS = """
def stop(n: int) -> int:
    raise ValueError(n)

def stop_v(n: int) -> V:
    raise ValueError(n)
"""
NEVER = ["stop(n)", "stop_v(n)", "-a", "(a == b)", "(a != b)", "(a < b)", "(a + b)", "abs(a)", "len(a)", "a.p", "(not a)", "a.made()"]
PLACES = """
{} | y = {} | return {} | return ({}).x | return ({}).sum(1, 2) | return a.sum(n, {}) | return a.sum({}, n) | y = ({})[0] | p, q = {}
a.x = {} | ({}).x = 1.0 | ({}).x += 1.0 | a.n = {} | a.p = {} | a.x += {} | n += {} | a += {} | n, y = {}, 3 | y = z = {} | y: int = {}
if {}: n = 3 | if n > 3 and {}: n = 4 | if n > 3 or {}: n = 4 | if n > 3 and not ({}): n = 4 | while {}: n = 3 | while n > 3 and {}: n = 3
while not (n > 3 or {}): n += 1 | for i in range({}): n += i | for i in range(n, {}, 2): n += i | assert {} | assert n > 3, {}
assert n > 3 or {} | y = n < 3 < {} | y = {} < 3 < n | y = n < {} < 3 < n | y = n < 3 < 4 < {} | y = {} is None | if {} is None: n = 3
if n > 3 and {} is not None: n = 3 | y = n if {} else 2 | y = {} if n > 3 else 2 | y = {} or 2 | y = n or {} | y = n and ({} or 3)
y = not ({}) | y = -({}) | y = n + ({}) | y = ({}) + n | y = x ** ({}) | y = n << ({}) | y = (n, {}) | y = (({}), n)[1] | y = (z := {})
if (z := {}) is None: n = 3 | y = abs({}) | y = len({}) | y = min(n, {}) | y = max({}, n) | y = round({}) | y = int({}) | y = float({})
y = bool({}) | y = divmod(n, {}) | y = pow({}, 2) | y = math.sqrt({}) | y = math.gcd(n, {}) | y = math.hypot({}, x) | y = V({})
y = V(1.0, {}) | raise ValueError({}) | raise ValueError(f'{{{}}}') | y = x if n > 3 and {} else 2.0 | y = n > 3 and {}
y = bool(n > 3 or {}) | y = (n > 3 and {}) or n > 7 | y = ({}) == b | y = b != ({}) | y = a + ({}) | y = ({}) + a | a.sum(a=1, b={})
"""
PLACES = [place.strip() for line in PLACES.strip().splitlines() for place in line.split(" | ")]


def source(place, at):
    """A module with every third of NEVER in that place, from number at % 3 on."""
    special = "".join(SPECIAL.format(name, *signature) for name, signature in METHODS.items())
    functions = (
        f"def f{i}(a: V, b: V, n: int, x: float):\n    {place.format(NEVER[i])}\n    return 1.0\n\n"
        for i in range(at % 3, len(NEVER), 3)
    )
    return CLASS + special + FUNCTIONS + "\n".join(functions)


@pytest.mark.parametrize("at", range(len(PLACES)), ids=PLACES)
def test_never_returns(tmp_path, at):
    twins = Twins(tmp_path, f"never_{at}", source(PLACES[at], at))
    for i in range(at % 3, len(NEVER), 3):
        for n in (10, 1):
            results = []
            for module in (twins.plain, twins.compiled):
                a, b = module.V(1.0), module.V(2.0)
                results.append((outcome(getattr(module, f"f{i}"), a, b, n, 2.5), a.x, b.x))
            assert results[0] == results[1], (NEVER[i], n)
        native, python = fallbacks(getattr(twins.compiled, f"f{i}"))
        assert native and not python, NEVER[i]
