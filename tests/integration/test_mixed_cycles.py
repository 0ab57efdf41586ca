"""Cycles with native references and Python fields in them: CPython's collector finds them, and weak references and finalisers are what they are in
CPython. Random graphs are held against the same graphs of plain classes."""

from __future__ import annotations

import gc
import random
import weakref
from typing import Any, Callable, Optional

import pytest

import jitd
from jitd import _jitd

SAID: list[Any] = []
KEPT: list[Any] = []


def bodies() -> list[type]:
    """A class with native references alone, one with Python fields, and one with a finaliser."""

    class Fast:
        n: int
        left: Optional[Fast]
        right: Optional[Fast]

        def __init__(self, n: int) -> None:
            self.n = n
            self.left = None
            self.right = None

    class Mixed:
        n: int
        left: Optional[Mixed]
        right: Optional[Mixed]
        items: list[Any]

        def __init__(self, n: int) -> None:
            self.n = n
            self.left = None
            self.right = None
            self.items = []

    class Ends:
        n: int
        left: Optional[Ends]
        right: Optional[Ends]
        items: list[Any]

        def __init__(self, n: int) -> None:
            self.n = n
            self.left = None
            self.right = None
            self.items = []

        def __del__(self) -> None:
            SAID.append(("del", self.n, self.left is None, self.right is None, len(self.items)))

    return [Fast, Mixed, Ends]


PLAIN, COMPILED = bodies(), [jitd.jitclass(cls) for cls in bodies()]


def collect(kind: Any) -> None:
    if kind is COMPILED:
        jitd.gc()
    gc.collect()


@pytest.fixture(autouse=True)
def nothing_is_left():
    for cls in COMPILED:
        cls(0)
    SAID.clear()
    jitd.gc()
    before = _jitd.arena_stats()["objects"]
    yield
    SAID.clear()
    KEPT.clear()
    jitd.gc()
    jitd.gc()
    assert _jitd.arena_stats()["objects"] == before and _jitd.check() == (0, "")


def tree(Node: Any) -> Any:
    root = Node(0)
    for i in range(3):
        child = Node(i + 1)
        child.left = root
        root.items.append(child)
    return root


def test_a_tree_with_native_parents():
    before, root = _jitd.arena_stats()["objects"], tree(COMPILED[1])
    child = root.items[1]
    del root
    collect(COMPILED)
    assert child.left.items[1] is child and len(child.left.items) == 3 and child.left.items[2].left is child.left
    del child
    assert jitd.gc() == 4 and _jitd.arena_stats()["objects"] == before


def test_by_pythons_collector_alone():
    before = _jitd.arena_stats()["objects"]
    tree(COMPILED[1])
    gc.collect()
    assert _jitd.arena_stats()["objects"] == before


@pytest.mark.parametrize("kind", [PLAIN, COMPILED], ids=["plain", "compiled"])
@pytest.mark.parametrize("which", range(3))
def test_weak_references(kind, which):
    a, b = kind[which](1), kind[which](2)
    a.left, b.left = b, a
    a.right = a
    here, there = weakref.ref(a, lambda ref: SAID.append(("weak", ref()))), weakref.ref(b)
    del a
    collect(kind)
    assert here().left is b and SAID == []
    del b
    collect(kind)
    assert here() is there() is None and SAID.count(("weak", None)) == 1


@pytest.mark.parametrize("kind", [PLAIN, COMPILED], ids=["plain", "compiled"])
def test_finalisers_see_all_of_it_and_run_once(kind):
    tree(kind[2])
    collect(kind)
    assert sorted(SAID) == [("del", 0, True, True, 3), ("del", 1, False, True, 0), ("del", 2, False, True, 0), ("del", 3, False, True, 0)]
    collect(kind)
    assert len(SAID) == 4


def phoenix(decorate: Callable[[type], Any], save: Callable[[Any, Any], None]) -> Any:
    class Phoenix:
        n: int
        left: Optional[Phoenix]
        items: list[Any]

        def __init__(self, n: int) -> None:
            self.n = n
            self.left = None
            self.items = []

        def __del__(self) -> None:
            SAID.append(self.n)
            save(Phoenix, self)

    Phoenix = decorate(Phoenix)  # type: ignore[misc]
    return Phoenix


def save_self(cls: Any, self: Any) -> None:
    if self.n == 1:
        KEPT.append(self)


def save_by_a_new_one(cls: Any, self: Any) -> None:
    """Which refers to it natively, and to nobody else."""
    if self.n == 1:
        new = cls(9)
        new.left = self
        KEPT.append(new)


def save_what_it_refers_to(cls: Any, self: Any) -> None:
    if self.n == 0:
        KEPT.append(self.left)


def save_after_others_looked(cls: Any, self: Any) -> None:
    """As the collector does, but for another reason."""
    gc.get_referents(self)
    gc.get_referrers(self)
    save_self(cls, self)


