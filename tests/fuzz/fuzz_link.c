/* link_objects of any bytes: refused with a message, or an image whose every offset is inside. The first two bytes are the first object's
 * size; what is behind it is a second one. */
#include "protocol/abi.h"
#include "server/compiler/link.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Pool pool = POOL_NULL;
    Linked linked;
    Str error = STR_NULL;
    if (size < 2)
        return 0;
    Str all = {(const char *)data + 2, size - 2};
    size_t first = (size_t)data[0] << 8 | data[1];
    Str objects[] = {str_slice(all, 0, first), str_slice(all, first, all.len)};
    if (link_objects(&pool, objects, first < all.len ? 2 : 1, &linked, &error)) {
        need(error.len > 0);
    } else {
        for (size_t i = 0; i < linked.nfixups; i++)
            need(linked.fixups[i].offset + 4 <= linked.code.len && linked.fixups[i].import < JITD_N_IMPORTS);
        for (size_t i = 0; i < linked.nsymbols; i++)
            need(linked.symbols[i].offset <= linked.code.len);
    }
    pool_deinit(&pool);
    return 0;
}
