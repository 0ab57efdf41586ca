"""Corners of the language, for test_corners.py."""

import math

SHADOW = 3
NEG_ZERO = -0.0
NAN = float("nan")
INF = math.inf
TRUE = True
BIG = 2**62
TOP = 9223372036854775807


def f_walrus_cond(n: int) -> int:
    t = 0
    while (n := n - 1) > 0:
        if (m := n % 3) and m != 2:
            continue
        t += m * 10 + n
    return t * 100 + n + m

def f_walrus_args(n: int) -> int:
    return (a := n + 1) * 100 + a * 10 + (a := a + 1) + a

def f_walrus_chain(n: int) -> int:
    if 0 < (a := n) < (b := a * 2) < 20:
        return a * 100 + b
    return -a

def f_walrus_short(n: int) -> int:
    if n > 3 and (k := n * 2) > 9:
        return k
    return k

def f_bool_arith(a: bool, b: bool) -> int:
    return a + b * 3 - (a & b) * 100 + (a ^ b) * 1000 + (a | b) * 10000

def f_bool_type_and(a: bool, b: bool):
    return a & b, a | b, a ^ b, a and b, a or b, not a

def f_bool_unary(a: bool):
    return -a, +a, abs(a)

def f_bool_invert(a: bool):
    return ~a

def f_bool_shift(a: bool, n: int):
    return a << n, a >> n

def f_bool_bool_shift(a: bool, b: bool):
    return a << b, a >> b, a ** b, a * b, a - b

def f_bool_div(a: bool, b: bool):
    return a / b, a // b, a % b

def f_bool_round(a: bool):
    return round(a), int(a), float(a), bool(a)

def f_bool_round_digits(a: bool, n: int):
    return round(a, n)

def f_bool_divmod(a: bool, n: int):
    return divmod(a, n)

def f_bool_minmax(a: bool, b: bool):
    return min(a, b), max(a, b)

def f_bool_compare(a: bool, b: bool):
    return a < b, a == b, a >= b, a != b

def f_bool_pow(a: bool, n: int):
    return a ** n

def f_bool_int_mix(a: bool, n: int):
    return a + n, n - a, a * n, a & n, a | n, a ^ n, a == n, a < n

def f_bool_float(a: bool, x: float):
    return a + x, a * x, x - a, a < x, a == x, x ** a

def f_is_none(n: int):
    return n is None, n is not None, None is None

def f_int_float_cmp(n: int, x: float):
    return n == x, n != x, n < x, n <= x, n > x, n >= x

def f_float_int_cmp(n: int, x: float):
    return x == n, x != n, x < n, x <= n, x > n, x >= n

def f_cmp_chain_mixed(a: int, x: float, b: int):
    return a < x < b, a <= x <= b, a == x == b, a != x != b

def f_floordiv(a: float, b: float):
    return a // b

def f_mod(a: float, b: float):
    return a % b

def f_divmod(a: float, b: float):
    return divmod(a, b)

def f_ifloordiv(a: int, b: int):
    return a // b

def f_imod(a: int, b: int):
    return a % b

def f_idivmod(a: int, b: int):
    return divmod(a, b)

def f_idiv(a: int, b: int):
    return a / b

def f_mixdiv(a: int, b: float):
    return a / b, a // b, a % b

def f_mixdiv2(a: float, b: int):
    return a / b, a // b, a % b

def f_mixdivmod(a: int, b: float):
    return divmod(a, b)

def f_ipow(a: int, b: int):
    return a ** b

def f_pow(a: float, b: float):
    return a ** b

def f_mixpow(a: int, b: float):
    return a ** b

def f_mixpow2(a: float, b: int):
    return a ** b

def f_pow_const(a: int):
    return a ** 0, a ** 1, a ** 2, a ** 3, a ** -1, a ** -2

def f_pow_zero(a: int, b: int):
    return 0 ** a, 1 ** b, (-1) ** b

def f_powf(a: int, b: int):
    return pow(a, b)

def f_powm(a: int, b: int, c: int):
    return pow(a, b, c)

def f_negpow(a: int) -> float:
    return -a ** 2 + -2 ** a

