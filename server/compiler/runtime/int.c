/* int: CPython's operators on 64-bit values. */
#include "server/compiler/runtime/rt.h"

#define EXACT ((int64_t)1 << 53) /* up to here every int is a double */

static inline uint64_t magnitude(int64_t a) {
    return a < 0 ? 0 - (uint64_t)a : (uint64_t)a;
}

static inline int bit_length(uint64_t a) {
    return a ? 64 - __builtin_clzll(a) : 0;
}

/* Correctly rounded quotient of large ints: at least 55 quotient bits by long division, the rest as a sticky bit, so that
 * the one rounding is that of the conversion. */
RT_SLOW static double divide_exactly(uint64_t a, uint64_t b) {
    uint64_t q = a / b;
    unsigned __int128 rest = a % b;
    int shift = 0;
    for (; bit_length(q) < 56 && shift < 128; shift++) {
        rest <<= 1;
        q <<= 1;
        if (rest >= b) {
            rest -= b;
            q |= 1;
        }
    }
    double scale = 1.0;
    for (int i = 0; i < shift; i++)
        scale *= 0.5;
    return (double)(q | (rest != 0)) * scale;
}

RT int32_t rt_int_truediv(int64_t a, int64_t b, double *ret) {
    if (b == 0)
        return RT_RAISES;
    if (__builtin_expect(a >= -EXACT && a <= EXACT && b >= -EXACT && b <= EXACT, 1)) {
        *ret = (double)a / (double)b;
        return RT_OK;
    }
    double q = a ? divide_exactly(magnitude(a), magnitude(b)) : 0.0;
    *ret = (a < 0) != (b < 0) ? -q : q;
    return RT_OK;
}

RT int32_t rt_int_floordiv(int64_t a, int64_t b, int64_t *ret) {
    if (b == 0)
        return RT_RAISES;
    if (a == INT64_MIN && b == -1)
        return RT_INEXACT;
    int64_t q = a / b;
    *ret = q - (a % b != 0 && (a < 0) != (b < 0));
    return RT_OK;
}

RT int32_t rt_int_mod(int64_t a, int64_t b, int64_t *ret) {
    if (b == 0)
        return RT_RAISES;
    if (b == -1) {
        *ret = 0;
        return RT_OK;
    }
    int64_t r = a % b;
    *ret = r && (r < 0) != (b < 0) ? r + b : r;
    return RT_OK;
}

__attribute__((noinline)) static int32_t int_power(int64_t base, int64_t exponent, int64_t *ret) {
    int64_t result = 1;
    for (;;) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
            return RT_INEXACT;
        exponent >>= 1;
        if (!exponent)
            break;
        if (__builtin_mul_overflow(base, base, &base))
            return RT_INEXACT;
    }
    *ret = result;
    return RT_OK;
}

/* A negative exponent gives a float in Python, or ZeroDivisionError. */
RT int32_t rt_int_pow(int64_t a, int64_t b, int64_t *ret) {
    if (b < 0)
        return a == 0 ? RT_RAISES : RT_INEXACT;
    return int_power(a, b, ret);
}

static inline int64_t wrapping_power(int64_t base, int64_t exponent) {
    uint64_t result = 1, b = (uint64_t)base;
    for (; exponent; exponent >>= 1, b *= b)
        if (exponent & 1)
            result *= b;
    return (int64_t)result;
}

/* The overflow="wrap" versions of what can overflow. */
RT int32_t rt_wrap_int_pow(int64_t a, int64_t b, int64_t *ret) {
    if (b < 0)
        return a == 0 ? RT_RAISES : RT_INEXACT;
    *ret = wrapping_power(a, b);
    return RT_OK;
}

RT int32_t rt_wrap_int_floordiv(int64_t a, int64_t b, int64_t *ret) {
    if (b == -1) {
        *ret = (int64_t)(0 - (uint64_t)a);
        return RT_OK;
    }
    return rt_int_floordiv(a, b, ret);
}

RT int32_t rt_wrap_int_shl(int64_t a, int64_t b, int64_t *ret) {
    if (b < 0)
        return RT_RAISES;
    *ret = b > 63 ? 0 : (int64_t)((uint64_t)a << b);
    return RT_OK;
}

RT int32_t rt_int_shl(int64_t a, int64_t b, int64_t *ret) {
    if (b < 0)
        return RT_RAISES;
    if (b > 63) {
        *ret = 0;
        return a ? RT_INEXACT : RT_OK;
    }
    int64_t r = (int64_t)((uint64_t)a << b);
    *ret = r;
    return r >> b == a ? RT_OK : RT_INEXACT;
}

RT int32_t rt_int_shr(int64_t a, int64_t b, int64_t *ret) {
    if (b < 0)
        return RT_RAISES;
    *ret = a >> (b > 63 ? 63 : b);
    return RT_OK;
}

/* How often range(start, stop, step) turns; step is not 0. */
RT uint64_t rt_range_len(int64_t start, int64_t stop, int64_t step) {
    if (step > 0)
        return start < stop ? ((uint64_t)stop - (uint64_t)start - 1) / (uint64_t)step + 1 : 0;
    return start > stop ? ((uint64_t)start - (uint64_t)stop - 1) / (0 - (uint64_t)step) + 1 : 0;
}

/* An int against a float, without rounding: -1, 0, 1, or 2 with a nan. */
static inline int compare(int64_t i, double f) {
    if (__builtin_expect(i >= -EXACT && i <= EXACT, 1)) {
        double d = (double)i;
        return d < f ? -1 : d > f ? 1 : d == f ? 0 : 2;
    }
    if (f != f)
        return 2;
    if (f >= 0x1p63)
        return -1;
    if (f < -0x1p63)
        return 1;
    int64_t t = (int64_t)f;
    double fraction = f - (double)t;
    return i < t ? -1 : i > t ? 1 : fraction > 0 ? -1 : fraction < 0 ? 1 : 0;
}

RT bool rt_int_float_eq(int64_t i, double f) {
    return compare(i, f) == 0;
}
RT bool rt_int_float_ne(int64_t i, double f) {
    return compare(i, f) != 0;
}
RT bool rt_int_float_lt(int64_t i, double f) {
    return compare(i, f) == -1;
}
RT bool rt_int_float_le(int64_t i, double f) {
    return compare(i, f) <= 0;
}
RT bool rt_int_float_gt(int64_t i, double f) {
    return compare(i, f) == 1;
}
RT bool rt_int_float_ge(int64_t i, double f) {
    int c = compare(i, f);
    return c == 0 || c == 1;
}
