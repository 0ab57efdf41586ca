/* The jobs of a compiler process: JOB frames in, DONE frames out (docs/protocol.md, "The compiler process"). */
#pragma once
#include "server/worker/sandbox.h"

/* Says who it is, then answers until the input ends. 0, or a negative errno: the other side does not keep to the protocol. */
int serve(int in, int out, const SandboxLimits *limits);

/* For LLVM's last words: answers the job in hand with them and ends the process. */
void serve_fatal(const char *message);
