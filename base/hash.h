/* Key: a 32-byte BLAKE2b digest (libsodium), the name of everything that is content addressed. */
#pragma once
#include "base/str.h"
#include <stdint.h>

#define KEY_SIZE 32

typedef struct Key {
    uint8_t b[KEY_SIZE];
} Key;

typedef struct Hash {
    _Alignas(64) unsigned char state[512]; /* crypto_generichash_state */
} Hash;

void hash_init(Hash *h);
void hash_add(Hash *h, const void *data, size_t size); /* the bytes as they are */
void hash_add_str(Hash *h, Str s);                     /* length first, so that parts cannot run together */
void hash_final(Hash *h, Key *ret_key);

static inline int key_eq(const Key *a, const Key *b) {
    return memcmp(a->b, b->b, KEY_SIZE) == 0;
}

#define KEY_HEX_SIZE (KEY_SIZE * 2 + 1)
void key_hex(const Key *key, char hex[KEY_HEX_SIZE]);
