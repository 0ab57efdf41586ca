"""Links decorated classes and functions to compiled code: at the first use of any, everything decorated so far is looked up in one
round trip by fingerprint; what the daemon does not know is compiled when it is first used itself (compile.py).

Fingerprints are what names a program: by them a warm start finds its compiled code without sending (or reading) source. A record's
own one (Record.local) covers its functions' code objects (with names, constants, lines and file), the types, defaults and the values
that its names are bound to. Its key covers those of everything it reaches, in the order in which it is reached: equal key, equal unit
description. Marshal's version 2 is used because it does not depend on reference counts.
"""

import os
import sys
from _weakref import ref
from marshal import dumps

from jitd import _jitd
from jitd._jitd import MISSING, Guard, Method, digest, names
from jitd.declare import MAX_FIELDS, MAX_REFERENCES, Later, disabled, evaluate_in, evaluator_of, field_type, focused, is_jitclass, of_function, pending
from jitd.declare import resolve_type, type_text, type_words, unknown
from jitd.flight import alone, ask, locked, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jitd.declare import Declared, Evaluate, Func, Record, Resolved

LOOKUP, _CLASSES = 2, 9  # protocol/messages.def
_LOOKUP_MAX = 1024  # keys a message, docs/protocol.md
_MAX_DEFS = 256  # of a unit
_MAX_TEXT = 1 << 16  # characters of a constant
_VERSION = f"jitd 1 {sys.version_info[0]}.{sys.version_info[1]}"
_FUNCTION = type(lambda: None)
_CODE = type((lambda: None).__code__)
_BUILTIN_FUNCTION = type(len)
_MODULE = type(sys)
_MATH = ["module", "math"]
_CONSTANTS = {bool: "bool", int: "int", float: "float", str: "str"}
_used = [0]  # how often something was looked up
own_ids = {}  # type: dict[Any, None]  # weak references to the records of classes that the daemon, which is there, has not numbered
_serials = {}  # type: dict[bytes, list[Any]]  # fingerprint -> [what the class record with that serial has as its token]
_nobodys = [object()]


# ---- connecting ----


@locked
def connect(ready: "Sequence[Record]" = ()) -> None:
    """Attaches this process to a daemon (starting a private one), or to an arena of its own if there is none to be had. The records
    will be looked up next: their keys go along with the hello."""
    if _jitd.connected() is not None:
        return
    if disabled():
        log("jitd is disabled (JITD_DISABLE): classes run as plain Python")
        _jitd.connect_local()
    else:
        _connect(LOOKUP if ready else 0, _lookup_body(ready), any(record.kind == "class" for record in ready))


def _connect(*known: "Any") -> None:
    try:
        try:
            _jitd.connect(None, None, "", _daemon(), *known)
        except ConnectionRefusedError:  # nobody listens: start one
            _jitd.connect(None, None, _daemon(), _daemon(), *known)
    except ConnectionError as error:
        log(f"jitd has no daemon, classes run as plain Python: {error}")
        _jitd.connect_local()


def _daemon() -> "str | None":
    """The daemon's program if it was installed with this package; None: libjitd looks for it."""
    for place in (os.path.join(os.path.dirname(__file__), "_bin", "jitd"), os.path.join(sys.prefix, "bin", "jitd")):
        if os.access(place, os.X_OK):
            return place
    return None


# ---- from decoration to use ----


@locked
def resolve(method: "Method", values: "tuple[Any, ...] | None") -> "bool | None":
    """Called by a Method: values None before its first call, else a tuple of arguments that no specialisation takes. True: one does now."""
    record, f = method.__dict__["_jitd_record"], method.__dict__["_jitd_func"]
    if values is None:
        if record.pause:
            from jitd.again import compile_again

            compile_again(record)
        else:
            finish(record)
        return None
    if f.hint is not None and f.hint.once:
        from jitd.hints import refuses

        if refuses(f):
            return False
    from jitd.compile import specialise

    return specialise(record, f, values)


@locked
def finish(record: "Record") -> None:
    """Makes a record ready for use, together with all that are pending."""
    while not record.linked and not alone(record, _finish, record):
        pass
    if record in focused:
        from jitd.hints import finished

        finished(record)


