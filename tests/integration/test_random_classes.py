"""Random classes, native and Python fields, options, methods of both kinds, behave like the same dataclass over random operations.
JITD_PROGRAMS says how many (150), JITD_SEED which ones (0)."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any, Callable, Iterator

import hypothesis
import pytest
from hypothesis import strategies as st

CLASSES = int(os.environ.get("JITD_PROGRAMS", "150"))
SEED = int(os.environ.get("JITD_SEED", "0"))
HEAD = "from __future__ import annotations\nimport dataclasses, jitd, math\nfrom dataclasses import field\nfrom typing import Any, ClassVar, Optional\n\n"
NATIVE = {"int": st.integers(-1000, 1000) | st.just(2**62), "float": st.sampled_from([0.0, -0.0, 1.5, -2.25, 1e300, math.inf, math.nan, float("nan")]), "bool": st.booleans()}
PYTHON = {
    "str": st.sampled_from(["", "a", "Zürich", "\ud800"]),
    "list": st.lists(st.integers(0, 9), max_size=3),
    "Optional[float]": st.none() | st.sampled_from([0.5, 7]),
    "Any": st.sampled_from([None, 3, "x", (1, 2)]),
    "dict[str, int]": st.dictionaries(st.sampled_from("ab"), st.integers(0, 9), max_size=2),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {**NATIVE, **PYTHON}
SHARED = ("list", "dict[str, int]")  # what a class must not have as a default
# Methods: {name: (lines, which kinds of fields it needs)}; a, b are names of such fields.
METHODS = {
    "sum_up": ("def sum_up(self, k: int) -> int:\n    return self.{a} + k", ["int"]),
    "add": ("def add(self, k: int) -> None:\n    self.{a} = self.{a} + k", ["int"]),
    "loop": ("def loop(self, n: int) -> float:\n    s = self.{b}\n    for i in range(n):\n        s += self.{a} * 0.5\n    return s", ["int", "float"]),
    "flip": ("def flip(self, n: int) -> bool:\n    self.{a} = not self.{a} and n > 1\n    return self.{a}", ["bool"]),
    "half": ("@property\ndef half(self) -> float:\n    return self.{a} / 2", ["float"]),
    "text": ("def text(self, n: int) -> str:\n    return f'{{self.{a}}}:{{n}}'", ["str"]),
    "grow": ("def grow(self, n: int) -> int:\n    self.{a}.append(n)\n    return len(self.{a})", ["list"]),
    "both": ("def both(self, n: int) -> int:\n    self.extra = n\n    return self.{a} + len(self.{b})", ["int", "str"]),
    "of_static": ("@staticmethod\ndef of_static(n: int) -> int:\n    return n * 2", []),
    "of_class": ("@classmethod\ndef of_class(cls, n: int) -> str:\n    return cls.__name__ * n", []),
}
_serial = itertools.count()


@dataclasses.dataclass
class Field:
    name: str
    kind: str
    how: dict[str, str]  # of field(…)

    def has_default(self) -> bool:
        return "default" in self.how or "default_factory" in self.how

    def line(self) -> str:
        if not self.how:
            return f"{self.name}: {self.kind}"
        if list(self.how) == ["default"]:
            return f"{self.name}: {self.kind} = {self.how['default']}"
        return f"{self.name}: {self.kind} = field({', '.join(f'{k}={v}' for k, v in self.how.items())})"


@dataclasses.dataclass
class Shape:
    """What a class is made of."""

    options: dict[str, bool]
    fields: list[Field]
    methods: dict[str, str]
    calls: list[str]

    def text(self, decorator: str) -> str:
        given = ", ".join(f"{k}={v}" for k, v in self.options.items())
        lines = [f.line() for f in self.fields] + [f"tag: ClassVar[int] = {len(self.fields)}"] + list(self.methods.values())
        body = "\n".join("    " + line for text in lines for line in text.splitlines())
        return f"{HEAD}@{decorator}({given})\nclass C:\n{body}\n"


def _infinite(value: Any) -> str:
    return f"math.{value}" if isinstance(value, float) and not math.isfinite(value) else repr(value)


@st.composite
def fields(draw: st.DrawFn, must_have_default: bool, no_order: bool) -> list[Field]:
    made: list[Field] = []
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=6))
    needs = must_have_default
    for i, kind in enumerate(kinds):
        how: dict[str, str] = {}
        if needs or draw(st.booleans()):
            if kind in SHARED:
                how["default_factory"] = "dict" if kind.startswith("dict") else "list"
            else:
                how["default"] = _infinite(draw(VALUES[kind]))
        for name, odds in (("repr", 6), ("compare", 6), ("kw_only", 8), ("init", 8)):
            if draw(st.integers(0, odds)) == odds and (name != "init" or "default" in how or kind in PYTHON):
                how[name] = str(name == "kw_only")
        made.append(Field(f"f{i}", kind, how))
        needs = needs or (made[-1].has_default() and "kw_only" not in how and "init" not in how and not no_order)
    return made


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    options = {name: draw(st.booleans()) for name in ("eq", "repr", "match_args")}
    options |= {name: draw(st.integers(0, 3)) == 3 for name in ("order", "unsafe_hash", "frozen", "kw_only")}
    options["init"] = draw(st.integers(0, 4)) != 4
    options["eq"] = options["eq"] or options["order"]
    made = draw(fields(not options["init"], options["kw_only"]))
    methods, calls = {}, []
    for name in draw(st.lists(st.sampled_from(list(METHODS)), max_size=4, unique=True)):
        text, needed = METHODS[name]
        found = {letter: [f.name for f in made if f.kind == kind] for letter, kind in zip("ab", needed)}
        if all(found.values()):
            methods[name] = text.format(**{letter: draw(st.sampled_from(names)) for letter, names in found.items()})
            calls.append(name)
    return Shape(options, made, methods, calls)


class Twin:
    """The class in one of its two forms, and the instances made of it."""

    def __init__(self, directory: Path, text: str, kind: str) -> None:
        self.name = f"random_{kind}_{next(_serial)}"
        self.path = directory / f"{self.name}.py"
        self.path.write_text(text)
        module = sys.modules[self.name] = types.ModuleType(self.name)
        module.__file__ = str(self.path)
        exec(compile(text, str(self.path), "exec"), module.__dict__)
        self.cls: Any = module.__dict__["C"]
        self.made: list[Any] = []

    def forget(self) -> None:
        del sys.modules[self.name]
        self.path.unlink()

    def outcome(self, do: Callable[[Twin], Any]) -> Any:
        """What it returns or raises, comparable between the twins."""
        try:
            return self.plain(do(self))
        except Exception as error:
            return type(error).__name__, str(error).replace(self.name, "")

    def plain(self, value: Any) -> Any:
        if type(value) is self.cls:
            place = next((i for i, other in enumerate(self.made) if other is value), -1)
            return "instance", place, self.snapshot(value)
        if isinstance(value, (tuple, list)):
            return type(value).__name__, [self.plain(item) for item in value]
        return type(value).__name__, repr(value)

    def snapshot(self, value: Any) -> Any:
        names = [f.name for f in dataclasses.fields(self.cls)] + ["extra", "tag"]
        return [(n, type(v).__name__, repr(v)) for n in names for v in [getattr(value, n, "unset")]]


Step = tuple[str, Callable[[Twin], Any]]


@st.composite
def constructions(draw: st.DrawFn, shape: Shape) -> Step:
    """By position and by keyword; now and then with arguments that do not fit."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    by_name = shape.options["kw_only"] or draw(st.booleans())
    for f in shape.fields if shape.options["init"] else []:
        if f.how.get("init") == "False" or (f.has_default() and draw(st.booleans())):
            by_name = by_name or f.how.get("init") != "False"
            continue
        value = draw(VALUES[f.kind])
        if f.how.get("kw_only") or by_name:
            named[f.name] = value
        else:
            positional.append(value)
    wrong = draw(st.integers(0, 15))
    if wrong == 0:
        named["unknown"] = 1
    elif wrong == 1 and positional:
        positional.pop()

    def do(twin: Twin) -> Any:
        made = twin.cls(*copy.deepcopy(positional), **copy.deepcopy(named))
        twin.made.append(made)
        return made

    return f"C(*{positional}, **{named})", do


