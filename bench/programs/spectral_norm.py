"""The spectral norm of an infinite matrix, by the power method: float lists, comprehensions, a method per element."""

from __future__ import annotations

from math import sqrt

import jitd


@jitd.jitclass
class Matrix:
    n: int

    def __init__(self, n: int) -> None:
        self.n = n

    def at(self, i: int, j: int) -> float:
        return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)

    def row_times(self, i: int, v: list[float]) -> float:
        total = 0.0
        for j, value in enumerate(v):
            total += self.at(i, j) * value
        return total

    def column_times(self, j: int, v: list[float]) -> float:
        total = 0.0
        for i, value in enumerate(v):
            total += self.at(i, j) * value
        return total

    def times(self, v: list[float]) -> list[float]:
        return [self.row_times(i, v) for i in range(self.n)]

    def transposed_times(self, v: list[float]) -> list[float]:
        return [self.column_times(j, v) for j in range(self.n)]

    def norm(self, steps: int) -> float:
        u = [1.0] * self.n
        v = u
        for _ in range(steps):
            v = self.transposed_times(self.times(u))
            u = self.transposed_times(self.times(v))
        return sqrt(dot(u, v) / dot(v, v))


@jitd.jit
def dot(a: list[float], b: list[float]) -> float:
    total = 0.0
    for x, y in zip(a, b):
        total += x * y
    return total


def run(n: int = 240) -> float:
    return Matrix(n).norm(6)
