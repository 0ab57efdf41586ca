# classes that extend others: what is inherited, super(), the class's own name, and a method of one of several classes
class Shape:
    scale: float
    SIDES = 0

    def area(self) -> float:
        return 0.0

    def scaled(self) -> float:
        return self.area() * self.scale + self.SIDES


class Square(Shape):
    side: float
    SIDES = 4

    def area(self) -> float:
        return self.side * self.side + super().area()


class Plate(Square):
    weight: float

    def area(self) -> float:
        return Square.area(self) + self.weight


class Pair:
    one: Shape
    two: Square

    def area(self) -> float:
        return self.one.area() + self.two.side

    def swapped(self) -> Shape:
        self.one = self.two
        if self.two.side > 1.0:
            return Plate(1.0, 2.0, 3.0)
        return self.one
