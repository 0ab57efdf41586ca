/* ast_dump(): the tree as text, generated from nodes.def; the form is described in dump.h. */
#include "server/compiler/dump.h"
#include "server/compiler/out.h"
#include "server/compiler/utf8.h"

typedef struct Dump {
    Out out;
    size_t depth;
} Dump;

static void dump_code(Out *o, uint32_t code) {
    static const char escapes[] = "\"\"\\\\\nn\rr\tt\bb\ff";
    for (const char *e = escapes; *e; e += 2)
        if (code == (unsigned char)*e) {
            out_char(o, '\\');
            out_char(o, e[1]);
            return;
        }
    if (code >= ' ' && code < 0x7f)
        out_char(o, (char)code);
    else if (code < 0x10000)
        out_printf(o, "\\u%04x", code);
    else
        out_printf(o, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
}

static void dump_string(Out *o, Str s, bool bytes) {
    out_cstr(o, bytes ? "b\"" : "\"");
    for (size_t at = 0, len = 1; at < s.len; at += len) {
        uint32_t code = (unsigned char)s.ptr[at];
        dump_code(o, bytes ? code : utf8_next(str_slice(s, at, s.len), &len));
    }
    out_char(o, '"');
}

static void dump_const(Out *o, const Const *c) {
    static const char *const words[] = {
        [CONST_NONE] = "None", [CONST_TRUE] = "True", [CONST_FALSE] = "False", [CONST_ELLIPSIS] = "..."};
    switch (c->kind) {
    case CONST_NONE:
    case CONST_TRUE:
    case CONST_FALSE:
    case CONST_ELLIPSIS:
        out_cstr(o, words[c->kind]);
        break;
    case CONST_INT:
        if (c->big) {
            out_cstr(o, "0x");
            out_str(o, c->digits);
        } else {
            out_printf(o, "0x%llx", (unsigned long long)c->i);
        }
        break;
    case CONST_FLOAT:
        out_printf(o, "float %.17g", c->f);
        break;
    case CONST_COMPLEX:
        out_printf(o, "complex %.17g", c->f);
        break;
    case CONST_STR:
    case CONST_BYTES:
        dump_string(o, c->s, c->kind == CONST_BYTES);
        break;
    }
}

static void dump_operators(Out *o, const char *name, Ops ops) {
    out_printf(o, " %s=", name);
    for (size_t i = 0; i < ops.len; i++) {
        if (i)
            out_char(o, ',');
        out_cstr(o, operator_name(ops.at[i]));
    }
}

static void dump_names(Out *o, const char *name, Strs names) {
    out_printf(o, " %s=", name);
    for (size_t i = 0; i < names.len; i++) {
        if (i)
            out_char(o, ',');
        out_str(o, names.at[i]);
    }
}

static void dump_name(Out *o, const char *field, Str name) {
    if (!name.ptr)
        return;
    out_printf(o, " %s=", field);
    out_str(o, name);
}

static void dump_scalars(Out *o, const Node *node) {
    static const char *const contexts[] = {[CTX_Load] = "Load", [CTX_Store] = "Store", [CTX_Del] = "Del"};
    switch (node->kind) {
#define N(name)
#define O(name)
#define L(name)
#define S(name) dump_name(o, #name, n->name);
#define Q(name) dump_name(o, #name, n->name);
#define I(name) out_printf(o, " " #name "=%d", n->name);
#define P(name) out_printf(o, " " #name "=%s", operator_name(n->name));
#define PL(name) dump_operators(o, #name, n->name);
#define C(name)                                                                                                        \
    out_cstr(o, " " #name "=");                                                                                        \
    dump_const(o, &n->name);
#define SL(name) dump_names(o, #name, n->name);
#define X(name) out_printf(o, " " #name "=%s", contexts[n->name]);
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

/* The kinds that have no position in CPython (ours have one, for messages). */
static bool has_position(NodeKind kind) {
    return kind != NODE_Module && kind != NODE_Expression && kind != NODE_comprehension && kind != NODE_arguments &&
           kind != NODE_withitem && kind != NODE_match_case;
}

static void dump_node(void *arg, const char *field, const Node *node) {
    Dump *d = arg;
    out_fill(&d->out, ' ', d->depth);
    out_cstr(&d->out, field);
    if (*field)
        out_char(&d->out, ' ');
    if (!node) {
        out_cstr(&d->out, "None\n");
        return;
    }
    out_cstr(&d->out, node_kind_name(node->kind));
    if (has_position(node->kind))
        out_printf(&d->out, " %d:%d-%d:%d", node->span.line, node->span.col, node->span.end_line, node->span.end_col);
    dump_scalars(&d->out, node);
    out_char(&d->out, '\n');
    d->depth++;
    node_each_child(node, dump_node, d);
    d->depth--;
}

Str ast_dump(Pool *pool, const Node *root) {
    Dump d = {.out = {.pool = pool}};
    dump_node(&d, "", root);
    return out_text(&d.out);
}
