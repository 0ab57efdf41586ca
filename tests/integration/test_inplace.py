"""d[k] += v, x += y of objects, slices: results, effects, order, exceptions and tracebacks are CPython's (language/inplace.py), whatever they are of."""

import collections
import gc
import itertools
import re
import sys
from pathlib import Path

import jitd
import pytest
import test_displays
from jitd import _jitd
from test_displays import KS, Number, Text, run
from test_lists import Sub
from test_tables import Same
from twins import Twins

SOURCE = (Path(__file__).parent / "language/inplace.py").read_text()


others = test_displays.arguments


class Missing(dict):
    def __missing__(self, key):
        return 7


class Stored(dict):
    def __setitem__(self, key, value):
        super().__setitem__(key, (value, sys._getframe(1).f_code.co_name))


class InPlace:
    """Says who adds to it what."""

    def __init__(self):
        self.added = []

    def __iadd__(self, other):
        self.added.append((other, sys._getframe(1).f_code.co_name, sys._getframe(1).f_lineno > 0))
        return self

    def __imul__(self, other):
        raise ValueError("not in place")

    def __getitem__(self, key):
        self.added.append((str(key), sys._getframe(1).f_code.co_name))
        if isinstance(key, int) and key > 3:
            raise IndexError("no more")
        return 3

    def __setitem__(self, key, value):
        self.added.append((str(key), value))

    def __repr__(self):
        return f"InPlace({self.added})"


class Index:
    def __index__(self):
        return 1


def arguments(world):
    """Makers of what may be given; each is called once for each call."""
    T = world.T
    return [
        *others(world),
        lambda: {0: 1, 1: 2, 2: 3, 3: 4, "a": 5, "b": 6},
        lambda: {0: 1.5, 1: -0.0, 2: float("inf"), 3: 0.5, "a": 0.25, "b": 1},
        lambda: {0: 2**62, 1: 2**62, 2: 2**70, 3: -(2**63), "a": 2**62, "b": True},
        lambda: {0: [1], 1: [2, 3], 2: (4,), 3: "text", "a": "x", "b": b"y"},
        lambda: {0: (1,), 1: (2, 3)},
        lambda: {i: None for i in range(4)},
        lambda: {0: T(1), 1: 2},
        lambda: {Same(0): 1, Same(1): 2, Same(2): 3, Same(3): 4, Same("a"): 5, Same("b"): 6},
        lambda: {0: Number(1), 1: Number(2), 2: InPlace(), 3: 4, "a": InPlace(), "b": 3},
        lambda: collections.defaultdict(int),
        lambda: collections.Counter({1: 2}),
        lambda: Missing({1: 2}),
        lambda: Stored({0: 1, 1: 2, 2: 3, 3: 4}),
        lambda: [InPlace(), InPlace(), 3, 4],
        InPlace,
        lambda: [1, Index(), None, 2],
        lambda: bytearray(b"1234"),
        lambda: collections.deque([1, 2, 3, 4]),
        lambda: Text("abc"),
        lambda: Sub([[1], [2], 3]),
    ]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("inplace"), "inplace", SOURCE)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Nothing of it has been called with what it is not made for."""
    return Twins(tmp_path_factory.mktemp("fresh"), "inplace_fresh", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name, monkeypatch):
    gc.collect()
    objects, given = _jitd.arena_stats()["objects"], arguments(module.plain)
    monkeypatch.setattr(test_displays, "arguments", arguments)
    for which, k in itertools.product(range(len(given)), KS):
        if k > 1000 and name == "f_local_objects":  # so much memory is not there
            continue
        found, wanted = run(module.compiled, name, which, k), run(module.plain, name, which, k)
        if re.search("is out of range for int|must be ", str(found)):  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, which, k)
    gc.collect()
    assert _jitd.arena_stats()["objects"] <= objects + 1, "each count is given back"


COMPILED = {
    "f_item": {0: 1, 1: 2, 2: 3, 3: 4},
    "f_item_float": {0: 1.5, 1: 2.5, 2: 0.5},
    "f_local_text": ["a", "b"],
    "f_slices_in_loop": [1, 2, 3],
    "f_list_of_class": [],
}


@pytest.mark.parametrize("name", COMPILED)
def test_all_of_it_is_compiled(fresh, name):
    f, T = getattr(fresh.compiled, name), fresh.compiled.T
    f(T(), type(COMPILED[name])(COMPILED[name]), 1)
    assert "Python does this" not in str(jitd.explain(f)), str(jitd.explain(f))
    assert jitd.stats()["objects"][name]["native_calls"] == 1 and jitd.stats()["objects"][name]["regions"] == 0, str(jitd.explain(f))
