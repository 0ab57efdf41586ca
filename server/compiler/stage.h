/* Where a compilation is: for the message when it dies there, and for the tests that make it die there. */
#pragma once

/* A stage begins. In builds with JITD_TEST_HOOKS the environment variable JITD_TEST_FAULT="<stage>:stall", "<stage>:crash"
 * or "<stage>:memory" makes it hang, crash or eat memory. */
void stage_enter(const char *name);
const char *stage_current(void); /* "" outside of a compilation */
