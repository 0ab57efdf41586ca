"""all(), any(), sum(), min() and max() of generator expressions: over whatever there is, with elements that have effects, fail and are of other types."""
from typing import Optional

ONE = 1


@jitclass
class T:
    n: int = 0
    x: float = 0.0
    next: Optional["T"] = None

    def note(self, k: int) -> int:
        self.n = (self.n * 10 + k) % 1000003
        return k

    def is_small(self, k: int) -> bool:
        self.n += 1
        return k < 3

    def stops(self, k: int) -> int:
        if k == 2:
            raise StopIteration(7)
        return k

    def divides(self, k: int) -> bool:
        return 12 % k == 0


def f_all(t: T, a: list[int], k: int):
    return all(v > k for v in a), all(v for v in a), all(not v for v in a if v != 1)


def f_any(t: T, a: list[int], k: int):
    return any(v > k for v in a), any(v for v in a), any(v == k for v in a if v)


def f_all_effects(t: T, a: list[int], k: int):
    t.note(1)
    return all(t.is_small(v) for v in a) and any(t.note(v & 3) == k for v in a), t.n


def f_all_failing(t: T, a: list[int], k: int):
    t.note(k & 3)
    return all(
        t.note(2)
        and 10
        // v
        for v in a
        if v != k
    )


def f_any_callee_fails(t: T, a: list[int], k: int):
    t.note(1)
    s = k // 2
    return any(
        t.divides(v)
        and v > k
        for v in a
    ) or s > 3


def f_any_stops(t: T, a: list[int], k: int):
    t.note(1)
    return any(
        t.stops(v) > 7
        for v in a
    )


def f_all_overflowing(t: T, a: list[int], k: int):
    t.note(k & 1)
    return all(v * v + k < 2**62 for v in a), any(t.note(1) and v * k > 5 for v in a)


def f_all_of_objects(t: T, a: list, k: int):
    t.note(1)
    found = 0
    for i in range(3):
        found += all(v for v in a) + any(i and v for v in a)
        t.note(found & 3)
    return found, t.n


def f_all_of_two(t: T, a: list[int], k: int):
    t.note(2)
    return all(v + i != k for v in a for i in range(3)), any(v * i > 9 and t.note(i) for v in a if v < 7 for i in range(v) if i & 1)


def f_all_nested(t: T, a: list[int], k: int):
    t.note(2)
    return all(any(v + i > k for i in range(3)) for v in a), any(all(t.note(w & 1) or w <= v for w in a) for v in a), t.n


def f_all_in_comprehension(t: T, a: list[int], k: int):
    t.note(2)
    return [all(w <= v or t.note(1) for w in a) for v in a], [sum(w * i for w in a if w > i) for i in range(3)], t.n


def f_all_of_pairs(t: T, a: list[int], k: int):
    b = a + a
    t.note(1)
    return (
        all(p >= q for p, q in zip(a, b)),
        any(i == v for i, v in enumerate(a, k)),
        sum(p * q for p, q in zip(a, b)),
        max(i - v for i, v in enumerate(a)),
    )


def f_all_if_all(t: T, a: list[int], k: int):
    n = 0
    for i in range(4):
        if all(v != i for v in a) and any(v > k for v in a):
            n += 1
        elif not all(v < 5 for v in a):
            n += t.note(10)
    while any(v > n for v in a) and n < 50:
        n += 1
    return n


def f_sum(t: T, a: list[int], k: int):
    return sum(v * 2 for v in a), sum(v for v in a if v > k), sum(v > 1 for v in a), sum(1 for v in a)


def f_sum_start(t: T, a: list[int], k: int):
    t.note(1)
    return sum((v & 7 for v in a), k), sum((v for v in a), -1), sum((v > 2 for v in a), ONE), sum((v for v in a), 0.0)


def f_sum_effects(t: T, a: list[int], k: int):
    t.note(k & 3)
    s = sum(t.note(v & 7) * (k & 3) for v in a)
    return s, sum(
        12
        // v for v in a
    ), t.n


def f_sum_overflowing(t: T, a: list[int], k: int):
    t.note(k & 3)
    s = sum(v + (i << 60) for v in a for i in range(5))
    t.note(2)
    return s, sum(v * k for v in a)


def f_sum_of_floats(t: T, a: list[float], k: int):
    t.note(1)
    return sum(v * 0.1 for v in a), sum((v for v in a), 0.5), sum(v for v in a if v > k)


def f_sum_from(t: T, a: list[float], k: int):
    t.note(1)
    return sum((v for v in a), k), float(sum((v for v in a), k)), sum((v > 1 for v in a), True), sum((v for v in a), False), sum((v for v in a), -0.0)


def f_sum_of_floats_stored(t: T, a: list[float], k: int):
    t.x = sum((v * v for v in a), 0.0)
    t.note(2)
    return t.x + float(sum(v for v in a if v < k))


def f_sum_of_fields(t: T, a: list[T], k: int):
    t.note(1)
    return sum(v.n for v in a), sum(v.x for v in a), max(v.n for v in a), all(v.next is None for v in a)


def f_sum_in_loop(t: T, a: list[int], k: int):
    s = 0
    for i in range(3):
        s += sum(v * i for v in a)
        t.n += 1
        s += t.note(1)
        s &= 2**61 - 1
    return s, t.n


def f_min(t: T, a: list[int], k: int):
    t.note(1)
    return min(v * v % 7 for v in a if v < 100), max(v for v in a)


