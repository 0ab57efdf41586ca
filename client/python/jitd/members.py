"""What declare.py does not need for every class: classes that stay as they are, dataclasses, and what generated members do when they are
called."""

# mypy: disable-error-code="arg-type, attr-defined, call-arg, misc"
# (it deals with classes as data, and with what dataclasses keep for itself)

from __future__ import annotations

import sys
from _weakref import ref

from jitd._jitd import MISSING, Instance, Method, replace, stores
from jitd.declare import _DATACLASS_OPTIONS, _FUNCTION, _Init, _is_pseudo, _needs_dataclasses, _spec_items, Declared, Later, annotations_of, evaluate_in
from jitd.declare import own_annotations, property_like, put_member

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from jitd.declare import Evaluate, Func, Record

# ---- classes that are no ordinary ones ----


stays: dict[Any, str] = {}  # weak references to classes that stay Python: why


def left_alone(cls: type, spec: Any, options: dict[str, Any]) -> bool:
    """Whether the class stays Python: it gets what is generated from its fields, and a warning says why. Raises the TypeError of what is
    contradictory in itself."""
    if "__jitd_record__" in cls.__dict__:
        raise TypeError(f"{cls.__name__} is a jitclass already")
    base = next((base for base in cls.__mro__[1:-1] if "__jitd_record__" in base.__dict__), None)
    if base is not None:
        from jitd.heirs import why_python

        if why_python(cls, spec, options) is None:
            return False
        _extend(cls, spec, options)
        _hide_fields(cls, spec)
        return True
    why = _why_not(cls)
    if why is None:
        return False
    if type(cls).__call__ is type.__call__ and not issubclass(cls, _IMMUTABLE):
        _extend(cls, spec, options)
    stays[ref(cls, lambda gone: stays.pop(gone, None))] = why
    _say(cls, f"{cls.__qualname__} stays a Python class: {why}", options)
    return True


class _Hidden:
    """In a Python class, a field of its own that a class above has as a native one: it is an attribute of instances, and the class has what it inherits."""

    def __init__(self, owner: type, name: str) -> None:
        self.owner, self.name = ref(owner), name

    def __get__(self, instance: object, cls: Any) -> Any:
        order = cls.__mro__[cls.__mro__.index(self.owner()) + 1 :]
        found = next(base.__dict__[self.name] for base in order if self.name in base.__dict__)
        try:
            return found.__get__(None, cls) if hasattr(type(found), "__get__") else found
        except AttributeError:
            words = f"type object {cls.__name__!r}" if instance is None else f"{cls.__name__!r} object"
            raise AttributeError(f"{words} has no attribute {self.name!r}") from None


def _hide_fields(cls: Any, spec: Any) -> None:
    """What it declares without a default would be in the place of the field above, which takes other values; and what only the class above sets would
    be there, though instances have what is the class's."""
    above = next(base.__dict__["__jitd_record__"] for base in cls.__mro__[1:] if "__jitd_record__" in base.__dict__)
    own = {field.name for field in own_fields(cls, spec)}
    for field in above.declared:
        hides = field.name in own or (field.default is not MISSING and not field.factory and _sets_less(cls, above, field.name))
        if hides and field.name not in cls.__dict__:
            type.__setattr__(cls, field.name, _Hidden(cls, field.name))


def _sets_less(cls: Any, above: Record, name: str) -> bool:
    return not is_set_by_init(cls, "user", name) and is_set_by_init(above.target, above.init, name)


_IMMUTABLE = (tuple, int, float, complex, str, bytes, frozenset, type)  # made of what they are called with, by their __new__


def _why_not(cls: type) -> str | None:
    if type(cls).__call__ is not type.__call__:
        return f"its metaclass {type(cls).__name__} has a __call__ of its own"
    for base in cls.__mro__[1:-1]:
        if base is Instance or not base.__flags__ & 1 << 9:  # Py_TPFLAGS_HEAPTYPE
            return f"it extends the built-in type {base.__name__}"
    for base in cls.__mro__[1:-1]:
        if any(type(value) is _MEMBER for value in base.__dict__.values()):
            return f"its base class {base.__name__} has __slots__, which keep state of their own"
    for base in reversed(cls.__mro__[1:-1]):  # of C, though made as Python's classes are
        if holds_state(base):
            return f"it extends the built-in type {base.__name__}"
    return None


