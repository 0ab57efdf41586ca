/* Types as they travel: canonical type text <-> Type.
 *
 *   text      meaning                                              slots (JitdValue)   size in an object
 *   int ...   a scalar of types.def                                1                   its size, aligned to it
 *   None      the type of None                                     0                   not a field
 *   @3        a reference to an instance of definition 3 of the    1                   8
 *             unit (never None)
 *   @3?       Optional of it                                       1                   8
 *   @3! @3!?  the same of the class itself, where the unit has     1                   8
 *             classes that extend it: @3 is one of these, too
 *   py        any object of the interpreter: a pointer to it        1                   not a field
 *   list(T)   the same; most likely a list of T, which is looked     1                   not a field
 *             at where it is used
 *   set(T)    the same; most likely a set                            1                   not a field
 *   dict(K,V) the same; most likely a dict                           1                   not a field
 *   (T,U,...) a tuple of the above, nested too; () is empty        sum of its parts    not a field
 *   (bool,T)? None or T, a number or a tuple (of references, too): its slots and 1     not a field
 *             whether it is one, and its slots, which mean nothing for None
 *
 * A reference in memory and in a JitdValue is the object's offset in the arena; JITD_UNSET and JITD_NONE (abi.h) are
 * the two values that are no object. */
#pragma once
#include "base/pool.h"

typedef enum TypeKind {
#define SCALAR(name, text, size, ctype, member, sign, exact) TYPE_##name,
#include "protocol/types.def"
#undef SCALAR
    TYPE_NONE,
    TYPE_REF,   /* def: index of the class in the unit; optional: may be None */
    TYPE_TUPLE, /* items, nitems; optional: None or its second item, as the first, a bool, says */
    TYPE_PY,
} TypeKind;

/* What a TYPE_PY most likely is. */
typedef enum PyLikely {
    PY_ANY,
    PY_LIST, /* of items[0] */
    PY_DICT, /* of items[0] to items[1] */
    PY_SET,  /* of items[0] */
} PyLikely;

typedef struct Type Type;
struct Type {
    TypeKind kind;
    uint32_t def;
    bool optional;
    bool exact; /* REF: of no class that extends it. Only where the unit has such */
    PyLikely likely;
    const Type **items;
    size_t nitems;
};

typedef struct TypeLayout {
    uint32_t size, align;
} TypeLayout;

/* What type text may have: tuples in tuples, and parts in all. */
#define TYPE_MAX_DEPTH 8
#define TYPE_MAX_PARTS 64

/* Parses canonical type text; every reference's definition index must be < ndefs. NULL when it is malformed or too large.
 * Memory from the pool. */
const Type *type_parse(Pool *pool, Str text, uint32_t ndefs);
Str type_text(Pool *pool, const Type *t); /* canonical text */
bool type_eq(const Type *a, const Type *b);
bool type_is_maybe(const Type *t); /* None or a number, or a tuple of numbers: items[1] */
uint32_t type_slots(const Type *t);
TypeLayout type_layout(const Type *t); /* {0, 0} when it cannot be a field */
const char *type_scalar_name(TypeKind kind);
static inline bool type_is_scalar(const Type *t) {
    return t->kind < TYPE_NONE;
}
bool type_is_int(const Type *t);   /* int, bool or a sized integer */
bool type_is_sized(const Type *t); /* int8 ... uint64, float32 */
bool type_is_signed(const Type *t);
