"""Methods of all kinds, decorators, defaults, formats, ranges and counters, for test_semantics_calls.py."""

import math, functools
from typing import Optional

def twice(f):
    def wrapper(self, x):
        return 2 * f(self, x)
    return wrapper

def wrapped(f):
    @functools.wraps(f)
    def wrapper(self, x):
        return 3 * f(self, x)
    return wrapper

class Mixin:
    __slots__ = ()

    def __eq__(self, o):
        return True
    def __hash__(self):
        return 1
    def __bool__(self):
        return False
    def mix(self):
        return 5

class Sized:
    __slots__ = ()

    def __len__(self):
        return 0

@jitclass
class A(Mixin):
    x: int = 0
    o: Optional["A"] = None
    def same(self, b: "A") -> bool:
        return self == b
    def differ(self, b: "A") -> bool:
        return self != b
    def truth(self, b: "A") -> int:
        return 1 if b else 2
    def truth2(self) -> int:
        if self.o:
            return 1
        return 2
    def truth3(self) -> bool:
        return not self
    def walk(self) -> int:
        return self.mix()

@jitclass
class L(Sized):
    x: int = 0
    def truth(self, b: "L") -> int:
        return 1 if b else 2

@jitclass
class N2:
    x: int = 0
    o: Optional["N2"] = None
    def __ne__(self, o):
        return True
    def opt(self) -> bool:
        return self.o != self.o
    def opt2(self) -> bool:
        return self.o == None

@jitclass
class N:
    x: int = 0
    def __ne__(self, o):
        return self.x < o.x
    def differ(self, b: "N") -> bool:
        return self != b
    def same(self, b: "N") -> bool:
        return self == b

@jitclass
class D:
    x: int = 1
    @twice
    def a(self, x):
        return x + self.x
    @wrapped
    def b(self, x):
        return x + self.x
    @functools.lru_cache
    def c(self, x):
        return x + self.x
    def use(self, x: int) -> int:
        return self.a(x)
    def use_b(self, x: int) -> int:
        return self.b(x)
    def use_c(self, x: int) -> int:
        return self.c(x)
    def gen(self):
        yield 1
    def use_gen(self) -> int:
        self.gen()
        return 1
    lam = lambda self, x: x * 2
    def use_lam(self, x: int) -> int:
        return self.lam(x)
    def kwonly(self, a, *, b=3, c) -> int:
        return a * 100 + b * 10 + c
    def posonly(self, a, b=2, /, c=3) -> int:
        return a * 100 + b * 10 + c
    def use_kw(self, x: int) -> int:
        return self.kwonly(x, c=x + 1) + self.posonly(x) + self.posonly(1, x, c=x)
    def many(self, a: int, b: float = 1.5, c: bool = True):
        return a, b, c
    def anyarg(self, a):
        return a + a
    def boolarg(self, a: int):
        return a
    def ann(self, a: float):
        return a * 2
    def default_none(self, a=None):
        return a is None
    def default_list(self, a=[]):
        return 1
    def default_big(self, a: int = 2**70):
        return a
    def use_big(self):
        return self.default_big()
    def mangled(self):
        return self.__secret(3)
    def __secret(self, x):
        return x * 7

def shadow_abs(a: int):
    abs = a + 1
    return abs

def shadow_call(a: int, max: int):
    return max + min(a, 3)

def globaldecl(a: int):
    global LATE
    LATE = a
    return a

def closure_maker(k):
    def inner(x):
        return x * k
    return inner

def deep_default(a, b=3, *, c=4.5, d=True):
    return a, b, c, d

def rec_default(n, acc=0):
    if n == 0:
        return acc
    return rec_default(n - 1, acc + n)

def assertion(x: int):
    assert x > 0, f"x={x}"
    return x

def debug_flag():
    return 1 if __debug__ else 2

def fmt(x: int, y: float, b: bool):
    raise ValueError(f"{x:05d}|{x:+}|{x:x}|{x!r:>6}|{y:.3f}|{y!r}|{y:e}|{y}|{b}|{b:d}|{b!s:>6}|{x=}|{y = }|{x:,}|{{}}")

def fmt_bad(x: int):
    raise ValueError(f"{x:zz}")

def fmt_none(x: int):
    n = None
    raise ValueError(f"{n!r:>6}|{n}")

def fmt_none_bad(x: int):
    n = None
    raise ValueError(f"{n:>6}")

def fmt_nested(x: int, w: int):
    raise ValueError(f"{x:{w}}")

def raise_kinds(k: int):
    if k == 0:
        raise ValueError
    if k == 1:
        raise KeyError("a", 1, 2.5, True, None)
    if k == 2:
        raise OSError(2, "gone")
    if k == 3:
        raise StopIteration(5)
    if k == 4:
        raise ArithmeticError(-k, not k)
    if k == 5:
        raise ZeroDivisionError("x" "y")
    if k == 6:
        raise UnicodeDecodeError("a")
    if k == 7:
        raise IndexError((1, 2))
    if k == 8:
        raise AssertionError(f"a{k}" f"b{k}")
    return k

def only_raises(k: int):
    raise TypeError("always", k)

def calls_only_raises(k: int):
    if k > 0:
        x = only_raises(k)
        return x
    return 1

def unreachable(k: int):
    return k
    return 1.5

def chain_walrus(k: int):
    return 0 < (a := k + 1) < 10 and a

def cond_nested(a: int, b: int):
    return (a if a > b else b) if a > 0 else (-a if b > 0 else -b)

def loop_mod(n: int):
    s = 0
    for i in range(n):
        i += 5
        s += i
        if s > 100:
            break
    return s, i

def loop_nested(n: int):
    c = 0
    for i in range(n):
        for j in range(i, n):
            if (i + j) % 3 == 0:
                continue
            if j > 7:
                break
            c += 1
        else:
            c += 100
        k = 0
        while k < i:
            k += 1
            if k == 4:
                break
        else:
            c += 1000
    else:
        c += 10000
    return c, k

def rng(a: int, b: int, c: int):
    s = 0
    k = -1
    for i in range(a, b, c):
        s += 1
        k = i
        if s > 5:
            break
    else:
        return s, k, True
    return s, k, False

def rng_change(n: int):
    s = 0
    for i in range(n):
        n = 0
        s += 1
    return s, n

def counter_far(n: int, start: int):
    c = start
    for i in range(n):
        c += 1
        for j in range(3):
            c += 2
    return c

def counter_down(n: int, start: int):
    c = start
    while n > 0:
        n -= 1
        c -= 3
    return c

def bools(a: bool, b: bool):
    return a + b, a * 2, a & b, a | b, -a, a / True, a // True, a ** b, a << 2, a == 1, a < b, ~(a + 0)

def tuples(a: int, b: float):
    t = (a, (b, a > 0), None)
    x, (y, z), w = t
    return t, z, y, x, w

def swap3(a: int, b: int, c: int):
    a, b, c = c, a, b
    (a, b), c = (b, c), a
    return a, b, c

def aug_all(a: int, b: int):
    a += b; a -= 1; a *= 3; a //= 2; a %= 1000; a **= 2; a <<= 2; a >>= 1; a |= 5; a &= 0xffff; a ^= 3
    return a

def aug_div(a: int, b: int):
    a /= b
    return a

def while_true(n: int):
    i = 0
    while True:
        i += 1
        if i * i > n:
            return i

def while_one(n: int):
    while 1:
        n -= 1
        if n < 0:
            break
    return n

def try_int(x: float):
    return int(x), round(x), math.floor(x), math.ceil(x), math.trunc(x)

def rnd(x: float, n: int):
    return round(x, n)
