"""Functions of which a part is the interpreter's, in the middle of compiled code: before, in and behind loops, in branches, with locals that it
reads, writes, deletes, or leaves unbound; with what comes behind it failing, and raising."""
import collections
import math
import os.path
from typing import Optional

BIG = 2**62
TABLE = {"a": 1, "b": 2.5, 3: "c"}
LIMIT = 3


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None

    def note(self, k: int) -> int:
        self.n = (self.n * 10 + k) % 1000003
        return k

    def work(self, k: int) -> float:
        s = 0.0
        for i in range(k & 15):
            s += self.x * i + self.n
        return s

    def words(self, k: int):
        s = self.work(k)
        text = f"{k}:{s}"
        for i in range(3):
            s += i
        return text + str(s)

    def longer(self, k: int) -> int:
        n = len(str(k)) + 0
        for i in range(n):
            self.n = (self.n + i) & 1023
        return n


class Holder:
    def __init__(self, t, values):
        self.t, self.values = t, list(values)

    def __eq__(self, other):
        return isinstance(other, Holder) and self.values == other.values


def spin(k: int) -> int:
    s = 0
    for i in range(k & 7):
        s = (s + i) & 1023
    return s


def f_value(t: T, a: int, b: int):
    s = 0
    for i in range(3):
        s += i
    d = {"a": a, "b": b}
    return d["a"], s


def f_value_scalar(t: T, a: int, b: int) -> int:
    for i in range(3):
        t.note(i)
    n = len([a, b, t.n])
    return n * 2 + (a & 7)


def f_value_overflows(t: T, a: int, b: int):
    for i in range(2):
        t.note(i)
    n = len(str(a)) + int(str(b))
    return n + a


def f_value_after(t: T, a: int, b: int):
    s = spin(3)
    l = [a, b]
    l.append(s)
    for i in range(2):
        t.note(i)
    return a * b, sum(l)


def f_never_bound(t: T, a: int, b: int):
    for i in range(2):
        t.note(i)
    if a > 2 > b:
        del x
    for i in range(2):
        t.note(i)
    if a == 1:
        x = [a]
    return [x, a]


def f_unbound_after(t: T, a: int, b: int):
    for i in range(2):
        t.note(i)
    if a > 2:
        l = [a]
    for i in range(2):
        t.note(i)
    return l[0] + b


def f_deleted(t: T, a: int, b: int):
    l = [a, b]
    for i in range(2):
        t.note(i)
    if a > b:
        del l
    for i in range(2):
        t.note(i)
    return l


def f_rebound(t: T, a: int, b: int):
    x = a
    for i in range(2):
        t.note(i)
    x = str(x) if b > 0 else x
    for i in range(2):
        t.note(i)
    return x


def f_two_types(t: T, a: int, b: int):
    x = 0
    for i in range(3):
        t.note(i)
    if a > 2:
        x = [a]
    elif b > 2:
        x = 2.5
    for i in range(3):
        t.note(i)
    return x


def f_branch(t: T, a: int, b: int):
    s = 0.5
    for i in range(a & 7):
        s += t.x
        if i == 3:
            print("never seen" if False else "", end="")
            t.note(len(str(i)))
    return s * b


def f_branch_local(t: T, a: int, b: int):
    last = None
    s = 0
    for i in range(a & 15):
        s += i * (b & 7)
        if i % 5 == 4:
            last = (i, s, "x")
    return last, s


def f_loop_in_loop(t: T, a: int, b: int):
    out = []
    for i in range(3):
        s = 0
        for k in range(a & 7):
            s += k * i
        out.append(s + b)
    return out


def f_loop_over(t: T, a: int, b: int):
    s = 0
    for i in range(3):
        s += t.note(i)
    for k in [a, b, 3]:
        s += k
    for i in range(2):
        t.note(i)
    return s


def f_loop_returns(t: T, a: int, b: int):
    for i in range(3):
        t.note(i)
    for k in [1, a, b]:
        if k > 2:
            return k
    return None


def f_loop_breaks(t: T, a: int, b: int):
    n = 0
    for i in range(6):
        for j in range(2):
            t.note(j)
        if str(i) == str(a & 7):
            break
        if str(i) == str(b & 7):
            continue
        n += i
    else:
        n += 1000
    return n, i


def f_while_test(t: T, a: int, b: int):
    l = [1, 2, 3]
    n = 0
    while l:
        for j in range(2):
            n += j
        n += l.pop() * (a & 7)
    return n


