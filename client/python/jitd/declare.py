"""What the decorators do: from a Python class or function to its Record, and the new type. Nothing is looked up or compiled before
the first use (link.py). What only some classes need is in members.py and types.py, so that a warm start loads little."""

import builtins
import os
import sys
from _weakref import ref

from jitd._jitd import MISSING, Instance, Method, new_class

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
_NOT_YET = ("type_key", "order", "unsafe_hash", "frozen", "kw_only", "nogil")
_JIT_OPTIONS = ("strict", "overflow", "fastmath", "boundscheck", "nogil")


def _options(given, allowed=tuple(_DEFAULTS), what="jitclass"):
    for name, value in given.items():
        if name not in allowed:
            raise TypeError(f"{what}() got an unexpected keyword argument {name!r}")
        if name in _NOT_YET and value != _DEFAULTS[name]:
            raise NotImplementedError(f"{what}: the option {name}={value!r} is not supported yet")
    options = {**_DEFAULTS, **given}
    if options["overflow"] not in ("python", "wrap"):
        raise ValueError(f"{what}: overflow must be 'python' or 'wrap', not {options['overflow']!r}")
    return options


def jitclass(cls_or_spec=None, spec=None, **options):
    """Makes a class whose fields are typed and live in shared memory, and whose methods are compiled.

    Used as @jitclass, @jitclass(), @jitclass(spec), @jitclass(spec=spec), jitclass(Cls) or jitclass(Cls, spec); a spec (a dict or a
    sequence of (name, type) pairs) is extended by the class's annotations. Options: init, repr, eq, match_args as for dataclasses;
    strict (what cannot be compiled is a CompileError instead of a warning), overflow ("python" or "wrap"), fastmath, boundscheck.
    """
    chosen = _options(options)
    frame = sys._getframe(1)
    if isinstance(cls_or_spec, type):
        return _jitclass(cls_or_spec, spec, chosen, frame)
    if cls_or_spec is not None and spec is not None:
        raise TypeError("jitclass() got two specs, or something that is not a class")
    spec = cls_or_spec if spec is None else spec

    def decorate(cls):
        if not isinstance(cls, type):
            raise TypeError(f"jitclass() decorates a class, not {type(cls).__name__}")
        return _jitclass(cls, spec, chosen, frame)

    return decorate


def jit(function=None, **options):
    """Compiles a function, once for each combination of argument types that it is called with (eight at most, then Python)."""
    chosen = _options(options, _JIT_OPTIONS, "jit")
    if function is None:
        return lambda f: _jit(f, chosen)
    return _jit(function, chosen)


def _jit(function, options):
    if isinstance(function, Method):
        return function
    if not isinstance(function, _FUNCTION):
        raise TypeError(f"jit() compiles a function, not {type(function).__name__}")
    if disabled():
        return function
    record = of_function(function, options)
    record.target = _make_method(record, record.funcs[0])
    _register(record)
    return record.target


def disabled():
    return os.environ.get("JITD_DISABLE", "") not in ("", "0")


# ---- what is kept of each ----

all_records = []  # weak references, for jitd.stats()
pending = []  # records that nobody has looked up at the daemon yet

_VARIADIC = 0x04 | 0x08  # CO_VARARGS, CO_VARKEYWORDS
_COROUTINE = 0x20 | 0x80 | 0x100 | 0x200  # generator, coroutine, iterable coroutine, async generator


class Func:
    """One function of a record: its Python original, its parameters (self and cls left out), and what became of it."""

    __slots__ = ("name", "entry", "kind", "func", "code", "params", "npositional", "nposonly", "method", "reason", "types", "__weakref__")

    def __init__(self, name, kind, func):
        code = func.__code__
        self.name, self.kind, self.func, self.code = name, kind, func, code
        self.entry = name + ".setter" if kind == "setter" else name  # its name among the entries of a unit
        skip = kind not in ("static", "function")
        n, self.nposonly = code.co_argcount, max(code.co_posonlyargcount - skip, 0)
        names = code.co_varnames[: n + code.co_kwonlyargcount]
        defaults = dict(zip(names[n - len(func.__defaults__ or ()) : n], func.__defaults__ or ()), **(func.__kwdefaults__ or {}))
        annotations = func.__annotations__
        self.params = [(name, annotations.get(name, MISSING), defaults.get(name, MISSING)) for name in names[skip:]]
        self.npositional = n - skip
        self.method = self.types = None
        self.reason = self._refusal(skip)

    def _refusal(self, skip):
        """Why it cannot be compiled, as far as that shows without its source; None: it may be."""
        flags = self.code.co_flags
        if self.func.__name__ == "<lambda>":
            return "lambda is not compiled"
        if flags & _COROUTINE:
            return "generators and coroutines are not compiled"
        if flags & _VARIADIC:
            return "*args and **kwargs are not compiled"
        if skip and not self.code.co_argcount:
            return "it takes no self"
        return None

    def param_kind(self, i):
        return "pos" if i < self.nposonly else "any" if i < self.npositional else "kw"


