"""References to instances of a class or of one that extends it: in fields, lists, arguments, results and locals. Each program runs by CPython, too."""

import abc
import gc

import jitd
import pytest
from twins import PLAIN, load

pytestmark = pytest.mark.filterwarnings("ignore::jitd.CompileWarning")

CLASSES = '''
from typing import Any, Optional


@jitclass
class Shape:
    scale: float
    LEVEL = 1

    def area(self) -> float:
        raise NotImplementedError("area of a shape")

    def maybe(self, x: float) -> Optional[float]:
        return None

    def name(self) -> int:
        return 0

    def mix(self, k: int):
        return k

    def grow(self, by: int = 1) -> int:
        return by

    @property
    def double(self) -> float:
        return self.scale * 2.0

    @property
    def seen(self) -> int:
        return 0

    @property
    def same(self) -> float:
        return self.scale + 0.25

    @staticmethod
    def unit(k: int) -> int:
        return k

    @classmethod
    def kind(cls, k: int = 1) -> int:
        return cls.LEVEL * 10 + k


@jitclass
class Circle(Shape):
    r: float

    def area(self) -> float:
        return 3.0 * self.r * self.r

    def maybe(self, x: float) -> Optional[float]:
        return None if x > self.r else x * 2.0

    def name(self) -> int:
        return 1

    def mix(self, k: int):
        return k * 0.5


@jitclass
class Square(Shape):
    a: float
    n: int = 0
    LEVEL = 2

    def area(self) -> float:
        self.n += 1
        return self.a * self.a

    def maybe(self, x: float) -> Optional[float]:
        return None if x < self.a else x * 3.0

    def grow(self, by: int = 2) -> int:
        self.n = (self.n * 100000000000037 + by) % 1000000007
        return self.n

    @property
    def double(self) -> float:
        return -1.0

    @property
    def seen(self) -> int:
        self.n += 1
        return 1000 // (self.n - 7)

    @staticmethod
    def unit(k: int) -> int:
        return k * 3 // (k - 5)


@jitclass
class Cube(Square):
    def area(self) -> float:
        return super().area() * 6.0

    @classmethod
    def kind(cls, k: int = 1) -> int:
        return 500 - k * cls.LEVEL

    def mix(self, k: int):
        return str(k)


@jitclass
class Holder:
    one: Shape
    two: Optional[Shape]
    square: Square
    shapes: list[Shape]
    log: list

    def __init__(self, one: Shape, two: Optional[Shape], square: Square) -> None:
        self.one = one
        self.two = two
        self.square = square
        self.shapes = [one, square]
        self.log = []

    def total(self) -> float:
        t = self.one.area() * self.one.scale + self.square.area()
        if self.two is not None:
            t += self.two.area()
        return t

    def sum(self) -> float:
        t = 0.0
        for s in self.shapes:
            t += s.area() * s.scale + s.name()
        return t

    def many(self, x: float) -> float:
        t = 0.0
        for s in self.shapes:
            m = s.maybe(x)
            if m is not None:
                t += m
        return t

    def mixed(self, k: int):
        found = []
        for s in self.shapes:
            found.append(s.mix(k))
        return found

    def levels(self):
        return [s.LEVEL for s in self.shapes], self.one.LEVEL, self.one.double, self.square.LEVEL

    def doubles(self) -> float:
        t = 0.0
        for s in self.shapes:
            t += s.double * s.scale + s.same
        return t + self.one.double

    def kinds(self, k: int) -> int:
        t = 0
        for s in self.shapes:
            self.log.append(t)
            t += s.unit(k) * 100 + s.kind() + self.one.kind(k)
        return t + Square.kind(3) + Cube.unit(k)

    def seens(self, k: int) -> int:
        t = 0
        for i in range(k):
            self.log.append(i)
            for s in self.shapes:
                t += s.seen
        return t

    def chosen(self, k: int) -> float:
        self.log.append(k)
        return self.make(k).double + (self.two.double if self.two is not None else 0.5)

    def set(self, s: Shape) -> None:
        self.one = s
        self.shapes.append(s)

    def set_two(self, s: Optional[Shape]) -> bool:
        self.two = s
        return self.two is self.one

    def make(self, k: int) -> Shape:
        if k == 0:
            return Circle(1.0, 2.0)
        if k == 1:
            return Square(1.0, 3.0)
        if k == 2:
            return self.square
        return self.one

    def pick(self, k: int) -> float:
        s = Circle(1.0, 2.0) if k == 0 else self.make(k)
        self.two = s
        return s.area() + self.two.area()

    def walk(self, k: int) -> float:
        s = self.one
        t = 0.0
        for i in range(k):
            self.log.append(i)
            t += s.area()
            s = self.shapes[i % len(self.shapes)]
        return t

    def grown(self, k: int) -> int:
        t = 0
        for i in range(k):
            for s in self.shapes:
                t += s.grow(i)
        return t

    def pair(self, k: int):
        return self.make(k), k, (self.make(k + 1), 0.5)

    def truth(self) -> int:
        n = 0
        for s in self.shapes:
            if s:
                n += 1
            if s == self.one:
                n += 10
        return n


def area_of(s: Shape) -> float:
    return s.area() + s.scale


def first(shapes: list[Shape]) -> Shape:
    best = shapes[0]
    for s in shapes:
        if s.area() > best.area():
            best = s
    return best
'''

