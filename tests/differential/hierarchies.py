"""Random hierarchies of one to five classes, some decorated and some not, and a program that makes, links, changes and calls their instances:
typed fields at every level, overridden methods, super(), methods that call overridden ones, references of a base's type that hold subclasses,
isinstance, own and generated constructors, mixins, methods set while the program runs.

A seed names a hierarchy with its program. What no jitclass has as CPython has it (see docs/classes.md) is not written: an int that is stored fits 64
bits, a float field gets floats, every field has a default."""

HEAD = '''from __future__ import annotations

import copy
from typing import Optional


class Mixin:
    def mixed(self, a: int) -> int:
        return self.m0(a) * 3 + 1

    def m1(self, x: float) -> float:
        return super().m1(x) + 0.5
'''
KINDS = {"int": ("int", "1"), "float": ("float", "0.5"), "bool": ("bool", "False"), "str": ("str", "'s'"), "list": ("Optional[list]", "None")}
# The methods every hierarchy has: {name: (parameters, result)}. One calls only those above it here, or there would be no end.
METHODS = {
    "m0": ("a: int", "int"), "m1": ("x: float", "float"), "p0": ("", "int"), "m2": ("a: int, x: float = 1.5", "float"), "k0": ("a: int", "int"),
    "s0": ("a: int", "int"), "m3": ("other: Optional[{root}], a: int", "int"), "m4": ("a: int", "None"), "m5": ("other: {root}, a: int", "{root}"), "m6": ("a: int", "int"),
}  # fmt: skip
HEADS = {"k0": ("@classmethod", "cls"), "s0": ("@staticmethod", ""), "p0": ("@property", "self")}


class Class:
    def __init__(self, index, base, root):
        self.index, self.base, self.name = index, base, f"C{index}"
        self.root = root or self
        self.own = []  # its own fields: (name, kind, class that a reference is declared as)
        self.second = None  # another base, which has nothing to do with the first
        self.own_init = False
        self.mixin = ""
        self.redeclares = None  # (name, kind) of a field of its base that it gives another default
        self.decorated = True

    def ancestors(self):
        return [*(self.second.ancestors() if self.second else []), *(self.base.ancestors() if self.base else []), self]

    def has_two(self):
        return any(cls.second for cls in self.ancestors())

    def fields(self):
        return [field for cls in self.ancestors() for field in cls.own]

    def of_kind(self, kind):
        return [name for name, k, _ in self.fields() if k == kind]

    def references(self):
        return [(name, cls) for name, k, cls in self.fields() if k == "ref"]

    def mixed(self):
        return any(cls.mixin for cls in self.ancestors())


