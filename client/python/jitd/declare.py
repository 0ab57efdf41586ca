"""What the decorators do: from a Python class or function to its Record, and the new type. Nothing is looked up or compiled before
the first use (link.py). What only some classes need is in members.py and types.py, so that a warm start loads little."""

import builtins
import os
import sys
from _weakref import ref

from jitd._jitd import MISSING, Instance, Method, convert, replace, show_fields, stores

TYPE_CHECKING = False  # no module that a warm start loads imports typing, or __future__ (0.2 ms): annotations are in quotes
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import Any

    from typing_extensions import TypeAlias

    from jitd.hints import Hint

    Resolved: TypeAlias = "str | tuple[type, bool] | list[Resolved]"
    Evaluate: TypeAlias = Callable[[Any], Any]

# ---- the decorators ----

_DEFAULTS = {
    "type_key": None,
    "init": True,
    "repr": True,
    "eq": False,
    "order": False,
    "unsafe_hash": False,
    "frozen": False,
    "kw_only": False,
    "match_args": True,
    "strict": False,
    "overflow": "python",
    "fastmath": False,
    "boundscheck": True,
    "nogil": False,
}
_NOT_YET = ("type_key", "nogil")
_JIT_OPTIONS = ("strict", "overflow", "fastmath", "boundscheck", "nogil")


def _options(given: "dict[str, Any]", allowed: "tuple[str, ...]" = tuple(_DEFAULTS), what: str = "jitclass") -> "dict[str, Any]":
    for name, value in given.items():
        if name not in allowed:
            raise TypeError(f"{what}() got an unexpected keyword argument {name!r}")
        if name in _NOT_YET and value != _DEFAULTS[name]:
            raise NotImplementedError(f"{what}: the option {name}={value!r} is not supported yet")
    options = {**_DEFAULTS, **given}
    if options["overflow"] not in ("python", "wrap"):
        raise ValueError(f"{what}: overflow must be 'python' or 'wrap', not {options['overflow']!r}")
    return options


def jitclass(cls_or_spec: "Any" = None, spec: "Any" = None, **options: "Any") -> "Any":
    """Makes a class whose fields are typed and live in shared memory, and whose methods are compiled.

    Used as @jitclass, @jitclass(), @jitclass(spec), @jitclass(spec=spec), jitclass(Cls) or jitclass(Cls, spec); a spec (a dict or a
    sequence of (name, type) pairs) is extended by the class's annotations. As a decorator it returns the class itself; a class that the
    caller, or its module, has under a name stays as it is, and a new one is returned. What cannot be native (a field's type, a method)
    is Python on the same object. Options: init, repr, eq, order, unsafe_hash, frozen, kw_only, match_args as for dataclasses;
    strict (what cannot be compiled is a CompileError instead of a warning), overflow ("python" or "wrap"), fastmath, boundscheck.
    """
    chosen = _options(options)
    frame = sys._getframe(1)
    if isinstance(cls_or_spec, type):
        return _jitclass(cls_or_spec, spec, chosen, frame)
    if cls_or_spec is not None and spec is not None:
        raise TypeError("jitclass() got two specs, or something that is not a class")
    spec = cls_or_spec if spec is None else spec

    def decorate(cls: "Any") -> "Any":
        if not isinstance(cls, type):
            raise TypeError(f"jitclass() decorates a class, not {type(cls).__name__}")
        return _jitclass(cls, spec, chosen, frame)

    return decorate


jitclass.__dataclass_transform__ = {"eq_default": False}  # type: ignore[attr-defined]  # typing's mark, for tools that look at run time


def jit(function: "Any" = None, **options: "Any") -> "Any":
    """Compiles a function, once for each combination of argument types that it is called with (eight at most, then Python)."""
    chosen = _options(options, _JIT_OPTIONS, "jit")
    if function is None:
        return lambda f: _jit(f, chosen, options)
    return _jit(function, chosen, options)


def _jit(function: "Any", options: "dict[str, Any]", given: "dict[str, Any]") -> "Any":
    if isinstance(function, Method):
        if not given:
            return function
        options = {**function.__dict__["_jitd_record"].options, **given}
        function = function.__wrapped__
    if isinstance(function, (staticmethod, classmethod)):
        return function if disabled() else type(function)(_jit(function.__func__, options, given))
    if type(function) is property:
        parts = [_jit(part, options, given) if isinstance(part, _FUNCTION) else part for part in (function.fget, function.fset)]  # type: list[Any]
        return function if disabled() else property_like(function, parts[0], parts[1])
    if not isinstance(function, _FUNCTION):
        raise TypeError(f"jit() compiles a function, not {type(function).__name__}")
    if disabled():
        return function
    record = of_function(function, options)
    if record.funcs[0].hint is not None and record.funcs[0].hint.ignore:
        return function
    record.target = _make_method(record, record.funcs[0])
    if function.__name__ != function.__qualname__:
        _jitted[:] = [True]
    _register(record)
    return record.target


def disabled() -> bool:
    return os.environ.get("JITD_DISABLE", "") not in ("", "0")


# ---- what is kept of each ----

all_records = []  # type: list[Any]  # weak references, for jitd.stats()
pending = {}  # type: dict[Any, int]  # weak references to records that nobody has looked up at the daemon yet: how often their names were not all there
unknown = {}  # type: dict[Any, None]  # the same of those that were, and that it did not have: they are looked up again when they are used
focused = []  # type: list[Record]  # records that jit_focus wants compiled before their first use (hints.py)

