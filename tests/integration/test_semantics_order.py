"""The order in which things happen: arguments are all evaluated before any is converted, values before the first store, targets from left
to right. What the interpreter does with the same source on such an object is what compiled code must do."""

from typing import Optional

import jitd
import pytest
from jitd import float32, int8, uint16

from twins import outcome


@jitd.jitclass
class Narrow:
    a: int8 = 0
    b: uint16 = 0
    f: float32 = 0.0


@jitd.jitclass
class Taken:
    a: int8
    b: int8

    def __init__(self, a: int8, b: int8 = 7, *, c: int8 = 1):
        self.a = a
        self.b = b + c


@jitd.jitclass
class Order:
    n: int = 0
    a: int8 = 0
    b: int8 = 0
    other: Optional[Narrow] = None

    def note(self, k: int, value: int) -> int:
        self.n = self.n * 10 + k
        return value

    def note_float(self, k: int, value: float) -> float:
        self.n = self.n * 10 + k
        return value

    def take(self, a: int8, b: int8, f: float32 = 0.5) -> int:
        self.n = self.n * 10 + 9
        return int(a)

    @staticmethod
    def take_static(a: int8, b: uint16) -> int:
        return int(a) * 2

    @property
    def small(self) -> int:
        return int(self.a)

    @small.setter
    def small(self, k: int8) -> None:
        self.n = self.n * 10 + 8
        self.a = k

    def method(self, x: int, y: int) -> int:
        return self.take(self.note(1, x), self.note(2, y))

    def method_by_keyword(self, x: int, y: int) -> int:
        return self.take(b=self.note(1, x), a=self.note(2, y), f=self.note_float(3, 1e300 if x > y else 1.5))

    def static(self, x: int, y: int) -> int:
        return Order.take_static(self.note(1, x), self.note(2, y))

    def of_another(self, x: int, y: int) -> int:
        self.n += 1
        return self.take(self.note(1, x), self.take(self.note(2, y), self.note(3, x)))

    def generated(self, x: int, y: int) -> int:
        made = Narrow(self.note(1, x), f=self.note_float(2, 1e300 if y == 4 else 2.0), b=self.note(3, y))
        return int(made.a) + int(made.b)

    def generated_default(self, x: int, y: int) -> int:
        return int(Narrow(self.note(1, x)).b) + self.note(2, y)

    def written(self, x: int, y: int) -> int:
        made = Taken(self.note(1, x), c=self.note(2, y))
        return int(made.a)

    def divides(self, x: int, y: int) -> int:
        return self.take(self.note(1, x), self.note(2, x // y))

    def none_first(self, x: int, y: int) -> int:
        return self.other.a + self.note(1, x)

    def tuple_store(self, x: int, y: int) -> int:
        self.a, self.b = self.note(1, x), self.note(2, y)
        return self.n

    def tuple_store_effects(self, other: Narrow, x: int, y: int) -> int:
        other.a, self.a, other.b = self.note(1, x), self.note(2, y), self.note(3, -1 if x == 5 else 6)
        return self.n

    def chained_store(self, other: Narrow, x: int, y: int) -> int:
        self.n = other.b = self.a = self.note(1, x)
        return self.n + y

    def setter(self, x: int, y: int) -> int:
        self.small = self.note(1, x)
        self.small, self.b = self.note(2, y), self.note(3, x)
        return self.n

    def augmented(self, x: int, y: int) -> int:
        self.n += self.note(1, x) + self.note(2, y)
        self.a = self.n
        return self.n


@jitd.jit
def narrow(a: int8, b: int8) -> int:
    return int(a) + int(b)


@jitd.jit
def call_narrow(o: Order, x: int, y: int) -> int:
    o.n = 1
    return narrow(o.note(1, x), o.note(2, y))


NAMES = "method method_by_keyword static of_another generated generated_default written divides none_first tuple_store"
NAMES += " tuple_store_effects chained_store setter augmented call_narrow"
VALUES = [(1, 2), (1, 1000), (1000, 2), (1000, -1000), (5, 0), (70000, 1), (3, 4), (-129, 127), (1, 70000)]


def run(name, python, x, y):
    """What the call came to, and what it left behind."""
    order, other = Order(), Narrow()
    method = call_narrow if name == "call_narrow" else getattr(Order, name)
    args = (other,) if name in ("tuple_store_effects", "chained_store") else ()
    what = outcome(method.__wrapped__ if python else method, order, *args, x, y)
    return what, (order.n, order.a, order.b, other.a, other.b)


@pytest.mark.parametrize("name", NAMES.split())
def test_order(name):
    for x, y in VALUES:
        assert run(name, False, x, y) == run(name, True, x, y), (name, x, y)


def test_all_of_it_is_compiled():
    Order().method(1, 2)
    for what in (Order, Narrow, Taken, call_narrow):
        assert "Python:" not in str(jitd.explain(what))
