/* Messages as frames: names, writing, reading; see messages.h. */
#include "protocol/messages.h"
#include <errno.h>

const char *message_name(int number) {
    switch (number) {
#define MESSAGE(name, number_, who)                                                                                    \
    case number_:                                                                                                      \
        return #name;
#include "protocol/messages.def"
#undef MESSAGE
    }
    return NULL;
}

char message_sender(int number) {
    switch (number) {
#define MESSAGE(name, number_, who)                                                                                    \
    case number_:                                                                                                      \
        return who;
#include "protocol/messages.def"
#undef MESSAGE
    }
    return 0;
}

void message_writer_init(MessageWriter *w) {
    msgpack_sbuffer_init(&w->buffer);
    msgpack_packer_init(&w->packer, &w->buffer, msgpack_sbuffer_write);
    w->frame = 0;
}

void message_writer_deinit(MessageWriter *w) {
    msgpack_sbuffer_destroy(&w->buffer);
}

void message_begin(MessageWriter *w, Message number, uint64_t id) {
    char header[FRAME_HEADER] = {0};
    w->frame = w->buffer.size;
    msgpack_sbuffer_write(&w->buffer, header, sizeof header);
    msgpack_pack_array(&w->packer, 3);
    msgpack_pack_int(&w->packer, number);
    msgpack_pack_uint64(&w->packer, id);
}

/* Whether what was written since message_begin is one whole message: a write that failed left a hole. */
static int message_check(const MessageWriter *w) {
    if (w->buffer.size < w->frame + FRAME_HEADER)
        return -ENOMEM;
    size_t size = w->buffer.size - w->frame - FRAME_HEADER;
    if (size > FRAME_MAX)
        return -EMSGSIZE;
    Str body = {w->buffer.data + w->frame + FRAME_HEADER, size};
    return wire_check(body) ? 0 : -ENOMEM;
}

int message_end(MessageWriter *w) {
    int r = message_check(w);
    if (r < 0)
        w->buffer.size = w->frame;
    else
        frame_put_header(w->buffer.data + w->frame, (uint32_t)(w->buffer.size - w->frame - FRAME_HEADER));
    return r;
}

int message_read(Str frame, msgpack_unpacked *ret_owner, MsgMessage *ret_message) {
    msgpack_unpacked_init(ret_owner);
    int r = wire_unpack(frame, ret_owner);
    if (r)
        return r;
    msgpack_object_array parts;
    int64_t number;
    MsgMessage m;
    if (!wire_array(&ret_owner->data, &parts) || parts.size != 3 || !wire_int(&parts.ptr[0], 0, INT32_MAX, &number) ||
        !wire_uint(&parts.ptr[1], UINT64_MAX, &m.id) || parts.ptr[2].type != MSGPACK_OBJECT_MAP)
        return 1;
    m.number = (int)number;
    m.body = parts.ptr[2];
    *ret_message = m;
    return 0;
}
