"""Corners of classes, for test_corners.py."""

import math
from typing import Optional

LIMIT = 10
COUNT = 0


def helper(k: int) -> int:
    return k * 2 + LIMIT


def abs(k: int) -> int:
    return k + 1000


min = max


@jitclass
class Ball:
    n: int = 0
    x: float = 0.0
    flag: bool = False
    next: Optional["Ball"] = None
    __hidden: int = 5

    SIZE = 3
    RATE = 2.5
    NAME = "ball"
    ON = True
    NOTHING = None

    def m_shadowed(self, k: int) -> int:
        return abs(k) * 10 + min(k, 3)

    def m_param_shadow(self, abs: int, len: int) -> int:
        max = abs + len
        return max

    def m_local_shadow(self, k: int) -> int:
        int = k
        float = int * 2
        return float + int

    def m_field_name(self, n: int) -> int:
        self.n = n
        n = 5
        return self.n + n

    def m_mangled(self, __k: int) -> int:
        __local = __k + self.__hidden
        self.__hidden = __local
        return self.__secret(__local)

    def __secret(self, k: int) -> int:
        return k + 1

    def m_class_attrs(self) -> float:
        return self.SIZE + Ball.SIZE * 2 + self.RATE + Ball.RATE + (1 if self.ON else 0) + (1 if Ball.NOTHING is None else 9)

    def m_twice(self) -> int:
        return 1

    def m_twice(self) -> int:
        return 2

    @property
    def bumped(self) -> int:
        self.n += 1
        return self.n

    @property
    def half(self) -> float:
        return self.x / 2

    @half.setter
    def half(self, v: float) -> None:
        self.n += 100
        self.x = v * 2

    @staticmethod
    def stat(a: int, b: int = 7) -> int:
        return a * 10 + b

    @classmethod
    def made(cls, a: int, b: float = 1.5) -> "Ball":
        return cls(a, b)

    def bump(self) -> int:
        self.n = self.n * 10 + 1
        return self.n

    def note(self, k: int) -> int:
        self.n = self.n * 10 + k
        return k

    def fail(self, k: int) -> int:
        self.n += 1
        if k > 2:
            raise ValueError(k)
        return k

    def m_aug_prop(self) -> int:
        self.n += self.bumped
        return self.n

    def m_aug_call(self) -> int:
        self.n += self.bump()
        self.n -= self.note(3)
        return self.n

    def m_aug_of_call(self) -> int:
        self.me().n += self.note(4)
        return self.n

    def me(self) -> "Ball":
        self.x += 1.0
        return self

    def m_prop_twice(self) -> int:
        return self.bumped * 100 + self.bumped

    def m_setter(self, v: float) -> float:
        self.half = v
        self.half = self.half + 1
        return self.half

    def m_setter_tuple(self, v: float) -> float:
        self.half, self.n = v, 3
        self.n, self.half = 4, v + 1
        return self.half + self.n

    def m_static(self, k: int) -> int:
        return self.stat(k) + Ball.stat(k, 1) + Ball.stat(b=k, a=2) + self.stat(b=1, a=k)

    def m_class(self, k: int) -> float:
        return self.made(k).x + Ball.made(k, 2.0).n + Ball.made(b=0.5, a=k).x

    def m_store_fail(self, k: int) -> int:
        self.n, self.x = self.note(k), float(self.fail(k))
        return self.n

    def m_store_fail_other(self, k: int) -> int:
        other = Ball(5)
        self.next = other
        other.n, self.n = k, other.n // (k - 1)
        other.x, other.flag, self.x = 1.5, True, 1.0 / k
        return other.n

    def m_overflow_other(self, k: int) -> int:
        other = Ball(5)
        self.next = other
        other.n = k
        return other.n

    def m_is(self) -> int:
        a = Ball(1)
        b = a
        c = Ball(1)
        self.next = a
        return (a is b) + (a is c) * 10 + (a is not c) * 100 + (self.next is a) * 1000 + (a == b) * 10000 + (a == c) * 100000 + (a != c) * 1000000 + (a is None) * 7

    def m_chain_is(self) -> bool:
        a = self
        return a is self is not None

    def m_truth(self) -> int:
        return (1 if self.next else 2) + (10 if not self.next else 20) + (100 if self else 200)

    def m_or_object(self) -> int:
        a = self.next or self
        b = self.next and self
        return a.n + (0 if b is None else b.n)

    def m_none_attr(self, k: int) -> int:
        self.note(k)
        return self.next.n

    def m_none_call(self, k: int) -> int:
        self.note(1)
        return self.next.note(self.note(k))

    def m_none_store(self, k: int) -> int:
        self.next.n = self.note(k)
        return k

    def m_none_aug(self, k: int) -> int:
        self.next.n += self.note(k)
        return k

    def m_loop_fields(self, k: int) -> int:
        for i in range(k):
            self.n += i
            if self.n > 12:
                break
        else:
            self.n = -self.n
        return self.n

    def m_loop_bound(self, k: int) -> int:
        self.n = k
        for i in range(self.n):
            self.n -= 1
        return self.n

    def m_while_prop(self, k: int) -> int:
        while self.bumped < k:
            if self.n % 3 == 0:
                continue
            self.x += 1
        else:
            self.x -= 0.5
        return self.n

    def m_self_alias(self, k: int) -> int:
        me = self
        me.n = k
        self.n += 1
        return me.n

    def m_self_rebound(self, k: int) -> int:
        self.n = k
        self = Ball(k + 1)
        self.n += 5
        return self.n

    def m_list(self, k: int) -> int:
        head = None
        for i in range(k):
            head = Ball(i, next=head)
        t = 0
        while head is not None:
            t = t * 3 + head.n
            head = head.next
        return t

    def m_list2(self, k: int) -> int:
        head = self
        for i in range(k):
            head.next = Ball(i)
            head = head.next
        t, p = 0, self.next
        while p:
            t = t * 3 + p.n
            p = p.next
        self.next = None
        return t

    def m_walrus_node(self, k: int) -> int:
        self.next = Ball(k, next=Ball(k + 1))
        p = self
        t = 0
        while (q := p.next) is not None:
            t += q.n
            p = q
        return t

    def m_helper(self, k: int) -> int:
        return helper(k) + helper(k=self.note(2))

    def m_default(self, k: int = LIMIT, x: float = -0.0, flag: bool = True, other=None):
        return k, x, flag, other is None

    def m_assert(self, k: int) -> int:
        assert k < 5, f"k = {k}, n = {self.note(k)}"
        return k

    def m_raise(self, k: int) -> int:
        self.n = k
        if k > 1:
            raise IndexError(self.note(3), f"{self.x:.1f}")
        return 0

    def m_return_other(self, k: int):
        if k > 3:
            return self
        if k > 2:
            return None
        return self.next

    def m_recursive(self, k: int) -> int:
        if k <= 0:
            return 0
        self.n += 1
        return k + self.m_recursive(k - 1)

    def m_mutual(self, k: int) -> int:
        return Pair(k, self).down(k)

    def m_tuple_refs(self, k: int) -> int:
        a, b = Ball(1), Ball(2)
        a, b = b, a
        t = (a, b, k)
        c, d, e = t
        return c.n * 100 + d.n * 10 + e + t[0].n

    def m_floats(self, x: float) -> float:
        self.x = x
        self.x += 0.1
        self.x *= self.x
        self.x //= 0.3
        return self.x

    def m_bool_field(self, k: int) -> bool:
        self.flag = k > 2
        self.flag = not self.flag and self.flag or k == 1
        return self.flag

    def m_bool_aug(self, k: int) -> bool:
        self.flag |= k > 2
        self.flag &= k < 5
        self.flag ^= True
        return self.flag

    def m_big_store(self, k: int) -> int:
        self.n = k
        self.n = k * k
        return self.n

    def m_big_aug(self, k: int) -> int:
        self.x = 1.0
        self.n += k
        self.n *= k
        return self.n

    def m_named(self, k: int) -> int:
        return (y := self.note(k)) + y + self.note(y + 1)

    def m_compare_calls(self, k: int) -> bool:
        return self.note(1) < self.note(k) < self.note(3)

    def m_condition_calls(self, k: int) -> int:
        if self.note(k) > 2 and self.note(4) or not self.note(0):
            return self.note(5)
        elif self.note(6) > 3:
            return self.n
        return -1

    def m_min_calls(self, k: int) -> int:
        return min(self.note(k), self.note(3), self.note(1))

    def m_args(self, k: int) -> int:
        return self.three(self.note(1), c=self.note(2), b=self.note(k))

    def three(self, a: int, b: int, c: int = 9) -> int:
        return a * 100 + b * 10 + c

    def m_init_again(self, k: int) -> int:
        p = Pair(k, self)
        p.__init__(k + 1, None)
        return p.a

    def m_del_like(self, k: int) -> int:
        x = Ball(k)
        x = None
        return k

    def m_math(self, x: float) -> float:
        return math.floor(x) + math.pi + math.hypot(x, 1.0)

    def m_str_default(self, k: int) -> int:
        raise TypeError(self.NAME) if k else KeyError("x")

    def m_nested_if(self, k: int) -> int:
        if k > 0:
            if k > 2:
                v = 1
            elif k > 1:
                v = 2
            else:
                raise ValueError
        else:
            v = 3
        return v

    def m_unbound(self, k: int) -> int:
        if k > 2:
            v = k
        w = v + 1
        return w

    def m_other_of_self(self, k: int) -> int:
        return self.twin(self, k)

    def twin(self, other: "Ball", k: int) -> int:
        self.n = k
        other.n += 1
        return self.n * 10 + other.n

    def m_ternary_objects(self, k: int) -> int:
        b = self if k > 2 else Ball(77)
        b.n += 1
        return b.n

    def m_optional_flow(self, k: int) -> int:
        p = self.next
        if k > 2:
            p = Ball(k)
        if p is None:
            return -1
        return p.n

    def m_optional_else(self, k: int) -> int:
        p = self.next if k > 2 else Ball(4)
        if p is not None and p.n > 3:
            return p.n
        return 0


