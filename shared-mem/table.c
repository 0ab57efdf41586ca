/* The table region: header, method table, class table, and a bump area with the classes' lists of reference offsets. The broker is
 * the only writer (the memfd is sealed against new writable mappings). Entries become visible by one release store:
 * ShmMethod.thunk, ShmShape.base, and the counts in the header; the partner of each is the acquire load in the reader here.
 * Readers believe no offset: the broker is trusted with content, but a reader must not crash on a half-written region of another version. */
#include "shared-mem/table.h"
#include "shared-mem/object.h"
#include "shared-mem/memfd.h"
#include "base/cleanup.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_VERSION 3
#define TABLE_REFS_BYTES ((uint64_t)4 << 20)
#define TABLE_OWN_MAX (TABLE_MAX_CLASSES - TABLE_OWN_CLASSES)

typedef struct ShmTable {
    uint64_t magic;
    uint32_t version, reserved;
    _Atomic uint32_t nmethods, nclasses; /* in use; class ids are 1..nclasses */
    _Atomic uint64_t refs_used;          /* bytes of the bump area */
    uint8_t pad[32];
} ShmTable;
_Static_assert(sizeof(ShmTable) == 64, "table header");

#define METHODS_AT sizeof(ShmTable)
#define CLASSES_AT (METHODS_AT + (uint64_t)TABLE_MAX_METHODS * sizeof(ShmMethod))
#define REFS_AT (CLASSES_AT + (uint64_t)TABLE_MAX_CLASSES * sizeof(ShmClass))
#define TABLE_SIZE ((REFS_AT + TABLE_REFS_BYTES + 4095) & ~(uint64_t)4095)

static ShmTable *header(const Table *table) {
    return (ShmTable *)table->base;
}

static ShmMethod *method_at(const Table *table, uint32_t slot) {
    return (ShmMethod *)(table->base + METHODS_AT) + slot;
}

static ShmClass *class_at(const Table *table, uint32_t class_id) {
    return (ShmClass *)(table->base + CLASSES_AT) + (class_id - 1);
}

