"""A class that is changed after it was compiled: a method replaced (by a test's mock, say), a class attribute set, an instance given a method of its
own. Compiled code has the old one built in, so what may have is Python's from then on: the functions that mention the name, and those that call
these, by name alone, whatever the object. All else stays compiled. What operators, construction and fields rest on nobody mentions: then all code that
knows the class is Python's."""

from __future__ import annotations

import sys
from opcode import opmap

from jitd.flight import locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Iterable, Iterator

    from jitd._jitd import Method
    from jitd.declare import Func, Record

_HARMLESS = {"__doc__", "__module__", "__qualname__", "__name__", "__annotations__", "__annotate_func__", "__annotations_cache__", "__abstractmethods__", "__signature__", "__match_args__"}
_MATCHES = opmap["MATCH_CLASS"]  # attributes that __match_args__ names
_NAMED = sys.intern("__match_args__")


def changed(cls: Any, name: str, how: str) -> bool:
    """Called by the extension before an attribute of a jitclass is changed. True: compiled code may have it built in, and is not used any more."""
    record = cls.__dict__["__jitd_record__"]
    records = [record]
    if record.heirs:
        from jitd.heirs import below

        records += below(record)
    return any([_change(each, name, how) for each in records])


def _change(record: Record, name: str, how: str) -> bool:
    record.renewed = record.renewed or name in ("__init__", "__new__")
    if record.change or name in record.changes or not _is_built_in(record, name):
        return False
    why = f"{record.short}.{name}: {how} after the class was compiled"
    if _is_implied(record, name):
        record.change = why
    else:
        record.changes = {**record.changes, name: why}
    _to_python(record)
    return True


@locked
def _to_python(record: Record) -> None:
    for made in record.dependents:
        method: Method | None = made()
        if method is not None:
            _give_back(method.__dict__["_jitd_func"], method, record, method.__dict__["_jitd_record"])
    for f in record.funcs:
        if f.method is not None:
            _give_back(f, f.method, record, record)


def _give_back(f: Func, method: Method, changed: Record, own: Record) -> None:
    from jitd.link import closure

    why = changed.change or _named(f, [changed], closure([own, changed]))  # a specialisation may know what its class does not
    if why:
        f.reason = f.reason or why
        method._set_python()


def why_not(f: Func, defs: Iterable[Record]) -> str | None:
    """What was changed that compiled code of the function would have built in, if anything was."""
    return next((r.change for r in defs if r.change), None) or _named(f, [r for r in defs if r.changes], defs)


def _named(f: Func, changed: list[Record], defs: Iterable[Record]) -> str | None:
    mentioned = _mentioned(f, defs) if changed else set()
    return next((why for r in changed for name, why in r.changes.items() if name in mentioned or _NAMED in mentioned), None)


# ---- what a change concerns ----


def _is_built_in(record: Record, name: str) -> bool:
    if name.startswith("__") and name.endswith("__"):
        return name not in _HARMLESS
    return name in record.consts or record.func(name) is not None or any(field.name == name for field in record.declared)


def _is_implied(record: Record, name: str) -> bool:
    """Whether compiled code uses it without a mention."""
    if name.startswith("__") and name.endswith("__"):
        return record.func(name) is not None or name in _special()
    return any(field.name == name for field in record.declared)


def _special() -> set[str]:
    """The names that the language itself looks for."""
    kinds: tuple[type, ...] = (object, type, int, float, complex, str, bytes, list, dict, set, property, BaseException, memoryview, type(iter([])))
    operators = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or".split()
    names = {f"__{prefix}{operator}__" for operator in operators for prefix in ("", "r", "i")}
    return {"__getattr__", "__post_init__", "__missing__", "__slots__", "__mro_entries__"}.union(names, *map(dir, kinds))


def _mentioned(f: Func, defs: Iterable[Record]) -> set[str]:
    """The names in the function and in what it may call: functions, special methods, and methods and properties of the names that are mentioned."""
    funcs: dict[str, list[Func]] = {}
    for record in defs:
        for other in (*record.funcs, *record.above):
            is_implied = record.kind == "function" or other.name.startswith("__")
            funcs.setdefault("" if is_implied else other.name, []).append(other)
    found: set[str] = set()
    todo = [f, *funcs.pop("", ())]
    while todo:
        for name in set(_names(todo.pop().code)) - found:
            found.add(name)
            todo += funcs.pop(name, ())
    return found


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    if _MATCHES in code.co_code[::2]:
        yield _NAMED
    yield from _strings(code.co_consts)


def _strings(constants: Iterable[Any]) -> Iterator[str]:
    """getattr(x, "name") mentions it, too."""
    for constant in constants:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple):
            yield from _strings(constant)
        elif hasattr(constant, "co_names"):
            yield from _names(constant)
