"""Shared instances by name, and what a class's instances look like in memory."""

from jitd import _jitd, link
from jitd.declare import is_jitclass, type_words


def publish(name, obj):
    """Gives the object a name in the namespace, under which other processes find it; None takes the name away."""
    link.connect()
    _jitd.publish(name, obj)


def lookup(name):
    """The object of that name: the same one, not a copy. KeyError when there is none."""
    link.connect()
    link.finish_pending()
    found = _jitd.lookup(name)
    if found is None:
        raise KeyError(name)
    return found


def layout(cls):
    """{"size": bytes of an instance behind its header, "fields": [(name, type, offset)]}: C's layout, in declared order."""
    if not is_jitclass(cls):
        raise TypeError(f"{cls!r} is no jitclass")
    record = cls.__dict__["__jitd_record__"]
    link.lay_out(record)
    _, size, fields = _jitd.class_info(cls)
    header = 16
    return {
        "size": size - header,
        "fields": [(name, type_words(t), offset - header) for (name, offset), t in zip(fields, record.field_types)],
    }
