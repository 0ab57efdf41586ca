/* What a part of a function does to the function's locals. Needs: Bound. */
#include "server/compiler/region.h"

const char *const region_kinds[] = {"none", "value", "test", "statement", "box", "rest", "operation"};

typedef struct Scan {
    const Bound *bound;
    RegionNames *names;
    unsigned loops; /* that the part at hand is in, and the region around it not */
} Scan;

static void scan(Scan *s, const Node *n);

static void scan_child(void *arg, const char *field, const Node *n) {
    (void)field;
    if (n)
        scan(arg, n);
}

static void scan_all(Scan *s, Nodes nodes) {
    for (size_t i = 0; i < nodes.len; i++)
        scan(s, nodes.at[i]);
}

static void note_name(const Scan *s, const Node *n, uint32_t local) {
    bool is_store = n->kind != NODE_Name || n->Name.ctx == CTX_Store;
    bool is_del = n->kind == NODE_ExceptHandler || (n->kind == NODE_Name && n->Name.ctx == CTX_Del);
    if (is_del)
        s->names->deletes[local] = true;
    if (is_store || is_del)
        s->names->writes[local] = true;
    if (n->kind == NODE_Name && !is_store)
        s->names->reads[local] = true;
}

/* An annotation of a local is not evaluated. */
static void scan_annotated(Scan *s, const Node *n) {
    scan(s, n->AnnAssign.target);
    if (n->AnnAssign.value)
        scan(s, n->AnnAssign.value);
}

static void scan_loop(Scan *s, const Node *n) {
    bool is_for = n->kind == NODE_For;
    if (is_for) {
        scan(s, n->For.target);
        scan(s, n->For.iter);
    } else {
        scan(s, n->While.test);
    }
    s->loops++;
    scan_all(s, is_for ? n->For.body : n->While.body);
    s->loops--;
    scan_all(s, is_for ? n->For.orelse : n->While.orelse);
}

static bool is_singleton(const Node *n) {
    ConstKind kind = n->kind == NODE_Constant ? n->Constant.value.kind : CONST_INT;
    return kind == CONST_NONE || kind == CONST_TRUE || kind == CONST_FALSE || kind == CONST_ELLIPSIS;
}

static void note_same(const Scan *s, const Node *n, const Node *other) {
    const Binding *b = &s->bound->binding[n->id];
    if (n->kind == NODE_Name && b->kind == BIND_LOCAL && !s->bound->hidden[b->local] && !is_singleton(other))
        s->names->same[b->local] = true;
}

static void scan_compare(const Scan *s, const Node *n) {
    for (size_t i = 0; i < n->Compare.ops.len; i++) {
        const Node *left = i ? n->Compare.comparators.at[i - 1] : n->Compare.left,
                   *right = n->Compare.comparators.at[i];
        if (n->Compare.ops.at[i] != OP_Is && n->Compare.ops.at[i] != OP_IsNot)
            continue;
        note_same(s, left, right);
        note_same(s, right, left);
    }
}

static void scan(Scan *s, const Node *n) {
    if (n->kind == NODE_Compare)
        scan_compare(s, n);
    const Binding *b = &s->bound->binding[n->id];
    if (b->kind == BIND_LOCAL && !s->bound->hidden[b->local])
        note_name(s, n, b->local);
    if (n->kind == NODE_AugAssign && s->bound->binding[n->AugAssign.target->id].kind == BIND_LOCAL)
        s->names->reads[s->bound->binding[n->AugAssign.target->id].local] = true;
    s->names->super |= bound_is_super(s->bound, n);
    s->names->walrus |= n->kind == NODE_NamedExpr;
    s->names->leaves |= n->kind == NODE_Return;
    s->names->leaves |= !s->loops && (n->kind == NODE_Break || n->kind == NODE_Continue);
    if (n->kind == NODE_AnnAssign)
        scan_annotated(s, n);
    else if (n->kind == NODE_For || n->kind == NODE_While)
        scan_loop(s, n);
    else
        node_each_child(n, scan_child, s);
}

static bool is_simple(NodeKind kind) {
    switch (kind) {
    case NODE_Assign:
    case NODE_AugAssign:
    case NODE_AnnAssign:
    case NODE_Expr:
    case NODE_Delete:
    case NODE_Import:
    case NODE_ImportFrom:
        return true;
    default:
        return false;
    }
}

RegionNames region_names(Pool *pool, const Bound *bound, const Node *n) {
    size_t max = bound->nlocals + 1;
    RegionNames names = {.reads = pool_array(pool, bool, max),
                         .writes = pool_array(pool, bool, max),
                         .deletes = pool_array(pool, bool, max),
                         .same = pool_array(pool, bool, max)};
    scan(&(Scan){.bound = bound, .names = &names}, n);
    names.compound = !is_simple(n->kind) || names.walrus;
    return names;
}
