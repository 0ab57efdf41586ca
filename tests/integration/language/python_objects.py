"""Functions that do things with Python objects in the middle of arithmetic: items, attributes, operators, calls, truth, identity, unpacking. What
the objects are the tests vary; each function ends in loops, so that it is compiled."""
import linecache
import random
import sys
from typing import Any

SENTINEL = object()
TABLE = {"abc": 3, 1: 2.5, "é": 7, (1, 2): 8}


def line_of(frame):
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()


class Caller:
    """Says who called it."""

    def __init__(self, k=3):
        self.k = k

    def who(self, *args):
        frame = sys._getframe(1)
        return frame.f_code.co_name, line_of(frame), frame.f_globals is globals()

    @property
    def prop(self):
        return self.who2()

    def who2(self):
        frame = sys._getframe(2)
        return frame.f_code.co_name, line_of(frame)

    def __getitem__(self, i):
        if type(i) is int and i > 3:
            raise IndexError(i)
        return self.who2()

    def __add__(self, other):
        return self.who2()

    def __lt__(self, other):
        return self.k < 4

    def __bool__(self):
        LOG.append(("bool", self.k))
        return self.k > 2

    def __eq__(self, other):
        LOG.append(("eq", type(other).__name__, self.who2()))
        return NotImplemented

    __hash__ = None

    def __setattr__(self, name, value):
        LOG.append(("set", name, self.who2()))
        object.__setattr__(self, name, value)

    def __contains__(self, v):
        raise KeyError(v)


LOG = []


@jitclass
class T:
    n: int = 0
    x: float = 0.5
    o: Any = None
    d: dict[str, int] = None

    def work(self, k: int) -> float:
        s = 0.0
        for i in range(k % 5):
            for j in range(3):
                s += i * 0.5 + j
                self.n += 1
        return s

    def none(self, o: Any, k: int):
        s = self.work(k)
        for i in range(3):
            if o is None:
                s += 1.5 * i
            if o is not self.o and o is not SENTINEL:
                s -= 0.25 * i + s * 2.0 - 3.0 * s
        return s, o is True, None is o, o is not (k > 2)


def f_none(t: T, o: Any, k: int):
    return t.none(o, k)


def f_truth(t: T, o: Any, k: int):
    s = t.work(k)
    for i in range(4):
        s += i * 0.5 - s * 0.25 + i * i * 0.125
        if o:
            s += 2.0
        if not o and k > 1:
            s *= 1.5
        while o and s < 1.0:
            s += 3.0
    return s, "yes" if o else "no", not o


def f_values_of_choices(t: T, o: Any, k: int):
    s = t.work(k)
    a = o or k
    b = o and s
    c = o if k > 1 else s
    d = s if k < 1 else None
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    return a, b, c, d, s, (o or "none", k and o)


