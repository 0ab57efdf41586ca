/* What can be proved about another client without its help: that its process is dead, or that it has not run for a while.
 *
 * Nothing is reclaimed on a guess. A process is dead when no process of its number is left in the pid namespace in which it wrote the
 * number down; who is in another namespace, or may not ask, proves nothing. A number that was given to another process since makes a dead
 * one look alive, which costs memory and no safety. */
#include "shared-mem/arena_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t own_pid_space(void) {
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

void proof_introduce(Arena *a) {
    atomic_store_explicit(&a->me->self, (uint32_t)getpid(), memory_order_relaxed);
    atomic_store_explicit(&a->me->pid_space, own_pid_space(), memory_order_release); /* partner: number_of */
}

/* Its process's number, as we see it; 0: not known. */
static pid_t number_of(const Arena *a, uint32_t row) {
    uint64_t space = atomic_load_explicit(&arena_row(a, row)->pid_space, memory_order_acquire);
    if (!space || space != atomic_load_explicit(&a->me->pid_space, memory_order_relaxed))
        return 0;
    return (pid_t)atomic_load_explicit(&arena_row(a, row)->self, memory_order_relaxed);
}

static int is_dead(pid_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH || (errno != EINVAL && kill(pid, 0) < 0 && errno == ESRCH);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ended = poll(&p, 1, 0) == 1 && (p.revents & POLLIN); /* a zombie holds nothing any more */
    close(fd);
    return ended;
}

int proof_bury(Arena *a, uint32_t row) {
    uint64_t live =
        atomic_load_explicit(&arena_row(a, row)->state, memory_order_acquire); /* of this client and no later one */
    pid_t pid = number_of(a, row);
    if (row == a->row || SHM_ROW_KIND(live) != SHM_ROW_LIVE || pid <= 0 || !is_dead(pid) ||
        !atomic_compare_exchange_strong_explicit(&arena_row(a, row)->state, &live, SHM_ROW_STATE(SHM_ROW_DEAD, 0),
                                                 memory_order_acq_rel, memory_order_relaxed))
        return 0;
    atomic_fetch_add_explicit(&a->header->deaths, 1, memory_order_release);
    return 1;
}

int proof_bury_all(Arena *a) {
    int found = 0;
    for (uint32_t row = 1, top = arena_rows_used(a); row < top; row++)
        found += proof_bury(a, row);
    return found;
}

/* ---- sleep ---- */

uint64_t proof_processor_time(const Arena *a, uint32_t row) {
    clockid_t clock;
    struct timespec used;
    pid_t pid = number_of(a, row);
    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* "pid (name) S …": the name may hold anything, so the last parenthesis counts. */
static int thread_runs(int tasks, const char *name) {
    char path[64], text[256];
    snprintf(path, sizeof path, "%.32s/stat", name);
    int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT; /* it has ended */
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *end = strrchr(text, ')');
    return !end || end[1] != ' ' || !strchr("SDTtZXI", end[2]) || !end[2];
}

int proof_runs(const Arena *a, uint32_t row) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)number_of(a, row));
    DIR *tasks = opendir(path);
    int runs = !tasks;
    for (const struct dirent *d; !runs && (d = readdir(tasks));)
        if (d->d_name[0] != '.')
            runs = thread_runs(dirfd(tasks), d->d_name);
    if (tasks)
        closedir(tasks);
    return runs;
}
