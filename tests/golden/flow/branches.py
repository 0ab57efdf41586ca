import jitd


@jitd.jitclass
class Chooser:
    n: int
    x: float

    def choice(self, a: int) -> float:
        return self.x if a > self.n else 1.5

    def chain(self, a: int, b: int) -> bool:
        return 0 < a < b

    def both(self, a: int) -> bool:
        return a > 1 and not (a == 3 or self.n > 4)

    def first(self, a: int) -> int:
        return a or self.n

    def unbound(self, a: int) -> int:
        if a > 0:
            found = a
        return found
