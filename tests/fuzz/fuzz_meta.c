/* The compiler's description of an image, as a client reads it: meta_decode of any bytes is refused, or every entry is sane and
 * every trap at every site has a message. The first byte is the number of the unit's definitions. */
#include "fuzz.h"
#include "client/lib/session.h"

static void traps(const Unit *unit) {
    jitd_method method = {.unit = unit, .name = "method"};
    jitd_error error;
    JitdTrap trap = {.kind = JITD_TRAP_RAISE, .ntrace = 3, .trace = {0, 1, UINT32_MAX}, .nvalues = JITD_TRAP_VALUES};
    for (int i = 0; i < JITD_TRAP_VALUES; i++)
        trap.values[i].i = i % 2 ? -i : INT64_MAX >> i;
    for (uint32_t i = 0; i <= unit->meta.nsites; i++) {
        trap.site = i;
        need(error_trap(&error, &method, JITD_TRAP_RAISE, &trap) == JITD_E_EXCEPTION);
        need(memchr(error.message, 0, sizeof error.message) && error.nframes <= JITD_ERROR_FRAMES);
    }
}

static void entries(Pool *pool, const Meta *meta) {
    for (size_t i = 0; i < meta->nentries; i++) {
        const MetaEntry *e = &meta->entries[i];
        need(e->def < meta->ndefs && e->result);
        for (size_t p = 0; p < e->nparams; p++)
            need(type_text(pool, e->params[p]).len > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Pool pool = POOL_NULL;
    Unit unit = {0};
    if (!size)
        return 0;
    int r = meta_decode(&pool, (Str){(const char *)data + 1, size - 1}, data[0], &unit.meta);
    need(r == 0 || r == 1);
    if (r == 0) {
        need(unit.meta.ndefs == data[0]);
        entries(&pool, &unit.meta);
        traps(&unit);
        meta_deinit(&unit.meta);
    }
    pool_deinit(&pool);
    return 0;
}
