/* An image as a compiler process (or the disk cache) describes it. Nothing in it is believed before image_check. */
#pragma once
#include "base/pool.h"
#include <msgpack.h>

typedef struct MsgEntry {
    uint32_t thunk, native; /* offsets in the code */
} MsgEntry;

typedef struct MsgFixup {
    uint32_t offset, import;
    int32_t addend;
} MsgFixup;

typedef struct MsgImage {
    Str code, meta;
    MsgEntry *entries;
    uint32_t nentries;
    MsgFixup *fixups;
    uint32_t nfixups;
    uint32_t class_table, nclasses;
} MsgImage;

#define IMAGE_ALIGN 64
/* An instruction's addend is its own remaining length, a few bytes. No segment ends this close to the window's end, so
 * that every distance fits 32 bits. */
#define IMAGE_MAX_ADDEND 4096

/* Reads the body of a DONE message. 0, or 1 with what is wrong with it. code and meta point into the body's message. */
int image_decode(Pool *pool, const msgpack_object *body, MsgImage *ret_image, const char **ret_error);

/* Whether every offset lies where it must, for a unit of ndefs definitions and at most max_code bytes of code; NULL, or
 * what is wrong with it. Only an image that passed may be placed. */
const char *image_check(const MsgImage *image, uint32_t ndefs, uint64_t max_code);

/* Copies the code to `to`, which is `offset` in the window, and fills in import slots and class ids. */
void image_place(const MsgImage *image, uint8_t *to, uint64_t offset, const uint32_t *class_ids);
