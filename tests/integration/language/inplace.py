"""Augmented assignment of items of dicts and of objects, slices, and other operations on what lists and dicts hold."""
from typing import Any, Optional


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None

    def note(self, k: int) -> int:
        self.n = (self.n * 10 + k) % 1000003
        return k


@jitclass
class H:
    counts: dict[int, int]
    names: dict[str, float]
    n: int

    def __init__(self, counts: dict[int, int], names: dict[str, float]):
        self.counts = counts
        self.names = names
        self.n = 0

    def note(self, k: int) -> int:
        self.n = (self.n * 10 + k) % 1000003
        return k

    def count(self, a: list[int]) -> None:
        for v in a:
            self.counts[v & 3] += 1
            self.n += v & 3

    def add(self, key: str, v: float) -> None:
        self.names[key] += v
        self.n += 1
        self.names[key] *= 2

    def order(self, k: int) -> int:
        self.counts[self.note(1)] += self.note(2) + 6 // k
        return self.n


def f_item(t: T, a: dict[int, int], k: int):
    t.note(1)
    for i in range(4):
        a[i] += k
        a[i & 1] -= i
        t.note(i)
    return a, t.n


def f_item_float(t: T, a: dict[int, float], k: int):
    t.note(1)
    for i in range(3):
        a[i] += 0.5
        a[i] *= k
        a[i] -= i
    return a


def f_item_text(t: T, a: dict[str, int], k: int):
    t.note(1)
    for i in range(3):
        a["a"] += i
        a["b"] |= k
        a["a"] <<= 1
    return a


def f_item_order(t: T, a: dict[int, int], k: int):
    t.note(1)
    for i in range(3):
        a[
            t.note(i)
        ] += t.note(
            4
        ) + 12 // (k - i)
    return a, t.n


def f_item_operators(t: T, a: dict[int, int], k: int):
    t.note(1)
    for i in range(1, 3):
        a[i] *= 3
        a[i] //= 2
        a[i] %= 1000
        a[i] **= 2
        a[i] >>= 1
        a[i] &= 0xFFFF
        a[i] ^= i
        a[i] /= 2
    return a


def f_item_objects(t: T, a: Any, k: int):
    t.note(1)
    for i in range(2):
        a[i] += k
        t.note(i)
        a[i] += (k,)
        a[i] *= 2
    return a


def f_item_lists(t: T, a: dict[int, list], k: int):
    t.note(1)
    for i in range(2):
        t.note(i)
        a[i] += [k]
        a[i] += (i, t.n)
    return a


def f_item_key(t: T, a: Any, k: int):
    t.note(1)
    for v in (1, True, 1.0, None, "a", (1, 2)):
        a[v] += k
    return a


def f_item_new(t: T, a: list[int], k: int):
    d = {}
    for v in a:
        d[v] = 0
    for v in a:
        d[v] += v
        d[v] += 1.5
        t.n += 1
    return d, t.n


def f_field(t: T, a: list[int], k: int):
    h = H({0: 1, 1: 2, 2: k, 3: 2**62}, {"a": 1.5, "b": 2})
    h.count(a)
    h.add("a", 0.25)
    h.add("b", 1)
    t.n = h.n & 255
    return h.counts, h.names, h.order(k), h.counts


def f_local(t: T, a: list[int], k: int):
    t.note(1)
    b = a
    b += [k]
    c = b[:]
    c += a
    c += (1, 2)
    t.note(2)
    return a is b, b, c, a


def f_local_objects(t: T, a: Any, k: int):
    t.note(1)
    s = 0
    for i in range(2):
        s += t.note(i) * 3
        a += a
    b = a
    b *= 2
    return a, b, s


def f_local_text(t: T, a: list, k: int):
    t.note(1)
    text = "x"
    s = 0
    for v in a:
        s += t.note(1) * 3 + (s & 7) + (s >> 2) * 5
        text += v
    text *= k & 3
    return text, s


def f_local_number(t: T, a: list, k: int):
    t.note(1)
    s = 0.0
    for v in a:
        w = v
        w += 1.5
        w *= k
        s += w
    return s


def f_slices(t: T, a: list[int], k: int):
    t.note(1)
    return a[:], a[1:], a[:k], a[k:], a[-2:k], a[k::2], a[::-1], a[t.note(1) : 3 : k], len(a[1:])


def f_slices_in_loop(t: T, a: list[int], k: int):
    s = 0
    out = []
    for i in range(4):
        b = a[i:]
        for v in b:
            s += v & 7
        t.n += 1
        out.append(a[: i + k])
        s += len(b) * 3 + (s >> 3)
    return s, out


def f_slices_of_objects(t: T, a: Any, k: int):
    t.note(1)
    s = 0
    for i in range(3):
        s += t.note(i) * 3
        b = a[i:]
        c = a[
            b if s > 1000000
            else None : k
        ]
    return b, c, "some text"[k:], s


def f_slices_with_objects(t: T, a: list, k: int):
    t.note(1)
    out = []
    b = [1, 2, 3, 4]
    for v in a:
        out.append(b[v:])
        t.note(len(out) & 3)
    return out


def f_slices_stored(t: T, a: list[int], k: int):
    t.note(1)
    a[1:2] = [k, k]
    a[:1] += [7]
    del a[k:]
    return a


def f_functions(t: T, a: list[int], k: int):
    t.note(1)
    s = 0
    for i in range(2):
        s += t.note(i) + (s & 3) * 5 - (s >> 1)
        b = sorted(a)
        c = list(range(k & 7))
        d = set(a)
        s += len(d) + len(c)
        a.extend(b)
    return s, b, c, d, next(iter(a)), list(a), a, reversed(a) is None


def f_item_in_try(t: T, a: dict[int, int], k: int):
    s = 0
    for i in range(4):
        t.note(i)
        try:
            a[i + (k & 1)] += t.note(1) * 3 - (s & 3)
            s += 2
        except KeyError:
            a[i + (k & 1)] = 1
            s += 100
        except TypeError as error:
            s += len(str(error))
    return a, s, t.n


def f_list_of_class(t: T, a: list[T], k: int):
    found: list[T] = []
    for i in range(3):
        found += a
        t.note(i)
    s = 0
    for v in found:
        s += v.n * 3 + k
    return s, len(found)


def f_joined(t: T, a: list, k: int):
    s = 0
    for i in range(3):
        s += t.note(i) * 3 + (s & 7) - (s >> 2)
        b = a
        k += i
    return "-".join(type(v).__name__ + str(k) for v in b), s, "".join("ab"[i & 1] for i in range(k & 7) if s)
