"""Jitclasses that extend jitclasses are compiled: calls of what they inherit, of super() and of the class above stay in machine code, until something of
the classes is set to something else. What they give is in test_inheritance.py."""

import abc
import copy
import dataclasses
import gc
import linecache
import math
import sys
import weakref

import jitd
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::jitd.CompileWarning")


def make():
    @jitd.jitclass
    class Shape(abc.ABC):
        scale: float
        sides: int
        FACTOR = 2

        def __init__(self, scale: float, sides: int = 0) -> None:
            self.scale = scale
            self.sides = sides

        @abc.abstractmethod
        def area(self) -> float:
            raise NotImplementedError

        def scaled(self) -> float:
            total = 0.0
            for _ in range(3):
                total += self.area() * self.scale * self.FACTOR
            return total

        @property
        def corners(self) -> int:
            return self.sides

        def with_list(self, items: list) -> int:
            items.append(self.sides)
            return len(items) + self.corners

    @jitd.jitclass
    class Circle(Shape):
        radius: float

        def __init__(self, radius: float) -> None:
            super().__init__(0.5)
            self.radius = radius

        def area(self) -> float:
            return 3.0 * self.radius**2

    @jitd.jitclass
    class Ring(Circle):
        inner: float
        FACTOR = 10

        def __init__(self, radius: float, inner: float) -> None:
            Circle.__init__(self, radius)
            self.inner = inner

        def area(self) -> float:
            return super().area() - 3.0 * self.inner**2

        def __add__(self, other: "Ring") -> "Ring":
            return Ring(self.radius + other.radius, self.inner + other.inner)

        def doubled(self) -> "Ring":
            return self + self

    return Shape, Circle, Ring


def method_of(cls, name):
    """The Method that runs when the class's own instances are asked for it."""
    return cls.__dict__["__jitd_record__"].func(name).method


def native(cls, name):
    counters = method_of(cls, name)._counters()
    return counters["native_calls"], counters["python_calls"]


def test_what_is_inherited_is_compiled_for_the_class():
    Shape, Circle, Ring = make()
    ring, circle = Ring(2.0, 1.0), Circle(1.0)
    assert (ring.scaled(), circle.scaled(), ring.corners) == (135.0, 9.0, 0)
    assert (ring.doubled().inner, ring.with_list([1])) == (2.0, 2)
    assert native(Ring, "scaled") == native(Circle, "scaled") == native(Ring, "corners") == native(Ring, "doubled") == (1, 0)
    assert native(Ring, "__init__") == (1, 0)  # doubled() makes one in compiled code
    assert native(Ring, "with_list") == (1, 0) and native(Shape, "scaled") == (0, 0)
    assert jitd.stats()["objects"]["make.<locals>.Ring.with_list"]["resumes"] == 0


def test_instances_begin_with_the_fields_of_the_class_above():
    Shape, Circle, Ring = make()
    Ring(1.0, 0.5)
    above, below = jitd.layout(Circle), jitd.layout(Ring)
    assert [name for name, *_ in below["fields"]] == ["scale", "sides", "radius", "inner"]
    assert below["fields"][:3] == above["fields"] and "scale" not in vars(Ring) and "scale" not in vars(Circle)


@pytest.mark.parametrize("fields", [0, 1])
def test_a_generated_initialiser_is_called(fields):
    @jitd.jitclass
    class Point:
        x: float
        y: float = 2.0

    @jitd.jitclass
    class Named(Point):
        if fields:
            z: float

        def __init__(self, x: float) -> None:
            super().__init__(x * 2.0)
            if fields:
                self.z = self.y + 1.0

        def sum(self) -> float:
            return self.x + self.y

    @jitd.jitclass
    class Wide(Point):
        w: float = 0.25

        def sum(self) -> float:
            return self.x + self.y + self.w

    one, two, three = Named(1.5), Wide(1.0), Wide(1.0, w=4.0)
    assert (one.sum(), two.sum(), three.sum()) == (5.0, 3.25, 7.0)
    assert native(Named, "__init__") == native(Named, "sum") == (1, 0) and native(Wide, "sum") == (2, 0)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Wide()


