/* The meta: what is well-formed is found again; nothing else is believed. */
#include "client/lib/meta.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static Pool pool;
static msgpack_sbuffer buffer;
static msgpack_packer pk;

static void pack_type_list(size_t n, const char *const *texts) {
    msgpack_pack_array(&pk, n);
    for (size_t i = 0; i < n; i++)
        wire_put_cstr(&pk, texts[i]);
}

static void pack_entry(uint64_t def, const char *name, const char *param, const char *result, int flags) {
    msgpack_pack_array(&pk, 5);
    msgpack_pack_uint64(&pk, def);
    wire_put_cstr(&pk, name);
    pack_type_list(2, (const char *[]){param, "int"});
    wire_put_cstr(&pk, result);
    msgpack_pack_int(&pk, flags);
}

static void pack_site(int64_t line, uint64_t def) {
    msgpack_pack_array(&pk, 5);
    msgpack_pack_int64(&pk, line);
    msgpack_pack_uint64(&pk, def);
    wire_put_cstr(&pk, "norm");
    wire_put_cstr(&pk, "overflow");
    msgpack_pack_array(&pk, 1);
    wire_put_cstr(&pk, "too large");
}

typedef struct Wrong {
    uint64_t entry_def, site_def;
    const char *param, *result;
    int64_t line;
    int ndefs;
} Wrong;

static Str pack(Wrong w) {
    msgpack_sbuffer_clear(&buffer);
    msgpack_packer_init(&pk, &buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&pk, 4);
    wire_put_cstr(&pk, "defs");
    msgpack_pack_array(&pk, (size_t)w.ndefs);
    for (int i = 0; i < w.ndefs; i++)
        pack_type_list(2, (const char *[]){"geometry.Point", "geometry.py"});
    wire_put_cstr(&pk, "entries");
    msgpack_pack_array(&pk, 2);
    pack_entry(w.entry_def, "norm", w.param, w.result, 1);
    pack_entry(0, "make", "float", "@0", META_NO_SELF);
    wire_put_cstr(&pk, "sites");
    msgpack_pack_array(&pk, 1);
    pack_site(w.line, w.site_def);
    wire_put_cstr(&pk, "timings");
    msgpack_pack_map(&pk, 0);
    return (Str){buffer.data, buffer.size};
}

static const Wrong right = {
    .entry_def = 1, .site_def = 1, .param = "(int8,@1?)", .result = "float", .line = 12, .ndefs = 2};

Test(meta, decodes) {
    Meta m;
    cr_assert_eq(meta_decode(&pool, pack(right), 2, &m), 0);
    cr_assert(m.ndefs == 2 && m.nentries == 2 && m.nsites == 1);
    cr_assert(str_eq_c(m.defs[1].file, "geometry.py") && str_eq_c(m.entries[0].name, "norm") &&
              m.entries[0].nparams == 2);
    cr_assert(m.entries[0].params[0]->kind == TYPE_TUPLE && m.entries[0].result->kind == TYPE_FLOAT &&
              m.entries[0].def == 1);
    cr_assert(m.entries[1].result->kind == TYPE_REF && m.entries[1].flags == META_NO_SELF);
    cr_assert(m.sites[0].line == 12 && str_eq_c(m.sites[0].kind, "overflow") &&
              m.sites[0].payload->via.array.size == 1);
    meta_deinit(&m);
}

#define WRONG(name, ...)                                                                                               \
    Test(meta, name) {                                                                                                 \
        Wrong w = right;                                                                                               \
        Meta m;                                                                                                        \
        __VA_ARGS__;                                                                                                   \
        cr_assert_eq(meta_decode(&pool, pack(w), 2, &m), 1);                                                           \
    }

WRONG(entry_of_no_definition, w.entry_def = 2)
WRONG(site_of_no_definition, w.site_def = UINT64_MAX)
WRONG(reference_to_no_definition, w.param = "@2")
WRONG(unknown_type, w.result = "floot")
WRONG(negative_line, w.line = -1)
WRONG(other_number_of_definitions, w.ndefs = 1)

/* Cut anywhere it is refused; with any byte changed it is refused or decoded, and nothing is read beyond the end
 * (ASan). */
Test(meta, truncated_and_mutated) {
    Str whole = pack(right);
    char *bytes = malloc(whole.len);
    Meta m;
    for (size_t n = 0; n < whole.len; n++) {
        char *cut = malloc(n ? n : 1);
        memcpy(cut, whole.ptr, n);
        cr_assert_eq(meta_decode(&pool, (Str){cut, n}, 2, &m), 1);
        free(cut);
    }
    for (size_t at = 0; at < whole.len; at++)
        for (int value = 0; value < 256; value++) {
            memcpy(bytes, whole.ptr, whole.len);
            bytes[at] = (char)value;
            int r = meta_decode(&pool, (Str){bytes, whole.len}, 2, &m);
            cr_assert(r == 0 || r == 1);
            if (r == 0)
                meta_deinit(&m);
            pool_deinit(&pool);
        }
    free(bytes);
}
