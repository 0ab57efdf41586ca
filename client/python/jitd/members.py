"""What declare.py does not need for every class: refusals, dataclass fields, and what generated members do when they are called."""

import sys

from jitd._jitd import MISSING

_REFUSED = {
    "__new__": "instances are made in the arena",
    "__del__": "finalisers are not supported; use close() or weakref.finalize",
    "__getattr__": "attribute access is not customised",
    "__getattribute__": "attribute access is not customised",
    "__setattr__": "attribute access is not customised",
    "__delattr__": "attribute access is not customised",
    "__slots__": "the fields are the slots",
}


def refuse(cls):
    """Raises the TypeError of a class that cannot become a jitclass, if it or a base class has what cannot be."""
    name = cls.__name__
    if "__jitd__" in cls.__dict__:
        raise TypeError(f"{name} is a jitclass already")
    if "__dataclass_fields__" in cls.__dict__:
        raise TypeError(f"{name} is a dataclass already: leave @dataclass out, jitclass makes __init__ and __repr__ itself")
    for base in cls.__mro__[:-1]:
        for attribute, why in _REFUSED.items():
            if attribute in base.__dict__ and (base is cls or attribute != "__slots__"):
                raise TypeError(f"{base.__name__}.{attribute} is not possible in a jitclass: {why}")


def check_metaclass(cls):
    """Raises the TypeError of a class whose metaclass or abstract methods would have a say when compiled code makes an instance."""
    name = cls.__name__
    if type(cls).__call__ is not type.__call__:
        raise TypeError(f"{name} is not possible as a jitclass: its metaclass {type(cls).__name__} has a __call__ of its own")
    if missing := sorted(getattr(cls, "__abstractmethods__", ())):
        raise TypeError(f"{name} is not possible as a jitclass: it has abstract methods ({', '.join(missing)}), and no class can extend it")


def dataclass_default(cls, name, default):
    """The default of a field that is given as something of the module dataclasses."""
    if type(default).__name__ != "Field":
        return default
    dataclasses = sys.modules["dataclasses"]
    if default.default_factory is not dataclasses.MISSING:
        raise TypeError(f"field {name!r} of {cls.__name__}: default_factory is not supported yet")
    for option, usual in (("init", True), ("repr", True), ("compare", True), ("hash", None), ("kw_only", dataclasses.MISSING)):
        value = getattr(default, option, usual)
        if value is not usual and not (option == "kw_only" and value is False):
            raise TypeError(f"field {name!r} of {cls.__name__}: field({option}={value}) is not supported yet")
    return MISSING if default.default is dataclasses.MISSING else default.default


def base_init(cls):
    """The Func of an inherited __init__, or None. It is not compiled."""
    from jitd.declare import Func

    base = next(b for b in cls.__mro__ if "__init__" in b.__dict__)
    if not isinstance(base.__dict__["__init__"], type(base_init)):
        return None
    f = Func("__init__", "method", base.__dict__["__init__"])
    f.reason = f"it is defined in the base class {base.__name__}"
    f.types = [None] * len(f.params)
    return f


# ---- generated members ----

_active = set()  # (id, thread) of the instances whose __repr__ is running


def _record(instance):
    return type(instance).__dict__["__jitd_record__"]


def show(instance):
    """__repr__, as a dataclass's."""
    from _thread import get_ident

    key = id(instance), get_ident()
    if key in _active:
        return "..."
    _active.add(key)
    try:
        fields = ", ".join(f"{name}={_show_field(instance, name)}" for name, _, _ in _record(instance).fields)
        return f"{type(instance).__qualname__}({fields})"
    finally:
        _active.discard(key)


def _show_field(instance, name):
    try:
        return repr(getattr(instance, name))
    except AttributeError:
        return "<unset>"


def equal(instance, other):
    """__eq__, as a dataclass's."""
    if other.__class__ is not instance.__class__:
        return NotImplemented
    names = [name for name, _, _ in _record(instance).fields]
    return [getattr(instance, n) for n in names] == [getattr(other, n) for n in names]


def signature(cls):
    """What inspect.signature(cls) shows."""
    from inspect import signature as of

    init = cls.__dict__["__jitd_record__"].func("__init__")
    found = of(init.func if init else init_function(cls))
    return found.replace(parameters=list(found.parameters.values())[1:])


def init_function(cls):
    """A Python function with the generated __init__'s signature: to show it, and to raise what CPython raises for wrong arguments."""
    fields = cls.__dict__["__jitd_record__"].fields
    scope = {f"_d{i}": default for i, (_, _, default) in enumerate(fields) if default is not MISSING}
    params = [f"{name}=_d{i}" if f"_d{i}" in scope else name for i, (name, _, _) in enumerate(fields)]
    own = "_self" if any(name == "self" for name, _, _ in fields) else "self"
    exec(f"def __init__({own}, {', '.join(params)}): pass", scope)
    function = scope["__init__"]
    function.__qualname__ = f"{cls.__qualname__}.__init__"
    function.__annotations__ = {name: annotation for name, annotation, _ in fields} | {"return": None}
    return function
