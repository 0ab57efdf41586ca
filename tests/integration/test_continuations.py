"""The rest of a call, jitd.resume: a function is run plainly, and again with CPython itself stopping at a site, from where the rest
that make() builds goes on, before anything else happens. Result, effects, printed lines and tracebacks must be the same.
JITD_PROGRAMS says how many random functions (8), JITD_SEED which ones (0)."""

import ast
import copy
import itertools
import os
import random
import symtable
import sys
import types
import weakref

import pytest
from twins import Twins
from jitd import resume

PROGRAMS = int(os.environ.get("JITD_PROGRAMS", "8"))
SEED = int(os.environ.get("JITD_SEED", "0"))
OCCURRENCES = 3  # of a site in one run that are stopped at
CHOICES = (ast.BoolOp, ast.IfExp)
NESTED = (ast.FunctionDef, ast.Lambda, ast.ClassDef)
NO_OPERANDS = (*CHOICES, ast.NamedExpr, ast.comprehension, ast.match_case, ast.ExceptHandler, ast.withitem)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

CASES = {}
CASES["plain"] = """
def f(o, n):
    x = e(1, n) + e(2) * e(3)
    y = -e(x) - (e(4) - (e(5) - x))
    e(6); e(7)
    return x, [y, e(8)], {e(9): e(10), "k": e(11)}, {e(12)}, (e(13), *e.many(14))
"""
CASES["calls"] = """
def f(o, n):
    x = o.m(e(1), e(2), key=e(3), **{"other": e(4)})
    o.m(o.m(e(5)).m(n).m(e(6), e(7)), key=o.m(e(8)))
    e(e(9), *e.many(10))
    print(x, e(12), sep=e.text(13))
    return max(e(14), n), e(15, e(16, e(17, x)))
"""
CASES["if"] = """
def f(o, n):
    if e(1, n) > 2:
        x = e(2)
    elif e(3) % 2 == n % 2:
        x = e(4)
        if not e(5):
            return e(6)
        x += e(7)
    else:
        x = e(8)
    return e(9, x)
"""
CASES["while"] = """
def f(o, n):
    k = 0
    while e(1, k) < n + 3:
        k += e(2)
        if k == 4:
            continue
        if e(3) == 7:
            break
        e(4)
    else:
        k = e(5)
    while True:
        k += 1
        if k > e(6):
            break
        e(7)
    return e(8, k)
"""
CASES["for"] = """
def f(o, n):
    t = 0
    for x in e.many(1):
        t += x * e(2)
        for y in range(x):
            if e(3, x, y) % 5 == n:
                continue
            if e(4) % 6 == 1:
                break
            t -= e(5)
        else:
            t += e(6)
            if n == 2:
                continue
        for z, w in zip(range(2), e.many(7)):
            t += z * w
            while e(8) % 3:
                if e(9) % 4 == 1:
                    break
                t += 1
            else:
                continue
            if e(10) % 3 == 0:
                break
        if e(11) % 7 == n:
            return e(12, t)
    else:
        e(13)
    return t, x, e(14)
"""
CASES["own iterators"] = """
class Once:
    def __init__(self):
        self.left = 3
    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        print("next", self.left)
        return self.left
class Many:
    def __iter__(self):
        print("iter")
        return Once()
def f(o, n):
    t = 1
    for x in Many():
        t = t * 2 + e(1, x)
        if t % 3 == 0:
            break
    else:
        return e(2)
    return t
"""
CASES["augmented"] = """
class Loud:
    def __init__(self, v):
        self.v = v
    def __iadd__(self, other):
        print("iadd", self.v, other)
        self.v += other
        return self
    def __isub__(self, other):
        return Loud(self.v - other)
    def __repr__(self):
        return f"Loud({self.v})"
def f(o, n):
    x = items = [1, 2, 3]
    x += e.many(1)
    items[e(2) % 3] += e(3)
    items[0:2] *= e(4) % 3
    o.loud = first = Loud(n)
    o.loud += e(5)
    o.loud -= e(6)
    o.child.n -= e(7, o.replace()) + e(8)
    o.fresh().n **= e(9) % 3
    o.table["a"] |= e(10)
    n <<= e(11) % 4
    return x, items, first, o.loud, n
"""
CASES["comparisons"] = """
def f(o, n):
    a = e(1) < e(2, n) < e(3) < e(4)
    b = n <= e(5) != e(6)
    if e(7) < e(8) <= e(9):
        a = not a
    c = e(10) in e.many(11) or e(12) is None
    return a, b, c, not e(13) < e(14)
"""
CASES["choices"] = """
def f(o, n):
    a = e(1) % 2 and e(2) % 3 and e(3)
    b = e(4) % 2 or (e(5) % 2 and e(6)) or e(7)
    c = e(8) if e(9, a) % 2 else e(10) if e(11) % 2 else e(12)
    d = e(13, (e(14) % 2 or e(15)), n and e(16) % 2, e(17))
    return a, b, c, d, not e(18) % 2, (e(19) % 2 and n) + e(20)
"""
CASES["conditions"] = """
class Truth:
    def __init__(self, k):
        self.k = k
    def __bool__(self):
        print("bool", self.k)
        return self.k % 2 == 0
    def __repr__(self):
        return f"Truth({self.k})"
def f(o, n):
    if Truth(e(1)) and Truth(n) or Truth(e(2)):
        e(3)
    x = Truth(n) and Truth(e(4)) or Truth(e(5))
    while not (Truth(e(6)) or Truth(n)):
        n += 1
    y = Truth(e(7)) if Truth(e(8)) else Truth(e(9))
    return x, y
"""
CASES["walrus"] = """
def f(o, n):
    if (k := e(1, n)) > 3 and (m := e(2)) < 9:
        n = k * m + e(3)
    e(k, (k := e(4)), k, e(5), (k := k + 1) + e(6))
    while (x := e(7)) % 3 and x < e(8):
        n += x
    return [i for i in e.many(9) if (last := i)], last, n + (n := e(10)) + n
"""
CASES["asserts"] = """
def f(o, n):
    assert e(1) > n or n == 3, "never"
    assert e(2) % 3 != n, (e(3), f"message {e(4)}")
    assert e(5)
    assert not (e(6) % 2 and n % 2), e.text(7)
    return e(8)
"""
CASES["raises"] = """
class Mine(Exception):
    def __init__(self, *args, code=None):
        super().__init__(*args, code)
def f(o, n):
    width = 8
    if n == 0:
        raise Mine(e(1), code=e(2))
    if n == 1:
        raise ValueError(f"at {n} {e(3)!r:>{width}} {width:{e(4)}} and {e.text(5)!s} {e(6) + e(7):04x}")
    if n == 2:
        raise Mine(e(8)) from KeyError(e(9), "why")
    return "%s %s" % (e(10), 1 // (e(11) * 0))
"""
CASES["errors"] = """
def f(o, n):
    x = e(1)
    if n == 0:
        return x + e(2) + None
    if n == 1:
        x = (e(3) +
             e.many(4)
             [e(5) + 100])
    if n == 2:
        for x in o.m(e(6)).fails(
                e(7), x):
            pass
    o.child.n.nothing = e(8)
"""
CASES["unbound"] = """
def f(o, n):
    if e(1) % 2:
        x = e(2)
    y = e(3)
    if n % 2:
        del y
    e(4)
    for k in range(n - 2):
        z = k
    try:
        e(5, k)
    except UnboundLocalError as error:
        e(str(error))
    print(y)
    return x, e(6), z
"""
CASES["global"] = """
COUNT = 3
NAMES = "of the module"
def f(o, n):
    global COUNT
    COUNT += e(1)
    for NAMES in range(n):
        COUNT = COUNT + e(2)
    e(3, COUNT)
    return COUNT, e(4), NAMES
"""
CASES["private"] = """
class _Base:
    def m(self, x):
        return self, x
    def __repr__(self):
        return "it"
class __Own(_Base):
    __scale = 3
    def __init__(self):
        self.__seen = 1
        self.__private__ = 2
    def f(self, o, n):
        __local = e(1) * self.__scale
        self.__seen += e(2) + __local
        self.__private__ += e(3)
        if n == 1:
            del __local
        return self.__seen, super().m(e(4)), super().m(e(5))[1], __class__.__name__, __local, self.__wrong(e(6))
    def __wrong(self, x):
        return x + self.__seen
def run(o, n):
    return globals()["__Own"]().f(o, n)
"""
CASES["private from inside"] = CASES["private"].replace("self.__wrong(e(6))", "self.__wrongs(e(6))")
CASES["itself"] = """
class C:
    def f(self, o, n):
        if n > 0:
            return C().f(o, n - e(1) % 2 - 1), e(2)
        return e(3), C.__name__
def run(o, n):
    return C().f(o, n)
"""
CASES["recursion"] = """
def f(o, n):
    return e(0) if n < 1 else f(o, n - e(1) % 1 - 1) + e(2)
"""
CASES["closure"] = """
def outer(o, n):
    count = 1
    late = None
    def f(n):
        nonlocal count
        count += e(1, n)
        x = e(2) + late
        count = count * e(3)
        return x, helper(e(4)), f.__name__, f.__qualname__
    def helper(k):
        return count + k
    late = e(5)
    return f(n)
def run(o, n):
    return outer(o, n)
"""
CASES["functions inside"] = """
def f(o, n):
    m = e(1)
    e(2, [n * i + m for i in e.many(3)], {i: j for i in e.many(4) for j in range(n)})
    e(5, list(map(lambda i: i + n, e.many(6))))
    return sum(i * n for i in e.many(7)) + e(8)
"""
CASES["seen by functions"] = """
def f(o, n):
    total = e(1)
    def add(k=e(2)):
        nonlocal total
        total += k
    add()
    return total + e(3)
"""
CASES["try"] = """
def f(o, n):
    for k in range(3):
        try:
            x = e(1, k) % 4
            if x == 0:
                raise ValueError(e(2))
            if x == 1:
                continue
            y = 1 // (e(3) % 2)
        except ValueError as error:
            print("handled", str(error))
            o.n += 1
        except ZeroDivisionError:
            n += 1
        else:
            y = e(4)
            if y % 3 == 0:
                break
            if y % 5 == 0:
                return e(5)
            if y % 7 == 0:
                raise KeyError(e(6))
        finally:
            o.n += 2
    else:
        e(7)
    return x, e(8)
"""
CASES["with state"] = """
class Manager:
    def __init__(self, k):
        print("made", k)
    def __enter__(self):
        print("in")
        return 5
    def __exit__(self, *args):
        print("out", args[0])
        return True
def f(o, n):
    with Manager(e(1)) as x, Manager(e(0)):
        e(2)
    try:
        print(e(3) // n)
    except ZeroDivisionError:
        e(4)
    finally:
        e(5)
    match (e(6), n):
        case (k, m) if e(m) % 3:
            n = e(7, k)
        case [_, 1]:
            n = e(8)
        case _:
            return e(9)
    return [e(x) for x in e.many(10) if e(11)], n, e(12)
"""
CASES["matches"] = """
def f(o, n):
    for k in range(3):
        match [e(1), n + k]:
            case [x, 1]:
                e(2, x)
                continue
            case [x, 2 | 3 as y]:
                if e(3, y) % 2:
                    break
    else:
        return e(4)
    return k, x, e(5)
"""
CASES["targets"] = """
def f(o, n):
    a, (b, *c) = d = e(1), e.many(2)
    o.n = o.child.n = e(3) + n
    o.extra: int = e(4)
    k: int = e(5)
    items = [0] * 4
    items[1], items[2:] = e(6), e.many(7)
    o.m(e(12)).m(e(13)).n = e(14) + e(15)
    o.m(e(16)).extra = n
    o.m(e(17)).extra = -1
    items[e(8) % 4] = e(9)
    for items[0] in range(e(10) % 4):
        n += items[0] + e(11)
    return a, b, c, d, k, items, n
"""
CASES["slices"] = """
def f(o, n):
    x = e.many(1)[e(2) % 2 : e(3) : e(4) + 1]
    return x, e.many(5)[: e(6)], e.many(7)[-1 : e(8)], e.many(9)[:][e(10) % 2]
"""
CASES["texts"] = """
def f(o, n):
    w = 6
    x = f"{n}{e(1)}" + f"<{e.text(2)!r:>{w}}|{n:{w}}|{e(3):0{e(4)}}>"
    return x, f"{x!r}", "é" + f"ü{e(5)}" + e.text(6), f'''
{n}{e(7)}'''
"""


