/* Reading options; see options.h. */
#include "server/broker/options.h"
#include "base/cleanup.h"
#include "protocol/abi.h"
#include "protocol/messages.h"
#include "server/broker/cache.h"
#include "shared-mem/arena.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysinfo.h>

static const char usage[] =
    "usage: jitd --socket PATH [options]      (under systemd the socket comes from there)\n"
    "  --socket PATH         listen there; the directory must be yours alone\n"
    "  --idle-exit SECONDS   exit after that long without a client (0: never, the default)\n"
    "  --worker PATH         the compiler process (default: jitd-worker beside this program)\n"
    "  --max-workers N       at most so many of them (default: one per processor, at most 8); who used them little\n"
    "                        of late may have one beyond that\n"
    "  --worker-idle SECONDS a compiler process without work is ended after that long (default 60)\n"
    "  --deadline SECONDS    for one compilation (default 10)\n"
    "  --memory BYTES        of one compiler process (default 1 GiB)\n"
    "  --cache-dir DIR       of compiled code (default: $JITD_CACHE_DIR, $CACHE_DIRECTORY, $XDG_CACHE_HOME/jitd,\n"
    "                        ~/.cache/jitd; empty: none)\n"
    "  --cache-size BYTES    of that directory (default 1 GiB)\n"
    "  --arena-quota BYTES   of one namespace's shared objects (default: half of the memory, at most 4 GiB)\n"
    "  --segment-size BYTES  of one code segment (default 64 MiB)\n"
    "  --config FILE         limits of users and namespaces; read again on SIGHUP (jitd.conf(5))\n"
    "  --state-dir DIR       of what a daemon that follows this one has to know (default: $RUNTIME_DIRECTORY, else\n"
    "                        the socket's name with .state behind it; empty: none)\n"
    "  --log FILE            instead of stderr; opened again on SIGHUP\n"
    "  --log-level LEVEL     error, warning, notice, info (the default) or debug\n"
    "  --version             says which one it is\n"
    "  --help                says this\n";

enum {
    OPT_SOCKET,
    OPT_IDLE,
    OPT_WORKER,
    OPT_MAX,
    OPT_WORKER_IDLE,
    OPT_DEADLINE,
    OPT_MEMORY,
    OPT_CACHE_DIR,
    OPT_CACHE_SIZE,
    OPT_QUOTA,
    OPT_SEGMENT,
    OPT_LOG,
    OPT_LEVEL,
    OPT_CONFIG,
    OPT_STATE,
    OPT_VERSION,
    OPT_HELP
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"idle-exit", required_argument, NULL, OPT_IDLE},
    {"worker", required_argument, NULL, OPT_WORKER},
    {"max-workers", required_argument, NULL, OPT_MAX},
    {"worker-idle", required_argument, NULL, OPT_WORKER_IDLE},
    {"deadline", required_argument, NULL, OPT_DEADLINE},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"cache-dir", required_argument, NULL, OPT_CACHE_DIR},
    {"cache-size", required_argument, NULL, OPT_CACHE_SIZE},
    {"arena-quota", required_argument, NULL, OPT_QUOTA},
    {"segment-size", required_argument, NULL, OPT_SEGMENT},
    {"log", required_argument, NULL, OPT_LOG},
    {"log-level", required_argument, NULL, OPT_LEVEL},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"state-dir", required_argument, NULL, OPT_STATE},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static int option_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value < min || value > max) {
        fprintf(stderr, "jitd: --%s must be a number from %" PRIu64 " to %" PRIu64 "\n", name, min, max);
        return -EINVAL;
    }
    *ret = value;
    return 0;
}

static int option_unsigned(const char *name, const char *text, unsigned min, unsigned max, unsigned scale,
                           unsigned *ret) {
    uint64_t value;
    int r = option_number(name, text, min, max, &value);
    if (r == 0)
        *ret = (unsigned)value * scale;
    return r;
}

static int option_milliseconds(const char *name, const char *text, unsigned *ret) {
    char *end;
    double seconds = strtod(text, &end);
    if (*end || end == text || !(seconds >= 0.001 && seconds <= 86400)) {
        fprintf(stderr, "jitd: --%s must be a number of seconds\n", name);
        return -EINVAL;
    }
    *ret = (unsigned)(seconds * 1000);
    return 0;
}

