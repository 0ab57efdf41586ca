/* The sandbox of a compiler process: resource limits and a system call filter; see sandbox.h.
 *
 * The compiler reads text that anybody may have written and runs a million lines of C++ on it. What it needs from the
 * kernel after its start is memory and its two pipes; everything else (opening files, sockets, other programs, executable
 * memory) kills the process, which costs one job. Nothing here is undone: a new process is started instead. */
#include "server/worker/sandbox.h"
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

static int sandbox_limit(int resource, uint64_t value) {
    struct rlimit limit = {value, value};
    return setrlimit(resource, &limit) ? -errno : 0;
}

/* AddressSanitizer reserves terabytes of address space for itself. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_MEMORY 0
#elif defined(__has_feature)
#define LIMIT_MEMORY !__has_feature(address_sanitizer)
#else
#define LIMIT_MEMORY 1
#endif

static int sandbox_limits(const SandboxLimits *limits) {
    int r = LIMIT_MEMORY ? sandbox_limit(RLIMIT_AS, limits->memory) : 0;
    r = r ? r : sandbox_limit(RLIMIT_CORE, 0);
    r = r ? r : sandbox_limit(RLIMIT_NOFILE, 0);
    r = r ? r : sandbox_limit(RLIMIT_FSIZE, 0);
    return r ? r : sandbox_limit(RLIMIT_NPROC, 0);
}

static int sandbox_allow_calls(scmp_filter_ctx filter) {
    static const int calls[] = {
        SCMP_SYS(read),          SCMP_SYS(write),           SCMP_SYS(writev),         SCMP_SYS(munmap),
        SCMP_SYS(brk),           SCMP_SYS(mremap),          SCMP_SYS(madvise),        SCMP_SYS(futex),
        SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),    SCMP_SYS(getrandom),      SCMP_SYS(sched_yield),
        SCMP_SYS(setitimer),     SCMP_SYS(rt_sigreturn),    SCMP_SYS(rt_sigprocmask), SCMP_SYS(exit),
        SCMP_SYS(exit_group),    SCMP_SYS(restart_syscall), SCMP_SYS(gettid),         SCMP_SYS(getpid),
        SCMP_SYS(sysinfo), /* qsort asks */
    };
    int r = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls && r == 0; i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    return r;
}

/* Memory yes, executable memory no. */
static int sandbox_allow_memory(scmp_filter_ctx filter) {
    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return r ? r
             : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int sandbox_filter(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return -ENOMEM;
    int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* for all threads that there are */
    r = r ? r : sandbox_allow_calls(filter);
    r = r ? r : sandbox_allow_memory(filter);
    /* abort() ends itself with a signal: the broker sees which. */
    r = r ? r : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0));
    r = r ? r : seccomp_load(filter);
    seccomp_release(filter);
    return r;
}

int sandbox_enter(const SandboxLimits *limits) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -errno;
    int r = sandbox_limits(limits);
    return r ? r : sandbox_filter();
}

static void sandbox_set_clock(unsigned seconds) {
    struct itimerval timer = {.it_value.tv_sec = (time_t)seconds};
    setitimer(ITIMER_PROF, &timer, NULL);
}

void sandbox_start_clock(const SandboxLimits *limits) {
    sandbox_set_clock(limits->cpu_seconds);
}

void sandbox_stop_clock(void) {
    sandbox_set_clock(0);
}
