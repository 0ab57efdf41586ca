"""The rest of a call: where compiled code meets a guard that fails in the middle of a function, Python goes on from that very point.

make() builds the function that goes on from a site. A site is an expression whose value is given, the head of a loop, the beginning of a
statement, the start or the end. What was evaluated before it and is still needed is handed over: locals by name, operands by source position. The tree of the
function is walked down to the site; on the way evaluated operands become what is handed over, what is decided is dropped (the left of
and/or, the test of a conditional), and the following statements of each enclosing block are kept. A loop that is under way becomes

    for _ in (None,): the rest of this turn
    else: the loop from its iterator, or the while statement again

in which continue, break and the loop's else mean what they mean in the source. An exception is raised once more in the place of the statement
that raised it, within the tries that it stands in. Positions stay those of the file, so that a traceback
does. Names that are added have a dot in them, which no name of a source has. Only read when something must go on in Python.
"""

from __future__ import annotations

import __future__

import ast
import builtins
import functools
import itertools
import operator
import sys
from types import CodeType, FunctionType
from typing import Any

from jitd import _jitd, source

_KEPT = 8
_NO_FUNCTION = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
_FUTURE: int = functools.reduce(operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))
_READERS = {"locals", "vars", "dir", "eval", "exec"}  # they see all locals, and those that were added
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_CHOICES = (ast.BoolOp, ast.IfExp)
_CONDITIONS = (*_CHOICES, ast.If, ast.While, ast.Assert, ast.comprehension)
_TAKERS = {"sum", "any", "all", "min", "max", "sorted", "list", "tuple", "set", "dict", "frozenset"}  # server/compiler/resolve.c
_RAISED = ("raised", "called")
_BIG_DISPLAY = 15  # longer dicts and sets are made in several steps
_known: dict[int, tuple[CodeType, _Source]] = {}  # the last few, by id of the code


class Unsupported(Exception):
    """Why there is no way to go on from there."""


class _Unbound:
    def __repr__(self) -> str:
        return "jitd.resume.UNBOUND"


UNBOUND = _Unbound()  # is handed over for a local without a value


class _Again:
    """An iterable of one use, whose iterator is one that is under way: its own __iter__ is not called again, and may be missing."""

    def __init__(self, iterator: Any) -> None:
        self.iterators = [iterator]

    def __iter__(self) -> Any:
        return self.iterators.pop()


def _some(value: Any) -> list[Any]:
    """What sum(), min(), ... have so far, which may be nothing."""
    return [] if value is None else [value]


def _made(kind: Any, like: ast.AST, **fields: Any) -> Any:
    """A node at the position of another one."""
    return ast.copy_location(kind(**fields), like)


def _changed(node: ast.AST, **fields: Any) -> Any:
    """The node with other fields: trees are shared, and never changed in place."""
    return _made(type(node), node, **{**dict(ast.iter_fields(node)), **fields})


def _name(name: str, like: ast.AST, context: Any = ast.Load) -> Any:
    return _made(ast.Name, like, id=name, ctx=context())


def _filled(body: list[Any], like: ast.AST) -> list[Any]:
    """A block of these statements, of which there may be none."""
    return body or [_made(ast.Pass, like)]


