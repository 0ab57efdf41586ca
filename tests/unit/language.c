/* The language stages on small texts: from source to a verified module, and what is refused. The golden tests hold the
 * details; here it is that everything that is accepted makes valid IR, that hostile text does no harm (under the
 * sanitizers too), and that memory may run out anywhere. */
#include "server/compiler/codegen.h"
#include "server/compiler/compiler.h"
#include "server/compiler/out.h"
#include "server/compiler/parse.h"
#include "server/tool/unit_from_py.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void parse_and_describe(Compilation *c, void *ret_unit) {
    Ast ast = parse_module(c, c->source);
    *(Str *)ret_unit = unit_from_py(c, &ast, NULL, 0);
}

static Str make_unit(Pool *pool, Str text) {
    Source source = {.file = STR("t.py"), .text = text, .first_line = 1};
    Compilation c = {.pool = pool, .source = &source};
    Str unit = STR_NULL;
    cr_assert(pass_ends(&c, parse_and_describe, &unit), "%s", diag_render(pool, &source, &c.diag).ptr);
    return unit;
}

static Image compile(Pool *pool, Str text, CompileWhat what) {
    static bool started;
    if (!started)
        compiler_init(NULL);
    started = true;
    Image image;
    Str error = STR("");
    int r = compiler_run(pool, make_unit(pool, text), what, STR_NULL, &image, &error);
    cr_assert_eq(r, 0, "%s", error.ptr);
    return image;
}

static void expect_accepted(const char *text, size_t entries) {
    Pool pool = POOL_NULL;
    Image image = compile(&pool, str_from_cstr(text), COMPILE_IMAGE);
    cr_expect_eq(image.nentries, entries, "%s", text);
    pool_deinit(&pool);
}

static void expect_refused(const char *text, const char *why) {
    Pool pool = POOL_NULL;
    Str typed = compile(&pool, str_from_cstr(text), COMPILE_TYPED).text;
    cr_expect(memmem(typed.ptr, typed.len, why, strlen(why)), "%s\n%.*s", text, STR_FMT(typed));
    pool_deinit(&pool);
}

Test(language, control_flow) {
    expect_accepted("def f(n: int) -> int:\n"
                    "    t = 0\n"
                    "    for i in range(n):\n"
                    "        for j in range(i, 0, -1):\n"
                    "            if j == 3:\n"
                    "                continue\n"
                    "            while True:\n"
                    "                t += j\n"
                    "                if t > 10:\n"
                    "                    break\n"
                    "            else:\n"
                    "                t = 0\n"
                    "        else:\n"
                    "            t -= 1\n"
                    "    return t\n",
                    1);
}

#define CHAIN 2500

static size_t count(Str text, const char *part) {
    size_t n = 0;
    for (const char *at = text.ptr; (at = memmem(at, text.len - (size_t)(at - text.ptr), part, strlen(part))); at++)
        n++;
    return n;
}

/* Two methods that are worth a module each: one table of class ids, each entry once; a small third one beside them. */
Test(language, two_modules) {
    static const char text[] = "class Node:\n"
                               "    x: float\n"
                               "    next: 'Node | None'\n"
                               "    def build(self, n: int) -> 'Node | None':\n"
                               "        head: 'Node | None' = None\n"
                               "        for i in range(n):\n"
                               "            for j in range(i):\n"
                               "                self.x += i * j * 0.5 - self.x / 3.0\n"
                               "            head = Node(self.x + i, head)\n"
                               "        return head\n"
                               "    def other(self, n: int) -> 'Node':\n"
                               "        for i in range(n):\n"
                               "            for j in range(i):\n"
                               "                self.x -= i * j * 0.5 - self.x / 3.0\n"
                               "        return Node(self.x + n * 2.0 - 1.0, self)\n"
                               "    def twice(self) -> float:\n"
                               "        return 2.0 * self.x\n";
    Pool pool = POOL_NULL;
    Image image = compile(&pool, str_from_cstr(text), COMPILE_IMAGE);
    cr_assert_eq(image.nentries, 3);
    cr_assert_eq(image.nclasses, 1);
    cr_assert(image.class_table > 0 && image.class_table < image.code.len);
    Str ir = compile(&pool, str_from_cstr(text), COMPILE_IR_OPT).text;
    cr_assert_eq(count(ir, "ModuleID"), 2);
    cr_assert_eq(count(ir, "@jitd_class_ids = "), 2);
    cr_assert_eq(count(ir, "@jitd_class_ids = external hidden"), 1);
    Str assembly = compile(&pool, str_from_cstr(text), COMPILE_ASM).text;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(count(assembly, pool_printf(&pool, "\njitd_thunk_%d:", i).ptr), 1);
    Image again = compile(&pool, str_from_cstr(text), COMPILE_IMAGE);
    cr_assert(str_eq(image.code, again.code));
    pool_deinit(&pool);
}

