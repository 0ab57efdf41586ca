"""Points on a curve, each normalised, and the corner of the box around them: floats in fields, small methods."""

from __future__ import annotations

from math import cos, sin, sqrt

import jitd


@jitd.jitclass
class Point:
    x: float
    y: float
    z: float

    def __init__(self, i: int) -> None:
        self.x = x = sin(i)
        self.y = cos(i) * 3
        self.z = x * x / 2

    def normalise(self) -> None:
        length = sqrt(self.x**2 + self.y**2 + self.z**2)
        self.x /= length
        self.y /= length
        self.z /= length

    def maximise(self, other: Point) -> Point:
        self.x = self.x if self.x > other.x else other.x
        self.y = self.y if self.y > other.y else other.y
        self.z = self.z if self.z > other.z else other.z
        return self


@jitd.jitclass
class Cloud:
    points: list[Point]

    def __init__(self, n: int) -> None:
        self.points = [Point(i) for i in range(n)]

    def normalise(self) -> None:
        for point in self.points:
            point.normalise()

    def corner(self) -> Point:
        corner = self.points[0]
        for point in self.points[1:]:
            corner = corner.maximise(point)
        return corner


def run(n: int = 200000) -> tuple[float, float, float]:
    cloud = Cloud(n)
    cloud.normalise()
    corner = cloud.corner()
    return corner.x, corner.y, corner.z
