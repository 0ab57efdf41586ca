/* Tests of stage parse: the refusals, the limits, and running out of memory. Trees of valid programs are compared with CPython's in
 * tests/differential, and shown in tests/golden. */
#include "tests/unit/front_sample.h"

TestSuite(parse, .fini = teardown);

static Str parsed_text(const char *text, size_t len, bool function) {
    Compilation *c = begin(text, len, 1);
    if (setjmp(failed)) {
        keep_error();
        return STR_NULL;
    }
    Ast ast = function ? parse_function(c, &source) : parse_module(c, &source);
    return ast_dump(&pool, ast.root);
}

static Str parsed(const char *text) {
    return parsed_text(text, strlen(text), false);
}

static void refuse(const char *text, const char *message) {
    Str got = parsed(text);
    cr_assert(!got.ptr && contains(error, message), "of %s got\n%.*s%.*s\nexpected %s", text, STR_FMT(got),
              STR_FMT(error), message);
}

static void accept(const char *text, const char *part) {
    Str got = parsed(text);
    cr_assert(contains(got, part), "of %s got\n%.*s%.*s\nexpected %s", text, STR_FMT(got), STR_FMT(error), part);
}

Test(parse, refusals_say_what_and_where) {
    refuse("x = 1\ny = = 2\n", "line 2\n    y = = 2\n        ^\ninvalid syntax");
    refuse("f() = 1", "cannot assign to function call");
    refuse("None = 1", "cannot assign to None");
    refuse("(a, 1) = x", "cannot assign to literal");
    refuse("a + 1 += 2", "'expression' is an illegal expression for augmented assignment");
    refuse("(a, b): int", "only single target (not tuple) can be annotated");
    refuse("del f()", "cannot delete function call");
    refuse("for f() in x: pass", "cannot assign to function call");
    refuse("if x\n  pass", "expected ':'");
    refuse("if x:\npass", "expected an indented block after 'if' statement on line 1");
    refuse("  x = 1", "unexpected indent");
    refuse("def f(a=1, b): pass", "parameter without a default follows parameter with a default");
    refuse("def f(*): pass", "named arguments must follow bare *");
    refuse("def f(**k, a): pass", "arguments cannot follow var-keyword argument");
    refuse("def f(/, a): pass", "at least one argument must precede /");
    refuse("f(a=1, b)", "positional argument follows keyword argument");
    refuse("f(**a, *b)", "iterable argument unpacking follows keyword argument unpacking");
    refuse("f(a.b=1)", "expression cannot contain assignment");
    refuse("f(x for x in y, 1)", "Generator expression must be parenthesized");
    refuse("(*a)", "cannot use starred expression here");
    refuse("t'a' 'b'", "cannot mix t-string literals with string or bytes literals");
    refuse("try: a\nexcept B, C as d: e", "multiple exception types must be parenthesized when using 'as'");
    refuse("lazy from __future__ import a", "lazy from __future__ import is not allowed");
    refuse("print 'x'", "Missing parentheses in call to 'print'");
    refuse("from a import b,", "trailing comma not allowed");
    refuse("try:\n  pass\nx", "expected 'except' or 'finally' block");
    refuse("try: pass\nexcept A: pass\nexcept* B: pass", "cannot have both 'except' and 'except*'");
    refuse("except A, B: pass", "invalid syntax");
    refuse("b'a' 'b'", "cannot mix bytes and nonbytes literals");
    refuse("'\\N{NO SUCH NAME}'", "unknown Unicode character name");
    refuse("b'\xc3\xa4'", "bytes can only contain ASCII");
    refuse("f'{}'", "valid expression required before '}'");
    refuse("f'{a!x}'", "invalid conversion character");
    refuse("match x:\n  case {**r, 'a': 1}: pass", "double star pattern must be the last");
    refuse("(1\n 2)", "Perhaps you forgot a comma?");
}

Test(parse, values) {
    accept("9223372036854775807", "value=0x7fffffffffffffff");
    accept("9223372036854775808", "value=0x8000000000000000");
    accept("0xFFFF_FFFF_FFFF_FFFF_F", "value=0xfffffffffffffffff");
    accept("0o7777777777777777777777777", "value=0x7ffffffffffffffffff");
    accept("340282366920938463463374607431768211456", "value=0x100000000000000000000000000000000");
    accept("0.1", "value=float 0.10000000000000001");
    accept("1e400", "value=float inf");
    accept("5e-324", "value=float 4.9406564584124654e-324");
    accept("1_0.5_0j", "value=complex 10.5");
    accept("'\\x41\\101\\u00e4\\U0001F600\\N{BULLET}\\q\\\n'", "value=\"AA\\u00e4\\ud83d\\ude00\\u2022\\\\q\"");
    accept("'\\ud800'", "value=\"\\ud800\"");
    accept("b'\\xff\\777'", "value=b\"\\u00ff\\u00ff\"");
    accept("r'\\n' u'x'", "value=\"\\\\nx\"");
    accept("\xef\xac\x81 = 1", "id=fi ctx=Store"); /* the ligature is NFKC-normalised */
}

