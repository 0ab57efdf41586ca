/* The binary interface between generated code and whoever calls it. Part of the key of every image: a change here means
 * JITD_ABI_VERSION + 1.
 *
 * A compiled method has two entries:
 *   thunk    int32_t t(JitdFrame *frame, uint64_t self, const JitdValue *in, JitdValue *out)
 *            self is 0 for functions and static methods; in/out hold the slots in order.
 *   native   int32_t f(<one C argument per slot>...), with a JitdCall in the static chain register (r10 in the x86-64
 *            psABI; libffi's ffi_call_go). A slot's C type is its scalar's (types.def), uint64_t for a reference.
 * Both return JITD_TRAP_NONE, or the kind of the trap that frame->trap describes; results are then not written.
 * Argument references are borrowed from the caller for the call; a result reference is owned by the caller (one count). */
#pragma once
#include <stdint.h>

#define JITD_ABI_VERSION 13

/* What py_catch answers but for numbers of handlers. */
#define JITD_CATCH_NOBODY (-1)
#define JITD_CATCH_PYTHON (-2)

/* A reference is an arena offset. Two values are no object: */
#define JITD_UNSET 0 /* a field that was never assigned */
#define JITD_NONE 1  /* None */

typedef union JitdValue {
    int64_t i; /* int, bool, signed sized integers (sign-extended) */
    uint64_t u;
    double f;
    float f32;
    uint64_t ref;
} JitdValue;
_Static_assert(sizeof(JitdValue) == 8, "JitdValue is one slot");

typedef enum JitdTrapKind {
    JITD_TRAP_NONE = 0,
    JITD_TRAP_REDO = 1,      /* nothing was committed: run the call in Python instead */
    JITD_TRAP_RAISE = 2,     /* raise what the site table says about trap.site */
    JITD_TRAP_INTERRUPT = 3, /* the interpreter has a signal handler to run; it may already have raised */
    JITD_TRAP_PYTHON = 4,    /* an import called the interpreter and its exception is set there */
    JITD_TRAP_MEMORY = 5,    /* the arena is full */
    JITD_TRAP_OBJECT =
        6, /* the interpreter has done the rest of a call, whose result is frame->object: not of its type */
} JitdTrapKind;

/* What the calls on the stack have done when they poll. */
typedef enum JitdEffects {
    JITD_EFFECTS_NONE = 0, /* nothing */
    JITD_EFFECTS_UNDO =
        1, /* stores that will be taken back before a redo: nobody may see them until the call is over, */
           /* so instead of running Python code the poll answers REDO */
    JITD_EFFECTS_KEPT = 2,    /* what cannot be taken back: no redo any more */
    JITD_EFFECTS_RESUMED = 3, /* the same, but the interpreter can go on from here: REDO asks for that */
} JitdEffects;

#define JITD_TRACE_MAX 16
#define JITD_TRACE_MORE 1008 /* as deep as CPython goes */
#define JITD_TRAP_VALUES 8
#define JITD_CALL_SLOTS 64    /* values that an entry takes, and that it gives */
#define JITD_PYMATH_VALUES 64 /* numbers among the arguments of one call of the import pymath */

typedef struct JitdTrap {
    uint32_t kind;
    uint32_t site;   /* index into the image's site table: where it happened */
    uint32_t ntrace; /* compiled callers between there and the entry, innermost first; */
    uint32_t trace
        [JITD_TRACE_MAX]; /* the site of each one's call; further ones are in JitdFrame.more (those beyond that are dropped, ntrace counts them) */
    uint32_t nvalues;
    JitdValue values[JITD_TRAP_VALUES]; /* what the site's message or operation refers to */
} JitdTrap;

#define JITD_SIZE_CLASSES 64

/* A process's allocator for one arena: private memory of that process, guarded by its interpreter lock. */
typedef struct JitdAlloc {
    uint64_t free[JITD_SIZE_CLASSES]; /* first free block of each size class, linked through bytes 8..15; 0 = none */
    uint32_t row;                     /* this process's row of roots: the owner of what it allocates */
    uint32_t reserved;
    void *owner; /* for the imports: the client library's context */
} JitdAlloc;

/* One per thread that calls generated code. */
typedef struct JitdFrame {
    uint8_t *arena; /* base address of the namespace's arena in this process */
    JitdAlloc *alloc;
    const volatile uint32_t *interrupt; /* not 0: call JITD_IMPORT_poll at the next chance */
    uintptr_t stack_limit;              /* generated code raises RecursionError below this address */
    JitdTrap trap;
    void *running; /* for the imports poll and resume: the call at hand, as its caller knows it */
    void *object;  /* JITD_TRAP_OBJECT: a PyObject, whose reference goes to whoever takes it from here */
    uint64_t
        ran; /* changes whenever the interpreter may have run Python code in the middle of compiled code, or an attribute was set */
    uint32_t turns;                 /* of loops that look each time, before one really does */
    uint32_t more[JITD_TRACE_MORE]; /* of trap.trace */
} JitdFrame;

/* The attribute that a place of compiled code read last, in this call. */
typedef struct JitdRead {
    uint64_t ref, object; /* of the instance; the attribute's, which that holds */
    uint64_t ran;         /* JitdFrame.ran then; ref 0: nothing was read */
} JitdRead;
_Static_assert(sizeof(JitdRead) == 24, "JitdRead is three words, for generated code");

/* What every native entry is given besides its arguments. Not arguments themselves: libffi takes 5 ns for each. */
typedef struct JitdCall {
    JitdFrame *frame;
    uint64_t self;  /* 0 for functions and static methods */
    JitdValue *out; /* the result's slots */
} JitdCall;
_Static_assert(sizeof(JitdCall) == 24, "JitdCall is three words, for generated code");

/* Import table: slot i is a pointer to a function of the client's own process. */
typedef enum JitdImport {
#define IMPORT(name, ret, args) JITD_IMPORT_##name,
#include "protocol/imports.def"
#undef IMPORT
    JITD_N_IMPORTS,
} JitdImport;

/* The window: address space that every client reserves, and the place of each thing in it. Distances inside it are the
 * same for everybody. Segments follow the import pages; the broker chooses their offsets. */
#define JITD_WINDOW_SIZE ((uint64_t)2 << 30)
#define JITD_IMPORTS_OFFSET 0
#define JITD_IMPORTS_SIZE 65536
#define JITD_SEGMENTS_OFFSET JITD_IMPORTS_SIZE
