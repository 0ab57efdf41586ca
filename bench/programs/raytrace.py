"""A ray tracer: vectors with operators, shapes and surfaces with a common base each, shadows, recursive reflections."""

from __future__ import annotations

import math
from typing import Optional

import jitd

EPSILON = 1e-6


@jitd.jitclass
class Vector:
    x: float
    y: float
    z: float

    def __init__(self, x: float, y: float, z: float) -> None:
        self.x = x
        self.y = y
        self.z = z

    def __add__(self, other: Vector) -> Vector:
        return Vector(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other: Vector) -> Vector:
        return Vector(self.x - other.x, self.y - other.y, self.z - other.z)

    def __neg__(self) -> Vector:
        return Vector(-self.x, -self.y, -self.z)

    def __mul__(self, factor: float) -> Vector:
        return Vector(self.x * factor, self.y * factor, self.z * factor)

    def dot(self, other: Vector) -> float:
        return self.x * other.x + self.y * other.y + self.z * other.z

    def cross(self, other: Vector) -> Vector:
        return Vector(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )

    def length(self) -> float:
        return math.sqrt(self.dot(self))

    def normalised(self) -> Vector:
        return self * (1.0 / self.length())

    def reflected(self, normal: Vector) -> Vector:
        return self - normal * (2.0 * self.dot(normal))


@jitd.jitclass
class Ray:
    origin: Vector
    direction: Vector

    def __init__(self, origin: Vector, direction: Vector) -> None:
        self.origin = origin
        self.direction = direction.normalised()

    def at(self, distance: float) -> Vector:
        return self.origin + self.direction * distance


@jitd.jitclass
class Surface:
    colour: Vector
    specular: float
    diffuse: float

    def __init__(self, colour: Vector, specular: float = 0.2, diffuse: float = 0.6) -> None:
        self.colour = colour
        self.specular = specular
        self.diffuse = diffuse

    def colour_at(self, point: Vector) -> Vector:
        return self.colour


@jitd.jitclass
class Checkerboard(Surface):
    other: Vector
    size: float

    def __init__(self, colour: Vector, other: Vector, size: float) -> None:
        super().__init__(colour)
        self.other = other
        self.size = size

    def colour_at(self, point: Vector) -> Vector:
        x, z = math.floor(point.x / self.size), math.floor(point.z / self.size)
        return self.colour if (x + z) % 2 == 0 else self.other


@jitd.jitclass
class Shape:
    surface: Surface

    def __init__(self, surface: Surface) -> None:
        self.surface = surface

    def distance(self, ray: Ray) -> Optional[float]:
        raise NotImplementedError

    def normal_at(self, point: Vector) -> Vector:
        raise NotImplementedError


@jitd.jitclass
class Sphere(Shape):
    centre: Vector
    radius: float

    def __init__(self, centre: Vector, radius: float, surface: Surface) -> None:
        super().__init__(surface)
        self.centre = centre
        self.radius = radius

    def distance(self, ray: Ray) -> Optional[float]:
        to_centre = self.centre - ray.origin
        along = to_centre.dot(ray.direction)
        square = self.radius * self.radius - (to_centre.dot(to_centre) - along * along)
        if square < 0:
            return None
        return along - math.sqrt(square)

    def normal_at(self, point: Vector) -> Vector:
        return (point - self.centre).normalised()


@jitd.jitclass
class Plane(Shape):
    base: Vector
    normal: Vector

    def __init__(self, base: Vector, normal: Vector, surface: Surface) -> None:
        super().__init__(surface)
        self.base = base
        self.normal = normal.normalised()

    def distance(self, ray: Ray) -> Optional[float]:
        slope = ray.direction.dot(self.normal)
        if abs(slope) < EPSILON:
            return None
        return (self.base - ray.origin).dot(self.normal) / slope

    def normal_at(self, point: Vector) -> Vector:
        return self.normal


