/* Resampling of maps to another size. Linear: its rule is its adjoint, and back. Coordinates are those of PyTorch's
 * F.interpolate with a given size. */
#include <math.h>

#include "ops/ops.h"

/* Position of output i on the input's axis, pixels being points at 0, 1, ... */
static double position(gan_interpolation mode, int64_t in, int64_t out, int64_t i) {
    if (mode == GAN_BILINEAR_CORNERS) return out > 1 ? (double)(in - 1) / (double)(out - 1) * (double)i : 0;
    double at = (double)in / (double)out * ((double)i + 0.5) - 0.5;
    return at > 0 ? at : 0;
}

/* PyTorch computes this product in single precision whatever the tensor's type, and so some positions fall into the
 * pixel before the one of the exact quotient: 2 rows stretched to 82 are not halved evenly. */
static int64_t nearest(int64_t in, int64_t out, int64_t i) {
    float scale = (float)in / (float)out;
    return (int64_t)floorf((float)i * scale);
}

static void fill_axis(gani_axis_map *axis, gan_interpolation mode, int64_t *low, double *weight, int64_t *begin) {
    int64_t in = axis->in, out = axis->out, r = 0;
    for (int64_t i = 0; i < out; i++) {
        double at = mode == GAN_NEAREST ? 0 : position(mode, in, out, i);
        int64_t floor_at = mode == GAN_NEAREST ? nearest(in, out, i) : (int64_t)floor(at);
        low[i] = floor_at < in - 1 ? floor_at : in - 1;
        if (weight != NULL) weight[i] = low[i] < in - 1 ? at - (double)low[i] : 0;
        while (r <= low[i]) begin[r++] = i;
    }
    while (r <= in) begin[r++] = out;
    axis->low = low;
    axis->weight = weight;
    axis->begin = begin;
}

typedef struct resample_job {
    const gani_kernels *kernels;
    gani_axis_map rows, columns;
    int32_t back;
    int64_t maps, group, line; /* maps of a task; values of a worker's line */
    const char *from;
    char *to;
    double *lines;
} resample_job;

static void resample_task(void *argument, int64_t task, int32_t worker) {
    const resample_job *job = argument;
    int64_t first = task * job->group, maps = job->maps - first < job->group ? job->maps - first : job->group;
    int64_t in = job->rows.in * job->columns.in, out = job->rows.out * job->columns.out;
    const void *from = job->from + (size_t)(first * (job->back ? out : in)) * job->kernels->element;
    void *to = job->to + (size_t)(first * (job->back ? in : out)) * job->kernels->element;
    double *line = job->lines + worker * job->line;
    (job->back ? job->kernels->resample_grad : job->kernels->resample)(&job->rows, &job->columns, maps, from, to, line);
}

/* n: in h, in w, out h, out w; axes[0]: the mode */
static void resample(gan_tape *tape, int32_t back, const gani_attributes *a, const gan_tensor *x, gan_tensor *y) {
    resample_job job = {.kernels = gani_kernels_for(tape->context, x->dtype),
                        .rows = {.in = a->n[0], .out = a->n[2]},
                        .columns = {.in = a->n[1], .out = a->n[3]},
                        .back = back,
                        .maps = x->shape.size[0] * x->shape.size[1],
                        .line = a->n[back ? 3 : 1],
                        .from = x->data,
                        .to = y->data};
    int64_t sizes = a->n[0] + a->n[1] + 2, outs = a->n[2] + a->n[3];
    int64_t doubles = outs + job.line * gani_pool_workers(tape->context->pool);
    char *scratch = gani_scratch(tape, (size_t)(sizes + outs) * sizeof(int64_t) + (size_t)doubles * sizeof(double));
    if (scratch == NULL) return;
    int64_t *low = (int64_t *)(void *)scratch, *begin = low + outs;
    double *weight = (double *)(void *)(begin + sizes);
    int32_t linear = a->axes[0] != GAN_NEAREST;
    fill_axis(&job.rows, a->axes[0], low, linear ? weight : NULL, begin);
    fill_axis(&job.columns, a->axes[0], low + a->n[2], linear ? weight + a->n[2] : NULL, begin + a->n[0] + 1);
    job.lines = weight + outs;
    int64_t in = a->n[0] * a->n[1], out = a->n[2] * a->n[3], map = in > out ? in : out;
    job.group = gani_rows_within(GANI_CHUNK, map);
    gani_parallel(tape->context->pool, (job.maps + job.group - 1) / job.group, resample_task, &job);
    gani_scratch_end(tape, scratch);
}

static void recompute(gan_tape *tape, gani_node *node, gan_tensor *y) {
    gan_tensor *x = gani_contiguous(tape, node->inputs[0]);
    if (!gani_failed(tape)) resample(tape, 0, &node->attributes, x, y);
}

static gan_tensor *run(gan_tape *tape, int32_t back, const gani_attributes *a, gan_tensor *x) {
    gan_tensor *cx = gani_contiguous(tape, x);
    gan_shape shape = x->shape;
    shape.size[2] = a->n[back ? 0 : 2];
    shape.size[3] = a->n[back ? 1 : 3];
    gan_tensor *y = gani_result(tape, x->dtype, shape);
    if (!gani_failed(tape) && gani_count(y) > 0) resample(tape, back, a, cx, y);
    if (gani_failed(tape)) return &tape->inert;
    gani_node *node = gani_record_unread(tape, back ? &gani_op_interpolate2d_grad : &gani_op_interpolate2d, y, &x, 1,
                                         GANI_UNREAD_ALL);
    if (node != NULL) node->attributes = *a;
    if (!back) gani_recompute_with(node, recompute);
    return gani_done(tape, y);
}

static void interpolate2d_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                               gan_tensor **gradient) {
    (void)need;
    gradient[0] = run(tape, 1, &node->attributes, g);
}
const gani_op gani_op_interpolate2d = {"interpolate2d", interpolate2d_rule, NULL};

static void interpolate2d_grad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                    gan_tensor **gradient) {
    (void)need;
    gradient[0] = run(tape, 0, &node->attributes, g);
}
const gani_op gani_op_interpolate2d_grad = {"interpolate2d_grad", interpolate2d_grad_rule, NULL};

gan_tensor *gani_interpolate2d(gan_tape *tape, gan_tensor *x, int64_t height, int64_t width, gan_interpolation mode) {
    if (!gani_maps_ready(tape, "interpolate2d", x)) return &tape->inert;
    if (mode < GAN_NEAREST || mode > GAN_BILINEAR_CORNERS)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "interpolate2d: mode %ld is not known", (long)mode);
    if (height < 1 || width < 1)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "interpolate2d: a size of %lldx%lld is not at least 1x1",
                              (long long)height, (long long)width);
    gani_attributes a = {.n = {x->shape.size[2], x->shape.size[3], height, width}, .axes = {mode}};
    for (int i = 0; i < 4; i++)
        if (a.n[i] > GANI_MAX_MAP)
            return gani_tape_fail(tape, GAN_E_LIMIT, "interpolate2d: %lldx%lld to %lldx%lld is too large",
                                  (long long)a.n[0], (long long)a.n[1], (long long)height, (long long)width);
    return run(tape, 0, &a, x);
}