class Record:
    """A class or a function as a definition of the protocol. `target` is the Python class, or the Method, or the plain function.
    Nothing in it is resolved before link.py does it: annotations, globals, fingerprints."""

    base_init = None  # the Func of an __init__ that a base class defines: for the fields that it leaves unset
    warnings = ()  # what is compiled, but not as in CPython
    said = ()  # the texts of the warnings that were given

    def __init__(self, kind, target, name, module, options):
        module = "__main__" if module == "__mp_main__" else module  # what multiprocessing calls the main module in its workers
        self.kind, self.target, self.module, self.options = kind, target, module, options
        self.name = f"{module}.{name}"
        self.short = name
        self.funcs = []
        self.fields = []  # classes: (name, annotation, default)
        self.field_types = None
        self.consts = {}
        self.other = {}
        self.init = "none"
        self.evaluate = None  # string annotation -> value
        self.local = None  # fingerprint of its own, see link.py
        self.bound = {}  # Func -> {name: global}
        self.specialised = []  # (entry, key) of each unit that was compiled for the types of a call
        self.guarded, self.cells = [], []  # what the bound names rest on, for a Guard
        self.serial = None
        self.references = ()
        self.key = None
        self.class_id = 0
        self.linked = False
        self.unit = None
        self.refused = {}

    def func(self, name):
        return next((f for f in self.funcs if f.entry == name), None)

    @property
    def file(self):
        return self.funcs[0].code.co_filename if self.funcs else ""


def of_function(func, options):
    """The record of a function: a decorated one, or one that compiled code calls without that."""
    record = Record("function", func, func.__qualname__, func.__module__ or "__main__", options)
    record.funcs.append(Func(func.__name__, "function", func))
    return record


def _register(record):
    if len(all_records) > 64 and len(all_records) & (len(all_records) - 1) == 0:
        all_records[:] = [r for r in all_records if r() is not None]
    all_records.append(ref(record))
    pending.append(record)
    if record.options["strict"]:
        from jitd.link import finish

        finish(record)


# ---- called by the extension at the first use ----


def _finish(cls):
    from jitd.link import finish

    finish(cls.__dict__["__jitd_record__"])


def _resolve(method, values):
    from jitd.link import resolve

    return resolve(method, values)


# ---- from a class to its record ----

_BUILTINS = builtins.__dict__
_FUNCTION = type(lambda: None)
_METHODS = (_FUNCTION, staticmethod, classmethod, property)
_NO_MEMBERS = {"__init__", "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__slots__", "__hash__"}
_REFUSED = {"__new__", "__del__", "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__slots__", "__dataclass_fields__", "__jitd__"}


