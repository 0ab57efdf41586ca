# all() and sum() of generator expressions: the loops that they stand for, left early, and what there is so far
class Cell:
    n: int

    def all_below(self, k: int) -> bool:
        return all(i * i < k for i in range(self.n) for j in range(i))

    def sum_of(self, a: "list[int]") -> int:
        self.n = 0
        return sum(v for v in a if v > self.n)
