"""The unit description that COMPILE sends (docs/protocol.md): only made when the daemon does not know a fingerprint."""

from __future__ import annotations

import sys

from jitd import _jitd, source
from jitd._jitd import MISSING, pack
from jitd.declare import type_text
from jitd.link import constant, heirs_of, is_text, not_constant, real_file

MAX_UNIT = 15 << 20  # bytes: a message has at most 16 MiB
_MAX_SOURCE = 1 << 20  # characters of a function
_MAX_FUNCS = 4096  # docs/protocol.md
_MAX_PARTS, _MAX_DEPTH = 64, 8  # protocol/types.h

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jitd.declare import Func, Record, Resolved


def describe(name: str, key: bytes, options: dict[str, Any], defs: list[Record], entries: list[Any], only_layout: bool = False) -> bytes:
    """The bytes of a unit. `defs` are records, the root first; entries are (Func, [resolved types] or None)."""
    index = {id(record): i for i, record in enumerate(defs)}
    for record in defs:
        for f in (*record.funcs, *record.above):
            f.reason = f.reason or _refusal(f)
    describer = _Describer(index, only_layout, {f for f, _ in entries})
    described = [describer.definition(record) for record in defs]
    return pack(
        {
            "name": _shown(name),
            "key": key,
            "python": list(sys.version_info[:2]),
            "options": {"overflow": options["overflow"], "fastmath": bool(options["fastmath"]), "boundscheck": bool(options["boundscheck"])},
            "defs": described,
            "entries": [
                [0, f.entry, None if resolved is None else [describer.type(t) for t in resolved]] for f, resolved in entries[:_MAX_FUNCS] if not f.reason
            ],
        }
    )


def _default(value: Any) -> Any:
    if value is MISSING:
        return None
    return constant(value) or not_constant("the default", value)


def _shown(name: str) -> str:
    """A name for people, who see an escape where it cannot be sent."""
    return name if is_text(name) else name.encode("utf-8", "backslashreplace").decode()


def type_is_small(resolved: Any, depth: int = 1) -> bool:
    """Whether a resolved type has no more parts and is no deeper than the protocol's."""
    return not isinstance(resolved, list) or (depth <= _MAX_DEPTH and _parts(resolved) <= _MAX_PARTS and all(type_is_small(t, depth + 1) for t in resolved))


def _parts(resolved: Any) -> int:
    return 1 + sum(map(_parts, resolved)) if isinstance(resolved, list) else 1


def _refusal(f: Func) -> str | None:
    """Why a function cannot be sent, or None."""
    try:
        _, text = source.find(f.func)
    except source.NoSource as error:
        return str(error)
    if len(text) > _MAX_SOURCE:
        return f"its source has {len(text)} characters, more than can be compiled ({_MAX_SOURCE})"
    if not all(map(is_text, (f.name, text, *(p[0] for p in f.params)))):
        return "a name in it has a lone surrogate"
    large = next((name for (name, _, _), t in zip(f.params, f.types) if not type_is_small(t)), None)
    return large and f"parameter {large!r} is a tuple of too many parts to be compiled"


def has(record: Record, level: int, name: str) -> bool:
    """Whether that class of its method resolution order has something of its own under the name."""
    return name in record.target.__mro__[level].__dict__


class _Describer:
    def __init__(self, index: Any, only_layout: bool, entered: set[Func]) -> None:
        self.index, self.only_layout, self.entered = index, only_layout, entered

    def type(self, resolved: Resolved | None) -> str | None:
        if resolved is None:
            return None
        return type_text(resolved, lambda cls: self.index[id(cls.__dict__["__jitd_record__"])])

    def global_(self, value: list[Any]) -> list[Any]:
        if value[0] != "def":
            return value
        at, record = self.index.get(id(value[1])), value[1]
        if at is None:
            return ["other", f"{_shown(record.name)}, of a program of over 256 definitions"]
        f = record.funcs[0] if record.kind == "function" else None
        why = f and (f.reason or (f.hint is not None and self.kept_out(f)))
        return ["other", _shown(why)] if why else ["def", at]

    def definition(self, record: Record) -> dict[str, Any]:
        funcs: list[Any] = []
        other = dict(record.other)
        for f in record.funcs + self.base_init(record) + self.above(record):
            if f.hint is not None and not f.reason and (why := self.kept_out(f)):
                other[f.entry] = why
                continue
            if len(funcs) < _MAX_FUNCS and (not f.reason or (f.name == "__init__" and not self.only_layout and not _refusal(f))):
                funcs.append(self.func(record, f))  # of an __init__ the compiler says, too, which fields it leaves unset
            elif not f.reason:
                f.reason = f"the class has over {_MAX_FUNCS} functions"
            if f.reason and not f.hidden:
                other[f.entry] = f.reason
        described: dict[str, Any] = {"kind": record.kind, "key": record.key, "name": _shown(record.name), "file": _shown(real_file(record.file)), "funcs": funcs}
        if record.kind == "class":
            described["fields"] = [
                [name, self.type(resolved), _default(default)]
                for (name, _, default), resolved in zip(record.fields, record.field_types)
            ]
            below = sorted(self.index[id(heir)] for heir in heirs_of(record) if id(heir) in self.index)
            if below:
                described["heirs"] = below
            self.check_heirs(record)
            described["init"] = record.init
            described["consts"] = {name: constant(value) or not_constant(name, value) for name, value in record.consts.items() if is_text(name)}
            described["other"] = {name: self.other(record, name, _shown(reason)) for name, reason in other.items() if is_text(name)}
        return described

    def above(self, record: Record) -> list[Func]:
        """Those that only super() and the names of the classes above find; none behind a class that has something under the name that is not sent:
        the search ends there."""
        sent = {(f.level, f.name) for f in (*record.funcs, *record.above) if self.is_sent(f) and f.kind != "setter"}
        return [f for f in record.above if self.is_sent(f) and all((k, f.name) in sent or not has(record, k, f.name) for k in range(1, f.level))]

    def is_sent(self, f: Func) -> bool:
        return not f.reason and (f.hint is None or not self.kept_out(f))

    def check_heirs(self, record: Record) -> None:
        """What a native field may refer to must all be known."""
        for resolved in () if self.only_layout else record.field_types:
            for heir in heirs_of(resolved[0].__dict__["__jitd_record__"]) if isinstance(resolved, tuple) else ():
                if id(heir) not in self.index:
                    raise _jitd.RemoteError("refused", f"{heir.name} is one of more classes than can be compiled together")

    def other(self, record: Record, name: str, reason: str) -> Any:
        return [reason, self.type(record.python[name])] if name in record.python else reason

    def kept_out(self, f: Func) -> str | None:
        from jitd.hints import kept_out

        return None if f in self.entered else kept_out(f)

    def base_init(self, record: Record) -> list[Func]:
        f = record.base_init
        return [f] if f and f.code.co_filename == record.file and not self.only_layout else []

    def func(self, record: Record, f: Func) -> dict[str, Any]:
        line, text = source.find(f.func)
        params = [
            [name, self.type(resolved), _default(default), f.param_kind(i)]
            for i, ((name, _, default), resolved) in enumerate(zip(f.params, f.types))
        ]
        bound = {name: self.global_(value) for name, value in record.bound.get(f, {}).items()}
        described = {"name": f.name, "kind": f.kind, "line": line, "source": text, "params": params, "globals": bound}
        if f.owner is not None:
            name, file = _shown(f.owner.target.__name__), _shown(real_file(f.code.co_filename))
            described["owner"] = [f.level, f.hidden, self.index.get(id(f.owner)), name, file]
        return described