def _finish(record: "Record") -> None:
    prepare(record)
    finish_pending(record)
    if not record.linked:
        _no_more_pending(record)
        from jitd.compile import compile_record

        compile_record(record)


@locked
def finish_pending(used: "Record | None" = None) -> None:
    """One LOOKUP for all records that have not been looked up, and for the one that is being used."""
    _used[0] += 1
    ready = [record for record in alive(pending) if not record.linked and (record is used or _can_prepare(record))]
    if used is not None and ref(used) in unknown and not used.linked:
        ready.append(used)
    connect(ready)
    if not _jitd.connected():
        from jitd.compile import link_local

        for record in ready:
            link_local(record)
    elif ready:
        for record, unit in zip(ready, _lookup(ready)):
            if unit is not None and not record.linked:
                install(record, unit)
    for record in ready:
        _no_more_pending(record)
        if not record.linked:
            unknown[ref(record)] = None


def _names_of_classes() -> "set[str]":
    """All that the daemon knows: it tells a part at a time."""
    names: "list[str]" = []
    told, more = {"classes": 0, "functions": 0}, True
    while more:
        answer = ask(_CLASSES, told)
        names += [described["name"] for described in answer["classes"]]
        told = {which: n + len(answer[which]) for which, n in told.items()}
        more = bool(answer.get("more"))  # an older daemon tells all at once
    return set(names)


def catch_up() -> None:
    """Makes every class ready of whose name the daemon has one."""
    finish_pending()
    known = _names_of_classes()
    for record in alive(pending) + alive(unknown):
        if record.kind == "class" and record.name in known:
            finish(record)
    for record in alive(own_ids):
        if record.name in known:
            from jitd.again import compile_again

            compile_again(record)


def alive(references: "dict[Any, Any]") -> "list[Record]":
    found = []
    for reference in list(references):  # others are decorating
        record = reference()
        if record is None:
            references.pop(reference, None)
        else:
            found.append(record)
    return found


def _no_more_pending(record: "Record") -> None:
    pending.pop(ref(record), None)
    unknown.pop(ref(record), None)


def _lookup_body(records: "Sequence[Record]") -> "dict[str, Any]":
    return {"keys": [record.key for record in records[:_LOOKUP_MAX]]}


def _lookup(records: "list[Record]") -> "list[Any]":
    """Their units, None where there is none (or nobody to ask: then the compilation says why)."""
    units = []
    for at in range(0, len(records), _LOOKUP_MAX):
        part = records[at : at + _LOOKUP_MAX]
        try:
            units += ask(LOOKUP, _lookup_body(part))["units"]
        except (_jitd.RemoteError, ConnectionError):
            units += [None] * len(part)
    return units


def _can_prepare(record: "Record") -> bool:
    """Else its own first use says why not. What names are missing may come, and so it is tried again, but ever more seldom."""
    tried = pending.get(ref(record), 0)
    if tried and _used[0] % tried:
        return False
    error = surely(lambda: prepare(record, final=False))[1]
    if error is not None:
        pending[ref(record)] = 2 * tried or 1
    return error is None


def surely(function: "Any") -> "tuple[Any, Exception | None]":
    """(the result, None), or (None, what it raises, whatever an annotation may raise). What it raises only once comes from a signal handler, and goes on."""
    try:
        return function(), None
    except Exception as once:
        try:
            function()
        except Exception as again:
            return None, again
        raise once


def prepare(record: "Record", final: bool = True) -> None:
    """Resolves the types of a record and all it reaches, and computes their keys. NameError, if it is not final, while a name in a
    field's type is not defined: it may still come."""
    if record.key is not None:
        return
    plain: "dict[Any, Record]" = {}
    todo, seen = [record], {id(record)}
    for one in todo:
        if one.local is None:
            lay_out(one, final)
            resolve_params(one, [*one.funcs, *one.above], final)
            _take(one, plain)
        for r in one.references:
            if id(r) not in seen:
                seen.add(id(r))
                todo.append(r)
    for one in todo:
        if one.key is None:
            one.key = key_of(one)


