"""The exceptions and warnings of jitd."""

from jitd._jitd import ReleasedError, RemoteError

__all__ = ["CompileError", "CompileWarning", "ReleasedError", "RemoteError"]


class CompileError(Exception):
    """A class or function that was to be compiled (strict=True) cannot be; the text shows where and why."""


class CompileWarning(UserWarning):
    """Something of a class, or a function, stays Python or differs from CPython; the text shows where and why. Given once for each class."""


for _e in (CompileError, CompileWarning):
    _e.__module__ = "jitd"
