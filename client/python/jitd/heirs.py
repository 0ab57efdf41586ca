"""Jitclasses that extend jitclasses. Such a class is compiled as if all of its fields and methods stood in it: those that it inherits are compiled for it
once more, and calls of self's methods and of super()'s are calls of functions that are known. Its instances begin with the fields of the class above, in
the same places, whose descriptors they use. Only loaded when there is one."""

from __future__ import annotations

import sys
from _weakref import ref

from jitd._jitd import MISSING, Instance, replace
from jitd.declare import _HOOKS, _NO_MEMBERS, Declared, Func, Record, _eq, _is_pseudo, _make_method, _repr, evaluate_in, field_type, own_annotations
from jitd.members import _is_made, as_dataclass, declares, equal, holds_state, is_to_be_made, own_fields, show, sourced_init

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SAME = ("strict", "overflow", "fastmath", "boundscheck")  # options that the functions of both are compiled with


def record_above(cls: type) -> Record:
    """That of the nearest jitclass that it extends, of those with fields if there are any."""
    return _with_fields([base for base in cls.__mro__[1:] if "__jitd_record__" in base.__dict__])[0].__dict__["__jitd_record__"]  # type: ignore[no-any-return]


def _with_fields(jitclasses: list[Any]) -> list[Any]:
    return [base for base in jitclasses if base.__dict__["__jitd_record__"].declared] or jitclasses


def _why_several(jitclasses: list[Any]) -> str | None:
    """Several may be among the bases if all but one are there for their methods."""
    extended = _with_fields(jitclasses)
    if not jitclasses[0].__dict__["__jitd_record__"].declared and extended is jitclasses:
        extended = jitclasses[:1]
    if not all(issubclass(one, other) for one, other in zip(extended, extended[1:])):
        return "it has several jitclasses as bases"
    fields = {field.name for field in extended[0].__dict__["__jitd_record__"].declared}
    for base in jitclasses:
        own = {name for name, value in base.__dict__.items() if not str(getattr(value, "__module__", None)).startswith("jitd.")}
        if not issubclass(extended[0], base) and not (_MADE_WITH | fields).isdisjoint(own):
            return f"it has several jitclasses as bases, and {base.__name__} is no mixin"
    return None


_MADE_WITH = _HOOKS | {"__init__", "__post_init__", "__dataclass_fields__", "__repr__", "__eq__"}


def why_python(cls: Any, spec: Any, options: dict[str, Any]) -> str | None:
    """Why a class that extends a jitclass is a Python class above it; None: it is one like it."""
    bases = [base for base in cls.__mro__[1:-1] if base is not Instance]
    jitclasses = [base for base in bases if "__jitd_record__" in base.__dict__]
    for base in bases:
        if base not in jitclasses and (issubclass(base, Instance) or not _is_mixin(base)):
            return f"it has the base {base.__name__}"
    several = _why_several(jitclasses)
    if several:
        return several
    above = record_above(cls)
    records = [above, *(base.__dict__["__jitd_record__"] for base in jitclasses if base is not above.target)]
    if any(record.change or record.changes or record.renewed for record in records):
        return "a class above it was changed"
    if any(record.options[name] != options[name] for name in _SAME for record in records):
        return "its options are others than those of the class above it"
    if type(cls).__call__ is not type.__call__ or "__slots__" in cls.__dict__:
        return "it is made in a way of its own"
    names = {name for base in jitclasses for name in base.__dict__}
    mixed = next((name for base in bases if base not in jitclasses for name in base.__dict__ if name in names and name not in _HOUSEHOLD), None)
    if mixed:
        return f"several of its bases have a {mixed}"
    return _why_fields(cls, spec, options, records)


_HOUSEHOLD = _NO_MEMBERS - {"__init__"} | {"__abstractmethods__", "_abc_impl", "__parameters__", "__orig_bases__", "__match_args__", "__signature__"}


def _is_mixin(base: type) -> bool:
    """Nothing but attributes of the class."""
    is_made = bool(base.__flags__ & 1 << 9)  # Py_TPFLAGS_HEAPTYPE
    return is_made and not holds_state(base) and not own_annotations(base) and not base.__dict__.get("__slots__")


def _is_dataclass(record: Record) -> bool:
    """Whether the standard library's dataclasses made its members, or those of a class above it."""
    return any("dataclasses made" in why for why in record.other.values())


