"""A global that compiled code has built in gets another value while Python code runs in the middle of it, where compiled code called __init__,
a setter or an operator, or where an object is finalised: what follows has the new value, and nothing is refused."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Iterator

import pytest

import jitd

NUMBER = 1
TURNS = 1000


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def change() -> int:
    global NUMBER
    NUMBER += 1
    return NUMBER


class Token:
    """Changes the number when one of them goes."""

    def __init__(self, k: int) -> None:
        self.k = k

    def __del__(self) -> None:
        if self.k == 100:
            change()


def classes(decorate: Callable[[type], type]) -> tuple[Any, Any]:
    @decorate
    class Part:
        v: int
        log: list

        def __init__(self, i: int) -> None:
            self.v = i
            self.log = []
            if i % 50 == 7:
                self.log.append(change())
            self.v += 1

        @property
        def x(self) -> int:
            return self.v

        @x.setter
        def x(self, v: int) -> None:
            self.v = v
            if v % 50 == 7:
                self.log.append(change())
            self.v += 1

        def next(self) -> bool:
            self.v += 1
            if self.v % 50 == 7:
                self.log.append(change())
            return self.v % 2 == 0

        def __eq__(self, other: object) -> bool:
            return self.next()

        def __lt__(self, other: Part) -> bool:
            self.v += 1
            if self.v % 50 == 7:
                self.log.append(change())
            return self.v % 2 == 0

        def __len__(self) -> int:
            self.v += 1
            if self.v % 50 == 7:
                self.log.append(change())
            return self.v % 5

        def __bool__(self) -> bool:
            self.v += 1
            if self.v % 50 == 7:
                self.log.append(change())
            return self.v % 2 == 0

    @decorate
    class Held:
        n: int
        token: object

        def __init__(self, n: int, token: object) -> None:
            self.n = n
            self.token = token

    @decorate
    class Loops:
        total: int
        part: Part
        source: list

        def __init__(self, source: list) -> None:
            self.total = 0
            self.part = Part(0)
            self.source = source

        def made(self, n: int) -> int:
            for i in range(n):
                self.total += 1
                self.total += Part(i).v * NUMBER
            return self.total

        def made_in_the_middle(self, n: int) -> int:
            for i in range(n):
                self.total += 1
                self.total += i * 2 + (Part(i).v + NUMBER) * NUMBER
            return self.total

        def two_made(self, n: int) -> int:
            last = Part(1)
            for i in range(n):
                self.total += 1
                last, part = Part(i), Part(i + 4)
                self.total += part.v + last.v * NUMBER
            return self.total

        def set(self, n: int) -> int:
            for i in range(n):
                self.total += 1
                self.part.x = i
                self.total += NUMBER
            return self.total

        def less(self, n: int) -> int:
            part = self.part
            for i in range(n):
                self.total += 1
                if part < part:
                    self.total += NUMBER
                self.total += NUMBER * i
            return self.total

        def less_value(self, n: int) -> int:
            part = self.part
            for i in range(n):
                self.total += 1
                self.total += (part < part) * NUMBER + NUMBER
            return self.total

        def true(self, n: int) -> int:
            part = self.part
            for i in range(n):
                self.total += 1
                if part and i % 3 or not part:
                    self.total += NUMBER
                self.total += NUMBER * i
            return self.total

        def unequal(self, n: int) -> int:
            part = self.part
            for i in range(n):
                self.total += 1
                if part != part:
                    self.total += NUMBER
                self.total += (part != part) * i * NUMBER
            return self.total

        def length(self, n: int) -> int:
            part = self.part
            for i in range(n):
                self.total += 1
                self.total += len(part) * NUMBER + i
            return self.total

        def while_true(self, n: int) -> int:
            i = 0
            while self.part or i < n:
                self.total += NUMBER
                i += 1
            return self.total

        def finalised(self, n: int) -> int:
            for i in range(n):
                Held(i, self.source.pop())
                self.total += NUMBER
            return self.total

        def dropped(self, n: int) -> int:
            for i in range(n):
                item = Held(i, self.source.pop())
                box = [i]
                box = None
                self.total += NUMBER
            return self.total

    return Loops, Held


def run(decorate: Callable[[type], type], name: str) -> tuple[int, int]:
    global NUMBER
    NUMBER = 1
    loops = classes(decorate)[0]([Token(k) for k in range(TURNS, 0, -1)])
    return getattr(loops, name)(TURNS), NUMBER


@pytest.mark.parametrize("name", ["made", "made_in_the_middle", "two_made", "set", "less", "less_value", "unequal", "length", "true", "while_true"])
def test_it_has_the_new_value(name: str) -> None:
    assert run(jitd.jitclass, name) == run(lambda cls: cls, name)


@pytest.mark.parametrize("name", ["finalised", "dropped"])
def test_finalisers_change_it_soon(name: str) -> None:
    """They run a little later than CPython's."""
    total, number = run(jitd.jitclass, name)
    expected = run(lambda cls: cls, name)
    assert number == expected[1] == 2
    assert 0 <= expected[0] - total <= 100


class Entered:
    left: list[Any] = []

    def __enter__(self) -> int:
        return 3

    def __exit__(self, kind: Any, value: Any, trace: Any) -> bool:
        Entered.left.append(kind)
        return False


def fail(x: int) -> int:
    raise ValueError(x)


def test_an_exception_is_not_lost_when_names_are_looked_at() -> None:
    """What the call gives up on its way out runs no Python code that could change names, but they are looked at."""

    def made(decorate: Callable[[type], type]) -> tuple[Any, Any]:
        @decorate
        class Raises:
            v: int

            def __init__(self) -> None:
                self.v = 0

            def add(self, k: int) -> int:
                self.v = change() % 1009
                return fail(k) + NUMBER

        @decorate
        class Calls:
            n: int

            def __init__(self) -> None:
                self.n = 0

            def run(self, n: int, other: Raises) -> int:
                total = 0
                for i in range(n):
                    total += i
                with Entered() as entered:
                    self.n = total
                    total += other.add(n)
                return total + entered

            def drop(self, n: int, other: Raises) -> int:
                box, total = [n], 0
                for i in range(n):
                    total += i
                self.n = total
                total += other.add(n)
                return total + len(box)

        return Calls, Raises

    for decorate in (lambda cls: cls, jitd.jitclass):
        calls, raises = made(decorate)
        for name in ("run", "drop"):
            with pytest.raises(ValueError, match="7"):
                getattr(calls(), name)(7, raises())
        assert Entered.left.pop() is ValueError
