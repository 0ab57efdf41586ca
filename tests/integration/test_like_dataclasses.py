"""What a class declares means what the standard library's dataclasses make of it, word for word: the same class body, as both."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import linecache
from dataclasses import KW_ONLY, InitVar, field
from typing import Any, Callable, ClassVar

import pytest

import jitd

pytestmark = pytest.mark.filterwarnings("ignore::jitd.CompileWarning")
NAMES = {"KW_ONLY": KW_ONLY, "InitVar": InitVar, "field": field, "ClassVar": ClassVar}
BODIES = {
    "a ClassVar's field": "x: ClassVar[int] = field(default=10)\ny: int = 3",
    "a field without annotation": "x = field()\ny: int",
    "a ClassVar with a factory": "x: ClassVar[list] = field(default_factory=list)\ny: int",
    "a ClassVar by keyword": "x: ClassVar[int] = field(kw_only=True)\ny: int",
    "init=False": "x: int = field(init=False, default=4)\ny: int = 3",
    "by keyword": "y: int\nx: int = field(kw_only=True)\nz: int = 5",
    "KW_ONLY": "y: int\n_: KW_ONLY\nx: int = 3\nz: str = 'x'",
    "InitVar": "x: int\ny: InitVar[int] = 3\ndef __post_init__(self, y): self.x += y",
    "__post_init__": "x: int\ny: str = 'x'\ndef __post_init__(self): self.x += 1",
    "own __init__": "x: int\ny: str\ndef __init__(self, x, y='x', *args, **more):\n    self.x = x\n    self.y = y",
    "a document": "'''hello'''\nx: int",
    "self": "self: int\ny: int = 3",
    "a mutable default": "x: list = []",
    "required after a default": "x: int = 3\ny: int",
    "a property": "x: int\n@property\ndef y(self): return self.x + 1\n@property\ndef z(self): return self.x\n@z.setter\ndef z(self, x): self.x = x",
    "metadata": "x: int = field(metadata={'k': 1})\ny: list = field(default_factory=list)",
    "not compared": "x: int\ny: str = field(compare=False, repr=False, default='q')",
}
OPTIONS: dict[str, dict[str, bool]] = {"plain": {}, "eq": {"eq": True}, "frozen": {"frozen": True, "eq": True}, "kw_only": {"kw_only": True}, "order": {"order": True, "eq": True}}
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [((), {}), ((1,), {}), ((1, 2), {}), ((1, 2, 3), {}), ((), {"x": 1}), ((1,), {"y": 2}), ((1,), {"x": 1}), ((1,), {"w": 2})]


def outcome(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except Exception as error:
        return type(error).__name__, str(error)


def declared(cls: Any) -> list[Any]:
    facts = [(f.name, f.init, f.repr, f.kw_only, f.compare, f.hash, repr(f.default), dict(f.metadata)) for f in dataclasses.fields(cls)]
    return [facts, str(inspect.signature(cls)), str(inspect.signature(cls.__init__)), cls.__doc__, cls.__match_args__, outcome(lambda: cls.x), outcome(lambda: cls.__hash__ is None)]


def used(cls: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> list[Any]:
    one = cls(*args, **keywords)
    found = [repr(one), sorted(vars(one).items())]
    for name in "xyz":
        found += [outcome(lambda: getattr(one, name)), outcome(lambda: setattr(one, name, 5)), outcome(lambda: delattr(one, name)), outcome(lambda: getattr(one, name))]
    found += [outcome(lambda: delattr(one, "none")), outcome(lambda: dataclasses.asdict(one)), outcome(lambda: one == copy.copy(one)), outcome(lambda: one < copy.copy(one))]
    return found


def made(decorate: Callable[[Any], Any], body: str) -> Any:
    text = "class C:\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    file = f"<like dataclasses {hash(body)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    scope: dict[str, Any] = {"__name__": __name__, **NAMES}
    exec(compile(text, file, "exec", dont_inherit=True), scope)
    held = [scope.pop("C")]
    return decorate(held.pop())


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("body", BODIES)
def test_it_is_what_the_standard_library_makes_of_it(body: str, options: str) -> None:
    decorators: list[Callable[[Any], Any]] = [dataclasses.dataclass(**{"eq": False, **OPTIONS[options]}), jitd.jitclass(**OPTIONS[options])]  # type: ignore[call-overload]
    right, ours = [outcome(lambda: made(decorate, BODIES[body])) for decorate in decorators]
    if isinstance(right, tuple):
        assert ours == right
        return
    assert declared(ours) == declared(right)
    for args, keywords in CALLS:
        assert outcome(lambda: used(ours, args, keywords)) == outcome(lambda: used(right, args, keywords)), (args, keywords)


def test_what_is_asked_before_a_field_is_set() -> None:
    """An augmented assignment sets a field, too."""

    def body() -> Any:
        class Watched:
            n: int
            m: int = 2

            def __setattr__(self, name: str, value: object) -> None:
                log.append((name, value))
                object.__setattr__(self, name, value)

            def add(self, k: int) -> int:
                self.n += k
                return self.n

            def both(self, k: int) -> int:
                self.n = self.m = k
                self.m *= 2
                return self.n + self.m

        return Watched

    log: list[Any] = []
    results = []
    for decorate in (dataclasses.dataclass, jitd.jitclass):
        log.clear()
        one = decorate(body())(3)  # type: ignore[operator]
        results.append([one.add(4), one.both(5), list(log)])
    assert results[0] == results[1] and len(results[0][2]) == 6

    def frozen_body() -> Any:
        class Frozen:
            n: int

            def add(self, k: int) -> None:
                self.n += k

            def __post_init__(self) -> None:
                if self.n < 0:
                    self.n += 10

        return Frozen

    for decorate in (dataclasses.dataclass(frozen=True), jitd.jitclass(frozen=True)):
        cls = decorate(frozen_body())  # type: ignore[arg-type]
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'n'"):
            cls(3).add(4)
        with pytest.raises(dataclasses.FrozenInstanceError):
            cls(-3)
