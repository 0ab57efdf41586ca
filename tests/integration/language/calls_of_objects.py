"""Calls of what is a Python object, with any arguments: looked up first, then the arguments, then called."""

import bisect
import heapq
import linecache
import operator
import sys
from typing import Optional

log = []


class Tools:
    """Python code that looks around, and does harm."""

    limit = 3

    def __init__(self, k=0):
        self.k = k

    @staticmethod
    def caller():
        frame = sys._getframe(2)
        return frame.f_code.co_name, linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()

    @staticmethod
    def seen(*args):
        log.append((args, Tools.caller()))
        return len(args)

    def twice(self, v):
        log.append(("twice", v))
        return v * 2

    def __call__(self, v):
        return v + self.k

    @staticmethod
    def rebind(v):
        global helper
        helper = operator.neg
        return v

    @staticmethod
    def fails(v):
        raise KeyError(v)


tools = Tools(5)
helper = operator.pos


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None

    def half(self, a: int) -> int:
        if a % 2:
            raise ValueError(f"odd: {a}")
        return a // 2

    def kept(self, *args):
        log.append(args)
        return args


def f_method(t: T, a: int, b: int):
    for i in range(2):
        t.n = i
        c = tools.twice(a + b * i)
    return c, tools.twice(t.half(a))


def f_missing_method(t: T, a: int, b: int):
    t.n = 1
    for i in range(2):
        tools.nothing(t.half(a))
    return b


def f_function(t: T, a: int, b: int):
    for i in range(2):
        c = Tools.seen(t.half(a), t.x * 2.0, b + i)
    return c


def f_over_lines(t: T, a: int, b: int):
    for i in range(2):
        c = Tools.seen(
            t.half(
                a
            ),
            i
        )
    return c


def f_nested(t: T, a: int, b: int):
    c = 0
    for i in range(2):
        c += tools.twice(tools.twice(t.half(a) + i) + Tools.seen(i * 2, (a, b), [a]))
    return c


def f_rebound(t: T, a: int, b: int):
    global_first = 0
    for i in range(2):
        global_first = helper(Tools.rebind(a))
    return global_first, helper(b)


def f_overflow_in_argument(t: T, a: int, b: int):
    t.n = 3
    c = 0
    for i in range(2):
        c = Tools.seen(i, a * b * 4 + i, t.n)
    return c


def f_parameter(t: T, a: int, b: int, f=tools):
    c = 0
    for i in range(3):
        c = f(a + i)
        t.n = i
    return c


def f_instance(t: T, a: int, b: int):
    found = []
    for i in range(2):
        found.append(Tools(a + i)(b * 2 + i))
    return found


def f_module(t: T, a: int, b: int):
    found = [5]
    for i in range(3):
        heapq.heappush(found, a + i * b)
        c = bisect.bisect_left(found, b - i)
        c += operator.add(i + 1, t.half(4))
    return found, c


def f_no_module_function(t: T, a: int, b: int):
    for i in range(2):
        t.n = i
        heapq.nothing(t.half(a))
    return b


def f_result(t: T, a: int, b: int) -> int:
    c: int = 0
    for i in range(3):
        c += tools.twice(i + 1)
        t.n = tools.twice(i * 2)
    return c


def f_result_of_another_type(t: T, a: int, b: int):
    c: int = 0
    for i in range(3):
        c = tools.twice(str(i + a) if i == 2 else i + a)
    return c


def f_raises(t: T, a: int, b: int):
    for i in range(2):
        try:
            Tools.fails(t.half(a) + i)
        except KeyError as e:
            return "key", e.args
        except ValueError as e:
            return str(e)
    return b


def f_none(t: T, a: int, b: int):
    for i in range(2):
        c = tools.limit(t.half(a))
    return c


def f_uncompiled_method(t: T, a: int, b: int):
    for i in range(2):
        c = t.kept(a + i, t.half(4))
    return c


def f_condition(t: T, a: int, b: int):
    c = 0
    for i in range(4):
        if tools.twice(i + a) > b and Tools.seen(i + 1):
            c += 1
    return c


def f_in_comprehension(t: T, a: int, b: int):
    return [tools.twice(i + a) for i in range(3)], sum(tools.twice(i * b) for i in range(3))
