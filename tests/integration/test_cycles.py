"""Cycles of instances: jitd.gc(), and what is collected without being asked. What somebody holds, and all that can be reached from there, stays."""

from __future__ import annotations

import gc
import os
from typing import Iterator, Optional

import pytest
from broker_harness import until
from conftest import Daemon

import jitd
from jitd import _jitd


@jitd.jitclass
class Node:
    n: int = 0
    next: Optional[Node] = None
    other: Optional[Node] = None

    def pairs(self, many: int) -> None:
        for i in range(many):
            a, b = Node(i), Node(-i)
            a.next = b
            b.next = a

    def ring(self, many: int) -> None:
        """Makes itself the first of a ring."""
        last = self
        for i in range(many - 1):
            last.next = Node(i)
            last = last.next
        last.next = self

    def length(self) -> int:
        at, found = self.next, 1
        while at is not None and at is not self:
            at, found = at.next, found + 1
        return found

    def each(self) -> Iterator[int]:
        at: Optional[Node] = self
        while at is not None:
            yield at.n
            at = at.next

    def asks(self) -> int:
        made = Node(5)
        made.next = made
        found = jitd.gc()
        return found * 100 + made.n


def objects() -> int:
    gc.collect()
    jitd.gc()
    return _jitd.arena_stats()["objects"]


@pytest.fixture
def before():
    Node()
    count = objects()
    yield count
    gc.collect()
    jitd.gc()
    assert _jitd.arena_stats()["objects"] == count and _jitd.check() == (0, "")


def pair() -> Node:
    a, b = Node(1), Node(2)
    a.next, b.next = b, a
    return a


def test_what_it_returns(before):
    pair()
    assert jitd.gc() == 2 and jitd.gc() == 0
    self = Node()
    self.next = self.other = self
    del self
    assert jitd.gc() == 1


def test_what_hangs_on_a_cycle_goes_with_it(before):
    a = pair()
    a.other = Node(3, Node(4), Node(5))
    del a
    assert jitd.gc() == 5


def test_what_is_held_stays(before):
    a = pair()
    far = a.next
    far.other = Node(3, Node(4))
    beyond, numbers = far.other.next, (id(a), id(far))
    del a
    assert jitd.gc() == 0 and far.next.n == 1 and far.next.next is far and beyond is far.other.next and id(far) == numbers[1]
    far.other = None
    del far
    assert jitd.gc() == 2 and beyond.n == 4


def test_what_garbage_refers_to_stays(before):
    kept = Node(7)
    a = pair()
    a.other = kept
    del a
    assert jitd.gc() == 2 and kept.n == 7 and kept.next is None


def test_in_compiled_code(before):
    a = Node()
    a.ring(1000)
    assert a.length() == 1000 and jitd.gc() == 0 and a.length() == 1000
    a.pairs(100)
    assert jitd.gc() == 200 and a.length() == 1000
    del a
    assert jitd.gc() == 1000


def test_asked_for_by_compiled_code(before):
    """It may have any of them in hand."""
    assert Node().asks() % 100 == 5


def test_a_suspended_generator_holds_what_it_has(before):
    a = Node(1, Node(2, Node(3)))
    a.next.next.other = a.next
    numbers = a.each()
    assert next(numbers) == 1
    a.next.other = a
    del a
    assert jitd.gc() == 0 and list(numbers) == [2, 3]
    del numbers


@pytest.mark.parametrize("make", [lambda: pair(), lambda: Node().pairs(1), lambda: Node().ring(2)])
def test_without_being_asked(before, make):
    """A program that makes garbage all the time stays small."""
    for _ in range(5):
        for _ in range(120_000):
            make()
        assert _jitd.arena_stats()["objects"] - before < 700_000


def test_after_a_call_that_made_much(before):
    for _ in range(4):
        Node().pairs(1_000_000)
        assert _jitd.arena_stats()["objects"] - before < 700_000


def test_memory_is_given_back(before):
    Node().pairs(1_000_000)
    jitd.gc()
    committed = _jitd.arena_stats()["bytes_committed"]
    for _ in range(8):
        Node().pairs(1_000_000)
    jitd.gc()
    assert _jitd.arena_stats()["bytes_committed"] <= 1.5 * committed


def test_a_proxy_that_python_has_again(before):
    a = pair()
    b = a.next
    del a
    held = b.next  # it had been let go
    assert jitd.gc() == 0 and held.next is b
    del b
    assert jitd.gc() == 0 and held.next.next is held
    held.next.next = None
    assert held.next.n == 2


