/* Lower, counters: `n += 1` in a loop without an overflow check of its own, so that it needs no branch and the loop can be
 * vectorised. A counter of a loop is a local int that the loop changes by small constants only. At the begin of each strip
 * of the loop (lower_loop.c) it is checked to lie within +-2^62: in one strip it moves by less than STRIP * MAX_STEP per
 * place that changes it, which is far from another 2^62. Outside of +-2^62 the interpreter does the call; so this is for
 * functions that can still be redone at the loop. */
#include "server/compiler/lower.h"

#define MAX_STEP (1 << 20)
#define MAX_PLACES (1 << 20)
#define HEADROOM ((int64_t)1 << 62)

typedef struct Places {
    Lower *l;
    uint32_t *steps, *others, nsteps;
} Places;

static bool is_small(const Node *n) {
    return n->kind == NODE_Constant && n->Constant.value.kind == CONST_INT && !n->Constant.value.big &&
           n->Constant.value.i >= 0 && n->Constant.value.i <= MAX_STEP;
}

bool counter_step(Lower *l, const Node *n) {
    const Node *target = n->AugAssign.target;
    if (target->kind != NODE_Name || (n->AugAssign.op != OP_Add && n->AugAssign.op != OP_Sub))
        return false;
    const Type *type = l->info[target->id].type;
    return type && type->kind == TYPE_INT && is_small(n->AugAssign.value) &&
           !(l->info[target->id].flags & NODE_MAYBE_UNBOUND);
}

static void count_places(void *arg, const char *field, const Node *n) {
    Places *p = arg;
    (void)field;
    if (!n)
        return;
    if (n->kind == NODE_AugAssign && counter_step(p->l, n)) {
        p->steps[p->l->bound->binding[n->AugAssign.target->id].local]++;
        p->nsteps++;
        return;
    }
    if (n->kind == NODE_Name && n->Name.ctx != CTX_Load && p->l->bound->binding[n->id].kind == BIND_LOCAL)
        p->others[p->l->bound->binding[n->id].local]++;
    node_each_child(n, count_places, p);
}

bool *counters_of(Lower *l, const Node *loop, Nodes body) {
    uint32_t n = l->bound->nlocals;
    if (l->info[loop->id].effect == EFFECT_COMMITTED || l->inst->sized || l->lang->unit->wrap)
        return NULL;
    Places p = {.l = l, .steps = pool_array(l->pool, uint32_t, n), .others = pool_array(l->pool, uint32_t, n)};
    for (size_t i = 0; i < body.len; i++)
        count_places(&p, NULL, body.at[i]);
    count_places(&p, NULL, loop->kind == NODE_For ? loop->For.target : loop->While.test);
    if (!p.nsteps || p.nsteps > MAX_PLACES)
        return NULL;
    bool *counters = pool_array(l->pool, bool, n);
    for (uint32_t i = 0; i < n; i++)
        counters[i] = p.steps[i] && !p.others[i];
    return counters;
}

void counters_check(Lower *l, const Node *loop, const bool *counters) {
    for (uint32_t i = 0; counters && i < l->bound->nlocals; i++) {
        if (!counters[i])
            continue;
        Val v = local_load(l, loop, i, &type_int);
        LLVMValueRef moved = LLVMBuildAdd(l->b, v.at[0], lower_i64(l, HEADROOM), "");
        LLVMValueRef far = LLVMBuildICmp(l->b, LLVMIntUGT, moved, lower_i64(l, INT64_MIN), "");
        lower_check(l, loop, far, (FailSpec){.kind = SITE_REDO, .text = STR("a counter beyond 2**62")});
    }
}
