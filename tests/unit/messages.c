/* Messages: what is written is read back; malformed ones are refused. */
#include "protocol/messages.h"
#include <criterion/criterion.h>
#include <errno.h>

Test(messages, write_and_read) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_FIND, 7);
    msgpack_pack_map(&w.packer, 1);
    wire_put_cstr(&w.packer, "name");
    wire_put_cstr(&w.packer, "sun");
    cr_assert_eq(message_end(&w), 0);
    message_begin(&w, MESSAGE_STATS, UINT64_MAX);
    msgpack_pack_map(&w.packer, 0);
    cr_assert_eq(message_end(&w), 0);

    FrameBuffer b = FRAME_BUFFER_NULL;
    frame_buffer_add(&b, w.buffer.data, w.buffer.size);
    message_writer_deinit(&w);
    Str frame, name;
    msgpack_unpacked owner;
    MsgMessage m;
    cr_assert_eq(frame_buffer_next(&b, &frame), 1);
    cr_assert_eq(message_read(frame, &owner, &m), 0);
    cr_assert_eq(m.number, MESSAGE_FIND);
    cr_assert_eq(m.id, 7);
    cr_assert(wire_str(wire_find(&m.body, "name"), &name) && str_eq_c(name, "sun"));
    msgpack_unpacked_destroy(&owner);
    cr_assert_eq(frame_buffer_next(&b, &frame), 1);
    cr_assert_eq(message_read(frame, &owner, &m), 0);
    cr_assert_eq(m.number, MESSAGE_STATS);
    cr_assert_eq(m.id, UINT64_MAX);
    msgpack_unpacked_destroy(&owner);
    cr_assert_not(frame_buffer_partial(&b));
    frame_buffer_deinit(&b);
}

Test(messages, half_a_body_is_taken_back) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_FIND, 1);
    msgpack_pack_map(&w.packer, 2);
    wire_put_cstr(&w.packer, "name");
    cr_assert_eq(message_end(&w), -ENOMEM);
    cr_assert_eq(w.buffer.size, 0);
    message_writer_deinit(&w);
}

Test(messages, too_large_is_taken_back) {
    MessageWriter w;
    char *big = calloc(1, FRAME_MAX);
    message_writer_init(&w);
    message_begin(&w, MESSAGE_COMPILE, 1);
    msgpack_pack_map(&w.packer, 1);
    wire_put_cstr(&w.packer, "unit");
    wire_put_bin(&w.packer, (Str){big, FRAME_MAX});
    cr_assert_eq(message_end(&w), -EMSGSIZE);
    cr_assert_eq(w.buffer.size, 0);
    free(big);
    message_writer_deinit(&w);
}

static void refuse(const char *bytes, size_t size) {
    msgpack_unpacked owner;
    MsgMessage m;
    cr_assert_eq(message_read((Str){bytes, size}, &owner, &m), 1, "size %zu", size);
    msgpack_unpacked_destroy(&owner);
}

Test(messages, refuses) {
    refuse("", 0);
    refuse("\x93\x01\x02", 3);         /* truncated */
    refuse("\x92\x01\x02", 3);         /* two parts */
    refuse("\x93\x01\x02\x80\x80", 5); /* something behind it */
    refuse("\x93\xff\x02\x80", 4);     /* a negative number */
    refuse("\x93\x01\xff\x80", 4);     /* a negative id */
    refuse("\x93\x01\x02\x90", 4);     /* a body that is no map */
    refuse("\x80", 1);                 /* a map */
    refuse("\xdd\xff\xff\xff\xff", 5); /* claims four thousand million elements */
    refuse("\x93\x01\x02\xdf\x7f\xff\xff\xff", 8);
    char deep[10000];
    memset(deep, 0x91, sizeof deep);
    refuse(deep, sizeof deep);
}

Test(messages, names_and_senders) {
    cr_assert_str_eq(message_name(MESSAGE_HELLO), "HELLO");
    cr_assert_eq(message_sender(MESSAGE_HELLO), 'c');
    cr_assert_eq(message_sender(MESSAGE_DONE), 'w');
    cr_assert_null(message_name(12345));
    cr_assert_eq(message_sender(0), 0);
}
