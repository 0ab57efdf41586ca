"""A puzzle on a board of hexagons: tiles say how many neighbours they have; a solver with sets, dicts and copies of states."""

from __future__ import annotations

from typing import Optional

import jitd

EMPTY = 7
DIRECTIONS = [(1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1)]


@jitd.jitclass
class Hex:
    """The cells of a board with this many on a side, and which of them touch."""

    side: int
    cells: list[tuple[int, int]]
    numbers: dict[tuple[int, int], int]
    neighbours: list[list[int]]

    def __init__(self, side: int) -> None:
        self.side = side
        around = range(-side + 1, side)
        self.cells = [(q, r) for r in around for q in around if abs(q + r) < side]
        self.numbers = {cell: i for i, cell in enumerate(self.cells)}
        self.neighbours = [self.around(q, r) for q, r in self.cells]

    def around(self, q: int, r: int) -> list[int]:
        found = []
        for dq, dr in DIRECTIONS:
            cell = q + dq, r + dr
            if cell in self.numbers:
                found.append(self.numbers[cell])
        return found

    def picture(self, tiles: list[int]) -> str:
        lines = []
        for r in range(-self.side + 1, self.side):
            row = [tiles[i] for i, cell in enumerate(self.cells) if cell[1] == r]
            lines.append(" " * abs(r) + " ".join("." if tile == EMPTY else str(tile) for tile in row))
        return "\n".join(lines)


@jitd.jitclass
class State:
    """What may still be where: a set of tiles for each cell, and how many of each tile are left to place."""

    options: list[set[int]]
    left: list[int]

    def __init__(self, options: list[set[int]], left: list[int]) -> None:
        self.options = options
        self.left = left

    def copy(self) -> State:
        return State([set(o) for o in self.options], self.left[:])

    def is_done(self, cell: int) -> bool:
        return len(self.options[cell]) == 1

    def tile(self, cell: int) -> int:
        return next(iter(self.options[cell]))

    def most_constrained(self) -> Optional[int]:
        best: Optional[int] = None
        fewest = EMPTY + 2
        for cell, options in enumerate(self.options):
            if 1 < len(options) < fewest:
                best, fewest = cell, len(options)
        return best


@jitd.jitclass
class Solver:
    board: Hex
    steps: int

    def __init__(self, board: Hex) -> None:
        self.board = board
        self.steps = 0

    def start(self, counts: list[int], fixed: dict[int, int]) -> State:
        options = []
        for cell, around in enumerate(self.board.neighbours):
            if cell in fixed:
                options.append({fixed[cell]})
            else:
                options.append({tile for tile in range(EMPTY + 1) if counts[tile] and (tile == EMPTY or tile <= len(around))})
        return State(options, counts)

    def recount(self, state: State, counts: list[int]) -> bool:
        """How many of each tile are left; False when too many are placed, or too few have a place."""
        placed = [0] * (EMPTY + 1)
        places = [0] * (EMPTY + 1)
        for options in state.options:
            for tile in options:
                places[tile] += 1
            if len(options) == 1:
                for tile in options:
                    placed[tile] += 1
        state.left = [count - used for count, used in zip(counts, placed)]
        return all(left >= 0 for left in state.left) and all(p >= c for p, c in zip(places, counts))

    def narrow(self, state: State, cell: int) -> bool:
        """Takes out of a cell what its neighbours and the tiles left do not allow; whether anything went."""
        sure = maybe = 0
        for other in self.board.neighbours[cell]:
            around = state.options[other]
            if EMPTY not in around:
                sure += 1
            elif len(around) > 1:
                maybe += 1
        kept = set()
        for tile in state.options[cell]:
            if tile != EMPTY and not sure <= tile <= sure + maybe:
                continue
            if state.left[tile] == 0 and not state.is_done(cell):
                continue
            kept.add(tile)
        changed = kept != state.options[cell]
        state.options[cell] = kept
        return changed

    def force_neighbours(self, state: State, cell: int) -> bool:
        """A placed tile that needs all its open neighbours, or none of them."""
        tile = state.tile(cell)
        if tile == EMPTY:
            return False
        around = self.board.neighbours[cell]
        full = [c for c in around if EMPTY not in state.options[c]]
        unsure = [c for c in around if EMPTY in state.options[c] and not state.is_done(c)]
        if not unsure:
            return False
        if len(full) == tile:
            for c in unsure:
                state.options[c] = {EMPTY}
            return True
        if len(full) + len(unsure) == tile:
            for c in unsure:
                state.options[c] = state.options[c] - {EMPTY}
            return True
        return False

    def propagate(self, state: State, counts: list[int]) -> bool:
        changed = True
        while changed:
            changed = False
            if not self.recount(state, counts):
                return False
            for cell in range(len(state.options)):
                if self.narrow(state, cell):
                    changed = True
                if not state.options[cell]:
                    return False
                if state.is_done(cell) and self.force_neighbours(state, cell):
                    changed = True
        return True

    def solve(self, state: State, counts: list[int]) -> Optional[State]:
        self.steps += 1
        if not self.propagate(state, counts):
            return None
        cell = state.most_constrained()
        if cell is None:
            return state
        for tile in sorted(state.options[cell]):
            guess = state.copy()
            guess.options[cell] = {tile}
            solved = self.solve(guess, counts)
            if solved is not None:
                return solved
        return None


def puzzle(board: Hex, seed: int) -> tuple[list[int], dict[int, int]]:
    """The tiles of some filling of the board, and where a few of them are."""
    occupied = []
    for _ in board.cells:
        seed = (seed * 1103515245 + 12345) % 2**31
        occupied.append(seed >> 16 & 7 < 5)
    tiles = [
        sum(occupied[other] for other in around) if own else EMPTY for own, around in zip(occupied, board.neighbours)
    ]
    counts = [tiles.count(tile) for tile in range(EMPTY + 1)]
    return counts, {cell: tiles[cell] for cell in range(0, len(tiles), 6)}


def run(side: int = 4, puzzles: int = 12) -> list[tuple[int, str]]:
    board = Hex(side)
    found = []
    for seed in range(1, puzzles + 1):
        counts, fixed = puzzle(board, seed)
        solver = Solver(board)
        solved = solver.solve(solver.start(counts, fixed), counts)
        assert solved is not None
        found.append((solver.steps, board.picture([solved.tile(cell) for cell in range(len(board.cells))])))
    return found
