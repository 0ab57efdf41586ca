"""What cannot be compiled or sent stays Python by itself, with a reason in the user's words: the class and its other methods are compiled."""

import linecache
import warnings

import pytest

import jitd

LONG = "x" * 20_000_000
SURROGATE = "\ud800"
SAID = []


@jitd.jit
def listed(x: int) -> int:
    return len({x * 1.0})


def report(text: str) -> None:
    SAID.append(text)


def explained(thing):
    return {line.strip().split(":")[0]: line.strip() for line in str(jitd.explain(thing)).splitlines()[1:]}


def is_compiled(thing, name):
    return "compiled" in explained(thing)[name].split(",")[0]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    for text in (str(w.message) for w in said):
        assert "definition" not in text and "unit" not in text, text  # the protocol's words


def test_a_function_that_was_refused_before():
    listed(1)

    @jitd.jitclass
    class Late:
        n: int

        def f(self, x: int) -> int:
            return x + self.n

        def g(self, x: int) -> int:
            return listed(x)

    assert (Late(1).f(2), Late(1).g(5)) == (3, 1)
    assert is_compiled(Late, "f") and "set is not compiled" in explained(Late)["g"]


def test_a_helper_that_takes_text():
    @jitd.jitclass
    class Pump:
        level: float = 1.0

        def alarm(self) -> None:
            report("low")

        def drain(self, by: float) -> float:
            self.level -= by
            return self.level

    p = Pump()
    assert (p.drain(0.25), p.alarm(), SAID) == (0.75, None, ["low"])
    assert is_compiled(Pump, "drain") and is_compiled(Pump, "alarm")


def test_a_helper_without_source():
    space = {}
    exec("def lost(x: float) -> float:\n    return x * 2.0\n", space)
    lost = space["lost"]

    @jitd.jitclass
    class Caller:
        x: float = 2.0

        def twice(self) -> float:
            return lost(self.x)

        def half(self) -> float:
            return self.x / 2.0

    c = Caller()
    assert (c.twice(), c.half()) == (4.0, 1.0)
    assert is_compiled(Caller, "half") and "not compiled: its source" in explained(Caller)["twice"]


def test_constants_that_cannot_be_sent():
    @jitd.jitclass
    class Texts:
        n: int = 1
        WORD = "\ud800"
        LONG = "y" * 20_000_000
        HUGE = 2**70

        def long(self) -> int:
            raise ValueError(LONG)

        def surrogate(self) -> int:
            raise ValueError(SURROGATE)

        def own(self) -> int:
            raise ValueError("\ud800")

        def word(self) -> int:
            raise ValueError(self.WORD)

        def default(self, text="\ud800") -> int:
            return self.n

        def huge(self) -> int:
            return self.HUGE

        def plain(self) -> int:
            return self.n

    t = Texts()
    for method, text in [(t.long, LONG), (t.surrogate, "\ud800"), (t.own, "\ud800"), (t.word, "\ud800")]:
        with pytest.raises(ValueError) as raised:
            method()
        assert raised.value.args == (text,)
    assert (t.default(), t.huge(), t.plain()) == (1, 2**70, 1)
    assert is_compiled(Texts, "plain") and is_compiled(Texts, "own")
    told = jitd.explain(Texts)
    assert is_compiled(Texts, "long") and "a text with a lone surrogate" in told


def test_names_that_cannot_be_sent():
    def get(self):
        return self.n

    space = {"__annotations__": {"n": int}, "n": 1, "__module__": __name__, "__qualname__": "Odd\ud800", "\ud801": 5, "nul\0": 7, "get": get, "g\ud800": get, "g\0": get}
    cls = jitd.jitclass(type("Odd", (), space))
    assert (cls().n, cls().get(), getattr(cls(), "g\ud800")(), getattr(cls(), "g\0")()) == (1, 1, 1, 1)
    assert is_compiled(cls, "get")


NAMES = [f"a{k}" for k in range(100)]
PARAMETERS = ", ".join(f"{name}: int = {k}" for k, name in enumerate(NAMES))
WIDE = f"""
class Wide:
    n: int = 1
    def total(self, {PARAMETERS}) -> int:
        return {" + ".join(NAMES)} + self.n
    def calls(self) -> int:
        return self.total(a3=100)
    def tuple_of_many(self, t: tuple[{", ".join(["int"] * 100)}]) -> int:
        return t[0] + self.n
    def gives_many(self, k: int):
        return {", ".join(["k"] * 63)}
    def plain(self, k: int) -> int:
        return self.n + k

class Made:
    n: int
    def __init__(self, {PARAMETERS}):
        self.n = {" + ".join(NAMES)}

def sum_all({PARAMETERS}):
    return {" + ".join(NAMES)}
"""


