"""Sized types at their borders: the same in compiled callers as from Python, and never redone in the interpreter's arithmetic."""

import math
import struct
import warnings
from pathlib import Path

import jitd
import pytest
from jitd import float32, int8, int64, uint64

from twins import fallbacks, outcome


@jitd.jitclass
class S:
    a: int8 = 0
    c: float32 = 0.0
    e: int64 = 0
    u: uint64 = 0

    def double(self, k: int8) -> int8:
        return k + k

    def call_double(self, k: int) -> int8:
        return self.double(k)

    def single(self, k: float32):
        return k + k

    def call_single(self, k: float):
        return self.single(k)

    @property
    def small(self) -> int:
        return int(self.a)

    @small.setter
    def small(self, k: int8) -> None:
        self.a = k + k

    def set_small(self, k: int) -> int:
        self.small = k
        return self.small

    def store_float(self, x: float) -> float:
        self.c = x
        return self.c

    def store_int(self, x: int) -> float:
        self.c = x
        return self.c

    def made(self, x: float) -> float:
        return S(1, x).c

    def times(self, x: int) -> float:
        return self.c * x

    def times_float(self, x: float) -> float:
        return self.c * x

    def third(self, k: int):
        return self.e / 3, k * k

    def equal(self, k: int):
        return self.e == 9007199254740992.0, k * k

    def sum(self, k: int):
        return self.u + self.e, k * k


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def test_parameters_of_compiled_callers():
    s = S()
    for k in (100, -128, 0):
        assert s.call_double(k) == s.double(k)
        assert s.set_small(k) == s.double(k)
    for k in (0.1, 3e38, math.inf):
        assert s.call_single(k) == s.single(k)
    for k in (128, -129, 2**40):
        for call in (s.double, s.call_double, s.set_small):
            with pytest.raises(OverflowError):
                call(k)
    for call in (s.single, s.call_single):
        with pytest.raises(OverflowError):
            call(1e300)


@pytest.mark.parametrize("x", [1e300, -3.5e38, 3.4028236e38])
def test_float32_has_a_range(x):
    s = S(0, 1.5)
    for store in (s.store_float, s.made, lambda v: setattr(s, "c", v)):
        with pytest.raises(OverflowError, match="out of range for float32"):
            store(x)
    assert s.c == 1.5
    assert s.times_float(x) == math.copysign(math.inf, x)  # arithmetic is NumPy's


@pytest.mark.parametrize("x", [0.1, 3.4028234e38, math.inf, -math.inf, 1e-46, 16777217.0])
def test_float32_rounds(x):
    s = S()
    assert s.store_float(x) == s.made(x) == single(x)


@pytest.mark.parametrize("x", [2**60 + 2**36 + 1, 16777217, 2**63 - 1, -(2**60) - 2**36 - 1])
def test_an_int_becomes_a_float32_by_way_of_a_float(x):
    s = S(0, 1.0)
    assert s.times(x) == s.store_int(x) == single(float(x))


@pytest.mark.parametrize("name", ["third", "equal", "sum"])
def test_never_redone(name):
    s = S(0, 0.0, 2**53 + 1, 5)
    s.sum(2)
    with pytest.raises(OverflowError):
        getattr(s, name)(2**40)


@jitd.jitclass
class Early:
    """An int beyond 64 bits before any effect: the interpreter's, unless sized arithmetic gave what the interpreter's would not."""

    n: int = 0

    def added(self, a: jitd.int8, k: int) -> int:
        b = a + a
        return k * k + int(b)

    def subtracted(self, a: jitd.uint8, k: int) -> int:
        b = a - a * a
        return k * k + int(b)

    def after_effect(self, a: jitd.int8, k: int, other: "Early") -> int:
        other.n += 1
        b = a + a
        return k * k + int(b)

    def stored(self, a: jitd.int8, k: int) -> int:
        self.n += 1
        return int(a + a) + k * k

    def divided(self, a: jitd.uint8, k: int) -> int:
        return k // int(a * a) + k * k


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_an_overflow_before_effects_is_the_interpreters():
    e, big = Early(), 2**40
    assert [e.added(1, 3), e.added(1, big), e.added(-64, big)] == [11, 2**80 + 2, 2**80 - 128]
    assert [e.subtracted(1, 3), e.subtracted(1, big)] == [9, 2**80]
    assert (e.stored(2, big), e.n) == (2**80 + 4, 1)
    for call in (lambda: e.added(100, big), lambda: e.subtracted(2, big), lambda: e.stored(100, big)):
        with pytest.raises(OverflowError, match="results of sized types that Python has not"):
            call()
    other = Early()
    with pytest.raises(OverflowError, match="had effects already"):
        e.after_effect(1, big, other)
    assert (other.n, e.n) == (1, 2)
    with pytest.raises(ZeroDivisionError):  # of int8(0), also where the interpreter, which has 256, would not divide by zero
        e.divided(16, 3)


def test_all_of_it_is_compiled():
    assert "Python:" not in str(jitd.explain(S))