@pytest.mark.parametrize("decorated", ["alone", "over"])
def test_the_initialiser_of_a_dataclass_is_called(decorated):
    over = dataclasses.dataclass(order=True) if decorated == "over" else lambda cls: cls
    alone = jitd.jitclass(order=True) if decorated == "alone" else jitd.jitclass

    @alone
    @over
    class Point:
        x: float
        y: float = 2.0
        name: str = "point"

        def __post_init__(self) -> None:
            self.y += 1.0

    @jitd.jitclass
    class Named(Point):
        z: float

        def __init__(self, x: float) -> None:
            super().__init__(x * 2.0, name="named")
            self.z = self.y + 1.0

        def sum(self) -> float:
            return self.x + self.y + self.z

    @jitd.jitclass
    class Maker:
        n: int = 0

        def make(self, x: float) -> float:
            return Named(x).sum()

    assert (Named(1.5).sum(), Maker().make(1.0), repr(Point(1.0))[-30:]) == (10.0, 9.0, "Point(x=1.0, y=3.0, name='point')"[-30:])
    assert vars(Named(1.0)) == {"x": 2.0, "y": 3.0, "name": "named", "z": 4.0}
    assert native(Named, "__init__")[0] == 2 and native(Named, "sum") == (1, 0) and native(Maker, "make") == (1, 0)
    with pytest.raises(TypeError, match=r"Point.__init__\(\) missing 1 required positional argument: 'x'"):
        Point()


@pytest.mark.parametrize("which, name", [(0, "area"), (0, "scaled"), (1, "area"), (2, "area"), (0, "FACTOR"), (2, "FACTOR"), (1, "__init__")])
def test_what_is_set_later_is_what_counts(which, name):
    plain, classes = [], []
    for made in (plain, classes):
        with pytest.MonkeyPatch.context() as patch:
            if made is plain:
                patch.setattr(jitd, "jitclass", lambda cls: cls)
            made += make()
        ring = made[2](2.0, 1.0)
        made.append([ring.scaled(), made[1](3.0).scaled()])
        if name == "FACTOR":
            made[which].FACTOR = 7
        elif name == "__init__":
            made[which].__init__ = lambda self, radius: vars(self).update() or setattr(self, "radius", -radius) or setattr(self, "scale", 1.0)
        else:
            setattr(made[which], name, lambda self: self.scale * 1000.0)
        made[3] += [ring.scaled(), made[1](3.0).scaled(), made[2](3.0, 0.5).scaled(), ring.area()]
    assert classes[3] == plain[3]


def test_what_is_set_on_an_instance_later_is_what_counts():
    for kept in (False, True):  # the instances have a dict of CPython's

        @jitd.jitclass
        class Base:
            n: int
            if not kept:
                LIMIT = 4

            def step(self) -> int:
                return self.n

            def run(self) -> int:
                return self.step() * 2 + self.LIMIT

            LIMIT = 4

        @jitd.jitclass
        class Below(Base):
            if kept:
                items: list

            def other(self) -> int:
                return self.run() + self.step()

        below, another = (Below(1, []), Below(2, [])) if kept else (Below(1), Below(2))
        assert (below.other(), another.other()) == (7, 10)
        assert native(Below, "other") == (2, 0)
        below.step = lambda: 100
        assert (below.other(), another.other(), Base(5).run()) == (304, 10, 14)
        another.LIMIT = 0
        assert (below.other(), another.other(), Base(5).run()) == (304, 6, 14)


def test_a_tracer_sees_the_functions_where_they_stand():
    """The frames of an exception are those of the classes' own methods."""

    @jitd.jitclass
    class Base:
        n: int

        def divide(self, k: int) -> int:
            return self.n // k

    @jitd.jitclass
    class Below(Base):
        def divide(self, k: int) -> int:
            return super().divide(k) + 1

    below = Below(4)
    assert below.divide(2) == 3
    with pytest.raises(ZeroDivisionError) as raised:
        below.divide(0)
    lines = [Below.divide.__code__.co_firstlineno + 1, Base.divide.__code__.co_firstlineno + 1]
    assert [(entry.lineno + 1, entry.name) for entry in raised.traceback[1:]] == [(line, "divide") for line in lines]


