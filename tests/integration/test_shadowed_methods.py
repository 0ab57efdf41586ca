"""A method that one instance has as an attribute of its own (obj.method = other): its class's compiled callers see it, as CPython does."""

from __future__ import annotations

import copy
import unittest.mock
from typing import Any, Callable

import pytest

import jitd


def body() -> Any:
    class Bot:
        x: int
        name: str = "bot"

        def step(self, k: int) -> int:
            return self.x + k

        alias = step

        def run(self, n: int) -> int:
            total = 0
            for i in range(n):
                total += self.step(i)
            return total

        def by_alias(self) -> int:
            return self.alias(1)

    return Bot


def other(k: int) -> int:
    return 100 * k


def in_dict(bot: Any) -> None:
    vars(bot)["step"] = other


SET: dict[str, Callable[[Any], None]] = {
    "attribute": lambda bot: setattr(bot, "step", other),
    "vars": in_dict,
    "new dict": lambda bot: setattr(bot, "__dict__", {"x": 1, "name": "bot", "step": other}),
    "alias": lambda bot: setattr(bot, "alias", other),
    "twice": lambda bot: [setattr(bot, "step", None), setattr(bot, "step", other)] and None,
}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("how", SET)
def test_compiled_callers_see_it(how: str, first: bool) -> None:
    import dataclasses

    found = []
    for decorate in (dataclasses.dataclass(eq=False), jitd.jitclass()):
        cls: Any = decorate(body())
        bot, quiet = cls(1), cls(1)
        seen = [bot.run(4), bot.by_alias()] if first else []
        SET[how](bot)
        seen += [bot.run(4), bot.by_alias(), bot.step(2), quiet.run(4), quiet.step(2), copy.copy(bot).run(4), sorted(vars(bot))]
        for name in ("step", "alias"):
            try:
                delattr(bot, name)
                seen.append("gone")
            except AttributeError:
                seen.append("not there")
        seen += [bot.run(4), bot.step(2)]
        found.append(seen)
    assert found[1] == found[0]


def test_methods_are_native_until_then() -> None:
    cls = jitd.jitclass(body())
    assert cls(1).run(4) == 10 and "run: compiled" in jitd.explain(cls.run)
    cls(1).step = other
    assert "step: it was set on an instance" in jitd.explain(cls.run)


def test_mock_puts_back_what_was_there() -> None:
    cls = jitd.jitclass(body())
    bot = cls(1)
    assert bot.run(4) == 10
    with unittest.mock.patch.object(bot, "step", other):
        assert bot.run(4) == 600
    assert bot.run(4) == 10 and "step" not in vars(bot)
    with unittest.mock.patch.object(cls, "step", lambda self, k: k):
        assert bot.run(4) == 6
    assert bot.run(4) == 10


def test_a_class_with_slots_says_what_cpython_says() -> None:
    @jitd.jitclass
    class Slots:
        __slots__ = ("name",)

        def __init__(self) -> None:
            self.name = "a"

        def get(self, k: int) -> int:
            return k

    with pytest.raises(AttributeError, match="'Slots' object attribute 'get' is read-only"):
        Slots().get = other  # type: ignore[method-assign]


def constants() -> Any:
    class Ship:
        LIMIT = 3
        RATE = 0.5
        QUIET = False
        NONE = None
        NAME = "ship"
        armed = False
        x: int
        name: str

        def __init__(self, x: int, name: object = "a") -> None:
            self.x = x
            self.name = name  # type: ignore[assignment]

        def limited(self, k: int) -> int:
            return min(self.x * k, self.LIMIT)

        def rated(self) -> float:
            return self.x * self.RATE

        def quiet(self) -> int:
            return 0 if self.QUIET else self.x

        def none(self) -> bool:
            return self.NONE is None

        def arm(self) -> None:
            self.armed = True

        def power(self) -> int:
            return self.x if self.armed else 0

    return Ship


