"""The types of fields, parameters and constants: the sized ones as objects of their own, the exact ones as Python's.

What travels to the daemon is text (docs/protocol.md, protocol/types.h). Here a resolved type is one of
    "int", "float32", ...       a scalar
    "None"
    "py"                        any object of the interpreter; an Items, which equals it: most likely a list
    (cls, optional)             a reference to an instance of a jitclass
    [type, ...]                 a tuple
"""

from __future__ import annotations

from jitd.declare import SCALARS, Later, is_jitclass, resolve_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import TypeAlias

    from jitd.declare import Resolved

__all__ = ["Py", "Scalar", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]


class Scalar:
    """A sized number type, as numpy's: wraps in compiled arithmetic, refuses what is out of range when it comes in."""

    __slots__ = ("name", "bits", "signed")

    def __init__(self, name: str, bits: int, signed: bool) -> None:
        self.name, self.bits, self.signed = name, bits, signed

    def __repr__(self) -> str:
        return f"jitd.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    def __call__(self, value: Any = 0) -> Any:
        """The value in this type, as in compiled code: a float32 is rounded, what does not fit is an OverflowError."""
        if self.name == "float32":
            from _struct import pack, unpack

            try:
                return unpack("<f", pack("<f", value))[0]
            except OverflowError:
                self.refuse(value)
        value = int(value)
        if not self.low <= value < self.low + (1 << self.bits):
            self.refuse(value)
        return value

    @property
    def low(self) -> int:
        return -(1 << self.bits - 1) if self.signed else 0

    def refuse(self, value: object, where: str = "") -> None:
        """Raises the OverflowError of a value that does not fit."""
        limits = "at most 3.4028235e+38" if self.name == "float32" else f"{self.low}..{self.low + (1 << self.bits) - 1}"
        raise OverflowError(f"{where}{value} is out of range for {self.name} ({limits})")

    def __or__(self, other: object) -> Any:
        if other is None:
            raise TypeError(f"{self!r} cannot be optional: only references to jitclasses can be None")
        return NotImplemented


# For a type checker they are the numbers that they hold.
if TYPE_CHECKING:
    int8: TypeAlias = int
    int16: TypeAlias = int
    int32: TypeAlias = int
    int64: TypeAlias = int
    uint8: TypeAlias = int
    uint16: TypeAlias = int
    uint32: TypeAlias = int
    uint64: TypeAlias = int
    intp: TypeAlias = int
    uintp: TypeAlias = int
    float32: TypeAlias = float
    float64: TypeAlias = float
    float_: TypeAlias = float
    int_: TypeAlias = int
    boolean: TypeAlias = bool
    bool_: TypeAlias = bool
else:
    int8, int16, int32, int64 = (Scalar(f"int{n}", n, True) for n in (8, 16, 32, 64))
    uint8, uint16, uint32, uint64 = (Scalar(f"uint{n}", n, False) for n in (8, 16, 32, 64))
    float32 = Scalar("float32", 32, True)
    intp, uintp = int64, uint64
    float64 = float_ = float
    int_ = int
    boolean = bool_ = bool

Scalar.__module__ = "jitd.types"
SUPPORTED = "int, float, bool, jitd.int8 ... jitd.uint64, jitd.float32, jitclasses and Optional[a jitclass]"


class Py:
    """As a field's annotation, `jitd.Py` or `jitd.Py[T]`: a Python field for good, the very object that is assigned, kept beside the
    instance in its process."""

    def __class_getitem__(cls, item: Any) -> Any:
        return _PyOf(item)


class _PyOf:
    __slots__ = ("item",)

    def __init__(self, item: Any) -> None:
        self.item = item

    def __repr__(self) -> str:
        return f"jitd.Py[{getattr(self.item, '__name__', self.item)}]"

    def __call__(self, *args: Any) -> None:
        raise TypeError("jitd.Py is an annotation")

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _PyOf) and self.item == other.item

    def __hash__(self) -> int:
        return hash(self.item)


ASKED = "its annotation asks for that"  # why it is one
SLIGHT = "it does little else than what Python does with this object"  # server/compiler/infer_region.c: why a function is Python's for callers in Python


