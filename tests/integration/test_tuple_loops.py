"""`for` over a tuple (language/tuple_loops.py): written there, a local or what a call gives. It is evaluated once, and where Python goes on it goes on
at the same item."""

import re
from pathlib import Path

import jitd
import pytest
from twins import Twins, bits, shown, tried

SOURCE = (Path(__file__).parent / "language/tuple_loops.py").read_text()


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("tuple_loops"), "tuple_loops", SOURCE)


def methods():
    return re.findall(r"^    def ([a-z]\w+)\((.*)\)", SOURCE.partition("class Crate")[0], re.M)


def run(world, name, args):
    bag, other = world.Bag(2), world.Bag(7)
    bag.left = other
    found = []
    for _ in range(3):
        found.append(tried(world, lambda: getattr(bag, name)(*args)))
        found.append((bag.n, other.n, bits(bag.f), shown(bag.log), bag.left is None))
        bag.right = bag
    bag.right = None
    return found


@pytest.mark.parametrize("name, params", methods(), ids=[name for name, _ in methods()])
def test_as_in_cpython(module, name, params):
    for args in [(at,) for at in (0, 1, 3, 5, 7, 10)] if "," in params else [()]:
        assert run(module.compiled, name, args) == run(module.plain, name, args), args


def test_they_are_compiled(module):
    said = jitd.explain(module.compiled.Bag)
    for name, _ in methods():
        assert f"  {name}: compiled" in said, said
    assert "Python: line" not in said


def test_what_is_no_such_tuple_is_python(tmp_path):
    world = Twins(
        tmp_path,
        "others",
        """
@jitclass
class Others:
    n: int

    def mixed(self) -> float:
        total = 0.0
        for x in (1, 2.5, self.n):
            total += x
        return total

    def none(self) -> int:
        total = 0
        for x in (self.n, None):
            total += 1 if x is None else x
        return total

    def empty(self) -> int:
        for _ in ():
            self.n += 1
        return self.n

    def long(self) -> int:
        total = 0
        for x in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, self.n):
            total = total * 3 + x
        return total
""",
    )
    for name in ("mixed", "none", "empty", "long"):
        assert tried(world.compiled, getattr(world.compiled.Others(5), name)) == tried(world.plain, getattr(world.plain.Others(5), name))
