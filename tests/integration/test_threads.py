"""Threads: decorating, first uses, calls and releases at the same time."""

import sys
import threading
import time

import pytest

import jitd


@jitd.jitclass
class Node:
    v: int
    next: "Node | None" = None

    def walk(self, times: int) -> int:
        total = 0
        for i in range(times):
            node = self
            while node is not None:
                total = (total + node.v) & 0xFFFFFF
                node = node.next
        return total

    def get(self, v: int) -> int:
        return self.v + v


@pytest.fixture(autouse=True)
def fast_switches():
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(old)


def together(actions):
    errors, barrier = [], threading.Barrier(len(actions))

    def run(action):
        barrier.wait()
        try:
            action()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(a,)) for a in actions]
    for t in threads:
        t.start()
    for t in threads:
        t.join(600)
    assert not errors and not any(t.is_alive() for t in threads), errors


def test_decorating_and_first_uses():
    def one(k):
        def action():
            cls = type(f"T{k % 3}", (), {"__annotations__": {"n": int}, "__module__": __name__})
            jitclass = jitd.jitclass(cls)
            assert [jitclass(i).n for i in range(100)] == list(range(100))
            assert Node(k).get(1) == k + 1

        return action

    together([one(k) for k in range(8)])


def test_calls_and_objects():
    shared = Node(5)

    def action():
        for i in range(3000):
            n = Node(i, shared)
            assert n.next is shared and n.get(2) == i + 2 and shared.get(0) == 5

    together([action] * 6)


def test_others_run_while_a_loop_does():
    """During one call: it is made longer until others have had several turns."""
    ticks = []
    done = threading.Event()

    def ticker():
        while not done.is_set():
            ticks.append(1)
            time.sleep(0.001)

    t = threading.Thread(target=ticker)
    t.start()
    chain = Node(1, Node(2))
    times, seen, end = 1_000_000, 0, time.monotonic() + 60
    while seen < 10 and time.monotonic() < end:
        before = len(ticks)
        chain.walk(times)
        seen, times = len(ticks) - before, times * 2
    done.set()
    t.join()
    assert seen >= 10


def test_what_others_drop_stays_for_a_running_loop():
    """Compiled code borrows the nodes that it walks over; dropping them meanwhile must not reuse their memory."""
    chain = None
    for i in range(200):
        chain = Node(1, chain)
    head = Node(1, chain)
    stop = threading.Event()
    rounds = []

    def cutter():
        while not stop.is_set():
            head.next = None
            for i in range(300):
                Node(7_777_777)  # would be written over freed nodes
            new = None
            for i in range(200):
                new = Node(1, new)
            head.next = new
            rounds.append(1)
            time.sleep(0)

    t = threading.Thread(target=cutter)
    t.start()
    walks, end = 0, time.monotonic() + 60
    try:
        while (walks < 10 or len(rounds) < 10) and time.monotonic() < end:
            total = head.walk(20_000)
            assert total <= 201 * 20_000
            walks += 1
    finally:
        stop.set()
        t.join()
    assert len(rounds) >= 10
