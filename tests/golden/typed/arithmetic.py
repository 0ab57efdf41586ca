def mixed(a: int, b: float, c: bool):
    return a + c, a / 2, a // 2, a ** 2, a ** -1, b % a, c & c, c | a, -c


def compare(a: int, b: float) -> bool:
    return 0 <= a < b


def values(a: int, b: int):
    return a and b, a or b, not a, a if b else 1
