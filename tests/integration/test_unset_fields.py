"""Fields that __init__ may leave unset: they read 0 where Python raises AttributeError, and that is never silent. CPython says, by runs of the
same __init__, which fields may be unset; each must be warned of."""

import re
import textwrap
import warnings

import jitd
import pytest

from twins import load


@pytest.fixture(autouse=True)
def each_problem_by_itself(monkeypatch):
    monkeypatch.setenv("JITD_WARN", "all")


NAMES = "abcde"
RUNS = range(-3, 13)

# name: (the body of __init__(self, k), the fields that are warned of)
BODIES = {
    "straight": ("self.a = self.b = 1\nself.c, (self.d, self.e) = 1, (2, self.a)", ""),
    "never": ("self.a = self.b = self.c = 1", "de"),
    "branch": ("if k > 0:\n    self.a = self.b = 1\nelse:\n    self.a = 2\nself.c = self.d = self.e = 0", "b"),
    "elif_chain": ("if k > 9:\n    self.a = 1\nelif k > 3:\n    raise ValueError\nelse:\n    self.a = 2\nself.b = self.c = self.d = self.e = k", ""),
    "early_return": ("self.a = 1\nif k == 7:\n    return\nself.b = self.c = self.d = self.e = 2", "bcde"),
    "return_after_all": ("self.a = self.b = self.c = self.d = self.e = 2\nif k:\n    return\nself.a = 3", ""),
    "raises": ("self.a = self.b = self.c = self.d = 1\nif k < 3:\n    raise ValueError(k)\nself.e = 1", ""),
    "always_raises": ("raise ValueError(k)", ""),
    "for_body": ("for i in range(k):\n    self.a = i\nself.b = self.c = self.d = self.e = 1", "a"),
    "for_else": ("for i in range(5):\n    if i == k:\n        self.a = 1\n        break\nelse:\n    self.a = 2\nself.b = self.c = self.d = self.e = 1", ""),
    "for_else_break": ("for i in range(5):\n    if i == k:\n        break\nelse:\n    self.a = 2\nself.b = self.c = self.d = self.e = 1", "a"),
    "while_body": ("while k > 0:\n    self.a = 1\n    k -= 1\nself.b = self.c = self.d = self.e = 1", "a"),
    "while_true": ("while True:\n    k += 1\n    if k > 5:\n        self.a = 1\n        break\n    if k > 3:\n        continue\nself.b = self.c = self.d = self.e = 1", ""),
    "while_true_two": ("while 1:\n    self.b = 1\n    if k > 5:\n        self.a = 1\n        break\n    if k > 3:\n        break\n    k += 1\nself.c = self.d = self.e = 1", "a"),
    "nested_break": ("while True:\n    for i in range(3):\n        break\n    self.a = 1\n    break\nself.b = self.c = self.d = self.e = 1", ""),
    "value_branches": ("self.a = 1\nself.b = 2 if k else self.a\nself.c = k and self.b\nself.d = self.e = k or self.c", ""),
    "read_first": ("self.a += 1\nself.b = self.c = self.d = self.e = 1", "a"),
    "read_in_condition": ("if k > 3 and self.a:\n    self.b = 1\nelse:\n    self.b = 2\nself.a = self.c = self.d = self.e = 1", "a"),
    "read_in_chain": ("self.b = 1 if 0 < k < self.a else 2\nself.a = self.c = self.d = self.e = 1", "a"),
    "read_of_some": ("if k:\n    self.a = 1\nself.b = self.a if k else 3\nself.a = self.c = self.d = self.e = 1", "a"),
    "read_after": ("self.a = 1\nself.b = self.a\nself.c = self.d = self.e = self.b", ""),
    "augmented_order": ("self.a = 1\nself.a += self.b\nself.b = self.c = self.d = self.e = 1", "b"),
    "method": ("self.reset(k)\nself.d = self.e = 1", "c"),
    "class_method_call": ("C.reset(self, k)\nself.c = self.d = self.e = 1", ""),
    "method_in_value": ("self.c = self.reset(k) + self.a\nself.d = self.e = 1", ""),
    "method_in_condition": ("if k > 0 and self.reset(k):\n    pass\nself.c = self.d = self.e = 1", "ab"),
    "method_reads": ("self.a = self.sum()\nself.b = self.c = self.d = self.e = 1", "bc"),
    "method_never_returns": ("if k > 3:\n    self.a = 1\nelse:\n    self.failing(k)\nself.b = self.c = self.d = self.e = 1", ""),
    "recursive_method": ("self.down(k)\nself.b = self.c = self.d = self.e = 1", ""),
    "setter": ("self.twice = k\nself.b = self.c = self.d = self.e = 1", ""),
    "getter_reads": ("self.b = self.twice\nself.a = self.c = self.d = self.e = 1", "a"),
    "static_method": ("self.b = self.helper(k)\nself.a = self.c = self.d = self.e = 1", ""),
    "try_except": ("try:\n    self.a = 10 // k\n    self.b = 1\nexcept ZeroDivisionError:\n    self.b = 2\nfinally:\n    self.c = 3\nself.d = self.e = 1", "a"),
    "try_else": ("try:\n    10 // k\nexcept ZeroDivisionError:\n    self.a = 1\nelse:\n    self.a = 2\nself.b = self.c = self.d = self.e = 1", ""),
    "try_raises": ("try:\n    self.a = 10 // k\nexcept ZeroDivisionError:\n    raise ValueError\nself.b = self.c = self.d = self.e = 1", ""),
    "try_finally": ("try:\n    self.a = 1\nfinally:\n    self.b = 2\nself.c = self.d = self.e = 1", ""),
    "with_swallows": ("with suppress(ZeroDivisionError):\n    self.a = 10 // k\nself.b = self.c = self.d = self.e = 1", "a"),
    "match_all": ("match k:\n    case 1:\n        self.a = self.b = 1\n    case _:\n        self.a = 2\nself.c = self.d = self.e = 1", "b"),
    "match_some": ("match k:\n    case 1 | 2:\n        self.a = 1\nself.b = self.c = self.d = self.e = 1", "a"),
    "lambda_later": ("later = lambda: self.a\nself.a = self.b = self.c = self.d = self.e = 1", ""),
    "comprehension": ("self.a = 0\nself.b = sum([self.a for i in range(k)])\nself.c = sum([self.d for i in range(k)])\nself.d = self.e = 1", "d"),
    "starred": ("self.a, *rest = k, k\nself.b = self.c = self.d = self.e = 1", ""),
    "loop_target": ("for self.a in range(k):\n    pass\nself.b = self.c = self.d = self.e = 1", "a"),
    "generator_helper": ("self.lazily()\nself.b = self.c = self.d = self.e = 1", "a"),
    "annotated": ("self.a: int = 1\nself.b: int\nself.c = self.d = self.e = 1", "b"),
    "deleted_branch": ("if k == 100:\n    del k\nself.a = self.b = self.c = self.d = self.e = 1", ""),
}

