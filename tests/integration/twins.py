"""The same source twice: as plain Python and compiled. What CPython does with it is what compiled code must do."""

import importlib.util
import re
import struct
import sys
import traceback

PLAIN = "import dataclasses\ndef jitclass(cls):\n    return cls if '__init__' in vars(cls) else dataclasses.dataclass(cls, eq=False)\n"
COMPILED = "import jitd\nfrom jitd import jitclass\n"


def load(path, text):
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


class Twins:
    """.plain and .compiled modules of one source; its top-level functions get @jitd.jit in the second."""

    def __init__(self, directory, name, text):
        self.plain = load(directory / f"{name}_plain.py", PLAIN + text)
        self.compiled = load(
            directory / f"{name}_compiled.py", COMPILED + re.sub(r"^def ", "@jitd.jit\ndef ", text, flags=re.M)
        )

    def same(self, name, *args):
        expected = outcome(getattr(self.plain, name), *args)
        assert outcome(getattr(self.compiled, name), *args) == expected, (name, args)


def bits(value):
    """A value such that equal means the same type and the same bits (all nans are one)."""
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    if isinstance(value, float):
        return "float", "nan" if value != value else struct.pack("<d", value)
    if value is None or isinstance(value, (bool, int)):
        return type(value).__name__, value
    return type(value).__name__


def shown(value):
    """The same of what is in containers, and of texts and classes themselves."""
    if isinstance(value, (list, tuple, set, dict)):
        parts = value.items() if isinstance(value, dict) else value
        return type(value).__name__, [shown(part) for part in parts]
    return value if isinstance(value, (str, type)) else bits(value)


def tried(world, call):
    """The value, or the exception with the functions and lines of the module that its traceback shows. "a field": what is stored is the one thing
    that must fit."""
    try:
        return "value", shown(call())
    except Exception as error:
        frames = [(f.name, f.line) for f in traceback.extract_tb(error.__traceback__) if f.filename == world.__file__]
        text = str(error).replace(world.__name__, "the module")
        return type(error).__name__, "a field" if re.search("out of range for int|must be ", text) else text, frames


def outcome(function, *args):
    try:
        return bits(function(*args))
    except Exception as error:
        return type(error).__name__, bits_of_args(error.args)


def bits_of_args(args):
    return tuple(a if isinstance(a, str) else bits(a) for a in args)


def fallbacks(function):
    """How many calls of a compiled function Python did, and how many the compiled code."""
    import jitd

    text = str(jitd.explain(function))
    native, python = re.search(r"(\d+) native calls, (\d+) fallbacks", text).groups()
    return int(native), int(python)
