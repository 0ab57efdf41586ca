"""What jitd did: statistics, reasons, and the code it made."""

from __future__ import annotations

from _weakref import ref

from jitd import _jitd, link
from jitd.declare import all_records, disabled, focused, type_words
from jitd.link import record_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jitd.declare import Func, Record

_STATS, _DUMP = 8, 7  # protocol/messages.def
_FUNCTION = type(lambda: None)
_LEVEL = 2  # of all compiled code; 0 is none
_COUNTED = ("native_calls", "python_calls", "fallbacks", "resumes", "regions", "guard_misses")
_WHY = {
    "types": "with other types",
    "big_int": "with an int beyond 64 bits",
    "names": "because a name that it uses means something else now",
    "redone": "redone",
    "subclass": "of another class",
    "arguments": "with arguments that do not fit its signature",
    "tried": "to see whether Python is faster",
}


# ---- numbers ----


def stats() -> dict[str, Any]:
    """{"process": {...}, "machine": {"compilations", ...}, "passes": {name: {"count", "total_us", ...}},
    "objects": {qualname: {"native_calls", "python_calls", "fallbacks", ...}}}; machine and passes are empty without a daemon.

    Of each function: native_calls; python_calls (None where they are not counted: the class has the plain function), python_reasons
    {why: calls}; fallbacks (calls that compiled code gave back) and where ("redone": [{"line", "why", "count"}]); resumes (how often Python
    went on in the middle of a native call, also in what it calls) and where ("resumed": the same); guard_misses;
    specialisations; level (of the code, 0: there is none); mode ("native", "python", "callers": in compiled callers only, "pending":
    at its first call); reason and line, if it stays Python; hints."""
    link.connect()
    _retry()
    objects: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    for record in reversed(all_of_process()):
        for f in reversed(record.funcs):
            objects[_name(record, f, objects, numbers)] = of_func(record, f)
    objects = dict(reversed(objects.items()))
    process = {name: sum(o[name] or 0 for o in objects.values()) for name in _COUNTED}
    try:
        answer = _jitd.request(_STATS, {})
    except ConnectionError:  # there is none, or it is gone
        answer = {"machine": {}, "passes": {}}
    process["connected"] = bool(answer["machine"])
    process.update(_jitd.arena_stats())
    return {"process": process, "machine": answer["machine"], "passes": answer["passes"], "objects": objects}


def _retry() -> None:
    """What jit_focus waits for may be there now."""
    if focused:
        from jitd.hints import retry

        retry()


def all_of_process() -> list[Record]:
    """The records of all classes and functions that are decorated and live."""
    return [record for record in (r() for r in all_records) if record is not None]


def _name(record: Record, f: Func, taken: dict[str, Any], numbers: dict[str, int]) -> str:
    """Its qualified name, which is the last one's that was decorated; with the module if another one has that, with a number if even that is taken:
    the next of that name's `numbers`."""
    entry = f".{f.entry}" if record.kind == "class" else ""
    short, full = record.short + entry, record.name + entry
    name = full if short in taken else short
    while name in taken:
        numbers[full] = numbers.get(full, 1) + 1
        name = f"{full}#{numbers[full]}"
    return name


def of_func(record: Record, f: Func) -> dict[str, Any]:
    """The entry of a function in stats()["objects"]."""
    counters = f.method._counters() if f.method is not None else _no_calls()
    places = [(site[3], {"line": site[0], "why": _reason_at(site), "count": n}) for site, n in counters["redone"]]
    counters["redone"] = [place for kind, place in places if kind not in ("resume", "region")]
    counters["resumed"] = [place for kind, place in places if kind == "resume"]
    counters["in_python"] = [place for kind, place in places if kind == "region"]
    if _is_plain(record, f):
        counters["python_calls"], counters["python_reasons"] = None, {}
    counters["mode"] = _mode(record, f, counters)
    counters["level"] = _LEVEL if counters["specialisations"] else 0
    line, why = (f.line, f.reason) if f.reason else f.given_up or (f.code.co_firstlineno, None)
    counters["reason"], counters["line"] = why, line
    counters["hints"] = f.hint.names() if f.hint is not None else []
    return counters


def _reason_at(site: Any) -> str:
    """Why Python comes in at a place: of one where it goes on behind an operation of its own the compiler says which that was."""
    why: str = site[4][0]
    is_operation = site[3] == "region" and site[4][1][0] == "operation"
    if not is_operation and (site[3] != "resume" or " " in why and why[0] not in '(.@:$"'):
        return why
    words = _OPERATIONS.get(why[0], why) if len(why) > 1 else why
    name = words.format(why[1:])
    return name if is_operation else f"the result of {name} is of another type"


