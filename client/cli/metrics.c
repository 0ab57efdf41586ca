/* metrics: the daemon's figures in Prometheus's text format, for a scraper's textfile collector, or over HTTP for the scraper itself. Figures of
 * the whole daemon, then of each namespace that the asking user sees. */
#include "client/cli/ctl.h"
#include "client/cli/http.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct Metric {
    const char *key, *name, *type, *help;
    double scale;
} Metric;

static const Metric machine_metrics[] = {
    {"uptime_ms", "uptime_seconds", "gauge", "Since the daemon was started.", 1e-3},
    {"clients", "clients", "gauge", "Attached processes.", 1},
    {"tenants", "namespaces", "gauge", "Namespaces of all users.", 1},
    {"units", "units", "gauge", "Compiled units in memory.", 1},
    {"classes", "classes", "gauge", "Classes known.", 1},
    {"compilations", "compilations_total", "counter", "Units compiled.", 1},
    {"cache_hits", "cache_hits_total", "counter", "Units found in memory.", 1},
    {"disk_hits", "disk_hits_total", "counter", "Units found in the disk cache.", 1},
    {"lookups", "lookups_total", "counter", "Keys looked up.", 1},
    {"single_flight_joins", "single_flight_joins_total", "counter", "Requests that joined a compilation under way.", 1},
    {"jobs_failed", "jobs_failed_total", "counter", "Compilations that failed: crash, deadline, memory.", 1},
    {"units_refused", "units_refused_total", "counter", "Units that the compiler refused.", 1},
    {"jobs_waiting", "jobs_waiting", "gauge", "Compilations waiting or under way.", 1},
    {"code_bytes", "code_bytes", "gauge", "Machine code in memory.", 1},
    {"code_capacity", "code_capacity_bytes", "gauge", "Room of the code segments.", 1},
    {"arena_bytes", "arena_bytes", "gauge", "Memory given to shared objects.", 1},
    {"workers", "workers", "gauge", "Compiler processes.", 1},
    {"worker_restarts", "worker_restarts_total", "counter", "Compiler processes that died at work.", 1},
    {"peers_dropped", "peers_dropped_total", "counter", "Connections dropped for breaking a limit or the protocol.", 1},
    {"disk_bytes", "disk_cache_bytes", "gauge", "Size of the disk cache.", 1},
    {"disk_corrupt", "disk_corrupt_total", "counter", "Files of the disk cache found corrupt.", 1},
    {"resident_bytes", "resident_bytes", "gauge", "Memory of the daemon.", 1},
    {"workers_resident_bytes", "workers_resident_bytes", "gauge", "Memory of the compiler processes.", 1},
};

static const Metric namespace_metrics[] = {
    {"clients", "namespace_clients", "gauge", "Attached processes of a namespace.", 1},
    {"names", "namespace_names", "gauge", "Published names of a namespace.", 1},
    {"classes", "namespace_classes", "gauge", "Classes of a namespace.", 1},
    {"dead", "namespace_dead_rows", "gauge", "Dead processes whose objects nobody has given back yet.", 1},
    {"code_bytes", "namespace_code_bytes", "gauge", "Machine code of a namespace.", 1},
    {"code_quota", "namespace_code_quota_bytes", "gauge", "Its limit.", 1},
    {"arena_bytes", "namespace_arena_bytes", "gauge", "Memory given to a namespace's objects.", 1},
    {"arena_quota", "namespace_arena_quota_bytes", "gauge", "Its limit.", 1},
};

static void print_head(FILE *out, const Metric *m) {
    fprintf(out, "# HELP jitd_%s %s\n# TYPE jitd_%s %s\n", m->name, m->help, m->name, m->type);
}

/* A label's value, as the format has it: backslash, quote and newline escaped. A namespace is whatever its user likes: what is no UTF-8, for
 * which a scraper would refuse everything, becomes \xNN; so backslashes are doubled in the value, and two namespaces stay two. */
static void print_label(FILE *out, Str s) {
    for (size_t n; s.len; s = str_slice(s, n, s.len)) {
        n = str_utf8_length(s);
        if (!n)
            fprintf(out, "\\\\x%02x", (unsigned char)s.ptr[n++]);
        else if (*s.ptr == '\\' || *s.ptr == '"' || *s.ptr == '\n')
            fputs(*s.ptr == '"' ? "\\\"" : *s.ptr == '\n' ? "\\n" : "\\\\\\\\", out);
        else
            fwrite(s.ptr, 1, n, out);
    }
}

static void print_machine(FILE *out, const msgpack_object *machine) {
    for (size_t i = 0; i < sizeof machine_metrics / sizeof machine_metrics[0]; i++) {
        const Metric *m = &machine_metrics[i];
        if (!wire_find(machine, m->key)) /* another version's daemon */
            continue;
        print_head(out, m);
        fprintf(out, "jitd_%s %.15g\n", m->name, (double)ctl_uint(machine, m->key) * m->scale);
    }
}

static void print_namespaces(FILE *out, const msgpack_object *map) {
    msgpack_object_array list = {0};
    wire_array(wire_find(map, "namespaces"), &list);
    for (size_t i = 0; list.size && i < sizeof namespace_metrics / sizeof namespace_metrics[0]; i++) {
        const Metric *m = &namespace_metrics[i];
        print_head(out, m);
        for (uint32_t k = 0; k < list.size; k++) {
            fprintf(out, "jitd_%s{uid=\"%llu\",namespace=\"", m->name,
                    (unsigned long long)ctl_uint(&list.ptr[k], "uid"));
            print_label(out, ctl_text(&list.ptr[k], "namespace"));
            fprintf(out, "\"} %llu\n", (unsigned long long)ctl_uint(&list.ptr[k], m->key));
        }
    }
}

static int write_metrics(Ctl *ctl, FILE *out) {
    msgpack_unpacked owner;
    msgpack_object map;
    int r = ctl_ask(ctl, MESSAGE_STATS, NULL, &owner, &map);
    if (r)
        return r;
    const msgpack_object *machine = wire_find(&map, "machine");
    if (machine)
        print_machine(out, machine);
    msgpack_unpacked_destroy(&owner);
    r = ctl_ask(ctl, MESSAGE_NAMESPACES, NULL, &owner, &map);
    if (r)
        return r;
    print_namespaces(out, &map);
    msgpack_unpacked_destroy(&owner);
    return 0;
}

int metrics_print(Ctl *ctl) {
    return write_metrics(ctl, stdout);
}

/* All of them, in memory; NULL: they cannot be had. */
static char *metrics_text(const ClientOptions *options, size_t *ret_size) {
    Ctl ctl = {.what = "metrics"};
    char error[512] = "", *text = NULL;
    if (client_open(options, &ctl.client, error, sizeof error) < 0) {
        fprintf(stderr, "jitctl: %s\n", error);
        return NULL;
    }
    FILE *out = open_memstream(&text, ret_size);
    int r = out ? write_metrics(&ctl, out) : 1;
    client_close(ctl.client);
    if (out && fclose(out))
        r = 1;
    if (r == 0)
        return text;
    free(text);
    return NULL;
}

int metrics_serve(const ClientOptions *options) {
    const int in = 0, out = 1;
    bool head_only;
    char *text = NULL;
    size_t size = 0;
    http_begin(in, out);
    HttpStatus status = http_read(in, "/metrics", &head_only);
    if (status == HTTP_GONE)
        return 0;
    if (status == HTTP_OK && !(text = metrics_text(options, &size)))
        status = HTTP_UNAVAILABLE;
    int r = http_answer(in, out, status, head_only, (Str){text, text ? size : 0});
    free(text);
    return r < 0;
}
