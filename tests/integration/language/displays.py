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


def f_set_comprehension(t: T, a: list[int], k: int):
    return {v & 7 for v in a}, {v for v in a if v != k}, {i * j for i in range(4) for j in range(i)}


def f_set_effects(t: T, a: list[int], k: int):
    t.note(k & 3)
    return {t.note(v & 7) + i for v in a for i in range(2) if v != k}, t.n


def f_set_overflowing(t: T, a: list[int], k: int):
    t.note(k & 3)
    return {v * k for v in a}, {
        10
        // v for v in a
        if 100 // v != k
    }


def f_set_of_objects(t: T, a: list, k: int):
    t.note(1)
    found = {
        v
        for v in a
    }
    t.note(2)
    return len(found), {(v, k) for v in a}, {v is None for v in a}, [v in found for v in a]


def f_set_order(t: T, a: list[int], k: int):
    t.note(1)
    s = {v * 37 % 101 for v in a if -(2**70) < v < 2**70 for i in range(9)} | {v * i * 31 % 97 for v in a if -(2**70) < v < 2**70 for i in range(12)}
    return list(s), [v for v in {33, k & 7, 1, 2, 18}], [v for v in {33, 1, 2, 3, 4, 18, 50}]


def f_set_of_instances(t: T, a: list[T], k: int):
    t.note(1)
    s = {v for v in a}
    return len(s), t in s, [v in s for v in a], {v.n for v in a}


def f_set_of_pairs(t: T, a: list[int], k: int):
    t.note(1)
    return {(v, i) for i, v in enumerate(a)}, {(v, w) for v, w in zip(a, a) if v > k}, {(v, (k, None)) for v in a}


def f_set_of_floats(t: T, a: list[float], k: int):
    t.note(1)
    return len({v for v in a}), len({v * 1.0 for v in a}), len({v + NAN for v in a}), len({(v, 1) for v in a})


def f_set_display(t: T, a: list, k: int):
    t.note(1)
    out = []
    for v in a:
        out.append(len({v, None, "x"}) + len({k, t.n}) + len({(k, v)}) + len({v, v}))
        t.note(len(out) & 3)
    return out, {"a", k, None}, {t, t.next}, {k: 1, **{2: 3}}


def f_set_display_fails(t: T, a: list, k: int):
    t.note(1)
    return {
        "a",
        t.note(2),
        a,
        k,
    }


def f_dict_comprehension(t: T, a: list[int], k: int):
    return {v: v * 2 for v in a}, {i: v for i, v in enumerate(a) if v != k}, {v & 3: t.note(i & 3) for v in a for i in range(3)}, t.n


def f_dict_overflowing(t: T, a: list[int], k: int):
    t.note(k & 3)
    return {v + k: v * k for v in a}, {
        10
        // v:
        20
        // (v - k)
        for v in a
        if 30 // v
    }


def f_dict_of_objects(t: T, a: list, k: int):
    t.note(1)
    d = {
        v:
        t.note(3)
        for v in a
    }
    t.note(2)
    return len(d), {i: v for i, v in enumerate(a)}, {(v, k): v for v in a}, [d[v] for v in a]


def f_dict_of_lists(t: T, a: list[int], k: int):
    t.note(1)
    d = {v & 1: [v, k] for v in a}
    d[7] = [t.n]
    return d, {v: {w: v * w for w in a if w > v} for v in a}, {v: {w & v for w in a} for v in a}


def f_dict_of_instances(t: T, a: list[T], k: int):
    t.note(1)
    d = {v: v.n for v in a}
    return [d.get(v) for v in a], {v.n: v for v in a}, {v.n: t for v in a}


def f_dict_of_floats(t: T, a: list[float], k: int):
    t.note(1)
    d = {i: v * 0.5 for i, v in enumerate(a)}
    s = 0.0
    for i in d:
        s += d[i]
    return s, len({v: 1 for v in a}), d


def f_dict_display(t: T, a: list, k: int):
    t.note(1)
    out = []
    for v in a:
        out.append({"v": v, "k": k, k: t.n, None: (v, k)})
        t.note(len(out) & 3)
    return out, {k: 1, 2: 2.5, 1: None}, {t: k}, {"a": {}, "b": [k], "a": {1, k}}


def f_dict_display_fails(t: T, a: list, k: int):
    t.note(1)
    d = {
        "a": t.note(2),
        k: a,
        a: t.note(3),
        t.note(4): 1 // k,
    }
    return d


def f_dict_display_numbers(t: T, a: list[int], k: int):
    d = {1: 2, 3: 4, k: 5}
    s = 0
    for v in a:
        s += d.get(v, 7) + d[1]
        d[v] = s
    return d, s


def f_given_up(t: T, a: list, k: int):
    t.note(1)
    out = []
    d = {i & 1: Noted(out, i) for i in range(5)}
    out.append("made")
    return len(d), out, {0: Noted(out, 7), k: Noted(out, 8), 0: Noted(out, 9)} and 1, out


class Noted:
    def __init__(self, out, k):
        self.out, self.k = out, k

    def __del__(self):
        self.out.append(self.k)


def f_comprehension_in_iterable(t: T, a: list[int], k: int):
    t.note(1)
    return [v for v in {w & 3 for w in a}], sum(v for v in {w: 1 for w in a}), {v for v in range(6 // k)}, {v: 1 for v in range(6 // k)}


def f_any_of_sets(t: T, a: list[int], k: int):
    t.note(1)
    return [any(v in {w, k} for w in a) for v in a], {all(v <= w for w in a) for v in a}, {v: sum(w for w in a if w < v) for v in a}


def f_in_try(t: T, a: list, k: int):
    s = 0
    made = None
    for i in range(3):
        t.note(i)
        try:
            made = {v: {v, i} for v in a}, {i: a}
            s += len(made)
        except TypeError as error:
            s += len(str(error))
        else:
            s += 100
    return made, s, t.n
