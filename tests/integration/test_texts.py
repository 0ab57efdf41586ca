"""Text, globals and attributes of objects in compiled code (language/texts.py), beside CPython: results, effects, exceptions, what Python code of a
class is asked; and what changes while compiled code is under way."""

import enum
import gc
import re
import sys
from pathlib import Path

import jitd
import pytest
from twins import Twins, shown, tried

SOURCE = (Path(__file__).parent / "language/texts.py").read_text()
TEXTS = ["abc", "", "b", " ", "0123", "a" * 40, "äöü", "日本語b", "x\U0001f600y", "a\0b"]
OTHERS = [None, 5, 2.5, True, b"abc", ("a", "b"), ["a", "b", "c"], {0: "a", 1: "b"}, {"b"}, range(3), jitd]
NUMBERS = [(0, 2), (-1, 3), (1, 1), (5, -1), (2**62, -(2**63)), (-(2**63), 2**63 - 1)]
PYTHON = {"f_join"}  # little else than an operation


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("texts"), "texts", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def of(world, kind):
    return None if kind == "none" else getattr(world, kind)()


def run(world, name, s, a, b, other="none"):
    t = world.T(3, "abc")
    t.other = of(world, other)
    del world.log[:]
    result = tried(world, lambda: getattr(world, name)(t, s, a, b))
    return result, t.n, shown(t.word), t.sign.name, getattr(t.other, "x", None), [shown(one) for one in world.log]


def same(module, name, s, a, b, other="none"):
    given = [world.Word(s[1]) if isinstance(s, list) and s[:1] == ["word"] else s for world in (module.compiled, module.plain)]
    found, wanted = run(module.compiled, name, given[0], a, b, other), run(module.plain, name, given[1], a, b, other)
    if found[0][1] != "a field":
        assert found == wanted, (name, s, a, b, other)


@pytest.mark.parametrize("name", names())
def test_of_text(module, name):
    for s in TEXTS:
        for a, b in NUMBERS:
            same(module, name, s, a, b)


@pytest.mark.parametrize("name", names())
def test_of_what_is_none(module, name):
    for s in OTHERS + [["word", "abc"], ["word", ""]]:
        for a, b in NUMBERS[:3]:
            same(module, name, s, a, b)


@pytest.mark.parametrize("other", ["Held", "Slotted", "Asked"])
def test_of_objects(module, other):
    for _ in range(3):
        same(module, "f_attribute", "abc", 0, 2, other)


@pytest.mark.parametrize("name", sorted(set(names()) - PYTHON))
def test_is_compiled(module, name):
    function = getattr(module.compiled, name)
    run(module.compiled, name, "abc", 0, 2, "Held")
    assert function._counters()["native_calls"], jitd.explain(function)


def test_a_class_is_another_afterwards(module):
    results = []
    for world in (module.compiled, module.plain):
        first = run(world, "f_global", "abc", 0, 2)
        world.Limits.most = 1
        second = run(world, "f_global", "abc", 0, 2)
        world.Limits.most = 4
        limits = world.Limits
        world.Limits = type("Limits", (), {"most": 2})
        third = run(world, "f_global", "abc", 0, 2)
        world.Limits = limits
        results.append((first, second, third, run(world, "f_global", "abc", 0, 2)))
    assert results[0] == results[1]
    assert results[0][0] != results[0][1] != results[0][2]


def test_a_property_comes_before_what_instances_have(module):
    results = []
    for world in (module.compiled, module.plain):
        first = run(world, "f_attribute", "abc", 0, 2, "Held")
        world.Held.name = property(lambda self: "of the class", lambda self, value: None)
        second = run(world, "f_attribute", "abc", 0, 2, "Held")
        del world.Held.name
        results.append((first, second))
    assert results[0] == results[1]
    assert "of the class" in str(results[0][1])


