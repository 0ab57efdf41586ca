/* The patterns of match statements. */
#include "server/compiler/parser.h"

static Node *parse_as_pattern(Parser *p);
static Node *parse_maybe_star(Parser *p);

/* ---- values ---- */

static Node *parse_signed_number(Parser *p) {
    const Token *start = p->t;
    if (!at(p, T_MINUS) && !at(p, T_PLUS))
        return parse_number(p);
    Operator op = next(p)->kind == T_MINUS ? OP_USub : OP_UAdd;
    Node *operand = parse_number(p);
    return NEW(p, UnaryOp, span_from(p, start), .op = op, .operand = operand);
}

static bool is_imaginary(const Node *node) {
    const Node *number = node->kind == NODE_UnaryOp ? node->UnaryOp.operand : node;
    return number->Constant.value.kind == CONST_COMPLEX;
}

static Node *parse_complex_number(Parser *p) {
    const Token *start = p->t;
    Node *left = parse_signed_number(p);
    if (!at(p, T_PLUS) && !at(p, T_MINUS))
        return left;
    if (is_imaginary(left))
        fail_node(p, left, "real number required in complex literal");
    Operator op = next(p)->kind == T_PLUS ? OP_Add : OP_Sub;
    Node *right = parse_number(p);
    if (!is_imaginary(right))
        fail_node(p, right, "imaginary number required in complex literal");
    return NEW(p, BinOp, span_from(p, start), .left = left, .op = op, .right = right);
}

static Node *parse_dotted_name(Parser *p) {
    const Token *start = p->t;
    Str id = parse_identifier(p);
    Node *node = NEW(p, Name, start->span, .id = id, .ctx = CTX_Load);
    while (take(p, T_DOT)) {
        Str attr = parse_identifier(p);
        node = NEW(p, Attribute, span_from(p, start), .value = node, .attr = attr, .ctx = CTX_Load);
    }
    return node;
}

static bool is_singleton(TokenKind kind) {
    return kind == T_NONE || kind == T_TRUE || kind == T_FALSE;
}

static ConstKind singleton(TokenKind kind) {
    return kind == T_NONE ? CONST_NONE : kind == T_TRUE ? CONST_TRUE : CONST_FALSE;
}

static Node *parse_literal(Parser *p) {
    return at(p, T_STRING) || at(p, T_FSTRING_START) ? parse_strings(p) : parse_complex_number(p);
}

/* A name that a pattern binds; "_" binds nothing and is not one. */
static Str parse_capture(Parser *p) {
    if (at_word(p, "_"))
        fail_token(p, p->t, "cannot use '_' as a target");
    if (at(p, T_NAME) && (ahead(p) == T_DOT || ahead(p) == T_LPAR || ahead(p) == T_EQUAL))
        fail_token(p, p->t, "invalid pattern target");
    return parse_identifier(p);
}

static Str parse_capture_or_wildcard(Parser *p) {
    if (!at_word(p, "_"))
        return parse_capture(p);
    next(p);
    return STR_NULL;
}

/* ---- mappings and classes ---- */

static Node *parse_mapping_key(Parser *p) {
    if (is_singleton(p->t->kind)) {
        const Token *t = next(p);
        return NEW(p, Constant, t->span, .value = {.kind = singleton(t->kind)});
    }
    if (!at(p, T_NAME))
        return parse_literal(p);
    Node *key = parse_dotted_name(p);
    if (key->kind == NODE_Name)
        fail_node(p, key, "mapping pattern keys may only match literals and attribute lookups");
    return key;
}

static Node *parse_mapping(Parser *p) {
    const Token *start = next(p);
    List keys = {0}, patterns = {0};
    Str rest = STR_NULL;
    while (!at(p, T_RBRACE)) {
        if (rest.ptr)
            fail_token(p, p->t, "double star pattern must be the last in a mapping pattern");
        if (take(p, T_POW)) {
            rest = parse_capture(p);
        } else {
            list_add(p, &keys, parse_mapping_key(p));
            expect(p, T_COLON);
            list_add(p, &patterns, parse_as_pattern(p));
        }
        if (!take(p, T_COMMA))
            break;
    }
    expect(p, T_RBRACE);
    return NEW(p, MatchMapping, span_from(p, start), .keys = nodes_of(keys), .patterns = nodes_of(patterns),
               .rest = rest);
}

