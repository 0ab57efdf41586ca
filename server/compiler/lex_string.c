/* Strings: plain ones are one token; the literal text of an f-string is read here, its fields by the main lexer. */
#include "server/compiler/lexer.h"

static bool has_letter(const Lexer *l, size_t prefix, char letter) {
    for (size_t i = 0; i < prefix; i++)
        if ((lexer_peek(l, i) | 32) == letter)
            return true;
    return false;
}

/* b, u, f, t, r alone; br, fr and tr in either order. */
static bool is_prefix(const Lexer *l, size_t prefix) {
    bool b = has_letter(l, prefix, 'b'), u = has_letter(l, prefix, 'u'), f = has_letter(l, prefix, 'f'),
         t = has_letter(l, prefix, 't'), r = has_letter(l, prefix, 'r');
    return prefix == (size_t)b + u + f + t + r && !(u && prefix > 1) && b + f + t <= 1;
}

static bool at_quotes(const Lexer *l, char quote, bool triple) {
    return lexer_peek(l, 0) == quote && (!triple || (lexer_peek(l, 1) == quote && lexer_peek(l, 2) == quote));
}

_Noreturn static void fail_unterminated(Lexer *l, Span begin, const char *what, bool triple) {
    int line = l->line;
    begin.end_line = begin.line;
    begin.end_col = begin.col + 1;
    fail(l->c, begin, "unterminated %s%s literal (detected at line %d)", triple ? "triple-quoted " : "", what, line);
}

/* From behind the opening quotes to behind the closing ones. */
static void scan_string(Lexer *l, Mark from, char quote, bool triple) {
    while (!at_quotes(l, quote, triple)) {
        if (lexer_peek(l, 0) == '\\' && l->at + 1 < l->text.len)
            l->at++;
        else if (lexer_peek(l, 0) == '\n' && !triple)
            fail_unterminated(l, lexer_span(l, from), "string", false);
        if (lexer_at_end(l))
            fail_unterminated(l, lexer_span(l, from), "string", triple);
        lexer_step(l);
    }
    l->at += triple ? 3 : 1;
}

bool lexer_string(Lexer *l, size_t prefix) {
    char quote = lexer_peek(l, prefix);
    if ((quote != '"' && quote != '\'') || !is_prefix(l, prefix))
        return false;
    Mark from = lexer_mark(l);
    bool f = has_letter(l, prefix, 'f') || has_letter(l, prefix, 't'), raw = has_letter(l, prefix, 'r');
    l->at += prefix;
    bool triple = at_quotes(l, quote, true);
    l->at += triple ? 3 : 1;
    if (f) {
        lexer_push(l, T_FSTRING_START, from);
        lexer_open(l, (Bracket){BRACKET_FSTRING, quote, triple, raw, lexer_span(l, from)});
    } else {
        scan_string(l, from, quote, triple);
        lexer_push(l, T_STRING, from);
    }
    return true;
}

/* ---- f-strings, and t-strings, which look the same inside ---- */

static const Bracket *fstring_of(Lexer *l) {
    const Bracket *b = lexer_bracket(l);
    while (b->kind != BRACKET_FSTRING)
        b--;
    return b;
}

static void push_middle(Lexer *l, Mark from) {
    if (l->at > from.at)
        lexer_push(l, T_FSTRING_MIDDLE, from);
}

static void end_fstring(Lexer *l, bool triple) {
    Mark from = lexer_mark(l);
    if (lexer_bracket(l)->kind == BRACKET_SPEC)
        lexer_fail(l, from, "f-string: expecting '}'");
    l->at += triple ? 3 : 1;
    lexer_push(l, T_FSTRING_END, from);
    l->nbrackets--;
    l->nfstrings--;
}

/* How many format specs of one f-string we are inside of: f"{a:{b:...". */
static int specs(Lexer *l) {
    int n = 0;
    for (const Bracket *b = lexer_bracket(l); b->kind != BRACKET_FSTRING; b--)
        n += b->kind == BRACKET_SPEC;
    return n;
}

static void open_field(Lexer *l) {
    Mark from = lexer_mark(l);
    l->at++;
    if (specs(l) == LEX_MAX_SPECS)
        lexer_fail(l, from, "f-string: expressions nested too deeply");
    lexer_open(l, (Bracket){BRACKET_FIELD, '{', false, false, lexer_span(l, from)});
    lexer_push(l, T_LBRACE, from);
}

static void close_field(Lexer *l) {
    Mark from = lexer_mark(l);
    l->at++;
    if (lexer_bracket(l)->kind != BRACKET_SPEC)
        lexer_fail(l, from, "f-string: single '}' is not allowed");
    l->nbrackets--;
    lexer_push(l, T_RBRACE, from);
}

/* A backslash and what belongs to it, so that neither an escaped quote nor the braces of \N{...} end anything. A brace
 * behind a backslash is a brace all the same. */
static void step_escape(Lexer *l, bool raw) {
    l->at++;
    char c = lexer_peek(l, 0);
    if (c == '{' || c == '}' || lexer_at_end(l))
        return;
    lexer_step(l);
    if (c != 'N' || raw || lexer_peek(l, 0) != '{')
        return;
    size_t n = 1;
    while (lexer_peek(l, n) && !strchr("}'\"\n", lexer_peek(l, n)))
        n++;
    l->at += lexer_peek(l, n) == '}' ? n + 1 : 0;
}

/* One piece: text up to a quote, a brace, or the end. A doubled brace ends a piece, whose text has one of the two but
 * whose place has both, as in CPython. */
void lexer_fstring(Lexer *l) {
    const Bracket *string = fstring_of(l);
    bool spec = lexer_bracket(l)->kind == BRACKET_SPEC;
    Mark from = lexer_mark(l);
    for (;;) {
        char c = lexer_peek(l, 0);
        if (lexer_at_end(l) || (c == '\n' && !string->triple && !spec))
            fail_unterminated(l, string->span, "f-string", string->triple);
        if (at_quotes(l, string->open, string->triple) || c == '{' || c == '}' || (c == '\n' && !string->triple))
            break;
        if (c == '\\')
            step_escape(l, string->raw);
        else
            lexer_step(l);
    }
    char c = lexer_peek(l, 0);
    bool doubled = (c == '{' || c == '}') && lexer_peek(l, 1) == c && !spec;
    l->at += doubled;
    push_middle(l, from);
    if (doubled) {
        l->at++;
        l->tokens[l->len - 1].span.end_col++;
    } else if (c == '{')
        open_field(l);
    else if (c == '}')
        close_field(l);
    else if (c == '\n')
        lexer_bracket(l)->kind = BRACKET_FIELD; /* a line's end is the end of a format spec; only "}" may follow */
    else
        end_fstring(l, string->triple);
}
