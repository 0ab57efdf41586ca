/* Publishing: what lands in the segment and the tables, and that no lie of a compiler process gets that far. */
#include "server/broker/publish.h"
#include "protocol/wire.h"
#include "server/broker/ledger.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static Tenants tenants = {.segment_size = 65536, .arena_size = ARENA_DEFAULT_SIZE, .arena_quota = 1 << 24};
static Tenant *tenant;
static Pool pool;
static uint8_t code[1000];
static Key content;
static DefSpec defs[2];
static FieldSpec fields[2];
static UnitSpec unit;
static const char *error_code, *message;
static const Segment *new_segment;

static void setup(void) {
    static const Type floating = {.kind = TYPE_FLOAT}, reference = {.kind = TYPE_REF, .def = 0, .optional = true};
    cr_assert_eq(tenants_open(&tenants, 1000, STR("test"), &tenant), 0);
    for (size_t i = 0; i < sizeof code; i++)
        code[i] = (uint8_t)i;
    fields[0] = (FieldSpec){.name = STR("x"), .type = &floating, .offset = 16};
    fields[1] = (FieldSpec){.name = STR("next"), .type = &reference, .offset = 24};
    defs[0] = (DefSpec){
        .is_class = true, .name = STR("m.P"), .file = STR("m.py"), .fields = fields, .nfields = 2, .size = 32};
    defs[1] = (DefSpec){.name = STR("m.f"), .file = STR("m.py")};
    defs[0].key.b[0] = 7;
    unit = (UnitSpec){.name = STR("m.P"), .defs = defs, .ndefs = 2};
    unit.key.b[0] = 9;
}

static void teardown(void) {
    tenants_deinit(&tenants);
    pool_deinit(&pool);
}

TestSuite(publish, .init = setup, .fini = teardown);

static MsgImage good_image(void) {
    static MsgEntry entries[] = {{0, 16}, {999, 32}};
    static MsgFixup fixups[] = {{100, JITD_IMPORT_sin, -4}, {996, 0, 8}};
    return (MsgImage){.code = {(const char *)code, sizeof code},
                      .meta = STR("meta"),
                      .entries = entries,
                      .nentries = 2,
                      .fixups = fixups,
                      .nfixups = 2,
                      .class_table = 200,
                      .nclasses = 2};
}

static int publish(const MsgImage *image, Unit **ret_unit) {
    Publication p = {.unit = &unit, .source = STR("source"), .content = &content, .image = image};
    return publish_unit(&tenants, tenant, &p, ret_unit, &new_segment, &error_code, &message);
}

Test(publish, everything_is_in_its_place) {
    Unit *u;
    MsgImage image = good_image();
    image.code.len = 1000;
    tenant->segments[0].used = 1;
    cr_assert_eq(publish(&image, &u), 0);
    const Segment *s = &tenant->segments[0];
    uint64_t offset = s->offset + 64;
    cr_assert_eq(s->used, 64 + 1000);
    int32_t distance;
    memcpy(&distance, s->base + 64 + 100, 4);
    cr_assert_eq((int64_t)offset + 100 + distance, JITD_IMPORTS_OFFSET + 8 * JITD_IMPORT_sin - 4);
    memcpy(&distance, s->base + 64 + 996, 4);
    cr_assert_eq((int64_t)offset + 996 + distance, JITD_IMPORTS_OFFSET + 8);
    uint32_t ids[2];
    memcpy(ids, s->base + 64 + 200, 8);
    cr_assert_eq(ids[0], 1);
    cr_assert_eq(ids[1], 0);
    cr_assert_eq(memcmp(s->base + 64, code, 100), 0);
    cr_assert_eq(memcmp(s->base + 64 + 208, code + 208, 788), 0);
    const ShmMethod *m = table_method(&tenant->table, u->slot + 1);
    cr_assert_eq(atomic_load(&m->thunk), offset + 999);
    cr_assert_eq(atomic_load(&m->native), offset + 32);
    Shape shape;
    cr_assert_eq(table_shape(&tenant->table, 1, &shape), 0);
    cr_assert_eq(shape.base, 32);
    cr_assert_eq(shape.nrefs, 1);
    cr_assert_eq(shape.refs[0], 24);
    cr_assert_eq(tenant_find_unit(tenant, &unit.key), u);
    cr_assert_eq(tenant_find_unit_by_name(tenant, STR("m.P")), u);
    cr_assert_null(new_segment);
}

/* Nothing has happened after a refusal. */
static void refused(const MsgImage *image, const char *with) {
    Unit *u = NULL;
    uint64_t used = tenant->segments[0].used;
    cr_assert_eq(publish(image, &u), 1);
    cr_assert_str_eq(error_code, with);
    cr_assert_eq(tenant->segments[0].used, used);
    cr_assert_null(tenant->units);
    cr_assert_null(tenant->classes);
    cr_assert_null(table_method(&tenant->table, 0)); /* not reserved */
}

