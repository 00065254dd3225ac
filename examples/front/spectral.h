/* What sngan and spectral_regularization share: their settings, networks, presets and phases. */
#ifndef FRONT_SPECTRAL_H
#define FRONT_SPECTRAL_H

#include "front/networks.h"

enum { SPECTRAL_HINGE, SPECTRAL_LOGISTIC };

typedef struct spectral_settings {
    int32_t loss;    /* SPECTRAL_HINGE or SPECTRAL_LOGISTIC */
    int64_t n_dis;   /* steps of D for one of G */
    int64_t d_width; /* channels of D's blocks, residual networks only; -1: the preset's */
    /* of D's convolutions; its dense layers and embeddings have the plain spectral norm */
    gan_weight_form form;
    gan_compensation compensation;
    double share; /* of the singular values of each, which a static compensation lifts */
} spectral_settings;
extern spectral_settings spectral;

/* Flags of both programs. */
#define SPECTRAL_LOSS                                                                                                  \
    { "loss", "hinge|logistic", "of both networks", FRONT_CHOICE, &spectral.loss, 0, 0 }
#define SPECTRAL_N_DIS                                                                                                 \
    { "n-dis", "N", "steps of D for one of G", FRONT_INTEGER, &spectral.n_dis, 1, 1000 }
#define SPECTRAL_D_WIDTH                                                                                               \
    { "d-width", "N", SPECTRAL_D_WIDTH_HELP, FRONT_INTEGER, &spectral.d_width, 8, 1024 }
#define SPECTRAL_D_WIDTH_HELP "channels of D's residual blocks; without it, the preset's"

enum { SPECTRAL_PRESETS = 9 };
extern const front_preset spectral_presets[SPECTRAL_PRESETS];

gan_status spectral_build(front *f);
/* Both learning rates fall linearly to 0 in the steps of the run. */
gan_status spectral_add(front *f);

/* Phases: a step of the run is one of D, with a batch of its own. In front of every n_dis-th, from the first on, G
 * makes one with a batch twice as large. */
gan_status spectral_phase_g(front *f, gan_tape *tape);
gan_status spectral_phase_d(front *f, gan_tape *tape);
/* After the first step, every FRONT_LOOK and at the end: spectrum_measure. */
gan_status spectral_phase_spectrum(front *f, gan_tape *tape);

/* How far D's weights have lost rank, the sign of modes that collapse (Liu et al. 2019). The singular values s_1 >= s_2
 * ... s_r of each convolution of D, as a matrix of outputs x rest: reports "spectrum", the mean over the convolutions
 * (of rank 2 or more) of s_k / s_1 at k = r / 2, and draws
 *  - spectrum.png: s_k / s_1 of all k, for each convolution but the shortcuts, the first eight;
 *  - spectrum-history.png: "spectrum" over the steps that the run's log has. */
gan_status spectrum_measure(front *f);

#endif
