"""Decorating: the forms of jitclass, what the class looks like afterwards, and what is refused."""

import copy
import dataclasses
import inspect
import pickle
import sys
import typing
import warnings
import weakref

import pytest

import jitd


def plain(name="Point"):
    class Point:
        """Two numbers."""

        x: float
        y: float = 0.5

        def norm2(self) -> float:
            "Squared length."
            return self.x * self.x + self.y * self.y

    Point.__name__ = name
    return Point


class OnlySpec:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def total(self):
        return self.x + self.y


SPEC = [("x", float), ("y", jitd.float64)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: jitd.jitclass(plain()),
        lambda: jitd.jitclass()(plain()),
        lambda: jitd.jitclass(strict=True)(plain()),
        lambda: jitd.jitclass([])(plain()),
        lambda: jitd.jitclass({})(plain()),
        lambda: jitd.jitclass(spec=())(plain()),
        lambda: jitd.jitclass(plain(), []),
    ],
)
def test_forms_with_annotations(make):
    p = make()(3.0, 4.0)
    assert (p.x, p.y, p.norm2()) == (3.0, 4.0, 25.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda cls: jitd.jitclass(SPEC)(cls),
        lambda cls: jitd.jitclass(dict(SPEC))(cls),
        lambda cls: jitd.jitclass(spec=SPEC)(cls),
        lambda cls: jitd.jitclass(cls, SPEC),
        lambda cls: jitd.jitclass(cls, spec=dict(SPEC)),
    ],
)
def test_forms_with_spec(make):
    p = make(OnlySpec)(1.5, 2.25)
    assert (p.x, p.y, p.total()) == (1.5, 2.25, 3.75)


def test_spec_wins_over_annotations():
    cls = jitd.jitclass(plain(), {"x": int})
    assert cls(3, 1.0).x == 3 and type(cls(3, 1.0).x) is int


def test_it_is_a_real_class():
    cls = jitd.jitclass(plain())
    p = cls(1.0)
    assert type(p) is cls and isinstance(p, cls) and isinstance(cls, type)
    assert cls.__name__ == "Point" and cls.__qualname__ == "plain.<locals>.Point" and cls.__module__ == __name__
    assert cls.__doc__ == "Two numbers." and cls.norm2.__doc__ == "Squared length." and cls.norm2.__name__ == "norm2"
    assert str(inspect.signature(cls)) == "(x: float, y: float = 0.5) -> None"
    assert list(inspect.signature(cls.norm2).parameters) == ["self"]
    assert cls.__match_args__ == ("x", "y") and repr(p).endswith("Point(x=1.0, y=0.5)")


def test_the_same_class_twice_is_two_types():
    cls = plain()
    a, b = jitd.jitclass(cls), jitd.jitclass(cls)
    p, q = a(1.0), b(2.0)
    assert type(p) is a and type(q) is b and a is not b
    assert p.norm2() == 1.25 and q.norm2() == 4.25


def test_private_names_are_mangled():
    class Secret:
        def __init__(self, v):
            self.__v = v

        def get(self):
            return self.__v

    cls = jitd.jitclass(Secret, {"__v": int})
    assert cls(7).get() == 7 and cls(7)._Secret__v == 7


def test_52_long_names():
    names = [f"a_rather_long_field_name_number_{i:02}_of_fifty_two" for i in range(52)]
    cls = type("Wide", (), {"__annotations__": dict.fromkeys(names, int), "__module__": __name__})
    wide = jitd.jitclass(cls)(*range(52))
    assert [getattr(wide, n) for n in names] == list(range(52))


def test_an_empty_class():
    @jitd.jitclass
    class Empty:
        def one(self):
            return 1

    assert Empty().one() == 1


Number = int


def test_string_annotations_are_names_of_their_place():
    """The function's names go before the module's, those before the builtins', as in any expression there."""
    int, pytest = float, bool  # noqa: F841

    @jitd.jitclass
    class Names:
        x: "int"
        y: "pytest"
        z: "float"
        w: "(int)"

        def scaled(self, by: "int", times: "Number") -> "int":
            return self.x * by * times

    assert [kind for _, kind, _ in jitd.layout(Names)["fields"]] == ["float", "bool", "float", "float"]
    assert Names(1.5, True, 2.0, 3.0).scaled(2.0, 3) == 9.0


def test_string_annotations_and_own_name():
    @jitd.jitclass
    class Node:
        value: "int"
        next: "Node | None" = None
        other: "typing.Optional[Node]" = None

        def total(self) -> "int":
            return self.value if self.next is None else self.value + self.next.value

    assert Node(1, Node(2)).total() == 3


