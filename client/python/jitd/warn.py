"""What stays Python, or is not as in CPython, is told: one CompileWarning a class or function, JITD_WARN=off|class|all. With
strict=True it is one CompileError. Only loaded when there is something to tell."""

from __future__ import annotations

import os

from jitd import flight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jitd._jitd import Method
    from jitd.declare import Func, Record

_SHOWN = 5  # problems in a warning


def note(record: Record, file: str, line: int, text: str) -> None:
    """Remembers a problem of the record; tell() tells it. One of another specialisation, or of another name of the same method, is one."""
    if text not in record.said:
        record.said += (text,)
        record.problems += ((file, line, text),)


def note_func(record: Record, f: Func, line: int, message: str, text: str | None) -> None:
    """A function that stays Python: `text` is the compiler's, with a caret; without, one is made that points at its name."""
    name = record.name if record.kind == "function" else f"{record.name}.{f.entry}"
    said = f"{name} stays Python: {message}"
    note(record, f.code.co_filename, line, text or pointed(f, said) or said)


def tell_linked(record: Record, differences: Sequence[Any], parts: Sequence[Any]) -> None:
    """Tells why functions of a record that has been linked stay Python, and what of it differs from CPython, as the compiler said it."""
    for f in record.funcs:
        asked = f in record.late or f.hint is not None and f.hint.ignore or f.reason and is_asked_for(f.reason)
        asked = asked or f.owner is not None  # it is told where it stands
        if f.reason and f.reason != record.failed and not asked and f.kind != "class" and (f.name != "__init__" or record.init != "generated"):
            note_func(record, f, f.line, f.reason, f.text)
    if differences and record.init == "user" and record.func("__init__") is None and record.base_init is None:
        from jitd.members import differences_of_init

        differences = differences_of_init(record, differences)
    for part in parts:
        note_part(record, part)
    for line, _, message, text in differences:
        record.warnings += (message,)
        record.differences += (text,)
        note(record, record.file, line or (record.funcs[0].code.co_firstlineno if record.funcs else 1), text)
    tell(record)


def note_part(record: Record, part: Sequence[Any]) -> None:
    """A compiled function, of which Python does something in the middle: its line, why, and the compiler's text with a caret."""
    _, entry, line, _, message, text = part
    f = record.func(entry)
    if f is None or is_asked_for(message):
        return
    text = f"{text}: Python does this in the middle of {entry}"
    record.parts += (text,)
    note(record, f.code.co_filename, line, text)


def is_asked_for(reason: str) -> bool:
    """Is it Python because of a field that is to be a Python object, jitd.Py, or because that is no slower?"""
    from jitd.types import ASKED, SLIGHT

    return reason.endswith((ASKED, SLIGHT))


def pointed(f: Func, said: str) -> str | None:
    """With file and line, and a caret below the line of the function's definition, or None where its source cannot be read."""
    from linecache import getline

    first = f.code.co_firstlineno
    for number in range(first, first + 50):
        line = getline(f.code.co_filename, number, f.func.__globals__)
        at = line.find(f"def {f.func.__name__}")
        if at >= 0 or not line:
            break
    if at < 0:
        return None
    shown, name = line.strip(), f.func.__name__
    caret = " " * (shown.index(f"def {name}") + 4) + "^" * len(name)
    return f'File "{f.code.co_filename}", line {number}\n    {shown}\n    {caret}\n{said}'


def tell(record: Record, differs: bool = False) -> None:
    """Tells what was noted since the last time. A class that has been warned of once is not warned of again, explain knows the rest;
    unless results differ by it."""
    problems, record.problems = record.problems, ()
    if not problems:
        return
    mode = os.environ.get("JITD_WARN", "class")
    if mode == "check":  # check.py lists them
        return
    if record.options["strict"]:
        from jitd.errors import CompileError

        raise CompileError("\n".join(text for _, _, text in problems))
    if mode == "all":
        for file, line, text in problems:
            give(file, line, text)
    elif mode != "off" and (differs or not record.warned):
        record.warned = True
        give(*problems[0][:2], _joined(record, [text for _, _, text in problems]))


def _joined(record: Record, texts: list[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    rest = f"and {len(texts) - _SHOWN} more; " if len(texts) > _SHOWN else ""
    name = record.short.rpartition(".")[2]
    head = f"{record.name}: {len(texts)} places stay Python or differ from CPython"
    return "\n".join([head, *texts[:_SHOWN], f"{rest}jitd.explain({name}) shows all"])


def give(file: str, line: int, text: str) -> None:
    if os.environ.get("JITD_WARN") in ("off", "check"):
        return
    import linecache  # noqa: F401  what shows a warning would import it when no lock keeps fork() away
    from warnings import warn_explicit

    from jitd.errors import CompileWarning

    flight.later(warn_explicit, text, CompileWarning, file, line)
    flight.tell()


def warn_unwrapped(method: Method) -> None:
    """A call of a method that is compiled, and whose sized arithmetic wraps, goes to Python, where it does not. Its result differs: that
    is told even of a class that has been warned of."""
    from jitd.errors import CompileError

    record, f = method.__dict__["_jitd_record"], method.__dict__["_jitd_func"]
    name = f"{record.name}.{f.entry}" if record.kind == "class" else record.name
    why = "its arguments have other types or are too large, or a name that it uses means something else now"
    text = f"a call of {name} runs in Python, where sized types do not wrap: {why}"
    if record.options["strict"]:
        raise CompileError(text)
    if text not in record.said and os.environ.get("JITD_WARN", "class") != "off":
        record.said += (text,)
        give(f.code.co_filename, f.code.co_firstlineno, text)
