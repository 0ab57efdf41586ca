/* Effort: LLVM's time is nearly all of a compilation's, and grows faster than a function. What is so long that it would keep its user waiting
 * for seconds is machine code as well, made quickly: ten to fifty times as fast, and slower to run.
 *
 * The measure is instructions, of which each takes LLVM about 0.03 ms. A function takes as long as EFFORT_EACH_FUNCTION of them besides; and a
 * loop that calls nothing, which is unrolled and vectorised, as EFFORT_EACH_LOOP (5 to 9 ms). The longest function of the programs in bench/ has
 * 4,900 instructions, their dearest module costs 83,000, and they have two such loops: they are to be optimised. */
#include "server/compiler/effort.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EFFORT_FUNCTION 8000 /* the longest that is optimised */
#define EFFORT_MODULE 90000  /* what the dearest module may cost */
#define EFFORT_ALONE 2       /* what an instruction costs in a function that is not optimised in such a module */
#define EFFORT_EACH_FUNCTION 40
#define EFFORT_EACH_LOOP 230
#define EFFORT_LOOPS 48 /* in a function that is optimised: many take longer each */

#define LOOP_BLOCKS 64 /* the most of a loop that is unrolled or vectorised */

typedef struct Place {
    LLVMBasicBlockRef block;
    unsigned number; /* in the function's order */
} Place;

static int compare_places(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const Place *)a)->block, y = (uintptr_t)((const Place *)b)->block;
    return x < y ? -1 : x > y;
}

static size_t length_of(LLVMValueRef function) {
    size_t n = 0;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
            n++;
    return n;
}

/* What keeps LLVM from unrolling and vectorising a loop. */
static bool is_opaque(LLVMValueRef instruction) {
    switch (LLVMGetInstructionOpcode(instruction)) {
    case LLVMCall: {
        LLVMValueRef callee = LLVMIsAFunction(LLVMGetCalledValue(instruction));
        return !callee || !LLVMGetIntrinsicID(callee);
    }
    case LLVMAtomicRMW:
    case LLVMAtomicCmpXchg:
    case LLVMFence:
        return true;
    default:
        return false;
    }
}

static bool has_opaque(LLVMBasicBlockRef block) {
    for (LLVMValueRef i = LLVMGetFirstInstruction(block); i; i = LLVMGetNextInstruction(i))
        if (is_opaque(i))
            return true;
    return false;
}

typedef struct Loop {
    LLVMBasicBlockRef blocks[LOOP_BLOCKS]; /* the header first */
    unsigned n;
} Loop;

static bool has_block(const Loop *loop, LLVMBasicBlockRef block) {
    for (unsigned i = 0; i < loop->n; i++)
        if (loop->blocks[i] == block)
            return true;
    return false;
}

/* False: it is too large, or something in the block is opaque. */
static bool add_block(Loop *loop, LLVMBasicBlockRef block) {
    if (has_block(loop, block))
        return true;
    if (loop->n == LOOP_BLOCKS || has_opaque(block))
        return false;
    loop->blocks[loop->n++] = block;
    return true;
}

/* From where it is jumped to. */
static bool add_before(Loop *loop, LLVMBasicBlockRef block) {
    for (LLVMUseRef u = LLVMGetFirstUse(LLVMBasicBlockAsValue(block)); u; u = LLVMGetNextUse(u)) {
        LLVMValueRef jump = LLVMIsAInstruction(LLVMGetUser(u));
        if (jump && !add_block(loop, LLVMGetInstructionParent(jump)))
            return false;
    }
    return true;
}

/* Whether nothing is opaque from where a loop begins to its end, a jump back. */
static bool is_simple(LLVMBasicBlockRef header, LLVMBasicBlockRef end) {
    Loop loop = {.n = 0};
    bool simple = add_block(&loop, header) && add_block(&loop, end);
    for (unsigned i = 1; simple && i < loop.n; i++)
        simple = add_before(&loop, loop.blocks[i]);
    return simple;
}

static bool ends_simple_loop(LLVMBasicBlockRef block, unsigned number, const Place *places, unsigned n) {
    LLVMValueRef last = LLVMGetBasicBlockTerminator(block);
    unsigned successors = last ? LLVMGetNumSuccessors(last) : 0;
    for (unsigned i = 0; successors > 1 && i < successors; i++) {
        Place key = {LLVMGetSuccessor(last, i), 0}, *to = bsearch(&key, places, n, sizeof key, compare_places);
        if (to && to->number <= number && is_simple(to->block, block))
            return true;
    }
    return false;
}

/* Loops that call nothing. */
static size_t loops_of(LLVMValueRef function) {
    unsigned n = LLVMCountBasicBlocks(function), number = 0;
    size_t loops = 0;
    Place *places = malloc((n + 1) * sizeof *places);
    if (!places)
        return 0;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b), number++)
        places[number] = (Place){b, number};
    qsort(places, n, sizeof *places, compare_places);
    number = 0;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        loops += ends_simple_loop(b, number++, places, n);
    free(places);
    return loops;
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
    size_t cost = 0;
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f))
            continue;
        size_t length = length_of(f), loops = length > EFFORT_FUNCTION ? 0 : loops_of(f);
        if (length > EFFORT_FUNCTION || loops > EFFORT_LOOPS) {
            leave_alone(f);
            cost += length * EFFORT_ALONE;
        } else {
            cost += length + EFFORT_EACH_FUNCTION + loops * EFFORT_EACH_LOOP;
        }
    }
    return cost > EFFORT_MODULE;
}
