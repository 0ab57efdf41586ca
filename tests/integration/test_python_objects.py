"""What compiled code does with Python objects between its arithmetic is what CPython does (language/python_objects.py), whatever they are: results,
effects, exceptions, tracebacks, and who is seen to have called."""

import io
import itertools
import linecache
import re
import traceback
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import jitd
import pytest
from test_regions import shown
from twins import Twins, bits

SOURCE = (Path(__file__).parent / "language/python_objects.py").read_text()
KS = [0, 1, 2, 3, -1, 2**62]


class Plain:
    k = 5

    def copy(self):
        return "a copy"


class Slots:
    __slots__ = ("k",)

    def __init__(self):
        self.k = 1


class Hooked:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name

    def __len__(self):
        return 0


class Raises:
    def __bool__(self):
        raise ValueError("no truth")

    def __eq__(self, other):
        raise OSError("no equality")

    def __iter__(self):
        raise RuntimeError("no items")

    __hash__ = None


class Text(str):
    def upper(self):
        return "another"


def arguments(world):
    """Makers of the objects; each is called once for each call."""
    return [
        lambda: None,
        lambda: True,
        lambda: False,
        lambda: 0,
        lambda: 7,
        lambda: 2**70,
        lambda: 2.5,
        lambda: float("nan"),
        lambda: 1 + 2j,
        lambda: "abc",
        lambda: "",
        lambda: Text("abc"),
        lambda: b"ab",
        lambda: (1, 2),
        lambda: (1, 2, 3),
        list,
        lambda: [1, 2],
        lambda: [1.5, "x"],
        lambda: {1: 2, 0: 5},
        lambda: {0: "abc", 1: 1, "abc": 2},
        lambda: {1, 2},
        lambda: range(2),
        lambda: iter([1, 2]),
        lambda: (v for v in (1, 2)),
        lambda: world.Caller(3),
        lambda: world.Caller(1),
        Plain,
        Slots,
        Hooked,
        Raises,
        lambda: world.T(3),
        lambda: int,
        lambda: world.Caller,
        lambda: world.SENTINEL,
        lambda: len,
    ]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("python_objects"), "python_objects", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def state(o, depth=0):
    if hasattr(type(o), "none"):
        return bits(o.n), bits(o.x), state(o.o, depth + 1) if depth < 3 else "…", state(getattr(o, "extra", None), depth + 1) if depth < 3 else "…"
    if type(o) in (list, tuple):
        return type(o).__name__, [state(part, depth + 1) for part in o]
    if type(o) is dict:
        return [(state(k, depth + 1), state(v, depth + 1)) for k, v in o.items()]
    if isinstance(o, type) or callable(o):
        return getattr(o, "__name__", None)
    if type(o).__name__ in ("Caller", "Plain", "Slots"):
        return type(o).__name__, state(getattr(o, "k", None)), state(getattr(o, "k2", None))
    return shown(o)


def run(world, name, which, k):
    """The value, or the exception with the functions and lines that its traceback shows; and what became of the objects, and what was printed."""
    t, o, out = world.T(3, 0.5), arguments(world)[which](), io.StringIO()
    world.LOG.clear()
    try:
        with redirect_stdout(out):
            result = "value", state(getattr(world, name)(t, o, k))
    except Exception as error:
        frames = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
        text = re.sub(r"(python_objects_(plain|compiled)\.|0x[0-9a-f]+)", "", str(error))
        result = type(error).__name__, "a field" if re.search("out of range for int|must be ", text) else text, frames
    return result, state(t), state(o), list(world.LOG), out.getvalue()


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    for which, k in itertools.product(range(len(arguments(module.plain))), KS):
        found, wanted = run(module.compiled, name, which, k), run(module.plain, name, which, k)
        if found[0][1] == "a field":  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, which, k)


