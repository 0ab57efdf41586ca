/* Threads in the place of processes, for ThreadSanitizer (`threads_arena OPERATIONS`): what kill_arena's workers do, each with a row and an arena
 * of its own, all at the same addresses, so that it sees who reads and writes what. */
#define main kill_arena_main
#include "tests/faults/kill_arena.c"
#undef main
#include <pthread.h>
#include <sys/stat.h>

static pthread_mutex_t broker = PTHREAD_MUTEX_INITIALIZER;
static uint64_t operations;

/* ---- one mapping of a file for all ---- */

typedef struct Mapping {
    ino_t inode;
    void *base;
} Mapping;

static Mapping mappings[4];
static pthread_mutex_t mapping = PTHREAD_MUTEX_INITIALIZER;

/* The linker's: --wrap. */
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);

static void *map_once(int fd, const struct stat *st) {
    for (int i = 0; i < 4; i++) {
        if (!mappings[i].base)
            mappings[i] = (Mapping){st->st_ino,
                                    __real_mmap(NULL, (size_t)st->st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)};
        if (mappings[i].inode == st->st_ino)
            return mappings[i].base;
    }
    FAIL("too many files");
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset) {
    struct stat st;
    if (fd < 0 || !(flags & MAP_SHARED) || fstat(fd, &st) < 0)
        return __real_mmap(at, size, prot, flags, fd, offset);
    pthread_mutex_lock(&mapping);
    void *base = map_once(fd, &st);
    pthread_mutex_unlock(&mapping);
    return base;
}

int __wrap_munmap(void *at, size_t size) {
    for (int i = 0; i < 4; i++)
        if (mappings[i].base == at)
            return 0;
    return __real_munmap(at, size);
}

/* ---- the threads ---- */

static int grow_for_thread(void *arg, uint32_t chunks, int whole, uint32_t *ret_first, uint32_t *ret_count) {
    Peer *p = arg;
    if (rnd(3) == 0)
        return -ENOTCONN;
    pthread_mutex_lock(&broker);
    int r = arena_owner_grow_here(&owner, p->frame.alloc->row, chunks, whole, ret_first, ret_count);
    pthread_mutex_unlock(&broker);
    return r;
}

static void *run_thread(void *arg) {
    Peer p = {.socket = -1};
    uint64_t held[HELD] = {0};
    ArenaOps ops = {.grow = grow_for_thread, .arg = &p};
    uint32_t row = (uint32_t)(uintptr_t)arg;
    random_state = 88172645463325252ULL * row | 1;
    NEED(arena_attach(dup(owner.fd), owner.size, row, &table, &ops, &p.arena) == 0);
    p.frame = (JitdFrame){.arena = arena_base(p.arena), .alloc = arena_alloc_state(p.arena)};
    arena_enter(p.arena);
    NEED(arena_incref_live(p.arena, hub) == 0 && arena_root_add(p.arena, hub) == 0);
    arena_leave(p.arena);
    for (uint64_t i = 0; i < operations; i++) {
        operate(&p, held);
        if (rnd(20) == 0)
            arena_poll(p.arena);
        if (rnd(40) == 0)
            arena_reap(p.arena);
    }
    detach_worker(&p, held);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t threads[WORKERS];
    uint32_t rows[WORKERS];
    operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 2000;
    random_state = 1;
    open_arena((uint64_t)256 << 20);
    for (int i = 0; i < WORKERS; i++) {
        NEED(arena_owner_take_row(&owner, 0, &rows[i]) == 0);
        NEED(pthread_create(&threads[i], NULL, run_thread, (void *)(uintptr_t)rows[i]) == 0);
    }
    for (int i = 0; i < WORKERS; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < WORKERS; i++)
        arena_owner_mark_dead(&owner, rows[i]);
    check_now();
    uint64_t leaked = empty_out();
    check_now();
    printf("%d threads, %lu operations each: %lu objects leaked\n", WORKERS, (unsigned long)operations,
           (unsigned long)leaked);
    return leaked ? 1 : 0;
}