def holds_state(base: type) -> bool:
    """Whether its instances hold more than a dict and weak references."""
    offsets = (base.__dictoffset__ > 0) + (base.__weakrefoffset__ > 0)
    return base.__basicsize__ - offsets * object.__basicsize__ // 2 != object.__basicsize__ or base.__itemsize__ != 0


_MEMBER = type(Declared.name)


def _say(cls: type, text: str, options: dict[str, Any]) -> None:
    from jitd.errors import CompileError
    from jitd.warn import give

    if options["strict"]:
        raise CompileError(text)
    code = next((value.__code__ for value in cls.__dict__.values() if isinstance(value, _FUNCTION)), None)
    file = code.co_filename if code else getattr(sys.modules.get(cls.__module__), "__file__", None) or cls.__module__
    give(file, code.co_firstlineno if code else 1, text)


def copied(cls: Any) -> type:
    """A new class of the same body, for one that has a name of its own already. Functions that use super() or __class__ get the new one."""
    namespace = {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__")}
    namespace["__qualname__"] = cls.__qualname__
    if any(type(value) is _MEMBER for value in namespace.values()):
        return with_slots(cls, namespace)
    new = type(cls)(cls.__name__, cls.__bases__, namespace)
    _own_class_cells(cls, new)
    return new


def uncopied(record: Record, cls: Any) -> None:
    """Somebody made a class with the dict of a jitclass (dataclasses and attrs do, for __slots__): it is the plain class that was written."""
    for name, value in list(cls.__dict__.items()):
        plain = _as_written(record.target, cls, name, value)
        if plain is MISSING:
            type.__delattr__(cls, name)
        elif plain is not value:
            put_member(cls, name, plain)
    type.__setattr__(cls, "__jitd_copied__", record)
    _say(cls, f"{record.name} was copied after it was decorated, and the copy stays a Python class: put jitclass above what copies it", record.options)


def _as_written(owner: Any, cls: Any, name: str, value: Any) -> Any:
    """What a plain class has in the place of a jitclass's member; MISSING: nothing."""
    if name in ("__jitd__", "__jitd_record__", "__signature__"):
        return MISSING
    kind = f"{type(value).__module__}.{type(value).__name__}"
    if kind == "jitd.declare._Init":
        return init_function(owner, frozen="__setattr__" in cls.__dict__)
    if kind == "jitd.declare._Made":
        return value.__get__(None, owner)
    return _without_methods(value)


def _without_methods(value: Any) -> Any:
    """A member of a jitclass as it was written."""
    if isinstance(value, Method):
        return value.__wrapped__
    if isinstance(value, staticmethod) and isinstance(value.__func__, Method):
        return staticmethod(value.__func__.__wrapped__)
    if isinstance(value, property) and (isinstance(value.fget, Method) or isinstance(value.fset, Method)):
        return property_like(value, _without_methods(value.fget), _without_methods(value.fset))
    return value


def with_slots(cls: Any, namespace: dict[str, Any]) -> type:
    """A copy whose __slots__, which lie behind what a jitclass's instance holds itself, are for the Python fields."""
    slots = [name for name, value in namespace.items() if type(value) is _MEMBER]
    for name in slots:
        del namespace[name]
    namespace["__slots__"] = slots + ["__dict__"] * (cls.__dictoffset__ != 0 and all(b.__dictoffset__ == 0 for b in cls.__bases__))
    new = type(cls)(cls.__name__, tuple(b for b in cls.__bases__ if b is not object) + (Instance,), namespace)
    type.__setattr__(new, "__slots__", cls.__dict__["__slots__"])  # in the order of the class statement, for those who read it
    _own_class_cells(cls, new)
    return new


# ---- dataclasses ----

_GENERATED = (
    "__init__", "__repr__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__",
    "__setattr__", "__delattr__", "__replace__", "__getstate__", "__setstate__",
)  # fmt: skip
_PARAMS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen", "kw_only", "match_args")


def own_fields(cls: Any, spec: Any) -> list[Declared]:
    """Those that it declares itself, whether a class above has them or not."""
    own = {**(dict(_spec_items(cls, spec)) if spec else {}), **own_annotations(cls)}
    made = cls.__dict__.get("__dataclass_fields__", {})
    return [_declared(name, annotation, made.get(name, cls.__dict__.get(name, MISSING))) for name, annotation in own.items()]


def _declared(name: str, annotation: Any, value: Any) -> Declared:
    """Of a field with that in its class, which may be a dataclasses.field()."""
    if type(value).__module__ != "dataclasses":
        return Declared(name, annotation, value)
    given = {how: getattr(value, how) for how in ("default_factory", "default")}
    missing = sys.modules["dataclasses"].MISSING  # type: ignore[attr-defined]
    how = next((how for how, what in given.items() if what is not missing), "")
    return Declared(name, annotation, given.get(how, MISSING), how == "default_factory", init=value.init)


def is_to_be_made(cls: Any, options: dict[str, Any], own: list[Declared], above: bool) -> bool:
    """Whether dataclasses are to make the class's members; `above`: they did that of a class above it."""
    if "__dataclass_fields__" in cls.__dict__ or options["eq"] or any(options[name] for name in _DATACLASS_OPTIONS) or _needs_dataclasses(cls, own):
        return True
    return above and (declares(own) or asks_after_init(cls, options))


def declares(own: Any) -> bool:
    """Whether some of what a class annotates are fields."""
    return not all(_is_pseudo(field.annotation) for field in own)


def above_dataclasses(record: Record, cls: Any, spec: Any) -> tuple[set[str], list[Declared]]:
    """The same as as_dataclass() of a class, which may inherit what they made of plain ones."""
    own = own_fields(cls, spec)
    if is_to_be_made(cls, record.options, own, True) or not any("__dataclass_fields__" in base.__dict__ for base in cls.__mro__):
        return as_dataclass(record, cls, own)
    record.init = "user" if any("__init__" in base.__dict__ for base in cls.__mro__[:-1]) else "none"
    return set(), _found(cls.__dataclass_fields__)[0]


def _found(fields: dict[str, Any]) -> tuple[list[Declared], bool]:
    """The fields as dataclasses have them, and whether __init__ takes them all, in this order."""
    import dataclasses

    found, simple = [], True
    for name, field in fields.items():
        if field._field_type is dataclasses._FIELD:
            found.append(_declared(name, field.type, field))
            simple = simple and field.init and not field.kw_only
        elif field._field_type is dataclasses._FIELD_INITVAR:
            simple = False
    return found, simple


def as_dataclass(record: Record, cls: type, fields: list[Declared]) -> tuple[set[str], list[Declared]]:
    """Has the standard library's dataclasses make the class's members, unless it is one already. (names of what they made, [Declared])."""
    if "__dataclass_fields__" not in cls.__dict__:
        _dataclass(cls, record.options, {field.name: field.annotation for field in fields})
    found, simple = _found(cls.__dict__["__dataclass_fields__"])
    generated = {name for name in _GENERATED if _is_made_by_dataclasses(cls.__dict__.get(name))} | {"__dataclass_fields__", "__dataclass_params__"}
    if "__init__" in generated:
        record.init = "generated" if simple else "user"
    else:
        record.init = "user" if any("__init__" in base.__dict__ for base in cls.__mro__[:-1] if base is not Instance) else "none"
    return generated, found


def _dataclass(cls: Any, options: dict[str, Any], annotations: dict[str, Any]) -> None:
    from dataclasses import dataclass

    if annotations:
        own = own_annotations(cls)
        spec = {name: annotation for name, annotation in annotations.items() if not _is_own(annotation, own.get(name, MISSING))}
        if spec:
            cls.__annotations__ = spec | {name: a for name, a in own.items() if name not in spec}
    params = {name: options[name] for name in _PARAMS}
    params["init"] = params["init"] and "__init__" not in cls.__dict__  # else they check that fields with a default come last
    params["eq"] = params["eq"] or params["order"]
    dataclass(**params)(cls)
    cls.__dataclass_params__.init = options["init"]


def _is_own(annotation: Any, own: Any) -> bool:
    """Whether it is the class's own annotation: since 3.14 those are evaluated anew each time."""
    return annotation is own or (type(annotation) is type(own) and (isinstance(own, Later) or repr(annotation) == repr(own)))


def _is_made_by_dataclasses(func: Any) -> bool:
    if not isinstance(func, _FUNCTION):
        return False
    func = getattr(func, "__wrapped__", func)
    return func.__code__.co_filename == "<string>" or func.__module__ in ("dataclasses", "_py_dataclasses")


def _extend(cls: type, spec: Any, options: dict[str, Any]) -> None:
    """A subclass of a jitclass is a Python class above it, and others stay Python, too: their fields are attributes."""
    if "__dataclass_fields__" in cls.__dict__:
        return
    annotations = dict(_spec_items(cls, spec)) if spec else {}
    if annotations or asks_after_init(cls, options) or any(options[name] for name in ("order", "unsafe_hash", "frozen", "kw_only", "eq")) or _may_be_dataclass(cls, options):
        _dataclass(cls, options, annotations)


def asks_after_init(cls: Any, options: dict[str, Any]) -> bool:
    """Whether it has a __post_init__ of which the __init__ that was made for a class above does not know."""
    if not options["init"] or "__init__" in cls.__dict__ or not hasattr(cls, "__post_init__"):
        return False
    maker = next((base for base in cls.__mro__ if "__init__" in base.__dict__), object)
    is_made = isinstance(maker.__dict__["__init__"], _Init) or _is_made_by_dataclasses(maker.__dict__["__init__"])
    return is_made and not hasattr(maker, "__post_init__")


def _may_be_dataclass(cls: type, options: dict[str, Any]) -> bool:
    """Whether it has fields; where no __init__ is made of them, a list as a class's attribute with an annotation is one."""
    if not declares(own_fields(cls, None)) and not _needs_dataclasses(cls, []):
        return False
    return (options["init"] and "__init__" not in cls.__dict__) or all(type(cls.__dict__.get(name)).__hash__ is not None for name in own_annotations(cls))


def dataclass_fields(cls: type) -> dict[str, Any]:
    """{name: dataclasses.Field} of a jitclass, as dataclasses keep it."""
    import dataclasses

    found = {}
    for declared in cls.__dict__["__jitd_record__"].declared:
        if declared.inferred:
            continue
        how = {} if declared.default is MISSING else {"default_factory" if declared.factory else "default": declared.default}
        field = dataclasses.field(init=declared.init, **how)
        field.name, field.type, field.kw_only = declared.name, declared.annotation, False
        field._field_type = dataclasses._FIELD
        found[declared.name] = field
    return found


def dataclass_params(cls: type) -> Any:
    import dataclasses

    record = cls.__dict__["__jitd_record__"]

    @dataclasses.dataclass(**{name: record.options[name] for name in ("init", "repr", "eq", "match_args")})
    class Params:
        pass

    return Params.__dataclass_params__


# ---- functions in a class ----


def _own_class_cells(old: type, new: type) -> None:
    for name, value in list(new.__dict__.items()):
        func = getattr(value, "__func__", value)
        if isinstance(func, _FUNCTION) and "__class__" in func.__code__.co_freevars:
            made = _with_class(func, old, new)
            type.__setattr__(new, name, made if func is value else type(value)(made))
        elif type(value) is property:
            parts = [_with_class(f, old, new) if isinstance(f, _FUNCTION) else f for f in (value.fget, value.fset, value.fdel)]
            if parts != [value.fget, value.fset, value.fdel]:
                put_member(new, name, property(*parts, value.__doc__))


def _with_class(func: Any, old: type, new: type) -> Any:
    """The function with `new` in the cell of __class__, if it has one with `old`."""
    at = func.__code__.co_freevars.index("__class__") if "__class__" in func.__code__.co_freevars else -1
    try:
        if at < 0 or func.__closure__[at].cell_contents is not old:
            return func
    except ValueError:
        return func
    cells = list(func.__closure__)
    cells[at] = type(cells[at])(new)
    made = _FUNCTION(func.__code__, func.__globals__, func.__name__, func.__defaults__, tuple(cells))
    made.__kwdefaults__, made.__doc__, made.__qualname__ = func.__kwdefaults__, func.__doc__, func.__qualname__
    made.__module__ = func.__module__
    if getattr(func, "__annotate__", None) is not None:  # since 3.14
        made.__annotate__ = func.__annotate__
    else:
        made.__annotations__ = func.__annotations__
    made.__dict__.update(func.__dict__)
    return made


def _local_names(cls: type, fields: list[Declared]) -> set[str]:
    """The names in the string annotations of a class and its methods."""
    texts = [field.annotation for field in fields]
    for value in cls.__dict__.values():
        for func in (getattr(value, "__func__", value), getattr(value, "fget", None), getattr(value, "fset", None)):
            if isinstance(func, _FUNCTION):
                texts += annotations_of(func, ()).values()
    names = set()
    for text in texts:
        text = getattr(text, "__forward_arg__", text)
        if isinstance(text, str):
            names.update("".join(c if c.isidentifier() or c.isdigit() else " " for c in text).split())
    return names


_local_classes: dict[tuple[int, str], Any] = {}  # (id of a running function's frame, name): the class that was decorated there, weakly
_LOCAL_CLASSES = 1000


def local_scope(cls: type, frame: FrameType, fields: list[Declared], scope: dict[str, Any]) -> Evaluate:
    """The evaluator of a class in a function. Not the frame is kept, which would hold all that its callers have: only what the names in annotations
    stand for now; and classes that the same function decorates later are found by their names."""
    place = id(frame)
    if len(_local_classes) >= _LOCAL_CLASSES:
        _local_classes.clear()
    _local_classes[place, cls.__name__] = ref(cls)
    found = frame.f_locals
    local = {name: found[name] for name in _local_names(cls, fields) if name in found}
    local[cls.__name__] = cls
    del frame, found, fields

    def evaluate(text: str) -> Any:
        try:
            return evaluate_in(text, scope, local)
        except NameError:
            if not isinstance(text, str):
                raise
            later = _local_classes.get((place, text), lambda: None)()
            names = {name: made() for (at, name), made in list(_local_classes.items()) if at == place and made() is not None}
            if later is None and not any(name in text for name in names):
                raise
            return evaluate_in(text, scope, {**names, **local})

    return evaluate


def base_init(cls: type) -> Func | None:
    """The Func of an inherited __init__, or None. It is not compiled."""
    from jitd.declare import Func

    base = next(b for b in cls.__mro__ if "__init__" in b.__dict__)
    if not isinstance(base.__dict__["__init__"], type(base_init)):
        return None
    f = Func("__init__", "method", base.__dict__["__init__"])
    f.reason = f"it is defined in the base class {base.__name__}"
    f.types = [None] * len(f.params)
    return f


# ---- fields that an __init__ sets ----

_SETTERS = {"setattr", "__setattr__", "__dict__", "__setstate__", "vars", "exec", "eval"}


def is_set_by_init(cls: Any, init: str, name: str) -> bool:
    """Whether making an instance may set the field on it, and not only leave it to the class attribute that its default is. A dataclass with
    slots has no such attribute."""
    maker = next((base for base in cls.__mro__ if "__init__" in base.__dict__), object)
    made = _set_by_made_init(maker)
    if any(name in base.__dict__.get("__slots__", ()) for base in cls.__mro__) or (init != "none" and name in made):
        return True
    start = [] if init == "none" else ["__init__"]
    if start and _is_made(maker.__dict__["__init__"]):
        start = ["__post_init__"] if init == "generated" or hasattr(maker, "__post_init__") else []
    names = _names_set(cls, start)
    if names is None or name in names:
        return True
    return start == ["__init__"] and any(name in _set_by_made_init(base) for base in cls.__mro__)  # which it may call


def _is_made(init: Any) -> bool:
    return isinstance(init, _Init) or _is_made_by_dataclasses(init)


def _set_by_made_init(cls: Any) -> set[str]:
    """The names of the fields that the class's __init__ sets, if it was made of them."""
    init, record = cls.__dict__.get("__init__"), cls.__dict__.get("__jitd_record__")
    if not _is_made(init):
        return set()
    if "__jitd_source__" in getattr(init, "__dict__", ()) or isinstance(init, _Init):
        return {field.name for field in record.declared if field.init and not field.inferred}
    return {name for name, field in cls.__dict__.get("__dataclass_fields__", {}).items() if field.init}


def differences_of_init(record: Record, said: Any) -> Any:
    """What is to be said of a class whose __init__ has no source. One that dataclasses made sets all of its fields but those of init=False."""
    cls = record.target
    if not _is_made_by_dataclasses(cls.__init__):
        return said
    names = _names_set(cls, ["__post_init__"])
    unset = [f.name for f in record.declared if not f.init and f.default is MISSING and f.name not in record.py_fields and names is not None and f.name not in names]
    text = "field {!r} has no default and is not set by __init__: it reads 0 until it is set, where Python raises AttributeError; give it a default or set it"
    return [(0, 0, text.format(name), f'File "{record.file or cls.__module__}", {cls.__qualname__}: {text.format(name)}') for name in unset]


def _names_set(cls: type, start: list[str]) -> set[str] | None:
    """The attributes that these methods, and what they may call, store; None: perhaps any."""
    found: set[str] = set()
    seen: set[Any] = set()
    todo = [func for name in start for func in _plain_functions(getattr(cls, name, None))]
    while todo:
        func = todo.pop()
        if func in seen:
            continue
        seen.add(func)
        codes = [func.__code__]
        for code in codes:
            if not _SETTERS.isdisjoint(code.co_names):
                return None
            found.update(stores(code))
            codes += [const for const in code.co_consts if type(const) is type(code)]
            for name in code.co_names:
                todo += _functions(cls, name) + _plain_functions(func.__globals__.get(name))
    return found


def _functions(cls: type, name: str) -> list[Any]:
    """The functions of that name in a class and its bases."""
    return [f for base in cls.__mro__ if name in base.__dict__ for f in _plain_functions(base.__dict__[name])]


def _plain_functions(value: Any) -> list[Any]:
    parts = (value.fget, value.fset, value.fdel) if isinstance(value, property) else (getattr(value, "__func__", value),)
    return [f for f in (getattr(part, "__wrapped__", part) for part in parts) if isinstance(f, _FUNCTION)]


# ---- generated members ----

_active: set[tuple[int, int]] = set()  # (id, thread) of the instances whose __repr__ is running


def _record(instance: Any) -> Record:
    """Of its class, or of the one that its class is a copy of."""
    return next(c.__dict__[key] for c in type(instance).__mro__ for key in ("__jitd_record__", "__jitd_copied__") if key in c.__dict__)


def _shown(record: Record) -> list[str]:
    """The names of the fields that repr() and == are about."""
    return [field.name for field in record.declared if not field.inferred]


def show(instance: Any, record: Any = None) -> str:
    """__repr__, as a dataclass's: of the fields of the class that has it."""
    from _thread import get_ident

    key = id(instance), get_ident()
    if key in _active:
        return "..."
    _active.add(key)
    try:
        fields = ", ".join(f"{name}={_show_field(instance, name)}" for name in _shown(record or _record(instance)))
        return f"{type(instance).__qualname__}({fields})"
    finally:
        _active.discard(key)


def _show_field(instance: Any, name: str) -> str:
    try:
        return repr(getattr(instance, name))
    except AttributeError:
        return "<unset>"


def equal(instance: Any, other: Any, record: Any = None) -> Any:
    """__eq__, as the running version's dataclass has it: until 3.13 the fields were compared as tuples, for whose items identity is enough."""
    if other.__class__ is not instance.__class__:
        return NotImplemented
    names = _shown(record or _record(instance))
    if sys.version_info >= (3, 13):
        return instance is other or all(getattr(instance, n) == getattr(other, n) for n in names)
    return [getattr(instance, n) for n in names] == [getattr(other, n) for n in names]


def signature(cls: type) -> Any:
    """What inspect.signature(cls) shows."""
    from inspect import Signature
    from inspect import signature as of

    if cls.__dict__["__jitd_record__"].init == "none":
        return Signature()
    init = cls.__dict__["__jitd_record__"].func("__init__")
    found = of(init.func if init else cls.__init__ if cls.__dict__["__jitd_record__"].init == "user" else init_function(cls))
    return found.replace(parameters=list(found.parameters.values())[1:])


def is_asked_by_init(cls: Any) -> bool:
    """Whether a __setattr__ of the user's sees what the generated __init__ sets. That of a frozen dataclass goes past the one that refuses."""
    return not _is_made_by_dataclasses(cls.__setattr__)


def document(cls: type) -> str:
    """What a dataclass without a docstring has for one."""
    return cls.__name__ + str(signature(cls)).replace(" -> None", "")


def generated_init(instance: Any, cls: type) -> Any:
    """The generated __init__, which takes the place of what stands for it in its class."""
    owner = next(c for c in cls.__mro__ if isinstance(c.__dict__.get("__init__"), _Init))
    function = init_function(owner)
    replace(owner, "__init__", function)
    return function if instance is None else function.__get__(instance, cls)


def init_function(cls: type, frozen: bool = False) -> Any:
    """The generated __init__ as a Python function: to show its signature, to raise what CPython raises for wrong arguments, and for super().__init__
    in a subclass."""
    owner = next(base for base in cls.__mro__ if "__init__" in base.__dict__)
    made = owner.__dict__["__init__"]
    if isinstance(made, _FUNCTION):
        return made
    return _written_init(owner if isinstance(made, _Init) else cls, frozen)


def sourced_init(cls: Any) -> Any:
    """The same to be compiled, where dataclasses made it and it only sets what it is given."""
    made, record = init_function(cls), cls.__dict__["__jitd_record__"]
    is_plain = record.init == "generated" and "__setattr__" not in record.other and not any(field.factory for field in record.declared)
    return _written_init(cls, False) if is_plain and not hasattr(made, "__jitd_source__") else made


def _written_init(cls: Any, frozen: bool) -> Any:
    fields = [field for field in cls.__dict__["__jitd_record__"].declared if field.init]
    scope = {f"_d{i}": field.default for i, field in enumerate(fields) if field.default is not MISSING}
    params = [f"{field.name}=_d{i}" if f"_d{i}" in scope else field.name for i, field in enumerate(fields)]
    own = "__dataclass_self__" if any(field.name == "self" for field in fields) else "self"
    scope["__set"] = object.__setattr__
    lines = [f"    __set({own}, {field.name!r}, {field.name})" if frozen else f"    {own}.{field.name} = {field.name}" for field in fields]
    lines += [f"    {own}.__post_init__()"] * hasattr(cls, "__post_init__")
    source = "\n".join([f"def __init__({', '.join([own, *params])}):", *(lines or ["    pass"])]) + "\n"
    exec(source, scope)
    function = scope["__init__"]
    if not frozen:
        function.__jitd_source__ = source  # an heir's __init__ may call it
    function.__qualname__ = f"{cls.__qualname__}.__init__"
    function.__module__ = cls.__module__
    function.__annotations__ = {field.name: _known(cls, field.annotation) for field in fields} | {"return": None}
    return function


# ---- obj.__dict__ ----


class Namespace(dict):
    """An instance's attributes as vars(obj) shows them, native fields among them. A change goes to the instance."""

    __slots__ = ("_owner",)

    def __setitem__(self, name: str, value: Any) -> None:
        Instance.__setstate__(self._owner, {name: value})
        dict.__setitem__(self, name, value)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        Instance.__setstate__(self._owner, {name: MISSING})
        dict.__delitem__(self, name)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def __ior__(self, other: Any) -> Namespace:
        self.update(other)
        return self

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, *default: Any) -> Any:
        if name not in self:
            return dict.pop(self, name, *default)
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, Any]:
        name = next(reversed(self), None)
        if name is None:
            raise KeyError("popitem(): dictionary is empty")
        return name, self.pop(name)

    def clear(self) -> None:
        for name in list(self):
            del self[name]

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def namespace(instance: Any) -> Namespace:
    """obj.__dict__"""
    found = Namespace(Instance.__getstate__(instance))
    for base in type(instance).__mro__[:-1]:
        if base is not Instance and base.__dict__.get("__slots__"):
            for name in [name for name in found if _is_slot(type(instance), base, name)]:
                dict.pop(found, name)
    found._owner = instance
    return found


def _is_slot(cls: Any, base: Any, name: str) -> bool:
    """Whether an instance has it in a slot of that base."""
    value = base.__dict__.get(name)
    is_slot = type(value) is _MEMBER or (type(value).__name__ == "Field" and name in base.__dict__["__slots__"])
    return is_slot and next(klass for klass in cls.__mro__ if name in klass.__dict__) is base


def set_namespace(instance: Any, wanted: Any) -> None:
    """obj.__dict__ = attributes"""
    if not isinstance(wanted, dict):
        raise TypeError(f"__dict__ must be set to a dictionary, not a '{type(wanted).__name__}'")
    gone = Instance.__getstate__(instance).keys() - wanted.keys()
    Instance.__setstate__(instance, {**dict.fromkeys(gone, MISSING), **wanted})


def _known(cls: type, annotation: Any) -> Any:
    """An annotation's value; the text of one that has none yet."""
    from jitd.declare import Later

    if not isinstance(annotation, Later):
        return annotation
    try:
        return cls.__dict__["__jitd_record__"].evaluate(annotation)
    except NameError:
        from jitd.later import text

        return text(annotation.annotate, annotation.name)
