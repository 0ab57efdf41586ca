/* Names of passes, the current stage, and the faults that tests ask for; see stage.h. */
#include "server/compiler/stage.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *pass_name(Pass pass) {
    static const char *const names[] = {
#define PASS(name) #name,
#include "server/compiler/passes.def"
#undef PASS
    };
    return names[pass];
}

static _Thread_local const char *current = "";

#ifdef JITD_TEST_HOOKS
static void stage_eat_memory(void) {
    for (;;) {
        char *p = malloc((size_t)1 << 20);
        if (!p)
            abort(); /* as LLVM does */
        memset(p, 1, (size_t)1 << 20);
    }
}

static void stage_fault(const char *name) {
    const char *fault = getenv("JITD_TEST_FAULT");
    size_t n = strlen(name);
    if (!fault || strncmp(fault, name, n) != 0 || fault[n] != ':')
        return;
    if (strcmp(fault + n, ":crash") == 0)
        *(volatile int *)0 = 0;
    if (strcmp(fault + n, ":memory") == 0)
        stage_eat_memory();
    while (strcmp(fault + n, ":stall") == 0)
        __asm__ volatile("pause");
}
#else
static void stage_fault(const char *name) {
    (void)name;
}
#endif

void stage_enter(const char *name) {
    current = name;
    stage_fault(name);
}

const char *stage_current(void) {
    return current;
}

uint64_t stage_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
