/* Every allocation fails in turn while networks of every kind of layer are made, trained for a step, copied, and made
 * sessions of: see parts.h. With GAN_TEST_FULL=1 in the environment at every site; else at every few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parts.h"

static void test_memory(void **state) {
    (void)state;
    assert_true(parts_sweep(1, 13, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
