/* Typed: functions whose expressions have types, operations effects and calls callees. What infer hands to flow, and the
 * state the two share for one unit. */
#pragma once
#include "server/compiler/bound.h"
#include "server/compiler/stages.h"

/* What may have happened between the outermost entry and a point in a function: JitdEffects. */
typedef enum Effect {
    EFFECT_NONE, /* nothing: the call can be redone */
    EFFECT_UNDO, /* stores to scalar fields of self only, in this function (NodeInfo.undo) or in its callers: restore */
                 /* ours, then redo; no other Python code runs meanwhile (unwind.c) */
    EFFECT_COMMITTED, /* something that cannot be taken back */
} Effect;

typedef struct Instance Instance;
typedef struct Rule Rule;
typedef struct MathFn MathFn;
typedef struct SpecialCall SpecialCall;
typedef struct CallInfo CallInfo;
typedef struct MemberInfo MemberInfo;
typedef struct CompareStep CompareStep;

typedef enum NodeFlag {
    NODE_MAYBE_UNBOUND = 1, /* a local that may be unbound: check */
    NODE_CHECK_NONE = 2,    /* the base may be None: check */
    NODE_POLL_ALWAYS = 4,   /* the loop has a loop or a call inside: poll on every turn */
    NODE_MAYBE_INT = 8,     /* a float for the compiler, an int in Python for some values: then the call is redone */
    NODE_NEVER = 32, /* a call that never returns; where an expression has no type and not this, a part of it is one */
    NODE_TO_FLOAT = 16,  /* ... but whoever uses it makes it a float at once */
    NODE_WRAPS = 64,     /* only the low 64 bits of the int are wanted */
    NODE_LOW_BITS = 128, /* ... by this: % or & with a constant */
} NodeFlag;

/* What is known of a local at a point. */
typedef struct LocalState {
    const Type *type;     /* NULL: not bound yet */
    const Type *conflict; /* not NULL: also this on another path; using it is refused */
    int line, conflict_line;
    bool maybe_unbound;
} LocalState;

/* An operation on a dict, set, text or tuple that compiled code tries itself. */
typedef enum TableOperation {
    TABLE_NONE,
    TABLE_HAS,
    TABLE_SIZE,
    TABLE_ITEM,
    TABLE_GET,
    TABLE_PUT,
    TABLE_ADD,
    TABLE_DISCARD,
    TABLE_EQUAL,      /* of two texts: == or != */
    TABLE_METHOD,     /* of a text; */
    TABLE_SLICE,      /* the same, without a step; */
    TABLE_COMPARE,    /* of an object and a number; */
    TABLE_ARITHMETIC, /* of such, and of two objects: + - * */
    TABLE_GLOBAL,
    TABLE_ATTRIBUTE,     /* of an object; */
    TABLE_SET_ATTRIBUTE, /* the same, or of an instance */
} TableOperation;

/* The facts about one node. Nodes in dead code have none: type is NULL. */
typedef struct NodeInfo {
    const Type *type;           /* of an expression; of a Return: its value's; of a For: what its target is given */
    const Type *common;         /* operators: what both operands are converted to */
    const Rule *rule;           /* operators of numbers: with common */
    const SpecialCall *special; /* operators of instances */
    CallInfo *call;             /* of a Call */
    const MemberInfo *member;   /* of an Attribute; NULL: a constant of the math module */
    const CompareStep *steps;   /* of a Compare: for each of its operators */
    uint32_t item;              /* of a Subscript: of which part of the tuple */
    const SpecialCall *test;    /* of an instance as a condition: __bool__ or __len__ */
    const LocalState *locals;   /* of all locals when this operation happens */
    uint64_t undo;              /* fields of self to restore if this operation fails with EFFECT_UNDO */
    const struct NodeInfo
        *looked;           /* its value may be None, and is not wanted then: what is known where it is looked at */
    const Type *unboxed;   /* its value is an object, which is looked at for one of this type; NULL: it is as it is */
    const Diag *left;      /* why the interpreter carries it out: region */
    const char *operation; /* REGION_OPERATION: which */
    uint8_t effect;        /* Effect, when this operation happens, operands evaluated */
    uint8_t flags;
    uint8_t region; /* RegionKind */
    uint8_t table;  /* REGION_OPERATION: TableOperation */
    bool is_table;  /* ... of what most likely is one */
    int8_t truth;   /* tests: 1 always true, 0 always false, -1 unknown */
    bool live;
} NodeInfo;

typedef enum MemberKind {
    MEMBER_FIELD,
    MEMBER_CONST,
    MEMBER_PROPERTY,
    MEMBER_PYTHON,
    MEMBER_OBJECT,
    MEMBER_OPEN
} MemberKind;

