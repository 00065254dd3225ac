/* Whose turn it is. */
#include "front/turns.h"

int turns_authors(int64_t done, int64_t n_critic) {
    int64_t early = 25 * 100, round = 100 + 499 * n_critic;
    if (done <= early) return done % 100 == 0;
    done -= early;
    if (done <= 475 * n_critic) return done % n_critic == 0; /* up to step 499 of the generator */
    done = (done - 475 * n_critic) % round;
    return done == 0 || (done >= 100 && (done - 100) % n_critic == 0);
}

int turns_pytorch_gan(int64_t done, int64_t batches, int64_t n_critic) { return (done - 1) % batches % n_critic == 0; }
