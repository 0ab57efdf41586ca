"""From a trap's site to its exception (docs/protocol.md, "The meta"). The cold path: loaded at the first such exception."""

from __future__ import annotations

import builtins
import operator
from re import fullmatch
from struct import pack, unpack
from sys import intern
from types import CellType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jitd.declare import Record

    Unit = tuple[list[Any], list[Record]]

_BINARY: dict[str, Any] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod,
    "**": operator.pow, "<<": operator.lshift, ">>": operator.rshift, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "u-": operator.neg, "u+": operator.pos, "u~": operator.invert,
}  # fmt: skip


def value(kind: str, bits: int) -> Any:
    """The Python value of one slot of a trap."""
    if kind == "float":
        return unpack("d", pack("Q", bits))[0]
    if kind == "float32":
        return unpack("f", pack("I", bits & 0xFFFFFFFF))[0]
    if kind == "bool":
        return bool(bits & 1)
    if kind == "None":
        return None
    if kind.startswith("uint"):
        return bits
    return bits - (1 << 64) if bits >> 63 else bits


def _argument(arg: Any, values: Sequence[int]) -> Any:
    kind, *rest = arg
    if kind == "c":
        const = rest[0]
        return None if const[0] == "none" else const[1]
    if kind == "v":
        return value(rest[1], values[rest[0]])
    return "".join(p if isinstance(p, str) else _piece(p, values) for p in rest[0])


_CONVERSIONS: dict[str, Any] = {"s": str, "r": repr, "a": ascii}


def _piece(piece: Any, values: Sequence[int]) -> str:
    slot, kind, conversion, spec = piece
    shown = value(kind, values[slot])
    if conversion not in (None, "", -1, 0):
        shown = _CONVERSIONS[conversion if isinstance(conversion, str) else chr(conversion)](shown)
    return format(shown, spec or "")


def _operate(operation: str, operands: Any) -> Any:
    if operation in _BINARY:
        return _BINARY[operation](*operands)
    if operation.startswith("math."):
        import math

        return getattr(math, operation[5:])(*operands)
    return getattr(builtins, operation)(*operands)


def _store(operation: str, number: Any, records: list[Record]) -> None:
    """OverflowError of what does not fit, with the words of a call or store from Python."""
    from jitd import types

    _, kind, *place = operation.split(":")
    where, f = "", None
    if place:
        record, entry, name = records[int(place[0])], place[1], place[2]
        f = record.func(entry)
        where = f"{f.func.__qualname__}() argument {name!r}: " if f else f"{record.target.__name__}.{name}: "
    if kind == "int":
        ways = ": for others declare it jitd.uint64, float or jitd.Py (a Python field)" if place and not f else ""
        raise OverflowError(f"{where}{number} is out of range for int ({-1 << 63}..{(1 << 63) - 1}){ways}")
    getattr(types, kind).refuse(number, where)


def places(unit: Unit, site: int) -> list[tuple[str, str, int]]:
    """(file, function, line) of each frame for a traceback, innermost first. A unit is (sites, records of its definitions)."""
    sites, records = unit
    line, definition, name, _, _, *frames = sites[site]
    record = records[definition]
    f = record.func(name)
    file, function = (f.code.co_filename, f.code.co_name) if f else (record.file, name)
    found = []
    for comprehension, outside in frames[0] if frames else ():
        found.append((file, comprehension, line))
        line = outside
    return [*found, (file, function, line)]


def _names(unit: Unit, site: int) -> tuple[dict[str, Any], Any, Any]:
    """Of the function that the site is in: globals, built-in names, and what stands for a name, which may be a cell's."""
    sites, records = unit
    function = records[sites[site][1]].func(sites[site][2]).func
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    return function.__globals__, function.__builtins__, lambda name: cells.get(name, intern(name))


def handlers(unit: Unit, site: int) -> tuple[Any, ...]:
    """What the handlers of a try are for: (globals, builtins, ((names or cells, whether it is compiled), ...)); see ext/catch.c."""
    names, builtin, found = _names(unit, site)
    return names, builtin, tuple((tuple(map(found, of)), compiled) for of, compiled in unit[0][site][4])