def _span(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


# ---- what is known of a function's source ----


def _own_nodes(body: list[Any]) -> list[Any]:
    """The nodes of these statements' own scope. Of functions and classes in it only what is evaluated here; of comprehensions what may bind
    a name here, and what is evaluated here."""
    found: list[Any] = []
    todo = list(body)
    while todo:
        node = todo.pop()
        found.append(node)
        if isinstance(node, _FUNCTIONS):
            todo += [*getattr(node, "decorator_list", ()), *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif isinstance(node, ast.ClassDef):
            todo += [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, _COMPREHENSIONS):
            todo.append(node.generators[0].iter)
            found += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
        else:
            todo += ast.iter_child_nodes(node)
    return found


def _binds(node: Any) -> list[str]:
    """The names that this very node binds."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.NamedExpr):
        return [node.target.id]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return []


def _class_name(qualified: str) -> str | None:
    """The class whose private names a function's are: the innermost that encloses it."""
    parts = qualified.split(".")[:-1]
    while parts:
        part = parts.pop()
        if part != "<locals>":
            return part
        if parts:
            parts.pop()
    return None


def _all_names(code: CodeType) -> set[str]:
    names = {*code.co_names, *code.co_varnames, *code.co_cellvars, *code.co_freevars}
    return names.union(*(_all_names(c) for c in code.co_consts if isinstance(c, CodeType)))


def _parse(func: Any, given: tuple[int, str] | None) -> tuple[Any, list[str], int]:
    """The tree of a function with the positions of its file, the lines of its text, and the number of the first."""
    code = func.__code__
    try:
        first, text = given or source.find(func)
        wrapped = text[0] in " \t\f"
        flags = ast.PyCF_ONLY_AST | code.co_flags & _FUTURE
        module: Any = compile("if 1:\n" + text if wrapped else text, code.co_filename, "exec", flags, True)
    except (source.NoSource, SyntaxError, ValueError, RecursionError) as error:
        raise Unsupported(str(error)) from None
    node = (module.body[0] if wrapped else module).body[0]
    ast.increment_lineno(node, first - 1 - wrapped)
    return node, text.splitlines(keepends=True), first


class _Source:
    """A function's tree, and what stands where in it."""

    def __init__(self, func: Any, given: tuple[int, str] | None) -> None:
        self.code: CodeType = func.__code__
        if self.code.co_flags & _NO_FUNCTION:
            raise Unsupported("generators and coroutines have a state of their own")
        self.node, self.lines, self.first = _parse(func, given)
        self.class_name = _class_name(getattr(self.code, "co_qualname", func.__qualname__))
        self.parents: dict[ast.AST, ast.AST] = {}
        self.places: dict[Any, list[Any]] = {}
        self.targets: dict[tuple[int, ...], Any] = {}  # items and attributes that are stored to
        for statement in self.node.body:
            self.enter(statement, self.node, False)
        self.names()
        self.closures()

    def enter(self, node: Any, parent: ast.AST, formatted: bool) -> None:
        """Notes where a node and those below it stand. Contexts and operators are shared between nodes, and not noted."""
        if isinstance(node, (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)):
            return
        self.parents[node] = parent
        if isinstance(node, ast.comprehension):  # has no position of its own
            first, last = node.target, node.iter
            node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = *_span(first)[:2], *_span(last)[2:]  # type: ignore[attr-defined]
        kind = self.kind(node, parent)
        if isinstance(getattr(node, "ctx", None), ast.Store) and isinstance(node, (ast.Attribute, ast.Subscript)):
            self.targets[_span(node)] = node
        if kind and not (formatted and self.misplaced(node)):
            self.places.setdefault((kind, *_span(node)), []).append(node)
        for child in ast.iter_child_nodes(node):
            self.enter(child, node, formatted or isinstance(node, ast.FormattedValue))

    def kind(self, node: Any, parent: ast.AST) -> str | None:
        if isinstance(node, ast.stmt):
            return "loop" if isinstance(node, (ast.For, ast.While)) else "statement"
        if isinstance(node, ast.comprehension):
            return "loop"
        if not isinstance(node, ast.expr) or isinstance(node, (ast.FormattedValue, ast.Starred)):
            return None
        if isinstance(parent, ast.JoinedStr):  # a piece of text, which before 3.12 has the place of the whole
            return None
        loaded = isinstance(getattr(node, "ctx", None) or ast.Load(), ast.Load)
        return "value" if loaded or isinstance(parent, ast.AugAssign) else None

    def misplaced(self, node: Any) -> bool:
        """Before 3.12 the parser is sometimes wrong about the position of what is in an f-string."""
        if sys.version_info >= (3, 12):
            return False
        lines = [line.encode() for line in self.lines[node.lineno - self.first : node.end_lineno - self.first + 1]]
        if not lines:
            return True
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        try:
            there: Any = compile(b"(" + b"".join(lines) + b"\n)", "", "eval", ast.PyCF_ONLY_AST, True)
        except (SyntaxError, ValueError):
            return True
        return ast.dump(there.body) != ast.dump(node)

    def names(self) -> None:
        """Which names are locals, and which are bound elsewhere from here or in the middle of an expression."""
        own = _own_nodes(self.node.body)
        args = self.node.args
        arguments = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
        self.declared = [n for n in own if isinstance(n, (ast.Global, ast.Nonlocal))]
        self.outside = {name for n in self.declared for name in n.names}
        bound = [a.arg for a in arguments if a] + [name for node in own for name in _binds(node)]
        self.locals = [name for name in dict.fromkeys(bound) if name not in self.outside]
        if strange := set(map(self.private, self.locals)).difference(self.code.co_varnames, self.code.co_cellvars):
            raise Unsupported(f"{min(strange)} is no local of the code")
        self.in_expressions = {n.target.id for n in own if isinstance(n, ast.NamedExpr)}
        self.receiver = next((a.arg for a in args.posonlyargs + args.args), None)
        loads = {n.id for n in ast.walk(self.node) if isinstance(n, ast.Name)}
        if found := loads & _READERS - set(self.locals):
            raise Unsupported(f"{min(found)}() sees all locals")

    def closures(self) -> None:
        """A local that changes, and that a function sees which was made before, has a cell that is not handed over."""
        bound = {name for s in self.node.body for n in ast.walk(s) for name in _binds(n)}
        bound |= {name for n in ast.walk(self.node) if isinstance(n, ast.Nonlocal) for name in n.names}
        changing = {name for name in self.code.co_cellvars if name in {*bound, *map(self.private, bound)}}
        for node in ast.walk(self.node) if changing else ():
            lasts = isinstance(node, (*_FUNCTIONS, ast.ClassDef)) or isinstance(node, ast.GeneratorExp) and not self.at_once(node)
            if lasts and node is not self.node and any(isinstance(n, ast.Name) and self.private(n.id) in changing for n in ast.walk(node)):
                raise Unsupported("a function in it sees a local that changes")

    def at_once(self, generator: Any) -> bool:
        """Whether a built-in function takes all of it, and is done with it when it returns."""
        call = self.parents.get(generator)
        if not isinstance(call, ast.Call) or call.args[:1] != [generator]:
            return False
        func = call.func
        if isinstance(func, ast.Attribute):  # "".join(...)
            return func.attr == "join" and isinstance(func.value, ast.Constant) and isinstance(func.value.value, str) and len(call.args) == 1
        if not isinstance(func, ast.Name) or func.id in self.locals or func.id not in _TAKERS:
            return False
        return len(call.args) == 1 or func.id == "sum" and len(call.args) == 2

    def private(self, name: str) -> str:
        """A name as the compiler spells it."""
        own = (self.class_name or "").lstrip("_")
        return f"_{own}{name}" if own and name.startswith("__") and not name.endswith("__") else name

    def statement(self, span: tuple[int, ...]) -> Any:
        return self.at("loop" if ("loop", *span) in self.places else "statement", span)

    def around(self, span: tuple[int, ...]) -> Any:
        """The innermost statement that holds this place."""
        first, last = span[:2], span[2:]
        found = [node for node in self.parents if isinstance(node, ast.stmt) and _span(node)[:2] <= first and last <= _span(node)[2:]]
        if not found:
            raise Unsupported(f"no statement is around {span}")
        return max(found, key=lambda node: (_span(node)[:2], [-at for at in _span(node)[2:]]))

    def comprehensions(self, where: list[Any]) -> list[Any]:
        """In whose scope the expression is, innermost first."""
        found: list[Any] = []
        node: Any = self.places.get(("value", *where[1:]), [None])[0]
        while node in self.parents:
            parent: Any = self.parents[node]
            if isinstance(parent, ast.comprehension):
                around: Any = self.parents[parent]
                if node is not around.generators[0].iter:
                    found.append(around)
            elif isinstance(parent, _COMPREHENSIONS) and not isinstance(node, ast.comprehension):
                found.append(parent)
            node = parent
        return found

    def at(self, kind: str, span: tuple[int, ...]) -> Any:
        found = self.places.get((kind, *span), [])
        if len(found) != 1:
            raise Unsupported(f"{len(found)} nodes are a {kind} at {span}")
        return found[0]


def _source_of(func: Any, given: tuple[int, str] | None = None) -> _Source:
    code = func.__code__
    known = _known.get(id(code))
    if known is None:
        for old in list(_known)[: max(len(_known) - _KEPT + 1, 0)]:
            _known.pop(old, None)
        _known[id(code)] = known = code, _Source(func, given)
    return known[1]


# ---- what is left of a function ----

_ORDER: dict[type[Any], tuple[str, ...]] = {  # nodes that evaluate all their operands, in CPython's order
    ast.Attribute: ("value",), ast.BinOp: ("left", "right"), ast.Call: ("func", "args", "keywords"), ast.Expr: ("value",),
    ast.FormattedValue: ("value", "format_spec"), ast.JoinedStr: ("values",), ast.List: ("elts",), ast.NamedExpr: ("value",),
    ast.Raise: ("exc", "cause"), ast.Return: ("value",), ast.Set: ("elts",), ast.Slice: ("lower", "upper", "step"),
    ast.Starred: ("value",), ast.Subscript: ("value", "slice"), ast.Tuple: ("elts",), ast.UnaryOp: ("operand",),
    ast.keyword: ("value",),
}  # fmt: skip


def _target_names(target: Any) -> list[Any]:
    """The names in a comprehension's target, in order."""
    return [target] if isinstance(target, ast.Name) else [name for part in target.elts for name in _target_names(part)]


def _binds_all(loop: Any) -> list[str]:
    return [name.id for name in _target_names(loop.target)]


class _Rest:
    """Makes what is left of a function from a site on. The methods for a node give what is left of it; a statement's is a list."""

    def __init__(self, known: _Source, site: Any, certain: set[str], operands: list[list[Any]], where: str, line: int) -> None:
        self.known, self.site, self.certain = known, site, certain
        self.whole, self.behind, self.raised = where == "statement", where == "behind", where in _RAISED
        self.line = line
        self.numbers: dict[Any, int] = {}
        for kind, *span in operands:
            self.numbers["value" if kind == "object" else kind, tuple(span)] = len(self.numbers)
        self.where = where
        if len(self.numbers) != len(operands):
            raise Unsupported("an operand is handed over twice")
        self.used: set[int] = set()
        self.hidden: set[str] = set()  # names of the comprehensions that hold the site
        self.path: set[ast.AST] = set()
        while site is not None:
            self.path.add(site)
            site = known.parents.get(site)

    def taken(self, kind: str, node: Any) -> str | None:
        """The name under which this operand is handed over, if it is."""
        number = self.numbers.get((kind, _span(node)))
        if number is None or kind == "value" and self.known.places.get((kind, *_span(node))) != [node]:
            return None
        if number in self.used:
            raise Unsupported(f"the {kind} at {_span(node)} is needed twice")
        self.used.add(number)
        return f"resume.{number}"

    def needed(self, kind: str, node: Any) -> str:
        name = self.taken(kind, node)
        if name is None:
            raise Unsupported(f"the {kind} at {_span(node)} is not handed over")
        return name

    def given(self, name: str, like: ast.AST) -> Any:
        """Takes an operand's value out of the list in which it waits: once it is used, nothing holds it here."""
        pop = _made(ast.Attribute, like, value=_name(name, like), attr="pop", ctx=ast.Load())
        return _made(ast.Call, like, func=pop, args=[], keywords=[])

    def index(self, nodes: list[Any]) -> int | None:
        return next((index for index, node in enumerate(nodes) if node in self.path), None)

    # ---- what is evaluated already ----

    def done(self, node: Any, called: bool = False) -> Any:
        span = hasattr(node, "lineno") and not isinstance(node, (ast.FormattedValue, ast.Starred, ast.keyword))
        name = self.taken("value", node) if span else None
        if name:
            return self.given(name, node)
        kind = _DONE.get(type(node))
        if kind is None:
            raise Unsupported(f"{type(node).__name__} at {_span(node)} is evaluated, and not handed over")
        return kind(self, node, called)

    def done_Constant(self, node: Any, called: bool) -> Any:
        return node

    def done_Name(self, node: Any, called: bool) -> Any:
        """A global stays; a local only if it is what it was."""
        local = node.id in self.known.locals and node.id not in self.hidden
        if node.id in self.known.outside or local and (node.id not in self.certain or node.id in self.known.in_expressions):
            raise Unsupported(f"{node.id} at {_span(node)} is evaluated, and not handed over")
        return node

    def done_Attribute(self, node: Any, called: bool) -> Any:
        """A method of what is handed over, or an attribute of a module or class."""
        before = len(self.used)
        value = self.done(node.value)
        if len(self.used) != before and not called:
            raise Unsupported(f"{node.attr} at {_span(node)} is evaluated, and not handed over")
        return _changed(node, value=value)

    def done_Call(self, node: Any, called: bool) -> Any:
        """super() can be called again."""
        known = self.known
        is_super = isinstance(node.func, ast.Name) and node.func.id == "super" and "super" not in known.locals
        if not is_super or node.args or node.keywords or "__class__" not in known.code.co_freevars:
            raise Unsupported(f"a call at {_span(node)} is evaluated, and not handed over")
        return node

    def done_UnaryOp(self, node: Any, called: bool) -> Any:
        if not isinstance(node.operand, ast.Constant):
            raise Unsupported(f"UnaryOp at {_span(node)} is evaluated, and not handed over")
        return node

    def done_parts(self, node: Any, called: bool) -> Any:
        """Slices, keywords, and texts in f-strings, which compiled code only makes of what has no other text later."""
        if isinstance(node, ast.keyword) and node.arg is None:
            raise Unsupported(f"**{ast.unparse(node.value)} is evaluated, and not handed over")
        parts: dict[str, Any] = {}
        for field in _ORDER[type(node)]:
            value = getattr(node, field)
            parts[field] = [self.done(v) for v in value] if isinstance(value, list) else value and self.done(value)
        return _changed(node, **parts)

    # ---- expressions that hold the site ----

    def expression(self, node: Any) -> Any:
        if node is self.site:
            return self.of_callee(self.given(self.needed("value", node), node), node)
        kind = _EXPRESSIONS.get(type(node))
        if kind is None:
            raise Unsupported(f"the site is in a {type(node).__name__}")
        return kind(self, node)

    def of_callee(self, value: Any, node: Any) -> Any:
        """What the site's value is of what __eq__ or __len__ gave."""
        if self.where == "negated":
            return _made(ast.UnaryOp, node, op=ast.Not(), operand=value)
        return self.called("resume.len", node, [self.called("resume.length", node, [value])]) if self.where == "length" else value

    def strict(self, node: Any) -> Any:
        """A node that evaluates all its operands: those before the site are done, those after it are as they are."""
        parts: dict[str, Any] = {}
        for field in _ORDER[type(node)]:
            value = getattr(node, field)
            if isinstance(value, list):
                index = self.index(value)
                parts[field] = [self.done(v) for v in value[:index]]
                if index is not None:
                    parts[field] += [self.expression(value[index]), *value[index + 1 :]]
                    break
            elif value in self.path:
                parts[field] = self.expression(value)
                break
            elif value is not None:
                parts[field] = self.done(value, field == "func")
        return _changed(node, **parts)

    def display(self, node: Any) -> Any:
        if len(node.elts) > _BIG_DISPLAY:
            raise Unsupported("the site is in a long display")
        return self.strict(node)

    def mapping(self, node: Any) -> Any:
        keys, values = list(node.keys), list(node.values)
        if len(keys) > _BIG_DISPLAY:
            raise Unsupported("the site is in a long display")
        for index, (key, value) in enumerate(zip(keys, values)):
            if key in self.path:
                keys[index] = self.expression(key)
                break
            keys[index] = key and self.done(key)
            if value in self.path:
                values[index] = self.expression(value)
                break
            if key is None:
                raise Unsupported(f"**{ast.unparse(value)} is evaluated, and not handed over")
            values[index] = self.done(value)
        return _changed(node, keys=keys, values=values)

    def choice(self, node: Any) -> Any:
        index = self.index(node.values) or 0
        values = [self.expression(node.values[index]), *node.values[index + 1 :]]
        return values[0] if len(values) == 1 else _changed(node, values=values)

    def conditional(self, node: Any) -> Any:
        if node.test in self.path:
            return _changed(node, test=self.expression(node.test))
        return self.expression(node.body if node.body in self.path else node.orelse)

    def comparison(self, node: Any) -> Any:
        """Of a chain the comparisons before the site are done, and were true."""
        index = self.index(node.comparators)
        if index is None:
            return _changed(node, left=self.expression(node.left))
        left = self.done(node.comparators[index - 1] if index else node.left)
        rights = [self.expression(node.comparators[index]), *node.comparators[index + 1 :]]
        return _changed(node, left=left, ops=node.ops[index:], comparators=rights)

    def comprehension(self, node: Any) -> Any:
        """Its first iterable is evaluated before it begins. Of a list comprehension that is under way: the list so far, the rest of this
        turn, and the turns that are left."""
        first, *others = node.generators
        so_far = self.taken("list", node)
        if first.iter in self.path:
            first = ast.comprehension(first.target, self.expression(first.iter), first.ifs, first.is_async)
            rest = [_changed(node, generators=[first, *others])]
            if not isinstance(node, ast.ListComp):
                return rest[0]
        elif so_far is None:
            raise Unsupported("the site is in a comprehension")
        elif not isinstance(node, ast.ListComp):
            return self.adding(node, so_far)
        else:
            rest = self.turns_left(node)
        parts = rest if so_far is None else [self.given(so_far, node), *rest]
        starred = [_made(ast.Starred, node, value=part, ctx=ast.Load()) for part in parts]
        return _made(ast.List, node, elts=starred, ctx=ast.Load()) if so_far else rest[0]

    def adding(self, node: Any, so_far: str) -> Any:
        """[what is left, adding to what there is so far, ..., that][-1]"""
        parts = [*self.turns_left(node, so_far), self.given(so_far, node)]
        last = _made(ast.UnaryOp, node, op=ast.USub(), operand=_made(ast.Constant, node, value=1))
        return _made(ast.Subscript, node, value=_made(ast.List, node, elts=parts, ctx=ast.Load()), slice=last, ctx=ast.Load())

    def added(self, node: Any, so_far: str, elements: dict[str, Any]) -> dict[str, Any]:
        """The elements of a set or dict comprehension that adds them to what there is so far, at the place where CPython does."""
        like = node if sys.version_info < (3, 12) else next(iter(elements.values()))
        first = _made(ast.Constant, like, value=0)
        there = _made(ast.Subscript, like, value=_name(so_far, like), slice=first, ctx=ast.Load())
        is_set = isinstance(node, ast.SetComp)
        method = _made(ast.Attribute, like, value=there, attr="add" if is_set else "__setitem__", ctx=ast.Load())
        method.end_lineno, method.end_col_offset = method.lineno, method.col_offset  # the line of a method's call is its name's
        call = _made(ast.Call, like, func=method, args=list(elements.values()), keywords=[])
        return {"elt": call} if is_set else {"key": _made(ast.Constant, like, value=None), "value": call}

    def turns_left(self, node: Any, so_far: str | None = None) -> list[Any]:
        """Comprehensions of what is left, from the innermost loop that is under way to the outermost."""
        loops = node.generators
        fields = ("key", "value") if isinstance(node, ast.DictComp) else ("elt",)
        elements = {field: getattr(node, field) for field in fields}
        whole = elements if so_far is None else self.added(node, so_far, elements)
        at = self.index(loops)
        inside = len(loops) - 1 if at is None else at  # the loop that the site is in, or in whose iterable
        in_iterable, at_head = at is not None and loops[at].iter in self.path, self.site in loops
        under_way = inside + (not in_iterable)  # so many have an iterator, and so many of them a value
        values = inside + (not in_iterable and not at_head)
        hidden, self.hidden = self.hidden, self.hidden.union(*map(_binds_all, loops[: inside + 1]))
        held = [[self.needed("target", name) for name in _target_names(loop.target)] for loop in loops[:values]]
        iterators = [self.needed("iterator", loop) for loop in loops[:under_way]]
        rest: list[Any] = []
        if not at_head:
            turn, left = self.this_turn(node, inside, in_iterable, held), self.elements_left(elements)
            rest.append(_changed(node, generators=turn, **(left if so_far is None else self.added(node, so_far, left))))
        self.hidden = hidden
        for level in reversed(range(under_way)):
            again = ast.comprehension(loops[level].target, _name(iterators[level], node), loops[level].ifs, 0)
            turn = [self.only(loop, names, level == number + 1) for number, (loop, names) in enumerate(zip(loops[:level], held))]
            rest.append(_changed(node, generators=[*turn, again, *loops[level + 1 :]], **whole))
        return rest

    def elements_left(self, elements: dict[str, Any]) -> dict[str, Any]:
        """Of a key and its value the key is evaluated first."""
        at = self.index(list(elements.values()))
        made = {}
        for number, (field, element) in enumerate(elements.items()):
            made[field] = element if at is None or number > at else self.done(element) if number < at else self.expression(element)
        return made

    def this_turn(self, node: Any, inside: int, in_iterable: bool, held: list[list[str]]) -> list[Any]:
        """What is left of the turns that the loops up to `inside` are in."""
        loops = node.generators
        turn = [self.only(loop, names, number + 1 == len(held)) for number, (loop, names) in enumerate(zip(loops, held))]
        if in_iterable:
            loop = loops[inside]
            turn.append(ast.comprehension(loop.target, self.expression(loop.iter), loop.ifs, 0))
        elif loops[inside] in self.path:
            test = self.index(loops[inside].ifs) or 0
            turn[-1].ifs = [self.expression(loops[inside].ifs[test]), *loops[inside].ifs[test + 1 :]]
        return turn + loops[inside + 1 :]

    def only(self, loop: Any, names: list[str], last: bool) -> Any:
        """The loop with nothing but what its target holds: taken out of where it waits, the last time."""
        waiting = iter(names)

        def value(target: Any) -> Any:
            if isinstance(target, ast.Name):
                name = next(waiting)
                first = _made(ast.Constant, target, value=0)
                return self.given(name, target) if last else _made(ast.Subscript, target, value=_name(name, target), slice=first, ctx=ast.Load())
            return _made(ast.Tuple, target, elts=[value(t) for t in target.elts], ctx=ast.Load())

        one = _made(ast.List, loop.target, elts=[value(loop.target)], ctx=ast.Load())
        return ast.comprehension(loop.target, one, [], 0)

    def call(self, node: Any) -> Any:
        """all(), any(), sum(), min(), max() of a generator expression that is under way: of the rest of this turn and the turns that are left."""
        generator: Any = node.args[0] if node.args else None
        within = isinstance(generator, ast.GeneratorExp) and generator in self.path and generator is not self.site
        if not within or generator.generators[0].iter in self.path:
            return self.strict(node)
        if not self.known.at_once(generator):
            raise Unsupported("the site is in a generator expression")
        so_far = self.taken("list", generator)
        some = [self.called("resume.some", node, [self.given(so_far, node)])] if so_far else []
        if node.func.id == "sum":
            starred = [_made(ast.Starred, node, value=value, ctx=ast.Load()) for value in some]
            return _changed(node, args=[self.called("resume.chain", node, self.turns_left(generator)), *starred])
        return _changed(node, args=[self.called("resume.chain", node, some + self.turns_left(generator))])

    def called(self, name: str, like: ast.AST, args: list[Any]) -> Any:
        return _made(ast.Call, like, func=_name(name, like), args=args, keywords=[])

    # ---- statements that hold the site ----

    def block(self, statements: list[Any]) -> list[Any]:
        index = self.index(statements) or 0
        return self.statement(statements[index]) + statements[index + 1 :]

    def part(self, node: Any, *fields: str) -> list[Any] | None:
        """What is left of the block of this statement that holds the site."""
        for field in fields:
            if self.index(getattr(node, field)) is not None:
                return self.block(getattr(node, field))
        return None

    def statement(self, node: Any) -> list[Any]:
        if node is self.site and self.behind:
            return self.left(node) or [] if isinstance(node, ast.With) else []
        if node is self.site and self.raised:
            return self.raises(node)
        if node is self.site and (self.whole or not isinstance(node, (ast.For, ast.While))):
            return [node]
        kind = _STATEMENTS.get(type(node))
        if kind is None:
            raise Unsupported(f"the site is in a {type(node).__name__}")
        return kind(self, node)  # type: ignore[no-any-return]

    def raises(self, node: Any) -> list[Any]:
        """What is handed over raises the exception when it is called, on the line on which it was raised. The compiler drops what is behind
        a raise, as it may have done in the function."""
        place = _made(ast.Pass, node)
        place.lineno = place.end_lineno = self.line
        place.col_offset = place.end_col_offset = -1
        number = next(number for (kind, _), number in self.numbers.items() if kind == "raised")
        self.used.add(number)
        call = _made(ast.Call, place, func=self.given(f"resume.{number}", place), args=[], keywords=[])
        return [_made(ast.Expr, place, value=call), _made(ast.Raise, place, exc=None, cause=None)]

    def simple(self, node: Any) -> list[Any]:
        return [self.strict(node)]

    def assignment(self, node: Any) -> list[Any]:
        if node.value in self.path:
            return [_changed(node, value=self.expression(node.value))]
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], (ast.Attribute, ast.Subscript)):
            return [_changed(node, targets=[self.strict(node.targets[0])], value=self.done(node.value))]
        raise Unsupported("the site is in a target")

    def augmented(self, node: Any) -> list[Any]:
        """x op= y, from y on: the operation in place is of what was loaded, the store is into what was evaluated."""
        target = node.target
        if target in self.path and target is not self.site:
            return [_changed(node, target=self.strict(target))]
        if not isinstance(target, ast.Name):
            target = self.done_target(target)
        loaded_last = node.target is self.site
        name = self.needed("value", node.target) if loaded_last else self.needed("loaded", node)
        value = node.value if loaded_last else self.expression(node.value)
        return [
            _made(ast.Assign, node, targets=[_name(name, node, ast.Store)], value=self.given(name, node)),
            _changed(node, target=_name(name, node.target, ast.Store), value=value),
            _made(ast.Assign, node, targets=[target], value=_name(name, node)),
            _made(ast.Delete, node, targets=[_name(name, node, ast.Del)]),
        ]

    def done_target(self, target: Any) -> Any:
        fields = ("value", "slice") if isinstance(target, ast.Subscript) else ("value",)
        return _changed(target, **{field: self.done(getattr(target, field)) for field in fields})

    def assertion(self, node: Any) -> list[Any]:
        if node.test in self.path:
            return [_changed(node, test=self.expression(node.test))]
        failed = _made(ast.Constant, node.test, value=False)
        return [_changed(node, test=failed, msg=self.expression(node.msg))]

    def branch(self, node: Any) -> list[Any]:
        rest = self.part(node, "body", "orelse")
        return rest if rest is not None else [_changed(node, test=self.expression(node.test))]

    def matching(self, node: Any) -> list[Any]:
        if node.subject in self.path:
            return [_changed(node, subject=self.expression(node.subject))]
        case = node.cases[self.index(node.cases) or 0]
        rest = self.part(case, "body")
        if rest is None:
            raise Unsupported("the site is in a pattern's guard")
        return rest

    def turn(self, node: Any, rest: list[Any], again: Any) -> list[Any]:
        """The rest of this turn of a loop, then the loop again."""
        once = _made(ast.Constant, node, value=(None,))
        target = _name("resume.turn", node, ast.Store)
        return [_made(ast.For, node, target=target, iter=once, body=_filled(rest, node), orelse=[again], type_comment=None)]

    def loop_while(self, node: Any) -> list[Any]:
        if node is self.site:
            return [node]
        if node.test in self.path:
            test = self.expression(node.test)
            return [_made(ast.If, node, test=test, body=self.turn(node, node.body, node), orelse=node.orelse)]
        rest = self.part(node, "orelse")
        return rest if rest is not None else self.turn(node, self.block(node.body), node)

    def loop_for(self, node: Any) -> list[Any]:
        if node.iter in self.path:
            return [_changed(node, iter=self.expression(node.iter))]
        if self.index(node.orelse) is not None:
            return self.block(node.orelse)
        if node.target in self.path:
            raise Unsupported("the site is in a target")
        again = _changed(node, iter=_name(self.needed("iterator", node), node.iter))
        return [again] if node is self.site else self.turn(node, self.block(node.body), again)

    def entering(self, node: Any) -> list[Any]:
        first, *others = node.items
        rest = self.part(node, "body")
        name = self.taken("entered", node) if rest is not None else None
        if rest is not None and name:
            again = ast.withitem(self.given(name, first.context_expr), None)
            return [_changed(node, items=[again], body=_filled(rest, node))]
        if first.context_expr not in self.path:
            raise Unsupported("the site is in a with statement that was entered")
        first = ast.withitem(self.expression(first.context_expr), first.optional_vars)
        return [_changed(node, items=[first, *others])]

    def attempt(self, node: Any) -> list[Any]:
        body = self.part(node, "body")
        if body is not None:
            return [_changed(node, body=_filled(body, node))]
        # In a handler that is compiled nothing is seen of the exception: it is as if it were over.
        behind = ((node, "orelse"), *((handler, "body") for handler in node.handlers if _is_quiet(handler)))
        rest = next((rest for where in behind if (rest := self.part(*where)) is not None), None)
        if rest is not None:
            return [_changed(node, body=_filled(rest, node), handlers=[], orelse=[])] if node.finalbody else rest
        rest = self.part(node, "finalbody")
        left = self.left(node)
        if rest is None or left is None:
            raise Unsupported("the site is in a handler or a finally block")
        return [*rest, *left]

    def left(self, node: Any) -> list[Any] | None:
        """What is done behind the finally block, or the end of the with; None: that is not known."""
        statement = self.leaving(node)
        if statement is None:
            return None
        name = self.needed("leaving", statement)
        if statement is node:
            return []
        return [_changed(statement, value=self.given(name, statement)) if getattr(statement, "value", None) else statement]

    def leaving(self, node: Any) -> Any:
        """For which the finally block is done, or a with left: a return, break or continue; the try itself, which has come to its end."""
        for kind, span in self.numbers:
            statement = inside = self.known.statement(span) if kind == "leaving" else None
            while inside not in (None, node) and self.known.parents.get(inside) is not node:
                inside = self.known.parents.get(inside)
            if inside is not None and inside not in getattr(node, "finalbody", ()):
                return statement
        return None


