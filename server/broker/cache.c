/* The disk cache; see cache.h. */
#include "server/broker/cache.h"
#include "base/cleanup.h"
#include "server/broker/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <zstd.h>

#define CACHE_VERSION 1
#define CACHE_MAX_FILE ((uint64_t)64 << 20)
#define CACHE_ZSTD_LEVEL 1
#define CACHE_NAME_SIZE (KEY_HEX_SIZE + 8)

/* What a file begins with; sum is over the file's own key and everything behind sum. */
typedef struct CacheHeader {
    char magic[8];
    Key sum;
    uint32_t version, unit_size;
    uint64_t image_size;
} CacheHeader;
_Static_assert(sizeof(CacheHeader) == 56, "a file format");

static const char image_magic[8] = "jitdimg", index_magic[8] = "jitdidx";

static void cache_name(const Key *key, const char *suffix, char name[CACHE_NAME_SIZE]) {
    key_hex(key, name);
    strcat(name, suffix);
}

static void cache_sum(const Key *key, const CacheHeader *header, const void *data, size_t size, Key *ret_sum) {
    Hash h;
    hash_init(&h);
    hash_add(&h, key, sizeof *key);
    hash_add(&h, &header->version, sizeof *header - offsetof(CacheHeader, version));
    hash_add(&h, data, size);
    hash_final(&h, ret_sum);
}

/* ---- reading ---- */

static int cache_read_all(int fd, char *data, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t n = read(fd, data + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += (size_t)n;
    }
    return 0;
}

/* Nobody but this user can have written it: a sum says that a file is whole, not whose it is. */
static bool cache_is_own(const struct stat *st) {
    return st->st_uid == geteuid() && !(st->st_mode & 022);
}

/* The whole of a regular file of at least a header, and this user's alone; marks it as used now. */
static int cache_read(Cache *cache, const char *name, char **ret_data, size_t *ret_size) {
    struct stat st;
    cleanup_close int fd = openat(cache->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > CACHE_MAX_FILE || (size_t)st.st_size < sizeof(CacheHeader))
        return -EBADMSG;
    if (!cache_is_own(&st))
        return -EPERM;
    cleanup_free char *data = malloc((size_t)st.st_size);
    if (!data)
        return -ENOMEM;
    int r = cache_read_all(fd, data, (size_t)st.st_size);
    if (r < 0)
        return r;
    futimens(fd, (struct timespec[2]){{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}});
    *ret_data = steal_ptr(data);
    *ret_size = (size_t)st.st_size;
    return 0;
}

static void cache_corrupt(Cache *cache, const char *name, const char *what) {
    unlinkat(cache->dir, name, 0);
    if (!cache->corrupt++)
        log_at(LOG_WARNING, "the disk cache had a file that %s (removed): %s", what, name);
}

/* A file whose magic, version and sum are right. 0 or 1. */
static int cache_read_checked(Cache *cache, const Key *key, const char *suffix, const char magic[8], char **ret_data,
                              size_t *ret_size) {
    char name[CACHE_NAME_SIZE];
    cleanup_free char *data = NULL;
    size_t size;
    CacheHeader header;
    Key sum;
    if (cache->dir < 0)
        return 1;
    cache_name(key, suffix, name);
    int r = cache_read(cache, name, &data, &size);
    if (r < 0) {
        if (r == -EBADMSG || r == -EIO)
            cache_corrupt(cache, name, "is corrupt");
        if (r == -EPERM)
            cache_corrupt(cache, name, "others own or may write to");
        return 1;
    }
    memcpy(&header, data, sizeof header);
    cache_sum(key, &header, data + sizeof header, size - sizeof header, &sum);
    if (memcmp(header.magic, magic, 8) != 0 || header.version != CACHE_VERSION || !key_eq(&sum, &header.sum)) {
        cache_corrupt(cache, name, "is corrupt");
        return 1;
    }
    *ret_data = steal_ptr(data);
    *ret_size = size;
    return 0;
}

