"""jit_focus, jit_ignore, jit_once: what they promise, in every form and order, with a daemon and without."""

import functools
import gc
import itertools
import warnings

import jitd
import pytest
from jitd import insight


def of(name):
    """The entry of the function that was decorated last of those with this name, asked of its record alone: jitd.stats() looks at the thousands
    of functions that other tests' modules keep."""
    insight._retry()
    for record in reversed(insight.all_of_process()):
        for f in record.funcs:
            if f".{record.short}.{f.entry if record.kind == 'class' else ''}".rstrip(".").endswith(f".{name}"):
                return insight.of_func(record, f)
    raise LookupError(name)


@pytest.fixture(autouse=True)
def no_warning_unless_asked_for():
    with warnings.catch_warnings():
        warnings.simplefilter("error", jitd.CompileWarning)
        yield


# ---- jit_focus ----


def test_focus_is_ready_before_the_first_call():
    @jitd.jit_focus
    def annotated_focus(a: int, b: int) -> int:
        return a * b

    @jitd.jit_focus(signatures=[(int, int), (float, float)])
    def signed_focus(a, b):
        return a * b

    @jitd.jit_focus(sample_args=(1, 2.5))
    def sampled_focus(a, b):
        return a * b

    for name, versions in (("annotated_focus", 1), ("signed_focus", 2), ("sampled_focus", 1)):
        found = of(name)
        assert found["specialisations"] == versions and found["native_calls"] == found["python_calls"] == 0, (name, found)
        assert found["hints"] == ["focus"] and found["level"] == 2
    assert (annotated_focus(6, 7), signed_focus(6, 7), signed_focus(1.5, 2.0), sampled_focus(2, 1.5)) == (42, 42, 3.0, 3.0)
    assert of("annotated_focus")["native_calls"] == of("sampled_focus")["native_calls"] == 1
    assert of("signed_focus")["native_calls"] == 2 and of("signed_focus")["guard_misses"] == 0


def test_focus_invents_no_types():
    @jitd.jit_focus
    def unknown_focus(a, b=2):
        return a * b

    assert of("unknown_focus")["specialisations"] == 0
    assert unknown_focus(2.5) == 5.0
    assert of("unknown_focus")["specialisations"] == 1


def test_annotations_come_before_samples_and_defaults_fill_up():
    @jitd.jit_focus(sample_args=(3,))
    def mixed_focus(a, b: float = 2.0, *, c=True):
        return a * b if c else 0.0

    assert of("mixed_focus")["specialisations"] == 1
    assert mixed_focus(3) == 6.0 and of("mixed_focus")["native_calls"] == 1


def test_focus_of_a_class_and_of_members():
    @jitd.jit_focus
    @jitd.jitclass
    class Above:
        x: float

        def scaled(self, k: float) -> float:
            return self.x * k

        @property
        def twice(self):
            return self.x * 2

    @jitd.jitclass
    @jitd.jit_focus()
    class Below:
        x: float

        def scaled(self, k: float) -> float:
            return self.x * k

        @staticmethod
        def triple(k: int) -> int:
            return k * 3

    @jitd.jitclass
    class Inside:
        x: float

        @jitd.jit_focus(signatures=[(int,), (float,)])
        def scaled(self, k):
            return self.x * k

        @jitd.jit_focus(sample_args=(4,))
        @staticmethod
        def triple(k):
            return k * 3

        @jitd.jit_focus
        @property
        def twice(self):
            return self.x * 2

    for name, versions in {"Above.scaled": 1, "Above.twice": 1, "Below.scaled": 1, "Below.triple": 1, "Inside.scaled": 2, "Inside.triple": 1, "Inside.twice": 1}.items():
        assert of(name)["specialisations"] == versions and of(name)["hints"] == ["focus"], name
    assert Above(1.5).scaled(2.0) == Below(1.5).scaled(2.0) == Inside(1.5).scaled(2) == Inside(1.5).scaled(2.0) == Above(1.5).twice == Inside(1.5).twice == 3.0
    assert Below.triple(2) == Inside.triple(2) == 6
    assert of("Inside.scaled")["native_calls"] == 2 and of("Inside.scaled")["python_calls"] == 0


