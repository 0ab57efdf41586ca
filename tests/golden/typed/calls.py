import math

LIMIT = 10


def helper(a, b=2, *, c=3.5):
    return a * b + c


def caller(x: float) -> float:
    return helper(1, c=2.0) + helper(x) + helper(b=x, a=LIMIT) + math.sqrt(x) + math.floor(x) + math.pi


def wrong(x: float) -> float:
    return helper()


def unknown_keyword(x: float) -> float:
    return helper(1, d=2)


def refused(x: float) -> float:
    return [x]


def calls_refused(x: float) -> float:
    return refused(x)
