/* The same as test_parts.c, without sessions, and with each record and each value of the tape an allocation of its own:
 * what fails is any operation in the middle of a layer, a loss or a gradient. With GAN_TEST_FULL=1 in the environment
 * at every site (with sanitizers, which take twenty times as long, at every fifth); else at every few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parts.h"
#include "sanitized.h"
#include "single_blocks.h"

static void test_memory(void **state) {
    (void)state;
    assert_true(parts_sweep(0, 37, SANITIZED ? 5 : 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
