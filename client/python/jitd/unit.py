"""The unit description that COMPILE sends (docs/protocol.md): only made when the daemon does not know a fingerprint."""

from __future__ import annotations

import sys

from jitd import source
from jitd._jitd import MISSING, pack
from jitd.declare import type_text
from jitd.link import constant, real_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jitd.declare import Func, Record, Resolved


def describe(name: str, key: bytes, options: dict[str, Any], defs: list[Record], entries: list[Any], only_layout: bool = False) -> bytes:
    """The bytes of a unit. `defs` are records, the root first; entries are (Func, [resolved types] or None)."""
    index = {id(record): i for i, record in enumerate(defs)}
    describer = _Describer(index, only_layout, {f for f, _ in entries})
    described = [describer.definition(record) for record in defs]
    return pack(
        {
            "name": name,
            "key": key,
            "python": list(sys.version_info[:2]),
            "options": {"overflow": options["overflow"], "fastmath": bool(options["fastmath"]), "boundscheck": bool(options["boundscheck"])},
            "defs": described,
            "entries": [[0, f.entry, None if resolved is None else [describer.type(t) for t in resolved]] for f, resolved in entries if not f.reason],
        }
    )


def _default(value: Any) -> Any:
    if value is MISSING:
        return None
    return constant(value) or ["other", f"an object of type {type(value).__name__}"]


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
        at = self.index.get(id(value[1]))
        return ["other", f"{value[1].name}, of a program of over 256 definitions"] if at is None else ["def", at]

    def definition(self, record: Record) -> dict[str, Any]:
        funcs, other = [], dict(record.other)
        for f in record.funcs + self.base_init(record):
            if f.hint is not None and not f.reason and (why := self.kept_out(f)):
                other[f.entry] = why
                continue
            try:
                if not f.reason or (f.name == "__init__" and not self.only_layout):  # the compiler says which fields it leaves unset
                    funcs.append(self.func(record, f))
            except source.NoSource as error:
                f.reason = f.reason or str(error)
            if f.reason:
                other[f.entry] = f.reason
        described: dict[str, Any] = {"kind": record.kind, "key": record.key, "name": record.name, "file": real_file(record.file), "funcs": funcs}
        if record.kind == "class":
            described["fields"] = [
                [name, self.type(resolved), _default(default)]
                for (name, _, default), resolved in zip(record.fields, record.field_types)
            ]
            described["init"] = record.init
            described["consts"] = {name: constant(value) or ["other", "a large int"] for name, value in record.consts.items()}
            described["other"] = other
        return described

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
        return {"name": f.name, "kind": f.kind, "line": line, "source": text, "params": params, "globals": bound}
