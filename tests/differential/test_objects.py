"""Programs of objects that refer to each other, by CPython and compiled (objects.py): results, exceptions with their lines, and the whole
graph afterwards. JITD_PROGRAMS says how many methods, JITD_SEED where to begin."""

import os
import random
import traceback
import warnings
from collections import Counter

import pytest
from objects import objects_source
from oracle import has_its_line, value_key
from worlds import compiled_world, forget, graph, native_calls, plain_with_init, plain_world, resumes

METHODS = 14  # of a class
CLASSES = max(1, int(os.environ.get("JITD_PROGRAMS", "300")) // METHODS)
SEED = int(os.environ.get("JITD_SEED", "0"))
FIELDS = {"Node": ["n", "x", "link", "box"], "Box": ["k", "w", "owner"]}
SHAPES = ["alone", "two", "same", "ring", "chain", "boxed"]
ARGUMENTS = [(0, 0.5), (1, -2.5), (2, 3.0), (5, 1e3), (2**62, 1.0), (3, float("inf"))]

pytestmark = pytest.mark.usefixtures("daemon")


def make(world, shape):
    """self, other and all that they should know."""
    Node, Box = world["Node"], world["Box"]
    one, two = Node(1, 0.5), Node(5, -1.5)
    if shape == "same":
        two = one
    if shape in ("ring", "same"):
        one.link, two.link = two, one
    if shape in ("chain", "boxed"):
        one.link = Node(9, 2.5, two)
    if shape == "boxed":
        one.box, two.box = Box(one, 3), Box(two, 0, w=2.5)
    return one, two


def key(value, number):
    if isinstance(value, tuple):
        return tuple(key(v, number) for v in value)
    return ("object", number[id(value)]) if id(value) in number else ("new", type(value).__name__) if type(value).__name__ in FIELDS else value_key(value)


def run(world, name, shape, arguments):
    one, two = make(world, shape)
    try:
        value = getattr(one, name)(two, *arguments)
        error = None
    except Exception as raised:
        lines = [frame.lineno for frame in traceback.extract_tb(raised.__traceback__) if frame.filename == world["file"]]
        text = "a field" if "a field" in str(raised) or "is out of range for int" in str(raised) else str(raised)  # the oracle's and ours
        value, error = None, (type(raised).__name__, text, lines[-1] if lines and has_its_line(raised) else None)
    made = [v for v in (value if isinstance(value, tuple) else (value,)) if type(v).__name__ in FIELDS]
    nodes, number = graph([one, two, *made], FIELDS)
    return error, key(value, number), nodes


def compare(plain, compiled, name, tally):
    for shape in SHAPES:
        for arguments in ARGUMENTS:
            want, got = run(plain, name, shape, arguments), run(compiled, name, shape, arguments)
            tally["calls"] += 1
            if want == got:
                continue
            return f"{name}{arguments}, {shape}\nCPython:  {want}\ncompiled: {got}"
    return None


def test_objects(tmp_path):
    tally, differences = Counter(), []
    with warnings.catch_warnings(record=True) as refused:
        warnings.simplefilter("always")
        for seed in range(SEED, SEED + CLASSES):
            module = f"objects_{seed}"
            source = objects_source(random.Random(seed), METHODS)
            plain, compiled = plain_world(source, "plain_" + module, plain_with_init), compiled_world(source, module, tmp_path)
            plain["file"], compiled["file"] = f"plain_{module}.py", str(tmp_path / f"{module}.py")
            for k in range(METHODS):
                difference = compare(plain, compiled, f"m{k}", tally)
                if difference:
                    text = source[source.index(f"    def m{k}(") :].split("\n\n")[0]
                    differences.append(f"seed {seed}\n{text}\n{difference}\n")
            tally["native"] += native_calls(compiled["Node"])
            tally["resumes"] += resumes(compiled["Node"])
            forget(module)
    texts = Counter(str(w.message).splitlines()[-1] for w in refused if issubclass(w.category, Warning) and "stays" not in str(w.message))
    print(dict(tally), f"{len(refused)} refused", *texts.most_common(30), sep="\n")
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:5])
    assert not [t for t in texts if "compiler process" in t], "the compiler crashed"
    assert tally["calls"] == CLASSES * METHODS * len(SHAPES) * len(ARGUMENTS)
    assert tally["native"] > tally["calls"] * 0.2 and tally["resumes"] > 0
