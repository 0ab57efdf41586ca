"""From a Python class to a jitclass: which fields it has, what its methods are, and the new type."""

import sys

from jitd import types
from jitd._jitd import MISSING, Instance, Method, new_class
from jitd.records import Func, Record, remember

_FUNCTION = type(lambda: None)
_METHODS = (_FUNCTION, staticmethod, classmethod, property)
_NO_MEMBERS = {"__init__", "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__slots__", "__hash__"}
_DROPPED = ("__dict__", "__weakref__")
_REFUSED = {
    "__new__": "instances are made in the arena",
    "__del__": "finalisers are not supported; use close() or weakref.finalize",
    "__getattr__": "attribute access is not customised",
    "__getattribute__": "attribute access is not customised",
    "__setattr__": "attribute access is not customised",
    "__delattr__": "attribute access is not customised",
    "__slots__": "the fields are the slots",
}


def build(cls, spec, options, finish, resolve, frame):
    """The jitclass made of `cls`. finish(type) and resolve(method, values) are link.py's."""
    _check(cls)
    record = Record("class", None, cls.__qualname__, cls.__module__, options)
    fields = _fields(cls, spec)
    namespace = {k: v for k, v in cls.__dict__.items() if k not in _DROPPED and k not in fields}
    _check_init(cls, fields, options)
    _add_members(record, cls, namespace, resolve)
    _add_generated(record, cls, namespace, fields, options)
    namespace["__slots__"] = ()
    namespace["__qualname__"] = cls.__qualname__
    namespace["__jitd_record__"] = record
    bases = tuple(b for b in cls.__bases__ if b is not object) + (Instance,)
    new = new_class(type(cls), cls.__name__, bases, namespace, finish)
    record.target = new
    record.fields = [(name, annotation, default) for name, (annotation, default) in fields.items()]
    record.evaluate = _evaluator(cls, new, frame)
    for f in record.funcs:
        if f.method is not None and f.kind not in ("static", "class"):
            f.method._set_class(new)
        _fix_class_cell(f.func, cls, new)
    check_fields(record)
    remember(record)
    return new, record


def _check(cls):
    name = cls.__name__
    if "__dataclass_fields__" in cls.__dict__:
        raise TypeError(f"{name} is a dataclass already: leave @dataclass out, jitclass makes __init__ and __repr__ itself")
    for attribute, reason in _REFUSED.items():
        if attribute in cls.__dict__:
            raise TypeError(f"{name}.{attribute} is not possible in a jitclass: {reason}")


def _mangle(cls, name):
    if name.startswith("__") and not name.endswith("__"):
        return f"_{cls.__name__.lstrip('_')}{name}"
    return name


def _spec_items(cls, spec):
    items = spec.items() if hasattr(spec, "items") else spec or ()
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"spec items should be pairs of name and type, got {item!r}")
        if not isinstance(item[0], str):
            raise TypeError(f"spec keys should be strings, got {item[0]!r}")
        yield _mangle(cls, item[0]), item[1]


def _is_classvar(annotation):
    text = annotation if isinstance(annotation, str) else repr(annotation)
    return text.startswith(("typing.ClassVar", "ClassVar", "t.ClassVar"))


def _fields(cls, spec):
    """{name: (annotation, default)}: the spec's first, then the annotations, those of base classes before the own ones."""
    found = dict(_spec_items(cls, spec))
    for klass in reversed(cls.__mro__[:-1]):
        for name, annotation in klass.__dict__.get("__annotations__", {}).items():
            if not _is_classvar(annotation):
                found.setdefault(name, annotation)
    fields = {}
    for name, annotation in found.items():
        default = next((k.__dict__[name] for k in cls.__mro__ if name in k.__dict__), MISSING)
        fields[name] = (annotation, _default(cls, name, default))
    return fields


def _default(cls, name, default):
    if isinstance(default, _METHODS):
        raise TypeError(f"{cls.__name__}.{name} is both a field and a method")
    if type(default).__module__ == "dataclasses" and type(default).__name__ == "Field":
        dataclasses = sys.modules["dataclasses"]
        if default.default_factory is not dataclasses.MISSING:
            raise TypeError(f"field {name!r} of {cls.__name__}: default_factory is not supported yet")
        return MISSING if default.default is dataclasses.MISSING else default.default
    return default


def _check_init(cls, fields, options):
    """A required field after one with a default, as dataclasses word it."""
    if "__init__" in cls.__dict__ or not options["init"]:
        return
    seen = None
    for name, (_, default) in fields.items():
        if default is not MISSING:
            seen = name
        elif seen is not None:
            after = f" {seen!r}" if sys.version_info >= (3, 13) else ""
            raise TypeError(f"non-default argument {name!r} follows default argument{after}")


# ---- members ----


def _add_members(record, cls, namespace, resolve):
    for name, value in list(namespace.items()):
        if isinstance(value, _FUNCTION):
            namespace[name] = _add_func(record, name, "method", value, resolve)
        elif isinstance(value, staticmethod) and isinstance(value.__func__, _FUNCTION):
            namespace[name] = staticmethod(_add_func(record, name, "static", value.__func__, resolve))
        elif isinstance(value, classmethod) and isinstance(value.__func__, _FUNCTION):
            record.funcs.append(Func(name, "class", value.__func__))  # called by compiled code only
        elif isinstance(value, property):
            namespace[name] = _add_property(record, name, value, resolve)
        elif not _is_dunder(name):
            _add_constant(record, name, value)
        elif callable(value) and not isinstance(value, type):
            record.other[name] = f"an object of type {type(value).__name__}"
    for base in cls.__mro__[1:-1]:
        for name in base.__dict__:
            if name not in namespace and name not in _NO_MEMBERS:
                record.other.setdefault(name, f"it is defined in the base class {base.__name__}")


