"""all(), any(), sum(), min() and max() of generator expressions are compiled as the loops that they are: results, effects, exceptions and tracebacks
are CPython's (language/taken.py), and what leaves a loop early does."""

import gc
import itertools
import re
import sys
from pathlib import Path

import jitd
import pytest
from jitd import _jitd
from test_displays import KS, arguments, run
from twins import Twins

SOURCE = (Path(__file__).parent / "language/taken.py").read_text()


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return Twins(tmp_path_factory.mktemp("taken"), "taken", SOURCE)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Nothing of it has been called with what it is not made for."""
    return Twins(tmp_path_factory.mktemp("fresh"), "taken_fresh", SOURCE)


def names():
    return re.findall(r"^def (f_\w+)", SOURCE, re.M)


@pytest.mark.parametrize("name", names())
def test_as_in_cpython(module, name):
    gc.collect()
    objects = _jitd.arena_stats()["objects"]
    for which, k in itertools.product(range(len(arguments(module.plain))), KS):
        found, wanted = run(module.compiled, name, which, k), run(module.plain, name, which, k)
        if re.search("is out of range for int|must be ", str(found)):  # what is stored is the one thing that must fit
            continue
        assert found == wanted, (name, which, k)
    gc.collect()
    assert _jitd.arena_stats()["objects"] <= objects + 1, "each count is given back"


FLOATS = [1.5, 2.5, -0.5]
COMPILED = {name: [1, 2, 3] for name in names()} | {name: FLOATS for name in names() if "floats" in name}
COMPILED |= {"f_sum_of_fields": "instances", "f_max_of_bools": [True, False], "f_all_of_objects": ["a", None]}
OTHER = "f_in_try f_sum_from f_over_dict f_over_text f_walrus f_of_unbound f_iterable_never f_python_in_it f_list_of_generator f_keyed f_shadowed f_any_stops f_iterable_fails f_sum_overflowing"
if sys.version_info >= (3, 12):  # which compensates the sum of floats
    OTHER += " f_sum_of_floats f_sum_of_floats_stored f_sum_of_fields f_sum_start"


@pytest.mark.parametrize("name", sorted(set(COMPILED) - set(OTHER.split())))
def test_all_of_it_is_compiled(fresh, name):
    f, T = getattr(fresh.compiled, name), fresh.compiled.T
    for _ in range(2):
        jitd.stats()
        before = jitd.stats()["objects"].get(name, {})
        given = [T(1), T(2)] if COMPILED[name] == "instances" else list(COMPILED[name])
        f(T(), given, 1)
        after = jitd.stats()["objects"][name]
        changed = {key: after[key] - before.get(key, 0) for key in ("native_calls", "resumes", "fallbacks", "regions")}
    assert changed == {"native_calls": 1, "resumes": 0, "fallbacks": 0, "regions": 0}, (name, str(jitd.explain(f)))
