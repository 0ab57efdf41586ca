"""Scenes of the classes of a hierarchy as objects, and of the life of their instances: types and lookups, abstract classes, protocols and generics,
hooks of the class statement, pickles, weak references, finalisers, threads. base, mid and sub decorate, or not; show and tried report (scenes.py)."""

from __future__ import annotations

import abc
import copy
import gc
import inspect
import pickle
import threading
import typing
import weakref
from typing import Any, Generic, Optional, Protocol, TypeVar

T = TypeVar("T")


@base
class Kept:
    n: int = 1
    next: Optional[Kept] = None

    def value(self) -> int:
        return self.n


@mid
class KeptAbove(Kept):
    m: int = 2
    words: tuple = ()

    def value(self) -> int:
        return super().value() * 10 + self.m


@sub
class KeptOnTop(KeptAbove):
    def __init__(self, text: str) -> None:
        super().__init__(len(text), None, 5, (text,))
        self.text = text


class Reduced(Kept):
    def __reduce__(self) -> Any:
        return Reduced, (self.n * 2,)


class Stated(Kept):
    def __getstate__(self) -> Any:
        return {"n": self.n + 1}

    def __setstate__(self, state: Any) -> None:
        self.n, self.next = state["n"] * 100, None


def types_and_lookups():
    @base
    class A:
        n: int = 1

        def get(self) -> int:
            return self.n

    @mid
    class B(A):
        "the document of B"
        m: int = 2

    @sub
    class C(B):
        def get(self) -> int:
            return 5

    for cls in (A, B, C):
        one = cls()
        show(cls.__mro__, cls.__bases__[0] if cls is not A else None, [c.__subclasses__() for c in (A, B, C)], cls.__name__, cls.__qualname__, cls.__module__)
        show([isinstance(one, c) for c in (A, B, C, object)], [issubclass(cls, c) for c in (A, B, C)], type(one) is cls, one.__class__ is cls)
        show(inspect.getmro(cls), inspect.isclass(cls), "get" in vars(cls), cls.get.__qualname__)
        show([name for name in dir(one) if not name.startswith("_") and name != "close"], isinstance(one, (int, A)), callable(one))
        show(inspect.getdoc(B), str(inspect.signature(cls.get)), inspect.getsource(cls.get).strip()[:20])
    show(A.__subclasses__(), A in B.__bases__, super(C, C()).get(), type("D", (C,), {"n": 7})().get())


def what_a_class_has_itself():
    @base
    class A:
        n: int = 1

    @sub
    class B(A):
        m: int = 2

    show(A(), B(), [[name for name in ("n", "m") if name in vars(cls)] for cls in (A, B)])
    A.n = 5
    show(A.n, B.n, B().n)


def abstract_classes():
    @base
    class Shape(abc.ABC):
        name: str = "shape"

        @abc.abstractmethod
        def area(self) -> float: ...

        @property
        @abc.abstractmethod
        def sides(self) -> int: ...

        def describe(self) -> str:
            return f"{self.name} {self.area()} {self.sides}"

    @mid
    class Half(Shape):
        x: float = 1.5

        def area(self) -> float:
            return self.x * 2.0

    @sub
    class Whole(Half):
        @property
        def sides(self) -> int:
            return 4

    @sub
    class Forgot(Half):
        def other(self) -> int:
            return 1

    for cls in (Shape, Half, Whole, Forgot):
        tried(cls)
        show(inspect.isabstract(cls), sorted(getattr(cls, "__abstractmethods__", ())))
    show(Whole("w", 3.0).describe(), isinstance(Whole(), Shape))

    class Foreign:
        pass

    Shape.register(Foreign)
    show(isinstance(Foreign(), Shape), issubclass(Foreign, Shape), isinstance(Foreign(), Half))


def bases_that_are_not_implemented():
    @base
    class A:
        n: int = 3

        def step(self, k: int) -> int:
            raise NotImplementedError("step of " + type(self).__name__)

        def run(self, times: int) -> int:
            t = 0
            for i in range(times):
                t += self.step(i)
            return t

    @mid
    class B(A):
        pass

    @sub
    class C(B):
        def step(self, k: int) -> int:
            if k == 5:
                return super().step(k)
            return k * self.n

    for cls in (A, B, C):
        tried(cls().run, 0)
        tried(cls().run, 4)
        tried(cls().run, 9)


