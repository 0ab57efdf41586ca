"""Scenes of calls between the classes of a hierarchy: super(), overriding, the order of resolution, names, exceptions, changes made later.
base, mid and sub decorate, or not; show and tried report (scenes.py)."""

from __future__ import annotations

import functools
import types
from typing import Optional
from unittest import mock


def methods_and_fields_of_three():
    @base
    class A:
        n: int
        x: float = 0.5

        def get(self) -> int:
            return self.n

        def total(self) -> float:
            return self.n + self.x

    @mid
    class B(A):
        m: int = 2

        def both(self) -> int:
            return self.get() + self.m

    @sub
    class C(B):
        k: int = 3

        def all(self) -> float:
            return self.both() * self.total() + self.k

    for made in (A(1), A(1, 2.5), B(1), B(1, 2.5, 7), C(1), C(1, 2.5, 7, 9), C(n=4, k=1), B(m=1, n=2)):
        show(made, made.get(), made.total())
        if isinstance(made, B):
            show(made.both())
        if isinstance(made, C):
            show(made.all())
            made.n, made.m, made.k, made.x = 10, 20, 30, 1.25
            show(made.all(), made)
    for args in ((), (1, 2.0, 3), (1, 2.0, 3, 4, 5)):
        for cls in (A, B, C):
            tried(lambda: cls(*args))
    tried(lambda: C(1, z=2))
    tried(lambda: C(1, n=2))
    tried(lambda: A(1).both())
    tried(lambda: B(1).all())


def overriding_by_type():
    @base
    class A:
        n: int = 1

        def value(self) -> int:
            return self.n

        def twice(self) -> int:
            return self.value() * 2

        def of(self, other: A) -> int:
            return other.value() + other.twice()

    @mid
    class B(A):
        def value(self) -> int:
            return self.n + 1000

    @sub
    class C(B):
        def twice(self) -> int:
            return self.value() * 3 + super().twice()

    made = [A(2), B(3), C(4), A(5)]
    for _ in range(3):
        for one in made:
            for other in made:
                show(one.value(), one.twice(), one.of(other))
    show(A.value(made[2]), A.twice(made[2]), B.twice(made[2]), A.of(made[1], made[2]))


def super_in_every_kind_of_method():
    @base
    class A:
        n: int = 5

        def plus(self, k: int) -> int:
            return self.n + k

        @property
        def p(self) -> int:
            return self.n * 10

        @p.setter
        def p(self, value: int) -> None:
            self.n = value

        @classmethod
        def made(cls, n: int) -> A:
            return cls(n)

        @staticmethod
        def square(n: int) -> int:
            return n * n

        def __len__(self) -> int:
            return self.n

        def __add__(self, other: int) -> int:
            return self.n + other

        def __call__(self, k: int) -> int:
            return self.n * k

    @mid
    class B(A):
        def plus(self, k: int) -> int:
            return super().plus(k) * 2

        @property
        def p(self) -> int:
            return super().p + 1

        @p.setter
        def p(self, value: int) -> None:
            A.p.fset(self, value + 1)

        @classmethod
        def made(cls, n: int) -> B:
            return super().made(n + 100)

        @staticmethod
        def square(n: int) -> int:
            return A.square(n) + 1

        def __len__(self) -> int:
            return super().__len__() + 1

        def __add__(self, other: int) -> int:
            return super().__add__(other) * 10

    @sub
    class C(B):
        def plus(self, k: int) -> int:
            return super(C, self).plus(k) + super(B, self).plus(k)

        @property
        def p(self) -> int:
            return super(C, self).p + super(B, self).p

        @classmethod
        def made(cls, n: int) -> C:
            return super(C, cls).made(n + 1000)

        def __call__(self, k: int) -> int:
            return super().__call__(k) + super(C, self).__len__()

    for cls in (A, B, C):
        one = cls()
        show(cls, one.plus(3), one.p, cls.made(1), one.made(2), cls.square(4), one.square(5), len(one), one + 7, one(2), bool(one))
        tried(setattr, one, "p", 6)
        show(one)
        tried(delattr, one, "p")
    one = C(9)
    show(super(C, one).plus(1), super(B, one).plus(1), super(B, one).p, super(C, C).made(3))
    tried(lambda: super(B, A(1)).plus(1))
    tried(lambda: super(A, one).plus(1))


