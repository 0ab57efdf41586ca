/* Parts: divides a unit's entries among the modules that are optimised and generated at the same time.
 *
 * Each module holds all that its entries call, so that everything is inlined as if there were one; what entries of two
 * modules call is compiled twice. The dearest entries are placed first, each where the dearer module stays the cheapest.
 * The cost is the number of nodes of the tree, twice where there are loops, which LLVM unrolls and looks at for longest. */
#include "server/compiler/typed.h"
#include <stdlib.h>

#define PARTS_ENTRY 10    /* what an entry costs besides its nodes */
#define PARTS_WORTH_IT 60 /* the least for which a second module pays: under a millisecond */

typedef struct Choice {
    uint32_t entry;
    uint64_t cost;
} Choice;

typedef struct Parts {
    Instance *const *entries;
    uint8_t *has;     /* per instance: bit p = part p calls it */
    uint32_t *visits; /* per instance: the last visit that was here */
    uint32_t visit;
    uint64_t cost[PROGRAM_PARTS];
} Parts;

static uint64_t cost_of(const Instance *inst) {
    return inst->bound ? (uint64_t)inst->bound->nnodes * (inst->loops ? 2 : 1) : 0;
}

/* The cost of what an instance calls and the part does not have yet; `take`: now it has. */
static uint64_t callees_cost(Parts *p, const Instance *inst, unsigned part, bool take) {
    uint64_t sum = 0;
    for (size_t i = 0; i < inst->ncallees; i++) {
        const Instance *callee = inst->callees[i];
        uint8_t bit = (uint8_t)(1u << part);
        if (p->visits[callee->index] == p->visit || (p->has[callee->index] & bit))
            continue;
        p->visits[callee->index] = p->visit;
        sum += cost_of(callee) + callees_cost(p, callee, part, take);
        if (take)
            p->has[callee->index] |= bit;
    }
    return sum;
}

static uint64_t entry_cost(Parts *p, uint32_t entry, unsigned part, bool take) {
    p->visit++;
    return PARTS_ENTRY + cost_of(p->entries[entry]) + callees_cost(p, p->entries[entry], part, take);
}

static int dearer_first(const void *a, const void *b) {
    const Choice *x = a, *y = b;
    if (x->cost != y->cost)
        return x->cost < y->cost ? 1 : -1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static unsigned cheapest_part(Parts *p, uint32_t entry) {
    unsigned best = 0;
    uint64_t least = UINT64_MAX;
    for (unsigned part = 0; part < PROGRAM_PARTS; part++) {
        uint64_t sum = p->cost[part] + entry_cost(p, entry, part, false);
        if (sum < least) {
            least = sum;
            best = part;
        }
    }
    return best;
}

static bool worth_it(const Parts *p) {
    for (unsigned part = 0; part < PROGRAM_PARTS; part++)
        if (p->cost[part] < PARTS_WORTH_IT)
            return false;
    return true;
}

unsigned parts_choose(Lang *lang, Instance *const *entries, uint32_t n, unsigned *ret_part) {
    Parts p = {.entries = entries,
               .has = pool_array(lang->pool, uint8_t, lang->ninstances + 1),
               .visits = pool_array(lang->pool, uint32_t, lang->ninstances + 1)};
    Choice *order = pool_array(lang->pool, Choice, n + 1);
    for (uint32_t i = 0; i < n; i++)
        order[i] = (Choice){i, entry_cost(&p, i, 0, false)};
    qsort(order, n, sizeof *order, dearer_first);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t entry = order[i].entry;
        unsigned part = cheapest_part(&p, entry);
        p.cost[part] += entry_cost(&p, entry, part, true);
        ret_part[entry] = part;
    }
    if (worth_it(&p))
        return PROGRAM_PARTS;
    memset(ret_part, 0, n * sizeof *ret_part);
    return 1;
}
