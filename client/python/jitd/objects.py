"""Shared instances by name, and what a class's instances look like in memory."""

from __future__ import annotations

from jitd import _jitd, link
from jitd.declare import is_jitclass, type_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jitd.declare import Record


def publish(name: str, obj: object) -> None:
    """Gives the object a name in the namespace, under which other processes find it; None takes the name away. What the object, and
    those that it refers to, have in this process only is a CompileWarning, once a class: Python fields, attributes that nobody declared,
    native fields that hold something else or were deleted."""
    link.connect()
    if link.own_ids and _jitd.connected():
        from jitd.again import number_all

        number_all()
    shared = _jitd.publish(name, obj)
    if obj is not None and not any(one is obj for one in shared):
        shared.append(obj)
    for one in shared:
        record = next(base.__dict__["__jitd_record__"] for base in type(one).__mro__ if "__jitd_record__" in base.__dict__)
        if not record.published:
            _tell_of_what_stays(record, one)


def _tell_of_what_stays(record: Record, obj: object) -> None:
    named = _jitd.beside(obj)
    if not named:
        return
    import sys

    from jitd import warn

    record.published = True
    frame = sys._getframe(2)
    kinds = {name: "Python fields" for name in record.py_fields} | {name: "fields as they are here" for name, _, _ in record.fields}
    found: dict[str, list[str]] = {}
    for field in named:
        found.setdefault(kinds.get(field, "undeclared attributes"), []).append(field)
    text = " nor ".join(f"the {kind} ({', '.join(names)})" for kind, names in found.items())
    warn.give(frame.f_code.co_filename, frame.f_lineno, f"{record.name}: other processes do not have {text} of a published instance")


def lookup(name: str) -> Any:
    """The object of that name: the same one, not a copy. KeyError when there is none."""
    link.connect()
    link.finish_pending()
    try:
        found = _jitd.lookup(name)
    except TypeError:  # it is of a class that was not known a moment ago: somebody else was compiling it
        link.catch_up()
        found = _jitd.lookup(name)
    if found is None:
        raise KeyError(name)
    return found


_OTHERS_MS = 100  # so long, twice, may other processes' calls take to end: what they have in hand is not seen

# What NumPy and ctypes call a field's type, and its size; of a reference, which is the place of an object.
_REFERENCE = ("", "c_uint64", 8)
_SCALARS = {"int": ("i8", "c_int64", 8), "float": ("f8", "c_double", 8), "bool": ("?", "c_bool", 1), "float32": ("f4", "c_float", 4)}
_SCALARS |= {f"{sign}int{8 * n}": (f"{sign or 'i'}{n}", f"c_{sign}int{8 * n}", n) for sign in ("", "u") for n in (1, 2, 4, 8)}


def _record_of(cls: type) -> Record:
    """Of a jitclass, or of the one above a Python class; its fields have their places."""
    record: Record | None = next((base.__dict__["__jitd_record__"] for base in getattr(cls, "__mro__", ()) if "__jitd_record__" in base.__dict__), None)
    if record is None:
        raise TypeError(f"{cls!r} is no jitclass")
    link.lay_out(record)
    return record


def _fields_of(record: Record) -> list[tuple[str, int, tuple[str, str, int]]]:
    """(name, offset, what its type is called elsewhere) of the native fields."""
    info = _jitd.class_info(record.target)
    assert info is not None
    kinds = [_SCALARS[t] if isinstance(t, str) else _REFERENCE for t in record.field_types]
    return [(name, offset - 16, kind) for (name, offset), kind in zip(info[2], kinds)]


def _size_of(record: Record) -> int:
    """C's sizeof: without what the arena adds to it."""
    fields = _fields_of(record)
    widest = max((kind[2] for _, _, kind in fields), default=1)
    end = max((offset + kind[2] for _, offset, kind in fields), default=0)
    return -(-end // widest) * widest


def dtype_of(cls: type) -> Any:
    """C.dtype: NumPy's aligned structured dtype of tobytes(obj)."""
    record = _record_of(cls)
    if record.dtype is None:
        fields = _fields_of(record)
        references = [name for name, _, kind in fields if kind is _REFERENCE]
        if references:
            raise TypeError(f"{record.short}.dtype: NumPy has no type for the field {references[0]}, which is a reference")
        numpy: Any = __import__("numpy")  # checkers may not have it
        shape = {"names": [f[0] for f in fields], "formats": [f[2][0] for f in fields], "offsets": [f[1] for f in fields]}
        record.dtype = numpy.dtype(shape | {"itemsize": _size_of(record)}, align=True)
    return record.dtype


def ctype(cls: type) -> Any:
    """A ctypes.Structure of tobytes(obj). A reference is the 64-bit place of an object in the arena; 0: it was never set, 1: None."""
    record = _record_of(cls)
    if record.ctype is None:
        import ctypes

        fields = [(name, getattr(ctypes, kind[1])) for name, _, kind in _fields_of(record)]
        record.ctype = type(record.target.__name__, (ctypes.Structure,), {"_fields_": fields, "__module__": record.target.__module__})
    return record.ctype


def tobytes(obj: Any) -> bytes:
    """The bytes of an instance's native fields as they are now, which C.dtype and ctype(C) describe. TypeError for an instance of which a field
    was deleted, or holds something that its type does not."""
    record = _record_of(type(obj))
    elsewhere = {name for name, _, _ in record.fields}.intersection(_jitd.beside(obj))
    if elsewhere:
        raise TypeError(f"the field {min(elsewhere)} of this {record.short} was deleted, or holds what its type does not")
    return _jitd.bytes_of(obj, _size_of(record))


def gc() -> int:
    """Frees instances that only hold each other, and what hangs on them, now: otherwise that is done when an instance's memory has doubled since it
    was done last. Where Python fields are involved it is CPython's collector that does it, which runs, too. How many were found; none
    while compiled code is on its way, which may have some of them in hand."""
    import gc

    if _jitd.connected() is None:
        return 0
    before = _jitd.arena_stats()["objects"]
    _jitd.expect_garbage()
    gc.collect()
    gone = max(before - _jitd.arena_stats()["objects"], 0)
    return gone + _jitd.collect_private() + max(_jitd.collect(_OTHERS_MS), 0)


def layout(cls: type) -> dict[str, Any]:
    """{"size": bytes of an instance behind its header, "fields": [(name, type, offset)]}: C's layout, in declared order."""
    if not is_jitclass(cls):
        raise TypeError(f"{cls!r} is no jitclass")
    record = cls.__dict__["__jitd_record__"]
    link.lay_out(record)
    info = _jitd.class_info(cls)
    assert info is not None
    _, size, fields = info
    header = 16
    return {
        "size": size - header,
        "fields": [(name, type_words(t), offset - header) for (name, offset), t in zip(fields, record.field_types)],
    }
