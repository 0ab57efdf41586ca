/* Flow: a function as blocks of operations, in CPython's order of evaluation. build makes it of the typed tree and knows
 * nothing of reference counts, of what is undone where an operation fails, or of polls: passes put these in, and emit turns
 * the result into LLVM IR without deciding anything. ops.def has the operations.
 *
 * An operation is its own value, and has one definition. What several paths give goes through a variable. An operation
 * with `fail` can fail: it then goes to fails[0] (RUNTIME with a status of 2: to fails[1]), which `unwind` makes. */
#pragma once
#include "server/compiler/region.h"
#include "server/compiler/rules.h"
#include "server/compiler/typed.h"

typedef enum FlowKind {
#define OP(name, text, value, uses, does) FLOW_##name,
#include "server/compiler/flow/ops.def"
#undef OP
    N_FLOW_KINDS
} FlowKind;

typedef enum FlowValue { FLOW_VALUE_NONE, FLOW_VALUE_PLAIN, FLOW_VALUE_BORROWED, FLOW_VALUE_OWNED } FlowValue;
typedef enum FlowUses { FLOW_USES_READS, FLOW_USES_TAKES, FLOW_USES_TAKES_ALL } FlowUses;
typedef enum FlowDoes { FLOW_DOES_NOTHING, FLOW_DOES_RUNS, FLOW_DOES_CALLS, FLOW_DOES_ENDS } FlowDoes;

typedef struct FlowKindInfo {
    const char *text;
    FlowValue value;
    FlowUses uses;
    FlowDoes does;
} FlowKindInfo;

extern const FlowKindInfo flow_kinds[N_FLOW_KINDS];

/* How RUNTIME gives its result. */
typedef enum FlowHow {
    FLOW_PURE,  /* rt_name(args...) */
    FLOW_TRAPS, /* status = rt_name(args..., &result); fails where it is not 0 */
    FLOW_OUT,   /* status = rt_name(args..., &var), which is the value */
    FLOW_PAIR,  /* rt_name(args..., &first, &second) */
    FLOW_SIZED, /* TRAPS on operands widened to 64 bits, with the number of bits of the type */
} FlowHow;

typedef enum FlowArith { FLOW_ADD, FLOW_SUB, FLOW_MUL, FLOW_DIV, FLOW_AND, FLOW_OR, FLOW_XOR } FlowArith;
typedef enum FlowOrder { FLOW_EQ, FLOW_NE, FLOW_LT, FLOW_LE, FLOW_GT, FLOW_GE } FlowOrder;

typedef struct FlowOp FlowOp;
typedef struct FlowBlock FlowBlock;
typedef struct FlowLoop FlowLoop;
typedef struct FlowVar FlowVar;

extern const char *const flow_wheres[]; /* FlowWhere, as the site table says it */

typedef enum FlowOperandKind {
    FLOW_OPERAND_VALUE,
    FLOW_OPERAND_LOADED,
    FLOW_OPERAND_ITERATOR,
    FLOW_OPERAND_LIST,
    FLOW_OPERAND_TARGET,
    FLOW_OPERAND_LEAVING,
    FLOW_OPERAND_ENTERED,
} FlowOperandKind;

/* What CPython would have on its stack: the value of an expression that is evaluated already, that of an augmented
 * assignment's target, a loop's iterator, the list of a comprehension so far, what a name of its target holds, what is
 * returned when the `finally` at hand is over (None for break, continue, and the end of its try),
 * what is to be done at the end of a with. */
typedef struct FlowOperand {
    FlowOperandKind kind;
    const Node *node;
    FlowOp *value; /* of an ITERATOR: the list; a pair, of it and enumerate()'s start, or of zip()'s lists */
    FlowVar *var;  /* what it is is in there by then */
    FlowOp *start, *step, *turns; /* ITERATOR of a range, with */
    FlowVar
        *done;  /* how many turns are over; NULL: an iterator is its value, or a pair of one and what it has given; */
    bool begun; /* one more has begun */
} FlowOperand;

typedef struct FlowLocal {
    uint32_t local;
    const Type *type;
    FlowVar *var;   /* NULL: it is None */
    FlowVar *bound; /* NULL: it surely is */
    bool flagged;   /* of what a region leaves: may be unbound */
} FlowLocal;

typedef enum FlowWhere {
    FLOW_WHERE_VALUE,     /* behind an expression, whose value is the last operand */
    FLOW_WHERE_OBJECT,    /* the same: the object that a call of compiled code gave instead of what it should, */
    FLOW_WHERE_NEGATED,   /* ... or the opposite of its truth, */
    FLOW_WHERE_LENGTH,    /* ... or that as a length */
    FLOW_WHERE_LOOP,      /* at a loop's head */
    FLOW_WHERE_STATEMENT, /* where a statement begins */
    FLOW_WHERE_BEHIND,    /* where one has ended */
    FLOW_WHERE_START,     /* at the function's beginning */
    FLOW_WHERE_END,       /* at its end, with None as the result */
    FLOW_WHERE_RAISED,    /* at the statement that holds the place, which raises what the trap says; */
    FLOW_WHERE_CALLED,    /* a callee's */
    FLOW_WHERE_NONE,      /* nowhere: an error */
} FlowWhere;

