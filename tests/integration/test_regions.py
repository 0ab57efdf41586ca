"""Parts of a function that the interpreter carries out in the middle of compiled code: results, effects, output, exceptions and tracebacks are
CPython's (language/regions.py), and what is compiled around them is compiled."""

import gc
import itertools
import re
from dataclasses import field as jitd_field
from pathlib import Path
from typing import Optional

import jitd
import pytest
from jitd import _jitd
from twins import COMPILED, Twins, bits, load, shown, tried

SOURCE = (Path(__file__).parent / "language/regions.py").read_text()
VALUES = [0, 1, 2, 3, 5, -4, 2**31, 2**62, 2**63 - 1, -(2**63)]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("regions"), "regions", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def state(t):
    return (bits(t.n), bits(t.x), state(t.next)) if hasattr(t, "next") else shown(t)


def run(world, name, a, b):
    """That, and what became of the object."""
    t = world.T(3, 0.5, world.T(4, 1.5))
    return tried(world, lambda: getattr(world, name)(t, a, b)), state(t)


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    gc.collect()
    objects = _jitd.arena_stats()["objects"]
    for a, b in itertools.product(VALUES, VALUES):
        found, wanted = run(module.compiled, name, a, b), run(module.plain, name, a, b)
        if found[0][1] == "a field":  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, a, b)
    gc.collect()
    assert _jitd.arena_stats()["objects"] == objects, "each count is given back"


SEEN = []


def look():
    SEEN.append(_jitd.arena_stats()["objects"])


@jitd.jitclass
class Cell:
    n: int = 0
    next: "Optional[Cell]" = None

    def region(self, k: int):
        for i in range(3):
            self.next = Cell(i)
        for i in [0] * 20000:
            cell = Cell(i, Cell(1))
        for i in [0] * 2000:
            jitd.publish("test_regions", Cell(i))
        look()
        for i in range(3):
            self.n += i
        return self.n

    def rest(self, k: int):
        for i in range(3):
            self.next = Cell(i)
        k = k + k
        for i in range(20000):
            cell = Cell(i, Cell(1))
        for i in range(2000):
            jitd.publish("test_regions", Cell(i))
        look()
        for i in range(3):
            self.n += i
        return self.n


ENDED = []


class Ending:
    def __init__(self, k):
        self.k = k

    def __del__(self):
        ENDED.append(self.k)


@jitd.jitclass
class Gives:
    n: int = 0

    def up(self, k: int):
        o = Ending(k)
        for i in range(3):
            self.n += i
        o = None
        for i in range(3):
            self.n += i
        ENDED.append("none")
        for o in [Ending(1), Ending(2)]:
            ENDED.append("list")
        for i in range(3):
            o = self.n + i
        ENDED.append("number")
        return o


def test_an_object_is_given_up_when_its_local_gets_another_value():
    ENDED.clear()
    assert Gives().up(0) == 8
    assert ENDED == [0, "none", "list", "list", 1, 2, "number"]
    assert jitd.stats()["objects"]["Gives.up"]["mode"] == "native"


STEP = 1


def set_step(to):
    global STEP
    STEP = to


@jitd.jitclass
class Turns:
    n: int = 0

    def for_loop(self, k: int):
        for i in range(5):
            self.n += STEP
            if i == 3:
                set_step(k)
        return self.n

    def while_loop(self, k: int):
        i = 0
        while i < 4:
            i += 1
            for j in range(3):
                self.n += STEP
                if j == 2 and i == 2:
                    set_step(k)
        else:
            self.n += 1000 * STEP
        return self.n


@pytest.mark.parametrize("name, wanted", [("for_loop", 4 + 7), ("while_loop", 6 + 6 * 7 + 7000)])
def test_a_name_may_change_at_the_end_of_a_turn(name, wanted):
    """Of that turn nothing is left."""
    set_step(1)
    assert getattr(Turns(), name)(7) == wanted
    assert jitd.stats()["objects"][f"Turns.{name}"]["resumes"] == 1


@pytest.mark.parametrize("name, argument", [("region", 1), ("rest", 2**62)])
def test_what_python_drops_in_the_middle_comes_back_at_once(name, argument):
    """A call that goes on for long would else keep all that was made in it, and what others share."""
    SEEN.clear()
    gc.collect()
    before = _jitd.arena_stats()["objects"]
    assert getattr(Cell(), name)(argument) == 3
    assert len(SEEN) == 1 and SEEN[0] < before + 100
    facts = jitd.stats()["objects"][f"Cell.{name}"]
    assert (facts["regions"] > 0, facts["resumes"] > 0) == (name == "region", name == "rest"), facts


@jitd.jitclass
class Judged:
    n: int = 0
    items: list = jitd_field(default_factory=list)

    def mostly_python(self, k: int) -> int:
        self.n += 1
        if k >= 0:
            self.items += [k]
        return self.n

    def seldom_python(self, k: int) -> int:
        self.n += 1
        if k % 4 == 0:
            self.items += [k]
        return self.n

    def works(self, k: int) -> int:
        for i in range(k):
            for j in range(20000):
                self.n = (self.n + j) & 1023
            self.items += [i]
        return len(self.items)


def test_what_is_mostly_python_becomes_python():
    judged = Judged()
    for k in range(3000):
        assert judged.mostly_python(k) == k + 1
    assert judged.items == list(range(3000))
    assert jitd.stats()["objects"]["Judged.mostly_python"]["mode"] == "python"
    assert "mostly_python: Python: Python would do most of it in the middle: " in jitd.explain(Judged)


def test_what_is_not_stays_compiled():
    judged = Judged()
    for k in range(6000):
        assert judged.seldom_python(k) == k + 1
    assert judged.works(1100) == 2600
    assert [jitd.stats()["objects"][f"Judged.{name}"]["mode"] for name in ("seldom_python", "works")] == ["native", "native"]


def test_they_are_compiled(module):
    """All but those that ask whether two numbers are the same object."""
    facts = jitd.stats()["objects"]
    assert {name for name in names() if facts[name]["mode"] != "native"} == {"f_identity", "f_mixed_chain"}


CLOSES = '''
from typing import Any

WATCHERS = []


def between(of):
    for watcher in WATCHERS:
        watcher(of)
    return 0


@jitclass
class Held:
    n: int
    other: "Held" = None

    def twice(self, k: int) -> int:
        after = 0
        for i in range(k):
            after += i
        after += between(self)
        for i in range(k):
            after += self.n + i
        return after

    def by_call(self, k: int) -> int:
        return self.twice(k) + self.n

    def of_argument(self, other: "Held", k: int) -> int:
        after = other.twice(k)
        for i in range(k):
            after += other.n + self.n
        return after
'''


def test_an_instance_closed_in_the_middle_lasts_until_the_call_ends(tmp_path):
    world = load(tmp_path / "closes.py", COMPILED + CLOSES)
    fill = lambda of: [world.Held(100 + i) for i in range(200)]  # noqa: E731  # takes what was free
    objects = _jitd.arena_stats()["objects"]
    for _ in range(3):
        for name, wanted in (("twice", 4), ("by_call", 5)):
            world.WATCHERS[:] = [lambda of: of.close(), fill]
            assert getattr(world.Held(1), name)(2) == wanted
        other = world.Held(1)
        assert world.Held(2).of_argument(other, 2) == 4 + 6
        with pytest.raises(jitd.ReleasedError):
            other.n
    world.WATCHERS.clear()
    del other
    gc.collect()
    assert _jitd.arena_stats()["objects"] <= objects
