"""Operations on text and other Python objects, one in each turn of a loop, compiled and in CPython: nanoseconds a turn, medians of interleaved rounds."""

from __future__ import annotations

import enum
import math
import statistics
import time
from typing import Any, Callable

import jitd

TURNS = 2000
TEXT = "hello world 123"


class Kind(enum.Enum):
    NAME = 1
    NUMBER = 2


class Plain:
    def __init__(self) -> None:
        self.x = 1
        self.price = 2.5


def body() -> type:
    class Objects:
        text: str
        kind: Kind
        plain: Any
        counts: dict[str, int]
        n: int

        def __init__(self) -> None:
            self.text = TEXT
            self.kind = Kind.NAME
            self.plain = Plain()
            self.counts = {"a": 1, "b": 2}
            self.n = 0

        def field(self, turns: int) -> int:
            k = 0
            for i in range(turns):
                k += len(self.text)
            return k

        def set_field(self, turns: int) -> int:
            text = self.text
            for i in range(turns):
                self.text = text
            return turns

        def character(self, turns: int) -> int:
            k, text = 0, self.text
            for i in range(turns):
                if text[i & 7] == "o":
                    k += 1
            return k

        def among(self, turns: int) -> int:
            k, text = 0, self.text
            for i in range(turns):
                if text[i & 7] in "+-lo":
                    k += 1
            return k

        def test(self, turns: int) -> int:
            k, text = 0, self.text
            for i in range(turns):
                if text[i & 7].isalpha():
                    k += 1
            return k

        def cut(self, turns: int) -> int:
            k, text = 0, self.text
            for i in range(turns):
                k += len(text[1 : i & 7])
            return k

        def join(self, turns: int) -> int:
            k, text = 0, self.text
            for i in range(turns):
                k += len(text + "x")
            return k

        def member(self, turns: int) -> int:
            k = 0
            for i in range(turns):
                if self.kind is Kind.NUMBER:
                    k += 1
            return k

        def attribute(self, turns: int) -> int:
            k, plain = 0, self.plain
            for i in range(turns):
                if plain.price < 3.0:
                    k += 1
            return k

        def set_attribute(self, turns: int) -> int:
            plain = self.plain
            for i in range(turns):
                plain.x = i
            return turns

        def item(self, turns: int) -> int:
            k, counts = 0, self.counts
            for i in range(turns):
                k += counts["a"]
            return k

        def items(self, turns: int) -> int:
            k, counts = 0, self.counts
            for i in range(turns):
                for key, value in counts.items():
                    k += value
            return k

    return Objects


def nanoseconds(call: Callable[[int], Any]) -> float:
    begun = time.perf_counter()
    call(TURNS)
    return (time.perf_counter() - begun) / TURNS * 1e9


def compare(body: Callable[[], type], title: str) -> None:
    """Each method of the class with a number of turns, in both."""
    plain, compiled = body()(), jitd.jitclass(body())()
    names = [name for name in vars(type(plain)) if not name.startswith("_") and callable(getattr(plain, name))]
    times = []
    print(f"{title:28}{'jitd':>9}{'CPython':>9}{'times':>8}")
    for name in names:
        mine, theirs = getattr(compiled, name), getattr(plain, name)
        assert mine(TURNS) == theirs(TURNS), name
        rounds = [(nanoseconds(mine), nanoseconds(theirs)) for _ in range(201)]
        a, b = (statistics.median(r[k] for r in rounds) for k in (0, 1))
        times.append(b / a)
        print(f"{name:28}{a:9.1f}{b:9.1f}{b / a:8.2f}")
    print(f"{'geometric mean':46}{math.exp(statistics.fmean(map(math.log, times))):8.2f}")


if __name__ == "__main__":
    compare(body, "one operation, ns a turn")
