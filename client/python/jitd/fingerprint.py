"""What names a program: the fingerprints by which a warm start finds its compiled code without sending (or reading) source.

A record's own fingerprint covers its functions' code objects (with names, constants, lines and file), the types, defaults and the
values that its names are bound to. Its key covers those of everything it reaches, in the order in which it is reached: equal key,
equal unit description. Marshal's version 2 is used because it does not depend on reference counts.
"""

import sys
from _blake2 import blake2b
from _weakref import ref
from marshal import dumps

from jitd._jitd import MISSING, Guard, Method
from jitd.declare import is_jitclass, of_function, type_text

VERSION = f"jitd 1 {sys.version_info[0]}.{sys.version_info[1]}"
MAX_DEFS = 256
_FUNCTION = type(lambda: None)
_BUILTIN_FUNCTION = type(len)
_MODULE = type(sys)
_CODE = type((lambda: None).__code__)
_CONSTANTS = {bool: "bool", int: "int", float: "float", str: "str"}

_serials = {}  # fingerprint -> [weak reference to the class record with that serial]


def _digest(*parts):
    return blake2b(b"".join(len(p).to_bytes(8, "little") + p for p in parts), digest_size=32).digest()


def constant(value):
    """The protocol's form of a constant, or None."""
    kind = _CONSTANTS.get(type(value))
    if kind == "int" and not -(1 << 63) <= value < 1 << 63:
        return None
    if kind:
        return [kind, value]
    return ["none"] if value is None else None


def record_of(value):
    """The record of a jitclass or a jitd function, or None."""
    if isinstance(value, Method):
        record = value.__dict__.get("_jitd_record")
        return record if record is not None and record.kind == "function" else None
    return value.__dict__["__jitd_record__"] if is_jitclass(value) else None


def _describe(value, name, options, plain):
    """A global as in the protocol, except that a definition is ["def", record]."""
    found = constant(value)
    if found:
        return found
    record = record_of(value)
    if record is None and type(value) is _FUNCTION:
        record = plain.get(value)
        if record is None:
            record = plain[value] = of_function(value, options)
    if record is not None:
        return ["def", record]
    if isinstance(value, _MODULE):
        return ["module", value.__name__]
    module = getattr(value, "__module__", None)
    if isinstance(value, (type, _BUILTIN_FUNCTION)) and module == "builtins":
        return ["builtin", value.__name__]
    if isinstance(value, _BUILTIN_FUNCTION) and module:
        return ["member", module, value.__name__]
    from jitd.types import Scalar

    if isinstance(value, Scalar):
        return ["type", value.name]
    return ["other", f"{name}, an object of type {type(value).__name__}"]


# LOAD_GLOBAL as this interpreter writes it; its argument is the name's index, since 3.11 shifted by a flag. Reading it tells a
# global from an attribute of the same name, which share co_names.
_SHIFT = sys.version_info >= (3, 11)
_LOAD_GLOBAL = (lambda: len).__code__.co_code[2 * _SHIFT]


def _names(code, found):
    names, instructions = code.co_names, code.co_code
    if len(names) > 127:  # longer arguments
        found.update(dict.fromkeys(names))
    else:
        for i in range(0, len(instructions), 2):
            if instructions[i] == _LOAD_GLOBAL:
                found[names[instructions[i + 1] >> _SHIFT]] = None
    for const in code.co_consts:
        if type(const) is _CODE:
            _names(const, found)
    return found


def bindings(f, record, plain, guarded, cells):
    """{name: global} of a function: what its names mean outside of it, now. What that rests on is added to guarded and cells."""
    func, options = f.func, record.options
    bound = {}
    own = record.short.rpartition(".")[2]  # while it is being decorated its name has no value yet
    scope, builtins = func.__globals__, func.__builtins__
    for name in _names(f.code, {}):
        if name in scope:
            bound[name] = _describe(scope[name], name, options, plain)
            guarded.append((scope, name, scope[name]))
        elif name in builtins:
            bound[name] = ["builtin", name]
            guarded.append((scope, name, MISSING))
        elif name == own:
            bound[name] = ["def", record]
            guarded.append((scope, name, record.target))
    for name, cell in zip(f.code.co_freevars, func.__closure__ or ()):
        try:
            bound[name] = _describe(cell.cell_contents, name, options, plain)
            cells.append((cell, cell.cell_contents))
        except ValueError:
            bound[name] = ["def", record] if name == own else ["other", f"{name}, which is not set yet"]
            cells.append((cell, record.target if name == own else MISSING))
    return bound


