# Sets and dicts that are made: keys are added without Python code, or the interpreter goes on
class Cell:
    n: int

    def numbers(self, k: int) -> "dict[int, int]":
        return {i & 3: i for i in range(k)}

    def words(self, a: "list[str]") -> "set[str]":
        self.n = len(a)
        return {w for w in a if self.n > 1}

    def pair(self, k: int) -> "dict[int, int]":
        return {k: self.n, 2: k}
