/* What calls among instances say of all of them, in the time of one look at each call. When all is inferred: calls that are found later are not
 * counted. */
#include "server/compiler/typed.h"

typedef struct Work {
    Instance **at;
    size_t n;
} Work;

static Work work_of(Lang *lang) {
    return (Work){.at = pool_array(lang->pool, Instance *, lang->ninstances + 1)};
}

void calls_spread(Lang *lang, bool *marked) {
    Work work = work_of(lang);
    for (size_t i = 0; i < lang->ninstances; i++)
        if (marked[lang->instances[i]->index])
            work.at[work.n++] = lang->instances[i];
    while (work.n) {
        const Instance *inst = work.at[--work.n];
        for (size_t i = 0; i < inst->ncallers; i++) {
            if (marked[inst->callers[i]->index])
                continue;
            marked[inst->callers[i]->index] = true;
            work.at[work.n++] = inst->callers[i];
        }
    }
}

static void find_python(Lang *lang) {
    bool *marked = pool_array(lang->pool, bool, lang->ninstances + 1);
    for (size_t i = 0; i < lang->ninstances; i++) {
        const Instance *inst = lang->instances[i];
        marked[inst->index] = inst->python || inst->partly.message.len;
    }
    calls_spread(lang, marked);
    for (size_t i = 0; i < lang->ninstances; i++)
        lang->instances[i]->runs_python = marked[lang->instances[i]->index];
}

/* Those that call nothing, then those that call only such, and so on: what is left calls itself, or calls what does. */
static void find_straight(Lang *lang) {
    Work work = work_of(lang);
    size_t *left = pool_array(lang->pool, size_t, lang->ninstances + 1);
    for (size_t i = 0; i < lang->ninstances; i++) {
        Instance *inst = lang->instances[i];
        left[inst->index] = inst->ncallees;
        if (!inst->ncallees)
            work.at[work.n++] = inst;
    }
    while (work.n) {
        Instance *inst = work.at[--work.n];
        inst->straight = true;
        for (size_t i = 0; i < inst->ncallers; i++)
            if (--left[inst->callers[i]->index] == 0)
                work.at[work.n++] = inst->callers[i];
    }
}

void calls_settle(Lang *lang) {
    find_python(lang);
    find_straight(lang);
}
