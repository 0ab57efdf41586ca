"""DeltaBlue: an incremental solver of one-way constraints. Constraints of four classes, of seven strengths, are put into a hierarchy and taken out again;
a planner keeps a plan that satisfies the strong ones (Sannella, Maloney, Freeman-Benson and Borning, 1993)."""

from __future__ import annotations

from typing import Optional

import jitd

# Strengths: the smaller, the stronger.
REQUIRED, STRONG_PREFERRED, PREFERRED, STRONG_DEFAULT, NORMAL, WEAK_DEFAULT, WEAKEST = 0, 1, 2, 3, 4, 5, 6
NONE, FORWARD, BACKWARD = 0, 1, -1


@jitd.jitclass
class Variable:
    value: int
    constraints: list[Constraint]
    determined_by: Optional[Constraint]
    mark: int
    strength: int  # of the weakest constraint that would have to give way for another one to set it
    stays: bool

    def __init__(self, value: int) -> None:
        self.value = value
        self.constraints = []
        self.determined_by = None
        self.mark = 0
        self.strength = WEAKEST
        self.stays = True

    def add(self, constraint: Constraint) -> None:
        self.constraints.append(constraint)

    def remove(self, constraint: Constraint) -> None:
        self.constraints.remove(constraint)
        if self.determined_by is constraint:
            self.determined_by = None


@jitd.jitclass
class Constraint:
    strength: int

    def add(self, planner: Planner) -> None:
        self.join()
        planner.incremental_add(self)

    def destroy(self, planner: Planner) -> None:
        if self.is_satisfied():
            planner.incremental_remove(self)
        else:
            self.leave()

    def satisfy(self, mark: int, planner: Planner) -> Optional[Constraint]:
        """Enforces it, if it is strong enough, and returns the constraint that had to give way."""
        self.choose(mark)
        if not self.is_satisfied():
            if self.strength == REQUIRED:
                raise ValueError("a required constraint cannot be satisfied")
            return None
        self.mark_inputs(mark)
        out = self.output()
        overridden = out.determined_by
        if overridden is not None:
            overridden.unsatisfy()
        out.determined_by = self
        if not planner.propagate(self, mark):
            raise ValueError("a cycle of constraints")
        out.mark = mark
        return overridden

    def is_input(self) -> bool:
        return False

    def join(self) -> None:
        raise NotImplementedError

    def leave(self) -> None:
        raise NotImplementedError

    def is_satisfied(self) -> bool:
        raise NotImplementedError

    def choose(self, mark: int) -> None:
        raise NotImplementedError

    def unsatisfy(self) -> None:
        raise NotImplementedError

    def mark_inputs(self, mark: int) -> None:
        raise NotImplementedError

    def inputs_known(self, mark: int) -> bool:
        raise NotImplementedError

    def output(self) -> Variable:
        raise NotImplementedError

    def recalculate(self) -> None:
        raise NotImplementedError

    def execute(self) -> None:
        raise NotImplementedError


@jitd.jitclass
class Unary(Constraint):
    out: Variable
    satisfied: bool

    def __init__(self, out: Variable, strength: int) -> None:
        self.strength = strength
        self.out = out
        self.satisfied = False

    def join(self) -> None:
        self.out.add(self)
        self.satisfied = False

    def leave(self) -> None:
        self.out.remove(self)
        self.satisfied = False

    def is_satisfied(self) -> bool:
        return self.satisfied

    def choose(self, mark: int) -> None:
        self.satisfied = self.out.mark != mark and self.strength < self.out.strength

    def unsatisfy(self) -> None:
        self.satisfied = False

    def mark_inputs(self, mark: int) -> None:
        pass

    def inputs_known(self, mark: int) -> bool:
        return True

    def output(self) -> Variable:
        return self.out

    def recalculate(self) -> None:
        out = self.out
        out.strength = self.strength
        out.stays = not self.is_input()
        if out.stays:
            self.execute()


