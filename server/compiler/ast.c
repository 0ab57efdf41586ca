/* Names of the syntax tree's kinds and operators, and a walk over any node's children, all from nodes.def. */
#include "server/compiler/ast.h"

const char *node_kind_name(NodeKind kind) {
    static const char *const names[] = {
#define NODE(kind, fields) #kind,
#include "server/compiler/nodes.def"
#undef NODE
    };
    return (unsigned)kind < N_NODE_KINDS ? names[kind] : "?";
}

static const struct {
    const char *name, *text;
} operators[] = {
    [OP_Add] = {"Add", "+"},
    [OP_Sub] = {"Sub", "-"},
    [OP_Mult] = {"Mult", "*"},
    [OP_MatMult] = {"MatMult", "@"},
    [OP_Div] = {"Div", "/"},
    [OP_Mod] = {"Mod", "%"},
    [OP_Pow] = {"Pow", "**"},
    [OP_LShift] = {"LShift", "<<"},
    [OP_RShift] = {"RShift", ">>"},
    [OP_BitOr] = {"BitOr", "|"},
    [OP_BitXor] = {"BitXor", "^"},
    [OP_BitAnd] = {"BitAnd", "&"},
    [OP_FloorDiv] = {"FloorDiv", "//"},
    [OP_And] = {"And", "and"},
    [OP_Or] = {"Or", "or"},
    [OP_Invert] = {"Invert", "~"},
    [OP_Not] = {"Not", "not"},
    [OP_UAdd] = {"UAdd", "+"},
    [OP_USub] = {"USub", "-"},
    [OP_Eq] = {"Eq", "=="},
    [OP_NotEq] = {"NotEq", "!="},
    [OP_Lt] = {"Lt", "<"},
    [OP_LtE] = {"LtE", "<="},
    [OP_Gt] = {"Gt", ">"},
    [OP_GtE] = {"GtE", ">="},
    [OP_Is] = {"Is", "is"},
    [OP_IsNot] = {"IsNot", "is not"},
    [OP_In] = {"In", "in"},
    [OP_NotIn] = {"NotIn", "not in"},
};

const char *operator_name(Operator op) {
    return operators[op].name;
}

const Nodes *node_generators(const Node *n) {
    switch (n->kind) {
    case NODE_ListComp:
        return &n->ListComp.generators;
    case NODE_SetComp:
        return &n->SetComp.generators;
    case NODE_DictComp:
        return &n->DictComp.generators;
    case NODE_GeneratorExp:
        return &n->GeneratorExp.generators;
    default:
        return NULL;
    }
}

const Nodes *node_elts(const Node *n) {
    return n->kind == NODE_Tuple  ? &n->Tuple.elts
           : n->kind == NODE_List ? &n->List.elts
           : n->kind == NODE_Set  ? &n->Set.elts
                                  : NULL;
}

const char *operator_text(Operator op) {
    return operators[op].text;
}

static void each_of(Nodes list, const char *field, NodeVisit visit, void *arg) {
    for (size_t i = 0; i < list.len; i++)
        visit(arg, field, list.at[i]);
}

void node_each_child(const Node *node, NodeVisit visit, void *arg) {
    switch (node->kind) {
#define N(name) visit(arg, #name, n->name);
#define O(name)                                                                                                        \
    if (n->name)                                                                                                       \
        visit(arg, #name, n->name);
#define L(name) each_of(n->name, #name, visit, arg);
#define S(name)
#define Q(name)
#define I(name)
#define P(name)
#define PL(name)
#define C(name)
#define SL(name)
#define X(name)
#define NODE(kind, fields)                                                                                             \
    case NODE_##kind: {                                                                                                \
        const Node##kind *n = &node->kind;                                                                             \
        (void)n;                                                                                                       \
        fields                                                                                                         \
    } break;
#include "server/compiler/nodes.def"
    case N_NODE_KINDS:
        break;
    }
}