STEPS = [
    "h.total()", "h.sum()", "h.many(2.5)", "h.many(0.5)", "h.mixed(3)", "h.levels()", "h.set(Square(2.0, 1.5))", "h.total()", "h.sum()", "h.set_two(h.one)",
    "h.set_two(None)", "h.make(0)", "h.make(1)", "h.make(2)", "h.make(3)", "h.pick(0)", "h.pick(1)", "h.pick(2)", "h.pick(3)", "h.set(Cube(1.0, 2.0))",
    "h.kinds(1)", "h.kinds(5)", "h.kinds(2**62)", "h.doubles()", "h.seens(2)", "h.seens(4)", "h.seens(1)", "h.chosen(0)", "h.chosen(1)", "h.chosen(2)", "h.chosen(3)", "h.walk(7)", "h.log", "h.sum()", "h.mixed(4)", "h.levels()", "h.grown(2)", "h.grown(9)", "h.shapes",
    "h.pair(0)", "h.pair(1)", "h.truth()", "area_of(h.one)", "area_of(Circle(1.0, 2.0))", "area_of(Cube(0.5, 1.0))", "first(h.shapes)", "first([Cube(1.0, 3.0)])",
    "first(())", "h.set(Shape(9.0))", "h.total()", "h.sum()", "h.walk(3)", "h.many(1.0)", "setattr(h, 'one', Circle(2.0, 0.5))", "h.total()", "h.shapes.pop()",
    "h.shapes.append(late())", "h.sum()", "h.kinds(2)", "h.doubles()", "h.seens(2)", "h.grown(1)", "h.levels()", "h.shapes.insert(0, 'text')", "h.sum()", "h.shapes.pop(0)", "area_of(late())", "first([late()])",
    "h.set_two(late())", "h.total()", "h.pick(3)", "setattr(h, 'two', None)", "setattr(h, 'one', late())", "h.total()", "h.make(3)", "h.walk(4)", "area_of(3)",
    "setattr(h, 'square', Cube(1.0, 1.0))", "h.total()", "setattr(Cube, 'area', lambda self: 77.0)", "h.total()", "h.sum()", "setattr(Square, 'unit', staticmethod(lambda k: 77))", "h.kinds(1)", "setattr(Square, 'double', property(lambda self: 5.5))", "h.doubles()", "h.chosen(1)", "setattr(h.square, 'area', lambda: 5.0)",
    "h.total()", "[type(s).__name__ for s in h.shapes]",
]  # fmt: skip