class Effects:
    """e(...) of the cases: writes down its arguments and gives a small number that depends on all calls so far."""

    def __init__(self, seed):
        self.log, self.state = [], seed

    def __call__(self, *args, **kwargs):
        self.log.append((repr(args), repr(kwargs)))
        self.state = (self.state * 31 + 7 + len(self.log)) % 1009
        return self.state % 11

    def many(self, *args):
        return [self(*args) % 4, 3, 1]

    def text(self, *args):
        return "text" + str(self(*args))


class Thing:
    """o of the cases."""

    def __init__(self, effects, child=True):
        self.n, self.table = 3, {"a": 4}
        self.effects = effects
        self.child = Thing(effects, False) if child else None

    def m(self, *args, **kwargs):
        self.effects("m", *map(str, args), *kwargs)
        return self

    def fails(self, *args):
        raise KeyError(*args)

    def fresh(self):
        self.made = Thing(self.effects, False)
        return self.made

    def replace(self):
        self.old, self.child = self.child, Thing(self.effects, False)

    def __repr__(self):
        return "Thing" + str({k: v for k, v in vars(self).items() if k != "effects"})

    def __str__(self):
        return "thing"


class World:
    """What a case runs in."""

    def __init__(self, case, code, number, **more):
        self.effects, self.case, self.number = Effects(number), case, number
        self.thing = Thing(self.effects)
        self.globals = {"__name__": "case", "e": self.effects, "print": self.print, **more}
        exec(code, self.globals)

    def print(self, *args, **kwargs):
        self.effects.log.append(("print", repr(args), repr(kwargs)))

    def run(self):
        return self.globals.get("run", self.globals.get("f"))(self.thing, self.number)

    def outcome(self, call):
        """What can be seen of a call of the case's function."""
        try:
            end = ("returned", repr(call()))
        except Exception as error:
            end = ("raised", type(error).__name__, repr(error.args), self.case.traceback(error))
        return end, list(self.effects.log), repr(self.thing), repr(self.globals.get("COUNT"))