_QUIET = (
    ast.Pass, ast.Break, ast.Continue, ast.Return, ast.Assign, ast.AugAssign, ast.If, ast.Constant, ast.Name, ast.Attribute, ast.UnaryOp,
    ast.BinOp, ast.Compare, ast.BoolOp, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop,
)  # fmt: skip


def _is_quiet(handler: Any) -> bool:
    """As server/compiler/infer_handler.c has it: there is nothing in it that may raise, or see that there is an exception."""
    return handler.name is None and all(isinstance(node, _QUIET) for statement in handler.body for node in ast.walk(statement))


_DONE: dict[type[Any], Any] = {
    ast.Constant: _Rest.done_Constant, ast.Name: _Rest.done_Name, ast.Attribute: _Rest.done_Attribute, ast.Call: _Rest.done_Call,
    ast.UnaryOp: _Rest.done_UnaryOp, ast.Slice: _Rest.done_parts, ast.keyword: _Rest.done_parts, ast.JoinedStr: _Rest.done_parts,
    ast.FormattedValue: _Rest.done_parts,
}  # fmt: skip
_EXPRESSIONS: dict[type[Any], Any] = {
    **dict.fromkeys(_ORDER, _Rest.strict), **dict.fromkeys(_COMPREHENSIONS, _Rest.comprehension), ast.BoolOp: _Rest.choice, ast.Call: _Rest.call,
    ast.Compare: _Rest.comparison, ast.Dict: _Rest.mapping, ast.IfExp: _Rest.conditional, ast.Set: _Rest.display,
}  # fmt: skip
_STATEMENTS: dict[type[Any], Any] = {
    ast.AnnAssign: _Rest.assignment, ast.Assert: _Rest.assertion, ast.Assign: _Rest.assignment, ast.AugAssign: _Rest.augmented,
    ast.Expr: _Rest.simple, ast.For: _Rest.loop_for, ast.If: _Rest.branch, ast.Match: _Rest.matching, ast.Raise: _Rest.simple,
    ast.Return: _Rest.simple, ast.Try: _Rest.attempt, ast.While: _Rest.loop_while, ast.With: _Rest.entering,
}  # fmt: skip


