/* wire_check lets pass exactly what msgpack-c would unpack within the limits. */
#include "protocol/wire.h"
#include <criterion/criterion.h>

static bool check(const char *bytes, size_t n) {
    char *copy = malloc(n ? n : 1); /* exact size, for AddressSanitizer */
    memcpy(copy, bytes, n);
    bool ok = wire_check((Str){copy, n});
    free(copy);
    return ok;
}

#define OK(literal) cr_assert(check(literal, sizeof(literal) - 1), "%s", #literal)
#define BAD(literal) cr_assert(!check(literal, sizeof(literal) - 1), "%s", #literal)

Test(wire, single_objects) {
    OK("\x00");
    OK("\x7f");
    OK("\xff");
    OK("\xc0");
    OK("\xc2");
    OK("\xc3");
    OK("\xca"
       "1234");
    OK("\xcb"
       "12345678");
    OK("\xcc"
       "1");
    OK("\xcd"
       "12");
    OK("\xce"
       "1234");
    OK("\xcf"
       "12345678");
    OK("\xd0"
       "1");
    OK("\xd3"
       "12345678");
    OK("\xd4"
       "t1");
    OK("\xd8"
       "t1234567890123456");
    OK("\xa0");
    OK("\xa3"
       "abc");
    OK("\xd9\x03"
       "abc");
    OK("\xda\x00\x01"
       "a");
    OK("\xdb\x00\x00\x00\x01"
       "a");
    OK("\xc4\x01"
       "a");
    OK("\xc5\x00\x01"
       "a");
    OK("\xc6\x00\x00\x00\x00");
    OK("\xc7\x01"
       "ta");
    OK("\x90");
    OK("\x80");
    OK("\x92\x01\x02");
    OK("\x81\xa1"
       "k\x90");
    OK("\xdc\x00\x01\xc0");
    OK("\xde\x00\x01\xc0\xc0");
}

Test(wire, malformed) {
    BAD("");
    BAD("\xc1");
    BAD("\x01\x02");
    BAD("\xa3"
        "ab");
    BAD("\xd9");
    BAD("\xd9\x01");
    BAD("\x91");
    BAD("\x81\xc0");
    BAD("\xca"
        "123");
    BAD("\xd8"
        "t");
    BAD("\xc7\x01"
        "t");
    BAD("\x91\x01\x01");
    BAD("\xdb\xff\xff\xff\xff"
        "a");
}

Test(wire, claims_of_gigabytes) {
    BAD("\xdd\xff\xff\xff\xff");
    BAD("\xdf\xff\xff\xff\xff");
    BAD("\xc6\xff\xff\xff\xff");
    BAD("\xdf\xff\xff\xff\xff\xc0\xc0");
    BAD("\xdd\x00\x10\x00\x00\xc0");
}

Test(wire, nesting_limit) {
    char deep[WIRE_MAX_DEPTH + 2];
    memset(deep, 0x91, sizeof deep);
    deep[WIRE_MAX_DEPTH] = 0x01;
    msgpack_unpacked doc;
    cr_assert_eq(wire_unpack((Str){deep, WIRE_MAX_DEPTH + 1}, &doc), 0); /* msgpack-c agrees */
    msgpack_unpacked_destroy(&doc);
    deep[WIRE_MAX_DEPTH] = (char)0x91;
    deep[WIRE_MAX_DEPTH + 1] = 0x01;
    cr_assert_not(wire_check((Str){deep, sizeof deep}));
}

Test(wire, ten_thousand_deep) {
    char deep[10000];
    memset(deep, 0x91, sizeof deep);
    cr_assert_not(wire_check((Str){deep, sizeof deep}));
}

Test(wire, element_limit) {
    size_t n = WIRE_MAX_ELEMENTS;
    char *many = calloc(n + 6, 1);
    many[0] = (char)0xdd, many[2] = (char)(n >> 16), many[3] = (char)(n >> 8), many[4] = (char)n;
    cr_assert(wire_check((Str){many, n + 5}));
    many[4]++;
    cr_assert_not(wire_check((Str){many, n + 6}));
    free(many);
}

/* On random bytes the walk and msgpack-c agree on what one object is (but for the limits, which these never reach). */
Test(wire, agrees_with_msgpack) {
    uint32_t state = 99;
    int good = 0;
    for (int round = 0; round < 200000; round++) {
        char bytes[12];
        state = state * 1664525u + 1013904223u;
        size_t n = (state >> 10) % sizeof bytes;
        for (size_t i = 0; i < n; i++) {
            state = state * 1664525u + 1013904223u;
            bytes[i] = (char)(state >> 13);
        }
        bool walked = check(bytes, n);
        if (n >= 5 && !walked)
            continue; /* it may ask msgpack for gigabytes */
        msgpack_unpacked doc;
        msgpack_unpacked_init(&doc);
        size_t off = 0;
        bool unpacked = msgpack_unpack_next(&doc, bytes, n, &off) == MSGPACK_UNPACK_SUCCESS && off == n;
        msgpack_unpacked_destroy(&doc);
        cr_assert_eq(walked, unpacked);
        good += walked;
    }
    cr_assert_gt(good, 1000);
}

Test(wire, typed_reads) {
    msgpack_unpacked doc;
    char map[] = "\x84\xa1"
                 "i\xff\xa1"
                 "u\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1"
                 "s\xa2"
                 "hi\xa1"
                 "b\xc4\x01"
                 "x";
    cr_assert_eq(wire_unpack((Str){map, sizeof map - 1}, &doc), 0);
    const msgpack_object *m = &doc.data;
    int64_t i;
    uint64_t u;
    Str s;
    cr_assert(wire_int(wire_find(m, "i"), -5, 5, &i) && i == -1);
    cr_assert_not(wire_int(wire_find(m, "i"), 0, 5, &i));
    cr_assert_not(wire_uint(wire_find(m, "i"), 5, &u));
    cr_assert_not(wire_int(wire_find(m, "u"), INT64_MIN, INT64_MAX, &i));
    cr_assert(wire_uint(wire_find(m, "u"), UINT64_MAX, &u) && u == UINT64_MAX);
    cr_assert(wire_str(wire_find(m, "s"), &s) && str_eq_c(s, "hi"));
    cr_assert_not(wire_bin(wire_find(m, "s"), &s));
    cr_assert(wire_bin(wire_find(m, "b"), &s) && str_eq_c(s, "x"));
    cr_assert_null(wire_find(m, "missing"));
    cr_assert_null(wire_find(wire_find(m, "i"), "i"));
    msgpack_unpacked_destroy(&doc);
}
