"""CPython's syntax tree in the text form of jitd-cc --dump=ast (server/compiler/dump.h), and the tool in batches.

The oracle's fields come from the ast module itself, not from the compiler's list of nodes."""

import ast
import json
import os
import pathlib
import re
import subprocess
import sys
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME_LISTS = {"kwd_attrs"}  # lists of plain names; and names of global and nonlocal
LEFT_OUT = {"type_comment", "type_ignores"}  # comments: CPython fills them only when asked


def compiler():
    """The jitd-cc to test: $JITD_CC, or the build tree's."""
    build = pathlib.Path(os.environ.get("JITD_BUILD") or ROOT / "build")
    path = os.environ.get("JITD_CC") or build / "server" / "tool" / "jitd-cc"
    assert os.access(path, os.X_OK), f"{path}: build first, or set JITD_CC"
    return str(path)


def constant(value):
    if value is None or value is True or value is False:
        return str(value)
    if value is ...:
        return "..."
    kind = type(value)
    if kind is int:
        return hex(value)
    if kind is float:
        return "float %.17g" % value
    if kind is complex:
        assert value.real == 0
        return "complex %.17g" % value.imag
    if kind is bytes:
        return "b" + json.dumps(value.decode("latin-1"))
    return json.dumps(value)


def scalar(name, value):
    """One field as text, or None for one that holds nodes."""
    if isinstance(value, (ast.operator, ast.unaryop, ast.boolop, ast.expr_context)):
        return type(value).__name__
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, list) and (name in NAME_LISTS or (value and isinstance(value[0], (str, ast.cmpop)))):
        return ",".join(v if isinstance(v, str) else type(v).__name__ for v in value)
    return None


def write(node, label, depth, lines, keep):
    """Appends the lines of the node. `keep`: with positions."""
    pad = " " * depth + label
    cls = type(node)
    line = pad + cls.__name__
    if keep and "lineno" in cls._attributes:
        line += f" {node.lineno}:{node.col_offset}-{node.end_lineno}:{node.end_col_offset}"
    if cls is ast.JoinedStr and sys.version_info < (3, 12):
        keep = False  # before 3.12 positions inside an f-string are wrong (bpo-35212)
    children = []
    for name in cls._fields:
        value = getattr(node, name, None)
        if cls in (ast.Constant, ast.MatchSingleton) and name == "value" or name == "str":
            line += f" {name}={constant(value)}"
        elif value is None or name in LEFT_OUT:
            pass
        elif isinstance(value, ast.AST) and value._fields:
            children.append((name + " ", value))
        elif (text := scalar(name, value)) is not None:
            line += f" {name}={text}"
        elif cls is ast.JoinedStr and sys.version_info < (3, 13):
            # 3.12 keeps empty pieces of format specs
            children.extend((name + " ", item) for item in value if not (type(item) is ast.Constant and item.value == ""))
        elif type(value) is list:
            children.extend((name + " ", item) for item in value)
    if cls in (ast.Import, ast.ImportFrom) and "is_lazy" not in cls._fields:
        line += " is_lazy=0"  # before 3.15
    lines.append(line)
    for name, child in children:
        if child is None:
            lines.append(" " * (depth + 1) + name + "None")
        else:
            write(child, name, depth + 1, lines, keep)


def dump(tree):
    lines = []
    write(tree, "", 0, lines, True)
    return lines


POSITION = re.compile(r"^( *(?:\w+ )?\w+) \d+:\d+-\d+:\d+")


def parse(source):
    """CPython's tree, or the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            return error


def run_batch(paths, *options):
    """jitd-cc's dump of each file: lists of lines, or the text of the refusal. A crash is an error here."""
    paths = [str(p) for p in paths]
    done = subprocess.run([compiler(), "--dump=ast", *options, *paths, os.devnull], capture_output=True, timeout=1200)
    assert done.returncode in (0, 1) and not done.stderr, f"{done.returncode} {done.stderr.decode()[:2000]} in {paths}"
    result, lines = {}, []
    for line in done.stdout.decode("utf-8", "surrogatepass").split("\n"):
        if line.startswith("== "):
            lines = result[line[3:]] = []
        else:
            lines.append(line)
    assert set(result) == {*paths, os.devnull}
    for path, lines in result.items():
        if lines and lines[-1] == "":
            lines.pop()
        if lines[0].startswith("error: "):
            result[path] = "\n".join(lines)
    return [result[path] for path in paths]


def same_line(ours, theirs):
    """Whether two lines say the same: where CPython's has no position (write() leaves wrong ones out), ours is not looked at."""
    return ours == theirs or (sys.version_info < (3, 12) and POSITION.sub(r"\1", ours) == theirs)


def first_difference(ours, theirs):
    """None, or both lines where the two dumps part."""
    if ours == theirs:
        return None
    for a, b in zip(ours, theirs):
        if not same_line(a, b):
            at = max(0, next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), 0) - 60)
            return f"\n    jitd:    {a[at : at + 120]}\n    CPython: {b[at : at + 120]}"
    return None if len(ours) == len(theirs) else f"\n    {len(ours)} lines against {len(theirs)}"
