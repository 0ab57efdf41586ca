/* Compound statements: those with a block. */
#include "server/compiler/parser.h"

/* ": block"; `what` and its line are for the message. */
static Nodes parse_block(Parser *p, const char *what, const Token *start) {
    List body = {0};
    if (!at(p, T_COLON))
        fail_token(p, p->t,
                   at_expression(p) || p->t->kind <= T_NEWLINE ? "expected ':'" : "invalid syntax: expected ':'");
    next(p);
    enter(p);
    if (!take(p, T_NEWLINE)) {
        parse_simple_statements(p, &body);
    } else {
        if (!at(p, T_INDENT))
            fail(p->c, p->t->span, "expected an indented block after %s on line %d", what, start->span.line);
        next(p);
        while (!at(p, T_DEDENT) && !at(p, T_END))
            parse_statement(p, &body);
        take(p, T_DEDENT);
    }
    leave(p);
    return nodes_of(body);
}

static Nodes parse_else(Parser *p) {
    const Token *start = p->t;
    return take(p, T_ELSE) ? parse_block(p, "'else' statement", start) : (Nodes){0};
}

static Node *parse_if(Parser *p) {
    const Token *start = next(p);
    Node *test = parse_named_expression(p);
    Nodes body = parse_block(p, start->kind == T_IF ? "'if' statement" : "'elif' statement", start), orelse;
    if (at(p, T_ELIF)) {
        List chained = {0};
        enter(p);
        list_add(p, &chained, parse_if(p));
        leave(p);
        orelse = nodes_of(chained);
    } else {
        orelse = parse_else(p);
    }
    return NEW(p, If, span_from(p, start), .test = test, .body = body, .orelse = orelse);
}

static Node *parse_while(Parser *p) {
    const Token *start = next(p);
    Node *test = parse_named_expression(p);
    Nodes body = parse_block(p, "'while' statement", start), orelse = parse_else(p);
    return NEW(p, While, span_from(p, start), .test = test, .body = body, .orelse = orelse);
}

static Node *parse_for(Parser *p, const Token *start, bool is_async) {
    next(p);
    Node *target = parse_target_list(p);
    expect(p, T_IN);
    Node *iter = parse_star_expressions(p);
    Nodes body = parse_block(p, "'for' statement", start), orelse = parse_else(p);
    Span span = span_from(p, start);
    if (is_async)
        return NEW(p, AsyncFor, span, .target = target, .iter = iter, .body = body, .orelse = orelse);
    return NEW(p, For, span, .target = target, .iter = iter, .body = body, .orelse = orelse);
}

/* ---- with ---- */

/* with (a as b, c): are these parentheses around the items? They are when a ":" follows them and when what they hold
 * can be items; else they belong to the first item's expression (a tuple with a star, a generator, a yield, a walrus).
 */
static bool items_in_parentheses(const Parser *p) {
    if (!at(p, T_LPAR) || ahead(p) == T_RPAR)
        return false;
    int depth = 0;
    for (const Token *t = p->t; t->kind != T_END; t++) {
        depth += t->kind == T_LPAR || t->kind == T_LSQB || t->kind == T_LBRACE;
        depth -= t->kind == T_RPAR || t->kind == T_RSQB || t->kind == T_RBRACE;
        if (depth == 0)
            return t[1].kind == T_COLON;
        bool begins = depth == 1 && (t == p->t || t->kind == T_COMMA);
        if (begins && (t[1].kind == T_STAR || t[1].kind == T_YIELD))
            return false;
        if (depth == 1 && (t->kind == T_WALRUS || t->kind == T_FOR))
            return false;
    }
    return false;
}

static Node *parse_with_item(Parser *p) {
    const Token *start = p->t;
    Node *context = parse_expression(p);
    Node *vars = take(p, T_AS) ? parse_target(p) : NULL;
    return NEW(p, withitem, span_from(p, start), .context_expr = context, .optional_vars = vars);
}

static Nodes parse_with_items(Parser *p) {
    List items = {0};
    bool parentheses = items_in_parentheses(p);
    if (parentheses)
        next(p);
    do {
        if (parentheses && items.len && at(p, T_RPAR))
            break;
        list_add(p, &items, parse_with_item(p));
    } while (take(p, T_COMMA));
    if (parentheses)
        expect(p, T_RPAR);
    return nodes_of(items);
}

