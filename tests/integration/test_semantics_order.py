"""The order in which things happen: arguments are all evaluated before any is converted, values before the first store, targets from left
to right. What the interpreter does with the same source on such an object is what compiled code must do."""

from typing import Optional

import jitd
import pytest
from jitd import float32, int8, uint16

from twins import Twins, outcome


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


TRUTH = '''
@jitclass
class Truth:
    k: int = 0

    def __bool__(self) -> bool:
        self.k += 3
        return self.k % 2 == 0

    def and_and(self, o: "Truth", p: "Truth") -> "Truth":
        return (self and o) and p

    def or_and(self, o: "Truth", p: "Truth") -> "Truth":
        return (self or o) and p

    def between(self, o: "Truth", p: "Truth") -> "Truth":
        return self and (o or p) and p

    def branch(self, o: "Truth", p: "Truth") -> int:
        if (self and o) if p.k > 0 else o:
            return 1
        return 2

    def asserted(self, o: "Truth", p: "Truth") -> int:
        assert (self and o) if p.k > 0 else p
        return 1

    def negated(self, o: "Truth", p: "Truth") -> bool:
        return not (self and o)

    def twice_negated(self, o: "Truth", p: "Truth") -> bool:
        return not not (self or o)

    def negated_behind(self, o: "Truth", p: "Truth") -> bool:
        return p.k > 0 and not (self and o)

    def negated_before(self, o: "Truth", p: "Truth") -> bool:
        return not (self and o) and p.k > 0

    def converted(self, o: "Truth", p: "Truth") -> bool:
        return bool(self and o)

    def sure_condition(self, o: "Truth", p: "Truth") -> int:
        return 1 if not (self and (o or p)) and p.k > 0 else 2

    def sure_loop(self, o: "Truth", p: "Truth") -> int:
        while self and (o or p) and p.k < 30:
            p.k += 1
        return p.k

    def sure_name(self, o: "Truth", p: "Truth") -> int:
        if x := self and o:
            return x.k
        return 2

    def sure_flat(self, o: "Truth", p: "Truth") -> "Truth":
        return self or o or p

    def sure_last(self, o: "Truth", p: "Truth") -> "Truth":
        return self or (o and p)
'''
TRUTHS = "and_and or_and between branch asserted negated twice_negated negated_behind negated_before converted"
SURE = "sure_condition sure_loop sure_name sure_flat sure_last"


@pytest.fixture(scope="module")
def truths(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("truth"), "truth", TRUTH)


@pytest.mark.parametrize("name", f"{TRUTHS} {SURE}".split())
def test_how_often_truth_is_asked_for(truths, name):
    """Versions of CPython ask once or twice for the truth of an operand that is the value of an inner `and`: that is the interpreter's."""
    for k in range(8):
        found = []
        for module in (truths.plain, truths.compiled):
            these = [module.Truth(k & 1), module.Truth(k >> 1 & 1), module.Truth(k >> 2)]
            value = outcome(lambda: (lambda v: these.index(v) if v in these else v)(getattr(these[0], name)(*these[1:])))
            found.append((value, [t.k for t in these]))
        assert found[0] == found[1], k
    assert (name in SURE.split()) == (jitd.stats()["objects"][f"Truth.{name}"]["native_calls"] > 0)