int table_create(Table *ret_table) {
    cleanup_close int fd = memfd_new("jitd-table", TABLE_SIZE);
    if (fd < 0)
        return fd;
    uint8_t *base = mmap(NULL, TABLE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    int r = madvise(base, TABLE_SIZE, MADV_DONTFORK) < 0 ? -errno : memfd_seal(fd, MEMFD_SEALS_READERS);
    if (r < 0) {
        munmap(base, TABLE_SIZE);
        return r;
    }
    *ret_table = (Table){.fd = steal_fd(fd), .base = base, .size = TABLE_SIZE, .writable = 1};
    header(ret_table)->version = TABLE_VERSION;
    header(ret_table)->magic = TABLE_MAGIC;
    return 0;
}

int table_map(int fd, size_t size, Table *ret_table) {
    if (size != TABLE_SIZE)
        return -EINVAL;
    int r = memfd_verify(fd, size, MEMFD_SEALS_READERS);
    if (r < 0)
        return r;
    uint8_t *base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    const ShmTable *h = (const ShmTable *)base;
    if (h->magic != TABLE_MAGIC || h->version != TABLE_VERSION) {
        munmap(base, size);
        return -EPROTO;
    }
    *ret_table = (Table){.fd = fd, .base = base, .size = size};
    return 0;
}

int table_remap(Table *table, int fd) {
    Table probe;
    int r = table_map(fd, table->size, &probe);
    if (r < 0)
        return r;
    munmap(probe.base, probe.size);
    if (mmap(table->base, table->size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        return -errno;
    if (table->fd >= 0)
        close(table->fd);
    table->fd = fd;
    return 0;
}

/* ---- own classes: in this process's memory, so that the broker's table may be replaced under them ---- */

struct TableOwn {
    uint32_t n, nrefs;               /* the highest place in use, and how many references are */
    ShmClass classes[TABLE_OWN_MAX]; /* some places are other processes' */
    uint32_t refs[TABLE_REFS_BYTES / sizeof(uint32_t)];
};

int table_make_own(Table *table, _Atomic uint32_t *own_classes) {
    if (table->writable || table->own)
        return 0;
    void *own =
        mmap(NULL, sizeof *table->own, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (own == MAP_FAILED)
        return -errno;
    table->own = own;
    table->own_classes = own_classes;
    return 0;
}

/* The next place; TABLE_OWN_MAX: there is none left. What others have counted is not believed to be in range. */
static uint32_t own_take(const Table *table) {
    uint32_t taken = atomic_load_explicit(table->own_classes, memory_order_relaxed);
    do {
        if (taken >= TABLE_OWN_MAX)
            return TABLE_OWN_MAX;
    } while (!atomic_compare_exchange_weak_explicit(table->own_classes, &taken, taken + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return taken >= table->own->n ? taken : TABLE_OWN_MAX;
}

static int own_add_class(Table *table, const Key *key, const Shape *shape, uint32_t *ret_class_id) {
    TableOwn *own = table->own;
    bool room = shape->nrefs <= sizeof own->refs / sizeof own->refs[0] - own->nrefs;
    uint32_t place = room ? own_take(table) : TABLE_OWN_MAX;
    if (place == TABLE_OWN_MAX)
        return -ENOSPC;
    ShmClass *c = &own->classes[place];
    *c = (ShmClass){.shape = {0, shape->nrefs, own->nrefs, shape->tail, shape->element}, .key = *key};
    if (shape->nrefs)
        memcpy(own->refs + own->nrefs, shape->refs, shape->nrefs * sizeof *shape->refs);
    own->nrefs += shape->nrefs;
    own->n = place + 1;
    atomic_store_explicit(&c->shape.base, shape->base, memory_order_relaxed);
    *ret_class_id = TABLE_OWN_CLASSES + own->n;
    return 0;
}

void table_deinit(Table *table) {
    if (table->own)
        munmap(table->own, sizeof *table->own);
    if (table->base)
        munmap(table->base, table->size);
    if (table->fd >= 0)
        close(table->fd);
    *table = TABLE_NULL;
}

/* Elements lie at multiples of their size. */
static bool tail_ok(const Shape *shape) {
    if (shape->base < SHM_TAIL_LENGTH + 8 || shape->base % 8 || !shape->element || shape->base % shape->element)
        return false;
    switch (shape->tail) {
    case SHM_TAIL_BYTES:
        return shape->element <= 16 && !(shape->element & (shape->element - 1));
    case SHM_TAIL_SLOTS:
    case SHM_TAIL_REFS:
        return shape->element == 8;
    default:
        return false;
    }
}

static bool shape_ok(const Shape *shape) {
    uint32_t first = shape->tail ? SHM_TAIL_LENGTH + 8 : SHM_OBJECT_HEADER;
    if (shape->base < SHM_OBJECT_HEADER || shape->base > SHM_MAX_OBJECT || shape->nrefs > TABLE_MAX_REFS)
        return false;
    for (uint32_t i = 0; i < shape->nrefs; i++)
        if (shape->refs[i] < first || shape->refs[i] % 8 || shape->refs[i] > shape->base - 8)
            return false;
    return shape->tail ? tail_ok(shape) : !shape->element;
}

/* The bump area's next nrefs entries; 0 = no room. */
static uint64_t refs_take(Table *table, const uint32_t *refs, uint32_t nrefs) {
    ShmTable *h = header(table);
    uint64_t used = atomic_load_explicit(&h->refs_used, memory_order_relaxed), bytes = (uint64_t)nrefs * sizeof *refs;
    if (bytes > TABLE_REFS_BYTES - used)
        return 0;
    if (nrefs)
        memcpy(table->base + REFS_AT + used, refs, bytes);
    atomic_store_explicit(&h->refs_used, used + bytes, memory_order_relaxed);
    return REFS_AT + used;
}

int table_restore_class(Table *table, uint32_t class_id, const Key *key, const Shape *shape) {
    if (!table->writable)
        return -EPERM;
    if (!shape_ok(shape) || !class_id)
        return -EINVAL;
    ShmTable *h = header(table);
    uint64_t at = class_id <= TABLE_OWN_CLASSES ? refs_take(table, shape->refs, shape->nrefs) : 0;
    if (!at)
        return -ENOSPC;
    ShmClass *c = class_at(table, class_id);
    c->key = *key;
    c->shape.nrefs = shape->nrefs;
    c->shape.refs = at;
    c->shape.tail = shape->tail;
    c->shape.element = shape->element;
    atomic_store_explicit(&c->shape.base, shape->base, memory_order_release); /* partner: table_shape */
    if (atomic_load_explicit(&h->nclasses, memory_order_relaxed) < class_id)
        atomic_store_explicit(&h->nclasses, class_id, memory_order_release); /* partner: class_of, table_find_class */
    return 0;
}

int table_add_class(Table *table, const Key *key, const Shape *shape, uint32_t *ret_class_id) {
    if (!table->writable && !table->own)
        return -EPERM;
    if (!shape_ok(shape))
        return -EINVAL;
    if (table->own)
        return own_add_class(table, key, shape, ret_class_id);
    uint32_t id = atomic_load_explicit(&header(table)->nclasses, memory_order_relaxed) + 1;
    int r = table_restore_class(table, id, key, shape);
    if (r == 0)
        *ret_class_id = id;
    return r;
}

uint32_t table_nmethods(const Table *table) {
    return atomic_load_explicit(&header(table)->nmethods, memory_order_acquire);
}

int table_reserve_methods(Table *table, uint32_t n, uint32_t *ret_first) {
    if (!table->writable)
        return -EPERM;
    ShmTable *h = header(table);
    uint32_t used = atomic_load_explicit(&h->nmethods, memory_order_relaxed);
    if (n > TABLE_MAX_METHODS - used)
        return -ENOSPC;
    atomic_store_explicit(&h->nmethods, used + n, memory_order_release); /* partner: table_method */
    *ret_first = used;
    return 0;
}

void table_set_method(Table *table, uint32_t slot, uint64_t thunk, uint64_t native) {
    if (!table->writable || slot >= TABLE_MAX_METHODS)
        return;
    ShmMethod *m = method_at(table, slot);
    atomic_store_explicit(&m->native, native, memory_order_release); /* partner: callers' acquire loads */
    atomic_store_explicit(&m->thunk, thunk, memory_order_release);
}

const ShmMethod *table_method(const Table *table, uint32_t slot) {
    uint32_t n = atomic_load_explicit(&header(table)->nmethods, memory_order_acquire);
    return slot < n && slot < TABLE_MAX_METHODS ? method_at(table, slot) : NULL;
}

static const ShmClass *class_of(const Table *table, uint32_t class_id) {
    uint32_t own = class_id - TABLE_OWN_CLASSES;
    if (class_id > TABLE_OWN_CLASSES)
        return table->own && own <= table->own->n ? &table->own->classes[own - 1] : NULL;
    return class_id - 1 < atomic_load_explicit(&header(table)->nclasses, memory_order_acquire)
               ? class_at(table, class_id)
               : NULL;
}

static const uint32_t *refs_of(const Table *table, uint32_t class_id, const ShmShape *shape) {
    if (class_id > TABLE_OWN_CLASSES)
        return table->own->refs + shape->refs;
    uint64_t at = shape->refs, bytes = (uint64_t)shape->nrefs * sizeof(uint32_t);
    if (at < REFS_AT || at % sizeof(uint32_t) || at > table->size || bytes > table->size - at)
        return NULL;
    return (const uint32_t *)(table->base + at);
}

int table_shape(const Table *table, uint32_t class_id, Shape *ret_shape) {
    const ShmClass *c = class_of(table, class_id);
    uint32_t base = c ? atomic_load_explicit(&c->shape.base, memory_order_acquire) : 0;
    if (!base)
        return -ENOENT;
    Shape shape = {.base = base,
                   .nrefs = c->shape.nrefs,
                   .refs = refs_of(table, class_id, &c->shape),
                   .tail = (ShmTail)c->shape.tail,
                   .element = c->shape.element};
    if (!shape.refs || !shape_ok(&shape))
        return -EPROTO;
    *ret_shape = shape;
    return 0;
}

uint32_t table_find_class(const Table *table, const Key *key) {
    uint32_t n = atomic_load_explicit(&header(table)->nclasses, memory_order_acquire);
    for (uint32_t i = 1; i <= n && i <= TABLE_OWN_CLASSES; i++)
        if (key_eq(&class_at(table, i)->key, key))
            return i;
    return 0;
}
