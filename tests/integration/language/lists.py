"""Functions over Python lists, which compiled code reads and changes in place: with items of the type that the annotation says, of others, with
lists that are none, that shrink and grow while they are looked at, and with what comes behind failing."""
from typing import List, Optional

BIG = 2**62


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None

    def note(self, k: int) -> int:
        self.n = (self.n * 10 + k) % 1000003
        return k

    def inner(self, a: list[int], k: int) -> int:
        s = 0
        for v in a:
            s += v
            self.n += 1
        return s + k

    def longer(self, a: list[int]) -> int:
        a.append(self.n)
        return self.n

    def shorter(self, a: list[int]) -> int:
        return a.pop()

    @property
    def half(self) -> float:
        return self.x / 2

    def take(self, a: List[float], i: int) -> float:
        return a[i] + self.half


def f_annotated_display(t: T, a: list[int], k: int):
    todo: List["T"] = [t, t]
    s = 0
    for z in range(2):
        for one in todo:
            one.n += k & 3
            s = (s * 3 + one.n) & 1023
    todo.append(a)
    for one in todo:
        s = (s * 3 + one.n) & 1023
    return s


def f_sum(t: T, a: list[int], k: int):
    s = 0
    for v in a:
        s += v
    return s


def f_sum_effects(t: T, a: list[int], k: int):
    s = 0
    for v in a:
        t.n += 1
        s += v
    else:
        t.note(7)
    return s, k


def f_floats(t: T, a: list[float], k: int):
    s = 0.0
    for v in a:
        s += v * k
    return s


def f_floats_effects(t: T, a: list[float], k: int):
    s = 0.0
    t.next = T(9)
    for v in a:
        s += v
        if s > 100.0:
            break
        if s < -100.0:
            continue
        t.x += v
    return s


def f_bools(t: T, a: list[bool], k: int):
    s = 0
    for v in a:
        if v:
            s += k
        t.n += v
    return s


def f_index(t: T, a: list[int], k: int):
    t.note(1)
    return a[k] + a[-1] + a[0]


def f_index_pure(t: T, a: list[int], k: int):
    return a[k] - a[True]


def f_while(t: T, a: list[int], k: int):
    i = 0
    s = 0
    while i < len(a):
        t.n += a[i]
        s = s * 3 + a[i]
        i += 1
    return s


def f_truth(t: T, a: list[int], k: int):
    if a:
        t.note(1)
    if not a:
        return -1
    return 5 if a and k > 2 else len(a)


def f_order(t: T, a: list[int], k: int):
    return t.note(1) + a[t.note(k) & 1] * t.note(3) + a[t.note(0)]


def f_set(t: T, a: list[int], k: int):
    a[k] = k
    t.note(2)
    a[-1] = 77
    a[k] = a[0]
    return len(a)


def f_set_order(t: T, a: list[int], k: int):
    a[k & 3] = t.note(5) + k
    a[k - 1] = t.note(6)
    return t.n


def f_set_float(t: T, a: list[float], k: int):
    a[k] = 2.5
    a[0] = a[k] * 2
    a[k] += 0.25
    t.note(1)
    a[k] -= a[0]
    a[1] = t.x
    return a[k]


def f_augmented(t: T, a: list[int], k: int):
    a[0] += k
    a[k] += t.note(3)
    a[-1] *= a[0]
    a[k - 1] -= 1
    a[1] //= k
    return t.n


def f_augmented_changing(t: T, a: list[int], k: int):
    a[1] += shrink(a, k)
    return t.n


def f_set_changing(t: T, a: list[int], k: int):
    a[1] = shrink(a, k)
    return t.n


def shrink(a, k):
    del a[1:]
    return k


def f_swap(t: T, a: list[int], k: int):
    a[0], a[k] = a[k], a[0]
    t.note(1)
    a[0], a[1], a[-1] = a[-1], a[0], a[1]
    return a[0]


def f_swap_values(t: T, a: list[int], k: int):
    a[0], a[k] = k, k + 1
    a[k], a[0] = t.note(4), a[1] + 1
    return a[0]


