"""Classes with special methods, for test_language.py."""

from typing import Optional


@jitclass
class Vec:
    x: float
    y: float

    def __add__(self, other: "Vec") -> "Vec":
        return Vec(self.x + other.x, self.y + other.y)

    def __iadd__(self, other: "Vec") -> "Vec":
        self.x += other.x
        self.y += other.y
        return self

    def __mul__(self, k: float) -> "Vec":
        return Vec(self.x * k, self.y * k)

    def __rmul__(self, k: float) -> "Vec":
        return self * k

    def __neg__(self) -> "Vec":
        return Vec(-self.x, -self.y)

    def __abs__(self) -> float:
        return (self.x**2 + self.y**2) ** 0.5

    def __eq__(self, other: "Vec") -> bool:
        return self.x == other.x and self.y == other.y

    def __lt__(self, other: "Vec") -> bool:
        return abs(self) < abs(other)

    def __bool__(self) -> bool:
        return self.x != 0.0 or self.y != 0.0


@jitclass
class Stack:
    size: int = 0

    def __len__(self) -> int:
        return self.size


def algebra(a: Vec, b: Vec, k: float) -> float:
    c = a + b * k
    c += k * -a
    c = c + c
    return c.x * 1000 + c.y


def relations(a: Vec, b: Vec) -> int:
    t = 0
    if a == b:
        t += 1
    if a != b:
        t += 2
    if a < b:
        t += 4
    if a > b:
        t += 8
    if a:
        t += 16
    if not b:
        t += 32
    if a + b < a * 3.0 < b * 10.0:
        t += 64
    c = a or b
    return t * 10 + int(abs(c))


def lengths(n: int) -> int:
    s = Stack(n)
    return len(s) * 2 + (1 if s else 0) + (5 if not Stack(0) else 7)
