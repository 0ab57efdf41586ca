"""What a warm start does not load: having a program compiled, specialising a function for its call's types, classes without a
daemon. link.py does the rest."""

from __future__ import annotations

from _weakref import ref

from jitd import _jitd, flight, link, warn
from jitd.declare import SCALARS, property_like, type_text, type_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jitd.declare import Func, Record, Resolved

_COMPILE = 3  # protocol/messages.def


def _own_entries(record: Record) -> list[Func]:
    """The functions whose types are all known: they are compiled with the unit, the others at their calls."""
    return [f for f in record.funcs if f.method is not None and not f.reason and None not in f.types]


def described(record: Record) -> bytes:
    """Its unit, as it is sent."""
    from jitd import unit

    return unit.describe(record.name, record.key, record.options, link.closure([record]), [(f, None) for f in _own_entries(record)])


def compile_record(record: Record) -> None:
    if record.kind == "function" and not _own_entries(record):
        return link.set_modes(record, {})
    try:
        packed = described(record)
        if record.kind == "function" and not _own_entries(record):  # it has no source
            return link.set_modes(record, {})
        answer = request(packed)
    except (_jitd.RemoteError, ConnectionError) as error:
        if not record.linked:
            _compile_failed(record, error)
        return
    if not record.linked:
        link.install(record, answer)


def request(packed: bytes, *within_ms: int) -> dict[str, Any]:
    """The daemon's answer to a unit."""
    from jitd.unit import MAX_UNIT

    if len(packed) > MAX_UNIT:
        raise _jitd.RemoteError("refused", f"it is too large to be compiled: {len(packed)} bytes with all that it uses, at most {MAX_UNIT}")
    return flight.ask(_COMPILE, {"unit": packed}, *within_ms)


def _compile_failed(record: Record, error: Exception) -> None:
    """The whole unit was refused, or nobody is there to compile it: the class gets its layout, and stays Python, or its methods are compiled
    one by one, or, where a later try may find somebody, waits."""
    if record.kind == "function":
        if may_be_compiled_later(error):
            link.set_modes(record, {})
            return wait(record, error)
        give_up(record, error.args[-1])
        return link.set_modes(record, {})
    bare = [r for r in link.closure([record]) if r.kind == "class"]
    waits = may_be_compiled_later(error)  # else the compiler has said no: to all of them together
    answer, worse = ask_for_layout(record, bare)
    if record.linked:
        return
    error = worse or error
    waits = waits or may_be_compiled_later(error)
    if not waits and (answer is None or len(_own_entries(record)) < 2):
        give_up(record, error.args[-1])
    if answer is not None:
        link.install(record, answer, bare)  # if it was all of them together that took too long or too much, each is compiled at its first call
        record.unit = None  # which has no code
    else:
        link_local(record, waits)
    if waits:
        wait(record, error)
    warn.tell(record)


def give_up(record: Record, reason: str) -> None:
    record.failed = reason
    for f in record.funcs:
        f.reason = f.reason or reason
    _note(record, f"{record.name} stays Python: {reason}")


def _note(record: Record, text: str) -> None:
    warn.note(record, record.file, record.funcs[0].code.co_firstlineno if record.funcs else 1, text)


def ask_for_layout(record: Record, bare: list[Record]) -> tuple[Any, Any]:
    """(the answer, None), or (None, why there is none). It takes no compiler. The unit has a key of its own, the classes keep theirs: a class
    has one number, whoever asked for it first."""
    from jitd import unit

    packed = unit.describe(record.name, link.key_of(record, "layout only"), record.options, bare, [], only_layout=True)
    try:
        return flight.ask(_COMPILE, {"unit": packed, "layout": True}), None
    except (_jitd.RemoteError, ConnectionError) as error:
        return None, error


# ---- nobody is there to compile it, or in time ----

_LATER = ("absent", "busy", "quota")  # protocol.md: what the daemon refuses, and may do later


def may_be_compiled_later(error: Exception) -> bool:
    return isinstance(error, ConnectionError) or error.args[0] in _LATER


def wait(record: Record, error: Exception) -> None:
    """Its methods run in Python until a call of one, some time from now, finds who compiles it (again.py)."""
    record.failed = error.args[-1]
    _note(record, f"{record.name} is Python until it can be compiled: {record.failed}")
    pause(record, True)


