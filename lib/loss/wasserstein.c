/* Wasserstein distance: differences of means, and the clipping of weights that keeps a critic Lipschitz continuous. */
#include "loss/loss.h"

static gan_tensor *real_term(gan_tape *tape, const gan_loss *loss, gan_tensor *real) {
    (void)loss;
    return gani_neg(tape, gani_mean(tape, real));
}

static gan_tensor *fake_term(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    (void)loss;
    return gani_mean(tape, fake);
}

static double clip_of(const gan_loss *loss) {
    const gan_loss_wasserstein_options *o = gani_loss_options(loss);
    return o->clip;
}

const gani_loss_type gani_loss_wasserstein = {
    .name = "wasserstein",
    .options_size = sizeof(gan_loss_wasserstein_options),
    .real = real_term,
    .fake = fake_term,
    .generator = real_term, /* the generator's fakes shall be scored as reals are */
    .clip = clip_of,
};

#define SHARE 32768 /* elements of one task */

typedef struct clip_job {
    const gani_kernels *kernels;
    int64_t count;
    char *values;
    double clip;
} clip_job;

static void clip_task(void *argument, int64_t task, int32_t worker) {
    (void)worker;
    const clip_job *job = argument;
    int64_t first = task * SHARE, left = job->count - first;
    char *values = job->values + (size_t)first * job->kernels->element;
    job->kernels->unary(GANI_UNARY_CLAMP, left < SHARE ? left : SHARE, values, values, -job->clip, job->clip);
}

void gani_clip_parameters(const gani_named *tensors, int32_t count, double clip) {
    for (int32_t i = 0; i < count; i++) {
        gan_tensor *tensor = tensors[i].tensor;
        if (!tensors[i].is_parameter) continue;
        clip_job job = {gani_kernels_for(tensor->context, tensor->dtype), gani_count(tensor), tensor->data, clip};
        gani_parallel(tensor->context->pool, (job.count + SHARE - 1) / SHARE, clip_task, &job);
        gani_tensor_touch(tensor);
    }
}