def generics():
    @base
    class Box(Generic[T]):
        n: int = 1
        item: Optional[T] = None

        def get(self) -> Optional[T]:
            return self.item

    @mid
    class IntBox(Box[int]):
        def get(self) -> int:
            return (super().get() or 0) + self.n

    @sub
    class Named(IntBox, Generic[T]):
        name: Optional[T] = None

    for cls, args in ((Box, (1, "x")), (Box[int], (2, 5)), (IntBox, (3, 4)), (Named, (1, 2, "n")), (Named[str], (5,))):
        one = cls(*args)
        show(one, one.get(), type(one), isinstance(one, Box))
    show(IntBox.__orig_bases__ == (Box[int],), Named.__parameters__ == (T,), typing.get_origin(Box[int]) is Box, IntBox.__mro__)
    tried(lambda: isinstance(IntBox(), Box[int]))


def protocols():
    @typing.runtime_checkable
    class HasArea(Protocol):
        def area(self) -> float: ...

        def twice(self) -> float:
            return self.area() * 2

    @base
    class Square(HasArea):
        side: float = 2.0

        def area(self) -> float:
            return self.side**2

    @sub
    class Named(Square):
        name: str = "n"

        def area(self) -> float:
            return super().area() + len(self.name)

    for one in (Square(), Square(3.0), Named(1.5, "four")):
        show(one, one.area(), one.twice(), isinstance(one, HasArea), issubclass(type(one), HasArea))
    tried(HasArea)


def annotations_of_plain_bases():
    class HasName(Protocol):
        name: str

    class Mixin:
        late: int

    @base
    class A:
        n: int = 1

    @sub
    class B(A, HasName, Mixin):
        name: str = "n"

    show(B(2, "x"), str(inspect.signature(B)))
    tried(lambda: isinstance(B(), HasName))


def hooks_of_the_class_statement():
    log = []

    class Registry:
        def __init_subclass__(cls, /, tag: str = "none", **more: Any) -> None:
            super().__init_subclass__(**more)
            log.append((cls.__name__, tag))

    class Named:
        def __set_name__(self, owner: type, name: str) -> None:
            log.append((owner.__name__, name))

        def __get__(self, instance: object, owner: type) -> str:
            return f"{owner.__name__} {instance is None}"

    @base
    class A(Registry, tag="a"):
        n: int = 1
        mark = Named()

    @mid
    class B(A, tag="b"):
        m: int = 2
        other = Named()

        def __init_subclass__(cls, **more: Any) -> None:
            super().__init_subclass__(**more)
            log.append("below B")

    @sub
    class C(B):
        pass

    show(log, Registry.__subclasses__(), A.__subclasses__(), C().mark, C.other, C(4), B(5, 6).other)

    def wrong():
        class D(C, wrong=1):
            pass

    tried(wrong)


def items_of_a_class():
    @base
    class A:
        n: int = 1

        def __class_getitem__(cls, item: Any) -> Any:
            return cls.__name__, item

    @sub
    class B(A):
        m: int = 2

    class C(B):
        def __class_getitem__(cls, item: Any) -> Any:
            return "C", super().__class_getitem__(item)

    show(A[int], B[1, 2], C["x"], B(3), C())


def metaclasses():
    class Meta(type):
        def __new__(meta, name: str, bases: tuple, space: dict, **more: Any) -> type:
            made = super().__new__(meta, name, bases, space, **more)
            made.label = name.lower()
            return made

        @property
        def shout(cls) -> str:
            return cls.__name__.upper()

        def __len__(cls) -> int:
            return 7

    @base
    class A(metaclass=Meta):
        n: int = 1

        def get(self) -> str:
            return self.label + str(self.n)

    @sub
    class B(A):
        m: int = 2

        def get(self) -> str:
            return super().get() + str(self.m)

    for cls in (A, B):
        show(cls.label, cls.shout, len(cls), cls(), cls(3).get(), type(cls))


