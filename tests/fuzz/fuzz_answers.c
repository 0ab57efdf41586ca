/* What a client makes of a daemon that lies: the bytes are all that it ever says. Asked are the classes by name and the methods of
 * each, as a C program does. */
#include "client/lib/internal.h"
#include "client/lib/session.h"
#include "fuzz.h"
#include <sys/socket.h>
#include <unistd.h>

#define CLASSES 8
#define CLASS_SIZE 256

static Table table;

static void make_table(void) {
    const uint32_t refs[] = {16};
    need(table_create(&table) == 0);
    for (uint8_t i = 0; i < CLASSES; i++) {
        uint32_t id;
        need(table_add_class(&table, &(Key){{i}}, &(Shape){.base = CLASS_SIZE, .nrefs = 1, .refs = refs}, &id) == 0);
    }
}

/* A connection at whose other end (which stays open for the questions) all has been said already. */
static void say(const uint8_t *data, size_t size, int ends[2]) {
    int room = 1 << 20;
    need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    need(!size || send(ends[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0);
    shutdown(ends[1], SHUT_WR);
}

static Client *client_of(int socket) {
    Client *client = calloc(1, sizeof *client);
    need(client != NULL);
    client->socket = socket;
    client->fork_pipe[0] = client->fork_pipe[1] = -1;
    client->pid = getpid();
    client->usable = true;
    client->table = table;
    msgpack_sbuffer_init(&client->out);
    return client;
}

static void check(const jitd_class *cls) {
    for (size_t i = 0; i < cls->nfields; i++)
        need(cls->fields[i].offset + cls->fields[i].size <= cls->size && cls->fields[i].type);
    for (const jitd_method *m = cls->methods; m; m = m->next) {
        need(m->entry->def == 0 && m->nresults == type_slots(m->entry->result));
        for (size_t i = 0; i < m->nparams; i++)
            need(m->param_texts[i]);
    }
}

static void ask(jitd_session *session) {
    const jitd_class *cls;
    const jitd_method *method;
    jitd_error error = {0};
    if (jitd_class_find(session, "m.Point", &cls, &error) == 0)
        need(jitd_class_size(cls) == CLASS_SIZE);
    for (jitd_class *c = session->classes; c; c = c->next) {
        jitd_method_find(session, c, "norm", &method, &error);
        check(c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!table.base)
        make_table();
    int ends[2];
    say(data, size, ends);
    jitd_session session = {.client = client_of(ends[0])};
    ask(&session);
    classes_deinit(&session);
    session.client->table = TABLE_NULL;
    client_close(session.client);
    close(ends[1]);
    return 0;
}
