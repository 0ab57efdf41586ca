"""What is tested against, and made of, items that are written there: tests of membership, with items of every kind, that have effects and that fail."""
from typing import Optional

ONE = 1
NAN = float("nan")


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None

    def note(self, k: int) -> int:
        self.n = (self.n * 10 + k) % 1000003
        return k

    def near(self, k: int) -> bool:
        return k in (self.n, self.n + 1, 7)


def f_among(t: T, a: list[int], k: int):
    found = 0
    for v in a:
        if v in (1, 2, k):
            found += 1
        if v not in (ONE, True, t.n, -3):
            found += 10
        found += 100 * (v in [5, k]) + 1000 * (v in {3, 4}) + (v in ())
    return found


def f_among_effects(t: T, a: list[int], k: int):
    found = 0
    for v in a:
        if v in (t.note(1), t.note(v & 3), k):
            found += 1
        elif not t.near(v) and v in (t.note(2), k):
            found += 2
        found *= 3
        found &= 1023
    return found, t.n


def f_among_failing(t: T, a: list[int], k: int):
    found = 0
    for v in a:
        t.note(3)
        if v in (
            k,
            10
            // v,
            t.note(4),
        ):
            found += t.n
    return found


def f_among_overflowing(t: T, a: list[int], k: int):
    found = 0
    for v in a:
        t.note(3)
        found += v not in (v * k, t.note(5), v + k)
    return found


def f_among_floats(t: T, a: list[float], k: int):
    found = 0
    for v in a:
        found = found * 2 + (v in (1.5, 0.0, 2, -1.0, k)) + (v in (k, True)) + (k in (v, 2.5))
        found &= 0xFFFF
    return found


def f_among_nans(t: T, a: list[float], k: int):
    x = NAN
    y = x * k
    return x in (NAN, 1.0), x in (x, 1.0), y in (y,), y in (1.0, 2), [v in (v, x) for v in a]


def f_among_bools(t: T, a: list[bool], k: int):
    found = 0
    for v in a:
        found = found * 2 + (v in (True,)) + (v in (0, 2)) + (v in (None, 1.0)) + (v not in (k, False))
    return found


def f_among_objects(t: T, a: list, k: int):
    found = 0
    for v in a:
        found = found * 7 % 1001
        found += v in ("a", "b", None, 3, -2, 2.5, True)
        found += v not in ["x", "y"]
        t.note(found & 7)
        found ^= t.n & 63
        found += t.n * 2 - (found >> 2)
    return found


def f_among_hashed(t: T, a: list, k: int):
    found = 0
    for v in a:
        t.note(1)
        found = found * 3 % 1001 + (t.n & 3)
        found += (
            v
            in {"a", 1, None}
        )
        found ^= t.n * 3 & 127
    return found


def f_among_instances(t: T, a: list[T], k: int):
    found = 0
    for v in a:
        u = v
        found = found * 2 + (v in (t, u)) + (v in (None, t.next)) + (t.next not in (t, v, None))
        found += v.n & 7
        found &= 0xFFFF
    return found + (t.next in (None, t))


def f_among_one_of_both(t: T, a: list[int], k: int):
    best = None
    found = 0
    for v in a:
        found = found * 2 + (best in (1, 2, None)) + (best not in (k, 3))
        if v > k:
            best = v
    return found


def f_among_assigned(t: T, a: list[int], k: int):
    found = 0
    for v in a:
        t.n += 1
        if v in (v := k, 2) or k in ((w := v + 1), w):
            found += v
    return found
