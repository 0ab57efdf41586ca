import math
from math import sqrt as root

SIZE = 3


class Box:
    n: int

    def get(self, k: int) -> int:
        (a, b), c = (k, SIZE), self.n
        for i in range(k):
            a += i
        if (w := a) > 2:
            return w
        return int(root(b)) + c + math.floor(1.5)

    def twice(self, k: int, k2: int) -> int:
        return missing


def outer(n: int) -> int:
    x: int
    y: float = n
    return Box(n).get(y)