def constructors_by_hand():
    @base
    class A:
        def __init__(self, n: int, x: float = 1.5) -> None:
            self.n = n
            self.x = x

        def sum(self) -> float:
            return self.n + self.x

    @mid
    class B(A):
        def __init__(self, n: int, name: str) -> None:
            super().__init__(n + 1)
            self.name = name

    @sub
    class C(B):
        def __init__(self, *args, **named) -> None:
            show("before", args, named)
            B.__init__(self, *args, **named)
            self.last = self.sum()

    @sub
    class NoCall(A):
        def __init__(self) -> None:
            self.other = 1

    for cls, args in ((A, (1,)), (A, (1, 2.5)), (B, (1, "b")), (C, (1, "c"))):
        one = cls(*args)
        show(one, one.sum())
    for cls in (A, B, C):
        tried(lambda: cls())
        tried(lambda: cls(1, 2, 3))
        tried(lambda: cls(1, nom="x"))
    show(NoCall().other, B(1, "b").name, C(2, name="x").last)
    again = B(1, "b")
    again.__init__(5, "again")
    show(again, again.sum())
    A.__init__(again, 7)
    show(again, again.sum())


def post_init_through_the_classes():
    @base
    class A:
        n: int
        log: list = None

        def __post_init__(self) -> None:
            self.log = ["A"]
            self.n += 1

    @mid
    class B(A):
        m: int = 3

        def __post_init__(self) -> None:
            super().__post_init__()
            self.log.append("B")
            self.m += self.n

    @sub
    class C(B):
        k: int = 1

        def __post_init__(self) -> None:
            super(C, self).__post_init__()
            A.__post_init__(self)
            self.log += ["C"]

    for cls in (A, B, C):
        show(cls(1), cls(n=5))


def template_methods():
    @base
    class Shape:
        name: str = "?"

        def area(self) -> float:
            raise NotImplementedError

        def scale(self) -> float:
            return 1.0

        def weight(self, density: float) -> float:
            return self.area() * density * self.scale()

        def describe(self) -> str:
            return f"{self.name}: {self.weight(2.0)}"

    @mid
    class Square(Shape):
        side: float = 2.0

        def area(self) -> float:
            return self.side * self.side

    @sub
    class Big(Square):
        def scale(self) -> float:
            return super().scale() * 10.0

    @sub
    class Circle(Shape):
        def __init__(self, r: float) -> None:
            super().__init__("circle")
            self.r = r

        def area(self) -> float:
            return 3.0 * self.r**2

    for shape in (Square("s"), Big("b", 3.0), Circle(1.5), Square()):
        show(shape, shape.area(), shape.weight(0.5), shape.describe())
    tried(lambda: Shape().weight(1.0))
    tried(lambda: Shape("x").describe())
    show(sum(s.weight(1.0) for s in [Square("s"), Circle(2.0), Big("b")]))


def mixins_before_and_behind():
    class Loud:
        def say(self) -> str:
            return super().say().upper() + "!"

        def extra(self) -> int:
            return self.n * 7

    class Quiet:
        def say(self) -> str:
            return "quiet"

        def only_quiet(self) -> int:
            return self.n

    @base
    class A:
        n: int = 1

        def say(self) -> str:
            return f"a{self.n}"

    @sub
    class Before(Loud, A):
        m: int = 2

        def sum(self) -> int:
            return self.n + self.m + self.extra()

    @sub
    class Behind(A, Quiet):
        m: int = 2

    @sub
    class Both(Loud, A, Quiet):
        def say(self) -> str:
            return "<" + super().say() + ">"

    for cls in (A, Before, Behind, Both):
        one = cls(4)
        show(cls.__mro__, one.say(), one, isinstance(one, Loud), isinstance(one, Quiet))
        tried(lambda: one.extra())
        tried(lambda: one.only_quiet())
    show(Before(1, 2).sum())


