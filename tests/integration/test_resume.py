"""Where compiled code has had effects and comes to what it has no place for, the interpreter goes on from there: results, effects, exceptions
and tracebacks are CPython's (language/resumes.py)."""

import itertools
import re
import traceback
from pathlib import Path

import jitd
import pytest
from twins import Twins, bits

SOURCE = (Path(__file__).parent / "language/resumes.py").read_text()
VALUES = [0, 1, 2, 3, 5, -4, 2**31, 3037000500, -(2**33), 2**61, 2**62, 2**63 - 1, -(2**63)]


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("resumes"), "resumes", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


def state(t, depth=0):
    return t is not None and (bits(t.n), bits(t.x), depth < 3 and state(t.next, depth + 1))


def run(world, name, a, b):
    """The value, or the exception with the functions and lines that its traceback shows; and what became of the objects."""
    log = world.T(7)
    t = world.T(3, 0.5, world.T(4, 1.5, None, log), log)
    try:
        result = bits(getattr(world, name)(t, a, b))
    except Exception as error:
        frames = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
        result = type(error).__name__, "a field" if "is out of range for int (" in str(error) else str(error), frames
    return result, state(t), log.n


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    for a, b in itertools.product(VALUES, VALUES):
        found, wanted = run(module.compiled, name, a, b), run(module.plain, name, a, b)
        if found[0][:2] == ("OverflowError", "a field"):  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, a, b)
    assert "Python:" not in next(line for line in str(jitd.explain(getattr(module.compiled, name))).splitlines() if f" {name}:" in line)
