"""A class that is changed after it was compiled: what the change concerns is Python's from then on, and all else stays machine code."""

from __future__ import annotations

import dataclasses
import unittest.mock
import warnings
from typing import Any, Iterator

import pytest

import jitd


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_native(method: Any, *args: Any) -> bool:
    before = jitd.stats()["process"]["native_calls"]
    method(*args)
    return bool(jitd.stats()["process"]["native_calls"] > before)


def make() -> tuple[Any, Any, Any]:
    @jitd.jitclass
    class Agent:
        n: int
        FACTOR = 2
        WORDS = "words"

        def __init__(self, n: int) -> None:
            self.n = n

        def step(self, times: int) -> int:
            total = 0
            for i in range(times):
                total += i * self.n
            return total

        def scaled(self, times: int) -> int:
            total = 0
            for i in range(times):
                total += i * self.FACTOR
            return total

        def two_steps(self, times: int) -> int:
            total = 0
            for _ in range(2):
                total += self.step(times)
            return total

        def four_steps(self, times: int) -> int:
            total = 0
            for _ in range(2):
                total += self.two_steps(times)
            return total

        def other(self, times: int) -> int:
            total = self.n
            for i in range(times):
                total ^= i
            return total

        @property
        def twice(self) -> int:
            return self.n * 2

        def reads(self, times: int) -> int:
            total = 0
            for _ in range(times):
                total += self.twice
            return total

    @jitd.jitclass
    class Model:
        agent: Agent

        def __init__(self, agent: Agent) -> None:
            self.agent = agent

        def run(self, times: int) -> int:
            total = 0
            for i in range(times):
                total += self.agent.step(i)
            return total

        def sum(self, times: int) -> int:
            total = 0
            for i in range(times):
                total += self.agent.n * i
            return total

    @jitd.jit
    def walk(agent: Agent, times: int) -> int:
        total = 0
        for i in range(times):
            total += agent.two_steps(i)
        return total

    agent = Agent(3)
    model = Model(agent)
    for method in (agent.step, agent.scaled, agent.two_steps, agent.four_steps, agent.other, agent.reads, model.run, model.sum):
        assert is_native(method, 10)
    assert is_native(walk, agent, 10)
    return agent, model, walk


METHODS = ["step", "scaled", "two_steps", "four_steps", "other", "reads"]
CONCERNED = {
    "step": {"two_steps", "four_steps", "run", "walk"},
    "two_steps": {"four_steps", "walk"},
    "FACTOR": {"scaled"},
    "WORDS": set(),
    "twice": {"reads"},
    "unknown": set(),
    "__dataclass_params__": set(),
    "__eq__": {"step", "scaled", "two_steps", "four_steps", "other", "reads", "run", "sum", "walk"},
}


def new_value(name: str) -> Any:
    values = {"FACTOR": 5, "WORDS": "others", "unknown": 1, "__dataclass_params__": 2, "twice": property(lambda self: self.n * 2 + 1), "__eq__": lambda self, other: self is other}
    return values.get(name, lambda self, times: 1)


@pytest.mark.parametrize("name", CONCERNED)
def test_what_is_set_on_the_class_concerns_what_mentions_it(name: str) -> None:
    agent, model, walk = make()
    setattr(type(agent), name, new_value(name))
    for of, each in [(agent, each) for each in METHODS] + [(model, "run"), (model, "sum")]:
        if each != name:
            assert is_native(getattr(of, each), 10) == (each not in CONCERNED[name]), each
    assert is_native(walk, agent, 10) == ("walk" not in CONCERNED[name])


def test_results_are_the_new_ones() -> None:
    agent, model, walk = make()
    before = agent.step(10), agent.two_steps(10), model.run(10), walk(agent, 4)
    type(agent).step = lambda self, times: 1
    assert (agent.step(10), agent.two_steps(10), model.run(10), walk(agent, 4)) == (1, 2, 10, 8) != before
    type(agent).FACTOR = 7
    assert agent.scaled(3) == 21
    type(agent).twice = property(lambda self: 100)
    assert agent.reads(2) == 200


