/* Values of number tokens: exact floats (strtod rounds correctly), integers of any size as hexadecimal digits. */
#include "server/compiler/literal.h"
#include <stdlib.h>

#define MAX_DECIMAL_DIGITS                                                                                             \
    4300 /* as CPython's sys.int_info.default_max_str_digits: conversion takes quadratic time   \
                                 */

static int digit_value(char c) {
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* An integer of any size, base 2^32, least significant first; `cap` words are enough for the digits it is made of. */
typedef struct Big {
    uint32_t *words;
    size_t len, cap;
} Big;

static void big_multiply_add(Big *b, uint32_t factor, uint32_t add) {
    uint64_t carry = add;
    for (size_t i = 0; i < b->len; i++) {
        carry += (uint64_t)b->words[i] * factor;
        b->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry && b->len < b->cap)
        b->words[b->len++] = (uint32_t)carry;
}

static Str big_hex(Pool *pool, const Big *b) {
    char *out = pool_alloc(pool, b->len * 8 + 1);
    size_t n = 0;
    for (size_t i = b->len; i-- > 0;)
        for (int shift = 28; shift >= 0; shift -= 4) {
            char digit = "0123456789abcdef"[b->words[i] >> shift & 15];
            if (n || digit != '0')
                out[n++] = digit;
        }
    return (Str){out, n};
}

static Const big_integer(Pool *pool, Str digits, int base) {
    int bits = base == 2 ? 1 : base == 8 ? 3 : 4;
    Big b = {.cap = digits.len * (size_t)bits / 32 + 1};
    b.words = pool_array(pool, uint32_t, b.cap);
    for (size_t i = 0; i < digits.len; i++)
        big_multiply_add(&b, (uint32_t)base, (uint32_t)digit_value(digits.ptr[i]));
    return (Const){.kind = CONST_INT, .big = true, .digits = big_hex(pool, &b)};
}

/* Power-of-two bases in linear time: the digits of 2^k are bits of the result. */
static Const shifted_integer(Pool *pool, Str digits, int base) {
    size_t bits = base == 2 ? 1 : base == 8 ? 3 : 4, total = digits.len * bits;
    Big b = {.len = total / 32 + 1};
    b.words = pool_array(pool, uint32_t, b.len);
    for (size_t i = 0; i < digits.len; i++) {
        size_t at = (digits.len - 1 - i) * bits;
        uint64_t placed = (uint64_t)digit_value(digits.ptr[i]) << (at % 32);
        b.words[at / 32] |= (uint32_t)placed;
        if (placed >> 32)
            b.words[at / 32 + 1] |= (uint32_t)(placed >> 32);
    }
    return (Const){.kind = CONST_INT, .big = true, .digits = big_hex(pool, &b)};
}

static Const integer(Compilation *c, Str digits, int base, Span span) {
    int64_t value = 0;
    bool fits = true;
    for (size_t i = 0; i < digits.len && fits; i++)
        fits = !__builtin_mul_overflow(value, base, &value) &&
               !__builtin_add_overflow(value, digit_value(digits.ptr[i]), &value);
    if (fits)
        return (Const){.kind = CONST_INT, .i = value};
    if (base != 10)
        return shifted_integer(c->pool, digits, base);
    if (digits.len > MAX_DECIMAL_DIGITS)
        fail_hint(c, span, "consider hexadecimal for huge integer literals",
                  "Exceeds the limit (%d digits) for integer string conversion: value has %zu digits",
                  MAX_DECIMAL_DIGITS, digits.len);
    return big_integer(c->pool, digits, base);
}

Const literal_number(Compilation *c, Str text, Span span) {
    char *plain = pool_alloc(c->pool, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '_')
            plain[n++] = text.ptr[i];
    char second = n > 1 && plain[0] == '0' ? (char)(plain[1] | 32) : '\0';
    int base = second == 'x' ? 16 : second == 'o' ? 8 : second == 'b' ? 2 : 10;
    if (base != 10)
        return integer(c, (Str){plain + 2, n - 2}, base, span);
    bool imaginary = (plain[n - 1] | 32) == 'j';
    if (imaginary)
        plain[n - 1] = '\0';
    if (!imaginary && !strpbrk(plain, ".eE"))
        return integer(c, (Str){plain, n}, 10, span);
    return (Const){.kind = imaginary ? CONST_COMPLEX : CONST_FLOAT, .f = strtod(plain, NULL)};
}
