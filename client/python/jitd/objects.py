"""Shared instances by name, and what a class's instances look like in memory."""

from __future__ import annotations

from jitd import _jitd, link
from jitd.declare import is_jitclass, type_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jitd.declare import Record


def publish(name: str, obj: object) -> None:
    """Gives the object a name in the namespace, under which other processes find it; None takes the name away. Python fields stay in
    this process: that some are set is a CompileWarning, once a class."""
    link.connect()
    _jitd.publish(name, obj)
    record = type(obj).__dict__.get("__jitd_record__")
    if record is not None and record.py_fields and not record.published:
        _tell_of_python_fields(record, obj)


def _tell_of_python_fields(record: Record, obj: object) -> None:
    named = [field for field in record.py_fields if hasattr(obj, field)]
    if not named:
        return
    import sys

    from jitd import warn

    record.published = True
    frame = sys._getframe(2)
    text = f"{record.name}: other processes do not have the Python fields of a published instance ({', '.join(named)})"
    warn.give(frame.f_code.co_filename, frame.f_lineno, text)


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