_jitted = []  # type: list[bool]  # not empty: there are jitd.jit functions that may be members of a class

_VARIADIC = 0x04 | 0x08  # CO_VARARGS, CO_VARKEYWORDS
_COROUTINE = 0x20 | 0x80 | 0x100 | 0x200  # generator, coroutine, iterable coroutine, async generator


class Later:
    """An annotation that is evaluated when it is needed (later.py)."""

    __slots__ = ("annotate", "name")

    def __init__(self, annotate: "Any", name: str) -> None:
        self.annotate, self.name = annotate, name

    def value(self, local: "dict[str, Any]") -> "Any":
        """NameError when a name in it has no value yet; MISSING when there is no annotation."""
        from jitd.later import evaluate

        return evaluate(self.annotate, self.name, local, MISSING)


def annotations_of(func: "Any", names: "Iterable[str]") -> "dict[str, Any]":
    """{name: annotation} of a function; of a name without one: none, or a Later that says so."""
    annotate = getattr(func, "__annotate__", None)  # since 3.14
    return func.__annotations__ if annotate is None else {name: Later(annotate, name) for name in names}


class Func:
    """One function of a record: its Python original, its parameters (self and cls left out), and what became of it."""

    __slots__ = (
        "name", "entry", "kind", "func", "code", "params", "npositional", "nposonly", "method", "reason", "types", "hint", "line", "text", "tries", "awaits",
        "given_up", "level", "hidden", "owner",
        "__weakref__",
    )  # fmt: skip

    def __init__(self, name: str, kind: str, func: "Any", outer_hint: "Hint | None" = None) -> None:
        code = func.__code__
        self.name, self.kind, self.func, self.code = name, kind, func, code
        self.entry = name + ".setter" if kind == "setter" else name  # its name among the entries of a unit
        skip = kind not in ("static", "function")
        n, self.nposonly = code.co_argcount, max(code.co_posonlyargcount - skip, 0)
        names = code.co_varnames[: n + code.co_kwonlyargcount]
        defaults = dict(zip(names[n - len(func.__defaults__ or ()) : n], func.__defaults__ or ()), **(func.__kwdefaults__ or {}))
        annotations = annotations_of(func, names[skip:])
        self.params = [(name, annotations.get(name, MISSING), defaults.get(name, MISSING)) for name in names[skip:]]
        self.npositional = n - skip
        self.method = self.types = self.text = None  # type: Any
        self.line = code.co_firstlineno  # of what the reason is about
        self.tries, self.awaits = 0, False  # of a late one: in vain; whether it is what it does that names what is not there
        self.level, self.hidden, self.owner = 0, False, None  # type: int, bool, Any  # of one that a class above has: heirs.py
        self.given_up = None  # type: tuple[int, str] | None  # line and why, if it is compiled for callers in compiled code only, as calls have shown
        self.hint = _hint(func, outer_hint)
        self.reason = self._refusal(skip)

    def _refusal(self, skip: bool) -> "str | None":
        """Why it cannot be compiled, as far as that shows without its source; None: it may be."""
        flags = self.code.co_flags
        if self.hint is not None and self.hint.ignore:
            from jitd.hints import ASKED

            return ASKED
        if self.func.__name__ == "<lambda>":
            return "lambda is not compiled"
        if flags & _COROUTINE:
            return "generators and coroutines are not compiled"
        if flags & _VARIADIC:
            return "*args and **kwargs are not compiled"
        if skip and not self.code.co_argcount:
            return "it takes no self"
        return None

    def param_kind(self, i: int) -> str:
        return "pos" if i < self.nposonly else "any" if i < self.npositional else "kw"


def _hint(func: "Any", outer: "Hint | None") -> "Hint | None":
    """The mark that jit_focus, jit_ignore or jit_once left on a function, or on its class; None: none."""
    if outer is None and getattr(func, "__jitd_hint__", None) is None:
        return None
    from jitd import hints

    return hints.in_class(hints.of(func), outer)


