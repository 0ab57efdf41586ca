"""Sources that take a compiler long: kinds of programs that grow with a number, each as large as its author likes."""

import os
import subprocess
import time
from pathlib import Path
from typing import Callable

HEAD = "import jitd, math\nfrom typing import Optional\n"
CLASS = HEAD + "@jitd.jitclass\nclass B:\n    x: int\n    y: float\n    n: Optional['B'] = None\n"
KINDS: dict[str, Callable[[int], str]] = {}


def kind(make: Callable[[int], str]) -> Callable[[int], str]:
    KINDS[make.__name__] = make
    return make


def lines(n: int, line: str, depth: int = 2) -> str:
    """`line` n times, with its number."""
    return "".join("    " * depth + line.replace("#", str(i)) + "\n" for i in range(n))


def method(body: str, result: str = "int", parameters: str = "a: int, b: float, m: 'B', o: Optional['B']", end: str = "return a") -> str:
    return CLASS + f"    def f(self, {parameters}) -> {result}:\n{body}        {end}\n"


def nested(n: int, heads: list[str], inner: str, depth: int = 2) -> str:
    """`inner` within n blocks with these heads in turn."""
    text = "".join("    " * (depth + i) + heads[i % len(heads)].replace("#", str(i)) + "\n" for i in range(n))
    return text + "    " * (depth + n) + inner + "\n"


# ---- expressions ----


@kind
def statements(n: int) -> str:
    return method(lines(n, "a = a * 3 + #"))


@kind
def float_statements(n: int) -> str:
    return method(lines(n, "b = b * 1.5 + #.25"), "float", end="return b")


@kind
def one_sum(n: int) -> str:
    return method("", end="return " + " + ".join(["a"] * n))