Test(publish, entries_lie) {
    MsgImage image = good_image();
    for (int i = 0; i < 4; i++) {
        MsgEntry lie = {i < 2 ? (i ? UINT32_MAX : 1000) : 0, i < 2 ? 0 : (i == 2 ? 1000 : UINT32_MAX)};
        image.entries = &lie;
        image.nentries = 1;
        refused(&image, "worker");
    }
}

Test(publish, fixups_lie) {
    MsgImage image = good_image();
    static MsgFixup lies[] = {
        {997, 0, -4},        {UINT32_MAX, 0, -4}, {UINT32_MAX - 3, 0, -4}, {0, JITD_N_IMPORTS, -4},
        {0, UINT32_MAX, -4}, {0, 0, INT32_MIN},   {0, 0, INT32_MAX}};
    image.nfixups = 1;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        image.fixups = &lies[i];
        refused(&image, "worker");
    }
}

Test(publish, class_tables_lie) {
    static const struct {
        uint32_t at, n;
    } lies[] = {{996, 2}, {1000, 2}, {UINT32_MAX - 3, 2}, {201, 2}, {0, 1}, {0, 3}, {0, UINT32_MAX}, {1004, 0}};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        MsgImage image = good_image();
        image.class_table = lies[i].at;
        image.nclasses = lies[i].n;
        refused(&image, "worker");
    }
}

Test(publish, too_much_code) {
    char *big = calloc(1, 65537);
    MsgImage image = good_image();
    image.code = (Str){big, 65537};
    refused(&image, "worker");
    image.code.len = 65536;
    Unit *u;
    cr_assert_eq(publish(&image, &u), 0);
    free(big);
}

Test(publish, no_entries_and_no_code) {
    MsgImage image = {.meta = STR("all refused")};
    Unit *u;
    cr_assert_eq(publish(&image, &u), 0);
    cr_assert_eq(u->nentries, 0);
}

Test(publish, a_new_segment_when_the_old_is_full, .timeout = 30) {
    char *big = calloc(1, 65536);
    MsgImage image = good_image();
    image.code = (Str){big, 40000};
    Unit *u;
    for (unsigned i = 0; i < TENANT_MAX_SEGMENTS; i++) {
        unit.key.b[1] = (uint8_t)i;
        cr_assert_eq(publish(&image, &u), 0);
        cr_assert_eq(new_segment != NULL, i > 0);
        cr_assert_eq(tenant->nsegments, i + 1);
        if (i)
            cr_assert_eq(new_segment->offset, tenant->segments[i - 1].offset + 65536);
    }
    unit.key.b[2] = 1;
    cr_assert_eq(publish(&image, &u), 1);
    cr_assert_str_eq(error_code, "quota");
    image.code.len = 1000; /* the last one has room for this */
    cr_assert_eq(publish(&image, &u), 0);
    free(big);
}

Test(publish, the_same_fingerprint_again_replaces) {
    MsgImage image = good_image();
    Unit *first, *second;
    cr_assert_eq(publish(&image, &first), 0);
    uint32_t slot = first->slot;
    content.b[0]++;
    cr_assert_eq(publish(&image, &second), 0);
    cr_assert_neq(second->slot, slot);
    cr_assert_eq(HASH_COUNT(tenant->units), 1);
    cr_assert_eq(tenant->classes->units, second);
    cr_assert_neq(atomic_load(&table_method(&tenant->table, slot)->thunk), 0); /* who calls it goes on calling it */
}

Test(publish, one_layout_for_a_class_key) {
    MsgImage image = good_image();
    Unit *u;
    cr_assert_eq(publish(&image, &u), 0);
    unit.key.b[1] = 1;
    defs[0].size = 40;
    cr_assert_eq(publish(&image, &u), 1);
    cr_assert_str_eq(error_code, "malformed");
    defs[0].size = 32;
    defs[0].nfields = 1; /* no reference any more */
    cr_assert_eq(publish(&image, &u), 1);
    defs[0].nfields = 2;
    cr_assert_eq(publish(&image, &u), 0);
    cr_assert_eq(u->class_ids[0], 1);
}

