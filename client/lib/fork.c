/* fork(): the child gets its own connection and its own row of roots, holding what the parent held.
 *
 * Before the fork everything that has a proxy becomes shared. The parent's row then keeps those objects alive until
 * the child has counted them in its own row: so the parent waits on a pipe, which the child's end (done, failed or
 * dead) closes.
 *
 * A child that cannot attach (the daemon is gone) gets a copy of the whole arena while the parent waits: two processes
 * on one row would write over each other's objects. */
#include "client/lib/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void close_end(Client *client, int end) {
    if (client->fork_pipe[end] >= 0)
        close(client->fork_pipe[end]);
    client->fork_pipe[end] = -1;
}

int client_fork_prepare(Client *client) {
    if (!client->usable || !client->arena)
        return -ENOTCONN;
    if (pipe2(client->fork_pipe, O_CLOEXEC) < 0)
        return -errno;
    client->fork_failed = arena_before_fork(client->arena);
    threads_lock();
    return client->fork_failed;
}

void client_fork_parent(Client *client) {
    if (client->fork_pipe[0] < 0) /* prepare did nothing */
        return;
    threads_unlock();
    close_end(client, 1); /* when fork failed it was the only one: the wait is over at once */
    int64_t deadline = clock_ms() + 2 * CLIENT_START_MS; /* the child waits for the daemon, then it copies */
    struct pollfd p = {.fd = client->fork_pipe[0], .events = POLLIN};
    for (int n = -1; n <= 0;) {
        int64_t left = deadline - clock_ms();
        n = poll(&p, 1, left > 0 ? (int)left : 0);
        if ((n < 0 && errno != EINTR) || (n == 0 && left <= 0))
            break;
    }
    close_end(client, 0);
}

int client_fork_child(Client *client) {
    if (client->fork_pipe[0] < 0) {
        client->usable = false;
        return -ENOTCONN;
    }
    threads_unlock();
    close_end(client, 0);
    request_forget(client); /* before they would be told that there is no connection any more */
    request_disconnect(client);
    client->pid = getpid();
    client->reconnecting = false;
    client->nunsettled = 0; /* those counts are the parent's */
    int r = client->fork_failed == 0 ? reconnect_child(client) : -ENOTCONN;
    if (r < 0) {
        client->usable = false;
        request_disconnect(client);
        if (arena_copy_for_child(client->arena) < 0) {
            fputs("jitd: no memory for a forked child's copy of the arena\n", stderr);
            abort(); /* what is mapped is the parent's */
        }
    } else {
        threads_update(client);
    }
    close_end(client, 1);
    return r;
}
