/* Reading the top level of a Python file; see module.h. */
#include "server/tool/module.h"
#include "protocol/types.h"

static Binding *module_bind(Module *m, Str name, BindingKind kind) {
    Binding *b = &pool_push(m->c->pool, m->bindings, m->nbindings, m->bindings_cap);
    *b = (Binding){.name = name, .kind = kind};
    return b;
}

bool module_constant(const Node *value, Binding *ret) {
    if (value->kind == NODE_UnaryOp && value->UnaryOp.op == OP_USub && value->UnaryOp.operand->kind == NODE_Constant) {
        ret->negative = true;
        value = value->UnaryOp.operand;
    }
    if (value->kind != NODE_Constant || value->Constant.value.big)
        return false;
    ret->value = value->Constant.value;
    bool number = ret->value.kind == CONST_INT || ret->value.kind == CONST_FLOAT;
    return number || (!ret->negative && ret->value.kind != CONST_ELLIPSIS && ret->value.kind != CONST_COMPLEX &&
                      ret->value.kind != CONST_BYTES);
}

static void module_read_import(Module *m, const Node *s) {
    for (size_t i = 0; i < s->Import.names.len; i++) {
        const Node *alias = s->Import.names.at[i];
        Str name = alias->alias.asname.len ? alias->alias.asname : alias->alias.name;
        module_bind(m, name, BINDING_MODULE)->module = alias->alias.name;
    }
}

static void module_read_import_from(Module *m, const Node *s) {
    for (size_t i = 0; i < s->ImportFrom.names.len; i++) {
        const Node *alias = s->ImportFrom.names.at[i];
        Str name = alias->alias.asname.len ? alias->alias.asname : alias->alias.name;
        Binding *b = module_bind(m, name, BINDING_MEMBER);
        b->module = s->ImportFrom.module;
        b->other = alias->alias.name;
    }
}

static void module_read_assign(Module *m, const Node *target, const Node *value) {
    Binding constant = {0};
    if (target->kind != NODE_Name)
        return;
    if (value && module_constant(value, &constant)) {
        Binding *b = module_bind(m, target->Name.id, BINDING_CONST);
        b->value = constant.value;
        b->negative = constant.negative;
    } else {
        module_bind(m, target->Name.id, BINDING_OTHER)->other = STR("a value made at run time");
    }
}

static void module_read_def(Module *m, Node *s, Str name) {
    module_bind(m, name, BINDING_DEF)->def = (uint32_t)m->ndefs;
    pool_push(m->c->pool, m->defs, m->ndefs, m->defs_cap) = s;
}

static void module_read_statement(Module *m, Node *s) {
    switch (s->kind) {
    case NODE_Import:
        module_read_import(m, s);
        break;
    case NODE_ImportFrom:
        module_read_import_from(m, s);
        break;
    case NODE_Assign:
        module_read_assign(m, s->Assign.targets.at[0], s->Assign.value);
        break;
    case NODE_AnnAssign:
        module_read_assign(m, s->AnnAssign.target, s->AnnAssign.value);
        break;
    case NODE_FunctionDef:
        module_read_def(m, s, s->FunctionDef.name);
        break;
    case NODE_ClassDef:
        module_read_def(m, s, s->ClassDef.name);
        break;
    default:
        break;
    }
}

void module_read(Module *m, const Node *root) {
    for (size_t i = 0; i < root->Module.body.len; i++)
        module_read_statement(m, root->Module.body.at[i]);
}

/* The last binding of a name counts, as at the end of the module's execution. */
const Binding *module_find(const Module *m, Str name) {
    for (size_t i = m->nbindings; i-- > 0;)
        if (str_eq(m->bindings[i].name, name))
            return &m->bindings[i];
    return NULL;
}

