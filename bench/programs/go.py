"""Go by random playouts: squares that know their neighbours, groups as a union-find with liberties, a generator of its own."""

from __future__ import annotations

from typing import Optional

import jitd

EMPTY = 0
BLACK = 1
WHITE = 2
KOMI = 7.5
SHOW = {EMPTY: ".", BLACK: "X", WHITE: "O"}


@jitd.jitclass
class Dice:
    state: int

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, n: int) -> int:
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 8) % n


@jitd.jitclass
class Square:
    number: int
    colour: int
    neighbours: list[Square]
    leader: Square
    liberties: int
    stones: int

    def __init__(self, number: int) -> None:
        self.number = number
        self.neighbours = []
        self.clear()

    def clear(self) -> None:
        self.colour = EMPTY
        self.leader = self
        self.liberties = 0
        self.stones = 0

    def find(self) -> Square:
        top = self
        while top.leader is not top:
            top = top.leader
        square = self
        while square.leader is not top:
            square.leader, square = top, square.leader
        return top


@jitd.jitclass
class Board:
    size: int
    squares: list[Square]
    empty: list[int]
    place: list[int]
    captured: dict[int, int]
    ko: Optional[Square]
    dice: Dice

    def __init__(self, size: int, dice: Dice) -> None:
        self.size = size
        self.dice = dice
        self.squares = [Square(i) for i in range(size * size)]
        for square in self.squares:
            x, y = square.number % size, square.number // size
            for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                if 0 <= x + dx < size and 0 <= y + dy < size:
                    square.neighbours.append(self.squares[(y + dy) * size + x + dx])
        self.reset()

    def reset(self) -> None:
        for square in self.squares:
            square.clear()
        self.empty = list(range(self.size * self.size))
        self.place = list(range(self.size * self.size))
        self.captured = {BLACK: 0, WHITE: 0}
        self.ko = None

    def take_place(self, number: int) -> None:
        """Out of the list of empty squares, the last of which takes its place."""
        at, last = self.place[number], self.empty[-1]
        self.empty[at] = last
        self.place[last] = at
        self.empty.pop()

    def give_place(self, number: int) -> None:
        self.place[number] = len(self.empty)
        self.empty.append(number)

    def is_useful(self, square: Square, colour: int) -> bool:
        """Neither suicide nor an eye of its own nor the ko."""
        if square is self.ko:
            return False
        free = own = captures = connects = 0
        for neighbour in square.neighbours:
            if neighbour.colour == EMPTY:
                free += 1
                continue
            group = neighbour.find()
            if neighbour.colour == colour:
                own += 1
                if group.liberties > 1:
                    connects += 1
            elif group.liberties == 1:
                captures += 1
        if own == len(square.neighbours) and connects == own:
            return False
        return free > 0 or captures > 0 or connects > 0

    def play(self, square: Square, colour: int) -> None:
        self.take_place(square.number)
        square.colour = colour
        square.leader = square
        square.stones = 1
        self.ko = None
        for neighbour in square.neighbours:
            if neighbour.colour == colour:
                self.join(neighbour.find(), square.find())
        self.count(square.find())
        taken: list[Square] = []
        for neighbour in square.neighbours:
            if neighbour.colour not in (EMPTY, colour):
                group = neighbour.find()
                self.count(group)
                if group.liberties == 0:
                    taken += self.capture(group)
        self.captured[colour] += len(taken)
        if taken:
            self.recount({n.find().number for t in taken for n in t.neighbours if n.colour == colour})
        if len(taken) == 1 and square.find().stones == 1 and square.find().liberties == 1:
            self.ko = taken[0]

    def join(self, group: Square, other: Square) -> None:
        if group is not other:
            other.leader = group
            group.stones += other.stones

    def stones_of(self, group: Square) -> list[Square]:
        seen = {group.number}
        found = [group]
        for square in found:
            for neighbour in square.neighbours:
                if neighbour.colour == group.colour and neighbour.number not in seen:
                    seen.add(neighbour.number)
                    found.append(neighbour)
        return found

    def count(self, group: Square) -> None:
        seen: set[int] = set()
        for square in self.stones_of(group):
            for neighbour in square.neighbours:
                if neighbour.colour == EMPTY:
                    seen.add(neighbour.number)
        group.liberties = len(seen)

    def recount(self, numbers: set[int]) -> None:
        for number in numbers:
            self.count(self.squares[number])

    def capture(self, group: Square) -> list[Square]:
        stones = self.stones_of(group)
        for square in stones:
            square.clear()
            self.give_place(square.number)
        return stones

    def random_move(self, colour: int) -> Optional[Square]:
        n = len(self.empty)
        if n == 0:
            return None
        start = self.dice.below(n)
        for i in range(n):
            square = self.squares[self.empty[(start + i) % n]]
            if self.is_useful(square, colour):
                return square
        return None

    def play_out(self, first: Square) -> None:
        self.play(first, BLACK)
        colour = WHITE
        passes = 0
        for _ in range(3 * self.size * self.size):
            move = self.random_move(colour)
            if move is None:
                passes += 1
                if passes == 2:
                    break
            else:
                passes = 0
                self.play(move, colour)
            colour = BLACK + WHITE - colour

    def score(self, colour: int) -> float:
        points = KOMI if colour == WHITE else 0.0
        for square in self.squares:
            if square.colour == colour:
                points += 1
            elif square.colour == EMPTY and all(n.colour == colour for n in square.neighbours):
                points += 1
        return points

    def __str__(self) -> str:
        rows = range(0, self.size * self.size, self.size)
        return "\n".join(" ".join(SHOW[s.colour] for s in self.squares[r : r + self.size]) for r in rows)


@jitd.jitclass
class Player:
    board: Board
    wins: dict[int, int]

    def __init__(self, board: Board) -> None:
        self.board = board
        self.wins = {}

    def try_move(self, number: int) -> None:
        self.board.reset()
        self.board.play_out(self.board.squares[number])
        won = self.board.score(BLACK) > self.board.score(WHITE)
        self.wins[number] = self.wins.get(number, 0) + (1 if won else 0)

    def think(self, playouts: int) -> int:
        for i in range(playouts):
            self.try_move(i * 7 % len(self.board.squares))
        return max(self.wins, key=lambda number: (self.wins[number], -number))


def run(playouts: int = 200, size: int = 9) -> tuple[int, int, str]:
    player = Player(Board(size, Dice(42)))
    best = player.think(playouts)
    return best, sum(player.wins.values()), str(player.board)