def lay_out(record: "Record", final: bool = True) -> None:
    """Resolves a class's fields and installs their descriptors."""
    if record.kind != "class" or record.field_types is not None:
        return
    if record.base is not None:
        from jitd import heirs

        heirs.lay_out(record, final)
    described: "list[Any]" = []
    types: "list[Any]" = []
    fields: "list[Any]" = []
    python: "dict[str, Any]" = {}
    record.python, record.late_fields = {}, ()
    slots = record.target.__dict__.get("__slots__", ())
    for field in record.declared:
        resolved, why = _native(record, field, final)
        if resolved and (len(types) >= MAX_FIELDS or sum(isinstance(t, tuple) for t in types) >= MAX_REFERENCES):
            resolved, why = None, f"a class has at most {MAX_FIELDS} native fields, {MAX_REFERENCES} of them references"
        described.append(
            (
                field.name,
                type_text(resolved, lambda cls: 0) if resolved else None,
                resolved[0] if isinstance(resolved, tuple) else None,
                field.default,
                field.factory,
                field.inferred,
                resolved is not None and field.default is not MISSING and not field.factory and _is_late(record, field, resolved),
                field.name in slots,
                field.owner is not None,
                _of_class(record, field),
            )
        )
        if described[-1][6]:
            record.late_fields = (*record.late_fields, field.name)
        if isinstance(resolved, tuple):
            settle(resolved[0].__dict__["__jitd_record__"])
        if resolved:
            types.append(resolved)
            fields.append((field.name, field.annotation, MISSING if field.factory else field.default))
        else:
            python[field.name] = why
            record.python[field.name] = likely(field.annotation, evaluator_of(record, field))
    for name, why in python.items():
        record.other[name] = f"it is a Python field: {why}"
        record.consts.pop(name, None)  # its default, which is not what an instance has
    arguments = sum(field.init for field in record.declared)
    record.size, record.offsets = _jitd.setup_fields(record.target, tuple(described), arguments)
    record.fields, record.py_fields = fields, python
    _note_attributes(record)
    _note_construction(record)
    record.field_types = types


def _of_class(record: "Record", field: "Declared") -> "Any":
    """What the class itself has under a field's name: mostly its default."""
    value = record.target.__dict__.get(field.name, MISSING)
    return value if field.name not in record.target.__dict__.get("__slots__", ()) else MISSING


def _note_attributes(record: "Record") -> None:
    """What its methods store in self and nobody has declared is an object, too."""
    taken = {field.name for field in record.declared} | {f.name for f in record.funcs} | set(record.consts) | set(record.other)
    for name in sorted(record.stored - taken):
        record.python[name] = "py"
        record.other[name] = "it is an attribute that nobody has declared"


def likely(annotation: "Any", evaluate: "Evaluate") -> "Resolved":
    """What a value of an annotation that has no native type most likely is."""
    from jitd import types

    return types.likely(annotation, evaluate)


def _is_late(record: "Record", field: "Declared", resolved: "Resolved") -> bool:
    """Whether the default is the class's only, until somebody sets the field on an instance: none of the instance's __init__ does."""
    if (record.init == "generated" and field.init) or (isinstance(resolved, tuple) and field.default is not None):
        return False
    from jitd.members import is_set_by_init

    return not is_set_by_init(record.target, record.init, field.name)


def _note_construction(record: "Record") -> None:
    """Compiled code makes instances only of classes for which making one is storing native fields, or running __init__."""
    cls, made = record.target, vars(record.target)
    for hook in ("__new__", "__del__"):
        if any(hook in base.__dict__ for base in cls.__mro__[:-2]):
            record.other["__new__"] = f"the class has a {hook} of its own"
    if record.py_fields and record.init == "generated":
        record.other["__new__"] = f"the class has Python fields ({', '.join(record.py_fields)})"
    if any(field.factory for field in record.declared) and record.init == "generated":
        record.other["__new__"] = "a default is made by a default_factory"
    if record.init == "generated" and any("__setattr__" in base.__dict__ for base in cls.__mro__[:-1] if base is not _jitd.Instance):
        from jitd.members import is_asked_by_init

        record.init_asks = is_asked_by_init(cls)
        if record.init_asks:
            record.other["__new__"] = "its __init__ asks the class's __setattr__"
    if getattr(cls, "__abstractmethods__", None):
        record.other["__new__"] = "the class is abstract"
    if record.init == "user" and record.func("__init__") is None and "__init__" in made and not record.base_init:
        record.other["__new__"] = "its __init__ was made by the standard library's dataclasses"


