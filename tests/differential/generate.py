"""Random typed programs in the language that jitd compiles: a class with fields and methods, and functions beside it.

Everything comes from one random.Random, so a seed names a program. Types are kept by construction (a local has one type);
values are not: what overflows, divides by zero or is no number is the point.
"""

INTS = [0, 1, -1, 2, -2, 3, 7, -7, 10, 63, 64, 255, -256, 2**31 - 1, -(2**31), 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63)]
SMALL = [0, 1, -1, 2, -2, 3, 5, -7, 10, 17]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 0.1, 1e-3, 3.7, -123.456, 2.0**53, 1e308, -1e308, 5e-324, float("nan"), float("inf"),
          float("-inf"), 9.3e18, -9.3e18]
TAME = [0.0, 1.0, -1.5, 0.25, 3.7, -123.456, 1e3]
TOTAL = ["sin", "cos", "tan", "exp", "expm1", "atan", "sinh", "cosh", "tanh", "asinh", "fabs", "degrees", "radians"]
PARTIAL = ["sqrt", "log", "log2", "log10", "log1p", "asin", "acos", "acosh", "atanh"]
MATH2 = ["atan2", "pow", "fmod", "hypot", "copysign"]
FIELDS = {"int": ["i", "j"], "float": ["x", "y"], "bool": ["flag"]}
KINDS = ["int", "float", "bool"]


class Method:
    """What a caller must know: parameters and result."""

    def __init__(self, name, params, result, kind):
        self.name, self.params, self.result, self.kind = name, params, result, kind
        self.effects = False