LATE = '''
class Late(Shape):
    def area(self) -> float:
        return 1000.0 + self.scale
'''


def compiled(path):
    """With the lines of PLAIN + CLASSES."""
    world = load(path, "import jitd\nfrom jitd import jitclass\n\n" + CLASSES)
    world.area_of, world.first = jitd.jit(world.area_of), jitd.jit(world.first)
    return world


def shown(value):
    if type(value).__name__ in ("Shape", "Circle", "Square", "Cube", "Late"):
        return type(value).__name__, sorted((k, v) for k, v in vars(value).items() if k != "area")
    if isinstance(value, (list, tuple)):
        return [shown(v) for v in value]
    return type(value).__name__, value


def run(world, steps):
    h = world.Holder(world.Circle(2.0, 1.0), world.Square(1.0, 2.0), world.Square(0.5, 3.0))
    made, results = {}, []

    def late():
        if not made:
            exec(LATE, vars(world), made)
            made["Late"] = world.jitclass(made["Late"])
        return made["Late"](3.0)

    names = {**vars(world), "h": h, "late": late}
    for step in steps:
        try:
            results.append((step, shown(eval(step, names))))
        except Exception as error:
            trace, lines = error.__traceback__.tb_next, []
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
                lines.append((trace.tb_frame.f_code.co_name, trace.tb_lineno))
            results.append((step, type(error).__name__, str(error), lines))
    return results


@pytest.mark.parametrize("order", range(6))
def test_as_in_cpython(tmp_path, order):
    """The steps one after the other, and in other orders: what is set later sends code back to Python."""
    import random

    steps = list(STEPS)
    if order:
        random.Random(order).shuffle(steps)
    plain = load(tmp_path / f"open_plain{order}.py", PLAIN + CLASSES)
    assert run(compiled(tmp_path / f"open_compiled{order}.py"), steps) == run(plain, steps)


def test_it_is_all_compiled(tmp_path):
    world = compiled(tmp_path / "open_native.py")
    h = world.Holder(world.Circle(2.0, 1.0), world.Cube(1.0, 2.0), world.Square(0.5, 3.0))
    h.one, h.two = world.Square(1.0, 1.0), world.Circle(1.0, 1.0)
    calls = {"total": (), "sum": (), "many": (2.0,), "make": (1,), "pick": (2,), "grown": (2,), "doubles": (), "kinds": (2,), "seens": (1,), "chosen": (3,)}
    for name, args in calls.items():
        for _ in range(3):
            getattr(h, name)(*args)
        assert not isinstance(world.Holder.__dict__[name], type(compiled)), (name, jitd.explain(world.Holder))
        counters = world.Holder.__dict__[name]._counters()
        assert (counters["native_calls"], counters["python_calls"]) == (3, 0), name
    objects = jitd.stats()["objects"]
    assert all(objects[f"Holder.{name}"]["resumes"] == objects[f"Holder.{name}"]["regions"] == 0 for name in calls if name != "grown")  # which leaves 64 bits
    assert world.area_of(world.Cube(0.5, 1.0)) == 6.5 and world.first([world.Circle(1.0, 1.0), world.Cube(1.0, 1.0)]).area() == 6.0
    assert world.area_of._counters()["python_calls"] == world.first._counters()["python_calls"] == 0


def test_a_class_that_comes_later_is_a_stranger(tmp_path):
    """It is not what a field's compiled code was made for: kept beside, and right."""
    world = compiled(tmp_path / "open_late.py")
    h = world.Holder(world.Circle(2.0, 1.0), None, world.Square(0.5, 3.0))
    assert h.total() == 15.0

    @jitd.jitclass
    class Late(world.Shape):
        LEVEL = 9

        def area(self) -> float:
            return 100.0

        def both(self, h: world.Holder) -> float:
            h.one = self
            return h.one.area() + h.one.LEVEL

    late = Late(2.0)
    assert late.both(h) == 109.0 and h.one is late and h.total() == 209.0
    h.shapes.append(late)
    assert h.sum() == 6.0 + 1 + 9.0 * 0.5 + 200.0 and h.levels()[0] == [1, 2, 9]


