/* What is trained with several seeds: GAN_TEST_SEEDS says with how many. */
#ifndef TESTS_SUPPORT_SEEDS_H
#define TESTS_SUPPORT_SEEDS_H

#define SEEDS_MOST 9

/* GAN_TEST_SEEDS, or else `usual`; fails the test if it is not in 1 to SEEDS_MOST. */
int seeds_count(int usual);
/* Of an even number, the larger of the two in the middle. Sorts the values. */
double seeds_median(double *values, int count);

#endif
