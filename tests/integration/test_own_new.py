"""Instances that a __new__ of the class's own makes, and that nobody has initialised yet: they are instances wherever they are given."""

from __future__ import annotations

from typing import Any, Callable

import pytest

import jitd


@jitd.jitclass
class Made:
    n: int

    def __new__(cls, *_ignored: Any) -> Made:
        return object.__new__(cls)

    def __init__(self, n: int) -> None:
        self.n = n


@jitd.jitclass
class Reader:
    k: int = 1

    def read(self, made: Made) -> int:
        return made.n + self.k

    def any(self, made) -> int:  # type: ignore[no-untyped-def]
        return self.k + 1

    def pair(self, both: tuple[Made, Made]) -> int:
        return both[0].n + both[1].n


@jitd.jit
def number(made: Made) -> int:
    return made.n


WAYS: dict[str, Callable[[Made], int]] = {
    "parameter": Reader().read,
    "without a type": Reader().any,
    "in a tuple": lambda made: Reader().pair((Made(5), made)),
    "function": number,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_argument_that_is_not_initialised(way: Callable[[Made], int]) -> None:
    ready = way(Made(7))
    fresh = Made.__new__(Made)
    assert way(fresh) == (ready if ready == 2 else ready - 7)
    fresh.n = 7
    assert way(fresh) == ready
    fresh.close()
    with pytest.raises(jitd.ReleasedError, match="this Made object was released"):
        way(fresh)
