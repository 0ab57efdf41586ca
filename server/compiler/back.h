/* The modules of a program -> objects: verify, optimise and codegen, of two modules at the same time. */
#pragma once
#include "server/compiler/compiler.h"
#include "server/compiler/stages.h"

typedef struct BackPart {
    LLVMModuleRef module;
    CompileWhat what; /* COMPILE_IR_OPT: the module is only optimised; COMPILE_ASM: `object` is assembly */
    Pool pool;        /* of `object` and `error` */
    Str object, error;
    Timings timings;
    bool failed, quick;
} BackPart;

typedef struct Back {
    BackPart parts[PROGRAM_PARTS];
    unsigned nparts;
} Back;

/* Starts what it needs; once in a process, before a sandbox. */
void back_init(void);

/* 0; or 1 with *ret_error, which is in ret_back's memory. *ret_timings: those of the module that took longest. */
int back_run(const Program *program, CompileWhat what, Back *ret_back, Timings *ret_timings, Str *ret_error);

/* Gives its memory back. */
void back_deinit(Back *back);