def _native(record: "Record", field: "Declared", final: bool) -> "tuple[Resolved | None, str | None]":
    """(the resolved type, None), or (None, why it is a Python field)."""
    resolved, error = surely(lambda: field_type(record, field))
    if error is not None:  # a name that only type checkers have, or whatever else an annotation raises
        if isinstance(error, NameError) and not final:
            raise error
        from jitd.types import shown

        return None, f"its annotation {shown(field.annotation)} cannot be evaluated: {error}"
    if resolved is not None:
        return resolved, None
    from jitd.types import ASKED, is_py, shown

    evaluate = evaluator_of(record, field)
    if is_py(evaluate(field.annotation) if isinstance(field.annotation, (str, Later)) else field.annotation):
        return None, ASKED
    meant = resolve_type(field.annotation, evaluate)
    if field.absent and isinstance(meant, str) and meant != "None":
        return None, "__init__ does not set it, and the class asks for it by name, as hasattr() does: a number in memory is always there"
    if field.wide and meant == "int":
        return None, "the class computes what it stores there with ints beyond 64 bits: jitd.uint64 holds 64 bits, and wraps"
    if field.default is not MISSING and meant not in (None, "None"):
        return None, f"its default {field.default!r} is no {shown(field.annotation)}"
    return None, f"{shown(field.annotation)} is not a native type"


def resolve_params(record: "Record", funcs: "Sequence[Func]", final: bool = True) -> None:
    for f in funcs:
        evaluate = (f.owner or record).evaluate or (lambda text, scope=f.func.__globals__: evaluate_in(text, scope, {}))
        f.types = [_param_type(record, f, param, evaluate, final) for param in f.params]
        if f.method is not None:
            o = record.options
            keeps = bool(o["strict"] or o["fastmath"] or o["overflow"] == "wrap" or f.hint is not None)
            f.method._set_annotated(tuple(_accepted(t) for t in f.types), bool(o["strict"]), keeps)


def _param_type(record: "Record", f: "Func", param: "Any", evaluate: "Evaluate", final: bool) -> "Resolved | None":
    name, annotation, default = param
    if annotation is MISSING:
        return None
    if isinstance(annotation, Later):
        annotation, error = surely(lambda: evaluate(annotation))
        if annotation is MISSING:
            return None
    else:
        error = None
    resolved = None
    if error is None:
        resolved, error = surely(lambda: resolve_type(annotation, evaluate))
    if error is not None:
        if isinstance(error, NameError) and not final:
            raise error
        if isinstance(error, NameError) and not f.reason:
            record.late += (f,)
        f.reason = f.reason or f"the annotation of parameter {name!r} cannot be evaluated: {error}"
        return None
    if resolved is None:
        return likely(annotation, evaluate)
    return (resolved[0], True) if isinstance(resolved, tuple) and default is None else resolved


def revive(record: "Record", f: "Func") -> bool:
    """Whether the names that a late function wants are there by now: then it is one like others."""
    f.tries += 1
    if f.tries > _TRIES and f.method is not None:
        f.method._set_waiting(min(10 << min(f.tries - _TRIES, 16), 60000), False)
    if f.awaits and _misses(record, f):
        return False
    f.awaits = False
    record.late = tuple(other for other in record.late if other is not f)
    f.reason = None
    resolve_params(record, [f])
    if f in record.late:
        return False
    if not f.reason:
        _take(record, {})
        for one in closure([record]):
            prepare(one)
            for other in one.late:
                if other.awaits and not _misses(one, other):
                    revive(one, other)
            if one.names_missed and one is not record:
                _take(one, {})
        for one in closure([record]):
            prepare(one)
    return True


_TRIES = 8  # of a late function, at calls that follow each other; then ever more seldom


