/* What the language stages hand to the back of the compiler: a unit description in, an LLVM module out, with what the meta
 * must say about it. Between them, per function: parse, resolve (names), infer (types, effects), flow, emit (IR).
 *
 * Names in the module that the later stages must know:
 *   jitd_native_<i>, jitd_thunk_<i>  the two entries of Program.entries[i]; the only functions with external linkage
 *   jitd_import_<name>               external functions: import slot JITD_IMPORT_<name>. LLVM itself may add calls of plain
 *                                    libm/libc names (memset, floor, fmod ...): the import slot of that name
 *   jitd_class_ids                   [number of defs, at least 1] x i32, hidden, zero-initialised and externally
 *                                    initialised: Image.class_table; section .rodata.jitd_class_ids; present only if used
 * What is used of `runtime` becomes internal.
 * A program has one module or two, which are optimised at the same time. The second refers to the first's jitd_class_ids if
 * both use it, and to nothing else of it. */
#pragma once
#include "protocol/spec.h"
#include "server/compiler/ast.h"
#include <llvm-c/Core.h>

#define PROGRAM_FLAG_LOOPS 1
#define PROGRAM_FLAG_PYTHON 2
#define PROGRAM_FLAG_SIZED 8   /* has arithmetic that the interpreter would do differently */
#define PROGRAM_FLAG_NO_SELF 4 /* of the meta, from the function's kind: who calls the entry has no other way to know */

typedef enum SiteKind {
    SITE_RAISE,
    SITE_OP,
    SITE_OVERFLOW,
    SITE_REDO,
    SITE_ATTR,
    SITE_NONE,
    SITE_RECURSION,
    SITE_CALL,
    SITE_RESUME,
    SITE_REGION,
    SITE_OBJECT,
    SITE_CATCH,
} SiteKind;

/* A part of a formatted string: literal text, or a value of the trap. */
typedef struct SitePiece {
    bool is_value;
    Str text;      /* literal; of a value its format spec */
    uint32_t slot; /* into trap.values */
    const Type *type;
    int conversion; /* -1, 's', 'r', 'a' */
} SitePiece;

typedef enum SiteArgKind { SITE_ARG_CONST, SITE_ARG_VALUE, SITE_ARG_FORMAT } SiteArgKind;

typedef struct SiteArg {
    SiteArgKind kind;
    const Global *constant;
    uint32_t slot;    /* SITE_ARG_VALUE */
    const Type *type; /* SITE_ARG_VALUE */
    SitePiece *pieces;
    size_t npieces;
} SiteArg;

/* A value that is handed over where the interpreter goes on: a local, or an expression that is evaluated already. */
typedef struct SiteValue {
    const char *kind; /* of an operand: "value", "loaded", "iterator" */
    Span span;        /* of an operand */
    Str name;         /* of a local */
    bool flagged;     /* the slot before its own ones says whether it is bound */
    const Type *type; /* NULL: an iterator, which has four slots */
} SiteValue;

/* Where the interpreter goes on (client/python/jitd/resume.py), and with what. */
typedef struct SiteResume {
    const char *where; /* "value", "object", "negated", "length", "loop", "statement", "start", "end", "none" */
    Span span;
    SiteValue *locals, *operands;
    size_t nlocals, noperands;
    const Type *result; /* NULL: the function never returns */
} SiteResume;

/* What the interpreter carries out in between, with what, and what of it is wanted. */
typedef struct SiteRegion {
    const char *kind; /* "value", "test", "statement", "box" */
    Span span;
    SiteValue *locals, *written; /* box: one without a name */
    size_t nlocals, nwritten;
    const Type *type; /* NULL: a statement */
    int line;         /* of the function's source, */
    Str source;       /* which comes with its first region */
} SiteRegion;

/* Of CPython's: a comprehension's, which is within the frame that follows, of another one or of the function. */
typedef struct SiteFrame {
    const char *name;
    int line; /* where the frame that follows is meanwhile */
} SiteFrame;

/* Which classes a handler is for, by name. */
typedef struct SiteHandler {
    const Str *names;
    size_t nnames; /* 0: for all */
    bool compiled;
} SiteHandler;

typedef struct Site {
    int line;
    uint32_t def, func; /* indices in the unit */
    SiteKind kind;
    Str text; /* RAISE: exception; OP: operation; OVERFLOW: message; REDO: reason; ATTR: field; NONE, OBJECT: attribute */
    uint32_t cls;  /* ATTR: def index */
    bool store;    /* NONE: the attribute is assigned to */
    bool named;    /* RAISE: by a name of the function's */
    SiteArg *args; /* RAISE: arguments; OP: operands, all SITE_ARG_VALUE */
    size_t nargs;
    const SiteResume *resume;    /* RESUME; text is why */
    const SiteRegion *region;    /* REGION; text is why */
    const SiteHandler *handlers; /* CATCH */
    size_t nhandlers;
    const SiteFrame *frames; /* that it is in within the function's, innermost first */
    size_t nframes;
} Site;

typedef struct ProgramEntry {
    uint32_t def, func; /* indices in the unit */
    const Type **params;
    size_t nparams;
    const Type *result;
    uint32_t flags;
} ProgramEntry;

typedef struct Refusal {
    uint32_t def, func; /* indices in the unit */
    int line, col;      /* as in Span */
    Str message;        /* one line */
    Str rendered;       /* file, line, source line, caret, message */
} Refusal;

/* What compiles, but is not as in CPython. */
typedef struct Warning {
    int line, col; /* as in Span; line 0: no place in the source */
    Str message;   /* one line */
    Str rendered;  /* as of a Refusal */
} Warning;

typedef enum ProgramDump {
    PROGRAM_DUMP_NONE,
    PROGRAM_DUMP_AST,
    PROGRAM_DUMP_BOUND,
    PROGRAM_DUMP_TYPED,
    PROGRAM_DUMP_FLOW
} ProgramDump;

#define PROGRAM_PARTS 2

/* What a module is made in: a context (LLVM's are for one thread each) and the runtime's bitcode, which is consumed. */
typedef struct ProgramPart {
    LLVMContextRef context;
    LLVMModuleRef runtime;
} ProgramPart;

typedef struct Program {
    LLVMModuleRef modules[PROGRAM_PARTS];
    unsigned nmodules;     /* a dump has none */
    ProgramEntry *entries; /* those of the unit's entries that were compiled, in the unit's order */
    size_t nentries;
    Refusal *refused; /* the unit's other entries; each function once */
    size_t nrefused;
    Refusal *parts; /* of compiled entries: the first part that the interpreter carries out; each function once */
    size_t nparts;
    Warning *warnings; /* of the unit's definition 0 */
    size_t nwarnings;
    Site *sites;
    size_t nsites;
    Str dump;
    uint64_t lex_us, parse_us, resolve_us, infer_us, emit_us;
} Program;

/* Compiles the unit's entries and what they call. What they call of the runtime is linked into the new modules. `parts` are
 * PROGRAM_PARTS, the last of which may stay as it is; NULL for a dump. `method` (may be STR_NULL) narrows a dump to the functions of that name. Never fails as a whole: what cannot
 * be compiled is in `refused`. Memory is the pool's (whose own failure is the caller's to catch). */
void program_compile(Pool *pool, const UnitSpec *unit, ProgramPart *parts, ProgramDump dump, Str method,
                     Program *ret_program);
