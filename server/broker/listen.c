/* The listening socket; see listen.h.
 *
 * Ten daemons may be started for one path at once. A lock file beside it, held as long as the daemon lives, lets one
 * through; it alone removes a stale socket. The others wait until somebody serves, and leave. If it was held by a
 * daemon just about to exit, one of them gets the lock and serves. */
#include "server/broker/listen.h"
#include "base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define LISTEN_BACKLOG 128 /* who comes then waits at the door, and behind no more than these */
#define LISTEN_WAIT_STEPS 500
#define LISTEN_WAIT_NS 10000000 /* a step: 10 ms */
#define SYSTEMD_FIRST_FD 3
#define LISTEN_MAX_FDS 65536

static int listener_address(const char *path, struct sockaddr_un *ret_address) {
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof ret_address->sun_path)
        return -ENAMETOOLONG;
    strcpy(ret_address->sun_path, path);
    return 0;
}

/* The path with its directory resolved. That must be this user's, and nobody else may write to it: whoever can replace
 * the socket can hand out code. */
static int listener_resolve(const char *path, char **ret_path) {
    char directory[PATH_MAX];
    struct stat st;
    cleanup_free char *copy = strdup(path);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    if (!copy)
        return -ENOMEM;
    if (slash)
        *slash = 0;
    const char *parent = !slash ? "." : slash == copy ? "/" : copy;
    if (!realpath(parent, directory) || stat(directory, &st) < 0)
        return -errno;
    if (st.st_uid != geteuid() || (st.st_mode & 022))
        return -EPERM;
    return asprintf(ret_path, "%s/%s", directory, slash ? slash + 1 : path) < 0 ? -ENOMEM : 0;
}

/* The one who listens may be dead and its socket still be open for an instant: in a child that it was just about to start. */
static bool listener_lives(int fd) {
    struct ucred who;
    socklen_t size = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || who.pid <= 0 || kill(who.pid, 0) == 0 ||
           errno != ESRCH;
}

static bool listener_is_served(const struct sockaddr_un *address) {
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        return errno == EAGAIN;
    return listener_lives(fd);
}

static int listener_lock(const char *path, const struct sockaddr_un *address, int *ret_fd) {
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s.lock", path) >= (int)sizeof name)
        return -ENAMETOOLONG;
    cleanup_close int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    for (int step = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; step++) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (step == LISTEN_WAIT_STEPS || listener_is_served(address))
            return 1;
        nanosleep(&(struct timespec){.tv_nsec = LISTEN_WAIT_NS}, NULL);
    }
    *ret_fd = steal_fd(fd);
    return 0;
}

static int listener_bind(const struct sockaddr_un *address, int *ret_fd) {
    struct stat st;
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (lstat(address->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return -EEXIST;
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return -errno;
    mode_t old = umask(0177);
    int r = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
    umask(old);
    if (r == 0 && listen(fd, LISTEN_BACKLOG) < 0)
        r = -errno;
    if (r == 0)
        *ret_fd = steal_fd(fd);
    return r;
}

int listener_open(const char *path, Listener *ret_listener) {
    struct sockaddr_un address;
    cleanup_free char *resolved = NULL;
    cleanup_close int lock = -1;
    int fd = -1;
    int r = listener_resolve(path, &resolved);
    if (r == 0)
        r = listener_address(resolved, &address);
    if (r == 0)
        r = listener_lock(resolved, &address, &lock);
    if (r == 0)
        r = listener_bind(&address, &fd);
    if (r == 0)
        *ret_listener = (Listener){.fd = fd, .lock = steal_fd(lock), .path = steal_ptr(resolved)};
    return r;
}

void listener_hide(const Listener *listener) {
    if (listener->path)
        unlink(listener->path);
}

int listener_show(const Listener *listener) {
    struct sockaddr_un address;
    cleanup_close int fd = -1;
    if (!listener->path)
        return 0;
    int r = listener_address(listener->path, &address);
    if (r == 0)
        r = listener_bind(&address, &fd);
    return r == 0 && dup3(fd, listener->fd, O_CLOEXEC) < 0 ? -errno : r;
}

static bool is_listening(int fd) {
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

int listener_from_systemd(Listener *ret_listener, void (*stored)(int fd, const char *name)) {
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *given = getenv("LISTEN_FDNAMES");
    cleanup_free char *names = strdup(given ? given : "");
    char *rest = names, *name;
    long n = fds ? strtol(fds, NULL, 10) : 0;
    int listener = -1;
    if (!pid || n < 1 || n > LISTEN_MAX_FDS || strtol(pid, NULL, 10) != getpid())
        return 1;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (int fd = SYSTEMD_FIRST_FD; fd < SYSTEMD_FIRST_FD + n; fd++) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        name = rest ? strsep(&rest, ":") : NULL;
        if (listener < 0 && is_listening(fd))
            listener = fd;
        else
            stored(fd, name ? name : "");
    }
    if (listener < 0)
        return -ENOTSOCK;
    fcntl(listener, F_SETFL, O_NONBLOCK);
    *ret_listener = (Listener){.fd = listener, .lock = -1};
    return 0;
}

void listener_deinit(Listener *listener) {
    if (listener->path)
        unlink(listener->path);
    cleanup_closep(&listener->fd);
    cleanup_closep(&listener->lock);
    free(listener->path);
    *listener = LISTENER_NULL;
}
