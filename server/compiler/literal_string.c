/* Values of string tokens: the escapes of str and bytes literals. */
#include "server/compiler/literal.h"
#include "server/compiler/utf8.h"
#include <unictype.h>
#include <uniname.h>

typedef struct Escapes {
    Compilation *c;
    Span span;
    Str body;
    size_t at;
    bool bytes;
    char *out; /* as long as the body at least: no escape is shorter than what it stands for */
    size_t len;
} Escapes;

static void put(Escapes *e, uint32_t code) {
    if (e->bytes)
        e->out[e->len++] = (char)code;
    else
        e->len += utf8_put(code, e->out + e->len);
}

static char peek(const Escapes *e) {
    return e->at < e->body.len ? e->body.ptr[e->at] : '\0';
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t hex(Escapes *e, int digits, const char *form) {
    uint32_t code = 0;
    for (int i = 0; i < digits; i++, e->at++) {
        int v = hex_value(peek(e));
        if (v < 0 && e->bytes)
            fail(e->c, e->span, "(value error) invalid \\x escape at position %zu", e->at - (size_t)i - 2);
        if (v < 0)
            fail(e->c, e->span, "(unicode error) truncated \\%s escape", form);
        code = code << 4 | (uint32_t)v;
    }
    if (code > 0x10ffff)
        fail(e->c, e->span, "(unicode error) illegal Unicode character");
    return code;
}

static uint32_t octal(Escapes *e, uint32_t code) {
    for (int i = 0; i < 2 && peek(e) >= '0' && peek(e) <= '7'; i++, e->at++)
        code = code << 3 | (uint32_t)(peek(e) - '0');
    return e->bytes ? code & 0xff : code;
}

/* Unified ideographs are named after their numbers, which libunistring leaves to its callers. */
static ucs4_t ideograph(Str name) {
    Str prefix = STR("CJK UNIFIED IDEOGRAPH-");
    if (name.len < prefix.len + 4 || name.len > prefix.len + 5 || memcmp(name.ptr, prefix.ptr, prefix.len) != 0)
        return UNINAME_INVALID;
    ucs4_t code = 0;
    for (size_t i = prefix.len; i < name.len; i++) {
        int v = hex_value(name.ptr[i]);
        if (v < 0 || name.ptr[i] >= 'a')
            return UNINAME_INVALID;
        code = code << 4 | (ucs4_t)v;
    }
    return uc_is_property_unified_ideograph(code) ? code : UNINAME_INVALID;
}

/* \N{LATIN SMALL LETTER A}: the names of libunistring's Unicode version. It lacks the aliases of control characters (\N{LINE FEED})
 * and the Hangul syllables in -NJ: a source with one of these is refused like one with an unknown name. */
static uint32_t named(Escapes *e) {
    size_t end = e->at;
    while (end < e->body.len && e->body.ptr[end] != '}')
        end++;
    if (peek(e) != '{' || end == e->body.len || end == e->at + 1)
        fail(e->c, e->span, "(unicode error) malformed \\N character escape");
    Str name = pool_strdup(e->c->pool, str_slice(e->body, e->at + 1, end));
    ucs4_t code = unicode_name_character(name.ptr);
    if (code == UNINAME_INVALID)
        code = ideograph(name);
    if (code == UNINAME_INVALID)
        fail(e->c, e->span, "(unicode error) unknown Unicode character name '%.*s'", STR_FMT(name));
    e->at = end + 1;
    return code;
}

/* Behind the backslash. An unknown escape stays as it is written. */
static void escape(Escapes *e) {
    static const char plain[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    if (e->at == e->body.len) {
        put(e, '\\');
        return;
    }
    char c = e->body.ptr[e->at++];
    for (const char *p = plain; *p; p += 2)
        if (*p == c) {
            put(e, (unsigned char)p[1]);
            return;
        }
    if (c == '\n')
        return;
    if (c >= '0' && c <= '7')
        put(e, octal(e, (uint32_t)(c - '0')));
    else if (c == 'x')
        put(e, hex(e, 2, "xXX"));
    else if (c == 'u' && !e->bytes)
        put(e, hex(e, 4, "uXXXX"));
    else if (c == 'U' && !e->bytes)
        put(e, hex(e, 8, "UXXXXXXXX"));
    else if (c == 'N' && !e->bytes)
        put(e, named(e));
    else {
        put(e, '\\');
        e->at--;
    }
}

Str literal_text(Compilation *c, Str body, bool raw, bool bytes, Span span) {
    for (size_t i = 0; bytes && i < body.len; i++)
        if (body.ptr[i] & 0x80)
            fail(c, span, "bytes can only contain ASCII literal characters");
    if (raw || !body.len || !memchr(body.ptr, '\\', body.len))
        return body;
    Escapes e = {.c = c, .span = span, .body = body, .bytes = bytes, .out = pool_alloc(c->pool, body.len + 4)};
    while (e.at < body.len)
        if (body.ptr[e.at] == '\\') {
            e.at++;
            escape(&e);
        } else {
            e.out[e.len++] = body.ptr[e.at++];
        }
    return (Str){e.out, e.len};
}
