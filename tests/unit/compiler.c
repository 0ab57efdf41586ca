/* compiler_run: the whole way from a unit's bytes to an image, its dumps and its failures. */
#include "server/compiler/compiler.h"
#include "protocol/abi.h"
#include "protocol/wire.h"
#include "unit_sample.h"
#include <criterion/criterion.h>

static msgpack_sbuffer buffer;
static Pool pool;

static void setup(void) {
    msgpack_packer packer;
    compiler_init(NULL);
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    sample_unit(&packer);
    pool = POOL_NULL;
}

static void teardown(void) {
    msgpack_sbuffer_destroy(&buffer);
    pool_deinit(&pool);
}

TestSuite(compiler, .init = setup, .fini = teardown);

static Str sample(void) {
    return (Str){buffer.data, buffer.size};
}

static Image run(CompileWhat what, const char *method) {
    Image image;
    Str error = STR_NULL;
    int r = compiler_run(&pool, sample(), what, str_from_cstr(method), &image, &error);
    cr_assert_eq(r, 0, "%.*s", STR_FMT(error));
    return image;
}

static bool contains(Str text, const char *part) {
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

Test(compiler, image) {
    Image image = run(COMPILE_IMAGE, NULL);
    msgpack_unpacked meta;
    msgpack_object_array entries, refused;
    cr_assert_gt(image.nentries, 0);
    for (size_t i = 0; i < image.nentries; i++)
        cr_assert(image.entries[i].thunk < image.code.len && image.entries[i].native < image.code.len);
    cr_assert_eq(wire_unpack(image.meta, &meta), 0);
    cr_assert(wire_array(wire_find(&meta.data, "entries"), &entries) &&
              wire_array(wire_find(&meta.data, "refused"), &refused));
    cr_assert_eq(entries.size, image.nentries);
    cr_assert_eq(entries.size, 2);
    cr_assert_eq(refused.size, 2, "%u refused", refused.size);
    cr_assert(image.timings.us[PASS_optimise] > 0 && image.timings.us[PASS_codegen] > 0);
    msgpack_unpacked_destroy(&meta);
}

Test(compiler, dumps) {
    cr_assert(contains(run(COMPILE_AST, NULL).text, "FunctionDef"));
    cr_assert_gt(run(COMPILE_BOUND, NULL).text.len, 0);
    cr_assert_gt(run(COMPILE_TYPED, NULL).text.len, 0);
    cr_assert(contains(run(COMPILE_IR, NULL).text, "define hidden") ||
              contains(run(COMPILE_IR, NULL).text, "define i32"));
    cr_assert(contains(run(COMPILE_IR_OPT, NULL).text, "jitd_thunk_0("));
    cr_assert(contains(run(COMPILE_ASM, NULL).text, "jitd_thunk_0:"));
}

Test(compiler, a_dump_of_one_method_leaves_the_others_out) {
    Str all = run(COMPILE_ASM, NULL).text, one = run(COMPILE_ASM, "f").text;
    cr_assert(contains(one, "f((int,(bool,@0)), uint8)"));
    cr_assert(contains(all, "norm(") && !contains(one, "norm("));
    cr_assert_lt(one.len, all.len);
    cr_assert(!contains(run(COMPILE_ASM, "nothing").text, "jitd_thunk_"));
}

Test(compiler, the_same_unit_gives_the_same_code) {
    Image a = run(COMPILE_IMAGE, NULL), b = run(COMPILE_IMAGE, NULL);
    cr_assert(str_eq(a.code, b.code));
    cr_assert_eq(a.nfixups, b.nfixups);
}

Test(compiler, a_damaged_unit_is_an_error) {
    Image image;
    Str error = STR_NULL;
    cr_assert_eq(compiler_run(&pool, str_slice(sample(), 0, buffer.size - 1), COMPILE_IMAGE, STR_NULL, &image, &error),
                 1);
    cr_assert(contains(error, "well-formed"), "%.*s", STR_FMT(error));
}

/* The pool runs out at ever later points; each time that is an error, and the next compilation works. */
Test(compiler, out_of_memory_at_every_point) {
    int failures = 0;
    for (size_t limit = 1;; limit += 32768) {
        Image image;
        Str error = STR_NULL;
        pool.limit = limit;
        int r = compiler_run(&pool, sample(), COMPILE_IMAGE, STR_NULL, &image, &error);
        if (r == 0)
            break;
        cr_assert(error.len > 0);
        cr_assert_null(pool.fail);
        failures++;
        pool_deinit(&pool);
    }
    cr_assert_gt(failures, 2);
}

Test(compiler, says_what_it_is) {
    Str identity = str_from_cstr(compiler_identity());
    cr_assert(contains(identity, "LLVM ") && contains(identity, "x86_64"), "%.*s", STR_FMT(identity));
}

Test(compiler, words_for_what) {
    CompileWhat what;
    cr_assert(compile_what(STR("iropt"), &what) && what == COMPILE_IR_OPT);
    cr_assert(compile_what(STR("image"), &what) && what == COMPILE_IMAGE);
    cr_assert_not(compile_what(STR("object"), &what));
}
