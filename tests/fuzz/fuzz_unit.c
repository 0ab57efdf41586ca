/* unit_decode of any bytes: refused with a message, or safe to walk. */
#include "protocol/spec.h"
#include "fuzz.h"

static void walk(const UnitSpec *u) {
    for (size_t d = 0; d < u->ndefs; d++)
        for (size_t f = 0; f < u->defs[d].nfields; f++) {
            const FieldSpec *field = &u->defs[d].fields[f];
            need(field->offset + type_layout(field->type).size <= u->defs[d].size);
            need(field->type->kind != TYPE_REF || u->defs[field->type->def].is_class);
        }
    for (size_t d = 0; d < u->ndefs; d++) {
        for (size_t i = 0; i < u->defs[d].nheirs; i++)
            need(u->defs[d].heirs[i] < u->ndefs && u->defs[u->defs[d].heirs[i]].size >= u->defs[d].size);
        for (size_t f = 0; f < u->defs[d].nfuncs; f++)
            need(!u->defs[d].funcs[f].owner.is_def || u->defs[d].funcs[f].owner.def < u->ndefs);
    }
    for (size_t i = 0; i < u->nentries; i++)
        need(u->entries[i].def < u->ndefs && u->entries[i].func < u->defs[u->entries[i].def].nfuncs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Pool pool = POOL_NULL;
    UnitSpec unit;
    Str error = STR_NULL;
    if (unit_decode(&pool, (Str){(const char *)data, size}, &unit, &error) == 0)
        walk(&unit);
    else
        need(error.len > 0);
    pool_deinit(&pool);
    return 0;
}
