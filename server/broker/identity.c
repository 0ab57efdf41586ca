/* Remembering the compiler's identity; see identity.h. */
#include "server/broker/identity.h"
#include "base/cleanup.h"
#include "protocol/abi.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* A service that sees no files of the machine's in /proc (ProcSubset=pid) is told by its unit. */
static int identity_boot(char id[64], size_t *ret_size) {
    const char *told = getenv("JITD_BOOT_ID");
    if (told && *told && strlen(told) < 64) {
        *ret_size = strlen(told);
        memcpy(id, told, *ret_size);
        return 0;
    }
    cleanup_close int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, id, 64);
    if (n <= 0)
        return 1;
    *ret_size = (size_t)n;
    return 0;
}

/* What names the program and the machine's start. */
static int identity_key(const char *worker, Key *ret_key) {
    struct stat st;
    char boot[64];
    size_t size;
    Hash h;
    if (stat(worker, &st) < 0 || identity_boot(boot, &size))
        return 1;
    uint64_t file[] = {st.st_dev,
                       st.st_ino,
                       (uint64_t)st.st_size,
                       (uint64_t)st.st_mtim.tv_sec,
                       (uint64_t)st.st_mtim.tv_nsec,
                       (uint64_t)st.st_ctim.tv_sec,
                       (uint64_t)st.st_ctim.tv_nsec,
                       JITD_ABI_VERSION};
    hash_init(&h);
    hash_add_str(&h, STR("identity"));
    hash_add_str(&h, (Str){boot, size});
    hash_add(&h, file, sizeof file);
    hash_final(&h, ret_key);
    return 0;
}

int identity_recall(Cache *cache, const char *worker, Key *ret_identity) {
    Key key;
    return identity_key(worker, &key) ? 1 : cache_find(cache, &key, ret_identity);
}

void identity_remember(Cache *cache, const char *worker, const Key *identity) {
    Key key;
    if (identity_key(worker, &key) == 0)
        cache_index(cache, &key, identity);
}
