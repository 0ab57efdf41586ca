"""Python code that runs in the middle of a compiled call: signal handlers and other threads (polls), finalisers. What they store stays,
what they change is seen, and what they raise comes out. Times are only made long enough; none decides."""

import functools
import gc
import math
import os
import signal
import subprocess
import threading
import time
import weakref
from typing import Optional

import pytest

import jitd

TURNS = 10_000_000
RUNNING = True
LIMIT = 3


@jitd.jitclass
class Counter:
    total: int
    turns: int = 0
    peer: Optional["Counter"] = None

    def work(self, n: int, k: int, divisor: int) -> int:
        self.total += 1
        s = 0
        for i in range(n):
            s += (i * 7919 + s) % 13
        return s * k // divisor

    def late(self, n: int, k: int) -> int:
        s = 0
        for i in range(n):
            s += (i * 7919 + s) % 13
        self.total += 1
        return s * k

    def spin(self, n: int) -> int:
        s = 0
        for i in range(n):
            s += (i * 7919 + s) % 13
        return s

    def by_callee(self, n: int, k: int) -> int:
        self.total += 1
        return self.spin(n) * k

    def before_callee(self, n: int, k: int) -> int:
        s = self.spin(n)
        self.total += 1
        return s * k

    def storing(self, n: int) -> int:
        s = 0
        for i in range(n):
            s += (i * 7919 + s) % 13
        self.total += 1
        return s

    def storing_callee(self, n: int, k: int) -> int:
        return self.storing(n) * k

    def maybe(self, n: int, c: bool) -> float:
        self.total += 1
        s = 0
        for i in range(n):
            s += (i * 7919 + s) % 13
        if c:
            return 0
        return s * 0.5

    def count(self, most: int) -> int:
        self.turns = 0
        while self.turns < most:
            self.turns += 1
        return self.turns

    def bump(self, d: int) -> None:
        self.total += d

    def serve(self, most: int) -> int:
        self.turns = 0
        while RUNNING:
            self.turns += 1
            if self.turns > most:
                return -1
        return 1

    def serve_plainly(self, most: int) -> int:
        k = 0
        while RUNNING:
            k += 1
            if k > most:
                return -1
        return 1

    def serve_peer(self, most: int) -> int:
        k = 0
        while RUNNING:
            k += 1
            self.peer.turns = k
            if k > most:
                return -1
        return 1


    def turn_peer(self, n: int) -> int:
        for i in range(n):
            self.peer.turns = self.peer.turns + 1
        return 3

    def serve_by_callee(self, most: int) -> int:
        turns = 0
        while True:
            turns += self.turn_peer(100000)
            if not RUNNING:
                return turns
            if turns > most:
                return -1


class alarm:
    """Runs `handler` after some time within the block."""

    def __init__(self, handler, seconds=0.01):
        self.handler, self.seconds = handler, seconds

    def __enter__(self):
        self.old = signal.signal(signal.SIGALRM, self.handler)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)

    def __exit__(self, *ignored):
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.old)


CALLS = {
    "overflow": (lambda c: c.work(TURNS, 2**62, 1), lambda s: s * 2**62),
    "1/0": (lambda c: c.work(TURNS, 1, 0), None),
    "stored after the loop": (lambda c: c.late(TURNS, 2**62), lambda s: s * 2**62),
    "the loop is a callee's": (lambda c: c.by_callee(TURNS, 2**62), lambda s: s * 2**62),
    "behind a callee's loop": (lambda c: c.before_callee(TURNS, 2**62), lambda s: s * 2**62),
    "the callee loops and stores": (lambda c: c.storing_callee(TURNS, 2**62), lambda s: s * 2**62),
    "int result": (lambda c: c.maybe(TURNS, True), lambda s: 0),
}


@functools.cache
def expected_sum():
    s = 0
    for i in range(TURNS):
        s += (i * 7919 + s) % 13
    return s


