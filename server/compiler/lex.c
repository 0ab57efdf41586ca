/* Stage lex, main part: lines, indentation, brackets, names and operators. */
#include "server/compiler/lexer.h"
#include "server/compiler/out.h"
#include "server/compiler/utf8.h"
#include <unictype.h>

static const char *const token_names[] = {
#define TOKEN(kind, name) name,
#define OPERATOR(kind, text) text,
#define KEYWORD(kind, text) text,
#include "server/compiler/tokens.def"
#undef TOKEN
#undef OPERATOR
#undef KEYWORD
};

static const struct {
    TokenKind kind;
    Str text;
} operators[] =
    {
#define TOKEN(kind, name)
#define OPERATOR(kind, text) {T_##kind, {text, sizeof(text) - 1}},
#define KEYWORD(kind, text)
#include "server/compiler/tokens.def"
#undef OPERATOR
#undef KEYWORD
},
  keywords[] = {
#define OPERATOR(kind, text)
#define KEYWORD(kind, text) {T_##kind, {text, sizeof(text) - 1}},
#include "server/compiler/tokens.def"
#undef TOKEN
#undef OPERATOR
#undef KEYWORD
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *token_kind_name(TokenKind kind) {
    return token_names[kind];
}

Str token_text(const Tokens *tokens, const Token *token) {
    return str_slice(tokens->text, token->start, token->end);
}

Span lexer_span(const Lexer *l, Mark from) {
    return (Span){from.line, (int)(from.at - from.line_start), l->line, (int)(l->at - l->line_start)};
}

void lexer_fail(Lexer *l, Mark from, const char *message) {
    Span span = lexer_span(l, from);
    fail(l->c, span, "%s", message);
}

void lexer_push(Lexer *l, TokenKind kind, Mark from) {
    Token token = {kind, (uint32_t)from.at, (uint32_t)l->at, lexer_span(l, from)};
    pool_push(l->c->pool, l->tokens, l->len, l->cap) = token;
}

void lexer_open(Lexer *l, Bracket bracket) {
    bool fstring = bracket.kind == BRACKET_FSTRING;
    if (fstring && l->nfstrings == LEX_MAX_FSTRINGS)
        fail(l->c, bracket.span, "too many nested f-strings");
    if (!fstring && l->nbrackets - l->nfstrings == LEX_MAX_BRACKETS)
        fail(l->c, bracket.span, "too many nested parentheses");
    l->nfstrings += fstring;
    l->brackets[l->nbrackets++] = bracket;
}

/* ---- lines ---- */

static void skip_comment(Lexer *l) {
    while (!lexer_at_end(l) && lexer_peek(l, 0) != '\n')
        l->at++;
}

/* A backslash at the end of a line. */
static void continue_line(Lexer *l) {
    Mark from = lexer_mark(l);
    l->at++;
    if (!lexer_at_end(l) && lexer_peek(l, 0) != '\n')
        lexer_fail(l, from, "unexpected character after line continuation character");
    if (!lexer_at_end(l))
        lexer_step(l);
    if (lexer_at_end(l))
        lexer_fail(l, from, "unexpected end of file after line continuation character");
}

/* Steps over a line's indentation. Where it is continued with a backslash, the first part counts. */
static Columns measure(Lexer *l) {
    Columns now = {0}, first = {0};
    for (;;) {
        char c = lexer_peek(l, 0);
        if (c == ' ')
            now = (Columns){now.col + 1, now.alt + 1};
        else if (c == '\t')
            now = (Columns){(now.col / 8 + 1) * 8, now.alt + 1};
        else if (c == '\f')
            now = (Columns){0};
        else if (c != '\\')
            return first.col ? first : now;
        if (c == '\\') {
            first = first.col ? first : now;
            continue_line(l);
        } else {
            l->at++;
        }
    }
}

_Noreturn static void fail_tabs(Lexer *l, Mark from) {
    lexer_fail(l, from, "inconsistent use of tabs and spaces in indentation");
}

static void indent(Lexer *l, Columns columns, Mark from) {
    if (l->nindents == LEX_MAX_INDENTS)
        lexer_fail(l, from, "too many levels of indentation");
    if (columns.alt <= l->indents[l->nindents - 1].alt)
        fail_tabs(l, from);
    l->indents[l->nindents++] = columns;
    lexer_push(l, T_INDENT, from);
}

static void dedent(Lexer *l, Columns columns, Mark from) {
    while (l->nindents > 1 && columns.col < l->indents[l->nindents - 1].col) {
        l->nindents--;
        lexer_push(l, T_DEDENT, lexer_mark(l));
    }
    if (columns.col != l->indents[l->nindents - 1].col)
        lexer_fail(l, from, "unindent does not match any outer indentation level");
}

static void finish(Lexer *l) {
    Mark here = lexer_mark(l);
    if (l->len && l->tokens[l->len - 1].kind != T_NEWLINE && l->tokens[l->len - 1].kind != T_DEDENT)
        lexer_push(l, T_NEWLINE, here);
    for (; l->nindents > 1; l->nindents--)
        lexer_push(l, T_DEDENT, here);
    lexer_push(l, T_END, here);
    l->done = true;
}

/* LEX_STATEMENT: is the line that begins here behind the statement? The first line's indentation is level 0; decorators
 * come before the statement's own first line. */
static bool is_behind(Lexer *l, Columns columns) {
    if (!l->nindents)
        l->indents[l->nindents++] = columns;
    if (columns.col > l->indents[0].col)
        return false;
    bool behind = l->saw_statement || columns.col < l->indents[0].col;
    l->saw_statement = lexer_peek(l, 0) != '@';
    return behind;
}

/* The beginning of a line outside brackets: blank and comment lines say nothing about indentation. */
static void begin_line(Lexer *l) {
    Mark from = lexer_mark(l);
    Columns columns = measure(l);
    if (lexer_peek(l, 0) == '#')
        skip_comment(l);
    if (lexer_at_end(l)) {
        finish(l);
        return;
    }
    if (lexer_peek(l, 0) == '\n') {
        lexer_step(l);
        return;
    }
    l->line_begins = false;
    if (l->one_statement && is_behind(l, columns)) {
        finish(l);
        return;
    }
    if (columns.col > l->indents[l->nindents - 1].col)
        indent(l, columns, from);
    else
        dedent(l, columns, from);
    if (columns.alt != l->indents[l->nindents - 1].alt)
        fail_tabs(l, from);
}

static void end_line(Lexer *l) {
    Mark from = lexer_mark(l);
    if (!l->nbrackets) {
        l->at++;
        lexer_push(l, T_NEWLINE, from);
        l->at--;
        l->line_begins = true;
    }
    lexer_step(l);
}

/* ---- tokens ---- */

static bool is_name_start(char c) {
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (c & 0x80);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* A name with other than ASCII letters: only what Unicode calls an identifier. */
static void check_name(Lexer *l, Mark from) {
    Str name = str_slice(l->text, from.at, l->at);
    for (size_t at = 0, len; at < name.len; at += len) {
        uint32_t code = utf8_next(str_slice(name, at, name.len), &len);
        if (code == '_' || (at ? uc_is_property_xid_continue(code) : uc_is_property_xid_start(code)))
            continue;
        Mark bad = from;
        bad.at += at;
        l->at = bad.at + len;
        bool printable = !uc_is_general_category_withtable(code, UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Z);
        fail(l->c, lexer_span(l, bad),
             printable ? "invalid character '%.*s' (U+%04X)" : "invalid non-printable character%.*s U+%04X",
             printable ? (int)len : 0, name.ptr + at, code);
    }
}

static TokenKind name_kind(Str name) {
    for (size_t i = 0; i < COUNT(keywords); i++)
        if (str_eq(name, keywords[i].text))
            return keywords[i].kind;
    return T_NAME;
}

static void name(Lexer *l) {
    Mark from = lexer_mark(l);
    bool ascii = true;
    for (char c; is_name_start(c = lexer_peek(l, 0)) || is_digit(c); l->at++)
        ascii &= !(c & 0x80);
    if (!ascii)
        check_name(l, from);
    lexer_push(l, name_kind(str_slice(l->text, from.at, l->at)), from);
}

static void number(Lexer *l) {
    Mark from = lexer_mark(l);
    const char *error;
    size_t error_at, n = lex_number(str_slice(l->text, l->at, l->text.len), &error, &error_at);
    l->at += n ? n : error_at;
    if (!n)
        lexer_fail(l, from, error);
    lexer_push(l, T_NUMBER, from);
}

static void close_bracket(Lexer *l, Mark from, char close) {
    Bracket *top = lexer_bracket(l);
    if (!top)
        fail(l->c, lexer_span(l, from), "unmatched '%c'", close);
    char expected = top->open == '(' ? ')' : top->open == '[' ? ']' : '}';
    if (close != expected && top->span.line != from.line)
        fail(l->c, lexer_span(l, from), "closing parenthesis '%c' does not match opening parenthesis '%c' on line %d",
             close, top->open, top->span.line);
    if (close != expected)
        fail(l->c, lexer_span(l, from), "closing parenthesis '%c' does not match opening parenthesis '%c'", close,
             top->open);
    l->nbrackets--;
}

/* Directly in a replacement field ":" and "!" end the expression, so ":=" is not one token there. */
static bool ends_field(Lexer *l, TokenKind kind) {
    Bracket *top = lexer_bracket(l);
    return top && top->kind == BRACKET_FIELD && (kind == T_COLON || kind == T_WALRUS);
}

static TokenKind operator_here(const Lexer *l) {
    Str rest = str_slice(l->text, l->at, l->text.len);
    for (size_t i = 0; i < COUNT(operators); i++)
        if (operators[i].text.ptr[0] == *rest.ptr &&
            str_eq(str_slice(rest, 0, operators[i].text.len), operators[i].text))
            return operators[i].kind;
    return T_END;
}

_Noreturn static void fail_character(Lexer *l, Mark from) {
    char c = lexer_peek(l, 0);
    l->at++;
    if (c > ' ' && c < 0x7f)
        fail(l->c, lexer_span(l, from), "invalid syntax: '%c'", c);
    fail(l->c, lexer_span(l, from), "invalid non-printable character U+%04X", (unsigned char)c);
}

static void operator_token(Lexer *l) {
    Mark from = lexer_mark(l);
    TokenKind kind = operator_here(l);
    Bracket *top = lexer_bracket(l);
    bool field_ends = ends_field(l, kind);
    if (field_ends)
        kind = T_COLON;
    if (kind == T_END || (kind == T_EXCLAMATION && !(top && top->kind == BRACKET_FIELD)))
        fail_character(l, from);
    l->at += strlen(token_names[kind]);
    if (kind == T_LPAR || kind == T_LSQB || kind == T_LBRACE)
        lexer_open(l, (Bracket){BRACKET_PLAIN, *token_names[kind], false, false, lexer_span(l, from)});
    else if (kind == T_RPAR || kind == T_RSQB || kind == T_RBRACE)
        close_bracket(l, from, *token_names[kind]);
    else if (field_ends)
        top->kind = BRACKET_SPEC;
    lexer_push(l, kind, from);
}

/* The end of the text inside brackets is the fault of the innermost bracket. */
static void end_of_text(Lexer *l) {
    Bracket *top = lexer_bracket(l);
    if (top && top->kind == BRACKET_FIELD)
        fail(l->c, top->span, "f-string: expecting '}'");
    if (top)
        fail(l->c, top->span, "'%c' was never closed", top->open);
    finish(l);
}

/* How many letters before a quote make a string's prefix; or 0. */
static size_t string_prefix(const Lexer *l) {
    size_t n = 0;
    while (n < 2 && lexer_peek(l, n) && strchr("bBrRuUfFtT", lexer_peek(l, n)))
        n++;
    return lexer_peek(l, n) == '"' || lexer_peek(l, n) == '\'' ? n : 0;
}

static void plain_token(Lexer *l) {
    char c = lexer_peek(l, 0);
    if (lexer_at_end(l))
        end_of_text(l);
    else if (c == ' ' || c == '\t' || c == '\f')
        l->at++;
    else if (c == '\n')
        end_line(l);
    else if (c == '#')
        skip_comment(l);
    else if (c == '\\')
        continue_line(l);
    else if (is_digit(c) || (c == '.' && is_digit(lexer_peek(l, 1))))
        number(l);
    else if (lexer_string(l, string_prefix(l)))
        ;
    else if (is_name_start(c))
        name(l);
    else
        operator_token(l);
}

Tokens lex(Compilation *c, const Source *source, LexWhat what) {
    Lexer *l = pool_new(c->pool, Lexer);
    *l = (Lexer){.c = c, .text = source_text(c, source, what), .line = source->first_line, .line_begins = true};
    l->one_statement = what == LEX_STATEMENT;
    l->nindents = what == LEX_FILE; /* one of column 0; the other sort takes its own */
    while (!l->done) {
        Bracket *top = lexer_bracket(l);
        if (top && (top->kind == BRACKET_FSTRING || top->kind == BRACKET_SPEC))
            lexer_fstring(l);
        else if (l->line_begins)
            begin_line(l);
        else
            plain_token(l);
    }
    return (Tokens){l->text, l->tokens, l->len};
}

/* ---- dump ---- */

static const char *const kind_words[] = {
#define TOKEN(kind, name) #kind,
#define OPERATOR(kind, text) #kind,
#define KEYWORD(kind, text) #kind,
#include "server/compiler/tokens.def"
};

Str tokens_dump(Pool *pool, const Tokens *tokens) {
    Out o = {.pool = pool};
    for (size_t i = 0; i < tokens->len; i++) {
        const Token *t = &tokens->at[i];
        out_printf(&o, "%d:%d-%d:%d %s", t->span.line, t->span.col, t->span.end_line, t->span.end_col,
                   kind_words[t->kind]);
        bool has_text = t->kind >= T_NAME && t->kind <= T_FSTRING_END;
        if (has_text)
            out_char(&o, ' ');
        Str text = has_text ? token_text(tokens, t) : STR_NULL;
        for (size_t k = 0; k < text.len; k++)
            if (text.ptr[k] == '\n')
                out_cstr(&o, "\\n");
            else
                out_char(&o, text.ptr[k]);
        out_char(&o, '\n');
    }
    return out_text(&o);
}
