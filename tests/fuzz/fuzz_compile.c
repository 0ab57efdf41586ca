/* The compiler up to the IR: any file or unit is refused, or becomes modules that LLVM's verifier accepts and a meta that clients can read.
 * The first byte says which: its lowest bit, whether these are the unit's bytes or Python's text, of which the tool makes the unit; the
 * next two, which dump is wanted instead. */
#include "fuzz.h"
#include "protocol/wire.h"
#include "server/compiler/codegen.h"
#include "server/compiler/compiler.h"
#include "server/compiler/meta.h"
#include "server/compiler/stages.h"
#include "server/tool/unit_from_py.h"
#include <ctype.h>
#include <llvm-c/BitReader.h>

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

static void make_part(ProgramPart *part) {
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange((const char *)runtime_bc, runtime_bc_size, "runtime", 0);
    part->context = LLVMContextCreate();
    need(LLVMGetBitcodeModuleInContext2(part->context, buffer, &part->runtime) == 0);
}

static void emit(Pool *pool, const UnitSpec *unit) {
    ProgramPart parts[PROGRAM_PARTS];
    Program program = {0};
    Timings timings = {0};
    jmp_buf *outer = pool->fail_arg, full;
    for (unsigned i = 0; i < PROGRAM_PARTS; i++)
        make_part(&parts[i]);
    pool->fail_arg = &full;
    if (!setjmp(full)) {
        program_compile(pool, unit, parts, PROGRAM_DUMP_NONE, STR_NULL, &program);
        for (size_t i = 0; i < program.nrefused; i++)
            need(program.refused[i].message.len > 0);
        for (unsigned i = 0; i < program.nmodules; i++)
            verify(pool, program.modules[i]);
        need(wire_check(meta_encode(pool, unit, &program, &timings)));
    }
    pool->fail_arg = outer;
    for (unsigned i = 0; i < PROGRAM_PARTS; i++)
        LLVMContextDispose(parts[i].context); /* and what is in it */
}

static void dump_stage(Pool *pool, const UnitSpec *unit, ProgramDump dump) {
    Program program;
    program_compile(pool, unit, NULL, dump, STR_NULL, &program);
    need(program.dump.ptr);
}

static void compile(Pool *pool, Str bytes, ProgramDump dump) {
    UnitSpec unit;
    Str error = STR_NULL;
    if (unit_decode(pool, bytes, &unit, &error))
        need(error.len > 0);
    else if (dump)
        dump_stage(pool, &unit, dump);
    else
        emit(pool, &unit);
}

static void pool_full(void *arg) {
    longjmp(*(jmp_buf *)arg, 1);
}

static void text_pass(Compilation *c, void *dump) {
    Ast ast = parse_module(c, c->source);
    compile(c->pool, unit_from_py(c, &ast, NULL, 0), *(ProgramDump *)dump);
}

static void text(Pool *pool, Str bytes, ProgramDump dump) {
    Source source = {STR("fuzz.py"), bytes, 1};
    Compilation c = {.pool = pool, .source = &source};
    pass_ends(&c, text_pass, &dump);
}

/* Not inlined: longjmp would leave the caller's pool indeterminate. */
static __attribute__((noinline)) void run(Pool *pool, uint8_t first, Str bytes) {
    ProgramDump dump = (ProgramDump)(first >> 1 & 3);
    jmp_buf full;
    pool->fail_arg = &full;
    if (setjmp(full))
        return;
    if (first & 1)
        compile(pool, bytes, dump);
    else
        text(pool, bytes, dump);
}

/* ---- mutations that leave most of the text in order: a word or a line in the place of another ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

typedef struct Piece {
    size_t at, len;
} Piece;

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static bool in_word(uint8_t c) {
    return isalnum(c) || c == '_' || c >= 128;
}

/* A name, a number, or a character that is neither, but no space. */
static Piece some_word(const uint8_t *text, size_t size, unsigned *state) {
    size_t at = next_random(state) % size;
    while (at + 1 < size && isspace(text[at]))
        at++;
    size_t end = at + 1;
    while (in_word(text[at]) && at > 0 && in_word(text[at - 1]))
        at--;
    while (in_word(text[at]) && end < size && in_word(text[end]))
        end++;
    return (Piece){at, end - at};
}

static Piece some_line(const uint8_t *text, size_t size, unsigned *state) {
    size_t at = next_random(state) % size, end = at;
    while (at > 0 && text[at - 1] != '\n')
        at--;
    while (end < size && text[end] != '\n')
        end++;
    return (Piece){at, end - at + (end < size)};
}

static size_t replace(uint8_t *text, size_t size, size_t room, Piece old, const uint8_t *by, size_t len) {
    if (size - old.len + len > room)
        return size;
    memmove(text + old.at + len, text + old.at + old.len, size - old.at - old.len);
    memcpy(text + old.at, by, len);
    return size - old.len + len;
}

static size_t mutate_text(uint8_t *text, size_t size, size_t room, unsigned *state) {
    static const char *const words[] = {
        "int", "float", "bool", "int8", "uint64", "float32", "None", "True", "0",   "2.5",   "-1", "//",  "**", "<<",
        "% ",  "not ",  "is",   "==",   "range",  "math",    "self", "abs",  "pow", "round", "or", "and", "**="};
    uint8_t copy[256];
    bool lines = next_random(state) % 3 == 0;
    Piece old = lines ? some_line(text, size, state) : some_word(text, size, state);
    Piece by = lines ? some_line(text, size, state) : some_word(text, size, state);
    if (!lines && next_random(state) % 2) {
        const char *word = words[next_random(state) % (sizeof words / sizeof *words)];
        return replace(text, size, room, old, (const uint8_t *)word, strlen(word));
    }
    size_t len = by.len < sizeof copy ? by.len : sizeof copy;
    memcpy(copy, text + by.at, len);
    if (next_random(state) % 3 == 0)
        old.len = 0; /* in front of it */
    return replace(text, size, room, old, copy, len);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    unsigned state = seed;
    if (size < 2 || data[0] & 1 || next_random(&state) % 4 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    for (unsigned n = 1 + next_random(&state) % 3; n && size > 1; n--)
        size = 1 + mutate_text(data + 1, size - 1, max_size - 1, &state);
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool started;
    if (!started)
        compiler_init(NULL);
    started = true;
    if (!size)
        return 0;
    Pool pool = {.limit = POOL_LIMIT, .fail = pool_full};
    run(&pool, data[0], (Str){(const char *)data + 1, size - 1});
    pool_deinit(&pool);
    return 0;
}
