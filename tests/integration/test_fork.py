"""fork() with live objects: parent and child see the same ones, and each goes its own way with new ones."""

import multiprocessing
import os
import sys

import pytest
from conftest import until

import jitd
from jitd import _jitd


@jitd.jitclass
class Cell:
    n: int
    next: "Cell | None" = None

    def add(self, k: int) -> int:
        self.n = self.n + k
        return self.n


def in_child(action):
    pid = os.fork()
    if not pid:
        status = 1
        try:
            action()
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_the_child_sees_the_parents_objects():
    a = Cell(1, Cell(2))
    b = a.next

    def child():
        assert a.n == 1 and a.next is b and a.add(10) == 11
        a.next = Cell(99)
        assert b.n == 2 and a.next.n == 99

    in_child(child)
    assert a.n == 11 and a.next.n == 99 and b.n == 2


def test_children_of_children():
    a = Cell(0)

    def grandchild():
        a.add(1)

    def child():
        a.add(1)
        in_child(grandchild)

    for _ in range(3):
        in_child(child)
    assert a.n == 6


def test_both_allocate_at_the_same_time():
    kept = [Cell(i) for i in range(100)]
    pids = []
    for k in range(4):
        pid = os.fork()
        if not pid:
            ok = all(Cell(i, Cell(k)).next.n == k for i in range(5000)) and [c.n for c in kept] == list(range(100))
            os._exit(not ok)
        pids.append(pid)
    assert all(Cell(i, Cell(7)).next.n == 7 for i in range(5000))
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 4
    until(lambda: (_jitd.reap(), _jitd.check())[1] == (0, ""))  # the daemon has yet to see the children's ends


def test_a_class_first_used_in_the_child():
    @jitd.jitclass
    class Late:
        x: float

        def half(self) -> float:
            return self.x / 2.0

    in_child(lambda: Late(3.0).half() == 1.5 or 1 / 0)
    assert Late(5.0).half() == 2.5


def work(n):
    cell = Cell(n)
    return cell.add(n)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(work, range(20)) == [2 * n for n in range(20)]


def test_fork_before_first_use(program):
    program(
        """
        import jitd, os
        @jitd.jitclass
        class P:
            x: int
            def get(self) -> int: return self.x
        pids = []
        for i in range(4):
            pid = os.fork()
            if not pid:
                os._exit(P(i).get() != i)
            pids.append(pid)
        assert [os.waitpid(p, 0)[1] for p in pids] == [0] * 4
        assert P(9).get() == 9
        """
    ).run()
