/* One request of HTTP/1 on a connection that somebody else has accepted. */
#pragma once
#include "base/str.h"
#include <stdbool.h>

typedef enum HttpStatus {
    HTTP_GONE = 0, /* hung up before it asked: there is nobody to answer */
    HTTP_OK = 200,
    HTTP_MALFORMED = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_WRONG_METHOD = 405,
    HTTP_SLOW = 408,
    HTTP_LARGE = 431,
    HTTP_UNAVAILABLE = 503,
} HttpStatus;

/* From now on the process has 10 s: whoever does not read what it asked for keeps none. A peer that is gone is an error of a write, no
 * signal. */
void http_begin(int in, int out);
/* Reads the head of a request, of at most 8 KiB and for at most 5 s; HTTP_OK: it wants `path`. */
HttpStatus http_read(int in, const char *path, bool *ret_head_only);
/* Answers, then waits a little until the peer has read it. 0 or a negative errno. */
int http_answer(int in, int out, HttpStatus status, bool head_only, Str body);
