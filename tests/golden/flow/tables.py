# Dicts and sets: tried in place, and what is done where that is not possible
class Index:
    n: int
    d: "dict[int, float]"

    def items(self, k: int) -> float:
        x = 0.0
        for i in range(k):
            x += self.d[i]
        return x

    def get(self, d: "dict[int, int]", k: int, m: int) -> int:
        n = 0
        for i in range(m):
            n += d.get(k, i)
        return n

    def put(self, d: "dict[int, int]", m: int) -> None:
        for i in range(m):
            d[i] = self.n

    def new(self, k: int) -> int:
        n = 0
        for i in range(k):
            seen = {i, n}
            counts: "dict[int, int]" = {}
            n = (n * 5 + len(seen) - len(counts)) & 1023
        return n

    def add(self, s: "set[int]", m: int) -> int:
        for i in range(m):
            if i not in s:
                s.add(i)
        return len(s)
