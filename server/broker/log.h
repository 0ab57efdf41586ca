/* The daemon's log: one line per event, to a file or to stderr, and the last ones kept for `jitctl log`. What systemd takes into the
 * journal has the level in front of it (sd-daemon(3)); elsewhere the time is. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

typedef enum LogLevel { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 } LogLevel;

#define LOG_OF_ALL ((uid_t) - 1) /* concerns the daemon, not one user */
#define LOG_KEPT 512             /* lines */
#define LOG_LINE 400             /* bytes of a kept line's text */

typedef struct LogEntry {
    uint64_t ms; /* since 1970 */
    LogLevel level;
    uid_t uid;
    char text[LOG_LINE];
} LogEntry;

int log_open(const char *path);                             /* NULL: stderr; 0 or a negative errno */
void log_set_level(LogLevel level);                         /* what is less urgent is not said */
int log_parse_level(const char *name, LogLevel *ret_level); /* "error" ... "debug": 0, or 1 */
const char *log_level_name(LogLevel level);
void log_at(LogLevel level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_about(LogLevel level, uid_t uid, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define log_line(...) log_at(LOG_NOTICE, __VA_ARGS__)

/* The kept lines from the oldest on: entry number `at` of the process's life, or NULL. *ret_first is the oldest one's number. */
const LogEntry *log_entry(uint64_t at, uint64_t *ret_first, uint64_t *ret_end);
