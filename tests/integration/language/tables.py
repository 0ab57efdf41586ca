"""Functions over dicts and sets, which compiled code looks into and changes in place: with keys and values of the types that the annotations say, of
others, with containers that are none or of a class of their own, and with what comes behind failing."""
from typing import Any, Dict, Set

BIG = 2**62


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    d: dict[int, int] = None
    s: set[int] = None

    def note(self, k: int) -> int:
        self.n = (self.n * 10 + k) % 1000003
        return k

    def own(self, k: int) -> int:
        total = 0
        for i in range(4):
            if i not in self.s:
                self.s.add(i + k % 5)
            self.d[i] = self.d.get(i, 0) + i
            total += self.d[i] + len(self.d) - len(self.s)
        return total


def f_own(t: T, a: Any, k: int):
    t.d, t.s = {2: 3, k: 4}, {1, k}
    return t.own(k & 7), t.d, t.s


def f_item(t: T, a: dict[int, int], k: int):
    s = 0
    for i in range(3):
        t.n += 1
        s += a[i] + a[k]
        t.x += 0.5
    return s


def f_item_float(t: T, a: Dict[int, float], k: int):
    s = 0.0
    for i in range(3):
        t.n += 1
        s += a[i] * 2 + a[k]
    return s


def f_item_object(t: T, a: dict, k: int):
    found = []
    for i in range(3):
        t.note(i)
        found.append(a[i])
    return found


def f_item_text(t: T, a: dict[str, int], k: int):
    s = 0
    for i in range(3):
        t.note(1)
        s += a["a"] + a[chr(98 + (k & 1))]
    return s


def f_item_of_key(t: T, a: dict[int, T], k: int):
    s = 0
    for key in a:
        t.n += 1
        s += a[key].n
    return s


def f_in(t: T, a: Set[int], k: int):
    s = 0
    for i in range(6):
        if i in a:
            s += i * 3
        elif i + k not in a:
            t.note(i)
    return s, k in a, BIG in a


def f_in_text(t: T, a: dict[str, int], k: int):
    s = 0
    for i in range(3):
        t.note(i)
        if "a" in a:
            s += 1
        if chr(97 + i) not in a:
            s += 10
    return s


def f_in_object(t: T, a: Any, k: int):
    s = 0
    keys = [k, 1, 1.0, True, "a", None, 2**70]
    for key in keys:
        t.n += 1
        if key in a:
            s += 1
        s = s * 3
    return s


def f_put(t: T, a: dict[int, int], k: int):
    for i in range(3):
        t.note(i)
        a[i] = k
        a[k] = i
    return len(a)


def f_put_kinds(t: T, a: dict, k: int):
    for i in range(2):
        t.note(i)
        a[i] = t.x
        a[k] = (i, k)
        a["k"] = t
        a[i + 10] = None
        a[i + 20] = a
    return list(a)


def f_put_of_key(t: T, a: dict, k: int):
    for key in list(a):
        t.n += 1
        a[key] = k
    return list(a)


def f_put_order(t: T, a: dict[int, int], k: int):
    for i in range(2):
        a[t.note(k) & 3] = t.note(i + 1) + k
    return t.n


def f_put_overflow(t: T, a: dict[int, int], k: int):
    for i in range(3):
        t.n += 1
        a[i] = k + k * i
    return a


def f_count(t: T, a: dict[int, int], k: int):
    for i in range(5):
        key = (i * 3 + k) & 3
        a[key] = a.get(key, 0) + 1
    return a


def f_get(t: T, a: dict[int, int], k: int):
    s = 0
    for i in range(4):
        t.n += 1
        s += a.get(i, 7)
    return s + a.get(k, -1)


def f_get_none(t: T, a: dict[int, int], k: int):
    s = 0
    for i in range(4):
        v = a.get(i)
        if v is None:
            t.note(i)
        else:
            s += v
    return s, a.get(k), a.get(k, None)


def f_get_float(t: T, a: dict[int, float], k: int):
    s = 0.0
    for i in range(4):
        t.n += 1
        s += a.get(i, 0.5)
        x: float = a.get(i, 1)
        s += x
    return s


