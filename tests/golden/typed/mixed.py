"""An int or a float, depending on values: a float, and the call is redone where it would be the int, unless it had effects."""
import math

class Level:
    x: float
    n: int
    next: "Level"

    def clamp(self): return max(0.0, min(1, self.x))
    def choose(self): return 0 if self.n else self.x
    def either(self): return self.n or self.x
    def nested(self): return self.x and self.n or 1.0
    def converted(self):
        self.next.n = 1
        self.x = max(0, self.x)
        [a, b] = self.x, 1
        return math.sqrt(max(0, self.x)) + float(self.n if self.n else self.x)
    def undone(self):
        self.n = 1
        return max(0, self.x)
    def too_late(self):
        self.next.n = 1
        return max(0, self.x)
    def bools(self): return max(True, self.x)
