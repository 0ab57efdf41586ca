"""The programs of the bench, small: with jitd they compute what they compute without it, at the first run and when all is compiled."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
SMALL = {
    "binary_trees": (6,),
    "chaos": (150, 40),
    "deltablue": (40,),
    "float_points": (1500,),
    "go": (4, 7),
    "hexiom": (3, 3),
    "nbody": (300,),
    "nqueens": (6,),
    "raytrace": (16,),
    "richards": (),
    "spectral_norm": (20,),
}


def runner():
    spec = importlib.util.spec_from_file_location("bench_programs", BENCH / "programs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(monkeypatch, path, text, name):
    """A module of this text, whose classes find their source where it was read."""
    module = types.ModuleType(name)
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(text, path, "exec"), vars(module))
    return module


def test_all_programs_are_tested():
    assert set(runner().NAMES) == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_same_with_and_without(name, monkeypatch):
    path = BENCH / f"programs/{name}.py"
    text = path.read_text()
    without = load(monkeypatch, path, runner().plain(text), f"{name}_plain")
    compiled = load(monkeypatch, path, text, f"{name}_compiled")
    assert "jitd" not in vars(without)
    expected = repr(without.run(*SMALL[name]))
    for _ in range(3):
        assert repr(compiled.run(*SMALL[name])) == expected
