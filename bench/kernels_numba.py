"""The kernels as numba jitclasses (a jitclass cannot construct itself, so the list's loop is an njit function)."""

import math

from numba import deferred_type, float64, int64, njit, optional
from numba.experimental import jitclass


@jitclass([(name, float64) for name in ("x", "y", "z", "vx", "vy", "vz", "mass")])
class Body:
    def __init__(self, x, y, z, vx, vy, vz, mass):
        self.x = x
        self.y = y
        self.z = z
        self.vx = vx
        self.vy = vy
        self.vz = vz
        self.mass = mass

    def pull(self, other, dt):
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

    def move(self, dt):
        self.x += dt * self.vx
        self.y += dt * self.vy
        self.z += dt * self.vz


body = Body.class_type.instance_type


@jitclass([(name, body) for name in "abcde"])
class System:
    def __init__(self, a, b, c, d, e):
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.e = e

    def run(self, steps, dt):
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


@jitclass([("size", int64), ("limit", int64)])
class Mandelbrot:
    def __init__(self, size, limit):
        self.size = size
        self.limit = limit

    def run(self):
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


@jitclass([("state", int64)])
class Dice:
    def __init__(self, state):
        self.state = state

    def next(self):
        self.state = (self.state * 1103515245 + 12345) % 2147483648
        return self.state / 2147483648.0

    def run(self, samples):
        inside = 0
        for _ in range(samples):
            x = self.next()
            y = self.next()
            if x * x + y * y <= 1.0:
                inside += 1
        return inside


node = deferred_type()


@jitclass([("value", int64), ("next", optional(node))])
class Node:
    def __init__(self, value, next):
        self.value = value
        self.next = next


node.define(Node.class_type.instance_type)


@njit
def push(value, rest):
    return Node(value, rest)


@njit
def once(length):
    head = Node(0, None)
    for i in range(1, length):
        head = push(i, head)
    total = 0
    node = head
    while node.next is not None:
        total += node.value
        node = node.next
    return total + node.value


@njit
def run_chain(length, times):
    total = 0
    for _ in range(times):
        total += once(length)
    return total


class Chain:
    def __init__(self, length):
        self.length = length

    def run(self, times):
        return run_chain(self.length, times)