def guard(records):
    """A Guard of everything that the functions of the records rest on, or None."""
    guarded = tuple(g for r in records for g in r.guarded)
    cells = tuple(c for r in records for c in r.cells)
    dicts = tuple({id(g[0]): g[0] for g in guarded}.values())
    return Guard(dicts, guarded, cells) if guarded or cells else None


# ---- one record ----


def _class_name(resolved_class):
    return resolved_class.__dict__["__jitd_record__"].name


class _Local:
    """Collects a record's own fingerprint and what it refers to."""

    def __init__(self, record):
        self.record, self.parts, self.references, self.bound = record, [], [], {}
        self.guarded, self.cells = [], []

    def type(self, resolved):
        if isinstance(resolved, tuple):
            self.references.append(resolved[0].__dict__["__jitd_record__"])
        elif isinstance(resolved, list):
            for item in resolved:
                self.type(item)
        return "-" if resolved is None else type_text(resolved, _class_name)

    def func(self, f, plain):
        types_text = " ".join([self.type(t) for t in f.types or ()])
        self.parts.append(f"{f.kind} {f.name} {types_text} {[constant(p[2]) for p in f.params]} {f.reason}".encode())
        self.parts.append(dumps(f.code, 2))
        if f.reason:
            return
        self.bound[f] = bound = bindings(f, self.record, plain, self.guarded, self.cells)
        for name, value in bound.items():
            if value[0] == "def":
                self.references.append(value[1])
                value = ["def", value[1].name]
            self.parts.append(f"{name}={value}".encode("utf-8", "surrogatepass"))


def prepare(record, plain):
    """Computes record.local, .references and .bound, once. The field types must be resolved."""
    if record.local is not None:
        return
    local = _Local(record)
    o = record.options
    local.parts.append(f"{record.kind} {record.name} {record.init} {o['overflow']} {o['fastmath']} {o['boundscheck']}".encode())
    for (name, _, default), resolved in zip(record.fields, record.field_types or ()):
        known = "-" if default is MISSING else constant(default)
        local.parts.append(f"{name}:{local.type(resolved)}={known}".encode("utf-8", "surrogatepass"))
    local.parts.append(f"{record.consts} {record.other}".encode("utf-8", "surrogatepass"))
    for f in record.funcs:
        local.func(f, plain)
    if record.base_init:
        local.parts.append(dumps(record.base_init.code, 2))
    record.references, record.bound = local.references, local.bound
    record.guarded, record.cells = local.guarded, local.cells
    record.local = _digest(*local.parts)


# ---- a record and all it reaches ----


def closure(records):
    """The records and all that they reach, breadth first: the order of a unit's definitions."""
    order, seen = list(records), {id(r) for r in records}
    for record in order:
        for other in record.references:
            if id(other) not in seen and len(order) < MAX_DEFS:
                seen.add(id(other))
                order.append(other)
    return order


def _serial(record):
    """Two live classes of one source (decorated twice, reloaded) are two classes: the second gets another key."""
    if record.kind != "class":
        return 0
    if record.serial is None:
        base = _digest(*(r.local for r in closure([record])))
        taken = _serials.setdefault(base, [])
        free = next((i for i, r in enumerate(taken) if r() is None), len(taken))
        taken[free : free + 1] = [ref(record)]
        record.serial = free
    return record.serial


def key(record, *more):
    """32 bytes; `more` are strings that distinguish other units of the same record."""
    order = closure([record])
    serials = bytes(min(_serial(r), 255) for r in order)
    return _digest(VERSION.encode(), serials, *(r.local for r in order), *(m.encode() for m in more))