class Abandoned(BaseException):
    """The call has gone on elsewhere."""


class Case:
    """A module with a function f, somewhere in it."""

    def __init__(self, path, text):
        path.write_text(text, encoding="utf-8")
        self.path, self.text = str(path), text
        self.code = compile(text, self.path, "exec")
        self.tree = ast.parse(text)
        self.function = function_of(self.tree)
        self.f_code = next(c for c in codes(self.code) if c.co_name == "f")
        self.locals = own_locals(symtable.symtable(text, self.path, "exec"))

        self.nodes = list(ast.walk(self.function))
        self.parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}

    def path_to(self, node):
        path = [node]
        while path[0] is not self.function:
            path.insert(0, self.parents[path[0]])
        return path

    def traceback(self, error):
        """The functions and places of this module that it came through. CPython 3.11 can be one instruction off for a local without
        a value, once the code has run a few times."""
        if sys.version_info[:2] == (3, 11) and isinstance(error, UnboundLocalError):
            return []
        found, entry = [], error.__traceback__
        while entry:
            code = entry.tb_frame.f_code
            if code.co_filename == self.path and (found or code.co_name == "f"):
                place = (entry.tb_lineno,)
                if sys.version_info >= (3, 11):
                    place = (code.co_qualname, *list(code.co_positions())[entry.tb_lasti // 2])
                found.append((code.co_name, place))
            entry = entry.tb_next
        return found

    def expected(self, number):
        world = World(self, self.code, number)
        return world.outcome(world.run)


def codes(code):
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return inner + [c for one in inner for c in codes(one)]


def function_of(tree):
    return next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "f")


def own_locals(table):
    """Of f, as the compiler spells them. i and j are a comprehension's own in all cases: since 3.12 it is no table of its own."""
    for inner in table.get_children():
        if inner.get_name() == "f":
            return [s.get_name() for s in inner.get_symbols() if s.is_local() and s.get_name() not in ("i", "j")]
        if (found := own_locals(inner)) is not None:
            return found
    return None


def span(node):
    return [node.lineno, node.col_offset, node.end_lineno, node.end_col_offset]


# ---- sites, and what is evaluated already there ----


def sites(function):
    """(kind, node) of all places where f can stop."""
    found, todo = [], [(node, None) for node in reversed(function.body)]
    while todo:
        node, parent = todo.pop()
        if isinstance(node, NESTED):
            continue
        if isinstance(node, (ast.For, ast.While)):
            found.append(("loop", node))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and in_condition(parent, node):
            todo.append((node.operand, node))  # CPython makes no value of it
            continue
        if has_a_value(node, parent):
            found.append(("value", node))
        if isinstance(node, COMPREHENSIONS):
            todo.append((node.generators[0].iter, node))
        elif not isinstance(node, ast.pattern):
            skipped = node.annotation if isinstance(node, ast.AnnAssign) else None
            todo += [(child, node) for child in reversed(list(ast.iter_child_nodes(node))) if child is not skipped]
    return found


def has_a_value(node, parent):
    if not isinstance(node, ast.expr) or isinstance(node, (ast.Starred, ast.Slice, ast.FormattedValue)):
        return False
    if isinstance(parent, ast.AugAssign) and node is parent.target:
        return True
    text = isinstance(parent, ast.JoinedStr) or isinstance(parent, ast.FormattedValue) and node is not parent.value
    return not text and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def in_order(node):
    if isinstance(node, ast.Dict):
        return [part for pair in zip(node.keys, node.values) for part in pair if part]
    return list(ast.iter_child_nodes(node))


def sets_one_place(node):
    return isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], (ast.Attribute, ast.Subscript))


