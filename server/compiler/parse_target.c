/* Targets: what may be assigned to, bound by a loop, or deleted. They are read as expressions and then turned. */
#include "server/compiler/parser.h"

static const char *constant_words(const Const *c) {
    switch (c->kind) {
    case CONST_NONE:
        return "None";
    case CONST_TRUE:
        return "True";
    case CONST_FALSE:
        return "False";
    case CONST_ELLIPSIS:
        return "ellipsis";
    default:
        return "literal";
    }
}

const char *expression_words(const Node *node) {
    static const char *const words[N_NODE_KINDS] = {
        [NODE_Attribute] = "attribute",
        [NODE_Subscript] = "subscript",
        [NODE_Starred] = "starred",
        [NODE_Name] = "name",
        [NODE_List] = "list",
        [NODE_Tuple] = "tuple",
        [NODE_Lambda] = "lambda",
        [NODE_Call] = "function call",
        [NODE_BoolOp] = "expression",
        [NODE_BinOp] = "expression",
        [NODE_UnaryOp] = "expression",
        [NODE_GeneratorExp] = "generator expression",
        [NODE_Yield] = "yield expression",
        [NODE_YieldFrom] = "yield expression",
        [NODE_Await] = "await expression",
        [NODE_ListComp] = "list comprehension",
        [NODE_SetComp] = "set comprehension",
        [NODE_DictComp] = "dict comprehension",
        [NODE_Dict] = "dict literal",
        [NODE_Set] = "set display",
        [NODE_JoinedStr] = "f-string expression",
        [NODE_FormattedValue] = "f-string expression",
        [NODE_TemplateStr] = "t-string expression",
        [NODE_Interpolation] = "t-string expression",
        [NODE_Compare] = "comparison",
        [NODE_IfExp] = "conditional expression",
        [NODE_NamedExpr] = "named expression",
    };
    if (node->kind == NODE_Constant)
        return constant_words(&node->Constant.value);
    return words[node->kind] ? words[node->kind] : node_kind_name(node->kind);
}

bool is_parenthesised(const Node *node, const Token *start) {
    return start->kind == T_LPAR && (node->span.line != start->span.line || node->span.col != start->span.col);
}

static void set_context(Parser *p, Node *node, ExprContext ctx, const char *error_form) {
    switch (node->kind) {
    case NODE_Name:
        node->Name.ctx = ctx;
        return;
    case NODE_Attribute:
        node->Attribute.ctx = ctx;
        return;
    case NODE_Subscript:
        node->Subscript.ctx = ctx;
        return;
    case NODE_Starred:
        if (ctx == CTX_Del)
            break;
        node->Starred.ctx = ctx;
        set_context(p, node->Starred.value, ctx, error_form);
        return;
    case NODE_List:
    case NODE_Tuple: {
        Nodes elts = node->kind == NODE_List ? node->List.elts : node->Tuple.elts;
        *(node->kind == NODE_List ? &node->List.ctx : &node->Tuple.ctx) = ctx;
        for (size_t i = 0; i < elts.len; i++)
            set_context(p, elts.at[i], ctx, error_form);
        return;
    }
    default:
        break;
    }
    fail(p->c, node->span, "cannot %s %s", error_form, expression_words(node));
}

void make_target(Parser *p, Node *node, const char *error_form) {
    set_context(p, node, CTX_Store, error_form);
}

static Node *parse_star_target(Parser *p) {
    return at(p, T_STAR) ? parse_star_named_expression(p) : parse_bitwise_or(p);
}

Node *parse_target_list(Parser *p) {
    const Token *start = p->t;
    Node *target = parse_star_target(p);
    if (at(p, T_COMMA)) {
        List elts = {0};
        list_add(p, &elts, target);
        while (take(p, T_COMMA) && (at(p, T_STAR) || at_expression(p)))
            list_add(p, &elts, parse_star_target(p));
        target = NEW(p, Tuple, span_from(p, start), .elts = nodes_of(elts));
    }
    make_target(p, target, "assign to");
    return target;
}

Node *parse_target(Parser *p) {
    Node *target = parse_star_target(p);
    make_target(p, target, "assign to");
    return target;
}

Nodes parse_del_targets(Parser *p) {
    List targets = {0};
    do {
        Node *target = parse_bitwise_or(p);
        set_context(p, target, CTX_Del, "delete");
        list_add(p, &targets, target);
    } while (take(p, T_COMMA) && at_expression(p));
    return nodes_of(targets);
}
