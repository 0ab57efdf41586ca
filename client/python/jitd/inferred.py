"""Fields that no annotation names: what a class's methods store in self, with the types that can be seen there. Only read for classes
that have some.

A field is native when every value that is stored is seen to have one type: a literal, a parameter with an annotation, a call of a jitclass or of a
built-in of known type, or arithmetic over such. Everything else that is stored makes it a Python field, which needs no declaration: it
is an attribute like any other.
"""

from __future__ import annotations

from typing import Any

from jitd import source
from jitd._jitd import MISSING
from jitd.declare import _FUNCTION, _MEMBER, Declared, Later, Record, annotations_of, field_type, resolve_type

_ONLY_AST = 0x400  # PyCF_ONLY_AST
_CALLS = {"int": "int", "len": "int", "ord": "int", "float": "float", "bool": "bool", "isinstance": "bool"}
_ANNOTATIONS = {"int": int, "float": float, "bool": bool}
_UNKNOWN = object()
_NUMBER = object()  # keeps what the field is, if that is an int or a float


def add_fields(record: Record, cls: type, declared: list[Declared], wide: set[str]) -> list[Declared]:
    """The declared fields, and behind them the native ones that the methods show; `wide` have ints beyond 64 bits. What else they store makes
    record.keeps_attributes."""
    record.keeps_attributes = True
    known = {field.name: _declared_type(record, field) for field in declared}
    seen: dict[str, list[_Store]] = {}
    always = _always_set(cls.__dict__.get("__init__"))
    for name, value in cls.__dict__.items():
        if isinstance(value, property):
            if not all(_read(record, f, seen) for f in (value.fget, value.fset, value.fdel) if isinstance(f, _FUNCTION)):
                return declared
        elif isinstance(value, _FUNCTION) and not _read(record, value, seen):
            return declared  # what it stores cannot be seen
    stores = {name: seen[name] for name in seen if name in always and name not in known and not _is_member(cls, name)}
    types = {name: kind for name, kind in _types(stores, known).items() if kind != "int" or name not in wide}
    record.keeps_attributes = any(name not in known and name not in types and not _is_property(cls, name) for name in seen)
    return declared + [Declared(name, kind, inferred=True, init=False) for name, kind in types.items()]


_Store = tuple["_Reader", Any]  # a value's node and the function that it is in; None: what it is cannot be seen


def _types(stores: dict[str, list[_Store]], known: dict[str, Any]) -> dict[str, Any]:
    """{name: annotation}: the greatest set of fields whose types justify each other. First a guess from what can be seen at once, then
    whatever does not hold under the guess goes, until all does."""
    guess = {name: _one_type([k for k in (_kind(store, known) for store in found) if k is not _UNKNOWN]) for name, found in stores.items()}
    while True:
        fields = {**known, **guess}
        left = {name: kind for name, kind in guess.items() if _one_type([_kind(store, fields) for store in stores[name]]) is kind is not _UNKNOWN}
        if len(left) == len(guess):
            return left
        guess = left


def _kind(store: _Store, fields: dict[str, Any]) -> Any:
    reader, node = store
    if node is None:
        return _UNKNOWN
    reader.fields = fields
    return reader.annotation(node.annotation) if type(node).__name__ == "AnnAssign" else reader.type_of(node)


def _declared_type(record: Record, field: Declared) -> Any:
    try:
        resolved = field_type(record, field)
    except Exception:
        return _UNKNOWN
    return _ANNOTATIONS.get(resolved, _UNKNOWN) if isinstance(resolved, str) else _UNKNOWN


def _is_member(cls: type, name: str) -> bool:
    """A slot is none: it is there for what the methods store."""
    found = [klass.__dict__[name] for klass in cls.__mro__[:-1] if name in klass.__dict__]
    return any(type(value) is not _MEMBER for value in found) or (name.startswith("__") and name.endswith("__"))