def before(parent, child):
    """(kind, node) of what waits while a child of this node is evaluated."""
    if isinstance(parent, ast.For):
        return [("iterator", parent)] if child in parent.body else []
    if isinstance(parent, ast.AugAssign):
        if child is parent.target:
            return []
        return [*target_waits(parent.target), ("loaded", parent)]
    if isinstance(parent, ast.Compare):
        operands = [parent.left, *parent.comparators]
        place = operands.index(child)
        return waits(operands[place - 1]) if place else []
    if sets_one_place(parent) and child is parent.targets[0]:
        return waits(parent.value)
    if isinstance(parent, (ast.stmt, *NO_OPERANDS)) and not isinstance(parent, ast.Raise):
        return []
    parts = in_order(parent)
    called = isinstance(parent, ast.Call)
    return [v for n in parts[: parts.index(child)] for v in waits(n, called and n is parent.func)]


def target_waits(target):
    return [v for field in ("value", "slice") if hasattr(target, field) for v in waits(getattr(target, field))]


def waits(node, called=False):
    if isinstance(node, (ast.Constant, ast.Name)) and (called or isinstance(node, ast.Constant)):
        return []
    if called and isinstance(node, ast.Attribute):
        value = node.value
        if isinstance(value, ast.Name) and value.id == "e" or isinstance(value, ast.Call) and value.func.__dict__.get("id") == "super":
            return []
        return waits(value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return []
    if isinstance(node, (ast.keyword, ast.FormattedValue, ast.Slice)) or isinstance(node, ast.JoinedStr) and called is None:
        inner = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)]
        return [v for n in inner for v in waits(n, None)]
    evaluated = isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    return [("value", node)] if evaluated else []


def operands_at(case, kind, site):
    path = case.path_to(site)
    found = [v for parent, child in itertools.pairwise(path) for v in before(parent, child)]
    if isinstance(path[-2], ast.AugAssign) and site is path[-2].target:
        found += target_waits(site)
    return found + [("iterator" if kind == "loop" else "value", site)] * (not isinstance(site, ast.While))


# ---- CPython itself stops at a site ----


class Stopping(ast.NodeTransformer):
    """Makes f write down its operands, and stop at the site."""

    def __init__(self, operands, site):
        self.numbers = {}
        for number, (kind, node) in enumerate(operands):
            self.numbers[node, kind] = number
        self.site, self.fresh = site, itertools.count()

    def call(self, method, like, *args):
        args = [a if isinstance(a, ast.AST) else ast.Constant(a) for a in args]
        made = ast.Call(ast.Attribute(ast.Name("stop.here", ast.Load()), method, ast.Load()), args, [])
        return ast.copy_location(made, like)

    def visit(self, node):
        if isinstance(node, (ast.AugAssign, ast.For, ast.While)):
            return getattr(self, "visit_" + type(node).__name__)(node)
        return self.seen(node, self.generic_visit(node))

    def seen(self, node, new):
        number = self.numbers.get((node, "value"))
        if number is None:
            return new
        return self.call("stop" if node is self.site else "record", node, number, new)

    def visit_AugAssign(self, node):
        """In steps, as CPython does it."""
        (target, number), steps = (node.target, self.numbers.get((node, "loaded"))), []
        kept = f"stop.{next(self.fresh)}"
        for field in [f for f in ("value", "slice") if not isinstance(target, ast.Name) and hasattr(target, f)]:
            part, name = self.visit(getattr(target, field)), f"stop.{next(self.fresh)}"
            if isinstance(part, ast.Slice):
                bounds = [bound or ast.Constant(None) for bound in (part.lower, part.upper, part.step)]
                part = ast.Call(ast.Name("slice", ast.Load()), bounds, [])
            steps.append(ast.Assign([ast.Name(name, ast.Store())], part))
            setattr(target, field, ast.Name(name, ast.Load()))
        load = copy.copy(target)
        load.ctx = ast.Load()
        loaded = self.seen(target, load) if number is None else self.call("record", node, number, load)
        steps.append(ast.Assign([ast.Name(kept, ast.Store())], loaded))
        steps.append(ast.AugAssign(ast.Name(kept, ast.Store()), node.op, self.visit(node.value)))
        steps.append(ast.Assign([target], ast.Name(kept, ast.Load())))
        return [ast.copy_location(step, node) for step in steps]

    def visit_For(self, node):
        number = self.numbers.get((node, "iterator"))
        self.generic_visit(node)
        if number is not None:
            node.iter = self.call("head" if node is self.site else "iterate", node.iter, number, node.iter)
        return node

    def visit_While(self, node):
        self.generic_visit(node)
        if node is self.site:
            head = self.call("stop", node, -1, True)
            node.test = ast.copy_location(ast.BoolOp(ast.And(), [head, node.test]), node)
        return node


