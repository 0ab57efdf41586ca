/* The daemon's log: one line per event, to a file or to stderr (which systemd takes into the journal). */
#pragma once

int log_open(const char *path); /* NULL: stderr; 0 or a negative errno */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
