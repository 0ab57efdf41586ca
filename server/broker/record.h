/* The records of a ledger as bytes: {length, checksum, a msgpack array [kind, ...]}. */
#pragma once
#include "base/hash.h"
#include "protocol/abi.h"
#include "protocol/messages.h"
#include "shared-mem/table.h"

/* Another daemon's ledger is of use only if all that is in it means the same here. */
#define RECORD_FORMAT 2
#define RECORD_VERSION ((uint64_t)RECORD_FORMAT << 32 | (uint64_t)PROTOCOL_VERSION << 16 | JITD_ABI_VERSION)
#define RECORD_MAX ((uint32_t)32 << 20)
#define RECORD_BOOT 64

typedef enum RecordKind {
    RECORD_HEAD = 1,
    RECORD_SEGMENT = 2,
    RECORD_CLASS = 3,
    RECORD_UNIT = 4,
    RECORD_GONE = 5, /* a unit; its code stays */
    RECORD_NAME = 6,
} RecordKind;

typedef struct RecordHead {
    uint32_t size, reserved;
    uint8_t check[16];
} RecordHead;
_Static_assert(sizeof(RecordHead) == 24, "a record's head");

typedef struct Record {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
} Record;

void record_begin(Record *r, RecordKind kind, size_t nvalues); /* must stay where it is: packer points to buffer */
void record_put_key(Record *r, const Key *key);
int record_end(const Record *r, RecordHead *ret_head); /* 0, -ENOMEM or -EMSGSIZE */
void record_deinit(Record *r);

typedef struct RecordReader {
    Str data;
    size_t at;
} RecordReader;

/* Its values are valid until record_free. */
typedef struct MsgRecord {
    RecordKind kind;
    Str whole; /* with its head */
    msgpack_object_array values;
    msgpack_unpacked owner;
} MsgRecord;

/* 1: the next record; 0: the end, or what a death in the middle of writing left. */
int record_next(RecordReader *reader, MsgRecord *ret_record);
void record_free(MsgRecord *record);
bool record_key(const msgpack_object *o, Key *ret_key);

/* What tells the start of the machine in which a file of this directory was written from others: 0 or a negative errno. */
int record_boot(int dir, char ret_boot[RECORD_BOOT]);
