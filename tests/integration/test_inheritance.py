"""Classes above each other, some or all of them jitclasses, do what the same classes do undecorated (language/inheritance_*.py, in every combination
of scenes.py): results, fields, exceptions with their lines, what is printed, and the order of it all."""

import abc
import dataclasses
import os
import sys
from pathlib import Path
from typing import Optional

import pytest

import jitd
from jitd import _jitd
from scenes import COMBINATIONS, Stage, first_difference, scenes

SOURCES = sorted((Path(__file__).parent / "language").glob("inheritance_*.py"))
pytestmark = pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
DECORATED_BASE = ("all", "only the base", "a plain one between")
# What still differs from CPython: {scene: (in which combinations, why)}.
KNOWN = {
    "patched_with_a_specification": (DECORATED_BASE, "mock takes no method of a jitclass for a function"),
}


def cases():
    for path in SOURCES:
        for name in scenes(path):
            where, why = KNOWN.get(name, ((), ""))
            for combination in COMBINATIONS:
                marks = [pytest.mark.xfail(reason=why, strict=True)] if combination in where else []
                yield pytest.param(path, name, combination, marks=marks, id=f"{name}-{combination}")


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """Makes the stage of a source and a combination, once."""
    folder, made = tmp_path_factory.mktemp("inheritance"), {}

    def stage(path, combination=None):
        if (path, combination) not in made:
            made[path, combination] = Stage(path, folder, combination)
        return made[path, combination]

    return stage


@pytest.mark.parametrize("path, name, combination", cases())
def test_scene(stages, path, name, combination):
    expected, got = (stages(path, which).run(name) for which in (None, combination))
    assert len(expected) > 2, "a scene shows something"
    assert expected[-2][0] == "value", f"a scene ends well: {expected[-2]}"
    difference = first_difference(expected, got)
    assert difference is None, difference


# ---- what has no counterpart in CPython ----


@jitd.jitclass
class Cell:
    n: int = 1
    next: Optional["Cell"] = None

    def value(self) -> int:
        return self.n

    def total(self) -> int:
        t, at = 0, self
        while at is not None:
            t += at.value()
            at = at.next
        return t


@jitd.jitclass
class Wide(Cell):
    m: int = 3
    x: float = 0.5

    def value(self) -> int:
        return self.n * 100 + self.m


class Bare(Wide):
    def __init__(self, n):
        super().__init__(n, None, n + 1)
        self.words = ["a"]

    def value(self) -> int:
        return super().value() * len(self.words)


def is_native(cls, name):
    """Whether a field of the class itself is in the arena."""
    try:
        return name in {field[0] for field in jitd.layout(cls)["fields"]}
    except TypeError:  # a Python class
        return False


@pytest.mark.parametrize("cls", [Wide, Bare])
def test_wrong_types_and_big_numbers_in_a_base_s_field(cls):
    one = cls(5)
    for wrong, error in (("x", TypeError), (2.5, TypeError), (None, TypeError), (2**63, OverflowError), (-(2**70), OverflowError)):
        with pytest.raises(error):
            one.n = wrong
        assert one.n == 5
    for wrong in ("x", 5, object()):
        with pytest.raises(TypeError, match="must be Cell or None"):
            one.next = wrong
        assert one.next is None
    one.n = True
    assert one.n == 1 and type(one.n) is int
    del one.n
    with pytest.raises(TypeError):
        one.n = []


def test_wrong_types_and_big_numbers_in_a_subclass_s_field():
    """A native field says no, a Python field takes it all; and what is in it is what the methods see."""
    one = Wide(1)
    for wrong, error in (("x", TypeError), (2.5, TypeError), (2**63, OverflowError), (-(2**70), OverflowError)):
        if is_native(Wide, "m"):
            with pytest.raises(error):
                one.m = wrong
            assert one.m == 3 and one.value() == 103
        else:
            one.m = wrong
            assert one.m is wrong
    one.m = 2**63 - 1
    assert one.value() == 2**63 + 99 and one.m == 2**63 - 1
    one.x = 2
    assert one.x == 2 and type(one.x) is (float if is_native(Wide, "x") else int)


