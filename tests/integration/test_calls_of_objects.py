"""Calls of Python objects in compiled code (language/calls_of_objects.py), beside CPython: results, effects, who is seen as the caller, exceptions."""

import itertools
import re
from pathlib import Path

import jitd
import pytest
from twins import Twins, bits, shown, tried

SOURCE = (Path(__file__).parent / "language/calls_of_objects.py").read_text()
SOURCE = re.sub(r"^( +)(for i in .*:)$", r"\1\2\n\1    for z in range(1):\n\1        pass", SOURCE, flags=re.M)  # a loop with a loop in it is not too slight
VALUES = [0, 1, 2, 4, -7, 2**62, 2**63 - 1]
PYTHON = {"f_parameter", "f_in_comprehension"}  # its default is no value of compiled code; it is little else than operations


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("calls_of_objects"), "calls_of_objects", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def run(world, name, a, b):
    t = world.T(3, 0.5, world.T(4, 1.5))
    del world.log[:]
    world.helper = world.operator.pos
    return tried(world, lambda: getattr(world, name)(t, a, b)), (t.n, bits(t.x)), [shown(one) for one in world.log]


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    for a, b in itertools.product(VALUES, VALUES):
        found, wanted = run(module.compiled, name, a, b), run(module.plain, name, a, b)
        if found[0][1] != "a field":
            assert found == wanted, (name, a, b)


@pytest.mark.parametrize("name", sorted(set(names()) - PYTHON))
def test_is_compiled(module, name):
    function = getattr(module.compiled, name)
    run(module.compiled, name, 4, 2)
    assert function._counters()["native_calls"], jitd.explain(function)
