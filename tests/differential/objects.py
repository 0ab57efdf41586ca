"""Random programs of two classes that refer to each other: aliases through parameters and fields, stores of references, construction in
methods, None and its narrowing, an own __init__, properties, operators, recursion, defaults, keywords, parameters without annotation,
walrus, tuples, int and float mixed, locals that may be unbound, effects in the order of evaluation, loops with else and break.

A seed names a program. Most of it keeps its types; what the compiler refuses runs as Python, and counts as refused."""

HEAD = '''
STEP = 3


@decorate_class
class Box:
    k: int
    w: float
    owner: "Node | None"

    def __init__(self, owner: "Node | None", k: int = 2, *, w: float = 0.5):
        self.k = k + 1
        self.owner = owner
        self.w = w if k > 0 else -w

    @property
    def weight(self) -> float:
        self.k += 1
        return self.w * self.k

    @weight.setter
    def weight(self, w: float) -> None:
        self.w = w
        self.k -= 1

    def __len__(self) -> int:
        return abs(self.k) & 3

    def __lt__(self, other: "Box") -> bool:
        return self.k < other.k


@decorate_class
class Node:
    n: int
    x: float = 0.25
    link: "Node | None" = None
    box: "Box | None" = None

    def tick(self, v: int) -> int:
        self.n = (self.n * 3 + v) & 0xFFFF
        return v

    def tock(self, v: float = 1.5, *, by: int = 1) -> float:
        self.x = self.x * 0.5 + v
        self.n += by
        return v

    def linked(self, to: "Node | None" = None) -> "Node":
        self.link = to
        return self

    def deep(self, d: int) -> int:
        if d <= 0:
            return self.n
        self.n += 1
        next = self.link
        return self.deep(d - 1) + (next.deep(d - 2) if next is not None else 0)

    @property
    def size(self) -> int:
        return self.n & 7

    @size.setter
    def size(self, v: int) -> None:
        self.n += v

    def __add__(self, other):
        return Node(self.n + other.n, self.x, self, other.box)

    def __eq__(self, other) -> bool:
        return self.n == other.n

    def __neg__(self) -> "Node":
        return Node(-self.n, link=self.link)
'''


