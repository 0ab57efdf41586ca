/* The driver: the compilation from the unit's bytes to the image, stage by stage.
 *
 *   decode    bytes -> UnitSpec                               protocol/spec.c
 *   runtime   the helpers' bitcode -> module
 *   program   UnitSpec -> modules, entries, refusals, sites    parse, resolve, infer, flow, emit for every function
 *   optimise  module -> module                                back.c, codegen.c; of two modules at the same time
 *   codegen   module -> object                                back.c, codegen.c
 *   link      objects -> code, fixups                         link.c
 *   meta      what clients must know about it                 meta.c */
#include "server/compiler/back.h"
#include "server/compiler/link.h"
#include "server/compiler/meta.h"
#include "server/compiler/narrow.h"
#include "server/compiler/stage.h"
#include "server/compiler/stages.h"
#include <llvm-c/BitReader.h>
#include <setjmp.h>

extern const unsigned char runtime_bc[]; /* made from runtime/ (see meson.build) */
extern const unsigned long runtime_bc_size;

typedef struct Compile {
    Pool *pool;
    Str bytes, method;
    CompileWhat what;
    UnitSpec unit;
    Program program;
    Back back;
    Linked linked;
    Image image;
    Str error;
} Compile;

bool compile_what(Str word, CompileWhat *ret_what) {
    static const char *const words[] = {"image", "ast", "bound", "typed", "flow", "ir", "iropt", "asm"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq_c(word, words[i])) {
            *ret_what = (CompileWhat)i;
            return true;
        }
    return false;
}

/* ---- where modules are made: got ready before the compilation, thrown away after it ---- */

static ProgramPart parts[PROGRAM_PARTS];
static bool parts_ready;

/* LLVM's remarks and warnings are of no use to anybody here; errors make the stage fail, which reports them. */
static void compile_on_diagnostic(LLVMDiagnosticInfoRef info, void *arg) {
    (void)info;
    (void)arg;
}

/* A context goes with its modules. */
static void part_dispose(ProgramPart *part) {
    if (part->context)
        LLVMContextDispose(part->context);
    *part = (ProgramPart){0};
}

/* Of a body the bitcode's reader takes only where it stands, until it is asked for. */
static bool part_prepare(ProgramPart *part) {
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange((const char *)runtime_bc, runtime_bc_size, "runtime", 0);
    part->context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(part->context, compile_on_diagnostic, NULL);
    return !LLVMGetBitcodeModuleInContext2(part->context, buffer, &part->runtime);
}

void compiler_tidy(void) {
    if (parts_ready)
        return;
    for (unsigned i = 0; i < PROGRAM_PARTS; i++)
        part_dispose(&parts[i]);
    parts_ready = true;
    for (unsigned i = 0; i < PROGRAM_PARTS; i++)
        parts_ready = part_prepare(&parts[i]) && parts_ready;
}

static int compile_load_runtime(Compile *c) {
    compiler_tidy();
    if (parts_ready)
        return 0;
    c->error = STR("the compiler's own runtime is damaged");
    return 1;
}

/* ---- the stages ---- */

static ProgramDump compile_program_dump(CompileWhat what) {
    switch (what) {
    case COMPILE_AST:
        return PROGRAM_DUMP_AST;
    case COMPILE_BOUND:
        return PROGRAM_DUMP_BOUND;
    case COMPILE_TYPED:
        return PROGRAM_DUMP_TYPED;
    case COMPILE_FLOW:
        return PROGRAM_DUMP_FLOW;
    default:
        return PROGRAM_DUMP_NONE;
    }
}

static int compile_program(Compile *c) {
    ProgramDump dump = compile_program_dump(c->what);
    if (dump == PROGRAM_DUMP_NONE && TIMED(&c->image.timings, runtime, compile_load_runtime(c)))
        return 1;
    parts_ready = parts_ready && dump != PROGRAM_DUMP_NONE; /* the others use them up */
    program_compile(c->pool, &c->unit, parts, dump, c->method, &c->program);
    c->image.timings.us[PASS_lex] = c->program.lex_us;
    c->image.timings.us[PASS_parse] = c->program.parse_us;
    c->image.timings.us[PASS_resolve] = c->program.resolve_us;
    c->image.timings.us[PASS_infer] = c->program.infer_us;
    c->image.timings.us[PASS_emit] = c->program.emit_us;
    c->image.text = c->program.dump;
    return 0;
}

static int compile_dump_ir(Compile *c) {
    c->image.text = narrow_ir(c->pool, &c->unit, &c->program, c->method);
    return 0;
}

static int compile_dump_asm(Compile *c) {
    Str texts[PROGRAM_PARTS];
    for (unsigned i = 0; i < c->back.nparts; i++)
        texts[i] = c->back.parts[i].object;
    c->image.text = narrow_asm(c->pool, &c->unit, &c->program, c->method, texts, c->back.nparts);
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

static int compile_link(Compile *c) {
    Str objects[PROGRAM_PARTS];
    for (unsigned i = 0; i < c->back.nparts; i++)
        objects[i] = c->back.parts[i].object;
    return link_objects(c->pool, objects, c->back.nparts, &c->linked, &c->error);
}

static int compile_back(Compile *c) {
    Str error;
    if (back_run(&c->program, c->what, &c->back, &c->image.timings, &error)) {
        c->error = pool_strdup(c->pool, error);
        return 1;
    }
    if (c->what == COMPILE_IR_OPT)
        return compile_dump_ir(c);
    if (c->what == COMPILE_ASM)
        return compile_dump_asm(c);
    return TIMED(&c->image.timings, link, compile_link(c)) || compile_image(c);
}

static int compile_stages(Compile *c) {
    if (TIMED(&c->image.timings, decode, unit_decode(c->pool, c->bytes, &c->unit, &c->error)) || compile_program(c))
        return 1;
    if (compile_program_dump(c->what) != PROGRAM_DUMP_NONE)
        return 0;
    return c->what == COMPILE_IR ? compile_dump_ir(c) : compile_back(c);
}

static void compile_pool_full(void *arg) {
    longjmp(*(jmp_buf *)arg, 1);
}

/* Runs the stages; a pool that runs out lands here, wherever that happens. */
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
    Compile c = {.pool = pool, .bytes = unit, .method = method, .what = what};
    void (*fail)(void *) = pool->fail;
    void *fail_arg = pool->fail_arg;
    int r = compile_guarded(&c);
    back_deinit(&c.back);
    pool->fail = fail;
    pool->fail_arg = fail_arg;
    stage_enter("");
    if (r)
        *ret_error = c.error;
    else
        *ret_image = c.image;
    return r;
}
