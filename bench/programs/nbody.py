"""The outer planets and the sun: dataclasses, a list of pairs, floats in the fields of others."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import jitd

SOLAR_MASS = 4 * pi * pi
DAYS = 365.24


@jitd.jitclass
@dataclass
class Body:
    name: str
    x: float
    y: float
    z: float
    vx: float
    vy: float
    vz: float
    mass: float

    def kinetic(self) -> float:
        return 0.5 * self.mass * (self.vx**2 + self.vy**2 + self.vz**2)


@jitd.jitclass
class System:
    bodies: list[Body]
    pairs: list[tuple[Body, Body]]

    def __init__(self, bodies: list[Body]) -> None:
        self.bodies = bodies
        self.pairs = [(a, b) for i, a in enumerate(bodies) for b in bodies[i + 1 :]]
        self.offset_momentum()

    def offset_momentum(self) -> None:
        px = py = pz = 0.0
        for body in self.bodies:
            px -= body.vx * body.mass
            py -= body.vy * body.mass
            pz -= body.vz * body.mass
        sun = self.bodies[0]
        sun.vx = px / sun.mass
        sun.vy = py / sun.mass
        sun.vz = pz / sun.mass

    def energy(self) -> float:
        total = 0.0
        for body in self.bodies:
            total += body.kinetic()
        for a, b in self.pairs:
            dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
            total -= a.mass * b.mass / sqrt(dx * dx + dy * dy + dz * dz)
        return total

    def advance(self, dt: float) -> None:
        for a, b in self.pairs:
            dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
            pull = dt * (dx * dx + dy * dy + dz * dz) ** -1.5
            a.vx -= dx * b.mass * pull
            a.vy -= dy * b.mass * pull
            a.vz -= dz * b.mass * pull
            b.vx += dx * a.mass * pull
            b.vy += dy * a.mass * pull
            b.vz += dz * a.mass * pull
        for body in self.bodies:
            body.x += dt * body.vx
            body.y += dt * body.vy
            body.z += dt * body.vz


def planet(name: str, position: tuple[float, float, float], velocity: tuple[float, float, float], mass: float) -> Body:
    x, y, z = position
    vx, vy, vz = (v * DAYS for v in velocity)
    return Body(name, x, y, z, vx, vy, vz, mass * SOLAR_MASS)


def solar_system() -> System:
    return System([
        planet("sun", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.0),
        planet("jupiter", (4.84143144, -1.16032004, -0.10362204), (0.00166007, 0.00769901, -0.00006904), 0.000954791),
        planet("saturn", (8.34336671, 4.12479856, -0.40352341), (-0.00276742, 0.00499852, 0.00002304), 0.000285885),
        planet("uranus", (12.89436956, -15.11115140, -0.22330757), (0.00296460, 0.00237847, -0.00002965), 0.0000436624),
        planet("neptune", (15.37969711, -25.91931460, 0.17925877), (0.00268067, 0.00162824, -0.00009515), 0.0000515138),
    ])


def run(steps: int = 50000) -> tuple[float, float]:
    system = solar_system()
    before = system.energy()
    for _ in range(steps):
        system.advance(0.01)
    return before, system.energy()
