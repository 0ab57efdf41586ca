/* jitd-cc: the compiler on the command line. Shows what a stage makes of Python files: jitd-cc --dump=tokens|ast
 * [--function] FILE... With several files each dump follows a line "== FILE"; a file that is refused shows "error: "
 * and the message. Exit status 1 when any was. */
#include "base/cleanup.h"
#include "server/compiler/dump.h"
#include "server/compiler/parse.h"
#include <errno.h>
#include <stdio.h>

typedef struct Options {
    bool tokens, function;
} Options;

static int read_file(const char *path, Pool *pool, Str *ret_text) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return -errno;
    char *text = NULL;
    size_t len = 0, cap = 0, n;
    do {
        if (len == cap)
            text = pool_grow(pool, text, 1, len, &cap);
        n = fread(text + len, 1, cap - len, f);
        len += n;
    } while (n);
    int r = ferror(f) ? -EIO : 0;
    fclose(f);
    *ret_text = (Str){text, len};
    return r;
}

static Str dump(Compilation *c, const Options *options) {
    if (options->tokens) {
        Tokens tokens = lex(c, c->source, options->function ? LEX_STATEMENT : LEX_FILE);
        return tokens_dump(c->pool, &tokens);
    }
    Ast ast = options->function ? parse_function(c, c->source) : parse_module(c, c->source);
    return ast_dump(c->pool, ast.root);
}

static int show(const char *path, const Options *options, bool header) {
    jmp_buf failed;
    Pool pool = POOL_NULL;
    Source source = {str_from_cstr(path), STR_NULL, 1};
    Compilation c = {.pool = &pool, .source = &source, .on_fail = &failed};
    if (header)
        printf("== %s\n", path);
    int refused = setjmp(failed), error = 0;
    if (!refused && !(error = read_file(path, &pool, &source.text))) {
        Str text = dump(&c, options);
        fwrite(text.ptr, 1, text.len, stdout);
    } else if (refused) {
        Str text = diag_render(&pool, &source, &c.diag);
        printf("error: %.*s\n", STR_FMT(text));
    } else {
        fprintf(stderr, "jitd-cc: %s: %s\n", path, strerror(-error));
    }
    pool_deinit(&pool);
    return refused || error;
}

int main(int argc, char **argv) {
    Options options = {0};
    int at = 1, status = 0;
    for (; at < argc && argv[at][0] == '-'; at++) {
        options.tokens |= !strcmp(argv[at], "--dump=tokens");
        options.function |= !strcmp(argv[at], "--function");
    }
    if (at == argc) {
        fprintf(stderr, "usage: jitd-cc --dump=tokens|ast [--function] FILE...\n");
        return 2;
    }
    for (int i = at; i < argc; i++)
        status |= show(argv[i], &options, argc - at > 1);
    return status;
}
