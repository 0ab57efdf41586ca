"""Annotations that are values later than the class: as text, and, since CPython 3.14, as they are written (PEP 649)."""

import sys

import jitd
import pytest
from twins import fallbacks

HEADERS = ["from __future__ import annotations"] + [""] * (sys.version_info >= (3, 14))

NODE = """
from typing import ClassVar, Optional
import jitd

@jitd.jitclass
class Tree:
    value: int
    left: Optional[Tree] = None
    right: Tree | None = None
    first: ClassVar[Tree | None] = None
    leaf: Leaf | None = None

    def add(self, other: Tree) -> Tree:
        return Tree(self.value + other.value, self, other)

    def weight(self, leaf: Leaf, plain, n: int = 2) -> float:
        return leaf.weight * self.value + plain + n

@jitd.jitclass
class Leaf:
    weight: float

@jitd.jit
def heavier(a: Leaf, b: Optional[Leaf]) -> float:
    return a.weight if b is None or a.weight > b.weight else b.weight
"""


@pytest.fixture(params=HEADERS, ids=["text", "lazy"][: len(HEADERS)])
def module(request, tmp_path, monkeypatch):
    """Imports a text as a module."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def load(text: str, name: str = "annotated"):
        made.append(name)
        (tmp_path / f"{name}.py").write_text(request.param + text)
        return __import__(name)

    yield load
    for name in made:
        sys.modules.pop(name, None)


def test_forward_references(module):
    m = module(NODE)
    tree, leaf = m.Tree(2), m.Leaf(1.5)
    both = tree.add(m.Tree(3))
    assert both.value == 5 and both.left is tree and type(both) is m.Tree
    assert tree.weight(leaf, 1) == 6.0 and m.heavier(leaf, None) == 1.5 and m.heavier(leaf, m.Leaf(3.0)) == 3.0
    tree.leaf = leaf
    assert tree.leaf is leaf and m.Tree.first is None
    with pytest.raises(TypeError):
        tree.leaf = tree
    with pytest.raises(TypeError):
        tree.weight(tree, 1)
    assert fallbacks(m.Tree.add) == (1, 0) and fallbacks(m.heavier) == (2, 0)


def test_signature_of_a_class_with_forward_references(module):
    import inspect

    m = module(NODE)
    names = list(inspect.signature(m.Tree).parameters)
    assert names == ["value", "left", "right", "leaf"]
    m = module("\nimport jitd\n@jitd.jitclass\nclass C:\n    x: int\n    y: Missing | None = None\n", "missing")
    assert "Missing" in str(inspect.signature(m.C))


def test_a_name_that_never_comes_makes_a_python_field(module):
    m = module("\nimport jitd\n@jitd.jitclass\nclass C:\n    x: int\n    y: Missing | None = None\n")
    c = m.C(1, "anything")
    assert c.y == "anything" and "Missing" in str(jitd.explain(m.C))


def test_a_python_field_beside_a_forward_reference(module):
    m = module("\nimport jitd\n@jitd.jitclass\nclass C:\n    y: C | None\n    x: complex\n")
    assert m.C(m.C(None, 1j), 2j).y.x == 1j


def test_a_class_defined_again_refers_to_itself(module):
    m = module(
        """
import jitd
def make():
    @jitd.jitclass
    class Node:
        x: int
        next: Node | None = None
        def rest(self, other: Node) -> int:
            return self.x - other.x
    return Node

@jitd.jitclass
class Node:
    x: float
    next: Node | None = None
Old = Node

@jitd.jitclass
class Node:
    x: int
    next: Node | None = None
"""
    )
    for cls in (m.Old, m.Node, m.make(), m.make()):
        assert cls(1, cls(2)).next.x == 2
    with pytest.raises(TypeError):
        m.Node(1, m.Old(1.0))
    local = m.make()
    assert local(5).rest(local(3)) == 2


def test_strict_knows_the_name_of_its_own_class(module):
    m = module(
        """
import jitd
@jitd.jitclass(strict=True)
class Strict:
    x: int
    next: Strict | None = None
    def plus(self, other: Strict) -> Strict:
        return Strict(self.x + other.x, self)
"""
    )
    assert m.Strict(1).plus(m.Strict(2)).x == 3


def test_annotations_that_are_set_after_the_class_statement(module):
    late = "C.__annotations__ = {'x': int, 'y': float}"
    if sys.version_info >= (3, 14):
        late = "C.__annotate__ = lambda format: {'x': int, 'y': float}"
    m = module(f"\nimport jitd\nclass C:\n    def sum(self) -> float:\n        return self.x + self.y\n{late}\nC = jitd.jitclass(C)\n")
    assert m.C(1, 2.5).sum() == 3.5
