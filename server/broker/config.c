/* Reading jitd.conf; see config.h. A line is empty, a comment (#), a heading ([user 1000], [namespace web], [user www-data namespace
 * web], [all]) or "name = value". What is wrong anywhere makes the whole file refused: half of somebody's limits are none. */
#include "server/broker/config.h"
#include "base/cleanup.h"
#include "shared-mem/arena.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 1024

typedef struct LimitName {
    const char *name;
    size_t offset;
    uint64_t min, max;
    bool bytes;
} LimitName;

static const LimitName limit_names[] = {
    {"arena-quota", offsetof(Limits, arena), ARENA_CHUNK_SIZE, ARENA_DEFAULT_SIZE, true},
    {"code-quota", offsetof(Limits, code), 65536, (uint64_t)2 << 30, true},
    {"connections", offsetof(Limits, connections), 1, 100000, false},
    {"arena-total", offsetof(Limits, arena_total), ARENA_CHUNK_SIZE, (uint64_t)1 << 50, true},
    {"compile-seconds", offsetof(Limits, compile_s), 1, CONFIG_HOUR_S * 1000, false},
};
#define N_LIMITS (sizeof limit_names / sizeof limit_names[0])
_Static_assert(N_LIMITS == sizeof(((LimitRule *)0)->set) / sizeof(bool), "one mark for each limit");

static uint64_t *limit_at(Limits *limits, size_t i) {
    return (uint64_t *)((char *)limits + limit_names[i].offset);
}

/* The text without blanks around it, in place. */
static char *strip(char *text) {
    while (isspace((unsigned char)*text))
        text++;
    size_t n = strlen(text);
    while (n && isspace((unsigned char)text[n - 1]))
        text[--n] = 0;
    return text;
}

static int parse_number(const char *text, bool bytes, uint64_t *ret) {
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    const char *unit = bytes && *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    int shift = unit ? (int)(unit - units + 1) * 10 : 0;
    if (unit)
        end++;
    if (errno || end == text || *text == '-' || *end || n > UINT64_MAX >> shift)
        return 1;
    *ret = n << shift;
    return 0;
}

static int parse_user(const char *text, uid_t *ret_uid) {
    uint64_t uid;
    if (parse_number(text, false, &uid) == 0 && uid < UINT32_MAX) {
        *ret_uid = (uid_t)uid;
        return 0;
    }
    const struct passwd *user = getpwnam(text);
    if (!user)
        return 1;
    *ret_uid = user->pw_uid;
    return 0;
}

static int wrong(char *error, size_t size, const char *what, const char *word) {
    snprintf(error, size, "%s: '%s'", what, word);
    return 1;
}

/* The inside of the brackets. */
static int read_heading(char *text, Config *config, char *error, size_t size) {
    LimitRule rule = {.any_user = true, .any_namespace = true};
    char *rest = text, *word, *value;
    bool all = !strcmp(text, "all");
    while (!all && (word = strsep(&rest, " "))) {
        if (!(value = strsep(&rest, " ")))
            return wrong(error, size, "a heading is [all], [user WHO], [namespace NAME] or both", word);
        if (!strcmp(word, "user") && parse_user(value, &rule.uid) == 0)
            rule.any_user = false;
        else if (!strcmp(word, "user"))
            return wrong(error, size, "there is no such user", value);
        else if (!strcmp(word, "namespace") && strlen(value) && strlen(value) <= CONFIG_NAMESPACE)
            rule.any_namespace = false, strcpy(rule.namespace_, value);
        else
            return wrong(error, size, "a heading is [all], [user WHO], [namespace NAME] or both", word);
    }
    if (config->nrules == CONFIG_MAX_RULES)
        return wrong(error, size, "too many headings; this one is over the limit of 256", text);
    config->rules[config->nrules++] = rule;
    return 0;
}

static int read_limit(const char *name, const char *value, Config *config, char *error, size_t size) {
    for (size_t i = 0; i < N_LIMITS; i++) {
        const LimitName *l = &limit_names[i];
        uint64_t n;
        if (strcmp(name, l->name))
            continue;
        if (parse_number(value, l->bytes, &n) || n < l->min || n > l->max) {
            snprintf(error, size, "%s must be from %" PRIu64 " to %" PRIu64 "%s, not '%s'", name, l->min, l->max,
                     l->bytes ? " bytes (K, M, G and T may follow the number)" : "", value);
            return 1;
        }
        LimitRule *rule = &config->rules[config->nrules - 1];
        rule->set[i] = true;
        *limit_at(&rule->limits, i) = n;
        return 0;
    }
    return wrong(error, size, "there is no such setting", name);
}

static int read_line(char *text, Config *config, char *error, size_t size) {
    char *line = strip(text), *equals = strchr(line, '=');
    size_t n = strlen(line);
    if (!n || *line == '#')
        return 0;
    if (*line == '[' && line[n - 1] == ']') {
        line[n - 1] = 0;
        return read_heading(strip(line + 1), config, error, size);
    }
    if (!equals)
        return wrong(error, size, "a line is a heading in [ ], or NAME = VALUE", line);
    *equals = 0;
    const char *name = strip(line), *value = strip(equals + 1);
    if (strcmp(name, "log-level"))
        return read_limit(name, value, config, error, size);
    return log_parse_level(value, &config->log_level)
               ? wrong(error, size, "log-level is error, warning, notice, info or debug, not", value)
               : 0;
}

static void close_file(FILE **file) {
    if (*file)
        fclose(*file);
}

int config_read(const char *path, Config *ret_config, char *error, size_t size) {
    char line[LINE_MAX_BYTES], what[LINE_MAX_BYTES + 256];
    cleanup(close_file) FILE *file = fopen(path, "re");
    cleanup_free Config *config = malloc(sizeof *config);
    if (!file || !config) {
        snprintf(error, size, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? -ENOENT : 1;
    }
    *config = *ret_config;
    config->rules[0] = (LimitRule){.any_user = true, .any_namespace = true}; /* before the first heading */
    config->nrules = 1;
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        if (!strchr(line, '\n') && !feof(file))
            return snprintf(error, size, "%s:%d: a line has at most %d bytes", path, number, LINE_MAX_BYTES - 2), 1;
        if (read_line(line, config, what, sizeof what))
            return snprintf(error, size, "%s:%d: %s", path, number, what), 1;
    }
    *ret_config = *config;
    return 0;
}

Limits config_limits(const Config *config, uid_t uid, Str namespace_) {
    Limits limits = config->defaults;
    for (size_t k = 0; k < config->nrules; k++) {
        const LimitRule *rule = &config->rules[k];
        if ((!rule->any_user && rule->uid != uid) || (!rule->any_namespace && !str_eq_c(namespace_, rule->namespace_)))
            continue;
        for (size_t i = 0; i < N_LIMITS; i++)
            if (rule->set[i])
                *limit_at(&limits, i) = *limit_at((Limits *)&rule->limits, i);
    }
    return limits;
}