@kind
def parentheses(n: int) -> str:
    return method(lines(n // 190 + 1, "a = " + "(a + " * 190 + "#" + ")" * 190))


@kind
def boolean_chain(n: int) -> str:
    return method("", "bool", end="return " + " or ".join(f"a == {i} and b < {i}.5" for i in range(n)))


@kind
def comparison_chain(n: int) -> str:
    return method("", "bool", end="return " + " < ".join(f"a + {i}" for i in range(n)))


@kind
def conditional_expressions(n: int) -> str:
    return method(lines(n // 60 + 1, "a = " + "".join(f"({i} if a == {i} else " for i in range(60)) + "#" + ")" * 60))


@kind
def divisions(n: int) -> str:
    return method(lines(n, "a = (a // (a + #)) % (a - #) + (a >> 1)"))


@kind
def powers(n: int) -> str:
    return method(lines(n, "b = b ** 1.5 + float(a ** 2) + abs(b) + round(b)"), "float", end="return b")


@kind
def mathematics(n: int) -> str:
    return method(lines(n, "b = math.sin(b) + math.sqrt(b) + math.floor(b) + math.fmod(b, 3.0)"), "float", end="return b")


@kind
def large_constants(n: int) -> str:
    return method(lines(n, f"b = b + float({10**18}#) + {'9' * 300}.0"), "float", end="return b")


@kind
def min_and_max(n: int) -> str:
    return method(lines(n, "a = min(a, #, max(a, #, 7), 9)"))


@kind
def logic_of_bits(n: int) -> str:
    return method(lines(n, "a = (a & #) | (a ^ #) | ~a << 2"))


# ---- control flow ----


@kind
def ifs(n: int) -> str:
    return method(lines(n, "if a == #: a = a + 1"))


@kind
def nested_ifs(n: int) -> str:
    return method(nested(90, ["if a > #:", "if b > #.5:"], "a = a + 1") * (n // 90 + 1))


@kind
def elifs(n: int) -> str:
    return method("        if a < 0: a = 1\n" + lines(min(n, 900), "elif a == #: a = a * 2"))


@kind
def loops(n: int) -> str:
    return method(lines(n, "for i in range(a): a = a + i * #"))


@kind
def nested_loops(n: int) -> str:
    return method(nested(19, ["for i# in range(a):", "while a > #:"], "a = a - 1") * (n // 19 + 1))


@kind
def breaks(n: int) -> str:
    return method("        while a > 0:\n" + lines(n, "if a == #: break", 3) + lines(n, "if a == -#: continue", 3) + "            a = a - 1\n")


@kind
def returns(n: int) -> str:
    return method(lines(n, "if a == #: return # * a"))


@kind
def asserts(n: int) -> str:
    return method(lines(n, "assert a != #, 'no'"))


@kind
def raises(n: int) -> str:
    return method(lines(n, "if a == #: raise ValueError('no')"))


@kind
def tries(n: int) -> str:
    return method(lines(n, "try: a = a + #\n        except ValueError: a = 0"))


@kind
def nested_tries(n: int) -> str:
    body = nested(18, ["try:"], "a = a + 1")
    for i in reversed(range(18)):
        body += "    " * (2 + i) + "except ValueError: a = a * 2\n"
    return method(body * (n // 18 + 1))


@kind
def nested_finally(n: int) -> str:
    """What is to be done at the end is done on each way out."""
    deep = min(n, 18)
    body = nested(deep, ["try:"], "if a > 5: return a")
    for i in reversed(range(deep)):
        body += "    " * (2 + i) + "finally:\n" + "    " * (3 + i) + f"if a == {i}: a = a + 1\n"
    return method(body)


@kind
def finally_and_returns(n: int) -> str:
    deep = 12
    body = "        while a > 0:\n" + nested(deep, ["try:"], "a = a + 1", 3) + lines(n, "if a == #: return a", 3 + deep)
    body += lines(n, "if a == -#: break", 3 + deep) + lines(n, "if a == 1 - #: continue", 3 + deep)
    for i in reversed(range(deep)):
        body += "    " * (3 + i) + "finally:\n" + "    " * (4 + i) + "a = a - 1\n"
    return method(body)


@kind
def finally_in_finally(n: int) -> str:
    """Each doubles what is within it."""
    deep = min(n, 18)

    def level(i: int) -> str:
        at = "    " * (2 + i)
        return at + "a = a + 1\n" if i == deep else at + f"try: a = a + {i}\n" + at + "finally:\n" + level(i + 1)

    return method(level(0))


@kind
def withs(n: int) -> str:
    return method(lines(n, "with m.n: a = a + #"))


# ---- values ----


@kind
def locals_of_a_function(n: int) -> str:
    return method(lines(n, "v# = a + #") + "        while a > 0:\n            a = a - 1\n" + lines(n, "a = a + v#"))


@kind
def locals_in_a_loop(n: int) -> str:
    return method(lines(n, "v# = a + #") + "        for i in range(a):\n" + lines(n, "v# = v# + i", 3) + lines(n, "a = a + v#"))


@kind
def parameters(n: int) -> str:
    n = min(n, 2000)
    names = ", ".join(f"p{i}: int" for i in range(n))
    return method("", parameters=names, end="return " + " + ".join(f"p{i}" for i in range(n)))


@kind
def tuples(n: int) -> str:
    return method(lines(n, "a, b = (a + #, b + 1.0)"))


@kind
def wide_tuples(n: int) -> str:
    n = min(n, 2000)
    return method("        t = (" + ", ".join(f"a + {i}" for i in range(n)) + ")\n", end="return " + " + ".join(f"t[{i}]" for i in range(n)))


@kind
def nested_tuples(n: int) -> str:
    """Each twice as large."""
    return method("        t0 = (a, b)\n" + "".join(f"        t{i + 1} = (t{i}, t{i})\n" for i in range(min(n, 40))))


@kind
def kinds_of_a_local(n: int) -> str:
    return method(lines(n, "if a == #: v = a\n        else: v = b\n        b = b + v"))


@kind
def none_or_number(n: int) -> str:
    return method(lines(n, "v = None if a == # else a\n        if v is not None: a = a + v"))


# ---- objects ----


@kind
def objects(n: int) -> str:
    return method("        p = self\n" + lines(n, "p = B(#, b, p)"), end="return p.x")


@kind
def stores(n: int) -> str:
    return method(lines(n, "self.x = self.x + #; m.n = self; self.n = m"))


@kind
def reads(n: int) -> str:
    return method(lines(n, "if o is not None and o.n is not None and o.n.n is not None: a = a + o.n.n.x"))


@kind
def long_paths(n: int) -> str:
    return method(lines(n // 50 + 1, "a = a + self" + ".n" * 50 + ".x"))


@kind
def fields(n: int) -> str:
    body = HEAD + "@jitd.jitclass\nclass B:\n" + lines(n, "x#: int", 1)
    return body + "    def f(self) -> int:\n        a = 0\n" + lines(n, "a = a + self.x#") + "        return a\n"


@kind
def references(n: int) -> str:
    body = HEAD + "@jitd.jitclass\nclass B:\n" + lines(n, "x#: Optional['B'] = None", 1)
    return body + "    def f(self, m: 'B') -> int:\n" + lines(n, "self.x# = m.x#") + "        return 1\n"


@kind
def methods(n: int) -> str:
    return CLASS + lines(n, "def f#(self, a: int) -> int: return self.x * a + #", 1)


@kind
def methods_of_loops(n: int) -> str:
    body = lines(40, "for i in range(a): a = a + i * #")
    return CLASS + "".join(f"    def f{i}(self, a: int) -> int:\n{body}        return a\n" for i in range(n // 50 + 1))


@kind
def chain_of_methods(n: int) -> str:
    return CLASS + "".join(f"    def f{i}(self, a: int) -> int: return self.f{i + 1}(a) + 1\n" for i in range(n)) + f"    def f{n}(self, a: int) -> int: return a\n"


@kind
def methods_that_double(n: int) -> str:
    """What is written out where it is called would double each time."""
    n = min(n, 300)
    return CLASS + "".join(f"    def f{i}(self, a: int) -> int: return self.f{i + 1}(a) + self.f{i + 1}(a + 1)\n" for i in range(n)) + f"    def f{n}(self, a: int) -> int: return a\n"


@kind
def all_call_all(n: int) -> str:
    n = min(n, 120)
    calls = " + ".join(f"self.f{i}(a - 1)" for i in range(n))
    return CLASS + lines(n, f"def f#(self, a: int) -> int: return # if a < 1 else {calls}", 1)


@kind
def kinds_of_arguments(n: int) -> str:
    """Each function for each kind of what it is given."""
    n = min(n, 60)
    body = CLASS
    for i in range(n):
        body += f"    def f{i}(self, a, b, c):\n        return self.f{i + 1}(b, c, a) + self.f{i + 1}(a, a, b) + self.f{i + 1}(c, a, a)\n"
    return body + f"    def f{n}(self, a, b, c):\n        return a + b + c\n    def go(self) -> float:\n        return self.f0(1, 2.0, True) + 0.5\n"


@kind
def classes(n: int) -> str:
    body = HEAD
    for i in range(n):
        body += f"@jitd.jitclass\nclass C{i}:\n    x: int\n" + (f"    n: 'C{i - 1}'\n" if i else "")
        body += "    def f(self, a: int) -> int:\n        return self.x + a" + (" + self.n.f(a)\n" if i else "\n")
    return body


@kind
def deep_inheritance(n: int) -> str:
    n = min(n, 200)
    body = HEAD + "@jitd.jitclass\nclass C0:\n    x: int\n    def f(self, a: int) -> int:\n        return self.x + a\n"
    for i in range(1, n):
        body += f"@jitd.jitclass\nclass C{i}(C{i - 1}):\n    x{i}: int = 0\n    def f(self, a: int) -> int:\n        return super().f(a) + self.x{i}\n"
    return body


@kind
def wide_inheritance(n: int) -> str:
    n = min(n, 300)
    body = HEAD + "@jitd.jitclass\nclass C:\n    x: int\n    def f(self, a: int) -> int:\n        return self.x + a\n"
    for i in range(n):
        body += f"@jitd.jitclass\nclass C{i}(C):\n    def f(self, a: int) -> int:\n        return self.x * a + {i}\n"
    return body + "@jitd.jitclass\nclass User:\n    c: C\n    def g(self, a: int) -> int:\n" + lines(n, "a = a + self.c.f(a)") + "        return a\n"


# ---- what is Python's ----


def of_list(line: str, n: int) -> str:
    return method(lines(n, line), parameters="a: int, s: str, l: list[int], d: dict[int, int]")


@kind
def list_items(n: int) -> str:
    return of_list("a = a + l[#]; l[a] = #", n)


@kind
def appends(n: int) -> str:
    return of_list("l.append(a + #)", n)


@kind
def dict_items(n: int) -> str:
    return of_list("d[#] = d[a] + 1", n)


@kind
def texts(n: int) -> str:
    return of_list("if s == 'text #' or s[#] in s[1:2]: a = a + len(s + 'x')", n)


@kind
def format_strings(n: int) -> str:
    return of_list("s = f'{a} {s!r:>{a}} {#}'", n)


@kind
def comprehensions(n: int) -> str:
    return of_list("l = [i + a for i in l if i > #]", n)


@kind
def nested_comprehensions(n: int) -> str:
    inner = "i17"
    heads = " ".join(f"for i{k} in {'l' if not k else f'range(i{k - 1})'}" for k in range(18))
    return of_list(f"a = a + sum({inner} + # {heads})", n // 18 + 1)


@kind
def generators(n: int) -> str:
    return of_list("a = a + sum(i * # for i in l) if any(i > # for i in l) else max(i for i in l)", n)


@kind
def loops_over_lists(n: int) -> str:
    return of_list("for i, j in zip(l, d): a = a + i * j + #", n)


@kind
def globals_of_the_module(n: int) -> str:
    return HEAD + lines(n, "g# = #", 0) + CLASS[len(HEAD):] + "    def f(self, a: int) -> int:\n" + lines(n, "a = a + g#") + "        return a\n"


@kind
def unknown_calls(n: int) -> str:
    return of_list("a = a + int(open(s).read(#))", n)


@kind
def lambdas(n: int) -> str:
    return of_list("l.sort(key=lambda i: i + #)", n)


def compiled(compiler: Path, directory: Path, name: str, n: int) -> dict[str, float]:
    """What a compilation of it takes: s, those of the processor, MiB."""
    source = directory / f"{name}_{n}.py"
    source.write_text(KINDS[name](n))
    start = time.monotonic()
    process = subprocess.Popen([compiler, source], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1), (name, n, process.returncode)  # 1: it is refused as a whole
    return {"seconds": time.monotonic() - start, "processor": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}