def test_focus_waits_for_names_that_are_defined_later(program):
    done = program(
        """
        import jitd, warnings
        warnings.simplefilter("error")

        @jitd.jit_focus
        def first(a: int) -> int:
            return second(a) + LIMIT

        @jitd.jitclass
        @jitd.jit_focus
        class Node:
            tail: "Tail"
            def sum(self) -> int:
                return self.tail.get() + first(1)

        def versions(name):
            return jitd.stats()["objects"][name]["specialisations"]

        print(versions("first"), versions("Node.sum"))
        def second(a): return a + 1
        LIMIT = 40
        @jitd.jitclass
        class Tail:
            n: int
            def get(self) -> int: return self.n
        print(versions("first"), versions("Node.sum"))
        print(first(1), Node(Tail(5)).sum(), jitd.stats()["objects"]["first"]["native_calls"])
        """
    ).run()
    assert done.stdout.split() == ["0", "0", "1", "1", "42", "47", "1"]


def test_what_is_wrong_with_a_hint_is_said():
    def two(a, b):
        return a

    for wrong in (lambda: jitd.jit_focus(signature=[(int,)]), lambda: jitd.jit_ignore(because="slow"), lambda: jitd.jit_once(two, 3), lambda: jitd.jit_ignore(x=1)(two)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(TypeError, match=r"two\(\) takes 2 arguments, a signature has 1: \(<class 'int'>,\)"):
        jitd.jit_focus(signatures=[(int,)])(two)
    with pytest.raises(TypeError, match=r"takes 2 arguments, sample_args has 3"):
        jitd.jit_focus(sample_args=(1, 2, 3))(two)
    for signatures in (int, [int], "ii", {1: 2}):
        with pytest.raises(TypeError, match="signatures should be a sequence of tuples of types"):
            jitd.jit_focus(signatures=signatures)
    with pytest.raises(TypeError, match="sample_args should be a tuple"):
        jitd.jit_focus(sample_args=3)
    for hint in (jitd.jit_focus, jitd.jit_ignore, jitd.jit_once):
        with pytest.raises(TypeError, match=rf"{hint.__name__}\(\) takes a function, a method, a property or a class, not int"):
            hint(3)


def test_a_type_that_is_not_compiled_is_told():
    with pytest.warns(jitd.CompileWarning, match=r"strange\(\?\) stays Python: a type that jit_focus names is not compiled"):

        @jitd.jit_focus(signatures=[(list,)])
        def strange(a):
            return a

    assert strange([1]) == [1]


# ---- jit_ignore ----


def test_ignore_returns_the_very_same_object():
    def plain():
        yield 1

    class Plain:
        pass

    cached = functools.lru_cache(plain)
    for one in (plain, Plain, property(plain), staticmethod(plain), classmethod(plain), cached, functools.partial(plain), len, jitd.jit(of)):
        assert jitd.jit_ignore(one) is one and jitd.jit_ignore()(one) is one


def test_ignored_is_python_and_says_nothing():
    @jitd.jitclass
    class Part:
        n: int

        @jitd.jit_ignore
        def ignored(self):
            return [self.n]

        @jitd.jit_ignore
        @property
        def shown(self):
            return [self.n]

        @staticmethod
        @jitd.jit_ignore
        def fixed(a: int) -> int:
            return a

        def native(self) -> int:
            return self.n + 1

    @jitd.jit
    @jitd.jit_ignore
    def alone(a):
        return [a]

    @jitd.jit_ignore
    @jitd.jit
    def above_ignored(a):
        return [a]

    @jitd.jit_ignore
    @jitd.jitclass
    class Whole:
        n: int = 3

        def get(self):
            return [self.n]

        @property
        def one(self) -> int:
            return 1

    assert type(alone) is type(Part.ignored) is type(Part.fixed) is type(Part.shown.fget) is type(of)
    part = Part(4)
    assert (part.ignored(), part.shown, part.fixed(2), part.native(), alone(1), above_ignored(1)) == ([4], [4], 2, 5, [1], [1])
    assert (Whole().get(), Whole().one, Whole(5).n) == ([3], 1, 5) and type(Whole.__dict__["get"]) is type(of)
    assert of("Part.native")["native_calls"] == 1
    for name in ("Part.ignored", "Part.shown", "Part.fixed", "above_ignored", "Whole.get", "Whole.one"):
        assert of(name)["native_calls"] == 0 and of(name)["hints"] == ["ignore"], (name, of(name))
    assert "ignored: Python: jit_ignore" in jitd.explain(Part)


def test_a_caller_of_what_is_ignored_says_why():
    @jitd.jit_ignore
    def helper(a: int) -> int:
        return a + 1

    @jitd.jit
    def caller(a: int) -> int:
        return helper(a)

    with pytest.warns(jitd.CompileWarning, match="jit_ignore"):
        assert caller(1) == 2


# ---- jit_once ----


def test_once_has_one_version_and_stats_prove_it():
    @jitd.jit_once
    def once_first(a, b):
        return a + b

    assert [once_first(1, 2), once_first(1.5, 2), once_first("a", "b"), once_first(3, 4), once_first(1, 2.5)] == [3, 3.5, "ab", 7, 3.5]
    found = of("once_first")
    assert (found["specialisations"], found["native_calls"], found["python_calls"], found["hints"]) == (1, 2, 3, ["once"])
    assert found["python_reasons"] == {"types": 3}

    @jitd.jit_once
    def once_annotated(a: int):
        return a * 2

    assert (once_annotated(2), once_annotated(2.5)) == (4, 5.0)
    assert (of("once_annotated")["native_calls"], of("once_annotated")["python_calls"]) == (1, 1)


def test_once_in_classes_and_with_focus():
    @jitd.jitclass
    @jitd.jit_once
    class Once:
        n: int

        def add(self, k):
            return self.n + k

        @jitd.jit_focus(signatures=[(float,), (int,)])
        def mul(self, k):
            return self.n * k

    assert of("Once.mul")["specialisations"] == 1 and of("Once.mul")["hints"] == ["focus", "once"]
    once = Once(3)
    assert (once.add(1), once.add(1.5), once.mul(2), once.mul(2.0)) == (4, 4.5, 6, 6.0)
    for name in ("Once.add", "Once.mul"):
        assert (of(name)["specialisations"], of(name)["native_calls"], of(name)["python_calls"]) == (1, 1, 1), of(name)


def test_once_is_one_version_for_compiled_callers_too():
    @jitd.jit_once
    def once_half(a):
        return a / 2

    @jitd.jit
    def caller(a):
        return once_half(a) + once_half(a * 1.5)

    assert once_half(4) == 2.0
    with pytest.warns(jitd.CompileWarning, match="jit_once: its one version is for the types of its first call"):
        assert caller(4) == 5.0
    assert (of("once_half")["specialisations"], of("once_half")["native_calls"], of("once_half")["python_calls"]) == (1, 2, 1)


# ---- stacking ----

WRAPPERS = {"method": [], "property": ["property"], "static": ["staticmethod"], "class": ["classmethod"], "jit": ["jitd.jit"]}
HINTS = ("jit_focus", "jit_ignore", "jit_once")


def stacked(kind, hint):
    """Class definitions with the hint bare and called, above and below the wrapper; and above, below and far from jitclass."""
    first = {"static": "", "class": "cls"}.get(kind, "self")
    for order in itertools.permutations([f"jitd.{hint}", *WRAPPERS[kind]]):
        for called, inside in itertools.product(("", "()"), (True, False)):
            members = [f"    @{d}{called if d.startswith('jitd') else ''}" for d in order if inside or d != f"jitd.{hint}"]
            hints = [["@jitd.jitclass"]] if inside else [["@jitd.jitclass", f"@jitd.{hint}{called}"], [f"@jitd.{hint}{called}", "@jitd.jitclass"]]
            for above in hints:
                yield "\n".join([*above, "class Stacked:", "    n: int = 0", *members, f"    def member({first}): return 41 + 1"])


@pytest.mark.parametrize("kind", WRAPPERS)
@pytest.mark.parametrize("hint", HINTS)
def test_stacks_in_any_order(kind, hint, tmp_path):
    for number, text in enumerate(stacked(kind, hint)):
        path = tmp_path / f"stacked_{number}.py"
        path.write_text(text)
        scope = {"jitd": jitd, "__name__": f"stacked_{kind}_{hint}_{number}"}
        exec(compile(text, str(path), "exec"), scope)
        cls = scope["Stacked"]
        before = of("Stacked.member")["specialisations"] if hint == "jit_focus" and kind != "class" else 1
        value = cls().member
        assert (value if kind == "property" else value()) == 42 and before == 1, text
        found = of("Stacked.member")
        assert found["hints"] == [hint[4:]], text
        assert found["native_calls"] == (kind != "class" and hint != "jit_ignore"), text
        assert (found["mode"] == "python") == (hint == "jit_ignore"), text
        del cls, value, scope
        gc.collect()


@pytest.mark.parametrize("order", itertools.permutations(["jit", "jit_focus", "jit_once"]))
def test_functions_stack_with_jit(order):
    def added(a: int, b):
        return a + b

    function = added
    for name in order:
        function = getattr(jitd, name)(function)
    assert isinstance(function, type(jitd.jit(added))) and function.__wrapped__ is added
    assert (function(1, 2), function(1, 2.5), function(2, 3)) == (3, 3.5, 5)
    assert function._counters()["specialisations"] == 1 and function._counters()["native_calls"] == 2


def test_jit_above_a_hint_keeps_its_options():
    @jitd.jit(overflow="wrap")
    @jitd.jit_focus
    def wrapped(a: int) -> int:
        return a + a

    assert wrapped(2**62) == -(2**63)


def test_a_wrapper_is_not_what_it_wraps():
    def plain(a: int) -> int:
        return a

    jitd.jit_ignore(plain)

    @jitd.jit
    @functools.wraps(plain)
    def wrapper(a: int) -> int:
        return a + 1

    assert wrapper(1) == 2 and wrapper._counters()["native_calls"] == 1


# ---- where nothing is compiled ----

NOTHING = """
import functools, sys
{before}
import jitd
def f(a): return a
class C:
    n: int = 1
    def m(self): return self.n
for hint in (jitd.jit_focus, jitd.jit_ignore, jitd.jit_once):
    for one in (f, C, property(f), staticmethod(f), C.m):
        assert hint(one) is one and hint()(one) is one, (hint, one)
    try: hint(f, more=1)
    except TypeError: pass
    else: raise AssertionError
assert jitd.jit_focus(signatures=[(int,)])(f) is f
{after}
print("same")
"""
CLASS = """
@jitd.jitclass
class D:
    n: int = 1
    @jitd.jit_focus
    def m(self): return self.n
    @jitd.jit_once
    @property
    def p(self): return self.n
    @staticmethod
    @jitd.jit_focus
    def s(): return 1
assert (D().m(), D().p, D().s()) == (1, 1, 1)
assert type(D.m) is type(D.p.fget) is type(D.s) is type(f)
"""


@pytest.mark.parametrize(
    "env, before, after",
    [
        ({"JITD_DISABLE": "1"}, "", CLASS),
        ({"JITD_SOCKET": "/nonexistent/jitd.sock", "PATH": "/nonexistent"}, "", CLASS),
        ({}, "sys.implementation.name = 'pypy'; sys.modules['jitd._jitd'] = None", ""),
        ({}, "sys.modules['jitd._jitd'] = None", ""),
    ],
)
def test_without_a_compiler_they_return_the_original(program, env, before, after):
    done = program(NOTHING.format(before=before, after=after), **env).run()
    assert done.stdout == "same\n", done.stderr


def test_an_ignored_init_runs_and_its_fields_are_native():
    @jitd.jitclass
    class Own:
        n: int
        m: float

        @jitd.jit_ignore
        def __init__(self, n):
            self.n = len([n])
            self.m = 2.0 * n

        def sum(self) -> float:
            return self.n + self.m

    assert Own(4).sum() == 9.0 and of("Own.sum")["native_calls"] == 1 and of("Own.__init__")["mode"] == "python"


def test_focus_does_not_fail_where_the_daemon_does(monkeypatch):
    def silent(*_):
        raise ConnectionError("silence")

    @jitd.jitclass
    class Before:
        n: int = 1

    assert Before().n == 1
    with monkeypatch.context() as patched:
        patched.setattr(jitd._jitd, "request", silent)

        with pytest.warns(jitd.CompileWarning, match="silence"):

            @jitd.jit_focus
            @jitd.jitclass
            class Silent:
                n: int = 5

                def get(self) -> int:
                    return self.n

    assert Silent().get() == 5


@pytest.mark.parametrize("order", list(itertools.permutations(("kind", "jit", "hint"))))
@pytest.mark.parametrize("hint", ["jit_focus", "jit_once"])
@pytest.mark.parametrize("kind", [staticmethod, classmethod, property])
def test_jit_and_hints_stack_with_the_kinds_of_methods(kind, hint, order):
    def member(self) -> int:
        return 7

    def static() -> int:
        return 7

    found = static if kind is staticmethod else member
    for name in order:
        found = {"kind": kind, "jit": jitd.jit, "hint": getattr(jitd, hint)}[name](found)
    cls = jitd.jitclass(type("Stacked", (), {"m": found, "n": 1, "__annotations__": {"n": int}, "__module__": __name__}))
    for _ in range(2):
        assert (cls().m if kind is property else cls().m()) == 7
    assert kind is property or cls.m() == 7
