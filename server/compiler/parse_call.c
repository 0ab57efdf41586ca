/* What stands between parentheses after a name: arguments of a call, parameters of a function; and type parameters. */
#include "server/compiler/parser.h"

/* ---- arguments ---- */

typedef struct Arguments {
    List args, keywords;
    bool unpacked; /* there was a **x */
    const Token *open;
} Arguments;

/* f(x for x in y): the argument is a generator expression with the call's own parentheses. */
static void add_generator(Parser *p, Arguments *a, Node *elt, bool is_class) {
    List generators = {0};
    parse_comprehension(p, &generators);
    if (a->args.len || a->keywords.len || !at(p, T_RPAR) || is_class)
        fail_node(p, elt, "Generator expression must be parenthesized");
    Span span = span_from(p, a->open);
    span.end_line = p->t->span.end_line;
    span.end_col = p->t->span.end_col;
    list_add(p, &a->args, NEW(p, GeneratorExp, span, .elt = elt, .generators = nodes_of(generators)));
}

static void add_unpacking(Parser *p, Arguments *a, bool is_class) {
    const Token *start = next(p);
    bool is_double = start->kind == T_POW;
    if (!is_double && a->unpacked)
        fail_token(p, start, "iterable argument unpacking follows keyword argument unpacking");
    Node *value = parse_expression(p);
    Span span = span_from(p, start);
    if (!is_double && at_for(p)) {
        add_generator(p, a, NEW(p, Starred, span, .value = value, .ctx = CTX_Load), is_class);
        return;
    }
    a->unpacked |= is_double;
    if (is_double)
        list_add(p, &a->keywords, NEW(p, keyword, span, .value = value));
    else
        list_add(p, &a->args, NEW(p, Starred, span, .value = value, .ctx = CTX_Load));
}

static void add_keyword(Parser *p, Arguments *a) {
    const Token *start = p->t;
    Str arg = parse_identifier(p);
    expect(p, T_EQUAL);
    Node *value = parse_expression(p);
    list_add(p, &a->keywords, NEW(p, keyword, span_from(p, start), .arg = arg, .value = value));
}

static void add_positional(Parser *p, Arguments *a, bool is_class) {
    const Token *start = p->t;
    Node *value = parse_named_expression(p);
    if (at(p, T_EQUAL))
        fail(p->c, span_from(p, start),
             value->kind == NODE_Constant ? "cannot assign to %s"
                                          : "expression cannot contain assignment, perhaps you meant \"==\"?%.0s",
             expression_words(value));
    if (at_for(p)) {
        add_generator(p, a, value, is_class);
        return;
    }
    if (a->keywords.len)
        fail_node(p, value,
                  a->unpacked ? "positional argument follows keyword argument unpacking"
                              : "positional argument follows keyword argument");
    list_add(p, &a->args, value);
}

Nodes parse_arguments(Parser *p, bool is_class, Nodes *ret_keywords) {
    Arguments a = {.open = p->t - 1};
    while (!at(p, T_RPAR)) {
        if (at(p, T_STAR) || at(p, T_POW))
            add_unpacking(p, &a, is_class);
        else if (at(p, T_NAME) && ahead(p) == T_EQUAL)
            add_keyword(p, &a);
        else
            add_positional(p, &a, is_class);
        if (!take(p, T_COMMA))
            break;
    }
    if (at_expression(p))
        fail_token(p, p->t, "invalid syntax. Perhaps you forgot a comma?");
    expect(p, T_RPAR);
    *ret_keywords = nodes_of(a.keywords);
    return nodes_of(a.args);
}

/* ---- parameters ---- */

typedef struct Params {
    List posonly, args, kwonly, kw_defaults, defaults;
    Node *vararg, *kwarg;
    bool slash, star;
    TokenKind end; /* T_COLON: a lambda, without annotations */
} Params;

static Node *parse_param(Parser *p, const Params *params, bool may_star) {
    const Token *start = p->t;
    Str name = parse_identifier(p);
    Node *annotation = NULL;
    if (params->end != T_COLON && take(p, T_COLON))
        annotation = may_star ? parse_star_named_expression(p) : parse_expression(p);
    return NEW(p, arg, span_from(p, start), .arg = name, .annotation = annotation);
}

