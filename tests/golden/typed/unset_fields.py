class Partly:
    a: int
    b: float
    never: bool
    early: int
    fallback: int = 3
    other: Optional["Partly"]

    def __init__(self, k: int):
        if k > 0:
            self.a = 1
            self.b = 2.0
        else:
            self.a = 2
        self.early += self.double()
        self.early = 0

    def double(self) -> int:
        return 2 * self.early