@jitd.jitclass
class Scene:
    shapes: list[Shape]
    lights: list[Vector]
    eye: Vector
    depth: int

    def __init__(self, eye: Vector) -> None:
        self.shapes = []
        self.lights = []
        self.eye = eye
        self.depth = 0

    def nearest(self, ray: Ray) -> Optional[tuple[Shape, float]]:
        found: Optional[tuple[Shape, float]] = None
        for shape in self.shapes:
            distance = shape.distance(ray)
            if distance is not None and distance > EPSILON and (found is None or distance < found[1]):
                found = shape, distance
        return found

    def is_lit(self, point: Vector, light: Vector) -> bool:
        to_light = light - point
        far = to_light.length()
        ray = Ray(point, to_light)
        for shape in self.shapes:
            distance = shape.distance(ray)
            if distance is not None and EPSILON < distance < far:
                return False
        return True

    def colour_of(self, ray: Ray) -> Vector:
        if self.depth > 3:
            return Vector(0.0, 0.0, 0.0)
        hit = self.nearest(ray)
        if hit is None:
            return Vector(0.1, 0.2, 0.4)
        self.depth += 1
        try:
            shape, distance = hit
            return self.shade(ray, shape, ray.at(distance))
        finally:
            self.depth -= 1

    def shade(self, ray: Ray, shape: Shape, point: Vector) -> Vector:
        surface = shape.surface
        normal = shape.normal_at(point)
        base = surface.colour_at(point)
        colour = base * (1.0 - surface.specular - surface.diffuse)
        if surface.specular > 0:
            mirrored = Ray(point, ray.direction.reflected(normal))
            colour = colour + self.colour_of(mirrored) * surface.specular
        light = sum_of_light(self.visible_lights(point), point, normal)
        return colour + base * (surface.diffuse * min(1.0, light))

    def visible_lights(self, point: Vector) -> list[Vector]:
        return [light for light in self.lights if self.is_lit(point, light)]

    def render(self, width: int, height: int) -> bytearray:
        right, up, forward = Vector(1.0, 0.0, 0.0), Vector(0.0, 1.0, 0.0), Vector(0.0, 0.0, 1.0)
        pixels = bytearray()
        for y in range(height):
            for x in range(width):
                across = right * ((2 * x - width) / width)
                down = up * ((height - 2 * y) / width)
                colour = self.colour_of(Ray(self.eye, forward + across + down))
                pixels.append(to_byte(colour.x))
                pixels.append(to_byte(colour.y))
                pixels.append(to_byte(colour.z))
        return pixels


@jitd.jit
def sum_of_light(lights: list[Vector], point: Vector, normal: Vector) -> float:
    total = 0.0
    for light in lights:
        share = (light - point).normalised().dot(normal)
        if share > 0:
            total += share
    return total


@jitd.jit
def to_byte(brightness: float) -> int:
    return max(0, min(255, int(brightness * 255)))


def scene() -> Scene:
    made = Scene(Vector(0.0, 1.8, -10.0))
    made.lights = [Vector(30.0, 30.0, -10.0), Vector(-10.0, 100.0, -30.0)]
    made.shapes.append(Sphere(Vector(1.0, 3.0, 2.0), 1.0, Surface(Vector(1.0, 1.0, 0.0))))
    for i in range(6):
        colour = Vector(i / 6.0, 1.0 - i / 6.0, 0.5)
        made.shapes.append(Sphere(Vector(-3.0 + i * 1.3, 2.0 - i * 0.4, -i * 0.3), 0.5, Surface(colour, 0.4, 0.5)))
    board = Checkerboard(Vector(1.0, 1.0, 1.0), Vector(0.0, 0.0, 0.0), 1.5)
    made.shapes.append(Plane(Vector(0.0, -1.0, 0.0), Vector(0.0, 1.0, 0.0), board))
    return made


def run(width: int = 144) -> tuple[int, int, str]:
    pixels = bytes(scene().render(width, width * 3 // 4))
    checksum = 0
    for value in pixels:
        checksum = (checksum * 31 + value) % 1000000007
    return len(pixels), checksum, pixels[-12:].hex()
