/* sd_notify's protocol, spoken plainly; see notify.h. */
#include "server/broker/notify.h"
#include "base/cleanup.h"
#include "protocol/fdpass.h"
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

static int notify_address(struct sockaddr_un *ret_address, socklen_t *ret_size) {
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof ret_address->sun_path)
        return 0;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_address->sun_path, path, strlen(path));
    if (path[0] == '@')
        ret_address->sun_path[0] = 0;
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    return 1;
}

static int notify_send(const char *state, const int *fds, size_t nfds) {
    struct sockaddr_un address;
    socklen_t size;
    if (!notify_address(&address, &size))
        return 0;
    cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
        return 0;
    return fdpass_send(fd, state, strlen(state), fds, nfds, 0) > 0;
}

int notify_systemd(const char *state) {
    return notify_send(state, NULL, 0);
}

void notify_reloading(void) {
    char text[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    notify_systemd(text);
}

int notify_store(int fd, const char *name) {
    char text[320];
    snprintf(text, sizeof text, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
    return notify_send(text, &fd, 1);
}

void notify_unstore(const char *name) {
    char text[320];
    snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
    notify_systemd(text);
}

static void notify_alive(uv_timer_t *timer) {
    (void)timer;
    notify_systemd("WATCHDOG=1");
}

int notify_watchdog_start(uv_loop_t *loop, uv_timer_t *timer) {
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t period = usec ? strtoull(usec, NULL, 10) / 1000 : 0;
    int r = uv_timer_init(loop, timer);
    if (r < 0)
        return r;
    if (!period || (pid && strtol(pid, NULL, 10) != getpid()))
        return 1;
    return uv_timer_start(timer, notify_alive, 0, period > 3 ? period / 3 : 1);
}