class Head:
    """Stops each time a loop wants its next item."""

    def __init__(self, here, number, iterator):
        self.here, self.number, self.iterator = here, number, iterator

    def __iter__(self):
        return self

    def __next__(self):
        self.here.stop(self.number, self.iterator)
        return next(self.iterator)


class Going:
    """An iterable of one use."""

    def __init__(self, iterator):
        self.iterator = iterator

    def __iter__(self):
        return self.iterator


class Here:
    """A site of a case: f stops there, and its rest is called at once."""

    def __init__(self, case, kind, site):
        self.case, self.kind, self.site = case, kind, site
        self.operands = operands_at(case, kind, site)
        self.where = [kind, *span(site)]
        self.wanted = [[k, *span(node)] for k, node in self.operands]
        self.code, self.rests = self.instrumented(), {}

    def instrumented(self):
        tree = ast.parse(self.case.text)  # cheaper than a copy
        function = function_of(tree)
        same = dict(zip(self.case.nodes, ast.walk(function)))
        stopping = Stopping([(kind, same[node]) for kind, node in self.operands], same[self.site])
        body = []
        for statement in function.body:
            new = stopping.visit(statement)
            body += new if isinstance(new, list) else [new]
        function.body = body
        function.decorator_list.append(ast.copy_location(ast.Name("registered", ast.Load()), function))
        return compile(ast.fix_missing_locations(tree), self.case.path, "exec")

    def register(self, function):
        self.function = function
        return function

    def rest(self, unbound):
        """The rest for these unbound locals; the others are said to be bound."""
        if unbound not in self.rests:
            run = self.function
            cells = dict(zip(run.__code__.co_freevars, run.__closure__ or ()))
            closure = tuple(cells[name] for name in self.case.f_code.co_freevars)
            func = types.FunctionType(self.case.f_code, self.world.globals, "f", run.__defaults__, closure)
            func.__qualname__ = run.__qualname__
            self.rests[unbound] = resume.make(func, self.where, [[n, n in unbound] for n in self.case.locals], self.wanted)
        made = self.rests[unbound]
        cells = dict(zip(self.function.__code__.co_freevars, self.function.__closure__ or ()))
        closure = tuple(cells[name] for name in made.__code__.co_freevars)
        return types.FunctionType(made.__code__, self.world.globals, "f", made.__defaults__, closure)

    def record(self, number, value):
        self.values[number] = value
        return value

    def iterate(self, number, iterable):
        return Going(self.record(number, iter(iterable)))

    def head(self, number, iterable):
        return Head(self, number, iter(iterable))

    def stop(self, number, value):
        frame = sys._getframe(1)
        frame = frame.f_back if frame.f_code.co_name == "__next__" else frame
        self.left -= frame.f_back.f_code is not frame.f_code  # it may call itself
        if self.left != 0:
            return value
        if number >= 0:
            self.values[number] = value
        bound = frame.f_locals
        rest = self.rest(frozenset(n for n in self.case.locals if n not in bound))
        given = [bound.get(n, resume.UNBOUND) for n in self.case.locals] + [self.values[i] for i in range(len(self.wanted))]
        self.outcome = self.world.outcome(lambda: rest(given))
        assert given == []
        raise Abandoned

    def run(self, number, occurrence):
        """The outcome when the rest goes on from this occurrence of the site; None if it is not reached so often."""
        self.values, self.left, self.outcome = {}, occurrence, None
        self.world = World(self.case, self.code, number, **{"stop.here": self, "registered": self.register})
        try:
            self.world.run()
        except resume.Unsupported:
            raise
        except (Abandoned, Exception):
            pass
        return self.outcome


def compared(case, numbers, chosen):
    """How many times a rest went on, and how many sites were refused."""
    expected = {number: case.expected(number) for number in numbers}
    went_on = refused = 0
    for kind, site in chosen:
        refusal = refusal_of(case, site)
        here = Here(case, kind, site)
        for number, occurrence in itertools.product(numbers, range(1, OCCURRENCES + 1)):
            try:
                outcome = here.run(number, occurrence)
            except resume.Unsupported as error:
                assert refusal in str(error), f"{kind} {ast.unparse(site)}, line {site.lineno}: {error}"
                refused += 1
                break
            if outcome is not None:
                assert refusal == "nothing", ast.unparse(site)
                assert outcome == expected[number], f"{kind} {ast.unparse(site)}, line {site.lineno}, f(o, {number}), {occurrence}"
                went_on += 1
    return went_on, refused


def refusal_of(case, site):
    """Why nothing can go on from there."""
    path = case.path_to(site)
    if case.f_code.co_cellvars and any(isinstance(node, ast.Nonlocal) for node in ast.walk(case.function)):
        return "sees a local that changes"
    for parent, child in itertools.pairwise(path):
        if (isinstance(parent, ast.ExceptHandler) and (child is parent.type or not needs_no_exception(parent))) or child in getattr(parent, "finalbody", ()):
            return "in a handler or a finally block"
        if isinstance(parent, ast.With) and child is not parent.items[0]:
            return "in a with statement that was entered"
        if isinstance(parent, ast.match_case) and child is parent.guard:
            return "in a pattern's guard"
        if child in getattr(parent, "targets", ()) and not sets_one_place(parent) or not isinstance(parent, ast.AugAssign) and child is getattr(parent, "target", None):
            return "in a target"
    chosen = isinstance(site, CHOICES) or isinstance(site, ast.Compare) and len(site.ops) > 1
    return "condition that is no value" if chosen and in_condition(path[-2], site) else "nothing"


