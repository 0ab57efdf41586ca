/* One JitdFrame for each thread and client, with the thread's own stack limit. */
#include "client/lib/internal.h"
#include <pthread.h>
#include <sys/resource.h>

#define STACK_RESERVE (256 * 1024) /* for what generated code calls: libm, the allocator, an interpreter */
#define STACK_UNLIMITED ((size_t)64 << 20)

struct ThreadFrame {
    JitdFrame frame;
    Client *client;                              /* NULL: it was closed */
    ThreadFrame *next_of_thread, *next, **place; /* the thread's and the client's list */
};

/* Eight bytes: fits into what the dynamic linker keeps for libraries that are loaded late, and is one instruction to
 * read. */
static __thread ThreadFrame *thread_frames __attribute__((tls_model("initial-exec")));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the clients' lists: a thread may end while others work */
static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

extern void *__libc_stack_end; /* the dynamic linker's: where the main thread's stack began */

static void unlink_frame(ThreadFrame *f) {
    if (!f->client)
        return;
    *f->place = f->next;
    if (f->next)
        f->next->place = f->place;
    f->client = NULL;
}

static void thread_ends(void *head) {
    pthread_mutex_lock(&lock);
    for (ThreadFrame *f = head, *next; f; f = next) {
        next = f->next_of_thread;
        unlink_frame(f);
        free(f);
    }
    pthread_mutex_unlock(&lock);
    thread_frames = NULL;
}

static void make_key(void) {
    pthread_key_create(&key, thread_ends);
}

static uintptr_t limit_of(uintptr_t lowest, size_t size) {
    return lowest + (size / 4 < STACK_RESERVE ? size / 4 : STACK_RESERVE);
}

/* pthread_getattr_np reads /proc/self/maps for the main thread, which costs as much as attaching; hence the shortcut. */
static uintptr_t stack_limit(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), top = (uintptr_t)__libc_stack_end;
    struct rlimit rl = {.rlim_cur = RLIM_INFINITY};
    getrlimit(RLIMIT_STACK, &rl);
    size_t size = rl.rlim_cur == RLIM_INFINITY ? STACK_UNLIMITED : (size_t)rl.rlim_cur;
    if (here < top && top - here < size && size < top)
        return limit_of(top - size, size);
    pthread_attr_t attr;
    void *lowest;
    if (pthread_getattr_np(pthread_self(), &attr) != 0)
        return limit_of(here - STACK_RESERVE, STACK_RESERVE);
    int r = pthread_attr_getstack(&attr, &lowest, &size);
    pthread_attr_destroy(&attr);
    return r == 0 ? limit_of((uintptr_t)lowest, size) : limit_of(here - STACK_RESERVE, STACK_RESERVE);
}

static void frame_update(ThreadFrame *f, Client *client) {
    f->frame.arena = arena_base(client->arena);
    f->frame.alloc = arena_alloc_state(client->arena);
    f->frame.interrupt = client->interrupt;
}

static JitdFrame *frame_new(Client *client) {
    pthread_once(&key_once, make_key);
    ThreadFrame *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->client = client;
    frame_update(f, client);
    f->frame.stack_limit = stack_limit();
    f->next_of_thread = thread_frames;
    thread_frames = f;
    pthread_setspecific(key, f);
    pthread_mutex_lock(&lock);
    f->next = client->frames;
    f->place = &client->frames;
    if (f->next)
        f->next->place = &f->next;
    client->frames = f;
    pthread_mutex_unlock(&lock);
    return &f->frame;
}

JitdFrame *client_frame(Client *client) {
    for (ThreadFrame *f = thread_frames; f; f = f->next_of_thread)
        if (f->client == client)
            return &f->frame;
    return frame_new(client);
}

void threads_update(Client *client) {
    pthread_mutex_lock(&lock);
    for (ThreadFrame *f = client->frames; f; f = f->next)
        frame_update(f, client);
    pthread_mutex_unlock(&lock);
}

void threads_lock(void) {
    pthread_mutex_lock(&lock);
}

void threads_unlock(void) {
    pthread_mutex_unlock(&lock);
}

void threads_forget(Client *client) {
    pthread_mutex_lock(&lock);
    while (client->frames)
        unlink_frame(client->frames);
    pthread_mutex_unlock(&lock);
}

void client_set_interrupt(Client *client, const volatile uint32_t *flag) {
    static const volatile uint32_t always = 1;
    client->interrupt = flag ? flag : &always;
    threads_update(client);
}
