# d[k] += v: what is evaluated once, and slices
class Cell:
    counts: "dict[int, int]"
    n: int

    def count(self, k: int) -> int:
        self.n = k * 3 - (k >> 1) + (k & 3)
        self.counts[k] += self.n
        return self.n

    def tail(self, a: "list[int]", k: int) -> "list[int]":
        self.n = k * 3 - (k >> 1) + (k & 3)
        return a[k:]
