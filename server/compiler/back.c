/* The back of the compiler: each module of a program through LLVM, two on two threads; see back.h. */
#include "server/compiler/back.h"
#include "server/compiler/codegen.h"
#include "server/compiler/pair.h"
#include "server/compiler/stage.h"
#include <setjmp.h>

static int back_optimise(BackPart *b) {
    codegen_target(b->module);
    codegen_seal(b->module);
    return codegen_verify(&b->pool, b->module, &b->error) ||
           codegen_optimise(&b->pool, b->module, &b->quick, &b->error);
}

static int back_stages(BackPart *b) {
    if (TIMED(&b->timings, optimise, back_optimise(b)))
        return 1;
    if (b->what == COMPILE_IR_OPT)
        return 0;
    if (b->what == COMPILE_ASM)
        return codegen_assembly(&b->pool, b->module, b->quick, &b->object, &b->error);
    return TIMED(&b->timings, codegen, codegen_object(&b->pool, b->module, b->quick, &b->object, &b->error));
}

static void back_pool_full(void *arg) {
    longjmp(*(jmp_buf *)arg, 1);
}

/* On any thread. */
static void back_part(void *arg) {
    BackPart *b = arg;
    jmp_buf jump;
    b->pool.fail = back_pool_full;
    b->pool.fail_arg = &jump;
    b->failed = true;
    b->error = STR("the compilation takes too much memory");
    if (setjmp(jump) == 0)
        b->failed = back_stages(b) != 0;
    b->pool.fail = NULL;
    stage_enter("");
}

void back_init(void) {
    pair_init();
}

static uint64_t back_time(const BackPart *b) {
    return b->timings.us[PASS_optimise] + b->timings.us[PASS_codegen];
}

static void back_timings(const Back *back, Timings *ret_timings) {
    const BackPart *longest = &back->parts[0];
    for (unsigned i = 1; i < back->nparts; i++)
        if (back_time(&back->parts[i]) > back_time(longest))
            longest = &back->parts[i];
    ret_timings->us[PASS_optimise] = longest->timings.us[PASS_optimise];
    ret_timings->us[PASS_codegen] = longest->timings.us[PASS_codegen];
}

int back_run(const Program *program, CompileWhat what, Back *ret_back, Timings *ret_timings, Str *ret_error) {
    Back *back = ret_back;
    *back = (Back){.nparts = program->nmodules};
    for (unsigned i = 0; i < back->nparts; i++)
        back->parts[i] = (BackPart){.module = program->modules[i], .what = what};
    if (back->nparts == 2)
        pair_run(back_part, &back->parts[0], &back->parts[1]);
    else
        back_part(&back->parts[0]);
    back_timings(back, ret_timings);
    for (unsigned i = 0; i < back->nparts; i++)
        if (back->parts[i].failed) {
            *ret_error = back->parts[i].error;
            return 1;
        }
    return 0;
}

void back_deinit(Back *back) {
    for (unsigned i = 0; i < back->nparts; i++)
        pool_deinit(&back->parts[i].pool);
    back->nparts = 0;
}
