# Text that compiled code asks itself: each function is given a text (or what is none) and two ints.
from enum import Enum


class Sign(Enum):
    PLUS = "+"
    MINUS = "-"


class Limits:
    most = 4
    names = ("a", "b")


LEAST = 2
log = []


class Word(str):
    def __eq__(self, other):
        log.append("eq")
        return str.__eq__(self, other)

    __hash__ = str.__hash__

    def __getitem__(self, i):
        log.append(i)
        return str.__getitem__(self, i)

    def isdigit(self):
        log.append("isdigit")
        return True

    def __contains__(self, part):
        log.append(part)
        return True

    def __add__(self, other):
        log.append(other)
        return "sum"

    def __len__(self):
        log.append("len")
        return 3


class Held:
    def __init__(self):
        self.x = 1
        self.name = "held"


class Slotted:
    __slots__ = ("x", "name")

    def __init__(self):
        self.x = 1


class Asked:
    @property
    def x(self):
        log.append("asked")
        return 5

    @x.setter
    def x(self, value):
        log.append(value)

    def __getattr__(self, name):
        log.append(name)
        return 7


class Gone:
    def __del__(self):
        log.append("gone")


@jitclass
class T:
    n: int
    word: str
    sign: Sign
    other: object

    def __init__(self, n: int, word: str) -> None:
        self.n = n
        self.word = word
        self.sign = Sign.PLUS
        self.other = None


def f_item(t: T, s, a: int, b: int) -> int:
    t.n += 1
    k = 0
    for i in range(2):
        for z in range(1):
            pass
        c = s[a]
        if c == "b" or c == " ":
            k += 1
    return k


def f_items_of_all(t: T, s, a: int, b: int) -> list:
    found = []
    for i in range(3):
        for z in range(1):
            pass
        found.append(s[i - a])
        t.n += 1
    return found


def f_equal(t: T, s, a: int, b: int) -> int:
    t.n += 1
    k = 0
    for i in range(2):
        for z in range(1):
            pass
        if s == "abc":
            k += 1
        if s != t.word:
            k += 10
        if s == s:
            k += 100
    return k


def f_in(t: T, s, a: int, b: int) -> int:
    t.n += 1
    k = 0
    for i in range(2):
        for z in range(1):
            pass
        if "b" in s:
            k += 1
        if s not in "abcabc":
            k += 10
    return k


def f_size(t: T, s, a: int, b: int) -> int:
    t.n += 1
    k = 0
    for i in range(2):
        for z in range(1):
            pass
        k += len(s) * 3 + a
    return k


def f_slice(t: T, s, a: int, b: int) -> list:
    found = []
    t.n += 1
    for i in range(2):
        for z in range(1):
            pass
        found.append(s[a:b])
        found.append(s[:b])
        found.append(s[a:])
        found.append(s[:])
    return found


def f_add(t: T, s, a: int, b: int) -> list:
    found = []
    for i in range(2):
        for z in range(1):
            pass
        t.n += 1
        found.append(s + "x")
        found.append("x" + t.word)
        found.append("y" + s)
    return found


def f_tests(t: T, s, a: int, b: int) -> int:
    t.n += 1
    k = 0
    for i in range(2):
        for z in range(1):
            pass
        if s.isdigit():
            k += 1
        if s.isalpha():
            k += 10
        if s.startswith("a"):
            k += 100
        if s.endswith("c", a):
            k += 1000
        if s.isspace():
            k += 10000
    return k


def f_methods(t: T, s, a: int, b: int) -> list:
    found = []
    t.n += 1
    for i in range(2):
        for z in range(1):
            pass
        found.append(s.upper())
        found.append(s.strip())
        found.append(s.split("b"))
        found.append(s.replace("b", "--", a))
        found.append(s.partition("b"))
        found.append(s.zfill(b))
        found.append(s.find("c", a, b))
    return found


def f_missing_method(t: T, s, a: int, b: int) -> list:
    found = []
    t.n += 1
    for i in range(2):
        for z in range(1):
            pass
        found.append(s.rindex("b", a))
    return found


def f_join(t: T, s, a: int, b: int) -> list:
    found = []
    parts = [s, "x"]
    t.n += 1
    for i in range(2):
        for z in range(1):
            pass
        found.append("-".join(parts))
    return found


def f_field(t: T, s, a: int, b: int) -> int:
    k = 0
    for i in range(3):
        for z in range(1):
            pass
        if t.word[0] == "a" and t.sign is Sign.PLUS:
            k += 1
        t.word = s
        t.sign = Sign.MINUS
        k += t.n
    return k


def f_two(t: T, s, a: int, b: int) -> int:
    word, n = t.word, len(t.word)
    t.n += 1
    while t.n < 9 and word[0] == "a":
        t.n += 1
        word, n = s, t.n
    return n


def f_two_of_one(t: T, s, a: int, b: int) -> list:
    x, y, z = s, a, 0
    for i in range(3):
        for z in range(1):
            pass
        t.n += 1
        x, y = y, x
        z, x = x, t.word
    return [x, y, z]


def f_global(t: T, s, a: int, b: int) -> int:
    k = 0
    for i in range(4):
        for z in range(1):
            pass
        if Limits.most > i + a:
            k += LEAST
        if t.sign is Sign.MINUS:
            k += 100
        t.n += 1
        t.sign = Sign.MINUS
    return k


def f_attribute(t: T, s, a: int, b: int) -> list:
    found = []
    for i in range(3):
        for z in range(1):
            pass
        t.n += 1
        found.append(t.other.x)
        found.append(t.other.name)
        t.other.x = i
    return found


def f_gone(t: T, s, a: int, b: int) -> int:
    k = 0
    for i in range(3):
        for z in range(1):
            pass
        t.n += 1
        t.other = Gone()
        k += len(log)
    t.other = None
    return k + len(log)


def f_pairs(t: T, s, a: int, b: int) -> int:
    d: dict[str, int] = {"x": a, "y": b}
    k = 0
    t.n += 1
    for i in range(2):
        for key, value in d.items():
            if key == "x":
                k += value & 7
            else:
                k -= value & 3
    return k


def f_pair_of_another_type(t: T, s, a: int, b: int) -> int:
    d: dict[str, int] = {"x": a}
    k = 0
    t.n += 1
    d["y"] = t.word
    for key, value in d.items():
        for z in range(1):
            pass
        k += 1
        if value == "abc":
            k += 10
    return k
