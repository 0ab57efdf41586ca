class Counter:
    n: int
    total: float

    def step(self, k: int) -> int:
        before = self.n * k
        self.n += 1
        return before + self.n * k

    def give(self, other: "Counter", k: int) -> int:
        other.n = k
        return k * k

    def twice(self, k: int) -> int:
        self.step(k)
        return self.step(k)

    def other_twice(self, other: "Counter", k: int) -> int:
        other.step(k)
        return other.step(k)


def fresh(k: int) -> int:
    c = Counter(k, 0)
    return c.n * k
