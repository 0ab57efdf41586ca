"""Functions that have effects (t.log) and then come to a value that compiled code has no place for: an int beyond 64 bits, an int where
other paths have a float. At every place that an expression or a statement can have."""
import math
from typing import Optional

BIG = 2**62


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None
    log: Optional["T"] = None

    def note(self, k: int) -> int:
        self.log.n = (self.log.n * 10 + k) % 1000003
        return k

    def square(self, a: int) -> int:
        self.note(1)
        return a * a

    def twice(self, a: int) -> int:
        s = self.square(a)
        self.note(2)
        return s + s

    def mixed(self, a: int):
        self.note(3)
        return max(a, self.x)

    def maybe(self, a: int):
        self.note(4)
        if a > 3:
            return 1.5
        return a

    def nothing(self, a: int):
        self.note(5)
        if a > 3:
            return 2

    def deep(self, a: int, k: int) -> int:
        self.note(1)
        if k == 0:
            return a * a
        return self.deep(a, k - 1) + k

    def pay(self, a: int, b: int) -> int:
        if a > b:
            raise Broke(self, a - b)
        self.n = self.n & 7
        return self.n + 1

    @property
    def area(self) -> int:
        self.note(6)
        return self.n * self.n

    def __add__(self, other: "T") -> int:
        self.note(7)
        return self.n * other.n

    def __neg__(self) -> int:
        self.note(8)
        return -self.n

    def __bool__(self) -> bool:
        self.note(9)
        return self.n * self.n > 0

    def __len__(self) -> int:
        self.note(1)
        return self.n

    def pick(self, other: "T", a: int) -> "T":
        self.note(2)
        if a * a > 5:
            return other
        return self


@jitclass
class Odd:
    """Special methods that give other numbers than one expects."""
    n: int
    log: T

    def __abs__(self) -> int:
        self.log.note(1)
        return -(self.n * self.n)

    def __neg__(self) -> "Odd":
        self.log.note(2)
        return Odd(self.n, self.log)

    def same(self) -> "Odd":
        self.log.note(3)
        return self

    @property
    def itself(self) -> "Odd":
        self.log.note(4)
        return self

    def share(self, other: "Odd", x: float) -> float:
        self.log.note(5)
        return self.n - other.n * x


@jitclass
class Made:
    n: int
    twice: int
    log: Optional[T] = None

    def __init__(self, t: T, n: int):
        self.log = t.log
        t.note(1)
        if n * n > 10:
            self.twice = 7
        else:
            self.twice = 3
        self.n = n


def f_binary(t: T, a: int, b: int):
    return t.note(1) + a * b + t.note(2)


def f_left(t: T, a: int, b: int):
    return a + t.note(a & 7) * (b + t.note(3)) - b


def f_nested(t: T, a: int, b: int):
    t.note(1)
    return ((a + b) * (a - b) + (a * a - b * b)) // (t.note(2) + (a - b) * (a + b) + 1)


def f_unary(t: T, a: int, b: int):
    t.note(1)
    return -a + abs(b) - ~a


def f_power(t: T, a: int, b: int):
    t.note(1)
    return a ** 3 + b ** 2 - a << 2


def f_divide(t: T, a: int, b: int):
    t.note(1)
    return a * b // t.note(2) % 1000, a * a / 3


def f_compare(t: T, a: int, b: int):
    t.note(1)
    return a * b > t.note(2), a < b * b < t.note(3) * a, a + b == b + a


def f_and_or(t: T, a: int, b: int):
    t.note(1)
    return a * b > 4 and b * b > t.note(2) or a + b > t.note(3)


def f_not(t: T, a: int, b: int):
    t.note(1)
    return not a * b > t.note(2), bool(a * a - b)


def f_choice(t: T, a: int, b: int):
    t.note(1)
    return (a * b if a > b else a + b) + (t.note(2) if a * a > b * b else t.note(3))


def f_choice_mixed(t: T, a: int, b: int):
    t.note(1)
    x = a * 2 if a > b else 0.5
    return x * 2


def f_call(t: T, a: int, b: int):
    return t.square(a) + t.square(b + t.note(2))


def f_call_twice(t: T, a: int, b: int):
    s = t.twice(a)
    return s - t.twice(b)


