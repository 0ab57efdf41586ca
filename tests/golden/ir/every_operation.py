import math
from typing import Optional

import jitd


@jitd.jitclass
class Thing:
    n: int
    x: float
    flag: bool = False
    other: "Optional[Thing]" = None

    def numbers(self, a: int, b: float) -> float:
        return float(a * self.n) + (b if a > 2 else self.x) - math.floor(abs(b)) // a

    def pairs(self, a: float) -> float:
        whole, part = math.modf(a)
        return whole if part < 0.5 else part

    def objects(self) -> "Thing":
        self.other = Thing(1, 2.0, True, self.other)
        return self.other

    def calls(self, a: int) -> int:
        self.n += 1
        return self.calls(a - 1) + self.n if a > 0 else math.gcd(a, 6)

    def loops(self, a: int) -> int:
        node: "Optional[Thing]" = self
        count = 0
        while node is not None:
            node = node.other
            count += 1
        for i in range(a):
            count += i
        return count

    def raises(self, a: int) -> None:
        if a > 1:
            raise ValueError(f"{a} is too much")
        assert self.flag, "no"


@jitd.jitclass
class Sized:
    small: jitd.uint8
    real: jitd.float32

    def wraps(self, by: jitd.uint8) -> jitd.uint8:
        return self.small + by << 1

    def halves(self, x: float) -> jitd.float32:
        self.real = x
        return self.real / 2
