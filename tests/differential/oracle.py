"""Running one program twice, as plain Python and compiled, and comparing everything that can be seen."""

import struct
import sys
import traceback
from types import FunctionType

from jitd._jitd import stores

LEAST, MOST = -(2**63), 2**63 - 1


class Field:
    """A field of the plain class that takes what a jitclass field of that type takes."""

    def __init__(self, kind):
        self.kind = kind

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if self.kind == "int":
            if not isinstance(value, int):
                raise TypeError(f"{type(instance).__name__}.{self.name[1:]} must be int, not {type(value).__name__}")
            value = int(value)
            if not LEAST <= value <= MOST:
                raise OverflowError("int too large for a field")
        elif self.kind == "float":
            if not isinstance(value, (int, float)):
                raise TypeError(f"{type(instance).__name__}.{self.name[1:]} must be float, not {type(value).__name__}")
            value = float(value)
        setattr(instance, self.name, value)


def plain_class(cls):
    """What the generated classes need of a jitclass: typed fields and an __init__ from them."""
    kinds = dict(cls.__annotations__)
    wide = {name for f in vars(cls).values() if isinstance(f, FunctionType) for name, what in stores(f).items() if what & 2}
    for name, kind in kinds.items():  # one in which the class has ints beyond 64 bits is a Python field
        is_python = kind is int and name in wide
        descriptor = Field(kind.__name__ if isinstance(kind, type) and not is_python else "reference")
        setattr(cls, name, descriptor)
        descriptor.__set_name__(cls, name)

    def __init__(self, *values):
        for name, value in zip(kinds, (*values, None)):
            setattr(self, name, value)

    cls.__init__ = __init__
    return cls


def value_key(value):
    """Equal for values that are the same to the bit; nan is nan."""
    if type(value) is float:
        return ("float", "nan" if value != value else struct.pack("<d", value))
    if type(value) is tuple:
        return ("tuple", *map(value_key, value))
    return (type(value).__name__, repr(value))


def is_of_field(error):
    """Did an int not fit a field? In the oracle's words or in ours."""
    return type(error) is OverflowError and ("for a field" in str(error) or "is out of range for int" in str(error))


def has_its_line(error):
    """CPython 3.11 itself is sometimes an instruction off where a local is unbound in code that it has specialised."""
    return not isinstance(error, UnboundLocalError) or sys.version_info[:2] != (3, 11)


def outcome(call, arguments, filename):
    """("value", key) or ("error", type, args, line in the file)."""
    try:
        return ("value", value_key(call(*arguments)))
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
        args = ("a field",) if is_of_field(error) else tuple(map(value_key, error.args))
        return ("error", type(error).__name__, args, lines[-1] if lines and has_its_line(error) else None)


def state(instance, fields):
    return tuple(value_key(getattr(instance, name)) for name in fields)