static Node *parse_with(Parser *p, const Token *start, bool is_async) {
    next(p);
    Nodes items = parse_with_items(p), body = parse_block(p, "'with' statement", start);
    Span span = span_from(p, start);
    if (is_async)
        return NEW(p, AsyncWith, span, .items = items, .body = body);
    return NEW(p, With, span, .items = items, .body = body);
}

/* ---- try ---- */

/* except A, B: a tuple without parentheses. */
static Node *parse_bare_types(Parser *p, const Token *start, Node *first) {
    List types = {0};
    list_add(p, &types, first);
    while (take(p, T_COMMA) && at_expression(p))
        list_add(p, &types, parse_expression(p));
    return NEW(p, Tuple, span_from(p, start), .elts = nodes_of(types), .ctx = CTX_Load);
}

static Node *parse_handler(Parser *p, bool *ret_star) {
    const Token *start = next(p);
    *ret_star = take(p, T_STAR);
    Node *type = NULL;
    Str name = STR_NULL;
    if (!at(p, T_COLON)) {
        const Token *first = p->t;
        type = parse_expression(p);
        bool bare = at(p, T_COMMA);
        if (bare)
            type = parse_bare_types(p, first, type);
        if (bare && at(p, T_AS))
            fail_node(p, type, "multiple exception types must be parenthesized when using 'as'");
        if (take(p, T_AS))
            name = parse_identifier(p);
    } else if (*ret_star) {
        fail_token(p, p->t, "expected one or more exception types");
    }
    Nodes body = parse_block(p, *ret_star ? "'except*' statement" : "'except' statement", start);
    return NEW(p, ExceptHandler, span_from(p, start), .type = type, .name = name, .body = body);
}

static Node *parse_try(Parser *p) {
    const Token *start = next(p);
    Nodes body = parse_block(p, "'try' statement", start), orelse = {0}, finalbody = {0};
    List handlers = {0};
    bool stars = false, star;
    while (at(p, T_EXCEPT)) {
        const Token *t = p->t;
        list_add(p, &handlers, parse_handler(p, &star));
        if (handlers.len > 1 && star != stars)
            fail_token(p, t, "cannot have both 'except' and 'except*' on the same 'try'");
        stars = star;
    }
    if (handlers.len)
        orelse = parse_else(p);
    const Token *last = p->t;
    if (take(p, T_FINALLY))
        finalbody = parse_block(p, "'finally' statement", last);
    else if (!handlers.len)
        fail_token(p, p->t, "expected 'except' or 'finally' block");
    Span span = span_from(p, start);
    if (stars)
        return NEW(p, TryStar, span, .body = body, .handlers = nodes_of(handlers), .orelse = orelse,
                   .finalbody = finalbody);
    return NEW(p, Try, span, .body = body, .handlers = nodes_of(handlers), .orelse = orelse, .finalbody = finalbody);
}

/* ---- match ---- */

/* A name "match" begins a match statement when its line ends in ":" and a block follows: no simple statement does that.
 */
static bool at_match(const Parser *p) {
    if (!at_word(p, "match"))
        return false;
    const Token *t = p->t;
    while (t->kind != T_NEWLINE && t->kind != T_END)
        t++;
    return t->kind == T_NEWLINE && t - p->t > 2 && t[-1].kind == T_COLON && t[1].kind == T_INDENT &&
           is_word(p, t + 2, "case");
}

static Node *parse_subject(Parser *p) {
    const Token *start = p->t;
    Node *first = parse_star_named_expression(p);
    if (!at(p, T_COMMA)) {
        if (first->kind == NODE_Starred)
            fail_node(p, first, "cannot use starred expression here");
        return first;
    }
    List elts = {0};
    list_add(p, &elts, first);
    while (take(p, T_COMMA) && !at(p, T_COLON))
        list_add(p, &elts, parse_star_named_expression(p));
    return NEW(p, Tuple, span_from(p, start), .elts = nodes_of(elts), .ctx = CTX_Load);
}

