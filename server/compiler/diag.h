/* Refusals of the compiler: a place in the user's source, a message, perhaps a hint; and the one way out of every pass.
 */
#pragma once
#include "server/compiler/ast.h"
#include <setjmp.h>

/* Whole lines of a file, UTF-8; `first_line` is the number of the first of them in the file. */
typedef struct Source {
    Str file;
    Str text;
    int first_line;
} Source;

typedef struct Diag {
    Span span; /* line 0: no place in the source */
    Str message;
    Str hint; /* may be STR_NULL */
} Diag;

/* What every pass of one compilation has in hand. `on_fail` is where fail() goes: pass_ends() sets it. */
typedef struct Compilation {
    Pool *pool;
    const Source *source;
    jmp_buf *on_fail;
    Diag diag;
} Compilation;

_Noreturn void fail(Compilation *c, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void fail_hint(Compilation *c, Span span, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Runs a pass, perhaps within another one; false: it failed, and c->diag says why. What a pass writes and its caller reads after a failure is in the caller's
 * variables, not in those of the function that calls setjmp: longjmp would leave them indeterminate. */
bool pass_ends(Compilation *c, void (*pass)(Compilation *c, void *arg), void *arg);

/* What cannot be, whatever the source says: says so and ends the process; the job fails. */
_Noreturn void internal_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For Pool.fail (with the Compilation as Pool.fail_arg): fails without taking more memory. */
void fail_out_of_memory(void *compilation);

/* 'File "x.py", line 3\n    code line\n       ^^^^\nmessage (hint)': valid UTF-8 whatever the source holds. The code
 * line is left out when the source does not have it. */
Str diag_render(Pool *pool, const Source *source, const Diag *diag);
