/* The driver: the compilation from the unit's bytes to the image, stage by stage.
 *
 *   decode    bytes -> UnitSpec                               protocol/spec.c
 *   runtime   the helpers' bitcode -> module
 *   program   UnitSpec -> module, entries, refusals, sites    parse, resolve, infer, lower for every function
 *   optimise  module -> module                                codegen.c
 *   codegen   module -> object                                codegen.c
 *   link      object -> code, fixups                          link.c
 *   meta      what clients must know about it                 meta.c */
#include "server/compiler/codegen.h"
#include "server/compiler/link.h"
#include "server/compiler/meta.h"
#include "server/compiler/narrow.h"
#include "server/compiler/stage.h"
#include "server/compiler/stages.h"
#include <llvm-c/BitReader.h>
#include <setjmp.h>
#include <time.h>

extern const unsigned char runtime_bc[]; /* made from runtime/ (see meson.build) */
extern const unsigned long runtime_bc_size;

typedef struct Compile {
    Pool *pool;
    Str bytes, method;
    CompileWhat what;
    LLVMContextRef context;
    UnitSpec unit;
    Program program;
    Linked linked;
    Image image;
    Str error;
} Compile;

bool compile_what(Str word, CompileWhat *ret_what) {
    static const char *const words[] = {"image", "ast", "bound", "typed", "ir", "iropt", "asm"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq_c(word, words[i])) {
            *ret_what = (CompileWhat)i;
            return true;
        }
    return false;
}

