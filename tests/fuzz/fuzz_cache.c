/* A file of the disk cache that somebody else wrote: absent, or an image that is read as the broker reads it. The first byte says what
 * the target makes right: 1, the checksum; 2, the compression (the next two bytes are then the unit's size); 4, it is an index. */
#include "server/broker/cache.h"
#include "fuzz.h"
#include "protocol/messages.h"
#include "protocol/spec.h"
#include "server/broker/image.h"
#include "server/broker/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

enum { RIGHT_SUM = 1, RIGHT_ZSTD = 2, INDEX = 4 };

/* The format of cache.c, said again: a change there has to be made here, too. */
typedef struct File {
    char magic[8];
    Key sum;
    uint32_t version, unit_size;
    uint64_t image_size;
    uint8_t data[1 << 17];
} File;
#define FILE_HEADER offsetof(File, data)

static Cache cache = CACHE_NULL;
static Key key;
static char path[256], image_path[400], index_path[400];

static void remove_directory(void) {
    unlink(image_path);
    unlink(index_path);
    rmdir(path);
}

static void make_directory(void) {
    char hex[KEY_HEX_SIZE];
    const char *tmp = getenv("TMPDIR");
    need(log_open("/dev/null") == 0);
    snprintf(path, sizeof path, "%s/fuzz_cache.%d", tmp ? tmp : "/tmp", (int)getpid());
    need(cache_open(path, CACHE_DEFAULT_SIZE, &cache) == 0);
    key_hex(&key, hex);
    snprintf(image_path, sizeof image_path, "%s/%s.img", path, hex);
    snprintf(index_path, sizeof index_path, "%s/%s.idx", path, hex);
    atexit(remove_directory);
}

static size_t pack(File *f, const uint8_t *data, size_t size) {
    uint32_t unit = size < 2 ? 0 : (uint32_t)data[0] << 8 | data[1];
    size_t skip = size < 2 ? size : 2, plain = size - skip;
    f->unit_size = unit < plain ? unit : (uint32_t)plain;
    f->image_size = plain - f->unit_size;
    size_t n = ZSTD_compress(f->data, sizeof f->data, data + skip, plain, 1);
    need(!ZSTD_isError(n));
    return FILE_HEADER + n;
}

static void put_sum(File *f, size_t size, bool index) {
    Hash h;
    f->version = 1;
    memcpy(f->magic, index ? "jitdidx" : "jitdimg", sizeof f->magic);
    hash_init(&h);
    hash_add(&h, &key, sizeof key);
    hash_add(&h, &f->version, size - offsetof(File, version));
    hash_final(&h, &f->sum);
}

static void write_file(const char *name, const void *data, size_t size) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    need(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static void image(const MsgMessage *m, const UnitSpec *unit) {
    static uint8_t segment[1 << 16];
    uint32_t ids[UNIT_MAX_DEFS] = {0};
    Pool pool = POOL_NULL;
    MsgImage i;
    const char *wrong;
    if (image_decode(&pool, &m->body, &i, &wrong) == 0 && !image_check(&i, (uint32_t)unit->ndefs, sizeof segment))
        image_place(&i, segment, 65536, ids);
    pool_deinit(&pool);
}

static void entry(const CacheEntry *e) {
    Pool pool = POOL_NULL;
    UnitSpec unit;
    Str error;
    msgpack_unpacked owner;
    MsgMessage m;
    if (message_read(e->image, &owner, &m) == 0 && unit_decode(&pool, e->unit, &unit, &error) == 0)
        image(&m, &unit);
    msgpack_unpacked_destroy(&owner);
    pool_deinit(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static File f;
    CacheEntry e;
    Key content;
    if (cache.dir < 0)
        make_directory();
    if (!size || size > sizeof f / 2)
        return 0;
    uint8_t how = data[0];
    size_t n = size - 1;
    if (how & RIGHT_ZSTD)
        n = pack(&f, data + 1, n);
    else
        memcpy(&f, data + 1, n);
    if (how & RIGHT_SUM && n >= FILE_HEADER)
        put_sum(&f, n, how & INDEX);
    write_file(how & INDEX ? index_path : image_path, &f, n);
    if (how & INDEX) {
        int r = cache_find(&cache, &key, &content);
        need(r == 1 || (n == FILE_HEADER + KEY_SIZE && !memcmp(&content, f.data, KEY_SIZE)));
    } else if (cache_load(&cache, &key, &e) == 0) {
        entry(&e);
        cache_entry_deinit(&e);
    }
    return 0;
}
