"""Fields that are deleted: what is there after it, in the instance and what is made of it, is what CPython has."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from twins import load

import jitd

SOURCE = """
@jitclass
class Inferred:
    def __init__(self, x: int, y: float):
        self.x = x
        self.y = y
        self.next = None

    def total(self) -> float:
        return self.x + self.y

    def forget(self) -> None:
        del self.x


@jitclass
class Leaf:
    n: int = 0


@jitclass
class Annotated:
    x: int
    y: float
    leaf: Leaf
    n: int = 7
    text: str = "a"

    def total(self) -> float:
        return self.x + self.y + self.n

    def of_leaf(self) -> int:
        return self.leaf.n

    def set(self, x: int) -> None:
        self.x = x


def sum_of(a: Annotated) -> float:
    return a.x + a.y
"""


def spilled(m: Any) -> Any:
    made = m.Inferred(3, 1.5)
    made.x = "text"
    return made


def annotated(m: Any) -> Any:
    return m.Annotated(3, 1.5, m.Leaf(4))


MAKE = {"inferred": lambda m: m.Inferred(3, 1.5), "spilled": spilled, "annotated": annotated}
NAMES = {"inferred": "x y next", "spilled": "x y", "annotated": "x y leaf n text"}
AFTER: dict[str, Callable[[Any, str], Any]] = {
    "get": lambda o, name: getattr(o, name),
    "hasattr": lambda o, name: hasattr(o, name),
    "vars": lambda o, name: sorted(vars(o)),
    "in vars": lambda o, name: name in vars(o),
    "again": lambda o, name: delattr(o, name),
    "set": lambda o, name: [setattr(o, name, 9) if name != "leaf" else None, getattr(o, name, "unset"), sorted(vars(o))],
    "set other": lambda o, name: [setattr(o, name, "other") if name == "x" and hasattr(o, "next") else None, getattr(o, name, "unset")],
    "set and delete": lambda o, name: [setattr(o, name, 9) if name != "leaf" else None, getattr(o, name, "?"), delattr(o, name), hasattr(o, name)],
    "total": lambda o, name: o.total(),
    "of_leaf": lambda o, name: o.of_leaf(),
    "set in it": lambda o, name: [o.set(11), o.x],
    "copy": lambda o, name: [hasattr(copy.copy(o), name), getattr(copy.copy(o), name, "unset"), sorted(vars(copy.copy(o)))],
    "deepcopy": lambda o, name: [getattr(copy.deepcopy(o), "y", "unset"), sorted(vars(copy.deepcopy(o)))],
    "pickle": lambda o, name: [hasattr(pickle.loads(pickle.dumps(o)), name), sorted(vars(pickle.loads(pickle.dumps(o))))],
    "of vars": lambda o, name: [vars(o).pop("y"), hasattr(o, "y")],
    "new dict": lambda o, name: [setattr(o, "__dict__", {"y": 2.5}), sorted(vars(o)), o.y, hasattr(o, "x")],
    "class": lambda o, name: [setattr(type(o), name, 5), getattr(o, name)],
}


def _outcome(do: Callable[[Any, str], Any], made: Any, name: str) -> Any:
    try:
        value = do(made, name)
        return [v if isinstance(v, (int, float, str, list)) or v is None else type(v).__name__ for v in value] if isinstance(value, list) else value
    except Exception as error:
        return type(error).__name__, str(error) if isinstance(error, TypeError) else ""


@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
def test_a_deleted_field_is_as_in_cpython(tmp_path: Path, kind: str, after: str, called: bool) -> None:
    found = []
    for how in ("import dataclasses\ndef jitclass(cls):\n    return dataclasses.dataclass(cls) if '__init__' not in vars(cls) else cls\n", "from jitd import jitclass\n"):
        seen = []
        for name in NAMES[kind].split():
            module = load(tmp_path / f"deleted_{len(found)}_{name}.py", how + SOURCE)
            made, untouched = MAKE[kind](module), MAKE[kind](module)
            if called and kind != "spilled":
                made.total()
            delattr(made, name)
            seen.append((name, _outcome(AFTER[after], made, name)))
            if after != "class":
                assert hasattr(untouched, name)
        found.append(seen)
    assert found[1] == found[0]


def test_the_words_are_cpythons() -> None:
    @jitd.jitclass
    class C:
        def __init__(self) -> None:
            self.z = 1

    class Plain:
        pass

    made, plain = C(), Plain()
    plain.z = 1  # type: ignore[attr-defined]
    for obj in (made, plain):
        del obj.z  # type: ignore[union-attr]
    for do in (lambda o: o.z, lambda o: delattr(o, "z")):
        with pytest.raises(AttributeError) as expected:
            do(plain)
        with pytest.raises(AttributeError) as got:
            do(made)
        if sys.version_info >= (3, 12):
            assert str(got.value) == str(expected.value).replace("Plain", "C")


def test_references_are_deleted_and_the_methods_stay_native() -> None:
    @jitd.jitclass
    class Node:
        n: int
        next: Node | None

        def after(self) -> int:
            return self.next.n if self.next is not None else -1

    last = Node(2, None)
    first = Node(1, last)
    assert first.after() == 2
    del first.next
    with pytest.raises(AttributeError, match="next"):
        first.after()
    assert last.after() == -1
    calls = jitd.stats()["objects"][f"{Node.__qualname__}.after"]
    assert calls["mode"] == "native" and calls["native_calls"] == 2


def test_numbers_of_sized_types_without_annotation() -> None:
    @jitd.jitclass
    class C:
        def __init__(self, x: jitd.int8) -> None:
            self.x = x

    made = C(3)
    del made.x
    assert not hasattr(made, "x")
    made.x = 5
    assert made.x == 5


def test_explain_says_why_it_is_python_now() -> None:
    @jitd.jitclass
    class C:
        x: int

        def twice(self) -> int:
            return self.x * 2

    made = C(3)
    assert made.twice() == 6
    del made.x
    with pytest.raises(AttributeError):
        made.twice()
    assert "x: the field was deleted" in jitd.explain(C.twice)


def test_a_shared_instance_keeps_its_numbers() -> None:
    @jitd.jitclass
    class C:
        x: int

    made = C(3)
    jitd.publish("deleted", made)
    with pytest.raises(AttributeError, match="cannot be deleted: other processes share the instance"):
        del made.x
    assert made.x == 3
    jitd.publish("deleted", None)


def test_an_instance_without_a_field_is_compared_as_a_dataclass() -> None:
    """Until 3.13 a dataclass looks at the fields even of one and the same instance."""
    import dataclasses

    found = []
    for decorate in (dataclasses.dataclass, jitd.jitclass(eq=True)):

        class C:
            x: int
            y: float

        cls: Any = decorate(C)
        one, other = cls(1, 2.0), cls(1, 2.0)
        del one.y
        found.append([_outcome(lambda a, _: a == b, a, "") for a, b in ((one, one), (one, other), (other, one), (one, 3), (other, other))])
    assert found[1] == found[0]
