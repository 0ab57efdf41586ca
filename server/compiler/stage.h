/* Where a compilation is: for the message when it dies there, and for the tests that make it die there. */
#pragma once
#include "server/compiler/compiler.h"

/* A stage begins. In builds with JITD_TEST_HOOKS the environment variable JITD_TEST_FAULT="<stage>:stall", "<stage>:crash"
 * or "<stage>:memory" makes it hang, crash or eat memory. */
void stage_enter(const char *name);
const char *stage_current(void); /* of this thread; "" outside of a compilation */

uint64_t stage_now_us(void);

/* Runs `expression`, a stage that returns 0 or 1, and notes in `timings` how long it took. */
#define TIMED(timings, pass, expression)                                                                               \
    ({                                                                                                                 \
        uint64_t timed_start = stage_now_us();                                                                         \
        stage_enter(#pass);                                                                                            \
        int timed_result = (expression);                                                                               \
        (timings)->us[PASS_##pass] = stage_now_us() - timed_start;                                                     \
        timed_result;                                                                                                  \
    })
