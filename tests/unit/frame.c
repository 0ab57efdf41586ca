/* Frames: whole, in pieces, too large, and how much memory a claim of size is worth. */
#include "protocol/frame.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static void put(FrameBuffer *b, const char *body, uint32_t size) {
    char header[FRAME_HEADER];
    frame_put_header(header, size);
    cr_assert_eq(frame_buffer_add(b, header, sizeof header), 0);
    cr_assert_eq(frame_buffer_add(b, body, size), 0);
}

Test(frame, header_is_little_endian) {
    char header[FRAME_HEADER];
    frame_put_header(header, 0x01020384);
    cr_assert_eq(memcmp(header, "\x84\x03\x02\x01", 4), 0);
    cr_assert_eq(frame_get_header(header), 0x01020384);
}

Test(frame, several_in_one_buffer) {
    FrameBuffer b = FRAME_BUFFER_NULL;
    Str body;
    put(&b, "one", 3);
    put(&b, "", 0);
    put(&b, "three", 5);
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    cr_assert(str_eq_c(body, "one"));
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    cr_assert_eq(body.len, 0);
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    cr_assert(str_eq_c(body, "three"));
    cr_assert_not(frame_buffer_partial(&b));
    cr_assert_eq(frame_buffer_next(&b, &body), 0);
    frame_buffer_deinit(&b);
}

Test(frame, given_back) {
    FrameBuffer b = FRAME_BUFFER_NULL;
    Str body;
    put(&b, "one", 3);
    put(&b, "two", 3);
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    frame_buffer_unget(&b, body);
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    cr_assert(str_eq_c(body, "one"));
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    cr_assert(str_eq_c(body, "two"));
    frame_buffer_unget(&b, body);
    put(&b, "three", 5);
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    cr_assert(str_eq_c(body, "two"));
    frame_buffer_deinit(&b);
}

Test(frame, byte_by_byte) {
    FrameBuffer b = FRAME_BUFFER_NULL;
    Str body;
    const char bytes[] = "\3\0\0\0abc\1\0\0\0d";
    int frames = 0;
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        cr_assert_eq(frame_buffer_add(&b, bytes + i, 1), 0);
        int r = frame_buffer_next(&b, &body);
        cr_assert_eq(r, i == 6 || i == 11, "byte %zu", i);
        frames += r;
        cr_assert_eq(frame_buffer_partial(&b), r == 0);
    }
    cr_assert_eq(frames, 2);
    frame_buffer_deinit(&b);
}

Test(frame, a_claim_allocates_nothing) {
    FrameBuffer b = FRAME_BUFFER_NULL;
    Str body;
    char header[FRAME_HEADER];
    frame_put_header(header, FRAME_MAX);
    frame_buffer_add(&b, header, sizeof header);
    cr_assert_eq(frame_buffer_next(&b, &body), 0);
    cr_assert_leq(b.cap, 4096);
    frame_buffer_deinit(&b);
}

Test(frame, too_large_is_refused_at_once) {
    FrameBuffer b = {.limit = 100};
    Str body;
    frame_buffer_add(&b, "\x65\0\0\0", 4);
    cr_assert_eq(frame_buffer_next(&b, &body), -EMSGSIZE);
    frame_buffer_deinit(&b);
    FrameBuffer c = FRAME_BUFFER_NULL;
    frame_buffer_add(&c, "\xff\xff\xff\xff\xdd", 5);
    cr_assert_eq(frame_buffer_next(&c, &body), -EMSGSIZE);
    frame_buffer_deinit(&c);
}

Test(frame, a_large_buffer_is_given_back) {
    FrameBuffer b = FRAME_BUFFER_NULL;
    Str body;
    char *big = calloc(1, 1 << 20);
    put(&b, big, 1 << 20);
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    cr_assert_eq(body.len, 1 << 20);
    cr_assert_gt(b.cap, 1 << 20);
    put(&b, "x", 1);
    cr_assert_leq(b.cap, 4096);
    cr_assert_eq(frame_buffer_next(&b, &body), 1);
    cr_assert(str_eq_c(body, "x"));
    free(big);
    frame_buffer_deinit(&b);
}

/* Random splits of a random stream give back the frames that were put in. */
Test(frame, random_splits) {
    srand(7);
    for (int round = 0; round < 200; round++) {
        FrameBuffer b = FRAME_BUFFER_NULL;
        char stream[20000];
        size_t size = 0, expect = 0, got = 0;
        while (size < sizeof stream - 600) {
            uint32_t len = (uint32_t)rand() % 500;
            frame_put_header(stream + size, len);
            memset(stream + size + FRAME_HEADER, (int)(expect++ & 0xff), len);
            size += FRAME_HEADER + len;
        }
        for (size_t at = 0; at < size;) {
            size_t n = (size_t)rand() % 1500;
            n = n > size - at ? size - at : n;
            cr_assert_eq(frame_buffer_add(&b, stream + at, n), 0);
            at += n;
            Str body;
            while (frame_buffer_next(&b, &body) == 1) {
                for (size_t i = 0; i < body.len; i++)
                    cr_assert_eq((uint8_t)body.ptr[i], got & 0xff);
                got++;
            }
        }
        cr_assert_eq(got, expect);
        frame_buffer_deinit(&b);
    }
}
