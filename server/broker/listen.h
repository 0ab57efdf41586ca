/* The listening socket: taken over from systemd, or made by this daemon, of which there is then one per path. */
#pragma once

typedef struct Listener {
    int fd, lock;
    char *path; /* absolute; NULL: systemd's */
} Listener;
#define LISTENER_NULL ((Listener){.fd = -1, .lock = -1})

/* 0; 1: another daemon serves that path; or a negative errno, -EPERM also when the directory is not this user's alone.
 */
int listener_open(const char *path, Listener *ret_listener);
/* 0; 1: it gave none; or a negative errno. What else it gives (what notify_store put into its store) goes to `stored`, which owns it
 * then. */
int listener_from_systemd(Listener *ret_listener, void (*stored)(int fd, const char *name));
/* From here on nobody finds it; who has found it already can still be accepted. */
void listener_hide(const Listener *listener);
/* It is found again, at the same descriptor. 0 or a negative errno. */
int listener_show(const Listener *listener);
void listener_deinit(Listener *listener); /* removes the socket and then gives up the lock */