def is_py(annotation: Any) -> bool:
    """Whether an annotation asks for a Python field."""
    return annotation is Py or isinstance(annotation, _PyOf)


def unwrap(annotation: Any) -> Any:
    """The annotation inside Annotated[...] and Final[...]."""
    while True:
        kind = type(annotation).__name__
        if kind == "_AnnotatedAlias":
            annotation = annotation.__origin__
        elif kind == "_GenericAlias" and repr(annotation.__origin__) == "typing.Final":
            annotation = annotation.__args__[0]
        else:
            return annotation


def resolve_other(annotation: Any, evaluate: Callable[[str], Any]) -> Resolved | None:
    """What declare.resolve_type does not resolve itself; the same result."""
    inside = unwrap(annotation)
    if type(inside).__name__ == "ForwardRef":
        inside = inside.__forward_arg__
    if inside is not annotation:
        return resolve_type(inside, evaluate)
    if isinstance(annotation, Scalar):
        return annotation.name
    if annotation is type(None):
        return "None"
    if getattr(annotation, "__origin__", None) is tuple:
        args = annotation.__args__
        items: list[Any] = [resolve_type(a, evaluate) for a in args if a != ()]
        return None if None in items or Ellipsis in args else items
    return None


def shown(annotation: object) -> str:
    """For people: what an annotation is called in an error message."""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not hasattr(annotation, "__origin__"):
        return annotation.__name__
    return repr(annotation).replace("typing.", "")


class Items(str):
    """"py", and what it most likely is: a list or set and what its items are, or a dict and what its keys and values are."""

    __slots__ = ("items", "kind")
    items: tuple[Resolved, ...]
    kind: str

    def __new__(cls, kind: str, *items: Resolved) -> Items:
        made = super().__new__(cls, "py")
        made.kind, made.items = kind, items
        return made


_LIKELY = ("int", "float", "bool")
_MOST = 4  # lists and tuples in each other, and parts of a tuple: what has more is any object


def _item(annotation: Any, evaluate: Callable[[str], Any], depth: int) -> Resolved:
    """What a list's items most likely are: numbers, instances, tuples of such, lists; "py": who knows."""
    try:
        resolved = resolve_type(annotation, evaluate)
    except Exception:  # it is a hint, and no more
        return "py"
    if resolved is None:
        return likely(annotation, evaluate, depth + 1)
    return resolved if _is_seen(resolved) else "py"


def _is_seen(resolved: Resolved, depth: int = 1) -> bool:
    if isinstance(resolved, list):
        return depth < _MOST and 0 < len(resolved) <= 2 * _MOST and all(_is_seen(item, depth + 1) for item in resolved)
    return isinstance(resolved, tuple) or resolved in _LIKELY


def likely(annotation: Any, evaluate: Callable[[str], Any], depth: int = 0) -> Resolved:
    """The resolved type of what has no native one: "py", or what is known of a list."""
    try:
        for _ in range(_MOST):
            annotation = evaluate(annotation) if isinstance(annotation, (str, Later)) else annotation  # type: ignore[arg-type]
    except Exception:
        return "py"
    inside = unwrap(annotation)
    inside = inside.item if isinstance(inside, _PyOf) else inside
    kind = getattr(inside, "__origin__", inside)
    if kind not in (list, set, dict) or depth >= _MOST:
        return "py"
    args, n = getattr(inside, "__args__", ()), 2 if kind is dict else 1
    items = [_item(arg, evaluate, depth) for arg in args] if len(args) == n else ["py"] * n
    return Items(kind.__name__, *items)


def _of_list(value: list[Any], depth: int) -> Resolved:
    """As its first item is."""
    item = of_value(value[0], depth + 1) if value and depth < _MOST else "py"
    return Items("list", item) if item == "py" or _is_seen(item) else "py"


def of_value(value: Any, depth: int = 0) -> Resolved:
    """The resolved type of an argument."""
    kind = type(value)
    if kind in SCALARS:
        return SCALARS[kind]
    if value is None:
        return "None"
    if kind is tuple and depth < 8 and len(value) <= 64:
        items: list[Any] = [of_value(item, depth + 1) for item in value]
        return "py" if "py" in items else items
    if kind is list:
        return _of_list(value, depth)
    return (kind, False) if is_jitclass(kind) else "py"
