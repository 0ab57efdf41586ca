"""Native fields with a default that no __init__ assigns: instances show the class's attribute and do not have one, as in CPython, until one is set."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any, Callable

import pytest
from twins import load

import jitd

SOURCE = """\
from __future__ import annotations
from dataclasses import field


@jitclass
class Made:
    a: int
    n: int = field(init=False, default=5)
    x: float = field(init=False, default=2)
    flag: bool = field(init=False, default=True)
    next: Made | None = field(init=False, default=None)
    text: str = field(init=False, default="t")

    def count(self) -> int:
        self.n += 1
        return self.n


class OwnInit:
    n: int = 5
    x: float = 2.0
    flag: bool = True
    next: OwnInit | None = None
    text: str = "t"
    given: int = 5
    later: int = 5

    def __init__(self, a: int):
        self.a = a
        self.given = 5
        self.prepare()

    def prepare(self) -> None:
        self.later = 5

    def count(self) -> int:
        self.n += 1
        return self.n


OwnInit = jitclass(OwnInit)


@jitclass
class Post:
    a: int
    n: int = field(init=False, default=5)
    x: float = field(init=False, default=2.0)
    flag: bool = field(init=False, default=True)
    next: Post | None = field(init=False, default=None)
    text: str = field(init=False, default="t")
    given: int = field(init=False, default=5)

    def __post_init__(self) -> None:
        self.given = 5

    def count(self) -> int:
        self.n += 1
        return self.n
