"""Where compiled code has had effects and comes to what it has no place for, the interpreter goes on from there: results, effects, exceptions
and tracebacks are CPython's (language/resumes.py)."""

import gc
import itertools
import re
import traceback
from pathlib import Path

import jitd
import pytest
from jitd import _jitd
from twins import Twins, bits

SOURCE = (Path(__file__).parent / "language/resumes.py").read_text()
VALUES = [0, 1, 2, 3, 5, -4, 2**31, 3037000500, -(2**33), 2**61, 2**62, 2**63 - 1, -(2**63)]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("resumes"), "resumes", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def state(t, depth=0):
    return t is not None and (bits(t.n), bits(t.x), depth < 3 and state(t.next, depth + 1))


def run(world, name, a, b):
    """The value, or the exception with the functions and lines that its traceback shows; and what became of the objects."""
    log = world.T(7)
    t = world.T(3, 0.5, world.T(4, 1.5, None, log), log)
    try:
        result = bits(getattr(world, name)(t, a, b))
    except Exception as error:
        frames = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
        result = type(error).__name__, "a field" if "is out of range for int (" in str(error) else str(error), frames
    return result, state(t), log.n


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    gc.collect()
    objects = _jitd.arena_stats()["objects"]
    for a, b in itertools.product(VALUES, VALUES):
        found, wanted = run(module.compiled, name, a, b), run(module.plain, name, a, b)
        if found[0][:2] == ("OverflowError", "a field"):  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, a, b)
    gc.collect()
    assert _jitd.arena_stats()["objects"] == objects, "each count is given back, where Python goes on, too"
    assert "Python:" not in next(line for line in str(jitd.explain(getattr(module.compiled, name))).splitlines() if f" {name}:" in line)


def test_explain_and_stats_tell_where(module):
    """Also of places that were never come to, where it is known that Python goes on."""
    t, big = module.compiled.T(1, 0.5, None, module.compiled.T(2)), 2**40
    line = next(i for i, text in enumerate(Path(module.compiled.__file__).read_text().splitlines(), 1) if "return s + s" in text)
    before = jitd.stats()["objects"]["T.twice"]["resumes"]
    assert t.twice(big) == 2 * big * big
    facts = jitd.stats()["objects"]["T.twice"]
    assert facts["resumes"] - before == 2, "in square, whose result does not fit, and so in twice, too"
    assert line - 2 in [place["line"] for place in facts["resumed"]]
    told = jitd.explain(module.compiled.T)
    assert f"went on in Python {facts['resumed'][0]['count']} times from line {facts['resumed'][0]['line']}: " in told
    assert "\n    Python: what follows line" in told.partition("\n  pay:")[2].partition("\n  area:")[0]


def test_a_place_costs_no_memory(module):
    t = module.compiled.T(1, 0.5, None, module.compiled.T(2))
    for rounds in (100, 2000):
        for i in range(rounds):
            assert t.twice(2**40 + i) == 2 * (2**40 + i) ** 2
        objects = jitd.stats()["process"]["objects"]
        if rounds == 100:
            before = objects
    assert objects <= before


def test_what_only_compiled_code_holds_stays(module):
    """An object that a caller has in hand while Python goes on in the callee, and drops the last reference to it."""
    source = """
import gc
import jitd

@jitd.jitclass
class Node:
    n: int
    next: "Node | None" = None

@jitd.jitclass
class Owner:
    node: Node
    count: int = 0

    def drop(self, a: int) -> int:
        self.node = Node(0)
        square = a * a
        clean()
        return square & 255

    def use(self, a: int) -> int:
        node = self.node
        last = node.next
        found = self.drop(a)
        return found + node.n + last.n

@jitd.jit
def clean() -> None:
    return None
"""
    space = {}
    path = Path(module.compiled.__file__).with_name("held.py")
    path.write_text(source)
    exec(compile(source, str(path), "exec"), space)
    owner = space["Owner"](space["Node"](5, space["Node"](7)))
    assert owner.use(3) == 9 + 12
    space["clean"] = lambda: [__import__("gc").collect() for _ in range(3)]
    owner.node = space["Node"](6, space["Node"](8))
    assert owner.use(2**40) == 0 + 14


LENGTHS = """
@jitclass
class Log:
    n: int = 0

    def note(self) -> None:
        self.n += 1

@jitclass
class Long:
    n: int
    log: Log

    def __len__(self):
        self.log.note()
        return self.n * self.n

    def same(self):
        self.log.note()
        return self

def of_call(o: Long):
    o.log.note()
    return len(o.same())

def of_name(o: Long):
    o.log.note()
    return len(o)

def in_if(o: Long):
    if o.same():
        return 1
    return 2

def negated(o: Long):
    return not o.same()

def asserted(o: Long):
    assert o.same()
    return 1

def chosen(o: Long):
    return 1 if o.same() else 2
"""


@pytest.mark.parametrize("name", re.findall(r"^def (\w+)", LENGTHS, re.M))
def test_length_that_is_none(tmp_path, name):
    """Beyond 64 bits: CPython's OverflowError, at that line. Python goes on in __len__, and where its result is looked at."""
    twins = Twins(tmp_path, f"lengths_{name}", LENGTHS)
    found = []
    for world in twins.compiled, twins.plain:
        log = world.Log()
        for n in 2, 0, 2**40:
            try:
                found.append((getattr(world, name)(world.Long(n, log)), log.n))
            except (AssertionError, OverflowError) as error:
                lines = [f.line for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
                found.append(([*lines, str(error)], log.n))
    assert found[:3] == found[3:]
    assert found[2][0] and jitd.stats()["objects"][name]["resumes"] == 2
