/* Decoding, checking and placing of images; see image.h. */
#include "server/broker/image.h"
#include "protocol/abi.h"
#include "protocol/wire.h"

static bool image_read_entry(const msgpack_object *o, MsgEntry *entry) {
    msgpack_object_array pair;
    uint64_t thunk, native;
    if (!wire_array(o, &pair) || pair.size != 2 || !wire_uint(&pair.ptr[0], UINT32_MAX, &thunk) ||
        !wire_uint(&pair.ptr[1], UINT32_MAX, &native))
        return false;
    *entry = (MsgEntry){(uint32_t)thunk, (uint32_t)native};
    return true;
}

static bool image_read_fixup(const msgpack_object *o, MsgFixup *fixup) {
    msgpack_object_array triple;
    uint64_t offset, import;
    int64_t addend;
    if (!wire_array(o, &triple) || triple.size != 3 || !wire_uint(&triple.ptr[0], UINT32_MAX, &offset) ||
        !wire_uint(&triple.ptr[1], UINT32_MAX, &import) || !wire_int(&triple.ptr[2], INT32_MIN, INT32_MAX, &addend))
        return false;
    *fixup = (MsgFixup){(uint32_t)offset, (uint32_t)import, (int32_t)addend};
    return true;
}

static bool image_read_entries(Pool *pool, const msgpack_object *o, MsgImage *image) {
    msgpack_object_array list;
    if (!wire_array(o, &list))
        return false;
    image->entries = pool_array(pool, MsgEntry, list.size);
    image->nentries = list.size;
    for (uint32_t i = 0; i < list.size; i++)
        if (!image_read_entry(&list.ptr[i], &image->entries[i]))
            return false;
    return true;
}

static bool image_read_fixups(Pool *pool, const msgpack_object *o, MsgImage *image) {
    msgpack_object_array list;
    if (!wire_array(o, &list))
        return false;
    image->fixups = pool_array(pool, MsgFixup, list.size);
    image->nfixups = list.size;
    for (uint32_t i = 0; i < list.size; i++)
        if (!image_read_fixup(&list.ptr[i], &image->fixups[i]))
            return false;
    return true;
}

int image_decode(Pool *pool, const msgpack_object *body, MsgImage *ret_image, const char **ret_error) {
    MsgImage image = {0};
    uint64_t class_table, nclasses;
    *ret_error = "an image that is not one";
    if (!wire_bin(wire_find(body, "code"), &image.code) || !wire_bin(wire_find(body, "meta"), &image.meta) ||
        !image_read_entries(pool, wire_find(body, "entries"), &image) ||
        !image_read_fixups(pool, wire_find(body, "fixups"), &image) ||
        !wire_uint(wire_find(body, "class_table"), UINT32_MAX, &class_table) ||
        !wire_uint(wire_find(body, "nclasses"), UINT32_MAX, &nclasses))
        return 1;
    image.class_table = (uint32_t)class_table;
    image.nclasses = (uint32_t)nclasses;
    *ret_image = image;
    return 0;
}

static bool image_holds(const MsgImage *image, uint64_t offset, uint64_t size) {
    return offset <= image->code.len && image->code.len - offset >= size;
}

/* The distance from the place to its import slot, as the instruction wants it. Both lie in the window of 2 GiB. */
static int64_t image_distance(const MsgFixup *fixup, uint64_t offset) {
    int64_t slot = JITD_IMPORTS_OFFSET + (int64_t)fixup->import * (int64_t)sizeof(void *);
    return slot + fixup->addend - (int64_t)(offset + fixup->offset);
}

const char *image_check(const MsgImage *image, uint32_t ndefs, uint64_t max_code) {
    if (image->code.len > max_code)
        return "more code than a segment holds";
    for (uint32_t i = 0; i < image->nentries; i++)
        if (!image_holds(image, image->entries[i].thunk, 1) || !image_holds(image, image->entries[i].native, 1))
            return "an entry outside its code";
    for (uint32_t i = 0; i < image->nfixups; i++) {
        if (!image_holds(image, image->fixups[i].offset, 4))
            return "a fixup outside its code";
        if (image->fixups[i].import >= JITD_N_IMPORTS)
            return "an import that is none";
        if (image->fixups[i].addend < -IMAGE_MAX_ADDEND || image->fixups[i].addend > IMAGE_MAX_ADDEND)
            return "a fixup that points outside the window";
    }
    if (image->nclasses && image->nclasses != ndefs)
        return "a class table of another unit";
    if (image->class_table % 4 || !image_holds(image, image->class_table, 4 * (uint64_t)image->nclasses))
        return "a class table outside its code";
    return NULL;
}

void image_place(const MsgImage *image, uint8_t *to, uint64_t offset, const uint32_t *class_ids) {
    if (image->code.len)
        memcpy(to, image->code.ptr, image->code.len);
    for (uint32_t i = 0; i < image->nfixups; i++) {
        int32_t distance = (int32_t)image_distance(&image->fixups[i], offset);
        memcpy(to + image->fixups[i].offset, &distance, sizeof distance);
    }
    if (image->nclasses)
        memcpy(to + image->class_table, class_ids, 4 * (size_t)image->nclasses);
}
