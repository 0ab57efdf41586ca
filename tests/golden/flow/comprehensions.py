# List comprehensions: the loops that they stand for, and what the interpreter is given to go on within one
class Cell:
    n: int

    def evens(self, k: int) -> "list[int]":
        return [i * i for i in range(k) if i % 2 == 0]

    def note(self, k: int) -> int:
        self.n += k
        return k

    def products(self, a: "list[int]", b: "list[int]") -> "list[int]":
        self.n = 0
        return [x * y + self.note(x) for x in a if x > self.n for y in b]
