"""The three hints: jit_focus (compile now), jit_ignore (leave to Python), jit_once (one specialisation, no other).

A hint is a mark on a function or class, its attribute `__jitd_hint__`, that declare.py and link.py look at. On a function outside of
a class jit_focus and jit_once are jitd.jit at the same time; on a class and its members a hint stands beside jitd.jitclass, above or
below it. Where jitd compiles nothing (JITD_DISABLE, no daemon, another implementation of Python) they return what they were given."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from jitd._jitd import Method
    from jitd.declare import Func, Record, Resolved

    Types = list[Resolved | None]

_FUNCTION = type(lambda: None)
ASKED = "jit_ignore leaves it to Python"


class Hint:
    """What was asked for. `code` is the function's that was marked: functools.wraps copies marks to functions they do not mean."""

    __slots__ = ("code", "focus", "ignore", "once", "signatures", "sample_args")

    def __init__(
        self,
        focus: bool = False,
        ignore: bool = False,
        once: bool = False,
        signatures: list[tuple[Any, ...]] | None = None,
        sample_args: tuple[Any, ...] | None = None,
    ) -> None:
        self.code = None
        self.focus, self.ignore, self.once = focus, ignore, once
        self.signatures, self.sample_args = signatures, sample_args

    def __repr__(self) -> str:
        return f"<hint {' '.join(self.names())}>"

    def names(self) -> list[str]:
        return [name for name in ("focus", "ignore", "once") if getattr(self, name)]

    def with_(self, other: Hint) -> Hint:
        """Both; what `other` says in particular wins."""
        return Hint(
            self.focus or other.focus,
            self.ignore or other.ignore,
            self.once or other.once,
            self.signatures if other.signatures is None else other.signatures,
            self.sample_args if other.sample_args is None else other.sample_args,
        )


# ---- the decorators ----


def jit_focus(target: Any = None, *, signatures: Sequence[Sequence[Any]] | None = None, sample_args: Sequence[Any] | None = None) -> Any:
    """Compiles now, at the highest level: it is ready before the first call.

    The types come from the annotations; for parameters without, from `signatures` (a sequence of tuples of types, one type for
    each parameter but self) or `sample_args` (a tuple of arguments like those of a call, which does not happen); else from the first
    real call. What uses a name that is not defined yet is compiled when it is: at jitd's next decorator, or at the first use.
    """
    return _decorate("jit_focus", Hint(focus=True, signatures=_signatures(signatures), sample_args=_sample(sample_args)), target)


def jit_ignore(target: Any = None) -> Any:
    """Leaves a function, method, property or a class's methods to Python, without a warning. Returns the very same object."""
    return _decorate("jit_ignore", Hint(ignore=True), target)


def jit_once(target: Any = None) -> Any:
    """Compiles for the first combination of types only: a call with any other runs in Python."""
    return _decorate("jit_once", Hint(once=True), target)


def _decorate(name: str, hint: Hint, target: Any) -> Any:
    return (lambda given: _apply(name, hint, given)) if target is None else _apply(name, hint, target)


def _signatures(given: Any) -> list[tuple[Any, ...]] | None:
    if given is None:
        return None
    if not isinstance(given, (tuple, list)) or not all(isinstance(one, (tuple, list)) for one in given):
        raise TypeError(f"jit_focus(): signatures should be a sequence of tuples of types, like [(int, float)], not {given!r}")
    return [tuple(one) for one in given]


def _sample(given: Any) -> tuple[Any, ...] | None:
    if given is not None and not isinstance(given, (tuple, list)):
        raise TypeError(f"jit_focus(): sample_args should be a tuple of arguments, like (1, 2.0), not {given!r}")
    return None if given is None else tuple(given)


def _apply(name: str, hint: Hint, target: Any) -> Any:
    parts = _parts(target)
    if parts is None:
        raise TypeError(f"{name}() takes a function, a method, a property or a class, not {type(target).__name__}")
    if not _usable():
        return target
    if isinstance(target, type):
        _mark_class(hint, target)
        return target
    alone = type(target) is _FUNCTION and not hint.ignore and not _in_class(target)
    if alone:
        _check_counts(_func(target), hint)
    for part in parts:
        _mark(hint, part)
    return _compiled(target) if alone else target


def _parts(target: Any) -> list[Any] | None:
    """The functions and Methods that a hint on this object means; None: it is nothing that can be called."""
    if isinstance(target, property):
        return [part for f in (target.fget, target.fset, target.fdel) if f is not None for part in _parts(f) or ()]
    if isinstance(target, type):
        return []
    inner = getattr(target, "__func__", None)  # static and class methods, bound methods
    if inner is not None:
        return _parts(inner)
    if type(target) is _FUNCTION or _is_method(target):
        return [target]
    return [] if callable(target) or hasattr(type(target), "__get__") else None  # lru_cache, partial …: Python anyway


