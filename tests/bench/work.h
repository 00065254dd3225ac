/* The work that a step needs: how often each convolution and each dense layer is computed, in each direction. Weight
 * gradients that nobody uses (the discriminator's, while the generator learns) are not needed. */
#ifndef TESTS_BENCH_WORK_H
#define TESTS_BENCH_WORK_H

#include <gan/parts.h>

#include "kernel/kernel.h"

enum { WORK_FORWARD, WORK_INPUT_GRAD, WORK_WEIGHT_GRAD, WORK_DIRECTIONS };

/* A dense layer is a convolution of images of one pixel by a kernel of one; of a transposed convolution, `shape` is the
 * convolution whose adjoint it is. */
enum { WORK_CONV, WORK_TRANSPOSED, WORK_DENSE };
typedef struct work_layer {
    int32_t kind;
    gani_conv_shape shape;
    int64_t times[WORK_DIRECTIONS];
} work_layer;

enum { WORK_LAYERS = 64 };
typedef struct work {
    int64_t batch;
    int32_t count;
    work_layer layers[WORK_LAYERS]; /* distinct ones, in the order in which they were first met */
} work;

/* Each adds so many passes of a batch through a network that is a chain at its beginning and at its end. */
void work_forward(work *w, const gan_layer *network, int64_t times);
/* Forward, gradients for all weights and for all inputs but the network's own. */
void work_train(work *w, const gan_layer *network, int64_t times);
/* Forward, and the gradient for the network's own input: others learn from it. */
void work_through(work *w, const gan_layer *network, int64_t times);
/* What work_train leaves out if the gradient goes on beyond the network's input. */
void work_first_inputs(work *w, const gan_layer *network, int64_t times);
/* The gradient with respect to the weights of the gradient with respect to the network's input, where that is
 * piecewise constant in the input: for each layer the product of its own gradient with what comes from the layer
 * before, and that passed on, forward, to the next. */
void work_penalty(work *w, const gan_layer *network, int64_t times);

/* Floating-point operations of one direction of a layer, the same for all three: 2 for each multiply-add of its
 * definition, those with padding included. */
double work_layer_flop(const work_layer *layer);
double work_flop(const work *w);

#endif