def needs_no_exception(handler):
    loud = (ast.Call, ast.Raise, ast.Subscript, ast.Try, ast.With, ast.For, ast.While, ast.Delete, ast.JoinedStr, ast.comprehension, ast.Assert)
    return handler.name is None and not any(isinstance(node, (*loud, ast.Match, ast.IfExp, ast.Expr, ast.AnnAssign, ast.Tuple)) for node in ast.walk(handler) if node is not handler.type)


def in_condition(parent, node):
    negated = isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    return negated or isinstance(parent, (*CHOICES, ast.If, ast.While, ast.Assert))


@pytest.mark.parametrize("name", CASES)
def test_every_site(tmp_path, name):
    case = Case(tmp_path / "case.py", CASES[name])
    went_on, refused = compared(case, range(4), sites(case.function))
    assert went_on > refused or case.f_code.co_cellvars


# ---- random functions ----


class Writer:
    """Writes a random function. Loops end: a while statement counts its turns."""

    def __init__(self, chance):
        self.chance, self.lines, self.number = chance, ["def f(o, n):", "    x = y = z = n"], 0
        self.block(1, 3, "")
        self.lines.append(f"    return x, y, {self.value(1)}")

    def pick(self, *choices):
        return self.chance.choice(choices)

    def effect(self, *args):
        self.number += 1
        return f"e({', '.join([str(self.number), *args])})"

    def value(self, depth):
        if depth == 0:
            return self.pick("x", "y", "n", "z", "o.n", "2", self.effect(), self.effect())
        a, b, c = (self.value(depth - 1) for _ in range(3))
        return self.pick(
            f"{a} + {b} * {c}", f"({a} - {b})", f"{a} // ({b} % 3)", f"-{a}", self.effect(a, b), self.effect(a, f"key={b}"),
            f"o.m({a}, {b}).n", f"({a} < {b} <= {c})", f"({a} and {b} or {c})", f"({a} or {b})", f"({a} if {b} else {c})",
            f"[{a}, {b}, {c}][{b} % 4]", f"(z := {a}) + {b}", f"(not {a})", f"len(f'{{{self.effect()}}}{{{self.effect()}:>{{{self.effect()}}}}}')", f"max({a}, {b})",
        )  # fmt: skip

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    def block(self, depth, left, loop):
        for _ in range(self.chance.randrange(1, 4)):
            self.statement(depth, left, loop)
        if loop and self.chance.random() < 0.3:
            self.put(depth, f"if {self.value(1)}:")
            self.put(depth + 1, self.pick("break", "continue", f"return {self.value(1)}"))

    def statement(self, depth, left, loop):
        kinds = ["assign", "augmented", "augmented", "store", "call", "delete", "assertion"]
        kinds += ["if_", "while_", "for_", "try_"] * 2 * (left > 0)
        getattr(self, self.pick(*kinds))(depth, left - 1, loop)

    def assign(self, depth, left, loop):
        self.put(depth, f"{self.pick('x', 'y', 'z', 'x = y')} = {self.value(2)}")

    def augmented(self, depth, left, loop):
        target = self.pick("x", "y", "o.n", "o.child.n", "o.m(x).n", "o.table[y]")
        self.put(depth, f"{target} {self.pick('+', '-', '*', '//')}= {self.value(1)}")

    def store(self, depth, left, loop):
        self.put(depth, f"o.n = {self.value(1)}")

    def call(self, depth, left, loop):
        self.put(depth, f"print({self.value(1)}, o.m({self.value(1)}, key={self.value(0)}))")

    def delete(self, depth, left, loop):
        self.put(depth, self.pick("del z", "y = 3"))

    def assertion(self, depth, left, loop):
        self.put(depth, f"assert {self.value(1)} + 9, {self.value(1)}")

    def if_(self, depth, left, loop):
        self.put(depth, f"if {self.value(1)}:")
        self.block(depth + 1, left, loop)
        self.orelse(depth, left, loop)

    def orelse(self, depth, left, loop):
        if self.chance.random() < 0.5:
            self.put(depth, "else:")
            self.block(depth + 1, left, loop)

    def while_(self, depth, left, loop):
        self.number += 1
        turns = f"turns{self.number}"
        self.put(depth, f"{turns} = 0")
        self.put(depth, f"while {turns} < 3 and {self.value(1)} != 3:")
        self.put(depth + 1, f"{turns} += 1")
        self.block(depth + 1, left, "loop")
        self.orelse(depth, left, loop)

    def for_(self, depth, left, loop):
        self.put(depth, f"for {self.pick('x', 'y', 'z')} in {self.pick(f'range({self.effect()} % 4)', f'e.many({self.number})')}:")
        self.block(depth + 1, left, "loop")
        self.orelse(depth, left, loop)

    def try_(self, depth, left, loop):
        self.put(depth, "try:")
        self.block(depth + 1, left, loop)
        self.put(depth, f"except {self.pick('ArithmeticError', 'UnboundLocalError', 'Exception')}:")
        self.put(depth + 1, f"x = {self.effect()}")
        self.orelse(depth, left, loop)
        if self.chance.random() < 0.5:
            self.put(depth, "finally:")
            self.put(depth + 1, f"o.n += {self.effect()}")


