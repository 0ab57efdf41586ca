/* The disk cache: what comes back, what corruption does, what goes first when it is full. */
#include "server/broker/cache.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], path[96];
static Cache cache = {.dir = -1};

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *ftw) {
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(name);
}

static void setup(void) {
    strcpy(directory, "/tmp/jitd-cache-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a/b", directory);
    cr_assert_eq(cache_open(path, CACHE_DEFAULT_SIZE, &cache), 0);
    int null = open("/dev/null", O_WRONLY); /* what the cache logs is wanted by nobody here */
    dup2(null, STDERR_FILENO);
}

static void teardown(void) {
    cache_deinit(&cache);
    nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(cache, .init = setup, .fini = teardown);

static Key key_of(int n) {
    Hash h;
    Key k;
    hash_init(&h);
    hash_add(&h, &n, sizeof n);
    hash_final(&h, &k);
    return k;
}

static int files(void) {
    DIR *d = opendir(path);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static bool there(int n) {
    Key k = key_of(n);
    CacheEntry entry;
    if (cache_load(&cache, &k, &entry))
        return false;
    cache_entry_deinit(&entry);
    return true;
}

/* Random bytes do not get smaller. */
static void store(int n, size_t size) {
    char *data = malloc(size + 1);
    Key k = key_of(n);
    srand((unsigned)n);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)rand();
    cr_assert_eq(cache_store(&cache, &k, STR("unit"), (Str){data, size}), 0);
    free(data);
}

static void last_used(int n, time_t when) {
    char name[256], hex[KEY_HEX_SIZE];
    Key k = key_of(n);
    struct timespec times[] = {{.tv_sec = when}, {.tv_sec = when}};
    key_hex(&k, hex);
    snprintf(name, sizeof name, "%s/%s.img", path, hex);
    cr_assert_eq(utimensat(AT_FDCWD, name, times, 0), 0);
}

Test(cache, what_was_stored_comes_back) {
    Key k = key_of(1), other = key_of(2);
    CacheEntry entry;
    cr_assert_eq(cache_store(&cache, &k, STR("the unit"), (Str){"im\0age", 6}), 0);
    cr_assert_eq(cache_load(&cache, &k, &entry), 0);
    cr_assert(str_eq_c(entry.unit, "the unit"));
    cr_assert(str_eq(entry.image, (Str){"im\0age", 6}));
    cache_entry_deinit(&entry);
    cr_assert_eq(cache_load(&cache, &other, &entry), 1);
    cr_assert_eq(cache.corrupt, 0);
    cr_assert_eq(cache_store(&cache, &other, STR_NULL, STR_NULL), 0);
    cr_assert_eq(cache_load(&cache, &other, &entry), 0);
    cr_assert_eq(entry.unit.len + entry.image.len, 0);
    cache_entry_deinit(&entry);
}

Test(cache, fingerprints_are_a_users_own) {
    Key fingerprint = key_of(1), identity = key_of(2), content = key_of(3), other = key_of(4), index, found;
    cache_index_key(&fingerprint, 1000, &identity, &index);
    cr_assert_eq(cache_find(&cache, &index, &found), 1);
    cr_assert_eq(cache_index(&cache, &index, &content), 0);
    cr_assert_eq(cache_find(&cache, &index, &found), 0);
    cr_assert(key_eq(&found, &content));
    cr_assert_eq(cache_index(&cache, &index, &other), 0);
    cr_assert_eq(cache_find(&cache, &index, &found), 0);
    cr_assert(key_eq(&found, &other));
    cache_index_key(&fingerprint, 1001, &identity, &index);
    cr_assert_eq(cache_find(&cache, &index, &found), 1);
    cache_index_key(&fingerprint, 1000, &content, &index);
    cr_assert_eq(cache_find(&cache, &index, &found), 1);
}

/* Every truncation and every flipped bit of a file makes it absent, and removes it. */
Test(cache, corrupt_files_are_absent) {
    char name[256], hex[KEY_HEX_SIZE];
    char data[4096];
    Key k = key_of(1);
    key_hex(&k, hex);
    snprintf(name, sizeof name, "%s/%s.img", path, hex);
    store(1, 100);
    int fd = open(name, O_RDONLY);
    ssize_t size = read(fd, data, sizeof data);
    close(fd);
    cr_assert_gt(size, 100);
    for (ssize_t i = 0; i < 2 * size; i++) {
        fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        char *at = &data[i % size];
        char flipped = (char)(1 << i % 8);
        *at = (char)(*at ^ (i >= size ? flipped : 0));
        cr_assert_gt(write(fd, data, (size_t)(i < size ? i : size)) + 1, 0);
        *at = (char)(*at ^ (i >= size ? flipped : 0));
        close(fd);
        cr_assert_not(there(1), "round %zd", i);
        cr_assert_eq(access(name, F_OK), -1);
    }
    cr_assert_eq(cache.corrupt, (uint64_t)(2 * size));
}

/* A right file under another name is not believed. */
Test(cache, a_renamed_file_is_absent) {
    char from[256], to[256], hex[KEY_HEX_SIZE];
    Key a = key_of(1), b = key_of(2);
    store(1, 100);
    key_hex(&a, hex);
    snprintf(from, sizeof from, "%s/%s.img", path, hex);
    key_hex(&b, hex);
    snprintf(to, sizeof to, "%s/%s.img", path, hex);
    cr_assert_eq(rename(from, to), 0);
    cr_assert_not(there(2));
}

/* Its sum is right: whoever can write a file can write its sum, too. */
Test(cache, what_others_can_write_or_own_is_absent) {
    char name[256], hex[KEY_HEX_SIZE];
    Key k = key_of(1);
    key_hex(&k, hex);
    snprintf(name, sizeof name, "%s/%s.img", path, hex);
    store(1, 100);
    cr_assert(there(1));
    cr_assert_eq(chmod(name, 0620), 0);
    cr_assert_not(there(1));
    cr_assert_eq(access(name, F_OK), -1, "it is removed");
    store(1, 100);
    cr_assert_eq(chmod(name, 0602), 0);
    cr_assert_not(there(1));
    store(1, 100);
    cr_assert(there(1), "and made anew");
    if (geteuid() == 0) { /* else nobody can give a file away */
        cr_assert_eq(chown(name, 12345, 12345), 0);
        cr_assert_not(there(1));
        cr_assert_eq(access(name, F_OK), -1);
    }
}

Test(cache, what_is_no_file_is_absent) {
    char name[256], hex[KEY_HEX_SIZE];
    Key k = key_of(1);
    key_hex(&k, hex);
    snprintf(name, sizeof name, "%s/%s.img", path, hex);
    cr_assert_eq(symlink("/etc/passwd", name), 0);
    cr_assert_not(there(1));
    unlink(name);
    cr_assert_eq(mkfifo(name, 0600), 0);
    cr_assert_not(there(1));
}

Test(cache, the_one_used_longest_ago_goes_first) {
    cache.limit = 10 * 65536;
    for (int i = 0; i < 8; i++) {
        store(i, 60000);
        last_used(i, 1000 + i);
    }
    cr_assert(there(0)); /* used now */
    for (int i = 8; i < 12; i++)
        store(i, 60000);
    cr_assert_leq(cache.used, cache.limit);
    cr_assert(there(0));
    cr_assert_not(there(1));
    cr_assert(there(11));
}

Test(cache, evicts_what_others_left_too) {
    char name[256];
    for (int i = 0; i < 10; i++)
        store(i, 60000);
    snprintf(name, sizeof name, "%s/123.4.tmp", path);
    close(open(name, O_WRONLY | O_CREAT, 0600));
    cache_deinit(&cache);
    cr_assert_eq(cache_open(path, 65536, &cache), 0);
    cr_assert_leq(cache.used, 65536);
    cr_assert_lt(files(), 2);
}

Test(cache, must_be_ones_own) {
    Cache other;
    cr_assert_eq(chmod(path, 0770), 0);
    cr_assert_eq(cache_open(path, 1000, &other), -EPERM);
    if (geteuid() == 0) {
        cr_assert_eq(chmod(path, 0700), 0);
        cr_assert_eq(chown(path, 12345, 0), 0);
        cr_assert_eq(cache_open(path, 1000, &other), -EPERM);
    }
}

Test(cache, none_keeps_nothing) {
    Cache none = CACHE_NULL;
    Key k = key_of(1), found;
    CacheEntry entry;
    cr_assert_eq(cache_store(&none, &k, STR("unit"), STR("image")), 0);
    cr_assert_eq(cache_load(&none, &k, &entry), 1);
    cr_assert_eq(cache_find(&none, &k, &found), 1);
    cr_assert_eq(cache_index(&none, &k, &k), 0);
}

Test(cache, no_descriptor_is_left) {
    int before = dup(0);
    close(before);
    store(1, 1000);
    cr_assert(there(1));
    cr_assert_not(there(2));
    cache_deinit(&cache);
    cr_assert_eq(cache_open(path, CACHE_DEFAULT_SIZE, &cache), 0);
    int after = dup(0);
    close(after);
    cr_assert_eq(before, after);
}