def f_powright(a: int) -> int:
    return 2 ** a ** 2

def f_lshift(a: int, b: int):
    return a << b

def f_rshift(a: int, b: int):
    return a >> b

def f_shift_const(a: int):
    return a >> 63, a >> 64, a >> 1000, a << 0

def f_bits(a: int, b: int):
    return a & b, a | b, a ^ b, ~a

def f_round(x: float):
    return round(x)

def f_roundn(x: float, n: int):
    return round(x, n)

def f_round1(x: float):
    return round(x, 1), round(x, 2), round(x, 0), round(x, -1)

def f_iround(a: int, n: int):
    return round(a, n)

def f_int(x: float):
    return int(x)

def f_floor(x: float):
    return math.floor(x), math.ceil(x), math.trunc(x)

def f_abs(a: int, x: float):
    return abs(a), abs(x)

def f_neg(a: int, x: float):
    return -a, -x, +a, +x

def f_zero(x: float):
    return x + NEG_ZERO, x - 0.0, 0.0 - x, -x, x * -1, 0 - x, -0.0 + x, x + 0, x * 0

def f_nan(x: float):
    return NAN == x, NAN != x, NAN < x, x < NAN, NAN == NAN, min(x, NAN), min(NAN, x), max(x, NAN), max(NAN, x)

def f_minmax3(a: float, b: float, c: float):
    return min(a, b, c), max(a, b, c)

def f_minmax_int(a: int, b: int, c: int):
    return min(a, b, c), max(c, b, a)

def f_minmax_mixed(a: int, b: float):
    return max(a, b)

def f_truth(x: float, n: int):
    return (1 if x else 2), (1 if n else 2), (not x), (not n), bool(x), bool(n)

def f_and_or(a: int, b: int):
    return a and b, a or b, a and b or 7, not a or b, (a or b) and (b or a)

def f_and_or_float(a: float, b: float):
    return a and b, a or b

def f_fsum(a: float, b: float, c: float):
    return a + b + c, a + (b + c), a * b * c, a - b - c, a / b / c

def f_range(a: int, b: int, c: int):
    n = 0
    last = -1
    for i in range(a, b, c):
        n += 1
        last = i
        if n > 20:
            break
    else:
        n += 100
    return n, last

def f_range_mutate(n: int):
    k = 0
    for i in range(n):
        n = 100
        i += 5
        k += i
    return k, i, n

def f_range_reuse(n: int):
    t = 0
    for i in range(n):
        for i in range(i):
            t += i
    return t, i

def f_range_args(n: int):
    t = 0
    for i in range((n := n + 1), (n := n + 3)):
        t = t * 10 + i
    return t, n

def f_range_bool(a: bool):
    t = 0
    for i in range(a):
        t += 5
    return t

def f_loop_else(n: int):
    out = 0
    for i in range(n):
        for j in range(n):
            if j == 3:
                out += 1
                break
            if i == 4:
                out += 10
                continue
            out += 100
        else:
            out += 1000
            continue
        if i == 6:
            break
    else:
        out += 10000
    return out

def f_while_else(n: int):
    out = 0
    while n > 0:
        n -= 1
        if n == 5:
            continue
        while True:
            out += 1
            if out % 3:
                break
        else:
            out += 1000
        if n == 2:
            break
    else:
        out += 100
    return out, n

