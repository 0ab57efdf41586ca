"""What a warm start does not load: having a program compiled, specialising a function for its call's types, classes without a
daemon. link.py does the rest."""

from jitd import _jitd, link
from jitd.declare import type_text, type_words

_COMPILE = 3  # protocol/messages.def
_LAYOUT_TRIES = 4


def _own_entries(record):
    """The functions whose types are all known: they are compiled with the unit, the others at their calls."""
    return [f for f in record.funcs if f.method is not None and not f.reason and None not in f.types]


def compile_record(record):
    from jitd import unit

    if record.kind == "function" and not _own_entries(record):
        return link.set_modes(record, {})
    defs = link.closure([record])
    entries = [(f, None) for f in _own_entries(record)]
    try:
        answer = _jitd.request(_COMPILE, {"unit": unit.describe(record.name, record.key, record.options, defs, entries)})
    except (_jitd.RemoteError, ConnectionError) as error:
        return _compile_failed(record, error)
    link.install(record, answer)


def _compile_failed(record, error):
    """The whole unit was refused, or nobody is there to compile it: the class gets its layout, everything stays Python."""
    from jitd import unit

    reason = error.args[-1]
    for f in record.funcs:
        f.reason = f.reason or reason
    warn(record, record.file, record.funcs[0].code.co_firstlineno if record.funcs else 1, f"{record.name} stays Python: {reason}")
    if record.kind == "class":
        if isinstance(error, ConnectionError):
            return link_local(record)
        record.key = link.key_of(record, "layout only")
        bare = [r for r in link.closure([record]) if r.kind == "class"]
        packed = unit.describe(record.name, record.key, record.options, bare, [], only_layout=True)
        return link.install(record, _ask_for_layout(packed), bare)
    link.set_modes(record, {})


def _ask_for_layout(packed):
    """Without a layout there are no instances: what kills compiler processes (the kernel, for want of memory) may take some of these, too."""
    for left in reversed(range(_LAYOUT_TRIES)):
        try:
            return _jitd.request(_COMPILE, {"unit": packed})
        except _jitd.RemoteError as error:
            if not left or error.args[0] != "worker":
                raise


def warn(record, file, line, text):
    from warnings import warn_explicit

    from jitd.errors import CompileError, CompileWarning

    if record.options["strict"]:
        raise CompileError(text)
    if text in record.said:  # of another specialisation, or another name of the same method
        return
    record.said += (text,)
    warn_explicit(text, CompileWarning, file, line)


def warn_unwrapped(method):
    """A call of a method that is compiled, and whose sized arithmetic wraps, goes to Python, where it does not."""
    record, f = method.__dict__["_jitd_record"], method.__dict__["_jitd_func"]
    name = f"{record.name}.{f.entry}" if record.kind == "class" else record.name
    why = "its arguments have other types or are too large, or a name that it uses means something else now"
    warn(record, f.code.co_filename, f.code.co_firstlineno, f"a call of {name} runs in Python, where sized types do not wrap: {why}")


# ---- specialisations ----


def specialise(record, f, values):
    """Compiles (or finds) the function for these argument types. False: they are left to Python."""
    from jitd.types import of_value

    resolved = [of_value(v) for v in values]
    if f.reason or None in resolved or not _jitd.connected():
        return False
    resolved = [_beside_sized(a, v) for a, v in zip(f.types, resolved)]
    if None in resolved:
        return False
    classes = []
    for t in resolved:
        _classes_of(t, classes)
    for other in classes:
        link.prepare(other)
    defs = link.closure([record, *classes])
    answer = _specialised_unit(record, f, resolved, classes, defs)
    return answer is not None and _install_specialisation(record, f, answer, defs, _expected(f.types, resolved))


def _expected(annotated, given):
    """Whether a caller who goes by the annotations gives such types: what becomes of other calls is no news."""
    return all(a is None or _like(a, v) for a, v in zip(annotated, given))


def _like(annotated, given):
    if isinstance(annotated, tuple) and isinstance(given, tuple):
        return annotated[0] is given[0]
    return type(annotated) is type(given) and (annotated == "None") == (given == "None")


def _beside_sized(annotated, given):
    """A parameter's type in a specialisation: sized ones stay what their annotation says, and None is what that never takes."""
    if not link.is_sized(annotated):
        return given
    return annotated if given in ("int", "bool") or (annotated, given) == ("float32", "float") else None


def _classes_of(resolved, found):
    if isinstance(resolved, list):
        for item in resolved:
            _classes_of(item, found)
    elif isinstance(resolved, tuple):
        found.append(resolved[0].__dict__["__jitd_record__"])


def _specialised_unit(record, f, resolved, classes, defs):
    from jitd import unit

    shown = ", ".join(type_words(t) for t in resolved)
    name = f"{record.name}.{f.entry}" if record.kind == "class" else record.name
    texts = [type_text(t, lambda cls: cls.__dict__["__jitd_record__"].key.hex()) for t in resolved]
    key = link.key_of(record, f.entry, *texts)
    try:
        found = _jitd.request(link.LOOKUP, {"keys": [key]})["units"][0]
        if found is None:
            packed = unit.describe(f"{name}({shown})", key, record.options, defs, [(f, resolved)])
            found = _jitd.request(_COMPILE, {"unit": packed})
    except (_jitd.RemoteError, ConnectionError) as error:
        warn(record, f.code.co_filename, f.code.co_firstlineno, f"{name}({shown}) stays Python: {error.args[-1]}")
        return None
    record.specialised.append((f.entry, key))
    return found


def _install_specialisation(record, f, answer, defs, expected):
    meta = _jitd.unpack(answer["meta"])
    for definition, pair in zip(defs, answer["classes"]):
        if definition.kind == "class" and not definition.class_id:
            link.identify(definition, pair)
    for definition, name, line, _, message, text in meta["refused"]:
        if definition == 0 and name == f.entry:
            record.refused[name] = message
            if expected:
                warn(record, f.code.co_filename, line, text)
    if not meta["entries"]:
        return False
    _, _, params, result, flags = meta["entries"][0]
    unit = (meta["sites"], defs)
    guard = link.guard_of(defs)
    if any(r.change for r in defs):
        return False
    f.method._add_plan(unit, guard, answer["slot"], tuple(params), result, tuple(r.target for r in defs), flags)
    link.depends(f.method, defs)
    return True


# ---- without a daemon, or after its end ----


def link_local(record):
    """A class with a local layout, or a function: all methods are plain Python."""
    for definition in link.closure([record]):
        if definition.kind == "class" and not definition.class_id:
            refs = [at for at, t in zip(definition.offsets, definition.field_types) if isinstance(t, tuple)]
            link.identify(definition, (definition.key, _jitd.local_class(definition.key, definition.size, refs)))
    record.linked = True
    for f in record.funcs:
        if f.method is not None:
            f.method._set_python()
            link.give_back(record, f)
