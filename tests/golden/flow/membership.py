# `x in (a, b)`: numbers are compared when all items are evaluated; an object is an operand of an operation whose container is in the source
class Cell:
    n: int

    def is_near(self, k: int) -> bool:
        return k not in (self.n, self.n + 1, 2.5)

    def is_word(self, words: "list[str]") -> bool:
        return words[self.n + 1] in ("a", None) or self.n * self.n > 9
