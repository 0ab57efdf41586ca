"""An annotation of a parameter is a hint: what does not fit it does what CPython does. Sized types refuse, and so do strict methods."""

import decimal
import enum
import fractions
import warnings

import numpy
import pytest
from twins import Twins

import jitd

TEXT = '''
@jitclass
class Node:
    v: float
    n: int = 0

    def rate(self, r: float = None) -> float:
        if r is None:
            r = self.v
        return r * 2.0

    def link(self, nxt: "Node" = None) -> int:
        if nxt is None:
            return -1
        return nxt.n

    def link_native(self) -> int:
        return self.link() + self.link(self)

    def step(self, by: int = None) -> int:
        if by is not None:
            self.n += by
        return self.n

    def by_name(self, *, by: bool = None, to: float = "x"):
        return by, to

    def kinds(self, a: int, b: float, c: bool, d: "Node"):
        return type(a).__name__, type(b).__name__, type(c).__name__, d is None

    def twice(self, a: int) -> int:
        return a + a

    def less(self, a: float) -> bool:
        return a < self.v

    def other_n(self, other: "Node") -> int:
        return other.n

    def unused(self, other: "Node", c: bool) -> int:
        return other.n if c else 7

    def calls_unused(self) -> int:
        return self.unused(None, False)

    @staticmethod
    def double(x: float):
        return x + x

    @classmethod
    def triple(cls, x: int):
        return x + x + x

    @property
    def half(self) -> float:
        return self.v / 2

    @half.setter
    def half(self, to: int):
        self.v = to * 2

    def left(self, a: int, b: dict = None) -> int:
        return a if b is None else len(b)

    def generator(self, a: int):
        yield a

    def __add__(self, other: int):
        return self.n + other

    def __eq__(self, other: "Node") -> bool:
        return self.n == other.n

    def __contains__(self, x: int) -> bool:
        return x == self.n

    def __getitem__(self, at: int) -> int:
        return at * 2


@jitclass
class Made:
    v: float
    n: int

    def __init__(self, v: float = None, n: int = None):
        self.v = 1.5 if v is None else v
        self.n = 7 if n is None else n


@jitclass
class Other:
    n: int = 41
    v: float = 0.5


def scaled(x: float, by: float = None) -> float:
    if by is None:
        return x
    return x * by


def left(x: int, y: list = None):
    return x if y is None else x * y[0]
'''


class Colour(enum.IntEnum):
    RED = 3


class Number(int):
    def __add__(self, other):
        return "mine"


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("hints"), "hints", TEXT)


def shown(value):
    return type(value).__name__, repr(value).replace("hints_compiled", "hints_plain")


def outcome(action, module):
    try:
        return shown(action(module))
    except Exception as error:
        return type(error).__name__, str(error).replace("hints_compiled", "hints_plain")


def same(twins, action):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):  # at the first call, and when it is known
            assert outcome(action, twins.compiled) == outcome(action, twins.plain)


DEFAULTS = [
    lambda m: m.Node(1.5).rate(),
    lambda m: m.Node(1.5).rate(None),
    lambda m: m.Node(1.5).rate(r=3.0),
    lambda m: m.Node(1.5).link(),
    lambda m: m.Node(1.5).link(m.Node(2.5, 9)),
    lambda m: m.Node(1.5).link(None),
    lambda m: m.Node(1.5, 4).link_native(),
    lambda m: m.Node(1.5).step(),
    lambda m: m.Node(1.5).step(4),
    lambda m: m.Node(1.5).step(None),
    lambda m: m.Node(1.5).by_name(),
    lambda m: m.Node(1.5).by_name(by=True, to=2.0),
    lambda m: (m.Made().v, m.Made().n, m.Made(2.0, None).v, m.Made(n=3).n),
    lambda m: (m.scaled(2.0), m.scaled(2.0, 3.0), m.scaled(2.0, None), m.scaled(2, by=True)),
    lambda m: (m.left(2), m.left(2, [3]), m.left("a", [3]), m.Node(1.0).left(2), m.Node(1.0).left("x", {}), m.Node(1.0).left(None)),
    lambda m: m.Node(1.5).calls_unused(),
]


@pytest.mark.parametrize("action", DEFAULTS)
def test_defaults_outside_the_annotation(twins, action):
    same(twins, action)


VALUES = [None, "x", [1], (1, 2), (), b"b", object, 1j, 2**70, Colour.RED, Number(3), fractions.Fraction(1, 3), decimal.Decimal("1.5")]
VALUES += [numpy.int64(5), numpy.float64(0.25), numpy.float32(0.25), numpy.bool_(True), numpy.arange(3), numpy.array(2), float("nan")]
CALLS = {
    "twice": lambda m, v: m.Node(1.5).twice(v),
    "less": lambda m, v: m.Node(1.5).less(v),
    "kinds": lambda m, v: m.Node(1.5).kinds(v, v, v, v),
    "named": lambda m, v: m.Node(1.5).kinds(1, b=v, c=v, d=None),
    "other_n": lambda m, v: m.Node(1.5).other_n(v),
    "unused": lambda m, v: m.Node(1.5).unused(v, False),
    "link": lambda m, v: m.Node(1.5).link(v),
    "double": lambda m, v: m.Node.double(v),
    "triple": lambda m, v: m.Node.triple(v),
    "setter": lambda m, v: setattr(m.Node(1.5), "half", v),
    "add": lambda m, v: m.Node(1.5) + v,
    "equal": lambda m, v: m.Node(1.5) == v,
    "contains": lambda m, v: v in m.Node(1.5),
    "item": lambda m, v: m.Node(1.5)[v],
    "scaled": lambda m, v: m.scaled(v, v),
    "left": lambda m, v: m.Node(1.5).left(v),
    "generator": lambda m, v: list(m.Node(1.5).generator(v)),
}


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("call", CALLS)
def test_other_types(twins, call, value):
    if call == "setter" and not isinstance(value, (int, float)):
        return  # the field is a typed place: what it says of others is not what a number's multiplication does
    same(twins, lambda m: CALLS[call](m, value))


