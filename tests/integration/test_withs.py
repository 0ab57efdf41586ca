"""with in compiled code (language/withs.py): the object is entered and left by the interpreter, and what is between is compiled. What it sees, results,
exceptions and tracebacks are CPython's."""

import gc
import itertools
import re
import sys
from pathlib import Path

import jitd
import pytest
from jitd import _jitd
from twins import Twins, bits, tried

SOURCE = (Path(__file__).parent / "language/withs.py").read_text()
SOURCE = re.sub(r"^(def f_.*:)$", r"\1\n    for z in range(1):\n        pass", SOURCE, flags=re.M)  # with a loop in it none is too slight to be compiled
VALUES = [0, 1, 2, 3, 4, 5, 10, -7, 2**62, 2**63 - 1, -(2**63)]
PYTHON = {"f_two"}  # several objects


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("withs"), "withs", SOURCE)



def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def run(world, name, a, b):
    t = world.T(3, 0.5, world.T(4, 1.5))
    del world.entered[:]
    return tried(world, lambda: getattr(world, name)(t, a, b)), (t.n, bits(t.x)), list(world.entered), world.lock.locked()


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    gc.collect()
    objects = _jitd.arena_stats()["objects"]
    for a, b in itertools.product(VALUES, VALUES):
        found, wanted = run(module.compiled, name, a, b), run(module.plain, name, a, b)
        if found[0][1] == "a field":
            continue
        assert found == wanted, (name, a, b)
    gc.collect()
    assert _jitd.arena_stats()["objects"] == objects


@pytest.mark.parametrize("name", sorted(set(names()) - PYTHON))
def test_is_compiled(module, name):
    function = getattr(module.compiled, name)
    run(module.compiled, name, 4, 2)
    assert function._counters()["native_calls"], jitd.explain(function)


def test_nothing_is_kept(module):
    def turns():
        for a in range(3000):
            run(module.compiled, "f_raises", a % 3, 1)
            run(module.compiled, "f_lock", 4, 1)

    turns()
    gc.collect()
    before, locks = len(gc.get_objects()), sys.getrefcount(module.compiled.lock)
    turns()
    gc.collect()
    more, now = len(gc.get_objects()) - before, sys.getrefcount(module.compiled.lock)
    assert more < 20 and now == locks