def mixins_below_the_base():
    class Named:
        def label(self) -> str:
            return f"{type(self).__name__}:{self.key()}"

    @base
    class A(Named):
        n: int = 1

        def key(self) -> int:
            return self.n

    @sub
    class B(A):
        m: int = 2

        def key(self) -> int:
            return super().key() * 100 + self.m

        def label(self) -> str:
            return super().label() + "."

    for one in (A(), A(3), B(), B(4, 5)):
        show(one.label(), Named.label(one), one)


def diamonds():
    calls = []

    @base
    class Top:
        n: int = 1

        def go(self) -> int:
            calls.append("Top")
            return self.n

        def who(self) -> str:
            return "Top"

    @mid
    class Left(Top):
        l: int = 2

        def go(self) -> int:
            calls.append("Left")
            return super().go() + self.l

    @mid
    class Right(Top):
        r: int = 3

        def go(self) -> int:
            calls.append("Right")
            return super().go() + self.r

        def who(self) -> str:
            return "Right" + super().who()

    @sub
    class Bottom(Left, Right):
        b: int = 4

        def go(self) -> int:
            calls.append("Bottom")
            return super().go() + self.b

        def who(self) -> str:
            return "Bottom" + super().who()

    for cls in (Top, Left, Right, Bottom):
        show(cls.__mro__, cls(), cls().go(), cls().who(), calls)
        calls.clear()
    one = Bottom(10, 20, 30, 40)
    show(one, one.go(), Left.go(one), Right.go(one), Top.go(one), calls)

    def order():
        class Impossible(Top, Left):
            pass

    tried(order)


def initialisers_of_a_diamond():
    @base
    class Top:
        def __init__(self, **named) -> None:
            show("Top", named)
            self.top = 1

    @mid
    class Left(Top):
        def __init__(self, l: int = 0, **named) -> None:
            show("Left", l, named)
            super().__init__(**named)
            self.l = l

    @mid
    class Right(Top):
        def __init__(self, r: int = 0, **named) -> None:
            show("Right", r, named)
            super().__init__(**named)
            self.r = r

    @sub
    class Bottom(Left, Right):
        def __init__(self, b: int, **named) -> None:
            super().__init__(**named)
            self.b = b

    show(Bottom(1, l=2, r=3), Left(l=1), Right(r=2), Top())
    tried(lambda: Bottom(1, q=2))
    tried(lambda: Bottom())


def private_names():
    @base
    class A:
        __n: int = 1

        def __secret(self) -> str:
            return "A's"

        def tell(self) -> str:
            return self.__secret() + str(self.__n)

        def set_a(self, n: int) -> None:
            self.__n = n

    @mid
    class B(A):
        __n: int = 2

        def __secret(self) -> str:
            return "B's"

        def tell_b(self) -> str:
            return self.__secret() + str(self.__n) + self.tell()

        def reach(self) -> str:
            return self._A__secret() + str(self._A__n)

    @sub
    class _B(B):
        def __init__(self) -> None:
            super().__init__()
            self.__n = 7

        def tell_c(self) -> int:
            return self.__n

    one = B()
    show(one, one.tell(), one.tell_b(), one.reach())
    one.set_a(5)
    show(one, one.tell(), one.tell_b(), one.reach())
    show(B(3, 4), A(9).tell(), hasattr(one, "__n"), hasattr(one, "_A__n"))
    tried(lambda: one.__secret())
    below = _B()
    show(below, below.tell(), below.tell_b(), below.tell_c())


