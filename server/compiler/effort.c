/* Effort: LLVM's time is nearly all of a compilation's, and grows faster than a function. What is so long that it would keep its user waiting
 * for seconds is machine code as well, made quickly: ten to fifty times as fast, and slower to run.
 *
 * The measure is instructions, of which each takes LLVM 0.03 to 0.3 ms. The longest function of the programs in bench/ has 4,800, their longest
 * module 75,000: they are to be optimised. */
#include "server/compiler/effort.h"
#include <string.h>

#define EFFORT_FUNCTION 8000 /* the longest that is optimised */
#define EFFORT_MODULE 80000  /* the longest module, without those that are not */
#define EFFORT_ALL 120000    /* the same with them */

static size_t length_of(LLVMValueRef function) {
    size_t n = 0;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
            n++;
    return n;
}

static void leave_alone(LLVMValueRef function) {
    static const char *const names[] = {"noinline", "optnone"};
    LLVMContextRef context = LLVMGetModuleContext(LLVMGetGlobalParent(function));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unsigned kind = LLVMGetEnumAttributeKindForName(names[i], strlen(names[i]));
        LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(context, kind, 0));
    }
}

bool effort_limit(LLVMModuleRef module) {
    size_t optimised = 0, all = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f))
            continue;
        size_t length = length_of(f);
        all += length;
        if (length > EFFORT_FUNCTION)
            leave_alone(f);
        else
            optimised += length;
    }
    return optimised > EFFORT_MODULE || all > EFFORT_ALL;
}
