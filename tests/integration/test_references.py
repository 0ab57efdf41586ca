"""References in compiled code: the same results as CPython, and every count given back, on every path."""

import gc
from pathlib import Path

import jitd
import pytest

from twins import Twins, outcome

SOURCE = Path(__file__).parent / "language/references.py"


def rotate(m):
    tree = m.make(50)
    tree.swap()
    top = tree.rotate()
    total = (top.total() if top is not None else 0) * 1000 + tree.total() * 7
    tree.clear()
    return total + tree.total()


def same(m):
    a = m.Leaf(1)
    b = m.Leaf(2, a)
    return m.same(a, a) * 1 + m.same(a, b) * 2 + m.same(b, a) * 4


SCENARIOS = {
    "insert": lambda m: m.make(200).total(),
    "recursion": lambda m: m.make(200).depth(),
    "rotate": rotate,
    "same": same,
    "locals": lambda m: m.churn(1000),
    "construct then trap": lambda m: m.trapping(5, 0),
    "construct": lambda m: m.trapping(5, 2),
    "or, walrus": lambda m: m.pick(m.Leaf(1), m.Leaf(2, m.Leaf(7)), 1).v,
    "or with None": lambda m: m.pick(m.Leaf(1), None, 1).v,
    "conditional": lambda m: m.pick(m.Leaf(1), m.Leaf(2), -1).v,
    "long chain": lambda m: m.chain(1000).v,
    "tuples": lambda m: m.use(4),
    "discarded": lambda m: m.discard(4),
    "raise": lambda m: m.raising(5),
    "no raise": lambda m: m.raising(2),
    "deep": lambda m: m.deep(300),
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("language"), "references", SOURCE.read_text())


def live_objects():
    gc.collect()
    return jitd.stats()["process"]["objects"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_left_behind(twins, name):
    scenario = SCENARIOS[name]
    expected = outcome(scenario, twins.plain)
    before = live_objects()
    for _ in range(3):
        assert outcome(scenario, twins.compiled) == expected
    assert live_objects() <= before  # what dead processes had may come back meanwhile


def test_endless_recursion(twins):
    before = live_objects()
    with pytest.raises(RecursionError):
        twins.compiled.deep(10**7)
    assert live_objects() <= before  # what dead processes had may come back meanwhile


def test_another_thread_may_drop_what_is_being_walked(twins):
    """A long loop lets other threads run; what its locals stand on stays alive."""
    import threading

    m = twins.compiled
    before = live_objects()
    ring = m.Ring(m.chain(1000))
    results = []
    walker = threading.Thread(target=lambda: results.append(ring.walk(30_000_000)))
    walker.start()
    for _ in range(50):
        ring.first = None
        ring.first = m.chain(300)
    walker.join()
    assert isinstance(results[0], int)
    del ring
    assert live_objects() <= before  # what dead processes had may come back meanwhile
