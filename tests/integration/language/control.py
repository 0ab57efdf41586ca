"""Functions, for test_language.py."""

import math
from math import floor, sqrt

PI2 = 6.5
LIMIT = 10


def fib(n: int) -> int:
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)

def even(n: int) -> bool:
    return True if n == 0 else odd(n - 1)

def odd(n: int) -> bool:
    return False if n == 0 else even(n - 1)

def gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return abs(a)

def collatz(n: int) -> int:
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n //= 2
        else:
            n = 3 * n + 1
        steps += 1
        if steps > 1000:
            break
    else:
        steps += 1000000
    return steps

def primes(n: int) -> int:
    count = 0
    for i in range(2, n):
        for j in range(2, i):
            if j * j > i:
                count += 1
                break
            if i % j == 0:
                break
        else:
            count += 1
    return count

def loopvar(n: int) -> int:
    for i in range(n):
        pass
    return i

def steps(a: int, b: int, c: int) -> int:
    s = 0
    for i in range(a, b, c):
        if i == 5:
            continue
        s = s * 31 + i
        if s > 10**12:
            s %= 1000003
    return s

def mandel(cr: float, ci: float, n: int) -> int:
    zr = zi = 0.0
    k = 0
    while k < n and zr * zr + zi * zi <= 4.0:
        zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
        k += 1
    return k

def tup(a: int, b: float):
    (x, y), z = (a, b), a + 1
    x, z = z, x
    return x, (y, z), b > 1

def ret_other(a: int):
    if a > 3:
        return 1.5
    if a == 2:
        return 7

def walrus(a: int) -> int:
    if (b := a * 2) > 10 and (c := b + 1) != 13:
        return b + c
    return b

def cond(a: int, b: int, c: float) -> float:
    x = a and b
    y = a or b
    z = c if a < b < 10 else c * 2
    w = not a
    return x + y * 10 + z + w

def consts(a: float) -> float:
    return a * PI2 + LIMIT + math.pi + sqrt(abs(a)) + floor(a)

def strength(n: int) -> float:
    s = 0.0
    i = 0
    while True:
        i += 1
        if i > n:
            break
        if i % 3 == 0:
            continue
        s += 1.0 / i
    return s

def sumints(n: int) -> int:
    s = 0
    for i in range(n):
        s += i * i * i
    return s

def nested(n: int) -> int:
    t = 0
    for i in range(n):
        for j in range(i):
            for k in range(j):
                if (i + j + k) % 7 == 3:
                    t += 1
    return t

def unbound(n: int) -> int:
    if n > 3:
        q = 1
    return q

def floatsum(n: int) -> float:
    s = 0.0
    for i in range(1, n + 1):
        s += 1.0 / (i * i)
    return s

def docs(n: int) -> int:
    """Doc."""
    n += 1
    ...
    pass
    return n

def chained(n: int) -> int:
    a = b = n + 1
    a += b
    return a ^ b & 7 | 3 << 2


def left_out(x: int) -> int:
    if False:
        raise KeyError(nothing(x))
    return x + 1
