/* Stacked MNIST (Metz et al. 2017; Srivastava et al. 2017): three random digits as the channels of one image, so that
 * there are 1000 kinds, which a classifier of digits can tell apart. */
#ifndef VEEGAN_STACKS_H
#define VEEGAN_STACKS_H

#include "front/front.h"

/* 128,000 stacks of the images of front_open_images, which have one channel. */
gan_status stacks_open(front *f, gan_dataset **out);
/* Says how many of the 1000 triples --judge, a classifier of single digits, sees in 26,000 samples, and in as many real
 * stacks. */
gan_status stacks_judge(front *f);

#endif