class Record:
    """A class or a function as a definition of the protocol. `target` is the Python class, or the Method, or the plain function.
    Nothing in it is resolved before link.py does it: annotations, globals, fingerprints."""

    change = None  # type: str | None  # what was changed in the class so that its compiled code is not used any more
    changes = {}  # type: dict[str, str]  # {name: why}: changed, and code that has the name built in is not used any more
    renewed = False  # its __init__ or __new__ was set since
    py_fields = {}  # type: dict[str, str]  # {name: why} of the Python fields
    python = {}  # type: dict[str, Any]  # {name: resolved type} of them and of the attributes that its methods set and nobody has declared
    published = False  # an instance with something that only this process has was, and that was told
    base_init = None  # type: Func | None  # the Func of an __init__ that a base class defines: for the fields that it leaves unset
    base = None  # type: Any  # the Record of the jitclass that it extends
    family = None  # type: Any  # weak references to the Records of the classes that extend it, once a native field refers to it: then no other one counts
    above = ()  # type: Any  # Funcs of the classes above that only super() finds
    late_fields = ()  # type: Any  # names of those that instances have only once they are set
    parts = ()  # type: tuple[str, ...]  # what Python does in the middle of compiled functions, with file, line and caret
    warnings = ()  # type: tuple[str, ...]  # what is compiled, but not as in CPython, and
    differences = ()  # type: tuple[str, ...]  # the same with file, line and caret
    said = ()  # type: tuple[str, ...]  # the texts of what was noted to be told (warn.py)
    problems = ()  # type: tuple[tuple[str, int, str], ...]  # (file, line, text) of what waits to be told
    warned = False
    failed = None  # type: str | None  # why all of it stays Python
    pause = 0.0  # s between its tries to be compiled: who compiles was not there (again.py); 0: it does not wait
    late = ()  # type: tuple[Func, ...]  # with a name, in an annotation or in what they do, that was not there when the record was linked
    names_missed = False  # a name in one of its functions had no value when it was linked
    reached = False  # compiled code knows it: its own, or that of others
    home = None  # type: Any  # its module
    in_dict = False  # its instances keep their attributes in a dict of CPython's
    keeps_attributes = False  # its methods give self attributes that are no fields
    init_asks = False  # the generated __init__ sets fields through a __setattr__ of the user's
    own_id = False  # the class's number is this process's own
    dtype = ctype = None  # type: Any  # of its bytes, once somebody has asked (objects.py)
    size = 0  # of an instance
    offsets = ()  # type: Any  # of its fields
    hint = None  # type: Hint | None  # of the class: jit_focus, jit_ignore, jit_once

    def __init__(self, kind: str, target: "Any", name: str, module: str, options: "dict[str, Any]") -> None:
        module = "__main__" if module == "__mp_main__" else module  # what multiprocessing calls the main module in its workers
        self.kind, self.target, self.module, self.options = kind, target, module, options
        self.name = f"{module}.{name}"
        self.short = name
        self.funcs = []  # type: list[Func]
        self.versions = {}  # type: dict[Any, bool | None]  # whether there is a specialisation for an entry and types, compile.py
        self.declared = []  # type: list[Declared]  # classes: the fields, a Declared each
        self.fields = []  # type: list[tuple[str, Any, Any]]  # of those the native ones, once link.lay_out knows: (name, annotation, default)
        self.field_types = None  # type: Any
        self.heirs = []  # type: list[Any]  # weak references to the records of the jitclasses that extend it
        self.consts = {}  # type: dict[str, Any]
        self.stored = set()  # type: set[str]  # attributes that its methods store and that are not declared
        self.other = {}  # type: dict[str, str]
        self.init = "none"
        self.evaluate = None  # type: Any  # string annotation -> value
        self.local = None  # type: Any  # fingerprint of its own, see link.py
        self.bound = {}  # type: dict[Func, dict[str, Any]]  # Func -> {name: global}
        self.specialised = []  # type: list[tuple[str, bytes]]  # (entry, key) of each unit that was compiled for the types of a call
        self.guarded, self.cells = [], []  # type: list[Any], list[Any]  # what the bound names rest on, for a Guard
        self.serial = self.token = None  # type: Any
        self.references = ()  # type: Any
        self.key = None  # type: Any
        self.class_id = 0
        self.linked = False
        self.unit = None  # type: Any
        self.refusals = {}  # type: dict[str, dict[str, tuple[int, str]]]  # entry -> {types: (line, reason)} of specialisations that are left to Python
        self.dependents = []  # type: list[Any]  # weak references to the Methods with code that knows the class

    def __set_name__(self, owner: type, _name: str) -> None:
        """A class with a copy of the target's dict is being made."""
        from jitd.members import uncopied

        uncopied(self, owner)

    def func(self, name: str) -> "Func | None":
        return next((f for f in (*self.funcs, *self.above) if f.entry == name), None)

    @property
    def file(self) -> str:
        return self.funcs[0].code.co_filename if self.funcs else ""


def of_function(func: "Any", options: "dict[str, Any]") -> "Record":
    """The record of a function: a decorated one, or one that compiled code calls without that."""
    record = Record("function", func, func.__qualname__, func.__module__ or "__main__", options)
    record.funcs.append(Func(func.__name__, "function", func))
    return record


def _register(record: "Record") -> None:
    import jitd.link  # noqa: F401  not at the first use, which may be in a thread while another one forks

    if len(all_records) > 64 and len(all_records) & (len(all_records) - 1) == 0:
        all_records[:] = [r for r in all_records if r() is not None]
    all_records.append(ref(record))
    pending[ref(record)] = 0
    if focused or any([f.hint is not None and f.hint.focus for f in record.funcs]):
        from jitd.hints import registered

        registered(record)
    if record.options["strict"]:
        from jitd.link import finish

        finish(record)


# ---- called by the extension at the first use ----


def _finish(cls: type) -> None:
    from jitd.link import finish

    finish(cls.__dict__["__jitd_record__"])


def _resolve(method: "Method", values: "tuple[Any, ...] | None") -> "bool | None":
    from jitd.link import resolve

    return resolve(method, values)


# ---- from a class to its record ----

_BUILTINS = builtins.__dict__
_FUNCTION = type(lambda: None)
_METHODS = (_FUNCTION, staticmethod, classmethod, property)
_NO_MEMBERS = {"__init__", "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__slots__", "__hash__"}
_NO_MEMBERS |= {"__annotations__", "__annotate_func__", "__annotations_cache__", "__firstlineno__", "__static_attributes__"}
# What CPython calls behind the back of compiled code: never compiled itself, and classes with it are no fast ones.
_HOOKS = {"__new__", "__del__", "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__class_getitem__", "__init_subclass__"}
# With one of these in its dict a class goes through members.py before anything else.
_UNUSUAL = {"__slots__", "__dataclass_fields__", "__jitd_record__", "__attrs_attrs__"}
_DATACLASS_OPTIONS = ("order", "unsafe_hash", "frozen", "kw_only")