/* Where the interpreter goes on behind effects, and with what. */
typedef struct FlowResume {
    FlowWhere where;
    const Node *node;
    FlowOperand *operands; /* in the order of evaluation */
    FlowLocal *locals;     /* those that the rest of the call may read */
    size_t noperands, nlocals;
} FlowResume;

/* What the interpreter carries out in between. */
typedef struct FlowRegion {
    RegionKind kind;
    const Node *node;
    const char *operation;       /* NULL: the node's */
    FlowLocal *locals, *written; /* those that it is given, and that it leaves behind */
    size_t nlocals, nwritten;
    const Type *type; /* of its value; NULL: a statement */
} FlowRegion;

/* A try's handlers that are compiled, by their number in the source; NULL: it is not. */
typedef struct FlowCatch {
    struct FlowCatch *outer; /* of the next try around it, where nothing is done finally in between; NULL: none */
    bool last;               /* what it does not catch leaves the function */
    const Node *node;
    FlowBlock **handlers;
    size_t n;
    bool broken;         /* one of them needs the exception: none is used */
    const FlowOp *first; /* emit: with the site of all */
    uint32_t site;
} FlowCatch;

/* Where it goes on in a handler: `from` jumps there. */
typedef struct FlowCaught {
    FlowBlock *from, *handler;
} FlowCaught;

/* How an operation fails. */
typedef struct FlowFail {
    const Node *node; /* where */
    Site site;        /* without its place; what is raised */
    FlowOp **values;  /* of the trap */
    size_t nvalues;
    Effect effect; /* what had happened before, and can be undone */
    uint64_t undo;
    bool always;        /* raises even where the interpreter could do the call again */
    bool inexact;       /* RUNTIME: a status of 2, which is no failure in Python */
    Str overflow;       /* ... the words for that */
    FlowResume *resume; /* instead of raising an OverflowError; NULL: not needed, or not possible */
    FlowResume *raised; /* in a try: what an exception does; NULL: it leaves the function */
    struct FlowFail
        *outside; /* READ of a list's index: what is raised where that is the reason; NULL: the interpreter says so */
    FlowBlock *outs[6]; /* unwind: where it leaves the function, the status stored last */
    unsigned nouts;
    FlowCatch *catch;   /* NULL: nobody here */
    FlowCaught *caught; /* unwind */
    size_t ncaught, cap_caught;
} FlowFail;

/* Who has counted what is in a variable, in a function that counts. */
typedef enum FlowCount {
    FLOW_COUNT_OWN,    /* the variable itself, until it is stored to again or the function ends */
    FLOW_COUNT_MOVE,   /* the variable, until it is loaded, which happens once after each store */
    FLOW_COUNT_CALLER, /* a parameter that nobody assigns: the caller */
    FLOW_COUNT_RESULT, /* the variable, in any function: it leaves with the result */
} FlowCount;

/* A variable: a local for one type, or a place for what several paths give. */
struct FlowVar {
    uint32_t id;
    const Type *type;
    Str name;
    FlowCount count;
    bool init;    /* starts as false or unset */
    bool unbound; /* may be loaded before it is stored to, behind a guard */
};

struct FlowOp {
    FlowKind kind;
    uint32_t id;
    const Type *type; /* of the value; NULL: none */
    FlowOp **args;
    uint32_t nargs;
    FlowFail *fail;
    FlowBlock *fails[2];
    FlowBlock *to[2]; /* JUMP, BRANCH */
    FlowVar *var;
    union {
        struct {
            int64_t i; /* of ints and bools; of references a reserved offset */
            double f;
        } constant;     /* CONST */
        uint32_t index; /* PARAM, ITEM */
        FlowArith arith;
        FlowOrder order;
        FlowHow how;
        Instance *callee;
        const FlowRegion *region;
        FlowCatch *catch;
        const MathFn *math;
        Effect effect; /* POLL */
        struct {
            uint32_t def, field;
        };
        uint32_t trap; /* TRAP: JitdTrapKind */
    };
    FlowOp *of;             /* STATUS, RESUMED */
    const FlowFail *reason; /* TRAP, TRAP_AS, TRACE, RESUME: what the site table says; a REDO's is told by its trap */
    const char *name;       /* RUNTIME, PYTHON, READ, MAKE, CHANGE, FIND, GET, ATTEMPT, GET_NAMED, SET_NAMED */
    bool rare;              /* BRANCH */
    bool failed;            /* RUNTIME: behind an operation that has failed, which keeps the operands */
    bool steals;            /* SET_FIELD: takes its value's count over, instead of counting */
    bool exact;             /* BINARY: known not to overflow */
    bool fast;              /* BINARY, NEGATE, COMPARE: fast-math, where the unit asks for it */
    bool fresh;             /* CALL, POLL: other code may have run in it, and nothing has been stored before it */
};

