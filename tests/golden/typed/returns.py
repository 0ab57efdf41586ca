class Cell:
    n: int

    def odd_one_out(self, k: int):
        if k:
            return 0
        return 1.5

    def too_late(self, other: "Cell", k: int):
        other.n = 1
        if k:
            return 0
        return 1.5

    def falls_off(self, k: int):
        if k > 0:
            return 2.0


def recursive(n: int):
    if n == 0:
        return 1.0
    return recursive(n - 1) * n


def never(n: int):
    return never(n)