CLASS = """
class C:
    a: int
    b: int
    c: int
    d: int
    e: int

    def __init__(self, k: int):
{body}

    def reset(self, k: int) -> int:
        self.a = k
        self.b = 2
        if k > 0:
            self.c = 1
        return k

    def sum(self) -> int:
        return self.b + self.c

    def failing(self, k: int) -> None:
        raise ValueError(k)

    def down(self, k: int) -> None:
        if k > 0:
            self.down(k - 1)
        self.a = k

    def lazily(self):
        self.a = 1
        yield

    @staticmethod
    def helper(k: int) -> int:
        return k + 1

    @property
    def twice(self) -> int:
        return self.a * 2

    @twice.setter
    def twice(self, v: int) -> None:
        self.a = v
"""


def text_of(body):
    return "from contextlib import suppress\n" + CLASS.format(body=textwrap.indent(body, " " * 8))


def unset_in_python(cls):
    """The fields that a run of __init__ left unset, or read before they were set."""
    found = set()
    for k in RUNS:
        obj = cls.__new__(cls)
        try:
            obj.__init__(k)
            found |= set(NAMES) - set(vars(obj))
        except ValueError:
            pass
        except AttributeError as error:
            found |= set(re.findall(r"no attribute '(\w)'$", str(error)))
    return found


