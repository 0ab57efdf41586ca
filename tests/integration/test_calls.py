"""Calls: native where the types fit, Python where they do not, and never a different result."""

import builtins
import math
import os
import sys

import pytest

import jitd
from jitd import _jitd


def counters(name):
    return jitd.stats()["objects"][name]


@jitd.jitclass
class Calc:
    k: int = 1

    def nothing(self):
        pass

    def add(self, a: float, b: float) -> float:
        return a + b

    def sum4(self, a: int, b: int, c: int = 3, *, d: int = 4) -> int:
        return a + b + c + d

    def any(self, a, b):
        return a * b

    def twice(self, a: int) -> int:
        return a + a

    def flag(self, a: bool) -> bool:
        return not a

    def pair(self, a: int, b: float):
        return a, (b, a > 0), None

    def swap(self, t):
        return t[1], t[0]

    def small(self, a: jitd.int8, b: jitd.uint16) -> int:
        return a + b

    def me(self):
        return self

    def pick(self, other: "Calc | None" = None):
        return self if other is None else other

    def make(self, k: int):
        return Calc(k)

    def pos(self, a: int, /, b: int = 2) -> int:
        return a * 10 + b


@pytest.fixture
def c():
    return Calc()


def test_connected_and_compiled(c):
    c.nothing()
    assert _jitd.connected() is True, "these tests need a daemon"
    before = counters("Calc.nothing")["native_calls"]
    assert c.nothing() is None
    assert counters("Calc.nothing")["native_calls"] == before + 1, jitd.explain(Calc)


def test_exact_types_run_native(c):
    c.add(1.0, 2.0)
    before = counters("Calc.add")
    assert c.add(0.1, 0.2) == 0.1 + 0.2
    after = counters("Calc.add")
    assert after["native_calls"] == before["native_calls"] + 1 and after["python_calls"] == before["python_calls"]


def test_keywords_and_defaults(c):
    assert c.sum4(1, 2) == 10
    assert c.sum4(1, 2, 30) == 37
    assert c.sum4(b=1, a=2, d=3) == 9
    assert c.sum4(*(1, 2), **{"d": 0, "c": 0}) == 3
    assert c.pos(1) == 12 and c.pos(1, 3) == 13 and c.pos(1, b=4) == 14
    assert Calc.sum4(c, 1, 2) == 10 and Calc.sum4(c, b=1, a=2, d=3) == 9
    assert counters("Calc.sum4")["python_calls"] == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda o: o.sum4(),
        lambda o: o.sum4(1),
        lambda o: o.sum4(1, 2, 3, 4),
        lambda o: o.sum4(1, 2, e=5),
        lambda o: o.sum4(1, 2, a=5),
        lambda o: o.pos(a=1),
        lambda o: o.nothing(1),
        lambda o: type(o).nothing(),
    ],
)
def test_wrong_arguments_raise_what_cpython_raises(c, call):
    class Calc:
        pass

    Calc.__qualname__ = "Calc"
    for name in ("sum4", "pos", "nothing"):
        setattr(Calc, name, globals()["Calc"].__dict__[name].__wrapped__)
    with pytest.raises(TypeError) as expected:
        call(Calc())
    with pytest.raises(TypeError) as got:
        call(c)
    assert str(got.value) == str(expected.value)


def test_numbers_of_another_type_are_never_silently_different(c):
    assert c.add(1, 2) == 3 and type(c.add(1, 2)) is int
    assert c.add(True, 2.5) == 3.5
    assert c.add(1, 2.5) == 3.5
    assert c.add(1j, 2) == 2 + 1j
    assert c.twice(True) == 2 and type(c.twice(True)) is int
    assert c.twice(2.5) == 5.0
    assert c.flag(0) is True and c.flag(2.5) is False
    from fractions import Fraction

    assert c.add(Fraction(1, 3), 1) == Fraction(4, 3)


def test_ints_beyond_64_bits(c):
    for n in (2**63 - 1, 2**62, -(2**63), 2**63, 2**200, -(2**64)):
        assert c.twice(n) == 2 * n
    assert counters("Calc.twice")["fallbacks"] >= 2


def test_sized_parameters(c):
    assert c.small(-128, 65535) == 65407
    for a, b, name, bounds in [(128, 0, "a", "int8 .-128..127"), (0, -1, "b", "uint16 .0..65535"), (2**80, 0, "a", "int8")]:
        with pytest.raises(OverflowError, match=f"'{name}': .* is out of range for {bounds}"):
            c.small(a, b)
    with pytest.raises(TypeError, match="must be int8, not str"):
        c.small("a", 1)


def test_specialised_on_what_comes(c):
    assert [c.any(a, b) for a, b in [(2, 3), (2.0, 3), (True, 4), (1.5, 2.5)]] == [6, 6.0, 4, 3.75]
    assert c.any("ab", 2) == "abab" and c.any([1], 2) == [1, 1]
    assert [type(c.any(a, b)) for a, b in [(2, 3), (2.0, 3), (True, True)]] == [int, float, int]
    assert counters("Calc.any")["specialisations"] >= 4


