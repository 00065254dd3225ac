/* What tests of formulas on a tape share: a context of one thread and a tape, made anew for each test. */
#ifndef TESTS_UNIT_TAPE_FIXTURE_H
#define TESTS_UNIT_TAPE_FIXTURE_H

#include <gan.h>

extern gan_context *context;
extern gan_tape *tape;

/* CMocka's setup and teardown. */
int open_tape(void **state);
int close_tape(void **state);

/* f64 numbers in (-1, 1). */
gan_tensor *uniform(gan_shape shape, uint64_t salt);
/* The tape has failed so, with a message that has this in it; it starts anew. */
void expect(gan_status status, const char *part);

#endif
