/* The syntax tree: one tagged node type, generated from nodes.def. Nodes live in the compilation's pool and are never
 * changed after parsing; later stages keep their facts in side tables indexed by Node.id. */
#pragma once
#include "base/pool.h"

typedef enum NodeKind {
#define NODE(kind, fields) NODE_##kind,
#include "server/compiler/nodes.def"
#undef NODE
    N_NODE_KINDS,
} NodeKind;

typedef enum Operator {
    OP_Add,
    OP_Sub,
    OP_Mult,
    OP_MatMult,
    OP_Div,
    OP_Mod,
    OP_Pow,
    OP_LShift,
    OP_RShift,
    OP_BitOr,
    OP_BitXor,
    OP_BitAnd,
    OP_FloorDiv,
    OP_And,
    OP_Or, /* BoolOp */
    OP_Invert,
    OP_Not,
    OP_UAdd,
    OP_USub, /* UnaryOp */
    OP_Eq,
    OP_NotEq,
    OP_Lt,
    OP_LtE,
    OP_Gt,
    OP_GtE,
    OP_Is,
    OP_IsNot,
    OP_In,
    OP_NotIn, /* Compare */
} Operator;

typedef enum ExprContext { CTX_Load, CTX_Store, CTX_Del } ExprContext;

typedef enum ConstKind {
    CONST_NONE,
    CONST_TRUE,
    CONST_FALSE,
    CONST_ELLIPSIS,
    CONST_INT,
    CONST_FLOAT,
    CONST_COMPLEX,
    CONST_STR,
    CONST_BYTES
} ConstKind;

typedef struct Const {
    ConstKind kind;
    bool big;  /* CONST_INT that does not fit in int64_t: `digits` has its hexadecimal value without prefix */
    int64_t i; /* CONST_INT */
    double f;  /* CONST_FLOAT; the imaginary part of CONST_COMPLEX */
    Str s;     /* CONST_STR (UTF-8, lone surrogates as WTF-8), CONST_BYTES */
    Str digits;
} Const;

typedef struct Node Node;

typedef struct Nodes {
    Node **at;
    size_t len;
} Nodes;

typedef struct Strs {
    Str *at;
    size_t len;
} Strs;

typedef struct Ops {
    Operator *at;
    size_t len;
} Ops;

/* line is 1-based in the file; col is 0-based, in bytes of the line, as in CPython. Exclusive end. */
typedef struct Span {
    int line, col, end_line, end_col;
} Span;

#define N(name) Node *name;
#define O(name) Node *name;
#define L(name) Nodes name;
#define S(name) Str name;
#define Q(name) Str name;
#define I(name) int name;
#define P(name) Operator name;
#define PL(name) Ops name;
#define C(name) Const name;
#define SL(name) Strs name;
#define X(name) ExprContext name;
#define NODE(kind, fields)                                                                                             \
    typedef struct Node##kind {                                                                                        \
        char unused_[0];                                                                                               \
        fields                                                                                                         \
    } Node##kind;
#include "server/compiler/nodes.def"
#undef NODE
#undef N
#undef O
#undef L
#undef S
#undef Q
#undef I
#undef P
#undef PL
#undef C
#undef SL
#undef X

struct Node {
    NodeKind kind;
    uint32_t id; /* dense, 0-based in its tree: the index of side tables */
    Span span;
    union {
#define NODE(kind, fields) Node##kind kind;
#include "server/compiler/nodes.def"
#undef NODE
    };
};

const char *node_kind_name(NodeKind kind); /* CPython's class name */
const char *operator_name(Operator op);    /* CPython's class name: "Add" */
const char *operator_text(Operator op);    /* as written: "+" */

const Nodes *node_generators(const Node *n); /* of a comprehension; else NULL */
const Nodes *node_elts(const Node *n);       /* of a Tuple, List or Set; else NULL */

/* Calls visit(arg, field's name, child) for every child in CPython's order of fields; absent ones are left out, empty places in
 * lists come as NULL. */
typedef void (*NodeVisit)(void *arg, const char *field, const Node *child);
void node_each_child(const Node *node, NodeVisit visit, void *arg);

/* Its nodes, each `finally` as often as there are ways out of its try (copies.c). */
uint64_t node_count_with_copies(const Node *function);
