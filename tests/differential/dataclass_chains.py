"""Random chains of one to four dataclasses, each decorated in one of the ways in which a class becomes one, and a program that makes, shows, compares,
orders, hashes, copies, pickles, matches and changes their instances. A seed names a chain with its program.

What no jitclass has as CPython has it (docs/classes.md) is not written: a number's field gets numbers of its type, and has a default or a value from
__init__ or __post_init__."""

HEAD = """from __future__ import annotations

import copy
import pickle
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any, ClassVar, Optional


class Mixin:
    def mixed(self) -> str:
        return type(self).__name__ + str(self.number())
"""
# How a class is decorated: {way: the lines above it}. "{}" stands for its options.
WAYS = {"alone": ["@decorated({})"], "over": ["@over", "@dataclass({})"], "plain": ["@dataclass({})"], "none": []}
KINDS = {"int": "int", "float": "float", "bool": "bool", "str": "str", "list": "list", "any": "Any", "ref": "Optional[C0]", "tuple": "tuple"}
OPTIONS = {"eq": 0.3, "order": 0.25, "frozen": 0.15, "unsafe_hash": 0.15, "kw_only": 0.15, "repr": 0.1, "init": 0.07, "match_args": 0.1, "slots": 0.06}
OFF = ("repr", "init", "match_args")  # what a dataclass has unless it says otherwise


class Member:
    """A field, or what only looks like one."""

    def __init__(self, name, kind, what="field"):
        self.name, self.kind, self.what = name, kind, what
        self.default = self.factory = None
        self.init, self.kw_only = True, False

    def is_required(self):
        return self.default is None and self.factory is None


class Class:
    def __init__(self, index, base):
        self.index, self.base, self.name = index, base, f"C{index}"
        self.members, self.options, self.way = [], {}, "alone"
        self.own_init = self.post_init = self.mixin = False
        self.taken = []  # by an __init__ of its own
        self.attributes = []  # without an annotation: (name, value)

    def chain(self):
        return [*(self.base.chain() if self.base else []), self]

    def is_dataclass(self):
        """Whether its decorator makes it one, as test_dataclass_chains.declare decides."""
        return self.way in ("over", "plain") or self.way == "alone" and bool(any(m.what != "ClassVar" for m in self.members) or set(self.options) - {"init", "repr", "match_args"} or not self.base)

    def known(self):
        """{name: Member} of all fields and what looks like one, in a dataclass's order."""
        found = {}
        for cls in self.chain():
            if cls.is_dataclass():
                for member in cls.members:
                    found[member.name] = member
        return found

    def fields(self):
        return [member for member in self.known().values() if member.what == "field"]

    def maker(self):
        """The class whose __init__ it has."""
        return next((c for c in reversed(self.chain()) if c.own_init or (c.is_dataclass() and c.options.get("init", True))), self.chain()[0])

    def parameters(self):
        if self.maker().own_init:
            return self.maker().taken
        return [m for m in self.maker().known().values() if m.what != "ClassVar" and m.init]

    def of_kind(self, *kinds):
        return [member.name for member in self.fields() if member.kind in kinds]