def f_get_text(t: T, a: dict[str, int], k: int):
    s = 0
    for i in range(3):
        t.note(i)
        s += a.get("a", k) + a.get(chr(97 + i), 3)
    return s


def f_get_object(t: T, a: Any, k: int):
    found = []
    for i in range(3):
        t.note(i)
        found.append((a.get(i), a.get(k, t)))
    return found


def f_add(t: T, a: set[int], k: int):
    for i in range(5):
        t.n += 1
        a.add(i)
        a.add(k)
    return len(a), a


def f_add_text(t: T, a: set[str], k: int):
    for i in range(3):
        t.n += 1
        key = chr(97 + i)
        a.add(key)
        a.add("z")
    return len(a)


def f_add_result(t: T, a: Any, k: int):
    r: Any = 0
    for i in range(3):
        t.n += 1
        r = a.add(i)
    return r


def f_discard(t: T, a: set[int], k: int):
    for i in range(4):
        t.n += 1
        a.discard(i)
        a.discard(k)
    return len(a), a


def f_len(t: T, a: dict[int, int], k: int):
    s = 0
    for i in range(3):
        t.note(i)
        s += len(a)
    return s


def f_grows(t: T, a: dict[int, int], k: int):
    for key in a:
        t.n += 1
        if len(a) < 9:
            a[key + 1] = k
    return len(a)


def f_grows_set(t: T, a: set[int], k: int):
    for key in a:
        t.n += 1
        if len(a) < 9:
            a.add(key + 100)
    return len(a)


def f_sum_set(t: T, a: set[int], k: int):
    s = 0
    for v in a:
        t.n += 1
        s += v
    return s


def f_new(t: T, a: Any, k: int):
    seen: set[int] = set()
    counts: dict[int, int] = {}
    for i in range(40):
        t.n += 1
        j = (i * i + k) % 13
        if j in seen:
            counts[j] = counts.get(j, 0) + 1
        seen.add(j)
    for i in range(0, 40, 3):
        seen.discard(i)
    return seen, counts, list(counts), len(seen)


def f_numbers(t: T, a: Any, k: int):
    seen: set[int] = {0, -1, -2, 2**61 - 1, 2**61, 2**61 - 2, -(2**61) + 1, 2**62, -(2**63), 2**63 - 1, 2**63, 2**64, -(2**64)}
    s = 0
    n = 1
    for i in range(64):
        t.n += 1
        if n in seen:
            s += i
        if -n in seen:
            s += i * 100
        if n - 1 in seen or -n - 1 in seen:
            s += i * 10000
        if i < 61:
            n = n * 2
    return s, k in seen, k - 1 in seen


def f_display(t: T, a: Any, k: int):
    found = []
    for i in range(3):
        t.n += 1
        one = {i, k, i * 2}
        none = {}
        none[i] = one
        found.append((one, none, {t.note(i), t.note(k) & 7, 1}))
    return found, {k}


def f_display_overflow(t: T, a: list[int], k: int):
    n = 0
    for i in range(3):
        t.n += 1
        s = {t.note(i), k + k, a[i], i}
        n += len(s)
    return n


def f_display_kinds(t: T, a: Any, k: int):
    found = []
    for i in range(2):
        t.n += 1
        found.append(({i, 0.5}, {i, True}, {"a", i}, {i: k}, {*"ab"}, {**{i: 1}}))
    return found


def f_sets_compared(t: T, a: set[int], k: int):
    n = 0
    kept: set[int] = {1, 2}
    for i in range(3):
        t.n += 1
        if kept != a:
            n += 1
        if kept <= a or kept == {i, k}:
            n += 10
        kept = kept | {i}
        kept = kept - {1}
    return n, kept


def f_in_chain(t: T, a: dict[int, int], k: int):
    for i in range(3):
        t.n += 1
        if k < i in a:
            return i
        if i in a and a[i] > 2 or k not in a:
            t.note(i)
    return a[k] if k in a else None
