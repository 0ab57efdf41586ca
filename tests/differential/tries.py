"""Random classes whose methods are full of try, with what raises at every place, returns, breaks and continues in them."""

from __future__ import annotations

import random
import textwrap

PRELUDE = '''
import sys
import traceback

import jitd


class Own(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.seen = len(args)


class Deeper(Own, ValueError):
    pass


class Small(Exception):
    pass


class Smaller(Small, LookupError):
    pass


def lines(error):
    """The lines of its traceback and of what it came from."""
    found = []
    while error is not None and len(found) < 6:
        found.append((type(error).__name__, str(error), [f.lineno for f in traceback.extract_tb(error.__traceback__)], error.__suppress_context__))
        error = error.__cause__ or error.__context__
    return found


def boom(n):
    if n % 3 == 0:
        raise Own(n)
    if n % 7 == 0:
        raise Deeper(n, "seven") from KeyError(n)
    return n


def handled():
    return getattr(sys.exc_info()[0], "__name__", None)


class Suppress:
    def __init__(self, log, kind):
        self.log, self.kind = log, kind

    def __enter__(self):
        self.log.append("enter")
        return len(self.log)

    def __exit__(self, kind, error, tb):
        self.log.append(("exit", kind and kind.__name__, [f.lineno for f in traceback.extract_tb(tb)] if tb else None))
        return kind is not None and issubclass(kind, self.kind)
'''

EXCEPTIONS = ["ValueError", "ZeroDivisionError", "IndexError", "KeyError", "Own", "ArithmeticError", "Exception", "(KeyError, Own)", "OverflowError", "AttributeError", "Deeper", "Small", "(Smaller, ValueError)"]


class Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.depth = self.loops = self.handlers = self.counter = 0

    def pick(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def put(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def number(self) -> str:
        rng = self.rng
        return self.pick("a", "b", "c", "n", "self.n", str(rng.randint(-3, 9)), "a + 1", "b - n", "len(xs)", "i" if self.loops else "a")

    def whole(self) -> str:
        """An int, or an exception."""
        x, y = self.number(), self.number()
        return self.pick(
            x, f"{x} + {y}", f"{x} - {y}", f"{x} * {y}", f"{x} // {y}", f"{x} % ({y})", f"xs[{x}]", f"self.half({x})", f"boom({x})", f"self.peer.n + {x}", f"self.deep({x} % 5)",
            f"d[{x}]", f"({x} << 61) * {y}", f"int(self.names[{x} % 4])", f"self.risky({x})", f"min({x}, {y})", f"({x} if {y} > 2 else xs[{y}])",
        )  # fmt: skip

    def condition(self) -> str:
        x, y = self.number(), self.number()
        return self.pick(f"{x} < {y}", f"{x} == {y}", f"{x} % 2", f"self.whole({x})", f"xs[{x}] > {y}", f"{x} in d", f"not {x}")

    def simple(self) -> None:
        name = self.pick("a", "b", "c", "n")
        kind = self.rng.randrange(13)
        if kind == 0:
            self.put(f"{name} = {self.whole()}")
        elif kind == 1:
            self.put(f"{name} += {self.whole()}")
        elif kind == 2:
            self.put(f"self.n = ({self.whole()}) % 1000")
        elif kind == 3:
            self.put(f"self.x += {self.number()} / ({self.number()})")
        elif kind == 4:
            self.put(f"self.log.append({self.whole()})")
        elif kind == 5:
            self.put(f"xs[{self.number()}] = {self.whole()}")
        elif kind == 6:
            self.put(f"self.log.append(({', '.join(self.pick('a', 'b', 'c', 'n') for _ in range(2))}, handled()))")
        elif kind == 7:
            self.put(f"{name}, {self.pick('a', 'b', 'c')} = {self.whole()}, {self.number()}")
        elif kind == 8:
            self.put(self.pick("raise ValueError('v')", "raise Own(a)", f"raise KeyError({self.number()})", "raise Deeper", "raise Small", "raise Smaller(a, 'b')", "raise Small(f'{n} of {self.x}')", "assert a > b, 'less'", "assert (n := n + 1) % 2"))
        elif kind == 9:
            self.put(f"{name} = sum([{self.whole().replace('i', 'k') if False else 'k * 2'} for k in xs])")
        elif kind == 10:
            self.put(f"self.items[{self.number()}].n += 1")
        elif kind == 11:
            self.put(f"d[{self.number()}] = {self.whole()}")
        else:
            self.put(f"{name} = {self.pick('late', 'late + 1')}" if self.chance(0.2) else f"late = {self.number()}")

    def jump(self) -> None:
        choices = ["return a", f"return {self.whole()}", "return None", "return self.x"]
        if self.loops:
            choices += ["break", "continue"] * 3
        self.put(self.rng.choice(choices))

    def block(self, size: int) -> None:
        self.depth += 1
        for _ in range(self.rng.randint(1, size)):
            self.statement()
        if self.chance(0.15):
            self.jump()
        self.depth -= 1

    def handler(self) -> None:
        self.depth += 1
        self.handlers += 1
        kind = self.rng.randrange(6)
        if kind == 0:
            self.put("raise")
        elif kind == 1:
            self.put("raise Own(a) from e")
        elif kind == 2:
            self.put("raise IndexError('again')")
        elif kind == 3:
            self.depth -= 1
            self.block(2)
            self.depth += 1
        self.put(self.pick("self.log.append(lines(e))", "self.log.append((a, b, c, n, handled()))", "self.log.append((repr(e), self.n, self.x))"))
        self.handlers -= 1
        self.depth -= 1

    def quiet(self, size: int) -> None:
        """What needs no exception: it is compiled."""
        self.depth += 1
        for _ in range(self.rng.randint(1, size)):
            name, x, y = self.pick("a", "b", "c", "n"), self.pick("a", "b", "n", "self.n", "3"), self.pick("a", "c", "n", "self.n", "-2")
            kind = self.rng.randrange(7 if self.depth < 7 else 6)
            if kind == 6:
                self.put(f"if {x} {self.pick('<', '==', '>=')} {y}{self.pick('', ' and not c', ' or n > 2')}:")
                self.quiet(2)
                if self.chance(0.4):
                    self.put("else:")
                    self.quiet(1)
            else:
                self.put(self.pick(f"{name} = {x} {self.pick('+', '-', '*')} {y}", f"{name} += {y}", f"{name} = {x}", "self.x = self.x - 0.5", "self.n = 7", "pass"))
        if self.chance(0.3):
            self.put(self.pick("return a", "return None", "return self.x", *(("continue", "break") * 2 if self.loops else ())))
        self.depth -= 1

    def attempt(self) -> None:
        self.put("try:")
        self.block(3)
        finals = self.chance(0.45)
        handlers = self.rng.randint(0 if finals else 1, 2)
        for _ in range(handlers):
            if self.chance(0.5):
                self.put(f"except {self.rng.choice(EXCEPTIONS)}:")
                self.quiet(3)
            else:
                self.put(f"except {self.rng.choice(EXCEPTIONS)} as e:")
                self.handler()
        if handlers and self.chance(0.3):
            self.put("else:")
            self.block(2)
        if finals:
            self.put("finally:")
            self.depth += 1
            self.put(self.pick("self.n += 1", "self.log.append('f')", "self.x += 0.5", "self.log.append((a, n))", "self.log.append(handled())"))
            self.depth -= 1
            if self.chance(0.4):
                self.block(2)

    def loop(self) -> None:
        if self.loops >= 2:
            self.simple()
            return
        self.counter += 1
        kind, count = self.rng.randrange(5), f"w{self.counter}"
        if kind == 4:
            self.put(f"for i in ({self.pick('a', 'b', 'c', 'n')}, {self.rng.randint(0, 3)}, {self.pick('a', 'b', 'c', 'n')}):")
        elif kind == 0:
            self.put(f"for i in range({self.rng.randint(1, 4)}):")
        elif kind == 1:
            self.put("for i in xs:")
        elif kind == 2:
            self.put("for i, k in enumerate(xs):")
        else:
            self.put(f"{count} = 0")
            self.put(f"while {count} < {self.rng.randint(1, 4)}:")
        self.loops += 1
        if kind == 3:
            self.depth += 1
            self.put(f"{count} += 1")
            self.put(f"i = {count}")
            self.depth -= 1
        self.block(3)
        self.loops -= 1
        if self.chance(0.2):
            self.put("else:")
            self.block(2)

    def managed(self) -> None:
        self.put(f"with Suppress(self.log, {self.rng.choice(EXCEPTIONS)}){self.pick('', ' as w', ' as c')}:")
        self.block(3)

    def statement(self) -> None:
        kind = self.rng.random()
        if self.depth >= 7 or kind < 0.45 or len(self.lines) > 70:
            self.simple()
        elif kind < 0.7:
            self.attempt()
        elif kind < 0.82:
            self.loop()
        elif kind < 0.9:
            self.put(f"if {self.condition()}:")
            self.block(2)
            if self.chance(0.4):
                self.put("else:")
                self.block(2)
        elif kind < 0.95:
            self.managed()
        else:
            self.jump()

    def method(self, name: str) -> list[str]:
        self.lines, self.depth = [], 1
        self.put(f"def {name}(self, a: int, b: int, xs: list[int], d: dict[int, int]) -> int:")
        self.depth = 2
        self.put("c = a - b")
        self.put("n = 0")
        self.depth = 1
        self.attempt_first()
        self.depth = 2
        self.put(self.pick("return n", "return a + c", "return self.n"))
        return self.lines

    def attempt_first(self) -> None:
        self.depth += 1
        if self.chance(0.5):
            self.loop()
        self.attempt()
        for _ in range(self.rng.randint(0, 2)):
            self.statement()
        self.depth -= 1


CLASS = '''
@decorated
class Node:
    n: int
    x: float
    peer: "Node | None"
    log: list
    names: list
    items: "list[Node]"

    def __init__(self, n: int) -> None:
        self.n = n
        self.x = 0.0
        self.peer = None
        self.log = []
        self.names = ["1", "x", "22", ""]
        self.items = []

    def half(self, k: int) -> int:
        if k % 2:
            raise ValueError(f"odd: {k}")
        return k // 2

    def deep(self, k: int) -> int:
        if k <= 0 or k > 8:
            return self.n // (k - k)
        return self.deep(k - 1) + 1

    def risky(self, k: int) -> int:
        self.n += 1
        try:
            return 100 // k + self.half(k)
        except ZeroDivisionError:
            return -1
        finally:
            self.n += 1

    def whole(self, k: int) -> bool:
        return self.half(k) > 1
'''

PROGRAM = '''
def program(objects, attempt):
    node = Node(4)
    other = Node(2)
    node.items = [node, other]
    objects += [node, other]
    for name in {names}:
        for a, b, xs, d in [(1, 2, [3, 4, 5], {{1: 2}}), (0, 3, [], {{}}), (5, 5, [0, 1], {{5: 0, 0: 1}}), (-2, 7, [7, 0, 3, 1], {{-2: 7}}), (3, 0, [2, 2, 2], {{0: 0, 3: 3}})]:
            attempt(lambda: (getattr(node, name)(a, b, xs, d), xs, d, node.log, other.log))
            del node.log[:]
        node.peer = other
'''


def tries_source(rng: random.Random) -> str:
    maker = Maker(rng)
    names = [f"m{i}" for i in range(rng.randint(1, 3))]
    methods = ["\n".join(maker.method(name)) for name in names]
    return PRELUDE + CLASS + "\n" + "\n\n".join(methods) + "\n" + textwrap.dedent(PROGRAM.format(names=names))