def _keep(twin: Twin, value: Any) -> Any:
    twin.made.append(value)
    return value


def _is_whole(made: Any) -> bool:
    return all(hasattr(made, f.name) for f in dataclasses.fields(made))


def _has_nan(made: Any) -> bool:
    """Then its hash is that of an object, of which there is another one after pickling."""
    return any(getattr(made, f.name, None) != getattr(made, f.name, None) for f in dataclasses.fields(made))


def _is_late(shape: Shape, f: Field) -> bool:
    """An instance has it once it is set; and a method sets it, perhaps to what the class has: compiled code does not say so."""
    is_class_s = not shape.options["init"] or f.how.get("init") == "False"
    return is_class_s and f.kind in NATIVE and any(f"self.{f.name} = " in text for text in shape.methods.values())


def _vars(twin: Twin, shape: Shape, i: int) -> Any:
    late = {f.name: getattr(twin.cls, f.name, None) for f in shape.fields if _is_late(shape, f)}
    return sorted((k, repr(v)) for k, v in vars(twin.made[i]).items() if k not in late or v != late[k])


@st.composite
def operations(draw: st.DrawFn, shape: Shape) -> Step:
    i, j = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    n = draw(st.integers(0, 4))
    of = lambda twin, at: twin.made[at % len(twin.made)]  # noqa: E731
    steps: list[Step] = [
        ("repr", lambda t: repr(of(t, i)) if shape.options["repr"] and _is_whole(of(t, i)) else None),  # else <unset>
        ("==", lambda t: (of(t, i) == of(t, j), of(t, i) != of(t, j), of(t, i) == n)),
        ("<", lambda t: (of(t, i) < of(t, j), of(t, i) >= of(t, j))),
        ("< int", lambda t: of(t, i) < n),
        ("hash", lambda t: hash(of(t, i)) if shape.options["eq"] and not _has_nan(of(t, i)) else hash(of(t, i)) == hash(of(t, i))),
        ("in set", lambda t: len({of(t, i), of(t, j)})),
        ("copy", lambda t: _keep(t, copy.copy(of(t, i)))),
        ("deepcopy", lambda t: _keep(t, copy.deepcopy(of(t, i)))),
        ("pickle", lambda t: _keep(t, pickle.loads(pickle.dumps(of(t, i), n)))),
        ("replace", lambda t: dataclasses.replace(of(t, i))),
        ("asdict", lambda t: (sorted(dataclasses.asdict(of(t, i)).items()), dataclasses.astuple(of(t, i)))),
        ("match_args", lambda t: getattr(t.cls, "__match_args__", None)),
        ("set undeclared", lambda t: setattr(of(t, i), "extra", n)),
        ("delete undeclared", lambda t: delattr(of(t, i), "extra")),
        ("get undeclared", lambda t: of(t, i).extra),
    ]
    if shape.options["init"] or all(f.has_default() or f.kind in PYTHON for f in shape.fields):  # a number that nobody set is there, and is 0
        steps.append(("vars", lambda t: _vars(t, shape, i % len(t.made))))
    for f in shape.fields:
        value = draw(VALUES[f.kind])
        steps += [
            (f"get {f.name}", lambda t, f=f: getattr(of(t, i), f.name)),
            (f"set {f.name} = {value!r}", lambda t, f=f, value=value: setattr(of(t, i), f.name, copy.deepcopy(value))),
        ]
        if f.kind in PYTHON or (not _is_late(shape, f) and (shape.options["init"] or f.has_default())):
            steps.append((f"del {f.name}", lambda t, f=f: delattr(of(t, i), f.name)))
    for name in shape.calls:
        steps.append((f"{name}({n})", lambda t, name=name: getattr(of(t, i), name)(n) if name != "half" else of(t, i).half))
    what, do = draw(st.sampled_from(steps))
    return f"{what} of {i}, {j}", do


