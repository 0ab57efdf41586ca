/* jitctl: what the daemon of this namespace has and does. Only asks; never starts a daemon. */
#include "client/cli/ctl.h"
#include <getopt.h>
#include <stdio.h>

typedef struct Command {
    const char *name, *takes; /* takes: what follows it; in brackets: may follow; NULL: nothing */
    int (*run)(Ctl *);        /* NULL: doctor, which needs no daemon */
    const char *help;
} Command;

static const Command commands[] = {
    {"status", NULL, report_status, "the daemon, its clients and its memory"},
    {"top", NULL, top_run, "the same with all namespaces and clients, live"},
    {"classes", NULL, report_classes, "the compiled classes and functions"},
    {"names", NULL, operate_names, "the published names, and their objects' places in the arena"},
    {"clients", NULL, operate_clients, "the attached processes"},
    {"namespaces", NULL, operate_namespaces, "what each namespace has, and may have"},
    {"arena", NULL, arena_show, "the objects by class, by process and by age; with --svg a picture of the memory"},
    {"stats", NULL, report_stats, "all counters, and the time of each pass of the compiler"},
    {"metrics", NULL, metrics_print, "the figures in Prometheus's text format"},
    {"log", "[follow]", operate_log, "the daemon's last log lines (follow: and those to come)"},
    {"ir", "CLASS.METHOD", dump_code, "a method's LLVM IR; also of a CLASS or a FUNCTION"},
    {"asm", "CLASS.METHOD", dump_code, "its machine code, as text"},
    {"purge", "namespace|cache", operate_purge, "forgets the namespace, if nobody uses it, or empties the disk cache"},
    {"doctor", NULL, NULL, "looks at limits, paths, permissions and versions, and says what to do"},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static int usage(FILE *out, int code) {
    fputs("usage: jitctl [--socket PATH] [--namespace NAME] [--json] COMMAND\n"
          "Tells what the jitd daemon of this user, or of the machine, has and does. It never starts one.\n",
          out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-11s%-17s%s\n", commands[i].name, commands[i].takes ? commands[i].takes : "",
                commands[i].help);
    fputs("  --socket PATH     ask this daemon (default: $JITD_SOCKET, the system's, or the user's private one)\n"
          "  --namespace NAME  in this namespace (default: $JITD_NAMESPACE, or \"default\")\n"
          "  --json            for programs\n"
          "  --svg             arena's picture\n"
          "  --http            metrics: answers an HTTP request for /metrics on standard input\n"
          "  --version         says which one it is\n"
          "  --help            says this\n",
          out);
    return code;
}

static const Command *find_command(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* Whether `n` words may follow the command. */
static bool takes(const Command *command, int n) {
    if (!command->takes)
        return n == 0;
    return n == 1 || (n == 0 && command->takes[0] == '[');
}

static int run(const Command *command, const char *target, Ctl *ctl, ClientOptions *options) {
    char error[512] = "";
    options->observe = command->run != arena_show; /* whoever looks at the arena has to map it */
    ctl->what = command->name;
    ctl->target = target;
    if (command->run && client_open(options, &ctl->client, error, sizeof error) < 0) {
        fprintf(stderr, "jitctl: %s\n", error);
        return 1;
    }
    int r = command->run ? command->run(ctl) : doctor_run(options);
    client_close(ctl->client);
    if (fflush(stdout) || ferror(stdout)) {
        perror("jitctl");
        return 1;
    }
    return r;
}

int main(int argc, char **argv) {
    static const struct option long_options[] = {
        {"socket", required_argument, NULL, 's'}, {"namespace", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},         {"svg", no_argument, NULL, 'g'},
        {"http", no_argument, NULL, 'w'},         {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {0}};
    ClientOptions options = {.daemon = "", .next_daemon = "", .observe = 1};
    Ctl ctl = {.json = false};
    bool http = false;
    for (int c; (c = getopt_long(argc, argv, "s:n:jh", long_options, NULL)) != -1;)
        switch (c) {
        case 's':
            options.socket = optarg;
            break;
        case 'n':
            options.namespace_ = optarg;
            break;
        case 'j':
            ctl.json = true;
            break;
        case 'g':
            ctl.svg = true;
            break;
        case 'w':
            http = true;
            break;
        case 'v':
            return printf("jitctl %s (protocol %d)\n", JITD_VERSION, PROTOCOL_VERSION) < 0;
        case 'h':
            return usage(stdout, 0);
        default:
            return usage(stderr, 2);
        }
    const Command *command = optind < argc ? find_command(argv[optind]) : NULL;
    if (!command && optind < argc)
        fprintf(stderr, "jitctl: there is no command '%s'\n", argv[optind]);
    else if (command && !takes(command, argc - optind - 1))
        fprintf(stderr, "jitctl: %s takes %s\n", command->name, command->takes ? command->takes : "nothing more");
    else if (http && command && command->run != metrics_print)
        fprintf(stderr, "jitctl: --http is for metrics\n");
    else if (command && http)
        return metrics_serve(&options);
    else if (command)
        return run(command, argv[optind + 1], &ctl, &options);
    return usage(stderr, 2);
}
