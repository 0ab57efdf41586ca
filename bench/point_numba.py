"""The small class of the micro measurements as a numba jitclass."""

from numba import float64, int64
from numba.experimental import jitclass


@jitclass([("x", float64), ("n", int64)])
class Point:
    def __init__(self, x, n):
        self.x = x
        self.n = n

    def e0(self):
        pass

    def e2(self, a, b):
        pass

    def e4(self, a, b, c, d):
        pass

    def r0(self):
        return self.x

    def r2(self, a, b):
        return self.x * a + b

    def r4(self, a, b, c, d):
        return self.n + a + b + c + d