@pytest.mark.parametrize("number", range(SEED, SEED + PROGRAMS))
def test_random_functions(tmp_path, number):
    chance = random.Random(number)
    case = Case(tmp_path / "case.py", "\n".join(Writer(chance).lines) + "\n")
    found = sites(case.function)
    went_on, _ = compared(case, range(2), found[:4] + chance.sample(found, min(len(found), 40)))
    assert went_on


# ---- what the rest is, and what it wants ----


def function(tmp_path, text, name="f", **more):
    """A function of a file, the places of pieces of its text, and its globals."""
    path = tmp_path / "written.py"
    path.write_text(text, encoding="utf-8")
    space = {"__name__": "written", **more}
    exec(compile(text, str(path), "exec", dont_inherit=True), space)
    lines = text.splitlines()

    def place(kind, piece, around=None):
        """Of a piece in the only line that has what is around it."""
        (number,) = [i for i, line in enumerate(lines, 1) if (around or piece) in line]
        line = lines[number - 1]
        column = len(line[: line.index(piece, line.index(around or piece))].encode())
        return [kind, number, column, number, column + len(piece.encode())]

    func = space
    for part in name.split("."):
        func = func[part] if isinstance(func, dict) else getattr(func, part)
    return func, place, space


ADD = """
import contextlib
def f(a, b):
    "Adds."
    c = a + g(b)
    return c
"""


def test_start_and_end(tmp_path):
    f, _, _ = function(tmp_path, ADD, g=lambda x: x * 2)
    start = ["start", 0, 0, 0, 0]
    given = [1, 2]
    assert resume.make(f, start, [["a", False], ["b", False]], [])(given) == 5 and given == []
    assert resume.make(f, start, [["b", True], ["a", True]], [])([2, 1]) == 5
    assert resume.make(f, ["end", 5, 0, 5, 0], [], [])([]) is None
    with pytest.raises(UnboundLocalError) as raised:
        resume.make(f, start, [["b", True], ["a", True]], [])([2, resume.UNBOUND])
    assert raised.traceback[-1].lineno + 1 == 5
    with pytest.raises(resume.Unsupported, match="there are operands at the start"):
        resume.make(f, start, [], [["value", 5, 8, 5, 9]])


def test_what_the_function_is(tmp_path):
    text = "from __future__ import annotations\nclass C:\n    @staticmethod\n    def f(a, *, b=3):\n        return (a, b)\n"
    f, place, space = function(tmp_path, text, "C.f")
    rest = resume.make(f, place("object", "b", " b)"), [], [place("value", "a", "a, b)"), place("value", "b", " b)")])
    assert rest([1, 2]) == (1, 2)
    assert type(rest) is types.FunctionType and rest.__globals__ is space and rest.__module__ == "written"
    assert (rest.__name__, rest.__qualname__, rest.__code__.co_name) == ("f", "C.f", "f")
    assert rest.__code__.co_filename == f.__code__.co_filename and rest.__code__.co_firstlineno == f.__code__.co_firstlineno == 3
    if sys.version_info >= (3, 11):
        assert rest.__code__.co_qualname == "C.f"


def test_an_object_is_let_go_when_it_is_used(tmp_path):
    """Neither the list nor the rest holds an operand or a local longer than the call would."""

    class Held:
        def __add__(self, other):
            return other

    text = "def f(a, b):\n    c = a + g(b)\n    a = None\n    return seen()\n"
    f, place, space = function(tmp_path, text)
    known = []
    space["seen"] = lambda: [ref() is None for ref in known]
    site = place("value", "g(b)")
    rest = resume.make(f, site, [["a", False]], [place("value", "a", "a + g"), site])
    given = [Held(), Held(), 3]
    known += map(weakref.ref, given[:2])
    assert rest(given) == [True, True]


def test_a_local_stays_one_when_it_is_not_handed_over(tmp_path):
    """Even if there is a global of that name, and nothing that is left binds it."""
    text = "def f(a):\n    b = g(a)\n    g(1)\n    if a:\n        del b\n    g(2)\n    return [b for _ in (1,)], b\n"
    f, place, _ = function(tmp_path, text, g=abs, b="a global", a="a global")
    site = place("value", "g(2)")
    with pytest.raises((UnboundLocalError, NameError), match=r"\bb\b"):
        resume.make(f, site, [["a", False]], [site])([1, 2])
    assert resume.make(f, site, [["b", False]], [site])([1, 2]) == ([1], 1)


def test_an_iterator_is_not_asked_for_its_iterator(tmp_path):
    class Bare:
        left = 3

        def __next__(self):
            if not self.left:
                raise StopIteration
            self.left -= 1
            return self.left

    f, place, _ = function(tmp_path, "def f(n):\n    t = 0\n    for x in n: t += x\n    else: return t\n")
    loop = ["loop", 3, 4, 4, 18]
    assert resume.make(f, loop, [["t", False]], [["iterator", *loop[1:]]])([10, Bare()]) == 13


def test_columns_are_bytes_of_the_file(tmp_path):
    text = "if 1:\n class Ä:\n  def f(self, é):\n  \treturn ('ü', é, self.ö(é), é\n# less\n)\n"
    f, place, _ = function(tmp_path, text, "Ä.f")
    site = place("value", "self.ö(é)")
    rest = resume.make(f, site, [["é", False]], [place("value", "é", "é, self"), site])
    assert rest([1, 2, 3]) == ("ü", 2, 3, 1)