MAX_FIELDS = 4096  # native ones: an instance has at most 64 KiB
MAX_REFERENCES = 512


class Declared:
    """A field as the class declares it. `inferred`: no annotation names it, its type was seen in the class's methods."""

    __slots__ = ("name", "annotation", "default", "factory", "inferred", "init", "none", "absent", "wide", "owner", "again")

    def __init__(self, name: str, annotation: "Any", default: "Any" = MISSING, factory: bool = False, inferred: bool = False, init: bool = True) -> None:
        self.name, self.annotation, self.default, self.factory = name, annotation, default, factory
        self.inferred, self.init = inferred, init
        self.none = False  # a method of the class sets it to None, whatever its annotation says
        self.owner = None  # type: Record | None  # of a class above, which declares it
        self.again = False  # and the class declares it, too: the same with another default
        self.wide = False  # a method of the class stores what it computes of ints beyond 64 bits
        self.absent = False  # __init__ does not set it, and the class has its name as a text, as hasattr() wants it


def _jitclass(cls: "Any", spec: "Any", options: "dict[str, Any]", frame: "FrameType") -> type:
    if not _UNUSUAL.isdisjoint(cls.__dict__) or len(cls.__mro__) > 2 or type(cls) is not type:
        from jitd.members import left_alone

        if left_alone(cls, spec, options):
            return cls
    if _is_bound(cls, frame) or cls.__dict__.get("__slots__"):
        from jitd.members import copied

        cls = copied(cls)
    record = Record("class", cls, cls.__qualname__, cls.__module__, options)
    # Proxies hold their class where the collector does not see it: an instance in a global would keep its module's dict from being
    # cleared at exit, and files there from being flushed. A module that is reachable from the class is cleared by the interpreter.
    record.home = sys.modules.get(cls.__module__)
    record.hint = cls.__dict__.get("__jitd_hint__")
    fields = _fields(cls, spec)
    if any(["__jitd_record__" in base.__dict__ for base in cls.__mro__[1:]]):
        from jitd import heirs

        record.base, record.above = heirs.record_above(cls), []
        fields, generated = heirs.fields(record, cls, fields, spec)
        if generated is None and "__init__" not in cls.__dict__ and record.base.init == "generated":
            _check_defaults(fields)
    elif _is_dataclass(cls) or any(options[name] for name in _DATACLASS_OPTIONS) or _needs_dataclasses(cls, fields):
        from jitd.members import above_dataclasses

        generated, fields = above_dataclasses(record, cls, spec)
    else:
        generated = None
        if "__init__" not in cls.__dict__ and options["init"]:
            _check_defaults(fields)
    before = dict(cls.__dict__)
    type.__setattr__(cls, "__jitd_record__", record)
    try:
        if _jitted:
            _take_off_jit(cls)
        record.evaluate = _evaluator(cls, frame, fields)
        del frame
        record.declared = _undeclared(record, cls, fields)
        _adapt(record, cls, generated, spec)
    except BaseException:
        _restore(cls, before)
        raise
    _register(record)
    return cls


def _is_dataclass(cls: type) -> bool:
    return any(["__dataclass_fields__" in base.__dict__ for base in cls.__mro__])


def _restore(cls: type, before: "dict[str, Any]") -> None:
    """Nothing is half done: the class statement's class is as it was."""
    for name in set(cls.__dict__) - set(before):
        type.__delattr__(cls, name)
    for name, value in before.items():
        if cls.__dict__[name] is not value:
            type.__setattr__(cls, name, value)


def _adapt(record: "Record", cls: type, generated: "Any", spec: "Any") -> None:
    """Makes the class a jitclass: decides what instances look like, and puts methods into the place of functions."""
    alone = len(cls.__mro__) == 2
    if record.base is not None:
        above = [base.__dict__.get("__jitd_record__") for base in cls.__mro__[1:-1] if base is not Instance]
        alone = all([base is not None and not base.in_dict for base in above])
    simple = alone and type(cls) is type and _HOOKS.isdisjoint(cls.__dict__) and not any(map(_keeps_in_dict, cls.__dict__.values()))
    fast = simple and not record.keeps_attributes and _all_native(record)
    _add_members(record, cls, generated)
    if generated is None:
        _choose_init(record, cls, bool(spec))
        _add_dataclass_members(record, cls)
    if "__signature__" not in cls.__dict__:
        type.__setattr__(cls, "__signature__", _Signature())
    has_dict = cls.__dictoffset__ != 0
    record.in_dict = not fast or _mentions(cls, "__setattr__")
    convert(cls, not record.in_dict, _mentions(cls, "__new__"), _finish, record.base and record.base.target)  # from here on, what is set on the class is a change of it
    _add_made(record, cls, generated, has_dict and (fast or bool(record.declared)))  # else its __dict__ is all that there is
    for f in record.funcs:
        if f.method is not None and f.kind not in ("static", "class"):
            f.method._set_class(cls)


def _keeps_in_dict(value: object) -> bool:
    """A descriptor of the user's own, which may keep its values in the instance's dict."""
    kind = type(value)
    return kind.__module__ != "builtins" and hasattr(kind, "__set__")


