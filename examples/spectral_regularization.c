/* SR-GAN (Liu, Tang, Xie, Qiu 2019, arXiv 1908.10999): when modes collapse, most singular values of the discriminator's
 * weights have fallen towards 0 beside the largest. A GAN with the spectral norm in which they are lifted again every
 * few steps, or at every step and differentiably. */

#include "front/spectral.h"

enum { STATIC, DYNAMIC };
static int32_t method = STATIC, differentiable;
static int64_t interval = 5, start;

static front_flag own_flags[] = {
    SPECTRAL_LOSS,
    SPECTRAL_N_DIS,
    SPECTRAL_D_WIDTH,
    {"method", "static|dynamic",
     "singular values are lifted to the largest, or to their own largest\nshare of it so far", FRONT_CHOICE, &method, 0,
     0},
    {"share", "X", "static: how many, as a share of all of a convolution", FRONT_NUMBER, &spectral.share, 0, 1},
    {"interval", "N", "every so many rounds, a round being a step of G and --n-dis of D;\nthen after each step of D",
     FRONT_INTEGER, &interval, 1, 1e6},
    {"start", "N", "steps with the plain spectral norm before", FRONT_INTEGER, &start, 0, 1e12},
    {"differentiable", NULL,
     "the paper's formula in each forward pass, gradients passing through\nit; no --interval and --start", FRONT_SWITCH,
     &differentiable, 0, 0}};

static gan_status build(front *f) {
    gan_status status = GAN_OK;
    if (differentiable) status = front_not_for(f, "start", "--differentiable, whose networks are other ones");
    if (status == GAN_OK && differentiable)
        status = front_not_for(f, "interval", "--differentiable, which lifts in each pass");
    if (status == GAN_OK && method == DYNAMIC) status = front_not_for(f, "share", "--method dynamic");
    if (status != GAN_OK) return status;
    if (differentiable) spectral.form = GAN_WEIGHT_SPECTRAL_REGULARIZATION;
    spectral.compensation = method == STATIC ? GAN_COMPENSATION_STATIC : GAN_COMPENSATION_DYNAMIC;
    return spectral_build(f);
}

/* What the optimizer has made of D's convolutions is changed in place; its moments stay. */
static gan_status phase_compensation(front *f, gan_tape *tape) {
    int64_t step = gan_run_step(f->run);
    if (differentiable || step < start || step / spectral.n_dis % interval != 0) return GAN_OK;
    return gan_layer_compensate(tape, f->discriminator);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "spectral_regularization",
                                          .summary = "trains a GAN whose discriminator is kept from losing rank",
                                          .presets = spectral_presets,
                                          .preset_count = SPECTRAL_PRESETS,
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .build = build,
                                          .phases = {{"g", spectral_phase_g},
                                                     {"d", spectral_phase_d},
                                                     {"compensation", phase_compensation},
                                                     {"spectrum", spectral_phase_spectrum}},
                                          .add = spectral_add};
    return front_main(&program, argc, argv);
}
