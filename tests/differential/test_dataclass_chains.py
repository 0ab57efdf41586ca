"""Random chains of dataclasses and programs over their instances (dataclass_chains.py), of the standard library's dataclasses and of jitclasses: results,
exceptions with their messages, what the classes say of themselves, and all objects after each step. JITD_PROGRAMS says how many programs, JITD_SEED
where to begin, JITD_SHOW how many differences are shown."""

import dataclasses
import inspect
import os
import random
import re
import sys
import types
import warnings
from collections import Counter

import jitd
import pytest
from dataclass_chains import chain_source
from oracle import value_key
from worlds import forget

PROGRAMS = int(os.environ.get("JITD_PROGRAMS", "50"))
SEED = int(os.environ.get("JITD_SEED", "0"))
SHOWN = int(os.environ.get("JITD_SHOW", "5"))
MEMBERS = ("__init__", "__repr__", "__eq__", "__lt__", "__hash__", "__setattr__", "__match_args__", "__post_init__", "__slots__", "__dataclass_fields__")

pytestmark = pytest.mark.usefixtures("daemon")


def declare(**options):
    """What jitclass stands for: a dataclass, but for a class below another that declares nothing, and asks for nothing that needs fields."""

    def decorate(cls):
        declares = any("ClassVar" not in annotation for annotation in inspect.get_annotations(cls).values())
        declares = declares or any(isinstance(value, dataclasses.Field) for value in vars(cls).values())
        if set(options) <= {"init", "repr", "match_args"} and not declares and any(map(dataclasses.is_dataclass, cls.__mro__[1:])):
            return cls
        return dataclasses.dataclass(**{"eq": bool(options.get("order")), **options})(cls)

    return decorate


def jit(**options):
    return jitd.jitclass(**options) if options else jitd.jitclass


def as_it_is(cls):
    return cls


def facts(cls):
    """What a class says of itself."""
    fields = getattr(cls, "__dataclass_fields__", None)
    said = fields and [
        (f.name, str(f.type), repr(f.default), f.default_factory is dataclasses.MISSING, f.init, f.repr, f.hash, f.compare, f.kw_only, dict(f.metadata))
        for f in dataclasses.fields(cls)
    ]
    params = fields and cls.__dataclass_params__
    own = [name for name in MEMBERS if name in vars(cls)]
    values = {name: value for name, value in vars(cls).items() if not name.startswith("__") and not hasattr(value, "__get__")}
    flags = params and [getattr(params, name) for name in ("init", "repr", "eq", "order", "unsafe_hash", "frozen")]
    return [said, flags, str(inspect.signature(cls)), cls.__doc__, getattr(cls, "__match_args__", None), cls.__hash__ is None, own, sorted(values.items())]


def hashed(one):
    """Where it is an object's own it hangs on its place."""
    is_own = any("__hash__" in vars(cls) for cls in type(one).__mro__ if cls not in (object, jitd.Instance))
    return hash(one) if is_own else "its own"


def shown(one):
    """A jitclass's repr() has a word for a field that is not there."""
    text = repr(one)
    unset = re.search(r"(\w+)=<unset>", text)
    return getattr(one, unset[1]) if unset else text


def takes(one, name, kind):
    """Whether that is the field's type in its class: others a native field refuses."""
    return not dataclasses.is_dataclass(one) or all(field.type == kind for field in dataclasses.fields(one) if field.name == name)


def put(one, name, kind, value):
    return setattr(one, name, value) if takes(one, name, kind) else None


def replaced(one, name, kind, value):
    return dataclasses.replace(one, **{name: value}) if takes(one, name, kind) else None


def set_class(cls, name, value):
    """Not in a class statement: there it is another field."""
    own = [base for base in cls.__mro__ if name in inspect.get_annotations(base)]
    return setattr(cls, name, value) if own and own[0] is not cls and name not in vars(cls) and takes(cls, name, inspect.get_annotations(own[0])[name]) else None


HELPERS = {f.__name__: f for f in (facts, set_class, hashed, shown, put, replaced, dataclasses.fields, dataclasses.asdict, dataclasses.astuple, dataclasses.replace)}


