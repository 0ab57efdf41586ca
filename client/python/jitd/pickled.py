"""How a compiled function is pickled: by its name, as CPython's functions, or by value for pickles that go where its name means nothing."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jitd._jitd import Method

_BY_VALUE = ("cloudpickle", "dill")  # packages that pickle what is in the main program by value


def _by_value() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in _BY_VALUE:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _has_name(method: Method) -> bool:
    """Another process finds it under its module and name."""
    func = method.__wrapped__
    found: Any = sys.modules.get(func.__module__)
    for part in func.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is method and func.__module__ not in ("__main__", "__mp_main__")


def reduce(method: Method) -> Any:
    """What __reduce__ gives: a name, or the plain function, which is decorated again."""
    func, record = method.__wrapped__, method.__dict__["_jitd_record"]
    if _has_name(method) or not _by_value():
        return func.__qualname__
    if record.kind == "class":
        return _plain, (func,)
    if func.__globals__.get(func.__name__) is method and func.__name__ in func.__code__.co_names:
        raise TypeError(f"{func.__qualname__} of {func.__module__} calls itself: it cannot be pickled by value. Move it to a module that the other process can import")
    return _decorated, (func, record.options)


def _plain(func: Any) -> Any:
    return func


def _decorated(func: Any, options: dict[str, Any]) -> Any:
    from jitd.declare import _JIT_OPTIONS, jit

    return jit(func, **{name: value for name, value in options.items() if name in _JIT_OPTIONS})
