"""Work on Python lists, in place, compiled and in CPython: microseconds a call, medians of interleaved rounds."""

from __future__ import annotations

import dataclasses
import statistics
import time
from typing import Any, Callable

import jitd


def body() -> type:
    class Lists:
        n: int = 0

        def total(self, a: list[float]) -> float:
            s = 0.0
            for v in a:
                s += v
            return s

        def dot(self, a: list[float], b: list[float]) -> float:
            s = 0.0
            for i in range(len(a)):
                s += a[i] * b[i]
            return s

        def stencil(self, a: list[float]) -> None:
            for i in range(1, len(a) - 1):
                a[i] = (a[i - 1] + a[i] + a[i + 1]) / 3.0

        def reverse(self, a: list[int]) -> None:
            i = 0
            j = len(a) - 1
            while i < j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1

        def sieve(self, n: int) -> int:
            flags = [True] * (n + 1)
            count = 0
            for i in range(2, n + 1):
                if flags[i]:
                    count += 1
                    j = i * i
                    while j <= n:
                        flags[j] = False
                        j += i
            return count

        def matmul(self, a: list[list[float]], b: list[list[float]]) -> list[list[float]]:
            n = len(a)
            rows: list[list[float]] = []
            for i in range(n):
                row: list[float] = []
                for j in range(n):
                    s = 0.0
                    for k in range(n):
                        s += a[i][k] * b[k][j]
                    row.append(s)
                rows.append(row)
            return rows

        def stack(self, n: int) -> int:
            todo = [n]
            steps = 0
            while todo:
                v = todo.pop()
                steps += v & 3
                if v > 1:
                    todo.append(v // 2)
                    todo.append(v - v // 2 - 1)
            return steps

        def bump(self, b: list[float]) -> None:
            for i, v in enumerate(b):
                b[i] = v + i * 0.5

    return Lists


def arguments() -> dict[str, tuple[Any, ...]]:
    floats, ints = [0.5 * i for i in range(1000)], list(range(1000))
    square = [[float(i + j) for i in range(20)] for j in range(20)]
    return {"total": (floats,), "dot": (floats, floats), "stencil": (floats,), "reverse": (ints,), "sieve": (2000,), "matmul": (square, square), "stack": (1000,), "bump": (floats,)}


def microseconds(call: Callable[..., Any], args: tuple[Any, ...], calls: int = 50) -> float:
    begun = time.perf_counter()
    for _ in range(calls):
        call(*args)
    return (time.perf_counter() - begun) / calls * 1e6


def main() -> None:
    compiled, plain = jitd.jitclass()(body())(), dataclasses.dataclass(body())()
    ratios = []
    print(f"{'lists of 1,000, µs a call':28}{'jitd':>9}{'CPython':>9}{'times':>8}")
    for name, args in arguments().items():
        assert getattr(compiled, name)(*args) == getattr(plain, name)(*args)
        rounds = [(microseconds(getattr(compiled, name), args), microseconds(getattr(plain, name), args)) for _ in range(7)]
        ours, theirs = (statistics.median(times) for times in zip(*rounds))
        ratios.append(theirs / ours)
        print(f"{name:28}{ours:9.1f}{theirs:9.1f}{theirs / ours:8.1f}")
    print(f"{'geometric mean':46}{statistics.geometric_mean(ratios):8.1f}")


if __name__ == "__main__":
    main()