def f_max_default(t: T, a: list[int], k: int):
    t.note(1)
    best = max((v for v in a if v > k), default=None)
    if best is None:
        t.note(2)
    else:
        k = best
    return best, min((v for v in a if v & 1), default=-7), max((v + 1 for v in a if v > 3), default=k), k


def f_max_of_nothing(t: T, a: list[int], k: int):
    t.note(1)
    return t.note(2) + max(
        v
        for v in a
        if v > k
    )


def f_max_of_floats(t: T, a: list[float], k: int):
    t.note(1)
    return max(v for v in a), min(v * k for v in a), max((v for v in a if v > k), default=0.25)


def f_max_of_bools(t: T, a: list[bool], k: int):
    t.note(1)
    return max(v for v in a), min(v for v in a), sum(v for v in a)


def f_max_overflowing(t: T, a: list[int], k: int):
    t.note(1)
    return max(v * k for v in a), min(v - k for v in a), max((v * v * v for v in a if v > 1), default=None)


def f_max_of_two(t: T, a: list[int], k: int):
    t.note(1)
    return max(v * i + t.note(1) for v in a if v < 50 for i in range(1, 3)), max(min(v * i for i in range(1, 4)) for v in a), t.n


def f_ranges(t: T, a: list[int], k: int):
    return (
        sum(i * i for i in range(10)),
        all(i < 10 for i in range(k & 15)),
        any(i == k for i in range(0, 20, 3)),
        max(i * (9 - i) for i in range(10)),
        min(i for i in range(k & 7, 9)),
        sum(i * j for i in range(4) for j in range(i)),
    )


def f_over_dict(t: T, a: dict, k: int):
    t.note(1)
    d = {1: 2, 3: 4, k: 6}
    return all(v for v in a), any(v in d for v in a), sum(v * w for v, w in d.items()), max(v for v in d.values()), all(v in d for v in d)


def f_over_text(t: T, a: list, k: int):
    t.note(1)
    text = "some text"
    return all(c in text for c in text), sum(c == "e" for c in text), any(c == "x" for c in text)


def f_changes(t: T, a: list[int], k: int):
    t.note(1)
    b = [1, 2, 3, 4, 5]
    s = sum(b.pop() + v for v in b)
    return s, b, any(a.pop() == k for v in a), len(a)


def f_grows(t: T, a: list[int], k: int):
    t.note(1)
    return all(len(a) < 12 and (a.append(v) or v > 0) for v in a), len(a)


def f_names(t: T, a: list[int], k: int):
    v = 3
    w = sum(v for v in a) + v
    return w, max(k for k in a), k, v


def f_of_unbound(t: T, a: list[int], k: int):
    if k > 1:
        w = k
    t.note(1)
    return any(
        v == w
        for v in a
    )


def f_walrus(t: T, a: list[int], k: int):
    t.note(1)
    return any((last := v) > k for v in a), k


def f_iterable_fails(t: T, a: list[int], k: int):
    t.note(1)
    return sum(
        v for v in range(10 // k)
    ), any(
        v == i
        for i in range(3) for v in range(6 // (k - i))
    )


def f_iterable_never(t: T, a: list[int], k: int):
    t.note(1)
    return all(v for v in range(t.stops(2) + (1 // 0)))


def f_python_in_it(t: T, a: list, k: int):
    t.note(1)
    s = 0
    for i in range(3):
        s += t.note(i)
    return s, all(str(v) for v in a), any(len(str(v)) > k for v in a), sum(len(str(v)) for v in a)


def f_operations_in_it(t: T, a: list, k: int):
    t.note(1)
    n = 0
    for i in range(4):
        n += t.note(i & 1) * 3 + (n ^ i) + (n & 5)
        if any(
            v
            == k
            and (n * 3 + i) % 7 - (n & 3) + (i ^ n) * 5 != k + i * 3
            for v in a
        ):
            n += 1
    return n, t.n


def f_shadowed(t: T, a: list[int], k: int):
    sum = k
    return sum, any(v > sum for v in a)


def f_list_of_generator(t: T, a: list[int], k: int):
    t.note(1)
    return list(v + 1 for v in a if v in (1, 2, 3)), sorted(-v for v in a if v in (1, 2, 3)), set(v & 3 for v in a if v in (1, 2, 3))


def f_keyed(t: T, a: list[int], k: int):
    t.note(1)
    return max((v for v in a), key=lambda v: v * v), sum(v for v in a), max((v for v in a), default=[])


def f_two_generators(t: T, a: list[int], k: int):
    t.note(1)
    return max(sum(v for v in a), max(v for v in a)), sum(v for v in a) + sum(v * v % 5 for v in a) * any(v > 2 for v in a)


def f_in_try(t: T, a: list[int], k: int):
    t.note(1)
    found, s, said = False, 0, "nothing"
    for i in range(3):
        try:
            t.note(i)
            found = any(
                t.stops(v) > 7
                for v in a
            )
            s += sum(12 // (v - k) for v in a)
        except ZeroDivisionError as error:
            t.note(2)
            said = lines(error)
        except RuntimeError as error:
            t.note(3)
            said = str(error), type(error.__cause__).__name__, lines(error), lines(error.__cause__)
        finally:
            s += 1
    return found, s, said, t.n


def lines(error):
    found, traceback = [], error.__traceback__
    while traceback:
        found.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return found
