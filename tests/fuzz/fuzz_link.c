/* link_objects of any bytes: refused with a message, or an image whose every offset is inside. */
#include "protocol/abi.h"
#include "server/compiler/link.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Pool pool = POOL_NULL;
    Linked linked;
    Str error = STR_NULL;
    if (link_objects(&pool, &(Str){(const char *)data, size}, 1, &linked, &error)) {
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