def test_references_to_classes_defined_later():
    @jitd.jitclass
    class Tree:
        leaf: "Leaf"

    @jitd.jitclass
    class Leaf:
        n: int

    assert Tree(Leaf(3)).leaf.n == 3


@pytest.mark.parametrize(
    "decorate, error, text",
    [
        (lambda: jitd.jitclass(plain(), {1: int}), TypeError, "spec keys should be strings, got 1"),
        (lambda: jitd.jitclass(plain(), ["x"]), TypeError, "spec items should be pairs"),
        (lambda: jitd.jitclass(plain(), {"norm2": int}), TypeError, "norm2 is both a field and a method"),
        (lambda: jitd.jitclass(plain(), nogil=True), NotImplementedError, "nogil=True is not supported yet"),
        (lambda: jitd.jitclass(plain(), nonsense=True), TypeError, "unexpected keyword argument 'nonsense'"),
        (lambda: jitd.jitclass(plain(), overflow="saturate"), ValueError, "overflow must be"),
        (lambda: jitd.jitclass()(3), TypeError, "decorates a class, not int"),
        (lambda: jitd.jitclass(jitd.jitclass(plain())), TypeError, "is a jitclass already"),
    ],
)
def test_refused_at_decoration(decorate, error, text):
    with pytest.raises(error, match=text):
        decorate()
    assert jitd.jitclass(plain())(3.0, 4.0).norm2() == 25.0  # the corrected class, right after


def test_required_after_defaulted_is_worded_as_dataclasses():
    import dataclasses

    body = {"__annotations__": {"a": int, "b": int}, "a": 1, "__module__": __name__}
    with pytest.raises(TypeError) as ours:
        jitd.jitclass(type("C", (), dict(body)))
    with pytest.raises(TypeError) as theirs:
        dataclasses.dataclass(type("C", (), dict(body)))
    assert str(ours.value) == str(theirs.value)


def test_constructor_arguments():
    cls = jitd.jitclass(plain())
    assert (cls(y=2, x=True).x, cls(y=2, x=True).y) == (1.0, 2.0)
    for args, kwargs, text in [
        ((), {}, "missing 1 required positional argument: 'x'"),
        ((1, 2, 3), {}, "takes from 2 to 3 positional arguments but 4 were given"),
        ((1,), {"z": 1}, "unexpected keyword argument 'z'"),
        ((1,), {"x": 1}, "multiple values for argument 'x'"),
    ]:
        with pytest.raises(TypeError, match=text):
            cls(*args, **kwargs)


def test_post_init_sees_all_values():
    @jitd.jitclass
    class Box:
        w: int
        h: int = 2
        area: int = 0

        def __post_init__(self):
            self.area = self.w * self.h

    assert Box(5).area == 10


def test_eq_option():
    cls = jitd.jitclass(plain(), eq=True)
    assert cls(1.0) == cls(1.0) != cls(2.0)
    with pytest.raises(TypeError, match="unhashable"):
        hash(cls(1.0))
    p, q = cls(float("nan")), dataclasses.dataclass(plain())(float("nan"))
    assert (p == p) is (q == q) and p != cls(float("nan"))
    assert jitd.jitclass(plain())(1.0) != jitd.jitclass(plain())(1.0)


def test_property_static_and_class_methods():
    @jitd.jitclass
    class Circle:
        r: float
        count: typing.ClassVar[int] = 3

        @property
        def area(self):
            "Its area."
            return 3.0 * self.r * self.r

        @area.setter
        def area(self, value):
            self.r = (value / 3.0) ** 0.5

        @staticmethod
        def double(x: float) -> float:
            return x + x

        @classmethod
        def unit(cls):
            return cls(1.0)

    c = Circle(2.0)
    assert c.area == 12.0 and Circle.area.__doc__ == "Its area." and Circle.double(2.5) == 5.0 and c.double(1.0) == 2.0
    c.area = 27.0
    assert c.r == 3.0 and Circle.unit().r == 1.0 and Circle.count == 3


def test_dunders():
    @jitd.jitclass
    class V:
        x: int

        def __add__(self, other: "V"):
            return V(self.x + other.x)

        def __len__(self):
            return self.x

        def __getitem__(self, i):
            return self.x * i

        def __eq__(self, other):
            return self.x == other.x

        def __call__(self, y):
            return self.x - y

    a = V(3)
    assert (a + V(4)).x == 7 and len(a) == 3 and a[5] == 15 and a == V(3) and a(1) == 2


@jitd.jitclass
class Pickled:
    x: float
    next: "Pickled | None" = None


def test_copies_by_value():
    a = Pickled(1.0, Pickled(2.0))
    b, c, d = copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))
    assert b is not a and b.next is a.next and c.next is not a.next and c.next.x == d.next.x == 2.0
    a.next.next = a
    assert copy.deepcopy(a).next.next.x == 1.0