def attribute_hooks():
    log = []

    @base
    class A:
        n: int = 1

        def get(self) -> int:
            return self.n

        def set(self, k: int) -> None:
            self.n = k
            self.fresh = k

    @mid
    class B(A):
        def __getattr__(self, name: str) -> str:
            if name.startswith("_"):
                raise AttributeError(name)
            return "no " + name

    @sub
    class C(B):
        def __setattr__(self, name: str, value: Any) -> None:
            log.append((name, value))
            super().__setattr__(name, value)

        def __getattribute__(self, name: str) -> Any:
            if name == "n":
                return 500
            return super().__getattribute__(name)

        def __delattr__(self, name: str) -> None:
            log.append(name)
            super().__delattr__(name)

    for cls in (A, B, C):
        one = cls(2)
        tried(lambda: one.unknown)
        show(one.get(), one.n)
        one.set(6)
        show(one.get(), one.n, one.fresh)
        del one.fresh
        tried(lambda: one.fresh)
        tried(lambda: delattr(one, "fresh"))
        show(log)


def new_and_del():
    log = []

    @base
    class A:
        n: int = 1

        def made(self) -> A:
            return type(self)(self.n + 1)

    @mid
    class B(A):
        def __new__(cls, *args: Any, **named: Any) -> Any:
            log.append(("new", cls.__name__, args))
            return super().__new__(cls)

    @sub
    class C(B):
        def __del__(self) -> None:
            log.append(("del", self.n))

    for cls in (A, B, C):
        one = cls(5)
        show(one, one.made(), one.made().made())
        del one
        gc.collect()
        show(log)
        log.clear()


def weak_references_and_finalisers():
    log = []

    @base
    class A:
        n: int = 1
        next: Optional[A] = None

    @mid
    class B(A):
        m: int = 2

        def __del__(self) -> None:
            log.append(("del", type(self).__name__, self.n, self.m))

    @sub
    class C(B):
        items: Any = None

        def __del__(self) -> None:
            log.append("C")
            super().__del__()

    for cls in (A, B, C):
        one = cls(7)
        here = weakref.ref(one, lambda _: log.append("gone"))
        weakref.finalize(one, log.append, "finalised")
        holder = A(1, one)
        kept = weakref.WeakValueDictionary({"k": one})
        show(here() is one, holder.next is one, len(kept), weakref.ref(one) is weakref.ref(one))
        del one
        show(here() is holder.next, log, holder)
        holder.next = None
        show(here(), log, len(kept))
        log.clear()
    ring = C(1)
    ring.items = [ring]
    here = weakref.ref(ring)
    del ring
    gc.collect()
    show(here(), log)


def an_instance_that_its_reference_keeps():
    @base
    class A:
        n: int = 1
        next: Optional[A] = None

    @sub
    class B(A):
        m: str = "m"

    holder = A(0, B(5, None, "kept"))
    holder.next.extra = [1]
    gc.collect()
    show(holder, holder.next.extra, id(holder.next) == id(holder.next), holder.next is holder.next)
    holder.next.next = A(3, B(4))
    taken = holder.next.next
    holder.next = None
    gc.collect()
    show(taken, holder)


def pickles_by_the_module():
    one = KeptAbove(3, KeptAbove(4, Kept(5), 6, ("in",)), 7, ("a", 1.5))
    one.extra = {"k": one.next}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(one, protocol))
        show(again, again.value(), type(again) is KeptAbove, again.extra["k"] is again.next, again.next.value())
    top = pickle.loads(pickle.dumps([KeptOnTop("four"), Kept(1), Kept]))
    show(top, top[0].value(), top[2] is Kept)
    one.next.next = one
    again = pickle.loads(pickle.dumps(one))
    show(again.next.next is again, again)
    show(pickle.loads(pickle.dumps(Reduced(4))), copy.copy(Reduced(5)), pickle.loads(pickle.dumps(Stated(4))), copy.deepcopy(Stated(1)))


def states():
    one = KeptAbove(2, None, 3, ("w",))
    one.extra = 1
    show(sorted(copy.copy(one).__dict__), sorted(one.__reduce_ex__(4)[2]))
    made = KeptAbove.__new__(KeptAbove)
    made.__dict__.update(n=5, m=6, words=(), next=None)
    show(made, made.value())
    setattr(made, "n", 8)
    show(made.value(), made.__dict__["n"])


