"""jitd: Python classes at native speed, compiled once per machine.

    import jitd

    @jitd.jitclass
    class Point:
        x: float
        y: float = 0.0

        def norm2(self) -> float:
            return self.x * self.x + self.y * self.y

The names below are loaded when they are first used, so that importing jitd stays cheap; type checkers read __init__.pyi.
"""

import sys

if "t" in sys.abiflags:
    raise ImportError(
        "jitd runs in a CPython that has its GIL, and this is a free-threaded build: use python%d.%d instead of python%d.%dt" % (sys.version_info[:2] * 2)
    )

__version__ = "0.1.0"

_HOMES = {
    "declare": "jitclass jit",
    "hints": "jit_focus jit_ignore jit_once",
    "objects": "publish lookup gc layout ctype tobytes",
    "insight": "stats explain inspect_llvm inspect_asm",
    "errors": "CompileError CompileWarning ReleasedError RemoteError",
    "types": "Py int8 int16 int32 int64 uint8 uint16 uint32 uint64 intp uintp float32 float64 int_ float_ boolean bool_",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)
_HOME_OF["Instance"] = "_jitd"  # for those who pickle a class by value, with its bases by name


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'jitd' has no attribute {name!r}")
    module = __import__(f"jitd.{home}", fromlist=[name])
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})


def _new(cls: type, *deleted: str) -> object:
    """An instance with no field set: what copying and unpickling start from. Numbers are set, unless they are named."""
    from jitd._jitd import MISSING, Instance, new

    made = new(cls)
    if deleted:
        Instance.__setstate__(made, dict.fromkeys(deleted, MISSING))
    return made
