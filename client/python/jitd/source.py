"""The source of a function, and the proof that it is the source of the running code. Only read when something must be compiled."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_CODE = type((lambda: None).__code__)
_ONLY_AST = 0x400  # PyCF_ONLY_AST
_KEPT = 4
_files: dict[str, Any] = {}  # file name -> (signature, _File or NoSource) of the last few


class NoSource(Exception):
    """Why there is none."""


def _plain_lines(name: str) -> list[str] | None:
    """A UTF-8 file's lines. linecache would import tokenize and re, which takes longer than compiling a small class."""
    try:
        with open(name, encoding="utf-8") as file:
            lines = file.readlines()
    except (OSError, ValueError):
        return None
    if not lines or any("coding" in line for line in lines[:2]):
        return None
    lines[0] = lines[0].removeprefix("\ufeff")
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines


def _lines(name: str, module_globals: dict[str, Any]) -> list[str]:
    lines = _plain_lines(name)
    if lines is None:  # a declared encoding, a notebook's cell, a zip file's member
        import linecache

        linecache.checkcache(name)
        lines = linecache.getlines(name, module_globals)
    return lines


def _why_unreadable(name: str) -> str:
    if name.startswith("<"):  # as python -c, exec() and the prompt call it
        return f"its source is in no file that could be read ({name})"
    if not os.path.exists(name):
        return f"its source cannot be read: there is no {name}"
    return f"its source cannot be read: {name} is no text in its encoding, or may not be read"


def _why_other(code: CodeType) -> str:
    """Why the file's code of that place is not the running one."""
    if any(name.startswith("@py") for name in code.co_names + code.co_varnames):
        return "its assertions were rewritten by pytest"
    if code.co_filename.startswith("<"):
        return f"its source cannot be found: {code.co_filename} is the name of other code"
    return "its source file has changed since import, or an import hook has rewritten the code"


class _File:
    def __init__(self, name: str, module_globals: dict[str, Any]) -> None:
        self.lines = _lines(name, module_globals)
        if not self.lines:
            raise NoSource(_why_unreadable(name))
        text = "".join(self.lines)
        try:
            self.functions, self.asserts = _functions(compile(text, name, "exec", _ONLY_AST, dont_inherit=True))
            self.codes = _codes(compile(text, name, "exec", 0, dont_inherit=True))
        except (SyntaxError, ValueError, RecursionError) as error:
            raise NoSource(f"its source file has changed since import ({error})") from None


def _functions(tree: Any) -> tuple[dict[Any, Any], list[int]]:
    """{(first line, name): last line} of all functions; the first line is the first decorator's, as in code objects. And the lines
    of all asserts."""
    found: dict[Any, Any] = {}
    asserts: list[int] = []
    todo = [tree]
    for node in todo:
        if type(node).__name__ in ("FunctionDef", "AsyncFunctionDef"):
            first = min([node.lineno] + [d.lineno for d in node.decorator_list])
            found.setdefault((first, node.name), node.end_lineno)
        elif type(node).__name__ == "Assert":
            asserts.append(node.lineno)
        for block in ("body", "orelse", "handlers", "finalbody", "cases"):  # statements: there is no def in an expression
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                todo.extend(statements)
    return found, asserts


def _codes(code: CodeType) -> dict[Any, list[CodeType]]:
    found: dict[Any, list[CodeType]] = {}
    todo = [code]
    for one in todo:
        found.setdefault((one.co_firstlineno, one.co_name), []).append(one)
        todo.extend(c for c in one.co_consts if type(c) is _CODE)
    return found


def _signature(name: str) -> tuple[int, int] | None:
    try:
        status = os.stat(name)
        return status.st_mtime_ns, status.st_size
    except OSError:
        return None  # a notebook's cell, a zip file's member


def _file(name: str, module_globals: dict[str, Any]) -> _File:
    signature = _signature(name)
    known = _files.get(name)
    if known is None or known[0] != signature:
        for old in list(_files)[: max(len(_files) - _KEPT + 1, 0)]:
            _files.pop(old, None)
        try:
            _files[name] = known = signature, _File(name, module_globals)
        except NoSource as error:
            _files[name] = known = signature, error
    if isinstance(known[1], NoSource):
        raise known[1]
    return known[1]


def find(func: Any) -> tuple[int, str]:
    """(first line, source text) of a function's whole lines, decorators included. NoSource when there is none."""
    made = func.__dict__.get("__jitd_source__")
    if made is not None:
        return 1, made
    code = func.__code__
    file = _file(code.co_filename, func.__globals__)
    place = (code.co_firstlineno, code.co_name)
    last = file.functions.get(place)
    if last is None or code not in file.codes.get(place, ()):
        raise NoSource(_why_other(code))
    if not __debug__ and any(place[0] <= line <= last for line in file.asserts):
        raise NoSource("assert is not compiled under python -O")
    return place[0], "".join(file.lines[place[0] - 1 : last])