@jitd.jitclass
class Stay(Unary):
    def execute(self) -> None:
        pass


@jitd.jitclass
class Edit(Unary):
    def is_input(self) -> bool:
        return True

    def execute(self) -> None:
        pass


@jitd.jitclass
class Binary(Constraint):
    first: Variable
    second: Variable
    direction: int

    def __init__(self, first: Variable, second: Variable, strength: int) -> None:
        self.strength = strength
        self.first = first
        self.second = second
        self.direction = NONE

    def join(self) -> None:
        self.first.add(self)
        self.second.add(self)
        self.direction = NONE

    def leave(self) -> None:
        self.first.remove(self)
        self.second.remove(self)
        self.direction = NONE

    def is_satisfied(self) -> bool:
        return self.direction != NONE

    def choose(self, mark: int) -> None:
        first, second = self.first, self.second
        if first.mark == mark:
            self.direction = FORWARD if second.mark != mark and self.strength < second.strength else NONE
        elif second.mark == mark:
            self.direction = BACKWARD if self.strength < first.strength else NONE
        elif first.strength > second.strength:
            self.direction = BACKWARD if self.strength < first.strength else NONE
        else:
            self.direction = FORWARD if self.strength < second.strength else NONE

    def unsatisfy(self) -> None:
        self.direction = NONE

    def mark_inputs(self, mark: int) -> None:
        self.input().mark = mark

    def inputs_known(self, mark: int) -> bool:
        known = self.input()
        return known.mark == mark or known.stays or known.determined_by is None

    def input(self) -> Variable:
        return self.first if self.direction == FORWARD else self.second

    def output(self) -> Variable:
        return self.second if self.direction == FORWARD else self.first

    def recalculate(self) -> None:
        known, out = self.input(), self.output()
        out.strength = max(self.strength, known.strength)
        out.stays = known.stays
        if out.stays:
            self.execute()


@jitd.jitclass
class Equal(Binary):
    def execute(self) -> None:
        self.output().value = self.input().value


@jitd.jitclass
class Scale(Binary):
    """second = first * scale + offset"""

    scale: Variable
    offset: Variable

    def __init__(self, first: Variable, scale: Variable, offset: Variable, second: Variable, strength: int) -> None:
        super().__init__(first, second, strength)
        self.scale = scale
        self.offset = offset

    def join(self) -> None:
        super().join()
        self.scale.add(self)
        self.offset.add(self)

    def leave(self) -> None:
        super().leave()
        self.scale.remove(self)
        self.offset.remove(self)

    def mark_inputs(self, mark: int) -> None:
        super().mark_inputs(mark)
        self.scale.mark = mark
        self.offset.mark = mark

    def execute(self) -> None:
        if self.direction == FORWARD:
            self.second.value = self.first.value * self.scale.value + self.offset.value
        else:
            self.first.value = (self.second.value - self.offset.value) // self.scale.value

    def recalculate(self) -> None:
        known, out = self.input(), self.output()
        out.strength = max(self.strength, known.strength)
        out.stays = known.stays and self.scale.stays and self.offset.stays
        if out.stays:
            self.execute()


@jitd.jitclass
class Plan:
    steps: list[Constraint]

    def __init__(self) -> None:
        self.steps = []

    def execute(self) -> None:
        for step in self.steps:
            step.execute()