def calls_of(function, *args):
    """The names of the Python functions that it runs."""
    names = []
    sys.setprofile(lambda frame, event, arg: names.append(frame.f_code.co_name) if event == "call" else None)
    try:
        function(*args)
    finally:
        sys.setprofile(None)
    return names


def make_made():
    @jitd.jitclass
    class Made:
        n: int

    @jitd.jitclass
    class More(Made):
        m: int = 2

    @jitd.jitclass
    class Same(Made):
        pass

    return Made, More, Same


def test_an_instance_is_made_without_the_interpreter():
    for cls, owner in zip(make_made(), ("Made", "More", "Made")):
        cls(1)
        assert calls_of(cls, 1) == []
        assert type(cls(3)) is cls and cls(n=4).n == 4
        with pytest.raises(TypeError, match=rf"{owner}.__init__\(\) got an unexpected keyword argument 'q'"):
            cls(1, q=2)


@pytest.mark.parametrize("first", [False, True])
def test_how_the_base_s_instances_are_made_is_set_later(first):
    """What a class inherits of it changes, too; what it has itself, as each that declares fields has an __init__, does not."""
    Made, More, Same = make_made()
    if first:
        assert [cls(1).n for cls in (Made, More, Same)] == [1, 1, 1]
    generated = Made.__init__
    Made.__init__ = lambda self, n: generated(self, n + 10)
    assert [cls(1).n for cls in (Made, More, Same)] == [11, 1, 11]
    made = []
    Made.__new__ = lambda cls, *args, **kwargs: made.append(cls) or object.__new__(cls)
    for cls in (Made, More, Same):
        cls(1)
    assert made == [Made, More, Same]