def warm():
    c = Counter(0)
    c.work(3, 1, 1), c.late(3, 1), c.by_callee(3, 1), c.before_callee(3, 1), c.storing_callee(3, 1), c.maybe(3, False), c.bump(1), c.count(3)
    c.spin(1), c.serve(3), c.serve_plainly(3)
    Counter(0, 0, c).serve_peer(3)
    Counter(0, 0, c).serve_by_callee(3)


def result(call, c):
    try:
        return call(c)
    except ZeroDivisionError:
        return None


@pytest.mark.parametrize("name", CALLS)
def test_what_a_handler_stores_stays(name):
    warm()
    c, hits = Counter(0), []
    call, want = CALLS[name]

    def handler(signum, frame):
        hits.append(c.total)
        c.bump(1000)

    with alarm(handler):
        got = result(call, c)
        while not hits:  # a very fast machine
            time.sleep(0.001)
    assert len(hits) == 1 and c.total == 1001
    assert got == (want(expected_sum()) if want else None)


@pytest.mark.parametrize("name", CALLS)
def test_what_a_thread_stores_stays(name):
    warm()
    c, done, stop = Counter(0), [0], threading.Event()
    call, want = CALLS[name]

    def other():
        while not stop.is_set():
            c.bump(1)
            done[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        got = result(call, c)
    finally:
        stop.set()
        thread.join()
    assert done[0] > 0 and c.total == done[0] + 1
    assert got == (want(expected_sum()) if want else None)


def stop_running(*ignored):
    global RUNNING
    RUNNING = False


@pytest.mark.parametrize("method", ["serve", "serve_plainly"])
@pytest.mark.parametrize("who", ["handler", "thread"])
def test_a_global_that_changes_while_a_loop_runs(method, who):
    global RUNNING
    warm()
    RUNNING, most = True, 2**62
    try:
        if who == "handler":
            with alarm(stop_running, 0.1):
                assert getattr(Counter(0), method)(most) == 1
        else:
            thread = threading.Timer(0.1, stop_running)
            thread.start()
            assert getattr(Counter(0), method)(most) == 1
            thread.join()
    finally:
        RUNNING = True


def test_a_global_that_changes_behind_effects():
    """There is no way back, but one on: Python, which reads the new value."""
    global RUNNING
    warm()
    RUNNING = True
    c = Counter(0, 0, Counter(1))
    try:
        with alarm(stop_running, 0.1):
            assert c.serve_peer(2**62) == 1
        assert c.peer.turns > 1
        assert c.serve_peer(5) == 1
    finally:
        RUNNING = True


def test_a_global_that_changes_in_a_callee_behind_effects():
    """The callee goes on in Python, and so does its compiled caller, which has the old value built in, too."""
    global RUNNING
    warm()
    RUNNING = True
    c = Counter(0, 0, Counter(1))
    native = jitd.stats()["objects"]["Counter.serve_by_callee"]["native_calls"]
    try:
        with alarm(stop_running, 0.2):
            turns = c.serve_by_callee(2**62)
        assert turns > 0 and c.peer.turns == turns // 3 * 100000, "no turn was lost, none done twice"
    finally:
        RUNNING = True
    facts = jitd.stats()["objects"]["Counter.serve_by_callee"]
    assert facts["native_calls"] == native + 1 and facts["resumes"] >= 1


def limited_class():
    @jitd.jitclass
    class Limited:
        n: int
        LIMIT = 2**62

        def spin(self) -> int:
            k = 0
            while k < self.LIMIT:
                k += 1
            return k

        def step(self) -> int:
            return 1

        def walk(self) -> int:
            k = 0
            while k < 2**62:
                k += self.step()
            return k

    assert Limited(1).step() == 1
    assert str(jitd.explain(Limited)).count(": compiled") == 3
    return Limited


CHANGES = {"spin": ("LIMIT", 5), "walk": ("step", lambda self: 2**62)}


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("who", ["handler", "thread"])
def test_a_class_that_changes_while_a_loop_runs(method, who):
    cls = limited_class()

    def change(*ignored):
        setattr(cls, *CHANGES[method])

    if who == "handler":
        with alarm(change, 0.1):
            assert getattr(cls(1), method)() >= 5
    else:
        thread = threading.Timer(0.1, change)
        thread.start()
        assert getattr(cls(1), method)() >= 5
        thread.join()


def test_ctrl_c_keeps_what_was_stored():
    warm()
    c = Counter(0)
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        c.count(2**62)
    timer.join()
    assert c.turns > 0


def test_what_a_handler_raises_comes_out():
    warm()
    c = Counter(0)

    class Stop(Exception):
        pass

    def handler(*ignored):
        raise Stop

    for method, arguments in [("count", (2**62,)), ("spin", (2**62,)), ("by_callee", (2**62, 1))]:
        with alarm(handler), pytest.raises(Stop):
            getattr(c, method)(*arguments)
    assert c.total in (0, 1)


# ---- finalisers, during the interpreter's own functions of numbers ----


@jitd.jitclass
class Node:
    v: int
    a: float = 0.0
    b: float = 0.0
    child: Optional["Node"] = None

    def total(self, x: float) -> int:
        c = self.child
        if c is None:
            return -1
        y = math.fsum((x, 1.0, 2.0))
        return c.v + int(y)

    def build(self, k: int) -> int:
        p = self
        for i in range(k):
            q = Node(i)
            p.child = q
            p = q
        return p.v


class Trash:
    """A cycle whose end drops a node's child and takes its memory."""

    def __init__(self, node, made):
        self.node, self.made, self.me = node, made, self

    def __del__(self):
        self.node.child = None
        self.made.extend(Node(1000 + i) for i in range(50))


def test_no_finaliser_in_the_middle_of_a_call():
    node, made, thresholds = Node(1, 0.0, 0.0, Node(7)), [], gc.get_threshold()
    Node(1, 0.0, 0.0, Node(2)).total(1.0)
    total = Node.total
    gc.collect()
    gc.disable()
    Trash(node, made)
    spare = [[] for _ in range(300)], [(i, i, i) for i in range(3000)]  # so that the free lists are empty
    gc.set_threshold(1, 1, 1)
    gc.enable()
    try:
        got = total(node, 1.0)
        assert gc.isenabled()
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    assert (got, len(made), node.child) == (11, 50, None) and len(spare) == 2


@jitd.jitclass
class Pair:
    n: int
    a: Optional["Pair"] = None
    b: Optional["Pair"] = None

    def drop(self) -> int:
        self.a = None
        self.b = None
        return self.n


@pytest.mark.parametrize("drop", [Pair.drop, Pair.drop.__wrapped__])
def test_finalisers_run_in_the_order_of_cpython(drop):
    made = {n: Pair(n) for n in range(1, 8)}
    for n in range(1, 4):
        made[n].a, made[n].b = made[2 * n], made[2 * n + 1]
    order, top = [], made[1]
    for n in range(2, 8):
        weakref.finalize(made[n], order.append, n)
    made.clear()
    assert drop(top) == 1
    assert order == [2, 4, 5, 3, 6, 7]


# ---- waiting for the daemon ----


def test_a_handler_that_raises_while_memory_is_awaited():
    node = Node(-1)
    node.build(3)
    pid = jitd.stats()["machine"]["pid"]

    class Stop(Exception):
        pass

    def handler(*ignored):
        raise Stop("from the handler")

    wake = subprocess.Popen(["sh", "-c", f"sleep 1; kill -CONT {pid}"])
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(Stop, match="from the handler"), alarm(handler, 0.3):
            while True:
                Node(-1).build(300_000)  # 20 MB: asks the daemon
    finally:
        os.kill(pid, signal.SIGCONT)
        wake.wait()
    assert Node(-1).build(3) == 2
