/* Frames: a 32-bit little-endian length, then a body of that many bytes. Incremental, over a buffer that grows with the
 * bytes that came, never with the length that somebody claims. */
#pragma once
#include "base/str.h"
#include <stdint.h>

#define FRAME_HEADER 4
#define FRAME_MAX ((uint32_t)16 * 1024 * 1024) /* of a body */

typedef struct FrameBuffer {
    char *data;
    size_t start, end, cap; /* data[start..end) came and is not consumed */
    uint32_t limit;         /* of a body; 0: FRAME_MAX */
} FrameBuffer;
#define FRAME_BUFFER_NULL ((FrameBuffer){0})

void frame_buffer_deinit(FrameBuffer *b);

/* Room for at least `want` bytes behind what came: 0, or -ENOMEM. Moves the data: bodies that frame_buffer_next gave
 * out are no longer valid. */
int frame_buffer_reserve(FrameBuffer *b, size_t want, char **ret_at, size_t *ret_room);
void frame_buffer_commit(FrameBuffer *b, size_t n); /* n bytes were written there; n at most the room */
int frame_buffer_add(FrameBuffer *b, const void *data, size_t size);

/* 1: *ret_body is the next frame's body, valid until the next reserve, add or deinit; 0: there is no whole one yet;
 * -EMSGSIZE: its length is over the limit (nothing that follows can be made sense of). */
int frame_buffer_next(FrameBuffer *b, Str *ret_body);
/* Gives the body that frame_buffer_next gave out last back: it is the next one again. */
void frame_buffer_unget(FrameBuffer *b, Str body);
/* Whether a frame has begun that has not ended. */
bool frame_buffer_partial(const FrameBuffer *b);

void frame_put_header(char header[FRAME_HEADER], uint32_t body_size);
uint32_t frame_get_header(const char header[FRAME_HEADER]);