def f_arguments(t: T, a: int, b: int):
    t.note(1)
    return min(a * a, t.note(2), b + b), max(b, a * a), divmod(a * a, 7), pow(a, 3), round(a * b)


def f_keywords(t: T, a: int, b: int):
    t.note(1)
    return t.deep(k=t.note(2), a=a * b)


def f_deep(t: T, a: int, b: int):
    return t.deep(a, b & 7)


def f_mixed(t: T, a: int, b: int):
    return t.mixed(a) + t.mixed(b)


def f_mixed_alone(t: T, a: int, b: int):
    t.x = 2.5
    return t.mixed(a)


def f_maybe(t: T, a: int, b: int):
    m = t.maybe(a)
    return m, t.note(6), t.maybe(b)


def f_nothing(t: T, a: int, b: int):
    t.nothing(a)
    t.note(1)
    return t.nothing(b)


def f_minmax(t: T, a: int, b: int):
    t.note(1)
    return max(a, 2.5), min(b, 2.5), max(0, t.x)


def f_math(t: T, a: int, b: int):
    t.note(1)
    return math.gcd(a * b, 12), math.floor(a * a), math.comb(b & 63, 30), math.isqrt(a * a)


def f_area(t: T, a: int, b: int):
    t.n = a
    t.next.n = a
    t.next.log = t.log
    return t.area + t.next.area - b


def f_operator(t: T, a: int, b: int):
    t.n = a
    t.next.n = b
    t.note(1)
    return t + t.next, -t


def f_truth(t: T, a: int, b: int):
    t.n = a
    t.note(2)
    if t:
        return 1
    return 2


def f_length(t: T, a: int, b: int):
    t.n = a
    t.note(2)
    return len(t) + b


def f_pick(t: T, a: int, b: int):
    t.note(1)
    return t.pick(t.next, a).n + t.pick(t.next, b).n


def f_make(t: T, a: int, b: int):
    m = Made(t, a)
    return m.n, m.twice, Made(t, b).twice


def f_assign(t: T, a: int, b: int):
    t.note(1)
    s = r = a * b
    s += a * a
    r -= b
    s, r = r * 2, s * 2
    t.note(2)
    return s, r


def f_augmented(t: T, a: int, b: int):
    t.note(1)
    s = a
    s *= t.note(2) + b * b
    s += s
    return s


def f_augmented_field(t: T, a: int, b: int):
    t.note(1)
    t.n = a
    t.n += b + t.note(2)
    t.next.n -= t.square(a) - t.square(a)
    return t.n, t.next.n


def f_store(t: T, a: int, b: int):
    t.note(1)
    t.n = a * b
    t.note(2)
    return t.n


def f_while(t: T, a: int, b: int):
    s, i = a, 0
    while i < 5:
        t.note(i)
        i += 1
        if i == 2:
            continue
        s = s * a
        if i == 4:
            break
    else:
        t.note(9)
    return s, i


def f_while_else(t: T, a: int, b: int):
    s, i = a, 0
    while s * s < b * b + 1000 and i < 6:
        t.note(i)
        s += s
        i += 1
    else:
        t.note(7)
        s = s * s
    t.note(8)
    return s, i


def f_for(t: T, a: int, b: int):
    s = a
    for i in range(b & 7):
        for j in range(5, 0, -2):
            t.note(j)
            s += i * a * j
            if j == i:
                break
            if s & 1:
                continue
            s -= j
        else:
            t.note(8)
            s += a
    else:
        t.note(9)
    return s


def f_for_long(t: T, a: int, b: int):
    s = 0
    for i in range(3000):
        t.log.n = i
        s += a
    return s, i


def f_for_calls(t: T, a: int, b: int):
    s = 0
    for i in range(20):
        s += t.square(a + i) & 0xFFFF
    return s


def f_while_calls(t: T, a: int, b: int):
    i = 0
    while t.square(a + i) < t.square(b) and i < 4:
        i += 1
    return i


def f_unbound(t: T, a: int, b: int):
    t.note(1)
    if b > 2:
        c = a * a
    if a > 2:
        d = b
    t.note(2)
    if b > 2:
        return c * c + a
    if a > 2:
        return d * a
    return a * a * a


