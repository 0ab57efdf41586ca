"""The Sun and the five outer planets over centuries, with the leapfrog method, whose energy error must stay small.

Masses relative to the Sun (with the inner planets added to it), positions in astronomical units and velocities per day on
5 September 1994, 0h: table 2.2 of Hairer, Lubich, Wanner, "Geometric Numerical Integration", section I.2.4, which has them from
"Ahnerts Kalender für Sternfreunde 1994".
"""

import math
from typing import Optional

import jitd

GRAVITY = 2.95912208286e-4

BODIES = {
    "Sun": (1.00000597682, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "Jupiter": (0.000954786104043, -3.5023653, -3.8169847, -1.5507963, 0.00565429, -0.00412490, -0.00190589),
    "Saturn": (0.000285583733151, 9.0755314, -3.0458353, -1.6483708, 0.00168318, 0.00483525, 0.00192462),
    "Uranus": (0.0000437273164546, 8.3101420, -16.2901086, -7.2521278, 0.00354178, 0.00137102, 0.00055029),
    "Neptune": (0.0000517759138449, 11.4707666, -25.7294829, -10.8169456, 0.00288930, 0.00114527, 0.00039677),
    "Pluto": (1 / 1.3e8, -15.5387357, -25.2225594, -3.1902382, 0.00276725, -0.00170702, -0.00136504),
}


@jitd.jitclass
class Body:
    mass: float
    x: float
    y: float
    z: float
    vx: float
    vy: float
    vz: float
    next: Optional["Body"] = None

    def distance(self, other: "Body") -> float:
        dx, dy, dz = self.x - other.x, self.y - other.y, self.z - other.z
        return math.sqrt(dx * dx + dy * dy + dz * dz)

    def attract(self, other: "Body", days: float) -> None:
        """What the two bodies' gravity does to their velocities in a time."""
        dx, dy, dz = self.x - other.x, self.y - other.y, self.z - other.z
        d2 = dx * dx + dy * dy + dz * dz
        pull = GRAVITY * days / (d2 * math.sqrt(d2))
        self.vx -= dx * other.mass * pull
        self.vy -= dy * other.mass * pull
        self.vz -= dz * other.mass * pull
        other.vx += dx * self.mass * pull
        other.vy += dy * self.mass * pull
        other.vz += dz * self.mass * pull

    def drift(self, days: float) -> None:
        self.x += self.vx * days
        self.y += self.vy * days
        self.z += self.vz * days

    def kinetic_energy(self) -> float:
        return 0.5 * self.mass * (self.vx * self.vx + self.vy * self.vy + self.vz * self.vz)


@jitd.jitclass
class SolarSystem:
    first: Body
    days: float = 0.0

    def kick(self, days: float) -> None:
        a: Optional[Body] = self.first
        while a is not None:
            b = a.next
            while b is not None:
                a.attract(b, days)
                b = b.next
            a = a.next

    def drift(self, days: float) -> None:
        a: Optional[Body] = self.first
        while a is not None:
            a.drift(days)
            a = a.next

    def run(self, steps: int, days: float) -> None:
        """Leapfrog: half a kick, a drift, half a kick; the half kicks of two neighbouring steps are one."""
        self.kick(0.5 * days)
        for step in range(steps):
            self.drift(days)
            self.kick(days if step + 1 < steps else 0.5 * days)
        self.days += steps * days

    def energy(self) -> float:
        total = 0.0
        a: Optional[Body] = self.first
        while a is not None:
            total += a.kinetic_energy()
            b = a.next
            while b is not None:
                total -= GRAVITY * a.mass * b.mass / a.distance(b)
                b = b.next
            a = a.next
        return total


def solar_system(body: type[Body] = Body, system: type[SolarSystem] = SolarSystem) -> SolarSystem:
    chain: Optional[Body] = None
    for values in reversed(BODIES.values()):
        chain = body(*values, chain)
    assert chain is not None
    return system(chain)


def main() -> None:
    system = solar_system()
    before = system.energy()
    system.run(365_250, 1.0)
    drift = abs(system.energy() / before - 1)
    print(f"{system.days / 365.25:.0f} years in {365_250:,} steps of a day; energy drift {drift:.1e}")
    assert drift < 1e-6


if __name__ == "__main__":
    main()