def pause(record: Record, pending: bool) -> None:
    """Nobody is asked to compile anything of it for a while, each time for longer."""
    record.pause = min(2 * record.pause, _PAUSE_MAX) or _PAUSE
    for f in record.funcs:
        if f.method is not None and not f.reason:
            f.method._set_waiting(int(1000 * record.pause), pending)


_PAUSE, _PAUSE_MAX = 1.0, 60.0  # s


# ---- specialisations ----


def specialise(record: Record, f: Func, values: tuple[Any, ...]) -> bool | None:
    """Compiles (or finds) the function for these argument types. False: they are left to Python; None: for now."""
    from jitd.types import of_value

    if f in record.late and not link.revive(record, f):
        warn.note_func(record, f, f.line, str(f.reason), f.text)
        warn.tell(record)
        return None
    resolved = [of_value(v) for v in values]
    if f.reason or not _jitd.connected():
        return False
    from jitd.unit import type_is_small

    if not all(map(type_is_small, resolved)):
        return False
    resolved = [_beside_sized(a, v) for a, v in zip(f.types, resolved)]
    return None not in resolved and specialise_for(record, f, resolved)


def specialise_for(record: Record, f: Func, resolved: list[Any]) -> bool | None:
    """The same for types that are known to be native. One thread does it, the others have its result."""
    key = (f.entry, *map(_hashable, resolved))
    done = False
    while record.versions.get(key) is None and not done:
        done = flight.alone((record, key), lambda: record.versions.__setitem__(key, _specialise(record, f, resolved)))
    return record.versions.get(key)


def _hashable(resolved: Any) -> Any:
    return tuple(map(_hashable, resolved)) if isinstance(resolved, list) else resolved


def _specialise(record: Record, f: Func, resolved: list[Any]) -> bool | None:
    """None: nobody is there to compile it, or in time."""
    classes: list[Any] = []
    for t in resolved:
        _classes_of(t, classes)
    for other in classes:
        link.prepare(other)
    defs = link.closure([record, *classes])
    try:
        answer = _specialised_unit(record, f, resolved, classes, defs)
    except ConnectionError:
        pause(record, False)
        return None
    return answer is not None and _install_specialisation(record, f, resolved, answer, defs)


def _expected(annotated: Sequence[Any], given: Sequence[Any]) -> bool:
    """Whether a caller who goes by the annotations gives such types: what becomes of other calls is no news."""
    return all(a is None or _like(a, v) for a, v in zip(annotated, given))


def _like(annotated: Any, given: Any) -> bool:
    if isinstance(annotated, tuple) and isinstance(given, tuple):
        return annotated[0] is given[0]
    return type(annotated) is type(given) and all((annotated == kind) == (given == kind) for kind in ("None", "py"))


def _beside_sized(annotated: Any, given: Any) -> Any:
    """A parameter's type in a specialisation: sized ones stay what their annotation says, and None is what that never takes. So does what
    it says of a list."""
    if annotated == "py" == given:
        return annotated
    if not is_sized(annotated):
        return given
    return annotated if given in ("int", "bool") or (annotated, given) == ("float32", "float") else None


def refuse(record: Record, f: Func, types: Sequence[Any], line: int, message: str, text: str, expected: bool = True) -> None:
    """Calls with these types are left to Python: explain says it, and a warning, if such calls are to be expected."""
    record.refusals.setdefault(f.entry, {})[", ".join(map(type_words, types))] = line, message
    if expected and not warn.is_asked_for(message):
        warn.note(record, f.code.co_filename, line, text)
    warn.tell(record, any(map(is_sized, f.types)))  # their arithmetic wraps in compiled code only


def _classes_of(resolved: Resolved | None, found: list[Record]) -> None:
    for item in resolved if isinstance(resolved, list) else getattr(resolved, "items", ()):
        _classes_of(item, found)
    if isinstance(resolved, tuple):
        record = resolved[0].__dict__["__jitd_record__"]
        found += record, *link.heirs_of(record)


