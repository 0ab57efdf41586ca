/* Parts: divides a unit's entries among the modules that are optimised and generated at the same time.
 *
 * Each module holds all that its entries call, so that everything is inlined as if there were one; what entries of two
 * modules call is compiled twice. The dearest entries are placed first, each where the time (of the dearer module) and, less
 * important, the work (of both) grow the least. The cost is the number of nodes of the tree, twice where there are loops,
 * which LLVM unrolls and looks at for longest. */
#include "server/compiler/typed.h"
#include <stdlib.h>

#define PARTS_ENTRY 10    /* what an entry costs besides its nodes */
#define PARTS_TIME 4      /* how much more important the time is than the work */
#define PARTS_LOOK 256    /* so many instances that an entry calls are looked at */
#define PARTS_WORTH_IT 60 /* the least for which a second module pays: under a millisecond */

typedef struct Choice {
    uint32_t entry;
    uint64_t cost;
} Choice;

typedef struct Parts {
    Instance *const *entries;
    uint8_t *has;         /* per instance that is not inlined: bit p = part p has it */
    uint32_t *visits;     /* per instance: the last visit that was here */
    uint32_t visit, seen; /* seen: in this visit */
    uint64_t cost[PROGRAM_PARTS];
} Parts;

static uint64_t cost_of(const Instance *inst) {
    return inst->bound ? (uint64_t)inst->bound->nnodes * (inst->loops ? 2 : 1) : 0;
}

/* A guess: whether the body stays by itself and is shared by its callers. */
static bool stays(const Instance *inst) {
    return inst->loops || inst->manages;
}

/* The cost of an instance and what it calls, as far as the part does not have it yet; `take`: now it has. */
static uint64_t body_cost(Parts *p, const Instance *inst, unsigned part, bool take) {
    uint8_t bit = (uint8_t)(1u << part);
    uint64_t sum = cost_of(inst);
    if (p->visits[inst->index] == p->visit || (p->has[inst->index] & bit) || p->seen == PARTS_LOOK)
        return 0;
    p->seen++;
    p->visits[inst->index] = p->visit;
    if (take && stays(inst))
        p->has[inst->index] |= bit;
    for (size_t i = 0; i < inst->ncallees; i++)
        sum += body_cost(p, inst->callees[i], part, take);
    return sum;
}

static uint64_t entry_cost(Parts *p, uint32_t entry, unsigned part, bool take) {
    p->visit++;
    p->seen = 0;
    return PARTS_ENTRY + body_cost(p, p->entries[entry], part, take);
}

static int dearer_first(const void *a, const void *b) {
    const Choice *x = a, *y = b;
    if (x->cost != y->cost)
        return x->cost < y->cost ? 1 : -1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Of the time and the work if the entry were in this part. */
static uint64_t score(Parts *p, uint32_t entry, unsigned part) {
    uint64_t time = 0, work = 0;
    for (unsigned i = 0; i < PROGRAM_PARTS; i++) {
        uint64_t cost = p->cost[i] + (i == part ? entry_cost(p, entry, part, false) : 0);
        time = cost > time ? cost : time;
        work += cost;
    }
    return PARTS_TIME * time + work;
}

static unsigned best_part(Parts *p, uint32_t entry) {
    unsigned best = 0;
    for (unsigned part = 1; part < PROGRAM_PARTS; part++)
        if (score(p, entry, part) < score(p, entry, best))
            best = part;
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
        unsigned part = best_part(&p, entry);
        p.cost[part] += entry_cost(&p, entry, part, true);
        ret_part[entry] = part;
    }
    if (worth_it(&p))
        return PROGRAM_PARTS;
    memset(ret_part, 0, n * sizeof *ret_part);
    return 1;
}
