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
