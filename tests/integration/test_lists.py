"""Python lists that compiled code works on in place: results, effects on lists and objects, exceptions, tracebacks are CPython's
(language/lists.py), whatever the lists hold; and what the annotation promises is compiled."""

import gc
import itertools
import re
import sys
import traceback
from pathlib import Path
from typing import List

import jitd
import pytest
from jitd import _jitd
from test_regions import shown
from twins import Twins, bits

SOURCE = (Path(__file__).parent / "language/lists.py").read_text()
KS = [0, 1, 2, 3, -1, 5, 2**62, -(2**63)]


class Sub(list):
    """A list that is not exactly one."""

    def __getitem__(self, i):
        return 100 + len(self)

    def append(self, v):
        super().append(-v)


class Indexed:
    def __len__(self):
        return 2

    def __getitem__(self, i):
        if i > 3:
            raise IndexError("no more")
        return i * 2

    def __setitem__(self, i, v):
        pass


def arguments(world):
    """Makers of what may be given as a list; each is called once for each call."""
    T = world.T
    return [
        list,
        lambda: [1, 2, 3],
        lambda: [5, 3, 9, -2, 7, 0, 2**40, 4],
        lambda: [1.5, 2.5, -0.0, 1e300],
        lambda: [60.0, 50.0, -300.0, 1.0],
        lambda: [True, False, True],
        lambda: [1, 2.5, True, 3],
        lambda: [1.0, 2.0, 3, 4.0],
        lambda: [2**62, 2**62, 2**62],
        lambda: [2**70, 1, 2],
        lambda: [1, 2, 2**70],
        lambda: [1, 2, None, "x"],
        lambda: ["a", "b", "c"],
        lambda: [[1, 2], [3], [4, 5, 6]],
        lambda: [[1, 2], (3,), [4.5]],
        lambda: [(1, 2.0), (3, 0.5)],
        lambda: [(1, 2.0), (3, 4)],
        lambda: [(1, 2.0), (3, 4.0, 5)],
        lambda: [(1, (2, True)), (3, (4, False))],
        lambda: [(1, (2, True)), (3, (4, 1))],
        lambda: [T(1), T(2, 0.5), T(3)],
        lambda: [T(1), None, T(3)],
        lambda: [T(1), 5, T(3)],
        lambda: (1, 2, 3),
        lambda: Sub([1, 2, 3]),
        Indexed,
        lambda: range(4),
        lambda: iter([1, 2, 3]),
        lambda: (v for v in [1, 2]),
        lambda: "text",
        lambda: {1: 2, 0: 5},
        lambda: None,
        lambda: 7,
    ]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("lists"), "lists", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def state(o, depth=0):
    if hasattr(o, "who"):
        return bits(o.n), state(o.fs), o.who
    if hasattr(o, "note"):
        return (bits(o.n), bits(o.x), state(o.next, depth + 1) if depth < 3 else "…")
    if type(o) in (list, tuple, Sub):
        parts = list.__iter__(o) if isinstance(o, list) else o
        return type(o).__name__, [state(part, depth + 1) for part in parts]
    return shown(o)


def run(world, name, which, k):
    """The value, or the exception with the functions and lines that its traceback shows; and what became of list and object."""
    t = world.T(3, 0.5)
    a = arguments(world)[which]()
    try:
        result = "value", state(getattr(world, name)(t, a, k))
    except Exception as error:
        frames = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
        text = re.sub(r"lists_(plain|compiled)\.", "", str(error))
        result = type(error).__name__, "a field" if re.search("out of range for int|must be ", text) else text, frames
    return result, state(t), state(a)


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    gc.collect()
    objects = _jitd.arena_stats()["objects"]
    for which, k in itertools.product(range(len(arguments(module.plain))), KS):
        found, wanted = run(module.compiled, name, which, k), run(module.plain, name, which, k)
        if found[0][1] == "a field":  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, which, k)
    gc.collect()
    if name not in ("f_objects",):  # which makes a cycle
        assert _jitd.arena_stats()["objects"] <= objects + 1, "each count is given back"


def test_all_of_it_is_compiled(module):
    """On lists of what the annotations say nothing is Python's."""
    given = {"floats": [1.5, 2.5, 3.5], "set_float": [1.5, 2.5, 3.5], "swap_floats": [1.5, 2.5], "takes": [1.5, 2.5], "return_item": [1.5, 2.5]}
    for name in ("sum", "sum_effects", "floats", "index", "while", "set", "set_float", "augmented", "swap", "swap_floats", "reverse", "sort", "append", "append_in_turn", "calls", "takes", "else", "return_item", "comprehension", "comprehension_of_two", "comprehension_nested", "comprehension_in_iterable"):
        jitd.stats()
        f = getattr(module.compiled, "f_" + name)
        before = jitd.stats()["objects"][f"f_{name}"]
        f(module.compiled.T(), list(given.get(name, [1, 2, 3])), 1)
        after = jitd.stats()["objects"][f"f_{name}"]
        changed = {key: after[key] - before[key] for key in ("native_calls", "regions", "resumes", "fallbacks")}
        assert changed == {"native_calls": 1, "regions": 0, "resumes": 0, "fallbacks": 0}, name