def test_a_subclass_s_number_that_nobody_set():
    @jitd.jitclass
    class Early:
        n: int

        def __init__(self, n):
            self.n = n

    @jitd.jitclass
    class Late(Early):
        late: int

        def __init__(self, n):
            super().__init__(n)

        def read(self) -> int:
            return self.late

    one = Late(5)
    if is_native(Late, "late"):
        assert one.late == one.read() == 0
    else:
        for read in (lambda: one.late, one.read):
            with pytest.raises(AttributeError, match="'Late' object has no attribute 'late'"):
                read()
    one.late = 7
    assert one.late == one.read() == 7 and one.n == 5


def test_an_own_init_above_a_plain_dataclass_may_leave_a_required_field_behind_a_default():
    @dataclasses.dataclass
    class Early:
        n: int = 1

    @jitd.jitclass
    class Late(Early):
        late: int

        def __init__(self, late):
            super().__init__(5)
            self.late = late

    one = Late(7)
    assert (one.n, one.late, vars(one)) == (5, 7, {"n": 5, "late": 7})


def test_an_own_init_above_a_jitclass_may_leave_a_required_field_behind_a_default():
    @jitd.jitclass
    class Late(Cell):
        late: int

        def __init__(self, late):
            super().__init__(5)
            self.late = late

    one = Late(7)
    assert (one.n, one.late, one.value()) == (5, 7, 5)


class Mixin:
    """What makes a decorated subclass a Python class above a jitclass that has the name, too."""

    def value(self) -> int:
        return -1


@pytest.mark.parametrize("mixins", [(), (Mixin,)])
def test_a_subclass_s_post_init_is_asked(mixins):
    """Its base's generated __init__ knows of none."""

    @jitd.jitclass
    class Asks(Cell, *mixins):
        def __post_init__(self):
            self.n += 10

    @jitd.jitclass
    class Below(Asks):
        pass

    for cls in (Asks, Below):
        assert (cls(2).n, cls(n=3).n, Cell(4).n) == (12, 13, 4)


@pytest.mark.parametrize("metaclass", [type, abc.ABCMeta])
def test_a_generated_init_that_asks_a_setter(metaclass):
    names = []

    @jitd.jitclass
    class Noted(metaclass=metaclass):
        n: int

        def __setattr__(self, name, value):
            names.append(name)
            super().__setattr__(name, value)

    @jitd.jitclass
    class More(Noted):
        m: int = 2

    for make, n in ((lambda: More(1), 1), (lambda: Noted(2), 2), (lambda: More(n=3, m=2), 3), (lambda: Noted(n=4), 4)):
        assert make().n == n
    assert names == ["n", "m", "n", "n", "m", "n"]
    with pytest.raises(TypeError, match=r"Noted.__init__\(\) takes 2 positional arguments but 3 were given"):
        Noted(1, 2)


@pytest.mark.parametrize("decorate", [jitd.jitclass, lambda cls: cls])
@pytest.mark.parametrize("how", ["super", "object"])
@pytest.mark.parametrize("hooks", [("__setattr__",), ("__delattr__",), ("__setattr__", "__delattr__")])
def test_a_setter_of_a_subclass_calls_cpython_s(decorate, how, hooks):
    """CPython's own refuses an object of a class that has another C function in between."""
    names = []

    @jitd.jitclass
    class Base:
        n: int = 1

        def read(self) -> int:
            return self.n

    def hook(name):
        def function(self, *args):
            names.append((name, *args))
            getattr(super(Sets, self) if how == "super" else object, name)(*(() if how == "super" else (self,)), *args)

        return function

    Sets = decorate(type("Sets", (Base,), {"__module__": __name__} | {name: hook(name) for name in hooks}))
    Below = decorate(type("Below", (Sets,), {"__module__": __name__}))
    with Base() as closed:
        pass  # its class's instances are looked at from now on
    for cls in (Sets, Below):
        one = cls(5)
        names.clear()
        one.n, one.more = 7, 8
        del one.more
        seen = [("__setattr__", "n", 7), ("__setattr__", "more", 8), ("__delattr__", "more")]
        assert names == [each for each in seen if each[0] in hooks]
        assert (one.read(), vars(one)) == (7, {"n": 7})
        with pytest.raises(AttributeError):
            del one.more
    base = Base(3)
    base.n, base.other = 4, 5
    assert (base.read(), vars(base)) == (4, {"n": 4, "other": 5})
    with pytest.raises(TypeError, match="attribute name must be string"):
        base.__setattr__(1, 2)
    with pytest.raises(TypeError, match="expected 2 arguments, got 1"):
        base.__setattr__("n")
    for use in (lambda: setattr(closed, "n", 1), lambda: setattr(closed, "other", 1)):
        with pytest.raises(jitd.ReleasedError):
            use()


