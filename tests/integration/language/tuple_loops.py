"""Loops over tuples: see test_tuple_loops.py."""

MANY = 2**62


@jitclass
class Bag:
    n: int
    f: float
    log: list[int]
    left: "Bag | None"
    right: "Bag | None"

    def __init__(self, n: int) -> None:
        self.n = n
        self.f = 0.5
        self.log = []
        self.left = None
        self.right = None

    def constants(self) -> int:
        total = 0
        for x in (50, 20, 10, 5):
            total = total * 3 + x * self.n
        return total

    def floats(self) -> float:
        total = 0.0
        for x in (self.f, 2.5, self.f * self.n):
            total += x
        return total

    def around(self, size: int) -> int:
        found = 0
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            x, y = self.n + dx, self.n // 2 + dy
            if x < 0 or x >= size:
                continue
            found = found * 31 + x * 7 + y
        return found

    def mixed_targets(self) -> float:
        total = 0.0
        for i, (x, flag) in ((1, (2.0, True)), (2, (self.f, False))):
            total += i * x if flag else -x
        return total

    def change(self) -> int:
        a, b = 1, 2
        for x in (a, b, a + b):
            a = a * 10 + x
            b = x
        return a * 1000 + b

    def leave(self, at: int) -> int:
        for x in (3, 5, 7, 9):
            if x == at:
                break
            if x == 5:
                continue
            self.n += x
        else:
            self.n += 1000
        return self.n + x

    def found(self, at: int) -> int:
        for x in (3, 5, 7):
            if x * self.n == at:
                return x
        return -1

    def nested(self) -> int:
        total = 0
        for x in (1, 2, 3):
            for y in (x, x * 10):
                for _ in range(y):
                    total += y
        return total

    def of_local(self) -> int:
        three = (self.n, 2, 3)
        total = 0
        for x in three:
            three = (x, x, x)
            total = total * 100 + x
        return total + three[0]

    def three(self) -> tuple[int, int, int]:
        return self.n, self.n + 1, self.n + 2

    def of_call(self) -> int:
        total = 0
        for x in self.three():
            self.n += x
            total += x
        return total + self.n

    def listed(self) -> int:
        squares = [x * x for x in (self.n, 4, 5)]
        total = 0
        for x in squares:
            total = total * 100 + x
        return total + sum(x + 1 for x in (1, self.n))

    def children(self) -> int:
        total = self.n
        for child in (self.left, self.right):
            if child is not None:
                total += child.n
        return total

    def with_itself(self) -> int:
        total = 0
        for child in (self, self.left, self.right):
            if child is not None:
                total = total * 10 + child.weight()
        return total

    def weight(self) -> int:
        return self.n

    def kinds(self) -> int:
        total = 0
        for bag in (Crate(4), self, Crate(self.n)):
            total = total * 100 + bag.weight()
        return total

    def drop(self) -> int:
        total = 0
        for child in (self.left, self.right):
            self.left = None
            self.right = None
            if child is not None:
                total = total * 10 + child.n
                child.n += 1
        return total

    def too_many(self) -> int:
        """More than 64 bits from the third item on: Python goes on there."""
        total = 1
        for x in (3, MANY, 5, self.n):
            self.n += 1
            total = total * x + self.n
        return total

    def too_many_within(self) -> int:
        total = 1
        for x in (3, 5):
            for y, z in ((x, 1), (MANY, 2), (7, 3)):
                self.n += 1
                total = total * y + z
        return total

    def appended(self) -> int:
        for x in (4, 6, self.n):
            self.log.append(x)
        return len(self.log) * 100 + self.log[-1]

    def fails(self) -> int:
        done = 0
        try:
            for x in (3, 2, 0, 1):
                done = done * 10 + self.n // x
        except ZeroDivisionError:
            done += 5000
        return done

    def raises(self) -> float:
        for x in (1, 0):
            self.n += 1
            self.f = self.n / x
        return self.f

    def last(self) -> int:
        x = 9
        for x in (1, 2, self.n):
            pass
        return x


@jitclass
class Crate(Bag):
    def __init__(self, n: int) -> None:
        self.n = n
        self.f = 1.5
        self.log = []
        self.left = None
        self.right = None

    def weight(self) -> int:
        return self.n * 2 + 1
