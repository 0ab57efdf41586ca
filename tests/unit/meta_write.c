/* meta_encode: everything that a program says about itself arrives in the form that docs/protocol.md gives. */
#include "protocol/wire.h"
#include "server/compiler/meta.h"
#include <criterion/criterion.h>

static Pool pool;
static const Type int_type = {.kind = TYPE_INT}, float_type = {.kind = TYPE_FLOAT};
static const Type *int_float[] = {&int_type, &float_type};

static UnitSpec sample_unit(void) {
    static FuncSpec funcs[] = {{.name = {"area", 4}, .kind = FUNC_METHOD}, {.name = {"p", 1}, .kind = FUNC_SETTER}};
    static FuncSpec function[] = {{.name = {"f", 1}, .kind = FUNC_FUNCTION}};
    static DefSpec defs[] = {
        {.is_class = true, .name = {"m.Box", 5}, .file = {"m.py", 4}, .funcs = funcs, .nfuncs = 2},
        {.name = {"m.f", 3}, .file = {"m.py", 4}, .funcs = function, .nfuncs = 1},
    };
    return (UnitSpec){.defs = defs, .ndefs = 2};
}

static msgpack_unpacked encode(const Program *program) {
    UnitSpec unit = sample_unit();
    Timings timings = {.us = {[PASS_link] = 42}};
    msgpack_unpacked doc;
    cr_assert_eq(wire_unpack(meta_encode(&pool, &unit, program, &timings), &doc), 0);
    return doc;
}

/* Compares a part with JSON as msgpack-c prints it. */
static void expect(const msgpack_unpacked *doc, const char *part, const char *json) {
    char text[4096];
    const msgpack_object *o = wire_find(&doc->data, part);
    cr_assert(o, "%s", part);
    int n = msgpack_object_print_buffer(text, sizeof text, *o);
    cr_assert(n > 0 && (size_t)n < sizeof text);
    text[n] = '\0';
    cr_assert_str_eq(text, json);
}

Test(meta_write, definitions_entries_and_timings) {
    ProgramEntry entries[] = {
        {.def = 0, .func = 0, .params = int_float, .nparams = 2, .result = &float_type, .flags = PROGRAM_FLAG_LOOPS},
        {.def = 0, .func = 1, .params = int_float, .nparams = 1, .result = &int_type},
        {.def = 1, .func = 0, .result = &int_type, .flags = PROGRAM_FLAG_PYTHON},
    };
    Program program = {.entries = entries, .nentries = 3};
    msgpack_unpacked doc = encode(&program);
    expect(&doc, "defs", "[[\"m.Box\", \"m.py\"], [\"m.f\", \"m.py\"]]");
    expect(&doc, "entries",
           "[[0, \"area\", [\"int\", \"float\"], \"float\", 1], [0, \"p.setter\", [\"int\"], \"int\", 0], "
           "[1, \"f\", [], \"int\", 6]]");
    uint64_t us = 0;
    cr_assert(wire_uint(wire_find(wire_find(&doc.data, "timings"), "link"), 1000, &us) && us == 42);
    msgpack_unpacked_destroy(&doc);
    pool_deinit(&pool);
}

Test(meta_write, refusals) {
    Refusal refused[] = {{.def = 1, .func = 0, .line = 3, .col = 4, .message = {"no", 2}, .rendered = {"x\n^", 3}}};
    Program program = {.refused = refused, .nrefused = 1};
    msgpack_unpacked doc = encode(&program);
    expect(&doc, "refused", "[[1, \"f\", 3, 4, \"no\", \"x\n^\"]]");
    msgpack_unpacked_destroy(&doc);
    pool_deinit(&pool);
}

Test(meta_write, warnings) {
    Warning warnings[] = {{.line = 3, .col = 4, .message = {"unset", 5}, .rendered = {"x\n^", 3}},
                          {.message = {"m", 1}}};
    Program program = {.warnings = warnings, .nwarnings = 2};
    msgpack_unpacked doc = encode(&program);
    expect(&doc, "warnings", "[[3, 4, \"unset\", \"x\n^\"], [0, 0, \"m\", \"\"]]");
    msgpack_unpacked_destroy(&doc);
    pool_deinit(&pool);
}

Test(meta_write, every_kind_of_site) {
    Global five = {.kind = GLOBAL_INT, .i = -5}, text = {.kind = GLOBAL_STR, .s = {"t", 1}},
           none = {.kind = GLOBAL_NONE};
    SitePiece pieces[] = {{.text = {"x = ", 4}},
                          {.is_value = true, .text = {".3f", 3}, .slot = 1, .type = &float_type, .conversion = -1},
                          {.is_value = true, .slot = 0, .type = &int_type, .conversion = 'r'}};
    SiteArg raise_args[] = {{.kind = SITE_ARG_CONST, .constant = &five},
                            {.kind = SITE_ARG_CONST, .constant = &text},
                            {.kind = SITE_ARG_CONST, .constant = &none},
                            {.kind = SITE_ARG_VALUE, .slot = 2, .type = &int_type},
                            {.kind = SITE_ARG_FORMAT, .pieces = pieces, .npieces = 3}};
    SiteArg operands[] = {{.kind = SITE_ARG_VALUE, .slot = 0, .type = &int_type},
                          {.kind = SITE_ARG_VALUE, .slot = 1, .type = &float_type}};
    Site sites[] = {
        {.line = 1, .kind = SITE_RAISE, .text = {"ValueError", 10}, .args = raise_args, .nargs = 5},
        {.line = 2, .kind = SITE_OP, .text = {"//", 2}, .args = operands, .nargs = 2},
        {.line = 3, .kind = SITE_OVERFLOW, .text = {"too large", 9}},
        {.line = 4, .def = 1, .kind = SITE_REDO, .text = {"+", 1}},
        {.line = 5, .kind = SITE_ATTR, .cls = 1, .text = {"x", 1}},
        {.line = 6, .kind = SITE_NONE, .text = {"y", 1}},
        {.line = 7, .func = 1, .kind = SITE_RECURSION},
        {.line = 8, .kind = SITE_CALL},
    };
    Program program = {.sites = sites, .nsites = 8};
    msgpack_unpacked doc = encode(&program);
    expect(&doc, "sites",
           "[[1, 0, \"area\", \"raise\", [\"ValueError\", [[\"c\", [\"int\", -5]], [\"c\", [\"str\", \"t\"]], [\"c\", "
           "[\"none\"]], "
           "[\"v\", 2, \"int\"], [\"f\", [\"x = \", [1, \"float\", \"\", \".3f\"], [0, \"int\", \"r\", \"\"]]]]]], "
           "[2, 0, \"area\", \"op\", [\"//\", [[0, \"int\"], [1, \"float\"]]]], [3, 0, \"area\", \"overflow\", [\"too "
           "large\"]], "
           "[4, 1, \"f\", \"redo\", [\"+\"]], [5, 0, \"area\", \"attr\", [1, \"x\"]], [6, 0, \"area\", \"none\", "
           "[\"y\", false]], "
           "[7, 0, \"p.setter\", \"recursion\", []], [8, 0, \"area\", \"call\", []]]");
    msgpack_unpacked_destroy(&doc);
    pool_deinit(&pool);
}