class Special:
    """Each of these is Instance's, too, which is not to come before a mixin."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value + 1)

    def __hash__(self):
        return 7

    def __enter__(self):
        return "entered"

    def __exit__(self, *exception):
        return True

    def __getstate__(self):
        return {"n": 50}


@pytest.mark.parametrize("decorate", [jitd.jitclass, lambda cls: cls])
@pytest.mark.parametrize("name", [name for name in vars(Special) if name[:6] in ("__seta", "__hash", "__ente", "__gets")])
def test_what_a_mixin_behind_the_jitclass_has(decorate, name):
    names = {name, "__exit__"} if name == "__enter__" else {name}
    mixin = type("Behind", (), {key: vars(Special)[key] for key in names})
    if name == "__setattr__":
        mixin.__setattr__ = lambda self, key, value: object.__setattr__(self, key, value + 1)
    Made, More, _same = make_made()
    cls = decorate(type("Mixed", (More, mixin), {"__module__": __name__}))
    assert [base.__name__ for base in cls.__mro__] == ["Mixed", "More", "Made", "Behind", "Instance", "object"]
    for make in (lambda: cls, lambda: decorate(type("Below", (cls,), {"__module__": __name__}))):
        one = make()(5)
        one.n = 8
        assert one.n == 8 + (name == "__setattr__")
        assert (hash(one) == 7) is (name == "__hash__")
        assert (copy.copy(one).n == 50) is (name == "__getstate__")
        with one as entered:
            assert (entered == "entered") is (name == "__enter__")
    base = More(1)
    base.extra = 3
    assert (base.extra, vars(base)) == (3, {"n": 1, "m": 2, "extra": 3})


def test_a_new_of_a_mixin_makes_the_instances():
    made = []

    class Counted:
        def __new__(cls, *args, **kwargs):
            made.append(cls)
            return super().__new__(cls)

    Made, More, _same = make_made()
    for bases in ((Counted, Made), (More, Counted)):
        cls = jitd.jitclass(type("Mixed", bases, {"__module__": __name__}))
        made.clear()
        assert cls(5).n == 5 and made == [cls]


def test_ints_leave_the_machine_s_range():
    @jitd.jitclass
    class Base:
        n: int
        log: list

        def grow(self) -> int:
            self.log.append(self.n)
            return self.n * self.n

    @jitd.jitclass
    class Below(Base):
        def grow(self) -> int:
            self.log.append(-1)
            grown = super().grow() + 1
            self.log.append(grown)
            return grown

    below = Below(3, [])
    assert below.grow() == 10
    below.n = 1 << 40
    assert below.grow() == (1 << 80) + 1
    assert below.log == [-1, 3, 10, -1, 1 << 40, (1 << 80) + 1]


def test_classes_go_when_nobody_has_them():
    Shape, Circle, Ring = make()
    assert Ring(2.0, 1.0).scaled() == 135.0
    gone = weakref.ref(Ring)
    del Ring
    gc.collect()
    assert gone() is None and Circle(1.0).scaled() == 9.0

    @jitd.jitclass
    class Square(Circle):
        def area(self) -> float:
            return self.radius**2

    assert Square(2.0).scaled() == 12.0


def test_a_base_in_another_module(tmp_path, monkeypatch):
    """Its annotations and the names in its methods are those of its own module."""
    (tmp_path / "heirs_base.py").write_text(
        "import math\nimport jitd\nFACTOR = 3\n@jitd.jitclass\nclass Part:\n    n: int\n"
        "@jitd.jitclass\nclass Base:\n    part: 'Part'\n    x: float\n    def value(self) -> float:\n"
        "        return math.sqrt(self.x) * FACTOR + self.part.n + self.__hidden()\n    def __hidden(self) -> float:\n        return 0.5\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import heirs_base

    @jitd.jitclass
    class Below(heirs_base.Base):
        y: float

        def value(self) -> float:
            return super().value() + self.y

        def __hidden(self) -> float:
            return math.inf

    below = Below(heirs_base.Part(2), 16.0, 100.0)
    assert below.value() == 114.5 and native(Below, "value") == (1, 0)
    heirs_base.FACTOR = 4
    assert below.value() == 118.5
    del sys.modules["heirs_base"]


@pytest.mark.parametrize(
    "spoils",
    [
        "class C(A, B): pass",
        "@jitd.jitclass\nclass C(A):\n    x: float = 2.5",
        "@dataclasses.dataclass\nclass D(A):\n    y: int = 1\n@jitd.jitclass\nclass C(D):\n    z: int = 1",
        "class D(A):\n    pass\n@jitd.jitclass\nclass C(D):\n    z: int = 1",
        "@jitd.jitclass\nclass C(A):\n    __slots__ = ('z',)",
        "@jitd.jitclass\nclass C(A):\n    x = 7",
    ],
)
def test_what_is_python_above_its_base(tmp_path, spoils):
    """As before, and as CPython has it."""
    from twins import load

    text = "import dataclasses\nimport jitd\n@jitd.jitclass\nclass A:\n    x: int = 1\n    def f(self) -> int:\n        return self.x * 2\n"
    module = load(tmp_path / f"spoils{abs(hash(spoils))}.py", text + "@jitd.jitclass\nclass B:\n    w: int = 3\n" + spoils + "\n")
    one = module.C()
    assert one.f() == one.x * 2 and isinstance(one, module.A)
    one.x = 5
    assert one.f() == 10 and module.A().f() == 2


def test_long_chains():
    """What is done for all classes below one is done once for each: a chain of forty takes no longer than its length."""
    source = "@jitclass\nclass C0:\n    n: int\n\n    def value(self) -> int:\n        return self.n\n"
    source += "".join(f"@jitclass\nclass C{i}(C{i - 1}):\n    def value(self) -> int:\n        return super().value() + {i}\n" for i in range(1, 40))
    source += "@jitclass\nclass Pair:\n    one: C0\n    two: C0\n\n    def same(self) -> bool:\n        return self.one == self.two\n"
    names = {"jitclass": jitd.jitclass, "__name__": __name__}
    path = "<a chain of forty>"
    linecache.cache[path] = (len(source), None, source.splitlines(True), path)
    exec(compile(source, path, "exec"), names)
    last = names["C39"](1)
    pair = names["Pair"](last, names["C0"](2))
    assert (last.value(), pair.same(), names["Pair"](last, last).same()) == (sum(range(40)) + 1, False, True)
    names["C0"].value = lambda self: 5
    assert last.value() == sum(range(40)) + 5


def barriers(jitclass):
    @jitclass
    class Base:
        n: int

        def __init__(self, n: int) -> None:
            self.n = n

        def constant(self) -> int:
            return 1

        def variadic(self) -> int:
            return 2

        def ignored(self) -> int:
            return 3

        def static(self) -> int:
            return 4

        def named(self) -> int:
            return 5

        def compiled(self) -> int:
            return 6

    @jitclass
    class Mid(Base):
        constant = 3

        def variadic(self, *args) -> int:
            return 20

        @jitd.jit_ignore
        def ignored(self) -> int:
            return 30

        static = staticmethod(lambda: 40)

        def named(self, *args) -> int:
            return 50

        def compiled(self) -> int:
            return 60 + super().compiled()

    @jitclass
    class Below(Mid):
        def constant(self) -> int:
            return super().constant()

        def variadic(self) -> int:
            return super().variadic() + 100

        def ignored(self) -> int:
            return super().ignored() + 100

        def static(self) -> int:
            return super().static() + 100

        def named(self) -> int:
            return Mid.named(self) + 1000 * Base.named(self)

        def compiled(self) -> int:
            return super().compiled() + 100

    return Below(1)


def test_super_does_not_pass_by_what_stays_python():
    """A class between has something under the name that is not compiled: that is what is found, or called in vain."""

    def tried(one, name):
        try:
            return getattr(one, name)()
        except TypeError as error:
            return str(error)

    names = ("constant", "variadic", "ignored", "static", "named", "compiled")
    found, wanted = ([tried(barriers(how), name) for name in names] for how in (jitd.jitclass, lambda cls: cls))
    assert found == wanted == ["'int' object is not callable", 120, 130, 140, 5050, 166]


DATACLASSES = """
from dataclasses import InitVar, dataclass, field
from typing import ClassVar