def _misses(record: "Record", f: "Func") -> bool:
    """Whether something that the function, or one that it may call, names has no value."""
    todo, seen = [(record, f)], {f}
    for one, func in todo:
        if _unknown_names(one, func):
            return True
        for value in one.bound.get(func, {}).values():
            for other in value[1].funcs if value[0] == "def" else ():
                if other not in seen:
                    seen.add(other)
                    todo.append((value[1], other))
    return False


def _unknown_names(record: "Record", f: "Func") -> "list[str]":
    scope, builtins, own = f.func.__globals__, f.func.__builtins__, record.short.rpartition(".")[2]
    return [name for name in names(f.code) if name not in scope and name not in builtins and name != own]


_STRICT = {"int": (int,), "float": (float, int), "bool": (bool,)}


def _accepted(resolved: "Resolved | None") -> "Any":
    """What _jitd checks of a strict method: None, or (words, classes of what fits). Sized types, whose classes are none, always refuse."""
    if resolved in (None, "None", "py") or isinstance(resolved, list):
        return None
    if isinstance(resolved, tuple):
        return type_words(resolved), (resolved[0], type(None)) if resolved[1] else (resolved[0],)
    return resolved, _STRICT.get(resolved, ())


# ---- fingerprints ----


def constant(value: "Any") -> "list[Any] | None":
    """The protocol's form of a constant, or None."""
    kind = _CONSTANTS.get(type(value))
    if kind == "int" and not -(1 << 63) <= value < 1 << 63:
        return None
    if kind == "str" and (len(value) > _MAX_TEXT or not is_text(value)):
        return None
    if kind:
        return [kind, value]
    return ["none"] if value is None else None


def is_text(value: str) -> bool:
    """Whether it can be sent: lone surrogates cannot."""
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def not_constant(name: str, value: "Any") -> "list[Any]":
    """The protocol's form of what is no constant."""
    kind = type(value).__name__
    if kind == "str":
        return ["other", f"a text of {len(value)} characters" if len(value) > _MAX_TEXT else "a text with a lone surrogate"]
    if kind == "int":
        return ["other", "an int of more than 64 bits"]
    return ["other", f"{name}, an object of type {kind}"]


def record_of(value: "Any") -> "Record | None":
    """The record of a jitclass or a jitd function, or None."""
    if isinstance(value, Method):
        record = value.__dict__.get("_jitd_record")
        return record if record is not None and record.kind == "function" else None
    return value.__dict__["__jitd_record__"] if is_jitclass(value) else None


def _describe(value: "Any", name: str, owner: "Record", plain: "dict[Any, Record]") -> "list[Any]":
    """A global of a record's function as in the protocol, except that a definition is ["def", record]."""
    found = constant(value)
    if found:
        return found
    record = record_of(value)
    if record is None and type(value) is _FUNCTION:
        record = plain.get(value)
        if record is None:
            record = plain[value] = of_function(value, owner.options)
    if record is not None:
        if record.kind == "function" and record.funcs[0].hint is not None and record is not owner:
            from jitd.hints import kept_out

            if why := kept_out(record.funcs[0]):
                return ["other", f"{name} ({why})"]
        return ["def", record]
    if isinstance(value, _MODULE):
        return ["module", value.__name__]
    module = _home(value)
    if isinstance(value, (type, _BUILTIN_FUNCTION)) and module == "builtins":
        return ["builtin", value.__name__]
    if isinstance(value, _BUILTIN_FUNCTION) and module:
        return ["member", module, value.__name__]
    from jitd.types import Scalar

    if isinstance(value, Scalar):
        return ["type", value.name]
    found = not_constant(name, value)
    return ["exception", found[1]] if _is_plain_exception(value) else found


def _is_plain_exception(value: "Any") -> bool:
    """Whether it is a class of exceptions, and making one runs no code but C code."""
    own = [cls for cls in value.__mro__ if _home(cls) != "builtins"] if type(value) is type and issubclass(value, BaseException) else []
    return bool(own) and not any(name in vars(cls) for cls in own for name in ("__init__", "__new__", "__del__"))