class ObjectWriter:
    """Writes one method of Node."""

    def __init__(self, rng, index):
        self.rng, self.index, self.lines, self.fresh = rng, index, [], 0
        self.budget = rng.randint(3, 9)
        plain = rng.random() < 0.4
        heads = ["self"] + ["other", "p", "f"] if plain else ["self", 'other: "Node"', "p: int", "f: float"]
        default = rng.random() < 0.3
        if default:
            heads[-1] += "=1.25" if plain else " = 1.25"
        self.scope = {"int": ["p"], "float": ["f"], "node": ["self", "other"], "maybe": [], "box": [], "maybebox": []}
        self.unbound = []
        self.put(1, f"def m{index}({', '.join(heads)}):")
        self.block(2, rng.randint(2, 5), False)
        self.put(2, "return " + self.result())

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    def chance(self, p):
        return self.rng.random() < p

    def name(self, kind):
        self.fresh += 1
        return f"{kind[0]}{kind[-1] if kind.startswith('maybe') else ''}{self.fresh}"

    def pick(self, *weighted):
        return self.rng.choices([v for _, v in weighted], [w for w, _ in weighted])[0]

    # ---- values ----

    def int_(self, d=2):
        if d <= 0:
            return self.pick((4, lambda: self.rng.choice(self.scope["int"])), (2, lambda: str(self.rng.choice([0, 1, 2, 3, 7, 2**40]))),
                             (3, lambda: f"{self.node(0)}.n"), (1, lambda: "STEP"), (1, lambda: f"{self.node(0)}.size"))()
        return self.pick(
            (4, lambda: self.int_(0)),
            (5, lambda: f"({self.int_(d - 1)} {self.rng.choice('+-*&|^')} {self.int_(d - 1)})"),
            (1, lambda: f"({self.int_(d - 1)} {self.rng.choice(['//', '%'])} {self.rng.choice(['3', '7', '(p | 1)', 'p'])})"),
            (3, lambda: f"{self.node(1)}.tick({self.int_(d - 1)})"),
            (1, lambda: f"{self.node(0)}.deep({self.rng.randint(0, 4)})"),
            (1, lambda: f"({self.int_(d - 1)} if {self.bool_(d - 1)} else {self.int_(d - 1)})"),
            (1, lambda: f"(t := {self.int_(d - 1)}) + t"),
            (1, lambda: f"int({self.float_(d - 1)})"),
            (1, lambda: f"max({self.int_(d - 1)}, {self.int_(0)})"),
            (1, lambda: f"({self.int_(d - 1)}, {self.float_(0)})[0]"),
            (0.7, lambda: f"{self.box(1)}.k"), (0.5, lambda: f"len({self.box(1)})"),
            (0.5, lambda: f"{self.maybe(0)}.n"),
            (0.7 if self.index else 0, lambda: f"int({self.call()})" if self.chance(0.5) else self.int_(0)),
        )()

    def float_(self, d=2):
        if d <= 0:
            return self.pick((4, lambda: self.rng.choice(self.scope["float"])), (2, lambda: self.rng.choice(["0.0", "0.5", "-2.25", "1e300"])),
                             (3, lambda: f"{self.node(0)}.x"))()
        return self.pick(
            (4, lambda: self.float_(0)),
            (5, lambda: f"({self.float_(d - 1)} {self.rng.choice('+-*')} {self.rng.choice([self.float_, self.int_])(d - 1)})"),
            (1, lambda: f"({self.float_(d - 1)} / {self.rng.choice(['4.0', '(f + 3.5)', 'p'])})"),
            (2, lambda: f"{self.node(1)}.tock({self.rng.choice(['', self.float_(d - 1), 'by=' + self.int_(0), self.float_(0) + ', by=' + self.int_(0)])})"),
            (1, lambda: f"({self.float_(d - 1)} if {self.bool_(d - 1)} else {self.rng.choice([self.float_, self.float_, self.int_])(d - 1)})"),
            (0.7, lambda: f"{self.box(1)}.weight"),
            (0.5, lambda: f"max(0, {self.float_(d - 1)})"),
        )()

    def bool_(self, d=2):
        return self.pick(
            (4, lambda: f"{self.int_(d - 1)} {self.rng.choice(['<', '>', '==', '!=', '<='])} {self.int_(d - 1)}"),
            (1, lambda: f"{self.float_(d - 1)} < {self.rng.choice([self.float_, self.int_])(d - 1)}"),
            (1, lambda: f"{self.int_(0)} < {self.int_(1)} <= {self.int_(1)}"),
            (2, lambda: f"{self.maybe(0)} is {self.rng.choice(['', 'not '])}None"),
            (2, lambda: f"{self.node(0)} is {self.rng.choice(['', 'not '])}{self.rng.choice([self.node, self.maybe])(0)}"),
            (1, lambda: f"{self.node(0)} {self.rng.choice(['==', '!='])} {self.node(0)}"),
            (1, lambda: f"not {self.bool_(d - 1)}" if d else "True"),
            (2, lambda: f"({self.bool_(d - 1)} {self.rng.choice(['and', 'or'])} {self.bool_(d - 1)})" if d else "False"),
            (0.7, lambda: f"{self.box(0)} < {self.box(0)}"),
        )()

    def node(self, d=1):
        if d <= 0:
            return self.rng.choice(self.scope["node"])
        return self.pick(
            (6, lambda: self.node(0)),
            (1, lambda: f"({self.node(0)} + {self.node(0)})"),
            (1, lambda: f"(-{self.node(0)})"),
            (1, lambda: f"Node({self.int_(1)}{self.rng.choice(['', ', ' + self.float_(0), ', link=' + self.maybe(0), ', ' + self.float_(0) + ', ' + self.maybe(0)])})"),
            (1, lambda: f"{self.node(0)}.linked({self.rng.choice(['', self.maybe(0), 'to=' + self.node(0)])})"),
            (1, lambda: f"({self.maybe(0)} or {self.node(0)})" if False else f"({self.node(0)} if {self.bool_(0)} else {self.node(0)})"),
        )()

    def maybe(self, d=1):
        return self.pick((3, lambda: f"{self.node(0)}.link"), (3, lambda: self.rng.choice(self.scope["maybe"] or ["None"])), (1, lambda: "None"),
                         (2, lambda: self.node(d)))()

    def box(self, d=1):
        if self.scope["box"] and (d <= 0 or self.chance(0.7)):
            return self.rng.choice(self.scope["box"])
        owner, k = self.maybe(0), self.int_(0)
        return f"Box({self.rng.choice([owner, owner + ', ' + k, 'k=' + k + ', owner=' + owner, owner + ', w=' + self.float_(0)])})"

    def call(self):
        index = self.rng.randint(0, min(self.index, 3) - 1)  # few, or calls in loops of calls in loops take for ever
        extra = self.rng.choice([f", {self.float_(0)}", f", f={self.float_(0)}"])
        return f"{self.node(0)}.m{index}({self.node(0)}, {self.int_(0)}{extra})"

    def result(self):
        return self.pick((4, self.int_), (3, self.float_), (1, self.bool_), (2, self.node), (1, self.maybe),
                         (1, lambda: f"{self.int_(1)}, {self.float_(1)}, {self.node(0)}"), (0.5, lambda: f"{self.maybe(0)} and {self.int_(0)}"))()

    # ---- statements ----

    def block(self, depth, n, in_loop):
        saved = {k: list(v) for k, v in self.scope.items()}
        before = len(self.lines)
        for _ in range(n):
            if self.budget > 0:
                self.budget -= 1
                self.statement(depth, in_loop)
        if len(self.lines) == before:
            self.put(depth, "pass")
        if depth > 2:
            for kind in ("int", "float"):  # what may be unbound behind it
                self.unbound += [v for v in self.scope[kind] if v not in saved[kind]]
            self.scope = saved

    def statement(self, depth, in_loop):
        self.pick((5, self.assign), (3, self.store), (2, self.augment), (2, self.branch), (2, self.narrow), (1, self.for_), (1, self.walk),
                  (1, self.tuple_), (1, self.swap), (0.7, self.leave), (0.7, self.use_unbound), (0.5, self.chain), (0.5, self.raise_),
                  (1.2 if in_loop else 0, self.jump), (0.7, self.discard))(depth)

    def assign(self, depth):
        kind = self.pick((3, "int"), (3, "float"), (2, "node"), (2, "maybe"), (1, "box"))
        value = {"int": self.int_, "float": self.float_, "node": self.node, "maybe": self.maybe, "box": self.box}[kind]()
        known = [v for v in self.scope[kind] if v not in ("self", "p") and not v.startswith("k")]
        name = self.rng.choice(known) if known and self.chance(0.4) else self.name(kind)
        annotated = kind in ("int", "float") and name not in self.scope[kind] and self.chance(0.1)
        self.put(depth, f"{name}{': ' + kind if annotated else ''} = {value}")
        if name not in self.scope[kind]:
            self.scope[kind].append(name)

    def store(self, depth):
        target = self.rng.choice([self.node(0), self.node(1), "self", "other"])
        self.put(depth, self.pick(
            (3, lambda: f"{target}.n = {self.int_()}"), (2, lambda: f"{target}.x = {self.rng.choice([self.float_, self.int_])()}"),
            (3, lambda: f"{target}.link = {self.maybe()}"), (1, lambda: f"{target}.box = {self.rng.choice([self.box(1), 'None'])}"),
            (1, lambda: f"{target}.size = {self.int_(1)}"), (0.7, lambda: f"{self.box(0)}.weight = {self.float_(1)}"),
            (0.7, lambda: f"{self.box(0)}.owner = {self.maybe()}"))())

    def augment(self, depth):
        target = self.rng.choice([self.node(0), "self", "other"])
        ints = [v for v in self.scope["int"] if not v.startswith("k")]
        self.put(depth, self.pick(
            (3, lambda: f"{target}.n {self.rng.choice(['+', '-', '*', '^', '&'])}= {self.int_()}"), (2, lambda: f"{target}.x += {self.float_()}"),
            (2, lambda: f"{self.rng.choice(ints)} += {self.int_()}"), (1, lambda: f"{self.rng.choice(self.scope['float'])} *= {self.float_(1)}"))())

    def branch(self, depth):
        self.put(depth, f"if {self.bool_()}:")
        self.block(depth + 1, self.rng.randint(1, 2), self.in_loop(depth))
        if self.chance(0.5):
            self.put(depth, "else:")
            self.block(depth + 1, self.rng.randint(1, 2), self.in_loop(depth))

    def in_loop(self, depth):
        """Whether a statement at that depth may jump: looks at what it is inside of."""
        for line in reversed(self.lines):
            at = (len(line) - len(line.lstrip())) // 4
            if at < depth:
                if line.lstrip().startswith(("for ", "while ")):
                    return True
                depth = at
        return False

    def narrow(self, depth):
        name = self.name("node")
        form = self.rng.randint(0, 4)
        if form == 0:
            self.put(depth, f"{name} = {self.maybe()}")
            self.put(depth, f"if {name} is not None:")
        elif form == 1:
            self.put(depth, f"if ({name} := {self.maybe()}) is not None:")
        elif form == 2:
            self.put(depth, f"{name} = {self.maybe()}")
            self.put(depth, f"if {name} is None:")
            self.put(depth + 1, f"{name} = {self.node()}")
            self.scope["node"].append(name)
            return
        else:
            self.put(depth, f"{name} = {self.maybe()}")
            self.put(depth, f"if {name} is not None and {name}.n > {self.int_(0)}:")
        self.scope["node"].append(name)
        self.block(depth + 1, self.rng.randint(1, 2), self.in_loop(depth))
        self.scope["node"].remove(name)

    def for_(self, depth):
        self.fresh += 1
        counter = f"k{self.fresh}"
        self.put(depth, f"for {counter} in range({self.rng.choice(['3', '0', 'p & 3', '2'])}):")
        self.scope["int"].append(counter)
        self.block(depth + 1, self.rng.randint(1, 3), True)
        self.scope["int"].remove(counter)
        self.orelse(depth)

    def walk(self, depth):
        node, left = self.name("node"), self.name("k")
        self.put(depth, f"{node}, {left} = {self.maybe(0)}, {self.rng.randint(1, 4)}")
        self.put(depth, f"while {node} is not None and {left} > 0:")
        self.put(depth + 1, f"{left} -= 1")
        self.scope["node"].append(node)
        self.block(depth + 1, self.rng.randint(1, 2), True)
        self.scope["node"].remove(node)
        self.put(depth + 1, f"{node} = {node}.link")
        self.orelse(depth)

    def orelse(self, depth):
        if self.chance(0.3):
            self.put(depth, "else:")
            self.block(depth + 1, 1, self.in_loop(depth))

    def jump(self, depth):
        if self.in_loop(depth):
            self.put(depth, f"if {self.bool_(1)}:")
            self.put(depth + 1, self.rng.choice(["break", "continue"]))

    def tuple_(self, depth):
        name = self.name("t")
        self.put(depth, f"{name} = {self.int_()}, {self.node()}, {self.float_(1)}")
        a, b = self.name("int"), self.name("node")
        self.put(depth, f"{a}, {b} = {name}[0], {name}[1]" if self.chance(0.5) else f"{a}, {b}, _ = {name}")
        self.scope["int"].append(a)
        self.scope["node"].append(b)

    def swap(self, depth):
        a, b = self.node(0), self.node(0)
        self.put(depth, self.rng.choice([f"{a}.n, {b}.n = {b}.n, {a}.n + 1", f"{a}.link, {b}.link = {b}.link, {a}.link", f"{a}.link = {b}.link = {self.maybe()}",
                                         f"{a}.n, {b}.x = {self.int_()}, {self.float_()}"]))

    def leave(self, depth):
        self.put(depth, f"if {self.bool_()}:")
        self.put(depth + 1, "return " + self.result())

    def use_unbound(self, depth):
        if self.unbound:
            self.put(depth, f"{self.node(0)}.x = {self.rng.choice(self.unbound)}")

    def chain(self, depth):
        self.put(depth, f"{self.node(0)}.linked({self.node(0)}).linked({self.maybe(0)}).n = {self.int_()}")

    def raise_(self, depth):
        self.put(depth, f"if {self.bool_()}:")
        self.put(depth + 1, self.rng.choice([f"raise ValueError({self.int_(1)})", f"raise KeyError(f'n {{{self.int_(0)}}}', {self.float_(0)})"]))

    def discard(self, depth):
        self.put(depth, self.rng.choice([self.node(1), self.int_(), f"{self.node(0)}.tick({self.int_()})", f"{self.node(0)} + {self.node(1)}"]))


def objects_source(rng, methods):
    """Classes Box and Node, with methods m0, m1 ... of Node."""
    lines = []
    for k in range(methods):
        lines += ["", *ObjectWriter(rng, k).lines]
    return HEAD + "\n".join(lines) + "\n"