@jitclass
class Pair:
    a: int
    ball: Optional[Ball]
    extra: int = 42

    def __init__(self, a: int, ball: Optional[Ball] = None):
        self.a = a
        self.ball = ball

    def down(self, k: int) -> int:
        if self.ball is None:
            return self.extra
        if k <= 0:
            return self.ball.n + self.extra
        return self.ball.m_mutual(k - 1) + self.a


@jitclass
class Vec:
    x: float
    y: float = 0.0
    count: int = 0

    def __bool__(self) -> bool:
        self.count += 1
        return self.x != 0.0

    def __eq__(self, other: "Vec") -> bool:
        return self.x == other.x

    def __lt__(self, other: "Vec") -> bool:
        self.count += 10
        return self.x < other.x

    def __add__(self, other: "Vec") -> "Vec":
        return Vec(self.x + other.x, self.y + other.y)

    def __radd__(self, other: float) -> "Vec":
        return Vec(other, self.y)

    def __mul__(self, k: float) -> "Vec":
        return Vec(self.x * k, self.y * k)

    def __neg__(self) -> "Vec":
        return Vec(-self.x, -self.y)

    def __len__(self) -> int:
        return 5

    def __abs__(self) -> float:
        return math.hypot(self.x, self.y)

    def m_ops(self, k: float) -> float:
        v = -(self + self * k) + Vec(1.0, 2.0)
        w = 3.0 + v
        v += w
        return v.x * 100 + v.y + abs(3)

    def m_truth(self, k: float) -> int:
        v = Vec(k)
        a = 1 if v else 2
        b = 3 if not v else 4
        c = 5 if v and self else 6
        return a * 100 + b * 10 + c + v.count * 1000

    def m_compare(self, k: float) -> int:
        v = Vec(k)
        return (self == v) + (self != v) * 10 + (self < v) * 100 + (v < self) * 1000 + (self > v) * 10000 + v.count * 100000

    def m_chain(self, k: float) -> bool:
        v = Vec(k)
        return self < v < Vec(9.0)

    def m_is(self, k: float) -> bool:
        v = self
        return v is self and v == self

    def m_len(self, k: float) -> int:
        return len(self) + len(Vec(k))


@jitclass
class Long:
    n: int

    def __len__(self) -> int:
        return self.n

    def m_truth(self, k: int) -> int:
        other = Long(k)
        if other:
            return 1
        return 2 if not self else 3

    def m_len(self, k: int) -> int:
        return len(Long(k))