# ---- the function ----


def _site(known: _Source, where: list[Any], operands: list[list[Any]], number: bool) -> Any:
    """The node to go on from. A condition's truth is asked for once or twice: nobody sees that of a number."""
    kind, *span = where
    if kind in ("statement", "behind"):
        return known.statement(tuple(span))
    if kind in _RAISED:
        return known.around(tuple(span))
    if kind == "loop":
        return known.at(kind, tuple(span))
    if kind not in ("value", *_OBJECTS):
        raise Unsupported(f"a site is no {kind!r}")
    if not operands or list(operands[-1][1:]) != span:
        raise Unsupported("the value of the site is not the last operand")
    site = known.at("value", tuple(span))
    chosen = isinstance(site, _CHOICES) or isinstance(site, ast.Compare) and len(site.ops) > 1
    parent = known.parents[site]
    if chosen and not number and (isinstance(parent, _CONDITIONS) or isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)):
        raise Unsupported("the site is a condition that is no value")
    return site


def _body(known: _Source, where: list[Any], certain: set[str], operands: list[list[Any]], number: bool, line: int) -> list[Any]:
    """The statements that are left."""
    if where[0] in ("start", "end"):
        if operands:
            raise Unsupported(f"there are operands at the {where[0]}")
        return known.node.body if where[0] == "start" else [_made(ast.Return, known.node.body[-1], value=None)]
    rest = _Rest(known, _site(known, where, operands, number), certain, operands, where[0], line)
    body = rest.block(known.node.body)
    if len(rest.used) != len(operands):
        unused = next(o for number, o in enumerate(operands) if number not in rest.used)
        raise Unsupported(f"nothing needs the {unused[0]} at {tuple(unused[1:])}")
    return body