class ChainWriter:
    def __init__(self, rng):
        self.rng, self.classes, self.lines, self.style = rng, [], HEAD.splitlines(), ""

    def chance(self, p):
        return self.rng.random() < p

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    def value(self, kind, d=0):
        """An expression for a field of that kind."""
        return self.rng.choice({
            "int": [str(self.rng.randint(-9, 99)), "2**40", "0", "1"], "float": ["0.5", "-1.25", "1e300", "0.0", "3.0"], "bool": ["True", "False"],
            "str": ["'a'", "'b'", "'longer'"], "list": ["[]", "[1, 2]", "['x']"], "any": ["None", "3", "'any'", "(1, 2)", "2.5"], "ref": ["None"],
            "tuple": ["()", "(1, 'a')", "(0.5,)"],
        }[kind])  # fmt: skip

    # ---- classes ----

    def write_classes(self):
        style = self.style = self.rng.choice(["alone", "alone", "over", "mixed"])
        for index in range(self.rng.randint(1, 4)):
            cls = Class(index, self.classes[-1] if self.classes else None)
            self.classes.append(cls)
            cls.way = style if style != "mixed" else self.rng.choice(["alone", "over", "plain"] + ["none"] * bool(cls.base))
            self.choose_members(cls)
            self.choose_options(cls)
            if any(member.is_required() for member in cls.members):
                cls.options.pop("init", None)
            if cls.base or cls.options.get("init") is False:  # a slot has no default
                cls.options.pop("slots", None)
            for member in cls.members:
                member.kw_only |= bool(cls.options.get("kw_only"))
            cls.mixin = self.chance(0.08)
            self.write_class(cls)

    def choose_options(self, cls):
        base = cls.base.options if cls.base else {}
        for name, p in OPTIONS.items():
            if name == "frozen" and base.get("frozen") and not self.chance(0.1):
                p = 1
            if self.chance(p) and cls.way != "none" and not (name == "slots" and cls.way == "alone"):
                cls.options[name] = name not in OFF
        if cls.options.get("order") and cls.way != "alone" and self.chance(0.95):
            cls.options["eq"] = True

    def choose_members(self, cls):
        inherited = cls.base.known() if cls.base else {}
        kinds = list(KINDS)
        cls.own_init = self.chance(0.12)
        for k in range(self.rng.randint(0 if cls.base else 1, 4)):
            member = Member(f"{self.rng.choice('abcdefgh')}{cls.index}{k}", self.rng.choice(kinds[:3] * 3 + kinds))
            if inherited and self.chance(0.2) and not cls.chain()[0].options.get("slots"):
                self.redeclare(member, self.rng.choice(list(inherited.values())))
            elif self.chance(0.08) and (k or cls.base):
                member.what = self.rng.choice(["InitVar", "ClassVar"])
            self.choose_default(cls, member)
            if all(other.name != member.name for other in cls.members):
                cls.members.append(member)
        if inherited and self.chance(0.06):
            name = self.rng.choice([m.name for m in inherited.values()])
            if all(other.name != name for other in cls.members):
                cls.attributes.append((name, self.value(inherited[name].kind)))
        cls.post_init = self.chance(0.3) and not cls.own_init and any(m.what != "ClassVar" for m in cls.members)

    def redeclare(self, member, other):
        member.name, member.kind, member.what = other.name, other.kind, other.what
        if self.chance(0.2) and self.style != "mixed":  # a class that is not decorated has the field above where it gives no default
            member.kind = self.rng.choice(list(KINDS))
        if self.chance(0.05):
            member.what = "ClassVar"

    def choose_default(self, cls, member):
        after = cls.own_init or any(not m.is_required() and m.init and not m.kw_only for m in [*(cls.base.known().values() if cls.base else ()), *cls.members])
        if self.chance(0.75) or member.what == "ClassVar" or (after and (cls.own_init or self.chance(0.95))):
            if member.kind == "list":
                member.factory = "list"
            elif self.chance(0.06):
                member.factory = f"lambda: {self.value(member.kind)}"
            else:
                member.default = self.value(member.kind)

    def arguments(self, cls, member):
        """Those of field()."""
        found = [f"default={member.default}"] if member.default else [f"default_factory={member.factory}"] if member.factory else []
        if member.what != "field":
            return found
        if not member.is_required() and self.chance(0.1) and not cls.options.get("slots") and not (cls.own_init and self.style == "mixed"):
            member.init = False
            found.append("init=False")
        for name, p in (("repr", 0.08), ("compare", 0.1), ("kw_only", 0.08)):
            if self.chance(p) and (name != "kw_only" or member.init):
                found.append(f"{name}={name == 'kw_only'}")
                member.kw_only |= name == "kw_only"
        if self.chance(0.06):
            found.append(f"hash={self.rng.choice([True, False, None])}")
        if self.chance(0.04):
            found.append("metadata={'k': 1}")
        return found

    def write_member(self, cls, member):
        annotation = KINDS[member.kind] if member.what == "field" else f"{member.what}[{KINDS[member.kind]}]"
        given = self.arguments(cls, member)
        if cls.way == "none":  # nobody reads a field()
            given = [f"default={member.default}"] if member.default else []
        if not given:
            self.put(1, f"{member.name}: {annotation}")
        elif given == [f"default={member.default}"] and (cls.way == "none" or self.chance(0.9)):
            self.put(1, f"{member.name}: {annotation} = {member.default}")
        else:
            self.put(1, f"{member.name}: {annotation} = field({', '.join(given)})")

    def write_class(self, cls):
        self.lines += ["", ""]
        options = ", ".join(f"{name}={value}" for name, value in cls.options.items())
        self.lines += [line.format(options) for line in WAYS[cls.way]]
        bases = [cls.base.name] if cls.base else []
        bases = [*bases, "Mixin"] if cls.mixin and not any(c.mixin for c in cls.chain()[:-1]) else bases
        self.put(0, f"class {cls.name}({', '.join(bases)}):" if bases else f"class {cls.name}:")
        if self.chance(0.1):
            self.put(1, "'a document'")
        at = self.rng.randint(0, len(cls.members)) if self.chance(0.08) and cls.is_dataclass() else -1
        for i, member in enumerate(cls.members):
            if i == at:
                self.put(1, "_: KW_ONLY")
            member.kw_only |= i >= at >= 0
            self.write_member(cls, member)
        for name, value in cls.attributes:
            self.put(1, f"{name} = {value}")
        self.write_methods(cls)

    def variables(self, cls):
        return [member for member in cls.known().values() if member.what == "InitVar"]

    def write_post_init(self, cls):
        names = [member.name for member in self.variables(cls)]
        self.put(1, f"def __post_init__({', '.join(['self', *names])}):")
        above = [c for c in cls.chain()[:-1] if c.post_init]
        if above and self.chance(0.7):
            self.put(2, f"super().__post_init__({', '.join(m.name for m in self.variables(above[-1]))})")
        self.change(cls, 2)

    def change(self, cls, depth):
        """Sets one of its fields to something that depends on others."""
        member = self.rng.choice(cls.fields() or [None])
        if member is None or member.kind not in ("int", "float", "str", "any"):
            return self.put(depth, "pass")
        numbers = cls.of_kind("int") or ["number()"]
        to = {"int": f"self.{self.rng.choice(numbers)} + {self.rng.randint(0, 9)}", "float": f"self.{member.name} * 2.0 + 1.0",
              "str": f"self.{member.name} + 'p'", "any": f"[self.{self.rng.choice(numbers)}]"}[member.kind]  # fmt: skip
        self.put(depth, f"self.{member.name} = {to}")

    def write_methods(self, cls):
        if cls.own_init:
            cls.taken = [m for m in cls.fields() if m.kind != "list" and (m.is_required() or not m.init or self.chance(0.3))]
            self.put(1, f"def __init__(self{''.join(f', {m.name}: {KINDS[m.kind]} = {self.value(m.kind)}' for m in cls.taken)}):")
            if cls.base and self.chance(0.3):
                self.put(2, "super().__init__()")
            for member in cls.fields():
                self.put(2, f"self.{member.name} = {member.name if member in cls.taken else self.value(member.kind)}")
            self.put(2, "pass")
        if cls.post_init:
            self.write_post_init(cls)
        if not cls.base or self.chance(0.4):
            ints, floats = cls.of_kind("int", "bool"), cls.of_kind("float")
            self.put(1, "def number(self) -> int:")
            called = " + super().number()" if cls.base and self.chance(0.5) else ""
            self.put(2, f"return {' + '.join([f'self.{n} * {i + 2}' for i, n in enumerate(ints[:3])] or ['7'])}{called}")
            self.put(1, "def value(self, x: float) -> float:")
            self.put(2, f"return {' + '.join([f'self.{n}' for n in floats[:3]] or ['0.5'])} + x * self.number()")
        if self.chance(0.3):
            self.put(1, f"def change{cls.index}(self) -> None:")
            self.change(cls, 2)
        for name, text in (("__eq__", "return NotImplemented"), ("__lt__", "return self.number() < other.number()"), ("__hash__", "return 5"), ("__repr__", "return 'mine'")):
            if self.chance(0.02):
                self.put(1, f"def {name}(self{', other' if name in ('__eq__', '__lt__') else ''}):")
                self.put(2, text)

    # ---- the program ----

    def made(self, cls):
        """A call of the class that mostly fits."""
        parameters = cls.parameters()
        positional, named, by_name = [], [], False
        for member in parameters:
            given = self.chance(0.98 if member.is_required() else 0.4)
            by_name |= (member.kw_only and not cls.maker().own_init) or not given or self.chance(0.1)
            if given:
                value = self.value(member.kind)
                (named if by_name else positional).append(f"{member.name}={value}" if by_name else value)
        if self.chance(0.04):
            named.append(self.rng.choice(["wrong=1", *(f"{m.name}=1" for m in parameters if m.kind == "int" and not any(n.startswith(m.name + '=') for n in named))]))
        return f"{cls.name}({', '.join(positional + named)})"

    def write_program(self):
        self.lines += ["", "", "def program(objects, attempt):"]
        for _ in range(self.rng.randint(3, 6)):
            text = self.made(self.rng.choice(self.classes))
            self.put(1, f"attempt(lambda: objects.append({text}))")
            if self.chance(0.4):
                self.put(1, f"attempt(lambda: objects.append({text}))")
        for _ in range(self.rng.randint(12, 24)):
            self.step()

    def step(self):
        rng = self.rng
        cls = rng.choice(self.classes)
        one, other = (f"objects[{rng.randint(0, 5)} % len(objects)]" for _ in range(2))
        member = rng.choice(list(cls.known().values()) or [Member("none", "int")])
        value = self.value(member.kind)
        weighted = [
            (2, f"shown({one})"), (2, f"{one} == {other}"), (1, f"{one} != {other}"), (2, f"{one} < {other}"), (1, f"{one} >= {other}"), (2, f"hashed({one})"),
            (1, f"fields({one})"), (1, f"asdict({one})"), (1, f"astuple({one})"), (1.5, f"replaced({one}, {member.name!r}, {KINDS[member.kind]!r}, {value})"), (0.5, f"replace({one})"),
            (1.5, f"copy.copy({one})"), (1, f"copy.deepcopy({one})"), (1.5, f"pickle.loads(pickle.dumps({one}))"), (1.5, f"matched({one})"),
            (1.5, f"put({one}, {member.name!r}, {KINDS[member.kind]!r}, {value})"), (0.5, f"delattr({one}, {member.name!r})"), (1, f"getattr({one}, {member.name!r})"),
            (1, f"sorted(vars({one}).items())"), (2, f"{one}.number()"), (2, f"{one}.value(0.5)"), (1, f"{one}.change{cls.index}()"), (0.5, f"{one}.mixed()"),
            (1.5, f"objects.append({self.made(cls)})"), (1, f"sorted(objects)[0]"), (0.5, f"len(set(objects))"), (0.5, f"{cls.name}.{member.name}"),
            (0.5, f"setattr({one}, 'extra', 3)"), (0.4, f"[one.__init__({self.made(cls).partition('(')[2]} for one in objects if type(one) is {cls.name} and '__init__' in vars({cls.name})]"), (0.5, f"facts({cls.name})"),
            (0.5, f"{one}.unknown"), (0.2, f"set_class({cls.name}, {member.name!r}, {value})"), (0.4, f"{one}.__post_init__()"),
        ]  # fmt: skip
        text = rng.choices([t for _, t in weighted], [w for w, _ in weighted])[0]
        self.put(1, f"attempt(lambda: {text})")


def chain_source(rng):
    writer = ChainWriter(rng)
    writer.write_classes()
    matched = ["", "", "def matched(one):", "    match one:"]
    for cls in reversed(writer.classes):
        for n in (2, 1):
            matched += [f"        case {cls.name}({', '.join('abc'[:n])}):", f"            return {cls.name!r}, {', '.join('abc'[:n])}"]
    writer.lines += matched
    writer.write_program()
    return "\n".join(writer.lines) + "\n"
