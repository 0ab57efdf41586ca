"""Corners of syntax, names, constants and exceptions, for test_corners.py."""
import math
from math import sqrt as root, pi as PI, floor, inf
A: int = 3
B = -A
C = D = 7
E_ = 1e3
F = 0x7fffffffffffffff
G = None
H = "text"
I_ = True

def f_module_consts(n: int):
    return A + B * C + D + int(E_) + (1 if I_ else 0) + (0 if G is None else 5), F - n, root(abs(n) + 1.0), PI, inf

def f_string_const(n: int):
    if n > 3:
        raise ValueError(H)
    raise KeyError(H, n)

def f_annotated(n: "int", x: "float" = 1.5) -> "float":
    y: "float" = n * x
    return y

def f_posonly(a: int, b: int = 5, /):
    return a - b

def f_star_only(*, a: int = 3, b: int = 4):
    return a * 10 + b

def f_call_kw(n: int):
    return f_posonly(n) + f_posonly(n, 3) + f_star_only(b=n) + f_star_only(a=n, b=2)

def f_default_expr(n: int = 2 ** 5 - 1, x: float = 1 / 3, m: int = -5):
    return n, x, m

def f_paren(n: int):
    return (((n))), ((n, )), (n, (n))

def f_lots(a: int, b: int):
    return a + b * 2 - a // 3 % 4 ** 2 & 255 | 3 ^ a << 1 >> 2

def f_unary_prec(a: int):
    return -a ** 2, (-a) ** 2, not a == 1, ~a + 1, -a // 2, -(a // 2), +a % 3

def f_cmp_prec(a: int, b: int):
    return a < b == True, (a < b) == True, a == b == a, not a < b

def f_bool_prec(a: int, b: int):
    return (a > 0 or b > 0 and a < 0), (not a > 0 and b > 0), ((a > 0) if b > 0 else (b < 0) or a < 0)

def f_ifexp_nest(a: int):
    return 1 if a > 5 else 2 if a > 3 else 3 if a else 4

def f_else_if_return(a: int):
    if a == 1: return 1
    elif a == 2: return 2
    else: pass
    while a > 2: a -= 2
    else: a += 100
    return a

def f_for_tuple_target(n: int):
    for i in range(n):
        a, b = i, i * i
    else:
        c = 5
    return c

def f_nested_func_names(range_: int, len_: int):
    total = 0
    for range_ in range(range_):
        total += range_
    return total + len_

def f_shadow_range(range: int):
    t = 0
    while range > 0:
        range -= 1
        t += range
    return t

def f_shadow_module(math: float):
    return math * 2

def f_many(a: int, b: int, c: int, d: int, e: int, f: int, g: int, h: int, i: int, j: int):
    return a - b + c - d + e - f + g - h + i - j

def f_big_tuple(n: int):
    t = (n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9)
    return t[0] + t[-1] * 100, t[5], len(t), t

def f_tuple_in_tuple(n: int):
    (a, (b, c)), d = (n, (n + 1, n + 2)), n + 3
    [e, f] = d, c
    return a, b, c, d, e, f

def f_tuple_truth(n: int):
    return (1 if (n,) else 2), (1 if () else 2), not (n, n)

def f_floor_import(x: float):
    return floor(x) + root(4.0)

def f_float_int_eq(n: int):
    return float(n) == n, n == float(n) + 0.0, float(n) < n, float(n) > n

def f_int_bool_eq(n: int, b: bool):
    return n == b, b == n, n < b, b + b == n

def f_mod_chain(a: int, b: int):
    return a % (b * b + 1), -a % (b * b + 1), a % -(b * b + 1)

def f_round_half(n: int):
    return round(n + 0.5), round(n - 0.5), round(-n / 2), round(n / 4, 1), round(n * 1.005, 2)

def f_int_neg(x: float):
    return int(-x), int(x), round(-x), math.floor(-x), math.ceil(-x), -x // 1, -x % 1

def f_min_one_type(a: int, b: bool):
    return min(a, 3), max(a, -3), abs(-a), min(True, b), max(False, b)

def f_early(n: int):
    return n
    return n + 1

def f_raise_after(n: int):
    if n:
        return 1
    raise ZeroDivisionError("own")
    return 2

def f_assert_false(n: int):
    assert n
    assert n != 3, "three"
    assert False if n == 5 else True, f"{n!r:>4}|{n:x}|{n:+d}|{n / 7:.3e}|{n > 2}|{n > 2!s:>6}"
    return n

def f_fstring(n: int, x: float):
    raise ValueError(f"{n}", f"{x}", f"{x:.2f}", f"{n:05d}", f"{n=}" if n < 0 else f"{{}}", f"{n}{x}", "a" "b" f"{n}")

def f_exc_args(n: int, x: float, b: bool):
    raise RuntimeError(n, x, b, None, "s", -n, x * 2, n > 1)

def f_exc_kinds(n: int):
    if n == 0: raise ArithmeticError("a")
    if n == 1: raise LookupError
    if n == 2: raise NotImplementedError
    if n == 3: raise OSError(2, "no")
    if n == 4: raise TypeError("t", n)
    if n == 5: raise AttributeError("attr")
    if n == 6: raise NameError("name")
    if n == 7: raise Exception(n)
    if n == -1: raise UnicodeError("u")
    return n

def f_while_cond_effects(n: int):
    k = 0
    while (n := n - 1) > 0 and (k := k + n) < 20:
        pass
    return n, k

def f_chain_effects(n: int):
    a = b = c = 0
    r = (a := n) < (b := n * n) < (c := 10)
    return r, a, b, c

def f_nan_order(x: float):
    nan = float_nan(x)
    return nan < x, nan > x, not nan < x, nan != nan, nan == nan, min(nan, x) == x, max(x, nan) == x, (1 if nan else 0)

def float_nan(x: float) -> float:
    return x * 0.0 / 1.0 if x != x else (inf - inf)

def f_inf(x: float):
    return inf > x, -inf < x, inf + x, inf * x, x / inf, inf // 1 if x > 0 else 0.5

def f_signs(x: float):
    return math.copysign(1, x), math.copysign(1.0, -x), math.copysign(1.0, x * 0), math.copysign(1.0, 0 * x), math.copysign(1.0, -0.0 + x * 0.0)

def f_shift_mix(a: int, b: bool):
    return a << b, a >> b, b << 3

def f_pow_mix(x: float, b: bool):
    return x ** b, 2 ** b, b ** 2

def f_divmod_neg(a: int):
    return divmod(a, 7), divmod(-a, 7), divmod(a, -7), divmod(a + 0.5, 7), divmod(-a, 2.5)

def f_long_chain(a: int, b: int, c: int, d: int):
    return a < b <= c != d, a == b == c == d, a > b > c > d, a <= b > c <= d