@jitd.jitclass
class Planner:
    mark: int

    def __init__(self) -> None:
        self.mark = 0

    def new_mark(self) -> int:
        self.mark += 1
        return self.mark

    def incremental_add(self, constraint: Constraint) -> None:
        mark = self.new_mark()
        overridden = constraint.satisfy(mark, self)
        while overridden is not None:
            overridden = overridden.satisfy(mark, self)

    def incremental_remove(self, constraint: Constraint) -> None:
        out = constraint.output()
        constraint.unsatisfy()
        constraint.leave()
        unsatisfied = self.remove_from(out)
        for strength in range(REQUIRED, WEAKEST + 1):
            for other in unsatisfied:
                if other.strength == strength:
                    self.incremental_add(other)

    def make_plan(self, sources: list[Constraint]) -> Plan:
        mark, plan = self.new_mark(), Plan()
        todo = sources
        while todo:
            constraint = todo.pop()
            out = constraint.output()
            if out.mark != mark and constraint.inputs_known(mark):
                plan.steps.append(constraint)
                out.mark = mark
                self.add_consumers(out, todo)
        return plan

    def plan_for(self, constraints: list[Constraint]) -> Plan:
        return self.make_plan([c for c in constraints if c.is_input() and c.is_satisfied()])

    def propagate(self, constraint: Constraint, mark: int) -> bool:
        """Recalculates all that depends on it; False when that comes back to its own output."""
        todo: list[Constraint] = [constraint]
        while todo:
            at = todo.pop()
            if at.output().mark == mark:
                self.incremental_remove(constraint)
                return False
            at.recalculate()
            self.add_consumers(at.output(), todo)
        return True

    def remove_from(self, out: Variable) -> list[Constraint]:
        """Recalculates what depended on a variable that nothing determines any more; what is not satisfied beside it."""
        out.determined_by = None
        out.strength = WEAKEST
        out.stays = True
        unsatisfied: list[Constraint] = []
        todo: list[Variable] = [out]
        while todo:
            variable = todo.pop()
            for constraint in variable.constraints:
                if not constraint.is_satisfied():
                    unsatisfied.append(constraint)
            determining = variable.determined_by
            for constraint in variable.constraints:
                if constraint is not determining and constraint.is_satisfied():
                    constraint.recalculate()
                    todo.append(constraint.output())
        return unsatisfied

    def add_consumers(self, variable: Variable, todo: list[Constraint]) -> None:
        determining = variable.determined_by
        for constraint in variable.constraints:
            if constraint is not determining and constraint.is_satisfied():
                todo.append(constraint)


def change(planner: Planner, variable: Variable, value: int) -> None:
    edit = Edit(variable, PREFERRED)
    edit.add(planner)
    plan = planner.plan_for([edit])
    for i in range(10):
        variable.value = value + i
        plan.execute()
    edit.destroy(planner)


def chain(n: int) -> int:
    """Equalities in a row: what is set at one end comes out at the other."""
    planner = Planner()
    variables = [Variable(0) for _ in range(n + 1)]
    for i in range(n):
        Equal(variables[i], variables[i + 1], REQUIRED).add(planner)
    Stay(variables[n], STRONG_DEFAULT).add(planner)
    edit = Edit(variables[0], PREFERRED)
    edit.add(planner)
    plan = planner.plan_for([edit])
    total = 0
    for i in range(100):
        variables[0].value = i
        plan.execute()
        total += variables[n].value
    edit.destroy(planner)
    return total


def projection(n: int) -> tuple[int, int, int, int]:
    """Two rows of variables, each of one a linear function of the other's: changed at both ends, and then the function."""
    planner = Planner()
    scale, offset = Variable(10), Variable(1000)
    sources, targets = [Variable(i) for i in range(n)], [Variable(i) for i in range(n)]
    for i in range(n):
        Stay(sources[i], NORMAL).add(planner)
        Scale(sources[i], scale, offset, targets[i], REQUIRED).add(planner)
    change(planner, sources[n // 2], 17)
    there = targets[n // 2].value
    change(planner, targets[n // 3], 1050)
    back = sources[n // 3].value
    change(planner, scale, 5)
    scaled = sum([target.value for target in targets])
    change(planner, offset, 2000)
    return there, back, scaled, sum([target.value for target in targets])


def run(n: int = 4000) -> tuple[int, tuple[int, int, int, int]]:
    return chain(n), projection(n)
