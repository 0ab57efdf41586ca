/* A stream of bytes as the daemon reads it: frames, messages, and the image that a compiler process may claim to have made.
 * The first byte says how the stream comes in pieces. */
#include "protocol/messages.h"
#include "server/broker/image.h"
#include <errno.h>
#include "fuzz.h"

#define CODE_MAX 65536

/* What passed the checks can be placed. */
static void image(const msgpack_object *body) {
    static uint8_t segment[CODE_MAX];
    static const uint32_t ids[2] = {1, 2};
    Pool pool = POOL_NULL;
    MsgImage i;
    const char *wrong;
    if (image_decode(&pool, body, &i, &wrong) == 0 && !image_check(&i, 2, sizeof segment))
        image_place(&i, segment, 65536, ids);
    pool_deinit(&pool);
}

static void message(Str frame) {
    msgpack_unpacked owner;
    MsgMessage m;
    if (message_read(frame, &owner, &m) == 0) {
        need(m.body.type == MSGPACK_OBJECT_MAP);
        image(&m.body);
    }
    msgpack_unpacked_destroy(&owner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FrameBuffer b = {.limit = 1 << 20};
    size_t piece = size ? (size_t)data[0] + 1 : 1;
    int r = 0;
    for (size_t at = 1; at < size && r >= 0; at += piece) {
        Str frame;
        need(frame_buffer_add(&b, data + at, piece < size - at ? piece : size - at) == 0);
        while ((r = frame_buffer_next(&b, &frame)) == 1)
            message(frame);
        need(r == 0 || r == -EMSGSIZE);
    }
    frame_buffer_deinit(&b);
    message((Str){(const char *)data, size}); /* and without a header to find first */
    return 0;
}