def test_at_most_eight_specialisations():
    @jitd.jit
    def three(a, b, c):
        return a + b + c

    values = (1, 1.0, True)
    for a in values:
        for b in values:
            for c in values:
                assert three(a, b, c) == 3 and type(three(a, b, c)) is type(a + b + c)
    assert 8 <= counters("test_at_most_eight_specialisations.<locals>.three")["specialisations"] <= 9


def test_tuples(c):
    assert c.pair(3, 0.5) == (3, (0.5, True), None)
    assert c.swap((1, 2.5)) == (2.5, 1)
    assert c.swap((c, 2)) == (2, c)


def test_references(c):
    other = Calc(2)
    assert c.me() is c and c.pick() is c and c.pick(other) is other and c.pick(None) is c and c.pick(other=other) is other
    made = c.make(7)
    assert type(made) is Calc and made.k == 7
    assert c.pick(3) == 3
    other.close()
    with pytest.raises(jitd.ReleasedError):
        c.pick(other)


def test_native_results_do_not_leak(c):
    c.make(1), c.me()
    before = jitd.stats()["process"]["objects"]
    for i in range(1000):
        c.make(i), c.me(), c.pick(c)
    assert jitd.stats()["process"]["objects"] <= before  # what dead processes had may come back meanwhile
    references = sys.getrefcount(c)
    for _ in range(100):
        c.me()
    assert sys.getrefcount(c) == references


def test_functions():
    @jitd.jit
    def gcd(a, b):
        while b:
            a, b = b, a % b
        return a

    assert gcd(12, 18) == 6 and gcd(2**70, 2**65) == 2**65
    assert gcd.__name__ == "gcd" and gcd.__wrapped__(12, 18) == 6
    assert jitd.jit(strict=True)(gcd.__wrapped__)(12, 8) == 4
    with pytest.raises(TypeError, match="compiles a function"):
        jitd.jit(3)


SCALE = 2.5
COUNT = 3


def helper(x):
    return x * SCALE


def test_globals_and_functions_travel_along():
    @jitd.jit
    def f(x):
        return helper(x) + math.sqrt(x) + COUNT

    assert f(4.0) == 15.0
    f(4.0)
    assert counters("test_globals_and_functions_travel_along.<locals>.f")["native_calls"] >= 2, jitd.explain(f)


def test_bound_methods_and_descriptors(c):
    bound = c.twice
    assert bound(4) == 8 and bound.__self__ is c
    assert list(map(c.twice, [1, 2])) == [2, 4]
    assert Calc.__dict__["twice"].__get__(c, Calc)(5) == 10
    import pickle

    assert pickle.loads(pickle.dumps(Calc.twice)) is Calc.twice


def test_what_is_refused_stays_python_with_one_warning():
    with pytest.warns(jitd.CompileWarning) as seen:

        @jitd.jitclass
        class Mixed:
            x: int

            def good(self) -> int:
                return self.x + 1

            def bad(self):
                return {self.x * 1.0}

            def variadic(self, *args):
                return len(args) + self.x

        m = Mixed(1)
        assert m.good() == 2 and m.bad() == {1} and m.variadic(1, 2) == 3
        Mixed(2).bad()
    texts = [str(w.message) for w in seen]
    assert len(texts) == 1 and "set is" in texts[0] and "*args" in texts[0] and texts[0].count("test_calls.py") == texts[0].count(" ^") == 2, texts
    assert seen[0].filename == __file__
    assert Mixed(3).good() == 4 and "good: compiled" in jitd.explain(m) and "bad: Python" in jitd.explain(Mixed)


def test_strict_refuses_at_decoration():
    with pytest.raises(jitd.CompileError, match="test_calls.py"):

        @jitd.jitclass(strict=True)
        class Mixed:
            x: int

            def bad(self):
                return {self.x * 1.0}


@jitd.jitclass(strict=True)
class Early:
    n: int

    def next(self):
        return Early(self.n + 1)


def test_strict_knows_its_own_name():
    @jitd.jitclass(strict=True)
    class Local:
        n: int

        def next(self):
            return Local(self.n + 1)

    for cls in (Early, Local):
        assert type(cls(1).next()) is cls and cls(1).next().n == 2
        assert "next: compiled" in jitd.explain(cls) and "0 native" not in jitd.explain(cls)


def test_overflow_wrap():
    @jitd.jitclass(overflow="wrap")
    class W:
        def twice(self, a: int) -> int:
            return a + a

    assert W().twice(2**62) == -(2**63)


def test_ir_and_assembly():
    assert "define" in jitd.inspect_llvm(Calc.add) and "fadd" in jitd.inspect_llvm(Calc.add)
    assert "ret" in jitd.inspect_asm(Calc)
    assert Calc.add.inspect_llvm() == jitd.inspect_llvm(Calc.add) and "ret" in Calc.add.inspect_asm()
    assert jitd.inspect_llvm(Calc().add) == jitd.inspect_llvm(Calc.add)


