/* Expressions from the loosest binding (tuples, lambda, conditional) down to the operand of an operator. */
#include "server/compiler/parser.h"

bool at_expression(const Parser *p) {
    switch (p->t->kind) {
    case T_NAME:
    case T_NUMBER:
    case T_STRING:
    case T_FSTRING_START:
    case T_ELLIPSIS:
    case T_LPAR:
    case T_LSQB:
    case T_LBRACE:
    case T_PLUS:
    case T_MINUS:
    case T_TILDE:
    case T_NOT:
    case T_LAMBDA:
    case T_AWAIT:
    case T_NONE:
    case T_TRUE:
    case T_FALSE:
        return true;
    default:
        return false;
    }
}

/* ---- operators of two operands ---- */

/* How tightly a token binds as one: 1 for |, 6 for *; 0 if it is none. */
static int precedence(TokenKind kind, Operator *ret_op) {
    static const struct {
        TokenKind kind;
        Operator op;
        int precedence;
    } table[] = {
        {T_BAR, OP_BitOr, 1},     {T_CARET, OP_BitXor, 2},      {T_AMPER, OP_BitAnd, 3}, {T_LSHIFT, OP_LShift, 4},
        {T_RSHIFT, OP_RShift, 4}, {T_PLUS, OP_Add, 5},          {T_MINUS, OP_Sub, 5},    {T_STAR, OP_Mult, 6},
        {T_SLASH, OP_Div, 6},     {T_FLOORDIV, OP_FloorDiv, 6}, {T_PERCENT, OP_Mod, 6},  {T_AT, OP_MatMult, 6},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].kind == kind) {
            *ret_op = table[i].op;
            return table[i].precedence;
        }
    return 0;
}

static Node *parse_factor(Parser *p);

static Node *parse_await(Parser *p) {
    const Token *start = p->t;
    if (!take(p, T_AWAIT))
        return parse_primary(p);
    Node *value = parse_primary(p);
    return NEW(p, Await, span_from(p, start), .value = value);
}

static Node *parse_power(Parser *p) {
    const Token *start = p->t;
    Node *left = parse_await(p);
    if (!take(p, T_POW))
        return left;
    Node *right = parse_factor(p);
    return NEW(p, BinOp, span_from(p, start), .left = left, .op = OP_Pow, .right = right);
}

static Node *parse_factor(Parser *p) {
    const Token *start = p->t;
    Operator op = at(p, T_PLUS) ? OP_UAdd : at(p, T_MINUS) ? OP_USub : OP_Invert;
    if (op == OP_Invert && !at(p, T_TILDE))
        return parse_power(p);
    next(p);
    enter(p);
    Node *operand = parse_factor(p);
    leave(p);
    return NEW(p, UnaryOp, span_from(p, start), .op = op, .operand = operand);
}

static Node *parse_binary(Parser *p, int loosest) {
    const Token *start = p->t;
    Node *left = parse_factor(p);
    Operator op;
    for (int binds; (binds = precedence(p->t->kind, &op)) >= loosest && binds;) {
        next(p);
        Node *right = parse_binary(p, binds + 1);
        left = NEW(p, BinOp, span_from(p, start), .left = left, .op = op, .right = right);
    }
    return left;
}

Node *parse_bitwise_or(Parser *p) {
    return parse_binary(p, 1);
}

/* ---- comparisons and logic ---- */

