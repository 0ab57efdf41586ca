/* Sized integers: NumPy's scalar operators, on values widened to 64 bits; the caller cuts the result to `bits`. Division by
 * zero raises ZeroDivisionError, as the same operation on a Python int does (NumPy warns and gives 0). */
#include "server/compiler/runtime/rt.h"

RT int32_t rt_s_floordiv(int64_t a, int64_t b, int32_t bits, int64_t *ret) {
    (void)bits;
    if (b == 0)
        return RT_RAISES;
    if (b == -1) {
        *ret = (int64_t)(0 - (uint64_t)a);
        return RT_OK;
    }
    int64_t q = a / b;
    *ret = q - (a % b != 0 && (a < 0) != (b < 0));
    return RT_OK;
}

RT int32_t rt_s_mod(int64_t a, int64_t b, int32_t bits, int64_t *ret) {
    (void)bits;
    if (b == 0)
        return RT_RAISES;
    int64_t r = b == -1 ? 0 : a % b;
    *ret = r && (r < 0) != (b < 0) ? r + b : r;
    return RT_OK;
}

RT int32_t rt_u_floordiv(uint64_t a, uint64_t b, int32_t bits, uint64_t *ret) {
    (void)bits;
    if (b == 0)
        return RT_RAISES;
    *ret = a / b;
    return RT_OK;
}

RT int32_t rt_u_mod(uint64_t a, uint64_t b, int32_t bits, uint64_t *ret) {
    (void)bits;
    if (b == 0)
        return RT_RAISES;
    *ret = a % b;
    return RT_OK;
}

/* A count outside the type (a negative one is a large one) shifts everything out. */
RT int32_t rt_s_shl(int64_t a, int64_t b, int32_t bits, int64_t *ret) {
    *ret = (uint64_t)b < (uint64_t)bits ? (int64_t)((uint64_t)a << b) : 0;
    return RT_OK;
}

RT int32_t rt_u_shl(uint64_t a, uint64_t b, int32_t bits, uint64_t *ret) {
    *ret = b < (uint64_t)bits ? a << b : 0;
    return RT_OK;
}

RT int32_t rt_s_shr(int64_t a, int64_t b, int32_t bits, int64_t *ret) {
    *ret = (uint64_t)b < (uint64_t)bits ? a >> b : a >> 63;
    return RT_OK;
}

RT int32_t rt_u_shr(uint64_t a, uint64_t b, int32_t bits, uint64_t *ret) {
    *ret = b < (uint64_t)bits ? a >> b : 0;
    return RT_OK;
}
