import jitd


@jitd.jitclass
class Counter:
    n: int

    def counted(self, limit: int) -> int:
        found = 0
        for i in range(limit):
            if i & 1:
                found += 1
        return found

    def short(self) -> int:
        s = self.n
        for i in range(10):
            s += i
        return s

    def search(self, limit: int) -> int:
        while limit > self.n:
            limit -= 2
            if limit == 7:
                break
        else:
            return -1
        return limit

    def nested(self, limit: int) -> int:
        s = 0
        for i in range(limit):
            for k in range(i):
                s += k
        return s

    def over_tuple(self, limit: int) -> int:
        s = 0
        for x, y in ((1, limit), (self.n, 2)):
            s = s * 10 + x - y
        return s


@jitd.jit
def slow(x: float, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += x % (i + 1.5)
    while total > 1.0:
        total = total // 3.0
    return total
