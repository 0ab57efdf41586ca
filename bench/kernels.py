"""The kernels, as the user would write them: CPython, mypyc and jitd run this very text."""

from __future__ import annotations

import math
from typing import Optional

from bench_compiled import compiled


@compiled
class Body:
    x: float
    y: float
    z: float
    vx: float
    vy: float
    vz: float
    mass: float

    def __init__(self, x: float, y: float, z: float, vx: float, vy: float, vz: float, mass: float) -> None:
        self.x = x
        self.y = y
        self.z = z
        self.vx = vx
        self.vy = vy
        self.vz = vz
        self.mass = mass

    def pull(self, other: Body, dt: float) -> None:
        dx = self.x - other.x
        dy = self.y - other.y
        dz = self.z - other.z
        d2 = dx * dx + dy * dy + dz * dz
        mag = dt / (d2 * math.sqrt(d2))
        self.vx -= dx * other.mass * mag
        self.vy -= dy * other.mass * mag
        self.vz -= dz * other.mass * mag
        other.vx += dx * self.mass * mag
        other.vy += dy * self.mass * mag
        other.vz += dz * self.mass * mag

    def move(self, dt: float) -> None:
        self.x += dt * self.vx
        self.y += dt * self.vy
        self.z += dt * self.vz


@compiled
class System:
    a: Body
    b: Body
    c: Body
    d: Body
    e: Body

    def __init__(self, a: Body, b: Body, c: Body, d: Body, e: Body) -> None:
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.e = e

    def run(self, steps: int, dt: float) -> float:
        a, b, c, d, e = self.a, self.b, self.c, self.d, self.e
        for _ in range(steps):
            a.pull(b, dt)
            a.pull(c, dt)
            a.pull(d, dt)
            a.pull(e, dt)
            b.pull(c, dt)
            b.pull(d, dt)
            b.pull(e, dt)
            c.pull(d, dt)
            c.pull(e, dt)
            d.pull(e, dt)
            a.move(dt)
            b.move(dt)
            c.move(dt)
            d.move(dt)
            e.move(dt)
        return a.x + b.y + c.z + d.vx + e.vy


@compiled
class Mandelbrot:
    size: int
    limit: int

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit

    def run(self) -> int:
        total = 0
        for row in range(self.size):
            ci = 2.0 * row / self.size - 1.0
            for column in range(self.size):
                cr = 2.0 * column / self.size - 1.5
                zr = 0.0
                zi = 0.0
                n = 0
                while n < self.limit and zr * zr + zi * zi <= 4.0:
                    t = zr * zr - zi * zi + cr
                    zi = 2.0 * zr * zi + ci
                    zr = t
                    n += 1
                total += n
        return total


@compiled
class Dice:
    state: int

    def __init__(self, state: int) -> None:
        self.state = state

    def next(self) -> float:
        self.state = (self.state * 1103515245 + 12345) % 2147483648
        return self.state / 2147483648.0

    def run(self, samples: int) -> int:
        inside = 0
        for _ in range(samples):
            x = self.next()
            y = self.next()
            if x * x + y * y <= 1.0:
                inside += 1
        return inside


@compiled
class Node:
    value: int
    next: Optional[Node]

    def __init__(self, value: int, next: Optional[Node]) -> None:
        self.value = value
        self.next = next


@compiled
class Chain:
    length: int

    def __init__(self, length: int) -> None:
        self.length = length

    def once(self) -> int:
        head: Optional[Node] = None
        for i in range(self.length):
            head = Node(i, head)
        total = 0
        node = head
        while node is not None:
            total += node.value
            node = node.next
        return total

    def run(self, times: int) -> int:
        total = 0
        for _ in range(times):
            total += self.once()
        return total
