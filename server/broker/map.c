/* The keyed hash behind map.h: SipHash of libsodium. */
#include "server/broker/map.h"
#include <sodium.h>

unsigned map_hash(const void *key, unsigned size) {
    static unsigned char secret[crypto_shorthash_KEYBYTES];
    static int have_secret;
    unsigned char out[crypto_shorthash_BYTES];
    unsigned hash;
    if (!have_secret) {
        randombytes_buf(secret, sizeof secret);
        have_secret = 1;
    }
    crypto_shorthash(out, key, size, secret);
    memcpy(&hash, out, sizeof hash);
    return hash;
}