def _is_method(target: object) -> bool:
    return type(target).__module__ == "jitd" and type(target).__name__ == "Method"


def _usable() -> bool:
    """Is there anything that could compile? Only then is the rest of jitd loaded."""
    if os.environ.get("JITD_DISABLE", "") not in ("", "0") or sys.implementation.name != "cpython":
        return False
    try:
        import jitd._jitd  # noqa: F401
    except ImportError:
        return False
    return True


def _in_class(function: Callable[..., Any]) -> bool:
    """Is it being defined in a class's body, where jitclass will find it?"""
    outer = function.__qualname__.rpartition(".")[0]
    return bool(outer) and not outer.endswith("<locals>")


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The jitd.jit function, or without a daemon the function itself."""
    from jitd import _jitd, declare, link

    link.connect()
    return declare.jit(function) if _jitd.connected() else function


# ---- marks ----


def _mark(hint: Hint, part: Any) -> None:
    if not _is_method(part):
        set_mark(part, hint)
        return
    record, f = part.__dict__["_jitd_record"], part.__dict__["_jitd_func"]
    changed(record, f, set_mark(part.__wrapped__, hint))
    if hint.focus and (record.kind == "class" or not _in_class(part.__wrapped__)):  # what is jitd.jit in a class its jitclass compiles
        focus(record)


def set_mark(function: Any, hint: Hint) -> Hint:
    old = of(function)
    new = old.with_(hint) if old else hint.with_(hint)
    new.code = function.__code__
    function.__jitd_hint__ = new
    return new


def _mark_class(hint: Hint, cls: Any) -> None:
    record = cls.__dict__.get("__jitd_record__")
    if record is None:
        old = cls.__dict__.get("__jitd_hint__")
        cls.__jitd_hint__ = old.with_(hint) if old else hint
        return
    for f in record.funcs:
        changed(record, f, in_class(f.hint, hint) or hint)
    if hint.focus:
        focus(record)


def of(function: Any) -> Hint | None:
    """The mark of a function, or None."""
    hint = getattr(function, "__jitd_hint__", None)
    return hint if hint is not None and hint.code == function.__code__ else None


def in_class(own: Hint | None, outer: Hint | None) -> Hint | None:
    """A function's hint, beside that of its class: whether a function is left to Python it says itself."""
    if own is None or outer is None or own.ignore:
        return own or outer
    both = outer.with_(own)
    both.ignore = False
    return both


def changed(record: Record, f: Func, hint: Hint) -> None:
    """The function of a record has got a hint after the record was made."""
    f.hint = hint
    if not record.linked and not record.class_id:
        record.local = record.key = record.serial = None  # the hints belong to the fingerprint
    if hint.ignore and not f.reason:
        f.reason = ASKED
        if f.method is not None:
            f.method._set_python()
            if f.types is not None:
                from jitd.compile import give_back

                give_back(record, f)


def kept_out(f: Func) -> str | None:
    """Why compiled code of others cannot contain this function, or None: one version means one, not another in each caller."""
    if f.hint is None:
        return None
    if f.hint.ignore:
        return ASKED
    from jitd._jitd import MISSING

    if f.hint.once and any(annotation is MISSING for _, annotation, _ in f.params):
        return "jit_once: its one version is for the types of its first call"
    return None


def refuses(f: Func) -> bool:
    """Has the function the one specialisation that jit_once allows?"""
    return f.hint is not None and f.hint.once and f.method._counters()["specialisations"] > 0


# ---- compiling now ----


def registered(record: Record) -> None:
    """Called for a focused record, and for every record while one waits for a name: it may be this one's."""
    if any(f.hint is not None and f.hint.focus for f in record.funcs):
        focus(record)
    else:
        retry()


def focus(record: Record) -> None:
    """Compiles a record now, and those that wait for a name, or lets it wait."""
    from jitd import declare

    if record not in declare.focused:
        declare.focused.append(record)
    retry()


def retry() -> None:
    """Compiles every focused record whose names are all there now."""
    from jitd import _jitd, declare, link

    link.connect()
    for record in list(declare.focused):
        if not _ready(record):
            continue
        try:
            link.finish(record)
            finished(record)
        except (ConnectionError, _jitd.RemoteError):  # what is wrong with the daemon its first use says
            declare.focused.remove(record)


