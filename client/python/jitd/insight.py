"""What jitd did: statistics, reasons, and the code it made."""

from jitd import _jitd, link
from jitd.fingerprint import record_of
from jitd.declare import all_records

_STATS, _DUMP = 8, 7  # protocol/messages.def


def stats():
    """{"process": {...}, "machine": {"compilations", ...}, "passes": {name: {"count", "total_us", ...}},
    "objects": {qualname: {"native_calls", "python_calls", "fallbacks", ...}}}; machine and passes are empty without a daemon."""
    link.connect()
    objects = {}
    for record in filter(None, (r() for r in all_records)):
        for f in record.funcs:
            if f.method is not None:
                objects[f"{record.short}.{f.entry}" if record.kind == "class" else record.short] = f.method._counters()
    process = {name: sum(o[name] for o in objects.values()) for name in ("native_calls", "python_calls", "fallbacks", "guard_misses")}
    try:
        answer = _jitd.request(_STATS, {})
    except ConnectionError:  # there is none, or it is gone
        answer = {"machine": {}, "passes": {}}
    process["connected"] = bool(answer["machine"])
    process.update(_jitd.arena_stats())
    return {"process": process, "machine": answer["machine"], "passes": answer["passes"], "objects": objects}


def _record(obj):
    record = record_of(obj) or record_of(type(obj))
    if record is None and isinstance(obj, _jitd.Method):
        record = obj.__dict__["_jitd_record"]
    if record is None:
        raise TypeError(f"{obj!r} is neither a jitclass, an instance of one, nor a function compiled by jitd")
    return record


def _explain_func(f):
    if f.reason:
        return f"Python: {f.reason}"
    if f.method is None:
        return "compiled into its callers"
    counters = f.method._counters()
    return f"compiled, {counters['specialisations']} specialisations, {counters['native_calls']} native calls, {counters['fallbacks']} fallbacks"


def explain(obj):
    """Text: what became of each method of a class (or an instance's class), or of a function, and why."""
    record = _record(obj)
    if not record.linked:
        return f"{record.name}: not used yet"
    lines = [f"{record.name} ({'compiled by the daemon' if _jitd.connected() else 'no daemon: plain Python'})"]
    lines += [f"  {f.entry}: {_explain_func(f)}" for f in record.funcs]
    lines += [f"  {name}: left out: {reason}" for name, reason in record.other.items()]
    lines += [f"  {message}" for message in record.warnings]
    return "\n".join(lines)


def _dump(obj, what):
    record = _record(obj)
    link.finish(record)
    f = obj.__dict__.get("_jitd_func") if isinstance(obj, _jitd.Method) else None
    body = {"key": record.key, "what": what} | ({"method": f.entry} if f else {})
    return _jitd.request(_DUMP, body)["text"]


def inspect_llvm(obj):
    """The optimised LLVM IR of a class, a method or a function."""
    return _dump(obj, "ir")


def inspect_asm(obj):
    """Its machine code as assembly text."""
    return _dump(obj, "asm")
