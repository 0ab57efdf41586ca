"""Scenes of what the classes of a hierarchy declare: fields and their order, defaults, options of dataclasses, constants, fields of a base's type.
base, mid and sub decorate, or not; show and tried report (scenes.py)."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import typing
from dataclasses import KW_ONLY, InitVar, field
from typing import Any, ClassVar, Optional


def facts(cls: Any) -> list[Any]:
    return [(f.name, f.init, f.repr, f.kw_only, f.compare, repr(f.default) if f.default is not dataclasses.MISSING else "-") for f in dataclasses.fields(cls)]


def order_and_defaults():
    @base
    class A:
        a: int
        b: float = 1.5
        c: str = "c"

    @mid
    class B(A):
        d: Optional[str] = None

    @sub
    class C(B):
        e: list = field(default_factory=list)

    for cls in (A, B, C):
        show(facts(cls), cls.__match_args__, str(inspect.signature(cls)), typing.get_type_hints(cls))
        tried(cls)
        tried(cls, 1)
        tried(cls, 1, 2.25, "x", "y", [5])
        tried(cls, 1, c="z")
        tried(cls, a=1, b=0.5, e=[1])
    one, two = C(1), C(1)
    show(one.e is two.e, one == two, one == one, list(vars(one)), repr(one), repr(B(1)))
    show(A.b, B.b, C.b, hasattr(C, "a"), hasattr(C, "e"), getattr(C, "d", 5))


def factories_below():
    @base
    class A:
        n: int = 1
        items: list = field(default_factory=list)

    @sub
    class B(A):
        m: int = 2

    one, two = B(), B(5)
    one.items.append(7)
    show(one, two, B(1, [3], 4))


def what_dataclasses_refuse():
    @base
    class A:
        a: int = 1

    def required():
        @sub
        class B(A):
            b: int

    def shared():
        @sub
        class C(A):
            c: list = []

    def mutable():
        @sub
        class D(A):
            d: dict = {}

    for wrong in (required, shared, mutable):
        tried(wrong)
    show(A.__subclasses__() != [], A(), A(2))


def keywords_only():
    @base
    class A:
        a: int
        _: KW_ONLY
        b: int = 2

    @mid
    class B(A):
        c: int = 3
        d: str = field(default="d", kw_only=True)

    @sub(kw_only=True)
    class C(B):
        e: float

    for cls in (A, B, C):
        show(facts(cls), str(inspect.signature(cls)), cls.__match_args__)
        for args, named in (((1,), {}), ((1, 2), {}), ((1,), {"b": 5}), ((1,), {"e": 0.5}), ((), {"a": 1, "d": "x"}), ((1, 2, 3), {"e": 1.5})):
            tried(cls, *args, **named)


def init_only_values():
    @base
    class A:
        a: int
        start: InitVar[int] = 5

        def __post_init__(self, start: int) -> None:
            self.a += start

    @mid
    class B(A):
        more: InitVar[int] = 1
        b: int = 0

        def __post_init__(self, start: int, more: int) -> None:
            super().__post_init__(start)
            self.b = more

    @sub
    class C(B):
        c: int = field(init=False, default=9)

    for cls in (A, B, C):
        show(str(inspect.signature(cls)), facts(cls))
        tried(cls, 1)
        tried(cls, 1, 2)
        tried(cls, 1, 2, 3, 4)
        tried(cls, 1, more=7)
        tried(cls, 1, c=5)
    tried(lambda: dataclasses.replace(C(1), a=2))
    tried(lambda: dataclasses.replace(C(1), a=2, start=1, more=2))
    tried(lambda: dataclasses.replace(C(1), c=2))


def frozen_mixes():
    @base(frozen=True)
    class A:
        a: int = 1

    def thawed():
        @sub
        class B(A):
            b: int = 2

    tried(thawed)

    @base
    class Open:
        a: int = 1

    def freezing():
        @sub(frozen=True)
        class C(Open):
            c: int = 2

    tried(freezing)


def frozen_above_frozen():
    @base(frozen=True)
    class A:
        a: int = 1

        def set(self, k: int) -> None:
            self.a = k

    @sub(frozen=True)
    class D(A):
        d: float = 0.5
        words: tuple = ()

        def set_d(self, x: float) -> None:
            self.d = x

    for one in (A(), D(), D(2, 1.5, ("x",))):
        for name in ("a", "d", "words", "new"):
            tried(setattr, one, name, 5)
            tried(delattr, one, name)
        tried(one.set, 4)
        show(one)
    tried(D().set_d, 2.0)
    show(dataclasses.replace(D(), a=9))


def frozen_with_equality():
    @base(frozen=True, eq=True)
    class A:
        a: int = 1

    @mid(frozen=True, eq=True)
    class B(A):
        b: str = "b"

    @sub(frozen=True, eq=True, order=True)
    class C(B):
        c: float = 1.5

    made = [A(), A(), A(2), B(), B(1, "b"), B(2), C(), C(c=2.5), C(2)]
    show([[one == other for other in made] for one in made])
    show([hash(one) == hash(other) for one in made for other in made], len(set(made)))
    show({one: i for i, one in enumerate(made)}[A()], B() in made, C(7) in made)
    tried(lambda: sorted(made))
    show(sorted(made[6:], reverse=True), max(made[6:]))
    tried(lambda: made[0] < made[1])


def equality_of_base_and_subclass():
    @base(eq=True)
    class A:
        a: int = 1

    @sub(eq=True)
    class B(A):
        b: int = 2

    class C(A):
        pass

    a, b, c = A(), B(), C()
    for one in (a, b, c, A(2), B(1, 3)):
        show([(one == other, one != other) for other in (a, b, c, A(2), B(1, 3), 1, None)])
        tried(hash, one)
    show(a.__eq__(b), b.__eq__(a), a.__eq__(c), c.__eq__(C()), b.__eq__(5), A.__hash__, B.__hash__)


def order_of_base_and_subclass():
    @base(eq=True, order=True)
    class A:
        a: int = 1

    @sub(eq=True, order=True)
    class B(A):
        b: int = 2

    for one in (A(), B()):
        for other in (A(2), B(2), B(1, 1), 3):
            tried(lambda: one < other)
            tried(lambda: one >= other)
    show(sorted([B(2), B(1, 5), B(1, 4)]))


def without_generated_members():
    @base(init=False, repr=False)
    class A:
        a: int = 1

        def __init__(self, k: int) -> None:
            self.a = k * 2

        def __repr__(self) -> str:
            return f"<A {self.a}>"

    @mid(repr=False)
    class B(A):
        b: int = 2

    @sub(init=False, repr=False)
    class C(A):
        c: int = 3

    show(A(1), B(1), B(1, 5), C(4), repr(A(3)), repr(B(4)), repr(C(5)))
    for cls in (A, B, C):
        tried(cls)
        tried(cls, 1, 2, 3)
        show(str(inspect.signature(cls)), cls.__match_args__)


def own_init_above_a_generated_one():
    @base
    class A:
        a: int
        b: float = 0.5

    @mid
    class B(A):
        def __init__(self, text: str) -> None:
            super().__init__(len(text), 1.25)
            self.text = text

    @sub
    class C(B):
        c: int = 4

    @sub
    class D(B):
        def __init__(self) -> None:
            super().__init__("four")
            A.__init__(self, 9)

    for cls in (A, B, C, D):
        show(str(inspect.signature(cls)))
        tried(cls)
        tried(cls, 1, 2.5)
    tried(B, "abc")
    show(A(1), C(2, 1.5), sorted(vars(B("xy")).items()), repr(B("xy")), repr(D()))


def fields_without_annotations():
    @base
    class A:
        def __init__(self, n: int, x: float) -> None:
            self.n = n
            self.x = x
            self.items = []

        def sum(self) -> float:
            return self.n + self.x + len(self.items)

    @mid
    class B(A):
        def __init__(self, n: int) -> None:
            super().__init__(n, 0.5)
            self.m = n * 2
            self.items.append("b")

        def sum(self) -> float:
            return super().sum() * self.m

        def later(self) -> int:
            self.late = self.m + 1
            return self.late

    @sub
    class C(B):
        def change(self) -> None:
            self.n = self.m = 1
            self.x = 2.5
            self.items = None

    for one in (A(1, 1.5), B(2), C(3)):
        show(one, one.sum())
    one = C(4)
    tried(lambda: one.late)
    show(one.later(), one.late, one)
    one.change()
    show(one, sorted(vars(one)))
    tried(one.sum)


def field_shadows_method_and_method_shadows_field():
    @base
    class A:
        n: int = 1
        size: int = 2

        def value(self) -> int:
            return self.n

        def ask(self) -> object:
            return self.value() if callable(self.value) else self.value

        def ask_size(self) -> object:
            return self.size() if callable(self.size) else self.size

    @sub
    class B(A):
        value: int = 50

    @sub
    class C(A):
        def set(self) -> None:
            self.value = 60

    for cls in (A, B, C):
        one = cls()
        show(one, one.ask(), one.ask_size())
    tried(lambda: B(1, 2, 3).value())
    tried(lambda: B(1, 2, 3).value)
    one = C()
    one.set()
    tried(lambda: one.value)
    tried(one.ask)


def defaults_given_by_the_subclass():
    @base
    class A:
        n: int = 1
        x: float = 0.5
        name: str = "a"
        other: Optional[A] = None

        def all(self) -> object:
            return self.n, self.x, self.name, self.other

    @mid
    class B(A):
        n: int = 10
        name: str = "b"

    @sub
    class C(B):
        x: float = 9.5
        n: int = 100

    for cls in (A, B, C):
        show(cls(), cls().all(), cls(5).all(), cls(x=1.25).all(), cls.n, cls.x, cls.name)
    C.n = 1000
    show(C().n, C.n, B.n, B().all())


def constants_given_by_the_subclass_for_fields():
    @base
    class A:
        n: int = 1
        x: float = 0.5
        name: str = "a"
        next: Optional[A] = None

        def get(self) -> object:
            return self.n, self.x, self.name, self.next

        def change(self) -> None:
            self.n += 1
            self.x *= 2.0

    class B(A):
        n = 10
        name = "b"

    class C(B):
        next = 5
        x = None

    for cls in (A, B, C):
        one = cls(3, 1.5, "c", A(4))
        show(cls().get(), one, one.get(), cls.n, cls.name, cls.next)
        one.change()
        show(one, one.get(), copy.copy(one), copy.deepcopy(one).get(), A.get(one))
        del one.n
        tried(lambda: one.n)
        tried(lambda: delattr(one, "n"))
        show(one)
        one.n = 2
        show(one, one.get())


def defaults_given_later():
    @base
    class A:
        n: int = 1

    class B(A):
        pass

    one = B(5)
    B.n = 7
    show(one.n, one, B(6).n)


def properties_and_methods_for_fields():
    @base
    class A:
        n: int = 1
        x: float = 0.5

        def get(self) -> object:
            return self.n, self.x

    class Counted(A):
        @property
        def n(self) -> int:
            return self.kept * 2

        @n.setter
        def n(self, value: int) -> None:
            show("n is set", value)
            self.kept = value

    class Fixed(A):
        n = property(lambda self: 4)

    class Method(A):
        def x(self) -> str:
            return "called"

    for cls in (Counted, Method):
        tried(lambda: cls(5).get())
        tried(lambda: cls(5, 2.5).get())
    with contextlib.suppress(AttributeError):
        show(Fixed(5))
    one = Counted(7)
    one.n = 8
    show(one, one.get(), one.kept)
    made = Method.__new__(Method)
    tried(lambda: made.x())
    made.x = 5
    tried(lambda: made.x)
    del made.x
    tried(lambda: made.x())


def class_variables():
    @base
    class A:
        count: ClassVar[int] = 0
        names: ClassVar[list] = []
        n: int = 1

        def __post_init__(self) -> None:
            A.count += 1
            self.names.append(type(self).__name__)

        @classmethod
        def counted(cls) -> int:
            return cls.count

    @sub
    class B(A):
        count: ClassVar[int] = 100
        m: int = 2

    made = [A(), B(), A(), B()]
    show(A.count, B.count, A.names, A.counted(), B.counted(), made, facts(B))


def unknown_attributes():
    @base
    class A:
        n: int = 1

        def set(self, k: int) -> None:
            self.loose = k

    @mid
    class B(A):
        m: str = "m"

    @sub
    class C(B):
        pass

    for cls in (A, B, C):
        one = cls()
        one.extra = [1]
        setattr(one, "with space", 2)
        one.set(5)
        show(one, one.extra, one.loose, getattr(one, "with space"))
        del one.extra, one.loose
        tried(lambda: one.extra)
        tried(lambda: delattr(one, "extra"))
        tried(lambda: one.nothing)
        tried(lambda: delattr(one, "nothing"))
        tried(lambda: cls.nothing)
        show(hasattr(one, "loose"), sorted(vars(one)), sorted(n for n in dir(one) if not n.startswith("_") and n not in ("close",)))


def python_fields_set_and_deleted():
    @base
    class A:
        s: str
        d: Any = None

        def both(self) -> object:
            return self.s, self.d

    @sub
    class B(A):
        t: list = field(default_factory=list)
        u: Optional[str] = "u"

        def all(self) -> object:
            return self.both(), self.t, self.u

    one = B("s")
    show(one, one.all())
    for name in ("s", "d", "t", "u"):
        tried(delattr, one, name)
        tried(getattr, one, name)
        tried(one.all)
        tried(delattr, one, name)
        setattr(one, name, [name])
        tried(one.all)
    show(one)
    one.s, one.d, one.t, one.u = 5, {1}, None, b"u"
    show(one, one.all())


def references_that_are_unset_and_deleted():
    @base
    class A:
        n: int
        next: Optional[A]

        def __init__(self, n: int) -> None:
            self.n = n

        def after(self) -> object:
            return self.next

    @sub
    class B(A):
        def __init__(self, n: int) -> None:
            super().__init__(n)
            self.back = None

    for cls in (A, B):
        one = cls(1)
        tried(lambda: one.next)
        tried(one.after)
        one.next = cls(2)
        tried(one.after)
        show(one, one.next.n, one.after() is one.next)
        del one.next
        tried(one.after)
        tried(lambda: delattr(one, "next"))
        one.next = None
        show(one.next, one.after())


def references_hold_subclasses():
    @base
    class A:
        n: int
        next: Optional[A] = None

        def value(self) -> int:
            return self.n

        def total(self) -> int:
            t, at = 0, self
            while at is not None:
                t = t * 10 + at.value()
                at = at.next
            return t

        def link(self, other: A) -> A:
            other.next = self
            return other

        def last(self) -> A:
            at = self
            while at.next is not None:
                at = at.next
            return at

        def grow(self, k: int) -> None:
            at = self
            while at is not None:
                at.n += k
                at = at.next

    @mid
    class B(A):
        m: int = 3

        def value(self) -> int:
            return self.n + self.m

    @sub
    class C(B):
        name: str = "c"

        def value(self) -> int:
            return super().value() + len(self.name)

        def grow(self, k: int) -> None:
            self.m += k
            super().grow(k)

    chain = A(1)
    for i, cls in enumerate((B, C, A, C, B)):
        chain = chain.link(cls(i))
        show(chain.total(), type(chain), type(chain.next), type(chain.last()))
    chain.grow(2)
    show(chain, chain.total())
    at = chain
    while at is not None:
        show(type(at), at.n, getattr(at, "m", None), getattr(at, "name", None), isinstance(at, B), at.next is at.next)
        at = at.next
    held = C(7, None, 1, "held")
    a = A(0, held)
    show(a.next is held, a.next.name, a.next.m, a.next.value(), a.total())
    a.next.name, a.next.m = "longer", 50
    held.n = 8
    show(held, a.next.value(), a.total())
    a.next = A(5)
    show(a.total(), held)
    a.next = held
    a.next.next = a
    show(a.next.next.next is held, a)
    a.next = None
    show(a, held.next is a)


def references_among_the_classes():
    @base
    class Node:
        n: int = 0
        left: Optional[Node] = None
        right: Optional[Node] = None

        def eval(self) -> int:
            return self.n

        def walk(self) -> list:
            found = [self.n]
            for child in (self.left, self.right):
                if child is not None:
                    found += child.walk()
            return found

    @mid
    class Add(Node):
        def eval(self) -> int:
            return self.left.eval() + self.right.eval()

    @mid
    class Mul(Node):
        factor: int = 1

        def eval(self) -> int:
            return self.left.eval() * self.right.eval() * self.factor

    @sub
    class Twice(Mul):
        label: str = "twice"

        def eval(self) -> int:
            return 2 * super().eval()

    tree = Add(1, Mul(2, Node(3), Node(4), 5), Twice(6, Node(7), Add(8, Node(9), Node(10))))
    show(tree.eval(), tree.walk(), tree)
    tree.right.factor = 3
    tree.left.left, tree.right.right = tree.right, Twice(1, Node(1), Node(2), 3, "new")
    show(tree.eval(), tree.walk(), tree.left.left is tree.right)
    tree.left.right = None
    tried(tree.eval)
    big = Twice(0, Node(2**40), Node(2**40), 3)
    show(big.eval(), Add(0, big, big).eval())


def subclasses_in_containers():
    @base
    class A:
        n: int = 1
        items: list[A] = ()
        table: Optional[dict] = None
        pair: tuple = ()

        def value(self) -> int:
            return self.n

        def sum(self) -> int:
            t = 0
            for item in self.items:
                t += item.value()
            return t

        def first(self, k: int) -> object:
            for i in range(len(self.items)):
                if self.items[i].value() == k:
                    return self.items[i]
            return None

        def of_table(self) -> int:
            return sum(item.value() for item in self.table.values()) + sum(a.n for a in self.pair)

    @sub
    class B(A):
        m: int = 10

        def value(self) -> int:
            return self.n * self.m

        def sum(self) -> int:
            return super().sum() + 1000

    holder = B(2, [A(1), B(2), A(3), B(4, m=7)])
    holder.items.append(holder)
    holder.table = {"a": A(5), "b": B(6)}
    holder.pair = (A(7), B(8), holder)
    show(holder.sum(), A.sum(holder), holder.of_table(), holder.first(20), holder.first(28) is holder.items[3], holder.first(1) is holder.items[0])
    show(holder, [type(item) for item in holder.items], {A: 1, B: 2}[type(holder.items[1])])
    holder.items[0] = "not one"
    tried(holder.sum)
    tried(A.sum, holder)


def a_field_of_the_subclasss_own_type():
    @base
    class A:
        n: int = 1

    @sub
    class B(A):
        twin: Optional[B] = None
        origin: Optional[A] = None

        def depth(self) -> int:
            return 1 if self.twin is None else 1 + self.twin.depth()

        def sum(self) -> int:
            return self.n + (self.origin.n if self.origin else 0) + (self.twin.sum() if self.twin else 0)

    one = B(1, B(2, B(3), A(10)), B(4, None, A(50)))
    show(one.depth(), one.sum(), one)
    one.twin = None
    one.origin = A(7)
    show(one.depth(), one.sum(), one)


def another_type_in_the_subclass():
    @base
    class A:
        n: int = 1
        name: str = "a"

        def get(self) -> object:
            return self.n, self.name

    @sub
    class B(A):
        name: bytes = b"b"

    @sub
    class C(A):
        name: Optional[list] = None

    for cls in (A, B, C):
        show(cls(), cls().get(), typing.get_type_hints(cls), facts(cls))
        one = cls(2)
        one.name = [1]
        show(one.get(), one)


def what_dataclasses_do_with_them():
    @base
    class A:
        n: int = 1
        next: Optional[A] = None

    @sub
    class B(A):
        words: list = field(default_factory=lambda: ["w"])
        hidden: int = field(default=5, repr=False, compare=False, metadata={"k": 1})

    one = B(2, A(3, B(4)))
    show(dataclasses.asdict(one), dataclasses.astuple(one), dataclasses.is_dataclass(B), [dict(f.metadata) for f in dataclasses.fields(one)])
    changed = dataclasses.replace(one, n=7)
    show(changed, changed.next is one.next, changed.words is one.words, type(changed))
    tried(lambda: dataclasses.replace(one, unknown=1))
    show(repr(one), repr(A(1, one.next)))
    match one:
        case B(n, A(k, B(m)), [word]):
            show(n, k, m, word)
    match one:
        case A(n, next, words=w):
            show(n, type(next), w)
    match A(1):
        case B():
            show("a B")
        case A(1):
            show("an A")


def dataclasses_above_and_below():
    @dataclasses.dataclass
    class Below:
        n: int = 1
        name: str = "below"

        def get(self) -> int:
            return self.n

    @base
    class A(Below):
        m: int = 2

        def get(self) -> int:
            return super().get() * 10 + self.m

    @dataclasses.dataclass
    class Above(A):
        k: int = 3

        def get(self) -> int:
            return super().get() * 10 + self.k

    for cls in (Below, A, Above):
        show(cls(), cls().get(), cls(7).get(), repr(cls(4)), facts(cls), cls(1) == cls(1), cls(1) == cls(2), str(inspect.signature(cls)))
    show(Above(1, "x", 4, 5), Below() == A(), A() == Above())


def big_numbers_in_python_fields():
    @base
    class A:
        big: Any = 0

        def add(self, k: int) -> object:
            self.big = self.big + k
            return self.big

    @sub
    class B(A):
        more: Any = 1

        def mul(self) -> object:
            self.more = self.more * self.big
            return self.more

    one = B(2**62)
    for k in (2**62, 2**63 - 1, -(2**80)):
        show(one.add(k), one.mul(), one)


def slots_above():
    @base
    class A:
        n: int = 1

        def get(self) -> int:
            return self.n

    class B(A):
        __slots__ = ("m",)

        def both(self) -> object:
            return self.n, self.m

    class C(B):
        __slots__ = ()

    for cls in (B, C):
        one = cls(3)
        tried(lambda: one.m)
        tried(one.both)
        one.m = [1]
        show(one.both(), one.get(), one.n, "m" in vars(one), isinstance(vars(B)["m"], property))
        del one.m
        tried(lambda: one.m)
        tried(lambda: delattr(one, "m"))
        one.extra = 5
        show(one.extra, one)


def changed_class_of_an_instance():
    @base
    class A:
        n: int = 1

        def name(self) -> str:
            return "A"

        def ask(self) -> str:
            return self.name() + str(self.n)

    class B(A):
        def name(self) -> str:
            return "B"

    class C(A):
        def name(self) -> str:
            return "C" + super().name()

    one = B(4)
    show(one.ask(), one)
    for cls in (C, B, C):
        one.__class__ = cls
        show(one.ask(), type(one), one.n, isinstance(one, B))
    tried(lambda: setattr(one, "__class__", int))
    tried(lambda: setattr(one, "__class__", 5))


def attributes_behind_a_mixin():
    class Mixin:
        def mixed(self) -> object:
            return sorted(vars(self))

    @base
    class A:
        n: int = 1
        s: str = "s"

    @base
    class Alone:
        n: int = 1

    class Plain(Alone):
        pass

    @mid
    class B(A):
        pass

    @sub
    class C(Mixin, B):
        pass

    class D(Mixin, Alone):
        pass

    class E(Mixin, Plain):
        pass

    for cls in (C, D, E):
        one = cls(5)
        one.extra = 2
        vars(one)["n"] = 7
        show(one, one.mixed(), one.n, copy.copy(one), copy.deepcopy(one))


def two_decorated_bases():
    @base
    class A:
        a: int = 1

        def get_a(self) -> int:
            return self.a

    @base
    class B:
        b: int = 2

        def get_b(self) -> int:
            return self.b

    @sub
    class C(A, B):
        def __init__(self) -> None:
            A.__init__(self, 3)
            B.__init__(self, 4)

    one = C()
    show(one, one.get_a(), one.get_b(), copy.copy(one))


def fields_of_two_bases():
    class X:
        x: int = 1

        def get_x(self) -> int:
            return self.x

    class Y:
        y: int = 2

        def get_y(self) -> int:
            return self.y

    @base
    class A(X):
        a: int = 3

    @sub
    class B(A, Y):
        b: int = 4

        def __init__(self, a: int, b: int, y: int) -> None:
            super().__init__(a=a)
            self.b = b
            self.y = y

    one = B(5, 6, 7)
    show(one.a, one.b, one.y, one.x, one.get_x(), one.get_y())


def copies_keep_the_fields():
    @base
    class A:
        n: int = 1
        next: Optional[A] = None

    @sub
    class B(A):
        m: float = 0.5
        items: list = field(default_factory=list)

    one = B(2, B(3), 1.5, [[1]])
    one.extra = "e"
    shallow, deep = copy.copy(one), copy.deepcopy(one)
    show(shallow, deep, shallow.next is one.next, deep.next is one.next, deep.items[0] is one.items[0], shallow.items is one.items)
    one.next = one
    deep = copy.deepcopy(one)
    show(deep.next is deep, deep)
