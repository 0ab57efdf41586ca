"""Fields: every type, its range, what is accepted on a store, and that a failed one changes nothing."""

import copy
import ctypes
import math
import sys

import pytest

import jitd

INTS = {f"{s}int{b}": ((-(1 << b - 1), (1 << b - 1) - 1) if not s else (0, (1 << b) - 1)) for b in (8, 16, 32, 64) for s in ("", "u")}
INTS = {name: bounds for name, bounds in INTS.items()}


@jitd.jitclass
class All:
    i: int
    f: float
    b: bool
    int8: jitd.int8 = 0
    int16: jitd.int16 = 0
    int32: jitd.int32 = 0
    int64: jitd.int64 = 0
    uint8: jitd.uint8 = 0
    uint16: jitd.uint16 = 0
    uint32: jitd.uint32 = 0
    uint64: jitd.uint64 = 0
    f32: jitd.float32 = 0.0
    ref: "All | None" = None


@pytest.fixture
def a():
    return All(1, 2.5, True)


@pytest.mark.parametrize("name, bounds", [*INTS.items(), ("i", (-(1 << 63), (1 << 63) - 1))])
def test_ints(a, name, bounds):
    for value in (0, 1, *bounds):
        setattr(a, name, value)
        assert getattr(a, name) == value and type(getattr(a, name)) is int
    setattr(a, name, True)
    assert getattr(a, name) == 1
    for value in (bounds[0] - 1, bounds[1] + 1, 1 << 100, -(1 << 100)):
        with pytest.raises(OverflowError, match=f"{name}.*out of range"):
            setattr(a, name, value)
        assert getattr(a, name) == 1
    for value in (1.0, "1", None, math.nan):
        with pytest.raises(TypeError, match=f"All.{name} must be .*, not "):
            setattr(a, name, value)
        assert getattr(a, name) == 1


def test_index_objects_are_ints(a):
    class Seven:
        def __index__(self):
            return 7

    a.i = a.int8 = Seven()
    assert (a.i, a.int8) == (7, 7)


def test_floats(a):
    for value in (0.0, -0.0, 1e308, math.inf, -math.inf, 5e-324):
        a.f = value
        assert a.f == value and math.copysign(1, a.f) == math.copysign(1, value)
    a.f = math.nan
    assert math.isnan(a.f)
    a.f = 3
    assert a.f == 3.0 and type(a.f) is float
    a.f = True
    assert a.f == 1.0
    with pytest.raises(OverflowError, match="int too large to convert to float"):
        a.f = 10**400
    for value in ("1", None, 1j, a):
        with pytest.raises(TypeError, match="All.f must be float"):
            a.f = value
    assert a.f == 1.0


def test_float32(a):
    a.f32 = 0.1
    assert a.f32 == ctypes.c_float(0.1).value
    a.f32 = math.inf
    assert a.f32 == math.inf
    with pytest.raises(OverflowError):
        a.f32 = 1e39
    assert a.f32 == math.inf


def test_bool(a):
    a.b = False
    assert a.b is False
    for value in (1, 0, "x", None):
        with pytest.raises(TypeError, match="All.b must be bool"):
            a.b = value
    assert a.b is False


def test_references(a):
    b = All(2, 0.0, False, ref=a)
    assert b.ref is a and a.ref is None
    b.ref = None
    assert b.ref is None
    for value in (1, "x", object()):
        with pytest.raises(TypeError, match="All.ref must be All or None"):
            b.ref = value

    @jitd.jitclass
    class Strict:
        ref: All

    s = Strict(a)
    with pytest.raises(TypeError, match="Strict.ref must be All, not NoneType"):
        s.ref = None
    assert s.ref is a


def test_identity_survives_the_proxy():
    a = All(1, 1.0, True, ref=All(2, 2.0, False))
    a.ref.i = 42  # the proxy was dropped and is made anew
    assert a.ref.i == 42 and a.ref is a.ref
    keep = a.ref
    del a
    assert keep.i == 42


def test_unset_references():
    @jitd.jitclass
    class Lazy:
        ref: "All"

        def __init__(self):
            pass

    with pytest.raises(AttributeError, match="'Lazy' object has no attribute 'ref'"):
        Lazy().ref
    assert "ref=<unset>" in repr(Lazy())


def test_defaults_are_there_before_a_user_init():
    @jitd.jitclass
    class D:
        n: int = 5
        x: float = 1.5

        def __init__(self, x: float):
            self.x = x

    assert (D(2.0).n, D(2.0).x) == (5, 2.0)


def test_layout_is_c():
    class C(ctypes.Structure):
        _fields_ = [
            ("i", ctypes.c_int64),
            ("f", ctypes.c_double),
            ("b", ctypes.c_bool),
            ("int8", ctypes.c_int8),
            ("int16", ctypes.c_int16),
            ("int32", ctypes.c_int32),
            ("int64", ctypes.c_int64),
            ("uint8", ctypes.c_uint8),
            ("uint16", ctypes.c_uint16),
            ("uint32", ctypes.c_uint32),
            ("uint64", ctypes.c_uint64),
            ("f32", ctypes.c_float),
            ("ref", ctypes.c_uint64),
        ]

    layout = jitd.layout(All)
    assert [(n, o) for n, _, o in layout["fields"]] == [(n, getattr(C, n).offset) for n, _ in C._fields_]
    assert layout["size"] == ctypes.sizeof(C)


def test_long_chains_are_freed_without_recursion():
    head = None
    for i in range(200_000):
        head = All(i, 0.0, False, ref=head)
    assert head.ref.i == 199_998
    before = jitd.stats()["process"]["objects"]
    del head
    assert jitd.stats()["process"]["objects"] <= before - 200_000


def test_a_nan_is_itself():
    """Which nan it is, hash() and tuples' == tell."""

    @jitd.jitclass(eq=True, unsafe_hash=True)
    class P:
        x: float
        n: int = 0

        def to_nan(self) -> None:
            self.x = self.x * float("inf") * 0.0

        def halve(self) -> None:
            self.x = 1.5

    one, other = float("nan"), float("nan")
    for given in (one, math.nan, -one):
        p = P(given)
        assert p.x is given and hash(p) == hash(p) and p in {p} and p == p
        assert (p.x,) == (given,) and copy.copy(p).x is given and vars(p) == {"x": given, "n": 0}
        assert (P(given) == P(given)) is (sys.version_info < (3, 13)) and P(given) != P(other)
        p.x = other
        assert p.x is other
        p.x = math.nan
        assert p.x is math.nan
        p.x = given
        p.halve()
        assert p.x == 1.5 and vars(p) == {"x": 1.5, "n": 0}
        p.to_nan()
        assert p.x != p.x and p.x is p.x and hash(p) == hash(p) and p in {p}
    q = P(one)
    q.halve()
    del P(1.0).n  # from here on everything is Python
    assert q.x == 1.5
    q.x = other
    assert q.x is other
    q.x = 2.5
    assert q.x == 2.5
