"""Dicts and sets that compiled code looks into and changes in place: results, effects, order, exceptions and tracebacks are CPython's
(language/tables.py), whatever the containers are and hold; and what the annotations promise is done in place."""

import collections
import gc
import itertools
import re
import sys
import traceback
import types
from pathlib import Path

import jitd
import pytest
from jitd import _jitd
from test_regions import shown
from twins import Twins, bits

SOURCE = (Path(__file__).parent / "language/tables.py").read_text()
KS = [0, 1, 3, -1, -2, 2**61 - 1, 2**62, -(2**63)]


class Text(str):
    """Text that is not exactly text."""


class Number(int):
    """An int that is not exactly one."""


class Same:
    """Has the hash of an int, and says itself what it is the same as."""

    def __init__(self, key, says=True):
        self.key, self.says, self.asked = key, says, 0

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        self.asked += 1
        return self.says and (self is other or self.key == other)


class Raises(Same):
    __hash__ = Same.__hash__

    def __eq__(self, other):
        raise ValueError("not to be compared")


class Missing(dict):
    def __missing__(self, key):
        return 5

    def get(self, key, other=1):
        return 11


class Sub(set):
    def add(self, v):
        return super().add(v + 1 if isinstance(v, int) else v)

    def __contains__(self, v):
        return v == 2


class Like:
    """None of the interpreter's own."""

    def __init__(self):
        self.done = []

    def __len__(self):
        return 3

    def __contains__(self, k):
        return k == 1

    def __getitem__(self, k):
        return 6

    def __setitem__(self, k, v):
        self.done.append((k, v))

    def get(self, k, other=9):
        return other

    def add(self, v):
        self.done.append(v)
        return 4

    discard = add

    def __iter__(self):
        return iter([1, 2])


class Holder:
    def __init__(self):
        self.a, self.b = 1, 2


def arguments(world):
    """Makers of what may be given; each is called once for each call."""
    T = world.T
    return [
        dict,
        lambda: {0: 1, 1: 2, 2: 3, 3: 4},
        lambda: {i: i * i for i in range(200)},
        lambda: {i << 5: i for i in range(300)},
        lambda: {0: 1.5, 1: 2.5, 2: -0.0, 3: 1e300, -1: 1.0},
        lambda: {0: True, 1: 2.5, 2: None, 3: "x"},
        lambda: {0: 1, 1: 2**70, 2: 3},
        lambda: {True: 5, False: 6, 2: 7, 3: 8},
        lambda: {1.0: 5, 0.0: 6, 2.0: 7, 3.0: 8},
        lambda: {0: T(1), 1: T(2), 2: T(3), 3: T(4)},
        lambda: {0: T(1), 1: None, 2: 5},
        lambda: {"a": 1, "b": 2, "c": 3, "z": 4},
        lambda: {"a": 1, "b": 2, "c": None},
        lambda: {"a": 1, "b": 2, 1: 3, 2: 4, 0: 5},
        lambda: {Text("a"): 1, Text("b"): 2, "c": 3, Number(1): 4, Number(0): 5, 2: 6},
        lambda: {Same(1): 1, Same(0, False): 2, 2: 3, Same("a"): 4, "b": 5},
        lambda: {Raises(1): 1, 2: 3, 0: 1, Raises("a"): 2},
        lambda: {**{i: i for i in range(40)}, **{Same(i, False): -i for i in range(40)}},
        lambda: Missing({0: 1, 1: 2}),
        lambda: collections.defaultdict(int, {0: 1}),
        lambda: collections.OrderedDict({1: 2, 0: 5}),
        lambda: collections.Counter([1, 1, 2]),
        lambda: types.MappingProxyType({0: 1, 1: 2, 2: 3, "a": 1}),
        lambda: vars(Holder()),
        set,
        lambda: {0, 1, 2, 3},
        lambda: set(range(100)),
        lambda: {i << 5 for i in range(300)},
        lambda: {"a", "b", "c"},
        lambda: {1, "a", 2.0, None, (1, 2)},
        lambda: {True, False, 5, 2**70},
        lambda: {Same(1), Same(0, False), 3, Same("a")},
        lambda: {Raises(1), 2},
        lambda: {*range(30), *(Same(i, False) for i in range(30))},
        lambda: frozenset({1, 2, "a"}),
        lambda: Sub({1, 2}),
        Like,
        lambda: [1, 2, 0, 1],
        lambda: (1, 2, "a", 3),
        lambda: "a text",
        lambda: range(3),
        lambda: None,
        lambda: 7,
    ]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("tables"), "tables", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def state(o, depth=0):
    """All that there is to see of it: types, order, and how often it was asked."""
    if depth > 4:
        return "…"
    if hasattr(o, "note"):
        return "T", bits(o.n), bits(o.x)
    if isinstance(o, (Same, Like, Holder)):
        return type(o).__name__, [(k, state(v, depth + 1)) for k, v in vars(o).items()]
    if isinstance(o, dict):
        return type(o).__name__, [(state(k, depth + 1), state(v, depth + 1)) for k, v in o.items()]
    if isinstance(o, (list, tuple)):
        return type(o).__name__, [state(part, depth + 1) for part in o]
    if isinstance(o, (set, frozenset)):
        return type(o).__name__, [state(part, depth + 1) for part in o if not isinstance(part, str)], sorted(p for p in o if isinstance(p, str))
    return type(o).__name__, shown(o)


