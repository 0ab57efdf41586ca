/* Handing tenants over from daemon to daemon; see handover.h.
 *
 * What is believed. The ledger is a file in a directory that only this user can enter. It names an arena by device and inode. All
 * memfds are inodes of one file system inside the kernel, which numbers them upwards and gives no number twice while the machine runs:
 * so a descriptor with that device and inode is the file that this user's daemon made, whoever hands it over. What its tenant wrote
 * into it is believed no more than before. Everything else (classes, code, names) comes from the ledger alone: clients map the new
 * table and the new segments over the old ones, where they find the same bytes in the same places.
 *
 * In which order things are kept and told, and who waits for whom: tests/models/handover.pml. */
#include "server/broker/handover.h"
#include "base/cleanup.h"
#include "server/broker/broker.h"
#include "server/broker/ledger.h"
#include "server/broker/log.h"
#include "server/broker/notify.h"
#include "server/broker/step.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef SWEEP_MS
#define SWEEP_MS 1000 /* after the start: what nobody has asked for by then is looked at, too */
#endif
#define STASH_MAX 4096

typedef struct Stashed {
    int fd;
    uint64_t device, inode;
    char name[LEDGER_NAME_SIZE];
} Stashed;

static Stashed *stash;
static size_t nstash;

void handover_stash(int fd, const char *name) {
    struct stat st;
    Stashed *larger = nstash < STASH_MAX ? realloc(stash, (nstash + 1) * sizeof *stash) : NULL;
    if (larger)
        stash = larger;
    if (!larger || fstat(fd, &st) < 0) {
        close(fd);
        return;
    }
    Stashed *s = &stash[nstash++];
    *s = (Stashed){.fd = fd, .device = st.st_dev, .inode = st.st_ino};
    snprintf(s->name, sizeof s->name, "%.*s", (int)sizeof s->name - 1, name);
}

static int stash_take(const LedgerHead *head) {
    for (size_t i = 0; i < nstash; i++)
        if (stash[i].fd >= 0 && stash[i].device == head->device && stash[i].inode == head->inode)
            return steal_fd(stash[i].fd);
    return -1;
}

/* What is left of an arena that was given up. The store takes descriptors out by name, all that have it: those of a new tenant, too. */
static void stash_forget(const char *name) {
    for (size_t i = 0; i < nstash; i++)
        if (stash[i].fd >= 0 && !strcmp(stash[i].name, name))
            close(steal_fd(stash[i].fd));
    notify_unstore(name);
}

static bool is_the_arena(int fd, const LedgerHead *head) {
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == head->device && st.st_ino == head->inode;
}

/* ---- in a client of our own user, which may be asleep ---- */

static int find_in_process(const char *pid, const LedgerHead *head) {
    char path[300], link[64];
    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    DIR *dir = opendir(path);
    int found = -1;
    for (struct dirent *e; dir && found < 0 && (e = readdir(dir));) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof link - 1);
        if (n <= 0)
            continue;
        link[n] = 0;
        if (strncmp(link, "/memfd:jitd-arena", 17) != 0)
            continue;
        int fd = openat(dirfd(dir), e->d_name, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (is_the_arena(fd, head))
            found = fd;
        else if (fd >= 0)
            close(fd);
    }
    if (dir)
        closedir(dir);
    return found;
}

static int find_in_processes(const LedgerHead *head) {
    DIR *dir = opendir("/proc");
    int fd = -1;
    for (struct dirent *e; dir && fd < 0 && (e = readdir(dir));) {
        struct stat st;
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && fstatat(dirfd(dir), e->d_name, &st, 0) == 0 &&
            st.st_uid == head->uid && strtol(e->d_name, NULL, 10) != getpid())
            fd = find_in_process(e->d_name, head);
    }
    if (dir)
        closedir(dir);
    return fd;
}

/* ---- rows ---- */