SHADOW: dict[str, Callable[[Any], object]] = {
    "LIMIT": lambda ship: setattr(ship, "LIMIT", 100),
    "RATE": lambda ship: setattr(ship, "RATE", 2),
    "QUIET": lambda ship: setattr(ship, "QUIET", True),
    "NONE": lambda ship: setattr(ship, "NONE", 3),
    "NAME": lambda ship: setattr(ship, "NAME", ["x"]),
    "armed": lambda ship: ship.arm(),
    "two": lambda ship: (setattr(ship, "LIMIT", 50), setattr(ship, "RATE", 2.0)),
    "dict": lambda ship: ship.__dict__.update(LIMIT=60),
    "state": lambda ship: ship.__setstate__({"LIMIT": 70}) if hasattr(ship, "__setstate__") else vars(ship).update(LIMIT=70),
    "and gone": lambda ship: (setattr(ship, "LIMIT", 100), ship.limited(9), delattr(ship, "LIMIT")),
    "class": lambda ship: setattr(type(ship), "LIMIT", 7),
    "class and back": lambda ship: (setattr(type(ship), "LIMIT", type(ship).__dict__["LIMIT"]), setattr(ship, "LIMIT", 5)),
    "subclass": lambda ship: setattr(type("Sub", (type(ship),), {})(4, "sub"), "LIMIT", 8),
}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("how", SHADOW)
@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_compiled_code_sees_a_constant_that_an_instance_shadows(how: str, first: bool) -> None:
    def shown(ship: Any) -> list[Any]:
        cls = type(ship)
        calls = [ship.limited(40), ship.rated(), ship.quiet(), ship.none(), ship.power()]
        return [*calls, cls.LIMIT, ship.LIMIT, ship.NAME, cls.NONE, sorted(vars(ship)), repr({k: v for k, v in vars(cls).items() if k.isupper()})]

    found = []
    for decorate in (lambda cls: cls, jitd.jitclass()):
        cls: Any = decorate(constants())
        ship, other = cls(2), cls(3, [])
        seen = shown(ship) if first else []
        SHADOW[how](ship)
        seen += shown(ship) + shown(other) + shown(copy.copy(ship)) + shown(cls(5))
        with pytest.raises(AttributeError) as error:
            del other.LIMIT
        found.append([*seen, type(error.value)])
    assert found[1] == found[0]


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_constants_are_built_in_until_then() -> None:
    cls = jitd.jitclass(constants())
    ship = cls(2)
    assert ship.limited(40) == 3 and "limited: compiled" in jitd.explain(cls.limited)
    assert ship.power() == 0 and "a class attribute that its methods set" in jitd.explain(cls.power)
    ship.arm()
    assert ship.power() == 2 and "limited: compiled" in jitd.explain(cls.limited)
    cls(4).LIMIT = 9
    assert "LIMIT: it was set on an instance" in jitd.explain(cls.limited)


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("how", ["set", "set below", "stated below", "set elsewhere", "set back"])
def test_a_method_under_two_names(how: str, first: bool) -> None:
    """Each instance has what was set on it, under the name under which it was."""
    found: list[list[Any]] = []
    for decorate in (lambda cls: cls, jitd.jitclass()):

        @decorate
        class Node:
            def __init__(self, x: int, name: object = "a") -> None:
                self.x = x
                self.name = name

            def plain(self, k: int) -> int:
                return self.x * k

            def cached(self, k: int) -> int:
                return self.x + k

            def run(self, k: int) -> int:
                total = 0
                for i in range(k):
                    total += self.plain(i) * 10 + self.cached(i)
                return total

        seen: list[Any] = [Node(3).run(4)] if first else []
        cls: Any = Node
        if how == "set":
            Node.plain = Node.cached  # type: ignore[method-assign]
        elif how == "set below":
            cls = type("Below", (Node,), {})
            cls.plain = Node.cached
        elif how == "stated below":

            class Stated(Node):
                plain = Node.cached

            cls = Stated
        elif how == "set elsewhere":

            class Elsewhere:
                pass

            Elsewhere.cached = Node.cached  # type: ignore[attr-defined]
            other: Any = Elsewhere()
            other.cached = 4
            seen.append(vars(other))
        else:
            kept, Node.plain = Node.plain, Node.cached  # type: ignore[method-assign]
            Node.plain = kept  # type: ignore[method-assign]
        a, b = cls(2), cls(3)
        seen += [a.run(3), b.run(3)]
        a.plain = lambda k: 100
        seen += [a.run(3), b.run(3), sorted(vars(a)), a.cached(1)]
        b.cached = lambda k: 7
        seen += [a.run(3), b.run(3), sorted(vars(b)), b.plain(1), cls(4).run(3)]
        found.append(seen)
    assert found[1] == found[0]