def f_swap_floats(t: T, a: list[float], k: int):
    a[k], a[0] = a[0], a[k]
    return a[0] + a[k]


def f_reverse(t: T, a: list[int], k: int):
    i = 0
    j = len(a) - 1
    while i < j:
        a[i], a[j] = a[j], a[i]
        i += 1
        j -= 1
    return a


def f_sort(t: T, a: list[int], k: int):
    for i in range(1, len(a)):
        v = a[i]
        j = i - 1
        while j >= 0 and a[j] > v:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = v
    return a[0]


def f_append(t: T, a: list[int], k: int):
    for i in range(k & 7):
        a.append(i * i)
    t.note(len(a))
    a.append(t.note(3))
    return a[-1]


def f_append_floats(t: T, a: list[float], k: int):
    for i in range(20):
        a.append(i * 0.5)
    return len(a)


def f_append_in_turn(t: T, a: list[int], k: int):
    for v in a:
        if len(a) < 12:
            a.append(v + 1)
        t.n += v
    return len(a)


def f_append_big(t: T, a: list[int], k: int):
    a.append(k)
    a.append(k + k)
    a.append(1)
    return a[-2]


def f_shrinks(t: T, a: list[int], k: int):
    s = 0
    for v in a:
        s += v
        for i in range(2):
            t.n += i
        if len(a) > 2:
            a.pop()
    return s


def f_overflow(t: T, a: list[int], k: int):
    s = k
    for v in a:
        t.n += 1
        s = s * 3 + v
    for v in a:
        s -= v
    return s


def f_overflow_in(t: T, a: list[int], k: int):
    t.note(1)
    a[0] = k + k
    a[1] += BIG
    a[1] += BIG
    for v in a:
        t.n += 1
    return a[1]


def f_nested(t: T, a: list[list[int]], k: int):
    s = 0
    for row in a:
        t.n += 1
        for v in row:
            s += v
        row[0] = s
    return s


def f_nested_index(t: T, a: list[list[int]], k: int):
    s = 0
    for i in range(len(a)):
        for j in range(len(a[i])):
            a[i][j] += k
            s += a[i][j]
            t.n += 1
    return s


def f_pairs(t: T, a: list[tuple[int, float]], k: int):
    s = 0.0
    for n, x in a:
        t.n += n
        s += n * x
    return s + a[0][1], a[-1]


def f_pairs_nested(t: T, a: list[tuple[int, tuple[int, bool]]], k: int):
    s = 0
    for n, (m, b) in a:
        s += n * m
        if b:
            s += 1
        t.n += 1
    return s


def f_objects(t: T, a: list[T], k: int):
    for o in a:
        o.n += k & 15
        t.x += o.x
        o.next = t
    return a[0].n


def f_objects_index(t: T, a: list[T], k: int):
    o = a[0]
    o.x = 4.0
    a[0] = a[k]
    a[k] = o
    a.append(T(5, 1.5))
    a.append(t)
    a[1], a[2] = a[2], a[1]
    for o in a:
        o.note(k & 7)
    return a[-2].x, a[0] is o


def f_optional(t: T, a: list[Optional[T]], k: int):
    s = 0
    for o in a:
        if o is not None:
            s += o.n
            o.note(2)
        else:
            t.note(1)
    a[0] = None
    a.append(None)
    a.append(t.next)
    return s


def f_held(t: T, a: list[T], k: int):
    first = a[0]
    del a[:]
    first.n += 1
    for i in range(3):
        first.note(i)
    return first.n


def f_any(t: T, a: list, k: int):
    b = a[0]
    n = 0
    for v in a:
        n += 1
    a[0] = a[-1]
    a.append(b)
    a[1] = 2.5
    a.append(n)
    return b, n, a[0]


def f_local(t: T, a: list[int], k: int):
    b = a
    c = b
    b.append(3)
    for v in c:
        t.n += v
    b = None
    return c is a, len(c)