def f_while_else_walrus(n: int):
    while (k := n // 2) > 0:
        n = k
    else:
        k -= 5
    return k, n

def f_return_in_loop(n: int):
    for i in range(n):
        while i > 2:
            return i
    else:
        return -1

def f_aug(n: int):
    n += n * n
    n -= 3
    n *= 2
    n //= 3
    n %= 1000
    n <<= 2
    n >>= 1
    n |= 1
    n &= 0xFFF
    n ^= 5
    n **= 2
    return n

def f_aug_float(x: float):
    x += 1
    x /= 3
    x *= 2.5
    x -= 0.1
    x //= 0.3
    x %= 2
    x **= 2
    return x

def f_aug_type(n: int):
    n /= 2
    return n

def f_swap(a: int, b: int, c: int):
    a, b, c = c, a, b
    a, (b, c) = b, (a, c)
    return a, b, c

def f_multi(a: int):  # of three targets of one name CPython 3.11.2, Debian's, keeps the first
    a, a, a, a = 1, a, 3, a + 1
    return a

def f_multi_target(a: int):
    x = y, z = a, a + 1
    return x, y, z

def f_tuple_cmp(a: int):
    x = (a, 2)
    return x[0], x[-1]

def f_del(a: int):
    b = a + 1
    del b
    return a

def f_unbound(n: int):
    if n > 0:
        v = n
    return v

def f_unbound_loop(n: int):
    for i in range(n):
        q = i
    return q + i

def f_unbound_after(n: int):
    r = s + n
    s = 1
    return r

def f_assert(n: int):
    assert n > 0, n * 2
    assert n < 10, f"too {n:03d} {n!r} {n / 3:.2f}"
    assert n != 5
    return n

def f_raise(n: int):
    if n == 0:
        raise ValueError
    if n == 1:
        raise ValueError()
    if n == 2:
        raise KeyError(n)
    if n == 3:
        raise RuntimeError("a", n, 1.5, None, True)
    if n == 4:
        raise StopIteration(n)
    if n == 5:
        raise OverflowError(f"{n}{n + 1:>5}|{{}}")
    return n

def f_doc(n: int):
    "doc"
    1
    None
    ...
    "again"
    return n

def f_const_fold(n: int):
    return 1 << 70 >> 68, 7 // 2 * n, 10 ** 3 * n, 0.1 + 0.2, 1e308 * 10, -7 % 3, -7 // 3

def f_big_const(n: int):
    return n + 9223372036854775807, n - 9223372036854775808

def f_hex(n: int):
    return n + 0xFF + 0o17 + 0b11 + 1_000

def f_ternary(n: int):
    return (1 if n else 2) if n > 3 else (3 if n < -3 else 4)

def f_nested_bool(a: int, b: int):
    return (a > 0 and b > 0) or (a < 0 and not b), a > 0 and b > 0 or a < 0

def f_not_cmp(a: int, b: int):
    return not a == b, not a < b, not (a < b) == (b < a)

def f_chain(a: int, b: int, c: int):
    return a < b < c, a < b > c, a == b != c, a <= b <= c >= a

def f_default(n: int = SHADOW, x: float = -0.0, y: float = NAN, b: bool = True):
    return n, x, y, b

def f_default_none(n: int = 5, m=None):
    if m is None:
        return n
    return m

def f_kwonly(a: int, /, b: int = 2, *, c: int = 3):
    return a * 100 + b * 10 + c

def f_float_of(n: int):
    return float(n), n * 1.0, n / 1, n + 0.5

def f_int_of(x: float):
    return int(x), int(-x), int(x) // 2

def f_overflow(a: int, b: int):
    return a * b + 1

def f_overflow_sub(a: int, b: int):
    return a - b

def f_min_neg(a: int):
    return -a, abs(a), a // -1, divmod(a, -1), a % -1

def f_math(x: float):
    return math.sqrt(abs(x)), math.sin(x), math.exp(x / 1000), math.atan2(x, 2.0), math.fmod(x, 3.0), math.copysign(1.0, x)

def f_math_int(n: int):
    return math.gcd(n, 12), math.isqrt(abs(n)), math.sqrt(abs(n)), math.floor(n), math.log(abs(n) + 1)

def f_math_err(x: float):
    return math.sqrt(x)

def f_log(x: float):
    return math.log(x)

def f_isnan(x: float):
    return math.isnan(x), math.isinf(x), math.isfinite(x)

def f_fact(n: int):
    return 1 if n < 2 else n * f_fact(n - 1)

def f_ack(m: int, n: int):
    if m == 0:
        return n + 1
    if n == 0:
        return f_ack(m - 1, 1)
    return f_ack(m - 1, f_ack(m, n - 1))

def f_len_tuple(n: int):
    t = (n, n, 1.5)
    return len(t), len((1, 2)), len(())

def f_empty_tuple(n: int):
    return ()

def f_nested_tuple(n: int):
    return (n, (n, (n,)), ())

def f_ret_none(n: int):
    if n:
        return
    return None

def f_is_same(n: int):
    return n == True, n == 1.0

def f_compare_none(n: int):
    return n == None, n != None

def f_if_none(n: int):
    x = None
    if n > 3:
        x = None
    return x is None

def f_global(n: int):
    return n + SHADOW * 2 + (1 if TRUE else 0)

def f_pass(n: int):
    if n:
        pass
    else:
        pass
    for i in range(n):
        pass
    return n

def f_else_only(n: int):
    if n > 5:
        return 1
    elif n > 3:
        n += 10
    else:
        n -= 10
    return n

def f_float_loop(x: float):
    n = 0
    while x < 10.0:
        x *= 1.5
        n += 1
        if n > 1000:
            break
    return x, n

def f_mod_neg_zero(x: float):
    return x % 5.0, -x % 5.0, x % -5.0, x // 5.0, (-x) // 5.0

def f_annot(n: int):
    x: int = n
    y: float = n
    z: "undefined"
    return x, y

def f_semicolon(n: int): x = n; y = x; return x + y

def f_backslash(n: int):
    return n + \
        1

def f_long_compare(x: float, y: float):
    return x < y or x > y or x == y

def f_unary_chain(n: int):
    return --n, -+-n, ~~n, not not n, - -n

def f_str_eq(n: int):
    return n if n != 3 else -3



def f_counter(n: int, k: int):
    i = n
    for _ in range(k):
        i += 1
    return i

def f_counter_down(n: int, k: int):
    i = n
    for _ in range(k):
        i -= 3
        if i % 2:
            i -= 1
    return i

def f_counter_while(n: int, k: int):
    i = n
    t = 0
    while t < k:
        t += 1
        i += 1000
        if i > TOP - 500:
            continue
        i += 1
    return i, t

def f_counter_nested(n: int, k: int):
    i = n
    for a in range(k):
        i += 1
        for b in range(k):
            i += 2
            if b > 3:
                break
        i -= 1
    return i

def f_counter_mixed(n: int, k: int):
    i = j = n
    for a in range(k):
        i += 1
        j -= 1
        if a == 5:
            i = j
        i += 7
    return i, j

def f_counter_float(n: int, k: int):
    i = n
    x = 0.5
    for a in range(k):
        i += 1
        x += i
    return x, i

def f_counter_two(n: int, k: int):
    i = n
    while k > 0:
        i += 4096
        k -= 1
        i += 4096
        i += 4096
    return i, k

def f_counter_walrus(n: int, k: int):
    i = n
    t = 0
    while (i := i + 1) < n + k:
        t += 1
        i += 1
    return i, t

def f_counter_bool(b: bool, k: int):
    i = b
    for a in range(k):
        i += 1
    return i

def f_long(n: int, k: int):
    i = n
    for a in range(40000):
        i += k
    return i

def f_long_one(n: int):
    i = n
    for a in range(70000):
        i += 1
    return i

def f_long_down(n: int):
    i = n
    while True:
        i -= 1
        n += 1
        if n % 33000 == 0:
            break
    return i

def f_sum(n: int, k: int):
    s = 0
    for i in range(n, n + k):
        s += i
    return s

def f_product(k: int):
    p = 1
    for i in range(1, k):
        p *= i
    return p

def f_empty_keeps(n: int):
    i = 5
    for i in range(n):
        pass
    return i

def f_range_var_top(n: int):
    last = 0
    for i in range(TOP - 3, TOP):
        last = i
    for j in range(-TOP, -TOP + 3):
        last -= 1 if last > 0 else 0
    return last, i, j

def f_literals(n: int):
    return 0.1, 1e-324, 5e-324, 2.2250738585072011e-308, 1e400, 1_0.0_1e1_0, 123456789012345678901234567890.0, 0x10, 0b101, 1e22, 1e23, 9007199254740993.0, 1.7976931348623157e308, 1.7976931348623159e308, 3e0, .5, 5., 0e0, 00

def f_literals2(n: int):
    return 0.30000000000000004, 4.35, 2.675, 1.005, 8.41e21, 9.5367431640625e-07, 6.02214076e23, 1.1e-16, 72057594037927945.0, 0.000000000000000000000000000000000000000000000000000000000000000000000000000001

def f_m1(x: float):
    return math.floor(x), math.ceil(x), math.trunc(x)

def f_m2(x: float, y: float):
    return math.fmod(x, y)

def f_m3(x: float, y: float):
    return math.pow(x, y)

def f_m4(x: float, y: float):
    return math.hypot(x, y), math.atan2(x, y), math.copysign(x, y), math.nextafter(x, y)

def f_m5(x: float, y: float):
    return math.remainder(x, y)

def f_m6(x: float):
    return math.modf(x), math.frexp(x), math.fabs(x)

def f_m7(x: float, n: int):
    return math.ldexp(x, n)

def f_m8(x: float):
    return math.exp(x)

def f_m9(x: float):
    return math.log2(x), math.log10(x), math.log1p(x)

def f_m10(x: float):
    return math.asin(x), math.acos(x)

def f_m11(x: float):
    return math.gamma(x)

def f_m12(x: float):
    return math.lgamma(x)

def f_m13(x: float):
    return math.sinh(x), math.cosh(x)

def f_m14(x: float):
    return math.atanh(x)

def f_m15(x: float):
    return math.acosh(x), math.asinh(x), math.tanh(x), math.erf(x), math.erfc(x)

def f_m16(x: float, y: float):
    return math.isclose(x, y), math.isclose(x, y, rel_tol=0.5), math.isclose(x, y, abs_tol=1.0)

def f_m17(n: int):
    return math.isqrt(n)

def f_m18(n: int):
    return math.factorial(n)

def f_m19(n: int, k: int):
    return math.comb(n, k)

def f_m20(n: int, k: int):
    return math.gcd(n, k), math.lcm(n, k)

def f_m21(n: int):
    return math.sqrt(n), math.floor(n), math.ceil(n), math.trunc(n), math.fabs(n)

def f_m22(b: bool):
    return math.sqrt(b), math.floor(b), math.ceil(b), math.gcd(b, 4), math.fabs(b), math.isqrt(b)

def f_m23(n: int):
    return math.log(n), math.log2(n), math.log10(n)

def f_m24(x: float):
    return math.degrees(x), math.radians(x), math.sin(x), math.cos(x), math.tan(x)

def f_m25(x: float):
    return math.ulp(x)

def f_m26(x: float, y: float):
    return math.log(x, y)

def f_m27(n: int, k: int):
    return math.perm(n, k)

def f_m28(x: float):
    return math.expm1(x), math.atan(x)

def f_m29(n: int):
    return math.exp(n)

def f_m30(x: float, n: int):
    return math.pow(x, n), math.fmod(n, 3), math.copysign(n, x), math.hypot(n, x)

def f_m31(x: float):
    return math.inf - x, math.nan, math.tau * x, math.e

def f_m32(x: float, y: float, n: int):
    return math.dist((x, y), (1.0, n)), math.fsum((x, y, n)), math.prod((x, n))

def f_div_zero(x: float):
    return 1.0 / x

def f_div_int(n: int):
    return 7 / n

def f_div_mod(n: int):
    return 7 % n

def f_fdiv_mod(x: float):
    return 7.5 % x

def f_fdiv_floor(x: float):
    return 7.5 // x

def f_bool_divz(b: bool):
    return 1 // b

def f_neg_shift(n: int):
    return 1 << n

def f_neg_shift2(n: int):
    return n >> n

def f_zero_pow(n: int):
    return 0 ** n

def f_zero_fpow(x: float):
    return 0.0 ** x

def f_neg_fpow(x: float):
    return (-8.0) ** x

def f_overflow_pow(x: float):
    return 10.0 ** x

def f_exp_over(x: float):
    return math.exp(x * 100)

def f_float_to_int(x: float):
    return int(x)

def f_round_nan(x: float):
    return round(x)

def f_step_zero(n: int):
    for i in range(0, 5, n):
        pass
    return i


def f_one_name_twice(p: int):
    p, p = -6, p ** 2
    return p


def f_one_name_twice_of_three(p: int, q: int):
    p, q, p = q, p * 2, p * 3
    return p, q