def f_unpack(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    a, b = o
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    x, y, z = a, b, o
    return a, b, s, z


def f_unpack_in_loop(t: T, o: Any, k: int):
    s = t.work(k)
    for a, b in [o, (k, s), [1, 2.5], o]:
        s += a * 0.5 + s * b - k * 0.25
        t.n += 1
    [c, t.n] = o
    return s, a, b, c


def f_numbers(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    for i in range(3):
        s += o
        s = s * 0.5 - o * 1.5
        s = o / 2.5 + s
        s -= o
    return s, t.x + o, o - t.x, t.x % o


def f_arithmetic(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    a = o + o
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    return a, o * 2, k - o if k == 1 else None, o * k if k == 2 else None, "%s" % s, s


def f_compare(t: T, o: Any, k: int):
    s = t.work(k)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25 + s * i
        if o == k:
            s += 1.0
        if o != "abc" and "abc" == o:
            s += 2.0
        if k == 1 and o < k:
            s += 4.0
    return s, o == s, o != None, (o >= 2 if k == 2 else 0)


def f_items(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    v = o[0]
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    o[k % 2] = s
    o[k % 2] = o[1], "x"
    return v, s, o[-1]


def f_in(t: T, o: Any, k: int):
    s = t.work(k)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25 + s
        if k in o:
            s += 1.0
        if "abc" not in o:
            s -= 2.0
    return s, s in o


def f_attributes(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    v = o.k
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    o.k = k
    o.k2 = s, v
    return v, s, o.k2, o.k, o.__class__.__name__, o.prop


def f_frames(t: T, o: Any, k: int):
    s = t.work(k)
    c = Caller(k)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
        a = c.who(s,
                  k)
    b = c.prop
    d = c[s]
    e = c + s
    c.k = 7
    f = [c.who(i) for i in range(2)]
    g = [[c + j for j in range(i)] for i in range(3)]
    return a, b, d, e, f, g, c == o, s


def f_caller_raises(t: T, o: Any, k: int):
    s = t.work(k)
    c = Caller(k)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    return [k in
            c for i in range(2)]


def f_methods(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    a = o.copy()
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    o.append(s)
    return a, o.pop(), o.index(1), s


def f_text_methods(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    return o.upper(), o.find("b", k), o.startswith("a"), o.split("b"), "-".join(o), o.encode(), s


def f_builtins(t: T, o: Any, k: int):
    s = t.work(k)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    return str(s) if k != 1 else 0, repr(k), isinstance(o, T), isinstance(o, int), type(o), len("abc"), hash(k), callable(o), s


def f_builtins_of_objects(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    a = int(o)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    return a, float(o), abs(o), min(o, k), max(o, s), round(o), divmod(o, 2), s


def f_isinstance(t: T, o: Any, k: int):
    s = t.work(k)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25 + k * 0.5
        if isinstance(o, Caller):
            s += 10.0
        elif isinstance(o, (int, str)):
            s += 20.0
        if hasattr(o, "k"):
            s += 0.5
    return s


def f_globals(t: T, o: Any, k: int):
    s = t.work(k)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25 + TABLE["abc"] * 0.5
        if o is SENTINEL or k in TABLE:
            s += TABLE[1] * 2.0
    return s, TABLE["é"], TABLE[(1, 2)], SENTINEL is SENTINEL, Caller, len, T


def f_undeclared(t: T, o: Any, k: int):
    s = t.work(k)
    t.extra = o
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    t.o = t.extra
    t.more: Any = (t.o, s)
    return t.extra, t.more, s


def f_dict_field(t: T, o: Any, k: int):
    t.d = {"abc": k}
    s = 0
    for i in range(k % 7):
        for j in range(2):
            s += i * j + 1
        if "abc" in t.d:
            t.d["abc"] = t.d["abc"] + s
            s += t.d["abc"] // 3
        t.d[str(i)] = i
    return s, t.d


def f_missing_name(t: T, o: Any, k: int):
    s = t.work(k)
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
    return s, not_there_at_all


def f_print(t: T, o: Any, k: int):
    s = t.work(k)
    for i in range(2):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25
        print(i, s, "x")
    return s


def f_unpack_result(t: T, o: Any, k: int):
    s = 0.0
    for i in range(3):
        a, b = divmod(k + i, 3) if o else (o, i)
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5 - (s * 0.25 - i * 0.5 - s * 0.125) * (i + 0.5) - i * 0.75 + i * 0.25 + b * 0.5
        t.n += 1
    return a, b, s


def f_loop(t: T, o: Any, k: int):
    s = t.work(k)
    last = None
    for v in o:
        s += s * 0.25 - k * 0.125 + s * s * 0.001 - k * 2.0 + s * 0.5 - s * 0.75 + s * 0.1 - s * 0.2 + k * 0.3
        t.n += 1
        last = v
        if t.n > 40:
            break
        if k == 3:
            continue
        s += v
    else:
        t.n += 100
    return s, last


def f_loop_in_loop(t: T, o: Any, k: int):
    s = t.work(k)
    for v in o:
        for w in o:
            s += s * 0.25 - k * 0.125 + s * s * 0.001 - k * 2.0 + s * 0.5 - s * 0.75 + s * 0.1 - s * 0.2 + k * 0.3
            t.n += 1
            t.o = v, w
    return s


def f_loop_over_pairs(t: T, o: Any, k: int):
    s = t.work(k)
    b = 0
    for a, b in o:
        s += s * 0.25 - k * 0.125 + s * s * 0.001 - k * 2.0 + s * 0.5 - s * 0.75 + s * 0.1 - s * 0.2 + k * 0.3
        t.n += 1
        s += a
    return s, b


def f_loop_over_dict(t: T, o: Any, k: int):
    t.d = o
    s = 0
    for v in t.d.values():
        s += v * 3 + s // 3 - v % 7 + (s & 7) * 2 - (v ^ 5) + v * v - s * 2 + v // 2
        t.n += 1
    for name, v in t.d.items():
        t.n += 1
        s += t.n * 3 + s // 3 - t.n % 7 + (s & 7) * 2 - (t.n ^ 5) + t.n * t.n - s * 2 + t.n // 2
        t.o = name
    for name in t.d.keys():
        s += t.n * 3 + s // 3 - t.n % 7 + (s & 7) * 2 - (t.n ^ 5) + t.n * t.n - s * 2 + t.n // 2
        t.o = name, v
    return s


def f_dict_changes_in_loop(t: T, o: Any, k: int):
    d = {"a": 1, "b": 2.5, "c": o}
    s = 0.0
    for name in d:
        s += s * 0.25 - k * 0.125 + s * s * 0.001 - k * 2.0 + s * 0.5 - s * 0.75 + s * 0.1 - s * 0.2 + k * 0.3
        t.n += 1
        d[name] = s
        if k == t.n % 4:
            d["new" + name] = 1
    return s, d


def f_comprehension_over_object(t: T, o: Any, k: int):
    s = t.work(k)
    t.n += 1
    for i in range(3):
        s += i * 0.5 + s * 0.5 - i * i * 0.25 + (s - i) * 0.125 - (s + i) * 0.0625 + (i - s) * 0.5
    return s, [(v, t.work(1)) for v in o if v != k], [w for v in (o, [1, 2]) for w in v]


def f_loop_over_text(t: T, o: Any, k: int):
    n = 0
    for c in "abc é":
        n += (n * 31 + k) % 1000003 + n // 7 - n % 5 + (n & 15) * 3 - (n ^ k) % 11 + n * 2 % 13
        t.n += 1
        if c == "é":
            n += 1
    return n




@jitclass
class Scale:
    by: float = 2.0

    def __call__(self, x: float, more: float = 0.5) -> float:
        return x * self.by + more


def f_call_of_instance(t: T, o: Any, k: int):
    f = Scale(k * 0.5)
    s = t.work(k)
    for i in range(4):
        s += f(i * 0.5) - f(s, more=0.25)
        t.n += 1
    return s, f(1.0)


def f_random(t: T, o: Any, k: int):
    r = random.Random(k % 7)
    s = t.work(k)
    for i in range(4):
        x = r.random()
        s += x * 0.5 + s * 0.25 - k * 0.125 + s * s * 0.001 - k * 2.0 + s * 0.5 - s * 0.75 + s * 0.1 - s * 0.2 + k * 0.3
        t.n += 1
        if x < 0.5:
            s += r.randint(1, 6)
    return s


def f_set(t: T, o: Any, k: int):
    seen = {o} if k == 1 else set()
    p = T(k % 5)
    for i in range(6):
        t.n += (t.n * 31 + i) % 1000003 + t.n // 7 - t.n % 5 + (t.n & 15) * 3 - (t.n ^ i) % 11 + t.n * 2 % 13
        seen.add(p.n)
        seen.add(i % 3)
        p.n += 1
        if i in seen:
            t.n += 1
    return len(seen), sorted(seen, key=str)


def f_assign_several(t: T, o: Any, k: int):
    t.note(1)
    s, said, x = 0, "nothing", 0.5
    a, b, c = o, k, None
    for i in range(3):
        t.note(i)
        k += i * (k & 3) - (k >> 2)
        s += 1
        a, b = b, a
        c, x = (x, i), said
        said, i = i, said
    return s, said, x, a, b, c, k, i