def test_a_default_of_a_closed_instance_s_class():
    with Wide(4) as one:
        pass
    with pytest.raises(jitd.ReleasedError):
        one.m


@pytest.mark.parametrize("cls", [Wide, Bare])
def test_a_closed_instance_of_a_subclass(cls):
    with cls(4) as one:
        assert one.value() > 400
    for use in (lambda: one.n, lambda: one.next, lambda: one.total(), lambda: setattr(one, "n", 1), lambda: Cell.value(one)):
        with pytest.raises(jitd.ReleasedError, match=f"this {cls.__name__} object was released"):
            use()
    holder = Cell(1, cls(2))
    held = holder.next
    held.close()
    with pytest.raises(jitd.ReleasedError):
        held.n


def test_the_class_of_a_jitclass_s_own_instance_stays():
    for one, other in ((Cell(), Bare), (Bare(1), Cell), (Cell(), Wide)):
        with pytest.raises(TypeError, match="__class__ assignment only supported"):
            one.__class__ = other
        assert type(one) is not other and one.value() == type(one).value(one)


def test_two_jitclasses_as_bases_keep_to_their_memory():
    """The fields of the second are attributes: nothing is written behind the fields of the first."""
    space = {"__annotations__": {f"b{i}": int for i in range(40)}, "__module__": __name__, **{f"b{i}": i for i in range(40)}}
    Large = jitd.jitclass(type("Large", (), dict(space)))

    @jitd.jitclass
    class Small:
        a: int = 7
        next: Optional["Small"] = None

    class Both(Small, Large):
        def __init__(self):
            Small.__init__(self, 5)

    class Other(Large, Small):
        pass

    small, made = [Small(i) for i in range(300)], []
    for _ in range(300):
        one, other = Both(), Other(1)
        assert (one.b0, one.b39, one.a, other.b0, other.b39, other.a) == (0, 39, 5, 1, 39, 7) and other.next is None
        for i in range(40):
            setattr(one, f"b{i}", -i)
        other.a, other.next = "any", one
        made += [one, other]
        small.append(Small(len(small)))
    assert [one.a for one in small] == list(range(600)) and all(one.next is None for one in small)
    one, other = made[:2]
    assert sorted(vars(one)) == sorted([*vars(Small()), *space["__annotations__"]]) and vars(other)["a"] == "any" and other.next is one
    del one.b3
    assert one.b3 == 3 and "b3" not in vars(one)
    with pytest.raises(AttributeError, match="b3"):
        del one.b3
    one.close()
    for use in (lambda: one.b0, lambda: setattr(one, "b0", 1), lambda: delattr(one, "b0")):
        with pytest.raises(jitd.ReleasedError):
            use()
    assert _jitd.check() == (0, "")


def test_a_shared_instance_and_subclasses():
    """What other processes could not see is refused, and changes nothing."""
    shared = Cell(1)
    jitd.publish("inheritance.shared", shared)
    for other in (Wide(2), Bare(3)):
        try:
            shared.next = other
        except TypeError as error:
            assert str(error) == f"Cell.next must be Cell or None, not {type(other).__name__}" and shared.next is None
        else:
            assert type(shared.next) is type(other) and shared.total() == 1 + other.value()
            shared.next = None
    jitd.publish("inheritance.shared", None)


