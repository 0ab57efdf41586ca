"""Locals and results that are None or a number: joined from branches and loops, narrowed, used as a number where they are None, boxed, handed
over to Python. Each method takes one int."""
from typing import Any, Optional


@jitclass
class P:
    v: int = 0
    next: Optional["P"] = None


@jitclass
class T:
    n: int = 0
    x: float = 0.5
    q: Any = None
    def dist(self, x: float) -> Optional[float]:
        d = x * x - 4.0
        if d < 0.0:
            return None
        return d ** 0.5
    def count(self, k: int):
        if k > 3:
            return k
    def flag(self, k: int):
        return None if k == 1 else k > 2
    def nearest(self, k: int) -> Optional[float]:
        best = None
        for i in range(k):
            self.n += 1
            d = self.dist(i * 0.7)
            if d is not None and (best is None or d < best):
                best = d
        return best
    def total(self, k: int):
        s = 0.0
        for i in range(k):
            d = self.dist(i * 1.0)
            if d:
                s += d
            s += 0.0 if d is None else d * 2
        return s
    def bad(self, k: int):
        s = 0.0
        self.n += 1
        for i in range(k, 0, -1):
            d = self.dist(i * 1.0)
            s += d * 2.0
            self.n += 1
        return s
    def bad2(self, k: int):
        s = 0.0
        for i in range(k, 0, -1):
            s += self.dist(i * 1.0) * 2.0
        return s
    def pair(self, k: int):
        found = None
        for i in range(k):
            if i % 3 == 2:
                found = (i, i * 0.5)
        if found is None:
            return -1
        a, b = found
        return a, b, found
    def pair2(self, k: int):
        found = None
        for i in range(k):
            if i % 3 == 2:
                found = (i, i * 0.5)
        return found
    def boxes(self, k: int):
        best = None
        out = []
        for i in range(k):
            self.n += i
            out.append(best)
            out.append((best, i))
            if i > 1:
                best = i
        return out, [best], best, (best, k), str(best), best is None, best == 3, best or 7, not best
    def resumes(self, k: int):
        best = None
        for i in range(5):
            self.n += 1
            if i > 2:
                best = i * k
            k = k * 3
        return best, k
    def regions(self, k: int):
        best = None
        for i in range(k):
            if i > 2:
                best = i
            for j in range(3):
                self.n += j * i
            try:
                self.n += best
            except TypeError:
                self.n += 100
        try:
            best = None if k == 1 else best
        finally:
            pass
        return best
    def param(self, k: int):
        best = self.count(k)
        return self.takes(best, 2), self.takes(None, 3), self.takes(k, 4)
    def takes(self, v, w: int = 2):
        if v is None:
            return w
        return v + w
    def other(self, k: int):
        x = None
        if k > 2:
            x = 1.5
        y = x
        if k > 4:
            x = None
        z = x if k > 1 else None
        return x, y, z, (1, x), -y if y is not None else 0.0
    def neg(self, k: int):
        x = None
        if k > 2:
            x = k
        self.n += 1
        return -x
    def cmp(self, k: int):
        x = None
        if k > 2:
            x = k
        self.n += 1
        return x > 3, 1 < x < 9, max(x, 4), abs(x)
    def rec(self, k: int):
        if k <= 0:
            return None
        r = self.rec(k - 2)
        return k if r is None else r + k
    def loop(self, k: int):
        x = None
        while x is None or x < k:
            x = 1 if x is None else x * 2
        return x
    def boolm(self, k: int):
        x = None
        for i in range(k):
            x = i > 2
        if x:
            return 1
        if x is None:
            return 2
        return 3
    def changes(self, k: int):
        x = None
        if k > 2:
            x = 1.5
        if k > 3:
            x = 7
        return x

    def conditional(self, k: int):
        x = k * 0.5 if k > 2 else None
        y = None if k == 1 else (k, 2.5)
        z = x and x + 1.0
        return x, y, z, x or y

    def into_field(self, k: int):
        best = None
        for i in range(k):
            self.n += 1
            if i > 2:
                best = i * 0.5
        self.x = best
        return self.x

    def into_object(self, k: int):
        best = None
        for i in range(k):
            self.n += 1
            if i > 2:
                best = i
        self.q = best
        return self.q

    def into_list(self, k: int):
        best = None
        xs = []
        for i in range(k):
            xs.append(best)
            best = i * 0.5 if i != 3 else None
        return xs, [b for b in xs], len(xs)

    def augmented(self, k: int):
        x = None
        for i in range(k):
            self.n += 1
            if i == 2:
                x = 3
        x += 2
        return x

    def walrus(self, k: int):
        s = 0.0
        for i in range(k):
            if (d := self.dist(i * 0.9)) is not None and d > 0.5:
                s += d
        return s

    def big(self, k: int):
        x = None
        for i in range(4):
            self.n += 1
            x = 2**61 if x is None else x * (k + 1)
        return x

    def tuples(self, k: int):
        found = None
        for i in range(k):
            self.n += 1
            if found is None or found[1] < i:
                found = (i * 0.5, i)
        if found:
            x, y = found
            return x + y, found == (1.0, 2)
        return found

    def unpack(self, k: int):
        found = None
        if k > 2:
            found = (k, 0.5)
        self.n += 1
        a, b = found
        return a + b

    def index(self, k: int):
        i = None
        if k > 1:
            i = 1
        self.n += 1
        return [1.5, 2.5, 3.5][i], [v for v in range(i)]

    def two(self, k: int):
        x = None
        y = None
        for i in range(k):
            x, y = y, i * 0.5
        return x, y

    def several(self, k: int):
        x = None
        if k > 1:
            x = 0.5
        y = (x, k)
        x = None
        if k > 2:
            x = k
        return x, y

    @property
    def half(self) -> Optional[float]:
        return self.n * 0.5 if self.n > 3 else None

    def of_property(self, k: int):
        s = 0.0
        for i in range(k):
            self.n += 1
            h = self.half
            s += 1.0 if h is None else h
        return s, self.half

    def raises(self, k: int):
        x = None
        for i in range(k):
            self.n += 1
            x = i
        assert x, "nothing"
        return 10 // x

    def falls_off(self, x: float):
        if x > 1.0:
            return x * 0.5
        elif x > -1.0:
            return x

    def pair_or_nothing(self, x: float):
        if x > 1.0:
            return x * 0.5, 2
        elif x > -1.0:
            return x, 3

    def pair_with(self, k: int):
        p = P(k * 37 % 11)
        if p.v > 6:
            return None
        return p, p.v * 0.5
    def of_references(self, k: int):
        best = None
        for i in range(k):
            p = P(i * 37 % 11, P(i))
            if best is None or p.v < best[1]:
                best = p, p.v
        if best is None:
            return None
        p, v = best
        return p.v, v, p.next, best[0] is p
    def of_found(self, k: int):
        last, s = None, 0.0
        for i in range(k):
            found = self.pair_with(i)
            if found is not None:
                s += found[1] + found[0].v
                last = found
        return s, last, self.pair_with(k)
    def found_resumes(self, k: int):
        last, t = None, 1
        for i in range(k):
            self.n += 1
            found = self.pair_with(i)
            if found is not None and (last is None or found[1] > last[1]):
                last = found
            t *= 1000003
        return t, last
    def found_is_wanted(self, k: int):
        s = 0.0
        for i in range(k):
            self.n += 1
            p, half = self.pair_with(i)
            s += half + p.v
        return s
    def found_is_kept(self, k: int):
        last = None
        for i in range(k):
            found = self.pair_with(i)
            if found:
                last = found
                self.q = found
        self.q = [self.q, last]
        return len(self.q)
    def of_calls(self, k: int):
        s = self.falls_off(0.5) * 2.0
        for i in range(3):
            self.n += 1
            s += self.falls_off(k * 0.5)
            s = min(s, self.falls_off(i * 1.0)) + abs(self.falls_off(k * 1.0)) - -self.falls_off(k + 2.0)
            self.x = self.falls_off(i + k * 1.0)
        return s, self.falls_off(k * 1.0)

    def of_pairs(self, k: int):
        s = 0.0
        for i in range(3):
            self.n += 1
            x, j = self.pair_or_nothing(k * 1.0)
            s += x + j
        return s

    def of_lists(self, k: int):
        xs = [0.5, 1.5]
        for i in range(2):
            self.n += 1
            xs.append(self.falls_off(k * 1.0))
            xs[0] = self.falls_off(k + i * 1.0)
            xs[1] += self.falls_off(k + i * 1.0)
        return xs, [v * 2.0 for v in xs], self.falls_off(k * 1.0) < 2.0, not self.falls_off(k * 1.0)

    def of_arguments(self, k: int):
        return self.takes(self.falls_off(k * 1.0), 1), self.falls_off(self.falls_off(k * 1.0)), range(self.count(k + 4))

    def of_fields(self, k: int):
        self.n += 1
        self.x = self.falls_off(k * 1.0)
        return self.x
