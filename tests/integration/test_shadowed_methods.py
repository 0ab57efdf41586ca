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
