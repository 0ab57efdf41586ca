/* Inside of the lexer, shared by lex.c (lines, plain tokens) and lex_string.c (strings and f-strings). */
#pragma once
#include "server/compiler/lex.h"

#define LEX_MAX_BRACKETS 200 /* CPython's MAXLEVEL */
#define LEX_MAX_FSTRINGS 150 /* CPython's MAXFSTRINGLEVEL */
#define LEX_MAX_INDENTS 100  /* CPython's MAXINDENT */
#define LEX_MAX_SPECS 3      /* CPython 3.12, MAX_EXPR_NESTING: fields in format specs of fields */

/* What the lexer is inside of. The innermost one decides how the next character is read. */
typedef enum BracketKind {
    BRACKET_PLAIN,   /* ( [ { */
    BRACKET_FSTRING, /* literal part of an f-string */
    BRACKET_FIELD,   /* expression of a replacement field */
    BRACKET_SPEC,    /* the same field after its ":": literal text again */
} BracketKind;

typedef struct Bracket {
    BracketKind kind;
    char open; /* ( [ {; for an f-string its quote */
    bool triple, raw;
    Span span;
} Bracket;

/* Two measures of an indentation, tabs to 8 and tabs to 1: where they disagree, the tabs are ambiguous. */
typedef struct Columns {
    int col, alt;
} Columns;

typedef struct Lexer {
    Compilation *c;
    Str text;
    size_t at, line_start;
    int line;
    Token *tokens;
    size_t len, cap;
    Bracket brackets[LEX_MAX_BRACKETS + LEX_MAX_FSTRINGS];
    size_t nbrackets, nfstrings;
    Columns indents[LEX_MAX_INDENTS];
    size_t nindents;
    bool line_begins, done;
    bool one_statement, saw_statement; /* LEX_STATEMENT: and its first line is behind us */
} Lexer;

/* A position to come back to. */
typedef struct Mark {
    size_t at, line_start;
    int line;
} Mark;

static inline Mark lexer_mark(const Lexer *l) {
    return (Mark){l->at, l->line_start, l->line};
}

/* The character `ahead` places on; NUL (which no source contains) at the end. */
static inline char lexer_peek(const Lexer *l, size_t ahead) {
    return ahead < l->text.len - l->at ? l->text.ptr[l->at + ahead] : '\0';
}

static inline bool lexer_at_end(const Lexer *l) {
    return l->at >= l->text.len;
}

/* Steps over one character, counting lines. Not at the end. */
static inline void lexer_step(Lexer *l) {
    if (l->text.ptr[l->at++] == '\n') {
        l->line++;
        l->line_start = l->at;
    }
}

static inline Bracket *lexer_bracket(Lexer *l) {
    return l->nbrackets ? &l->brackets[l->nbrackets - 1] : NULL;
}

Span lexer_span(const Lexer *l, Mark from);           /* from there to here */
void lexer_push(Lexer *l, TokenKind kind, Mark from); /* a token from there to here */
void lexer_open(Lexer *l, Bracket bracket);           /* fails when too deep */
bool lexer_string(Lexer *l, size_t prefix); /* a string whose quote stands `prefix` characters on; false if none does */
void lexer_fstring(Lexer *l);               /* one step in literal text of an f-string */
_Noreturn void lexer_fail(Lexer *l, Mark from, const char *message);
