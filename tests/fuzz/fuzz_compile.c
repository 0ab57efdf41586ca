/* The compiler up to the IR: any file or unit is refused, or becomes a module that LLVM's verifier accepts. The first byte says which:
 * even, Python's text, of which the tool makes the unit; odd, the unit's bytes. */
#include "fuzz.h"
#include "server/compiler/codegen.h"
#include "server/compiler/compiler.h"
#include "server/compiler/stages.h"
#include "server/tool/unit_from_py.h"
#include <llvm-c/BitReader.h>
#include <stdio.h>

#define POOL_LIMIT ((size_t)64 << 20)

extern const unsigned char runtime_bc[];
extern const unsigned long runtime_bc_size;

static void verify(Pool *pool, LLVMModuleRef module) {
    Str error = STR_NULL;
    codegen_target(module);
    codegen_seal(module);
    if (codegen_verify(pool, module, &error) == 0)
        return;
    char *text = LLVMPrintModuleToString(module);
    fprintf(stderr, "%s\n%.*s\n", text, STR_FMT(error));
    LLVMDisposeMessage(text);
    abort();
}

static void lower(Pool *pool, const UnitSpec *unit) {
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef runtime;
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange((const char *)runtime_bc, runtime_bc_size, "runtime", 0);
    need(LLVMGetBitcodeModuleInContext2(context, buffer, &runtime) == 0);
    Program program = {0};
    jmp_buf *outer = pool->fail_arg, full;
    pool->fail_arg = &full;
    if (!setjmp(full)) {
        program_compile(pool, unit, context, runtime, PROGRAM_DUMP_NONE, STR_NULL, &program);
        for (size_t i = 0; i < program.nrefused; i++)
            need(program.refused[i].message.len > 0);
        verify(pool, program.module);
        LLVMDisposeModule(program.module);
    }
    pool->fail_arg = outer;
    LLVMContextDispose(context);
}

static void compile(Pool *pool, Str bytes) {
    UnitSpec unit;
    Str error = STR_NULL;
    if (unit_decode(pool, bytes, &unit, &error) == 0)
        lower(pool, &unit);
    else
        need(error.len > 0);
}

static void pool_full(void *arg) {
    longjmp(*(jmp_buf *)arg, 1);
}

static void text(Pool *pool, Str bytes) {
    jmp_buf failed;
    Source source = {STR("fuzz.py"), bytes, 1};
    Compilation c = {.pool = pool, .source = &source, .on_fail = &failed};
    if (setjmp(failed))
        return;
    Ast ast = parse_module(&c, &source);
    compile(pool, unit_from_py(&c, &ast, NULL, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool started;
    if (!started)
        compiler_init(NULL);
    started = true;
    if (!size)
        return 0;
    jmp_buf full;
    Pool pool = {.limit = POOL_LIMIT, .fail = pool_full, .fail_arg = &full};
    Str bytes = {(const char *)data + 1, size - 1};
    if (!setjmp(full)) {
        if (data[0] & 1)
            compile(&pool, bytes);
        else
            text(&pool, bytes);
    }
    pool_deinit(&pool);
    return 0;
}