_OPERATIONS = {"(": "the built-in {}", ".": "the method {}", "@": "the attribute {}", ":": "setting the attribute {}", "$": "the name {}", '"': "a text"}


def _no_calls() -> dict[str, Any]:
    return {**dict.fromkeys(_COUNTED, 0), "specialisations": 0, "python_reasons": {}, "redone": [], "resumed": [], "in_python": []}


def _is_plain(record: Record, f: Func) -> bool:
    """Has the class the plain function, whose calls nobody counts?"""
    if f.kind == "class" or f.method is None:
        return True
    value = record.target.__dict__.get(f.name) if record.kind == "class" else record.target
    if isinstance(value, property):
        value = value.fset if f.kind == "setter" else value.fget
    return getattr(value, "__func__", value) is f.func


def _mode(record: Record, f: Func, counters: dict[str, Any]) -> str:
    if f.reason or f.given_up or _jitd.connected() is False:
        return "python"
    if f.kind == "class":
        return "callers"
    if counters["specialisations"]:
        return "native"
    return "python" if f.entry in record.refusals or counters["python_calls"] else "pending"


def why_in_the_middle(site: Any, is_tried: bool) -> tuple[int, str]:
    """(line, why) of a part that Python does, and that is more than compiled code is worth."""
    why = "Python takes less time for it, and would do parts of it in the middle" if is_tried else "Python would do most of it in the middle"
    return site[0], f"{why}: {_reason_at(site)}"


def why_given_up(method: _jitd.Method, f: Func) -> tuple[int, str]:
    """(line, why) of what most of its calls came to that did not stay in compiled code."""
    counters = method._counters()
    found = [(count, site[0], f"most of its calls {_HOW[site[3] == 'resume']}: {_reason_at(site)}") for site, count in counters["redone"] if site[3] != "region"]
    first = f.code.co_firstlineno
    found += [(n, first, f"most of its calls are Python's: {_WHY[why]}") for why, n in counters["python_reasons"].items() if why in ("types", "big_int")]
    return max(found, default=(0, first, "most of its calls have arguments of other types than its annotations say"))[1:]


_HOW = ("were redone in Python", "went on in Python")


# ---- words ----


def _find(obj: Any) -> tuple[Record, Func | None]:
    """The record that a class, an instance, a method (bound or not), a property or a function belongs to, and which of its functions is
    meant, or None."""
    func = obj.fget if isinstance(obj, property) else getattr(obj, "__func__", obj)
    if isinstance(func, _jitd.Method):
        return func.__dict__["_jitd_record"], func.__dict__["_jitd_func"]
    for record in all_of_process():
        for f in record.funcs:
            if f.func is func:  # it stays Python, and was given back to the class
                return record, f
    found = record_of(obj) or record_of(type(obj))
    if found is None:
        raise TypeError(f"{obj!r} is neither a jitclass, an instance of one, nor a method or function compiled by jitd")
    return found, None


def explain(obj: object) -> str:
    """Text: what became of each method and field of a class (or an instance's class), or of one method or function, and why."""
    _retry()
    if isinstance(obj, _FUNCTION) and (disabled() or _jitd.connected() is False):  # jitd.jit returned it as it was
        return f"{obj.__module__}.{obj.__qualname__} (no daemon: plain Python)"
    if why := _why_it_stays(obj):
        return why
    record, func = _find(obj)
    if record.reached and not record.linked:  # compiled code of others uses it
        link.finish(record)
    if not record.linked:
        return f"{record.name}: not used yet"
    lines = [f"{record.name} ({_of_record(record)})"]
    if func is None:
        lines += explain_fields(record)
    for f in record.funcs:
        if func in (None, f):
            lines += _explain_func(record, f)
    lines += [f"  {name}: left out: {reason}" for name, reason in record.other.items() if func is None and name not in record.py_fields]
    lines += [f"  {message}" for message in record.warnings]
    return "\n".join(lines)


def _why_it_stays(obj: Any) -> str | None:
    from jitd.members import stays

    cls = obj if isinstance(obj, type) else type(obj)
    try:
        why = stays.get(ref(cls))
    except TypeError:
        return None
    return why and f"{cls.__module__}.{cls.__qualname__} (plain Python: {why})"


def _of_record(record: Record) -> str:
    if record.failed:
        return f"plain Python{' until it can be compiled' if record.pause else ''}: {record.failed}"
    if not _jitd.connected():
        return "no daemon: plain Python"
    modes = {of_func(record, f)["mode"] for f in record.funcs}
    if "native" in modes or "callers" in modes or not modes:
        return "compiled by the daemon"
    return "compiled at its calls" if "pending" in modes else "plain Python"


def explain_fields(record: Record) -> list[str]:
    native = [f"  field {name}: {type_words(t)}" for (name, _, _), t in zip(record.fields, record.field_types or ())]
    return native + [f"  field {name}: a Python object: {why}" for name, why in record.py_fields.items()]


