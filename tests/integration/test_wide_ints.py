"""Fields of type int in which a class has ints beyond 64 bits: it says so by the constants that it computes them with, and they are Python fields."""

from __future__ import annotations

import warnings
from typing import Any, Iterator

import pytest

import jitd

CORNERS = 1 | 1 << 7 | 1 << 63
MASK = (1 << 64) - 1
LIMIT = 1 << 63


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def board() -> Any:
    class Board:
        rights: int
        state: int
        low: int
        other: int = 0

        def __init__(self, state: int) -> None:
            self.rights = CORNERS
            self.state = state
            self.low = state

        def clear(self, square: int) -> int:
            self.rights &= ~(1 << square)
            return self.rights

        def step(self, x: int) -> int:
            self.state = ((self.state ^ x) * 1099511628211) & MASK
            return self.state

        def draw(self) -> int:
            self.low = (self.low * 6364136223846793005 + 1442695040888963407) % LIMIT
            return self.low

        def both(self) -> int:
            self.other = self.other + 3
            return (self.rights ^ MASK) + self.other

    return Board


def run(cls: Any) -> list[int]:
    b = cls(14695981039346656037 >> 1)
    got = [b.rights, b.both(), b.clear(63), b.clear(7), b.both()]
    for x in range(50):
        got += [b.step(x), b.draw()]
    return got


def test_what_is_computed_with_ints_beyond_64_bits_is_exact() -> None:
    compiled = jitd.jitclass(board())
    assert run(compiled) == run(board())
    said = jitd.explain(compiled)
    for name in ("rights", "state"):
        assert f"field {name}: a Python object: the class computes what it stores there with ints beyond 64 bits" in said
    assert "field low: int" in said and "field other: int" in said and "draw: compiled" in said


def test_a_class_below_keeps_it() -> None:
    class Below(jitd.jitclass(board())):  # type: ignore[misc]
        def toggle(self) -> int:
            self.rights ^= CORNERS
            return self.rights + 1

    compiled = jitd.jitclass(Below)
    assert [compiled(5).toggle(), compiled(5).rights, *run(compiled)] == [1, CORNERS, *run(board())]


def test_a_field_that_nobody_annotates() -> None:
    class Set:
        def __init__(self, n: int) -> None:
            self.n = n
            self.bits = CORNERS

        def has(self, at: int) -> bool:
            return self.bits >> at & 1 == 1

        def count(self) -> int:
            return self.n + 1

    compiled = jitd.jitclass(Set)
    one = compiled(3)
    assert [one.has(at) for at in (0, 1, 7, 63, 64)] == [True, False, True, True, False] and one.count() == 4 and one.bits == CORNERS
    assert "field n: int" in jitd.explain(compiled) and "field bits" not in jitd.explain(compiled)


def test_several_at_once() -> None:
    class Pair:
        a: int
        b: int
        c: int

        def __init__(self) -> None:
            self.a, self.b = 18446744073709551616, 3
            self.c = 1

        def sum(self) -> int:
            if self.a > 18446744073709551616:
                self.c = 2
            return self.a + self.b + self.c

    compiled = jitd.jitclass(Pair)
    assert compiled().sum() == 2**64 + 4 and "field c: int" in jitd.explain(compiled)


def test_constants_in_parts_of_the_statement() -> None:
    class Parts:
        a: int
        b: int
        c: int
        d: int

        def __init__(self, k: int) -> None:
            self.a = 2**64 + (1 if k else 0)
            self.b = MASK + 1 | (k if k > 3 else 0)
            self.c = k**50 * 5 % (2**127 - 1)
            self.d = k if k > MASK else 3

        def all(self) -> list[int]:
            return [self.a, self.b, self.c, self.d]

    compiled = jitd.jitclass(Parts)
    for k in (0, 1, 5, 11):
        assert compiled(k).all() == Parts(k).all()
    assert "field d: int" in jitd.explain(compiled)


def test_a_method_with_very_many_names() -> None:
    lines = "".join(f"        self.a += name_{i}\n" for i in range(300))
    space: dict[str, Any] = {f"name_{i}": i for i in range(300)}
    exec(f"class Many:\n    a: int = 1\n\n    def all(self) -> int:\n{lines}        return self.a\n", space)
    assert jitd.jitclass(space["Many"])().all() == 1 + sum(range(300))


def test_sized_fields_stay_what_they_are() -> None:
    @jitd.jitclass
    class Hash:
        h: jitd.uint64 = 0

        def take(self, x: jitd.uint64) -> jitd.uint64:
            self.h = (self.h ^ x) & MASK
            return self.h

    assert Hash(1).take(MASK) == MASK - 1 and "field h: uint64" in jitd.explain(Hash)