def test_lists_of_fields_are_worked_on_in_compiled_code(module):
    h, before = module.compiled.H([1, 2, 3]), jitd.stats()["objects"]
    for _ in range(2):
        assert h.total() == 6
        h.puts(0, 1)
        h.swap(1)
        h.swap(1)
        h.xs[:] = [1, 2, 3]
    for name in ("total", "puts"):
        facts = jitd.stats()["objects"][f"H.{name}"]
        known = before.get(f"H.{name}", {"native_calls": 0, "resumes": 0})
        assert facts["native_calls"] >= known["native_calls"] + 2 and facts["resumes"] == known["resumes"], (name, facts)


@jitd.jitclass
class Slight:
    names: dict[int, int]
    n: int = 0

    def name(self, k: int) -> int:
        return self.names[k]

    def names_of(self, k: int) -> int:
        s = 0
        for i in range(k):
            s += self.name(i) * 3 + (i ^ s) - (s >> 3) + i * i + (s & 15)
        return s


def test_what_is_no_faster_is_compiled_for_compiled_callers_only():
    import warnings

    one = Slight({i: i * i for i in range(10)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert one.name(3) == 9
        wanted = 0
        for i in range(10):
            wanted += i * i * 3 + (i ^ wanted) - (wanted >> 3) + i * i + (wanted & 15)
        assert one.names_of(10) == wanted
    facts = jitd.stats()["objects"]
    assert facts["Slight.name"]["mode"] == "python" and "it does little else" in jitd.explain(Slight)
    assert facts["Slight.names_of"]["native_calls"] == 1 and facts["Slight.names_of"]["regions"] == 0


@jitd.jit
def scale(a: list[float], k: float) -> None:
    for i in range(len(a)):
        a[i] *= k


def test_a_float_that_somebody_has_stays_as_it_is():
    """Only those that nobody but the list has are changed in place."""
    mine = 1.25 * len(sys.argv)
    a = [mine, mine, float(len(sys.argv)) * 0.75]
    b = list(a)
    held = a[2]
    scale(a, 2.0)
    scale(a, 2.0)
    assert a == [mine * 4, mine * 4, held * 4] and b == [mine, mine, held]


def test_references_to_items_come_back():
    class Item:
        alive = 0

        def __init__(self):
            Item.alive += 1

        def __del__(self):
            Item.alive -= 1

    @jitd.jit
    def turn(a: list, b: list) -> int:
        n = 0
        for v in a:
            w = v
            b.append(w)
            b[0] = w
            n += 1
        return n

    for _ in range(3):
        a, b = [Item() for _ in range(50)], [None]
        assert turn(a, b) == 50
        counts = [sys.getrefcount(v) for v in a]
        counted = 4 if sys.version_info < (3, 14) else 3  # since when the call borrows
        assert counts == [counted] * 49 + [counted + 1], "two lists, one of them twice, the loop, and the call"
        del a, b
        assert Item.alive == 0


DROPPED = []


class Dropper:
    def __init__(self, of):
        self.of = of

    def __del__(self):
        DROPPED.append(len(self.of))
        del self.of[:]


@jitd.jit
def replace(a: list, i: int, j: int):
    a[i], a[j] = None, None
    return len(a)


def test_a_finaliser_may_empty_the_list_that_is_changed():
    for _ in range(3):
        a = []
        a += [Dropper(a), 1, 2, 3]
        with pytest.raises(IndexError, match="list assignment index out of range"):
            replace(a, 0, 3)
        assert a == [] and DROPPED.pop() == 4
    assert replace([1, 2, 3, 4], 0, 3) == 4


@jitd.jitclass
class Linked:
    v: int
    next: "Linked | None" = None

    def total(self, others: "List[Linked]") -> int:
        s = self.v
        for o in others:
            s += o.v
        return s


def test_the_class_itself_in_a_list():
    nodes = [Linked(i) for i in range(10)]
    for _ in range(3):
        assert nodes[0].total(nodes) == 45
    assert jitd.stats()["objects"]["Linked.total"]["native_calls"] == 3


def test_an_instance_that_was_closed():
    @jitd.jit
    def total(a: list[Linked]) -> int:
        s = 0
        for o in a:
            s += o.v
        return s

    nodes = [Linked(1), Linked(2)]
    assert total(nodes) == 3
    nodes[1].close()
    with pytest.raises(jitd.ReleasedError):
        total(nodes)