def test_what_fields_refer_to_is_counted():
    @jitd.jitclass
    class Base:
        next: "Base | None" = None
        n: int = 0

        def tail(self) -> "Base":
            at = self
            while at.next is not None:
                at = at.next
            return at

    @jitd.jitclass
    class Below(Base):
        m: int = 5

        def push(self) -> None:
            self.tail().next = Below(None, self.m)

    gc.collect()
    for _ in range(50):
        one = Below(Base(Below()))
        for _ in range(20):
            one.push()
        assert type(one.tail()) is Below and type(one.next) is Base
        del one
    gc.collect()
    jitd._jitd.check()  # counts and blocks of the arena


IDENTITY = """
from typing import Optional


@jitclass
class Base:
    one: "Base"
    two: Optional["Base"]

    def __init__(self, two: Optional["Base"] = None) -> None:
        self.two = two

    def is_own(self, n: int) -> int:
        s = 0
        for k in range(n):
            s += (self.one is self) + 2 * (self is not self.two)
        return s


@jitclass
class Below(Base):
    def same(self, other: Base, n: int) -> int:
        s = 0
        for k in range(n):
            s += (self is other) + 2 * (other is self) + 4 * (self is not other) + 8 * (self == other) + 16 * (other != self)
        return s

    def made(self, n: int) -> int:
        s = 0
        for k in range(n):
            x = Below(self)
            x.one = x
            s += (x is x.one) + 2 * (x.one is x) + 4 * (x is self.one)
        return s


@jitclass
class Beside(Base):
    def beside(self, other: Below, n: int) -> int:
        s = 0
        for k in range(n):
            s += (self is other) + 2 * (self is not other) + 4 * (self.one is other)
        return s
"""


def test_identity_of_a_base_and_what_extends_it(tmp_path):
    """One instance may be looked at as of its own class and as of one above; never as of one beside."""

    def results(world):
        below, other, beside = world.Below(), world.Below(), world.Beside()
        below.one = other.one = beside.one = below
        found = [o.is_own(3) for o in (below, other, beside)]
        found += [below.same(o, 3) for o in (below, other, beside)] + [below.made(3), other.made(3)]
        return found + [beside.beside(below, 3), beside.beside(other, 3)]

    plain = load(tmp_path / "identity_plain.py", "def jitclass(cls):\n    return cls\n" + IDENTITY)
    world = load(tmp_path / "identity_compiled.py", "from jitd import jitclass\n" + IDENTITY)
    assert results(world) == results(plain)
    assert not any(world.Below.__dict__[name]._counters()["python_calls"] for name in ("same", "made"))


SAME_FIELD = """
from typing import Optional


@jitclass
class Base:
    i: int
    one: "Base"

    def __init__(self, i: int) -> None:
        self.i = i

    def half(self, n: int) -> float:
        before = self.i
        self.one.i += self.i + n
        return self.i * 0.5 + before

    def turns(self, n: int) -> int:
        for k in range(n):
            self.one.i += 1
            self.i += 2
        return self.i


@jitclass
class Below(Base):
    j: int

    def __init__(self, i: int) -> None:
        self.i, self.j = i, i

    def own(self, other: Base, n: int) -> int:
        for k in range(n):
            other.i += self.j
            self.i *= 2
        return self.i + other.i


@jitclass
class Lowest(Below):
    def lowest(self, base: Base, below: Below, n: int) -> int:
        for k in range(n):
            below.j += 1
            base.i += self.i
            below.i += self.j
            base.one = below
            self.one.j += 2
            self.i += 3
        return base.i + 1000 * self.j + 1000000 * below.j
"""