def warned(cls, *args):
    """The fields of the warnings that the first use of a jitclass gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            cls(*args)
        except (ValueError, AttributeError):
            pass
    texts = [str(w.message) for w in caught if issubclass(w.category, jitd.CompileWarning)]
    return [t for t in texts if "where Python raises AttributeError" in t]


@pytest.mark.parametrize("name", BODIES)
def test_what_python_leaves_unset_is_warned_of(name, tmp_path):
    body, expected = BODIES[name]
    plain = load(tmp_path / f"plain_{name}.py", text_of(body))
    compiled = load(tmp_path / f"compiled_{name}.py", "import jitd\n" + text_of(body).replace("class C:", "@jitd.jitclass\nclass C:"))
    assert unset_in_python(plain.C) <= set(expected)
    texts = warned(compiled.C, 1)
    assert [re.search(r"field '(\w)'", t)[1] for t in texts] == list(expected)
    for text in texts:
        assert text.startswith(f'File "{tmp_path}/compiled_{name}.py", line ') and "\n    " in text and "^" in text
        assert text.splitlines()[-1] in str(jitd.explain(compiled.C))


def test_place_and_words(tmp_path):
    module = load(tmp_path / "place.py", "import jitd\n" + CLASS.replace("class C:", "@jitd.jitclass\nclass C:").format(body="        self.a += 1\n        self.a = self.b = self.c = self.d = 0"))
    read, unset = warned(module.C, 1)
    assert read.splitlines() == [
        f'File "{tmp_path}/place.py", line 12',
        "    self.a += 1",
        "    ^^^^^^",
        "field 'a' may not have been set when it is read here: it reads 0 then, where Python raises AttributeError; "
        "give it a default or set it before",
    ]
    assert unset.splitlines() == [
        f'File "{tmp_path}/place.py", line 11',
        "    def __init__(self, k: int):",
        "    ^^^^^^^^^^^^",
        "field 'e' is not set on every path of __init__: it reads 0 until it is set, where Python raises AttributeError; "
        "give it a default or set it",
    ]


def test_strict():
    with pytest.raises(jitd.CompileError, match="field 'b' is not set on every path of __init__"):

        @jitd.jitclass(strict=True)
        class Strict:
            a: int
            b: int

            def __init__(self):
                self.a = 1


def test_what_is_never_unset():
    @jitd.jitclass(strict=True)
    class Node:
        n: int = 3
        next: "Node"
        __hidden: int

        def __init__(self):
            self.__hidden = 1

    with pytest.raises(AttributeError):
        Node().next
    assert Node().n == 3

    @jitd.jitclass(strict=True)
    class Generated:
        a: int
        b: float

    assert Generated(1, 2.0).b == 2.0


class Base:
    __slots__ = ()  # before 3.11 a base without them gives its instances a dict, which a jitclass refuses
    a: int
    b: int

    def __init__(self, *args):
        self.a = 1


def test_other_ways_to_an_init():
    @jitd.jitclass(init=False)
    class Without:
        a: int
        b: int = 0

        def get(self) -> int:
            return self.a

    @jitd.jitclass
    class Inherited(Base):
        def get(self) -> int:
            return self.a

    @jitd.jitclass
    class Variadic:
        a: int
        b: int

        def __init__(self, *args):
            self.a = args[0]

    assert [re.search(r"field '(\w)'", t)[1] for t in warned(Without)] == ["a"]
    assert [re.search(r"field '(\w)'", t)[1] for t in warned(Inherited)] == ["b"]
    assert [re.search(r"field '(\w)'", t)[1] for t in warned(Variadic, 5)] == ["b"]


def test_a_warm_start_warns_too(program, own_daemon):
    code = """
        import warnings

        import jitd

        @jitd.jitclass
        class Partly:
            a: int
            b: int

            def __init__(self):
                self.a = 1

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Partly()
        print(len(caught), jitd.stats()["machine"]["compilations"], caught[0].lineno, "line 11" in str(caught[0].message))
    """
    run = program(code, JITD_SOCKET=own_daemon.socket)
    assert [run.run().stdout for _ in range(2)] == ["1 1 11 True\n"] * 2


def passing_on(function):
    def wrapper(self, *args):
        return function(self, *args)

    return wrapper


def unread(scope):
    exec("class C:\n    a: int\n    b: int = 0\n    def __init__(self):\n        self.a = 1", scope)
    return scope["C"]


def test_an_init_that_cannot_be_seen():
    class Decorated:
        a: int
        b: int

        @passing_on
        def __init__(self, k):
            self.a = self.b = k

    class Complete:
        a: int = 0

        @passing_on
        def __init__(self, k):
            self.a = k

    for cls, args in ((Decorated, (1,)), (unread({"__name__": __name__}), ())):
        (text,) = warned(jitd.jitclass(cls), *args)
        assert text.endswith("what this __init__ does cannot be seen: a number's field that it does not set reads 0, where Python raises AttributeError")
    assert warned(jitd.jitclass(Complete), 1) == []


def test_comprehensions_in_comprehensions(tmp_path):
    """Each is looked at once: twice would be 2 ** 60 times."""
    iterable = "range(3)"
    for i in range(60):
        iterable = f"[x{i} for x{i} in {iterable}]"
    path = tmp_path / "deep.py"
    path.write_text(f"""
class Deep:
    a: int
    b: int
    def __init__(self):
        self.a = len({iterable})
    def get(self) -> int:
        return self.a
""")
    scope = {"__name__": "deep"}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    with pytest.warns(jitd.CompileWarning, match="field 'b' is not set"):
        assert jitd.jitclass(scope["Deep"])().get() == 3


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_a_number_whose_absence_the_class_asks_for():
    """As simpy's events have it: a field that says something by being there."""

    @jitd.jitclass
    class Event:
        ok: bool
        defused: bool
        tries: int

        def __init__(self, n: int):
            self.n = n
            self.tries = 0

        @property
        def is_defused(self) -> bool:
            return hasattr(self, "defused")

        def state(self) -> list[object]:
            return [getattr(self, "ok", "pending"), getattr(self, "tries", "?")]

        def count(self) -> int:
            self.tries += 1
            return self.tries

    event = Event(3)
    assert not event.is_defused and not hasattr(event, "ok") and event.state() == ["pending", 0] and event.count() == 1
    event.defused = event.ok = True
    assert event.is_defused and event.state() == [True, 1]
    assert "asks for it by name" in jitd.explain(Event) and "field tries: int" in jitd.explain(Event)
