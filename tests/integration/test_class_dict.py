"""vars() of a jitclass is what CPython has for the same class statement: no native field in it, and defaults as they are."""

from __future__ import annotations

import copy
import dataclasses
import gc
import inspect
import pydoc
import sys
import types
import typing
import weakref
from typing import Any, Callable, Optional
from unittest import mock

import pytest

import jitd


def body() -> Any:
    class P:
        """A point."""

        LIMIT = 5
        x: float
        y: float = 2.5
        n: int = 3
        next: Optional["P"] = None  # noqa: F821

        def norm(self) -> float:
            return self.x * self.x + self.y * self.y

        @property
        def limit(self) -> int:
            return self.LIMIT

    return P


def mixed_body() -> Any:
    class M:
        COLOUR = "red"
        n: int
        m: int = 7
        text: str
        other: str = "none"

        def twice(self) -> int:
            return 2 * self.n + len(self.COLOUR)

    return M


def slots_body() -> Any:
    class S:
        __slots__ = ("a", "b")
        a: int
        b: int

        def total(self) -> int:
            return self.a + self.b

    return S


BODIES: dict[str, tuple[Callable[[], Any], tuple[Any, ...]]] = {"native": (body, (1.5,)), "mixed": (mixed_body, (1, 7, "a")), "slots": (slots_body, (1, 2))}
JITD = {"__jitd__", "__jitd_record__", "__signature__"}  # what CPython's has not


def pair(name: str) -> tuple[Any, Any]:
    """The dataclass, and the jitclass after its first use."""
    make, args = BODIES[name]
    if name == "mixed":

        def ordered() -> Any:
            cls = mixed_body()
            cls.text = ""  # a dataclass wants a default behind another one
            return cls

        make = ordered
    if name == "slots":
        plain = make()
        plain.__init__ = lambda self, a, b: (setattr(self, "a", a), setattr(self, "b", b))[0]
    else:
        plain = dataclasses.dataclass(eq=False)(make())
    made = [make()]
    made[0] = jitd.jitclass(made[0])
    plain(*args), made[0](*args)
    return plain, made[0]


@pytest.mark.parametrize("name", BODIES)
def test_the_names_are_cpythons(name: str) -> None:
    plain, native = pair(name)
    assert set(vars(native)) - JITD - set(vars(plain)) <= {"__dataclass_fields__", "__dataclass_params__", "__init__", "__match_args__", "__replace__", "__repr__"}
    assert set(vars(plain)) - set(vars(native)) <= set()
    assert len(vars(native)) == len(list(vars(native))) == len(dict(vars(native)))
    for key in set(vars(plain)) & set(vars(native)):
        if not key.startswith("__") and not callable(vars(plain)[key]) and not isinstance(vars(plain)[key], (property, types.MemberDescriptorType)):
            assert vars(native)[key] == vars(plain)[key] and type(vars(native)[key]) is type(vars(plain)[key])
    for key in vars(native):  # as mesa does it
        getattr(native, key)


def test_it_is_a_live_mapping() -> None:
    _, native = pair("native")
    seen = vars(native)
    assert isinstance(seen, types.MappingProxyType)
    assert "x" not in seen and "y" in seen and seen["y"] == 2.5 and seen.get("x", "no") == "no" and seen.get("n") == 3
    with pytest.raises(KeyError, match="x"):
        seen["x"]
    with pytest.raises(TypeError):
        seen["y"] = 4  # type: ignore[index]
    assert "x" not in seen.keys() and ("n", 3) in seen.items() and 2.5 in list(seen.values()) and "x" not in seen.copy()
    assert "x" not in {**seen} and list(reversed(seen)) == list(seen)[::-1] and "x" not in seen | {} and ({"x": 1} | seen)["x"] == 1
    assert seen == dict(seen) == vars(native) and repr(seen) == f"mappingproxy({dict(seen)!r})" and seen != {}
    native.y = 4.5
    native.added = 1
    native.x = 6.0
    assert (seen["y"], seen["added"], seen["x"], native(1.0).y) == (4.5, 1, 6.0, 2.5)
    del native.x, native.added
    assert "x" not in seen and "added" not in seen


def test_what_an_instance_adds_is_not_the_classs() -> None:
    """A class without Python fields has descriptors for attributes that somebody set on an instance; constants may be shadowed."""
    plain, native = pair("native")
    for cls in (plain, native):
        one, two = cls(1.5), cls(2.5)
        one.extra = 5
        one.LIMIT = 6
        assert (one.extra, one.LIMIT, two.LIMIT, hasattr(two, "extra")) == (5, 6, 5, False)
        assert "extra" not in vars(cls) and vars(cls)["LIMIT"] == 5
    plain, mixed = pair("mixed")
    mixed(1, 7, "a").close()
    assert vars(mixed)["COLOUR"] == "red" and vars(mixed)["other"] == "none"


