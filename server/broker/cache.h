/* The disk cache of images: content addressed, checksummed, written by rename, size-capped (the file used longest ago
 * goes first). Two kinds of files in one directory: HEX.img   an image with the unit it was compiled from, named by its
 * content key HEX.idx   the content key that a user's fingerprint stands for, so that a restarted daemon can answer
 * without source A fingerprint is only a claim of who sent it: cache_index_key ties it to the uid, so that no user can
 * choose another's code. Whatever is wrong with a file makes it absent. */
#pragma once
#include "base/hash.h"
#include <stdint.h>
#include <sys/types.h>

#define CACHE_DEFAULT_SIZE ((uint64_t)1 << 30)

typedef struct Cache {
    int dir; /* -1: there is none, nothing is kept */
    uint64_t used, limit;
    uint64_t corrupt; /* files found corrupt and removed */
    int complained;   /* a failed write is logged once */
} Cache;
#define CACHE_NULL ((Cache){.dir = -1})

/* Opens (makes) the directory; it must be the caller's own. 0 or a negative errno. */
int cache_open(const char *path, uint64_t limit, Cache *ret_cache);
void cache_deinit(Cache *cache);

typedef struct CacheEntry {
    char *data; /* owns both */
    Str unit, image;
} CacheEntry;
#define CACHE_ENTRY_NULL ((CacheEntry){0})

/* 0; or 1: not there. */
int cache_load(Cache *cache, const Key *content, CacheEntry *ret_entry);
void cache_entry_deinit(CacheEntry *entry);
int cache_store(Cache *cache, const Key *content, Str unit, Str image); /* 0 or a negative errno, logged */

void cache_index_key(const Key *fingerprint, uid_t uid, const Key *identity, Key *ret_key);
int cache_find(Cache *cache, const Key *index, Key *ret_content); /* 0; or 1: not there */
int cache_index(Cache *cache, const Key *index, const Key *content);