def _home(value: "Any") -> "str | None":
    """The module that a function belongs to. Since 3.15 those of math that are about ints are at home in math.integer, too."""
    module = getattr(value, "__module__", None)
    return "math" if module == "math.integer" else module


def _math(module: "Any", names: "Sequence[str]", guarded: "list[Any]") -> "list[Any]":
    """The global of the module math, if what it has under these names is its own; that it stays so is guarded, too."""
    for name in names:
        value = module.__dict__.get(name, 0.0)
        if type(value) is not float and _home(value) != "math":
            return ["other", f"math.{name}, an object of type {type(value).__name__}"]
        if name in module.__dict__:
            guarded.append((module.__dict__, name, value))
    return _MATH


def _bindings(f: "Func", record: "Record", plain: "dict[Any, Record]") -> "dict[str, Any]":
    """{name: global} of a function: what its names mean outside of it, now. What that rests on is added to its guarded and cells."""
    func = f.func
    bound = {}
    home = f.owner or record
    own = home.short.rpartition(".")[2]  # while it is being decorated its name has no value yet
    scope, builtins = func.__globals__, func.__builtins__
    for name in names(f.code):
        if name in scope:
            bound[name] = _describe(scope[name], name, record, plain)
            record.guarded.append((scope, name, scope[name]))
        elif name in builtins:
            bound[name] = _describe(builtins[name], name, record, plain)
            record.guarded += (scope, name, MISSING), (builtins, name, builtins[name])
        elif name == own:
            bound[name] = ["def", home]
            record.guarded.append((scope, name, home.target))
        else:
            record.names_missed = True
        if bound.get(name) == _MATH:
            bound[name] = _math(scope[name], f.code.co_names, record.guarded)
    for name, cell in zip(f.code.co_freevars, func.__closure__ or ()):
        try:
            bound[name] = _describe(cell.cell_contents, name, record, plain)
            record.cells.append((cell, cell.cell_contents, name))
        except ValueError:
            bound[name] = ["def", home] if name == own else ["other", f"{name}, which is not set yet"]
            record.cells.append((cell, home.target if name == own else MISSING, name))
    return bound


def guard_of(records: "list[Record]") -> "Guard | None":
    """A Guard of everything that the functions of the records rest on, or None."""
    guarded = tuple(g for r in records for g in r.guarded)
    cells = tuple(c for r in records for c in r.cells)
    dicts = tuple({id(g[0]): g[0] for g in guarded}.values())
    plain = tuple((f.func, f.code, f.func.__defaults__, f.func.__kwdefaults__) for r in records if type(r.target) is _FUNCTION for f in r.funcs)
    return Guard(dicts, guarded, cells, plain) if guarded or cells else None


def settle(record: "Record") -> None:
    """A native field refers to instances of the class: from now on it is known of which other classes they may be."""
    if record.family is None:
        below = heirs_of(record)
        record.family = [ref(heir) for heir in below]
        _jitd.set_family(record.target, tuple(ref(heir.target) for heir in below))


def heirs_of(record: "Record") -> "list[Record]":
    """The classes that extend it, directly or not, and whose instances compiled code takes for its own."""
    if record.family is not None:
        return [heir for heir in [heir() for heir in record.family] if heir is not None]
    if not record.heirs:
        return []
    from jitd import heirs

    return heirs.below(record)


def _reached(resolved: "Resolved | None", references: "list[Record]") -> str:
    """The text of a type; classes in it are added to the references."""
    if isinstance(resolved, str):
        likely = resolved  # type: Any
        items = getattr(likely, "items", None)
        return resolved if items is None else f"{likely.kind}({','.join(_reached(item, references) for item in items)})"
    if isinstance(resolved, tuple):
        record = resolved[0].__dict__["__jitd_record__"]
        below = heirs_of(record)
        references += record, *below
        if below:
            return f"{type_text(resolved, lambda cls: record.name)} or {[heir.name for heir in below]}"
    elif isinstance(resolved, list):
        for item in resolved:
            _reached(item, references)
    return "-" if resolved is None else type_text(resolved, lambda cls: cls.__dict__["__jitd_record__"].name)


