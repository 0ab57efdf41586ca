"""Random methods that are nested loops and little else: `else`, break, continue, return and raise at all places, and behind the loops
what depends on which paths there are: effects (is a call redone?), locals that may be unbound, that are None or an instance, and dead code.

A seed names a method. Loops end by themselves: a `while` counts down, a `for` has a few turns."""

PEER = "peer"  # the parameter


class LoopWriter:
    """Writes one method of (self, peer, a: int, k: int) -> int."""

    def __init__(self, rng, name):
        self.rng, self.lines, self.loops, self.budget = rng, [], 0, rng.randint(3, 12)
        self.rare = rng.choice([0.05, 0.3, 0.6])  # how often a statement does something to remember: one of its kind is a case by itself
        self.put(1, f'def {name}(self, peer: "Loops", a: int, k: int) -> int:')
        self.put(2, "s = 0")
        if rng.random() < 0.6:
            self.put(2, "q = None")
            self.maybe_none = True
        else:
            self.put(2, "q = self.link")
            self.maybe_none = rng.random() < 0.5
        self.put(2, "u = 0") if rng.random() < 0.4 else None
        start = len(self.lines)
        for _ in range(rng.randint(1, 2)):
            self.loop(2, [], False)
        if rng.random() < 0.7:  # then what a loop binds is not news at the next look at it
            self.lines.insert(start, "        " + "".join(f"i{n + 1} = " for n in range(self.loops)) + "0")
        self.end()

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    def chance(self, p):
        return self.rng.random() < p

    def condition(self, counters):
        names = ["k", "s", *counters]
        return self.rng.choice([
            f"{self.rng.choice(names)} == {self.rng.randint(0, 3)}", f"{self.rng.choice(names)} > {self.rng.randint(0, 3)}",
            f"{self.rng.choice(names)} & {self.rng.choice([1, 2])} == 0", f"{self.rng.choice(names)} != k", "q is None", "q is not None",
            f"self.n > {self.rng.randint(0, 4)}", f"{self.rng.choice(names)} + {self.rng.choice(names)} > 2"])

    def loop(self, depth, counters, in_loop):
        self.loops += 1
        counter, limit = f"i{self.loops}", self.rng.randint(0, 4)
        if self.chance(0.2):
            self.put(depth, f"for {counter} in ({', '.join(self.rng.choice(['a', 'k', 's', '1', '2']) for _ in range(limit))},):" if limit else f"for {counter} in (k,):")
        elif self.chance(0.6):
            self.put(depth, f"for {counter} in range({self.rng.choice([str(limit), 'k'])}):")
        else:
            self.put(depth, f"{counter} = {limit}")
            self.put(depth, f"while {counter} > 0{self.rng.choice(['', ' and ' + self.condition(counters)])}:")
            self.put(depth + 1, f"{counter} -= 1")
        inner = [*counters, counter]
        if self.chance(0.3):
            self.put(depth + 1, f"t{self.rng.randint(0, 2)} = a + {self.rng.choice(['s', *inner])}")  # news for the loop around only
        self.block(depth + 1, inner, True)
        if self.chance(0.55):
            self.put(depth, "else:")
            if in_loop and self.chance(0.5):
                self.put(depth + 1, self.special(counters))
                self.put(depth + 1, self.rng.choice(["break", "continue"]))
            else:
                self.block(depth + 1, counters, in_loop)

    def block(self, depth, counters, in_loop):
        ended = False
        for _ in range(self.rng.randint(1, 3)):
            ended = self.statement(depth, counters, in_loop)
            if ended and self.chance(0.8):
                return

    def statement(self, depth, counters, in_loop):
        """Whether the statement ends the path."""
        self.budget -= 1
        pick = self.rng.random()
        if pick < 0.30 and self.budget > 0 and depth < 7:
            self.loop(depth, counters, in_loop)
        elif pick < 0.45 and self.budget > 0:
            self.put(depth, f"if {self.condition(counters)}:")
            self.block(depth + 1, counters, in_loop)
            if self.chance(0.3):
                self.put(depth, "else:")
                self.block(depth + 1, counters, in_loop)
        elif pick < 0.65:
            jump = self.rng.choice(["break", "break", "continue", f"return {self.number(counters)}", "raise ValueError(s)"])
            if in_loop or not jump.endswith(("break", "continue")):
                if self.chance(0.5):
                    self.put(depth, f"if {self.condition(counters)}:")
                    self.put(depth + 1, jump)
                else:
                    self.put(depth, jump)
                    return True
            else:
                self.put(depth, "s += 1")
        else:
            self.put(depth, self.simple(counters))
        return False

    def number(self, counters):
        return self.rng.choice(["s", "a", "k", "s + a", "self.n", *counters])

    def simple(self, counters):
        if self.chance(self.rare):
            return self.special(counters)
        return self.rng.choice([f"s += {self.rng.randint(1, 3)}", f"s = {self.rng.choice(['k', *counters])}",
                                f"t{self.rng.randint(0, 2)} = a + {self.rng.choice(['s', *counters])}", "s += self.m"])

    def special(self, counters):
        choices = ["self.n += 1", "self.n = s", "peer.n += 1", "u = s", "self.bump()", "s += self.grown(a)", "s = 2.5"]
        if self.maybe_none:
            choices += ["q = peer", "q = self", "q = None", "q = peer.link"] * 2
        return self.rng.choice(choices)

    def end(self):
        if self.chance(0.5):
            self.put(2, "if q is None:")
            self.put(3, f"return {self.rng.choice(['s', '-1', 'a * a'])}")
            self.put(2, "s += q.n")
        if self.chance(0.3):
            self.put(2, "s += u")
        if self.chance(0.5) and self.loops:
            self.put(2, f"s += i{self.rng.randint(1, self.loops)}")
        self.put(2, f"return {self.rng.choice(['s', 'int(s)', 'a * a', 'a * a', 'a * a + s', '1 // (a & 1) + s'])}")


HEAD = """
@decorate_class
class Loops:
    n: int
    m: int
    link: "Loops | None" = None

    def bump(self) -> None:
        self.n += 1

    def grown(self, by: int) -> int:
        return self.m * by
"""


def loops_source(rng, methods):
    """A class Loops with methods m0, m1 ..."""
    lines = []
    for k in range(methods):
        lines += ["", *LoopWriter(rng, f"m{k}").lines]
    return HEAD + "\n".join(lines) + "\n"
