"""Running one program twice, as plain Python and compiled, and comparing everything that can be seen."""

import ast
import struct
import traceback

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
            value = value.__index__()
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
    for name, kind in kinds.items():
        descriptor = Field(kind.__name__ if isinstance(kind, type) else "reference")
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


def outcome(call, arguments, filename):
    """("value", key) or ("error", type, args, line in the file)."""
    try:
        return ("value", value_key(call(*arguments)))
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
        return ("error", type(error).__name__, tuple(map(value_key, error.args)), lines[-1] if lines else None)


def state(instance, fields):
    return tuple(value_key(getattr(instance, name)) for name in fields)


class _Watch(ast.NodeTransformer):
    """Passes the result of every operation through _watch()."""

    def visit(self, node):
        node = self.generic_visit(node)
        if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call)) and not isinstance(getattr(node, "ctx", None), ast.Store):
            watched = ast.Call(ast.Name("_watch", ast.Load()), [node], [])
            return ast.copy_location(watched, node)
        if isinstance(node, ast.AugAssign):
            target = ast.parse(ast.unparse(node.target), mode="eval").body
            return ast.Assign([node.target], ast.Call(ast.Name("_watch", ast.Load()), [ast.BinOp(target, node.op, node.value)], []),
                              lineno=node.lineno)
        return node


def watched_source(source):
    """The source of a program that tells _watch about every intermediate value."""
    return compile(ast.fix_missing_locations(_Watch().visit(ast.parse(source))), "watched.py", "exec")


def too_large(value):
    """Whether an int somewhere in the value does not fit 64 bits."""
    if isinstance(value, tuple):
        return any(map(too_large, value))
    return isinstance(value, int) and not LEAST <= value <= MOST