static void adopt_row(Broker *broker, Tenant *t, uint32_t row) {
    uint32_t pid;
    BROKER_STEP();
    switch (arena_owner_row(&t->arena, row, &pid)) {
    case ARENA_ROW_LIVE: {
        int pidfd = pid ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1, gone = pid && pidfd < 0 && errno == ESRCH;
        int r = pidfd >= 0 ? linger_start(&broker->lingers, pidfd, &(LingerOf){t, row, t->uid, (pid_t)pid}) : gone;
        if (r == 0 && pidfd >= 0)
            t->peers++;
        else if (r == 1 && arena_owner_mark_dead(&t->arena, row))
            tenant_row_died(t, row);
        break; /* of one that cannot be seen (another pid namespace) nobody can say that it is dead; it is no peer, but its row is in use */
    }
    case ARENA_ROW_DEAD:
        tenant_row_died(t, row);
        break;
    case ARENA_ROW_LEFT:
        arena_owner_mark_dead(&t->arena, row);
        break;
    case ARENA_ROW_FREE:
        break;
    }
}

/* ---- adopting ---- */

static int find_arena(const Broker *broker, const LedgerHead *head, int handed) {
    if (is_the_arena(handed, head))
        return fcntl(handed, F_DUPFD_CLOEXEC, 3);
    int fd = stash_take(head);
    if (fd < 0 && broker->private && head->uid == geteuid())
        fd = find_in_processes(head);
    return fd;
}

static Tenant *adopt(Broker *broker, const char *name, const LedgerHead *head, Str data, int arena) {
    cleanup_close int fd = arena;
    Tenant *t = tenant_alloc(head->uid, str_from_cstr(head->namespace_));
    if (!t)
        return NULL;
    int r = arena_owner_adopt(fd, head->arena_size, head->arena_size, &t->arena);
    if (r == 0)
        fd = -1;
    if (r == 0)
        r = ledger_replay(broker->state_dir, name, data, t);
    if (r == 0 && !t->nsegments)
        r = 1;
    if (r == 0)
        arena_owner_names_are_back(&t->arena);
    if (r) {
        log_about(LOG_ERROR, head->uid, "namespace %s of uid %u cannot be taken over from the daemon before: %s",
                  head->namespace_, (unsigned)head->uid, r < 0 ? strerror(-r) : "what it wrote down is damaged");
        tenant_free(t);
        return NULL;
    }
    return t;
}

Handover handover_adopt(Broker *broker, uid_t uid, Str namespace_, int handed, Tenant **ret_tenant) {
    char name[LEDGER_NAME_SIZE];
    LedgerHead head;
    cleanup_free char *data = NULL;
    size_t size;
    ledger_name(uid, namespace_, name);
    if (ledger_load(broker->state_dir, name, &head, &data, &size) || head.uid != uid ||
        !str_eq_c(namespace_, head.namespace_))
        return HANDOVER_NOTHING;
    int arena = find_arena(broker, &head, handed);
    BROKER_STEP();
    if (arena < 0)
        return HANDOVER_MISSING;
    Tenant *t = adopt(broker, name, &head, (Str){data, size}, arena);
    BROKER_STEP();
    if (!t) {
        unlinkat(broker->state_dir, name, 0);
        return HANDOVER_NOTHING;
    }
    tenants_add(&broker->tenants, t);
    for (uint32_t row = 1, rows = arena_owner_rows(&t->arena); row < rows; row++)
        adopt_row(broker, t, row);
    BROKER_STEP();
    notify_store(t->arena.fd, name); /* once more does no harm */
    BROKER_STEP();
    *ret_tenant = t;
    log_about(LOG_INFO, uid, "namespace %s of uid %u: taken over from the daemon before, with %u names and %u units",
              t->namespace_, (unsigned)uid, HASH_COUNT(t->names), HASH_COUNT(t->units));
    return HANDOVER_DONE;
}