def test_all_of_it_is_compiled(tmp_path_factory):
    """Whatever the objects are, these are compiled, and done by no part of the source. (After many calls some are Python's, which is faster there.)"""
    module = Twins(tmp_path_factory.mktemp("python_objects_once"), "python_objects_once", SOURCE)
    for name in ("f_truth", "f_unpack", "f_numbers", "f_compare", "f_in", "f_isinstance", "f_globals", "f_dict_field", "f_print", "f_undeclared", "f_loop", "f_loop_over_pairs", "f_loop_over_text", "f_call_of_instance", "f_comprehension_over_object"):
        o = (1, 2) if name == "f_unpack" else 7 if name in ("f_numbers", "f_compare") else "abc" if name == "f_in" else None
        if name == "f_in":
            o = ["abc", 1]
        if name.startswith("f_loop") or name == "f_comprehension_over_object":
            o = {"f_loop": {1, 2}, "f_loop_over_pairs": {(1, 2): 3, (3, 4): 5}}.get(name, {"a": 1, "b": 2})
        with redirect_stdout(io.StringIO()):
            getattr(module.compiled, name)(module.compiled.T(), o, 1)
            before = jitd.stats()["objects"][name]
            getattr(module.compiled, name)(module.compiled.T(), o, 1)
        after = jitd.stats()["objects"][name]
        changed = {key: after[key] - before[key] for key in ("native_calls", "resumes", "fallbacks")}
        assert changed == {"native_calls": 1, "resumes": 0, "fallbacks": 0}, name


STORES = '''
from typing import Any

FACTOR = 1.5


class Sets:
    def change(self, *args):
        global FACTOR
        FACTOR += 10.0

    __setitem__ = __setattr__ = change


@jitclass
class Stores:
    x: float = 1.0
    o: Any = None

    def store(self, o: Any, k: int):
        s = 0.0
        for i in range(3):
            s += self.x * FACTOR + i
            if i == 1:
                o.a, STORE = k, k
            s += self.x * FACTOR
            for j in range(2):
                s += self.x * j
        return s
'''


@pytest.mark.parametrize("store", ["o[0] = 2", "o['k'] = k", "o[k] = s", "o[0] = self", "o.a = 2", "o.a = i", "self.o[i] = None", "self.o.a: int = k"])
def test_a_store_that_changes_a_global(tmp_path, store):
    """Python goes on behind the store."""
    twins = Twins(tmp_path, f"stores{abs(hash(store))}", STORES.replace("o.a, STORE = k, k", store))
    for world in (twins.plain, twins.compiled):
        o = world.Sets()
        world.t = world.Stores(1.0, o)
        world.result = world.t.store(o, 3)
    assert twins.compiled.result == twins.plain.result
    assert jitd.stats()["objects"]["Stores.store"]["resumes"] > 0


ASKED = '''
import collections
import linecache
import sys
from typing import Any

LOG = []


class Asks:
    def ask(self, *args):
        frame = sys._getframe(1)
        LOG.append((frame.f_code.co_name, linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()))
        return 1

    __eq__ = __lt__ = __gt__ = __hash__ = __radd__ = __index__ = ask

    def __iter__(self):
        self.ask()
        return iter([1.0])

    def __repr__(self):
        self.ask()
        return "asks"


class Out:
    def write(self, text):
        Asks.ask(self)


@jitclass
class Holds:
    x: float = 1.0
    o: Any = None
    items: list = None
    d: dict = None
    default: Any = None
    queue: Any = None

    def work(self, a: Any, k: int):
        s = 0.0
        r = None
        for i in range(3):
            s += self.x * 1.5 + i - s * 0.25 + s * i * 0.125 - (s + i) * 0.0625
            if i == k:
                r = OPERATION
            for j in range(2):
                s += self.x * j
        return s, r


def make():
    default = collections.defaultdict(Asks().ask, {1: 2})
    return Holds(1.0, (Asks(), 1), [Asks(), Asks(), 3], {"k": Asks(), 1: 2}, default, collections.deque([Asks(), 2]))
'''
ASKS = [
    *["a in self.items", "3 in self.items", "(a, 1) in self.d", "a in self.d", "a not in self.o", "2 in self.queue", "self.items == [1, 2]", "self.items < [1, 2]"],
    *["self.o == (1, 1)", "self.o < (1, 1)", "self.o + (1, 2) == self.o", "self.d == {'k': 2, 1: 2}", "[a] == self.items", "(a, 1) == self.o", "'%s' % self.o", "'%s' % (a,)"],
    *["self.items.count(3)", "self.items.count(a)", "self.items.index(3)", "self.items.remove(3)", "self.items.sort()", "self.items.extend(a)", "self.items.pop(a)", "self.items.insert(a, 1)"],
    *["self.d.get(a)", "self.d.get(self.o)", "self.d.pop(a, None)", "self.d.setdefault(self.o, 1)", "self.d[self.o]", "self.d.__repr__()", "self.queue.count(2)", "self.queue.append(a)"],
    *["sum(self.items)", "sorted(self.items)", "max(self.items)", "str(self.items)", "repr(self.o)", "hash(self.o)", "print(k)", "print(self.items)", "len(self.items)", "isinstance(self.items, list)"],
    *["self.default[1]", "self.default[2]", "self.default.get(2)", "list(a)", "set(self.items)", "tuple(self.items)"],
]


