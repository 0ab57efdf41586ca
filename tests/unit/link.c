/* link_objects and codegen: modules made with LLVM become blocks of bytes that run where they are put; what cannot be
 * linked is refused with a reason; damaged objects do no harm. */
#include "protocol/abi.h"
#include "server/compiler/codegen.h"
#include "server/compiler/link.h"
#include <criterion/criterion.h>
#include <elf.h>
#include <llvm-c/IRReader.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>

static Pool pool;
static LLVMContextRef context;

static void setup(void) {
    codegen_init(NULL);
    context = LLVMContextCreate();
    pool = POOL_NULL;
}

static void teardown(void) {
    LLVMContextDispose(context);
    pool_deinit(&pool);
}

TestSuite(link, .init = setup, .fini = teardown);

/* Compiles LLVM assembly to an object. */
static Str object_of(const char *ir) {
    LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(ir, strlen(ir), "test");
    LLVMModuleRef module;
    char *message = NULL;
    Str object, error = STR_NULL;
    bool quick;
    cr_assert(!LLVMParseIRInContext(context, buffer, &module, &message), "%s", message);
    codegen_target(module);
    codegen_seal(module);
    cr_assert_eq(codegen_verify(&pool, module, &error), 0, "%.*s", STR_FMT(error));
    cr_assert_eq(codegen_optimise(&pool, module, &quick, &error), 0, "%.*s", STR_FMT(error));
    cr_assert_eq(codegen_object(&pool, module, quick, &object, &error), 0, "%.*s", STR_FMT(error));
    LLVMDisposeModule(module);
    return object;
}

static Linked link_ok(Str object) {
    Linked linked;
    Str error = STR_NULL;
    int r = link_objects(&pool, &object, 1, &linked, &error);
    cr_assert_eq(r, 0, "%.*s", STR_FMT(error));
    return linked;
}

static void link_refused(Str object, const char *part) {
    Linked linked;
    Str error = STR_NULL;
    cr_assert_eq(link_objects(&pool, &object, 1, &linked, &error), 1);
    cr_assert(memmem(error.ptr, error.len, part, strlen(part)), "%.*s", STR_FMT(error));
}

