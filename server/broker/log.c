/* The daemon's log; see log.h. */
#include "server/broker/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int log_fd = STDERR_FILENO;
static int log_to_journal;
static LogLevel log_level = LOG_INFO;
static LogEntry kept[LOG_KEPT];
static uint64_t kept_end;

static const char *const level_names[] = {[LOG_ERROR] = "error",
                                          [LOG_WARNING] = "warning",
                                          [LOG_NOTICE] = "notice",
                                          [LOG_INFO] = "info",
                                          [LOG_DEBUG] = "debug"};

/* systemd says which stream is the journal's: standard error may have been led elsewhere since. */
static int stderr_is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
           st.st_dev == device && st.st_ino == inode;
}

int log_open(const char *path) {
    log_to_journal = !path && stderr_is_journal();
    if (!path)
        return 0;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return -errno;
    if (log_fd != STDERR_FILENO) /* opened again, after somebody moved the old file away */
        close(log_fd);
    log_fd = fd;
    return 0;
}

void log_set_level(LogLevel level) {
    log_level = level;
}

int log_parse_level(const char *name, LogLevel *ret_level) {
    for (LogLevel level = LOG_ERROR; level <= LOG_DEBUG; level++)
        if (!strcmp(name, level_names[level])) {
            *ret_level = level;
            return 0;
        }
    return 1;
}

const char *log_level_name(LogLevel level) {
    return level >= LOG_ERROR && level <= LOG_DEBUG ? level_names[level] : "notice";
}

/* What peers and workers say is quoted in it. */
static void make_one_line(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
}

static void log_write(const LogEntry *entry, const char *text) {
    char line[1200];
    time_t seconds = (time_t)(entry->ms / 1000);
    struct tm tm;
    int n;
    if (log_to_journal) {
        n = snprintf(line, sizeof line, "<%d>%s\n", entry->level, text);
    } else {
        gmtime_r(&seconds, &tm);
        size_t at = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ jitd: ", &tm);
        n = (int)at + snprintf(line + at, sizeof line - at, "%s: %s\n", log_level_name(entry->level), text);
    }
    if (n > 0 && write(log_fd, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
        return; /* there is nobody to tell */
}

static void log_vabout(LogLevel level, uid_t uid, const char *format, va_list args) {
    char text[1024];
    struct timespec now;
    if (level > log_level)
        return;
    LogEntry *entry = &kept[kept_end++ % LOG_KEPT];
    clock_gettime(CLOCK_REALTIME, &now);
    *entry =
        (LogEntry){.ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000, .level = level, .uid = uid};
    vsnprintf(text, sizeof text, format, args);
    make_one_line(text);
    snprintf(entry->text, sizeof entry->text, "%.*s", (int)sizeof entry->text - 1, text);
    log_write(entry, text);
}

void log_at(LogLevel level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_vabout(level, LOG_OF_ALL, format, args);
    va_end(args);
}

void log_about(LogLevel level, uid_t uid, const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_vabout(level, uid, format, args);
    va_end(args);
}

const LogEntry *log_entry(uint64_t at, uint64_t *ret_first, uint64_t *ret_end) {
    *ret_first = kept_end > LOG_KEPT ? kept_end - LOG_KEPT : 0;
    *ret_end = kept_end;
    return at >= *ret_first && at < kept_end ? &kept[at % LOG_KEPT] : NULL;
}
