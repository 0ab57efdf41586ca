"""Random methods full of try (tries.py), by CPython and with jitd: results, exceptions with their lines and what they came from, what is logged on the
way, and all objects after each call. JITD_PROGRAMS says how many programs, JITD_SEED where to begin."""

import os
import random
import warnings
from collections import Counter

import pytest
from steps import Run, difference
from tries import tries_source
from worlds import forget, native_calls, resumes

import jitd

PROGRAMS = int(os.environ.get("JITD_PROGRAMS", "60"))
SEED = int(os.environ.get("JITD_SEED", "0"))

pytestmark = pytest.mark.usefixtures("daemon")


def test_tries(tmp_path):
    tally, differences = Counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jitd.CompileWarning)
        for seed in range(SEED, SEED + PROGRAMS):
            source, name = tries_source(random.Random(seed)), f"tries_{seed}"
            plain, compiled = (Run(source, world, tmp_path, decorated=decorated) for world, decorated in (("plain_" + name, lambda cls: cls), (name, jitd.jitclass)))
            expected, got = plain.program(), compiled.program()
            found = difference(expected, got)
            if found:
                differences.append(f"seed {seed} ({compiled.path})\n{found}\n")
            node = compiled.world["Node"]
            tally.update(steps=len(expected), native=native_calls(node), resumes=resumes(node), values=sum(step[0] == "value" for step in expected))
            forget(plain.name), forget(name)
    print(dict(tally))
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:5])
    assert tally["steps"] > PROGRAMS * 5 and tally["native"] > tally["steps"] / 2 and tally["resumes"] > tally["steps"] / 4
