"""The small class of the micro measurements: for CPython and mypyc as it stands, for jitd without __init__, which it makes."""

from bench_compiled import compiled


@compiled
class Point:
    x: float
    n: int

    def __init__(self, x: float, n: int) -> None:  # jitd: generated
        self.x = x
        self.n = n

    def e0(self) -> None:
        pass

    def e2(self, a: float, b: float) -> None:
        pass

    def e4(self, a: int, b: int, c: int, d: int) -> None:
        pass

    def r0(self) -> float:
        return self.x

    def r2(self, a: float, b: float) -> float:
        return self.x * a + b

    def r4(self, a: int, b: int, c: int, d: int) -> int:
        return self.n + a + b + c + d
