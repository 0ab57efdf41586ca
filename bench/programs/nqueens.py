"""All ways to put n queens on a board: backtracking over lists of bools, solutions kept as copies of a list."""

from __future__ import annotations

import jitd


@jitd.jitclass
class Queens:
    n: int
    columns: list[int]
    taken: list[bool]
    rising: list[bool]
    falling: list[bool]
    solutions: list[list[int]]

    def __init__(self, n: int) -> None:
        self.n = n
        self.columns = []
        self.taken = [False] * n
        self.rising = [False] * (2 * n - 1)
        self.falling = [False] * (2 * n - 1)
        self.solutions = []

    def is_free(self, row: int, column: int) -> bool:
        return not (self.taken[column] or self.rising[row + column] or self.falling[row - column + self.n - 1])

    def mark(self, row: int, column: int, value: bool) -> None:
        self.taken[column] = value
        self.rising[row + column] = value
        self.falling[row - column + self.n - 1] = value

    def place(self, row: int) -> None:
        if row == self.n:
            self.solutions.append(self.columns[:])
            return
        for column in range(self.n):
            if self.is_free(row, column):
                self.mark(row, column, True)
                self.columns.append(column)
                self.place(row + 1)
                self.columns.pop()
                self.mark(row, column, False)

    def picture(self, solution: list[int]) -> str:
        return "\n".join("".join("Q" if column == at else "." for column in range(self.n)) for at in solution)


def run(n: int = 11) -> tuple[int, str]:
    queens = Queens(n)
    queens.place(0)
    return len(queens.solutions), queens.picture(queens.solutions[-1])