def run(world, name, which, k):
    """The value, or the exception with the functions and lines that its traceback shows; and what became of all that it was given."""
    t = world.T(3, 0.5)
    a = arguments(world)[which]()
    try:
        result = "value", state(getattr(world, name)(t, a, k))
    except Exception as error:
        frames = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
        result = type(error).__name__, re.sub(r"tables_(plain|compiled)\.", "", str(error)), frames
    return result, state(t), state(a)


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    gc.collect()
    objects = _jitd.arena_stats()["objects"]
    for which, k in itertools.product(range(len(arguments(module.plain))), KS):
        assert run(module.compiled, name, which, k) == run(module.plain, name, which, k), (name, which, k)
    gc.collect()
    assert _jitd.arena_stats()["objects"] <= objects + 1, "each count is given back"


class Dies:
    def __init__(self, of, key):
        self.of, self.key = of, key

    def __del__(self):
        self.of.append(self.key)


@jitd.jit
def fill(a: dict, b: dict[str, int], s: set, n: int, v: object) -> int:
    done = 0
    for i in range(n):
        a[i & 3] = v
        s.add(i & 7)
        s.discard(i & 3)
        done = (done * 3 + i) & 1023
        if i & 1 in a:
            done += len(a)
        done += b.get("k", 1)
    return done


def test_references_come_back():
    """What is put into a dict is counted once for each place, and what it was instead of goes at once."""
    died, v = [], object()
    key = "".join(["k", ""])
    a, b, s = {i: Dies(died, i) for i in range(4)}, {key: 10**9}, set()
    counts = [sys.getrefcount(o) for o in (key, b[key], a, b, s)]
    held = sys.getrefcount(v)
    for n in (2, 4, 1000):
        fill(a, b, s, n, v)
        assert died == list(range(min(n, 4)))
        assert sys.getrefcount(v) == held + min(n, 4)
    assert [sys.getrefcount(o) for o in (key, b[key], a, b, s)] == counts
    assert s == {4, 5, 6, 7} and list(a) == [0, 1, 2, 3]


def test_the_key_that_is_kept_is_the_first():
    first, text = 10**15, "".join(["a", "b"])
    a, s, same = {first: 1, text: 2, True: 3}, {first, text}, "".join(["a", "b"])

    @jitd.jit
    def put(a: dict, s: set, k: int, text: str) -> int:
        n = 0
        for i in range(9):
            n = (n * 3 + i) & 1023
            a[k] = i
            a[text] = i
            a[1] = i
            s.add(k)
            s.add(text)
        return n

    put(a, s, int(str(first)), same)
    keys = list(a)
    assert keys[0] is first and keys[1] is text and keys[2] is True and same is not text
    assert {id(k) for k in s} == {id(first), id(text)} and list(a.values()) == [8, 8, 8]


def test_all_of_it_is_done_in_place(tmp_path):
    """What the annotations promise the interpreter has nothing to do with."""
    module = Twins(tmp_path, "in_place", SOURCE)
    numbers = {i: i * 2 for i in range(5)}
    texts = {"a": 1, "b": 2, "c": 3}
    given = {
        "item": numbers, "item_float": {i: i / 2 for i in range(5)}, "item_of_key": {i: module.compiled.T(i) for i in range(3)},
        "in": {1, 2, 3, 5}, "put": numbers, "put_overflow": numbers, "count": numbers, "get": numbers,
        "get_float": {i: i / 2 for i in range(5)}, "add": {1, 2}, "discard": {1, 2, 3}, "len": numbers, "sum_set": {1, 2, 3}, "display_overflow": [1, 2, 3],
    }
    for name, a in given.items():
        f = getattr(module.compiled, "f_" + name)
        f(module.compiled.T(), a.copy(), 1)
        before = jitd.stats()["objects"][f"f_{name}"]
        f(module.compiled.T(), a.copy(), 1)
        after = jitd.stats()["objects"][f"f_{name}"]
        changed = {key: after[key] - before[key] for key in ("native_calls", "regions", "resumes", "fallbacks")}
        assert changed == {"native_calls": 1, "regions": 0, "resumes": 0, "fallbacks": 0}, name
