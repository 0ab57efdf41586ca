def drifts(n: int) -> float:
    s = 0
    for i in range(n):
        s += 0.5
    return s


def straight_line(n: int) -> float:
    x = n
    x = x / 2
    return x


def unbound(n: int) -> int:
    for i in range(n):
        pass
    return i
