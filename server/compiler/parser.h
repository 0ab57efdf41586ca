/* Inside of the parser: what its files share. Each parse_x() reads one rule of CPython's grammar (Grammar/python.gram)
 * at the current token and leaves the token behind it current; it never returns without a result (a syntax error is a
 * fail()). */
#pragma once
#include "server/compiler/parse.h"

typedef struct Parser {
    Compilation *c;
    Tokens tokens;
    const Token *t; /* the current one; the last is T_END and is never passed */
    uint32_t nnodes;
    int depth;
} Parser;

typedef struct List {
    Node **at;
    size_t len, cap;
} List;

typedef struct NameList {
    Str *at;
    size_t len, cap;
} NameList;

/* ---- parse.c: tokens and nodes ---- */

static inline bool at(const Parser *p, TokenKind kind) {
    return p->t->kind == kind;
}

static inline TokenKind ahead(const Parser *p) {
    return at(p, T_END) ? T_END : p->t[1].kind;
}

static inline const Token *next(Parser *p) {
    const Token *t = p->t;
    if (t->kind != T_END)
        p->t++;
    return t;
}

static inline bool take(Parser *p, TokenKind kind) {
    if (!at(p, kind))
        return false;
    next(p);
    return true;
}

const Token *expect(Parser *p, TokenKind kind); /* fails with "expected ..." */
_Noreturn void fail_here(Parser *p);            /* "invalid syntax" at the current token */
_Noreturn void fail_token(Parser *p, const Token *t, const char *message);
_Noreturn void fail_node(Parser *p, const Node *node, const char *message);
void enter(Parser *p); /* one level of recursion deeper; fails when too deep */
static inline void leave(Parser *p) {
    p->depth--;
}

Span span_from(const Parser *p,
               const Token *start); /* from its start to the end of the last token read that is not white space */
Node *node_new(Parser *p, NodeKind kind, Span span);
Str parse_identifier(Parser *p);                                 /* T_NAME, in Unicode's form NFKC */
bool is_word(const Parser *p, const Token *t, const char *word); /* a T_NAME of that text: soft keywords */
static inline bool at_word(const Parser *p, const char *word) {
    return is_word(p, p->t, word);
}

static inline void list_add(Parser *p, List *list, Node *node) {
    pool_push(p->c->pool, list->at, list->len, list->cap) = node;
}

static inline void names_add(Parser *p, NameList *list, Str name) {
    pool_push(p->c->pool, list->at, list->len, list->cap) = name;
}

static inline Nodes nodes_of(List list) {
    return (Nodes){list.at, list.len};
}

static inline Strs names_of(NameList list) {
    return (Strs){list.at, list.len};
}

/* The new node's fields are set by name: NEW(p, Return, span, .value = v). */
#define NEW(p, kind_, span_, ...)                                                                                      \
    ({                                                                                                                 \
        Node *new_node = node_new((p), NODE_##kind_, (span_));                                                         \
        new_node->kind_ = (Node##kind_){__VA_ARGS__};                                                                  \
        new_node;                                                                                                      \
    })

/* ---- parse_expr.c ---- */
Node *parse_expression(Parser *p);
Node *parse_named_expression(Parser *p);      /* perhaps NAME := expression */
Node *parse_star_named_expression(Parser *p); /* perhaps *x */
Node *parse_star_expressions(Parser *p);      /* perhaps a tuple without parentheses, perhaps with *x */
Node *parse_yield_or_star_expressions(Parser *p);
Node *parse_disjunction(Parser *p);
Node *parse_bitwise_or(Parser *p);
bool at_expression(const Parser *p); /* can an expression begin here? */

/* ---- parse_atom.c ---- */
Node *parse_primary(Parser *p);
Node *parse_number(Parser *p);
void parse_comprehension(Parser *p, List *generators); /* for_if_clauses */
static inline bool at_for(const Parser *p) {           /* does a comprehension go on here? */
    return at(p, T_FOR) || (at(p, T_ASYNC) && ahead(p) == T_FOR);
}

/* ---- parse_call.c ---- */
Nodes parse_arguments(Parser *p, bool is_class, Nodes *ret_keywords); /* behind "(": up to and with ")" */
Node *parse_params(Parser *p,
                   TokenKind end);  /* of a def (end is T_RPAR) or a lambda (T_COLON): up to, not with, the end */
Nodes parse_type_params(Parser *p); /* perhaps none */

/* ---- parse_string.c ---- */
Node *parse_strings(Parser *p);

/* ---- parse_target.c ---- */
Node *parse_target_list(Parser *p);                              /* star_targets of a for */
Node *parse_target(Parser *p);                                   /* star_target of a with */
void make_target(Parser *p, Node *node, const char *error_form); /* Load -> Store, or fails */
Nodes parse_del_targets(Parser *p);
bool is_parenthesised(const Node *node, const Token *start); /* the node that was read from token `start` on */
const char *expression_words(const Node *node);              /* "function call" */

/* ---- parse_pattern.c ---- */
Node *parse_patterns(Parser *p);

/* ---- parse_simple.c, parse_compound.c ---- */
void parse_simple_statements(Parser *p, List *body);
void parse_statement(Parser *p, List *body);
Node *parse_decorated(Parser *p); /* perhaps no decorators */
