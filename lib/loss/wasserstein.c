/* Wasserstein distance: differences of means, and the clipping of weights that keeps a critic Lipschitz continuous. */
#include "loss/loss.h"
#include "tensor/elements.h"

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

void gani_clip_parameters(const gani_named *tensors, int32_t count, double clip) {
    for (int32_t i = 0; i < count; i++)
        if (tensors[i].is_parameter) gani_clamp_values(tensors[i].tensor, clip);
}
