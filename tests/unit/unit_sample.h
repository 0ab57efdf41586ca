/* A unit description with one of everything, built with the msgpack packer; for tests of whatever decodes one. */
#pragma once
#include "protocol/wire.h"

#define P(s) wire_put_cstr(pk, s)

static inline void sample_key(msgpack_packer *pk, char fill) {
    char b[32];
    memset(b, fill, sizeof b);
    wire_put_bin(pk, (Str){b, sizeof b});
}

static inline void sample_const_float(msgpack_packer *pk, double d) {
    msgpack_pack_array(pk, 2);
    P("float");
    msgpack_pack_double(pk, d);
}

static inline void sample_param(msgpack_packer *pk, const char *name, const char *type, const char *kind) {
    msgpack_pack_array(pk, 4);
    P(name);
    if (type)
        P(type);
    else
        msgpack_pack_nil(pk);
    sample_const_float(pk, 1.5);
    P(kind);
}

static inline void sample_pair(msgpack_packer *pk, const char *name, const char *word, const char *a, const char *b) {
    P(name);
    msgpack_pack_array(pk, b ? 3 : 2);
    P(word);
    P(a);
    if (b)
        P(b);
}

static inline void sample_globals(msgpack_packer *pk) {
    msgpack_pack_map(pk, 11);
    P("N"), msgpack_pack_array(pk, 2), P("int"), msgpack_pack_int64(pk, INT64_MIN);
    P("F"), sample_const_float(pk, -0.0);
    P("B"), msgpack_pack_array(pk, 2), P("bool"), msgpack_pack_true(pk);
    P("Z"), msgpack_pack_array(pk, 1), P("none");
    P("Point"), msgpack_pack_array(pk, 2), P("def"), msgpack_pack_int(pk, 0);
    sample_pair(pk, "S", "str", "text", NULL);
    sample_pair(pk, "math", "module", "math", NULL);
    sample_pair(pk, "root", "member", "math", "sqrt");
    sample_pair(pk, "abs", "builtin", "abs", NULL);
    sample_pair(pk, "i32", "type", "int32", NULL);
    sample_pair(pk, "np", "other", "module numpy", NULL);
}

static inline void sample_func_of(msgpack_packer *pk, const char *name, const char *kind, const char *source,
                                  bool inherited) {
    msgpack_pack_map(pk, inherited ? 7 : 6);
    P("name"), P(name), P("kind"), P(kind), P("line"), msgpack_pack_int(pk, 3), P("source"), P(source);
    P("params"), msgpack_pack_array(pk, 2);
    sample_param(pk, "a", "float", "any");
    sample_param(pk, "b", NULL, "kw");
    P("globals"), sample_globals(pk);
    if (inherited) {
        P("owner"), msgpack_pack_array(pk, 5), msgpack_pack_int(pk, 2), msgpack_pack_true(pk);
        msgpack_pack_int(pk, 0), P("_Base"), P("base.py");
    }
}

static inline void sample_func(msgpack_packer *pk, const char *name, const char *kind, const char *source) {
    sample_func_of(pk, name, kind, source, false);
}

static inline void sample_field(msgpack_packer *pk, const char *name, const char *type) {
    msgpack_pack_array(pk, 3);
    P(name), P(type), msgpack_pack_nil(pk);
}

static inline void sample_class(msgpack_packer *pk) {
    msgpack_pack_map(pk, 9);
    P("kind"), P("class"), P("key"), sample_key(pk, 'c'), P("name"), P("m.Point"), P("file"), P("m.py");
    P("fields"), msgpack_pack_array(pk, 4);
    sample_field(pk, "flag", "bool"), sample_field(pk, "x", "float");
    sample_field(pk, "small", "int16"), sample_field(pk, "next", "@0?");
    P("init"), P("generated");
    P("consts"), msgpack_pack_map(pk, 1), P("K"), sample_const_float(pk, 2.0);
    P("funcs"), msgpack_pack_array(pk, 4);
    sample_func(pk, "norm", "method", "def norm(self, a, *, b=1.5):\n    return a\n");
    sample_func(pk, "p", "property", "@property\ndef p(self, a, *, b):\n    return a\n");
    sample_func(pk, "p", "setter", "@p.setter\ndef p(self, a, *, b):\n    pass\n");
    sample_func_of(pk, "norm", "method", "def norm(self, a, *, b):\n    return a\n", true);
    P("other"), msgpack_pack_map(pk, 1), P("__len__"), P("not a function");
}

static inline void sample_unit_head(msgpack_packer *pk) {
    msgpack_pack_map(pk, 6);
    P("name"), P("m.Point"), P("key"), sample_key(pk, 'u');
    P("python"), msgpack_pack_array(pk, 2), msgpack_pack_int(pk, 3), msgpack_pack_int(pk, 11);
    P("options"), msgpack_pack_map(pk, 3);
    P("overflow"), P("wrap"), P("fastmath"), msgpack_pack_false(pk), P("boundscheck"), msgpack_pack_true(pk);
}

static inline void sample_function_head(msgpack_packer *pk) {
    msgpack_pack_map(pk, 5);
    P("kind"), P("function"), P("key"), sample_key(pk, 'f'), P("name"), P("m.f"), P("file"), P("m.py"), P("funcs");
}

static inline void sample_unit_without_function(msgpack_packer *pk) {
    sample_unit_head(pk);
    P("defs"), msgpack_pack_array(pk, 1);
    sample_function_head(pk), msgpack_pack_array(pk, 0);
    P("entries"), msgpack_pack_array(pk, 0);
}

/* The class `times` times. */
static inline void sample_unit_of(msgpack_packer *pk, unsigned times) {
    sample_unit_head(pk);
    P("defs"), msgpack_pack_array(pk, times + 1);
    sample_class(pk);
    sample_function_head(pk), msgpack_pack_array(pk, 1),
        sample_func(pk, "f", "function", "def f(a, *, b):\n    return a\n");
    while (--times)
        sample_class(pk);
    P("entries"), msgpack_pack_array(pk, 4);
    msgpack_pack_array(pk, 3), msgpack_pack_int(pk, 0), P("norm"), msgpack_pack_nil(pk);
    msgpack_pack_array(pk, 3), msgpack_pack_int(pk, 0), P("p.setter"), msgpack_pack_nil(pk);
    msgpack_pack_array(pk, 3), msgpack_pack_int(pk, 1), P("f");
    msgpack_pack_array(pk, 2), P("(int,(bool,@0))"), P("uint8");
    msgpack_pack_array(pk, 3), msgpack_pack_int(pk, 0), P("norm");
    msgpack_pack_array(pk, 2), P("float"), P("bool");
}

static inline void sample_unit(msgpack_packer *pk) {
    sample_unit_of(pk, 1);
}

#undef P
