"""Sized integers and float32 against NumPy's scalars: every pair of types and every operator, at the ends of their ranges."""

import itertools
import sys
import types
import warnings

import numpy
import pytest

import jitd

INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
SIZED = [*INTS, "float32"]
ARITHMETIC = ["+", "-", "*", "/", "//", "%"]
BITS = ["&", "|", "^", "<<", ">>"]
COMPARE = ["<", "<=", "==", "!=", ">", ">="]


pytestmark = pytest.mark.usefixtures("daemon")


def values(name):
    if name == "float32":
        return [0.0, -0.0, 1.0, -2.5, 0.1, 3e38, -3e38, 1e-45, float("inf"), float("nan")]
    if name == "float":
        return [0.0, -1.5, 0.1, 1e300]
    if name in ("int", "bool"):
        return [0, 1, -1, 3] if name == "int" else [True, False]
    info = numpy.iinfo(name)
    return sorted({info.min, info.min + 1, -1 if info.min else 1, 0, 1, 2, 3, 7, info.max // 2, info.max - 1, info.max})


def scalar(name, value):
    """The value as NumPy has it; a Python int or float stays one (NEP 50: it is weak)."""
    return value if name in ("int", "float", "bool") else numpy.dtype(name).type(value)


def operators(a, b):
    whole = "float" not in a + b
    return ARITHMETIC + COMPARE + (BITS if whole else [])


def make_class(a, b, folder):
    """A class with one static method for each operator."""
    name = f"Ops_{a}_{b}"
    lines = ["import jitd", f"from jitd import {', '.join(SIZED)}", "", "@jitd.jitclass", f"class {name}:", "    unused: int"]
    for n, op in enumerate(operators(a, b)):
        lines += ["    @staticmethod", f"    def m{n}(a: {a}, b: {b}):", f"        return a {op} b"]
    path = folder / f"{name}.py"
    path.write_text("\n".join(lines) + "\n")
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    exec(compile(path.read_text(), str(path), "exec"), vars(module))
    return vars(module)[name]


def expected(op, x, y):
    """As NumPy, but that dividing by 0 is Python's ZeroDivisionError and no warning, unless the result is a float32
    (docs/language.md)."""
    with numpy.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = eval(f"x {op} y", {"x": x, "y": y})
        except Exception as error:
            return type(error)
    return ZeroDivisionError if op in ("/", "//", "%") and y == 0 and type(value) is not numpy.float32 else value


def same(got, want):
    if isinstance(want, type):
        return got is want
    if isinstance(got, type):
        return False
    want = want.item() if hasattr(want, "item") else want
    if isinstance(want, float) and isinstance(got, float):
        return numpy.float64(got).tobytes() == numpy.float64(want).tobytes() or (got != got and want != want)
    return type(got) is type(want) and got == want


def outcome(method, x, y):
    try:
        return method(x, y)
    except Exception as error:
        return type(error)


PAIRS = [*itertools.product(SIZED, SIZED), *itertools.product(SIZED, ["int", "float"]), *itertools.product(["int", "float"], SIZED)]


@pytest.mark.parametrize("a,b", PAIRS)
def test_pair(a, b, tmp_path):
    with warnings.catch_warnings(record=True) as refused:
        warnings.simplefilter("always")
        cls = make_class(a, b, tmp_path)
        wrong, compared = [], 0
        for n, op in enumerate(operators(a, b)):
            method = getattr(cls, f"m{n}")
            for x, y in itertools.product(values(a), values(b)):
                got = outcome(method, x, y)
                if any(f"operator {op} of {a} and {b} is not compiled" in str(w.message) for w in refused):
                    break
                compared += 1
                want = expected(op, scalar(a, x), scalar(b, y))
                if not same(got, want):
                    wrong.append(f"{a}({x}) {op} {b}({y}): NumPy {want!r}, compiled {got!r}")
    print(f"{compared} compared", *{str(w.message).splitlines()[-1] for w in refused}, sep="\n")
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong[:12])
    assert compared > 100 or refused
