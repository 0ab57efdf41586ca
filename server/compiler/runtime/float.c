/* float: CPython's operators (Objects/floatobject.c); float32: NumPy's (npy_divmod). */
#include "server/compiler/runtime/rt.h"

RT int32_t rt_float_div(double a, double b, double *ret) {
    *ret = a / b;
    return b == 0.0 ? RT_RAISES : RT_OK;
}

/* fmod without the library for what is exact by one subtraction. */
static inline double remainder_of(double a, double b) {
    double x = __builtin_fabs(a), y = __builtin_fabs(b);
    if (x < y)
        return a;
    if (y == 1.0 && x < 0x1p52)
        return __builtin_copysign(x - __builtin_trunc(x), a);
    if (x < y + y) /* x - y is exact */
        return __builtin_copysign(x - y, a);
    return jitd_import_fmod(a, b);
}

RT int32_t rt_float_mod(double a, double b, double *ret) {
    if (b == 0.0)
        return RT_RAISES;
    double mod = remainder_of(a, b);
    if (mod != 0.0)
        *ret = (b < 0.0) != (mod < 0.0) ? mod + b : mod;
    else
        *ret = __builtin_copysign(0.0, b);
    return RT_OK;
}

RT int32_t rt_float_floordiv(double a, double b, double *ret) {
    if (b == 0.0)
        return RT_RAISES;
    double mod = remainder_of(a, b);
    double div = (a - mod) / b;
    if (mod != 0.0 && (b < 0.0) != (mod < 0.0))
        div -= 1.0;
    if (div != 0.0) {
        double floored = __builtin_floor(div);
        *ret = div - floored > 0.5 ? floored + 1.0 : floored;
    } else {
        *ret = __builtin_copysign(0.0, a / b);
    }
    return RT_OK;
}

static inline bool is_finite(double x) {
    return __builtin_fabs(x) < __builtin_inf();
}

/* libm's special cases are CPython's but for 0 ** negative (ZeroDivisionError), overflow (OverflowError) and a negative
 * base with a fractional exponent (complex). */
RT_SLOW static int32_t odd_power(double a, double b, double r) {
    if (!is_finite(a) || !is_finite(b))
        return RT_OK;
    return r != r ? RT_INEXACT : RT_RAISES;
}

RT int32_t rt_float_pow(double a, double b, double *ret) {
    double r = jitd_import_pow(a, b);
    *ret = r;
    return __builtin_expect(is_finite(r), 1) ? RT_OK : odd_power(a, b, r);
}

RT int32_t rt_float_to_int(double a, int64_t *ret) {
    if (__builtin_expect(a >= -0x1p63 && a < 0x1p63, 1)) {
        *ret = (int64_t)a;
        return RT_OK;
    }
    return is_finite(a) ? RT_INEXACT : RT_RAISES;
}

RT int32_t rt_math_trunc(double a, int64_t *ret) {
    return rt_float_to_int(a, ret);
}

RT int32_t rt_math_floor(double a, int64_t *ret) {
    return rt_float_to_int(__builtin_floor(a), ret);
}

RT int32_t rt_math_ceil(double a, int64_t *ret) {
    return rt_float_to_int(__builtin_ceil(a), ret);
}

RT int32_t rt_float_round(double a, int64_t *ret) {
    return rt_float_to_int(__builtin_rint(a), ret);
}

static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The error of the product p = a * b, exactly (Dekker); |a|, |b| are below 2^970 and p is no denormal. */
static inline double product_error(double a, double b, double p) {
    double ca = a * 134217729.0, cb = b * 134217729.0;
    double ah = ca - (ca - a), al = a - ah, bh = cb - (cb - b), bl = b - bh;
    return ((ah * bh - p) + ah * bl + al * bh) + al * bl;
}

/* round(a, digits) correctly: CPython goes through the decimal digits. Here a * 10^digits is known exactly as p + e, so its
 * nearest integer k (ties to even) is too, and k / 10^digits is one correctly rounded division while k < 2^53. */
__attribute__((noinline)) int32_t rt_float_round_to(double a, int64_t digits, double *ret) {
    if (!is_finite(a) || a == 0.0) {
        *ret = a;
        return RT_OK;
    }
    if (digits < 0 || digits > 22)
        return RT_INEXACT;
    double scale = powers_of_ten[digits], p = a * scale;
    if (!(__builtin_fabs(p) < 0x1p52) || __builtin_fabs(a) < 0x1p-900)
        return RT_INEXACT;
    double e = product_error(a, scale, p), k = __builtin_rint(p), d = p - k;
    if ((d == 0.5 || d == -0.5) && e != 0) /* no tie: e says on which side */
        k = e > 0 ? p + 0.5 : p - 0.5;
    *ret = __builtin_copysign(k / scale, a);
    return RT_OK;
}

/* ---- float32 ---- */

RT float rt_f32_mod(float a, float b) {
    float mod = jitd_import_fmodf(a, b);
    if (b == 0.0f)
        return mod;
    if (mod != 0.0f)
        return (b < 0.0f) != (mod < 0.0f) ? mod + b : mod;
    return __builtin_copysignf(0.0f, b);
}

RT float rt_f32_floordiv(float a, float b) {
    if (b == 0.0f)
        return a / b;
    float mod = jitd_import_fmodf(a, b), div = (a - mod) / b;
    if (mod != 0.0f && (b < 0.0f) != (mod < 0.0f))
        div -= 1.0f;
    if (div == 0.0f)
        return __builtin_copysignf(0.0f, a / b);
    float floored = __builtin_floorf(div);
    return div - floored > 0.5f ? floored + 1.0f : floored;
}

RT float rt_f32_pow(float a, float b) {
    return jitd_import_powf(a, b);
}
