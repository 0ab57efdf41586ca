/* Records; see record.h. */
#include "server/broker/record.h"
#include "base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

void record_begin(Record *r, RecordKind kind, size_t nvalues) {
    msgpack_sbuffer_init(&r->buffer);
    msgpack_packer_init(&r->packer, &r->buffer, msgpack_sbuffer_write);
    msgpack_pack_array(&r->packer, nvalues + 1);
    msgpack_pack_uint64(&r->packer, kind);
}

void record_put_key(Record *r, const Key *key) {
    wire_put_bin(&r->packer, (Str){(const char *)key->b, KEY_SIZE});
}

static void record_check(Str body, uint8_t ret_check[16]) {
    Hash h;
    Key key;
    hash_init(&h);
    hash_add_str(&h, body);
    hash_final(&h, &key);
    memcpy(ret_check, key.b, 16);
}

/* A body that lacks something because there was no memory does not unpack to what its head says. */
int record_end(const Record *r, RecordHead *ret_head) {
    Str body = {r->buffer.data, r->buffer.size};
    if (body.len > RECORD_MAX)
        return -EMSGSIZE;
    if (!wire_check(body))
        return -ENOMEM;
    *ret_head = (RecordHead){.size = (uint32_t)body.len};
    record_check(body, ret_head->check);
    return 0;
}

void record_deinit(Record *r) {
    msgpack_sbuffer_destroy(&r->buffer);
}

static bool record_body(const RecordReader *reader, Str *ret_body) {
    RecordHead head;
    uint8_t check[16];
    size_t left = reader->data.len - reader->at;
    if (left < sizeof head)
        return false;
    memcpy(&head, reader->data.ptr + reader->at, sizeof head);
    if (head.size > RECORD_MAX || head.size > left - sizeof head)
        return false;
    *ret_body = (Str){reader->data.ptr + reader->at + sizeof head, head.size};
    record_check(*ret_body, check);
    return memcmp(check, head.check, sizeof check) == 0;
}

int record_next(RecordReader *reader, MsgRecord *ret_record) {
    Str body;
    uint64_t kind;
    if (!record_body(reader, &body) || wire_unpack(body, &ret_record->owner))
        return 0;
    if (!wire_array(&ret_record->owner.data, &ret_record->values) || !ret_record->values.size ||
        !wire_uint(&ret_record->values.ptr[0], UINT32_MAX, &kind)) {
        record_free(ret_record);
        return 0;
    }
    ret_record->kind = (RecordKind)kind;
    ret_record->whole = (Str){reader->data.ptr + reader->at, sizeof(RecordHead) + body.len};
    reader->at += ret_record->whole.len;
    return 1;
}

void record_free(MsgRecord *record) {
    msgpack_unpacked_destroy(&record->owner);
}

bool record_key(const msgpack_object *o, Key *ret_key) {
    Str bytes;
    if (!wire_bin(o, &bytes) || bytes.len != KEY_SIZE)
        return false;
    memcpy(ret_key->b, bytes.ptr, KEY_SIZE);
    return true;
}

/* In a tmpfs no file is older than the machine's start. (And there a service may not see the start's number: ProcSubset=pid.) */
int record_boot(int dir, char ret_boot[RECORD_BOOT]) {
    struct statfs fs;
    if (fstatfs(dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC) {
        strcpy(ret_boot, "this one");
        return 0;
    }
    cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, ret_boot, RECORD_BOOT - 1);
    if (n <= 0)
        return -ENOENT;
    ret_boot[n] = 0;
    return 0;
}
