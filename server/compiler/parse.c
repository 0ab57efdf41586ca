/* Stage parse, main part: the parser's basic moves and its entry points. Recursive descent over all tokens of the
 * source. */
#include "server/compiler/parser.h"
#include <stdlib.h>
#include <uninorm.h>

_Noreturn void fail_token(Parser *p, const Token *t, const char *message) {
    fail(p->c, t->span, "%s", message);
}

_Noreturn void fail_node(Parser *p, const Node *node, const char *message) {
    fail(p->c, node->span, "%s", message);
}

_Noreturn void fail_here(Parser *p) {
    if (at(p, T_INDENT))
        fail_token(p, p->t, "unexpected indent");
    if (p->t->kind <= T_DEDENT)
        fail(p->c, p->t->span, "invalid syntax: unexpected %s", token_kind_name(p->t->kind));
    fail_token(p, p->t, "invalid syntax");
}

const Token *expect(Parser *p, TokenKind kind) {
    if (at(p, kind))
        return next(p);
    const char *quote = kind >= T_ELLIPSIS ? "'" : "";
    fail(p->c, p->t->span, "invalid syntax: expected %s%s%s", quote, token_kind_name(kind), quote);
}

void enter(Parser *p) {
    if (++p->depth > AST_MAX_DEPTH)
        fail_token(p, p->t, "too deeply nested");
}

Span span_from(const Parser *p, const Token *start) {
    const Token *last = p->t > p->tokens.at ? p->t - 1 : p->t;
    while (last > start && (last->kind == T_NEWLINE || last->kind == T_INDENT || last->kind == T_DEDENT))
        last--;
    return (Span){start->span.line, start->span.col, last->span.end_line, last->span.end_col};
}

Node *node_new(Parser *p, NodeKind kind, Span span) {
    Node *node = pool_new(p->c->pool, Node);
    node->kind = kind;
    node->id = p->nnodes++;
    node->span = span;
    return node;
}

bool is_word(const Parser *p, const Token *t, const char *word) {
    return t->kind == T_NAME && str_eq_c(token_text(&p->tokens, t), word);
}

static bool is_ascii(Str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] & 0x80)
            return false;
    return true;
}

Str parse_identifier(Parser *p) {
    Str text = token_text(&p->tokens, expect(p, T_NAME));
    if (is_ascii(text))
        return text;
    size_t room = text.len * 18; /* one code point becomes at most 18 */
    uint8_t *out = pool_alloc(p->c->pool, room);
    uint8_t *got = u8_normalize(UNINORM_NFKC, (const uint8_t *)text.ptr, text.len, out, &room);
    if (got != out) {
        free(got);
        fail_token(p, p->t - 1, "this identifier cannot be normalised");
    }
    return (Str){(char *)out, room};
}

/* ---- depth ---- */

typedef struct Depth {
    Compilation *c;
    int depth;
    Span span; /* of the last node that has one */
} Depth;

static void check_depth(void *arg, const char *field, const Node *node) {
    Depth *d = arg;
    (void)field;
    if (!node)
        return;
    if (node->span.line)
        d->span = node->span;
    if (++d->depth > AST_MAX_DEPTH)
        fail(d->c, d->span, "too deeply nested");
    node_each_child(node, check_depth, d);
    d->depth--;
}

static Ast finish(Parser *p, Node *root) {
    Depth d = {.c = p->c};
    check_depth(&d, "", root);
    return (Ast){root, p->nnodes};
}

Ast parse_tokens_module(Compilation *c, Tokens tokens) {
    Parser p = {.c = c, .tokens = tokens, .t = tokens.at};
    List body = {0};
    while (!at(&p, T_END))
        parse_statement(&p, &body);
    return finish(&p, NEW(&p, Module, ((Span){0}), .body = nodes_of(body)));
}

Ast parse_tokens_function(Compilation *c, Tokens tokens) {
    Parser p = {.c = c, .tokens = tokens, .t = tokens.at};
    if (!at(&p, T_AT) && !at(&p, T_DEF) && !at(&p, T_CLASS) && !at(&p, T_ASYNC))
        fail_token(&p, p.t, "expected a function or class definition");
    Node *root = parse_decorated(&p);
    if (!at(&p, T_END))
        fail_here(&p);
    return finish(&p, root);
}

Ast parse_module(Compilation *c, const Source *source) {
    return parse_tokens_module(c, lex(c, source, LEX_FILE));
}

Ast parse_function(Compilation *c, const Source *source) {
    return parse_tokens_function(c, lex(c, source, LEX_STATEMENT));
}