def finished(record: Record) -> None:
    """The record is linked: the specialisations that its hints name are compiled, once."""
    from jitd import declare

    if record not in declare.focused:
        return
    declare.focused.remove(record)
    for f in record.funcs:
        if f.hint is None or not f.hint.focus or f.method is None or f.reason:
            continue
        for types in _wanted(record, f):
            if not refuses(f):
                _specialise(record, f, types)


def _specialise(record: Record, f: Func, types: Types) -> None:
    from jitd import compile as compiling
    from jitd import declare

    if None not in types:
        compiling.specialise_for(record, f, types)
        return
    shown = ["?" if t is None else declare.type_words(t) for t in types]
    message = "a type that jit_focus names is not compiled"
    compiling.refuse(record, f, shown, f.code.co_firstlineno, message, f"{f.func.__qualname__}({', '.join(shown)}) stays Python: {message}")


def _wanted(record: Record, f: Func) -> list[Types]:
    """The lists of resolved types that the hint of a function names."""
    from jitd import declare

    hint: Any = f.hint
    found: list[Types] = []
    evaluate = record.evaluate or (lambda text: declare.evaluate_in(text, f.func.__globals__, {}))
    _check_counts(f, hint)
    for signature in hint.signatures or ():
        types = [declare.resolve_type(one, evaluate) for one in signature]
        found.append(types + _of_defaults(f, len(types)))
    if hint.sample_args is not None:
        found.append(_of_sample(f, hint.sample_args))
    return [types for i, types in enumerate(found) if types not in found[:i] and (None in types or types != f.types)]


def _of_sample(f: Func, values: tuple[Any, ...]) -> Types:
    from jitd.types import of_value

    types = [of_value(value) for value in values] + _of_defaults(f, len(values))
    return [sampled if annotated is None else annotated for annotated, sampled in zip(f.types, types)]


def _of_defaults(f: Func, first: int) -> Types:
    from jitd._jitd import MISSING
    from jitd.types import of_value

    return [None if default is MISSING else of_value(default) if t is None else t for t, (_, _, default) in zip(f.types[first:], f.params[first:])]


def _func(function: Any) -> Func:
    from jitd.declare import Func

    return Func(function.__name__, "function", function)


def _check_counts(f: Func, hint: Hint) -> None:
    for signature in hint.signatures or ():
        _check_count(f, signature, "a signature")
    if hint.sample_args is not None:
        _check_count(f, hint.sample_args, "sample_args")


def _check_count(f: Func, given: tuple[Any, ...], what: str) -> None:
    from jitd._jitd import MISSING

    needed = sum(default is MISSING for _, _, default in f.params)
    if not needed <= len(given) <= len(f.params):
        takes = len(f.params) if needed == len(f.params) else f"{needed} to {len(f.params)}"
        raise TypeError(f"jit_focus(): {f.func.__qualname__}() takes {takes} arguments, {what} has {len(given)}: {given!r}")


# ---- are all names there? ----


def _ready(record: Record) -> bool:
    """Is every name defined that the record's functions and types, and those of all they reach, use? Looks, and resolves nothing."""
    todo = [record]
    try:
        for one in todo:
            if not all(_names_there(f, one, todo) for f in one.funcs if not f.reason):
                return False
            for field in one.declared:
                _reach(_evaluated(field.annotation, one.evaluate), todo)
    except NameError:
        return False
    except Exception:  # whatever else evaluating an annotation raises, the compilation says
        return True
    return True


def _evaluated(annotation: Any, evaluate: Any) -> type | None:
    from jitd.declare import resolve_type

    found = resolve_type(annotation, evaluate)
    return found[0] if isinstance(found, tuple) else None


def _reach(value: Any, todo: list[Record]) -> None:
    from jitd.link import record_of

    found = record_of(value)
    if found is not None and found.local is None and found not in todo:
        todo.append(found)


def _names_there(f: Func, record: Record, todo: list[Record]) -> bool:
    from jitd import _jitd, declare

    own = record.short.rpartition(".")[2]
    scope, builtins = f.func.__globals__, f.func.__builtins__
    for name in _jitd.names(f.code):
        if name in scope:
            _reach(scope[name], todo)
        elif name not in builtins and name != own:
            return False
    for name, cell in zip(f.code.co_freevars, f.func.__closure__ or ()):
        try:
            _reach(cell.cell_contents, todo)
        except ValueError:
            if name != own:
                return False
    evaluate = record.evaluate or (lambda text: declare.evaluate_in(text, scope, {}))
    for _, annotation, _ in f.params:
        if isinstance(annotation, str):
            _reach(_evaluated(annotation, evaluate), todo)
    return True