def same_names_in_unrelated_classes():
    @base
    class A:
        n: int = 1

        def value(self) -> int:
            return self.n

    @base
    class Other:
        x: float = 2.5

        def value(self) -> float:
            return self.x

    @sub
    class B(A):
        def value(self) -> int:
            return self.n * 2

    @sub
    class OtherB(Other):
        def value(self) -> float:
            return super().value() * 4.0

    @jit
    def ask(a) -> float:
        return a.value() * 2

    for _ in range(2):
        for one in (A(), Other(), B(3), OtherB(1.5)):
            show(one.value(), ask(one))
    tried(lambda: A.value(Other()))
    tried(lambda: Other.value(B()))


def functions_that_take_a_base():
    @base
    class A:
        n: int = 1
        next: Optional[A] = None

        def value(self) -> int:
            return self.n

    @mid
    class B(A):
        m: int = 5

        def value(self) -> int:
            return self.n * 100 + self.m

    @sub
    class C(B):
        pass

    @jit
    def ask(a: A, k: int) -> int:
        return a.value() * k + a.n

    @jit
    def walk(a: A) -> int:
        t = 0
        while a is not None:
            t = t * 10 + a.value()
            a = a.next
        return t

    @jit
    def change(a: A) -> A:
        a.n += 1
        return a

    made = [A(2), B(3), C(4, None, 6)]
    for one in made * 2:
        show(ask(one, 3), walk(one), change(one) is one, one)
    chain = A(1, B(2, C(3, A(4))))
    show(walk(chain), chain)
    tried(ask, 5, 1)
    tried(ask, None, 1)
    tried(walk, object())


def recursion_between_the_classes():
    @base
    class A:
        n: int = 0

        def down(self, k: int) -> int:
            if k <= 0:
                return self.n
            return self.up(k - 1) + 1

        def up(self, k: int) -> int:
            return self.down(k) if k else 0

    @sub
    class B(A):
        count: int = 0

        def up(self, k: int) -> int:
            self.count += 1
            if k % 3 == 0:
                return super().up(k) * 2
            return self.down(k - 1) + k

    for cls in (A, B):
        for k in (0, 1, 2, 5, 12, 60):
            one = cls(3)
            show(one.down(k), one.up(k), one)


def endless_recursion():
    @base
    class A:
        n: int = 0

        def go(self, k: int) -> int:
            return self.back(k + 1)

        def back(self, k: int) -> int:
            return k

    @sub
    class B(A):
        def back(self, k: int) -> int:
            return self.go(k)

    show(A().go(1))
    for _ in range(2):
        try:
            B().go(1)
        except RecursionError as error:
            show(type(error), str(error)[:32])


def tracebacks_through_the_classes():
    @base
    class A:
        n: int = 1

        def divide(self, by: int) -> int:
            return self.n // by

        def go(self, by: int) -> int:
            k = self.step(by)
            return k + 1

        def step(self, by: int) -> int:
            return self.divide(by)

        def fail(self) -> None:
            raise ValueError(f"of {type(self).__name__}")

    @mid
    class B(A):
        def step(self, by: int) -> int:
            if by > 5:
                raise KeyError(by)
            return super().step(by) + 1

    @sub
    class C(B):
        def divide(self, by: int) -> int:
            try:
                return super().divide(by)
            except ZeroDivisionError as error:
                raise LookupError("by nothing") from error

        def fail(self) -> None:
            try:
                super().fail()
            finally:
                self.n = 99

    for cls in (A, B, C):
        one = cls(7)
        for by in (2, 0, 6):
            tried(one.go, by)
            tried(cls.go, one, by)
        tried(one.fail)
        show(one)
        tried(lambda: one.unknown)
        tried(lambda: one.unknown())
        tried(lambda: one.go())
        tried(lambda: one.go(1, 2))
        tried(lambda: one.go("x"))
        tried(lambda: cls.go())


