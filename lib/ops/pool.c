/* Pooling. The mean of windows is linear: its rule is its adjoint, and back. The largest value of windows picks
 * elements by place: its gradient puts values at those places, whose gradient picks again. The places are an operand of
 * both, so that they live as long as the pooling itself. */
#include "ops/ops.h"

enum { AVERAGE, AVERAGE_GRAD, LARGEST, SCATTER, GATHER };

typedef struct pool_job {
    const gani_kernels *kernels;
    const gani_window *s;
    int32_t what;
    int64_t maps, group; /* of a task */
    const char *from;
    char *to;
    int32_t *index;
} pool_job;

static void pool_task(void *argument, int64_t task, int32_t worker) {
    (void)worker;
    const pool_job *job = argument;
    const gani_window *s = job->s;
    int64_t first = task * job->group, maps = job->maps - first < job->group ? job->maps - first : job->group;
    int64_t small = s->oh * s->ow, large = s->h * s->w;
    int32_t back = job->what == AVERAGE_GRAD || job->what == SCATTER;
    const void *from = job->from + (size_t)(first * (back ? small : large)) * job->kernels->element;
    void *to = job->to + (size_t)(first * (back ? large : small)) * job->kernels->element;
    int32_t *index = job->index == NULL ? NULL : job->index + first * small;
    if (job->what == AVERAGE)
        job->kernels->avg_pool(s, maps, from, to);
    else if (job->what == AVERAGE_GRAD)
        job->kernels->avg_pool_grad(s, maps, from, to);
    else if (job->what == LARGEST)
        job->kernels->max_pool(s, maps, from, to, index);
    else if (job->what == SCATTER)
        job->kernels->max_pool_scatter(s, maps, index, from, to);
    else
        job->kernels->max_pool_gather(s, maps, index, from, to);
}

/* Runs one kernel from x into a fresh tensor and records it, with the places as second operand if they are one. */
static gan_tensor *run(gan_tape *tape, const gani_op *op, int32_t what, const gani_window *s, gan_tensor *x,
                       gan_tensor *index) {
    int32_t back = what == AVERAGE_GRAD || what == SCATTER;
    gan_tensor *inputs[2] = {x, index}, *cx = gani_contiguous(tape, x);
    gan_shape shape = x->shape;
    shape.size[2] = back ? s->h : s->oh;
    shape.size[3] = back ? s->w : s->ow;
    gan_tensor *y = gani_result(tape, x->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    int64_t maps = shape.size[0] * shape.size[1], map = s->h * s->w;
    pool_job job = {.kernels = gani_kernels_for(tape->context, x->dtype),
                    .s = s,
                    .what = what,
                    .maps = maps,
                    .group = gani_rows_within(GANI_CHUNK, map),
                    .from = cx->data,
                    .to = y->data,
                    .index = index == NULL ? NULL : index->data};
    gani_parallel(tape->context->pool, (maps + job.group - 1) / job.group, pool_task, &job);
    int32_t operand = what == SCATTER || what == GATHER;
    gani_node *node = gani_record_unread(tape, op, y, inputs, operand ? 2 : 1, GANI_UNREAD_RESULT | 1u);
    if (node != NULL) {
        node->attributes.window = *s;
        if (!operand) node->saved[0] = index;
    }
    return gani_done(tape, y);
}

static void avg_pool2d_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    (void)need;
    gradient[0] = run(tape, &gani_op_avg_pool2d_grad, AVERAGE_GRAD, &node->attributes.window, g, NULL);
}
const gani_op gani_op_avg_pool2d = {"avg_pool2d", avg_pool2d_rule, NULL};

static void avg_pool2d_grad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                 gan_tensor **gradient) {
    (void)need;
    gradient[0] = run(tape, &gani_op_avg_pool2d, AVERAGE, &node->attributes.window, g, NULL);
}
const gani_op gani_op_avg_pool2d_grad = {"avg_pool2d_grad", avg_pool2d_grad_rule, NULL};

static void max_pool2d_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    (void)need;
    gradient[0] = run(tape, &gani_op_max_pool2d_grad, SCATTER, &node->attributes.window, g, node->saved[0]);
}
const gani_op gani_op_max_pool2d = {"max_pool2d", max_pool2d_rule, NULL};