static void add_slash(Parser *p, Params *params) {
    const Token *t = next(p);
    if (params->slash)
        fail_token(p, t, "/ may appear only once");
    if (params->star)
        fail_token(p, t, "/ must be ahead of *");
    if (!params->args.len)
        fail_token(p, t, "at least one argument must precede /");
    params->slash = true;
    params->posonly = params->args;
    params->args = (List){0};
}

static void add_star(Parser *p, Params *params) {
    const Token *t = next(p);
    if (params->star)
        fail_token(p, t, "* argument may appear only once");
    params->star = true;
    if (at(p, T_NAME))
        params->vararg = parse_param(p, params, true);
    else if (!at(p, T_COMMA) || ahead(p) != T_NAME)
        fail_token(p, t, "named arguments must follow bare *");
    if (at(p, T_EQUAL))
        fail_token(p, p->t, "var-positional argument cannot have default value");
}

static void add_double_star(Parser *p, Params *params) {
    next(p);
    params->kwarg = parse_param(p, params, false);
    if (at(p, T_EQUAL))
        fail_token(p, p->t, "var-keyword argument cannot have default value");
    if (at(p, T_COMMA) && ahead(p) != params->end)
        fail_token(p, p->t + 1, "arguments cannot follow var-keyword argument");
}

static void add_param(Parser *p, Params *params) {
    const Token *start = p->t;
    Node *param = parse_param(p, params, false);
    Node *value = take(p, T_EQUAL) ? parse_expression(p) : NULL;
    list_add(p, params->star ? &params->kwonly : &params->args, param);
    if (params->star)
        list_add(p, &params->kw_defaults, value);
    else if (value)
        list_add(p, &params->defaults, value);
    else if (params->defaults.len)
        fail_token(p, start, "parameter without a default follows parameter with a default");
}

Node *parse_params(Parser *p, TokenKind end) {
    const Token *start = p->t;
    Params a = {.end = end};
    while (!at(p, end)) {
        if (at(p, T_SLASH))
            add_slash(p, &a);
        else if (at(p, T_STAR))
            add_star(p, &a);
        else if (at(p, T_POW))
            add_double_star(p, &a);
        else
            add_param(p, &a);
        if (!take(p, T_COMMA))
            break;
    }
    return NEW(p, arguments, span_from(p, start), .posonlyargs = nodes_of(a.posonly), .args = nodes_of(a.args),
               .vararg = a.vararg, .kwonlyargs = nodes_of(a.kwonly), .kw_defaults = nodes_of(a.kw_defaults),
               .kwarg = a.kwarg, .defaults = nodes_of(a.defaults));
}

/* ---- type parameters ---- */

static Node *parse_type_param(Parser *p) {
    const Token *start = p->t;
    TokenKind sort = at(p, T_STAR) || at(p, T_POW) ? next(p)->kind : T_NAME;
    Str name = parse_identifier(p);
    if (sort != T_NAME && at(p, T_COLON))
        fail_token(p, p->t, sort == T_STAR ? "cannot use bound with TypeVarTuple" : "cannot use bound with ParamSpec");
    Node *bound = take(p, T_COLON) ? parse_expression(p) : NULL;
    Node *value = NULL;
    if (take(p, T_EQUAL))
        value = sort == T_STAR && at(p, T_STAR) ? parse_star_named_expression(p) : parse_expression(p);
    Span span = span_from(p, start);
    if (sort == T_STAR)
        return NEW(p, TypeVarTuple, span, .name = name, .default_value = value);
    if (sort == T_POW)
        return NEW(p, ParamSpec, span, .name = name, .default_value = value);
    return NEW(p, TypeVar, span, .name = name, .bound = bound, .default_value = value);
}

Nodes parse_type_params(Parser *p) {
    List params = {0};
    if (!take(p, T_LSQB))
        return nodes_of(params);
    if (at(p, T_RSQB))
        fail_token(p, p->t, "Type parameter list cannot be empty");
    do
        list_add(p, &params, parse_type_param(p));
    while (take(p, T_COMMA) && !at(p, T_RSQB));
    expect(p, T_RSQB);
    return nodes_of(params);
}