def f_rebound(t: T, a: list[int], k: int):
    s = 0
    for v in a:
        a = other(a)
        s += v + len(a)
        for i in range(2):
            t.n += i
    return s, a


def other(a):
    return a[1:]


def f_calls(t: T, a: list[int], k: int):
    return t.inner(a, k) + t.inner(a, 1) * 2


def f_takes(t: T, a: List[float], k: int):
    t.note(1)
    return t.take(a, k) + t.take(a, 0)


def f_unannotated(t, a, k):
    s = 0
    for v in a:
        s += v
        t.n += 1
    return s + a[k]


def f_unbound(t: T, a: list[int], k: int):
    for v in a:
        w = v
    return v + w


def f_two(t: T, a: list[int], k: int):
    x = 0
    for v in a:
        t.n += v
        x = v
    x = 0.5 * k
    for v in a:
        x += v
        t.n += 1
    return x


def f_else(t: T, a: list[int], k: int):
    for v in a:
        if v == k:
            t.note(1)
            break
    else:
        t.note(2)
        return -1
    return v


def f_return_item(t: T, a: list[float], k: int):
    for v in a:
        t.n += 1
        if v > k:
            return v
    return 0.5


def f_named(t: T, a: list[int], k: int):
    t.note(1)
    if (v := a[k]) > 2:
        return v + (w := a[0]) * w
    return v


def f_chain(t: T, a: list[int], k: int):
    t.note(1)
    return a[0] < a[1] < a[k] or a[k] == a[-1] != t.note(3)


def f_text(t: T, a: list[int], k: int):
    s = 0
    for v in a:
        s += v
        t.n += 1
    text = f"{s} {a[0]}"
    for v in a:
        s -= v
        t.n += 1
    return text, s


class H:
    """Its own attributes are objects, declared or not."""

    n: int
    xs: list[int]
    fs: "List[float]"
    who: str

    def __init__(self, xs):
        self.n = 0
        self.xs = xs
        self.fs = [0.5, 1.5]
        self.more = [1, 2]
        self.who = "me"

    def __eq__(self, other):
        return isinstance(other, H) and (self.n, self.fs, self.who) == (other.n, other.fs, other.who)

    def note(self, k: int) -> int:
        self.n = (self.n * 10 + k) % 1000003
        return k

    def total(self) -> int:
        s = 0
        for v in self.xs:
            s += v
            self.n += 1
        return s

    def put(self, i: int, v: int) -> None:
        self.xs[i] = v
        self.xs[i] += self.note(2)
        self.fs[0] *= 2.0
        self.fs.append(self.fs[i] + 0.5)

    def puts(self, i: int, v: int) -> None:
        for k in range(2):
            self.put(i, v)

    def swap(self, i: int):
        self.xs[0], self.xs[i] = self.xs[i], self.xs[0]
        return self.xs is self.xs, len(self.xs), self.who

    def replace(self, k: int) -> int:
        s = 0
        for i in range(len(self.xs)):
            s += self.xs[i]
            self.note(i)
            if i == k:
                self.xs = self.xs[1:] + [7]
            for j in range(2):
                s += self.xs[0]
        return s

    def drop(self, k: int) -> int:
        s = 0
        for i in range(3):
            s += len(self.xs) + self.n
            if i == k:
                del self.xs
            for j in range(2):
                s += j
        return s

    def undeclared(self, k: int):
        a = self.more
        b = a if self.n > 3 else self.who
        return a is self.more, b

    def missing(self, k: int):
        self.n += 1
        return self.nothing

    def late(self, k: int):
        if k > 100:
            self.lately = k
        self.note(1)
        return self.lately


H = jitclass(H)


def f_field_total(t: T, a: list[int], k: int):
    h = H(a)
    return h.total(), h.total(), h.n


def f_field_put(t: T, a: list[int], k: int):
    h = H(a)
    h.put(k, 5)
    h.puts(k, 6)
    return h


def f_field_swap(t: T, a: list[int], k: int):
    return H(a).swap(k)