def _meant(unit: Unit, site: int, name: str) -> Any:
    """What a name of the function means now."""
    names, builtin, found = _names(unit, site)
    of = found(name)
    return of.cell_contents if isinstance(of, CellType) else names[of] if of in names else builtin[of]


_ALWAYS: dict[str, type[Exception]] = {**dict.fromkeys(("/", "//", "%", "divmod"), ZeroDivisionError)}


_FORMAT = "[-+ <>^=0]*[0-9]{0,3}[,_]?([.][0-9]{1,2})?[bdoxXeEfFgG%]?"
_SAMPLES: dict[str, Any] = {"float": 0.5, "float32": 0.5, "bool": True}


def _is_made(arg: Any) -> bool:
    """Whether making that argument of an exception raises nothing, whatever the values are."""
    for piece in arg[1] if arg[0] == "f" else ():
        spec = "" if isinstance(piece, str) else piece[3]
        try:
            if spec and not fullmatch(_FORMAT, spec):
                return False
            if spec:
                format(_SAMPLES.get(piece[1], 1), spec)
        except ValueError:
            return False
    return True


def raised(unit: Unit, site: int) -> Any:
    """The class of what is raised there; None: that depends on values."""
    kind, payload = unit[0][site][3:5]
    if kind == "raise" and not all(map(_is_made, payload[1])):
        return None
    if kind == "raise" and len(payload) > 2:
        names, builtin, found = _names(unit, site)
        return names, builtin, found(payload[0])
    if kind == "raise":
        return getattr(builtins, payload[0])
    return {"none": AttributeError, "attr": AttributeError}.get(kind) or (_ALWAYS.get(payload[0]) if kind == "op" else None)


def _shown(piece: Any) -> Any:
    """A part of a formatted text: text, or what makes it of the trap's values."""
    if isinstance(piece, str):
        return piece
    slot, kind, conversion, spec = piece
    if kind == "int" and conversion in (None, "", -1, 0) and not spec:
        return lambda values: str(bits if (bits := values[slot]) < 1 << 63 else bits - (1 << 64))
    return lambda values: _piece(piece, values)


def arguments(unit: Unit, site: int) -> Any:
    """Those of the exception that is raised there, or a function that makes them of the trap's values; None: it is no such exception."""
    kind, payload = unit[0][site][3:5]
    if kind != "raise":
        return None
    args = payload[1]
    if len(args) == 1 and args[0][0] == "f":
        shown = [_shown(piece) for piece in args[0][1]]
        return lambda values: ("".join([piece if piece.__class__ is str else piece(values) for piece in shown]),)
    if any(arg[0] != "c" for arg in args):
        return lambda values: tuple([_argument(arg, values) for arg in args])
    return tuple(_argument(arg, ()) for arg in args)


def raise_site(unit: Unit, site: int, values: Sequence[int]) -> Any:
    """Raises what the code at that site of the unit could not do."""
    sites, records = unit
    _, _, name, kind, payload, *_ = sites[site]
    if kind == "raise":
        exception, args, *named = payload
        raise (_meant(unit, site, exception) if named else getattr(builtins, exception))(*(_argument(a, values) for a in args))
    if kind == "op":
        operation, operands = payload
        if operation.startswith("store:"):
            return _store(operation, value(payload[1][0][1], values[payload[1][0][0]]), records)
        return _operate(operation, [value(t, values[slot]) for slot, t in operands])
    if kind == "overflow":
        raise OverflowError(payload[0])
    if kind == "attr":
        raise AttributeError(f"{records[payload[0]].target.__name__!r} object has no attribute {payload[1]!r}")
    if kind == "none":
        name, store = payload
        return setattr(None, name, 0) if store else getattr(None, name)
    if kind == "recursion":
        raise RecursionError("maximum recursion depth exceeded")
    raise SystemError(f"jitd: the trap of {name} is of an unknown kind {kind!r}")