def methods_set_later():
    @base
    class A:
        n: int = 1

        def value(self) -> int:
            return self.n

        def twice(self) -> int:
            return self.value() * 2

    @mid
    class B(A):
        def value(self) -> int:
            return super().value() + 10

    @sub
    class C(B):
        k: int = 2

        def all(self) -> int:
            return self.twice() + self.k

    made = A(), B(), C()

    def look() -> None:
        show([(one.value(), one.twice()) for one in made], made[2].all())

    look()
    C.value = lambda self: 5
    look()
    B.twice = lambda self: self.value() * 3
    look()
    old = A.value
    A.value = lambda self: 1000 + old(self)
    look()
    del C.value
    look()
    del B.twice
    look()
    made[2].value = lambda: -1
    look()
    made[1].twice = types.MethodType(lambda self: self.n - 50, made[1])
    look()
    del made[2].value
    look()
    B.fresh = lambda self: self.n + 0.5
    show(made[1].fresh(), made[2].fresh())
    tried(lambda: made[0].fresh())
    A.value = old
    look()
    tried(lambda: delattr(C, "value"))


def patched_methods():
    @base
    class A:
        n: int = 1
        LIMIT = 5

        def value(self) -> int:
            return self.n + self.LIMIT

        def twice(self) -> int:
            return self.value() * 2

    @sub
    class B(A):
        def value(self) -> int:
            return super().value() * 10

    a, b = A(), B(2)

    def look() -> None:
        show(a.value(), a.twice(), b.value(), b.twice())

    look()
    for target in (A, B, a, b):
        with mock.patch.object(target, "value", lambda *args: 7):
            look()
        look()
        with mock.patch.object(target, "LIMIT", 50):
            look()
        look()
        with mock.patch.object(target, "twice", return_value=3) as patched:
            look()
            show(patched.call_count)
        look()


def patched_with_a_specification():
    @base
    class A:
        n: int = 1

        def value(self) -> int:
            return self.n

    @sub
    class B(A):
        pass

    a, b = A(), B(2)
    show(a.value(), b.value())
    with mock.patch.object(A, "value", autospec=True, side_effect=lambda self: self.n + 5) as patched:
        show(a.value(), b.value())
        show([type(call.args[0]).__name__ for call in patched.call_args_list])
    show(a.value(), b.value())


def constants_of_classes():
    @base
    class A:
        STEP = 2
        NAME = "a"
        n: int = 1

        def go(self) -> int:
            return self.n * self.STEP

        def name(self) -> str:
            return self.NAME

        @classmethod
        def step(cls) -> int:
            return cls.STEP

    @mid
    class B(A):
        STEP = 3

        def direct(self) -> int:
            return A.STEP + B.STEP

    @sub
    class C(B):
        NAME = "c"
        STEP = 2.5

    made = A(), B(), C()

    def look() -> None:
        show([(one.go(), one.name(), one.step(), type(one).STEP) for one in made], made[1].direct(), made[2].direct())

    look()
    A.STEP = 20
    look()
    B.STEP = 30
    look()
    del C.STEP
    look()
    del B.STEP
    look()
    made[2].STEP = 7
    look()
    C.NAME = 5
    look()


def properties_overridden_by_halves():
    @base
    class A:
        n: int = 1

        @property
        def p(self) -> int:
            "the p of A"
            return self.n

        @p.setter
        def p(self, value: int) -> None:
            self.n = value

        @p.deleter
        def p(self) -> None:
            self.n = -1

        def use(self) -> int:
            self.p += 1
            return self.p

    @mid
    class B(A):
        @A.p.getter
        def p(self) -> int:
            return self.n * 10

    @sub
    class C(B):
        @property
        def p(self) -> int:
            return 5

    @sub
    class D(B):
        p = 3

    @sub
    class E(A):
        def p(self) -> int:
            return 4

    for cls in (A, B, C, D, E):
        one = cls(2)
        tried(lambda: one.p)
        tried(lambda: one.use())
        tried(lambda: setattr(one, "p", 8))
        show(one.n)
        tried(lambda: delattr(one, "p"))
        show(one.n, one)
    show(A.p.__doc__, isinstance(C.__dict__["p"], property))


