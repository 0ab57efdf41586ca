/* jitctl: what the daemon of this namespace has and does. Only asks; never starts a daemon. */
#include "client/cli/ctl.h"
#include <getopt.h>
#include <stdio.h>

static const char usage_text[] =
    "usage: jitctl [--socket PATH] [--namespace NAME] [--json] COMMAND\n"
    "  status             the daemon, its clients and its memory\n"
    "  classes            the compiled classes and functions\n"
    "  stats              all counters, and the time of each pass of the compiler\n"
    "  ir CLASS.METHOD    a method's LLVM IR; also of a class or function: ir CLASS, ir FUNCTION\n"
    "  asm CLASS.METHOD   its machine code, as text\n"
    "  --version          says which one it is\n";

static int usage(FILE *out, int code) {
    fputs(usage_text, out);
    return code;
}

typedef struct Command {
    const char *name;
    int (*run)(Ctl *);
    bool target;
} Command;

static const Command commands[] = {{"status", report_status, false},
                                   {"classes", report_classes, false},
                                   {"stats", report_stats, false},
                                   {"ir", dump_code, true},
                                   {"asm", dump_code, true}};

static const Command *find_command(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

static int run(const Command *command, const char *target, Ctl *ctl, const ClientOptions *options) {
    char error[512] = "";
    ctl->what = command->name;
    ctl->target = target;
    if (client_open(options, &ctl->client, error, sizeof error) < 0) {
        fprintf(stderr, "jitctl: %s\n", error);
        return 1;
    }
    int r = command->run(ctl);
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
        {"json", no_argument, NULL, 'j'},         {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {0}};
    ClientOptions options = {.daemon = "", .observe = 1};
    Ctl ctl = {.json = false};
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
    else if (command && argc - optind != 1 + command->target)
        fprintf(stderr, "jitctl: %s takes %s\n", command->name, command->target ? "one name" : "nothing more");
    else if (command)
        return run(command, argv[optind + 1], &ctl, &options);
    return usage(stderr, 2);
}