from jitd import jitclass


{0}
class Shape:
    name: str = "shape"
    sides: int = 0
    scale: float = field(default=1.0, compare=False)
    LEVEL: ClassVar[int] = 1

    def __post_init__(self) -> None:
        self.scale = self.scale * 2.0

    def area(self) -> float:
        return 0.0

    def scaled(self) -> float:
        return self.area() * self.scale + self.sides


{0}
class Square(Shape):
    name: str = "square"
    sides: int = 4
    a: float = 1.0
    tags: list = field(default_factory=list, repr=False)
    hidden: int = field(default=7, init=False)

    def area(self) -> float:
        return self.a * self.a


{0}
class Box(Square):
    h: float = field(default=2.0, kw_only=True)
    extra: InitVar[float] = 0.5

    def __post_init__(self, extra: float) -> None:
        super().__post_init__()
        self.h += extra

    def area(self) -> float:
        return super().area() * self.h
"""
DECORATED = {"alone": "@jitclass", "ordered": "@jitclass(order=True)", "over a dataclass": "@jitclass\n@dataclass", "hashed": "@jitclass\n@dataclass(unsafe_hash=True)"}


@pytest.mark.parametrize("decorated", DECORATED.values(), ids=DECORATED)
def test_dataclasses_above_each_other_are_compiled(tmp_path, decorated):
    from twins import load

    module = load(tmp_path / f"chain{abs(hash(decorated))}.py", DATACLASSES.format(decorated))
    square, box = module.Square("q", 4, 0.5, 3.0), module.Box(h=1.5)
    assert (square.scaled(), box.scaled(), box.h, box.scale) == (13.0, 2.0 * 2.0 + 4, 2.0, 2.0)
    assert native(module.Square, "scaled") == native(module.Box, "scaled") == (1, 0)
    assert [name for name, *_ in jitd.layout(module.Box)["fields"]] == ["sides", "scale", "a", "hidden", "h"]
    assert jitd.layout(module.Box)["fields"][:2] == jitd.layout(module.Shape)["fields"]


def test_a_field_that_is_declared_again_with_another_default():
    @jitd.jitclass
    class Shape:
        sides: int = 0
        kind: str = "shape"

        def count(self) -> int:
            return self.sides * 10

    @jitd.jitclass
    class Square(Shape):
        sides: int = 4
        kind: str = "square"
        a: float = 1.0

    @jitd.jitclass
    class Rectangle(Square):
        b: float = 2.0

    @jitd.jitclass
    class Holder:
        shape: Shape

        def sides(self) -> int:
            return self.shape.sides + self.shape.count()

    one, other = Square(), Rectangle(a=3.0)
    assert (one.sides, one.kind, one.count(), other.sides, other.count(), Square(5).count()) == (4, "square", 40, 4, 40, 50)
    assert (Square.sides, Rectangle.sides, Shape.sides, vars(Square)["sides"]) == (4, 4, 0, 4)
    assert [name in vars(cls) for cls in (Shape, Square, Rectangle) for name in ("sides", "b")] == [True, False, True, False, False, True]
    assert native(Square, "count") == (2, 0) and native(Rectangle, "count") == (1, 0)
    assert jitd.layout(Rectangle)["fields"][0] == jitd.layout(Shape)["fields"][0]
    assert [Holder(each).sides() for each in (one, other, Shape(1))] == [44, 44, 11] and native(Holder, "sides") == (3, 0)
    del one.sides
    assert (one.sides, one.count(), other.count(), "sides" in vars(one)) == (4, 40, 40, False)
    Square.sides = 6
    assert (one.sides, Rectangle.sides, other.sides, Square().sides, Shape.sides) == (6, 6, 4, 4, 0)
    one.sides = 1
    assert one.count() == 10


def test_a_default_that_only_the_init_of_the_class_above_sets():
    """Until it is set an instance of the class below shows the class's."""
    for decorate in (lambda cls: cls, jitd.jitclass):

        @decorate
        @dataclasses.dataclass
        class Base:
            n: int = dataclasses.field(default=3, init=False)
            m: int = 1

            def __init__(self, n=5):
                self.n = self.m = n

            def read(self) -> int:
                return self.n

        @decorate
        @dataclasses.dataclass
        class Below(Base):
            k: int = 2

        base, below = Base(), Below(1)
        assert (vars(base), vars(below), below.n, below.read()) == ({"n": 5, "m": 5}, {"m": 1, "k": 2}, 3, 3)
        Base.n = 9
        assert (base.n, below.n, below.read()) == (5, 9, 9)
        below.n = 3
        assert vars(below)["n"] == 3 == below.read()
        del below.n
        assert below.n == 9