def _needs_the_library(cls: Any, options: dict[str, Any], own: list[Declared], base: Record) -> bool:
    makes = base.init == "user" and declares(own) and "__init__" not in cls.__dict__  # which hides that of the class above
    return makes or is_to_be_made(cls, options, own, _is_dataclass(base))


def _why_fields(cls: Any, spec: Any, options: dict[str, Any], records: list[Record]) -> str | None:
    own = {field.name: field for field in own_fields(cls, spec)}
    base = records[0]
    fields = {field.name: field for field in base.declared}
    needs = _needs_the_library(cls, options, [*own.values()], base)
    makes = not _has_init(cls) and (declares(own.values()) or needs or base.init == "generated")
    if makes and any(field.inferred for field in fields.values()):
        return "its __init__ is made of its fields, and that of the class above it is not"
    taken = next((name for name in fields if name in cls.__dict__ and name not in own), None)
    taken = taken or next((name for name in fields if name in own and not _is_same(cls, base, fields[name], own[name])), None)
    if taken:
        return f"it has a {taken} of its own, which is a field of the class above it"
    members = {f.name for record in records for f in record.funcs} | {name for record in records for name in record.consts if name not in fields}
    taken = next((name for name, field in own.items() if name in members and not _is_pseudo(field.annotation)), None)
    return taken and f"its field {taken} is an attribute of the class above it"


def _has_init(cls: Any) -> bool:
    """One of its own, which nobody made of its fields."""
    return "__init__" in cls.__dict__ and not _is_made(cls.__dict__["__init__"])


def _is_same(cls: Any, base: Record, field: Declared, own: Declared) -> bool:
    """Whether what a class declares once more is the field of the class above, at most with another default."""
    again = Declared(own.name, own.annotation, own.default)
    again.none, again.absent, again.wide = field.none, field.absent, field.wide
    stand_in = Record("class", cls, base.name, cls.__module__, base.options)
    stand_in.evaluate = _evaluator(cls)
    try:
        resolved = [field_type(base, field), field_type(stand_in, again)]
    except Exception:  # whatever an annotation raises: a name may come later
        return False
    return resolved[0] == resolved[1] and not _is_pseudo(own.annotation) and "InitVar" not in repr(own.annotation) and not field.inferred


def _evaluator(cls: Any) -> Any:
    """Of annotations, as far as they need nothing but what its module has."""
    scope = sys.modules[cls.__module__].__dict__ if cls.__module__ in sys.modules else {}
    return lambda text: evaluate_in(text, scope, {cls.__name__: cls})


def fields(record: Record, cls: Any, own: list[Declared], spec: Any) -> tuple[list[Declared], Any]:
    """Those of the class above, then its own, and the names of what dataclasses made; None: it has what jitd makes of its fields."""
    base, mine = record.base, own_fields(cls, spec)
    if _needs_the_library(cls, record.options, mine, base):
        generated, found = as_dataclass(record, cls, mine)
        if any(field.inferred for field in base.declared) and record.init == "generated":
            record.init = "user"  # which has its fields in another order than they are in memory
    else:
        generated, found = None, mine
        if not declares(mine):  # it has what it inherits
            generated = set()
            record.init = "user" if "__init__" in cls.__dict__ else base.init
    names, latest = {field.name for field in mine}, {field.name: field for field in found}
    merged = [_copy(field, base, latest.get(field.name) if field.name in names else None) for field in base.declared]
    known = {field.name for field in merged}
    own = found if generated else own
    return merged + [field for field in own if field.name not in known], generated


def _copy(field: Declared, base: Record, again: Declared | None) -> Declared:
    copy = Declared(field.name, field.annotation, field.default, field.factory, field.inferred, field.init)
    copy.none, copy.absent, copy.wide, copy.owner = field.none, field.absent, field.wide, field.owner or base
    if again is not None:
        copy.annotation, copy.default, copy.factory, copy.init, copy.again = again.annotation, again.default, again.factory, again.init, True
    elif field.again:
        copy.annotation, copy.owner = field.annotation, base
    return copy


