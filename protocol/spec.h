/* The unit description (docs/protocol.md, "The unit description") as C structs: what a client asks to have compiled.
 * Decoded by the broker (keys, layouts) and by the compiler (everything). All memory is the pool's; strings point into
 * the pool. Sizes are checked: a unit that decodes is safe to walk. */
#pragma once
#include "base/hash.h"
#include "protocol/types.h"

#define UNIT_MAX_DEFS 256
#define UNIT_MAX_FUNCS 4096   /* of a definition */
#define UNIT_MAX_ENTRIES 4096 /* of a unit */
#define UNIT_MAX_LEVELS 64    /* of classes above one */
#define UNIT_MAX_OBJECT 65536 /* bytes of an instance */

typedef enum GlobalKind {
    GLOBAL_INT,
    GLOBAL_FLOAT,
    GLOBAL_BOOL,
    GLOBAL_NONE,
    GLOBAL_STR,       /* constants */
    GLOBAL_DEF,       /* def */
    GLOBAL_MODULE,    /* s: "math" */
    GLOBAL_MEMBER,    /* module s, member t */
    GLOBAL_BUILTIN,   /* s */
    GLOBAL_TYPE,      /* type */
    GLOBAL_OTHER,     /* s: description */
    GLOBAL_EXCEPTION, /* the same, of a class of exceptions that runs no code of its own when one is made */
} GlobalKind;

typedef struct Global {
    Str name;
    GlobalKind kind;
    int64_t i;
    double f;
    Str s, t;
    uint32_t def;
    const Type *type;
} Global;

typedef struct Globals {
    Global *at;
    size_t len;
} Globals;

typedef enum ParamKind { PARAM_POS, PARAM_ANY, PARAM_KW } ParamKind;

typedef struct ParamSpec {
    Str name;
    const Type *type;            /* NULL: not annotated */
    const Global *default_value; /* a constant; NULL: none */
    ParamKind kind;
} ParamSpec;

typedef enum FuncKind { FUNC_METHOD, FUNC_STATIC, FUNC_CLASS, FUNC_PROPERTY, FUNC_SETTER, FUNC_FUNCTION } FuncKind;

/* Whose function it is, where it is one of a class above the definition's. */
typedef struct FuncOwner {
    uint32_t level; /* its place in the method resolution order; 0: the definition's own */
    bool hidden;    /* a class in front of it has something else under the name: it is found by super() only */
    bool is_def;
    uint32_t def;   /* is_def: the class among the unit's definitions */
    Str name, file; /* of the class; null: the definition's */
} FuncOwner;

typedef struct FuncSpec {
    Str name;
    Str entry; /* func_entry_name */
    FuncKind kind;
    FuncOwner owner;
    int line;
    Str source;
    ParamSpec *params; /* without self / cls */
    size_t nparams;
    Globals globals;
} FuncSpec;

typedef struct FieldSpec {
    Str name;
    const Type *type;
    const Global *default_value;
    uint32_t offset; /* from the start of the object, header included; computed by the decoder */
} FieldSpec;

typedef enum InitKind { INIT_GENERATED, INIT_USER, INIT_NONE } InitKind;

typedef struct DefSpec {
    bool is_class;
    Key key;
    Str name, file;
    FieldSpec *fields;
    size_t nfields;
    uint32_t size; /* of an instance, header included */
    InitKind init;
    uint32_t *
        heirs; /* the classes of the unit that extend it, directly or not; where a value is expected of it, there may be one of these */
    size_t nheirs;
    Globals consts;
    FuncSpec *funcs;
    size_t nfuncs;
    Globals
        other; /* GLOBAL_OTHER: name and reason; of a Python field, or another attribute that holds an object, its type */
} DefSpec;

typedef struct EntrySpec {
    uint32_t def, func; /* indices */
    const Type **args;  /* of nargs = the function's nparams; NULL: all annotated types */
    size_t nargs;
} EntrySpec;

typedef struct UnitSpec {
    Str name;
    Key key;
    int python_major, python_minor;
    bool wrap, fastmath, boundscheck;
    DefSpec *defs;
    size_t ndefs;
    EntrySpec *entries;
    size_t nentries;
} UnitSpec;

/* What entries call the function: its name; "x.setter" for the setter of property x; with "@level" behind it for a hidden one. */
Str func_entry_name(Pool *pool, const FuncSpec *f);

/* 0; or 1 when the bytes are no unit description, *ret_error says what is wrong with them. The decoder never recurses
 * deeper than the format and checks msgpack's element counts against the size before unpacking. */
int unit_decode(Pool *pool, Str bytes, UnitSpec *ret_unit, Str *ret_error);