def _definition(like: Any, name: str, parameters: list[str], defaults: int, body: list[Any]) -> Any:
    given = [_made(ast.arg, like, arg=p, annotation=None, type_comment=None) for p in parameters]
    values = [_made(ast.Constant, like, value=None)] * defaults
    args = ast.arguments(posonlyargs=[], args=given, vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=values)
    fields: dict[str, Any] = {"type_params": []} if sys.version_info >= (3, 12) else {}
    return _made(ast.FunctionDef, like, name=name, args=args, body=body, decorator_list=[], returns=None, type_comment=None, **fields)


def _opening(known: _Source, place: Any, parameter: str, locals_: list[list[Any]], operands: list[list[Any]]) -> list[Any]:
    """Takes what is handed over out of its list, into locals; a value waits in a list of its own. Written as source, and placed."""
    names = [name for name, _ in locals_]
    # {key: name}: a text cannot hold the names with a dot, nor a private one outside its class
    spelled = {f"l{i}": name for i, name in enumerate(names)} | {f"o{i}": f"resume.{i}" for i in range(len(operands))}
    lines = ["list_ = parameter", f"[{', '.join(spelled)}] = list_", "del list_[:]", "del list_"]
    if parameter not in names:
        lines.insert(1, "del parameter")
    lines += [f"if l{i} is unbound: del l{i}" for i, (_, maybe) in enumerate(locals_) if maybe]
    lines += [f"o{i} = again(o{i})" if o[0] == "iterator" else f"o{i} = [o{i}]" for i, o in enumerate(operands)]
    lines += ["del unbound, again"]
    others = [name for name in known.locals if name not in names]
    lines += [f"if 0: x{i} = None" for i in range(len(others))]  # a local without a value is one all the same
    spelled |= {f"x{i}": name for i, name in enumerate(others)}
    spelled |= {"list_": "resume.list", "unbound": "resume.unbound", "again": "resume.again", "parameter": parameter}
    tree = ast.parse("\n".join(lines))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = spelled[node.id]
        if "lineno" in node._attributes:
            ast.copy_location(node, place)
    return [*known.declared, *tree.body]