def f_while_test_and(t: T, a: int, b: int):
    l = [1, 2, 3]
    n = 0
    while l and n < (a & 31):
        for j in range(2):
            n += j
        l.pop()
    return n, l


def f_if_test(t: T, a: int, b: int):
    d = {1: 2, 3: 4}
    for j in range(2):
        t.note(j)
    if a in d and d[a] > 1 or b in d:
        t.note(7)
    elif not d.get(b + 1):
        t.note(8)
    return t.n


def f_walrus(t: T, a: int, b: int):
    for j in range(2):
        t.note(j)
    if (m := TABLE.get(a)) is not None:
        t.note(3)
    return m


def f_try(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    try:
        s += 10 // (a - 3)
        m = 5
    except ZeroDivisionError as error:
        t.note(4)
        s = -1
    finally:
        t.note(5)
    for j in range(3):
        s += j
    return s, m


def f_try_returns(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    try:
        if a > 3:
            return s
        s = 10 // (b - 3)
    except ZeroDivisionError:
        t.note(4)
    return s


def f_with(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    with Manager() as m:
        s += m + a
        t.note(3)
    for j in range(3):
        t.note(j)
    return s


class Manager:
    def __enter__(self):
        return 3

    def __exit__(self, *args):
        return False


def f_comprehension(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    i = 5
    l = [i * a for i in range(3) if i != b]
    m = {i: j for i, j in enumerate(l)}
    n = sum(i * s for i in l)
    return l, m, n, i, j


def f_lambda(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    l = sorted([a, b, 3], key=lambda v: -v * 1 + a)
    return l, s


def f_nested_scopes(t: T, a: int, b: int):
    k = 0
    for j in range(3):
        k += j
    return [[(i, k) for k in range(2)] for i in range(k)], k


def f_slices(t: T, a: int, b: int):
    l = [1, 2, 3, 4, 5]
    for j in range(3):
        t.note(j)
    l[a & 3 :: 2] = [b] * len(l[a & 3 :: 2])
    l[0] += 5
    del l[-1]
    p, *q = l
    return p, q, l[1:3]


def f_slices_in_a_tuple(t: T, a: int, b: int):
    for j in range(3):
        t.note(j)
    return {1: 2}.get((slice(1, 2), 3)) if a < 0 else Keys()[1:2, 3], Keys()[::2]


class Keys:
    def __getitem__(self, key):
        return str(key)


def f_match(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    match (a, b):
        case (1, x):
            s += 1
        case (y, 2) if y > 1:
            s += 2
        case [z, *rest]:
            s += 3
    for j in range(3):
        s += j
    return s


def f_import(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    import string
    from os import path as p

    return len(string.digits) + s, p.basename("x/y")


def f_assert(t: T, a: int, b: int):
    for j in range(3):
        t.note(j)
    assert a in TABLE or a > 2, ["wrong", a]
    return t.n


def f_raise(t: T, a: int, b: int):
    for j in range(3):
        t.note(j)
    d = {1: a}
    for j in range(3):
        t.note(j)
    return d[b]


def f_raise_in_arguments(t: T, a: int, b: int):
    for j in range(3):
        t.note(j)
    x = max(t.note(1), [a, b][a], t.note(2))
    return x + t.note(3)


def f_objects(t: T, a: int, b: int):
    l = [t, T(a & 7), None]
    for j in range(3):
        t.note(j)
    u = l[1]
    u.next = t
    t.next = None
    l.append(u.next.n)
    return u.n, u.next is t, l[3], u.work(3)


def f_drops(t: T, a: int, b: int):
    u = T(1, 2.0, T(5))
    v = u.next
    for j in range(3):
        v.note(j)
    u = str(u.n)
    for j in range(3):
        v.note(j)
    w = [v]
    v = None
    return w[0].n, u


def f_field_of_object(t: T, a: int, b: int):
    h = Holder(t, [a, b])
    for j in range(3):
        t.note(j)
    h.t.n += 3
    h.values[0] += 1
    h.extra = h.t
    return t.n, h.values, h.extra is t


def f_stored_in_field(t: T, a: int, b: int):
    d = {1: 5, 2: 2.5, 3: T(9)}
    for j in range(3):
        t.note(j)
    t.n = d[1] + a % 5
    t.x = d[2]
    t.next = d[3]
    return t.next.n + t.n, t.x


def f_stored_wrong(t: T, a: int, b: int):
    d = {0: 5, 1: 2.5, 2: "x", 3: T(9)}
    for j in range(3):
        t.note(j)
    t.next = d[a & 3] if a & 3 > 2 else d[2] if a & 3 > 1 else None
    return t.next is None


def f_returns_either(t: T, a: int, b: int) -> int:
    for j in range(3):
        t.note(j)
    if a > b:
        return a
    return TABLE.get(b, 0)


def f_calls_either(t: T, a: int, b: int):
    x = f_returns_either(t, a & 7, b & 7)
    for j in range(3):
        t.note(j)
    return x


def f_calls_words(t: T, a: int, b: int):
    for j in range(3):
        t.note(j)
    w = t.words(a & 31)
    for j in range(3):
        t.note(j)
    return w + "!", t.longer(a)


def f_print_order(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    l = []
    l.append(t.note(1)), l.append(t.note(2))
    l.extend(t.note(k) for k in (3, 4))
    return l, s


def f_default_arguments(t: T, a: int, b: int):
    for j in range(3):
        t.note(j)
    return int(str(a & 7), base=10), dict(x=a, y=b), "%d-%s" % (a, b), "{:>4}".format(a & 7)


def f_global_changes(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += LIMIT
    globals()["LIMIT"] = 4 if a > 0 else 3
    for j in range(3):
        s += LIMIT
    globals()["LIMIT"] = 3
    return s


def f_global_changes_in_value(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += LIMIT
    x = change(5)
    for j in range(3):
        s += LIMIT
    y = change(3) + LIMIT
    return s, x, y


def f_global_changes_in_test(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += LIMIT
    if change(5) == 5:
        for j in range(3):
            s += LIMIT
    s += LIMIT
    change(3)
    return s


def change(k):
    global LIMIT
    LIMIT = k
    return k


def f_generator_argument(t: T, a: int, b: int):
    s = 0
    for j in range(3):
        s += j
    return any(k == a for k in (1, 2, 3)), max((k * s for k in [a, b]), default=0), ",".join(str(k) for k in [a, b])


def f_mixed_chain(t: T, a: int, b: int):
    s = 0.0
    for j in range(3):
        s += t.x
    l = [a, s, b]
    return a < l[2] <= b + s, l[0] is a, a not in l, (a or l) and (s or None)


def f_identity(t: T, a: int, b: int):
    l = [a, t]
    for j in range(3):
        t.note(j)
    return l[0] is a, l[1] is t, l is None, None is a


def f_identity_of_object(t: T, a: int, b: int):
    l = [t]
    for j in range(3):
        t.note(j)
    u = l[0]
    return l[0] is t, u is t, u is None, u == None, not u, u


def f_augmented(t: T, a: int, b: int):
    l = [1]
    n = 3
    for j in range(3):
        n += j
    l += [a]
    l *= 2
    n += l[1]
    n <<= 1
    for j in range(3):
        t.note(j)
    return l, n


def f_unpacks(t: T, a: int, b: int):
    for j in range(3):
        t.note(j)
    (p, q), r = [(a, b), "r"]
    p, q = q, p
    for j in range(3):
        t.note(j)
    return p, q, r


def f_late_loop_variable(t: T, a: int, b: int):
    for i in range(2):
        t.note(i)
    for i, k in enumerate([a, b]):
        t.note(3)
    for j in range(2):
        t.note(j)
    return i, k


def f_annotated(t: T, a: int, b: int):
    for i in range(2):
        t.note(i)
    x: int = TABLE["a"]
    y: float = TABLE["a"]
    z: str = "z"
    return x + a, y, z


def f_known_tests(t: T, a: int, b: int):
    known = a is None and b > 2
    either = a is not None or hasattr(b, "k")
    part = a is None and hasattr(b, "k")
    for i in range(3):
        t.n = (t.n + i) & 1023
    return known, either, part, 3 if a is None and f"{b}" else 4


def f_pair_of_parts(t: T, a: int, b: int):
    c, d = 6, {**{1: a}}
    e = sum([k * 2 for k in range(b & 7)])
    return c, d, e


def f_loop_over_its_target(t: T, a: int, b: int):
    k = a & 7
    for i in range(2):
        t.next.n = i
    for k in range(k):
        t.names = [k, *"ab"]
        if k == b:
            return k, "found"
    return k, "none"


def f_loop_without_a_turn(t: T, a: int, b: int):
    k = b
    for i in range(2):
        t.next.n = i
    for k in range(a & 1):
        t.names = [k, *"ab"]
        if k == b:
            return k, "found"
    else:
        return k, "none"
