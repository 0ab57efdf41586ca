"""Expressions over several lines, for the lines in tracebacks."""
import math
from typing import Optional


@jitclass
class T:
    n: int = 0
    next: Optional["T"] = None

    @property
    def bad(self) -> int:
        return (
            1 //
            self.n
        )

    @bad.setter
    def bad(self, v: int) -> None:
        self.n = (v
                  // 0)

    def fail(self, a: int, b: int) -> int:
        if a > b:
            raise ValueError(
                a,
                b,
            )
        return a

    def __add__(self, other: "T") -> "T":
        raise KeyError(
            1)

    def __lt__(self, other: "T") -> bool:
        raise KeyError(2)


def f_div(t: T, a: int, b: int):
    t.n += 1
    return (a +
            (a
             // b) +
            1)

def f_div2(t: T, a: int, b: int):
    t.n += 1
    x = (
        a
        %
        b
    )
    return x

def f_call(t: T, a: int, b: int):
    t.n += 1
    return a + t.fail(
        a,
        b
    )

def f_keyword(t: T, a: int, b: int):
    t.n += 1
    return (
        t
        .fail(a,
              b=b)
    )

def f_call2(t: T, a: int, b: int):
    t.n += 1
    return (
        t
        .fail(a,
              b)
    )

def f_prop(t: T, a: int, b: int):
    t.next = T(0)
    return (a +
            t.next
            .bad)

def f_prop_store(t: T, a: int, b: int):
    t.next = T(0)
    (t
     .next
     .bad) = (a +
              1)

def f_none(t: T, a: int, b: int):
    t.n += 1
    return (a
            + t
            .next
            .n)

def f_none_call(t: T, a: int, b: int):
    t.n += 1
    return (a
            + t
            .next
            .fail(
                a, b))

def f_none_store(t: T, a: int, b: int):
    t.n += 1
    (t
     .next
     .n) = (a +
            1)

def f_math(t: T, a: int, b: int):
    t.n += 1
    return (
        math
        .sqrt(
            -1.0 *
            a - 1
        )
    )

def f_assert(t: T, a: int, b: int):
    t.n += 1
    assert a > b, (
        a
    )
    return a

def f_raise(t: T, a: int, b: int):
    t.n += 1
    raise \
        ValueError(
            a
        )

def f_if(t: T, a: int, b: int):
    t.n += 1
    if (a and
            a // b):
        return 1
    elif (
        a %
        b
    ):
        return 2
    return 3

def f_loop(t: T, a: int, b: int):
    t.n += 1
    for i in range(
        0,
        5,
        b
    ):
        a += 1
    return a

def f_while(t: T, a: int, b: int):
    t.n += 1
    while (
        a
        // b
    ):
        break
    return a

def f_special(t: T, a: int, b: int):
    t.n += 1
    u = (t
         +
         t)
    return a

def f_special2(t: T, a: int, b: int):
    t.n += 1
    return (0 < a
            and t
            < t)

def f_chain(t: T, a: int, b: int):
    t.n += 1
    return (0 <= a
            <= a // b
            < 5)

def f_tuple(t: T, a: int, b: int):
    t.n += 1
    return (
        a,
        a // b,
    )

def f_unpack(t: T, a: int, b: int):
    t.n += 1
    t.n, \
        t.next.n = a, \
        a // (b + 1)
    return a

def f_aug(t: T, a: int, b: int):
    t.n += 1
    a //= (
        b
    )
    t.n \
        //= \
        b
    return a

def f_ternary(t: T, a: int, b: int):
    t.n += 1
    return (
        a // b
        if a
        else
        b // a
    )

def f_minmax(t: T, a: int, b: int):
    t.n += 1
    return min(
        a,
        a // b,
    )

def f_int(t: T, a: int, b: int):
    t.n += 1
    return int(
        math.inf * (a + 1)
    )

def f_divmod(t: T, a: int, b: int):
    t.n += 1
    return divmod(
        a,
        b
    )

def f_new(t: T, a: int, b: int):
    t.n += 1
    return T(
        a
        // b
    ).n

def f_recursive(t: T, a: int, b: int):
    t.n += 1
    if a > 3:
        return a // b
    return f_recursive(
        t,
        a + 1,
        b)