FIRST_ARGUMENTS = """
class A:
    def m(self): return "A.m"
class B(A):
    def f(this, n):
        n += g(1)
        return super().m(), n
    def h(this, n):
        n = g(2)
        return [super(B, this).m(), (lambda: this)(), __class__]
"""


def test_super_wants_the_first_argument(tmp_path):
    f, place, space = function(tmp_path, FIRST_ARGUMENTS, "B.f", g=abs)
    site, loaded = place("value", "g(1)"), place("loaded", "n += g(1)")
    rest = resume.make(f, site, [["this", False]], [loaded, site])
    assert rest([space["B"](), 2, 3]) == ("A.m", 5)
    with pytest.raises(resume.Unsupported, match="super"):
        resume.make(f, site, [], [loaded, site])
    site = place("value", "g(2)")
    this = space["B"]()
    assert resume.make(space["B"].h, site, [["this", False]], [site])([this, 3]) == ["A.m", this, space["B"]]


SITE, LEFT = ("value", "g(b)"), ("value", "a", "a + g")
REFUSED = {
    "nothing needs the value": (SITE, [LEFT, ("value", "c", "return c"), SITE]),
    "nothing needs the iterator": (SITE, [LEFT, ("iterator", "a + g(b)"), SITE]),
    "a at .* is evaluated, and not handed over": (SITE, [SITE]),
    "handed over twice": (SITE, [LEFT, LEFT, SITE]),
    "is not the last operand": (SITE, [LEFT]),
    "0 nodes are a value": (("value", "g(b"), [("value", "g(b")]),
    "0 nodes are a loop": (("loop", "g(b)"), []),
    "a site is no 'middle'": (("middle", "g(b)"), []),
}


@pytest.mark.parametrize("why", REFUSED)
def test_operands_that_are_not_those_it_needs(tmp_path, why):
    f, place, _ = function(tmp_path, ADD)
    where, operands = REFUSED[why]
    with pytest.raises(resume.Unsupported, match=why):
        resume.make(f, place(*where), [], [place(*operand) for operand in operands])


NO_REST = {
    r"locals\(\) sees all": "def f(a):\n    return locals(), g(a)\n",
    "generators": "def f(a):\n    yield g(a)\n",
    "coroutines": "async def f(a):\n    return g(a)\n",
    "has rewritten the code": "f = lambda a: g(a)\n",
    "in a Lambda": "def f(a):\n    return lambda: g(a)\n",
    "in a comprehension": "def f(a):\n    return [g(a) for i in a]\n",
    "in a FunctionDef": "def f(a):\n    def h(x=g(a)): pass\n",
    "in a ClassDef": "def f(a):\n    class C(g(a)): pass\n",
    "in a Delete": "def f(a):\n    del g(a).x\n",
    "in a target": "def f(a):\n    g(a).x = b = 1\n",
    "a call at .* not handed over": "def f(a):\n    return (yes(1) + g(a))\n",
    r"\*\*k is evaluated": "def f(a, k):\n    return {**k, g(a): 1}\n",
    "Starred": "def f(a, k):\n    return [*k, g(a)]\n",
    "a long display": "def f(a):\n    return {" + "1, " * 20 + "g(a)}\n",
    "a local that changes": "def f(a):\n    b = 1\n    h = lambda: b\n    b = g(a)\n    return h()\n",
}


@pytest.mark.parametrize("why", NO_REST)
def test_no_rest(tmp_path, why):
    f, place, _ = function(tmp_path, NO_REST[why])
    with pytest.raises(resume.Unsupported, match=why):
        resume.make(f, place("value", "g(a)"), [], [place("value", "g(a)")])


def test_locals_that_are_none(tmp_path):
    f, place, _ = function(tmp_path, "def f(a):\n    global k\n    k = [i for i in g(a)]\n    return abs(k)\n")
    site = place("value", "g(a)")
    for name in ("k", "i", "abs", "nothing"):
        with pytest.raises(resume.Unsupported, match="these are no locals"):
            resume.make(f, site, [[name, False]], [site])


def test_a_source_that_has_changed(tmp_path):
    f, place, _ = function(tmp_path, ADD)
    (tmp_path / "written.py").write_text(ADD.replace("+", "-"))
    with pytest.raises(resume.Unsupported, match="has changed"):
        resume.make(f, place("value", "g(b)"), [], [place(*LEFT), place(*SITE)])


CHANGED_BELOW = '''
def patch(cls, what):
    if what == "method":
        cls.step = lambda self, i: 500
    elif what == "constant":
        cls.K = 7000
    else:
        global FACTOR
        FACTOR = 90000


FACTOR = 2


@jitclass
class A:
    n: int
    K = 3

    def step(self, i: int) -> int:
        return i * self.K + self.n * FACTOR

    def deep(self, i: int, what: str) -> int:
        if i == 3:
            patch(A, what)
        return 1

    def hook(self, i: int, what: str) -> int:
        return self.deep(i, what) + self.n

    def run(self, m: int, what: str) -> int:
        t = 0
        for i in range(m):
            t += self.step(i)
            t += self.hook(i, what)
        return t

    def outer(self, m: int, what: str):
        return self.run(m, what) * 2 + self.step(1), self.run(2, what)
'''


@pytest.mark.parametrize("what", ["method", "constant", "global"])
def test_what_python_changes_below_a_compiled_callee(tmp_path, what):
    """Each of the callers that are under way in compiled code goes on in Python."""
    twins = Twins(tmp_path, f"changed_{what}", CHANGED_BELOW)
    results = [[world.A(1).outer(m, what) for m in (2, 6, 6)] for world in (twins.plain, twins.compiled)]
    assert results[0] == results[1] and len(set(results[0])) > 1