def test_close_and_with():
    cls = jitd.jitclass(plain())
    p = cls(1.0)
    p.close()
    p.close()
    for use in (lambda: p.x, lambda: p.norm2(), lambda: setattr(p, "x", 1.0), lambda: p.__enter__()):
        with pytest.raises(jitd.ReleasedError, match="released with close"):
            use()
    with cls(2.0) as q:
        assert q.norm2() == 4.25
    with pytest.raises(jitd.ReleasedError):
        q.x


def test_weak_references():
    p = jitd.jitclass(plain())(1.0)
    gone = []
    r = weakref.ref(p, gone.append)
    assert r() is p
    del p
    assert r() is None and gone == [r]


def test_annotated_and_final():
    @jitd.jitclass
    class A:
        x: typing.Annotated[int, "metres"]
        y: typing.Final[float]

    assert (A(1, 2).x, A(1, 2).y) == (1, 2.0)


def test_importing_jitd_imports_little(program):
    out = program(
        """
        import sys
        before = set(sys.modules)
        import jitd
        @jitd.jitclass
        class P:
            x: float
            def get(self) -> float: return self.x
        assert P(1.0).get() == 1.0
        warm = "--warm" in sys.argv
        heavy = {"inspect", "ast", "typing", "dataclasses", "hashlib", "re", "tokenize", "linecache"} & set(sys.modules) - before
        print(sorted(heavy))
        """
    )
    assert out.run().stdout == "[]\n"  # cold: reads the source
    assert out.run("--warm").stdout == "[]\n"