def _is_property(cls: type, name: str) -> bool:
    return any(isinstance(klass.__dict__.get(name), property) for klass in cls.__mro__[:-1])


def _one_type(kinds: list[Any]) -> Any:
    """The annotation of a field that holds values of these types (None among them: optional), or _UNKNOWN."""
    distinct = list(dict.fromkeys(kinds))
    rest = [kind for kind in distinct if kind is not None and kind is not _NUMBER]
    if len(rest) != 1 or rest[0] is _UNKNOWN or (_NUMBER in distinct and rest[0] not in (int, float)):
        return _UNKNOWN
    distinct = [kind for kind in distinct if kind is not _NUMBER]
    if len(distinct) == 2:  # and None
        return _optional(rest[0]) if isinstance(rest[0], type) and "__jitd_record__" in rest[0].__dict__ else _UNKNOWN
    return rest[0]


def _optional(cls: type, _made: dict[type, Any] = {}) -> Any:
    """cls | None, the same object each time."""
    return _made.setdefault(cls, cls | None)


def _tree(func: Any) -> Any:
    """The function's node, or None: its source cannot be had."""
    try:
        _, text = source.find(func)
        inside = text[:1] in " \t\f"
        tree: Any = compile("if 1:\n" + text if inside else text, "<fields>", "exec", _ONLY_AST, dont_inherit=True)
    except (source.NoSource, SyntaxError, ValueError, RecursionError):
        return None
    node = tree.body[0].body[0] if inside else tree.body[0]
    return node if type(node).__name__ == "FunctionDef" else None


def _read(record: Record, func: Any, seen: dict[str, list[_Store]]) -> bool:
    """Adds every value that the function stores in its self; False: its source cannot be had."""
    node = _tree(func)
    if node is not None:
        _Reader(record, func, node, seen).statements(node.body)
    return node is not None


def _always_set(init: Any) -> set[str]:
    """The names that __init__ assigns to its self on every way: those of its first statements. A native field has no state "unset"."""
    node: Any = _tree(init) if isinstance(init, _FUNCTION) else None
    args = node.args.posonlyargs + node.args.args if node is not None else []
    found: set[str] = set()
    for statement in node.body if args else []:
        kind = type(statement).__name__
        if kind not in ("Assign", "AnnAssign", "AugAssign", "Expr", "Pass", "Assert", "If", "For"):
            break  # what may leave early, or be no statement that goes on
        if kind in ("If", "For") and _may_leave(statement):
            break
        targets = statement.targets if kind == "Assign" else [statement.target] if kind == "AnnAssign" and statement.value is not None else []
        todo = list(targets)
        while todo:
            target = todo.pop()
            if type(target).__name__ in ("Tuple", "List"):
                todo += target.elts
            elif type(target).__name__ == "Attribute" and type(target.value).__name__ == "Name" and target.value.id == args[0].arg:
                found.add(target.attr)
    return found


def _may_leave(node: Any) -> bool:
    return type(node).__name__ in ("Return", "Try", "With", "While", "Match") or any(_may_leave(child) for child in _children(node))


