/* Starts a private daemon: found beside this library or on the PATH, detached from everything of this process. */
#include "base/cleanup.h"
#include "client/lib/internal.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

static bool runnable(const char *path) {
    struct stat st;
    return path[0] == '/' && stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool found_at(const char *dir, size_t length, const char *tail, char path[PATH_MAX]) {
    return snprintf(path, PATH_MAX, "%.*s%s", (int)length, dir, tail) < PATH_MAX && runnable(path);
}

/* Where wheels (beside the extension) and prefixes (lib/x86_64-linux-gnu, lib, bin) have it. */
static bool found_beside(char path[PATH_MAX]) {
    Dl_info info;
    if (!dladdr((void *)(uintptr_t)spawn_daemon, &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    if (!slash)
        return false;
    static const char *const tails[] = {"/_bin/jitd", "/jitd", "/../bin/jitd", "/../../bin/jitd"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++)
        if (found_at(info.dli_fname, (size_t)(slash - info.dli_fname), tails[i], path))
            return true;
    return false;
}

static bool found_on_path(char path[PATH_MAX]) {
    const char *dirs = secure_getenv("PATH");
    while (dirs && *dirs) {
        size_t length = strcspn(dirs, ":");
        if (length && found_at(dirs, length, "/jitd", path))
            return true;
        dirs += length + (dirs[length] == ':');
    }
    return false;
}

static bool find_binary(const char *given, char path[PATH_MAX]) {
    if (!given || !given[0])
        given = secure_getenv("JITD_DAEMON");
    if (given && given[0])
        return found_at(given, strlen(given), "", path);
    return found_beside(path) || found_on_path(path);
}

/* What a service manager said to this process is not meant for the daemon. */
static char **daemon_environment(void) {
    static const char *const not_its[] = {
        "LISTEN_FDS=", "LISTEN_PID=", "LISTEN_FDNAMES=", "NOTIFY_SOCKET=", "WATCHDOG_"};
    size_t n = 0, kept = 0;
    while (environ && environ[n])
        n++;
    char **copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        bool keep = true;
        for (size_t k = 0; k < sizeof not_its / sizeof not_its[0]; k++)
            keep = keep && strncmp(environ[i], not_its[k], strlen(not_its[k])) != 0;
        if (keep)
            copy[kept++] = environ[i];
    }
    return copy;
}

/* From here on only async-signal-safe calls: the process may have had threads. */
static void close_all_but(int keep) {
    if (keep > 3)
        close_range(3, (unsigned)keep - 1, 0);
    close_range((unsigned)keep + 1, ~0u, 0);
}

static void default_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* It serves others, too, for which this program's limits are not meant. */
static void lift_limits(void) {
    static const int limits[] = {RLIMIT_AS,    RLIMIT_CORE,    RLIMIT_CPU,    RLIMIT_DATA,
                                 RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_NOFILE, RLIMIT_STACK};
    struct rlimit limit;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (getrlimit((__rlimit_resource_t)limits[i], &limit) == 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit((__rlimit_resource_t)limits[i], &limit);
        }
}

static _Noreturn void become_daemon(char **argv, char **env, int status) {
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; null >= 0 && i < 3; i++)
        dup2(null, i);
    default_signals();
    lift_limits();
    close_all_but(status);
    if (null < 0 || chdir("/") < 0)
        _exit(127);
    execve(argv[0], argv, env);
    int e = errno;
    (void)!write(status, &e, sizeof e);
    _exit(127);
}

/* Two forks: the daemon is nobody's child, so that no zombie and no SIGCHLD of it surprises the program later.
 * `status` is close-on-exec: it ends without a word when the daemon runs. */
static _Noreturn void detach(char **argv, char **env, int status) {
    setsid();
    pid_t pid = _Fork();
    if (pid == 0)
        become_daemon(argv, env, status);
    int e = errno;
    if (pid < 0)
        (void)!write(status, &e, sizeof e);
    _exit(0);
}

static int fork_and_wait(char **argv, char **env) {
    int fds[2], e = 0;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    cleanup_close int in = fds[0], out = fds[1];
    if (out < 3) { /* become_daemon would overwrite it */
        int moved = fcntl(out, F_DUPFD_CLOEXEC, 3);
        if (moved < 0)
            return -errno;
        close(out);
        out = moved;
    }
    pid_t pid = _Fork(); /* without the atfork handlers: the child does nothing that they are for */
    if (pid < 0)
        return -errno;
    if (pid == 0)
        detach(argv, env, out);
    close(steal_fd(out));
    ssize_t n;
    while ((n = read(in, &e, sizeof e)) < 0 && errno == EINTR)
        ;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return n == sizeof e ? -e : 0;
}

int spawn_daemon(const char *binary, const char *socket_path, char *error, size_t size) {
    char path[PATH_MAX];
    if (!find_binary(binary, path)) {
        snprintf(error, size, "no daemon runs and its program `jitd` is neither beside this library nor on the PATH");
        return -ENOENT;
    }
    cleanup_free char **env = daemon_environment();
    char *argv[] = {path, "--socket", (char *)(uintptr_t)socket_path, "--idle-exit", "60", NULL};
    int r = env ? fork_and_wait(argv, env) : -ENOMEM;
    if (r < 0)
        snprintf(error, size, "cannot start %s: %s", path, strerror(-r));
    return r;
}