class Run:
    """What a program shows in one of the worlds."""

    def __init__(self, source, name, folder, **decorators):
        self.name, self.log, self.objects, path = name, [], [], folder / f"{name}.py"
        path.write_text(source)
        module = sys.modules[name] = types.ModuleType(name)
        self.world = vars(module)
        self.world.update(__file__=str(path), **HELPERS, **decorators)
        try:
            exec(compile(source, str(path), "exec"), self.world)
        except Exception as error:
            self.log.append(self.raised(error))

    def program(self):
        if "program" in self.world:
            self.world["program"](self.objects, self.attempt)
            for cls in self.classes():
                self.attempt(lambda cls=cls: facts(cls))
        return self.log

    def classes(self):
        return [value for name, value in self.world.items() if re.fullmatch(r"C\d", name)]

    def attempt(self, step):
        try:
            found = ("value", self.key(step()))
        except ZeroDivisionError:  # of the program: there is no object
            found = ("value", "no object")
        except Exception as error:
            found = self.raised(error)
        self.log.append((*found, [self.attributes(one) for one in self.objects]))

    def raised(self, error):
        return "raised", type(error).__name__, re.sub(r"\b0x[0-9a-f]+\b", "0x", str(error).replace(self.name, "MODULE"))

    def key(self, value, depth=4):
        at = next((i for i, one in enumerate(self.objects) if one is value), None)
        if at is not None:
            return "object", at
        if type(value).__name__ in self.world and depth:
            return "new", self.attributes(value, depth - 1)
        if isinstance(value, (list, tuple)):
            return type(value).__name__, [self.key(item, depth) for item in value]
        if isinstance(value, dict):
            return "dict", [(k, self.key(v, depth)) for k, v in value.items()]
        if isinstance(value, dataclasses.Field) or type(value).__name__ in ("member_descriptor", "Field"):
            return "of a field", getattr(value, "name", None) or value.__name__
        return value_key(value) if isinstance(value, float) else (type(value).__name__, re.sub(r"\b0x[0-9a-f]+\b", "0x", repr(value).replace(self.name, "MODULE")))

    def attributes(self, one, depth=3):
        names = [*getattr(one, "__dict__", ()), *(name for cls in type(one).__mro__ for name in cls.__dict__.get("__slots__", ()))]
        return type(one).__name__, [(name, self.key(getattr(one, name, "unset"), depth)) for name in sorted(set(names))]


def is_native(cls):
    """Whether it is a jitclass, and no Python class above one."""
    record = vars(cls).get("__jitd_record__")
    return record is not None and record.target is cls


def first_difference(want, ours):
    """The innermost, for people."""
    if isinstance(want, (list, tuple)) and isinstance(ours, (list, tuple)) and len(want) == len(ours):
        return next(first_difference(a, b) for a, b in zip(want, ours) if a != b)
    return f"{want!r} is {ours!r} here"


def difference(expected, got):
    for step, (want, ours) in enumerate(zip(expected, got)):
        if want != ours:
            return f"step {step}\n{first_difference(want, ours)}\nCPython: {want}\njitd:    {ours}"
    return None if len(expected) == len(got) else f"{len(expected)} steps, and {len(got)}"


def is_own_init_s_order(source, expected):
    """A jitclass with an __init__ of its own may have required fields behind others (docs/classes.md)."""
    return "def __init__" in source and expected[0][0] == "raised" and "non-default argument" in str(expected[0])


def test_dataclass_chains(tmp_path):
    tally, differences = Counter(), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jitd.CompileWarning)
        for seed in range(SEED, SEED + PROGRAMS):
            source, name = chain_source(random.Random(seed)), f"chain_{seed}"
            plain = Run(source, "plain_" + name, tmp_path, decorated=declare, over=as_it_is)
            ours = Run(source, name, tmp_path, decorated=jit, over=jitd.jitclass)
            expected, got = plain.program(), ours.program()
            found = difference(expected, got)
            if found and not is_own_init_s_order(source, expected):
                differences.append(f"seed {seed} ({tmp_path / name}.py)\n{found}\n")
            below = [cls for cls in ours.classes() if cls.__base__ in ours.classes() and "__dataclass_fields__" in vars(cls)]
            tally.update(steps=len(expected), values=sum(step[0] == "value" for step in expected), below=len(below), native=sum(map(is_native, below)))
            forget(plain.name), forget(name)
    print(dict(tally))
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:SHOWN])
    assert tally["steps"] > PROGRAMS * 8 and tally["values"] > tally["steps"] * 0.5 and tally["native"] > tally["below"] * 0.5