class _Reader:
    """One function: which name is self, what its parameters are annotated with."""

    fields: dict[str, Any] = {}

    def __init__(self, record: Record, func: Any, node: Any, seen: dict[str, list[_Store]]) -> None:
        self.record, self.func, self.seen, self.inside = record, func, seen, False
        args = node.args.posonlyargs + node.args.args
        self.self_name = args[0].arg if args else None
        self.params = {a.arg for a in args[1:] + node.args.kwonlyargs}
        defaults = dict(zip([a.arg for a in args][len(args) - len(node.args.defaults) :], node.args.defaults))
        defaults.update({a.arg: d for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults) if d is not None})
        self.defaults = defaults
        self.rebound = {self.self_name} & _bound_names(node.body)
        self.params -= _bound_names(node.body)

    def statements(self, body: list[Any]) -> None:
        todo = [(node, False) for node in reversed(body)]
        while todo:
            node, inside = todo.pop()  # inside another function, whose names are its own
            self.inside = inside
            self.statement(node)
            inside = inside or type(node).__name__ in ("FunctionDef", "AsyncFunctionDef", "ClassDef")
            todo += [(child, inside) for child in reversed(_children(node))]

    def statement(self, node: Any) -> None:
        kind = type(node).__name__
        if kind == "Assign":
            for target in node.targets:
                self.target(target, node.value)
        elif kind == "AnnAssign":
            self.annotated(node)
        elif kind == "AugAssign":
            self.target(node.target, node)
        elif kind in ("For", "AsyncFor", "comprehension"):
            self.target(node.target, None)
        elif kind == "withitem" and node.optional_vars is not None:
            self.target(node.optional_vars, None)
        elif kind == "Delete":
            for target in node.targets:
                self.target(target, None)

    def annotated(self, node: Any) -> None:
        """`self.x: T = value` declares the field, as an annotation in the class would."""
        name = self.attribute(node.target)
        if name is not None:
            self.seen.setdefault(name, []).append((self, node))

    def annotation(self, node: Any) -> Any:
        try:
            code = compile(_expression(node), "<annotation>", "eval")
            value = node.value if type(node).__name__ == "Constant" and isinstance(node.value, str) else None
            found = self.record.evaluate(value) if value is not None else eval(code, self.func.__globals__, _Names(self.record))
            return found if resolve_type(found, self.record.evaluate) not in (None, "None") else _UNKNOWN
        except Exception:  # whatever it raises: CPython never evaluates it
            return _UNKNOWN

    def target(self, target: Any, value: Any) -> None:
        kind = type(target).__name__
        if kind in ("Tuple", "List"):
            values = value.elts if type(value).__name__ in ("Tuple", "List") and len(value.elts) == len(target.elts) else None
            starred = any(type(t).__name__ == "Starred" for t in target.elts)
            for i, item in enumerate(target.elts):
                self.target(item, values[i] if values and not starred else None)
        elif kind == "Starred":
            self.target(target.value, None)
        else:
            name = self.attribute(target)
            if name is not None:
                self.seen.setdefault(name, []).append((self, None if self.rebound or self.inside else value))

    def attribute(self, node: Any) -> str | None:
        """The name in `self.name`, as it is mangled."""
        if type(node).__name__ != "Attribute" or type(node.value).__name__ != "Name" or node.value.id != self.self_name:
            return None
        name = node.attr
        if name.startswith("__") and not name.endswith("__"):
            name = f"_{self.record.target.__name__.lstrip('_')}{name}"
        return str(name)

    def type_of(self, node: Any) -> Any:
        """The annotation that says what the expression's value is, None for None, or _UNKNOWN."""
        kind = type(node).__name__
        if kind == "Constant":
            return type(node.value) if type(node.value) in (int, float, bool) and _is_small(node.value) else None if node.value is None else _UNKNOWN
        if kind == "UnaryOp" and type(node.op).__name__ in ("USub", "UAdd"):
            inner = self.type_of(node.operand)
            return inner if inner in (int, float) else _UNKNOWN
        if kind in ("Compare",) and all(type(op).__name__ in ("Is", "IsNot", "In", "NotIn") for op in node.ops):
            return bool
        if kind == "UnaryOp" and type(node.op).__name__ == "Not":
            return bool
        if kind == "Attribute":
            return self.fields.get(self.attribute(node) or "", _UNKNOWN)
        if kind == "Name":
            return self.param(node.id) if node.id in self.params else _UNKNOWN
        if kind == "Call":
            return self.call(node)
        if kind in ("BinOp", "AugAssign"):
            return self.arithmetic(node)
        return _UNKNOWN

    def param(self, name: str) -> Any:
        annotation = annotations_of(self.func, [name]).get(name, _UNKNOWN)
        try:
            if isinstance(annotation, Later):
                annotation = self.record.evaluate(annotation)
            if annotation is MISSING:
                return _UNKNOWN
            resolved = resolve_type(annotation, self.record.evaluate)
        except Exception:
            return _UNKNOWN
        if resolved is None or resolved == "None" or isinstance(resolved, list):
            return _UNKNOWN
        default = self.defaults.get(name)
        if default is not None and not _default_fits(self.type_of(default), resolved):
            return _UNKNOWN
        return self.record.evaluate(annotation) if isinstance(annotation, str) else annotation

    def call(self, node: Any) -> Any:
        if type(node.func).__name__ != "Name" or node.func.id in self.params:
            return _UNKNOWN
        name = node.func.id
        scope = self.func.__globals__
        if name not in self.func.__code__.co_names:  # a local, or of the function around
            return _UNKNOWN
        if name == self.record.target.__name__ and scope.get(name, self.record.target) is self.record.target:
            return self.record.target
        if name in scope:
            value = scope[name]
            return value if isinstance(value, type) and "__jitd_record__" in value.__dict__ else _UNKNOWN
        return _ANNOTATIONS[_CALLS[name]] if name in _CALLS else _UNKNOWN

    def arithmetic(self, node: Any) -> Any:
        """int with int is an int, where a float is among the operands the result is one; other classes' operators may give anything."""
        operator = type(node.op).__name__
        if type(node).__name__ == "AugAssign":
            right = self.type_of(node.value)
            if operator in ("Add", "Sub", "Mult", "FloorDiv", "Mod") and right in (int, float):
                return float if right is float else _NUMBER
            if operator in ("BitAnd", "BitOr", "BitXor", "RShift", "LShift") and right is int:
                return int
            return float if operator == "Div" and right in (int, float) else _UNKNOWN
        left, right = self.type_of(node.left), self.type_of(node.right)
        if left not in (int, float) or right not in (int, float):
            return _UNKNOWN
        if operator == "Div":
            return float
        if operator in ("Add", "Sub", "Mult", "FloorDiv", "Mod"):
            return float if float in (left, right) else int
        return int if operator in ("BitAnd", "BitOr", "BitXor", "RShift", "LShift") and left is right is int else _UNKNOWN


