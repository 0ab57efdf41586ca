"""The decorators and what goes with them: jitclass, jit, publish, lookup, layout."""

import os
import sys

from jitd._jitd import Method

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


def _jitclass(cls, spec, options, frame):
    from jitd import link
    from jitd.spec import build

    if "__jitd__" in cls.__dict__:
        raise TypeError(f"{cls.__name__} is a jitclass already")
    new, record = build(cls, spec, options, link.finish_class, link.resolve, frame)
    link.register(record)
    return new


def jit(function=None, **options):
    """Compiles a function, once for each combination of argument types that it is called with (eight at most, then Python)."""
    chosen = _options(options, _JIT_OPTIONS, "jit")
    if function is None:
        return lambda f: _jit(f, chosen)
    return _jit(function, chosen)


def _jit(function, options):
    from jitd import link
    from jitd.records import Func, Record, remember
    from jitd.spec import make_method

    if isinstance(function, Method):
        return function
    if not isinstance(function, type(_jit)):
        raise TypeError(f"jit() compiles a function, not {type(function).__name__}")
    if disabled():
        return function
    record = Record("function", None, function.__qualname__, function.__module__ or "__main__", options)
    f = Func(function.__name__, "function", function)
    record.funcs.append(f)
    record.target = make_method(f, link.resolve)
    record.target.__dict__["_jitd_record"] = record
    remember(record)
    link.register(record)
    return record.target


def disabled():
    return os.environ.get("JITD_DISABLE", "") not in ("", "0")


def publish(name, obj):
    """Gives the object a name in the namespace, under which other processes find it; None takes the name away."""
    from jitd import link

    link.connect()
    from jitd._jitd import publish as publish_object

    publish_object(name, obj)


def lookup(name):
    """The object of that name: the same one, not a copy. KeyError when there is none."""
    from jitd import link
    from jitd._jitd import lookup as lookup_object

    link.connect()
    link.finish_pending()
    found = lookup_object(name)
    if found is None:
        raise KeyError(name)
    return found


def layout(cls):
    """{"size": bytes of an instance behind its header, "fields": [(name, type, offset)]}: C's layout, in declared order."""
    from jitd import link, types
    from jitd._jitd import class_info

    if not types.is_jitclass(cls):
        raise TypeError(f"{cls!r} is no jitclass")
    record = cls.__dict__["__jitd_record__"]
    link.lay_out(record)
    _, size, fields = class_info(cls)
    header = 16
    return {
        "size": size - header,
        "fields": [(name, types.words(t), offset - header) for (name, offset), t in zip(fields, record.field_types)],
    }
