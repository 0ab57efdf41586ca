/* The text of a source before lexing: UTF-8 without NULs and byte order mark, lines ending in \n whatever the file had.
 */
#include "server/compiler/lex.h"
#include <ctype.h>
#include <strings.h>
#include <unistr.h>

static Span place(const Source *source, Str text, size_t at) {
    Span s = {.line = source->first_line, .end_line = source->first_line};
    size_t line_start = 0;
    for (size_t i = 0; i < at && i < text.len; i++)
        if (text.ptr[i] == '\n') {
            s.line++;
            line_start = i + 1;
        }
    s.end_line = s.line;
    s.col = (int)(at - line_start);
    s.end_col = s.col + 1;
    return s;
}

/* With a byte order mark CPython wants the name spelled utf-8; without, any of the codec's names. */
static bool is_utf8_name(Str name, bool bom) {
    static const char *const names[] = {"utf-8",     "utf8",    "u8",        "utf",   "utf8-ucs2",
                                        "utf8-ucs4", "cp65001", "utf-8-sig", "ascii", "us-ascii"};
    char plain[16];
    if (name.len >= sizeof plain)
        return false;
    for (size_t i = 0; i <= name.len; i++)
        plain[i] = i == name.len ? '\0' : name.ptr[i] == '_' ? '-' : (char)tolower((unsigned char)name.ptr[i]);
    if (bom)
        return !strcmp(plain, "utf-8") || !strncmp(plain, "utf-8-", 6);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(plain, names[i]))
            return true;
    return false;
}

/* The encoding that a line declares (PEP 263: a comment with coding[:=]\s*([-\w.]+)), or STR_NULL. */
static Str declared_encoding(Str line) {
    size_t at = 0;
    while (at < line.len && strchr(" \t\f", line.ptr[at]))
        at++;
    if (at == line.len || line.ptr[at] != '#')
        return STR_NULL;
    for (; at + 7 <= line.len; at++) {
        if (memcmp(line.ptr + at, "coding", 6) != 0 || (line.ptr[at + 6] != ':' && line.ptr[at + 6] != '='))
            continue;
        size_t from = at + 7;
        while (from < line.len && (line.ptr[from] == ' ' || line.ptr[from] == '\t'))
            from++;
        size_t to = from;
        while (to < line.len && (isalnum((unsigned char)line.ptr[to]) || strchr("-_.", line.ptr[to])))
            to++;
        if (to > from)
            return str_slice(line, from, to);
    }
    return STR_NULL;
}

static bool is_blank(Str line) {
    for (size_t i = 0; i < line.len && line.ptr[i] != '#'; i++)
        if (!strchr(" \t\f", line.ptr[i]))
            return false;
    return true;
}

/* Refuses a file that says it is in another encoding, in its first or (after a blank or comment) second line. */
static void check_encoding(Compilation *c, const Source *source, Str text, bool bom) {
    size_t start = 0;
    for (int line = 0; line < 2 && start < text.len; line++) {
        size_t end = start;
        while (end < text.len && text.ptr[end] != '\n' && text.ptr[end] != '\r')
            end++;
        Str s = str_slice(text, start, end), name = declared_encoding(s);
        if (name.len && !is_utf8_name(name, bom))
            fail_hint(c, place(source, text, (size_t)(name.ptr - text.ptr)), "save the file as UTF-8",
                      "source in encoding '%.*s' is not supported", STR_FMT(name));
        if (name.len || !is_blank(s))
            return;
        start = end + (end + 1 < text.len && text.ptr[end] == '\r' && text.ptr[end + 1] == '\n' ? 2 : 1);
    }
}

static void check_bytes(Compilation *c, const Source *source, Str text) {
    const char *nul = text.len ? memchr(text.ptr, '\0', text.len) : NULL;
    if (nul)
        fail(c, place(source, text, (size_t)(nul - text.ptr)), "source code cannot contain null bytes");
    const uint8_t *bad = text.len ? u8_check((const uint8_t *)text.ptr, text.len) : NULL;
    if (bad)
        fail(c, place(source, text, (size_t)((const char *)bad - text.ptr)),
             "(unicode error) 'utf-8' codec can't decode byte 0x%02x: the source is not UTF-8", *bad);
}

/* \r\n and \r become \n, in string literals too, as in CPython. */
static Str normalise_lines(Pool *pool, Str text) {
    if (!text.len || !memchr(text.ptr, '\r', text.len))
        return text;
    char *out = pool_alloc(pool, text.len);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool cr = text.ptr[i] == '\r';
        out[n++] = cr ? '\n' : text.ptr[i];
        if (cr && i + 1 < text.len && text.ptr[i + 1] == '\n')
            i++;
    }
    return (Str){out, n};
}

Str source_text(Compilation *c, const Source *source, LexWhat what) {
    Str text = source->text;
    if (text.len > (size_t)1 << 28)
        fail(c, (Span){0}, "the source is too large");
    if (what == LEX_FILE) {
        bool bom = text.len >= 3 && !memcmp(text.ptr, "\xef\xbb\xbf", 3);
        text = str_slice(text, bom ? 3 : 0, text.len);
        check_encoding(c, source, text, bom);
    }
    check_bytes(c, source, text);
    return normalise_lines(c->pool, text);
}