def _is_bound(cls: type, frame: "FrameType") -> bool:
    """Whether the caller, or the class's module, has it under a name: then it is not being decorated in its class statement."""
    if frame.f_globals.get(cls.__name__) is cls:
        return True
    if frame.f_code.co_flags & 1 and any(value is cls for value in frame.f_locals.values()):  # CO_OPTIMIZED: a function's
        return True
    home = sys.modules.get(cls.__module__)
    return home is not None and home.__dict__.get(cls.__qualname__) is cls


def _mentions(cls: type, name: str) -> bool:
    for value in cls.__dict__.values():
        func = value if isinstance(value, _FUNCTION) else getattr(value, "__func__", getattr(value, "__wrapped__", None))
        if isinstance(func, _FUNCTION) and name in func.__code__.co_names:
            return True
    return False


def _spec_items(cls: type, spec: "Any") -> "Iterator[tuple[str, Any]]":
    from keyword import iskeyword

    for item in spec.items() if hasattr(spec, "items") else spec:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"spec items should be pairs of name and type, got {item!r}")
        name, annotation = item
        if not isinstance(name, str):
            raise TypeError(f"spec keys should be strings, got {name!r}")
        if iskeyword(name):
            raise TypeError(f"field names must not be keywords: {name!r}")
        if name.startswith("__") and not name.endswith("__"):  # as Python mangles it in the methods
            name = f"_{cls.__name__.lstrip('_')}{name}"
        yield name, annotation


def _is_pseudo(annotation: "Any") -> bool:
    """ClassVar, and what else is no field, of whatever spelling."""
    if isinstance(annotation, (type, Later)):
        return False
    text = annotation if isinstance(annotation, str) else repr(annotation)
    return text.startswith(("typing.ClassVar", "ClassVar", "t.ClassVar"))


def own_annotations(cls: type) -> "dict[str, Any]":
    """{name: annotation} of a class's own body."""
    known, annotate = cls.__dict__, cls.__dict__.get("__annotate_func__")
    if annotate is None or "__annotations__" in known:
        return known.get("__annotations__") or known.get("__annotations_cache__") or {}
    from jitd.later import of_class

    return of_class(annotate, cls.__name__, lambda name: Later(annotate, name))


def _fields(cls: type, spec: "Any") -> "list[Declared]":
    """[Declared]: the spec's first, then the annotations, those of base classes before the own ones."""
    found = dict(_spec_items(cls, spec)) if spec else {}
    for klass in reversed(cls.__mro__[:-1]):
        for name, annotation in own_annotations(klass).items():
            if not _is_pseudo(annotation):
                found.setdefault(name, annotation)
    fields = []
    for name, annotation in found.items():
        if not name.isidentifier() or (name.startswith("__") and name.endswith("__")):
            if spec and name in dict(_spec_items(cls, spec)):
                raise TypeError(f"{ascii(name)} of {cls.__name__} is no name for a field")
            continue
        default = next((k.__dict__[name] for k in cls.__mro__ if name in k.__dict__), MISSING)
        if isinstance(default, _METHODS):
            raise TypeError(f"{cls.__name__}.{name} is both a field and a method")
        if isinstance(default, _MEMBER):  # a slot
            default = MISSING
        fields.append(Declared(name, annotation, default))
    return fields


_MEMBER = type(Func.name)  # type: ignore[misc]  # the descriptor of a slot


def _needs_dataclasses(cls: type, fields: "list[Declared]") -> bool:
    """Whether the class says things that only the standard library's dataclasses know how to read."""
    if any([type(value).__module__ == "dataclasses" for value in cls.__dict__.values()]):  # a field(), with or without an annotation
        return True
    for field in fields:
        if type(field.default).__module__ == "dataclasses":
            return True
        text = field.annotation if isinstance(field.annotation, str) else ""
        if "KW_ONLY" in text or "InitVar" in text or getattr(type(field.annotation), "__module__", "") == "dataclasses":
            return True
        if getattr(field.annotation, "__module__", "") == "dataclasses":
            return True
    return False


def _check_defaults(fields: "list[Declared]") -> None:
    """A required field after one with a default, and a default that instances would share, as dataclasses word it."""
    seen = None
    for field in fields:
        if field.inferred:
            continue
        if field.default is not MISSING:
            seen = field.name
            if field.default.__class__.__hash__ is None:
                kind = field.default.__class__
                raise ValueError(f"mutable default {kind} for field {field.name} is not allowed: use default_factory")
        elif seen is not None:
            after = f" {seen!r}" if sys.version_info >= (3, 13) else ""
            raise TypeError(f"non-default argument {field.name!r} follows default argument{after}")


def _take_off_jit(cls: type) -> None:
    """What is jitd.jit in a jitclass is the class's to compile."""
    for name, value in list(cls.__dict__.items()):
        plain = _unjitted(value)
        if plain is not value:
            put_member(cls, name, plain)


def _unjitted(value: "Any") -> "Any":
    """A member without the jitd.jit that stands on it: its class compiles it."""
    if isinstance(value, Method):
        record = value.__dict__["_jitd_record"]
        if record.kind == "class":
            return value
        all_records[:] = [r for r in all_records if r() is not record]
        pending.pop(ref(record), None)
        return value.__wrapped__
    if isinstance(value, (staticmethod, classmethod)):
        return type(value)(_unjitted(value.__func__)) if isinstance(value.__func__, Method) else value
    if isinstance(value, property) and (isinstance(value.fget, Method) or isinstance(value.fset, Method)):
        return property_like(value, _unjitted(value.fget), _unjitted(value.fset))
    return value


