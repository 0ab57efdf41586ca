"""Sized types: NumPy's scalars (NumPy 2) in arithmetic, range checks where a Python int comes in."""

import jitd
import pytest
from jitd import float32, int8, int16, int32, int64, uint8, uint16, uint32, uint64  # noqa: F401


@jitd.jitclass
class Sized:
    a: int8 = 0
    b: uint16 = 0
    c: float32 = 0.0
    d: uint64 = 0
    e: int64 = 0
    f: int32 = 0

    def add(self, k: int8) -> int8:
        return self.a + k

    def step(self) -> int8:
        self.a += 1
        return self.a

    def mix(self) -> int32:
        return self.a + self.b

    def single(self, k: float32) -> float32:
        return self.c * k + 0.1

    def shift(self) -> int8:
        return self.a << 3

    def floordiv(self, k: int8) -> int8:
        return self.a // k

    def mod(self, k: int8) -> int8:
        return self.a % k

    def below(self, k: int) -> bool:
        return self.a < k

    def above(self) -> bool:
        return self.d > self.e

    def divide(self) -> float:
        return self.f / 3

    def wide(self) -> int:
        return int(self.a) * 1000

    def convert(self, k: int) -> uint16:
        return uint16(k) + 1

    def multiply(self, k: int32) -> int32:
        return self.f * k

    def negative(self) -> int8:
        return -self.a

    def store(self, k: int) -> int:
        self.a = k
        return self.a


@pytest.fixture
def sized():
    return Sized(100, 65000, 1.5, 2**64 - 1, -1, 2**31 - 1)


def test_arithmetic_wraps(sized):
    assert sized.add(100) == -56
    assert sized.multiply(3) == 2147483645
    assert sized.shift() == 32
    sized.a = 127
    assert sized.step() == -128 == sized.a
    assert sized.negative() == -128


def test_promotion(sized):
    assert sized.mix() == 65100
    assert sized.wide() == 100000
    assert sized.divide() == (2**31 - 1) / 3


def test_division(sized):
    sized.a = -128
    assert (sized.floordiv(7), sized.mod(7)) == (-19, 5)
    assert sized.floordiv(-1) == -128
    with pytest.raises(ZeroDivisionError):
        sized.floordiv(0)


def test_float32_rounds(sized):
    assert sized.single(0.1) == 0.25  # in float: 0.25000000000000006


def test_comparisons_are_exact(sized):
    assert sized.below(300) and not sized.below(-300)
    assert sized.above()


def test_out_of_range(sized):
    assert sized.convert(65535) == 0
    with pytest.raises(OverflowError):
        sized.convert(65536)
    with pytest.raises(OverflowError):
        sized.store(500)
    assert sized.a == 100
    assert sized.store(-5) == -5


def test_all_of_it_is_compiled():
    assert "Python:" not in str(jitd.explain(Sized))
