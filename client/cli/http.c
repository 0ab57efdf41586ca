/* http: as much of a server as a Prometheus needs (RFC 9112). Whoever connects is not believed: what is read has bounds of size and time, and
 * nothing of it comes back in an answer. */
#include "client/cli/http.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 8192
#define HEAD_MS 5000
#define LIFE_SECONDS 10
#define LEAVE_MS 1000
#define LEAVE_MAX 65536 /* bytes that are thrown away */

typedef struct Head {
    char text[HEAD_MAX];
    size_t len;
} Head;

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void make_blocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

void http_begin(int in, int out) {
    signal(SIGPIPE, SIG_IGN);
    alarm(LIFE_SECONDS);
    make_blocking(in);
    make_blocking(out);
}

/* What read gives, or -ETIME where nothing comes until `end`. */
static ssize_t read_until(int fd, int64_t end, void *buffer, size_t size) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = end - now_ms();
    int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
    if (ready == 0)
        return -ETIME;
    ssize_t n = ready < 0 ? -1 : read(fd, buffer, size);
    return n < 0 ? -errno : n;
}

static bool is_whole(const Head *h) {
    return memmem(h->text, h->len, "\r\n\r\n", 4) || memmem(h->text, h->len, "\n\n", 2);
}

static HttpStatus read_head(int fd, Head *h) {
    int64_t end = now_ms() + HEAD_MS;
    while (!is_whole(h)) {
        if (h->len == sizeof h->text)
            return HTTP_LARGE;
        ssize_t n = read_until(fd, end, h->text + h->len, sizeof h->text - h->len);
        if (n == -ETIME)
            return HTTP_SLOW;
        if (n <= 0)
            return h->len ? HTTP_MALFORMED : HTTP_GONE;
        h->len += (size_t)n;
    }
    return HTTP_OK;
}

/* Takes the word before the first `end` off the line; empty: there is none. */
static Str take_word(Str *line, char end) {
    const char *at = memchr(line->ptr, end, line->len);
    if (!at)
        return STR_NULL;
    Str word = {line->ptr, (size_t)(at - line->ptr)};
    *line = str_slice(*line, word.len + 1, line->len);
    return word;
}

static bool is_version(Str s) {
    return s.len == 8 && !memcmp(s.ptr, "HTTP/1.", 7) && s.ptr[7] >= '0' && s.ptr[7] <= '9';
}

static HttpStatus judge(Str text, const char *path, bool *ret_head_only) {
    Str line = take_word(&text, '\n');
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    Str method = take_word(&line, ' '), target = take_word(&line, ' ');
    if (!method.len || !target.len || !is_version(line))
        return HTTP_MALFORMED;
    *ret_head_only = str_eq_c(method, "HEAD");
    if (!*ret_head_only && !str_eq_c(method, "GET"))
        return HTTP_WRONG_METHOD;
    const char *query = memchr(target.ptr, '?', target.len);
    if (query)
        target.len = (size_t)(query - target.ptr);
    return str_eq_c(target, path) ? HTTP_OK : HTTP_NOT_FOUND;
}

HttpStatus http_read(int in, const char *path, bool *ret_head_only) {
    Head head = {.len = 0};
    *ret_head_only = false;
    HttpStatus status = read_head(in, &head);
    return status == HTTP_OK ? judge((Str){head.text, head.len}, path, ret_head_only) : status;
}

static const char *reason(HttpStatus status) {
    switch (status) {
    case HTTP_GONE:
        break;
    case HTTP_OK:
        return "OK";
    case HTTP_MALFORMED:
        return "Bad Request";
    case HTTP_NOT_FOUND:
        return "Not Found";
    case HTTP_WRONG_METHOD:
        return "Method Not Allowed";
    case HTTP_SLOW:
        return "Request Timeout";
    case HTTP_LARGE:
        return "Request Header Fields Too Large";
    case HTTP_UNAVAILABLE:
        return "Service Unavailable";
    }
    return "";
}

static int write_all(int fd, Str s) {
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno != EINTR)
            return -errno;
        s = str_slice(s, n > 0 ? (size_t)n : 0, s.len);
    }
    return 0;
}

/* What was never read makes a socket's close a reset, which takes the answer away from the peer again. */
static void leave(int in, int out) {
    char scrap[4096];
    int64_t end = now_ms() + LEAVE_MS;
    shutdown(out, SHUT_WR);
    for (size_t all = 0; all < LEAVE_MAX;) {
        ssize_t n = read_until(in, end, scrap, sizeof scrap);
        if (n <= 0)
            return;
        all += (size_t)n;
    }
}

int http_answer(int in, int out, HttpStatus status, bool head_only, Str body) {
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.0 %d %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                     "Content-Length: %zu\r\n%sConnection: close\r\n\r\n",
                     status, reason(status), body.len, status == HTTP_WRONG_METHOD ? "Allow: GET, HEAD\r\n" : "");
    int r = write_all(out, (Str){head, (size_t)n});
    if (r == 0 && !head_only)
        r = write_all(out, body);
    if (r == 0)
        leave(in, out);
    return r;
}