@pytest.mark.parametrize("save", [save_self, save_by_a_new_one, save_what_it_refers_to, save_after_others_looked])
def test_a_finaliser_that_saves(save):
    """All that can be reached from what was saved stays as it was; and no finaliser runs twice."""
    shown = []
    for decorate in (lambda cls: cls), jitd.jitclass:
        Phoenix = phoenix(decorate, save)
        nodes = [Phoenix(i) for i in range(4)]
        for i, node in enumerate(nodes):
            node.left = nodes[(i + 1) % 4]
            node.items.append(nodes[(i + 2) % 4])
        del node, nodes
        for _ in range(3):
            gc.collect()
        at, seen = KEPT[0], []
        for _ in range(9):
            seen.append((at.n, [item.n for item in at.items]))
            at = at.left
        shown.append((seen, sorted(SAID)))
        del at
        KEPT.clear()
        for _ in range(3):
            gc.collect()
        shown[-1] += (sorted(SAID),)
        SAID.clear()
        del Phoenix
    assert shown[0] == shown[1]


def test_held_by_what_is_frozen():
    root = tree(COMPILED[1])
    last = COMPILED[1](7)
    last.left = root
    gc.freeze()
    try:
        del root
        later = COMPILED[1](8)
        last.left.right = later
        later.right = last.left
        del later
        collect(COMPILED)
        assert last.left.right.n == 8 and last.left.items[1].left is last.left and last.left.right.right is last.left
    finally:
        gc.unfreeze()
    del last
    collect(COMPILED)
    gc.freeze()


def test_a_collection_in_the_middle_of_a_method():
    @jitd.jitclass
    class Asks:
        n: int
        left: Optional[Asks]
        items: list[Any]

        def __init__(self, n: int) -> None:
            self.n = n
            self.left = None
            self.items = []

        def work(self) -> int:
            a = Asks(1)
            b = Asks(2)
            a.left = b
            b.left = a
            a.items.append(b)
            gc.collect()
            return a.n + b.n + b.left.n

    assert Asks(0).work() == 4


def test_undeclared_attributes():
    before, Fast = _jitd.arena_stats()["objects"], COMPILED[0]
    a, b = Fast(1), Fast(2)
    a.left, b.also = b, a
    del a, b
    assert jitd.gc() == 2 and _jitd.arena_stats()["objects"] == before


def test_references_from_fast_ones():
    """A list of instances of a fast class, which refer back natively: those are out of CPython's sight else."""

    @jitd.jitclass
    class Variable:
        n: int
        users: list[Any]

        def __init__(self, n: int) -> None:
            self.n = n
            self.users = []

    @jitd.jitclass
    class User:
        variable: Variable

    def make() -> Any:
        variable = Variable(1)
        for _ in range(3):
            variable.users.append(User(variable))
        return variable

    variable = make()
    before = _jitd.arena_stats()["objects"]
    user = variable.users[1]
    del variable
    gc.collect()
    assert user.variable.users[1] is user and not gc.is_tracked(user)
    make()
    assert jitd.gc() == 4
    del user
    gc.collect()
    assert _jitd.arena_stats()["objects"] == before - 4


class World:
    """Operations on a graph, by numbers; what is alive is known by weak references."""

    def __init__(self, kind: Any) -> None:
        self.kind, self.count = kind, 0
        self.roots: dict[int, Any] = {}
        self.weak: dict[int, Any] = {}

    def make(self, which: int) -> None:
        node = self.kind[which](self.count)
        self.roots[self.count] = node
        self.weak[self.count] = weakref.ref(node)
        self.count += 1

    def step(self, action: int, a: int, b: int, which: int) -> None:
        alive = sorted(self.roots)
        if action == 0 or len(alive) < 4:
            self.make(which)
            return
        one, other = self.roots[alive[a % len(alive)]], self.roots[alive[b % len(alive)]]
        if action < 4 and type(one) is type(other):
            setattr(one, "left" if action & 1 else "right", other)
        elif action < 6 and hasattr(one, "items"):
            one.items.append(other)
        elif action == 6:
            one.extra = other
        elif action == 7 and hasattr(one, "items"):
            one.items.clear()
        else:
            del self.roots[alive[a % len(alive)]]

    def shown(self) -> Any:
        collect(self.kind)
        collect(self.kind)
        alive = {n for n, ref in self.weak.items() if ref() is not None}
        said = sorted(SAID)
        SAID.clear()
        return alive, said, {n: self.look(node) for n, node in self.roots.items()}

    def look(self, node: Any) -> Any:
        far = node.left.left if node.left is not None else None
        return node.n, None if far is None else far.n, [item.n for item in getattr(node, "items", ())], getattr(getattr(node, "extra", None), "n", None)


@pytest.mark.parametrize("seed", range(25))
def test_random_graphs(seed):
    shown = []
    for kind in PLAIN, COMPILED:
        SAID.clear()
        dice, world, seen = random.Random(seed), World(kind), []
        for _ in range(12):
            for _ in range(40):
                world.step(dice.randrange(10), dice.randrange(1000), dice.randrange(1000), dice.randrange(3))
            seen.append(world.shown())
        world.roots.clear()
        seen.append(world.shown())
        shown.append(seen)
    assert shown[0] == shown[1]