/* Puts the code behind a page of import slots, as a client sees it, and makes it executable. */
static char *load(const Linked *linked, void *const *imports) {
    size_t size = (linked->code.len + 4095) & ~(size_t)4095;
    char *window = mmap(NULL, 4096 + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(window != MAP_FAILED);
    char *code = window + 4096;
    memcpy(window, imports, JITD_N_IMPORTS * sizeof *imports);
    memcpy(code, linked->code.ptr, linked->code.len);
    for (size_t i = 0; i < linked->nfixups; i++) {
        const Fixup *f = &linked->fixups[i];
        int32_t distance = (int32_t)(window + f->import * 8 + f->addend - (code + f->offset));
        memcpy(code + f->offset, &distance, 4);
    }
    cr_assert_eq(mprotect(window, 4096 + size, PROT_READ | PROT_EXEC), 0);
    return code;
}

static void *entry(const Linked *linked, char *code, const char *name) {
    uint32_t at = 0;
    cr_assert(link_find(linked, str_from_cstr(name), &at));
    return code + at;
}

static void *imports[JITD_N_IMPORTS];

Test(link, calls_constants_and_tables) {
    Linked linked = link_ok(
        object_of("@table = private constant [4 x double] [double 1.5, double 2.5, double -0.0, double 1.0e300]\n"
                  "define internal double @part(i64 %i) noinline {\n"
                  "  %p = getelementptr [4 x double], ptr @table, i64 0, i64 %i\n  %v = load double, ptr %p\n"
                  "  %w = fadd double %v, 0x400921FB54442D18\n  ret double %w\n}\n"
                  "define double @jitd_native_0(i64 %i) {\n  %r = call double @part(i64 %i)\n  %s = fmul double %r, "
                  "%r\n  ret double %s\n}\n"));
    cr_assert_eq(linked.nfixups, 0);
    char *code = load(&linked, imports);
    double (*f)(int64_t) = (double (*)(int64_t))entry(&linked, code, "jitd_native_0");
    cr_assert_eq(f(1), (2.5 + M_PI) * (2.5 + M_PI));
    cr_assert_eq(f(3), (1e300 + M_PI) * (1e300 + M_PI));
}

/* The second may refer to what the first has, not the other way round. */
Test(link, two_objects) {
    Str objects[] = {
        object_of("@jitd_class_ids = hidden externally_initialized constant [2 x i32] zeroinitializer, section "
                  "\".rodata.jitd_class_ids\"\n"
                  "define i32 @jitd_native_0() {\n  %v = load i32, ptr @jitd_class_ids\n  ret i32 %v\n}\n"),
        object_of("@jitd_class_ids = external hidden constant [2 x i32]\n"
                  "define i32 @jitd_native_1(i32 %a) {\n"
                  "  %p = getelementptr [2 x i32], ptr @jitd_class_ids, i64 0, i64 1\n  %v = load i32, ptr %p\n"
                  "  %r = add i32 %v, %a\n  ret i32 %r\n}\n")};
    Linked linked;
    Str error = STR_NULL;
    uint32_t table;
    cr_assert_eq(link_objects(&pool, objects, 2, &linked, &error), 0, "%.*s", STR_FMT(error));
    cr_assert(link_find(&linked, STR("jitd_class_ids"), &table));
    memcpy((char *)linked.code.ptr + table, (uint32_t[]){5, 70}, 8); /* as the broker does */
    char *code = load(&linked, imports);
    int32_t (*first)(void) = (int32_t (*)(void))entry(&linked, code, "jitd_native_0");
    int32_t (*second)(int32_t) = (int32_t (*)(int32_t))entry(&linked, code, "jitd_native_1");
    cr_assert_eq(first(), 5);
    cr_assert_eq(second(600), 670);
    cr_assert_eq(link_objects(&pool, (Str[]){objects[1], objects[0]}, 2, &linked, &error), 1);
    cr_assert(memmem(error.ptr, error.len, "jitd_class_ids", 14), "%.*s", STR_FMT(error));
}

Test(link, switch_with_a_jump_table) {
    char ir[4096] = "define i64 @jitd_native_0(i64 %i, ptr %p) {\n switch i64 %i, label %d [";
    for (int k = 0; k < 8; k++)
        sprintf(ir + strlen(ir), " i64 %d, label %%l%d", k, k);
    strcat(ir, " ]\n");
    for (int k = 0; k < 8; k++)
        sprintf(ir + strlen(ir), "l%d:\n store volatile i64 %d, ptr %%p\n ret i64 %d\n", k, k, k * k * 1000 + 7);
    strcat(ir, "d:\n ret i64 -1\n}\n");
    Linked linked = link_ok(object_of(ir));
    char *code = load(&linked, imports);
    int64_t (*f)(int64_t, int64_t *) = (int64_t (*)(int64_t, int64_t *))entry(&linked, code, "jitd_native_0");
    int64_t stored;
    for (int k = 0; k < 8; k++) {
        cr_assert_eq(f(k, &stored), k * k * 1000 + 7);
        cr_assert_eq(stored, k);
    }
    cr_assert_eq(f(8, &stored), -1);
}

/* Imports by our name, by libm's own and those that LLVM makes up (frem -> fmod, a loop -> memset). */
Test(link, imports) {
    Linked linked = link_ok(object_of(
        "declare double @jitd_import_pow(double, double)\ndeclare double @sin(double)\n"
        "define double @jitd_native_0(double %x) {\n"
        " %a = call double @jitd_import_pow(double %x, double 3.0)\n %b = call double @sin(double %a)\n"
        " %c = frem double %b, 0.25\n ret double %c\n}\n"
        "define void @jitd_native_1(ptr %p, i64 %n) {\nentry:\n br label %loop\nloop:\n"
        " %i = phi i64 [0, %entry], [%j, %loop]\n %q = getelementptr i64, ptr %p, i64 %i\n store i64 0, ptr %q\n"
        " %j = add nuw nsw i64 %i, 1\n %c = icmp ult i64 %j, %n\n br i1 %c, label %loop, label %out\nout:\n ret "
        "void\n}\n"));
    cr_assert_geq(linked.nfixups, 4);
    imports[JITD_IMPORT_pow] = (void *)pow;
    imports[JITD_IMPORT_sin] = (void *)sin;
    imports[JITD_IMPORT_fmod] = (void *)fmod;
    imports[JITD_IMPORT_memset] = (void *)memset;
    char *code = load(&linked, imports);
    double (*f)(double) = (double (*)(double))entry(&linked, code, "jitd_native_0");
    cr_assert_eq(f(1.7), fmod(sin(pow(1.7, 3.0)), 0.25));
    int64_t numbers[3] = {1, 2, 3};
    ((void (*)(int64_t *, int64_t))entry(&linked, code, "jitd_native_1"))(numbers, 2);
    cr_assert(numbers[0] == 0 && numbers[1] == 0 && numbers[2] == 3);
}

Test(link, class_table) {
    Linked linked = link_ok(
        object_of("@jitd_class_ids = hidden externally_initialized constant [2 x i32] zeroinitializer, section "
                  "\".rodata.jitd_class_ids\"\n"
                  "define i32 @jitd_native_0() {\n %p = getelementptr [2 x i32], ptr @jitd_class_ids, i64 0, i64 1\n"
                  " %v = load i32, ptr %p\n ret i32 %v\n}\n"));
    uint32_t at = 0;
    cr_assert(link_find(&linked, STR("jitd_class_ids"), &at));
    memcpy((char *)linked.code.ptr + at + 4, &(uint32_t){77}, 4);
    char *code = load(&linked, imports);
    cr_assert_eq(((uint32_t (*)(void))entry(&linked, code, "jitd_native_0"))(), 77);
}

/* The float sum is vectorised around (or not), but never reordered. */
Test(link, sums_keep_their_order) {
    Linked linked = link_ok(
        object_of("define double @jitd_native_0(ptr %p, i64 %n) {\nentry:\n br label %loop\nloop:\n"
                  " %i = phi i64 [0, %entry], [%j, %loop]\n %s = phi double [0.0, %entry], [%t, %loop]\n"
                  " %q = getelementptr double, ptr %p, i64 %i\n %v = load double, ptr %q\n %w = fmul double %v, %v\n"
                  " %t = fadd double %s, %w\n %j = add nuw nsw i64 %i, 1\n %c = icmp ult i64 %j, %n\n"
                  " br i1 %c, label %loop, label %out\nout:\n ret double %t\n}\n"));
    char *code = load(&linked, imports);
    double numbers[1000], sum = 0;
    for (int i = 0; i < 1000; i++) {
        numbers[i] = sin(i) * pow(10, i % 17);
        volatile double square = numbers[i] * numbers[i];
        sum += square;
    }
    cr_assert_eq(((double (*)(double *, int64_t))entry(&linked, code, "jitd_native_0"))(numbers, 1000), sum);
}

Test(link, refuses_writable_data) {
    link_refused(object_of("@g = global i64 5\ndefine i64 @jitd_native_0(i64 %v) {\n %o = load volatile i64, ptr @g\n"
                           " store volatile i64 %v, ptr @g\n ret i64 %o\n}\n"),
                 "no data but constants");
}

Test(link, refuses_absolute_addresses) {
    link_refused(object_of("@a = internal constant ptr @jitd_native_0\n"
                           "define ptr @jitd_native_0() {\n %v = load volatile ptr, ptr @a\n ret ptr %v\n}\n"),
                 "no data but constants");
}

Test(link, refuses_unknown_functions) {
    link_refused(object_of("declare i64 @system(ptr)\ndefine i64 @jitd_native_0() {\n %r = call i64 @system(ptr "
                           "null)\n ret i64 %r\n}\n"),
                 "function system is no import");
}

/* jitd's own imports are reached under their full names only: an accidental call of poll(2) is not the import `poll`. */
Test(link, refuses_own_imports_by_plain_names) {
    link_refused(
        object_of(
            "declare i32 @poll(ptr)\ndefine i32 @jitd_native_0() {\n %r = call i32 @poll(ptr null)\n ret i32 %r\n}\n"),
        "function poll is no import");
}

Test(link, refuses_other_machines) {
    Str object = object_of("define void @jitd_native_0() {\n ret void\n}\n");
    Elf64_Ehdr *head = (Elf64_Ehdr *)object.ptr;
    head->e_machine = EM_AARCH64;
    link_refused(object, "linking for aarch64 is not supported");
}

static Str rich_object(void) {
    return object_of(
        "@jitd_class_ids = hidden externally_initialized constant [2 x i32] zeroinitializer, section "
        "\".rodata.jitd_class_ids\"\n"
        "declare double @jitd_import_sin(double)\n"
        "define internal double @part(double %x) noinline {\n %r = call double @jitd_import_sin(double %x)\n"
        " %s = fadd double %r, 0x400921FB54442D18\n ret double %s\n}\n"
        "define double @jitd_native_0(double %x) {\n %v = load i32, ptr @jitd_class_ids\n %f = sitofp i32 %v to "
        "double\n"
        " %a = call double @part(double %x)\n %b = fadd double %a, %f\n ret double %b\n}\n");
}

static int link_damaged(const char *bytes, size_t n) {
    char *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    Linked linked;
    Str error = STR_NULL;
    Pool scratch = POOL_NULL;
    int r = link_objects(&scratch, &(Str){copy, n}, 1, &linked, &error);
    for (size_t i = 0; r == 0 && i < linked.nfixups; i++)
        cr_assert(linked.fixups[i].offset + 4 <= linked.code.len && linked.fixups[i].import < JITD_N_IMPORTS);
    for (size_t i = 0; r == 0 && i < linked.nsymbols; i++)
        cr_assert(linked.symbols[i].offset <= linked.code.len);
    cr_assert(r == 0 || error.len > 0);
    pool_deinit(&scratch);
    free(copy);
    return r;
}

Test(link, every_truncation) {
    Str object = rich_object();
    for (size_t n = 0; n < object.len; n++)
        link_damaged(object.ptr, n);
}

Test(link, random_damage) {
    Str object = rich_object();
    uint32_t state = 4711;
    int refused = 0;
    char *bytes = malloc(object.len);
    for (int round = 0; round < 50000; round++) {
        memcpy(bytes, object.ptr, object.len);
        for (int k = 0; k < 4; k++) {
            state = state * 1664525u + 1013904223u;
            bytes[(state >> 8) % object.len] = (char)(state >> 3);
        }
        refused += link_damaged(bytes, object.len);
    }
    free(bytes);
    cr_assert_gt(refused, 1000);
}