def both(module, name, source, run):
    """What run(world) gives of a source that is executed with jitclass and jit, and without."""
    found = []
    for kind, decorate, jit in (("c", jitd.jitclass, jitd.jit), ("p", lambda cls: cls, lambda f: f)):
        world = {"enum": enum, "jitclass": decorate, "jit": jit, "__name__": name}
        path = Path(f"{module.plain.__file__}.{name}.{kind}.py")
        path.write_text(re.sub(r"^    ", "", source, flags=re.M))
        exec(compile(path.read_text(), str(path), "exec"), world)
        found.append(run(world))
    assert found[0] == found[1]
    return found[0]


def test_a_name_of_the_function_around_is_none_of_the_module(module):
    source = """
    Mode = enum.Enum("Mode", "ON OFF")
    @jit
    def of_module(mode: object) -> int:
        k = 0
        for i in range(2):
            for z in range(1):
                pass
            if mode is Mode.ON:
                k += 1
        return k
    def make():
        Mode = enum.Enum("Mode", "ON OFF")
        @jitclass
        class T:
            n: int
            def __init__(self):
                self.n = 0
            def f(self, mode: object) -> int:
                k = 0
                for i in range(3):
                    for z in range(1):
                        pass
                    self.n += 1
                    if mode is Mode.ON:
                        k += 10
                    k += of_module(mode)
                return k
        return T(), Mode
    """

    def run(world):
        t, mode = world["make"]()
        return [t.f(one) for one in (mode.ON, world["Mode"].ON, mode.OFF, None)]

    assert both(module, "around", source, run) == [30, 6, 0, 0]


def test_what_is_read_is_another_once_the_dict_has_another(module):
    source = """
    @jitclass
    class T:
        n: int
        word: str
        def __init__(self):
            self.n, self.word = 0, "a"
        def f(self, attributes: dict) -> int:
            k = 0
            for i in range(3):
                for z in range(1):
                    pass
                self.n += 1
                if self.word == "a":
                    k += 1
                attributes["word"] = "b"
                if self.word == "b":
                    k += 10
            return k
    """

    def run(world):
        t = world["T"]()
        return t.f(vars(t)), t.word, t.f({}), t.n

    both(module, "attributes", source, run)


def test_a_global_changes_in_the_middle(module):
    source = """
    Mode = enum.Enum("Mode", "ON OFF")
    class Changes:
        @property
        def x(self):
            globals()["Mode"] = enum.Enum("Mode", "ON OFF")
            return 1
    @jitclass
    class T:
        n: int
        mode: object
        other: object
        def __init__(self):
            self.n, self.mode, self.other = 0, Mode.ON, Changes()
        def f(self) -> int:
            k = 0
            for i in range(4):
                for z in range(1):
                    pass
                self.n += 1
                if self.mode is Mode.ON:
                    k += 1
                if i == 1:
                    k += 10 * self.other.x
            return k
    """

    def run(world):
        t = world["T"]()
        return t.f(), t.f(), t.n

    assert both(module, "changes", source, run) == (12, 10, 8)


def test_counts(module):
    world = module.compiled
    objects = ["a text of its own", world.Held(), world.Sign.PLUS, world.Limits]
    t = world.T(3, objects[0])
    t.other = objects[1]

    def turn():
        world.f_attribute(t, objects[0], 0, 2)
        world.f_slice(t, objects[0], 0, 2)
        world.f_equal(t, objects[0], 0, 2)
        world.f_methods(t, objects[0], 0, 2)
        world.f_global(t, objects[0], 0, 2)
        world.f_item(t, objects[0], 0, 2)

    for _ in range(50):
        turn()
    gc.collect()
    before = [sys.getrefcount(one) for one in objects]
    blocks = sys.getallocatedblocks()
    for _ in range(500):
        turn()
    gc.collect()
    assert [sys.getrefcount(one) for one in objects] == before
    assert sys.getallocatedblocks() - blocks < 100
