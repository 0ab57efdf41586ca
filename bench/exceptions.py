"""An exception that is raised and caught in each turn of a loop, compiled and in CPython: nanoseconds a turn, medians of interleaved rounds. The last
one leaves compiled code, and is caught in Python."""

from __future__ import annotations

from typing import Any

import jitd
from objects import compare, nanoseconds


class Refused(Exception):
    pass


def body() -> type:
    class Exceptions:
        numbers: dict[int, int]
        items: list[int]
        n: int

        def __init__(self) -> None:
            self.numbers = {1: 2}
            self.items = [5, 6]
            self.n = 0

        def _refuse(self, i: int) -> int:
            if i >= 0:
                raise Refused
            return i

        def _deeper(self, i: int) -> int:
            return self._refuse(i) + 1

        def own(self, turns: int) -> int:
            k = 0
            for i in range(turns):
                try:
                    raise ValueError("always")
                except ValueError:
                    k += 1
            return k

        def callee(self, turns: int) -> int:
            k = 0
            for i in range(turns):
                try:
                    k += self._refuse(i)
                except Refused:
                    k += 1
            return k

        def deeper(self, turns: int) -> int:
            k = 0
            for i in range(turns):
                try:
                    k += self._deeper(i)
                except Exception:
                    k += 1
            return k

        def key(self, turns: int) -> int:
            k, numbers = 0, self.numbers
            for i in range(turns):
                try:
                    k += numbers[i + 5]
                except KeyError:
                    k += 1
            return k

        def index(self, turns: int) -> int:
            k, items = 0, self.items
            for i in range(turns):
                try:
                    k += items[i + 5]
                except IndexError:
                    k += 1
            return k

        def division(self, turns: int) -> int:
            k = 0
            for i in range(turns):
                try:
                    k += i // self.n
                except ZeroDivisionError:
                    k += 1
            return k

        def seldom(self, turns: int) -> int:
            k = 0
            for i in range(turns):
                try:
                    k += 100 // (i & 63)
                except ZeroDivisionError:
                    k += 1
            return k

    return Exceptions


def main() -> None:
    compare(body, "an exception, ns a turn")
    plain, compiled = body()(), jitd.jitclass(body())()

    def caught(of: Any, turns: int) -> None:
        for i in range(turns):
            try:
                of._refuse(i)
            except Refused:
                pass

    best = [min(nanoseconds(lambda turns: caught(of, turns)) for _ in range(201)) for of in (compiled, plain)]
    print(f"{'leaves compiled code':28}{best[0]:9.1f}{best[1]:9.1f}{best[1] / best[0]:8.2f}")


if __name__ == "__main__":
    main()
