"""A method that has effects has one body, for Python's calls and for those of compiled code: where it cannot go on, Python does from there, also in front
of the first effect. Where Python could not, Python's calls have a body of their own, and the call is done again from its beginning."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Iterator

import pytest

import jitd

HUGE = 10**12


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def classes(decorate: Callable[[type], type]) -> Any:
    @decorate
    class Log:
        n: int
        items: list

        def __init__(self) -> None:
            self.n = 0
            self.items = [0, 0, 0]

        def early(self, x: int) -> int:
            big = x * x * x
            self.items.append(big % 1000)
            return big % 7

        def early_in_loop(self, x: int) -> int:
            total = 0
            for i in range(3):
                total += x * x * (i + 1)
            self.items.append(total % 1000)
            return total % 11

        def in_a_target(self, x: int) -> int:
            self.n, self.items[x * x * x % 3] = x % 10, x % 5
            self.items.append(x % 1000)
            return self.n

        def in_two_targets(self, x: int) -> int:
            for self.n, self.items[x * x * x % 3] in ((1, 2), (x % 7, 4)):
                self.items.append(x % 1000)
            return self.n

        def after(self, x: int) -> int:
            self.items.append(x % 1000)
            return x * x * x % 13

        def calls(self, x: int) -> int:
            total = self.early(x) + x * x * x % 5
            self.items.append(1)
            return total + self.in_a_target(x)

        def raises(self, x: int) -> int:
            if x > HUGE // 2:
                raise ValueError(str(x * x * x))
            self.items.append(x)
            return x

    return Log


METHODS = ["early", "early_in_loop", "in_a_target", "in_two_targets", "after", "calls", "raises"]


def run(log: Any, name: str, x: int) -> Any:
    try:
        result = getattr(log, name)(x)
    except Exception as error:
        result = type(error), str(error)
    return result, log.n, log.items


@pytest.mark.parametrize("name", METHODS)
def test_results_and_effects(name: str) -> None:
    plain, compiled = classes(lambda cls: cls)(), classes(jitd.jitclass)()
    for x in (3, HUGE, 5, HUGE + 1, -HUGE, 7, 2**62, 1):
        assert run(compiled, name, x) == run(plain, name, x), (name, x)


def families(decorate: Callable[[type], type]) -> tuple[Any, Any]:
    @decorate
    class Base:
        n: int
        items: list
        LIMIT = 10

        def __init__(self) -> None:
            self.n = 0
            self.items = []

        @classmethod
        def scaled(cls, a: int) -> int:
            big = a * a * 3
            return big % 100 + cls.LIMIT

        @classmethod
        def named(cls, a: int) -> int:
            if a * a * a > 0:
                return len(cls.__name__) + cls.LIMIT
            return cls.scaled(a)

        def step(self, a: int) -> int:
            self.items.append(a)
            return self.scaled(a) + self.named(a)

        def early(self, a: int) -> int:
            n = Base.scaled(a)
            self.items.append(n)
            return n

    @decorate
    class Heir(Base):
        LIMIT = 20

        def twice(self, a: int) -> int:
            self.items.append(a)
            return self.scaled(a) * 2

    return Base, Heir


@pytest.mark.parametrize("a", [3, HUGE, -HUGE, 2**62])
def test_python_goes_on_in_a_class_method(a: int) -> None:
    found = []
    for decorate in (lambda cls: cls, jitd.jitclass):
        base, heir = (cls() for cls in families(decorate))
        found.append([base.step(a), heir.step(a), heir.twice(a), base.early(a), heir.early(a), base.items, heir.items])
    assert found[1] == found[0]


def parsers(decorate: Callable[[type], type]) -> tuple[Any, Any]:
    @decorate
    class Point:
        x: int
        y: int
        seen: list
        MADE = 3

        def __init__(self, x: int, y: int) -> None:
            self.x = x
            self.y = y
            self.seen = []

        @classmethod
        def parse(cls, text: str) -> Point:
            a, b = text.split(",")
            made = cls(int(a), int(b))
            made.seen.append(text)
            return made

        @classmethod
        def sum(cls, items: list[int]) -> int:
            total = cls.MADE
            for item in items:
                total += item
            return total

        @classmethod
        def parsed(cls, texts: list[str], n: int) -> int:
            total = 0
            for i in range(n):
                made = cls.parse(texts[i % len(texts)])
                total += made.x * made.y + cls.sum([1, 2, i])
            return total

        def run(self, texts: list[str], n: int) -> int:
            return self.parsed(texts, n) + len(self.seen)

    @decorate
    class Heir(Point):
        MADE = 10

        def kind(self, text: str) -> str:
            return type(self.parse(text)).__name__ + str(self.parse(text).MADE)

    return Point, Heir


@pytest.mark.parametrize("text", ["3,4", "a,4", "1,2,3", f"{HUGE},{HUGE}", f"{2**70},1"])
def test_a_class_method_with_python_objects(text: str) -> None:
    found: list[list[Any]] = []
    for decorate in (lambda cls: cls, jitd.jitclass):
        point, heir = (cls(1, 2) for cls in parsers(decorate))
        found.append([])
        for call in (lambda: point.run(["1,2", text], 7), lambda: heir.run([text], 2), lambda: heir.kind(text), lambda: type(heir).parse("5,6").x):
            try:
                found[-1].append(call())
            except ValueError as error:
                found[-1].append(str(error))
            except OverflowError:
                assert text.startswith(str(2**70)) and decorate is jitd.jitclass, "a field of 64 bits"
                found[-1].append(found[0][len(found[-1])])
    assert found[1] == found[0]


def test_in_the_target_of_an_assignment() -> None:
    """What the target of an assignment reads is of another type than its list says: the value is there by then, and is not made again."""

    def targets(decorate: Callable[[type], type]) -> Any:
        @decorate
        class Targets:
            out: list

            def __init__(self) -> None:
                self.out = []

            def value(self, a: int) -> int:
                self.out.append(a)
                return a

            def key(self, a: int, xs: list[int], found: dict[int, int]) -> None:
                for i in range(2):
                    found[xs[i]] = self.value(a)

            def index(self, a: int, xs: list[int], found: dict[int, int]) -> None:
                self.out.append(0)
                for i in range(2):
                    xs[xs[i]] = self.value(a)

            def number(self, a: int, xs: list[float], found: dict[int, int]) -> None:
                for i in range(2):
                    found[int(xs[i])] = self.value(a)

        return Targets

    found: list[list[Any]] = []
    for decorate in (lambda cls: cls, jitd.jitclass):
        found.append([])
        cls = targets(decorate)
        for name in ("key", "index", "number"):
            for item in (None, 1.5, 1 << 70, 1, "x"):
                made, known = cls(), {}
                try:
                    found[-1].append(getattr(made, name)(7, [1, item], known))
                except (TypeError, IndexError, ValueError) as error:
                    found[-1].append((type(error), str(error)))
                found[-1].append((made.out, known))
    assert found[1] == found[0]