_OBJECTS = ("object", "negated", "length")  # the value is an object that a callee gave, as it is, the opposite of its truth, or as a length


class _Length:
    """Its len() is what __len__ gave, looked at as len() does."""

    def __init__(self, given: object) -> None:
        self.given = given

    __len__ = property(lambda self: itertools.repeat(self.given).__next__)  # no frame of this module's in a traceback


_HELPERS = {
    "resume.unbound": UNBOUND, "resume.again": _Again, "resume.chain": itertools.chain, "resume.some": _some, "resume.len": len, "resume.length": _Length,
}  # fmt: skip  # are defaults of the rest


def _compiled(known: _Source, body: list[Any], locals_: list[list[Any]], operands: list[list[Any]]) -> CodeType:
    """The code of the rest."""
    code, names, place = known.code, [name for name, _ in locals_], _place(known)
    # super() looks at the first argument
    parameter = known.receiver if "__class__" in code.co_freevars and known.receiver else "resume.parameter"
    opening = _opening(known, place, parameter, locals_, operands)
    tree = _definition(place, code.co_name, [parameter, *_HELPERS], len(_HELPERS), opening + body)
    made = _code_of(known, tree)
    if "super" in made.co_names and parameter not in names:
        raise Unsupported("super() wants an argument that is not handed over")
    return made


def _place(known: _Source) -> Any:
    """The function's first line, for what is not in the source."""
    place = _made(ast.Pass, known.node)
    place.lineno = place.end_lineno = known.code.co_firstlineno
    place.end_col_offset = place.col_offset
    return place


def _code_of(known: _Source, tree: Any) -> CodeType:
    """The code of a function's definition, in a class and a function that make names what they are in the source."""
    code, place = known.code, _place(known)
    if known.class_name:
        tree = _made(ast.ClassDef, place, name=known.class_name, bases=[], keywords=[], body=[tree], decorator_list=[])
        tree.type_params = []
    around = [] if tree.name in code.co_freevars else [_made(ast.Global, place, names=[tree.name])]  # it may be a global there
    outer = _definition(place, "resume.enclosing", list(code.co_freevars), 0, [*around, tree])
    try:
        made: Any = compile(ast.Module([outer], []), code.co_filename, "exec", code.co_flags & _FUTURE, True)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Unsupported(f"what is left cannot be compiled: {error}") from None
    for _ in range(3 if known.class_name else 2):
        made = next(c for c in made.co_consts if isinstance(c, CodeType))
    return made  # type: ignore[no-any-return]


def _inner_names(known: _Source) -> set[str]:
    """Those in comprehensions and functions, whose code the compiler may have dropped as dead."""
    inner = [node for node in ast.walk(known.node) if isinstance(node, (*_COMPREHENSIONS, *_FUNCTIONS)) and node is not known.node]
    nodes: list[Any] = [node for one in inner for node in ast.walk(one)]
    return {known.private(name) for node in nodes for name in (getattr(node, "id", None), getattr(node, "arg", None), getattr(node, "attr", None)) if name}


def _check(known: _Source, rest: CodeType) -> None:
    """What is left has no name that the source has not, nor in another role."""
    strange = {name for name in _all_names(rest) - _all_names(known.code) if "." not in name and name not in ("pop", "add", "__setitem__")}
    strange = strange and strange - _inner_names(known)
    strange |= set(rest.co_freevars) - set(known.code.co_freevars)
    if strange:
        raise Unsupported(f"{min(strange)} is a name of something else")


def _code(known: _Source, where: list[Any], locals_: list[list[Any]], operands: list[list[Any]], number: bool, line: int) -> CodeType:
    names = [name for name, _ in locals_]
    own = {*known.locals, *map(known.private, known.locals)}
    if not own.issuperset(names) or len(set(names)) != len(names):
        raise Unsupported(f"these are no locals: {', '.join(names)}")
    body = _body(known, where, {name for name, maybe in locals_ if not maybe}, operands, number, line)
    code = _compiled(known, body, locals_, operands)
    _check(known, code)
    return code