class HierarchyWriter:
    def __init__(self, rng):
        self.rng, self.classes, self.lines, self.fresh = rng, [], HEAD.splitlines(), 0

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, *weighted):
        return self.rng.choices([v for _, v in weighted], [w for w, _ in weighted])[0]

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    # ---- classes ----

    def write_classes(self):
        for index in range(self.rng.randint(1, 5)):
            base = self.rng.choice(self.classes) if self.classes and self.chance(0.85) else None
            cls = Class(index, base, base and base.root)
            self.classes.append(cls)
            for k in range(self.rng.randint(0 if base else 1, 3)):
                kind = self.pick((4, "int"), (3, "float"), (1, "bool"), (1, "str"), (1, "list"), (3, "ref"))
                cls.own.append((f"{kind[0]}{index}{k}", kind, self.rng.choice([c for c in self.classes if c.root is cls.root]) if kind == "ref" else None))
            cls.own_init, cls.decorated = self.chance(0.35), self.chance(0.75 if base else 0.9)
            others = [c for c in self.classes if c.root is not cls.root and not c.has_two()]
            if base and others and not base.has_two() and self.chance(0.3):
                cls.second = self.rng.choice(others)
            cls.own_init |= cls.has_two()
            inherited = [(name, kind) for name, kind, _ in base.fields() if kind in ("int", "float")] if base else []
            if inherited and self.chance(0.25):
                cls.redeclares = self.rng.choice(inherited)
            if base and not cls.mixed():
                cls.mixin = self.pick((8, ""), (1, "before"), (1, "behind"))
        for cls in self.classes:
            self.write_class(cls)

    def write_class(self, cls):
        bases = [base.name for base in (cls.base, cls.second) if base]
        bases = ["Mixin", *bases] if cls.mixin == "before" else [*bases, "Mixin"] if cls.mixin == "behind" else bases
        self.lines += ["", "", "@decorated" if cls.decorated else "@undecorated"]
        self.put(0, f"class {cls.name}({', '.join(bases)}):" if bases else f"class {cls.name}:")
        self.put(1, f"LIMIT = {self.rng.randint(2, 99)}" if not cls.base or self.chance(0.3) else f"'the document of {cls.name}'")
        for name, kind, to in cls.own:
            annotation, default = KINDS.get(kind) or (f"Optional[{to.name}]", "None")
            self.put(1, f"{name}: {annotation} = {default}")
        if cls.redeclares:
            name, kind = cls.redeclares
            self.put(1, f"{name}: {kind} = {self.argument(('', kind))}")
        if cls.own_init:
            self.write_init(cls)
        for name in METHODS:
            if not cls.base or self.chance(0.35):
                self.write_method(cls, name)
        if self.chance(0.3):
            self.put(1, f"def only{cls.index}(self, a: int) -> int:")
            self.put(2, f"return self.m0(a) + {self.int_(cls, 'm4', 2)}")
        self.write_ask(cls)

    def parameters(self, cls):
        """[(name, kind, class)] of its constructor."""
        init = cls
        while init.base and not init.own and not init.own_init and not init.redeclares:
            init = init.base
        if not init.own_init:
            return init.fields()
        inherited = self.parameters(init.base) if init.base else []
        return [*inherited[:2], *[f for f in init.own if f not in inherited[:2]]]

    def write_init(self, cls):
        inherited = self.parameters(cls.base) if cls.base else []
        texts = [f"{name}: {KINDS[kind][0] if kind in KINDS else f'Optional[{to.name}]'} = {KINDS[kind][1] if kind in KINDS else 'None'}"
                 for name, kind, to in self.parameters(cls)]
        self.put(1, f"def __init__(self{''.join(', ' + t for t in texts)}) -> None:")
        if cls.base:
            given = ", ".join(f"{name}={name}" if self.chance(0.5) and i else name for i, (name, _, _) in enumerate(inherited[:2]))
            self.put(2, self.rng.choice(["super()", f"super({cls.name}, self)"]) + f".__init__({given})")
        if cls.second:
            self.put(2, f"{cls.second.name}.__init__(self)")
        for name, kind, _ in cls.own:
            self.put(2, f"self.{name} = {name}" + {"int": " + 1", "float": " * 2.0"}.get(kind, ""))
        if not cls.own and not cls.base:
            self.put(2, "pass")

    def write_method(self, cls, name):
        parameters, result = METHODS[name]
        decorator, first = HEADS.get(name, ("", "self"))
        if decorator:
            self.put(1, decorator)
        heads = ", ".join(part for part in (first, parameters.format(root=cls.root.name)) if part)
        self.put(1, f"def {name}({heads}) -> {result.format(root=cls.root.name)}:")
        getattr(self, "write_" + name)(cls)

    def super_(self, cls, name, arguments):
        """A call of what is overridden, or nothing."""
        if not cls.base:
            return None
        return self.pick((4, f"super().{name}({arguments})"), (1, f"super({cls.name}, self).{name}({arguments})"), (1, f"{cls.base.name}.{name}(self, {arguments})"))

    def with_super(self, cls, name, arguments, value, p=0.6):
        called = self.super_(cls, name, arguments)
        return f"{called} {self.rng.choice('+-')} {value}" if called and self.chance(p) else value

    def write_m0(self, cls):
        self.put(2, f"return {self.with_super(cls, 'm0', self.rng.choice(['a', 'a + 1']), self.int_(cls, 'm0'))}")

    def write_m1(self, cls):
        self.statements(cls, "m1", 2)
        self.put(2, f"return {self.with_super(cls, 'm1', 'x', self.float_(cls, 'm1'))}")

    def write_p0(self, cls):
        value = self.int_(cls, "p0")
        self.put(2, f"return super().p0 * 2 + {value}" if cls.base and self.chance(0.5) else f"return {value}")

    def write_m2(self, cls):
        self.statements(cls, "m2", 2)
        self.put(2, f"return {self.with_super(cls, 'm2', self.rng.choice(['a', 'a, x', 'a, x=x']), self.float_(cls, 'm2'))}")

    def write_k0(self, cls):
        self.put(2, f"return super().k0(a) + {cls.index}" if cls.base and self.chance(0.5) else f"return a * {self.rng.randint(2, 9)} + cls.LIMIT")

    def write_s0(self, cls):
        self.put(2, f"return a * a + {self.rng.randint(0, 9)}" if not cls.base else f"return {cls.base.name}.s0(a) * {self.rng.randint(2, 5)}")

    def write_m3(self, cls):
        self.put(2, "if other is None:")
        self.put(3, f"return {self.int_(cls, 'm3', 1)}")
        self.put(2, f"t = {self.int_(cls, 'm3')}")
        self.narrowed(cls, "m3", "other", 2)
        self.put(2, f"return t + {self.with_super(cls, 'm3', 'None, a', 'other.m0(a)')}")

    def write_m4(self, cls):
        called = self.super_(cls, "m4", "a")
        if called and self.chance(0.6):
            self.put(2, called)
        self.statements(cls, "m4", 2, self.rng.randint(1, 4))
        if self.chance(0.15):
            self.put(2, f"if a == {self.rng.randint(0, 5)}:")
            self.put(3, f"raise ValueError(f'{cls.name} {{a}} {{self.p0}}')")

    def write_m5(self, cls):
        for name, to in cls.references():
            if to is cls.root and self.chance(0.5):
                self.put(2, f"self.{name} = other")
        self.put(2, f"if {self.bool_(cls, 'm5')}:")
        self.put(3, self.rng.choice(["return other", "return self", f"return {self.made(cls)}"]))
        self.put(2, f"return {self.super_(cls, 'm5', 'other, a')}" if cls.base and self.chance(0.7) else "return self")

    def write_m6(self, cls):
        self.put(2, "t = 0")
        self.put(2, f"for i in range({self.rng.choice(['3', 'a & 7'])}):")
        self.put(3, f"t += {self.int_(cls, 'm6')}")
        if self.chance(0.4):
            self.put(3, f"self.m4({self.rng.choice(['i', 'a', '7'])})")
        links = [name for name, to in cls.references() if to is cls.root]
        if links:
            self.put(2, f"at, left = self.{self.rng.choice(links)}, 4")
            self.put(2, "while at is not None and left > 0:")
            self.put(3, "t += at.m0(left) * 2")
            self.narrowed(cls, "m6", "at", 3)
            self.put(3, f"at, left = {'at.' + self.rng.choice([n for n, to in cls.root.references() if to is cls.root] or ['m5(at, 1)'])}, left - 1")
        self.put(2, "return t")

    def write_ask(self, cls):
        """A method that only this class has, of what its base may not know."""
        self.put(1, f"def ask{cls.index}(self, a: int) -> int:")
        self.put(2, f"return {self.int_(cls, 'm6')} + self.m6(a)")

    # ---- values ----

    def before(self, name):
        return list(METHODS)[: list(METHODS).index(name)]

    def int_(self, cls, name, d=2):
        fields, calls = cls.of_kind("int"), self.before(name)
        simple = ["a" if name != "p0" and name != "m1" else "3", str(self.rng.randint(0, 9)), "self.LIMIT", *[f"self.{f}" for f in fields] * 3]
        if d <= 0:
            return self.rng.choice(simple)
        return self.pick(
            (4, lambda: self.rng.choice(simple)),
            (4, lambda: f"({self.int_(cls, name, d - 1)} {self.rng.choice('+-*^&')} {self.int_(cls, name, d - 1)})"),
            (1, lambda: f"({self.int_(cls, name, d - 1)} {self.rng.choice(['//', '%'])} {self.rng.choice(['3', '7', self.int_(cls, name, 0)])})"),
            (2 if "m0" in calls else 0, lambda: f"self.m0({self.int_(cls, name, d - 1)})"),
            (2 if "p0" in calls else 0, lambda: "self.p0"),
            (1 if "s0" in calls else 0, lambda: f"self.s0({self.int_(cls, name, 0)})"),
            (1 if "k0" in calls else 0, lambda: f"self.k0({self.int_(cls, name, 0)})"),
            (2 if "m3" in calls and cls.references() else 0, lambda: f"self.m3({self.reference(cls)}, {self.int_(cls, name, 0)})"),
            (1, lambda: f"({self.int_(cls, name, d - 1)} if {self.bool_(cls, name)} else {self.int_(cls, name, d - 1)})"),
            (0.5, lambda: f"int({self.float_(cls, name, 0)} > 2.0)"),
            (0.5 if cls.of_kind("str") else 0, lambda: f"len(self.{self.rng.choice(cls.of_kind('str'))})"),
            (0.5 if cls.of_kind("list") else 0, lambda: f"len(self.{self.rng.choice(cls.of_kind('list'))} or ())"),
        )()

    def float_(self, cls, name, d=2):
        simple = ["x" if name in ("m1", "m2") else "1.25", "-0.5", *[f"self.{f}" for f in cls.of_kind("float")] * 3]
        if d <= 0:
            return self.rng.choice(simple)
        return self.pick(
            (4, lambda: self.rng.choice(simple)),
            (4, lambda: f"({self.float_(cls, name, d - 1)} {self.rng.choice('+-*')} {self.float_(cls, name, d - 1)})"),
            (1, lambda: f"({self.float_(cls, name, d - 1)} + {self.int_(cls, name, 0)})"),
            (2 if "m1" in self.before(name) else 0, lambda: f"self.m1({self.float_(cls, name, d - 1)})"),
            (1 if "m2" in self.before(name) else 0, lambda: f"self.m2({self.int_(cls, name, 0)})"),
        )()

    def bool_(self, cls, name):
        links = cls.references()
        return self.pick(
            (3, lambda: f"{self.int_(cls, name, 0)} {self.rng.choice(['<', '==', '!=', '>='])} {self.int_(cls, name, 1)}"),
            (2 if cls.of_kind("bool") else 0, lambda: f"self.{self.rng.choice(cls.of_kind('bool'))}"),
            (2 if links else 0, lambda: f"self.{links and self.rng.choice(links)[0]} is {self.rng.choice(['', 'not '])}None"),
            (1.5, lambda: f"isinstance(self, {self.rng.choice(self.classes).name})"),
            (0.7 if links else 0, lambda: f"isinstance(self.{links and self.rng.choice(links)[0]}, {self.rng.choice(self.classes).name})"),
        )()

    def reference(self, cls):
        return self.rng.choice([f"self.{name}" for name, to in cls.references() if to.root is cls.root] or ["None"])

    def made(self, cls):
        made = self.rng.choice([c for c in self.classes if c.root is cls.root])
        return f"{made.name}({', '.join(self.argument(p) for p in self.parameters(made)[: self.rng.randint(0, 2)])})"

    def argument(self, parameter):
        kind = parameter[1]
        return {"int": str(self.rng.randint(-9, 99)), "float": self.rng.choice(["0.25", "-3.5", "1e300"]), "bool": "True", "str": "'text'"}.get(kind, "None")

    # ---- statements ----

    def statements(self, cls, name, depth, n=1):
        for _ in range(n):
            kind, target = self.rng.choice([(k, n) for n, k, _ in cls.fields()] or [("none", "")])
            if kind == "int":
                self.put(depth, f"self.{target} = ({self.int_(cls, name)}) & {self.rng.choice(['0xFFFF', '0xFFFFFFFF'])}")
            elif kind == "float":
                self.put(depth, f"self.{target} {self.rng.choice(['=', '+=', '*='])} {self.float_(cls, name)}")
            elif kind == "bool":
                self.put(depth, f"self.{target} = {self.int_(cls, name, 0)} < {self.int_(cls, name, 1)}")
            elif kind == "str":
                self.put(depth, f"self.{target} = (self.{target} + str({self.int_(cls, name, 0)}))[-6:]")
            elif kind == "list":
                self.put(depth, f"if self.{target} is None:")
                self.put(depth + 1, f"self.{target} = []")
                self.put(depth, f"self.{target}.append({self.int_(cls, name, 1)})")
            elif kind == "ref":
                self.through(cls, name, target, depth)

    def through(self, cls, name, target, depth):
        """Reads and writes through a reference of a base's type."""
        to = dict(cls.references())[target]
        self.fresh += 1
        v = f"r{self.fresh}"
        self.put(depth, f"{v} = self.{target}")
        self.put(depth, f"if {v} is not None:")
        self.narrowed(cls, name, v, depth + 1, to)
        for field in to.of_kind("int")[:1]:
            self.put(depth + 1, f"{v}.{field} = ({v}.{field} + {self.int_(cls, name, 0)}) & 0xFFFF")
        for field in to.of_kind("float")[:1]:
            self.put(depth + 1, f"{v}.{field} = {v}.{field} * 0.5 + {self.float_(cls, name, 0)}")
        self.put(depth + 1, f"{v}.LIMIT")
        if "p0" in self.before(name) and cls.of_kind("int"):
            target = self.rng.choice(cls.of_kind("int"))
            read = self.rng.choice([f"{v}.p0", *[f"{v}.{called}({self.rng.choice('12')})" for called in ("k0", "s0") if called in self.before(name)]])
            self.put(depth + 1, f"self.{target} = (self.{target} * 3 + {read}) & 0xFFFF")

    def narrowed(self, cls, name, v, depth, declared=None):
        """What is done when a value is an instance of one of the classes."""
        seen = self.rng.choice([c for c in self.classes if c.root is cls.root])
        self.put(depth, f"if isinstance({v}, {seen.name}):")
        found = seen.of_kind("int")
        if found:
            self.put(depth + 1, f"{v}.{self.rng.choice(found)} = ({v}.{self.rng.choice(found)} * 3 + {self.rng.randint(0, 9)}) & 0xFFFF")
        else:
            self.put(depth + 1, "pass")

    # ---- the program ----

    def write_program(self):
        made = [self.rng.choice(self.classes) for _ in range(self.rng.randint(2, 6))]
        self.lines += ["", "", "def program(objects, attempt):"]
        for cls in made:
            given = [self.argument(p) for p in self.parameters(cls)[: self.rng.randint(0, 4)]]
            self.put(1, f"objects.append({cls.name}({', '.join(given)}))")
        for i, cls in enumerate(made):
            for name, to in cls.references():
                fitting = [j for j, other in enumerate(made) if to in other.ancestors()]
                if fitting and self.chance(0.7):
                    self.put(1, f"objects[{i}].{name} = objects[{self.rng.choice(fitting)}]")
        for _ in range(self.rng.randint(8, 20)):
            self.step(made)

    def step(self, made):
        i = self.rng.randrange(len(made))
        cls, one, a = made[i], f"objects[{i}]", self.rng.choice(["0", "1", "2", "5", "-3", "2**40", "2**62"])
        other = f"objects[{self.rng.choice([j for j, c in enumerate(made) if c.root is cls.root])}]"
        fields = [(n, k) for n, k, _ in cls.fields() if k in ("int", "float", "bool", "str")] or [("LIMIT", "int")]
        name, kind = self.rng.choice(fields)
        value = self.argument(("", kind))
        self.attempt(self.pick(
            (3, f"{one}.m0({a})"), (2, f"{one}.m1({self.rng.choice(['0.5', '-2.25', '1e200'])})"), (1, f"{one}.p0"), (2, f"{one}.m2({a})"),
            (1, f"{one}.m2({a}, x=3.5)"), (1, f"({one}.k0({a}), {one}.s0({a}), {cls.name}.k0(2))"), (2, f"{one}.m3({other}, {a})"), (1, f"{one}.m3(None, {a})"),
            (3, f"{one}.m4({a})"), (2, f"{one}.m5({other}, {a})"), (3, f"{one}.m6({a})"), (2, f"{one}.ask{cls.index}({a})"),
            (1, f"{one}.{name}"), (2, f"setattr({one}, {name!r}, {value})"), (1, f"[isinstance({one}, c) for c in ({''.join(c.name + ', ' for c in self.classes)})]"),
            (0.7, f"{cls.root.name}.m0({one}, {a})"), (0.5, f"copy.copy({one})"), (0.5, f"copy.deepcopy({one})"), (0.5, f"{one}.unknown"), (0.5, f"{one}.m0()"),
            (0.5, f"{one}.mixed({a})"), (0.5, f"objects.append({self.made(cls)})"), (0.3, f"setattr({one}, 'extra', {a})"), (0.3, f"vars({one}).get('extra')"),
            (0.15, f"setattr({cls.name}, 'm0', lambda self, a: a * 2 - 1)"), (0.15, f"setattr({one}, 'm0', lambda a: a)"),
            (0.15, f"setattr({cls.name}, 'LIMIT', {self.rng.randint(100, 200)})"),
        ))  # fmt: skip

    def attempt(self, text):
        times = self.rng.choice([1, 1, 2, 3]) if ".m" in text and "(" in text and not text.startswith(("setattr", "objects.append")) else 1
        for _ in range(times):
            self.put(1, f"attempt(lambda: {text})")


def hierarchy_source(rng):
    writer = HierarchyWriter(rng)
    writer.write_classes()
    writer.write_program()
    return "\n".join(writer.lines) + "\n"
