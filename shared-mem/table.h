/* The table region: method table and class table of one tenant. The broker is the only writer; clients map it read-only. */
#pragma once
#include "base/hash.h"
#include "protocol/abi.h"
#include <stdatomic.h>
#include <stddef.h>

#define TABLE_MAGIC 0x31626174647469ULL
#define TABLE_MAX_METHODS (1u << 18)
#define TABLE_MAX_CLASSES (1u << 15)
#define TABLE_OWN_CLASSES                                                                                              \
    (TABLE_MAX_CLASSES / 2) /* the broker's ids go up to this one; those above are of table_make_own */
#define TABLE_MAX_REFS 512

typedef struct ShmMethod {
    _Atomic uint64_t thunk;  /* window offset; 0 = none. Stored last, with release */
    _Atomic uint64_t native; /* window offset */
} ShmMethod;
_Static_assert(sizeof(ShmMethod) == 16, "method table entry");

/* What may follow an object's fields: elements of one kind, each object its own number of them (SHM_TAIL_LENGTH). */
typedef enum ShmTail {
    SHM_TAIL_NONE = 0,
    SHM_TAIL_BYTES = 1, /* numbers or text: elements of 1, 2, 4, 8 or 16 bytes */
    SHM_TAIL_SLOTS = 2, /* values of 8 bytes, none of them a reference */
    SHM_TAIL_REFS = 3,  /* references, as in a field */
} ShmTail;

/* What a block of a class holds: all that is traced is told by it (trace.h). */
typedef struct ShmShape {
    _Atomic uint32_t base; /* bytes before the tail, header included; 0 = no such class. Stored last, with release */
    uint32_t nrefs;        /* reference fields */
    uint64_t refs;         /* offset in the region of uint32_t[nrefs]: their offsets in the object */
    uint32_t tail;         /* ShmTail */
    uint32_t element;      /* bytes of one of the tail's; 0: no tail */
} ShmShape;
_Static_assert(sizeof(ShmShape) == 24, "shape");

typedef struct ShmClass {
    ShmShape shape;
    Key key;
} ShmClass;
_Static_assert(sizeof(ShmClass) == 56, "class table entry");

/* The same as a process has it in hand: its parts fit each other. */
typedef struct Shape {
    uint32_t base, nrefs;
    const uint32_t *refs;
    ShmTail tail;
    uint32_t element;
} Shape;

typedef struct TableOwn TableOwn;

typedef struct Table {
    int fd;
    uint8_t *base;
    size_t size;
    int writable;
    TableOwn *own;                 /* classes that only this process knows; NULL: none */
    _Atomic uint32_t *own_classes; /* of table_make_own */
} Table;

#define TABLE_NULL ((Table){.fd = -1})

/* 0 or a negative errno. Broker: */
int table_create(Table *ret_table);
int table_add_class(Table *table, const Key *key, const Shape *shape, uint32_t *ret_class_id);
/* As another broker had it: under this id. Ids that are left out stand for nothing. */
int table_restore_class(Table *table, uint32_t class_id, const Key *key, const Shape *shape);
uint32_t table_nmethods(const Table *table);
int table_reserve_methods(Table *table, uint32_t n, uint32_t *ret_first);
void table_set_method(Table *table, uint32_t slot, uint64_t thunk, uint64_t native);
/* Client: */
int table_map(int fd, size_t size, Table *ret_table); /* takes the fd on success */
/* Another broker's table, with all that is in this one, in its place: whoever has looked into this one goes on there. Takes the fd. */
int table_remap(Table *table, int fd);
/* From now on a client adds classes of its own, which nobody else sees: when no broker is there to do it. Their ids are counted by
 * *own_classes, which all clients of the arena share: an id stands for one class in its arena, and no process takes another's for one
 * that it knows. */
int table_make_own(Table *table, _Atomic uint32_t *own_classes);
void table_deinit(Table *table);
const ShmMethod *table_method(const Table *table, uint32_t slot); /* NULL: out of range */
/* 0; -ENOENT: no such class (ids start at 1); -EPROTO: what stands there is no shape. */
int table_shape(const Table *table, uint32_t class_id, Shape *ret_shape);
uint32_t table_find_class(const Table *table, const Key *key); /* class id or 0 */