static uint64_t compile_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Runs `expression`, a stage that returns 0 or 1, and notes how long it took. */
#define TIMED(c, pass, expression)                                                                                     \
    ({                                                                                                                 \
        uint64_t timed_start = compile_now_us();                                                                       \
        stage_enter(#pass);                                                                                            \
        int timed_result = (expression);                                                                               \
        (c)->image.timings.us[PASS_##pass] = compile_now_us() - timed_start;                                           \
        timed_result;                                                                                                  \
    })

static int compile_load_runtime(Compile *c, LLVMModuleRef *ret_module) {
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange((const char *)runtime_bc, runtime_bc_size, "runtime", 0);
    int r = LLVMGetBitcodeModuleInContext2(c->context, buffer, ret_module); /* of a body only where it stands */
    if (r)
        c->error = STR("the compiler's own runtime is damaged");
    return r;
}

static ProgramDump compile_program_dump(CompileWhat what) {
    switch (what) {
    case COMPILE_AST:
        return PROGRAM_DUMP_AST;
    case COMPILE_BOUND:
        return PROGRAM_DUMP_BOUND;
    case COMPILE_TYPED:
        return PROGRAM_DUMP_TYPED;
    default:
        return PROGRAM_DUMP_NONE;
    }
}

static int compile_program(Compile *c) {
    ProgramDump dump = compile_program_dump(c->what);
    LLVMModuleRef runtime = NULL;
    if (dump == PROGRAM_DUMP_NONE && TIMED(c, runtime, compile_load_runtime(c, &runtime)))
        return 1;
    program_compile(c->pool, &c->unit, c->context, runtime, dump, c->method, &c->program);
    c->image.timings.us[PASS_lex] = c->program.lex_us;
    c->image.timings.us[PASS_parse] = c->program.parse_us;
    c->image.timings.us[PASS_resolve] = c->program.resolve_us;
    c->image.timings.us[PASS_infer] = c->program.infer_us;
    c->image.timings.us[PASS_lower] = c->program.lower_us;
    c->image.text = c->program.dump;
    return 0;
}

static int compile_optimise(Compile *c) {
    codegen_target(c->program.module);
    codegen_seal(c->program.module);
    return codegen_verify(c->pool, c->program.module, &c->error) ||
           codegen_optimise(c->pool, c->program.module, &c->error);
}

static int compile_dump_ir(Compile *c) {
    c->image.text = narrow_ir(c->pool, &c->unit, &c->program, c->method);
    return 0;
}

static int compile_dump_asm(Compile *c) {
    Str text;
    if (codegen_assembly(c->pool, c->program.module, &text, &c->error))
        return 1;
    c->image.text = narrow_asm(c->pool, &c->unit, &c->program, c->method, text);
    return 0;
}

static bool compile_find_entry(Compile *c, const char *kind, size_t i, uint32_t *ret) {
    Str name = pool_printf(c->pool, "jitd_%s_%zu", kind, i);
    if (link_find(&c->linked, name, ret))
        return true;
    c->error = pool_printf(c->pool, "the compiler lost %s", name.ptr);
    return false;
}

static int compile_image(Compile *c) {
    Image *image = &c->image;
    image->code = c->linked.code;
    image->fixups = c->linked.fixups;
    image->nfixups = c->linked.nfixups;
    image->nentries = c->program.nentries;
    image->entries = pool_array(c->pool, ImageEntry, image->nentries);
    for (size_t i = 0; i < image->nentries; i++)
        if (!compile_find_entry(c, "thunk", i, &image->entries[i].thunk) ||
            !compile_find_entry(c, "native", i, &image->entries[i].native))
            return 1;
    if (link_find(&c->linked, STR("jitd_class_ids"), &image->class_table))
        image->nclasses = (uint32_t)c->unit.ndefs;
    image->meta = meta_encode(c->pool, &c->unit, &c->program, &image->timings);
    return 0;
}

static int compile_emit(Compile *c) {
    Str object;
    return TIMED(c, codegen, codegen_object(c->pool, c->program.module, &object, &c->error)) ||
           TIMED(c, link, link_object(c->pool, object, &c->linked, &c->error)) || compile_image(c);
}

static int compile_stages(Compile *c) {
    if (TIMED(c, decode, unit_decode(c->pool, c->bytes, &c->unit, &c->error)) || compile_program(c))
        return 1;
    if (compile_program_dump(c->what) != PROGRAM_DUMP_NONE)
        return 0;
    if (c->what == COMPILE_IR)
        return compile_dump_ir(c);
    if (TIMED(c, optimise, compile_optimise(c)))
        return 1;
    if (c->what == COMPILE_IR_OPT)
        return compile_dump_ir(c);
    return c->what == COMPILE_ASM ? compile_dump_asm(c) : compile_emit(c);
}

static void compile_pool_full(void *arg) {
    longjmp(*(jmp_buf *)arg, 1);
}

/* LLVM's remarks and warnings are of no use to anybody here; errors make the stage fail, which reports them. */
static void compile_on_diagnostic(LLVMDiagnosticInfoRef info, void *arg) {
    (void)info;
    (void)arg;
}

/* Runs the stages; a pool that runs out lands here, wherever that happens. The module goes with its context. */
static __attribute__((noinline)) int compile_guarded(Compile *c) {
    jmp_buf jump;
    c->pool->fail = compile_pool_full;
    c->pool->fail_arg = &jump;
    if (setjmp(jump) == 0)
        return compile_stages(c);
    c->error = STR("the compilation takes too much memory");
    return 1;
}

int compiler_run(Pool *pool, Str unit, CompileWhat what, Str method, Image *ret_image, Str *ret_error) {
    Compile c = {.pool = pool, .bytes = unit, .method = method, .what = what, .context = LLVMContextCreate()};
    void (*fail)(void *) = pool->fail;
    void *fail_arg = pool->fail_arg;
    LLVMContextSetDiagnosticHandler(c.context, compile_on_diagnostic, NULL);
    int r = compile_guarded(&c);
    if (c.program.module)
        LLVMDisposeModule(c.program.module);
    LLVMContextDispose(c.context);
    pool->fail = fail;
    pool->fail_arg = fail_arg;
    stage_enter("");
    if (r)
        *ret_error = c.error;
    else
        *ret_image = c.image;
    return r;
}
