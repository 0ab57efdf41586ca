"""Random hierarchies, decorated and not, and programs over their instances (hierarchies.py), by CPython and with jitd: results, exceptions with their
lines, and all objects after each step. JITD_PROGRAMS says how many programs, JITD_SEED where to begin."""

import dataclasses
import inspect
import os
import random
import re
import sys
import traceback
import types
import warnings
from collections import Counter

import pytest
from hierarchies import hierarchy_source
from oracle import has_its_line, value_key
from worlds import forget, native_calls

import jitd

PROGRAMS = int(os.environ.get("JITD_PROGRAMS", "50"))
SEED = int(os.environ.get("JITD_SEED", "0"))
DEPTH = 3  # to which new objects are looked at

pytestmark = pytest.mark.usefixtures("daemon")


def undecorated(cls):
    """A dataclass if it declares fields; an __init__ of its own stays."""
    return dataclasses.dataclass(eq=False, repr=False)(cls) if inspect.get_annotations(cls) else cls


class Run:
    """What a program shows in one of the worlds."""

    def __init__(self, source, name, folder, decorated):
        self.name, self.path, self.log, self.objects = name, folder / f"{name}.py", [], []
        self.path.write_text(source)
        module = sys.modules[name] = types.ModuleType(name)
        self.world = vars(module)
        self.world.update(__file__=str(self.path), decorated=decorated, undecorated=undecorated)
        exec(compile(source, str(self.path), "exec"), self.world)

    def program(self):
        try:
            self.world["program"](self.objects, self.attempt)
        except Exception as error:
            self.log.append(("end", *self.raised(error)))
        return self.log

    def attempt(self, step):
        try:
            found = ("value", self.key(step()))
        except Exception as error:
            found = self.raised(error)
        self.log.append((*found, [self.attributes(one) for one in self.objects]))

    def raised(self, error):
        frames = [(f.name, f.lineno) for f in traceback.extract_tb(error.__traceback__) if f.filename == str(self.path)]
        return "raised", type(error).__name__, str(error), frames if has_its_line(error) else None

    def key(self, value, depth=DEPTH):
        at = next((i for i, one in enumerate(self.objects) if one is value), None)
        if at is not None:
            return "object", at
        if type(value).__name__ in self.world and depth:
            return "new", self.attributes(value, depth - 1)
        if isinstance(value, (list, tuple)):
            return type(value).__name__, [self.key(item, depth) for item in value]
        if callable(value) or type(value).__name__ in self.world:
            return type(value).__name__
        return value_key(value)

    def attributes(self, one, depth=DEPTH):
        return type(one).__name__, sorted((name, self.key(value, depth)) for name, value in vars(one).items())


def native(run):
    return sum(native_calls(cls) for name, cls in run.world.items() if re.fullmatch(r"C\d", name))


def difference(expected, got):
    for step, (want, ours) in enumerate(zip(expected, got)):
        if want != ours:
            return f"step {step}\nCPython: {want}\njitd:    {ours}"
    return None if len(expected) == len(got) else f"{len(expected)} steps, and {len(got)}"


def test_hierarchies(tmp_path):
    tally, differences = Counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jitd.CompileWarning)
        for seed in range(SEED, SEED + PROGRAMS):
            source, name = hierarchy_source(random.Random(seed)), f"hierarchy_{seed}"
            plain, compiled = Run(source, "plain_" + name, tmp_path, undecorated), Run(source, name, tmp_path, jitd.jitclass)
            expected, got = plain.program(), compiled.program()
            found = difference(expected, got)
            if found:
                differences.append(f"seed {seed} ({compiled.path})\n{found}\n")
            tally.update(steps=len(expected), native=native(compiled), values=sum(step[0] == "value" for step in expected))
            forget(plain.name), forget(name)
    print(dict(tally))
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:5])
    assert tally["steps"] > PROGRAMS * 8 and tally["values"] > tally["steps"] * 0.6 and tally["native"] > PROGRAMS