struct MemberInfo {
    MemberKind kind;
    uint32_t def, field;
    const Global *constant;
    Instance *callee; /* of a property */
    const Type *type; /* PYTHON, OBJECT (an attribute of an object): of its value */
};

/* An operator that a special method carries out. */
struct SpecialCall {
    Instance *callee;
    const Type *arg, *result; /* arg NULL: unary */
    bool reflected;           /* self is the right operand */
};

/* One comparison of a chain. */
struct CompareStep {
    const SpecialCall *special; /* NULL: none */
    const Rule *rule;           /* NULL: identity, or known */
    const Type *common;         /* what the operands are converted to; NULL: as they are */
    bool swap;                  /* MIXED: the float is on the left */
    int8_t known;               /* 0, 1: always false, true; -1 */
    bool negate;                /* identity: is not, != */
};

/* What becomes of a generator expression's elements. */
typedef enum Taking { TAKING_ALL, TAKING_ANY, TAKING_SUM, TAKING_MIN, TAKING_MAX } Taking;

typedef enum CallKind {
    CALL_INSTANCE,
    CALL_NEW,
    CALL_BUILTIN,
    CALL_MATH,
    CALL_APPEND,
    CALL_POP,
    CALL_TAKING, /* of a built-in function that takes a generator expression at once, as the loops that it is */
    CALL_OPEN,   /* of a method of an instance whose class is one of several */
    CALL_SUPER,  /* of super(): its value is self, and whoever asks it for a method knows which */
} CallKind;

/* Arguments in order of evaluation. */
typedef struct CallArg {
    const Node *expr;       /* NULL: a default value */
    const Global *constant; /* the default value */
    uint32_t param;
    const Type *type; /* what the callee takes */
} CallArg;

typedef struct CallWay {
    uint32_t def; /* the receiver's class itself */
    Instance *callee;
} CallWay;

struct CallInfo {
    CallKind kind;
    Instance *callee; /* NEW: __init__, or __post_init__ behind a generated one; may be NULL. OPEN: the first way's */
    CallWay *ways;    /* OPEN: for each class; their parameters are of the same types */
    size_t nways;
    const Node *receiver;
    const Node *base; /* of obj.static(): evaluated for its effects only */
    CallArg *args;
    size_t nargs;
    uint32_t def; /* NEW */
    int builtin;  /* Builtin; TAKING: Taking */
    const MathFn *math;
};

typedef enum InstanceState { INSTANCE_NEW, INSTANCE_RUNNING, INSTANCE_DONE, INSTANCE_REFUSED } InstanceState;

/* A function for one tuple of argument types and one situation of its callers. */
struct Instance {
    uint32_t index;
    const Bound *bound; /* NULL: could not even be resolved */
    struct FuncState *func;
    const Type **params; /* self included, cls not */
    uint32_t nparams;
    bool fresh; /* __init__ of an object nobody has seen yet: stores to it are no effects */
    Effect
        outer; /* of the callers, before the call: COMMITTED: they cannot redo, neither may this. UNDO is told from */
               /* NONE only where it makes a difference: this polls */

    Diag diag; /* INSTANCE_REFUSED: why */

    /* summary for callers */
    InstanceState state;
    const Type *result;    /* NULL: no return reached so far */
    bool commits;          /* more than stores to scalar fields of self */
    bool stores_self_refs; /* stores references into self */
    uint64_t self_stores;  /* scalar fields of self it stores to */
    bool manages;          /* owns references: must count */
    bool loops, python;    /* PROGRAM_FLAG_ */
    bool recursive;
    bool
        sized; /* has arithmetic that the interpreter would do differently: redo only what else would be no result at all */

    /* typed body */
    NodeInfo *info;
    bool *boxed; /* by local: it always holds an object */
    Diag boxed_why;
    const Type **
        listed; /* by local: what is appended to the list that it is given empty, None: nothing so far; NULL: it is given none */
    const Type **
        maybe; /* by local: it has a variable of this type, None or a number, for all that it holds of it; NULL: none has */
    Diag partly; /* why the first part of it that is the interpreter's is; no message: none is */
    Diag slight; /* why a call of it from Python is better done there; no message: it is not */
    bool walrus_refs;
    bool
        runs_python; /* calls: it, or what it calls, may run Python code, which may close() an instance that only a caller in Python holds */
    bool straight; /* calls: no call of it leads to another call of it */
    bool resumes;  /* build: it has a place from which the interpreter may go on */
    bool stuck;    /* unwind: and one from which it would have to, but cannot */
    bool queued;
    Instance **callers;
    size_t ncallers, cap_callers;
    Instance **callees;
    size_t ncallees, cap_callees;
    int visits;
    LLVMValueRef fn;
    LLVMTypeRef fn_type, ret_type;
};

