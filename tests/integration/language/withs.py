"""Functions with with: what is entered and left, on every way out, with and without exceptions, and what its object sees."""

import contextlib
import linecache
import sys
import threading
import traceback
from typing import Optional

lock = threading.Lock()
entered = []


class Kept:
    """What it saw; swallows the exceptions of a class."""

    @staticmethod
    def caller():
        frame = sys._getframe(2)
        return frame.f_code.co_name, linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()

    def __init__(self, kind=(), fails=None):
        self.kind, self.fails = kind, fails

    def __enter__(self):
        if self.fails == "enter":
            raise KeyError("enter")
        entered.append(("enter", Kept.caller()))
        return len(entered)

    def __exit__(self, kind, error, tb):
        entered.append((kind and kind.__name__, str(error), [f.line for f in traceback.extract_tb(tb)], Kept.caller()))
        if self.fails == "exit":
            raise KeyError("exit")
        return kind is not None and issubclass(kind, self.kind)


class Half:
    def __enter__(self):
        return 1


class Scale:
    @staticmethod
    @contextlib.contextmanager
    def scaled(t, k):
        t.x += k
        try:
            yield k
        except ZeroDivisionError:
            entered.append("zero")
        finally:
            t.x -= k / 2


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None

    def half(self, a: int) -> int:
        if a % 2:
            raise ValueError(f"odd: {a}")
        return a // 2

    def __enter__(self):
        self.n = 5
        return self

    def __exit__(self, *args):
        self.n = 7
        return False


def f_plain(t: T, a: int, b: int):
    c = a
    with Kept():
        for i in range(3):
            c = (c + i * b) % 1000
    return c


def f_value(t: T, a: int, b: int):
    with Kept() as k:
        c = k + a % 5
    return c, k


def f_raises(t: T, a: int, b: int):
    c = 0
    with Kept(ValueError) as k:
        for i in range(3):
            c += t.half(a + 2 * i) // b
        c += 100
    return c, k


def f_returns(t: T, a: int, b: int):
    for i in range(3):
        with Kept():
            if a > 2:
                return i, t.half(a)
            if i == 1:
                break
            if b > 2:
                continue
            t.n = i
        t.x += 0.5
    return t.n, t.x


def f_lock(t: T, a: int, b: int):
    with lock:
        t.n = a % 100
        c = t.half(a)
    return c, lock.locked()


def f_lock_is_free(t: T, a: int, b: int):
    try:
        with lock:
            t.half(a)
    except ValueError:
        return lock.locked()
    return "none"


def f_generator(t: T, a: int, b: int):
    with Scale.scaled(t, 2.0) as k:
        c = a // b
        t.x *= k
        return c
    return "swallowed", t.x


def f_nested(t: T, a: int, b: int):
    c = 0
    with Kept(ValueError):
        c = 1
        with Kept(ZeroDivisionError) as k:
            c = t.half(a) // b
            c += k
        c += 10
    return c


def f_in_try(t: T, a: int, b: int):
    try:
        with Kept(ValueError):
            t.half(a)
            return 10 // b
        t.n = 3
    except ZeroDivisionError as e:
        return [f.line for f in traceback.extract_tb(e.__traceback__)]
    finally:
        t.x += 1.0
    return "swallowed"


def f_try_in(t: T, a: int, b: int):
    found = []
    with Kept(ValueError):
        for i in range(3):
            try:
                found.append(t.half(a + i))
                if i == 1:
                    break
            except ValueError:
                found.append("odd")
                if b:
                    raise
            finally:
                found.append(i)
        else:
            return "else", found
    return found


def f_overflow(t: T, a: int, b: int):
    t.n = 1
    with Kept() as k:
        c = a * b * 2 + k - k
        d = c + 1
    return c, d


def f_overflow_behind(t: T, a: int, b: int):
    for i in range(2):
        with Kept():
            t.n = i
        a = a * 3 + b
    return a


def f_enter_fails(t: T, a: int, b: int):
    with Kept(KeyError, "enter"):
        t.n = 9
    return t.n


def f_exit_fails(t: T, a: int, b: int):
    for i in range(2):
        with Kept(ValueError, "exit"):
            t.n = t.half(a)
            return i
    return t.n


def f_exit_fails_caught(t: T, a: int, b: int):
    try:
        with Kept(ValueError, "exit"):
            t.n = 8
            if a > 2:
                return t.half(a)
    except KeyError as e:
        return str(e), str(e.__context__), t.n
    return "end"


def f_no_manager(t: T, a: int, b: int):
    t.n = 2
    with entered:
        t.n = 3
    return t.n


def f_half(t: T, a: int, b: int):
    t.n = 2
    with Half() as k:
        t.n = 3 + k
    return t.n


def f_instance(t: T, a: int, b: int):
    with t as u:
        c = u.n + t.half(a)
    return c, t.n


def f_none(t: T, a: int, b: int):
    t.n = 4
    with t.next as u:
        c = t.half(a)
    with t.next.next:
        c += 1
    return c


def f_rebinds(t: T, a: int, b: int):
    k = a
    with Kept(ValueError) as k:
        k = k + t.half(a)
    return k + b


def f_two(t: T, a: int, b: int):
    c = 0
    with Kept(ValueError), Kept(ZeroDivisionError) as k:
        c = t.half(a) // b + k
    return c


def f_over_lines(t: T, a: int, b: int):
    c = 0
    with Kept(
        ValueError,
    ) as k:
        c = t.half(
            a
        )
    return c, k


def f_suppress(t: T, a: int, b: int):
    c = 0
    with contextlib.suppress(ValueError, ZeroDivisionError):
        for i in range(4):
            c += t.half(a + 2 * i) // (b - i)
    return c


def f_loop_in(t: T, a: int, b: int):
    s = 0.0
    with lock:
        for i in range(100):
            s += i * 0.5 + t.x
            if i == b:
                return s
    return s


def f_bare_return(t: T, a: int, b: int):
    if a == 1:
        return a
    for i in range(3):
        with Kept():
            if b > 3:
                return t.x
            if i == a:
                return
    return t.n


def f_left_from_a_loop(t: T, a: int, b: int):
    c = a
    with Kept(ValueError):
        with Kept(fails="exit" if b == 2 else None):
            for i in range(4):
                c = 0.5 + t.half(i + a)
                return b
            a += 1
