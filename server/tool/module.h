/* What the names at the top of a Python file mean, and annotations as type text; see unit_from_py.h. */
#pragma once
#include "server/compiler/parse.h"

typedef enum BindingKind {
    BINDING_DEF,
    BINDING_CONST,
    BINDING_MODULE,
    BINDING_MEMBER,
    BINDING_TYPE,
    BINDING_OTHER
} BindingKind;

typedef struct Binding {
    Str name;
    BindingKind kind;
    uint32_t def;      /* DEF: index among the definitions */
    Const value;       /* CONST */
    bool negative;     /* CONST: of a number */
    Str module, other; /* MODULE, MEMBER: the module and its member; TYPE, OTHER: text */
} Binding;

typedef struct Module {
    Compilation *c;
    Node **defs; /* FunctionDef and ClassDef */
    size_t ndefs, defs_cap;
    Binding *bindings;
    size_t nbindings, bindings_cap;
} Module;

void module_read(Module *m, const Node *root);
const Binding *module_find(const Module *m, Str name); /* NULL: not bound here */

/* A number, string, True, False or None as written; false: something else. */
bool module_constant(const Node *value, Binding *ret);

/* The canonical text of an annotation; a fail() when it is none. */
Str module_type(const Module *m, const Node *annotation);
