/* Hash tables (uthash) keyed by what strangers choose: hashed with a secret of this process. */
#pragma once
#include <stdint.h>

unsigned map_hash(const void *key, unsigned size);

#define HASH_FUNCTION(key, size, hashv) ((hashv) = map_hash((key), (unsigned)(size)))
#include <uthash.h>
#include <utlist.h>
