"""What jitd did: statistics, reasons, and the code it made."""

from jitd import _jitd, link
from jitd.link import record_of
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


def _find(obj):
    """The record that a class, an instance, a method (bound or not) or a function belongs to, and which of its functions is meant, or None."""
    func = getattr(obj, "__func__", obj)
    if isinstance(func, _jitd.Method):
        return func.__dict__["_jitd_record"], func.__dict__["_jitd_func"]
    for record in filter(None, (r() for r in all_records)):
        for f in record.funcs:
            if f.func is func:  # it stays Python, and was given back to the class
                return record, f
    record = record_of(obj) or record_of(type(obj))
    if record is None:
        raise TypeError(f"{obj!r} is neither a jitclass, an instance of one, nor a method or function compiled by jitd")
    return record, None


def _explain_func(f):
    if f.reason:
        return f"Python: {f.reason}"
    if f.method is None:
        return "compiled into its callers"
    counters = f.method._counters()
    return f"compiled, {counters['specialisations']} specialisations, {counters['native_calls']} native calls, {counters['fallbacks']} fallbacks"


def explain(obj):
    """Text: what became of each method of a class (or an instance's class), or of one method or function, and why."""
    record, func = _find(obj)
    if not record.linked:
        return f"{record.name}: not used yet"
    lines = [f"{record.name} ({'compiled by the daemon' if _jitd.connected() else 'no daemon: plain Python'})"]
    lines += [f"  {f.name}: {_explain_func(f)}" for f in record.funcs if func in (None, f)]
    lines += [f"  {name}: left out: {reason}" for name, reason in record.other.items() if func is None]
    lines += [f"  {message}" for message in record.warnings]
    return "\n".join(lines)


def _dump(obj, what):
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


def inspect_llvm(obj):
    """The optimised LLVM IR of a class, a method or a function."""
    return _dump(obj, "ir")


def inspect_asm(obj):
    """Its machine code as assembly text."""
    return _dump(obj, "asm")
