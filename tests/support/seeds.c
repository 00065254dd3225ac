#include "seeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

int seeds_count(int usual) {
    const char *text = getenv("GAN_TEST_SEEDS");
    int count = text == NULL ? usual : atoi(text);
    assert_in_range(count, 1, SEEDS_MOST);
    return count;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double seeds_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}
