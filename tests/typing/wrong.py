"""What type checkers must refuse: each line that ends in "# error" is one error of mypy --strict and of pyright, and no other line is."""

import jitd


@jitd.jitclass
class Point:
    x: float
    y: jitd.int8 = 0

    def norm2(self) -> float:
        return self.x * self.x


@jitd.jit
def add(a: int, b: int) -> int:
    return a + b


@jitd.jit_once
def once(a: float) -> float:
    return a


Point()  # error
Point("1")  # error
Point(1.0, 2, 3)  # error
Point(1.0, z=1)  # error
Point(1.0).norm3()  # error
Point(1.0).y = "a"  # error
text: str = Point(1.0).norm2()  # error
add("a", 1)  # error
add(1)  # error
once("a")  # error
jitd.jit_fokus  # error
jitd.jit_focus(signature=[(int,)])  # error
jitd.jitclass(strictly=True)  # error
jitd.publish(3, None)  # error