def test_shared_ones(before):
    a = pair()
    jitd.publish("test.cycle", a)
    a.other = Node(3)
    del a
    assert jitd.gc() == 0 and jitd.lookup("test.cycle").other.n == 3
    jitd.publish("test.cycle", None)
    assert jitd.gc() == 3


def test_a_private_cycle_that_refers_to_a_shared_one(before):
    shared = pair()
    jitd.publish("test.cycle", shared)
    a = pair()
    a.other = shared
    del a
    assert jitd.gc() == 2 and shared.next.next is shared
    jitd.publish("test.cycle", None)
    del shared
    assert jitd.gc() == 2


def test_after_a_fork(before):
    """Each process collects what it made; what both hold is shared."""
    a = pair()
    pair()
    made = jitd.gc()
    child = os.fork()
    if not child:
        try:
            pair()
            found = jitd.gc()
            os._exit(0 if (made, found, a.next.next is a) == (2, 2, True) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert a.next.next is a
    del a
    until(lambda: _jitd.reap() >= 0 and objects() == before)  # the daemon has to know that the child is gone


def test_processes_at_once(program, own_daemon):
    """All make cycles, private ones and some that they hand to each other, and collect."""
    code = """
    import jitd, sys
    from jitd import _jitd
    @jitd.jitclass
    class Ring:
        n: int
        next: "Ring | None" = None
        def grow(self) -> None:
            last = self
            for i in range(50):
                last.next = Ring(i)
                last = last.next
            last.next = self
        def length(self) -> int:
            at, found = self.next, 1
            while at is not None and at is not self:
                at, found = at.next, found + 1
            return found
    for i in range(60):
        mine = Ring(i)
        mine.grow()
        jitd.publish(f"ring{i % 3}", mine)
        theirs = jitd.lookup(f"ring{(i + 1) % 3}") if i > 3 else mine
        for _ in range(20):
            Ring(0).grow()
        if i % 5 == 0:
            jitd.gc()
        assert mine.length() == 51 and theirs.length() == 51
    del mine, theirs
    print("done", flush=True)
    sys.stdin.readline()
    if sys.argv[1] == "last":
        for i in range(3):
            jitd.publish(f"ring{i}", None)
        for _ in range(50):
            _jitd.reap()
            jitd.gc()
            if not _jitd.arena_stats()["objects"]:
                break
        print(_jitd.arena_stats()["objects"], _jitd.check()[0])
    """
    p = program(code, JITD_SOCKET=own_daemon.socket)
    workers = [p.start("other", stdin=-1) for _ in range(2)] + [p.start("last", stdin=-1)]
    assert [w.stdout.readline() for w in workers] == ["done\n"] * 3, [w.communicate()[1] for w in workers if w.poll()]
    for w in workers:
        out, err = w.communicate("go\n", timeout=600)
        assert w.returncode == 0, err
    assert out == "0 0\n"


@pytest.mark.parametrize("live", [0, 50_000, 140_000])
def test_where_there_is_little_memory(program, live):
    """Garbage is no reason for there being none left."""
    code = """
    import jitd, sys
    @jitd.jitclass
    class Node:
        n: int
        next: "Node | None" = None
        def pairs(self, many: int) -> None:
            for i in range(many):
                a, b = Node(i), Node(i)
                a.next = b
                b.next = a
    keep = None
    for i in range(int(sys.argv[1])):
        keep = Node(i, keep)
    first = Node(0)
    for i in range(300):
        first.pairs(1000)
    for i in range(100_000):
        a = Node(1)
        a.next = Node(2, a)
    print("done")
    """
    daemon = Daemon("--arena-quota", 8 << 20)
    try:
        assert program(code, JITD_SOCKET=daemon.socket).run(live).stdout == "done\n"
    finally:
        daemon.stop()


def test_before_anything_was_used(program):
    assert program("import jitd\nprint(jitd.gc())").run().stdout == "0\n"


@pytest.mark.parametrize("env", [{"JITD_DISABLE": "1"}, {}])
def test_with_and_without_a_daemon(program, env):
    code = """
    import jitd
    @jitd.jitclass
    class Node:
        next: "Node | None" = None
    a = Node()
    a.next = Node(a)
    b = a.next
    del a
    assert jitd.gc() == 0 and b.next.next is b
    del b
    print(jitd.gc(), jitd.gc())
    """
    assert program(code, **env).run().stdout == "2 0\n"