static Node *parse_class(Parser *p, const Token *start, Node *cls) {
    List patterns = {0}, kwd_patterns = {0};
    NameList kwd_attrs = {0};
    expect(p, T_LPAR);
    while (!at(p, T_RPAR)) {
        if (at(p, T_NAME) && ahead(p) == T_EQUAL) {
            names_add(p, &kwd_attrs, parse_identifier(p));
            next(p);
            list_add(p, &kwd_patterns, parse_as_pattern(p));
        } else {
            Node *pattern = parse_as_pattern(p);
            if (kwd_attrs.len)
                fail_node(p, pattern, "positional patterns follow keyword patterns");
            list_add(p, &patterns, pattern);
        }
        if (!take(p, T_COMMA))
            break;
    }
    expect(p, T_RPAR);
    return NEW(p, MatchClass, span_from(p, start), .cls = cls, .patterns = nodes_of(patterns),
               .kwd_attrs = names_of(kwd_attrs), .kwd_patterns = nodes_of(kwd_patterns));
}

/* Capture, wildcard, dotted value, or class. */
static Node *parse_name_pattern(Parser *p) {
    const Token *start = p->t;
    if (ahead(p) != T_DOT && ahead(p) != T_LPAR) {
        if (ahead(p) == T_EQUAL)
            fail_here(p);
        Str name = parse_capture_or_wildcard(p);
        return NEW(p, MatchAs, start->span, .name = name);
    }
    Node *value = parse_dotted_name(p);
    if (at(p, T_LPAR))
        return parse_class(p, start, value);
    if (at(p, T_EQUAL))
        fail_here(p);
    return NEW(p, MatchValue, value->span, .value = value);
}

/* ---- sequences and groups ---- */

static Nodes parse_sequence(Parser *p, Node *first, TokenKind close) {
    List patterns = {0};
    if (first)
        list_add(p, &patterns, first);
    while (take(p, T_COMMA) && !at(p, close) && !(close == T_COLON && at(p, T_IF)))
        list_add(p, &patterns, parse_maybe_star(p));
    return nodes_of(patterns);
}

static Node *parse_bracketed(Parser *p) {
    const Token *start = next(p);
    TokenKind close = start->kind == T_LSQB ? T_RSQB : T_RPAR;
    if (take(p, close))
        return NEW(p, MatchSequence, span_from(p, start), .patterns = {0});
    Node *first = parse_maybe_star(p);
    bool group = close == T_RPAR && !at(p, T_COMMA);
    Nodes patterns = parse_sequence(p, first, close);
    expect(p, close);
    if (group && first->kind == NODE_MatchStar)
        fail_node(p, first, "cannot use starred pattern here");
    return group ? first : NEW(p, MatchSequence, span_from(p, start), .patterns = patterns);
}

/* ---- all ---- */

static Node *parse_closed_pattern(Parser *p) {
    const Token *start = p->t;
    switch (p->t->kind) {
    case T_NAME:
        return parse_name_pattern(p);
    case T_LPAR:
    case T_LSQB:
        return parse_bracketed(p);
    case T_LBRACE:
        return parse_mapping(p);
    case T_NONE:
    case T_TRUE:
    case T_FALSE:
        next(p);
        return NEW(p, MatchSingleton, start->span, .value = {.kind = singleton(start->kind)});
    case T_NUMBER:
    case T_MINUS:
    case T_PLUS:
    case T_STRING:
    case T_FSTRING_START: {
        Node *value = parse_literal(p);
        return NEW(p, MatchValue, span_from(p, start), .value = value);
    }
    default:
        fail_here(p);
    }
}

static Node *parse_or_pattern(Parser *p) {
    const Token *start = p->t;
    Node *first = parse_closed_pattern(p);
    if (!at(p, T_BAR))
        return first;
    List patterns = {0};
    list_add(p, &patterns, first);
    while (take(p, T_BAR))
        list_add(p, &patterns, parse_closed_pattern(p));
    return NEW(p, MatchOr, span_from(p, start), .patterns = nodes_of(patterns));
}

static Node *parse_as_pattern(Parser *p) {
    const Token *start = p->t;
    enter(p);
    Node *pattern = parse_or_pattern(p);
    leave(p);
    if (!take(p, T_AS))
        return pattern;
    Str name = parse_capture(p);
    return NEW(p, MatchAs, span_from(p, start), .pattern = pattern, .name = name);
}

static Node *parse_maybe_star(Parser *p) {
    const Token *start = p->t;
    if (!take(p, T_STAR))
        return parse_as_pattern(p);
    Str name = parse_capture_or_wildcard(p);
    return NEW(p, MatchStar, span_from(p, start), .name = name);
}

Node *parse_patterns(Parser *p) {
    const Token *start = p->t;
    Node *first = parse_maybe_star(p);
    if (!at(p, T_COMMA)) {
        if (first->kind == NODE_MatchStar)
            fail_node(p, first, "cannot use starred pattern here");
        return first;
    }
    Nodes patterns = parse_sequence(p, first, T_COLON);
    return NEW(p, MatchSequence, span_from(p, start), .patterns = patterns);
}