def copies_of_local_classes():
    @base
    class A:
        n: int = 1

        def __copy__(self) -> A:
            return type(self)(self.n + 100)

    @sub
    class B(A):
        items: Any = None

        def __deepcopy__(self, memo: Any) -> B:
            return B(self.n, copy.deepcopy(self.items, memo))

    one = B(2, [[1]])
    deep = copy.deepcopy([one, one])
    show(copy.copy(one), copy.copy(A(5)), copy.deepcopy(A(6)), deep, deep[0].items[0] is one.items[0])


def calls_from_threads():
    @base
    class A:
        n: int = 0

        def step(self) -> int:
            return 1

        def run(self, k: int) -> int:
            t = 0
            for _ in range(k):
                t += self.step()
            self.n = t
            return t

    @sub
    class B(A):
        m: int = 3

        def step(self) -> int:
            return super().step() + self.m

    made = [cls() for cls in (A, B) for _ in range(3)]
    found = {}
    threads = [threading.Thread(target=lambda i=i, one=one: found.update({i: one.run(2000 + i)})) for i, one in enumerate(made)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    show(sorted(found.items()), made)


def what_is_printed():
    @base
    class A:
        n: int = 1

        def say(self, k: int) -> int:
            print("A says", self.n, k)
            return k

        def both(self, k: int) -> int:
            return self.say(k) + self.say(k + 1)

    @sub
    class B(A):
        def say(self, k: int) -> int:
            print("B says", end=" ")
            return super().say(k * 2)

    show(A().both(1), B(5).both(2))


def classes_made_at_run_time():
    @base
    class A:
        n: int = 1

        def get(self) -> int:
            return self.n

        def twice(self) -> int:
            return self.get() * 2

    def make() -> None:
        made = [type(f"Sub{i}", (A,), {"get": lambda self, i=i: self.n + i} if i % 2 else {}) for i in range(6)]
        show([cls(3).twice() for cls in made], [cls.__name__ for cls in A.__subclasses__()])
        below = sub(type("Dressed", (made[1],), {"__annotations__": {"m": "int"}, "m": 4, "__module__": __name__}))
        show(below(2).twice(), below(2, 3).m)

    make()
    gc.collect()
    show(len(A.__subclasses__()))


def bases_exchanged():
    @base
    class A:
        n: int = 1

        def get(self) -> int:
            return self.n

    class B(A):
        def get(self) -> int:
            return super().get() + 10

    class C(A):
        def get(self) -> int:
            return super().get() + 100

    class D(B):
        def get(self) -> int:
            return super().get() + 1000

    one = D(2)
    show(one.get())
    D.__bases__ = (C,)
    show(one.get(), D.__mro__)
    C.get = lambda self: -1
    show(one.get())


def caches_and_dictionaries_of_instances():
    @base
    class A:
        n: int = 1

    @sub
    class B(A):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, A) and self.n == other.n

        def __hash__(self) -> int:
            return self.n

    a, b, c = A(5), B(5), B(5)
    table = {a: "a", b: "b"}
    show(len(table), table[c], c in table, A(5) in table, a in [b], [b, c].index(c), b == a, a == b)


def exceptions_of_a_hierarchy_in_with():
    log = []

    @base
    class A:
        n: int = 1

        def __enter__(self) -> A:
            log.append("enter")
            return self

        def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
            log.append(("exit", kind and kind.__name__))
            return self.n == 2

        def work(self, k: int) -> float:
            with self:
                return 10 / k

    @sub
    class B(A):
        def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
            log.append("B")
            return super().__exit__(kind, error, trace)

    for cls in (A, B):
        for n in (1, 2):
            tried(cls(n).work, 5)
            tried(cls(n).work, 0)
    show(log)


def asked_for_by_name():
    @base
    class A:
        n: int = 1

        def get(self, k: int) -> int:
            return self.n + k

    @sub
    class B(A):
        def get(self, k: int) -> int:
            return super().get(k) * 2

    for one in (A(), B()):
        show(getattr(one, "get")(1), getattr(one, "n"), getattr(one, "none", 5), type(one).get(one, 2), hasattr(one, "get"))
        show(operator_get(one, 3), [name for name, _ in inspect.getmembers(one, inspect.ismethod) if not name.startswith("_") and name != "close"])


def operator_get(one: Any, k: int) -> int:
    return one.get(k) + one.n
