/* doctor: looks at what jitd needs of this machine and this user, says what is wrong and what to do. Asks no daemon to be there. */
#include "client/cli/ctl.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#define SYSTEM_DIR "/run/jitd"
#define SPACE_NEEDED ((uint64_t)9 << 30)

static int complaints;

static void good(const char *what) {
    printf("ok    %s\n", what);
}

static void bad(const char *what, const char *remedy) {
    complaints++;
    printf("WRONG %s\n      -> %s\n", what, remedy);
}

static void check_space(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < SPACE_NEEDED)
        bad("the limit on address space (ulimit -v) is below 9 GiB: classes stay Python",
            "raise it: jitd maps 8 GiB of addresses, not of memory");
    else
        good("address space");
}

static void check_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < 4096)
        bad("the hard limit on open files (ulimit -Hn) is below 4096: a private daemon serves few clients",
            "raise it in /etc/security/limits.conf, or use the system's daemon");
    else
        good("open files");
}

static void check_memfd(void) {
    int fd = memfd_create("jitd-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("jitd-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *code = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, 4096) == 0)
        code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (fd < 0)
        bad("memfd_create does not work here", "let the container or seccomp filter allow memfd_create");
    else if (code == MAP_FAILED)
        bad("memory of a memfd cannot be mapped executable",
            "allow it in SELinux or AppArmor; without it classes stay Python");
    else
        good("shared memory that can be executed, and is never writable then");
    if (code != MAP_FAILED)
        munmap(code, 4096);
    if (fd >= 0)
        close(fd);
}

static void check_directory(const char *path, uid_t owner, mode_t others, const char *remedy) {
    struct stat st;
    char text[600];
    if (lstat(path, &st) < 0) {
        snprintf(text, sizeof text, "%s is not there yet", path);
        good(text);
        return;
    }
    if (!S_ISDIR(st.st_mode) || st.st_uid != owner || (st.st_mode & others)) {
        snprintf(text, sizeof text,
                 "%s is not a directory of uid %u that others keep out of (it is uid %u's, mode %03o)", path,
                 (unsigned)owner, (unsigned)st.st_uid, (unsigned)st.st_mode & 0777);
        bad(text, remedy);
    } else {
        good(path);
    }
}

static void check_paths(void) {
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *cache = getenv("JITD_CACHE_DIR"), *home = getenv("HOME");
    char path[512];
    if (access(SYSTEM_DIR, F_OK) == 0)
        check_directory(SYSTEM_DIR, 0, 022,
                        "chown root:root and chmod 755: clients trust the system's socket only there");
    if (runtime && *runtime)
        snprintf(path, sizeof path, "%s/jitd", runtime);
    else
        snprintf(path, sizeof path, "/tmp/jitd-%u", (unsigned)geteuid());
    check_directory(path, geteuid(), 077,
                    "remove it, or chmod 700: until then private daemons listen in ~/.cache/jitd/run");
    if (cache && *cache)
        check_directory(cache, geteuid(), 022, "chmod 700 it: compiled code is kept there");
    else if (home) {
        snprintf(path, sizeof path, "%s/.cache/jitd", home);
        check_directory(path, geteuid(), 022, "chmod 700 it: compiled code is kept there");
    }
}

static void check_environment(void) {
    if (getenv("JITD_DISABLE") && *getenv("JITD_DISABLE"))
        bad("JITD_DISABLE is set: classes run as plain Python", "unset it");
    else
        good("environment");
}

/* A daemon is no must: the first program that needs one starts it. */
static void check_daemon(const ClientOptions *options) {
    char error[512] = "", text[700];
    Client *client;
    int r = client_open(options, &client, error, sizeof error);
    if (r == 0) {
        good("a daemon answers, and speaks this version of the protocol");
        client_close(client);
    } else if (r == -ENOENT || r == -ECONNREFUSED) {
        snprintf(text, sizeof text, "%s; a program that needs one starts one", error);
        good(text);
    } else {
        bad(error, r == -ECONNABORTED
                       ? "restart the older of the two: systemctl restart jitd, or end the private daemon"
                   : r == -EUSERS ? "jitd.conf(5): the setting `connections`"
                                  : "see `jitctl log`, or the journal: journalctl -u jitd");
    }
}

int doctor_run(const ClientOptions *options) {
    check_environment();
    check_space();
    check_files();
    check_memfd();
    check_paths();
    check_daemon(options);
    printf(complaints ? "%d to mend\n" : "nothing is wrong\n", complaints);
    return complaints ? 1 : 0;
}
