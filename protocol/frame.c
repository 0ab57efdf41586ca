/* Frames over a byte buffer; see frame.h. */
#include "protocol/frame.h"
#include <errno.h>
#include <stdlib.h>

#define FRAME_BUFFER_KEEP ((size_t)64 * 1024) /* a larger buffer is given back as soon as it is empty */

void frame_buffer_deinit(FrameBuffer *b) {
    free(b->data);
    *b = (FrameBuffer){.limit = b->limit};
}

static void frame_buffer_compact(FrameBuffer *b) {
    if (b->start == b->end && b->cap > FRAME_BUFFER_KEEP)
        frame_buffer_deinit(b);
    if (!b->start)
        return;
    memmove(b->data, b->data + b->start, b->end - b->start);
    b->end -= b->start;
    b->start = 0;
}

int frame_buffer_reserve(FrameBuffer *b, size_t want, char **ret_at, size_t *ret_room) {
    frame_buffer_compact(b);
    size_t need;
    if (__builtin_add_overflow(b->end, want, &need))
        return -ENOMEM;
    if (!b->data || need > b->cap) {
        size_t cap = b->cap ? b->cap : 4096;
        while (cap < need)
            if (__builtin_mul_overflow(cap, 2, &cap))
                return -ENOMEM;
        char *data = realloc(b->data, cap);
        if (!data)
            return -ENOMEM;
        b->data = data;
        b->cap = cap;
    }
    *ret_at = b->data + b->end;
    *ret_room = b->cap - b->end;
    return 0;
}

void frame_buffer_commit(FrameBuffer *b, size_t n) {
    b->end += n;
}

int frame_buffer_add(FrameBuffer *b, const void *data, size_t size) {
    char *at;
    size_t room;
    int r = frame_buffer_reserve(b, size, &at, &room);
    if (r < 0)
        return r;
    if (size)
        memcpy(at, data, size);
    frame_buffer_commit(b, size);
    return 0;
}

int frame_buffer_next(FrameBuffer *b, Str *ret_body) {
    size_t have = b->end - b->start;
    if (have < FRAME_HEADER)
        return 0;
    uint32_t size = frame_get_header(b->data + b->start);
    if (size > (b->limit ? b->limit : FRAME_MAX))
        return -EMSGSIZE;
    if (have - FRAME_HEADER < size)
        return 0;
    *ret_body = (Str){b->data + b->start + FRAME_HEADER, size};
    b->start += FRAME_HEADER + size;
    return 1;
}

void frame_buffer_unget(FrameBuffer *b, Str body) {
    b->start = (size_t)(body.ptr - b->data) - FRAME_HEADER;
}

bool frame_buffer_partial(const FrameBuffer *b) {
    return b->start != b->end;
}

void frame_put_header(char header[FRAME_HEADER], uint32_t body_size) {
    for (int i = 0; i < FRAME_HEADER; i++)
        header[i] = (char)(body_size >> (8 * i) & 0xff);
}

uint32_t frame_get_header(const char header[FRAME_HEADER]) {
    uint32_t size = 0;
    for (int i = 0; i < FRAME_HEADER; i++)
        size |= (uint32_t)(uint8_t)header[i] << (8 * i);
    return size;
}