def _undeclared(record: "Record", cls: type, fields: "list[Declared]") -> "list[Declared]":
    """The fields and those that no annotation names: what the methods store in self, with the type that can be seen there."""
    known = {field.name: field for field in fields}
    others = False
    wide = set()  # type: set[str]
    for value in cls.__dict__.values():
        for name, what in stores(value).items() if isinstance(value, _FUNCTION) else ():
            if what & 2:
                wide.add(name)
            if name not in known:
                others = True
                record.stored.add(name)
            elif what & 1 and known[name].owner is None:
                known[name].none = True
    _note_absent(cls, [field for field in fields if field.owner is None])
    for name in wide.intersection(known):
        known[name].wide = known[name].wide or known[name].owner is None
    if others:
        from jitd.inferred import add_fields

        return add_fields(record, cls, fields, wide)
    return fields


def _note_absent(cls: type, fields: "list[Declared]") -> None:
    """A number in the arena has no state "unset". Mostly that is worth a warning; where the class asks for it, its meaning hangs on it."""
    init = next((base.__dict__["__init__"] for base in cls.__mro__[:-1] if "__init__" in base.__dict__), None)
    set_by_init = stores(init) if isinstance(init, _FUNCTION) else ()
    sets_all = init is None or "__dataclass_fields__" in cls.__dict__ and _is_generated(init)
    unset = {field.name: field for field in fields if field.default is MISSING and not (field.init and sets_all) and field.name not in set_by_init}
    for name in unset and _texts([f.__code__ for value in cls.__dict__.values() for f in _parts_of(value) if not _is_generated(f)]).intersection(unset):
        unset[name].absent = True


def _is_generated(func: "Any") -> bool:
    """Made by the standard library's dataclasses of the class's fields: of one with frozen=True its code stores nothing that can be seen."""
    return isinstance(func, _FUNCTION) and func.__name__.startswith("__") and getattr(func, "__wrapped__", func).__code__.co_filename == "<string>"


def _parts_of(value: "Any") -> "list[Any]":
    """The plain functions that a member of a class consists of."""
    parts = (value.fget, value.fset, value.fdel) if type(value) is property else (getattr(value, "__func__", value),)
    return [f for f in parts if isinstance(f, _FUNCTION)]


def _texts(codes: "list[Any]") -> "set[str]":
    """The texts among their constants, but for the names of what is annotated, which CPython 3.14 keeps there."""
    found = set()  # type: set[str]
    for code in codes:
        for const in () if code.co_name == "__annotate__" else code.co_consts:
            if type(const) is str:
                found.add(const)
            elif type(const) is type(code):
                codes.append(const)
    return found


def _all_native(record: "Record") -> bool:
    try:
        kinds = [type(field_type(record, field)) for field in record.declared]
        return type(None) not in kinds and len(kinds) <= MAX_FIELDS and kinds.count(tuple) <= MAX_REFERENCES
    except Exception:  # a name that is not there yet, or whatever else an annotation raises
        return False


def _add_members(record: "Record", cls: type, generated: "Any") -> None:
    for name, value in list(cls.__dict__.items()):
        if generated is not None and name in generated:
            record.other[name] = "the standard library's dataclasses made it"
        elif name in _HOOKS:
            record.other[name] = f"the class has a {name} of its own"
        elif isinstance(value, _METHODS) and _is_kept_by_metaclass(cls, name):
            record.other[name] = f"setting {name} on the class sets something of the class"
        elif isinstance(value, _FUNCTION):
            if name not in ("__subclasshook__", "__annotate_func__"):  # no methods: typing.Protocol's, and the compiler's
                _put(cls, name, _add_func(record, name, "method", value))
        elif isinstance(value, staticmethod) and isinstance(value.__func__, _FUNCTION):
            _put(cls, name, staticmethod(_add_func(record, name, "static", value.__func__)))
        elif isinstance(value, classmethod) and isinstance(value.__func__, _FUNCTION):
            record.funcs.append(Func(name, "class", value.__func__, record.hint))  # called by compiled code only
        elif type(value) is property:
            _put(cls, name, _add_property(record, name, value))
        elif not (name.startswith("__") and name.endswith("__")):
            _add_constant(record, name, value)
        elif callable(value) and not isinstance(value, type):
            record.other[name] = f"an object of type {type(value).__name__}"
    if record.base is not None:
        from jitd import heirs

        heirs.add_members(record, cls)
    for base in cls.__mro__[1:-1]:
        for name in () if "__jitd_record__" in base.__dict__ else base.__dict__:
            if name not in cls.__dict__ and name not in _NO_MEMBERS and base is not Instance:
                record.other.setdefault(name, f"it is defined in the base class {base.__name__}")


def _is_kept_by_metaclass(cls: type, name: str) -> bool:
    """Whether setting it goes to a descriptor of the class's class (`__name__`, `__class__`, a property of a metaclass), not to the class."""
    if type(cls) is type and not name.startswith("__"):
        return False
    found = next((meta.__dict__[name] for meta in type(cls).__mro__ if name in meta.__dict__), None)  # type: ignore[attr-defined]
    return hasattr(type(found), "__set__")


def _put(cls: type, name: str, value: "Any") -> None:
    if cls.__dict__[name] is not value:
        put_member(cls, name, value)


def put_member(cls: type, name: str, value: "Any") -> None:
    """A property is told its name, as by the class statement: its errors have it."""
    type.__setattr__(cls, name, value)
    if type(value) is property:
        value.__set_name__(cls, name)  # type: ignore[attr-defined]


