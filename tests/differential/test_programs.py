"""Generated methods and functions, run by CPython and compiled: same value to the bit, same type, same exception with the same
arguments, same line, same fields afterwards. JITD_PROGRAMS says how many (10,000), JITD_SEED where to begin (0)."""

import importlib.util
import math
import os
import random
import sys
import warnings
from collections import Counter

import pytest
from generate import FIELDS, FLOATS, INTS, SMALL, TAME, Generator
from oracle import outcome, plain_class, state

import jitd

PROGRAMS = int(os.environ.get("JITD_PROGRAMS", "10000"))
SEED = int(os.environ.get("JITD_SEED", "0"))
METHODS, FUNCTIONS = 24, 6
BATCHES = 20
CALLS = 8
NAMES = [name for names in FIELDS.values() for name in names]


pytestmark = pytest.mark.usefixtures("daemon")


class Program:
    """One generated class with its functions, in both worlds."""

    def __init__(self, seed, folder):
        self.rng = random.Random(seed)
        self.generator = Generator(self.rng, f"C{seed}", METHODS, FUNCTIONS)
        self.source = "import math\n\n" + self.generator.source()
        self.plain_file, self.jit_file = f"plain_{seed}.py", str(folder / f"program_{seed}.py")
        self.plain = {"math": math, "decorate_class": plain_class, "decorate_function": lambda f: f, "__name__": f"plain_{seed}"}
        exec(compile(self.source, self.plain_file, "exec"), self.plain)
        self.compiled = self._load(f"program_{seed}")

    def _load(self, name):
        with open(self.jit_file, "w", encoding="utf-8") as f:
            f.write(self.source)
        spec = importlib.util.spec_from_file_location(name, self.jit_file)
        module = importlib.util.module_from_spec(spec)
        module.decorate_class, module.decorate_function = jitd.jitclass, jitd.jit
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return vars(module)

    def arguments(self, method, tame):
        ints, floats = (SMALL, TAME) if tame else (INTS, FLOATS)
        choices = {"int": ints, "float": floats, "bool": [True, False]}
        return [self.rng.choice(choices[kind]) for _, kind in method.params]

    def fields(self, tame):
        ints, floats = (SMALL, TAME) if tame else (INTS, FLOATS)
        choices = {"int": ints, "float": floats, "bool": [True, False]}
        return [self.rng.choice(choices[kind]) for kind, names in FIELDS.items() for _ in names]

    def instances(self, fields, with_peer):
        made = []
        for world in (self.plain, self.compiled):
            cls = world[self.generator.name]
            made.append(cls(*fields, cls(*fields) if with_peer else None))
        return made


def text_of(program, method):
    lines = program.source.splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip().startswith(f"def {method.name}("))
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = next((i for i in range(start + 1, len(lines)) if lines[i].strip() and len(lines[i]) - len(lines[i].lstrip()) <= indent), len(lines))
    return "\n".join(f"{i + 1:4} {lines[i]}" for i in range(start, end))


def compare(program, method, tally):
    """A description of the first difference, or None."""
    for call in range(CALLS):
        fields, with_peer = program.fields(call < 5), program.rng.random() < 0.5
        arguments = program.arguments(method, call < 6)
        plain, compiled = program.instances(fields, with_peer)
        functions = [program.plain[method.name], program.compiled[method.name]] if method.kind == "function" else [
            getattr(plain, method.name), getattr(compiled, method.name)]
        expected = outcome(functions[0], arguments, program.plain_file), state(plain, NAMES)
        got = outcome(functions[1], arguments, program.jit_file), state(compiled, NAMES)
        tally["calls"] += 1
        tally[expected[0][0]] += 1
        if expected == got:
            continue
        return (f"{text_of(program, method)}\n{method.name}{tuple(arguments)} with {dict(zip(NAMES, fields))}, peer: {with_peer}\n"
                f"CPython:  {expected}\ncompiled: {got}\n")
    return None


TOTAL = Counter()


@pytest.mark.parametrize("batch", range(BATCHES))
def test_programs(batch, tmp_path):
    tally, differences, before = Counter(), [], jitd.stats()["process"]["native_calls"]
    wanted = math.ceil(PROGRAMS / BATCHES)
    first = SEED + batch * 100000
    with warnings.catch_warnings(record=True) as refused:
        warnings.simplefilter("always")
        for seed in range(first, first + math.ceil(wanted / (METHODS + FUNCTIONS))):
            program = Program(seed, tmp_path)
            for method in program.generator.functions + program.generator.methods:
                tally["programs"] += 1
                difference = compare(program, method, tally)
                if difference:
                    differences.append(f"seed {seed}\n{difference}")
    tally["native"] = jitd.stats()["process"]["native_calls"] - before
    tally["refused"] = len(refused)
    TOTAL.update(tally)
    print(dict(tally), *{str(w.message) for w in refused}, sep="\n")
    assert not differences, f"{len(differences)} of {tally['programs']} programs differ:\n" + "\n".join(differences[:5])
    assert tally["programs"] >= wanted
    assert not [w for w in refused if "compiler process" in str(w.message)], "the compiler crashed"


def test_most_of_it_ran_compiled():
    """The programs above say something about compiled code only if it ran. What raises or overflows is done again in Python."""
    print(dict(TOTAL))
    assert TOTAL["programs"] >= PROGRAMS
    assert TOTAL["refused"] <= TOTAL["programs"] * 0.02
    assert TOTAL["native"] >= TOTAL["value"] * 0.7
