/* For the front's tests: runs a pass on a text and keeps what it says. */
#pragma once
#include "server/compiler/dump.h"
#include "server/compiler/parse.h"
#include <criterion/criterion.h>

static Pool pool;
static Str error; /* of the last refusal, rendered */
static Source source;
static Compilation compilation;
static jmp_buf failed;

static void teardown(void) {
    pool_deinit(&pool);
}

/* Prepares a compilation; a pass between setjmp(failed) and the use of its result. */
static Compilation *begin(const char *text, size_t len, int first_line) {
    error = STR_NULL;
    source = (Source){STR("x.py"), {text, len}, first_line};
    compilation = (Compilation){.pool = &pool, .source = &source, .on_fail = &failed};
    pool.fail = fail_out_of_memory;
    pool.fail_arg = &compilation;
    return &compilation;
}

static void keep_error(void) {
    pool.limit = 0;
    error = diag_render(&pool, &source, &compilation.diag);
}

static bool contains(Str s, const char *part) {
    return s.len && memmem(s.ptr, s.len, part, strlen(part));
}
