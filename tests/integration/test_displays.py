"""Tests of membership in what is written there, and displays and comprehensions of sets and dicts: results, effects, exceptions and tracebacks are
CPython's (language/displays.py), whatever the items are."""

import collections
import gc
import itertools
import linecache
import re
import sys
import traceback
from pathlib import Path

import jitd
import pytest
from jitd import _jitd
from test_lists import Indexed, Sub
from test_regions import shown
from twins import Twins, bits

SOURCE = (Path(__file__).parent / "language/displays.py").read_text()
KS = [0, 1, 2, 3, -1, 5, 2**62, -(2**63)]


class Text(str):
    """Text that is equal to everything, when the method itself asks."""

    def __eq__(self, other):
        return sys._getframe(1).f_code.co_name.startswith("f_")

    __hash__ = str.__hash__


class Raises:
    def __eq__(self, other):
        raise ValueError("not to be compared")

    __hash__ = None


class Hashed:
    """Says what it is hashed and compared for, and by whom."""

    def __init__(self, key, says=True):
        self.key, self.says, self.asked = key, says, []

    def __hash__(self):
        self.asked.append(sys._getframe(1).f_code.co_name)
        return hash(self.key)

    def __eq__(self, other):
        frame = sys._getframe(1)
        self.asked.append(linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip())
        return self.says and (self is other or self.key == other)


class Stops:
    def __hash__(self):
        raise StopIteration("in a hash")

    def __eq__(self, other):
        raise StopIteration("in a comparison")


class Number(int):
    def __hash__(self):
        return 1

    def __eq__(self, other):
        return int(self) == 1 + other

    def __add__(self, other):
        return "sum"

    __radd__ = __add__

    def __index__(self):
        return 1


class Float(float):
    pass


def arguments(world):
    """Makers of what may be given as a list; each is called once for each call."""
    T = world.T
    return [
        list,
        lambda: [1, 2, 3],
        lambda: [5, 3, 9, -2, 7, 0, 2**40, 4],
        lambda: [1.5, 2.5, -0.0, 1e300, float("nan"), float("inf")],
        lambda: [0.5, 2.5, -3.25, 1e10, 0.1],
        lambda: [True, False, True],
        lambda: [1, 2.5, True, 3],
        lambda: [2**62, 2**62, 1],
        lambda: [1, 2, 2**70],
        lambda: [1, 2, None, "x"],
        lambda: ["a", "b", "c", "a" * 2],
        lambda: [Text("b"), "b", None, Text("zz")],
        lambda: [1, Number(3), Number(0), 2],
        lambda: [1.0, Float(2.5), 2.0],
        lambda: ["a", Raises(), 1],
        lambda: [1, [2], {3}, (4,)],
        lambda: [(1, 2), (1, 2), (1, (2, "a"))],
        lambda: [Hashed(1), 1, Hashed("a"), Hashed(2, False), 2],
        lambda: [1, Stops()],
        lambda: [b"a", b"", 2j, ..., frozenset()],
        lambda: [T(1), T(2, 0.5), T(3, 0.0, T(4))],
        lambda: [T(1), None, T(3)],
        lambda: [T(1), 5, T(3)],
        lambda: [[1, 2], [3], []],
        lambda: (1, 2, 3),
        lambda: Sub([1, 2, 3]),
        Indexed,
        lambda: range(4),
        lambda: {1, 2, 3},
        lambda: {1: 2, 0: 5, "a": 7},
        lambda: collections.OrderedDict({1: 2, 0: 5}),
        lambda: iter([1, 2, 3]),
        lambda: (v for v in [1, 2]),
        lambda: "text",
        lambda: None,
        lambda: 7,
    ]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("displays"), "displays", SOURCE)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Nothing of it has been called with what it is not made for."""
    return Twins(tmp_path_factory.mktemp("fresh"), "displays_fresh", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def state(o, depth=0):
    if depth > 4:
        return "…"
    if hasattr(o, "note"):
        return bits(o.n), bits(o.x), state(o.next, depth + 1)
    if isinstance(o, str):
        return type(o).__name__, "".join(o)
    if isinstance(o, Hashed):
        return o.key, o.asked
    if type(o).__name__ == "Same":
        return o.key, o.asked
    if type(o) in (list, tuple, set, frozenset, dict):
        parts = [state(part, depth + 1) for part in (itertools.chain(*o.items()) if type(o) is dict else o)]
        return type(o).__name__, sorted(parts, key=str) if type(o) in (set, frozenset) else parts  # some hashes are addresses
    if isinstance(o, (int, float)):
        return type(o).__name__, int.__str__(o) if isinstance(o, int) else float.hex(o)
    return shown(o)


def run(world, name, which, k):
    """The value, or the exceptions with the functions and lines that their tracebacks show; and what became of list and object."""
    t = world.T(3, 0.5)
    a = arguments(world)[which]()
    try:
        result = "value", state(getattr(world, name)(t, a, k))
    except Exception as error:
        result, chain = [], error
        while chain:
            frames = [(f.name, f.line) for f in traceback.extract_tb(chain.__traceback__) if f.filename == world.__file__]
            result.append((type(chain).__name__, re.sub(r"\w+_(plain|compiled)\.", "", str(chain)), frames))
            chain = chain.__cause__
    return result, state(t), state(a)


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    gc.collect()
    objects = _jitd.arena_stats()["objects"]
    for which, k in itertools.product(range(len(arguments(module.plain))), KS):
        found, wanted = run(module.compiled, name, which, k), run(module.plain, name, which, k)
        if "is out of range for int" in str(found):  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, which, k)
    gc.collect()
    assert _jitd.arena_stats()["objects"] <= objects + 1, "each count is given back"


COMPILED = {
    "among": [1, 2, 3],
    "among_effects": [1, 2, 3],
    "among_failing": [1, 2, 3],
    "among_overflowing": [1, 2, 3],
    "among_floats": [1.5, 2.5],
    "among_bools": [True, False],
    "among_objects": ["a", None],
    "among_hashed": ["a", None],
    "among_instances": [],
    "among_assigned": [1, 2],
    "set_comprehension": [1, 2, 3],
    "set_effects": [1, 2, 3],
    "set_of_instances": [],
    "set_of_pairs": [1, 2],
    "dict_comprehension": [1, 2, 3],
    "dict_of_lists": [1, 2, 3],
    "dict_of_instances": [],
    "dict_display_numbers": [1, 2, 3],
    "comprehension_in_iterable": [1, 2, 3],
    "any_of_sets": [1, 2, 3],
}


@pytest.mark.parametrize("name", COMPILED)
def test_all_of_it_is_compiled(fresh, name):
    f = getattr(fresh.compiled, "f_" + name)
    f(fresh.compiled.T(), list(COMPILED[name]), 1)
    jitd.stats()
    before = jitd.stats()["objects"][f"f_{name}"]
    f(fresh.compiled.T(), list(COMPILED[name]), 1)
    after = jitd.stats()["objects"][f"f_{name}"]
    changed = {key: after[key] - before[key] for key in ("native_calls", "resumes", "fallbacks")}
    assert changed == {"native_calls": 1, "resumes": 0, "fallbacks": 0}, (name, str(jitd.explain(f)))
    assert "Python does this" not in str(jitd.explain(f)), str(jitd.explain(f))
