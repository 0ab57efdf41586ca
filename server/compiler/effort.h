/* How much of LLVM's work a module is worth. */
#pragma once
#include <llvm-c/Core.h>
#include <stdbool.h>

/* Of a module in which what is always inlined is: marks functions that LLVM's passes are to leave as they are, for their length. True: so is the
 * whole module, and its code is to be generated in the quickest way. */
bool effort_limit(LLVMModuleRef module);