def make(
    func: Any,
    where: list[Any],
    locals_: list[list[Any]],
    operands: list[list[Any]],
    number: bool = False,
    given: tuple[int, str] | None = None,
    line: int = 0,
) -> FunctionType:
    """The rest of a call of `func`, of this very function object, from `where` on: a function of one argument, a list of locals, then
    operands, which it empties at once; it returns or raises what the call does.

    where: [kind, line, col, end_line, end_col], kind one of value, object, negated, length, loop, statement, behind, start, end, raised, called. Its value is the
    last operand; of the last two, which are the same, what raises the exception when it is called.
    locals_: [[name, may be unbound], …]; one without a value is handed over as UNBOUND.
    operands: [[kind, line, col, end_line, end_col], …], kind one of value, loaded (of the augmented assignment at that place),
    iterator (of the for statement at that place), entered (of the with statement at that place: an object whose __exit__ is to be called), raised (where), leaving (of the return, break, continue or try at that place: what is
    returned, or None, behind the finally block that the site is in), in the order of evaluation. Columns are ast's: in bytes of UTF-8.
    number: that value is an int, a float or a bool.
    given: the number of its first line and its text, if they are known.
    line: on which the exception was raised.
    Unsupported is raised if there is no way to go on from there, or these are not the operands that it needs.
    """
    known = _source_of(func, given)
    try:
        code = _code(known, where, locals_, operands, number, line)
    except RecursionError:
        raise Unsupported("its source is nested too deep") from None
    return _function(func, code, tuple(_HELPERS.values()))


def _function(func: Any, code: CodeType, defaults: tuple[Any, ...]) -> FunctionType:
    """A function like the other one, with this code."""
    cells = dict(zip(func.__code__.co_freevars, func.__closure__ or ()))
    made = FunctionType(code, func.__globals__, func.__name__, defaults, tuple(cells[name] for name in code.co_freevars))
    made.__qualname__ = func.__qualname__
    return made


# ---- a part of a function, in the middle of a call ----


def _region_body(known: _Source, where: list[Any], written: list[list[Any]]) -> list[Any]:
    kind, *span = where
    if kind == "statement":
        node = known.statement(tuple(span))
        return [node, *_leaving(node, written)]
    node = known.places[("value", *span)][0]
    truth = _made(ast.UnaryOp, node, op=ast.Not(), operand=_made(ast.UnaryOp, node, op=ast.Not(), operand=node))
    return [_made(ast.Return, node, value=truth if kind == "test" else node)]


def _leaving(like: Any, written: list[list[Any]]) -> list[Any]:
    """Returns what these locals hold: one, or a tuple; UNBOUND where there is nothing."""
    body: list[Any] = []
    for name, maybe in written:
        if maybe:
            look = _made(ast.Expr, like, value=_name(name, like))
            unbound = _made(ast.Assign, like, targets=[_name(name, like, ast.Store)], value=_name("resume.unbound", like))
            handler = _made(ast.ExceptHandler, like, type=None, name=None, body=[unbound])
            body.append(_made(ast.Try, like, body=[look], handlers=[handler], orelse=[], finalbody=[]))
    names = [_name(name, like) for name, _ in written]
    value = names[0] if len(names) == 1 else _made(ast.Tuple, like, elts=names, ctx=ast.Load()) if names else None
    return [*body, _made(ast.Return, like, value=value)]


def _entering(known: _Source, place: Any, locals_: list[list[Any]]) -> list[Any]:
    """A parameter for which nothing was handed over has no value; a local that is none has none either, but is one."""
    given = {name for name, _ in locals_}
    body: list[Any] = [
        _made(ast.If, place, test=_made(ast.Constant, place, value=0), body=[_made(ast.Assign, place, targets=[_name(name, place, ast.Store)], value=_made(ast.Constant, place, value=None))], orelse=[])
        for name in known.locals
        if name not in given
    ]
    for name, maybe in locals_:
        if maybe:
            test = _made(ast.Compare, place, left=_name(name, place), ops=[ast.Is()], comparators=[_name("resume.unbound", place)])
            body.append(_made(ast.If, place, test=test, body=[_made(ast.Delete, place, targets=[_name(name, place, ast.Del)])], orelse=[]))
    return body


def region(func: Any, where: list[Any], locals_: list[list[Any]], written: list[list[Any]], given: tuple[int, str] | None = None) -> FunctionType:
    """A part of `func` as a function of these locals: it returns the value of an expression, its truth (a test), or what it leaves in the
    locals that are written. For make()'s arguments see there; where is of the kind value, test or statement."""
    known = _source_of(func, given)
    try:
        place = _place(known)
        body = [*_entering(known, place, locals_), *_region_body(known, where, written)]
        names = [name for name, _ in locals_]
        tree = _definition(place, known.code.co_name, [*names, "resume.unbound"], 1, body)
        code = _code_of(known, tree)
    except RecursionError:
        raise Unsupported("its source is nested too deep") from None
    return _function(func, code, (UNBOUND,))


# ---- what the extension asks for (ext/resume.c) ----


def iterator(start: int, step: int, turns: int, over: int) -> Any:
    """That of range(start, ..., step) with so many turns, of which some are over."""
    return iter(range(start + step * over, start + step * turns, step))


def _given(sites: Any, definition: int, name: str) -> tuple[int, str] | None:
    """The text that the site table has of a function, and the number of its first line: with the first of its regions."""
    for _, other, entry, kind, payload, *_ in sites:
        if kind == "region" and (other, entry) == (definition, name) and payload[6]:
            return payload[5], payload[6]
    return None


def prepare(unit: Any, site: int, line: int = 0) -> tuple[Any, ...]:
    """(function or None, UNBOUND, why, ((flagged, type), ...), written: the same, 1: a callee's object is one more value, 2: it is an operation,
    3, 4: what raises the trap's exception, or a callee's, is one more, the result's type, a name, the number of the class that is the first value,
    or None) of a place in the unit's site table
    (docs/protocol.md, "The meta"). The function is what make() or region() gives. line: of the exception; 0: the site's."""
    sites, records = unit
    first, definition, name, kind, payload, *frames = sites[site]
    func = records[definition].func(name)
    given = _given(sites, definition, name)
    if kind == "region":
        return _prepare_region(func and func.func, payload, given)
    outside = [frame[1] for frame in frames[0]] if frames else []
    made = _prepare_rest(func, payload, given, line or [first, *outside][-1])
    return (*made, definition if func and func.kind == "class" else None)


def _values(locals_: list[list[Any]]) -> tuple[tuple[bool, str], ...]:
    return tuple((flagged, type_) for _, flagged, type_ in locals_)


def _operand_type(kind: str, text: str) -> str:
    """As resume.c knows it."""
    if kind == "items":
        return "*" + text
    return _iterator_kind(text) if kind == "iterator" and text else text


def _iterator_kind(text: str) -> str:
    if text in ("py", "(py,py)"):
        return text if text == "py" else "*item"
    return "*list" if text[0] != "(" else "*enumerate" if text.endswith(",int)") else "*zip"