def f_walrus(t: T, a: int, b: int):
    t.note(1)
    return a + (a := a * b) + (s := a + 1) * t.note(2) + s


def f_none(t: T, a: int, b: int):
    u = None
    t.note(1)
    if a > b:
        u = t.next
    s = a * b
    if u is None:
        return s
    return s + u.n


def f_tuple(t: T, a: int, b: int):
    t.note(1)
    p = a, (b, 0.5)
    q = a * a, p
    t.note(2)
    return q, p[1][0] * b, p


def f_objects(t: T, a: int, b: int):
    u = T(a)
    u.log = t.log
    v = T(b, 1.5, u)
    t.next = v
    s = a * a * b
    u.note(3)
    v.n = b + 1
    return s, v.next.n, t.next.n, u.n


def f_raise(t: T, a: int, b: int):
    t.note(1)
    if a * b > 10:
        raise ValueError(f"too large: {a * b:,} of {a!r}", a)
    raise KeyError(a + b)


def f_assert(t: T, a: int, b: int):
    t.note(1)
    assert a * b < t.note(2) * 100, f"{a} * {b}: {a * b}"
    assert a + b, a
    return a


def f_fails_after(t: T, a: int, b: int):
    t.note(1)
    s = a * a
    t.note(2)
    return s // (b * 0)


def f_fails_in_callee(t: T, a: int, b: int):
    t.note(1)
    s = t.twice(a) - t.twice(b)
    return t.next.next.n + s


def f_global(t: T, a: int, b: int):
    t.note(1)
    return BIG + a * b + BIG, BIG * a


def f_return_types(t: T, a: int, b: int):
    t.note(1)
    if a > b:
        return 1.5
    if a == b:
        return a
    if b > 100:
        return True


def f_many(t: T, a: int, b: int):
    t.note(1)
    c, d, e, f, g, h = a + 1, a + 2, a + 3, a + 4, a + 5, a + 6
    i, j, k, l, m, n = c * 2, d * 2, e * 2, f * 2, g * 2, h * 2
    t.note(2)
    o = c * d
    p = e * f
    return c, d, e, f, g, h, i, j, k, l, m, n, o, p


class Broke(Exception):
    def __init__(self, who: T, missing: int):
        super().__init__(f"{missing} missing")
        self.missing = missing


def f_raise_own(t: T, a: int, b: int):
    if a > b:
        raise Broke(t, a - b)
    return t.note(1)


def f_raise_own_behind(t: T, a: int, b: int):
    t.note(1)
    s = 0
    for i in range(b & 7):
        s += a
        if s > 100:
            raise Broke(t, s + t.note(2))
    return s


def f_raise_in_callee(t: T, a: int, b: int):
    s = 0
    while s < 10:
        s += t.pay(a, b) + 1
    return s


def f_raise_from(t: T, a: int, b: int):
    t.note(1)
    if a > b:
        raise KeyError(a) from None
    if a == b:
        raise ValueError("same: " + str(a)) from KeyError(a * a)
    return 1.5


def f_raise_again(t: T, a: int, b: int):
    if a > b:
        raise
    if a < 0:
        raise ValueError("a", [a, b])
    return a


def f_raise_only(t: T, a: int, b: int):
    raise Broke(t, a)


def f_raise_unbound(t: T, a: int, b: int):
    if a > 2:
        c = b * 2
    if b > 2:
        raise Broke(t, c)
    return a


def f_abs(t: T, a: int, b: int):
    t.note(1)
    o = Odd(a, t)
    return abs(o), abs(o.same()) + b, abs(o.itself), abs(-o), b - abs(abs(-o.itself))


def f_mixed_choices(t: T, a: int, b: int):
    t.note(1)
    c = ((1 and a) or t.x) + 1
    d = ((1 and a) if t.n else (t.x and b)) + 1
    e = 3 if ((a or t.x) if b else t.x) else 4
    return c, d, e, not ((a and t.x) or b)


def f_mixed_beside_objects(t: T, a: int, b: int):
    t.note(1)
    return Odd(a, t).share(Odd(b, t), max(0, t.x - a)) + t.pick(T(a, max(0, t.x * b), None, t.log), 1).n