static int cache_unpack(const char *data, size_t size, CacheEntry *ret_entry) {
    CacheHeader header;
    memcpy(&header, data, sizeof header);
    uint64_t total = header.unit_size + header.image_size;
    if (header.image_size > CACHE_MAX_FILE || total > CACHE_MAX_FILE)
        return -EBADMSG;
    cleanup_free char *plain = malloc(total + 1);
    if (!plain)
        return -ENOMEM;
    if (ZSTD_decompress(plain, total, data + sizeof header, size - sizeof header) != total)
        return -EBADMSG;
    *ret_entry = (CacheEntry){
        .data = plain, .unit = {plain, header.unit_size}, .image = {plain + header.unit_size, header.image_size}};
    plain = NULL;
    return 0;
}

int cache_load(Cache *cache, const Key *content, CacheEntry *ret_entry) {
    cleanup_free char *data = NULL;
    size_t size;
    if (cache_read_checked(cache, content, ".img", image_magic, &data, &size))
        return 1;
    return cache_unpack(data, size, ret_entry) < 0 ? 1 : 0;
}

void cache_entry_deinit(CacheEntry *entry) {
    free(entry->data);
    *entry = CACHE_ENTRY_NULL;
}

int cache_find(Cache *cache, const Key *index, Key *ret_content) {
    cleanup_free char *data = NULL;
    size_t size;
    if (cache_read_checked(cache, index, ".idx", index_magic, &data, &size))
        return 1;
    if (size != sizeof(CacheHeader) + sizeof(Key))
        return 1;
    memcpy(ret_content, data + sizeof(CacheHeader), sizeof(Key));
    return 0;
}

/* ---- eviction ---- */

typedef struct CacheFile {
    char name[CACHE_NAME_SIZE];
    int64_t used; /* ns */
    uint64_t size;
} CacheFile;

static int cache_file_older(const void *a, const void *b) {
    int64_t x = ((const CacheFile *)a)->used, y = ((const CacheFile *)b)->used;
    return x < y ? -1 : x > y;
}

static bool cache_stat(Cache *cache, const char *name, CacheFile *ret_file) {
    struct stat st;
    if (strlen(name) >= CACHE_NAME_SIZE || fstatat(cache->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode))
        return false;
    strcpy(ret_file->name, name);
    ret_file->used = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    ret_file->size = (uint64_t)st.st_blocks * 512;
    return true;
}

/* Every file of the directory; *ret_used is what they take on the disk. */
static size_t cache_list(Cache *cache, CacheFile **ret_files, uint64_t *ret_used) {
    size_t n = 0, cap = 0;
    CacheFile *files = NULL, file;
    int fd = openat(cache->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    *ret_used = 0;
    for (struct dirent *d; dir && (d = readdir(dir));) {
        if (!cache_stat(cache, d->d_name, &file))
            continue;
        if (n == cap) {
            CacheFile *more = realloc(files, (cap = cap ? cap * 2 : 64) * sizeof *files);
            if (!more)
                break;
            files = more;
        }
        files[n++] = file;
        *ret_used += file.size;
    }
    if (dir)
        closedir(dir);
    *ret_files = files;
    return n;
}

/* Other daemons may share the directory: what is really there counts, whatever this one believes. Temporary files that
 * a crash left behind go the same way, as they are used by nobody. */
static void cache_evict(Cache *cache) {
    CacheFile *files;
    size_t n = cache_list(cache, &files, &cache->used);
    if (cache->used > cache->limit) {
        qsort(files, n, sizeof *files, cache_file_older);
        for (size_t i = 0; i < n && cache->used > cache->limit / 10 * 9; i++) {
            if (unlinkat(cache->dir, files[i].name, 0) == 0)
                cache->used -= files[i].size;
        }
    }
    free(files);
}

/* ---- writing ---- */

static int cache_write_all(int fd, const void *data, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, (const char *)data + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += (size_t)n;
    }
    return 0;
}

