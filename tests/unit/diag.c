/* Tests of fail() and of the rendering of diagnostics. */
#include "server/compiler/diag.h"
#include <criterion/criterion.h>

static Pool pool;

static void teardown(void) {
    pool_deinit(&pool);
}

TestSuite(diag, .fini = teardown);

static void expect(const char *text, int first_line, Span span, const char *hint, const char *expected) {
    Source source = {STR("x.py"), str_from_cstr(text), first_line};
    Diag diag = {span, STR("no"), str_from_cstr(hint)};
    Str got = diag_render(&pool, &source, &diag);
    cr_assert(str_eq_c(got, expected), "got\n%.*s\nexpected\n%s", STR_FMT(got), expected);
}

Test(diag, caret_under_the_span) {
    expect("a = 1\nb = lambda: 2\n", 7, (Span){8, 4, 8, 13}, "write a def",
           "File \"x.py\", line 8\n    b = lambda: 2\n        ^^^^^^^^^\nno (write a def)");
}

Test(diag, indentation_is_taken_off) {
    expect("  \tif x:\n", 1, (Span){1, 6, 1, 7}, NULL, "File \"x.py\", line 1\n    if x:\n       ^\nno");
}

Test(diag, tabs_inside_the_line_stay) {
    expect("x\t= y\n", 1, (Span){1, 4, 1, 5}, NULL, "File \"x.py\", line 1\n    x\t= y\n     \t  ^\nno");
}

Test(diag, multibyte_and_wide_text) {
    expect("h\xc3\xa4 = \xe5\x80\xbc + z\n", 1, (Span){1, 12, 1, 13}, NULL,
           "File \"x.py\", line 1\n    h\xc3\xa4 = \xe5\x80\xbc + z\n              ^\nno");
}

Test(diag, several_lines_mark_the_first) {
    expect("f(1,\n  2)\n", 1, (Span){1, 1, 2, 4}, NULL, "File \"x.py\", line 1\n    f(1,\n     ^^^\nno");
}

Test(diag, end_of_line_and_beyond) {
    expect("x = (", 1, (Span){1, 5, 1, 5}, NULL, "File \"x.py\", line 1\n    x = (\n         ^\nno");
    expect("x", 1, (Span){9, 0, 9, 1}, NULL, "File \"x.py\", line 9\nno");
    expect("x", 5, (Span){2, 0, 2, 1}, NULL, "File \"x.py\", line 2\nno");
    expect("x", 1, (Span){0}, NULL, "File \"x.py\"\nno");
}

Test(diag, result_is_valid_text_whatever_the_line) {
    expect("\x1b[31m\xff = \x80\n", 1, (Span){1, 5, 1, 6}, NULL,
           "File \"x.py\", line 1\n    ?[31m? = ?\n         ^\nno");
}

Test(diag, line_ends_as_python_sees_them) {
    expect("a\rb\r\nc\n", 1, (Span){3, 0, 3, 1}, NULL, "File \"x.py\", line 3\n    c\n    ^\nno");
}

Test(diag, a_huge_line_is_cut) {
    char *text = malloc(1 << 20);
    memset(text, 'x', 1 << 20);
    Source source = {STR("x.py"), {text, 1 << 20}, 1};
    Diag diag = {{1, 500000, 1, 500003}, STR("no"), STR_NULL};
    Str got = diag_render(&pool, &source, &diag);
    cr_assert(got.len < 500);
    const char *caret = memmem(got.ptr, got.len, "^^^", 3);
    cr_assert(caret && caret[3] != '^');
    free(text);
}

static void that_fails(Compilation *c, void *arg) {
    fail_hint(c, (Span){1, 2, 3, 4}, "do that", "%s is %d", (const char *)arg, 5);
}

static void that_ends(Compilation *c, void *arg) {
    *(const Source **)arg = c->source;
}

Test(diag, fail_leaves_with_place_message_and_hint) {
    Source source = {STR("x.py"), STR("x"), 1};
    const Source *seen = NULL;
    Compilation c = {.pool = &pool, .source = &source};
    cr_assert(pass_ends(&c, that_ends, &seen) && seen == &source);
    cr_assert(!pass_ends(&c, that_fails, "this"));
    cr_assert(str_eq_c(c.diag.message, "this is 5"));
    cr_assert(str_eq_c(c.diag.hint, "do that"));
    cr_assert(c.diag.span.end_col == 4);
}

Test(diag, out_of_memory_takes_no_memory) {
    Source source = {STR("x.py"), STR("x"), 1};
    Compilation c = {.pool = &pool, .source = &source};
    pool.limit = 1;
    pool.fail = fail_out_of_memory;
    pool.fail_arg = &c;
    cr_assert(!pass_ends(&c, that_fails, "never formatted"));
    cr_assert(memmem(c.diag.message.ptr, c.diag.message.len, "out of memory", 13));
    cr_assert(pool.used == 0);
}
