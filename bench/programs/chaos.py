"""A chaos game between splines: points with operators, knots in lists, a random generator, a picture as a list of lists."""

from __future__ import annotations

import math
import random
from typing import Optional

import jitd


@jitd.jitclass
class Point:
    x: float
    y: float

    def __init__(self, x: float = 0.0, y: float = 0.0) -> None:
        self.x = x
        self.y = y

    def __add__(self, other: Point) -> Point:
        return Point(self.x + other.x, self.y + other.y)

    def __sub__(self, other: Point) -> Point:
        return Point(self.x - other.x, self.y - other.y)

    def length(self) -> float:
        return math.hypot(self.x, self.y)

    def distance(self, other: Point) -> float:
        return (self - other).length()

    def between(self, other: Point, share: float) -> Point:
        return Point(self.x * (1.0 - share) + other.x * share, self.y * (1.0 - share) + other.y * share)

    def __repr__(self) -> str:
        return f"({self.x!r}, {self.y!r})"


@jitd.jitclass
class Spline:
    points: list[Point]
    degree: int
    knots: list[float]

    def __init__(self, points: list[Point], degree: int = 3, knots: Optional[list[float]] = None) -> None:
        self.points = points
        self.degree = degree
        inner = len(points) - degree
        self.knots = knots or [0.0] * degree + [float(i) for i in range(inner + 1)] + [float(inner)] * degree
        if len(self.knots) != len(points) + degree + 1:
            raise ValueError("a spline has a knot for each point, and one more than its degree")

    def domain(self) -> tuple[float, float]:
        return self.knots[self.degree], self.knots[len(self.points)]

    def interval(self, u: float) -> int:
        for i in range(self.degree, len(self.points)):
            if self.knots[i] <= u < self.knots[i + 1]:
                return i
        return len(self.points) - 1

    def __call__(self, u: float) -> Point:
        at = self.interval(u)
        d = [self.points[at - self.degree + i] for i in range(self.degree + 1)]
        for level in range(1, self.degree + 1):
            for i in range(self.degree, level - 1, -1):
                low = self.knots[at - self.degree + i]
                high = self.knots[at + 1 + i - level]
                d[i] = d[i - 1].between(d[i], (u - low) / (high - low))
        return d[self.degree]


@jitd.jitclass
class Game:
    splines: list[Spline]
    thickness: float
    low: Point
    high: Point
    shares: list[float]
    rng: random.Random

    def __init__(self, splines: list[Spline], thickness: float = 0.1) -> None:
        self.splines = splines
        self.thickness = thickness
        points = [point for spline in splines for point in spline.points]
        self.low = Point(min(p.x for p in points), min(p.y for p in points))
        self.high = Point(max(p.x for p in points), max(p.y for p in points))
        lengths = [self.length_of(spline) for spline in splines]
        total = 0.0
        for length in lengths:
            total += length
        self.shares = [length / total for length in lengths]
        self.rng = random.Random(1234)

    def length_of(self, spline: Spline, pieces: int = 250) -> float:
        start, end = spline.domain()
        total = 0.0
        last = spline(start)
        for i in range(1, pieces + 1):
            here = spline(start + (end - start) * i / pieces)
            total += here.distance(last)
            last = here
        return total

    def choose(self) -> Spline:
        left = self.rng.random()
        for spline, share in zip(self.splines, self.shares):
            if left < share:
                return spline
            left -= share
        return self.splines[-1]

    def moved(self, point: Point) -> Point:
        x = (point.x - self.low.x) / (self.high.x - self.low.x)
        y = (point.y - self.low.y) / (self.high.y - self.low.y)
        spline = self.choose()
        start, end = spline.domain()
        span = end - start
        here = spline(start + span * min(max(x, 0.0), 1.0))
        step = span / 50000
        if x * span + step > span:
            ahead, here = here, spline(end - step)
        else:
            ahead = spline(min(end, start + x * span + step))
        slope = ahead - here
        size = slope.length()
        if size > 0:
            here = Point(here.x - slope.y / size * (y - 0.5) * self.thickness, here.y + slope.x / size * (y - 0.5) * self.thickness)
        return self.clipped(here)

    def clipped(self, point: Point) -> Point:
        return Point(min(max(point.x, self.low.x), self.high.x), min(max(point.y, self.low.y), self.high.y))

    def draw(self, width: int, height: int, iterations: int) -> list[list[int]]:
        picture = [[1] * width for _ in range(height)]
        point = Point((self.high.x + self.low.x) / 2, (self.high.y + self.low.y) / 2)
        for _ in range(iterations):
            point = self.moved(point)
            column = int((point.x - self.low.x) / (self.high.x - self.low.x) * (width - 1))
            row = int((point.y - self.low.y) / (self.high.y - self.low.y) * (height - 1))
            picture[height - 1 - row][column] = 0
        return picture


def splines() -> list[Spline]:
    return [
        Spline([Point(1.6, 0.3), Point(2.8, 0.3), Point(2.1, 1.9), Point(1.6, 1.0), Point(1.6, 0.5), Point(2.8, 0.8)]),
        Spline([Point(2.8, 3.5), Point(2.4, 3.5), Point(1.8, 3.1), Point(0.9, 3.0), Point(0.5, 3.9)]),
        Spline([Point(3.2, 4.0), Point(2.2, 4.4), Point(1.2, 2.8), Point(0.3, 2.2)]),
    ]


def run(iterations: int = 20000, size: int = 200) -> tuple[int, int, str]:
    game = Game(splines())
    picture = game.draw(size, size, iterations)
    checksum = 0
    for row in picture:
        for value in row:
            checksum = (checksum * 31 + value) % 1000000007
    return sum(row.count(0) for row in picture), checksum, repr(game.moved(Point(1.0, 2.0)))