static void max_pool2d_grad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                 gan_tensor **gradient) {
    if (need[0])
        gradient[0] = run(tape, &gani_op_max_pool2d_pick, GATHER, &node->attributes.window, g, node->inputs[1]);
}
const gani_op gani_op_max_pool2d_grad = {"max_pool2d_grad", max_pool2d_grad_rule, NULL};

static void max_pool2d_pick_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                 gan_tensor **gradient) {
    if (need[0])
        gradient[0] = run(tape, &gani_op_max_pool2d_grad, SCATTER, &node->attributes.window, g, node->inputs[1]);
}
const gani_op gani_op_max_pool2d_pick = {"max_pool2d_pick", max_pool2d_pick_rule, NULL};

gan_status gani_pool_infer(gani_window *s, char text[GANI_MESSAGE_SIZE]) {
    if (s->kernel < 1 || s->kernel > GANI_MAX_WINDOW || s->stride < 1 || s->stride > GANI_MAX_WINDOW)
        return gani_wrong(text, GAN_E_ARGUMENT, "a kernel of %lld or a stride of %lld is not in 1 to %d",
                          (long long)s->kernel, (long long)s->stride, GANI_MAX_WINDOW);
    if (s->padding < 0 || s->padding > s->kernel / 2)
        return gani_wrong(text, GAN_E_ARGUMENT, "a padding of %lld is not in 0 to %lld, half the kernel",
                          (long long)s->padding, (long long)(s->kernel / 2));
    if (s->h > GANI_MAX_MAP || s->w > GANI_MAX_MAP)
        return gani_wrong(text, GAN_E_LIMIT, "an input of %lldx%lld is too large", (long long)s->h, (long long)s->w);
    int64_t room_h = s->h + 2 * s->padding - s->kernel, room_w = s->w + 2 * s->padding - s->kernel;
    if (room_h < 0 || room_w < 0)
        return gani_wrong(text, GAN_E_SHAPE, "a kernel of %lld does not fit an input of %lldx%lld with padding %lld",
                          (long long)s->kernel, (long long)s->h, (long long)s->w, (long long)s->padding);
    s->oh = room_h / s->stride + 1;
    s->ow = room_w / s->stride + 1;
    return GAN_OK;
}

static int prepare(gan_tape *tape, const char *name, gan_tensor *x, gani_window *s) {
    char text[GANI_MESSAGE_SIZE];
    if (!gani_maps_ready(tape, name, x)) return 0;
    s->h = x->shape.size[2];
    s->w = x->shape.size[3];
    gan_status status = gani_pool_infer(s, text);
    if (status != GAN_OK) gani_tape_fail(tape, status, "%s: %s", name, text);
    return status == GAN_OK;
}

gan_tensor *gani_avg_pool2d(gan_tape *tape, gan_tensor *x, int64_t kernel, int64_t stride, int64_t padding) {
    gani_window s = {.kernel = kernel, .stride = stride, .padding = padding};
    return prepare(tape, "avg_pool2d", x, &s) ? run(tape, &gani_op_avg_pool2d, AVERAGE, &s, x, NULL) : &tape->inert;
}

gan_tensor *gani_max_pool2d(gan_tape *tape, gan_tensor *x, int64_t kernel, int64_t stride, int64_t padding) {
    gani_window s = {.kernel = kernel, .stride = stride, .padding = padding};
    if (!prepare(tape, "max_pool2d", x, &s)) return &tape->inert;
    if (s.h * s.w > INT32_MAX)
        return gani_tape_fail(tape, GAN_E_LIMIT, "max_pool2d: a map of %lldx%lld has too many values", (long long)s.h,
                              (long long)s.w);
    gan_tensor *index = NULL;
    if (gani_will_record(tape, &x, 1))
        index = gani_result(tape, GAN_I32, gan_shape_4d(x->shape.size[0], x->shape.size[1], s.oh, s.ow));
    return gani_failed(tape) ? &tape->inert : run(tape, &gani_op_max_pool2d, LARGEST, &s, x, index);
}