struct FlowBlock {
    uint32_t id;
    FlowOp **ops;
    size_t nops, cap;
    const char *name;
    FlowLoop *loop; /* the innermost it is a part of */
    bool reached;   /* flow_prune */
    bool failed;    /* unwind: an operation has failed, which keeps what it owned until it leaves, or is caught */
};

/* A loop as build makes it:   before: jump head;   head: test, to body or elsewhere;   body ...: jump latch;
 * latch: jump head.   A for loop's test compares `done` with `turns`, its latch counts `done`. */
struct FlowLoop {
    FlowLoop *outer;
    const Node *node;
    FlowBlock *before, *head, *body, *latch;
    FlowVar *done; /* NULL: a while loop */
    FlowOp *turns;
    bool always, quick; /* polls on every turn; not at all */
    Effect effect;
    FlowResume *resume; /* from its head; NULL: not possible */
    FlowResume *raised; /* as a failure's */
    uint64_t undo;
    FlowVar **counters;
    size_t ncounters, cap_counters;
};

typedef struct FlowFunc {
    Pool *pool;
    Lang *lang;
    Instance *inst;
    FlowBlock **blocks; /* blocks[0] is the entry */
    size_t nblocks, cap_blocks;
    FlowVar **vars;
    size_t nvars, cap_vars;
    FlowLoop **loops; /* inner ones behind those they are in */
    size_t nloops, cap_loops;
    FlowBlock *start, *exit;  /* what follows the entry; the one way out */
    FlowVar *status, *result; /* result NULL: None */
    FlowVar *wrapped;         /* sized arithmetic has given what the interpreter's would not; NULL: not asked for */
    bool recursive;
    FlowResume *resume_start; /* from its beginning; NULL: not possible */
    uint32_t nresume;         /* unwind: the most values that RESUME hands over, or its result has */
    bool manages;             /* refs: counts references */
    uint32_t nkept;           /* refs: the most that KEEP keeps */
    uint32_t nops, block_ids; /* of all there ever were */
} FlowFunc;

/* flow.c */
FlowBlock *flow_block(FlowFunc *f, const char *name);
FlowVar *flow_var(FlowFunc *f, const Type *type, Str name, FlowCount count);
FlowOp *flow_op(FlowFunc *f, FlowKind kind, const Type *type, FlowOp *const *args,
                uint32_t nargs); /* in no block yet */
void flow_append(FlowFunc *f, FlowBlock *block, FlowOp *op);
void flow_insert(FlowFunc *f, FlowBlock *block, size_t at, FlowOp *op); /* before ops[at] */
FlowOp *flow_end(const FlowBlock *block);                               /* its last operation; NULL: not ended */
FlowOp *flow_const_int(FlowFunc *f, const Type *type, int64_t value);
FlowOp *flow_load(FlowFunc *f, FlowVar *var);
FlowOp *flow_store(FlowFunc *f, FlowVar *var, FlowOp *value);
FlowOp *flow_jump(FlowFunc *f, FlowBlock *to);
FlowOp *flow_branch(FlowFunc *f, FlowOp *condition, FlowBlock *yes, FlowBlock *no, bool rare);
bool flow_is_const(const FlowOp *op, int64_t *ret_value); /* an int's or a bool's */
FlowBlock *flow_handler(const FlowOp *op,
                        size_t i); /* before unwind: that it may go to where it fails; NULL: there are no more */
void flow_prune(FlowFunc *f);      /* drops the blocks that nothing comes to */
extern const Type flow_any_ref;    /* a reference of any class, None, or unset */

/* Operands of an operation, and what it hands over where it fails: that must live as long. */
uint32_t flow_nuses(const FlowOp *op);
FlowOp *flow_use(const FlowOp *op, uint32_t i);

/* The stages. Each pass says in its file what it needs and what it breaks. */
FlowFunc *flow_build(Lang *lang, Instance *inst);
void flow_counter(FlowFunc *f);
void flow_poll(FlowFunc *f);
void flow_unwind(FlowFunc *f);
void flow_refs(FlowFunc *f);
void flow_share(FlowFunc *f);
void flow_check(FlowFunc *f, const char *after); /* the verifier: an internal error names what is wrong */
void flow_check_counts(FlowFunc *f);             /* a part of it */
FlowFunc *flow_make(Lang *lang, Instance *inst); /* all of them */
Str flow_dump(Pool *pool, const FlowFunc *f);
