/* The table region: header, method table, class table, and a bump area with the classes' lists of reference offsets. The broker is
 * the only writer (the memfd is sealed against new writable mappings). Entries become visible by one release store:
 * ShmMethod.thunk, ShmClass.size, and the counts in the header; the partner of each is the acquire load in the reader here.
 * Readers believe no offset: the broker is trusted with content, but a reader must not crash on a half-written region of another version. */
#include "shared-mem/table.h"
#include "shared-mem/memfd.h"
#include "base/cleanup.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_VERSION 2
#define TABLE_REFS_BYTES ((uint64_t)4 << 20)

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

/* From the mapping, not from the file: a program that closes all descriptors has another file under that number. */
int table_make_own(Table *table, _Atomic uint32_t *own_classes) {
    if (table->writable)
        return 0;
    uint8_t *own = mmap(NULL, table->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (own == MAP_FAILED)
        return -errno;
    const ShmTable *h = header(table);
    uint32_t methods = atomic_load_explicit(&h->nmethods, memory_order_acquire);
    uint32_t classes = atomic_load_explicit(&h->nclasses, memory_order_acquire);
    uint64_t refs = atomic_load_explicit(&h->refs_used, memory_order_relaxed);
    memcpy(own, table->base, METHODS_AT + methods * sizeof(ShmMethod));
    memcpy(own + CLASSES_AT, table->base + CLASSES_AT, classes * sizeof(ShmClass));
    memcpy(own + REFS_AT, table->base + REFS_AT, refs);
    if (mremap(own, table->size, table->size, MREMAP_MAYMOVE | MREMAP_FIXED, table->base) == MAP_FAILED) {
        munmap(own, table->size);
        return -errno;
    }
    table->writable = 1;
    table->own_classes = own_classes;
    return 0;
}

void table_deinit(Table *table) {
    if (table->base)
        munmap(table->base, table->size);
    if (table->fd >= 0)
        close(table->fd);
    *table = TABLE_NULL;
}

static int refs_ok(uint32_t size, const uint32_t *refs, uint32_t nrefs) {
    for (uint32_t i = 0; i < nrefs; i++)
        if (refs[i] < 16 || refs[i] % 8 || refs[i] > size - 8)
            return 0;
    return 1;
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

/* The next one of its kind; 0: there is none left. What others have counted is not believed to be in range. */
static uint32_t take_id(Table *table) {
    uint32_t n = atomic_load_explicit(&header(table)->nclasses, memory_order_relaxed);
    if (!table->own_classes)
        return n < TABLE_OWN_CLASSES ? n + 1 : 0;
    uint32_t taken = atomic_load_explicit(table->own_classes, memory_order_relaxed);
    do {
        if (taken >= TABLE_MAX_CLASSES - TABLE_OWN_CLASSES)
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(table->own_classes, &taken, taken + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    uint32_t id = TABLE_OWN_CLASSES + 1 + taken;
    return id > n ? id : 0;
}

int table_add_class(Table *table, const Key *key, uint32_t size, const uint32_t *refs, uint32_t nrefs,
                    uint32_t *ret_class_id) {
    if (!table->writable)
        return -EPERM;
    if (size < 16 || size > 65536 || nrefs > TABLE_MAX_REFS || !refs_ok(size, refs, nrefs))
        return -EINVAL;
    uint64_t at = refs_take(table, refs, nrefs);
    uint32_t id = at ? take_id(table) : 0;
    if (!id)
        return -ENOSPC;
    ShmClass *c = class_at(table, id);
    c->key = *key;
    c->nrefs = nrefs;
    c->refs = at;
    atomic_store_explicit(&c->size, size, memory_order_release); /* partner: table_class */
    atomic_store_explicit(&header(table)->nclasses, id,
                          memory_order_release); /* partner: table_class, table_find_class */
    *ret_class_id = id;
    return 0;
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

const ShmClass *table_class(const Table *table, uint32_t class_id) {
    uint32_t n = atomic_load_explicit(&header(table)->nclasses, memory_order_acquire);
    if (class_id - 1 >= n || class_id > TABLE_MAX_CLASSES)
        return NULL;
    const ShmClass *c = class_at(table, class_id);
    return atomic_load_explicit(&c->size, memory_order_acquire) ? c : NULL;
}

const uint32_t *table_class_refs(const Table *table, const ShmClass *c) {
    uint64_t at = c->refs, bytes = (uint64_t)c->nrefs * sizeof(uint32_t);
    if (at < REFS_AT || at % sizeof(uint32_t) || at > table->size || bytes > table->size - at)
        return NULL;
    return (const uint32_t *)(table->base + at);
}

uint32_t table_find_class(const Table *table, const Key *key) {
    uint32_t n = atomic_load_explicit(&header(table)->nclasses, memory_order_acquire);
    for (uint32_t i = 1; i <= n && i <= TABLE_MAX_CLASSES; i++)
        if (key_eq(&class_at(table, i)->key, key))
            return i;
    return 0;
}