Test(language, never_returning_calls_leave_valid_code) {
    expect_accepted("def stop(n: int) -> int:\n    raise ValueError(n)\n"
                    "def a(n: int) -> int:\n    while stop(n) > 3:\n        n += 1\n    return n\n"
                    "def b(n: int) -> int:\n    return n if n > 3 else stop(n)\n"
                    "def c(n: int) -> int:\n    if stop(n):\n        return 1\n    return 2\n"
                    "def d(n: int) -> int:\n    return n or stop(n)\n"
                    "def e(n: int) -> int:\n    return e(n)\n"
                    "def f(n: int) -> int:\n    for i in range(stop(n)):\n        n += i\n    return n\n",
                    7);
}

Test(language, never_returning_operands_leave_valid_code) {
    expect_accepted("class V:\n    x: float\n"
                    "    def __neg__(self) -> 'V':\n        raise ValueError(1)\n"
                    "    def __eq__(self, o: 'V') -> bool:\n        raise ValueError(2)\n"
                    "    def __bool__(self) -> bool:\n        raise ValueError(3)\n"
                    "def stop(n: int) -> int:\n    raise ValueError(n)\n"
                    "def make(n: int) -> V:\n    raise ValueError(n)\n"
                    "def a(v: V) -> float:\n    return (-v).x\n"
                    "def b(v: V, n: int) -> int:\n    if n > 3 and v:\n        return 1\n    return 2\n"
                    "def c(v: V, n: int) -> int:\n    return 1 if n < 3 < stop(n) or v == v else 2\n"
                    "def d(v: V, n: int) -> float:\n    assert n > 3, stop(n)\n    return V(stop(n)).x\n"
                    "def e(v: V, n: int):\n    make(n).x = 1.0\n"
                    "def f(n: int) -> float:\n    return make(n).x\n"
                    "def g(n: int) -> int:\n    return divmod(n, stop(n))[0]\n",
                    12);
}

Test(language, references_in_every_place) {
    expect_accepted("from typing import Optional\n"
                    "class N:\n"
                    "    v: int\n"
                    "    n: Optional['N'] = None\n"
                    "    def swap(self, o: 'N') -> 'N':\n"
                    "        self.n, o.n = o.n, self.n\n"
                    "        a, (b, c) = self, (o, 1)\n"
                    "        while (x := a.n) is not None and x.v < c:\n"
                    "            a = x\n"
                    "        return (a, b)[0] if self.n else (self.n or b)\n"
                    "def make(k: int) -> N:\n"
                    "    h = N(0)\n"
                    "    for i in range(k):\n"
                    "        h = N(i, h)\n"
                    "    N(k, N(k + 1))\n"
                    "    return h\n",
                    2);
}

Test(language, nonsense_is_refused_by_name) {
    expect_refused("def f(n: int):\n    break\n", "'break' outside loop");
    expect_refused("def f(n: int):\n    return lambda: n\n", "lambda is not compiled yet");
    expect_refused("def f(n: int):\n    return n + None\n", "operator + of int and None");
    expect_refused("def f(n: int):\n    return x\n    x = 1\n", "'x' may be used before it is assigned");
    expect_refused("def f(n: int):\n    a, b = n\n", "cannot unpack int");
    expect_accepted("def f(n: int):\n    raise n\n", 1); /* Python goes on there, */
    expect_refused("def f(n: int):\n    if n > 3:\n        raise n\n    if n > 2:\n        raise ValueError(n)\n    "
                   "return {n * 1.0}\n",
                   "set is not compiled"); /* but not here */
    expect_refused("def f(n: int):\n    return n.real\n", "attribute 'real' of int");
    expect_refused("def f(n: int):\n    return (((((((((n,),),),),),),),),)\n", "a tuple nested deeper than 8");
}

