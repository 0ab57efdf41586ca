/* The numbers of the messages (messages.def) and what all have in common: [number, id, body]. */
#pragma once
#include "protocol/frame.h"
#include "protocol/wire.h"

/* Raised when a message changes its meaning, and with JITD_ABI_VERSION and the layouts of shared-mem: who
 * was built with other ones must not attach. */
#define PROTOCOL_VERSION 3

typedef enum Message {
#define MESSAGE(name, number, who) MESSAGE_##name = number,
#include "protocol/messages.def"
#undef MESSAGE
} Message;

const char *message_name(int number); /* NULL: no such message */
char message_sender(int number);      /* 'c', 'b', 'w' as in messages.def; 0: no such message */

/* Writing a frame: message_begin, then the body with packer, then message_end (which may be followed by the next
 * frame). An error of any step (there is no memory, the frame is too large) makes message_end take the whole frame
 * back. */
typedef struct MessageWriter {
    msgpack_sbuffer buffer; /* whole frames */
    msgpack_packer packer;
    size_t frame; /* where the frame in work begins */
} MessageWriter;

void message_writer_init(MessageWriter *w); /* must stay where it is: packer points to buffer */
void message_writer_deinit(MessageWriter *w);
void message_begin(MessageWriter *w, Message number, uint64_t id);
int message_end(MessageWriter *w); /* 0, -EMSGSIZE or -ENOMEM */

/* Reading a frame's body: checks it against the limits (wire.h), then unpacks. 0; 1: malformed; -ENOMEM. What is
 * unpacked points into `frame`, and lives until msgpack_unpacked_destroy(ret_owner) (also to be called after 1 or
 * -ENOMEM: harmless). */
typedef struct MsgMessage {
    int number;
    uint64_t id;
    msgpack_object body; /* a map */
} MsgMessage;
int message_read(Str frame, msgpack_unpacked *ret_owner, MsgMessage *ret_message);