static Node *parse_case(Parser *p) {
    const Token *start = p->t;
    if (!at_word(p, "case"))
        fail_here(p);
    next(p);
    Node *pattern = parse_patterns(p);
    Node *guard = take(p, T_IF) ? parse_named_expression(p) : NULL;
    Nodes body = parse_block(p, "'case' statement", start);
    return NEW(p, match_case, span_from(p, start), .pattern = pattern, .guard = guard, .body = body);
}

static Node *parse_match(Parser *p) {
    const Token *start = next(p);
    Node *subject = parse_subject(p);
    List cases = {0};
    expect(p, T_COLON);
    expect(p, T_NEWLINE);
    expect(p, T_INDENT);
    enter(p);
    while (!at(p, T_DEDENT) && !at(p, T_END))
        list_add(p, &cases, parse_case(p));
    leave(p);
    take(p, T_DEDENT);
    return NEW(p, Match, span_from(p, start), .subject = subject, .cases = nodes_of(cases));
}

/* ---- definitions ---- */

static Node *parse_def(Parser *p, const Token *start, Nodes decorators, bool is_async) {
    next(p);
    Str name = parse_identifier(p);
    Nodes type_params = parse_type_params(p);
    if (!at(p, T_LPAR))
        fail_token(p, p->t, "expected '('");
    next(p);
    Node *args = parse_params(p, T_RPAR);
    expect(p, T_RPAR);
    Node *returns = take(p, T_ARROW) ? parse_expression(p) : NULL;
    Nodes body = parse_block(p, "function definition", start);
    Node *node = NEW(p, FunctionDef, span_from(p, start), .name = name, .args = args, .body = body,
                     .decorator_list = decorators, .returns = returns, .type_params = type_params);
    if (is_async) {
        node->kind = NODE_AsyncFunctionDef;
        node->AsyncFunctionDef = (NodeAsyncFunctionDef){.name = name,
                                                        .args = args,
                                                        .body = body,
                                                        .decorator_list = decorators,
                                                        .returns = returns,
                                                        .type_params = type_params};
    }
    return node;
}

static Node *parse_class(Parser *p, Nodes decorators) {
    const Token *start = next(p);
    Str name = parse_identifier(p);
    Nodes type_params = parse_type_params(p), bases = {0}, keywords = {0};
    if (take(p, T_LPAR))
        bases = parse_arguments(p, true, &keywords);
    Nodes body = parse_block(p, "class definition", start);
    return NEW(p, ClassDef, span_from(p, start), .name = name, .bases = bases, .keywords = keywords, .body = body,
               .decorator_list = decorators, .type_params = type_params);
}

Node *parse_decorated(Parser *p) {
    List decorators = {0};
    while (take(p, T_AT)) {
        list_add(p, &decorators, parse_named_expression(p));
        expect(p, T_NEWLINE);
    }
    const Token *start = p->t;
    if (at(p, T_CLASS))
        return parse_class(p, nodes_of(decorators));
    bool is_async = at(p, T_ASYNC) && ahead(p) == T_DEF && take(p, T_ASYNC);
    if (!at(p, T_DEF))
        fail_here(p);
    return parse_def(p, start, nodes_of(decorators), is_async);
}

/* ---- all ---- */

static Node *parse_async(Parser *p) {
    const Token *start = p->t;
    if (ahead(p) == T_DEF)
        return parse_decorated(p);
    next(p);
    if (at(p, T_FOR))
        return parse_for(p, start, true);
    if (at(p, T_WITH))
        return parse_with(p, start, true);
    fail_here(p);
}

static Node *parse_compound_statement(Parser *p) {
    switch (p->t->kind) {
    case T_IF:
        return parse_if(p);
    case T_WHILE:
        return parse_while(p);
    case T_FOR:
        return parse_for(p, p->t, false);
    case T_WITH:
        return parse_with(p, p->t, false);
    case T_TRY:
        return parse_try(p);
    case T_DEF:
    case T_CLASS:
    case T_AT:
        return parse_decorated(p);
    case T_ASYNC:
        return parse_async(p);
    case T_NAME:
        return at_match(p) ? parse_match(p) : NULL;
    default:
        return NULL;
    }
}

void parse_statement(Parser *p, List *body) {
    Node *node = parse_compound_statement(p);
    if (node)
        list_add(p, body, node);
    else
        parse_simple_statements(p, body);
}