static Str repeat(Pool *pool, const char *head, const char *line, size_t times) {
    size_t h = strlen(head), n = strlen(line);
    char *text = pool_array(pool, char, h + n * times + 1);
    memcpy(text, head, h);
    for (size_t i = 0; i < times; i++)
        memcpy(text + h + i * n, line, n);
    return (Str){text, h + n * times};
}

Test(language, long_functions) {
    Pool pool = POOL_NULL;
    Str text = repeat(&pool, "def f(n: int) -> int:\n    t = 0\n", "    if n > t:\n        t += n * 3\n", 500);
    cr_expect_eq(compile(&pool, text, COMPILE_IR).nentries, 0); /* a dump has no entries */
    pool_deinit(&pool);
}

Test(language, too_long_a_function) {
    Pool pool = POOL_NULL;
    Str text = repeat(&pool, "def f(n: int) -> int:\n    t = 0\n", "    t = t * 3 - n\n", 40000);
    Str typed = compile(&pool, text, COMPILE_TYPED).text;
    cr_expect(memmem(typed.ptr, typed.len, STR("too long to be compiled").ptr, 23));
    pool_deinit(&pool);
}

Test(language, deeply_nested_loops) {
    Pool pool = POOL_NULL;
    Str text = STR("def f(n: int) -> int:\n    t = 0\n");
    for (int i = 0; i < 19; i++)
        text = pool_printf(&pool, "%.*s%*sfor i%d in range(n):\n", STR_FMT(text), 4 * i + 4, "", i);
    text = pool_printf(&pool, "%.*s%*st += i3\n", STR_FMT(text), 80, "");
    for (int i = 18; i >= 0; i--)
        text = pool_printf(&pool, "%.*s%*sx%d = i%d\n", STR_FMT(text), 4 * i + 8, "", i, i);
    text = pool_printf(&pool, "%.*s    return t\n", STR_FMT(text));
    cr_expect_eq(compile(&pool, text, COMPILE_IMAGE).nentries, 1);
    pool_deinit(&pool);
}

/* Each call of f makes g's argument type one deeper. */
Test(language, endless_specialisation_ends) {
    expect_refused("def f(n, d):\n    return f((n, n), d)\ndef g(n: int) -> int:\n    return f(n, 1)\n",
                   "which is not compiled");
}

/* f0 calls f1, which calls f2, and so on; `last` is the last one's body. */
static Str chain_of_calls(Pool *pool, int n, const char *last) {
    Out out = {.pool = pool};
    out_str(&out, STR("class C:\n    x: int\n"));
    for (int i = 0; i + 1 < n; i++)
        out_str(&out,
                pool_printf(pool, "    def f%d(self, n: int) -> int:\n        return self.f%d(n) + 1\n", i, i + 1));
    out_str(&out, pool_printf(pool, "    def f%d(self, n: int) -> int:\n        %s\n", n - 1, last));
    return (Str){out.ptr, out.len};
}

Test(language, long_chain_of_calls) {
    Pool pool = POOL_NULL;
    Image image = compile(&pool, chain_of_calls(&pool, 250, "return n"), COMPILE_IMAGE);
    cr_expect(image.nentries == 250);
    Str typed = compile(&pool, chain_of_calls(&pool, CHAIN, "return n"), COMPILE_TYPED).text;
    cr_expect_eq(count(typed, "BinOp int\n"), CHAIN - 1);
    pool_deinit(&pool);
}

Test(language, long_chain_of_refusals) {
    Pool pool = POOL_NULL;
    Str typed = compile(&pool, chain_of_calls(&pool, CHAIN, "return (yield n)"), COMPILE_TYPED).text;
    cr_expect(memmem(typed.ptr, typed.len, STR("yield").ptr, 5) && typed.len < CHAIN * 2000, "%zu", typed.len);
    pool_deinit(&pool);
}

Test(language, memory_runs_out_anywhere) {
    const char *text = "class P:\n    x: int\n    def f(self, n: int) -> int:\n        for i in range(n):\n"
                       "            self.x += i if i > 3 else -i\n        return self.x\n";
    Pool whole = POOL_NULL;
    Str unit = make_unit(&whole, str_from_cstr(text));
    bool done = false;
    for (size_t limit = 4096; !done; limit += 4096) {
        Pool pool = {.limit = limit};
        Image image;
        Str error;
        done = compiler_run(&pool, unit, COMPILE_TYPED, STR_NULL, &image, &error) == 0;
        pool_deinit(&pool);
        cr_assert_lt(limit, 1 << 24);
    }
    pool_deinit(&whole);
}