static int option_set(Options *o, int which, const char *name, char *arg) {
    switch (which) {
    case OPT_SOCKET:
        o->socket = arg;
        return 0;
    case OPT_IDLE:
        return option_unsigned(name, arg, 0, 1000000, 1, &o->idle_exit_s);
    case OPT_WORKER:
        free(o->worker);
        o->worker = strdup(arg);
        return o->worker ? 0 : -ENOMEM;
    case OPT_MAX:
        return option_unsigned(name, arg, 1, 64, 1, &o->max_workers);
    case OPT_WORKER_IDLE:
        return option_milliseconds(name, arg, &o->worker_idle_ms);
    case OPT_DEADLINE:
        return option_milliseconds(name, arg, &o->deadline_ms);
    case OPT_MEMORY:
        return option_number(name, arg, 1 << 20, (uint64_t)1 << 40, &o->memory);
    case OPT_CACHE_DIR:
        free(o->cache_dir);
        o->cache_dir = strdup(arg);
        return o->cache_dir ? 0 : -ENOMEM;
    case OPT_CACHE_SIZE:
        return option_number(name, arg, 0, (uint64_t)1 << 40, &o->cache_size);
    case OPT_QUOTA:
        return option_number(name, arg, ARENA_CHUNK_SIZE, ARENA_DEFAULT_SIZE, &o->arena_quota);
    case OPT_SEGMENT:
        return option_number(name, arg, 65536, (uint64_t)64 << 20, &o->segment_size);
    case OPT_LOG:
        o->log = arg;
        return 0;
    case OPT_LEVEL:
        if (log_parse_level(arg, &o->log_level) == 0)
            return 0;
        fputs("jitd: --log-level must be error, warning, notice, info or debug\n", stderr);
        return -EINVAL;
    case OPT_CONFIG:
        o->config = arg;
        return 0;
    case OPT_STATE:
        free(o->state_dir);
        o->state_dir = strdup(arg);
        return o->state_dir ? 0 : -ENOMEM;
    case OPT_VERSION:
        printf("jitd %s (protocol %d, ABI %d)\n", JITD_VERSION, PROTOCOL_VERSION, JITD_ABI_VERSION);
        return 1;
    case OPT_HELP:
        fputs(usage, stdout);
        return 1;
    default:
        fputs(usage, stderr);
        return -EINVAL;
    }
}

/* ---- defaults ---- */

/* systemd gives a list of directories, of which the unit has one. */
static char *default_cache_dir(void) {
    const char *dir;
    char *path = NULL;
    int n;
    if ((dir = getenv("JITD_CACHE_DIR")))
        return strdup(dir);
    if ((dir = getenv("CACHE_DIRECTORY")) && *dir)
        return strndup(dir, strcspn(dir, ":"));
    if ((dir = getenv("XDG_CACHE_HOME")) && *dir == '/')
        n = asprintf(&path, "%s/jitd", dir);
    else if ((dir = getenv("HOME")) && *dir == '/')
        n = asprintf(&path, "%s/.cache/jitd", dir);
    else
        return strdup("");
    return n < 0 ? NULL : path;
}

/* Beside this program as installed, or where the build puts it. */
static char *default_worker(void) {
    static const char *const places[] = {"jitd-worker", "../worker/jitd-worker"};
    char self[PATH_MAX], *path = NULL;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return strdup("jitd-worker");
    self[n] = 0;
    *strrchr(self, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        free(path);
        if (asprintf(&path, "%s/%s", self, places[i]) < 0)
            return NULL;
        if (access(path, X_OK) == 0)
            return path;
    }
    return path;
}

/* systemd's is there for as long as the unit says; a private daemon's lies where its socket does, in a directory of the user's own. */
static char *default_state_dir(const Options *o) {
    const char *dir = getenv("RUNTIME_DIRECTORY");
    char *path = NULL;
    if (dir && *dir == '/')
        return strndup(dir, strcspn(dir, ":"));
    return o->socket && asprintf(&path, "%s.state", o->socket) >= 0 ? path : NULL;
}

static uint64_t default_quota(void) {
    struct sysinfo info;
    uint64_t half = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit / 2 : ARENA_DEFAULT_SIZE;
    return half < ARENA_DEFAULT_SIZE ? half : ARENA_DEFAULT_SIZE;
}

static unsigned default_max_workers(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 8 ? 8 : (unsigned)n;
}

int options_read(int argc, char **argv, Options *ret_options) {
    Options o = {.deadline_ms = 10000,
                 .worker_idle_ms = 60000,
                 .memory = (uint64_t)1 << 30,
                 .log_level = LOG_INFO,
                 .cache_size = CACHE_DEFAULT_SIZE,
                 .segment_size = (uint64_t)64 << 20};
    int r = 0, which, index = 0;
    o.arena_quota = default_quota();
    o.max_workers = default_max_workers();
    while (r == 0 && (which = getopt_long(argc, argv, "", long_options, &index)) != -1)
        r = option_set(&o, which, which == '?' ? "" : long_options[index].name, optarg);
    if (r == 0 && optind != argc) {
        fputs(usage, stderr);
        r = -EINVAL;
    }
    if (r == 0 && !o.worker)
        o.worker = default_worker();
    if (r == 0 && !o.cache_dir)
        o.cache_dir = default_cache_dir();
    if (r == 0 && !o.state_dir)
        o.state_dir = default_state_dir(&o);
    if (r == 0 && (!o.worker || !o.cache_dir))
        r = -ENOMEM;
    if (r == 0)
        *ret_options = o;
    else
        options_deinit(&o);
    return r;
}

void options_deinit(Options *options) {
    free(options->worker);
    free(options->cache_dir);
    free(options->state_dir);
    *options = (Options){0};
}