def real_file(name: str, known: "dict[str, str]" = {}) -> str:
    """One file is one, however its name was spelt: as prog.py, ./prog.py or through a link."""
    if name not in known:
        known[name] = name if name.startswith("<") else os.path.realpath(name)
    return known[name]


def _code_bytes(code: "Any") -> bytes:
    real = real_file(code.co_filename)
    # Since 3.14 code.replace() forgets which locals are parameters: so either all go through it or none.
    same = real == code.co_filename and sys.version_info < (3, 14)
    return dumps(code if same else _moved(code, real), 2)


def _moved(code: "Any", file: str) -> "Any":
    return code.replace(co_filename=file, co_consts=tuple(_plain(const, file) for const in code.co_consts))


def _plain(const: "Any", file: str) -> "Any":
    """A constant as marshal's version 2 takes it, which has no slices (constants since 3.14)."""
    if type(const) is _CODE:
        return _moved(const, file)
    if type(const) is slice:
        return slice.__name__, const.start, const.stop, const.step
    return tuple(_plain(part, file) for part in const) if type(const) is tuple else const


def _take_func(record: "Record", f: "Func", plain: "dict[Any, Record]", parts: "list[Any]") -> None:
    types_text = " ".join([_reached(t, record.references) for t in f.types or ()])
    if f.owner is not None:
        parts.append(f"{f.level} {f.hidden} {f.owner.name}")
    parts.append(f"{f.kind} {f.name} {types_text} {[constant(p[2]) for p in f.params]} {f.reason}")
    if f.hint is not None:
        parts.append(f"{f.hint.once}")
    parts.append(_code_bytes(f.code))
    if f.reason:
        return
    record.bound[f] = bound = _bindings(f, record, plain)
    for name, value in bound.items():
        if value[0] == "def":
            record.references.append(value[1])
            value = ["def", value[1].name]
        parts.append(f"{name}={value}")


def _take(record: "Record", plain: "dict[Any, Record]") -> None:
    """Computes record.local and what goes with it, once. The field types must be resolved."""
    o = record.options
    parts: "list[Any]" = [f"{record.kind} {record.name} {record.init} {o['overflow']} {o['fastmath']} {o['boundscheck']}"]
    record.references, record.bound, record.guarded, record.cells, record.names_missed = [], {}, [], [], False
    for (name, _, default), resolved in zip(record.fields, record.field_types or ()):
        known = "-" if default is MISSING else constant(default)
        parts.append(f"{name}:{_reached(resolved, record.references)}={known}")
    python = {name: _reached(resolved, record.references) for name, resolved in record.python.items()}
    parts.append(f"{record.consts} {record.other} {python}")
    for f in (*record.funcs, *record.above):
        _take_func(record, f, plain, parts)
    if record.base_init:
        parts.append(_code_bytes(record.base_init.code))
    record.local = digest(parts)


# ---- a record and all it reaches ----


def closure(records: "list[Record]") -> "list[Record]":
    """The records and all that they reach, each once, breadth first: the order of a unit's definitions."""
    seen = {id(r): r for r in records}
    order = list(seen.values())
    for record in order:
        for other in record.references:
            if id(other) not in seen and len(order) < _MAX_DEFS:
                seen[id(other)] = other
                order.append(other)
    return order


def _serial(record: "Record") -> int:
    """Two live classes of one source (decorated twice, reloaded) are two classes: the second gets another key. A token is counted: weak references
    are cleared, too, when a finaliser takes the class out of the collector's hands."""
    if record.kind != "class":
        return 0
    if record.serial is None:
        base = digest([r.local for r in closure([record])])
        taken = _serials.setdefault(base, [])
        unheld = sys.getrefcount(_nobodys[0])
        free = next((i for i in range(len(taken)) if taken[i] is record.token or sys.getrefcount(taken[i]) <= unheld), len(taken))
        record.token = object()
        taken[free : free + 1] = [record.token]
        record.serial = free
    return record.serial


def key_of(record: "Record", *more: str) -> bytes:
    """32 bytes; `more` are strings that distinguish other units of the same record."""
    order = closure([record])
    serials = b"".join(_serial(r).to_bytes(4, "little") for r in order)
    return digest([_VERSION, serials, *(r.local for r in order), *more])


