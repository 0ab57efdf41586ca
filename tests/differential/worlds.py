"""One generated source in both worlds: as CPython runs it, and compiled. For generators that write a module."""

import importlib.util
import sys

import jitd
from jitd._jitd import Method
from oracle import plain_class, value_key


def plain_world(source, name, decorate=plain_class):
    """The module's names; `decorate` makes what a jitclass is without its speed."""
    world = {"decorate_class": decorate, "decorate_function": lambda f: f, "__name__": name}
    exec(compile(source, f"{name}.py", "exec"), world)
    return world


def compiled_world(source, name, folder):
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    module.decorate_class, module.decorate_function = jitd.jitclass, jitd.jit
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return vars(module)


def forget(name):
    sys.modules.pop(name, None)


def native_calls(cls):
    """Of all methods of a jitclass that are compiled."""
    return sum(m._counters()["native_calls"] for m in vars(cls).values() if isinstance(m, Method))


def resumes(cls):
    """How often Python went on in the middle of their calls."""
    return sum(m._counters()["resumes"] for m in vars(cls).values() if isinstance(m, Method))


def plain_with_init(cls):
    """As plain_class, with the class's own __init__, or one that takes defaults and keywords."""
    own, kinds = cls.__dict__.get("__init__"), list(cls.__annotations__)
    defaults = {name: cls.__dict__[name] for name in kinds if name in cls.__dict__}
    cls = plain_class(cls)

    def __init__(self, *values, **named):
        given = dict(zip(kinds, values)) | named
        for name in kinds:
            setattr(self, name, given[name] if name in given else defaults[name])

    cls.__init__ = own or __init__
    return cls


def graph(roots, fields):
    """Everything that can be reached from the roots, as text that is equal for equal graphs."""
    order = list(roots)
    number = {id(o): i for i, o in enumerate(order)}
    seen = []
    for o in order:
        values = []
        for field in fields[type(o).__name__]:
            value = getattr(o, field)
            if type(value).__name__ not in fields:
                values.append(value_key(value))
                continue
            if id(value) not in number:
                number[id(value)] = len(order)
                order.append(value)
            values.append(("object", number[id(value)]))
        seen.append((type(o).__name__, *values))
    return tuple(seen), number
