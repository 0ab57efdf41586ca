/* Which socket to talk to, and whether who listens there may be believed: it is going to give this process code to
 * run. */
#include "base/cleanup.h"
#include "client/lib/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define SYSTEM_DIR "/run/jitd"
#define SYSTEM_SOCKET SYSTEM_DIR "/jitd.sock"
#define SOCKET_NAME "/jitd.sock"
#define PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

int64_t clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Root, ourselves, or the daemon's own user: the owner of a directory that only root can make in /run. */
static bool peer_trusted(int fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof peer)
        return false;
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    struct stat st;
    return lstat(SYSTEM_DIR, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == peer.uid;
}

int connect_path(const char *path, int *ret_socket) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct timeval patience = {.tv_sec = CLIENT_START_MS / 1000}; /* for a daemon that hangs with a full backlog */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int r;
    do
        r = connect(fd, (struct sockaddr *)&address, sizeof address);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    if (!peer_trusted(fd))
        return -EPERM;
    *ret_socket = steal_fd(fd);
    return 0;
}

/* A directory that nobody else can put a socket into: 0, or a negative errno. /tmp is sticky: what is ours there
 * stays. */
static int private_dir(const char *path) {
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    return st.st_uid == geteuid() && !(st.st_mode & 077) ? 0 : -EPERM;
}

/* `base` with `tail` behind it, if it is a private directory and leaves room for the socket's name. */
static int private_path_in(const char *base, const char *tail, char path[PATH_SIZE]) {
    if (!base || base[0] != '/' || strlen(base) + strlen(tail) + sizeof SOCKET_NAME > PATH_SIZE)
        return -ENAMETOOLONG;
    snprintf(path, PATH_SIZE, "%s%s", base, tail);
    int r = private_dir(path);
    if (r == 0)
        strcat(path, SOCKET_NAME);
    return r;
}

/* Below the home directory, where nobody else can be first. */
static int home_path(char path[PATH_SIZE]) {
    const char *home = secure_getenv("HOME");
    static const char *const above[] = {"/.cache", "/.cache/jitd"};
    char dir[PATH_SIZE];
    for (size_t i = 0; home && i < sizeof above / sizeof above[0]; i++)
        if (snprintf(dir, sizeof dir, "%s%s", home, above[i]) < (int)sizeof dir)
            mkdir(dir, 0700);
    return private_path_in(home, "/.cache/jitd/run", path);
}

/* The private daemon's socket; makes its directory. XDG_RUNTIME_DIR may be another user's (su, sudo) or not there at all, and in /tmp
 * anybody may have taken the name before. */
static int private_path(char path[PATH_SIZE], char *error, size_t size) {
    char usual[64];
    snprintf(usual, sizeof usual, "/tmp/jitd-%u", (unsigned)geteuid());
    if (private_path_in(secure_getenv("XDG_RUNTIME_DIR"), "/jitd", path) == 0)
        return 0;
    int r = private_path_in(usual, "", path);
    if (r == 0 || home_path(path) == 0)
        return 0;
    snprintf(error, size,
             r == -EPERM ? "%s is not a directory of this user alone (mode 0700), and ~/.cache/jitd/run cannot be one"
                         : "%s: %s, and ~/.cache/jitd/run cannot be used",
             usual, strerror(-r));
    return r;
}

static bool nobody_listens(int r) {
    return r == -ENOENT || r == -ECONNREFUSED;
}

static int failed(int r, const char *path, char *error, size_t size) {
    if (nobody_listens(r))
        snprintf(error, size, "no daemon listens at %s", path);
    else if (r == -EPERM)
        snprintf(error, size, "the daemon at %s runs as another user", path);
    else
        snprintf(error, size, "%s: %s", path, strerror(-r));
    return r;
}

static int keep_path(Client *client, const char *path) {
    free(client->path);
    client->path = strdup(path);
    return client->path ? 0 : -ENOMEM;
}

static int connect_to(Client *client) {
    ClientPause pause;
    client_unlock(client, &pause);
    int r = connect_path(client->path, &client->socket);
    client_lock(client, &pause);
    return r;
}

void connect_pause(const Client *client) {
    ClientPause pause;
    client_unlock(client, &pause);
    usleep(1000);
    client_lock(client, &pause);
}

static int connect_exactly(Client *client, const char *path, char *error, size_t size) {
    int r = keep_path(client, path);
    if (r == 0)
        r = connect_to(client);
    return r < 0 ? failed(r, path, error, size) : 0;
}

/* The daemon itself makes sure that it is the only one, so everybody who finds none starts one and waits for whichever
 * won. */
static int connect_starting(Client *client, const char *binary, int64_t deadline, char *error, size_t size) {
    int r = spawn_daemon(binary, client->path, error, size);
    if (r < 0)
        return r;
    do {
        connect_pause(client);
        r = connect_to(client);
    } while ((nobody_listens(r) || r == -EAGAIN) && clock_ms() < deadline);
    if (nobody_listens(r))
        snprintf(error, size, "the daemon that was started does not listen at %s", client->path);
    else if (r < 0)
        failed(r, client->path, error, size);
    return r;
}

int connect_any(Client *client, const ClientOptions *options, int64_t deadline, char *error, size_t size) {
    const char *chosen = options->socket ? options->socket : secure_getenv("JITD_SOCKET");
    if (chosen && chosen[0])
        return connect_exactly(client, chosen, error, size);
    int r = connect_path(SYSTEM_SOCKET, &client->socket);
    if (r == 0)
        return keep_path(client, SYSTEM_SOCKET);
    char path[PATH_SIZE];
    r = private_path(path, error, size);
    if (r < 0)
        return r;
    client->may_start = !options->next_daemon || options->next_daemon[0];
    if (client->may_start && options->next_daemon && !client->daemon &&
        !(client->daemon = strdup(options->next_daemon)))
        return -ENOMEM;
    r = connect_exactly(client, path, error, size);
    if (!nobody_listens(r) || (options->daemon && !options->daemon[0]))
        return r;
    return connect_starting(client, options->daemon, deadline, error, size);
}