def test_another_class(twins):
    for call in ("other_n", "link", "unused", "twice", "equal"):
        same(twins, lambda m: CALLS[call](m, m.Other()))
        same(twins, lambda m: CALLS[call](m, m.Made(2.5, 3)))


def test_a_class_that_comes_by_is_not_kept():
    import gc
    import weakref

    @jitd.jit
    def ignore(a: int) -> int:
        return 5

    passing = type("Passing", (), {})
    assert ignore(1) == ignore(passing()) == 5
    gone = weakref.ref(passing)
    del passing
    gc.collect()
    assert gone() is None


def test_other_types_are_no_news():
    """A wrong call is the caller's business: nothing is said of the version that it would have needed."""

    @jitd.jit
    def twice(a: int) -> int:
        return a + a

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert twice(3) == 6 and twice((1,)) == (1, 1)
        with pytest.raises(TypeError, match="unsupported operand"):
            twice(None)


def test_known_types_get_their_version():
    @jitd.jit
    def scaled(x: float, by: float = None) -> float:
        if by is None:
            return x
        return x * by

    assert scaled(2.0) == 2.0 and scaled(2.0, 3.0) == 6.0
    before = jitd.stats()["objects"]["test_known_types_get_their_version.<locals>.scaled"]
    assert [scaled(2.0), scaled(2.0, 3.0), scaled(2.0, None)] == [2.0, 6.0, 2.0]
    after = jitd.stats()["objects"]["test_known_types_get_their_version.<locals>.scaled"]
    assert after["native_calls"] == before["native_calls"] + 3 and before["specialisations"] == 2


@jitd.jitclass
class SizedHints:
    n: jitd.int8 = 3

    def add(self, k: jitd.int8) -> int:
        return self.n + k

    def maybe(self, k: jitd.int16 = None) -> int:
        return self.n if k is None else self.n + k

    def left(self, k: jitd.uint8, d: dict = None) -> int:
        return k + len(d)

    def single(self, k: jitd.float32 = "none"):
        return k


@pytest.mark.parametrize("value", ["x", None, 1.5, (1,), 1j, SizedHints])
def test_sized_types_refuse(value):
    for _ in range(20):
        with pytest.raises(TypeError, match=r"SizedHints.add\(\) argument 'k' must be int8, not "):
            SizedHints().add(value)
        with pytest.raises(TypeError, match=r"SizedHints.left\(\) argument 'k' must be uint8, not "):
            SizedHints().left(value, {})
    assert SizedHints().add(numpy.int64(4)) == 7 and SizedHints().add(True) == 4
    with pytest.raises(OverflowError):
        SizedHints().add(numpy.int64(400))
    assert jitd.stats()["objects"]["SizedHints.add"]["specialisations"] == 1


def test_the_default_of_a_sized_parameter():
    assert [SizedHints().maybe(), SizedHints().maybe(None), SizedHints().maybe(4), SizedHints().single(), SizedHints().single(0.1)] == [3, 3, 7, "none", float(numpy.float32(0.1))]
    with pytest.raises(TypeError, match="must be int16, not str"):
        SizedHints().maybe("x")


@jitd.jitclass(strict=True)
class StrictHints:
    v: float = 1.5

    def rate(self, r: float = None) -> float:
        return self.v if r is None else r

    def twice(self, a: int, other: "StrictHints | None" = None) -> int:
        return a + a

    def flag(self, a: bool) -> bool:
        return not a


@pytest.mark.parametrize("value", ["x", None, (1,), 1.5, numpy.int64(1), SizedHints])
def test_strict_refuses(value):
    with pytest.raises(TypeError, match=r"StrictHints.twice\(\) argument 'a' must be int, not "):
        StrictHints().twice(value)
    with pytest.raises(TypeError, match=r"StrictHints.flag\(\) argument 'a' must be bool, not "):
        StrictHints().flag(value)
    with pytest.raises(TypeError, match=r"StrictHints.twice\(\) argument 'other' must be StrictHints or None, not "):
        StrictHints().twice(1, other=3)


def test_strict_takes_what_fits():
    assert [StrictHints().rate(), StrictHints().rate(None), StrictHints().rate(2), StrictHints().rate(True), StrictHints().rate(2.5)] == [1.5, 1.5, 2, True, 2.5]
    assert StrictHints().twice(True) == 2 and StrictHints().twice(Colour.RED, StrictHints()) == 6 and StrictHints().twice(2**63) == 2**64
    with pytest.raises(TypeError, match=r"StrictHints.rate\(\) argument 'r' must be float, not str"):
        StrictHints().rate("x")


def test_strict_without_a_daemon(program):
    program(
        """
        import jitd
        @jitd.jitclass(strict=True)
        class P:
            n: int = 1
            def f(self, k: int = None) -> int:
                return self.n if k is None else k
        assert P().f() == 1 and P().f(3) == 3
        try:
            P().f("x")
        except TypeError as error:
            assert "must be int, not str" in str(error), error
        else:
            raise AssertionError
        """,
        JITD_SOCKET="/nonexistent/jitd.sock",
    ).run()
