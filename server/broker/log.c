/* The daemon's log; see log.h. */
#include "server/broker/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int log_fd = STDERR_FILENO;

int log_open(const char *path) {
    if (!path)
        return 0;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return -errno;
    log_fd = fd;
    return 0;
}

void log_line(const char *format, ...) {
    char line[1024];
    struct timespec now;
    struct tm tm;
    va_list args;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ jitd: ", &tm);
    va_start(args, format);
    int m = vsnprintf(line + n, sizeof line - n - 1, format, args);
    va_end(args);
    size_t end = m < 0 ? n : n + (size_t)m;
    if (end > sizeof line - 2)
        end = sizeof line - 2;
    for (size_t i = 0; i < end; i++) /* what peers and workers say is quoted in it */
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    line[end] = '\n';
    if (write(log_fd, line, end + 1) < 0)
        return; /* there is nobody to tell */
}
