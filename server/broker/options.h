/* The daemon's command line and environment. */
#pragma once
#include "server/broker/log.h"
#include <stdint.h>

typedef struct Options {
    const char *socket;
    char *worker, *cache_dir; /* cache_dir "": none */
    const char *log, *config; /* config NULL: there is no file */
    char *state_dir;          /* of what the next daemon has to know; NULL: it is not told */
    LogLevel log_level;
    unsigned idle_exit_s, max_workers, deadline_ms, worker_idle_ms;
    uint64_t memory, cache_size, arena_quota, segment_size;
} Options;

/* 0: run; 1: it was a question (--help, --version) and is answered; -EINVAL: it was wrong and that has been said on stderr. */
int options_read(int argc, char **argv, Options *ret_options);
void options_deinit(Options *options);
