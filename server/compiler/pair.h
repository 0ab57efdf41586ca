/* Two pieces of work at the same time, on two threads. */
#pragma once

/* Starts the second thread; once in a process, before a sandbox that forbids it. Without it the work is done one after the
 * other. A forked child has no second thread: it must not call pair_run. */
void pair_init(void);

/* work(first) here, work(second) on the other thread; returns when both are done. */
void pair_run(void (*work)(void *arg), void *first, void *second);