def _explain_func(record: Record, f: Func) -> list[str]:
    """A line on what it is, and one for each thing about its calls that is worth one."""
    facts = of_func(record, f)
    lines = [f"  {f.entry}: {_state(record, f, facts)}"]
    if facts["mode"] != "native" and not f.given_up:
        return lines
    others = record.refusals.get(f.entry, {})
    lines += [f"    Python: with ({types}): {reason} (line {line})" for types, (line, reason) in others.items()]
    calls = [f"{n} {_WHY.get(why, why)}" for why, n in facts["python_reasons"].items()]
    if calls:
        lines.append(f"    {facts['python_calls']} Python calls: {', '.join(calls)}")
    lines += [f"    Python: what follows line {line}: {why}" for line, why in _left(record, f)]
    lines += [f"    Python: line {line}: {why}{_times(facts, line)}" for line, why in _between(record, f)]
    lines += [f"    redone {r['count']} times from line {r['line']}: {r['why']}" for r in facts["redone"]]
    lines += [f"    went on in Python {r['count']} times from line {r['line']}: {r['why']}" for r in facts["resumed"]]
    return lines


def _left(record: Record, f: Func) -> list[tuple[int, str]]:
    """(line, why) of the statements with which its compiled code leaves the rest of the call to Python."""
    sites, records = record.unit or ((), ())
    broken = "a name that it uses means something else now"  # server/compiler/flow/build_region.c
    found = {(s[0], s[4][0]) for s in sites if s[3] == "resume" and s[4][1][0] == "statement" and s[4][0] != broken and (records[s[1]], s[2]) == (record, f.entry)}
    return sorted(found)


def _between(record: Record, f: Func) -> list[tuple[int, str]]:
    """(line, why) of the parts that the interpreter carries out in the middle of its compiled code."""
    sites, records = record.unit or ((), ())
    found = {(s[0], s[4][0]) for s in sites if s[3] == "region" and s[4][1][0] not in ("box", "operation") and (records[s[1]], s[2]) == (record, f.entry)}
    return sorted(found)


def _times(facts: dict[str, Any], line: int) -> str:
    count = sum(place["count"] for place in facts["in_python"] if place["line"] == line)
    return f" ({count} times)" if count else ""


def _state(record: Record, f: Func, facts: dict[str, Any]) -> str:
    mode, hints = facts["mode"], "".join(f", jit_{name}" for name in facts["hints"])
    if mode == "native":
        n = facts["specialisations"]
        return f"compiled, {n} specialisations, {facts['native_calls']} native calls, {facts['fallbacks']} fallbacks{hints}"
    if mode == "callers":
        return "compiled into its callers"
    if mode == "pending":
        return f"compiled at its first call: parameters without annotation{hints}"
    calls = f", {facts['python_calls']} calls" if facts["python_calls"] else ""
    return f"Python: {_reason(record, f, facts)}{calls}"


def _reason(record: Record, f: Func, facts: dict[str, Any]) -> str:
    if f.reason:
        return f.reason if f.reason == record.failed or f.hint is not None and f.hint.ignore else f"{f.reason} (line {f.line})"
    if not _jitd.connected():
        return "there is no daemon"
    if f.given_up:
        return f"{f.given_up[1]} (line {f.given_up[0]})"
    refused = record.refusals.get(f.entry, {})
    if refused:
        return "; ".join(f"with ({types}): {reason} (line {line})" for types, (line, reason) in refused.items())
    return ", ".join(f"{n} calls {_WHY.get(why, why)}" for why, n in facts["python_reasons"].items())


# ---- code ----


def _dump(obj: object, what: str) -> str:
    record, func = _find(obj)
    link.finish(record)
    keys = [record.key] if record.unit is not None else []
    keys += [key for entry, key in record.specialised if func is None or entry == func.entry]
    body = {"what": what} | ({"method": func.entry} if func else {})
    texts = [_jitd.request(_DUMP, body | {"key": key})["text"].strip("\n") for key in keys]
    if not any(texts):
        nothing = "nothing of it has been compiled yet: methods without annotations are, when they are called"
        reason = func and func.reason or (nothing if _jitd.connected() else "there is no daemon, it runs as plain Python")
        raise LookupError(f"{record.name}{'.' + func.name if func and record.kind == 'class' else ''}: {reason}")
    return "\n\n".join(filter(None, texts)) + "\n"


def inspect_llvm(obj: object) -> str:
    """The optimised LLVM IR of a class, a method or a function."""
    return _dump(obj, "ir")


def inspect_asm(obj: object) -> str:
    """Its machine code as assembly text."""
    return _dump(obj, "asm")
