/* Counting; see stats.h. */
#include "server/broker/stats.h"
#include "base/cleanup.h"
#include "protocol/wire.h"
#include <fcntl.h>
#include <stdio.h>

static StatsPass *stats_pass(Stats *stats, Str name) {
    for (unsigned i = 0; i < stats->npasses; i++)
        if (str_eq_c(name, stats->passes[i].name))
            return &stats->passes[i];
    if (stats->npasses == STATS_MAX_PASSES || !name.len || name.len >= sizeof stats->passes[0].name)
        return NULL;
    StatsPass *pass = &stats->passes[stats->npasses++];
    memcpy(pass->name, name.ptr, name.len);
    return pass;
}

uint64_t stats_add_timings(Stats *stats, const msgpack_object *timings) {
    msgpack_object_map map;
    uint64_t sum = 0;
    if (!wire_map(timings, &map))
        return 0;
    for (uint32_t i = 0; i < map.size; i++) {
        Str name;
        uint64_t us;
        StatsPass *pass;
        if (!wire_str(&map.ptr[i].key, &name) || !wire_uint(&map.ptr[i].val, UINT32_MAX, &us) ||
            !(pass = stats_pass(stats, name)))
            continue;
        pass->count++;
        pass->total_us += us;
        pass->last_us = us;
        pass->max_us = us > pass->max_us ? us : pass->max_us;
        sum += us;
    }
    return sum;
}

void stats_put_passes(const Stats *stats, msgpack_packer *pk) {
    msgpack_pack_map(pk, stats->npasses);
    for (unsigned i = 0; i < stats->npasses; i++) {
        const StatsPass *pass = &stats->passes[i];
        wire_put_cstr(pk, pass->name);
        msgpack_pack_map(pk, 4);
        wire_put_cstr(pk, "count");
        msgpack_pack_uint64(pk, pass->count);
        wire_put_cstr(pk, "total_us");
        msgpack_pack_uint64(pk, pass->total_us);
        wire_put_cstr(pk, "max_us");
        msgpack_pack_uint64(pk, pass->max_us);
        wire_put_cstr(pk, "last_us");
        msgpack_pack_uint64(pk, pass->last_us);
    }
}

/* A file of /proc; how many bytes, 0: none. */
static size_t read_of_process(int pid, const char *name, char *text, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    text[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

uint64_t stats_resident(int pid) {
    char text[128];
    unsigned long total, resident;
    if (!read_of_process(pid, "statm", text, sizeof text) || sscanf(text, "%lu %lu", &total, &resident) != 2)
        return 0;
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool stats_is_stopped(int pid) {
    char text[256];
    const char *end = read_of_process(pid, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
    return end && end[1] == ' ' && (end[2] == 'T' || end[2] == 't');
}