def _make_method(record: "Record", f: "Func") -> "Method":
    """The Method (descriptor or function) of a Func."""
    names = tuple(sys.intern(p[0]) for p in f.params)
    f.method = Method(f.func, None, names, f.npositional, f.nposonly, tuple(p[2] for p in f.params), (None,) * len(names), _resolve)
    f.method.__dict__.update(_jitd_func=f, _jitd_record=record)
    return f.method


def _add_func(record: "Record", name: str, kind: str, func: "Any") -> "Any":
    f = Func(name, kind, func, record.hint)
    record.funcs.append(f)
    return func if f.reason else _make_method(record, f)


def _add_property(record: "Record", name: str, value: "property") -> "property":
    getter, setter = value.fget, value.fset
    if isinstance(getter, _FUNCTION):
        getter = _add_func(record, name, "property", getter)
    if isinstance(setter, _FUNCTION):
        setter = _add_func(record, name, "setter", setter)
    return property_like(value, getter, setter)


def property_like(old: "property", getter: "Any", setter: "Any") -> "property":
    """With other functions. Whose document is its getter's has that of another getter, where it is given one."""
    doc = old.__doc__
    if doc is None or doc == getattr(getter, "__doc__", None):
        return property(getter, setter, old.fdel)
    return property(getter, setter, old.fdel, doc)


def _add_constant(record: "Record", name: str, value: "Any") -> None:
    if type(value) not in (int, float, bool, str) and value is not None:
        record.other[name] = f"a class attribute of type {type(value).__name__}"
    elif name in record.stored:
        record.other[name] = "a class attribute that its methods set"
    else:
        record.consts[name] = value


class _Signature:
    """cls.__signature__, made when inspect asks for it."""

    def __get__(self, instance: object, cls: type) -> "Any":
        if instance is not None:  # which may be callable
            raise AttributeError(f"{cls.__name__!r} object has no attribute '__signature__'")
        if "__jitd_record__" not in cls.__dict__ or cls.__dict__["__jitd_record__"].renewed:
            if any("__init__" in base.__dict__ or "__new__" in base.__dict__ for base in cls.__mro__[:-1] if base is not Instance):
                raise AttributeError("__signature__")  # a subclass, or an __init__ set since: what inspect finds without us is right
            from inspect import Signature

            return Signature()
        from jitd.members import signature

        return signature(cls)