@pytest.mark.parametrize("name", BODIES)
def test_dir_and_static_lookups(name: str) -> None:
    plain, native = pair(name)
    args = BODIES[name][1]
    added = {"__dataclass_fields__", "__dataclass_params__", "__init__", "__match_args__", "__repr__", "__replace__"}
    instance = {"__del__", "__enter__", "__exit__", "close", "__getstate__", "__setstate__"}  # jitd.Instance has them
    assert set(dir(native)) - JITD - added - instance == set(dir(plain)) - added - instance
    one, expected = native(*args), plain(*args)
    for key in vars(plain)["__annotations__"]:
        for subject, wanted in ((native, plain), (one, expected)):
            found, right = inspect.getattr_static(subject, key, "absent"), inspect.getattr_static(wanted, key, "absent")
            assert found == right or (name == "slots" and "member" in type(right).__name__)
    named = [{a.name for a in inspect.classify_class_attrs(cls)} - JITD - added - instance for cls in (plain, native)]
    assert named[0] == named[1]


def test_patching_and_back() -> None:
    """mock and monkeypatch take what they put back out of the class's dict."""
    _, native = pair("native")
    with mock.patch.object(native, "y", 9.5):
        assert native.y == 9.5
    assert (native.y, vars(native)["y"], native(1.5).y) == (2.5, 2.5, 2.5)
    with pytest.raises(AttributeError), mock.patch.object(native, "x", 9.5):
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "n", 8)
        patch.setattr(native, "LIMIT", 9)
        assert (native.n, native(1.5).limit) == (8, 9)
    assert (native.n, native(1.5).n, native(1.5).limit) == (3, 3, 5)


def test_help_and_protocols() -> None:
    plain, native = pair("native")

    @typing.runtime_checkable
    class HasX(typing.Protocol):
        x: float

    assert isinstance(native(1.5), HasX) and isinstance(plain(1.5), HasX)
    text = pydoc.plain(pydoc.render_doc(native))
    assert "jitd field" not in text and "y = 2.5" in text and "norm(self)" in text
    assert mock.create_autospec(native(1.5)).x is not None


def test_the_instances_dict_can_be_deleted() -> None:
    """As in CPython, where a new one takes its place."""
    for cls in pair("mixed"):
        one = cls(5, 7, "a")
        one.more = 1
        del one.__dict__
        assert vars(one) == {} and one.m == 7 and not hasattr(one, "n") and not hasattr(one, "more") and one.other == "none"
        one.n = 4
        assert vars(one) == {"n": 4}
        assert inspect.getattr_static(one, "n") == 4 and inspect.getattr_static(one, "other") == "none"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace is new in Python 3.13")
def test_copies_with_changes() -> None:
    for cls in pair("native"):
        assert vars(copy.replace(cls(1.5, n=4), y=3.5)) == {"x": 1.5, "y": 3.5, "n": 4, "next": None}  # type: ignore[attr-defined]
        with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
            copy.replace(cls(1.5), z=1)  # type: ignore[attr-defined]


def test_other_classes_are_as_they_were() -> None:
    class Plain:
        x: int = 4

    assert vars(Plain)["x"] == 4 and isinstance(Plain.__dict__, types.MappingProxyType) and "x" in Plain.__dict__
    assert type.__dict__["__dict__"].__get__(Plain)["x"] == 4 and "real" in int.__dict__


def test_a_subclass_shows_the_fields_of_its_base() -> None:
    """A Python class above one without Python fields has a __dict__ of its own."""
    told = []

    class Mixin:
        def __init_subclass__(cls, /, word: str = "", **more: Any) -> None:
            super().__init_subclass__(**more)
            told.append((cls.__name__, word))

    seen = []
    for base in pair("native"):

        class Above(base):  # type: ignore[misc, valid-type]
            pass

        class Own(base):  # type: ignore[misc, valid-type]
            def __init__(self, x: float) -> None:
                super().__init__(x)
                self.more = [x]

        class Slots(base):  # type: ignore[misc, valid-type]
            __slots__ = ("z",)

        class Both(Own, Mixin, word="w"):
            def __init_subclass__(cls) -> None:
                super().__init_subclass__(word="below")

        class Below(Both):
            pass

        for cls in (Above, Own, Slots, Both, Below):
            one = cls(1.5)
            one.added = 5
            found = [dict(vars(one)), inspect.getattr_static(one, "x"), inspect.getattr_static(one, "added")]
            one.x = 2.5
            seen.append([cls.__name__, found, one.x, one.norm(), hasattr(one, "__dict__"), copy.copy(one).added])
            one.__dict__["x"] = 4.5
            one.__dict__.update(more="m", y=1.5)
            if cls is Slots:
                one.z = one
            seen[-1] += [one.x, one.more, one.y, sorted(vars(one)), hasattr(cls(2.5), "more")]
            del one.more
            seen[-1] += [hasattr(one, "more"), weakref.ref(one)() is one]
            if cls is Slots:
                here = weakref.ref(one)
                one.me = one
                del one
                gc.collect()
                assert here() is None
    assert seen[:5] == seen[5:]
    assert told == [("Both", "w"), ("Below", "below")] * 2