def f_field_replace(t: T, a: list[int], k: int):
    h = H(a)
    return h.replace(k), h.xs, h.n


def f_field_drop(t: T, a: list[int], k: int):
    h = H(a)
    return h.drop(k), h.n


def f_field_undeclared(t: T, a: list[int], k: int):
    h = H(a)
    h.n = k & 7
    return h.undeclared(k)


def f_field_missing(t: T, a: list[int], k: int):
    return H(a).missing(k)


def f_field_late(t: T, a: list[int], k: int):
    return H(a).late(k)


def f_field_of_other(t: T, a: list[int], k: int):
    return over([H(a), H([1, 2]), H([k, 3])], k)


def over(hs: list[H], k: int):
    s = 0
    for i in range(3):
        for h in hs:
            s += len(h.xs)
            h.note(i)
    return s, hs[1].n


def f_display(t: T, a: list[int], k: int):
    b = [k, 1, 2]
    t.note(1)
    b.append(len(a))
    c = [b, [k]]
    d = [1.5, k, None, t.next, True]
    for v in b:
        t.n += v & 7
    return b, c, len(d), d[1], [] == []


def f_display_order(t: T, a: list[int], k: int):
    b = [t.note(1), a[k], t.note(2)]
    b[0], b[-1] = b[-1], b[0]
    return b


def f_begins_empty(t: T, a: list[int], k: int):
    b = []
    c: list[float] = []
    for v in a:
        b.append(v * 2)
        c.append(v * 0.5)
    s = 0
    for v in b:
        s += v
        t.n += 1
    x = 0.0
    for y in c:
        x += y
        t.n += 1
    return s, x, b, c


def f_begins_mixed(t: T, a: list[int], k: int):
    b = []
    b.append(k)
    b.append(0.5)
    b.append("x")
    n = 0
    for v in b:
        n += 1
    return n, b


def f_begins_nested(t: T, a: list[int], k: int):
    rows = []
    for i in range(3):
        row = []
        for j in range(i + 1):
            row.append(i * j + (k & 3))
        rows.append(row)
    s = 0
    for row in rows:
        for v in row:
            s += v
    return s, rows


def f_pop(t: T, a: list[int], k: int):
    s = 0
    for i in range(3):
        t.n += 1
        s += a.pop() * 2 + i
    return s + a.pop(0), a


def f_pop_at(t: T, a: list[int], k: int):
    t.note(2)
    v = a.pop(k)
    w = a.pop(-1)
    return v + w + len(a)


def f_pop_objects(t: T, a: list[T], k: int):
    o = a.pop()
    o.n += 1
    t.next = a.pop(0)
    return o.n, t.next.n, len(a)


