#include "layer_time.h"

#include <stdlib.h>

#include "base/context.h"
#include "kernel/filter/filter.h"
#include "seconds.h"

/* Runs end after so many, or after so many seconds if there were three. */
enum { RUNS = 50 };
#define SECONDS 0.2

/* Which kernel of a convolution computes a direction of a layer: a transposed one goes the other way. */
static int kernel_of(const work_layer *layer, int direction) {
    if (layer->kind != WORK_TRANSPOSED || direction == WORK_WEIGHT_GRAD) return direction;
    return direction == WORK_FORWARD ? WORK_INPUT_GRAD : WORK_FORWARD;
}

static int is_filtering(const gan_context *context) {
    for (int32_t level = 0; level <= gani_kernel_best_level(); level++)
        if (context->kernels[0] == gani_kernel_table(level, 0)) return 0;
    return 1;
}

const char *layer_algorithm(const gan_context *context, const work_layer *layer, int direction) {
    static const int32_t what[] = {[WORK_FORWARD] = GANI_FILTER_FORWARD,
                                   [WORK_INPUT_GRAD] = GANI_FILTER_INPUT,
                                   [WORK_WEIGHT_GRAD] = GANI_FILTER_WEIGHT};
    gani_filter_plan plan;
    if (layer->kind == WORK_DENSE) return "product";
    if (!is_filtering(context) || !gani_filter_plan_make(&plan, &layer->shape, what[kernel_of(layer, direction)],
                                                         gani_pool_workers(context->pool), 0))
        return "direct";
    return plan.out == 2 ? "F(2)" : plan.out == 3 ? "F(3)" : "F(4)";
}

static int64_t inputs(const gani_conv_shape *s) { return s->n * s->c * s->h * s->w; }
static int64_t outputs(const gani_conv_shape *s) { return s->n * s->o * s->oh * s->ow; }
static int64_t weights(const gani_conv_shape *s) { return s->o * (s->c / s->groups) * s->kh * s->kw; }

double layer_bytes(const work_layer *layer) {
    const gani_conv_shape *s = &layer->shape;
    return (double)sizeof(float) * (double)(inputs(s) + outputs(s) + weights(s));
}

/* The three operands: whatever a direction computes is written over. */
typedef struct operands {
    gan_tensor *x, *w, *y;
    gan_tape *tape; /* for dense layers */
    void *scratch;  /* for convolutions */
} operands;

static void convolve(const gan_context *context, const work_layer *layer, int direction, const operands *o) {
    const gani_kernels *k = context->kernels[0];
    const gani_conv_shape *s = &layer->shape;
    void *x = gan_tensor_data(o->x), *w = gan_tensor_data(o->w), *y = gan_tensor_data(o->y);
    int kernel = kernel_of(layer, direction);
    if (kernel == WORK_FORWARD)
        k->conv_forward(context->pool, o->scratch, s, x, w, NULL, y);
    else if (kernel == WORK_INPUT_GRAD)
        k->conv_input_grad(context->pool, o->scratch, s, y, w, NULL, x);
    else
        k->conv_weight_grad(context->pool, o->scratch, s, x, y, w);
}

static void multiply(int direction, const operands *o) {
    gan_tape_reset(o->tape);
    gan_tape_set_recording(o->tape, 0);
    if (direction == WORK_FORWARD)
        gan_linear(o->tape, o->x, o->w, NULL);
    else if (direction == WORK_INPUT_GRAD)
        gan_matmul(o->tape, o->y, o->w, 0, 0);
    else
        gan_matmul(o->tape, o->y, o->x, 1, 0);
}

static gan_status operand(gan_tensor **out, gan_context *context, gan_shape shape) {
    gan_status status = gan_tensor_create(out, context, GAN_F32, shape);
    return status == GAN_OK ? gan_tensor_fill_uniform(*out, -1, 1, 1, GAN_STREAM_USER, 0) : status;
}

static gan_status prepare(operands *o, gan_context *context, const work_layer *layer) {
    const gani_conv_shape *s = &layer->shape;
    const gani_kernels *k = context->kernels[0];
    int dense = layer->kind == WORK_DENSE;
    gan_status status = operand(&o->x, context, dense ? gan_shape_2d(s->n, s->c) : gan_shape_1d(inputs(s)));
    if (status == GAN_OK) status = operand(&o->w, context, dense ? gan_shape_2d(s->o, s->c) : gan_shape_1d(weights(s)));
    if (status == GAN_OK) status = operand(&o->y, context, dense ? gan_shape_2d(s->n, s->o) : gan_shape_1d(outputs(s)));
    if (status != GAN_OK || dense) return status == GAN_OK ? gan_tape_create(&o->tape, context) : status;
    int32_t workers = gani_pool_workers(context->pool);
    size_t sizes[] = {k->conv_forward_scratch(s, workers), k->conv_input_grad_scratch(s, workers),
                      k->conv_weight_grad_scratch(s, workers)};
    size_t most = sizes[0] > sizes[1] ? sizes[0] : sizes[1];
    o->scratch = gani_alloc(context, most > sizes[2] ? most : sizes[2]);
    return o->scratch == NULL ? GAN_E_MEMORY : GAN_OK;
}

double layer_seconds(gan_context *context, const work_layer *layer, int direction) {
    operands o = {0};
    double best = -1, began = wall_seconds();
    if (prepare(&o, context, layer) == GAN_OK)
        for (int i = 0; i < RUNS && (i < 3 || wall_seconds() - began < SECONDS); i++) {
            double start = wall_seconds();
            if (layer->kind == WORK_DENSE)
                multiply(direction, &o);
            else
                convolve(context, layer, direction, &o);
            double taken = wall_seconds() - start;
            if (best < 0 || taken < best) best = taken;
        }
    gani_free(context, o.scratch);
    gan_tape_release(o.tape);
    gan_tensor_release(o.y);
    gan_tensor_release(o.w);
    gan_tensor_release(o.x);
    return best;
}
