"""One generated source in both worlds: as CPython runs it, and compiled. For generators that write a module."""

import importlib.util
import sys

import jitd
from jitd._jitd import Method
from oracle import plain_class


def plain_world(source, name):
    """The module's names; decorate_class makes what a jitclass is without its speed."""
    world = {"decorate_class": plain_class, "decorate_function": lambda f: f, "__name__": name}
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