def f_stack(t: T, a: list[int], k: int):
    stack = [k & 63]
    steps = 0
    while stack:
        v = stack.pop()
        steps += v & 3
        t.n += 1
        if v > 1:
            stack.append(v // 2)
            stack.append(v - v // 2 - 1)
    return steps


def f_pop_text(t: T, a: list, k: int):
    v = a.pop()
    n = 0
    for w in a:
        n += 1
    for i in range(3):
        t.n += i
    return v, n


def f_repeat(t: T, a: list[int], k: int):
    flags = [True] * (k & 15)
    zeros = [0.0] * 3
    for i in range(len(flags)):
        flags[i] = i & 1 == 0
    for i in range(3):
        zeros[i] += i * 1.5
    return flags, zeros, a * (k & 3), a + [k], [1] * (k & 1) + a


def f_in(t: T, a: list[int], k: int):
    n = 0
    for i in range(4):
        if i in a:
            n = n * 3 + i * 2 + 1
        if k not in a:
            n = n * 5 - (i ^ 3) + n // 7
        t.n += n & 7
    return n, k in a, not k in a


def f_dict(t: T, a: dict[int, int], k: int):
    s = 0
    for i in range(4):
        s = s * 7 + i * 3 + (s ^ i) - (s >> 2) + i // 3
        if i in a:
            s += a[i] * 2 + i - s // 9 + (s & 5) - (s | 2) + i * i
        t.n += 1
    a[k] = 5
    a[1] = a[k] + 1
    return s, a[k], len(a)


def f_dict_text(t: T, a: dict[str, int], k: int):
    s = k
    for i in range(3):
        t.n += i
    s += len(a)
    for i in range(3):
        t.n += i
    return s, a.get(k), a.get(1, k)


def f_builtins(t: T, a: list[int], k: int):
    s = 0
    for i in range(3):
        s += sum(a) * 2 + max(a) - min(a) + i * i + (s & 7) - (s ^ i) + s // 3 + s % 11 + (i << 2) - (i | 1) + s * 2 - i * 3 + (s >> 1)
        t.n += 1
    b = sorted(a)
    c = list(a)
    c.append(k)
    for v in b:
        s -= v
    return s, b, c, any(a), all(a)


def f_methods(t: T, a: list[int], k: int):
    b = a.copy()
    b.reverse()
    a.insert(1, k)
    a.extend(b)
    n = a.count(k) + a.index(k)
    for i in range(n):
        t.n += i
    a.sort()
    a.remove(k)
    return n, a, b


def f_method_missing(t: T, a: list[int], k: int):
    for i in range(3):
        t.n += i
    a.nothing(k)
    return 1


def f_wanted(t: T, a: list, k: int):
    x: int = a[0]
    t.n = a.pop()
    for i in range(3):
        t.n += i * x
    return x


def f_enumerate(t: T, a: list[int], k: int):
    s = 0
    for i, v in enumerate(a):
        s = s * 3 + i * v
        t.n += 1
    for i, v in enumerate(a, k):
        s += i - v
        t.n += 1
    else:
        t.note(4)
    return s, i


def f_enumerate_changing(t: T, a: list[int], k: int):
    t.note(1)
    for i, v in enumerate(a):
        if i == 1:
            a.append(7)
        if i == 2:
            a.pop(0)
        t.n += v
        for j in range(2):
            t.n += i * j
    return a


def f_enumerate_floats(t: T, a: list[float], k: int):
    s = 0.0
    for i, v in enumerate(a, 1):
        s += v / i
    return s


def f_zip(t: T, a: list[int], b: list[int]):
    s = 0
    t.note(1)
    for v, w in zip(a, [5, 6, 7, 8]):
        s = s * 7 + v * w
        t.n += 1
    for v, w in zip(a, a):
        s -= v * w
        if s & 1:
            continue
        t.n += 1
    return s


def f_zip_other(t: T, a: list[float], k: int):
    b = [0.5, 1.5]
    s = 0.0
    for x, y in zip(a, b):
        s += x * y
        b.append(s)
        t.n += 1
        if len(b) > 5:
            break
    return s, b


def f_enumerate_objects(t: T, a: list[T], k: int):
    for i, o in enumerate(a):
        o.n += i
        t.next = o
    for o, p in zip(a, a):
        o.note(p.n & 7)
    return t.next.n


def f_augmented_from_the_end(t: T, a: list[int], k: int):
    for i in range(3):
        a[-1] += t.longer(a)
        t.n += i
        a[-2] -= t.longer(a) + k
        a[-1] *= t.shorter(a)
    return len(a)


def f_tuples(t: T, a: list[tuple[int, float]], k: int):
    b = [(k, t, None), (1, t.next, True)]
    for i in range(3):
        a.append((i, t.x))
        t.n += i
    a[0] = (k, 2.5)
    n, x = a.pop()
    c = [(), ((1, 2.5), (k,))]
    return n, x, a, b, c, len(b)


def f_comprehension(t: T, a: list[int], k: int):
    return [v * k for v in a if v != 2]


def f_comprehension_effects(t: T, a: list[int], k: int):
    t.n += 1
    b = [
        v * k
        + t.note(3)
        for v in a
        if t.note(v) != k
        if v * 2**62 > -5
    ]
    return t.n, b


def f_comprehension_of_two(t: T, a: list[int], k: int):
    t.n += 1
    return [x * y - t.note(x) for x in a if x * k < 2**62 for y in a if y + 2**61 * x > 3]


def f_comprehension_of_three(t: T, a: list[int], k: int):
    t.note(1)
    return [x + y * z + t.note(2) for x in a for y in range(k % 4) for z in a if z % (x - 5)]


def f_comprehension_nested(t: T, a: list[int], k: int):
    t.note(4)
    return [k] + [sum([x * y for y in a if t.note(y) + x * 2**60]) for x in a]


def f_comprehension_in_iterable(t: T, a: list[int], k: int):
    t.note(4)
    return [t.note(v) for v in [w * 2**61 for w in a] if v for u in [x // k for x in a] if u]


def f_comprehension_floats(t: T, a: list[float], k: int):
    t.x += 1
    return [v / t.half for v in a if v > k], t.x


def f_comprehension_objects(t: T, a: list[T], k: int):
    t.next = T(4)
    b = [o for o in a if o.n != k]
    return [o.note(k) for o in b], [[o] for o in a][-1], t.next.n


def f_comprehension_pairs(t: T, a: list[int], k: int):
    t.n += 2
    return [(i * v, t.half) for i, v in enumerate(a, k)], [x - y * t.note(1) for x, y in zip(a, a)]


def f_comprehension_tuples(t: T, a: list[tuple[int, float]], k: int):
    t.n += k % 9
    return [n * k for n, x in a if x > t.half], [y for (x, y) in a]


def f_comprehension_ranges(t: T, a: list[int], k: int):
    n = k % 7
    return [[t.note(i + j) * 2.0 for j in range(i)] for i in range(n, -1, -2)], [0 for _ in range(n)], n


def f_comprehension_names(t: T, a: list[int], k: int):
    v = 3
    w = 10
    t.n += 1
    b = [v * w + t.note(k) for v in a for w in [v, v * 2**61]]
    return v, w, b


def f_comprehension_before_and_behind(t: T, a: list[int], k: int):
    return t.note(1) + k, t.note(2), [t.note(v) + v for v in a], t.note(5) * 2.0, [t.note(v * 2**62) for v in a]


def f_comprehension_in_loop(t: T, a: list[int], k: int):
    b = a
    for i in range(4):
        b = [v * 3 - i for v in b if v % 7 != i]
        t.note(len(b))
        if [1 for v in b if v > k]:
            t.note(9)
    return b


def f_comprehension_python(t: T, a: list[int], k: int):
    t.n += 1
    s = 0
    for i in range(3):
        s += t.note(i)
    return s, [str(v) for v in a], {v: k for v in a}


def f_comprehension_walrus(t: T, a: list[int], k: int):
    t.n += 1
    b = [last := v * k for v in a]
    return b, last


def f_comprehension_of_unbound(t: T, a: list[int], k: int):
    if k > 1:
        w = k
    t.n += 1
    return [v * w for v in a]


def f_comprehension_division(t: T, a: list[int], k: int):
    a.append(0)
    return [
        [
            10
            // v for v in a
        ] for i in range(2)
    ]


def f_comprehension_callee(t: T, a: list[int], k: int):
    t.n += 1
    return [t.inner(a, v) for v in a], [t.take([0.5, 1.5], v) for v in a]


def f_comprehension_changes(t: T, a: list[int], k: int):
    b = [t.shorter(a) for v in a]
    return b, [(t.longer(a) if len(a) < 9 else 0) for v in a]


def f_attributes_of_items(t: T, a: list[T], k: int):
    t.note(1)
    a[k & 3].n = t.note(2) + k // 2
    for i in range(3):
        a[i].next = t
        a[t.note(i)].next.n = t.n & 255
    a[k].x = 4.0
    return t.n


def f_attributes_of_several_items(t: T, a: list[T], k: int):
    t.note(1)
    a[0].n, a[k].x = 3, 4.0
    t.n, a[1].next = t.note(2), t
    for a[2].n in range(3):
        t.note(a[2].n)
    return t.n
