"""Parts of a function that the interpreter carries out in the middle of compiled code: results, effects, output, exceptions and tracebacks are
CPython's (language/regions.py), and what is compiled around them is compiled."""

import gc
import itertools
import re
import traceback
from pathlib import Path
from typing import Optional

import jitd
import pytest
from jitd import _jitd
from twins import Twins, bits

SOURCE = (Path(__file__).parent / "language/regions.py").read_text()
VALUES = [0, 1, 2, 3, 5, -4, 2**31, 2**62, 2**63 - 1, -(2**63)]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("regions"), "regions", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def shown(value):
    if isinstance(value, (list, tuple, set, dict)):
        parts = value.items() if isinstance(value, dict) else value
        return type(value).__name__, [shown(part) for part in parts]
    return value if isinstance(value, str) else bits(value)


def state(t):
    return (bits(t.n), bits(t.x), state(t.next)) if hasattr(t, "next") else shown(t)


def run(world, name, a, b):
    """The value, or the exception with the functions and lines that its traceback shows; and what became of the object."""
    t = world.T(3, 0.5, world.T(4, 1.5))
    try:
        result = "value", shown(getattr(world, name)(t, a, b))
    except Exception as error:
        frames = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
        result = type(error).__name__, "a field" if re.search("out of range for int|must be ", str(error)) else str(error), frames
    return result, state(t)


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
        look()
        for i in range(3):
            self.n += i
        return self.n


@pytest.mark.parametrize("name, argument", [("region", 1), ("rest", 2**62)])
def test_what_python_drops_in_the_middle_comes_back_at_once(name, argument):
    """A call that goes on for long would else keep all that was made in it."""
    SEEN.clear()
    gc.collect()
    before = _jitd.arena_stats()["objects"]
    assert getattr(Cell(), name)(argument) == 3
    assert len(SEEN) == 1 and SEEN[0] < before + 100
    facts = jitd.stats()["objects"][f"Cell.{name}"]
    assert (facts["regions"] > 0, facts["resumes"] > 0) == (name == "region", name == "rest"), facts


def test_they_are_compiled(module):
    """All but the one whose only loop adds to a Python object, and those that ask whether two numbers are the same object."""
    facts = jitd.stats()["objects"]
    assert {name for name in names() if facts[name]["mode"] != "native"} == {"f_while_test", "f_identity", "f_mixed_chain"}
