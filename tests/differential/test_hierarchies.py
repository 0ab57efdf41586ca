"""Random hierarchies, decorated and not, and programs over their instances (hierarchies.py), by CPython and with jitd: results, exceptions with their
lines, and all objects after each step. JITD_PROGRAMS says how many programs, JITD_SEED where to begin."""

import dataclasses
import inspect
import os
import random
import re
import warnings
from collections import Counter

import pytest
from hierarchies import hierarchy_source
from steps import Run, difference
from worlds import forget, native_calls

import jitd

PROGRAMS = int(os.environ.get("JITD_PROGRAMS", "50"))
SEED = int(os.environ.get("JITD_SEED", "0"))

pytestmark = pytest.mark.usefixtures("daemon")


def undecorated(cls):
    """A dataclass if it declares fields; an __init__ of its own stays."""
    return dataclasses.dataclass(eq=False, repr=False)(cls) if inspect.get_annotations(cls) else cls


def native(run):
    return sum(native_calls(cls) for name, cls in run.world.items() if re.fullmatch(r"C\d", name))


def test_hierarchies(tmp_path):
    tally, differences = Counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jitd.CompileWarning)
        for seed in range(SEED, SEED + PROGRAMS):
            source, name = hierarchy_source(random.Random(seed)), f"hierarchy_{seed}"
            plain, compiled = (
                Run(source, world, tmp_path, decorated=decorated, undecorated=undecorated)
                for world, decorated in (("plain_" + name, undecorated), (name, jitd.jitclass))
            )
            expected, got = plain.program(), compiled.program()
            found = difference(expected, got)
            if found:
                differences.append(f"seed {seed} ({compiled.path})\n{found}\n")
            tally.update(steps=len(expected), native=native(compiled), values=sum(step[0] == "value" for step in expected))
            forget(plain.name), forget(name)
    print(dict(tally))
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:5])
    assert tally["steps"] > PROGRAMS * 8 and tally["values"] > tally["steps"] * 0.6 and tally["native"] > PROGRAMS
