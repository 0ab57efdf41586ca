"""Classes that are copied after they were decorated, as dataclasses and attrs do it to give a class __slots__: the copy is the class that was written."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
import weakref
from typing import Any, Callable

import pytest

import jitd


def plain_copy(cls: Any) -> Any:
    return type(cls)(cls.__name__, cls.__bases__, {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__")})


def with_weakref(cls: Any) -> Any:
    """As attrs does it."""
    body = {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__", *cls.__annotations__)}
    return type(cls)(cls.__name__, cls.__bases__, {**body, "__slots__": (*cls.__annotations__, "__weakref__")})


COPY: dict[str, Callable[[Any], Any]] = {
    "dict": plain_copy,
    "slots": with_weakref,
    "dataclass": dataclasses.dataclass(slots=True),
    "frozen": dataclasses.dataclass(slots=True, frozen=True),
}
if sys.version_info >= (3, 11):
    COPY["dataclass, weakref"] = dataclasses.dataclass(slots=True, weakref_slot=True)


def body() -> Any:
    class P:
        x: int
        text: str
        y: float = 2.0

        def total(self, k: int) -> float:
            return self.x * k + self.y

        @property
        def twice(self) -> int:
            return self.x * 2

        @staticmethod
        def three() -> int:
            return 3

        @classmethod
        def of(cls, x: int) -> Any:
            return cls(x, "of")

    return P


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("how", COPY)
def test_a_copy_is_a_plain_class(how: str, used: bool) -> None:
    cls = jitd.jitclass(body())
    if used:
        made = cls(1, "t")
        made.extra = 4
        assert made.total(3) == 5.0
    with pytest.warns(jitd.CompileWarning, match="P was copied after it was decorated"):
        copied = COPY[how](cls)
    wanted = COPY[how](body() if how == "frozen" else dataclasses.dataclass(body()))
    assert copied.__bases__ == wanted.__bases__ == (object,) and "__jitd_record__" not in copied.__dict__
    one, expected = copied(3, "a"), wanted(3, "a")
    for obj in (one, expected):
        assert (obj.x, obj.text, obj.y, obj.total(2), obj.twice, obj.three(), type(obj).of(4).x) == (3, "a", 2.0, 8.0, 6, 3, 4)
        assert type(obj) is type(obj).of(1).__class__ and not isinstance(obj, jitd.Instance)
    assert repr(one) == repr(expected)
    if "weakref" in how or how in ("slots", "dict"):
        assert weakref.ref(one)() is one
    assert hasattr(one, "__dict__") == hasattr(expected, "__dict__")
    assert copy.copy(one).x == 3 and dataclasses.asdict(one) == dataclasses.asdict(expected) if "dataclass" in how else True
    if used:
        assert cls(1, "t").total(3) == 5.0


def test_the_copy_as_a_field_of_others_is_a_python_field() -> None:
    with pytest.warns(jitd.CompileWarning):

        @dataclasses.dataclass(slots=True)
        @jitd.jitclass
        class Inner:
            n: int

    @jitd.jitclass
    class Outer:
        inner: Inner
        k: int = 1

    outer = Outer(Inner(3))
    assert outer.inner.n == 3 and "inner: a Python object" in jitd.explain(Outer)


def test_jitclass_above_stays_native() -> None:
    @jitd.jitclass
    @dataclasses.dataclass(slots=True)
    class P:
        x: int

        def twice(self) -> int:
            return self.x * 2

    assert [P(4).twice(), P(5).twice()] == [8, 10]
    assert "twice: compiled" in jitd.explain(P)


def test_bases_are_as_written() -> None:
    class Base:
        pass

    @jitd.jitclass
    class P(Base):
        x: int = 1

    @jitd.jitclass
    class Q:
        x: int = 1

    class Sub(Q, Base):
        pass

    assert P.__bases__ == (Base,) and Q.__bases__ == (object,) and Sub.__bases__ == (Q, Base)
    assert issubclass(P, jitd.Instance) and isinstance(Sub(), jitd.Instance) and Sub in Q.__subclasses__() and P in Base.__subclasses__()


def test_what_a_copy_needs_is_not_seen() -> None:
    P = jitd.jitclass(body())
    assert not hasattr(P, "__slots__") and not hasattr(P(1, "t"), "__slots__") and not hasattr(jitd.Instance, "__slots__")


def test_a_copy_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Copied(3))).n == 3


with pytest.warns(jitd.CompileWarning):

    @dataclasses.dataclass(slots=True)
    @jitd.jitclass
    class Copied:
        n: int
