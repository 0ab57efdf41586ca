/* BLAKE2b-256 through libsodium's crypto_generichash. */
#include "base/hash.h"
#include <sodium.h>

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(((Hash *)0)->state), "Hash.state holds libsodium's state");

static crypto_generichash_state *hash_state(Hash *h) {
    return (crypto_generichash_state *)h->state;
}

void hash_init(Hash *h) {
    crypto_generichash_init(hash_state(h), NULL, 0, KEY_SIZE);
}

void hash_add(Hash *h, const void *data, size_t size) {
    crypto_generichash_update(hash_state(h), data, size);
}

void hash_add_str(Hash *h, Str s) {
    uint64_t len = s.len;
    hash_add(h, &len, sizeof len);
    hash_add(h, s.ptr, s.len);
}

void hash_final(Hash *h, Key *ret_key) {
    crypto_generichash_final(hash_state(h), ret_key->b, KEY_SIZE);
}

void key_hex(const Key *key, char hex[KEY_HEX_SIZE]) {
    sodium_bin2hex(hex, KEY_HEX_SIZE, key->b, KEY_SIZE);
}