def test_a_field_that_is_reached_as_of_a_base_and_of_what_extends_it(tmp_path):
    """It is one field: what is stored through one reference is read through the other."""

    def results(world):
        base, below, lowest = world.Base(5), world.Below(6), world.Lowest(7)
        found = []
        for one in (base, below, lowest):
            base.one = below.one = lowest.one = one
            found += [(o.half(3), o.turns(4), o.i) for o in (base, below, lowest)]
            found += [(o.own(one, 3), o.i, one.i) for o in (below, lowest)]
        found += [lowest.lowest(a, b, 3) for a in (below, lowest) for b in (below, lowest)]
        return found + [(o.i, o.j) for o in (below, lowest)]

    plain = load(tmp_path / "same_field_plain.py", "def jitclass(cls):\n    return cls\n" + SAME_FIELD)
    assert results(load(tmp_path / "same_field_compiled.py", "from jitd import jitclass\n" + SAME_FIELD)) == results(plain)


@pytest.mark.parametrize("concrete", [1, 2])
def test_what_an_abstract_class_has_is_nobody_s(concrete):
    """Its methods may give anything."""

    @jitd.jitclass
    class Shape(abc.ABC):
        scale: float = 2.0

        @property
        @abc.abstractmethod
        def area(self) -> float: ...

        @abc.abstractmethod
        def corners(self, k: int) -> int: ...

        def scaled(self) -> float:
            return self.area * self.scale

    @jitd.jitclass
    class Square(Shape):
        a: float = 3.0

        @property
        def area(self) -> float:
            return self.a * self.a

        def corners(self, k: int) -> int:
            return 4 * k

    if concrete == 2:

        @jitd.jitclass
        class Circle(Shape):
            @property
            def area(self) -> float:
                return 0.5

            def corners(self, k: int) -> int:
                return 0

    @jitd.jitclass
    class Holder:
        shapes: list[Shape]
        one: Shape

        def sum(self) -> float:
            t = 0.0
            for s in self.shapes:
                t += s.area + s.corners(2) + s.scaled()
            return t + self.one.area

    holder = Holder([Square()] + [Circle() for _ in range(concrete - 1)], Square(1.0, 1.0))
    expected = 9.0 + 8 + 18.0 + 1.0 + (1.5 if concrete == 2 else 0.0)
    assert (holder.sum(), holder.sum()) == (expected, expected)
    counters = Holder.__dict__["sum"]._counters()
    assert (counters["native_calls"], counters["resumes"], counters["regions"]) == (2, 0, 0)
    Shape.__abstractmethods__ = frozenset()
    holder.shapes.append(Shape())
    with pytest.raises(TypeError, match="unsupported operand type"):
        holder.sum()
    holder.shapes.pop()
    assert holder.sum() == expected


def test_a_result_beyond_64_bits_of_one_of_several():
    """Python has finished the callee; it goes on in the caller, whose effects stay."""

    @jitd.jitclass
    class Base:
        n: int = 0

        def power(self, k: int) -> int:
            self.n += 1
            return k * k

        @property
        def huge(self) -> int:
            self.n += 1
            return (self.n + 1) << 61

    @jitd.jitclass
    class Below(Base):
        def power(self, k: int) -> int:
            self.n += 2
            return k * k * 2

        @property
        def huge(self) -> int:
            self.n += 2
            return (self.n + 1) << 60

    @jitd.jitclass
    class User:
        log: list

        def use(self, other: Base, k: int) -> int:
            self.log.append(k)
            return 5 + other.power(k) + len(self.log)

        def ask(self, other: Base) -> int:
            self.log.append(0)
            return other.huge + len(self.log)

    user, shapes = User([]), [Base(), Below()]
    assert [user.use(one, 3) for one in shapes] == [15, 25]
    assert [user.use(one, 2**40) for one in shapes] == [2**80 + 8, 2**81 + 9]
    assert [user.ask(one) for one in shapes * 2] == [(4 << 61) + 5, (7 << 60) + 6, (5 << 61) + 7, (9 << 60) + 8]
    assert (user.log, [one.n for one in shapes]) == ([3, 3, 2**40, 2**40, 0, 0, 0, 0], [4, 8])
