/* top: the daemon and its clients, live, until interrupted (or once, where nobody looks at a screen). */
#include "client/cli/ctl.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_S 2

typedef struct Sample {
    double at;
    uint64_t compilations, lookups, cpu_ms;
} Sample;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Rates since the sample before, of which there is none the first time. */
static int show_machine(Ctl *ctl, Sample *last) {
    msgpack_unpacked owner;
    msgpack_object map;
    int r = ctl_ask(ctl, MESSAGE_STATS, NULL, &owner, &map);
    if (r)
        return r;
    const msgpack_object *m = wire_find(&map, "machine");
    msgpack_object none = {.type = MSGPACK_OBJECT_NIL};
    m = m ? m : &none;
    Sample s = {.at = now(), .compilations = ctl_uint(m, "compilations"), .lookups = ctl_uint(m, "lookups")};
    double seconds = last->at > 0 ? s.at - last->at : 0;
    printf("jitd %llu, up %llu s: %llu clients, %llu namespaces, %llu compiler processes, %llu jobs waiting\n",
           (unsigned long long)ctl_uint(m, "pid"), (unsigned long long)ctl_uint(m, "uptime_ms") / 1000,
           (unsigned long long)ctl_uint(m, "clients"), (unsigned long long)ctl_uint(m, "tenants"),
           (unsigned long long)ctl_uint(m, "workers"), (unsigned long long)ctl_uint(m, "jobs_waiting"));
    printf(
        "compilations %.1f/s, lookups %.1f/s; code %.1f MiB, objects %.1f MiB, daemon %.1f MiB, compilers %.1f MiB\n\n",
        seconds > 0 ? (double)(s.compilations - last->compilations) / seconds : 0,
        seconds > 0 ? (double)(s.lookups - last->lookups) / seconds : 0, (double)ctl_uint(m, "code_bytes") / 1048576,
        (double)ctl_uint(m, "arena_bytes") / 1048576, (double)ctl_uint(m, "resident_bytes") / 1048576,
        (double)ctl_uint(m, "workers_resident_bytes") / 1048576);
    *last = s;
    msgpack_unpacked_destroy(&owner);
    return 0;
}

int top_run(Ctl *ctl) {
    Sample last = {0};
    bool live = isatty(STDOUT_FILENO) && !ctl->json;
    for (;;) {
        if (live)
            fputs("\033[H\033[2J", stdout);
        int r = ctl->json ? 0 : show_machine(ctl, &last);
        if (r == 0)
            r = operate_namespaces(ctl);
        if (r == 0 && !ctl->json)
            putchar('\n');
        if (r == 0)
            r = operate_clients(ctl);
        fflush(stdout);
        if (r || !live || ferror(stdout))
            return r;
        sleep(PERIOD_S);
    }
}