def documents_of_properties():
    @base
    class A:
        @property
        def p(self) -> int:
            "the p of A"
            return 1

    @sub
    class B(A):
        @A.p.getter
        def p(self) -> int:
            return 2

    @sub
    class C(A):
        @A.p.getter
        def p(self) -> int:
            "the p of C"
            return 3

    show([(cls().p, cls.p.__doc__) for cls in (A, B, C)])


def kinds_of_methods_changed_by_overriding():
    @base
    class A:
        n: int = 1

        def f(self) -> int:
            return 1

        @staticmethod
        def g() -> int:
            return 2

        @classmethod
        def h(cls) -> str:
            return cls.__name__

        @property
        def p(self) -> int:
            return 4

        def use(self) -> object:
            return self.g(), self.h()

    @sub
    class B(A):
        @property
        def f(self) -> int:
            return 10

        def g(self) -> int:
            return self.n + 20

        @staticmethod
        def h() -> str:
            return "thirty"

        p = 40

    for one in (A(), B()):
        tried(lambda: one.f())
        tried(lambda: one.f)
        tried(lambda: one.g())
        tried(lambda: one.h())
        tried(lambda: one.p)
        tried(lambda: one.use())
    tried(lambda: B.g())
    tried(lambda: A.g())


def operators_and_their_order():
    calls = []

    @base
    class A:
        n: int = 1

        def __add__(self, other: object) -> str:
            calls.append("A+")
            return "A+"

        def __radd__(self, other: object) -> str:
            return "+A"

        def __lt__(self, other: object) -> bool:
            return "A<"

        def __gt__(self, other: object) -> bool:
            return "A>"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, A) and self.n == other.n

        def __hash__(self) -> int:
            return hash(self.n)

        def __bool__(self) -> bool:
            return self.n > 0

    @sub
    class B(A):
        def __radd__(self, other: object) -> str:
            return "+B"

        def __gt__(self, other: object) -> str:
            return "B>"

    @sub
    class C(A):
        def __eq__(self, other: object) -> bool:
            return True

    a, b, c = A(), B(), C(5)
    show(a + a, a + b, b + a, b + b, 1 + a, 1 + b, a + 1, calls)
    show(a < b, b < a, a > b, b > a, a < a)
    show(a == b, a == c, c == a, a != c, c != 1, hash(a) == hash(b), bool(A(0)), bool(B(0)), len({a, b}))
    tried(hash, c)
    show(C.__hash__, B.__hash__ is A.__hash__)
    tried(lambda: a - b)
    tried(lambda: a + [])
    tried(lambda: -b)


def special_methods_inherited():
    @base
    class Bag:
        items: list = None

        def __len__(self) -> int:
            return len(self.items or [])

        def __getitem__(self, i: int) -> object:
            return self.items[i]

        def __iter__(self):
            return iter(self.items)

        def __contains__(self, item: object) -> bool:
            return item in self.items

        def __enter__(self):
            return self

        def __exit__(self, *what: object) -> bool:
            show("exit", what[0])
            return True

        def __str__(self) -> str:
            return "bag of " + ",".join(map(str, self.items))

    @sub
    class Odd(Bag):
        def __getitem__(self, i: int) -> object:
            return super().__getitem__(i) * 2

        def __iter__(self):
            for item in super().__iter__():
                yield item + 1

        def __missing__(self) -> None:
            pass

    for cls in (Bag, Odd):
        one = cls([1, 2, 3])
        show(len(one), one[1], list(one), 2 in one, str(one), f"{one}", [*one], max(one), list(reversed(one)))
        tried(lambda: one[7])
        with one as inside:
            show(inside is one)
            raise KeyError("swallowed")


def generators_and_closures_over_super():
    @base
    class A:
        n: int = 3

        def count(self):
            for i in range(self.n):
                yield i

        def maker(self):
            return lambda k: self.n + k

    @sub
    class B(A):
        def count(self):
            yield -1
            yield from super().count()

        def maker(self):
            outer = super().maker()
            return lambda k: outer(k) * 2

        def here(self) -> object:
            return __class__

        def listed(self) -> list:
            return [f(1) for f in (super().maker(), self.maker())]

    for cls in (A, B):
        show(list(cls().count()), cls(5).maker()(1))
    show(B().here(), B().listed())