def _jitclass(cls, spec, options, frame):
    if not _REFUSED.isdisjoint(cls.__dict__) or len(cls.__mro__) > 2:
        from jitd.members import refuse

        refuse(cls)
    record = Record("class", None, cls.__qualname__, cls.__module__, options)
    # Proxies hold their class where the collector does not see it: an instance in a global would keep its module's dict from being
    # cleared at exit, and files there from being flushed. A module that is reachable from the class is cleared by the interpreter.
    record.home = sys.modules.get(cls.__module__)
    fields = _fields(cls, spec)
    namespace = {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__") and k not in fields}
    if "__init__" not in namespace and options["init"]:
        _check_defaults(fields)
    _add_members(record, cls, namespace)
    _add_generated(record, cls, namespace, fields)
    namespace["__slots__"] = ()
    namespace["__qualname__"] = cls.__qualname__
    namespace["__jitd_record__"] = record
    bases = tuple(b for b in cls.__bases__ if b is not object) + (Instance,)
    record.target = new = new_class(type(cls), cls.__name__, bases, namespace, _finish)
    if type(cls) is not type:
        from jitd.members import check_metaclass

        check_metaclass(new)
    record.fields = [(name, annotation, default) for name, (annotation, default) in fields.items()]
    record.evaluate = _evaluator(cls, new, frame)
    for f in record.funcs:
        if f.method is not None and f.kind not in ("static", "class"):
            f.method._set_class(new)
        _fix_class_cell(f.func, cls, new)
    _check_fields(record)
    _register(record)
    return new


def _spec_items(cls, spec):
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


def _is_classvar(annotation):
    if isinstance(annotation, type):
        return False
    text = annotation if isinstance(annotation, str) else repr(annotation)
    return text.startswith(("typing.ClassVar", "ClassVar", "t.ClassVar"))


def _fields(cls, spec):
    """{name: (annotation, default)}: the spec's first, then the annotations, those of base classes before the own ones."""
    found = dict(_spec_items(cls, spec)) if spec else {}
    for klass in reversed(cls.__mro__[:-1]):
        for name, annotation in klass.__dict__.get("__annotations__", {}).items():
            if not _is_classvar(annotation):
                found.setdefault(name, annotation)
    fields = {}
    for name, annotation in found.items():
        if not name.isidentifier() or (name.startswith("__") and name.endswith("__")):
            raise TypeError(f"{ascii(name)} of {cls.__name__} is no name for a field")
        default = next((k.__dict__[name] for k in cls.__mro__ if name in k.__dict__), MISSING)
        fields[name] = (annotation, _default(cls, name, default))
    return fields


def _default(cls, name, default):
    if isinstance(default, _METHODS):
        raise TypeError(f"{cls.__name__}.{name} is both a field and a method")
    if type(default).__module__ == "dataclasses":
        from jitd.members import dataclass_default

        return dataclass_default(cls, name, default)
    return default


def _check_defaults(fields):
    """A required field after one with a default, as dataclasses word it."""
    seen = None
    for name, (_, default) in fields.items():
        if default is not MISSING:
            seen = name
        elif seen is not None:
            after = f" {seen!r}" if sys.version_info >= (3, 13) else ""
            raise TypeError(f"non-default argument {name!r} follows default argument{after}")


def _add_members(record, cls, namespace):
    for name, value in list(namespace.items()):
        if isinstance(value, _FUNCTION):
            if name != "__subclasshook__":  # no method, and typing.Protocol's, not the user's
                namespace[name] = _add_func(record, name, "method", value)
        elif isinstance(value, staticmethod) and isinstance(value.__func__, _FUNCTION):
            namespace[name] = staticmethod(_add_func(record, name, "static", value.__func__))
        elif isinstance(value, classmethod) and isinstance(value.__func__, _FUNCTION):
            record.funcs.append(Func(name, "class", value.__func__))  # called by compiled code only
        elif isinstance(value, property):
            namespace[name] = _add_property(record, name, value)
        elif not (name.startswith("__") and name.endswith("__")):
            _add_constant(record, name, value)
        elif callable(value) and not isinstance(value, type):
            record.other[name] = f"an object of type {type(value).__name__}"
    for base in cls.__mro__[1:-1]:
        for name in base.__dict__:
            if name not in namespace and name not in _NO_MEMBERS:
                record.other.setdefault(name, f"it is defined in the base class {base.__name__}")


def _make_method(record, f):
    """The Method (descriptor or function) of a Func."""
    names = tuple(sys.intern(p[0]) for p in f.params)
    f.method = Method(f.func, None, names, f.npositional, f.nposonly, tuple(p[2] for p in f.params), (None,) * len(names), _resolve)
    f.method.__dict__.update(_jitd_func=f, _jitd_record=record)
    return f.method


def _add_func(record, name, kind, func):
    f = Func(name, kind, func)
    record.funcs.append(f)
    return func if f.reason else _make_method(record, f)


def _add_property(record, name, value):
    getter, setter = value.fget, value.fset
    if isinstance(getter, _FUNCTION):
        getter = _add_func(record, name, "property", getter)
    if isinstance(setter, _FUNCTION):
        setter = _add_func(record, name, "setter", setter)
    return property(getter, setter, value.fdel, value.__doc__)


def _add_constant(record, name, value):
    if type(value) in (int, float, bool, str) or value is None:
        record.consts[name] = value
    else:
        record.other[name] = f"a class attribute of type {type(value).__name__}"


def _fix_class_cell(func, old, new):
    """super() and __class__ in a method mean the class that the user sees."""
    for cell in func.__closure__ or ():
        try:
            if cell.cell_contents is old:
                cell.cell_contents = new
        except ValueError:
            pass  # an empty cell


class _Signature:
    """cls.__signature__, made when inspect asks for it."""

    def __get__(self, instance, cls):
        from jitd.members import signature

        return signature(cls)


def _repr(self):
    from jitd.members import show

    return show(self)


def _eq(self, other):
    from jitd.members import equal

    return equal(self, other)


_repr.__name__, _eq.__name__ = "__repr__", "__eq__"


def _add_generated(record, cls, namespace, fields):
    # A protocol's __init__ is typing's, and only says that the protocol itself cannot be made.
    bases = [base for base in cls.__mro__[:-1] if not base.__dict__.get("_is_protocol")]
    options, inherited = record.options, {name for base in bases for name in base.__dict__}
    record.init = "user" if "__init__" in inherited else "generated" if options["init"] else "none"
    if record.init == "user" and "__init__" not in cls.__dict__:
        from jitd.members import base_init

        record.base_init = base_init(cls)
    if record.init == "generated" and len(bases) < len(cls.__mro__) - 1:
        namespace["__init__"] = Instance.__init__
    if options["repr"] and "__repr__" not in inherited:
        namespace["__repr__"] = _repr
    if options["eq"] and "__eq__" not in cls.__dict__:
        namespace["__eq__"] = _eq
        record.other["__eq__"] = "jitd makes it, of eq=True"
        namespace.setdefault("__hash__", None)
    if options["match_args"] and "__match_args__" not in inherited:
        namespace["__match_args__"] = tuple(fields) if record.init == "generated" else ()
    namespace["__signature__"] = _Signature()


def _evaluator(cls, new, frame):
    """Evaluates a string annotation where the class stands: its module, the function it is defined in, its own name."""
    scope = sys.modules[cls.__module__].__dict__ if cls.__module__ in sys.modules else {}
    inside = frame.f_code.co_flags & 1  # CO_OPTIMIZED: a function's locals
    if not inside:
        frame = None

    return lambda text: evaluate_in(text, scope, {**(frame.f_locals if frame else {}), cls.__name__: new})


def evaluate_in(text, scope, local):
    """The value of a string annotation. Most are one name, which need not be compiled."""
    for names in (local, scope, _BUILTINS):
        if text in names:
            return names[text]
    return eval(text, dict(scope), local)


def _check_fields(record):
    """Refuses at decoration what can be seen to be wrong; names that are not there yet may still come."""
    for name, annotation, _ in record.fields:
        try:
            field_type(record, name, annotation)
        except NameError:
            pass


# ---- types (types.py says what a resolved type is) ----

SCALARS = {int: "int", float: "float", bool: "bool"}
_UNION = type(int | None)


def is_jitclass(value):
    return isinstance(value, type) and "__jitd__" in value.__dict__


def resolve_type(annotation, evaluate):
    """The resolved type, or None when there is none. `evaluate` turns a string annotation into its value."""
    if isinstance(annotation, str):
        annotation = evaluate(annotation)
    if isinstance(annotation, type):
        if annotation in SCALARS:
            return SCALARS[annotation]
        if "__jitd__" in annotation.__dict__:
            return (annotation, False)
    elif isinstance(annotation, _UNION) or repr(getattr(annotation, "__origin__", None)) == "typing.Union":
        return _resolve_union(annotation.__args__, evaluate)
    if annotation is None:
        return "None"
    from jitd.types import resolve_other

    return resolve_other(annotation, evaluate)


def _resolve_union(args, evaluate):
    rest = [a for a in args if a is not type(None) and a is not None]
    inner = resolve_type(rest[0], evaluate) if len(rest) == 1 and len(args) == 2 else None
    return (inner[0], True) if isinstance(inner, tuple) else None


def type_text(resolved, index):
    """The protocol's text; index(cls) is the class's place among the unit's definitions."""
    if isinstance(resolved, str):
        return resolved
    if isinstance(resolved, list):
        return "(" + ",".join(type_text(item, index) for item in resolved) + ")"
    return f"@{index(resolved[0])}{'?' if resolved[1] else ''}"


def type_words(resolved):
    """For people: what an error message calls it."""
    if isinstance(resolved, str):
        return resolved
    if isinstance(resolved, list):
        return "a tuple"
    return resolved[0].__name__ + (" or None" if resolved[1] else "")


def field_type(record, name, annotation):
    """The resolved type; NameError when a name in a string annotation is not defined (yet), TypeError when it is no field's."""
    resolved = resolve_type(annotation, record.evaluate)
    if resolved is None or resolved == "None" or isinstance(resolved, list):
        from jitd.types import SUPPORTED, shown

        raise TypeError(f"field {name!r} of {record.short}: {shown(annotation)} is not supported as a field's type (supported: {SUPPORTED})")
    return resolved
