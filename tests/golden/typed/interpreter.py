"""Calls that the interpreter's own functions carry out: sequences and keywords as arguments, results whose type the arguments decide."""
import math

class Sums:
    a: float
    n: int

    def total(self): return math.fsum((self.a, self.n, 1.5)) + math.fsum([self.a, True])
    def product(self): return math.prod((self.n, 2)), math.prod([self.n, self.a])
    def product_start(self): return math.prod((self.n,), start=self.a)
    def distance(self):
        p = (self.a, 1.0)
        return math.dist(p, (2, self.a))
    def near(self): return math.isclose(self.a, 1.0, rel_tol=0.5)
    def modular(self): return pow(self.n, -1, 7)
    def modular_float(self): return pow(self.a, 2, 7)
    def rounded(self, k: int): return round(self.n, k), round(self.n, -2), round(self.a, k)
    def nothing(self): return math.prod((), start=True)
    def nested(self): return math.fsum(((1.0, 2.0), 3.0))
    def a_list(self): return [1, 2]
    def no_sequence(self): return math.gcd((1, 2))
    def two_stars(self): return math.isclose(1, 2, **self.n)
