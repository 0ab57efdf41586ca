/* Simple statements: those of one line. */
#include "server/compiler/parser.h"

/* ---- assignments ---- */

static bool augmented(TokenKind kind, Operator *ret_op) {
    static const struct {
        TokenKind kind;
        Operator op;
    } table[] = {
        {T_PLUS_EQ, OP_Add},      {T_MINUS_EQ, OP_Sub},     {T_STAR_EQ, OP_Mult}, {T_SLASH_EQ, OP_Div},
        {T_PERCENT_EQ, OP_Mod},   {T_AMPER_EQ, OP_BitAnd},  {T_BAR_EQ, OP_BitOr}, {T_CARET_EQ, OP_BitXor},
        {T_LSHIFT_EQ, OP_LShift}, {T_RSHIFT_EQ, OP_RShift}, {T_POW_EQ, OP_Pow},   {T_FLOORDIV_EQ, OP_FloorDiv},
        {T_AT_EQ, OP_MatMult},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].kind == kind) {
            *ret_op = table[i].op;
            return true;
        }
    return false;
}

static bool is_single_target(const Node *node) {
    return node->kind == NODE_Name || node->kind == NODE_Attribute || node->kind == NODE_Subscript;
}

static Node *parse_augmented(Parser *p, const Token *start, Node *target, Operator op) {
    if (!is_single_target(target))
        fail(p->c, target->span, "'%s' is an illegal expression for augmented assignment", expression_words(target));
    next(p);
    make_target(p, target, "assign to");
    Node *value = parse_yield_or_star_expressions(p);
    return NEW(p, AugAssign, span_from(p, start), .target = target, .op = op, .value = value);
}

static Node *parse_annotated(Parser *p, const Token *start, Node *target) {
    if (target->kind == NODE_Tuple || target->kind == NODE_List)
        fail(p->c, target->span, "only single target (not %s) can be annotated", expression_words(target));
    if (!is_single_target(target))
        fail_node(p, target, "illegal target for annotation");
    next(p);
    make_target(p, target, "assign to");
    Node *annotation = parse_expression(p);
    Node *value = take(p, T_EQUAL) ? parse_yield_or_star_expressions(p) : NULL;
    bool simple = target->kind == NODE_Name && !is_parenthesised(target, start);
    return NEW(p, AnnAssign, span_from(p, start), .target = target, .annotation = annotation, .value = value,
               .simple = simple);
}

static Node *parse_assign(Parser *p, const Token *start, Node *first) {
    List targets = {0};
    Node *value = first;
    while (take(p, T_EQUAL)) {
        if (value->kind == NODE_Yield || value->kind == NODE_YieldFrom)
            fail_node(p, value, "assignment to yield expression not possible");
        make_target(p, value, "assign to");
        list_add(p, &targets, value);
        value = parse_yield_or_star_expressions(p);
    }
    return NEW(p, Assign, span_from(p, start), .targets = nodes_of(targets), .value = value);
}

static void check_old_print(Parser *p, const Node *node) {
    if (node->kind == NODE_Name && (str_eq_c(node->Name.id, "print") || str_eq_c(node->Name.id, "exec")) &&
        at_expression(p))
        fail(p->c, node->span, "Missing parentheses in call to '%.*s'. Did you mean %.*s(...)?", STR_FMT(node->Name.id),
             STR_FMT(node->Name.id));
}

static Node *parse_expression_statement(Parser *p) {
    const Token *start = p->t;
    Node *first = parse_yield_or_star_expressions(p);
    Operator op;
    if (at(p, T_EQUAL))
        return parse_assign(p, start, first);
    if (at(p, T_COLON))
        return parse_annotated(p, start, first);
    if (augmented(p->t->kind, &op))
        return parse_augmented(p, start, first, op);
    check_old_print(p, first);
    return NEW(p, Expr, span_from(p, start), .value = first);
}

/* ---- imports ---- */

/* a.b.c as one identifier */
static Str parse_module_name(Parser *p) {
    Str name = parse_identifier(p);
    while (take(p, T_DOT)) {
        Str part = parse_identifier(p);
        name = pool_printf(p->c->pool, "%.*s.%.*s", STR_FMT(name), STR_FMT(part));
    }
    return name;
}

static Node *parse_alias(Parser *p, bool dotted) {
    const Token *start = p->t;
    Str name = dotted ? parse_module_name(p) : parse_identifier(p);
    Str asname = take(p, T_AS) ? parse_identifier(p) : STR_NULL;
    return NEW(p, alias, span_from(p, start), .name = name, .asname = asname);
}

/* The word lazy before an import. */
static bool take_lazy(Parser *p) {
    bool lazy = at_word(p, "lazy");
    if (lazy)
        next(p);
    return lazy;
}

static Node *parse_import(Parser *p) {
    const Token *start = p->t;
    bool lazy = take_lazy(p);
    next(p);
    List names = {0};
    do
        list_add(p, &names, parse_alias(p, true));
    while (take(p, T_COMMA));
    return NEW(p, Import, span_from(p, start), .names = nodes_of(names), .is_lazy = lazy);
}

