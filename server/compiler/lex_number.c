/* The extent of a number literal, and what can be wrong with it; the rules are CPython's tokenizer's. */
#include "server/compiler/lex.h"

typedef struct Number {
    Str text;
    size_t at;
    const char *error;
} Number;

static char peek(const Number *n) {
    return n->at < n->text.len ? n->text.ptr[n->at] : '\0';
}

static bool is_digit(char c, int base) {
    if (base == 16)
        return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
    return c >= '0' && c < '0' + base;
}

static bool is_name_char(char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (c & 0x80);
}

/* digit ("_"? digit)*, at least one. */
static void digits(Number *n, int base, const char *error) {
    do {
        if (!is_digit(peek(n), base)) {
            n->error = error;
            return;
        }
        while (is_digit(peek(n), base))
            n->at++;
    } while (peek(n) == '_' && n->at++ < n->text.len);
}

static bool looking_at(const Number *n, const char *word) {
    Str s = str_from_cstr(word);
    return str_eq(str_slice(n->text, n->at, n->at + s.len), s);
}

/* A number may run into a keyword ("1if x else y") but into no other name. */
static void check_end(Number *n, const char *error) {
    static const char *const keywords[] = {"and", "else", "for", "if", "in", "is", "or", "not"};
    if (n->error)
        return;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (looking_at(n, keywords[i]))
            return;
    if (is_name_char(peek(n)))
        n->error = error;
}

static void based(Number *n, int base, const char *digit_error, const char *literal_error) {
    n->at += 2;
    if (peek(n) == '_')
        n->at++;
    digits(n, base, literal_error);
    char next = peek(n);
    if (!n->error && next >= '0' && next <= '9')
        n->error = digit_error;
    check_end(n, literal_error);
}

/* An "e" that no number follows may begin "else". */
static bool exponent(Number *n) {
    if ((peek(n) | 32) != 'e')
        return false;
    size_t mark = n->at++;
    if (peek(n) == '+' || peek(n) == '-') {
        n->at++;
        if (!is_digit(peek(n), 10)) {
            n->error = "invalid decimal literal";
            return true;
        }
    } else if (!is_digit(peek(n), 10)) {
        n->at = mark;
        return false;
    }
    digits(n, 10, "invalid decimal literal");
    return true;
}

static bool imaginary(Number *n) {
    if (n->error || (peek(n) | 32) != 'j')
        return false;
    n->at++;
    check_end(n, "invalid imaginary literal");
    return true;
}

static void decimal(Number *n) {
    bool zero_first = peek(n) == '0', nonzero = false, inexact = false;
    if (peek(n) != '.')
        digits(n, 10, "invalid decimal literal");
    for (size_t i = 0; i < n->at; i++)
        nonzero |= n->text.ptr[i] > '0' && n->text.ptr[i] <= '9';
    if (!n->error && peek(n) == '.') {
        inexact = true;
        n->at++;
        if (is_digit(peek(n), 10))
            digits(n, 10, "invalid decimal literal");
    }
    if (!n->error)
        inexact |= exponent(n);
    if (imaginary(n))
        return;
    if (!n->error && zero_first && nonzero && !inexact)
        n->error = "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers";
    check_end(n, "invalid decimal literal");
}

size_t lex_number(Str text, const char **ret_error, size_t *ret_error_at) {
    Number n = {.text = text};
    char second = text.len > 1 && text.ptr[0] == '0' ? (char)(text.ptr[1] | 32) : '\0';
    if (second == 'x')
        based(&n, 16, "invalid hexadecimal literal", "invalid hexadecimal literal");
    else if (second == 'o')
        based(&n, 8, "invalid digit in octal literal", "invalid octal literal");
    else if (second == 'b')
        based(&n, 2, "invalid digit in binary literal", "invalid binary literal");
    else
        decimal(&n);
    if (!n.error)
        return n.at;
    *ret_error = n.error;
    *ret_error_at = n.at;
    return 0;
}