def _specialised_unit(record: Record, f: Func, resolved: list[Any], classes: list[Record], defs: list[Record]) -> Any:
    from jitd import unit

    shown = ", ".join(type_words(t) for t in resolved)
    name = f"{record.name}.{f.entry}" if record.kind == "class" else record.name
    texts = [type_text(t, lambda cls: cls.__dict__["__jitd_record__"].key.hex()) for t in resolved]
    key = link.key_of(record, f.entry, *texts)
    try:
        found = flight.ask(link.LOOKUP, {"keys": [key]})["units"][0]
        if found is None:
            packed = unit.describe(f"{name}({shown})", key, record.options, defs, [(f, resolved)])
            if f.reason:  # it has no source
                refuse(record, f, resolved, f.code.co_firstlineno, f.reason, f"{name}({shown}) stays Python: {f.reason}")
                return None
            found = request(packed)
    except (_jitd.RemoteError, ConnectionError) as error:
        later = may_be_compiled_later(error)
        text = f"{name}({shown}) {'is Python until it can be compiled' if later else 'stays Python'}: {error.args[-1]}"
        refuse(record, f, resolved, f.code.co_firstlineno, error.args[-1], text)
        if later:
            raise ConnectionError(error.args[-1]) from None
        return None
    record.refusals.get(f.entry, {}).pop(shown, None)
    record.pause = record.pause if record.failed else 0.0
    if (f.entry, key) not in record.specialised:
        record.specialised.append((f.entry, key))
    return found


def _install_specialisation(record: Record, f: Func, resolved: list[Any], answer: dict[str, Any], defs: list[Record]) -> bool:
    meta = _jitd.unpack(answer["meta"])
    link.number(defs, answer["classes"])
    for definition, name, line, _, message, text in meta["refused"]:
        if definition == 0 and name == f.entry:
            refuse(record, f, resolved, line, message, text, _expected(f.types, resolved))
    if not meta["entries"]:
        return False

    for part in meta["parts"]:
        if part[0] == 0 and part[1] == f.entry and _expected(f.types, resolved):
            warn.note_part(record, part)
    warn.tell(record)
    _, _, params, result, flags = meta["entries"][0]
    unit = (meta["sites"], defs)
    guard = link.guard_of(defs)
    if any([r.change or r.changes for r in defs]):
        from jitd.changed import why_not

        if why_not(f, defs):
            return False
    made = f.method._add_plan(unit, guard, answer["slot"], tuple(params), result, tuple(r.target for r in defs), flags)
    link.depends(f.method, defs)
    return made


# ---- without a daemon, or after its end ----


def link_local(record: Record, waits: bool = False) -> None:
    """A class with a local layout, or a function: all methods are plain Python, if it does not wait for the compiler."""
    for definition in link.closure([record]):
        if definition.kind == "class" and not definition.class_id:
            refs = [at for at, t in zip(definition.offsets, definition.field_types) if isinstance(t, tuple)]
            definition.own_id = True  # until the daemon gives it one
            link.own_ids[ref(definition)] = None
            link.identify(definition, (definition.key, _jitd.local_class(definition.key, definition.size, refs)))
    for f in () if waits else record.funcs:
        if f.method is not None:
            f.method._set_python()
            give_back(record, f)
    record.linked = True


# ---- what stays Python ----


def give_back(record: Record, f: Func) -> None:
    """A method that stays Python is the plain function again, unless the Method has arguments to check."""
    if f.owner is not None:
        from jitd.heirs import leave

        return leave(record, f)
    if record.kind != "class" or record.options["strict"] or any(map(is_sized, f.types or ())):
        return
    if record.heirs:
        from jitd.heirs import has_heirs

        if has_heirs(record, f):
            return
    if f.kind == "method" and record.target.__dict__.get(f.name) is f.method:
        _jitd.replace(record.target, f.name, f.func)
    elif f.kind == "static" and getattr(record.target.__dict__.get(f.name), "__func__", None) is f.method:
        _jitd.replace(record.target, f.name, staticmethod(f.func))
    elif f.kind in ("property", "setter"):
        _give_back_property(record.target, f)


def _give_back_property(cls: type, f: Func) -> None:
    old: Any = cls.__dict__.get(f.name)
    if not isinstance(old, property):
        return
    parts: list[Any] = [f.func if part is f.method else part for part in (old.fget, old.fset)]
    made: Any = property_like(old, parts[0], parts[1])
    made.__set_name__(cls, f.name)
    _jitd.replace(cls, f.name, made)


def is_sized(resolved: Resolved | None) -> bool:
    return isinstance(resolved, str) and resolved not in ("None", "py") and resolved not in SCALARS.values()