Test(publish, names) {
    uint64_t old = 99;
    cr_assert_eq(tenant_publish_name(tenant, STR("a"), 64, 0, NULL, &old), 0);
    cr_assert_eq(old, 0);
    cr_assert_eq(tenant_publish_name(tenant, STR("a"), 0, 0, NULL, &old), 0);
    cr_assert_eq(old, 64);
    cr_assert_eq(tenant_publish_name(tenant, STR("a"), 0, 0, NULL, &old), 0);
    cr_assert_eq(old, 0);
    cr_assert_eq(tenant_publish_name(tenant, STR_NULL, 64, 0, NULL, &old), -ENAMETOOLONG);
    for (uint32_t i = 0; i < TENANT_MAX_NAMES; i++)
        cr_assert_eq(tenant_publish_name(tenant, (Str){(char *)&i, 4}, 64, 0, NULL, &old), 0);
    cr_assert_eq(tenant_publish_name(tenant, STR("one more"), 64, 0, NULL, &old), -ENOSPC);
    cr_assert_eq(tenant_publish_name(tenant, (Str){"\1\0\0\0", 4}, 128, 0, NULL, &old), 0);
    cr_assert_eq(old, 64);
}

/* ---- decoding ---- */

static int decode(msgpack_sbuffer *b, MsgImage *ret_image) {
    msgpack_unpacked owner;
    const char *wrong;
    cr_assert_eq(wire_unpack((Str){b->data, b->size}, &owner), 0);
    int r = image_decode(&pool, &owner.data, ret_image, &wrong);
    msgpack_unpacked_destroy(&owner);
    return r;
}

/* An image with one part exchanged for another value. */
static int decode_with(const char *part, uint64_t thunk, int64_t addend, int shape) {
    msgpack_sbuffer b;
    msgpack_packer pk;
    MsgImage image;
    msgpack_sbuffer_init(&b);
    msgpack_packer_init(&pk, &b, msgpack_sbuffer_write);
    static const char *const parts[] = {"code", "meta", "entries", "fixups", "class_table", "nclasses"};
    msgpack_pack_map(&pk, 6);
    for (int i = 0; i < 6; i++) {
        wire_put_cstr(&pk, parts[i]);
        if (part && strcmp(part, parts[i]) == 0) {
            shape ? (void)msgpack_pack_array(&pk, 0) : (void)msgpack_pack_nil(&pk);
        } else if (i < 2) {
            wire_put_bin(&pk, STR("bytes"));
        } else if (i < 4) {
            msgpack_pack_array(&pk, 1);
            msgpack_pack_array(&pk, i == 2 ? 2 : 3);
            msgpack_pack_uint64(&pk, thunk);
            msgpack_pack_uint64(&pk, 1);
            if (i == 3)
                msgpack_pack_int64(&pk, addend);
        } else {
            msgpack_pack_uint64(&pk, thunk);
        }
    }
    int r = decode(&b, &image);
    msgpack_sbuffer_destroy(&b);
    return r;
}

Test(publish, decoding) {
    cr_assert_eq(decode_with(NULL, 5, -4, 0), 0);
    cr_assert_eq(decode_with(NULL, UINT32_MAX, INT32_MIN, 0), 0);
    cr_assert_eq(decode_with(NULL, (uint64_t)UINT32_MAX + 1, -4, 0), 1);
    cr_assert_eq(decode_with(NULL, 5, (int64_t)INT32_MIN - 1, 0), 1);
    static const char *const parts[] = {"code", "meta", "entries", "fixups", "class_table", "nclasses"};
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(decode_with(parts[i], 5, -4, 0), 1, "%s nil", parts[i]);
        cr_assert_eq(decode_with(parts[i], 5, -4, 1), i == 2 || i == 3 ? 0 : 1, "%s array", parts[i]);
    }
}

/* ---- what the next daemon finds ---- */

Test(publish, shapes_are_handed_over) {
    char path[] = "/tmp/jitd-ledger-XXXXXX", file[128], *data;
    uint32_t id, refs[] = {24};
    size_t size;
    LedgerHead head;
    Tenant *next = tenant_alloc(1000, STR("next"));
    Class c = {.size = 32, .name = "m.T", .file = "m.py", .fields = "\x90", .fields_size = 1};
    Shape known, shape = {.base = 32, .nrefs = 1, .refs = refs, .tail = SHM_TAIL_BYTES, .element = 4};
    cr_assert_not_null(mkdtemp(path));
    int dir = ledger_open_dir(path);
    ledger_create(dir, tenant);
    cr_assert_eq(table_add_class(&tenant->table, &c.key, &shape, &id), 0);
    c.id = id;
    ledger_put_class(tenant, &c);
    cr_assert_eq(ledger_load(dir, tenant->ledger.name, &head, &data, &size), 0);
    cr_assert_eq(ledger_replay(dir, tenant->ledger.name, (Str){data, size}, next), 0);
    cr_assert_eq(table_shape(&next->table, id, &known), 0);
    cr_assert(known.base == 32 && known.nrefs == 1 && known.refs[0] == 24);
    cr_assert(known.tail == SHM_TAIL_BYTES && known.element == 4);
    snprintf(file, sizeof file, "%s/%s", path, tenant->ledger.name);
    cr_assert(unlink(file) == 0 && rmdir(path) == 0);
    tenant_free(next);
    free(data);
    close(dir);
}
