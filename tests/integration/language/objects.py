"""Classes, for test_language.py."""

import math
from math import sqrt, floor
from typing import Optional
PI2 = 6.5
LIMIT = 10

@jitclass
class Node:
    value: int
    next: Optional["Node"] = None

@jitclass
class LinkedList:
    head: Optional[Node] = None
    size: int = 0

    def push(self, v: int) -> None:
        self.head = Node(v, self.head)
        self.size += 1

    def build(self, n: int) -> int:
        for i in range(n):
            self.push(i)
        return self.size

    def total(self) -> int:
        s = 0
        cur = self.head
        while cur is not None:
            s += cur.value
            cur = cur.next
        return s

    def pop(self) -> int:
        if self.head is None:
            raise IndexError("pop from empty list")
        v = self.head.value
        self.head = self.head.next
        self.size -= 1
        return v

    def reverse(self) -> None:
        prev = None
        cur = self.head
        while cur:
            nxt = cur.next
            cur.next = prev
            prev = cur
            cur = nxt
        self.head = prev

    def find(self, v: int) -> Optional[Node]:
        cur = self.head
        while cur is not None and cur.value != v:
            cur = cur.next
        return cur

    def bad_none(self) -> int:
        return self.head.next.next.value

    def drop(self) -> None:
        self.head = None
        self.size = 0

@jitclass
class Lcg:
    state: int
    hits: int = 0

    def next(self) -> float:
        self.state = (self.state * 1103515245 + 12345) % 2147483648
        return self.state / 2147483648

    def pi(self, n: int) -> float:
        hits = 0
        for i in range(n):
            x = self.next()
            y = self.next()
            if x * x + y * y <= 1.0:
                hits += 1
        self.hits += hits
        return 4.0 * hits / n

@jitclass
class Body:
    x: float
    y: float
    vx: float
    vy: float
    mass: float

    def energy(self) -> float:
        return 0.5 * self.mass * (self.vx ** 2 + self.vy ** 2)

    def dist(self, other: "Body") -> float:
        dx = self.x - other.x
        dy = self.y - other.y
        return math.sqrt(dx * dx + dy * dy)

    def kick(self, other: "Body", dt: float) -> None:
        dx = self.x - other.x
        dy = self.y - other.y
        d2 = dx * dx + dy * dy + 0.01
        mag = dt / (d2 * math.sqrt(d2))
        self.vx -= dx * other.mass * mag
        self.vy -= dy * other.mass * mag
        other.vx += dx * self.mass * mag
        other.vy += dy * self.mass * mag

@jitclass
class Acc:
    n: int = 0
    f: float = 0.0
    b: bool = False

    def __init__(self, n, f=1.5):
        self.n = n
        self.f = f * 2
        self.b = n > 3

    @property
    def double(self) -> int:
        return self.n * 2

    @double.setter
    def double(self, v: int) -> None:
        self.n = v // 2

    @staticmethod
    def helper(a: int, b: int) -> int:
        return a * b + LIMIT

    @classmethod
    def make(cls, n: int) -> "Acc":
        return cls(n, f=2.5)

    def use(self, k: int) -> int:
        self.double = k * 2
        return self.double + Acc.helper(k, 3) + self.helper(1, 2)

    def over(self, k: int) -> int:
        self.n = self.n + 1
        self.n = self.n * 2
        return self.n * k * k

    def over2(self, other: "Acc", k: int) -> int:
        other.n += 1
        return k * k

    def div2(self, other: "Acc", k: int) -> int:
        other.n += 1
        return 7 // k

    def div(self, k: int) -> int:
        self.n += 1
        return 7 // k

    def fresh(self, k: int) -> float:
        a = Acc(k, 0.5)
        b = Acc.make(k + 1)
        return a.f + b.f + a.n * b.n

    def check(self, k: int) -> int:
        assert k > 0, f"bad k={k} n={self.n:5d} f={self.f!r}"
        if k > 100:
            raise ValueError("too big", k, 1.5)
        if k > 50:
            raise KeyError(k)
        if k == 42:
            raise RuntimeError
        return k

    def storebig(self, k: float) -> int:
        self.n = int(k)
        return self.n