def test_instances_of_subclasses_over_a_fork():
    """The child sees what there was, and goes its own way with what is new."""
    chain = Cell(1, Wide(2, Bare(3), 5))
    before = chain.total()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            assert chain.total() == before and type(chain.next) is Wide and type(chain.next.next) is Bare
            chain.next.next.words.append("b")
            chain.next.m = 6
            assert chain.total() != before and Bare(7).value() == 708 and Cell(0, Bare(7)).total() == 708
            chain.n = 50
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert chain.n == 50, "an instance of a jitclass is one for both"
    assert chain.next.next.words == ["a"], "a Python field is each one's own"
    chain.n = 1
    assert chain.total() in (before, before + 1), "m is shared when it is native"


def test_a_jitclass_beside_its_subclasses_stays_native():
    """As long as none of them is in a field of its type."""

    @jitd.jitclass
    class Link:
        n: int = 1
        next: Optional["Link"] = None

        def value(self) -> int:
            return self.n

        def total(self) -> int:
            t, at = 0, self
            while at is not None:
                t += at.value()
                at = at.next
            return t

    class Above(Link):
        def value(self) -> int:
            return super().value() * 100

    one = Link(1, Link(2, Link(3)))
    for _ in range(5):
        assert one.total() == 6 and Above(2).total() == 200 and Above(3, one).value() == 300
    assert Link.total._counters()["native_calls"] >= 5


WARM = """
import jitd
from typing import Optional

@jitd.jitclass
class A:
    n: int = 1
    next: Optional["A"] = None

    def value(self) -> int:
        return self.n

    def run(self, k: int) -> int:
        t = 0
        for i in range(k):
            t += self.value() * i
        return t

@jitd.jitclass
class B(A):
    m: int = 2

    def value(self) -> int:
        return super().value() * 10 + self.m

class C(B):
    def value(self) -> int:
        return -super().value()

print([cls(3).run(10) for cls in (A, B, C)], B(1, C(2)).next.run(3), A(5, B(6)).next.value())
"""
COMPILATIONS = 'print(jitd.stats()["machine"]["compilations"])'


def test_a_second_process_does_the_same(program, own_daemon):
    """With the code that the first one had compiled."""
    runs = [program(WARM + COMPILATIONS, name="warm_inheritance.py", JITD_SOCKET=own_daemon.socket).run().stdout.splitlines() for _ in range(3)]
    plain = program(WARM, name="warm_inheritance.py", JITD_DISABLE=1).run().stdout.splitlines()
    assert [said for said, _ in runs] == plain * 3
    assert int(runs[0][1]) > 0 and len({count for _, count in runs}) == 1, "nothing is compiled twice"


def test_what_a_python_class_above_is_given_later():
    """Under a field's name: instances keep what they have, and have the class's where they have none."""
    for decorate in (lambda cls: cls, jitd.jitclass):

        @decorate
        @dataclasses.dataclass
        class Base:
            n: int = 1
            late: float = dataclasses.field(default=0.5, init=False)
            next: Optional["Base"] = None

            def read(self) -> float:
                return self.n + self.late

        class Above(Base):
            pass

        class Further(Above):
            pass

        one, other, base = Above(5), Further(6), Base(2)
        assert [each.read() for each in (one, other, base)] == [5.5, 6.5, 2.5]
        Above.n, Above.late, Above.next = 7, 1.5, one
        assert [each.read() for each in (one, other, base)] == [6.5, 7.5, 2.5] and Further.n == Above.n == 7 and Base.n == 1
        assert (Above(3).n, vars(Above)["n"], "n" in vars(Further), vars(one), other.next, Above.next) == (3, 7, False, {"n": 5, "next": None}, None, one)
        del one.n, other.next
        assert (one.n, other.next, Base(1).next, vars(one)) == (7, one, None, {"next": None})
        one.n, other.late = 8, 2.5
        assert (one.n, other.read(), one.read()) == (8, 8.5, 9.5)
        Above.n = 9
        del one.n
        assert one.n == 9
        del Above.n, Above.late
        assert (one.n, one.late, other.late, "n" in vars(Above), Above.n) == (1, 0.5, 2.5, False, 1)
        with pytest.raises(AttributeError):
            del Above.n
        Above.n = property(lambda self: 50)
        assert (one.n, other.read(), base.n) == (50, 52.5, 2)
