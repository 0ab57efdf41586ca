"""Instances with Python fields that a compiled loop gives up are gone while it runs, not when its call ends: memory does not grow with the turns, and
what only they had is finalised."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from typing import Any, Iterator

import pytest

import jitd

TURNS = 2000
KEPT = 300  # at most so many wait


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Token:
    """Notes how many are waiting still when one goes."""

    waiting: list[Any] = []
    left: list[int] = []

    def __del__(self) -> None:
        Token.left.append(len(Token.waiting))


def note() -> int:
    return 1


@jitd.jitclass
class Item:
    n: int
    token: Any

    def __init__(self, n: int, token: Any) -> None:
        self.n = n
        self.token = token


@jitd.jitclass
class Pair:
    first: Item
    other: Any

    def __init__(self, first: Item, other: Any) -> None:
        self.first = first
        self.other = other


@jitd.jitclass
class Loop:
    total: int
    waiting: list[Any]

    def __init__(self, waiting: list[Any]) -> None:
        self.total = 0
        self.waiting = waiting

    def plain(self, n: int) -> int:
        for i in range(n):
            item = Item(i, self.waiting.pop())
            self.total += item.n
        return self.total

    def with_calls(self, n: int) -> int:
        for i in range(n):
            item = Item(i, self.waiting.pop())
            self.total += item.n * note()
        return self.total

    def pairs(self, n: int) -> int:
        for i in range(n):
            pair = Pair(Item(i, self.waiting.pop()), None)
            self.total += pair.first.n
        return self.total

    def inner(self, n: int) -> int:
        item = Item(n, self.waiting.pop())
        return item.n

    def by_calls(self, n: int) -> int:
        for i in range(n):
            self.total += self.inner(i)
        return self.total


@pytest.mark.parametrize("name", ["plain", "with_calls", "pairs", "by_calls"])
def test_they_go_while_the_loop_runs(name: str) -> None:
    Token.waiting[:] = [Token() for _ in range(TURNS)]
    Token.left.clear()
    loop = Loop(Token.waiting)
    assert getattr(loop, name)(TURNS) == TURNS * (TURNS - 1) // 2
    assert len(Token.left) == TURNS and Token.left[-1] == 0
    assert Token.left[0] >= TURNS - KEPT, f"the first went with {Token.left[0]} waiting"
    assert all(a - b <= KEPT for a, b in zip(Token.left, Token.left[1:]))
    assert f"{name}: compiled" in jitd.explain(Loop)


class Hook:
    """Calls that when it goes."""

    def __init__(self, then: Any) -> None:
        self.then = then

    def __del__(self) -> None:
        self.then()


def test_a_finaliser_that_collects_while_its_instance_ends() -> None:
    gone: list[int] = []
    for i in range(300):
        item = Item(i, None)
        item.token = Hook(gc.collect)
        pair = Pair(item, Hook(lambda i=i: (gc.collect(), gone.append(i))))
        pair.other.of = pair.first
        del item, pair
    gc.collect()
    assert sorted(gone) == list(range(300))


def test_what_is_replaced_in_a_list_goes_behind_what_went_before() -> None:
    order: list[Any] = []

    @jitd.jitclass
    class Keeper:
        items: list[Item]

        def replace(self, n: int, made: list[Any]) -> int:
            for i in range(n):
                item = Item(i, made.pop())
                if i % 3 == 0:
                    self.items[0] = item
            return n

    made = [Hook(lambda i=i: order.append(i)) for i in range(40)]
    Keeper([Item(99, Hook(lambda: order.append("first")))]).replace(40, made)
    turns = [39 - i for i in range(40)]
    assert order == ["first", *turns[1:3], turns[0], *[t for k in range(3, 39, 3) for t in (*turns[k + 1 : k + 3], turns[k])], turns[39]]


def test_a_finaliser_that_forks() -> None:
    gone: list[int] = []

    def fork() -> None:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)

    loop = Loop([Hook(lambda i=i: (gone.append(i), i == 5 and fork())) for i in range(20)])
    loop.plain(20)
    deadline = time.monotonic() + 10
    while len(gone) < 20 and time.monotonic() < deadline:  # what was alive then is the child's, too, until its death is known
        jitd.gc()
        time.sleep(0.02)
    assert sorted(gone) == list(range(20))


def test_what_was_alive_at_a_fork_goes_with_a_collection() -> None:
    gone: list[str] = []
    item = Item(1, Hook(lambda: gone.append("item")))
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    del item
    deadline = time.monotonic() + 10
    while not gone and time.monotonic() < deadline:  # until the child's death is known
        gc.collect()
        time.sleep(0.02)
    assert gone == ["item"]


def test_a_finaliser_that_waits_for_another_thread_s() -> None:
    seen = threading.Event()
    waited: list[bool] = []

    def wait() -> None:
        thread = threading.Thread(target=lambda: Loop([Hook(seen.set) for _ in range(5)]).with_calls(5))
        thread.start()
        waited.append(seen.wait(20))
        thread.join()

    Loop([Hook(lambda i=i: i == 3 and wait()) for i in range(5)]).with_calls(5)
    assert waited == [True]


def test_a_finaliser_that_raises() -> None:
    class Late:
        def __del__(self) -> None:
            seen.append(loop.total)
            if len(seen) == 3:
                raise ValueError("in a finaliser")

    seen: list[int] = []
    late: list[Any] = [Late() for _ in range(TURNS)]
    loop = Loop(late)
    assert loop.with_calls(TURNS) == TURNS * (TURNS - 1) // 2
    assert len(seen) == TURNS and seen == sorted(seen) and seen[0] < loop.total
