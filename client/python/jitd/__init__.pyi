# What type checkers see of the package: a jitclass is a dataclass, jit and the hints leave a function's type as it is.

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, overload

from typing_extensions import TypeAlias, TypeVar, dataclass_transform

from jitd.errors import CompileError as CompileError, CompileWarning as CompileWarning, ReleasedError as ReleasedError, RemoteError as RemoteError
from jitd.insight import explain as explain, inspect_asm as inspect_asm, inspect_llvm as inspect_llvm, stats as stats
from jitd.objects import ctype as ctype, gc as gc, layout as layout, lookup as lookup, publish as publish, tobytes as tobytes
from jitd.types import (
    bool_ as bool_,
    boolean as boolean,
    float32 as float32,
    float64 as float64,
    float_ as float_,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    int8 as int8,
    int_ as int_,
    intp as intp,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
    uint8 as uint8,
    uintp as uintp,
)

__version__: str

_C = TypeVar("_C", bound=type)
_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_P = TypeVar("_P", default=Any)
Py: TypeAlias = Annotated[_P, "a Python field"]
_Spec: TypeAlias = Mapping[str, Any] | Sequence[tuple[str, Any]]

@overload
@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
def jitclass(
    cls_or_spec: _C,
    spec: _Spec | None = None,
    *,
    init: bool = True,
    repr: bool = True,
    eq: bool = False,
    order: bool = False,
    unsafe_hash: bool = False,
    frozen: bool = False,
    kw_only: bool = False,
    match_args: bool = True,
    strict: bool = False,
    overflow: Literal["python", "wrap"] = "python",
    fastmath: bool = False,
    boundscheck: bool = True,
    nogil: bool = False,
    type_key: str | None = None,
) -> _C: ...
@overload
@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
def jitclass(
    cls_or_spec: _Spec | None = None,
    spec: _Spec | None = None,
    *,
    init: bool = True,
    repr: bool = True,
    eq: bool = False,
    order: bool = False,
    unsafe_hash: bool = False,
    frozen: bool = False,
    kw_only: bool = False,
    match_args: bool = True,
    strict: bool = False,
    overflow: Literal["python", "wrap"] = "python",
    fastmath: bool = False,
    boundscheck: bool = True,
    nogil: bool = False,
    type_key: str | None = None,
) -> Callable[[_C], _C]: ...
@overload
def jit(function: _F) -> _F: ...
@overload
def jit(
    function: None = None,
    *,
    strict: bool = False,
    overflow: Literal["python", "wrap"] = "python",
    fastmath: bool = False,
    boundscheck: bool = True,
    nogil: bool = False,
) -> Callable[[_F], _F]: ...
@overload
def jit_focus(target: _T, *, signatures: Sequence[Sequence[Any]] | None = None, sample_args: Sequence[Any] | None = None) -> _T: ...
@overload
def jit_focus(
    target: None = None, *, signatures: Sequence[Sequence[Any]] | None = None, sample_args: Sequence[Any] | None = None
) -> Callable[[_T], _T]: ...
@overload
def jit_ignore(target: _T) -> _T: ...
@overload
def jit_ignore(target: None = None) -> Callable[[_T], _T]: ...
@overload
def jit_once(target: _T) -> _T: ...
@overload
def jit_once(target: None = None) -> Callable[[_T], _T]: ...