class _Names(dict):  # type: ignore[type-arg]
    """The names of an annotation inside a method, looked up where the class stands."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def __missing__(self, name: str) -> Any:
        try:
            return self.record.evaluate(name)
        except NameError:
            raise KeyError(name) from None


def _expression(node: Any) -> Any:
    import _ast

    return _ast.Expression(body=node)


def _is_small(value: Any) -> bool:
    return not isinstance(value, int) or -(1 << 63) <= value < 1 << 63


def _default_fits(kind: Any, resolved: Any) -> bool:
    if kind is None:
        return isinstance(resolved, tuple) and bool(resolved[1])
    return {"int": int, "float": float, "bool": bool}.get(resolved if isinstance(resolved, str) else "", _UNKNOWN) is kind


_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases", "items")


def _children(node: Any) -> list[Any]:
    """The statements inside a statement, those of functions in it, too."""
    found = []
    for block in _BLOCKS:
        part = getattr(node, block, None)
        if isinstance(part, list):
            found += part
    return found


def _bound_names(body: list[Any]) -> set[str]:
    """The names that the statements bind: a parameter that is assigned to is no longer what its annotation says."""
    found: set[str] = set()
    todo: list[Any] = list(body)
    while todo:
        node = todo.pop()
        if type(node).__name__ == "Name" and type(node.ctx).__name__ != "Load":
            found.add(node.id)
        elif type(node).__name__ == "ExceptHandler" and node.name:
            found.add(node.name)
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                todo += [v for v in value if hasattr(v, "_fields")]
            elif hasattr(value, "_fields"):
                todo.append(value)
    return found