CLASS = """
@jitd.jitclass
class P:
    n: int = 0

    def take(self, k: jitd.int8, x: jitd.float32 = 0.1, *, u: jitd.uint16 = 7):
        self.n = 1
        return k, x, u

    @property
    def small(self):
        return self.n

    @small.setter
    def small(self, k: jitd.int8):
        self.n = k

    def redone(self, x: jitd.float32, n: int):
        return float(x), n * n

@jitd.jit
def take(k: jitd.int8, x: jitd.float32 = 0.1, *, u: jitd.uint16 = 7):
    return k, x, u
"""
CALLS = [
    ((5,), {}), ((True, 1), {}), ((-128, 16777217), {"u": 65535}), ((128,), {}), ((2**70,), {}), ((5, 1e300), {}), ((5,), {"u": -1}),
    ((5, 0.5), {"u": 65536}), ((1.5,), {}), (("x",), {}), ((None,), {}), ((), {}), ((1, 2, 3), {}), ((1,), {"k": 2}), ((1,), {"y": 2}),
]  # fmt: skip


def stores(p):
    for k in 5, True, 128, 1.5:
        try:
            p.small = k
            yield p.small
        except Exception as error:
            yield type(error), str(error)


def outcomes(call, fields):
    found = []
    for args, kwargs in CALLS:
        try:
            result = call(*args, **kwargs)
        except Exception as error:
            result = type(error), str(error)
        found.append((result, [type(v) for v in result], fields()))
    return found


@pytest.mark.parametrize("where", ["daemon", "no daemon"])
def test_arguments_are_checked_and_converted_in_python_too(where, tmp_path, program):
    """The same outcome of every call, whether the method is compiled or stays Python, with a daemon or without."""
    run = program(
        f"""
        import struct, sys, textwrap
        import jitd
        sys.path[:0] = [{str(Path(__file__).parent)!r}]
        import test_semantics_sized as t
        from twins import load
        from pathlib import Path
        compiled = load(Path(sys.argv[1]) / "compiled.py", "import jitd\\n" + t.CLASS)
        python = load(Path(sys.argv[1]) / "python.py", "import jitd\\n" + t.CLASS.replace("= k\\n", "= [k][0]\\n").replace("return k,", "return [k][0],"))
        rounded = struct.unpack("f", struct.pack("f", 0.1))[0]
        for module in compiled, python:
            p = module.P()
            print(t.outcomes(p.take, lambda: p.n), t.outcomes(module.take, list), *t.stores(p), p.redone(0.1, 2**40)[0] == rounded)
            print(": Python:" in str(jitd.explain(module.P)), ": Python:" in str(jitd.explain(module.take)))
        """,
        **({"JITD_SOCKET": tmp_path / "nothing", "JITD_CACHE_DIR": tmp_path / "none"} if where == "no daemon" else {}),
    )
    lines = run.run(tmp_path).stdout.splitlines()
    assert lines[0] == lines[2] and lines[0].endswith(" True")
    assert "(5, 0.10000000149011612, 7)" in lines[0] and "128 is out of range for int8 (-128..127)" in lines[0]
    if where == "daemon":
        assert (lines[1], lines[3]) == ("False False", "True True")


def wrapped(k: int8) -> int8:
    return k + k


OFFSET = 1


@jitd.jitclass
class Left:
    n: int = 0

    def add(self, k: int8, n) -> int8:
        return k + k if n else k

    def through(self, k: int, n: int):
        return wrapped(k), n * n

    def rest(self, k: int8) -> int8:
        return k + k + OFFSET


def test_a_call_that_is_left_to_python_says_that_it_does_not_wrap():
    global OFFSET
    left = Left()
    assert (left.add(100, 1), left.add(100, 2.5)) == (-56, -56)
    with pytest.warns(jitd.CompileWarning, match="a call of test_semantics_sized.Left.add runs in Python, where sized types do not wrap"):
        assert left.add(100, 2**70) == 200
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert left.add(100, 2**70) == 200  # told once
        assert left.rest(100) == -55
    OFFSET = 2
    with pytest.warns(jitd.CompileWarning, match="Left.rest runs in Python"):
        assert left.rest(100) == 202
    OFFSET = 1
    assert left.rest(100) == -55


def test_a_plain_function_with_sized_arithmetic_is_never_redone():
    assert Left().through(100, 3) == (-56, 9)
    with pytest.raises(OverflowError):
        Left().through(100, 2**40)


@jitd.jit
def to_int8(k: int):
    return int8(k)


@jitd.jit
def to_uint64(k: int):
    return uint64(k)


@jitd.jit
def to_float32(x: float):
    return float32(x)


@pytest.mark.parametrize("function, values", [(to_int8, [0, -128, 127, 128, -129]), (to_uint64, [0, 2**63 - 1, -1]), (to_float32, [0.1, math.inf, 1e300])])
def test_a_conversion_is_the_same_in_python(function, values):
    for value in values:
        assert outcome(function, value) == outcome(function.__wrapped__, value)
    assert fallbacks(function) == (len(values), 0)