static Str module_type_name(const Module *m, const Node *at, Str name) {
    const Binding *b = module_find(m, name);
    if (b && b->kind == BINDING_DEF && m->defs[b->def]->kind == NODE_ClassDef)
        return pool_printf(m->c->pool, "@%u", b->def);
    const Type *t = type_parse(m->c->pool, name, 0);
    if (!t || t->kind >= TYPE_REF)
        fail(m->c, at->span, "\"%.*s\" is not a type", STR_FMT(name));
    return name;
}

static Str module_optional(const Module *m, const Node *at, const Node *type) {
    Str text = module_type(m, type);
    if (text.len == 0 || text.ptr[0] != '@')
        fail(m->c, at->span, "only a class can be optional");
    return pool_printf(m->c->pool, "%.*s?", STR_FMT(text));
}

static bool module_is_none(const Node *n) {
    return n->kind == NODE_Constant && n->Constant.value.kind == CONST_NONE;
}

static Str module_tuple(const Module *m, const Node *parts) {
    if (parts->kind != NODE_Tuple)
        return pool_printf(m->c->pool, "(%.*s)", STR_FMT(module_type(m, parts)));
    Str s = STR("(");
    for (size_t i = 0; i < parts->Tuple.elts.len; i++) {
        Str item = module_type(m, parts->Tuple.elts.at[i]);
        s = pool_printf(m->c->pool, "%.*s%s%.*s", STR_FMT(s), i ? "," : "", STR_FMT(item));
    }
    return pool_printf(m->c->pool, "%.*s)", STR_FMT(s));
}

static Str module_subscript(const Module *m, const Node *a) {
    const Node *value = a->Subscript.value;
    Str name = value->kind == NODE_Name        ? value->Name.id
               : value->kind == NODE_Attribute ? value->Attribute.attr
                                               : STR_NULL;
    if (str_eq_c(name, "Optional"))
        return module_optional(m, a, a->Subscript.slice);
    if (str_eq_c(name, "tuple") || str_eq_c(name, "Tuple"))
        return module_tuple(m, a->Subscript.slice);
    if (str_eq_c(name, "list") || str_eq_c(name, "List"))
        return pool_printf(m->c->pool, "list(%.*s)", STR_FMT(module_type(m, a->Subscript.slice)));
    if (str_eq_c(name, "set") || str_eq_c(name, "Set"))
        return pool_printf(m->c->pool, "set(%.*s)", STR_FMT(module_type(m, a->Subscript.slice)));
    if ((str_eq_c(name, "dict") || str_eq_c(name, "Dict")) && a->Subscript.slice->kind == NODE_Tuple)
        return pool_printf(m->c->pool, "dict%.*s", STR_FMT(module_tuple(m, a->Subscript.slice)));
    fail(m->c, a->span, "not a type that the compiler knows");
}

/* An annotation within quotes. */
static Str module_quoted(const Module *m, const Node *a) {
    Source source = {m->c->source->file, a->Constant.value.s, a->span.line};
    const Node *root = parse_module(m->c, &source).root;
    if (root->Module.body.len != 1 || root->Module.body.at[0]->kind != NODE_Expr)
        fail(m->c, a->span, "not a type that the compiler knows");
    return module_type(m, root->Module.body.at[0]->Expr.value);
}

Str module_type(const Module *m, const Node *a) {
    if (module_is_none(a))
        return STR("None");
    if (a->kind == NODE_Constant && a->Constant.value.kind == CONST_STR)
        return module_quoted(m, a);
    if (a->kind == NODE_Name)
        return module_type_name(m, a, a->Name.id);
    if (a->kind == NODE_Attribute)
        return module_type_name(m, a, a->Attribute.attr);
    if (a->kind == NODE_Subscript)
        return module_subscript(m, a);
    if (a->kind == NODE_BinOp && a->BinOp.op == OP_BitOr && module_is_none(a->BinOp.right))
        return module_optional(m, a, a->BinOp.left);
    if (a->kind == NODE_BinOp && a->BinOp.op == OP_BitOr && module_is_none(a->BinOp.left))
        return module_optional(m, a, a->BinOp.right);
    fail(m->c, a->span, "not a type that the compiler knows");
}
