/* Fuzzes the front: any bytes lex and parse to a tree (which is dumped) or to a refusal (which is rendered), within a memory limit.
 * The first byte chooses between a file and a function. */
#include "server/compiler/dump.h"
#include "server/compiler/parse.h"
#include <stdlib.h>
#include <unistr.h>

static void parse(Compilation *c, void *first) {
    Ast ast = *(const uint8_t *)first & 1 ? parse_function(c, c->source) : parse_module(c, c->source);
    if (ast.root->id >= ast.nnodes || !ast_dump(c->pool, ast.root).len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size)
        return 0;
    uint8_t first = data[0];
    Pool pool = {.limit = (size_t)64 << 20};
    Source source = {STR("fuzz.py"), {(const char *)data + 1, size - 1}, 1 + (data[0] >> 1)};
    Compilation c = {.pool = &pool, .source = &source};
    pool.fail = fail_out_of_memory;
    pool.fail_arg = &c;
    if (!pass_ends(&c, parse, &first)) {
        pool.limit = 0;
        Str text = diag_render(&pool, &source, &c.diag);
        if (!c.diag.message.len || text.len > 4096 || u8_check((const uint8_t *)text.ptr, text.len))
            abort();
    }
    pool_deinit(&pool);
    return 0;
}