def test_very_many_parameters():
    linecache.cache["<wide>"] = (len(WIDE), None, WIDE.splitlines(True), "<wide>")
    space = {"__name__": __name__}
    exec(compile(WIDE, "<wide>", "exec"), space)
    Wide, Made, sum_all = jitd.jitclass(space["Wide"]), jitd.jitclass(space["Made"]), jitd.jit(space["sum_all"])
    w, total = Wide(), sum(range(100))
    assert (w.plain(4), w.total(a3=100), w.calls(), Made(a99=1).n) == (5, total + 98, total + 98, total - 98)
    assert (sum_all(), sum_all(*range(1, 101)), w.tuple_of_many((7,) * 100), w.gives_many(3)) == (total, total + 100, 8, (3,) * 63)
    assert is_compiled(Wide, "plain") and is_compiled(Wide, "calls") and is_compiled(Wide, "gives_many")
    assert "more than 64 values in a call" in explained(Wide)["total"] and "too many parts" in explained(Wide)["tuple_of_many"]


def test_a_function_of_a_million_characters():
    text = "class Tall:\n    n: int = 1\n    def tall(self) -> int:\n" + "        x = 1  # %s\n" % ("-" * 90) * 12_000
    text += "        return x + self.n\n    def plain(self) -> int:\n        return self.n\n"
    linecache.cache["<tall>"] = (len(text), None, text.splitlines(True), "<tall>")
    space = {"__name__": __name__}
    exec(compile(text, "<tall>", "exec"), space)
    Tall = jitd.jitclass(space["Tall"])
    assert (Tall().tall(), Tall().plain()) == (2, 1)
    assert is_compiled(Tall, "plain") and "more than can be compiled" in explained(Tall)["tall"]


# ---- defaults outside the annotation, from compiled callers ----


@jitd.jitclass
class Rated:
    v: float
    n: int = 0

    def rate(self, r: float = None) -> float:
        if r is None:
            r = self.v
        return r * 2.0

    def link(self, nxt: "Rated" = None) -> int:
        if nxt is None:
            return -1
        return nxt.n

    def step(self, by: int = None) -> int:
        if by is not None:
            self.n += by
        return self.n

    def rates(self) -> float:
        return self.rate() + self.rate(3.0) + self.rate(r=None)

    def links(self, other: "Rated") -> int:
        return self.link() * 100 + self.link(other) * 10 + self.link(nxt=None)

    def steps(self) -> int:
        return self.step() * 100 + self.step(4) * 10 + self.step(None)


@jitd.jitclass
class Defaulted:
    v: float
    n: int

    def __init__(self, v: float = None, n: int = None):
        self.v = 1.5 if v is None else v
        self.n = 7 if n is None else n


@jitd.jit
def defaults(k: int) -> float:
    a, b, c = Defaulted(), Defaulted(2.0, None), Defaulted(n=k)
    return a.v + a.n + b.v + b.n + c.v + c.n


def test_a_default_outside_of_the_annotation():
    r = Rated(1.5)
    assert (r.rates(), r.links(Rated(0.0, 9)), r.steps()) == (12.0, -11, 44)
    assert defaults(3) == 1.5 + 7 + 2.0 + 7 + 1.5 + 3
    assert all(" 1 native calls" in explained(Rated)[name] for name in ("rates", "links", "steps"))
    assert " 1 native calls" in str(jitd.explain(defaults))


# ---- an object of one class, whichever way it came in ----


@jitd.jitclass
class Own:
    k: int
    left: "Own | None" = None

    def same(self, other) -> bool:
        return self is other

    def equal(self, other) -> bool:
        return self == other

    def store(self, v, other: "Own") -> int:
        before = self.k
        other.k = v
        return self.k * 100 + before

    def loop(self, v, other: "Own | None") -> int:
        for i in range(3):
            if self.left.k != self.k:
                return -1
            self.left.k = v + i
        return 1

    def pair(self, two) -> bool:
        return two[0] is self and two[1] is self


def test_an_argument_of_the_own_class():
    a = Own(1)
    a.left = a
    assert (a.same(a), a.same(Own(1)), a.equal(a), a.store(3, a), a.loop(5, a), a.pair((a, a))) == (True, False, True, 301, 1, True)
    a.left = None
    assert all(" native calls" in explained(Own)[name] and " 0 native" not in explained(Own)[name] for name in ("same", "store", "loop", "pair"))


# ---- arguments are asked once ----


class Ticket:
    taken = 0

    def __index__(self):
        Ticket.taken += 1
        return Ticket.taken


@jitd.jitclass
class Sized:
    n: int

    def f(self, a: jitd.int16, k: int) -> int:
        return k * k + int(a)

    def g(self, k: float, *, a: jitd.int16) -> float:
        return k + int(a)

    def python(self, a: jitd.int16, k) -> int:
        return len([a]) + int(a)


@pytest.mark.parametrize("call", [
    lambda s: s.f(Ticket(), 3), lambda s: s.f(Ticket(), 2**40), lambda s: s.f(a=Ticket(), k=2**40), lambda s: s.f(k=2.5, a=Ticket()),
    lambda s: s.g(1.5, a=Ticket()), lambda s: s.g(1, a=Ticket()), lambda s: s.python(Ticket(), 2)])
def test_index_is_asked_once(call):
    s = Sized(1)
    s.f(3, 3)
    Ticket.taken = 0
    call(s)
    assert Ticket.taken == 1
