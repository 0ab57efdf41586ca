"""Annotations that are evaluated when they are needed: those of CPython 3.14 and later (PEP 649), where a name may be given its value
after the class. What stands for such a name until then is an _Unknown. The standard library's annotationlib does more, and loading it
takes longer than the whole of jitd, so that it is only asked where this does not do."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_VALUE = 1  # annotationlib.Format.VALUE
_FUNCTION = type(lambda: None)  # type: Any
_CELL = type(((lambda x: lambda: x)(0).__closure__ or ())[0])


class _Unknown:
    """The value of a name that has none yet; whatever is made of it is unknown, too."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __or__(self, _other: object) -> "_Unknown":
        return self

    __ror__ = __getitem__ = __or__

    def __call__(self, *_args: object, **_kwargs: object) -> "_Unknown":
        return self

    def __getattr__(self, name: str) -> "_Unknown":
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class _Scope(dict):  # type: ignore[type-arg]
    def __missing__(self, name: str) -> _Unknown:
        return _Unknown(name)


def _unknown(value: object) -> "_Unknown | None":
    """The first _Unknown in a value, or None."""
    if isinstance(value, _Unknown):
        return value
    args = getattr(value, "__args__", ())
    return next((u for u in map(_unknown, args) if u), None) if isinstance(args, tuple) else None


def _cell(name: str, cell: "Any", local: "dict[str, Any]") -> "Any":
    if name in local:
        return _CELL(local[name])
    try:
        cell.cell_contents
    except ValueError:
        return _CELL(_Unknown(name))
    return cell


def _run(annotate: "Any", local: "dict[str, Any]") -> "Any":
    """{name: value}, values with an _Unknown in them where names have none. `local` goes before what the names mean where they stand."""
    code, scope = annotate.__code__, _Scope(annotate.__builtins__)
    scope.update(annotate.__globals__)
    scope.update(local)
    cells = tuple(_cell(*pair, local) for pair in zip(code.co_freevars, annotate.__closure__ or ()))
    function = _FUNCTION(code, scope, annotate.__name__, annotate.__defaults__, cells)
    function.__kwdefaults__ = annotate.__kwdefaults__
    return function(_VALUE)


def evaluate(annotate: "Any", name: str, local: "dict[str, Any]", missing: object) -> "Any":
    """The annotation of this name, `missing` if there is none. NameError: it has a name in it that has no value."""
    code = getattr(annotate, "__code__", None)
    if code is None or local.keys().isdisjoint(code.co_names + code.co_freevars):
        try:
            return annotate(_VALUE).get(name, missing)
        except NameError:
            if code is None:
                raise
    try:
        value = _run(annotate, local).get(name, missing)
    except Exception:
        return annotate(_VALUE).get(name, missing)
    if unknown := _unknown(value):
        raise NameError(f"name {unknown.name!r} is not defined", name=unknown.name)
    return value


def of_class(annotate: "Any", own: str, later: "Callable[[str], Any]") -> "dict[str, Any]":
    """{name: annotation} of a class that is being decorated; later(name) stands for what has no value before the class has."""
    code = getattr(annotate, "__code__", None)
    try:
        if code is None or own not in code.co_names + code.co_freevars:
            return annotate(_VALUE)
    except NameError:
        pass
    try:
        found = _run(annotate, {own: _Unknown(own)})
    except Exception:
        from annotationlib import Format, call_annotate_function  # type: ignore[import-not-found]

        found = call_annotate_function(annotate, Format.STRING)
    return {name: value if _decided(value) else later(name) for name, value in found.items()}


def _decided(value: object) -> bool:
    return _unknown(value) is None or repr(value).startswith("typing.ClassVar")


def text(annotate: "Any", name: str) -> "Any":
    """As it is written, more or less: for people."""
    from annotationlib import Format, call_annotate_function  # type: ignore[import-not-found]

    return call_annotate_function(annotate, Format.STRING)[name]
