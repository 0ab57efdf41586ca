/* jitd-worker: the compiler as a process of its own, started by the broker with a pipe on standard input and output. */
#include "protocol/abi.h"
#include "protocol/messages.h"
#include "server/compiler/compiler.h"
#include "server/worker/serve.h"
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: jitd-worker [--memory BYTES] [--cpu SECONDS]\n"
    "Reads compilation jobs from standard input and answers on standard output; started by jitd.\n"
    "  --memory BYTES  of its own (default 1 GiB)\n"
    "  --cpu SECONDS   of processor time (default 60)\n"
    "  --version       says which one it is\n"
    "  --help          says this\n";

static int answer(int question) {
    if (question == 'v')
        printf("jitd-worker %s (protocol %d, ABI %d)\n", JITD_VERSION, PROTOCOL_VERSION, JITD_ABI_VERSION);
    else
        fputs(usage_text, stdout);
    return 0;
}

static int usage(void) {
    fputs(usage_text, stderr);
    return 2;
}

static bool parse_number(const char *text, unsigned long max, unsigned long *ret) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n == 0 || n > max)
        return false;
    *ret = n;
    return true;
}

static void fatal(const char *message) {
    fprintf(stderr, "jitd-worker: %s\n", message);
    serve_fatal(message);
}

static size_t memory_limit;

/* LLVM and the C++ library abort when there is no memory left. The broker wants to know that from other aborts: by the exit
 * status. Whether it was that is tried out; nothing else is safe in a signal handler. */
static void on_abort(int signal_number) {
    (void)signal_number;
    void *p = mmap(NULL, memory_limit / 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        _exit(ENOMEM);
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"memory", required_argument, NULL, 'm'},
                                            {"cpu", required_argument, NULL, 'c'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    unsigned long memory = 1ul << 30, cpu = 60;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (option == 'v' || option == 'h')
            return answer(option);
        else if (!(option == 'm' && parse_number(optarg, 1ul << 40, &memory)) &&
                 !(option == 'c' && parse_number(optarg, 86400, &cpu)))
            return usage();
    if (optind < argc)
        return usage();
    SandboxLimits limits = {.memory = memory, .cpu_seconds = (unsigned)cpu};
    memory_limit = memory;
    mallopt(M_TRIM_THRESHOLD,
            -1); /* serve.c trims; glibc opens a file before it makes the second thread's heap smaller */
    signal(SIGABRT, on_abort);
    signal(SIGXFSZ, SIG_IGN); /* standard error may be a file, to which the sandbox writes nothing: no reason to die */
    compiler_init(fatal);
    int r = sandbox_enter(&limits);
    if (r == 0)
        r = serve(STDIN_FILENO, STDOUT_FILENO, &limits);
    if (r < 0)
        fprintf(stderr, "jitd-worker: %s\n", strerror(-r));
    return r == -ENOMEM ? ENOMEM : r < 0;
}
