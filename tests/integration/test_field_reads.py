"""Compiled code that reads Python fields: whatever becomes of the instance's attributes and of its class, it sees what CPython would."""

from __future__ import annotations

import sys
import threading
from typing import Any, Callable

import jitd
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
IN_BETWEEN: list[Callable[[Any], None]] = []


def in_between(of: object) -> int:
    for work in IN_BETWEEN:
        work(of)
    return 0


def make() -> Any:
    """A class of its own for each test, as what is done to it stays."""

    @jitd.jitclass
    class Held:
        n: int
        items: list[int]
        others: list[int] = None  # type: ignore[assignment]

        def total(self, k: int) -> int:
            s = self.n
            for i in range(k):
                s += len(self.items) * 10 + i
            return s

        def of_others(self, k: int) -> int:
            s = self.n
            for i in range(k):
                s += len(self.others) * 10 + i
            return s

        def twice(self, k: int) -> tuple[int, int]:
            before, after = len(self.items), 0
            for i in range(k):
                before += i
            before += in_between(self)
            for i in range(k):
                after += len(self.items) + i
            return before, after

        def of(self, held: list[Held]) -> int:
            s = 0
            for one in held:
                s = s * 10 + len(one.items)
            return s

    return Held


def warm(cls: Any) -> Any:
    """An instance, and its class's places as they are found usually."""
    one = cls(1, [1, 2], [3])
    for _ in range(3):
        assert (one.total(2), one.of_others(2), one.of([one, one])) == (42, 22, 22)
    for method in (cls.total, cls.of_others, cls.of):
        assert method._counters()["native_calls"] and not method._counters()["regions"]
    return one


def test_one_that_is_not_set() -> None:
    one = warm(make())
    del one.items
    for _ in range(2):
        with pytest.raises(AttributeError, match="^'Held' object has no attribute 'items'"):
            one.total(2)
    assert one.total(0) == 1
    one.items = [1]
    assert one.total(2) == 22


def test_the_class_has_a_default() -> None:
    cls = make()
    one = warm(cls)
    del one.others
    with pytest.raises(TypeError, match="NoneType"):
        one.of_others(1)
    cls.others = [1, 2, 3]
    assert one.of_others(1) == 31
    cls.others = [1]
    assert one.of_others(1) == 11
    one.others = []
    assert one.of_others(1) == 1


def test_the_class_gets_a_property() -> None:
    cls = make()
    one = warm(cls)
    cls.items = property(lambda self: [0] * 5)
    assert one.total(1) == 51
    del cls.items
    assert one.total(1) == 21


def test_the_class_gets_a_descriptor_that_learns_to_set() -> None:
    class Late:
        def __get__(self, of: object, owner: type) -> list[int]:
            return [0] * 4

    cls = make()
    one = warm(cls)
    cls.items = Late()
    assert [one.total(1) for _ in range(3)] == [21] * 3
    Late.__set__ = lambda self, of, value: None  # type: ignore[attr-defined]
    assert one.total(1) == 41


def test_a_dict_that_was_asked_for_or_replaced() -> None:
    one = warm(make())
    attributes = one.__dict__
    assert one.total(1) == 21
    attributes["items"] = [1, 2, 3]
    assert one.total(1) == 31
    one.__dict__ = {"n": 1, "items": [1, 2, 3, 4]}
    assert one.total(1) == 41
    del one.__dict__["items"]
    with pytest.raises(AttributeError):
        one.total(1)


def test_many_attributes_in_any_order() -> None:
    cls = make()
    warm(cls)
    some = []
    for k in range(4):
        one = cls.__new__(cls)
        names = [f"a{i}" for i in range(20 * k)]
        for name in [*names[::2], "others", *names[1::2], "items"] if k % 2 else ["items", *names, "others"]:
            setattr(one, name, [0] * k if name == "items" else [])
        one.n = 1
        some.append(one)
    assert [one.total(1) for one in some] == [1, 11, 21, 31] and some[0].of(some) == 123
    some[1].items = some[1].others
    some[2].items, some[2].others = some[2].others, some[2].items
    assert [one.total(1) for one in some] == [1, 1, 1, 31] and some[2].of_others(1) == 21


def test_it_changes_in_the_middle() -> None:
    one = warm(make())
    IN_BETWEEN[:] = [lambda of: setattr(of, "items", [0] * 7)]
    assert one.twice(2) == (3, 15)
    IN_BETWEEN[:] = [lambda of: delattr(of, "items")]
    with pytest.raises(AttributeError, match="items"):
        one.twice(2)
    IN_BETWEEN[:] = [lambda of: setattr(of, "items", [1])]
    with pytest.raises(AttributeError, match="items"):
        one.twice(2)
    one.items = [1, 2]
    assert one.twice(2) == (3, 3)
    IN_BETWEEN[:] = []


def test_one_of_many_was_closed() -> None:
    cls = make()
    one, closed = warm(cls), cls(1, [], [])
    closed.close()
    with pytest.raises(jitd.ReleasedError):
        one.of([one, closed])
    assert one.of([one, one]) == 22
    del one.items
    with pytest.raises(AttributeError, match="^'Held' object has no attribute 'items'"):
        one.total(1)


def test_instances_of_subclasses() -> None:
    cls = make()
    warm(cls)

    class Plain(cls):
        pass

    class Other(cls):
        items = property(lambda self: [0] * 6, lambda self, value: None)

    assert Plain(1, [1, 2, 3]).total(1) == 31 and Other(1, []).total(1) == 61
    assert warm(cls).of([cls(1, []), Plain(1, [1]), Other(1, [])]) == 16


def test_no_count_is_lost() -> None:
    one = warm(make())
    items = one.items
    count = sys.getrefcount(items)
    for _ in range(10):
        one.total(100)
    one.__dict__
    for _ in range(10):
        one.total(100)
    assert sys.getrefcount(items) == count


def test_another_thread_replaces_it() -> None:
    one, over = warm(make()), False

    def replace() -> None:
        while not over:
            one.items = [0] * 3
            one.items = [0] * 5

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        seen = [one.total(2000) - one.n - sum(range(2000)) for _ in range(200)]
    finally:
        over = True
        thread.join()
    assert all(2000 * 20 <= k <= 2000 * 50 and k % 10 == 0 for k in seen)
