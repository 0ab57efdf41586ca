"""None or a number in one local, and as a result: as in CPython (language/optionals.py), and compiled."""

import re
import traceback
from pathlib import Path

import jitd
import pytest
from twins import Twins

SOURCE = (Path(__file__).parent / "language/optionals.py").read_text()
KS = [0, 1, 2, 3, 4, 5, 6, 9, -1, 2**62, 2**63 - 1]
FEW = [0, 1, 2, 3, 4, 5, 6, 9, -1]
LOOPLESS = {"count", "flag", "param", "takes", "other", "neg", "cmp", "changes", "conditional", "unpack", "index", "several", "big", "resumes", "of_calls", "of_pairs", "of_fields"}


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("optionals"), "optionals", SOURCE)


def names():
    return [name for name in re.findall(r"^    def (\w+)\(self, k", SOURCE, re.M)] + ["takes"]


def run(world, name, value):
    t = world.T(3)
    try:
        result = "value", repr(getattr(t, name)(value))
    except Exception as error:
        frames = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
        text = "a field" if re.search("out of range for int|must be ", str(error)) else str(error)
        result = type(error).__name__, text, frames
    return result, t.n, t.x, repr(t.q)


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    values = KS if name in LOOPLESS else FEW
    for value in [*values, None, 2.5, True] if name == "takes" else values:
        found, wanted = run(module.compiled, name, value), run(module.plain, name, value)
        if found[0][1] != "a field":  # what is stored is the one thing that must fit
            assert found == wanted, (name, value)


def counts(name):
    (found,) = [value for key, value in jitd.stats()["objects"].items() if key.endswith(f"T.{name}")]
    return found


def test_it_is_compiled(module):
    t = module.compiled.T(3)
    for name in ("dist", "count", "flag", "nearest", "total", "pair2", "rec", "loop", "boolm", "two", "walrus", "of_property", "param", "of_calls", "of_pairs", "of_fields", "of_references", "of_found"):
        for value in (0, 1, 2, 4, 9):
            before = counts(name)
            getattr(t, name)(value)
            changed = {key: counts(name)[key] - before[key] for key in ("fallbacks", "resumes", "regions")}
            assert changed == {"fallbacks": 0, "resumes": 0, "regions": 0}, (name, value)
            assert counts(name)["native_calls"] > before["native_calls"], (name, value)