/* No fsync: a file that a power cut left half written has a wrong sum, and is compiled again. */
static int cache_write(Cache *cache, const char *name, const CacheHeader *header, const void *data, size_t size) {
    static unsigned serial;
    char temporary[CACHE_NAME_SIZE];
    snprintf(temporary, sizeof temporary, "%d.%u.tmp", (int)getpid(), serial++);
    cleanup_close int fd = openat(cache->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int r = cache_write_all(fd, header, sizeof *header);
    if (r == 0)
        r = cache_write_all(fd, data, size);
    if (r == 0 && renameat(cache->dir, temporary, cache->dir, name) < 0)
        r = -errno;
    if (r < 0)
        unlinkat(cache->dir, temporary, 0);
    return r;
}

static int cache_put(Cache *cache, const Key *key, const char *suffix, CacheHeader *header, const void *data,
                     size_t size) {
    char name[CACHE_NAME_SIZE];
    cache_name(key, suffix, name);
    header->version = CACHE_VERSION;
    cache_sum(key, header, data, size, &header->sum);
    int r = cache_write(cache, name, header, data, size);
    if (r < 0) {
        if (!cache->complained++)
            log_at(LOG_WARNING, "the disk cache cannot be written: %s", strerror(-r));
        return r;
    }
    cache->used += (sizeof *header + size + 4095) / 4096 * 4096;
    if (cache->used > cache->limit)
        cache_evict(cache);
    return 0;
}

int cache_store(Cache *cache, const Key *content, Str unit, Str image) {
    if (cache->dir < 0)
        return 0;
    if (unit.len > CACHE_MAX_FILE || image.len > CACHE_MAX_FILE - unit.len)
        return -EFBIG;
    CacheHeader header = {.unit_size = (uint32_t)unit.len, .image_size = image.len};
    memcpy(header.magic, image_magic, sizeof header.magic);
    size_t total = unit.len + image.len, bound = ZSTD_compressBound(total);
    cleanup_free char *plain = malloc(total + 1);
    cleanup_free char *packed = malloc(bound);
    if (!plain || !packed)
        return -ENOMEM;
    if (unit.len)
        memcpy(plain, unit.ptr, unit.len);
    if (image.len)
        memcpy(plain + unit.len, image.ptr, image.len);
    size_t size = ZSTD_compress(packed, bound, plain, total, CACHE_ZSTD_LEVEL);
    if (ZSTD_isError(size))
        return -ENOMEM;
    return cache_put(cache, content, ".img", &header, packed, size);
}

void cache_index_key(const Key *fingerprint, uid_t uid, const Key *identity, Key *ret_key) {
    Hash h;
    uint64_t who = uid;
    hash_init(&h);
    hash_add_str(&h, STR("fingerprint"));
    hash_add(&h, fingerprint, sizeof *fingerprint);
    hash_add(&h, &who, sizeof who);
    hash_add(&h, identity, sizeof *identity);
    hash_final(&h, ret_key);
}

int cache_index(Cache *cache, const Key *index, const Key *content) {
    CacheHeader header = {0};
    Key there;
    if (cache->dir < 0 || (cache_find(cache, index, &there) == 0 && key_eq(&there, content)))
        return 0;
    memcpy(header.magic, index_magic, sizeof header.magic);
    return cache_put(cache, index, ".idx", &header, content, sizeof *content);
}

/* ---- opening ---- */

/* mkdir -p; what has to be made is the owner's alone. */
static int cache_make_path(const char *path) {
    cleanup_free char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return mkdir(copy, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int cache_open(const char *path, uint64_t limit, Cache *ret_cache) {
    struct stat st;
    int r = cache_make_path(path);
    if (r < 0)
        return r;
    cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &st) < 0)
        return -errno;
    if (st.st_uid != geteuid() || (st.st_mode & 022))
        return -EPERM;
    *ret_cache = (Cache){.dir = steal_fd(dir), .limit = limit};
    cache_evict(ret_cache);
    return 0;
}

void cache_deinit(Cache *cache) {
    cleanup_closep(&cache->dir);
    *cache = CACHE_NULL;
}
