/* Derivatives against central differences, in double, through the public API. */
#ifndef TESTS_SUPPORT_GRADCHECK_H
#define TESTS_SUPPORT_GRADCHECK_H

#include <stdint.h>

#include <gan/tape.h>

#define GRADCHECK_MAX_INPUTS 16

/* A function of `count` tensors, on the tape; any shape of result. */
typedef gan_tensor *gradcheck_function(gan_tape *tape, gan_tensor *const *xs, void *user);

/* The worst relative distance over the inputs between the derivative of sum(f(xs) * v) for a fixed random v and its
 * central difference of fourth order; infinity if the tape failed, with `message` (GRADCHECK_MESSAGE bytes, or NULL)
 * saying why. Every element of small inputs is moved; of large ones some, and all at once along random directions. xs
 * are f64 tensors of the caller, contiguous, restored afterwards. */
#define GRADCHECK_MESSAGE 512
double gradcheck_error(gan_context *context, gradcheck_function *f, void *user, gan_tensor *const *xs, int32_t count,
                       char *message);
/* The same for the gradient of f as a function of xs and of the seed v. */
double gradgradcheck_error(gan_context *context, gradcheck_function *f, void *user, gan_tensor *const *xs,
                           int32_t count, char *message);

/* 1 if the error is at most `tolerance`; otherwise it is printed. */
int gradcheck(gan_context *context, const char *name, gradcheck_function *f, void *user, gan_tensor *const *xs,
              int32_t count, double tolerance);
int gradgradcheck(gan_context *context, const char *name, gradcheck_function *f, void *user, gan_tensor *const *xs,
                  int32_t count, double tolerance);

/* The path of first order (fused rules) against the differentiable path: the worst relative distance over the inputs;
 * infinity if the tape failed. */
double gradcheck_fused_error(gan_context *context, gradcheck_function *f, void *user, gan_tensor *const *xs,
                             int32_t count, char *message);

#endif
