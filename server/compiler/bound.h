/* Bound: a parsed function whose names are known. What resolve hands to infer. */
#pragma once
#include "protocol/spec.h"
#include "server/compiler/ast.h"
#include "server/compiler/diag.h"

/* A second or two for a function of this size (effort.c), and more than in proportion beyond it. */
#define BOUND_MAX_NODES 20000
#define BOUND_MAX_COPIES (2 * BOUND_MAX_NODES) /* with what each finally stands for */
#define BOUND_MAX_KNOWN 12000000               /* nodes times local variables: some 700 MiB */

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
    const Node *function;       /* FunctionDef */
    uint32_t nnodes;            /* with those of `loops` */
    Str *locals;                /* self or cls first if there is one, then the parameters, then the rest */
    uint32_t nlocals, nleading; /* nleading: 1 if locals[0] is self or cls */
    bool *assigned;             /* per local: bound by anything but the call itself */
    bool *hidden;               /* per local: a comprehension's own, which no name outside of it means */
    uint64_t *last_read;        /* per local: the place of its name's last mention (bound_place); 0: hidden */
    Binding *binding; /* by Node.id, of Name nodes and of others that bind a name; NONE: a name of an inner scope */
    const Node **
        inside; /* by Node.id: the innermost comprehension in whose scope the node is, of a generator expression the call that takes it at once;
                            NULL: the function's */
    const Node **loops; /* by Node.id, of these: the For that does the same (resolve.c); NULL: there is none */
    const char
        *own_frame; /* a name in it that stands for something of the frame: the interpreter does all or nothing */
} Bound;

/* Refuses (fail) what is not in the compiled language by name, and names that nobody can see. */
Bound *resolve(Compilation *c, const UnitSpec *unit, uint32_t def, uint32_t func, const Node *function,
               uint32_t nnodes);

/* A place in the source, comparable. */
static inline uint64_t bound_place(int line, int col) {
    return (uint64_t)(uint32_t)line << 32 | (uint32_t)col;
}

/* Whether what a local holds at n, where nothing in front of `from` is come to again, may still be read. Not so of the target of the
 * outermost loop, at its head, where neither what it is over nor its `else` reads it. */
bool bound_may_be_read(const Bound *bound, const Node *n, uint32_t local, uint64_t from);

/* Whether n is an int that is written there, or a global that is one. */
bool bound_int(const Bound *bound, const Node *n, int64_t *ret);
/* Which bits of its left operand the BinOp n is, % or & with a constant that is not negative. */
bool bound_mask(const Bound *bound, const Node *n, int64_t *ret_mask);

/* The name as Python sees it inside the class: __x becomes _Class__x. */
Str bound_mangle(Pool *pool, const Bound *bound, Str name);

/* A name `super` or `__class__` that stands for the class whose method the function is. */
bool bound_is_super(const Bound *bound, const Node *n);
