"""Calls that never return, for test_corners.py."""
import math
from typing import Optional


@jitclass
class Never:
    n: int = 0

    def __bool__(self) -> bool:
        raise KeyError(1)

    def __add__(self, other: "Never") -> int:
        raise KeyError(2)

    def __lt__(self, other: "Never") -> bool:
        raise KeyError(3)

    def __eq__(self, other: "Never") -> bool:
        raise KeyError(4)

    def __neg__(self) -> int:
        raise KeyError(5)

    def __abs__(self) -> int:
        raise KeyError(6)

    def __len__(self) -> int:
        raise KeyError(7)

    @property
    def prop(self) -> int:
        raise KeyError(8)

    @prop.setter
    def prop(self, v: int) -> None:
        raise KeyError(9)


@jitclass
class Ball:
    n: int = 0
    x: float = 0.0
    flag: bool = False
    next: Optional["Ball"] = None
    never: Optional[Never] = None

    def fail(self) -> int:
        self.n += 1
        raise ValueError(self.n)

    def fail_bool(self) -> bool:
        raise ValueError(self.n)

    def m_and(self, a: int) -> int:
        x = a > 0 and self.fail() and a > 5
        return 5 if x else 6

    def m_and_last(self, a: int) -> int:
        x = a > 0 and self.fail_bool()
        self.n += 5
        return 5 if x else 6

    def m_or(self, a: int) -> int:
        x = a > 0 or self.fail_bool() or a > -3
        return 5 if x else 6

    def m_if_and(self, a: int) -> int:
        if a > 0 and self.fail():
            return 1
        self.n += 5
        return 2

    def m_if_or(self, a: int) -> int:
        if a > 0 or self.fail():
            self.n += 7
        return 2

    def m_ifexp_test(self, a: int) -> int:
        return 1 if a > 0 and self.fail() else 2

    def m_ifexp_body(self, a: int) -> int:
        x = self.fail() if a > 0 else 2
        return x + 1

    def m_chain(self, a: int) -> bool:
        x = 0 < a < self.fail()
        self.n += 5
        return x

    def m_chain_last(self, a: int) -> int:
        if 0 < a < 5 < self.fail():
            return 1
        return 2

    def m_chain_first(self, a: int) -> int:
        if self.fail() < a < 5:
            return 1
        return 2

    def m_while(self, a: int) -> int:
        while a > 0 and (a > 2 or self.fail()):
            a -= 1
        return a

    def m_while_else(self, a: int) -> int:
        while a > 0 or self.fail():
            a -= 1
        else:
            return 3

    def m_assert(self, a: int) -> int:
        assert a > 0 or self.fail()
        return a

    def m_assert_message(self, a: int) -> int:
        assert a > 0, self.fail()
        return a

    def m_not(self, a: int) -> bool:
        return not (a > 0 and self.fail())

    def m_bool(self, a: int) -> bool:
        return bool(a > 0 and self.fail())

    def m_call_arg(self, a: int) -> int:
        return self.two(a, self.fail() if a > 0 else 3)

    def two(self, a: int, b: int) -> int:
        return a + b

    def m_tuple(self, a: int) -> int:
        x, y = a, self.fail() if a else 3
        return x + y

    def m_named(self, a: int) -> int:
        if a > 0 and (b := self.fail()):
            return b
        return a

    def m_add(self, a: int) -> int:
        v = Never()
        self.n = a
        return v + v

    def m_less(self, a: int) -> bool:
        v = Never()
        self.n = a
        return v < v

    def m_equal(self, a: int) -> bool:
        v = Never()
        self.n = a
        return a > 0 and v == v

    def m_chain_object(self, a: int) -> bool:
        v = Never()
        self.n = a
        return v is not None is not v < v

    def m_neg(self, a: int) -> int:
        v = Never()
        self.n = a
        return -v

    def m_neg_branch(self, a: int) -> int:
        v = Never()
        self.n = a
        return -v if a > 0 else 4

    def m_abs(self, a: int) -> int:
        v = Never()
        self.n = a
        return abs(v) if a > 0 else 4

    def m_len(self, a: int) -> int:
        v = Never()
        self.n = a
        return len(v) if a > 0 else 4

    def m_truth(self, a: int) -> int:
        v = Never()
        self.n = a
        if v:
            return 1
        return 2

    def m_truth_and(self, a: int) -> int:
        v = Never()
        self.n = a
        if a > 0 and v:
            return 1
        return 2

    def m_truth_not(self, a: int) -> int:
        v = Never()
        self.n = a
        return 1 if a > 0 and not v else 3

    def m_prop(self, a: int) -> int:
        v = Never()
        self.n = a
        return v.prop if a > 0 else 3

    def m_prop_store(self, a: int) -> int:
        v = Never()
        self.n = a
        if a > 0:
            v.prop = 5
        return 3

    def m_aug(self, a: int) -> int:
        v = Never()
        self.n = a
        if a > 0:
            v += v
        return 3

    def m_loop(self, a: int) -> int:
        for i in range(3):
            if i == a:
                self.fail()
            self.n += 1
        return self.n

    def m_loop_range(self, a: int) -> int:
        for i in range(self.fail() if a > 0 else 3):
            self.n += 1
        return self.n

    def m_discarded(self, a: int) -> int:
        a > 0 and self.fail()
        a > 0 or self.n
        return self.n

    def m_both(self, a: int) -> int:
        if a > 0:
            self.fail()
        else:
            self.fail_bool()

    def m_nested(self, a: int) -> int:
        return (a > 2 and (a > 3 or self.fail()) and a < 7) + 1

    def m_or_value(self, a: int) -> int:
        return a or self.fail()

    def m_and_value(self, a: int) -> int:
        return a and self.fail()

    def m_raise_arg(self, a: int) -> int:
        if a > 0:
            raise KeyError(self.fail())
        return 1

    def m_setter_value(self, a: int) -> int:
        if a > 0:
            self.x = self.fail()
        return 1

    def m_minmax(self, a: int) -> int:
        return min(a, self.fail() if a > 0 else 3)

    def m_divmod(self, a: int) -> int:
        if a > 0:
            x, y = divmod(a, self.fail())
        return 1

    def m_arg(self, a: int) -> int:
        return self.two(a, self.fail())

    def m_arg_first(self, a: int) -> int:
        return self.two(self.fail(), a) if a > 0 else 3

    def m_arg_keyword(self, a: int) -> int:
        return self.two(b=a, a=self.fail()) if a > 0 else 3

    def m_arg_none(self, a: int) -> int:
        self.n = a
        return self.next.two(a, self.fail())

    def m_new_arg(self, a: int) -> int:
        self.n = a
        return Ball(self.fail(), 2.0).n if a > 0 else 4

    def m_store_of(self, a: int) -> int:
        self.n = a
        if a > 0:
            self.fail_ball().n = 5
        return 4

    def m_aug_of(self, a: int) -> int:
        self.n = a
        if a > 0:
            self.fail_ball().n += 5
        return 4

    def fail_ball(self) -> "Ball":
        raise ValueError(12)

    def m_aug_prop(self, a: int) -> int:
        v = Never()
        self.n = a
        if a > 0:
            v.prop += 1
        return 4

    def m_aug_value(self, a: int) -> int:
        if a > 0:
            self.n += self.fail()
        return 4

    def m_sum(self, a: int) -> float:
        return math.fsum([1.0, self.fail()]) if a > 0 else 2.0

    def m_math(self, a: int) -> float:
        return math.hypot(a, self.fail()) if a > 0 else 2.0

    def m_pow(self, a: int) -> float:
        return a ** self.fail() if a > 0 else 2

    def m_neg_value(self, a: int) -> int:
        return -self.fail() if a > 0 else 2

    def m_sub(self, a: int) -> int:
        return (a, self.fail())[0] if a > 0 else 2

    def m_attribute(self, a: int) -> int:
        return self.fail_ball().n if a > 0 else 2

    def m_method_of(self, a: int) -> int:
        return self.fail_ball().two(a, a) if a > 0 else 2

    def m_not_truth(self, a: int) -> bool:
        v = Never()
        return not v if a > 0 else False

    def m_bool_truth(self, a: int) -> bool:
        v = Never()
        return bool(v) if a > 0 else False

    def m_self_and(self, a: int) -> int:
        self.n = a
        return 3 if self and self.fail() else 2

    def m_not_self_and(self, a: int) -> bool:
        self.n = a
        return not (self and self.fail())

    def m_value_self_and(self, a: int) -> int:
        self.n = a
        return (self and self.fail() and 5) if a > 0 else 2

    def m_for_prop(self, a: int) -> int:
        v = Never()
        self.n = a
        for v.prop in range(a):
            self.n += 1
        else:
            self.n += 7
        return self.n

    def m_recursive_and(self, a: int) -> bool:
        return a <= 0 or self.m_recursive_and(a - 1)

    def m_recursive_chain(self, a: int) -> bool:
        return 0 <= a and -1 < self.down(a) < 1

    def down(self, a: int) -> int:
        if a > 0 and self.down(a - 1) == 0:
            return 0
        return 0

    def m_chain_mid(self, a: int) -> bool:
        self.n = a
        return -5 < a < 3 < self.fail() < 9

    def m_chain_walrus(self, a: int) -> int:
        if 0 < (b := a + 1) < self.fail() < 5:
            return b
        return b * 2
