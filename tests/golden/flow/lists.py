# Python lists: read, changed, looped over, behind effects and before them
class Cell:
    n: int
    xs: "list[float]"

    def total(self, a: "list[float]") -> float:
        s = 0.0
        for v in a:
            s += v
        return s

    def change(self, a: "list[int]", i: int) -> int:
        self.n += 1
        a[i], a[0] = a[0], a[i]
        a[i] += a[-1]
        a.append(i)
        return len(a)

    def field(self, i: int) -> float:
        return self.xs[i]