def _is_dunder(name):
    return name.startswith("__") and name.endswith("__")


def make_method(f, resolve):
    """The Method (descriptor or function) of a Func."""
    names = tuple(sys.intern(p[0]) for p in f.params)
    f.method = Method(f.func, None, names, f.npositional, f.nposonly, tuple(p[2] for p in f.params), (None,) * len(names), resolve)
    f.method.__dict__["_jitd_func"] = f
    return f.method


def _add_func(record, name, kind, func, resolve):
    f = Func(name, kind, func)
    record.funcs.append(f)
    if f.reason:
        return func
    method = make_method(f, resolve)
    method.__dict__["_jitd_record"] = record
    return method


def _add_property(record, name, value, resolve):
    getter = value.fget
    if isinstance(getter, _FUNCTION):
        getter = _add_func(record, name, "property", getter, resolve)
    if isinstance(value.fset, _FUNCTION):
        record.funcs.append(Func(name, "setter", value.fset))  # called by compiled code only
    return property(getter, value.fset, value.fdel, value.__doc__)


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


# ---- generated members ----


class _Signature:
    """cls.__signature__, made when inspect asks for it."""

    def __get__(self, instance, cls):
        from inspect import signature

        record = cls.__dict__["__jitd_record__"]
        init = record.func("__init__")
        found = signature(init.func) if init else signature(init_function(cls))
        return found.replace(parameters=list(found.parameters.values())[1:])


def _add_generated(record, cls, namespace, fields, options):
    own = lambda name: name in cls.__dict__ or any(name in b.__dict__ for b in cls.__mro__[1:-1])  # noqa: E731
    record.init = "user" if own("__init__") else "generated" if options["init"] else "none"
    if options["repr"] and not own("__repr__"):
        namespace["__repr__"] = _make_repr(tuple(fields))
    if options["eq"] and "__eq__" not in cls.__dict__:
        namespace["__eq__"] = _make_eq(tuple(fields))
        record.other["__eq__"] = "jitd makes it, of eq=True"
        namespace.setdefault("__hash__", None)
    if options["match_args"] and not own("__match_args__"):
        namespace["__match_args__"] = tuple(fields) if record.init == "generated" else ()
    namespace["__signature__"] = _Signature()


def _make_repr(names):
    active = set()

    def __repr__(self):
        if id(self) in active:
            return "..."
        active.add(id(self))
        try:
            return f"{type(self).__qualname__}({', '.join(f'{n}={_show(self, n)}' for n in names)})"
        finally:
            active.discard(id(self))

    return __repr__


def _show(instance, name):
    try:
        return repr(getattr(instance, name))
    except AttributeError:
        return "<unset>"


def _make_eq(names):
    def __eq__(self, other):
        if other.__class__ is not self.__class__:
            return NotImplemented
        return tuple(getattr(self, n) for n in names) == tuple(getattr(other, n) for n in names)

    return __eq__


def init_function(cls):
    """A Python function with the generated __init__'s signature: to show it, and to raise what CPython raises for wrong arguments."""
    fields = cls.__dict__["__jitd_record__"].fields
    scope = {f"_d{i}": default for i, (_, _, default) in enumerate(fields) if default is not MISSING}
    params = [f"{name}=_d{i}" if f"_d{i}" in scope else name for i, (name, _, _) in enumerate(fields)]
    exec(f"def __init__(self, {', '.join(params)}): pass", scope)
    function = scope["__init__"]
    function.__qualname__ = f"{cls.__qualname__}.__init__"
    function.__annotations__ = {name: annotation for name, annotation, _ in fields} | {"return": None}
    return function


# ---- types of fields ----


def _evaluator(cls, new, frame):
    """Evaluates a string annotation where the class stands: its module, the function it is defined in, its own name."""
    scope = sys.modules[cls.__module__].__dict__ if cls.__module__ in sys.modules else {}
    inside = frame.f_code.co_flags & 1  # CO_OPTIMIZED: a function's locals
    if not inside:
        frame = None

    def evaluate(text):
        local = {**(frame.f_locals if frame else {}), cls.__name__: new}
        return eval(text, dict(scope), local)

    return evaluate


def check_fields(record):
    """Refuses at decoration what can be seen to be wrong; names that are not there yet may still come."""
    for name, annotation, _ in record.fields:
        try:
            field_type(record, name, annotation)
        except NameError:
            pass


def field_type(record, name, annotation):
    """The resolved type; NameError when a name in a string annotation is not defined (yet), TypeError when it is no field's."""
    resolved = types.resolve(annotation, record.evaluate)
    if resolved is None or resolved == "None" or isinstance(resolved, list):
        shown = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", None) or repr(annotation)
        raise TypeError(f"field {name!r} of {record.short}: {shown} is not supported as a field's type (supported: {types.SUPPORTED})")
    return resolved
