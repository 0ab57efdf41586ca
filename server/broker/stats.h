/* The daemon's counters, and the compiler's passes as the compiler processes timed them. */
#pragma once
#include "base/str.h"
#include <msgpack.h>
#include <stdbool.h>

#define STATS_MAX_PASSES 32

typedef struct StatsPass {
    char name[24];
    uint64_t count, total_us, max_us, last_us;
} StatsPass;

typedef struct Stats {
    uint64_t started_ms;          /* of the loop's clock */
    uint64_t compilations;        /* jobs that gave an image */
    uint64_t cache_hits;          /* units asked for that this daemon had in memory */
    uint64_t disk_hits;           /* units that came from the disk cache */
    uint64_t lookups;             /* units asked for by fingerprint */
    uint64_t single_flight_joins; /* requests that joined a job already under way */
    uint64_t jobs_failed;         /* no image: the compiler process failed */
    uint64_t units_refused;       /* no image: the compiler refused the unit */
    uint64_t peers_dropped;       /* for breaking a limit or the protocol */
    StatsPass passes[STATS_MAX_PASSES];
    unsigned npasses;
} Stats;

/* Adds the timings (a map pass -> microseconds) of one job; whatever is no timing in it is left out. Returns their sum.
 */
uint64_t stats_add_timings(Stats *stats, const msgpack_object *timings);
void stats_put_passes(const Stats *stats, msgpack_packer *pk);
uint64_t stats_resident(int pid); /* bytes, of a process; 0: unknown */
bool stats_is_stopped(int pid);   /* by a signal or a debugger */