@pytest.mark.parametrize("kind, default", [("str", "'a'"), ("float", "0.5"), ("list", "dataclasses.field(default_factory=list)"), ("str", None)])
def test_a_field_that_is_declared_again_with_another_type(tmp_path, kind, default):
    """The class is a Python class above its base, and has the field as its own."""
    from twins import load

    text = "import dataclasses\nfrom jitd import jitclass\n@jitclass\nclass A:\n    x: int = 1\n    y: int = 2\n    def f(self) -> int:\n        return self.y\n"
    text += f"@jitclass\nclass B(A):\n    x: {kind}{f' = {default}' if default else ''}\n    z: int = 4\n"
    module = load(tmp_path / f"other{abs(hash((kind, default)))}.py", text)
    one, other = module.B(), module.B("text", 5)
    assert (other.x, other.y, other.z, other.f(), one.f()) == ("text", 5, 4, 5, 2)
    assert one.x == (1 if default is None else [] if kind == "list" else eval(default))
    one.x = None
    assert one.x is None and vars(one)["x"] is None and module.A(3).x == 3
    with pytest.raises(TypeError):
        module.A(3).x = None


MIXINS = """
from typing import Optional


@jitclass
class Named:
    LEVEL = 1

    def label(self) -> int:
        return self.number() * 10 + self.LEVEL

    def number(self) -> int:
        return 1

    def area(self) -> float:
        return super().area() + 0.5


@jitclass
class Counted:
    def number(self) -> int:
        return super().number() + 100

    def count(self) -> int:
        self.counted = 5
        return self.number()

    @property
    def twice(self) -> int:
        return self.number() * 2


@jitclass
class Shape:
    a: float = 2.0
    sides: int = 4

    def area(self) -> float:
        return self.a * self.a

    def number(self) -> int:
        return self.sides


@jitclass
class First(Named, Shape):
    k: int = 3
    LEVEL = 2


@jitclass
class Last(Shape, Named):
    x: float = 0.25


@jitclass
class Both(Counted, Named, Shape):
    items: Optional[list] = None

    def number(self) -> int:
        return super().number() + len(self.items or ())


@jitclass
class Further(Both):
    z: int = 1

    def area(self) -> float:
        return super().area() + self.z


@jitclass
class Plain(Counted, Named):
    w: int = 6

    def number(self) -> int:
        return self.w


@jitclass
class Holder:
    named: Named
    shape: Optional[Shape] = None

    def labels(self) -> int:
        return self.named.label() + self.named.number()

    def areas(self) -> float:
        return self.shape.area() + self.shape.a if self.shape is not None else 0.0


def shown(one):
    asked = [one.label(), one.number(), dict(vars(one)), [cls.__name__ for cls in type(one).__mro__ if cls.__name__ != "Instance"]]
    return asked + [one.area() if isinstance(one, Shape) else None, (one.count(), one.twice, one.counted) if isinstance(one, Counted) else None]


def used():
    made = [First(1.0, 5, 6), Last(), Both(3.0, 2, [1]), Further(1.5, 3, [], 2), Plain(), Plain(8)]
    found = [shown(one) for one in made] + [shown(one) for one in made]
    found += [(Holder(one).labels(), Holder(one, one if isinstance(one, Shape) else None).areas()) for one in made]
    Named.label = lambda self: -1
    Shape.a = 7.0
    return found + [shown(one) for one in made] + [Last(1.0).area(), First().a, First.a]
"""


