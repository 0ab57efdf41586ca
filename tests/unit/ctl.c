/* What jitctl prints: JSON of any value, tables of any text. */
#include "client/cli/json.h"
#include "client/cli/table.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static char *out_text;
static size_t out_size;
static FILE *out;

static void begin(void) {
    free(out_text);
    out = open_memstream(&out_text, &out_size);
}

static const char *end(void) {
    fclose(out);
    return out_text;
}

static const char *json(const msgpack_object *o) {
    begin();
    json_print(out, o);
    return end();
}

static const char *json_str(const char *bytes, size_t size) {
    return json(&(msgpack_object){.type = MSGPACK_OBJECT_STR, .via.str = {(uint32_t)size, bytes}});
}

#define IS(got, expected)                                                                                              \
    do {                                                                                                               \
        const char *text = (got);                                                                                      \
        cr_assert(!strcmp(text, expected), "%s is not %s", text, expected);                                            \
    } while (0)
#define STR_IS(bytes, expected) IS(json_str(bytes, sizeof(bytes) - 1), expected)

Test(ctl, strings_are_escaped) {
    STR_IS("plain", "\"plain\"");
    STR_IS("a\"b\\c\n\t\r\b\f", "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\"");
    STR_IS("\x01\x1f\x7f\x00z", "\"\\u0001\\u001f\\u007f\\u0000z\"");
    STR_IS("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d\"");
}

Test(ctl, what_is_no_utf8_is_replaced) {
    STR_IS("\xff", "\"\\ufffd\"");
    STR_IS("\xc3", "\"\\ufffd\"");                       /* cut short */
    STR_IS("\xc0\xaf", "\"\\ufffd\\ufffd\"");            /* overlong */
    STR_IS("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* a surrogate */
    STR_IS("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    STR_IS("\xe2\x82z", "\"\\ufffd\\ufffdz\"");
}

static msgpack_object float_of(double value) {
    return (msgpack_object){.type = MSGPACK_OBJECT_FLOAT64, .via.f64 = value};
}

Test(ctl, numbers_and_others) {
    msgpack_object half = float_of(0.5), nan = float_of(NAN), inf = float_of(-INFINITY), tenth = float_of(0.1);
    IS(json(&half), "0.5");
    IS(json(&tenth), "0.10000000000000001");
    IS(json(&nan), "null");
    IS(json(&inf), "null");
    IS(json(&(msgpack_object){.type = MSGPACK_OBJECT_POSITIVE_INTEGER, .via.u64 = UINT64_MAX}), "18446744073709551615");
    IS(json(&(msgpack_object){.type = MSGPACK_OBJECT_NEGATIVE_INTEGER, .via.i64 = INT64_MIN}), "-9223372036854775808");
    IS(json(&(msgpack_object){.type = MSGPACK_OBJECT_NIL}), "null");
    IS(json(&(msgpack_object){.type = MSGPACK_OBJECT_BOOLEAN, .via.boolean = true}), "true");
    IS(json(&(msgpack_object){.type = MSGPACK_OBJECT_BIN, .via.bin = {3, "\x00\xab\xff"}}), "\"00abff\"");
}

Test(ctl, containers) {
    const char bytes[] = "\x82\xa1k\x93\x01\xc0\x80\x05\x90"; /* {"k": [1, nil, {}], 5: []} */
    msgpack_zone zone;
    msgpack_object o;
    size_t at = 0;
    msgpack_zone_init(&zone, 256);
    cr_assert_eq(msgpack_unpack(bytes, sizeof bytes - 1, &at, &zone, &o), MSGPACK_UNPACK_SUCCESS);
    IS(json(&o), "{\"k\": [1, null, {}], \"1\": []}");
    msgpack_zone_destroy(&zone);
}

static const char *printed(Cells *t) {
    begin();
    cells_print(t, out);
    cells_deinit(t);
    return end();
}

Test(ctl, columns_line_up) {
    Cells t;
    cells_init(&t, 3);
    cells_add(&t, STR("name")), cells_add(&t, STR("size")), cells_add(&t, STR("note"));
    cells_add(&t, STR("\xc3\xa9t\xc3\xa9")), cells_add_uint(&t, 1234567), cells_add(&t, STR("x\ny\x1b[31m"));
    cells_add(&t, STR("longer name")), cells_add_bytes(&t, 5), cells_add(&t, STR(""));
    IS(printed(&t), "name              size  note\n"
                    "\xc3\xa9t\xc3\xa9          1,234,567  x?y?[31m\n"
                    "longer name        5 B  \n");
}

Test(ctl, figures_with_units) {
    static const uint64_t bytes[] = {0, 1023, 1024, 1536, 10 << 20, UINT64_MAX},
                          us[] = {0, 999, 1000, 123456, 1000000, UINT64_MAX};
    Cells t;
    cells_init(&t, 2);
    for (int i = 0; i < 6; i++)
        cells_add_bytes(&t, bytes[i]), cells_add_us(&t, us[i]);
    IS(printed(&t),
       "     0 B                0 \xc2\xb5s\n  1023 B              999 \xc2\xb5s\n 1.0 KiB              1.0 ms\n"
       " 1.5 KiB            123.5 ms\n10.0 MiB               1.0 s\n16.0 EiB  18446744073709.6 s\n");
}

Test(ctl, thousands) {
    Cells t;
    cells_init(&t, 1);
    cells_add_uint(&t, 0), cells_add_uint(&t, 999), cells_add_uint(&t, 1000), cells_add_uint(&t, UINT64_MAX);
    IS(printed(&t), "                         0\n                       999\n                     "
                    "1,000\n18,446,744,073,709,551,615\n");
}

Test(ctl, no_rows) {
    Cells t;
    cells_init(&t, 4);
    IS(printed(&t), "");
}