static bool take_comparison(Parser *p, Operator *ret_op) {
    static const struct {
        TokenKind kind;
        Operator op;
    } table[] = {{T_EQ_EQ, OP_Eq},   {T_NOT_EQ, OP_NotEq},   {T_LESS, OP_Lt}, {T_LESS_EQ, OP_LtE},
                 {T_GREATER, OP_Gt}, {T_GREATER_EQ, OP_GtE}, {T_IN, OP_In}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (take(p, table[i].kind)) {
            *ret_op = table[i].op;
            return true;
        }
    if (at(p, T_NOT) && ahead(p) == T_IN) {
        next(p);
        next(p);
        *ret_op = OP_NotIn;
        return true;
    }
    if (!take(p, T_IS))
        return false;
    *ret_op = take(p, T_NOT) ? OP_IsNot : OP_Is;
    return true;
}

static Node *parse_comparison(Parser *p) {
    const Token *start = p->t;
    Node *left = parse_bitwise_or(p);
    Operator op;
    if (!take_comparison(p, &op))
        return left;
    List comparators = {0};
    Ops ops = {0};
    size_t cap = 0;
    do {
        pool_push(p->c->pool, ops.at, ops.len, cap) = op;
        list_add(p, &comparators, parse_bitwise_or(p));
    } while (take_comparison(p, &op));
    return NEW(p, Compare, span_from(p, start), .left = left, .ops = ops, .comparators = nodes_of(comparators));
}

static Node *parse_inversion(Parser *p) {
    const Token *start = p->t;
    if (!take(p, T_NOT))
        return parse_comparison(p);
    enter(p);
    Node *operand = parse_inversion(p);
    leave(p);
    return NEW(p, UnaryOp, span_from(p, start), .op = OP_Not, .operand = operand);
}

static Node *parse_logic(Parser *p, TokenKind word, Operator op, Node *(*operand)(Parser *)) {
    const Token *start = p->t;
    Node *first = operand(p);
    if (!at(p, word))
        return first;
    List values = {0};
    list_add(p, &values, first);
    while (take(p, word))
        list_add(p, &values, operand(p));
    return NEW(p, BoolOp, span_from(p, start), .op = op, .values = nodes_of(values));
}

static Node *parse_conjunction(Parser *p) {
    return parse_logic(p, T_AND, OP_And, parse_inversion);
}

Node *parse_disjunction(Parser *p) {
    return parse_logic(p, T_OR, OP_Or, parse_conjunction);
}

/* ---- the whole ---- */

static Node *parse_lambda(Parser *p) {
    const Token *start = next(p);
    Node *args = parse_params(p, T_COLON);
    expect(p, T_COLON);
    Node *body = parse_expression(p);
    return NEW(p, Lambda, span_from(p, start), .args = args, .body = body);
}

static Node *parse_conditional(Parser *p) {
    const Token *start = p->t;
    Node *body = parse_disjunction(p);
    if (!take(p, T_IF))
        return body;
    Node *test = parse_disjunction(p);
    if (!at(p, T_ELSE))
        fail(p->c, span_from(p, start), "expected 'else' after 'if' expression");
    next(p);
    Node *orelse = parse_expression(p);
    return NEW(p, IfExp, span_from(p, start), .test = test, .body = body, .orelse = orelse);
}

Node *parse_expression(Parser *p) {
    enter(p);
    Node *node = at(p, T_LAMBDA) ? parse_lambda(p) : parse_conditional(p);
    leave(p);
    return node;
}

Node *parse_named_expression(Parser *p) {
    const Token *start = p->t;
    if (!(at(p, T_NAME) && ahead(p) == T_WALRUS)) {
        Node *node = parse_expression(p);
        if (at(p, T_WALRUS))
            fail(p->c, node->span, "cannot use assignment expressions with %s", expression_words(node));
        return node;
    }
    Str id = parse_identifier(p);
    Node *target = NEW(p, Name, start->span, .id = id, .ctx = CTX_Store);
    next(p);
    Node *value = parse_expression(p);
    return NEW(p, NamedExpr, span_from(p, start), .target = target, .value = value);
}

static Node *parse_starred(Parser *p) {
    const Token *start = next(p);
    Node *value = parse_bitwise_or(p);
    return NEW(p, Starred, span_from(p, start), .value = value, .ctx = CTX_Load);
}

Node *parse_star_named_expression(Parser *p) {
    return at(p, T_STAR) ? parse_starred(p) : parse_named_expression(p);
}

Node *parse_star_expressions(Parser *p) {
    const Token *start = p->t;
    Node *first = at(p, T_STAR) ? parse_starred(p) : parse_expression(p);
    if (!at(p, T_COMMA))
        return first;
    List elts = {0};
    list_add(p, &elts, first);
    while (take(p, T_COMMA) && (at(p, T_STAR) || at_expression(p)))
        list_add(p, &elts, at(p, T_STAR) ? parse_starred(p) : parse_expression(p));
    return NEW(p, Tuple, span_from(p, start), .elts = nodes_of(elts), .ctx = CTX_Load);
}

static Node *parse_yield(Parser *p) {
    const Token *start = next(p);
    if (take(p, T_FROM)) {
        Node *value = parse_expression(p);
        return NEW(p, YieldFrom, span_from(p, start), .value = value);
    }
    Node *value = at(p, T_STAR) || at_expression(p) ? parse_star_expressions(p) : NULL;
    return NEW(p, Yield, span_from(p, start), .value = value);
}

Node *parse_yield_or_star_expressions(Parser *p) {
    return at(p, T_YIELD) ? parse_yield(p) : parse_star_expressions(p);
}
