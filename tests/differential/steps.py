"""A generated module in one of the worlds: what its program shows step by step."""

import sys
import traceback
import types

from oracle import has_its_line, value_key

DEPTH = 3  # to which new objects are looked at


class Run:
    """What a program shows in one of the worlds."""

    def __init__(self, source, name, folder, **names):
        self.name, self.path, self.log, self.objects = name, folder / f"{name}.py", [], []
        self.path.write_text(source)
        module = sys.modules[name] = types.ModuleType(name)
        self.world = vars(module)
        self.world.update(__file__=str(self.path), **names)
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


def difference(expected, got):
    for step, (want, ours) in enumerate(zip(expected, got)):
        if want != ours:
            return f"step {step}\nCPython: {want}\njitd:    {ours}"
    return None if len(expected) == len(got) else f"{len(expected)} steps, and {len(got)}"
