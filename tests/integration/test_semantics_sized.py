"""Sized types at their borders: the same in compiled callers as from Python, and never redone in the interpreter's arithmetic."""

import math
import struct

import jitd
import pytest
from jitd import float32, int8, int64, uint64


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


def test_all_of_it_is_compiled():
    assert "Python" not in str(jitd.explain(S))
