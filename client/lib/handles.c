/* The references that a C program holds: a hash table from object to how often. */
#include "client/lib/session.h"
#include <errno.h>

static size_t home(const Handles *handles, uint64_t object) {
    return (size_t)((object >> 4) * 0x9E3779B97F4A7C15u >> 20) & (handles->cap - 1);
}

Handle *handle_find(Handles *handles, uint64_t object) {
    if (!handles->cap)
        return NULL;
    for (size_t i = home(handles, object); handles->at[i].object; i = (i + 1) & (handles->cap - 1))
        if (handles->at[i].object == object)
            return &handles->at[i];
    return NULL;
}

static Handle *place(Handles *handles, uint64_t object) {
    size_t i = home(handles, object);
    while (handles->at[i].object)
        i = (i + 1) & (handles->cap - 1);
    handles->at[i].object = object;
    return &handles->at[i];
}

static int make_room(Handles *handles) {
    if (handles->len * 4 < handles->cap * 3)
        return 0;
    Handles larger = {.len = handles->len, .cap = handles->cap ? handles->cap * 2 : 64};
    larger.at = calloc(larger.cap, sizeof larger.at[0]);
    if (!larger.at)
        return -ENOMEM;
    for (size_t i = 0; i < handles->cap; i++)
        if (handles->at[i].object)
            place(&larger, handles->at[i].object)->count = handles->at[i].count;
    free(handles->at);
    *handles = larger;
    return 0;
}

/* Linear probing without tombstones: what follows is moved up. */
static void erase(Handles *handles, Handle *h) {
    size_t mask = handles->cap - 1, hole = (size_t)(h - handles->at);
    for (size_t i = (hole + 1) & mask; handles->at[i].object; i = (i + 1) & mask) {
        size_t wanted = home(handles, handles->at[i].object);
        if (((i - wanted) & mask) >= ((i - hole) & mask)) {
            handles->at[hole] = handles->at[i];
            hole = i;
        }
    }
    handles->at[hole] = (Handle){0};
    handles->len--;
}

static void give_back(jitd_session *session, uint64_t object) {
    Arena *arena = client_arena(session->client);
    arena_enter(arena);
    shm_decref(client_frame(session->client), object, arena_release);
    arena_leave(arena);
}

/* The root, and for a private object the mark that makes the arena write one when it becomes shared. */
static int hold(jitd_session *session, uint64_t object) {
    ShmObject *o = shm_object(client_frame(session->client), object);
    int r = arena_root_add(client_arena(session->client), object);
    if (r == 0 && !shm_is_shared(o))
        atomic_store_explicit(&o->link, 1, memory_order_relaxed);
    return r;
}

static void let_go(jitd_session *session, uint64_t object) {
    Arena *arena = client_arena(session->client);
    ShmObject *o = shm_object(client_frame(session->client), object);
    arena_enter(arena);
    arena_root_drop(arena, object);
    if (!shm_is_shared(o))
        atomic_store_explicit(&o->link, 0, memory_order_relaxed);
    shm_decref(client_frame(session->client), object, arena_release);
    arena_leave(arena);
}

int handle_adopt(jitd_session *session, uint64_t object) {
    Handle *h = handle_find(&session->handles, object);
    if (h) {
        h->count++;
        give_back(session, object); /* the table's own count is enough */
        return 0;
    }
    int r = make_room(&session->handles);
    if (r == 0)
        r = hold(session, object);
    if (r < 0) {
        give_back(session, object);
        return -ENOMEM;
    }
    place(&session->handles, object)->count = 1;
    session->handles.len++;
    return 0;
}

void handle_drop(jitd_session *session, uint64_t object) {
    Handle *h = handle_find(&session->handles, object);
    if (!h || --h->count)
        return;
    erase(&session->handles, h);
    let_go(session, object);
}

void handles_deinit(jitd_session *session) {
    Handles *handles = &session->handles;
    for (size_t i = 0; i < handles->cap && client_usable(session->client); i++)
        if (handles->at[i].object)
            let_go(session, handles->at[i].object);
    free(handles->at);
    *handles = (Handles){0};
}
