from jitd import float32, int8, int32, uint8, uint64


def promote(a: int8, b: uint8, c: int32, d: float32, e: uint64):
    return a + b, a + 1, c + d, a + d, c + e, a + True, c / 2, a + 1.5


def too_big(a: int8):
    return a + 300


def half(a: int8):
    return a / 2