@pytest.mark.parametrize("operation", ASKS)
def test_what_is_in_containers_sees_its_caller(tmp_path, operation):
    """Also from the second call on, when the operation is made."""
    twins = Twins(tmp_path, f"asked{ASKS.index(operation)}", ASKED.replace("OPERATION", operation))
    results = []
    for world in (twins.plain, twins.compiled):
        for _ in range(3):
            t = world.make()
            with redirect_stdout(world.Out()):
                try:
                    result = shown(t.work(world.Asks(), 1))
                except Exception as error:
                    result = type(error).__name__
            results.append((result, shown(t.items), shown(t.d), shown(t.queue), list(world.LOG)))
            world.LOG.clear()
    assert results[3:] == results[:3]


def test_a_finaliser_that_changes_a_global(tmp_path):
    """Of what a container gave up in an operation that has been done before."""
    twins = Twins(tmp_path, "finalisers", STORES.replace("o.a, STORE = k, k", "o['k'] = k").replace("__setitem__ = __setattr__", "__del__"))
    results = []
    for world in (twins.plain, twins.compiled):
        t = world.Stores(1.0, None)
        results.append([t.store({"k": 1}, 3), t.store({"k": 1}, 3), t.store({"k": world.Sets()}, 3)])
    assert results[0] == results[1]


WARNS = '''
from typing import Any


@jitclass
class T:
    n: int = 0

    def product(self, o: Any, k: int):
        s = 0.0
        for i in range(k):
            s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5
        return s, o * o, o.__add__(o)

    def mean(self, o: Any, k: int):
        s = 0.0
        for i in range(k):
            s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5
        return s, o.prod()
'''


def test_c_code_that_warns_names_the_line(tmp_path):
    """Numpy warns in C code."""
    numpy = pytest.importorskip("numpy")
    twins = Twins(tmp_path, "warns", WARNS)
    for name, o in (("product", numpy.float64(1e308)), ("mean", numpy.array([1e300, 1e300]))):
        found = []
        for world in (twins.plain, twins.compiled, twins.compiled):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                getattr(world.T(), name)(o, 3)
            found.append([(w.filename == world.__file__, linecache.getline(w.filename, w.lineno)) for w in said if w.category is RuntimeWarning])
        assert found[0] and found[0] == found[1] == found[2], name


ENCLOSED = '''
from typing import Any


def make(fill):
    seen = []
    limit = 2.5
    if fill:
        late = [7]

    @jitclass
    class Notes:
        x: float = 1.0

        def note(self, k: int):
            s = 0.0
            for i in range(k):
                s += self.x * limit + i
                seen.append(i)
                if i in seen:
                    s += len(seen)
            return s, seen

        def late(self, k: int):
            s = self.x * 2.0
            for i in range(k):
                s += i * 0.5 + s * self.x
            return s, late

    def set_limit(value):
        nonlocal limit, seen
        limit, seen = value, [9]

    return Notes, set_limit
'''


@pytest.mark.parametrize("fill", [True, False])
def test_variables_of_the_function_around_the_class(tmp_path, fill):
    """They are in cells, not among the globals, where others may have the name; they may be empty, or get another value."""
    twins = Twins(tmp_path, f"enclosed{fill}", ENCLOSED)

    def tried(call):
        try:
            return call()
        except NameError as error:
            return type(error), str(error), traceback.extract_tb(error.__traceback__)[-1].lineno

    for world in (twins.plain, twins.compiled):
        Notes, set_limit = world.make(fill)
        notes = Notes(0.5)
        world.seen = [1, 2, 3]
        world.results = [tried(lambda: notes.note(3)), tried(lambda: notes.late(4))]
        set_limit(4.0)
        world.results += [tried(lambda: notes.note(2)), tried(lambda: notes.late(4))]
    assert twins.compiled.results == twins.plain.results