class _Made:
    """A class attribute that members.py makes when somebody asks for it."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __get__(self, instance: object, cls: type) -> "Any":
        owner = next((c for c in cls.__mro__ if "__jitd_record__" in c.__dict__ and self in c.__dict__.values()), None)
        if owner is not cls and self.what == "document":
            return None
        from jitd import members

        return getattr(members, self.what)(owner)


class _Init:
    """The generated __init__ as an attribute. Made when somebody asks for it: calls of the class do not."""

    def __get__(self, instance: object, cls: type) -> "Any":
        from jitd.members import generated_init

        return generated_init(instance, cls)


def _repr(self: "Any") -> str:
    from jitd.members import show

    return show(self)


def _eq(self: "Any", other: "Any") -> "Any":
    from jitd.members import equal

    return equal(self, other)


def _replace(self: "Any", /, **changes: "Any") -> "Any":
    """copy.replace()"""
    from dataclasses import replace

    return replace(self, **changes)


_repr.__name__, _eq.__name__, _replace.__name__ = "__repr__", "__eq__", "__replace__"


def _add_made(record: "Record", cls: type, generated: "Any", has_dict: bool) -> None:
    """What is made when somebody asks for it."""
    if record.init == "user" and "__init__" not in cls.__dict__ and record.base is None:
        from jitd.members import base_init

        record.base_init = base_init(cls)
    if has_dict:
        show_fields(cls)
    if generated is not None:
        return
    if record.init == "generated":
        replace(cls, "__init__", _Init())
    if record.init == "generated" or any(not field.inferred for field in record.declared):
        if cls.__dict__.get("__doc__") is None:
            replace(cls, "__doc__", _Made("document"))
    if any(not field.inferred for field in record.declared):
        replace(cls, "__dataclass_fields__", _Made("dataclass_fields"))
        replace(cls, "__dataclass_params__", _Made("dataclass_params"))
        if sys.version_info >= (3, 13) and "__replace__" not in cls.__dict__:
            replace(cls, "__replace__", _replace)


def _choose_init(record: "Record", cls: type, declares: "Any") -> None:
    """A class that declares fields gets an __init__ unless it has one, as a dataclass; one that does not keeps what it inherits."""
    # A protocol's __init__ is typing's, and only says that the protocol itself cannot be made.
    inherits = any("__init__" in base.__dict__ for base in cls.__mro__[:-1] if base is not Instance and not base.__dict__.get("_is_protocol"))
    declares = declares or not all(map(_is_pseudo, own_annotations(cls).values()))
    if record.base is not None and not declares and "__init__" not in cls.__dict__:
        record.init = record.base.init
        return
    if "__init__" in cls.__dict__ and not cls.__dict__.get("_is_protocol"):
        record.init = "user"
    elif record.options["init"] and (declares or not inherits):
        record.init = "generated"
    else:
        record.init = "user" if inherits else "none"


def _add_dataclass_members(record: "Record", cls: type) -> None:
    options = record.options
    shows = record.init == "generated" or any(field.owner is None or field.again for field in record.declared if record.base is not None and not field.inferred)
    if options["repr"] and "__repr__" not in cls.__dict__ and (shows or not _inherits(cls, "__repr__")):
        type.__setattr__(cls, "__repr__", _repr)
    if options["eq"] and "__eq__" not in cls.__dict__:
        type.__setattr__(cls, "__eq__", _eq)
        record.other["__eq__"] = "jitd makes it, of eq=True"
        if "__hash__" not in cls.__dict__:
            type.__setattr__(cls, "__hash__", None)
    if options["match_args"] and "__match_args__" not in cls.__dict__:
        type.__setattr__(cls, "__match_args__", tuple(field.name for field in record.declared if field.init and not field.inferred))


def _inherits(cls: type, name: str) -> bool:
    return any(name in base.__dict__ for base in cls.__mro__[1:-1] if base is not Instance)


def _evaluator(cls: type, frame: "FrameType", fields: "list[Declared]") -> "Evaluate":
    """Evaluates a string annotation where the class stands: its module, the function it is defined in, its own name."""
    scope = sys.modules[cls.__module__].__dict__ if cls.__module__ in sys.modules else {}
    if frame.f_code.co_flags & 1:  # CO_OPTIMIZED: a function's locals
        from jitd.members import local_scope

        return local_scope(cls, frame, fields, scope)
    local = {cls.__name__: cls}
    return lambda text: evaluate_in(text, scope, local)


def evaluate_in(text: "Any", scope: "dict[str, Any]", local: "dict[str, Any]") -> "Any":
    """The value of an annotation that is text or a Later. Most texts are one name, which need not be compiled."""
    if isinstance(text, Later):
        return text.value(local)
    for names in (local, scope, _BUILTINS):
        if text in names:
            return names[text]
    return eval(text, dict(scope), local)


# ---- types (types.py says what a resolved type is) ----

SCALARS = {int: "int", float: "float", bool: "bool"}
_UNION = type(int | None)


def is_jitclass(value: "Any") -> bool:
    return isinstance(value, type) and "__jitd_record__" in value.__dict__


def resolve_type(annotation: "Any", evaluate: "Evaluate") -> "Resolved | None":
    """The resolved type, or None when there is none. `evaluate` turns a string annotation into its value."""
    if isinstance(annotation, (str, Later)):
        annotation = evaluate(annotation)
        if isinstance(annotation, str):  # in quotes, although annotations are texts already
            annotation = evaluate(annotation)
    if isinstance(annotation, type):
        if annotation in SCALARS:
            return SCALARS[annotation]
        if "__jitd_record__" in annotation.__dict__:
            return (annotation, False)
    elif isinstance(annotation, _UNION) or repr(getattr(annotation, "__origin__", None)) == "typing.Union":
        return _resolve_union(annotation.__args__, evaluate)
    if annotation is None:
        return "None"
    from jitd.types import resolve_other

    return resolve_other(annotation, evaluate)


def _resolve_union(args: "Any", evaluate: "Evaluate") -> "Resolved | None":
    rest = [a for a in args if a is not type(None) and a is not None]
    inner = resolve_type(rest[0], evaluate) if len(rest) == 1 and len(args) == 2 else None
    return (inner[0], True) if isinstance(inner, tuple) else None


def type_text(resolved: "Resolved", index: "Callable[[type], object]") -> str:
    """The protocol's text; index(cls) is the class's place among the unit's definitions."""
    if isinstance(resolved, str):
        likely = resolved  # type: Any
        items = getattr(likely, "items", None)
        return resolved if items is None else f"{likely.kind}({','.join(type_text(item, index) for item in items)})"
    if isinstance(resolved, list):
        return "(" + ",".join(type_text(item, index) for item in resolved) + ")"
    return f"@{index(resolved[0])}{'?' if resolved[1] else ''}"


def type_words(resolved: "Resolved") -> str:
    """For people: what an error message calls it."""
    if isinstance(resolved, str):
        return "object" if resolved == "py" else resolved
    if isinstance(resolved, list):
        return "a tuple"
    return resolved[0].__name__ + (" or None" if resolved[1] else "")


def evaluator_of(record: "Record", field: "Declared") -> "Evaluate":
    """That of the class in which the annotation stands."""
    return record.evaluate if field.owner is None or field.again else field.owner.evaluate  # type: ignore[no-any-return]


def field_type(record: "Record", field: "Declared") -> "Resolved | None":
    """The resolved type of a native field, else None: it is a Python field. Raises whatever evaluating the annotation does: NameError when
    a name in it is not defined (yet)."""
    resolved = resolve_type(field.annotation, evaluator_of(record, field))
    if field.none and isinstance(resolved, tuple):
        resolved = (resolved[0], True)
    if resolved is None or resolved == "None" or isinstance(resolved, list) or not _fits(field.default, resolved):
        return None
    if field.absent and not isinstance(resolved, tuple) or field.wide and resolved == "int":
        return None
    return resolved


def _fits(default: "Any", resolved: "Any") -> bool:
    """Whether a field's default can be in a field of that type; if not, the annotation does not say all that the field may hold."""
    if default is MISSING or (default is None and isinstance(resolved, tuple) and resolved[1]):
        return True
    if isinstance(resolved, tuple):
        return type(default) is resolved[0]
    if resolved == "bool":
        return type(default) is bool
    if resolved.startswith("float"):
        return isinstance(default, (int, float))
    return isinstance(default, int) and (resolved != "int" or -(1 << 63) <= default < 1 << 63)
