"""Every public name of jitd in use, as a program that runs; mypy --strict and pyright accept it, and infer what it says they do."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar, Optional

import jitd

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value: object, wanted: object) -> object:
        return value


# ---- classes ----


@jitd.jitclass
class Sized:
    a: jitd.int8 = 1
    b: jitd.int16 = 2
    c: jitd.int32 = 3
    d: jitd.int64 = 4
    e: jitd.uint8 = 5
    f: jitd.uint16 = 6
    g: jitd.uint32 = 7
    h: jitd.uint64 = 8
    i: jitd.intp = 9
    j: jitd.uintp = 10
    k: jitd.float32 = 11.0
    m: jitd.float64 = 12.0
    n: jitd.int_ = 13
    o: jitd.float_ = 14.0
    p: jitd.boolean = True
    q: jitd.bool_ = False

    def narrow(self, by: jitd.int8) -> jitd.int8:
        return self.a + by


@jitd.jitclass(eq=True, strict=True, overflow="wrap", fastmath=False, boundscheck=True)
class Node:
    """A class with options, made by keyword, with a reference to its own kind."""

    value: float
    next: Optional[Node] = None
    limit: ClassVar[int] = 10

    def total(self) -> float:
        return self.value if self.next is None else self.value + self.next.total()

    @property
    def last(self) -> bool:
        return self.next is None

    @staticmethod
    def twice(x: float) -> float:
        return x * 2

    @classmethod
    def empty(cls) -> int:
        return 0


class Plain:
    x: int

    def __init__(self, x: int) -> None:
        self.x = x

    def get(self) -> int:
        return self.x


Made = jitd.jitclass(Plain)


@jitd.jitclass()
class Called:
    x: int = dataclasses.field(default=3)


@jitd.jitclass({"x": int})
class OfSpec:
    if TYPE_CHECKING:
        x: int

    def get(self) -> int:
        return self.x


@jitd.jitclass(spec=[("y", jitd.float32)])
class OfPairs:
    if TYPE_CHECKING:
        y: float


@jitd.jitclass
class WithPython:
    """Fields that stay Python objects, of a type that checkers know or of any."""

    names: jitd.Py[list[str]] = dataclasses.field(default_factory=list)
    anything: jitd.Py = None

    def first(self) -> str:
        return self.names[0]


# ---- functions and hints ----


@jitd.jit
def add(a: int, b: int) -> int:
    return a + b


@jitd.jit(strict=True, overflow="python")
def half(a: float) -> float:
    return a / 2


@jitd.jit_focus
def now(a: int) -> int:
    return a + 1


@jitd.jit_focus(signatures=[(int, float)], sample_args=(1, 2.0))
def mixed(a: float, b: float) -> float:
    return a * b


@jitd.jit_ignore
def never(a: int) -> list[int]:
    return [a]


@jitd.jit_once()
def once(a: float) -> float:
    return a


@jitd.jitclass
@jitd.jit_focus
class Hinted:
    x: int = 1

    @property
    @jitd.jit_once
    def one(self) -> int:
        return self.x

    @staticmethod
    @jitd.jit_ignore
    def two() -> list[int]:
        return [2]

    @jitd.jit_once()
    def three(self, k: int) -> int:
        return self.x + k


def classes() -> None:
    node = Node(1.5, Node(value=2.0))
    assert_type(node.total(), float)
    assert_type(node.next, Optional[Node])
    assert_type(node.last, bool)
    assert_type(Node.twice(1.0), float)
    assert_type(Node.empty(), int)
    assert_type(Sized().narrow(3), int)
    assert_type(Sized(k=0.5).k, float)
    assert_type(Made(3).get(), int)
    assert_type(Called(4).x, int)
    assert_type(WithPython(["a"]).first(), str)
    assert WithPython(["a"], 3).anything == 3
    assert (node.total(), node.last, Node.twice(1.0), Node.empty(), Called().x, Hinted().one) == (3.5, False, 2.0, 0, 3, 1)
    assert Node.limit == 10


def functions() -> None:
    assert_type(add(1, 2), int)
    assert_type(half(3.0), float)
    assert_type(now(1), int)
    assert_type(mixed(1, 2.0), float)
    assert_type(never(1), list[int])
    assert_type(once(1.5), float)
    assert_type(Hinted().three(1), int)
    assert_type(Hinted.two(), list[int])
    assert (add(1, 2), half(3.0), now(1), never(1), mixed(2, 1.5), once(2.0)) == (3, 1.5, 2, [1], 3.0, 2.0)


def sharing() -> None:
    node = Node(5.0)
    jitd.publish("typing", node)
    assert jitd.lookup("typing") is node
    jitd.publish("typing", None)
    assert jitd.layout(Node)["size"] > 0
    assert_type(jitd.tobytes(node), bytes)
    assert_type(jitd.gc(), int)
    assert len(jitd.tobytes(node)) == jitd.layout(Node)["size"] and jitd.ctype(Node).__name__ == "Node"


def insight() -> None:
    assert_type(jitd.explain(Node), str)
    assert_type(jitd.inspect_llvm(Node.total), str)
    assert_type(jitd.inspect_asm(Node), str)
    assert jitd.stats()["process"]["connected"]


def errors() -> None:
    for error in (jitd.CompileError, jitd.ReleasedError, jitd.RemoteError):
        assert issubclass(error, Exception)
    assert issubclass(jitd.CompileWarning, Warning)
    assert_type(jitd.__version__, str)


if __name__ == "__main__":
    classes()
    functions()
    sharing()
    insight()
    errors()
    print("ran")