static Nodes parse_imported_names(Parser *p) {
    List names = {0};
    const Token *star = p->t;
    if (take(p, T_STAR)) {
        list_add(p, &names, NEW(p, alias, star->span, .name = STR("*")));
        return nodes_of(names);
    }
    bool parentheses = take(p, T_LPAR);
    do {
        if (parentheses && names.len && at(p, T_RPAR))
            break;
        if (!parentheses && names.len && at(p, T_NEWLINE))
            fail_token(p, p->t, "trailing comma not allowed without surrounding parentheses");
        list_add(p, &names, parse_alias(p, false));
    } while (take(p, T_COMMA));
    if (parentheses)
        expect(p, T_RPAR);
    return nodes_of(names);
}

static Node *parse_import_from(Parser *p) {
    const Token *start = p->t;
    bool lazy = take_lazy(p);
    next(p);
    int level = 0;
    for (; at(p, T_DOT) || at(p, T_ELLIPSIS); next(p))
        level += at(p, T_DOT) ? 1 : 3;
    Str module = level && at(p, T_IMPORT) ? STR_NULL : parse_module_name(p);
    if (lazy && !level && str_eq_c(module, "__future__"))
        fail(p->c, span_from(p, start), "lazy from __future__ import is not allowed");
    expect(p, T_IMPORT);
    Nodes names = parse_imported_names(p);
    return NEW(p, ImportFrom, span_from(p, start), .module = module, .names = names, .level = level, .is_lazy = lazy);
}

/* ---- one word and its operands ---- */

static Node *parse_return(Parser *p) {
    const Token *start = next(p);
    Node *value = at(p, T_STAR) || at_expression(p) ? parse_star_expressions(p) : NULL;
    return NEW(p, Return, span_from(p, start), .value = value);
}

static Node *parse_raise(Parser *p) {
    const Token *start = next(p);
    Node *exc = at_expression(p) ? parse_expression(p) : NULL;
    Node *cause = exc && take(p, T_FROM) ? parse_expression(p) : NULL;
    return NEW(p, Raise, span_from(p, start), .exc = exc, .cause = cause);
}

static Node *parse_assert(Parser *p) {
    const Token *start = next(p);
    Node *test = parse_expression(p);
    Node *msg = take(p, T_COMMA) ? parse_expression(p) : NULL;
    return NEW(p, Assert, span_from(p, start), .test = test, .msg = msg);
}

static Node *parse_del(Parser *p) {
    const Token *start = next(p);
    Nodes targets = parse_del_targets(p);
    return NEW(p, Delete, span_from(p, start), .targets = targets);
}

static Node *parse_scope(Parser *p) {
    const Token *start = next(p);
    NameList names = {0};
    do
        names_add(p, &names, parse_identifier(p));
    while (take(p, T_COMMA));
    if (start->kind == T_GLOBAL)
        return NEW(p, Global, span_from(p, start), .names = names_of(names));
    return NEW(p, Nonlocal, span_from(p, start), .names = names_of(names));
}

static Node *parse_type_alias(Parser *p) {
    const Token *start = next(p), *id_token = p->t;
    Str id = parse_identifier(p);
    Node *name = NEW(p, Name, id_token->span, .id = id, .ctx = CTX_Store);
    Nodes type_params = parse_type_params(p);
    expect(p, T_EQUAL);
    Node *value = parse_expression(p);
    return NEW(p, TypeAlias, span_from(p, start), .name = name, .type_params = type_params, .value = value);
}

static Node *parse_simple_statement(Parser *p) {
    const Token *t = p->t;
    switch (t->kind) {
    case T_RETURN:
        return parse_return(p);
    case T_RAISE:
        return parse_raise(p);
    case T_ASSERT:
        return parse_assert(p);
    case T_DEL:
        return parse_del(p);
    case T_GLOBAL:
    case T_NONLOCAL:
        return parse_scope(p);
    case T_IMPORT:
        return parse_import(p);
    case T_FROM:
        return parse_import_from(p);
    case T_PASS:
        next(p);
        return node_new(p, NODE_Pass, t->span);
    case T_BREAK:
        next(p);
        return node_new(p, NODE_Break, t->span);
    case T_CONTINUE:
        next(p);
        return node_new(p, NODE_Continue, t->span);
    default:
        if (at_word(p, "lazy") && (ahead(p) == T_IMPORT || ahead(p) == T_FROM))
            return ahead(p) == T_IMPORT ? parse_import(p) : parse_import_from(p);
        return at_word(p, "type") && ahead(p) == T_NAME ? parse_type_alias(p) : parse_expression_statement(p);
    }
}

void parse_simple_statements(Parser *p, List *body) {
    do
        list_add(p, body, parse_simple_statement(p));
    while (take(p, T_SEMICOLON) && !at(p, T_NEWLINE));
    if (!take(p, T_NEWLINE))
        fail_here(p);
}