def test_a_mock_leaves_the_rest_compiled() -> None:
    agent, model, _walk = make()
    with unittest.mock.patch.object(type(agent), "step", return_value=4):
        assert model.run(3) == 12
        assert is_native(model.sum, 10)
        assert is_native(agent.other, 10)
    assert model.run(3) == 3 * (0 + 0 + 1)
    assert is_native(agent.other, 10)


def test_an_instance_with_a_method_of_its_own() -> None:
    agent, model, _walk = make()
    agent.step = lambda times: 1
    assert model.run(3) == 3
    assert is_native(model.sum, 10)
    assert is_native(agent.other, 10)


def test_a_class_that_is_changed_before_its_first_call() -> None:
    @jitd.jitclass
    class C:
        n: int

        def __init__(self, n: int) -> None:
            self.n = n

        def step(self) -> int:
            return self.n

        def walk(self, times: int) -> int:
            total = 0
            for _ in range(times):
                total += self.step()
            return total

        def sum(self, times: int) -> int:
            total = 0
            for i in range(times):
                total += i * self.n
            return total

    C.step = lambda self: 5
    c = C(2)
    assert c.walk(3) == 15
    assert is_native(c.sum, 10)


def test_a_string_mentions_it() -> None:
    @jitd.jitclass
    class C:
        n: int

        def __init__(self, n: int) -> None:
            self.n = n

        def step(self, times: int) -> int:
            return self.n * times

        def walk(self, times: int) -> int:
            total = 0
            for i in range(times):
                total += getattr(self, "step")(i)
            return total

    c = C(2)
    assert c.walk(3) == 6
    C.step = lambda self, times: 1
    assert c.walk(3) == 3


def test_a_pattern_mentions_it() -> None:
    @jitd.jitclass
    class C:
        n: int
        KIND = 1
        __match_args__ = ("KIND", "n")

        def __init__(self, n: int) -> None:
            self.n = n

        def walk(self, other: C, times: int) -> int:
            total = 0
            for i in range(times):
                match other:
                    case C(1, n):
                        total += n
                    case _:
                        total -= 1
            return total

    c = C(2)
    assert c.walk(c, 3) == 6
    C.KIND = 3
    assert c.walk(c, 3) == -3


def test_a_dataclass_made_of_a_jitclass() -> None:
    @dataclasses.dataclass
    @jitd.jitclass
    class C:
        n: int

        def sum(self, times: int) -> int:
            total = 0
            for i in range(times):
                total += i * self.n
            return total

    c = C(2)
    assert c.sum(3) == 6


class Checked:
    """A descriptor that takes what is set."""

    def __get__(self, obj: Any, cls: Any = None) -> Any:
        return self if obj is None else obj.__dict__.get("kept", 5) if hasattr(obj, "__dict__") else 5

    def __set__(self, obj: Any, value: int) -> None:
        raise AttributeError(f"{value} is not taken")


@pytest.mark.parametrize("inherits", [False, True])
@pytest.mark.parametrize("made", [lambda: property(lambda self: 31), Checked])
def test_a_property_in_the_place_of_a_field(made: Any, inherits: bool) -> None:
    found: list[list[Any]] = []
    for decorate in (lambda cls: cls, jitd.jitclass):

        @decorate
        class Base:
            n: int = 0

            def __init__(self, n: int) -> None:
                self.n = n

            def step(self, times: int) -> int:
                total = 0
                for i in range(times):
                    total += self.n * i
                return total

        @decorate
        class Heir(Base):
            def twice(self, times: int) -> int:
                return self.step(times) * 2

        cls = Heir if inherits else Base
        obj = cls(4)
        seen: list[Any] = [obj.step(3), obj.n]
        Base.n = made()
        seen += [obj.step(3), obj.n, type(Base.n).__name__]
        for call in (lambda: setattr(obj, "n", 3), lambda: cls(5)):
            try:
                call()
            except AttributeError as error:
                seen.append(str(error).replace("of 'Heir' object", "of 'Base' object"))
        del Base.n
        seen += [obj.n, obj.step(3)]
        Base.n = 7
        seen += [obj.n, obj.step(3), cls(5).n, Base.n]
        found.append(seen)
    assert found[1] == found[0]
