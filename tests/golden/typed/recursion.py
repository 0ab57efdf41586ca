class Cell:
    n: int


def late_effect(c: Cell, n: int) -> int:
    if n > 0:
        late_effect(c, n - 1)
    x = n * n
    c.n = x
    return x


def ping(c: Cell, n: int) -> int:
    return pong(c, n - 1) + 1 if n > 0 else 0


def pong(c: Cell, n: int) -> int:
    x = ping(c, n - 1) * 2
    c.n = x
    return x
