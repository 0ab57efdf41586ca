/* Atoms (names, literals, displays, comprehensions) and what may follow one: .name, (arguments), [slices]. */
#include "server/compiler/literal.h"
#include "server/compiler/parser.h"

/* ---- comprehensions ---- */

static Node *parse_generator(Parser *p) {
    const Token *start = p->t;
    bool is_async = take(p, T_ASYNC);
    expect(p, T_FOR);
    Node *target = parse_target_list(p);
    if (!at(p, T_IN))
        fail(p->c, target->span, "'in' expected after for-loop variables");
    next(p);
    Node *iter = parse_disjunction(p);
    List ifs = {0};
    while (take(p, T_IF))
        list_add(p, &ifs, parse_disjunction(p));
    return NEW(p, comprehension, span_from(p, start), .target = target, .iter = iter, .ifs = nodes_of(ifs),
               .is_async = is_async);
}

void parse_comprehension(Parser *p, List *generators) {
    while (at_for(p))
        list_add(p, generators, parse_generator(p));
}

static Nodes parse_generators(Parser *p) {
    List generators = {0};
    parse_comprehension(p, &generators);
    return nodes_of(generators);
}

/* ---- displays ---- */

/* Behind the first element: ", x, y, ," up to the closing bracket. */
static Nodes parse_elements(Parser *p, Node *first, TokenKind close) {
    List elts = {0};
    list_add(p, &elts, first);
    while (take(p, T_COMMA) && !at(p, close))
        list_add(p, &elts, parse_star_named_expression(p));
    return nodes_of(elts);
}

/* A missing comma is the likeliest reason when an expression stands where a bracket should close. */
static void expect_close(Parser *p, TokenKind close) {
    if (at_expression(p))
        fail_token(p, p->t, "invalid syntax. Perhaps you forgot a comma?");
    expect(p, close);
}

static Node *parse_parentheses(Parser *p) {
    const Token *start = next(p);
    if (take(p, T_RPAR))
        return NEW(p, Tuple, span_from(p, start), .ctx = CTX_Load);
    if (at(p, T_YIELD)) {
        Node *node = parse_yield_or_star_expressions(p);
        expect_close(p, T_RPAR);
        return node;
    }
    Node *first = parse_star_named_expression(p);
    if (at_for(p)) {
        Nodes generators = parse_generators(p);
        expect_close(p, T_RPAR);
        return NEW(p, GeneratorExp, span_from(p, start), .elt = first, .generators = generators);
    }
    if (at(p, T_COMMA)) {
        Nodes elts = parse_elements(p, first, T_RPAR);
        expect_close(p, T_RPAR);
        return NEW(p, Tuple, span_from(p, start), .elts = elts, .ctx = CTX_Load);
    }
    expect_close(p, T_RPAR);
    if (first->kind == NODE_Starred)
        fail_node(p, first, "cannot use starred expression here");
    return first;
}

static Node *parse_list(Parser *p) {
    const Token *start = next(p);
    if (take(p, T_RSQB))
        return NEW(p, List, span_from(p, start), .ctx = CTX_Load);
    Node *first = parse_star_named_expression(p);
    if (at_for(p)) {
        Nodes generators = parse_generators(p);
        expect_close(p, T_RSQB);
        return NEW(p, ListComp, span_from(p, start), .elt = first, .generators = generators);
    }
    Nodes elts = parse_elements(p, first, T_RSQB);
    expect_close(p, T_RSQB);
    return NEW(p, List, span_from(p, start), .elts = elts, .ctx = CTX_Load);
}

static Node *parse_set(Parser *p, const Token *start) {
    Node *first = parse_star_named_expression(p);
    if (at_for(p)) {
        Nodes generators = parse_generators(p);
        expect_close(p, T_RBRACE);
        return NEW(p, SetComp, span_from(p, start), .elt = first, .generators = generators);
    }
    Nodes elts = parse_elements(p, first, T_RBRACE);
    expect_close(p, T_RBRACE);
    return NEW(p, Set, span_from(p, start), .elts = elts);
}

static void parse_dict_item(Parser *p, List *keys, List *values) {
    if (take(p, T_POW)) {
        list_add(p, keys, NULL);
        list_add(p, values, parse_bitwise_or(p));
        return;
    }
    list_add(p, keys, parse_expression(p));
    expect(p, T_COLON);
    if (at(p, T_STAR))
        fail_token(p, p->t, "cannot use a starred expression in a dictionary value");
    list_add(p, values, parse_expression(p));
}

static Node *parse_dict(Parser *p, const Token *start) {
    List keys = {0}, values = {0};
    do {
        if (at(p, T_RBRACE))
            break;
        parse_dict_item(p, &keys, &values);
    } while (take(p, T_COMMA));
    if (at_for(p) && keys.len == 1) {
        bool unpacked = !keys.at[0]; /* {**d for d in x}: the key is d */
        Nodes generators = parse_generators(p);
        expect_close(p, T_RBRACE);
        return NEW(p, DictComp, span_from(p, start), .key = unpacked ? values.at[0] : keys.at[0],
                   .value = unpacked ? NULL : values.at[0], .generators = generators);
    }
    expect_close(p, T_RBRACE);
    return NEW(p, Dict, span_from(p, start), .keys = nodes_of(keys), .values = nodes_of(values));
}

