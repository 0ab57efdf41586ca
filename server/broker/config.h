/* The configuration file (jitd.conf): limits for everybody, for a user, for a namespace. Read at the start and on SIGHUP. */
#pragma once
#include "base/str.h"
#include "server/broker/log.h"
#include <stdint.h>
#include <sys/types.h>

#define CONFIG_MAX_RULES 256
#define CONFIG_NAMESPACE 64
#define CONFIG_HOUR_S 3600
#define CONFIG_ERROR 2048 /* bytes that say what is wrong with it */

typedef struct Limits {
    uint64_t arena;       /* bytes of a namespace's shared objects */
    uint64_t code;        /* bytes of a namespace's machine code */
    uint64_t connections; /* of a user */
    uint64_t arena_total; /* bytes of the shared objects of all of a user's namespaces */
    uint64_t compile_s;   /* seconds of compiling of a user in an hour */
} Limits;

typedef struct LimitRule {
    bool any_user, any_namespace;
    uid_t uid;
    char namespace_[CONFIG_NAMESPACE + 1];
    bool set[5]; /* of the limits, in their order */
    Limits limits;
} LimitRule;

typedef struct Config {
    Limits defaults; /* where no rule says otherwise */
    LogLevel log_level;
    LimitRule rules[CONFIG_MAX_RULES];
    size_t nrules;
} Config;

/* Reads the file into *ret_config, whose defaults are set. 0; or 1 with what is wrong, and where, in `error`: *ret_config is
 * unchanged then. -ENOENT: there is no such file. */
int config_read(const char *path, Config *ret_config, char *error, size_t size);
/* The later rule wins, field by field. An empty namespace is none: rules for a namespace do not count. */
Limits config_limits(const Config *config, uid_t uid, Str namespace_);
