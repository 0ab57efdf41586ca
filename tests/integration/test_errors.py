"""Run-time errors of compiled code: CPython's exception and text, with the user's own lines in the traceback.

PYTEST_DONT_REWRITE: the asserts in the compiled methods are to be the ones in this file.
"""

import math
import signal
import threading
import time
import traceback

import pytest

import jitd
from twins import Twins, tried


@jitd.jitclass
class Node:
    v: int
    f: float = 0.0
    next: "Node | None" = None
    small: jitd.int8 = 0

    def divide(self, a: int, b: int) -> float:
        return a / b

    def modulo(self, a: int, b: int) -> int:
        self.v = 1
        self.next = None
        return a % b

    def shift(self, a: int, b: int) -> int:
        return a << b

    def root(self, x: float) -> float:
        return math.sqrt(x)

    def to_int(self, x: float) -> int:
        return int(x)

    def follow(self) -> int:
        return self.next.v

    def deep(self, n: int) -> int:
        return 0 if n == 0 else 1 + self.deep(n - 1)

    def check(self, n: int):
        if n < 0:
            raise ValueError(f"negative: {n}, {self.f!r}")
        if n == 0:
            raise KeyError("zero")
        if n == 1:
            raise StopIteration
        assert n != 2, "two"
        assert n != 3

    def set_small(self, n: int):
        self.small = n

    def outer(self, n: int) -> int:
        return self.middle(n) + 1

    def middle(self, n: int) -> int:
        self.v = self.v + 1
        return self.inner(n)

    def inner(self, n: int) -> int:
        self.next = None
        return 10 // n

    def bump(self, n: int) -> int:
        self.v = self.v + 1
        return n * n

    def store(self, n: int) -> None:
        self.next = None
        self.v = n * 8

    def bump_all(self, n: int) -> int:
        self.next = self
        self.next = None
        return n * n

    def spin(self) -> int:
        self.v = -1
        n = 0
        while True:
            n = (n + 1) & 1023
        return n


@pytest.mark.parametrize(
    "call",
    [
        lambda o: o.divide(1, 0),
        lambda o: o.modulo(1, 0),
        lambda o: o.shift(1, -1),
        lambda o: o.root(-1.0),
        lambda o: o.to_int(math.nan),
        lambda o: o.to_int(math.inf),
        lambda o: o.follow(),
        lambda o: o.check(-5),
        lambda o: o.check(0),
        lambda o: o.check(1),
        lambda o: o.check(2),
        lambda o: o.check(3),
        lambda o: o.inner(0),
        lambda o: o.outer(0),
    ],
)
def test_same_exception_as_cpython(call):
    class Twin:
        v, f, next, small = 1, 0.0, None, 0

    for name in ("divide", "modulo", "shift", "root", "to_int", "follow", "check", "inner", "outer", "middle"):
        setattr(Twin, name, Node.__dict__[name].__wrapped__)
    with pytest.raises(Exception) as expected:
        call(Twin())
    with pytest.raises(expected.type) as got:
        call(Node(1))
    assert got.value.args == expected.value.args and type(got.value) is type(expected.value)


def test_the_traceback_has_the_users_lines():
    try:
        Node(1).outer(0)
    except ZeroDivisionError as error:
        frames = traceback.extract_tb(error.__traceback__)
    assert [(f.name, f.line) for f in frames] == [
        ("test_the_traceback_has_the_users_lines", "Node(1).outer(0)"),
        ("outer", "return self.middle(n) + 1"),
        ("middle", "return self.inner(n)"),
        ("inner", "return 10 // n"),
    ]
    assert {f.filename for f in frames} == {__file__}


def test_context_and_cause():
    try:
        try:
            raise KeyError("first")
        except KeyError:
            Node(1).check(-1)
    except ValueError as error:
        assert isinstance(error.__context__, KeyError) and error.__cause__ is None


def test_overflow_is_redone_when_nothing_was_committed():
    n = Node(1)
    assert n.bump(2**40) == 2**80 and n.v == 2, "the store to self is undone first: never run twice over its own effects"
    assert jitd.stats()["objects"]["Node.bump"]["fallbacks"] == 1
    assert n.bump_all(2**40) == 2**80 and n.next is None, "what cannot be undone is not done twice, either: Python goes on from there"
    assert jitd.stats()["objects"]["Node.bump_all"]["resumes"] == 1


def test_an_int_that_no_field_holds_says_what_to_do():
    n = Node(1)
    for store in (lambda: n.store(2**62), lambda: setattr(n, "v", 2**63)):
        with pytest.raises(OverflowError, match=r"Node.v: \d+ is out of range for int \(.*\): for others declare it jitd.uint64, float or jitd.Py"):
            store()
    assert n.v == 1


def test_sized_field_store_in_compiled_code():
    n = Node(1)
    n.set_small(100)
    with pytest.raises(OverflowError, match="out of range"):
        n.set_small(300)
    assert n.small == 100


def test_recursion():
    n = Node(1)
    assert n.deep(200) == 200
    with pytest.raises(RecursionError):
        n.deep(10_000_000)
    assert n.deep(3) == 3


def test_ctrl_c_in_a_loop():
    n = Node(1)

    def interrupt():
        while n.v != -1:  # until it spins
            time.sleep(0.001)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt) as got:
        n.spin()
    assert "spin" in [f.name for f in traceback.extract_tb(got.value.__traceback__)]


def test_signal_handlers_run_and_the_loop_goes_on():
    seen = []

    def handler(*_):
        seen.append(1)
        if len(seen) == 3:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise TimeoutError("three")

    old = signal.signal(signal.SIGALRM, handler)
    n = Node(1)
    try:
        with pytest.raises(TimeoutError, match="three"):
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            n.spin()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert len(seen) == 3


DEEP = """
@jitclass
class Deep:
    n: int

    def item(self, a: list[int], k: int) -> int:
        if k == 0:
            return a[self.n]
        return self.item(a, k - 1) + 1

    def own(self, k: int) -> int:
        if k == 0:
            raise ValueError("bad", self.n)
        self.n += 1
        return self.own(k - 1) + 1

    def divide(self, k: int) -> int:
        if k == 0:
            return self.n // k
        return self.divide(k - 1) + 1
"""


@pytest.mark.parametrize("depth", [0, 1, 15, 16, 17, 40, 500])
def test_a_traceback_has_all_frames(tmp_path, depth):
    world = Twins(tmp_path, f"deep{depth}", DEEP)
    for call in (lambda deep: deep.item([1], depth), lambda deep: deep.own(depth), lambda deep: deep.divide(depth)):
        expected, found = tried(world.plain, lambda: call(world.plain.Deep(3))), tried(world.compiled, lambda: call(world.compiled.Deep(3)))
        assert found == expected and len(found[-1]) > depth