def test_ir_of_specialisations_and_of_what_has_none():
    @jitd.jitclass
    class Adder:
        x: float

        def add(self, k):
            return self.x + k

        def text(self, k: int) -> str:
            return f"{k}"

    @jitd.jit
    def double(a):
        return a + a

    with pytest.warns(jitd.CompileWarning, match="f-string"):
        adder = Adder(1.5)
    assert adder.text(1) == "1"
    with pytest.raises(LookupError, match=r"Adder\.add: nothing of it has been compiled yet"):
        jitd.inspect_llvm(adder.add)
    assert adder.add(2) == 3.5 and adder.add(0.5) == 2.0 and double(2) == 4
    assert "add(int) -> float" in jitd.inspect_llvm(adder.add) and "add(float) -> float" in jitd.inspect_llvm(Adder)
    assert "double(int) -> int" in jitd.inspect_llvm(double)
    with pytest.raises(LookupError, match=r"Adder\.text: .*f-string"):
        jitd.inspect_asm(adder.text)
    assert "add: compiled, 2 spec" in jitd.explain(adder.add) and "text" not in jitd.explain(adder.add)
    assert "text: Python: " in jitd.explain(adder.text) and "add" not in jitd.explain(adder.text)
    for other in (len, [].append, 3):
        with pytest.raises(TypeError, match="neither a jitclass"):
            jitd.explain(other)


def test_through_libffi(program):
    test = os.path.abspath(__file__)
    env = {"JITD_CALL": "ffi"}
    done = program(
        f"""
        import pytest, sys
        sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--noconftest", {test!r}, "-k", "not libffi and not wrong_arguments and not refused"]))
        """,
        **env,
    ).run(check=False)
    assert done.returncode == 0, done.stdout[-3000:]


FACTOR = 3


def scaled(x):
    return x * FACTOR


def test_a_changed_global_is_seen():
    global FACTOR, scaled

    @jitd.jit
    def f(x):
        return scaled(x) + abs(x)

    name = "test_a_changed_global_is_seen.<locals>.f"
    assert f(2) == 8 and f(-2) == -4
    native = counters(name)["native_calls"]
    assert native == 2
    FACTOR = 10
    assert f(2) == 22
    FACTOR = 1 + 2
    assert f(2) == 8 and counters(name)["native_calls"] == native + 1, "the old value is back, and so is the code"
    old, scaled = scaled, lambda x: 0
    assert f(2) == 2
    scaled = old
    globals()["abs"] = lambda x: 100
    assert f(2) == 106
    del globals()["abs"]
    assert f(2) == 8


def test_a_changed_closure_is_seen():
    k = 2

    def set_k(value):
        nonlocal k
        k = value

    @jitd.jit
    def f(x):
        return x * k

    assert f(5) == 10
    set_k(3)
    assert f(5) == 15


def test_a_global_that_is_only_an_attributes_name_does_not_matter():
    scope = dict(globals(), k=1)
    c = Calc(4)
    c.nothing()
    missed = counters("Calc.nothing")["guard_misses"]
    globals()["k"] = scope["k"]
    c.nothing()
    assert counters("Calc.nothing")["guard_misses"] == missed
    del globals()["k"]


def test_what_is_patched_is_seen(monkeypatch):
    """A built-in, or a function or constant of math, that somebody replaces: for good, for a while, or before the first call."""

    @jitd.jit
    def root(x: float):
        return math.sqrt(x), math.pi

    @jitd.jit
    def largest(a: int, b: int):
        return max(a, b)

    @jitd.jit
    def absolute(a: int):
        return abs(a)

    @jitd.jit
    def log(x: float):
        return math.log(x)

    monkeypatch.setattr(math, "log", lambda x: "patched")
    assert (root(4.0), largest(2, 5), log(1.0)) == ((2.0, math.pi), 5, "patched")
    monkeypatch.setattr(math, "sqrt", lambda x: x * 100)
    monkeypatch.setattr(builtins, "max", lambda a, b: "max")
    monkeypatch.setattr(builtins, "abs", lambda a: "abs")
    assert (root(4.0), largest(2, 5), absolute(-3)) == ((400.0, math.pi), "max", "abs")
    monkeypatch.undo()
    assert (root(4.0), largest(2, 5), absolute(-3), log(1.0)) == ((2.0, math.pi), 5, 3, 0.0)
    monkeypatch.setattr(math, "pi", 3)
    assert root(4.0) == (2.0, 3)
    native = [m["native_calls"] for n, m in jitd.stats()["objects"].items() if "test_what_is_patched" in n]
    assert native == [2, 2, 1, 0]


def helper_of_reloads(x, y=1):
    return x + y


def test_a_function_that_a_reloader_changes_in_place_is_seen():
    @jitd.jit
    def f(x: int):
        return helper_of_reloads(x)

    old = helper_of_reloads.__code__
    assert f(1) == 2
    helper_of_reloads.__code__ = (lambda x, y=1: x * 100 + y).__code__
    assert f(1) == 101
    helper_of_reloads.__code__ = old
    assert f(1) == 2
    helper_of_reloads.__defaults__ = (7,)
    assert f(1) == 8
    helper_of_reloads.__defaults__ = (1,)
    helper_of_reloads.__kwdefaults__ = {}
    assert f(1) == 2
