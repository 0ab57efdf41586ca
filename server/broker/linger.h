/* Processes whose connection ended. A lost connection is no death: a process that closed the descriptor by mistake, or that
 * was dropped for not reading, still has the arena mapped and goes on using what its row holds. Its row is dead when the
 * process is gone, which its pidfd tells. */
#pragma once
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#define LINGERS_MAX_OF_PROCESS 256 /* rows of one process: with more of them it is lent no other */

typedef struct Linger Linger;

typedef struct LingerOf {
    void *tenant;
    uint32_t row;
    uid_t uid;
    pid_t pid;
} LingerOf;

typedef struct Lingers Lingers;

struct Lingers {
    uv_loop_t *loop;
    void (*gone)(void *arg, void *tenant, uint32_t row); /* the process has ended */
    void *arg;
    Linger *list;
};

/* A pidfd of the process at the other end of a connected socket. -ESRCH: it is gone for certain; another negative errno: it cannot
 * be watched (no descriptor is left, the kernel is too old), so that its death could never be proved. */
int linger_pidfd(int socket, pid_t pid);

/* Waits for the end of the process behind `pidfd` (taken over). 0: `gone` will be called; 1: it has ended already; or a
 * negative errno: nobody will hear of its end, so that its row has to be left alone. */
int linger_start(Lingers *lingers, int pidfd, const LingerOf *of);
/* Its process has a connection again: nobody waits for its end here any more. False: nobody did. */
bool linger_back(Lingers *lingers, const void *tenant, uint32_t row);
unsigned lingers_of_process(const Lingers *lingers, pid_t pid);
unsigned lingers_of_others(const Lingers *lingers, pid_t pid, const uid_t *uid); /* of this user, or (NULL) of all */
void lingers_stop(Lingers *lingers);                                             /* forgets them all */