class Generator:
    """Writes one class with methods and some functions."""

    def __init__(self, rng, name, methods=24, functions=6):
        self.rng, self.name = rng, name
        self.lines = []
        self.functions, self.methods = [], []
        for k in range(functions):
            self.functions.append(self.function(f"fun{k}", "function"))
        self.put(0, "")
        self.put(0, "@decorate_class")
        self.put(0, f"class {name}:")
        for kind, names in FIELDS.items():
            for field in names:
                self.put(1, f"{field}: {kind}")
        self.put(1, f'peer: "{name} | None" = None')
        for k in range(methods):
            self.methods.append(self.function(f"m{k}", "static" if rng.random() < 0.08 else "method"))

    def source(self):
        return "\n".join(self.lines) + "\n"

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    def pick(self, *weighted):
        """One of (weight, value) pairs."""
        return self.rng.choices([v for _, v in weighted], [w for w, _ in weighted])[0]

    # ---- functions ----

    def function(self, name, kind):
        rng = self.rng
        params = [(f"{'ifb'[KINDS.index(k)]}{n}", k) for n, k in enumerate(rng.choices(KINDS, [5, 5, 1], k=rng.randint(1, 4)))]
        result = rng.choices(["int", "float", "bool", "tuple", "None"], [6, 6, 1, 1, 1])[0]
        self.this = Method(name, params, result, kind)
        self.scope = {k: [p for p, t in params if t == k] for k in KINDS}
        self.fresh = self.loops = self.budget = 0
        self.tuple_kinds = rng.choices(KINDS, k=rng.randint(2, 3))
        self.this.tuple_kinds = self.tuple_kinds
        depth = 0 if kind == "function" else 1
        self.put(depth, "") if kind != "function" else [self.put(0, ""), self.put(0, "")]
        if kind == "function":
            self.put(0, "@decorate_function")
        elif kind == "static":
            self.put(1, "@staticmethod")
        heads = (["self"] if kind == "method" else []) + [f"{p}: {t}" for p, t in params]
        arrow = f" -> {self.result_text()}" if rng.random() < 0.8 else ""
        self.put(depth, f"def {name}({', '.join(heads)}){arrow}:")
        self.budget = rng.randint(1, 6)
        self.block(depth + 1, rng.randint(1, 4), top=True)
        self.ret(depth + 1)
        return self.this

    def result_text(self):
        return f"tuple[{', '.join(self.tuple_kinds)}]" if self.this.result == "tuple" else self.this.result

    def ret(self, depth):
        result = self.this.result
        if result == "None":
            self.put(depth, "return" if self.rng.random() < 0.3 else "return None")
        elif result == "tuple":
            self.put(depth, "return " + ", ".join(self.expr(k, 2) for k in self.tuple_kinds))
        else:
            self.put(depth, "return " + self.expr(result, 2))

    # ---- statements ----

    def block(self, depth, n, top=False):
        """At least one statement. What is bound in a block is not used after it, unless it is the function's own."""
        saved = {k: list(v) for k, v in self.scope.items()}
        before = len(self.lines)
        for _ in range(n):
            if self.budget <= 0:
                break
            self.budget -= 1
            self.statement(depth)
        if len(self.lines) == before:
            self.put(depth, "pass")
        if not top:
            self.scope = saved

    def statement(self, depth):
        method = self.this.kind == "method"
        make = self.pick((6, self.assign), (4, self.augment), (3, self.branch), (2, self.for_loop), (1, self.while_loop),
                         (1, self.leave), (1, self.raise_), (1, self.assert_), (1, self.swap), (3 if method else 0, self.store),
                         (1 if method else 0, self.augment_field), (0.3, self.unpack))
        make(depth)

    def new_name(self, kind):
        self.fresh += 1
        return f"{'nzt'[KINDS.index(kind)]}{self.fresh}"

    def assign(self, depth):
        kind = self.rng.choice(KINDS)
        known = [v for v in self.scope[kind] if v not in self.counters()]
        if known and self.rng.random() < 0.4:
            self.put(depth, f"{self.rng.choice(known)} = {self.expr(kind, 2)}")
        else:
            name = self.new_name(kind)
            self.put(depth, f"{name} = {self.expr(kind, 2)}")
            self.scope[kind].append(name)

    def counters(self):
        return [f"k{n}" for n in range(self.loops)]

    def augment(self, depth):
        kind = self.rng.choice(["int", "float"])
        known = [v for v in self.scope[kind] if v not in self.counters()]
        if not known:
            self.assign(depth)
            return
        self.put(depth, f"{self.rng.choice(known)} {self.augmented(kind)}")

    def augmented(self, kind):
        if kind == "float":
            return f"{self.rng.choice(['+', '-', '*', '/'])}= {self.number(2)}"
        op = self.pick((4, "+"), (4, "-"), (2, "*"), (1, "//"), (1, "%"), (1, "&"), (1, "|"), (1, "^"), (1, ">>"))
        return f"{op}= {self.expr('int', 2)}"

    def store(self, depth):
        kind = self.rng.choice(KINDS)
        self.this.effects = True
        self.put(depth, f"self.{self.rng.choice(FIELDS[kind])} = {self.expr(kind, 2)}")

    def augment_field(self, depth):
        kind = self.rng.choice(["int", "float"])
        self.this.effects = True
        self.put(depth, f"self.{self.rng.choice(FIELDS[kind])} {self.augmented(kind)}")

    def swap(self, depth):
        kind = self.rng.choice(["int", "float"])
        known = [v for v in self.scope[kind] if v not in self.counters()]
        if len(known) < 2:
            self.assign(depth)
            return
        a, b = self.rng.sample(known, 2)
        self.put(depth, f"{a}, {b} = {self.rng.choice([b, self.expr(kind, 1)])}, {a}")

    def unpack(self, depth):
        a, b = self.new_name("int"), self.new_name("int")
        if self.rng.random() < 0.5:
            self.put(depth, f"{a}, {b} = divmod({self.expr('int', 1)}, {self.expr('int', 1)})")
            self.scope["int"] += [a, b]
        else:
            c = self.new_name("float")
            self.put(depth, f"{a}, ({c}, {b}) = {self.expr('int', 2)}, ({self.expr('float', 2)}, {self.expr('int', 1)})")
            self.scope["int"] += [a, b]
            self.scope["float"].append(c)

    def branch(self, depth):
        self.put(depth, f"if {self.expr('bool', 2)}:")
        self.block(depth + 1, self.rng.randint(1, 3))
        if self.rng.random() < 0.3:
            self.put(depth, f"elif {self.expr('bool', 2)}:")
            self.block(depth + 1, self.rng.randint(1, 2))
        if self.rng.random() < 0.5:
            self.put(depth, "else:")
            self.block(depth + 1, self.rng.randint(1, 3))

    def loop_body(self, depth):
        self.block(depth + 1, self.rng.randint(1, 3))
        if self.rng.random() < 0.3:
            self.put(depth + 1, f"if {self.expr('bool', 1)}:")
            self.put(depth + 2, self.rng.choice(["break", "continue"]))
        if self.rng.random() < 0.25:
            self.put(depth, "else:")
            self.block(depth + 1, 1)

    def for_loop(self, depth):
        counter = f"k{self.loops}"
        self.loops += 1
        steps = self.pick((5, str(self.rng.randint(0, 6))), (1, f"{self.rng.randint(-3, 3)}, {self.rng.randint(-3, 9)}"),
                          (1, f"{self.rng.randint(0, 9)}, {self.rng.randint(-9, 3)}, -{self.rng.randint(1, 3)}"),
                          (1, f"{self.expr('int', 1)} & 7"), (0.2, f"0, 5, {self.expr('int', 1)} & 3"))
        items = ", ".join(self.expr("int", 1) for _ in range(self.rng.randint(1, 4)))
        self.put(depth, f"for {counter} in " + self.pick((4, f"range({steps}):"), (1, f"({items},):")))
        self.scope["int"].append(counter)
        self.loop_body(depth)
        self.scope["int"].remove(counter)

    def while_loop(self, depth):
        counter = f"k{self.loops}"
        self.loops += 1
        self.put(depth, f"{counter} = {self.rng.randint(1, 6)}")
        self.scope["int"].append(counter)
        self.put(depth, f"while {counter} > 0:")
        self.put(depth + 1, f"{counter} -= 1")
        self.loop_body(depth)

    def leave(self, depth):
        if self.rng.random() < 0.6:
            self.put(depth, f"if {self.expr('bool', 2)}:")
            self.ret(depth + 1)
        else:
            self.assign(depth)

    def raise_(self, depth):
        kind = self.rng.choice(["ValueError", "TypeError", "RuntimeError", "KeyError", "ArithmeticError", "IndexError"])
        argument = self.rng.choice(["", "()", "('wrong')", "('wrong', 3)", f"(f'bad {{{self.any_name()}}}')",
                                    f"(f'bad {{{self.any_name()}!r:>12}} or {{{self.any_name()}}}')", f"({self.any_name()})"])
        self.put(depth, f"if {self.expr('bool', 2)}:")
        self.put(depth + 1, f"raise {kind}{argument}")

    def any_name(self):
        return self.rng.choice([v for names in self.scope.values() for v in names])

    def assert_(self, depth):
        message = self.rng.choice(["", ", 'failed'", f", f'{{{self.any_name()}}}'"])
        self.put(depth, f"assert {self.expr('bool', 2)}{message}")

    # ---- expressions ----

    def expr(self, kind, depth):
        return {"int": self.int_expr, "float": self.float_expr, "bool": self.bool_expr}[kind](depth)

    def number(self, depth):
        return self.expr("int" if self.rng.random() < 0.3 else "float", depth)

    def leaf(self, kind):
        rng = self.rng
        names = self.scope[kind]
        if names and rng.random() < 0.7:
            return rng.choice(names)
        if self.this.kind == "method" and rng.random() < 0.5:
            return "self." + ("peer." if rng.random() < 0.05 else "") + rng.choice(FIELDS[kind])
        return self.constant(kind)

    def constant(self, kind):
        rng = self.rng
        if kind == "bool":
            return rng.choice(["True", "False"])
        if kind == "int":
            value = rng.choice(SMALL if rng.random() < 0.8 else INTS)
            if value == -(2**63):
                value += 1  # written as the negation of what does not fit
        else:
            value = rng.choice(TAME if rng.random() < 0.8 else FLOATS)
        text = repr(value)
        if text in ("nan", "inf"):
            return "math." + text
        return {"-inf": "(-math.inf)"}.get(text, f"({text})" if text[0] == "-" else text)

    def conditional(self, kind, depth):
        return f"({self.expr(kind, depth)} if {self.bool_expr(depth)} else {self.expr(kind, depth)})"

    def call(self, kind, depth):
        """A call of an earlier function or method with that result; None when there is none."""
        found = [m for m in self.functions + self.methods if m.result == kind]
        if self.this.kind != "method":
            found = [m for m in found if m.kind == "function"]
        if not found or self.rng.random() < 0.3:
            return None
        m = self.rng.choice(found)
        self.this.effects |= m.effects
        arguments = ", ".join(self.expr(k, depth) for _, k in m.params)
        return f"{'' if m.kind == 'function' else 'self.'}{m.name}({arguments})"

    def taken(self, takers, kind, depth):
        """A built-in function of a generator expression; in class methods, from which Python cannot go on, it is not compiled."""
        if self.this.kind not in ("method", "function"):
            return self.leaf(kind)
        name = f"g{len(self.scope['int'])}"
        turns = self.rng.choice([str(self.rng.randint(0, 5)), f"{self.leaf('int')} & 7"])
        self.scope["int"].append(name)
        element = self.expr(kind, depth)
        test = f" if {self.bool_expr(depth)}" if self.rng.random() < 0.3 else ""
        self.scope["int"].remove(name)
        taker = self.rng.choice(takers)
        if taker in ("min", "max") and self.rng.random() < 0.8:
            return f"{taker}(({element} for {name} in range({turns}){test}), default={self.rng.randint(-3, 3)})"
        return f"{taker}({element} for {name} in range({turns}){test})"

    def divisor(self):
        """Mostly not 0."""
        return self.pick((3, str(self.rng.choice([1, 2, 3, 7, 10, 64, 1000]))), (1, f"-{self.rng.choice([1, 2, 3, 7])}"),
                         (2, f"({self.leaf('int')} | 1)"), (0.5, self.leaf("int")))

    def float_divisor(self):
        return self.pick((3, repr(self.rng.choice([1.0, 2.0, 0.1, 7.5, 3]))), (1, f"-{self.rng.choice([1.0, 2.5])}"),
                         (2, f"({self.leaf('float')} + 0.5)"), (0.5, self.leaf("float")))

    def int_expr(self, depth):
        if depth <= 0:
            return self.leaf("int")
        a, b = (lambda: self.int_expr(depth - 1)), (lambda: self.int_expr(depth - 1))
        f = lambda: self.float_expr(depth - 1)
        make = self.pick(
            (6, lambda: self.leaf("int")),
            (14, lambda: f"({a()} {self.rng.choice(['+', '-', '*'])} {b()})"),
            (4, lambda: f"({a()} {self.rng.choice(['//', '%'])} {self.divisor()})"),
            (1, lambda: f"({a()} {self.rng.choice(['//', '%'])} {b()})"),
            (5, lambda: f"({a()} {self.rng.choice(['&', '|', '^'])} {b()})"),
            (2, lambda: f"({a()} >> ({b()} & {self.rng.choice([3, 31, 255])}))"),
            (0.5, lambda: f"({a()} >> {b()})"),
            (2, lambda: f"({a()} << ({b()} & {self.rng.choice([3, 15, 63])}))"),
            (1, lambda: f"({a()} << {self.rng.choice([0, 1, 2, 31, 62, 63, 64])})"),
            (0.1, lambda: f"({a()} << -1)"),
            (2, lambda: f"{a()} ** {self.rng.randint(0, 4)}" if depth < 2 else f"({a()} ** {self.rng.randint(0, 3)})"),
            (1, lambda: f"pow({a()}, {self.rng.randint(0, 3)})"),
            (3, lambda: f"({self.rng.choice(['-', '+', '~'])}{a()})"),
            (2, lambda: f"abs({a()})"),
            (2, lambda: f"{self.rng.choice(['min', 'max'])}({a()}, {b()}{self.rng.choice(['', ', ' + self.leaf('int')])})"),
            (2, lambda: f"int({f()})"),
            (1, lambda: f"round({f()})"),
            (1, lambda: f"math.{self.rng.choice(['floor', 'ceil', 'trunc'])}({f()})"),
            (1, lambda: f"int({self.bool_expr(depth - 1)})"),
            (1, lambda: f"({self.bool_expr(depth - 1)} + {b()})"),
            (1, lambda: f"divmod({a()}, {self.divisor()})[{self.rng.randint(0, 1)}]"),
            (2, lambda: self.conditional("int", depth - 1)),
            (0.5, lambda: self.taken(["sum", "sum", "min", "max"], "int", depth - 2)),
            (0.5, lambda: f"math.{self.rng.choice(['gcd', 'lcm'])}({a()}, {b()})"),
            (0.5, lambda: f"math.isqrt({self.rng.choice(['abs', ''])}({a()}))"),
            (3, lambda: self.call("int", depth - 2) or self.leaf("int")),
        )
        return make()

    def float_expr(self, depth):
        if depth <= 0:
            return self.leaf("float")
        a, n = (lambda: self.float_expr(depth - 1)), (lambda: self.number(depth - 1))
        mixed = lambda op: f"({a()} {op} {n()})" if self.rng.random() < 0.5 else f"({n()} {op} {a()})"
        make = self.pick(
            (6, lambda: self.leaf("float")),
            (16, lambda: mixed(self.rng.choice(["+", "-", "*"]))),
            (2, lambda: mixed("/")),
            (4, lambda: f"({n()} / {self.float_divisor()})"),
            (3, lambda: f"({self.int_expr(depth - 1)} / {self.divisor()})"),
            (1, lambda: mixed(self.rng.choice(["//", "%"]))),
            (3, lambda: f"({n()} {self.rng.choice(['//', '%'])} {self.float_divisor()})"),
            (2, lambda: f"({a()} ** {self.rng.choice(['2', '0.5', '-1', '3.0', '2.5', '1'])})"),
            (0.5, lambda: mixed("**")),
            (1, lambda: f"(abs({a()}) ** {self.leaf('float')})"),
            (3, lambda: f"(-{a()})"),
            (2, lambda: f"abs({a()})"),
            (2, lambda: f"{self.rng.choice(['min', 'max'])}({a()}, {a()})"),
            (3, lambda: f"float({self.int_expr(depth - 1)})"),
            (1, lambda: f"round({a()}, {self.rng.randint(0, 3)})"),
            (4, lambda: f"math.{self.rng.choice(TOTAL)}({n()})"),
            (1, lambda: f"math.{self.rng.choice(['sqrt', 'log', 'log2', 'log10', 'log1p'])}(abs({n()}) + 1)"),
            (1, lambda: f"math.{self.rng.choice(PARTIAL)}({n()})"),
            (2, lambda: f"math.{self.rng.choice(MATH2)}({n()}, {self.leaf('float')})"),
            (1, lambda: f"divmod({a()}, {self.float_divisor()})[{self.rng.randint(0, 1)}]"),
            (2, lambda: self.conditional("float", depth - 1)),
            (3, lambda: self.call("float", depth - 2) or self.leaf("float")),
        )
        return make()

    def bool_expr(self, depth):
        if depth <= 0:
            return self.leaf("bool") if self.rng.random() < 0.4 else self.compare(0)
        make = self.pick(
            (10, lambda: self.compare(depth - 1)),
            (2, lambda: f"({self.compare(depth - 1)} {self.rng.choice(['and', 'or'])} {self.bool_expr(depth - 1)})"),
            (2, lambda: f"(not {self.bool_expr(depth - 1)})"),
            (1, lambda: f"bool({self.number(depth - 1)})"),
            (1, lambda: f"math.{self.rng.choice(['isnan', 'isinf', 'isfinite'])}({self.float_expr(depth - 1)})"),
            (1, lambda: f"({self.bool_expr(depth - 1)} {self.rng.choice(['&', '|', '^', '==', '!='])} {self.bool_expr(depth - 1)})"),
            (2, lambda: self.leaf("bool")),
            (0.5, lambda: self.taken(["all", "any"], "bool", depth - 1)),
            (0.5, lambda: f"({self.int_expr(depth - 1)} {self.rng.choice(['in', 'not in'])} ({self.int_expr(depth - 1)}, {self.leaf('int')}))"),
            (0.5, lambda: "(self.peer is None)" if self.this.kind == "method" else self.leaf("bool")),
        )
        return make()

    def compare(self, depth):
        op = lambda: self.rng.choice(["<", "<=", ">", ">=", "==", "!="])
        if self.rng.random() < 0.2:
            return f"({self.number(depth)} {op()} {self.number(depth)} {op()} {self.number(depth)})"
        return f"({self.number(depth)} {op()} {self.number(depth)})"