/* Whether a method does the same for the instances of all classes that extend its own: then it is compiled once for them (infer_heirs.c). */
typedef enum FuncCommon { COMMON_UNKNOWN, COMMON_YES, COMMON_NO } FuncCommon;

typedef struct FuncState {
    uint32_t def, func;
    Source source;
    bool tried;
    const Node *tree; /* NULL: could not be parsed, or is too large */
    Bound *bound;     /* NULL: refused */
    Diag diag;        /* why */
    int variants;
    uint8_t common; /* FuncCommon */
    bool sent;      /* its source is in the site table */
} FuncState;

/* One unit's compilation. */
typedef struct Lang {
    Pool *pool;
    const UnitSpec *unit;
    FuncState **funcs; /* [def][func] */
    Instance **instances;
    size_t ninstances, cap_instances;
    Site *sites;
    size_t nsites, cap_sites;
    uint64_t lex_us, parse_us, resolve_us;
    Instance **queue;
    size_t nqueue, cap_queue;
    unsigned depth; /* of calls that are being inferred within each other */
} Lang;

extern const Type type_int, type_float, type_bool, type_none, type_float32, type_py;
const Type *type_of_kind(TypeKind kind);
const Type *type_ref(Pool *pool, uint32_t def,
                     bool optional); /* to an instance of the class, or of one that extends it */
const Type *type_or_none(Pool *pool, const Type *ref, bool optional); /* the same, None or not */
const Type *type_not_exact(Pool *pool, const Type *t); /* as one reads it from where others may have put it */
const Type *type_maybe(Pool *pool, const Type *t);     /* t or None; NULL: there is no type for that */
bool type_is_list(const Type *t);                      /* a Python object that is most likely one */
const Type *type_list_of(Pool *pool, const Type *item);
const Type *type_set_of(Pool *pool, const Type *item);
const Type *type_dict_of(Pool *pool, const Type *key, const Type *value);
bool type_is_seen(const Type *item); /* an object can be looked at for a value of the type */

/* calls.c, when all is inferred: */
void calls_settle(Lang *lang);
void calls_spread(Lang *lang, bool *marked); /* by instance: to all that call one that is marked, and so on */

/* Parses and binds a function once; NULL when it is refused (FuncState.diag). */
FuncState *lang_func(Lang *lang, uint32_t def, uint32_t func);
Str lang_short_name(const DefSpec *d); /* without the module and what it is in */
/* The index of a function of a def by name and kind; -1. */
int lang_find_func(const Lang *lang, uint32_t def, Str name);
/* The same of the nearest class behind that level of its method resolution order. */
int lang_find_above(const Lang *lang, uint32_t def, Str name, uint32_t level);
/* Whether that method, of a class that others extend, uses nothing of self that one of them has something else for. */
bool lang_is_common(Lang *lang, uint32_t def, uint32_t func);
/* The class that has a method of def, and it there, if one function does for the instances of def and of all that extend that class. */
bool lang_find_common(Lang *lang, uint32_t *def, uint32_t *func);
/* The class itself and none that extends it: of self, and of what was just made. */
const Type *lang_exact(const Lang *lang, uint32_t def);
bool lang_is_open(const Lang *lang,
                  const Type *t); /* a reference: it may be to an instance of a class that extends its own */
bool lang_extends(const Lang *lang, uint32_t def, uint32_t base); /* or is the same class */
/* Which level of def's method resolution order the class `base` is, if it has functions there; 0: none. */
uint32_t lang_level_of(const Lang *lang, uint32_t def, uint32_t base);

/* The instance for these argument types: found or made and, unless it is being inferred right now, inferred. `caller` is
 * inferred again when the instance's summary changes. */
Instance *instance_get(Lang *lang, FuncState *func, const Type **params, uint32_t nparams, bool fresh, Effect outer,
                       Instance *caller);
/* Infers until no summary changes. */
void instances_settle(Lang *lang);
/* One pass over one function body; refusals go to c. */
void infer_function(Lang *lang, Compilation *c, Instance *inst);

/* Which module each of the n entries goes into; returns how many modules there are. */
unsigned parts_choose(Lang *lang, Instance *const *entries, uint32_t n, unsigned *ret_part);

/* Emits the body of an inferred instance into its declared function. `before`: the program's module before this one, or NULL. */
typedef struct EmitModule EmitModule;
EmitModule *emit_begin(Lang *lang, LLVMModuleRef module, LLVMModuleRef runtime, const EmitModule *before);
void emit_declare(EmitModule *m, Instance *inst);
/* All that were declared, and what they call; the entries are known then to be called by others or not. Afterwards no
 * instance is declared, as before. */
void emit_rest(EmitModule *m, Instance *const *entries, size_t nentries);
void emit_entry(EmitModule *m, Instance *inst, uint32_t index);