@st.composite
def programs(draw: st.DrawFn) -> tuple[Shape, list[Step]]:
    shape = draw(shapes())
    steps = [draw(constructions(shape)) for _ in range(draw(st.integers(1, 3)))]
    steps += draw(st.lists(operations(shape) | operations(shape) | operations(shape) | constructions(shape), max_size=15))
    return shape, steps


def _behave(twins: list[Twin], steps: list[Step]) -> Iterator[str]:
    """What goes apart, in words."""
    for what, do in steps:
        expected, got = (twin.outcome(do) for twin in twins)
        if got != expected:
            yield f"{what}: the dataclass says\n    {expected}\nand the jitclass\n    {got}"
        if len(twins[0].made) != len(twins[1].made):
            return
        if not twins[0].made:
            return
    expected, got = ([twin.snapshot(made) for made in twin.made] for twin in twins)
    if got != expected:
        yield f"at the end: the dataclasses are\n    {expected}\nand the jitclasses\n    {got}"


@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_random_classes_behave_like_dataclasses(tmp_path: Path) -> None:
    @hypothesis.seed(SEED)
    @hypothesis.settings(max_examples=CLASSES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(programs())
    def same(program: tuple[Shape, list[Step]]) -> None:
        shape, steps = program
        twins = [Twin(tmp_path, shape.text("dataclasses.dataclass"), "plain"), Twin(tmp_path, shape.text("jitd.jitclass"), "compiled")]
        try:
            apart = next(_behave(twins, steps), None)
        finally:
            for twin in twins:
                twin.forget()
        assert apart is None, "\n".join([shape.text("jitd.jitclass"), *(what for what, _ in steps), apart])

    same()
