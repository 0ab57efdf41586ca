"""Effects, undo, aliases and evaluation order, for test_semantics_effects.py."""

from typing import Optional

BIG = 2**62


@jitclass
class Cell:
    n: int = 0
    f: float = 0.0
    b: bool = False
    next: Optional["Cell"] = None

    LIMIT = 7

    def bump(self) -> int:
        self.n += 1
        return self.n

    def bump_self(self) -> "Cell":
        self.n += 1
        return self

    @staticmethod
    def helper(a: int) -> int:
        return a * 2

    @classmethod
    def made(cls, a: int) -> "Cell":
        return cls(a)

    @property
    def counted(self) -> int:
        self.n += 1
        return self.n * 10

    @property
    def half(self) -> int:
        return self.n // 2

    @half.setter
    def half(self, v: int) -> None:
        self.n = v * 2
        self.f += 1.0

    # a self-recursive method's own stores are effects at its recursive call
    def recursive_store(self, n: int, k: int) -> int:
        if n > 0:
            self.recursive_store(n - 1, k)
            return k * k
        self.n += 1
        return 0

    def recursive_ref(self, n: int, k: int, other: "Cell") -> int:
        if n > 0:
            self.recursive_ref(n - 1, k, other)
            return k * k
        other.n += 1
        return 0

    def ping(self, n: int, k: int) -> int:
        if n > 0:
            self.pong(n - 1, k)
            return k * k
        return 1

    def pong(self, n: int, k: int) -> int:
        if n > 0:
            r = self.ping(n - 1, k)
            self.n += 1
            return r
        self.n += 100
        return 2

    def store_then_overflow(self, k: int) -> int:
        self.n = 5
        self.f = 2.5
        self.b = True
        return k * k

    def store_twice(self, k: int) -> int:
        self.n += 1
        x = k * 3
        self.n += x
        return x * k

    def store_in_loop(self, turns: int, k: int) -> int:
        x = 1
        for i in range(turns):
            self.n += 1
            self.f += 0.5
            x *= k
        return x

    def store_in_callee(self, k: int) -> int:
        self.bump()
        self.bump()
        return k * k

    def store_in_setter(self, k: int) -> int:
        self.half = 21
        return k * k

    def store_in_getter(self, k: int) -> int:
        x = self.counted
        return x * k * k

    def callee_overflows(self, k: int) -> int:
        self.n += 1
        return self.store_then_overflow(k)

    def callee_divides(self, k: int) -> int:
        self.n += 1
        self.f = self.divide(k)
        self.n += 1
        return self.n

    def divide(self, k: int) -> float:
        self.n += 1
        return 1 / k

    def partial_unpack(self, k: int) -> int:
        self.n, self.f, x = 11, 1.5, k * k
        return x

    def partial_unpack_divide(self, other: "Cell", k: int) -> int:
        self.n, other.n = 3, 4
        self.n, other.n = self.n // k, other.n // k
        return self.n

    def aug_other(self, other: "Cell", k: int) -> int:
        other.n += self.n
        other.n *= 2
        self.n -= other.n
        return self.n // k

    def aug_order(self) -> int:
        self.n += self.bump() + self.bump()
        return self.n

    def aug_local_order(self, k: int) -> int:
        x = k
        x += (x := 5) + x
        return x

    def alias_store(self, other: "Cell", k: int) -> int:
        self.n = 1
        other.n = 2
        r = self.n * 10 + other.n
        return r // k

    def alias_locals(self, k: int) -> int:
        other = self
        other.n += 1
        x = self.n
        other.n += x
        return self.n // k

    def chained_targets(self, other: "Cell") -> int:
        self.n = other.n = x = self.bump() + 1
        return x

    def chained_ref_targets(self) -> int:
        c = self.next = d = Cell(4)
        c.n += 1
        return self.next.n + d.n

    def self_walk(self) -> int:
        a = self
        a.next = a = Cell(9)
        return a.n

    def walrus_condition(self, k: int) -> int:
        while (y := self.bump()) < k and (self.f < 100.0 or (z := self.bump()) > 0):
            self.f += y
        return y

    def short_circuit(self, k: int) -> int:
        if k > 0 and self.bump() > 3 or self.bump() > 100 and self.bump() > 0:
            return self.n
        return -self.n

    def conditional(self, k: int) -> int:
        x = self.bump() if k > 0 else self.bump() + self.bump()
        return x * (self.bump() if k > 1 else 1)

    def chain(self, k: int) -> bool:
        return 0 < (a := self.bump()) <= k < self.bump() + a < 100

    def static_through_effect(self, k: int) -> int:
        return self.bump_self().helper(k)

    def class_through_effect(self, k: int) -> int:
        return self.bump_self().made(k).n

    def constant_through_effect(self) -> int:
        return self.bump_self().LIMIT

    def static_of_none(self) -> int:
        return self.next.helper(3)

    def constant_of_none(self) -> int:
        return self.next.LIMIT

    def made_of_none(self) -> int:
        return self.next.made(3).n

    def method_of_none(self, k: int) -> int:
        self.n += 1
        return self.next.bump()

    def args_before_none(self) -> int:
        return self.next.helper(self.bump())

    def order(self) -> int:
        return self.sub(b=self.bump(), a=self.bump())

    def sub(self, a: int, b: int) -> int:
        return a * 1000 + b

    def order_of_new(self) -> int:
        c = Cell(f=float(self.bump()), n=self.bump())
        return c.n * 1000 + int(c.f)

    def order_of_operands(self) -> int:
        return self.bump() * 100 + self.bump() * 10 + self.bump()

    def order_of_store(self, k: int) -> int:
        self.pick(self.bump()).n = self.bump()
        return self.n

    def pick(self, k: int) -> "Cell":
        self.f = self.f * 10 + k
        return self

    def compare_pair(self) -> bool:
        return self.bump() < self.bump() == self.bump()

    def tuple_order(self) -> int:
        a, b, c = self.bump(), self.bump(), self.bump()
        return a * 100 + b * 10 + c

    def item_of_effects(self) -> int:
        return (self.bump(), self.bump())[0]

    def length_of_effects(self) -> int:
        return len((self.bump(), self.bump()))

    def discarded(self) -> int:
        self.bump() + self.bump()
        self.bump() < 3
        (self.bump(), self.counted)
        self.counted
        -self.bump()
        not self.bump()
        self.bump() if self.b else self.counted
        return self.n

    def minmax(self) -> int:
        return min(self.bump(), self.bump()) * 100 + max(self.bump(), self.bump())

    def assert_message(self, k: int) -> int:
        assert k > 0, self.bump()
        return self.n

    def raise_arguments(self) -> int:
        raise ValueError(self.bump(), self.bump(), f"{self.bump()} {self.counted}")

    def raise_overflow(self, k: int) -> int:
        self.n += 1
        raise ValueError(k * k)

    def restore_bool(self, k: int) -> bool:
        self.b = not self.b
        x = k * k
        return x > 0

    def sum_to(self, stop: int) -> int:
        for i in range(stop):
            self.n += i
        return self.n

    def other_callee_overflows(self, other: "Cell", k: int) -> int:
        return other.store_then_overflow(k) + other.n

    def round_other(self, other: "Cell", k: int) -> int:
        other.n += 1
        return round(other.n * 12345, k)

    def round_other_float(self, other: "Cell", k: int) -> float:
        other.n += 1
        return round(12345.678, k)

    def modular_other(self, other: "Cell", k: int) -> int:
        other.n += 1
        return pow(k, -1, 4)

    def clamp_after_store(self, k: int) -> float:
        self.n += k
        return max(0, self.n * 0.5)

    def clamp_field(self, k: int) -> float:
        self.next = Cell(k)
        self.next.n += 1
        self.f = max(0, self.f - k)
        [a, self.n] = self.f, k if k < 0 else k + 1
        self.f = self.f - k if k else 7
        return float(a)

    def clamp_or_store(self, k: int) -> float:
        if k:
            self.f += 1.0
        return self.f if k > 1 else 0

    def loop_overflow_late(self, k: int) -> int:
        x = 1
        while x > 0:
            self.n += 1
            x = x * k
            if self.n > 1000:
                break
        return self.n

    def nested_undo(self, k: int) -> int:
        self.n += 1
        self.middle(k)
        self.n += 10
        return self.n

    def middle(self, k: int) -> int:
        self.n += 100
        x = self.store_twice(k)
        self.f += 1.0
        return x

    def end_without_return(self, other: "Cell", k: int) -> int:
        other.n += 1
        if k > 3:
            return k

    def returns_bool_or_int(self, k: int):
        self.n += 1
        if k > 3:
            return True
        return k

    def returns_int_or_float(self, k: int):
        if k > 3:
            return 1
        return 0.5

    def div_none(self, k: int):
        self.n += 1
        if k == 0:
            return None
        return 7 // k


@jitclass
class Made:
    a: int
    b: int
    other: Optional[Cell] = None

    def __init__(self, a: int, k: int, other: Optional[Cell] = None):
        self.a = a
        if other is not None:
            other.n += 1
        self.b = a // k
        self.other = other

    def again(self, a: int, k: int) -> int:
        self.__init__(a, k)
        return self.a * self.a


def construct(a: int, k: int) -> int:
    m = Made(a, k)
    return m.a * m.b


def construct_overflow(a: int, k: int) -> int:
    m = Made(a, k)
    return m.a * m.a * m.b


def construct_with_effect(a: int, k: int, c: Cell) -> int:
    m = Made(a, k, c)
    return m.other.n
