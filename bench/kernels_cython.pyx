# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The kernels as Cython extension types with C methods."""
cimport cython
from libc.math cimport sqrt


@cython.final
cdef class Body:
    cdef double x, y, z, vx, vy, vz, mass

    def __init__(self, double x, double y, double z, double vx, double vy, double vz, double mass):
        self.x = x
        self.y = y
        self.z = z
        self.vx = vx
        self.vy = vy
        self.vz = vz
        self.mass = mass

    cdef inline void pull(self, Body other, double dt) noexcept:
        cdef double dx = self.x - other.x
        cdef double dy = self.y - other.y
        cdef double dz = self.z - other.z
        cdef double d2 = dx * dx + dy * dy + dz * dz
        cdef double mag = dt / (d2 * sqrt(d2))
        self.vx -= dx * other.mass * mag
        self.vy -= dy * other.mass * mag
        self.vz -= dz * other.mass * mag
        other.vx += dx * self.mass * mag
        other.vy += dy * self.mass * mag
        other.vz += dz * self.mass * mag

    cdef inline void move(self, double dt) noexcept:
        self.x += dt * self.vx
        self.y += dt * self.vy
        self.z += dt * self.vz


@cython.final
cdef class System:
    cdef Body a, b, c, d, e

    def __init__(self, Body a, Body b, Body c, Body d, Body e):
        self.a = a
        self.b = b
        self.c = c
        self.d = d
        self.e = e

    def run(self, long steps, double dt):
        cdef Body a = self.a, b = self.b, c = self.c, d = self.d, e = self.e
        cdef long i
        for i in range(steps):
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


@cython.final
cdef class Mandelbrot:
    cdef long size, limit

    def __init__(self, long size, long limit):
        self.size = size
        self.limit = limit

    def run(self):
        cdef long total = 0, row, column, n
        cdef double ci, cr, zr, zi, t
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


@cython.final
cdef class Dice:
    cdef long state

    def __init__(self, long state):
        self.state = state

    cdef inline double next(self) noexcept:
        self.state = (self.state * 1103515245 + 12345) % 2147483648LL
        return self.state / 2147483648.0

    def run(self, long samples):
        cdef long inside = 0, i
        cdef double x, y
        for i in range(samples):
            x = self.next()
            y = self.next()
            if x * x + y * y <= 1.0:
                inside += 1
        return inside


@cython.final
cdef class Node:
    cdef long value
    cdef Node next

    def __cinit__(self, long value, Node next):
        self.value = value
        self.next = next


@cython.final
cdef class Chain:
    cdef long length

    def __init__(self, long length):
        self.length = length

    cdef long once(self):
        cdef Node head = None, node
        cdef long i, total = 0
        for i in range(self.length):
            head = Node(i, head)
        node = head
        while node is not None:
            total += node.value
            node = node.next
        return total

    def run(self, long times):
        cdef long i, total = 0
        for i in range(times):
            total += self.once()
        return total
