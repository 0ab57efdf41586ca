import math

import jitd


@jitd.jitclass
class Number:
    n: int
    x: float

    def checked(self, by: int) -> int:
        return self.n * by - 3

    def raises(self, by: int) -> int:
        return self.n // by

    def exactly(self, by: float) -> bool:
        return self.n < by

    def rooted(self) -> float:
        return math.sqrt(self.x) + math.fabs(self.x)

    def rounded(self, digits: int) -> float:
        return round(self.x, digits)

    def square(self) -> int:
        return self.n**2