bool handover_expects(const Broker *broker, uid_t uid, Str namespace_, uint64_t device, uint64_t inode) {
    char name[LEDGER_NAME_SIZE];
    LedgerHead head;
    cleanup_free char *data = NULL;
    size_t size;
    ledger_name(uid, namespace_, name);
    return ledger_load(broker->state_dir, name, &head, &data, &size) == 0 && head.device == device &&
           head.inode == inode;
}

void handover_keep(Broker *broker, Tenant *tenant) {
    ledger_create(broker->state_dir, tenant);
    if (tenant->ledger.fd < 0)
        return;
    stash_forget(tenant->ledger.name);
    BROKER_STEP();
    notify_store(tenant->arena.fd, tenant->ledger.name);
    BROKER_STEP();
}

void handover_drop(Tenant *tenant) {
    if (tenant->ledger.fd < 0)
        return;
    BROKER_STEP();
    notify_unstore(tenant->ledger.name);
    ledger_remove(&tenant->ledger);
}

/* ---- after the start ---- */

static void sweep_one(Broker *broker, const char *name) {
    LedgerHead head;
    Tenant *t = NULL;
    cleanup_free char *data = NULL;
    size_t size;
    if (ledger_load(broker->state_dir, name, &head, &data, &size)) {
        unlinkat(broker->state_dir, name, 0); /* of another version, or of before the machine's start */
        return;
    }
    Str namespace_ = str_from_cstr(head.namespace_);
    BROKER_STEP();
    if (tenants_find(&broker->tenants, head.uid, namespace_) || !tenants_make_room(&broker->tenants, head.uid) ||
        handover_adopt(broker, head.uid, namespace_, -1, &t) != HANDOVER_DONE)
        return;
    if (!t->peers && !t->names && !arena_owner_any_in_use(&t->arena))
        tenants_forget(&broker->tenants, t);
}

/* Arenas whose clients do nothing just now: their deaths are to be noticed, and those that nobody uses any more are to go. */
static void sweep(Broker *broker) {
    int fd = broker->state_dir < 0 ? -1 : openat(broker->state_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            sweep_one(broker, e->d_name);
    if (dir)
        closedir(dir);
    for (size_t i = 0; i < nstash; i++) {
        if (stash[i].fd < 0)
            continue;
        BROKER_STEP();
        notify_unstore(stash[i].name);
        close(stash[i].fd);
    }
    free(stash);
    stash = NULL;
    nstash = 0;
}

static void handover_turn(uv_timer_t *timer) {
    Broker *broker = timer->data;
    BROKER_STEP();
    if (broker->handover_waits) {
        broker->handover_waits = false;
        peers_resume(&broker->peers);
        uv_timer_start(timer, handover_turn, SWEEP_MS, 0);
    } else {
        sweep(broker);
    }
}

bool handover_waits(const Broker *broker) {
    return broker->handover_waits;
}

int handover_start(Broker *broker) {
    broker->handover.data = broker;
    broker->handover_waits = true;
    int r = uv_timer_init(&broker->loop, &broker->handover);
    return r == 0 ? uv_timer_start(&broker->handover, handover_turn, HANDOVER_WAIT_MS, 0) : r;
}

/* Besides those who only look on: they have nothing of the tenant's. Nobody hears of the end of some that the daemon before had (adopt_row). */
static bool has_clients(const Broker *broker, Tenant *t) {
    uint32_t observers = 0;
    for (const Peer *p = broker->peers.list; p; p = p->next)
        observers += p->tenant == t && p->observer;
    return t->peers > observers || arena_owner_any_in_use(&t->arena);
}

void handover_stop(Broker *broker) {
    uv_close((uv_handle_t *)&broker->handover, NULL);
    if (getenv("NOTIFY_SOCKET")) /* whether there is a next one is the manager's business */
        return;
    for (Tenant *t = broker->tenants.list; t; t = t->next)
        if (!has_clients(broker, t))
            handover_drop(t);
}
