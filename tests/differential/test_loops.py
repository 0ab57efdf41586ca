"""Nested loops with every way out at every place, by CPython and compiled (loops.py). JITD_PROGRAMS says how many methods, JITD_SEED
where to begin."""

import os
import random
import warnings
from collections import Counter

import pytest
from loops import loops_source
from oracle import outcome
from worlds import compiled_world, forget, native_calls, plain_world, resumes

METHODS = 25  # of a class
CLASSES = max(1, int(os.environ.get("JITD_PROGRAMS", "400")) // METHODS)
SEED = int(os.environ.get("JITD_SEED", "0"))
BIG = 2**40
CALLS = [(1, 0), (2, 1), (3, 2), (5, 5), (BIG, 1), (BIG, 2), (BIG + 1, 5), (0, 3)]

pytestmark = pytest.mark.usefixtures("daemon")


def run(world, name, a, k, alias, file):
    cls = world["Loops"]
    link = cls(30, 4)
    one, two = cls(1, 2, link), cls(2, 3)
    peer = one if alias else two
    result = outcome(getattr(one, name), (peer, a, k), file)
    return result, one.n, two.n, link.n


def compare(plain, compiled, name, tally):
    for a, k in CALLS:
        for alias in (False, True):
            want = run(plain, name, a, k, alias, plain["file"])
            got = run(compiled, name, a, k, alias, compiled["file"])
            tally["calls"] += 1
            if want == got:
                continue
            return f"{name}(peer, {a}, {k}), peer is self: {alias}\nCPython:  {want}\ncompiled: {got}"
    return None


def test_loops(tmp_path):
    tally, differences = Counter(), []
    with warnings.catch_warnings(record=True) as refused:
        warnings.simplefilter("always")
        for seed in range(SEED, SEED + CLASSES):
            module = f"loops_{seed}"
            source = loops_source(random.Random(seed), METHODS)
            plain, compiled = plain_world(source, "plain_" + module), compiled_world(source, module, tmp_path)
            plain["file"], compiled["file"] = f"plain_{module}.py", str(tmp_path / f"{module}.py")
            for k in range(METHODS):
                difference = compare(plain, compiled, f"m{k}", tally)
                if difference:
                    text = source[source.index(f"    def m{k}(") :].split("\n\n")[0]
                    differences.append(f"seed {seed}\n{text}\n{difference}\n")
            tally["native"] += native_calls(compiled["Loops"])
            tally["resumes"] += resumes(compiled["Loops"])
            forget(module)
    print(dict(tally), f"{len(refused)} refused", *{str(w.message).splitlines()[-1] for w in refused}, sep="\n")
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:5])
    assert tally["calls"] == CLASSES * METHODS * len(CALLS) * 2
    assert len(refused) < CLASSES * METHODS * 0.5
    assert tally["native"] > tally["calls"] * 0.3
    assert tally["resumes"] > tally["calls"] * 0.005