def _prepare_rest(func: Any, payload: list[Any], given: tuple[int, str] | None, line: int) -> tuple[Any, ...]:
    why, where, locals_, operands, result = payload
    what = {"none": 1, "raised": 3, "called": 4}.get(where[0], 1 if where[0] in _OBJECTS else 0)
    values = (*_values(locals_), *((False, _operand_type(o[0], o[5])) for o in operands))
    operands = [["iterator", *o[1:]] if o[0] == "items" else o for o in operands]
    if where[0] in _OBJECTS or what > 1:
        operands = [*operands, ["value" if what == 1 else "raised", *where[1:]]]
    function = None
    if where[0] != "none" and func is not None:
        try:
            number = where[0] == "value" and operands[-1][5] in ("int", "float", "bool")
            own = [[func.code.co_varnames[0], False]] if func.kind == "class" else []
            function = make(func.func, where, own + [local[:2] for local in locals_], [operand[:5] for operand in operands], number, given, line)
        except (Unsupported, source.NoSource) as error:
            why = f"{why}, and Python cannot go on there: {error}"
    return function, UNBOUND, why, values, (), what, result


_NAMED = '.@:$"'  # an attribute's, a global's, or a text: server/compiler/infer_object.c
_UNNAMED = ("@", "@=")  # the operator


def _container(known: _Source, where: list[Any]) -> Any:
    """The constants of `x in (1, "a")`, as CPython's compiler has them."""
    constants = ast.literal_eval(known.places[("value", *where[1:])][0].comparators[0])
    return frozenset(constants) if isinstance(constants, set) else tuple(constants)


def _prepare_region(func: Any, payload: list[Any], given: tuple[int, str] | None) -> tuple[Any, ...]:
    why, where, locals_, written, result = payload[:5]
    function: Any = None
    is_operation = where[0] == "operation"
    name = why[1:] if is_operation and why[0] in _NAMED and why not in _UNNAMED else None
    if is_operation and why[0] == "(":
        function = getattr(builtins, why[1:])
    elif is_operation and why[0] == "$":
        function = dict(zip(func.__code__.co_freevars, func.__closure__ or ())).get(why[1:], func.__globals__)
    elif is_operation and why in ("in(", "not in("):
        function = _container(_source_of(func, given), where)
    elif is_operation:
        pass  # the extension has it
    elif where[0] != "box":
        function = region(func, where, [local[:2] for local in locals_], [local[:2] for local in written], given)
    return function, UNBOUND, why, _values(locals_), _values(written), 2 * is_operation, result, name


# ---- an operation on objects, where Python code may run ----


def _operation_body(known: _Source, where: list[Any], names: list[str], why: str) -> list[Any]:
    """The operation on these parameters. One that stores is a target, and the last of them is stored."""
    place = tuple(where[1:])
    node = known.places.get(("value", *place), [None])[0] or known.targets.get(place) or known.statement(place)
    given = [_name(name, node) for name in names]
    if isinstance(node, ast.AugAssign):
        return [_changed(node, target=_name(names[0], node, ast.Store), value=given[1]), _made(ast.Return, node, value=given[0])]
    if isinstance(node, ast.Subscript) and len(names) == 4:
        node = _changed(node, value=given[0], slice=_made(ast.Slice, node.slice, lower=given[1], upper=given[2], step=given[3]))
    elif isinstance(node, ast.Subscript) and len(names) == 2:  # of an augmented assignment, too
        node = _changed(node, value=given[0], slice=given[1], ctx=ast.Load())
    elif why == "call":
        node = _changed(node, func=given[0], args=given[1:])
    elif isinstance(node, ast.Call):
        func = _changed(node.func, value=given.pop(0)) if isinstance(node.func, ast.Attribute) else node.func
        node = _changed(node, func=func, args=given)
    elif isinstance(node, ast.BinOp):
        node = _changed(node, left=given[0], right=given[1])
    elif isinstance(node, ast.Compare):
        node = _changed(node, left=given[0], comparators=given[1:] or node.comparators)
    elif isinstance(node, ast.Attribute):
        node = _changed(node, value=given[0])
    else:
        node = _changed(node, value=given[0], slice=given[1])
    if not isinstance(node, ast.expr) or not hasattr(node, "ctx") or isinstance(node.ctx, ast.Load):
        return [_made(ast.Return, node, value=node)]
    return [_made(ast.Assign, node, targets=[node], value=given[-1])]


def _within_mapping(like: Any, once: Any, value: Any) -> list[Any]:
    """The same of a set's or a dict's: the value need not be hashable, so it goes beside."""
    kept = "resume.kept"
    method = _made(ast.Attribute, like, value=_name(kept, like), attr="append", ctx=ast.Load())
    method.end_lineno, method.end_col_offset = method.lineno, method.col_offset  # the line of a method's call is its name's
    call = _made(ast.Call, like, func=method, args=[value], keywords=[])
    elements = {"elt": call} if isinstance(like, ast.SetComp) else {"key": _made(ast.Constant, like, value=None), "value": call}
    return [
        _made(ast.Assign, like, targets=[_name(kept, like, ast.Store)], value=_made(ast.List, like, elts=[], ctx=ast.Load())),
        _made(ast.Expr, like, value=_made(type(like), like, generators=[once], **elements)),
        _made(ast.Return, like, value=_made(ast.Subscript, like, value=_name(kept, like), slice=_made(ast.Constant, like, value=0), ctx=ast.Load())),
    ]


def _within(known: _Source, comprehension: Any, body: list[Any]) -> list[Any]:
    """Returns the same value, from a frame of the comprehension's, if it has one."""
    is_generator = isinstance(comprehension, ast.GeneratorExp)
    if sys.version_info >= (3, 12) and not is_generator:
        return body
    like = known.parents[comprehension] if is_generator else comprehension
    once = ast.comprehension(_name("resume.turn", comprehension, ast.Store), _made(ast.Constant, comprehension, value=(None,)), [], 0)
    value = body[0].value
    if isinstance(comprehension, (ast.SetComp, ast.DictComp)):  # a tuple around it need not be hashed as it is
        return _within_mapping(comprehension, once, value)
    inner = _made(ast.GeneratorExp if is_generator else ast.ListComp, comprehension, elt=value, generators=[once])
    items = _made(ast.List, like, elts=[_made(ast.Starred, like, value=inner, ctx=ast.Load())], ctx=ast.Load()) if is_generator else inner
    item = _made(ast.Subscript, like, value=items, slice=_made(ast.Constant, like, value=0), ctx=ast.Load())
    return [_made(ast.Return, like, value=item)]


def _of_with(func: Any, known: _Source, where: list[Any], what: Any) -> FunctionType:
    """Enters or leaves a with statement's object, in its line."""
    node = known.around(tuple(where[1:]))
    call = _made(ast.Call, node, func=_name("resume.what", node), args=[_name("resume.object", node)], keywords=[])
    tree = _definition(_place(known), known.code.co_name, ["resume.object", "resume.what"], 1, [_made(ast.Return, node, value=call)])
    return _function(func, _code_of(known, tree), (what,))


def operation(func: Any, where: list[Any], operands: int, given: tuple[int, str] | None = None, why: str = "") -> FunctionType:
    """An operation of `func` as a function of its operands, in a frame that looks like the method's. For make()'s arguments see there."""
    known = _source_of(func, given)
    if why in ("enter", "leave"):
        return _of_with(func, known, where, getattr(_jitd, why))
    names = [f"resume.{i}" for i in range(operands)]
    body = _operation_body(known, where, names, why)
    for comprehension in known.comprehensions(where):
        body = _within(known, comprehension, body)
    tree = _definition(_place(known), known.code.co_name, names, 0, body)
    return _function(func, _code_of(known, tree), ())


def prepare_operation(unit: Any, site: int) -> FunctionType:
    """The function for an operation's place in the unit's site table."""
    sites, records = unit
    _, definition, name, _, payload, *_ = sites[site]
    func = records[definition].func(name)
    return operation(func.func, payload[1], len(payload[2]), _given(sites, definition, name), payload[0])
