/* The sandbox of a compiler process: what it allows works, what it forbids kills. Each case is a process of its own. */
#include "server/worker/sandbox.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const SandboxLimits limits = {.memory = (uint64_t)512 << 20, .cpu_seconds = 1};

/* Runs `act` in the sandbox; how the process ended, as waitpid says it. */
static int in_sandbox(int (*act)(void)) {
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        int r = sandbox_enter(&limits);
        syscall(SYS_exit_group, r ? 100 : act());
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void allowed(int (*act)(void)) {
    int status = in_sandbox(act);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %x", status);
}

static void killed_by(int signal_number, int (*act)(void)) {
    int status = in_sandbox(act);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == signal_number, "status %x", status);
}

static int do_compute(void) {
    struct timespec t;
    char *p = malloc((size_t)64 << 20);
    if (!p || clock_gettime(CLOCK_MONOTONIC, &t))
        return 1;
    memset(p, 1, (size_t)64 << 20);
    p = realloc(p, (size_t)128 << 20);
    return p && p[(64 << 20) - 1] == 1 ? 7 : 2;
}
Test(sandbox, memory_and_time) {
    allowed(do_compute);
}

static int do_write(void) {
    return write(STDERR_FILENO, "", 0) == 0 ? 7 : 1;
}
Test(sandbox, pipes) {
    allowed(do_write);
}

static int do_open(void) {
    return open("/etc/passwd", O_RDONLY) >= 0;
}
Test(sandbox, no_files) {
    killed_by(SIGSYS, do_open);
}

/* The second thread of the compiler is older than the sandbox. */
static sem_t there, inside;
static void *open_inside(void *unused) {
    sem_post(&there);
    while (sem_wait(&inside))
        ;
    open("/etc/passwd", O_RDONLY);
    syscall(SYS_exit_group, 7);
    return unused;
}
static _Noreturn int do_open_in_thread(void) {
    sem_post(&inside);
    for (;;)
        sched_yield();
}
Test(sandbox, no_files_for_threads_that_are_there) {
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        pthread_t thread;
        int r = sem_init(&there, 0, 0) || sem_init(&inside, 0, 0) || pthread_create(&thread, NULL, open_inside, NULL) ||
                sem_wait(&there) || sandbox_enter(&limits);
        syscall(SYS_exit_group, r ? 100 : do_open_in_thread());
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %x", status);
}

static int do_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}
Test(sandbox, no_sockets) {
    killed_by(SIGSYS, do_socket);
}

static int do_execve(void) {
    char *const argv[] = {"true", NULL};
    return execve("/bin/true", argv, argv + 1);
}
Test(sandbox, no_programs) {
    killed_by(SIGSYS, do_execve);
}

static int do_fork(void) {
    return (int)syscall(SYS_fork);
}
Test(sandbox, no_processes) {
    killed_by(SIGSYS, do_fork);
}

static int do_kill(void) {
    return kill(getppid(), 0);
}
Test(sandbox, no_signals) {
    killed_by(SIGSYS, do_kill);
}

static int do_executable_map(void) {
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}
Test(sandbox, no_executable_memory) {
    killed_by(SIGSYS, do_executable_map);
}

static int do_make_executable(void) {
    static char page[8192];
    char *at = (char *)(((uintptr_t)page + 4095) & ~(uintptr_t)4095);
    return mprotect(at, 4096, PROT_READ | PROT_EXEC);
}
Test(sandbox, no_memory_made_executable) {
    killed_by(SIGSYS, do_make_executable);
}

static int do_process_memory(void) {
    return (int)syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
}
Test(sandbox, no_other_processes_memory) {
    killed_by(SIGSYS, do_process_memory);
}

static int do_raise_limit(void) {
    return (int)syscall(SYS_prlimit64, 0, 0, NULL, NULL);
}
Test(sandbox, no_other_limits) {
    killed_by(SIGSYS, do_raise_limit);
}

/* AddressSanitizer would ask for the signal stack before a call that does not return; the sandbox has no such call. */
__attribute__((no_sanitize("address"))) static int do_abort(void) {
    abort();
}
Test(sandbox, abort_is_an_abort) {
    killed_by(SIGABRT, do_abort);
}

static _Noreturn int do_spin(void) {
    sandbox_start_clock(&limits);
    for (;;)
        __asm__ volatile("");
}
Test(sandbox, processor_time_ends) {
    killed_by(SIGPROF, do_spin);
}

#ifndef __SANITIZE_ADDRESS__
#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if !__has_feature(address_sanitizer)
static int do_eat_memory(void) {
    size_t got = 0;
    void *volatile seen = &got; /* an allocation that nobody looks at need not happen: gcc 16 leaves it out */
    for (; (seen = malloc((size_t)1 << 20)); got++)
        ;
    return got > 100 && got <= 512 ? 7 : 1;
}
Test(sandbox, memory_ends) {
    allowed(do_eat_memory);
}
#endif
#endif
