/* The math module (Modules/mathmodule.c): libm, with CPython's checks of the result. */
#include "server/compiler/runtime/rt.h"

static inline bool is_finite(double x) {
    return __builtin_fabs(x) < __builtin_inf();
}

/* A nan out of no nan, or an infinity out of something finite, is an exception. */
static inline int32_t check(double x, double r) {
    if (__builtin_expect(is_finite(r), 1))
        return RT_OK;
    if (r != r)
        return x != x ? RT_OK : RT_RAISES;
    return is_finite(x) ? RT_RAISES : RT_OK;
}

#define LIBM(name)                                                                                                     \
    RT int32_t rt_math_##name(double x, double *ret) {                                                                 \
        double r = jitd_import_##name(x);                                                                              \
        *ret = r;                                                                                                      \
        return check(x, r);                                                                                            \
    }
LIBM(acos)
LIBM(acosh)
LIBM(asin)
LIBM(asinh)
LIBM(atan)
LIBM(atanh)
LIBM(cbrt)
LIBM(cos)
LIBM(cosh)
LIBM(exp)
LIBM(exp2)
LIBM(expm1)
LIBM(log)
LIBM(log2)
LIBM(log10)
LIBM(sin)
LIBM(sinh)
LIBM(tan)
LIBM(tanh)

RT int32_t rt_math_log1p(double x, double *ret) {
    double r = x == 0.0 ? x : jitd_import_log1p(x);
    *ret = r;
    return check(x, r);
}

RT int32_t rt_math_sqrt(double x, double *ret) {
    *ret = __builtin_sqrt(x);
    return x < 0.0 ? RT_RAISES : RT_OK;
}

RT int32_t rt_math_atan2(double y, double x, double *ret) {
    *ret = jitd_import_atan2(y, x);
    return RT_OK;
}

RT int32_t rt_math_fmod(double x, double y, double *ret) {
    double r = jitd_import_fmod(x, y);
    *ret = r;
    return r != r && x == x && y == y ? RT_RAISES : RT_OK;
}

RT int32_t rt_math_pow(double x, double y, double *ret) {
    double r = jitd_import_pow(x, y);
    *ret = r;
    return !is_finite(r) && is_finite(x) && is_finite(y) ? RT_RAISES : RT_OK;
}

RT int32_t rt_math_ldexp(double x, int64_t n, double *ret) {
    if (x == 0.0 || !is_finite(x)) {
        *ret = x;
        return RT_OK;
    }
    int exponent = n > 5000 ? 5000 : n < -5000 ? -5000 : (int)n;
    double r = jitd_import_ldexp(x, exponent);
    *ret = r;
    return is_finite(r) ? RT_OK : RT_RAISES;
}

RT double rt_math_fabs(double x) {
    return __builtin_fabs(x);
}
RT double rt_math_copysign(double x, double y) {
    return __builtin_copysign(x, y);
}
RT double rt_math_degrees(double x) {
    return x * (180.0 / 3.141592653589793238462643383279502884197);
}
RT double rt_math_radians(double x) {
    return x * (3.141592653589793238462643383279502884197 / 180.0);
}
RT bool rt_math_isnan(double x) {
    return x != x;
}
RT bool rt_math_isinf(double x) {
    return __builtin_fabs(x) == __builtin_inf();
}
RT bool rt_math_isfinite(double x) {
    return is_finite(x);
}
RT double rt_math_nextafter(double x, double y) {
    return jitd_import_nextafter(x, y);
}

RT void rt_math_modf(double x, double *fraction, double *whole) {
    double t = is_finite(x) ? __builtin_trunc(x) : x;
    *whole = t;
    *fraction = x != x ? x : __builtin_copysign(is_finite(x) ? x - t : 0.0, x);
}

/* x = fraction * 2 ** exponent with 0.5 <= |fraction| < 1, exactly. */
RT void rt_math_frexp(double x, double *fraction, int64_t *exponent) {
    int64_t e = 0;
    if (x != 0.0 && is_finite(x)) {
        if (__builtin_fabs(x) < 0x1p-1022) { /* a denormal: make it none */
            x *= 0x1p54;
            e = -54;
        }
        uint64_t bits;
        __builtin_memcpy(&bits, &x, 8);
        e += (int64_t)(bits >> 52 & 0x7ff) - 1022;
        bits = (bits & ~((uint64_t)0x7ff << 52)) | (uint64_t)1022 << 52;
        __builtin_memcpy(&x, &bits, 8);
    }
    *fraction = x;
    *exponent = e;
}
