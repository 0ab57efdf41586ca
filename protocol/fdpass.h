/* File descriptors over a Unix socket (SCM_RIGHTS). They travel with the first byte sent by the call. */
#pragma once
#include <stddef.h>

#define FDPASS_MAX 64 /* in one call */

/* One sendmsg, never a signal. Bytes sent (the fds went with the first of them); or a negative errno, with nothing
 * sent. */
long fdpass_send(int socket, const void *data, size_t size, const int *fds, size_t nfds, int flags);

/* One recvmsg. Bytes received, 0 at the end; or a negative errno. The fds (close-on-exec) are the caller's; *ret_nfds
 * is set on success only. -EMSGSIZE: more than FDPASS_MAX fds came; all are closed. `fds` has room for FDPASS_MAX. */
long fdpass_recv(int socket, void *data, size_t size, int *fds, size_t *ret_nfds, int flags);
