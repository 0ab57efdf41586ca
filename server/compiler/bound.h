/* Bound: a parsed function whose names are known. What resolve hands to infer. */
#pragma once
#include "protocol/spec.h"
#include "server/compiler/ast.h"
#include "server/compiler/diag.h"

/* LLVM takes some 5 seconds for a function of this size, and more than in proportion beyond it. */
#define BOUND_MAX_NODES 20000

typedef enum BindingKind { BIND_NONE, BIND_LOCAL, BIND_GLOBAL } BindingKind;

typedef struct Binding {
    BindingKind kind;
    uint32_t local;       /* BIND_LOCAL: index in Bound.locals */
    const Global *global; /* BIND_GLOBAL */
} Binding;

typedef struct Bound {
    const DefSpec *def;
    const FuncSpec *func;
    uint32_t def_index, func_index;
    const Node *function; /* FunctionDef */
    uint32_t nnodes;
    Str *locals;                /* self or cls first if there is one, then the parameters, then the rest */
    uint32_t nlocals, nleading; /* nleading: 1 if locals[0] is self or cls */
    bool *assigned;             /* per local: bound by anything but the call itself */
    Binding *binding;           /* by Node.id, of Name nodes */
} Bound;

/* Refuses (fail) what is not in the compiled language by name, and names that nobody can see. */
Bound *resolve(Compilation *c, const UnitSpec *unit, uint32_t def, uint32_t func, const Node *function,
               uint32_t nnodes);

/* The name as Python sees it inside the class: __x becomes _Class__x. */
Str bound_mangle(Pool *pool, const Bound *bound, Str name);