def test_a_class_in_a_module_that_is_reloaded(tmp_path, monkeypatch):
    import importlib

    (tmp_path / "reloaded_jitd.py").write_text(
        "import jitd\n@jitd.jitclass\nclass P:\n    x: int\n    def f(self) -> int:\n        return self.x + 1\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("reloaded_jitd")
    old = module.P(1)
    importlib.reload(module)
    new = module.P(1)
    assert type(new) is module.P is not type(old) and old.f() == new.f() == 2
    del sys.modules["reloaded_jitd"]


def test_a_class_that_a_finaliser_keeps_is_not_its_successor(tmp_path):
    """Of the same source; nobody had the first but a cycle that the collector has found."""
    import gc
    import importlib.util

    path, kept = tmp_path / "kept_jitd.py", []
    path.write_text("import jitd\n@jitd.jitclass\nclass P:\n    x: int\n    def f(self) -> int:\n        return self.x + 1\n")

    class Keeps:
        def __del__(self):
            kept.append(self.cls)

    def loaded():
        spec = importlib.util.spec_from_file_location("kept_jitd", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.P

    first = loaded()
    assert first(1).f() == 2
    first.keeps = Keeps()
    first.keeps.cls = first
    del first
    gc.collect()
    second = loaded()
    assert second(2).f() == 3 and type(kept[0](1)) is kept[0] is not second
    assert kept[0](3).f() == 4


@pytest.mark.parametrize(
    "head, encoding, newline, end",
    [
        ("", "utf-8", "\n", "\n"),
        ("", "utf-8", "\r\n", ""),
        ("", "utf-8-sig", "\n", ""),
        ("\f\n", "utf-8", "\n", "\n"),
        ("#!python\n# -*- coding: latin-1 -*-\n", "latin-1", "\n", "\n"),
        ("# -*- coding: utf-8 -*-\n", "utf-8-sig", "\n", ""),
    ],
)
def test_sources_in_every_form_of_file(program, tmp_path, head, encoding, newline, end):
    text = head + (
        "import jitd\n@jitd.jitclass(strict=True)\nclass P:\n    x: int\n"
        "    def größe(self):  # \xe9\n        assert self.x < 3, 'zu groß'\n        return self.x + 1"
    )
    (tmp_path / "written.py").write_bytes((text + end).replace("\n", newline).encode(encoding))
    done = program(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        import written, jitd
        print(written.P(1).größe())
        try:
            written.P(3).größe()
        except AssertionError as e:
            print(ascii(str(e)))
        print(jitd.explain(written.P))
        """
    ).run()
    assert done.stdout.splitlines()[:2] == ["2", "'zu gro\\xdf'"]
    assert "Python:" not in done.stdout


def test_no_source_stays_python_and_says_so():
    scope = {"jitd": jitd, "__name__": __name__}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        exec("@jitd.jitclass\nclass P:\n    x: int\n    def f(self): return self.x + 1\nr = P(1).f()", scope)
    assert scope["r"] == 2
    assert [w.category for w in seen] == [jitd.CompileWarning] and "source" in str(seen[0].message)
    assert "Python: its source is in no file that could be read" in jitd.explain(scope["P"])


def test_changed_source_is_not_compiled(program, tmp_path):
    module = tmp_path / "changing.py"
    module.write_text("import jitd\n@jitd.jitclass\nclass P:\n    x: int\n    def f(self): return self.x + 1\n")
    done = program(
        f"""
        import pathlib, sys, warnings
        sys.path.insert(0, {str(tmp_path)!r})
        import changing, jitd
        path = pathlib.Path(changing.__file__)
        path.write_text(path.read_text().replace("+ 1", "+ 2"))
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            print(changing.P(1).f())
        print("changed since import" in str(seen[0].message))
        """
    ).run()
    assert done.stdout.split() == ["2", "True"]


def test_usual_options_of_a_field():
    @jitd.jitclass
    class C:
        x: int = dataclasses.field(default=1, init=True, repr=True, compare=True, hash=None, kw_only=False, metadata={"a": 1})

    assert C().x == 1 and C(2).x == 2


def test_match_args_are_a_dataclasses():
    """Also where no __init__ is made, or the class has its own."""
    import dataclasses

    def plain():
        class C:
            x: int = 1
            y: float = 2.0

        return C

    def own():
        class C:
            x: int

            def __init__(self):
                self.x = 1
                self.other = 2

        return C

    for body, options in ((plain, {}), (plain, {"init": False}), (plain, {"match_args": False}), (own, {})):
        expected = dataclasses.dataclass(**options)(body())
        assert getattr(jitd.jitclass(**options)(body()), "__match_args__", None) == getattr(expected, "__match_args__", None)


def test_the_signature_of_a_subclass_without_any_init():
    """dataclasses ask for it, to make a docstring."""
    import dataclasses
    import inspect

    @jitd.jitclass(init=False)
    class Base:
        tag: str = "a"

    class Sub(Base):
        other: str = "b"

    class Own(Base):
        def __init__(self, a, b=1):
            pass

    assert [str(inspect.signature(cls)) for cls in (Base, Sub, Own)] == ["()", "()", "(a, b=1)"]
    assert dataclasses.dataclass(init=False)(Sub).__doc__ == "Sub()"


def test_slots_read_as_they_were_written():
    @jitd.jitclass
    class Slots:
        __slots__ = ("zebra", "__private", "apple")

        def __init__(self):
            self.zebra, self.__private, self.apple = "z", "p", "a"

        def private(self):
            return self.__private

    assert Slots.__slots__ == ("zebra", "__private", "apple")
    made = Slots()
    assert (made.zebra, made.private(), made.apple) == ("z", "p", "a") and not hasattr(made, "__dict__")
    assert copy.copy(made).private() == "p"


class _SlotBase:
    __slots__ = ("a", "b")

    def get_a(self):
        return self.a


@pytest.mark.parametrize("base", [_SlotBase, Exception, dict, list, set])
def test_a_class_that_stays_python_has_what_is_made_of_its_fields(base):
    """Its base keeps state of its own, which no jitclass can hold: the class is what the same dataclass is, and explain says why."""

    def body():
        return {"__annotations__": {"x": int, "y": float}, "y": 2.0, "sum": lambda self: self.x + self.y, "__module__": __name__, "__qualname__": "Kept"}

    with pytest.warns(jitd.CompileWarning, match="Kept stays a Python class"):
        kept = jitd.jitclass(eq=True, order=True)(type("Kept", (base,), body()))
    expected = dataclasses.dataclass(order=True)(type("Kept", (base,), body()))
    seen = []
    for cls in (kept, expected):
        one = cls(3, y=4.5)
        one.a = [1]
        seen.append([repr(one), one.sum(), one.a, one == cls(3, 4.5), one < cls(4), cls(1).y, str(inspect.signature(cls)), dataclasses.asdict(one), cls.__match_args__])
    assert seen[0] == seen[1]
    assert base is not _SlotBase or kept(1).sum() == 3.0 and "has __slots__" in jitd.explain(kept)
    assert "plain Python: it" in jitd.explain(kept(2))


def test_a_spec_of_a_class_that_stays_python():
    with pytest.warns(jitd.CompileWarning, match="stays a Python class"):
        made = jitd.jitclass({"x": int})(type("Made", (_SlotBase,), {"__module__": __name__}))
    assert made(7).x == 7


def test_tuples_and_numbers_are_made_as_before():
    class Pair(typing.NamedTuple):
        x: int
        y: int = 2

    with pytest.warns(jitd.CompileWarning, match="built-in type tuple"):
        pair = jitd.jitclass(Pair)
    assert pair(1) == (1, 2) and pair(1).y == 2
