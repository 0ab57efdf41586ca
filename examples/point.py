"""The smallest jitd program: a class whose methods run as machine code."""

import math

import jitd


@jitd.jitclass
class Point:
    x: float
    y: float = 0.0

    def norm2(self) -> float:
        return self.x * self.x + self.y * self.y

    def turn(self, angle: float) -> None:
        """Turns the point about the origin by an angle in radians."""
        c, s = math.cos(angle), math.sin(angle)
        self.x, self.y = self.x * c - self.y * s, self.x * s + self.y * c

    def walk(self, steps: int) -> float:
        """Turns and stretches many times; returns the square of the distance from the origin."""
        for i in range(steps):
            self.turn(0.001 * (i % 7))
            if self.norm2() > 4.0:
                self.x *= 0.5
                self.y *= 0.5
            else:
                self.x *= 1.0001
        return self.norm2()


def main() -> None:
    p = Point(3.0, 4.0)
    print(p, p.norm2(), p.x)
    p.turn(math.pi / 2)
    print(f"turned by 90 degrees: {p.x:.3f}, {p.y:.3f}")
    print(f"after 100,000 steps: {p.walk(100_000)!r}")


if __name__ == "__main__":
    main()
