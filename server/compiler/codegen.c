/* Code generation: the one file that sets up LLVM's passes and target; see codegen.h.
 *
 * The options are those of `clang -O3 -march=native -ffp-contract=off` where they matter, so that code is as good as its,
 * and two that make position-independent code which needs no relocation in the client:
 *  - imports are `nonlazybind` and not local to the module: a call is `call *import@GOTPCREL(%rip)`;
 *  - the module flag RtLibUseGOT says the same of the calls that LLVM adds itself (memset, fmod, ...).
 *
 * Cheaper settings that were tried on a Zen 5 and cost more than they save: tuning for x86-64, -v3 or -v4 instead of the
 * host (7 to 11 % less to compile; a counting loop 2.6 to 3.5 times slower), no scheduling after register allocation (3 %;
 * mandelbrot 1.7 times slower), no run-time unrolling (12 %; an integer loop 1.2 times slower), unrolling by at most 4
 * (4 %; the counting loop 2.6 times slower). What saves nothing worth having: O2's list without the passes that cannot do
 * anything to this IR (coroutines, OpenMP, attributes of imports, profiles ...; 1 to 2 %), another malloc (1 to 4 %), the
 * compiler's own code on huge pages (1 %). */
#include "server/compiler/codegen.h"
#include "server/compiler/effort.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Config/llvm-config.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
    LLVMTargetRef target;
    LLVMTargetDataRef layout;
    char *triple, *cpu, *features, *identity;
} codegen;

/* Lets LLVM vectorise around a float sum whose order stays as written. */
static const char *const llvm_options[] = {"jitd", "-force-ordered-reductions", "-cgpp-huge-func=500"};

/* A target machine is for one thread; tuning is for this CPU, and what it may do is said by the features, as hypervisors mask
 * some. */
static LLVMTargetMachineRef codegen_machine(bool quick) {
    static _Thread_local LLVMTargetMachineRef machines[2];
    if (!machines[quick])
        machines[quick] = LLVMCreateTargetMachine(codegen.target, codegen.triple, codegen.cpu, codegen.features,
                                                  quick ? LLVMCodeGenLevelNone : LLVMCodeGenLevelAggressive,
                                                  LLVMRelocPIC, LLVMCodeModelSmall);
    return machines[quick];
}

static void codegen_make_identity(void) {
    int n = snprintf(NULL, 0, "LLVM %s %s %s %s", LLVM_VERSION_STRING, codegen.triple, codegen.cpu, codegen.features);
    codegen.identity = malloc((size_t)n + 1);
    if (!codegen.identity)
        abort();
    snprintf(codegen.identity, (size_t)n + 1, "LLVM %s %s %s %s", LLVM_VERSION_STRING, codegen.triple, codegen.cpu,
             codegen.features);
}

void codegen_init(void (*fatal)(const char *message)) {
    char *error = NULL;
    if (fatal)
        LLVMInstallFatalErrorHandler(fatal);
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMParseCommandLineOptions(sizeof llvm_options / sizeof *llvm_options, llvm_options, NULL);
    codegen.triple = LLVMGetDefaultTargetTriple();
    codegen.cpu = LLVMGetHostCPUName();
    codegen.features = LLVMGetHostCPUFeatures();
    if (LLVMGetTargetFromTriple(codegen.triple, &codegen.target, &error)) {
        if (fatal)
            fatal(error);
        abort();
    }
    codegen.layout = LLVMCreateTargetDataLayout(codegen_machine(false));
    codegen_make_identity();
}

const char *codegen_identity(void) {
    return codegen.identity;
}

static void codegen_flag(LLVMModuleRef module, const char *name, unsigned value) {
    LLVMTypeRef i32 = LLVMInt32TypeInContext(LLVMGetModuleContext(module));
    if (!LLVMGetModuleFlag(module, name, strlen(name)))
        LLVMAddModuleFlag(module, LLVMModuleFlagBehaviorOverride, name, strlen(name),
                          LLVMValueAsMetadata(LLVMConstInt(i32, value, 0)));
}

void codegen_target(LLVMModuleRef module) {
    LLVMSetTarget(module, codegen.triple);
    LLVMSetModuleDataLayout(module, codegen.layout);
    codegen_flag(module, "PIC Level", 2);
    codegen_flag(module, "RtLibUseGOT", 1);
}

static bool codegen_has_prefix(LLVMValueRef value, const char *prefix) {
    size_t n;
    const char *name = LLVMGetValueName2(value, &n);
    return n > strlen(prefix) && memcmp(name, prefix, strlen(prefix)) == 0;
}

static void codegen_add_attribute(LLVMValueRef function, const char *name) {
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMContextRef context = LLVMGetModuleContext(LLVMGetGlobalParent(function));
    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(context, kind, 0));
}

