"""python -m jitd check FILE|MODULE: imports it, compiles what is decorated in it, and lists what is native and what is not."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

from jitd import declare, insight, link, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from jitd.declare import Func, Record

_FUNCTION = type(lambda: None)
_WORDS = {"native": "native", "callers": "native, in compiled callers", "python": "Python"}


def check(target: str) -> int:
    """Prints the list; 0, or 2 when there is no such file or module. What the import raises is raised."""
    os.environ["JITD_WARN"] = "check"  # nothing is told, and nothing is an error: it is all listed
    module = _load(target)
    if module is None:
        print(f"jitd check: there is no file or module {target!r}", file=sys.stderr)
        return 2
    inside = module.__name__ + "."  # of a package: what its import imports
    records = [record for record in insight.all_of_process() if f"{record.module}.".startswith(inside)]
    for record in records:
        _finish(record)
    lines: list[str] = []
    counts: dict[str, int] = {}
    for record in records:
        lines += _show(record, counts)
    lines += [f"{name}: not decorated" for name in _others(module, records)]
    total = ", ".join(f"{n} {words}" for words, n in counts.items()) or "nothing is decorated"
    print("\n".join([f"{target}: {total}", *lines]))
    return 0


def _load(target: str) -> ModuleType | None:
    if not target.endswith(".py") and not os.path.isfile(target):
        sys.path.insert(0, os.getcwd())
        try:
            found = importlib.util.find_spec(target)
        except (ImportError, ValueError):
            return None
        return importlib.import_module(target) if found else None
    if not os.path.isfile(target):
        return None
    path = os.path.abspath(target)
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.basename(path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # as of any .py file
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _finish(record: Record) -> None:
    """Compiles it as its first use would; what that raises is its reason."""
    try:
        link.finish(record)
    except Exception as error:
        record.failed = f"its first use raises {type(error).__name__}: {error}"


def _show(record: Record, counts: dict[str, int]) -> list[str]:
    lines = [record.name + (f": {record.failed}" if record.failed else "")]
    if record.kind == "class":
        lines += insight.explain_fields(record)
    for f in record.funcs:
        words, more = _state(record, f)
        counts[words] = counts.get(words, 0) + 1
        lines.append(f"  {f.entry}: {words}")
        lines += ["    " + line for line in more]
    lines += [f"  {name}: left out: {reason}" for name, reason in record.other.items() if name not in record.py_fields]
    return lines + ["    " + line for text in record.parts + record.differences for line in text.splitlines()]


def _state(record: Record, f: Func) -> tuple[str, list[str]]:
    """In words, and the lines that say why."""
    facts = insight.of_func(record, f)
    if facts["mode"] == "pending":
        missing = [name for (name, _, _), t in zip(f.params, f.types or ()) if t is None]
        which = f"the parameters {', '.join(missing)} have" if len(missing) > 1 else f"the parameter {missing[0]} has" if missing else "it has"
        return "compiled at its first call", [f"{which} no annotation"]
    words = _WORDS[facts["mode"]]
    if f.hint is not None and f.hint.ignore:
        return words, [str(f.reason)]
    if facts["mode"] != "python" or record.failed:
        return words, []
    line, why = f.given_up or (f.line, f.reason)
    if not why:
        return words, ["there is no daemon"]
    return words, (f.text or warn.pointed(f, why) or f"{why} (line {line})").splitlines()


def _others(module: ModuleType, records: list[Record]) -> Iterator[str]:
    """The names of the classes and functions that the module defines and does not decorate."""
    own = {id(record.target) for record in records}
    for name, value in vars(module).items():
        defined = isinstance(value, (type, _FUNCTION)) and getattr(value, "__module__", None) == module.__name__
        if defined and id(value) not in own and not declare.is_jitclass(value):
            yield f"{module.__name__}.{name}"