Test(parse, soft_keywords_are_names_too) {
    accept("match = 1\ncase = match\ntype = case\nmatch(type)\nmatch[0] = type\nprint(_)", "id=match");
    accept("type X[T: int = str] = list[T]", "default_value Name 1:16-1:19 id=str");
    accept("match x:\n case [a, *_] | {'k': 1, **r} if a: pass", "MatchMapping");
}

/* `n` times `open`, then `middle`, then n times `close`. */
static const char *nested(const char *open, int n, const char *middle, const char *close) {
    size_t size = (strlen(open) + strlen(close)) * (size_t)n + strlen(middle) + 1;
    char *text = pool_alloc(&pool, size), *p = text;
    for (int i = 0; i < n; i++)
        p = stpcpy(p, open);
    p = stpcpy(p, middle);
    for (int i = 0; i < n; i++)
        p = stpcpy(p, close);
    return text;
}

Test(parse, depth_is_limited_everywhere) {
    refuse(nested("(", 2000, "x", ")"), "too many nested parentheses");
    refuse(nested("-", 100000, "x", ""), "too deeply nested");
    refuse(nested("not ", 100000, "x", ""), "too deeply nested");
    refuse(nested("lambda: ", 100000, "x", ""), "too deeply nested");
    refuse(nested("x if y else ", 100000, "x", ""), "too deeply nested");
    refuse(nested("x ** ", 100000, "x", ""), "too deeply nested");
    refuse(nested("", 100000, "x", " + x"), "too deeply nested");
    refuse(nested("", 100000, "x", ".y"), "too deeply nested");
    refuse(nested("", 100000, "x", "()"), "too deeply nested");
    refuse(nested("", 100000, "if x: y\n", "elif x: y\n"), "too deeply nested");
    refuse(nested("if x: ", 2, "y", ""), "invalid syntax");
    accept(nested("(", 200, "x", ")"), "id=x");
    accept(nested("-", 500, "x", ""), "id=x");
    accept(nested("", 900, "x", " + x"), "id=x");
}

Test(parse, a_megabyte) {
    const char *text = nested("", 60000, "", "x = [1, 'a']; y = f(x)\n");
    Str got = parsed_text(text, strlen(text), false);
    cr_assert(contains(got, "body Assign 60000:0-60000:12\n"), "%.*s", STR_FMT(error));
}

Test(parse, function_from_the_middle_of_a_file) {
    static const char text[] = "    @property\n    def f(self):\n        return 1\n    def g(:\n";
    Str got = parsed_text(text, strlen(text), true);
    cr_assert(contains(got, "FunctionDef 2:4-3:16 name=f\n"), "%.*s%.*s", STR_FMT(got), STR_FMT(error));
    cr_assert(!parsed_text("x = 1\n", 6, true).ptr && contains(error, "expected a function or class definition"));
    cr_assert(!parsed_text("", 0, true).ptr && contains(error, "expected a function or class definition"));
}

Test(parse, ids_are_dense) {
    Compilation *c = begin("a = b + c\n", 10, 1);
    if (setjmp(failed))
        cr_assert_fail("refused");
    Ast ast = parse_module(c, &source);
    cr_assert_eq(ast.nnodes, 6);
    cr_assert_eq(ast.root->id, 5);
}

static const char sample[] = "class A[T](B, k=1):\n"
                             "    @staticmethod\n"
                             "    async def f(a, /, b: int = 2, *c, d=f'{a!r:>{b}} {c = }', **e) -> None:\n"
                             "        with (x as y, z): return {k: v async for k, v in y if not k}\n"
                             "        match a:\n"
                             "            case {'a': [1, *_], **r} | P(x=None) if r: pass\n"
                             "        try: import a.b as c\n"
                             "        except* E as e: raise X from None\n"
                             "        x: int = lambda *a: (yield)\n"
                             "        '\\N{BULLET}', 123456789012345678901234567890, u'a' b''\n";

/* From one byte on, more memory each time, until it is enough: every other time a clean refusal, and nothing leaks. */
Test(parse, out_of_memory_at_every_allocation) {
    size_t len = sizeof sample - sizeof " b''\n"; /* without the mistake in its last line */
    Str got = STR_NULL;
    for (size_t limit = 1; !got.ptr; limit += 16 * 1024) {
        cr_assert(limit < (size_t)64 << 20, "never enough: %.*s", STR_FMT(error));
        pool_deinit(&pool);
        pool.limit = limit;
        got = parsed_text(sample, len, false);
        cr_assert(got.ptr || contains(error, "out of memory"), "%.*s", STR_FMT(error));
    }
    pool.limit = 0;
    cr_assert(contains(got, "AsyncFunctionDef"));
}

/* Every prefix of a program is parsed or refused, never read beyond: each is a block of its own, for AddressSanitizer's eyes. */
Test(parse, every_prefix) {
    for (size_t n = 0; n < sizeof sample - 1; n++) {
        char *text = malloc(n ? n : 1);
        memcpy(text, sample, n);
        Str got = parsed_text(text, n, n % 2);
        cr_assert(got.ptr || error.len);
        pool_deinit(&pool);
        free(text);
    }
}