/* Whether the braces hold a dict shows after the first expression: read it, look, go back. What is read again is
 * bounded by going back only over a first element, but elements nest ({{{...}}}): so the colon is looked for among the
 * tokens instead. */
static bool is_dict(const Parser *p) {
    if (at(p, T_RBRACE) || at(p, T_POW))
        return true;
    int depth = 0, lambdas = 0;
    for (const Token *t = p->t; t->kind != T_END; t++) {
        bool opens = t->kind == T_LPAR || t->kind == T_LSQB || t->kind == T_LBRACE;
        bool closes = t->kind == T_RPAR || t->kind == T_RSQB || t->kind == T_RBRACE;
        depth += opens - closes;
        if (depth < 0 || (depth == 0 && (t->kind == T_COMMA || t->kind == T_FOR)))
            return false;
        if (depth == 0 && t->kind == T_LAMBDA)
            lambdas++;
        if (depth == 0 && t->kind == T_COLON && lambdas-- == 0)
            return true;
    }
    return false;
}

static Node *parse_braces(Parser *p) {
    const Token *start = next(p);
    return is_dict(p) ? parse_dict(p, start) : parse_set(p, start);
}

/* ---- atoms ---- */

Node *parse_number(Parser *p) {
    const Token *t = expect(p, T_NUMBER);
    Const value = literal_number(p->c, token_text(&p->tokens, t), t->span);
    return NEW(p, Constant, t->span, .value = value);
}

static Node *parse_word(Parser *p, ConstKind kind) {
    const Token *t = next(p);
    return NEW(p, Constant, t->span, .value = {.kind = kind});
}

static Node *parse_name(Parser *p) {
    const Token *t = p->t;
    Str id = parse_identifier(p);
    return NEW(p, Name, t->span, .id = id, .ctx = CTX_Load);
}

static Node *parse_atom(Parser *p) {
    switch (p->t->kind) {
    case T_NAME:
        return parse_name(p);
    case T_NUMBER:
        return parse_number(p);
    case T_STRING:
    case T_FSTRING_START:
        return parse_strings(p);
    case T_NONE:
        return parse_word(p, CONST_NONE);
    case T_TRUE:
        return parse_word(p, CONST_TRUE);
    case T_FALSE:
        return parse_word(p, CONST_FALSE);
    case T_ELLIPSIS:
        return parse_word(p, CONST_ELLIPSIS);
    case T_LPAR:
        return parse_parentheses(p);
    case T_LSQB:
        return parse_list(p);
    case T_LBRACE:
        return parse_braces(p);
    default:
        fail_here(p);
    }
}

/* ---- trailers ---- */

static Node *parse_slice(Parser *p) {
    const Token *start = p->t;
    if (at(p, T_STAR))
        return parse_star_named_expression(p);
    Node *lower = at(p, T_COLON) ? NULL : parse_named_expression(p);
    if (!at(p, T_COLON))
        return lower;
    if (lower && lower->kind == NODE_NamedExpr && !is_parenthesised(lower, start))
        fail_token(p, p->t, "invalid syntax");
    next(p);
    Node *upper = at_expression(p) ? parse_expression(p) : NULL;
    Node *step = take(p, T_COLON) && at_expression(p) ? parse_expression(p) : NULL;
    return NEW(p, Slice, span_from(p, start), .lower = lower, .upper = upper, .step = step);
}

static Node *parse_slices(Parser *p) {
    const Token *start = p->t;
    Node *first = parse_slice(p);
    if (!at(p, T_COMMA) && first->kind != NODE_Starred)
        return first;
    List elts = {0};
    list_add(p, &elts, first);
    while (take(p, T_COMMA) && !at(p, T_RSQB))
        list_add(p, &elts, parse_slice(p));
    return NEW(p, Tuple, span_from(p, start), .elts = nodes_of(elts), .ctx = CTX_Load);
}

Node *parse_primary(Parser *p) {
    const Token *start = p->t;
    Node *node = parse_atom(p);
    for (;;) {
        if (take(p, T_DOT)) {
            Str attr = parse_identifier(p);
            node = NEW(p, Attribute, span_from(p, start), .value = node, .attr = attr, .ctx = CTX_Load);
        } else if (take(p, T_LPAR)) {
            Nodes keywords, args = parse_arguments(p, false, &keywords);
            node = NEW(p, Call, span_from(p, start), .func = node, .args = args, .keywords = keywords);
        } else if (take(p, T_LSQB)) {
            Node *slice = parse_slices(p);
            expect_close(p, T_RSQB);
            node = NEW(p, Subscript, span_from(p, start), .value = node, .slice = slice, .ctx = CTX_Load);
        } else {
            return node;
        }
    }
}