"""
PLAIN = "import dataclasses\ndef jitclass(cls):\n    return cls if '__init__' in vars(cls) else dataclasses.dataclass(cls)\n"
COMPILED = "import jitd\njitclass = lambda cls: cls if hasattr(cls, '__jitd_record__') else jitd.jitclass(cls, eq='__init__' not in vars(cls))\n"
NAMES = ("n", "x", "flag", "next", "text")
SAME = {"n": 5, "x": 2.0, "flag": True, "next": None, "text": "t"}
OTHER = {"n": 6, "x": 2.5, "flag": False, "text": "u"}
STEPS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda o: None,
    "set to the same": lambda o: [setattr(o, name, value) for name, value in SAME.items()],
    "set to others": lambda o: [setattr(o, name, value) for name, value in OTHER.items()],
    "set and back": lambda o: [setattr(o, name, value) for name, value in [*OTHER.items(), *SAME.items()]],
    "itself": lambda o: setattr(o, "next", o),
    "delete": lambda o: [_outcome(lambda name=name: delattr(o, name)) for name in NAMES],
    "set and delete": lambda o: [(setattr(o, name, value), _outcome(lambda name=name: delattr(o, name)), name in vars(o)) for name, value in SAME.items()],
    "compiled": lambda o: o.count(),
    "in the dict": lambda o: o.__dict__.update(n=5, text="t"),
    "out of the dict": lambda o: (vars(o).pop("n", "none"), o.__dict__.setdefault("flag", True)),
    "a new dict": lambda o: setattr(o, "__dict__", {"a": 3, "n": 5}),
    "of the class": lambda o: [setattr(type(o), name, value) for name, value in OTHER.items()],
    "of the class twice": lambda o: [setattr(type(o), "n", 6), o.n, setattr(type(o), "n", 7), o.n],
    "none in the class": lambda o: delattr(type(o), "n"),
    "nan": lambda o: (setattr(o, "x", float("nan")), setattr(o, "x", 2.0)),
}
SHOWN: list[Callable[[Any], Any]] = [
    vars,
    lambda o: sorted(vars(o)),
    lambda o: [getattr(o, name, "none") if name != "next" else o.next is None for name in NAMES],
    lambda o: vars(copy.copy(o)),
    lambda o: vars(pickle.loads(pickle.dumps(o))),
    lambda o: getattr(copy.copy(o), "n", "none"),
    lambda o: vars(copy.deepcopy(o)),
    lambda o: vars(type(o)(4)),
    lambda o: getattr(type(o)(4), "n", "none"),
    lambda o: o.count(),
    lambda o: sorted(vars(o)),
]


def _outcome(function: Callable[[], Any]) -> Any:
    try:
        value = function()
        return {k: v if not hasattr(v, "a") else "instance" for k, v in value.items()} if isinstance(value, dict) else value
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("kind", ["Made", "OwnInit", "Post"])
@pytest.mark.parametrize("steps", [[name] for name in STEPS] + [list(pair) for pair in itertools.permutations(["compiled", "set to the same", "delete", "of the class", "itself"], 2)])
@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_they_are_the_class_s_until_they_are_set(tmp_path: Path, kind: str, steps: list[str]) -> None:
    found = []
    for head in (PLAIN, COMPILED):
        cls = getattr(load(tmp_path / "late_defaults.py", SOURCE.replace("import field\n", f"import field\n{head}", 1)), kind)
        obj, other = cls(1), cls(2)
        seen: list[Any] = [dict(vars(obj))]
        for step in steps:
            seen.append((step, _outcome(lambda step=step: STEPS[step](obj))))
        found.append(seen + [_outcome(lambda show=show, o=o: show(o)) for o in (obj, other) for show in SHOWN])
    assert found[1] == found[0]


def test_without_an_init_at_all() -> None:
    @jitd.jitclass(init=False)
    class Bare:
        n: int = 3

        def up(self) -> int:
            self.n += 1
            return self.n

    one = Bare()
    assert vars(one) == {} and one.n == 3 and one.up() == 4 and vars(one) == {"n": 4}


@pytest.mark.filterwarnings("error")
def test_slots_of_a_dataclass_have_them() -> None:
    @dataclasses.dataclass(slots=True)
    class Plain:
        a: int
        n: int = dataclasses.field(init=False, default=5)
        k: float = 2.5
        text: str = "t"

    found = []
    for cls in (Plain, jitd.jitclass(Plain)):
        one = cls(1)
        seen: list[Any] = [(one.a, one.n, one.k, one.text)]
        for name in ("n", "k", "text"):
            delattr(one, name)
            seen += [hasattr(one, name), hasattr(cls, name), type(cls.__dict__[name]) is int]
            setattr(one, name, 3)
            seen.append(getattr(one, name))
        found.append(seen)
    assert found[1] == found[0]


def test_a_nan_in_a_class_with_slots() -> None:
    """What is beside the arena makes the collector see an instance, which may see it already."""

    @jitd.jitclass
    class Slots:
        __slots__ = ("x", "text")
        x: float
        text: str

    one, nan = Slots(1.5, "t"), float("nan")
    one.x = nan
    assert one.x is nan and one.text == "t"


def test_the_class_has_another_default_than_published_instances() -> None:
    @jitd.jitclass
    class Shared:
        a: int
        n: int = dataclasses.field(init=False, default=5)

        def get(self) -> int:
            return self.n

    one, other = Shared(1), Shared(2)
    other.n = 5
    assert one.get() == other.get() == 5
    Shared.n = 8
    assert (one.n, one.get(), other.n, other.get()) == (8, 8, 5, 5)


def test_an_init_of_dataclasses_sets_its_fields(tmp_path: Path) -> None:
    """No warning that what it does cannot be seen; one for the number that it really does not set."""
    text = "from dataclasses import field\nimport jitd\n@jitd.jitclass\nclass A:\n    a: int\n    n: int = field(init=False{})\n\n    def get(self) -> int:\n        return self.n\n"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert load(tmp_path / "made_init.py", text.format(", default=3")).A(1).get() == 3
        assert not caught
        assert load(tmp_path / "made_unset.py", text.format("")).A(1).get() == 0
    assert len(caught) == 1 and "field 'n' has no default and is not set by __init__" in str(caught[0].message)


class _NanPlain:
    x: float = math.nan
    n: int = 1


_Nan: Any = jitd.jitclass(init=False, eq=True)(type("_Nan", (), {**{k: v for k, v in vars(_NanPlain).items() if k not in ("__dict__", "__weakref__")}, "__qualname__": "_Nan"}))
_NanPlain = dataclasses.dataclass(init=False)(_NanPlain)  # type: ignore[misc]


def test_a_nan_of_the_class_is_one_and_the_same() -> None:
    for cls in (_NanPlain, _Nan):
        one = cls()
        for other in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one), cls()):
            assert other.x is one.x is math.nan and vars(other) == {}
            assert (one == other) is (sys.version_info < (3, 13)), "a tuple's items are compared by identity first"
