/* Exponential moving average of a network. */
#ifndef GANI_TRAIN_EMA_H
#define GANI_TRAIN_EMA_H

#include <gan/optimizer.h>

#include "nn/layer.h"

struct gan_ema {
    atomic_int references;
    gan_layer *source, *average;
    double decay;
};

gan_status gani_ema_create(gan_ema **out, gan_layer *layer, double decay);
gan_ema *gani_ema_retain(gan_ema *ema);
void gani_ema_drop(gan_ema *ema);
void gani_ema_update(gan_ema *ema);
uint64_t gani_ema_version(const gan_ema *ema); /* another one whenever a parameter of its source has changed */
gan_layer *gani_ema_layer(const gan_ema *ema);

#endif
