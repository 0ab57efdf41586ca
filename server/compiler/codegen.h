/* Module -> Object: LLVM's optimiser and code generator, set up for the machine this runs on. After codegen_init several
 * threads may use it, each for modules of its own context. */
#pragma once
#include "base/pool.h"
#include <llvm-c/Core.h>

/* Once in a process, before a sandbox: finds out about the CPU and sets LLVM's options. `fatal` is called before LLVM
 * would end the process on an error that it can report in no other way; it should not return. */
void codegen_init(void (*fatal)(const char *message));

/* What code depends on besides the unit: LLVM's version, target, CPU and features. */
const char *codegen_identity(void);

/* Makes an empty or finished module this machine's: triple, data layout, flags. */
void codegen_target(LLVMModuleRef module);

/* Everything but the entries becomes internal, imports are to be reached through the GOT. */
void codegen_seal(LLVMModuleRef module);

/* Each 0; or 1 with *ret_error. Memory is the pool's. `quick`: the module is too long for more (effort.h). */
int codegen_verify(Pool *pool, LLVMModuleRef module, Str *ret_error);
int codegen_optimise(Pool *pool, LLVMModuleRef module, bool *ret_quick, Str *ret_error);
int codegen_object(Pool *pool, LLVMModuleRef module, bool quick, Str *ret_object, Str *ret_error);
int codegen_assembly(Pool *pool, LLVMModuleRef module, bool quick, Str *ret_text, Str *ret_error);