def lay_out(record: Record, final: bool) -> None:
    """The class above comes first, and what it takes a field for holds here, too."""
    from jitd import link

    link.lay_out(record.base, final)
    for field in record.declared:
        if field.owner is not None:
            field.none = next(other.none for other in record.base.declared if other.name == field.name)


def below(record: Record) -> list[Record]:
    """The classes that extend it, directly or not, by name."""
    found: dict[int, Record] = {}
    todo = [record]
    for one in todo:
        for heir in [heir() for heir in one.heirs]:
            if heir is not None and id(heir) not in found:
                found[id(heir)] = heir
                todo.append(heir)
    return sorted(found.values(), key=lambda heir: heir.name)


def add_members(record: Record, cls: Any) -> None:
    """What the class inherits, as if it stood in it. What it has something else for is there for super() only."""
    taken = {f.entry for f in record.funcs} | {name for name in cls.__dict__ if name not in _HOUSEHOLD}
    for level, klass in enumerate(cls.__mro__[1:-1], 1):
        base = klass.__dict__.get("__jitd_record__")
        if base is None:
            continue
        record.stored |= base.stored
        for f in base.funcs:
            if f.level == 0:
                _inherit(record, base, f, level, taken)
        if base.init == "generated" and "__init__" in klass.__dict__ and "__init__" in cls.__dict__ and "__init__" not in record.other:
            _generated(record, base, level)
        _shows_own(klass, base)
        here = {name for name in klass.__dict__ if name not in _HOUSEHOLD}
        for name, value in base.consts.items():
            if name in here and name not in taken and name in record.stored:
                record.other[name] = "a class attribute that its methods set"
            elif name in here and name not in taken:
                record.consts[name] = value
        for name, why in base.other.items():
            if name not in taken and (name in here or name not in _names(record)):
                record.other.setdefault(name, why)
        taken |= here
        base.heirs[:] = [heir for heir in base.heirs if heir() is not None] + [ref(record)]


def _names(record: Record) -> set[str]:
    return {f.entry for f in record.funcs}


def _shows_own(cls: Any, base: Record) -> None:
    """The generated __repr__ and __eq__ of a class that is extended are about the fields of that class, whatever they are called for."""
    if cls.__dict__.get("__repr__") is _repr:

        def __repr__(self: Any) -> str:
            return show(self, base)

        replace(cls, "__repr__", __repr__)
    if cls.__dict__.get("__eq__") is _eq:

        def __eq__(self: Any, other: Any) -> Any:
            return equal(self, other, base)

        replace(cls, "__eq__", __eq__)


def _generated(record: Record, base: Record, level: int) -> None:
    """An __init__ that was made of fields, which one of the class may call."""
    one = Func("__init__", "method", sourced_init(base.target))
    one.level, one.owner, one.hidden, one.entry = level, base, True, f"__init__@{level}"
    record.above.append(one)


def _inherit(record: Record, base: Record, f: Func, level: int, taken: set[str]) -> None:
    one = Func(f.name, f.kind, f.func)
    one.hint, one.level, one.owner = f.hint, level, base
    if f.hint is not None and f.hint.ignore:
        one.reason = f.reason
    one.hidden = f.name in taken
    if one.hidden:
        one.entry = f"{f.entry}@{level}"
        record.above.append(one)
        return
    record.funcs.append(one)
    if one.reason or f.method is None or f.kind in ("static", "class"):
        return
    _make_method(record, one)
    one.method._set_class(record.target)
    f.method._set_heir(record.target, one.method)


def reach(record: Record, f: Func) -> None:
    """A function that is compiled for an heir is found where it stands: there it may be the plain one again."""
    above = next(other for other in f.owner.funcs if other.entry == f.entry)
    if f.kind != "method" or above.method is None or f.method is None:
        return
    if f.owner.target.__dict__.get(f.name) is above.func:
        replace(f.owner.target, f.name, above.method)


def leave(record: Record, f: Func) -> None:
    """It stays Python for the heir."""
    above = next(other for other in f.owner.funcs if other.entry == f.entry)
    if above.method is not None:
        above.method._set_heir(record.target, None)


def has_heirs(record: Record, f: Func) -> bool:
    """Whether the method is compiled for another class, whose calls come by."""
    heirs = [heir() for heir in record.heirs]
    return any(g.owner is record and g.entry == f.entry and not g.reason for heir in heirs if heir is not None for g in heir.funcs)

