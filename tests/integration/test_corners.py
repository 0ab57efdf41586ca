"""Programs written to find differences: every function and method of language/corners*.py, never_returns.py and lines.py with the values at which
languages differ, in CPython and compiled; the same value, type and exception, the same fields afterwards, and the same lines in tracebacks."""

import ast
import inspect
import itertools
import math
import sys
import traceback
from pathlib import Path

import jitd
import pytest

from twins import Twins, bits, fallbacks, outcome

SOURCES = Path(__file__).parent / "language"
INTS = [0, 1, -1, 2, 3, -3, 5, 7, -7, 64, -64, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**62, -(2**62), 2**63 - 1, -(2**63), 2**63, 10**30]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 0.1, -7.25, 2.675, 1e16, 9007199254740992.0, 9007199254740994.0]
FLOATS += [2.0**63, 9.3e18, 1e300, -1e300, 1e-320, math.inf, -math.inf, math.nan]
BOOLS = [True, False]
VALUES = {int: INTS, float: FLOATS, bool: BOOLS}
SMALL = range(-3, 9)
NEAR = [0, -5, 2**63 - 1, 2**63 - 2, 2**63 - 10, 2**63 - 40000, 2**63 - 100000, -(2**63), -(2**63) + 9, -(2**63) + 50000]
EXPONENTS = [0, 1, -1, 2, 3, 5, 62, 63, 64, 100]
COUNTS = [0, 1, -1, 31, 62, 63, 64, 65, 100]
MOST = 400

# Where the values above would take for ever, or miss the point.
DOMAINS = {
    "f_range": [[0, 1, -1, 5, 2**63 - 1, -(2**63), 2**63 - 3, 2**63], [0, 3, -10, 2**63 - 1, -(2**63)], [1, 2, -1, -3, 0, 2**62, -(2**63)]],
    "f_lshift": [INTS, COUNTS],
    "f_bool_shift": [BOOLS, COUNTS],
    "f_roundn": [FLOATS, [*range(-3, 24), -400, 400, 2**63 - 1]],
    "f_iround": [[15, 25, 35, -15, -25, 1234567, 2**63 - 1], range(-22, 4)],
    "f_bool_round_digits": [BOOLS, SMALL],
    "f_powm": [[0, 1, -1, 2, 3, -7, 2**62], [0, 1, -1, 2, 5, 100], [1, -1, 2, 7, -7, 0, 2**62]],
    "f_mixpow2": [FLOATS, [*EXPONENTS, -2, -100, 1023, 1024, 1075, 2**53]],
    "f_m7": [FLOATS, [-3, 0, 3, -1100, 1100, 2**40]],
    "f_m18": [range(-2, 25)],
    "f_m19": [range(-1, 40), SMALL],
    "f_m27": [range(-1, 30), SMALL],
    "f_fact": [range(25)],
    "f_ack": [range(3), range(4)],
    "f_aug": [range(-20, 20)],
    "f_sum": [NEAR, range(20)],
    "f_product": [range(30)],
    "f_long": [NEAR, [0, 1, -1, 3, 1000, 2**50]],
    "f_long_one": [NEAR],
    "f_long_down": [NEAR],
    "f_counter_bool": [BOOLS, range(9)],
    "f_annotated": [INTS, FLOATS],
    "f_many": [[1], [2], [3, -5], [4], [5, 2**62], [6], [7, 2**63 - 1], [8], [9], [10]],
    "f_lots": [INTS, SMALL],
    "f_nested_func_names": [SMALL, SMALL],
}
DOMAINS |= {f"f_{name}": [[*SMALL, 10], EXPONENTS] for name in ("ipow", "powf")}
DOMAINS |= {f"f_{name}": [range(-3, 4), range(-3, 70)] for name in ("pow_zero",)}
DOMAINS |= {f"f_counter{s}": [NEAR, [0, 1, 2, 5, 9, 12]] for s in ("", "_down", "_while", "_nested", "_mixed", "_float", "_two", "_walrus")}
FEW = "else_if_return for_tuple_target shadow_range while_cond_effects range_mutate range_reuse loop_else while_else pass return_in_loop walrus_cond powright negpow unbound_loop empty_keeps bool_pow"
DOMAINS |= {f"f_{name}": [BOOLS, SMALL] if name == "bool_pow" else [SMALL] for name in FEW.split()}

# What the compiler refuses, or always leaves to the interpreter, of these files.
STAY_PYTHON = {"f_bool_invert", "f_and_or", "f_del", "f_unbound_after", "f_const_fold", "f_big_const", "f_counter_bool"}
STAY_PYTHON |= {"f_fstring", "f_exc_kinds"}
STAY_PYTHON |= {"m_str_default", "m_discarded"}
if sys.version_info[:2] == (3, 11):  # the one that stores to it in another order
    STAY_PYTHON |= {"f_one_name_twice", "f_one_name_twice_of_three", "f_multi"}


def names(file, prefix):
    return [n.name for n in ast.walk(ast.parse((SOURCES / file).read_text())) if isinstance(n, ast.FunctionDef) and n.name.startswith(prefix)]


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    directory, made = tmp_path_factory.mktemp("corners"), {}

    def get(file):
        if file not in made:
            made[file] = Twins(directory, file.removesuffix(".py"), (SOURCES / file).read_text())
        return made[file]

    return get


