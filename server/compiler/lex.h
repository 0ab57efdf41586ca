/* Stage lex: Source -> Tokens. The tokens are those of CPython's tokenizer (an f-string is START, MIDDLE and field
 * tokens, END; no token for comments and blank lines), with positions in bytes. A lexical error is a fail(). */
#pragma once
#include "server/compiler/diag.h"

typedef enum TokenKind {
#define TOKEN(kind, name) T_##kind,
#define OPERATOR(kind, text) T_##kind,
#define KEYWORD(kind, text) T_##kind,
#include "server/compiler/tokens.def"
#undef TOKEN
#undef OPERATOR
#undef KEYWORD
    N_TOKEN_KINDS,
} TokenKind;

typedef struct Token {
    TokenKind kind;
    uint32_t start, end; /* bytes of Tokens.text */
    Span span;
} Token;

typedef struct Tokens {
    Str text; /* the source as lexed: without byte order mark, every line ending in \n */
    Token *at;
    size_t len; /* at least 1: the last is T_END */
} Tokens;

typedef enum LexWhat {
    LEX_FILE,      /* everything; the text is a file's bytes (encoding declaration and byte order mark are looked at) */
    LEX_STATEMENT, /* the first statement and its decorators, at whatever indentation; what follows is not looked at */
} LexWhat;

Tokens lex(Compilation *c, const Source *source, LexWhat what);

Str token_text(const Tokens *tokens, const Token *token);
const char *token_kind_name(TokenKind kind);       /* for people: "name", "'+='" without the quotes, "def" */
Str tokens_dump(Pool *pool, const Tokens *tokens); /* one token a line: 1:0-1:3 NAME "abc" */

/* The passes of the lexer that have a file of their own. */

/* text.c: checks encoding and bytes, normalises line ends. */
Str source_text(Compilation *c, const Source *source, LexWhat what);

/* lex_number.c: the length of the number that begins `text`; 0 with *ret_error set (and how far it got) if it is
 * malformed. */
size_t lex_number(Str text, const char **ret_error, size_t *ret_error_at);
