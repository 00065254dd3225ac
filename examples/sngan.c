/* SNGAN (Miyato, Kataoka, Koyama, Yoshida 2018, arXiv 1802.05957): each weight of the discriminator is divided by its
 * largest singular value, so that its score cannot change faster than the image. Hinge loss, Adam 2e-4 with beta1 0,
 * five steps of D for one of G. */
#include "front/spectral.h"

static front_flag own_flags[] = {SPECTRAL_LOSS, SPECTRAL_N_DIS, SPECTRAL_D_WIDTH};

int main(int argc, char **argv) {
    static const front_program program = {
        .name = "sngan",
        .summary = "trains a GAN whose discriminator has the spectral norm",
        .presets = spectral_presets,
        .preset_count = SPECTRAL_PRESETS,
        .flags = own_flags,
        .flag_count = sizeof own_flags / sizeof own_flags[0],
        .build = spectral_build,
        .phases = {{"g", spectral_phase_g}, {"d", spectral_phase_d}, {"spectrum", spectral_phase_spectrum}},
        .add = spectral_add};
    return front_main(&program, argc, argv);
}