def decorated_methods():
    def logged(function):
        @functools.wraps(function)
        def call(*args):
            show("call", function.__name__, len(args))
            return function(*args)

        return call

    @base
    class A:
        n: int = 2

        @logged
        def value(self) -> int:
            return self.n

        @functools.cached_property
        def slow(self) -> int:
            show("slow")
            return self.n * 100

        def use(self) -> int:
            return self.value() + self.slow

    @sub
    class B(A):
        @logged
        def value(self) -> int:
            return super().value() + 1

        @functools.lru_cache
        def kept(self) -> int:
            show("kept")
            return self.value()

    for cls in (A, B):
        one = cls()
        show(one.use(), one.use(), one)
    one = B()
    show(one.kept(), one.kept())


def methods_bound_and_kept():
    @base
    class A:
        n: int = 1

        def get(self, k: int = 0) -> int:
            return self.n + k

        @classmethod
        def name(cls) -> str:
            return cls.__name__

    @sub
    class B(A):
        def get(self, k: int = 100) -> int:
            return super().get(k)

    a, b = A(3), B(4)
    kept = [a.get, b.get, A.get.__get__(b), functools.partial(A.get, b), super(B, b).get, B.name, b.name]
    show([f() for f in kept], [f(2) for f in kept[:5]])
    a.n, b.n = 30, 40
    show([f() for f in kept], b.get.__self__ is b, b.get == b.get, b.get == a.get, b.get.__func__ is B.get)
    show(B.get.__qualname__, A.get.__qualname__, B.get.__name__, b.get.__name__, B.name.__self__)
    show(list(map(A.get, [a, b])), sorted([b, a], key=A.get)[0] is a)


def arguments_of_overridden_methods():
    @base
    class A:
        n: int = 1

        def f(self, a: int, b: int = 2, *, c: int = 3) -> int:
            return self.n + a * 100 + b * 10 + c

        def call(self) -> int:
            return self.f(1, c=5)

    @sub
    class B(A):
        def f(self, a: int = 7, b: int = 8, d: int = 9, *, c: int = 4) -> int:
            return super().f(a, b, c=c) * 10 + d

    @sub
    class C(A):
        def f(self, *args: int, **named: int) -> object:
            return args, named

    @sub
    class D(A):
        def f(self) -> int:
            return 0

    for cls in (A, B, C, D):
        one = cls()
        for args, named in (((), {}), ((1,), {}), ((1, 2), {"c": 6}), ((1, 2, 3), {}), ((1,), {"d": 5}), ((), {"a": 4, "b": 5}), ((1,), {"a": 2})):
            tried(one.f, *args, **named)
        tried(one.call)


def one_method_with_many_types_of_self():
    @base
    class A:
        n: int = 1

        def key(self) -> int:
            return self.n

        def run(self, k: int) -> int:
            t = 0
            for i in range(k):
                t += self.key() * i
            return t

    made = [A(2)]
    for i in range(12):

        @sub
        class B(A):
            k: int = i

            def key(self) -> int:
                return self.n + self.k

        made += [B(3), B(3, 5)]
    show([one.run(7) for one in made], [one.run(3) for one in reversed(made)])


def effects_before_an_exception_in_a_subclass():
    @base
    class A:
        n: int = 0
        log: list = None

        def go(self, k: int) -> int:
            self.n += 1
            got = self.hook(k)
            self.n += 10
            return got

        def hook(self, k: int) -> int:
            return k

    @sub
    class B(A):
        m: int = 0

        def hook(self, k: int) -> int:
            self.m += 1
            if k > 2:
                raise OverflowError("too much")
            if k == 2:
                return "text"
            return super().hook(k) << 70 if k == 1 else k

    for cls in (A, B):
        one = cls()
        for k in (0, 1, 2, 3, 0):
            tried(one.go, k)
            show(one)
