"""Scenes: functions of one source (language/inheritance_*.py) that build classes above each other and show what they do. Each is run as CPython runs
it, and with some or all of its classes decorated; whatever it shows, raises and prints must be the same."""

import dataclasses
import importlib.util
import inspect
import io
import re
import struct
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path

import jitd

# Which of a scene's classes are jitclasses: those with @base (the lowest), @mid and @sub (the ones above it).
COMBINATIONS = {
    "all": ("base", "mid", "sub"),
    "only the base": ("base",),
    "only the top": ("sub",),
    "a plain one between": ("base", "sub"),
    "above a plain one": ("mid", "sub"),
}
MARKS = ("base", "mid", "sub")
DEPTH = 6  # to which an instance's attributes are looked at


def plain(cls=None, **options):
    """The class that jitclass stands for: a dataclass where it declares fields, or is the lowest and has no __init__."""
    if cls is None:
        return lambda cls: plain(cls, **options)
    declares = any("ClassVar" not in str(annotation) for annotation in inspect.get_annotations(cls).values())
    if not declares and not options and any("__init__" in vars(base) for base in cls.__mro__[:-1]):
        return cls
    return dataclasses.dataclass(**{"eq": False, **options})(cls)


class Stage:
    """A source in one of its combinations; None: CPython's own."""

    def __init__(self, path, folder, combination=None):
        self.name = re.sub(r"\W", "_", f"{path.stem} {combination}")
        self.path = folder / f"{self.name}.py"
        self.path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        self.seen = []
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        self.module = sys.modules[self.name] = importlib.util.module_from_spec(spec)
        decorated = COMBINATIONS.get(combination, ())
        vars(self.module).update({mark: jitd.jitclass if mark in decorated else plain for mark in MARKS})
        vars(self.module).update(jit=jitd.jit if decorated else lambda f: f, show=self.show, tried=self.tried)
        spec.loader.exec_module(self.module)

    def show(self, *values):
        self.seen.append([self.key(value) for value in values])

    def tried(self, function, *args, **named):
        """Shows what a call returns or raises, and through which lines of the source."""
        try:
            self.seen.append(["value", self.key(function(*args, **named))])
        except Exception as error:
            self.seen.append(self.raised(error))

    def raised(self, error):
        frames = [(f.name, f.lineno) for f in traceback.extract_tb(error.__traceback__) if f.filename == str(self.path)]
        return ["raised", type(error).__name__, self.text(error), frames, type(error.__cause__).__name__, type(error.__context__).__name__]

    def text(self, value):
        return re.sub(r"\b0x[0-9a-f]+\b", "0x", str(value).replace(self.name, "MODULE"))

    def key(self, value, depth=DEPTH, within=()):
        """Equal for values that nobody can tell apart, of classes of either world."""
        if type(value) is float:
            return "float", "nan" if value != value else struct.pack("<d", value)
        if isinstance(value, (list, tuple, set, frozenset)):
            items = [self.key(item, depth, within) for item in value if item is not jitd.Instance]
            return type(value).__name__, sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items
        if isinstance(value, dict):
            return type(value).__name__, [(self.key(k, depth, within), self.key(v, depth, within)) for k, v in value.items()]
        if isinstance(value, type):
            return "class", value.__qualname__
        if isinstance(value, BaseException):
            return type(value).__name__, self.text(value)
        if type(value).__module__ == self.name:
            return self.instance(value, depth, within)
        if callable(value):
            return "function", getattr(value, "__qualname__", None)
        return type(value).__name__, self.text(value)

    def instance(self, value, depth, within):
        """By its class, and its attributes (native fields come first); one that it was reached through by how far away that is."""
        if any(value is other for other in within):
            return "again", [value is other for other in within].index(True)
        kept = getattr(value, "__dict__", {}) if depth else {}
        return type(value).__qualname__, [(name, self.key(kept[name], depth - 1, (value, *within))) for name in sorted(kept)]

    def run(self, scene):
        """All that it showed, what it ended with, and what it printed."""
        self.seen.clear()
        out = io.StringIO()
        with redirect_stdout(out):
            self.tried(getattr(self.module, scene))
        return [*self.seen, ["printed", self.text(out.getvalue())]]


def scenes(path):
    return re.findall(r"^def ([a-z]\w*)\(\):$", Path(path).read_text(encoding="utf-8"), re.M)


def first_difference(expected, got):
    """Where two runs go apart, in words; None: nowhere."""
    for i, (right, ours) in enumerate(zip(expected, got)):
        if right != ours:
            return f"shown as number {i}:\nCPython: {right}\njitd:    {ours}"
    return None if len(expected) == len(got) else f"CPython shows {len(expected)} things, jitd {len(got)}"

