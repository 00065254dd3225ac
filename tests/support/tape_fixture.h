/* What tests of formulas on a tape share: a context and a tape, made anew for each test. */
#ifndef TESTS_SUPPORT_TAPE_FIXTURE_H
#define TESTS_SUPPORT_TAPE_FIXTURE_H

#include <gan.h>

extern gan_context *context;
extern gan_tape *tape;

/* CMocka's setup, with a context of one thread, and teardown. */
int open_tape(void **state);
int close_tape(void **state);
int open_tape_on(int32_t threads); /* what a setup of more threads gives back */

/* f64 numbers in (-1, 1). */
gan_tensor *uniform(gan_shape shape, uint64_t salt);
/* The tape has failed so, with a message that has this in it; it starts anew. */
void expect(gan_status status, const char *part);

#endif
