/* What a compiler process may still do: compute, take memory up to a limit, and talk over the pipe it has. */
#pragma once
#include <stdint.h>

typedef struct SandboxLimits {
    uint64_t memory;      /* bytes of address space */
    unsigned cpu_seconds; /* for one job */
} SandboxLimits;

/* For the rest of the process's life and all of its threads. 0 or a negative errno. */
int sandbox_enter(const SandboxLimits *limits);

/* The CPU time of the next job begins to count; when it is used up, the process ends. */
void sandbox_start_clock(const SandboxLimits *limits);
void sandbox_stop_clock(void);