/* The runtime's bitcode was compiled for any x86-64; its functions are to be compiled for this machine, like the others. */
static void codegen_set_cpu(LLVMValueRef function) {
    static const char *const drop[] = {"target-cpu", "target-features", "tune-cpu"};
    static const char width[] = "min-legal-vector-width"; /* as clang: wide registers only where tuning wants them */
    LLVMContextRef context = LLVMGetModuleContext(LLVMGetGlobalParent(function));
    for (size_t i = 0; i < sizeof drop / sizeof *drop; i++)
        LLVMRemoveStringAttributeAtIndex(function, LLVMAttributeFunctionIndex, drop[i], (unsigned)strlen(drop[i]));
    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex,
                            LLVMCreateStringAttribute(context, width, sizeof width - 1, "0", 1));
}

static void codegen_seal_function(LLVMValueRef f) {
    if (LLVMGetIntrinsicID(f))
        return;
    codegen_set_cpu(f);
    codegen_add_attribute(f, "nounwind");
    if (LLVMIsDeclaration(f)) {
        codegen_add_attribute(f, "nonlazybind");
        LLVMSetVisibility(f, LLVMDefaultVisibility);
    } else if (codegen_has_prefix(f, "jitd_native_") || codegen_has_prefix(f, "jitd_thunk_")) {
        LLVMSetVisibility(f, LLVMHiddenVisibility);
    } else {
        LLVMSetVisibility(f, LLVMDefaultVisibility);
        LLVMSetLinkage(f, LLVMInternalLinkage);
    }
}

static void codegen_seal_global(LLVMValueRef g) {
    if (LLVMIsDeclaration(g))
        return;
    if (codegen_has_prefix(g, "jitd_class_id")) {
        LLVMSetVisibility(g, LLVMHiddenVisibility);
    } else if (LLVMGetLinkage(g) != LLVMPrivateLinkage) {
        LLVMSetVisibility(g, LLVMDefaultVisibility);
        LLVMSetLinkage(g, LLVMInternalLinkage);
    }
}

void codegen_seal(LLVMModuleRef module) {
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        codegen_seal_function(f);
    for (LLVMValueRef g = LLVMGetFirstGlobal(module); g; g = LLVMGetNextGlobal(g))
        codegen_seal_global(g);
}

int codegen_verify(Pool *pool, LLVMModuleRef module, Str *ret_error) {
    char *message = NULL;
    int bad = LLVMVerifyModule(module, LLVMReturnStatusAction, &message);
    if (bad)
        *ret_error = pool_printf(pool, "the compiler made invalid code: %s", message);
    LLVMDisposeMessage(message);
    return bad;
}

static int codegen_passes(Pool *pool, LLVMModuleRef module, const char *passes, Str *ret_error) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMPassBuilderOptionsSetLoopVectorization(options, 1);
    LLVMPassBuilderOptionsSetSLPVectorization(options, 1);
    LLVMPassBuilderOptionsSetLoopInterleaving(options, 1);
    LLVMPassBuilderOptionsSetLoopUnrolling(options, 1);
    LLVMErrorRef error = LLVMRunPasses(module, passes, codegen_machine(false), options);
    LLVMDisposePassBuilderOptions(options);
    if (!error)
        return 0;
    char *message = LLVMGetErrorMessage(error);
    *ret_error = pool_printf(pool, "optimising failed: %s", message);
    LLVMDisposeErrorMessage(message);
    return 1;
}

int codegen_optimise(Pool *pool, LLVMModuleRef module, bool *ret_quick, Str *ret_error) {
    if (codegen_passes(pool, module, "always-inline", ret_error))
        return 1;
    *ret_quick = effort_limit(module);
    return !*ret_quick && codegen_passes(pool, module, "default<O2>", ret_error);
}

/* Passes may have declared functions of their own: they are imports, too. */
static void codegen_seal_declarations(LLVMModuleRef module) {
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f))
        if (LLVMIsDeclaration(f))
            codegen_seal_function(f);
}

static int codegen_emit(Pool *pool, LLVMModuleRef module, bool quick, LLVMCodeGenFileType type, Str *ret_bytes,
                        Str *ret_error) {
    LLVMMemoryBufferRef buffer;
    char *message = NULL;
    codegen_seal_declarations(module);
    if (LLVMTargetMachineEmitToMemoryBuffer(codegen_machine(quick), module, type, &message, &buffer)) {
        *ret_error = pool_printf(pool, "code generation failed: %s", message);
        LLVMDisposeMessage(message);
        return 1;
    }
    *ret_bytes = pool_strdup(pool, (Str){LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer)});
    LLVMDisposeMemoryBuffer(buffer);
    return 0;
}

int codegen_object(Pool *pool, LLVMModuleRef module, bool quick, Str *ret_object, Str *ret_error) {
    return codegen_emit(pool, module, quick, LLVMObjectFile, ret_object, ret_error);
}

int codegen_assembly(Pool *pool, LLVMModuleRef module, bool quick, Str *ret_text, Str *ret_error) {
    return codegen_emit(pool, module, quick, LLVMAssemblyFile, ret_text, ret_error);
}
