/* jitd-cc: the compiler on the command line. Shows what a stage makes of Python files or unit descriptions. With several
 * files each dump follows a line "== FILE"; a file that is refused shows "error: " and the message. Exit status 1 when
 * any was. */
#include "protocol/abi.h"
#include "server/compiler/compiler.h"
#include "server/compiler/dump.h"
#include "server/compiler/lex.h"
#include "server/tool/show_image.h"
#include "server/tool/unit_from_py.h"
#include <errno.h>
#include <getopt.h>
#include <llvm/Config/llvm-config.h>
#include <stdio.h>

#define MAX_ENTRIES 64

typedef enum Dump { DUMP_TOKENS, DUMP_AST, DUMP_UNIT, DUMP_COMPILE } Dump;

typedef struct Options {
    Dump dump;
    CompileWhat what; /* DUMP_COMPILE */
    bool function;
    const char *entries[MAX_ENTRIES];
    size_t nentries;
    Str method;
} Options;

static int usage(FILE *out) {
    fprintf(out, "usage: jitd-cc [--dump=WHAT] [--entry='f(int,float)']... [--method=NAME] [--function] FILE...\n"
                 "FILE is Python source, or a unit description (*.unit). WHAT is one of\n"
                 "  tokens ast          of the file, or with --function of its first statement\n"
                 "  unit                the unit description made of the file's classes and functions\n"
                 "  bound typed flow ir iropt asm image (the default)\n"
                 "Entries are methods (\"Point.norm\") and functions; without, everything by its annotations.\n"
                 "  --version           says which one it is\n"
                 "  --help              says this\n");
    return out == stderr ? 2 : 0;
}

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

static Str dump_front(Compilation *c, const Options *options) {
    if (options->dump == DUMP_TOKENS) {
        Tokens tokens = lex(c, c->source, options->function ? LEX_STATEMENT : LEX_FILE);
        return tokens_dump(c->pool, &tokens);
    }
    Ast ast = options->function ? parse_function(c, c->source) : parse_module(c, c->source);
    return ast_dump(c->pool, ast.root);
}

static bool is_unit(Str path) {
    return str_eq_c(str_slice(path, path.len < 5 ? 0 : path.len - 5, path.len), ".unit");
}

static Str unit_of(Compilation *c, const Options *options) {
    if (is_unit(c->source->file))
        return c->source->text;
    Ast ast = parse_module(c, c->source);
    return unit_from_py(c, &ast, options->entries, options->nentries);
}

static Str dump_compiled(Compilation *c, const Options *options) {
    Image image;
    Str error, unit = unit_of(c, options);
    c->pool->limit = c->pool->used + COMPILE_POOL_LIMIT;
    int r = compiler_run(c->pool, unit, options->what, options->method, &image, &error);
    c->pool->limit = 0;
    if (r)
        fail(c, (Span){0}, "%.*s", STR_FMT(error));
    return options->what == COMPILE_IMAGE ? show_image(c->pool, &image) : image.text;
}

static Str dump(Compilation *c, const Options *options) {
    switch (options->dump) {
    case DUMP_UNIT:
        return unit_of(c, options);
    case DUMP_COMPILE:
        return dump_compiled(c, options);
    default:
        return dump_front(c, options);
    }
}

static void show_dump(Compilation *c, void *options) {
    Str text = dump(c, options);
    fwrite(text.ptr, 1, text.len, stdout);
}

static int show(const char *path, Options *options, bool header) {
    Pool pool = POOL_NULL;
    Source source = {str_from_cstr(path), STR_NULL, 1};
    Compilation c = {.pool = &pool, .source = &source};
    bool shown = false;
    if (header)
        printf("== %s\n", path);
    int error = read_file(path, &pool, &source.text);
    if (error) {
        fprintf(stderr, "jitd-cc: %s: %s\n", path, strerror(-error));
    } else if (!(shown = pass_ends(&c, show_dump, options))) {
        Str text = diag_render(&pool, &source, &c.diag);
        printf("error: %.*s\n", STR_FMT(text));
    }
    pool_deinit(&pool);
    return !shown;
}

static bool set_dump(Options *o, const char *word) {
    if (strcmp(word, "tokens") == 0)
        o->dump = DUMP_TOKENS;
    else if (strcmp(word, "ast") == 0)
        o->dump = DUMP_AST;
    else if (strcmp(word, "unit") == 0)
        o->dump = DUMP_UNIT;
    else
        return compile_what(str_from_cstr(word), &o->what);
    return true;
}

static bool set_option(Options *o, int option) {
    switch (option) {
    case 'd':
        return set_dump(o, optarg);
    case 'e':
        if (o->nentries == MAX_ENTRIES)
            return false;
        o->entries[o->nentries++] = optarg;
        return true;
    case 'm':
        o->method = str_from_cstr(optarg);
        return true;
    case 'f':
        o->function = true;
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv) {
    static const struct option long_options[] = {{"dump", required_argument, NULL, 'd'},
                                                 {"entry", required_argument, NULL, 'e'},
                                                 {"method", required_argument, NULL, 'm'},
                                                 {"function", no_argument, NULL, 'f'},
                                                 {"version", no_argument, NULL, 'v'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    Options options = {.dump = DUMP_COMPILE, .what = COMPILE_IMAGE};
    int option, status = 0;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (option == 'v')
            return printf("jitd-cc %s (ABI %d, LLVM %s)\n", JITD_VERSION, JITD_ABI_VERSION, LLVM_VERSION_STRING) < 0;
        else if (option == 'h')
            return usage(stdout);
        else if (!set_option(&options, option))
            return usage(stderr);
    if (optind == argc)
        return usage(stderr);
    if (options.dump == DUMP_COMPILE)
        compiler_init(NULL);
    for (int i = optind; i < argc; i++)
        status |= show(argv[i], &options, argc - optind > 1);
    return status;
}
