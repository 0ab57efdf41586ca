/* What the daemon tells its service manager (sd_notify(3)): without $NOTIFY_SOCKET nothing. */
#pragma once
#include <uv.h>

int notify_systemd(
    const char *state);      /* "READY=1", "STOPPING=1": 1: said; 0: there is nobody, or it could not be said */
void notify_reloading(void); /* RELOADING=1 with its time; READY=1 ends it */
/* Puts a descriptor into the manager's store, from where the next daemon gets it; takes all of that name out of it. */
int notify_store(int fd, const char *name);
void notify_unstore(const char *name);

/* Says from the event loop that it turns (WATCHDOG=1), as often as the manager wants to hear it. */
int notify_watchdog_start(uv_loop_t *loop, uv_timer_t *timer); /* 1: nobody wants to; 0; or a negative errno */
