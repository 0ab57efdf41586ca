/* The compiler as a pure function: unit description in, image or refusal out. No sockets, no shared memory. Not
 * reentrant in one process. */
#pragma once
#include "base/pool.h"

/* Of one compilation: the rest of a compiler process's memory is LLVM's. What needs more would take LLVM longer than a user waits, too. */
#define COMPILE_POOL_LIMIT ((size_t)256 << 20)

typedef enum CompileWhat {
    COMPILE_IMAGE,
    COMPILE_AST,
    COMPILE_BOUND,
    COMPILE_TYPED,
    COMPILE_FLOW,
    COMPILE_IR,
    COMPILE_IR_OPT,
    COMPILE_ASM
} CompileWhat;

/* A place in the image's code whose 4 bytes the broker must fill with
 * (window offset of import slot `import`) + addend - (window offset of the place). */
typedef struct Fixup {
    uint32_t offset; /* in the code */
    uint32_t import; /* JITD_IMPORT_ */
    int32_t addend;
} Fixup;

typedef struct ImageEntry {
    uint32_t thunk, native; /* offsets in the code */
} ImageEntry;

typedef enum Pass {
#define PASS(name) PASS_##name,
#include "server/compiler/passes.def"
#undef PASS
    N_PASSES,
} Pass;

typedef struct Timings {
    uint64_t us[N_PASSES];
} Timings;

const char *pass_name(Pass pass);

typedef struct Image {
    Str code;            /* position-independent text and read-only data, 64-byte aligned start */
    ImageEntry *entries; /* as meta.entries */
    size_t nentries;
    Fixup *fixups;
    size_t nfixups;
    uint32_t class_table; /* offset in the code of uint32_t[number of defs], which the broker fills with class ids; */
    uint32_t nclasses;    /* = number of defs (0 for a function's place); 0 when the code has no such table */
    Str meta;             /* msgpack, see docs/protocol.md */
    Timings timings;      /* also in meta */
    Str text;             /* for the dumping kinds; then there is no code */
} Image;

/* Once in a process, before everything else and before a sandbox. When LLVM can only give up, `fatal` (may be NULL) gets its
 * last words; it should not return. */
void compiler_init(void (*fatal)(const char *message));

/* What images depend on besides the unit: this very compiler, LLVM's version, target, CPU and features. */
const char *compiler_identity(void);

/* The word for it in a JOB and on the command line; false when there is none such. */
bool compile_what(Str word, CompileWhat *ret_what);

/* Compiles. `method` (may be STR_NULL) narrows a dump to one function. Memory of the image is the pool's; when the pool
 * is full, that is an error like others.
 * Returns 0; or 1 when the whole unit is refused, with *ret_error a message for people. */
int compiler_run(Pool *pool, Str unit, CompileWhat what, Str method, Image *ret_image, Str *ret_error);

/* Throws away what the last compilation has left behind and prepares the next: what nobody needs to wait for. compiler_run
 * sees to it itself if it has not been called. */
void compiler_tidy(void);