def thinned(values):
    return values[:: len(values) // MOST + 1]


def domain(parameter):
    if parameter.default is not parameter.empty:
        return [parameter.default]
    return VALUES.get(parameter.annotation, [None, 3])


FUNCTIONS = [(file, name) for file in ("corners.py", "corners_of_syntax.py") for name in names(file, "f_")]


@pytest.mark.parametrize("file, name", FUNCTIONS)
def test_function(twins, file, name):
    module = twins(file)
    plain, compiled = getattr(module.plain, name), getattr(module.compiled, name)
    parameters = inspect.signature(plain).parameters.values()
    by_name = [p.name for p in parameters if p.kind == p.KEYWORD_ONLY]
    domains = DOMAINS.get(name) or [domain(p) for p in parameters]
    for values in thinned(list(itertools.product(*domains))):
        args, kwargs = values[: len(values) - len(by_name)], dict(zip(by_name, values[len(values) - len(by_name) :]))
        expected, found = (outcome(lambda: f(*args, **kwargs)) for f in (plain, compiled))
        assert found == expected, (values, found, expected)
    if "Python:" in str(jitd.explain(compiled)) or not fallbacks(compiled)[0]:
        assert name in STAY_PYTHON


# ---- classes ----

METHOD_VALUES = {int: [-2, -1, 0, 1, 2, 3, 4, 5, 10, 2**40, 2**62, 2**63 - 1, -(2**63), 2**63], bool: BOOLS}
METHOD_VALUES[float] = [0.0, -0.0, 1.5, -3.0, 9.0, 1e300, math.inf, math.nan]
# Their argument is how often they do something.
TURNS = "list list2 loop_fields loop_bound while_prop recursive mutual walrus_node while while_else recursive_and recursive_chain for_prop reverse"
FIELDS = ("n", "x", "y", "flag", "a", "extra", "count", "_Ball__hidden")
MAKERS = {
    "Ball": [lambda m: m.Ball(), lambda m: m.Ball(3, 1.5, True, m.Ball(8))],
    "Vec": [lambda m: m.Vec(1.5, 2.0), lambda m: m.Vec(0.0)],
    "Long": [lambda m: m.Long(0), lambda m: m.Long(4)],
}


def state(obj, depth=0):
    if obj is None or depth > 3:
        return None
    found = {name: bits(getattr(obj, name)) for name in FIELDS if hasattr(obj, name)}
    return found | {name: state(getattr(obj, name), depth + 1) for name in ("next", "ball") if hasattr(obj, name)}


def methods():
    for file in ("corners_of_classes.py", "corners_of_references.py", "never_returns.py"):
        for node in ast.parse((SOURCES / file).read_text()).body:
            if isinstance(node, ast.ClassDef):
                for name in dict.fromkeys(f.name for f in node.body if isinstance(f, ast.FunctionDef) and f.name.startswith("m_")):
                    yield file, node.name, name


def is_documented(found):
    """An int that does not fit a field: an error where Python has the exact int."""
    return bool(found) and found[0] == "OverflowError" and "out of range for int" in found[1][0]


@pytest.mark.parametrize("file, cls, name", methods())
def test_method(twins, file, cls, name):
    module = twins(file)
    values = METHOD_VALUES | ({int: range(-2, 11)} if name in [f"m_{t}" for t in TURNS.split()] else {})
    parameters = list(inspect.signature(getattr(getattr(module.plain, cls), name)).parameters.values())[1:]
    domains = [values.get(p.annotation, [None]) if p.default is p.empty else [p.default] for p in parameters]
    for make in MAKERS[cls]:
        for args in itertools.product(*domains):
            objects = make(module.plain), make(module.compiled)
            expected, found = (outcome(getattr(obj, name), *args) for obj in objects)
            assert is_documented(found) or found == expected, args
            assert is_documented(found) or state(objects[1]) == state(objects[0]), args
    if "Python:" in next(line for line in str(jitd.explain(getattr(module.compiled, cls))).splitlines() if f" {name}:" in line):
        assert name in STAY_PYTHON


def test_defaults_of_fields_in_a_compiled_construction():
    @jitd.jitclass
    class Mixed:
        a: int
        b: float = 2.5
        c: bool = True

        def __init__(self, a: int):
            self.a = a

    @jitd.jit
    def made(a: int):
        m = Mixed(a)
        return m.a, m.b, m.c

    assert made(3) == (3, 2.5, True) and fallbacks(made) == (1, 0)


# ---- tracebacks ----


def lines_of(module, name, args):
    """What was raised, and the user's lines that the traceback shows."""
    try:
        return bits(getattr(module, name)(module.T(), *args))
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        return type(error).__name__, str(error), [(f.name, f.line) for f in frames if f.filename == module.__file__]


@pytest.mark.parametrize("name", names("lines.py", "f_"))
def test_lines_of_tracebacks(twins, name):
    module = twins("lines.py")
    for args in ((1, 0), (0, 1), (0, 0), (2, 1)):
        assert lines_of(module.compiled, name, args) == lines_of(module.plain, name, args), args
    assert "Python:" not in str(jitd.explain(getattr(module.compiled, name)))