def test_mixins_that_are_jitclasses(tmp_path):
    """Without fields they may be among the bases in any order."""
    from twins import load

    plain = "import dataclasses\nimport inspect\n\ndef jitclass(cls):\n    return dataclasses.dataclass(cls, eq=False) if inspect.get_annotations(cls) else cls\n"
    expected, module = load(tmp_path / "plain_mixins.py", plain + MIXINS), load(tmp_path / "mixins.py", "from jitd import jitclass\n" + MIXINS)
    assert module.First().label() == 12 and module.Both(1.0, 2, []).count() == 101 and module.Further(1.0, 2, []).area() == 2.5
    assert native(module.First, "label") == native(module.Both, "count") == native(module.Further, "area") == (1, 0)
    assert [name for name, *_ in jitd.layout(module.Further)["fields"]] == ["a", "sides", "z"]
    assert module.used() == expected.used()


def test_mixins_whose_names_are_those_of_fields():
    @jitd.jitclass
    class Sized:
        def size(self) -> int:
            return 1

    @jitd.jitclass
    class Made:
        def __init__(self):
            self.n = 50

    @jitd.jitclass
    class Base:
        n: int = 2
        size: int = 3

        def read(self) -> int:
            return self.n + self.size

    @jitd.jitclass
    class Below(Sized, Base):
        m: int = 4

    @jitd.jitclass
    class Other(Made, Base):
        pass

    below, other = Below(), Other()
    assert (below.size, below.read(), vars(below)) == (3, 5, {"n": 2, "size": 3, "m": 4})
    assert (other.n, other.read()) == (50, 53)


def test_a_subclass_below_a_field_that_holds_one() -> None:
    """The default of a field that no __init__ assigns, in classes that extend its class, once the field of an instance holds what the arena cannot."""
    found = []
    for decorate in (lambda cls: cls, jitd.jitclass):

        @decorate
        class Node:
            peer: "Node | None" = None
            n: int = 0

            def __init__(self, n: int) -> None:
                self.n = n

        @decorate
        class Leaf(Node):
            kind = 3

        class Python(Leaf):
            pass

        leaf = Leaf(4)
        leaf.peer = Python(2)
        made = [Python(5), Leaf(6), Node(7)]
        made[0].peer = made[0]
        found.append([type(leaf.peer).__name__, [node.n for node in made], [node.peer is made[0] for node in made], [node.peer is None for node in made], [sorted(vars(node)) for node in made]])
    assert found[1] == found[0]