# ---- compiled ----


def install(record: "Record", answer: "dict[str, Any]", defs: "list[Record] | None" = None) -> None:
    defs = defs or closure([record])
    meta = _jitd.unpack(answer["meta"])
    number(defs, answer["classes"])
    record.unit = (meta["sites"], defs)
    _add_plans(record, meta, answer["slot"], defs)
    refused = {(definition, name): (line, message, text) for definition, name, line, _, message, text in meta["refused"]}
    set_modes(record, {name: what for (definition, name), what in refused.items() if definition == 0}, meta["warnings"], [part for part in meta["parts"] if part[0] == 0])


def number(defs: "list[Record]", classes: "Sequence[Any]") -> None:
    """Compiled code knows these definitions, and the classes among them by these (key, class id)."""
    for definition, pair in zip(defs, classes):
        if definition.kind == "class" and not definition.class_id:
            identify(definition, pair)
        elif definition.own_id and pair[0] == definition.key:
            _jitd.renumber(definition.target, pair[1])
            definition.class_id, definition.own_id = pair[1], False
            own_ids.pop(ref(definition), None)
        definition.reached = True


def identify(record: "Record", pair: "Any") -> None:
    """From now on instances of the class can be made."""
    key, class_id = pair
    if key != record.key:
        raise RuntimeError(f"the daemon's class for {record.name} has another key")
    cls = record.target
    if record.in_dict:
        declared = {field.name for field in record.declared}
        _jitd.shadow(cls, tuple(name for name in record.consts if name not in declared))
    how = "user" if record.init_asks else record.init
    inherited = record.func("__init__") if record.base is not None and how == "user" else None
    init = inherited.method if inherited is not None and inherited.owner is not None else None
    _jitd.setup(cls, class_id, how, init or (cls.__init__ if how == "user" else getattr(cls, "__post_init__", None)))
    record.class_id = class_id


def _add_plans(record: "Record", meta: "dict[str, Any]", slot: int, defs: "list[Record]") -> None:
    targets, guard = tuple(r.target for r in defs), guard_of(defs)
    is_changed = any([r.change or r.changes for r in defs])
    for i, (definition, name, params, result, flags) in enumerate(meta["entries"]):
        f = record.func(name) if definition == 0 else None
        if f is not None and is_changed and _is_given_back(f, defs):
            continue
        if f is not None and f.method is not None:
            f.method._add_plan(record.unit, guard, slot + i, tuple(params), result, targets, flags)
            depends(f.method, defs)


def _is_given_back(f: "Func", defs: "list[Record]") -> bool:
    from jitd.changed import why_not

    f.reason = f.reason or why_not(f, defs)
    return bool(f.reason)


def depends(method: "Method", defs: "list[Record]") -> None:
    """The method has code that knows these records."""
    for r in defs:
        if r.kind == "class":
            r.dependents.append(ref(method))


def set_modes(record: "Record", refused: "dict[str, Any]", differences: "Sequence[Any]" = (), parts: "Sequence[Any]" = ()) -> None:
    """What is not compiled goes back to plain Python, and says so; so does what is compiled, but not as in CPython."""
    from jitd.types import SLIGHT

    for f in record.funcs:
        f.line, message, f.text = refused.get(f.entry, (f.code.co_firstlineno, f.reason, None))
        if message and not f.reason and f.method is not None and not record.options["strict"] and _misses(record, f):
            record.late += (f,)
            f.awaits = True
        if message == SLIGHT and f.given_up is None:  # for callers in compiled code it is compiled
            f.given_up = f.line, message
        f.reason = None if message == SLIGHT else message or f.reason
        if f.method is not None:
            _set_mode(record, f)
    record.linked = True
    if differences or parts or record.problems or any([f.reason for f in record.funcs]):
        from jitd.warn import tell_linked

        tell_linked(record, differences, parts)


def _set_mode(record: "Record", f: "Func") -> None:
    if not f.reason and not f.given_up or f in record.late:
        f.method._set_native()
        if f.owner is not None:
            from jitd.heirs import reach

            reach(record, f)
        return
    from jitd.compile import give_back

    f.method._set_python()
    give_back(record, f)
