#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "host.h"
#include "tape_fixture.h"

gan_context *context;
gan_tape *tape;

int open_tape_on(int32_t threads) {
    context = host_context(threads);
    return gan_tape_create(&tape, context) == GAN_OK ? 0 : -1;
}
int open_tape(void **state) {
    (void)state;
    return open_tape_on(1);
}
int close_tape(void **state) {
    (void)state;
    gan_tape_release(tape);
    gan_context_release(context);
    return 0;
}

gan_tensor *uniform(gan_shape shape, uint64_t salt) { return host_uniform(context, GAN_F64, shape, -1, 1, salt); }

void expect(gan_status status, const char *part) {
    assert_int_equal(gan_tape_status(tape), status);
    if (strstr(gan_tape_error(tape), part) == NULL) fail_msg("'%s' not in '%s'", part, gan_tape_error(tape));
    gan_tape_reset(tape);
}
